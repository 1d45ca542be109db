/* cli/record.h - the folder of a run: its journal, and the files that the run was made from.
 *
 * Floor: cli. What is written here is what resume and revert read back (cli/recorded.h). */
#ifndef PEGFLOW_CLI_RECORD_H
#define PEGFLOW_CLI_RECORD_H

#include "cli/held_lock.h"
#include "cli/session.h"
#include "cli/shared_record.h"
#include "engine/journal.h"
#include "engine/state.h"

struct record {
    struct state state;
    char id[RUN_ID_BYTES];
    char folder[STATE_PATH_BYTES];
    struct state_lock *lock;
    struct held_lock *shared; /* NULL: the cluster file names no ZooKeeper */
    struct journal *journal;
    struct shared_record *copy; /* of the folder, in ZooKeeper; NULL without a shared lock */
};

/* What a run is made from. All of it stays the caller's. */
struct record_origin {
    const struct session *session; /* loaded and met */
    const char *command;           /* NULL: a run of a workflow; else what it is, "holds --clear" */
    const char *workflow_path;     /* "" where `command` is given */
    const char *const *sets;       /* of --set, "NAME=VALUE"; NULL-terminated */
    const char *reason;            /* of --reason, or NULL */
    bool keep_leftovers;
};

#define STATE_OPTION                                                                               \
    {                                                                                              \
        "state", 0, OPTION_TEXT, "DIR", NULL,                                                      \
            "where runs are recorded (else $XDG_STATE_HOME/pegflow, ~/.local/state/pegflow)"       \
    }

/* Says who works on the cluster, if somebody does: ERROR_REFUSED. Makes nothing. */
bool record_is_free(const struct arguments *arguments, const char *cluster, struct error *err);
/* Locks the cluster (on this host, and in ZooKeeper where the cluster file names one), makes the
 * run's folder, keeps copies of all files that were loaded, and begins the journal. */
bool record_create(struct record *record, const struct arguments *arguments,
                   const struct record_origin *origin, struct error *err);
/* The same for a run that goes on: its folder is there. `end`: of its journal, which nobody may
 * have gone on with since that was read. `session`: of its shared lock, where its process ran on
 * this host; or NULL. */
bool record_continue(struct record *record, const struct state *state, const char *id,
                     const struct session *session, const struct journal_end *end,
                     const char *shared_session, struct error *err);
/* The sinks of the run's events: the journal's first. At most RECORD_SINKS; returns how many. */
enum { RECORD_SINKS = 2 };
size_t record_sinks(const struct record *record, struct event_sink *sinks[RECORD_SINKS]);
/* The run has ended. `resumable`: the copy in ZooKeeper stays, for it can be gone on with. */
void record_end(struct record *record, bool resumable);
/* Fine for a zeroed one. Before its session's loop is closed. */
void record_close(struct record *record);
/* Gives what the journal says so far to `take`: a display begins with it. */
bool record_show(const struct record *record, journal_record_fn *take, void *ctx,
                 struct error *err);

#endif
