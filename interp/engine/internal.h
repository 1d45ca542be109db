/* engine/internal.h - the run and its frames, shared by the files of engine/ alone.
 *
 * A frame is one step under way. It is started once, may be told to end, and ends exactly once by
 * frame_finish, always in a callback of its own (an operation, a timer, a child), never inside its
 * start. Its parent hears of it in a later turn of the loop; then the frame is gone. */
#ifndef PEGFLOW_ENGINE_INTERNAL_H
#define PEGFLOW_ENGINE_INTERNAL_H

#include "engine/condition.h"
#include "engine/guard.h"
#include "engine/run.h"

#include "base/rng.h"

struct frame;
struct step_ops {
    size_t state_bytes; /* zeroed memory at frame->state */
    void (*start)(struct frame *frame);
    /* A child ended: err NULL when it did its work. Only for kinds that start children. */
    void (*child_done)(struct frame *frame, const struct step *child, const struct error *err);
    /* End soon, by frame_finish with frame->why. Called at most once, and never after it finished.
     */
    void (*cancel)(struct frame *frame);
    /* Its time is over: true when it goes on all the same (a person is asked). NULL: it ends. */
    bool (*overdue)(struct frame *frame);
    void (*clear)(
        struct frame *frame); /* frees what `state` owns, or NULL; no callback may follow */
    bool wraps;               /* a frame around that of the same step: says nothing of its own */
    bool concurrent;          /* its children may be under way together */
};

struct frame {
    struct run *run;
    const struct step *step;
    struct frame *parent;   /* NULL: the run itself */
    struct frame *child;    /* those under way, in the order of their starts; or NULL */
    struct frame *sibling;  /* the next child of the same parent */
    struct frame *previous; /* all frames of the run, for run_free */
    struct frame *next;
    const struct step_ops *ops;
    void *state;
    struct timer deadline;
    struct timer ending;
    struct timer resume;         /* `again` is called */
    timer_fn *again;             /* with the frame: waits for the run to go on; or NULL */
    int64_t left_us;             /* of the deadline, which stands still; -1: it does not */
    struct operation *operation; /* the call under way, of kinds that make one at a time */
    int64_t started_us;
    bool cancelled; /* ops->cancel was called: `why` tells */
    bool finished;
    struct error why;
    struct error result;
    bool failed;
    bool failing;              /* a child failed by itself: a later cancel does not hide why */
    bool override_told;        /* that its guard was overridden */
    bool goes_on;              /* in a pause too: its deploy, or its program, is under way */
    bool timed_out;            /* cancelled by its own deadline */
    bool ended_by_sibling;     /* cancelled since another child of its parent failed */
    bool in_doubt;             /* what failed may have been done all the same: not to be repeated */
    const struct step *origin; /* the innermost step that failed, or NULL */
    const struct past_step *past; /* what it did before an interruption, or NULL (resume.c) */
};

enum { SETTING_VALUE_BYTES = 2048 }; /* a black list may be long */
enum { SERVER_START_BYTES = sizeof((struct server_facts *)0)->command_start };

/* One value that a hold keeps, in one place. */
struct hold_item {
    bool is_level;
    const char *name;                 /* "meta level" for the level */
    const struct server *server;      /* whose setting it is; NULL: the leader's, whoever leads */
    char value[SETTING_VALUE_BYTES];  /* the value held */
    char before[SETTING_VALUE_BYTES]; /* the value to put back */
    bool known_before;
    bool restored; /* held, or about to be, before an interruption, and not taken again yet */
    bool covered;  /* ... and by a hold within this one too */
    bool implied;  /* not written in the workflow: only worth a word when it changes something */
    const struct step *step;
    /* Of a server's own setting: the start of the process that was told last ... */
    char process[SERVER_START_BYTES];
    char surveyed[SERVER_START_BYTES]; /* ... of the one that was there when the hold began */
    bool known_configured;
    char configured[64]; /* ... and what a new process begins with */
};

/* Who may touch settings: holds, the keepers and set_meta_level take turns. Those of the leader are
 * one matter, those of each server another. */
struct settings_lock;
struct settings_turns {
    struct settings_lock *owner;
    struct settings_lock *waiters;
};
struct settings_lock {
    struct run *run;
    const struct server *server; /* whose; NULL: the leader's */
    struct settings_lock *next;
    bool held;
    bool waiting;
    struct timer granted;
    timer_fn *go;
    void *ctx;
};

