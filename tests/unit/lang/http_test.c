/* Requests and the jobs they begin: what a file may say of them, and what its functions get. */
#include "fixture.h"

#include "base/duration.h"

static struct lang *lang;
static struct error_list errors;
static struct folder folder;
static struct text got;

static void set_up(void)
{
    lang = lang_for_tests();
    error_list_init(&errors);
    folder_make(&folder);
    got = (struct text){0};
}

static void tear_down(void)
{
    text_clear(&got);
    error_list_clear(&errors);
    lang_free(lang);
    folder_remove(&folder);
}

static bool load(const char *step, const struct workflow **workflow)
{
    char text[2048];
    snprintf(text, sizeof text,
             "return workflow \"w\" { api = 1, steps = function(cluster) return\n%s end }", step);
    const char *path = folder_write(&folder, "w.lua", text);
    return lang_load_workflow(lang, path, NULL, NULL, 0, workflow, &errors);
}

#define URL  "url = \"http://x/y\""
#define DONE "done = function(reply) return true end"

static const struct {
    const char *step;
    const char *errors;
} mistakes[] = {
    {"http { " URL ", poll = { " DONE " } }",
     "2: http.poll: 'timeout' is missing: the step fails if the job is not done so long after the "
     "first reply"},
    {"http { " URL ", poll = { timeout = \"1m\" } }",
     "2: http.poll: 'done' is missing: function(reply): true when the job is done; or false, and "
     "how far it is"},
    {"http { " URL ", poll = { timeout = \"1m\", doen = true, " DONE " } }",
     "2: http.poll: unknown field 'doen': did you mean 'done'?"},
    {"http { " URL ", poll = true }", "2: http: 'poll' must be a table, not true"},
    {"http { " URL ", poll = { timeout = \"1m\", every = \"1m\", " DONE " } }",
     "2: http: 'poll.every' is not shorter than 'poll.timeout'"},
    {"http { " URL ", poll = { timeout = \"1m\", every = \"1ms\", " DONE " } }",
     "2: http.poll: 'every' is 1ms, less than 100ms"},
    {"http { " URL ", poll = { timeout = \"1m\", url = \"/jobs\", " DONE " } }",
     "2: http: 'poll.url' must begin with http:// or https:// and have no blanks, not '/jobs'"},
    {"http { " URL ", poll = { timeout = \"1m\", " URL ", next_url = function() end, " DONE " } }",
     "2: http: 'poll.url' and 'poll.next_url' are both given"},
    {"notify { " URL " }", "2: notify: says nothing: give 'text' or 'json'"},
    {"notify { text = \"x\" }", "2: notify: 'url' is missing: the webhook: http:// or https://"},
    {"notify { url = \"hook\", text = \"x\" }",
     "2: notify: 'url' must begin with http:// or https:// and have no blanks, not 'hook'"},
    {"notify { " URL ", text = \"x\", json = { a = 1 } }",
     "2: notify: 'json' and 'text' are both given"},
    {"http { url = \"ftp://\" .. env \"HOST\" }",
     "2: http: 'url' must begin with http:// or https:// and have no blanks, not "
     "'ftp://\x01"
     "env \"HOST\"\x02'"},
    {"log(env \"A-B\")",
     "2: env: wants the name of a variable of the environment, not the text \"A-B\""},
    {"log(env(7))", "2: env: wants the name of a variable of the environment, not the number 7"},
};

START_TEST(a_mistake_is_told_with_its_line)
{
    const struct workflow *workflow;
    ck_assert(!load(mistakes[_i].step, &workflow));
    ck_assert_str_eq(errors_text(&errors, &got), mistakes[_i].errors);
}
END_TEST

#define MODEL(row)                                                                                 \
    "return model \"m\" { release = \"master\", tables = { { name = \"t\", partitions = 4 } "      \
    "}, " row " }"

