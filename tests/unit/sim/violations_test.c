/* What would bring a real server down: answered as upstream answers, and counted. */
#include "lab.h"

#include "wire/wire.h"

START_TEST(unnamed_proposal_to_master_aborts_the_leader_at_its_next_tick)
{
    struct lab lab;
    lab_open(&lab, RELEASE_MASTER);
    struct partition *partition = lab_partition(&lab, 1, 0);
    struct wire_action action =
        lab_action(&lab, CT_DOWNGRADE_TO_INACTIVE, partition->primary, partition->secondaries[0]);
    action.has_hp_node = false;
    ck_assert_str_eq(lab_send(&lab, lab.m1, partition->gpid, &action, 1, false), PEGASUS_OK);
    ck_assert_uint_eq(sim_violation_count(lab.sim), 1);
    ck_assert_str_eq(sim_violation(lab.sim, 0)->what,
                     "proposal for 1.0 without the cluster's own host names");
    lab_to_tick(&lab, -1);
    ck_assert_int_eq(sim_server_process(lab.sim, lab.m1), SIM_UP);
    lab_wait_ms(&lab, 2);
    ck_assert_int_eq(sim_server_process(lab.sim, lab.m1), SIM_DOWN);
    lab_wait_ms(&lab, 15000);
    ck_assert_int_eq(lab_leader(&lab), lab.m1 + 1); /* it does not know of the proposal */
    ck_assert_int_eq(sim_server_process(lab.sim, lab.m1), SIM_DOWN);
    lab_control(&lab, lab.m1, SIM_START);
    lab_wait_ms(&lab, 5000);
    ck_assert_int_eq(sim_server_process(lab.sim, lab.m1), SIM_UP);
    lab_close(&lab);
}
END_TEST

