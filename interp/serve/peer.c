#include "serve/peer.h"

#include "serve/httpd.h"
#include "serve/server.h"
#include "wire/wire.h"

#include <stdlib.h>
#include <string.h>

enum peer_step {
    STEP_HANDLED,    /* `used` bytes are done with */
    STEP_NEEDS_MORE, /* no whole request yet */
    STEP_DROP,       /* upstream closes such a connection without a byte */
    STEP_GONE,       /* the process is down */
};

/* ---- RPC */

/* Upstream has no handler around its decoder: what does not decode ends the process there. Here it
 * ends the connection, and is counted. */
static enum peer_step refuse_arguments(struct peer *peer, const struct wire_request *request,
                                       const struct error *err)
{
    char address[ADDRESS_TEXT_BYTES];

    sim_count_violation(peer->sim, "%s: %s with arguments that do not decode: %s",
                        address_format(sim_server_address(peer->sim, peer->server), address),
                        rpc_name(request->rpc), err->text);
    return STEP_DROP;
}

static enum peer_step answer_known(struct peer *peer, const struct wire_request *request)
{
    void *arguments = arena_allocate(&peer->arena, rpc_request_bytes(request->rpc));
    void *response = arena_allocate(&peer->arena, rpc_response_bytes(request->rpc));
    struct error err;

    if (!wire_decode_arguments(request->rpc, request->body, &peer->arena, arguments, &err)) {
        return refuse_arguments(peer, request, &err);
    }
    switch (sim_request(peer->sim, peer->server, request->rpc, request->app_id, arguments,
                        &peer->arena, response)) {
    case SIM_ANSWER:
        wire_encode_reply(request->name, request->sequence, PEGASUS_OK, request->rpc, response,
                          &peer->stream.out);
        return STEP_HANDLED;
    case SIM_NO_HANDLER:
        wire_encode_reply(request->name, request->sequence, PEGASUS_HANDLER_NOT_FOUND, request->rpc,
                          NULL, &peer->stream.out);
        return STEP_HANDLED;
    case SIM_NO_REPLY:
        return STEP_HANDLED;
    case SIM_REFUSED:
        return STEP_GONE;
    }
    return STEP_GONE;
}

static enum peer_step take_rpc(struct peer *peer, const char *bytes, size_t length, size_t *used)
{
    struct wire_request request;
    struct error err;

    switch (wire_scan_request(bytes, length, used, &err)) {
    case WIRE_INCOMPLETE:
        return STEP_NEEDS_MORE;
    case WIRE_BROKEN:
        return STEP_DROP;
    case WIRE_COMPLETE:
        break;
    }
    if (!wire_decode_request(bytes, *used, &request, &err)) {
        return STEP_DROP;
    }
    switch (sim_server_process(peer->sim, peer->server)) {
    case SIM_DOWN:
        return STEP_GONE;
    case SIM_SILENT:
        return STEP_HANDLED;
    case SIM_UP:
        break;
    }
    if (!request.known) {
        wire_encode_reply(request.name, request.sequence, PEGASUS_HANDLER_NOT_FOUND, RPC_COUNT,
                          NULL, &peer->stream.out);
        return STEP_HANDLED;
    }
    arena_reset(&peer->arena);
    return answer_known(peer, &request);
}

/* ---- HTTP */

static void write_http(struct peer *peer, const struct sim_http *http)
{
    struct httpd_reply reply = {
        .status = http->status,
        .content_type = "text/plain",
        .location = http->location.length > 0 ? text_string(&http->location) : NULL,
        .body = {http->body.bytes, http->body.length},
    };

    httpd_write_reply(&reply, &peer->stream.out);
}

/* Upstream parses again from the start of its buffer but with the state of the first try, so a
 * request that comes in two parts fails (seen): the rest of it ends the connection. */
static enum peer_step take_split(struct peer *peer, size_t length)
{
    if (peer->split_bytes > 0 && length > peer->split_bytes) {
        return STEP_DROP;
    }
    peer->split_bytes = length;
    return STEP_NEEDS_MORE;
}

static enum peer_step take_http(struct peer *peer, const char *bytes, size_t length, size_t *used)
{
    struct httpd_request request;
    enum peer_step step = STEP_DROP;

