/* The rows of what a file returns: workflow, cluster, model. */
#include "lang/descriptors.h"

#include "sim/model.h"

#define ROWS(array)   .fields = array, .field_count = sizeof array / sizeof array[0]
#define RECORD(array) .rows = array, .row_count = sizeof array / sizeof array[0]

#define WORKFLOW_AT(member) .offset = offsetof(struct workflow_draft, member)
static const struct field workflow_fields[] = {
    {"api", FIELD_INTEGER32, REQUIRED, NULL, "the version of this language: 1", WORKFLOW_AT(api)},
    {"summary", FIELD_TEXT, 0, NULL, "one line on what it does", WORKFLOW_AT(summary)},
    {"params", FIELD_PARAMS, 0, NULL, "what a site may set: { name = duration { ... } }",
     WORKFLOW_AT(params)},
    {"requires", FIELD_CONDITIONS, 0, NULL, "conditions that hold before anything is done",
     WORKFLOW_AT(requirements), offsetof(struct workflow_draft, requirement_count)},
    {"always", FIELD_CONDITIONS, 0, NULL,
     "conditions asked every 2 s while the steps run, and before: one that does not hold ends the "
     "run as failed, and held values are put back; unknown does so after a minute",
     WORKFLOW_AT(invariants), offsetof(struct workflow_draft, invariant_count)},
    {"steps", FIELD_FUNCTION, REQUIRED, NULL,
     "function(cluster, p): the steps; cluster has .name, .replicas, .metas, .collectors; p the "
     "params",
     WORKFLOW_AT(steps)},
};

#define VARIANT_AT(member) .offset = offsetof(struct variant_draft, member)
static const struct field variant_fields[] = {
    {"name", FIELD_TEXT, REQUIRED, NULL, "what the changed workflow is called", VARIANT_AT(name)},
    {"summary", FIELD_TEXT, 0, NULL, "one line on what it does; without it, the base's",
     VARIANT_AT(summary)},
    {"params", FIELD_OVERRIDES, 0, NULL,
     "other defaults for params of the base, and params of its own: { name = \"20m\", mine = "
     "integer { ... } }",
     VARIANT_AT(params)},
    {"requires", FIELD_CONDITIONS, 0, NULL, "conditions besides those of the base",
     VARIANT_AT(requirements), offsetof(struct variant_draft, requirement_count)},
    {"always", FIELD_CONDITIONS, 0, NULL, "conditions besides those of the base",
     VARIANT_AT(invariants), offsetof(struct variant_draft, invariant_count)},
    {"before", FIELD_EDITS, 0, NULL,
     "steps put before a step: { [\"replicas/*/drain/deploy\"] = { ... } }, where * is any server; "
     "or a function(node, p, cluster) that returns them",
     VARIANT_AT(before)},
    {"after", FIELD_EDITS, 0, NULL, "steps put after a step, written as in before",
     VARIANT_AT(after)},
    {"replace", FIELD_EDITS, 0, NULL, "steps put in the place of a step, written as in before",
     VARIANT_AT(replace)},
    {"remove", FIELD_TEXTS, 0, NULL, "ids of steps that are left out", VARIANT_AT(remove),
     offsetof(struct variant_draft, remove_count)},
};

