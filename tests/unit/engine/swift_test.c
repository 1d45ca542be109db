/* drain_node and rejoin_node: forced proposals on a simulated cluster that counts each one that
 * would bring a real server down. */
#include "world.h"

#include "base/rng.h"

static const enum release releases[] = {RELEASE_2_5, RELEASE_MASTER};

#define HELD(steps)                                                                                \
    "return workflow \"t\" {\n  api = 1,\n  steps = function(cluster, p)\n    local node = "       \
    "cluster.replicas[1]\n    return hold { setting = { "                                          \
    "[\"meta.lb.add_secondary_max_count_for_one_node\"] = 0 },\n" steps "\n    }\n  end,\n}\n"

/* ---- proposals on their way: counted, or led astray */
static struct {
    size_t sent;
    size_t astray; /* so many go to a standby, which refuses them */
} proposals;

static struct operation *propose_call(struct transport *transport, struct address to, enum rpc rpc,
                                      const void *request, int64_t timeout_us, rpc_done_fn *done,
                                      void *ctx)
{
    struct world *world =
        (struct world *)(void *)((char *)transport - offsetof(struct world, lying));
    if (rpc == RPC_PROPOSE) {
        proposals.sent++;
        if (proposals.astray > 0) {
            proposals.astray--;
            int32_t standby = 2 * WORLD_FIRST_META + 1 - world_leader(world);
            to = sim_server_address(world->sim, standby);
        }
    }
    return world_lie(transport, to, rpc, request, timeout_us, done, ctx);
}

static void open_and_plan(struct world *world, enum release release, const char *workflow)
{
    static const struct transport_ops ops = {.call = propose_call, .get = world_honest_get};
    memset(&proposals, 0, sizeof proposals);
    world_open(world, release);
    world_begin(world);
    world->lying.ops = &ops;
    bool is_file = strchr(workflow, '\n') == NULL;
    world_plan(world, is_file ? swift_cluster_source : world_cluster_source, workflow);
}

static void expect_well_ended(struct world *world)
{
    ck_assert_msg(world->result.outcome == RUN_DONE, "%s\n%s", world->result.error.text,
                  text_string(&world->log));
    world_expect_no_violation(world);
    world_expect_all_put_back(world);
}

/* How many replicas the first server still has, of all tables. */
static int32_t replicas_of_first(struct world *world)
{
    struct world_call call = {.world = world};
    cluster_read_snapshot(cluster_reader(world->cluster), &world->snapshot, 30 * US_PER_SECOND,
                          world_call_done, &call);
    world_loop_until(world, &call.ended);
    ck_assert_msg(!call.failed, "%s", call.err.text);
    int32_t node = snapshot_find_node(&world->snapshot, sim_server_address(world->sim, 0));
    return node < 0
               ? 0
               : world->snapshot.nodes[node].primaries + world->snapshot.nodes[node].secondaries;
}

/* ---- undisturbed */
START_TEST(a_swift_upgrade_leaves_nothing_behind_and_each_window_is_short)
{
    struct world world;
    struct sim_totals totals;
    open_and_plan(&world, releases[_i], "workflows/ha.lua");
    world_run(&world);
    expect_well_ended(&world);
    for (int32_t i = 0; i < WORLD_COUNT; i++) {
        ck_assert_str_eq(sim_server_version(world.sim, i), world.model.next_version);
    }
    ck_assert_uint_eq(world_count(&world, "no difference"), 1);
    ck_assert_uint_eq(world_count(&world, "outcome replicas/localhost:34801/drain/drain_node "
                                          "no replica is left on localhost:34801"),
                      releases[_i] == RELEASE_MASTER ? 1 : 0);
    ck_assert_uint_eq(world_count(&world, "drain/rejoin_node no replica is missing on"),
                      WORLD_SERVERS);
    ck_assert_uint_eq(world_count(&world, "nothing to propose"), 0);
    sim_totals(world.sim, &totals);
    ck_assert_int_ge(totals.fewest_live_replicas, 2);
    ck_assert_int_lt(totals.longest_read_us, 30 * US_PER_MS);
    world_close(&world);
}
END_TEST

