/* live/connection_private.h - what connection.c (the socket) and call.c (its calls) share.
 *
 * Floor: live. For these two files alone. */
#ifndef PEGFLOW_LIVE_CONNECTION_PRIVATE_H
#define PEGFLOW_LIVE_CONNECTION_PRIVATE_H

#include "live/transport.h"
#include "wire/wire.h"

#include <sys/queue.h>

struct connection;

struct call {
    struct operation operation; /* first */
    struct connection *connection;
    TAILQ_ENTRY(call) link; /* in `pending`, in order of start, or in `ended` */
    struct timer timer;     /* its deadline; once ended, the turn in which `done` is called */
    struct text frame;      /* the request, until it is sent */
    enum rpc rpc;
    int32_t sequence;
    int64_t timeout_us;
    int64_t started_us;
    bool sent;             /* perhaps in part */
    struct error *failure; /* owned; set once ended */
    rpc_done_fn *done;
    void *ctx;
};
TAILQ_HEAD(call_list, call);

enum connection_state {
    CONNECTION_CLOSED,
    CONNECTION_WAITING, /* for the end of the backoff */
    CONNECTION_CONNECTING,
    CONNECTION_OPEN, /* watched only while calls are pending */
};

struct connection {
    struct loop *loop;
    struct address address;
    char name[ADDRESS_TEXT_BYTES];
    enum connection_state state;
    int fd;
    struct watch watch;
    struct timer timer; /* waiting: the backoff; connecting: its limit */
    int failed_attempts;
    int64_t not_before_us;
    char last_failure[160]; /* of an attempt; "" after a reply */
    uint64_t replies;       /* on this socket */
    int64_t last_received_us;
    int32_t last_sequence;
    struct call_list pending;
    struct call_list ended;
    size_t unsent; /* of `pending` */
    struct text in;
    struct text out; /* requests being sent */
    size_t out_sent;
    bool reading;       /* replies are being taken: the socket stays as it is */
    bool *gone;         /* set when it is freed by a callback */
    struct arena arena; /* of one reply */
};

/* ---- call.c */
struct call *call_new(struct connection *connection, enum rpc rpc, int32_t sequence,
                      int64_t timeout_us, rpc_done_fn *done, void *ctx);
/* Of a call in no list. */
void call_free(struct call *call);
/* Ends it now; `done` follows in a later turn. */
void call_fail_later(struct call *call, enum error_code code, const char *what);
/* Ends it with its reply: `done` is called, and anything may be gone afterwards. */
void call_answer(struct call *call, const struct wire_reply *reply, struct arena *arena);

/* ---- connection.c */
/* After a call has left `pending`: without calls, an attempt to connect ends and an open connection
 * is no longer watched. */
void connection_settle(struct connection *connection);
/* After a call got no reply in time: what has been silent since is not trusted any more. */
void connection_suspect(struct connection *connection, int64_t since_us);

#endif
