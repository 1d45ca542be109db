#include "cli/held_lock.h"

#include "base/duration.h"

#include <stdio.h>
#include <stdlib.h>

static const int64_t release_limit_us = 2 * US_PER_SECOND;

struct held_lock {
    struct loop *loop;
    struct arena arena;
    const struct cluster_file *file;
    const char *path;
    struct shared_lock *lock;
    shared_lock_event_fn *event; /* NULL: nobody listens yet */
    void *ctx;
    bool done; /* of what is waited for */
    bool failed;
    struct error err;
    struct timer limit;
};

static void call_done(void *ctx, const struct error *err)
{
    struct held_lock *lock = ctx;
    lock->done = true;
    lock->failed = err != NULL;
    if (err != NULL) {
        lock->err = *err;
    }
    loop_stop(lock->loop);
}

static void pass_event(void *ctx, enum shared_lock_event event, const char *text)
{
    struct held_lock *lock = ctx;
    if (event == SHARED_LOCK_WAITING) {
        fprintf(stderr, "pegflow: %s\n", text);
    } else if (lock->event != NULL) {
        lock->event(lock->ctx, event, text);
    }
}

static bool wait_until_done(struct held_lock *lock, struct error *err)
{
    while (!lock->done) {
        if (!loop_run(lock->loop, err)) {
            return false;
        }
    }
    if (lock->failed) {
        *err = lock->err;
    }
    return !lock->failed;
}

static void held_lock_free(struct held_lock *lock)
{
    timer_cancel(&lock->limit);
    shared_lock_free(lock->lock);
    arena_clear(&lock->arena);
    free(lock);
}

bool held_lock_take(struct loop *loop, const struct cluster_file *file, const char *pegasus_root,
                    const struct lock_holder *us, const struct held_lock_before *before,
                    struct held_lock **out, struct error *err)
{
    struct zookeeper_identity identity;
    bool reclaims = before != NULL && before->session != NULL;
    struct held_lock *lock = memory_allocate(sizeof *lock);
    lock->loop = loop;
    lock->file = file;
    arena_init(&lock->arena);
    bool ok = ensemble_own_path(file->lock.root, file->name, pegasus_root, &lock->arena,
                                &lock->path, err) &&
              (!reclaims || zookeeper_identity_parse(before->session, &identity, err));
    if (ok) {
        const struct shared_lock_options options = {
            .ensemble = &file->lock.ensemble,
            .path = lock->path,
            .cluster = file->name,
            .session_us = file->lock.session_us,
            .holder = {.who = us->user, .host = us->host, .pid = us->pid, .run = us->run},
            .resumes = before != NULL,
            .identity = reclaims ? &identity : NULL,
        };
        ok = shared_lock_take(loop, &options, pass_event, call_done, lock, &lock->lock, err) &&
             wait_until_done(lock, err);
    }
    if (!ok) {
        held_lock_free(lock);
        return false;
    }
    *out = lock;
    return true;
}

cJSON *held_lock_json(const struct held_lock *lock)
{
    char session[ZOOKEEPER_IDENTITY_TEXT_BYTES];
    struct zookeeper_identity identity = shared_lock_identity(lock->lock);
    cJSON *json = cJSON_CreateObject();
    cJSON_AddNumberToObject(json, "token", (double)shared_lock_token(lock->lock));
    cJSON_AddStringToObject(json, "place", lock->path);
    cJSON_AddStringToObject(json, "session", zookeeper_identity_format(&identity, session));
    cJSON_AddStringToObject(json, "servers", lock->file->lock.zookeeper);
    return json;
}

void held_lock_watch(struct held_lock *lock, shared_lock_event_fn *event, void *ctx)
{
    lock->event = event;
    lock->ctx = ctx;
}

bool held_lock_may_act(void *ctx, struct error *err)
{
    const struct held_lock *lock = ctx;
    if (shared_lock_is_held(lock->lock, err)) {
        return true;
    }
    err->code = ERROR_STEP; /* a run that has begun fails: it is not refused */
    return false;
}

struct zookeeper *held_lock_session(const struct held_lock *lock)
{
    return shared_lock_session(lock->lock);
}

const char *held_lock_place(const struct held_lock *lock)
{
    return lock->path;
}

static void out_of_time(void *ctx)
{
    struct held_lock *lock = ctx;
    struct error err;
    error_set(&err, ERROR_TIMEOUT, "ZooKeeper does not answer");
    call_done(lock, &err);
}

void held_lock_release(struct held_lock *lock)
{
    if (lock == NULL) {
        return;
    }
    struct error err;
    char session[DURATION_TEXT_BYTES];
    lock->event = NULL;
    lock->done = false;
    shared_lock_release(lock->lock, call_done, lock);
    timer_start(lock->loop, &lock->limit, release_limit_us, out_of_time, lock);
    if (!wait_until_done(lock, &err)) {
        fprintf(stderr,
                "pegflow: the shared lock could not be given up (%s); it goes with its "
                "session, in about %s\n",
                err.text, duration_format(lock->file->lock.session_us, session));
    }
    held_lock_free(lock);
}
