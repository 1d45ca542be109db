#include "wire/wire.h"

#include "../pegasus/samples.h"

#include <check.h>
#include <stdlib.h>

#define BYTES(literal) literal, sizeof(literal) - 1

static struct arena arena;

static void setup(void)
{
    arena_init(&arena);
}

static void teardown(void)
{
    arena_clear(&arena);
}

/* ---- single bodies: result = 0C 0000 struct 00 */

#define RESULT(fields) "\x0c\0\0" fields "\0\0"
#define ERR            "\x0c\0\1\0\0\0\6ERR_OK"
#define ADDRESS        "\x7f\0\0\1\x87\xf1\0\1"
#define NODES(count)   "\x0f\0\2\x0c" count

static const struct {
    enum rpc rpc;
    const char *bytes;
    size_t length;
    const char *error; /* NULL: decodes */
} bodies[] = {
    {RPC_LIST_NODES, BYTES(RESULT(ERR NODES("\0\0\0\0"))), NULL},
    {RPC_LIST_NODES, BYTES(RESULT("")), NULL},
    /* unknown plain fields, and known ones of another plain type, are skipped */
    {RPC_LIST_NODES,
     BYTES(RESULT(ERR "\x0b\0\x09\0\0\0\3abc\x02\0\x0a\7\x04\0\x0b"
                      "12345678")),
     NULL},
    {RPC_LIST_NODES, BYTES(RESULT("\x0d\0\x09\x0b\x0f\0\0\0\1\0\0\0\1k\x06\0\0\0\2\0\1\0\2")),
     NULL},
    {RPC_LIST_NODES,
     BYTES(RESULT("\x0e\0\x09\x0a\0\0\0\1"
                  "12345678\x03\0\x0a\1")),
     NULL},
    {RPC_LIST_NODES, BYTES(RESULT("\x0f\0\x09\x0c\0\0\0\0")), NULL},
    {RPC_LIST_NODES, BYTES(RESULT("\x08\0\1\0\0\0\1\x0e\0\2\x08\0\0\0\0")), NULL},
    {RPC_LIST_NODES, BYTES(RESULT("\x0f\0\2\x08\0\0\0\0")), NULL},
    /* what has a struct's type cannot be skipped */
    {RPC_LIST_NODES, BYTES(RESULT(ERR "\x0c\0\x09\0")),
     "reply to RPC_CM_LIST_NODES: list_nodes_response: unknown field 9 of type 0x0c cannot be "
     "skipped: it has the type of a struct, whose end cannot be known"},
    {RPC_LIST_NODES, BYTES(RESULT("\x0f\0\x09\x0c\0\0\0\1\0")),
     "reply to RPC_CM_LIST_NODES: list_nodes_response: unknown field 9 of type 0x0f cannot be "
     "skipped: it has the type of a struct, whose end cannot be known"},
    {RPC_LIST_NODES, BYTES(RESULT(NODES("\0\0\0\1") "\x0c\0\7\0")),
     "reply to RPC_CM_LIST_NODES: list_nodes_response.infos: element 0: wire_node_info: unknown "
     "field 7 of type 0x0c cannot be skipped: it has the type of a struct, whose end cannot be "
     "known"},
    {RPC_LIST_NODES, BYTES(RESULT("\x0c\0\2\0")),
     "reply to RPC_CM_LIST_NODES: list_nodes_response: unknown field 2 of type 0x0c cannot be "
     "skipped: it has the type of a struct, whose end cannot be known"},
    {RPC_LIST_NODES, BYTES(RESULT("\x05\0\x09")),
     "reply to RPC_CM_LIST_NODES: list_nodes_response: unknown field 9 of type 0x05 cannot be "
     "skipped: type 0x05 does not exist"},
    {RPC_LIST_NODES,
     BYTES(RESULT("\x0f\0\x09\x0f\0\0\0\1\x0f\0\0\0\1\x0f\0\0\0\1\x0f\0\0\0\1\x0f\0\0\0\1\x0f\0\0\0"
                  "\1\x0f\0\0\0\1\x0f\0\0\0\1\x0f\0\0\0\0")),
     "reply to RPC_CM_LIST_NODES: list_nodes_response: unknown field 9 of type 0x0f cannot be "
     "skipped: containers nested deeper than 8"},
    /* counts and lengths */
    {RPC_LIST_NODES, BYTES(RESULT(NODES("\0\0\0\3"))),
     "reply to RPC_CM_LIST_NODES: list_nodes_response.infos: a container announces 3 elements "
     "where 2 bytes are left"},
    {RPC_LIST_NODES, BYTES(RESULT(NODES("\xff\xff\xff\xff"))),
     "reply to RPC_CM_LIST_NODES: list_nodes_response.infos: a container announces -1 elements "
     "where 2 bytes are left"},
    {RPC_LIST_NODES, BYTES(RESULT(NODES("\x7f\xff\xff\xff"))),
     "reply to RPC_CM_LIST_NODES: list_nodes_response.infos: a container announces 2147483647 "
     "elements where 2 bytes are left"},
    {RPC_LIST_NODES, BYTES(RESULT("\x0f\0\2\x08\0\0\0\1\0\0\0\0")),
     "reply to RPC_CM_LIST_NODES: list_nodes_response.infos: elements of type 0x08 where 0x0c is "
     "expected"},
    {RPC_CLUSTER_INFO, BYTES(RESULT("\x0f\0\2\x0b\0\0\0\1\xff\xff\xff\xfe")),
     "reply to RPC_CM_CLUSTER_INFO: cluster_info_response.keys: element 0: a string announces -2 "
     "bytes where 2 are left"},
    {RPC_CLUSTER_INFO, BYTES(RESULT("\x0f\0\2\x0b\0\0\0\1\x7f\0\0\0")),
     "reply to RPC_CM_CLUSTER_INFO: cluster_info_response.keys: element 0: a string announces "
     "2130706432 bytes where 2 are left"},
    {RPC_LIST_APPS,
     BYTES(RESULT("\x0f\0\2\x0c\0\0\0\1\x0d\0\6\x0b\x08\0\0\0\1"
                  "12345678\0")),
     "reply to RPC_CM_LIST_APPS: list_apps_response.infos: element 0: wire_app_info.envs: elements "
     "of type 0x08 where 0x0b is expected"},
    /* values */
    {RPC_QUERY_CONFIG, BYTES(RESULT("\x02\0\4\2")),
     "reply to RPC_CM_QUERY_PARTITION_CONFIG_BY_INDEX: query_config_response.is_stateful: a bool "
     "is 2, neither 0 nor 1"},
    {RPC_LIST_NODES, BYTES(RESULT(NODES("\0\0\0\1") "\x0c\0\2\x7f\0\0\1\x87\xf1\0\3\0")),
     "reply to RPC_CM_LIST_NODES: list_nodes_response.infos: element 0: wire_node_info.node: an "
     "address of kind 3, which does not exist"},
    {RPC_LIST_NODES, BYTES(RESULT(NODES("\0\0\0\1") "\x0c\0\3\0\0\0\1h\x87\xf1\4\0")),
     "reply to RPC_CM_LIST_NODES: list_nodes_response.infos: element 0: wire_node_info.hp_node: an "
     "address of kind 4, which does not exist"},
    {RPC_LIST_NODES, BYTES(RESULT(NODES("\0\0\0\1") "\x0c\0\3\0\0\0\2h\0\x87\xf1\1\0")),
     "reply to RPC_CM_LIST_NODES: list_nodes_response.infos: element 0: wire_node_info.hp_node: a "
     "host name of 2 bytes, longer than 255 or with a NUL"},
    /* every byte is accounted for */
    {RPC_LIST_NODES, BYTES(RESULT("") "x"), "reply to RPC_CM_LIST_NODES: 1 bytes follow the value"},
    {RPC_LIST_NODES, BYTES("\x0c\0\0\0\x08\0\1\0"),
     "reply to RPC_CM_LIST_NODES: 4 bytes follow the value"},
    {RPC_LIST_NODES, BYTES(""), "reply to RPC_CM_LIST_NODES: 0 bytes are left where 1 are needed"},
    {RPC_LIST_NODES, BYTES("\0"),
     "reply to RPC_CM_LIST_NODES: field 0 of type 0x00 where the value is expected"},
    {RPC_LIST_NODES, BYTES("\x0c\0\1\0\0"),
     "reply to RPC_CM_LIST_NODES: field 1 of type 0x0c where the value is expected"},
    {RPC_REMOTE_COMMAND, BYTES("\x0c\0\0\0\0"),
     "reply to RPC_CLI_CLI_CALL: field 0 of type 0x0c where the value is expected"},
    {RPC_REMOTE_COMMAND, BYTES("\x0b\0\0\0\0\0\2hi\0"), NULL},
};

