#include "wire/wire.h"

#include "../pegasus/samples.h"

#include <check.h>
#include <stdlib.h>

/* The recording client's timeout. */
enum { RECORDED_TIMEOUT_MS = 5000 };

static struct arena arena;

static void setup(void)
{
    arena_init(&arena);
}

static void teardown(void)
{
    arena_clear(&arena);
}

static void check_bytes(const char *name, const struct text *got, const char *bytes, size_t length)
{
    ck_assert_msg(got->length == length && memcmp(got->bytes, bytes, length) == 0,
                  "%s: %zu bytes written differ from the %zu recorded", name, got->length, length);
}

/* ---- decoded structs as the recording client shows them */

static void add_text(cJSON *object, const char *key, struct slice slice)
{
    cJSON_AddStringToObject(object, key, arena_copy_bytes(&arena, slice.bytes, slice.length));
}

static void add_number(cJSON *object, const char *key, int64_t value)
{
    cJSON_AddNumberToObject(object, key, (double)value);
}

static cJSON *show_address(struct address address)
{
    char text[ADDRESS_TEXT_BYTES];
    return address_is_set(address) ? cJSON_CreateString(address_format(address, text))
                                   : cJSON_CreateNull();
}

static cJSON *show_host(struct host_port host)
{
    return cJSON_CreateString(arena_printf(&arena, "%.*s:%u", (int)host.host.length,
                                           host.host.length == 0 ? "" : host.host.bytes,
                                           (unsigned)host.port));
}

static cJSON *show_gpid(struct gpid gpid)
{
    return cJSON_CreateString(arena_printf(&arena, "%d.%d", gpid.app_id, gpid.partition));
}

static cJSON *show_texts(struct wire_list list)
{
    cJSON *array = cJSON_CreateArray();
    const struct slice *items = list.items;
    for (uint32_t i = 0; i < list.count; i++) {
        cJSON_AddItemToArray(
            array, cJSON_CreateString(arena_copy_bytes(&arena, items[i].bytes, items[i].length)));
    }
    return array;
}

static cJSON *show_addresses(struct wire_list list)
{
    cJSON *array = cJSON_CreateArray();
    const struct address *items = list.items;
    for (uint32_t i = 0; i < list.count; i++) {
        cJSON_AddItemToArray(array, show_address(items[i]));
    }
    return array;
}

static cJSON *show_hosts(struct wire_list list)
{
    cJSON *array = cJSON_CreateArray();
    const struct host_port *items = list.items;
    for (uint32_t i = 0; i < list.count; i++) {
        cJSON_AddItemToArray(array, show_host(items[i]));
    }
    return array;
}

static cJSON *show_node(const struct wire_node_info *node)
{
    cJSON *object = cJSON_CreateObject();
    add_number(object, "status", node->status);
    cJSON_AddItemToObject(object, "node", show_address(node->node));
    if (node->has_hp_node) {
        cJSON_AddItemToObject(object, "hp_node", show_host(node->hp_node));
    }
    return object;
}

static cJSON *show_app(const struct wire_app_info *app)
{
    cJSON *object = cJSON_CreateObject();
    cJSON *envs = cJSON_AddObjectToObject(object, "envs");
    const struct wire_env *items = app->envs.items;
    for (uint32_t i = 0; i < app->envs.count; i++) {
        add_text(envs, arena_copy_bytes(&arena, items[i].key.bytes, items[i].key.length),
                 items[i].value);
    }
    add_number(object, "status", app->status);
    add_text(object, "type", app->app_type);
    add_text(object, "name", app->app_name);
    add_number(object, "id", app->app_id);
    add_number(object, "partitions", app->partition_count);
    cJSON_AddBoolToObject(object, "stateful", app->is_stateful);
    add_number(object, "rf", app->max_replica_count);
    add_number(object, "expire", app->expire_second);
    add_number(object, "create", app->create_second);
    add_number(object, "drop", app->drop_second);
    if (app->has_duplicating) {
        cJSON_AddBoolToObject(object, "dup", app->duplicating);
    }
    if (app->has_init_partition_count) {
        add_number(object, "init_pc", app->init_partition_count);
    }
    if (app->has_is_bulk_loading) {
        cJSON_AddBoolToObject(object, "bulk", app->is_bulk_loading);
    }
    if (app->has_atomic_idempotent) {
        cJSON_AddBoolToObject(object, "atomic", app->atomic_idempotent);
    }
    return object;
}

