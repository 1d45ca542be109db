#include "client.h"

#include "serve/listener.h"
#include "serve/stream.h"

#include <stdlib.h>

/* A server that sends back what it gets, in lumps of at most 1000 bytes while there is room. */
static struct loop *loop;
static struct listener listener;
static struct stream stream;
static bool accepted;
static int closed_count;
static size_t most_pending;
static size_t most_input;

static void echo(void *ctx)
{
    (void)ctx;
    while (stream_has_room(&stream) && stream.in.length > 0) {
        size_t lump = stream.in.length < 1000 ? stream.in.length : 1000;
        text_append(&stream.out, stream.in.bytes, lump);
        stream_consume(&stream, lump);
    }
    size_t pending = stream.out.length - stream.sent;
    most_pending = pending > most_pending ? pending : most_pending;
    most_input = stream.in.length > most_input ? stream.in.length : most_input;
    if (stream.ended && stream.in.length == 0) {
        stream_finish(&stream);
    } else {
        stream_flush(&stream);
    }
}

static void count_closed(void *ctx)
{
    (void)ctx;
    closed_count++;
    loop_stop(loop);
}

static void accept_one(void *ctx, int fd)
{
    (void)ctx;
    ck_assert(!accepted);
    accepted = true;
    stream_start(&stream, loop, fd, echo, count_closed, NULL);
}

static void setup(void)
{
    struct error err;

    accepted = false;
    closed_count = 0;
    most_pending = 0;
    most_input = 0;
    ck_assert(loop_open_real(&loop, &err));
    ck_assert_msg(listener_init(&listener, loop, client_loopback(0), accept_one, NULL, &err), "%s",
                  err.text);
    ck_assert_msg(listener_open(&listener, &err), "%s", err.text);
}

static void teardown(void)
{
    if (accepted) {
        stream_clear(&stream);
    }
    listener_clear(&listener);
    loop_close(loop);
}

static void run_until_closed(void)
{
    struct error err;

    while (closed_count == 0) {
        ck_assert(loop_run(loop, &err));
    }
}

START_TEST(bytes_go_both_ways_and_an_end_ends_it_once)
{
    struct client client;

    client_open(&client, loop, listener.address);
    client_send(&client, "hello");
    client_await(&client, 5);
    ck_assert_str_eq(text_string(&client.in), "hello");
    client_close(&client);
    run_until_closed();
    ck_assert(!stream_is_open(&stream));
    ck_assert_int_eq(closed_count, 1);
}
END_TEST

START_TEST(what_was_sent_before_an_end_is_answered_in_full)
{
    struct client client;

    client_open(&client, loop, listener.address);
    client_send(&client, "last words");
    ck_assert_int_eq(shutdown(client.fd, SHUT_WR), 0);
    client_await_end(&client);
    ck_assert_str_eq(text_string(&client.in), "last words");
    ck_assert(!client.reset);
    client_close(&client);
    run_until_closed();
    ck_assert_int_eq(closed_count, 1);
}
END_TEST

/* Sends as much as goes without blocking; returns how much that was. */
static size_t send_what_goes(struct client *client, const char *bytes, size_t length)
{
    ssize_t sent = send(client->fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);

    ck_assert(sent > 0 || errno == EAGAIN);
    return sent > 0 ? (size_t)sent : 0;
}

static void stop_loop(void *ctx)
{
    loop_stop(ctx);
}

START_TEST(a_peer_that_sends_and_does_not_read_is_held_back)
{
    enum { LUMP = 256 << 10, MOST = 256 << 20 };
    struct client client;
    struct timer turn = {0};
    struct error err;
    char *bytes = memory_allocate(LUMP);
    size_t sent = 0;
    int stuck = 0;

    client_open(&client, loop, listener.address);
    /* Both directions fill up; a hundred turns without progress mean that nobody reads any more. */
    while (stuck < 100 && sent < MOST) {
        size_t more = send_what_goes(&client, bytes, LUMP);
        sent += more;
        stuck = more > 0 ? 0 : stuck + 1;
        timer_start(loop, &turn, 1000, stop_loop, loop);
        ck_assert(loop_run(loop, &err));
    }
    ck_assert_uint_lt(sent, MOST);
    ck_assert_uint_ge(most_pending, STREAM_ROOM_BYTES);
    ck_assert_uint_le(most_pending, STREAM_ROOM_BYTES + 1000);
    ck_assert_uint_le(most_input, 1 << 20);
    /* Once it reads, all of it comes. */
    client_await(&client, sent);
    ck_assert_uint_eq(client.in.length, sent);
    client_close(&client);
    free(bytes);
}
END_TEST

