/* Every mistake in a file is told with its line, in words that say what to write instead. */
#include "fixture.h"

/* %s: the body of `steps`. Line 1 is the workflow's, the body begins on line 2. */
#define WORKFLOW                                                                                   \
    "return workflow \"w\" { api = 1, steps = function(cluster, p) local node = "                  \
    "cluster.replicas[1]\n%s\nend }\n"

static const struct {
    const char *body;
    const char *errors;
} step_cases[] = {
    {"return wait_until { is_alive(node), timout = \"5s\" }",
     "2: wait_until: 'timeout' is missing: the step fails if it does not hold by then\n"
     "2: wait_until: unknown field 'timout': did you mean 'timeout'?"},
    {"return wait_until { is_alive(node), timeout = 5 }",
     "2: wait_until: 'timeout' needs a unit: write \"90s\" or \"10m\", not the number 5"},
    {"return wait_until { is_alive(node), timeout = \"5\" }",
     "2: wait_until: 'timeout': duration '5' has no unit; write 5s or 5m"},
    {"return wait_until { is_alive(node), timeout = \"0s\" }",
     "2: wait_until: 'timeout' must be longer than 0s"},
    {"return wait_until { timeout = \"5s\" }",
     "2: wait_until: 'condition' is missing: what must hold"},
    {"return wait_until { node, timeout = \"5s\" }",
     "2: wait_until: 'condition' wants a condition, not a node"},
    {"return wait_until { is_alive(node), timeout = \"5s\", stable_for = \"5s\" }",
     "2: wait_until: 'stable_for' is not shorter than 'timeout'"},
    {"return wait_until { is_alive(node), timeout = \"5s\", on_timeout = \"aks\" }",
     "2: wait_until: 'on_timeout' is one of fail, ask, not 'aks'"},
    {"return wait_until { is_alive(node), timeout = \"5s\", nudge = sleep \"1s\" }",
     "2: wait_until: 'nudge' must be an action, not sleep"},
    {"return wait_until { is_alive(node), timeout = \"5s\", nudge = deploy(node) }",
     "2: wait_until: nudge is an unfinished 'deploy': its { ... } is missing"},
    {"return wait_until { is_alive(node), is_alive(node), timeout = \"5s\" }",
     "2: wait_until: item 2 is not expected here: condition 'is_alive'"},
    {"return wait_until \"x\"",
     "2: wait_until: is written wait_until { ... }, not with the text \"x\""},
    {"return { sleep \"1s\", nil, sleep \"2s\" }",
     "1: workflow: item 2 of what the function 'steps' returns is nil"},
    {"return steps { sleep \"1s\", nil, sleep \"2s\" }",
     "2: steps: item 2 of the list is nil: to leave a step out write when(condition) { ... }"},
    {"return steps { }", "2: steps: 'steps' is missing: done in this order"},
    {"return steps { { sleep \"1s\" } }",
     "2: steps: item 1 of the list is a list: to put steps together write steps { ... }"},
    {"return steps { is_alive(node) }",
     "2: steps: item 1 of the list must be a step, not condition 'is_alive'"},
    {"return nil", "1: workflow: what the function 'steps' returns must be a step, not nothing"},
    {"return deploy(node)",
     "1: workflow: what the function 'steps' returns is an unfinished 'deploy': its { ... } is "
     "missing"},
    {"return deploy(node) { \"updat\" }",
     "2: deploy: 'action' is one of update, restart, start, stop, not 'updat': did you mean "
     "'update'?"},
    {"return downgrade_node(node) { override = { reason = \"x\", expires = \"2026-12-01\" } }",
     "2: downgrade_node.override: 'guard' is missing: true: the guard's no does not stop this "
     "step"},
    {"return downgrade_node(node) { override = { guard = false, reason = \"x\", expires = "
     "\"2026-12-01\" } }",
     "2: downgrade_node: 'override' overrides nothing: give guard = true, or leave it out"},
    {"return downgrade_node(node) { override = { guard = true, expires = \"2026-12-01\" } }",
     "2: downgrade_node.override: 'reason' is missing: why; shown whenever it is used"},
    {"return downgrade_node(node) { override = { guard = true, reason = \" \", expires = "
     "\"2026-12-01\" } }",
     "2: downgrade_node: 'override.reason' is blank: say why"},
    {"return downgrade_node(node) { override = { guard = true, reason = \"x\" } }",
     "2: downgrade_node.override: 'expires' is missing: its end, UTC: \"2026-12-01\" (that day is "
     "the "
     "last) or \"2026-12-01T06:00Z\""},
    {"return downgrade_node(node) { override = { guard = true, reason = \"x\", expires = "
     "\"2026-02-30\" } }",
     "2: downgrade_node: 'override.expires': '2026-02-30' is no day of the calendar; write "
     "2026-12-01 "
     "or 2026-12-01T06:00Z"},
    {"return migrate_node(node) { override = { guard = true } }",
     "2: migrate_node: unknown field 'override'"},
    {"return deploy(cluster) { \"update\" }",
     "2: deploy: is written deploy(node) { ... }, not with a cluster"},
    {"return slep \"1s\"", "2: unknown name 'slep': did you mean 'sleep'?"},
    {"count = 1 return sleep \"1s\"", "2: 'count' would be a global: write local count"},
    {"print(1) return sleep \"1s\"",
     "2: 'print' does not exist in a workflow: to say something in the run's record use log"},
    {"setmetatable({}, {}) return sleep \"1s\"", "2: 'setmetatable' does not exist in a workflow"},
    {"return sleep(math.random())", "2: there is no math.random"},
    {"return log(string.fromat(\"x\"))", "2: there is no string.fromat: did you mean 'format'?"},
    {"return log((\"x\"):uper())", "2: there is no string.uper: did you mean 'upper'?"},
    {"string.format = nil return log \"x\"", "2: the tables of the library cannot be changed"},
    {"return log(node.adress)", "2: a node has no field 'adress': did you mean 'address'?"},
    {"return log(cluster.mame)", "2: the cluster has no field 'mame': did you mean 'name'?"},
    {"return log(p.batch)", "2: there is no param 'batch'"},
    {"return drain_node(node) { in_flight = 0 }",
     "2: drain_node: 'in_flight' is 0, not within 1 and 1000"},
    {"return rolling { over = cluster.replicas, max_in_flight = 0, steps = function(n) return "
     "sleep \"1s\" end }",
     "2: rolling: 'max_in_flight' is 0, not within 1 and 1000"},
    {"return rolling { over = cluster.replicas, max_failures = -1, steps = function(n) return "
     "sleep \"1s\" end }",
     "2: rolling: 'max_failures' is -1, not within 0 and 1000"},
    {"return rolling { over = cluster.replicas, canary = 0, steps = function(n) return sleep "
     "\"1s\" end }",
     "2: rolling: 'canary' is 0, not within 1 and 1000"},
    {"return rolling { over = cluster.replicas, canary = true, steps = function(n) return sleep "
     "\"1s\" end }",
     "2: rolling: 'canary' wants a whole number, not true"},
    {"return rolling { over = cluster.replicas, canary = 1, soak = 5, steps = function(n) return "
     "sleep \"1s\" end }",
     "2: rolling: 'soak' needs a unit: write \"90s\" or \"10m\", not the number 5"},
    {"return rolling { over = cluster.replicas, canary = 1, soak = \"0s\", steps = function(n) "
     "return sleep \"1s\" end }",
     "2: rolling: 'soak' must be longer than 0s"},
    {"return rolling { over = cluster.replicas, soak = \"5s\", steps = function(n) return sleep "
     "\"1s\" end }",
     "2: rolling: 'soak' is the time after the canary: give 'canary' too"},
    {"return rolling { over = cluster.replicas, within = \"rak\", steps = function(n) return sleep "
     "\"1s\" end }",
     "2: rolling: 'within' is one of anywhere, rack, not 'rak': did you mean 'rack'?"},
    {"return rolling { over = cluster.metas, max_in_flight = 2, steps = function(n) return sleep "
     "\"1s\" end }",
     "2: rolling: 'max_in_flight' is 2, but meta servers go one at a time: one of them must lead"},
    {"return rolling { over = cluster.metas, within = \"rack\", order = standbys_first(), steps = "
     "function(n) return sleep \"1s\" end }",
     "2: rolling: 'within' and standbys_first() cannot both say who is next"},
    {"return parallel { max = 0, sleep \"1s\" }", "2: parallel: 'max' is 0, not within 1 and 1000"},
    {"return parallel { }", "2: parallel: 'steps' is missing: done at the same time; when one "
                            "fails, the others are ended"},
    {"return sleep { \"1s\", retry = { every = \"1s\" } }",
     "2: sleep.retry: 'times' is missing: how often it is done again at most"},
    {"return sleep { \"1s\", retry = { times = 0 } }",
     "2: sleep.retry: 'times' is 0, not within 1 and 1000"},
    {"return sleep { \"1s\", retry = 3 }", "2: sleep: 'retry' must be a table, not the number 3"},
    {"return sleep { \"1s\", retry = { times = 2, evry = \"1s\" } }",
     "2: sleep.retry: unknown field 'evry': did you mean 'every'?"},
    {"return sleep { \"1s\", retry = { times = 2, backoff = 0.5 } }",
     "2: sleep: 'retry.backoff' is 0.5, not within 1 and 100"},
    {"return sleep { \"1s\", retry = { times = 2, backoff = 0/0 } }", NULL},
    {"return sleep { \"1s\", on_failure = \"go on\" }",
     "2: sleep: 'on_failure' is one of stop, continue, ask, not 'go on'"},
    {"return confirm \"\"", "2: confirm: 'message' is empty"},
    {"return try { steps = { sleep \"1s\" } }",
     "2: try: has neither 'rescue' nor 'finally': write steps { ... }"},
    {"return try { rescue = { sleep \"1s\" } }", "2: try: 'steps' is missing: what to do"},
    {"return try { steps = { sleep \"1s\" }, finally = { } }", "2: try: the list has no steps"},
    {"return try { steps = { sleep \"1s\" }, recue = { sleep \"1s\" } }",
     "2: try: unknown field 'recue': did you mean 'rescue'?"},
    {"return hold { sleep \"1s\" }", "2: hold: holds nothing: give 'meta_level' or 'setting'"},
    {"return hold { meta_level = \"stedy\", sleep \"1s\" }",
     "2: hold: 'meta_level' is one of stopped, blind, freezed, steady, lively, not 'stedy': did "
     "you "
     "mean 'steady'?"},
    {"return hold { setting = { [\"meta.lb.nothing\"] = 1 }, sleep \"1s\" }",
     "2: hold: 'meta.lb.nothing' is no setting that can be held"},
    {"return hold { setting = { [\"meta.lb.assign_delay_ms\"] = \"1h\" }, sleep \"1s\" }",
     "2: hold: setting 'meta.lb.assign_delay_ms' wants a whole number from 0 on, not the text "
     "\"1h\""},
    {"return hold { setting = { [\"meta.lb.assign_delay_ms\"] = -1 }, sleep \"1s\" }",
     "2: hold: setting 'meta.lb.assign_delay_ms' wants a whole number from 0 on, not the number "
     "-1"},
    {"return hold { on = \"replicas\", meta_level = \"steady\", sleep \"1s\" }",
     "2: hold: 'on' says whose settings are held, and there is no 'setting'"},
    {"return hold { on = \"replicas\", setting = { [\"meta.lb.assign_delay_ms\"] = 1 }, sleep "
     "\"1s\" "
     "}",
     "2: hold: 'meta.lb.assign_delay_ms' is the primary meta server's: leave 'on' out"},
    {"return hold { setting = { [\"nfs.max_copy_rate_megabytes_per_disk\"] = 1 }, sleep \"1s\" }",
     "2: hold: 'nfs.max_copy_rate_megabytes_per_disk' is each replica server's own: write on = "
     "\"replicas\", or a node"},
    {"return hold { on = cluster.metas[1], setting = { [\"nfs.max_copy_rate_megabytes_per_disk\"] "
     "= 1 "
     "}, sleep \"1s\" }",
     "2: hold: 'nfs.max_copy_rate_megabytes_per_disk' is each replica server's own: write on = "
     "\"replicas\", or a node"},
    {"return hold { setting = { [\"meta.live_percentage\"] = 1 }, sleep \"1s\" }",
     "2: hold: 'meta.live_percentage' is each meta server's own, whoever leads: write on = "
     "\"metas\""},
    {"return hold { on = \"10.0.0.1:34801\", setting = { [\"meta.live_percentage\"] = 1 }, sleep "
     "\"1s\" }",
     "2: hold: 'on' wants a node of the cluster, not an address"},
    {"return hold { on = \"replica\", setting = { [\"meta.live_percentage\"] = 1 }, sleep \"1s\" }",
     "2: hold: 'on' is one of meta, metas, replicas, not 'replica': did you mean 'replicas'?"},
    {"return rolling { over = cluster.replicas, order = standbys_first(), steps = function(n) "
     "return sleep \"1s\" end }",
     "2: rolling: standbys_first() is an order of metas"},
    {"return rolling { over = { node, node }, steps = function(n) return sleep \"1s\" end }",
     "2: rolling: 'over' names replica.example:34801 twice"},
    {"return rolling { over = cluster.replicas, canary = 0, steps = function(n) return slep \"1s\" "
     "end }",
     "2: rolling: 'canary' is 0, not within 1 and 1000\n"
     "2: unknown name 'slep': did you mean 'sleep'?"},
    {"return rolling { over = cluster.replicas, steps = function(n) end }",
     "2: rolling: what the function 'steps' returns must be a step, not nothing"},
    {"return rolling { over = cluster.replicas, steps = function(n) return n.x.y end }",
     "2: a node has no field 'x'\n"},
    {"return { steps \"a\" { sleep \"1s\" }, steps \"a\" { sleep \"1s\" } }", NULL},
    {"return steps \"a/b\" { sleep \"1s\" }",
     "2: steps: 'a/b' is no name: from 1 to 100 characters, no '/' and no '*'"},
    {"return steps { id = \"a/b\", sleep \"1s\" }",
     "2: steps: 'a/b' is no name: from 1 to 100 characters, no '/' and no '*'"},
    {"return sleep { \"1s\", id = \"\" }", "2: sleep: 'id' is empty"},
    {"return migrate_node(node) { batch = 0 }",
     "2: migrate_node: 'batch' is 0, not within 1 and 100000"},
    {"return migrate_node(node) { targets = as_listed() }",
     "2: migrate_node: 'targets' wants fewest_primaries() or random(), not policy 'as_listed'"},
    {"return migrate_node(node) { tables = {} }",
     "2: migrate_node: 'tables' is an empty list: write \"*\" for all"},
    {"return exec { }", "2: exec: 'argv' is missing: the program and its arguments; never a shell"},
    {"return exec { \"a\\0b\" }", "2: exec: item 1 of argv has a zero byte in it"},
    {"return exec { \"a\", env = { [\"A=B\"] = \"c\" } }", "2: exec: 'env': 'A=B' cannot be sent"},
    {"return http { url = \"ftp://x\" }",
     "2: http: 'url' must begin with http:// or https:// and have no blanks, not 'ftp://x'"},
    {"return http { url = \"http://x\", json = { f = function() end } }",
     "2: http: 'json' cannot hold a function"},
    {"return http { url = \"http://x\", headers = { A = \"b\\r\\nC: d\" } }",
     "2: http: 'headers': 'A' cannot be sent"},
    {"return remote_command { to = \"mta\", \"help\" }",
     "2: remote_command: 'to' is one of meta, metas, replicas, not 'mta': did you mean 'meta'?"},
    {"return remote_command { to = node, \"replica.kill_partition\", 1 }",
     "2: remote_command: replica.kill_partition wants exactly two numbers, the app id and the "
     "partition: fewer would close more than one partition"},
    {"return remote_command { to = \"replicas\", \"replica.kill_partition\", 1, 2 }",
     "2: remote_command: replica.kill_partition takes a replica away: 'to' must be a node"},
    {"return wait_until { all_of { }, timeout = \"5s\" }",
     "2: all_of: 'conditions' is missing: asked in this order"},
    {"return wait_until { not_(node), timeout = \"5s\" }",
     "2: not_: is written not_(condition), not with a node"},
    {"return wait_until { condition \"c\" (5), timeout = \"5s\" }",
     "2: condition: wants a function: condition \"c\" (function(snapshot) ... end), not the number "
     "5"},
    {"return wait_until { is_alive(node), timeout = \"5s\" } { }",
     "2: step 'wait_until' is no function: is a comma missing?"},
    {"return log(nil .. \"x\")", "2: attempt to concatenate a nil value"},
    {"error { }", "2: error with a value that is no text: table"},
    {"error(\"no luck\")", "2: no luck"},
    {"return require \"nowhere\"",
     "2: require: there is no nowhere.lua in the file's own folder, the library folders or the "
     "standard library"},
    {"return require \"../up\"",
     "2: require: '../up' is no name of a file: write \"deploy.exec\" for deploy/exec.lua"},
};

