/* A foreign hand is noticed: the run pauses, says so, and nothing is begun until it is decided. */
#include "turns.h"

#define LIMIT "[\"meta.lb.add_secondary_max_count_for_one_node\"]"

/* ---- foreign hands */
static void somebody_sets(struct world *world, const char *setting, const char *value)
{
    turns_set(world, world_leader(world), setting, value);
}

static void somebody_sets_77(struct world *world)
{
    somebody_sets(world, SETTING_ADD_SECONDARY_LIMIT, "77");
}

static void somebody_sets_it_back(struct world *world)
{
    somebody_sets(world, SETTING_ADD_SECONDARY_LIMIT, "0");
}

static void somebody_sets_the_level(struct world *world, int32_t level)
{
    struct control_meta_request request = {.level = level};
    struct control_meta_response response;
    struct arena arena = {0};
    ck_assert_int_eq(sim_request(world->sim, world_leader(world), RPC_CONTROL_META, 0, &request,
                                 &arena, &response),
                     SIM_ANSWER);
    arena_clear(&arena);
}

static void somebody_sets_lively(struct world *world)
{
    somebody_sets_the_level(world, LEVEL_LIVELY);
}

static void somebody_restarts_the_last_server(struct world *world)
{
    world_control(world, WORLD_SERVERS - 1, SIM_RESTART);
}

static void the_operator_continues(struct world *world)
{
    run_continue(world->run);
}

static void the_operator_stops(struct world *world)
{
    run_stop(world->run);
}

static void the_operator_aborts(struct world *world)
{
    run_abort(world->run);
}

static void the_leader_is_restarted(struct world *world)
{
    world_control(world, world_leader(world), SIM_RESTART);
}

static void a_person_pauses(struct world *world)
{
    run_pause(world->run, "somebody wants to look");
}

static const char held[] =
    WORKFLOW("hold { meta_level = \"steady\", setting = { " LIMIT " = 0 }, log \"begun\", sleep "
             "\"20s\", log \"after\" },");

START_TEST(a_held_value_that_somebody_changes_pauses_until_it_is_set_back)
{
    static const struct turn turns[] = {
        {"log begun", somebody_sets_77, US_PER_SECOND},
        {"paused ", somebody_sets_it_back, 2 * US_PER_HOUR},
    };
    struct story story = {.release = RELEASE_MASTER};
    story_run(&story, held, TURNS(turns));
    struct world *world = &story.world;
    ck_assert_msg(world->result.exit_code == 0, "%s", world->result.error.text);
    ck_assert_uint_eq(world_count(world, "is held at 0, but somebody else changed it to 77 on"), 1);
    ck_assert_uint_eq(world_count(world, "is as held again: the run goes on"), 1);
    const char *log = text_string(&world->log);
    ck_assert(strstr(log, "log-2 after") > strstr(log, "continued"));
    world_expect_all_put_back(world);
    story_close(&story);
}
END_TEST

START_TEST(a_level_that_somebody_changes_pauses_and_the_operator_takes_it_again)
{
    static const struct turn turns[] = {
        {"log begun", somebody_sets_lively, US_PER_SECOND},
        {"paused ", the_operator_continues, US_PER_HOUR},
    };
    struct story story = {.release = RELEASE_MASTER};
    story_run(&story, held, TURNS(turns));
    struct world *world = &story.world;
    ck_assert_msg(world->result.exit_code == 0, "%s", world->result.error.text);
    ck_assert_uint_eq(world_count(world, "meta level is held at steady, but somebody else changed "
                                         "it to lively"),
                      1);
    const char *log = text_string(&world->log);
    const char *intention = strstr(log, "set meta level from lively to steady");
    const char *again = strstr(log, "meta level held at steady again (somebody else's: lively)");
    ck_assert(intention != NULL && again > intention);
    ck_assert(strstr(log, "continued - the operator has decided: the run goes on") > again);
    ck_assert(strstr(log, "log-2 after") > again);
    world_expect_all_put_back(world);
    story_close(&story);
}
END_TEST

START_TEST(a_foreign_value_is_not_overwritten_when_the_operator_stops)
{
    static const struct turn turns[] = {
        {"log begun", somebody_sets_77, US_PER_SECOND},
        {"paused ", the_operator_stops, US_PER_SECOND},
    };
    struct story story = {.release = RELEASE_MASTER};
    story_run(&story, held, TURNS(turns));
    struct world *world = &story.world;
    ck_assert_int_eq(world->result.exit_code, 5);
    ck_assert_uint_eq(world_count(world, "not_put_back"), 1);
    ck_assert_uint_eq(world_count(world, "is left as 77, set by somebody else (before: 20)"), 1);
    ck_assert_uint_eq(world_count(world, "log-2 after"), 0);
    ck_assert_msg(strstr(world->result.error.text, "was 20 and is 77, set by somebody else") !=
                      NULL,
                  "%s", world->result.error.text);
    ck_assert_str_eq(world_setting(world, SETTING_ADD_SECONDARY_LIMIT), "77");
    story_close(&story);
}
END_TEST

