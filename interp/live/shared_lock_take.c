/* Taking the shared lock: look at all its nodes, make ours where there is none, look again. */
#include "base/duration.h"
#include "live/shared_lock_private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const int64_t wait_every_us = 500 * US_PER_MS;
static const int64_t wait_margin_us =
    5 * US_PER_SECOND; /* servers look for dead sessions by ticks */
static const int64_t taking_limit_us = 60 * US_PER_SECOND; /* with a session that comes and goes */
static const char prefix[] = "lock-";
enum { NUMBER_DIGITS = 10, NODES_MAX = 1000 };

static void survey_again(void *ctx);

/* True: the outcome was dealt with. A lost connection: from the start, when there is one. */
static bool taking_failed(struct shared_lock *lock, const struct zookeeper_reply *reply,
                          const struct error *err)
{
    if (reply->outcome == ZOOKEEPER_OK) {
        return false;
    }
    if (reply->outcome == ZOOKEEPER_UNSURE) {
        lock->state = LOCK_CONNECTING;
        if (zookeeper_state(lock->zookeeper) == ZOOKEEPER_CONNECTED) {
            shared_lock_survey(lock);
        }
    } else if (reply->outcome != ZOOKEEPER_GONE) { /* what has ended tells so itself */
        shared_lock_refuse(lock, err);
    }
    return true;
}

void survey_clear(struct survey *survey)
{
    arena_clear(&survey->arena);
    memset(survey, 0, sizeof *survey);
    arena_init(&survey->arena);
    survey->own = -1;
    survey->lowest = -1;
}

static int64_t number_of(const char *name)
{
    const char *digits = name + sizeof prefix - 1;
    return strlen(digits) == NUMBER_DIGITS && strspn(digits, "0123456789") == NUMBER_DIGITS
               ? strtoll(digits, NULL, 10)
               : -1;
}

static void own_node_written(void *ctx, const struct zookeeper_reply *reply,
                             const struct error *err)
{
    struct shared_lock *lock = ctx;
    if (lock->state != LOCK_TAKING) {
        return;
    }
    if (reply->outcome == ZOOKEEPER_NO_NODE || reply->outcome == ZOOKEEPER_BAD_VERSION) {
        shared_lock_survey(lock);
        return;
    }
    if (taking_failed(lock, reply, err)) {
        return;
    }
    lock->version = reply->version;
    shared_lock_taken(lock, reply->asked_us);
}

/* Also a node just made is written once: its version then tells whether another process that goes
 * on with our session has written it since. */
static void own(struct shared_lock *lock)
{
    lock->token = lock->survey.own;
    free(lock->node);
    struct text node = {0};
    text_printf(&node, "%s/%s%010" PRId64, lock->options.path, prefix, lock->token);
    lock->node = text_take(&node);
    zookeeper_set(lock->zookeeper, lock->node, (struct slice){lock->data.bytes, lock->data.length},
                  lock->survey.own_version, own_node_written, lock);
}

static void refuse_for(struct shared_lock *lock, const char *remark)
{
    struct survey *survey = &lock->survey;
    struct error why;
    error_set(&why, ERROR_REFUSED,
              "cluster '%s' is being changed by %s: it holds the shared lock '%s/%s%010" PRId64
              "' in ZooKeeper%s",
              lock->options.cluster,
              survey->known ? shared_lock_holder_describe(&survey->holder, &survey->arena)
                            : "somebody, who left no word",
              lock->options.path, prefix, survey->lowest, remark);
    shared_lock_refuse(lock, &why);
}

/* The same run, whose last process died: its session has an end. */
static void wait_out(struct shared_lock *lock)
{
    const struct shared_lock_holder *holder = &lock->survey.holder;
    int64_t now_us = loop_now_us(lock->loop);
    bool first = lock->wait_until_us == 0;
    if (first) {
        lock->wait_until_us = now_us + holder->session_us + wait_margin_us;
    } else if (now_us >= lock->wait_until_us) {
        refuse_for(lock, ", and that process is alive");
        return;
    }
    timer_start(lock->loop, &lock->timer, wait_every_us, survey_again, lock);
    if (first) {
        char limit[DURATION_TEXT_BYTES];
        struct arena *arena = &lock->survey.arena;
        timer_start(lock->loop, &lock->limit, taking_limit_us + holder->session_us + wait_margin_us,
                    lock->limit.fire, lock);
        lock->event(lock->ctx, SHARED_LOCK_WAITING,
                    arena_printf(arena,
                                 "the shared lock is still held by the session of %s; unless that "
                                 "process lives, ZooKeeper lets it go within %s",
                                 shared_lock_holder_describe(holder, arena),
                                 duration_format(lock->wait_until_us - now_us, limit)));
    }
}

static void node_created(void *ctx, const struct zookeeper_reply *reply, const struct error *err)
{
    struct shared_lock *lock = ctx;
    if (lock->state == LOCK_TAKING && !taking_failed(lock, reply, err)) {
        shared_lock_survey(lock);
    }
}

static void own_node_deleted(void *ctx, const struct zookeeper_reply *reply,
                             const struct error *err)
{
    struct shared_lock *lock = ctx;
    if (lock->state == LOCK_TAKING &&
        (reply->outcome == ZOOKEEPER_NO_NODE || !taking_failed(lock, reply, err))) {
        shared_lock_survey(lock);
    }
}

