#include "sim/http_call.h"

#include <stdio.h>
#include <string.h>

/* ---- health, as all listings count it (reference behaviour 7.8) */

struct health {
    int32_t partitions;
    int32_t healthy;
    int32_t write_unhealthy;
    int32_t read_unhealthy;
};

static struct health table_health(const struct sim *sim, const struct table *table)
{
    struct health health = {.partitions = table->model->partition_count};
    for (int32_t i = 0; i < health.partitions; i++) {
        const struct partition *partition = &sim->partitions[table->first_partition + i];
        int32_t replicas = 1 + partition->secondary_count;
        if (partition->primary == NO_SERVER) {
            health.read_unhealthy++;
            health.write_unhealthy++;
        } else if (replicas >= table->model->max_replica_count) {
            health.healthy++;
        } else if (replicas < 2) {
            health.write_unhealthy++;
        }
    }
    return health;
}

static const char *count_text(int64_t value, char buffer[32])
{
    snprintf(buffer, 32, "%lld", (long long)value);
    return buffer;
}

/* Opens "key":{ behind what is there. */
static void open_object(struct text *body, const char *key)
{
    if (body->length > 0 && body->bytes[body->length - 1] != '{') {
        text_append_char(body, ',');
    }
    http_json_string(body, key);
    text_append_string(body, ":{");
}

static void open_numbered(struct text *body, int64_t key)
{
    char number[32];
    open_object(body, count_text(key, number));
}

static void close_object(struct text *body)
{
    text_append_char(body, '}');
}

static const char *name_of(const struct sim *sim, int32_t server)
{
    return server < 0 ? "-" : sim->servers[server].name;
}

/* ---- /meta/cluster, /meta/nodes */

static void get_cluster(struct http_call *call)
{
    struct cluster_row rows[CLUSTER_KEY_COUNT];
    struct text *body = &call->out->body;
    struct arena arena;
    arena_init(&arena);
    answers_cluster(call->sim, &arena, rows);
    text_append_char(body, '{');
    for (int32_t i = 0; i < CLUSTER_KEY_COUNT - 1; i++) { /* all but cluster_name */
        http_json_pair(body, rows[i].key, rows[i].value);
    }
    text_append_string(body, "}\n");
    arena_clear(&arena);
}

static void append_nodes(struct http_call *call, bool detail)
{
    const struct sim *sim = call->sim;
    struct text *body = &call->out->body;
    struct arena arena;
    int32_t *order;
    arena_init(&arena);
    int32_t count = answers_sort_nodes(sim, &arena, false, &order);
    if (count > 0) {
        open_object(body, "details");
    }
    for (int32_t i = 0; i < count; i++) {
        const struct server *node = &sim->servers[order[i]];
        open_object(body, node->name);
        http_json_pair(body, "address", node->name);
        http_json_pair(body, "status", node->status == NODE_ALIVE ? "ALIVE" : "UNALIVE");
        if (detail) {
            http_json_number(body, "replica_count", node->primaries + node->secondaries);
            http_json_number(body, "primary_count", node->primaries);
            http_json_number(body, "secondary_count", node->secondaries);
        }
        close_object(body);
    }
    if (count > 0) {
        close_object(body);
    }
    arena_clear(&arena);
}

static void get_nodes(struct http_call *call)
{
    struct text *body = &call->out->body;
    int32_t alive;
    int32_t dead;
    text_append_char(body, '{');
    append_nodes(call, http_parameter(call, "detail") != NULL);
    meta_node_counts(call->sim, &alive, &dead);
    open_object(body, "summary");
    http_json_number(body, "total_node_count", alive + dead);
    http_json_number(body, "alive_node_count", alive);
    http_json_number(body, "unalive_node_count", dead);
    close_object(body);
    text_append_string(body, "}\n");
}

/* ---- /meta/apps */

static void format_creation(const struct sim *sim, const struct table *table,
                            char out[TIME_TEXT_BYTES + 8])
{
    char whole[TIME_TEXT_BYTES];
    sim_format_time(sim, table->created_us, whole);
    snprintf(out, TIME_TEXT_BYTES + 8, "%s%s", whole,
             sim->model.release == RELEASE_2_5 ? ".0" : ".000");
}

