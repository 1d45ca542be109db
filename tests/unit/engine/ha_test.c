/* workflows/ha.lua on a simulated cluster, undisturbed and with misfortunes. */
#include "world.h"

static void expect_everything_upgraded(const struct world *world)
{
    for (int32_t i = 0; i < WORLD_COUNT; i++) {
        ck_assert_str_eq(sim_server_version(world->sim, i), world->model.next_version);
    }
}

static const enum release releases[] = {RELEASE_2_5, RELEASE_MASTER};

START_TEST(ha_upgrades_every_server_and_leaves_nothing_behind)
{
    struct world world;
    struct sim_totals totals;
    world_open(&world, releases[_i]);
    world_begin(&world);
    world_plan(&world, world_cluster_source, "workflows/ha.lua");
    world_run(&world);
    ck_assert_msg(world.result.outcome == RUN_DONE, "%s", world.result.error.text);
    ck_assert_int_eq(world.result.exit_code, 0);
    expect_everything_upgraded(&world);
    world_expect_no_violation(&world);
    world_expect_all_put_back(&world);
    sim_totals(world.sim, &totals);
    ck_assert_int_ge(totals.fewest_live_replicas, 2);
    ck_assert_int_lt(totals.longest_read_us, US_PER_SECOND);
    ck_assert_uint_eq(world_count(&world, "no difference"), 1);
    world_close(&world);
}
END_TEST

static void kill_leader(struct world *world)
{
    world_control(world, world_leader(world), SIM_KILL);
}

static void start_dead_metas(struct world *world)
{
    for (int32_t i = WORLD_FIRST_META; i < WORLD_FIRST_META + WORLD_METAS; i++) {
        if (sim_server_process(world->sim, i) == SIM_DOWN) {
            world_control(world, i, SIM_START);
        }
    }
}

static void kill_leader_and_start_it_again_later(struct world *world)
{
    kill_leader(world);
    world->on = "told_again";
    world->misfortune = start_dead_metas;
}

START_TEST(a_new_primary_meta_is_told_what_is_held_and_the_run_finishes)
{
    struct world world;
    world_open(&world, releases[_i]);
    world_begin(&world);
    world_plan(&world, world_cluster_source, "workflows/ha.lua");
    world.on = "downgrade_node";
    world.misfortune = kill_leader_and_start_it_again_later;
    world_run(&world);
    ck_assert_msg(world.result.outcome == RUN_DONE, "%s", world.result.error.text);
    ck_assert_uint_ge(world_count(&world, "leader_changed"), 1);
    ck_assert_uint_ge(world_count(&world, "told_again"), 1);
    expect_everything_upgraded(&world);
    world_expect_no_violation(&world);
    world_expect_all_put_back(&world);
    world_close(&world);
}
END_TEST

static void kill_r5(struct world *world)
{
    world_control(world, 4, SIM_KILL);
}

/* Where in the flow of the first server another one dies. */
static const char *const moments[] = {
    "step_started replicas/localhost:34801/drain/wait_until ",
    "step_started replicas/localhost:34801/drain/wait_until-2 ",
    "step_started replicas/localhost:34801/drain/wait_until-3 ",
    "step_started replicas/localhost:34801/drain/deploy ",
    "step_started replicas/localhost:34801/drain/wait_until-4 ",
    "step_started replicas/localhost:34801/wait_until ",
};

START_TEST(another_servers_death_stops_the_run_with_everything_put_back)
{
    struct world world;
    world_open(&world, RELEASE_MASTER);
    world_begin(&world);
    world_plan(&world, world_cluster_source, "workflows/ha.lua");
    world.on = moments[_i];
    world.misfortune = kill_r5;
    world_run(&world);
    ck_assert_ptr_null(world.on);
    ck_assert_int_eq(world.result.outcome, RUN_FAILED);
    ck_assert_int_eq(world.result.exit_code, 1);
    world_expect_no_violation(&world);
    world_expect_all_put_back(&world);
    world_close(&world);
}
END_TEST

static void stop(struct world *world)
{
    run_stop(world->run);
}

START_TEST(an_operators_stop_puts_everything_back)
{
    struct world world;
    world_open(&world, RELEASE_MASTER);
    world_begin(&world);
    world_plan(&world, world_cluster_source, "workflows/ha.lua");
    world.on = moments[_i];
    world.misfortune = stop;
    world_run(&world);
    ck_assert_int_eq(world.result.outcome, RUN_STOPPED);
    ck_assert_int_eq(world.result.exit_code, 4);
    world_expect_no_violation(&world);
    world_expect_all_put_back(&world);
    for (int32_t i = 0; i < WORLD_COUNT; i++) {
        ck_assert_int_eq(sim_server_process(world.sim, i), SIM_UP);
    }
    world_close(&world);
}
END_TEST

static void abort_now(struct world *world)
{
    run_abort(world->run);
}

START_TEST(a_second_stop_says_what_is_left)
{
    struct world world;
    world_open(&world, RELEASE_2_5);
    world_begin(&world);
    world_plan(&world, world_cluster_source, "workflows/ha.lua");
    world.on = "waiting replicas/";
    world.misfortune = abort_now;
    world_run(&world);
    ck_assert_int_eq(world.result.outcome, RUN_NOT_RESTORED);
    ck_assert_int_eq(world.result.exit_code, 5);
    ck_assert_uint_ge(world_count(&world, "not_put_back"), 1);
    world_close(&world);
}
END_TEST

