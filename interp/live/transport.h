/* live/transport.h - one call to one server: the seam between the client's logic and the world.
 *
 * Floor: live. Two implementations: real sockets (live/sockets.h) and the simulated cluster in the
 * same process (sim/sim_transport.h). What is above, finding the leader, bracketing a snapshot,
 * pacing a batch, is the same code for both, so a rehearsal tries it too. */
#ifndef PEGFLOW_LIVE_TRANSPORT_H
#define PEGFLOW_LIVE_TRANSPORT_H

#include "base/arena.h"
#include "base/loop.h"
#include "wire/messages.h"

/* A call under way. Valid from its start until `done` has been called. */
struct operation;
struct operation_ops {
    void (*cancel)(struct operation *operation);
    /* As cancel, but at once and without `done`: the operation is gone when this returns. */
    void (*drop)(struct operation *operation);
};
struct operation {
    const struct operation_ops *ops;
};
/* `done` follows in a later turn of the loop, once, with ERROR_CANCELLED. NULL is fine. */
static inline void operation_cancel(struct operation *operation)
{
    if (operation != NULL) {
        operation->ops->cancel(operation);
    }
}
/* Ends it at once; `done` is not called. For an owner that goes away itself. NULL is fine. */
static inline void operation_drop(struct operation *operation)
{
    if (operation != NULL) {
        operation->ops->drop(operation);
    }
}

struct transport;

/* `err` NULL: `response` (a struct of the RPC's response type, e.g. struct list_nodes_response) is
 * valid until this callback returns: copy what is kept. Errors name server, call and what was said:
 * "127.0.0.1:34601: RPC_CM_LIST_NODES: connection refused". ERROR_REPLY: an outer error such as
 * ERR_HANDLER_NOT_FOUND (its name is in the text). The struct's own `err` is not looked at. */
typedef void rpc_done_fn(void *ctx, const void *response, const struct error *err);

/* What an HTTP request was answered. Valid until the callback returns. */
struct http_reply {
    int status;       /* any: 307 is not followed */
    const char *body; /* NUL-terminated */
    size_t body_bytes;
    const char *location; /* of the header of that name, as it was sent; NULL: none */
    /* Nobody said what is answered here: a simulated request that its model has no row for. Whoever
     * asked takes it for the answer that was hoped for. */
    bool assumed;
};
/* `err` NULL: a reply came. Otherwise `reply` is NULL. */
typedef void http_done_fn(void *ctx, const struct http_reply *reply, const struct error *err);

struct transport_ops {
    struct operation *(*call)(struct transport *transport, struct address to, enum rpc rpc,
                              const void *request, int64_t timeout_us, rpc_done_fn *done,
                              void *ctx);
    struct operation *(*get)(struct transport *transport, struct address from, const char *path,
                             int64_t timeout_us, http_done_fn *done, void *ctx);
    void (*free)(struct transport *transport); /* cancels what is under way: no callback runs */
};
struct transport {
    const struct transport_ops *ops;
    struct loop *loop;
};

/* Sends one request; the request struct and what it points to are used up before this returns. */
static inline struct operation *transport_call(struct transport *transport, struct address to,
                                               enum rpc rpc, const void *request,
                                               int64_t timeout_us, rpc_done_fn *done, void *ctx)
{
    return transport->ops->call(transport, to, rpc, request, timeout_us, done, ctx);
}
/* One GET at a server's own port. `path` starts with '/' and is already encoded. */
static inline struct operation *transport_get(struct transport *transport, struct address from,
                                              const char *path, int64_t timeout_us,
                                              http_done_fn *done, void *ctx)
{
    return transport->ops->get(transport, from, path, timeout_us, done, ctx);
}

#endif
