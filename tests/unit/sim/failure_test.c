/* Servers that die, come back, or freeze the cluster: S8, S9, S14 and S15 of the reference. */
#include "lab.h"

static const struct model_table idle_and_written[] = {
    {.name = "idle", .partition_count = 30, .max_replica_count = 3},
    {.name = "busy", .partition_count = 30, .max_replica_count = 3, .written = true},
};

static void open_two(struct lab *lab, enum release release, int32_t servers)
{
    lab_model(lab, release);
    lab->model.tables = idle_and_written;
    lab->model.table_count = 2;
    lab->model.replica_count = servers;
    lab_start(lab);
}

static int32_t wait_for_death(struct lab *lab, int32_t server)
{
    int64_t began_us = lab->sim->now_us;
    while (lab->sim->servers[server].status == NODE_ALIVE) {
        lab_wait_ms(lab, 100);
        ck_assert_int_lt(lab->sim->now_us - began_us, 60 * US_PER_SECOND);
    }
    return (int32_t)((lab->sim->now_us - began_us) / US_PER_MS);
}

START_TEST(killed_server_is_listed_alive_until_its_grace_is_over)
{
    static const struct {
        enum release release;
        int32_t least_ms;
        int32_t most_ms;
    } cases[] = {{RELEASE_MASTER, 19000, 24100}, {RELEASE_2_5, 7000, 12100}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (uint64_t seed = 1; seed <= 5; seed++) {
            struct lab lab;
            lab_model(&lab, cases[i].release);
            lab.model.seed = seed;
            lab_start(&lab);
            lab_wait_ms(&lab, 40000);
            int32_t primaries = lab_primaries(&lab, R2);
            ck_assert_int_gt(primaries, 0);
            lab_control(&lab, R2, SIM_KILL);
            ck_assert_int_eq(lab_health(&lab).unhealthy, 0);
            ck_assert_int_eq(lab_serving_count(&lab), 16 - primaries);
            int32_t died_ms = wait_for_death(&lab, R2);
            ck_assert_int_ge(died_ms, cases[i].least_ms);
            ck_assert_int_le(died_ms, cases[i].most_ms);
            lab_wait_ms(&lab, 1000);
            ck_assert_int_eq(lab_serving_count(&lab), 16);
            ck_assert_int_eq(lab_primaries(&lab, R2) + lab_secondaries(&lab, R2), 0);
            ck_assert_int_eq(lab_health(&lab).write_unhealthy, 0);
            lab_close(&lab);
        }
    }
}
END_TEST

START_TEST(written_partitions_notice_a_dead_secondary_in_seconds)
{
    struct lab lab;
    open_two(&lab, RELEASE_MASTER, 5);
    lab_control(&lab, R2, SIM_KILL);
    lab_wait_ms(&lab, 2200);
    for (int32_t p = 0; p < 30; p++) {
        ck_assert(!partition_has_secondary(lab_partition(&lab, 2, p), R2));
    }
    int64_t waited_us = lab_totals(&lab).longest_write_us;
    ck_assert_int_ge(waited_us, 100 * US_PER_MS);
    int32_t idle = 0;
    for (int32_t p = 0; p < 30; p++) {
        idle += partition_has_secondary(lab_partition(&lab, 1, p), R2);
    }
    ck_assert_int_gt(idle, 6); /* but for a group check here and there */
    lab_close(&lab);
}
END_TEST

