/* cli/holds.c - pegflow holds: the settings that upgrades touch, who set them, and --clear. */
#include "base/duration.h"
#include "cli/confirm.h"
#include "cli/holds_clear.h"
#include "cli/record.h"
#include "report/report.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct holds {
    struct session session;
    struct state state;
    struct holds_look look;
    bool json;
};

/* ---- what is */
static void print_change(const struct setting_look *look)
{
    if (look->set_by_us) {
        printf("           last set by us: to %s at %s, run %s (%s on %s)\n",
               setting_shown(look->value), look->time, look->run, look->user, look->host);
    }
}

static void print_finding(const struct setting_look *look)
{
    switch (look->verdict) {
    case SETTING_OF_OURS:
        printf("           run %s holds it, and no process works on that: pegflow revert %s\n",
               look->holder, look->holder);
        break;
    case SETTING_LEFT:
        if (look->meaning != NULL) {
            printf("           looks like another tool's leftover: %s\n", look->meaning);
        }
        if (!look->set_by_us || strcmp(look->value, text_string(&look->now)) != 0) {
            printf("           not set by us\n");
        }
        break;
    case SETTING_UNKNOWN:
        printf("           %s\n", text_string(&look->trouble));
        break;
    case SETTING_AS_CONFIGURED:
    case SETTING_HELD:
    case SETTING_VERDICT_COUNT:
        break;
    }
}

static void print_setting(const struct setting_look *look)
{
    const char *name = look->setting->name;
    const char *now = setting_shown(text_string(&look->now));
    const char *configured = setting_shown(text_string(&look->configured));
    const char *begins = setting_flag_of(look->setting->name) == NULL ? "at a start" : "configured";
    switch (look->verdict) {
    case SETTING_AS_CONFIGURED:
        printf("ok         %s = %s, as %s\n", name, now, begins);
        break;
    case SETTING_HELD:
        printf("held       %s = %s, %s: %s; by run %s, which is under way\n", name, now, begins,
               configured, look->holder);
        break;
    case SETTING_OF_OURS:
    case SETTING_LEFT:
        printf("FINDING    %s = %s, %s: %s\n", name, now, begins, configured);
        break;
    case SETTING_UNKNOWN:
    case SETTING_VERDICT_COUNT:
        printf("FINDING    %s\n", name);
        break;
    }
    print_change(look);
    print_finding(look);
    if (look->elsewhere.length > 0) {
        printf("           standby: %s\n", text_string(&look->elsewhere));
    }
}

static void print_server(const struct server_look *look)
{
    const char *now =
        look->trouble.length > 0 ? "(unreadable)" : setting_shown(text_string(&look->now));
    bool fine = look->verdict == SETTING_HELD || look->verdict == SETTING_AS_CONFIGURED;
    printf("%-10s %s of %s = %s, before: %s; ",
           look->verdict == SETTING_HELD ? "held"
           : fine                        ? "ok"
                                         : "FINDING",
           look->name, look->server, now, setting_shown(look->before));
    if (look->verdict == SETTING_HELD) {
        printf("by run %s, which is under way\n", look->run);
    } else {
        printf("run %s holds it at %s, and no process works on that: pegflow revert %s\n",
               look->run, setting_shown(look->value), look->run);
    }
    if (look->trouble.length > 0) {
        printf("           %s\n", text_string(&look->trouble));
    }
}

static void print_all(const struct holds *holds)
{
    const struct session *session = &holds->session;
    const struct inventory *inventory = &session->inventory;
    printf("cluster    %s, primary meta server %s, level %s\n", session->cluster_file->name,
           session->snapshot.leader_name, meta_level_name(session->snapshot.stored_level));
    for (int32_t i = 0; i < inventory->count[ROLE_META]; i++) {
        const struct server *meta = &inventory->servers[ROLE_META][i];
        if (!address_equal(meta->address, session->snapshot.leader)) {
            printf("standby    %s: has none of these settings, they live in the primary meta "
                   "server's process\n",
                   meta->name);
        }
    }
    if (holds->look.level.length > 0) {
        printf(
            "FINDING    run %s holds the meta level at %s, and no process works on that: pegflow "
            "revert %s\n",
            holds->look.level_holder, text_string(&holds->look.level), holds->look.level_holder);
    }
    for (size_t i = 0; i < holds->look.count; i++) {
        print_setting(&holds->look.settings[i]);
    }
    for (size_t i = 0; i < holds->look.server_count; i++) {
        print_server(&holds->look.servers[i]);
    }
    if (holds->look.unreadable.length > 0) {
        printf("unreadable %s\n", text_string(&holds->look.unreadable));
    }
    if (holds->look.findings == 0) {
        printf("\nnothing is left: each setting is as configured, or held by a run under way\n");
    } else {
        printf("\n%zu finding%s\n", holds->look.findings, holds->look.findings == 1 ? "" : "s");
    }
}

