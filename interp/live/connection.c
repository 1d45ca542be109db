#include "live/connection.h"

#include "base/duration.h"
#include "live/connection_private.h"
#include "live/wording.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static const int64_t backoff_least_us = 50 * US_PER_MS;
static const int64_t backoff_most_us = 2 * US_PER_SECOND;
static const int64_t connect_limit_us = 5 * US_PER_SECOND;
enum { UNACKNOWLEDGED_LIMIT_MS = 10000 }; /* a host that vanished: then the kernel breaks it */

static void on_ready(void *ctx, unsigned ready);

/* ---- life */

struct connection *connection_new(struct loop *loop, struct address address)
{
    struct connection *connection = memory_allocate(sizeof *connection);
    connection->loop = loop;
    connection->address = address;
    address_format(address, connection->name);
    connection->fd = -1;
    TAILQ_INIT(&connection->pending);
    TAILQ_INIT(&connection->ended);
    arena_init(&connection->arena);
    return connection;
}

static void close_socket(struct connection *connection)
{
    watch_stop(&connection->watch);
    timer_cancel(&connection->timer);
    if (connection->fd >= 0) {
        close(connection->fd);
        connection->fd = -1;
    }
    text_clear(&connection->in);
    text_clear(&connection->out);
    connection->out_sent = 0;
    connection->reading = false;
    connection->state = CONNECTION_CLOSED;
}

void connection_free(struct connection *connection)
{
    if (connection == NULL) {
        return;
    }
    struct call *call;
    while ((call = TAILQ_FIRST(&connection->pending)) != NULL) {
        TAILQ_REMOVE(&connection->pending, call, link);
        call_free(call);
    }
    while ((call = TAILQ_FIRST(&connection->ended)) != NULL) {
        TAILQ_REMOVE(&connection->ended, call, link);
        call_free(call);
    }
    close_socket(connection);
    arena_clear(&connection->arena);
    if (connection->gone != NULL) {
        *connection->gone = true;
    }
    free(connection);
}

struct address connection_address(const struct connection *connection)
{
    return connection->address;
}

/* ---- breaking */

static void note_failed_attempt(struct connection *connection)
{
    int64_t backoff_us = backoff_least_us << connection->failed_attempts;
    if (backoff_us < backoff_most_us) {
        connection->failed_attempts++;
    } else {
        backoff_us = backoff_most_us;
    }
    connection->not_before_us = loop_now_us(connection->loop) + backoff_us;
}

static void log_about(const struct connection *connection, enum log_level level, const char *what)
{
    char server[ADDRESS_TEXT_BYTES];
    log_write(loop_log(connection->loop), level, loop_now_us(connection->loop), "%s: %s",
              address_format(connection->address, server), what);
}

/* Fails each pending call, in later turns. A connection that never brought a reply counts as a
 * failed attempt: what accepts and closes, or talks nonsense, is not asked without a pause. */
static void break_connection(struct connection *connection, enum error_code code, const char *what)
{
    log_about(connection, LOG_INFO, what);
    if (connection->replies == 0) {
        note_failed_attempt(connection);
    }
    close_socket(connection);
    snprintf(connection->last_failure, sizeof connection->last_failure, "%s", what);
    struct call *call;
    while ((call = TAILQ_FIRST(&connection->pending)) != NULL) {
        call_fail_later(call, code, what);
    }
}

static void break_with_errno(struct connection *connection, int errno_value)
{
    char what[WORDING_ERRNO_BYTES];
    break_connection(connection, ERROR_UNREACHABLE, wording_errno(errno_value, what));
}

/* ---- connecting */

static void give_up_connecting(void *ctx)
{
    struct connection *connection = ctx;
    char what[64];
    char limit[DURATION_TEXT_BYTES];
    snprintf(what, sizeof what, "no connection within %s",
             duration_format(connect_limit_us, limit));
    break_connection(connection, ERROR_UNREACHABLE, what);
}

static void connect_now(void *ctx)
{
    struct connection *connection = ctx;
    struct sockaddr_in peer = {
        .sin_family = AF_INET,
        .sin_port = htons(connection->address.port),
        .sin_addr.s_addr = htonl(connection->address.ip),
    };
    int on = 1;
    log_about(connection, LOG_DEBUG, "connecting");
    unsigned unacknowledged_ms = UNACKNOWLEDGED_LIMIT_MS;
    connection->replies = 0;
    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connection->fd < 0) {
        break_with_errno(connection, errno);
        return;
    }
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(connection->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_ms,
               sizeof unacknowledged_ms);
    if (connect(connection->fd, (const struct sockaddr *)&peer, sizeof peer) < 0 &&
        errno != EINPROGRESS) {
        break_with_errno(connection, errno);
        return;
    }
    connection->state = CONNECTION_CONNECTING;
    watch_start(connection->loop, &connection->watch, connection->fd, WATCH_WRITE, on_ready,
                connection);
    timer_start(connection->loop, &connection->timer, connect_limit_us, give_up_connecting,
                connection);
}

