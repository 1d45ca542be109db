/* What keeps a run from beginning anything is over by itself; and after standing still nothing that
 * was seen before is believed. */
#include "tales.h"

#define LEVEL "set_meta_level \"lively\", set_meta_level \"steady\""

static void the_disk_is_full(struct world *world)
{
    world->blocked[0] = true;
}

static void there_is_room(struct world *world)
{
    world->blocked[0] = false;
}

static void the_lock_is_not_confirmed(struct world *world)
{
    world->blocked[1] = true;
}

static void the_lock_is_confirmed(struct world *world)
{
    world->blocked[1] = false;
    run_look_at_obstacles(world->run);
}

static void both_are_over(struct world *world)
{
    there_is_room(world);
    the_operator_continues(world);
}

static void the_run_is_ended(struct world *world)
{
    struct error why;
    error_set(&why, ERROR_STEP, "the lock is lost");
    run_give_up(world->run, &why);
}

static const char *place(const struct world *world, const char *text)
{
    const char *found = strstr(text_string(&world->log), text);
    ck_assert_msg(found != NULL, "no '%s' in\n%s", text, text_string(&world->log));
    return found;
}

/* ---- obstacles */
START_TEST(a_run_pauses_before_its_next_effect_and_goes_on_by_itself)
{
    static const struct turn turns[] = {
        {"log begun", the_disk_is_full, 0},
        {"paused ", there_is_room, US_PER_HOUR},
    };
    struct tale tale;
    tale_begin(&tale, NULL);
    tale_run(&tale, WORKFLOW("log \"begun\", sleep \"5s\", " LEVEL ","), TURNS(turns));
    EXPECT_CODE(tale, 0);
    struct world *world = &tale.world;
    ck_assert_uint_eq(world_count(world, "paused - something is in the way; nothing is begun until "
                                         "that is over: then the run goes on by itself"),
                      1);
    ck_assert(place(world, "intention set_meta_level") >
              place(world, "continued - there is room again: the run goes on"));
    tale_close(&tale);
}
END_TEST

START_TEST(a_persons_continue_does_not_override_an_obstacle)
{
    static const struct turn turns[] = {
        {"log begun", the_disk_is_full, 0},
        {"paused ", the_operator_continues, US_PER_SECOND},
        {"the operator has decided: the run stays paused", there_is_room, US_PER_HOUR},
    };
    struct tale tale;
    tale_begin(&tale, NULL);
    tale_run(&tale, WORKFLOW("log \"begun\", sleep \"5s\", " LEVEL ","), TURNS(turns));
    EXPECT_CODE(tale, 0);
    ck_assert_uint_eq(world_count(&tale.world, "continued"), 1);
    tale_close(&tale);
}
END_TEST

START_TEST(nor_does_its_end_override_a_person)
{
    static const struct turn turns[] = {
        {"log begun", the_disk_is_full, 0},
        {"paused ", a_person_pauses, US_PER_SECOND},
        {"paused - somebody wants to look", there_is_room, US_PER_SECOND},
        {"there is room again: the run stays paused", the_operator_continues, US_PER_HOUR},
    };
    struct tale tale;
    tale_begin(&tale, NULL);
    tale_run(&tale, WORKFLOW("log \"begun\", sleep \"5s\", " LEVEL ","), TURNS(turns));
    EXPECT_CODE(tale, 0);
    ck_assert_uint_eq(world_count(&tale.world, "continued"), 1);
    tale_close(&tale);
}
END_TEST

START_TEST(a_run_that_is_stopped_meanwhile_puts_back)
{
    static const struct turn turns[] = {
        {"log begun", the_disk_is_full, 0},
        {"paused ", the_operator_stops, US_PER_SECOND},
    };
    struct tale tale;
    tale_begin(&tale, NULL);
    tale_run(
        &tale,
        WORKFLOW("hold { setting = { " LIMIT " = 0 }, log \"begun\", sleep \"5s\", " LEVEL " },"),
        TURNS(turns));
    EXPECT_CODE(tale, 4);
    world_expect_all_put_back(&tale.world);
    tale_close(&tale);
}
END_TEST