/* A held value that somebody else changed under the same process. */
struct foreign_value {
    bool is_level;
    const char *name;
    const struct server *server;
    char value[SETTING_VALUE_BYTES]; /* as they left it */
    const struct step *step;         /* that holds it */
};

/* Each kind of reason ends by itself alone: the pause ends with the last of them. */
struct pause {
    bool active;
    bool asked;      /* does not end by itself when every value is back as held */
    bool continuing; /* the operator goes on: held values are taken again first */
    int64_t since_us;
    struct text why;
    struct foreign_value *foreign; /* kept after the pause too: they are not put back */
    size_t foreign_count;
    bool in_the_way[RUN_OBSTACLES_MAX]; /* by obstacle */
    bool looks;                         /* the program stood still: until the keeper has looked */
    struct timer look;                  /* at obstacles, while one is in the way */
};

/* What an interrupted run held. */
struct recalled {
    struct hold_item item;
    struct step step;           /* stands for the hold until that begins anew */
    bool in_force;              /* ... or until it is put back */
    const char *unknown_server; /* whose value it is: none of the run's; or NULL */
};

struct run {
    struct run_setup setup;
    struct cluster_reader *reader;
    struct frame *frames;
    struct frame *root;
    int64_t started_us;
    uint64_t event_count;
    struct server_history *history; /* by slot */
    int64_t last_change_us;
    bool changed_anything;
    bool ending; /* the operator or a failure of the run itself ends it: frames were cancelled */
    bool winding_up; /* the steps are over: only the comparison is left */
    bool finished;
    bool leader_changed;
    int requirement_tries;
    void (*precheck_done)(struct run *run, const struct error *err);
    struct step root_step;
    struct error failure; /* why the run ends, unless `ok` */
    const struct step *failed_at;
    bool failed;
    bool not_restored;
    size_t servers_failed; /* passed over by a rolling with max_failures */
    struct error server_failure;
    const struct step *server_failed_at;
    int64_t stood_us;    /* when it last went on after standing still; the same */
    int64_t released_us; /* when a branch last let go of servers: older evidence proves nothing */
    struct question *questions; /* open ones, in the order of asking */
    bool event_lost;            /* a sink could not keep one: only putting back goes on */
    run_done_fn *done;
    void *ctx;
    struct run_result result;
    struct timer finish_timer;
    struct timer lost_timer;
    struct gatherer_pool gatherers;
    struct gatherer *gatherer; /* of requirements */
    size_t requirement;        /* the one asked next */
    struct rng rng;
    /* holds.c */
    struct hold_item **holds; /* those in force, outermost first */
    size_t hold_count;
    size_t hold_capacity;
    struct settings_turns leader_turns;  /* who may change settings now */
    struct settings_turns *server_turns; /* by slot */
    struct held_watch *watches;          /* server_keeper.c */
    struct kept_value *kept;             /* baseline_servers.c */
    struct kept_compare *kept_compare;
    struct setting_task *waiting_tasks; /* nothing may be set now: see obstacle.c */
    struct settings_lock final_lock;    /* of the comparison at the end */
    struct pause pause;
    struct invariants *invariants; /* NULL: the workflow has none */
    struct keeper *keeper;
    struct baseline *baseline;
    struct recalled *recalled; /* recall.c: in the order of the past's holds */
    size_t recalled_count;
    struct revert *revert; /* under way or over; NULL: never begun */
};

/* ---- run.c */
/* Takes `data` (may be NULL). False when a sink could not keep the event: then the run is failing
 * and no effect may begin. */
bool run_emit(struct run *run, enum event_kind kind, const struct step *step, cJSON *data,
              const char *format, ...) __attribute__((format(printf, 5, 6)));
/* Ends the run as a failure of its own, not of the step under way (a dead server, a foreign hand).
 */
void run_fail(struct run *run, const struct error *err);
void run_mark_change(struct run *run); /* evidence taken before now proves nothing any more */
struct condition_context run_condition_context(struct run *run);
struct server_history *run_history(struct run *run, const struct server *server);
/* The children are over and every hold is put back: compare, then end. */
void run_wind_up(struct run *run);
/* The values before are known (or err says why not): the steps begin. */
void run_begin_steps(struct run *run, const struct error *err);
void run_conclude(struct run *run); /* emits run_finished; `done` follows */