START_TEST(undrained_restart_within_grace_serves_at_a_new_ballot)
{
    struct lab lab;
    open_two(&lab, RELEASE_MASTER, 5);
    struct partition *partition = &lab.sim->partitions[0];
    while (partition->primary != R3) {
        partition++;
    }
    int64_t ballot = partition->ballot;
    lab_control(&lab, R3, SIM_RESTART);
    for (int32_t i = 0; i < 40; i++) {
        lab_wait_ms(&lab, 100);
        ck_assert_int_eq(lab.sim->servers[R3].status, NODE_ALIVE);
    }
    ck_assert_int_eq(partition->primary, R3);
    ck_assert_int_eq(partition->serving, R3);
    ck_assert_int_eq(partition->ballot, ballot + 1);
    ck_assert_int_eq(lab_serving_count(&lab), 60);
    struct sim_totals totals = lab_totals(&lab);
    ck_assert_int_eq(totals.primaries_moved, 0);
    ck_assert_int_ge(totals.longest_read_us, 600 * US_PER_MS);
    ck_assert_int_le(totals.longest_read_us, 4 * US_PER_SECOND);
    lab_to_tick(&lab, 2000);
    ck_assert_int_eq(lab_health(&lab).unhealthy, 0);
    lab_close(&lab);
}
END_TEST

START_TEST(start_is_seen_in_stages)
{
    struct lab lab;
    lab_open(&lab, RELEASE_MASTER);
    struct list_nodes_request nodes = {0};
    struct list_nodes_response response;
    lab_control(&lab, R1, SIM_RESTART);
    lab_wait_ms(&lab, 10);
    ck_assert_int_eq(sim_server_process(lab.sim, R1), SIM_UP); /* until the signal has done it */
    static const struct {
        int32_t at_ms; /* since the process was gone and started */
        enum sim_process process;
        const char *command;
        enum sim_answer http;
    } stages[] = {
        {10, SIM_DOWN, "refused", SIM_REFUSED},
        {110, SIM_SILENT, "no reply", SIM_NO_REPLY},
        {210, SIM_UP, PEGASUS_HANDLER_NOT_FOUND, SIM_ANSWER},
        {590, SIM_UP, PEGASUS_HANDLER_NOT_FOUND, SIM_ANSWER},
        {620, SIM_UP, "Flush done.", SIM_ANSWER},
    };
    int64_t started_us = 50 * US_PER_MS;
    for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++) {
        struct sim_http http = {0};
        lab_advance_to(&lab, started_us + stages[i].at_ms * US_PER_MS);
        ck_assert_int_eq(sim_server_process(lab.sim, R1), stages[i].process);
        ck_assert_str_eq(lab_command(&lab, R1, "flush-log"), stages[i].command);
        ck_assert_int_eq(sim_http_request(lab.sim, R1, "GET", "/recentStartTime", &http),
                         stages[i].http);
        if (stages[i].http == SIM_ANSWER) {
            ck_assert_str_eq(text_string(&http.body),
                             "{\"RecentStartTime\":\"2026-11-23 14:52:05\"}\n");
            ck_assert_int_eq(
                sim_request(lab.sim, R1, RPC_LIST_NODES, 0, &nodes, &lab.arena, &response),
                SIM_NO_HANDLER);
        }
        text_clear(&http.body);
    }
    lab_close(&lab);
}
END_TEST

START_TEST(returned_server_gets_its_replicas_back_at_the_next_ticks)
{
    struct lab lab;
    open_two(&lab, RELEASE_MASTER, 5);
    lab_control(&lab, R4, SIM_KILL);
    wait_for_death(&lab, R4);
    lab_wait_ms(&lab, 20000);
    ck_assert_int_eq(lab_health(&lab).unhealthy, 36); /* its 36 replicas, and nothing was copied */
    lab_control(&lab, R4, SIM_START);
    lab_wait_ms(&lab, 3000);
    ck_assert_int_eq(lab.sim->servers[R4].status, NODE_ALIVE);
    lab_to_tick(&lab, 12000);
    ck_assert_int_eq(lab_secondaries(&lab, R4), 36);
    ck_assert_int_eq(lab_health(&lab).unhealthy, 0);
    lab_close(&lab);
}
END_TEST

