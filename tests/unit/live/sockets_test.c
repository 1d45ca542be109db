#include "live/sockets.h"

#include "peer.h"

#include <stdio.h>
#include <stdlib.h>

static struct loop *loop;
static struct transport *transport;
static struct peer peer;

enum { MS = 1000, LONG_US = 20 * 1000 * 1000 };

/* ---- what a call came to */

struct outcome {
    int calls;
    int order; /* counts all ends of the test */
    int32_t status;
    bool failed;
    struct error err;
    struct operation *operation;
};
static int ends;
static int ends_wanted;

static void record(void *ctx, const void *response, const struct error *err)
{
    struct outcome *outcome = ctx;
    outcome->calls++;
    outcome->order = ++ends;
    outcome->failed = err != NULL;
    ck_assert((response == NULL) == (err != NULL));
    if (err != NULL) {
        outcome->err = *err;
    } else {
        const struct list_nodes_response *answer = response;
        ck_assert_uint_eq(answer->infos.count, 1);
        outcome->status = ((const struct wire_node_info *)answer->infos.items)->status;
    }
    if (ends == ends_wanted) {
        loop_stop(loop);
    }
}

static void call(struct outcome *outcome, int32_t status, int64_t timeout_us)
{
    struct list_nodes_request request = {.status = status};
    outcome->operation = transport_call(transport, peer.address, RPC_LIST_NODES, &request,
                                        timeout_us, record, outcome);
    ck_assert_int_eq(outcome->calls, 0);
}

/* Until so many calls have ended in all. */
static void run_until(int wanted)
{
    struct error err;
    ends_wanted = wanted;
    ck_assert(loop_run(loop, &err));
    ck_assert_int_eq(ends, wanted);
}

static void stop(void *ctx)
{
    (void)ctx;
    loop_stop(loop);
}

static void run_for(int64_t us)
{
    struct error err;
    struct timer timer = {0};
    ends_wanted = -1;
    timer_start(loop, &timer, us, stop, NULL);
    ck_assert(loop_run(loop, &err));
}

/* The message, behind "127.0.0.1:<port>: RPC_CM_LIST_NODES: ". */
static const char *what_failed(const struct outcome *outcome)
{
    static char prefix[96];
    snprintf(prefix, sizeof prefix, "127.0.0.1:%u: RPC_CM_LIST_NODES: ", peer.address.port);
    ck_assert(outcome->failed);
    ck_assert_msg(strncmp(outcome->err.text, prefix, strlen(prefix)) == 0, "%s", outcome->err.text);
    return outcome->err.text + strlen(prefix);
}

static void setup(void)
{
    struct error err;
    ends = 0;
    ck_assert(loop_open_real(&loop, &err));
    transport = sockets_new(loop);
}

static void teardown(void)
{
    if (transport != NULL) {
        transport->ops->free(transport);
    }
    peer_close(&peer);
    loop_close(loop);
}

/* ---- good replies */

struct batch {
    int wanted;
    int got;
    int32_t sequences[64];
    int32_t statuses[64];
};

static void answer_backwards(struct peer_link *link)
{
    struct batch *batch = link->peer->script;
    while (peer_next_request(link, &batch->sequences[batch->got], &batch->statuses[batch->got])) {
        batch->got++;
    }
    if (batch->got == batch->wanted) {
        for (int i = batch->wanted - 1; i >= 0; i--) {
            peer_reply(link, batch->sequences[i], batch->statuses[i]);
        }
    }
}

START_TEST(pipelined_calls_share_a_connection_and_take_replies_in_any_order)
{
    struct batch batch = {.wanted = 50};
    struct outcome outcomes[50] = {0};
    peer_open(&peer, loop, answer_backwards, &batch);
    for (int i = 0; i < 50; i++) {
        call(&outcomes[i], 1000 + i, LONG_US);
    }
    run_until(50);
    for (int i = 0; i < 50; i++) {
        ck_assert_int_eq(outcomes[i].calls, 1);
        ck_assert_int_eq(outcomes[i].status, 1000 + i);
        ck_assert_int_eq(outcomes[i].order, 50 - i);
    }
    ck_assert_int_eq(peer.accepted, 1);
}
END_TEST

