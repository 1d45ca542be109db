#include "live/secrets.h"

#include "base/secret.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const struct secret secrets[] = {
    {"TOKEN", "5f1c-9\"x"}, {"USER", "anna"}, {"LINE", "a\nbcd"}};
enum { SECRET_COUNT = sizeof secrets / sizeof secrets[0] };

/* ---- marks and values in texts */

#define MARK(name)                                                                                 \
    "\x01"                                                                                         \
    "env \"" name "\""                                                                             \
    "\x02"
#define JSON_MARK(name)                                                                            \
    "\x03"                                                                                         \
    "env \"" name "\""                                                                             \
    "\x02"

START_TEST(a_mark_is_written_read_and_shown)
{
    struct text text = {0};
    char name[SECRET_NAME_BYTES];
    bool in_json = true;
    secret_write_mark(&text, "TOKEN", false);
    ck_assert_str_eq(text_string(&text), MARK("TOKEN"));
    ck_assert_uint_eq(secret_read_mark(MARK("TOKEN") " more", name, &in_json),
                      strlen(MARK("TOKEN")));
    ck_assert_str_eq(name, "TOKEN");
    ck_assert(!in_json);
    ck_assert(secret_read_mark(JSON_MARK("A_1"), name, &in_json) > 0 && in_json);
    ck_assert_uint_eq(secret_read_mark("\x01"
                                       "env \"TOKEN\"",
                                       name, &in_json),
                      0);
    ck_assert_uint_eq(secret_read_mark("\x01"
                                       "env \"1\"\x02",
                                       name, &in_json),
                      0);
    ck_assert_uint_eq(secret_read_mark("\x01", name, &in_json), 0);
    text_reset(&text);
    secret_show("Bearer " MARK("TOKEN") "\x01"
                                        "cut",
                &text);
    ck_assert_str_eq(text_string(&text), "Bearer env \"TOKEN\"cut");
    text_reset(&text);
    secret_leave_out("https://" MARK("USER") "@h/", &text);
    ck_assert_str_eq(text_string(&text), "https://@h/");
    ck_assert(secret_is_name("_A9") && !secret_is_name("9A") && !secret_is_name("") &&
              !secret_is_name("A-B"));
    text_clear(&text);
}
END_TEST

static const struct {
    const char *text;
    const char *whole; /* NULL: an error */
    const char *error;
} put_in[] = {
    {"plain", "plain", NULL},
    {"Bearer " MARK("TOKEN"), "Bearer 5f1c-9\"x", NULL},
    {"{\"t\":\"" JSON_MARK("TOKEN") "\"}", "{\"t\":\"5f1c-9\\\"x\"}", NULL},
    {"{\"t\":\"" JSON_MARK("LINE") "\"}", "{\"t\":\"a\\u000abcd\"}", NULL},
    {MARK("USER") ":" MARK("USER"), "anna:anna", NULL},
    {MARK("OTHER"), NULL, "env \"OTHER\" is not known here"},
    {"\x01"
     "ENV \"TOKEN\"\x02",
     NULL,
     "a text has a piece of an env \"...\" in it: it can be put together with others, but not "
     "changed"},
};

START_TEST(values_are_put_in)
{
    struct text out = {0};
    struct error err;
    bool ok = secrets_put_in(secrets, SECRET_COUNT, put_in[_i].text, &out, &err);
    ck_assert(ok == (put_in[_i].whole != NULL));
    if (ok) {
        ck_assert_str_eq(text_string(&out), put_in[_i].whole);
    } else {
        ck_assert_str_eq(err.text, put_in[_i].error);
    }
    text_clear(&out);
}
END_TEST

static const struct {
    const char *text;
    const char *shown;
} taken_out[] = {
    {"", ""},
    {"nothing", "nothing"},
    {"5f1c-9\"x", "***"},
    {"is 5f1c-9\"x, of anna!", "is ***, of ***!"},
    {"{\"t\":\"5f1c-9\\\"x\"}", "{\"t\":\"***\"}"},
    {"annanna", "***nna"},
    {"1c-9\"x cut at its start", "*** cut at its start"},
    {"cut at its end 5f1c-", "cut at its end ***"},
    {"5f1", "5f1"}, /* three bytes alone could be anything */
};