START_TEST(replicas_are_copied_elsewhere_once_the_delay_is_over)
{
    struct lab lab;
    open_two(&lab, RELEASE_MASTER, 5);
    lab_set(&lab, SETTING_ASSIGN_DELAY " 60000");
    lab_control(&lab, R4, SIM_KILL);
    wait_for_death(&lab, R4);
    lab_wait_ms(&lab, 55000);
    ck_assert_int_gt(lab_health(&lab).unhealthy, 20);
    lab_wait_ms(&lab, 60000);
    ck_assert_int_eq(lab_health(&lab).unhealthy, 0);
    lab_close(&lab);
}
END_TEST

START_TEST(black_list_turns_the_wait_into_a_copy)
{
    struct lab lab;
    open_two(&lab, RELEASE_MASTER, 5);
    struct partition *partition = lab_partition(&lab, 1, 0);
    int32_t node = partition->secondaries[0];
    char command[200];
    snprintf(command, sizeof command, SETTING_BLACK_LIST " %s", lab.sim->servers[node].name);
    ck_assert_str_eq(lab_set(&lab, command), "{\n  \"error\": \"ok\"\n}");
    lab_propose(&lab, partition, CT_DOWNGRADE_TO_INACTIVE, partition->primary, node, true);
    lab_wait_ms(&lab, 100);
    ck_assert(!partition_has_member(partition, node));
    lab_to_tick(&lab, 3000);
    ck_assert_int_eq(partition->secondary_count, 2);
    ck_assert(!partition_has_member(partition, node));
    lab_close(&lab);
}
END_TEST

START_TEST(undrained_server_of_three_freezes_the_cluster)
{
    struct lab lab;
    open_two(&lab, RELEASE_MASTER, 3);
    lab_control(&lab, R3, SIM_STOP);
    wait_for_death(&lab, R3);
    lab_wait_ms(&lab, 3000);
    int32_t old_level;
    ck_assert_int_eq(meta_effective_level(lab.sim), LEVEL_FREEZED);
    lab_level(&lab, LEVEL_QUERY, &old_level);
    ck_assert_int_eq(old_level, LEVEL_STEADY);
    /* Idle partitions whose secondary it was wait, unread, for the level. */
    ck_assert_int_lt(lab_serving_count(&lab), 60);
    for (int32_t p = 0; p < 30; p++) {
        const struct partition *busy = lab_partition(&lab, 2, p);
        ck_assert(busy->primary == NO_SERVER || busy->serving != NO_SERVER);
    }
    lab_control(&lab, R3, SIM_START);
    lab_wait_ms(&lab, 4000);
    ck_assert_int_eq(meta_effective_level(lab.sim), LEVEL_STEADY);
    ck_assert_int_eq(lab_serving_count(&lab), 60);
    lab_to_tick(&lab, 21000);
    ck_assert_int_eq(lab_health(&lab).unhealthy, 0);
    lab_close(&lab);
}
END_TEST

START_TEST(drained_server_of_three_freezes_without_harm)
{
    struct lab lab;
    open_two(&lab, RELEASE_MASTER, 3);
    lab_drain(&lab, R3);
    lab_control(&lab, R3, SIM_STOP);
    lab_wait_ms(&lab, 60);
    struct sim_totals before = lab_totals(&lab);
    wait_for_death(&lab, R3);
    ck_assert_int_eq(meta_effective_level(lab.sim), LEVEL_FREEZED);
    lab_wait_ms(&lab, 15000);
    ck_assert_int_eq(lab_totals(&lab).reads_away_us, before.reads_away_us);
    lab_set(&lab, SETTING_ADD_SECONDARY_LIMIT " 100");
    lab_control(&lab, R3, SIM_START);
    lab_wait_ms(&lab, 15000);
    ck_assert_int_eq(lab_health(&lab).unhealthy, 0);
    lab_close(&lab);
}
END_TEST

