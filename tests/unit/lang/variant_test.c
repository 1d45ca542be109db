/* A site changes one step of a workflow without copying it: what is added, replaced or left out is
 * where it was wanted, all other steps keep their ids, and a wrong id is told with the nearest. */
#include "fixture.h"

#include "base/duration.h"

static struct server replicas[] = {
    {ROLE_REPLICA, 0, "r1:34801", {0x0a000001, 34801, ADDRESS_IPV4}},
    {ROLE_REPLICA, 1, "r2:34801", {0x0a000002, 34801, ADDRESS_IPV4}},
};
static struct server metas[] = {{ROLE_META, 0, "m1:34601", {0x0a000003, 34601, ADDRESS_IPV4}}};
static const struct inventory inventory = {
    .cluster_name = "onebox",
    .servers = {[ROLE_META] = metas, [ROLE_REPLICA] = replicas, [ROLE_COLLECTOR] = NULL},
    .count = {[ROLE_META] = 1, [ROLE_REPLICA] = 2, [ROLE_COLLECTOR] = 0},
};

static struct lang *lang;
static struct error_list errors;
static struct folder folder;

/* Line numbers matter: the tests look for them. */
static const char base_source[] =
    "return workflow \"small\" {\n"
    "  api = 1, summary = \"a base\", requires = { cluster_is_healthy() },\n"
    "  params = { patience = duration { \"10m\", \"how long\", max = \"1h\" }, count = integer { "
    "5, "
    "\"how many\" } },\n"
    "  steps = function(cluster, p) return hold { meta_level = \"steady\",\n"
    "    rolling \"replicas\" { over = cluster.replicas, steps = function(node) return {\n"
    "      hold \"drain\" { setting = { [\"meta.lb.assign_delay_ms\"] = p.count },\n"
    "        wait_until { no_primaries(node), nudge = migrate_node(node), timeout = p.patience },\n"
    "        log \"drained\",\n"
    "        deploy(node) { \"update\" } },\n"
    "      log \"next\" } end },\n"
    "    rolling \"collectors\" { over = cluster.collectors, steps = function(node) return "
    "deploy(node) "
    "{ \"update\" } end },\n"
    "  } end }\n";

static void set_up(void)
{
    lang = lang_for_tests();
    error_list_init(&errors);
    folder_make(&folder);
    folder_write(&folder, "base.lua", base_source);
}

static void tear_down(void)
{
    error_list_clear(&errors);
    lang_free(lang);
    folder_remove(&folder);
}

static const struct workflow *load_file(const char *path, const struct inventory *servers)
{
    const struct workflow *workflow = NULL;
    if (!lang_load_workflow(lang, path, servers, NULL, 0, &workflow, &errors)) {
        struct text text = {0};
        ck_abort_msg("%s", errors_text(&errors, &text));
    }
    return workflow;
}

/* `fields` begin on line 1, after the name. */
static const char *write_variant(const char *fields)
{
    char text[2048];
    snprintf(text, sizeof text, "return variant(require \"base\") { name = \"ours\", %s }\n",
             fields);
    return folder_write(&folder, "v.lua", text);
}

/* "id" of each step in order, of the first replica server alone; those of the variant's file are
 * marked with their line: "id=1". */
static void write_steps(const struct step_list *steps, struct text *out)
{
    for (size_t i = 0; i < steps->count; i++) {
        const struct step *step = steps->items[i];
        const char *shown = strncmp(step->id, "replicas/r1:34801/", 18) == 0 ? step->id + 18 : NULL;
        if (shown == NULL && strncmp(step->id, "replicas/", 9) != 0) {
            shown = step->id;
        }
        if (shown != NULL) {
            text_printf(out, "%s%s", out->length == 0 ? "" : " ", shown);
        }
        if (shown != NULL && strstr(step->where.file, "/v.lua") != NULL) {
            text_printf(out, "=%d", step->where.line);
        }
        write_steps(&step->body, out);
        if (shown != NULL && step->kind == STEP_WAIT_UNTIL && step->as.wait.nudge != NULL) {
            struct step *nudge = step->as.wait.nudge;
            write_steps(&(struct step_list){&nudge, 1}, out);
        }
    }
}

#define HEAD "hold replicas "
#define TAIL " collectors"