START_TEST(more_in_flight_is_faster_and_each_partition_waits_longer)
{
    static const char *const workflows[] = {HELD("drain_node(node),"),
                                            HELD("drain_node(node) { in_flight = 32 },")};
    int64_t took_us[2];
    int64_t longest_us[2];
    for (int i = 0; i < 2; i++) {
        struct world world;
        struct sim_totals totals;
        open_and_plan(&world, RELEASE_MASTER, workflows[i]);
        int32_t before = replicas_of_first(&world);
        int64_t began_us = loop_now_us(world.loop);
        world_run(&world);
        took_us[i] = loop_now_us(world.loop) - began_us;
        expect_well_ended(&world);
        ck_assert_uint_eq(proposals.sent, (size_t)before); /* one each */
        ck_assert_int_eq(replicas_of_first(&world), 0);
        sim_totals(world.sim, &totals);
        longest_us[i] = totals.longest_read_us;
        world_close(&world);
    }
    ck_assert_int_lt(took_us[1] * 3, took_us[0]);
    ck_assert_int_gt(longest_us[1], longest_us[0]);
}
END_TEST

START_TEST(what_was_drained_comes_back_without_a_restart_too)
{
    struct world world;
    open_and_plan(&world, releases[_i], HELD("drain_node(node), rejoin_node(node),"));
    int32_t before = replicas_of_first(&world);
    world_run(&world);
    expect_well_ended(&world);
    ck_assert_int_eq(replicas_of_first(&world), before);
    world_close(&world);
}
END_TEST

START_TEST(nothing_to_drain_or_to_bring_back_is_done_at_once)
{
    struct world world;
    open_and_plan(
        &world, RELEASE_MASTER,
        HELD("rejoin_node(node), drain_node(node), drain_node(node) { id = \"again\" },"));
    world_run(&world);
    expect_well_ended(&world);
    ck_assert_uint_eq(world_count(&world, "outcome rejoin_node no replica is missing on"), 1);
    ck_assert_uint_eq(world_count(&world, "outcome again no replica is left on"), 1);
    ck_assert_uint_eq(world_count(&world, "intention again"), 0);
    world_close(&world);
}
END_TEST

START_TEST(many_replicas_are_announced_in_batches)
{
    static const struct model_table tables[] = {
        {.name = "big", .partition_count = 256, .max_replica_count = 3}};
    struct world world;
    world_open(&world, RELEASE_MASTER);
    world.model.tables = tables;
    world.model.table_count = 1;
    world_begin(&world);
    world_plan(&world, world_cluster_source,
               HELD("drain_node(node) { in_flight = 4 }, rejoin_node(node),"));
    world_run(&world);
    expect_well_ended(&world);
    ck_assert_uint_eq(world_count(&world, "take 100 replicas away"), 1);
    ck_assert_uint_eq(world_count(&world, "bring 100 replicas back"), 1);
    ck_assert_uint_eq(world_count(&world, "100 of 100 replicas have left"), 1);
    ck_assert_uint_eq(world_count(&world, "100 of 100 replicas are back"), 1);
    ck_assert_uint_eq(world_count(&world, "at a time (more follow)"), 2);
    world_close(&world);
}
END_TEST

START_TEST(a_table_whose_outage_is_accepted_stays_and_is_told)
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
    world_plan(&world,
               "return cluster \"onebox\" {\n  metas = { \"127.0.0.1:34601\", \"127.0.0.1:34602\" "
               "},\n  accept = { outage = { \"pair\" }, reason = \"caches only\" },\n}\n",
               HELD("drain_node(node),"));
    world_run(&world);
    expect_well_ended(&world);
    ck_assert_uint_eq(world_count(&world, "of tables whose outage is accepted stay"), 1);
    ck_assert_int_gt(replicas_of_first(&world), 0);
    world_close(&world);
}
END_TEST

START_TEST(a_table_with_two_replicas_is_refused_before_any_change)
{
    static const struct model_table tables[] = {
        {.name = "pair", .partition_count = 8, .max_replica_count = 2}};
    struct world world;
    world_open(&world, RELEASE_MASTER);
    world.model.tables = tables;
    world.model.table_count = 1;
    world_begin(&world);
    world_plan(&world, world_cluster_source, HELD("drain_node(node),"));
    world_run(&world);
    ck_assert_int_eq(world.result.exit_code, 3);
    ck_assert_uint_eq(world_count(&world, "intention"), 0);
    world_close(&world);
}
END_TEST

