/* A cluster of meta servers behind a fake transport, under the virtual clock: what each says is set
 * by the test, and may change at any call. */
#ifndef TESTS_UNIT_LIVE_FAKE_H
#define TESTS_UNIT_LIVE_FAKE_H

#include "live/cluster.h"
#include "wire/wire.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum fake_mode {
    FAKE_LEADER,
    FAKE_STANDBY,
    FAKE_LOADING, /* leads, ERR_SERVICE_NOT_ACTIVE */
    FAKE_SILENT,
    FAKE_DEAD,     /* connection refused */
    FAKE_NONSENSE, /* ERROR_PEER */
};

enum { FAKE_METAS = 3, FAKE_NODES = 4, FAKE_TABLES = 8 };

struct fake_table {
    int32_t app_id;
    const char *name;
    enum app_status status;
    int32_t partition_count;
    /* what the query answers, where it differs */
    const char *query_error;
    int32_t answered_app_id;
    int32_t answered_count;
    int32_t answered_items; /* partitions in the list */
    int32_t first_index;
    bool repeats_first;
    bool wrong_hosts;
};

struct fake;
/* Before a request is answered; may change anything. */
typedef void fake_hook(struct fake *fake, enum rpc rpc, int count);
/* `body` NULL: refused. */
typedef const char *fake_page(struct fake *fake, const char *path, int *status);

struct fake_call;
struct fake {
    struct transport transport; /* first */
    struct fake_call *calls;
    bool has_hosts;
    enum fake_mode modes[FAKE_METAS];
    int32_t level;
    int32_t stored_level;
    const char *level_name; /* NULL: of `level` */
    int32_t node_count;
    struct fake_table tables[FAKE_TABLES];
    int32_t table_count;
    int counts[RPC_COUNT]; /* answered by a leader */
    int asked[FAKE_METAS];
    fake_hook *hook;
    fake_page *page;
    uint32_t replica_count;    /* that a server tells of: at most 2 */
    const char *command_reply; /* to every remote command */
    char last_command[256];
    const char *propose_answers[64]; /* by partition; NULL: ERR_OK, "" : no answer */
    struct text proposals;           /* as they came */
};

/* metas 127.0.0.1:1..3, nodes 127.0.0.1:101.. */
static inline struct address fake_address(int port)
{
    return (struct address){.ip = 0x7f000001, .port = (uint16_t)port, .kind = ADDRESS_IPV4};
}

struct fake_call {
    struct operation operation; /* first */
    struct fake *fake;
    struct fake_call *next;
    struct fake_call **link;
    struct timer answer;
    struct timer deadline;
    struct address to;
    enum rpc rpc;
    bool is_http;
    char path[256];
    char name[64];      /* table or command */
    int32_t number;     /* level or partition */
    int32_t indices[8]; /* of the partitions asked for; none: all */
    uint32_t index_count;
    bool cancelled;
    rpc_done_fn *rpc_done;
    http_done_fn *http_done;
    void *ctx;
};

static inline void fake_unlink(struct fake_call *call)
{
    timer_cancel(&call->answer);
    timer_cancel(&call->deadline);
    *call->link = call->next;
    if (call->next != NULL) {
        call->next->link = call->link;
    }
}

static inline void fake_fail(struct fake_call *call, enum error_code code, const char *what)
{
    struct error err;
    char server[ADDRESS_TEXT_BYTES];
    struct fake_call copy = *call;
    error_set(&err, code, "%s: %s: %s", address_format(call->to, server),
              call->is_http ? call->path : rpc_name(call->rpc), what);
    fake_unlink(call);
    free(call);
    if (copy.is_http) {
        copy.http_done(copy.ctx, NULL, &err);
    } else {
        copy.rpc_done(copy.ctx, NULL, &err);
    }
}

static inline void fake_time_out(void *ctx)
{
    fake_fail(ctx, ERROR_TIMEOUT, "no reply");
}

static inline void fake_tell_cancel(void *ctx)
{
    fake_fail(ctx, ERROR_CANCELLED, "cancelled");
}