#define CLUSTER_AT(member) .offset = offsetof(struct cluster_draft, member)
static const struct field target_fields[] = {
    {"version", FIELD_TEXT, REQUIRED, NULL, "what /version shows after the upgrade",
     CLUSTER_AT(file.target_version)},
};
static const struct field accept_fields[] = {
    {"outage", FIELD_TEXTS, 0, NULL,
     "tables whose partitions may be without a primary while a server is away",
     CLUSTER_AT(file.accepted_outages), offsetof(struct cluster_draft, file.accepted_outage_count)},
    {"freeze", FIELD_BOOLEAN, 0, "false",
     "whether the meta server may stop repairing while a server is away",
     CLUSTER_AT(file.accepts_freeze)},
    {"reason", FIELD_TEXT, REQUIRED, NULL, "why; the plan and the report show it",
     CLUSTER_AT(file.accept_reason)},
};
static const struct field lock_fields[] = {
    {"zookeeper", FIELD_TEXT, REQUIRED, NULL,
     "its servers, by address or name: \"zk1:2181,zk2:2181,zk3:2181\"",
     CLUSTER_AT(file.lock.zookeeper)},
    {"root", FIELD_TEXT, 0, "/pegflow",
     "below it is a node with the cluster's name; never inside Pegasus's own root",
     CLUSTER_AT(file.lock.root)},
    {"session", FIELD_DURATION, 0, "10s",
     "after a crash, or without a word from ZooKeeper, the lock is let go so much later",
     CLUSTER_AT(file.lock.session_us), .min = 2000000, .max = 300000000},
};
static const struct field cluster_fields[] = {
    {"metas", FIELD_ADDRESS_LIST, REQUIRED, NULL,
     "the meta servers, by address or name: { \"10.0.0.1:34601\", ... }", CLUSTER_AT(file.metas),
     offsetof(struct cluster_draft, file.meta_count), .min = 1, .max = 16,
     .names_offset = offsetof(struct cluster_draft, file.meta_names)},
    {"collectors", FIELD_ADDRESS_LIST, 0, NULL, "the collectors, by address or name",
     CLUSTER_AT(file.collectors), offsetof(struct cluster_draft, file.collector_count), .min = 0,
     .max = 16, .names_offset = offsetof(struct cluster_draft, file.collector_names)},
    {"deploy", FIELD_FUNCTIONS, 0, NULL,
     "the deploy adapter: update, restart, start, stop: function(node, version) returns steps",
     CLUSTER_AT(deploy), .words = deploy_words},
    {"target", FIELD_RECORD, 0, NULL, "what to upgrade to: { version = \"2.6.0\" }",
     RECORD(target_fields)},
    {"zookeeper_root", FIELD_TEXT, 0, NULL,
     "must be what the meta server reports; without it, that ends with the cluster's name",
     CLUSTER_AT(file.zookeeper_root)},
    {"params", FIELD_VALUES, 0, NULL, "values for the workflow's params", CLUSTER_AT(params)},
    {"workflow", FIELD_TEXT, 0, NULL, "the workflow this cluster uses", CLUSTER_AT(file.workflow)},
    {"accept", FIELD_RECORD, 0, NULL,
     "what a guard would refuse and this cluster lets happen: { outage = { \"table\" }, freeze = "
     "true, reason = \"...\" }",
     RECORD(accept_fields)},
    {"racks", FIELD_NAMES, 0, NULL,
     "which servers stand together: { [\"10.0.0.3:34801\"] = \"r1\", [\"node4\"] = \"r2\" }",
     CLUSTER_AT(file.racks), offsetof(struct cluster_draft, file.rack_count)},
    {"lock", FIELD_RECORD, 0, NULL,
     "a lock in ZooKeeper, so that runs from other hosts are refused too: { zookeeper = "
     "\"zk1:2181,zk2:2181\", root = \"/pegflow\", session = \"10s\" }",
     RECORD(lock_fields)},
};

#define MODEL_AT(member) .offset = offsetof(struct model, member)
#define TABLE_AT(member) .offset = offsetof(struct model_table, member)
#define TIMING(name, member, doc)                                                                  \
    {                                                                                              \
        name, FIELD_DURATION, 0, NULL, doc, MODEL_AT(timings.member)                               \
    }

static const char *const release_words[] = {"2.5", "master", NULL};
_Static_assert(RELEASE_2_5 == 0 && RELEASE_MASTER == 1 && RELEASE_COUNT == 2,
               "release_words are indexed by enum release");

