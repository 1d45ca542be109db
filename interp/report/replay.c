#include "report/replay.h"

#include "base/duration.h"
#include "lang/lang.h"

#include <string.h>

const char *member_text(const cJSON *json, const char *name)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(json, name);
    return cJSON_IsString(member) ? member->valuestring : NULL;
}

int64_t member_integer(const cJSON *json, const char *name, int64_t fallback)
{
    static const double limit = 9e15; /* beyond it a double is no whole number any more */
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(json, name);
    bool fits =
        cJSON_IsNumber(member) && member->valuedouble > -limit && member->valuedouble < limit;
    return fits ? (int64_t)member->valuedouble : fallback;
}

static enum event_kind kind_of(const char *name)
{
    for (int kind = 0; kind < EVENT_KIND_COUNT; kind++) {
        if (strcmp(event_kind_name((enum event_kind)kind), name) == 0) {
            return (enum event_kind)kind;
        }
    }
    return EVENT_NOTE;
}

static void read_step(const cJSON *record, const char *id, struct step *out)
{
    const char *kind = member_text(record, "kind");
    const char *file = member_text(record, "file");
    const char *slash = strrchr(id, '/');
    *out = (struct step){
        .kind = STEP_STEPS,
        .id = id,
        .label = slash == NULL ? id : slash + 1,
        .where = {file == NULL ? "" : file, (int)member_integer(record, "line", 0)},
        .timeout_us = -1,
    };
    for (int i = 0; kind != NULL && i < STEP_KIND_COUNT; i++) {
        if (strcmp(step_kind_name((enum step_kind)i), kind) == 0) {
            out->kind = (enum step_kind)i;
        }
    }
}

bool event_from_json(const cJSON *record, struct replayed *out)
{
    const char *name = member_text(record, "event");
    const char *text = member_text(record, "text");
    const char *time = member_text(record, "time");
    const char *id = member_text(record, "step");
    const char *server = member_text(record, "server");
    if (name == NULL || strcmp(name, "journal") == 0) {
        return false;
    }
    *out = (struct replayed){0};
    out->event = (struct event){
        .kind = kind_of(name),
        .sequence = (uint64_t)member_integer(record, "seq", 0),
        .at_us = member_integer(record, "at_ms", 0) * US_PER_MS,
        .text = text == NULL || text[0] == '\0' ? name : text,
        .data = cJSON_GetObjectItemCaseSensitive(record, "data"),
    };
    if (time != NULL) {
        wall_parse_utc(time, &out->event.wall_us);
    }
    if (server != NULL) {
        out->server = (struct server){.name = server};
        out->event.server = &out->server;
    }
    if (id != NULL) {
        read_step(record, id, &out->step);
        out->step.server = out->event.server;
        out->event.step = &out->step;
    }
    return true;
}