static void append_general(struct http_call *call)
{
    const struct sim *sim = call->sim;
    struct text *body = &call->out->body;
    char created[TIME_TEXT_BYTES + 8];
    open_object(body, "general_info");
    for (int32_t i = 0; i < sim->table_count; i++) {
        const struct table *table = &sim->tables[i];
        if (table->dropped) {
            continue;
        }
        format_creation(sim, table, created);
        open_numbered(body, table->app_id);
        http_json_number(body, "app_id", table->app_id);
        http_json_pair(body, "status", "AVAILABLE");
        http_json_pair(body, "app_name", table->model->name);
        http_json_pair(body, "app_type", "pegasus");
        http_json_number(body, "partition_count", table->model->partition_count);
        http_json_number(body, "replica_count", table->model->max_replica_count);
        http_json_pair(body, "is_stateful", "true");
        http_json_pair(body, "create_time", created);
        http_json_pair(body, "drop_time", "-");
        http_json_pair(body, "drop_expire", "-");
        http_json_number(body, "envs_count", 0);
        close_object(body);
    }
    close_object(body);
}

static void append_health(struct http_call *call, int32_t apps[4])
{
    const struct sim *sim = call->sim;
    struct text *body = &call->out->body;
    open_object(body, "healthy_info");
    for (int32_t i = 0; i < sim->table_count; i++) {
        const struct table *table = &sim->tables[i];
        if (table->dropped) {
            continue;
        }
        struct health health = table_health(sim, table);
        int32_t unhealthy = health.partitions - health.healthy;
        open_numbered(body, table->app_id);
        http_json_number(body, "app_id", table->app_id);
        http_json_pair(body, "app_name", table->model->name);
        http_json_number(body, "partition_count", health.partitions);
        http_json_number(body, "fully_healthy", health.healthy);
        http_json_number(body, "unhealthy", unhealthy);
        http_json_number(body, "write_unhealthy", health.write_unhealthy);
        http_json_number(body, "read_unhealthy", health.read_unhealthy);
        close_object(body);
        apps[0] += unhealthy == 0;
        apps[1] += unhealthy > 0;
        apps[2] += health.write_unhealthy > 0;
        apps[3] += health.read_unhealthy > 0;
    }
    close_object(body);
}

static void get_apps(struct http_call *call)
{
    const struct sim *sim = call->sim;
    struct text *body = &call->out->body;
    int32_t count = 0;
    for (int32_t t = 0; t < sim->table_count; t++) {
        count += !sim->tables[t].dropped;
    }
    bool detail = http_parameter(call, "detail") != NULL && count > 0;
    int32_t apps[4] = {0};
    text_append_char(body, '{');
    if (count > 0) {
        append_general(call);
    }
    if (detail) {
        append_health(call, apps);
    }
    open_object(body, "summary");
    http_json_number(body, "total_app_count", count);
    if (detail) {
        http_json_number(body, "fully_healthy_app_count", apps[0]);
        http_json_number(body, "unhealthy_app_count", apps[1]);
        http_json_number(body, "write_unhealthy_app_count", apps[2]);
        http_json_number(body, "read_unhealthy_app_count", apps[3]);
    }
    close_object(body);
    text_append_string(body, "}\n");
}

/* ---- /meta/app */

static void append_replicas(struct http_call *call, const struct table *table)
{
    const struct sim *sim = call->sim;
    struct text *body = &call->out->body;
    open_object(body, "replicas");
    for (int32_t p = 0; p < table->model->partition_count; p++) {
        const struct partition *partition = &sim->partitions[table->first_partition + p];
        struct text list = {0};
        char count[32];
        text_append_char(&list, '[');
        for (int32_t i = 0; i < partition->secondary_count; i++) {
            text_printf(&list, "%s%s", i == 0 ? "" : ",", name_of(sim, partition->secondaries[i]));
        }
        text_append_char(&list, ']');
        snprintf(count, sizeof count, "%d/%d",
                 partition->secondary_count + (partition->primary != NO_SERVER),
                 table->model->max_replica_count);
        open_numbered(body, p);
        http_json_number(body, "pidx", p);
        http_json_number(body, "ballot", partition->ballot);
        http_json_pair(body, "replica_count", count);
        http_json_pair(body, "primary", name_of(sim, partition->primary));
        http_json_pair(body, "secondaries", text_string(&list));
        close_object(body);
        text_clear(&list);
    }
    close_object(body);
}

static void append_node_row(struct text *body, const char *name, int32_t primaries,
                            int32_t secondaries)
{
    open_object(body, name);
    http_json_pair(body, "node", name);
    http_json_number(body, "primary", primaries);
    http_json_number(body, "secondary", secondaries);
    http_json_number(body, "total", primaries + secondaries);
    close_object(body);
}