static void check_errors(const char *text, const char *expected)
{
    struct folder folder;
    struct error_list errors;
    struct text got = {0};
    const struct workflow *workflow;
    struct lang *lang = lang_for_tests();
    folder_make(&folder);
    error_list_init(&errors);
    const char *path = folder_write(&folder, "w.lua", text);
    ck_assert(!lang_load_workflow(lang, path, NULL, NULL, 0, &workflow, &errors));
    errors_text(&errors, &got);
    if (expected != NULL && strcmp(text_string(&got), expected) != 0) {
        ck_abort_msg("%s\ngot:\n%s\nwanted:\n%s", text, text_string(&got), expected);
    }
    for (size_t i = 0; i < errors.count; i++) {
        ck_assert_str_eq(errors.items[i].file, path);
    }
    text_clear(&got);
    error_list_clear(&errors);
    lang_free(lang);
    folder_remove(&folder);
}

START_TEST(a_mistake_in_a_step_is_told_with_its_line)
{
    char text[2048];
    snprintf(text, sizeof text, WORKFLOW, step_cases[_i].body);
    const char *expected = step_cases[_i].errors;
    if (expected != NULL && expected[strlen(expected) - 1] == '\n') {
        expected = NULL; /* what follows from the mistake is not promised */
    }
    check_errors(text, expected);
}
END_TEST

