#include "serve/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REST_US = 100 * 1000, ACCEPTS_A_TURN = 64 };

static struct sockaddr_in socket_address(struct address address)
{
    struct sockaddr_in out = {.sin_family = AF_INET, .sin_port = htons(address.port)};

    out.sin_addr.s_addr = htonl(address.ip);
    return out;
}

/* A port in use is the caller's choice of port, not a failure of the system. */
static void set_error(struct error *err, int errno_value, const char *doing, struct address address)
{
    char name[ADDRESS_TEXT_BYTES];

    error_set_errno(err, errno_value, "%s %s", doing, address_format(address, name));
    if (errno_value == EADDRINUSE) {
        err->code = ERROR_REFUSED;
    }
}

/* A socket bound to the address, which takes a port where it has none yet; -1 with `err`. */
static int bind_socket(struct address *address, struct error *err)
{
    struct sockaddr_in bound = socket_address(*address);
    socklen_t bound_bytes = sizeof bound;
    int yes = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0) {
        error_set_errno(err, errno, "socket");
        return -1;
    }
    /* Lets the reserved socket and the one that listens share the port. */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        bind(fd, (const struct sockaddr *)&bound, sizeof bound) != 0 ||
        getsockname(fd, (struct sockaddr *)&bound, &bound_bytes) != 0) {
        set_error(err, errno, "bind", *address);
        close(fd);
        return -1;
    }
    address->port = ntohs(bound.sin_port);
    return fd;
}

bool listener_init(struct listener *listener, struct loop *loop, struct address address,
                   listener_fn *accepted, void *ctx, struct error *err)
{
    int fd = bind_socket(&address, err);

    if (fd < 0) {
        return false;
    }
    *listener = (struct listener){
        .loop = loop,
        .address = address,
        .reserved_fd = fd,
        .fd = -1,
        .accepted = accepted,
        .ctx = ctx,
    };
    return true;
}

void listener_clear(struct listener *listener)
{
    if (listener->loop == NULL) {
        return;
    }
    listener_close(listener);
    close(listener->reserved_fd);
    listener->loop = NULL;
}

/* ---- accepting */

static void accept_again(void *ctx)
{
    struct listener *listener = ctx;

    watch_set_events(&listener->watch, WATCH_READ);
}

static void on_connection(void *ctx, unsigned ready)
{
    struct listener *listener = ctx;
    int yes = 1;

    (void)ready;
    for (int i = 0; i < ACCEPTS_A_TURN && listener_is_open(listener); i++) {
        int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
            listener->accepted(listener->ctx, fd);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            /* The connection stays in the queue; asking again at once would only spin. */
            watch_set_events(&listener->watch, 0);
            timer_start(listener->loop, &listener->rest, REST_US, accept_again, listener);
            return;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return;
        }
    }
}

bool listener_open(struct listener *listener, struct error *err)
{
    if (listener_is_open(listener)) {
        return true;
    }
    struct address address = listener->address;
    int fd = bind_socket(&address, err);
    if (fd < 0) {
        return false;
    }
    if (listen(fd, SOMAXCONN) != 0) {
        set_error(err, errno, "listen on", address);
        close(fd);
        return false;
    }
    listener->fd = fd;
    watch_start(listener->loop, &listener->watch, fd, WATCH_READ, on_connection, listener);
    return true;
}

void listener_close(struct listener *listener)
{
    if (listener_is_open(listener)) {
        timer_cancel(&listener->rest);
        watch_stop(&listener->watch);
        close(listener->fd);
        listener->fd = -1;
    }
}

bool listener_is_open(const struct listener *listener)
{
    return listener->fd >= 0;
}