static inline struct host_port fake_host(const struct fake *fake, int port)
{
    return fake->has_hosts ? (struct host_port){slice_of("node.example"), (uint16_t)port, 1}
                           : (struct host_port){.port = 0};
}

static inline struct list_nodes_response fake_nodes(const struct fake *fake, struct arena *arena)
{
    struct wire_node_info *nodes =
        arena_allocate(arena, (size_t)fake->node_count * sizeof *nodes + 1);
    for (int i = 0; i < fake->node_count; i++) {
        nodes[i] = (struct wire_node_info){
            .status = NODE_ALIVE,
            .node = fake_address(101 + i),
            .hp_node = fake_host(fake, 101 + i),
            .has_hp_node = fake->has_hosts,
        };
    }
    return (struct list_nodes_response){
        .err = slice_of(PEGASUS_OK),
        .infos = {nodes, (uint32_t)fake->node_count},
    };
}

static inline struct list_apps_response fake_apps(const struct fake *fake, struct arena *arena)
{
    struct wire_app_info *apps =
        arena_allocate(arena, (size_t)fake->table_count * sizeof *apps + 1);
    for (int i = 0; i < fake->table_count; i++) {
        apps[i] = (struct wire_app_info){
            .status = (int32_t)fake->tables[i].status,
            .app_name = slice_of(fake->tables[i].name),
            .app_id = fake->tables[i].app_id,
            .partition_count = fake->tables[i].partition_count,
            .max_replica_count = 3,
        };
    }
    return (struct list_apps_response){
        .err = slice_of(PEGASUS_OK),
        .infos = {apps, (uint32_t)fake->table_count},
    };
}

/* Partition i: primary on node i, secondaries on the next two, the last also once on a node that
 * the list does not have; odd ones of tables with "headless" in their name have no primary. */
static inline struct wire_partition fake_partition(const struct fake *fake,
                                                   const struct fake_table *table, int32_t index,
                                                   struct arena *arena)
{
    struct address *servers = arena_allocate(arena, 3 * sizeof *servers);
    struct host_port *hosts = arena_allocate(arena, 3 * sizeof *hosts);
    for (int i = 0; i < 3; i++) {
        servers[i] = fake_address(101 + (index + i) % FAKE_NODES);
        hosts[i] = fake_host(fake, servers[i].port);
    }
    bool headless = strstr(table->name, "headless") != NULL && index % 2 == 1;
    return (struct wire_partition){
        .pid = {table->answered_app_id, table->first_index + index},
        .ballot = 7 + index,
        .max_replica_count = 3,
        .primary = headless ? (struct address){.ip = 0} : servers[0],
        .hp_primary = headless ? (struct host_port){.port = 0} : hosts[0],
        .has_hp_primary = fake->has_hosts,
        .secondaries = {servers + 1, 2},
        .hp_secondaries = {hosts + 1, table->wrong_hosts ? 1U : 2U},
        .has_hp_secondaries = fake->has_hosts,
        .last_drops = {servers, 1},
    };
}

static inline struct query_config_response
fake_query(struct fake *fake, const struct fake_call *call, struct arena *arena)
{
    const char *name = call->name;
    const struct fake_table *table = NULL;
    for (int i = 0; i < fake->table_count; i++) {
        if (strcmp(fake->tables[i].name, name) == 0 && fake->tables[i].status == APP_AVAILABLE) {
            table = &fake->tables[i];
        }
    }
    if (table == NULL || table->query_error != NULL) {
        return (struct query_config_response){
            .err = slice_of(table == NULL ? PEGASUS_OBJECT_NOT_FOUND : table->query_error),
        };
    }
    struct wire_partition *partitions =
        arena_allocate(arena, (size_t)table->answered_items * sizeof *partitions + 1);
    int32_t items = 0;
    for (uint32_t i = 0; i < call->index_count && items < table->answered_items; i++) {
        if (call->indices[i] < table->partition_count) { /* others are skipped */
            partitions[items++] = fake_partition(
                fake, table, table->repeats_first ? call->indices[0] : call->indices[i], arena);
        }
    }
    for (int32_t i = 0; items == 0 && i < table->answered_items; i++) {
        partitions[i] = fake_partition(fake, table, table->repeats_first ? 0 : i, arena);
    }
    items = items == 0 ? table->answered_items : items;
    return (struct query_config_response){
        .err = slice_of(PEGASUS_OK),
        .app_id = table->answered_app_id,
        .partition_count = table->answered_count,
        .is_stateful = true,
        .partitions = {partitions, (uint32_t)items},
    };
}

