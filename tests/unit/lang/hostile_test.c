/* A script that means harm, or runs away, is stopped soon, with a clear message, and leaves nothing
 * behind (the leak checker of the sanitized build looks at that). */
#include "fixture.h"

#define ENDLESS         "runs without end: stopped after 10 million instructions"
#define ENDLESS_CALL    "runs without end: stopped after 5 million instructions"
#define ENDLESS_DEFAULT "runs without end: stopped after 50 million instructions"
#define TOO_LONG        "takes too long: stopped after 2 s of processor time"
#define MEMORY          "needs too much memory: the limit is 64 MB, and 4 MB for one string"
#define DEEP            "functions or expressions nest too deep (stack overflow)"

static const struct {
    const char *name;
    const char *code;
    const char *error; /* NULL: any one will do */
} cases[] = {
    {"loop", "while true do end", ENDLESS},
    {"goto", "::a:: goto a", ENDLESS},
    {"empty for", "for i = 1, math.huge do end", ENDLESS},
    {"recursion", "local function f() return 1 + f() end f()", DEEP},
    {"tail calls", "local function f() return f() end f()", ENDLESS},
    {"recursion through pcall", "local function f() pcall(f) end f() while true do f() end", NULL},
    {"pcall loop", "while true do pcall(function() while true do end end) end", ENDLESS},
    {"pcall of error loop", "while true do pcall(error) end", ENDLESS},
    {"xpcall with a handler that loops",
     "xpcall(function() while true do end end, function() while true do end end)", ENDLESS},
    {"xpcall with a handler that fails",
     "local function h() error(\"again\") end while true do pcall(xpcall, error, h) end", ENDLESS},
    {"error in error", "local function f() xpcall(f, f) end f() while true do f() end", NULL},
    {"huge table", "local t = {} for i = 1, math.huge do t[i] = i end", MEMORY},
    {"table of tables", "local t = {} while true do t = { t, {}, {}, {} } end", MEMORY},
    {"caught memory",
     "local t = {} while true do pcall(function() for i = 1, math.huge do t[#t + 1] = {} end end) "
     "end",
     MEMORY},
    {"doubling string", "local s = \"x\" while true do s = s .. s end", MEMORY},
    {"many strings", "local t = {} for i = 1, math.huge do t[i] = (\"x\"):rep(100000) .. i end",
     MEMORY},
    {"string.rep", "local s = (\"x\"):rep(1e10)",
     "string.rep: the result is too long; the limit is 4 MB"},
    {"string.rep of nothing", "local s = (\"\"):rep(1e15) while true do end", ENDLESS},
    {"string.rep loop", "while true do local s = (\"x\"):rep(4000000) end", ENDLESS},
    {"string.rep with separator", "local s = (\"\"):rep(1e9, \"xx\")",
     "string.rep: the result is too long; the limit is 4 MB"},
    {"format width", "local s = string.format(\"%9999d\", 1)", NULL},
    {"format bomb",
     "local s = (\"%99d\"):rep(40000) local a = {} for i = 1, 250 do a[i] = 1 end "
     "while true do pcall(string.format, s, table.unpack(a)) end",
     ENDLESS},
    {"table.concat",
     "local t = {} for i = 1, 1000 do t[i] = (\"x\"):rep(100000) end table.concat(t)", MEMORY},
    {"table.concat range", "table.concat({}, \"\", 1, 1e15)",
     "table.concat: too many items; the limit is 1000000"},
    {"table.unpack", "table.unpack({}, 1, 1e15)",
     "table.unpack: too many items; the limit is 1000000"},
    {"table.unpack at the edge", "table.unpack({}, math.mininteger, math.maxinteger)",
     "table.unpack: too many items; the limit is 1000000"},
    {"table.move", "table.move({}, 1, 1e15, 2)",
     "table.move: too many items; the limit is 1000000"},
    {"table.move loop", "local t = {} while true do table.move(t, 1, 1000000, 2, {}) end", ENDLESS},
    {"table.insert loop",
     "local t = {} for i = 1, 1000000 do t[i] = i end while true do table.insert(t, 1, 0) end",
     ENDLESS},
    {"table.sort loop",
     "local t = {} for i = 1, 100000 do t[i] = -i end while true do table.sort(t) end", ENDLESS},
    {"table.sort with a false order",
     "local t = {} for i = 1, 1000 do t[i] = i end table.sort(t, function() return true end)",
     "invalid order function for sorting"},
    {"sort that loops", "table.sort({ 1, 2, 3 }, function() while true do end end)", ENDLESS},
    {"pairs loop", "local t = {} for i = 1, 100000 do t[i] = i end while true do pairs(t) end",
     ENDLESS},
    {"pattern with many quantifiers", "local s = (\"a\"):rep(3000) s:find(\".-.-.-.-.-b\")",
     ENDLESS},
    {"pattern with stars", "local s = (\"a\"):rep(3000) s:match(\"a*a*a*a*a*b\")", ENDLESS},
    {"pattern of balance", "local s = (\"(\"):rep(1000000) while true do s:find(\"%b()\") end",
     ENDLESS},
    {"pattern in gsub", "local s = (\"a\"):rep(3000) s:gsub(\".-.-.-.-.-b\", \"\")", ENDLESS},
    {"pattern in gmatch", "local s = (\"a\"):rep(3000) for m in s:gmatch(\".-.-.-.-.-b\") do end",
     ENDLESS},
    {"pattern bomb in pcall",
     "while true do pcall(string.find, (\"a\"):rep(3000), \".-.-.-.-.-b\") end", ENDLESS},
    {"frontier sets",
     "local s = (\"a\"):rep(100000) s:find((\"%f[\" .. (\"b\"):rep(1000) .. \"]\"):rep(10))",
     ENDLESS},
    {"deep pattern", "local s = (\"a\"):rep(1000) s:find((\"(a\"):rep(20) .. (\"a?\"):rep(300))",
     NULL},
    {"gsub that grows", "local s = (\"a\"):rep(2000000) s:gsub(\"a\", (\"b\"):rep(1000))", MEMORY},
    {"gsub with a function that loops", "(\"a\"):gsub(\"a\", function() while true do end end)",
     ENDLESS},
    {"plain find", "local s = (\"a\"):rep(1000000) while true do s:find(\"b\", 1, true) end",
     ENDLESS},
    {"string.dump", "string.dump(function() end)", NULL},
    {"setmetatable loop", "setmetatable({}, { __index = function(t, k) return t[k] end })", NULL},
    {"bytecode by load", "load(\"\\27Lua\")", NULL},
    {"coroutines", "coroutine.wrap(function() while true do end end)()", NULL},
    {"close", "local x <close> = {}", NULL},
    {"steps without end", "local t = {} for i = 1, 1e7 do t[i] = log(\"x\") end", NULL},
    {"steps nested without end", "local s = log \"x\" while true do s = steps { s } end", NULL},
    {"steps doubled without end",
     "local s = log \"x\" for i = 1, 62 do s = steps { s, s } end return s", NULL},
    {"conditions nested", "local c = all_servers_alive() while true do c = not_(c) end", NULL},
    {"a table of wrong keys",
     "local t = {} for i = 1, 100000 do t[\"k\" .. i] = 1 end while true do sleep(t) end", NULL},
    {"a list of wrong items",
     "local t = {} for i = 1, 100000 do t[i] = 1 end while true do pcall(steps, t) end", NULL},
    {"unknown names", "while true do local x = nonsense end", NULL},
    {"error with a table", "error(setmetatable)", NULL},
    {"long error", "error((\"x\"):rep(1000000))", NULL},
    {"deep expression", "local s = \"return \" .. (\"(\"):rep(10)", NULL},
    {"json that nests",
     "local t = {} for i = 1, 100 do t = { t } end http { url = \"http://x\", json = t }", NULL},
    {"json that multiplies",
     "local t = { 1 } for i = 1, 30 do t = { t, t, t } end http { url = \"http://x\", json = t }",
     NULL},
};

