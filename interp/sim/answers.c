#include "sim/sim_state.h"

#include "wire/wire.h"

#include <stdlib.h>
#include <string.h>

/* Facts: reference protocol sections 3, 5, 6; samples/<release>/rpc. */

/* ---- addresses and names */

static struct host_port name_of(const struct sim *sim, int32_t server)
{
    if (server < 0) {
        return (struct host_port){0};
    }
    return (struct host_port){
        .host = slice_of(sim->model.host_name),
        .port = sim->servers[server].address.port,
        .kind = ADDRESS_IPV4,
    };
}

static struct address address_of(const struct sim *sim, int32_t server)
{
    return server < 0 ? (struct address){0} : sim->servers[server].address;
}

static struct wire_list addresses_of(const struct sim *sim, struct arena *arena,
                                     const int16_t *servers, uint32_t count)
{
    struct address *items = arena_allocate(arena, count * sizeof *items);
    for (uint32_t i = 0; i < count; i++) {
        items[i] = address_of(sim, servers[i]);
    }
    return (struct wire_list){items, count};
}

static struct wire_list names_of(const struct sim *sim, struct arena *arena, const int16_t *servers,
                                 uint32_t count)
{
    struct host_port *items = arena_allocate(arena, count * sizeof *items);
    for (uint32_t i = 0; i < count; i++) {
        items[i] = name_of(sim, servers[i]);
    }
    return (struct wire_list){items, count};
}

/* ---- RPC_CM_CLUSTER_INFO */

static void cluster_info(struct sim *sim, struct arena *arena,
                         struct cluster_info_response *response)
{
    struct cluster_row rows[CLUSTER_KEY_COUNT];
    struct slice *keys = arena_allocate(arena, CLUSTER_KEY_COUNT * sizeof *keys);
    struct slice *values = arena_allocate(arena, CLUSTER_KEY_COUNT * sizeof *values);
    answers_cluster(sim, arena, rows);
    for (int32_t i = 0; i < CLUSTER_KEY_COUNT; i++) {
        keys[i] = slice_of(rows[i].key);
        values[i] = slice_of(rows[i].value);
    }
    response->keys = (struct wire_list){keys, CLUSTER_KEY_COUNT};
    response->values = (struct wire_list){values, CLUSTER_KEY_COUNT};
}

/* ---- RPC_CM_LIST_NODES */

static int compare_addresses(const void *a, const void *b, void *ctx)
{
    const struct sim *sim = ctx;
    const struct server *left = &sim->servers[*(const int32_t *)a];
    const struct server *right = &sim->servers[*(const int32_t *)b];
    if (left->address.ip != right->address.ip) {
        return left->address.ip < right->address.ip ? -1 : 1;
    }
    return (left->address.port > right->address.port) - (left->address.port < right->address.port);
}

static int compare_alive(const void *a, const void *b, void *ctx)
{
    const struct sim *sim = ctx;
    const struct server *left = &sim->servers[*(const int32_t *)a];
    const struct server *right = &sim->servers[*(const int32_t *)b];
    if (left->status != right->status) {
        return left->status == NODE_ALIVE ? -1 : 1;
    }
    return compare_addresses(a, b, ctx);
}

int32_t answers_sort_nodes(const struct sim *sim, struct arena *arena, bool alive_first,
                           int32_t **order)
{
    int32_t count = 0;
    *order = arena_allocate(arena, (size_t)sim->model.replica_count * sizeof **order);
    for (int32_t i = 0; i < sim->model.replica_count; i++) {
        if (sim->servers[i].status != NODE_INVALID) {
            (*order)[count++] = i;
        }
    }
    qsort_r(*order, (size_t)count, sizeof **order, alive_first ? compare_alive : compare_addresses,
            (void *)sim);
    return count;
}

static void list_nodes(struct sim *sim, const struct list_nodes_request *request,
                       struct arena *arena, struct list_nodes_response *response)
{
    int32_t *order;
    int32_t known = answers_sort_nodes(sim, arena, true, &order);
    struct wire_node_info *infos = arena_allocate(arena, (size_t)known * sizeof *infos);
    uint32_t count = 0;
    for (int32_t i = 0; i < known; i++) {
        int32_t status = (int32_t)sim->servers[order[i]].status;
        if (request->status == NODE_INVALID || request->status == status) {
            infos[count++] = (struct wire_node_info){
                .status = status,
                .node = address_of(sim, order[i]),
                .hp_node = name_of(sim, order[i]),
                .has_hp_node = sim->traits->has_host_ports,
            };
        }
    }
    response->infos = (struct wire_list){infos, count};
}