static void answer(struct peer_link *link)
{
    int32_t sequence;
    int32_t status;
    while (peer_next_request(link, &sequence, &status)) {
        peer_reply(link, sequence, status);
    }
}

static void answer_byte_by_byte(struct peer_link *link)
{
    int32_t sequence;
    int32_t status;
    while (peer_next_request(link, &sequence, &status)) {
        peer_build_reply(&link->out, sequence, status);
    }
    timer_start(link->peer->loop, &link->drip, 0, peer_drip_byte, link);
}

START_TEST(replies_split_at_every_byte_are_put_together)
{
    struct outcome outcomes[3] = {0};
    peer_open(&peer, loop, answer_byte_by_byte, NULL);
    for (int i = 0; i < 3; i++) {
        call(&outcomes[i], 7 + i, LONG_US);
    }
    run_until(3);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(outcomes[i].status, 7 + i);
    }
}
END_TEST

START_TEST(a_loop_with_an_idle_connection_alone_returns)
{
    struct outcome outcome = {0};
    struct error err;
    peer_open(&peer, loop, answer, NULL);
    call(&outcome, 5, LONG_US);
    run_until(1);
    peer_stop_listening(&peer);
    watch_stop(&peer.links[0].watch);
    ck_assert(loop_run(loop, &err));
}
END_TEST

START_TEST(a_connection_that_ended_while_idle_is_made_anew_without_a_failure)
{
    struct outcome outcomes[2] = {0};
    peer_open(&peer, loop, answer, NULL);
    call(&outcomes[0], 1, LONG_US);
    run_until(1);
    peer_shut(&peer.links[0]);
    call(&outcomes[1], 2, LONG_US);
    run_until(2);
    ck_assert_int_eq(outcomes[1].status, 2);
    ck_assert_int_eq(peer.accepted, 2);
}
END_TEST

/* ---- late, silent, cancelled */

static void answer_second_first_late(struct peer_link *link)
{
    struct batch *batch = link->peer->script;
    while (peer_next_request(link, &batch->sequences[batch->got], &batch->statuses[batch->got])) {
        batch->got++;
    }
    if (batch->got == 2) { /* the first has timed out by now */
        peer_reply(link, batch->sequences[0], batch->statuses[0]);
        peer_reply(link, batch->sequences[1], batch->statuses[1]);
    }
}

START_TEST(a_late_reply_is_dropped_and_does_not_answer_the_next_call)
{
    struct batch batch = {0};
    struct outcome outcomes[3] = {0};
    peer_open(&peer, loop, answer_second_first_late, &batch);
    call(&outcomes[0], 1, 20 * MS);
    call(&outcomes[2], 3, LONG_US); /* keeps the connection in use */
    operation_drop(outcomes[2].operation);
    run_until(1);
    ck_assert_str_eq(what_failed(&outcomes[0]), "no reply within 20ms");
    ck_assert_int_eq(outcomes[0].err.code, ERROR_TIMEOUT);
    batch.got = 1;
    call(&outcomes[1], 2, LONG_US);
    run_until(2);
    ck_assert_int_eq(outcomes[1].status, 2);
    ck_assert_int_eq(outcomes[0].calls, 1);
    ck_assert_int_eq(outcomes[2].calls, 0);
}
END_TEST

static void say_nothing(struct peer_link *link)
{
    text_reset(&link->in);
}