static const struct field table_fields[] = {
    {"name", FIELD_TEXT, REQUIRED, NULL, "its name", TABLE_AT(name)},
    {"partitions", FIELD_INTEGER32, REQUIRED, NULL, "how many", TABLE_AT(partition_count), .min = 1,
     .max = 32767},
    {"replicas", FIELD_INTEGER32, 0, "3", "how many of each partition", TABLE_AT(max_replica_count),
     .min = 1, .max = 15},
    {"app_id", FIELD_INTEGER32, 0, "0", "0: numbered in order", TABLE_AT(app_id), .min = 0,
     .max = 1000000},
    {"written", FIELD_BOOLEAN, 0, NULL, "clients write to it all the time", TABLE_AT(written)},
    {"placement", FIELD_PLACEMENT, 0, NULL,
     "who holds each partition, the primary first: { \"r1 r4 r5\", \"- r2\", ... }, where - is "
     "nobody; without it, evenly by the seed",
     TABLE_AT(placement)},
};
static const struct field timing_fields[] = {
    TIMING("tick", tick_us, "how often the leader looks at partitions"),
    TIMING("first_tick", first_tick_us, "from a leader's start of service to its first look"),
    TIMING("beacon", beacon_us, "how often a server says that it lives"),
    TIMING("fd_check", fd_check_us, "how often missing beacons are looked for"),
    TIMING("lease", lease_us, "a server stops serving after so long without an answer"),
    TIMING("grace", grace_us, "the meta server takes a server for dead after so long"),
    TIMING("config_sync", config_sync_us, "how often a server reports its replicas"),
    TIMING("rpc_latency", rpc_latency_us, "one way"),
    TIMING("zk_write", zk_write_us, "one write to ZooKeeper"),
    TIMING("state_change", state_change_us, "of the leader's serial work, for each change"),
    TIMING("zk_session", zk_session_us, "until a dead leader's lock is free"),
    TIMING("stale_lock", stale_lock_us, "until a restarted leader's old lock is removed"),
    TIMING("leader_load", leader_load_us, "a new leader's reading of the state"),
    TIMING("close", close_us, "closing one replica"),
    TIMING("stop", stop_us, "from the signal to the end of the process"),
    TIMING("install", install_us, "package and configuration"),
    TIMING("start", start_us, "from the process's start to its first beacon, without replicas"),
    TIMING("load", load_us, "loading one replica"),
    TIMING("replay", replay_us, "the log of one written replica that was not closed"),
    TIMING("learn", learn_us, "one replica catching up"),
    TIMING("copy", copy_us, "copying one replica to a server that never had it"),
    TIMING("update_retry", update_retry_us, "until a change of configuration is asked for again"),
};
#define ANSWER_AT(member) .offset = offsetof(struct model_answer, member)
#define ANSWER_TIMES                                                                               \
    {                                                                                              \
        "times", FIELD_INTEGER32, 0, NULL,                                                         \
            "it answers so often, then the next row that fits; after one without times they "      \
            "begin anew",                                                                          \
            ANSWER_AT(times), .min = 1, .max = 1000000                                             \
    }
