#include "base/process.h"

#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct loop *loop;

struct outcome {
    int calls;
    int exit_code;
    int term_signal;
    char output[4096];
    size_t output_length;
    bool failed;
    struct error err;
    struct process *process;
    int64_t ended_us;
};

static void record(void *ctx, const struct process_result *result, const struct error *err)
{
    struct outcome *outcome = ctx;
    outcome->calls++;
    outcome->exit_code = result->exit_code;
    outcome->term_signal = result->term_signal;
    snprintf(outcome->output, sizeof outcome->output, "%s", text_string(&result->output));
    outcome->output_length = result->output.length;
    outcome->failed = err != NULL;
    if (err != NULL) {
        outcome->err = *err;
    }
    outcome->ended_us = loop_now_us(loop);
    process_free(outcome->process);
    outcome->process = NULL;
}

static void setup(void)
{
    struct error err;
    ck_assert(loop_open_real(&loop, &err));
}

static void teardown(void)
{
    loop_close(loop);
}

static void run(void)
{
    struct error err;
    ck_assert(loop_run(loop, &err));
}

static void start_shell(const char *script, int64_t timeout_us, struct outcome *outcome)
{
    struct error err = {0};
    const char *const argv[] = {"sh", "-c", script, NULL};
    const char *const env[] = {"PEGFLOW_TEST=added", "HOME=/replaced", NULL};
    struct process_spec spec = {
        .argv = argv,
        .env = env,
        .cwd = "/usr",
        .timeout_us = timeout_us,
        .output_limit = 64,
    };
    ck_assert_msg(process_start(loop, &spec, record, outcome, &outcome->process, &err), "%s",
                  err.text);
    ck_assert_int_eq(outcome->calls, 0);
}

static const struct {
    const char *script;
    int exit_code;
    int term_signal;
    const char *output;
} ends[] = {
    {"exit 0", 0, 0, ""},
    {"echo out; echo err >&2; exit 7", 7, 0, "out\nerr\n"},
    {"pwd; echo $PEGFLOW_TEST $HOME", 0, 0, "/usr\nadded /replaced\n"},
    {"kill -9 $$", -1, 9, ""},
    /* nothing but the three standard descriptors and the one that lists them */
    {"ls /proc/self/fd | tr '\\n' ' '", 0, 0, "0 1 2 3 "},
    {"cat; echo read", 0, 0, "read\n"},
    /* its own process group; nothing blocked or ignored */
    {"[ $(ps -o pgid= -p $$) = $$ ] && echo own", 0, 0, "own\n"},
    /* (the C library keeps 32 and 33 for itself) */
    {"for s in $(awk '/^Sig(Blk|Ign)/ { print $2 }' /proc/self/status); do "
     "echo $((0x$s & 0x7fffffff)); done",
     0, 0, "0\n0\n"},
    /* the last 64 bytes */
    {"yes 0123456789abcde | head -n 20000; printf end", 0, 0,
     "de\n0123456789abcde\n0123456789abcde\n0123456789abcde\n0123456789\0"},
};

START_TEST(a_process_ends_by_itself)
{
    struct outcome outcome = {0};
    start_shell(ends[_i].script, 20000000, &outcome);
    run();
    ck_assert_int_eq(outcome.calls, 1);
    ck_assert_int_eq(outcome.exit_code, ends[_i].exit_code);
    ck_assert_int_eq(outcome.term_signal, ends[_i].term_signal);
    if (strstr(ends[_i].script, "yes") != NULL) {
        ck_assert_uint_eq(outcome.output_length, 64);
        ck_assert_str_eq(outcome.output + 61, "end");
    } else {
        ck_assert_str_eq(outcome.output, ends[_i].output);
    }
    ck_assert(!outcome.failed);
}
END_TEST

static const struct {
    const char *program;
    const char *cwd;
    const char *message;
} not_started[] = {
    {"pegflow-no-such-program", NULL, "start 'pegflow-no-such-program': No such file or directory"},
    {"/etc/passwd", NULL, "start '/etc/passwd': Permission denied"},
    {"/etc", NULL, "start '/etc': Permission denied"},
    {"true", "/no/such/folder", "working directory '/no/such/folder': No such file or directory"},
    {"true", "/etc/passwd", "working directory '/etc/passwd': Not a directory"},
};

START_TEST(a_program_that_cannot_start_fails_at_once_with_its_name)
{
    struct outcome outcome = {0};
    struct error err = {0};
    const char *const argv[] = {not_started[_i].program, NULL};
    struct process_spec spec = {
        .argv = argv,
        .cwd = not_started[_i].cwd,
        .timeout_us = 1000000,
        .output_limit = 64,
    };
    ck_assert(!process_start(loop, &spec, record, &outcome, &outcome.process, &err));
    ck_assert_int_eq(err.code, ERROR_SYSTEM);
    ck_assert_str_eq(err.text, not_started[_i].message);
    run();
    ck_assert_int_eq(outcome.calls, 0);
}
END_TEST

