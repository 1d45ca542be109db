/* sim/sim_world.h - the simulated cluster behind the client's two interfaces, in virtual time.
 *
 * Floor: sim. No sockets: requests take the model's latency on the loop's timers. */
#ifndef PEGFLOW_SIM_SIM_WORLD_H
#define PEGFLOW_SIM_SIM_WORLD_H

#include "live/deployment.h"
#include "live/transport.h"
#include "sim/sim.h"

/* Drives `sim` from `loop`'s timers (real or virtual) until freed. */
struct sim_driver;
struct sim_driver *sim_driver_new(struct sim *sim, struct loop *loop);
void sim_driver_free(struct sim_driver *driver);
/* After anything was asked of the simulation: look at its next event again. */
void sim_driver_poke(struct sim_driver *driver);

/* Free both by ops->free. A request to an address that is no server of the model is refused. */
struct transport *sim_transport_new(struct sim_driver *driver);
/* http requests to the control endpoint's paths (see serve/control.h: POST /servers/ADDRESS/update
 * ...) act on the simulation whatever host the URL names; programs do when an argument is "update",
 * "restart", "start" or "stop" and another is a server's address or label. Time and reply are those
 * of the model's row, where one fits; else what acts takes the time that needs, and the reply of a
 * program or of a request elsewhere is empty, and marked as assumed. */
struct deployment *sim_deployment_new(struct sim_driver *driver);
/* The next program or request stands for this order, whatever its words are. */
void sim_deployment_order(struct deployment *deployment, int32_t server, enum sim_control action);

#endif