/* Less than by default, since there are many cases. */
static const struct lang_limits short_limits = {
    .memory_bytes = 64 * 1024 * 1024,
    .load_instructions = 10 * 1000 * 1000,
    .call_instructions = 5 * 1000 * 1000,
};

static void check_one(const char *text, const char *expected, const struct lang_limits *limits)
{
    struct lang_options options = {.stdlib_folder = "stdlib", .limits = limits};
    struct folder folder;
    struct error_list errors;
    const struct workflow *workflow;
    struct lang *lang = lang_new(&options);
    folder_make(&folder);
    error_list_init(&errors);
    const char *path = folder_write(&folder, "w.lua", text);
    ck_assert(!lang_load_workflow(lang, path, NULL, NULL, 0, &workflow, &errors));
    ck_assert_uint_ge(errors.count, 1);
    const struct error_item *last = &errors.items[errors.count - 1];
    if (expected != NULL) {
        ck_assert_str_eq(last->text, expected);
        ck_assert_str_eq(last->file, path);
        ck_assert_int_eq(last->line, 2);
    }
    /* The state is as good as new. */
    error_list_clear(&errors);
    path =
        folder_write(&folder, "w.lua",
                     "return workflow \"w\" { api = 1, steps = function() return log \"x\" end }");
    if (!lang_load_workflow(lang, path, NULL, NULL, 0, &workflow, &errors)) {
        ck_abort_msg("afterwards: %s", errors.items[0].text);
    }
    error_list_clear(&errors);
    lang_free(lang);
    folder_remove(&folder);
}

