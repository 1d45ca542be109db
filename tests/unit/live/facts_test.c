#include "cluster_fixture.h"

static struct server_facts facts;

/* What the fake server serves: a body for each path, the last one with body NULL for all others. */
struct served {
    const char *path;
    int status;
    const char *body;
};
static const struct served *serving;

static const char *serve(struct fake *f, const char *path, int *status)
{
    (void)f;
    const struct served *page = serving;
    while (page->path != NULL && strcmp(page->path, path) != 0) {
        page++;
    }
    *status = page->path == NULL ? 404 : page->status;
    return page->path == NULL ? "service not found" : page->body;
}

static void setup_facts(void)
{
    setup();
    fake->page = serve;
    facts = (struct server_facts){.version = "before"};
}

static void teardown_facts(void)
{
    teardown();
    server_facts_clear(&facts);
}

static void read_facts(unsigned parts, struct outcome *outcome)
{
    cluster_read_server(reader, fake_address(101), parts, &facts, 5 * SECOND, record, outcome);
    ck_assert_int_eq(outcome->calls, 0);
}

/* The body of a recorded HTTP exchange. */
static char *recorded_body(const char *path)
{
    struct text text = {0};
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "cannot open %s", path);
    char buffer[4096];
    size_t got;
    while ((got = fread(buffer, 1, sizeof buffer, file)) > 0) {
        text_append(&text, buffer, got);
    }
    fclose(file);
    const char *body = strstr(text_string(&text), "\r\n\r\n");
    size_t skip = 4;
    if (body == NULL) {
        body = strstr(text_string(&text), "\n\n");
        skip = 2;
    }
    ck_assert_ptr_nonnull(body);
    char *copy = memory_copy_string(body + skip);
    text_clear(&text);
    return copy;
}

#define METRICS_PATH                                                                               \
    "/metrics?types=server&metrics=total_replicas,opening_replicas,closing_replicas"
#define COUNTER_PATH "/perfCounter?name=replica*eon.replica_stub*"

START_TEST(recorded_bodies_of_both_releases_are_understood)
{
    static const struct {
        const char *release;
        const char *version;
        const char *start_time;
        int64_t total;
    } releases[] = {
        {"2.5", "2.5.0", "2026-11-23 14:52:07", 35},
        {"master", "2.6.0-SNAPSHOT", "2026-11-23 14:11:24", 181},
    };
    static const char *const files[] = {"version", "start_time", "metrics_server", "perf_counter",
                                        "perf_counter_closing"};
    char *bodies[5] = {0};
    for (int i = 0; i < (_i == 0 ? 5 : 3); i++) {
        char path[256];
        snprintf(path, sizeof path, "tests/data/samples/%s/http/%s.txt", releases[_i].release,
                 files[i]);
        bodies[i] = recorded_body(path);
    }
    const struct served pages[] = {
        {"/version", 200, bodies[0]},
        {"/recentStartTime", 200, bodies[1]},
        {METRICS_PATH, _i == 0 ? 404 : 200, bodies[2]},
        {COUNTER_PATH "replica(Count)", 200, bodies[3]},
        {COUNTER_PATH "opening.replica(Count)", 200, bodies[4]},
        {COUNTER_PATH "closing.replica(Count)", 200, bodies[4]},
        {0},
    };
    struct outcome outcome = {0};
    serving = pages;
    read_facts(FACT_VERSION | FACT_START_TIME | FACT_COUNTS, &outcome);
    run_well(&outcome);
    ck_assert_uint_eq(facts.parts, FACT_VERSION | FACT_START_TIME | FACT_COUNTS);
    ck_assert_str_eq(facts.version, releases[_i].version);
    ck_assert_str_eq(facts.start_time, releases[_i].start_time);
    ck_assert_int_eq(facts.counts.total, releases[_i].total);
    ck_assert_int_eq(facts.counts.opening, 0);
    ck_assert_int_eq(facts.counts.closing, 0);
    ck_assert_int_eq(facts.taken_us, 0);
    for (int i = 0; i < 5; i++) {
        free(bodies[i]);
    }
}
END_TEST

START_TEST(a_collector_has_an_empty_version)
{
    static const struct served pages[] = {
        {"/version", 200, "{\"Version\":\"\",\"GitCommit\":\"\"}\n"}, {0}};
    struct outcome outcome = {0};
    serving = pages;
    read_facts(FACT_VERSION, &outcome);
    run_well(&outcome);
    ck_assert_str_eq(facts.version, "");
}
END_TEST

/* ---- bodies that are not what they should be */

