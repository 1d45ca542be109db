/* Rules of the leader and of a start that no recorded scenario shows. */
#include "lab.h"

/* ---- servers that start again and again (2.3) */

START_TEST(server_that_starts_too_often_gets_no_answer_until_it_has_run_long_enough)
{
    struct lab lab;
    lab_open(&lab, RELEASE_MASTER);
    lab_wait_ms(&lab, 10000);
    for (int32_t i = 1; i <= 6; i++) {
        lab_control(&lab, R1, SIM_RESTART);
        lab_wait_ms(&lab, 60000);
        ck_assert_int_eq(lab.sim->servers[R1].status, i < 6 ? NODE_ALIVE : NODE_UNALIVE);
    }
    int64_t started_us = lab.sim->servers[R1].started_us;
    ck_assert_int_eq(sim_server_process(lab.sim, R1), SIM_UP);
    lab_advance_to(&lab, started_us + 599 * US_PER_SECOND);
    ck_assert_int_eq(lab.sim->servers[R1].status, NODE_UNALIVE);
    lab_advance_to(&lab, started_us + 608 * US_PER_SECOND);
    ck_assert_int_eq(lab.sim->servers[R1].status, NODE_ALIVE);
    lab_close(&lab);
}
END_TEST

START_TEST(filter_of_no_length_lets_a_server_start_as_often_as_it_likes)
{
    struct lab lab;
    lab_model(&lab, RELEASE_MASTER);
    lab.model.stable_running_us = 0;
    lab_start(&lab);
    for (int32_t i = 0; i < 10; i++) {
        lab_control(&lab, R1, SIM_RESTART);
        lab_wait_ms(&lab, 40000);
        ck_assert_int_eq(lab.sim->servers[R1].status, NODE_ALIVE);
    }
    lab_close(&lab);
}
END_TEST

/* ---- the balancer (9) */

#define ALL_ON_FIRST 0, 1, 2
static const int32_t lopsided[] = {ALL_ON_FIRST, ALL_ON_FIRST, ALL_ON_FIRST,
                                   ALL_ON_FIRST, ALL_ON_FIRST, ALL_ON_FIRST};
static const struct model_table table_lopsided = {
    .name = "lopsided", .partition_count = 6, .max_replica_count = 3, .placement = lopsided};

static void open_lopsided(struct lab *lab)
{
    lab_model(lab, RELEASE_2_5);
    lab->model.tables = &table_lopsided;
    lab->model.replica_count = 3;
    lab_start(lab);
}

static const char *balance(struct lab *lab)
{
    return lab_set(lab, "meta.lb.get_balance_operation_count detail");
}

START_TEST(steady_counts_and_moves_nothing)
{
    struct lab lab;
    open_lopsided(&lab);
    ck_assert_str_eq(balance(&lab), "move_pri=0,copy_pri=0,copy_sec=0,total=0");
    for (int32_t tick = 0; tick < 3; tick++) {
        lab_to_tick(&lab, 1000);
        ck_assert_str_eq(balance(&lab), "move_pri=2,copy_pri=0,copy_sec=0,total=2");
        ck_assert_int_eq(lab_primaries(&lab, R1), 6);
    }
    lab_close(&lab);
}
END_TEST

START_TEST(lively_moves_round_by_round_until_the_counts_are_zero)
{
    struct lab lab;
    open_lopsided(&lab);
    lab_to_tick(&lab, 1000);
    lab_level(&lab, LEVEL_LIVELY, NULL);
    lab_set(&lab, "meta.lb.only_move_primary true");
    lab_to_tick(&lab, 500);
    ck_assert_int_eq(lab_primaries(&lab, R1), 4);
    ck_assert_str_eq(balance(&lab), "move_pri=2,copy_pri=0,copy_sec=0,total=2");
    lab_to_tick(&lab, 500);
    for (int32_t server = R1; server <= R3; server++) {
        ck_assert_int_eq(lab_primaries(&lab, server), 2);
    }
    lab_to_tick(&lab, 500);
    ck_assert_str_eq(balance(&lab), "move_pri=0,copy_pri=0,copy_sec=0,total=0");
    lab_close(&lab);
}
END_TEST

