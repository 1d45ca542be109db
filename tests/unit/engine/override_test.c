/* A guard's no is lifted for one step alone, with a reason, until its end, and is told. The wall of
 * these worlds begins on 2026-11-23, 13:52:50 UTC. */
#include "world.h"

#include "engine/override.h"

#define WORKFLOW(steps)                                                                            \
    "return workflow \"t\" {\n  api = 1,\n  steps = function(cluster, p)\n    local node = "       \
    "cluster.replicas[1]\n    return {\n" steps "\n    }\n  end,\n}\n"
#define HELD(steps)                                                                                \
    WORKFLOW(                                                                                      \
        "hold { setting = { [\"meta.lb.add_secondary_max_count_for_one_node\"] = 0 },\n" steps     \
        "},")
#define OVERRIDE(until)                                                                            \
    "override = { guard = true, reason = \"lab cluster\", expires = \"" until "\" }"
#define USED "the guard's no is overridden until 2026-12-01 (lab cluster): "

static const struct {
    const char *name;
    const char *workflow;
    bool rehearsed;
    int exit_code;
    size_t used;       /* events that tell of an override */
    const char *error; /* or NULL */
} cases[] = {
    {"without one", HELD("deploy(node) { \"restart\" }"), false, 3, 0,
     "a guard would stop the run"},
    {"a deploy", HELD("deploy(node) { \"restart\", " OVERRIDE("2026-12-01") "}"), false, 0, 1,
     NULL},
    {"a downgrade as a nudge",
     HELD("wait_until { no_primaries(node), nudge = migrate_node(node), timeout = \"5m\" },\n"
          "wait_until { no_secondaries(node), nudge = downgrade_node(node) { " OVERRIDE(
              "2026-12-01") "}, timeout = \"5m\" },"),
     false, 0, 1, NULL},
    {"a drain", HELD("drain_node(node) { " OVERRIDE("2026-12-01") "}, rejoin_node(node),"), false,
     0, 1, NULL},
    {"only one of two steps",
     HELD("downgrade_node(node) { " OVERRIDE("2026-12-01") "}, deploy(node) { \"restart\" }"),
     false, 3, 0, "a guard would stop the run"},
    {"the last minute", HELD("deploy(node) { \"restart\", " OVERRIDE("2026-11-23") "}"), false, 0,
     0, NULL},
    {"ended", HELD("deploy(node) { \"restart\", " OVERRIDE("2026-11-22") "}"), false, 3, 0,
     "workflow.lua:7: deploy: 'override' has ended, on 2026-11-22 (lab cluster): look at it again, "
     "then give another end, or take it out"},
    {"ended some minutes ago",
     HELD("deploy(node) { \"restart\", " OVERRIDE("2026-11-23T13:50Z") "}"), false, 3, 0,
     "'override' has ended"},
    {"ends while the run goes on",
     HELD("sleep \"30m\", deploy(node) { \"restart\", " OVERRIDE("2026-11-23T14:00Z") "}"), false,
     1, 0, "; the override of this guard has ended, on 2026-11-23T14:00Z"},
    {"a rehearsal's wall is not asked",
     HELD("deploy(node) { \"restart\", " OVERRIDE("2026-11-22") "}"), true, 0, 0, NULL},
};

START_TEST(a_guard_is_overridden_for_one_step_until_its_end)
{
    static const struct model_table tables[] = {
        {.name = "pair", .partition_count = 8, .max_replica_count = 2},
    };
    struct world world;
    world_open(&world, RELEASE_MASTER);
    world.rehearsed = cases[_i].rehearsed;
    world.model.tables = tables;
    world.model.table_count = 1;
    world_begin(&world);
    world_plan(&world, world_cluster_source, cases[_i].workflow);
    world_run(&world);
    ck_assert_msg(world.result.exit_code == cases[_i].exit_code, "%s: exit code %d: %s",
                  cases[_i].name, world.result.exit_code, world.result.error.text);
    ck_assert_msg(cases[_i].used == 0 || world_count(&world, USED) == cases[_i].used,
                  "%s: used %zu times", cases[_i].name, world_count(&world, USED));
    ck_assert_msg(cases[_i].exit_code == 0 || world_count(&world, "overridden") == 0, "%s",
                  cases[_i].name);
    ck_assert_msg(cases[_i].error == NULL ||
                      strstr(world.result.error.text, cases[_i].error) != NULL,
                  "%s: %s", cases[_i].name, world.result.error.text);
    world_expect_no_violation(&world);
    world_expect_all_put_back(&world);
    world_close(&world);
}
END_TEST

/* Each line once, though a body is there for each server. */
START_TEST(ended_overrides_are_found_by_whoever_knows_the_clock)
{
    struct world world;
    struct error_list errors;
    world_open(&world, RELEASE_MASTER);
    world_begin(&world);
    world_plan(&world, world_cluster_source,
               WORKFLOW("rolling \"r\" { over = cluster.replicas, steps = function(n)\n"
                        "return wait_until { no_secondaries(n), timeout = \"1m\",\n"
                        "nudge = downgrade_node(n) { " OVERRIDE("2026-12-01") "} } end },"));
    error_list_init(&errors);
    override_find_ended(world.workflow, INT64_C(1796169599) * US_PER_SECOND, &errors);
    ck_assert_uint_eq(errors.count, 0); /* the last second of that day */
    override_find_ended(world.workflow, INT64_C(1796169600) * US_PER_SECOND, &errors);
    ck_assert_uint_eq(errors.count, 1);
    ck_assert_int_eq(errors.items[0].line, 8);
    error_list_clear(&errors);
    world.rehearsed = true;
    world_run(&world);
    world_close(&world);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("override");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, a_guard_is_overridden_for_one_step_until_its_end, 0,
                        (int)(sizeof cases / sizeof cases[0]));
    tcase_add_test(tcase, ended_overrides_are_found_by_whoever_knows_the_clock);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
