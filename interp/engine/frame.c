/* engine/frame.c - starting, ending and cancelling of frames. */
#include "engine/internal.h"

#include "base/duration.h"
#include "base/secret.h"

#include <stdlib.h>

static const struct step_ops *const ops_by_kind[STEP_KIND_COUNT] = {
    [STEP_REMOTE_COMMAND] = &ops_remote_command,
    [STEP_SET_META_LEVEL] = &ops_set_meta_level,
    [STEP_MIGRATE_NODE] = &ops_move,
    [STEP_DOWNGRADE_NODE] = &ops_move,
    [STEP_DRAIN_NODE] = &ops_drain,
    [STEP_REJOIN_NODE] = &ops_rejoin,
    [STEP_KILL_PARTITIONS] = &ops_kill_partitions,
    [STEP_DEPLOY] = &ops_deploy,
    [STEP_EXEC] = &ops_exec,
    [STEP_HTTP] = &ops_http,
    [STEP_NOTIFY] = &ops_notify,
    [STEP_LOG] = &ops_log,
    [STEP_WAIT_UNTIL] = &ops_wait_until,
    [STEP_SLEEP] = &ops_sleep,
    [STEP_CONFIRM] = &ops_confirm,
    [STEP_STEPS] = &ops_sequence,
    [STEP_PARALLEL] = &ops_parallel,
    [STEP_WHEN] = &ops_when,
    [STEP_ROLLING] = &ops_rolling,
    [STEP_HOLD] = &ops_hold,
    [STEP_TRY] = &ops_try,
};

bool error_may_pass(const struct error *err)
{
    return err->code == ERROR_TIMEOUT || err->code == ERROR_UNREACHABLE ||
           err->code == ERROR_NOT_LEADER || err->code == ERROR_PEER;
}

bool error_leaves_doubt(const struct error *err)
{
    /* A connection that was closed tells as little as no answer. */
    return err->code != ERROR_USAGE && err->code != ERROR_SYSTEM && err->code != ERROR_NOT_LEADER;
}

bool error_may_be_passed_over(const struct error *err)
{
    return err->code != ERROR_CANCELLED && err->code != ERROR_NOT_RESTORED;
}

const struct step_ops *frame_ops(enum step_kind kind)
{
    return ops_by_kind[kind];
}

static void unlink_frame(struct frame *frame)
{
    struct run *run = frame->run;
    if (frame->previous != NULL) {
        frame->previous->next = frame->next;
    } else {
        run->frames = frame->next;
    }
    if (frame->next != NULL) {
        frame->next->previous = frame->previous;
    }
}

static void destroy(struct frame *frame)
{
    timer_cancel(&frame->deadline);
    timer_cancel(&frame->ending);
    timer_cancel(&frame->resume);
    if (frame->ops->clear != NULL) {
        frame->ops->clear(frame);
    }
    unlink_frame(frame);
    free(frame->state);
    free(frame);
}

void frame_free_all(struct run *run)
{
    while (run->frames != NULL) {
        destroy(run->frames);
    }
    run->root = NULL;
}

static void deadline_passed(void *ctx)
{
    struct frame *frame = ctx;
    struct error err;
    char text[DURATION_TEXT_BYTES];
    if (frame->ops->overdue != NULL && frame->ops->overdue(frame)) {
        return;
    }
    frame->timed_out = !frame->cancelled;
    error_set(&err, ERROR_STEP, "not done within %s",
              duration_format(frame->step->timeout_us, text));
    frame_cancel(frame, &err);
}

static void add_child(struct frame *parent, struct frame *child)
{
    struct frame **last = &parent->child;
    ASSERT(parent->child == NULL || parent->ops->concurrent);
    while (*last != NULL) {
        last = &(*last)->sibling;
    }
    *last = child;
}

static void remove_child(struct frame *parent, const struct frame *child)
{
    struct frame **link = &parent->child;
    while (*link != child) {
        link = &(*link)->sibling;
    }
    *link = child->sibling;
}

void frame_restart_deadline(struct frame *frame)
{
    if (frame->step->timeout_us >= 0 && run_is_paused(frame->run) && !frame->goes_on) {
        frame->left_us = frame->step->timeout_us;
    } else if (frame->step->timeout_us >= 0) {
        timer_start(frame->run->setup.loop, &frame->deadline, frame->step->timeout_us,
                    deadline_passed, frame);
    }
}

