/* Requests to services, the jobs they begin, and notifications: a scripted service in virtual time.
 */
#include "world.h"

/* What the service says to one request after the other; the last one again and again. */
struct said {
    int status;
    const char *body;
    const char *location;
    enum error_code code; /* given with `failure`: no reply came */
    const char *failure;
    bool assumed;
};

enum { ANSWER_COUNT = 6, LATENCY_US = 10 * 1000 };

struct service {
    struct deployment deployment; /* first */
    const struct said *answers;
    size_t next;
    struct text asked; /* "METHOD URL header|..." a line */
    /* the request under way */
    struct operation operation;
    struct timer timer;
    bool cancelled;
    http_done_fn *done;
    void *ctx;
};

static struct service *service_of_operation(struct operation *operation)
{
    return (struct service *)(void *)((char *)operation - offsetof(struct service, operation));
}

static void service_answers(void *ctx)
{
    struct service *service = ctx;
    const struct said *answer = &service->answers[service->next];
    http_done_fn *done = service->done;
    struct error err;
    service->done = NULL;
    if (service->cancelled) {
        error_set(&err, ERROR_CANCELLED, "cancelled");
        done(service->ctx, NULL, &err);
        return;
    }
    if (service->next + 1 < ANSWER_COUNT && service->answers[service->next + 1].body != NULL) {
        service->next++;
    }
    if (answer->failure != NULL) {
        error_set(&err, answer->code, "%s", answer->failure);
        done(service->ctx, NULL, &err);
        return;
    }
    struct http_reply reply = {
        .status = answer->status,
        .body = answer->body,
        .body_bytes = strlen(answer->body),
        .location = answer->location,
        .assumed = answer->assumed,
    };
    done(service->ctx, &reply, NULL);
}

static void service_cancel(struct operation *operation)
{
    struct service *service = service_of_operation(operation);
    service->cancelled = true;
    timer_start(service->deployment.loop, &service->timer, 0, service_answers, service);
}

static void service_drop(struct operation *operation)
{
    timer_cancel(&service_of_operation(operation)->timer);
}

static struct operation *service_request(struct deployment *deployment,
                                         const struct http_request *request, http_done_fn *done,
                                         void *ctx)
{
    static const struct operation_ops ops = {.cancel = service_cancel, .drop = service_drop};
    struct service *service = (struct service *)deployment;
    ck_assert_ptr_null(service->done); /* one at a time */
    text_printf(&service->asked, "%s %s", request->method, request->url);
    for (size_t i = 0; request->headers != NULL && request->headers[i] != NULL; i++) {
        text_printf(&service->asked, " %s", request->headers[i]);
    }
    text_append_char(&service->asked, '\n');
    service->operation.ops = &ops;
    service->cancelled = false;
    service->done = done;
    service->ctx = ctx;
    /* A silent service: its body says for how long. */
    bool silent = strcmp(service->answers[service->next].body, "silent") == 0;
    timer_start(deployment->loop, &service->timer, silent ? request->timeout_us : LATENCY_US,
                service_answers, service);
    return &service->operation;
}

static void service_free(struct deployment *deployment)
{
    struct service *service = (struct service *)deployment;
    timer_cancel(&service->timer);
    text_clear(&service->asked);
}

static const struct deployment_ops service_ops = {.request = service_request, .free = service_free};

#define WORKFLOW(steps)                                                                            \
    "return workflow \"t\" {\n  api = 1,\n  steps = function(cluster, p)\n    return {\n" steps    \
    "\n    }\n  end,\n}\n"
#define JOB(more)                                                                                  \
    WORKFLOW(                                                                                      \
        "http { method = \"POST\", url = \"http://d:80/jobs\", json = { a = 1 }, headers = { "     \
        "Token = \"t\" }, poll = { timeout = \"1m\", every = \"10s\", done = function(r) "         \
        "return r.json.state == \"done\", \"state \" .. r.json.state end, failed = "               \
        "function(r) return r.json.state == \"failed\", r.json.why end, " more " } },"             \
        "log \"goes on\",")
#define POSTED "POST http://d:80/jobs Token: t Content-Type: application/json\n"
/* Tried again after a failure. */
#define JOB_AGAIN                                                                                  \
    WORKFLOW(                                                                                      \
        "http { method = \"POST\", url = \"http://d:80/jobs\", retry = { times = 1, every = "      \
        "\"1s\" }, poll = { timeout = \"1m\", every = \"10s\", done = function(r) return "         \
        "r.json.state == \"done\" end, failed = function(r) return r.json.state == \"failed\" "    \
        "end } },")
#define STATE(state)                                                                               \
    {                                                                                              \
        .status = 200, .body = "{\"state\":\"" state "\"}"                                         \
    }