START_TEST(a_body_is_decoded_or_refused_with_the_place_and_the_reason)
{
    struct error err = {0};
    void *response = arena_allocate(&arena, rpc_response_bytes(bodies[_i].rpc));
    char *bytes = memory_allocate(bodies[_i].length);
    memcpy(bytes, bodies[_i].bytes, bodies[_i].length);
    bool ok = wire_decode_response(bodies[_i].rpc, (struct slice){bytes, bodies[_i].length}, &arena,
                                   response, &err);
    if (bodies[_i].error == NULL) {
        ck_assert_msg(ok, "%s", err.text);
    } else {
        ck_assert(!ok);
        ck_assert_str_eq(err.text, bodies[_i].error);
        ck_assert_int_eq(err.code, ERROR_PEER);
    }
    free(bytes);
}
END_TEST

START_TEST(what_follows_a_skipped_field_is_read_rightly)
{
    static const char body[] =
        RESULT("\x0b\0\x09\0\0\0\3abc" ERR NODES("\0\0\0\1") "\x0c\0\2" ADDRESS "\x08\0\x63\0\0\0\1"
                                                             "\x0c\0\3\0\0\0\1h\x87\xf1\1"
                                                             "\x08\0\1\0\0\0\2\0");
    struct list_nodes_response response;
    struct error err = {0};
    ck_assert_msg(
        wire_decode_response(RPC_LIST_NODES, (struct slice){BYTES(body)}, &arena, &response, &err),
        "%s", err.text);
    const struct wire_node_info *node = response.infos.items;
    ck_assert(slice_equals(response.err, PEGASUS_OK));
    ck_assert_uint_eq(response.infos.count, 1);
    ck_assert_int_eq(node->status, NODE_UNALIVE);
    ck_assert_uint_eq(node->node.port, 34801);
    ck_assert(node->has_hp_node && slice_equals(node->hp_node.host, "h"));
    ck_assert_uint_eq(node->hp_node.port, 34801);
}
END_TEST

