/* A run's folder in ZooKeeper: with a real one (tests/e2e/zookeeper.sh). */
#include "cli/shared_record.h"

#include "../live/zookeeper_fixture.h"
#include "base/files.h"

static struct told told;

#ifdef HAVE_ZOOKEEPER

static char here[64];
static const char *place;

static const char header[] =
    "{\"seq\":0,\"event\":\"journal\",\"data\":{\"run\":\"r1\",\"files\":[{\"path\":\"a.lua\","
    "\"kept\":\"files/01-a.lua\"},{\"kept\":\"files/02-b c.lua\"}]}}\n";

static const char *in_folder(const char *folder, const char *name)
{
    return arena_printf(&arena, "%s/%s/%s", here, folder, name);
}

static void write_file(const char *folder, const char *name, const char *text)
{
    struct error err;
    ck_assert(files_make_folder(in_folder(folder, "files"), &err));
    ck_assert_msg(files_write(in_folder(folder, name), text, strlen(text), &err), "%s", err.text);
}

static void add_line(const char *folder, const char *line)
{
    FILE *file = fopen(in_folder(folder, "journal.jsonl"), "a");
    ck_assert_ptr_nonnull(file);
    fputs(line, file);
    fclose(file);
}

static void expect_file(const char *folder, const char *name, const char *expected)
{
    struct text text = {0};
    struct error err;
    ck_assert_msg(files_read(in_folder(folder, name), 1 << 20, &text, NULL, &err), "%s", err.text);
    ck_assert_str_eq(text_string(&text), expected);
    text_clear(&text);
}

