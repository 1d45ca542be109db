/* A simulated cluster in virtual time with a run on it, for the tests of engine/: the real workflow
 * files, the real client, the real interpreter; no sockets, no waiting. */
#ifndef PEGFLOW_TESTS_ENGINE_WORLD_H
#define PEGFLOW_TESTS_ENGINE_WORLD_H

#include "base/duration.h"
#include "engine/journal.h"
#include "engine/run.h"
#include "engine/target.h"
#include "sim/sim_world.h"

#include <check.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WORLD_SERVERS = 5, WORLD_METAS = 2, WORLD_COLLECTORS = 1 };
enum { WORLD_COUNT = WORLD_SERVERS + WORLD_METAS + WORLD_COLLECTORS, WORLD_FIRST_META = 5 };

struct world;
typedef void misfortune_fn(struct world *world);

struct world {
    struct event_sink sink; /* first */
    struct loop *loop;
    struct model model;
    struct sim *sim;
    struct sim_driver *driver;
    struct transport *transport;
    struct cluster *cluster;
    struct deployment *deployment;
    struct lang *lang;
    struct arena arena;
    struct snapshot snapshot;
    struct inventory inventory;
    const struct cluster_file *cluster_file;
    const struct workflow *workflow;
    struct run *run;
    struct run_result result;
    bool ended;
    struct text log; /* every event, a line each: kind, step id, text */
    size_t event_count;
    bool keep_leftovers;
    bool rehearsed;
    struct past *past; /* of a run that is gone on with; or NULL */
    bool reverts;
    struct journal_end end;  /* of the journal of that run */
    bool operator_continues; /* a second after each pause */
    struct timer operator;
    size_t fail_event; /* the sink refuses this event; 0: none */
    size_t act_limit;  /* so many effects may begin; 0: all */
    size_t act_count;
    /* what is in its way now, and what each is; obstacle_count 0: none is known to the run */
    bool blocked[2];
    struct run_obstacle obstacles[2];
    size_t obstacle_count;
    const char *note;
    /* what happens when an event's line has `on` in it, once */
    const char *on;
    misfortune_fn *misfortune;
    struct timer soon;
    struct transport lying; /* between client and simulation: see world_lie */
    const char *lie_about;  /* a remote command's name, "tables" or "proposals" */
    const char *lie;        /* what it is answered */
    char folder[64];
};

static const struct model_table world_tables[] = {
    {.name = "stat", .partition_count = 4, .max_replica_count = 3},
    {.name = "temp", .partition_count = 16, .max_replica_count = 3},
    {.name = "users", .partition_count = 44, .max_replica_count = 3},
};

/* As in life: never inside what the run is doing, but right after it. */
static inline void world_misfortune(void *ctx)
{
    struct world *world = ctx;
    world->misfortune(world);
}

static inline void world_operator(void *ctx)
{
    struct world *world = ctx;
    if (!world->ended) {
        run_continue(world->run);
    }
}

static inline bool world_take(struct event_sink *sink, const struct event *event, struct error *err)
{
    struct world *world = (struct world *)sink;
    size_t start = world->log.length;
    ck_assert_uint_eq(event->sequence, ++world->event_count);
    ck_assert(event->text[0] != '\0');
    text_printf(&world->log, "%s %s %s\n", event_kind_name(event->kind),
                event->step == NULL ? "-" : event->step->id, event->text);
    if (getenv("PEGFLOW_TEST_LOG") != NULL) {
        fprintf(stderr, "%9.3f %s", (double)event->at_us / 1e6, world->log.bytes + start);
    }
    if (world->on != NULL && strstr(world->log.bytes + start, world->on) != NULL) {
        world->on = NULL;
        timer_start(world->loop, &world->soon, 0, world_misfortune, world);
    }
    if (event->kind == EVENT_PAUSED && world->operator_continues) {
        timer_start(world->loop, &world->operator, US_PER_SECOND, world_operator, world);
    }
    if (world->fail_event == world->event_count) {
        error_set(err, ERROR_SYSTEM, "no space left on device");
        return false;
    }
    return true;
}

/* ---- a transport that falsifies one kind of reply on its way to the client */
struct world_lie_call {
    struct world *world;
    enum rpc rpc;
    rpc_done_fn *done;
    void *ctx;
};

