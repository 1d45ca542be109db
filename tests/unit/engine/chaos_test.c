/* workflows/ha.lua with a misfortune at each of its points: every run ends, leaves the values as
 * they were or says which it could not put back, and breaks nothing of the cluster's.
 *
 *     chaos_test               a slice of each mode's points
 *     chaos_test all           all points of all modes; some minutes
 *     chaos_test MODE          all points of one
 *     chaos_test MODE POINT    one point, in this process, telling the run's events */
#include "chaos_course.h"

/* ---- misfortunes */
static void stop(void *ctx)
{
    struct chaos *chaos = ctx;
    run_stop(chaos->world.run);
}

static void abort_unless_ended(void *ctx)
{
    struct chaos *chaos = ctx;
    if (!chaos->world.ended) {
        run_abort(chaos->world.run);
    }
}

/* The second Ctrl-C comes within four seconds, at another moment for each point. */
static void stop_then_abort(void *ctx)
{
    struct chaos *chaos = ctx;
    stop(chaos);
    timer_start(chaos->world.loop, &chaos->later, (int64_t)(chaos->point * 7919 % 4000) * US_PER_MS,
                abort_unless_ended, chaos);
}

static void stop_and_kill_leader(void *ctx)
{
    stop(ctx);
    chaos_kill_leader(ctx);
}

static void restart_leader(void *ctx)
{
    struct chaos *chaos = ctx;
    chaos_control(chaos, world_leader(&chaos->world), SIM_RESTART);
}

static void kill_last_replica_server(void *ctx)
{
    chaos_control(ctx, WORLD_SERVERS - 1, SIM_KILL);
}

/* ---- the modes */
/* A guard takes a refused connection for a lost server: it stops the run, and that is its duty. */
#define GUARD_BEFORE                                                                               \
    {                                                                                              \
        3, "a guard would stop the run"                                                            \
    }
#define GUARD_DURING                                                                               \
    {                                                                                              \
        1, "the guard does not let"                                                                \
    }
#define NOBODY_ANSWERED(exit_code)                                                                 \
    {                                                                                              \
        exit_code, "no meta server answered within"                                                \
    }

