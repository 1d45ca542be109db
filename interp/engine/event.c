#include "engine/event.h"

#include "base/duration.h"
#include "lang/lang.h"

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

cJSON *event_to_json(const struct event *event)
{
    char time_text[WALL_TEXT_BYTES];
    cJSON *json = cJSON_CreateObject();
    cJSON_AddNumberToObject(json, "seq", (double)event->sequence);
    cJSON_AddStringToObject(json, "time", wall_format_utc(event->wall_us, time_text));
    event_add_ms(json, "at_ms", event->at_us);
    cJSON_AddStringToObject(json, "event", event_kind_name(event->kind));
    if (event->step != NULL) {
        cJSON_AddStringToObject(json, "step", event->step->id);
        cJSON_AddStringToObject(json, "kind", step_kind_name(event->step->kind));
        cJSON_AddStringToObject(json, "file", event->step->where.file);
        cJSON_AddNumberToObject(json, "line", event->step->where.line);
    }
    if (event->server != NULL) {
        cJSON_AddStringToObject(json, "server", event->server->name);
    }
    cJSON_AddStringToObject(json, "text", event->text);
    if (event->data != NULL) {
        cJSON_AddItemToObject(json, "data", cJSON_Duplicate(event->data, true));
    }
    return json;
}