/* Between two looks of the keeper, right before the values are put back. */
START_TEST(a_foreign_value_that_nobody_saw_yet_is_not_overwritten_either)
{
    static const struct turn turns[] = {{"log log-2 after", somebody_sets_77, 0}};
    struct story story = {.release = RELEASE_MASTER};
    story_run(&story, held, TURNS(turns));
    ck_assert_int_eq(story.world.result.exit_code, 5);
    ck_assert_uint_eq(world_count(&story.world, "is left as 77, set by somebody else"), 1);
    ck_assert_str_eq(world_setting(&story.world, SETTING_ADD_SECONDARY_LIMIT), "77");
    story_close(&story);
}
END_TEST

START_TEST(an_inner_hold_does_not_overwrite_what_somebody_changed)
{
    static const struct turn turns[] = {
        {"log log begun", somebody_sets_77, 0},
        {"paused ", the_operator_continues, US_PER_HOUR},
    };
    struct story story = {.release = RELEASE_MASTER};
    story_run(&story,
              WORKFLOW("hold { setting = { " LIMIT
                       " = 50 }, log \"begun\", sleep \"100ms\", hold \"in\" { setting = { " LIMIT
                       " = 0 }, sleep \"5s\" }, sleep \"5s\" },"),
              TURNS(turns));
    struct world *world = &story.world;
    ck_assert_msg(world->result.exit_code == 0, "%s", world->result.error.text);
    const char *log = text_string(&world->log);
    ck_assert_uint_eq(world_count(world, "is held at 50, but somebody else changed it to 77"), 1);
    ck_assert(strstr(log, "held at 50 again") != NULL);
    ck_assert(strstr(log, "held at 0 (before: 50)") > strstr(log, "held at 50 again"));
    world_expect_all_put_back(world);
    story_close(&story);
}
END_TEST

START_TEST(inner_and_outer_holds_leave_a_foreign_value_and_say_so)
{
    static const struct turn turns[] = {
        {"log begun", somebody_sets_77, US_PER_SECOND},
        {"paused ", the_operator_stops, US_PER_SECOND},
    };
    struct story story = {.release = RELEASE_MASTER};
    story_run(&story,
              WORKFLOW("hold { setting = { " LIMIT " = 50 }, hold \"in\" { setting = { " LIMIT
                       " = 0 }, log \"begun\", sleep \"1h\" } },"),
              TURNS(turns));
    ck_assert_int_eq(story.world.result.exit_code, 5);
    ck_assert_uint_eq(world_count(&story.world, "is left as 77, set by somebody else (before: 50)"),
                      1);
    ck_assert_uint_eq(world_count(&story.world, "is left as 77, set by somebody else (before: 20)"),
                      1);
    story_close(&story);
}
END_TEST

START_TEST(a_foreign_value_goes_with_the_process_that_had_it)
{
    static const struct turn turns[] = {
        {"log begun", somebody_sets_77, US_PER_SECOND},
        {"paused ", the_leader_is_restarted, US_PER_SECOND},
    };
    struct story story = {.release = RELEASE_MASTER};
    story_run(&story, held, TURNS(turns));
    ck_assert_msg(story.world.result.exit_code == 0, "%s", story.world.result.error.text);
    ck_assert_uint_ge(world_count(&story.world, "told_again"), 1);
    ck_assert_uint_eq(world_count(&story.world, "continued"), 1);
    world_expect_all_put_back(&story.world);
    story_close(&story);
}
END_TEST

START_TEST(a_replica_server_that_somebody_restarts_pauses_the_run)
{
    static const struct turn turns[] = {
        {"log begun", somebody_restarts_the_last_server, 0},
        {"paused ", the_operator_continues, US_PER_HOUR},
    };
    struct story story = {.release = RELEASE_MASTER};
    story_run(
        &story,
        WORKFLOW("wait_until { cluster_is_healthy(), timeout = \"10m\" }, log \"begun\", sleep "
                 "\"2m\", wait_until { cluster_is_healthy(), timeout = \"10m\" }, log "
                 "\"after\","),
        TURNS(turns));
    struct world *world = &story.world;
    ck_assert_msg(world->result.exit_code == 0, "%s", world->result.error.text);
    ck_assert_uint_eq(world_count(world, "the replica server localhost:34805 was restarted by "
                                         "somebody else, or by itself"),
                      1);
    ck_assert(strstr(text_string(&world->log), "log-2 after") >
              strstr(text_string(&world->log), "continued"));
    story_close(&story);
}
END_TEST

/* A pause in the middle of a night must not end the run by a time limit. */
START_TEST(time_limits_stand_still_and_waits_look_without_nudging)
{
    static const struct turn turns[] = {
        {"/drain/wait_until/migrate_node propose", a_person_pauses, 0},
        {"paused ", the_operator_continues, 5 * US_PER_HOUR},
    };
    struct story story = {.release = RELEASE_MASTER};
    story_run(&story, "workflows/ha.lua", TURNS(turns));
    struct world *world = &story.world;
    ck_assert_msg(world->result.exit_code == 0, "%s", world->result.error.text);
    const char *log = text_string(&world->log);
    const char *paused = strstr(log, "paused - somebody wants to look");
    const char *continued = strstr(log, "continued");
    ck_assert(paused != NULL && continued > paused);
    const char *effect = strstr(paused, "\nintention ");
    ck_assert_msg(effect > continued, "begun in the pause: %.200s", effect);
    world_expect_all_put_back(world);
    story_close(&story);
}
END_TEST

