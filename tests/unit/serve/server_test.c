#include "cluster.h"

#include <stdio.h>
#include <sys/resource.h>

#define COUNT(array) (int)(sizeof(array) / sizeof(array)[0])

static struct cluster_under_test cluster;

static void setup(void)
{
    cluster_start(&cluster, RELEASE_MASTER, 100 * 1000);
}

static void setup_slow(void)
{
    cluster_start(&cluster, RELEASE_MASTER, 3000 * 1000);
}

static void teardown(void)
{
    cluster_stop(&cluster);
}

static size_t violations(void)
{
    return sim_violation_count(server_set_sim(cluster.set));
}

/* ---- processes */

START_TEST(a_killed_server_resets_its_connections_refuses_new_ones_and_comes_back)
{
    struct client client;
    struct client refused;
    char down[64];
    char up[64];
    char name[ADDRESS_TEXT_BYTES];
    struct address address = cluster_address(&cluster, R2);

    snprintf(down, sizeof down, "r2 %s is down", address_format(address, name));
    snprintf(up, sizeof up, "r2 %s is up, version 2.6.0-SNAPSHOT", name);
    client_open(&client, cluster.loop, address);
    client_send(&client, "GET /version HTTP/1.1\r\n\r\n");
    expect_http(&client, "HTTP/1.1 200 OK", "}\n");
    cluster_control(&cluster, R2, SIM_KILL);
    client_await_end(&client);
    ck_assert(client.reset);
    ck_assert_ptr_nonnull(strstr(text_string(&cluster.events), down));
    ck_assert_int_eq(client_connect(&refused, cluster.loop, address), ECONNREFUSED);
    client_close(&client);

    cluster_control(&cluster, R2, SIM_START);
    cluster_await_event(&cluster, up);
    client_open(&client, cluster.loop, address);
    client_send(&client, "GET /version HTTP/1.1\r\n\r\n");
    expect_http(&client, "HTTP/1.1 200 OK", "}\n");
    client_close(&client);
    ck_assert_uint_eq(violations(), 0);
}
END_TEST

START_TEST(a_process_that_has_only_bound_its_port_accepts_and_says_nothing)
{
    struct client http;
    struct client rpc;
    struct text request = {0};
    struct sim *sim = server_set_sim(cluster.set);

    cluster_control(&cluster, R2, SIM_KILL);
    cluster_await_event(&cluster, "is down");
    cluster_control(&cluster, R2, SIM_START);
    cluster_await_event(&cluster, "has bound its port and says nothing yet");
    client_open(&http, cluster.loop, cluster_address(&cluster, R2));
    client_send(&http, "GET /version HTTP/1.1\r\n\r\n");
    client_open(&rpc, cluster.loop, cluster_address(&cluster, R2));
    append_info(1, &request);
    client_send_bytes(&rpc, request.bytes, request.length);
    cluster_expect_all_goes_on(&cluster); /* by then both were read */
    ck_assert_int_eq(sim_server_process(sim, R2), SIM_SILENT);
    cluster_await_event(&cluster, "is up");
    /* What was deleted then is not answered later, what comes now is. */
    client_send(&http, "GET /no/such HTTP/1.1\r\n\r\n");
    expect_http(&http, "HTTP/1.1 404 Not Found", "such\"");
    ck_assert_int_eq(recv(rpc.fd, request.bytes, 1, MSG_DONTWAIT), -1);
    client_close(&http);
    client_close(&rpc);
    text_clear(&request);
}
END_TEST

START_TEST(connections_that_wait_when_a_process_dies_are_reset_too)
{
    struct client waiting[20];

    for (int i = 0; i < COUNT(waiting); i++) {
        client_open(&waiting[i], cluster.loop, cluster_address(&cluster, R3));
        client_send(&waiting[i], "GET /ver");
    }
    cluster_control(&cluster, R3, SIM_KILL);
    for (int i = 0; i < COUNT(waiting); i++) {
        client_await_end(&waiting[i]);
        ck_assert(waiting[i].reset);
        client_close(&waiting[i]);
    }
}
END_TEST