static const struct {
    const char *text;
    const char *errors;
} file_cases[] = {
    {"return workflow \"w\" { api = 2, steps = function() return sleep \"1s\" end }",
     "1: workflow: api 2 is not known to this version of pegflow, which knows 1"},
    {"return workflow \"w\" { steps = function() return sleep \"1s\" end }",
     "1: workflow: 'api' is missing: the version of this language: 1"},
    {"return workflow \"w\" { api = 1, always = { is_alive }, steps = function() return sleep "
     "\"1s\" end }",
     "1: workflow: item 1 of 'always' must be a condition, not a function"},
    {"return workflow \"w\" { api = 1, requires = { survives_loss_of(0), "
     "survives_loss_of(\"one\"), "
     "no_leftovers(1) }, steps = function() return sleep \"1s\" end }",
     "1: no_leftovers: is written no_leftovers(), not with the number 1\n"
     "1: survives_loss_of: 'servers' is 0, not within 1 and 1000\n"
     "1: survives_loss_of: 'servers' wants a whole number, not the text \"one\""},
    {"return workflow { api = 1 }",
     "1: workflow: is written return workflow \"name\" { ... }, not with a table"},
    {"local x =\n = 5", "2: unexpected symbol near '='"},
    {"return workflow \"w\" {", "1: unexpected symbol near <eof>"},
    {"\x1bLua", "0: is compiled Lua: only text is loaded"},
    {"return 5", "0: must end with: return workflow \"name\" { ... }; it returns the number 5"},
    {"", "0: must end with: return workflow \"name\" { ... }; it returns nothing"},
    {"return cluster \"c\" { metas = { \"10.0.0.1:1\" } }",
     "0: must end with: return workflow \"name\" { ... }; it returns file 'cluster'"},
    /* three mistakes of three kinds: all three in one go */
    {"return workflow \"w\" {\n  api = 1,\n  steps = function(cluster)\n    return {\n"
     "      hold { meta_levl = \"steady\", sleep \"1s\" },\n"
     "      rolling \"r\" { over = cluster.replicas, steps = function(node)\n"
     "        return wait_until { is_alive(node), timeout = 30 }\n      end },\n"
     "      sleap \"5s\",\n    }\n  end,\n}",
     "5: hold: unknown field 'meta_levl': did you mean 'meta_level'?\n"
     "7: wait_until: 'timeout' needs a unit: write \"90s\" or \"10m\", not the number 30\n"
     "9: unknown name 'sleap': did you mean 'sleep'?"},
    {"return workflow \"w\" { api = 1, params = { a = duration { \"10\", \"doc\" } }, steps = "
     "function() return sleep \"1s\" end }",
     "1: duration: 'default': duration '10' has no unit; write 10s or 10m"},
    {"return workflow \"w\" { api = 1, params = { a = duration { \"10s\" } }, steps = "
     "function() return sleep \"1s\" end }",
     "1: duration: 'doc' is missing: what it is for"},
    {"return workflow \"w\" { api = 1, params = { a = integer { 5, \"doc\", min = 6 } }, steps = "
     "function() return sleep \"1s\" end }",
     "1: integer: the default is not within 'min' and 'max'"},
    {"return workflow \"w\" { api = 1, params = { a = 5 }, steps = function() return sleep \"1s\" "
     "end }",
     "1: workflow: param 'a' wants duration { ... }, integer { ... } and so on, not the number 5"},
    {"local function f() return f() + 1 end\nreturn f()",
     "1: functions or expressions nest too deep (stack overflow)"},
};