static const struct {
    unsigned part;
    struct served page;
    enum error_code code;
    const char *text;
} wrong[] = {
    {FACT_VERSION,
     {"/version", 200, ""},
     ERROR_PEER,
     "127.0.0.1:101: GET /version: no object with a text 'Version' of less than 64 bytes: ''"},
    {FACT_VERSION,
     {"/version", 200, "{\"Version\":\"2.5.0\",\"GitC"},
     ERROR_PEER,
     "127.0.0.1:101: GET /version: no object with a text 'Version' of less than 64 bytes: "
     "'{\"Version\":\"2.5.0\",\"GitC'"},
    {FACT_VERSION,
     {"/version", 200, "{\"Version\":\"2\"} and more"},
     ERROR_PEER,
     "127.0.0.1:101: GET /version: no object with a text 'Version' of less than 64 bytes: "
     "'{\"Version\":\"2\"} and more'"},
    {FACT_VERSION,
     {"/version", 200, "{\"version\":\"2.5.0\"}"},
     ERROR_PEER,
     "127.0.0.1:101: GET /version: no object with a text 'Version' of less than 64 bytes: "
     "'{\"version\":\"2.5.0\"}'"},
    {FACT_VERSION,
     {"/version", 200, "{\"Version\":2.5}"},
     ERROR_PEER,
     "127.0.0.1:101: GET /version: no object with a text 'Version' of less than 64 bytes: "
     "'{\"Version\":2.5}'"},
    {FACT_VERSION,
     {"/version", 200, "[\"Version\"]\x01\xff"},
     ERROR_PEER,
     "127.0.0.1:101: GET /version: no object with a text 'Version' of less than 64 bytes: "
     "'[\"Version\"]\?\?'"},
    {FACT_VERSION,
     {"/version", 200,
      "{\"Version\":\"0123456789012345678901234567890123456789012345678901234567890123\"}"},
     ERROR_PEER,
     "127.0.0.1:101: GET /version: no object with a text 'Version' of less than 64 bytes: "
     "'{\"Version\":\"0123456789012345678901234567890123456789012345678901234567890123\"}'"},
    {FACT_VERSION,
     {"/version", 200,
      "<html><head><title>some other server that answers anything at all with a page</title>"},
     ERROR_PEER,
     "127.0.0.1:101: GET /version: no object with a text 'Version' of less than 64 bytes: "
     "'<html><head><title>some other server that answers anything at all with a page</t...'"},
    {FACT_VERSION,
     {"/version", 404, "service not found for \"version\"\n"},
     ERROR_REPLY,
     "127.0.0.1:101: GET /version: status 404: service not found for \"version\""},
    {FACT_VERSION, {"/version", 500, ""}, ERROR_REPLY, "127.0.0.1:101: GET /version: status 500"},
    {FACT_VERSION,
     {"/version", 200, NULL},
     ERROR_UNREACHABLE,
     "127.0.0.1:101: /version: connection refused"},
    {FACT_COUNTS,
     {METRICS_PATH, 200, "{\"entities\":[]}"},
     ERROR_PEER,
     "127.0.0.1:101: GET " METRICS_PATH ": the replica counts are not there: "
     "'{\"entities\":[]}'"},
    {FACT_COUNTS,
     {METRICS_PATH, 200,
      "{\"entities\":[{\"type\":\"server\",\"metrics\":[{\"name\":\"total_replicas\","
      "\"value\":\"3\"}]}]}"},
     ERROR_PEER,
     "127.0.0.1:101: GET " METRICS_PATH ": the replica counts are not there: "
     "'{\"entities\":[{\"type\":\"server\",\"metrics\":[{\"name\":\"total_replicas\",\"value\":"
     "\"3\"}]}...'"},
    {FACT_COUNTS,
     {METRICS_PATH, 200,
      "{\"entities\":[{\"type\":\"server\",\"metrics\":[{\"name\":\"total_replicas\",\"value\":-1},"
      "{\"name\":\"opening_replicas\",\"value\":0},{\"name\":\"closing_replicas\",\"value\":0}]}]"
      "}"},
     ERROR_PEER,
     "127.0.0.1:101: GET " METRICS_PATH ": the replica counts are not there: "
     "'{\"entities\":[{\"type\":\"server\",\"metrics\":[{\"name\":\"total_replicas\",\"value\":-1},"
     "{\"...'"},
};

START_TEST(a_body_that_is_not_what_it_should_be_is_an_error_that_shows_it)
{
    const struct served pages[] = {wrong[_i].page, {0}};
    struct outcome outcome = {0};
    serving = pages;
    read_facts(wrong[_i].part, &outcome);
    run_to_error(&outcome, wrong[_i].code, wrong[_i].text);
    ck_assert_uint_eq(facts.parts, 0);
    ck_assert_str_eq(facts.version, "before"); /* untouched */
}
END_TEST