/* ---- RPC_CM_LIST_APPS */

enum { DROPPED_KEPT_SECONDS = 604800 }; /* upstream hold_seconds_for_dropped_app */

static int64_t seconds_at(const struct sim *sim, int64_t at_us)
{
    return (sim->wall_start_us + at_us) / 1000000;
}

static struct wire_app_info app_info(const struct sim *sim, const struct table *table)
{
    int64_t dropped = table->dropped ? seconds_at(sim, table->dropped_us) : 0;
    return (struct wire_app_info){
        .status = table->dropped ? APP_DROPPED : APP_AVAILABLE,
        .app_type = slice_of("pegasus"),
        .app_name = slice_of(table->model->name),
        .app_id = table->app_id,
        .partition_count = table->model->partition_count,
        .is_stateful = true,
        .max_replica_count = table->model->max_replica_count,
        .create_second = seconds_at(sim, table->created_us),
        .drop_second = dropped,
        .expire_second = table->dropped ? dropped + DROPPED_KEPT_SECONDS : 0,
        .has_duplicating = true,
        .init_partition_count = table->model->partition_count,
        .has_init_partition_count = true,
        .has_is_bulk_loading = true,
        .has_atomic_idempotent = sim->traits->has_atomic_idempotent,
    };
}

static void list_apps(struct sim *sim, const struct list_apps_request *request, struct arena *arena,
                      struct list_apps_response *response)
{
    struct wire_app_info *infos = arena_allocate(arena, (size_t)sim->table_count * sizeof *infos);
    uint32_t count = 0;
    for (int32_t i = 0; i < sim->table_count; i++) {
        struct wire_app_info info = app_info(sim, &sim->tables[i]);
        if (request->status == APP_INVALID || request->status == info.status) {
            infos[count++] = info;
        }
    }
    response->infos = (struct wire_list){infos, count};
}

/* ---- RPC_CM_QUERY_PARTITION_CONFIG_BY_INDEX */

static struct wire_partition wire_partition_of(const struct sim *sim, struct arena *arena,
                                               const struct partition *partition)
{
    bool named = sim->traits->has_host_ports;
    struct wire_partition out = {
        .pid = partition->gpid,
        .ballot = partition->ballot,
        .max_replica_count = sim->tables[partition->table].model->max_replica_count,
        .primary = address_of(sim, partition->primary),
        .secondaries = addresses_of(sim, arena, partition->secondaries, partition->secondary_count),
        .last_drops = addresses_of(sim, arena, partition->last_drops, partition->last_drop_count),
        .last_committed_decree = partition->last_committed_decree,
        .has_hp_primary = named,
        .has_hp_secondaries = named,
        .has_hp_last_drops = named,
    };
    if (named) {
        out.hp_primary = name_of(sim, partition->primary);
        out.hp_secondaries =
            names_of(sim, arena, partition->secondaries, partition->secondary_count);
        out.hp_last_drops = names_of(sim, arena, partition->last_drops, partition->last_drop_count);
    }
    return out;
}

/* A request may name partitions over and over; a table has at most 32767. */
enum { LISTING_MAX = 65536 };

static int compare_indices(const void *a, const void *b)
{
    int32_t left = *(const int32_t *)a;
    int32_t right = *(const int32_t *)b;
    return (left > right) - (left < right);
}

/* Only those whose record was written after `since`, by their index. */
static struct wire_list list_changed(const struct sim *sim, const struct table *table,
                                     uint64_t since, struct arena *arena)
{
    uint32_t count = 0;
    for (int32_t i = table->newest; i >= 0 && sim->partitions[i].revision > since;
         i = sim->partitions[i].older) {
        count++;
    }
    if (count == 0) {
        return (struct wire_list){0};
    }
    int32_t *indices = arena_allocate(arena, count * sizeof *indices);
    struct wire_partition *items = arena_allocate(arena, count * sizeof *items);
    int32_t next = table->newest;
    for (uint32_t i = 0; i < count; i++) {
        indices[i] = next;
        next = sim->partitions[next].older;
    }
    qsort(indices, count, sizeof *indices, compare_indices);
    for (uint32_t i = 0; i < count; i++) {
        items[i] = wire_partition_of(sim, arena, &sim->partitions[indices[i]]);
    }
    return (struct wire_list){items, count};
}