START_TEST(arguments_travel_under_field_0_and_1_only)
{
    struct error err = {0};
    for (int id = 0; id < 3; id++) {
        char body[] = "\x0c\0\0\x08\0\1\0\0\1\x90\0";
        struct control_meta_request request;
        body[2] = (char)id;
        bool ok = wire_decode_arguments(RPC_CONTROL_META, (struct slice){body, sizeof body}, &arena,
                                        &request, &err);
        ck_assert_msg(ok == (id < 2), "id %d: %s", id, err.text);
        ck_assert(!ok || request.level == LEVEL_STEADY);
    }
    ck_assert_str_eq(err.text, "arguments of RPC_CM_CONTROL_META: field 2 of type 0x0c where the "
                               "value is expected");
}
END_TEST

START_TEST(a_group_address_is_decoded_so_that_it_can_be_counted)
{
    static const char body[] = "\x0c\0\1\x0f\0\2\x0c\0\0\0\1\x0c\0\1\0\0\0\0\0\0\0\2\0\0";
    struct propose_request request;
    struct error err = {0};
    ck_assert_msg(wire_decode_arguments(RPC_PROPOSE, (struct slice){body, sizeof body}, &arena,
                                        &request, &err),
                  "%s", err.text);
    const struct wire_action *action = request.actions.items;
    ck_assert_int_eq(action->target.kind, ADDRESS_GROUP);
}
END_TEST