/* ---- frame.c */
/* Worth asking again soon: nobody answered, or nobody led, just now. */
bool error_may_pass(const struct error *err);
/* After such an error of a call that changes something, it may have been done all the same. */
bool error_leaves_doubt(const struct error *err);
/* A failure of a step, and no stop, no person's no, no value that could not be put back. */
bool error_may_be_passed_over(const struct error *err);
enum { LEADERLESS_US = 60 * 1000 * 1000 }; /* longer than an election takes; reference 2.6, 10.1 */
/* `parent` (NULL: the run itself) may have several children only when its kind is concurrent. */
struct frame *frame_start(struct run *run, struct frame *parent, const struct step *step);
/* One try of the step that `wrapper` stands for. */
struct frame *frame_start_try(struct frame *wrapper);
/* err NULL: done. Otherwise it is copied. A cancelled frame finishes with `why`, whatever is given,
 * unless what is given says that something could not be put back. */
void frame_finish(struct frame *frame, const struct error *err);
void frame_end(void *frame); /* frame_finish without an error, for timers */
void frame_cancel(struct frame *frame, const struct error *why);
/* Ends all children, the first started first: since one of them failed, or the frame ends. */
void frame_cancel_children(struct frame *frame, const struct error *why, bool one_failed);
/* A child's failure is over (tried again, rescued, passed over): it is not why anything ends. */
void frame_forgive(struct frame *frame);
/* Is this frame ended from outside (a stop, a failure elsewhere), not by a time limit? */
bool frame_is_stopped(const struct frame *frame);
/* The time limit of the step begins anew. */
void frame_restart_deadline(struct frame *frame);
void frame_free_all(struct run *run);
const struct step_ops *frame_ops(enum step_kind kind);
/* For ops->cancel of kinds with one operation or with children: lets them end first. */
void frame_cancel_operation(struct frame *frame);
/* Asked right before an effect (and looks whether something is in the way). False: go on. True: the
 * run is paused; `again` is called with the frame once it goes on, or when the frame is cancelled
 * (look at `cancelled`), and looks at everything anew. A nudge is not kept waiting but ended: the
 * wait around it goes on looking and sends another. */
bool frame_waits(struct frame *frame, timer_fn *again);
/* Time limits stand still in a pause: stops, or starts again, those of all frames. */
void frame_stop_limits(struct run *run);
void frame_go_on(struct run *run);
/* Started deploys that waited go on, though the run may be paused. */
void frame_deploys_go_on(struct run *run);
/* The program stood still for so long: nobody's time limit was running. */
void frame_put_off_limits(struct run *run, int64_t us);
int64_t frame_left_us(const struct frame *frame); /* of its time limit; it has one */

/* ---- servers.c */
/* Ends the run when a replica server died that we are not working on; pauses it when one was
 * restarted. Looks at what the evidence happens to hold. */
void run_check_servers(struct run *run, const struct evidence *evidence);

/* ---- pause.c: nothing is begun until a person says so, or what disturbed is over */
/* The value that somebody else gave to what is held, or NULL. */
struct foreign_value *foreign_find(const struct run *run, const struct hold_item *item);
/* Seen under the process that was told the held value: pauses the run. `where`: the server. */
void foreign_seen(struct run *run, const struct hold_item *item, const char *value,
                  const char *where);
/* It reads as held again: forgotten, and the run goes on when nothing else keeps it. */
void foreign_is_over(struct run *run, struct foreign_value *foreign);
/* The same, when it was we who set it again, as the operator wished. */
void foreign_is_taken_again(struct run *run, struct foreign_value *foreign);
/* Every held value of the leader was taken again, as the operator wished: the run goes on once
 * those of servers are too. */
void pause_end_by_operator(struct run *run);
/* The run is ending: what is put back need not wait. */
void pause_drop(struct run *run);
void pause_clear(struct run *run);
/* One reason more for a pause. `data` is taken. `after`: what happens next. */
void pause_begin(struct run *run, const struct step *step, cJSON *data, const char *reason,
                 const char *after);
/* One reason less: `what` is well again. The run goes on when it was the last. */
void pause_reason_is_over(struct run *run, const char *by, const char *what);

/* ---- obstacle.c: what keeps a run from beginning anything until it is over by itself */
/* May something be begun now? Looks at what may be in the way; pauses the run when something is. */
bool run_may_begin(struct run *run);
/* May anything at all be done, held values told again included? Always, once the run is ending. */
bool run_may_set(struct run *run);
bool obstacle_is_in_the_way(const struct run *run);
void obstacles_start(struct run *run); /* of the run's loop: it may stand still */
void obstacles_free(struct run *run);
void keeper_has_looked(struct run *run, int64_t began_us); /* every held value is as held */
/* The run is ending: what waited for an obstacle does so no more. */
void obstacles_end(struct run *run);

