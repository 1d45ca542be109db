#include "wire/wire.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define BYTES(literal) literal, sizeof(literal) - 1

static const struct {
    const char *bytes;
    size_t length;
    enum wire_scan scan;
    const char *error;
} replies[] = {
    {BYTES(""), WIRE_INCOMPLETE, NULL},
    {BYTES("\0\0\0"), WIRE_INCOMPLETE, NULL},
    {BYTES("\0\0\0\x38"), WIRE_INCOMPLETE, NULL},
    {BYTES("\0\0\0\x38\0\0\0\x06"
           "ERR_OK"),
     WIRE_INCOMPLETE, NULL},
    {BYTES("HTTP"), WIRE_BROKEN, "this is an HTTP server, not a Pegasus server"},
    {BYTES("HTTP/1.1 400 Bad Request\r\n"), WIRE_BROKEN,
     "this is an HTTP server, not a Pegasus server"},
    {BYTES("SSH-2.0-x"), WIRE_BROKEN, "this is not a Pegasus server: its reply begins with 'SSH-'"},
    {BYTES("\0\0\0\0"), WIRE_BROKEN,
     "this is not a Pegasus server: its reply announces 0 bytes, fewer than the 21 of the shortest "
     "one"},
    {BYTES("\0\0\0\x14"), WIRE_BROKEN,
     "this is not a Pegasus server: its reply announces 20 bytes, fewer than the 21 of the "
     "shortest one"},
    {BYTES("\x7f\xff\xff\xff"), WIRE_BROKEN,
     "the reply announces 2147483647 bytes, more than the limit of 268435456"},
    {BYTES("\xff\xff\xff\xff"), WIRE_BROKEN,
     "the reply announces 4294967295 bytes, more than the limit of 268435456"},
    {BYTES("\x10\0\0\x01"), WIRE_BROKEN,
     "the reply announces 268435457 bytes, more than the limit of 268435456"},
    {BYTES("\x10\0\0\0"), WIRE_INCOMPLETE, NULL},
    {BYTES("\0\0\x10\0\0\0\x10\0"), WIRE_BROKEN,
     "this is not a Pegasus server: its reply has an error name of 4096 bytes"},
    {BYTES("\0\0\x10\0\0\0\0\0"), WIRE_BROKEN,
     "this is not a Pegasus server: its reply has an error name of 0 bytes"},
    {BYTES("\0\0\0\x20\0\0\0\x20"), WIRE_BROKEN,
     "this is not a Pegasus server: its reply has an error name of 32 bytes"},
};

START_TEST(a_reply_is_refused_as_early_as_its_bytes_show_it)
{
    struct error err = {0};
    size_t frame_bytes = 77;
    /* Copied to its exact size, so that a read behind the end is seen. */
    char *bytes = memory_allocate(replies[_i].length);
    memcpy(bytes, replies[_i].bytes, replies[_i].length);
    ck_assert_int_eq(wire_scan_reply(bytes, replies[_i].length, &frame_bytes, &err),
                     replies[_i].scan);
    ck_assert_uint_eq(frame_bytes, 77);
    if (replies[_i].error != NULL) {
        ck_assert_str_eq(err.text, replies[_i].error);
        ck_assert_int_eq(err.code, ERROR_PEER);
    }
    free(bytes);
}
END_TEST

#define V0 "THFT\0\0\0\0\0\0\0\x30"
#define V1 "THFT\0\0\0\1"

static const struct {
    const char *bytes;
    size_t length;
    enum wire_scan scan;
    const char *error;
} requests[] = {
    {BYTES(""), WIRE_INCOMPLETE, NULL},
    {BYTES("TH"), WIRE_INCOMPLETE, NULL},
    {BYTES("X"), WIRE_BROKEN, "the request does not begin with THFT"},
    {BYTES("GET /"), WIRE_BROKEN, "the request does not begin with THFT"},
    {BYTES("THFt"), WIRE_BROKEN, "the request does not begin with THFT"},
    {BYTES("THFT\0\0\0\2"), WIRE_BROKEN, "request header version 2 is neither 0 nor 1"},
    {BYTES("THFT\xff\xff\xff\xff"), WIRE_BROKEN,
     "request header version 4294967295 is neither 0 nor 1"},
    {BYTES(V0), WIRE_INCOMPLETE, NULL},
    {BYTES("THFT\0\0\0\0\0\0\0\x31"), WIRE_BROKEN, "the request's header length is 49, not 48"},
    {BYTES(V0 "\0\0\0\0\xff\xff\xff\xff"), WIRE_BROKEN,
     "the request announces 4294967343 bytes, more than the limit of 16777216"},
    {BYTES(V0 "\0\0\0\0\0\xff\xff\xd1"), WIRE_BROKEN,
     "the request announces 16777217 bytes, more than the limit of 16777216"},
    {BYTES(V0 "\0\0\0\0\0\xff\xff\xd0"), WIRE_INCOMPLETE, NULL},
    {BYTES(V1), WIRE_INCOMPLETE, NULL},
    {BYTES(V1 "\xff\xff\xff\xff"), WIRE_BROKEN,
     "the request's header announces 4294967295 bytes, more than the limit of 4096"},
    {BYTES(V1 "\0\0\0\1\xff\xff\xff\xff"), WIRE_BROKEN,
     "the request announces 4294967312 bytes, more than the limit of 16777216"},
    {BYTES(V1 "\0\0\0\1\0\0\0\2"), WIRE_INCOMPLETE, NULL},
};