static const struct {
    const char *fields;
    const char *steps;
} edit_cases[] = {
    {"",
     HEAD "drain drain/wait_until drain/wait_until/migrate_node drain/log drain/deploy log" TAIL},
    /* a step, a list and a function are all steps; they number on */
    {"before = { [\"replicas/*/drain/log\"] = log \"x\" }",
     HEAD "drain drain/wait_until drain/wait_until/migrate_node drain/log-2=1 drain/log "
          "drain/deploy log" TAIL},
    {"after = { [\"replicas/*/drain/wait_until\"] = {\n log \"x\",\n steps \"named\" { log \"y\" } "
     "} }",
     HEAD "drain drain/wait_until drain/wait_until/migrate_node drain/log-2=2 drain/named=3 "
          "drain/named/log=3 drain/log drain/deploy log" TAIL},
    {"before = { [\"replicas/*/drain\"] = function(node, p, cluster) return log(node.name .. "
     "p.count "
     ".. cluster.name) end }",
     HEAD "log-2=1 drain drain/wait_until drain/wait_until/migrate_node drain/log drain/deploy "
          "log" TAIL},
    /* a group without a name leaves no part in the ids of what is put into it */
    {"before = { [\"replicas/*/drain/log\"] = hold { meta_level = \"steady\", log \"x\" } }",
     HEAD "drain drain/wait_until drain/wait_until/migrate_node drain/hold=1 drain/log-2=1 "
          "drain/log drain/deploy log" TAIL},
    /* a replacement of the same kind keeps the id, another gets its own */
    {"replace = { [\"replicas/*/drain/log\"] = log \"x\" }",
     HEAD "drain drain/wait_until drain/wait_until/migrate_node drain/log=1 drain/deploy log" TAIL},
    {"replace = { [\"replicas/*/drain/log\"] = { sleep \"1s\", log \"x\", log \"y\" } }",
     HEAD "drain drain/wait_until drain/wait_until/migrate_node drain/sleep=1 drain/log=1 "
          "drain/log-2=1 drain/deploy log" TAIL},
    {"replace = { [\"replicas/*/drain\"] = function(node) return deploy(node) { \"update\" } end }",
     HEAD "deploy=1 log" TAIL},
    {"replace = { [\"replicas/*/drain\"] = hold { meta_level = \"steady\", log \"x\" } }",
     HEAD "drain=1 drain/log=1 log" TAIL},
    {"replace = { [\"replicas/*/drain\"] = hold \"own\" { meta_level = \"steady\", log \"x\" } }",
     HEAD "own=1 own/log=1 log" TAIL},
    {"replace = { hold = hold { meta_level = \"lively\", log \"x\" } }", "hold=1 log=1"},
    {"replace = { collectors = log \"none\" }",
     HEAD "drain drain/wait_until drain/wait_until/migrate_node drain/log drain/deploy log log=1"},
    /* leaving out shifts no id */
    {"remove = { \"replicas/*/drain/log\", \"collectors\" }, after = { "
     "[\"replicas/*/drain/deploy\"] "
     "= log \"x\" }",
     HEAD "drain drain/wait_until drain/wait_until/migrate_node drain/deploy drain/log-2=1 log"},
    /* nudges */
    {"remove = { \"replicas/*/drain/wait_until/migrate_node\" }",
     HEAD "drain drain/wait_until drain/log drain/deploy log" TAIL},
    {"replace = { [\"replicas/*/drain/wait_until/migrate_node\"] = function(node) return "
     "migrate_node(node) { batch = 7 } end }",
     HEAD "drain drain/wait_until drain/wait_until/migrate_node=1 drain/log drain/deploy log" TAIL},
    {"replace = { [\"replicas/*/drain/wait_until/migrate_node\"] = log \"x\" }",
     HEAD "drain drain/wait_until drain/wait_until/log=1 drain/log drain/deploy log" TAIL},
    /* a server's turn: its first steps, its last, all of them */
    {"before = { [\"replicas/*\"] = { sleep \"1s\", log \"x\" } }, after = { [\"replicas/*\"] = "
     "log "
     "\"y\" }",
     HEAD "sleep=1 log-2=1 drain drain/wait_until drain/wait_until/migrate_node drain/log "
          "drain/deploy log log-3=1" TAIL},
    {"before = { [\"replicas/*\"] = log \"x\" }, replace = { [\"replicas/*\"] = sleep \"1s\" }, "
     "after "
     "= { [\"replicas/*\"] = log \"y\" }",
     HEAD "log-2=1 sleep=1 log-3=1" TAIL},
    {"remove = { \"replicas/r1:34801\" }", "hold replicas collectors"},
    /* both sides of one step, in order; one server's own come after those of all */
    {"before = { [\"replicas/*/log\"] = log \"a\", [\"replicas/r1:34801/log\"] = log \"b\" }, "
     "after = "
     "{ [\"replicas/*/log\"] = sleep \"1s\", [\"replicas/r1:34801/log\"] = sleep \"2s\" }",
     HEAD "drain drain/wait_until drain/wait_until/migrate_node drain/log drain/deploy log-2=1 "
          "log-3=1 log sleep=1 sleep-2=1" TAIL},
    /* one server alone, which is not the first */
    {"remove = { \"replicas/r2:34801/drain/log\" }",
     HEAD "drain drain/wait_until drain/wait_until/migrate_node drain/log drain/deploy log" TAIL},
    /* at the top, and around servers that this cluster does not have */
    {"before = { hold = log \"a\" }, after = { hold = log \"b\" }",
     "log=1 " HEAD
     "drain drain/wait_until drain/wait_until/migrate_node drain/log drain/deploy log" TAIL
     " log-2=1"},
    {"before = { [\"collectors/*/deploy\"] = log \"a\" }",
     HEAD "drain drain/wait_until drain/wait_until/migrate_node drain/log drain/deploy log" TAIL},
};