extern const struct step_ops ops_sequence; /* steps, also the body of rolling */
extern const struct step_ops ops_when;
extern const struct step_ops ops_parallel;
extern const struct step_ops ops_rolling;
extern const struct step_ops ops_try;
extern const struct step_ops ops_again; /* around a step with `retry` or `on_failure` */
extern const struct step_ops ops_confirm;
extern const struct step_ops ops_hold;
extern const struct step_ops ops_wait_until;
extern const struct step_ops ops_sleep;
extern const struct step_ops ops_log;
extern const struct step_ops ops_set_meta_level;
extern const struct step_ops ops_remote_command;
extern const struct step_ops ops_move; /* migrate_node, downgrade_node */
extern const struct step_ops ops_drain;
extern const struct step_ops ops_rejoin;
extern const struct step_ops ops_kill_partitions;
extern const struct step_ops ops_deploy;
extern const struct step_ops ops_exec;
extern const struct step_ops ops_http;
extern const struct step_ops ops_notify;
extern const struct step_ops ops_not_available;

/* ---- step_drain.c */
void history_add_left(struct server_history *history, struct gpid gpid);

/* ---- resume.c: where an interrupted run goes on */
/* What the step did in the past, if it is the same attempt of its parent. `claim`s it for this
 * frame: a second start finds nothing. */
const struct past_step *resume_claim(struct run *run, const struct frame *parent,
                                     const struct step *step, bool wraps);
const struct past_step *resume_find(const struct frame *frame, const struct step *child);
/* The child of a sequence to begin with: behind the last one that did something and is done. */
size_t resume_first(const struct frame *frame);
/* Need it not be done again? Waits are. */
bool resume_passes_over(const struct frame *frame, const struct step *child);
bool resume_body_is_done(const struct frame *frame); /* every child of it */
/* False: it is a run of its own. True: it goes on, or puts back, or has ended as it cannot. */
bool resume_begin(struct run *run);
/* Asks the servers that were done what they run now, pauses where that is something else, and
 * begins the steps. */
void resume_look(struct run *run);

/* ---- recall.c: what an interrupted run held is in force, before its steps begin anew */
void recall_holds(struct run *run);
/* A hold has begun anew: from now on the value is the item's, with what was before it. False: it
 * was not held. */
bool recall_take_over(struct run *run, struct hold_item *item);
/* The innermost that no step has taken over, or NULL. */
struct recalled *recall_last(const struct run *run);
void recall_over(struct run *run, struct recalled *recalled); /* it is put back */
void recall_clear(struct run *run);

/* ---- revert.c: what was recalled, and is no step's, is put back; then the run winds up */
void revert_start(struct run *run);
void revert_clear(struct run *run);

/* ---- waiting.c: why a step with a timeout waits */
struct waiting {
    struct text told; /* the reason told last; its owner clears it */
    int64_t told_us;
};
/* Tells a new reason, but not more often than every five seconds. `condition` may be NULL. */
void waiting_tell(struct waiting *waiting, const struct frame *frame, const char *condition,
                  enum answer answer, const char *reason);
/* The same for a wait within a step, since `since_us` of the loop's clock: it fails when `deadline`
 * fires. */
void waiting_tell_since(struct waiting *waiting, const struct frame *frame, int64_t since_us,
                        const struct timer *deadline, const char *condition, enum answer answer,
                        const char *reason);

/* ---- step_program.c: what a program or a service said */
enum { SAID_SHOWN_BYTES = 600 };
/* The last bytes of it, in one line for a message. */
void said_append(struct text *out, const char *said, size_t length, size_t shown_bytes);
void said_emit(struct frame *frame, const char *title, const char *said, size_t length);
/* Finishes the frame, with what was said in the message of a failure. */
void said_finish(struct frame *frame, const struct error *err, const char *said, size_t length);
/* Does the predicate say yes? Otherwise `err` says why. */
bool said_expected(struct frame *frame, int reference, const struct lang_result *result,
                   struct error *err);

