/* What a site wrote in Lua answers while a run goes on. */
#include "fixture.h"

static struct lang *lang;
static struct error_list errors;
static struct folder folder;
static struct snapshot snapshot;
static struct text reason;

static struct address address(int last)
{
    return (struct address){0x0a000000u + (uint32_t)last, 34801, ADDRESS_IPV4};
}

static void set_up(void)
{
    static const int32_t secondaries[] = {1, 2};
    lang = lang_for_tests();
    error_list_init(&errors);
    folder_make(&folder);
    snapshot_init(&snapshot);
    reason = (struct text){0};
    for (int i = 1; i <= 3; i++) {
        int32_t node =
            snapshot_add_node(&snapshot, address(i), (struct host_port){{NULL, 0}, 0, 0});
        snapshot.nodes[node].status = i == 3 ? NODE_UNALIVE : NODE_ALIVE;
    }
    snapshot.listed_count = 3;
    struct snapshot_table *table = arena_allocate(&snapshot.arena, 2 * sizeof *table);
    struct snapshot_partition *partition = arena_allocate(&snapshot.arena, 2 * sizeof *partition);
    partition[0] = (struct snapshot_partition){.gpid = {1, 0},
                                               .ballot = 4,
                                               .max_replica_count = 3,
                                               .primary = 0,
                                               .secondaries = secondaries,
                                               .secondary_count = 2};
    partition[1] = (struct snapshot_partition){
        .gpid = {1, 1}, .ballot = 7, .max_replica_count = 3, .primary = SNAPSHOT_NO_NODE};
    table[0] = (struct snapshot_table){.app_id = 1,
                                       .name = "temp",
                                       .status = APP_AVAILABLE,
                                       .max_replica_count = 3,
                                       .partition_count = 2,
                                       .partitions = partition};
    table[1] = (struct snapshot_table){
        .app_id = 2, .name = "gone", .status = APP_DROPPED, .partition_count = 8};
    snapshot.tables = table;
    snapshot.table_count = 2;
    snapshot.partition_count = 2;
    snapshot.level = LEVEL_STEADY;
    snapshot.stored_level = LEVEL_LIVELY;
    snapshot.leader = (struct address){0x0a000009u, 34601, ADDRESS_IPV4};
    snapshot.cluster_name = "onebox";
    snapshot.valid = true;
    snapshot_count(&snapshot);
}

static void tear_down(void)
{
    text_clear(&reason);
    snapshot_clear(&snapshot);
    error_list_clear(&errors);
    lang_free(lang);
    folder_remove(&folder);
}

static const struct workflow *load_steps(const char *before, const char *steps)
{
    const struct workflow *workflow = NULL;
    char text[2048];
    snprintf(text, sizeof text,
             "%s\nreturn workflow \"w\" { api = 1, steps = function() return %s end }", before,
             steps);
    const char *path = folder_write(&folder, "w.lua", text);
    if (!lang_load_workflow(lang, path, NULL, NULL, 0, &workflow, &errors)) {
        struct text list = {0};
        ck_abort_msg("%s", errors_text(&errors, &list));
    }
    return workflow;
}

static const struct condition *load_condition(const char *before, const char *body)
{
    char steps[1024];
    snprintf(steps, sizeof steps,
             "wait_until { condition \"c\" (function(snapshot) %s end), timeout = \"1s\" }", body);
    return load_steps(before, steps)->steps.items[0]->as.wait.condition;
}

static const struct {
    const char *body;
    enum answer answer;
    const char *reason;
} cases[] = {
    {"return true", ANSWER_YES, ""},
    {"return false, \"no\"", ANSWER_NO, "no"},
    {"return nil, \"cannot tell\"", ANSWER_UNKNOWN, "cannot tell"},
    {"", ANSWER_UNKNOWN, ""},
    {"return true, #snapshot.nodes .. \" nodes\"", ANSWER_YES, "3 nodes"},
    {"return true, snapshot.nodes[1].address .. snapshot.nodes[3].status", ANSWER_YES,
     "10.0.0.1:34801UNALIVE"},
    {"return snapshot.nodes[4] == nil and snapshot.nodes[0] == nil", ANSWER_YES, ""},
    {"local s = \"\" for i, n in ipairs(snapshot.nodes) do s = s .. i .. n.status .. n.primaries "
     ".. "
     "n.secondaries .. \" \" end return true, s",
     ANSWER_YES, "1ALIVE10 2ALIVE01 3UNALIVE01 "},
    {"local s = \"\" for i, t in pairs(snapshot.tables) do s = s .. i .. t.name .. t.app_id .. "
     "t.status .. #t.partitions .. \" \" end return true, s",
     ANSWER_YES, "1temp1AVAILABLE2 2gone2DROPPED0 "},
    {"local p = snapshot.tables[1].partitions[1] return p.healthy, p.primary.name .. p.ballot .. "
     "#p.secondaries .. p.secondaries[2].name .. p.index .. p.max_replica_count",
     ANSWER_YES, "10.0.0.1:348014210.0.0.3:3480103"},
    {"local p = snapshot.tables[1].partitions[2] return p.healthy or p.primary ~= nil", ANSWER_NO,
     ""},
    {"return true, snapshot.level .. snapshot.stored_level .. snapshot.leader .. "
     "snapshot.cluster_name",
     ANSWER_YES, "steadylively10.0.0.9:34601onebox"},
    {"return snapshot.nodes[1] == snapshot.tables[1].partitions[1].primary", ANSWER_YES, ""},
};