/* Whatever step is under way when somebody wants to look: nothing is begun until they are done. */
START_TEST(nothing_is_begun_in_a_pause_at_any_point_of_the_flow)
{
    for (size_t point = 20; point < 330; point += 31) {
        struct story story = {.release = RELEASE_MASTER};
        struct world *world = &story.world;
        world_open(world, RELEASE_MASTER);
        world_begin(world);
        world_plan(world, world_cluster_source, "workflows/ha.lua");
        world_start(world);
        struct error err;
        while (world->event_count < point && !world->ended) {
            world_pass(world, 100 * US_PER_MS);
        }
        if (world->ended) {
            story_close(&story);
            break;
        }
        a_person_pauses(world);
        size_t before = world->log.length;
        world_pass(world, 5 * 60 * US_PER_SECOND);
        ck_assert(!world->ended);
        const char *log = text_string(&world->log) + before;
        for (const char *at = log; (at = strstr(at, "\nintention ")) != NULL; at++) {
            /* the adapter of a started deploy goes on */
            ck_assert_msg(strstr(at, "/deploy/") < strchr(at + 1, ' ') + 200, "%.200s", at);
        }
        run_continue(world->run);
        while (!world->ended) {
            ck_assert(loop_run(world->loop, &err));
        }
        ck_assert_msg(world->result.exit_code == 0, "point %zu: %s", point,
                      world->result.error.text);
        world_expect_all_put_back(world);
        story_close(&story);
    }
}
END_TEST

START_TEST(a_second_stop_in_a_pause_says_what_is_left)
{
    static const struct turn turns[] = {
        {"log begun", somebody_sets_77, US_PER_SECOND},
        {"paused ", the_operator_aborts, US_PER_SECOND},
    };
    struct story story = {.release = RELEASE_MASTER};
    story_run(&story, held, TURNS(turns));
    ck_assert_int_eq(story.world.result.exit_code, 5);
    ck_assert_uint_ge(world_count(&story.world, "not_put_back"), 1);
    story_close(&story);
}
END_TEST

START_TEST(where_nobody_can_answer_a_pause_ends_the_run_as_stopped)
{
    struct world world;
    world_open(&world, RELEASE_MASTER);
    world.rehearsed = true;
    world_begin(&world);
    world_plan(&world, world_cluster_source, held);
    world.on = "log begun";
    world.misfortune = a_person_pauses;
    world_run(&world);
    ck_assert_int_eq(world.result.exit_code, 4);
    ck_assert_msg(strstr(world.result.error.text,
                         "in a rehearsal nobody can answer: somebody wants to look") != NULL,
                  "%s", world.result.error.text);
    world_expect_all_put_back(&world);
    world_close(&world);
}
END_TEST

/* What has begun keeps its limit: nobody else would end it. */
START_TEST(a_program_under_way_keeps_its_time_limit)
{
    static const struct model_answer slow = {.match = "sleep", .takes_us = US_PER_HOUR};
    static const struct turn turns[] = {{"intention exec", a_person_pauses, 0}};
    struct story story = {.program = &slow};
    story_run(&story, WORKFLOW("exec { \"sleep\", \"3600\", timeout = \"30s\" },"), TURNS(turns));
    ck_assert_int_eq(story.world.result.exit_code, 1);
    ck_assert_msg(strstr(story.world.result.error.text, "not done within 30s") != NULL, "%s",
                  story.world.result.error.text);
    story_close(&story);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pause");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, a_held_value_that_somebody_changes_pauses_until_it_is_set_back);
    tcase_add_test(tcase, a_level_that_somebody_changes_pauses_and_the_operator_takes_it_again);
    tcase_add_test(tcase, a_foreign_value_is_not_overwritten_when_the_operator_stops);
    tcase_add_test(tcase, a_foreign_value_that_nobody_saw_yet_is_not_overwritten_either);
    tcase_add_test(tcase, an_inner_hold_does_not_overwrite_what_somebody_changed);
    tcase_add_test(tcase, inner_and_outer_holds_leave_a_foreign_value_and_say_so);
    tcase_add_test(tcase, a_foreign_value_goes_with_the_process_that_had_it);
    tcase_add_test(tcase, a_replica_server_that_somebody_restarts_pauses_the_run);
    tcase_add_test(tcase, time_limits_stand_still_and_waits_look_without_nudging);
    tcase_add_test(tcase, nothing_is_begun_in_a_pause_at_any_point_of_the_flow);
    tcase_add_test(tcase, a_program_under_way_keeps_its_time_limit);
    tcase_add_test(tcase, a_second_stop_in_a_pause_says_what_is_left);
    tcase_add_test(tcase, where_nobody_can_answer_a_pause_ends_the_run_as_stopped);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
