#include "cluster_fixture.h"

static struct snapshot snapshot;

static void setup_snapshot(void)
{
    setup();
    snapshot_init(&snapshot);
}

static void teardown_snapshot(void)
{
    teardown();
    snapshot_clear(&snapshot);
}

static void read_snapshot(struct outcome *outcome)
{
    cluster_read_snapshot(reader, &snapshot, 5 * SECOND, record, outcome);
    ck_assert_int_eq(outcome->calls, 0);
    ck_assert(!snapshot.valid);
}

START_TEST(a_snapshot_holds_what_the_cluster_said)
{
    struct outcome outcome = {0};
    fake->has_hosts = _i == 1;
    fake->level = LEVEL_FREEZED;
    fake_add_table(fake, "users", APP_AVAILABLE, 8);
    fake_add_table(fake, "gone", APP_DROPPED, 4);
    fake_add_table(fake, "headless", APP_AVAILABLE, 4);
    fake->node_count = 3; /* a fourth one is named by partitions alone */
    read_snapshot(&outcome);
    run_well(&outcome);
    ck_assert(snapshot.valid);
    ck_assert_int_eq(snapshot.leader.port, 1);
    ck_assert_str_eq(snapshot.leader_name, "127.0.0.1:1");
    ck_assert_str_eq(snapshot.cluster_name, "fake");
    ck_assert_str_eq(snapshot.zookeeper_root, "/fake/root");
    ck_assert_str_eq(snapshot.meta_servers, "127.0.0.1:1,127.0.0.1:2,127.0.0.1:3");
    ck_assert_int_eq(snapshot.level, LEVEL_FREEZED);
    ck_assert_int_eq(snapshot.stored_level, LEVEL_STEADY);
    ck_assert_int_eq(snapshot.listed_count, 3);
    ck_assert_int_eq(snapshot.node_count, 4);
    ck_assert_int_eq(snapshot.nodes[0].status, NODE_ALIVE);
    ck_assert_int_eq(snapshot.nodes[3].status, NODE_INVALID);
    ck_assert_str_eq(snapshot.nodes[0].name, _i == 1 ? "node.example:101" : "127.0.0.1:101");
    ck_assert_int_eq(snapshot.table_count, 3);
    ck_assert_int_eq(snapshot.partition_count, 12);
    ck_assert_ptr_null(snapshot.tables[1].partitions);
    const struct snapshot_partition *partition = &snapshot.tables[0].partitions[5];
    ck_assert_int_eq(partition->gpid.app_id, 1);
    ck_assert_int_eq(partition->gpid.partition, 5);
    ck_assert_int_eq(partition->ballot, 12);
    ck_assert_int_eq(partition->primary, 1);
    ck_assert_int_eq(partition->secondary_count, 2);
    ck_assert_int_eq(partition->secondaries[0], 2);
    ck_assert_int_eq(partition->secondaries[1], 3);
    ck_assert_int_eq(partition->last_drop_count, 1);
    ck_assert_int_eq(snapshot.tables[2].partitions[1].primary, SNAPSHOT_NO_NODE);
    ck_assert(!partition_is_healthy(&snapshot.tables[2].partitions[1]));
    ck_assert_int_eq(snapshot.nodes[0].primaries, 3); /* 0 and 4 of users, 0 of headless */
    ck_assert_int_le(snapshot.taken_us, snapshot.nodes_taken_us);
    ck_assert_int_lt(snapshot.nodes_taken_us, snapshot.tables[0].taken_us);
    ck_assert_int_lt(snapshot.tables[0].taken_us, snapshot.complete_us);
    ck_assert_int_eq(fake->counts[RPC_CLUSTER_INFO], 2);
    ck_assert_int_eq(fake->counts[RPC_CONTROL_META], 2);
    ck_assert_int_eq(loop_now_us(loop), 4000); /* four round trips, however many tables */
}
END_TEST

START_TEST(empty_lists_are_what_the_cluster_said)
{
    struct outcome outcome = {0};
    fake->node_count = 0;
    read_snapshot(&outcome);
    run_well(&outcome);
    ck_assert(snapshot.valid);
    ck_assert_int_eq(snapshot.node_count, 0);
    ck_assert_int_eq(snapshot.table_count, 0);
    ck_assert_int_eq(snapshot.partition_count, 0);
}
END_TEST

/* ---- what changes while it is read */

static void change_leader(struct fake *f, enum rpc rpc, int count)
{
    if (rpc == RPC_QUERY_CONFIG && count == 1) {
        f->modes[0] = FAKE_STANDBY;
        f->modes[2] = FAKE_LEADER;
    }
}

static void kill_leader(struct fake *f, enum rpc rpc, int count)
{
    if (rpc == RPC_LIST_APPS && count == 0) {
        f->modes[0] = FAKE_SILENT;
        f->modes[2] = FAKE_LEADER;
        f->hook = NULL;
    }
}