START_TEST(lost_second_replica_is_an_emergency_that_the_limit_still_stops)
{
    struct lab lab;
    lab_open(&lab, RELEASE_MASTER);
    struct partition *partition = lab_partition(&lab, 1, 0);
    lab_set(&lab, SETTING_ADD_SECONDARY_LIMIT " 0");
    lab_set(&lab, SETTING_ASSIGN_DELAY " 180000000");
    for (int32_t i = 0; i < 2; i++) {
        lab_propose(&lab, partition, CT_DOWNGRADE_TO_INACTIVE, partition->primary,
                    partition->secondaries[0], true);
        lab_wait_ms(&lab, 100);
    }
    ck_assert_int_eq(partition->secondary_count, 0);
    lab_to_tick(&lab, 2000);
    ck_assert_int_eq(partition->secondary_count, 0);
    lab_set(&lab, SETTING_ADD_SECONDARY_LIMIT " 1");
    lab_to_tick(&lab, 2000);
    ck_assert_int_eq(partition->secondary_count, 1);
    lab_to_tick(&lab, 2000);
    ck_assert_int_eq(partition->secondary_count, 2);
    lab_close(&lab);
}
END_TEST

START_TEST(single_replica_waits_for_its_server)
{
    static const struct model_table solo = {
        .name = "solo", .partition_count = 5, .max_replica_count = 1};
    struct lab lab;
    lab_model(&lab, RELEASE_MASTER);
    lab.model.tables = &solo;
    lab_start(&lab);
    ck_assert_int_eq(lab_totals(&lab).writes_away_us, 0); /* what it never had is no outage */
    struct partition *partition = lab_partition(&lab, 1, 0);
    int32_t server = partition->primary;
    lab_control(&lab, server, SIM_KILL);
    wait_for_death(&lab, server);
    lab_wait_ms(&lab, 15000);
    ck_assert_int_eq(partition->primary, NO_SERVER);
    ck_assert_int_eq(partition->last_drops[0], server);
    lab_control(&lab, server, SIM_START);
    lab_wait_ms(&lab, 14000);
    ck_assert_int_eq(partition->serving, server);
    lab_close(&lab);
}
END_TEST

START_TEST(killed_primary_replica_is_replaced)
{
    struct lab lab;
    lab_open(&lab, RELEASE_MASTER);
    struct partition *partition = lab_partition(&lab, 1, 2);
    int32_t primary = partition->primary;
    ck_assert_str_eq(lab_command(&lab, primary, "replica.kill_partition 1 2"), PEGASUS_OK);
    lab_wait_ms(&lab, 200);
    ck_assert_int_ne(partition->primary, primary);
    ck_assert_int_ne(partition->serving, NO_SERVER);
    ck_assert_int_eq(partition->ballot, 5);
    lab_close(&lab);
}
END_TEST

static const struct model_table table_pair = {
    .name = "pair", .partition_count = 5, .max_replica_count = 2};

START_TEST(learner_whose_primary_died_before_it_could_tell_serves)
{
    /* The soak found it: listed as a secondary, and a learner for ever by its own account. */
    struct lab lab;
    lab_model(&lab, RELEASE_MASTER);
    lab.model.tables = &table_pair;
    lab_start(&lab);
    struct partition *partition = lab_partition(&lab, 1, 0);
    int32_t primary = partition->primary;
    int32_t node = partition->secondaries[0];
    lab_propose(&lab, partition, CT_DOWNGRADE_TO_INACTIVE, primary, node, true);
    lab_to_tick(&lab, 0);
    while (!partition_has_secondary(partition, node)) {
        lab_wait(&lab, 50);
    }
    ck_assert_int_eq(partition_replica(lab.sim, partition, node)->status,
                     REPLICA_POTENTIAL_SECONDARY);
    lab_control(&lab, primary, SIM_KILL);
    wait_for_death(&lab, primary);
    lab_wait_ms(&lab, 1000);
    ck_assert_int_eq(partition->serving, node);
    lab_close(&lab);
}
END_TEST