static void connect_when_allowed(struct connection *connection)
{
    int64_t wait_us = connection->not_before_us - loop_now_us(connection->loop);
    if (wait_us <= 0) {
        connect_now(connection);
        return;
    }
    connection->state = CONNECTION_WAITING;
    timer_start(connection->loop, &connection->timer, wait_us, connect_now, connection);
}

/* A closed port of this machine may be given to the connecting socket itself, which TCP then
 * connects to itself; Pegasus's usual ports are in the range where that happens. */
static bool is_connected_to_itself(int fd)
{
    struct sockaddr_in own = {0};
    struct sockaddr_in peer = {0};
    socklen_t own_length = sizeof own;
    socklen_t peer_length = sizeof peer;
    return getsockname(fd, (struct sockaddr *)&own, &own_length) == 0 &&
           getpeername(fd, (struct sockaddr *)&peer, &peer_length) == 0 &&
           own.sin_port == peer.sin_port && own.sin_addr.s_addr == peer.sin_addr.s_addr;
}

static void finish_connecting(struct connection *connection)
{
    int failure = 0;
    socklen_t length = sizeof failure;
    getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &failure, &length);
    if (failure == 0 && is_connected_to_itself(connection->fd)) {
        failure = ECONNREFUSED;
    }
    if (failure != 0) {
        break_with_errno(connection, failure);
        return;
    }
    timer_cancel(&connection->timer);
    connection->state = CONNECTION_OPEN;
}

/* ---- writing */

/* A request is copied here as late as possible: what ended before was never sent. */
static void stage_requests(struct connection *connection)
{
    enum { STAGED_BYTES = 64 * 1024 };
    text_reset(&connection->out);
    connection->out_sent = 0;
    struct call *call;
    TAILQ_FOREACH(call, &connection->pending, link)
    {
        if (connection->out.length >= STAGED_BYTES) {
            break;
        }
        if (!call->sent) {
            text_append(&connection->out, call->frame.bytes, call->frame.length);
            text_clear(&call->frame);
            call->sent = true;
            connection->unsent--;
        }
    }
}

static void write_requests(struct connection *connection)
{
    for (;;) {
        if (connection->out_sent == connection->out.length) {
            if (connection->unsent == 0) {
                break;
            }
            stage_requests(connection);
        }
        ssize_t sent = send(connection->fd, connection->out.bytes + connection->out_sent,
                            connection->out.length - connection->out_sent, MSG_NOSIGNAL);
        if (sent < 0 && (errno == EAGAIN || errno == EINTR)) {
            break;
        }
        if (sent < 0) {
            break_with_errno(connection, errno);
            return;
        }
        connection->out_sent += (size_t)sent;
    }
    bool all_sent = connection->unsent == 0 && connection->out_sent == connection->out.length;
    watch_set_events(&connection->watch, WATCH_READ | (all_sent ? 0 : WATCH_WRITE));
}

/* ---- reading */

static struct call *find_call(struct connection *connection, int32_t sequence)
{
    struct call *call;
    TAILQ_FOREACH(call, &connection->pending, link)
    {
        if (call->sequence == sequence) {
            return call->sent ? call : NULL;
        }
    }
    return NULL;
}

/* False: the connection broke, or is gone. */
static bool take_reply(struct connection *connection, const char *frame, size_t frame_bytes)
{
    struct wire_reply reply;
    struct error err;
    if (!wire_decode_reply(frame, frame_bytes, &reply, &err)) {
        break_connection(connection, ERROR_PEER, err.text);
        return false;
    }
    connection->replies++;
    connection->failed_attempts = 0;
    connection->last_failure[0] = '\0';
    struct call *call = find_call(connection, reply.sequence);
    if (call == NULL) {
        return true; /* late: its call has ended */
    }
    bool gone = false;
    connection->gone = &gone;
    arena_reset(&connection->arena);
    call_answer(call, &reply, &connection->arena);
    if (gone) {
        return false;
    }
    connection->gone = NULL;
    return true;
}

/* False: the connection broke, or is gone. */
static bool take_replies(struct connection *connection)
{
    size_t taken = 0;
    for (;;) {
        size_t frame_bytes;
        struct error err;
        const char *bytes = connection->in.bytes + taken;
        switch (wire_scan_reply(bytes, connection->in.length - taken, &frame_bytes, &err)) {
        case WIRE_INCOMPLETE:
            text_drop_front(&connection->in, taken);
            return true;
        case WIRE_BROKEN:
            break_connection(connection, ERROR_PEER, err.text);
            return false;
        case WIRE_COMPLETE:
            if (!take_reply(connection, bytes, frame_bytes)) {
                return false;
            }
            taken += frame_bytes;
        }
    }
}

