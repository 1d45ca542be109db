/* A run's journal in ZooKeeper: with a real one (tests/e2e/zookeeper.sh). */
#include "live/shared_journal.h"

#include "zookeeper_fixture.h"

START_TEST(a_runs_place_is_below_the_clusters)
{
    ck_assert_str_eq(shared_journal_path("/pegflow/temp", "r7", &arena), "/pegflow/temp/runs/r7");
    ck_assert_str_eq(shared_journal_path("/pegflow/temp", "../x", &arena),
                     "/pegflow/temp/runs/..%2Fx");
}
END_TEST

#ifdef HAVE_ZOOKEEPER

static struct told told;

struct journal_told {
    struct shared_journal *journal;
    bool opened, moved, failed, removed;
    int fail_count;
    struct text read;
    uint64_t stored;
    uint64_t wanted;
    struct error err;
};
static struct journal_told one, two;

static void record_opened(void *ctx, struct slice records, const struct error *err)
{
    struct journal_told *journal = ctx;
    ck_assert(!journal->opened);
    journal->opened = true;
    text_append(&journal->read, records.bytes, records.length);
    if (err != NULL) {
        journal->failed = true;
        journal->err = *err;
    }
    loop_stop(loop);
}

static void record_progress(void *ctx, uint64_t stored, const struct error *err)
{
    struct journal_told *journal = ctx;
    ck_assert_uint_ge(stored, journal->stored);
    journal->stored = stored;
    if (err != NULL) {
        journal->failed = true;
        journal->fail_count++;
        journal->err = *err;
    }
    journal->moved = journal->failed || stored == journal->wanted;
    loop_stop(loop);
}

static void record_removed(void *ctx, const struct error *err)
{
    struct journal_told *journal = ctx;
    journal->removed = true;
    ck_assert_msg(err == NULL, "%s", err == NULL ? "" : err->text);
    loop_stop(loop);
}

static void set_up(void)
{
    set_up_loop();
    memset(&one, 0, sizeof one);
    memset(&two, 0, sizeof two);
    connect_session(&told, NULL);
}

static void close_journal(struct journal_told *journal)
{
    shared_journal_free(journal->journal);
    text_clear(&journal->read);
    memset(journal, 0, sizeof *journal);
}

static void tear_down(void)
{
    close_journal(&one);
    close_journal(&two);
    zookeeper_free(told.zookeeper);
    told.zookeeper = NULL;
    tear_down_loop();
}

static void start_opening(struct journal_told *journal, const char *path)
{
    close_journal(journal);
    journal->journal =
        shared_journal_open(loop, told.zookeeper, path, record_opened, record_progress, journal);
    ck_assert(!journal->opened);
}

static void open_journal(struct journal_told *journal, const char *path)
{
    start_opening(journal, path);
    ck_assert(run_until(&journal->opened, 20 * US_PER_SECOND));
}

static void append(struct journal_told *journal, const char *record)
{
    journal->moved = false;
    journal->wanted += strlen(record);
    shared_journal_append(journal->journal, slice_of(record));
    ck_assert(!journal->moved);
}

static void await(struct journal_told *journal)
{
    ck_assert(run_until(&journal->moved, 30 * US_PER_SECOND));
}

static void is_stored(struct journal_told *journal)
{
    await(journal);
    ck_assert_msg(!journal->failed, "%s", journal->err.text);
    ck_assert_uint_eq(shared_journal_pending_bytes(journal->journal), 0);
}

static const char *parts_at(const char *path)
{
    struct asked asked = {0};
    zookeeper_children(told.zookeeper, path, record_answer, &asked);
    ck_assert_int_eq(answer_of(&asked), ZOOKEEPER_OK);
    return arena_copy_string(&arena, asked.names);
}

START_TEST(what_was_appended_is_read_back_in_order)
{
    const char *path = shared_journal_path(fresh_path(), "r1", &arena);
    struct text all = {0};
    open_journal(&one, path);
    ck_assert(!one.failed);
    ck_assert_uint_eq(one.read.length, 0);
    append(&one, "first\n");
    is_stored(&one);
    for (int i = 0; i < 1000; i++) {
        append(&one, arena_printf(&arena, "{\"seq\":%d}\n", i));
        text_printf(&all, "{\"seq\":%d}\n", i);
    }
    is_stored(&one);
    append(&one, ""); /* nothing */
    ck_assert_uint_eq(strlen(parts_at(path)),
                      2 * strlen("000000,")); /* what waited went together */

    open_journal(&two, path);
    ck_assert_str_eq(text_string(&two.read), arena_printf(&arena, "first\n%s", text_string(&all)));
    append(&two, "last\n"); /* a run that is gone on with */
    is_stored(&two);
    open_journal(&one, path);
    ck_assert_str_eq(text_string(&one.read),
                     arena_printf(&arena, "first\n%slast\n", text_string(&all)));
    text_clear(&all);
}
END_TEST

