/* serve/server.h - a simulated cluster on real sockets.
 *
 * Floor: serve. Each simulated server has a port of its own that answers RPC and HTTP as upstream
 * does (reference protocol 1-3, 8). The set owns the simulation and drives it by the real clock,
 * one event after another, so that no short stop of a process is missed: a process that is down
 * refuses connections and its old ones are reset; one that is silent accepts, reads and says
 * nothing. A garbled or hostile request ends its own connection only. */
#ifndef PEGFLOW_SERVE_SERVER_H
#define PEGFLOW_SERVE_SERVER_H

#include "base/loop.h"
#include "sim/sim.h"

enum {
    SERVER_CONNECTION_LIMIT = 512, /* of all servers together; one more is closed at once */
    SERVER_DEFAULT_META_PORT = 34601,
    SERVER_DEFAULT_REPLICA_PORT = 34801,
    SERVER_DEFAULT_COLLECTOR_PORT = 34101,
    SERVER_DEFAULT_CONTROL_PORT = 34900,
};

struct server_set;

/* What happened, in one line without an end: "r1 127.0.0.1:34801 is down". `at_us` is simulated
 * time. */
typedef void server_event_fn(void *ctx, int64_t at_us, const char *what);

/* The servers' addresses in the simulation's order, to be freed by the caller, *count of them.
 * `base_port` -1: upstream's ports, counted on within each role; 0: free ports; otherwise replica
 * servers from base_port, then metas, then collectors. Ports beyond 65535 are ERROR_USAGE. */
bool server_addresses(const struct model *model, uint32_t ip, int32_t base_port,
                      struct address **out, int32_t *count, struct error *err);

/* Listens on all addresses (a port 0 becomes a free one) and starts the simulation. The model stays
 * the caller's. A port in use is ERROR_REFUSED. `event` may be NULL. */
bool server_set_open(struct loop *loop, const struct model *model, const struct address *addresses,
                     server_event_fn *event, void *ctx, struct server_set **out, struct error *err);
void server_set_free(struct server_set *set); /* NULL is fine; never from a callback of the set */

/* The simulation, advanced to now: look at it and act on it, then server_set_changed. */
struct sim *server_set_sim(struct server_set *set);
/* Something was asked of the simulation: its next event and its processes are looked at again. */
void server_set_changed(struct server_set *set);
/* What has come and gone on the servers' ports: whole requests, their bytes and those of their
 * replies. The control endpoint's own are not counted. */
struct server_traffic {
    int64_t requests;
    int64_t request_bytes;
    int64_t reply_bytes;
};
struct server_traffic *server_set_traffic(struct server_set *set);
/* Now, in simulated time. */
int64_t server_set_now_us(const struct server_set *set);
struct loop *server_set_loop(const struct server_set *set);

#endif
