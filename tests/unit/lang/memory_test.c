/* Memory may be refused at any moment: then there is an error, and nothing is lost or broken. */
#include "fixture.h"

#include "lang/private.h"

enum { FAULTS_AT_MOST = 200000 };

/* Fails each allocation in turn until the load succeeds without reaching the fault. */
static void sweep(const char *path, int step)
{
    int64_t faults = 0;
    for (int64_t at = 0;; at += step) {
        struct lang *lang = lang_for_tests();
        struct error_list errors;
        const struct workflow *workflow;
        error_list_init(&errors);
        lang->allocations_left = at;
        bool ok = lang_load_workflow(lang, path, NULL, NULL, 0, &workflow, &errors);
        ck_assert(ok == (errors.count == 0));
        bool reached = lang->allocations_left == 0;
        lang->allocations_left = -1;
        if (!ok) {
            const char *text = errors.items[errors.count - 1].text;
            ck_assert_msg(strncmp(text, "needs too much memory", 21) == 0, "%d: %s", (int)at, text);
            /* With memory again the same state does it. */
            error_list_clear(&errors);
            ck_assert(lang_load_workflow(lang, path, NULL, NULL, 0, &workflow, &errors));
            faults++;
        }
        error_list_clear(&errors);
        lang_free(lang);
        if (ok && !reached) {
            break;
        }
        ck_assert_int_lt(faults, FAULTS_AT_MOST);
    }
    ck_assert_int_gt(faults, 10);
}

START_TEST(loading_ha_survives_every_refused_allocation)
{
    sweep("workflows/ha.lua", 1);
}
END_TEST

START_TEST(changing_a_workflow_survives_every_refused_allocation)
{
    struct folder folder;
    folder_make(&folder);
    sweep(folder_write(
              &folder, "w.lua",
              "return variant \"ha\" { name = \"w\", params = { batch = 5, mine = integer { "
              "1, \"x\" } }, before = { [\"replicas/*/drain/deploy\"] = function(node) return "
              "log(node.name) end }, replace = { collectors = log \"x\" }, remove = { "
              "\"replicas/*/drain/wait_until-3/kill_partitions\" } }"),
          3);
    folder_remove(&folder);
}
END_TEST

START_TEST(reporting_mistakes_survives_every_refused_allocation)
{
    struct folder folder;
    struct error_list errors;
    const struct workflow *workflow;
    folder_make(&folder);
    const char *path = folder_write(
        &folder, "w.lua",
        "local t = require \"deploy.exec\" local s = (\"abc\"):gsub(\"%w\", \"%0%0\")\n"
        "return workflow \"w\" { api = 1, steps = function(cluster, p) return { slep \"1s\", hold "
        "{ "
        "x = 1 }, http { url = \"http://x\", json = { a = { 1, 2 } } }, exec { \"a\", env = { A = "
        "\"b\" } }, wait_until { all_of { is_alive(cluster.metas[1]) }, timeout = p.x } } end }");
    for (int64_t at = 0; at < 2000; at++) {
        struct lang *lang = lang_for_tests();
        error_list_init(&errors);
        lang->allocations_left = at;
        ck_assert(!lang_load_workflow(lang, path, NULL, NULL, 0, &workflow, &errors));
        ck_assert_uint_ge(errors.count, 1);
        error_list_clear(&errors);
        lang_free(lang);
    }
    folder_remove(&folder);
}
END_TEST

START_TEST(asking_survives_every_refused_allocation)
{
    struct folder folder;
    struct error_list errors;
    struct snapshot snapshot;
    const struct workflow *workflow;
    struct text reason = {0};
    int failures = 0;
    folder_make(&folder);
    snapshot_init(&snapshot);
    error_list_init(&errors);
    const char *path = folder_write(
        &folder, "w.lua",
        "return workflow \"w\" { api = 1, steps = function() return wait_until { condition \"c\" "
        "(function(s) local t = {} for i = 1, 20 do t[i] = \"item\" .. i end return #s.nodes == 0, "
        "table.concat(t) end), timeout = \"1m\" } end }");
    struct lang *lang = lang_for_tests();
    ck_assert(lang_load_workflow(lang, path, NULL, NULL, 0, &workflow, &errors));
    const struct condition *condition = workflow->steps.items[0]->as.wait.condition;
    for (int64_t at = 0; at < 200; at++) {
        enum answer answer;
        struct error err;
        lang->allocations_left = at;
        text_reset(&reason);
        if (!lang_ask(lang, condition, &snapshot, &answer, &reason, &err)) {
            ck_assert_uint_eq(reason.length, 0);
            failures++;
        }
    }
    ck_assert_int_gt(failures, 5);
    text_clear(&reason);
    lang_free(lang);
    snapshot_clear(&snapshot);
    error_list_clear(&errors);
    folder_remove(&folder);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("memory");
    TCase *cases = tcase_create("memory");
    tcase_set_timeout(cases, 300);
    tcase_add_test(cases, loading_ha_survives_every_refused_allocation);
    tcase_add_test(cases, changing_a_workflow_survives_every_refused_allocation);
    tcase_add_test(cases, reporting_mistakes_survives_every_refused_allocation);
    tcase_add_test(cases, asking_survives_every_refused_allocation);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
