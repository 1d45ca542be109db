#include "cluster_fixture.h"

static struct snapshot snapshot;

/* Three nodes, 0 and 1 with a name where the cluster gives any, 2 as `third_has_host` says. */
static void make_snapshot(bool hosts, bool third_has_host)
{
    snapshot_init(&snapshot);
    for (int i = 0; i < 3; i++) {
        struct host_port host = {slice_of("r.example"), (uint16_t)(7001 + i), 1};
        bool has_host = hosts && (i < 2 || third_has_host);
        snapshot_add_node(&snapshot, fake_address(101 + i),
                          has_host ? host : (struct host_port){.port = 0});
    }
    snapshot.valid = true;
}

static void make_proposals(struct proposal *proposals, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        proposals[i] = (struct proposal){
            .gpid = {3, (int32_t)i},
            .actions = {{0, 0, CT_DOWNGRADE_TO_SECONDARY}, {1, 1, CT_UPGRADE_TO_PRIMARY}},
            .action_count = 2,
            .balance_type = BALANCE_MOVE_PRIMARY,
        };
    }
}

START_TEST(proposals_carry_the_clusters_own_names_back_or_none)
{
    struct outcome outcome = {0};
    struct proposal proposals[2];
    make_snapshot(_i == 1, true);
    make_proposals(proposals, 2);
    proposals[1] = (struct proposal){
        .gpid = {3, 1},
        .actions = {{2, 1, CT_DOWNGRADE_TO_INACTIVE}},
        .action_count = 1,
        .force = true,
        .balance_type = -1,
    };
    fake->propose_answers[1] = PEGASUS_INVALID_PARAMETERS;
    cluster_propose(cluster, &snapshot, proposals, 2, 5 * SECOND, record, &outcome);
    snapshot_clear(&snapshot); /* nothing of it is needed any more */
    run_well(&outcome);
    ck_assert_str_eq(text_string(&fake->proposals),
                     _i == 1
                         ? "3.0 force=10 balance=10 [5 101>101 r.example:7001>r.example:7001] "
                           "[2 102>102 r.example:7002>r.example:7002]\n"
                           "3.1 force=11 balance=0-1 [6 103>102 r.example:7003>r.example:7002]\n"
                         : "3.0 force=10 balance=10 [5 101>101] [2 102>102]\n"
                           "3.1 force=11 balance=0-1 [6 103>102]\n");
    ck_assert(proposals[0].answered && proposals[1].answered);
    ck_assert_str_eq(proposals[0].answer, "ERR_OK");
    ck_assert_str_eq(proposals[1].answer, "ERR_INVALID_PARAMETERS");
}
END_TEST

START_TEST(a_server_without_a_name_among_named_ones_is_refused_before_anything_is_sent)
{
    struct outcome outcome = {0};
    struct proposal proposals[2];
    make_snapshot(true, false);
    make_proposals(proposals, 2);
    proposals[1].actions[1].node = 2;
    cluster_propose(cluster, &snapshot, proposals, 2, 5 * SECOND, record, &outcome);
    run_to_error(&outcome, ERROR_REFUSED,
                 "proposal for 3.1: the cluster gave no host name for 127.0.0.1:103, but has names "
                 "for others: without it a proposal could bring its meta servers down");
    ck_assert_uint_eq(fake->proposals.length, 0);
    ck_assert_int_eq(fake->asked[0], 0);
    snapshot_clear(&snapshot);
}
END_TEST

START_TEST(a_batch_is_pipelined_and_goes_to_the_leader_alone)
{
    enum { COUNT = 500 };
    struct outcome outcome = {0};
    struct proposal *proposals = memory_allocate(COUNT * sizeof *proposals);
    make_snapshot(false, false);
    for (int i = 0; i < COUNT; i++) {
        make_proposals(&proposals[i], 1);
    }
    fake->modes[0] = FAKE_STANDBY; /* would answer ERR_APP_NOT_EXIST */
    fake->modes[2] = FAKE_LEADER;
    cluster_propose(cluster, &snapshot, proposals, COUNT, 5 * SECOND, record, &outcome);
    run_well(&outcome);
    for (int i = 0; i < COUNT; i++) {
        ck_assert_str_eq(proposals[i].answer, "ERR_OK");
    }
    ck_assert_int_eq(fake->asked[2], COUNT + 1);
    ck_assert_int_le(fake->asked[0], 2);
    ck_assert_int_eq(outcome.at_us, 2000); /* two round trips */
    free(proposals);
    snapshot_clear(&snapshot);
}
END_TEST

START_TEST(proposals_without_an_answer_are_told_and_not_repeated)
{
    struct outcome outcome = {0};
    struct proposal proposals[3];
    make_snapshot(false, false);
    make_proposals(proposals, 3);
    fake->propose_answers[1] = "";
    cluster_propose(cluster, &snapshot, proposals, 3, 5 * SECOND, record, &outcome);
    run_to_error(&outcome, ERROR_TIMEOUT,
                 "1 of 3 proposals were not answered: 127.0.0.1:1: RPC_CM_PROPOSE_BALANCER: no "
                 "reply; whether it took effect is not known");
    ck_assert(proposals[0].answered && !proposals[1].answered && proposals[2].answered);
    ck_assert_int_eq(fake->counts[RPC_PROPOSE], 2);
    snapshot_clear(&snapshot);
}
END_TEST

