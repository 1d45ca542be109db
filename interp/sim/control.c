#include "sim/control.h"

#include "sim/http_call.h"

#include <stdlib.h>
#include <string.h>

static const char *const actions[] = {
    [SIM_STOP] = "stop",       [SIM_KILL] = "kill",     [SIM_START] = "start",
    [SIM_RESTART] = "restart", [SIM_UPDATE] = "update",
};

bool sim_control_parse(const char *word, enum sim_control *out)
{
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        if (strcmp(actions[i], word) == 0) {
            *out = (enum sim_control)i;
            return true;
        }
    }
    return false;
}

int32_t sim_find_named_server(const struct sim *sim, const char *name)
{
    char address[ADDRESS_TEXT_BYTES];
    for (int32_t i = 0; i < sim->server_count; i++) {
        const struct server *server = &sim->servers[i];
        if (strcmp(name, server->label) == 0 || strcmp(name, server->name) == 0 ||
            strcmp(name, address_format(server->address, address)) == 0) {
            return i;
        }
    }
    return NO_SERVER;
}

struct reply {
    int status;
    struct text *body;
    int64_t done_us;
};

__attribute__((format(printf, 3, 4))) static void fail(struct reply *out, int status,
                                                       const char *format, ...)
{
    struct text message = {0};
    va_list args;
    va_start(args, format);
    text_append_va(&message, format, args);
    va_end(args);
    out->status = status;
    text_append_char(out->body, '{');
    http_json_pair(out->body, "error", text_string(&message));
    text_append_string(out->body, "}\n");
    text_clear(&message);
}

static void list_servers(const struct sim *sim, struct reply *out)
{
    static const char *const processes[] = {
        [SIM_DOWN] = "down", [SIM_SILENT] = "silent", [SIM_UP] = "up"};
    char address[ADDRESS_TEXT_BYTES];
    text_append_char(out->body, '[');
    for (int32_t i = 0; i < sim->server_count; i++) {
        const struct server *server = &sim->servers[i];
        text_append_string(out->body, i == 0 ? "{" : ",{");
        http_json_pair(out->body, "server", address_format(server->address, address));
        http_json_pair(out->body, "label", server->label);
        http_json_pair(out->body, "role", role_name(server->role));
        http_json_pair(out->body, "process", processes[sim_server_process(sim, i)]);
        http_json_pair(out->body, "version", server->version);
        text_printf(out->body, ",\"updates\":%d}", server->updates);
    }
    text_append_string(out->body, "]\n");
}

static void order(struct sim *sim, const char *name, const char *word, const char *version,
                  struct reply *out)
{
    enum sim_control action;
    struct error err;
    char address[ADDRESS_TEXT_BYTES];
    int32_t server = sim_find_named_server(sim, name);
    if (server == NO_SERVER) {
        fail(out, 404, "no server '%s'", name);
        return;
    }
    if (!sim_control_parse(word, &action)) {
        fail(out, 400, "no action '%s': stop, kill, start, restart or update", word);
        return;
    }
    if (version != NULL && strlen(version) >= sizeof sim->servers[server].version) {
        fail(out, 400, "version '%s' is too long", version);
        return;
    }
    if (!sim_control(sim, server, action, version, &out->done_us, &err)) {
        fail(out, 409, "%s", err.text);
        return;
    }
    if (action != SIM_UPDATE) {
        version = sim->servers[server].version;
    } else if (version == NULL) {
        version = sim->model.next_version;
    }
    text_append_char(out->body, '{');
    http_json_pair(out->body, "server", address_format(sim->servers[server].address, address));
    http_json_pair(out->body, "action", word);
    http_json_pair(out->body, "version", version);
    text_append_string(out->body, "}\n");
}

/* ---- tables */

static void list_tables(const struct sim *sim, struct reply *out)
{
    text_append_char(out->body, '[');
    for (int32_t i = 0; i < sim->table_count; i++) {
        const struct table *table = &sim->tables[i];
        text_append_string(out->body, i == 0 ? "{" : ",{");
        http_json_pair(out->body, "table", table->model->name);
        http_json_number(out->body, "app_id", table->app_id);
        http_json_number(out->body, "partitions", table->model->partition_count);
        http_json_number(out->body, "replicas", table->model->max_replica_count);
        http_json_pair(out->body, "status", table->dropped ? "DROPPED" : "AVAILABLE");
        text_append_char(out->body, '}');
    }
    text_append_string(out->body, "]\n");
}