/* What a leader's reply holds; of the response type of `rpc`. */
union fake_response {
    struct cluster_info_response info;
    struct list_nodes_response nodes;
    struct list_apps_response apps;
    struct query_config_response config;
    struct control_meta_response level;
    struct propose_response propose;
    struct remote_command_response command;
    struct replica_info_response replicas;
};

static inline void fake_info(struct fake *fake, const struct fake_call *call, struct arena *arena,
                             struct cluster_info_response *info)
{
    static const char *const keys[] = {"cluster_name", "meta_function_level", "meta_servers",
                                       "primary_meta_server", "zookeeper_root"};
    char server[ADDRESS_TEXT_BYTES];
    const char *values[] = {
        "fake", fake->level_name != NULL ? fake->level_name : meta_level_name(fake->level),
        "127.0.0.1:1,127.0.0.1:2,127.0.0.1:3", address_format(call->to, server), "/fake/root"};
    struct slice *slices = arena_allocate(arena, 10 * sizeof *slices);
    for (int i = 0; i < 5; i++) {
        slices[i] = slice_of(keys[i]);
        slices[5 + i] = slice_of(arena_copy_string(arena, values[i]));
    }
    info->keys = (struct wire_list){slices, 5};
    info->values = (struct wire_list){slices + 5, 5};
}

static const struct wire_replica_info fake_replicas[] = {
    {.pid = {3, 24}, .ballot = 31, .status = REPLICA_PRIMARY},
    {.pid = {3, 25}, .ballot = 7, .status = REPLICA_SECONDARY},
};

static inline void fake_answer_as_leader(struct fake *fake, struct fake_call *call,
                                         struct arena *arena, union fake_response *response)
{
    response->info.err = slice_of(PEGASUS_OK);
    switch (call->rpc) {
    case RPC_CLUSTER_INFO:
        fake_info(fake, call, arena, &response->info);
        break;
    case RPC_LIST_NODES:
        response->nodes = fake_nodes(fake, arena);
        break;
    case RPC_LIST_APPS:
        response->apps = fake_apps(fake, arena);
        break;
    case RPC_QUERY_CONFIG:
        response->config = fake_query(fake, call, arena);
        break;
    case RPC_CONTROL_META:
        response->level.old_level = fake->stored_level;
        if (call->number != LEVEL_QUERY) {
            fake->level = call->number;
            fake->stored_level = call->number;
        }
        break;
    case RPC_PROPOSE:
        if (fake->propose_answers[call->number] != NULL) {
            response->propose.err = slice_of(fake->propose_answers[call->number]);
        }
        break;
    case RPC_REMOTE_COMMAND:
        response->command.text = slice_of(fake->command_reply);
        break;
    case RPC_REPLICA_INFO:
        response->replicas.replicas = (struct wire_list){fake_replicas, fake->replica_count};
        break;
    case RPC_COUNT:
        break;
    }
}

static inline void fake_answer_standby(struct fake_call *call, const char *error,
                                       union fake_response *response)
{
    response->info.err = slice_of(error);
    if (call->rpc == RPC_REMOTE_COMMAND) {
        response->command.text = slice_of("unknown command 'whatever'");
    } else if (call->rpc == RPC_PROPOSE) {
        response->propose.err = slice_of("ERR_APP_NOT_EXIST");
    }
}

