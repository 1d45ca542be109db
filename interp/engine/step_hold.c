/* engine/step_hold.c - a value the cluster keeps while the body runs, and has back afterwards.
 *
 * Value before read, set, read back; the body; put back in reverse order, whatever the body came
 * to. What was begun is put back even when its setting failed half-way: an unknown outcome is
 * looked at. */
#include "engine/internal.h"

#include "base/duration.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>

struct hold {
    struct hold_item *items;
    size_t count;
    size_t taken;     /* items begun; putting back counts it down */
    size_t body_next; /* the child after the one under way */
    bool putting_back;
    struct setting_task task;
    struct settings_lock lock;
    struct timer timer;
    int64_t give_up_us;
    struct error failure; /* why the body or the taking ended, when `failed` */
    bool failed;
    struct error not_restored;
    bool any_not_restored;
    struct follower follower;
};

static void add_item(struct hold *hold, const struct step *step, bool is_level, const char *name,
                     const char *value)
{
    struct hold_item *item = &hold->items[hold->count++];
    *item = (struct hold_item){.is_level = is_level, .name = name, .step = step};
    snprintf(item->value, sizeof item->value, "%s", value);
}

static bool has_setting(const struct step *step, const char *name)
{
    for (size_t i = 0; i < step->as.hold.setting_count; i++) {
        if (strcmp(step->as.hold.settings[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* A limit on re-adding does nothing while flow control is off: such a hold turns it on, first. */
static void list_items(struct hold *hold, const struct step *step)
{
    hold->items = memory_allocate((step->as.hold.setting_count + 2) * sizeof *hold->items);
    if (step->as.hold.level != 0) {
        add_item(hold, step, true, "meta level", meta_level_name(step->as.hold.level));
    }
    if (has_setting(step, SETTING_ADD_SECONDARY_LIMIT) &&
        !has_setting(step, SETTING_FLOW_CONTROL)) {
        add_item(hold, step, false, SETTING_FLOW_CONTROL, "true");
        hold->items[hold->count - 1].implied = true;
    }
    for (size_t i = 0; i < step->as.hold.setting_count; i++) {
        add_item(hold, step, false, step->as.hold.settings[i].name,
                 step->as.hold.settings[i].value);
    }
}

/* ---- putting back */
static void hold_put_back_next(void *ctx);
static void hold_changes(void *ctx);

static void hold_end(struct frame *frame)
{
    struct hold *hold = frame->state;
    settings_unlock(&hold->lock);
    if (hold->any_not_restored) {
        frame_finish(frame, &hold->not_restored);
    } else {
        frame_finish(frame, hold->failed ? &hold->failure : NULL);
    }
}

static void hold_was_put_back(void *ctx, const struct error *err)
{
    struct frame *frame = ctx;
    struct hold *hold = frame->state;
    struct run *run = frame->run;
    struct hold_item *item = &hold->items[hold->taken - 1];
    if (err != NULL && loop_now_us(run->setup.loop) < hold->give_up_us) {
        timer_start(run->setup.loop, &hold->timer, US_PER_SECOND, hold_put_back_next, frame);
        return;
    }
    cJSON *data = cJSON_CreateObject();
    cJSON_AddStringToObject(data, "name", item->name);
    cJSON_AddStringToObject(data, "value", item->before);
    if (err != NULL) {
        run_emit(run, EVENT_NOT_PUT_BACK, frame->step, data, "%s could not be put back to %s: %s",
                 item->name, item->before, err->text);
        error_set(&hold->not_restored, ERROR_NOT_RESTORED, "%s could not be put back to %s: %s%s%s",
                  item->name, item->before, err->text, hold->failed ? "; before that: " : "",
                  hold->failed ? hold->failure.text : "");
        hold->any_not_restored = true;
        run->not_restored = true;
    } else if (!item->implied || hold->task.changed) {
        run_emit(run, EVENT_PUT_BACK, frame->step, data, "%s is back at %s", item->name,
                 item->before);
    } else {
        cJSON_Delete(data);
    }
    hold_unregister(run, item);
    hold->taken--;
    hold_put_back_next(frame);
}

static void ensure(struct frame *frame, const struct hold_item *item, const char *value,
                   void (*done)(void *ctx, const struct error *err))
{
    struct hold *hold = frame->state;
    hold->task = (struct setting_task){
        .run = frame->run,
        .step = frame->step,
        .is_level = item->is_level,
        .name = item->name,
        .puts_back = hold->putting_back,
        .begun = hold_changes,
        .done = done,
        .ctx = frame,
    };
    snprintf(hold->task.wanted, sizeof hold->task.wanted, "%s", value);
    setting_start(&hold->task);
}

static void hold_put_back_next(void *ctx)
{
    struct frame *frame = ctx;
    struct hold *hold = frame->state;
    while (hold->taken > 0 && !hold->items[hold->taken - 1].known_before) {
        hold->taken--; /* never begun */
    }
    if (hold->taken == 0) {
        hold_end(frame);
        return;
    }
    struct hold_item *item = &hold->items[hold->taken - 1];
    if (hold_hand_on(frame->run, item)) {
        hold_unregister(frame->run, item);
        hold->taken--;
        hold_put_back_next(frame);
        return;
    }
    ensure(frame, item, item->before, hold_was_put_back);
}

static void hold_put_back(void *ctx)
{
    struct frame *frame = ctx;
    struct hold *hold = frame->state;
    hold->putting_back = true;
    hold->give_up_us = loop_now_us(frame->run->setup.loop) + LEADERLESS_US;
    hold_put_back_next(frame);
}

static void hold_body_over(struct frame *frame, const struct error *err)
{
    struct hold *hold = frame->state;
    if (err != NULL) {
        hold->failed = true;
        hold->failure = *err;
        hold->any_not_restored = err->code == ERROR_NOT_RESTORED;
        hold->not_restored = *err;
    }
    hold->putting_back = true;
    settings_lock(frame->run, &hold->lock, hold_put_back, frame);
}

/* ---- the body */
static void hold_go(void *ctx)
{
    struct frame *frame = ctx;
    struct hold *hold = frame->state;
    if (frame->cancelled || hold->body_next == frame->step->body.count) {
        hold_body_over(frame, NULL);
        return;
    }
    frame_start(frame->run, frame, frame->step->body.items[hold->body_next++]);
}

static void hold_followed(struct frame *frame)
{
    struct hold *hold = frame->state;
    hold_body_over(frame, hold->failed ? &hold->failure : NULL);
}

static void hold_child_done(struct frame *frame, const struct step *child, const struct error *err)
{
    struct hold *hold = frame->state;
    const struct server *server = follow_due_after(frame, child, err);
    if (server != NULL) {
        if (err != NULL) {
            hold->failed = true;
            hold->failure = *err;
        }
        follow_start(&hold->follower, frame, server, hold_followed);
        return;
    }
    if (err != NULL) {
        hold_body_over(frame, err);
    } else {
        hold_go(frame);
    }
}

/* ---- taking */
static void hold_take_next(void *ctx);

/* From here on it is ours to put back, and stays at what was read first: a second try may read what
 * the first has set. Inside another hold of the same setting the value before is that hold's: what
 * was read may be a new leader's own, which the keeper has not told yet. */
static void hold_begun(struct frame *frame, struct hold_item *item)
{
    struct hold *hold = frame->state;
    const struct hold_item *outer = hold_in_force(frame->run, item->is_level, item->name);
    if (item->known_before) {
        return;
    }
    snprintf(item->before, sizeof item->before, "%s",
             outer != NULL ? outer->value : hold->task.before);
    item->known_before = true;
    hold_register(frame->run, item);
}

static void hold_changes(void *ctx)
{
    struct frame *frame = ctx;
    struct hold *hold = frame->state;
    if (!hold->putting_back) {
        hold_begun(frame, &hold->items[hold->taken]);
    }
}

static void hold_taken(void *ctx, const struct error *err)
{
    struct frame *frame = ctx;
    struct hold *hold = frame->state;
    struct loop *loop = frame->run->setup.loop;
    struct hold_item *item = &hold->items[hold->taken];
    if (err == NULL) {
        hold_begun(frame, item);
    } else if (error_may_pass(err) && !frame->cancelled && loop_now_us(loop) < hold->give_up_us) {
        timer_start(loop, &hold->timer, US_PER_SECOND, hold_take_next, frame);
        return;
    }
    hold->taken++;
    if (err != NULL) {
        settings_unlock(&hold->lock);
        hold_body_over(frame, err);
        return;
    }
    if (!item->implied || strcmp(item->before, item->value) != 0) {
        cJSON *data = cJSON_CreateObject();
        cJSON_AddStringToObject(data, "name", item->name);
        cJSON_AddStringToObject(data, "before", item->before);
        cJSON_AddStringToObject(data, "value", item->value);
        run_emit(frame->run, EVENT_HELD, frame->step, data, "%s held at %s (before: %s)",
                 item->name, item->value, item->before);
    }
    hold_take_next(frame);
}

static void hold_take_next(void *ctx)
{
    struct frame *frame = ctx;
    struct hold *hold = frame->state;
    if (frame->cancelled && hold->taken < hold->count && hold->items[hold->taken].known_before) {
        hold->taken++; /* begun, and was to be tried again */
    }
    if (frame->cancelled || hold->taken == hold->count) {
        settings_unlock(&hold->lock);
        hold_go(frame);
        return;
    }
    const struct hold_item *item = &hold->items[hold->taken];
    ensure(frame, item, item->value, hold_taken);
}

static void hold_start(struct frame *frame)
{
    struct hold *hold = frame->state;
    list_items(hold, frame->step);
    hold->give_up_us = loop_now_us(frame->run->setup.loop) + LEADERLESS_US;
    settings_lock(frame->run, &hold->lock, hold_take_next, frame);
}

static void hold_cancel(struct frame *frame)
{
    struct hold *hold = frame->state;
    if (hold->putting_back) {
        return; /* that is never broken off */
    }
    if (frame->child != NULL) {
        frame_cancel_children(frame, &frame->why, false);
    } else if (hold->task.operation != NULL) {
        operation_cancel(hold->task.operation);
    } else if (hold->lock.waiting) {
        settings_unlock(&hold->lock);
        timer_start(frame->run->setup.loop, &hold->timer, 0, hold_go, frame);
    }
}

static void hold_clear(struct frame *frame)
{
    struct hold *hold = frame->state;
    timer_cancel(&hold->timer);
    follow_clear(&hold->follower);
    if (hold->lock.run != NULL) {
        settings_unlock(&hold->lock);
    }
    for (size_t i = 0; i < hold->count; i++) {
        hold_unregister(frame->run, &hold->items[i]);
    }
    free(hold->items);
}

const struct step_ops ops_hold = {
    .state_bytes = sizeof(struct hold),
    .start = hold_start,
    .child_done = hold_child_done,
    .cancel = hold_cancel,
    .clear = hold_clear,
};