START_TEST(a_condition_answers_yes_no_or_unknown_with_its_reason)
{
    enum answer answer;
    struct error err;
    const struct condition *condition = load_condition("", cases[_i].body);
    if (!lang_ask(lang, condition, &snapshot, &answer, &reason, &err)) {
        ck_abort_msg("%s", err.text);
    }
    ck_assert_int_eq(answer, cases[_i].answer);
    ck_assert_str_eq(text_string(&reason), cases[_i].reason);
}
END_TEST

START_TEST(a_snapshot_that_was_kept_is_dead)
{
    enum answer answer;
    struct error err;
    const struct condition *condition = load_condition(
        "local kept",
        "if kept == nil then kept = snapshot.nodes return true end return #kept == 3");
    ck_assert(lang_ask(lang, condition, &snapshot, &answer, &reason, &err));
    ck_assert(!lang_ask(lang, condition, &snapshot, &answer, &reason, &err));
    ck_assert_ptr_nonnull(strstr(
        err.text, "a piece of an old snapshot was kept: a condition gets a new one each time"));
}
END_TEST

START_TEST(asking_takes_no_more_memory_each_time)
{
    enum answer answer;
    struct error err;
    const struct condition *condition = load_condition(
        "", "local n = 0 for _, t in pairs(snapshot.tables) do n = n + #t.partitions end "
            "return n > 0, (\"x\"):rep(100000)");
    for (int i = 0; i < 2000; i++) { /* 200 MB, were it kept */
        text_reset(&reason);
        ck_assert(lang_ask(lang, condition, &snapshot, &answer, &reason, &err));
    }
}
END_TEST

static const struct {
    const char *function;
    int code;
    const char *output;
    bool yes;
    const char *reason;
} expectations[] = {
    {"function(r) return r.exit_code == 3 end", 3, "", true, ""},
    {"function(r) return r.exit_code == 0, \"it said \" .. r.output end", 1, "no", false,
     "it said no"},
    {"function(r) return r.output:find(\"done\") end", 0, "all done", true, ""},
    {"function(r) return r.output:find(\"done\") end", 0, "nothing", false, ""},
    {"function(r) return r.output:match(\"^version ([%d.]+)$\") == \"2.6.0\" end", 0,
     "version 2.6.0", true, ""},
    {"function(r) end", 0, "", false, ""},
};

START_TEST(an_expectation_judges_a_result)
{
    char steps[512];
    bool yes;
    struct error err;
    snprintf(steps, sizeof steps, "exec { \"x\", expect = %s }", expectations[_i].function);
    const struct step *step = load_steps("", steps)->steps.items[0];
    struct lang_result result = {
        .code_name = "exit_code",
        .code = expectations[_i].code,
        .text_name = "output",
        .text = expectations[_i].output,
    };
    ck_assert(
        lang_expect_result(lang, "expect", step->as.exec.expect, &result, &yes, &reason, &err));
    ck_assert(yes == expectations[_i].yes);
    ck_assert_str_eq(text_string(&reason), expectations[_i].reason);
}
END_TEST

START_TEST(an_expectation_judges_a_text_and_its_failure_has_a_place)
{
    bool yes;
    struct error err;
    const struct workflow *workflow = load_steps(
        "",
        "{ remote_command { to = \"meta\", \"help\", expect = function(t) return t == \"OK\" "
        "end }, remote_command { to = \"meta\", \"help\", expect = function(t) return t.x.y end "
        "} }");
    const struct step *const *items = (const struct step *const *)workflow->steps.items;
    ck_assert(
        lang_expect_text(lang, items[0]->as.remote_command.expect, "OK", &yes, &reason, &err));
    ck_assert(yes);
    ck_assert(
        !lang_expect_text(lang, items[1]->as.remote_command.expect, "OK", &yes, &reason, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "w.lua:2: "));
    ck_assert_int_eq(err.code, ERROR_SCRIPT);
}
END_TEST

#define COUNT(array) (int)(sizeof(array) / sizeof(array)[0])

int main(void)
{
    Suite *suite = suite_create("ask");
    TCase *tcase = tcase_create("ask");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, a_condition_answers_yes_no_or_unknown_with_its_reason, 0,
                        COUNT(cases));
    tcase_add_test(tcase, a_snapshot_that_was_kept_is_dead);
    tcase_add_test(tcase, asking_takes_no_more_memory_each_time);
    tcase_add_loop_test(tcase, an_expectation_judges_a_result, 0, COUNT(expectations));
    tcase_add_test(tcase, an_expectation_judges_a_text_and_its_failure_has_a_place);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
