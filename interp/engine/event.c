#include "engine/event.h"

const char *event_kind_name(enum event_kind kind)
{
    static const char *const names[EVENT_KIND_COUNT] = {
#define X(kind, name) [kind] = name,
        EVENT_KINDS(X)
#undef X
    };
    return names[kind];
}
