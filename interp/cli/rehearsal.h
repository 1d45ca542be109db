/* cli/rehearsal.h - a workflow performed on a model, in virtual time.
 *
 * Floor: cli. The same files, client, engine and events as a real run; what is simulated is the
 * cluster, its deployment system and the clock. No sockets, no programs, no waiting; the same
 * model, seed and files give the same events, byte for byte. */
#ifndef PEGFLOW_CLI_REHEARSAL_H
#define PEGFLOW_CLI_REHEARSAL_H

#include "base/arena.h"
#include "engine/run.h"
#include "sim/sim.h"

struct rehearsal;

/* A copy of the file in `arena` in which each server given by name has a loopback address. */
const struct cluster_file *rehearsal_without_names(const struct cluster_file *file,
                                                   struct arena *arena);

/* One address for each server of the model, in the simulation's order: replica servers numbered as
 * upstream's ports, metas and collectors as `file` names them, or (NULL) numbered too. The model's
 * counts, name, ZooKeeper root and next version are made to fit the file. Both live in `arena`.
 * ERROR_INVALID_FILE where that gives an impossible model. */
bool rehearsal_fit(struct model *model, const struct cluster_file *file, struct arena *arena,
                   const struct address **addresses, struct error *err);

/* The simulated cluster. `model` outlives it. */
struct rehearsal *rehearsal_new(const struct model *model, const struct address *addresses);
/* Fine for NULL. Before `lang` is freed that the run's files came from. */
void rehearsal_free(struct rehearsal *rehearsal);
const struct sim *rehearsal_sim(const struct rehearsal *rehearsal);
/* For a session on the simulated cluster: the rehearsal's own, as long as it lives. */
struct loop *rehearsal_loop(const struct rehearsal *rehearsal);
struct cluster *rehearsal_cluster(const struct rehearsal *rehearsal);
/* The server is dead from the start. Before rehearsal_meet. */
void rehearsal_kill(struct rehearsal *rehearsal, int32_t server);
/* Values that look like another tool's leftover are meant. Before rehearsal_run. */
void rehearsal_keep_leftovers(struct rehearsal *rehearsal);
/* Appends a cluster file that fits the model: its target is the model's next version. */
void rehearsal_compose_cluster(struct rehearsal *rehearsal, struct text *out);

/* Lets the cluster run for a while, by the seed some seconds more or less into the leader's tick,
 * then meets it as a run would: a snapshot, the right cluster, its servers. */
bool rehearsal_meet(struct rehearsal *rehearsal, const struct cluster_file *file,
                    struct error *err);
const struct inventory *rehearsal_inventory(const struct rehearsal *rehearsal);

struct rehearsal_result {
    struct run_result run;
    int exit_code;    /* the run's; 5 with settings left, 6 with violations */
    int64_t took_us;  /* simulated */
    const char *answered; /* what a person would have been asked, and the answers; "" nothing. The
                             rehearsal's */
    struct text left; /* settings and level that differ from before the run, with both values */
    struct sim_totals totals;
};
/* After rehearsal_meet, once. The workflow was loaded with `inventory`: rehearsal_inventory, or one
 * with the same addresses. Sinks see what those of a real run would. Clear the result's text. */
bool rehearsal_run(struct rehearsal *rehearsal, struct lang *lang, const struct workflow *workflow,
                   const struct inventory *inventory, struct event_sink *const *sinks,
                   size_t sink_count, struct rehearsal_result *out, struct error *err);

#endif