START_TEST(an_edit_changes_what_it_names_and_shifts_no_id)
{
    struct text got = {0};
    const struct workflow *workflow = load_file(write_variant(edit_cases[_i].fields), &inventory);
    write_steps(&workflow->steps, &got);
    ck_assert_msg(strcmp(text_string(&got), edit_cases[_i].steps) == 0, "%s\ngot:\n%s\nwanted:\n%s",
                  edit_cases[_i].fields, text_string(&got), edit_cases[_i].steps);
    text_clear(&got);
}
END_TEST

START_TEST(a_function_is_called_with_the_server_of_each_place)
{
    const struct workflow *workflow = load_file(
        write_variant("before = { [\"replicas/*/drain/deploy\"] = function(node, p, cluster) "
                      "return { log(node.name .. \" \" .. tostring(p.patience) .. \" \" .. "
                      "cluster.name), migrate_node(node) } end, hold = function(node) "
                      "return log(type(node)) end }, params = { patience = \"20m\" }"),
        &inventory);
    const struct step *step = find_step(&workflow->steps, "replicas/r2:34801/drain/log-2");
    ck_assert_ptr_nonnull(step);
    ck_assert_str_eq(step->as.message, "r2:34801 20m onebox");
    ck_assert_ptr_eq(step->server, &replicas[1]);
    step = find_step(&workflow->steps, "replicas/r1:34801/drain/migrate_node");
    ck_assert_ptr_nonnull(step);
    ck_assert_ptr_eq(step->server, &replicas[0]);
    ck_assert_str_eq(find_step(&workflow->steps, "log")->as.message, "nil");
    ck_assert_str_eq(workflow->name, "ours");
    ck_assert_str_eq(workflow->summary, "a base");
    ck_assert_uint_eq(workflow->step_count, 22);
}
END_TEST

START_TEST(steps_of_the_base_and_of_the_variant_each_keep_their_file_and_line)
{
    const char *path = folder_write(&folder, "w.lua",
                                    "return variant \"ha\" {\n"
                                    "  name = \"ours\",\n"
                                    "  before = {\n"
                                    "    [\"replicas/*/drain/deploy\"] =\n"
                                    "      log \"now\",\n"
                                    "  },\n"
                                    "}\n");
    const struct workflow *workflow = load_file(path, &inventory);
    const struct step *added = find_step(&workflow->steps, "replicas/r2:34801/drain/log");
    const struct step *kept = find_step(&workflow->steps, "replicas/r2:34801/drain/deploy");
    ck_assert_ptr_nonnull(added);
    ck_assert_str_eq(added->where.file, path);
    ck_assert_int_eq(added->where.line, 5);
    ck_assert_ptr_nonnull(kept);
    ck_assert_str_eq(kept->where.file, "workflows/ha.lua");
    ck_assert_int_gt(kept->where.line, 60);
    ck_assert_str_eq(workflow->file, path);
}
END_TEST

