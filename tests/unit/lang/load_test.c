/* Correct files give the tree they describe. */
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

START_TEST(ha_has_the_steps_of_the_guide_under_stable_ids)
{
    static const struct {
        const char *id;
        enum step_kind kind;
    } wanted[] = {
        {"hold", STEP_HOLD},
        {"replicas", STEP_ROLLING},
        {"replicas/r1.example:34801", STEP_STEPS},
        {"replicas/r1.example:34801/hold", STEP_HOLD},
        {"replicas/r1.example:34801/drain", STEP_HOLD},
        {"replicas/r1.example:34801/drain/wait_until", STEP_WAIT_UNTIL},
        {"replicas/r1.example:34801/drain/wait_until-2", STEP_WAIT_UNTIL},
        {"replicas/r2.example:34801/drain/wait_until-3", STEP_WAIT_UNTIL},
        {"replicas/r2.example:34801/drain/deploy", STEP_DEPLOY},
        {"replicas/r2.example:34801/drain/wait_until-4", STEP_WAIT_UNTIL},
        {"replicas/r2.example:34801/wait_until", STEP_WAIT_UNTIL},
        {"metas/10.0.0.3:34601/deploy", STEP_DEPLOY},
        {"metas/10.0.0.4:34601/wait_until", STEP_WAIT_UNTIL},
        {"collectors", STEP_ROLLING},
    };
    const struct workflow *workflow = load("workflows/ha.lua", NULL, 0);
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        ck_assert_int_eq(step_at(workflow, wanted[i].id)->kind, wanted[i].kind);
    }
    ck_assert_uint_eq(workflow->requirement_count, 1);
    ck_assert_int_eq(workflow->requirements[0]->kind, COND_CLUSTER_IS_HEALTHY);
    ck_assert_int_eq(step_at(workflow, "hold")->as.hold.level, LEVEL_STEADY);
    const struct step *drain = step_at(workflow, "replicas/r1.example:34801/drain");
    ck_assert_uint_eq(drain->as.hold.setting_count, 1);
    ck_assert_str_eq(drain->as.hold.settings[0].name, SETTING_ADD_SECONDARY_LIMIT);
    ck_assert_str_eq(drain->as.hold.settings[0].value, "0");
    ck_assert_ptr_eq(drain->server, &replicas[0]);
    const struct step *wait = step_at(workflow, "replicas/r1.example:34801/drain/wait_until");
    ck_assert_int_eq(wait->as.wait.condition->kind, COND_NO_PRIMARIES);
    ck_assert_ptr_eq(wait->as.wait.condition->server, &replicas[0]);
    ck_assert_str_eq(wait->as.wait.condition->name, "no_primaries(r1.example:34801)");
    ck_assert_int_eq(wait->timeout_us, 600 * US_PER_SECOND);
    ck_assert_int_eq(wait->as.wait.nudge->kind, STEP_MIGRATE_NODE);
    ck_assert_str_eq(wait->as.wait.nudge->id,
                     "replicas/r1.example:34801/drain/wait_until/migrate_node");
    ck_assert_int_eq(wait->as.wait.nudge->as.move.batch, 100);
    ck_assert_ptr_null(wait->as.wait.nudge->as.move.tables);
    ck_assert_int_eq(wait->as.wait.every_us, US_PER_SECOND);
    ck_assert_int_eq(wait->as.wait.nudge_every_us, 10 * US_PER_SECOND);
    const struct step *last = step_at(workflow, "metas");
    ck_assert_int_eq(last->as.rolling.order, ORDER_STANDBYS_FIRST);
    ck_assert_int_eq(last->as.rolling.role, ROLE_META);
    ck_assert_int_eq(last->as.rolling.pause_us, 30 * US_PER_SECOND);
    ck_assert_int_eq(step_at(workflow, "collectors")->as.rolling.role, ROLE_COLLECTOR);
    ck_assert_uint_eq(step_at(workflow, "collectors")->body.count, 0);
    ck_assert_uint_eq(step_at(workflow, "metas/10.0.0.3:34601/deploy")->body.count, 0);
}
END_TEST

