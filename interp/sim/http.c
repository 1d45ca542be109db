#include "sim/http_call.h"

#include <ctype.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

/* ---- parameters and JSON */

const char *http_parameter(const struct http_call *call, const char *key)
{
    for (int32_t i = 0; i < call->parameter_count; i++) {
        if (strcmp(call->keys[i], key) == 0) {
            return call->values[i];
        }
    }
    return NULL;
}

bool http_only(struct http_call *call, const char *a, const char *b)
{
    for (int32_t i = 0; i < call->parameter_count; i++) {
        bool known = (a != NULL && strcmp(call->keys[i], a) == 0) ||
                     (b != NULL && strcmp(call->keys[i], b) == 0);
        if (!known) {
            call->out->status = 400;
            return false;
        }
    }
    return true;
}

void http_json_string(struct text *out, const char *string)
{
    text_append_char(out, '"');
    for (const char *at = string; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\') {
            text_append_char(out, '\\');
            text_append_char(out, *at);
        } else if (*at == '\n') {
            text_append_string(out, "\\n");
        } else if ((unsigned char)*at < 0x20) {
            text_printf(out, "\\u%04x", (unsigned)*at);
        } else {
            text_append_char(out, *at);
        }
    }
    text_append_char(out, '"');
}

void http_json_pair(struct text *out, const char *key, const char *value)
{
    if (out->length > 0 && out->bytes[out->length - 1] != '{') {
        text_append_char(out, ',');
    }
    http_json_string(out, key);
    text_append_char(out, ':');
    http_json_string(out, value);
}

void http_json_number(struct text *out, const char *key, int64_t value)
{
    char number[32];
    snprintf(number, sizeof number, "%lld", (long long)value);
    http_json_pair(out, key, number);
}

/* ---- what every process answers */

static void get_version(struct http_call *call)
{
    const struct server *server = &call->sim->servers[call->server];
    bool tells = server->role != ROLE_COLLECTOR;
    struct text *body = &call->out->body;
    text_append_char(body, '{');
    http_json_pair(body, "Version", tells ? server->version : "");
    http_json_pair(body, "GitCommit", tells ? SIM_COMMIT : "");
    text_append_string(body, "}\n");
}

static void get_start_time(struct http_call *call)
{
    char time[TIME_TEXT_BYTES];
    struct text *body = &call->out->body;
    sim_format_time(call->sim, call->sim->servers[call->server].started_us, time);
    text_append_char(body, '{');
    http_json_pair(body, "RecentStartTime", time);
    text_append_string(body, "}\n");
}

static void get_root(struct http_call *call);

struct route {
    const char *path;
    enum { IN_BOTH, IN_2_5, IN_MASTER } release;
    bool replica_only;
    void (*run)(struct http_call *call); /* NULL: only listed */
    const char *help[RELEASE_COUNT];
};

#define ALL_QUERY                                                                                  \
    "[with_metric_fields=field1,field2,...][&types=type1,type2,...][&ids=id1,id2,...]"             \
    "[&attributes=attr1,value1,attr2,value2,...][&metrics=metric1,metric2,...][&detail=true|"      \
    "false]"
#define REGISTERED " Only the configs which are registered by DSN_DEFINE_xxx macro can be queried."

static const struct route routes[] = {
    {"", IN_BOTH, false, get_root, {"Lists all supported calls", "List all supported calls."}},
    {"config",
     IN_BOTH,
     false,
     http_config,
     {"get the details of a specified config",
      "name=<config_name>. Gets the details of a specified config." REGISTERED}},
    {"configs", IN_BOTH, false, http_configs, {"list all configs", "List all configs." REGISTERED}},
    {"metrics", IN_MASTER, false, http_metrics, {NULL, ALL_QUERY "Query the node metrics."}},
    {"perfCounter", IN_2_5, false, http_perf_counter, {"Gets the value of a perf counter", NULL}},
    {"recentStartTime",
     IN_BOTH,
     false,
     get_start_time,
     {"Gets the server start time.", "Get the server start time."}},
    {"replica/data_version",
     IN_BOTH,
     true,
     NULL,
     {"ip:port/replica/data_version?app_id=<app_id>",
      "app_id=<app_id>. Query the data version of an app."}},
    {"replica/duplication",
     IN_BOTH,
     true,
     NULL,
     {"ip:port/replica/duplication?appid=<appid>",
      "appid=<appid>. Query the duplication status of an app."}},
    {"replica/manual_compaction",
     IN_BOTH,
     true,
     NULL,
     {"ip:port/replica/maual_compaction?app_id=<app_id>",
      "app_id=<app_id>. Query the manual compaction status of an app."}},
    {"updateConfig",
     IN_BOTH,
     false,
     http_update_config,
     {"ip:port/updateConfig?<key>=<value>",
      "<key>=<new_value>. Update the config to the new value."}},
    {"version",
     IN_BOTH,
     false,
     get_version,
     {"Gets the server version.", "Get the server version."}},
};
enum { ROUTE_COUNT = sizeof routes / sizeof routes[0] };