START_TEST(a_hostile_file_is_stopped)
{
    char text[1024];
    snprintf(text, sizeof text, "\n%s", cases[_i].code);
    check_one(text, cases[_i].error, &short_limits);
}
END_TEST

START_TEST(a_hostile_rolling_body_is_stopped)
{
    char text[1024];
    snprintf(
        text, sizeof text,
        "return workflow \"w\" { api = 1, steps = function(cluster, p) return rolling { over = "
        "cluster.replicas, steps = function(node)\n%s end } end }",
        cases[_i].code);
    check_one(text, cases[_i].error, &short_limits);
}
END_TEST

START_TEST(the_default_limits_stop_a_loop_and_dear_instructions)
{
    check_one("\nwhile true do end", ENDLESS_DEFAULT, NULL);
    check_one(
        "\nlocal a, b = (\"a\"):rep(4000000), (\"a\"):rep(4000000) while true do local c = a == "
        "b end",
        TOO_LONG, NULL);
}
END_TEST

/* ---- while a run goes on */
static const struct {
    const char *code;
    const char *error;
} ask_cases[] = {
    {"while true do end", ENDLESS_CALL},
    {"while true do pcall(function() while true do end end) end", ENDLESS_CALL},
    {"local s = (\"a\"):rep(3000) s:find(\".-.-.-.-.-b\")", ENDLESS_CALL},
    {"local t = {} while true do t = { t, {}, {}, {} } end", MEMORY},
    {"local s = \"x\" while true do s = s .. s end", MEMORY},
    {"local function f() return 1 + f() end f()", DEEP},
    {"local x = nil return x.y", "attempt to index a nil value (local 'x')"},
    {"return 5", "returns the number 5; it must return true, false or nil, and a reason"},
    {"return nothing.x", "unknown name 'nothing'"},
    {"count = 1", "'count' would be a global: write local count"},
    {"return snapshot.nods", "a snapshot of a snapshot has no field 'nods': did you mean 'nodes'?"},
    {"sleep \"1s\"", "sleep: nothing can be described while a run goes on"},
    {"require \"deploy.exec\"", "require: no file is loaded while a run goes on"},
    {"error({})", "error with a value that is no text: table"},
    {"snapshot.level = 5", "a snapshot cannot be changed"},
};