static cJSON *show_partition(const struct wire_partition *partition)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddItemToObject(object, "pid", show_gpid(partition->pid));
    add_number(object, "ballot", partition->ballot);
    add_number(object, "rf", partition->max_replica_count);
    cJSON_AddItemToObject(object, "primary", show_address(partition->primary));
    cJSON_AddItemToObject(object, "secondaries", show_addresses(partition->secondaries));
    cJSON_AddItemToObject(object, "last_drops", show_addresses(partition->last_drops));
    add_number(object, "lcd", partition->last_committed_decree);
    add_number(object, "flags", partition->partition_flags);
    if (partition->has_hp_primary) {
        cJSON_AddItemToObject(object, "hp_primary", show_host(partition->hp_primary));
    }
    if (partition->has_hp_secondaries) {
        cJSON_AddItemToObject(object, "hp_secondaries", show_hosts(partition->hp_secondaries));
    }
    if (partition->has_hp_last_drops) {
        cJSON_AddItemToObject(object, "hp_last_drops", show_hosts(partition->hp_last_drops));
    }
    return object;
}

static cJSON *show_replica(const struct wire_replica_info *replica)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddItemToObject(object, "pid", show_gpid(replica->pid));
    add_number(object, "ballot", replica->ballot);
    add_number(object, "status", replica->status);
    add_number(object, "lcd", replica->last_committed_decree);
    add_number(object, "lpd", replica->last_prepared_decree);
    add_number(object, "ldd", replica->last_durable_decree);
    add_text(object, "type", replica->app_type);
    add_text(object, "disk", replica->disk_tag);
    if (replica->has_manual_compact_status) {
        add_number(object, "mc", replica->manual_compact_status);
    }
    return object;
}

#define SHOW_STRUCTS(object, key, list, type, show)                                                \
    do {                                                                                           \
        cJSON *array = cJSON_AddArrayToObject(object, key);                                        \
        const struct type *items = (list).items;                                                   \
        for (uint32_t i = 0; i < (list).count; i++) {                                              \
            cJSON_AddItemToArray(array, show(&items[i]));                                          \
        }                                                                                          \
    } while (0)

union response {
    struct cluster_info_response info;
    struct list_nodes_response nodes;
    struct list_apps_response apps;
    struct query_config_response config;
    struct control_meta_response level;
    struct propose_response propose;
    struct remote_command_response command;
    struct replica_info_response replicas;
};

static cJSON *show_response(enum rpc rpc, const union response *response)
{
    cJSON *object = cJSON_CreateObject();
    if (rpc != RPC_REMOTE_COMMAND) {
        add_text(object, "err", response->info.err); /* the first field of each */
    }
    switch (rpc) {
    case RPC_CLUSTER_INFO:
        cJSON_AddItemToObject(object, "keys", show_texts(response->info.keys));
        cJSON_AddItemToObject(object, "values", show_texts(response->info.values));
        break;
    case RPC_LIST_NODES:
        SHOW_STRUCTS(object, "infos", response->nodes.infos, wire_node_info, show_node);
        break;
    case RPC_LIST_APPS:
        SHOW_STRUCTS(object, "infos", response->apps.infos, wire_app_info, show_app);
        if (response->apps.has_hint_message) {
            add_text(object, "hint", response->apps.hint_message);
        }
        break;
    case RPC_QUERY_CONFIG:
        add_number(object, "app_id", response->config.app_id);
        add_number(object, "count", response->config.partition_count);
        cJSON_AddBoolToObject(object, "stateful", response->config.is_stateful);
        SHOW_STRUCTS(object, "partitions", response->config.partitions, wire_partition,
                     show_partition);
        break;
    case RPC_CONTROL_META:
        add_number(object, "old_level", response->level.old_level);
        break;
    case RPC_PROPOSE:
        break;
    case RPC_REMOTE_COMMAND:
        cJSON_Delete(object);
        return cJSON_CreateString(
            arena_copy_bytes(&arena, response->command.text.bytes, response->command.text.length));
    case RPC_REPLICA_INFO:
        SHOW_STRUCTS(object, "replicas", response->replicas.replicas, wire_replica_info,
                     show_replica);
        break;
    case RPC_COUNT:
        ck_abort();
    }
    return object;
}

/* ---- both directions of one exchange */

static enum rpc check_request(const struct sample *sample, int32_t *sequence)
{
    size_t length;
    size_t frame_bytes = 0;
    struct wire_request request;
    struct error err = {0};
    struct text again = {0};
    char *bytes = sample_unhex(sample_string(sample->json, "request"), &length);
    ck_assert_msg(wire_scan_request(bytes, length, &frame_bytes, &err) == WIRE_COMPLETE, "%s",
                  err.text);
    ck_assert_uint_eq(frame_bytes, length);
    ck_assert_msg(wire_decode_request(bytes, length, &request, &err), "%s: %s", sample->name,
                  err.text);
    ck_assert(request.known);
    ck_assert_str_eq(rpc_name(request.rpc), sample_string(sample->json, "rpc"));
    ck_assert_int_eq(request.app_id, 0);
    ck_assert_int_eq(request.timeout_ms, RECORDED_TIMEOUT_MS);

