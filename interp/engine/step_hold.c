/* engine/step_hold.c - a value the cluster keeps while the body runs, and has back afterwards.
 *
 * Value before read, set, read back; the body; put back in reverse order, whatever the body came
 * to. What was begun is put back even when its setting failed half-way: an unknown outcome is
 * looked at. */
#include "engine/internal.h"

#include "base/duration.h"
#include "engine/target.h"

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
    struct process_check check;
    struct hold_survey survey;
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
static void list_items(struct hold *hold, const struct run *run, const struct step *step)
{
    size_t server_count;
    const struct server *servers = target_hold_servers(run->setup.inventory, step, &server_count);
    bool of_leader = step->as.hold.on == TO_LEADER;
    size_t places = of_leader ? 1 : server_count;
    hold->items = memory_allocate((step->as.hold.setting_count * places + 3) * sizeof *hold->items);
    if (step->as.hold.level != 0) {
        add_item(hold, step, true, "meta level", meta_level_name(step->as.hold.level));
    }
    if (has_setting(step, SETTING_ADD_SECONDARY_LIMIT) &&
        !has_setting(step, SETTING_FLOW_CONTROL)) {
        add_item(hold, step, false, SETTING_FLOW_CONTROL, "true");
        hold->items[hold->count - 1].implied = true;
    }
    for (size_t i = 0; i < step->as.hold.setting_count; i++) {
        for (size_t place = 0; place < places; place++) {
            add_item(hold, step, false, step->as.hold.settings[i].name,
                     step->as.hold.settings[i].value);
            hold->items[hold->count - 1].server = of_leader ? NULL : &servers[place];
        }
    }
}

/* ---- putting back */
static void hold_put_back(void *ctx);
static void hold_put_back_next(void *ctx);
static void hold_changes(void *ctx);
static void hold_was_put_back(void *ctx, const struct error *err);
static void ensure(struct frame *frame, const struct hold_item *item, const char *value,
                   const char *expects, void (*done)(void *ctx, const struct error *err));

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

static void hold_item_over(struct frame *frame)
{
    struct hold *hold = frame->state;
    hold_unregister(frame->run, &hold->items[hold->taken - 1]);
    hold->taken--;
    hold_put_back_next(frame);
}

/* A value that a foreign hand changed is not ours any more. */
static void hold_leave(struct frame *frame)
{
    struct hold *hold = frame->state;
    hold_tell_left(frame->run, &hold->items[hold->taken - 1], hold->task.before);
    hold_item_over(frame);
}

