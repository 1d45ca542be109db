/* The shared lock, on a real ZooKeeper where there is one (tests/e2e/zookeeper.sh). */
#include "live/shared_lock.h"

#include "zookeeper_fixture.h"

#include <sys/wait.h>

/* ---- who holds it, as text */

START_TEST(a_holder_is_read_as_it_was_written)
{
    struct shared_lock_holder holder = {
        .who = "al\"ice",
        .host = "ops1",
        .pid = 311,
        .since = "2026-11-25T02:14:07Z",
        .run = "r7",
        .session_us = 10 * US_PER_SECOND,
    };
    struct shared_lock_holder again;
    struct text text = {0};
    shared_lock_holder_write(&holder, &text);
    ck_assert_str_eq(text_string(&text),
                     "{\"who\":\"al\\\"ice\",\"host\":\"ops1\",\"pid\":311,\"since\":"
                     "\"2026-11-25T02:14:07Z\",\"run\":\"r7\",\"session_ms\":10000}");
    ck_assert(shared_lock_holder_read((struct slice){text.bytes, text.length}, &arena, &again));
    ck_assert_str_eq(shared_lock_holder_describe(&again, &arena),
                     "al\"ice, pid 311 on ops1, since 2026-11-25T02:14:07Z (run r7)");
    ck_assert_int_eq(again.session_us, 10 * US_PER_SECOND);
    text_clear(&text);
}
END_TEST

static const char *const no_holders[] = {
    "",
    "{",
    "null",
    "{\"who\":\"a\",\"host\":\"b\",\"pid\":1,\"since\":\"c\",\"run\":\"d\"}",
    "{\"who\":1,\"host\":\"b\",\"pid\":1,\"since\":\"c\",\"run\":\"d\",\"session_ms\":1}",
    "{\"who\":\"a\",\"host\":\"b\",\"pid\":-1,\"since\":\"c\",\"run\":\"d\",\"session_ms\":1}",
    "{\"who\":\"a\",\"host\":\"b\",\"pid\":1e99,\"since\":\"c\",\"run\":\"d\",\"session_ms\":1}",
    "{\"who\":\"a\",\"host\":\"b\",\"pid\":\"1\",\"since\":\"c\",\"run\":\"d\",\"session_ms\":1}",
    "{\"Who\":\"a\",\"host\":\"b\",\"pid\":1,\"since\":\"c\",\"run\":\"d\",\"session_ms\":1}",
};

START_TEST(what_tells_no_holder_is_not_believed)
{
    struct shared_lock_holder holder;
    ck_assert(!shared_lock_holder_read(slice_of(no_holders[_i]), &arena, &holder));
}
END_TEST

START_TEST(what_a_holder_wrote_cannot_play_with_the_terminal)
{
    struct shared_lock_holder holder;
    ck_assert(shared_lock_holder_read(
        slice_of(
            "{\"who\":\"\\u001b[2Jx\",\"host\":\"b\\n\",\"pid\":1,\"since\":\"c\",\"run\":\"d\","
            "\"session_ms\":1}"),
        &arena, &holder));
    ck_assert_str_eq(shared_lock_holder_describe(&holder, &arena),
                     "?[2Jx, pid 1 on b?, since c (run d)");
}
END_TEST

/* ---- a lock, and what it told */

struct lock_told {
    struct shared_lock *lock;
    bool done, taken, released;
    bool waited, suspended, resumed, lost;
    int done_count;
    struct error err; /* of `done` */
    char text[1024];  /* of the last event */
    char wait_text[1024];
};

static void record_event(void *ctx, enum shared_lock_event event, const char *text)
{
    struct lock_told *told = ctx;
    told->waited |= event == SHARED_LOCK_WAITING;
    told->suspended |= event == SHARED_LOCK_SUSPENDED;
    told->resumed |= event == SHARED_LOCK_RESUMED;
    told->lost |= event == SHARED_LOCK_LOST;
    snprintf(told->text, sizeof told->text, "%s", text);
    if (event == SHARED_LOCK_WAITING) {
        snprintf(told->wait_text, sizeof told->wait_text, "%s", text);
    }
    loop_stop(loop);
}