    void *arguments = arena_allocate(&arena, rpc_request_bytes(request.rpc));
    ck_assert_msg(wire_decode_arguments(request.rpc, request.body, &arena, arguments, &err),
                  "%s: %s", sample->name, err.text);
    wire_encode_request(request.rpc, request.sequence, RECORDED_TIMEOUT_MS, arguments, &again);
    check_bytes(sample->name, &again, bytes, length);
    *sequence = request.sequence;
    text_clear(&again);
    free(bytes);
    return request.rpc;
}

static void check_answer(const struct sample *sample, enum rpc rpc, const struct wire_reply *reply,
                         struct text *again)
{
    const cJSON *expected = cJSON_GetObjectItemCaseSensitive(sample->json, "decoded");
    struct slice name = slice_of(rpc_name(rpc));
    char *error = arena_copy_bytes(&arena, reply->error.bytes, reply->error.length);
    if (cJSON_HasObjectItem(expected, "rpc_error")) {
        ck_assert_str_eq(error, sample_string(expected, "rpc_error"));
        ck_assert_uint_eq(reply->body.length, 0);
        wire_encode_reply(name, reply->sequence, error, rpc, NULL, again);
        return;
    }
    union response response;
    struct error err = {0};
    ck_assert_str_eq(error, PEGASUS_OK);
    ck_assert_msg(wire_decode_response(rpc, reply->body, &arena, &response, &err), "%s: %s",
                  sample->name, err.text);
    cJSON *shown = show_response(rpc, &response);
    char *text = cJSON_PrintUnformatted(shown);
    ck_assert_msg(cJSON_Compare(shown, expected, true), "%s: decoded %s", sample->name, text);
    free(text);
    cJSON_Delete(shown);
    wire_encode_reply(name, reply->sequence, error, rpc, &response, again);
}

static bool rpc_seen[RPC_COUNT];

static void check_exchange(const struct sample *sample)
{
    int32_t sequence = 0;
    enum rpc rpc = check_request(sample, &sequence);
    size_t length;
    size_t frame_bytes = 0;
    struct wire_reply reply;
    struct error err = {0};
    struct text again = {0};
    char *bytes = sample_unhex(sample_string(sample->json, "response"), &length);
    ck_assert_msg(wire_scan_reply(bytes, length, &frame_bytes, &err) == WIRE_COMPLETE, "%s",
                  err.text);
    ck_assert_uint_eq(frame_bytes, length);
    ck_assert_msg(wire_decode_reply(bytes, length, &reply, &err), "%s: %s", sample->name, err.text);
    ck_assert_int_eq(reply.sequence, sequence);
    ck_assert_str_eq(arena_copy_bytes(&arena, reply.name.bytes, reply.name.length),
                     arena_printf(&arena, "%s_ACK", rpc_name(rpc)));
    check_answer(sample, rpc, &reply, &again);
    check_bytes(sample->name, &again, bytes, length);
    rpc_seen[rpc] = true;
    text_clear(&again);
    free(bytes);
}

START_TEST(every_recorded_exchange_is_read_and_written_identically)
{
    samples_visit_all("", check_exchange);
    for (int i = 0; i < RPC_COUNT; i++) {
        ck_assert_msg(rpc_seen[i], "no sample of %s", rpc_name((enum rpc)i));
    }
}
END_TEST

/* ---- the worked frames of the reference */

static const struct {
    const char *what;
    const char *hex;
} worked[] = {
    {"cluster info", "5448465400000000000000300000000000000024000000000000000000000000"
                     "0000138800000000000000000000000080010001000000135250435f434d5f43"
                     "4c55535445525f494e464f000000010c00010000"},
    {"list nodes", "5448465400000000000000300000000000000029000000000000000000000000"
                   "0000138800000000000000000000000080010001000000115250435f434d5f4c"
                   "4953545f4e4f444553000000020c0001080001000000000000"},
    {"help", "5448465400000000000000300000000000000034000000000000000000000000"
             "0000138800000000000000000000000080010001000000105250435f434c495f"
             "434c495f43414c4c000000030c00010b00010000000468656c700f00020b0000"
             "00000000"},
    {"one node", "0000005c000000064552525f4f4b80010002000000155250435f434d5f4c4953"
                 "545f4e4f4445535f41434b000000020c00000c0001000000064552525f4f4b0f"
                 "00020c0000000108000100000001"
                 "0c00027f00000187f10001000000"},
    {"one named node", "0000006f000000064552525f4f4b80010002000000155250435f434d5f4c4953"
                       "545f4e4f4445535f41434b000000020c00000c0001000000064552525f4f4b0f"
                       "00020c00000001080001000000010c00027f00000187f10001"
                       "0c0003000000096c6f63616c686f737487f101000000"},
    {"standby", "00000058000000064552525f4f4b80010002000000155250435f434d5f4c4953"
                "545f4e4f4445535f41434b000000020c00000c0001000000154552525f464f52"
                "574152445f544f5f4f54484552530f00020c00000000"
                "0000"},
    {"no handler", "0000003e000000154552525f48414e444c45525f4e4f545f464f554e44800100"
                   "02000000155250435f434d5f4c4953545f4e4f4445535f41434b00000002"},
    {"text", "00000038000000064552525f4f4b80010002000000145250435f434c495f434c"
             "495f43414c4c5f41434b000000030b0000000000024f4b00"},
};
enum { WORKED_REQUESTS = 3 };