/* A struct's one stop byte is the least it takes: 200 bytes of ours for one of theirs. */
START_TEST(a_small_reply_cannot_make_us_allocate_much)
{
    enum { ELEMENTS = 1 << 20 };
    struct text body = {0};
    struct list_apps_response response;
    struct error err = {0};
    text_append(&body, BYTES("\x0c\0\0\x0f\0\2\x0c\0\x10\0\0"));
    memset(text_reserve(&body, ELEMENTS + 2), 0, ELEMENTS + 2);
    body.length += ELEMENTS + 2;
    ck_assert(!wire_decode_response(RPC_LIST_APPS, (struct slice){body.bytes, body.length}, &arena,
                                    &response, &err));
    ck_assert_str_eq(err.text, "reply to RPC_CM_LIST_APPS: list_apps_response.infos: containers "
                               "announce more than their bytes can hold: 1048576 elements");
    ck_assert_uint_eq(arena.total, 0);
    text_clear(&body);
}
END_TEST

/* ---- recorded frames, damaged */

struct damage {
    enum rpc rpc;
    bool is_request;
    char *body;
    size_t length;
};

static bool decode(const struct damage *damage, struct slice body, void *out, struct error *err)
{
    return damage->is_request ? wire_decode_arguments(damage->rpc, body, &arena, out, err)
                              : wire_decode_response(damage->rpc, body, &arena, out, err);
}

static void expect_prefixes_to_fail(const struct damage *damage, void *out)
{
    struct error err = {0};
    size_t step = damage->length < 2000 ? 1 : 41;
    for (size_t length = 0; length < damage->length; length += step) {
        char *exact = memory_allocate(length);
        memcpy(exact, damage->body, length);
        ck_assert_msg(!decode(damage, (struct slice){exact, length}, out, &err),
                      "%zu of %zu bytes decode", length, damage->length);
        free(exact);
        arena_reset(&arena);
    }
}

/* Whatever a flipped bit makes of a frame: it is refused, or written again as what was read. */
static void expect_flips_to_be_survived(const struct damage *damage, void *out)
{
    size_t step = damage->length < 500 ? 1 : 61;
    for (size_t bit = 0; bit < damage->length * 8; bit += step) {
        struct error err = {0};
        struct slice body = {damage->body, damage->length};
        damage->body[bit / 8] ^= (char)(1 << bit % 8);
        if (decode(damage, body, out, &err)) {
            struct text once = {0};
            struct text twice = {0};
            if (!damage->is_request) {
                wire_encode_response_body(damage->rpc, out, &once);
                ck_assert(decode(damage, (struct slice){once.bytes, once.length}, out, &err));
                wire_encode_response_body(damage->rpc, out, &twice);
            } else {
                wire_encode_request(damage->rpc, 1, 1, out, &once);
                wire_encode_request(damage->rpc, 1, 1, out, &twice);
            }
            ck_assert_uint_eq(once.length, twice.length);
            ck_assert_mem_eq(once.bytes, twice.bytes, once.length);
            text_clear(&once);
            text_clear(&twice);
        } else {
            ck_assert_int_eq(err.code, ERROR_PEER);
        }
        damage->body[bit / 8] ^= (char)(1 << bit % 8);
        arena_reset(&arena);
    }
}

static void damage_body(enum rpc rpc, bool is_request, struct slice body)
{
    struct damage damage = {rpc, is_request, memory_allocate(body.length), body.length};
    void *out = memory_allocate(is_request ? rpc_request_bytes(rpc) : rpc_response_bytes(rpc));
    memcpy(damage.body, body.bytes, body.length);
    expect_prefixes_to_fail(&damage, out);
    expect_flips_to_be_survived(&damage, out);
    free(damage.body);
    free(out);
}

static void expect_frames_to_be_whole(const char *request, size_t request_length,
                                      const char *response, size_t response_length)
{
    struct error err = {0};
    struct wire_request half_request;
    struct wire_reply half_reply;
    size_t frame_bytes;
    for (size_t i = 0; i < request_length; i++) {
        ck_assert_int_eq(wire_scan_request(request, i, &frame_bytes, &err), WIRE_INCOMPLETE);
        ck_assert(!wire_decode_request(request, i, &half_request, &err));
    }
    for (size_t i = 0; i < response_length; i++) {
        ck_assert_int_eq(wire_scan_reply(response, i, &frame_bytes, &err), WIRE_INCOMPLETE);
        ck_assert(!wire_decode_reply(response, i, &half_reply, &err));
    }
}