static inline void world_lie_done(void *ctx, const void *response, const struct error *err)
{
    struct world_lie_call *call = ctx;
    struct remote_command_response text = {slice_of(call->world->lie)};
    struct propose_response refusal = {slice_of(call->world->lie)};
    struct list_apps_response apps;
    if (err == NULL && call->rpc == RPC_REMOTE_COMMAND) {
        response = &text;
    } else if (err == NULL && call->rpc == RPC_PROPOSE) {
        response = &refusal;
    } else if (err == NULL) {
        apps = *(const struct list_apps_response *)response;
        apps.infos.count = 0;
        response = &apps;
    }
    call->done(call->ctx, response, err);
}

static inline struct operation *world_lie(struct transport *transport, struct address to,
                                          enum rpc rpc, const void *request, int64_t timeout_us,
                                          rpc_done_fn *done, void *ctx)
{
    struct world *world =
        (struct world *)(void *)((char *)transport - offsetof(struct world, lying));
    const struct remote_command_request *command = request;
    bool lies = world->lie_about != NULL &&
                (rpc == RPC_REMOTE_COMMAND
                     ? slice_equals(command->command, world->lie_about)
                     : (rpc == RPC_LIST_APPS && strcmp(world->lie_about, "tables") == 0) ||
                           (rpc == RPC_PROPOSE && strcmp(world->lie_about, "proposals") == 0));
    if (lies) {
        struct world_lie_call *call = arena_allocate(&world->arena, sizeof *call);
        *call = (struct world_lie_call){world, rpc, done, ctx};
        done = world_lie_done;
        ctx = call;
    }
    return transport_call(world->transport, to, rpc, request, timeout_us, done, ctx);
}

static inline struct operation *world_honest_get(struct transport *transport, struct address from,
                                                 const char *path, int64_t timeout_us,
                                                 http_done_fn *done, void *ctx)
{
    struct world *world =
        (struct world *)(void *)((char *)transport - offsetof(struct world, lying));
    return transport_get(world->transport, from, path, timeout_us, done, ctx);
}

static inline void world_open(struct world *world, enum release release)
{
    memset(world, 0, sizeof *world);
    world->sink.take = world_take;
    world->loop = loop_new_virtual(INT64_C(1795441970) * US_PER_SECOND);
    model_init(&world->model, release);
    world->model.cluster_name = "onebox";
    world->model.zookeeper_root = "/pegasus/onebox";
    world->model.version = "2.5.0-old";
    world->model.next_version = "2.6.0-new";
    world->model.tables = world_tables;
    world->model.table_count = 3;
    world->model.replica_count = WORLD_SERVERS;
    world->model.meta_count = WORLD_METAS;
    world->model.collector_count = WORLD_COLLECTORS;
    snprintf(world->folder, sizeof world->folder, "/tmp/pegflow-engine-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(world->folder));
}

/* Starts the simulated servers. Before it the model may be changed. */
static inline void world_begin(struct world *world)
{
    struct address addresses[WORLD_COUNT];
    for (int i = 0; i < WORLD_COUNT; i++) {
        int port = i < WORLD_FIRST_META  ? 34801 + i
                   : i < WORLD_COUNT - 1 ? 34601 + i - WORLD_FIRST_META
                                         : 34101;
        addresses[i] = (struct address){0x7f000001, (uint16_t)port, ADDRESS_IPV4};
    }
    static const char *const libraries[] = {"stdlib", NULL};
    struct lang_options options = {.lib_folders = libraries};
    world->sim = sim_new(&world->model, addresses, INT64_C(1795441970) * US_PER_SECOND);
    world->driver = sim_driver_new(world->sim, world->loop);
    world->transport = sim_transport_new(world->driver);
    world->deployment = sim_deployment_new(world->driver);
    static const struct transport_ops lying = {.call = world_lie, .get = world_honest_get};
    world->lying = (struct transport){.ops = &lying, .loop = world->loop};
    world->cluster = cluster_new(&world->lying, &addresses[WORLD_FIRST_META], WORLD_METAS);
    world->lang = lang_new(&options);
}

static inline void world_loop_until(struct world *world, const bool *flag)
{
    struct error err;
    while (!*flag) {
        ck_assert_msg(loop_run(world->loop, &err), "%s", err.text);
    }
}

struct world_call {
    struct world *world;
    bool ended;
    bool failed;
    struct error err;
};

static inline void world_call_done(void *ctx, const struct error *err)
{
    struct world_call *call = ctx;
    call->ended = true;
    call->failed = err != NULL;
    if (err != NULL) {
        call->err = *err;
    }
    loop_stop(call->world->loop);
}

static inline void world_time_passed(void *ctx)
{
    struct world_call *call = ctx;
    call->ended = true;
    loop_stop(call->world->loop);
}

static inline void world_pass(struct world *world, int64_t us)
{
    struct world_call call = {.world = world};
    struct timer timer = {0};
    timer_start(world->loop, &timer, us, world_time_passed, &call);
    world_loop_until(world, &call.ended);
}

static inline void world_print_errors(const struct error_list *errors)
{
    for (size_t i = 0; i < errors->count; i++) {
        fprintf(stderr, "%s:%d: %s\n", errors->items[i].file, errors->items[i].line,
                errors->items[i].text);
    }
}

static inline const char *world_write(struct world *world, const char *name, const char *source)
{
    const char *path = arena_printf(&world->arena, "%s/%s", world->folder, name);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(source, file), 0);
    ck_assert_int_eq(fclose(file), 0);
    return path;
}