START_TEST(counts_stay_while_a_partition_is_ill_and_are_unknown_to_a_new_leader)
{
    struct lab lab;
    open_lopsided(&lab);
    lab_to_tick(&lab, 1000);
    lab_set(&lab, SETTING_ADD_SECONDARY_LIMIT " 0");
    lab_propose(&lab, lab_partition(&lab, 1, 0), CT_DOWNGRADE_TO_INACTIVE, R1, R2, true);
    lab_to_tick(&lab, 1000);
    ck_assert_str_eq(balance(&lab), "move_pri=2,copy_pri=0,copy_sec=0,total=2");
    lab_set(&lab, SETTING_ADD_SECONDARY_LIMIT " 20");
    lab_to_tick(&lab, 1000);
    ck_assert_int_eq(lab_health(&lab).unhealthy, 0);
    lab_control(&lab, lab.m1, SIM_KILL);
    lab_wait_ms(&lab, 12000);
    ck_assert_int_ne(lab_leader(&lab), NO_SERVER);
    ck_assert_ptr_nonnull(strstr(balance(&lab), "total=0"));
    lab_to_tick(&lab, 100); /* its first, before all servers have reported */
    ck_assert_ptr_nonnull(strstr(balance(&lab), "total=-1"));
    lab_wait_ms(&lab, 40000);
    ck_assert_ptr_nonnull(strstr(balance(&lab), "total=2"));
    lab_close(&lab);
}
END_TEST

/* ---- who becomes primary, who is learned to (4.4) */

START_TEST(of_two_that_died_the_one_with_the_higher_ballot_returns)
{
    struct lab lab;
    lab_open(&lab, RELEASE_MASTER);
    lab_set(&lab, SETTING_ADD_SECONDARY_LIMIT " 0");
    struct partition *partition = lab_partition(&lab, 1, 0);
    int32_t primary = partition->primary;
    int32_t first = partition->secondaries[0];
    int32_t second = partition->secondaries[1];
    lab_propose(&lab, partition, CT_DOWNGRADE_TO_INACTIVE, primary, first, true);
    lab_wait_ms(&lab, 500);
    lab_propose(&lab, partition, CT_DOWNGRADE_TO_INACTIVE, primary, second, true);
    lab_wait_ms(&lab, 500);
    lab_control(&lab, first, SIM_KILL);
    lab_control(&lab, second, SIM_KILL);
    lab_control(&lab, primary, SIM_KILL);
    lab_wait_ms(&lab, 40000);
    ck_assert_int_eq(partition->primary, NO_SERVER);
    /* One of the last two is not enough to know who has more. */
    lab_control(&lab, second, SIM_START);
    lab_control(&lab, first, SIM_START);
    lab_wait_ms(&lab, 30000);
    ck_assert_int_eq(partition->primary, NO_SERVER);
    lab_control(&lab, primary, SIM_START);
    lab_wait_ms(&lab, 30000);
    ck_assert_int_eq(partition->primary, primary);
    lab_close(&lab);
}
END_TEST

START_TEST(equal_in_primaries_the_server_with_fewer_replicas_of_the_table_is_chosen)
{
    static const int32_t placement[] = {0, 1, 2, /* r2 and r3 have no primaries */
                                        0, 1, 3, /* ... and r2 one replica more */
                                        0, 3, 4};
    static const struct model_table table = {
        .name = "t", .partition_count = 3, .max_replica_count = 3, .placement = placement};
    struct lab lab;
    lab_model(&lab, RELEASE_MASTER);
    lab.model.tables = &table;
    lab_start(&lab);
    lab_set(&lab, SETTING_ADD_SECONDARY_LIMIT " 0");
    struct partition *partition = lab_partition(&lab, 1, 0);
    lab_propose(&lab, partition, CT_DOWNGRADE_TO_INACTIVE, R1, R1, true);
    lab_wait_ms(&lab, 500);
    ck_assert_int_eq(partition->primary, R3);
    lab_close(&lab);
}
END_TEST

START_TEST(limit_goes_to_tables_in_the_order_of_their_names)
{
    static const struct model_table tables[] = {
        {.name = "zebra", .app_id = 1, .partition_count = 10, .max_replica_count = 3},
        {.name = "ant", .app_id = 2, .partition_count = 10, .max_replica_count = 3},
    };
    struct lab lab;
    lab_model(&lab, RELEASE_MASTER);
    lab.model.tables = tables;
    lab.model.table_count = 2;
    lab.model.add_secondary_limit = 6;
    lab_start(&lab);
    lab_drain(&lab, R1);
    lab_set(&lab, SETTING_ADD_SECONDARY_LIMIT " 6");
    lab_to_tick(&lab, 2000);
    ck_assert_int_eq(lab.sim->tables[0].shares[R1].replicas, 0);
    ck_assert_int_eq(lab.sim->tables[1].shares[R1].replicas, 6);
    lab_close(&lab);
}
END_TEST

