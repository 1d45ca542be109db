/* engine/guard.h - may replicas of this server be taken away now?
 *
 * Floor: engine. Reads one evidence; sends nothing, keeps nothing.
 * Facts: reference behaviour 4.2 (writes' minimum), 3.1 (freeze rule). */
#ifndef PEGFLOW_ENGINE_GUARD_H
#define PEGFLOW_ENGINE_GUARD_H

#include "engine/evidence.h"
#include "lang/lang.h"

/* What the guard needs: the snapshot, its settings, and an answer from every replica server. */
void guard_add_needs(const struct server *server, const struct inventory *inventory,
                     struct needs *needs);

/* The replicas that must stay for writes: the server's own setting, or derived from the table's. */
int32_t guard_min_replicas(const struct guard_values *values, int32_t max_replica_count);

/* What the cluster file accepts to lose; a NULL means nothing. */
bool guard_accepts_table(const struct cluster_file *accepts, const char *table);

/* For each partition with a replica on `server` (`only`: just that one, or NULL): the replicas that
 * stay and whose servers answer must be enough for writes. Unknown when it would be enough but for
 * servers that are listed as alive and did not answer just now. With
 * `stops`, the servers left must not freeze the cluster either. Tables whose outage is accepted are
 * left out, and an accepted freeze is. The reason names the partitions and what is accepted. */
enum answer guard_survives_loss(const struct evidence *evidence, const struct inventory *inventory,
                                const struct server *server, const struct gpid *only, bool stops,
                                const struct cluster_file *accepts, struct text *reason);

/* What a server that another branch has in work may have lost already, or is about to. */
enum guard_loss { LOSS_NONE, LOSS_REPLICAS, LOSS_SERVER };

/* The same while other replica servers are about to be away as well: `lost`, by slot, says
 * which count as lost for partitions, and, with `stops` and LOSS_SERVER, for the freeze rule.
 * `waits`: the answer is unknown, and would be yes with those servers back and what they held on
 * them again. No: not even then. */
enum answer guard_survives_losses(const struct evidence *evidence,
                                  const struct inventory *inventory, const struct server *server,
                                  const struct gpid *only, bool stops,
                                  const struct cluster_file *accepts, const enum guard_loss *lost,
                                  bool *waits, struct text *reason);

/* The same for any `lost` replica servers at once, whichever they are. */
enum answer guard_survives_any_loss(const struct evidence *evidence,
                                    const struct inventory *inventory, int64_t lost,
                                    const struct cluster_file *accepts, struct text *reason);

/* Has the server behind a snapshot's node answered for itself? No when it is unknown to the
 * inventory. */
bool guard_node_answers(const struct evidence *evidence, const struct inventory *inventory,
                        int32_t node);

#endif