static const struct param_value *find_param(const struct workflow *workflow, const char *name)
{
    for (size_t i = 0; i < workflow->param_count; i++) {
        if (strcmp(workflow->params[i].name, name) == 0) {
            return &workflow->params[i];
        }
    }
    ck_abort_msg("there is no param '%s'", name);
    return NULL;
}

START_TEST(params_have_the_variants_defaults_and_its_own)
{
    static const struct lang_set sets[] = {{"mine", "9"}};
    const struct workflow *workflow = NULL;
    const char *path =
        write_variant("params = { patience = \"20m\", count = integer { 7, \"with a limit now\", "
                      "max = 8 }, mine = "
                      "integer { 1, \"own\" } }, requires = { all_servers_alive() }, summary = "
                      "\"other\", after = "
                      "{ hold = function(node, p) return log(tostring(p.mine)) end }");
    ck_assert(lang_load_workflow(lang, path, &inventory, sets, 1, &workflow, &errors));
    static const struct param_value wanted[] = {
        {"count", "7", "default"}, {"mine", "9", "--set"}, {"patience", "20m", "variant"}};
    for (size_t i = 0; i < 3; i++) {
        const struct param_value *param = find_param(workflow, wanted[i].name);
        ck_assert_str_eq(param->value, wanted[i].value);
        ck_assert_str_eq(param->from, wanted[i].from);
    }
    ck_assert_str_eq(find_step(&workflow->steps, "log")->as.message, "9");
    const struct step *wait = find_step(&workflow->steps, "replicas/r1:34801/drain/wait_until");
    ck_assert_int_eq(wait->timeout_us, 1200 * US_PER_SECOND);
    ck_assert_str_eq(workflow->summary, "other");
    ck_assert_uint_eq(workflow->requirement_count, 2);
    ck_assert_int_eq(workflow->requirements[0]->kind, COND_CLUSTER_IS_HEALTHY);
    ck_assert_int_eq(workflow->requirements[1]->kind, COND_ALL_SERVERS_ALIVE);
}
END_TEST

START_TEST(a_variant_of_a_variant_sees_what_that_one_made)
{
    struct text got = {0};
    folder_write(
        &folder, "middle.lua",
        "return variant(require \"base\") { name = \"middle\", params = { count = 6 }, "
        "before = { [\"replicas/*/drain/deploy\"] = steps \"ours\" { log \"a\" } }, remove = "
        "{ \"collectors\" } }");
    const char *path = folder_write(&folder, "v.lua",
                                    "return variant(require \"middle\") { name = \"outer\", params "
                                    "= { patience = \"5m\" }, after = "
                                    "{ [\"replicas/*/drain/ours/log\"] = log \"b\" } }");
    const struct workflow *workflow = load_file(path, &inventory);
    write_steps(&workflow->steps, &got);
    ck_assert_str_eq(text_string(&got),
                     HEAD "drain drain/wait_until drain/wait_until/migrate_node drain/log "
                          "drain/ours drain/ours/log drain/ours/log-2=1 drain/deploy log");
    ck_assert_str_eq(workflow->name, "outer");
    ck_assert_str_eq(find_param(workflow, "count")->value, "6");
    ck_assert_str_eq(find_param(workflow, "patience")->value, "5m");
    text_clear(&got);
}
END_TEST

/* Before the servers are known, one that the file names may be any of them. */
START_TEST(without_a_cluster_a_named_server_is_looked_up_among_stand_ins)
{
    const char *path = write_variant("remove = { \"replicas/10.0.0.3:34801/drain/log\" }");
    const struct workflow *workflow = load_file(path, NULL);
    ck_assert_ptr_null(find_step(&workflow->steps, "replicas/replica.example:34801/drain/log"));
    ck_assert(!lang_load_workflow(lang, path, &inventory, NULL, 0, &workflow, &errors));
    ck_assert_str_eq(errors.items[0].text,
                     "variant: remove: there is no step 'replicas/10.0.0.3:34801/drain/log' in "
                     "'small': did you mean 'replicas/*/drain/log'?");
}
END_TEST

