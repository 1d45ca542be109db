/* Cluster files, and the deploy adapters in them: the steps that a deploy becomes. */
#include "fixture.h"

#include "base/duration.h"

static struct server replicas[] = {
    {ROLE_REPLICA, 0, "r1.example:34801", {0x0a000001, 34801, ADDRESS_IPV4}},
    {ROLE_REPLICA, 1, "r2.example:34801", {0x0a000002, 34801, ADDRESS_IPV4}},
};
static struct server metas[] = {
    {ROLE_META, 0, "10.0.0.3:34601", {0x0a000003, 34601, ADDRESS_IPV4}},
    {ROLE_META, 1, "10.0.0.4:34601", {0x0a000004, 34601, ADDRESS_IPV4}},
};
static const struct inventory inventory = {
    .cluster_name = "onebox",
    .servers = {[ROLE_META] = metas, [ROLE_REPLICA] = replicas, [ROLE_COLLECTOR] = NULL},
    .count = {[ROLE_META] = 2, [ROLE_REPLICA] = 2, [ROLE_COLLECTOR] = 0},
};

static struct lang *lang;
static struct error_list errors;
static struct folder folder;

static void set_up(void)
{
    lang = lang_for_tests();
    error_list_init(&errors);
    folder_make(&folder);
}

static void tear_down(void)
{
    error_list_clear(&errors);
    lang_free(lang);
    folder_remove(&folder);
}

static const struct workflow *load(const char *path, const struct lang_set *sets, size_t count)
{
    const struct workflow *workflow = NULL;
    if (!lang_load_workflow(lang, path, &inventory, sets, count, &workflow, &errors)) {
        struct text text = {0};
        ck_abort_msg("%s", errors_text(&errors, &text));
    }
    return workflow;
}

/* `body`: of the function steps(cluster, p), with `node` as the first replica server. */
static const struct workflow *load_body(const char *body)
{
    char text[2048];
    snprintf(text, sizeof text,
             "return workflow \"w\" { api = 1, steps = function(cluster, p) local node = "
             "cluster.replicas[1]\n%s end }",
             body);
    return load(folder_write(&folder, "w.lua", text), NULL, 0);
}

static const struct step *step_at(const struct workflow *workflow, const char *id)
{
    const struct step *step = find_step(&workflow->steps, id);
    if (step == NULL) {
        ck_abort_msg("there is no step '%s'", id);
    }
    return step;
}

START_TEST(a_cluster_file_may_be_text_that_no_file_holds)
{
    const struct cluster_file *cluster;
    ck_assert(lang_load_cluster_text(lang, "made for a model",
                                     "return cluster \"c\" { metas = { \"10.0.0.1:1\" },\n"
                                     "  deploy = require(\"deploy.simulated\") { control = "
                                     "\"http://127.0.0.1:1\" } }",
                                     &cluster, &errors));
    ck_assert_str_eq(cluster->file, "made for a model");
    ck_assert(cluster->has_deploy);
    ck_assert(!lang_load_cluster_text(lang, "made", "return cluster \"c\" {\n metaz = {} }",
                                      &cluster, &errors));
    ck_assert_str_eq(errors.items[0].file, "made");
}
END_TEST

START_TEST(metas_and_collectors_are_addresses_or_names_that_nobody_resolves)
{
    const struct cluster_file *cluster;
    const char *path =
        folder_write(&folder, "c.lua",
                     "return cluster \"c\" { metas = { \"Meta1.no-such-host.invalid:34601\", "
                     "\"10.0.0.2:34601\" }, collectors = { \"localhost:34101\" } }");
    ck_assert(lang_load_cluster(lang, path, &cluster, &errors));
    ck_assert_uint_eq(cluster->meta_count, 2);
    ck_assert_str_eq(cluster->meta_names[0], "Meta1.no-such-host.invalid:34601");
    ck_assert_str_eq(cluster->meta_names[1], "10.0.0.2:34601");
    ck_assert(!address_is_set(cluster->metas[0]));
    ck_assert_uint_eq(cluster->metas[1].ip, 0x0a000002);
    ck_assert_uint_eq(cluster->collector_count, 1);
    ck_assert_str_eq(cluster->collector_names[0], "localhost:34101");
    ck_assert(!address_is_set(cluster->collectors[0]));
}
END_TEST

START_TEST(the_demo_cluster_updates_through_the_control_endpoint)
{
    const struct cluster_file *cluster;
    ck_assert(lang_load_cluster(lang, "examples/demo/cluster.lua", &cluster, &errors));
    ck_assert_str_eq(cluster->name, "onebox");
    ck_assert_uint_eq(cluster->meta_count, 2);
    ck_assert_uint_eq(cluster->collector_count, 1);
    ck_assert_str_eq(cluster->target_version, "2.6.0");
    ck_assert(cluster->has_deploy);
    ck_assert_str_eq(cluster->workflow, "workflows/ha.lua");
    const struct workflow *workflow = load("workflows/ha.lua", NULL, 0);
    const struct step *http = step_at(workflow, "replicas/r2.example:34801/drain/deploy/http");
    ck_assert_int_eq(http->kind, STEP_HTTP);
    ck_assert_str_eq(http->as.http.method, "POST");
    ck_assert_str_eq(http->as.http.url,
                     "http://127.0.0.1:34900/servers/10.0.0.2:34801/update?version=2.6.0");
    ck_assert_ptr_eq(http->server, &replicas[1]);
    ck_assert_int_eq(http->as.http.request_timeout_us, 120 * US_PER_SECOND);
    ck_assert_str_eq(http->where.file, "workflows/ha.lua");
}
END_TEST

