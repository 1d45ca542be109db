/* report/standing.h - where a run stands: its journal's records folded into what a person asks.
 *
 * Floor: report. The live display, `watch` and `status` read this and nothing else, so that what is
 * shown live is what the file says. Times are microseconds since the run's start, as its events
 * count them. Nothing here looks at the world: whether the process is alive is the caller's to say.
 */
#ifndef PEGFLOW_REPORT_STANDING_H
#define PEGFLOW_REPORT_STANDING_H

#include "engine/past.h"
#include "report/replay.h"

enum turn { TURN_TO_DO, TURN_IN_WORK, TURN_DONE, TURN_FAILED, TURN_COUNT };
struct standing_server {
    const char *name;
    enum role role;
    enum turn turn;   /* in the rolling that took its role last */
    char *turn_id;    /* id of the step that is its turn, or NULL */
    int64_t began_us; /* of the turn */
    int64_t ended_us; /* once done or failed */
};

/* One step under way. Texts are owned. */
struct standing_step {
    char *id;
    enum step_kind kind;
    char *server; /* or NULL */
    char *file;
    int line;
    int64_t began_us;
    /* what it waits for; `reason` NULL: for nothing */
    char *condition; /* or NULL */
    char *reason;    /* what was seen last */
    char *then;      /* what happens at the end of the time, or NULL */
    bool unknown;    /* the answer was not no, but unknown */
    int64_t waits_since_us;
    int64_t told_us;  /* when that was said */
    int64_t until_us; /* -1: no end is known; as of then, for a pause moves a limit */
    bool is_limit;    /* else it is only time that passes, also while the run is paused */
    /* what a person is asked; `question` NULL: nothing */
    char *question;
    char *answers; /* "yes, no" */
    int64_t asked_us;
};

/* A value that is held: of several holds of one setting the innermost value and the first before.
 */
struct standing_hold {
    const char *name;
    const char *server; /* NULL: at the primary meta server */
    const char *before;
    const char *value;
    const char *step; /* that of the innermost */
};

struct standing {
    struct past *past; /* what `resume` goes by; its header has who, why and from which files */
    /* of the header; "" where it says nothing */
    const char *run;
    const char *cluster;
    const char *workflow; /* its file */
    const char *user;
    const char *host;
    const char *reason;
    const char *command; /* "": a run of a workflow; else what it was, "holds --clear" */
    int64_t pid;         /* of who works or worked on it last, or 0 */
    char *name;          /* of the workflow, or NULL */
    int64_t began_wall_us;
    int64_t last_us; /* of the last record */
    int64_t last_wall_us;
    char *last_text;
    struct standing_server *servers; /* in the inventory's order, by role */
    size_t server_count;
    char *rolling[ROLE_COUNT];      /* id of the rolling that took the role last, or NULL */
    int64_t rolling_of[ROLE_COUNT]; /* how many servers that has */
    struct standing_step *steps;    /* in the order of their start */
    size_t step_count;
    size_t step_capacity;
    char *paused_why; /* NULL: not paused */
    char *paused_text;
    int64_t paused_us;
    bool stopping;
    char *failure; /* the first step that failed without the run going on, "STEP: why", or NULL */
    char *outcome; /* NULL: it goes on, or was killed */
    int exit_code;
    char *ending; /* the sentence it ended with */
};

struct standing *standing_new(void);
void standing_free(struct standing *standing); /* NULL is fine */
/* A journal_record_fn; the first argument is a struct standing. */
bool standing_take_record(void *standing, const cJSON *record, size_t line, struct error *err);
/* The same with an event that is not read from a file. */
bool standing_take_event(struct standing *standing, const struct event *event, struct error *err);

/* Those of the steps under way that act or wait, not the groups around them; where there is none,
 * the innermost group. Returns how many of at most `limit`. */
size_t standing_acting(const struct standing *standing, const struct standing_step **out,
                       size_t limit);
/* The wait that a step belongs to: itself, or the one that sent it as its nudge. NULL: none. */
const struct standing_step *standing_wait_of(const struct standing *standing,
                                             const struct standing_step *step);
/* Limits stand still while the run is paused. */
bool standing_limit_stands(const struct standing *standing, const struct standing_step *wait);
/* How much time the wait has left, never less than nothing; -1: no end is known. */
int64_t standing_left_us(const struct standing *standing, const struct standing_step *wait,
                         int64_t now_us);
/* Distinct settings that are held, outermost first. Returns how many of at most `limit`. */
size_t standing_holds(const struct standing *standing, struct standing_hold *out, size_t limit);
/* How many servers of the role are at that point. */
size_t standing_count(const struct standing *standing, enum role role, enum turn turn);
/* A step's id as shown beside its server: what the server's name does not say already. */
const char *standing_short_id(const char *id, const char *server);

enum standing_state {
    STANDING_GOES_ON,
    STANDING_PAUSED,
    STANDING_ASKS, /* a person must answer */
    STANDING_STOPS,
    STANDING_ENDED,
    STANDING_DEAD, /* it never said how it ended, and its process is gone */
};
enum standing_state standing_state(const struct standing *standing, bool alive);
/* "running", "PAUSED" ...; of an ended run its outcome. */
const char *standing_state_name(const struct standing *standing, bool alive);
/* What a person can do about it, "pegflow resume RUN ..."; nothing is appended when there is
 * nothing to do. */
void standing_advise(const struct standing *standing, bool alive, struct text *out);
/* Of a run on which no process works: does it hold values still? */
bool standing_needs_somebody(const struct standing *standing);
/* For programs: docs/journal.md lists the members. The caller's to delete. */
cJSON *standing_to_json(const struct standing *standing, bool alive, int64_t now_us);

#endif
