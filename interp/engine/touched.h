/* engine/touched.h - the settings of the primary meta server that upgrades touch, in the order in
 * which they are shown.
 *
 * Floor: engine. They live in its process alone: a standby does not have them, and one that takes
 * the lead begins with what its configuration says. Facts: reference behaviour 3.2. */
#ifndef PEGFLOW_ENGINE_TOUCHED_H
#define PEGFLOW_ENGINE_TOUCHED_H

#include <stddef.h>

struct touched_setting {
    const char *name; /* the remote command */
};
extern const struct touched_setting touched_settings[];
extern const size_t touched_setting_count;

#endif