static inline void fake_answer(void *ctx)
{
    struct fake_call *call = ctx;
    struct fake *fake = call->fake;
    union fake_response response = {0};
    struct arena arena;
    int meta = call->to.port - 1;
    enum fake_mode mode = meta < FAKE_METAS ? fake->modes[meta] : FAKE_LEADER;
    if (mode == FAKE_LEADER && fake->hook != NULL) {
        fake->hook(fake, call->rpc, fake->counts[call->rpc]);
        mode = meta < FAKE_METAS ? fake->modes[meta] : FAKE_LEADER;
    }
    if (mode == FAKE_SILENT || (call->rpc == RPC_PROPOSE && mode == FAKE_LEADER &&
                                fake->propose_answers[call->number] != NULL &&
                                fake->propose_answers[call->number][0] == '\0')) {
        return; /* until its deadline */
    }
    if (mode == FAKE_DEAD || mode == FAKE_NONSENSE) {
        fake_fail(call, mode == FAKE_DEAD ? ERROR_UNREACHABLE : ERROR_PEER,
                  mode == FAKE_DEAD ? "connection refused" : "this is no Pegasus server");
        return;
    }
    arena_init(&arena);
    if (mode == FAKE_LEADER) {
        fake->counts[call->rpc]++;
        fake_answer_as_leader(fake, call, &arena, &response);
    } else {
        fake_answer_standby(
            call, mode == FAKE_STANDBY ? PEGASUS_FORWARD_TO_OTHERS : PEGASUS_SERVICE_NOT_ACTIVE,
            &response);
    }
    struct fake_call copy = *call;
    fake_unlink(call);
    free(call);
    copy.rpc_done(copy.ctx, &response, NULL);
    arena_clear(&arena);
}

static inline void fake_answer_page(void *ctx)
{
    struct fake_call *call = ctx;
    int status = 200;
    const char *body = call->fake->page(call->fake, call->path, &status);
    if (body == NULL) {
        fake_fail(call, ERROR_UNREACHABLE, "connection refused");
        return;
    }
    struct fake_call copy = *call;
    fake_unlink(call);
    free(call);
    struct http_reply reply = {.status = status, .body = body, .body_bytes = strlen(body)};
    copy.http_done(copy.ctx, &reply, NULL);
}

static inline void fake_cancel(struct operation *operation)
{
    struct fake_call *call = (struct fake_call *)operation;
    timer_cancel(&call->deadline);
    timer_start(call->fake->transport.loop, &call->answer, 0, fake_tell_cancel, call);
}

static inline void fake_drop(struct operation *operation)
{
    fake_unlink((struct fake_call *)operation);
    free(operation);
}

static const struct operation_ops fake_call_ops = {.cancel = fake_cancel, .drop = fake_drop};

static inline struct fake_call *fake_call_new(struct fake *fake, struct address to,
                                              int64_t timeout_us, timer_fn *answer, void *ctx)
{
    struct fake_call *call = memory_allocate(sizeof *call);
    ck_assert_int_gt(timeout_us, 0);
    call->operation.ops = &fake_call_ops;
    call->fake = fake;
    call->to = to;
    call->ctx = ctx;
    call->next = fake->calls;
    call->link = &fake->calls;
    if (call->next != NULL) {
        call->next->link = &call->next;
    }
    fake->calls = call;
    timer_start(fake->transport.loop, &call->answer, 1000, answer, call);
    timer_start(fake->transport.loop, &call->deadline, timeout_us, fake_time_out, call);
    return call;
}

static inline void fake_note_proposal(struct fake *fake, const struct propose_request *request)
{
    const struct wire_action *actions = request->actions.items;
    text_printf(&fake->proposals, "%d.%d force=%d%d balance=%d%d", request->gpid.app_id,
                request->gpid.partition, request->has_force, request->force,
                request->has_balance_type, request->balance_type);
    for (uint32_t i = 0; i < request->actions.count; i++) {
        text_printf(&fake->proposals, " [%d %u>%u", actions[i].type, actions[i].target.port,
                    actions[i].node.port);
        if (actions[i].has_hp_target || actions[i].has_hp_node) {
            ck_assert(actions[i].has_hp_target && actions[i].has_hp_node);
            text_printf(&fake->proposals, " %.*s:%u>%.*s:%u", (int)actions[i].hp_target.host.length,
                        actions[i].hp_target.host.bytes, actions[i].hp_target.port,
                        (int)actions[i].hp_node.host.length, actions[i].hp_node.host.bytes,
                        actions[i].hp_node.port);
        }
        text_append_string(&fake->proposals, "]");
    }
    text_append_string(&fake->proposals, "\n");
}

