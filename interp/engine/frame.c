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
    [STEP_CONFIRM] = &ops_not_available,
    [STEP_STEPS] = &ops_sequence,
    [STEP_PARALLEL] = &ops_not_available,
    [STEP_WHEN] = &ops_when,
    [STEP_ROLLING] = &ops_rolling,
    [STEP_HOLD] = &ops_hold,
    [STEP_TRY] = &ops_not_available,
};

bool error_may_pass(const struct error *err)
{
    return err->code == ERROR_TIMEOUT || err->code == ERROR_UNREACHABLE ||
           err->code == ERROR_NOT_LEADER || err->code == ERROR_PEER;
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
    error_set(&err, ERROR_STEP, "not done within %s",
              duration_format(frame->step->timeout_us, text));
    frame_cancel(frame, &err);
}

struct frame *frame_start(struct run *run, struct frame *parent, const struct step *step)
{
    struct frame *frame = memory_allocate(sizeof *frame);
    frame->run = run;
    frame->step = step;
    frame->parent = parent;
    frame->ops = frame_ops(step->kind);
    frame->state = memory_allocate(frame->ops->state_bytes);
    frame->started_us = loop_now_us(run->setup.loop);
    frame->next = run->frames;
    if (run->frames != NULL) {
        run->frames->previous = frame;
    }
    run->frames = frame;
    if (parent != NULL) {
        ASSERT(parent->child == NULL);
        parent->child = frame;
    }
    if (step->timeout_us >= 0) {
        timer_start(run->setup.loop, &frame->deadline, step->timeout_us, deadline_passed, frame);
    }
    run_emit(run, EVENT_STEP_STARTED, step, NULL, "%s", step_kind_name(step->kind));
    frame->ops->start(frame);
    return frame;
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
    bool by_itself = failed && (!frame->cancelled || frame->failing);
    destroy(frame);
    if (failed && run->failed_at == NULL) {
        run->failed_at = step;
    }
    if (parent == NULL) {
        run->root = NULL;
        /* A stop that came while a failure was being cleared up is not why the run ended. */
        bool only_stopped = run->failed && run->failure.code == ERROR_CANCELLED;
        if (failed && (!run->failed || (only_stopped && err.code != ERROR_CANCELLED))) {
            run->failed = true;
            run->failure = err;
        }
        run_wind_up(run);
        return;
    }
    parent->child = NULL;
    parent->failing = parent->failing || by_itself;
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
    timer_cancel(&frame->deadline);
    if (frame->cancelled && (err == NULL || (err->code != ERROR_NOT_RESTORED && !frame->failing))) {
        err = &frame->why;
    }
    frame->failed = err != NULL;
    if (err != NULL) {
        frame->result = *err;
        show_secrets(&frame->result);
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
    frame->ops->cancel(frame);
}

void frame_cancel_operation(struct frame *frame)
{
    if (frame->child != NULL) {
        frame_cancel(frame->child, &frame->why);
    } else if (frame->operation != NULL) {
        operation_cancel(frame->operation);
    }
    /* Neither: a timer or a deferred callback of the frame is on its way and will see `cancelled`.
     */
}
