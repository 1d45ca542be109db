/* cli/shape.h - a cluster that was met, as a model to simulate.
 *
 * Floor: cli. Which server holds which replica, what the guards and the meta server go by, and the
 * timings its configuration tells; what it does not tell (how long a start or a copy takes) is as
 * in every model. Reads only. */
#ifndef PEGFLOW_CLI_SHAPE_H
#define PEGFLOW_CLI_SHAPE_H

#include "cli/session.h"
#include "sim/model.h"

struct shape {
    struct model model;
    /* For each server of the simulation, in its order: replica servers as the inventory has them,
     * metas, collectors. */
    const struct address *addresses;
    struct text assumed; /* values that could not be read and are the release's defaults, or "" */
};

/* What shape_take asks of the evidence it is given: a snapshot, the guard's values, versions. */
void shape_add_needs(const struct inventory *inventory, struct needs *needs);

/* Blocks while the leader's settings and configuration are read. Arrays and texts of the model live
 * in `arena`. Replicas on servers that the meta server does not list are left out. ERROR_REFUSED
 * when the evidence has no snapshot, ERROR_INVALID_FILE for a cluster that cannot be simulated
 * (model_check). Clear `assumed`, also after a failure. */
bool shape_take(struct session *session, const struct evidence *evidence, struct arena *arena,
                struct shape *out, struct error *err);

#endif