static const struct mode modes[] = {
    {.name = "stop",
     .at = AT_EVENT,
     .stride = 1,
     .strike = stop,
     .exits = EXIT(0) | EXIT(4),
     .all_up = true},
    {.name = "abort",
     .at = AT_EVENT,
     .stride = 1,
     .strike = abort_unless_ended,
     .exits = EXIT(0) | EXIT(4) | EXIT(5),
     .abandons = true},
    {.name = "stop-abort",
     .at = AT_EVENT,
     .stride = 1,
     .strike = stop_then_abort,
     .exits = EXIT(0) | EXIT(4) | EXIT(5),
     .abandons = true},
    {.name = "kill-leader",
     .at = AT_EVENT,
     .stride = 2,
     .strike = chaos_kill_leader,
     .exits = EXIT(0)},
    {.name = "restart-leader",
     .at = AT_EVENT,
     .stride = 2,
     .strike = restart_leader,
     .exits = EXIT(0),
     /* Ours to update it came while somebody else's to restart it was being carried out. */
     .excuses = {{1, "another order is under way"}}},
    {.name = "stop-kill-leader",
     .at = AT_EVENT,
     .stride = 1,
     .strike = stop_and_kill_leader,
     .exits = EXIT(0) | EXIT(4)},
    {.name = "kill-replica",
     .at = AT_EVENT,
     .stride = 2,
     .strike = kill_last_replica_server,
     .exits = EXIT(0) | EXIT(1) | EXIT(3)},
    {.name = "sink-once",
     .at = AT_EVENT,
     .stride = 1,
     .sink = SINK_FAILS_ONCE,
     .exits = EXIT(1),
     .all_up = true,
     .last_is_no_point = true},
    {.name = "sink-from-now",
     .at = AT_EVENT,
     .stride = 1,
     .sink = SINK_FAILS_FROM_NOW,
     .exits = EXIT(1),
     .all_up = true,
     .last_is_no_point = true},
    {.name = "tuned-stop",
     .at = AT_EVENT,
     .stride = 1,
     .tuned = true,
     .strike = stop,
     .exits = EXIT(0) | EXIT(4),
     .all_up = true},
    {.name = "tuned-abort",
     .at = AT_EVENT,
     .stride = 1,
     .tuned = true,
     .strike = abort_unless_ended,
     .exits = EXIT(0) | EXIT(4) | EXIT(5),
     .abandons = true},
    {.name = "tuned-stop-kill-leader",
     .at = AT_EVENT,
     .stride = 1,
     .tuned = true,
     .strike = stop_and_kill_leader,
     .exits = EXIT(0) | EXIT(4)},
    {.name = "call-stop",
     .at = AT_CALL,
     .stride = 19,
     .strike = stop,
     /* under way to the server; answered, but not heard; about to be heard */
     .delays_us = {0, 260, 499},
     .exits = EXIT(0) | EXIT(4),
     .all_up = true},
    {.name = "call-refused",
     .at = AT_CALL,
     .stride = 37,
     .fate = FATE_REFUSED,
     .exits = EXIT(0),
     .excuses = {GUARD_BEFORE, GUARD_DURING}},
    {.name = "call-unheard", .at = AT_CALL, .stride = 37, .fate = FATE_UNHEARD, .exits = EXIT(0)},
    {.name = "call-reply-lost",
     .at = AT_CALL,
     .stride = 37,
     .fate = FATE_REPLY_LOST,
     .exits = EXIT(0)},
    {.name = "call-reply-lost-stop", /* in the pause before the next try */
     .at = AT_CALL,
     .stride = 37,
     .fate = FATE_REPLY_LOST,
     .strike = stop,
     .delays_us = {500 * US_PER_MS, 3 * US_PER_SECOND, 10 * US_PER_SECOND + 500 * US_PER_MS},
     .exits = EXIT(0) | EXIT(4),
     .all_up = true},
    {.name = "call-kill-leader",
     .at = AT_CALL,
     .stride = 37,
     .strike = chaos_kill_leader,
     .exits = EXIT(0)},
    {.name = "call-cut-5s",
     .at = AT_CALL,
     .stride = 41,
     .cut_us = 5 * US_PER_SECOND,
     .exits = EXIT(0),
     .excuses = {GUARD_BEFORE, GUARD_DURING}},
    {.name = "call-cut-40s",
     .at = AT_CALL,
     .stride = 43,
     .cut_us = 40 * US_PER_SECOND,
     .exits = EXIT(0),
     /* What cannot be read at the end is not said to be as before. */
     .excuses = {GUARD_BEFORE, GUARD_DURING, NOBODY_ANSWERED(3), NOBODY_ANSWERED(5)}},
    {.name = "swift-stop",
     .at = AT_EVENT,
     .stride = 1,
     .swift = true,
     .strike = stop,
     .delays_us = {0, 7 * US_PER_MS, 31 * US_PER_MS},
     .exits = EXIT(0) | EXIT(4),
     .all_up = true},
    {.name = "swift-abort",
     .at = AT_EVENT,
     .stride = 1,
     .swift = true,
     .strike = abort_unless_ended,
     .delays_us = {0, 11 * US_PER_MS, 47 * US_PER_MS},
     .exits = EXIT(0) | EXIT(4) | EXIT(5),
     .abandons = true},
    {.name = "swift-sink-once",
     .at = AT_EVENT,
     .stride = 1,
     .swift = true,
     .sink = SINK_FAILS_ONCE,
     .exits = EXIT(1),
     .all_up = true,
     .last_is_no_point = true},
    {.name = "swift-call-stop",
     .at = AT_CALL,
     .stride = 37,
     .swift = true,
     .strike = stop,
     .delays_us = {0, 260, 499},
     .exits = EXIT(0) | EXIT(4),
     .all_up = true},
    {.name = "swift-call-refused",
     .at = AT_CALL,
     .stride = 61,
     .swift = true,
     .fate = FATE_REFUSED,
     .exits = EXIT(0),
     .excuses = {GUARD_BEFORE, GUARD_DURING}},
    {.name = "swift-call-unheard",
     .at = AT_CALL,
     .stride = 61,
     .swift = true,
     .fate = FATE_UNHEARD,
     .exits = EXIT(0)},
    {.name = "swift-call-reply-lost",
     .at = AT_CALL,
     .stride = 61,
     .swift = true,
     .fate = FATE_REPLY_LOST,
     .exits = EXIT(0)},
    {.name = "swift-call-kill-leader",
     .at = AT_CALL,
     .stride = 61,
     .swift = true,
     .strike = chaos_kill_leader,
     .exits = EXIT(0)},
    {.name = "swift-call-kill-replica",
     .at = AT_CALL,
     .stride = 61,
     .swift = true,
     .strike = kill_last_replica_server,
     .exits = EXIT(0) | EXIT(1) | EXIT(3)},
    {.name = "swift-call-cut-5s",
     .at = AT_CALL,
     .stride = 61,
     .swift = true,
     .cut_us = 5 * US_PER_SECOND,
     .exits = EXIT(0),
     .excuses = {GUARD_BEFORE, GUARD_DURING}},
};
/* Forking under the sanitizer takes thirteen times as long: a slice of the slice. */
#ifdef __SANITIZE_ADDRESS__
enum { THINNING = 20 };
#else
enum { THINNING = 2 };
#endif