START_TEST(simple_is_ha_without_what_empties_a_server)
{
    static const struct {
        const char *id;
        enum step_kind kind;
    } wanted[] = {
        {"hold", STEP_HOLD},
        {"replicas", STEP_ROLLING},
        {"replicas/r1.example:34801/hold", STEP_HOLD},
        {"replicas/r1.example:34801/deploy", STEP_DEPLOY},
        {"replicas/r2.example:34801/wait_until", STEP_WAIT_UNTIL},
        {"replicas/r2.example:34801/wait_until-2", STEP_WAIT_UNTIL},
        {"metas/10.0.0.4:34601/deploy", STEP_DEPLOY},
        {"metas/10.0.0.4:34601/wait_until", STEP_WAIT_UNTIL},
        {"collectors", STEP_ROLLING},
    };
    const struct workflow *workflow = load("workflows/simple.lua", NULL, 0);
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        ck_assert_int_eq(step_at(workflow, wanted[i].id)->kind, wanted[i].kind);
    }
    ck_assert_uint_eq(workflow->requirement_count, 1);
    ck_assert_int_eq(workflow->requirements[0]->kind, COND_CLUSTER_IS_HEALTHY);
    /* The meta level; twice a limit, a deploy and two waits; twice a deploy and a wait. */
    ck_assert_uint_eq(workflow->step_count, 1 + 1 + 2 * 5 + 1 + 2 * 3 + 1);
    const struct workflow *ha = load("workflows/ha.lua", NULL, 0);
    for (size_t i = 0; i < workflow->param_count; i++) { /* what is in both is the same */
        const struct param_value *param = &workflow->params[i];
        bool found = false;
        for (size_t j = 0; j < ha->param_count; j++) {
            bool same = strcmp(ha->params[j].name, param->name) == 0;
            found = found || (same && strcmp(ha->params[j].value, param->value) == 0);
        }
        ck_assert_msg(found, "%s", param->name);
    }
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

START_TEST(params_come_from_set_before_the_cluster_file_before_the_default)
{
    static const struct lang_set sets[] = {{"drain_timeout", "20m"}, {"batch", "7"}};
    const struct cluster_file *cluster;
    ck_assert(
        lang_load_cluster(lang,
                          folder_write(&folder, "c.lua",
                                       "return cluster \"c\" { metas = { \"10.0.0.1:1\" }, "
                                       "params = { batch = 5, meta_pause = \"1m\" }, deploy = "
                                       "{ update = function(node) return log(node.name) end "
                                       "} }"),
                          &cluster, &errors));
    const struct workflow *workflow = load("workflows/ha.lua", sets, 2);
    static const struct param_value wanted[] = {
        {"batch", "7", "--set"},           {"close_timeout", "10m", "default"},
        {"drain_timeout", "20m", "--set"}, {"heal_timeout", "2h", "default"},
        {"healthy_for", "5s", "default"},  {"meta_pause", "1m", "cluster file"}};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        const struct param_value *param = find_param(workflow, wanted[i].name);
        ck_assert_str_eq(param->value, wanted[i].value);
        ck_assert_str_eq(param->from, wanted[i].from);
    }
    for (size_t i = 1; i < workflow->param_count; i++) {
        ck_assert_int_lt(strcmp(workflow->params[i - 1].name, workflow->params[i].name), 0);
    }
    ck_assert_int_eq(step_at(workflow, "metas")->as.rolling.pause_us, 60 * US_PER_SECOND);
    const struct step *wait = step_at(workflow, "replicas/r1.example:34801/drain/wait_until");
    ck_assert_int_eq(wait->timeout_us, 1200 * US_PER_SECOND);
    ck_assert_int_eq(wait->as.wait.nudge->as.move.batch, 7);
}
END_TEST

static const struct {
    const char *name;
    const char *value;
    const char *error;
} set_cases[] = {
    {"drian_timeout", "1m",
     "--set: the workflow has no param 'drian_timeout': did you mean 'drain_timeout'?"},
    {"batch", "many", "--set batch: 'many' is no whole number"},
    {"batch", "0", "--set batch: 0 is less than 1"},
    {"drain_timeout", "5", "--set drain_timeout: duration '5' has no unit; write 5s or 5m"},
    {"meta_pause", "10ms", "--set meta_pause: 10ms is less than 1s"},
};

START_TEST(a_wrong_set_is_told)
{
    const struct workflow *workflow;
    struct lang_set set = {set_cases[_i].name, set_cases[_i].value};
    ck_assert(!lang_load_workflow(lang, "workflows/ha.lua", NULL, &set, 1, &workflow, &errors));
    ck_assert_uint_eq(errors.count, 1);
    ck_assert_str_eq(errors.items[0].text, set_cases[_i].error);
}
END_TEST

