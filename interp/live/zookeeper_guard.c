#include "live/zookeeper_guard.h"

#include "live/wording.h"

enum {
    LENGTH_BYTES = 4,
    HANDSHAKE_BYTES = 36, /* 37 from 3.4 on: whether the server is read-only */
    PASSWORD_BYTES = 16,
    HEADER_BYTES = 16, /* xid, zxid, err */
    STAT_BYTES = 68,
    PING_XID = -2,
};
static const int32_t session_ms_max = 24 * 3600 * 1000;

static int32_t read_int(const uint8_t *at)
{
    return (int32_t)((uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3]);
}

static enum guard_verdict wrong(const void *bytes, size_t length, struct error *err)
{
    char excerpt[WORDING_EXCERPT_BYTES];
    error_set(err, ERROR_PEER, "what it sends is not ZooKeeper's protocol: '%s'",
              wording_excerpt(bytes, length, excerpt));
    return GUARD_WRONG;
}

enum guard_verdict zookeeper_guard_handshake(const void *from, size_t length, size_t *wanted,
                                             struct error *err)
{
    const uint8_t *bytes = from;
    *wanted = LENGTH_BYTES;
    if (length < LENGTH_BYTES) {
        return GUARD_MORE;
    }
    int32_t body = read_int(bytes);
    if (body != HANDSHAKE_BYTES && body != HANDSHAKE_BYTES + 1) {
        return wrong(bytes, length, err);
    }
    *wanted = LENGTH_BYTES + (size_t)body;
    if (length < *wanted) {
        return GUARD_MORE;
    }
    int32_t version = read_int(bytes + 4);
    int32_t session_ms = read_int(bytes + 8);
    bool no_session = session_ms == 0 && read_int(bytes + 12) == 0 && read_int(bytes + 16) == 0;
    if (version != 0 || read_int(bytes + 20) != PASSWORD_BYTES || session_ms > session_ms_max ||
        (session_ms <= 0 && !no_session)) {
        return wrong(bytes, length, err);
    }
    return GUARD_PASS;
}

/* ---- replies */

/* A string or bytes at *at; `least`: -1 where there may be none. */
static bool skip_counted(const uint8_t **at, size_t *left, int32_t least)
{
    if (*left < LENGTH_BYTES) {
        return false;
    }
    int32_t count = read_int(*at);
    if (count < least || (count > 0 && (size_t)count > *left - LENGTH_BYTES)) {
        return false;
    }
    size_t all = LENGTH_BYTES + (count > 0 ? (size_t)count : 0);
    *at += all;
    *left -= all;
    return true;
}

static bool are_names(const uint8_t *at, size_t left)
{
    if (left < LENGTH_BYTES) {
        return false;
    }
    int32_t count = read_int(at);
    at += LENGTH_BYTES;
    left -= LENGTH_BYTES;
    for (int32_t i = 0; i < count; i++) {
        if (!skip_counted(&at, &left, 0)) {
            return false;
        }
    }
    return count >= 0 && left == 0;
}

static bool is_body(enum zookeeper_body body, const uint8_t *at, size_t left)
{
    switch (body) {
    case ZOOKEEPER_BODY_EMPTY:
        return left == 0;
    case ZOOKEEPER_BODY_PATH:
        return skip_counted(&at, &left, 0) && left == 0;
    case ZOOKEEPER_BODY_STAT:
        return left == STAT_BYTES;
    case ZOOKEEPER_BODY_DATA:
        return skip_counted(&at, &left, -1) && left == STAT_BYTES;
    case ZOOKEEPER_BODY_NAMES:
        return are_names(at, left);
    }
    return false;
}

enum guard_verdict zookeeper_guard_frame(const void *from, size_t length,
                                         const enum zookeeper_body *oldest, size_t *wanted,
                                         struct error *err)
{
    const uint8_t *bytes = from;
    *wanted = LENGTH_BYTES;
    if (length < LENGTH_BYTES) {
        return GUARD_MORE;
    }
    int32_t frame = read_int(bytes);
    if (frame < HEADER_BYTES || frame > ZOOKEEPER_FRAME_BYTES_MAX) {
        return wrong(bytes, length, err);
    }
    *wanted = LENGTH_BYTES + (size_t)frame;
    if (length < *wanted) {
        return GUARD_MORE;
    }
    int32_t xid = read_int(bytes + 4);
    int32_t failure = read_int(bytes + 16);
    const uint8_t *body = bytes + LENGTH_BYTES + HEADER_BYTES;
    size_t body_bytes = (size_t)frame - HEADER_BYTES;
    bool is_ping = xid == PING_XID && body_bytes == 0;
    bool is_reply =
        xid >= 0 && oldest != NULL && (failure != 0 || is_body(*oldest, body, body_bytes));
    return is_ping || is_reply ? GUARD_PASS : wrong(bytes, length, err);
}
