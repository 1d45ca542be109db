/* live/sockets.h - the transport over TCP: one RPC connection per server, HTTP by libcurl.
 *
 * Floor: live. Requests to one server share a connection and are pipelined; replies are matched by
 * sequence number, in any order; numbers are not reused, so a late reply is dropped. A connection
 * that breaks fails the calls on it; the next call connects anew, after a backoff (50 ms doubling to
 * 2 s) when the last attempt failed. Bounds: 256 MiB a reply, 64 MiB a body of HTTP. */
#ifndef PEGFLOW_LIVE_SOCKETS_H
#define PEGFLOW_LIVE_SOCKETS_H

#include "live/transport.h"

/* `loop` must be a real one. Free it by transport->ops->free. */
struct transport *sockets_new(struct loop *loop);

#endif