START_TEST(a_reset_is_seen_as_one)
{
    struct client client;

    client_open(&client, loop, listener.address);
    client_send(&client, "hello");
    client_await(&client, 5);
    stream_reset(&stream);
    ck_assert_int_eq(closed_count, 0); /* never inside the call */
    client_await_end(&client);
    ck_assert(client.reset);
    client_close(&client);
    run_until_closed();
    ck_assert_int_eq(closed_count, 1);
}
END_TEST

START_TEST(a_large_reply_is_finished_before_the_close)
{
    enum { BYTES = 6 << 20 };
    struct client client;
    char *bytes = memory_allocate(BYTES);

    client_open(&client, loop, listener.address);
    client_send(&client, "x");
    client_await(&client, 1);
    text_append(&stream.out, bytes, BYTES);
    stream_finish(&stream);
    client_await_end(&client);
    ck_assert_uint_eq(client.in.length, BYTES + 1);
    ck_assert(!client.reset);
    client_close(&client);
    free(bytes);
}
END_TEST

START_TEST(a_closed_listener_refuses_keeps_its_port_and_opens_again)
{
    struct client client;
    struct listener other;
    struct error err;
    struct address address = listener.address;

    for (int round = 0; round < 3; round++) {
        listener_close(&listener);
        ck_assert_int_eq(client_connect(&client, loop, address), ECONNREFUSED);
        ck_assert_msg(listener_open(&listener, &err), "%s", err.text);
    }
    listener_close(&listener);
    /* Ports given to others meanwhile are other ones. */
    for (int i = 0; i < 200; i++) {
        ck_assert(listener_init(&other, loop, client_loopback(0), accept_one, NULL, &err));
        ck_assert_uint_ne(other.address.port, address.port);
        listener_clear(&other);
    }
    ck_assert(listener_open(&listener, &err));
    client_open(&client, loop, address);
    client_send(&client, "hi");
    client_await(&client, 2);
    client_close(&client);
}
END_TEST

START_TEST(a_waiting_connection_is_reset_when_the_listener_closes)
{
    struct client client;

    client_open(&client, loop, listener.address);
    listener_close(&listener);
    client_await_end(&client);
    ck_assert(client.reset);
    ck_assert(!accepted);
    client_close(&client);
}
END_TEST

START_TEST(a_port_in_use_is_refused_with_its_name)
{
    struct listener other = {0};
    struct error err;
    char name[ADDRESS_TEXT_BYTES];
    struct text expected = {0};

    text_printf(&expected, "bind %s: Address already in use",
                address_format(listener.address, name));
    ck_assert(!listener_init(&other, loop, listener.address, accept_one, NULL, &err));
    ck_assert_int_eq(err.code, ERROR_REFUSED);
    ck_assert_str_eq(err.text, text_string(&expected));
    listener_clear(&other);
    text_clear(&expected);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stream");
    TCase *tests = tcase_create("stream");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, bytes_go_both_ways_and_an_end_ends_it_once);
    tcase_add_test(tests, what_was_sent_before_an_end_is_answered_in_full);
    tcase_add_test(tests, a_peer_that_sends_and_does_not_read_is_held_back);
    tcase_add_test(tests, a_reset_is_seen_as_one);
    tcase_add_test(tests, a_large_reply_is_finished_before_the_close);
    tcase_add_test(tests, a_closed_listener_refuses_keeps_its_port_and_opens_again);
    tcase_add_test(tests, a_waiting_connection_is_reset_when_the_listener_closes);
    tcase_add_test(tests, a_port_in_use_is_refused_with_its_name);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