static const struct {
    const char *name;
    const char *workflow;
    struct said answers[ANSWER_COUNT];
    int exit_code;
    const char *logged; /* part of the log, or NULL */
    const char *error;  /* part of the run's error, or NULL */
    const char *asked;
} cases[] = {
    {"Location",
     JOB(""),
     {{202, "", "/jobs/7", 0, NULL, false}, STATE("running"), STATE("done")},
     0,
     "waiting http state running (for 10s now; at most 49.9s more, then the step fails)",
     NULL,
     POSTED "GET http://d:80/jobs/7 Token: t\nGET http://d:80/jobs/7 Token: t\n"},
    {"a member of the body",
     JOB("next_url = function(r) return r.json.url end"),
     {{201, "{\"url\":\"/api/jobs/7/\"}", NULL, 0, NULL, false}, STATE("done")},
     0,
     "goes on",
     NULL,
     POSTED "GET http://d:80/api/jobs/7/ Token: t\n"},
    {"an address of its own",
     JOB("url = \"http://other/state\""),
     {{200, "ok", NULL, 0, NULL, false}, STATE("done")},
     0,
     NULL,
     NULL,
     POSTED "GET http://other/state Token: t\n"},
    {"a queue, then the job, as Jenkins has them",
     JOB("next_url = function(r) local at = r.location or r.json.executable; return at and at .. "
         "\"api/json\" end"),
     {{201, "", "http://d/queue/1/", 0, NULL, false},
      {200, "{\"state\":\"queued\"}", NULL, 0, NULL, false},
      {200, "{\"state\":\"queued\",\"executable\":\"http://d/job/9/\"}", NULL, 0, NULL, false},
      STATE("done")},
     0,
     "state queued",
     NULL,
     POSTED "GET http://d/queue/1/api/json Token: t\nGET http://d/queue/1/api/json Token: t\n"
            "GET http://d/job/9/api/json Token: t\n"},
    {"the job fails",
     JOB(""),
     {{202, "", "/jobs/7", 0, NULL, false},
      {200, "{\"state\":\"failed\",\"why\":\"no space\"}", NULL, 0, NULL, false}},
     1,
     NULL,
     "GET http://d:80/jobs/7 answered 200: the job has failed: no space; its output: ",
     POSTED "GET http://d:80/jobs/7 Token: t\n"},
    {"failures that pass",
     JOB(""),
     {{202, "", "/jobs/7", 0, NULL, false},
      {0, "", NULL, ERROR_UNREACHABLE, "GET http://d:80/jobs/7: connection refused", false},
      {503, "", NULL, 0, NULL, false},
      {429, "", NULL, 0, NULL, false},
      STATE("done")},
     0,
     "waiting http GET http://d:80/jobs/7: connection refused (for 10s now;",
     NULL,
     POSTED "GET http://d:80/jobs/7 Token: t\nGET http://d:80/jobs/7 Token: t\n"
            "GET http://d:80/jobs/7 Token: t\nGET http://d:80/jobs/7 Token: t\n"},
    {"a failure that does not",
     JOB(""),
     {{202, "", "/jobs/7", 0, NULL, false}, {404, "no such job", NULL, 0, NULL, false}},
     1,
     NULL,
     "GET http://d:80/jobs/7 answered 404; its output: no such job",
     POSTED "GET http://d:80/jobs/7 Token: t\n"},
    {"a reply that is not HTTP",
     JOB(""),
     {{202, "", "/jobs/7", 0, NULL, false},
      {0, "", NULL, ERROR_PEER, "GET http://d:80/jobs/7: the reply is not HTTP", false}},
     1,
     NULL,
     "GET http://d:80/jobs/7: the reply is not HTTP",
     POSTED "GET http://d:80/jobs/7 Token: t\n"},
    {"it is never done",
     JOB(""),
     {{202, "", "/jobs/7", 0, NULL, false}, STATE("running")},
     1,
     NULL,
     "GET http://d:80/jobs/7: not done within 1m; last seen: state running",
     NULL},
    {"silence when the time is up",
     JOB(""),
     {{202, "", "/jobs/7", 0, NULL, false},
      STATE("running"),
      {0, "silent", NULL, ERROR_TIMEOUT, "GET http://d:80/jobs/7: no reply within 1m", false}},
     1,
     NULL,
     "GET http://d:80/jobs/7: not done within 1m; last seen: state running",
     POSTED "GET http://d:80/jobs/7 Token: t\nGET http://d:80/jobs/7 Token: t\n"},
    {"the request is refused",
     JOB(""),
     {{403, "who are you?", "/jobs/7", 0, NULL, false}},
     1,
     NULL,
     "POST http://d:80/jobs answered 403; its output: who are you?",
     POSTED},
    {"the request fails",
     JOB(""),
     {{0, "", NULL, ERROR_UNREACHABLE, "POST http://d:80/jobs: connection refused", false}},
     1,
     NULL,
     "POST http://d:80/jobs: connection refused",
     POSTED},
    {"nothing says where",
     JOB(""),
     {{202, "{}", NULL, 0, NULL, false}},
     1,
     NULL,
     "POST http://d:80/jobs answered 202, but no Location in it says where to ask after the job",
     POSTED},
    {"next_url does not say where",
     JOB("next_url = function(r) return r.json.url end"),
     {{202, "{}", NULL, 0, NULL, false}},
     1,
     NULL,
     "POST http://d:80/jobs answered 202, but 'next_url' does not say where to ask after the job",
     POSTED},
    {"next_url is wrong later",
     JOB("next_url = function(r) return r.json.state and \"ftp://x/\" or r.url end"),
     {{202, "{}", NULL, 0, NULL, false}, STATE("running")},
     1,
     NULL,
     "the reply of http://d:80/jobs names 'ftp://x/', which is no http or https URL",
     POSTED "GET http://d:80/jobs Token: t\n"},
    {"a reply does not send headers elsewhere",
     JOB(""),
     {{202, "", "http://evil/jobs/7", 0, NULL, false}},
     1,
     NULL,
     "the job is to be asked after at http://evil/jobs/7, another server than that of "
     "http://d:80/jobs",
     POSTED},
    {"a body that is no JSON",
     JOB(""),
     {{202, "", "/jobs/7", 0, NULL, false}, {200, "<html>", NULL, 0, NULL, false}},
     1,
     NULL,
     "attempt to index a nil value (field 'json'); its output: <html>",
     POSTED "GET http://d:80/jobs/7 Token: t\n"},
    {"a poll without a reason shows the body",
     WORKFLOW("http { url = \"http://d/jobs\", poll = { timeout = \"1m\", every = \"10s\", url = "
              "\"http://d/x\", done = function(r) return r.body == \"end\" end } },"),
     {{200, "", NULL, 0, NULL, false},
      {200, "step 1\nof 2", NULL, 0, NULL, false},
      {200, "end", NULL, 0, NULL, false}},
     0,
     "GET http://d/x answered 200; its output: step 1 | of 2 (for",
     NULL,
     "GET http://d/jobs\nGET http://d/x\nGET http://d/x\n"},
    {"what nobody declared is taken as done",
     JOB(""),
     {{200, "", NULL, 0, NULL, true}},
     0,
     "is taken as answered: the model has no row for it",
     NULL,
     POSTED},
    {"expect",
     WORKFLOW("http { url = \"http://d/x\", expect = function(r) return r.json.n == 1, r.json.n "
              "end },"),
     {{200, "{\"n\":\"two\"}", NULL, 0, NULL, false}},
     1,
     NULL,
     "status 200 is not what was expected: two; its output: ",
     "GET http://d/x\n"},
    {"a job that failed is begun again",
     JOB_AGAIN,
     {{202, "", "/jobs/7", 0, NULL, false},
      STATE("failed"),
      {202, "", "/jobs/8", 0, NULL, false},
      STATE("done")},
     0,
     NULL,
     NULL,
     "POST http://d:80/jobs\nGET http://d:80/jobs/7\nPOST http://d:80/jobs\nGET "
     "http://d:80/jobs/8\n"},
    {"a job that may go on is not",
     JOB_AGAIN,
     {{202, "", "/jobs/7", 0, NULL, false},
      {0, "", NULL, ERROR_PEER, "GET http://d:80/jobs/7: the reply is not HTTP", false}},
     1,
     NULL,
     "GET http://d:80/jobs/7: the reply is not HTTP",
     "POST http://d:80/jobs\nGET http://d:80/jobs/7\n"},
    {"a notification",
     WORKFLOW("notify { url = \"http://chat/hook\", text = \"half way\" }, log \"goes on\","),
     {{204, "", NULL, 0, NULL, false}},
     0,
     "outcome notify POST http://chat/hook answered 204",
     NULL,
     "POST http://chat/hook Content-Type: application/json\n"},
    {"a notification that is refused",
     WORKFLOW("notify { url = \"http://chat/hook\", text = \"half way\" }, log \"goes on\","),
     {{403, "no token", NULL, 0, NULL, false}},
     0,
     "note notify nobody was told: POST http://chat/hook answered 403; its output: no token",
     NULL,
     NULL},
    {"a notification that nobody takes",
     WORKFLOW("notify { url = \"http://chat/hook\", text = \"half way\" }, log \"goes on\","),
     {{0, "silent", NULL, ERROR_TIMEOUT, "POST http://chat/hook: no reply within 5s", false}},
     0,
     "note notify nobody was told: POST http://chat/hook: no reply within 5s",
     NULL,
     NULL},
};

