/* live/shared_lock_private.h - what shared_lock.c (the lock's life) and shared_lock_take.c (how it
 * is taken) share.
 *
 * Floor: live. For these two files alone. */
#ifndef PEGFLOW_LIVE_SHARED_LOCK_PRIVATE_H
#define PEGFLOW_LIVE_SHARED_LOCK_PRIVATE_H

#include "live/shared_lock.h"
#include "live/zookeeper_path.h"

enum lock_state {
    LOCK_CONNECTING,
    LOCK_TAKING,
    LOCK_HELD,
    LOCK_SUSPENDED,
    LOCK_RELEASING,
    LOCK_OVER, /* refused, lost or released */
};

/* What one look at all nodes of the lock found. */
struct survey {
    struct arena arena;
    const char **names;
    size_t count;
    size_t next; /* to be read */
    int64_t own; /* number, or -1 */
    int32_t own_version;
    int64_t lowest;
    bool known; /* who holds the lowest */
    struct shared_lock_holder holder;
};

struct shared_lock {
    struct loop *loop;
    enum lock_state state;
    struct arena arena;
    struct ensemble ensemble;
    struct shared_lock_options options;
    shared_lock_event_fn *event;
    shared_lock_done_fn *done;
    void *ctx;
    struct zookeeper *zookeeper;
    struct text data; /* of our node */
    struct survey survey;
    struct path_maker path;
    int64_t token; /* -1 until our node is known */
    char *node;
    int32_t version;
    bool asks;             /* a look at our node is under way */
    int64_t held_until_us; /* without another word */
    int64_t wait_until_us; /* for the run's last process; 0: not waiting */
    bool reclaims;         /* the session of the run's dead process */
    bool keeps_session;    /* another process goes on with it */
    struct error why;      /* suspended, or over */
    struct timer timer;    /* taking: the next look; held: the next question */
    struct timer limit;    /* of taking; suspended: of that */
};

/* ---- shared_lock_take.c */
/* The session is there: looks at all nodes of the lock and decides. In the end it is
 * shared_lock_taken or shared_lock_refuse. */
void shared_lock_survey(struct shared_lock *lock);
/* Limits how long it may take from now on. */
void shared_lock_limit_taking(struct shared_lock *lock, int64_t more_us);
void survey_clear(struct survey *survey);

/* ---- shared_lock.c; each calls back, so it is the last act of a callback */
/* Our node is the lowest, and was written at `asked_us`. */
void shared_lock_taken(struct shared_lock *lock, int64_t asked_us);
void shared_lock_refuse(struct shared_lock *lock, const struct error *why);

#endif