START_TEST(replica_that_failed_unnoticed_is_taken_away_when_it_is_to_serve)
{
    struct lab lab;
    lab_model(&lab, RELEASE_MASTER);
    lab.model.tables = &table_pair;
    lab_start(&lab);
    struct partition *partition = lab_partition(&lab, 1, 0);
    int32_t primary = partition->primary;
    int32_t node = partition->secondaries[0];
    ck_assert_str_eq(lab_command(&lab, node, "replica.kill_partition 1 0"), PEGASUS_OK);
    lab_control(&lab, primary, SIM_KILL);
    wait_for_death(&lab, primary);
    lab_wait_ms(&lab, 11000);
    ck_assert_int_eq(partition->secondary_count, 0);
    ck_assert_int_eq(partition->primary, NO_SERVER); /* the last two to leave are not both there */
    lab_control(&lab, primary, SIM_START);
    lab_wait_ms(&lab, 14000);
    ck_assert_int_ne(partition->serving, NO_SERVER);
    lab_close(&lab);
}
END_TEST

START_TEST(deployment_orders_that_make_no_sense_are_refused)
{
    static const struct {
        enum sim_control first;
        enum sim_control then;
        const char *error;
    } cases[] = {
        {SIM_KILL, SIM_STOP, "r1: cannot stop what does not run"},
        {SIM_KILL, SIM_KILL, "r1: cannot kill what does not run"},
        {SIM_UPDATE, SIM_RESTART, "r1: another order is under way"},
        {SIM_UPDATE, SIM_START, "r1: runs already"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lab lab;
        struct error err;
        int64_t done_us = -1;
        lab_open(&lab, RELEASE_MASTER);
        lab_control(&lab, R1, cases[i].first);
        ck_assert(!sim_control(lab.sim, R1, cases[i].then, NULL, &done_us, &err));
        ck_assert_str_eq(err.text, cases[i].error);
        ck_assert_int_eq(done_us, -1);
        lab_close(&lab);
    }
}
END_TEST

START_TEST(broken_update_leaves_the_old_version_running)
{
    struct lab lab;
    lab_open(&lab, RELEASE_2_5);
    sim_break_updates(lab.sim, true);
    lab_control(&lab, R1, SIM_UPDATE);
    lab_wait_ms(&lab, 5000);
    ck_assert_int_eq(sim_server_process(lab.sim, R1), SIM_UP);
    ck_assert_str_eq(sim_server_version(lab.sim, R1), "2.5.0");
    sim_break_updates(lab.sim, false);
    lab_control(&lab, R1, SIM_UPDATE);
    lab_wait_ms(&lab, 5000);
    ck_assert_str_eq(sim_server_version(lab.sim, R1), lab.model.next_version);
    lab_close(&lab);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("failure");
    TCase *cases = tcase_create("failure");
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, killed_server_is_listed_alive_until_its_grace_is_over);
    tcase_add_test(cases, written_partitions_notice_a_dead_secondary_in_seconds);
    tcase_add_test(cases, undrained_restart_within_grace_serves_at_a_new_ballot);
    tcase_add_test(cases, start_is_seen_in_stages);
    tcase_add_test(cases, returned_server_gets_its_replicas_back_at_the_next_ticks);
    tcase_add_test(cases, replicas_are_copied_elsewhere_once_the_delay_is_over);
    tcase_add_test(cases, black_list_turns_the_wait_into_a_copy);
    tcase_add_test(cases, undrained_server_of_three_freezes_the_cluster);
    tcase_add_test(cases, drained_server_of_three_freezes_without_harm);
    tcase_add_test(cases, lost_second_replica_is_an_emergency_that_the_limit_still_stops);
    tcase_add_test(cases, single_replica_waits_for_its_server);
    tcase_add_test(cases, killed_primary_replica_is_replaced);
    tcase_add_test(cases, learner_whose_primary_died_before_it_could_tell_serves);
    tcase_add_test(cases, replica_that_failed_unnoticed_is_taken_away_when_it_is_to_serve);
    tcase_add_test(cases, deployment_orders_that_make_no_sense_are_refused);
    tcase_add_test(cases, broken_update_leaves_the_old_version_running);
    suite_add_tcase(suite, cases);
    return lab_run(suite);
}