START_TEST(a_request_is_refused_as_early_as_its_bytes_show_it)
{
    struct error err = {0};
    size_t frame_bytes = 77;
    char *bytes = memory_allocate(requests[_i].length);
    memcpy(bytes, requests[_i].bytes, requests[_i].length);
    ck_assert_int_eq(wire_scan_request(bytes, requests[_i].length, &frame_bytes, &err),
                     requests[_i].scan);
    ck_assert_uint_eq(frame_bytes, 77);
    if (requests[_i].error != NULL) {
        ck_assert_str_eq(err.text, requests[_i].error);
    }
    free(bytes);
}
END_TEST

#define CALL      "\x80\x01\0\1\0\0\0\x11RPC_CM_LIST_NODES\0\0\0\7"
#define ARGUMENTS "\x0c\0\0\0\0"
#define BODY      CALL ARGUMENTS /* 0x22 bytes */
#define ZERO4     "\0\0\0\0"
#define META      "\x08\0\1\0\0\0\3\x08\0\2\0\0\0\4\x08\0\3\0\0\x13\x88\x02\0\5\1"
#define HEAD0     V0 ZERO4 "\0\0\0\x22" ZERO4 "\0\0\0\3\0\0\0\4\0\0\x13\x88" ZERO4 ZERO4 ZERO4

static const struct {
    const char *bytes;
    size_t length;
} headers[] = {
    {BYTES(HEAD0 BODY)},
    {BYTES(V1 "\0\0\0\x1a\0\0\0\x22" META "\0" BODY)},
};

START_TEST(both_request_headers_are_read)
{
    struct error err = {0};
    struct arena arena;
    struct wire_request request;
    struct list_nodes_request arguments = {.status = 9};
    size_t frame_bytes = 0;
    size_t length = headers[_i].length;
    arena_init(&arena);
    for (size_t i = 0; i < length; i++) {
        ck_assert_int_eq(wire_scan_request(headers[_i].bytes, i, &frame_bytes, &err),
                         WIRE_INCOMPLETE);
    }
    ck_assert_int_eq(wire_scan_request(headers[_i].bytes, length, &frame_bytes, &err),
                     WIRE_COMPLETE);
    ck_assert_uint_eq(frame_bytes, length);
    ck_assert_msg(wire_decode_request(headers[_i].bytes, length, &request, &err), "%s", err.text);
    ck_assert(request.known && request.rpc == RPC_LIST_NODES);
    ck_assert_int_eq(request.sequence, 7);
    ck_assert_int_eq(request.app_id, 3);
    ck_assert_int_eq(request.partition, 4);
    ck_assert_int_eq(request.timeout_ms, 5000);
    ck_assert_msg(wire_decode_arguments(request.rpc, request.body, &arena, &arguments, &err), "%s",
                  err.text);
    ck_assert_int_eq(arguments.status, 0);
    arena_clear(&arena);
}
END_TEST

static const struct {
    const char *bytes;
    size_t length;
    const char *error;
} broken_requests[] = {
    {BYTES(HEAD0 BODY "x"), "request: 83 bytes are not one whole frame"},
    {BYTES(HEAD0 CALL), "request: 77 bytes are not one whole frame"},
    {BYTES("GET /"), "the request does not begin with THFT"},
    {BYTES(V1 "\0\0\0\x1b\0\0\0\x22" META "\0\0" BODY),
     "request: 1 bytes follow the header's struct"},
    {BYTES(V1 "\0\0\0\x19\0\0\0\x22" META BODY),
     "request: wire_request_meta: 0 bytes are left where 1 are needed"},
    {BYTES(V1 "\0\0\0\1\0\0\0\3\0"
              "\x80\x01\0"),
     "request: 3 bytes are left where 4 are needed"},
    {BYTES(V1 "\0\0\0\1\0\0\0\x0d\0"
              "\0\0\0\1X\0\0\0\1\1\0\0\0"),
     "request: message version 0x00000001 is not Thrift's"},
    {BYTES(V1 "\0\0\0\1\0\0\0\x0d\0"
              "\x80\x01\0\2\0\0\0\1X\0\0\0\1"),
     "request: message type 2 is no call"},
    {BYTES(V1 "\0\0\0\1\0\0\0\x0c\0"
              "\x80\x01\0\1\0\0\0\0\0\0\0\1"),
     "request: a name of 0 bytes is empty, too long or no text"},
    {BYTES(V1 "\0\0\0\1\0\0\0\x0d\0"
              "\x80\x01\0\1\0\0\0\1\n\0\0\0\1"),
     "request: a name of 1 bytes is empty, too long or no text"},
    {BYTES(V1 "\0\0\0\1\0\0\0\x0d\0"
              "\x80\x01\0\1\xff\xff\xff\xff"
              "X\0\0\0\1"),
     "request: a string announces -1 bytes where 5 are left"},
};

