/* engine/server_keeper.c - what is held on servers is kept, not only set.
 *
 * A server that restarts, by our own deploy too, begins with the values of its configuration. Each
 * value held is read again every half second, one call: what differs under another start time is
 * told again, what differs under the same process is a foreign hand. A server that does not answer
 * delays no other's. Reference behaviour 3.2. */
#include "engine/internal.h"

#include "base/duration.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t look_every_us = US_PER_SECOND / 2;
/* Short, so that one that was asked while it started is asked again soon. */
static const int64_t look_timeout_us = US_PER_SECOND;

/* One setting of one server, looked at while something holds it. */
struct held_watch {
    struct held_watch *next;
    struct run *run;
    struct hold_item item; /* a copy of the innermost, fixed for one look */
    bool looking;
    bool taking_again; /* as the operator wished, not since it was lost */
    struct timer timer;
    struct settings_lock lock;
    struct process_check check;
    struct setting_task task;
    struct operation *operation;
};

static void watch_look(void *ctx);

static void watch_rest(struct held_watch *watch)
{
    settings_unlock(&watch->lock);
    timer_start(watch->run->setup.loop, &watch->timer, look_every_us, watch_look, watch);
}

static void watch_told(void *ctx, const struct error *err)
{
    struct held_watch *watch = ctx;
    struct run *run = watch->run;
    struct hold_item *item = &watch->item;
    char shown[HOLD_SHOWN_BYTES];
    hold_shown(item, shown);
    if (err != NULL) {
        run_emit(run, EVENT_NOTE, item->step, NULL, "tell %s again: %s", shown, err->text);
        watch_rest(watch);
        return;
    }
    struct foreign_value *foreign = foreign_find(run, item);
    cJSON *data = hold_data(item, item->value);
    hold_set_process(run, item, item->process);
    if (watch->taking_again) {
        cJSON_AddStringToObject(data, "before", item->before);
        run_emit(run, EVENT_HELD, item->step, data, "%s held at %s again (somebody else's: %s)",
                 shown, item->value, watch->task.before);
    } else {
        run_emit(run, EVENT_TOLD_AGAIN, item->step, data,
                 "%s told again, it has restarted: %s (it had %s)", shown, item->value,
                 watch->task.before);
    }
    if (foreign != NULL && watch->taking_again) {
        foreign_is_taken_again(run, foreign);
    } else if (foreign != NULL) {
        foreign_is_over(run, foreign); /* theirs went with the old process */
    }
    watch_rest(watch);
}

static void watch_tell(struct held_watch *watch)
{
    const struct hold_item *item = &watch->item;
    watch->task = (struct setting_task){
        .run = watch->run,
        .step = item->step,
        .name = item->name,
        .server = item->server,
        .item = item,
        .done = watch_told,
        .ctx = watch,
    };
    snprintf(watch->task.wanted, sizeof watch->task.wanted, "%s", item->value);
    setting_start(&watch->task);
}

static void watch_identified(void *ctx, bool same_process, const char *name,
                             const struct error *err)
{
    struct held_watch *watch = ctx;
    struct run *run = watch->run;
    if (err != NULL) {
        watch_rest(watch);
    } else if (!same_process) {
        watch->taking_again = false;
        snprintf(watch->item.process, SERVER_START_BYTES, "%s", watch->check.facts.command_start);
        run->last_change_us = loop_now_us(run->setup.loop); /* what the old process said is void */
        watch_tell(watch);
    } else if (run->pause.continuing) {
        watch->taking_again = true;
        watch_tell(watch);
    } else {
        foreign_seen(run, &watch->item, watch->task.before, name);
        watch_rest(watch);
    }
}

static void watch_read(void *ctx, const char *value, const struct error *err)
{
    struct held_watch *watch = ctx;
    struct run *run = watch->run;
    watch->operation = NULL;
    if (err != NULL) {
        watch_rest(watch);
        return;
    }
    /* An interruption may have come before it was set: it is about to be taken again. */
    bool untaken = watch->item.restored && strcmp(value, watch->item.before) == 0;
    if (strcmp(value, watch->item.value) != 0 && !untaken) {
        snprintf(watch->task.before, sizeof watch->task.before, "%s", value);
        process_check_start(&watch->check, run, &watch->item, watch_identified, watch);
        return;
    }
    struct foreign_value *foreign = foreign_find(run, &watch->item);
    if (foreign != NULL) {
        foreign_is_over(run, foreign);
    }
    watch_rest(watch);
}

static void watch_locked(void *ctx)
{
    struct held_watch *watch = ctx;
    const struct hold_item *held = hold_in_force(watch->run, &watch->item);
    if (held == NULL) {
        watch->looking = false; /* until it is held again */
        settings_unlock(&watch->lock);
        return;
    }
    watch->item = *held;
    watch->operation = cluster_read_setting(watch->run->reader, held->server->address, held->name,
                                            look_timeout_us, watch_read, watch);
}

static void watch_look(void *ctx)
{
    struct held_watch *watch = ctx;
    settings_lock(watch->run, &watch->lock, watch->item.server, watch_locked, watch);
}

void server_keeper_attend(struct run *run, const struct hold_item *item)
{
    struct held_watch *watch = run->watches;
    while (watch != NULL &&
           (watch->item.server != item->server || strcmp(watch->item.name, item->name) != 0)) {
        watch = watch->next;
    }
    if (watch == NULL) {
        watch = memory_allocate(sizeof *watch);
        watch->run = run;
        watch->item = *item;
        watch->next = run->watches;
        run->watches = watch;
    }
    if (!watch->looking) {
        watch->looking = true;
        timer_start(run->setup.loop, &watch->timer, look_every_us, watch_look, watch);
    }
}

void server_keeper_free(struct run *run)
{
    struct held_watch *watch = run->watches;
    while (watch != NULL) {
        struct held_watch *next = watch->next;
        timer_cancel(&watch->timer);
        if (watch->lock.run != NULL) {
            settings_unlock(&watch->lock);
        }
        process_check_clear(&watch->check);
        free(watch);
        watch = next;
    }
    run->watches = NULL;
}

/* ---- is this the process that was told? */
static void check_read(void *ctx, const struct error *err)
{
    struct process_check *check = ctx;
    const struct hold_item *item = check->item;
    bool same = err == NULL && strcmp(check->facts.command_start, item->process) == 0;
    check->operation = NULL;
    check->done(check->ctx, same, item->server->name, err);
}

void process_check_start(struct process_check *check, struct run *run, const struct hold_item *item,
                         keeper_identified_fn *done, void *ctx)
{
    if (item->server == NULL) {
        keeper_identify(run, done, ctx);
        return;
    }
    check->run = run;
    check->item = item;
    check->done = done;
    check->ctx = ctx;
    check->operation = cluster_read_server(run->reader, item->server->address, FACT_COMMANDS,
                                           &check->facts, look_timeout_us, check_read, check);
}

void process_check_clear(struct process_check *check)
{
    server_facts_clear(&check->facts);
}
