/* `always`: what must hold all the time is asked before the first change and every two seconds
 * while steps run, whatever step that is. */
#include "world.h"

#define ALWAYS(conditions, steps)                                                                  \
    "return workflow \"t\" {\n  api = 1,\n  always = { " conditions " },\n"                        \
    "  steps = function(cluster, p)\n    return { " steps " }\n  end,\n}\n"
#define HELD(steps)                                                                                \
    "hold { setting = { [\"meta.lb.add_secondary_max_count_for_one_node\"] = 0 }, " steps " }"

static void nothing(struct world *world)
{
    (void)world;
}

static void the_last_server_dies(struct world *world)
{
    world_control(world, WORLD_SERVERS - 1, SIM_KILL);
}

static void all_metas_die(struct world *world)
{
    for (int i = 0; i < WORLD_METAS; i++) {
        world_control(world, WORLD_FIRST_META + i, SIM_KILL);
    }
}

static void start_metas(void *ctx)
{
    struct world *world = ctx;
    for (int i = 0; i < WORLD_METAS; i++) {
        world_control(world, WORLD_FIRST_META + i, SIM_START);
    }
}

static struct timer later;

static void metas_are_away_for_20_s(struct world *world)
{
    all_metas_die(world);
    timer_start(world->loop, &later, 20 * US_PER_SECOND, start_metas, world);
}

/* Long enough to be noticed, not to spoil what is put back. */
static void metas_are_away_for_80_s(struct world *world)
{
    all_metas_die(world);
    timer_start(world->loop, &later, 80 * US_PER_SECOND, start_metas, world);
}

static void a_person_pauses_and_a_server_dies(struct world *world)
{
    run_pause(world->run, "somebody wants to look");
    the_last_server_dies(world);
}

static const struct {
    const char *name;
    const char *workflow;
    misfortune_fn *misfortune; /* at "log begun" */
    int exit_code;
    const char *error; /* or NULL */
    const char *logged;
    const char *absent; /* or NULL */
} cases[] = {
    {"it holds", ALWAYS("cluster_is_healthy()", HELD("log \"begun\", sleep \"1m\"")), nothing, 0,
     NULL, "requirement - always cluster_is_healthy(): all 64", "invariant"},
    {"broken before the first change",
     ALWAYS("condition \"never\" (function(s) return false, \"no way\" end)",
            HELD("log \"begun\", sleep \"1m\"")),
     nothing, 3, "the workflow requires never (", "always never", "intention"},
    {"broken in a sleep", ALWAYS("all_servers_alive()", HELD("log \"begun\", sleep \"1h\"")),
     the_last_server_dies, 1, "all_servers_alive() must always hold (", "put_back hold meta.lb.add",
     NULL},
    {"broken in a pause", ALWAYS("all_servers_alive()", HELD("log \"begun\", sleep \"1h\"")),
     a_person_pauses_and_a_server_dies, 1, "all_servers_alive() must always hold (",
     "invariant - all_servers_alive() it does not: ", "continued"},
    {"a site's own condition fails",
     ALWAYS("condition \"odd\" (function(s) return s.level ~= \"lively\" or s.x.y, \"fine\" end)",
            "log \"begun\", set_meta_level \"lively\", sleep \"1h\""),
     nothing, 5, "workflow.lua:3", "log log begun", "invariant"},
    {"unknown for a while", ALWAYS("cluster_is_healthy()", "log \"begun\", sleep \"2m\""),
     metas_are_away_for_20_s, 0, NULL, "log log begun", "invariant"},
    {"unknown for too long", ALWAYS("cluster_is_healthy()", "log \"begun\", sleep \"1h\""),
     metas_are_away_for_80_s, 1, "it is unknown for more than a minute", "invariant", NULL},
};

START_TEST(what_must_always_hold_is_asked_all_the_time)
{
    struct world world;
    world_open(&world, RELEASE_MASTER);
    world_begin(&world);
    world_plan(&world, world_cluster_source, cases[_i].workflow);
    world.on = "log begun";
    world.misfortune = cases[_i].misfortune;
    world_run(&world);
    ck_assert_msg(world.result.exit_code == cases[_i].exit_code, "%s: exit code %d: %s",
                  cases[_i].name, world.result.exit_code, world.result.error.text);
    ck_assert_msg(cases[_i].error == NULL ||
                      strstr(world.result.error.text, cases[_i].error) != NULL,
                  "%s: %s", cases[_i].name, world.result.error.text);
    ck_assert_msg(world_count(&world, cases[_i].logged) > 0, "%s: no '%s'", cases[_i].name,
                  cases[_i].logged);
    ck_assert_msg(cases[_i].absent == NULL || world_count(&world, cases[_i].absent) == 0,
                  "%s: there is '%s'", cases[_i].name, cases[_i].absent);
    timer_cancel(&later);
    world_expect_no_violation(&world);
    world_close(&world);
}
END_TEST

static void somebody_sets_lively(struct world *world)
{
    struct control_meta_request request = {.level = LEVEL_LIVELY};
    struct control_meta_response response;
    struct arena arena = {0};
    ck_assert_int_eq(sim_request(world->sim, world_leader(world), RPC_CONTROL_META, 0, &request,
                                 &arena, &response),
                     SIM_ANSWER);
    arena_clear(&arena);
}

/* A deploy that has begun is followed until its server is alive, whatever broke. */
START_TEST(a_broken_one_does_not_leave_a_server_half_way)
{
    struct world world;
    world_open(&world, RELEASE_MASTER);
    world_begin(&world);
    world_plan(
        &world, world_cluster_source,
        ALWAYS("condition \"steady\" (function(s) return s.level == \"steady\", s.level end)",
               HELD("rolling \"r\" { over = cluster.replicas, steps = function(n) return { "
                    "deploy(n) { \"update\" }, wait_until { has_restarted(n), timeout = "
                    "\"10m\" } } end }")));
    world.on = "/deploy update";
    world.misfortune = somebody_sets_lively;
    world_run(&world);
    ck_assert_int_eq(world.result.exit_code, 5); /* the level is theirs */
    ck_assert_msg(strstr(world.result.error.text, "steady must always hold") != NULL, "%s",
                  world.result.error.text);
    ck_assert_uint_eq(world_count(&world, "has begun and is followed until"), 1);
    ck_assert_int_eq(sim_server_process(world.sim, 0), SIM_UP);
    ck_assert_str_eq(sim_server_version(world.sim, 0), "2.6.0-new");
    ck_assert_str_eq(world_setting(&world, SETTING_ADD_SECONDARY_LIMIT), "20");
    world_close(&world);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("always");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, what_must_always_hold_is_asked_all_the_time, 0,
                        (int)(sizeof cases / sizeof cases[0]));
    tcase_add_test(tcase, a_broken_one_does_not_leave_a_server_half_way);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
