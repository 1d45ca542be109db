#include "sim/errand.h"

#include "wire/wire.h"

#include <stdlib.h>

enum { IDLE_BYTES = 64 * 1024 }; /* more is given back: a whole table is seldom read */

struct call;

struct sim_transport {
    struct transport transport; /* first */
    struct sim_driver *driver;
    struct errand_list errands;
    struct call *idle; /* ended calls, whose memory is used again */
};

struct call {
    struct errand errand; /* first */
    struct sim_transport *transport;
    struct call *next_idle;
    struct address to;
    struct arena arena;

    /* an RPC: the request travels as its frame, as it would */
    enum rpc rpc;
    struct text frame;
    uint64_t since; /* of RPC_QUERY_CONFIG: it is not in the frame */
    void *response;
    rpc_done_fn *rpc_done;

    /* or a GET */
    char *path;
    struct sim_http http;
    http_done_fn *http_done;

    void *ctx;
    enum sim_answer answer;
};

static void end_call(struct errand *errand, const struct error *err, bool tell)
{
    struct call *call = (struct call *)errand;
    if (tell && call->rpc_done != NULL) {
        call->rpc_done(call->ctx, err == NULL ? call->response : NULL, err);
    } else if (tell) {
        struct http_reply reply = {
            .status = call->http.status,
            .body = text_string(&call->http.body),
            .body_bytes = call->http.body.length,
            .location = call->http.location.length > 0 ? text_string(&call->http.location) : NULL,
        };
        call->http_done(call->ctx, err == NULL ? &reply : NULL, err);
    }
    text_clear(&call->http.body);
    text_clear(&call->http.location);
    free(call->path);
    if (call->arena.total > IDLE_BYTES) {
        arena_clear(&call->arena);
    }
    call->next_idle = call->transport->idle;
    call->transport->idle = call;
}

static void describe(const struct errand *errand, struct text *out)
{
    const struct call *call = (const struct call *)errand;
    char address[ADDRESS_TEXT_BYTES];
    address_format(call->to, address);
    if (call->rpc_done != NULL) {
        text_printf(out, "%s: %s", address, rpc_name(call->rpc));
    } else {
        text_printf(out, "%s: GET %s", address, call->path);
    }
}

static void deliver(struct errand *errand)
{
    struct call *call = (struct call *)errand;
    switch (call->answer) {
    case SIM_ANSWER:
        errand_end(errand);
        return;
    case SIM_NO_HANDLER:
        errand_fail(errand, ERROR_REPLY, PEGASUS_HANDLER_NOT_FOUND);
        return;
    case SIM_REFUSED:
        errand_fail(errand, ERROR_UNREACHABLE, "connection refused");
        return;
    case SIM_NO_REPLY:
        break;
    }
    errand_fail(errand, ERROR_UNREACHABLE, "the connection was closed without a reply");
}

static void ask_rpc(struct call *call, struct sim *sim, int32_t server)
{
    struct wire_request request;
    struct error err;
    size_t request_bytes = rpc_request_bytes(call->rpc);
    void *arguments = arena_allocate(&call->arena, request_bytes);
    bool decoded =
        wire_decode_request(text_string(&call->frame), call->frame.length, &request, &err) &&
        wire_decode_arguments(call->rpc, request.body, &call->arena, arguments, &err);
    ASSERT(decoded); /* our own encoder made it */
    if (call->rpc == RPC_QUERY_CONFIG) {
        ((struct query_config_request *)arguments)->since = call->since;
    }
    call->response = arena_allocate(&call->arena, rpc_response_bytes(call->rpc));
    call->answer = sim_request(sim, server, call->rpc, request.app_id, arguments, &call->arena,
                               call->response);
}

static void arrive(struct errand *errand)
{
    struct call *call = (struct call *)errand;
    struct sim_driver *driver = errand->driver;
    struct sim *sim = driver->sim;
    sim_driver_catch_up(driver);
    int32_t server = sim_find_server(sim, call->to);
    call->answer = SIM_REFUSED;
    if (server >= 0) {
        if (call->rpc_done != NULL) {
            ask_rpc(call, sim, server);
        } else {
            call->answer = sim_http_request(sim, server, "GET", call->path, &call->http);
        }
        sim_driver_poke(driver);
    }
    bool died = call->answer == SIM_NO_REPLY && sim_server_process(sim, server) == SIM_DOWN;
    if (call->answer == SIM_NO_REPLY && !died) {
        errand_wait_for_ever(errand);
    } else {
        errand_wait(errand, sim_latency_us(sim), deliver);
    }
}

/* Zeroed but for what memory an ended call has left to it. */
static struct call *take_idle(struct sim_transport *own)
{
    struct call *call = own->idle;
    if (call == NULL) {
        call = memory_allocate(sizeof *call);
        arena_init(&call->arena);
        return call;
    }
    own->idle = call->next_idle;
    struct arena arena = call->arena;
    struct text frame = call->frame;
    arena_reset(&arena);
    text_reset(&frame);
    *call = (struct call){.arena = arena, .frame = frame};
    return call;
}

static struct call *call_new(struct transport *transport, struct address to, int64_t timeout_us,
                             void *ctx)
{
    struct sim_transport *own = (struct sim_transport *)transport;
    struct call *call = take_idle(own);
    call->transport = own;
    call->to = to;
    call->ctx = ctx;
    errand_start(&call->errand, own->driver, &own->errands, timeout_us, end_call, describe);
    errand_wait(&call->errand, sim_latency_us(own->driver->sim), arrive);
    return call;
}

static struct operation *start_call(struct transport *transport, struct address to, enum rpc rpc,
                                    const void *request, int64_t timeout_us, rpc_done_fn *done,
                                    void *ctx)
{
    struct call *call = call_new(transport, to, timeout_us, ctx);
    call->rpc = rpc;
    call->rpc_done = done;
    if (rpc == RPC_QUERY_CONFIG) {
        call->since = ((const struct query_config_request *)request)->since;
    }
    wire_encode_request(rpc, 1, (int32_t)(timeout_us / 1000), request, &call->frame);
    return &call->errand.operation;
}

static struct operation *start_get(struct transport *transport, struct address from,
                                   const char *path, int64_t timeout_us, http_done_fn *done,
                                   void *ctx)
{
    struct call *call = call_new(transport, from, timeout_us, ctx);
    call->path = memory_copy_string(path);
    call->http_done = done;
    return &call->errand.operation;
}

static void free_transport(struct transport *transport)
{
    struct sim_transport *own = (struct sim_transport *)transport;
    if (own != NULL) {
        errands_drop(&own->errands);
        struct call *call;
        while ((call = own->idle) != NULL) {
            own->idle = call->next_idle;
            text_clear(&call->frame);
            arena_clear(&call->arena);
            free(call);
        }
        free(own);
    }
}

static const struct transport_ops transport_ops = {
    .call = start_call, .get = start_get, .free = free_transport};

struct transport *sim_transport_new(struct sim_driver *driver)
{
    struct sim_transport *own = memory_allocate(sizeof *own);
    own->transport.ops = &transport_ops;
    own->transport.loop = driver->loop;
    own->driver = driver;
    TAILQ_INIT(&own->errands);
    return &own->transport;
}