static void hand_over_lead(struct fake *f, enum rpc rpc, int count)
{
    if (rpc == RPC_CLUSTER_INFO && count == 1) { /* who leads is asked again */
        f->propose_answers[1] = NULL;
        f->modes[0] = FAKE_STANDBY;
        f->modes[1] = FAKE_LEADER;
    }
}

START_TEST(what_a_leader_of_before_did_not_take_goes_to_the_next_one_alone)
{
    struct outcome outcome = {0};
    struct proposal proposals[2];
    make_snapshot(false, false);
    make_proposals(proposals, 2);
    fake->propose_answers[1] = PEGASUS_FORWARD_TO_OTHERS;
    fake->hook = hand_over_lead;
    cluster_propose(cluster, &snapshot, proposals, 2, 5 * SECOND, record, &outcome);
    run_well(&outcome);
    ck_assert_str_eq(proposals[0].answer, "ERR_OK");
    ck_assert_str_eq(proposals[1].answer, "ERR_OK");
    ck_assert_str_eq(text_string(&fake->proposals),
                     "3.0 force=10 balance=10 [5 101>101] [2 102>102]\n"
                     "3.1 force=10 balance=10 [5 101>101] [2 102>102]\n"
                     "3.1 force=10 balance=10 [5 101>101] [2 102>102]\n");
    snapshot_clear(&snapshot);
}
END_TEST

START_TEST(forced_ones_go_once_to_the_meta_server_that_was_read)
{
    struct outcome outcome = {0};
    struct proposal proposals[3];
    make_snapshot(false, false);
    snapshot.leader = fake_address(2);
    make_proposals(proposals, 3);
    fake->modes[0] = FAKE_LEADER;
    fake->modes[1] = FAKE_LEADER;
    fake->propose_answers[1] = PEGASUS_FORWARD_TO_OTHERS;
    fake->propose_answers[2] = "ERR_APP_NOT_EXIST";
    cluster_propose_once(cluster, &snapshot, proposals, 3, 5 * SECOND, record, &outcome);
    snapshot_clear(&snapshot); /* nothing of it is needed any more */
    run_well(&outcome);
    ck_assert_str_eq(proposals[0].answer, "ERR_OK");
    ck_assert_str_eq(proposals[1].answer, PEGASUS_FORWARD_TO_OTHERS);
    ck_assert_str_eq(proposals[2].answer, "ERR_APP_NOT_EXIST");
    ck_assert_int_eq(fake->asked[0], 0);
    ck_assert_int_eq(fake->asked[1], 3);
    ck_assert_int_eq(outcome.at_us, 1000); /* one round trip */
}
END_TEST

START_TEST(a_forced_one_without_an_answer_is_told_and_not_repeated)
{
    struct outcome outcome = {0};
    struct proposal proposals[2];
    make_snapshot(true, _i == 0);
    snapshot.leader = fake_address(1);
    make_proposals(proposals, 2);
    proposals[1].actions[1].node = 2;
    fake->propose_answers[1] = "";
    cluster_propose_once(cluster, &snapshot, proposals, 2, 5 * SECOND, record, &outcome);
    if (_i == 0) {
        run_to_error(&outcome, ERROR_TIMEOUT,
                     "1 of 2 proposals were not answered: 127.0.0.1:1: RPC_CM_PROPOSE_BALANCER: "
                     "no reply; whether it took effect is not known");
        ck_assert_int_eq(fake->asked[0], 2);
    } else { /* a name is missing */
        run(&outcome);
        ck_assert_int_eq(outcome.err.code, ERROR_REFUSED);
        ck_assert_int_eq(fake->asked[0], 0);
    }
    snapshot_clear(&snapshot);
}
END_TEST

START_TEST(no_proposals_are_done_at_once)
{
    struct outcome outcome = {0};
    make_snapshot(false, false);
    cluster_propose(cluster, &snapshot, NULL, 0, 5 * SECOND, record, &outcome);
    run_well(&outcome);
    snapshot_clear(&snapshot);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("propose");
    TCase *propose = tcase_create("propose");
    tcase_add_checked_fixture(propose, setup, teardown);
    tcase_add_loop_test(propose, proposals_carry_the_clusters_own_names_back_or_none, 0, 2);
    tcase_add_test(propose,
                   a_server_without_a_name_among_named_ones_is_refused_before_anything_is_sent);
    tcase_add_test(propose, a_batch_is_pipelined_and_goes_to_the_leader_alone);
    tcase_add_test(propose, proposals_without_an_answer_are_told_and_not_repeated);
    tcase_add_test(propose, what_a_leader_of_before_did_not_take_goes_to_the_next_one_alone);
    tcase_add_test(propose, forced_ones_go_once_to_the_meta_server_that_was_read);
    tcase_add_loop_test(propose, a_forced_one_without_an_answer_is_told_and_not_repeated, 0, 2);
    tcase_add_test(propose, no_proposals_are_done_at_once);
    suite_add_tcase(suite, propose);
    return run_suite(suite);
}