static void decide(struct shared_lock *lock)
{
    struct survey *survey = &lock->survey;
    if (survey->lowest < 0) {
        struct text node = {0};
        text_printf(&node, "%s/%s", lock->options.path, prefix);
        zookeeper_create(lock->zookeeper, text_string(&node),
                         (struct slice){lock->data.bytes, lock->data.length},
                         ZOOKEEPER_EPHEMERAL_SEQUENTIAL, node_created, lock);
        text_clear(&node);
    } else if (survey->own == survey->lowest) {
        own(lock);
    } else if (survey->own >= 0) {
        /* Somebody was faster: ours goes, so that it never owns unnoticed. */
        zookeeper_delete(lock->zookeeper,
                         arena_printf(&survey->arena, "%s/%s%010" PRId64, lock->options.path,
                                      prefix, survey->own),
                         ZOOKEEPER_ANY_VERSION, own_node_deleted, lock);
    } else if (lock->options.resumes && survey->known &&
               strcmp(survey->holder.run, lock->options.holder.run) == 0) {
        wait_out(lock);
    } else {
        refuse_for(lock, "");
    }
}

static void read_next(struct shared_lock *lock);

static void node_read(void *ctx, const struct zookeeper_reply *reply, const struct error *err)
{
    struct shared_lock *lock = ctx;
    if (lock->state != LOCK_TAKING) {
        return;
    }
    struct survey *survey = &lock->survey;
    int64_t number = number_of(survey->names[survey->next]);
    if (reply->outcome == ZOOKEEPER_OK) {
        if (reply->owner == zookeeper_identity(lock->zookeeper).session_id) {
            survey->own = number;
            survey->own_version = reply->version;
        }
        if (survey->lowest < 0 || number < survey->lowest) {
            survey->lowest = number;
            survey->known = shared_lock_holder_read(reply->data, &survey->arena, &survey->holder);
        }
    } else if (reply->outcome != ZOOKEEPER_NO_NODE) { /* gone since it was listed */
        taking_failed(lock, reply, err);
        return;
    }
    survey->next++;
    read_next(lock);
}

static void read_next(struct shared_lock *lock)
{
    struct survey *survey = &lock->survey;
    if (survey->next == survey->count) {
        decide(lock);
        return;
    }
    zookeeper_get(
        lock->zookeeper,
        arena_printf(&survey->arena, "%s/%s", lock->options.path, survey->names[survey->next]),
        node_read, lock);
}

static void nodes_listed(void *ctx, const struct zookeeper_reply *reply, const struct error *err)
{
    struct shared_lock *lock = ctx;
    struct error why;
    if (lock->state != LOCK_TAKING) {
        return;
    }
    if (taking_failed(lock, reply, err)) {
        return;
    }
    struct survey *survey = &lock->survey;
    survey->names = arena_allocate(&survey->arena, (NODES_MAX + 1) * sizeof *survey->names);
    for (size_t i = 0; i < reply->name_count && survey->count <= NODES_MAX; i++) {
        const char *name = reply->names[i];
        if (strncmp(name, prefix, sizeof prefix - 1) != 0) {
            continue;
        }
        if (number_of(name) < 0) {
            error_set(&why, ERROR_REFUSED,
                      "the node '%s/%.100s' in ZooKeeper is none that a run makes; delete it",
                      lock->options.path, name);
            shared_lock_refuse(lock, &why);
            return;
        }
        survey->names[survey->count++] = arena_copy_string(&survey->arena, name);
    }
    if (survey->count > NODES_MAX) {
        error_set(&why, ERROR_LIMIT, "more than %d nodes of the shared lock below '%s'", NODES_MAX,
                  lock->options.path);
        shared_lock_refuse(lock, &why);
        return;
    }
    read_next(lock);
}

static void path_made(void *ctx, const struct zookeeper_reply *reply, const struct error *err)
{
    struct shared_lock *lock = ctx;
    if (lock->state == LOCK_TAKING && !taking_failed(lock, reply, err)) {
        zookeeper_children(lock->zookeeper, lock->options.path, nodes_listed, lock);
    }
}

/* What our node says is written with the time that the servers granted. */
void shared_lock_survey(struct shared_lock *lock)
{
    lock->state = LOCK_TAKING;
    lock->options.holder.session_us = zookeeper_session_us(lock->zookeeper);
    text_reset(&lock->data);
    shared_lock_holder_write(&lock->options.holder, &lock->data);
    survey_clear(&lock->survey);
    path_maker_start(&lock->path, lock->zookeeper, lock->options.path, path_made, lock);
}

static void survey_again(void *ctx)
{
    shared_lock_survey(ctx);
}

static void taking_too_long(void *ctx)
{
    struct shared_lock *lock = ctx;
    struct error why;
    error_set(
        &why, ERROR_UNREACHABLE,
        "the shared lock '%s' could not be taken in time: ZooKeeper's connections do not last",
        lock->options.path);
    shared_lock_refuse(lock, &why);
}

void shared_lock_limit_taking(struct shared_lock *lock, int64_t more_us)
{
    timer_start(lock->loop, &lock->limit, taking_limit_us + more_us, taking_too_long, lock);
}