START_TEST(a_counter_must_be_a_whole_number)
{
    static const struct {
        const char *body;
        int64_t total; /* -1: an error */
    } cases[] = {
        {"{\"name\":\"x\",\"value\":\"35.00\",\"type\":\"NUMBER\"}", 35},
        {"{\"value\":\"0\"}", 0},
        {"{}", -1},
        {"{\"value\":35}", -1},
        {"{\"value\":\"\"}", -1},
        {"{\"value\":\"35.5\"}", -1},
        {"{\"value\":\"-1\"}", -1},
        {"{\"value\":\"nan\"}", -1},
        {"{\"value\":\"1e300\"}", -1},
        {"{\"value\":\"35 replicas\"}", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct served pages[] = {
            {COUNTER_PATH "replica(Count)", 200, cases[i].body},
            {COUNTER_PATH "opening.replica(Count)", 200, "{\"value\":\"1\"}"},
            {COUNTER_PATH "closing.replica(Count)", 200, "{\"value\":\"2\"}"},
            {0},
        };
        struct outcome outcome = {0};
        serving = pages;
        read_facts(FACT_COUNTS, &outcome);
        run(&outcome);
        ck_assert_int_eq(outcome.failed, cases[i].total < 0);
        if (outcome.failed) {
            ck_assert_int_eq(outcome.err.code, ERROR_PEER);
            ck_assert_ptr_nonnull(strstr(outcome.err.text, "no counter with a whole number"));
        } else {
            ck_assert_int_eq(facts.counts.total, cases[i].total);
            ck_assert_int_eq(facts.counts.opening, 1);
            ck_assert_int_eq(facts.counts.closing, 2);
        }
    }
}
END_TEST

START_TEST(a_huge_body_is_refused_unparsed)
{
    struct text body = {0};
    text_append_string(&body, "{\"Version\":\"2.5.0\",\"list\":[1");
    while (body.length < 2 << 20) {
        text_append_string(&body, ",1,1,1,1,1,1,1,1");
    }
    text_append_string(&body, "]}");
    const struct served pages[] = {{"/version", 200, text_string(&body)}, {0}};
    struct outcome outcome = {0};
    serving = pages;
    read_facts(FACT_VERSION, &outcome);
    run(&outcome);
    ck_assert_int_eq(outcome.err.code, ERROR_PEER);
    text_clear(&body);
}
END_TEST

START_TEST(one_part_that_fails_fails_the_read_and_drops_the_others)
{
    static const struct served pages[] = {
        {"/version", 200, "{\"Version\":\"1\"}"}, {"/recentStartTime", 500, ""}, {0}};
    struct outcome outcome = {0};
    serving = pages;
    fake->command_reply = "unknown command 'server-info'";
    read_facts(FACT_VERSION | FACT_START_TIME | FACT_COMMANDS | FACT_REPLICAS, &outcome);
    run(&outcome);
    ck_assert(outcome.failed);
    ck_assert_ptr_null(fake->calls);
    ck_assert_str_eq(facts.version, "before");
}
END_TEST

START_TEST(remote_commands_are_proven_by_server_info)
{
    static const struct {
        const char *reply;
        const char *error;
    } cases[] = {
        {"{\"build_type\":\"Release\",\"git_SHA\":\"x\",\"start_time\":\"2026-11-23 14:11:24\","
         "\"version\":\"2.6.0\"}",
         NULL},
        {"Pegasus Server 2.5.0 (x) Release, Started at 2026-11-23 14:52:07", NULL},
        {"unknown command 'server-info'",
         "127.0.0.1:101: the reply to 'server-info' is not understood: 'unknown command "
         "'server-info''"},
    };
    struct outcome outcome = {0};
    fake->command_reply = cases[_i].reply;
    read_facts(FACT_COMMANDS, &outcome);
    if (cases[_i].error == NULL) {
        run_well(&outcome);
        ck_assert_uint_eq(facts.parts, FACT_COMMANDS);
    } else {
        run_to_error(&outcome, ERROR_REPLY, cases[_i].error);
    }
    ck_assert_str_eq(fake->last_command, "101 server-info");
}
END_TEST

/* A reply of the same words is not read again; what it told must outlive a read of other parts. */
START_TEST(the_same_words_tell_the_same_start)
{
    static const unsigned parts[] = {FACT_COMMANDS, FACT_COMMANDS, FACT_VERSION, FACT_COMMANDS};
    fake->command_reply = "Pegasus Server 2.5.0 (x) Release, Started at 2026-11-23 14:52:07";
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        struct outcome outcome = {0};
        read_facts(parts[i], &outcome);
        run_well(&outcome);
        ck_assert(parts[i] != FACT_COMMANDS ||
                  strcmp(facts.command_start, "2026-11-23 14:52:07") == 0);
    }
    struct outcome outcome = {0};
    fake->command_reply = "Pegasus Server 2.5.0 (x) Release, Started at 2026-11-23 15:00:00";
    read_facts(FACT_COMMANDS, &outcome);
    run_well(&outcome);
    ck_assert_str_eq(facts.command_start, "2026-11-23 15:00:00");
}
END_TEST