/* The second one is for workflows with a param `pace`. */
#define WORLD_CLUSTER(more)                                                                        \
    "return cluster \"onebox\" {\n"                                                                \
    "  metas = { \"127.0.0.1:34601\", \"127.0.0.1:34602\" },\n"                                    \
    "  collectors = { \"127.0.0.1:34101\" },\n"                                                    \
    "  target = { version = \"2.6.0-new\" },\n"                                                    \
    "  deploy = require(\"deploy.simulated\") { control = \"http://127.0.0.1:34900\" },\n" more    \
    "}\n"
__attribute__((unused)) static const char world_cluster_source[] = WORLD_CLUSTER("");
__attribute__((unused)) static const char swift_cluster_source[] =
    WORLD_CLUSTER("  params = { pace = \"swift\" },\n");

/* Meets the cluster and loads the files: `workflow` is a path, or Lua source when it has a newline.
 */
static inline void world_plan(struct world *world, const char *cluster_source, const char *workflow)
{
    struct world_call call = {.world = world};
    struct error_list errors;
    error_list_init(&errors);
    world_pass(world, 5 * US_PER_SECOND);
    snapshot_init(&world->snapshot);
    cluster_read_snapshot(cluster_reader(world->cluster), &world->snapshot, 10 * US_PER_SECOND,
                          world_call_done, &call);
    world_loop_until(world, &call.ended);
    ck_assert_msg(!call.failed, "%s", call.err.text);
    const char *path = world_write(world, "cluster.lua", cluster_source);
    bool loaded = lang_load_cluster(world->lang, path, &world->cluster_file, &errors);
    world_print_errors(&errors);
    ck_assert(loaded);
    ck_assert(target_inventory(world->cluster_file, &world->snapshot, &world->arena,
                               &world->inventory, &call.err));
    if (strchr(workflow, '\n') != NULL) {
        workflow = world_write(world, "workflow.lua", workflow);
    }
    loaded = lang_load_workflow(world->lang, workflow, &world->inventory, NULL, 0, &world->workflow,
                                &errors);
    world_print_errors(&errors);
    ck_assert(loaded);
}

static inline void world_run_done(void *ctx, const struct run_result *result)
{
    struct world *world = ctx;
    world->result = *result;
    world->ended = true;
    loop_stop(world->loop);
}

static inline bool world_may_act(void *ctx, struct error *err)
{
    struct world *world = ctx;
    if (world->act_limit == 0 || world->act_count++ < world->act_limit) {
        return true;
    }
    error_set(err, ERROR_STEP, "the lock is not ours");
    return false;
}

static inline bool world_is_clear(void *ctx, struct error *why)
{
    const bool *blocked = ctx;
    if (*blocked) {
        error_set(why, ERROR_SYSTEM, "something is in the way");
    }
    return !*blocked;
}

static inline void world_add_obstacle(struct world *world, const char *name, bool stops_all)
{
    bool *blocked = &world->blocked[world->obstacle_count];
    world->obstacles[world->obstacle_count++] =
        (struct run_obstacle){name, world_is_clear, blocked, stops_all};
}

