/* Each kind of step by itself, on a simulated cluster in virtual time. */
#include "world.h"

#define WORKFLOW(steps)                                                                            \
    "return workflow \"t\" {\n  api = 1,\n  steps = function(cluster, p)\n    return {\n" steps    \
    "\n    }\n  end,\n}\n"

/* A workflow, what its run comes to, and what must be in the log or in the error. */
static const struct {
    const char *name;
    const char *workflow;
    const char *lie_about;
    const char *lie;
    int exit_code;
    const char *logged;
    const char *error;
} cases[] = {
    {"log", WORKFLOW("log \"hello\","), NULL, NULL, 0, "log log hello", NULL},
    {"sleep", WORKFLOW("sleep \"10s\","), NULL, NULL, 0, "sleep for 10s", NULL},
    {"set_meta_level", WORKFLOW("set_meta_level \"lively\", set_meta_level \"steady\","), NULL,
     NULL, 0, "set meta level from steady to lively", NULL},
    {"level left", WORKFLOW("set_meta_level \"lively\","), NULL, NULL, 5, "meta level was steady",
     "not as before the run"},
    {"command", WORKFLOW("remote_command { to = \"meta\", \"server-info\" },"), NULL, NULL, 0,
     "server-info answered:", NULL},
    {"command to all", WORKFLOW("remote_command { to = \"replicas\", \"server-info\" },"), NULL,
     NULL, 0, "server-info answered:", NULL},
    {"unknown command", WORKFLOW("remote_command { to = \"meta\", \"no.such\" },"), NULL, NULL, 1,
     NULL, "no.such was refused: unknown command 'no.such'"},
    {"unknown text",
     WORKFLOW("remote_command { to = \"meta\", \"meta.lb.only_move_primary\", \"true\" },"),
     "meta.lb.only_move_primary", "certainly", 1, NULL, "is not understood: 'certainly'"},
    {"unknown text before anything", WORKFLOW("log \"never reached\","), "meta.lb.assign_delay_ms",
     "certainly", 3, NULL,
     "read the settings before the run: read meta.lb.assign_delay_ms: 127.0.0.1:34601: the reply "
     "to "
     "'meta.lb.assign_delay_ms' is not understood: 'certainly'"},
    {"unknown text of a command",
     WORKFLOW("remote_command { to = \"meta\", \"meta.dump\", \"f\" },"), "meta.dump", "jawohl", 1,
     NULL, "answered with a text that nobody knows: 'jawohl'"},
    {"expected text",
     WORKFLOW("remote_command { to = \"meta\", \"meta.dump\", \"f\", expect = function(reply) "
              "return reply == \"jawohl\" end },"),
     "meta.dump", "jawohl", 0, "meta.dump answered: jawohl", NULL},
    {"unexpected text",
     WORKFLOW("remote_command { to = \"meta\", \"meta.dump\", \"f\", expect = function(reply) "
              "return false, \"too short\" end },"),
     "meta.dump", "jawohl", 1, NULL, "which is not what was expected: too short"},
    {"expect fails",
     WORKFLOW("remote_command { to = \"meta\", \"meta.dump\", \"f\", expect = function(reply) "
              "return reply.x.y end },"),
     "meta.dump", "jawohl", 1, NULL, "workflow.lua:5"},
    {"kill of a member is guarded",
     WORKFLOW("hold { setting = { [\"meta.lb.add_secondary_max_count_for_one_node\"] = 0 }, "
              "log \"x\" }, remote_command { to = cluster.replicas[1], \"replica.kill_partition\", "
              "1, 0 },"),
     NULL, NULL, 0, NULL, NULL},
    {"when yes", WORKFLOW("when(cluster_is_healthy()) { log \"well\" },"), NULL, NULL, 0, "well",
     NULL},
    {"when no", WORKFLOW("when(not_(cluster_is_healthy())) { log \"ill\" },"), NULL, NULL, 0,
     "left out:", NULL},
    {"when unknown", WORKFLOW("when(has_restarted(cluster.replicas[1])) { log \"x\" },"), NULL,
     NULL, 1, NULL, "cannot tell whether to do these steps"},
    {"site condition",
     WORKFLOW("wait_until { condition \"levels\" (function(s) return s.level == \"steady\", "
              "\"level \" .. s.level end), timeout = \"5s\" },"),
     NULL, NULL, 0, "levels: level steady", NULL},
    {"site condition fails",
     WORKFLOW("wait_until { condition \"odd\" (function(s) return s.level.x.y end), timeout = "
              "\"5s\" },"),
     NULL, NULL, 1, NULL, "workflow.lua:5"},
    {"site condition runs away",
     WORKFLOW("wait_until { condition \"odd\" (function(s) while true do end end), timeout = "
              "\"5s\" },"),
     NULL, NULL, 1, NULL, "workflow.lua:5"},
    {"timeout stops",
     WORKFLOW("wait_until { no_primaries(cluster.replicas[1]), timeout = \"5s\" },"), NULL, NULL, 1,
     NULL, "did not hold: not done within 5s; last seen:"},
    {"no tables where there were some",
     WORKFLOW("wait_until { cluster_is_healthy(), timeout = \"5s\" },"), "tables", "", 1,
     "waiting wait_until unknown: the primary meta", "lists no table"},
    {"hold and back",
     WORKFLOW("hold { setting = { [\"meta.lb.assign_delay_ms\"] = 1800000 }, log \"x\" },"), NULL,
     NULL, 0, "meta.lb.assign_delay_ms is back at 600000", NULL},
    {"inner hold wins",
     WORKFLOW("hold { setting = { [\"meta.lb.add_secondary_max_count_for_one_node\"] = 50 }, "
              "hold \"in\" { setting = { [\"meta.lb.add_secondary_max_count_for_one_node\"] = 0 }, "
              "sleep \"3s\" }, sleep \"3s\" },"),
     NULL, NULL, 0, "meta.lb.add_secondary_max_count_for_one_node is back at 50", NULL},
    {"step timeout", WORKFLOW("steps { timeout = \"5s\", sleep \"1h\" },"), NULL, NULL, 1, NULL,
     "not done within 5s"},
};

