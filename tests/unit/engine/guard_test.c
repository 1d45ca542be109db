#include "fixture.h"

/* Server 0 is always the one to be taken away. */
static const struct {
    const char *partitions[4];
    int32_t max_replica_count;
    int64_t min_replicas; /* the server's setting */
    const char *silent;   /* replica servers that do not answer, as digits */
    bool stops;
    int64_t min_live;
    enum answer answer;
    const char *reason; /* must be in it */
} cases[] = {
    {{"012", "102"}, 3, 2, "", false, 3, ANSWER_YES, "all 2 partitions"},
    {{"123"}, 3, 2, "", false, 3, ANSWER_YES, "all 0 partitions"},
    {{"012", "201"},
     3,
     2,
     "1",
     false,
     3,
     ANSWER_NO,
     "2 of 2 partitions would be left with too few replicas whose servers answer: 1.0 of table "
     "'t' would keep 1, writes need 2; 1.1 of table 't' would keep 1, writes need 2"},
    {{"012", "234"}, 3, 2, "1", false, 3, ANSWER_NO, "1 of 1 partitions"},
    {{"234"}, 3, 2, "1", false, 3, ANSWER_YES, ""},
    {{"01"}, 2, 2, "", false, 3, ANSWER_NO, "would keep 1, writes need 2"},
    {{"01"}, 2, 0, "", false, 3, ANSWER_YES, ""}, /* 0: derived, 1 for two replicas */
    {{"0"}, 1, 1, "", false, 3, ANSWER_NO, "would keep 0, writes need 1"},
    {{"012"}, 3, 0, "", false, 3, ANSWER_YES, ""},
    {{"01234"}, 5, 0, "12", false, 3, ANSWER_NO, "would keep 2, writes need 3"},
    {{"-01"}, 3, 2, "", false, 3, ANSWER_NO, "would keep 1"},
    {{"012"}, 3, 2, "", true, 3, ANSWER_YES, ""},
    {{"012"},
     3,
     2,
     "",
     true,
     5,
     ANSWER_NO,
     "only 4 replica servers would stay, and with fewer than 5 the cluster freezes"},
    {{"012"}, 3, 2, "34", true, 3, ANSWER_NO, "only 2 replica servers would stay"},
    {{"012"}, 3, 2, "34", true, 1, ANSWER_NO, "below 50 % the cluster freezes"},
    {{NULL}, 3, 2, "", false, 3, ANSWER_UNKNOWN, "lists no table"},
};

START_TEST(guard_counts_replicas_that_stay_and_answer)
{
    struct fixture fixture;
    fixture_open(&fixture);
    if (cases[_i].partitions[0] != NULL) {
        fixture_add_table(&fixture, "t", cases[_i].max_replica_count, cases[_i].partitions);
    }
    fixture.evidence.guard.min_replicas_for_write = cases[_i].min_replicas;
    fixture.evidence.guard.min_live_servers = cases[_i].min_live;
    for (const char *digit = cases[_i].silent; *digit != '\0'; digit++) {
        fixture_silence(&fixture, ROLE_REPLICA, *digit - '0');
    }
    enum answer answer = guard_survives_loss(&fixture.evidence, &fixture.inventory,
                                             &fixture.servers[ROLE_REPLICA][0], NULL,
                                             cases[_i].stops, NULL, &fixture.reason);
    ck_assert_msg(answer == cases[_i].answer &&
                      strstr(text_string(&fixture.reason), cases[_i].reason) != NULL,
                  "case %d: answer %d, reason '%s'", _i, answer, text_string(&fixture.reason));
    fixture_close(&fixture);
}
END_TEST