static void set_up(void)
{
    set_up_loop();
    strcpy(here, "/tmp/pegflow-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(here));
    connect_session(&told, NULL);
    place = arena_printf(&arena, "%s/temp", fresh_path());
    write_file("one", "journal.jsonl", header);
    write_file("one", "files/01-a.lua", "return 1\n");
    write_file("one", "files/02-b c.lua", "");
}

static void tear_down(void)
{
    zookeeper_free(told.zookeeper);
    told.zookeeper = NULL;
    ck_assert_int_eq(system(arena_printf(&arena, "rm -rf %s", here)), 0);
    tear_down_loop();
}

static const char *folder_of(const char *name)
{
    return arena_printf(&arena, "%s/%s", here, name);
}

static struct shared_record *begin(const char *folder)
{
    struct shared_record *record = NULL;
    struct error err;
    ck_assert_msg(
        shared_record_begin(loop, told.zookeeper, place, "r1", folder_of(folder), &record, &err),
        "%s", err.text);
    return record;
}

static void tell(struct shared_record *record)
{
    struct event event = {.kind = EVENT_NOTE, .text = "x"};
    struct error err;
    ck_assert(shared_record_sink(record)->take(shared_record_sink(record), &event, &err));
}

static bool fetch(const char *folder, struct error *err)
{
    return shared_record_fetch(loop, told.zookeeper, place, "r1", folder_of(folder), err);
}

START_TEST(a_folder_is_brought_as_it_was)
{
    struct error err;
    struct shared_record *record = begin("one");
    run_for(200 * US_PER_MS);
    add_line("one", "{\"seq\":1}\n{\"seq\"");
    tell(record);
    run_for(100 * US_PER_MS);
    add_line("one", ":2}\n");
    shared_record_end(record, true);
    ck_assert_msg(fetch("two", &err), "%s", err.text);
    const char *all = arena_printf(&arena, "%s{\"seq\":1}\n{\"seq\":2}\n", header);
    expect_file("two", "journal.jsonl", all);
    expect_file("two", "files/01-a.lua", "return 1\n");
    expect_file("two", "files/02-b c.lua", "");

    /* The run goes on there, and its record behind what is stored. */
    add_line("two", "{\"seq\":3}\n");
    shared_record_end(begin("two"), true);
    ck_assert(fetch("three", &err));
    expect_file("three", "journal.jsonl", arena_printf(&arena, "%s{\"seq\":3}\n", all));
    ck_assert_msg(fetch("three", &err), "%s", err.text); /* once more does no harm */
}
END_TEST

START_TEST(another_record_of_the_same_run_is_not_mixed_with_it)
{
    struct error err;
    shared_record_end(begin("one"), true);
    write_file("two", "journal.jsonl", arena_printf(&arena, " %s", header));
    write_file("two", "files/01-a.lua", "return 2\n");
    write_file("two", "files/02-b c.lua", "");
    shared_record_end(begin("two"), true); /* says so, and ends */
    ck_assert(fetch("three", &err));
    expect_file("three", "journal.jsonl", header);
    expect_file("three", "files/01-a.lua", "return 1\n");
}
END_TEST

START_TEST(a_run_that_is_done_with_leaves_nothing)
{
    struct error err;
    struct asked asked = {0};
    shared_record_end(begin("one"), false);
    ck_assert(!fetch("two", &err));
    ck_assert_str_eq(err.text, arena_printf(&arena,
                                            "bring run 'r1' here: nothing of run 'r1' is kept "
                                            "below '%s' in ZooKeeper",
                                            place));
    ck_assert_int_eq(err.code, ERROR_REFUSED);
    zookeeper_children(told.zookeeper, arena_printf(&arena, "%s/runs", place), record_answer,
                       &asked);
    ck_assert_int_eq(answer_of(&asked), ZOOKEEPER_OK);
    ck_assert_str_eq(asked.names, "");
}
END_TEST

static const char *const no_headers[] = {
    "",
    "{\"data\":{\"files\":[]}}", /* no end of line */
    "{\"data\":{}}\n",
    "nonsense\n",
    "{\"data\":{\"files\":[{\"kept\":\"files/../../../etc/x\"}]}}\n",
    "{\"data\":{\"files\":[{\"kept\":\"files/..\"}]}}\n",
    "{\"data\":{\"files\":[{\"kept\":\"/etc/x\"}]}}\n",
    "{\"data\":{\"files\":[{\"kept\":5}]}}\n",
};

START_TEST(a_journal_without_a_header_is_refused)
{
    struct shared_record *record = NULL;
    struct error err;
    write_file("one", "journal.jsonl", no_headers[_i]);
    ck_assert(
        !shared_record_begin(loop, told.zookeeper, place, "r1", folder_of("one"), &record, &err));
    ck_assert_ptr_null(record);
    ck_assert_str_eq(err.text, arena_printf(&arena, "'%s' does not begin with a journal's header",
                                            in_folder("one", "journal.jsonl")));
    ck_assert_int_eq(err.code, ERROR_INVALID_FILE);
}
END_TEST

START_TEST(a_session_that_has_ended_holds_up_nothing)
{
    struct shared_record *record = begin("one");
    struct error err;
    run_for(200 * US_PER_MS);
    sleep(6); /* as SIGSTOP would */
    add_line("one", "{\"seq\":1}\n");
    tell(record);
    run_for(1 * US_PER_SECOND);
    int64_t began_us = loop_now_us(loop);
    shared_record_end(record, true);
    ck_assert_int_le(loop_now_us(loop) - began_us, 1 * US_PER_SECOND);
    ck_assert(!fetch("two", &err));
    ck_assert_ptr_nonnull(strstr(err.text, "the session has ended"));
}
END_TEST

#endif

START_TEST(nothing_is_ended_where_nothing_began)
{
    shared_record_end(NULL, true);
    (void)told;
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("shared_record");
    TCase *always = tcase_create("always");
    tcase_add_test(always, nothing_is_ended_where_nothing_began);
    suite_add_tcase(suite, always);
#ifdef HAVE_ZOOKEEPER
    if (real_address() != NULL) {
        TCase *tests = tcase_create("shared_record");
        tcase_add_checked_fixture(tests, set_up, tear_down);
        tcase_set_timeout(tests, 60);
        tcase_add_test(tests, a_folder_is_brought_as_it_was);
        tcase_add_test(tests, another_record_of_the_same_run_is_not_mixed_with_it);
        tcase_add_test(tests, a_run_that_is_done_with_leaves_nothing);
        tcase_add_loop_test(tests, a_journal_without_a_header_is_refused, 0,
                            sizeof no_headers / sizeof no_headers[0]);
        tcase_add_test(tests, a_session_that_has_ended_holds_up_nothing);
        suite_add_tcase(suite, tests);
    } else {
        printf("skipped, for lack of PEGFLOW_TEST_ZOOKEEPER: what needs a real ZooKeeper\n");
    }
#endif
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
