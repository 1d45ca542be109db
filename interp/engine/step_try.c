/* engine/step_try.c - try: steps, what is done when one fails, and what is done in any case.
 *
 * A failure is rescued; a stop, a person's no and a value that could not be put back are not. The
 * last part is done however the others ended, and no stop breaks it off: only the second Ctrl-C
 * does. */
#include "engine/internal.h"

struct
try {
    enum try_part part; /* the one under way */
    bool failed;
    struct error failure;
    struct timer timer;
};

static const struct step *part_of(const struct frame *frame, enum try_part part)
{
    const struct step_list *body = &frame->step->body;
    for (size_t i = 0; i < body->count; i++) {
        if (body->items[i]->as.group.part == part) {
            return body->items[i];
        }
    }
    return NULL;
}

static void try_end(struct frame *frame)
{
    struct try *try = frame->state;
    frame_finish(frame, try->failed ? &try->failure : NULL);
}

static void try_finally(struct frame *frame)
{
    struct try *try = frame->state;
    const struct step *part = part_of(frame, TRY_FINALLY);
    try->part = TRY_FINALLY;
    if (part == NULL) {
        try_end(frame);
        return;
    }
    if (frame->cancelled) {
        run_emit(frame->run, EVENT_NOTE, frame->step, NULL,
                 "what is to be done in any case is done");
    }
    frame_start(frame->run, frame, part);
}

static void fail(struct try *try, const struct error *err, const char *part)
{
    struct error wrapped = *err;
    error_wrap(&wrapped, "%s", part);
    if (try->failed) {
        struct error before = try->failure;
        /* A stop is no failure: what failed after it is. */
        bool worse = err->code == ERROR_NOT_RESTORED || before.code == ERROR_CANCELLED;
        error_set(&try->failure, worse ? err->code : before.code, "%s; before that: %s",
                  wrapped.text, before.text);
    } else {
        try->failure = wrapped;
    }
    try->failed = true;
}

static void try_child_done(struct frame *frame, const struct step *child, const struct error *err)
{
    struct try *try = frame->state;
    const struct step *rescue = part_of(frame, TRY_RESCUE);
    (void)child;
    switch (try->part) {
    case TRY_STEPS:
        if (err != NULL) {
            try->failed = true;
            try->failure = *err;
        }
        if (err == NULL || rescue == NULL || frame->cancelled || frame->run->event_lost ||
            !error_may_be_passed_over(err)) {
            try_finally(frame);
            return;
        }
        run_emit(frame->run, EVENT_NOTE, frame->step, NULL, "failed, its rescue is done now: %s",
                 err->text);
        try->part = TRY_RESCUE;
        frame_start(frame->run, frame, rescue);
        break;
    case TRY_RESCUE:
        if (err == NULL && !frame->cancelled) {
            run_emit(frame->run, EVENT_RESCUED, frame->step, NULL, "rescued: %s",
                     try->failure.text);
            frame_forgive(frame);
            try->failed = false;
        } else if (err != NULL) {
            fail(try, err, "rescue");
        }
        try_finally(frame);
        break;
    case TRY_FINALLY:
        if (err != NULL) {
            fail(try, err, "finally");
        }
        try_end(frame);
        break;
    }
}

/* What the part came to before the run was killed; NULL: nothing, or the run had ended and all of
 * it is done again. */
static const struct past_step *past_of(const struct frame *frame, enum try_part which)
{
    const struct step *part = part_of(frame, which);
    bool killed = frame->past != NULL && past_outcome(frame->run->setup.past) == NULL;
    return killed && part != NULL ? resume_find(frame, part) : NULL;
}

/* A killed run goes on with its rescue, or its last part. */
static void try_begin(void *ctx)
{
    struct frame *frame = ctx;
    struct try *try = frame->state;
    const struct step *part = part_of(frame, TRY_STEPS);
    const struct past_step *steps = past_of(frame, TRY_STEPS);
    const struct past_step *rescue = past_of(frame, TRY_RESCUE);
    bool rescued = rescue != NULL && rescue->state == PAST_DONE;
    if (steps != NULL && steps->state == PAST_FAILED && !rescued) {
        try->failed = true;
        error_set(&try->failure, ERROR_STEP, "%s", steps->why == NULL ? "" : steps->why);
    }
    if (rescue != NULL && rescue->state == PAST_BEGUN && !frame->cancelled) {
        try->part = TRY_RESCUE;
        frame_start(frame->run, frame, part_of(frame, TRY_RESCUE));
    } else if (part == NULL || frame->cancelled || rescue != NULL ||
               past_of(frame, TRY_FINALLY) != NULL ||
               (steps != NULL && steps->state == PAST_DONE)) {
        try_finally(frame);
    } else {
        try->failed = false;
        frame_start(frame->run, frame, part);
    }
}

static void try_start(struct frame *frame)
{
    struct try *try = frame->state;
    timer_start(frame->run->setup.loop, &try->timer, 0, try_begin, frame);
}

static void try_cancel(struct frame *frame)
{
    const struct try *try = frame->state;
    if (try->part != TRY_FINALLY) {
        frame_cancel_children(frame, &frame->why, false);
    }
}

static void try_clear(struct frame *frame)
{
    struct try *try = frame->state;
    timer_cancel(&try->timer);
}

const struct step_ops ops_try = {
    .state_bytes = sizeof(struct try),
    .start = try_start,
    .child_done = try_child_done,
    .cancel = try_cancel,
    .clear = try_clear,
};
