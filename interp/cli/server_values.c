#include "cli/server_values.h"

#include <string.h>

static bool was_told(const char *const *values, size_t index)
{
    for (size_t before = 0; before < index; before++) {
        if (strcmp(values[before], values[index]) == 0) {
            return true;
        }
    }
    return false;
}

void server_values_fold(const struct server *servers, const char *const *values, size_t count,
                        struct text *out)
{
    for (size_t i = 0; i < count; i++) {
        size_t same = 0;
        if (was_told(values, i)) {
            continue;
        }
        for (size_t other = i; other < count; other++) {
            same += strcmp(values[other], values[i]) == 0;
        }
        text_printf(out, "%s%s", i > 0 ? ", " : "", values[i]);
        if (same == 1 && count > 1) {
            text_printf(out, " (%s)", servers[i].name);
        } else if (same < count) {
            text_printf(out, " (%zu servers)", same);
        }
    }
}