static bool is_served(const struct http_call *call, const struct route *route)
{
    bool master = call->sim->model.release == RELEASE_MASTER;
    return (route->release == IN_BOTH || (route->release == IN_MASTER) == master) &&
           (!route->replica_only || call->sim->servers[call->server].role == ROLE_REPLICA);
}

static void get_root(struct http_call *call)
{
    struct text *body = &call->out->body;
    text_append_char(body, '{');
    for (int32_t i = 0; i < ROUTE_COUNT; i++) {
        if (is_served(call, &routes[i])) {
            char path[64];
            snprintf(path, sizeof path, "/%s", routes[i].path);
            http_json_pair(body, path, routes[i].help[call->sim->model.release]);
        }
    }
    text_append_string(body, "}\n");
}

/* ---- the request line */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

char *http_decode(const char *text, size_t length)
{
    char *out = memory_allocate(length + 1);
    size_t used = 0;
    for (size_t i = 0; i < length; i++) {
        bool escape = text[i] == '%' && i + 2 < length && hex_digit(text[i + 1]) >= 0 &&
                      hex_digit(text[i + 2]) >= 0;
        if (escape) {
            out[used++] = (char)(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
            i += 2;
        } else {
            out[used++] = text[i];
        }
    }
    out[used] = '\0';
    return out;
}

/* Empty segments collapse: "//meta//nodes/" is "meta/nodes". */
static void collapse(char *path)
{
    char *to = path;
    for (const char *from = path; *from != '\0'; from++) {
        bool slash = *from == '/';
        bool at_end = from[strspn(from, "/")] == '\0';
        if (!slash || (to != path && to[-1] != '/' && !at_end)) {
            *to++ = *from;
        }
    }
    *to = '\0';
}

static bool split_query(struct http_call *call)
{
    char *rest = NULL;
    for (char *item = strtok_r(call->query, "&", &rest); item != NULL;
         item = strtok_r(NULL, "&", &rest)) {
        char *equals = strchr(item, '=');
        if (equals != NULL) {
            *equals = '\0';
        }
        if (call->parameter_count == HTTP_PARAMETER_MAX || http_parameter(call, item) != NULL) {
            return false;
        }
        call->keys[call->parameter_count] = item;
        call->values[call->parameter_count++] = equals == NULL ? item + strlen(item) : equals + 1;
    }
    return true;
}

static void route(struct http_call *call)
{
    bool is_meta = call->sim->servers[call->server].role == ROLE_META;
    for (int32_t i = 0; i < ROUTE_COUNT; i++) {
        const struct route *found = &routes[i];
        if (found->run != NULL && strcmp(found->path, call->path) == 0 && is_served(call, found)) {
            found->run(call);
            return;
        }
    }
    if (is_meta && http_meta(call)) {
        return;
    }
    call->out->status = 404;
    text_printf(&call->out->body, "service not found for \"%s\"", call->path);
}

enum sim_answer sim_http_request(struct sim *sim, int32_t server, const char *method,
                                 const char *target, struct sim_http *out)
{
    switch (sim_server_process(sim, server)) {
    case SIM_DOWN:
        return SIM_REFUSED;
    case SIM_SILENT:
        return SIM_NO_REPLY;
    case SIM_UP:
        break;
    }
    if (strcmp(method, "GET") != 0 && strcmp(method, "POST") != 0) {
        return SIM_NO_REPLY; /* the session is dropped */
    }
    size_t path_length = strcspn(target, "?");
    const char *query = target[path_length] == '?' ? target + path_length + 1 : "";
    struct http_call call = {.sim = sim, .server = server, .out = out};
    *out = (struct sim_http){.status = 200};
    call.path = http_decode(target, path_length);
    call.query = http_decode(query, strlen(query));
    collapse(call.path);
    if (split_query(&call)) {
        route(&call);
    } else {
        out->status = 400;
    }
    free(call.path);
    free(call.query);
    return SIM_ANSWER;
}
