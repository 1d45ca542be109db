#include "sim/http_call.h"

#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

/* ---- /config: what the ini file says, not what a remote command has set */

struct flag {
    const char *name;
    const char *section;
    const char *type[RELEASE_COUNT];
    bool is_mutable;
    const char *description[RELEASE_COUNT];
    int64_t (*value)(const struct sim *sim, const struct server *server);
};

static int64_t to_seconds(int64_t us)
{
    return (us + 500000) / 1000000;
}
static int64_t get_min_replicas(const struct sim *sim, const struct server *server)
{
    (void)server;
    return sim->model.mutation_2pc_min_replica_count;
}
static int64_t get_grace(const struct sim *sim, const struct server *server)
{
    (void)server;
    return to_seconds(sim->model.timings.grace_us);
}
static int64_t get_lease(const struct sim *sim, const struct server *server)
{
    (void)server;
    return to_seconds(sim->model.timings.lease_us);
}
static int64_t get_beacon(const struct sim *sim, const struct server *server)
{
    (void)server;
    return to_seconds(sim->model.timings.beacon_us);
}
static int64_t get_check(const struct sim *sim, const struct server *server)
{
    (void)server;
    return to_seconds(sim->model.timings.fd_check_us);
}
static int64_t get_tick(const struct sim *sim, const struct server *server)
{
    (void)server;
    return sim->model.timings.tick_us / 1000;
}
static int64_t get_sync(const struct sim *sim, const struct server *server)
{
    (void)server;
    return sim->model.timings.config_sync_us / 1000;
}
static int64_t get_percentage(const struct sim *sim, const struct server *server)
{
    (void)server;
    return sim->model.live_percentage;
}
static int64_t get_min_live(const struct sim *sim, const struct server *server)
{
    return server->role == ROLE_META ? server->settings.min_live_node_count
                                     : sim->model.min_live_node_count;
}
static int64_t get_limit(const struct sim *sim, const struct server *server)
{
    (void)server;
    return sim->model.add_secondary_limit;
}
static int64_t get_flow_control(const struct sim *sim, const struct server *server)
{
    (void)server;
    return sim->model.flow_control;
}
static int64_t get_copy_rate(const struct sim *sim, const struct server *server)
{
    (void)sim;
    (void)server;
    return 0; /* unlimited: what a process begins with */
}
static int64_t get_assign_delay(const struct sim *sim, const struct server *server)
{
    (void)server;
    return sim->model.assign_delay_ms;
}

#define INT32                                                                                      \
    {                                                                                              \
        "FV_INT32", "FV_INT32"                                                                     \
    }
static const struct flag flags[] = {
    {"add_secondary_enable_flow_control",
     "meta_server",
     {"FV_BOOL", "FV_BOOL"},
     false,
     {"enable flow control for add secondary proposal",
      "enable flow control for add secondary proposal"},
     get_flow_control},
    {"add_secondary_max_count_for_one_node",
     "meta_server",
     INT32,
     false,
     {"add secondary max count for one node when flow control enabled",
      "add secondary max count for one node when flow control enabled"},
     get_limit},
    {"config_sync_interval_ms",
     "replication",
     INT32,
     false,
     {"The interval milliseconds of replica server to syncs replica configuration with meta server",
      "The interval milliseconds of replica server to syncs replica configuration with meta "
      "server"},
     get_sync},
    {"fd_beacon_interval_seconds",
     "replication",
     INT32,
     false,
     {"beacon message interval (seconds) to the remote FD master",
      "The interval in seconds of beacon messages to the remote FD master"},
     get_beacon},
    {"fd_check_interval_seconds",
     "replication",
     INT32,
     false,
     {"seconds to check the liveness of remote FD masters",
      "The interval in seconds to check the liveness of remote FD masters"},
     get_check},
    {"fd_grace_seconds",
     "replication",
     INT32,
     false,
     {"grace (seconds) assigned to remote FD slaves (grace > lease)",
      "The grace in seconds assigned to remote FD slaves"},
     get_grace},
    {"fd_lease_seconds",
     "replication",
     INT32,
     false,
     {"lease (seconds) get from remote FD master",
      "The lease in seconds get from remote FD master"},
     get_lease},
    {"lb_interval_ms",
     "replication",
     INT32,
     false,
     {"every this period(ms) the meta server will do load balance",
      "The interval milliseconds of meta server to execute load balance"},
     get_tick},
    {"max_copy_rate_megabytes_per_disk",
     "nfs",
     {"FV_UINT32", "FV_UINT32"},
     false,
     {"max rate per disk of copying from remote node(MB/s), zero means disable rate limiter",
      "The maximum bandwidth (MB/s) of writing data per local disk when copying from remote node, "
      "0 means no limit"},
     get_copy_rate},
    {"max_send_rate_megabytes_per_disk",
     "nfs",
     {"FV_UINT32", "FV_UINT32"},
     false,
     {"max rate per disk of send to remote node(MB/s), zero means disable rate limiter",
      "The maximum bandwidth (MB/s) of reading data per local disk when transferring data to "
      "remote "
      "node, 0 means no limit"},
     get_copy_rate},
    {"min_live_node_count_for_unfreeze",
     "meta_server",
     {"FV_UINT64", "FV_UINT64"},
     true,
     {"minimum live node count without which the state is freezed",
      "If the number of ALIVE nodes is less than this threshold, MetaServer will also enter the "
      "'freezed' protection state"},
     get_min_live},
    {"mutation_2pc_min_replica_count",
     "replication",
     INT32,
     false,
     {"minimum number of alive replicas under which write is allowed. it's valid if larger than 0, "
      "otherwise, the final value is based on app_max_replica_count",
      "The minimum number of ALIVE replicas under which write is allowed. It's valid if larger "
      "than 0, otherwise, the final value is based on 'app_max_replica_count'"},
     get_min_replicas},
    {"node_live_percentage_threshold_for_update",
     "meta_server",
     {"FV_UINT64", "FV_INT32"},
     false,
     {"If live_node_count * 100 < total_node_count * node_live_percentage_threshold_for_update, "
      "then freeze the cluster.",
      "If the proportion of ALIVE nodes is less than this threshold, MetaServer will enter the "
      "'freezed' protection state"},
     get_percentage},
    {"replica_assign_delay_ms_for_dropouts",
     "meta_server",
     {"FV_UINT64", "FV_UINT64"},
     false,
     {"The delay milliseconds to dropout replicas assign",
      "The delay milliseconds to dropout replicas assign"},
     get_assign_delay},
};
enum { FLAG_COUNT = sizeof flags / sizeof flags[0] };