START_TEST(values_are_taken_out)
{
    struct text out = {0};
    secrets_take_out(secrets, SECRET_COUNT, taken_out[_i].text, strlen(taken_out[_i].text), &out);
    ck_assert_str_eq(text_string(&out), taken_out[_i].shown);
    text_clear(&out);
}
END_TEST

/* ---- the deployment: one behind it that keeps what it was given, and says it again */

struct echo {
    struct deployment deployment; /* first */
    struct operation operation;
    struct text given;
    const char *failure; /* NULL: none */
    bool is_silent;
    bool cancelled;
    struct timer timer;
    program_done_fn *program_done;
    http_done_fn *http_done;
    void *ctx;
};

static struct loop *loop;
static struct echo echo;
static struct deployment *deployment;
static struct text seen;
static int calls;

static void echo_answers(void *ctx)
{
    struct error err;
    (void)ctx;
    bool fails = echo.failure != NULL || echo.cancelled;
    error_set(&err, echo.cancelled ? ERROR_CANCELLED : ERROR_UNREACHABLE, "%s: %s",
              text_string(&echo.given), echo.cancelled ? "cancelled" : echo.failure);
    struct process_result result = {.output = echo.given};
    struct http_reply reply = {
        .status = 200,
        .body = text_string(&echo.given),
        .body_bytes = echo.given.length,
        .location = text_string(&echo.given),
    };
    if (echo.program_done != NULL) {
        echo.program_done(echo.ctx, &result, fails ? &err : NULL);
    } else {
        echo.http_done(echo.ctx, fails ? NULL : &reply, fails ? &err : NULL);
    }
}

static void echo_cancel(struct operation *operation)
{
    (void)operation;
    echo.cancelled = true;
    timer_start(loop, &echo.timer, 0, echo_answers, NULL);
}

static void echo_drop(struct operation *operation)
{
    (void)operation;
    timer_cancel(&echo.timer);
}

static const struct operation_ops echo_operation_ops = {.cancel = echo_cancel, .drop = echo_drop};

static void keep(const char *const *texts)
{
    for (size_t i = 0; texts != NULL && texts[i] != NULL; i++) {
        text_printf(&echo.given, "%s|", texts[i]);
    }
}

static struct operation *begin(program_done_fn *program_done, http_done_fn *http_done, void *ctx)
{
    echo.operation.ops = &echo_operation_ops;
    echo.program_done = program_done;
    echo.http_done = http_done;
    echo.ctx = ctx;
    if (!echo.is_silent) {
        timer_start(loop, &echo.timer, 0, echo_answers, NULL);
    }
    return &echo.operation;
}

static struct operation *echo_run(struct deployment *own, const struct process_spec *spec,
                                  program_done_fn *done, void *ctx)
{
    (void)own;
    keep(spec->argv);
    keep(spec->env);
    return begin(done, NULL, ctx);
}

static struct operation *echo_request(struct deployment *own, const struct http_request *request,
                                      http_done_fn *done, void *ctx)
{
    const char *const texts[] = {request->url, request->body == NULL ? "-" : request->body, NULL};
    (void)own;
    keep(texts);
    keep(request->headers);
    return begin(NULL, done, ctx);
}

static void echo_free(struct deployment *own)
{
    (void)own;
    timer_cancel(&echo.timer);
}

static const struct deployment_ops echo_ops = {echo_run, echo_request, echo_free};

static void setup(void)
{
    loop = loop_new_virtual(0);
    echo = (struct echo){.deployment = {.ops = &echo_ops, .loop = loop}};
    deployment = secrets_deployment_new(&echo.deployment, secrets, SECRET_COUNT);
    seen = (struct text){0};
    calls = 0;
}

static void teardown(void)
{
    deployment->ops->free(deployment);
    text_clear(&echo.given);
    text_clear(&seen);
    loop_close(loop);
}

static void on_program(void *ctx, const struct process_result *result, const struct error *err)
{
    (void)ctx;
    calls++;
    text_printf(&seen, "%s%s", text_string(&result->output), err == NULL ? "" : err->text);
    loop_stop(loop);
}

static void on_reply(void *ctx, const struct http_reply *reply, const struct error *err)
{
    (void)ctx;
    calls++;
    ck_assert_int_eq(reply == NULL, err != NULL);
    text_printf(&seen, "%s", err != NULL ? err->text : reply->body);
    if (reply != NULL) {
        ck_assert_str_eq(reply->body, reply->location);
    }
    loop_stop(loop);
}