static const struct {
    const char *text;
    const char *errors;
} model_mistakes[] = {
    {MODEL("programs = { { takes = \"1s\" } }"),
     "1: model.programs[1]: 'match' is missing: part of the program and its arguments, put "
     "together with blanks"},
    {MODEL("programs = { { match = \"ssh\", takes = 1 } }"),
     "1: model.programs[1]: 'takes' needs a unit: write \"90s\" or \"10m\", not the number 1"},
    {MODEL("programs = { { match = \"ssh\", exit_code = 256 } }"),
     "1: model.programs[1]: 'exit_code' is 256, not within 0 and 255"},
    {MODEL("http = { { match = \"x\" }, { match = \"\" } }"), "1: model.http[2]: 'match' is empty"},
    {MODEL("http = { { match = \"x\", status = 100 } }"),
     "1: model.http[1]: 'status' is 100, not within 200 and 599"},
    {MODEL("http = { { match = \"x\", exit_code = 1 } }"),
     "1: model.http[1]: unknown field 'exit_code'"},
    {MODEL("http = { { match = \"x\", times = 0 } }"),
     "1: model.http[1]: 'times' is 0, not within 1 and 1000000"},
    {MODEL("http = { match = \"x\" }"),
     "1: model: http must be a list, but has the key the text \"match\""},
};

START_TEST(a_mistake_in_what_a_model_answers_is_told)
{
    const struct model *model;
    const char *path = folder_write(&folder, "m.lua", model_mistakes[_i].text);
    ck_assert(!lang_load_model(lang, path, &model, &errors));
    ck_assert_str_eq(errors_text(&errors, &got), model_mistakes[_i].errors);
}
END_TEST

START_TEST(a_model_declares_answers)
{
    const struct model *model;
    const char *path = folder_write(
        &folder, "m.lua",
        MODEL("programs = { { match = \"ssh\", takes = \"20s\", output = \"no\", exit_code = 7, "
              "times = 2 }, { match = \"true\" } }, http = { { match = \"POST http://d\", status = "
              "202, body = \"{}\", location = \"/jobs/1\", takes = \"5s\" } }"));
    ck_assert(lang_load_model(lang, path, &model, &errors));
    ck_assert_int_eq(model->program_count, 2);
    ck_assert_str_eq(model->programs[0].match, "ssh");
    ck_assert_int_eq(model->programs[0].takes_us, 20 * US_PER_SECOND);
    ck_assert_int_eq(model->programs[0].code, 7);
    ck_assert_int_eq(model->programs[0].times, 2);
    ck_assert_str_eq(model->programs[0].text, "no");
    ck_assert_int_eq(model->programs[1].code, 0);
    ck_assert_ptr_null(model->programs[1].text);
    ck_assert_int_eq(model->request_count, 1);
    ck_assert_int_eq(model->requests[0].code, 202);
    ck_assert_str_eq(model->requests[0].location, "/jobs/1");
}
END_TEST

START_TEST(a_notification_is_a_post_of_its_text)
{
    const struct workflow *workflow;
    ck_assert(load("notify { " URL ", text = 'half \"way\"' }", &workflow));
    const struct step *step = workflow->steps.items[0];
    ck_assert_int_eq(step->kind, STEP_NOTIFY);
    ck_assert_str_eq(step->as.http.method, "POST");
    ck_assert_str_eq(step->as.http.body, "{\"text\":\"half \\\"way\\\"\"}");
    ck_assert_str_eq(step->as.http.headers[0], "Content-Type: application/json");
    ck_assert_int_eq(step->as.http.request_timeout_us, 5 * US_PER_SECOND);
    ck_assert_int_eq(step->timeout_us, -1);
}
END_TEST