/* Those asked for, in the order asked; where none is valid, all. Room is for what is answered: one
 * partition of a large table is asked for again and again. */
static struct wire_list list_asked(const struct sim *sim, const struct table *table,
                                   const struct query_config_request *request, struct arena *arena)
{
    uint32_t total = (uint32_t)table->model->partition_count;
    const struct partition *first = &sim->partitions[table->first_partition];
    const int32_t *indices = request->partition_indices.items;
    uint32_t asked = request->partition_indices.count;
    uint32_t valid = 0;
    for (uint32_t i = 0; i < asked && valid < LISTING_MAX; i++) {
        valid += indices[i] >= 0 && (uint32_t)indices[i] < total;
    }
    uint32_t most = valid > 0 ? valid : total;
    struct wire_partition *items = arena_allocate(arena, most * sizeof *items);
    uint32_t count = 0;
    for (uint32_t i = 0; i < asked && count < valid; i++) {
        if (indices[i] >= 0 && (uint32_t)indices[i] < total) {
            items[count++] = wire_partition_of(sim, arena, &first[indices[i]]);
        }
    }
    for (; valid == 0 && count < total; count++) {
        items[count] = wire_partition_of(sim, arena, &first[count]);
    }
    return (struct wire_list){items, count};
}

static void query_config(struct sim *sim, const struct query_config_request *request,
                         struct arena *arena, struct query_config_response *response)
{
    const struct table *table = world_find_table(sim, request->app_name);
    if (table == NULL) {
        response->err = slice_of(PEGASUS_OBJECT_NOT_FOUND);
        return;
    }
    response->app_id = table->app_id;
    response->partition_count = table->model->partition_count;
    response->is_stateful = true;
    response->revision = sim->revision;
    response->is_partial = request->since > 0;
    response->partitions = response->is_partial ? list_changed(sim, table, request->since, arena)
                                                : list_asked(sim, table, request, arena);
}

/* The only refusal of a standby that tells who leads. */
static void hint_leader(struct sim *sim, struct arena *arena,
                        struct query_config_response *response)
{
    int32_t leader = meta_known_leader(sim);
    if (leader != NO_SERVER) {
        struct wire_partition *hint = arena_allocate(arena, sizeof *hint);
        hint->primary = address_of(sim, leader);
        hint->hp_primary = name_of(sim, leader);
        hint->has_hp_primary = sim->traits->has_host_ports;
        response->partitions = (struct wire_list){hint, 1};
    }
}

/* ---- RPC_QUERY_REPLICA_INFO */

static void replica_info(struct sim *sim, int32_t server, struct arena *arena,
                         struct replica_info_response *response)
{
    size_t total = 0;
    for (int32_t r = sim->servers[server].first_replica; r >= 0;
         r = sim->replicas[r].next_in_server) {
        total++;
    }
    struct wire_replica_info *items = arena_allocate(arena, total * sizeof *items);
    uint32_t count = 0;
    for (int32_t r = sim->servers[server].first_replica; r >= 0;
         r = sim->replicas[r].next_in_server) {
        const struct replica *replica = &sim->replicas[r];
        const struct partition *partition = &sim->partitions[replica->partition];
        items[count++] = (struct wire_replica_info){
            .pid = partition->gpid,
            .ballot = replica->ballot,
            .status = replica->status,
            .last_committed_decree = partition->last_committed_decree,
            .last_prepared_decree = partition->last_committed_decree,
            .app_type = slice_of("pegasus"),
            .disk_tag = slice_of("default"),
            .has_manual_compact_status = true,
        };
    }
    response->replicas = (struct wire_list){items, count};
}

/* ---- who answers what */

/* The responses of all meta RPCs begin with their `err`. */
static void set_error(void *response, const char *error)
{
    *(struct slice *)response = slice_of(error);
}

