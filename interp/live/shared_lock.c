#include "live/shared_lock.h"

#include "base/duration.h"
#include "live/shared_lock_private.h"

#include <stdlib.h>
#include <string.h>

static const int64_t suspended_limit_us = 120 * US_PER_SECOND;

static void ask(void *ctx);

/* ---- ends */

static void stop_timers(struct shared_lock *lock)
{
    timer_cancel(&lock->timer);
    timer_cancel(&lock->limit);
}

/* The lock is not ours; `why` is copied first. Calls `done`: the last act of a callback. */
void shared_lock_refuse(struct shared_lock *lock, const struct error *why)
{
    shared_lock_done_fn *done = lock->done;
    stop_timers(lock);
    lock->why = *why;
    lock->state = LOCK_OVER;
    lock->done = NULL;
    done(lock->ctx, &lock->why);
}

/* The last act of a callback. */
static void lose(struct shared_lock *lock, const struct error *why)
{
    if (lock->state != LOCK_HELD && lock->state != LOCK_SUSPENDED) {
        return;
    }
    stop_timers(lock);
    lock->why = *why;
    lock->state = LOCK_OVER;
    lock->event(lock->ctx, SHARED_LOCK_LOST, lock->why.text);
}

static void suspended_too_long(void *ctx)
{
    struct shared_lock *lock = ctx;
    char limit[DURATION_TEXT_BYTES];
    struct error why = lock->why;
    error_wrap(&why, "nothing was heard of the shared lock for %s",
               duration_format(suspended_limit_us, limit));
    lose(lock, &why);
}

static void suspend(struct shared_lock *lock, const struct error *why)
{
    if (lock->state == LOCK_HELD) {
        lock->why = *why;
        lock->state = LOCK_SUSPENDED;
        timer_start(lock->loop, &lock->limit, suspended_limit_us, suspended_too_long, lock);
        lock->event(lock->ctx, SHARED_LOCK_SUSPENDED, lock->why.text);
    }
}

/* ---- held: our node is looked at three times in a session's time */

static void no_word(void *ctx)
{
    struct shared_lock *lock = ctx;
    struct error why;
    shared_lock_is_held(lock, &why);
    suspend(lock, &why);
}

static void confirm(struct shared_lock *lock, int64_t asked_us)
{
    int64_t session_us = zookeeper_session_us(lock->zookeeper);
    bool resumed = lock->state == LOCK_SUSPENDED;
    lock->held_until_us = asked_us + session_us;
    lock->state = LOCK_HELD;
    timer_start(lock->loop, &lock->timer, session_us / 3, ask, lock);
    timer_start(lock->loop, &lock->limit, lock->held_until_us - loop_now_us(lock->loop), no_word,
                lock);
    if (resumed) {
        lock->event(lock->ctx, SHARED_LOCK_RESUMED,
                    "ZooKeeper answers, and the lock is still ours");
    }
}

static void lose_to(struct shared_lock *lock, struct slice data)
{
    struct arena arena;
    struct shared_lock_holder holder;
    struct error why;
    arena_init(&arena);
    bool known = shared_lock_holder_read(data, &arena, &holder);
    error_set(&why, ERROR_REFUSED, "the shared lock '%s' was taken over by %s", lock->node,
              known ? shared_lock_holder_describe(&holder, &arena) : "somebody");
    arena_clear(&arena);
    lock->keeps_session = true; /* closing it would take the lock from the other */
    lose(lock, &why);
}