START_TEST(a_second_read_replaces_the_first)
{
    struct outcome outcomes[2] = {0};
    fake->replica_count = 2;
    read_facts(FACT_REPLICAS, &outcomes[0]);
    run_well(&outcomes[0]);
    ck_assert_uint_eq(facts.replica_count, 2);
    fake->replica_count = 1;
    read_facts(FACT_REPLICAS, &outcomes[1]);
    run_well(&outcomes[1]);
    ck_assert_uint_eq(facts.parts, FACT_REPLICAS);
    ck_assert_uint_eq(facts.replica_count, 1);
    ck_assert_int_eq(facts.replicas[0].gpid.app_id, 3);
    ck_assert_int_eq(facts.replicas[0].gpid.partition, 24);
    ck_assert_int_eq(facts.replicas[0].ballot, 31);
    ck_assert_int_eq(facts.replicas[0].status, REPLICA_PRIMARY);
    ck_assert_int_gt(facts.taken_us, 0);
}
END_TEST

/* ---- configuration */

static const struct {
    const char *path;
    int status;
    const char *body;
    const char *value; /* NULL: an error */
    enum error_code code;
    const char *text;
} configs[] = {
    {"/config?name=mutation_2pc_min_replica_count", 200,
     "{\"name\":\"mutation_2pc_min_replica_count\",\"value\":\"2\"}\n", "2", ERROR_CODE_COUNT,
     NULL},
    {"/config?name=mutation_2pc_min_replica_count", 200,
     "ERR_OBJECT_NOT_FOUND: 'mutation_2pc_min_replica_count' is not found", NULL, ERROR_REPLY,
     "127.0.0.1:101: GET /config?name=mutation_2pc_min_replica_count: ERR_OBJECT_NOT_FOUND: "
     "'mutation_2pc_min_replica_count' is not found"},
    {"/config?name=mutation_2pc_min_replica_count", 400, "", NULL, ERROR_REPLY,
     "127.0.0.1:101: GET /config?name=mutation_2pc_min_replica_count: status 400"},
    {"/config?name=mutation_2pc_min_replica_count", 200, "2", NULL, ERROR_PEER,
     "127.0.0.1:101: GET /config?name=mutation_2pc_min_replica_count: no object with a text "
     "'value' of less than 4096 bytes: '2'"},
};

START_TEST(a_flag_is_read_and_its_failures_are_text_with_status_200)
{
    const struct served pages[] = {{configs[_i].path, configs[_i].status, configs[_i].body}, {0}};
    struct outcome outcome = {0};
    serving = pages;
    cluster_read_config(reader, fake_address(101), "mutation_2pc_min_replica_count", 5 * SECOND,
                        record_value, &outcome);
    if (configs[_i].value == NULL) {
        run_to_error(&outcome, configs[_i].code, configs[_i].text);
    } else {
        run_well(&outcome);
        ck_assert_str_eq(outcome.value, configs[_i].value);
    }
}
END_TEST

START_TEST(a_name_is_encoded_in_the_path)
{
    static const struct served pages[] = {{"/config?name=a%26b%3D%20%25", 200, "{\"value\":\"x\"}"},
                                          {0}};
    struct outcome outcome = {0};
    serving = pages;
    cluster_read_config(reader, fake_address(101), "a&b= %", 5 * SECOND, record_value, &outcome);
    run_well(&outcome);
    ck_assert_str_eq(outcome.value, "x");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("facts");
    TCase *tcase = tcase_create("facts");
    tcase_add_checked_fixture(tcase, setup_facts, teardown_facts);
    tcase_add_loop_test(tcase, recorded_bodies_of_both_releases_are_understood, 0, 2);
    tcase_add_test(tcase, a_collector_has_an_empty_version);
    tcase_add_loop_test(tcase, a_body_that_is_not_what_it_should_be_is_an_error_that_shows_it, 0,
                        (int)(sizeof wrong / sizeof *wrong));
    tcase_add_test(tcase, a_counter_must_be_a_whole_number);
    tcase_add_test(tcase, a_huge_body_is_refused_unparsed);
    tcase_add_test(tcase, one_part_that_fails_fails_the_read_and_drops_the_others);
    tcase_add_loop_test(tcase, remote_commands_are_proven_by_server_info, 0, 3);
    tcase_add_test(tcase, the_same_words_tell_the_same_start);
    tcase_add_test(tcase, a_second_read_replaces_the_first);
    tcase_add_loop_test(tcase, a_flag_is_read_and_its_failures_are_text_with_status_200, 0,
                        (int)(sizeof configs / sizeof *configs));
    tcase_add_test(tcase, a_name_is_encoded_in_the_path);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
