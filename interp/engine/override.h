/* engine/override.h - a guard overridden for one step, with a reason and an end.
 *
 * Floor: engine. There is no force for a whole run. An override lifts a guard's no, never an
 * unknown: what cannot be seen cannot be judged by anybody. */
#ifndef PEGFLOW_ENGINE_OVERRIDE_H
#define PEGFLOW_ENGINE_OVERRIDE_H

#include "base/error.h"
#include "lang/step.h"

/* Adds an error for each override of the workflow that has ended by `wall_us` (since 1970), one for
 * each line. Whoever loads a workflow knows the clock; the workflow does not. */
void override_find_ended(const struct workflow *workflow, int64_t wall_us,
                         struct error_list *errors);

#endif
