#include "base/process.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

START_TEST(a_grandchild_that_keeps_the_pipe_holds_the_end_up_for_a_second_only)
{
    struct outcome outcome = {0};
    start_shell("sleep 600 & echo $!", 60000000, &outcome);
    int64_t begin_us = loop_now_us(loop);
    run();
    ck_assert_int_eq(outcome.calls, 1);
    ck_assert(!outcome.failed);
    ck_assert_int_ge(outcome.ended_us - begin_us, 1000000);
    ck_assert_int_lt(outcome.ended_us - begin_us, 4000000);
    ck_assert(is_running(told_pid(&outcome))); /* a server that was started stays */
    kill(told_pid(&outcome), SIGKILL);
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
    tcase_add_test(tcase, a_grandchild_that_keeps_the_pipe_holds_the_end_up_for_a_second_only);
    tcase_add_test(tcase, free_before_the_end_kills_the_group_without_a_callback);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
