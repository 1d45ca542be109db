/* engine/keeper.c - holds are kept, not only set.
 *
 * Settings live in one process: a new primary meta server starts with those of its configuration
 * file and its first tick comes ten seconds later, so it must be told before. The keeper looks
 * every half second, also during a wait or a deploy, and tells a leader that lost them what is
 * held. A value that differs although the same process still leads was changed by somebody else:
 * that pauses the run and is not fought over, until the operator says so. Reference behaviour 3.2,
 * 2.5. */
#include "engine/internal.h"

#include "base/duration.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>

static const int64_t look_every_us = US_PER_SECOND / 2;
static const int64_t look_timeout_us = CLUSTER_CALL_TIMEOUT_US;

struct keeper {
    struct run *run;
    struct timer timer;
    struct settings_lock lock;
    struct leader_info leader;   /* as just read */
    struct address known_leader; /* who was told last */
    char known_start[32];        /* of that process */
    struct server_facts facts;   /* of the leader */
    struct operation *operation;
    struct setting_task task;
    struct hold_item *checked; /* copies of what is held, fixed for one look */
    size_t checked_count;
    size_t next;
    int64_t began_us; /* this look */
    bool telling;     /* a new process leads, or the operator goes on: what differs is told again */
    bool untold;      /* the telling did not come to its end */
    keeper_identified_fn *identified;
    void *identified_ctx;
};

static void keeper_look(void *ctx);
static void keeper_check_next(struct keeper *keeper);

static void keeper_rest(struct keeper *keeper)
{
    settings_unlock(&keeper->lock);
    timer_start(keeper->run->setup.loop, &keeper->timer, look_every_us, keeper_look, keeper);
}

static void keeper_told(void *ctx, const struct error *err)
{
    struct keeper *keeper = ctx;
    struct run *run = keeper->run;
    const struct hold_item *item = &keeper->checked[keeper->next];
    if (err != NULL) {
        /* It may just be losing its lead again: the next look begins anew. */
        run_emit(run, EVENT_NOTE, item->step, NULL, "tell %s again: %s", item->name, err->text);
        keeper->untold = true;
        keeper_rest(keeper);
        return;
    }
    struct foreign_value *foreign = foreign_find(run, item);
    cJSON *data = hold_data(item, item->value);
    if (keeper->task.changed && run->pause.continuing && foreign != NULL) {
        cJSON_AddStringToObject(data, "before", item->before);
        run_emit(run, EVENT_HELD, item->step, data, "%s held at %s again (somebody else's: %s)",
                 item->name, item->value, keeper->task.before);
    } else if (keeper->task.changed) {
        run_emit(run, EVENT_TOLD_AGAIN, item->step, data,
                 "%s told again to the primary meta server %s: %s (it had %s)", item->name,
                 keeper->leader.name, item->value, keeper->task.before);
    } else {
        cJSON_Delete(data);
    }
    keeper->next++;
    if (foreign != NULL && !run->pause.continuing) {
        foreign_is_over(run, foreign); /* theirs went with the old process */
    }
    keeper_check_next(keeper);
}

/* Value and start time may come from two servers while the lead changes hands. */
static void keeper_confirmed(void *ctx, const struct error *err)
{
    struct keeper *keeper = ctx;
    keeper->operation = NULL;
    if (err != NULL || !address_equal(keeper->leader.address, keeper->known_leader)) {
        keeper_rest(keeper);
        return;
    }
    foreign_seen(keeper->run, &keeper->checked[keeper->next], keeper->task.before,
                 keeper->leader.name);
    keeper->next++; /* the others are kept all the same */
    keeper_check_next(keeper);
}

static void keeper_new_process(struct keeper *keeper)
{
    struct run *run = keeper->run;
    keeper->known_leader = keeper->leader.address;
    snprintf(keeper->known_start, sizeof keeper->known_start, "%s", keeper->facts.start_time);
    keeper->telling = true;
    run->last_change_us = loop_now_us(run->setup.loop); /* what the old leader said is void */
    keeper->next = 0;
    keeper_check_next(keeper);
}

static void keeper_start_read(void *ctx, const struct error *err)
{
    struct keeper *keeper = ctx;
    keeper->operation = NULL;
    if (err != NULL) {
        keeper_rest(keeper);
        return;
    }
    bool same_place = address_equal(keeper->leader.address, keeper->known_leader);
    bool same_process = same_place && strcmp(keeper->facts.start_time, keeper->known_start) == 0;
    if (same_process) {
        keeper->operation = cluster_read_leader(keeper->run->reader, &keeper->leader,
                                                look_timeout_us, keeper_confirmed, keeper);
    } else {
        keeper->run->leader_changed = true;
        char address[ADDRESS_TEXT_BYTES];
        cJSON *data = cJSON_CreateObject();
        cJSON_AddStringToObject(data, "leader", address_format(keeper->leader.address, address));
        cJSON_AddStringToObject(data, "leader_start", keeper->facts.start_time);
        run_emit(keeper->run, EVENT_LEADER_CHANGED, NULL, data,
                 "%s is the primary meta server now%s", keeper->leader.name,
                 same_place ? " (it has restarted)" : "");
        keeper_new_process(keeper);
    }
}

static void keeper_read_start(struct keeper *keeper)
{
    keeper->operation =
        cluster_read_server(keeper->run->reader, keeper->leader.address, FACT_START_TIME,
                            &keeper->facts, look_timeout_us, keeper_start_read, keeper);
}