START_TEST(what_a_cluster_accepts_is_kept_with_its_reason)
{
    const struct cluster_file *cluster;
    ck_assert(lang_load_cluster(
        lang,
        folder_write(&folder, "c.lua",
                     "return cluster \"c\" { metas = { \"10.0.0.1:1\" }, accept = { outage = { "
                     "\"solo\", \"pair\" }, freeze = true, reason = \"a test cluster\" } }"),
        &cluster, &errors));
    ck_assert_uint_eq(cluster->accepted_outage_count, 2);
    ck_assert_str_eq(cluster->accepted_outages[0], "solo");
    ck_assert_str_eq(cluster->accepted_outages[1], "pair");
    ck_assert(cluster->accepts_freeze);
    ck_assert_str_eq(cluster->accept_reason, "a test cluster");
    ck_assert(lang_load_cluster(
        lang, folder_write(&folder, "d.lua", "return cluster \"c\" { metas = { \"10.0.0.1:1\" } }"),
        &cluster, &errors));
    ck_assert_uint_eq(cluster->accepted_outage_count, 0);
    ck_assert(!cluster->accepts_freeze);
    ck_assert_ptr_null(cluster->accept_reason);
}
END_TEST

START_TEST(the_shared_lock_has_its_servers_and_a_place_of_its_own)
{
    const struct cluster_file *cluster;
    ck_assert(lang_load_cluster(
        lang,
        folder_write(&folder, "c.lua",
                     "return cluster \"c\" { metas = { \"10.0.0.1:1\" }, zookeeper_root = "
                     "\"/pegasus/c\", lock = { zookeeper = \"zk1.no-such-host.invalid:2181, "
                     "10.0.0.2:2182\", root = \"/ops/pegflow\", session = \"4s\" } }"),
        &cluster, &errors));
    ck_assert_uint_eq(cluster->lock.ensemble.count, 2);
    ck_assert_str_eq(cluster->lock.ensemble.servers[0].name, "zk1.no-such-host.invalid:2181");
    ck_assert_uint_eq(cluster->lock.ensemble.servers[1].address.port, 2182);
    ck_assert_str_eq(cluster->lock.root, "/ops/pegflow");
    ck_assert_int_eq(cluster->lock.session_us, 4 * US_PER_SECOND);
    ck_assert(lang_load_cluster(
        lang,
        folder_write(&folder, "d.lua",
                     "return cluster \"c\" { metas = { \"10.0.0.1:1\" }, lock = { zookeeper = "
                     "\"zk1:2181\" } }"),
        &cluster, &errors));
    ck_assert_str_eq(cluster->lock.root, "/pegflow");
    ck_assert_int_eq(cluster->lock.session_us, 10 * US_PER_SECOND);
    ck_assert(lang_load_cluster(
        lang, folder_write(&folder, "e.lua", "return cluster \"c\" { metas = { \"10.0.0.1:1\" } }"),
        &cluster, &errors));
    ck_assert_ptr_null(cluster->lock.zookeeper);
}
END_TEST

START_TEST(exec_adapter_fills_its_template_word_by_word)
{
    const struct cluster_file *cluster;
    const char *path = folder_write(
        &folder, "c.lua",
        "return cluster \"c\" { metas = { \"10.0.0.1:1\" }, target = { version = \"2.6.0\" }, "
        "deploy = require(\"deploy.exec\") { update = { \"ssh\", \"{host}\", \"up; rm -rf /\", "
        "\"{role}-{port}\", \"{address} {ip} {name} {version}\" }, timeout = \"3m\" } }");
    ck_assert(lang_load_cluster(lang, path, &cluster, &errors));
    const struct workflow *workflow = load_body("return deploy(node) { \"update\" }");
    const struct step *exec = step_at(workflow, "deploy/exec");
    static const char *const wanted[] = {"ssh", "r1.example", "up; rm -rf /", "replica-34801",
                                         "10.0.0.1:34801 10.0.0.1 r1.example:34801 2.6.0"};
    for (size_t i = 0; i < 5; i++) {
        ck_assert_str_eq(exec->as.exec.argv[i], wanted[i]);
    }
    ck_assert_ptr_null(exec->as.exec.argv[5]);
    ck_assert_int_eq(exec->timeout_us, 180 * US_PER_SECOND);
}
END_TEST