static const struct {
    const char *fields;
    const char *errors;
} mistakes[] = {
    {"before = { [\"replicas/*/drain/deplyo\"] = log \"x\" }",
     "1: variant: before: there is no step 'replicas/*/drain/deplyo' in 'small': did you mean "
     "'replicas/*/drain/deploy'?"},
    {"remove = { \"drain/log\" }",
     "1: variant: remove: there is no step 'drain/log' in 'small': did you mean "
     "'replicas/*/drain/log'?"},
    {"remove = { \"replicas/10.0.0.1:34801/drian\" }",
     "1: variant: remove: there is no step 'replicas/10.0.0.1:34801/drian' in 'small': did you "
     "mean "
     "'replicas/*/drain'?"},
    {"remove = { \"*/drain\", \"replicas/*/*\", \"/hold\", \"hold/\", \"\" }",
     "1: variant: remove: there is no step '' in 'small'\n"
     "1: variant: remove: there is no step '*/drain' in 'small': did you mean 'replicas/*/drain'?\n"
     "1: variant: remove: there is no step '/hold' in 'small': did you mean 'hold'?\n"
     "1: variant: remove: there is no step 'hold/' in 'small': did you mean 'hold'?\n"
     "1: variant: remove: there is no step 'replicas/*/*' in 'small': did you mean 'replicas/*'?"},
    {"remove = { \"collectors/*/deplo\" }",
     "1: variant: remove: there is no step 'collectors/*/deplo' in 'small': did you mean "
     "'collectors/*/deploy'?"},
    {"befor = { hold = log \"x\" }", "1: variant: unknown field 'befor': did you mean 'before'?"},
    {"before = { hold = 5 }",
     "1: variant: 'before' of 'hold' wants steps, or a function that returns them, not the number "
     "5"},
    /* mistakes of all kinds in one go */
    {"params = { patence = \"1m\" },\n before = { [\"replicas/*/drian\"] = log \"x\", hold = "
     "sleep \"5\" },\n after = { hold = function() return slep \"1s\" end,\n [\"replicas/*\"] = "
     "function(node) return log(node.nmae) end }",
     "1: variant: before: there is no step 'replicas/*/drian' in 'small': did you mean "
     "'replicas/*/drain'?\n"
     "1: variant: the base has no param 'patence': did you mean 'patience'? (a new one is written "
     "duration { ... }, integer { ... } and so on)\n"
     "2: sleep: 'time': duration '5' has no unit; write 5s or 5m\n"
     "3: unknown name 'slep': did you mean 'sleep'?\n"
     "4: a node has no field 'nmae': did you mean 'name'?"},
    {"remove = { true, \"colectors\" }",
     "1: variant: item 1 of remove must be text, not true\n"
     "1: variant: remove: there is no step 'colectors' in 'small': did you mean 'collectors'?"},
    {"before = { hold = { } }", "1: variant: 'before' of 'hold' has no steps"},
    {"before = { hold = { sleep \"1s\", nil, sleep \"2s\" } }",
     "1: variant: item 2 of 'before' of 'hold' is nil"},
    {"before = { hold = function() return 5 end }",
     "1: variant: what the function of before of 'hold' returns must be a step, not the number 5"},
    {"before = { hold = function() return slep \"1s\" end }",
     "1: unknown name 'slep': did you mean 'sleep'?"},
    {"before = { hold = function(node) return log(node.name) end }",
     "1: attempt to index a nil value (local 'node')"},
    {"before = { log \"x\" }", "1: variant: before wants names as keys, not the number 1"},
    {"remove = \"hold\"", "1: variant: remove must be a list, not the text \"hold\""},
    {"remove = { \"collectors\" }, replace = { collectors = log \"x\" }",
     "1: variant: 'collectors' and 'collectors' both replace or remove collectors"},
    {"remove = { \"replicas/*/drain\" }, before = { [\"replicas/*/drain/log\"] = log \"x\" }",
     "1: variant: before: 'replicas/*/drain/log' is within 'replicas/*/drain', which is taken "
     "away"},
    {"remove = { \"replicas/*/drain\", \"replicas/*/log\" }",
     "1: variant: remove: 'replicas/*/drain': nothing is left in 'replicas/*': remove that\n"
     "1: variant: remove: 'replicas/*/log': nothing is left in 'replicas/*': remove that"},
    {"remove = { \"hold\" }", "1: variant: remove: 'hold': nothing is left of the workflow"},
    {"before = { [\"replicas/*/drain/wait_until/migrate_node\"] = log \"x\" }",
     "1: variant: before: 'replicas/*/drain/wait_until/migrate_node' is the nudge of a wait: it "
     "can "
     "be replaced or removed"},
    {"replace = { [\"replicas/*/drain/wait_until/migrate_node\"] = sleep \"1s\" }",
     "1: variant: replace: 'replicas/*/drain/wait_until/migrate_node' is the nudge of a wait: one "
     "action takes its place"},
    {"before = { [\"replicas/*/drain/deploy/exec\"] = log \"x\" }",
     "1: variant: before: 'replicas/*/drain/deploy/exec' is within a deploy: what is done there is "
     "the deploy adapter's, in the cluster file"},
    {"params = { patence = \"1m\" }",
     "1: variant: the base has no param 'patence': did you mean 'patience'? (a new one is written "
     "duration { ... }, integer { ... } and so on)"},
    {"params = { patience = \"2h\", count = \"many\" }",
     "1: variant: param 'count': 'many' is no whole number\n"
     "1: variant: param 'patience': 2h is more than 1h"},
    {"params = { patience = integer { 5, \"x\" } }",
     "1: variant: param 'patience' is duration in the base and cannot become integer"},
    {"params = { patience = {} }",
     "1: variant: param 'patience' wants another default, or duration { ... }, integer { ... } and "
     "so on, not a table"},
    {"after = { [\"replicas/*/log\"] = {\nlog { \"x\", id = \"once\" },\nsleep { \"1s\", id = "
     "\"once\" } } }",
     "3: the id 'replicas/replica.example:34801/once' is that of the step at V:2 too: give one of "
     "them another label, or an id"},
    {"before = { hold = (function() local s = log \"x\" for i = 1, 63 do s = steps { s } end "
     "return "
     "s end)() }, after = { [\"replicas/*/drain/log\"] = (function() local s = log \"x\" for i = "
     "1, "
     "63 do s = steps { s } end return s end)() }",
     "1: steps nest more than 64 deep"},
};

