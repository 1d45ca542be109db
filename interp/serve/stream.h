/* serve/stream.h - one accepted connection: buffered bytes both ways, on the event loop.
 *
 * Floor: serve. Knows no protocol. The owner embeds a stream and reacts to two callbacks; both run
 * from the loop only, never inside a call of the owner's. Output is bounded: while more than
 * STREAM_ROOM_BYTES wait to be sent nothing more is read, and the owner makes no more replies.
 *
 * Life: stream_start, then until the connection ends `ready`; after it ended, by whomever, `closed`
 * exactly once, which is the place to free the owner. stream_clear ends it without a callback. */
#ifndef PEGFLOW_SERVE_STREAM_H
#define PEGFLOW_SERVE_STREAM_H

#include "base/loop.h"
#include "base/text.h"

enum { STREAM_ROOM_BYTES = 1 << 20 };

typedef void stream_fn(void *ctx);
struct stream {
    struct loop *loop;
    int fd; /* -1: ended */
    struct watch watch;
    struct timer farewell; /* calls `closed` */
    struct text in;
    struct text out;
    size_t sent; /* bytes of `out` that are gone */
    bool ended;  /* the peer sends no more */
    bool finishing;
    bool starved;     /* the owner was told that there is no room */
    stream_fn *ready; /* more input, the end of it, or room for output again */
    stream_fn *closed;
    void *ctx;
};

/* Takes the non-blocking descriptor `fd`. */
void stream_start(struct stream *stream, struct loop *loop, int fd, stream_fn *ready,
                  stream_fn *closed, void *ctx);
void stream_clear(struct stream *stream);

bool stream_is_open(const struct stream *stream);
/* May the owner append more? After a no, `ready` follows once there is room. */
bool stream_has_room(struct stream *stream);
/* Removes what was handled from the front of `in`. */
void stream_consume(struct stream *stream, size_t bytes);
/* Sends what was appended to `out`, as far as it goes now. */
void stream_flush(struct stream *stream);
/* Sends what is pending, then closes; nothing more is read. */
void stream_finish(struct stream *stream);
void stream_close(struct stream *stream); /* at once, what is pending is lost */
void stream_reset(
    struct stream *stream); /* at once, as a process that died: the peer sees a reset */

#endif
