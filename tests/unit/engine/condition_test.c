#include "fixture.h"

static enum answer ask(struct fixture *fixture, enum condition_kind kind,
                       const struct server *server)
{
    struct condition condition = {.kind = kind, .name = "c", .server = server};
    enum answer answer;
    text_reset(&fixture->reason);
    ck_assert(condition_evaluate(&condition, &fixture->context, &fixture->evidence, &answer,
                                 &fixture->reason, &fixture->err));
    ck_assert_uint_gt(fixture->reason.length, 0);
    return answer;
}

static bool reason_has(const struct fixture *fixture, const char *text)
{
    return strstr(text_string(&fixture->reason), text) != NULL;
}

static struct server_evidence *evidence_of(struct fixture *fixture, enum role role, int32_t index)
{
    return &fixture->server_evidence[inventory_slot(&fixture->inventory,
                                                    &fixture->servers[role][index])];
}

static void add_replica(struct fixture *fixture, int32_t server, struct gpid gpid, int32_t status)
{
    struct server_facts *facts = &evidence_of(fixture, ROLE_REPLICA, server)->facts;
    facts->replicas =
        memory_resize(facts->replicas, (facts->replica_count + 1) * sizeof *facts->replicas);
    facts->replicas[facts->replica_count++] = (struct server_replica){gpid, 1, status};
}

START_TEST(primaries_and_secondaries_left_are_counted_and_named)
{
    static const char *const partitions[] = {"012", "120", "034", "201", NULL};
    struct fixture fixture;
    fixture_open(&fixture);
    fixture_add_table(&fixture, "t", 3, partitions);
    const struct server *servers = fixture.servers[ROLE_REPLICA];
    ck_assert_int_eq(ask(&fixture, COND_NO_PRIMARIES, &servers[0]), ANSWER_NO);
    ck_assert_str_eq(text_string(&fixture.reason),
                     "2 primaries left on 127.0.0.1:34801 (1.0, 1.2)");
    ck_assert_int_eq(ask(&fixture, COND_NO_SECONDARIES, &servers[0]), ANSWER_NO);
    ck_assert_str_eq(text_string(&fixture.reason),
                     "2 secondaries left on 127.0.0.1:34801 (1.1, 1.3)");
    ck_assert_int_eq(ask(&fixture, COND_NO_PRIMARIES, &servers[3]), ANSWER_YES);
    fixture_close(&fixture);
}
END_TEST

START_TEST(unknown_is_never_yes)
{
    static const char *const partitions[] = {"123", NULL};
    static const enum condition_kind kinds[] = {COND_NO_PRIMARIES, COND_NO_SECONDARIES,
                                                COND_REPLICAS_CLOSED, COND_CLUSTER_IS_HEALTHY};
    struct fixture fixture;
    fixture_open(&fixture);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const struct server *server = &fixture.servers[ROLE_REPLICA][0];
        /* An empty listing. */
        ck_assert_int_eq(ask(&fixture, kinds[i], server), ANSWER_UNKNOWN);
        ck_assert(reason_has(&fixture, "lists no table"));
    }
    fixture_add_table(&fixture, "t", 3, partitions);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const struct server *server = &fixture.servers[ROLE_REPLICA][0];
        ck_assert_int_eq(ask(&fixture, kinds[i], server), ANSWER_YES);
        /* Older than our last change. */
        fixture.context.last_change_us = 2000;
        ck_assert_int_eq(ask(&fixture, kinds[i], server), ANSWER_UNKNOWN);
        ck_assert(reason_has(&fixture, "older than our last change"));
        fixture.context.last_change_us = 500;
        /* Not there. */
        fixture.evidence.has_snapshot = false;
        error_set(&fixture.evidence.snapshot_error, ERROR_TIMEOUT, "no meta server answers");
        ck_assert_int_eq(ask(&fixture, kinds[i], server), ANSWER_UNKNOWN);
        ck_assert(reason_has(&fixture, "no meta server answers"));
        fixture.evidence.has_snapshot = true;
    }
    fixture_close(&fixture);
}
END_TEST

