/* lang/hold_check.h - do holds contradict each other, or the steps inside them?
 *
 * Floor: lang. Reads the planned tree; no Lua. An inner hold wins over an outer one, so nesting is
 * no contradiction; what can run side by side is one when it wants different values. */
#ifndef PEGFLOW_LANG_HOLD_CHECK_H
#define PEGFLOW_LANG_HOLD_CHECK_H

#include "lang/step.h"

/* `text` is valid during the call. */
typedef void hold_complain_fn(void *ctx, struct source where, const char *text);

/* One pass over the tree, and one more for each group whose children run side by side. Complains
 * of: two values of one setting that could be wanted of one process at the same time (children of a parallel,
 * turns of a rolling with max_in_flight above 1: also where there is only one server yet); a step
 * that sets what a hold around it keeps; a limit held together with flow control off, under which
 * it does nothing. */
void hold_check(const struct step_list *steps, hold_complain_fn *complain, void *ctx);

#endif
