/* Tables that somebody creates or drops while workflows/ha.lua is under way: the run goes on with
 * what the cluster has now, and every partition of the new table is home in the end.
 *
 * Story: while a server drains by the guide's way, the meta server adds no secondary anywhere. A
 * table created then has primaries alone, also on that server, and they cannot leave it: the drain
 * says so and fails at its timeout, and all is put back. */
#include "world.h"

static void create_table(struct world *world)
{
    struct error err;
    ck_assert_msg(sim_create_table(world->sim, "fresh", 12, 3, &err), "%s", err.text);
    sim_driver_poke(world->driver);
}

static void drop_table(struct world *world)
{
    struct error err;
    ck_assert_msg(sim_drop_table(world->sim, "users", &err), "%s", err.text);
    sim_driver_poke(world->driver);
}

/* Under the same name another table, with another number. */
static void drop_and_create_again(struct world *world)
{
    struct error err;
    drop_table(world);
    ck_assert_msg(sim_create_table(world->sim, "users", 12, 3, &err), "%s", err.text);
    sim_driver_poke(world->driver);
}

static misfortune_fn *const changes[] = {create_table, drop_table, drop_and_create_again};
enum { CHANGES = sizeof changes / sizeof changes[0] };

/* Parts of the events' lines of both paces, on the second server. */
static const struct {
    const char *cluster;
    const char *on;
    bool no_way_out; /* for the primaries of a new table */
} moments[] = {
    {world_cluster_source, "step_started replicas/localhost:34802/drain hold", true},
    {world_cluster_source, "step_started replicas/localhost:34802/drain/wait_until ", true},
    {world_cluster_source, "intention replicas/localhost:34802/drain/wait_until/migrate_node",
     true},
    {world_cluster_source, "intention replicas/localhost:34802/drain/wait_until-2/downgrade_node",
     true},
    {world_cluster_source, "step_started replicas/localhost:34802/drain/wait_until-3", false},
    {world_cluster_source, "step_started replicas/localhost:34802/drain/deploy", false},
    {world_cluster_source, "step_started replicas/localhost:34802/drain/wait_until-4", false},
    {world_cluster_source, "step_started replicas/localhost:34802/wait_until", false},
    {world_cluster_source, "step_started metas rolling", false},
    {swift_cluster_source, "step_started replicas/localhost:34802/drain/drain_node", false},
    {swift_cluster_source, "intention replicas/localhost:34802/drain/drain_node", false},
    {swift_cluster_source, "step_started replicas/localhost:34802/drain/wait_until", false},
    {swift_cluster_source, "step_started replicas/localhost:34802/drain/deploy", false},
    {swift_cluster_source, "step_started replicas/localhost:34802/drain/rejoin_node", false},
    {swift_cluster_source, "intention replicas/localhost:34802/drain/rejoin_node", false},
    {swift_cluster_source, "step_started replicas/localhost:34802/wait_until", false},
};
enum { MOMENTS = sizeof moments / sizeof moments[0] };

static void expect_all_upgraded(const struct world *world)
{
    ck_assert_msg(world->result.outcome == RUN_DONE, "%s\n%s", world->result.error.text,
                  text_string(&world->log));
    for (int32_t i = 0; i < WORLD_COUNT; i++) {
        ck_assert_str_eq(sim_server_version(world->sim, i), world->model.next_version);
    }
}

START_TEST(a_run_goes_on_when_a_table_comes_or_goes)
{
    struct world world;
    struct world_call call = {.world = &world};
    world_open(&world, RELEASE_MASTER);
    world_begin(&world);
    world_plan(&world, moments[_i % MOMENTS].cluster, "workflows/ha.lua");
    world.on = moments[_i % MOMENTS].on;
    world.misfortune = changes[_i / MOMENTS];
    world_run(&world);
    ck_assert_ptr_null(world.on); /* it did happen */
    if (moments[_i % MOMENTS].no_way_out && world.misfortune != drop_table) {
        ck_assert_int_eq(world.result.exit_code, 1);
        ck_assert_msg(strstr(world.result.error.text, "3 primaries left on") != NULL, "%s",
                      world.result.error.text);
        ck_assert_uint_gt(world_count(&world, "nothing to propose: 4."), 0);
    } else {
        expect_all_upgraded(&world);
    }
    world_expect_no_violation(&world);
    world_expect_all_put_back(&world);
    world_pass(&world, 120 * US_PER_SECOND);
    cluster_read_snapshot(cluster_reader(world.cluster), &world.snapshot, 30 * US_PER_SECOND,
                          world_call_done, &call);
    world_loop_until(&world, &call.ended);
    ck_assert_msg(!call.failed, "%s", call.err.text);
    for (int32_t t = 0; t < world.snapshot.table_count; t++) {
        const struct snapshot_table *table = &world.snapshot.tables[t];
        for (int32_t p = 0; table->partitions != NULL && p < table->partition_count; p++) {
            ck_assert_int_ne(table->partitions[p].primary, SNAPSHOT_NO_NODE);
            ck_assert_int_eq(table->partitions[p].secondary_count, 2);
        }
    }
    world_close(&world);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("tables");
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, a_run_goes_on_when_a_table_comes_or_goes, 0, CHANGES * MOMENTS);
    Suite *suite = suite_create("tables");
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
