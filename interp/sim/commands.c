#include "sim/sim_state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Facts: reference behaviour 3.2, 7.2, 7.5; samples/<release>/rpc/cli_*. */

enum { COMMAND_MAX = 256, ARGUMENT_MAX = 16 };

struct call {
    struct sim *sim;
    int32_t server;
    char command[COMMAND_MAX];
    char *arguments[ARGUMENT_MAX];
    int32_t argument_count; /* those beyond ARGUMENT_MAX count, but are not kept */
    struct text joined;     /* all of them, with blanks between */
    struct text *out;
};

/* ---- settings */

/* Integers and booleans by the place of their value; which process has them, and since when. */
enum since { SINCE_START, SINCE_LOCK, SINCE_LOADED };
struct setting {
    const char *command;
    enum role role;
    enum setting_kind kind;
    enum since since;
    size_t offset; /* in struct settings */
    int64_t least;
    int64_t most;
};

#define SETTING(role, command, kind, since, field, least, most)                                    \
    {                                                                                              \
        command, role, kind, since, offsetof(struct settings, field), least, most                  \
    }
static const struct setting settings[] = {
    SETTING(ROLE_META, SETTING_LIVE_PERCENTAGE, SETTING_INTEGER, SINCE_START, live_percentage, 0,
            100),
    SETTING(ROLE_META, SETTING_ASSIGN_DELAY, SETTING_INTEGER, SINCE_LOCK, assign_delay_ms, 0,
            INT64_MAX),
    SETTING(ROLE_META, SETTING_BLACK_LIST, SETTING_LIST, SINCE_LOCK, black_list, 0, 0),
    SETTING(ROLE_META, "meta.lb.only_move_primary", SETTING_BOOLEAN, SINCE_LOCK, only_move_primary,
            0, 1),
    SETTING(ROLE_META, "meta.lb.only_primary_balancer", SETTING_BOOLEAN, SINCE_LOCK,
            only_primary_balancer, 0, 1),
    SETTING(ROLE_META, "meta.lb.balancer_in_turn", SETTING_BOOLEAN, SINCE_LOCK, balancer_in_turn, 0,
            1),
    SETTING(ROLE_META, SETTING_ADD_SECONDARY_LIMIT, SETTING_INTEGER, SINCE_LOADED,
            add_secondary_limit, 0, INT32_MAX),
    SETTING(ROLE_META, SETTING_FLOW_CONTROL, SETTING_BOOLEAN, SINCE_LOADED, flow_control, 0, 1),
    SETTING(ROLE_REPLICA, SETTING_COPY_RATE, SETTING_INTEGER, SINCE_START, copy_rate, 0, INT32_MAX),
    SETTING(ROLE_REPLICA, SETTING_SEND_RATE, SETTING_INTEGER, SINCE_START, send_rate, 0, INT32_MAX),
};

/* The traffic between replica servers, whose rate 2.x wants to be more than a block of 4 MB. */
static bool is_copy_rate(const struct setting *setting)
{
    return setting->role == ROLE_REPLICA;
}

static const struct setting *find_setting(const struct call *call)
{
    bool leads = meta_is_leader(call->sim, call->server);
    bool loaded = meta_is_active(call->sim, call->server);
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        const struct setting *setting = &settings[i];
        bool there =
            setting->since == SINCE_START || (setting->since == SINCE_LOCK && leads) || loaded;
        if (setting->role == call->sim->servers[call->server].role &&
            strcmp(setting->command, call->command) == 0) {
            return there ? setting : NULL;
        }
    }
    return NULL;
}

static void reply(struct call *call, enum reply_kind kind, const char *value, bool after_default)
{
    release_write_setting_reply(call->sim->model.release, call->command, kind, value,
                                call->argument_count, after_default, call->out);
}

static void refuse(struct call *call)
{
    reply(call, REPLY_REFUSED, text_string(&call->joined), false);
}

static bool parse_integer(const char *text, int64_t *value)
{
    char *end;
    errno = 0;
    long long parsed = strtoll(text, &end, 10);
    *value = parsed;
    return errno == 0 && end != text && *end == '\0';
}