START_TEST(a_mistake_in_a_file_is_told_with_its_line)
{
    check_errors(file_cases[_i].text, file_cases[_i].errors);
}
END_TEST

static const struct {
    const char *text;
    const char *errors;
} cluster_cases[] = {
    {"return cluster \"c\" { metas = {} }", "1: cluster: 'metas' is empty"},
    {"return cluster \"c\" { }",
     "1: cluster: 'metas' is missing: the meta servers, by address or name: { \"10.0.0.1:34601\", "
     "... }"},
    {"return cluster \"c\" { metas = { \"10.0.0.1:1\", \"10.0.0.1:1\" } }",
     "1: cluster: 'metas' names 10.0.0.1:1 twice"},
    {"return cluster \"c\" { metas = { 5 } }",
     "1: cluster: item 1 of 'metas' must be \"host:port\", not the number 5"},
    {"return cluster \"c\" { metas = { \"a.example:1\", \"b.example:1\", \"A.Example:1\" } }",
     "1: cluster: 'metas' names A.Example:1 twice"},
    {"return cluster \"c\" { metas = { \"meta1.example\", \"10.0.0.300:1\", \"a b:1\" },\n"
     "collectors = { 5, \"c\\0:1\" } }",
     "1: cluster: item 1 of 'collectors' must be \"host:port\", not the number 5\n"
     "1: cluster: item 1 of 'metas': 'meta1.example' is not a server; write it as 10.0.0.3:34801 "
     "or "
     "host.example:34801\n"
     "1: cluster: item 2 of 'collectors': it has a zero byte in it\n"
     "1: cluster: item 2 of 'metas': '10.0.0.300:1' is not a server; write it as 10.0.0.3:34801 or "
     "host.example:34801\n"
     "1: cluster: item 3 of 'metas': 'a b:1' is not a server; write it as 10.0.0.3:34801 or "
     "host.example:34801"},
    {"return cluster \"c\" { metas = { \"10.0.0.1:1\" }, collectors = { \"10.0.0.1:1\" } }",
     "1: cluster: 10.0.0.1:1 is both a meta and a collector"},
    {"return cluster \"c\" { metas = { \"a.example:1\", \"b.example:1\" }, collectors = { "
     "\"c.example:1\", \"B.example:1\" } }",
     "1: cluster: B.example:1 is both a meta and a collector"},
    {"return cluster \"c\" { metas = { \"10.0.0.1:1\" }, zookeeper_root = \"pegasus\" }",
     "1: cluster: 'zookeeper_root' is 'pegasus', but must begin with '/'"},
    {"return cluster \"c\" { metas = { \"10.0.0.1:1\" }, lock = { root = \"/pegflow\", sesion = "
     "\"4s\" } }",
     "1: cluster.lock: 'zookeeper' is missing: its servers, by address or name: "
     "\"zk1:2181,zk2:2181,zk3:2181\"\n"
     "1: cluster.lock: unknown field 'sesion': did you mean 'session'?"},
    {"return cluster \"c\" { metas = { \"10.0.0.1:1\" }, lock = { zookeeper = \"zk1,zk2\", session "
     "= \"1s\" } }",
     "1: cluster.lock: 'session' is 1s, less than 2s\n"
     "1: cluster: 'lock.zookeeper': 'zk1' is not a server; write it as 10.0.0.3:34801 or "
     "host.example:34801"},
    {"return cluster \"c\" { metas = { \"10.0.0.1:1\" }, lock = { zookeeper = \"zk1:2181\", root = "
     "\"pegflow\", session = \"10m\" } }",
     "1: cluster.lock: 'session' is 10m, more than 5m\n"
     "1: cluster: 'lock.root': the lock's root is 'pegflow', but must be a path like /pegflow, of "
     "at most 512 bytes"},
    {"return cluster \"c\" { metas = { \"10.0.0.1:1\" }, zookeeper_root = \"/pegasus/c\", lock = { "
     "zookeeper = \"zk1:2181\", root = \"/pegasus\" } }",
     "1: cluster: 'lock.root': the lock's place '/pegasus/c' and Pegasus's own root '/pegasus/c' "
     "lie inside one another; choose another root for the lock"},
    {"return cluster \"c\" { metas = { \"10.0.0.1:1\" }, deploy = { updat = function() end } }",
     "1: cluster: 'deploy' is one of update, restart, start, stop, not 'updat': did you mean "
     "'update'?"},
    {"return cluster \"c\" { metas = { \"10.0.0.1:1\" }, deploy = { update = 5 } }",
     "1: cluster: 'deploy.update' must be a function, not the number 5"},
    {"return cluster \"c\" { metas = { \"10.0.0.1:1\" }, accept = { freeze = true } }",
     "1: cluster.accept: 'reason' is missing: why; the plan and the report show it"},
    {"return cluster \"c\" { metas = { \"10.0.0.1:1\" }, accept = { reason = \"tests\" } }",
     "1: cluster: 'accept' accepts nothing: give 'outage' or 'freeze'"},
    {"return cluster \"c\" { metas = { \"10.0.0.1:1\" }, accept = { freeze = true, reason = \" \" "
     "} }",
     "1: cluster: 'accept.reason' is blank: say why"},
    {"return cluster \"c\" { metas = { \"10.0.0.1:1\" }, accept = { outage = { \"a\", \"\", \"a\" "
     "}, "
     "reason = \"x\" } }",
     "1: cluster: 'accept.outage' has an empty name in it\n"
     "1: cluster: 'accept.outage' names 'a' twice"},
    {"return cluster \"c\" { metas = { \"10.0.0.1:1\" }, accept = { outage = \"solo\", frieze = "
     "true, "
     "reason = \"x\" } }",
     "1: cluster.accept: outage must be a list, not the text \"solo\"\n"
     "1: cluster.accept: unknown field 'frieze': did you mean 'freeze'?"},
    {"return cluster \"c\" { metas = { \"10.0.0.1:1\" }, racks = { [\"10.0.0.3\"] = \"\", a = "
     "true, "
     "\"b\" } }",
     "1: cluster: racks wants names as keys, not the number 1"},
    {"return cluster \"c\" { metas = { \"10.0.0.1:1\" }, racks = { [\"10.0.0.3\"] = \"\", a = true "
     "} }",
     "1: cluster: 'racks' of '10.0.0.3' is empty\n"
     "1: cluster: 'racks' of 'a' must be text, not true"},
    {"return cluster \"c\" { metas = { \"10.0.0.1:1\" }, target = { verion = \"1\" } }",
     "1: cluster.target: 'version' is missing: what /version shows after the upgrade\n"
     "1: cluster.target: unknown field 'verion': did you mean 'version'?"},
    {"return cluster \"c\" { metas = { \"10.0.0.1:1\" }, target = { version = \"1 2\" } }",
     "1: cluster: 'target.version' can hold letters, digits, '.', '_', '+' and '-', not '1 2'"},
    {"return cluster \"c\" {\n metas = { \"10.0.0.1:1\" },\n deploy = require(\"deploy.exec\") {\n "
     "update = { \"ssh\", \"{hots}\" } } }",
     "3: deploy.exec: update has {hots}; there are {name} {host} {ip} {port} {address} {role} "
     "{version}"},
    {"return cluster \"c\" {\n metas = { \"10.0.0.1:1\" },\n deploy = require(\"deploy.exec\") { "
     "updat = { \"ssh\" } } }",
     "3: deploy.exec: unknown field 'updat'; there are update, restart, start, stop and timeout"},
    {"return cluster \"c\" {\n metas = { \"10.0.0.1:1\" },\n deploy = require(\"deploy.http\") { "
     "update = { url = \"http://x\", json = { { a = \"{hots}\" } } } } }",
     "3: deploy.http: update has {hots}; there are {name} {host} {ip} {port} {address} {role} "
     "{version}"},
    {"return cluster \"c\" {\n metas = { \"10.0.0.1:1\" },\n deploy = require(\"deploy.http\") { "
     "headers = { A = \"{token}\" } } }",
     "3: deploy.http: headers has {token}; there are {name} {host} {ip} {port} {address} {role} "
     "{version}"},
    {"return cluster \"c\" {\n metas = { \"10.0.0.1:1\" },\n deploy = require(\"deploy.http\") { "
     "update = { ulr = \"http://x\" } } }",
     "3: deploy.http: update: unknown field 'ulr'; there are url, method, json, body, headers, "
     "timeout, expect and poll"},
    {"return cluster \"c\" {\n metas = { \"10.0.0.1:1\" },\n deploy = require(\"deploy.http\") { "
     "update = \"http://x\" } }",
     "3: deploy.http: update must be a table such as { url = \"https://deploy.example/{host}\" }"},
    {"return cluster \"c\" {\n metas = { \"10.0.0.1:1\" },\n deploy = require(\"deploy.http\") { "
     "stop = { method = \"GET\" } } }",
     "3: deploy.http: stop.url must be the address of the request"},
    {"return cluster \"c\" {\n metas = { \"10.0.0.1:1\" },\n deploy = require(\"deploy.http\") { "
     "udpate = {} } }",
     "3: deploy.http: unknown field 'udpate'; there are update, restart, start, stop, headers, "
     "timeout and poll"},
};