/* Neither gone nor dead and unclaimed. */
static bool is_running(pid_t pid)
{
    char path[64];
    char state = 'Z';
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    if (file != NULL) {
        ck_assert_int_eq(fscanf(file, "%*d (%*[^)]) %c", &state), 1);
        fclose(file);
    }
    return state != 'Z';
}

/* The number in the first line of the output. */
static pid_t told_pid(const struct outcome *outcome)
{
    pid_t pid = (pid_t)strtol(outcome->output, NULL, 10);
    ck_assert_int_gt(pid, 1);
    return pid;
}

START_TEST(a_timeout_ends_the_group_and_keeps_the_output)
{
    struct outcome outcome = {0};
    start_shell("sleep 600 & echo $!; sleep 600", 500000, &outcome);
    run();
    ck_assert_int_eq(outcome.calls, 1);
    ck_assert(outcome.failed);
    ck_assert_int_eq(outcome.err.code, ERROR_TIMEOUT);
    ck_assert_str_eq(outcome.err.text, "'sh' did not end within 500ms");
    ck_assert_int_eq(outcome.term_signal, SIGTERM);
    ck_assert(!is_running(told_pid(&outcome)));
    ck_assert_int_lt(outcome.ended_us, 4000000);
}
END_TEST

static void cancel_outcome(void *ctx)
{
    struct outcome *outcome = ctx;
    process_cancel(outcome->process);
    process_cancel(outcome->process);
}

START_TEST(cancel_ends_the_group_even_one_that_ignores_sigterm)
{
    struct outcome outcome = {0};
    struct timer timer = {0};
    /* the child ends at SIGTERM, its own child only by SIGKILL, 5 s later */
    start_shell("(trap '' TERM; while :; do sleep 1; done) & echo $!; sleep 600", 60000000,
                &outcome);
    int64_t begin_us = loop_now_us(loop);
    timer_start(loop, &timer, 500000, cancel_outcome, &outcome);
    run();
    ck_assert_int_eq(outcome.calls, 1);
    ck_assert_int_eq(outcome.err.code, ERROR_CANCELLED);
    ck_assert_str_eq(outcome.err.text, "'sh' was stopped");
    ck_assert_int_ge(outcome.ended_us - begin_us, 5000000);
    ck_assert(!is_running(told_pid(&outcome)));
}
END_TEST

START_TEST(what_a_child_leaves_running_does_not_hold_its_end_up)
{
    struct outcome outcome = {0};
    start_shell("sleep 600 & echo $!", 60000000, &outcome);
    int64_t begin_us = loop_now_us(loop);
    run();
    ck_assert_int_eq(outcome.calls, 1);
    ck_assert(!outcome.failed);
    ck_assert_int_eq(outcome.exit_code, 0);
    ck_assert_int_lt(outcome.ended_us - begin_us, 20000000);
    ck_assert(is_running(told_pid(&outcome))); /* a server that was started stays */
    kill(told_pid(&outcome), SIGKILL);
}
END_TEST

static int open_fifo(const char *folder, const char *name, char path[96])
{
    snprintf(path, 96, "%s/%s", folder, name);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    int fd = open(path, O_RDWR | O_CLOEXEC); /* both ways: opening waits for nobody */
    ck_assert_int_ge(fd, 0);
    return fd;
}

/* A script started the server with its own standard output. That was a pipe, whose reading end was
 * closed once the script had ended, and the server died of SIGPIPE at its first line. */
START_TEST(a_server_that_a_child_left_running_may_print)
{
    struct outcome outcome = {0};
    char folder[] = "/tmp/pegflow-process-XXXXXX";
    char go_path[96];
    char told_path[96];
    char script[384];
    ck_assert_ptr_nonnull(mkdtemp(folder));
    int go = open_fifo(folder, "go", go_path);
    int told = open_fifo(folder, "told", told_path);
    snprintf(script, sizeof script,
             "exec 3<>%s 4<>%s; setsid sh -c 'read line <&3; echo later; echo later >&2; "
             "echo alive >&4' & echo begun",
             go_path, told_path);
    start_shell(script, 60000000, &outcome);
    run();
    ck_assert_int_eq(outcome.calls, 1);
    ck_assert_str_eq(outcome.output, "begun\n");
    ck_assert_int_eq(write(go, "\n", 1), 1);
    struct pollfd answer = {.fd = told, .events = POLLIN};
    ck_assert_int_eq(poll(&answer, 1, 20000), 1);
    close(go);
    close(told);
    unlink(go_path);
    unlink(told_path);
    rmdir(folder);
}
END_TEST

static const struct {
    const char *script;
    int term_signal;
} endless[] = {
    {"head -c 68000000 /dev/zero; printf end; sleep 600", SIGTERM},
    /* killed as soon as it has printed as much again, not after the patience with SIGTERM */
    {"trap '' TERM; head -c 136000000 /dev/zero; printf end; sleep 600", SIGKILL},
};

START_TEST(a_child_that_prints_without_end_is_ended)
{
    struct outcome outcome = {0};
    start_shell(endless[_i].script, 600000000, &outcome);
    run();
    ck_assert_int_eq(outcome.calls, 1);
    ck_assert_int_eq(outcome.err.code, ERROR_LIMIT);
    ck_assert_str_eq(outcome.err.text, "'sh' printed more than 64 MiB");
    ck_assert_int_eq(outcome.term_signal, endless[_i].term_signal);
    ck_assert_uint_eq(outcome.output_length, 64);
}
END_TEST