/* ---- disturbed */
static void start_dead_metas(struct world *world)
{
    for (int32_t i = WORLD_FIRST_META; i < WORLD_FIRST_META + WORLD_METAS; i++) {
        struct error runs_already;
        int64_t done_us;
        (void)sim_control(world->sim, i, SIM_START, NULL, &done_us, &runs_already);
    }
    sim_driver_poke(world->driver);
}

static void kill_leader(struct world *world)
{
    world_control(world, world_leader(world), SIM_KILL);
    world->on = "told_again";
    world->misfortune = start_dead_metas;
}

static const struct {
    const char *on;
    int64_t delay_us;
} leader_moments[] = {
    {"intention replicas/localhost:34801/drain/drain_node", 0},
    {"intention replicas/localhost:34801/drain/drain_node", 5000},
    {"intention replicas/localhost:34801/drain/drain_node", 233000},
    {"step_started replicas/localhost:34801/drain/rejoin_node", 0},
    {"intention replicas/localhost:34801/drain/rejoin_node", 1000},
    {"intention replicas/localhost:34801/drain/rejoin_node", 120000},
};
enum { LEADER_MOMENTS = sizeof leader_moments / sizeof leader_moments[0] };

static struct {
    struct timer timer;
    int64_t delay_us;
    misfortune_fn *what;
} later;

static void later_now(void *ctx)
{
    later.what(ctx);
}

static void after_a_while(struct world *world)
{
    timer_start(world->loop, &later.timer, later.delay_us, later_now, world);
}

static void suffer(struct world *world, const char *on, int64_t delay_us, misfortune_fn *what)
{
    world->on = on;
    world->misfortune = after_a_while;
    later.delay_us = delay_us;
    later.what = what;
}

START_TEST(a_killed_leader_only_delays_it)
{
    struct world world;
    open_and_plan(&world, releases[_i / LEADER_MOMENTS], "workflows/ha.lua");
    suffer(&world, leader_moments[_i % LEADER_MOMENTS].on,
           leader_moments[_i % LEADER_MOMENTS].delay_us, kill_leader);
    world_run(&world);
    ck_assert_uint_ge(world_count(&world, "leader_changed"), 1);
    expect_well_ended(&world);
    for (int32_t i = 0; i < WORLD_COUNT; i++) {
        ck_assert_str_eq(sim_server_version(world.sim, i), world.model.next_version);
    }
    world_close(&world);
}
END_TEST

START_TEST(a_refused_proposal_is_read_anew_before_it_is_sent_again)
{
    struct world world;
    open_and_plan(&world, releases[_i], HELD("drain_node(node), rejoin_node(node),"));
    int32_t before = replicas_of_first(&world);
    proposals.astray = 3;
    world_run(&world);
    expect_well_ended(&world);
    ck_assert_uint_eq(proposals.sent, 2 * (size_t)before + 3);
    ck_assert_uint_ge(world_count(&world, "the meta server answered ERR_"), 1);
    ck_assert_uint_ge(world_count(&world, "waiting drain_node 3 replicas are still on"), 1);
    world_close(&world);
}
END_TEST

START_TEST(an_answer_that_nobody_expects_ends_the_step)
{
    struct world world;
    open_and_plan(&world, RELEASE_MASTER, HELD("drain_node(node) { in_flight = 4 },"));
    world.lie_about = "proposals";
    world.lie = "ERR_ACL_DENY";
    world_run(&world);
    ck_assert_int_eq(world.result.exit_code, 1);
    ck_assert_msg(strstr(world.result.error.text, "the meta server answered ERR_ACL_DENY") != NULL,
                  "%s", world.result.error.text);
    ck_assert_uint_eq(proposals.sent, 4);
    world_expect_no_violation(&world);
    world_expect_all_put_back(&world);
    world_close(&world);
}
END_TEST

static void kill_r5(struct world *world)
{
    world_control(world, 4, SIM_KILL);
}

START_TEST(while_another_server_is_dead_nothing_that_concerns_it_is_sent)
{
    struct world world;
    open_and_plan(&world, releases[_i], HELD("drain_node(node),"));
    suffer(&world, "intention drain_node", 30000, kill_r5);
    world_run(&world);
    ck_assert_int_eq(world.result.exit_code, 1);
    ck_assert_msg(strstr(world.result.error.text, "the guard does not let replicas leave") != NULL,
                  "%s", world.result.error.text);
    ck_assert_uint_ge(world_count(&world, "does not answer by itself"), 1);
    world_expect_no_violation(&world);
    world_expect_all_put_back(&world);
    world_close(&world);
}
END_TEST