static void record_done(void *ctx, const struct error *err)
{
    struct lock_told *told = ctx;
    told->done = true;
    told->done_count++;
    told->taken = err == NULL;
    if (err != NULL) {
        told->err = *err;
    }
    loop_stop(loop);
}

static void record_release(void *ctx, const struct error *err)
{
    struct lock_told *told = ctx;
    told->released = true;
    if (err != NULL) {
        told->err = *err;
    } else {
        told->err.text[0] = '\0';
    }
    loop_stop(loop);
}

static struct lock_told first, second;

static void tear_down(void)
{
    shared_lock_free(second.lock);
    shared_lock_free(first.lock);
    first.lock = NULL;
    second.lock = NULL;
    tear_down_loop();
}

struct take {
    const char *servers, *path, *run, *who;
    bool resumes;
    const struct zookeeper_identity *identity;
};

static bool try_to_take(struct lock_told *told, const struct take *take, struct error *err)
{
    struct ensemble ensemble = ensemble_of(take->servers == NULL ? real_address() : take->servers);
    struct shared_lock_options options = {
        .ensemble = &ensemble,
        .path = take->path,
        .cluster = "temp",
        .session_us = 4 * US_PER_SECOND,
        .holder = {.who = take->who == NULL ? "alice" : take->who,
                   .host = "ops1",
                   .pid = 311,
                   .run = take->run},
        .resumes = take->resumes,
        .identity = take->identity,
    };
    memset(told, 0, sizeof *told);
    return shared_lock_take(loop, &options, record_event, record_done, told, &told->lock, err);
}

static void start_taking(struct lock_told *told, const struct take *take)
{
    struct error err;
    ck_assert_msg(try_to_take(told, take, &err), "%s", err.text);
    ck_assert_int_eq(told->done_count, 0);
}

static void take(struct lock_told *told, const struct take *how)
{
    start_taking(told, how);
    ck_assert(run_until(&told->done, 20 * US_PER_SECOND));
    ck_assert_msg(told->taken, "%s", told->err.text);
}

static void is_refused(struct lock_told *told, const struct take *how, const char *error)
{
    start_taking(told, how);
    ck_assert(run_until(&told->done, 20 * US_PER_SECOND));
    ck_assert(!told->taken);
    ck_assert_msg(strstr(told->err.text, error) != NULL, "%s", told->err.text);
    ck_assert_int_eq(told->err.code, ERROR_REFUSED);
    shared_lock_free(told->lock);
    told->lock = NULL;
}

static void release(struct lock_told *told)
{
    shared_lock_release(told->lock, record_release, told);
    ck_assert(!told->released);
    ck_assert(run_until(&told->released, 10 * US_PER_SECOND));
    ck_assert_str_eq(told->err.text, "");
    struct error why;
    ck_assert(!shared_lock_is_held(told->lock, &why));
    shared_lock_free(told->lock);
    told->lock = NULL;
}

START_TEST(what_keeps_it_from_beginning_is_told)
{
    struct error err;
#ifdef HAVE_ZOOKEEPER
    const char *expected = "take the shared lock: ZooKeeper 'no-such-host.invalid:1': no server to "
                           "connect to: ";
#else
    const char *expected =
        "take the shared lock: this pegflow was built without ZooKeeper; install "
        "libzookeeper-st-dev and build again";
#endif
    struct take how = {.servers = "no-such-host.invalid:1", .path = "/p/temp", .run = "r1"};
    ck_assert(!try_to_take(&first, &how, &err));
    ck_assert_msg(strncmp(err.text, expected, strlen(expected)) == 0, "%s", err.text);
    ck_assert_ptr_null(first.lock);
    char *long_name = memory_allocate(5001);
    memset(long_name, 'x', 5000);
    how.who = long_name;
    ck_assert(!try_to_take(&first, &how, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "what tells who holds it has "));
    ck_assert_int_eq(err.code, ERROR_LIMIT);
    free(long_name);
}
END_TEST

