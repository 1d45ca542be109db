/* engine/revert.c - what an interrupted run holds is put back, in reverse order: all that revert
 * does, and what resume does with values that no step has taken over.
 *
 * A value that is neither the one held nor the one before was set by somebody else: it is left, and
 * said. Servers are not started or stopped: those that were in work are named. */
#include "engine/internal.h"

#include "base/duration.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct revert {
    struct run *run;
    struct recalled *hold; /* that is put back now; from the last to the first */
    struct setting_task task;
    struct process_check check;
    struct settings_lock lock;
    struct timer timer;
    int64_t give_up_us;
};

static void revert_next(void *ctx);

static void over(struct revert *revert)
{
    recall_over(revert->run, revert->hold);
    revert->give_up_us = loop_now_us(revert->run->setup.loop) + LEADERLESS_US;
    timer_start(revert->run->setup.loop, &revert->timer, 0, revert_next, revert);
}

static void leave(struct revert *revert)
{
    hold_tell_left(revert->run, &revert->hold->item, revert->task.before);
    over(revert);
}

static void put_back(void *ctx, const struct error *err);

static void ensure(struct revert *revert, const char *expects)
{
    revert->task = (struct setting_task){
        .run = revert->run,
        .step = &revert->hold->step,
        .is_level = revert->hold->item.is_level,
        .name = revert->hold->item.name,
        .server = revert->hold->item.server,
        .expects = expects,
        .puts_back = true,
        .done = put_back,
        .ctx = revert,
    };
    snprintf(revert->task.wanted, sizeof revert->task.wanted, "%s", revert->hold->item.before);
    setting_start(&revert->task);
}

static void identified(void *ctx, bool same_process, const char *leader_name,
                       const struct error *err)
{
    struct revert *revert = ctx;
    (void)leader_name;
    if (err != NULL) {
        put_back(revert, err);
    } else if (same_process) {
        leave(revert);
    } else { /* a new process has its file's values: these are not what was before */
        ensure(revert, NULL);
    }
}

static void put_back(void *ctx, const struct error *err)
{
    struct revert *revert = ctx;
    struct run *run = revert->run;
    const struct hold_item *item = &revert->hold->item;
    if (err != NULL && loop_now_us(run->setup.loop) < revert->give_up_us) {
        timer_start(run->setup.loop, &revert->timer, US_PER_SECOND, revert_next, revert);
        return;
    }
    if (err == NULL && revert->task.unexpected) {
        process_check_start(&revert->check, run, item, identified, revert);
        return;
    }
    run->not_restored |= !hold_tell_back(run, item, err);
    over(revert);
}

/* Where nobody does it later, a server that was about to be restarted is the operator's to look at.
 */
static void name_servers_in_work(struct run *run)
{
    const struct inventory *inventory = run->setup.inventory;
    for (int role = 0; role < ROLE_COUNT; role++) {
        for (int32_t i = 0; i < inventory->count[role]; i++) {
            const struct server *server = &inventory->servers[role][i];
            if (run_history(run, server)->in_work) {
                run_emit(run, EVENT_NOTE, NULL, NULL,
                         "%s was in work when the run was interrupted: nothing more is done to it; "
                         "look whether it runs (pegflow doctor)",
                         server->name);
            }
        }
    }
}

static void revert_next(void *ctx)
{
    struct revert *revert = ctx;
    struct run *run = revert->run;
    revert->hold = recall_last(run);
    if (revert->hold == NULL) {
        settings_unlock(&revert->lock);
        if (run->setup.reverts) {
            name_servers_in_work(run);
        }
        run_wind_up(run);
        return;
    }
    if (revert->hold->unknown_server != NULL) {
        struct error err;
        error_set(&err, ERROR_INVALID_FILE, "%s is none of the run's servers",
                  revert->hold->unknown_server);
        revert->give_up_us = 0;
        put_back(revert, &err);
        return;
    }
    const struct server *server = revert->hold->item.server;
    if (!revert->lock.held || revert->lock.server != server) {
        settings_unlock(&revert->lock);
        settings_lock(run, &revert->lock, server, revert_next, revert);
        return;
    }
    ensure(revert, revert->hold->item.value);
}

void revert_start(struct run *run)
{
    struct revert *revert = memory_allocate(sizeof *revert);
    run->revert = revert;
    revert->run = run;
    revert->give_up_us = loop_now_us(run->setup.loop) + LEADERLESS_US;
    if (run->keeper == NULL) {
        keeper_start(run);
    }
    settings_lock(run, &revert->lock, NULL, revert_next, revert);
}

void revert_clear(struct run *run)
{
    struct revert *revert = run->revert;
    if (revert != NULL) {
        timer_cancel(&revert->timer);
        settings_unlock(&revert->lock);
        process_check_clear(&revert->check);
        free(revert);
        run->revert = NULL;
    }
}
