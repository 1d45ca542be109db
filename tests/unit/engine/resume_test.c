/* What a resumed run believes of its journal, and what it asks the servers first. (That it ends
 * well wherever it was killed: crash_test.) */
#include "world.h"

static const char workflow[] =
    "return workflow \"t\" { api = 1, steps = function(cluster) return {\n"
    "  rolling \"r\" { over = cluster.replicas, steps = function(n) return log(n.name) end },\n"
    "} end }\n";

static void take(struct past *past, const char *record)
{
    struct error err;
    cJSON *json = cJSON_Parse(record);
    ck_assert_msg(json != NULL, "%s", record);
    ck_assert_msg(past_take(past, json, 1, &err), "%s", err.text);
    cJSON_Delete(json);
}

/* The journal of a run whose first server was updated: `turn` says how its turn ended. */
static struct past *past_of_update(const struct world *world, const char *turn)
{
    char text[1000];
    char leader[ADDRESS_TEXT_BYTES];
    const char *name = world->inventory.servers[ROLE_REPLICA][0].name;
    struct past *past = past_new();
    snprintf(text, sizeof text,
             "{\"seq\":1,\"event\":\"baseline\",\"data\":{\"meta level\":\"steady\","
             "\"meta.lb.add_secondary_max_count_for_one_node\":\"20\","
             "\"meta.lb.add_secondary_enable_flow_control\":\"true\","
             "\"meta.lb.assign_delay_ms\":\"600000\",\"meta.lb.assign_secondary_black_list\":\"\","
             "\"leader\":\"%s\",\"leader_start\":\"?\"}}",
             address_format(sim_server_address(world->sim, WORLD_FIRST_META), leader));
    take(past, text);
    take(past, "{\"seq\":2,\"event\":\"step_started\",\"step\":\"\"}");
    take(past, "{\"seq\":3,\"event\":\"step_started\",\"step\":\"r\"}");
    snprintf(text, sizeof text,
             "{\"seq\":4,\"event\":\"picked\",\"step\":\"r/%s\",\"server\":\"%s\"}", name, name);
    take(past, text);
    snprintf(text, sizeof text,
             "{\"seq\":5,\"event\":\"intention\",\"step\":\"r/%s/deploy\",\"server\":\"%s\","
             "\"data\":{\"action\":\"update\",\"start_time_before\":\"2026-11-23 12:00:00\"}}",
             name, name);
    take(past, text);
    snprintf(text, sizeof text, "{\"seq\":6,\"event\":\"%s\",\"step\":\"r/%s\",\"server\":\"%s\"}",
             turn, name, name);
    take(past, text);
    return past;
}

static void resume(struct world *world, const char *turn)
{
    world_open(world, RELEASE_MASTER);
    world_begin(world);
    world_plan(world, world_cluster_source, workflow);
    world->rehearsed = true; /* a pause ends it, and says why */
    world->past = past_of_update(world, turn);
    world_run(world);
}

/* The simulated servers run the version before: as if somebody had set the first one back. */
START_TEST(a_server_that_was_done_and_runs_something_else_pauses_the_run)
{
    struct world world;
    resume(&world, "step_done");
    ck_assert_int_eq(world.result.exit_code, 4);
    ck_assert_ptr_nonnull(strstr(text_string(&world.log),
                                 "by this run before it was interrupted, but now localhost:"));
    past_free(world.past);
    world_close(&world);
}
END_TEST

START_TEST(a_server_that_was_in_work_is_done_again_and_nothing_is_said_of_its_version)
{
    struct world world;
    resume(&world, "step_failed");
    ck_assert_int_eq(world.result.exit_code, 0);
    ck_assert_ptr_null(strstr(text_string(&world.log), "but now"));
    ck_assert_ptr_nonnull(strstr(text_string(&world.log), "replica 5 of 5"));
    past_free(world.past);
    world_close(&world);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("resume");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, a_server_that_was_done_and_runs_something_else_pauses_the_run);
    tcase_add_test(tcase,
                   a_server_that_was_in_work_is_done_again_and_nothing_is_said_of_its_version);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