START_TEST(a_silent_server_fails_each_call_at_its_own_deadline_and_is_connected_anew)
{
    struct outcome outcomes[3] = {0};
    peer_open(&peer, loop, say_nothing, NULL);
    call(&outcomes[0], 1, 60 * MS);
    call(&outcomes[1], 1, 30 * MS);
    run_until(2);
    ck_assert_int_eq(outcomes[1].order, 1);
    ck_assert_str_eq(what_failed(&outcomes[1]), "no reply within 30ms");
    ck_assert_str_eq(what_failed(&outcomes[0]), "no reply within 60ms");
    peer.react = answer;
    call(&outcomes[2], 9, LONG_US);
    run_until(3);
    ck_assert_int_eq(outcomes[2].status, 9);
    ck_assert_int_eq(peer.accepted, 2);
}
END_TEST

START_TEST(cancel_is_told_once_in_a_later_turn_and_the_reply_is_dropped)
{
    struct outcome outcomes[2] = {0};
    peer_open(&peer, loop, answer, NULL);
    call(&outcomes[0], 1, LONG_US);
    call(&outcomes[1], 2, LONG_US);
    operation_cancel(outcomes[0].operation);
    operation_cancel(outcomes[0].operation);
    ck_assert_int_eq(outcomes[0].calls, 0);
    run_until(2);
    ck_assert_int_eq(outcomes[0].err.code, ERROR_CANCELLED);
    ck_assert_str_eq(what_failed(&outcomes[0]), "cancelled");
    ck_assert_int_eq(outcomes[1].status, 2);
    operation_cancel(NULL);
    operation_drop(NULL);
}
END_TEST

START_TEST(what_was_cancelled_before_it_was_sent_is_never_sent)
{
    struct batch batch = {.wanted = 1};
    struct outcome outcomes[2] = {0};
    peer_open(&peer, loop, answer_backwards, &batch);
    call(&outcomes[0], 1, LONG_US);
    operation_drop(outcomes[0].operation);
    call(&outcomes[1], 2, LONG_US);
    run_until(1);
    ck_assert_int_eq(batch.got, 1);
    ck_assert_int_eq(batch.statuses[0], 2);
}
END_TEST

static void free_transport(void *ctx, const void *response, const struct error *err)
{
    record(ctx, response, err);
    transport->ops->free(transport);
    transport = NULL;
    loop_stop(loop);
}

START_TEST(a_transport_may_be_freed_by_a_callback_and_calls_back_no_more)
{
    struct batch batch = {.wanted = 3};
    struct outcome outcomes[3] = {0};
    struct list_nodes_request request = {.status = 4};
    peer_open(&peer, loop, answer_backwards, &batch);
    call(&outcomes[0], 1, LONG_US);
    call(&outcomes[1], 1, LONG_US);
    transport_call(transport, peer.address, RPC_LIST_NODES, &request, LONG_US, free_transport,
                   &outcomes[2]);
    ends_wanted = -1;
    struct error err;
    ck_assert(loop_run(loop, &err));
    ck_assert_int_eq(outcomes[2].calls, 1);
    ck_assert_int_eq(outcomes[0].calls + outcomes[1].calls, 0);
}
END_TEST

/* ---- what breaks a connection */

enum after { KEEP, CLOSE, RESET };
struct breakage {
    const char *name;
    const char *bytes;
    size_t length;
    enum after after;
    enum error_code code;
    const char *what;
};
#define BYTES(literal) literal, sizeof(literal) - 1
static const struct breakage breakages[] = {
    {"two gigabytes", BYTES("\x7f\xff\xff\xff\0\0\0\6ERR_OK"), KEEP, ERROR_PEER,
     "the reply announces 2147483647 bytes, more than the limit of 268435456"},
    {"an HTTP server", BYTES("HTTP/1.1 400 Bad Request\r\n\r\n"), KEEP, ERROR_PEER,
     "this is an HTTP server, not a Pegasus server"},
    {"another protocol", BYTES("SSH-2.0-OpenSSH_9.2\r\n"), KEEP, ERROR_PEER,
     "this is not a Pegasus server: its reply begins with 'SSH-'"},
    {"too short a frame", BYTES("\0\0\0\4"), KEEP, ERROR_PEER,
     "this is not a Pegasus server: its reply announces 4 bytes, fewer than the 21 of the shortest "
     "one"},
    {"closed at once", BYTES(""), CLOSE, ERROR_UNREACHABLE,
     "the connection was closed without a reply"},
    {"closed within a frame", BYTES("\0\0\1\0\0\0\0\6ERR_"), CLOSE, ERROR_UNREACHABLE,
     "the connection was closed within a reply"},
    {"reset", BYTES(""), RESET, ERROR_UNREACHABLE, "connection reset by peer"},
};