/* ---- a pause */
static void resumed(void *ctx)
{
    struct frame *frame = ctx;
    timer_fn *again = frame->again;
    frame->again = NULL;
    again(frame);
}

bool frame_waits(struct frame *frame, timer_fn *again)
{
    if (frame->cancelled || run_may_begin(frame->run) ||
        (frame->goes_on && run_may_set(frame->run))) {
        return false;
    }
    if (frame->goes_on) {
        frame->again = again;
        return true;
    }
    const struct frame *above = frame->parent;
    while (above != NULL && above->ops->wraps) {
        above = above->parent;
    }
    if (above != NULL && above->step->kind == STEP_WAIT_UNTIL) {
        run_emit(frame->run, EVENT_NOTE, frame->step, NULL, "left out: the run is paused");
        frame_finish(frame, NULL);
    } else {
        frame->again = again;
    }
    return true;
}

void frame_stop_limits(struct run *run)
{
    for (struct frame *frame = run->frames; frame != NULL; frame = frame->next) {
        if (timer_is_active(&frame->deadline) && !frame->goes_on) {
            frame->left_us = frame_left_us(frame);
            timer_cancel(&frame->deadline);
        }
    }
}

void frame_go_on(struct run *run)
{
    for (struct frame *frame = run->frames; frame != NULL; frame = frame->next) {
        if (frame->left_us >= 0) {
            timer_start(run->setup.loop, &frame->deadline, frame->left_us, deadline_passed, frame);
            frame->left_us = -1;
        }
        if (frame->again != NULL) {
            timer_start(run->setup.loop, &frame->resume, 0, resumed, frame);
        }
    }
}

void frame_deploys_go_on(struct run *run)
{
    for (struct frame *frame = run->frames; frame != NULL; frame = frame->next) {
        if (frame->again != NULL && frame->goes_on) {
            timer_start(run->setup.loop, &frame->resume, 0, resumed, frame);
        }
    }
}

void frame_put_off_limits(struct run *run, int64_t us)
{
    for (struct frame *frame = run->frames; frame != NULL; frame = frame->next) {
        if (timer_is_active(&frame->deadline)) {
            timer_start(run->setup.loop, &frame->deadline, frame_left_us(frame) + us,
                        deadline_passed, frame);
        }
    }
}

int64_t frame_left_us(const struct frame *frame)
{
    return frame->left_us >= 0 ? frame->left_us
                               : frame->deadline.due_us - loop_now_us(frame->run->setup.loop);
}

/* ---- the life of a frame */
static void begin(void *ctx)
{
    struct frame *frame = ctx;
    struct run *run = frame->run;
    if (frame->cancelled) {
        frame_finish(frame, NULL);
        return;
    }
    if (!frame->ops->wraps && frame_waits(frame, begin)) {
        return;
    }
    frame->started_us = loop_now_us(run->setup.loop);
    if (!frame->ops->wraps) {
        frame_restart_deadline(frame);
        run_emit(run, EVENT_STEP_STARTED, frame->step, NULL, "%s",
                 step_kind_name(frame->step->kind));
    }
    frame->ops->start(frame);
}

static struct frame *start_as(struct run *run, struct frame *parent, const struct step *step,
                              const struct step_ops *ops)
{
    struct frame *frame = memory_allocate(sizeof *frame);
    frame->run = run;
    frame->step = step;
    frame->parent = parent;
    frame->ops = ops;
    frame->past = resume_claim(run, parent, step, ops->wraps);
    frame->state = memory_allocate(frame->ops->state_bytes);
    frame->started_us = loop_now_us(run->setup.loop);
    frame->left_us = -1;
    frame->goes_on = parent != NULL && parent->goes_on;
    frame->next = run->frames;
    if (run->frames != NULL) {
        run->frames->previous = frame;
    }
    run->frames = frame;
    if (parent != NULL) {
        add_child(parent, frame);
    }
    begin(frame);
    return frame;
}

struct frame *frame_start(struct run *run, struct frame *parent, const struct step *step)
{
    bool plain = step->retry.times == 0 && step->on_failure == FAILURE_STOPS;
    return start_as(run, parent, step, plain ? frame_ops(step->kind) : &ops_again);
}

struct frame *frame_start_try(struct frame *wrapper)
{
    return start_as(wrapper->run, wrapper, wrapper->step, frame_ops(wrapper->step->kind));
}