START_TEST(closed_means_each_drained_replica_not_a_sum)
{
    static const char *const partitions[] = {"123", "012", NULL};
    struct fixture fixture;
    fixture_open(&fixture);
    fixture_add_table(&fixture, "t", 3, partitions);
    const struct server *server = &fixture.servers[ROLE_REPLICA][0];
    /* It still serves 1.1 (an undrained table): that is not waited for. */
    add_replica(&fixture, 0, (struct gpid){1, 1}, REPLICA_PRIMARY);
    add_replica(&fixture, 0, (struct gpid){1, 0}, REPLICA_ERROR);
    ck_assert_int_eq(ask(&fixture, COND_REPLICAS_CLOSED, server), ANSWER_YES);
    /* After a downgrade the replica is not told and still says SECONDARY. */
    fixture.server_evidence[0].facts.replicas[1].status = REPLICA_SECONDARY;
    ck_assert_int_eq(ask(&fixture, COND_REPLICAS_CLOSED, server), ANSWER_NO);
    ck_assert(reason_has(&fixture, "1 drained replicas still open on 127.0.0.1:34801 (1.0)"));
    fixture.server_evidence[0].facts.replicas[1].status = REPLICA_ERROR;
    fixture.server_evidence[0].facts.counts.closing = 1;
    ck_assert_int_eq(ask(&fixture, COND_REPLICAS_CLOSED, server), ANSWER_NO);
    fixture_silence(&fixture, ROLE_REPLICA, 0);
    ck_assert_int_eq(ask(&fixture, COND_REPLICAS_CLOSED, server), ANSWER_UNKNOWN);
    fixture_close(&fixture);
}
END_TEST

START_TEST(alive_wants_the_list_and_the_server_itself)
{
    struct fixture fixture;
    fixture_open(&fixture);
    const struct server *server = &fixture.servers[ROLE_REPLICA][0];
    ck_assert_int_eq(ask(&fixture, COND_IS_ALIVE, server), ANSWER_YES);
    fixture.evidence.snapshot.nodes[0].status = NODE_UNALIVE;
    ck_assert_int_eq(ask(&fixture, COND_IS_ALIVE, server), ANSWER_NO);
    /* The list shows a killed server as alive for 20 s. */
    fixture.evidence.snapshot.nodes[0].status = NODE_ALIVE;
    fixture_silence(&fixture, ROLE_REPLICA, 0);
    ck_assert_int_eq(ask(&fixture, COND_IS_ALIVE, server), ANSWER_NO);
    ck_assert(reason_has(&fixture, "connection refused"));
    fixture_close(&fixture);
}
END_TEST

START_TEST(a_restart_is_proven_by_another_start_time)
{
    struct fixture fixture;
    fixture_open(&fixture);
    const struct server *server = &fixture.servers[ROLE_REPLICA][0];
    snprintf(fixture.server_evidence[0].facts.start_time, 32, "2026-01-31 08:00:00");
    ck_assert_int_eq(ask(&fixture, COND_HAS_RESTARTED, server), ANSWER_UNKNOWN);
    ck_assert(reason_has(&fixture, "no restart"));
    fixture.history[0].restart_asked = true;
    snprintf(fixture.history[0].start_time_before, 32, "2026-01-31 08:00:00");
    ck_assert_int_eq(ask(&fixture, COND_HAS_RESTARTED, server), ANSWER_NO);
    snprintf(fixture.history[0].start_time_before, 32, "2026-01-30 08:00:00");
    ck_assert_int_eq(ask(&fixture, COND_HAS_RESTARTED, server), ANSWER_YES);
    fixture_silence(&fixture, ROLE_REPLICA, 0);
    ck_assert_int_eq(ask(&fixture, COND_HAS_RESTARTED, server), ANSWER_UNKNOWN);
    fixture_close(&fixture);
}
END_TEST

START_TEST(the_version_served_must_be_the_target)
{
    struct fixture fixture;
    fixture_open(&fixture);
    const struct server *server = &fixture.servers[ROLE_META][1];
    struct server_facts *facts = &evidence_of(&fixture, ROLE_META, 1)->facts;
    snprintf(facts->version, sizeof facts->version, "2.5.0");
    ck_assert_int_eq(ask(&fixture, COND_RUNS_TARGET_VERSION, server), ANSWER_NO);
    ck_assert_str_eq(text_string(&fixture.reason),
                     "127.0.0.1:34602 runs '2.5.0', the target is '2.6.0'");
    snprintf(facts->version, sizeof facts->version, "2.6.0");
    ck_assert_int_eq(ask(&fixture, COND_RUNS_TARGET_VERSION, server), ANSWER_YES);
    fixture_close(&fixture);
}
END_TEST

static const struct {
    const char *partition;
    int32_t level;
    int32_t unalive; /* index, or -1 */
    int32_t silent;  /* index, or -1 */
    enum answer answer;
    const char *reason;
} healths[] = {
    {"012", LEVEL_STEADY, -1, -1, ANSWER_YES, "all 1 partitions are healthy"},
    {"012", LEVEL_LIVELY, -1, -1, ANSWER_YES, ""},
    {"012", LEVEL_FREEZED, -1, -1, ANSWER_NO, "the meta level is 'freezed'"},
    {"01", LEVEL_STEADY, -1, -1, ANSWER_NO, "1 of 1 partitions are not fully healthy (1.0)"},
    {"-012", LEVEL_STEADY, -1, -1, ANSWER_NO, "not fully healthy"},
    {"012", LEVEL_STEADY, 4, -1, ANSWER_NO, "127.0.0.1:34805 is not shown as ALIVE"},
    {"012", LEVEL_STEADY, -1, 4, ANSWER_UNKNOWN, "no answer from 127.0.0.1:34805 itself"},
};

