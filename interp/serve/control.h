/* serve/control.h - the control endpoint: what stands for the deployment system, by HTTP.
 *
 * Floor: serve. A port of its own, plain HTTP with JSON replies, one request a connection:
 *   GET  /servers                                    label, address, role, process, version of each,
 *                                                    and how many updates of it were begun
 *   POST /servers/SERVER/stop|kill|start|restart|update[?version=V]   SERVER: "r1" or "ip:port"
 *   POST /break-updates?broken=true|false            updates leave the old version running
 *   GET  /violations                                 what would have brought a real server down
 *   GET  /totals                                     time without reads and writes, moves, changes
 *   GET  /traffic                                    requests to the servers' ports, bytes both ways
 * The first two are sim/control.h's; a reply comes when the simulated action is done. */
#ifndef PEGFLOW_SERVE_CONTROL_H
#define PEGFLOW_SERVE_CONTROL_H

#include "serve/server.h"

enum { CONTROL_CONNECTION_LIMIT = 64 };

struct control;

/* Listens on `address` (port 0: a free one). The set stays the caller's and must outlive it. */
bool control_open(struct server_set *set, struct address address, struct control **out,
                  struct error *err);
void control_free(struct control *control); /* NULL is fine */
struct address control_address(const struct control *control);

#endif
