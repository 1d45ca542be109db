/* cli/rehearsal_deploy.h - what a site's deploy adapter does in a rehearsal.
 *
 * Floor: cli. Nothing is executed. What the simulated deployment understands by itself (requests to
 * the control endpoint, programs that name a server and an action) it does. The last program or
 * changing request of any other adapter's `deploy` step stands for the whole: the model's server is
 * updated, restarted, started or stopped as the step says. Time and reply are those that the model
 * declares (sim/model.h); without a row, what an order needs, or none. */
#ifndef PEGFLOW_CLI_REHEARSAL_DEPLOY_H
#define PEGFLOW_CLI_REHEARSAL_DEPLOY_H

#include "engine/event.h"
#include "sim/sim_world.h"

struct rehearsal_deploy;

/* Takes `simulated`, the deployment of `sim`. `steps`: of the workflow, which outlives it. */
struct rehearsal_deploy *rehearsal_deploy_new(struct deployment *simulated, const struct sim *sim,
                                              const struct step_list *steps);
void rehearsal_deploy_free(struct rehearsal_deploy *deploy); /* NULL is fine */
struct deployment *rehearsal_deploy_deployment(struct rehearsal_deploy *deploy);
/* The run's first sink: it sees which step asks. */
struct event_sink *rehearsal_deploy_sink(struct rehearsal_deploy *deploy);

#endif
