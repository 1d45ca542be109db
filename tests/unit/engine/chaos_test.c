/* workflows/ha.lua with a misfortune at each of its points: every run ends, leaves the values as
 * they were or says which it could not put back, and breaks nothing of the cluster's.
 *
 *     chaos_test               a slice of each mode's points
 *     chaos_test all           all points of all modes; some minutes
 *     chaos_test MODE          all points of one
 *     chaos_test MODE POINT    one point, in this process, telling the run's events */
#include "chaos.h"

/* ---- misfortunes */
enum { DEAD_META_US = 40 * 1000 * 1000 }; /* until somebody starts it again */

static void control(struct chaos *chaos, int32_t server, enum sim_control what)
{
    struct error makes_no_sense_now;
    int64_t done_us;
    if (server >= 0) {
        (void)sim_control(chaos->world.sim, server, what, NULL, &done_us, &makes_no_sense_now);
        sim_driver_poke(chaos->world.driver);
    }
}

static void start_dead_metas(void *ctx)
{
    struct chaos *chaos = ctx;
    for (int32_t i = WORLD_FIRST_META; i < WORLD_FIRST_META + WORLD_METAS; i++) {
        if (sim_server_process(chaos->world.sim, i) == SIM_DOWN) {
            control(chaos, i, SIM_START);
        }
    }
}

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

static void kill_leader(void *ctx)
{
    struct chaos *chaos = ctx;
    control(chaos, world_leader(&chaos->world), SIM_KILL);
    timer_start(chaos->world.loop, &chaos->later, DEAD_META_US, start_dead_metas, chaos);
}

static void stop_and_kill_leader(void *ctx)
{
    stop(ctx);
    kill_leader(ctx);
}

static void restart_leader(void *ctx)
{
    struct chaos *chaos = ctx;
    control(chaos, world_leader(&chaos->world), SIM_RESTART);
}

static void kill_last_replica_server(void *ctx)
{
    control(ctx, WORLD_SERVERS - 1, SIM_KILL);
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
    {.name = "kill-leader", .at = AT_EVENT, .stride = 2, .strike = kill_leader, .exits = EXIT(0)},
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
     .strike = kill_leader,
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
     .strike = kill_leader,
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

enum { MODE_COUNT = sizeof modes / sizeof modes[0] };

static const struct {
    const char *name;
    const char *of_a_new_process;
    const char *tuned;
} settings[] = {
    {SETTING_ADD_SECONDARY_LIMIT, "20", "33"},
    {SETTING_FLOW_CONTROL, "true", "true"},
    {SETTING_ASSIGN_DELAY, "600000", "700000"},
};
enum { SETTING_COUNT = sizeof settings / sizeof settings[0] };

/* ---- the oracle */
static void problem(struct chaos *chaos, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void problem(struct chaos *chaos, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf("  %s %zu: exit code %d, but ", chaos->mode->name, chaos->point,
           chaos->world.result.exit_code);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    chaos->problem_count++;
}

/* As a command does after `done`: nothing of the run goes on. The values are read by another
 * client. */
static void let_go_of_the_run(struct world *world)
{
    struct address metas[WORLD_METAS];
    for (int32_t i = 0; i < WORLD_METAS; i++) {
        metas[i] = sim_server_address(world->sim, WORLD_FIRST_META + i);
    }
    cluster_free(world->cluster);
    world->deployment->ops->free(world->deployment);
    run_free(world->run);
    world->run = NULL;
    world->cluster = cluster_new(world->transport, metas, WORLD_METAS);
    world->deployment = sim_deployment_new(world->driver);
}

static const char *value_now(struct chaos *chaos, const char *name)
{
    const char *value = world_setting(&chaos->world, name);
    if (value[0] == '\0') { /* nobody leads: the run ended before the dead were started again */
        start_dead_metas(chaos);
        world_pass(&chaos->world, 30 * US_PER_SECOND);
        value = world_setting(&chaos->world, name);
    }
    return value;
}

/* Which values are not as before, in words; "" when none. */
static const char *left_behind(struct chaos *chaos)
{
    struct world *world = &chaos->world;
    const char *left = "";
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const char *fresh = settings[i].of_a_new_process;
        const char *now = value_now(chaos, settings[i].name);
        bool as_before = strcmp(now, chaos->mode->tuned ? settings[i].tuned : fresh) == 0;
        /* No run can put back what was lost before it could read it, or after it looked last. */
        if (!as_before && !(chaos->loss_unseen && strcmp(now, fresh) == 0)) {
            left = arena_printf(&world->arena, "%s%s is '%s'; ", left, settings[i].name, now);
        }
    }
    int32_t level = world_level(world);
    if (level != (int32_t)world->model.stored_level) {
        left = arena_printf(&world->arena, "%smeta level is %d; ", left, level);
    }
    return left;
}

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
        problem(chaos, "that is not how this may end: %s", said);
    }
    const char *left = left_behind(chaos);
    if (left[0] != '\0' && (result->exit_code != 5 || !mode->abandons)) {
        problem(chaos, "%sthe run says: %s", left, said);
    }
    if (chaos->effects_after_loss > 0) {
        problem(chaos, "%zu effects began after an event was lost", chaos->effects_after_loss);
    }
}

