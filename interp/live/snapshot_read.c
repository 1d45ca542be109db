#include "live/cluster_private.h"

#include "wire/wire.h"

#include <stdlib.h>
#include <string.h>

/* First the leader, its info and level; then, pipelined, the stored level, nodes and tables; then,
 * pipelined, the partitions of each table; then info and level again, which must be as before. */
struct snapshot_task {
    struct task task; /* first */
    struct snapshot *into;
    size_t waiting;     /* for answers of this stage */
    uint64_t listing;   /* of the nodes: see snapshot_memory.h */
    struct arena lists; /* of the partition being read */
    cluster_done_fn *done;
    void *ctx;
};

/* A table of 100,000 partitions takes a while to come. */
static const int64_t table_limit_us = 20 * US_PER_SECOND;

static struct snapshot_task *snapshot_of(struct task *task)
{
    return (struct snapshot_task *)task;
}

static void report(struct task *task, const struct error *err)
{
    struct snapshot_task *reading = snapshot_of(task);
    reading->done(reading->ctx, err);
}

static void free_task(struct task *task)
{
    arena_clear(&snapshot_of(task)->lists);
    free(task);
}

static int64_t now_us(const struct task *task)
{
    return loop_now_us(task->cluster->loop);
}

/* Who does not answer may be replaced by another leader; a reply that says no ends it, unless
 * `vanished`: the cluster changed while it was read. */
static void fail(struct task *task, const struct error *err, bool vanished)
{
    snapshot_of(task)->into->valid = false;
    if (vanished || task_may_ask_again(err)) {
        task_start_over(task, err);
    } else {
        task_end(task, err);
    }
}

static void fail_peer(struct task *task, enum rpc rpc, const char *what)
{
    struct error err;
    char server[ADDRESS_TEXT_BYTES];
    error_set(&err, ERROR_PEER, "%s: %s: %s", address_format(task->cluster->leader, server),
              rpc_name(rpc), what);
    fail(task, &err, false);
}

/* ---- the end: info and level again */

static void fail_changed(struct task *task, const char *what)
{
    struct error err;
    error_set(&err, ERROR_TIMEOUT, "%s changed while the cluster was read", what);
    fail(task, &err, true);
}

static void finish_when_whole(struct task *task)
{
    struct snapshot_task *reading = snapshot_of(task);
    if (--reading->waiting > 0) {
        return;
    }
    snapshot_count(reading->into);
    reading->into->complete_us = now_us(task);
    reading->into->valid = true;
    task_end(task, NULL);
}

static void on_info_again(struct task *task, size_t index, const void *response,
                          const struct error *err)
{
    (void)index;
    int32_t level;
    struct error level_error;
    if (err != NULL) {
        fail(task, err, false);
    } else if (!info_level(task, response, &level, &level_error)) {
        fail(task, &level_error, false);
    } else if (level != snapshot_of(task)->into->level) {
        fail_changed(task, "the meta level");
    } else {
        finish_when_whole(task);
    }
}

static void on_stored_level_again(struct task *task, size_t index, const void *response,
                                  const struct error *err)
{
    (void)index;
    const struct control_meta_response *answer = response;
    if (err != NULL) {
        fail(task, err, false);
    } else if (answer->old_level != snapshot_of(task)->into->stored_level) {
        fail_changed(task, "the meta level");
    } else {
        finish_when_whole(task);
    }
}

static void ask_again(struct task *task)
{
    struct cluster_info_request info = {0};
    struct control_meta_request level = {.level = LEVEL_QUERY};
    snapshot_of(task)->waiting = 2;
    ask_rpc(task, task->cluster->leader, RPC_CLUSTER_INFO, &info, CLUSTER_CALL_TIMEOUT_US,
            on_info_again, 0);
    ask_rpc(task, task->cluster->leader, RPC_CONTROL_META, &level, CLUSTER_CALL_TIMEOUT_US,
            on_stored_level_again, 0);
}

/* ---- partitions */