START_TEST(every_form_of_a_step_is_understood)
{
    const struct workflow *workflow = load_body(
        "return {\n"
        "  sleep \"30s\", sleep { \"1m\", id = \"nap\" }, log \"a\", set_meta_level \"steady\",\n"
        "  migrate_node(node), migrate_node(node) { batch = 5, tables = { \"temp\" }, targets = "
        "random() },\n"
        "  kill_partitions(node), exec \"true\", steps { log \"b\" }, steps \"named\" { log \"c\" "
        "},\n"
        "  when(is_alive(node)) { log \"d\" },\n"
        "  remote_command { to = \"meta\", \"meta.lb.assign_delay_ms\" },\n"
        "  remote_command { to = \"meta\", \"meta.lb.assign_delay_ms\", 5 },\n"
        "  remote_command { to = node, \"replica.kill_partition\", 1, 2 },\n"
        "  remote_command { to = \"10.0.0.9:34801\", \"server-info\" },\n"
        "  http { url = \"http://x/y\", json = { b = { 1, \"two\", true }, a = \"\\\"\" }, headers "
        "= { "
        "B = \"2\", A = 1 } },\n"
        "  hold { setting = { [\"meta.lb.add_secondary_enable_flow_control\"] = true,\n"
        "    [\"meta.lb.add_secondary_max_count_for_one_node\"] = 3 }, log \"e\" },\n"
        "}");
    static const char *const ids[] = {"sleep",
                                      "nap",
                                      "log",
                                      "set_meta_level",
                                      "migrate_node",
                                      "migrate_node-2",
                                      "kill_partitions",
                                      "exec",
                                      "steps",
                                      "named",
                                      "when",
                                      "remote_command",
                                      "remote_command-2",
                                      "remote_command-3",
                                      "remote_command-4",
                                      "http",
                                      "hold"};
    ck_assert_uint_eq(workflow->steps.count, sizeof ids / sizeof ids[0]);
    for (size_t i = 0; i < workflow->steps.count; i++) {
        ck_assert_str_eq(workflow->steps.items[i]->id, ids[i]);
    }
    ck_assert_int_eq(step_at(workflow, "nap")->as.sleep_us, 60 * US_PER_SECOND);
    ck_assert_str_eq(step_at(workflow, "log-2")->as.message, "b"); /* `steps` has no name */
    ck_assert_str_eq(step_at(workflow, "named/log")->as.message, "c");
    const struct step *move = step_at(workflow, "migrate_node-2");
    ck_assert_uint_eq(move->as.move.table_count, 1);
    ck_assert_str_eq(move->as.move.tables[0], "temp");
    ck_assert_int_eq(move->as.move.targets, TARGET_RANDOM);
    ck_assert_ptr_eq(move->server, &replicas[0]);
    ck_assert(step_at(workflow, "remote_command")->as.remote_command.only_reads);
    ck_assert(!step_at(workflow, "remote_command-2")->as.remote_command.only_reads);
    ck_assert_str_eq(step_at(workflow, "remote_command-2")->as.remote_command.arguments[0], "5");
    ck_assert(!step_at(workflow, "remote_command-3")->as.remote_command.only_reads);
    ck_assert(step_at(workflow, "remote_command-4")->as.remote_command.only_reads);
    ck_assert_int_eq(step_at(workflow, "remote_command-4")->as.remote_command.to, TO_SERVER);
    const struct step *http = step_at(workflow, "http");
    ck_assert_str_eq(http->as.http.body, "{\"a\":\"\\\"\",\"b\":[1,\"two\",true]}");
    ck_assert_str_eq(http->as.http.headers[0], "A: 1");
    ck_assert_str_eq(http->as.http.headers[1], "B: 2");
    ck_assert_int_eq(http->as.http.request_timeout_us, 60 * US_PER_SECOND);
    ck_assert_int_eq(step_at(workflow, "exec")->timeout_us, 600 * US_PER_SECOND);
    ck_assert_int_eq(step_at(workflow, "sleep")->timeout_us, -1);
    const struct step *hold = step_at(workflow, "hold");
    ck_assert_str_eq(hold->as.hold.settings[0].value, "true");
    ck_assert_str_eq(hold->as.hold.settings[1].value, "3");
    ck_assert_uint_eq(workflow->step_count, 21);
}
END_TEST