START_TEST(a_record_larger_than_a_node_is_cut)
{
    const char *path = shared_journal_path(fresh_path(), "r1", &arena);
    struct text large = {0};
    while (large.length < 1300000) {
        text_append_string(&large, "0123456789abcdef");
    }
    open_journal(&one, path);
    append(&one, "small\n");
    append(&one, text_string(&large));
    append(&one, "\nsmall\n");
    is_stored(&one);
    ck_assert_int_eq(strlen(parts_at(path)), 4 * 7);
    open_journal(&two, path);
    ck_assert_uint_eq(two.read.length, 6 + large.length + 7);
    ck_assert_int_eq(memcmp(two.read.bytes + 6, large.bytes, large.length), 0);
    text_clear(&large);
}
END_TEST

START_TEST(many_parts_are_read_and_removed)
{
    const char *path = shared_journal_path(fresh_path(), "r1", &arena);
    open_journal(&one, path);
    for (int i = 0; i < 100; i++) {
        append(&one, arena_printf(&arena, "%d,", i));
        is_stored(&one);
    }
    open_journal(&two, path);
    ck_assert_uint_eq(two.read.length, 10 * 2 + 90 * 3);
    ck_assert_ptr_nonnull(strstr(text_string(&two.read), "98,99,"));
    append(&two, "in flight");
    shared_journal_remove(two.journal, record_removed, &two);
    ck_assert(!two.removed);
    ck_assert(run_until(&two.removed, 20 * US_PER_SECOND));
    append(&two, "too late");
    run_for(50 * US_PER_MS);
    ck_assert_uint_eq(two.stored, 0);
    open_journal(&one, path);
    ck_assert_uint_eq(one.read.length, 0);
    struct asked asked = {0};
    zookeeper_get(told.zookeeper, path, record_answer, &asked);
    ck_assert_int_eq(answer_of(&asked), ZOOKEEPER_NO_NODE);
}
END_TEST

START_TEST(another_process_that_writes_the_same_run_is_noticed)
{
    const char *path = shared_journal_path(fresh_path(), "r1", &arena);
    struct error why;
    open_journal(&one, path);
    open_journal(&two, path);
    append(&one, "mine");
    is_stored(&one);
    ck_assert(!shared_journal_failed(one.journal, &why));
    append(&two, "yours");
    await(&two);
    ck_assert(two.failed);
    ck_assert_str_eq(two.err.text,
                     arena_printf(&arena,
                                  "the journal in ZooKeeper: part 0 of '%s' was written by another "
                                  "process: it goes on with this run",
                                  path));
    ck_assert_int_eq(two.err.code, ERROR_REFUSED);
    ck_assert(shared_journal_failed(two.journal, &why));
    ck_assert_str_eq(why.text, two.err.text);
    append(&two, "more");
    run_for(50 * US_PER_MS);
    ck_assert_int_eq(two.fail_count, 1);

    /* The same bytes are our own, stored before an answer was lost. */
    open_journal(&two, path);
    append(&one, "same");
    is_stored(&one);
    append(&two, "same");
    is_stored(&two);
}
END_TEST

START_TEST(a_server_that_stops_loses_nothing_and_stores_nothing_twice)
{
    const char *path = shared_journal_path(fresh_path(), "r1", &arena);
    open_journal(&one, path);
    append(&one, "before,");
    is_stored(&one);
    kill(real_pid(), SIGSTOP);
    append(&one, "meanwhile,");
    told.connected = false;
    bool suspended = run_until(&told.suspended, 10 * US_PER_SECOND);
    append(&one, "after,");
    kill(real_pid(), SIGCONT);
    ck_assert(suspended);
    await(&one);
    if (!one.failed) { /* the servers' sessions did not expire while the process stood still */
        open_journal(&two, path);
        ck_assert_str_eq(text_string(&two.read), "before,meanwhile,after,");
    }
}
END_TEST

START_TEST(a_session_that_ends_fails_the_journal)
{
    const char *path = shared_journal_path(fresh_path(), "r1", &arena);
    open_journal(&one, path);
    sleep(6); /* as SIGSTOP would */
    append(&one, "too late");
    await(&one);
    ck_assert(one.failed);
    ck_assert_ptr_nonnull(strstr(one.err.text, "the journal in ZooKeeper: ZooKeeper '"));
    ck_assert_int_eq(one.fail_count, 1);
    start_opening(&two, path);
    ck_assert(run_until(&two.opened, 5 * US_PER_SECOND));
    ck_assert(two.failed);
    ck_assert_ptr_nonnull(strstr(two.err.text, "the session has ended"));
}
END_TEST

