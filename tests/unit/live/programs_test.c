#include "live/deployment.h"

#include "peer.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static struct loop *loop;
static struct deployment *deployment;
static struct peer peer;

enum { LONG_US = 20 * 1000 * 1000 };

struct outcome {
    int calls;
    int exit_code;
    int status;
    char text[512];
    bool failed;
    struct error err;
};

static void record_program(void *ctx, const struct process_result *result, const struct error *err)
{
    struct outcome *outcome = ctx;
    outcome->calls++;
    outcome->exit_code = result->exit_code;
    snprintf(outcome->text, sizeof outcome->text, "%s", text_string(&result->output));
    outcome->failed = err != NULL;
    if (err != NULL) {
        outcome->err = *err;
    }
}

static void record_reply(void *ctx, int status, const char *body, size_t body_bytes,
                         const struct error *err)
{
    struct outcome *outcome = ctx;
    outcome->calls++;
    outcome->status = status;
    ck_assert_uint_eq(strlen(body), body_bytes);
    snprintf(outcome->text, sizeof outcome->text, "%s", body);
    outcome->failed = err != NULL;
    if (err != NULL) {
        outcome->err = *err;
    }
    loop_stop(loop);
}

static void setup(void)
{
    struct error err;
    ck_assert(loop_open_real(&loop, &err));
    deployment = programs_new(loop);
    peer.accepted = 0;
    peer.fd = -1;
}

static void teardown(void)
{
    deployment->ops->free(deployment);
    peer_close(&peer);
    loop_close(loop);
}

static void run(void)
{
    struct error err;
    ck_assert(loop_run(loop, &err));
}

static struct operation *start(const char *program, const char *argument, struct outcome *outcome)
{
    const char *const argv[] = {program, argument, NULL};
    struct process_spec spec = {.argv = argv, .timeout_us = LONG_US, .output_limit = 4096};
    struct operation *operation = deployment->ops->run(deployment, &spec, record_program, outcome);
    ck_assert_int_eq(outcome->calls, 0);
    return operation;
}

START_TEST(a_program_runs_and_its_output_comes_back)
{
    struct outcome outcome = {0};
    start("echo", "hello; $(no shell)", &outcome);
    run();
    ck_assert_int_eq(outcome.calls, 1);
    ck_assert(!outcome.failed);
    ck_assert_int_eq(outcome.exit_code, 0);
    ck_assert_str_eq(outcome.text, "hello; $(no shell)\n");
}
END_TEST

START_TEST(a_missing_program_is_told_in_a_later_turn)
{
    struct outcome outcomes[2] = {0};
    start("pegflow-no-such-program", NULL, &outcomes[0]);
    operation_cancel(start("pegflow-no-such-program", NULL, &outcomes[1]));
    run();
    ck_assert_int_eq(outcomes[0].calls, 1);
    ck_assert_int_eq(outcomes[0].exit_code, -1);
    ck_assert_str_eq(outcomes[0].err.text,
                     "start 'pegflow-no-such-program': No such file or directory");
    ck_assert_int_eq(outcomes[1].calls, 1);
    ck_assert_int_eq(outcomes[1].err.code, ERROR_CANCELLED);
}
END_TEST