START_TEST(requirements_keep_their_numbers_and_names)
{
    const struct workflow *workflow =
        load(folder_write(&folder, "w.lua",
                          "return workflow \"w\" { api = 1, requires = { survives_loss_of(2), "
                          "no_leftovers() }, steps = function() return log \"x\" end }"),
             NULL, 0);
    ck_assert_uint_eq(workflow->requirement_count, 2);
    ck_assert_int_eq(workflow->requirements[0]->kind, COND_SURVIVES_LOSS_OF);
    ck_assert_int_eq(workflow->requirements[0]->number, 2);
    ck_assert_str_eq(workflow->requirements[0]->name, "survives_loss_of(2)");
    ck_assert_int_eq(workflow->requirements[1]->kind, COND_NO_LEFTOVERS);
    ck_assert_str_eq(workflow->requirements[1]->name, "no_leftovers()");
}
END_TEST

START_TEST(a_step_used_twice_stands_in_both_places)
{
    const struct workflow *workflow =
        load_body("local s = log \"x\" return { s, s, steps \"g\" { s } }");
    ck_assert_str_eq(workflow->steps.items[0]->id, "log");
    ck_assert_str_eq(workflow->steps.items[1]->id, "log-2");
    ck_assert_str_eq(workflow->steps.items[2]->body.items[0]->id, "g/log");
    ck_assert_uint_eq(workflow->step_count, 4);
}
END_TEST

START_TEST(durations_add_multiply_and_compare)
{
    const struct workflow *workflow =
        load(folder_write(
                 &folder, "w.lua",
                 "return workflow \"w\" { api = 1, params = { d = duration { \"10s\", \"x\" } }, "
                 "steps = function(cluster, p)\n"
                 "assert(p.d < \"11s\" and p.d <= p.d and p.d == p.d * 1 and p.d + \"5s\" > p.d)\n"
                 "return { sleep(p.d * 3), sleep { 0.5 * p.d + \"1s\" }, log(tostring(p.d * 9)) "
                 "} end }"),
             NULL, 0);
    ck_assert_int_eq(workflow->steps.items[0]->as.sleep_us, 30 * US_PER_SECOND);
    ck_assert_int_eq(workflow->steps.items[1]->as.sleep_us, 6 * US_PER_SECOND);
    ck_assert_str_eq(workflow->steps.items[2]->as.message, "1m30s");
}
END_TEST

START_TEST(pairs_goes_through_a_table_in_order)
{
    const struct workflow *workflow =
        load_body("local out = \"\" for k, v in pairs { z = 1, a = 2, [10] = 3, [2] = 4, m = 5, 6, "
                  "[1.5] = 7 } do out = out .. k .. \"=\" .. v .. \" \" end return log(out)");
    ck_assert_str_eq(workflow->steps.items[0]->as.message, "1=6 1.5=7 2=4 10=3 a=2 m=5 z=1 ");
}
END_TEST

START_TEST(tostring_and_format_show_no_address)
{
    const struct workflow *workflow = load_body(
        "return log(tostring({}) .. tostring(tostring) .. string.format(\"%s %5.3s %d%%\", "
        "{}, function() end, 5) .. tostring(node) .. tostring(is_alive(node)))");
    ck_assert_str_eq(workflow->steps.items[0]->as.message,
                     "tablefunctiontable   fun 5%r1.example:34801is_alive(r1.example:34801)");
}
END_TEST

START_TEST(files_are_required_from_the_own_folder_then_the_libraries)
{
    struct folder lib;
    folder_make(&lib);
    folder_write(&lib, "one.lua", "return { text = \"library\" }");
    folder_write(&lib, "two.lua", "return { text = \"library\" }");
    folder_write(&folder, "two.lua", "return { text = \"own\" }");
    const char *folders[] = {lib.path, NULL};
    struct lang_options options = {.lib_folders = folders, .stdlib_folder = "stdlib"};
    lang_free(lang);
    lang = lang_new(&options);
    const struct workflow *workflow =
        load_body("return log(require(\"one\").text .. \" \" .. require(\"two\").text .. "
                  "tostring(require \"one\" == require \"one\"))");
    ck_assert_str_eq(workflow->steps.items[0]->as.message, "library owntrue");
    folder_remove(&lib);
}
END_TEST