static int64_t default_of(const struct sim *sim, const struct setting *setting)
{
    if (is_copy_rate(setting)) {
        return 0;
    }
    if (strcmp(setting->command, SETTING_LIVE_PERCENTAGE) == 0) {
        return sim->model.live_percentage;
    }
    return strcmp(setting->command, SETTING_ASSIGN_DELAY) == 0 ? sim->model.assign_delay_ms
                                                               : sim->model.add_secondary_limit;
}

static bool is_acceptable(const struct sim *sim, const struct setting *setting, int64_t value)
{
    if (strcmp(setting->command, SETTING_ASSIGN_DELAY) == 0) {
        return value >= sim->traits->assign_delay_min && value <= sim->traits->assign_delay_max;
    }
    if (is_copy_rate(setting) && value < sim->traits->copy_rate_min) {
        return false;
    }
    bool loose =
        strcmp(setting->command, SETTING_LIVE_PERCENTAGE) == 0 && sim->model.release == RELEASE_2_5;
    return value >= setting->least && (loose || value <= setting->most);
}

static void run_integer(struct call *call, const struct setting *setting, int64_t *value)
{
    const struct sim *sim = call->sim;
    char number[32];
    int64_t wanted;
    if (call->argument_count == 0) {
        snprintf(number, sizeof number, "%lld", (long long)*value);
        reply(call, REPLY_VALUE, number, false);
        return;
    }
    if (call->argument_count > 1 && sim->traits->rejects_two_arguments) {
        refuse(call);
        return;
    }
    const char *argument = call->arguments[0];
    bool is_default = sim->traits->default_any_case ? strcasecmp(argument, "DEFAULT") == 0
                                                    : strcmp(argument, "DEFAULT") == 0;
    if (is_default && is_acceptable(sim, setting, default_of(sim, setting))) {
        *value = default_of(sim, setting);
        snprintf(number, sizeof number, "%lld", (long long)*value);
        reply(call, REPLY_OK, number, true);
    } else if (parse_integer(argument, &wanted) && is_acceptable(sim, setting, wanted)) {
        *value = wanted;
        reply(call, REPLY_OK, argument, false);
    } else {
        refuse(call);
    }
}

static void run_boolean(struct call *call, bool *value)
{
    const struct sim *sim = call->sim;
    if (call->argument_count == 0) {
        reply(call, REPLY_VALUE, *value ? "true" : "false", false);
        return;
    }
    const char *argument = call->arguments[0];
    bool any_case = sim->traits->default_any_case;
    int is_true = any_case ? strcasecmp(argument, "true") : strcmp(argument, "true");
    int is_false = any_case ? strcasecmp(argument, "false") : strcmp(argument, "false");
    if ((call->argument_count > 1 && sim->traits->rejects_two_arguments) ||
        (is_true != 0 && is_false != 0)) {
        refuse(call);
        return;
    }
    *value = is_true == 0;
    reply(call, REPLY_OK, argument, false);
}

/* A server as people write it: under its address, or under the name the cluster gives it. */
static int32_t find_listed(const struct sim *sim, const char *text)
{
    char address[ADDRESS_TEXT_BYTES];
    for (int32_t i = 0; i < sim->model.replica_count; i++) {
        const struct server *server = &sim->servers[i];
        if (strcmp(text, server->name) == 0 ||
            strcmp(text, address_format(server->address, address)) == 0) {
            return i;
        }
    }
    return NO_SERVER;
}

