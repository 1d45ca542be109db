/* cluster_read_partitions: a few partitions read anew, with a whole snapshot to go by. */
#include "cluster_fixture.h"

static struct snapshot base;
static struct snapshot fresh;

static void setup_snapshots(void)
{
    struct outcome outcome = {0};
    setup();
    snapshot_init(&base);
    snapshot_init(&fresh);
    fake->has_hosts = true;
    fake_add_table(fake, "users", APP_AVAILABLE, 8);
    fake_add_table(fake, "gone", APP_DROPPED, 4);
    fake_add_table(fake, "stat", APP_AVAILABLE, 4);
    cluster_read_snapshot(reader, &base, 5 * SECOND, record, &outcome);
    run_well(&outcome);
    memset(fake->asked, 0, sizeof fake->asked);
    memset(fake->counts, 0, sizeof fake->counts);
}

static void teardown_snapshots(void)
{
    teardown();
    snapshot_clear(&base);
    snapshot_clear(&fresh);
}

static const struct gpid three[] = {{1, 5}, {3, 0}, {1, 2}};

static void read_three(struct outcome *outcome)
{
    cluster_read_partitions(reader, &base, three, 3, &fresh, 5 * SECOND, record, outcome);
    ck_assert_int_eq(outcome->calls, 0);
}

START_TEST(only_what_is_asked_for_is_read_in_one_round_trip)
{
    struct outcome outcome = {0};
    int64_t began_us = loop_now_us(loop);
    read_three(&outcome);
    run_well(&outcome);
    ck_assert(fresh.valid);
    ck_assert_int_eq(fresh.leader.port, 1);
    ck_assert_int_eq(outcome.at_us - began_us, 1000);
    ck_assert_int_eq(fresh.taken_us, began_us);
    ck_assert_int_eq(fake->counts[RPC_QUERY_CONFIG], 2); /* one a table */
    ck_assert_int_eq(fake->asked[0], 2);
    ck_assert_int_eq(fresh.partition_count, 3);
    ck_assert_int_eq(fresh.table_count, 2);
    ck_assert_int_eq(fresh.node_count, base.node_count);
    ck_assert_int_eq(fresh.listed_count, base.listed_count);
    for (int32_t i = 0; i < base.node_count; i++) {
        ck_assert(address_equal(fresh.nodes[i].address, base.nodes[i].address));
        ck_assert_str_eq(fresh.nodes[i].name, base.nodes[i].name);
        ck_assert_str_eq(fresh.nodes[i].host, base.nodes[i].host);
        ck_assert_int_eq(fresh.nodes[i].status, base.nodes[i].status);
    }
    for (size_t i = 0; i < 3; i++) {
        const struct snapshot_partition *then = snapshot_find_partition(&base, three[i]);
        const struct snapshot_partition *now = snapshot_find_partition(&fresh, three[i]);
        ck_assert_ptr_nonnull(now);
        ck_assert_int_eq(now->ballot, then->ballot);
        ck_assert_int_eq(now->primary, then->primary);
        ck_assert_int_eq(now->secondary_count, then->secondary_count);
        ck_assert_int_eq(now->secondaries[1], then->secondaries[1]);
    }
    ck_assert_ptr_null(snapshot_find_partition(&fresh, (struct gpid){1, 0}));
    ck_assert_ptr_null(snapshot_find_partition(&fresh, (struct gpid){1, 4}));
    ck_assert_ptr_null(snapshot_find_partition(&fresh, (struct gpid){2, 0}));
}
END_TEST

/* The table has fewer partitions now: then the cluster answers with all that it has. */
START_TEST(a_partition_that_is_not_there_is_left_out)
{
    struct outcome outcome = {0};
    const struct gpid gpid = {1, 7};
    fake->tables[0].partition_count = 2;
    fake->tables[0].answered_items = 2;
    cluster_read_partitions(reader, &base, &gpid, 1, &fresh, 5 * SECOND, record, &outcome);
    run_well(&outcome);
    ck_assert_int_eq(fresh.partition_count, 0);
    ck_assert_ptr_null(snapshot_find_partition(&fresh, gpid));
}
END_TEST