static const struct {
    const char *action;
    const char *method;
    const char *url;
    const char *body;
    const char *headers[4];
    int64_t timeout_us;
    bool expects;
    bool polls;
} http_cases[] = {
    {"update",
     "PUT",
     "https://deploy.example/r1.example/replica?v=2.6.0%2B1&at=10.0.0.1:34801",
     "{\"at\":\"10.0.0.1:34801\",\"package\":{\"name\":\"pegasus-2.6.0+1\",\"parts\":[\"replica\","
     "7,"
     "true]},\"port\":34801}",
     {"Authorization: Bearer 5f1c", "X-For: r1.example:34801", "Content-Type: application/json",
      NULL},
     180 * US_PER_SECOND,
     true,
     false},
    {"restart",
     "POST",
     "http://deploy.example/10.0.0.1",
     "role=replica",
     {"Authorization: of another", "X-For: r1.example:34801", NULL},
     120 * US_PER_SECOND,
     false,
     true},
};

START_TEST(http_adapter_fills_its_templates)
{
    const struct cluster_file *cluster;
    const char *path = folder_write(
        &folder, "c.lua",
        "return cluster \"c\" { metas = { \"10.0.0.1:1\" }, target = { version = \"2.6.0+1\" }, "
        "deploy = require(\"deploy.http\") { headers = { Authorization = \"Bearer 5f1c\", "
        "[\"X-For\"] = \"{name}\" }, timeout = \"2m\", poll = { url = "
        "\"http://deploy.example/jobs/{host}\", timeout = \"20m\", done = function(reply) return "
        "true end }, update = { poll = false, method = \"PUT\", url = "
        "\"https://deploy.example/{host}/{role}?v={version}&at={address}\", json = { port = "
        "\"{port}\", at = \"{ip}:{port}\", package = { name = \"pegasus-{version}\", parts = { "
        "\"{role}\", 7, true } } }, timeout = \"3m\", expect = function(reply) return reply.status "
        "== 202 end }, restart = { url = \"http://deploy.example/{ip}\", body = \"role={role}\", "
        "headers = { Authorization = \"of another\" } } } }");
    ck_assert(lang_load_cluster(lang, path, &cluster, &errors));
    char body[64];
    snprintf(body, sizeof body, "return deploy(node) { \"%s\" }", http_cases[_i].action);
    const struct step *http = step_at(load_body(body), "deploy/http");
    ck_assert_int_eq(http->kind, STEP_HTTP);
    ck_assert_str_eq(http->as.http.method, http_cases[_i].method);
    ck_assert_str_eq(http->as.http.url, http_cases[_i].url);
    ck_assert_str_eq(http->as.http.body, http_cases[_i].body);
    size_t count = 0;
    for (; http_cases[_i].headers[count] != NULL; count++) {
        ck_assert_str_eq(http->as.http.headers[count], http_cases[_i].headers[count]);
    }
    ck_assert_ptr_null(http->as.http.headers[count]);
    ck_assert_int_eq(http->as.http.request_timeout_us, http_cases[_i].timeout_us);
    ck_assert(http_cases[_i].polls == (http->as.http.poll.every_us > 0));
    if (http_cases[_i].polls) {
        ck_assert_str_eq(http->as.http.poll.url, "http://deploy.example/jobs/r1.example");
        ck_assert_str_eq(http->as.http.poll.headers[0], http_cases[_i].headers[0]);
    }
    ck_assert(http_cases[_i].expects == (http->as.http.expect != LUA_NONE));
    ck_assert_ptr_eq(http->server, &replicas[0]);
    ck_assert_str_eq(http->where.file, folder.files[1]);
}
END_TEST

START_TEST(a_deploy_action_the_adapter_lacks_names_the_cluster_file)
{
    const struct cluster_file *cluster;
    const struct workflow *workflow;
    char expected[256];
    const char *path = folder_write(&folder, "c.lua",
                                    "return cluster \"c\" { metas = { \"10.0.0.1:1\" }, deploy = { "
                                    "update = function(node) return log \"x\" end } }");
    ck_assert(lang_load_cluster(lang, path, &cluster, &errors));
    const char *file = folder_write(&folder, "w.lua",
                                    "return workflow \"w\" { api = 1, steps = function(cluster)\n"
                                    "return deploy(cluster.metas[1]) { \"stop\" } end }");
    ck_assert(!lang_load_workflow(lang, file, &inventory, NULL, 0, &workflow, &errors));
    snprintf(expected, sizeof expected, "deploy: the deploy adapter of %s has no 'stop'", path);
    ck_assert_str_eq(errors.items[0].text, expected);
    ck_assert_int_eq(errors.items[0].line, 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cluster");
    TCase *cases = tcase_create("cluster");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, a_cluster_file_may_be_text_that_no_file_holds);
    tcase_add_test(cases, metas_and_collectors_are_addresses_or_names_that_nobody_resolves);
    tcase_add_test(cases, the_demo_cluster_updates_through_the_control_endpoint);
    tcase_add_test(cases, what_a_cluster_accepts_is_kept_with_its_reason);
    tcase_add_test(cases, the_shared_lock_has_its_servers_and_a_place_of_its_own);
    tcase_add_test(cases, exec_adapter_fills_its_template_word_by_word);
    tcase_add_loop_test(cases, http_adapter_fills_its_templates, 0, 2);
    tcase_add_test(cases, a_deploy_action_the_adapter_lacks_names_the_cluster_file);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