START_TEST(a_step_does_what_it_says)
{
    struct world world;
    world_open(&world, RELEASE_MASTER);
    world_begin(&world);
    world_plan(&world, world_cluster_source, cases[_i].workflow);
    world.lie_about = cases[_i].lie_about;
    world.lie = cases[_i].lie;
    world_run(&world);
    ck_assert_msg(world.result.exit_code == cases[_i].exit_code, "%s: exit code %d: %s",
                  cases[_i].name, world.result.exit_code, world.result.error.text);
    ck_assert_msg(cases[_i].logged == NULL || world_count(&world, cases[_i].logged) > 0,
                  "%s: no '%s' in:\n%s", cases[_i].name, cases[_i].logged, text_string(&world.log));
    ck_assert_msg(cases[_i].error == NULL ||
                      strstr(world.result.error.text, cases[_i].error) != NULL,
                  "%s: no '%s' in '%s'", cases[_i].name, cases[_i].error, world.result.error.text);
    world_expect_no_violation(&world);
    world_close(&world);
}
END_TEST

START_TEST(a_table_with_two_replicas_is_refused_before_any_change)
{
    static const struct model_table tables[] = {
        {.name = "temp", .partition_count = 16, .max_replica_count = 3},
        {.name = "pair", .partition_count = 8, .max_replica_count = 2},
    };
    struct world world;
    world_open(&world, RELEASE_MASTER);
    world.model.tables = tables;
    world.model.table_count = 2;
    world_begin(&world);
    world_plan(&world, world_cluster_source, "workflows/ha.lua");
    world_run(&world);
    ck_assert_int_eq(world.result.exit_code, 3);
    ck_assert_uint_eq(world_count(&world, "intention"), 0);
    ck_assert_msg(strstr(world.result.error.text, "table 'pair' would keep 1, writes need 2") !=
                      NULL,
                  "%s", world.result.error.text);
    world_expect_no_violation(&world);
    world_expect_all_put_back(&world);
    world_close(&world);
}
END_TEST