START_TEST(a_hostile_condition_fails_its_call_and_nothing_else)
{
    char text[1024];
    struct folder folder;
    struct error_list errors;
    struct error err;
    const struct workflow *workflow = NULL;
    struct snapshot snapshot;
    struct text reason = {0};
    enum answer answer;
    struct lang *lang = lang_for_tests();
    folder_make(&folder);
    error_list_init(&errors);
    snapshot_init(&snapshot);
    snprintf(text, sizeof text,
             "local again = false return workflow \"w\" { api = 1, steps = function() return "
             "wait_until { condition \"c\" (function(snapshot) if again then return true end again "
             "= true\n%s end), timeout = \"1s\" } end }",
             ask_cases[_i].code);
    const char *path = folder_write(&folder, "w.lua", text);
    ck_assert(lang_load_workflow(lang, path, NULL, NULL, 0, &workflow, &errors));
    const struct condition *condition = workflow->steps.items[0]->as.wait.condition;
    ck_assert(!lang_ask(lang, condition, &snapshot, &answer, &reason, &err));
    char expected[512];
    bool placed = strncmp(ask_cases[_i].error, "returns", 7) != 0 &&
                  strncmp(ask_cases[_i].error, "error with", 10) != 0;
    if (placed) {
        snprintf(expected, sizeof expected, "condition 'c' (%s:1): %s:2: %s", path, path,
                 ask_cases[_i].error);
        ck_assert_str_eq(err.text, expected);
    } else {
        ck_assert_ptr_nonnull(strstr(err.text, ask_cases[_i].error));
    }
    ck_assert_int_eq(err.code, ERROR_SCRIPT);
    ck_assert(lang_ask(lang, condition, &snapshot, &answer, &reason, &err));
    ck_assert_int_eq(answer, ANSWER_YES);
    ck_assert_uint_eq(reason.length, 0);
    snapshot_clear(&snapshot);
    text_clear(&reason);
    error_list_clear(&errors);
    lang_free(lang);
    folder_remove(&folder);
}
END_TEST

START_TEST(a_required_file_that_was_stopped_is_stopped_again)
{
    struct folder folder;
    struct error_list errors;
    const struct workflow *workflow;
    struct lang_options options = {.stdlib_folder = "stdlib", .limits = &short_limits};
    struct lang *lang = lang_new(&options);
    folder_make(&folder);
    const char *inner = folder_write(&folder, "inner.lua", "while true do end");
    const char *path = folder_write(&folder, "w.lua", "return require \"inner\"");
    for (int round = 0; round < 2; round++) {
        error_list_init(&errors);
        ck_assert(!lang_load_workflow(lang, path, NULL, NULL, 0, &workflow, &errors));
        ck_assert_uint_eq(errors.count, 1);
        ck_assert_str_eq(errors.items[0].text, ENDLESS);
        ck_assert_str_eq(errors.items[0].file, inner);
        error_list_clear(&errors);
    }
    lang_free(lang);
    folder_remove(&folder);
}
END_TEST

START_TEST(a_state_without_memory_says_so)
{
    struct lang_limits limits = {
        .memory_bytes = 2000, .load_instructions = 1000, .call_instructions = 1000};
    struct lang_options options = {.stdlib_folder = "stdlib", .limits = &limits};
    struct lang *lang = lang_new(&options);
    struct error_list errors;
    const struct workflow *workflow;
    error_list_init(&errors);
    ck_assert(!lang_load_workflow(lang, "workflows/ha.lua", NULL, NULL, 0, &workflow, &errors));
    ck_assert_str_eq(errors.items[0].text,
                     "not enough memory to start Lua: the limit is 2000 bytes");
    error_list_clear(&errors);
    lang_free(lang);
}
END_TEST

#define COUNT(array) (int)(sizeof(array) / sizeof(array)[0])

int main(void)
{
    Suite *suite = suite_create("hostile");
    TCase *tcase = tcase_create("hostile");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, a_hostile_file_is_stopped, 0, COUNT(cases));
    tcase_add_loop_test(tcase, a_hostile_rolling_body_is_stopped, 0, COUNT(cases));
    tcase_add_loop_test(tcase, a_hostile_condition_fails_its_call_and_nothing_else, 0,
                        COUNT(ask_cases));
    tcase_add_test(tcase, the_default_limits_stop_a_loop_and_dear_instructions);
    tcase_add_test(tcase, a_required_file_that_was_stopped_is_stopped_again);
    tcase_add_test(tcase, a_state_without_memory_says_so);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