static inline void world_start(struct world *world)
{
    struct event_sink *sinks[] = {&world->sink};
    static struct event_sink *kept[1];
    kept[0] = sinks[0];
    struct run_setup setup = {
        .loop = world->loop,
        .cluster = world->cluster,
        .deployment = world->deployment,
        .lang = world->lang,
        .workflow = world->workflow,
        .cluster_file = world->cluster_file,
        .inventory = &world->inventory,
        .start = &world->snapshot,
        .sinks = kept,
        .sink_count = 1,
        .may_act = world_may_act,
        .may_act_ctx = world,
        .obstacles = world->obstacles,
        .obstacle_count = world->obstacle_count,
        .note = world->note,
        .keep_leftovers = world->keep_leftovers,
        .rehearsed = world->rehearsed,
        .past = world->past,
        .reverts = world->reverts,
        .resumed_by = "somebody",
        .events_before = world->end.sequence,
        .at_before_ms = world->end.at_ms,
    };
    world->run = run_new(&setup);
    run_start(world->run, world_run_done, world);
}

static inline void world_run(struct world *world)
{
    world_start(world);
    world_loop_until(world, &world->ended);
}

/* Nothing reads the files after world_plan: whoever forks removes them before it does. */
static inline void world_remove_folder(struct world *world)
{
    if (world->folder[0] != '\0') {
        unlink(arena_printf(&world->arena, "%s/cluster.lua", world->folder));
        unlink(arena_printf(&world->arena, "%s/workflow.lua", world->folder));
        rmdir(world->folder);
        world->folder[0] = '\0';
    }
}

static inline void world_close(struct world *world)
{
    timer_cancel(&world->soon);
    timer_cancel(&world->operator);
    cluster_free(world->cluster);
    world->deployment->ops->free(world->deployment);
    run_free(world->run);
    lang_free(world->lang);
    world->transport->ops->free(world->transport);
    sim_driver_free(world->driver);
    sim_free(world->sim);
    loop_close(world->loop);
    snapshot_clear(&world->snapshot);
    text_clear(&world->log);
    world_remove_folder(world);
    arena_clear(&world->arena);
}

static inline void world_control(struct world *world, int32_t server, enum sim_control what)
{
    struct error err;
    int64_t done_us;
    ck_assert_msg(sim_control(world->sim, server, what, NULL, &done_us, &err), "%s", err.text);
    sim_driver_poke(world->driver);
}

static inline size_t world_count(const struct world *world, const char *text)
{
    size_t count = 0;
    for (const char *at = text_string(&world->log); (at = strstr(at, text)) != NULL; at++) {
        count++;
    }
    return count;
}

static inline void world_expect_no_violation(const struct world *world)
{
    struct error err;
    for (size_t i = 0; i < sim_violation_count(world->sim); i++) {
        fprintf(stderr, "violation: %s\n", sim_violation(world->sim, i)->what);
    }
    ck_assert_uint_eq(sim_violation_count(world->sim), 0);
    ck_assert_msg(sim_check(world->sim, &err), "%s", err.text);
}

/* What a setting reads at the leader; "" when it cannot be read. */
struct world_value {
    struct world_call call;
    char text[256];
};

static inline void world_value_read(void *ctx, const char *value, const struct error *err)
{
    struct world_value *read = ctx;
    snprintf(read->text, sizeof read->text, "%s", err == NULL ? value : "");
    world_call_done(&read->call, err);
}

static inline const char *world_setting(struct world *world, const char *name)
{
    struct world_value read = {.call = {.world = world}};
    cluster_read_setting(cluster_reader(world->cluster), (struct address){0}, name,
                         30 * US_PER_SECOND, world_value_read, &read);
    world_loop_until(world, &read.call.ended);
    return arena_copy_string(&world->arena, read.text);
}

static inline int32_t world_level(struct world *world)
{
    struct leader_info leader = {0};
    struct world_call call = {.world = world};
    cluster_read_leader(cluster_reader(world->cluster), &leader, 30 * US_PER_SECOND,
                        world_call_done, &call);
    world_loop_until(world, &call.ended);
    return call.failed ? -1 : leader.stored_level;
}

static inline void world_expect_all_put_back(struct world *world)
{
    ck_assert_str_eq(world_setting(world, SETTING_ADD_SECONDARY_LIMIT), "20");
    ck_assert_str_eq(world_setting(world, SETTING_FLOW_CONTROL), "true");
    ck_assert_int_eq(world_level(world), world->model.stored_level);
}

static inline int32_t world_leader(const struct world *world)
{
    return sim_find_server(world->sim, cluster_known_leader(cluster_reader(world->cluster)));
}

#endif
