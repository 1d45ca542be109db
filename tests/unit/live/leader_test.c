#include "cluster_fixture.h"

static void read_leader(struct leader_info *into, int64_t timeout_us, struct outcome *outcome)
{
    cluster_read_leader(reader, into, timeout_us, record, outcome);
    ck_assert_int_eq(outcome->calls, 0);
}

START_TEST(the_leader_is_found_among_standbys_dead_and_silent_ones_at_once)
{
    static const enum fake_mode others[][2] = {
        {FAKE_STANDBY, FAKE_STANDBY},
        {FAKE_DEAD, FAKE_SILENT},
        {FAKE_SILENT, FAKE_SILENT},
        {FAKE_NONSENSE, FAKE_LOADING},
    };
    for (int leader = 0; leader < FAKE_METAS; leader++) {
        struct outcome outcome = {0};
        struct leader_info info;
        fake->modes[leader] = FAKE_LEADER;
        fake->modes[(leader + 1) % 3] = others[_i][0];
        fake->modes[(leader + 2) % 3] = others[_i][1];
        fake->stored_level = LEVEL_LIVELY;
        fake->level = LEVEL_FREEZED;
        int64_t begin_us = loop_now_us(loop);
        read_leader(&info, 5 * SECOND, &outcome);
        run_well(&outcome);
        ck_assert_int_eq(info.address.port, leader + 1);
        ck_assert_int_eq(info.level, LEVEL_FREEZED);
        ck_assert_int_eq(info.stored_level, LEVEL_LIVELY);
        ck_assert(address_equal(cluster_known_leader(reader), info.address));
        ck_assert_int_le(outcome.at_us - begin_us, 600 * 1000); /* also when it is a new one */
    }
}
END_TEST

START_TEST(the_known_leader_alone_is_asked_while_it_leads)
{
    struct outcome outcomes[2] = {0};
    struct leader_info info;
    read_leader(&info, 5 * SECOND, &outcomes[0]);
    run_well(&outcomes[0]);
    int standby_asked = fake->asked[1];
    read_leader(&info, 5 * SECOND, &outcomes[1]);
    run_well(&outcomes[1]);
    ck_assert_int_eq(fake->asked[1], standby_asked);
    ck_assert_str_eq(info.name, "127.0.0.1:1");
}
END_TEST

static void let_second_lead(void *ctx)
{
    (void)ctx;
    fake->modes[1] = fake->modes[1] == FAKE_LOADING ? FAKE_LEADER : FAKE_LOADING;
}

START_TEST(a_leader_that_dies_is_followed_to_one_that_still_loads)
{
    struct outcome outcomes[2] = {0};
    struct leader_info info;
    struct timer elected = {0};
    struct timer loaded = {0};
    read_leader(&info, 5 * SECOND, &outcomes[0]);
    run_well(&outcomes[0]);
    fake->modes[0] = FAKE_DEAD;
    timer_start(loop, &elected, 2 * SECOND, let_second_lead, NULL);
    timer_start(loop, &loaded, 3 * SECOND, let_second_lead, NULL);
    int64_t begin_us = loop_now_us(loop);
    read_leader(&info, 10 * SECOND, &outcomes[1]);
    run_well(&outcomes[1]);
    ck_assert_int_eq(info.address.port, 2);
    ck_assert_int_ge(outcomes[1].at_us - begin_us, 3 * SECOND);
    ck_assert_int_le(outcomes[1].at_us - begin_us, 3 * SECOND + SECOND / 2);
}
END_TEST

static const struct {
    enum fake_mode modes[FAKE_METAS];
    enum error_code code;
    const char *text;
} nobody[] = {
    {{FAKE_STANDBY, FAKE_STANDBY, FAKE_STANDBY},
     ERROR_NOT_LEADER,
     "no primary meta server found within 5s: 127.0.0.1:1: a standby (ERR_FORWARD_TO_OTHERS); "
     "127.0.0.1:2: a standby (ERR_FORWARD_TO_OTHERS); 127.0.0.1:3: a standby "
     "(ERR_FORWARD_TO_OTHERS)"},
    {{FAKE_LOADING, FAKE_DEAD, FAKE_SILENT},
     ERROR_NOT_LEADER,
     "no primary meta server found within 5s: 127.0.0.1:1: still loads its state "
     "(ERR_SERVICE_NOT_ACTIVE); 127.0.0.1:2: RPC_CM_CLUSTER_INFO: connection refused; "
     "127.0.0.1:3: RPC_CM_CLUSTER_INFO: no reply"},
    {{FAKE_DEAD, FAKE_SILENT, FAKE_NONSENSE},
     ERROR_UNREACHABLE,
     "no meta server answered within 5s: 127.0.0.1:1: RPC_CM_CLUSTER_INFO: connection refused; "
     "127.0.0.1:2: RPC_CM_CLUSTER_INFO: no reply; 127.0.0.1:3: RPC_CM_CLUSTER_INFO: this is no "
     "Pegasus server"},
};

