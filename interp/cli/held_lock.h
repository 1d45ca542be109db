/* cli/held_lock.h - the shared lock of a run, where its cluster file names a ZooKeeper.
 *
 * Floor: cli. Taken and given up outside the run, which blocks on the loop; while it is held, what
 * becomes of it is told. The lock itself is live/shared_lock.h. */
#ifndef PEGFLOW_CLI_HELD_LOCK_H
#define PEGFLOW_CLI_HELD_LOCK_H

#include "engine/state.h"
#include "lang/step.h"
#include "live/shared_lock.h"

#include <cjson/cJSON.h>

struct held_lock;

/* Of a run that is gone on with. `session`: from held_lock_json in its journal, where its process
 * ran on this host and is known to be dead; else NULL, and its lock is waited out. */
struct held_lock_before {
    const char *session;
};

/* `us` says who and which run, `pegasus_root` where the cluster keeps its own state. `before`: NULL
 * for a new run. Waiting is said on stderr. */
bool held_lock_take(struct loop *loop, const struct cluster_file *file, const char *pegasus_root,
                    const struct lock_holder *us, const struct held_lock_before *before,
                    struct held_lock **out, struct error *err);
/* What of it the journal keeps: { "token", "place", "session", "servers" }. The caller's to delete.
 */
cJSON *held_lock_json(const struct held_lock *lock);
/* From now on events are told to `event`; until then they are kept to themselves. */
void held_lock_watch(struct held_lock *lock, shared_lock_event_fn *event, void *ctx);
/* Its session and its place, for the shared record of the run. */
struct zookeeper *held_lock_session(const struct held_lock *lock);
const char *held_lock_place(const struct held_lock *lock);
/* For run_setup's may_act: is it ours right now? */
bool held_lock_may_act(void *lock, struct error *err);
/* Gives it up, in 2 s at most; said on stderr where ZooKeeper does not answer. NULL is fine. */
void held_lock_release(struct held_lock *lock);

#endif
