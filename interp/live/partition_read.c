#include "live/cluster_private.h"

#include "wire/wire.h"

#include <stdlib.h>
#include <string.h>

/* The partitions asked for of one table, in the order asked. */
struct table_request {
    const struct snapshot_table *table; /* of `base` */
    int32_t *indices;
    uint32_t count;
};

struct partition_task {
    struct task task; /* first */
    const struct snapshot *base;
    struct snapshot *into;
    struct table_request *requests; /* one for each table asked for */
    size_t request_count;
    size_t waiting;
    struct arena arena;
    cluster_done_fn *done;
    void *ctx;
};

static struct partition_task *partition_task_of(struct task *task)
{
    return (struct partition_task *)task;
}

static void report(struct task *task, const struct error *err)
{
    struct partition_task *reading = partition_task_of(task);
    reading->done(reading->ctx, err);
}

static void free_task(struct task *task)
{
    arena_clear(&partition_task_of(task)->arena);
    free(task);
}

/* ---- what is asked for */

static struct table_request *request_for(struct partition_task *reading, int32_t app_id,
                                         size_t most)
{
    for (size_t i = 0; i < reading->request_count; i++) {
        if (reading->requests[i].table->app_id == app_id) {
            return &reading->requests[i];
        }
    }
    for (int32_t t = 0; t < reading->base->table_count; t++) {
        const struct snapshot_table *table = &reading->base->tables[t];
        if (table->app_id == app_id && table->status == APP_AVAILABLE) {
            struct table_request *request = &reading->requests[reading->request_count++];
            request->table = table;
            request->indices = arena_allocate(&reading->arena, most * sizeof(int32_t));
            return request;
        }
    }
    return NULL;
}

static void sort_by_table(struct partition_task *reading, const struct gpid *gpids, size_t count)
{
    size_t tables = (size_t)reading->base->table_count;
    reading->requests = arena_allocate(&reading->arena, (tables + 1) * sizeof *reading->requests);
    for (size_t i = 0; i < count; i++) {
        struct table_request *request = request_for(reading, gpids[i].app_id, count);
        ASSERT(request != NULL);
        request->indices[request->count++] = gpids[i].partition;
    }
}

/* ---- what comes */

static void begin_anew(struct partition_task *reading)
{
    const struct snapshot *base = reading->base;
    struct snapshot *into = reading->into;
    snapshot_reset(into);
    snapshot_share_nodes(into, base);
    into->listed_count = base->listed_count;
    into->level = base->level;
    into->stored_level = base->stored_level;
    into->tables =
        arena_allocate(&into->arena, (reading->request_count + 1) * sizeof *into->tables);
    into->taken_us = loop_now_us(reading->task.cluster->loop);
}

static bool was_asked(const struct table_request *request, int32_t index)
{
    for (uint32_t i = 0; i < request->count; i++) {
        if (request->indices[i] == index) {
            return true;
        }
    }
    return false;
}

/* An index out of range gives the whole table: only what was asked for is taken (section 5). */
static const char *take_answer(struct partition_task *reading, const struct table_request *request,
                               const struct query_config_response *answer)
{
    const struct wire_partition *wire = answer->partitions.items;
    struct snapshot *into = reading->into;
    struct snapshot_table *table = &into->tables[into->table_count++];
    *table = *request->table;
    table->name = arena_copy_string(&into->arena, request->table->name);
    table->shared = NULL; /* it is the base's hold */
    table->partition_count = 0;
    table->is_partial = true;
    table->taken_us = into->taken_us;
    table->partitions =
        arena_allocate(&into->arena, (request->count + 1) * sizeof *table->partitions);
    for (uint32_t i = 0; i < answer->partitions.count; i++) {
        if (wire[i].pid.app_id != table->app_id) {
            return "a partition's number is not of the table asked for";
        }
        if (!was_asked(request, wire[i].pid.partition)) {
            continue;
        }
        if (snapshot_find_partition(into, wire[i].pid) != NULL) {
            return "a partition comes twice";
        }
        const char *wrong = snapshot_take_partition(into, &into->arena, &wire[i],
                                                    &table->partitions[table->partition_count]);
        if (wrong != NULL) {
            return wrong;
        }
        table->partition_count++;
    }
    into->partition_count += table->partition_count;
    return NULL;
}

static void finish_when_whole(struct partition_task *reading)
{
    if (--reading->waiting > 0) {
        return;
    }
    snapshot_count(reading->into);
    reading->into->complete_us = loop_now_us(reading->task.cluster->loop);
    reading->into->valid = true;
    task_end(&reading->task, NULL);
}

static void on_table(struct task *task, size_t index, const void *response, const struct error *err)
{
    struct partition_task *reading = partition_task_of(task);
    const struct table_request *request = &reading->requests[index];
    const struct query_config_response *answer = response;
    struct error wrapped;
    bool vanished = err != NULL && answer != NULL && snapshot_table_vanished(answer);
    if (vanished || (err == NULL && answer->app_id != request->table->app_id)) {
        finish_when_whole(reading); /* dropped, and perhaps created again under its name */
        return;
    }
    const char *wrong = err == NULL ? take_answer(reading, request, answer) : NULL;
    if (wrong != NULL) {
        char server[ADDRESS_TEXT_BYTES];
        error_set(&wrapped, ERROR_PEER, "%s: %s: table '%s': %s",
                  address_format(reading->into->leader, server), rpc_name(RPC_QUERY_CONFIG),
                  request->table->name, wrong);
        task_end(task, &wrapped);
    } else if (err == NULL) {
        finish_when_whole(reading);
    } else {
        wrapped = *err;
        error_wrap(&wrapped, "table '%s'", request->table->name);
        if (task_may_ask_again(err)) {
            task_start_over(task, &wrapped);
        } else {
            task_end(task, &wrapped);
        }
    }
}

static void ask_leader(struct partition_task *reading)
{
    begin_anew(reading);
    reading->into->leader = reading->task.cluster->leader;
    reading->waiting = reading->request_count;
    for (size_t i = 0; i < reading->request_count; i++) {
        const struct table_request *table = &reading->requests[i];
        struct query_config_request request = {
            .app_name = slice_of(table->table->name),
            .partition_indices = {table->indices, table->count},
        };
        ask_rpc(&reading->task, reading->into->leader, RPC_QUERY_CONFIG, &request,
                CLUSTER_CALL_TIMEOUT_US, on_table, i);
    }
}

static void on_found(struct task *task, const struct cluster_info_response *info)
{
    (void)info;
    ask_leader(partition_task_of(task));
}

static const struct task_ops partition_ops = {
    .found = on_found,
    .report = report,
    .free = free_task,
};

struct operation *cluster_read_partitions(struct cluster_reader *reader,
                                          const struct snapshot *base, const struct gpid *gpids,
                                          size_t count, struct snapshot *into, int64_t timeout_us,
                                          cluster_done_fn *done, void *ctx)
{
    ASSERT(count > 0 && into != base);
    struct partition_task *reading = memory_allocate(sizeof *reading);
    reading->base = base;
    reading->into = into;
    reading->done = done;
    reading->ctx = ctx;
    arena_init(&reading->arena);
    sort_by_table(reading, gpids, count);
    snapshot_reset(into);
    task_start(&reading->task, reader->cluster, &partition_ops, timeout_us);
    if (address_is_set(reader->cluster->leader)) {
        ask_leader(reading);
    } else {
        leader_find(&reading->task);
    }
    return &reading->task.operation;
}