START_TEST(the_models_of_the_library_load)
{
    static const struct {
        const char *name;
        enum release release;
        int64_t tick_us;
    } models[] = {
        {"five-nodes", RELEASE_MASTER, 10 * US_PER_SECOND},
        {"five-nodes-fast", RELEASE_MASTER, US_PER_SECOND},
        {"five-nodes-2.5", RELEASE_2_5, 10 * US_PER_SECOND},
        {"five-nodes-2.5-fast", RELEASE_2_5, US_PER_SECOND},
    };
    for (size_t i = 0; i < 4; i++) {
        const struct model *model = NULL;
        int32_t partitions = 0;
        ck_assert(lang_load_model(lang, models[i].name, &model, &errors));
        ck_assert_str_eq(model->name, models[i].name);
        ck_assert_int_eq(model->release, models[i].release);
        ck_assert_int_eq(model->timings.tick_us, models[i].tick_us);
        ck_assert_int_eq(model->replica_count, 5);
        ck_assert_int_eq(model->meta_count, 2);
        ck_assert_int_eq(model->collector_count, 1);
        ck_assert_int_eq(model->table_count, 3);
        for (int32_t t = 0; t < model->table_count; t++) {
            partitions += model->tables[t].partition_count;
            ck_assert_int_eq(model->tables[t].max_replica_count, 3);
        }
        ck_assert_int_ge(partitions, 64);
    }
}
END_TEST

START_TEST(a_model_file_sets_what_it_names_and_leaves_the_rest)
{
    const struct model *model = NULL;
    const char *path = folder_write(
        &folder, "m.lua",
        "return model \"m\" { release = \"2.5\", replicas = 4, cluster = \"temp\", seed = 7, "
        "assign_delay = \"1h\", flow_control = false, meta_level = \"lively\", tables = { { name = "
        "\"t\", partitions = 4 } }, timings = { beacon = \"1s\" } }");
    ck_assert(lang_load_model(lang, path, &model, &errors));
    ck_assert_int_eq(model->replica_count, 4);
    ck_assert_str_eq(model->cluster_name, "temp");
    ck_assert_str_eq(model->zookeeper_root, "/pegasus/temp");
    ck_assert_uint_eq(model->seed, 7);
    ck_assert_int_eq(model->assign_delay_ms, 3600000);
    ck_assert(!model->flow_control);
    ck_assert_int_eq(model->stored_level, LEVEL_LIVELY);
    ck_assert_int_eq(model->timings.beacon_us, US_PER_SECOND);
    ck_assert_int_eq(model->timings.tick_us, 10 * US_PER_SECOND);
    ck_assert_int_eq(model->tables[0].max_replica_count, 3);
}
END_TEST

START_TEST(a_model_says_who_holds_which_partition)
{
    static const int32_t expected[] = {0, 2, 3, -1, 1, -1};
    const struct model *model = NULL;
    const char *path = folder_write(&folder, "m.lua",
                                    "return model \"m\" { release = \"master\", tables = { { name "
                                    "= \"t\", partitions = 2, placement = { \"r1 r3 r4\", \"- "
                                    "r2\" } } } }");
    ck_assert(lang_load_model(lang, path, &model, &errors));
    ck_assert_mem_eq(model->tables[0].placement, expected, sizeof expected);
}
END_TEST

START_TEST(the_small_and_the_recorded_models_load)
{
    static const struct {
        const char *name;
        int32_t servers;
        int32_t partitions;
    } models[] = {{"three-nodes", 3, 72}, {"recorded", 5, 64}, {"recorded-2.5", 5, 64}};
    for (size_t i = 0; i < 3; i++) {
        const struct model *model = NULL;
        int32_t partitions = 0;
        ck_assert(lang_load_model(lang, models[i].name, &model, &errors));
        ck_assert_int_eq(model->replica_count, models[i].servers);
        for (int32_t t = 0; t < model->table_count; t++) {
            partitions += model->tables[t].partition_count;
        }
        ck_assert_int_eq(partitions, models[i].partitions);
    }
}
END_TEST

