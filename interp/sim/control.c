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

/* "/servers/NAME/ACTION", decoded, is taken apart in place. */
static void post(struct sim *sim, char *path, const char *query, struct reply *out)
{
    static const char prefix[] = "/servers/";
    static const char version_key[] = "version=";
    if (strncmp(path, prefix, sizeof prefix - 1) != 0) {
        fail(out, 404, "no path '%s'", path);
        return;
    }
    char *name = path + sizeof prefix - 1;
    char *slash = strchr(name, '/');
    if (slash == NULL) {
        fail(out, 404, "no path '%s'", path);
        return;
    }
    *slash = '\0';
    const char *version = NULL;
    if (query[0] != '\0') {
        if (strncmp(query, version_key, sizeof version_key - 1) != 0) {
            fail(out, 400, "no parameter '%s': version=V", query);
            return;
        }
        version = query + sizeof version_key - 1;
    }
    order(sim, name, slash + 1, version, out);
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
    } else if (strcmp(path, "/servers") != 0) {
        fail(&reply, 404, "no path '%s'", path);
    } else {
        list_servers(sim, &reply);
    }
    *status = reply.status;
    *done_us = reply.done_us;
    free(path);
    free(parameters);
}
