#include "serve/stream.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

/* One turn reads at most so much from one connection, so that all get their share. */
enum { READ_BYTES = 64 << 10, TURN_BYTES = 256 << 10 };

bool stream_is_open(const struct stream *stream)
{
    return stream->fd >= 0;
}

static size_t pending(const struct stream *stream)
{
    return stream->out.length - stream->sent;
}

static bool has_room(const struct stream *stream)
{
    return pending(stream) < STREAM_ROOM_BYTES;
}

bool stream_has_room(struct stream *stream)
{
    stream->starved = stream->starved || !has_room(stream);
    return has_room(stream);
}

/* ---- ending */

static void say_farewell(void *ctx)
{
    struct stream *stream = ctx;

    stream->closed(stream->ctx);
}

void stream_close(struct stream *stream)
{
    if (!stream_is_open(stream)) {
        return;
    }
    watch_stop(&stream->watch);
    close(stream->fd);
    stream->fd = -1;
    text_clear(&stream->in);
    text_clear(&stream->out);
    stream->sent = 0;
    timer_start(stream->loop, &stream->farewell, 0, say_farewell, stream);
}

void stream_reset(struct stream *stream)
{
    if (stream_is_open(stream)) {
        struct linger at_once = {.l_onoff = 1, .l_linger = 0};
        (void)setsockopt(stream->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        stream_close(stream);
    }
}

void stream_clear(struct stream *stream)
{
    stream_close(stream);
    timer_cancel(&stream->farewell);
}

/* ---- bytes */

static void want_events(struct stream *stream)
{
    bool reads = !stream->ended && !stream->finishing && has_room(stream);
    /* A starved owner with nothing pending any more goes on in the next turn, when others had
     * theirs. */
    bool writes = pending(stream) > 0 || (stream->starved && !stream->finishing);

    watch_set_events(&stream->watch, (reads ? WATCH_READ : 0U) | (writes ? WATCH_WRITE : 0U));
}

/* False: the connection is gone, and the stream closed. */
static bool send_pending(struct stream *stream)
{
    while (pending(stream) > 0) {
        ssize_t sent = send(stream->fd, stream->out.bytes + stream->sent, pending(stream),
                            MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            break;
        }
        if (sent < 0) {
            stream_close(stream);
            return false;
        }
        stream->sent += (size_t)sent;
    }
    /* What was sent leaves the buffer when it is the larger part: each byte moves at most once. */
    if (stream->sent > 0 && stream->sent >= pending(stream)) {
        text_drop_front(&stream->out, stream->sent);
        stream->sent = 0;
    }
    if (stream->finishing && pending(stream) == 0) {
        stream_close(stream);
        return false;
    }
    want_events(stream);
    return true;
}

/* False: the connection is gone, and the stream closed. */
static bool receive(struct stream *stream)
{
    for (size_t taken = 0; taken < TURN_BYTES;) {
        char *room = text_reserve(&stream->in, READ_BYTES);
        ssize_t got = recv(stream->fd, room, READ_BYTES, MSG_DONTWAIT);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            return true;
        }
        if (got < 0) {
            stream_close(stream);
            return false;
        }
        if (got == 0) {
            stream->ended = true;
            want_events(stream);
            return true;
        }
        stream->in.length += (size_t)got;
        room[got] = '\0';
        taken += (size_t)got;
    }
    return true;
}

static void on_ready(void *ctx, unsigned ready)
{
    struct stream *stream = ctx;

    if ((ready & WATCH_WRITE) != 0 && !send_pending(stream)) {
        return;
    }
    if ((ready & WATCH_READ) != 0 && !stream->ended && !stream->finishing && !receive(stream)) {
        return;
    }
    if (stream->finishing) {
        return;
    }
    stream->starved = false;
    stream->ready(stream->ctx);
    if (stream_is_open(stream)) {
        want_events(stream);
    }
}

void stream_start(struct stream *stream, struct loop *loop, int fd, stream_fn *ready,
                  stream_fn *closed, void *ctx)
{
    *stream = (struct stream){.loop = loop, .fd = fd, .ready = ready, .closed = closed, .ctx = ctx};
    watch_start(loop, &stream->watch, fd, WATCH_READ, on_ready, stream);
}

void stream_consume(struct stream *stream, size_t bytes)
{
    text_drop_front(&stream->in, bytes);
}

void stream_flush(struct stream *stream)
{
    if (stream_is_open(stream)) {
        send_pending(stream);
    }
}

void stream_finish(struct stream *stream)
{
    stream->finishing = true;
    stream_flush(stream);
}