    if (length == 0) {
        return STEP_NEEDS_MORE;
    }
    enum httpd_scan scan = httpd_scan_request(bytes, length, &request);
    if (scan == HTTPD_INCOMPLETE || peer->split_bytes > 0) {
        return take_split(peer, length);
    }
    if (scan == HTTPD_BROKEN ||
        !(slice_equals(request.method, "GET") || slice_equals(request.method, "POST"))) {
        return STEP_DROP;
    }
    *used = request.bytes;
    arena_reset(&peer->arena);
    const char *method =
        arena_copy_bytes(&peer->arena, request.method.bytes, request.method.length);
    const char *target =
        arena_copy_bytes(&peer->arena, request.target.bytes, request.target.length);
    struct sim_http http = {0};
    switch (sim_http_request(peer->sim, peer->server, method, target, &http)) {
    case SIM_ANSWER:
        write_http(peer, &http);
        step = STEP_HANDLED;
        break;
    case SIM_NO_REPLY:
        step = STEP_HANDLED;
        break;
    case SIM_NO_HANDLER:
        step = STEP_DROP;
        break;
    case SIM_REFUSED:
        step = STEP_GONE;
        break;
    }
    text_clear(&http.body);
    text_clear(&http.location);
    return step;
}

/* ---- both */

static enum peer_step take_request(struct peer *peer, const char *bytes, size_t length,
                                   size_t *used)
{
    if (peer->protocol == PEER_NEW) {
        if (length < 4) {
            return STEP_NEEDS_MORE;
        }
        if (memcmp(bytes, "THFT", 4) == 0) {
            peer->protocol = PEER_RPC;
        } else if (memcmp(bytes, "GET ", 4) == 0 || memcmp(bytes, "POST", 4) == 0) {
            peer->protocol = PEER_HTTP;
        } else {
            return STEP_DROP;
        }
    }
    return peer->protocol == PEER_RPC ? take_rpc(peer, bytes, length, used)
                                      : take_http(peer, bytes, length, used);
}

/* Handles what is whole and has room for its reply. */
static void on_ready(void *ctx)
{
    struct peer *peer = ctx;
    struct stream *stream = &peer->stream;
    struct server_traffic *traffic = server_set_traffic(peer->set);
    enum peer_step step = STEP_HANDLED;
    size_t done = 0;

    /* Only here does time go on: the process may be gone by now, and with it this connection. */
    peer->sim = server_set_sim(peer->set);
    while (stream_is_open(stream) && step == STEP_HANDLED && stream_has_room(stream)) {
        size_t used = 0;
        size_t replied = stream->out.length;
        step = take_request(peer, text_string(&stream->in) + done, stream->in.length - done, &used);
        if (step == STEP_HANDLED) {
            done += used;
            traffic->requests++;
            traffic->request_bytes += (int64_t)used;
            traffic->reply_bytes += (int64_t)(stream->out.length - replied);
        }
    }
    server_set_changed(peer->set);
    if (!stream_is_open(stream)) {
        return;
    }
    if (step == STEP_GONE) {
        stream_reset(stream);
        return;
    }
    if (step == STEP_DROP) {
        stream_finish(stream); /* replies to earlier requests still go out */
        return;
    }
    stream_consume(stream, done);
    if (step == STEP_NEEDS_MORE && stream->ended) {
        stream_finish(stream);
        return;
    }
    stream_flush(stream);
}

static void on_closed(void *ctx)
{
    peer_free(ctx);
}

void peer_start(struct server_set *set, int32_t server, int fd, struct peer **list,
                size_t *list_count)
{
    struct peer *peer = memory_allocate(sizeof *peer);

    peer->set = set;
    peer->server = server;
    peer->next = *list;
    peer->link = list;
    if (peer->next != NULL) {
        peer->next->link = &peer->next;
    }
    *list = peer;
    peer->list_count = list_count;
    ++*list_count;
    stream_start(&peer->stream, server_set_loop(set), fd, on_ready, on_closed, peer);
}

void peer_free(struct peer *peer)
{
    *peer->link = peer->next;
    if (peer->next != NULL) {
        peer->next->link = peer->link;
    }
    --*peer->list_count;
    stream_clear(&peer->stream);
    arena_clear(&peer->arena);
    free(peer);
}