START_TEST(a_broken_request_is_refused_with_the_reason)
{
    struct error err = {0};
    struct wire_request request = {.sequence = 5};
    ck_assert(!wire_decode_request(broken_requests[_i].bytes, broken_requests[_i].length, &request,
                                   &err));
    ck_assert_str_eq(err.text, broken_requests[_i].error);
    ck_assert_int_eq(request.sequence, 5);
}
END_TEST

#define ERR_OK_NAME "\0\0\0\6ERR_OK"

static const struct {
    const char *bytes;
    size_t length;
    const char *error;
} broken_replies[] = {
    {BYTES("\0\0\0\x1b" ERR_OK_NAME "\x80\x01\0\2\0\0\0\1X\0\0\0\1x"),
     "reply: 27 bytes announced, 28 came"},
    {BYTES("\0\0\0\x1b" ERR_OK_NAME "\x80\x01\0\3\0\0\0\1X\0\0\0\1"),
     "reply: message type 3 is no reply"},
    {BYTES("\0\0\0\x1b" ERR_OK_NAME "\x00\x01\0\2\0\0\0\1X\0\0\0\1"),
     "reply: message version 0x00010002 is not Thrift's"},
    {BYTES("\0\0\0\x1b\0\0\0\6ERR\nOK\x80\x01\0\2\0\0\0\1X\0\0\0\1"),
     "reply: a name of 6 bytes is empty, too long or no text"},
    {BYTES("\0\0\0\x17" ERR_OK_NAME "\x80\x01\0\2\0\0\0\1X"),
     "reply: 0 bytes are left where 4 are needed"},
};

START_TEST(a_broken_reply_is_refused_with_the_reason)
{
    struct error err = {0};
    struct wire_reply reply = {.sequence = 5};
    ck_assert(
        !wire_decode_reply(broken_replies[_i].bytes, broken_replies[_i].length, &reply, &err));
    ck_assert_str_eq(err.text, broken_replies[_i].error);
    ck_assert_int_eq(err.code, ERROR_PEER);
    ck_assert_int_eq(reply.sequence, 5);
}
END_TEST

START_TEST(an_unknown_call_is_read_and_refused_by_name)
{
    static const char frame[] = V1 "\0\0\0\1\0\0\0\x0e\0"
                                   "\x80\x01\0\4\0\0\0\1X\xff\xff\xff\xfez";
    struct error err = {0};
    struct wire_request request;
    struct wire_reply reply;
    struct text out = {0};
    ck_assert_msg(wire_decode_request(frame, sizeof frame - 1, &request, &err), "%s", err.text);
    ck_assert(!request.known && slice_equals(request.name, "X"));
    ck_assert_int_eq(request.sequence, -2);
    ck_assert(slice_equals(request.body, "z"));
    wire_encode_reply(request.name, request.sequence, PEGASUS_HANDLER_NOT_FOUND, RPC_COUNT, NULL,
                      &out);
    ck_assert_msg(wire_decode_reply(out.bytes, out.length, &reply, &err), "%s", err.text);
    ck_assert(slice_equals(reply.name, "X_ACK"));
    ck_assert(slice_equals(reply.error, PEGASUS_HANDLER_NOT_FOUND));
    ck_assert_int_eq(reply.sequence, -2);
    ck_assert_uint_eq(reply.body.length, 0);
    text_clear(&out);
}
END_TEST

#define LOOP(tcase, test, rows) tcase_add_loop_test(tcase, test, 0, sizeof(rows) / sizeof *(rows))

int main(void)
{
    Suite *suite = suite_create("scan");
    TCase *tcase = tcase_create("scan");
    LOOP(tcase, a_reply_is_refused_as_early_as_its_bytes_show_it, replies);
    LOOP(tcase, a_request_is_refused_as_early_as_its_bytes_show_it, requests);
    LOOP(tcase, both_request_headers_are_read, headers);
    LOOP(tcase, a_broken_request_is_refused_with_the_reason, broken_requests);
    LOOP(tcase, a_broken_reply_is_refused_with_the_reason, broken_replies);
    tcase_add_test(tcase, an_unknown_call_is_read_and_refused_by_name);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