START_TEST(a_program_is_cancelled_with_a_callback_and_dropped_without)
{
    struct outcome outcomes[3] = {0};
    struct operation *cancelled = start("sleep", "600", &outcomes[0]);
    struct operation *dropped = start("sleep", "600", &outcomes[1]);
    operation_cancel(cancelled);
    operation_drop(dropped);
    run();
    ck_assert_int_eq(outcomes[0].calls, 1);
    ck_assert_int_eq(outcomes[0].err.code, ERROR_CANCELLED);
    ck_assert_int_eq(outcomes[1].calls, 0);
    start("sleep", "600", &outcomes[2]); /* ended by teardown */
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

/* An update that ends in `start.sh &`: the server has the adapter's standard output for life, and
 * prints long after the run. */
START_TEST(a_server_that_a_program_started_outlives_the_deployment)
{
    struct outcome outcome = {0};
    char folder[] = "/tmp/pegflow-programs-XXXXXX";
    char go_path[96];
    char told_path[96];
    char script[384];
    ck_assert_ptr_nonnull(mkdtemp(folder));
    int go = open_fifo(folder, "go", go_path);
    int told = open_fifo(folder, "told", told_path);
    snprintf(script, sizeof script,
             "exec 3<>%s 4<>%s; (read line <&3; echo later; echo alive >&4) & echo updated",
             go_path, told_path);
    const char *const argv[] = {"sh", "-c", script, NULL};
    struct process_spec spec = {.argv = argv, .timeout_us = LONG_US, .output_limit = 4096};
    deployment->ops->run(deployment, &spec, record_program, &outcome);
    run();
    ck_assert_int_eq(outcome.calls, 1);
    ck_assert(!outcome.failed);
    ck_assert_str_eq(outcome.text, "updated\n");
    deployment->ops->free(deployment);
    deployment = programs_new(loop);
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

static char requested[2048];

static void serve_one(struct peer_link *link)
{
    static const char reply[] = "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok";
    const char *wanted = link->peer->script;
    if (strstr(text_string(&link->in), wanted) == NULL) {
        return; /* the rest is to come */
    }
    snprintf(requested, sizeof requested, "%s", text_string(&link->in));
    peer_send(link, reply, sizeof reply - 1);
}

static const struct {
    const char *method;
    const char *body;
    const char *first_line;
    const char *ends_with;
} requests[] = {
    {"GET", NULL, "GET /servers?x=1 HTTP/1.1\r\n", "\r\n\r\n"},
    {"POST", "{\"a\":1}", "POST /servers?x=1 HTTP/1.1\r\n", "\r\n\r\n{\"a\":1}"},
    {"POST", NULL, "POST /servers?x=1 HTTP/1.1\r\n", "Content-Length: 0\r\n"},
    {"PUT", "new", "PUT /servers?x=1 HTTP/1.1\r\n", "\r\n\r\nnew"},
    {"DELETE", NULL, "DELETE /servers?x=1 HTTP/1.1\r\n", "\r\n\r\n"},
};

START_TEST(a_request_is_sent_as_asked_for)
{
    struct outcome outcome = {0};
    char url[128];
    char wanted[64];
    const char *const headers[] = {"X-Token: secret", "Content-Type: application/json", NULL};
    snprintf(wanted, sizeof wanted, "%s", requests[_i].ends_with);
    peer_open(&peer, loop, serve_one, wanted);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/servers?x=1", peer.address.port);
    struct http_request request = {
        .method = requests[_i].method,
        .url = url,
        .body = requests[_i].body,
        .headers = headers,
        .timeout_us = LONG_US,
    };
    deployment->ops->request(deployment, &request, record_reply, &outcome);
    ck_assert_int_eq(outcome.calls, 0);
    run();
    ck_assert_msg(!outcome.failed, "%s", outcome.err.text);
    ck_assert_int_eq(outcome.status, 201);
    ck_assert_str_eq(outcome.text, "ok");
    ck_assert_msg(strncmp(requested, requests[_i].first_line, strlen(requests[_i].first_line)) == 0,
                  "%s", requested);
    ck_assert_ptr_nonnull(strstr(requested, "\r\nX-Token: secret\r\n"));
    ck_assert_ptr_nonnull(strstr(requested, "\r\nContent-Type: application/json\r\n"));
    ck_assert_ptr_null(strstr(requested, "Expect:"));
}
END_TEST

static const struct {
    const char *url;
    const char *text;
} bad_urls[] = {
    {"ftp://127.0.0.1/x", "GET ftp://127.0.0.1/x: only http and https are spoken"},
    {"file:///etc/passwd", "GET file:///etc/passwd: only http and https are spoken"},
    {"not a url", "GET not a url: this is not a URL"},
};

START_TEST(only_http_is_spoken)
{
    struct outcome outcome = {0};
    struct http_request request = {
        .method = "GET",
        .url = bad_urls[_i].url,
        .timeout_us = LONG_US,
    };
    deployment->ops->request(deployment, &request, record_reply, &outcome);
    run();
    ck_assert(outcome.failed);
    ck_assert_int_eq(outcome.err.code, ERROR_USAGE);
    ck_assert_str_eq(outcome.err.text, bad_urls[_i].text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("programs");
    TCase *tcase = tcase_create("programs");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_program_runs_and_its_output_comes_back);
    tcase_add_test(tcase, a_missing_program_is_told_in_a_later_turn);
    tcase_add_test(tcase, a_program_is_cancelled_with_a_callback_and_dropped_without);
    tcase_add_test(tcase, a_server_that_a_program_started_outlives_the_deployment);
    tcase_add_loop_test(tcase, a_request_is_sent_as_asked_for, 0,
                        (int)(sizeof requests / sizeof *requests));
    tcase_add_loop_test(tcase, only_http_is_spoken, 0, (int)(sizeof bad_urls / sizeof *bad_urls));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
