/* live/connection.h - one server's RPC connection: connect, pipeline, match replies, reconnect.
 *
 * Floor: live; private to sockets.c. A connection outlives its sockets: it is the place where calls
 * to one server wait, and it remembers how attempts to connect went. While no call is under way it
 * watches nothing, so that it keeps no loop going. */
#ifndef PEGFLOW_LIVE_CONNECTION_H
#define PEGFLOW_LIVE_CONNECTION_H

#include "live/transport.h"

struct connection;

/* Opens nothing yet. */
struct connection *connection_new(struct loop *loop, struct address address);
/* Drops all calls without a callback. Fine from within a callback of this connection; NULL too. */
void connection_free(struct connection *connection);

struct address connection_address(const struct connection *connection);

/* As transport_call. O(1); a reply's cost grows with the calls that were started before it on this
 * connection and still wait. */
struct operation *connection_call(struct connection *connection, enum rpc rpc, const void *request,
                                  int64_t timeout_us, rpc_done_fn *done, void *ctx);

#endif