/* Held values are kept on a full disk: the room for it is there. */
START_TEST(held_values_are_told_again_on_a_full_disk)
{
    static const struct turn turns[] = {
        {"log begun", the_disk_is_full, 0},
        {"paused ", the_leader_is_restarted, US_PER_SECOND},
        {"told_again", there_is_room, US_PER_SECOND},
    };
    struct tale tale;
    tale_begin(&tale, NULL);
    tale_run(
        &tale,
        WORKFLOW("hold { setting = { " LIMIT " = 0 }, log \"begun\", sleep \"5s\", " LEVEL " },"),
        TURNS(turns));
    ck_assert(place(&tale.world, "told_again") < place(&tale.world, "continued"));
    world_expect_all_put_back(&tale.world);
    tale_close(&tale);
}
END_TEST

START_TEST(nothing_at_all_is_set_while_a_lock_is_not_confirmed)
{
    static const struct turn turns[] = {
        {"log begun", the_lock_is_not_confirmed, 0},
        {"paused ", the_leader_is_restarted, US_PER_SECOND},
        {"leader_changed", the_lock_is_confirmed, 20 * US_PER_SECOND},
    };
    struct tale tale;
    tale_begin(&tale, NULL);
    tale_run(&tale,
             WORKFLOW("hold { setting = { " LIMIT " = 0 }, log \"begun\", sleep \"5s\", log "
                      "\"after\" },"),
             TURNS(turns));
    EXPECT_CODE(tale, 0);
    ck_assert(place(&tale.world, "told_again") >
              place(&tale.world, "continued - the lock is confirmed again"));
    world_expect_all_put_back(&tale.world);
    tale_close(&tale);
}
END_TEST

/* A value that waits to be set is not set once the run ends. */
START_TEST(what_waits_to_be_set_ends_with_the_run)
{
    static const struct turn turns[] = {
        {"log begun", the_lock_is_not_confirmed, 0},
        {"paused ", the_leader_is_restarted, US_PER_SECOND},
        {"leader_changed", the_run_is_ended, 20 * US_PER_SECOND},
    };
    struct tale tale;
    tale_begin(&tale, NULL);
    tale_run(&tale,
             WORKFLOW("hold { setting = { " LIMIT " = 0 }, log \"begun\", sleep \"5s\", log "
                      "\"after\" },"),
             TURNS(turns));
    EXPECT_CODE(tale, 1);
    ck_assert_uint_eq(world_count(&tale.world, "told_again"), 0);
    world_expect_all_put_back(&tale.world);
    tale_close(&tale);
}
END_TEST

/* An adapter of two steps: something comes between them. */
static const struct model_answer program = {.match = "prepare", .takes_us = 5 * US_PER_SECOND};
static const char two_steps[] =
    "return cluster \"onebox\" {\n"
    "  metas = { \"127.0.0.1:34601\", \"127.0.0.1:34602\" },\n"
    "  collectors = { \"127.0.0.1:34101\" },\n"
    "  deploy = { restart = function(node) return { exec { \"prepare\", timeout = \"1m\" }, http { "
    "method = \"POST\", url = \"http://127.0.0.1:34900/servers/\" .. node.address .. "
    "\"/restart\", timeout = \"1m\" } } end },\n"
    "}\n";
static const char restart[] = WORKFLOW("deploy(cluster.replicas[1]) { \"restart\" }, wait_until { "
                                       "is_alive(cluster.replicas[1]), timeout = \"10m\" },");

/* Half an update is worse than what is left of the room. */
START_TEST(a_started_deploy_goes_on_on_a_full_disk)
{
    static const struct turn turns[] = {
        {"intention deploy/exec", the_disk_is_full, 0},
        {"paused ", there_is_room, US_PER_HOUR},
    };
    struct tale tale;
    tale_begin(&tale, &program);
    tale.cluster = two_steps;
    tale_run(&tale, restart, TURNS(turns));
    EXPECT_CODE(tale, 0);
    ck_assert(place(&tale.world, "the adapter has finished") < place(&tale.world, "continued"));
    ck_assert(place(&tale.world, "intention deploy/http") > place(&tale.world, "paused"));
    tale_close(&tale);
}
END_TEST

START_TEST(a_started_deploy_waits_for_the_lock_even_when_a_person_has_paused)
{
    static const struct turn turns[] = {
        {"intention deploy/exec", the_lock_is_not_confirmed, 0},
        {"paused ", a_person_pauses, US_PER_SECOND},
        {"paused - somebody wants to look", the_lock_is_confirmed, 60 * US_PER_SECOND},
        {"the adapter has finished", the_operator_continues, US_PER_HOUR},
    };
    struct tale tale;
    tale_begin(&tale, &program);
    tale.cluster = two_steps;
    tale_run(&tale, restart, TURNS(turns));
    EXPECT_CODE(tale, 0);
    ck_assert(place(&tale.world, "intention deploy/http") >
              place(&tale.world, "the lock is confirmed again: the run stays paused"));
    tale_close(&tale);
}
END_TEST

