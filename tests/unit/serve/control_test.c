#include "cluster.h"

#include "serve/control.h"

#include <stdio.h>

#define COUNT(array) (int)(sizeof(array) / sizeof(array)[0])

static struct cluster_under_test cluster;
static struct control *control;

static void setup(void)
{
    struct error err;

    cluster_start(&cluster, RELEASE_MASTER, 100 * 1000);
    ck_assert_msg(control_open(cluster.set, client_loopback(0), &control, &err), "%s", err.text);
}

static void teardown(void)
{
    control_free(control);
    cluster_stop(&cluster);
}

/* Sends one request and reads until the endpoint closes; the whole reply is in client->in. */
static void ask(struct client *client, const char *method, const char *target)
{
    struct text request = {0};

    client_open(client, cluster.loop, control_address(control));
    text_printf(&request, "%s %s HTTP/1.1\r\nHost: x\r\n\r\n", method, target);
    client_send(client, text_string(&request));
    client_await_end(client);
    ck_assert(!client->reset);
    text_clear(&request);
}

static const char *body_of(const struct client *client)
{
    const char *end = strstr(text_string(&client->in), "\r\n\r\n");

    ck_assert_ptr_nonnull(end);
    return end + 4;
}

static const struct {
    const char *method;
    const char *target;
    const char *start; /* of the reply */
    const char *body;  /* somewhere in it */
} asks[] = {
    {"GET", "/servers",
     "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ", "\"label\":\"r1\""},
    {"GET", "/violations", "HTTP/1.1 200 OK\r\n", "[]\n"},
    {"GET", "/totals", "HTTP/1.1 200 OK\r\n", "{\"reads_away_us\":0,"},
    {"GET", "/traffic", "HTTP/1.1 200 OK\r\n",
     "{\"requests\":0,\"request_bytes\":0,\"reply_bytes\":0}\n"},
    {"POST", "/break-updates?broken=true", "HTTP/1.1 200 OK\r\n", "{\"broken\":true}\n"},
    {"POST", "/break-updates?broken=false", "HTTP/1.1 200 OK\r\n", "{\"broken\":false}\n"},
    {"POST", "/break-updates", "HTTP/1.1 400 Bad Request\r\n",
     "{\"error\":\"broken=true or broken=false is needed\"}\n"},
    {"POST", "/break-updates?broken=1", "HTTP/1.1 400 Bad Request\r\n", "is needed"},
    {"GET", "/break-updates", "HTTP/1.1 405 Method Not Allowed\r\n",
     "{\"error\":\"/break-updates takes POST only\"}\n"},
    {"POST", "/violations", "HTTP/1.1 405 Method Not Allowed\r\n", "takes GET only"},
    {"GET", "/violationsx", "HTTP/1.1 404 Not Found\r\n", "error"},
    {"POST", "/servers/r9/kill", "HTTP/1.1 404 Not Found\r\n", "error"},
    {"POST", "/servers/r1/xyzzy", "HTTP/1.1 400 Bad Request\r\n", "error"},
    {"POST", "/servers/r1/start", "HTTP/1.1 409 Conflict\r\n", "error"},
    {"POST", "/servers/r1/kill", "HTTP/1.1 200 OK\r\n", "\"action\":\"kill\""},
    {"POST", "/servers/m1/restart", "HTTP/1.1 200 OK\r\n", "\"action\":\"restart\""},
    {"POST", "/servers/c1/update?version=9.9", "HTTP/1.1 200 OK\r\n", "\"version\":\"9.9\""},
    {"XYZ", "/servers", "HTTP/1.1 40", "error"},
};

START_TEST(each_request_gets_one_json_reply_and_the_end)
{
    struct client client;

    ask(&client, asks[_i].method, asks[_i].target);
    ck_assert_msg(strncmp(text_string(&client.in), asks[_i].start, strlen(asks[_i].start)) == 0,
                  "%s", text_string(&client.in));
    ck_assert_msg(strstr(body_of(&client), asks[_i].body) != NULL, "%s", body_of(&client));
    ck_assert_ptr_nonnull(strstr(text_string(&client.in), "\r\nConnection: close\r\n"));
    client_close(&client);
}
END_TEST

START_TEST(an_update_is_answered_when_the_new_version_was_started)
{
    struct client client;
    struct sim *sim = server_set_sim(cluster.set);
    char target[64];
    char name[ADDRESS_TEXT_BYTES];
    int64_t before_us = server_set_now_us(cluster.set);

    snprintf(target, sizeof target, "/servers/%s/update?version=7.7.7",
             address_format(cluster_address(&cluster, R1), name));
    ask(&client, "POST", target);
    ck_assert_int_ge(server_set_now_us(cluster.set) - before_us, cluster.model.timings.install_us);
    ck_assert_str_eq(sim_server_version(sim, R1), "7.7.7");
    client_close(&client);
}
END_TEST