static void stop_run(struct world *world)
{
    run_stop(world->run);
}

static void kill_r5_and_stop_later(struct world *world)
{
    kill_r5(world);
    later.delay_us = 6 * US_PER_SECOND; /* nobody has declared it dead yet */
    later.what = stop_run;
    after_a_while(world);
}

START_TEST(what_comes_back_needs_its_primary_alone)
{
    struct world world;
    open_and_plan(&world, releases[_i], HELD("drain_node(node), rejoin_node(node),"));
    world.on = "intention rejoin_node";
    world.misfortune = kill_r5_and_stop_later;
    world_run(&world);
    int32_t away = 0;
    ck_assert_int_eq(world.result.outcome, RUN_STOPPED);
    ck_assert_int_gt(replicas_of_first(&world), 0);
    int32_t first = snapshot_find_node(&world.snapshot, sim_server_address(world.sim, 0));
    int32_t dead = snapshot_find_node(&world.snapshot, sim_server_address(world.sim, 4));
    for (int32_t t = 0; t < world.snapshot.table_count; t++) {
        const struct snapshot_table *table = &world.snapshot.tables[t];
        for (int32_t p = 0; p < table->partition_count; p++) {
            const struct snapshot_partition *partition = &table->partitions[p];
            int32_t drops = partition->last_drop_count;
            if (drops > 0 && partition->last_drops[drops - 1] == first) {
                away++;
                ck_assert_int_eq(partition->primary, dead);
            }
        }
    }
    ck_assert_int_gt(away, 0);
    ck_assert_uint_ge(world_count(&world, "34805 does not answer by itself"), 1);
    world_expect_no_violation(&world);
    world_expect_all_put_back(&world);
    world_close(&world);
}
END_TEST

static void kill_r1(struct world *world)
{
    world_control(world, 0, SIM_KILL);
}

START_TEST(the_timeout_tells_what_was_seen_last)
{
    static const struct {
        const char *workflow;
        const char *on;
        const char *error;
    } cases[] = {
        {HELD("drain_node(node) { timeout = \"5s\" },"), "intention drain_node",
         "not done within 5s; last seen: "},
        {HELD("drain_node(node), rejoin_node(node) { timeout = \"5s\" },"), "intention rejoin_node",
         "not done within 5s; last seen: "},
    };
    struct world world;
    open_and_plan(&world, RELEASE_MASTER, cases[_i].workflow);
    suffer(&world, cases[_i].on, 20000, kill_r1);
    world_run(&world);
    ck_assert_int_eq(world.result.exit_code, 1);
    ck_assert_msg(strstr(world.result.error.text, cases[_i].error) != NULL, "%s",
                  world.result.error.text);
    ck_assert_msg(strstr(world.result.error.text, "localhost:34801") != NULL, "%s",
                  world.result.error.text);
    world_expect_no_violation(&world);
    world_expect_all_put_back(&world);
    world_close(&world);
}
END_TEST

static size_t sent_at_stop;

static void stop(struct world *world)
{
    sent_at_stop = proposals.sent;
    stop_run(world);
}

START_TEST(after_a_stop_nothing_is_sent_and_what_is_under_way_is_waited_for)
{
    static const char *const steps[] = {"intention drain_node", "intention rejoin_node"};
    struct world world;
    struct sim_totals totals;
    open_and_plan(&world, RELEASE_MASTER,
                  HELD("drain_node(node) { in_flight = 2 }, rejoin_node(node) { in_flight = 2 },"));
    int32_t before = replicas_of_first(&world);
    suffer(&world, steps[_i % 2], 1000 + _i / 2 * 1300, stop);
    world_run(&world);
    ck_assert_int_eq(world.result.outcome, RUN_STOPPED);
    ck_assert_int_eq(world.result.exit_code, 4);
    ck_assert_uint_eq(proposals.sent, sent_at_stop);
    world_expect_no_violation(&world);
    world_expect_all_put_back(&world);
    int32_t there = replicas_of_first(&world);
    ck_assert_int_eq(_i % 2 == 0 ? before - there : there,
                     (int32_t)sent_at_stop - (_i % 2 == 0 ? 0 : before));
    sim_totals(world.sim, &totals);
    ck_assert_int_lt(totals.longest_read_us, 100 * US_PER_MS);
    world_close(&world);
}
END_TEST