static void run_black_list(struct call *call, bool *black_list)
{
    const struct sim *sim = call->sim;
    size_t count = (size_t)sim->model.replica_count;
    if (call->argument_count == 0) {
        struct text list = {0};
        for (size_t i = 0; i < count; i++) {
            if (black_list[i]) {
                text_printf(&list, "%s%s", list.length == 0 ? "" : ",", sim->servers[i].name);
            }
        }
        reply(call, REPLY_VALUE, text_string(&list), false);
        text_clear(&list);
        return;
    }
    bool *wanted = memory_allocate(count);
    bool valid = true;
    char *rest = NULL;
    if (strcmp(call->arguments[0], "clear") != 0) {
        char *copy = memory_copy_string(call->arguments[0]);
        for (char *item = strtok_r(copy, ",", &rest); item != NULL;
             item = strtok_r(NULL, ",", &rest)) {
            int32_t server = find_listed(sim, item);
            struct address address;
            struct error err;
            if (server != NO_SERVER) {
                wanted[server] = true;
            } else {
                valid = valid && address_parse(item, &address, &err);
            }
        }
        free(copy);
    }
    if (valid) {
        memcpy(black_list, wanted, count);
        reply(call, REPLY_OK, call->arguments[0], false);
    } else {
        refuse(call);
    }
    free(wanted);
}

static void run_setting(struct call *call, const struct setting *setting)
{
    struct settings *values = &call->sim->servers[call->server].settings;
    void *value = (char *)values + setting->offset;
    switch (setting->kind) {
    case SETTING_INTEGER:
        run_integer(call, setting, value);
        return;
    case SETTING_BOOLEAN:
        run_boolean(call, value);
        return;
    case SETTING_LIST:
        run_black_list(call, values->black_list);
        return;
    }
}

/* ---- other commands */

static void run_server_info(struct call *call)
{
    struct server *server = &call->sim->servers[call->server];
    char time[TIME_TEXT_BYTES];
    if (server->info_of != server->incarnation) { /* asked at each look, and always the same */
        text_reset(&server->info);
        release_write_server_info(call->sim->model.release, server->version, SIM_COMMIT,
                                  sim_format_time(call->sim, server->started_us, time),
                                  &server->info);
        server->info_of = server->incarnation;
    }
    text_append(call->out, text_string(&server->info), server->info.length);
}

static void run_flush_log(struct call *call)
{
    text_append_string(call->out, "Flush done.");
}

static void run_kill_partition(struct call *call)
{
    int64_t ids[2] = {-1, -1};
    if (call->argument_count > 2) {
        text_append_string(call->out, PEGASUS_INVALID_PARAMETERS);
        return;
    }
    for (int32_t i = 0; i < call->argument_count; i++) {
        ids[i] = strtoll(call->arguments[i], NULL, 10); /* a word counts as 0 */
        if (ids[i] < INT32_MIN || ids[i] > INT32_MAX) {
            ids[i] = 0;
        }
    }
    text_append_string(call->out,
                       close_kill(call->sim, call->server, (int32_t)ids[0], (int32_t)ids[1]));
}

/* 2.x takes a snapshot of its counters each 10 s and shows that (traces-2.5/drain). */
static const struct replica_counts *snapshot_counters(struct sim *sim, struct server *server)
{
    enum { COUNTERS_US = 10 * 1000 * 1000 };
    if (sim->now_us - server->counters_us >= COUNTERS_US || server->counters_us <= 0) {
        server->counters_us = sim->now_us;
        server->counters = (struct replica_counts){server->open_count, server->opening_count,
                                                   server->closing_count};
    }
    return &server->counters;
}

static void run_perf_counters(struct call *call)
{
    struct sim *sim = call->sim;
    struct server *server = &sim->servers[call->server];
    if (sim->traits->has_metrics) {
        text_append_string(call->out, "{\"result\":\"OK\",\"timestamp\":0,\"timestamp_str\":"
                                      "\"1970-01-01 00:00:00\",\"counters\":[]}");
        return;
    }
    char time[TIME_TEXT_BYTES];
    text_printf(call->out,
                "{\"result\":\"OK\",\"timestamp\":%lld,\"timestamp_str\":\"%s\","
                "\"counters\":[",
                (long long)((sim->wall_start_us + sim->now_us) / 1000000),
                sim_format_time(sim, sim->now_us, time));
    if (server->role == ROLE_REPLICA) {
        const struct replica_counts *counts = snapshot_counters(sim, server);
        const int order[] = {1, 2, 0};
        const int64_t values[] = {counts->total, counts->opening, counts->closing};
        for (int i = 0; i < 3; i++) {
            text_printf(call->out, "%s{\"name\":\"%s\",\"type\":\"NUMBER\",\"value\":%lld.0}",
                        i == 0 ? "" : ",", release_counter_name(order[i]),
                        (long long)values[order[i]]);
        }
    }
    text_append_string(call->out, "]}");
}