/* ---- follow.c: a server whose deploy has begun is not left before it is alive */
struct follower {
    struct frame *frame;
    struct gatherer *gatherer;
    struct timer timer;
    const struct server *server;
    struct condition alive;
    struct condition restarted;
    int64_t began_us;
    void (*over)(struct frame *frame);
};
/* The server that this step's end must wait for, or NULL: when it is ended from outside, after a
 * deploy of that server. */
const struct server *follow_due(const struct frame *frame);
/* The same for a group whose child has ended: a stop may come between two steps. */
const struct server *follow_due_after(const struct frame *frame, const struct step *child,
                                      const struct error *err);
/* Polls until the server is alive again or ten minutes have passed, then calls `over`. */
void follow_start(struct follower *follower, struct frame *frame, const struct server *server,
                  void (*over)(struct frame *frame));
void follow_finish(struct frame *frame);      /* an `over` that finishes the frame */
void follow_clear(struct follower *follower); /* fine when never started */

/* ---- work.c: servers that one branch takes away count as lost for all others */
/* The branch that `frame` is in has this server in work from now on, until it ends. */
void work_take(struct frame *frame, const struct server *server);
void work_release(const struct frame *branch); /* it has ended; fine for any frame */
bool work_is_own(const struct frame *frame, const struct server *server); /* nobody else's */
bool work_has_others(const struct frame *frame, enum role role);
/* Unknown while another branch has this server in work, or, of a meta server, another one. */
enum answer work_allows(const struct frame *frame, const struct server *server, bool *waits,
                        struct text *reason);
/* guard_survives_loss, with the servers that other branches have in work counted as lost. `waits`:
 * the answer is unknown only because of them, and worth asking again when they are done. */
enum answer work_guard(const struct frame *frame, const struct evidence *evidence,
                       const struct server *server, const struct gpid *only, bool stops,
                       bool *waits, struct text *reason);
/* Only servers in work are in the way, and the frame will ask again: says so, unless it was `told`,
 * and gives the step (and the wait whose nudge it is) its time anew: what others take is not its.
 */
void work_wait(struct frame *frame, bool *told, const struct text *reason);
/* Does anything in this step take replicas away, or stop a replica server? */
bool work_takes_away(const struct step *step);

/* ---- question.c: what only a person can say */
typedef void answered_fn(void *ctx, const char *answer);
struct question {
    struct run *run; /* NULL: never asked */
    const struct step *step;
    const char *const *answers; /* NULL-terminated */
    answered_fn *answered;
    void *ctx;
    const char *given; /* one of `answers`, or NULL */
    struct timer timer;
    struct question *next;
};
/* Asks, until run_answer: `answered` is called once, in a turn of its own, unless it is withdrawn.
 * A rehearsal gives `rehearsed`, one of the answers, at once. */
struct question_text {
    const char *const *answers;
    const char *rehearsed;
};
void question_ask(struct question *question, struct run *run, const struct step *step,
                  const struct question_text *how, answered_fn *answered, void *ctx,
                  const char *format, ...) __attribute__((format(printf, 7, 8)));
void question_withdraw(struct question *question); /* fine when none was asked */
bool question_is_open(const struct question *question);
extern const struct question_text question_yes_or_no; /* rehearsed: yes */

/* ---- step_parallel.c: children that are under way together */
struct branches {
    size_t running;
    bool failed;
    struct error failure; /* the first */
};
/* A child has ended. At its first failure all others are told to end. */
void branches_end(struct frame *frame, struct branches *branches, const struct step *child,
                  const struct error *err);
void branches_finish(struct frame *frame, const struct branches *branches);

/* ---- soak.c: watches the cluster after the canary of a rolling */
struct soak {
    struct frame *frame; /* NULL: never started */
    struct gatherer *gatherer;
    struct timer timer;
    struct condition healthy;
    struct watched *watched; /* the servers */
    size_t count;
    int64_t until_us;
    struct text told;
    void (*over)(struct frame *frame, const struct error *err);
};
/* `over` once, with an error when the cluster is not healthy or one of the first `count` servers of
 * `servers` has restarted, else when `time_us` has passed. */
void soak_start(struct soak *soak, struct frame *frame, const struct server *const *servers,
                size_t count, int64_t time_us,
                void (*over)(struct frame *frame, const struct error *err));
void soak_cancel(struct soak *soak); /* no callback follows; fine when never started */
void soak_clear(struct soak *soak);

