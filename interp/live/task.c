#include "live/cluster_private.h"

#include "wire/wire.h"

#include <stddef.h>
#include <stdlib.h>

static const int64_t start_over_us = 100 * US_PER_MS;

/* One request under way. It goes when it is answered, or with its task. */
struct ask {
    struct task *task;
    TAILQ_ENTRY(ask) link;
    struct operation *operation;
    struct address server;
    enum rpc rpc;
    rpc_answered_fn *rpc_answered;
    http_answered_fn *http_answered;
    size_t index;
};

/* ---- life */

static void cancel(struct operation *operation)
{
    struct task *task = (struct task *)operation;
    struct error err;
    error_set(&err, ERROR_CANCELLED, "cancelled");
    task_fail_later(task, &err);
}

static void drop(struct operation *operation)
{
    task_drop((struct task *)operation);
}

static const struct operation_ops task_operation_ops = {.cancel = cancel, .drop = drop};

void task_start(struct task *task, struct cluster *cluster, const struct task_ops *ops,
                int64_t timeout_us)
{
    task->operation.ops = &task_operation_ops;
    task->ops = ops;
    task->cluster = cluster;
    task->timeout_us = timeout_us;
    task->deadline_us = loop_now_us(cluster->loop) + timeout_us;
    TAILQ_INIT(&task->asks);
    TAILQ_INSERT_TAIL(&cluster->tasks, task, link);
}

int64_t task_left_us(const struct task *task)
{
    int64_t left_us = task->deadline_us - loop_now_us(task->cluster->loop);
    return left_us > 0 ? left_us : 1;
}

void task_drop_asks(struct task *task)
{
    struct ask *ask;
    while ((ask = TAILQ_FIRST(&task->asks)) != NULL) {
        TAILQ_REMOVE(&task->asks, ask, link);
        operation_drop(ask->operation);
        free(ask);
    }
}

/* Nothing calls back into the task any more. */
static void stop(struct task *task)
{
    task_drop_asks(task);
    leader_search_free(task->search);
    task->search = NULL;
    timer_cancel(&task->timer);
}

void task_end(struct task *task, const struct error *err)
{
    stop(task);
    TAILQ_REMOVE(&task->cluster->tasks, task, link);
    task->ops->report(task, err);
    free(task->failure); /* `err`, perhaps */
    task->ops->free(task);
}

void task_drop(struct task *task)
{
    stop(task);
    TAILQ_REMOVE(&task->cluster->tasks, task, link);
    free(task->failure);
    task->ops->free(task);
}

static void tell_failure(void *ctx)
{
    struct task *task = ctx;
    task_end(task, task->failure);
}

void task_fail_later(struct task *task, const struct error *err)
{
    stop(task);
    if (task->failure == NULL) {
        task->failure = memory_allocate(sizeof *task->failure);
    }
    *task->failure = *err;
    timer_start(task->cluster->loop, &task->timer, 0, tell_failure, task);
}

static void find_again(void *ctx)
{
    leader_find(ctx);
}

void task_start_over(struct task *task, const struct error *reason)
{
    if (task_left_us(task) <= start_over_us) {
        task_end(task, reason);
        return;
    }
    stop(task);
    timer_start(task->cluster->loop, &task->timer, start_over_us, find_again, task);
}

bool task_may_ask_again(const struct error *err)
{
    return err->code == ERROR_NOT_LEADER || err->code == ERROR_UNREACHABLE ||
           err->code == ERROR_TIMEOUT;
}

void task_mark_outcome(struct error *err)
{
    if (err->code == ERROR_TIMEOUT || err->code == ERROR_UNREACHABLE || err->code == ERROR_PEER) {
        struct error copy = *err;
        error_set(err, copy.code, "%s; whether it took effect is not known", copy.text);
    }
}

/* ---- requests */

static struct ask *ask_new(struct task *task, struct address server, size_t index)
{
    struct ask *ask = memory_allocate(sizeof *ask);
    ask->task = task;
    ask->server = server;
    ask->index = index;
    TAILQ_INSERT_TAIL(&task->asks, ask, link);
    return ask;
}

static int64_t limited(const struct task *task, int64_t limit_us)
{
    int64_t left_us = task_left_us(task);
    return left_us < limit_us ? left_us : limit_us;
}

/* All responses but the bare string of a remote command begin with their `err`. */
_Static_assert(offsetof(struct cluster_info_response, err) == 0, "err first");
_Static_assert(offsetof(struct list_nodes_response, err) == 0, "err first");
_Static_assert(offsetof(struct list_apps_response, err) == 0, "err first");
_Static_assert(offsetof(struct query_config_response, err) == 0, "err first");
_Static_assert(offsetof(struct control_meta_response, err) == 0, "err first");
_Static_assert(offsetof(struct propose_response, err) == 0, "err first");
_Static_assert(offsetof(struct replica_info_response, err) == 0, "err first");

/* False, with `err`, when the reply itself says no. */
static bool says_yes(const struct ask *ask, const void *response, struct error *err)
{
    if (ask->rpc == RPC_REMOTE_COMMAND) {
        return true;
    }
    struct slice inner = *(const struct slice *)response;
    if (slice_equals(inner, PEGASUS_OK)) {
        return true;
    }
    bool later = slice_equals(inner, PEGASUS_FORWARD_TO_OTHERS) ||
                 slice_equals(inner, PEGASUS_SERVICE_NOT_ACTIVE);
    char server[ADDRESS_TEXT_BYTES];
    error_set(err, later ? ERROR_NOT_LEADER : ERROR_REPLY, "%s: %s: %.*s",
              address_format(ask->server, server), rpc_name(ask->rpc),
              inner.length > 64 ? 64 : (int)inner.length, inner.bytes);
    return false;
}

static void on_rpc(void *ctx, const void *response, const struct error *err)
{
    struct ask ask = *(struct ask *)ctx;
    struct error inner;
    TAILQ_REMOVE(&ask.task->asks, (struct ask *)ctx, link);
    free(ctx);
    if (err == NULL && !says_yes(&ask, response, &inner)) {
        err = &inner;
    }
    ask.rpc_answered(ask.task, ask.index, response, err);
}

static void on_http(void *ctx, const struct http_reply *reply, const struct error *err)
{
    struct ask ask = *(struct ask *)ctx;
    TAILQ_REMOVE(&ask.task->asks, (struct ask *)ctx, link);
    free(ctx);
    static const struct http_reply nothing = {.body = ""};
    reply = reply == NULL ? &nothing : reply;
    ask.http_answered(ask.task, ask.index, reply->status, reply->body, reply->body_bytes, err);
}

void ask_rpc(struct task *task, struct address to, enum rpc rpc, const void *request,
             int64_t limit_us, rpc_answered_fn *answered, size_t index)
{
    struct ask *ask = ask_new(task, to, index);
    ask->rpc = rpc;
    ask->rpc_answered = answered;
    ask->operation = transport_call(task->cluster->transport, to, rpc, request,
                                    limited(task, limit_us), on_rpc, ask);
}

void ask_http(struct task *task, struct address from, const char *path, int64_t limit_us,
              http_answered_fn *answered, size_t index)
{
    struct ask *ask = ask_new(task, from, index);
    ask->http_answered = answered;
    ask->operation =
        transport_get(task->cluster->transport, from, path, limited(task, limit_us), on_http, ask);
}
