/* live/zookeeper.h - one session with a ZooKeeper ensemble, on the event loop.
 *
 * Floor: live; real clock only. Debian's single-threaded client library does the protocol and finds
 * another server when one is lost; the loop waits for it (zookeeper_interest, zookeeper_process).
 * No threads, no watches; names are resolved at the start alone, which blocks as the system's
 * resolver does. What a peer sends is judged before the library reads it (zookeeper_guard.h).
 * Built when the library was there (HAVE_ZOOKEEPER); otherwise zookeeper_start says so. */
#ifndef PEGFLOW_LIVE_ZOOKEEPER_H
#define PEGFLOW_LIVE_ZOOKEEPER_H

#include "base/loop.h"
#include "base/text.h"
#include "pegasus/ensemble.h"

struct zookeeper;

/* What a process that comes after must know to go on with a session. Kept in the journal. */
struct zookeeper_identity {
    int64_t session_id;
    uint8_t password[16];
};
enum { ZOOKEEPER_IDENTITY_TEXT_BYTES = 16 + 1 + 32 + 1 };
/* "<id>:<password>" in hex. Returns `buffer`. */
const char *zookeeper_identity_format(const struct zookeeper_identity *identity,
                                      char buffer[ZOOKEEPER_IDENTITY_TEXT_BYTES]);
bool zookeeper_identity_parse(const char *text, struct zookeeper_identity *out, struct error *err);

enum zookeeper_state {
    ZOOKEEPER_CONNECTING, /* never was connected */
    ZOOKEEPER_CONNECTED,
    ZOOKEEPER_SUSPENDED, /* the connection is lost; the session may live or not */
    ZOOKEEPER_ENDED,     /* expired, or not connected in time: for ever */
};

struct zookeeper_options {
    const struct ensemble *ensemble;
    int64_t session_us; /* asked for; the servers have bounds of their own */
    int64_t connect_us; /* ends unless connected by then; 0: as long as each server may take */
    const struct zookeeper_identity *identity; /* a session to go on with, or NULL for a new one */
};

/* The state changed; of changes in one turn of the loop the last alone is told. `why`: for
 * SUSPENDED and ENDED, what each server said last; ENDED with ERROR_REFUSED: the session has
 * expired. May call anything. */
typedef void zookeeper_state_fn(void *ctx, enum zookeeper_state state, const struct error *why);

/* Resolves and begins to connect. Fails only where no name resolves, or without the library. */
bool zookeeper_start(struct loop *loop, const struct zookeeper_options *options,
                     zookeeper_state_fn *changed, void *ctx, struct zookeeper **out,
                     struct error *err);
/* Ends the session where the server answers (its ephemeral nodes go at once; it takes at most
 * 1.5 s), else lets it expire. No callback follows. NULL is fine. May be called from a callback. */
void zookeeper_free(struct zookeeper *zookeeper);
/* As zookeeper_free, but the session is left to live until it expires: as a crash would. */
void zookeeper_abandon(struct zookeeper *zookeeper);

enum zookeeper_state zookeeper_state(const struct zookeeper *zookeeper);
/* Once connected: as the servers granted it. */
int64_t zookeeper_session_us(const struct zookeeper *zookeeper);
struct zookeeper_identity zookeeper_identity(const struct zookeeper *zookeeper);

/* ---- requests: answered in order, each `done` exactly once and never inside the call. Bounded:
 * the connection is dropped when the oldest has no answer for a session's time. */

enum zookeeper_outcome {
    ZOOKEEPER_OK,
    ZOOKEEPER_NO_NODE,
    ZOOKEEPER_NODE_EXISTS,
    ZOOKEEPER_NOT_EMPTY,
    ZOOKEEPER_BAD_VERSION,
    ZOOKEEPER_NOT_ALLOWED, /* the node's ACL, or authentication that the servers want */
    ZOOKEEPER_UNSURE,      /* no connection: it may have been done or not */
    ZOOKEEPER_GONE,        /* the session has ended; perhaps it was done before */
    ZOOKEEPER_OTHER,
};

/* Valid during the callback. Only what the request asks for is set. */
struct zookeeper_reply {
    enum zookeeper_outcome outcome;
    const char *path;         /* create: with its sequence number */
    struct slice data;        /* get */
    int32_t version;          /* get, set */
    int64_t owner;            /* get: the session of an ephemeral node, or 0 */
    int64_t created_ms;       /* get: since 1970, by the servers' clocks */
    const char *const *names; /* children, in no order */
    size_t name_count;
    int64_t asked_us; /* loop_now_us when the request was made */
};
/* `err` is NULL for ZOOKEEPER_OK; else it names the servers and the path. */
typedef void zookeeper_fn(void *ctx, const struct zookeeper_reply *reply, const struct error *err);

enum { ZOOKEEPER_DATA_BYTES_MAX = 1024 * 1024 - 4096 }; /* of one node: jute.maxbuffer is 1 MB */
enum zookeeper_node { ZOOKEEPER_PERSISTENT, ZOOKEEPER_EPHEMERAL_SEQUENTIAL };
enum { ZOOKEEPER_ANY_VERSION = -1 };

/* Open to all, as Pegasus's nodes are. `path` is one that ensemble_check_path takes, but for the
 * '-' or the like that a sequence number follows. */
void zookeeper_create(struct zookeeper *zookeeper, const char *path, struct slice data,
                      enum zookeeper_node node, zookeeper_fn *done, void *ctx);
void zookeeper_get(struct zookeeper *zookeeper, const char *path, zookeeper_fn *done, void *ctx);
void zookeeper_set(struct zookeeper *zookeeper, const char *path, struct slice data,
                   int32_t version, zookeeper_fn *done, void *ctx);
void zookeeper_children(struct zookeeper *zookeeper, const char *path, zookeeper_fn *done,
                        void *ctx);
void zookeeper_delete(struct zookeeper *zookeeper, const char *path, int32_t version,
                      zookeeper_fn *done, void *ctx);
/* No callback with this `ctx` follows; what was asked is perhaps done all the same. */
void zookeeper_forget(struct zookeeper *zookeeper, const void *ctx);

#endif