START_TEST(a_mistake_in_a_cluster_file_is_told_with_its_line)
{
    struct folder folder;
    struct error_list errors;
    struct text got = {0};
    const struct cluster_file *cluster;
    struct lang *lang = lang_for_tests();
    folder_make(&folder);
    error_list_init(&errors);
    const char *path = folder_write(&folder, "c.lua", cluster_cases[_i].text);
    ck_assert(!lang_load_cluster(lang, path, &cluster, &errors));
    ck_assert_str_eq(errors_text(&errors, &got), cluster_cases[_i].errors);
    text_clear(&got);
    error_list_clear(&errors);
    lang_free(lang);
    folder_remove(&folder);
}
END_TEST

static const struct {
    const char *text;
    const char *errors;
} model_cases[] = {
    {"return model \"m\" { release = \"3.0\", tables = { { name = \"t\", partitions = 4 } } }",
     "1: model: 'release' is one of 2.5, master, not '3.0'"},
    {"return model \"m\" { release = \"master\" }",
     "1: model: 'tables' is missing: { { name =, partitions =, replicas = }, ... }"},
    {"return model \"m\" { release = \"master\", tables = { { name = \"t\" } } }",
     "1: model.tables[1]: 'partitions' is missing: how many"},
    {"return model \"m\" { release = \"master\", tables = { { name = \"t\", partitions = 4 } }, "
     "timings = { tik = \"1s\" } }",
     "1: model.timings: unknown field 'tik': did you mean 'tick'?"},
    {"return model \"m\" { release = \"master\", tables = { { name = \"t\", partitions = 4 } }, "
     "timings = { tick = 1 } }",
     "1: model.timings: 'tick' needs a unit: write \"90s\" or \"10m\", not the number 1"},
    {"return model \"m\" { release = \"master\", replicas = 4, tables = {\n{ name = \"t\", "
     "partitions = 2, placement = { \"r1 r2 r3\" } } } }",
     "1: model.tables[1]: 'placement' has 1 item, but the table has 2 partitions"},
    {"return model \"m\" { release = \"master\", replicas = 4, tables = {\n{ name = \"t\", "
     "partitions = 2, placement = { \"r1 r2 r3\", \"r1 r2 r3 r4\" } } } }",
     "1: model.tables[1]: item 2 of 'placement' names more servers than the table has replicas of "
     "each partition (3)"},
    {"return model \"m\" { release = \"master\", replicas = 4, tables = {\n{ name = \"t\", "
     "partitions = 2, placement = { \"r1 r2 r3\", \"r1 m2 r3\" } } } }",
     "1: model.tables[1]: item 2 of 'placement': 'm2' is no replica server: write r1, r2 and so "
     "on, or - for none"},
    {"return model \"m\" { release = \"master\", replicas = 4, tables = {\n{ name = \"t\", "
     "partitions = 2, placement = { \"r1 r2 r3\", \"r0\" } } } }",
     "1: model.tables[1]: item 2 of 'placement': 'r0' is no replica server: write r1, r2 and so "
     "on, or - for none"},
    {"return model \"m\" { release = \"master\", replicas = 4, tables = {\n{ name = \"t\", "
     "partitions = 2, placement = { \"r1 r2 r3\", 4 } } } }",
     "1: model.tables[1]: item 2 of 'placement' must be text such as \"r1 r2 r3\", not the number "
     "4"},
    {"return model \"m\" { release = \"master\", replicas = 4, tables = {\n{ name = \"t\", "
     "partitions = 2, placement = { \"r1 r2 r3\", \"r1 r5 r2\" } } } }",
     "1: model: table 't': partition 1 is on r5, but the model has 4 replica servers"},
    {"return model \"m\" { release = \"master\", replicas = 4, tables = {\n{ name = \"t\", "
     "partitions = 2, placement = { \"r1 r2 r3\", \"r1 - r1\" } } } }",
     "1: model: table 't': partition 1 is on r1 twice"},
    {"return model \"m\" { release = \"master\", replicas = 2, tables = {\n{ name = \"t\", "
     "partitions = 2, placement = { \"r1 r2 r3\", \"r1 r2 r3\" } } } }",
     "1: model: table 't': wants 3 replicas of each partition, but the model has 2 replica "
     "servers"},
    {"return model \"m\" { release = \"master\", replicas = 4, tables = {\n{ name = \"t\", "
     "partitions = 2, placement = { \"r1 r2 r3\", nil, \"r1\" } } } }",
     "1: model.tables[1]: item 2 of placement is nil"},
};