static void break_it(struct peer_link *link)
{
    const struct breakage *breakage = link->peer->script;
    text_reset(&link->in);
    peer_send(link, breakage->bytes, breakage->length);
    if (breakage->after == CLOSE) {
        peer_shut(link);
    } else if (breakage->after == RESET) {
        peer_reset(link);
    }
}

START_TEST(a_broken_connection_fails_each_call_on_it_and_says_how)
{
    struct breakage breakage = breakages[_i];
    struct outcome outcomes[4] = {0};
    peer_open(&peer, loop, break_it, &breakage);
    for (int i = 0; i < 3; i++) {
        call(&outcomes[i], 1, LONG_US);
    }
    run_until(3);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(outcomes[i].calls, 1);
        ck_assert_int_eq(outcomes[i].order, i + 1);
        ck_assert_int_eq(outcomes[i].err.code, breakage.code);
        ck_assert_str_eq(what_failed(&outcomes[i]), breakage.what);
    }
    peer.react = answer; /* the next call connects anew */
    call(&outcomes[3], 8, LONG_US);
    run_until(4);
    ck_assert_int_eq(outcomes[3].status, 8);
}
END_TEST

START_TEST(a_refused_connection_is_said_at_once_and_tried_again_after_a_pause)
{
    struct outcome outcomes[4] = {0};
    peer_open(&peer, loop, answer, NULL);
    peer_stop_listening(&peer);
    int64_t begin_us = loop_now_us(loop);
    for (int i = 0; i < 3; i++) {
        call(&outcomes[i], 1, LONG_US);
        run_until(i + 1);
        ck_assert_str_eq(what_failed(&outcomes[i]), "connection refused");
        ck_assert_int_eq(outcomes[i].err.code, ERROR_UNREACHABLE);
    }
    ck_assert_int_ge(loop_now_us(loop) - begin_us, (50 + 100) * MS);
    peer_listen(&peer, peer.address.port);
    call(&outcomes[3], 6, LONG_US);
    run_until(4);
    ck_assert_int_eq(outcomes[3].status, 6);
}
END_TEST

START_TEST(a_deadline_within_the_pause_says_why_there_is_no_connection)
{
    struct outcome outcomes[2] = {0};
    peer_open(&peer, loop, answer, NULL);
    peer_stop_listening(&peer);
    call(&outcomes[0], 1, LONG_US);
    run_until(1);
    call(&outcomes[1], 1, 10 * MS);
    run_until(2);
    ck_assert_str_eq(what_failed(&outcomes[1]), "no connection within 10ms (connection refused)");
    ck_assert_int_eq(outcomes[1].err.code, ERROR_UNREACHABLE);
}
END_TEST

static const struct {
    const char *error;
    enum error_code code;
} outer_errors[] = {
    {PEGASUS_HANDLER_NOT_FOUND, ERROR_REPLY},
    {"ERR_BUSY", ERROR_REPLY},
    {PEGASUS_FORWARD_TO_OTHERS, ERROR_NOT_LEADER},
};

static void answer_outer_error(struct peer_link *link)
{
    int32_t sequence;
    int32_t status;
    struct text reply = {0};
    ck_assert(peer_next_request(link, &sequence, &status));
    wire_encode_reply(slice_of(rpc_name(RPC_LIST_NODES)), sequence, link->peer->script,
                      RPC_LIST_NODES, NULL, &reply);
    peer_send(link, reply.bytes, reply.length);
    text_clear(&reply);
}