static void hold_identified(void *ctx, bool same_process, const char *leader_name,
                            const struct error *err)
{
    struct frame *frame = ctx;
    struct hold *hold = frame->state;
    const struct hold_item *item = &hold->items[hold->taken - 1];
    if (err != NULL) {
        hold_was_put_back(frame, err);
    } else if (same_process) {
        foreign_seen(frame->run, item, hold->task.before, leader_name);
        hold_leave(frame);
    } else { /* what it reads is the new process's own */
        ensure(frame, item, item->before, NULL, hold_was_put_back);
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
    if (err == NULL && hold->task.unexpected) {
        process_check_start(&hold->check, run, item, hold_identified, frame);
        return;
    }
    bool worth_a_word = err != NULL || !item->implied || hold->task.changed;
    if (worth_a_word && !hold_tell_back(run, item, err)) {
        char shown[HOLD_SHOWN_BYTES];
        error_set(&hold->not_restored, ERROR_NOT_RESTORED, "%s could not be put back to %s: %s%s%s",
                  hold_shown(item, shown), item->before, err->text,
                  hold->failed ? "; before that: " : "", hold->failed ? hold->failure.text : "");
        hold->any_not_restored = true;
        run->not_restored = true;
    }
    hold_item_over(frame);
}

/* `expects`: a value that is neither this nor the wanted one is left alone; or NULL. */
static void ensure(struct frame *frame, const struct hold_item *item, const char *value,
                   const char *expects, void (*done)(void *ctx, const struct error *err))
{
    struct hold *hold = frame->state;
    const struct hold_item *outer = hold_in_force(frame->run, item);
    hold->task = (struct setting_task){
        .run = frame->run,
        .step = frame->step,
        .is_level = item->is_level,
        .name = item->name,
        .server = item->server,
        .item = item,
        .expects = expects,
        .puts_back = hold->putting_back,
        .takes = !hold->putting_back,
        .back_to = item->known_before ? item->before
                   : outer != NULL    ? outer->value
                                      : NULL,
        .begun = hold_changes,
        .done = done,
        .ctx = frame,
    };
    snprintf(hold->task.wanted, sizeof hold->task.wanted, "%s", value);
    setting_start(&hold->task);
}

/* Each place's values are changed in turn with its keeper, and with other branches. */
static bool has_turn(struct frame *frame, const struct hold_item *item, timer_fn *go)
{
    struct hold *hold = frame->state;
    if (hold->lock.held && hold->lock.server == item->server) {
        return true;
    }
    settings_unlock(&hold->lock);
    settings_lock(frame->run, &hold->lock, item->server, go, frame);
    return false;
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
    /* A wait for the leader's turn takes nothing of the time for putting back. */
    if (!has_turn(frame, item, item->server == NULL ? hold_put_back : hold_put_back_next)) {
        return;
    }
    if (hold_hand_on(frame->run, item)) {
        hold_item_over(frame);
    } else {
        ensure(frame, item, item->before, item->value, hold_was_put_back);
    }
}

static void hold_put_back(void *ctx)
{
    struct frame *frame = ctx;
    struct hold *hold = frame->state;
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
    hold_put_back(frame);
}

/* ---- the body */
static void hold_go(void *ctx)
{
    struct frame *frame = ctx;
    struct hold *hold = frame->state;
    const struct step_list *body = &frame->step->body;
    while (hold->body_next < body->count &&
           resume_passes_over(frame, body->items[hold->body_next])) {
        hold->body_next++;
    }
    if (frame->cancelled || hold->body_next == body->count) {
        if (!frame_waits(frame, hold_go)) { /* to put back is an effect too */
            hold_body_over(frame, NULL);
        }
        return;
    }
    frame_start(frame->run, frame, body->items[hold->body_next++]);
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
static void hold_taken(void *ctx, const struct error *err);
static void hold_take_again(void *ctx);

/* From here on it is ours to put back, and stays at what was read first: a second try may read what
 * the first has set. Inside another hold of the same setting the value before is that hold's: what
 * was read may be a new leader's own, which the keeper has not told yet. */
static void hold_begun(struct frame *frame, struct hold_item *item)
{
    struct hold *hold = frame->state;
    const struct hold_item *outer = hold_in_force(frame->run, item);
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

static void hold_take_identified(void *ctx, bool same_process, const char *leader_name,
                                 const struct error *err)
{
    struct frame *frame = ctx;
    struct hold *hold = frame->state;
    const struct hold_item *item = &hold->items[hold->taken];
    if (err != NULL) {
        hold->task.unexpected = false;
        hold_taken(frame, err);
    } else if (!same_process) { /* a new process's own value: the keeper has not told it yet */
        ensure(frame, item, item->value, NULL, hold_taken);
    } else {
        settings_unlock(&hold->lock);
        foreign_seen(frame->run, hold_in_force(frame->run, item), hold->task.before, leader_name);
        if (!frame_waits(frame, hold_take_again)) {
            hold_go(frame); /* the run ends */
        }
    }
}

static void hold_taken(void *ctx, const struct error *err)
{
    struct frame *frame = ctx;
    struct hold *hold = frame->state;
    struct loop *loop = frame->run->setup.loop;
    struct hold_item *item = &hold->items[hold->taken];
    if (err == NULL && hold->task.unexpected) {
        process_check_start(&hold->check, frame->run,
                            item->restored ? item : hold_in_force(frame->run, item),
                            hold_take_identified, frame);
        return;
    }
    if (err == NULL) {
        hold_begun(frame, item);
        item->restored = false;
        if (item->server != NULL) {
            hold_set_process(frame->run, item, item->surveyed);
        }
    } else if (error_may_pass(err) && !frame->cancelled && loop_now_us(loop) < hold->give_up_us) {
        timer_start(loop, &hold->timer, US_PER_SECOND, hold_take_next, frame);
        return;
    }
    hold->taken++;
    if (err != NULL) {
        hold->taken = hold->count; /* what was restored behind it is put back too */
        settings_unlock(&hold->lock);
        hold_body_over(frame, err);
        return;
    }
    if (!item->implied || strcmp(item->before, item->value) != 0) {
        char shown[HOLD_SHOWN_BYTES];
        cJSON *data = hold_data(item, item->value);
        cJSON_AddStringToObject(data, "before", item->before);
        run_emit(frame->run, EVENT_HELD, frame->step, data, "%s held at %s (before: %s)",
                 hold_shown(item, shown), item->value, item->before);
    }
    hold_take_next(frame);
}

static void hold_take_again(void *ctx)
{
    struct frame *frame = ctx;
    struct hold *hold = frame->state;
    hold->give_up_us = loop_now_us(frame->run->setup.loop) + LEADERLESS_US;
    hold_take_next(frame);
}

static void hold_take_next(void *ctx)
{
    struct frame *frame = ctx;
    struct hold *hold = frame->state;
    struct hold_item *item = &hold->items[hold->taken];
    while (hold->taken < hold->count && item->known_before && (frame->cancelled || item->covered)) {
        item->restored = false;
        item =
            &hold->items[++hold->taken]; /* begun, and was to be tried again; or another's to set */
    }
    if (frame->cancelled || hold->taken == hold->count) {
        settings_unlock(&hold->lock);
        hold_go(frame);
    } else if (hold->taken == 0 && !item->known_before && frame_waits(frame, hold_take_again)) {
        settings_unlock(&hold->lock); /* the keeper has to see what ends the pause */
    } else if (has_turn(frame, item, hold_take_next)) {
        const struct hold_item *outer = hold_in_force(frame->run, item);
        const char *expects = outer == NULL || outer == item ? NULL : outer->value;
        if (!item->known_before) {
            memcpy(item->process, item->surveyed, sizeof item->process);
        }
        ensure(frame, item, item->value, item->restored ? item->before : expects, hold_taken);
    }
}

/* What was held when the run was interrupted is held again, with the value before that the journal
 * knows. A value that a hold within keeps too is only remembered here: that one sets it. */
static void hold_restore(struct frame *frame)
{
    struct hold *hold = frame->state;
    for (size_t i = 0; frame->past != NULL && i < hold->count; i++) {
        recall_take_over(frame->run, &hold->items[i]);
    }
}

static void hold_surveyed(struct frame *frame, const struct error *err)
{
    struct hold *hold = frame->state;
    if (err != NULL) {
        hold->taken = hold->count; /* what was restored is put back; the rest was never begun */
        hold_body_over(frame, err);
    } else {
        hold_take_again(frame);
    }
}

static bool asks_servers(const struct hold *hold)
{
    for (size_t i = 0; i < hold->count; i++) {
        if (hold->items[i].server != NULL) {
            return true;
        }
    }
    return false;
}

static void hold_start(struct frame *frame)
{
    struct hold *hold = frame->state;
    hold->lock.run = frame->run;
    list_items(hold, frame->run, frame->step);
    hold_restore(frame);
    hold->body_next = resume_first(frame);
    if (resume_body_is_done(frame)) { /* only the way back is left */
        hold->taken = hold->count;
        hold->body_next = frame->step->body.count;
        hold_go(frame);
    } else if (asks_servers(hold)) {
        hold_survey_start(&hold->survey, frame, hold->items, hold->count, hold_surveyed);
    } else {
        hold_take_again(frame);
    }
}

static void hold_cancel(struct frame *frame)
{
    struct hold *hold = frame->state;
    if (hold->putting_back) {
        return; /* that is never broken off */
    }
    if (frame->child != NULL) {
        frame_cancel_children(frame, &frame->why, false);
    } else if (hold->survey.running > 0) {
        hold_survey_cancel(&hold->survey);
    } else if (hold->task.operation != NULL) {
        operation_cancel(hold->task.operation);
    } else if (hold->lock.waiting) {
        settings_unlock(&hold->lock);
        timer_start(frame->run->setup.loop, &hold->timer, 0, hold_take_next, frame);
    }
}

static void hold_clear(struct frame *frame)
{
    struct hold *hold = frame->state;
    timer_cancel(&hold->timer);
    follow_clear(&hold->follower);
    settings_unlock(&hold->lock);
    hold_survey_clear(&hold->survey);
    process_check_clear(&hold->check);
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