static void begin(struct world *world, struct service *service, const char *workflow,
                  const struct said *answers)
{
    world_open(world, RELEASE_MASTER);
    world_begin(world);
    world_plan(world, world_cluster_source, workflow);
    *service = (struct service){
        .deployment = {.ops = &service_ops, .loop = world->loop},
        .answers = answers,
    };
    world->deployment->ops->free(world->deployment);
    world->deployment = &service->deployment;
}

START_TEST(a_request_and_its_job_end_as_the_service_says)
{
    struct world world;
    struct service service;
    begin(&world, &service, cases[_i].workflow, cases[_i].answers);
    world_run(&world);
    ck_assert_msg(world.result.exit_code == cases[_i].exit_code, "%s: exit code %d: %s",
                  cases[_i].name, world.result.exit_code, world.result.error.text);
    ck_assert_msg(cases[_i].logged == NULL || world_count(&world, cases[_i].logged) > 0,
                  "%s: no '%s' in:\n%s", cases[_i].name, cases[_i].logged, text_string(&world.log));
    ck_assert_msg(cases[_i].error == NULL ||
                      strstr(world.result.error.text, cases[_i].error) != NULL,
                  "%s: no '%s' in '%s'", cases[_i].name, cases[_i].error, world.result.error.text);
    if (cases[_i].asked != NULL) {
        ck_assert_str_eq(text_string(&service.asked), cases[_i].asked);
    }
    bool goes_on = strstr(cases[_i].workflow, "goes on") != NULL;
    ck_assert_uint_eq(world_count(&world, "log log goes on"),
                      goes_on && cases[_i].exit_code == 0 ? 1 : 0);
    world_expect_no_violation(&world);
    world_close(&world);
}
END_TEST

