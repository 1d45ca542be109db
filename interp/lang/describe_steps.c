/* The rows of actions, waits and groups. */
#include "lang/descriptors.h"

#define ROWS(array)      .fields = array, .field_count = sizeof array / sizeof array[0]
#define AT(member)       .offset = offsetof(struct draft, member)
#define COUNT_AT(member) .count_offset = offsetof(struct draft, member)

const char *const deploy_words[] = {"update", "restart", "start", "stop", NULL};
static const char *const on_timeout_words[] = {"fail", "ask", NULL};
static const char *const on_failure_words[] = {"stop", "continue", "ask", NULL};
static const char *const within_words[] = {"anywhere", "rack", NULL};
_Static_assert(TIMEOUT_ASKS == 1 && FAILURE_IS_PASSED_OVER == 1 && FAILURE_ASKS == 2,
               "words are indexed by these");
const char *const http_methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE", NULL};

static const struct field retry_fields[] = {
    {"times", FIELD_INTEGER32, REQUIRED, NULL, "how often it is done again at most",
     AT(step.retry.times), .min = 1, .max = 1000},
    {"every", FIELD_DURATION, 0, "10s", "the pause before it is done again",
     AT(step.retry.every_us)},
    {"backoff", FIELD_NUMBER, 0, "1", "each pause is so many times the one before, an hour at most",
     AT(step.retry.backoff)},
};

const struct field common_step_fields[] = {
    {"id", FIELD_TEXT, 0, NULL, "the step's name in paths, instead of its kind and number", AT(id)},
    {"timeout", FIELD_DURATION, 0, NULL, "the step fails if it is not done by then",
     AT(step.timeout_us)},
    {"retry", FIELD_RECORD, 0, NULL,
     "does the step again after a failure: { times = 3, every = \"10s\", backoff = 2 }; an action "
     "whose outcome is unknown is not repeated",
     .rows = retry_fields, .row_count = sizeof retry_fields / sizeof retry_fields[0]},
    {"on_failure", FIELD_WORD, 0, "stop",
     "\"stop\"; \"continue\": the failure is told and passed over; \"ask\": a person says retry, "
     "continue or stop",
     AT(step.on_failure), .words = on_failure_words},
};
const size_t common_step_field_count = sizeof common_step_fields / sizeof common_step_fields[0];

static const struct field override_fields[] = {
    {"guard", FIELD_BOOLEAN, REQUIRED, NULL, "true: the guard's no does not stop this step",
     AT(step.override.guard)},
    {"reason", FIELD_TEXT, REQUIRED, NULL, "why; shown whenever it is used",
     AT(step.override.reason)},
    {"expires", FIELD_TEXT, REQUIRED, NULL,
     "its end, UTC: \"2026-12-01\" (that day is the last) or \"2026-12-01T06:00Z\"",
     AT(step.override.expires)},
};
#define OVERRIDE                                                                                   \
    {                                                                                              \
        "override", FIELD_RECORD, 0, NULL,                                                         \
            "the guard's no does not stop this step, for a while: { guard = true, reason = "       \
            "\"...\", expires = \"2026-12-01\" }; an unknown still does",                          \
            .rows = override_fields,                                                               \
            .row_count = sizeof override_fields / sizeof override_fields[0]                        \
    }

static const struct field remote_command_fields[] = {
    {"to", FIELD_TO, REQUIRED, NULL,
     "\"meta\" (the leader), \"metas\", \"replicas\", a node, or \"ip:port\"", AT(to)},
    {"name", FIELD_TEXT, REQUIRED | FIRST, NULL, "the command, in full",
     AT(step.as.remote_command.name)},
    {"arguments", FIELD_TEXTS, REST, NULL, "its arguments", AT(step.as.remote_command.arguments),
     COUNT_AT(step.as.remote_command.argument_count)},
    {"expect", FIELD_FUNCTION, 0, NULL,
     "function(reply): true, or false and a reason; without it any known good reply will do",
     AT(step.as.remote_command.expect)},
    OVERRIDE,
};

static const struct field set_meta_level_fields[] = {
    {"level", FIELD_LEVEL, REQUIRED | FIRST, NULL, "\"steady\", \"lively\", \"freezed\" ...",
     AT(step.as.level)},
};

#define MOVE_TABLES                                                                                \
    {                                                                                              \
        "tables", FIELD_TABLES, 0, "*", "names of the tables; \"*\" is all of them",               \
            AT(step.as.move.tables), COUNT_AT(step.as.move.table_count)                            \
    }