START_TEST(without_a_leader_the_error_lists_what_each_one_said)
{
    struct outcome outcome = {0};
    struct leader_info info = {.level = 1};
    memcpy(fake->modes, nobody[_i].modes, sizeof fake->modes);
    read_leader(&info, 5 * SECOND, &outcome);
    run_to_error(&outcome, nobody[_i].code, nobody[_i].text);
    ck_assert_int_eq(info.level, 1);
    ck_assert_int_le(outcome.at_us, 5 * SECOND);
    ck_assert_int_ge(outcome.at_us, 4 * SECOND);
    ck_assert(!address_is_set(cluster_known_leader(reader)));
}
END_TEST

START_TEST(a_level_nobody_knows_is_an_error_that_shows_it)
{
    struct outcome outcome = {0};
    struct leader_info info;
    fake->level_name = "sleepy";
    read_leader(&info, 5 * SECOND, &outcome);
    run_to_error(&outcome, ERROR_PEER,
                 "127.0.0.1:1: RPC_CM_CLUSTER_INFO: meta_function_level 'sleepy' is none that is "
                 "known");
}
END_TEST

START_TEST(the_level_is_set_on_the_leader_and_follows_it)
{
    struct outcome outcome = {0};
    fake->modes[0] = FAKE_STANDBY;
    fake->modes[2] = FAKE_LEADER;
    cluster_set_level(cluster, LEVEL_LIVELY, 5 * SECOND, record, &outcome);
    run_well(&outcome);
    ck_assert_int_eq(fake->stored_level, LEVEL_LIVELY);
}
END_TEST

static void lose_lead_before_level(struct fake *f, enum rpc rpc, int count)
{
    (void)count;
    if (rpc == RPC_CONTROL_META && f->modes[0] == FAKE_LEADER) {
        f->modes[0] = FAKE_STANDBY;
        f->modes[1] = FAKE_LEADER;
    }
}

START_TEST(a_level_refused_by_a_leader_of_before_is_set_on_the_new_one)
{
    struct outcome outcome = {0};
    fake->hook = lose_lead_before_level;
    cluster_set_level(cluster, LEVEL_BLIND, 5 * SECOND, record, &outcome);
    run_well(&outcome);
    ck_assert_int_eq(fake->stored_level, LEVEL_BLIND);
    ck_assert_int_eq(cluster_known_leader(reader).port, 2);
}
END_TEST

static void fall_silent_before_level(struct fake *f, enum rpc rpc, int count)
{
    (void)count;
    if (rpc == RPC_CONTROL_META) {
        f->modes[0] = FAKE_SILENT;
    }
}

START_TEST(a_level_that_was_not_answered_is_not_sent_twice)
{
    struct outcome outcome = {0};
    fake->hook = fall_silent_before_level;
    cluster_set_level(cluster, LEVEL_BLIND, 20 * SECOND, record, &outcome);
    run_to_error(&outcome, ERROR_TIMEOUT,
                 "127.0.0.1:1: RPC_CM_CONTROL_META: no reply; whether it took effect is not known");
}
END_TEST

START_TEST(an_operation_can_be_cancelled_or_dropped_at_any_time)
{
    struct outcome cancelled = {0};
    struct outcome dropped = {0};
    struct outcome at_the_end = {0};
    struct leader_info info;
    struct operation *operation =
        cluster_read_leader(reader, &info, 5 * SECOND, record, &cancelled);
    operation_drop(cluster_read_leader(reader, &info, 5 * SECOND, record, &dropped));
    operation_cancel(operation);
    operation_cancel(operation);
    run(&cancelled);
    ck_assert_int_eq(cancelled.err.code, ERROR_CANCELLED);
    ck_assert_int_eq(dropped.calls, 0);
    ck_assert_ptr_null(fake->calls);
    cluster_read_leader(reader, &info, 5 * SECOND, record, &at_the_end);
    /* teardown frees the cluster: no callback */
}
END_TEST

static void free_cluster(void *ctx, const struct error *err)
{
    record(ctx, err);
    cluster_free(cluster);
    cluster = NULL;
}

START_TEST(the_cluster_may_be_freed_by_a_callback)
{
    struct outcome outcome = {0};
    struct outcome other = {0};
    struct leader_info info;
    cluster_read_leader(reader, &info, 5 * SECOND, free_cluster, &outcome);
    cluster_read_leader(reader, &info, 5 * SECOND, record, &other);
    run(&outcome);
    ck_assert_int_eq(other.calls, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("leader");
    TCase *tcase = tcase_create("leader");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, the_leader_is_found_among_standbys_dead_and_silent_ones_at_once, 0,
                        4);
    tcase_add_test(tcase, the_known_leader_alone_is_asked_while_it_leads);
    tcase_add_test(tcase, a_leader_that_dies_is_followed_to_one_that_still_loads);
    tcase_add_loop_test(tcase, without_a_leader_the_error_lists_what_each_one_said, 0,
                        (int)(sizeof nobody / sizeof *nobody));
    tcase_add_test(tcase, a_level_nobody_knows_is_an_error_that_shows_it);
    tcase_add_test(tcase, the_level_is_set_on_the_leader_and_follows_it);
    tcase_add_test(tcase, a_level_refused_by_a_leader_of_before_is_set_on_the_new_one);
    tcase_add_test(tcase, a_level_that_was_not_answered_is_not_sent_twice);
    tcase_add_test(tcase, an_operation_can_be_cancelled_or_dropped_at_any_time);
    tcase_add_test(tcase, the_cluster_may_be_freed_by_a_callback);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
