/* A small simulated cluster on free loopback ports, with fast timings: r1-r3, m1-m2, c1. */
#ifndef TESTS_UNIT_SERVE_CLUSTER_H
#define TESTS_UNIT_SERVE_CLUSTER_H

#include "client.h"

#include "serve/server.h"
#include "wire/wire.h"

#include <stdlib.h>

enum { R1 = 0, R2 = 1, R3 = 2, M1 = 3, M2 = 4, C1 = 5 };

struct cluster_under_test {
    struct loop *loop;
    struct model model;
    struct model_table tables[1];
    struct server_set *set;
    struct text events;  /* one a line */
    const char *awaited; /* an event that ends cluster_await_event */
};

static inline void cluster_on_event(void *ctx, int64_t at_us, const char *what)
{
    struct cluster_under_test *cluster = ctx;

    ck_assert_int_ge(at_us, 0);
    text_printf(&cluster->events, "%s\n", what);
    if (cluster->awaited != NULL && strstr(what, cluster->awaited) != NULL) {
        cluster->awaited = NULL;
        loop_stop(cluster->loop);
    }
}

/* A process is up after a third of `start_us`, and silent for a sixth before that. */
static inline void cluster_start(struct cluster_under_test *cluster, enum release release,
                                 int64_t start_us)
{
    struct address *addresses = NULL;
    int32_t count = 0;
    struct error err;

    memset(cluster, 0, sizeof *cluster);
    model_init(&cluster->model, release);
    cluster->tables[0] =
        (struct model_table){.name = "temp", .partition_count = 8, .max_replica_count = 3};
    cluster->model.replica_count = 3;
    cluster->model.tables = cluster->tables;
    cluster->model.table_count = 1;
    cluster->model.timings.start_us = start_us;
    cluster->model.timings.install_us = 50 * 1000;
    cluster->model.timings.stop_us = 10 * 1000;
    ck_assert_msg(model_check(&cluster->model, &err), "%s", err.text);
    ck_assert(loop_open_real(&cluster->loop, &err));
    ck_assert(server_addresses(&cluster->model, 0x7f000001, 0, &addresses, &count, &err));
    ck_assert_int_eq(count, 6);
    ck_assert_msg(server_set_open(cluster->loop, &cluster->model, addresses, cluster_on_event,
                                  cluster, &cluster->set, &err),
                  "%s", err.text);
    free(addresses);
}

static inline void cluster_stop(struct cluster_under_test *cluster)
{
    server_set_free(cluster->set);
    loop_close(cluster->loop);
    text_clear(&cluster->events);
}

static inline struct address cluster_address(struct cluster_under_test *cluster, int32_t server)
{
    return sim_server_address(server_set_sim(cluster->set), server);
}

static inline void cluster_too_late(void *ctx)
{
    struct cluster_under_test *cluster = ctx;

    ck_abort_msg("waited in vain for '%s'; events:\n%s", cluster->awaited,
                 text_string(&cluster->events));
}

/* Runs until an event that contains `text` is told. */
static inline void cluster_await_event(struct cluster_under_test *cluster, const char *text)
{
    struct timer deadline = {0};
    struct error err;

    cluster->awaited = text;
    timer_start(cluster->loop, &deadline, CLIENT_PATIENCE_US, cluster_too_late, cluster);
    while (cluster->awaited != NULL) {
        ck_assert(loop_run(cluster->loop, &err));
    }
    timer_cancel(&deadline);
}

static inline void cluster_control(struct cluster_under_test *cluster, int32_t server,
                                   enum sim_control what)
{
    int64_t done_us = 0;
    struct error err;

    ck_assert_msg(sim_control(server_set_sim(cluster->set), server, what, NULL, &done_us, &err),
                  "%s", err.text);
    server_set_changed(cluster->set);
}

/* The first meta server that leads. */
static inline int32_t cluster_leader(struct cluster_under_test *cluster)
{
    struct sim *sim = server_set_sim(cluster->set);
    struct cluster_info_request request = {0};
    struct cluster_info_response response;
    struct arena arena;
    int32_t leader = -1;

    arena_init(&arena);
    for (int32_t meta = M1; meta <= M2 && leader < 0; meta++) {
        memset(&response, 0, sizeof response);
        if (sim_request(sim, meta, RPC_CLUSTER_INFO, 0, &request, &arena, &response) ==
                SIM_ANSWER &&
            slice_equals(response.err, "ERR_OK")) {
            leader = meta;
        }
    }
    arena_clear(&arena);
    ck_assert_int_ge(leader, 0);
    return leader;
}

/* ---- exchanges */

static inline void append_info(int32_t sequence, struct text *out)
{
    struct cluster_info_request request = {0};

    wire_encode_request(RPC_CLUSTER_INFO, sequence, 5000, &request, out);
}

/* Waits for one more reply and removes it from what the client got. */
static inline void take_reply(struct client *client, struct text *frame, struct wire_reply *reply)
{
    struct error err;
    size_t bytes = 0;

    client_await(client, 4);
    while (!client->ended &&
           wire_scan_reply(client->in.bytes, client->in.length, &bytes, &err) == WIRE_INCOMPLETE) {
        client_await(client, client->in.length + 1);
    }
    ck_assert_msg(
        wire_scan_reply(client->in.bytes, client->in.length, &bytes, &err) == WIRE_COMPLETE,
        "got %zu bytes, connection %s", client->in.length, client->ended ? "ended" : "open");
    text_reset(frame);
    text_append(frame, client->in.bytes, bytes);
    text_drop_front(&client->in, bytes);
    ck_assert_msg(wire_decode_reply(frame->bytes, frame->length, reply, &err), "%s", err.text);
}

static inline void expect_info(struct client *client, int32_t sequence)
{
    struct cluster_info_response response;
    struct wire_reply reply;
    struct text frame = {0};
    struct arena arena;
    struct error err;

    arena_init(&arena);
    take_reply(client, &frame, &reply);
    ck_assert(slice_equals(reply.error, "ERR_OK"));
    ck_assert(slice_equals(reply.name, "RPC_CM_CLUSTER_INFO_ACK"));
    ck_assert_int_eq(reply.sequence, sequence);
    ck_assert_msg(wire_decode_response(RPC_CLUSTER_INFO, reply.body, &arena, &response, &err), "%s",
                  err.text);
    ck_assert(slice_equals(response.err, "ERR_OK"));
    arena_clear(&arena);
    text_clear(&frame);
}

/* A new connection asks the leader and is answered: the set as a whole is well. */
static inline void cluster_expect_all_goes_on(struct cluster_under_test *cluster)
{
    struct client client;
    struct text request = {0};

    client_open(&client, cluster->loop, cluster_address(cluster, cluster_leader(cluster)));
    append_info(77, &request);
    client_send_bytes(&client, request.bytes, request.length);
    expect_info(&client, 77);
    client_close(&client);
    text_clear(&request);
}

static inline void expect_http(struct client *client, const char *start, const char *end)
{
    client_await(client, 1);
    while (!client->ended && strstr(text_string(&client->in), end) == NULL) {
        client_await(client, client->in.length + 1);
    }
    ck_assert_msg(strncmp(text_string(&client->in), start, strlen(start)) == 0, "got: %s",
                  text_string(&client->in));
    ck_assert_msg(strstr(text_string(&client->in), end) != NULL, "got: %s",
                  text_string(&client->in));
}

#endif