#define MOVE_BATCH(what)                                                                           \
    {                                                                                              \
        "batch", FIELD_INTEGER32, 0, "100", what, AT(step.as.move.batch), .min = 1, .max = 100000  \
    }

static const struct field migrate_node_fields[] = {
    MOVE_TABLES,
    {"targets", FIELD_TARGETS, 0, "fewest_primaries()", "which secondary becomes primary",
     AT(step.as.move.targets)},
    MOVE_BATCH("partitions moved in one tick; bounds how long each one waits"),
};
static const struct field downgrade_node_fields[] = {
    MOVE_TABLES,
    MOVE_BATCH("partitions downgraded in one tick"),
    OVERRIDE,
};
static const struct field kill_partitions_fields[] = {
    MOVE_TABLES,
    MOVE_BATCH("partitions closed in one go"),
};
#define IN_FLIGHT(fallback)                                                                        \
    {                                                                                              \
        "in_flight", FIELD_INTEGER32, 0, fallback, "partitions under way at once",                 \
            AT(step.as.in_flight), .min = 1, .max = 1000                                           \
    }

static const struct field drain_node_fields[] = {
    IN_FLIGHT("1"),
    {"timeout", FIELD_DURATION, 0, "10m", "the step fails if a replica is still there by then",
     AT(step.timeout_us), .min = 1, .max = INT64_MAX},
    OVERRIDE,
};
static const struct field rejoin_node_fields[] = {
    IN_FLIGHT("32"),
    {"timeout", FIELD_DURATION, 0, "2h", "the step fails if a replica is still away by then",
     AT(step.timeout_us), .min = 1, .max = INT64_MAX},
};
static const struct field deploy_fields[] = {
    {"action", FIELD_WORD, REQUIRED | FIRST, NULL, "\"update\", \"restart\", \"start\" or \"stop\"",
     AT(step.as.deploy), .words = deploy_words},
    OVERRIDE,
};
static const struct field exec_fields[] = {
    {"argv", FIELD_TEXTS, REQUIRED | REST, NULL, "the program and its arguments; never a shell",
     AT(step.as.exec.argv)},
    {"env", FIELD_PAIRS, 0, NULL, "variables added to the environment: { NAME = \"value\" }",
     AT(step.as.exec.env), .separator = '='},
    {"cwd", FIELD_TEXT, 0, NULL, "the folder it runs in", AT(step.as.exec.cwd)},
    {"expect", FIELD_FUNCTION, 0, NULL,
     "function(result) with .exit_code and .output: true, or false and a reason; without it the "
     "exit code must be 0",
     AT(step.as.exec.expect)},
    {"idempotent", FIELD_BOOLEAN, 0, "false",
     "to do it twice is as to do it once: a resumed run that does not know what came of it does it "
     "again without asking",
     AT(step.idempotent)},
    {"timeout", FIELD_DURATION, 0, "10m", "then it is ended, and the step fails",
     AT(step.timeout_us), .min = 1, .max = INT64_MAX},
};
#define RECORD(array) .rows = array, .row_count = sizeof array / sizeof array[0]
static const struct field poll_fields[] = {
    {"timeout", FIELD_DURATION, REQUIRED, NULL,
     "the step fails if the job is not done so long after the first reply",
     AT(step.as.http.poll.timeout_us), .min = 1, .max = INT64_MAX},
    {"done", FIELD_FUNCTION, REQUIRED, NULL,
     "function(reply): true when the job is done; or false, and how far it is",
     AT(step.as.http.poll.done)},
    {"failed", FIELD_FUNCTION, 0, NULL,
     "function(reply): true, and a reason, when the job has failed; asked before done",
     AT(step.as.http.poll.failed)},
    {"every", FIELD_DURATION, 0, "5s", "how often to ask", AT(step.as.http.poll.every_us),
     .min = 100000, .max = INT64_MAX},
    {"url", FIELD_TEXT, 0, NULL,
     "what is asked (GET, with the same headers); without it and next_url, the Location that the "
     "first reply names",
     AT(step.as.http.poll.url)},
    {"next_url", FIELD_FUNCTION, 0, NULL,
     "function(reply): what to ask next, by the reply before it, the first one to begin with; nil: "
     "the same again",
     AT(step.as.http.poll.next_url)},
};
static const struct field http_fields[] = {
    {"url", FIELD_TEXT, REQUIRED, NULL, "http:// or https://", AT(step.as.http.url)},
    {"method", FIELD_WORD, 0, "GET", "\"GET\", \"POST\", \"PUT\", \"PATCH\" or \"DELETE\"",
     AT(method), .words = http_methods},
    {"json", FIELD_JSON, 0, NULL, "the body, as a value", AT(json)},
    {"body", FIELD_TEXT, 0, NULL, "the body, as text", AT(step.as.http.body)},
    {"headers", FIELD_PAIRS, 0, NULL, "{ [\"Name\"] = \"value\" }", AT(step.as.http.headers),
     .separator = ':'},
    {"expect", FIELD_FUNCTION, 0, NULL,
     "function(reply): true, or false and a reason; reply has .status, .body, .json (the body, "
     "where "
     "it is JSON), .location and .url (which was asked); without it the status must be 200 to 299",
     AT(step.as.http.expect)},
    {"timeout", FIELD_DURATION, 0, "1m", "the step fails without an answer by then",
     AT(step.as.http.request_timeout_us), .min = 1, .max = INT64_MAX},
    {"poll", FIELD_RECORD, 0, NULL,
     "the request begins a job, which is asked after until it is done; a refused connection, a "
     "silent service and the statuses 429 and 500 to 599 are asked again, other failures end the "
     "step",
     RECORD(poll_fields)},
    {"idempotent", FIELD_BOOLEAN, 0, "false",
     "to do it twice is as to do it once: a resumed run that does not know what came of it does it "
     "again without asking",
     AT(step.idempotent)},
};
static const struct field notify_fields[] = {
    {"url", FIELD_TEXT, REQUIRED, NULL, "the webhook: http:// or https://", AT(step.as.http.url)},
    {"text", FIELD_TEXT, 0, NULL, "what it says; sent as { text = ... }", AT(notice)},
    {"json", FIELD_JSON, 0, NULL, "what is sent, in place of text", AT(json)},
    {"headers", FIELD_PAIRS, 0, NULL, "{ [\"Name\"] = \"value\" }", AT(step.as.http.headers),
     .separator = ':'},
    {"timeout", FIELD_DURATION, 0, "5s", "then it is given up, and the flow goes on",
     AT(step.as.http.request_timeout_us), .min = 1, .max = INT64_MAX},
};
static const struct field log_fields[] = {
    {"message", FIELD_TEXT, REQUIRED | FIRST, NULL, "what the run's record shall say",
     AT(step.as.message)},
};
static const struct field wait_until_fields[] = {
    {"condition", FIELD_CONDITION, REQUIRED | FIRST, NULL, "what must hold",
     AT(step.as.wait.condition)},
    {"timeout", FIELD_DURATION, REQUIRED, NULL, "the step fails if it does not hold by then",
     AT(step.timeout_us), .min = 1, .max = INT64_MAX},
    {"every", FIELD_DURATION, 0, "1s", "how often to look", AT(step.as.wait.every_us), .min = 10000,
     .max = INT64_MAX},
    {"stable_for", FIELD_DURATION, 0, "0s", "it must hold this long without a break",
     AT(step.as.wait.stable_for_us)},
    {"nudge", FIELD_ACTION, 0, NULL, "an action sent at once, and again while it does not hold",
     AT(step.as.wait.nudge)},
    {"nudge_every", FIELD_DURATION, 0, "10s", "how long to wait before the nudge is sent again",
     AT(step.as.wait.nudge_every_us), .min = 100000, .max = INT64_MAX},
    {"on_timeout", FIELD_WORD, 0, "fail",
     "\"fail\"; \"ask\": a person says whether to wait as long again; meanwhile it goes on looking",
     AT(step.as.wait.on_timeout), .words = on_timeout_words},
};
static const struct field sleep_fields[] = {
    {"time", FIELD_DURATION, REQUIRED | FIRST, NULL, "how long", AT(step.as.sleep_us)},
};
static const struct field confirm_fields[] = {
    {"message", FIELD_TEXT, REQUIRED | FIRST, NULL, "what a person must say yes to",
     AT(step.as.message)},
};
static const struct field steps_fields[] = {
    {"steps", FIELD_STEPS, REQUIRED | REST, NULL, "done in this order", AT(step.body)},
};
static const struct field parallel_fields[] = {
    {"max", FIELD_INTEGER32, 0, "2", "how many at once", AT(step.as.parallel_max), .min = 1,
     .max = 1000},
    {"steps", FIELD_STEPS, REQUIRED | REST, NULL,
     "done at the same time; when one fails, the others are ended", AT(step.body)},
};
static const struct field when_fields[] = {
    {"steps", FIELD_STEPS, REQUIRED | REST, NULL, "done if the condition holds", AT(step.body)},
};
static const struct field rolling_fields[] = {
    {"over", FIELD_SERVERS, REQUIRED, NULL, "the servers: cluster.replicas, .metas, .collectors",
     AT(servers), COUNT_AT(server_count)},
    {"steps", FIELD_FUNCTION, REQUIRED, NULL, "function(node): the steps for one server",
     AT(function)},
    {"order", FIELD_ORDER, 0, "as_listed()", "which server is next; asked before each",
     AT(step.as.rolling.order)},
    {"pause", FIELD_DURATION, 0, "0s", "time between two servers", AT(step.as.rolling.pause_us)},
    {"max_in_flight", FIELD_INTEGER32, 0, "1",
     "how many servers at once; one begins only when the guard allows it to be away together with "
     "those in work",
     AT(step.as.rolling.max_in_flight), .min = 1, .max = 1000},
    {"max_failures", FIELD_INTEGER32, 0, "0",
     "how many servers, canaries aside, may fail before no other is begun; a run with a failed "
     "server never ends as done",
     AT(step.as.rolling.max_failures), .min = 0, .max = 1000},
    {"canary", FIELD_INTEGER32, 0, NULL,
     "how many servers go first, one by one; then a person says whether to go on",
     AT(step.as.rolling.canary), .min = 1, .max = 1000},
    {"soak", FIELD_DURATION, 0, NULL,
     "how long the cluster is watched after the canary, before a person is asked: it must stay "
     "healthy, and the canary's servers must not restart",
     AT(step.as.rolling.soak_us), .min = 1, .max = INT64_MAX},
    {"within", FIELD_WORD, 0, "anywhere",
     "\"rack\": one rack after the other, by the cluster file's racks", AT(within),
     .words = within_words},
};
static const struct field hold_fields[] = {
    {"meta_level", FIELD_LEVEL, 0, NULL, "the level the meta server keeps", AT(step.as.hold.level)},
    {"setting", FIELD_SETTINGS, 0, NULL, "values that settings keep: { [\"name\"] = value }",
     AT(step.as.hold.settings), COUNT_AT(step.as.hold.setting_count)},
    {"on", FIELD_TO, 0, "meta",
     "whose settings: \"meta\" (whoever leads), \"metas\" or \"replicas\" (each of them), or a "
     "node",
     AT(to)},
    {"steps", FIELD_STEPS, REQUIRED | REST, NULL, "done while the values are kept", AT(step.body)},
};
static const struct field try_fields[] = {
    {"steps", FIELD_STEPS, REQUIRED, NULL, "what to do", AT(step.body)},
    {"rescue", FIELD_STEPS, 0, NULL,
     "done when one of them fails, and then the failure is over; not done when a person stops the "
     "run, or a value could not be put back",
     AT(rescue)},
    {"finally", FIELD_STEPS, 0, NULL,
     "done in any case, also when the run is stopped, and not ended by a stop", AT(finally)},
};

