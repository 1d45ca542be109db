#include "engine/event.h"

#include "base/duration.h"

const char *event_kind_name(enum event_kind kind)
{
    static const char *const names[EVENT_KIND_COUNT] = {
#define X(kind, name) [kind] = name,
        EVENT_KINDS(X)
#undef X
    };
    return names[kind];
}

void event_add_ms(cJSON *data, const char *name, int64_t us)
{
    int64_t ms = us / US_PER_MS;
    cJSON_AddNumberToObject(data, name, (double)ms);
}