START_TEST(an_outer_error_fails_the_call_by_its_name)
{
    char error[64];
    struct outcome outcome = {0};
    snprintf(error, sizeof error, "%s", outer_errors[_i].error);
    peer_open(&peer, loop, answer_outer_error, error);
    call(&outcome, 1, LONG_US);
    run_until(1);
    ck_assert_str_eq(what_failed(&outcome), error);
    ck_assert_int_eq(outcome.err.code, outer_errors[_i].code);
}
END_TEST

/* A whole frame with a body that is none. */
static void answer_garbled_body(struct peer_link *link)
{
    int32_t sequence;
    int32_t status;
    struct text reply = {0};
    while (peer_next_request(link, &sequence, &status)) {
        text_reset(&reply);
        peer_build_reply(&reply, sequence, status);
        if (status == 666) {
            memset(reply.bytes + reply.length - 30, 0x55, 30);
        }
        peer_send(link, reply.bytes, reply.length);
    }
    text_clear(&reply);
}

START_TEST(a_garbled_body_fails_its_call_alone)
{
    struct outcome outcomes[2] = {0};
    peer_open(&peer, loop, answer_garbled_body, NULL);
    call(&outcomes[0], 666, LONG_US);
    call(&outcomes[1], 2, LONG_US);
    run_until(2);
    ck_assert_int_eq(outcomes[0].err.code, ERROR_PEER);
    what_failed(&outcomes[0]);
    ck_assert_int_eq(outcomes[1].status, 2);
    ck_assert_int_eq(peer.accepted, 1);
}
END_TEST

/* ---- a server that reads nothing */

START_TEST(calls_beyond_what_the_socket_takes_end_by_their_deadline)
{
    enum { COUNT = 3000 };
    struct outcome *outcomes = memory_allocate(COUNT * sizeof *outcomes);
    peer_open(&peer, loop, say_nothing, NULL);
    struct text long_name = {0};
    while (long_name.length < 8000) {
        text_append_char(&long_name, 'x');
    }
    peer_stop_listening(&peer); /* accepted by the kernel, never read */
    peer_listen(&peer, peer.address.port);
    watch_stop(&peer.watch);
    struct query_config_request request = {.app_name = {long_name.bytes, long_name.length}};
    for (int i = 0; i < COUNT; i++) {
        transport_call(transport, peer.address, RPC_QUERY_CONFIG, &request, 200 * MS, record,
                       &outcomes[i]);
    }
    run_until(COUNT);
    ck_assert_ptr_nonnull(strstr(outcomes[0].err.text, "no reply within 200ms"));
    ck_assert_ptr_nonnull(strstr(outcomes[COUNT - 1].err.text, "could not be sent within 200ms"));
    text_clear(&long_name);
    free(outcomes);
}
END_TEST

/* ---- HTTP */