static void write_worked(int which, struct text *out)
{
    struct wire_node_info node = {.status = 1, .node = {0x7F000001, 34801, ADDRESS_IPV4}};
    struct list_nodes_response nodes = {.err = slice_of(PEGASUS_OK), .infos = {&node, 1}};
    struct slice list_nodes = slice_of("RPC_CM_LIST_NODES");
    if (which == 0) {
        wire_encode_request(RPC_CLUSTER_INFO, 1, 5000, &(struct cluster_info_request){0}, out);
    } else if (which == 1) {
        wire_encode_request(RPC_LIST_NODES, 2, 5000, &(struct list_nodes_request){0}, out);
    } else if (which == 2) {
        struct remote_command_request help = {.command = slice_of("help")};
        wire_encode_request(RPC_REMOTE_COMMAND, 3, 5000, &help, out);
    } else if (which == 3 || which == 4) {
        node.has_hp_node = which == 4;
        node.hp_node = (struct host_port){slice_of("localhost"), 34801, ADDRESS_IPV4};
        wire_encode_reply(list_nodes, 2, PEGASUS_OK, RPC_LIST_NODES, &nodes, out);
    } else if (which == 5) {
        nodes = (struct list_nodes_response){.err = slice_of(PEGASUS_FORWARD_TO_OTHERS)};
        wire_encode_reply(list_nodes, 2, PEGASUS_OK, RPC_LIST_NODES, &nodes, out);
    } else if (which == 6) {
        wire_encode_reply(list_nodes, 2, PEGASUS_HANDLER_NOT_FOUND, RPC_LIST_NODES, &nodes, out);
    } else {
        struct remote_command_response text = {slice_of("OK")};
        wire_encode_reply(slice_of("RPC_CLI_CLI_CALL"), 3, PEGASUS_OK, RPC_REMOTE_COMMAND, &text,
                          out);
    }
}

START_TEST(the_worked_frames_are_written_and_read)
{
    size_t length;
    size_t frame_bytes = 0;
    struct error err = {0};
    struct text out = {0};
    char *bytes = sample_unhex(worked[_i].hex, &length);
    write_worked(_i, &out);
    check_bytes(worked[_i].what, &out, bytes, length);
    if (_i < WORKED_REQUESTS) {
        struct wire_request request;
        ck_assert_int_eq(wire_scan_request(bytes, length, &frame_bytes, &err), WIRE_COMPLETE);
        ck_assert_msg(wire_decode_request(bytes, length, &request, &err), "%s", err.text);
        ck_assert_int_eq(request.sequence, _i + 1);
    } else {
        struct wire_reply reply;
        ck_assert_int_eq(wire_scan_reply(bytes, length, &frame_bytes, &err), WIRE_COMPLETE);
        ck_assert_msg(wire_decode_reply(bytes, length, &reply, &err), "%s", err.text);
    }
    ck_assert_uint_eq(frame_bytes, length);
    text_clear(&out);
    free(bytes);
}
END_TEST

START_TEST(frames_are_appended_behind_what_is_there)
{
    struct text out = {0};
    struct text twice = {0};
    for (int i = 0; i < 8; i++) {
        text_reset(&out);
        text_reset(&twice);
        write_worked(i, &out);
        write_worked(i, &twice);
        write_worked(i, &twice);
        ck_assert_uint_eq(twice.length, 2 * out.length);
        ck_assert_mem_eq(twice.bytes, out.bytes, out.length);
        ck_assert_mem_eq(twice.bytes + out.length, out.bytes, out.length);
    }
    text_clear(&out);
    text_clear(&twice);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("golden");
    TCase *tcase = tcase_create("golden");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, every_recorded_exchange_is_read_and_written_identically);
    tcase_add_loop_test(tcase, the_worked_frames_are_written_and_read, 0,
                        sizeof worked / sizeof *worked);
    tcase_add_test(tcase, frames_are_appended_behind_what_is_there);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