static void expect_errors(const char *path, const char *expected)
{
    struct text got = {0};
    const struct workflow *workflow;
    ck_assert(!lang_load_workflow(lang, path, NULL, NULL, 0, &workflow, &errors));
    errors_text(&errors, &got);
    char *named = strstr(got.bytes, path);
    if (named != NULL) { /* its name is another each time: V */
        *named = 'V';
        memmove(named + 1, named + strlen(path), strlen(named + strlen(path)) + 1);
    }
    if (strcmp(text_string(&got), expected) != 0) {
        ck_abort_msg("got:\n%s\nwanted:\n%s", text_string(&got), expected);
    }
    for (size_t i = 0; i < errors.count; i++) {
        ck_assert_str_eq(errors.items[i].file, path);
    }
    text_clear(&got);
}

START_TEST(a_mistake_in_a_variant_is_told_without_a_cluster)
{
    expect_errors(write_variant(mistakes[_i].fields), mistakes[_i].errors);
}
END_TEST

static const struct {
    const char *text;
    const char *errors;
} base_mistakes[] = {
    {"return variant \"h\" { name = \"x\" }",
     "1: variant: no workflow 'h' is shipped (a file of yours: variant(require \"name\") { ... })"},
    {"return variant \"haa\" { name = \"x\" }",
     "1: variant: no workflow 'haa' is shipped: did you mean 'ha'? (a file of yours: "
     "variant(require \"name\") { ... })"},
    {"return variant \"../ha\" { name = \"x\" }",
     "1: variant: no workflow '../ha' is shipped (a file of yours: variant(require \"name\") { ... "
     "})"},
    {"return variant { name = \"x\" }", "1: variant: is made from a workflow: variant \"ha\" { ... "
                                        "}, or variant(require \"name\") { ... "
                                        "} for a file of yours; not from a table"},
    {"return variant(cluster \"c\" { metas = { \"10.0.0.1:1\" } }) { name = \"x\" }",
     "1: variant: is made from a workflow: variant \"ha\" { ... }, or variant(require \"name\") { "
     "... "
     "} for a file of yours; not from file 'cluster'"},
    {"return variant \"ha\" { }",
     "1: variant: 'name' is missing: what the changed workflow is called"},
    {"return variant \"ha\"",
     "0: must end with: return workflow \"name\" { ... }; it returns unfinished step 'variant'"},
    {"local v = variant \"ha\" { name = \"0\" }\nfor i = 1, 20 do v = variant(v) { name = "
     "tostring(i) } end\nreturn v",
     "2: variant: variants of variants nest more than 16 deep"},
    {"return variant(require \"nowhere\") { name = \"x\" }",
     "1: require: there is no nowhere.lua in the file's own folder, the library folders or the "
     "standard library"},
};

