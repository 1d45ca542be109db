#include "live/sockets.h"

#include "live/connection.h"
#include "live/http.h"

#include <stdlib.h>

struct sockets {
    struct transport transport; /* first */
    struct http_client http;
    struct connection **connections;
    size_t connection_count;
    size_t connection_capacity;
};

/* A cluster has hundreds of servers at most, and a call costs a system call anyway. */
static struct connection *find_connection(struct sockets *sockets, struct address address)
{
    for (size_t i = 0; i < sockets->connection_count; i++) {
        if (address_equal(connection_address(sockets->connections[i]), address)) {
            return sockets->connections[i];
        }
    }
    if (sockets->connection_count == sockets->connection_capacity) {
        sockets->connection_capacity =
            sockets->connection_capacity == 0 ? 16 : sockets->connection_capacity * 2;
        sockets->connections = memory_resize(sockets->connections, sockets->connection_capacity *
                                                                       sizeof(struct connection *));
    }
    struct connection *connection = connection_new(sockets->transport.loop, address);
    sockets->connections[sockets->connection_count++] = connection;
    return connection;
}

static struct operation *sockets_call(struct transport *transport, struct address to, enum rpc rpc,
                                      const void *request, int64_t timeout_us, rpc_done_fn *done,
                                      void *ctx)
{
    ASSERT(address_is_set(to));
    struct connection *connection = find_connection((struct sockets *)transport, to);
    return connection_call(connection, rpc, request, timeout_us, done, ctx);
}

static struct operation *sockets_get(struct transport *transport, struct address from,
                                     const char *path, int64_t timeout_us, http_done_fn *done,
                                     void *ctx)
{
    ASSERT(address_is_set(from));
    struct sockets *sockets = (struct sockets *)transport;
    char address[ADDRESS_TEXT_BYTES];
    struct text url = {0};
    struct text what = {0};
    address_format(from, address);
    text_printf(&url, "http://%s%s", address, path);
    text_printf(&what, "%s: GET %s", address, path);
    struct http_spec spec = {
        .what = text_string(&what),
        .method = "GET",
        .url = text_string(&url),
        .timeout_us = timeout_us,
    };
    struct operation *operation = http_start(&sockets->http, &spec, done, ctx);
    text_clear(&url);
    text_clear(&what);
    return operation;
}

static void sockets_free(struct transport *transport)
{
    struct sockets *sockets = (struct sockets *)transport;
    if (sockets == NULL) {
        return;
    }
    for (size_t i = 0; i < sockets->connection_count; i++) {
        connection_free(sockets->connections[i]);
    }
    http_client_clear(&sockets->http);
    free(sockets->connections);
    free(sockets);
}

static const struct transport_ops sockets_ops = {
    .call = sockets_call,
    .get = sockets_get,
    .free = sockets_free,
};

struct transport *sockets_new(struct loop *loop)
{
    ASSERT(!loop_is_virtual(loop));
    struct sockets *sockets = memory_allocate(sizeof *sockets);
    sockets->transport.ops = &sockets_ops;
    sockets->transport.loop = loop;
    http_client_init(&sockets->http, loop);
    return &sockets->transport;
}
