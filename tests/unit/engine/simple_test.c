/* workflows/simple.lua on a simulated cluster, and a variant of ha.lua: what a site writes itself.
 */
#include "world.h"

static const enum release releases[] = {RELEASE_2_5, RELEASE_MASTER};

static void expect_done(struct world *world)
{
    ck_assert_msg(world->result.outcome == RUN_DONE, "%s", world->result.error.text);
    ck_assert_int_eq(world->result.exit_code, 0);
    for (int32_t i = 0; i < WORLD_COUNT; i++) {
        ck_assert_str_eq(sim_server_version(world->sim, i), world->model.next_version);
    }
    world_expect_no_violation(world);
    world_expect_all_put_back(world);
    ck_assert_uint_eq(world_count(world, "no difference"), 1);
}

START_TEST(simple_upgrades_every_server_without_draining_and_leaves_nothing_behind)
{
    struct world world;
    struct sim_totals totals;
    world_open(&world, releases[_i]);
    world_begin(&world);
    world_plan(&world, world_cluster_source, "workflows/simple.lua");
    world_run(&world);
    expect_done(&world);
    ck_assert_uint_eq(world_count(&world, "proposals"), 0);
    ck_assert_uint_eq(world_count(&world, "with a replica there keep enough"), WORLD_SERVERS);
    sim_totals(world.sim, &totals);
    ck_assert_int_ge(totals.fewest_live_replicas, 2);
    ck_assert_int_gt(totals.longest_read_us, 0); /* the price of not draining */
    world_close(&world);
}
END_TEST

static void kill_r5(struct world *world)
{
    world_control(world, 4, SIM_KILL);
}

START_TEST(simple_stops_when_another_server_dies_and_puts_everything_back)
{
    static const char *const moments[] = {
        "step_started replicas/localhost:34801/deploy ",
        "step_started replicas/localhost:34801/wait_until ",
        "step_started replicas/localhost:34801/wait_until-2 ",
    };
    struct world world;
    world_open(&world, RELEASE_MASTER);
    world_begin(&world);
    world_plan(&world, world_cluster_source, "workflows/simple.lua");
    world.on = moments[_i];
    world.misfortune = kill_r5;
    world_run(&world);
    ck_assert_ptr_null(world.on);
    ck_assert_int_eq(world.result.outcome, RUN_FAILED);
    world_expect_no_violation(&world);
    world_expect_all_put_back(&world);
    world_close(&world);
}
END_TEST

static const struct model_table thin_tables[] = {
    {.name = "solo", .partition_count = 8, .max_replica_count = 1},
};

START_TEST(simple_is_stopped_by_the_guard_before_a_table_loses_its_only_replicas)
{
    struct world world;
    world_open(&world, RELEASE_MASTER);
    world.model.tables = thin_tables;
    world.model.table_count = 1;
    world_begin(&world);
    world_plan(&world, world_cluster_source, "workflows/simple.lua");
    world_run(&world);
    ck_assert_int_eq(world.result.outcome, RUN_REFUSED);
    ck_assert_uint_eq(world_count(&world, "guard - refused: "), 1);
    for (int32_t i = 0; i < WORLD_COUNT; i++) {
        ck_assert_str_eq(sim_server_version(world.sim, i), world.model.version);
    }
    world_expect_all_put_back(&world);
    world_close(&world);
}
END_TEST

START_TEST(a_variant_of_ha_runs_with_its_steps_where_they_were_put)
{
    struct world world;
    world_open(&world, RELEASE_MASTER);
    world_begin(&world);
    world_plan(&world, world_cluster_source,
               "return variant \"ha\" {\n"
               "  name = \"ours\",\n"
               "  params = { meta_pause = \"5s\" },\n"
               "  before = {\n"
               "    [\"replicas/*/drain/deploy\"] = function(node) return log(\"next is \" .. "
               "node.name) end,\n"
               "  },\n"
               "  after = { [\"replicas/*\"] = sleep \"1s\", hold = log \"all done\" },\n"
               "}\n");
    world_run(&world);
    expect_done(&world);
    ck_assert_uint_eq(world_count(&world, "next is localhost:3480"), WORLD_SERVERS);
    ck_assert_uint_eq(world_count(&world, "step_started replicas/localhost:34805/sleep "), 1);
    const char *said = strstr(text_string(&world.log), "all done");
    ck_assert_ptr_nonnull(said);
    ck_assert_ptr_null(strstr(said, "step_started"));
    world_close(&world);
}
END_TEST

START_TEST(the_examples_variant_upgrades_all_but_the_collectors)
{
    struct world world;
    world_open(&world, RELEASE_MASTER);
    world_begin(&world);
    world_plan(&world, world_cluster_source, "examples/site/workflows/ours.lua");
    world_run(&world);
    ck_assert_msg(world.result.outcome == RUN_DONE, "%s", world.result.error.text);
    for (int32_t i = 0; i < WORLD_COUNT; i++) {
        bool upgraded = i < WORLD_FIRST_META + WORLD_METAS;
        ck_assert_str_eq(sim_server_version(world.sim, i),
                         upgraded ? world.model.next_version : world.model.version);
    }
    ck_assert_uint_eq(world_count(&world, "is empty"), WORLD_SERVERS);
    ck_assert_uint_eq(world_count(&world, "/sleep sleep done in 10m"), WORLD_SERVERS);
    ck_assert_uint_ge(world_count(&world, "no table is being created or dropped"), WORLD_SERVERS);
    world_expect_no_violation(&world);
    world_expect_all_put_back(&world);
    world_close(&world);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("simple");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(
        tcase, simple_upgrades_every_server_without_draining_and_leaves_nothing_behind, 0, 2);
    tcase_add_loop_test(tcase, simple_stops_when_another_server_dies_and_puts_everything_back, 0,
                        3);
    tcase_add_test(tcase, simple_is_stopped_by_the_guard_before_a_table_loses_its_only_replicas);
    tcase_add_test(tcase, a_variant_of_ha_runs_with_its_steps_where_they_were_put);
    tcase_add_test(tcase, the_examples_variant_upgrades_all_but_the_collectors);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