static void judge_cluster(struct chaos *chaos)
{
    struct world *world = &chaos->world;
    struct error err;
    for (size_t i = 0; i < sim_violation_count(world->sim); i++) {
        problem(chaos, "violation: %s", sim_violation(world->sim, i)->what);
    }
    if (!sim_check(world->sim, &err)) {
        problem(chaos, "%s", err.text);
    }
    for (int32_t i = 0; i < sim_server_count(world->sim); i++) {
        const char *label = sim_server_label(world->sim, i);
        const char *version = sim_server_version(world->sim, i);
        if ((chaos->mode->all_up || !chaos->suffers) &&
            sim_server_process(world->sim, i) != SIM_UP) {
            problem(chaos, "%s is not up", label);
        }
        if (world->result.exit_code == 0 && strcmp(version, world->model.next_version) != 0) {
            problem(chaos, "%s has version '%s'", label, version);
        }
    }
}

/* ---- one mode */
static const struct model_table small_tables[] = {
    {.name = "stat", .partition_count = 2, .max_replica_count = 3},
    {.name = "temp", .partition_count = 6, .max_replica_count = 3},
    {.name = "users", .partition_count = 8, .max_replica_count = 3},
};

static void tune(struct world *world)
{
    struct arena arena = {0};
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        struct slice value = slice_of(settings[i].tuned);
        struct remote_command_request request = {
            .command = slice_of(settings[i].name),
            .arguments = {&value, 1},
        };
        for (int32_t meta = 0; meta < WORLD_METAS; meta++) {
            struct remote_command_response response;
            ck_assert(sim_request(world->sim, WORLD_FIRST_META + meta, RPC_REMOTE_COMMAND, 0,
                                  &request, &arena, &response) == SIM_ANSWER);
        }
    }
    arena_clear(&arena);
    sim_driver_poke(world->driver);
}

static void over_limit(void *ctx)
{
    struct chaos *chaos = ctx;
    chaos->over_limit = true;
    loop_stop(chaos->world.loop);
}

static void plan(struct chaos *chaos)
{
    static const struct transport_ops ops = {.call = chaos_call, .get = chaos_get};
    struct world *world = &chaos->world;
    world_open(world, RELEASE_MASTER);
    world->model.tables = small_tables;
    world_begin(world);
    world->sink.take = chaos_take;
    world->lying.ops = &ops;
    world_pass(world, 5 * US_PER_SECOND);
    if (chaos->mode->tuned) {
        tune(world);
    }
    world_plan(world, chaos->mode->swift ? swift_cluster_source : world_cluster_source,
               "workflows/ha.lua");
    world_remove_folder(world);
}

static void perform(struct chaos *chaos)
{
    struct world *world = &chaos->world;
    struct error err;
    timer_start(world->loop, &chaos->limit, 3 * 3600 * (int64_t)US_PER_SECOND, over_limit, chaos);
    chaos->armed = true;
    world_start(world);
    while (!world->ended && !chaos->over_limit) {
        ck_assert_msg(loop_run(world->loop, &err), "%s", err.text);
    }
    chaos->armed = false;
    timer_cancel(&chaos->limit);
    timer_cancel(&chaos->misfortune);
    timer_cancel(&chaos->later);
}

/* Also in each child, which ends here. */
static void try_mode(struct chaos *chaos)
{
    plan(chaos);
    perform(chaos);
    if (chaos->over_limit) {
        problem(chaos, "only because the run did not end within three hours");
    }
    let_go_of_the_run(&chaos->world);
    if (!chaos->over_limit) {
        judge_run(chaos);
        judge_cluster(chaos);
    }
    world_close(&chaos->world);
    bool good = chaos->problem_count == 0;
    if (chaos->suffers && chaos->only_point == 0) {
        exit(good ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    chaos_reap(chaos, 0);
    if (chaos->only_point == 0 || chaos->suffers) {
        chaos->tried++;
        chaos->failed += !good;
    }
}

/* Adds to what passed and failed. */
static void run_mode(const struct mode *mode, size_t stride, size_t only_point, size_t counts[2])
{
    struct chaos *chaos = calloc(1, sizeof *chaos);
    ck_assert(chaos != NULL);
    chaos->mode = mode;
    chaos->stride = stride;
    chaos->only_point = only_point;
    try_mode(chaos);
    printf("%-22s %4zu of %4zu %s and undisturbed: %zu failed\n", mode->name, chaos->tried - 1,
           chaos->points[mode->at], mode->at == AT_CALL ? "calls" : "events", chaos->failed);
    if (only_point != 0) {
        printf("%s, at \"%s\": exit code %d\n", mode->name, chaos->where,
               chaos->world.result.exit_code);
    }
    counts[0] += chaos->tried - chaos->failed;
    counts[1] += chaos->failed;
    free(chaos);
}

int main(int argc, char **argv)
{
    bool all = argc == 2 && strcmp(argv[1], "all") == 0;
    const char *name = argc >= 2 && !all ? argv[1] : NULL;
    size_t only_point = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
    size_t counts[2] = {0, 0};
    if (only_point != 0) {
        setenv("PEGFLOW_TEST_LOG", "1", 1);
    }
    for (size_t i = 0; i < MODE_COUNT; i++) {
        if (name == NULL || strcmp(name, modes[i].name) == 0) {
            size_t stride = all || name != NULL ? 1 : modes[i].stride * THINNING;
            run_mode(&modes[i], stride, only_point, counts);
        }
    }
    printf("%zu passed, %zu failed\n", counts[0], counts[1]);
    return counts[0] > 0 && counts[1] == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
