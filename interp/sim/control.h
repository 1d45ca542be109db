/* sim/control.h - the control endpoint: what stands for the deployment system, as HTTP.
 *
 * Floor: sim. The same code for serve/ (real sockets) and sim_deployment (virtual time).
 *   GET  /servers                           the servers: address, label, role, process, version,
 *                                          and how many updates of each were begun
 *   POST /servers/SERVER/ACTION[?version=V]  stop, kill, start, restart or update one
 *   GET  /tables                             the tables: name, app id, partitions, replicas, status
 *   POST /tables/NAME/create[?partitions=8&replicas=3]   a new one
 *   POST /tables/NAME/drop                   one goes
 * SERVER is an address ("127.0.0.1:34801") or a label ("r1"). */
#ifndef PEGFLOW_SIM_CONTROL_H
#define PEGFLOW_SIM_CONTROL_H

#include "sim/sim.h"

/* Carries an order out and says what to answer, and at which simulated time (now, for all but
 * orders). `body` (initialised) gets JSON appended. 404: no such server or path; 400: no such
 * action or method; 409: it makes no sense now. Errors are {"error": "..."}. */
void sim_control_request(struct sim *sim, const char *method, const char *target, int *status,
                         struct text *body, int64_t *done_us);

/* By address or label; -1: none. */
int32_t sim_find_named_server(const struct sim *sim, const char *name);
/* "stop" ...; false for another word. */
bool sim_control_parse(const char *word, enum sim_control *out);

#endif
