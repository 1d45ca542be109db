/* Who leads, and what is lost when that changes: S11, S12 and S13 of the reference. */
#include "lab.h"

static const char *query_limit(struct lab *lab, int32_t server)
{
    return lab_command(lab, server, SETTING_ADD_SECONDARY_LIMIT);
}

static int32_t wait_for_leader(struct lab *lab)
{
    int64_t began_us = lab->sim->now_us;
    while (lab_leader(lab) == NO_SERVER) {
        lab_wait_ms(lab, 10);
        ck_assert_int_lt(lab->sim->now_us - began_us, 30 * US_PER_SECOND);
    }
    return (int32_t)((lab->sim->now_us - began_us) / US_PER_MS);
}

START_TEST(restarted_leader_gives_way_and_its_settings_are_lost)
{
    struct lab lab;
    lab_open(&lab, RELEASE_2_5);
    int32_t m1 = lab.m1;
    lab_wait_ms(&lab, 30000);
    ck_assert_str_eq(lab_set(&lab, SETTING_ADD_SECONDARY_LIMIT " 0"), "OK");
    ck_assert_str_eq(lab_set(&lab, SETTING_BLACK_LIST " 127.0.0.1:34801"), "set ok");
    lab_level(&lab, LEVEL_LIVELY, NULL);
    lab_control(&lab, m1, SIM_RESTART);
    lab_wait_ms(&lab, 100);
    ck_assert_int_eq(lab_leader(&lab), NO_SERVER);
    int32_t took_ms = wait_for_leader(&lab);
    ck_assert_int_ge(took_ms, 300);
    ck_assert_int_le(took_ms, 1500);
    ck_assert_int_eq(lab_leader(&lab), m1 + 1);
    ck_assert_str_eq(query_limit(&lab, m1 + 1), "20");
    ck_assert_str_eq(lab_set(&lab, SETTING_BLACK_LIST), "get ok: ");
    ck_assert_int_eq(lab.sim->leader.stored_level, LEVEL_STEADY);
    ck_assert_str_eq(query_limit(&lab, m1),
                     "unknown command 'meta.lb.add_secondary_max_count_for_one_node'");
    ck_assert_int_eq(lab.sim->leader.next_tick_us - lab.sim->now_us >
                         lab.model.timings.first_tick_us - 20 * US_PER_MS,
                     true);
    /* The old one is last in the queue: the next change goes past it. */
    lab_wait_ms(&lab, 30000);
    lab_control(&lab, m1 + 1, SIM_KILL);
    wait_for_leader(&lab);
    ck_assert_int_eq(lab_leader(&lab), m1 + 2);
    lab_close(&lab);
}
END_TEST

START_TEST(killed_leader_keeps_the_lock_until_its_session_ends)
{
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct lab lab;
        lab_model(&lab, RELEASE_MASTER);
        lab.model.seed = seed;
        lab_start(&lab);
        lab_wait_ms(&lab, 40000);
        lab_control(&lab, lab.m1, SIM_KILL);
        int32_t took_ms = wait_for_leader(&lab);
        ck_assert_int_ge(took_ms, 6600);
        ck_assert_int_le(took_ms, 10300);
        ck_assert_int_eq(lab_leader(&lab), lab.m1 + 1);
        lab_wait_ms(&lab, 10000);
        for (int32_t i = 0; i < 5; i++) { /* nobody's lease ran out */
            ck_assert_int_eq(lab.sim->servers[i].link, LINK_UP);
            ck_assert_int_eq(lab.sim->servers[i].status, NODE_ALIVE);
        }
        ck_assert_int_eq(lab_totals(&lab).reads_away_us, 0);
        lab_close(&lab);
    }
}
END_TEST

START_TEST(two_changes_of_leader_in_a_row_cost_the_leases)
{
    struct lab lab;
    lab_open(&lab, RELEASE_MASTER);
    lab.sim->model.timings.zk_session_us = 15 * US_PER_SECOND;
    lab_wait_ms(&lab, 40000);
    lab_control(&lab, lab.m1, SIM_KILL);
    wait_for_leader(&lab);
    lab_control(&lab, lab.m1 + 1, SIM_KILL);
    lab_wait_ms(&lab, 12000);
    /* All are listed as healthy, and few serve: those whose server m2 had seen in its short time.
     */
    ck_assert_int_lt(lab_serving_count(&lab), 8);
    ck_assert_int_eq(lab_health(&lab).unhealthy, 0);
    wait_for_leader(&lab);
    lab_wait_ms(&lab, 35000);
    ck_assert_int_eq(lab_serving_count(&lab), 16);
    lab_close(&lab);
}
END_TEST

START_TEST(new_leader_refuses_while_it_loads)
{
    struct lab lab;
    lab_open(&lab, RELEASE_MASTER);
    lab_control(&lab, lab.m1, SIM_KILL);
    while (lab.sim->leader.meta == NO_SERVER) {
        lab_wait_ms(&lab, 1);
    }
    int32_t m2 = lab.sim->leader.meta;
    struct list_nodes_request request = {0};
    struct list_nodes_response response;
    sim_request(lab.sim, m2, RPC_LIST_NODES, 0, &request, &lab.arena, &response);
    ck_assert(slice_equals(response.err, PEGASUS_SERVICE_NOT_ACTIVE));
    ck_assert_str_eq(lab_command(&lab, m2, SETTING_ADD_SECONDARY_LIMIT " 0"),
                     "unknown command 'meta.lb.add_secondary_max_count_for_one_node'");
    ck_assert_str_eq(lab_command(&lab, m2, SETTING_ASSIGN_DELAY),
                     "{\n  \"error\": \"ok\",\n  \"meta.lb.assign_delay_ms\": \"600000\"\n}");
    lab_wait_ms(&lab, 200);
    sim_request(lab.sim, m2, RPC_LIST_NODES, 0, &request, &lab.arena, &response);
    ck_assert(slice_equals(response.err, PEGASUS_OK));
    lab_close(&lab);
}
END_TEST