static const struct field program_fields[] = {
    {"match", FIELD_TEXT, REQUIRED, NULL,
     "part of the program and its arguments, put together with blanks", ANSWER_AT(match)},
    {"takes", FIELD_DURATION, 0, NULL,
     "how long; without it, what the model's timings give for an update, else no time",
     ANSWER_AT(takes_us)},
    {"exit_code", FIELD_INTEGER32, 0, "0", "with another than 0 nothing is done in the model",
     ANSWER_AT(code), .min = 0, .max = 255},
    {"output", FIELD_TEXT, 0, NULL, "what it prints", ANSWER_AT(text)},
    ANSWER_TIMES,
};
static const struct field request_fields[] = {
    {"match", FIELD_TEXT, REQUIRED, NULL, "part of \"POST https://host/path\"", ANSWER_AT(match)},
    {"takes", FIELD_DURATION, 0, NULL,
     "how long; without it, what the model's timings give for an update, else no time",
     ANSWER_AT(takes_us)},
    {"status", FIELD_INTEGER32, 0, "200",
     "of the reply; with another than 200 to 299 nothing is done in the model", ANSWER_AT(code),
     .min = 200, .max = 599},
    {"body", FIELD_TEXT, 0, NULL, "of the reply", ANSWER_AT(text)},
    {"location", FIELD_TEXT, 0, NULL, "the Location that the reply names", ANSWER_AT(location)},
    ANSWER_TIMES,
};
static const struct field model_fields[] = {
    {"release", FIELD_WORD, REQUIRED, NULL, "\"master\" or \"2.5\"", MODEL_AT(release),
     .words = release_words},
    {"replicas", FIELD_INTEGER32, 0, NULL, "replica servers", MODEL_AT(replica_count), .min = 1,
     .max = 1000},
    {"metas", FIELD_INTEGER32, 0, NULL, "meta servers", MODEL_AT(meta_count), .min = 1, .max = 16},
    {"collectors", FIELD_INTEGER32, 0, NULL, "collectors", MODEL_AT(collector_count), .min = 0,
     .max = 16},
    {"tables", FIELD_RECORDS, REQUIRED, NULL, "{ { name =, partitions =, replicas = }, ... }",
     MODEL_AT(tables), offsetof(struct model, table_count), RECORD(table_fields),
     .record_bytes = sizeof(struct model_table)},
    {"cluster", FIELD_TEXT, 0, NULL, "the cluster's name", MODEL_AT(cluster_name)},
    {"zookeeper_root", FIELD_TEXT, 0, NULL, "ends with the cluster's name",
     MODEL_AT(zookeeper_root)},
    {"version", FIELD_TEXT, 0, NULL, "what the servers run", MODEL_AT(version)},
    {"next_version", FIELD_TEXT, 0, NULL, "what an update installs", MODEL_AT(next_version)},
    {"seed", FIELD_INTEGER64, 0, NULL, "the same seed gives the same events", MODEL_AT(seed),
     .min = 0, .max = INT64_MAX},
    {"host", FIELD_TEXT, 0, NULL, "the host name of every server", MODEL_AT(host_name)},
    {"meta_level", FIELD_LEVEL, 0, NULL, "at the start and after each change of leader",
     MODEL_AT(stored_level)},
    {"add_secondary_limit", FIELD_INTEGER64, 0, NULL, "secondaries added to one server per tick",
     MODEL_AT(add_secondary_limit), .min = 0, .max = INT32_MAX},
    {"flow_control", FIELD_BOOLEAN, 0, NULL, "whether that limit is kept", MODEL_AT(flow_control)},
    {"assign_delay", FIELD_DURATION_MS, 0, NULL, "how long a lost replica is waited for",
     MODEL_AT(assign_delay_ms)},
    {"live_percentage", FIELD_INTEGER64, 0, NULL, "with fewer servers alive, all is frozen",
     MODEL_AT(live_percentage), .min = 0, .max = 100},
    {"min_live_nodes", FIELD_INTEGER32, 0, NULL, "with fewer servers alive, all is frozen",
     MODEL_AT(min_live_node_count), .min = 0, .max = 1000},
    {"min_replicas_for_writes", FIELD_INTEGER32, 0, NULL, "with fewer, a partition takes no writes",
     MODEL_AT(mutation_2pc_min_replica_count), .min = 0, .max = 15},
    {"stable_running", FIELD_DURATION, 0, NULL, "a server that starts again sooner is suspicious",
     MODEL_AT(stable_running_us)},
    {"unstable_restarts", FIELD_INTEGER32, 0, NULL, "after so many, its beacons get no answer",
     MODEL_AT(unstable_restart_max), .min = 1, .max = INT32_MAX},
    {"timings", FIELD_RECORD, 0, NULL, "how long things take", RECORD(timing_fields)},
    {"programs", FIELD_RECORDS, 0, NULL,
     "what exec is answered in a rehearsal, where nothing is executed; the first row that fits",
     MODEL_AT(programs), offsetof(struct model, program_count), RECORD(program_fields),
     .record_bytes = sizeof(struct model_answer)},
    {"http", FIELD_RECORDS, 0, NULL, "what http and notify are answered in a rehearsal",
     MODEL_AT(requests), offsetof(struct model, request_count), RECORD(request_fields),
     .record_bytes = sizeof(struct model_answer)},
    {"faults", FIELD_ANY, LATER, NULL, .doc = "what goes wrong, and when"},
};

const struct descriptor file_descriptors[] = {
    {"workflow", GROUP_FILE, FORM_NAMED, FILE_WORKFLOW, false, ROWS(workflow_fields),
     "what to do with a cluster",
     "return workflow \"say hello\" { api = 1, steps = function(cluster, p) return log(\"hello \" "
     ".. cluster.name) end }"},
    {"cluster", GROUP_FILE, FORM_NAMED, FILE_CLUSTER, false, ROWS(cluster_fields), "one cluster",
     "return cluster \"temp\" { metas = { \"10.0.0.1:34601\" }, target = { version = \"2.6.0\" } "
     "}"},
    {"model", GROUP_FILE, FORM_NAMED, FILE_MODEL, false, ROWS(model_fields),
     "a cluster to simulate",
     "return model \"small\" { release = \"master\", replicas = 3, tables = { { name = \"temp\", "
     "partitions = 8 } } }"},
    {"variant", GROUP_FILE, FORM_BASE, FILE_VARIANT, false, ROWS(variant_fields),
     "a workflow, shipped (\"ha\") or of the site's own (require \"name\"), with some of its "
     "steps changed",
     "return variant \"ha\" { name = \"ours\", params = { drain_timeout = \"20m\" }, before = { "
     "[\"replicas/*/drain/deploy\"] = function(node) return log(\"next is \" .. node.name) end } "
     "}"},
    {"test", GROUP_FILE, FORM_NAMED, FILE_TEST, true, .doc = "what a workflow must do with a model",
     .example = "return test \"it ends\" { }"},
};
const size_t file_descriptor_count = sizeof file_descriptors / sizeof file_descriptors[0];