struct page {
    const char *name;
    const char *bytes;
    size_t length;
    enum after after;
    int status; /* 0: fails */
    const char *body;
    enum error_code code;
};
static const struct page pages[] = {
    {"as Pegasus answers, and stays open",
     BYTES("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nbody"), KEEP,
     200, "body", ERROR_CODE_COUNT},
    {"an empty failure", BYTES("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), KEEP, 404,
     "", ERROR_CODE_COUNT},
    {"a redirect is not followed",
     BYTES("HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/\r\n"
           "Content-Length: 0\r\n\r\n"),
     KEEP, 307, "", ERROR_CODE_COUNT},
    {"no length, ended by the close", BYTES("HTTP/1.1 200 OK\r\n\r\nall of it"), CLOSE, 200,
     "all of it", ERROR_CODE_COUNT},
    {"no length, and open", BYTES("HTTP/1.1 200 OK\r\n\r\nall of it?"), KEEP, 0,
     "no complete reply within 300ms", ERROR_TIMEOUT},
    {"silent", BYTES(""), KEEP, 0, "no reply within 300ms", ERROR_TIMEOUT},
    {"closed at once", BYTES(""), CLOSE, 0, "the connection was closed without a reply",
     ERROR_UNREACHABLE},
    {"reset", BYTES(""), RESET, 0, "connection reset by peer", ERROR_UNREACHABLE},
    {"truncated", BYTES("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"), CLOSE, 0,
     "the connection was closed within a reply", ERROR_UNREACHABLE},
    {"huge", BYTES("HTTP/1.1 200 OK\r\nContent-Length: 2000000000\r\n\r\nx"), KEEP, 0,
     "the body is larger than 64 MiB", ERROR_PEER},
    {"not HTTP", BYTES("\0\0\0\x3e\0\0\0\x15"), CLOSE, 0, "the reply is not HTTP", ERROR_PEER},
    {"not HTTP, in words", BYTES("220 mail.example ESMTP\r\n"), KEEP, 0, "the reply is not HTTP",
     ERROR_PEER},
};

static char page_request[1024];

static void serve_page(struct peer_link *link)
{
    const struct page *page = link->peer->script;
    snprintf(page_request, sizeof page_request, "%s", text_string(&link->in));
    text_reset(&link->in);
    peer_send(link, page->bytes, page->length);
    if (page->after == CLOSE) {
        /* Half: the request has been read, so that the client sees an end and not a reset. */
        shutdown(link->fd, SHUT_WR);
    } else if (page->after == RESET) {
        peer_reset(link);
    }
}

struct got_page {
    int calls;
    int status;
    char body[256];
    struct error err;
    bool failed;
};

static void record_page(void *ctx, const struct http_reply *reply, const struct error *err)
{
    struct got_page *got = ctx;
    got->calls++;
    got->failed = err != NULL;
    if (err != NULL) {
        ck_assert_ptr_null(reply);
        got->err = *err;
    } else {
        got->status = reply->status;
        ck_assert_uint_eq(strlen(reply->body), reply->body_bytes);
        snprintf(got->body, sizeof got->body, "%s", reply->body);
    }
    ends++;
    loop_stop(loop);
}

START_TEST(a_get_ends_in_a_reply_or_says_what_happened)
{
    struct page page = pages[_i];
    struct got_page got = {0};
    char expected[512];
    peer_open(&peer, loop, serve_page, &page);
    transport_get(transport, peer.address, "/perfCounter?name=replica*eon(Count)", 300 * MS,
                  record_page, &got);
    ck_assert_int_eq(got.calls, 0);
    run_until(1);
    ck_assert_int_eq(got.calls, 1);
    ck_assert_msg(
        strncmp(page_request, "GET /perfCounter?name=replica*eon(Count) HTTP/1.1\r\n", 51) == 0,
        "%s", page_request);
    ck_assert_int_eq(got.failed, page.status == 0);
    if (page.status != 0) {
        ck_assert_int_eq(got.status, page.status);
        ck_assert_str_eq(got.body, page.body);
        return;
    }
    snprintf(expected, sizeof expected,
             "127.0.0.1:%u: GET /perfCounter?name=replica*eon(Count): %s", peer.address.port,
             page.body);
    ck_assert_str_eq(got.err.text, expected);
    ck_assert_int_eq(got.err.code, page.code);
}
END_TEST

static void serve_endless_header(struct peer_link *link)
{
    struct text reply = {0};
    text_append_string(&reply, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 4000; i++) {
        text_printf(&reply, "X-Header-%d: some value that takes its room\r\n", i);
    }
    text_reset(&link->in);
    peer_send(link, reply.bytes, reply.length);
    text_clear(&reply);
}

START_TEST(a_header_without_end_is_refused)
{
    struct got_page got = {0};
    peer_open(&peer, loop, serve_endless_header, NULL);
    transport_get(transport, peer.address, "/", LONG_US, record_page, &got);
    run_until(1);
    ck_assert_ptr_nonnull(strstr(got.err.text, "the header is larger than 64 KiB"));
}
END_TEST

START_TEST(a_get_from_a_closed_port_is_refused)
{
    struct got_page got = {0};
    peer_open(&peer, loop, say_nothing, NULL);
    peer_stop_listening(&peer);
    transport_get(transport, peer.address, "/", LONG_US, record_page, &got);
    run_until(1);
    ck_assert_int_eq(got.err.code, ERROR_UNREACHABLE);
    ck_assert_ptr_nonnull(strstr(got.err.text, ": GET /: connection refused"));
}
END_TEST

START_TEST(a_get_can_be_cancelled_and_dropped)
{
    struct got_page got[2] = {0};
    peer_open(&peer, loop, say_nothing, NULL);
    struct operation *cancelled =
        transport_get(transport, peer.address, "/", LONG_US, record_page, &got[0]);
    struct operation *dropped =
        transport_get(transport, peer.address, "/", LONG_US, record_page, &got[1]);
    run_for(20 * MS);
    operation_cancel(cancelled);
    operation_cancel(cancelled);
    operation_drop(dropped);
    run_until(1);
    run_for(20 * MS);
    ck_assert_int_eq(got[0].calls, 1);
    ck_assert_int_eq(got[0].err.code, ERROR_CANCELLED);
    ck_assert_int_eq(got[1].calls, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sockets");
    TCase *rpc = tcase_create("rpc");
    tcase_add_checked_fixture(rpc, setup, teardown);
    tcase_set_timeout(rpc, 60);
    tcase_add_test(rpc, pipelined_calls_share_a_connection_and_take_replies_in_any_order);
    tcase_add_test(rpc, replies_split_at_every_byte_are_put_together);
    tcase_add_test(rpc, a_loop_with_an_idle_connection_alone_returns);
    tcase_add_test(rpc, a_connection_that_ended_while_idle_is_made_anew_without_a_failure);
    tcase_add_test(rpc, a_late_reply_is_dropped_and_does_not_answer_the_next_call);
    tcase_add_test(rpc, a_silent_server_fails_each_call_at_its_own_deadline_and_is_connected_anew);
    tcase_add_test(rpc, cancel_is_told_once_in_a_later_turn_and_the_reply_is_dropped);
    tcase_add_test(rpc, what_was_cancelled_before_it_was_sent_is_never_sent);
    tcase_add_test(rpc, a_transport_may_be_freed_by_a_callback_and_calls_back_no_more);
    tcase_add_loop_test(rpc, a_broken_connection_fails_each_call_on_it_and_says_how, 0,
                        (int)(sizeof breakages / sizeof *breakages));
    tcase_add_test(rpc, a_refused_connection_is_said_at_once_and_tried_again_after_a_pause);
    tcase_add_test(rpc, a_deadline_within_the_pause_says_why_there_is_no_connection);
    tcase_add_loop_test(rpc, an_outer_error_fails_the_call_by_its_name, 0,
                        (int)(sizeof outer_errors / sizeof *outer_errors));
    tcase_add_test(rpc, a_garbled_body_fails_its_call_alone);
    tcase_add_test(rpc, calls_beyond_what_the_socket_takes_end_by_their_deadline);
    suite_add_tcase(suite, rpc);
    TCase *http = tcase_create("http");
    tcase_add_checked_fixture(http, setup, teardown);
    tcase_set_timeout(http, 60);
    tcase_add_loop_test(http, a_get_ends_in_a_reply_or_says_what_happened, 0,
                        (int)(sizeof pages / sizeof *pages));
    tcase_add_test(http, a_header_without_end_is_refused);
    tcase_add_test(http, a_get_from_a_closed_port_is_refused);
    tcase_add_test(http, a_get_can_be_cancelled_and_dropped);
    suite_add_tcase(suite, http);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