START_TEST(a_mistake_in_a_model_is_told_with_its_line)
{
    struct folder folder;
    struct error_list errors;
    struct text got = {0};
    const struct model *model;
    struct lang *lang = lang_for_tests();
    folder_make(&folder);
    error_list_init(&errors);
    const char *path = folder_write(&folder, "m.lua", model_cases[_i].text);
    ck_assert(!lang_load_model(lang, path, &model, &errors));
    ck_assert_str_eq(errors_text(&errors, &got), model_cases[_i].errors);
    text_clear(&got);
    error_list_clear(&errors);
    lang_free(lang);
    folder_remove(&folder);
}
END_TEST

START_TEST(a_doubled_id_names_both_places)
{
    struct folder folder;
    struct error_list errors;
    const struct workflow *workflow;
    struct lang *lang = lang_for_tests();
    char expected[256];
    folder_make(&folder);
    error_list_init(&errors);
    const char *path =
        folder_write(&folder, "w.lua",
                     "return workflow \"w\" { api = 1, steps = function() return {\n"
                     "steps \"a\" { sleep \"1s\" },\nsteps \"a\" { log \"x\" },\n} end }");
    ck_assert(!lang_load_workflow(lang, path, NULL, NULL, 0, &workflow, &errors));
    snprintf(expected, sizeof expected,
             "the id 'a' is that of the step at %s:2 too: give one of them another label, or an id",
             path);
    ck_assert_uint_eq(errors.count, 1);
    ck_assert_int_eq(errors.items[0].line, 3);
    ck_assert_str_eq(errors.items[0].text, expected);
    error_list_clear(&errors);
    lang_free(lang);
    folder_remove(&folder);
}
END_TEST