START_TEST(a_part_that_is_missing_is_told)
{
    const char *path = shared_journal_path(fresh_path(), "r1", &arena);
    struct asked asked = {0};
    open_journal(&one, path);
    append(&one, "a");
    is_stored(&one);
    append(&one, "b");
    is_stored(&one);
    zookeeper_delete(told.zookeeper, arena_printf(&arena, "%s/000000", path), ZOOKEEPER_ANY_VERSION,
                     record_answer, &asked);
    ck_assert_int_eq(answer_of(&asked), ZOOKEEPER_OK);
    open_journal(&two, path);
    ck_assert(two.failed);
    ck_assert_str_eq(two.err.text,
                     arena_printf(&arena,
                                  "the journal in ZooKeeper: parts are missing below '%s', or "
                                  "something else is there: not all of the journal can be read",
                                  path));
    ck_assert_int_eq(create_node(told.zookeeper, arena_printf(&arena, "%s/notes", path), ""),
                     ZOOKEEPER_OK);
    open_journal(&two, path);
    ck_assert(two.failed);
}
END_TEST

START_TEST(more_than_may_wait_fails_the_journal)
{
    const char *path = shared_journal_path(fresh_path(), "r1", &arena);
    struct text large = {0};
    while (large.length < 1024 * 1024) {
        text_append_string(&large, "0123456789abcdef");
    }
    open_journal(&one, path);
    for (int i = 0; i < 9; i++) {
        append(&one, text_string(&large));
    }
    await(&one);
    ck_assert(one.failed);
    ck_assert_str_eq(one.err.text, "the journal in ZooKeeper: more than 8 MB wait for ZooKeeper, "
                                   "which does not take them");
    ck_assert_int_eq(one.err.code, ERROR_LIMIT);
    run_for(50 * US_PER_MS);
    ck_assert_int_eq(one.fail_count, 1);
    text_clear(&large);
}
END_TEST

START_TEST(what_the_acl_forbids_fails_the_journal)
{
    const char *closed = getenv("PEGFLOW_TEST_ZOOKEEPER_CLOSED");
    if (closed == NULL) {
        return;
    }
    open_journal(&one, shared_journal_path(closed, "r1", &arena));
    append(&one, "a");
    await(&one);
    ck_assert(one.failed);
    ck_assert_ptr_nonnull(strstr(one.err.text, "/runs: not allowed by the ACL of the node"));
}
END_TEST

START_TEST(nothing_is_told_once_it_is_freed)
{
    const char *path = shared_journal_path(fresh_path(), "r1", &arena);
    start_opening(&one, path);
    shared_journal_free(one.journal);
    one.journal = NULL;
    run_for(100 * US_PER_MS);
    ck_assert(!one.opened);
    open_journal(&two, path);
    append(&two, "a");
    run_for(0);
    shared_journal_free(two.journal);
    two.journal = NULL;
    run_for(100 * US_PER_MS);
    ck_assert_uint_eq(two.stored, 0);
}
END_TEST

static void add_journal_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, what_was_appended_is_read_back_in_order);
    tcase_add_test(tests, a_record_larger_than_a_node_is_cut);
    tcase_add_test(tests, many_parts_are_read_and_removed);
    tcase_add_test(tests, another_process_that_writes_the_same_run_is_noticed);
    tcase_add_test(tests, a_server_that_stops_loses_nothing_and_stores_nothing_twice);
    tcase_add_test(tests, a_session_that_ends_fails_the_journal);
    tcase_add_test(tests, a_part_that_is_missing_is_told);
    tcase_add_test(tests, more_than_may_wait_fails_the_journal);
    tcase_add_test(tests, what_the_acl_forbids_fails_the_journal);
    tcase_add_test(tests, nothing_is_told_once_it_is_freed);
}

#endif

int main(void)
{
    Suite *suite = suite_create("shared_journal");
    TCase *texts = tcase_create("texts");
    tcase_add_checked_fixture(texts, set_up_loop, tear_down_loop);
    tcase_add_test(texts, a_runs_place_is_below_the_clusters);
    suite_add_tcase(suite, texts);
#ifdef HAVE_ZOOKEEPER
    TCase *tests = tcase_create("shared_journal");
    tcase_set_timeout(tests, 60);
    if (real_address() != NULL) {
        add_journal_tests(tests);
    } else {
        printf("skipped, for lack of PEGFLOW_TEST_ZOOKEEPER: what needs a real ZooKeeper\n");
        (void)add_journal_tests;
    }
    suite_add_tcase(suite, tests);
#endif
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
