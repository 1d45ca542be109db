/* engine/past.h - what the journal of an interrupted run says was done.
 *
 * Floor: engine. Made from the journal's records, one after the other; afterwards it only answers.
 * It says what was recorded, not what is: whoever acts on it looks at the cluster first. */
#ifndef PEGFLOW_ENGINE_PAST_H
#define PEGFLOW_ENGINE_PAST_H

#include "engine/event.h"

struct past;
struct past *past_new(void);
void past_free(struct past *past); /* NULL is fine */
/* A journal_record_fn; `past` is a struct past. A record that misses what its kind must have is an
 * error that names the line. */
bool past_take(void *past, const cJSON *record, size_t line, struct error *err);

/* ---- the whole run */
const cJSON *past_header(const struct past *past); /* the header's data; NULL while there is none */
/* How the run ended the last time, "stopped"; NULL: it never said, it was killed. */
const char *past_outcome(const struct past *past);
/* Level and settings before the run, { name: value }, with leader and leader_start; NULL: it did
 * not come so far, and nothing was changed. */
const cJSON *past_baseline(const struct past *past);
/* The process that led when the run was interrupted: what was set was told to it. Both stay as they
 * are where no change of the lead is recorded. */
void past_leader(const struct past *past, struct address *leader, char start_time[32]);
bool past_changed_anything(const struct past *past);
/* When the last record was written, as it stands in the journal; "" when there is none. */
const char *past_last_time(const struct past *past);

/* ---- a step, by its id */
enum past_state { PAST_BEGUN, PAST_DONE, PAST_FAILED, PAST_PASSED_OVER };
struct past_step {
    const char *id;
    enum past_state state;
    uint64_t began; /* record of the first start of its last attempt; a resume is no new attempt */
    uint64_t started;       /* record of its last start or pick */
    bool picked;            /* by its rolling */
    const char *why;        /* it failed or was passed over, in a sentence; or NULL */
    const char *answer;     /* of a person to its last question, or NULL */
    bool intended;          /* it said that it was about to act ... */
    bool outcome_known;     /* ... and what came of it */
    const cJSON *intention; /* data of the last intention, or NULL */
    const cJSON *child;     /* data of the last program started: pid, start, boot; or NULL */
    bool claimed;
    unsigned ended_in; /* how many resumes there had been when it ended last */
};
/* NULL: nothing is recorded of it. */
const struct past_step *past_find(const struct past *past, const char *id);
/* True the first time: what a step did in the past counts for its first start afterwards only. */
bool past_claim(struct past *past, const struct past_step *step);

/* ---- holds: values that were set, or about to be, and are not known to be back */
struct past_hold {
    const char *step;   /* id of the hold */
    const char *name;   /* of the setting, or "meta level" */
    const char *server; /* where, "ip:port"; NULL: at the primary meta server */
    const char *before;
    const char *value;
    const char *process;    /* of that server, told last; NULL: none is known */
    const char *configured; /* what a new process of it begins with; NULL: nobody knows */
};
/* In the order in which they were taken. */
size_t past_hold_count(const struct past *past);
const struct past_hold *past_hold_at(const struct past *past, size_t index);
const struct past_hold *past_find_hold(const struct past *past, const char *step, const char *name,
                                       const char *server);

/* ---- servers */
struct past_server {
    const char *name;
    const char *action;            /* of the last deploy that began: "update" ...; or NULL */
    const char *start_time_before; /* "" when it was down */
    bool in_work;                  /* its turn was not over */
    const cJSON **drained; /* lists of "app.partition" that drain_node was about to take away */
    size_t drained_count;
    size_t drained_capacity;
};
/* Those of which a deploy or a drain began. NULL: none did. */
const struct past_server *past_find_server(const struct past *past, const char *name);

#endif
