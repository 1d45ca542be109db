#include "live/cluster_private.h"

#include <stdio.h>
#include <stdlib.h>

struct level_task {
    struct task task; /* first */
    struct leader_info found;
    struct leader_info *into; /* reading */
    int32_t level;            /* setting */
    cluster_done_fn *done;
    void *ctx;
};

static struct level_task *level_of(struct task *task)
{
    return (struct level_task *)task;
}

static void report(struct task *task, const struct error *err)
{
    struct level_task *level = level_of(task);
    level->done(level->ctx, err);
}

static void free_task(struct task *task)
{
    free(task);
}

/* ---- who leads, at which level */

static void on_stored_level(struct task *task, size_t index, const void *response,
                            const struct error *err)
{
    (void)index;
    struct level_task *level = level_of(task);
    if (err != NULL && task_may_ask_again(err)) {
        task_start_over(task, err);
        return;
    }
    if (err != NULL) {
        task_end(task, err);
        return;
    }
    const struct control_meta_response *answer = response;
    level->found.stored_level = answer->old_level;
    *level->into = level->found;
    task_end(task, NULL);
}

static void read_stored_level(struct task *task, const struct cluster_info_response *info)
{
    struct level_task *level = level_of(task);
    struct leader_info *found = &level->found;
    struct slice name = info_value(info, "primary_meta_server");
    struct error err;
    if (!info_level(task, info, &found->level, &err)) {
        task_end(task, &err);
        return;
    }
    found->address = task->cluster->leader;
    snprintf(found->name, sizeof found->name, "%.*s",
             name.length < sizeof found->name ? (int)name.length : (int)sizeof found->name - 1,
             name.bytes == NULL ? "" : name.bytes);
    struct control_meta_request request = {.level = LEVEL_QUERY};
    ask_rpc(task, found->address, RPC_CONTROL_META, &request, CLUSTER_CALL_TIMEOUT_US,
            on_stored_level, 0);
}

static const struct task_ops read_ops = {
    .found = read_stored_level,
    .report = report,
    .free = free_task,
};

struct operation *cluster_read_leader(struct cluster_reader *reader, struct leader_info *into,
                                      int64_t timeout_us, cluster_done_fn *done, void *ctx)
{
    struct level_task *level = memory_allocate(sizeof *level);
    level->into = into;
    level->done = done;
    level->ctx = ctx;
    task_start(&level->task, reader->cluster, &read_ops, timeout_us);
    leader_find(&level->task);
    return &level->task.operation;
}

/* ---- setting the level */

static void on_level_set(struct task *task, size_t index, const void *response,
                         const struct error *err)
{
    (void)index;
    (void)response;
    if (err == NULL) {
        task_end(task, NULL);
    } else if (err->code == ERROR_NOT_LEADER) {
        task_start_over(task, err);
    } else {
        struct error open = *err;
        task_mark_outcome(&open);
        task_end(task, &open);
    }
}

static void set_level(struct task *task, const struct cluster_info_response *info)
{
    (void)info;
    struct control_meta_request request = {.level = level_of(task)->level};
    ask_rpc(task, task->cluster->leader, RPC_CONTROL_META, &request, CLUSTER_CALL_TIMEOUT_US,
            on_level_set, 0);
}

static const struct task_ops set_ops = {
    .found = set_level,
    .report = report,
    .free = free_task,
};

struct operation *cluster_set_level(struct cluster *cluster, int32_t level, int64_t timeout_us,
                                    cluster_done_fn *done, void *ctx)
{
    ASSERT(meta_level_name(level) != NULL); /* a number that is none breaks cluster info */
    struct level_task *task = memory_allocate(sizeof *task);
    task->level = level;
    task->done = done;
    task->ctx = ctx;
    task_start(&task->task, cluster, &set_ops, timeout_us);
    leader_find(&task->task);
    return &task->task.operation;
}