static void operator_stops(struct world *world)
{
    run_stop(world->run);
}

/* A stop ends the step at once: between two polls, in the middle of one, and in a notification. */
static const struct {
    const char *workflow;
    const char *on;
    struct said answers[ANSWER_COUNT];
} stops[] = {
    {JOB(""), "state running", {{202, "", "/jobs/7", 0, NULL, false}, STATE("running")}},
    {JOB(""), "step_started http", {{202, "silent", "/jobs/7", 0, NULL, false}}},
    {WORKFLOW("notify { url = \"http://chat/hook\", text = \"x\" }, log \"goes on\","),
     "step_started notify",
     {{200, "silent", NULL, 0, NULL, false}}},
};

START_TEST(a_stop_ends_it_at_once)
{
    struct world world;
    struct service service;
    begin(&world, &service, stops[_i].workflow, stops[_i].answers);
    world.on = stops[_i].on;
    world.misfortune = operator_stops;
    int64_t began_us = loop_now_us(world.loop);
    world_run(&world);
    ck_assert_int_eq(world.result.exit_code, 4);
    ck_assert_int_lt(loop_now_us(world.loop) - began_us, 15 * US_PER_SECOND);
    ck_assert_uint_eq(world_count(&world, "goes on"), 0);
    world_close(&world);
}
END_TEST

/* Nothing is sent when its intention could not be kept. */
START_TEST(a_lost_intention_sends_nothing)
{
    static const char *const workflows[] = {
        JOB(""), WORKFLOW("notify { url = \"http://chat/hook\", text = \"x\" },")};
    static const struct said answers[ANSWER_COUNT] = {{200, "", NULL, 0, NULL, false}};
    struct world world;
    struct service service;
    begin(&world, &service, workflows[_i], answers);
    world_run(&world);
    const char *intention = strstr(text_string(&world.log), "\nintention ");
    ck_assert_ptr_nonnull(intention);
    size_t number = 2; /* of the event: lines before it, and itself */
    for (const char *c = text_string(&world.log); c < intention; c++) {
        number += *c == '\n';
    }
    world_close(&world);
    begin(&world, &service, workflows[_i], answers);
    world.fail_event = number;
    world_run(&world);
    ck_assert_int_ne(world.result.exit_code, 0);
    ck_assert_str_eq(text_string(&service.asked), "");
    world_close(&world);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http");
    TCase *tcase = tcase_create("http");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, a_request_and_its_job_end_as_the_service_says, 0,
                        (int)(sizeof cases / sizeof cases[0]));
    tcase_add_loop_test(tcase, a_stop_ends_it_at_once, 0, (int)(sizeof stops / sizeof stops[0]));
    tcase_add_loop_test(tcase, a_lost_intention_sends_nothing, 0, 2);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