#ifdef HAVE_ZOOKEEPER

START_TEST(without_a_server_it_is_refused_by_address)
{
    start_taking(&first, &(struct take){.servers = "127.0.0.1:1", .path = "/p/temp", .run = "r1"});
    ck_assert(run_until(&first.done, 20 * US_PER_SECOND));
    ck_assert_str_eq(first.err.text, "take the shared lock: ZooKeeper '127.0.0.1:1': no session in "
                                     "time: 127.0.0.1:1: connection refused");
    ck_assert_int_eq(first.err.code, ERROR_UNREACHABLE);
    ck_assert_int_eq(first.done_count, 1);
}
END_TEST

/* ---- with a real ZooKeeper */

START_TEST(a_second_run_is_refused_and_told_who_and_since_when)
{
    const char *path = arena_printf(&arena, "%s/temp", fresh_path());
    struct error why;
    take(&first, &(struct take){.path = path, .run = "r1"});
    ck_assert(shared_lock_is_held(first.lock, &why));
    ck_assert_int_eq(shared_lock_token(first.lock), 0);
    int64_t began_us = loop_now_us(loop);
    is_refused(&second, &(struct take){.path = path, .run = "r2"},
               "cluster 'temp' is being changed by alice, pid 311 on ops1, since 20");
    ck_assert_ptr_nonnull(strstr(second.err.text, "Z (run r1): it holds the shared lock '"));
    ck_assert_ptr_nonnull(strstr(second.err.text, "/temp/lock-0000000000' in ZooKeeper"));
    ck_assert_int_le(loop_now_us(loop) - began_us, 3 * US_PER_SECOND);

    release(&first);
    take(&second, &(struct take){.path = path, .run = "r2"});
    ck_assert_int_eq(shared_lock_token(second.lock), 1);
    run_for(3 * US_PER_SECOND); /* twice confirmed */
    ck_assert(shared_lock_is_held(second.lock, &why));
    ck_assert(!second.suspended && !second.lost);
    ck_assert_int_eq(second.done_count, 1);
}
END_TEST

START_TEST(of_two_that_start_together_one_wins)
{
    for (int i = 0; i < 10; i++) {
        const char *path = arena_printf(&arena, "%s/temp", fresh_path());
        start_taking(&first, &(struct take){.path = path, .run = "r1"});
        start_taking(&second, &(struct take){.path = path, .run = "r2", .who = "bob"});
        ck_assert(run_until(&first.done, 20 * US_PER_SECOND));
        ck_assert(run_until(&second.done, 20 * US_PER_SECOND));
        ck_assert_int_eq(first.taken + second.taken, 1);
        struct lock_told *loser = first.taken ? &second : &first;
        ck_assert_ptr_nonnull(strstr(loser->err.text, first.taken ? "by alice" : "by bob"));
        shared_lock_free(first.lock);
        shared_lock_free(second.lock);
        first.lock = NULL;
        second.lock = NULL;
    }
}
END_TEST

/* A process that takes the lock and is killed; the identity of its session. */
static struct zookeeper_identity crash(const char *path, const char *run)
{
    int ends[2];
    struct zookeeper_identity identity;
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        struct error err;
        struct take how = {.path = path, .run = run};
        loop_open_real(&loop, &err);
        if (try_to_take(&first, &how, &err)) {
            run_until(&first.done, 20 * US_PER_SECOND);
        }
        identity = first.taken ? shared_lock_identity(first.lock) : (struct zookeeper_identity){0};
        _exit(write(ends[1], &identity, sizeof identity) == sizeof identity ? 0 : 1);
    }
    ck_assert_int_gt(child, 0);
    ck_assert_int_eq(read(ends[0], &identity, sizeof identity), (ssize_t)sizeof identity);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    ck_assert_int_ne(identity.session_id, 0);
    close(ends[0]);
    close(ends[1]);
    return identity;
}

