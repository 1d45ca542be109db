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
    char location[64];
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

static void record_reply(void *ctx, const struct http_reply *reply, const struct error *err)
{
    struct outcome *outcome = ctx;
    outcome->calls++;
    outcome->failed = err != NULL;
    if (err != NULL) {
        ck_assert_ptr_null(reply);
        outcome->err = *err;
    } else {
        ck_assert(!reply->assumed);
        ck_assert_uint_eq(strlen(reply->body), reply->body_bytes);
        outcome->status = reply->status;
        snprintf(outcome->text, sizeof outcome->text, "%s", reply->body);
        snprintf(outcome->location, sizeof outcome->location, "%s",
                 reply->location == NULL ? "(none)" : reply->location);
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
    static const char reply[] =
        "HTTP/1.1 201 Created\r\nlocation: \t/jobs/7?x=1 \r\nContent-Length: 2\r\n\r\nok";
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
    ck_assert_str_eq(outcome.location, "/jobs/7?x=1");
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

static void serve_too_much(struct peer_link *link)
{
    static const char reply[] = "HTTP/1.1 200 OK\r\nContent-Length: 4194305\r\n\r\n";
    peer_send(link, reply, sizeof reply - 1);
}

START_TEST(a_reply_has_a_bound_and_says_it)
{
    struct outcome outcome = {0};
    char url[128];
    char expected[192];
    peer_open(&peer, loop, serve_too_much, NULL);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/jobs", peer.address.port);
    snprintf(expected, sizeof expected, "GET %s: the body is larger than 4 MiB", url);
    struct http_request request = {.method = "GET", .url = url, .timeout_us = LONG_US};
    deployment->ops->request(deployment, &request, record_reply, &outcome);
    run();
    ck_assert_int_eq(outcome.err.code, ERROR_PEER);
    ck_assert_str_eq(outcome.err.text, expected);
}
END_TEST

static const struct {
    const char *base;
    const char *reference;
    const char *whole; /* NULL: refused */
    bool same_server;
} references[] = {
    {"http://h:8080/api/jobs?x=1", "/jobs/7", "http://h:8080/jobs/7", true},
    {"http://h/api/jobs", "7", "http://h/api/7", true},
    {"https://h/api", "https://other/jobs/7", "https://other/jobs/7", false},
    {"https://h/api", "//h:443/jobs/7", "https://h:443/jobs/7", true},
    {"https://h/api", "http://h/jobs/7", "http://h/jobs/7", false},
    {"http://h/api", "http://h:81/jobs/7", "http://h:81/jobs/7", false},
    {"http://h/api", "file:///etc/passwd", NULL, false},
    {"http://h/api", "http://", NULL, false},
};

START_TEST(what_a_reply_names_is_made_a_whole_url)
{
    struct text whole = {0};
    struct error err;
    const char *base = references[_i].base;
    if (references[_i].whole != NULL) {
        ck_assert(url_resolve(base, references[_i].reference, &whole, &err));
        ck_assert_str_eq(text_string(&whole), references[_i].whole);
        ck_assert(url_same_server(base, text_string(&whole)) == references[_i].same_server);
    } else {
        ck_assert(!url_resolve(base, references[_i].reference, &whole, &err));
        ck_assert_int_eq(err.code, ERROR_REPLY);
        ck_assert_ptr_nonnull(strstr(err.text, "which is no http or https URL"));
        ck_assert_uint_eq(whole.length, 0);
    }
    text_clear(&whole);
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
    tcase_add_test(tcase, a_reply_has_a_bound_and_says_it);
    tcase_add_loop_test(tcase, what_a_reply_names_is_made_a_whole_url, 0,
                        (int)(sizeof references / sizeof *references));
    tcase_add_loop_test(tcase, only_http_is_spoken, 0, (int)(sizeof bad_urls / sizeof *bad_urls));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
