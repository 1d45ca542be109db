/* engine/step_again.c - around a step with `retry` or `on_failure`: what becomes of its failure.
 *
 * A frame of its own, whose children are the tries. What ends a run is never tried again nor passed
 * over: a stop, a person's no, a value that could not be put back. Nor is what may have been done
 * although it failed. */
#include "base/duration.h"
#include "engine/internal.h"

#include <string.h>

static const int64_t longest_pause_us = US_PER_HOUR;

struct again {
    int32_t tries; /* that failed */
    double pause_us;
    struct timer timer;
    struct error failure;
    struct question question;
};

static void again_try(void *ctx)
{
    struct frame *frame = ctx;
    if (frame->cancelled) {
        frame_finish(frame, NULL);
    } else {
        frame_start_try(frame);
    }
}

static void again_start(struct frame *frame)
{
    struct again *again = frame->state;
    again->pause_us = (double)frame->step->retry.every_us;
    frame_start_try(frame);
}

static int64_t next_pause_us(struct frame *frame)
{
    struct again *again = frame->state;
    if (again->pause_us > (double)longest_pause_us) {
        again->pause_us = (double)longest_pause_us;
    }
    int64_t pause_us = (int64_t)again->pause_us;
    again->pause_us *= frame->step->retry.backoff;
    return pause_us;
}

static void try_again_after(struct frame *frame, int64_t pause_us)
{
    struct again *again = frame->state;
    frame_forgive(frame);
    timer_start(frame->run->setup.loop, &again->timer, pause_us, again_try, frame);
}

static void pass_over(struct frame *frame)
{
    const struct again *again = frame->state;
    frame_forgive(frame);
    run_emit(frame->run, EVENT_PASSED_OVER, frame->step, NULL, "passed over: %s",
             again->failure.text);
    frame_finish(frame, NULL);
}

static void again_answered(void *ctx, const char *answer)
{
    struct frame *frame = ctx;
    const struct again *again = frame->state;
    if (strcmp(answer, "retry") == 0) {
        try_again_after(frame, 0);
    } else if (strcmp(answer, "continue") == 0) {
        pass_over(frame);
    } else {
        frame_finish(frame, &again->failure);
    }
}

static void finally_failed(struct frame *frame)
{
    static const char *const answers[] = {"retry", "continue", "stop", NULL};
    static const struct question_text how = {answers, "stop"};
    struct again *again = frame->state;
    switch (frame->step->on_failure) {
    case FAILURE_STOPS:
        frame_finish(frame, &again->failure);
        break;
    case FAILURE_IS_PASSED_OVER:
        pass_over(frame);
        break;
    case FAILURE_ASKS:
        question_ask(&again->question, frame->run, frame->step, &how, again_answered, frame,
                     "%s%s; do it again, go on without it, or stop?", again->failure.text,
                     frame->in_doubt ? " (it may have been done all the same)" : "");
        break;
    }
}

static void again_child_done(struct frame *frame, const struct step *child, const struct error *err)
{
    struct again *again = frame->state;
    const struct step *step = frame->step;
    char text[DURATION_TEXT_BYTES];
    (void)child;
    if (err == NULL || !error_may_be_passed_over(err) || frame->run->event_lost) {
        frame_finish(frame, err);
        return;
    }
    again->failure = *err;
    if (frame->cancelled && frame->failing && step->on_failure == FAILURE_IS_PASSED_OVER) {
        pass_over(frame);
        return;
    }
    if (frame->cancelled) {
        frame_finish(frame, err);
        return;
    }
    if (again->tries == step->retry.times || frame->in_doubt) {
        if (again->tries < step->retry.times) {
            run_emit(frame->run, EVENT_NOTE, step, NULL,
                     "not done again: it may have been done although it failed");
        }
        finally_failed(frame);
        return;
    }
    int64_t pause_us = next_pause_us(frame);
    again->tries++;
    cJSON *data = cJSON_CreateObject();
    cJSON_AddNumberToObject(data, "try", again->tries + 1);
    cJSON_AddNumberToObject(data, "of", step->retry.times + 1);
    event_add_ms(data, "pause_ms", pause_us);
    run_emit(frame->run, EVENT_RETRY, step, data, "once more in %s (try %d of %d)",
             duration_format(pause_us, text), again->tries + 1, step->retry.times + 1);
    try_again_after(frame, pause_us);
}

static void again_cancel(struct frame *frame)
{
    struct again *again = frame->state;
    if (frame->child != NULL) {
        frame_cancel_children(frame, &frame->why, false);
        return;
    }
    question_withdraw(&again->question);
    timer_start(frame->run->setup.loop, &again->timer, 0, frame_end, frame);
}

static void again_clear(struct frame *frame)
{
    struct again *again = frame->state;
    timer_cancel(&again->timer);
    question_withdraw(&again->question);
}

const struct step_ops ops_again = {
    .state_bytes = sizeof(struct again),
    .start = again_start,
    .child_done = again_child_done,
    .cancel = again_cancel,
    .clear = again_clear,
    .wraps = true,
};
