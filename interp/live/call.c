#include "live/connection_private.h"

#include "base/duration.h"

#include <stdio.h>
#include <stdlib.h>

static void on_deadline(void *ctx);
static const struct operation_ops call_ops;

struct call *call_new(struct connection *connection, enum rpc rpc, int32_t sequence,
                      int64_t timeout_us, rpc_done_fn *done, void *ctx)
{
    struct call *call = memory_allocate(sizeof *call);
    call->operation.ops = &call_ops;
    call->connection = connection;
    call->rpc = rpc;
    call->sequence = sequence;
    call->timeout_us = timeout_us;
    call->started_us = loop_now_us(connection->loop);
    call->done = done;
    call->ctx = ctx;
    timer_start(connection->loop, &call->timer, timeout_us, on_deadline, call);
    return call;
}

void call_free(struct call *call)
{
    timer_cancel(&call->timer);
    text_clear(&call->frame);
    free(call->failure);
    free(call);
}

/* From `pending` to nowhere. */
static void leave_pending(struct call *call)
{
    TAILQ_REMOVE(&call->connection->pending, call, link);
    if (!call->sent) {
        call->connection->unsent--;
    }
    timer_cancel(&call->timer);
}

static void describe(const struct call *call, enum error_code code, const char *what,
                     struct error *err)
{
    error_set(err, code, "%s: %s: %s", call->connection->name, rpc_name(call->rpc), what);
}

/* ---- ends */

static void deliver_failure(void *ctx)
{
    struct call *call = ctx;
    TAILQ_REMOVE(&call->connection->ended, call, link);
    struct error *failure = call->failure;
    rpc_done_fn *done = call->done;
    void *done_ctx = call->ctx;
    call->failure = NULL;
    call_free(call);
    done(done_ctx, NULL, failure);
    free(failure);
}

void call_fail_later(struct call *call, enum error_code code, const char *what)
{
    struct connection *connection = call->connection;
    leave_pending(call);
    call->failure = memory_allocate(sizeof *call->failure);
    describe(call, code, what, call->failure);
    TAILQ_INSERT_TAIL(&connection->ended, call, link);
    timer_start(connection->loop, &call->timer, 0, deliver_failure, call);
}

static void on_deadline(void *ctx)
{
    struct call *call = ctx;
    struct connection *connection = call->connection;
    struct error err;
    char what[256];
    char limit[DURATION_TEXT_BYTES];
    duration_format(call->timeout_us, limit);
    if (connection->state == CONNECTION_OPEN) {
        snprintf(what, sizeof what, "%s within %s", call->sent ? "no reply" : "could not be sent",
                 limit);
        describe(call, ERROR_TIMEOUT, what, &err);
    } else {
        bool known = connection->last_failure[0] != '\0';
        snprintf(what, sizeof what, "no connection within %s%s%s%s", limit, known ? " (" : "",
                 connection->last_failure, known ? ")" : "");
        describe(call, ERROR_UNREACHABLE, what, &err);
    }
    leave_pending(call);
    connection_suspect(connection, call->started_us);
    connection_settle(connection);
    rpc_done_fn *done = call->done;
    void *done_ctx = call->ctx;
    call_free(call);
    done(done_ctx, NULL, &err);
}

static void cancel(struct operation *operation)
{
    struct call *call = (struct call *)operation;
    struct connection *connection = call->connection;
    if (call->failure != NULL) {
        describe(call, ERROR_CANCELLED, "cancelled", call->failure);
        return;
    }
    call_fail_later(call, ERROR_CANCELLED, "cancelled");
    connection_settle(connection);
}

static void drop(struct operation *operation)
{
    struct call *call = (struct call *)operation;
    struct connection *connection = call->connection;
    if (call->failure != NULL) {
        TAILQ_REMOVE(&connection->ended, call, link);
    } else {
        leave_pending(call);
    }
    call_free(call);
    connection_settle(connection);
}

static const struct operation_ops call_ops = {.cancel = cancel, .drop = drop};

void call_answer(struct call *call, const struct wire_reply *reply, struct arena *arena)
{
    struct error err;
    enum rpc rpc = call->rpc;
    void *response = arena_allocate(arena, rpc_response_bytes(rpc));
    bool ok = slice_equals(reply->error, PEGASUS_OK);
    if (!ok) {
        char name[96];
        snprintf(name, sizeof name, "%.*s", (int)reply->error.length, reply->error.bytes);
        describe(call,
                 slice_equals(reply->error, PEGASUS_FORWARD_TO_OTHERS) ? ERROR_NOT_LEADER
                                                                       : ERROR_REPLY,
                 name, &err);
    } else if (!wire_decode_response(rpc, reply->body, arena, response, &err)) {
        error_wrap(&err, "%s: %s", call->connection->name, rpc_name(rpc));
        ok = false;
    }
    leave_pending(call);
    rpc_done_fn *done = call->done;
    void *done_ctx = call->ctx;
    call_free(call);
    done(done_ctx, ok ? response : NULL, ok ? NULL : &err);
}