START_TEST(after_a_crash_the_lock_is_gone_on_with)
{
    const char *path = arena_printf(&arena, "%s/temp", fresh_path());
    struct error why;
    struct zookeeper_identity identity = crash(path, "r1");
    int64_t began_us = loop_now_us(loop);
    is_refused(&second, &(struct take){.path = path, .run = "r2"}, "(run r1)");
    take(&first, &(struct take){.path = path, .run = "r1", .resumes = true, .identity = &identity});
    ck_assert_int_le(loop_now_us(loop) - began_us, 3 * US_PER_SECOND);
    ck_assert(!first.waited);
    ck_assert_int_eq(shared_lock_token(first.lock), 0);
    ck_assert_int_eq(shared_lock_identity(first.lock).session_id, identity.session_id);
    run_for(6 * US_PER_SECOND);
    ck_assert(shared_lock_is_held(first.lock, &why));
    release(&first);

    /* Its session is over: with the old identity a new one begins. */
    take(&first, &(struct take){.path = path, .run = "r1", .resumes = true, .identity = &identity});
    ck_assert_int_ne(shared_lock_identity(first.lock).session_id, identity.session_id);
    ck_assert_int_eq(shared_lock_token(first.lock), 1);
}
END_TEST

START_TEST(after_a_crash_the_lock_is_waited_out_where_its_session_is_not_known)
{
    const char *path = arena_printf(&arena, "%s/temp", fresh_path());
    crash(path, "r1");
    int64_t began_us = loop_now_us(loop);
    take(&first, &(struct take){.path = path, .run = "r1", .resumes = true});
    ck_assert(first.waited);
    ck_assert_ptr_nonnull(
        strstr(first.wait_text, "the shared lock is still held by the session of alice, pid 311 on "
                                "ops1, since "));
    ck_assert_ptr_nonnull(strstr(first.wait_text, "(run r1); unless that process lives, ZooKeeper "
                                                  "lets it go within 9s"));
    ck_assert_int_ge(loop_now_us(loop) - began_us, 1 * US_PER_SECOND);
    ck_assert_int_eq(shared_lock_token(first.lock), 1);
}
END_TEST

START_TEST(a_run_that_lives_is_not_waited_out)
{
    const char *path = arena_printf(&arena, "%s/temp", fresh_path());
    struct error why;
    take(&first, &(struct take){.path = path, .run = "r1"});
    is_refused(&second, &(struct take){.path = path, .run = "r1", .resumes = true},
               ", and that process is alive");
    ck_assert(second.waited);
    ck_assert(shared_lock_is_held(first.lock, &why));
}
END_TEST

START_TEST(whoever_lost_its_session_to_another_process_stops)
{
    const char *path = arena_printf(&arena, "%s/temp", fresh_path());
    struct error why;
    take(&first, &(struct take){.path = path, .run = "r1"});
    struct zookeeper_identity identity = shared_lock_identity(first.lock);
    take(&second,
         &(struct take){
             .path = path, .run = "r1", .who = "bob", .resumes = true, .identity = &identity});
    ck_assert(run_until(&first.lost, 10 * US_PER_SECOND));
    ck_assert_ptr_nonnull(strstr(first.text, "was taken over by bob, pid 311 on ops1"));
    ck_assert(!shared_lock_is_held(first.lock, &why));
    shared_lock_free(first.lock); /* the lock stays with the other */
    first.lock = NULL;
    run_for(6 * US_PER_SECOND);
    ck_assert_msg(shared_lock_is_held(second.lock, &why), "%s", why.text);
    ck_assert(!second.lost);
}
END_TEST