static cJSON *setting_json(const struct setting_look *look)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "name", look->setting->name);
    cJSON_AddStringToObject(json, "state", setting_verdict_name(look->verdict));
    if (look->trouble.length == 0) {
        cJSON_AddStringToObject(json, "now", text_string(&look->now));
        cJSON_AddStringToObject(json, "configured", text_string(&look->configured));
    } else {
        cJSON_AddStringToObject(json, "trouble", text_string(&look->trouble));
    }
    if (look->meaning != NULL && look->verdict == SETTING_LEFT) {
        cJSON_AddStringToObject(json, "looks_like", look->meaning);
    }
    if (look->holder[0] != '\0') {
        cJSON_AddStringToObject(json, "held_by", look->holder);
        cJSON_AddBoolToObject(json, "holder_alive", look->holder_alive);
    }
    if (look->set_by_us) {
        cJSON *change = cJSON_AddObjectToObject(json, "last_set_by_us");
        cJSON_AddStringToObject(change, "run", look->run);
        cJSON_AddStringToObject(change, "user", look->user);
        cJSON_AddStringToObject(change, "host", look->host);
        cJSON_AddStringToObject(change, "time", look->time);
        cJSON_AddStringToObject(change, "to", look->value);
    }
    if (look->elsewhere.length > 0) {
        cJSON_AddStringToObject(json, "standbys", text_string(&look->elsewhere));
    }
    return json;
}

static cJSON *server_json(const struct server_look *look)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "name", look->name);
    cJSON_AddStringToObject(json, "server", look->server);
    cJSON_AddStringToObject(
        json, "state",
        look->verdict == SETTING_AS_CONFIGURED ? "as before" : setting_verdict_name(look->verdict));
    if (look->trouble.length == 0) {
        cJSON_AddStringToObject(json, "now", text_string(&look->now));
    } else {
        cJSON_AddStringToObject(json, "trouble", text_string(&look->trouble));
    }
    cJSON_AddStringToObject(json, "before", look->before);
    cJSON_AddStringToObject(json, "held_by", look->run);
    cJSON_AddBoolToObject(json, "holder_alive", look->alive);
    return json;
}

static void print_json(const struct holds *holds)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "cluster", holds->session.cluster_file->name);
    cJSON_AddStringToObject(json, "primary_meta_server", holds->session.snapshot.leader_name);
    if (holds->look.level_holder[0] != '\0') {
        cJSON_AddStringToObject(json, "level_held_by", holds->look.level_holder);
    }
    cJSON *list = cJSON_AddArrayToObject(json, "settings");
    for (size_t i = 0; i < holds->look.count; i++) {
        cJSON_AddItemToArray(list, setting_json(&holds->look.settings[i]));
    }
    cJSON *servers = cJSON_AddArrayToObject(json, "servers");
    for (size_t i = 0; i < holds->look.server_count; i++) {
        cJSON_AddItemToArray(servers, server_json(&holds->look.servers[i]));
    }
    cJSON_AddStringToObject(json, "unreadable", text_string(&holds->look.unreadable));
    cJSON_AddNumberToObject(json, "findings", (double)holds->look.findings);
    runs_print_json(json);
    cJSON_Delete(json);
}

static int findings_code(const struct holds *holds)
{
    return holds->look.findings == 0 ? 0 : error_exit_code(ERROR_REFUSED);
}