START_TEST(an_accepted_outage_lets_the_upgrade_pass_and_is_told)
{
    static const struct model_table tables[] = {
        {.name = "temp", .partition_count = 16, .max_replica_count = 3},
        {.name = "pair", .partition_count = 8, .max_replica_count = 2},
        {.name = "solo", .partition_count = 4, .max_replica_count = 1},
    };
    static const char cluster[] =
        "return cluster \"onebox\" {\n"
        "  metas = { \"127.0.0.1:34601\", \"127.0.0.1:34602\" },\n"
        "  collectors = { \"127.0.0.1:34101\" },\n"
        "  target = { version = \"2.6.0-new\" },\n"
        "  accept = { outage = { \"pair\", \"solo\" }, reason = \"caches only\" },\n"
        "  deploy = require(\"deploy.simulated\") { control = \"http://127.0.0.1:34900\" },\n"
        "}\n";
    struct world world;
    world_open(&world, RELEASE_MASTER);
    world.model.tables = tables;
    world.model.table_count = 3;
    world_begin(&world);
    world_plan(&world, cluster, "workflows/ha.lua");
    world_run(&world);
    ck_assert_msg(world.result.outcome == RUN_DONE, "%s", world.result.error.text);
    ck_assert_uint_ge(world_count(&world, "of tables whose outage is accepted (caches only)"), 1);
    ck_assert_uint_ge(world_count(&world, "of tables whose outage is accepted stay"), 1);
    world_expect_no_violation(&world);
    world_expect_all_put_back(&world);
    world_close(&world);
}
END_TEST

/* A requirement, the tables' replicas, and the exit code. */
static const struct {
    const char *condition;
    int32_t replicas;
    int64_t limit;
    int exit_code;
    const char *logged;
} requirements[] = {
    {"survives_loss_of(1)", 3, 20, 0, "keep enough for writes"},
    {"survives_loss_of(2)", 3, 20, 3, "would keep 1, writes need 2"},
    {"survives_loss_of(1)", 2, 20, 3, "would keep 1, writes need 2"},
    {"survives_loss_of(2)", 5, 20, 0, "keep enough for writes"},
    {"survives_loss_of(3)", 5, 20, 3, "the cluster freezes"},
    {"no_leftovers()", 3, 20, 0, "no setting looks like"},
    {"no_leftovers()", 3, 0, 3, "lost replicas are never added again"},
};

START_TEST(a_requirement_is_asked_before_any_change)
{
    struct model_table table = {
        .name = "temp",
        .partition_count = 8,
        .max_replica_count = requirements[_i].replicas,
    };
    struct world world;
    char workflow[300];
    snprintf(
        workflow, sizeof workflow,
        "return workflow \"t\" {\n api = 1, requires = { %s },\n steps = function() return { log "
        "\"x\" } end,\n}\n",
        requirements[_i].condition);
    world_open(&world, RELEASE_2_5);
    world.model.tables = &table;
    world.model.table_count = 1;
    world.model.add_secondary_limit = requirements[_i].limit;
    world_begin(&world);
    world_plan(&world, world_cluster_source, workflow);
    world_run(&world);
    ck_assert_msg(world.result.exit_code == requirements[_i].exit_code, "case %d: %s", _i,
                  world.result.error.text);
    ck_assert_msg(world_count(&world, requirements[_i].logged) > 0, "case %d:\n%s", _i,
                  text_string(&world.log));
    world_close(&world);
}
END_TEST

static const struct {
    int64_t limit;
    int64_t delay_ms;
    bool keep;
    int exit_code;
} leftover_cases[] = {
    {0, 600000, false, 3},  {100, 600000, false, 3}, {20, 180000000, false, 3},
    {50, 600000, false, 0}, {0, 600000, true, 0},
};

START_TEST(a_leftover_is_refused_before_any_change_unless_it_is_meant)
{
    for (size_t i = 0; i < sizeof leftover_cases / sizeof leftover_cases[0]; i++) {
        struct world world;
        world_open(&world, RELEASE_MASTER);
        world.model.add_secondary_limit = leftover_cases[i].limit;
        world.model.assign_delay_ms = leftover_cases[i].delay_ms;
        world.keep_leftovers = leftover_cases[i].keep;
        world_begin(&world);
        world_plan(&world, world_cluster_source, WORKFLOW("set_meta_level \"steady\","));
        world_run(&world);
        ck_assert_msg(world.result.exit_code == leftover_cases[i].exit_code, "case %zu: %s", i,
                      world.result.error.text);
        ck_assert_int_eq(strstr(world.result.error.text, "--keep-leftovers") != NULL,
                         leftover_cases[i].exit_code == 3);
        world_close(&world);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("steps");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, a_step_does_what_it_says, 0, (int)(sizeof cases / sizeof cases[0]));
    tcase_add_test(tcase, a_table_with_two_replicas_is_refused_before_any_change);
    tcase_add_test(tcase, an_accepted_outage_lets_the_upgrade_pass_and_is_told);
    tcase_add_loop_test(tcase, a_requirement_is_asked_before_any_change, 0,
                        (int)(sizeof requirements / sizeof requirements[0]));
    tcase_add_test(tcase, a_leftover_is_refused_before_any_change_unless_it_is_meant);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