START_TEST(a_large_cluster_loads)
{
    enum { COUNT = 100 };
    static struct server many[COUNT];
    static char names[COUNT][32];
    for (int i = 0; i < COUNT; i++) {
        snprintf(names[i], sizeof names[i], "r%d.example:34801", i);
        many[i] = (struct server){
            ROLE_REPLICA, i, names[i], {0x0a000100u + (uint32_t)i, 34801, ADDRESS_IPV4}};
    }
    struct inventory large = inventory;
    large.servers[ROLE_REPLICA] = many;
    large.count[ROLE_REPLICA] = COUNT;
    const struct workflow *workflow = NULL;
    ck_assert(lang_load_workflow(lang, "workflows/ha.lua", &large, NULL, 0, &workflow, &errors));
    ck_assert_ptr_nonnull(find_step(&workflow->steps, "replicas/r99.example:34801/drain/deploy"));
}
END_TEST

/* ---- files that were kept */
START_TEST(a_kept_workflow_gives_the_same_tree_whatever_the_disk_holds)
{
    struct lang_file kept[8];
    struct error_list kept_errors;
    const struct workflow *workflow;
    folder_write(&folder, "part.lua", "return { word = \"as it was\" }");
    const char *path =
        folder_write(&folder, "w.lua",
                     "local part = require \"part\"\nreturn workflow \"w\" { api = 1, "
                     "steps = function() return log(part.word) end }");
    load(path, NULL, 0);
    size_t count = lang_file_count(lang);
    ck_assert_uint_eq(count, 2);
    for (size_t i = 0; i < count; i++) {
        kept[i] = *lang_file(lang, i);
    }
    folder_write(&folder, "part.lua", "return { word = \"changed\" }");
    struct lang_options options = {.stdlib_folder = "stdlib", .kept = kept, .kept_count = count};
    struct lang *again = lang_new(&options);
    error_list_init(&kept_errors);
    ck_assert(lang_load_workflow(again, path, &inventory, NULL, 0, &workflow, &kept_errors));
    ck_assert_str_eq(workflow->steps.items[0]->as.message, "as it was");
    /* What was not kept is not there, though the disk has it. */
    const char *other = folder_write(&folder, "other.lua", "return 1");
    ck_assert(!lang_load_workflow(again, other, &inventory, NULL, 0, &workflow, &kept_errors));
    ck_assert_str_eq(kept_errors.items[0].text, "cannot be read: it was not kept with the run");
    error_list_clear(&kept_errors);
    lang_free(again);
}
END_TEST

START_TEST(a_file_read_twice_is_kept_as_it_was_read_last)
{
    const char *path = folder_write(
        &folder, "w.lua", "return workflow \"w\" { api = 1, steps = function() return log \"x\" end }");
    load(path, NULL, 0);
    folder_write(&folder, "w.lua",
                 "return workflow \"v\" { api = 1, steps = function() return log \"x\" end }");
    load(path, NULL, 0);
    ck_assert_uint_eq(lang_file_count(lang), 1);
    ck_assert_ptr_nonnull(strstr(lang_file(lang, 0)->bytes, "\"v\""));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("load");
    TCase *cases = tcase_create("load");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, ha_has_the_steps_of_the_guide_under_stable_ids);
    tcase_add_test(cases, simple_is_ha_without_what_empties_a_server);
    tcase_add_test(cases, params_come_from_set_before_the_cluster_file_before_the_default);
    tcase_add_loop_test(cases, a_wrong_set_is_told, 0,
                        (int)(sizeof set_cases / sizeof set_cases[0]));
    tcase_add_test(cases, every_form_of_a_step_is_understood);
    tcase_add_test(cases, requirements_keep_their_numbers_and_names);
    tcase_add_test(cases, a_step_used_twice_stands_in_both_places);
    tcase_add_test(cases, durations_add_multiply_and_compare);
    tcase_add_test(cases, pairs_goes_through_a_table_in_order);
    tcase_add_test(cases, tostring_and_format_show_no_address);
    tcase_add_test(cases, files_are_required_from_the_own_folder_then_the_libraries);
    tcase_add_test(cases, the_models_of_the_library_load);
    tcase_add_test(cases, a_model_says_who_holds_which_partition);
    tcase_add_test(cases, the_small_and_the_recorded_models_load);
    tcase_add_test(cases, a_model_file_sets_what_it_names_and_leaves_the_rest);
    tcase_add_test(cases, a_large_cluster_loads);
    tcase_add_test(cases, a_kept_workflow_gives_the_same_tree_whatever_the_disk_holds);
    tcase_add_test(cases, a_file_read_twice_is_kept_as_it_was_read_last);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
