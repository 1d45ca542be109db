/* engine/step_wait.c - wait_until, sleep, log. */
#include "base/duration.h"
#include "engine/internal.h"

#include <string.h>

/* ---- wait_until */
struct wait {
    struct gatherer *gatherer;
    struct timer timer; /* the next look, or the end */
    struct text reason; /* of the last look */
    struct waiting waiting;
    struct question question; /* its time is over: is it to wait longer? */
    int64_t yes_since_us;     /* -1: it does not hold */
    int64_t next_nudge_us;
    struct follower follower;
};

static void wait_look(void *ctx);

static void wait_answered(struct frame *frame, enum answer answer)
{
    struct wait *wait = frame->state;
    const struct step *step = frame->step;
    struct loop *loop = frame->run->setup.loop;
    int64_t now_us = loop_now_us(loop);
    if (answer == ANSWER_YES) {
        bool unbroken =
            wait->yes_since_us >= frame->run->stood_us; /* nobody saw the time between */
        wait->yes_since_us = wait->yes_since_us < 0 || !unbroken ? now_us : wait->yes_since_us;
        int64_t stable_us = now_us - wait->yes_since_us;
        if (stable_us >= step->as.wait.stable_for_us) {
            question_withdraw(&wait->question);
            run_emit(frame->run, EVENT_OUTCOME, step, NULL, "%s", text_string(&wait->reason));
            frame_finish(frame, NULL);
            return;
        }
        int64_t left_us = step->as.wait.stable_for_us - stable_us;
        timer_start(loop, &wait->timer,
                    left_us < step->as.wait.every_us ? left_us : step->as.wait.every_us, wait_look,
                    frame);
        return;
    }
    wait->yes_since_us = -1;
    waiting_tell(&wait->waiting, frame, step->as.wait.condition->name, answer,
                 text_string(&wait->reason));
    bool may_nudge = step->as.wait.nudge != NULL && run_may_begin(frame->run) &&
                     !question_is_open(&wait->question);
    if (may_nudge && now_us >= wait->next_nudge_us && answer == ANSWER_NO) {
        wait->next_nudge_us = now_us + step->as.wait.nudge_every_us;
        frame_start(frame->run, frame, step->as.wait.nudge);
        return;
    }
    timer_start(loop, &wait->timer, step->as.wait.every_us, wait_look, frame);
}

static void wait_gathered(void *ctx, const struct evidence *evidence)
{
    struct frame *frame = ctx;
    struct wait *wait = frame->state;
    struct condition_context context = run_condition_context(frame->run);
    struct error err;
    enum answer answer;
    text_reset(&wait->reason);
    if (!condition_evaluate(frame->step->as.wait.condition, &context, evidence, &answer,
                            &wait->reason, &err)) {
        frame_finish(frame, &err);
        return;
    }
    run_check_servers(frame->run, evidence);
    if (!frame->cancelled) {
        wait_answered(frame, answer);
    }
}

static void wait_look(void *ctx)
{
    struct frame *frame = ctx;
    struct wait *wait = frame->state;
    condition_add_needs(frame->step->as.wait.condition, frame->run->setup.inventory,
                        gatherer_needs(wait->gatherer));
    gatherer_start(wait->gatherer, wait_gathered, frame);
}

static void wait_start(struct frame *frame)
{
    struct wait *wait = frame->state;
    wait->yes_since_us = -1;
    wait->gatherer = gatherer_new(&frame->run->gatherers);
    wait_look(frame);
}

static void wait_child_done(struct frame *frame, const struct step *child, const struct error *err)
{
    struct wait *wait = frame->state;
    (void)child;
    if (frame->cancelled) {
        frame_finish(frame, err);
        return;
    }
    /* A guard that says no, a broken script or a lost event ends the step; that a nudge could not
     * be sent now does not: it is sent again until the wait's own timeout. */
    if (err != NULL && !error_may_pass(err) && err->code != ERROR_REPLY) {
        frame_finish(frame, err);
        return;
    }
    if (err != NULL) {
        frame_forgive(frame); /* not what ends the run */
    }
    timer_start(frame->run->setup.loop, &wait->timer, err == NULL ? 0 : US_PER_SECOND, wait_look,
                frame);
}

static void wait_cancel(struct frame *frame)
{
    struct wait *wait = frame->state;
    if (frame->why.code == ERROR_STEP && !frame->run->ending && wait->reason.length > 0) {
        struct error why = frame->why;
        error_set(&frame->why, ERROR_STEP, "%s did not hold: %s; last seen: %s",
                  frame->step->as.wait.condition->name, why.text, text_string(&wait->reason));
    }
    question_withdraw(&wait->question);
    if (frame->child != NULL) {
        frame_cancel_operation(frame);
        return;
    }
    gatherer_cancel(wait->gatherer);
    const struct server *server = follow_due(frame);
    if (server != NULL) {
        timer_cancel(&wait->timer);
        follow_start(&wait->follower, frame, server, follow_finish);
    } else {
        timer_start(frame->run->setup.loop, &wait->timer, 0, frame_end, frame);
    }
}