/* ---- the oracle */
static bool is_expected(const struct mode *mode, const struct run_result *result)
{
    if ((mode->exits & EXIT(result->exit_code)) != 0) {
        return true;
    }
    for (size_t i = 0; i < sizeof mode->excuses / sizeof mode->excuses[0]; i++) {
        if (mode->excuses[i].text != NULL && mode->excuses[i].exit_code == result->exit_code &&
            strstr(result->error.text, mode->excuses[i].text) != NULL) {
            return true;
        }
    }
    return false;
}

static void judge_run(struct chaos *chaos)
{
    const struct mode *mode = chaos->mode;
    const struct run_result *result = &chaos->world.result;
    const char *said = result->outcome == RUN_DONE ? "done" : result->error.text;
    bool expected = chaos->suffers ? is_expected(mode, result) : result->exit_code == 0;
    if (!expected) {
        chaos_problem(chaos, "that is not how this may end: %s", said);
    }
    const char *left = chaos_left_behind(chaos);
    if (left[0] != '\0' && (result->exit_code != 5 || !mode->abandons)) {
        chaos_problem(chaos, "%sthe run says: %s", left, said);
    }
    if (chaos->effects_after_loss > 0) {
        chaos_problem(chaos, "%zu effects began after an event was lost",
                      chaos->effects_after_loss);
    }
}

/* ---- one mode */
/* Also in each child, which ends here. */
static void try_mode(struct chaos *chaos)
{
    chaos_plan(chaos, chaos_take);
    chaos_perform(chaos);
    if (chaos->over_limit) {
        chaos_problem(chaos, "only because the run did not end within three hours");
    }
    chaos_let_go_of_the_run(&chaos->world);
    if (!chaos->over_limit) {
        judge_run(chaos);
        chaos_judge_cluster(chaos);
    }
    chaos_conclude(chaos);
}

int main(int argc, char **argv)
{
    const struct mode *listed[sizeof modes / sizeof modes[0]];
    struct chaos_test test = {
        .modes = listed,
        .mode_count = sizeof modes / sizeof modes[0],
        .chaos_bytes = sizeof(struct chaos),
        .thinning = THINNING,
        .try_mode = try_mode,
    };
    for (size_t i = 0; i < test.mode_count; i++) {
        listed[i] = &modes[i];
    }
    return chaos_main(&test, argc, argv);
}