START_TEST(files_that_require_each_other_are_refused)
{
    struct folder folder;
    struct error_list errors;
    const struct workflow *workflow;
    struct lang *lang = lang_for_tests();
    folder_make(&folder);
    error_list_init(&errors);
    folder_write(&folder, "one.lua", "return require \"two\"");
    folder_write(&folder, "two.lua", "\nreturn require \"one\"");
    const char *path = folder_write(&folder, "w.lua", "return require \"one\"");
    ck_assert(!lang_load_workflow(lang, path, NULL, NULL, 0, &workflow, &errors));
    ck_assert_uint_eq(errors.count, 1);
    ck_assert_str_eq(errors.items[0].file, folder.files[1]);
    ck_assert_int_eq(errors.items[0].line, 2);
    ck_assert_ptr_nonnull(strstr(errors.items[0].text, "require each other in a circle"));
    error_list_clear(&errors);
    lang_free(lang);
    folder_remove(&folder);
}
END_TEST

START_TEST(a_file_that_is_not_there_is_told)
{
    struct error_list errors;
    struct text got = {0};
    const struct workflow *workflow;
    const struct model *model;
    struct lang *lang = lang_for_tests();
    error_list_init(&errors);
    ck_assert(!lang_load_workflow(lang, "nowhere/w.lua", NULL, NULL, 0, &workflow, &errors));
    ck_assert(!lang_load_workflow(lang, "stdlib", NULL, NULL, 0, &workflow, &errors));
    ck_assert(!lang_load_model(lang, "five-nods", &model, &errors));
    ck_assert_str_eq(errors_text(&errors, &got),
                     "0: cannot be opened: No such file or directory\n"
                     "0: cannot be read: Is a directory\n"
                     "0: there is no model 'five-nods': did you mean 'five-nodes'?");
    text_clear(&got);
    error_list_clear(&errors);
    lang_free(lang);
}
END_TEST

#define COUNT(array) (int)(sizeof(array) / sizeof(array)[0])

int main(void)
{
    Suite *suite = suite_create("mistakes");
    TCase *cases = tcase_create("mistakes");
    tcase_add_loop_test(cases, a_mistake_in_a_step_is_told_with_its_line, 0, COUNT(step_cases));
    tcase_add_loop_test(cases, a_mistake_in_a_file_is_told_with_its_line, 0, COUNT(file_cases));
    tcase_add_loop_test(cases, a_mistake_in_a_cluster_file_is_told_with_its_line, 0,
                        COUNT(cluster_cases));
    tcase_add_loop_test(cases, a_mistake_in_a_model_is_told_with_its_line, 0, COUNT(model_cases));
    tcase_add_test(cases, a_doubled_id_names_both_places);
    tcase_add_test(cases, files_that_require_each_other_are_refused);
    tcase_add_test(cases, a_file_that_is_not_there_is_told);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
