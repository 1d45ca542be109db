#include "cluster.h"

#define COUNT(array) (int)(sizeof(array) / sizeof(array)[0])

static struct cluster_under_test cluster;

static void setup(void)
{
    cluster_start(&cluster, RELEASE_MASTER, 100 * 1000);
}

static void teardown(void)
{
    cluster_stop(&cluster);
}

static size_t violations(void)
{
    return sim_violation_count(server_set_sim(cluster.set));
}

/* ---- RPC */

START_TEST(a_request_in_single_bytes_is_answered_like_one_in_a_piece)
{
    struct client client;
    struct text request = {0};

    client_open(&client, cluster.loop, cluster_address(&cluster, cluster_leader(&cluster)));
    append_info(1, &request);
    for (size_t i = 0; i < request.length; i++) {
        client_send_bytes(&client, request.bytes + i, 1);
    }
    expect_info(&client, 1);
    client_send_bytes(&client, request.bytes, request.length);
    expect_info(&client, 1);
    client_close(&client);
    text_clear(&request);
}
END_TEST

START_TEST(requests_sent_in_a_row_are_all_answered_under_their_numbers)
{
    enum { MANY = 2000 };
    struct client client;
    struct text requests = {0};

    client_open(&client, cluster.loop, cluster_address(&cluster, cluster_leader(&cluster)));
    for (int32_t i = 1; i <= MANY; i++) {
        append_info(i, &requests);
    }
    client_send_bytes(&client, requests.bytes, requests.length);
    for (int32_t i = 1; i <= MANY; i++) {
        expect_info(&client, i);
    }
    const struct server_traffic *traffic = server_set_traffic(cluster.set);
    ck_assert_int_eq(traffic->requests, MANY);
    ck_assert_int_eq(traffic->request_bytes, (int64_t)requests.length);
    ck_assert_int_gt(traffic->reply_bytes, traffic->request_bytes);
    client_close(&client);
    text_clear(&requests);
}
END_TEST

/* A v0 frame with this header app id around a message of this name. */
static void append_frame(const char *name, int32_t app_id, const char *body, size_t body_bytes,
                         struct text *out)
{
    size_t name_bytes = strlen(name);
    size_t message_bytes = 4 + 4 + name_bytes + 4 + body_bytes;
    const uint32_t header[] = {0, 48, 0, (uint32_t)message_bytes, 0, (uint32_t)app_id, 0, 5000,
                               0, 0,  0};
    const uint32_t begin[] = {0x80010001u, (uint32_t)name_bytes};
    const uint32_t sequence = htonl(9);

    text_append_string(out, "THFT");
    for (int i = 0; i < COUNT(header); i++) {
        uint32_t word = htonl(header[i]);
        text_append(out, &word, sizeof word);
    }
    for (int i = 0; i < COUNT(begin); i++) {
        uint32_t word = htonl(begin[i]);
        text_append(out, &word, sizeof word);
    }
    text_append(out, name, name_bytes);
    text_append(out, &sequence, sizeof sequence);
    text_append(out, body, body_bytes);
}

static const char empty_arguments[] = {0x0c, 0, 1, 0, 0};

static const struct {
    int32_t server;
    const char *name;
} unknown[] = {
    {M1, "RPC_NO_SUCH_THING"}, {R1, "RPC_CM_LIST_NODES"},      {R1, "RPC_CM_CLUSTER_INFO"},
    {C1, "RPC_CLI_CLI_CALL"},  {M1, "RPC_QUERY_REPLICA_INFO"},
};

START_TEST(what_a_role_does_not_serve_has_no_handler)
{
    struct client client;
    struct text request = {0};
    struct text frame = {0};
    struct text name = {0};
    struct wire_reply reply;

    client_open(&client, cluster.loop, cluster_address(&cluster, unknown[_i].server));
    append_frame(unknown[_i].name, 0, empty_arguments, sizeof empty_arguments, &request);
    client_send_bytes(&client, request.bytes, request.length);
    take_reply(&client, &frame, &reply);
    text_printf(&name, "%s_ACK", unknown[_i].name);
    ck_assert(slice_equals(reply.error, "ERR_HANDLER_NOT_FOUND"));
    ck_assert(slice_equals(reply.name, text_string(&name)));
    ck_assert_int_eq(reply.sequence, 9);
    ck_assert_uint_eq(reply.body.length, 0);
    ck_assert_uint_eq(violations(), 0);
    client_close(&client);
    text_clear(&request);
    text_clear(&frame);
    text_clear(&name);
}
END_TEST

