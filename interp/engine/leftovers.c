#include "engine/leftovers.h"

#include "pegasus/types.h"

#include <stddef.h>
#include <string.h>

const char *const leftover_settings[LEFTOVER_SETTING_COUNT] = {
    SETTING_ADD_SECONDARY_LIMIT, SETTING_ASSIGN_DELAY, SETTING_BLACK_LIST};

static const struct {
    const char *setting;
    const char *value; /* NULL: any but the empty one */
    const char *meaning;
} rows[] = {
    {SETTING_ADD_SECONDARY_LIMIT, "0", "lost replicas are never added again"},
    {SETTING_ADD_SECONDARY_LIMIT, "100", "what upstream's rolling upgrade sets"},
    {SETTING_ASSIGN_DELAY, "180000000",
     "50 hours, so a server that really dies is not replaced for two days"},
    {SETTING_BLACK_LIST, NULL, "these servers get no secondaries"},
};

const char *leftover_meaning(const char *setting, const char *value)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool matches = rows[i].value == NULL ? value[0] != '\0' : strcmp(rows[i].value, value) == 0;
        if (matches && strcmp(rows[i].setting, setting) == 0) {
            return rows[i].meaning;
        }
    }
    return NULL;
}