static void append_table_nodes(struct http_call *call, const struct table *table)
{
    const struct sim *sim = call->sim;
    struct text *body = &call->out->body;
    struct arena arena;
    int32_t *order;
    int32_t totals[2] = {0};
    arena_init(&arena);
    int32_t *secondaries =
        arena_allocate(&arena, (size_t)sim->model.replica_count * sizeof *secondaries);
    for (int32_t p = 0; p < table->model->partition_count; p++) {
        const struct partition *partition = &sim->partitions[table->first_partition + p];
        for (int32_t i = 0; i < partition->secondary_count; i++) {
            secondaries[partition->secondaries[i]]++;
        }
    }
    int32_t count = answers_sort_nodes(sim, &arena, false, &order);
    open_object(body, "nodes");
    for (int32_t i = 0; i < count; i++) {
        int32_t node = order[i];
        if (table->shares[node].primaries + secondaries[node] > 0) {
            append_node_row(body, name_of(sim, node), table->shares[node].primaries,
                            secondaries[node]);
            totals[0] += table->shares[node].primaries;
            totals[1] += secondaries[node];
        }
    }
    append_node_row(body, "total", totals[0], totals[1]);
    close_object(body);
    arena_clear(&arena);
}

static void get_app(struct http_call *call)
{
    const struct sim *sim = call->sim;
    const char *name = http_parameter(call, "name");
    struct text *body = &call->out->body;
    const struct table *table = NULL;
    if (name == NULL) {
        call->out->status = 400;
        return;
    }
    table = world_find_table(sim, slice_of(name));
    if (table == NULL) {
        call->out->status = 404;
        text_printf(body, "table not found: \"%s\"", name);
        return;
    }
    text_append_char(body, '{');
    open_object(body, "general");
    http_json_pair(body, "app_name", table->model->name);
    http_json_number(body, "app_id", table->app_id);
    http_json_number(body, "partition_count", table->model->partition_count);
    http_json_number(body, "max_replica_count", table->model->max_replica_count);
    close_object(body);
    if (http_parameter(call, "detail") != NULL) {
        struct health health = table_health(sim, table);
        append_replicas(call, table);
        append_table_nodes(call, table);
        open_object(body, "healthy");
        http_json_number(body, "fully_healthy_partition_count", health.healthy);
        http_json_number(body, "unhealthy_partition_count", health.partitions - health.healthy);
        http_json_number(body, "write_unhealthy_partition_count", health.write_unhealthy);
        http_json_number(body, "read_unhealthy_partition_count", health.read_unhealthy);
        close_object(body);
    }
    text_append_string(body, "}\n");
}

static void get_app_envs(struct http_call *call)
{
    if (http_parameter(call, "name") == NULL) {
        call->out->status = 400;
        return;
    }
    text_append_string(&call->out->body, "{}\n");
}

/* ---- who answers */

static void redirect(struct http_call *call)
{
    const struct sim *sim = call->sim;
    int32_t leader = meta_known_leader(sim);
    const char *nobody = sim->traits->has_host_ports ? "invalid host_port" : "invalid address";
    call->out->status = 307;
    text_printf(&call->out->location, "http://%s/%s",
                leader == NO_SERVER ? nobody : sim->servers[leader].name, call->path);
    for (int32_t i = 0; i < call->parameter_count; i++) {
        text_printf(&call->out->location, "%c%s=%s", i == 0 ? '?' : '&', call->keys[i],
                    call->values[i]);
    }
}

bool http_meta(struct http_call *call)
{
    static const struct {
        const char *path;
        const char *keys[2];
        void (*run)(struct http_call *call);
    } paths[] = {
        {"meta/app", {"name", "detail"}, get_app},
        {"meta/app_envs", {"name", NULL}, get_app_envs},
        {"meta/apps", {"detail", NULL}, get_apps},
        {"meta/cluster", {NULL, NULL}, get_cluster},
        {"meta/nodes", {"detail", NULL}, get_nodes},
    };
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        if (strcmp(paths[i].path, call->path) != 0) {
            continue;
        }
        if (!http_only(call, paths[i].keys[0], paths[i].keys[1])) {
            return true; /* refused before anybody asks who leads */
        }
        if (meta_is_active(call->sim, call->server)) {
            paths[i].run(call);
        } else {
            redirect(call);
        }
        return true;
    }
    return false;
}