static inline struct operation *fake_call_start(struct transport *transport, struct address to,
                                                enum rpc rpc, const void *request,
                                                int64_t timeout_us, rpc_done_fn *done, void *ctx)
{
    struct fake *fake = (struct fake *)transport;
    struct fake_call *call = fake_call_new(fake, to, timeout_us, fake_answer, ctx);
    call->rpc = rpc;
    call->rpc_done = done;
    if (to.port - 1 < FAKE_METAS) {
        fake->asked[to.port - 1]++;
    }
    if (rpc == RPC_QUERY_CONFIG) {
        const struct query_config_request *query = request;
        snprintf(call->name, sizeof call->name, "%.*s", (int)query->app_name.length,
                 query->app_name.bytes);
        ck_assert_uint_le(query->partition_indices.count, 8);
        call->index_count = query->partition_indices.count;
        for (uint32_t i = 0; i < call->index_count; i++) {
            call->indices[i] = ((const int32_t *)query->partition_indices.items)[i];
        }
    } else if (rpc == RPC_CONTROL_META) {
        call->number = ((const struct control_meta_request *)request)->level;
    } else if (rpc == RPC_PROPOSE) {
        call->number = ((const struct propose_request *)request)->gpid.partition;
        fake_note_proposal(fake, request);
    } else if (rpc == RPC_REMOTE_COMMAND) {
        const struct remote_command_request *command = request;
        const struct slice *arguments = command->arguments.items;
        snprintf(fake->last_command, sizeof fake->last_command, "%u %.*s%s%.*s", to.port,
                 (int)command->command.length, command->command.bytes,
                 command->arguments.count > 0 ? " " : "",
                 command->arguments.count > 0 ? (int)arguments[0].length : 0,
                 command->arguments.count > 0 ? arguments[0].bytes : "");
    }
    return &call->operation;
}

static inline struct operation *fake_get_start(struct transport *transport, struct address from,
                                               const char *path, int64_t timeout_us,
                                               http_done_fn *done, void *ctx)
{
    struct fake_call *call =
        fake_call_new((struct fake *)transport, from, timeout_us, fake_answer_page, ctx);
    call->is_http = true;
    snprintf(call->path, sizeof call->path, "%s", path);
    call->http_done = done;
    return &call->operation;
}

static inline void fake_free(struct transport *transport)
{
    struct fake *fake = (struct fake *)transport;
    while (fake->calls != NULL) {
        fake_drop(&fake->calls->operation);
    }
    text_clear(&fake->proposals);
    free(fake);
}

static const struct transport_ops fake_ops = {fake_call_start, fake_get_start, fake_free};

static inline void fake_add_table(struct fake *fake, const char *name, enum app_status status,
                                  int32_t partition_count)
{
    int32_t index = fake->table_count++;
    fake->tables[index] = (struct fake_table){
        .app_id = index + 1,
        .name = name,
        .status = status,
        .partition_count = partition_count,
        .answered_app_id = index + 1,
        .answered_count = partition_count,
        .answered_items = partition_count,
    };
}

/* Meta 1 leads, the others stand by; four nodes; no tables. */
static inline struct fake *fake_new(struct loop *loop)
{
    struct fake *fake = memory_allocate(sizeof *fake);
    fake->transport.ops = &fake_ops;
    fake->transport.loop = loop;
    fake->modes[1] = FAKE_STANDBY;
    fake->modes[2] = FAKE_STANDBY;
    fake->level = LEVEL_STEADY;
    fake->stored_level = LEVEL_STEADY;
    fake->node_count = FAKE_NODES;
    return fake;
}

#endif