/* ---- --clear */
/* What a run of ours holds is its to put back: it knows what was before. */
static bool may_clear(const struct holds *holds, struct error *err)
{
    const char *holder = holds->look.level_holder;
    const char *held = "the meta level";
    for (size_t i = 0; i < holds->look.count; i++) {
        const struct setting_look *look = &holds->look.settings[i];
        if (look->verdict == SETTING_OF_OURS) {
            holder = look->holder;
            held = look->setting->name;
        }
    }
    for (size_t i = 0; i < holds->look.server_count; i++) {
        const struct server_look *look = &holds->look.servers[i];
        if (look->verdict == SETTING_OF_OURS || look->verdict == SETTING_UNKNOWN) {
            holder = look->run;
            held = look->name;
        }
    }
    if (holder[0] != '\0') {
        error_set(err, ERROR_REFUSED,
                  "run %s holds %s, and knows what it was before: pegflow revert %s puts it back",
                  holder, held, holder);
    }
    return holder[0] == '\0';
}

static size_t count_left(const struct holds_look *look)
{
    size_t count = 0;
    for (size_t i = 0; i < look->count; i++) {
        count += look->settings[i].verdict == SETTING_LEFT;
    }
    return count;
}

/* Says what was looked at, and what was cleared; a value that cannot be read is not cleared. */
static int clear(struct holds *holds, const struct arguments *arguments, struct error *err)
{
    struct session *session = &holds->session;
    size_t left = count_left(&holds->look);
    if (!may_clear(holds, err)) {
        return -1;
    }
    if (left == 0) {
        return holds->look.findings == 0 ? 0 : error_exit_code(ERROR_NOT_RESTORED);
    }
    if (!confirm_cluster(arguments, session->cluster_file->name, "clear settings of", err)) {
        return -1;
    }
    struct event_sink *sink =
        holds->json ? report_json_new(STDOUT_FILENO) : report_plain_new(STDOUT_FILENO, false);
    fflush(stdout);
    int code = holds_clear(&holds->look, session, arguments, sink, err);
    report_free(sink);
    return code == 0 && holds->look.findings > left ? error_exit_code(ERROR_NOT_RESTORED) : code;
}

static int look_and_clear(struct holds *holds, const struct arguments *arguments, struct error *err)
{
    bool clears = arguments_flag(arguments, "clear");
    if (!state_open(arguments_text(arguments, "state"), &holds->state, err) ||
        (clears && !record_is_free(arguments, holds->session.cluster_file->name, err)) ||
        !session_meet(&holds->session, err) ||
        !holds_look(&holds->look, &holds->session, &holds->state, err)) {
        return -1;
    }
    if (!holds->json) {
        print_all(holds);
    } else if (!clears) {
        print_json(holds);
    }
    return clears ? clear(holds, arguments, err) : findings_code(holds);
}

static int run_holds(const struct arguments *arguments, struct error *err)
{
    struct holds holds = {0};
    if (!runs_wants_json(arguments, &holds.json, err)) {
        return -1;
    }
    int code = session_load(&holds.session, arguments);
    if (code < 0) {
        code = look_and_clear(&holds, arguments, err);
    }
    holds_look_clear(&holds.look);
    session_close(&holds.session);
    return code;
}

static const struct option_row options[] = {
    SESSION_OPTIONS,
    {"clear", 0, OPTION_FLAG, NULL, NULL, "put what was left back to what is configured"},
    CONFIRM_OPTION,
    {"reason", 'r', OPTION_TEXT, "TEXT", NULL, "why: kept in the record of --clear"},
    STATE_OPTION,
    RUNS_OUTPUT_OPTION,
};

const struct command command_holds = {
    .name = "holds",
    .summary = "show the settings that upgrades touch, and put back what was left",
    .operands = "",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .description =
        "Shows each setting that an upgrade touches: its value at the primary meta server, what "
        "is\n"
        "configured there and at the standbys, and who of ours set it last, by the journals of\n"
        "runs on this host. One that is otherwise than configured is a finding; leftovers of "
        "other\n"
        "tools are named.\n"
        "With --clear each of those is put back to what is configured (a list: emptied), read "
        "back,\n"
        "and recorded like a run, after the cluster's name was typed or given. What a killed run "
        "of\n"
        "ours holds is left to 'pegflow revert', which knows the value before. The meta level is "
        "the\n"
        "site's to choose: it is shown, not cleared.\n"
        "Exit codes: 0 nothing is left, or all was cleared; 3 findings, or refused; 5 something "
        "could\n"
        "not be cleared.",
    .example = "  pegflow holds -c prod.lua\n"
               "  pegflow holds -c prod.lua --clear --confirm=prod --reason 'left by the old "
               "script'",
    .run = run_holds,
};