START_TEST(five_full_copies_at_once_and_the_rest_at_the_next_tick)
{
    static const struct model_table table = {
        .name = "t", .partition_count = 30, .max_replica_count = 3};
    struct lab lab;
    lab_model(&lab, RELEASE_MASTER);
    lab.model.tables = &table;
    lab.model.replica_count = 4;
    lab.model.assign_delay_ms = 1000;
    lab.model.timings.copy_us = 3 * US_PER_SECOND;
    lab_start(&lab);
    lab_control(&lab, R4, SIM_KILL);
    lab_wait_ms(&lab, 30000);
    int32_t before = lab.sim->servers[R1].open_count;
    lab_to_tick(&lab, 4000);
    int32_t after_one = lab.sim->servers[R1].open_count - before;
    lab_to_tick(&lab, 4000);
    ck_assert_int_le(after_one, 5);
    ck_assert_int_le(lab.sim->servers[R1].open_count - before, 10);
    lab_wait_ms(&lab, 60000);
    ck_assert_int_eq(lab_health(&lab).unhealthy, 0);
    lab_close(&lab);
}
END_TEST

/* ---- starts (8.2), group checks (5.2) */

START_TEST(logs_that_were_not_closed_are_replayed_at_the_start)
{
    static const struct model_table tables[] = {
        {.name = "t", .partition_count = 50, .max_replica_count = 3},
        {.name = "t", .partition_count = 50, .max_replica_count = 3, .written = true},
    };
    int64_t start_us[2];
    for (int32_t i = 0; i < 2; i++) {
        struct lab lab;
        lab_model(&lab, RELEASE_MASTER);
        lab.model.tables = &tables[i];
        lab.model.timings.replay_us = 100 * US_PER_MS;
        lab_start(&lab);
        lab_wait_ms(&lab, 1000);
        lab_control(&lab, R1, SIM_KILL);
        lab_control(&lab, R1, SIM_START);
        while (lab.sim->servers[R1].stage != STAGE_READY) {
            lab_advance_to(&lab, sim_next_event_us(lab.sim));
        }
        start_us[i] = lab.sim->now_us - lab.sim->servers[R1].started_us;
        lab_close(&lab);
    }
    ck_assert_int_eq(start_us[1] - start_us[0], 30 * 100 * US_PER_MS);
}
END_TEST

START_TEST(new_primary_finds_a_dead_member_at_once)
{
    struct lab lab;
    lab_open(&lab, RELEASE_MASTER);
    struct partition *partition = lab_partition(&lab, 1, 0);
    int32_t primary = partition->primary;
    int32_t dead = partition->secondaries[1];
    lab_control(&lab, dead, SIM_KILL);
    lab_propose(&lab, partition, CT_DOWNGRADE_TO_INACTIVE, primary, primary, true);
    lab_wait_ms(&lab, 30);
    while (partition->primary == NO_SERVER || partition->primary == dead) {
        lab_wait_ms(&lab, 1000); /* it was asked to be primary itself */
        ck_assert_int_lt(lab.sim->now_us, 60 * US_PER_SECOND);
    }
    lab_wait_ms(&lab, 200);
    ck_assert(!partition_has_member(partition, dead));
    lab_close(&lab);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rules");
    TCase *cases = tcase_create("rules");
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, server_that_starts_too_often_gets_no_answer_until_it_has_run_long_enough);
    tcase_add_test(cases, filter_of_no_length_lets_a_server_start_as_often_as_it_likes);
    tcase_add_test(cases, steady_counts_and_moves_nothing);
    tcase_add_test(cases, lively_moves_round_by_round_until_the_counts_are_zero);
    tcase_add_test(cases, counts_stay_while_a_partition_is_ill_and_are_unknown_to_a_new_leader);
    tcase_add_test(cases, of_two_that_died_the_one_with_the_higher_ballot_returns);
    tcase_add_test(cases, equal_in_primaries_the_server_with_fewer_replicas_of_the_table_is_chosen);
    tcase_add_test(cases, limit_goes_to_tables_in_the_order_of_their_names);
    tcase_add_test(cases, five_full_copies_at_once_and_the_rest_at_the_next_tick);
    tcase_add_test(cases, logs_that_were_not_closed_are_replayed_at_the_start);
    tcase_add_test(cases, new_primary_finds_a_dead_member_at_once);
    suite_add_tcase(suite, cases);
    return lab_run(suite);
}
