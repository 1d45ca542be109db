#include "cli/holds_look.h"

#include "engine/journal.h"
#include "engine/leftovers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *setting_verdict_name(enum setting_verdict verdict)
{
    static const char *const names[SETTING_VERDICT_COUNT] = {
        [SETTING_AS_CONFIGURED] = "as configured",
        [SETTING_HELD] = "held",
        [SETTING_OF_OURS] = "left by us",
        [SETTING_LEFT] = "left",
        [SETTING_UNKNOWN] = "unknown",
    };
    return names[verdict];
}

const char *setting_shown(const char *value)
{
    return value[0] == '\0' ? "(empty)" : value;
}

/* ---- the cluster */
static void read_values(struct setting_look *look, struct session *session)
{
    struct error err;
    if (!session_read_setting(session, (struct address){0}, look->setting->name, &look->now,
                              &err)) {
        text_printf(&look->trouble, "its value cannot be read: %s", err.text);
    }
    if (setting_flag_of(look->setting->name) != NULL &&
        !session_read_config(session, session->snapshot.leader,
                             setting_flag_of(look->setting->name), &look->configured, &err)) {
        text_printf(&look->trouble, "%swhat is configured cannot be read: %s",
                    look->trouble.length > 0 ? "; " : "", err.text);
    }
}

/* What would hold after a change of the lead. */
static void read_standbys(struct setting_look *look, struct session *session)
{
    const struct inventory *inventory = &session->inventory;
    struct text value = {0};
    for (int32_t i = 0;
         setting_flag_of(look->setting->name) != NULL && i < inventory->count[ROLE_META]; i++) {
        const struct server *meta = &inventory->servers[ROLE_META][i];
        struct error err;
        if (address_equal(meta->address, session->snapshot.leader)) {
            continue;
        }
        const char *gap = look->elsewhere.length > 0 ? "; " : "";
        if (!session_read_config(session, meta->address, setting_flag_of(look->setting->name),
                                 &value, &err)) {
            text_printf(&look->elsewhere, "%s%s does not say: %s", gap, meta->name, err.text);
        } else if (look->trouble.length == 0 &&
                   strcmp(text_string(&value), text_string(&look->configured)) != 0) {
            text_printf(&look->elsewhere, "%s%s has %s configured", gap, meta->name,
                        setting_shown(text_string(&value)));
        }
    }
    text_clear(&value);
}

/* ---- the journals */
struct reading {
    struct holds_look *look;
    const char *cluster;
    struct standing *standing;
    bool other; /* the run was one on another cluster: not read to its end */
};

static struct setting_look *find(struct holds_look *look, const char *name)
{
    for (size_t i = 0; name != NULL && i < look->count; i++) {
        if (strcmp(look->settings[i].setting->name, name) == 0) {
            return &look->settings[i];
        }
    }
    return NULL;
}

/* Each change of a setting is announced with its name and the new value. */
static void take_change(struct reading *reading, const cJSON *record)
{
    const cJSON *data = cJSON_GetObjectItemCaseSensitive(record, "data");
    const char *event = member_text(record, "event");
    const char *value = member_text(data, "to");
    const char *time = member_text(record, "time");
    struct setting_look *look = find(reading->look, member_text(data, "name"));
    bool of_leader = member_text(data, "server") == NULL;
    if (look == NULL || !of_leader || value == NULL || strcmp(event, "intention") != 0) {
        return;
    }
    look->set_by_us = true;
    snprintf(look->run, sizeof look->run, "%s", reading->standing->run);
    snprintf(look->user, sizeof look->user, "%s", reading->standing->user);
    snprintf(look->host, sizeof look->host, "%s", reading->standing->host);
    snprintf(look->value, sizeof look->value, "%s", value);
    snprintf(look->time, sizeof look->time, "%s", time == NULL ? "" : time);
}

static bool take_record(void *ctx, const cJSON *record, size_t line, struct error *err)
{
    struct reading *reading = ctx;
    if (!standing_take_record(reading->standing, record, line, err)) {
        return false;
    }
    if (strcmp(reading->standing->cluster, reading->cluster) != 0) {
        error_set(err, ERROR_INVALID_FILE, "a run on another cluster");
        reading->other = true;
        return false;
    }
    take_change(reading, record);
    return true;
}

/* Of two holds of one value the outer has the value before, the inner the one that is there. */
static void take_server_hold(struct holds_look *look, const struct past_hold *hold,
                             const struct standing *standing, bool alive)
{
    struct server_look *server = NULL;
    for (size_t i = 0; i < look->server_count; i++) {
        if (strcmp(look->servers[i].name, hold->name) == 0 &&
            strcmp(look->servers[i].server, hold->server) == 0 &&
            strcmp(look->servers[i].run, standing->run) == 0) {
            server = &look->servers[i];
        }
    }
    if (server == NULL) {
        look->servers =
            memory_resize(look->servers, (look->server_count + 1) * sizeof *look->servers);
        server = &look->servers[look->server_count++];
        *server = (struct server_look){.alive = alive};
        snprintf(server->name, sizeof server->name, "%s", hold->name);
        snprintf(server->server, sizeof server->server, "%s", hold->server);
        snprintf(server->before, sizeof server->before, "%s", hold->before);
        snprintf(server->run, sizeof server->run, "%s", standing->run);
    }
    snprintf(server->value, sizeof server->value, "%s", hold->value);
}