START_TEST(a_server_that_may_only_be_busy_makes_the_guard_unknown_not_no)
{
    static const char *const partitions[] = {"012", NULL};
    struct fixture fixture;
    fixture_open(&fixture);
    fixture_add_table(&fixture, "t", 3, partitions);
    const struct server *server = &fixture.servers[ROLE_REPLICA][0];
    fixture_stall(&fixture, ROLE_REPLICA, 1);
    ck_assert_int_eq(guard_survives_loss(&fixture.evidence, &fixture.inventory, server, NULL, false,
                                         NULL, &fixture.reason),
                     ANSWER_UNKNOWN);
    fixture_silence(&fixture, ROLE_REPLICA, 2);
    ck_assert_int_eq(guard_survives_loss(&fixture.evidence, &fixture.inventory, server, NULL, false,
                                         NULL, &fixture.reason),
                     ANSWER_NO);
    fixture_stall(&fixture, ROLE_REPLICA, 2);
    fixture_stall(&fixture, ROLE_REPLICA, 3);
    fixture.server_evidence[1].answered = true;
    fixture.server_evidence[2].answered = true;
    ck_assert_int_eq(guard_survives_loss(&fixture.evidence, &fixture.inventory, server, NULL, true,
                                         NULL, &fixture.reason),
                     ANSWER_YES);
    fixture.evidence.guard.min_live_servers = 4;
    ck_assert_int_eq(guard_survives_loss(&fixture.evidence, &fixture.inventory, server, NULL, true,
                                         NULL, &fixture.reason),
                     ANSWER_UNKNOWN);
    fixture_close(&fixture);
}
END_TEST

START_TEST(guard_is_unknown_without_a_snapshot_or_settings)
{
    static const char *const partitions[] = {"012", NULL};
    struct fixture fixture;
    fixture_open(&fixture);
    fixture_add_table(&fixture, "t", 3, partitions);
    fixture.evidence.guard.known = false;
    error_set(&fixture.evidence.guard.error, ERROR_TIMEOUT, "no answer within 5s");
    ck_assert_int_eq(guard_survives_loss(&fixture.evidence, &fixture.inventory,
                                         &fixture.servers[ROLE_REPLICA][0], NULL, false, NULL,
                                         &fixture.reason),
                     ANSWER_UNKNOWN);
    ck_assert_str_eq(text_string(&fixture.reason),
                     "the guard could not be asked: no answer within 5s");
    fixture.evidence.guard.known = true;
    fixture.evidence.has_snapshot = false;
    ck_assert_int_eq(guard_survives_loss(&fixture.evidence, &fixture.inventory,
                                         &fixture.servers[ROLE_REPLICA][0], NULL, false, NULL,
                                         &fixture.reason),
                     ANSWER_UNKNOWN);
    fixture_close(&fixture);
}
END_TEST

START_TEST(guard_of_one_partition_looks_at_that_one_alone)
{
    static const char *const partitions[] = {"012", "01", NULL};
    struct fixture fixture;
    struct gpid healthy = {1, 0};
    struct gpid thin = {1, 1};
    fixture_open(&fixture);
    fixture_add_table(&fixture, "t", 3, partitions);
    const struct server *server = &fixture.servers[ROLE_REPLICA][0];
    ck_assert_int_eq(guard_survives_loss(&fixture.evidence, &fixture.inventory, server, &healthy,
                                         false, NULL, &fixture.reason),
                     ANSWER_YES);
    ck_assert_int_eq(guard_survives_loss(&fixture.evidence, &fixture.inventory, server, &thin,
                                         false, NULL, &fixture.reason),
                     ANSWER_NO);
    fixture_close(&fixture);
}
END_TEST

START_TEST(a_server_shown_as_unalive_counts_as_lost_though_it_answers)
{
    static const char *const partitions[] = {"012", NULL};
    struct fixture fixture;
    fixture_open(&fixture);
    fixture_add_table(&fixture, "t", 3, partitions);
    fixture.evidence.snapshot.nodes[1].status = NODE_UNALIVE;
    ck_assert_int_eq(guard_survives_loss(&fixture.evidence, &fixture.inventory,
                                         &fixture.servers[ROLE_REPLICA][0], NULL, false, NULL,
                                         &fixture.reason),
                     ANSWER_NO);
    fixture_close(&fixture);
}
END_TEST