static enum sim_answer answer_leader(struct sim *sim, enum rpc rpc, const void *request,
                                     struct arena *arena, void *response)
{
    set_error(response, PEGASUS_OK);
    switch (rpc) {
    case RPC_CLUSTER_INFO:
        cluster_info(sim, arena, response);
        return SIM_ANSWER;
    case RPC_LIST_NODES:
        list_nodes(sim, request, arena, response);
        return SIM_ANSWER;
    case RPC_LIST_APPS:
        list_apps(sim, request, arena, response);
        return SIM_ANSWER;
    case RPC_QUERY_CONFIG:
        query_config(sim, request, arena, response);
        return SIM_ANSWER;
    case RPC_CONTROL_META: {
        const struct control_meta_request *control = request;
        ((struct control_meta_response *)response)->old_level = sim->leader.stored_level;
        if (control->level != LEVEL_QUERY) {
            if (meta_level_name(control->level) == NULL) {
                sim_count_violation(sim, "meta level %d, which is none, was set", control->level);
            }
            meta_set_level(sim, control->level);
        }
        return SIM_ANSWER;
    }
    case RPC_PROPOSE:
    case RPC_REMOTE_COMMAND:
    case RPC_REPLICA_INFO:
    case RPC_COUNT:
        break;
    }
    return SIM_NO_HANDLER;
}

static enum sim_answer answer_command(struct sim *sim, int32_t server, const void *request,
                                      struct arena *arena, void *response)
{
    text_reset(&sim->scratch);
    commands_run(sim, server, request, &sim->scratch);
    const char *copy = arena_copy_bytes(arena, text_string(&sim->scratch), sim->scratch.length);
    ((struct remote_command_response *)response)->text = (struct slice){copy, sim->scratch.length};
    return SIM_ANSWER;
}

static enum sim_answer answer_meta(struct sim *sim, int32_t server, enum rpc rpc,
                                   const void *request, struct arena *arena, void *response)
{
    if (rpc == RPC_REPLICA_INFO) {
        return SIM_NO_HANDLER;
    }
    if (rpc == RPC_REMOTE_COMMAND) {
        return answer_command(sim, server, request, arena, response);
    }
    if (rpc == RPC_PROPOSE) {
        const char *error = proposals_register(sim, server, request);
        if (error == NULL) {
            return SIM_NO_REPLY;
        }
        set_error(response, error);
        return SIM_ANSWER;
    }
    if (meta_is_active(sim, server)) {
        return answer_leader(sim, rpc, request, arena, response);
    }
    if (meta_is_leader(sim, server)) {
        set_error(response, PEGASUS_SERVICE_NOT_ACTIVE);
    } else {
        set_error(response, PEGASUS_FORWARD_TO_OTHERS);
        if (rpc == RPC_QUERY_CONFIG) {
            hint_leader(sim, arena, response);
        }
    }
    return SIM_ANSWER;
}

static enum sim_answer answer_replica(struct sim *sim, int32_t server, enum rpc rpc,
                                      const void *request, struct arena *arena, void *response)
{
    bool ready = sim->servers[server].stage == STAGE_READY;
    if (ready && rpc == RPC_REMOTE_COMMAND) {
        return answer_command(sim, server, request, arena, response);
    }
    if (ready && rpc == RPC_REPLICA_INFO) {
        set_error(response, PEGASUS_OK);
        replica_info(sim, server, arena, response);
        return SIM_ANSWER;
    }
    return SIM_NO_HANDLER;
}

enum sim_answer sim_request(struct sim *sim, int32_t server, enum rpc rpc, int32_t header_app_id,
                            const void *request, struct arena *arena, void *response)
{
    switch (sim_server_process(sim, server)) {
    case SIM_DOWN:
        return SIM_REFUSED;
    case SIM_SILENT:
        return SIM_NO_REPLY;
    case SIM_UP:
        break;
    }
    enum role role = sim->servers[server].role;
    if (header_app_id > 0 && role != ROLE_REPLICA) {
        sim_abort_server(sim, server, "%s with app id %d in its header", rpc_name(rpc),
                         header_app_id);
        return SIM_NO_REPLY;
    }
    memset(response, 0, rpc_response_bytes(rpc));
    switch (role) {
    case ROLE_META:
        return answer_meta(sim, server, rpc, request, arena, response);
    case ROLE_REPLICA:
        return answer_replica(sim, server, rpc, request, arena, response);
    case ROLE_COLLECTOR:
    case ROLE_COUNT:
        break;
    }
    return SIM_NO_HANDLER;
}
