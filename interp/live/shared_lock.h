/* live/shared_lock.h - one run per cluster, among all operations hosts: a lock in ZooKeeper.
 *
 * Floor: live; real clock only. The lock is an ephemeral sequential node "<path>/lock-NNNNNNNNNN";
 * the lowest number owns. It goes with its session: by the end of the run, or a session's time
 * after a crash. Its number grows with each holder: the fencing token, to be kept in the journal
 * with the identity of the session.
 *
 * Nothing guards the cluster itself against a holder that lost the lock and does not know it: so
 * before each action shared_lock_is_held is asked, which says yes only while the servers' last word
 * is younger than the session. */
#ifndef PEGFLOW_LIVE_SHARED_LOCK_H
#define PEGFLOW_LIVE_SHARED_LOCK_H

#include "live/shared_lock_holder.h"
#include "live/zookeeper.h"

struct shared_lock;

/* Copied where it is needed later. */
struct shared_lock_options {
    const struct ensemble *ensemble;
    const char *path;    /* of ensemble_own_path */
    const char *cluster; /* its name, for messages */
    int64_t session_us;
    struct shared_lock_holder holder; /* us; `since` and `session_us` are filled in */
    /* The run goes on after a crash: a lock of the same run is waited out, not refused. */
    bool resumes;
    /* Of the journal, or NULL: the session of the run's dead process, to go on with. Only where
     * that process is known to be dead (this host, its local lock in hand): two that live would
     * share it. */
    const struct zookeeper_identity *identity;
};

enum shared_lock_event {
    SHARED_LOCK_WAITING,   /* before it is taken: for whom, and how long at most */
    SHARED_LOCK_SUSPENDED, /* no word from ZooKeeper: begin no action */
    SHARED_LOCK_RESUMED,   /* it is still ours */
    SHARED_LOCK_LOST,      /* for ever: end the run before its next action */
};
/* `text`: a sentence that says why. May call anything, shared_lock_free too. */
typedef void shared_lock_event_fn(void *ctx, enum shared_lock_event event, const char *text);
/* `err` is NULL when it is ours. ERROR_REFUSED: somebody holds it; the text says who, since when.
 */
typedef void shared_lock_done_fn(void *ctx, const struct error *err);

/* Refused at once where another run holds it; tries a server for 3 s each. `done` once, then
 * events. Fails in the call where no server's name resolves, or without ZooKeeper's library. */
bool shared_lock_take(struct loop *loop, const struct shared_lock_options *options,
                      shared_lock_event_fn *event, shared_lock_done_fn *done, void *ctx,
                      struct shared_lock **out, struct error *err);

/* Once taken: is it ours now? `why` (of ERROR_REFUSED or ERROR_UNREACHABLE) is filled when not. */
bool shared_lock_is_held(const struct shared_lock *lock, struct error *why);
int64_t shared_lock_token(const struct shared_lock *lock); /* once taken */
struct zookeeper_identity shared_lock_identity(const struct shared_lock *lock);
/* The session, for the shared journal; as long as the lock. */
struct zookeeper *shared_lock_session(const struct shared_lock *lock);

/* Gives it up; no event follows. `err`: it could not be told to ZooKeeper, and goes with its
 * session. Not before `done` of shared_lock_take. */
void shared_lock_release(struct shared_lock *lock, shared_lock_done_fn *done, void *ctx);
/* Also gives it up where ZooKeeper answers; blocks 1.5 s at most. No callback follows. NULL is
 * fine. */
void shared_lock_free(struct shared_lock *lock);

#endif