START_TEST(arguments_that_do_not_decode_end_the_connection_and_are_counted)
{
    static const char garbage[] = {0x0c, 0, 1, 0x08, 0, 1, 0};
    struct client client;
    struct text request = {0};

    client_open(&client, cluster.loop, cluster_address(&cluster, cluster_leader(&cluster)));
    append_frame("RPC_CM_LIST_NODES", 0, garbage, sizeof garbage, &request);
    client_send_bytes(&client, request.bytes, request.length);
    client_await_end(&client);
    ck_assert_uint_eq(client.in.length, 0);
    ck_assert_uint_eq(violations(), 1);
    cluster_expect_all_goes_on(&cluster);
    ck_assert_ptr_nonnull(strstr(text_string(&cluster.events),
                                 "RPC_CM_LIST_NODES with arguments that do not decode"));
    client_close(&client);
    text_clear(&request);
}
END_TEST

START_TEST(an_app_id_in_the_header_of_an_admin_call_brings_the_meta_server_down)
{
    struct client client;
    struct text request = {0};
    int32_t leader = cluster_leader(&cluster);

    client_open(&client, cluster.loop, cluster_address(&cluster, leader));
    append_frame("RPC_CM_CLUSTER_INFO", 1, empty_arguments, sizeof empty_arguments, &request);
    client_send_bytes(&client, request.bytes, request.length);
    client_await_end(&client);
    ck_assert_uint_eq(violations(), 1);
    ck_assert_int_eq(sim_server_process(server_set_sim(cluster.set), leader), SIM_DOWN);
    client_close(&client);
    text_clear(&request);
}
END_TEST

static const struct {
    const char *name;
    const char *bytes;
    size_t length;
} hostile[] = {
#define BYTES(name, string)                                                                        \
    {                                                                                              \
        name, string, sizeof string - 1                                                            \
    }
    BYTES("noise", "\x01\x02\x03\x04"),
    BYTES("HEAD", "HEAD /version HTTP/1.1\r\n\r\n"),
    BYTES("PUT", "PUT /version HTTP/1.1\r\n\r\n"),
    BYTES("POSTX", "POSTX /version HTTP/1.1\r\n\r\n"),
    BYTES("no version", "GET /version\r\n\r\n"),
    BYTES("RDSN", "RDSN0000000000000000"),
    BYTES("TLS", "\x16\x03\x01\x02"),
    BYTES("header version 2", "THFT\0\0\0\2\0\0\0\x30"),
    BYTES("header length 47", "THFT\0\0\0\0\0\0\0\x2f"),
    BYTES("2 GB", "THFT\0\0\0\0\0\0\0\x30\0\0\0\0\x7f\xff\xff\xff"),
    BYTES("4 GB", "THFT\0\0\0\0\0\0\0\x30\0\0\0\0\xff\xff\xff\xff"),
    BYTES("4 GB of meta", "THFT\0\0\0\1\xff\xff\xff\xff\0\0\0\0"),
    BYTES("no message", "THFT\0\0\0\0\0\0\0\x30\0\0\0\0\0\0\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x13\x88"
                        "\0\0\0\0\0\0\0\0\0\0\0\0abcd"),
};

START_TEST(a_garbled_or_hostile_request_ends_its_own_connection_only)
{
    struct client client;
    struct client other;
    struct text request = {0};
    int32_t leader = cluster_leader(&cluster);

    client_open(&other, cluster.loop, cluster_address(&cluster, leader));
    append_info(1, &request);
    client_send_bytes(&other, request.bytes, request.length);
    expect_info(&other, 1);
    client_open(&client, cluster.loop, cluster_address(&cluster, leader));
    client_send_bytes(&client, hostile[_i].bytes, hostile[_i].length);
    client_await_end(&client);
    ck_assert_msg(client.in.length == 0, "%s", hostile[_i].name);
    client_send_bytes(&other, request.bytes, request.length);
    expect_info(&other, 1);
    ck_assert_uint_eq(violations(), 0);
    client_close(&client);
    client_close(&other);
    text_clear(&request);
}
END_TEST

START_TEST(after_rpc_a_connection_takes_nothing_else)
{
    struct client client;
    struct text request = {0};

    client_open(&client, cluster.loop, cluster_address(&cluster, cluster_leader(&cluster)));
    append_info(1, &request);
    text_append_string(&request, "GET /version HTTP/1.1\r\n\r\n");
    client_send_bytes(&client, request.bytes, request.length);
    expect_info(&client, 1); /* the good one is still answered */
    client_await_end(&client);
    ck_assert_uint_eq(client.in.length, 0);
    client_close(&client);
    text_clear(&request);
}
END_TEST

