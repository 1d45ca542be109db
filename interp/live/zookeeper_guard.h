/* live/zookeeper_guard.h - what came from a ZooKeeper, judged before the client library reads it.
 *
 * Floor: live. Pure functions over bytes. The library believes lengths, counts and the order of
 * what it reads: a port that is no ZooKeeper's makes it allocate gigabytes, spin or abort. So it
 * may read only what was found whole and well-formed here. Facts: zookeeper.jute (ConnectResponse,
 * ReplyHeader, the responses); zookeeper.c, recv_buffer and zookeeper_process. */
#ifndef PEGFLOW_LIVE_ZOOKEEPER_GUARD_H
#define PEGFLOW_LIVE_ZOOKEEPER_GUARD_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/* One frame: a node's 1 MB (jute.maxbuffer) and what is around it. */
enum { ZOOKEEPER_FRAME_BYTES_MAX = 1024 * 1024 + 4096 };

/* What the body of a reply holds when it says yes. */
enum zookeeper_body {
    ZOOKEEPER_BODY_EMPTY,
    ZOOKEEPER_BODY_PATH,  /* a string */
    ZOOKEEPER_BODY_STAT,  /* the numbers of a node */
    ZOOKEEPER_BODY_DATA,  /* bytes, then the numbers */
    ZOOKEEPER_BODY_NAMES, /* strings */
};

enum guard_verdict {
    GUARD_PASS,  /* the first `wanted` bytes are a whole frame that the library may read */
    GUARD_MORE,  /* `wanted` bytes must be there before it can be judged */
    GUARD_WRONG, /* `err` says what is wrong, ERROR_PEER */
};

/* The first bytes of a connection: the answer to the request for a session. A session that was
 * asked for by its id and is gone is answered by zeros, which pass. */
enum guard_verdict zookeeper_guard_handshake(const void *bytes, size_t length, size_t *wanted,
                                             struct error *err);

/* What follows. `oldest`: the request that is answered next, or NULL when there is none. Watches
 * and authentication are not used here, so their frames are wrong. */
enum guard_verdict zookeeper_guard_frame(const void *bytes, size_t length,
                                         const enum zookeeper_body *oldest, size_t *wanted,
                                         struct error *err);

#endif