/* Indices of `addresses`, with the names that run parallel to them; what is no address is left out.
 * NULL: the lists do not run parallel. */
static const int32_t *add_nodes(struct snapshot *snapshot, struct arena *arena,
                                struct wire_list addresses, bool has_hosts, struct wire_list hosts,
                                int32_t *count)
{
    const struct address *address = addresses.items;
    const struct host_port *host = hosts.items;
    if (has_hosts && hosts.count != addresses.count) {
        return NULL;
    }
    int32_t *indices = arena_allocate(arena, (addresses.count + 1) * sizeof *indices);
    int32_t added = 0;
    for (uint32_t i = 0; i < addresses.count; i++) {
        int32_t node =
            snapshot_add_node(snapshot, address[i], has_hosts ? host[i] : (struct host_port){0});
        if (node != SNAPSHOT_NO_NODE) {
            indices[added++] = node;
        }
    }
    *count = added;
    return indices;
}

const char *snapshot_take_partition(struct snapshot *snapshot, struct arena *arena,
                                    const struct wire_partition *wire,
                                    struct snapshot_partition *partition)
{
    partition->gpid = wire->pid;
    partition->ballot = wire->ballot;
    partition->max_replica_count = wire->max_replica_count;
    partition->primary = snapshot_add_node(
        snapshot, wire->primary, wire->has_hp_primary ? wire->hp_primary : (struct host_port){0});
    partition->secondaries = add_nodes(snapshot, arena, wire->secondaries, wire->has_hp_secondaries,
                                       wire->hp_secondaries, &partition->secondary_count);
    partition->last_drops = add_nodes(snapshot, arena, wire->last_drops, wire->has_hp_last_drops,
                                      wire->hp_last_drops, &partition->last_drop_count);
    if (partition->secondaries == NULL || partition->last_drops == NULL) {
        return "a partition's servers and their names do not fit together";
    }
    return NULL;
}

/* NULL, or what is wrong with it. */
static const char *take_partition(struct snapshot_task *reading, struct partitions *partitions,
                                  int32_t app_id, const struct wire_partition *wire,
                                  bool is_partial)
{
    struct snapshot_partition partition = {.primary = SNAPSHOT_NO_NODE};
    if (wire->pid.app_id != app_id || wire->pid.partition < 0 ||
        wire->pid.partition >= partitions->count) {
        return "a partition's number is not of the table asked for";
    }
    if (!is_partial && partitions->items[wire->pid.partition].gpid.app_id != 0) {
        return "a partition comes twice";
    }
    arena_reset(&reading->lists);
    const char *wrong = snapshot_take_partition(reading->into, &reading->lists, wire, &partition);
    if (wrong != NULL) {
        return wrong;
    }
    partitions_set(partitions, wire->pid.partition, &partition);
    return NULL;
}

/* Where the answer's partitions go: into what was read before when it tells only what changed. */
static struct partitions *open_partitions(struct snapshot_task *reading,
                                          const struct snapshot_table *table, bool is_partial)
{
    if (is_partial) {
        ASSERT(table->shared != NULL); /* nobody else was asked for changes */
        return snapshot_memory_open(&reading->task.cluster->memory, table->app_id, table->shared);
    }
    partitions_release(table->shared);
    return partitions_new(table->partition_count);
}

static const char *take_partitions(struct snapshot_task *reading, struct snapshot_table *table,
                                   const struct query_config_response *answer)
{
    const struct wire_partition *partitions = answer->partitions.items;
    if (table->app_id <= 0) {
        return "the table's number is not positive";
    }
    if (answer->partition_count != table->partition_count ||
        (!answer->is_partial && (int64_t)answer->partitions.count != table->partition_count)) {
        return "the number of partitions is not the table's";
    }
    if (!answer->is_partial || answer->partitions.count > 0) {
        table->shared = open_partitions(reading, table, answer->is_partial);
    }
    for (uint32_t i = 0; i < answer->partitions.count; i++) {
        const char *wrong = take_partition(reading, table->shared, table->app_id, &partitions[i],
                                           answer->is_partial);
        if (wrong != NULL) {
            return wrong;
        }
    }
    table->shared->revision = answer->revision;
    snapshot_memory_keep(&reading->task.cluster->memory, table->app_id, table->shared,
                         reading->listing);
    table->partitions = table->shared->items;
    reading->into->partition_count += table->partition_count;
    return NULL;
}