static const struct flag *find_flag(const char *name)
{
    for (int32_t i = 0; i < FLAG_COUNT; i++) {
        if (strcmp(flags[i].name, name) == 0) {
            return &flags[i];
        }
    }
    return NULL;
}

static void append_flag(const struct http_call *call, const struct flag *flag)
{
    const struct server *server = &call->sim->servers[call->server];
    enum release release = call->sim->model.release;
    struct text *body = &call->out->body;
    int64_t value = flag->value(call->sim, server);
    text_append_char(body, '{');
    http_json_pair(body, "name", flag->name);
    http_json_pair(body, "section", flag->section);
    http_json_pair(body, "type", flag->type[release]);
    http_json_pair(body, "tags", flag->is_mutable ? "flag_tag::FT_MUTABLE" : "");
    http_json_pair(body, "description", flag->description[release]);
    if (strcmp(flag->type[release], "FV_BOOL") == 0) {
        http_json_pair(body, "value", value ? "true" : "false");
    } else {
        http_json_number(body, "value", value);
    }
    text_append_char(body, '}');
}

void http_config(struct http_call *call)
{
    const char *name = http_parameter(call, "name");
    if (!http_only(call, "name", NULL)) {
        return;
    }
    if (name == NULL || name[0] == '\0') {
        call->out->status = 400;
        if (call->sim->model.release == RELEASE_MASTER) {
            text_append_string(&call->out->body, "name shouldn't be empty");
        }
        return;
    }
    const struct flag *flag = find_flag(name);
    if (flag == NULL) {
        bool quoted = call->sim->model.release == RELEASE_MASTER;
        text_printf(&call->out->body, "ERR_OBJECT_NOT_FOUND: %s%s%s is not found",
                    quoted ? "'" : "", name, quoted ? "'" : "");
        return;
    }
    append_flag(call, flag);
    text_append_char(&call->out->body, '\n');
}

void http_configs(struct http_call *call)
{
    struct text *body = &call->out->body;
    if (!http_only(call, NULL, NULL)) {
        return;
    }
    text_append_char(body, '{');
    for (int32_t i = 0; i < FLAG_COUNT; i++) {
        text_append_string(body, i == 0 ? "" : ",");
        http_json_string(body, flags[i].name);
        text_append_char(body, ':');
        append_flag(call, &flags[i]);
    }
    text_append_string(body, "}\n");
}

/* The only mutable one here; like a remote command's value, it dies with the process. */
static bool set_min_live(struct http_call *call, const char *value)
{
    char *end;
    errno = 0;
    long count = strtol(value, &end, 10);
    if (errno != 0 || end == value || *end != '\0' || count < 0 || count > INT32_MAX) {
        return false;
    }
    struct server *server = &call->sim->servers[call->server];
    if (server->role == ROLE_META) {
        server->settings.min_live_node_count = (int32_t)count;
    }
    return true;
}

void http_update_config(struct http_call *call)
{
    struct text status = {0};
    struct text *body = &call->out->body;
    if (call->parameter_count != 1) {
        text_append_string(&status, "ERR_INVALID_PARAMETERS: there should be exactly one config to "
                                    "be updated once");
    } else {
        const struct flag *flag = find_flag(call->keys[0]);
        if (flag == NULL) {
            text_printf(&status, "ERR_OBJECT_NOT_FOUND: %s is not found", call->keys[0]);
        } else if (!flag->is_mutable) {
            text_printf(&status, "ERR_INVALID_PARAMETERS: %s is not mutable", flag->name);
        } else if (!set_min_live(call, call->values[0])) {
            text_printf(&status, "ERR_INVALID_PARAMETERS: %s is invalid", call->values[0]);
        } else {
            text_append_string(&status, PEGASUS_OK);
        }
    }
    text_append_char(body, '{');
    http_json_pair(body, "update_status", text_string(&status));
    text_append_string(body, "}\n");
    text_clear(&status);
}

