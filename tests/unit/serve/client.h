/* A raw TCP client on the same loop as the server under test: what it waits for has a deadline, so
 * a test neither sleeps nor hangs. */
#ifndef TESTS_UNIT_SERVE_CLIENT_H
#define TESTS_UNIT_SERVE_CLIENT_H

#include "base/loop.h"
#include "base/text.h"
#include "pegasus/address.h"

#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLIENT_PATIENCE_US = 20 * 1000 * 1000 };

struct client {
    struct loop *loop;
    int fd;
    struct watch watch;
    struct timer deadline;
    struct text in;
    size_t wanted;
    bool ended; /* by the peer */
    bool reset;
    bool late;
};

static inline struct address client_loopback(uint16_t port)
{
    return (struct address){.ip = 0x7f000001, .port = port, .kind = ADDRESS_IPV4};
}

/* 0, or the errno of the connect. The kernel completes it without the server's help. */
static inline int client_connect(struct client *client, struct loop *loop, struct address address)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(address.port)};

    to.sin_addr.s_addr = htonl(address.ip);
    memset(client, 0, sizeof *client);
    client->loop = loop;
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(client->fd, 0);
    if (connect(client->fd, (const struct sockaddr *)&to, sizeof to) != 0) {
        int failure = errno;
        close(client->fd);
        return failure;
    }
    return 0;
}

static inline void client_open(struct client *client, struct loop *loop, struct address address)
{
    int failure = client_connect(client, loop, address);
    ck_assert_msg(failure == 0, "connect: %s", strerror(failure));
}

static inline void client_close(struct client *client)
{
    close(client->fd);
    text_clear(&client->in);
}

static inline void client_send_bytes(struct client *client, const void *bytes, size_t length)
{
    ck_assert_int_eq(send(client->fd, bytes, length, MSG_NOSIGNAL), (ssize_t)length);
}

static inline void client_send(struct client *client, const char *string)
{
    client_send_bytes(client, string, strlen(string));
}

static inline void client_on_bytes(void *ctx, unsigned ready)
{
    struct client *client = ctx;
    char *room = text_reserve(&client->in, 65536);
    ssize_t got = recv(client->fd, room, 65536, MSG_DONTWAIT);

    (void)ready;
    if (got > 0) {
        client->in.length += (size_t)got;
        room[got] = '\0';
    } else if (got == 0) {
        client->ended = true;
    } else if (errno != EAGAIN) {
        client->ended = true;
        client->reset = errno == ECONNRESET;
    }
    if (client->ended || client->in.length >= client->wanted) {
        loop_stop(client->loop);
    }
}

static inline void client_on_deadline(void *ctx)
{
    struct client *client = ctx;

    client->late = true;
    loop_stop(client->loop);
}

/* Runs the loop until so many bytes are there in all, or the peer has ended the connection. */
static inline void client_await(struct client *client, size_t bytes)
{
    struct error err;

    if (client->in.length >= bytes || client->ended) {
        return;
    }
    client->wanted = bytes;
    watch_start(client->loop, &client->watch, client->fd, WATCH_READ, client_on_bytes, client);
    timer_start(client->loop, &client->deadline, CLIENT_PATIENCE_US, client_on_deadline, client);
    while (!client->late && !client->ended && client->in.length < bytes) {
        ck_assert(loop_run(client->loop, &err));
    }
    watch_stop(&client->watch);
    timer_cancel(&client->deadline);
    ck_assert_msg(!client->late, "waited in vain for %zu bytes, got %zu", bytes, client->in.length);
}

static inline void client_await_end(struct client *client)
{
    client_await(client, SIZE_MAX);
    ck_assert(client->ended);
}

#endif