static void own_node_read(void *ctx, const struct zookeeper_reply *reply, const struct error *err)
{
    struct shared_lock *lock = ctx;
    struct error why;
    lock->asks = false;
    if (lock->state != LOCK_HELD && lock->state != LOCK_SUSPENDED) {
        return;
    }
    switch (reply->outcome) {
    case ZOOKEEPER_OK:
        if (reply->version != lock->version) {
            lose_to(lock, reply->data);
        } else {
            confirm(lock, reply->asked_us);
        }
        break;
    case ZOOKEEPER_UNSURE:
    case ZOOKEEPER_GONE:
        break; /* the session tells what becomes of it */
    case ZOOKEEPER_NO_NODE:
        error_set(&why, ERROR_REFUSED, "the shared lock '%s' was deleted by somebody", lock->node);
        lose(lock, &why);
        break;
    case ZOOKEEPER_NODE_EXISTS:
    case ZOOKEEPER_NOT_EMPTY:
    case ZOOKEEPER_BAD_VERSION:
    case ZOOKEEPER_NOT_ALLOWED:
    case ZOOKEEPER_OTHER:
        lose(lock, err);
        break;
    }
}

static void ask(void *ctx)
{
    struct shared_lock *lock = ctx;
    if (!lock->asks) {
        lock->asks = true;
        zookeeper_get(lock->zookeeper, lock->node, own_node_read, lock);
    }
    timer_start(lock->loop, &lock->timer, zookeeper_session_us(lock->zookeeper) / 3, ask, lock);
}

void shared_lock_taken(struct shared_lock *lock, int64_t asked_us)
{
    shared_lock_done_fn *done = lock->done;
    lock->done = NULL;
    confirm(lock, asked_us);
    done(lock->ctx, NULL);
}

/* ---- the session */

static bool start_session(struct shared_lock *lock, const struct zookeeper_identity *identity,
                          struct error *err);

static void session_ended(struct shared_lock *lock, const struct error *why)
{
    struct error err = *why;
    bool taking = lock->state == LOCK_CONNECTING || lock->state == LOCK_TAKING;
    if (taking && lock->reclaims && why->code == ERROR_REFUSED) {
        /* The dead process's session has expired, and the lock with it: a new one. */
        lock->reclaims = false;
        zookeeper_free(lock->zookeeper);
        lock->zookeeper = NULL;
        if (start_session(lock, NULL, &err)) {
            return;
        }
    }
    if (taking) {
        error_wrap(&err, "take the shared lock");
        shared_lock_refuse(lock, &err);
    } else {
        error_wrap(&err, "the shared lock is lost");
        lose(lock, &err);
    }
}

static void session_changed(void *ctx, enum zookeeper_state state, const struct error *why)
{
    struct shared_lock *lock = ctx;
    struct error unsure;
    switch (state) {
    case ZOOKEEPER_CONNECTING:
        break;
    case ZOOKEEPER_CONNECTED:
        if (lock->state == LOCK_CONNECTING) {
            shared_lock_survey(lock);
        } else if (lock->state == LOCK_SUSPENDED || lock->state == LOCK_HELD) {
            ask(lock);
        }
        break;
    case ZOOKEEPER_SUSPENDED:
        unsure = *why;
        error_wrap(&unsure, "the shared lock is not confirmed");
        suspend(lock, &unsure);
        break;
    case ZOOKEEPER_ENDED:
        session_ended(lock, why);
        break;
    }
}

static bool start_session(struct shared_lock *lock, const struct zookeeper_identity *identity,
                          struct error *err)
{
    struct zookeeper_options options = {
        .ensemble = &lock->ensemble,
        .session_us = lock->options.session_us,
        .identity = identity,
    };
    lock->state = LOCK_CONNECTING;
    return zookeeper_start(lock->loop, &options, session_changed, lock, &lock->zookeeper, err);
}

/* ---- what callers call */

static void copy_options(struct shared_lock *lock, const struct shared_lock_options *options)
{
    struct arena *arena = &lock->arena;
    struct shared_lock_holder *holder = &lock->options.holder;
    char since[WALL_TEXT_BYTES];
    lock->options = *options;
    lock->ensemble = *options->ensemble;
    for (size_t i = 0; i < lock->ensemble.count; i++) {
        lock->ensemble.servers[i].name = arena_copy_string(arena, lock->ensemble.servers[i].name);
    }
    lock->options.path = arena_copy_string(arena, options->path);
    lock->options.cluster = arena_copy_string(arena, options->cluster);
    holder->run = arena_copy_string(arena, holder->run);
    holder->since = arena_copy_string(arena, wall_format_utc(loop_wall_us(lock->loop), since));
    holder->session_us = options->session_us;
    shared_lock_holder_write(holder, &lock->data);
    lock->options.identity = NULL; /* the caller's, and used at once */
    lock->reclaims = options->identity != NULL;
}