/* ---- counters */

struct metric {
    const char *name;
    int64_t value;
};

static int32_t list_metrics(const struct http_call *call, struct metric metrics[4])
{
    const struct sim *sim = call->sim;
    const struct server *server = &sim->servers[call->server];
    int32_t alive = 0;
    int32_t dead = 0;
    int32_t count = 0;
    if (server->role == ROLE_REPLICA) {
        metrics[count++] = (struct metric){"opening_replicas", server->opening_count};
        metrics[count++] = (struct metric){"total_replicas", server->open_count};
        metrics[count++] = (struct metric){"closing_replicas", server->closing_count};
    } else if (server->role == ROLE_META) {
        if (meta_is_active(sim, call->server)) {
            meta_node_counts(sim, &alive, &dead);
        }
        metrics[count++] = (struct metric){"alive_replica_servers", alive};
        metrics[count++] = (struct metric){"unalive_replica_servers", dead};
    }
    return count;
}

/* Is `item` one of a comma list? Everything is in a list that was not given. */
static bool is_listed(const char *list, const char *item)
{
    size_t length = strlen(item);
    if (list == NULL || list[0] == '\0') {
        return true;
    }
    for (const char *at = list;; at++) {
        size_t word = strcspn(at, ",");
        if (word == length && memcmp(at, item, length) == 0) {
            return true;
        }
        at += word;
        if (*at == '\0') {
            return false;
        }
    }
}

static void append_metrics(struct http_call *call)
{
    struct text *body = &call->out->body;
    struct metric metrics[4];
    int32_t count = list_metrics(call, metrics);
    const char *wanted = http_parameter(call, "metrics");
    bool open = false;
    bool is_type = is_listed(http_parameter(call, "types"), "server") &&
                   is_listed(http_parameter(call, "ids"), "server");
    for (int32_t i = 0; is_type && i < count; i++) {
        if (!is_listed(wanted, metrics[i].name)) {
            continue;
        }
        if (!open) {
            text_append_string(body, "[\n        {\n            \"type\": \"server\",\n"
                                     "            \"id\": \"server\",\n"
                                     "            \"attributes\": {},\n"
                                     "            \"metrics\": [");
        }
        text_printf(body,
                    "%s\n                {\n                    \"name\": \"%s\",\n"
                    "                    \"value\": %lld\n                }",
                    open ? "," : "", metrics[i].name, (long long)metrics[i].value);
        open = true;
    }
    text_append_string(body, open ? "\n            ]\n        }\n    ]" : "[]");
}

void http_metrics(struct http_call *call)
{
    static const char *const keys[] = {"with_metric_fields", "types",   "ids",
                                       "attributes",         "metrics", "detail"};
    const struct sim *sim = call->sim;
    const struct server *server = &sim->servers[call->server];
    struct text *body = &call->out->body;
    for (int32_t i = 0; i < call->parameter_count; i++) {
        bool known = false;
        for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++) {
            known = known || strcmp(keys[k], call->keys[i]) == 0;
        }
        if (!known) {
            call->out->status = 400;
            text_printf(body, "{\"error_message\":\"unknown field %s\"}", call->keys[i]);
            return;
        }
    }
    text_printf(body,
                "{\n    \"cluster\": \"%s\",\n    \"role\": \"%s\",\n    \"host\": \"%s\",\n"
                "    \"port\": %u,\n    \"timestamp_ns\": %lld,\n    \"entities\": ",
                sim->model.cluster_name, role_name(server->role), sim->model.host_name,
                (unsigned)server->address.port,
                (long long)((sim->wall_start_us + sim->now_us) * 1000));
    append_metrics(call);
    text_append_string(body, "\n}");
}

void http_perf_counter(struct http_call *call)
{
    static const char *const descriptions[] = {"# in replica_stub._replicas",
                                               "# in replica_stub._opening_replicas",
                                               "# in replica_stub._closing_replicas"};
    const struct server *server = &call->sim->servers[call->server];
    const char *name = http_parameter(call, "name");
    struct text *body = &call->out->body;
    if (!http_only(call, "name", NULL)) {
        return;
    }
    if (name == NULL) {
        call->out->status = 400;
        return;
    }
    const int32_t values[] = {server->open_count, server->opening_count, server->closing_count};
    text_append_char(body, '{');
    for (int which = 0; server->role == ROLE_REPLICA && which < 3; which++) {
        if (strcmp(release_counter_name(which), name) == 0) {
            char value[32];
            snprintf(value, sizeof value, "%d.00", values[which]);
            http_json_pair(body, "name", name);
            http_json_pair(body, "value", value);
            http_json_pair(body, "type", "NUMBER");
            http_json_pair(body, "description", descriptions[which]);
        }
    }
    text_append_string(body, "}\n");
}
