/* engine/step_group.c - steps, when: one child after the other. */
#include "base/duration.h"
#include "engine/internal.h"

/* ---- steps */
struct sequence {
    size_t next;
    struct timer empty;
    struct follower follower;
};

static void sequence_go(struct frame *frame)
{
    struct sequence *sequence = frame->state;
    const struct step_list *body = &frame->step->body;
    while (sequence->next < body->count && resume_passes_over(frame, body->items[sequence->next])) {
        sequence->next++;
    }
    if (sequence->next == body->count) {
        timer_start(frame->run->setup.loop, &sequence->empty, 0, frame_end, frame);
        return;
    }
    frame_start(frame->run, frame, body->items[sequence->next++]);
}

static void sequence_start(struct frame *frame)
{
    struct sequence *sequence = frame->state;
    sequence->next = resume_first(frame);
    sequence_go(frame);
}

static void sequence_child_done(struct frame *frame, const struct step *child,
                                const struct error *err)
{
    struct sequence *sequence = frame->state;
    const struct server *server = follow_due_after(frame, child, err);
    if (server != NULL) {
        follow_start(&sequence->follower, frame, server, follow_finish);
        return;
    }
    if (err != NULL || frame->cancelled) {
        frame_finish(frame, err);
        return;
    }
    sequence_go(frame);
}

static void sequence_clear(struct frame *frame)
{
    struct sequence *sequence = frame->state;
    timer_cancel(&sequence->empty);
    follow_clear(&sequence->follower);
}

const struct step_ops ops_sequence = {
    .state_bytes = sizeof(struct sequence),
    .start = sequence_start,
    .child_done = sequence_child_done,
    .cancel = frame_cancel_operation,
    .clear = sequence_clear,
};

/* ---- when */
enum { WHEN_TRIES = 30 };
struct when {
    struct sequence sequence; /* first: the body runs as steps */
    struct gatherer *gatherer;
    struct timer again;
    int tries;
};

static void when_ask(void *ctx);

static void when_gathered(void *ctx, const struct evidence *evidence)
{
    struct frame *frame = ctx;
    struct when *when = frame->state;
    struct condition_context context = run_condition_context(frame->run);
    struct text reason = {0};
    struct error err;
    enum answer answer;
    if (!condition_evaluate(frame->step->as.when, &context, evidence, &answer, &reason, &err)) {
        frame_finish(frame, &err);
    } else if (answer == ANSWER_YES) {
        sequence_go(frame);
    } else if (answer == ANSWER_NO) {
        run_emit(frame->run, EVENT_STEP_SKIPPED, frame->step, NULL, "left out: %s",
                 text_string(&reason));
        frame_finish(frame, NULL);
    } else if (++when->tries < WHEN_TRIES) {
        timer_start(frame->run->setup.loop, &when->again, US_PER_SECOND, when_ask, frame);
    } else {
        error_set(&err, ERROR_STEP, "cannot tell whether to do these steps: %s",
                  text_string(&reason));
        frame_finish(frame, &err);
    }
    text_clear(&reason);
}

static void when_ask(void *ctx)
{
    struct frame *frame = ctx;
    struct when *when = frame->state;
    condition_add_needs(frame->step->as.when, frame->run->setup.inventory,
                        gatherer_needs(when->gatherer));
    gatherer_start(when->gatherer, when_gathered, frame);
}

/* Decided already, before an interruption? */
static bool when_has_begun(const struct frame *frame)
{
    const struct step_list *body = &frame->step->body;
    for (size_t i = 0; i < body->count; i++) {
        if (resume_find(frame, body->items[i]) != NULL) {
            return true;
        }
    }
    return false;
}

static void when_start(struct frame *frame)
{
    struct when *when = frame->state;
    when->gatherer = gatherer_new(&frame->run->gatherers);
    if (when_has_begun(frame)) {
        sequence_start(frame);
        return;
    }
    when_ask(frame);
}

static void when_cancel(struct frame *frame)
{
    struct when *when = frame->state;
    if (frame->child != NULL || timer_is_active(&when->sequence.empty)) {
        frame_cancel_operation(frame);
        return;
    }
    gatherer_cancel(when->gatherer);
    timer_start(frame->run->setup.loop, &when->again, 0, frame_end, frame);
}

static void when_clear(struct frame *frame)
{
    struct when *when = frame->state;
    timer_cancel(&when->again);
    gatherer_free(when->gatherer);
    sequence_clear(frame);
}

const struct step_ops ops_when = {
    .state_bytes = sizeof(struct when),
    .start = when_start,
    .child_done = sequence_child_done,
    .cancel = when_cancel,
    .clear = when_clear,
};
