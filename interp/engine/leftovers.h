/* engine/leftovers.h - values of settings that speak of another tool's failed run.
 *
 * Floor: engine. Facts: reference behaviour 13 and 14 (what upstream's scripts set and leave). */
#ifndef PEGFLOW_ENGINE_LEFTOVERS_H
#define PEGFLOW_ENGINE_LEFTOVERS_H

#include <stdbool.h>

/* The settings that can tell. */
enum { LEFTOVER_SETTING_COUNT = 3 };
extern const char *const leftover_settings[LEFTOVER_SETTING_COUNT];

/* Why this value looks like a leftover, in words that follow "which looks like another tool's
 * leftover: "; NULL when it does not. */
const char *leftover_meaning(const char *setting, const char *value);

#endif