START_TEST(a_lock_that_somebody_deletes_is_lost)
{
    const char *path = arena_printf(&arena, "%s/temp", fresh_path());
    struct asked asked = {0};
    struct error why;
    take(&first, &(struct take){.path = path, .run = "r1"});
    zookeeper_delete(shared_lock_session(first.lock),
                     arena_printf(&arena, "%s/lock-0000000000", path), ZOOKEEPER_ANY_VERSION,
                     record_answer, &asked);
    ck_assert(run_until(&first.lost, 10 * US_PER_SECOND));
    ck_assert_str_eq(
        first.text,
        arena_printf(&arena, "the shared lock '%s/lock-0000000000' was deleted by somebody", path));
    ck_assert(!shared_lock_is_held(first.lock, &why));
    ck_assert_str_eq(why.text, first.text);
    first.released = false;
    shared_lock_release(first.lock, record_release, &first); /* fine, and does nothing */
    ck_assert(run_until(&first.released, US_PER_SECOND));
}
END_TEST

START_TEST(a_node_that_no_run_makes_is_refused_by_name)
{
    const char *top = fresh_path();
    const char *path = arena_printf(&arena, "%s/temp", top);
    take(&first, &(struct take){.path = path, .run = "r1"});
    struct zookeeper *session = shared_lock_session(first.lock);
    ck_assert_int_eq(create_node(session, arena_printf(&arena, "%s/lock-mine", path), ""),
                     ZOOKEEPER_OK);
    ck_assert_int_eq(create_node(session, arena_printf(&arena, "%s/other", path), ""),
                     ZOOKEEPER_OK);
    release(&first);
    is_refused(&second, &(struct take){.path = path, .run = "r1"},
               "/temp/lock-mine' in ZooKeeper is none that a run makes; delete it");
}
END_TEST

START_TEST(a_lock_that_a_person_made_by_hand_holds_too)
{
    const char *top = fresh_path();
    const char *path = arena_printf(&arena, "%s/temp", top);
    take(&first, &(struct take){.path = path, .run = "r1"});
    ck_assert_int_eq(create_node(shared_lock_session(first.lock),
                                 arena_printf(&arena, "%s/lock-0000000007", path), "hands off"),
                     ZOOKEEPER_OK);
    release(&first);
    is_refused(&second, &(struct take){.path = path, .run = "r1", .resumes = true},
               "is being changed by somebody, who left no word: it holds the shared lock ");
}
END_TEST

START_TEST(what_the_acl_forbids_is_told)
{
    const char *closed = getenv("PEGFLOW_TEST_ZOOKEEPER_CLOSED");
    if (closed == NULL) {
        return;
    }
    is_refused(&first, &(struct take){.path = arena_printf(&arena, "%s/temp", closed), .run = "r1"},
               arena_printf(&arena,
                            "ZooKeeper '%s': create %s/temp: not allowed by the ACL of the "
                            "node",
                            real_address(), closed));
}
END_TEST

/* The servers whose processes are listed stop, and go on once the lock is suspended. */
static void suspend_by(const char *pids, const char *servers)
{
    const char *path = arena_printf(&arena, "%s/temp", fresh_path());
    struct error why;
    take(&first, &(struct take){.servers = servers, .path = path, .run = "r1"});
    for (const char *at = pids; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        kill((pid_t)atoi(at), SIGSTOP);
    }
    int64_t began_us = loop_now_us(loop);
    bool suspended = run_until(&first.suspended, 20 * US_PER_SECOND);
    int64_t took_us = loop_now_us(loop) - began_us;
    for (const char *at = pids; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        kill((pid_t)atoi(at), SIGCONT);
    }
    ck_assert(suspended);
    ck_assert_int_le(took_us, 8 * US_PER_SECOND);
    ck_assert(!shared_lock_is_held(first.lock, &why));
    ck_assert_ptr_nonnull(strstr(why.text, "ZooKeeper"));
    for (int i = 0; i < 200 && !first.resumed && !first.lost; i++) {
        run_for(100 * US_PER_MS);
    }
    ck_assert(first.resumed || first.lost);
    ck_assert_int_eq(shared_lock_is_held(first.lock, &why), first.resumed && !first.lost);
}

