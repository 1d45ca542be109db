/* live/cluster_private.h - a task: one call of cluster.h under way, made of requests to servers.
 *
 * Floor: live; shared by cluster.c and task.c (life), leader.c, level.c, snapshot_read.c, facts.c,
 * partition_read.c, config.c, commands.c and propose.c.
 *
 * A task ends by task_end, once, which calls its owner's `done`; nothing of it may be touched after
 * that. No timer of its own bounds it: each request gets what is left of its time, and no retry
 * starts that would come too late, so that the last thing that fails is what the error tells. */
#ifndef PEGFLOW_LIVE_CLUSTER_PRIVATE_H
#define PEGFLOW_LIVE_CLUSTER_PRIVATE_H

#include "base/duration.h"
#include "live/cluster.h"
#include "live/snapshot_memory.h"

#include <sys/queue.h>

struct task;
struct ask;
TAILQ_HEAD(task_list, task);
TAILQ_HEAD(ask_list, ask);
struct leader_search;

struct cluster_reader {
    struct cluster *cluster;
};
struct cluster {
    struct transport *transport;
    struct loop *loop;
    struct cluster_reader reader;
    struct address *metas;
    size_t meta_count;
    struct address leader; /* found last */
    struct snapshot_memory memory;
    struct task_list tasks;
};

struct task_ops {
    /* The primary meta server answered: cluster->leader, its cluster info, valid until return. */
    void (*found)(struct task *task, const struct cluster_info_response *info);
    /* Calls the owner's `done`; `err` NULL: it went well. */
    void (*report)(struct task *task, const struct error *err);
    void (*free)(struct task *task);
};
struct task {
    struct operation operation; /* first */
    const struct task_ops *ops;
    struct cluster *cluster;
    TAILQ_ENTRY(task) link;
    int64_t timeout_us;
    int64_t deadline_us;
    int64_t found_us;     /* when the request was sent that found the leader */
    struct ask_list asks; /* under way */
    struct leader_search *search;
    struct timer timer;    /* a retry, or the turn in which a failure is told */
    struct error *failure; /* told in a later turn; NULL as a rule, and so tasks are small */
};

/* Puts it into its cluster's list. `task` is zeroed memory of its maker, freed by ops->free. */
void task_start(struct task *task, struct cluster *cluster, const struct task_ops *ops,
                int64_t timeout_us);
int64_t task_left_us(const struct task *task); /* at least 1 */
void task_end(struct task *task, const struct error *err);
void task_fail_later(struct task *task, const struct error *err);
void task_drop(struct task *task);       /* at once, without `done` */
void task_drop_asks(struct task *task);
/* Looks for the leader again in a moment; at the end of its time fails with `reason`. */
void task_start_over(struct task *task, const struct error *reason);

/* Another leader, or the same later, may answer what only reads: it does not lead, or is not heard.
 */
bool task_may_ask_again(const struct error *err);
/* Adds to the error of an act that was sent and not answered that its outcome is open. */
void task_mark_outcome(struct error *err);

/* ---- requests of a task. `answered` may end the task; it gets `index` back. With both `response`
 * and `err` the reply's own `err` says no: then the code is ERROR_NOT_LEADER for what a standby or
 * a leader that still loads its state says, else ERROR_REPLY. */
typedef void rpc_answered_fn(struct task *task, size_t index, const void *response,
                             const struct error *err);
typedef void http_answered_fn(struct task *task, size_t index, int status, const char *body,
                              size_t body_bytes, const struct error *err);
/* `limit_us`: at most so long, and never longer than the task's time is. */
void ask_rpc(struct task *task, struct address to, enum rpc rpc, const void *request,
             int64_t limit_us, rpc_answered_fn *answered, size_t index);
void ask_http(struct task *task, struct address from, const char *path, int64_t limit_us,
              http_answered_fn *answered, size_t index);

/* ---- leader.c */
/* Asks until one leads, then calls ops->found; ends the task with what each meta server said. */
void leader_find(struct task *task);
void leader_search_free(struct leader_search *search); /* NULL is fine */
/* The value of a key of cluster info; the empty slice with NULL bytes when it is not there. */
struct slice info_value(const struct cluster_info_response *info, const char *key);
/* The effective level, as the leader just found tells it; ERROR_PEER when it is none we know. */
bool info_level(const struct task *task, const struct cluster_info_response *info, int32_t *level,
                struct error *err);

/* ---- snapshot_read.c */
/* Fills `partition`, its lists from `arena`, and adds the servers it names to the nodes. NULL, or
 * what is wrong with it. */
const char *snapshot_take_partition(struct snapshot *snapshot, struct arena *arena,
                                    const struct wire_partition *wire,
                                    struct snapshot_partition *partition);
/* It was there in the list: dropped since, or just being created or recalled. */
bool snapshot_table_vanished(const struct query_config_response *answer);

#endif