START_TEST(a_base_that_is_no_workflow_is_told)
{
    expect_errors(folder_write(&folder, "w.lua", base_mistakes[_i].text), base_mistakes[_i].errors);
}
END_TEST

START_TEST(what_a_variant_adds_is_bounded)
{
    const struct workflow *workflow;
    const char *path = write_variant("before = { [\"replicas/*\"] = (function() local many = {} "
                                     "for i = 1, 60000 do many[i] = log "
                                     "\"x\" end return many end)() }");
    ck_assert(!lang_load_workflow(lang, path, &inventory, NULL, 0, &workflow, &errors));
    ck_assert_str_eq(errors.items[0].text, "more than 100000 steps");
}
END_TEST

START_TEST(every_shipped_step_can_be_named_by_its_id)
{
    struct text ids = {0};
    const struct workflow *workflow = load_file("workflows/ha.lua", &inventory);
    static const char *const named[] = {"hold",
                                        "replicas",
                                        "replicas/*",
                                        "replicas/*/hold",
                                        "replicas/*/drain",
                                        "replicas/*/drain/wait_until",
                                        "replicas/*/drain/wait_until-2",
                                        "replicas/*/drain/wait_until-3",
                                        "replicas/*/drain/wait_until-4",
                                        "replicas/*/drain/deploy",
                                        "replicas/*/wait_until",
                                        "metas",
                                        "metas/*/deploy",
                                        "metas/*/wait_until",
                                        "collectors",
                                        "collectors/*/deploy",
                                        "collectors/*/wait_until"};
    size_t had = workflow->step_count;
    text_append_string(&ids, "return variant \"ha\" { name = \"x\", before = {");
    for (size_t i = 0; i < sizeof named / sizeof named[0]; i++) {
        text_printf(&ids, "[\"%s\"] = log \"%s\", ", named[i], named[i]);
    }
    text_append_string(&ids, "} }");
    const char *path = folder_write(&folder, "w.lua", text_string(&ids));
    /* Ten of them for each replica server, two for each meta; the rest once; no collector here. */
    ck_assert_uint_eq(load_file(path, &inventory)->step_count, had + 2 * 9 + 2 + 4);
    text_clear(&ids);
}
END_TEST

#define COUNT(array) (int)(sizeof(array) / sizeof(array)[0])

int main(void)
{
    Suite *suite = suite_create("variant");
    TCase *cases = tcase_create("variant");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_loop_test(cases, an_edit_changes_what_it_names_and_shifts_no_id, 0,
                        COUNT(edit_cases));
    tcase_add_test(cases, a_function_is_called_with_the_server_of_each_place);
    tcase_add_test(cases, steps_of_the_base_and_of_the_variant_each_keep_their_file_and_line);
    tcase_add_test(cases, params_have_the_variants_defaults_and_its_own);
    tcase_add_test(cases, a_variant_of_a_variant_sees_what_that_one_made);
    tcase_add_test(cases, without_a_cluster_a_named_server_is_looked_up_among_stand_ins);
    tcase_add_loop_test(cases, a_mistake_in_a_variant_is_told_without_a_cluster, 0,
                        COUNT(mistakes));
    tcase_add_loop_test(cases, a_base_that_is_no_workflow_is_told, 0, COUNT(base_mistakes));
    tcase_add_test(cases, what_a_variant_adds_is_bounded);
    tcase_add_test(cases, every_shipped_step_can_be_named_by_its_id);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