START_TEST(output_is_kept_where_no_file_can_be)
{
    struct outcome outcome = {0};
    const char *folder = getenv("TMPDIR");
    char *before = folder == NULL ? NULL : memory_copy_string(folder);
    setenv("TMPDIR", "/no/such/folder", 1);
    start_shell("echo one; echo two >&2; echo three", 60000000, &outcome);
    run();
    ck_assert_str_eq(outcome.output, "one\ntwo\nthree\n");
    if (before == NULL) {
        unsetenv("TMPDIR");
    } else {
        setenv("TMPDIR", before, 1);
    }
    free(before);
}
END_TEST

START_TEST(free_before_the_end_kills_the_group_without_a_callback)
{
    struct outcome outcome = {0};
    start_shell("sleep 600 & sleep 600", 60000000, &outcome);
    pid_t pid = process_id(outcome.process);
    process_free(outcome.process);
    ck_assert(!is_running(pid));
    run();
    ck_assert_int_eq(outcome.calls, 0);
    process_free(NULL);
}
END_TEST

/* ---- processes of an earlier process of ours */
static void keep_identity(void *ctx, const struct process_identity *identity)
{
    *(struct process_identity *)ctx = *identity;
}

static void start_named(const char *script, struct process_identity *identity,
                        struct outcome *outcome)
{
    const char *argv[] = {"sh", "-c", script, NULL};
    struct process_spec spec = {
        .argv = argv,
        .timeout_us = 60000000,
        .output_limit = 100,
        .started = keep_identity,
        .started_ctx = identity,
    };
    struct error err;
    ck_assert(process_start(loop, &spec, record, outcome, &outcome->process, &err));
}

static void count(void *ctx)
{
    ++*(int *)ctx;
}

START_TEST(a_process_is_followed_to_its_end)
{
    struct outcome outcome = {0};
    struct process_identity identity = {0};
    struct process_follower follower = {0};
    int over = 0;
    start_named("sleep 0.2", &identity, &outcome);
    ck_assert_int_eq(identity.pid, process_id(outcome.process));
    ck_assert(process_is_alive(&identity));
    process_follow(&follower, loop, &identity, count, &over);
    ck_assert_int_eq(over, 0);
    run();
    ck_assert_int_eq(over, 1);
    ck_assert_int_eq(outcome.calls, 1);
    ck_assert(!process_is_alive(&identity));
    process_follow(&follower, loop, &identity, count, &over);
    run();
    ck_assert_int_eq(over, 2); /* at once, as it is not there */
}
END_TEST

START_TEST(another_process_of_the_same_number_is_not_taken_for_it)
{
    struct outcome outcome = {0};
    struct process_identity identity = {0};
    struct process_identity other;
    start_named("sleep 60", &identity, &outcome);
    other = identity;
    other.start_ticks--;
    ck_assert(!process_is_alive(&other));
    other = identity;
    other.boot[0] = other.boot[0] == '0' ? '1' : '0';
    ck_assert(!process_is_alive(&other));
    other = (struct process_identity){0};
    ck_assert(!process_is_alive(&other));
    ck_assert(process_is_alive(&identity));
    process_free(outcome.process);
    run();
}
END_TEST

START_TEST(one_that_follows_no_more_hears_nothing)
{
    struct outcome outcome = {0};
    struct process_identity identity = {0};
    struct process_follower follower = {0};
    int over = 0;
    start_named("sleep 0.1", &identity, &outcome);
    process_follow(&follower, loop, &identity, count, &over);
    process_unfollow(&follower);
    process_unfollow(&follower);
    run();
    ck_assert_int_eq(over, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("process");
    TCase *tcase = tcase_create("process");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, a_process_ends_by_itself, 0, (int)(sizeof ends / sizeof *ends));
    tcase_add_loop_test(tcase, a_program_that_cannot_start_fails_at_once_with_its_name, 0,
                        (int)(sizeof not_started / sizeof *not_started));
    tcase_add_test(tcase, a_timeout_ends_the_group_and_keeps_the_output);
    tcase_add_test(tcase, cancel_ends_the_group_even_one_that_ignores_sigterm);
    tcase_add_test(tcase, what_a_child_leaves_running_does_not_hold_its_end_up);
    tcase_add_test(tcase, a_server_that_a_child_left_running_may_print);
    tcase_add_loop_test(tcase, a_child_that_prints_without_end_is_ended, 0,
                        (int)(sizeof endless / sizeof *endless));
    tcase_add_test(tcase, output_is_kept_where_no_file_can_be);
    tcase_add_test(tcase, a_process_is_followed_to_its_end);
    tcase_add_test(tcase, another_process_of_the_same_number_is_not_taken_for_it);
    tcase_add_test(tcase, one_that_follows_no_more_hears_nothing);
    tcase_add_test(tcase, free_before_the_end_kills_the_group_without_a_callback);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
