/* The course of each try of a chaos test: the world and its workflow, the run to its end, what is
 * asked of the cluster and its settings afterwards, and the modes one after the other. */
#ifndef PEGFLOW_TESTS_ENGINE_CHAOS_COURSE_H
#define PEGFLOW_TESTS_ENGINE_CHAOS_COURSE_H

#include "chaos.h"

/* ---- misfortunes */
enum { DEAD_META_US = 40 * 1000 * 1000 }; /* until somebody starts it again */

static inline void chaos_control(struct chaos *chaos, int32_t server, enum sim_control what)
{
    struct error makes_no_sense_now;
    int64_t done_us;
    if (server >= 0) {
        (void)sim_control(chaos->world.sim, server, what, NULL, &done_us, &makes_no_sense_now);
        sim_driver_poke(chaos->world.driver);
    }
}

static inline void chaos_start_dead_metas(void *ctx)
{
    struct chaos *chaos = ctx;
    for (int32_t i = WORLD_FIRST_META; i < WORLD_FIRST_META + WORLD_METAS; i++) {
        if (sim_server_process(chaos->world.sim, i) == SIM_DOWN) {
            chaos_control(chaos, i, SIM_START);
        }
    }
}

static const struct {
    const char *name;
    const char *of_a_new_process;
    const char *tuned;
} chaos_settings[] = {
    {SETTING_ADD_SECONDARY_LIMIT, "20", "33"},
    {SETTING_FLOW_CONTROL, "true", "true"},
    {SETTING_ASSIGN_DELAY, "600000", "700000"},
};
enum { SETTING_COUNT = sizeof chaos_settings / sizeof chaos_settings[0] };

static inline void chaos_kill_leader(void *ctx)
{
    struct chaos *chaos = ctx;
    chaos_control(chaos, world_leader(&chaos->world), SIM_KILL);
    timer_start(chaos->world.loop, &chaos->later, DEAD_META_US, chaos_start_dead_metas, chaos);
}

/* ---- what is asked of it */
static inline void chaos_problem(struct chaos *chaos, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static inline void chaos_problem(struct chaos *chaos, const char *format, ...)
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
static inline void chaos_let_go_of_the_run(struct world *world)
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

static inline const char *chaos_value_now(struct chaos *chaos, const char *name)
{
    const char *value = world_setting(&chaos->world, name);
    if (value[0] == '\0') { /* nobody leads: the run ended before the dead were started again */
        chaos_start_dead_metas(chaos);
        world_pass(&chaos->world, 30 * US_PER_SECOND);
        value = world_setting(&chaos->world, name);
    }
    return value;
}

/* Which values are not as before, in words; "" when none. */
static inline const char *chaos_left_behind(struct chaos *chaos)
{
    struct world *world = &chaos->world;
    const char *left = "";
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const char *fresh = chaos_settings[i].of_a_new_process;
        const char *now = chaos_value_now(chaos, chaos_settings[i].name);
        bool as_before = strcmp(now, chaos->mode->tuned ? chaos_settings[i].tuned : fresh) == 0;
        /* No run can put back what was lost before it could read it, or after it looked last. */
        if (!as_before && !(chaos->loss_unseen && strcmp(now, fresh) == 0)) {
            left = arena_printf(&world->arena, "%s%s is '%s'; ", left, chaos_settings[i].name, now);
        }
    }
    int32_t level = world_level(world);
    if (level != (int32_t)world->model.stored_level) {
        left = arena_printf(&world->arena, "%smeta level is %d; ", left, level);
    }
    return left;
}

static inline void chaos_judge_cluster(struct chaos *chaos)
{
    struct world *world = &chaos->world;
    struct error err;
    for (size_t i = 0; i < sim_violation_count(world->sim); i++) {
        chaos_problem(chaos, "violation: %s", sim_violation(world->sim, i)->what);
    }
    if (!sim_check(world->sim, &err)) {
        chaos_problem(chaos, "%s", err.text);
    }
    for (int32_t i = 0; i < sim_server_count(world->sim); i++) {
        const char *label = sim_server_label(world->sim, i);
        const char *version = sim_server_version(world->sim, i);
        if ((chaos->mode->all_up || !chaos->suffers) &&
            sim_server_process(world->sim, i) != SIM_UP) {
            chaos_problem(chaos, "%s is not up", label);
        }
        if (world->result.outcome == RUN_DONE && strcmp(version, world->model.next_version) != 0) {
            chaos_problem(chaos, "%s has version '%s'", label, version);
        }
    }
}