static void run(void)
{
    struct error err;
    ck_assert(loop_run(loop, &err));
    ck_assert_int_eq(calls, 1);
}

START_TEST(a_program_gets_values_and_shows_none)
{
    static const char *const argv[] = {"sh", MARK("USER"), NULL};
    static const char *const env[] = {"T=" MARK("TOKEN"), NULL};
    struct process_spec spec = {.argv = argv, .env = env};
    echo.failure = _i == 0 ? NULL : "ended";
    deployment->ops->run(deployment, &spec, on_program, NULL);
    ck_assert_int_eq(calls, 0);
    run();
    ck_assert_str_eq(text_string(&echo.given), "sh|anna|T=5f1c-9\"x|");
    ck_assert_str_eq(text_string(&seen),
                     _i == 0 ? "sh|***|T=***|" : "sh|***|T=***|sh|***|T=***|: ended");
}
END_TEST

START_TEST(a_request_gets_values_and_shows_none)
{
    static const char *const headers[] = {"A: " MARK("USER"), NULL};
    struct http_request request = {
        .method = "POST",
        .url = "http://h/" MARK("USER"),
        .body = _i == 0 ? "{\"t\":\"" JSON_MARK("TOKEN") "\"}" : NULL,
        .headers = headers,
    };
    echo.failure = _i == 0 ? NULL : "connection refused";
    deployment->ops->request(deployment, &request, on_reply, NULL);
    run();
    ck_assert_str_eq(text_string(&echo.given),
                     _i == 0 ? "http://h/anna|{\"t\":\"5f1c-9\\\"x\"}|A: anna|"
                             : "http://h/anna|-|A: anna|");
    ck_assert_str_eq(text_string(&seen), _i == 0 ? "http://h/***|{\"t\":\"***\"}|A: ***|"
                                                 : "http://h/***|-|A: ***|: connection refused");
}
END_TEST

START_TEST(what_cannot_be_put_in_is_told_later_and_nothing_is_sent)
{
    static const char *const argv[] = {"sh", MARK("OTHER"), NULL};
    static const char *const headers[] = {"A: " MARK("LINE"), NULL};
    struct process_spec spec = {.argv = argv};
    struct http_request request = {.method = "GET", .url = "http://h/", .headers = headers};
    struct operation *operation =
        _i == 0 ? deployment->ops->run(deployment, &spec, on_program, NULL)
                : deployment->ops->request(deployment, &request, on_reply, NULL);
    ck_assert_int_eq(calls, 0);
    if (_i == 2) {
        operation_cancel(operation);
    }
    run();
    ck_assert_str_eq(text_string(&seen), _i == 0   ? "env \"OTHER\" is not known here"
                                         : _i == 1 ? "the header 'A' would have a line break in it"
                                                   : "cancelled");
    ck_assert_uint_eq(echo.given.length, 0);
}
END_TEST

START_TEST(it_is_cancelled_dropped_and_freed_with_what_is_under_way)
{
    struct http_request request = {.method = "GET", .url = "http://h/" MARK("USER")};
    echo.is_silent = true;
    struct operation *operation = deployment->ops->request(deployment, &request, on_reply, NULL);
    if (_i == 0) {
        operation_cancel(operation);
        run();
        ck_assert_str_eq(text_string(&seen), "http://h/***|-|: cancelled");
    } else if (_i == 1) {
        operation_drop(operation);
    } /* else teardown frees it */
    ck_assert_int_eq(calls, _i == 0 ? 1 : 0);
}
END_TEST

#define COUNT(array) (int)(sizeof(array) / sizeof(array)[0])

int main(void)
{
    Suite *suite = suite_create("secrets");
    TCase *tcase = tcase_create("secrets");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_mark_is_written_read_and_shown);
    tcase_add_loop_test(tcase, values_are_put_in, 0, COUNT(put_in));
    tcase_add_loop_test(tcase, values_are_taken_out, 0, COUNT(taken_out));
    tcase_add_loop_test(tcase, a_program_gets_values_and_shows_none, 0, 2);
    tcase_add_loop_test(tcase, a_request_gets_values_and_shows_none, 0, 2);
    tcase_add_loop_test(tcase, what_cannot_be_put_in_is_told_later_and_nothing_is_sent, 0, 3);
    tcase_add_loop_test(tcase, it_is_cancelled_dropped_and_freed_with_what_is_under_way, 0, 3);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
