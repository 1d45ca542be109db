/* engine/obstacle.c - what keeps a run from beginning anything until it is over by itself.
 *
 * Obstacles are given with the run (no room for its journal, a lock that nobody confirms). One of
 * them is its own: after the program stood still, because it was stopped or its machine slept,
 * held values may be gone and whatever was seen is old. Then nothing is begun before the keeper has
 * looked at what is held, and the time that was lost counts for no time limit. */
#include "engine/internal.h"

#include "base/duration.h"

#include <stdio.h>

static const int64_t look_every_us = 2 * US_PER_SECOND;

static bool is_over(const struct run *run)
{
    return run->ending || run->winding_up || run->finished;
}

bool obstacle_is_in_the_way(const struct run *run)
{
    bool any = false;
    for (size_t i = 0; i < run->setup.obstacle_count; i++) {
        any = any || run->pause.in_the_way[i];
    }
    return any;
}

static bool all_is_stopped(const struct run *run)
{
    bool any = false;
    for (size_t i = 0; i < run->setup.obstacle_count; i++) {
        any = any || (run->pause.in_the_way[i] && run->setup.obstacles[i].stops_all);
    }
    return any;
}

static void look_again(void *ctx);

static void ask(struct run *run, size_t index)
{
    const struct run_obstacle *obstacle = &run->setup.obstacles[index];
    bool *in_the_way = &run->pause.in_the_way[index];
    struct error why;
    if (obstacle->is_clear(obstacle->ctx, &why)) {
        if (*in_the_way) {
            *in_the_way = false;
            pause_reason_is_over(run, "obstacle", obstacle->name);
        }
    } else if (!*in_the_way) {
        *in_the_way = true;
        timer_start(run->setup.loop, &run->pause.look, look_every_us, look_again, run);
        pause_begin(run, NULL, cJSON_CreateObject(), why.text,
                    "that is over: then the run goes on by itself; stop ends it and puts back");
    }
}

static void ask_all(struct run *run)
{
    for (size_t i = 0; i < run->setup.obstacle_count && !is_over(run); i++) {
        ask(run, i);
    }
}

static void look_again(void *ctx)
{
    struct run *run = ctx;
    ask_all(run);
    if (is_over(run) || !all_is_stopped(run)) {
        settings_go_on(run);
        frame_deploys_go_on(run);
    }
    if (!is_over(run) && obstacle_is_in_the_way(run)) {
        timer_start(run->setup.loop, &run->pause.look, look_every_us, look_again, run);
    }
}

void run_look_at_obstacles(struct run *run)
{
    if (timer_is_active(&run->pause.look)) {
        timer_start(run->setup.loop, &run->pause.look, 0, look_again, run);
    }
}

bool run_may_begin(struct run *run)
{
    ask_all(run);
    return !run_is_paused(run);
}

bool run_may_set(struct run *run)
{
    ask_all(run);
    return is_over(run) || !all_is_stopped(run);
}

void obstacles_end(struct run *run)
{
    if (timer_is_active(&run->pause.look)) {
        timer_start(run->setup.loop, &run->pause.look, 0, look_again, run);
    }
}

/* ---- standing still */
static void stood_still(void *ctx, int64_t stood_us)
{
    struct run *run = ctx;
    char text[DURATION_TEXT_BYTES];
    char reason[200];
    if (run->finished) {
        return;
    }
    run->stood_us = loop_now_us(run->setup.loop);
    run->last_change_us = run->stood_us;
    frame_put_off_limits(run, stood_us);
    snprintf(reason, sizeof reason,
             "this program stood still for %s (stopped, or its machine slept), and what it saw "
             "before proves nothing",
             duration_format(stood_us, text));
    cJSON *data = cJSON_CreateObject();
    event_add_ms(data, "stood_still_ms", stood_us);
    if (is_over(run) || run->keeper == NULL || run->setup.rehearsed) {
        run_emit(run, EVENT_NOTE, NULL, data, "%s", reason);
    } else {
        run->pause.looks = true;
        pause_begin(run, NULL, data, reason,
                    "what it holds was looked at: then the run goes on by itself");
    }
}

void keeper_has_looked(struct run *run, int64_t began_us)
{
    if (run->pause.looks && began_us >= run->stood_us) {
        run->pause.looks = false;
        pause_reason_is_over(run, "keeper", "what is held was looked at");
    }
}

void obstacles_start(struct run *run)
{
    ASSERT(run->setup.obstacle_count <= RUN_OBSTACLES_MAX);
    loop_on_gap(run->setup.loop, stood_still, run);
}

void obstacles_free(struct run *run)
{
    loop_on_gap(run->setup.loop, NULL, NULL);
    timer_cancel(&run->pause.look);
}
