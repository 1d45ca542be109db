/* engine/state.h - the state folder: one folder for each run, one lock for each cluster.
 *
 * Floor: engine. Blocks; used before a run begins and after it. The folder is --state, else
 * $XDG_STATE_HOME/pegflow, else ~/.local/state/pegflow; inside are runs/ID/ and locks/CLUSTER.lock.
 */
#ifndef PEGFLOW_ENGINE_STATE_H
#define PEGFLOW_ENGINE_STATE_H

#include "base/error.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STATE_PATH_BYTES = PATH_MAX, STATE_FOLDER_BYTES = PATH_MAX - 512, RUN_ID_BYTES = 128 };

struct state {
    char path[STATE_FOLDER_BYTES];
};

/* `given`: of --state, or NULL. The path is made absolute. Makes nothing yet. */
bool state_open(const char *given, struct state *out, struct error *err);

/* Makes the folder of a new run, "20260131-220000-CLUSTER", with "-2" and so on behind it when that
 * is taken. */
bool state_new_run(const struct state *state, const char *cluster, int64_t wall_us,
                   char id[RUN_ID_BYTES], struct error *err);
/* "PATH/runs/ID/FILE" ("" for FILE: the folder). */
bool state_run_path(const struct state *state, const char *id, const char *file,
                    char path[STATE_PATH_BYTES], struct error *err);
/* The run whose id begins with `prefix`, or the newest for "last". Several or none: an error that
 * lists them. */
bool state_find_run(const struct state *state, const char *prefix, char id[RUN_ID_BYTES],
                    struct error *err);
/* All ids, oldest first. None is fine. Free with state_free_list. */
struct run_list {
    char (*ids)[RUN_ID_BYTES];
    size_t count;
};
bool state_list_runs(const struct state *state, struct run_list *out, struct error *err);
void state_free_list(struct run_list *list);

/* ---- one upgrade for each cluster */
struct lock_holder {
    char run[RUN_ID_BYTES];
    char user[64];
    char host[256];
    char since[64];
    long pid;
};
struct state_lock;
/* Who we are: user, host and process now; `run` and `since` are given. */
void lock_holder_of_us(const char *run, int64_t wall_us, struct lock_holder *out);
/* ERROR_REFUSED: who works on the cluster, and how to see what that does. */
void lock_refuse(const char *cluster, const struct lock_holder *holder, struct error *err);
/* ERROR_REFUSED with who holds it and since when, or where locks do not work. */
bool state_lock(const struct state *state, const char *cluster, const struct lock_holder *us,
                struct state_lock **out, struct error *err);
void state_unlock(struct state_lock *lock); /* NULL is fine */
/* Does a living process hold it? Then `holder` says who. Changes nothing. */
bool state_is_locked(const struct state *state, const char *cluster, struct lock_holder *holder);

#endif
