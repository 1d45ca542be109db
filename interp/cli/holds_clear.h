/* cli/holds_clear.h - puts settings that were left back to what is configured.
 *
 * Floor: cli. Recorded like a run: a folder, the cluster's lock, each intention before its effect.
 */
#ifndef PEGFLOW_CLI_HOLDS_CLEAR_H
#define PEGFLOW_CLI_HOLDS_CLEAR_H

#include "cli/holds_look.h"

/* Puts back what is SETTING_LEFT, each set and read back. `sink` shows the events. Returns the exit
 * code, 0 or 5, or -1 with err. */
int holds_clear(const struct holds_look *look, struct session *session,
                const struct arguments *arguments, struct event_sink *sink, struct error *err);

#endif