START_TEST(a_table_that_vanished_is_left_out)
{
    struct outcome outcome = {0};
    if (_i == 0) {
        fake->tables[0].status = APP_DROPPED;
    } else { /* created again under its name */
        fake->tables[0].answered_app_id = 9;
    }
    read_three(&outcome);
    run_well(&outcome);
    ck_assert_ptr_null(snapshot_find_partition(&fresh, three[0]));
    ck_assert_ptr_nonnull(snapshot_find_partition(&fresh, three[1]));
}
END_TEST

START_TEST(another_leader_is_found_when_the_one_known_leads_no_more)
{
    struct outcome outcome = {0};
    fake->modes[0] = _i == 0 ? FAKE_STANDBY : FAKE_DEAD;
    fake->modes[1] = FAKE_LEADER;
    read_three(&outcome);
    run_well(&outcome);
    ck_assert_int_eq(fresh.leader.port, 2);
    ck_assert_int_eq(fresh.partition_count, 3);
}
END_TEST

START_TEST(what_cannot_be_read_is_an_error)
{
    static const char *const texts[] = {
        "127.0.0.1:1: RPC_CM_QUERY_PARTITION_CONFIG_BY_INDEX: table 'users': a partition comes "
        "twice",
        "127.0.0.1:1: RPC_CM_QUERY_PARTITION_CONFIG_BY_INDEX: table 'users': a partition's servers "
        "and their names do not fit together",
        "table 'users': 127.0.0.1:1: RPC_CM_QUERY_PARTITION_CONFIG_BY_INDEX: ERR_ACL_DENY",
    };
    static const enum error_code codes[] = {ERROR_PEER, ERROR_PEER, ERROR_REPLY};
    struct outcome outcome = {0};
    fake->tables[0].repeats_first = _i == 0;
    fake->tables[0].wrong_hosts = _i == 1;
    fake->tables[0].query_error = _i == 2 ? "ERR_ACL_DENY" : NULL;
    read_three(&outcome);
    run_to_error(&outcome, codes[_i], texts[_i]);
    ck_assert(!fresh.valid);
}
END_TEST

START_TEST(without_any_leader_it_fails_at_its_time)
{
    struct outcome outcome = {0};
    fake->modes[0] = FAKE_STANDBY;
    read_three(&outcome);
    run(&outcome);
    ck_assert(outcome.failed);
    ck_assert_int_eq(outcome.err.code, ERROR_NOT_LEADER);
}
END_TEST

static void cancel_now(void *ctx)
{
    operation_cancel(ctx);
}

START_TEST(it_can_be_cancelled)
{
    struct outcome outcome = {0};
    struct timer timer = {0};
    struct operation *operation =
        cluster_read_partitions(reader, &base, three, 3, &fresh, 5 * SECOND, record, &outcome);
    timer_start(loop, &timer, 500, cancel_now, operation);
    run(&outcome);
    ck_assert_int_eq(outcome.err.code, ERROR_CANCELLED);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("partition_read");
    TCase *reads = tcase_create("reads");
    tcase_add_checked_fixture(reads, setup_snapshots, teardown_snapshots);
    tcase_add_test(reads, only_what_is_asked_for_is_read_in_one_round_trip);
    tcase_add_test(reads, a_partition_that_is_not_there_is_left_out);
    tcase_add_loop_test(reads, a_table_that_vanished_is_left_out, 0, 2);
    tcase_add_loop_test(reads, another_leader_is_found_when_the_one_known_leads_no_more, 0, 2);
    tcase_add_loop_test(reads, what_cannot_be_read_is_an_error, 0, 3);
    tcase_add_test(reads, without_any_leader_it_fails_at_its_time);
    tcase_add_test(reads, it_can_be_cancelled);
    suite_add_tcase(suite, reads);
    return run_suite(suite);
}