static void run_balance_count(struct call *call)
{
    answers_balance_count(call->sim, call->out);
}

static void run_help(struct call *call);

struct other_command {
    const char *command;
    enum role role; /* ROLE_COUNT: any */
    enum since since;
    void (*run)(struct call *call);
};
static const struct other_command others[] = {
    {"flush-log", ROLE_COUNT, SINCE_START, run_flush_log},
    {"help", ROLE_COUNT, SINCE_START, run_help},
    {"meta.lb.get_balance_operation_count", ROLE_META, SINCE_LOCK, run_balance_count},
    {"perf-counters", ROLE_COUNT, SINCE_START, run_perf_counters},
    {"replica.kill_partition", ROLE_REPLICA, SINCE_START, run_kill_partition},
    {"server-info", ROLE_COUNT, SINCE_START, run_server_info},
};
enum { OTHER_COUNT = sizeof others / sizeof others[0] };

static bool is_there(const struct call *call, const struct other_command *other)
{
    enum role role = call->sim->servers[call->server].role;
    return (other->role == ROLE_COUNT || other->role == role) &&
           (other->since == SINCE_START || meta_is_leader(call->sim, call->server));
}

static void run_help(struct call *call)
{
    for (int32_t i = 0; i < OTHER_COUNT; i++) {
        if (is_there(call, &others[i])) {
            text_printf(call->out, "%s\n", others[i].command);
        }
    }
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        struct call probe = *call;
        snprintf(probe.command, sizeof probe.command, "%s", settings[i].command);
        if (find_setting(&probe) != NULL) {
            text_printf(call->out, "%s\n", settings[i].command);
        }
    }
}

/* ---- the call */

static void read_call(struct call *call, const struct remote_command_request *request)
{
    const struct slice *arguments = request->arguments.items;
    size_t length = request->command.length < COMMAND_MAX - 1 ? request->command.length
                                                              : (size_t)COMMAND_MAX - 1;
    memcpy(call->command, request->command.bytes == NULL ? "" : request->command.bytes, length);
    call->command[length] = '\0';
    for (uint32_t i = 0; i < request->arguments.count; i++) {
        if (i > 0) {
            text_append_char(&call->joined, ' ');
        }
        text_append(&call->joined, arguments[i].bytes, arguments[i].length);
        if (i < ARGUMENT_MAX) {
            char *copy = memory_allocate(arguments[i].length + 1);
            if (arguments[i].length > 0) {
                memcpy(copy, arguments[i].bytes, arguments[i].length);
            }
            call->arguments[i] = copy;
        }
    }
    call->argument_count =
        request->arguments.count < INT32_MAX ? (int32_t)request->arguments.count : INT32_MAX;
}

static void dispatch(struct call *call)
{
    const struct setting *setting = find_setting(call);
    if (setting != NULL) {
        run_setting(call, setting);
        return;
    }
    for (int32_t i = 0; i < OTHER_COUNT; i++) {
        if (strcmp(others[i].command, call->command) == 0 && is_there(call, &others[i])) {
            others[i].run(call);
            return;
        }
    }
    reply(call, REPLY_UNKNOWN_COMMAND, NULL, false);
}

void commands_run(struct sim *sim, int32_t server, const struct remote_command_request *request,
                  struct text *out)
{
    struct call call = {.sim = sim, .server = server, .out = out};
    read_call(&call, request);
    dispatch(&call);
    for (int32_t i = 0; i < ARGUMENT_MAX; i++) {
        free(call.arguments[i]);
    }
    text_clear(&call.joined);
}
