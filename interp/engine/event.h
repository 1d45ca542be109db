/* engine/event.h - the one stream of events: all that a run says, in order.
 *
 * Floor: engine. Display, JSON output and a journal are readers of these events. An event is whole
 * when a sink sees it and valid only during the call; sinks are asked in order, and an effect is
 * not begun when a sink could not take its intention. */
#ifndef PEGFLOW_ENGINE_EVENT_H
#define PEGFLOW_ENGINE_EVENT_H

#include "base/error.h"
#include "lang/step.h"

#include <cjson/cJSON.h>

/* kind, its name in JSON */
#define EVENT_KINDS(X)                                                                             \
    X(EVENT_RESUMED, "resumed")     /* an interrupted run goes on */                               \
    X(EVENT_REVERTING, "reverting") /* ... or is only put back */                                  \
    X(EVENT_RUN_STARTED, "run_started")                                                            \
    X(EVENT_REQUIREMENT, "requirement") /* a condition asked before any change */                  \
    X(EVENT_BASELINE, "baseline")       /* level and settings before any change */                 \
    X(EVENT_INVARIANT, "invariant")     /* what must always hold does not */                       \
    X(EVENT_STEP_STARTED, "step_started")                                                          \
    X(EVENT_STEP_DONE, "step_done")                                                                \
    X(EVENT_STEP_FAILED, "step_failed")                                                            \
    X(EVENT_STEP_SKIPPED, "step_skipped") /* `when` said no */                                     \
    X(EVENT_WAITING, "waiting")           /* why, since when, until when */                        \
    X(EVENT_PICKED, "picked")             /* rolling chose its next server */                      \
    X(EVENT_OVERRIDDEN, "overridden")     /* a guard's no, for this step: why, until when */       \
    X(EVENT_GUARD, "guard")               /* asked right before an action */                       \
    X(EVENT_INTENTION, "intention")       /* before each effect */                                 \
    X(EVENT_OUTCOME, "outcome")           /* what the cluster or the world answered */             \
    X(EVENT_PROGRAM, "program")           /* a program was started: its process */                 \
    X(EVENT_OUTPUT, "output")             /* of a program or an HTTP reply */                      \
    X(EVENT_HELD, "held")                 /* a hold is in force: value before and now */           \
    X(EVENT_TOLD_AGAIN, "told_again")     /* a held value told to a new primary meta */            \
    X(EVENT_HANDED_ON, "handed_on")       /* a value before: another hold puts it back now */      \
    X(EVENT_PUT_BACK, "put_back")                                                                  \
    X(EVENT_NOT_PUT_BACK, "not_put_back")                                                          \
    X(EVENT_LEADER_CHANGED, "leader_changed")                                                      \
    X(EVENT_QUESTION, "question") /* a person must say: run_answer */                              \
    X(EVENT_ANSWERED, "answered")                                                                  \
    X(EVENT_RETRY, "retry")             /* a step that failed is done again, after a pause */      \
    X(EVENT_PASSED_OVER, "passed_over") /* it failed, and the run goes on: as the workflow says */ \
    X(EVENT_RESCUED, "rescued")         /* by a try */                                             \
    X(EVENT_LOG, "log")                                                                            \
    X(EVENT_NOTE, "note")           /* worth knowing, changes nothing */                           \
    X(EVENT_PAUSED, "paused")       /* nothing is begun: why, and what ends it */                  \
    X(EVENT_CONTINUED, "continued") /* the pause is over: by whom */                               \
    X(EVENT_STOPPING, "stopping")   /* the operator asked */                                       \
    X(EVENT_COMPARED, "compared")   /* settings at the end against the baseline */                 \
    X(EVENT_RUN_FINISHED, "run_finished")

enum event_kind {
#define X(kind, name) kind,
    EVENT_KINDS(X)
#undef X
        EVENT_KIND_COUNT
};
const char *event_kind_name(enum event_kind kind);

struct event {
    enum event_kind kind;
    uint64_t sequence;           /* from 1, without holes */
    int64_t at_us;               /* since the run's start */
    int64_t wall_us;             /* since 1970 */
    const struct step *step;     /* or NULL */
    const struct server *server; /* or NULL */
    const char *text;            /* one sentence for a person; never empty */
    const cJSON *data;           /* an object with the numbers, or NULL */
};

/* What JSON output and the journal keep of it; the caller's to delete. */
cJSON *event_to_json(const struct event *event);

/* Adds a duration to an event's data, in whole milliseconds. */
void event_add_ms(cJSON *data, const char *name, int64_t us);

struct event_sink {
    /* False: the event was not kept (with err). A display keeps what it can and returns true. */
    bool (*take)(struct event_sink *sink, const struct event *event, struct error *err);
};

#endif