START_TEST(two_obstacles_are_kept_apart)
{
    static const struct turn turns[] = {
        {"log begun", the_disk_is_full, 0},
        {"paused ", the_lock_is_not_confirmed, US_PER_SECOND},
        {"paused ", the_lock_is_confirmed, 60 * US_PER_SECOND},
        {"the lock is confirmed again: the run stays paused", there_is_room, 60 * US_PER_SECOND},
    };
    struct tale tale;
    tale_begin(&tale, NULL);
    tale_run(&tale, WORKFLOW("log \"begun\", sleep \"5s\", " LEVEL ","), TURNS(turns));
    EXPECT_CODE(tale, 0);
    ck_assert_uint_eq(world_count(&tale.world, "paused - "), 2);
    tale_close(&tale);
}
END_TEST

START_TEST(the_whole_flow_passes_through_obstacles_at_any_point)
{
    for (size_t point = 15; point < 330; point += 29) {
        struct tale tale;
        struct world *world = &tale.world;
        tale_begin(&tale, NULL);
        world_plan(world, world_cluster_source, "workflows/ha.lua");
        world_start(world);
        while (world->event_count < point && !world->ended) {
            world_pass(world, 100 * US_PER_MS);
        }
        if (world->ended) {
            tale_close(&tale);
            break;
        }
        world->blocked[0] = true;
        world->blocked[1] = point % 2 == 0;
        world_pass(world, 5 * 60 * US_PER_SECOND);
        ck_assert_msg(!world->ended, "point %zu: %s", point, world->result.error.text);
        both_are_over(world);
        the_lock_is_confirmed(world);
        while (!world->ended) {
            struct error err;
            ck_assert(loop_run(world->loop, &err));
        }
        EXPECT_CODE(tale, 0);
        world_expect_all_put_back(world);
        tale_close(&tale);
    }
}
END_TEST

START_TEST(a_note_is_told_once_at_the_start)
{
    struct tale tale;
    tale_begin(&tale, NULL);
    tale.world.note = "no room can be kept";
    tale_run(&tale, WORKFLOW("log \"begun\","), NULL, 0);
    EXPECT_CODE(tale, 0);
    ck_assert_uint_eq(world_count(&tale.world, "note - no room can be kept"), 1);
    tale_close(&tale);
}
END_TEST

/* ---- standing still */
static void it_stands_still(struct world *world)
{
    loop_stand_still(world->loop, 15 * 60 * US_PER_SECOND);
}

static void it_stands_still_and_the_leader_restarts(struct world *world)
{
    the_leader_is_restarted(world);
    it_stands_still(world);
}

static void it_stumbles(struct world *world)
{
    loop_stand_still(world->loop, LOOP_GAP_US);
}

START_TEST(after_standing_still_what_is_held_is_looked_at_first)
{
    static const struct turn turns[] = {
        {"log begun", it_stands_still_and_the_leader_restarts, 4900 * US_PER_MS}};
    struct tale tale;
    tale_begin(&tale, NULL);
    tale_run(
        &tale,
        WORKFLOW("hold { setting = { " LIMIT " = 0 }, log \"begun\", sleep \"5s\", " LEVEL " },"),
        TURNS(turns));
    struct world *world = &tale.world;
    place(world, "paused - this program stood still for 15m (stopped, or its machine slept)");
    ck_assert(place(world, "told_again") < place(world, "continued - what is held was looked at"));
    ck_assert(place(world, "continued") < place(world, "intention set_meta_level"));
    world_expect_all_put_back(world);
    tale_close(&tale);
}
END_TEST

START_TEST(no_time_limit_counts_the_time_it_stood_still)
{
    static const struct turn turns[] = {{"log begun", it_stands_still, US_PER_SECOND}};
    struct tale tale;
    tale_begin(&tale, &program);
    tale_run(&tale,
             WORKFLOW("parallel { steps { log \"begun\", wait_until { cluster_is_healthy(), "
                      "stable_for = \"30s\", timeout = \"2m\" } }, exec { \"prepare\", timeout = "
                      "\"30s\" } },"),
             TURNS(turns));
    EXPECT_CODE(tale, 0);
    ck_assert_uint_eq(world_count(&tale.world, "paused - this program stood still"), 1);
    tale_close(&tale);
}
END_TEST