/* The simulation must see what these tests look for: the same forced proposal twice, as one that
 * does not read anew would send it. */
START_TEST(a_stale_forced_proposal_is_counted)
{
    struct world world;
    open_and_plan(&world, releases[_i], HELD("log \"unused\","));
    const struct snapshot_partition *partition = &world.snapshot.tables[0].partitions[0];
    int32_t node = partition->secondaries[0];
    for (int time = 0; time < 2; time++) {
        struct world_call call = {.world = &world};
        struct proposal proposal = {
            .gpid = partition->gpid,
            .actions = {{partition->primary, node, CT_DOWNGRADE_TO_INACTIVE}},
            .action_count = 1,
            .force = true,
            .balance_type = -1,
        };
        ck_assert_uint_eq(sim_violation_count(world.sim), 0);
        cluster_propose_once(world.cluster, &world.snapshot, &proposal, 1, US_PER_SECOND,
                             world_call_done, &call);
        world_loop_until(&world, &call.ended);
        ck_assert_str_eq(proposal.answer, PEGASUS_OK);
        world_pass(&world, 500 * US_PER_MS);
    }
    ck_assert_uint_eq(sim_violation_count(world.sim), 1);
    world_close(&world);
}
END_TEST

/* ---- somebody else moves the same replicas */
static void drain_the_last_ones_too(struct world *world)
{
    static struct proposal foreign[8];
    static struct world_call call;
    const struct snapshot *snapshot = &world->snapshot;
    const struct snapshot_table *table = &snapshot->tables[snapshot->table_count - 1];
    int32_t node = snapshot_find_node(snapshot, sim_server_address(world->sim, 0));
    size_t count = 0;
    for (int32_t p = table->partition_count - 1; count < 8; p--) {
        const struct snapshot_partition *partition = &table->partitions[p];
        if (snapshot_partition_has_member(partition, node)) {
            foreign[count++] = (struct proposal){
                .gpid = partition->gpid,
                .actions = {{partition->primary, node, CT_DOWNGRADE_TO_INACTIVE}},
                .action_count = 1,
                .force = true,
                .balance_type = -1,
            };
        }
    }
    cluster_propose_once(world->cluster, snapshot, foreign, count, US_PER_SECOND, world_call_done,
                         &call);
    call = (struct world_call){.world = world};
}

START_TEST(what_somebody_else_took_away_meanwhile_is_not_taken_again)
{
    struct world world;
    open_and_plan(&world, releases[_i], HELD("drain_node(node), rejoin_node(node),"));
    int32_t before = replicas_of_first(&world);
    suffer(&world, "intention drain_node", 10000, drain_the_last_ones_too);
    world_start(&world);
    while (!world.ended) { /* the foreign hand stops the loop as well */
        ck_assert(loop_run(world.loop, &world.result.error));
    }
    expect_well_ended(&world);
    ck_assert_uint_eq(proposals.sent, 2 * (size_t)before); /* theirs and ours, one each */
    ck_assert_int_eq(replicas_of_first(&world), before);
    world_close(&world);
}
END_TEST

/* A learner that needs as long as it takes until its proposal is sent again becomes a member in
 * between: read as none, and met as one. */
START_TEST(a_learner_that_is_about_to_be_a_member_is_not_added_again)
{
    static const struct model_table tables[] = {
        {.name = "one", .partition_count = 4, .max_replica_count = 3}};
    for (int64_t learn_us = 1050 * US_PER_MS; learn_us < 1130 * US_PER_MS; learn_us += 250) {
        struct world world;
        memset(&proposals, 0, sizeof proposals);
        world_open(&world, RELEASE_MASTER);
        world.model.tables = tables;
        world.model.table_count = 1;
        world.model.timings.learn_us = learn_us;
        world_begin(&world);
        world_plan(&world, world_cluster_source, HELD("drain_node(node), rejoin_node(node),"));
        world_run(&world);
        expect_well_ended(&world);
        world_close(&world);
    }
}
END_TEST

/* ---- a server dies at a random moment */
#ifdef __SANITIZE_ADDRESS__
enum { SEEDS = 60 };
#else
enum { SEEDS = 1000 };
#endif

static struct rng chance;