START_TEST(a_content_type_of_the_script_stays_and_is_not_sent_with_polls)
{
    const struct workflow *workflow;
    ck_assert(load("http { method = \"PATCH\", " URL ", json = { a = 1 }, headers = { "
                   "[\"content-type\"] = \"application/merge-patch+json\", Token = \"t\" }, poll = "
                   "{ timeout = \"1m\", " DONE " } }",
                   &workflow));
    const struct step *step = workflow->steps.items[0];
    ck_assert_str_eq(step->as.http.method, "PATCH");
    ck_assert_str_eq(step->as.http.headers[0], "Token: t");
    ck_assert_str_eq(step->as.http.headers[1], "content-type: application/merge-patch+json");
    ck_assert_ptr_null(step->as.http.headers[2]);
    ck_assert_str_eq(step->as.http.poll.headers[0], "Token: t");
    ck_assert_ptr_null(step->as.http.poll.headers[1]);
    ck_assert_int_eq(step->as.http.poll.every_us, 5 * US_PER_SECOND);
}
END_TEST

/* ---- secrets */

START_TEST(a_secret_is_a_text_with_a_mark_and_where_it_was_named)
{
    const struct workflow *workflow;
    const struct lang_secret *secrets;
    ck_assert(load("http { method = \"POST\", url = env \"HOOK\" .. \"/x\",\n"
                   "json = { t = \"a \" .. env \"TOKEN\", u = env \"HOOK\" },\n"
                   "headers = { A = \"Bearer \" .. env \"TOKEN\" } }",
                   &workflow));
    const struct step *step = workflow->steps.items[0];
    ck_assert_str_eq(step->as.http.url, "\x01"
                                        "env \"HOOK\"\x02/x");
    ck_assert_str_eq(step->as.http.body, "{\"t\":\"a \x03"
                                         "env \"TOKEN\"\x02\",\"u\":\"\x03"
                                         "env \"HOOK\"\x02\"}");
    ck_assert_str_eq(step->as.http.headers[0], "A: Bearer \x01"
                                               "env \"TOKEN\"\x02");
    ck_assert_uint_eq(lang_secrets(lang, &secrets), 2);
    ck_assert_str_eq(secrets[0].name, "HOOK");
    ck_assert_int_eq(secrets[0].where.line, 2);
    ck_assert_str_eq(secrets[1].name, "TOKEN");
    ck_assert_int_eq(secrets[1].where.line, 3);
    ck_assert_str_eq(secrets[1].where.file, folder.files[0]);
}
END_TEST

START_TEST(no_secret_is_named_while_a_run_goes_on)
{
    bool yes;
    struct error err;
    const struct workflow *workflow;
    ck_assert(load("http { " URL ", expect = function() return env \"TOKEN\" end }", &workflow));
    struct lang_result result = {
        .code_name = "status", .text_name = "body", .text = "", .url = "u"};
    ck_assert(!lang_expect_result(lang, "expect", workflow->steps.items[0]->as.http.expect, &result,
                                  &yes, &got, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "env: nothing can be described while a run goes on"));
}
END_TEST

/* ---- what functions get */

static const struct {
    const char *body;
    const char *function; /* of the reply */
    bool yes;
    const char *reason;
    const char *error; /* part of it, or NULL */
} replies[] = {
    {"{\"state\":\"done\"}", "return r.json.state == \"done\", r.url", true, "http://x/y", NULL},
    {"{\"a\":[1,{\"b\":2.5}],\"n\":null,\"t\":true}",
     "return r.json.a[1] == 1 and r.json.a[2].b == 2.5 and r.json.n == nil and r.json.t", true, "",
     NULL},
    {"{\"id\":12345678901}", "return false, \"job \" .. r.json.id", false, "job 12345678901", NULL},
    {"[]", "return #r.json == 0", true, "", NULL},
    {"7", "return math.type(r.json) == \"integer\"", true, "", NULL},
    {"plain", "return r.json == nil and r.body == \"plain\" and r.status == 202", true, "", NULL},
    {"{} trailing", "return r.json == nil", true, "", NULL},
    {"", "return r.location == \"/jobs/1\"", true, "", NULL},
    {"", "return r.json.state", false, "",
     "'done': w.lua:2: attempt to index a nil value (field 'json')"},
};

