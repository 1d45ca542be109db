/* engine/run.h - performs a workflow on a cluster.
 *
 * Floor: engine. No threads: a tree of frames, one for each step under way, driven by the loop. The
 * world is met through live/cluster.h and live/deployment.h only, Lua through lang/lang.h only. */
#ifndef PEGFLOW_ENGINE_RUN_H
#define PEGFLOW_ENGINE_RUN_H

#include "engine/event.h"
#include "engine/past.h"
#include "lang/lang.h"
#include "live/cluster.h"
#include "live/deployment.h"

struct run;

/* What may keep a run from beginning anything for a while. It pauses then, as for a person, and
 * goes on by itself when nothing is in the way any more; a person's continue does not override it.
 */
struct run_obstacle {
    const char *name; /* what is well again when it is over: "there is room for the journal" */
    /* Asked before anything is begun, and every few seconds while it is in the way. False: it is,
     * and `why` says so. Does not block. */
    bool (*is_clear)(void *ctx, struct error *why);
    void *ctx;
    bool stops_all; /* held values are not told again either, nor does a started deploy go on */
};
enum { RUN_OBSTACLES_MAX = 4 };

/* All of it stays the caller's and outlives the run. */
struct run_setup {
    struct loop *loop;
    struct cluster *cluster;
    struct deployment *deployment;
    struct lang *lang;
    const struct workflow *workflow;
    const struct cluster_file *cluster_file;
    const struct inventory *inventory;
    const struct snapshot *start; /* the cluster as the run was planned on it */
    struct event_sink *const *sinks;
    size_t sink_count;
    /* What an interrupted run did; this one goes on with it. NULL: a run of its own. */
    struct past *past;
    bool reverts;           /* ... only to put back what it holds */
    const char *resumed_by; /* who goes on with it, in words; NULL where `past` is */
    uint64_t events_before; /* numbers of events that are given already */
    int64_t at_before_ms;   /* and their time since the run's start */
    bool rehearsed;         /* nobody is asked: questions are answered at once, and that is said */
    /* Asked before each effect, unless the run is being ended: false ends it, with what `err` says.
     * NULL: always yes. */
    bool (*may_act)(void *ctx, struct error *err);
    void *may_act_ctx;
    const struct run_obstacle *obstacles;
    size_t obstacle_count; /* at most RUN_OBSTACLES_MAX */
    const char *note;      /* told once when the steps begin; or NULL */
    bool keep_leftovers;   /* values that look like another tool's leftover are meant */
};

enum run_outcome { RUN_DONE, RUN_REVERTED, RUN_FAILED, RUN_REFUSED, RUN_STOPPED, RUN_NOT_RESTORED };
struct run_result {
    enum run_outcome outcome;
    int exit_code;           /* DESIGN.md: 0, 1, 3, 4 or 5 */
    struct error error;      /* unless RUN_DONE: what ended it */
    const struct step *step; /* where, or NULL */
    bool changed_anything;
};
typedef void run_done_fn(void *ctx, const struct run_result *result);

struct run *run_new(const struct run_setup *setup);
/* Requirements, baseline, the steps, holds put back, the comparison; then `done`, once. */
void run_start(struct run *run, run_done_fn *done, void *ctx);
/* The first Ctrl-C: waits end at once, a started deploy is followed until its server is alive,
 * holds are put back. Fine at any time and more than once. */
void run_stop(struct run *run);
/* Nothing new is begun until run_continue: no step, no nudge; waits go on looking, a started deploy
 * is followed, held values are kept, time limits stand still. The reason is copied. A run that is
 * paused already has one reason more. Fine at any time. */
void run_pause(struct run *run, const char *reason);
/* Ends a pause, unless an obstacle is in the way. Held values that somebody else changed are set
 * again first, each an intention of its own; while that fails the run stays paused. Fine at any
 * time. */
void run_continue(struct run *run);
/* What may be in the way has changed: look now, not in a few seconds. */
void run_look_at_obstacles(struct run *run);
bool run_is_paused(const struct run *run);
/* As run_stop, but the run has failed, and this is why. */
void run_give_up(struct run *run, const struct error *why);
/* The second Ctrl-C: `done` comes at once, before this returns; what is still held is reported. */
void run_abort(struct run *run);
/* A person's answer to the question of the step with this id (NULL: the only one that is open), one
 * of those it allows. False, and nothing changes: there is no such question, or no such answer. */
bool run_answer(struct run *run, const char *step_id, const char *answer, struct error *err);
/* Free the cluster and the deployment first: what was under way with them is dropped, no callback
 * follows. NULL is fine. */
void run_free(struct run *run);

const char *run_outcome_name(enum run_outcome outcome);

#endif