START_TEST(one_connection_too_many_is_closed_and_a_place_that_is_freed_is_given_again)
{
    static struct client clients[SERVER_CONNECTION_LIMIT];
    struct client extra;
    struct rlimit files;
    int tries = 0;

    /* Both ends of all connections are in this process. */
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &files), 0);
    files.rlim_cur = 3 * SERVER_CONNECTION_LIMIT;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &files), 0);

    for (int i = 0; i < SERVER_CONNECTION_LIMIT; i++) {
        client_open(&clients[i], cluster.loop, cluster_address(&cluster, R1 + i % 3));
    }
    client_send(&clients[SERVER_CONNECTION_LIMIT - 1], "GET /version HTTP/1.1\r\n\r\n");
    expect_http(&clients[SERVER_CONNECTION_LIMIT - 1], "HTTP/1.1 200 OK", "}\n");
    for (int i = 0; i < 3; i++) { /* each server was seen to have accepted all of its own */
        client_send(&clients[SERVER_CONNECTION_LIMIT - 4 + i], "GET /version HTTP/1.1\r\n\r\n");
        expect_http(&clients[SERVER_CONNECTION_LIMIT - 4 + i], "HTTP/1.1 200 OK", "}\n");
    }
    client_open(&extra, cluster.loop, cluster_address(&cluster, R1));
    client_await_end(&extra);
    ck_assert_uint_eq(extra.in.length, 0);
    client_close(&extra);
    for (int i = 0; i < SERVER_CONNECTION_LIMIT; i++) {
        client_close(&clients[i]);
    }
    do { /* the ends are seen in the same turn as the first of these, or before it */
        client_open(&extra, cluster.loop, cluster_address(&cluster, R1));
        client_send(&extra, "GET /version HTTP/1.1\r\n\r\n");
        client_await(&extra, 1);
        client_close(&extra);
    } while (extra.ended && ++tries < 10);
    ck_assert_int_lt(tries, 10);
}
END_TEST

START_TEST(a_set_can_be_freed_with_connections_in_every_state)
{
    struct client clients[4];

    for (int i = 0; i < COUNT(clients); i++) {
        client_open(&clients[i], cluster.loop, cluster_address(&cluster, R1));
    }
    client_send(&clients[0], "GET /version HTTP/1.1\r\n\r\n");
    client_send(&clients[1], "THFT");
    client_send(&clients[2], "GET /ver");
    client_await(&clients[0], 10);
    server_set_free(cluster.set);
    cluster.set = NULL;
    for (int i = 0; i < COUNT(clients); i++) {
        client_close(&clients[i]);
    }
}
END_TEST

/* ---- addresses */

static const struct {
    int32_t base_port;
    uint16_t r1;
    uint16_t r3;
    uint16_t m1;
    uint16_t c1;
    const char *error;
} ports[] = {
    {-1, 34801, 34803, 34601, 34101, NULL},
    {0, 0, 0, 0, 0, NULL},
    {20000, 20000, 20002, 20003, 20005, NULL},
    {65530, 65530, 65532, 65533, 65535, NULL},
    {65531, 0, 0, 0, 0, "server 6 of 6 would get port 65536: the last is 65535"},
};

START_TEST(servers_get_upstreams_ports_free_ones_or_those_from_a_base)
{
    struct address *addresses = NULL;
    struct error err;
    int32_t count = 0;
    bool ok =
        server_addresses(&cluster.model, 0x7f000002, ports[_i].base_port, &addresses, &count, &err);

    ck_assert_int_eq(ok, ports[_i].error == NULL);
    if (ok) {
        ck_assert_int_eq(count, 6);
        ck_assert_uint_eq(addresses[R1].port, ports[_i].r1);
        ck_assert_uint_eq(addresses[R3].port, ports[_i].r3);
        ck_assert_uint_eq(addresses[M1].port, ports[_i].m1);
        ck_assert_uint_eq(addresses[C1].port, ports[_i].c1);
        ck_assert_uint_eq(addresses[C1].ip, 0x7f000002);
    } else {
        ck_assert_int_eq(err.code, ERROR_USAGE);
        ck_assert_str_eq(err.text, ports[_i].error);
        ck_assert_ptr_null(addresses);
    }
    free(addresses);
}
END_TEST

START_TEST(a_port_in_use_is_refused_and_nothing_is_served)
{
    struct address addresses[6];
    struct server_set *set = NULL;
    struct error err;

    for (int32_t i = 0; i < 6; i++) {
        addresses[i] = client_loopback(0);
    }
    addresses[M2] = cluster_address(&cluster, M2);
    ck_assert(!server_set_open(cluster.loop, &cluster.model, addresses, NULL, NULL, &set, &err));
    ck_assert_int_eq(err.code, ERROR_REFUSED);
    ck_assert_ptr_nonnull(strstr(err.text, "Address already in use"));
    ck_assert_ptr_null(set);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server");
    TCase *tests = tcase_create("server");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, a_killed_server_resets_its_connections_refuses_new_ones_and_comes_back);
    tcase_add_test(tests, connections_that_wait_when_a_process_dies_are_reset_too);
    tcase_add_test(tests,
                   one_connection_too_many_is_closed_and_a_place_that_is_freed_is_given_again);
    tcase_add_test(tests, a_set_can_be_freed_with_connections_in_every_state);
    tcase_add_loop_test(tests, servers_get_upstreams_ports_free_ones_or_those_from_a_base, 0,
                        COUNT(ports));
    tcase_add_test(tests, a_port_in_use_is_refused_and_nothing_is_served);
    suite_add_tcase(suite, tests);
    TCase *slow = tcase_create("slow");
    tcase_add_checked_fixture(slow, setup_slow, teardown);
    tcase_set_timeout(slow, 120);
    tcase_add_test(slow, a_process_that_has_only_bound_its_port_accepts_and_says_nothing);
    suite_add_tcase(suite, slow);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