static void change_leader_at_the_end(struct fake *f, enum rpc rpc, int count)
{
    if (rpc == RPC_CLUSTER_INFO && count == 1) {
        f->modes[0] = FAKE_STANDBY;
        f->modes[2] = FAKE_LEADER;
    }
}

static void change_level(struct fake *f, enum rpc rpc, int count)
{
    if (rpc == RPC_QUERY_CONFIG && count == 0) {
        f->level = LEVEL_FREEZED;
    }
}

static void change_stored_level(struct fake *f, enum rpc rpc, int count)
{
    if (rpc == RPC_QUERY_CONFIG && count == 0) {
        f->stored_level = LEVEL_LIVELY;
    }
}

static void drop_table(struct fake *f, enum rpc rpc, int count)
{
    if (rpc == RPC_QUERY_CONFIG && count == 0) {
        f->tables[0].status = APP_DROPPED;
    }
}

static void make_table_anew(struct fake *f, enum rpc rpc, int count)
{
    if (rpc == RPC_QUERY_CONFIG && count == 0) {
        f->tables[0].app_id = 9;
        f->tables[0].answered_app_id = 9;
    }
}

static const struct {
    const char *name;
    fake_hook *hook;
    int leader;
    int tables_available;
} changes[] = {
    {"the leader stands by", change_leader, 3, 2},
    {"the leader dies", kill_leader, 3, 2},
    {"the leader stands by at the end", change_leader_at_the_end, 3, 2},
    {"the level changes", change_level, 1, 2},
    {"the stored level changes", change_stored_level, 1, 2},
    {"a table is dropped", drop_table, 1, 1},
    {"a table is dropped and made again", make_table_anew, 1, 2},
};

START_TEST(a_change_while_it_is_read_starts_it_over)
{
    struct outcome outcome = {0};
    fake_add_table(fake, "a", APP_AVAILABLE, 4);
    fake_add_table(fake, "b", APP_AVAILABLE, 4);
    fake->hook = changes[_i].hook;
    cluster_read_snapshot(reader, &snapshot, 20 * SECOND, record, &outcome);
    run_well(&outcome);
    ck_assert(snapshot.valid);
    ck_assert_int_eq(snapshot.leader.port, changes[_i].leader);
    ck_assert_int_eq(snapshot.level, fake->level);
    ck_assert_int_eq(snapshot.stored_level, fake->stored_level);
    ck_assert_int_eq(snapshot.partition_count, 4 * changes[_i].tables_available);
    ck_assert_int_ge(snapshot.taken_us, 100 * 1000); /* of the second try */
    ck_assert_int_eq(snapshot.tables[0].app_id, fake->tables[0].app_id);
}
END_TEST

static void flap_level(struct fake *f, enum rpc rpc, int count)
{
    (void)count;
    if (rpc == RPC_LIST_NODES) {
        f->level = f->level == LEVEL_STEADY ? LEVEL_LIVELY : LEVEL_STEADY;
    }
}

START_TEST(a_cluster_that_never_holds_still_is_an_error_by_the_deadline)
{
    struct outcome outcome = {0};
    fake->hook = flap_level;
    read_snapshot(&outcome);
    run_to_error(&outcome, ERROR_TIMEOUT, "the meta level changed while the cluster was read");
    ck_assert_int_le(outcome.at_us, 5 * SECOND);
    ck_assert_int_ge(outcome.at_us, 4 * SECOND);
    ck_assert(!snapshot.valid);
}
END_TEST

/* ---- what makes no sense */