static void keeper_checked(void *ctx, const struct error *err)
{
    struct keeper *keeper = ctx;
    const struct hold_item *item = &keeper->checked[keeper->next];
    if (err != NULL) {
        keeper_rest(keeper);
        return;
    }
    /* The interruption may have come before it was set: it is about to be taken again. */
    bool untaken = item->restored && strcmp(keeper->task.before, item->before) == 0;
    if (strcmp(keeper->task.before, item->value) != 0 && !untaken) {
        /* Who is this? The same process: a foreign hand. Another: it must be told. */
        keeper_read_start(keeper);
        return;
    }
    struct foreign_value *foreign = foreign_find(keeper->run, item);
    if (foreign != NULL) {
        foreign_is_over(keeper->run, foreign);
    }
    keeper->next++;
    keeper_check_next(keeper);
}

static void keeper_check_next(struct keeper *keeper)
{
    struct run *run = keeper->run;
    if (keeper->next == keeper->checked_count) {
        keeper->untold &= !keeper->telling;
        if (keeper->telling && run->pause.continuing) {
            pause_end_by_operator(run);
        }
        keeper_has_looked(run, keeper->began_us);
        keeper_rest(keeper);
        return;
    }
    const struct hold_item *item = &keeper->checked[keeper->next];
    keeper->task = (struct setting_task){
        .run = run,
        .step = item->step,
        .is_level = item->is_level,
        .only_read = !keeper->telling,
        .name = item->name,
        .done = keeper->telling ? keeper_told : keeper_checked,
        .ctx = keeper,
    };
    snprintf(keeper->task.wanted, sizeof keeper->task.wanted, "%s", item->value);
    setting_start(&keeper->task);
}

static void keeper_leader_read(void *ctx, const struct error *err)
{
    struct keeper *keeper = ctx;
    keeper->operation = NULL;
    if (err != NULL) {
        keeper_rest(keeper); /* no leader now: look again soon */
    } else if (!address_equal(keeper->leader.address, keeper->known_leader)) {
        keeper_read_start(keeper);
    } else {
        keeper->telling = keeper->untold || keeper->run->pause.continuing;
        keeper_check_next(keeper);
    }
}

/* Only the innermost value of each setting counts. */
static void copy_holds(struct keeper *keeper)
{
    struct run *run = keeper->run;
    free(keeper->checked);
    keeper->checked = memory_allocate((run->hold_count + 1) * sizeof *keeper->checked);
    keeper->checked_count = 0;
    for (size_t i = 0; i < run->hold_count; i++) {
        const struct hold_item *item = run->holds[i];
        if (item->server == NULL && hold_in_force(run, item) == item) {
            keeper->checked[keeper->checked_count++] = *item;
        }
    }
}

static void keeper_locked(void *ctx)
{
    struct keeper *keeper = ctx;
    keeper->telling = false;
    keeper->next = 0;
    keeper->began_us = loop_now_us(keeper->run->setup.loop);
    copy_holds(keeper);
    keeper->operation = cluster_read_leader(keeper->run->reader, &keeper->leader, look_timeout_us,
                                            keeper_leader_read, keeper);
}

static void keeper_look(void *ctx)
{
    struct keeper *keeper = ctx;
    settings_lock(keeper->run, &keeper->lock, NULL, keeper_locked, keeper);
}

/* ---- for one who puts back, and holds the lock, so that the keeper rests */
static void identify_end(struct keeper *keeper, bool same, const struct error *err)
{
    keeper->operation = NULL;
    keeper->identified(keeper->identified_ctx, same, keeper->leader.name, err);
}

static void identify_start_read(void *ctx, const struct error *err)
{
    struct keeper *keeper = ctx;
    bool same = err == NULL && address_equal(keeper->leader.address, keeper->known_leader) &&
                strcmp(keeper->facts.start_time, keeper->known_start) == 0;
    identify_end(keeper, same, err);
}

static void identify_leader_read(void *ctx, const struct error *err)
{
    struct keeper *keeper = ctx;
    if (err != NULL) {
        identify_end(keeper, false, err);
        return;
    }
    keeper->operation =
        cluster_read_server(keeper->run->reader, keeper->leader.address, FACT_START_TIME,
                            &keeper->facts, look_timeout_us, identify_start_read, keeper);
}

void keeper_identify(struct run *run, keeper_identified_fn *done, void *ctx)
{
    struct keeper *keeper = run->keeper;
    ASSERT(keeper != NULL && keeper->operation == NULL && !keeper->lock.held);
    keeper->identified = done;
    keeper->identified_ctx = ctx;
    keeper->operation = cluster_read_leader(run->reader, &keeper->leader, look_timeout_us,
                                            identify_leader_read, keeper);
}

void keeper_start(struct run *run)
{
    ASSERT(run->keeper == NULL);
    run->keeper = memory_allocate(sizeof *run->keeper);
    run->keeper->run = run;
    /* Who was asked for the values before: from then on what differs is a foreign hand's. */
    baseline_process(run, &run->keeper->known_leader, run->keeper->known_start);
    if (run->setup.past != NULL) {
        past_leader(run->setup.past, &run->keeper->known_leader, run->keeper->known_start);
    }
    timer_start(run->setup.loop, &run->keeper->timer, 0, keeper_look, run->keeper);
}

void keeper_free(struct run *run)
{
    struct keeper *keeper = run->keeper;
    if (keeper == NULL) {
        return;
    }
    timer_cancel(&keeper->timer);
    if (keeper->lock.run != NULL) {
        settings_unlock(&keeper->lock);
    }
    server_facts_clear(&keeper->facts);
    free(keeper->checked);
    free(keeper);
    run->keeper = NULL;
}
