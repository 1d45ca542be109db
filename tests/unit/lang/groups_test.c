/* The groups whose steps need more than their table says: racks, canaries, the parts of a try. */
#include "fixture.h"

static struct server replicas[] = {
    {ROLE_REPLICA, 0, "r1.example:34801", {0x0a000001, 34801, ADDRESS_IPV4}},
    {ROLE_REPLICA, 1, "r2.example:34801", {0x0a000002, 34801, ADDRESS_IPV4}},
    {ROLE_REPLICA, 2, "r2.example:34802", {0x0a000002, 34802, ADDRESS_IPV4}},
};
static struct server metas[] = {
    {ROLE_META, 0, "10.0.0.3:34601", {0x0a000003, 34601, ADDRESS_IPV4}},
};
static const struct inventory inventory = {
    .cluster_name = "onebox",
    .servers = {[ROLE_META] = metas, [ROLE_REPLICA] = replicas},
    .count = {[ROLE_META] = 1, [ROLE_REPLICA] = 3},
};

#define ROLLING(fields)                                                                            \
    "return rolling { over = cluster.replicas, " fields                                            \
    ", steps = function(n) return log \"x\" end }"

/* Racks of the cluster file, what `steps` returns, and the errors ("" none); '@' stands for the
 * cluster file. */
static const struct {
    const char *racks;
    const char *body;
    bool stand_in;
    const char *errors;
} cases[] = {
    {"[\"r1.example\"] = \"a\", [\"10.0.0.2\"] = \"b\"", ROLLING("within = \"rack\""), false, ""},
    {"[\"R1.EXAMPLE:34801\"] = 1, [\"10.0.0.2:34801\"] = 2, [\"r2.example:34802\"] = 1",
     ROLLING("within = \"rack\""), false, ""},
    {"", ROLLING("within = \"rack\""), false, "2: rolling: 'within': @ has no 'racks'"},
    {"", ROLLING("within = \"rack\""), true, "2: rolling: 'within': @ has no 'racks'"},
    {"[\"r1.example\"] = \"a\"", ROLLING("within = \"rack\""), true, ""},
    {"[\"r1.example\"] = \"a\"", ROLLING("within = \"rack\""), false,
     "2: rolling: 'within': @ gives r2.example:34801 no rack\n"
     "2: rolling: 'within': @ gives r2.example:34802 no rack"},
    {"[\"r1.example\"] = \"a\", [\"10.0.0.1:34801\"] = \"b\", [\"r2.example\"] = \"a\"",
     ROLLING("within = \"rack\""), false,
     "2: rolling: 'within': @ gives r1.example:34801 two racks, 'b' and 'a'"},
    {"", ROLLING("canary = 3"), false, ""},
    {"", ROLLING("canary = 4"), false, "2: rolling: 'canary' is 4, but 'over' has only 3 servers"},
    {"", ROLLING("canary = 4"), true, ""},
    {"",
     "return rolling { over = cluster.collectors, canary = 1, steps = function(n) return log "
     "\"x\" end }",
     false, ""},
};

static struct lang *lang;
static struct error_list errors;
static struct folder folder;
static const char *cluster_path;

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

static const struct workflow *load(const char *racks, const char *body, bool stand_in)
{
    char text[2048];
    const struct cluster_file *file;
    const struct workflow *workflow = NULL;
    snprintf(text, sizeof text,
             "return cluster \"c\" { metas = { \"10.0.0.3:34601\" }, racks = { %s } }", racks);
    cluster_path = folder_write(&folder, "c.lua", text);
    ck_assert(lang_load_cluster(lang, cluster_path, &file, &errors));
    snprintf(text, sizeof text,
             "return workflow \"w\" { api = 1, steps = function(cluster, p)\n%s end }", body);
    lang_load_workflow(lang, folder_write(&folder, "w.lua", text), stand_in ? NULL : &inventory,
                       NULL, 0, &workflow, &errors);
    return workflow;
}

START_TEST(a_group_is_checked_against_the_servers)
{
    struct text got = {0};
    struct text wanted = {0};
    load(cases[_i].racks, cases[_i].body, cases[_i].stand_in);
    for (const char *c = cases[_i].errors; *c != '\0'; c++) {
        if (*c == '@') {
            text_append_string(&wanted, cluster_path);
        } else {
            text_append_char(&wanted, *c);
        }
    }
    ck_assert_str_eq(errors_text(&errors, &got), text_string(&wanted));
    text_clear(&got);
    text_clear(&wanted);
}
END_TEST