static void take_hold(struct holds_look *look, const struct past_hold *hold,
                      const struct standing *standing, bool alive)
{
    struct setting_look *held = find(look, hold->name);
    bool is_level = strcmp(hold->name, "meta level") == 0;
    if (held != NULL) {
        snprintf(held->holder, sizeof held->holder, "%s", standing->run);
        held->holder_alive = alive;
    } else if (is_level && !alive && strcmp(hold->before, hold->value) != 0) {
        snprintf(look->level_holder, sizeof look->level_holder, "%s", standing->run);
        text_reset(&look->level);
        text_printf(&look->level, "%s (before: %s)", hold->value, hold->before);
    }
}

static void take_holds(struct holds_look *look, const struct standing *standing, bool alive)
{
    for (size_t i = 0; i < past_hold_count(standing->past); i++) {
        const struct past_hold *hold = past_hold_at(standing->past, i);
        if (hold->server != NULL) {
            take_server_hold(look, hold, standing, alive);
        } else {
            take_hold(look, hold, standing, alive);
        }
    }
}

static void read_run(struct holds_look *look, const struct state *state, const char *id,
                     const char *cluster)
{
    char path[STATE_PATH_BYTES];
    struct journal_end end;
    struct error err;
    struct reading reading = {.look = look, .cluster = cluster, .standing = standing_new()};
    if (state_run_path(state, id, JOURNAL_FILE, path, &err) &&
        journal_read(path, take_record, &reading, &end, NULL, &err)) {
        take_holds(look, reading.standing, runs_is_alive(state, cluster, id));
    } else if (!reading.other && strstr(id, cluster) != NULL) {
        text_printf(&look->unreadable, "%srun %s: %s", look->unreadable.length > 0 ? "; " : "", id,
                    err.text);
    }
    standing_free(reading.standing);
}

/* ---- both */
static void judge(struct holds_look *look, struct setting_look *setting)
{
    const char *now = text_string(&setting->now);
    const char *configured = text_string(&setting->configured);
    bool held = setting->holder[0] != '\0';
    setting->meaning = leftover_meaning(setting->setting->name, now);
    if (setting->trouble.length > 0) {
        setting->verdict = SETTING_UNKNOWN;
    } else if (held && setting->holder_alive) {
        setting->verdict = SETTING_HELD;
    } else if (strcmp(now, configured) == 0) {
        setting->verdict = SETTING_AS_CONFIGURED;
    } else {
        setting->verdict = held ? SETTING_OF_OURS : SETTING_LEFT;
    }
    look->findings += setting->verdict == SETTING_OF_OURS || setting->verdict == SETTING_LEFT ||
                      setting->verdict == SETTING_UNKNOWN;
}

static void read_server(struct server_look *look, struct session *session)
{
    const struct inventory *inventory = &session->inventory;
    struct error err;
    for (int role = 0; role < ROLE_COUNT; role++) {
        for (int32_t i = 0; i < inventory->count[role]; i++) {
            const struct server *server = &inventory->servers[role][i];
            if (strcmp(server->name, look->server) != 0) {
                continue;
            }
            if (!session_read_setting(session, server->address, look->name, &look->now, &err)) {
                text_append_string(&look->trouble, err.text);
            }
            return;
        }
    }
    text_append_string(&look->trouble, "it is no server of the cluster any more");
}

static void judge_server(struct holds_look *look, struct server_look *server)
{
    bool known = server->trouble.length == 0;
    bool as_before = known && strcmp(text_string(&server->now), server->before) == 0;
    server->verdict = server->alive ? SETTING_HELD
                      : !known      ? SETTING_UNKNOWN
                      : as_before   ? SETTING_AS_CONFIGURED
                                    : SETTING_OF_OURS;
    look->findings += server->verdict == SETTING_OF_OURS || server->verdict == SETTING_UNKNOWN;
}

bool holds_look(struct holds_look *look, struct session *session, const struct state *state,
                struct error *err)
{
    struct run_list list;
    *look = (struct holds_look){0};
    if (!state_list_runs(state, &list, err)) {
        return false;
    }
    ASSERT(touched_setting_count <= sizeof look->settings / sizeof look->settings[0]);
    for (; look->count < touched_setting_count; look->count++) {
        struct setting_look *setting = &look->settings[look->count];
        setting->setting = &touched_settings[look->count];
        read_values(setting, session);
        read_standbys(setting, session);
    }
    for (size_t i = 0; i < list.count; i++) { /* oldest first: the last change stays */
        read_run(look, state, list.ids[i], session->cluster_file->name);
    }
    for (size_t i = 0; i < look->count; i++) {
        judge(look, &look->settings[i]);
    }
    for (size_t i = 0; i < look->server_count; i++) {
        read_server(&look->servers[i], session);
        judge_server(look, &look->servers[i]);
    }
    look->findings += look->level_holder[0] != '\0';
    state_free_list(&list);
    return true;
}

void holds_look_clear(struct holds_look *look)
{
    for (size_t i = 0; i < look->count; i++) {
        text_clear(&look->settings[i].now);
        text_clear(&look->settings[i].configured);
        text_clear(&look->settings[i].trouble);
        text_clear(&look->settings[i].elsewhere);
    }
    for (size_t i = 0; i < look->server_count; i++) {
        text_clear(&look->servers[i].now);
        text_clear(&look->servers[i].trouble);
    }
    free(look->servers);
    text_clear(&look->level);
    text_clear(&look->unreadable);
    *look = (struct holds_look){0};
}