/* ---- doubt.c: an action of the past whose outcome nobody knows */
enum doubt_verdict { DOUBT_DONE, DOUBT_AGAIN };
struct doubt {
    struct frame *frame;
    const struct step *step;     /* the action */
    const struct server *server; /* whose restart would prove it, or NULL */
    bool idempotent;             /* doing it twice does no harm */
    bool under_way;              /* from its start until it is decided */
    struct process_follower program;
    struct gatherer *gatherer;
    struct timer timer;
    struct question question;
    int64_t give_up_us;
    void (*decided)(struct frame *frame, enum doubt_verdict verdict);
};
/* Waits for its program where that lives still, looks whether the server has restarted since, and
 * asks a person where that does not tell and doing it twice may do harm. A person's `stop`, and a
 * cancel, finish the frame. */
void doubt_start(struct doubt *doubt, struct frame *frame, const struct step *step,
                 const struct server *server, bool idempotent,
                 void (*decided)(struct frame *frame, enum doubt_verdict verdict));
/* True when it was under way: then it finishes the frame. */
bool doubt_cancel(struct doubt *doubt);
void doubt_clear(struct doubt *doubt);

/* ---- settings.c: one level or setting made to have a value */
/* `server` NULL: the leader's. `go` in a turn of its own. */
void settings_lock(struct run *run, struct settings_lock *lock, const struct server *server,
                   timer_fn *go, void *ctx);
void settings_unlock(struct settings_lock *lock); /* fine when neither held nor waiting */

/* Reads the value; when it is not `wanted`, emits the intention, sets it and reads it back. */
struct setting_task {
    struct run *run;
    const struct step *step;
    bool is_level;
    bool only_read;
    const char *name;
    const struct server *server; /* whose; NULL: the leader's */
    const struct hold_item
        *item;           /* what is known of its process goes into the intention; or NULL */
    const char *expects; /* or NULL: what is neither this nor `wanted` is left alone */
    bool unexpected;     /* ... and was */
    char wanted[SETTING_VALUE_BYTES];
    char before[SETTING_VALUE_BYTES]; /* what was read first */
    bool changed;                     /* it was set: the outcome may be unknown when err is given */
    bool takes;          /* for a hold: the intention says what is put back afterwards */
    const char *back_to; /* ... when that is not what is read now; or NULL */
    bool puts_back;      /* goes on although its intention could not be kept */
    struct setting_task *next_waiting;
    int tries; /* set, but read back otherwise: a new leader in between */
    int state;
    struct leader_info leader;
    struct operation *operation;
    void (*begun)(void *ctx); /* the intention is kept, the change follows; or NULL */
    void (*done)(void *ctx, const struct error *err);
    void *ctx;
};
void setting_start(struct setting_task *task);
/* Those that wait for an obstacle begin anew, or fail with what ends the run. */
void settings_go_on(struct run *run);

/* ---- holds.c */
void hold_register(struct run *run, struct hold_item *item);
void hold_unregister(struct run *run, struct hold_item *item);
/* In the same place of the order. */
void hold_replace(struct run *run, const struct hold_item *old, struct hold_item *item);
bool hold_is_same(const struct hold_item *one, const struct hold_item *other); /* value, place */
/* The innermost value held for the same setting in the same place, or NULL. */
const struct hold_item *hold_in_force(const struct run *run, const struct hold_item *item);
/* When a hold of the same value, begun later, is still in force (it runs beside this one): the
 * value before is that one's to put back, once it ends, and this one's end sets nothing. False:
 * there is none. */
bool hold_hand_on(struct run *run, struct hold_item *item);

/* {name, value, server, process, configured}, for the data of an event. */
cJSON *hold_data(const struct hold_item *item, const char *value);
void hold_add_process(cJSON *data, const struct hold_item *item); /* the last two; NULL is fine */
/* "name" or "name of server". Returns `buffer`. */
enum { HOLD_SHOWN_BYTES = 400 };
const char *hold_shown(const struct hold_item *item, char buffer[HOLD_SHOWN_BYTES]);
/* What the journal knows of it: the value before, the process that was told. */
void hold_recall(struct hold_item *item, const struct past_hold *past);
/* This process of the server has the value now: of all holds that keep it. */
void hold_set_process(struct run *run, const struct hold_item *item, const char *start);
/* Tells that the value before is back, or (err) that it is not; true when all is as before. */
bool hold_tell_back(struct run *run, const struct hold_item *item, const struct error *err);
/* ... or that it is left, as somebody else set it. */
void hold_tell_left(struct run *run, const struct hold_item *item, const char *found);
/* Why a server's value is as before although nobody can be asked: its process is gone, and a new
 * one begins with the same. `err` says how it does not answer. */