START_TEST(who_leaves_before_the_reply_disturbs_nobody)
{
    struct client client;
    struct client next;

    client_open(&client, cluster.loop, control_address(control));
    client_send(&client, "POST /servers/r2/update HTTP/1.1\r\n\r\n");
    cluster_await_event(&cluster, "r2 ");
    client_close(&client);
    cluster_await_event(&cluster, "is up");
    ask(&next, "GET", "/violations");
    ck_assert_str_eq(body_of(&next), "[]\n");
    client_close(&next);
}
END_TEST

START_TEST(a_half_closed_client_still_gets_its_reply)
{
    struct client client;

    client_open(&client, cluster.loop, control_address(control));
    client_send(&client, "POST /servers/r2/restart HTTP/1.1\r\n\r\n");
    ck_assert_int_eq(shutdown(client.fd, SHUT_WR), 0);
    client_await_end(&client);
    ck_assert_int_eq(strncmp(text_string(&client.in), "HTTP/1.1 200 OK", 15), 0);
    client_close(&client);
}
END_TEST

START_TEST(a_request_in_pieces_is_fine_here)
{
    static const char request[] = "GET /violations HTTP/1.1\r\nHost: x\r\n\r\n";
    struct client client;
    struct client other;

    client_open(&client, cluster.loop, control_address(control));
    for (size_t i = 0; i < sizeof request - 1; i++) {
        client_send_bytes(&client, request + i, 1);
        if (i % 10 == 0) { /* so that the pieces are read one by one */
            ask(&other, "GET", "/totals");
            client_close(&other);
        }
    }
    client_await_end(&client);
    ck_assert_str_eq(body_of(&client), "[]\n");
    client_close(&client);
}
END_TEST

START_TEST(what_is_no_http_is_told_so)
{
    struct client client;

    client_open(&client, cluster.loop, control_address(control));
    client_send(&client, "hello\r\n\r\n");
    client_await_end(&client);
    ck_assert_int_eq(strncmp(text_string(&client.in), "HTTP/1.1 400 Bad Request", 24), 0);
    client_close(&client);
}
END_TEST

START_TEST(violations_are_listed_with_time_and_words)
{
    struct client client;

    sim_count_violation(server_set_sim(cluster.set), "a \"group\" address\\%d", 1);
    ask(&client, "GET", "/violations");
    ck_assert_ptr_nonnull(
        strstr(body_of(&client), ",\"what\":\"a \\\"group\\\" address\\\\1\"}]\n"));
    ck_assert_int_eq(strncmp(body_of(&client), "[{\"at_us\":", 10), 0);
    client_close(&client);
}
END_TEST

START_TEST(one_connection_too_many_is_closed)
{
    struct client clients[CONTROL_CONNECTION_LIMIT];
    struct client extra;

    for (int i = 0; i < COUNT(clients); i++) {
        client_open(&clients[i], cluster.loop, control_address(control));
    }
    client_open(&extra, cluster.loop, control_address(control));
    client_await_end(&extra);
    ck_assert_uint_eq(extra.in.length, 0);
    client_close(&extra);
    for (int i = 0; i < COUNT(clients); i++) {
        client_close(&clients[i]);
    }
}
END_TEST

START_TEST(a_port_in_use_is_refused)
{
    struct control *second = NULL;
    struct error err;

    ck_assert(!control_open(cluster.set, control_address(control), &second, &err));
    ck_assert_int_eq(err.code, ERROR_REFUSED);
    ck_assert_int_eq(strncmp(err.text, "control endpoint: bind 127.0.0.1:", 33), 0);
    ck_assert_ptr_null(second);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("control");
    TCase *tests = tcase_create("control");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, each_request_gets_one_json_reply_and_the_end, 0, COUNT(asks));
    tcase_add_test(tests, an_update_is_answered_when_the_new_version_was_started);
    tcase_add_test(tests, who_leaves_before_the_reply_disturbs_nobody);
    tcase_add_test(tests, a_half_closed_client_still_gets_its_reply);
    tcase_add_test(tests, a_request_in_pieces_is_fine_here);
    tcase_add_test(tests, what_is_no_http_is_told_so);
    tcase_add_test(tests, violations_are_listed_with_time_and_words);
    tcase_add_test(tests, one_connection_too_many_is_closed);
    tcase_add_test(tests, a_port_in_use_is_refused);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