START_TEST(an_update_after_which_the_old_version_runs_fails_the_run)
{
    struct world world;
    world_open(&world, RELEASE_MASTER);
    world_begin(&world);
    sim_break_updates(world.sim, true);
    world_plan(&world, world_cluster_source, "workflows/ha.lua");
    world_run(&world);
    ck_assert_int_eq(world.result.exit_code, 1);
    ck_assert_msg(strstr(world.result.error.text, "runs '2.5.0-old', the target is '2.6.0-new'") !=
                      NULL,
                  "%s", world.result.error.text);
    world_expect_no_violation(&world);
    world_expect_all_put_back(&world);
    world_close(&world);
}
END_TEST

START_TEST(an_unhealthy_cluster_is_refused_before_any_change)
{
    struct world world;
    world_open(&world, RELEASE_MASTER);
    world_begin(&world);
    world_plan(&world, world_cluster_source, "workflows/ha.lua");
    world_control(&world, 4, SIM_KILL);
    world_run(&world);
    ck_assert_int_eq(world.result.outcome, RUN_REFUSED);
    ck_assert_int_eq(world.result.exit_code, 3);
    ck_assert(!world.result.changed_anything);
    ck_assert_uint_eq(world_count(&world, "intention"), 0);
    world_close(&world);
}
END_TEST

START_TEST(the_level_before_comes_back_after_an_upgrade_from_lively)
{
    struct world world;
    world_open(&world, RELEASE_MASTER);
    world.model.stored_level = LEVEL_LIVELY;
    world_begin(&world);
    world_plan(&world, world_cluster_source, "workflows/ha.lua");
    world_run(&world);
    ck_assert_msg(world.result.outcome == RUN_DONE, "%s", world.result.error.text);
    ck_assert_int_eq(world_level(&world), LEVEL_LIVELY);
    ck_assert_uint_ge(world_count(&world, "set meta level from lively to steady"), 1);
    world_close(&world);
}
END_TEST

START_TEST(no_effect_begins_when_its_intention_could_not_be_kept)
{
    /* Every event of the first server's turn fails to be kept, one run each. */
    struct world world;
    world_open(&world, RELEASE_2_5);
    world_begin(&world);
    world_plan(&world, world_cluster_source, "workflows/ha.lua");
    world.fail_event = 4 + (size_t)_i;
    world_run(&world);
    ck_assert_int_ne(world.result.exit_code, 0);
    world_expect_no_violation(&world);
    world_expect_all_put_back(&world);
    world_close(&world);
}
END_TEST

START_TEST(no_effect_begins_where_the_run_may_not_act_and_all_is_put_back)
{
    struct world world;
    world_open(&world, RELEASE_2_5);
    world_begin(&world);
    world_plan(&world, world_cluster_source, "workflows/ha.lua");
    world.act_limit = 1 + (size_t)_i;
    world_run(&world);
    ck_assert_int_eq(world.result.exit_code, 1);
    ck_assert_str_eq(world.result.error.text, "the lock is not ours");
    ck_assert_uint_eq(world.act_count, world.act_limit + 1); /* it is asked no more */
    world_expect_no_violation(&world);
    world_expect_all_put_back(&world);
    world_close(&world);
}
END_TEST

static void give_up(struct world *world)
{
    struct error why;
    error_set(&why, ERROR_STEP, "the lock is lost");
    run_give_up(world->run, &why);
    error_set(&why, ERROR_STEP, "and again");
    run_give_up(world->run, &why);
}

START_TEST(a_run_that_is_given_up_says_why_and_puts_back)
{
    static const char *const given_up_at[] = {"held ", "intention replicas", "waiting "};
    struct world world;
    world_open(&world, RELEASE_2_5);
    world_begin(&world);
    world_plan(&world, world_cluster_source, "workflows/ha.lua");
    world.on = given_up_at[_i];
    world.misfortune = give_up;
    world_run(&world);
    ck_assert_int_eq(world.result.exit_code, 1);
    ck_assert_str_eq(world.result.error.text, "the lock is lost");
    ck_assert_uint_eq(world_count(&world, "stopping - stopping, and putting back what is held: the "
                                          "lock is lost"),
                      1);
    world_expect_no_violation(&world);
    world_expect_all_put_back(&world);
    world_close(&world);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ha");
    TCase *tcase = tcase_create("all");
    int moment_count = (int)(sizeof moments / sizeof moments[0]);
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, ha_upgrades_every_server_and_leaves_nothing_behind, 0, 2);
    tcase_add_loop_test(tcase, no_effect_begins_where_the_run_may_not_act_and_all_is_put_back, 0,
                        12);
    tcase_add_loop_test(tcase, a_run_that_is_given_up_says_why_and_puts_back, 0, 3);
    tcase_add_loop_test(tcase, a_new_primary_meta_is_told_what_is_held_and_the_run_finishes, 0, 2);
    tcase_add_loop_test(tcase, another_servers_death_stops_the_run_with_everything_put_back, 0,
                        moment_count);
    tcase_add_loop_test(tcase, an_operators_stop_puts_everything_back, 0, moment_count);
    tcase_add_test(tcase, a_second_stop_says_what_is_left);
    tcase_add_test(tcase, an_update_after_which_the_old_version_runs_fails_the_run);
    tcase_add_test(tcase, an_unhealthy_cluster_is_refused_before_any_change);
    tcase_add_test(tcase, the_level_before_comes_back_after_an_upgrade_from_lively);
    tcase_add_loop_test(tcase, no_effect_begins_when_its_intention_could_not_be_kept, 0, 20);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