/* It was there in the list: dropped since, or just being created or recalled. */
bool snapshot_table_vanished(const struct query_config_response *answer)
{
    return slice_equals(answer->err, PEGASUS_OBJECT_NOT_FOUND) ||
           slice_equals(answer->err, PEGASUS_APP_NOT_EXIST) ||
           slice_equals(answer->err, "ERR_BUSY_DROPPING") ||
           slice_equals(answer->err, "ERR_BUSY_CREATING");
}

static void on_table(struct task *task, size_t index, const void *response, const struct error *err)
{
    struct snapshot_task *reading = snapshot_of(task);
    struct snapshot_table *table = &reading->into->tables[index];
    const struct query_config_response *answer = response;
    struct error with_table;
    if (err != NULL) {
        with_table = *err;
        error_wrap(&with_table, "table '%s'", table->name);
        fail(task, &with_table, answer != NULL && snapshot_table_vanished(answer));
        return;
    }
    if (answer->app_id != table->app_id) {
        error_set(&with_table, ERROR_PEER,
                  "table '%s' is number %d in the list of tables, but %d when asked for",
                  table->name, table->app_id, answer->app_id);
        fail(task, &with_table, true); /* perhaps dropped and created again */
        return;
    }
    const char *wrong = take_partitions(reading, table, answer);
    if (wrong != NULL) {
        struct text what = {0};
        text_printf(&what, "table '%s': %s", table->name, wrong);
        fail_peer(task, RPC_QUERY_CONFIG, text_string(&what));
        text_clear(&what);
        return;
    }
    if (--reading->waiting == 0) {
        ask_again(task);
    }
}

static void ask_partitions(struct task *task)
{
    struct snapshot_task *reading = snapshot_of(task);
    struct snapshot *into = reading->into;
    struct snapshot_memory *memory = &task->cluster->memory;
    reading->waiting = 0;
    reading->listing = snapshot_memory_list(memory, into);
    for (int32_t i = 0; i < into->table_count; i++) {
        struct snapshot_table *table = &into->tables[i];
        if (table->status != APP_AVAILABLE) {
            continue;
        }
        table->shared = snapshot_memory_find(memory, table->app_id, table->partition_count);
        struct query_config_request request = {
            .app_name = slice_of(table->name),
            .since = table->shared == NULL ? 0 : table->shared->revision,
        };
        table->taken_us = now_us(task);
        reading->waiting++;
        ask_rpc(task, task->cluster->leader, RPC_QUERY_CONFIG, &request, table_limit_us, on_table,
                (size_t)i);
    }
    if (reading->waiting == 0) {
        ask_again(task);
    }
}

/* ---- nodes, tables, the stored level */

static void go_on_when_listed(struct task *task)
{
    if (--snapshot_of(task)->waiting == 0) {
        ask_partitions(task);
    }
}

static void on_stored_level(struct task *task, size_t index, const void *response,
                            const struct error *err)
{
    (void)index;
    const struct control_meta_response *answer = response;
    if (err != NULL) {
        fail(task, err, false);
        return;
    }
    snapshot_of(task)->into->stored_level = answer->old_level;
    go_on_when_listed(task);
}