/* "partitions=8&replicas=3", taken apart in place; what is not given stays. */
static bool read_shape(char *query, int32_t *partitions, int32_t *replicas, struct reply *out)
{
    for (char *pair = strsep(&query, "&"); pair != NULL; pair = strsep(&query, "&")) {
        char *value = strchr(pair, '=');
        char *end = NULL;
        if (*pair == '\0') {
            continue;
        }
        long number = value == NULL ? -1 : strtol(value + 1, &end, 10);
        if (value == NULL || value[1] == '\0' || *end != '\0' || number < 0 || number > INT32_MAX) {
            fail(out, 400, "'%s' is no number: partitions=8&replicas=3", pair);
            return false;
        }
        *value = '\0';
        if (strcmp(pair, "partitions") == 0) {
            *partitions = (int32_t)number;
        } else if (strcmp(pair, "replicas") == 0) {
            *replicas = (int32_t)number;
        } else {
            fail(out, 400, "no parameter '%s': partitions=8&replicas=3", pair);
            return false;
        }
    }
    return true;
}

static void change_table(struct sim *sim, const char *name, const char *word, char *query,
                         struct reply *out)
{
    int32_t partitions = 8;
    int32_t replicas = 3;
    struct error err;
    bool creates = strcmp(word, "create") == 0;
    if (!creates && strcmp(word, "drop") != 0) {
        fail(out, 400, "no action '%s': create or drop", word);
        return;
    }
    if (!creates && *query != '\0') {
        fail(out, 400, "drop takes no parameter");
        return;
    }
    if (!read_shape(query, &partitions, &replicas, out)) {
        return;
    }
    if (creates ? !sim_create_table(sim, name, partitions, replicas, &err)
                : !sim_drop_table(sim, name, &err)) {
        fail(out, 409, "%s", err.text);
        return;
    }
    text_append_char(out->body, '{');
    http_json_pair(out->body, "table", name);
    http_json_pair(out->body, "action", word);
    text_append_string(out->body, "}\n");
}

/* ---- requests */

static void change_server(struct sim *sim, const char *name, const char *word, const char *query,
                          struct reply *out)
{
    static const char version_key[] = "version=";
    const char *version = NULL;
    if (query[0] != '\0') {
        if (strncmp(query, version_key, sizeof version_key - 1) != 0) {
            fail(out, 400, "no parameter '%s': version=V", query);
            return;
        }
        version = query + sizeof version_key - 1;
    }
    order(sim, name, word, version, out);
}

/* "/servers/NAME/ACTION" or "/tables/NAME/ACTION", decoded; taken apart in place. */
static void post(struct sim *sim, char *path, char *query, struct reply *out)
{
    static const char servers[] = "/servers/";
    static const char tables[] = "/tables/";
    bool of_server = strncmp(path, servers, sizeof servers - 1) == 0;
    bool of_table = strncmp(path, tables, sizeof tables - 1) == 0;
    char *name = path + (of_server ? sizeof servers : sizeof tables) - 1;
    char *slash = of_server || of_table ? strchr(name, '/') : NULL;
    if (slash == NULL) {
        fail(out, 404, "no path '%s'", path);
        return;
    }
    *slash = '\0';
    if (of_server) {
        change_server(sim, name, slash + 1, query, out);
    } else {
        change_table(sim, name, slash + 1, query, out);
    }
}

void sim_control_request(struct sim *sim, const char *method, const char *target, int *status,
                         struct text *body, int64_t *done_us)
{
    struct reply reply = {200, body, sim->now_us};
    size_t length = strcspn(target, "?");
    const char *query = target + length + (target[length] == '?');
    char *path = http_decode(target, length);
    char *parameters = http_decode(query, strlen(query));
    if (strcmp(method, "POST") == 0) {
        post(sim, path, parameters, &reply);
    } else if (strcmp(method, "GET") != 0) {
        fail(&reply, 400, "no method '%s': GET or POST", method);
    } else if (strcmp(path, "/servers") == 0) {
        list_servers(sim, &reply);
    } else if (strcmp(path, "/tables") == 0) {
        list_tables(sim, &reply);
    } else {
        fail(&reply, 404, "no path '%s'", path);
    }
    *status = reply.status;
    *done_us = reply.done_us;
    free(path);
    free(parameters);
}