static cJSON *duration_data(const struct frame *frame)
{
    cJSON *data = cJSON_CreateObject();
    event_add_ms(data, "took_ms", loop_now_us(frame->run->setup.loop) - frame->started_us);
    return data;
}

static void tell_parent(void *ctx)
{
    struct frame *frame = ctx;
    struct run *run = frame->run;
    struct frame *parent = frame->parent;
    struct error err = frame->result;
    bool failed = frame->failed;
    const struct step *step = frame->step;
    bool by_itself = failed && (!frame->cancelled || frame->failing || frame->timed_out);
    bool in_doubt = failed && frame->in_doubt;
    const struct step *origin = !failed ? NULL : frame->origin != NULL ? frame->origin : step;
    if (parent != NULL) {
        remove_child(parent, frame);
    }
    work_release(frame);
    destroy(frame);
    if (parent == NULL) {
        run->root = NULL;
        run->failed_at = origin;
        /* A stop that came while a failure was being cleared up is not why the run ended. */
        bool only_stopped = run->failed && run->failure.code == ERROR_CANCELLED;
        if (failed && (!run->failed || (only_stopped && err.code != ERROR_CANCELLED))) {
            run->failed = true;
            run->failure = err;
        }
        run_wind_up(run);
        return;
    }
    parent->failing = parent->failing || by_itself;
    parent->in_doubt = parent->in_doubt || in_doubt;
    if (parent->origin == NULL) {
        parent->origin = origin;
    }
    parent->ops->child_done(parent, step, failed ? &err : NULL);
}

/* As run_emit does with its texts. */
static void show_secrets(struct error *err)
{
    if (secret_is_in(err->text)) {
        struct text shown = {0};
        secret_show(err->text, &shown);
        error_set(err, err->code, "%s", text_string(&shown));
        text_clear(&shown);
    }
}

void frame_finish(struct frame *frame, const struct error *err)
{
    ASSERT(!frame->finished);
    frame->finished = true;
    frame->left_us = -1;
    timer_cancel(&frame->deadline);
    if (frame->cancelled && (err == NULL || (err->code != ERROR_NOT_RESTORED && !frame->failing))) {
        err = &frame->why;
    }
    frame->failed = err != NULL;
    if (err != NULL) {
        frame->result = *err;
        show_secrets(&frame->result);
    }
    if (frame->ops->wraps) {
        /* The tries have said it all. */
    } else if (err != NULL) {
        run_emit(frame->run, EVENT_STEP_FAILED, frame->step, duration_data(frame), "%s",
                 frame->result.text);
    } else {
        char text[DURATION_TEXT_BYTES];
        run_emit(frame->run, EVENT_STEP_DONE, frame->step, duration_data(frame), "%s done in %s",
                 step_kind_name(frame->step->kind),
                 duration_format(loop_now_us(frame->run->setup.loop) - frame->started_us, text));
    }
    timer_start(frame->run->setup.loop, &frame->ending, 0, tell_parent, frame);
}

void frame_end(void *frame)
{
    frame_finish(frame, NULL);
}

void frame_cancel(struct frame *frame, const struct error *why)
{
    if (frame->finished || frame->cancelled) {
        return;
    }
    frame->cancelled = true;
    frame->why = *why;
    if (frame->again != NULL) { /* nothing is under way: it sees `cancelled` */
        timer_start(frame->run->setup.loop, &frame->resume, 0, resumed, frame);
    } else {
        frame->ops->cancel(frame);
    }
}

void frame_cancel_children(struct frame *frame, const struct error *why, bool one_failed)
{
    for (struct frame *child = frame->child; child != NULL; child = child->sibling) {
        child->ended_by_sibling |= one_failed;
        frame_cancel(child, why);
    }
}

void frame_forgive(struct frame *frame)
{
    frame->failing = false;
    frame->in_doubt = false;
    frame->origin = NULL;
}

bool frame_is_stopped(const struct frame *frame)
{
    if (frame->timed_out) {
        return false;
    }
    for (const struct frame *above = frame; above != NULL; above = above->parent) {
        if (above->ended_by_sibling) {
            return true;
        }
    }
    return frame->run->ending;
}

void frame_cancel_operation(struct frame *frame)
{
    if (frame->child != NULL) {
        frame_cancel_children(frame, &frame->why, false);
    } else if (frame->operation != NULL) {
        operation_cancel(frame->operation);
    }
    /* Neither: a timer or a deferred callback of the frame is on its way and will see `cancelled`.
     */
}
