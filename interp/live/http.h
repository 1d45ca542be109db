/* live/http.h - HTTP requests by libcurl on the event loop.
 *
 * Floor: live; private to sockets.c and programs.c. A new connection for each request (Pegasus
 * serves HTTP and RPC on one port, chosen by the first bytes of a connection), HTTP/1.1, no
 * redirects, no proxy. Bounds: 64 MiB of body or what the request says, 64 KiB of header. libcurl
 * is initialised by the first request. */
#ifndef PEGFLOW_LIVE_HTTP_H
#define PEGFLOW_LIVE_HTTP_H

#include "live/transport.h"

#include <sys/queue.h>

enum { HTTP_BODY_LIMIT_BYTES = 64 << 20, HTTP_HEADER_LIMIT_BYTES = 64 << 10 };

struct exchange;
TAILQ_HEAD(exchange_list, exchange);
struct http_client {
    struct loop *loop;
    struct exchange_list exchanges;
};

void http_client_init(struct http_client *client, struct loop *loop);
void http_client_clear(struct http_client *client); /* drops all requests without a callback */

struct http_spec {
    const char *what; /* begins each error: "127.0.0.1:34801: GET /version" */
    const char *method;
    const char *url;
    const char *body;           /* or NULL */
    const char *const *headers; /* "Name: value", NULL-terminated, or NULL */
    int64_t timeout_us;
    size_t body_limit; /* bytes, of the reply; 0: HTTP_BODY_LIMIT_BYTES */
};
/* All of `spec` is copied. `done` as in transport.h: any status is a reply. */
struct operation *http_start(struct http_client *client, const struct http_spec *spec,
                             http_done_fn *done, void *ctx);

#endif