static void on_nodes(struct task *task, size_t index, const void *response, const struct error *err)
{
    (void)index;
    if (err != NULL) {
        fail(task, err, false);
        return;
    }
    const struct list_nodes_response *answer = response;
    const struct wire_node_info *infos = answer->infos.items;
    struct snapshot *into = snapshot_of(task)->into;
    for (uint32_t i = 0; i < answer->infos.count; i++) {
        int32_t node = snapshot_add_node(
            into, infos[i].node, infos[i].has_hp_node ? infos[i].hp_node : (struct host_port){0});
        if (node != (int32_t)i) {
            fail_peer(task, RPC_LIST_NODES, "a node comes twice or has no address");
            return;
        }
        into->nodes[node].status = (enum node_status)infos[i].status;
    }
    into->listed_count = into->node_count;
    go_on_when_listed(task);
}

static void on_tables(struct task *task, size_t index, const void *response,
                      const struct error *err)
{
    (void)index;
    if (err != NULL) {
        fail(task, err, false);
        return;
    }
    const struct list_apps_response *answer = response;
    const struct wire_app_info *infos = answer->infos.items;
    struct snapshot *into = snapshot_of(task)->into;
    into->tables = arena_allocate(&into->arena, (answer->infos.count + 1) * sizeof *into->tables);
    into->table_count = (int32_t)answer->infos.count;
    for (uint32_t i = 0; i < answer->infos.count; i++) {
        into->tables[i] = (struct snapshot_table){
            .app_id = infos[i].app_id,
            .name =
                arena_copy_bytes(&into->arena, infos[i].app_name.bytes, infos[i].app_name.length),
            .status = (enum app_status)infos[i].status,
            .max_replica_count = infos[i].max_replica_count,
            .partition_count = infos[i].partition_count,
            .taken_us = now_us(task),
        };
    }
    go_on_when_listed(task);
}

static const char *copy_value(struct snapshot *into, const struct cluster_info_response *info,
                              const char *key)
{
    struct slice value = info_value(info, key);
    return value.bytes == NULL ? NULL : arena_copy_bytes(&into->arena, value.bytes, value.length);
}

static void on_found(struct task *task, const struct cluster_info_response *info)
{
    struct snapshot_task *reading = snapshot_of(task);
    struct snapshot *into = reading->into;
    struct address leader = task->cluster->leader;
    struct error err;
    snapshot_reset(into);
    if (!info_level(task, info, &into->level, &err)) {
        fail(task, &err, false);
        return;
    }
    into->taken_us = task->found_us;
    into->info_taken_us = task->found_us;
    into->leader = leader;
    into->leader_name = copy_value(into, info, "primary_meta_server");
    into->cluster_name = copy_value(into, info, "cluster_name");
    into->zookeeper_root = copy_value(into, info, "zookeeper_root");
    into->meta_servers = copy_value(into, info, "meta_servers");
    into->nodes_taken_us = now_us(task);
    reading->waiting = 3;
    struct control_meta_request level = {.level = LEVEL_QUERY};
    struct list_nodes_request nodes = {.status = NODE_INVALID};
    struct list_apps_request tables = {.status = APP_INVALID};
    ask_rpc(task, leader, RPC_CONTROL_META, &level, CLUSTER_CALL_TIMEOUT_US, on_stored_level, 0);
    ask_rpc(task, leader, RPC_LIST_NODES, &nodes, CLUSTER_CALL_TIMEOUT_US, on_nodes, 0);
    ask_rpc(task, leader, RPC_LIST_APPS, &tables, CLUSTER_CALL_TIMEOUT_US, on_tables, 0);
}

static const struct task_ops snapshot_ops = {
    .found = on_found,
    .report = report,
    .free = free_task,
};

struct operation *cluster_read_snapshot(struct cluster_reader *reader, struct snapshot *into,
                                        int64_t timeout_us, cluster_done_fn *done, void *ctx)
{
    struct snapshot_task *reading = memory_allocate(sizeof *reading);
    reading->into = into;
    arena_init(&reading->lists);
    reading->done = done;
    reading->ctx = ctx;
    snapshot_reset(into);
    task_start(&reading->task, reader->cluster, &snapshot_ops, timeout_us);
    leader_find(&reading->task);
    return &reading->task.operation;
}
