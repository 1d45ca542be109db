#include "sim/sim_state.h"

/* Facts: reference behaviour 2.3. Each meta server, leading or not, remembers for each replica
 * server when its process started; one that starts too often in a row gets no answer until it has
 * run long enough. What a meta server remembers dies with its process. */

void stability_forget(struct sim *sim, int32_t meta)
{
    for (int32_t i = 0; i < sim->model.replica_count; i++) {
        sim->servers[meta].stability[i] = (struct stability){.known = false};
    }
}

bool stability_accepts(struct sim *sim, int32_t meta, int32_t node)
{
    struct stability *stability = &sim->servers[meta].stability[node];
    int64_t started_us = sim->servers[node].started_us;
    int64_t enough_us = sim->model.stable_running_us;
    if (!stability->known) {
        *stability = (struct stability){.known = true, .started_us = started_us};
    } else if (started_us == stability->started_us) {
        if (sim->now_us - started_us >= enough_us) {
            stability->restarts = 0;
        }
    } else {
        bool quick = started_us - stability->started_us < enough_us;
        stability->restarts = quick ? stability->restarts + 1 : 0;
        stability->started_us = started_us;
    }
    return stability->restarts < sim->model.unstable_restart_max;
}
