/* A scripted TCP server on the same loop as the client under test, on 127.0.0.1 at a port the
 * kernel picks: what it does with each connection is one function. */
#ifndef TESTS_UNIT_LIVE_PEER_H
#define TESTS_UNIT_LIVE_PEER_H

#include "base/loop.h"
#include "wire/wire.h"

#include <check.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct peer;
struct peer_link {
    struct peer *peer;
    int fd; /* -1: none, or closed */
    struct watch watch;
    struct text in;
    struct text out; /* sent a byte a turn */
    struct timer drip;
};

/* Bytes came in on `link`: they are in link->in. */
typedef void peer_fn(struct peer_link *link);

struct peer {
    struct loop *loop;
    struct address address;
    int fd;
    struct watch watch;
    peer_fn *react;
    void *script; /* of `react` */
    int accepted;
    struct peer_link links[16];
};

static inline void peer_shut(struct peer_link *link)
{
    watch_stop(&link->watch);
    timer_cancel(&link->drip);
    if (link->fd >= 0) {
        close(link->fd);
        link->fd = -1;
    }
    text_clear(&link->in);
    text_clear(&link->out);
}

static inline void peer_reset(struct peer_link *link)
{
    struct linger abort_it = {.l_onoff = 1, .l_linger = 0};
    setsockopt(link->fd, SOL_SOCKET, SO_LINGER, &abort_it, sizeof abort_it);
    peer_shut(link);
}

static inline void peer_send(struct peer_link *link, const void *bytes, size_t length)
{
    ck_assert_int_eq(send(link->fd, bytes, length, MSG_NOSIGNAL), (ssize_t)length);
}

static inline void peer_on_bytes(void *ctx, unsigned ready)
{
    (void)ready;
    struct peer_link *link = ctx;
    char buffer[4096];
    ssize_t got = recv(link->fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (got <= 0) {
        watch_stop(&link->watch);
        return;
    }
    text_append(&link->in, buffer, (size_t)got);
    link->peer->react(link);
}

static inline void peer_on_accept(void *ctx, unsigned ready)
{
    (void)ready;
    struct peer *peer = ctx;
    int fd = accept4(peer->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) {
        return;
    }
    ck_assert_int_lt(peer->accepted, 16);
    struct peer_link *link = &peer->links[peer->accepted++];
    link->peer = peer;
    link->fd = fd;
    watch_start(peer->loop, &link->watch, fd, WATCH_READ, peer_on_bytes, link);
}

static inline void peer_listen(struct peer *peer, uint16_t port)
{
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(port)};
    socklen_t length = sizeof own;
    int on = 1;
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    peer->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    setsockopt(peer->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    ck_assert_int_eq(bind(peer->fd, (struct sockaddr *)&own, sizeof own), 0);
    ck_assert_int_eq(listen(peer->fd, 16), 0);
    ck_assert_int_eq(getsockname(peer->fd, (struct sockaddr *)&own, &length), 0);
    peer->address = (struct address){
        .ip = INADDR_LOOPBACK,
        .port = ntohs(own.sin_port),
        .kind = ADDRESS_IPV4,
    };
    watch_start(peer->loop, &peer->watch, peer->fd, WATCH_READ, peer_on_accept, peer);
}

static inline void peer_open(struct peer *peer, struct loop *loop, peer_fn *react, void *script)
{
    memset(peer, 0, sizeof *peer);
    for (int i = 0; i < 16; i++) {
        peer->links[i].fd = -1;
    }
    peer->loop = loop;
    peer->react = react;
    peer->script = script;
    peer_listen(peer, 0);
}

/* Stops listening: connections to the port are refused from now on. */
static inline void peer_stop_listening(struct peer *peer)
{
    watch_stop(&peer->watch);
    if (peer->fd >= 0) {
        close(peer->fd);
        peer->fd = -1;
    }
}

static inline void peer_close(struct peer *peer)
{
    peer_stop_listening(peer);
    for (int i = 0; i < peer->accepted; i++) {
        peer_shut(&peer->links[i]);
    }
}

/* ---- RPC */

/* Takes the next whole request off `link`; its sequence and the status a LIST_NODES asks for. */
static inline bool peer_next_request(struct peer_link *link, int32_t *sequence, int32_t *status)
{
    struct error err;
    size_t frame_bytes;
    struct wire_request request;
    struct list_nodes_request arguments;
    struct arena arena;
    if (link->in.length == 0 ||
        wire_scan_request(link->in.bytes, link->in.length, &frame_bytes, &err) != WIRE_COMPLETE) {
        return false;
    }
    arena_init(&arena);
    ck_assert(wire_decode_request(link->in.bytes, frame_bytes, &request, &err));
    ck_assert_int_eq(request.rpc, RPC_LIST_NODES);
    ck_assert(wire_decode_arguments(RPC_LIST_NODES, request.body, &arena, &arguments, &err));
    ck_assert_int_gt(request.timeout_ms, 0);
    *sequence = request.sequence;
    *status = arguments.status;
    text_drop_front(&link->in, frame_bytes);
    arena_clear(&arena);
    return true;
}

/* A reply to LIST_NODES with one node, of this status. */
static inline void peer_build_reply(struct text *out, int32_t sequence, int32_t status)
{
    struct wire_node_info node = {.status = status, .node = {.ip = 1, .port = 2, .kind = 1}};
    struct list_nodes_response response = {
        .err = slice_of(PEGASUS_OK),
        .infos = {&node, 1},
    };
    wire_encode_reply(slice_of(rpc_name(RPC_LIST_NODES)), sequence, PEGASUS_OK, RPC_LIST_NODES,
                      &response, out);
}

static inline void peer_reply(struct peer_link *link, int32_t sequence, int32_t status)
{
    struct text reply = {0};
    peer_build_reply(&reply, sequence, status);
    peer_send(link, reply.bytes, reply.length);
    text_clear(&reply);
}

static inline void peer_drip_byte(void *ctx)
{
    struct peer_link *link = ctx;
    peer_send(link, link->out.bytes, 1);
    text_drop_front(&link->out, 1);
    if (link->out.length > 0) {
        timer_start(link->peer->loop, &link->drip, 0, peer_drip_byte, link);
    }
}

#endif