START_TEST(health_wants_every_partition_and_every_server)
{
    const char *partitions[] = {healths[_i].partition, NULL};
    struct fixture fixture;
    fixture_open(&fixture);
    fixture_add_table(&fixture, "t", 3, partitions);
    fixture.evidence.snapshot.level = healths[_i].level;
    if (healths[_i].unalive >= 0) {
        fixture.evidence.snapshot.nodes[healths[_i].unalive].status = NODE_UNALIVE;
    }
    if (healths[_i].silent >= 0) {
        fixture_silence(&fixture, ROLE_REPLICA, healths[_i].silent);
    }
    ck_assert_int_eq(ask(&fixture, COND_CLUSTER_IS_HEALTHY, NULL), healths[_i].answer);
    ck_assert_msg(reason_has(&fixture, healths[_i].reason), "'%s'", text_string(&fixture.reason));
    fixture_close(&fixture);
}
END_TEST

START_TEST(a_silent_meta_server_is_not_all_servers_alive)
{
    struct fixture fixture;
    fixture_open(&fixture);
    ck_assert_int_eq(ask(&fixture, COND_ALL_SERVERS_ALIVE, NULL), ANSWER_YES);
    fixture_silence(&fixture, ROLE_META, 1);
    ck_assert_int_eq(ask(&fixture, COND_ALL_SERVERS_ALIVE, NULL), ANSWER_UNKNOWN);
    fixture_close(&fixture);
}
END_TEST

/* y, n, u: the parts' answers, made of conditions with a known one. */
static const struct {
    enum condition_kind kind;
    const char *parts;
    enum answer answer;
} logic[] = {
    {COND_ALL_OF, "yy", ANSWER_YES}, {COND_ALL_OF, "yu", ANSWER_UNKNOWN},
    {COND_ALL_OF, "un", ANSWER_NO},  {COND_ALL_OF, "yn", ANSWER_NO},
    {COND_ANY_OF, "nn", ANSWER_NO},  {COND_ANY_OF, "nu", ANSWER_UNKNOWN},
    {COND_ANY_OF, "uy", ANSWER_YES}, {COND_NOT, "y", ANSWER_NO},
    {COND_NOT, "n", ANSWER_YES},     {COND_NOT, "u", ANSWER_UNKNOWN},
};

START_TEST(three_answers_compose)
{
    static const char *const partitions[] = {"012", NULL};
    struct fixture fixture;
    fixture_open(&fixture);
    fixture_add_table(&fixture, "t", 3, partitions);
    struct condition yes = {
        .kind = COND_NO_PRIMARIES, .name = "y", .server = &fixture.servers[ROLE_REPLICA][3]};
    struct condition no = {
        .kind = COND_NO_PRIMARIES, .name = "n", .server = &fixture.servers[ROLE_REPLICA][0]};
    struct condition unknown = {
        .kind = COND_HAS_RESTARTED, .name = "u", .server = &fixture.servers[ROLE_REPLICA][0]};
    const struct condition *parts[2];
    size_t count = strlen(logic[_i].parts);
    for (size_t i = 0; i < count; i++) {
        char part = logic[_i].parts[i];
        parts[i] = part == 'y' ? &yes : part == 'n' ? &no : &unknown;
    }
    struct condition condition = {
        .kind = logic[_i].kind,
        .name = "logic",
        .parts = parts,
        .part_count = count,
    };
    enum answer answer;
    ck_assert(condition_evaluate(&condition, &fixture.context, &fixture.evidence, &answer,
                                 &fixture.reason, &fixture.err));
    ck_assert_int_eq(answer, logic[_i].answer);
    fixture_close(&fixture);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("condition");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, primaries_and_secondaries_left_are_counted_and_named);
    tcase_add_test(tcase, unknown_is_never_yes);
    tcase_add_test(tcase, closed_means_each_drained_replica_not_a_sum);
    tcase_add_test(tcase, alive_wants_the_list_and_the_server_itself);
    tcase_add_test(tcase, a_restart_is_proven_by_another_start_time);
    tcase_add_test(tcase, the_version_served_must_be_the_target);
    tcase_add_loop_test(tcase, health_wants_every_partition_and_every_server, 0,
                        (int)(sizeof healths / sizeof healths[0]));
    tcase_add_test(tcase, a_silent_meta_server_is_not_all_servers_alive);
    tcase_add_loop_test(tcase, three_answers_compose, 0, (int)(sizeof logic / sizeof logic[0]));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