START_TEST(a_server_that_stops_suspends_the_lock)
{
    suspend_by(getenv("PEGFLOW_TEST_ZOOKEEPER_PID"), real_address());
}
END_TEST

START_TEST(servers_without_their_majority_suspend_the_lock)
{
    const char *servers = getenv("PEGFLOW_TEST_ZOOKEEPER_THREE");
    if (servers != NULL) {
        suspend_by(getenv("PEGFLOW_TEST_ZOOKEEPER_TWO_PIDS"), servers);
    }
}
END_TEST

START_TEST(whoever_slept_does_not_believe_that_it_holds_the_lock)
{
    const char *path = arena_printf(&arena, "%s/temp", fresh_path());
    struct error why;
    take(&first, &(struct take){.path = path, .run = "r1"});
    ck_assert(shared_lock_is_held(first.lock, &why));
    sleep(6); /* as SIGSTOP would: nothing was heard or told meanwhile */
    ck_assert(!shared_lock_is_held(first.lock, &why));
    ck_assert_ptr_nonnull(strstr(why.text, "ZooKeeper has not confirmed the shared lock '"));
    ck_assert_int_eq(why.code, ERROR_UNREACHABLE);
    ck_assert(run_until(&first.lost, 10 * US_PER_SECOND));
    ck_assert_ptr_nonnull(strstr(first.text, "the shared lock is lost: ZooKeeper '"));
    ck_assert_ptr_nonnull(strstr(first.text, ": the session has expired"));
    take(&second, &(struct take){.path = path, .run = "r2"});
    ck_assert_int_eq(shared_lock_token(second.lock), 1);
}
END_TEST

#endif

static void add_lock_tests(TCase *tests)
{
    (void)tests, (void)take, (void)is_refused, (void)release;
#ifdef HAVE_ZOOKEEPER
    tcase_add_test(tests, without_a_server_it_is_refused_by_address);
    if (real_address() == NULL) {
        printf("skipped, for lack of PEGFLOW_TEST_ZOOKEEPER: what needs a real ZooKeeper\n");
        return;
    }
    tcase_add_test(tests, a_second_run_is_refused_and_told_who_and_since_when);
    tcase_add_test(tests, of_two_that_start_together_one_wins);
    tcase_add_test(tests, after_a_crash_the_lock_is_gone_on_with);
    tcase_add_test(tests, after_a_crash_the_lock_is_waited_out_where_its_session_is_not_known);
    tcase_add_test(tests, a_run_that_lives_is_not_waited_out);
    tcase_add_test(tests, whoever_lost_its_session_to_another_process_stops);
    tcase_add_test(tests, a_lock_that_somebody_deletes_is_lost);
    tcase_add_test(tests, a_node_that_no_run_makes_is_refused_by_name);
    tcase_add_test(tests, a_lock_that_a_person_made_by_hand_holds_too);
    tcase_add_test(tests, what_the_acl_forbids_is_told);
    tcase_add_test(tests, a_server_that_stops_suspends_the_lock);
    tcase_add_test(tests, servers_without_their_majority_suspend_the_lock);
    tcase_add_test(tests, whoever_slept_does_not_believe_that_it_holds_the_lock);
#endif
}

int main(void)
{
    Suite *suite = suite_create("shared_lock");
    TCase *tests = tcase_create("shared_lock");
    tcase_add_checked_fixture(tests, set_up_loop, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_holder_is_read_as_it_was_written);
    tcase_add_loop_test(tests, what_tells_no_holder_is_not_believed, 0,
                        sizeof no_holders / sizeof no_holders[0]);
    tcase_add_test(tests, what_a_holder_wrote_cannot_play_with_the_terminal);
    tcase_add_test(tests, what_keeps_it_from_beginning_is_told);
    add_lock_tests(tests);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