/* Server 0 is to go while others are in work: '2' in `in_work` is server 2. */
static const struct {
    const char *partition;
    int32_t replicas;
    const char *in_work;
    enum guard_loss loss; /* of each of them */
    int stalled;          /* server, or 0 */
    int64_t min_live;
    enum answer answer;
    bool waits;
    const char *reason;
} together[] = {
    {"012", 3, "3", LOSS_SERVER, 0, 3, ANSWER_YES, false, "all 1 partitions"},
    {"012", 3, "2", LOSS_SERVER, 0, 3, ANSWER_UNKNOWN, true,
     "1.0 of table 't' would keep 1, writes need 2"},
    {"012", 3, "12", LOSS_SERVER, 0, 3, ANSWER_UNKNOWN, true, "would keep 0"},
    /* what server 3 held of it was drained: it comes back with it */
    {"01", 3, "3", LOSS_SERVER, 0, 3, ANSWER_UNKNOWN, true, "would keep 1"},
    /* one replica too few, whoever comes back */
    {"0", 3, "3", LOSS_SERVER, 0, 3, ANSWER_NO, false, "would keep 0"},
    {"01", 2, "3", LOSS_SERVER, 0, 3, ANSWER_NO, false, "would keep 1"},
    {"01", 2, "1", LOSS_SERVER, 0, 3, ANSWER_NO, false, "would keep 0"},
    /* one more may only be busy: not the work of others alone */
    {"012", 3, "3", LOSS_SERVER, 1, 3, ANSWER_UNKNOWN, false, "would keep 1"},
    {"123", 3, "4", LOSS_SERVER, 0, 3, ANSWER_YES, false, "all 0 partitions"},
    {"123", 3, "4", LOSS_SERVER, 0, 4, ANSWER_UNKNOWN, true, "only 3 replica servers would stay"},
    {"123", 3, "4", LOSS_SERVER, 0, 5, ANSWER_NO, false, "only 3 replica servers would stay"},
    /* it only waits, and does not stop now: but what it held is not there */
    {"123", 3, "4", LOSS_REPLICAS, 0, 4, ANSWER_YES, false, "all 0 partitions"},
    {"012", 3, "2", LOSS_REPLICAS, 0, 3, ANSWER_UNKNOWN, true, "would keep 1"},
};

START_TEST(servers_in_work_count_as_lost_and_what_waits_is_told_from_what_never_passes)
{
    const char *const partitions[] = {together[_i].partition, NULL};
    enum guard_loss in_work[FIXTURE_SLOTS] = {LOSS_NONE};
    bool waits;
    struct fixture fixture;
    fixture_open(&fixture);
    fixture_add_table(&fixture, "t", together[_i].replicas, partitions);
    fixture.evidence.guard.min_live_servers = together[_i].min_live;
    for (const char *c = together[_i].in_work; *c != '\0'; c++) {
        in_work[inventory_slot(&fixture.inventory, &fixture.servers[ROLE_REPLICA][*c - '0'])] =
            together[_i].loss;
    }
    if (together[_i].stalled > 0) {
        fixture_stall(&fixture, ROLE_REPLICA, together[_i].stalled);
    }
    enum answer answer = guard_survives_losses(&fixture.evidence, &fixture.inventory,
                                               &fixture.servers[ROLE_REPLICA][0], NULL, true, NULL,
                                               in_work, &waits, &fixture.reason);
    ck_assert_msg(answer == together[_i].answer && waits == together[_i].waits &&
                      strstr(text_string(&fixture.reason), together[_i].reason) != NULL,
                  "case %d: answer %d, waits %d, reason '%s'", _i, answer, waits,
                  text_string(&fixture.reason));
    fixture_close(&fixture);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("guard");
    TCase *tcase = tcase_create("all");
    tcase_add_loop_test(tcase, guard_counts_replicas_that_stay_and_answer, 0,
                        (int)(sizeof cases / sizeof cases[0]));
    tcase_add_test(tcase, a_server_that_may_only_be_busy_makes_the_guard_unknown_not_no);
    tcase_add_test(tcase, guard_is_unknown_without_a_snapshot_or_settings);
    tcase_add_test(tcase, guard_of_one_partition_looks_at_that_one_alone);
    tcase_add_test(tcase, a_server_shown_as_unalive_counts_as_lost_though_it_answers);
    tcase_add_loop_test(tcase,
                        servers_in_work_count_as_lost_and_what_waits_is_told_from_what_never_passes,
                        0, (int)(sizeof together / sizeof together[0]));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