static void wait_longer(void *ctx, const char *answer)
{
    struct frame *frame = ctx;
    struct wait *wait = frame->state;
    struct error err;
    char text[DURATION_TEXT_BYTES];
    if (strcmp(answer, "yes") == 0) {
        wait->next_nudge_us = 0;
        frame_restart_deadline(frame);
        return;
    }
    error_set(&err, ERROR_STEP, "not done within %s, and not to be waited for any longer",
              duration_format(loop_now_us(frame->run->setup.loop) - frame->started_us, text));
    frame->timed_out = true;
    frame_cancel(frame, &err);
}

/* It goes on looking while the question is open, but acts no more: what it waits for may come. */
static bool wait_overdue(struct frame *frame)
{
    static const char *const answers[] = {"yes", "no", NULL};
    static const struct question_text how = {answers, "no"};
    struct wait *wait = frame->state;
    const struct step *step = frame->step;
    char text[DURATION_TEXT_BYTES];
    if (step->as.wait.on_timeout != TIMEOUT_ASKS || frame->cancelled) {
        return false;
    }
    question_ask(&wait->question, frame->run, step, &how, wait_longer, frame,
                 "%s does not hold after %s: %s; wait for %s more?", step->as.wait.condition->name,
                 duration_format(loop_now_us(frame->run->setup.loop) - frame->started_us, text),
                 wait->reason.length > 0 ? text_string(&wait->reason) : "nothing was seen yet",
                 duration_format(step->timeout_us, (char[DURATION_TEXT_BYTES]){0}));
    return true;
}

static void wait_clear(struct frame *frame)
{
    struct wait *wait = frame->state;
    timer_cancel(&wait->timer);
    question_withdraw(&wait->question);
    gatherer_free(wait->gatherer);
    text_clear(&wait->reason);
    text_clear(&wait->waiting.told);
    follow_clear(&wait->follower);
}

const struct step_ops ops_wait_until = {
    .state_bytes = sizeof(struct wait),
    .start = wait_start,
    .child_done = wait_child_done,
    .cancel = wait_cancel,
    .overdue = wait_overdue,
    .clear = wait_clear,
};

/* ---- sleep, log: a timer and an end */
static void timed_start(struct frame *frame, int64_t delay_us)
{
    timer_start(frame->run->setup.loop, frame->state, delay_us, frame_end, frame);
}

static void sleep_start(struct frame *frame)
{
    char text[DURATION_TEXT_BYTES];
    cJSON *data = cJSON_CreateObject();
    event_add_ms(data, "pause_ms", frame->step->as.sleep_us);
    run_emit(frame->run, EVENT_NOTE, frame->step, data, "sleep for %s",
             duration_format(frame->step->as.sleep_us, text));
    timed_start(frame, frame->step->as.sleep_us);
}

static void log_start(struct frame *frame)
{
    run_emit(frame->run, EVENT_LOG, frame->step, NULL, "%s", frame->step->as.message);
    timed_start(frame, 0);
}

static void timed_cancel(struct frame *frame)
{
    timed_start(frame, 0);
}

static void timed_clear(struct frame *frame)
{
    timer_cancel(frame->state);
}

const struct step_ops ops_sleep = {
    .state_bytes = sizeof(struct timer),
    .start = sleep_start,
    .cancel = timed_cancel,
    .clear = timed_clear,
};
const struct step_ops ops_log = {
    .state_bytes = sizeof(struct timer),
    .start = log_start,
    .cancel = timed_cancel,
    .clear = timed_clear,
};

/* ---- constructors that are described but not there: lang/ refuses them, so this is never reached
 * by a workflow that loaded; it fails all the same. */
static void not_available_end(void *ctx)
{
    struct frame *frame = ctx;
    struct error err;
    error_set(&err, ERROR_STEP, "%s is not available in this version of pegflow",
              step_kind_name(frame->step->kind));
    frame_finish(frame, &err);
}

static void not_available_start(struct frame *frame)
{
    timer_start(frame->run->setup.loop, frame->state, 0, not_available_end, frame);
}

static void not_available_cancel(struct frame *frame)
{
    (void)frame; /* it ends in the next turn anyway */
}

const struct step_ops ops_not_available = {
    .state_bytes = sizeof(struct timer),
    .start = not_available_start,
    .cancel = not_available_cancel,
    .clear = timed_clear,
};