bool shared_lock_take(struct loop *loop, const struct shared_lock_options *options,
                      shared_lock_event_fn *event, shared_lock_done_fn *done, void *ctx,
                      struct shared_lock **out, struct error *err)
{
    struct shared_lock *lock = memory_allocate(sizeof *lock);
    lock->loop = loop;
    lock->event = event;
    lock->done = done;
    lock->ctx = ctx;
    lock->token = -1;
    arena_init(&lock->arena);
    survey_clear(&lock->survey);
    copy_options(lock, options);
    bool ok = lock->data.length <= SHARED_LOCK_HOLDER_BYTES_MAX;
    if (!ok) {
        error_set(err, ERROR_LIMIT, "what tells who holds it has %zu bytes, more than %d",
                  lock->data.length, SHARED_LOCK_HOLDER_BYTES_MAX);
    }
    if (!ok || !start_session(lock, options->identity, err)) {
        error_wrap(err, "take the shared lock");
        shared_lock_free(lock);
        return false;
    }
    shared_lock_limit_taking(lock, 0);
    *out = lock;
    return true;
}

bool shared_lock_is_held(const struct shared_lock *lock, struct error *why)
{
    if (lock->state != LOCK_HELD) {
        *why = lock->why;
        return false;
    }
    int64_t late_us = loop_now_us(lock->loop) - lock->held_until_us;
    if (late_us >= 0) {
        char since[DURATION_TEXT_BYTES];
        error_set(why, ERROR_UNREACHABLE, "ZooKeeper has not confirmed the shared lock '%s' for %s",
                  lock->node,
                  duration_format(late_us + zookeeper_session_us(lock->zookeeper), since));
        return false;
    }
    return true;
}

int64_t shared_lock_token(const struct shared_lock *lock)
{
    return lock->token;
}

struct zookeeper_identity shared_lock_identity(const struct shared_lock *lock)
{
    return zookeeper_identity(lock->zookeeper);
}

struct zookeeper *shared_lock_session(const struct shared_lock *lock)
{
    return lock->zookeeper;
}

/* ---- giving it up */

static void released(void *ctx, const struct zookeeper_reply *reply, const struct error *err)
{
    struct shared_lock *lock = ctx;
    shared_lock_done_fn *done = lock->done;
    lock->state = LOCK_OVER;
    lock->done = NULL;
    error_set(&lock->why, ERROR_REFUSED, "the shared lock was given up");
    done(lock->ctx, reply->outcome == ZOOKEEPER_NO_NODE ? NULL : err);
}

static void was_over(void *ctx)
{
    struct shared_lock *lock = ctx;
    shared_lock_done_fn *done = lock->done;
    lock->done = NULL;
    done(lock->ctx, NULL);
}

void shared_lock_release(struct shared_lock *lock, shared_lock_done_fn *done, void *ctx)
{
    ASSERT(lock->done == NULL);
    stop_timers(lock);
    lock->done = done;
    lock->ctx = ctx;
    if (lock->state == LOCK_OVER) {
        timer_start(lock->loop, &lock->timer, 0, was_over, lock);
        return;
    }
    lock->state = LOCK_RELEASING;
    zookeeper_delete(lock->zookeeper, lock->node, ZOOKEEPER_ANY_VERSION, released, lock);
}

void shared_lock_free(struct shared_lock *lock)
{
    if (lock == NULL) {
        return;
    }
    stop_timers(lock);
    if (lock->keeps_session) {
        zookeeper_abandon(lock->zookeeper);
    } else {
        zookeeper_free(lock->zookeeper);
    }
    arena_clear(&lock->survey.arena);
    arena_clear(&lock->arena);
    text_clear(&lock->data);
    free(lock->node);
    free(lock);
}