static void break_at_end(struct connection *connection)
{
    const char *what = connection->in.length > 0 ? "the connection was closed within a reply"
                       : connection->replies > 0 ? "the connection was closed"
                                                 : "the connection was closed without a reply";
    break_connection(connection, ERROR_UNREACHABLE, what);
}

/* At most a megabyte a turn, so that others get theirs. False: the connection broke or is gone. */
static bool read_replies(struct connection *connection)
{
    enum { CHUNK_BYTES = 64 * 1024, CHUNKS_A_TURN = 16 };
    for (int i = 0; i < CHUNKS_A_TURN; i++) {
        char *end = text_reserve(&connection->in, CHUNK_BYTES);
        ssize_t got = recv(connection->fd, end, CHUNK_BYTES, 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
            return true;
        }
        if (got < 0) {
            break_with_errno(connection, errno);
            return false;
        }
        if (got == 0) {
            break_at_end(connection);
            return false;
        }
        connection->in.length += (size_t)got;
        connection->last_received_us = loop_now_us(connection->loop);
        if (!take_replies(connection)) {
            return false;
        }
        if (got < CHUNK_BYTES) {
            return true;
        }
    }
    return true;
}

/* ---- turns */

static void release_large_buffers(struct connection *connection)
{
    enum { KEPT_BYTES = 1 << 20 };
    if (connection->in.length == 0 && connection->in.capacity > KEPT_BYTES) {
        text_clear(&connection->in);
    }
    if (connection->arena.total > KEPT_BYTES) {
        arena_clear(&connection->arena);
    }
}

static void on_ready(void *ctx, unsigned ready)
{
    struct connection *connection = ctx;
    if (connection->state == CONNECTION_CONNECTING) {
        finish_connecting(connection);
    } else if ((ready & WATCH_READ) != 0) {
        connection->reading = true;
        if (!read_replies(connection)) {
            return; /* perhaps gone */
        }
        connection->reading = false;
        release_large_buffers(connection);
    }
    if (connection->state == CONNECTION_OPEN) {
        write_requests(connection);
    }
    connection_settle(connection);
}

void connection_settle(struct connection *connection)
{
    if (!TAILQ_EMPTY(&connection->pending) || connection->reading) {
        return;
    }
    switch (connection->state) {
    case CONNECTION_CLOSED:
        break;
    case CONNECTION_WAITING:
        close_socket(connection);
        break;
    case CONNECTION_CONNECTING:
        note_failed_attempt(connection);
        close_socket(connection);
        break;
    case CONNECTION_OPEN:
        watch_stop(&connection->watch);
        break;
    }
}

void connection_suspect(struct connection *connection, int64_t since_us)
{
    if (connection->state == CONNECTION_OPEN && TAILQ_EMPTY(&connection->pending) &&
        connection->last_received_us < since_us) {
        close_socket(connection);
    }
}

/* Nothing watches an idle connection, so its end is looked for before it is used again. */
static void wake_idle(struct connection *connection)
{
    char byte;
    ssize_t got = recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
        close_socket(connection);
        return;
    }
    watch_start(connection->loop, &connection->watch, connection->fd, WATCH_READ | WATCH_WRITE,
                on_ready, connection);
}

struct operation *connection_call(struct connection *connection, enum rpc rpc, const void *request,
                                  int64_t timeout_us, rpc_done_fn *done, void *ctx)
{
    connection->last_sequence =
        connection->last_sequence == INT32_MAX ? 1 : connection->last_sequence + 1;
    struct call *call = call_new(connection, rpc, connection->last_sequence, timeout_us, done, ctx);
    int64_t timeout_ms = (timeout_us + US_PER_MS - 1) / US_PER_MS;
    wire_encode_request(rpc, call->sequence,
                        (int32_t)(timeout_ms < 1           ? 1
                                  : timeout_ms > INT32_MAX ? INT32_MAX
                                                           : timeout_ms),
                        request, &call->frame);
    TAILQ_INSERT_TAIL(&connection->pending, call, link);
    connection->unsent++;
    if (connection->state == CONNECTION_OPEN && connection->watch.loop == NULL) {
        wake_idle(connection);
    }
    if (connection->state == CONNECTION_OPEN) {
        watch_set_events(&connection->watch, WATCH_READ | WATCH_WRITE);
    } else if (connection->state == CONNECTION_CLOSED) {
        connect_when_allowed(connection);
    }
    return &call->operation;
}