static void damage_sample(const struct sample *sample)
{
    struct error err = {0};
    struct wire_request request;
    struct wire_reply reply;
    size_t request_length;
    size_t reply_length;
    char *request_bytes = sample_unhex(sample_string(sample->json, "request"), &request_length);
    char *reply_bytes = sample_unhex(sample_string(sample->json, "response"), &reply_length);
    expect_frames_to_be_whole(request_bytes, request_length, reply_bytes, reply_length);
    ck_assert(wire_decode_request(request_bytes, request_length, &request, &err));
    ck_assert(wire_decode_reply(reply_bytes, reply_length, &reply, &err));
    damage_body(request.rpc, true, request.body);
    if (slice_equals(reply.error, PEGASUS_OK)) {
        damage_body(request.rpc, false, reply.body);
    }
    free(request_bytes);
    free(reply_bytes);
}

START_TEST(damaged_frames_are_refused_or_read_but_never_more)
{
    samples_visit_all("", damage_sample);
}
END_TEST

/* ---- size */

static void write_partitions(uint32_t count, struct text *out)
{
    struct address servers[2] = {{0x7F000001, 34801, ADDRESS_IPV4},
                                 {0x7F000001, 34802, ADDRESS_IPV4}};
    struct host_port hosts[2] = {{slice_of("one.example.org"), 34801, ADDRESS_IPV4},
                                 {slice_of("two.example.org"), 34802, ADDRESS_IPV4}};
    struct wire_partition *partitions = memory_allocate(count * sizeof *partitions);
    for (uint32_t i = 0; i < count; i++) {
        partitions[i] = (struct wire_partition){
            .pid = {7, (int32_t)i},
            .ballot = INT64_C(1) << 40,
            .max_replica_count = 3,
            .primary = servers[0],
            .secondaries = {servers, 2},
            .hp_primary = hosts[0],
            .has_hp_primary = true,
            .hp_secondaries = {hosts, 2},
            .has_hp_secondaries = true,
        };
    }
    struct query_config_response response = {
        .err = slice_of(PEGASUS_OK), .app_id = 7, .partitions = {partitions, count}};
    wire_encode_response_body(RPC_QUERY_CONFIG, &response, out);
    free(partitions);
}

START_TEST(thirty_thousand_partitions_take_memory_in_proportion)
{
    enum { PARTITIONS = 30000 };
    struct text body = {0};
    struct error err = {0};
    struct query_config_response response;
    write_partitions(PARTITIONS, &body);
    ck_assert_msg(wire_decode_response(RPC_QUERY_CONFIG, (struct slice){body.bytes, body.length},
                                       &arena, &response, &err),
                  "%s", err.text);
    const struct wire_partition *partitions = response.partitions.items;
    ck_assert_uint_eq(response.partitions.count, PARTITIONS);
    for (int32_t i = 0; i < PARTITIONS; i++) {
        const struct host_port *hosts = partitions[i].hp_secondaries.items;
        ck_assert_int_eq(partitions[i].pid.partition, i);
        ck_assert_uint_eq(hosts[1].port, 34802);
        ck_assert(slice_equals(hosts[1].host, "two.example.org"));
    }
    ck_assert_uint_lt(arena.total, 8 * body.length);
    text_clear(&body);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("decode");
    TCase *tcase = tcase_create("decode");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, a_body_is_decoded_or_refused_with_the_place_and_the_reason, 0,
                        sizeof bodies / sizeof *bodies);
    tcase_add_test(tcase, what_follows_a_skipped_field_is_read_rightly);
    tcase_add_test(tcase, arguments_travel_under_field_0_and_1_only);
    tcase_add_test(tcase, a_group_address_is_decoded_so_that_it_can_be_counted);
    tcase_add_test(tcase, a_small_reply_cannot_make_us_allocate_much);
    tcase_add_test(tcase, damaged_frames_are_refused_or_read_but_never_more);
    tcase_add_test(tcase, thirty_thousand_partitions_take_memory_in_proportion);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