static bool ask(const char *function, const char *body, bool *yes, struct error *err)
{
    const struct workflow *workflow;
    char step[512];
    snprintf(step, sizeof step,
             "http { " URL ", poll = { timeout = \"1m\", done = function(r) %s end } }", function);
    ck_assert_msg(load(step, &workflow), "%s", errors_text(&errors, &got));
    struct lang_result result = {
        .code_name = "status",
        .code = 202,
        .text_name = "body",
        .text = body,
        .url = "http://x/y",
        .location = "/jobs/1",
    };
    return lang_expect_result(lang, "done", workflow->steps.items[0]->as.http.poll.done, &result,
                              yes, &got, err);
}

START_TEST(a_function_gets_the_reply)
{
    bool yes = false;
    struct error err;
    bool ok = ask(replies[_i].function, replies[_i].body, &yes, &err);
    ck_assert_msg(ok == (replies[_i].error == NULL), "%s", ok ? "no error" : err.text);
    if (!ok) {
        char *place = strstr(err.text, folder.path); /* the file's folder is not known before */
        ck_assert_ptr_nonnull(place);
        memmove(place, place + strlen(folder.path) + 1,
                strlen(place + strlen(folder.path) + 1) + 1);
        ck_assert_str_eq(err.text, replies[_i].error);
        return;
    }
    ck_assert(yes == replies[_i].yes);
    ck_assert_str_eq(text_string(&got), replies[_i].reason);
}
END_TEST

START_TEST(a_reply_that_nests_without_end_is_an_error_not_a_crash)
{
    bool yes = false;
    struct error err;
    char body[2 * 900 + 1];
    memset(body, '[', 900);
    memset(body + 900, ']', 900);
    body[1800] = '\0';
    ck_assert(!ask("return r.json", body, &yes, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "nests more than 200 deep"));
}
END_TEST

START_TEST(next_url_returns_a_text_or_nothing)
{
    static const struct {
        const char *function;
        const char *url;   /* NULL: an error */
        const char *error; /* part of it */
    } cases[] = {
        {"return reply.json.url", "/jobs/7", NULL},
        {"return nil", "", NULL},
        {"return 7", NULL, "returns the number 7; it must return a URL, or nil for the same again"},
    };
    struct lang_result result = {
        .code_name = "status",
        .text_name = "body",
        .text = "{\"url\":\"/jobs/7\"}",
        .url = "http://x/y",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct workflow *workflow;
        struct error err;
        char step[256];
        snprintf(step, sizeof step,
                 "http { " URL ", poll = { timeout = \"1m\", " DONE
                 ", next_url = function(reply) %s end } }",
                 cases[i].function);
        ck_assert(load(step, &workflow));
        text_reset(&got);
        bool ok = lang_next_url(lang, workflow->steps.items[0]->as.http.poll.next_url, &result,
                                &got, &err);
        ck_assert(ok == (cases[i].url != NULL));
        if (ok) {
            ck_assert_str_eq(text_string(&got), cases[i].url);
        } else {
            ck_assert_ptr_nonnull(strstr(err.text, cases[i].error));
        }
    }
}
END_TEST

#define COUNT(array) (int)(sizeof(array) / sizeof(array)[0])

int main(void)
{
    Suite *suite = suite_create("http");
    TCase *cases = tcase_create("http");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_loop_test(cases, a_mistake_is_told_with_its_line, 0, COUNT(mistakes));
    tcase_add_loop_test(cases, a_mistake_in_what_a_model_answers_is_told, 0, COUNT(model_mistakes));
    tcase_add_test(cases, a_model_declares_answers);
    tcase_add_test(cases, a_notification_is_a_post_of_its_text);
    tcase_add_test(cases, a_content_type_of_the_script_stays_and_is_not_sent_with_polls);
    tcase_add_test(cases, a_secret_is_a_text_with_a_mark_and_where_it_was_named);
    tcase_add_test(cases, no_secret_is_named_while_a_run_goes_on);
    tcase_add_loop_test(cases, a_function_gets_the_reply, 0, COUNT(replies));
    tcase_add_test(cases, a_reply_that_nests_without_end_is_an_error_not_a_crash);
    tcase_add_test(cases, next_url_returns_a_text_or_nothing);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