static void kill_somebody(struct world *world)
{
    int32_t victim = (int32_t)rng_below(&chance, WORLD_SERVERS + 1);
    if (victim == WORLD_SERVERS) {
        kill_leader(world);
    } else {
        /* The drained one three times as often; some come back at once. */
        victim = rng_below(&chance, 2) == 0 ? 0 : victim;
        world_control(world, victim, rng_below(&chance, 3) == 0 ? SIM_RESTART : SIM_KILL);
    }
}

static void meet_a_death(uint64_t seed)
{
    static const struct model_table tables[] = {
        {.name = "idle", .partition_count = 6, .max_replica_count = 3},
        {.name = "written", .partition_count = 8, .max_replica_count = 3, .written = true},
    };
    static const char *const moments[] = {"intention drain_node", "intention rejoin_node"};
    struct world world;
    rng_init(&chance, seed);
    world_open(&world, releases[seed % 2]);
    world.operator_continues = true; /* a server that restarts by itself pauses the run */
    world.model.seed = seed;
    world.model.tables = tables;
    world.model.table_count = 2;
    world_begin(&world);
    char workflow[sizeof HELD("") + 200];
    snprintf(workflow, sizeof workflow,
             HELD("drain_node(node) { in_flight = %d, timeout = \"3m\" }, rejoin_node(node) { "
                  "in_flight = %d, timeout = \"3m\" },"),
             1 + (int)rng_below(&chance, 4), 1 + (int)rng_below(&chance, 8));
    world_plan(&world, world_cluster_source, workflow);
    suffer(&world, moments[rng_below(&chance, 4) == 0], (int64_t)rng_below(&chance, 120000),
           kill_somebody);
    world_run(&world);
    timer_cancel(&later.timer);
    ck_assert(world.on == NULL || strcmp(world.on, "told_again") == 0);
    ck_assert_msg(world.result.exit_code == 0 || world.result.exit_code == 1, "seed %d: %s",
                  (int)seed, world.result.error.text);
    ck_assert_msg(sim_violation_count(world.sim) == 0, "seed %d: %s\n%s", (int)seed,
                  sim_violation(world.sim, 0)->what, text_string(&world.log));
    start_dead_metas(&world);
    world_pass(&world, 30 * US_PER_SECOND);
    world_expect_all_put_back(&world);
    world_expect_no_violation(&world);
    world_close(&world);
}

START_TEST(no_forced_proposal_reaches_a_server_that_has_left)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        meet_a_death(seed);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("swift");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, a_swift_upgrade_leaves_nothing_behind_and_each_window_is_short, 0,
                        2);
    tcase_add_test(tcase, more_in_flight_is_faster_and_each_partition_waits_longer);
    tcase_add_loop_test(tcase, what_was_drained_comes_back_without_a_restart_too, 0, 2);
    tcase_add_test(tcase, nothing_to_drain_or_to_bring_back_is_done_at_once);
    tcase_add_test(tcase, many_replicas_are_announced_in_batches);
    tcase_add_test(tcase, a_table_whose_outage_is_accepted_stays_and_is_told);
    tcase_add_test(tcase, a_table_with_two_replicas_is_refused_before_any_change);
    tcase_add_loop_test(tcase, a_killed_leader_only_delays_it, 0, 2 * LEADER_MOMENTS);
    tcase_add_loop_test(tcase, a_refused_proposal_is_read_anew_before_it_is_sent_again, 0, 2);
    tcase_add_test(tcase, an_answer_that_nobody_expects_ends_the_step);
    tcase_add_loop_test(tcase, while_another_server_is_dead_nothing_that_concerns_it_is_sent, 0, 2);
    tcase_add_loop_test(tcase, what_comes_back_needs_its_primary_alone, 0, 2);
    tcase_add_loop_test(tcase, the_timeout_tells_what_was_seen_last, 0, 2);
    tcase_add_loop_test(tcase, after_a_stop_nothing_is_sent_and_what_is_under_way_is_waited_for, 0,
                        12);
    tcase_add_loop_test(tcase, a_stale_forced_proposal_is_counted, 0, 2);
    tcase_add_loop_test(tcase, what_somebody_else_took_away_meanwhile_is_not_taken_again, 0, 2);
    tcase_add_test(tcase, a_learner_that_is_about_to_be_a_member_is_not_added_again);
    tcase_add_test(tcase, no_forced_proposal_reaches_a_server_that_has_left);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