START_TEST(a_client_that_does_not_read_holds_back_nobody_else)
{
    enum { REQUESTS = 30000 };
    struct client client;
    struct text requests = {0};
    size_t sent = 0;

    client_open(&client, cluster.loop, cluster_address(&cluster, cluster_leader(&cluster)));
    for (int32_t i = 1; i <= REQUESTS; i++) {
        append_info(i, &requests);
    }
    for (int round = 0; round < 200; round++) {
        ssize_t n = send(client.fd, requests.bytes + sent, requests.length - sent,
                         MSG_DONTWAIT | MSG_NOSIGNAL);
        sent += n > 0 ? (size_t)n : 0;
        if (sent == requests.length) {
            break;
        }
        cluster_expect_all_goes_on(&cluster);
    }
    /* What it sent whole is answered once it reads. */
    int32_t whole = (int32_t)(sent / (requests.length / REQUESTS));
    for (int32_t i = 1; i <= whole; i++) {
        expect_info(&client, i);
    }
    client_close(&client);
    text_clear(&requests);
}
END_TEST

/* ---- HTTP */

START_TEST(http_has_upstreams_head_and_stays_open)
{
    struct client client;

    client_open(&client, cluster.loop, cluster_address(&cluster, R1));
    for (int i = 0; i < 3; i++) {
        client_send(&client, "GET /version HTTP/1.1\r\nConnection: close\r\n\r\n");
        expect_http(&client,
                    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ", "}\n");
        ck_assert(!client.ended);
        text_reset(&client.in);
    }
    client_send(&client, "GET /no/such HTTP/1.1\r\n\r\n");
    expect_http(&client,
                "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 31\r\n\r\n"
                "service not found for \"no/such\"",
                "such\"");
    client_close(&client);
}
END_TEST

START_TEST(a_standby_redirects_by_location)
{
    struct client client;

    client_open(&client, cluster.loop,
                cluster_address(&cluster, cluster_leader(&cluster) == M1 ? M2 : M1));
    client_send(&client, "GET /meta/nodes?detail HTTP/1.1\r\n\r\n");
    expect_http(&client,
                "HTTP/1.1 307 Temporary Redirect\r\nContent-Type: text/plain\r\n"
                "Content-Length: 0\r\nLocation: http://localhost:",
                "/meta/nodes?detail=\r\n\r\n");
    client_close(&client);
}
END_TEST

START_TEST(http_requests_in_one_piece_are_all_answered)
{
    struct client client;

    client_open(&client, cluster.loop, cluster_address(&cluster, R1));
    client_send(&client, "GET /version HTTP/1.1\r\n\r\nPOST /version HTTP/1.1\r\n"
                         "Content-Length: 3\r\n\r\nabcGET /no/such HTTP/1.0\r\n\r\n");
    expect_http(&client, "HTTP/1.1 200 OK\r\n", "such\"");
    const char *second = strstr(text_string(&client.in) + 1, "HTTP/1.1 200 OK\r\n");
    ck_assert_ptr_nonnull(second);
    ck_assert_ptr_nonnull(strstr(second + 1, "HTTP/1.1 404 Not Found\r\n"));
    client_close(&client);
}
END_TEST

static const struct {
    const char *first;
    const char *second;
} split[] = {
    {"GET /version HT", "TP/1.1\r\n\r\n"},
    {"GET /version HTTP/1.1\r\n", "\r\n"},
    {"GET ", "/version HTTP/1.1\r\n\r\n"},
    {"POST /version HTTP/1.1\r\nContent-Length: 4\r\n\r\nab", "cd"},
};

START_TEST(an_http_request_in_two_pieces_closes_the_connection_without_a_byte)
{
    struct client client;

    client_open(&client, cluster.loop, cluster_address(&cluster, R1));
    client_send(&client, split[_i].first);
    cluster_expect_all_goes_on(&cluster); /* by then the first piece was read */
    client_send(&client, split[_i].second);
    client_await_end(&client);
    ck_assert_uint_eq(client.in.length, 0);
    client_close(&client);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("peer");
    TCase *tests = tcase_create("peer");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, a_request_in_single_bytes_is_answered_like_one_in_a_piece);
    tcase_add_test(tests, requests_sent_in_a_row_are_all_answered_under_their_numbers);
    tcase_add_loop_test(tests, what_a_role_does_not_serve_has_no_handler, 0, COUNT(unknown));
    tcase_add_test(tests, arguments_that_do_not_decode_end_the_connection_and_are_counted);
    tcase_add_test(tests, an_app_id_in_the_header_of_an_admin_call_brings_the_meta_server_down);
    tcase_add_loop_test(tests, a_garbled_or_hostile_request_ends_its_own_connection_only, 0,
                        COUNT(hostile));
    tcase_add_test(tests, after_rpc_a_connection_takes_nothing_else);
    tcase_add_test(tests, a_client_that_does_not_read_holds_back_nobody_else);
    tcase_add_test(tests, http_has_upstreams_head_and_stays_open);
    tcase_add_test(tests, a_standby_redirects_by_location);
    tcase_add_test(tests, http_requests_in_one_piece_are_all_answered);
    tcase_add_loop_test(tests, an_http_request_in_two_pieces_closes_the_connection_without_a_byte,
                        0, COUNT(split));
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