bool hold_went_with_process(const struct hold_item *item, const struct error *err);

/* ---- hold_survey.c: what servers have, before any of it is changed */
struct hold_survey {
    struct frame *frame; /* NULL: never begun */
    struct probe *probes;
    size_t count;
    size_t running;
    int64_t give_up_us;
    bool stopped;
    void (*over)(struct frame *frame, const struct error *err);
};
/* Asks, of each item that is a server's own, its process, its value and its configuration, all at
 * once; who does not answer is asked again for LEADERLESS_US. `over` once: an error names a server
 * that never did, or a value that could not be set or not be put back. */
void hold_survey_start(struct hold_survey *survey, struct frame *frame, struct hold_item *items,
                       size_t count, void (*over)(struct frame *frame, const struct error *err));
void hold_survey_cancel(
    struct hold_survey *survey); /* fine when not under way; `over` follows else */
void hold_survey_clear(struct hold_survey *survey);

/* ---- server_keeper.c: keeps the values of servers' own settings, and tells them again */
/* From now on, while it is held. */
void server_keeper_attend(struct run *run, const struct hold_item *item);
void server_keeper_free(struct run *run); /* no callback follows */

/* ---- baseline_servers.c: values of servers' own settings, before and after */
/* Before the first hold of it in this run changes it. */
void kept_remember(struct run *run, const struct hold_item *item);
void kept_set_process(struct run *run, const struct hold_item *item, const char *start);
/* Puts back what a restarted server lost, appends to `differences` what is not as before. */
void kept_compare(struct run *run, struct text *differences, void (*done)(void *ctx), void *ctx);
void kept_free(struct run *run);

/* ---- keeper.c: notices a new primary meta server and tells it what is held */
void keeper_start(struct run *run);
/* For one who holds the settings lock: is this still the process that was told last? A value that
 * differs on it was changed by somebody else; another process has never had ours. */
typedef void keeper_identified_fn(void *ctx, bool same_process, const char *leader_name,
                                  const struct error *err);
void keeper_identify(struct run *run, keeper_identified_fn *done, void *ctx);
struct process_check {
    struct run *run;
    struct server_facts facts;
    struct operation *operation;
    const struct hold_item *item;
    keeper_identified_fn *done;
    void *ctx;
};
/* The same for any item; of a server's own the process is the one that `item` knows. */
void process_check_start(struct process_check *check, struct run *run, const struct hold_item *item,
                         keeper_identified_fn *done, void *ctx);
void process_check_clear(struct process_check *check);
/* While the caller holds the settings lock: then the keeper rests. NULL keeper is fine. */
void keeper_free(struct run *run);

/* ---- invariants.c: `always`, asked while the steps run; the first time with the requirements */
void invariants_start(struct run *run);
void invariants_free(struct run *run); /* NULL is fine */

/* ---- override.c: a guard's no that a step overrides for a while */
/* True, and told: the guard said no for `reason`, and this step goes on all the same. */
bool override_guard(struct frame *frame, struct text *reason);
/* False, with ERROR_REFUSED and its place: one of the workflow's has ended. */
bool override_check(const struct run *run, struct error *err);

/* ---- precheck.c: the guards, before the first change. `done` with ERROR_REFUSED when one says no.
 */
void precheck_start(struct run *run, void (*done)(struct run *run, const struct error *err));

/* ---- baseline.c: level and settings before and after */
/* What the journal says they were before the run. */
bool baseline_recall(struct run *run, struct error *err);
/* `done` with err when a value could not be read. */
void baseline_read(struct run *run, void (*done)(struct run *run, const struct error *err));
/* Puts back what a change of the primary meta server during the run lost, reports what differs. A
 * difference that is left marks the run as not restored. The caller holds the settings lock. */
void baseline_compare(struct run *run, void (*done)(struct run *run, const struct error *err));
/* The primary meta server's process whose values were read. After baseline_read. */
void baseline_process(const struct run *run, struct address *leader, char start_time[32]);
/* For an abort: says which values may not be as before. False when all were compared already. */
bool baseline_report_unknown(struct run *run);
void baseline_free(struct run *run);

/* A JSON object with one member, a list of texts. */
cJSON *event_data_texts(const char *member, const char *const *texts, size_t count);

#endif