static const struct {
    const char *name;
    int32_t partition_count; /* in the list of tables */
    int32_t app_id;
    struct fake_table answer;
    enum error_code code;
    const char *text;
} nonsense[] = {
    {"fewer partitions than announced",
     4,
     1,
     {.answered_app_id = 1, .answered_count = 4, .answered_items = 3},
     ERROR_PEER,
     "127.0.0.1:1: RPC_CM_QUERY_PARTITION_CONFIG_BY_INDEX: table 't': the number of partitions is "
     "not the table's"},
    {"another count than in the list",
     4,
     1,
     {.answered_app_id = 1, .answered_count = 8, .answered_items = 8},
     ERROR_PEER,
     "127.0.0.1:1: RPC_CM_QUERY_PARTITION_CONFIG_BY_INDEX: table 't': the number of partitions is "
     "not the table's"},
    {"a huge count that does not come",
     INT32_MAX,
     1,
     {.answered_app_id = 1, .answered_count = INT32_MAX, .answered_items = 1},
     ERROR_PEER,
     "127.0.0.1:1: RPC_CM_QUERY_PARTITION_CONFIG_BY_INDEX: table 't': the number of partitions is "
     "not the table's"},
    {"an index out of range",
     4,
     1,
     {.answered_app_id = 1, .answered_count = 4, .answered_items = 4, .first_index = 1},
     ERROR_PEER,
     "127.0.0.1:1: RPC_CM_QUERY_PARTITION_CONFIG_BY_INDEX: table 't': a partition's number is not "
     "of the table asked for"},
    {"a negative index",
     4,
     1,
     {.answered_app_id = 1, .answered_count = 4, .answered_items = 4, .first_index = -1},
     ERROR_PEER,
     "127.0.0.1:1: RPC_CM_QUERY_PARTITION_CONFIG_BY_INDEX: table 't': a partition's number is not "
     "of the table asked for"},
    {"an index twice",
     4,
     1,
     {.answered_app_id = 1, .answered_count = 4, .answered_items = 4, .repeats_first = true},
     ERROR_PEER,
     "127.0.0.1:1: RPC_CM_QUERY_PARTITION_CONFIG_BY_INDEX: table 't': a partition comes twice"},
    {"names that do not run parallel",
     4,
     1,
     {.answered_app_id = 1, .answered_count = 4, .answered_items = 4, .wrong_hosts = true},
     ERROR_PEER,
     "127.0.0.1:1: RPC_CM_QUERY_PARTITION_CONFIG_BY_INDEX: table 't': a partition's servers and "
     "their names do not fit together"},
    {"a number that is none",
     4,
     0,
     {.answered_app_id = 0, .answered_count = 4, .answered_items = 4},
     ERROR_PEER,
     "127.0.0.1:1: RPC_CM_QUERY_PARTITION_CONFIG_BY_INDEX: table 't': the table's number is not "
     "positive"},
    {"another table for ever",
     4,
     1,
     {.answered_app_id = 2, .answered_count = 4, .answered_items = 4},
     ERROR_PEER,
     "table 't' is number 1 in the list of tables, but 2 when asked for"},
    {"a refusal",
     4,
     1,
     {.query_error = "ERR_ACL_DENY"},
     ERROR_REPLY,
     "table 't': 127.0.0.1:1: RPC_CM_QUERY_PARTITION_CONFIG_BY_INDEX: ERR_ACL_DENY"},
    {"vanished for ever",
     4,
     1,
     {.query_error = "ERR_OBJECT_NOT_FOUND"},
     ERROR_REPLY,
     "table 't': 127.0.0.1:1: RPC_CM_QUERY_PARTITION_CONFIG_BY_INDEX: ERR_OBJECT_NOT_FOUND"},
};

START_TEST(a_table_that_makes_no_sense_is_an_error)
{
    struct outcome outcome = {0};
    fake->has_hosts = true;
    fake->table_count = 1;
    fake->tables[0] = nonsense[_i].answer;
    fake->tables[0].name = "t";
    fake->tables[0].status = APP_AVAILABLE;
    fake->tables[0].app_id = nonsense[_i].app_id;
    fake->tables[0].partition_count = nonsense[_i].partition_count;
    read_snapshot(&outcome);
    run_to_error(&outcome, nonsense[_i].code, nonsense[_i].text);
    ck_assert(!snapshot.valid);
}
END_TEST

START_TEST(only_standbys_leave_no_snapshot)
{
    struct outcome outcome = {0};
    fake->modes[0] = FAKE_STANDBY;
    read_snapshot(&outcome);
    run(&outcome);
    ck_assert_int_eq(outcome.err.code, ERROR_NOT_LEADER);
    ck_assert(!snapshot.valid);
}
END_TEST

START_TEST(a_hundred_thousand_partitions_are_read_in_linear_time)
{
    struct outcome outcomes[2] = {0};
    fake->has_hosts = true;
    for (int i = 0; i < 4; i++) {
        fake_add_table(fake,
                       i == 0   ? "a"
                       : i == 1 ? "b"
                       : i == 2 ? "c"
                                : "d",
                       APP_AVAILABLE, 25000);
    }
    read_snapshot(&outcomes[0]);
    run_well(&outcomes[0]);
    ck_assert_int_eq(snapshot.partition_count, 100000);
    ck_assert_int_eq(snapshot.nodes[0].primaries, 25000);
    size_t bytes = snapshot.arena.total;
    read_snapshot(&outcomes[1]);
    run_well(&outcomes[1]);
    ck_assert_uint_le(snapshot.arena.total, 2 * bytes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("snapshot_read");
    TCase *tcase = tcase_create("snapshot_read");
    tcase_add_checked_fixture(tcase, setup_snapshot, teardown_snapshot);
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, a_snapshot_holds_what_the_cluster_said, 0, 2);
    tcase_add_test(tcase, empty_lists_are_what_the_cluster_said);
    tcase_add_loop_test(tcase, a_change_while_it_is_read_starts_it_over, 0,
                        (int)(sizeof changes / sizeof *changes));
    tcase_add_test(tcase, a_cluster_that_never_holds_still_is_an_error_by_the_deadline);
    tcase_add_loop_test(tcase, a_table_that_makes_no_sense_is_an_error, 0,
                        (int)(sizeof nonsense / sizeof *nonsense));
    tcase_add_test(tcase, only_standbys_leave_no_snapshot);
    tcase_add_test(tcase, a_hundred_thousand_partitions_are_read_in_linear_time);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
