#include "cli/holds_clear.h"

#include "base/duration.h"
#include "cli/record.h"
#include "engine/run.h"

#include <string.h>

struct clearing {
    struct session *session;
    struct record record;
    /* the journal first: nothing is shown or done that it lacks */
    struct event_sink *sinks[RECORD_SINKS + 1];
    size_t sink_count;
    uint64_t sequence;
    int64_t began_us;
    struct text left; /* names of those that are not cleared */
};

/* Takes `data` (may be NULL). False: the event could not be kept. */
__attribute__((format(printf, 5, 6))) static bool tell(struct clearing *clearing,
                                                       enum event_kind kind, cJSON *data,
                                                       struct error *err, const char *format, ...)
{
    struct loop *loop = clearing->session->loop;
    struct text text = {0};
    va_list args;
    bool kept = true;
    va_start(args, format);
    text_append_va(&text, format, args);
    va_end(args);
    const struct event event = {
        .kind = kind,
        .sequence = ++clearing->sequence,
        .at_us = loop_now_us(loop) - clearing->began_us,
        .wall_us = loop_wall_us(loop),
        .text = text_string(&text),
        .data = data,
    };
    for (size_t i = 0; kept && i < clearing->sink_count; i++) {
        kept = clearing->sinks[i]->take(clearing->sinks[i], &event, err);
    }
    cJSON_Delete(data);
    text_clear(&text);
    return kept;
}

static cJSON *change_data(const struct setting_look *look)
{
    cJSON *data = cJSON_CreateObject();
    cJSON_AddStringToObject(data, "name", look->setting->name);
    cJSON_AddStringToObject(data, "from", text_string(&look->now));
    cJSON_AddStringToObject(data, "to", text_string(&look->configured));
    return data;
}

static cJSON *value_data(const struct setting_look *look)
{
    cJSON *data = cJSON_CreateObject();
    cJSON_AddStringToObject(data, "name", look->setting->name);
    cJSON_AddStringToObject(data, "value", text_string(&look->configured));
    return data;
}

/* Why it is put to this value. */
static const char *reason_of(const struct setting_look *look)
{
    return setting_flag_of(look->setting->name) == NULL
               ? "it is empty when a meta server takes the lead"
               : "what the primary meta server has configured";
}

/* Set, and what came of it looked at: an answer alone proves nothing. */
static bool set_and_read(struct clearing *clearing, const struct setting_look *look,
                         struct error *err)
{
    struct text value = {0};
    const char *wanted = text_string(&look->configured);
    bool ok = session_set_setting(clearing->session, look->setting->name, wanted, err) &&
              session_read_setting(clearing->session, (struct address){0}, look->setting->name,
                                   &value, err);
    if (ok && strcmp(text_string(&value), wanted) != 0) {
        error_set(err, ERROR_REPLY, "set to %s, but it reads %s", setting_shown(wanted),
                  setting_shown(text_string(&value)));
        ok = false;
    }
    text_clear(&value);
    return ok;
}

static bool clear_one(struct clearing *clearing, const struct setting_look *look, struct error *err)
{
    const char *name = look->setting->name;
    const char *wanted = setting_shown(text_string(&look->configured));
    struct error why;
    if (clearing->record.shared != NULL && !held_lock_may_act(clearing->record.shared, err)) {
        return false;
    }
    if (!tell(clearing, EVENT_INTENTION, change_data(look), err, "set %s from %s to %s, %s", name,
              setting_shown(text_string(&look->now)), wanted, reason_of(look))) {
        return false;
    }
    if (set_and_read(clearing, look, &why)) {
        return tell(clearing, EVENT_PUT_BACK, value_data(look), err, "%s is back at %s", name,
                    wanted);
    }
    text_printf(&clearing->left, "%s%s", clearing->left.length > 0 ? ", " : "", name);
    return tell(clearing, EVENT_NOT_PUT_BACK, value_data(look), err,
                "%s could not be put back to %s: %s", name, wanted, why.text);
}

static bool clear_all(struct clearing *clearing, const struct holds_look *look, struct error *err)
{
    bool kept = tell(clearing, EVENT_RUN_STARTED, NULL, err,
                     "run %s: clear what was left on cluster '%s', primary meta server %s",
                     clearing->record.id, clearing->session->cluster_file->name,
                     clearing->session->snapshot.leader_name);
    for (size_t i = 0; kept && i < look->count; i++) {
        kept = look->settings[i].verdict != SETTING_LEFT ||
               clear_one(clearing, &look->settings[i], err);
    }
    return kept;
}

static bool tell_end(struct clearing *clearing, enum run_outcome outcome, int code,
                     struct error *err)
{
    cJSON *data = cJSON_CreateObject();
    cJSON_AddStringToObject(data, "outcome", run_outcome_name(outcome));
    cJSON_AddNumberToObject(data, "exit_code", code);
    return tell(clearing, EVENT_RUN_FINISHED, data, err, "%s%s%s", run_outcome_name(outcome),
                clearing->left.length > 0 ? ": not cleared: " : "", text_string(&clearing->left));
}

int holds_clear(const struct holds_look *look, struct session *session,
                const struct arguments *arguments, struct event_sink *sink, struct error *err)
{
    struct clearing clearing = {.session = session, .began_us = loop_now_us(session->loop)};
    static const char *const no_sets[] = {NULL};
    const struct record_origin origin = {
        .session = session,
        .command = "holds --clear",
        .workflow_path = "",
        .sets = no_sets,
        .reason = arguments_text(arguments, "reason"),
    };
    if (!record_create(&clearing.record, arguments, &origin, err)) {
        return -1;
    }
    clearing.sink_count = record_sinks(&clearing.record, clearing.sinks);
    clearing.sinks[clearing.sink_count++] = sink;
    bool kept = clear_all(&clearing, look, err);
    bool all = clearing.left.length == 0;
    int code = all ? 0 : error_exit_code(ERROR_NOT_RESTORED);
    kept = kept && tell_end(&clearing, all ? RUN_DONE : RUN_NOT_RESTORED, code, err);
    record_end(&clearing.record, false); /* what is left is cleared anew, not gone on with */
    record_close(&clearing.record);
    text_clear(&clearing.left);
    return kept ? code : -1;
}