START_TEST(each_turn_knows_its_rack)
{
    const struct workflow *workflow =
        load("[\"r1.example\"] = \"a\", [\"10.0.0.2:34801\"] = \"b\", [\"r2.example:34802\"] = 3",
             ROLLING("within = \"rack\""), false);
    const struct step_list *turns = &workflow->steps.items[0]->body;
    ck_assert_uint_eq(turns->count, 3);
    ck_assert_str_eq(turns->items[0]->as.group.rack, "a");
    ck_assert_str_eq(turns->items[1]->as.group.rack, "b");
    ck_assert_str_eq(turns->items[2]->as.group.rack, "3");
}
END_TEST

START_TEST(servers_of_a_simulation_stand_in_the_racks_in_turn)
{
    lang_deal_racks(lang);
    const struct workflow *workflow =
        load("[\"10.1.1.1\"] = \"b\", [\"10.1.1.2\"] = \"b\", [\"10.1.1.3\"] = \"a\", "
             "[\"r2.example:34801\"] = \"c\"",
             ROLLING("within = \"rack\""), false);
    ck_assert_uint_eq(errors.count, 0);
    const struct step_list *turns = &workflow->steps.items[0]->body;
    ck_assert_str_eq(turns->items[0]->as.group.rack, "b"); /* 0 of b, a, c */
    ck_assert_str_eq(turns->items[1]->as.group.rack, "c"); /* its own */
    ck_assert_str_eq(turns->items[2]->as.group.rack, "c"); /* 2 of b, a, c */
}
END_TEST

START_TEST(the_parts_of_a_try_have_ids)
{
    const struct workflow *workflow =
        load("",
             "return { try { steps = { log \"a\", log \"b\" }, rescue = { log \"c\" } }, try { "
             "steps = { log \"d\" }, finally = { log \"e\" } } }",
             false);
    static const char *const ids[] = {"try/log", "try/log-2", "try/rescue/log", "try-2/log",
                                      "try-2/finally/log"};
    ck_assert_uint_eq(errors.count, 0);
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        ck_assert_msg(find_step(&workflow->steps, ids[i]) != NULL, "%s", ids[i]);
    }
    const struct step *first = workflow->steps.items[0];
    ck_assert_int_eq(first->body.items[0]->as.group.part, TRY_STEPS);
    ck_assert_int_eq(first->body.items[1]->as.group.part, TRY_RESCUE);
    ck_assert_int_eq(workflow->steps.items[1]->body.items[1]->as.group.part, TRY_FINALLY);
}
END_TEST

static const char base_source[] =
    "return workflow \"w\" { api = 1, steps = function() return try { steps = { log \"a\" }, "
    "rescue = { log \"b\" }, finally = { log \"c\" } } end }";

START_TEST(a_variant_changes_a_part_from_within)
{
    const struct workflow *workflow = NULL;
    folder_write(&folder, "base.lua", base_source);
    const char *path = folder_write(
        &folder, "v.lua",
        "return variant(require \"base\") { name = \"v\", before = { [\"try/rescue\"] = log "
        "\"first\" }, replace = { [\"try/finally\"] = log \"other\" } }");
    lang_load_workflow(lang, path, &inventory, NULL, 0, &workflow, &errors);
    ck_assert_uint_eq(errors.count, 0);
    const struct step *try = workflow->steps.items[0];
    ck_assert_uint_eq(try->body.count, 3);
    ck_assert_uint_eq(try->body.items[1]->body.count, 2);
    ck_assert_str_eq(try->body.items[1]->body.items[0]->as.message, "first");
    ck_assert_str_eq(try->body.items[2]->body.items[0]->as.message, "other");
}
END_TEST

START_TEST(retry_has_its_defaults)
{
    const struct workflow *workflow =
        load("", "return log { \"x\", retry = { times = 2 }, on_failure = \"continue\" }", false);
    const struct step *step = workflow->steps.items[0];
    ck_assert_int_eq(step->retry.times, 2);
    ck_assert_int_eq(step->retry.every_us, 10000000);
    ck_assert(step->retry.backoff == 1);
    ck_assert_int_eq(step->on_failure, FAILURE_IS_PASSED_OVER);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("groups");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, a_group_is_checked_against_the_servers, 0,
                        (int)(sizeof cases / sizeof cases[0]));
    tcase_add_test(tcase, each_turn_knows_its_rack);
    tcase_add_test(tcase, servers_of_a_simulation_stand_in_the_racks_in_turn);
    tcase_add_test(tcase, the_parts_of_a_try_have_ids);
    tcase_add_test(tcase, a_variant_changes_a_part_from_within);
    tcase_add_test(tcase, retry_has_its_defaults);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