/* ---- the world and the run */
static const struct model_table chaos_tables[] = {
    {.name = "stat", .partition_count = 2, .max_replica_count = 3},
    {.name = "temp", .partition_count = 6, .max_replica_count = 3},
    {.name = "users", .partition_count = 8, .max_replica_count = 3},
};

static inline void chaos_tune(struct world *world)
{
    struct arena arena = {0};
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        struct slice value = slice_of(chaos_settings[i].tuned);
        struct remote_command_request request = {
            .command = slice_of(chaos_settings[i].name),
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

static inline void chaos_over_limit(void *ctx)
{
    struct chaos *chaos = ctx;
    chaos->over_limit = true;
    loop_stop(chaos->world.loop);
}

static inline void chaos_plan(struct chaos *chaos,
                              bool (*take)(struct event_sink *, const struct event *,
                                           struct error *))
{
    static const struct transport_ops ops = {.call = chaos_call, .get = chaos_get};
    struct world *world = &chaos->world;
    world_open(world, RELEASE_MASTER);
    world->model.tables = chaos->mode->tables == NULL ? chaos_tables : chaos->mode->tables;
    world->model.table_count = chaos->mode->tables == NULL ? 3 : 1;
    world->rehearsed = chaos->mode->rehearsed;
    world_begin(world);
    world->sink.take = take;
    world->lying.ops = &ops;
    world_pass(world, 5 * US_PER_SECOND);
    if (chaos->mode->tuned) {
        chaos_tune(world);
    }
    world_plan(world, chaos->mode->swift ? swift_cluster_source : world_cluster_source,
               chaos->mode->workflow == NULL ? "workflows/ha.lua" : chaos->mode->workflow);
    world_remove_folder(world);
}

static inline void chaos_perform(struct chaos *chaos)
{
    struct world *world = &chaos->world;
    struct error err;
    timer_start(world->loop, &chaos->limit, 3 * 3600 * (int64_t)US_PER_SECOND, chaos_over_limit,
                chaos);
    chaos->armed = true;
    world_start(world);
    while (!world->ended && !chaos->over_limit && !chaos->dead) {
        ck_assert_msg(loop_run(world->loop, &err), "%s", err.text);
    }
    chaos->armed = false;
    timer_cancel(&chaos->limit);
    timer_cancel(&chaos->misfortune);
    timer_cancel(&chaos->later);
}

/* ---- the modes */
/* Of a child this is the end. */
static inline void chaos_conclude(struct chaos *chaos)
{
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

struct chaos_test {
    const struct mode *const *modes;
    size_t mode_count;
    size_t chaos_bytes; /* of what `try_mode` is given: a struct chaos is its first member */
    size_t thinning;    /* of the slice */
    void (*try_mode)(struct chaos *chaos); /* to chaos_conclude */
    size_t point_count;                    /* tried; chaos_main counts */
};

/* Adds to what passed and failed. */
static inline void chaos_run_mode(struct chaos_test *test, const struct mode *mode, size_t stride,
                                  size_t only_point, size_t counts[2])
{
    struct chaos *chaos = calloc(1, test->chaos_bytes);
    ck_assert(chaos != NULL);
    chaos->mode = mode;
    chaos->stride = stride;
    chaos->only_point = only_point;
    test->try_mode(chaos);
    printf("%-22s %4zu of %4zu %s and undisturbed: %zu failed\n", mode->name, chaos->tried - 1,
           chaos->points[mode->at], mode->at == AT_CALL ? "calls" : "events", chaos->failed);
    if (only_point != 0) {
        printf("%s, at \"%s\": exit code %d\n", mode->name, chaos->where,
               chaos->world.result.exit_code);
    }
    counts[0] += chaos->tried - chaos->failed;
    counts[1] += chaos->failed;
    test->point_count += only_point != 0 ? 1 : chaos->tried - 1;
    free(chaos);
}

static inline int chaos_main(struct chaos_test *test, int argc, char **argv)
{
    bool all = argc == 2 && strcmp(argv[1], "all") == 0;
    const char *name = argc >= 2 && !all ? argv[1] : NULL;
    size_t only_point = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
    size_t counts[2] = {0, 0};
    if (only_point != 0) {
        setenv("PEGFLOW_TEST_LOG", "1", 1);
    }
    for (size_t i = 0; i < test->mode_count; i++) {
        const struct mode *mode = test->modes[i];
        if (name == NULL || strcmp(name, mode->name) == 0) {
            size_t stride = all || name != NULL ? 1 : mode->stride * test->thinning;
            chaos_run_mode(test, mode, stride, only_point, counts);
        }
    }
    printf("%zu passed, %zu failed\n", counts[0], counts[1]);
    return counts[0] > 0 && counts[1] == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