START_TEST(server_without_partitions_is_unknown_to_a_new_leader_until_it_beacons)
{
    struct lab lab;
    lab_open(&lab, RELEASE_MASTER);
    lab_drain(&lab, R1);
    lab_control(&lab, R1, SIM_STOP);
    lab_wait_ms(&lab, 60);
    lab_control(&lab, lab.m1, SIM_RESTART);
    lab_wait_ms(&lab, 100);
    wait_for_leader(&lab);
    struct list_nodes_request request = {0};
    struct list_nodes_response response;
    sim_request(lab.sim, lab_leader(&lab), RPC_LIST_NODES, 0, &request, &lab.arena, &response);
    ck_assert_uint_eq(response.infos.count, 4);
    lab_control(&lab, R1, SIM_START);
    lab_wait_ms(&lab, 5000);
    sim_request(lab.sim, lab_leader(&lab), RPC_LIST_NODES, 0, &request, &lab.arena, &response);
    ck_assert_uint_eq(response.infos.count, 5);
    lab_close(&lab);
}
END_TEST

START_TEST(drained_replicas_return_after_the_limit_was_lost)
{
    struct lab lab;
    lab_open(&lab, RELEASE_MASTER);
    lab_drain(&lab, R1);
    lab_control(&lab, lab.m1, SIM_RESTART);
    lab_wait_ms(&lab, 100);
    wait_for_leader(&lab);
    lab_wait_ms(&lab, 9500);
    ck_assert_int_eq(lab_secondaries(&lab, R1), 0);
    lab_wait_ms(&lab, 2500);
    ck_assert_int_gt(lab_secondaries(&lab, R1), 5);
    lab_close(&lab);
}
END_TEST

START_TEST(change_under_way_when_the_leader_dies_is_sent_again)
{
    struct lab lab;
    lab_open(&lab, RELEASE_MASTER);
    struct partition *partition = lab_partition(&lab, 1, 0);
    int32_t node = partition->secondaries[0];
    lab_propose(&lab, partition, CT_DOWNGRADE_TO_INACTIVE, partition->primary, node, true);
    lab_wait_ms(&lab, 4); /* its write is on the way to ZooKeeper */
    ck_assert(partition->pending);
    ck_assert_int_eq(partition->serving, NO_SERVER);
    lab_control(&lab, lab.m1, SIM_KILL);
    lab_wait_ms(&lab, 5000);
    ck_assert_int_eq(partition->serving, NO_SERVER);
    wait_for_leader(&lab);
    lab_wait_ms(&lab, 6000);
    ck_assert_int_ne(partition->serving, NO_SERVER);
    ck_assert(!partition_has_member(partition, node));
    lab_close(&lab);
}
END_TEST

START_TEST(restarted_standby_changes_nothing)
{
    struct lab lab;
    lab_open(&lab, RELEASE_MASTER);
    lab_set(&lab, SETTING_ADD_SECONDARY_LIMIT " 7");
    lab_control(&lab, lab.m1 + 1, SIM_UPDATE);
    lab_wait_ms(&lab, 20000);
    ck_assert_int_eq(lab_leader(&lab), lab.m1);
    ck_assert_ptr_nonnull(strstr(query_limit(&lab, lab.m1), "\"7\""));
    ck_assert_str_eq(sim_server_version(lab.sim, lab.m1 + 1), lab.model.next_version);
    ck_assert_int_eq(lab_totals(&lab).reads_away_us, 0);
    lab_close(&lab);
}
END_TEST

START_TEST(live_percentage_belongs_to_the_process_and_not_to_the_lead)
{
    struct lab lab;
    lab_open(&lab, RELEASE_2_5);
    int32_t m2 = lab.m1 + 1;
    ck_assert_str_eq(lab_command(&lab, m2, SETTING_LIVE_PERCENTAGE " 0"), "OK");
    lab_control(&lab, lab.m1, SIM_KILL);
    lab_wait_ms(&lab, 12000);
    ck_assert_int_eq(lab_leader(&lab), m2);
    ck_assert_str_eq(lab_command(&lab, m2, SETTING_LIVE_PERCENTAGE), "0");
    lab_control(&lab, m2, SIM_RESTART);
    lab_wait_ms(&lab, 2000);
    ck_assert_str_eq(lab_command(&lab, m2, SETTING_LIVE_PERCENTAGE), "50");
    lab_close(&lab);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("leader");
    TCase *cases = tcase_create("leader");
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, restarted_leader_gives_way_and_its_settings_are_lost);
    tcase_add_test(cases, killed_leader_keeps_the_lock_until_its_session_ends);
    tcase_add_test(cases, two_changes_of_leader_in_a_row_cost_the_leases);
    tcase_add_test(cases, new_leader_refuses_while_it_loads);
    tcase_add_test(cases, server_without_partitions_is_unknown_to_a_new_leader_until_it_beacons);
    tcase_add_test(cases, drained_replicas_return_after_the_limit_was_lost);
    tcase_add_test(cases, change_under_way_when_the_leader_dies_is_sent_again);
    tcase_add_test(cases, restarted_standby_changes_nothing);
    tcase_add_test(cases, live_percentage_belongs_to_the_process_and_not_to_the_lead);
    suite_add_tcase(suite, cases);
    return lab_run(suite);
}