START_TEST(names_that_are_not_the_clusters_own_count_as_none)
{
    static const struct {
        const char *host;
        int32_t port_offset;
    } cases[] = {{"127.0.0.1", 0}, {"Localhost", 0}, {"", 0}, {"localhost", 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lab lab;
        lab_open(&lab, RELEASE_MASTER);
        struct partition *partition = lab_partition(&lab, 1, 0);
        struct wire_action action = lab_action(&lab, CT_DOWNGRADE_TO_INACTIVE, partition->primary,
                                               partition->secondaries[0]);
        action.hp_node.host = slice_of(cases[i].host);
        action.hp_node.port = (uint16_t)(action.hp_node.port + cases[i].port_offset);
        lab_send(&lab, lab.m1, partition->gpid, &action, 1, false);
        ck_assert_uint_eq(sim_violation_count(lab.sim), 1);
        lab_close(&lab);
    }
}
END_TEST

START_TEST(target_may_be_left_to_the_leader)
{
    struct lab lab;
    lab_open(&lab, RELEASE_MASTER);
    struct partition *partition = lab_partition(&lab, 1, 0);
    int32_t node = partition->secondaries[0];
    lab_set(&lab, SETTING_ADD_SECONDARY_LIMIT " 0");
    ck_assert_str_eq(lab_propose(&lab, partition, CT_DOWNGRADE_TO_INACTIVE, NO_SERVER, node, false),
                     PEGASUS_OK);
    lab_to_tick(&lab, 1000);
    ck_assert(!partition_has_member(partition, node));
    ck_assert_uint_eq(sim_violation_count(lab.sim), 0);
    lab_close(&lab);
}
END_TEST

START_TEST(fatal_requests_kill_the_meta_server_that_gets_them)
{
    static const struct {
        const char *name;
        enum release release;
        bool group;
        bool forced;
        bool named;
        int32_t meta; /* 0: the leader */
        const char *what;
    } cases[] = {
        {"names to 2.5", RELEASE_2_5, false, false, true, 0,
         "proposal for 1.0 carries host names, unknown to 2.5; m1 127.0.0.1:34601 aborted"},
        {"names to a 2.5 standby", RELEASE_2_5, false, false, true, 1,
         "proposal for 1.0 carries host names, unknown to 2.5; m2 127.0.0.1:34602 aborted"},
        {"group", RELEASE_MASTER, true, false, true, 0,
         "proposal for 1.0 names a group address; m1 localhost:34601 aborted"},
        {"forced without names", RELEASE_MASTER, false, true, false, 0,
         "forced proposal for 1.0 without the cluster's own host names; m1 localhost:34601 "
         "aborted"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lab lab;
        lab_open(&lab, cases[i].release);
        struct partition *partition = lab_partition(&lab, 1, 0);
        struct wire_action action = lab_action(&lab, CT_DOWNGRADE_TO_INACTIVE, partition->primary,
                                               partition->secondaries[0]);
        action.has_hp_node = cases[i].named;
        action.has_hp_target = cases[i].named;
        if (cases[i].group) {
            action.node.kind = ADDRESS_GROUP;
        }
        ck_assert_str_eq(
            lab_send(&lab, lab.m1 + cases[i].meta, partition->gpid, &action, 1, cases[i].forced),
            "no reply");
        ck_assert_uint_eq(sim_violation_count(lab.sim), 1);
        ck_assert_str_eq(sim_violation(lab.sim, 0)->what, cases[i].what);
        ck_assert_int_eq(sim_server_process(lab.sim, lab.m1 + cases[i].meta), SIM_DOWN);
        lab_close(&lab);
    }
}
END_TEST

START_TEST(app_id_in_the_header_kills_metas_and_collectors)
{
    static const struct {
        int32_t server;
        enum sim_answer answer;
        size_t violations;
    } cases[] = {
        {5, SIM_NO_REPLY, 1}, {6, SIM_NO_REPLY, 1}, {8, SIM_NO_REPLY, 1}, {0, SIM_NO_HANDLER, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lab lab;
        struct list_nodes_request request = {0};
        struct list_nodes_response response;
        lab_open(&lab, RELEASE_MASTER);
        ck_assert_int_eq(sim_request(lab.sim, cases[i].server, RPC_LIST_NODES, 3, &request,
                                     &lab.arena, &response),
                         cases[i].answer);
        ck_assert_uint_eq(sim_violation_count(lab.sim), cases[i].violations);
        ck_assert_int_eq(sim_server_process(lab.sim, cases[i].server) == SIM_DOWN,
                         cases[i].violations == 1);
        lab_close(&lab);
    }
}
END_TEST

START_TEST(forced_proposal_for_a_server_that_has_left_brings_the_primary_down)
{
    struct lab lab;
    lab_open(&lab, RELEASE_2_5);
    lab_set(&lab, SETTING_ADD_SECONDARY_LIMIT " 0");
    struct partition *partition = lab_partition(&lab, 1, 0);
    int32_t primary = partition->primary;
    int32_t node = partition->secondaries[0];
    lab_propose(&lab, partition, CT_DOWNGRADE_TO_INACTIVE, primary, node, true);
    /* While the first is under way a second is ignored ... */
    lab_wait_ms(&lab, 1);
    lab_propose(&lab, partition, CT_DOWNGRADE_TO_INACTIVE, primary, node, true);
    lab_wait_ms(&lab, 100);
    ck_assert_int_eq(partition->serving, primary);
    ck_assert_uint_eq(sim_violation_count(lab.sim), 0);
    /* ... and once it is applied, the same one kills. */
    lab_propose(&lab, partition, CT_DOWNGRADE_TO_INACTIVE, primary, node, true);
    lab_wait_ms(&lab, 100);
    ck_assert_uint_eq(sim_violation_count(lab.sim), 1);
    ck_assert_int_eq(sim_server_process(lab.sim, primary), SIM_DOWN);
    char what[200];
    snprintf(what, sizeof what, "proposal for 1.0: %s is no member; %s %s aborted",
             sim_server_label(lab.sim, node), sim_server_label(lab.sim, primary),
             lab.sim->servers[primary].name);
    ck_assert_str_eq(sim_violation(lab.sim, 0)->what, what);
    lab_close(&lab);
}
END_TEST

START_TEST(forced_proposals_a_replica_server_cannot_take_bring_it_down)
{
    static const struct {
        enum config_type type;
        bool target_is_primary;
        int32_t node; /* 0: the primary, 1: a member, 2: a stranger */
        size_t violations;
        bool died;
    } cases[] = {
        {CT_ADD_SECONDARY, true, 1, 1, true},
        {CT_ADD_SECONDARY, true, 2, 0, false},
        {CT_ADD_SECONDARY, false, 1, 0, false}, /* not the primary: ignored */
        {CT_REMOVE, true, 2, 1, true},
        {CT_DOWNGRADE_TO_SECONDARY, true, 1, 1, true},
        {CT_UPGRADE_TO_PRIMARY, false, 0, 1, true},
        {CT_UPGRADE_TO_PRIMARY, false, 1, 1, false}, /* a second primary: counted, not done */
        {CT_UPGRADE_TO_SECONDARY, true, 1, 1, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lab lab;
        lab_open(&lab, RELEASE_MASTER);
        struct partition *partition = lab_partition(&lab, 1, 0);
        int32_t nodes[3] = {partition->primary, partition->secondaries[0], 0};
        while (partition_has_member(partition, nodes[2])) {
            nodes[2]++;
        }
        int32_t target = cases[i].target_is_primary ? nodes[0] : nodes[1];
        ck_assert_str_eq(
            lab_propose(&lab, partition, cases[i].type, target, nodes[cases[i].node], true),
            PEGASUS_OK);
        lab_wait_ms(&lab, 50);
        ck_assert_uint_eq(sim_violation_count(lab.sim), cases[i].violations);
        ck_assert_int_eq(sim_server_process(lab.sim, target) == SIM_DOWN, cases[i].died);
        lab_close(&lab);
    }
}
END_TEST

START_TEST(unforced_proposals_are_validated_when_the_tick_sends_them)
{
    struct lab lab;
    lab_open(&lab, RELEASE_MASTER);
    lab_set(&lab, SETTING_ADD_SECONDARY_LIMIT " 0");
    struct partition *partition = lab_partition(&lab, 1, 0);
    int32_t stranger = 0;
    while (partition_has_member(partition, stranger)) {
        stranger++;
    }
    ck_assert_str_eq(
        lab_propose(&lab, partition, CT_DOWNGRADE_TO_INACTIVE, partition->primary, stranger, false),
        PEGASUS_OK);
    lab_to_tick(&lab, 1000);
    ck_assert_uint_eq(partition->action_count, 0);
    ck_assert_int_eq(partition->ballot, 3);
    ck_assert_uint_eq(sim_violation_count(lab.sim), 0);
    lab_close(&lab);
}
END_TEST

START_TEST(proposals_are_refused_as_the_release_refuses)
{
    static const struct {
        enum release release;
        struct gpid gpid;
        int32_t meta; /* 1: a standby */
        const char *error;
    } cases[] = {
        {RELEASE_MASTER, {99, 0}, 0, PEGASUS_APP_NOT_EXIST},
        {RELEASE_MASTER, {1, 16}, 0, PEGASUS_INVALID_PARAMETERS},
        {RELEASE_MASTER, {1, -1}, 0, PEGASUS_INVALID_PARAMETERS},
        {RELEASE_MASTER, {1, 0}, 1, PEGASUS_APP_NOT_EXIST},
        {RELEASE_2_5, {99, 0}, 0, PEGASUS_INVALID_PARAMETERS},
        {RELEASE_2_5, {1, 0}, 1, PEGASUS_INVALID_PARAMETERS},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lab lab;
        lab_open(&lab, cases[i].release);
        struct wire_action action = lab_action(&lab, CT_DOWNGRADE_TO_INACTIVE, R1, R2);
        ck_assert_str_eq(lab_send(&lab, lab.m1 + cases[i].meta, cases[i].gpid, &action, 1, false),
                         cases[i].error);
        ck_assert_uint_eq(sim_violation_count(lab.sim), 0);
        lab_close(&lab);
    }
}
END_TEST

START_TEST(violations_are_kept_up_to_a_thousand)
{
    struct lab lab;
    lab_open(&lab, RELEASE_2_5);
    for (int i = 0; i < 1010; i++) {
        sim_count_violation(lab.sim, "%d", i);
    }
    ck_assert_uint_eq(sim_violation_count(lab.sim), 1000);
    ck_assert_str_eq(sim_violation(lab.sim, 999)->what, "999");
    lab_close(&lab);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("violations");
    TCase *cases = tcase_create("violations");
    tcase_add_test(cases, unnamed_proposal_to_master_aborts_the_leader_at_its_next_tick);
    tcase_add_test(cases, names_that_are_not_the_clusters_own_count_as_none);
    tcase_add_test(cases, target_may_be_left_to_the_leader);
    tcase_add_test(cases, fatal_requests_kill_the_meta_server_that_gets_them);
    tcase_add_test(cases, app_id_in_the_header_kills_metas_and_collectors);
    tcase_add_test(cases, forced_proposal_for_a_server_that_has_left_brings_the_primary_down);
    tcase_add_test(cases, forced_proposals_a_replica_server_cannot_take_bring_it_down);
    tcase_add_test(cases, unforced_proposals_are_validated_when_the_tick_sends_them);
    tcase_add_test(cases, proposals_are_refused_as_the_release_refuses);
    tcase_add_test(cases, violations_are_kept_up_to_a_thousand);
    suite_add_tcase(suite, cases);
    return lab_run(suite);
}