const struct descriptor step_descriptors[] = {
    {"remote_command", GROUP_ACTION, FORM_TABLE, STEP_REMOTE_COMMAND, false,
     ROWS(remote_command_fields),
     "sends a remote command; what does not only read counts as a change",
     "remote_command { to = \"meta\", \"meta.lb.get_balance_operation_count\", \"detail\" }"},
    {"set_meta_level", GROUP_ACTION, FORM_VALUE, STEP_SET_META_LEVEL, false,
     ROWS(set_meta_level_fields), "sets the meta level for good; to keep it for a while: hold",
     "set_meta_level \"steady\""},
    {"migrate_node", GROUP_ACTION, FORM_SERVER, STEP_MIGRATE_NODE, false, ROWS(migrate_node_fields),
     "proposes every primary away from the server",
     "migrate_node(node) { targets = fewest_primaries(), batch = 100 }"},
    {"downgrade_node", GROUP_ACTION, FORM_SERVER, STEP_DOWNGRADE_NODE, false,
     ROWS(downgrade_node_fields), "proposes every secondary on the server to be inactive",
     "downgrade_node(node) { batch = 100 }"},
    {"drain_node", GROUP_ACTION, FORM_SERVER, STEP_DRAIN_NODE, false, ROWS(drain_node_fields),
     "every replica leaves the server in one pass, primaries too, by forced proposals, each sent "
     "right after its partition was read; hold the limit of added secondaries at 0 around it",
     "drain_node(node) { in_flight = 1 }"},
    {"rejoin_node", GROUP_ACTION, FORM_SERVER, STEP_REJOIN_NODE, false, ROWS(rejoin_node_fields),
     "what left the server comes back by forced proposals, paced, without waiting for the meta "
     "server's rounds; inside the hold that kept it away",
     "rejoin_node(node) { in_flight = 32 }"},
    {"kill_partitions", GROUP_ACTION, FORM_SERVER, STEP_KILL_PARTITIONS, false,
     ROWS(kill_partitions_fields),
     "closes the replicas that were downgraded, so that their data reaches the disk",
     "kill_partitions(node)"},
    {"deploy", GROUP_ACTION, FORM_SERVER_TABLE, STEP_DEPLOY, false, ROWS(deploy_fields),
     "does the steps that the cluster file's deploy adapter gives for the server",
     "deploy(node) { \"update\" }"},
    {"exec", GROUP_ACTION, FORM_VALUE, STEP_EXEC, false, ROWS(exec_fields),
     "runs a program on this machine",
     "exec { \"ssh\", node.host, \"upgrade.sh\", node.role, timeout = \"5m\" }"},
    {"http", GROUP_ACTION, FORM_TABLE, STEP_HTTP, false, ROWS(http_fields),
     "sends an HTTP request, and waits for the job that it began",
     "http { method = \"POST\", url = \"http://deploy.example/hosts/\" .. node.host, json = { "
     "role = node.role }, poll = { timeout = \"20m\", done = function(reply) return "
     "reply.json.state == \"done\" end } }"},
    {"notify", GROUP_ACTION, FORM_TABLE, STEP_NOTIFY, false, ROWS(notify_fields),
     "tells people, by a webhook; that it could not is noted, and the flow goes on",
     "notify { url = \"https://chat.example/hook\", text = \"half "
     "way\" }"},
    {"log", GROUP_ACTION, FORM_VALUE, STEP_LOG, false, ROWS(log_fields),
     "says something in the run's record", "log \"replica servers are done\""},
    {"wait_until", GROUP_WAIT, FORM_TABLE, STEP_WAIT_UNTIL, false, ROWS(wait_until_fields),
     "waits for a condition to hold",
     "wait_until { no_primaries(node), nudge = migrate_node(node), timeout = \"10m\" }"},
    {"sleep", GROUP_WAIT, FORM_VALUE, STEP_SLEEP, false, ROWS(sleep_fields), "waits a fixed time",
     "sleep \"30s\""},
    {"confirm", GROUP_WAIT, FORM_VALUE, STEP_CONFIRM, false, ROWS(confirm_fields),
     "waits for a person to say yes; a no stops the run", "confirm \"go on with the metas?\""},
    {"steps", GROUP_GROUP, FORM_LABELLED, STEP_STEPS, false, ROWS(steps_fields),
     "does steps one after the other", "steps \"announce\" { log \"begin\", sleep \"1s\" }"},
    {"parallel", GROUP_GROUP, FORM_LABELLED, STEP_PARALLEL, false, ROWS(parallel_fields),
     "does steps at the same time", "parallel { max = 2, log \"one\", log \"two\" }"},
    {"when", GROUP_GROUP, FORM_CONDITION_TABLE, STEP_WHEN, false, ROWS(when_fields),
     "does steps if a condition holds when they are reached, and leaves them out otherwise",
     "when(is_alive(node)) { log \"it is there\" }"},
    {"rolling", GROUP_GROUP, FORM_LABELLED, STEP_ROLLING, false, ROWS(rolling_fields),
     "does steps for one server after the other, or for some at once",
     "rolling \"again\" { over = cluster.replicas, pause = \"30s\", steps = function(server) "
     "return deploy(server) { \"restart\" } end }"},
    {"hold", GROUP_GROUP, FORM_LABELLED, STEP_HOLD, false, ROWS(hold_fields),
     "keeps values while its steps run, and puts them back however they end",
     "hold { meta_level = \"steady\", setting = { [\"meta.lb.assign_delay_ms\"] = 3600000 }, "
     "hold { on = \"replicas\", setting = { [\"nfs.max_copy_rate_megabytes_per_disk\"] = 200 }, "
     "sleep \"1s\" } }"},
    {"try", GROUP_GROUP, FORM_TABLE, STEP_TRY, false, ROWS(try_fields),
     "does other steps when one fails",
     "try { steps = { log \"one\" }, finally = { log \"two\" } "
     "}"},
};
const size_t step_descriptor_count = sizeof step_descriptors / sizeof step_descriptors[0];
_Static_assert(sizeof step_descriptors / sizeof step_descriptors[0] == STEP_KIND_COUNT,
               "a row for each kind of step");