START_TEST(a_stumble_is_none_of_it)
{
    static const struct turn turns[] = {{"log begun", it_stumbles, US_PER_SECOND}};
    struct tale tale;
    tale_begin(&tale, NULL);
    tale_run(&tale, WORKFLOW("log \"begun\", sleep \"5s\","), TURNS(turns));
    EXPECT_CODE(tale, 0);
    ck_assert_uint_eq(world_count(&tale.world, "stood still"), 0);
    tale_close(&tale);
}
END_TEST

/* While the program stood still, another server died: what was seen before would let the guard
 * pass. It stands still at every moment of a look, a millisecond apart. */
START_TEST(no_guard_passes_on_what_was_seen_before)
{
    for (int64_t after_us = 0; after_us <= 12 * US_PER_MS; after_us += US_PER_MS) {
        struct tale tale;
        struct world *world = &tale.world;
        tale_begin(&tale, &program);
        world_plan(world, world_cluster_source,
                   WORKFLOW("log \"begun\", deploy(cluster.replicas[1]) { \"update\" },"));
        world->on = NULL;
        world_start(world);
        while (world_count(world, "log begun") == 0) {
            world_pass(world, 100);
        }
        world_pass(world, after_us);
        size_t before = world->log.length;
        if (world_count(world, "intention deploy") > 0) {
            ck_assert_int_gt(after_us, 0);
            run_stop(world->run);
        } else {
            world_control(world, 1, SIM_KILL);
            world_control(world, 2, SIM_KILL);
            it_stands_still(world);
        }
        while (!world->ended) {
            struct error err;
            ck_assert(loop_run(world->loop, &err));
        }
        ck_assert_msg(strstr(text_string(&world->log) + before, "intention deploy") == NULL, "%s",
                      text_string(&world->log));
        tale_close(&tale);
    }
}
END_TEST

START_TEST(the_whole_flow_ends_well_wherever_it_stands_still)
{
    for (size_t point = 10; point < 330; point += 23) {
        struct tale tale;
        struct world *world = &tale.world;
        tale_begin(&tale, NULL);
        world_plan(world, world_cluster_source, "workflows/ha.lua");
        world_start(world);
        while (world->event_count < point && !world->ended) {
            world_pass(world, 100 * US_PER_MS);
        }
        if (world->ended) {
            tale_close(&tale);
            break;
        }
        loop_stand_still(world->loop, 3 * US_PER_SECOND + (int64_t)point * US_PER_SECOND);
        while (!world->ended) {
            struct error err;
            ck_assert(loop_run(world->loop, &err));
        }
        EXPECT_CODE(tale, 0);
        world_expect_all_put_back(world);
        tale_close(&tale);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("obstacle");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, a_run_pauses_before_its_next_effect_and_goes_on_by_itself);
    tcase_add_test(tcase, a_persons_continue_does_not_override_an_obstacle);
    tcase_add_test(tcase, nor_does_its_end_override_a_person);
    tcase_add_test(tcase, a_run_that_is_stopped_meanwhile_puts_back);
    tcase_add_test(tcase, held_values_are_told_again_on_a_full_disk);
    tcase_add_test(tcase, nothing_at_all_is_set_while_a_lock_is_not_confirmed);
    tcase_add_test(tcase, what_waits_to_be_set_ends_with_the_run);
    tcase_add_test(tcase, a_started_deploy_goes_on_on_a_full_disk);
    tcase_add_test(tcase, a_started_deploy_waits_for_the_lock_even_when_a_person_has_paused);
    tcase_add_test(tcase, two_obstacles_are_kept_apart);
    tcase_add_test(tcase, the_whole_flow_passes_through_obstacles_at_any_point);
    tcase_add_test(tcase, a_note_is_told_once_at_the_start);
    tcase_add_test(tcase, after_standing_still_what_is_held_is_looked_at_first);
    tcase_add_test(tcase, no_time_limit_counts_the_time_it_stood_still);
    tcase_add_test(tcase, a_stumble_is_none_of_it);
    tcase_add_test(tcase, no_guard_passes_on_what_was_seen_before);
    tcase_add_test(tcase, the_whole_flow_ends_well_wherever_it_stands_still);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
