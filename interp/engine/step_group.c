/* engine/step_group.c - steps, when, rolling: one child after the other. */
#include "base/duration.h"
#include "engine/internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- steps */
struct sequence {
    size_t next;
    struct timer empty;
    struct follower follower;
};

static void sequence_go(struct frame *frame)
{
    struct sequence *sequence = frame->state;
    if (sequence->next == frame->step->body.count) {
        timer_start(frame->run->setup.loop, &sequence->empty, 0, frame_end, frame);
        return;
    }
    frame_start(frame->run, frame, frame->step->body.items[sequence->next++]);
}

static void sequence_child_done(struct frame *frame, const struct step *child,
                                const struct error *err)
{
    struct sequence *sequence = frame->state;
    if (follow_after(frame, child, err)) {
        follow_start(&sequence->follower, frame, child->server, follow_finish);
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
    .start = sequence_go,
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

static void when_start(struct frame *frame)
{
    struct when *when = frame->state;
    when->gatherer = gatherer_new(&frame->run->gatherers);
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

/* ---- rolling */
struct rolling {
    bool *taken;
    size_t taken_count;
    struct timer timer; /* the pause, or nothing left */
    struct leader_info leader;
    int64_t give_up_us; /* looking for the leader */
};

static void rolling_pick(struct frame *frame, const struct address *leader)
{
    struct rolling *rolling = frame->state;
    const struct step_list *body = &frame->step->body;
    size_t pick = body->count;
    for (size_t i = 0; i < body->count && pick == body->count; i++) {
        bool leads = leader != NULL && address_equal(body->items[i]->server->address, *leader);
        if (!rolling->taken[i] && !leads) {
            pick = i;
        }
    }
    for (size_t i = 0; i < body->count && pick == body->count; i++) {
        if (!rolling->taken[i]) {
            pick = i; /* only the leader is left */
        }
    }
    ASSERT(pick < body->count);
    rolling->taken[pick] = true;
    rolling->taken_count++;
    const struct step *child = body->items[pick];
    bool leads = leader != NULL && address_equal(child->server->address, *leader);
    run_emit(frame->run, EVENT_PICKED, child, NULL, "%s %zu of %zu: %s%s",
             role_name(frame->step->as.rolling.role), rolling->taken_count, body->count,
             child->server->name, leads ? ", the primary meta server, comes last" : "");
    frame_start(frame->run, frame, child);
}

static void rolling_look(void *ctx);

static void rolling_leader_read(void *ctx, const struct error *err)
{
    struct frame *frame = ctx;
    struct rolling *rolling = frame->state;
    frame->operation = NULL;
    if (err != NULL && error_may_pass(err) && !frame->cancelled &&
        loop_now_us(frame->run->setup.loop) < rolling->give_up_us) {
        timer_start(frame->run->setup.loop, &rolling->timer, US_PER_SECOND, rolling_look, frame);
    } else if (err != NULL) {
        struct error wrapped = *err;
        error_wrap(&wrapped, "look for the primary meta server, to take standbys first");
        frame_finish(frame, &wrapped);
    } else {
        rolling_pick(frame, &rolling->leader.address);
    }
}

/* Looked up anew for each pick: the leader may have changed since the last one. */
static void rolling_look(void *ctx)
{
    struct frame *frame = ctx;
    struct rolling *rolling = frame->state;
    frame->operation = cluster_read_leader(frame->run->reader, &rolling->leader,
                                           2 * CLUSTER_CALL_TIMEOUT_US, rolling_leader_read, frame);
}

static void rolling_next(void *ctx)
{
    struct frame *frame = ctx;
    struct rolling *rolling = frame->state;
    if (frame->cancelled || rolling->taken_count == frame->step->body.count) {
        frame_finish(frame, NULL);
    } else if (frame->step->as.rolling.order == ORDER_STANDBYS_FIRST) {
        rolling->give_up_us = loop_now_us(frame->run->setup.loop) + LEADERLESS_US;
        rolling_look(frame);
    } else {
        rolling_pick(frame, NULL);
    }
}

static void rolling_start(struct frame *frame)
{
    struct rolling *rolling = frame->state;
    rolling->taken = memory_allocate((frame->step->body.count + 1) * sizeof *rolling->taken);
    timer_start(frame->run->setup.loop, &rolling->timer, 0, rolling_next, frame);
}

static void rolling_child_done(struct frame *frame, const struct step *child,
                               const struct error *err)
{
    struct rolling *rolling = frame->state;
    int64_t pause_us = frame->step->as.rolling.pause_us;
    if (err != NULL || frame->cancelled) {
        frame_finish(frame, err);
        return;
    }
    run_history(frame->run, child->server)->in_work = false;
    bool last = rolling->taken_count == frame->step->body.count;
    if (!last && pause_us > 0) {
        char text[DURATION_TEXT_BYTES];
        run_emit(frame->run, EVENT_NOTE, frame->step, NULL, "pause of %s before the next server",
                 duration_format(pause_us, text));
    }
    timer_start(frame->run->setup.loop, &rolling->timer, last ? 0 : pause_us, rolling_next, frame);
}

static void rolling_cancel(struct frame *frame)
{
    struct rolling *rolling = frame->state;
    if (timer_is_active(&rolling->timer)) {
        timer_start(frame->run->setup.loop, &rolling->timer, 0, rolling_next, frame);
        return;
    }
    frame_cancel_operation(frame);
}

static void rolling_clear(struct frame *frame)
{
    struct rolling *rolling = frame->state;
    timer_cancel(&rolling->timer);
    free(rolling->taken);
}

const struct step_ops ops_rolling = {
    .state_bytes = sizeof(struct rolling),
    .start = rolling_start,
    .child_done = rolling_child_done,
    .cancel = rolling_cancel,
    .clear = rolling_clear,
};
