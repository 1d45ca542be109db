/* engine/target.h - is this the cluster that the cluster file means, and which servers has it?
 *
 * Floor: engine. Pure functions over a snapshot. */
#ifndef PEGFLOW_ENGINE_TARGET_H
#define PEGFLOW_ENGINE_TARGET_H

#include "base/arena.h"
#include "lang/step.h"
#include "pegasus/snapshot.h"

/* Name and ZooKeeper root must be what the meta server reports (ERROR_REFUSED otherwise). Where the
 * cluster file gives no root, the last part of the cluster's must be the name, as upstream demands.
 */
bool target_check(const struct cluster_file *cluster_file, const struct snapshot *snapshot,
                  struct error *err);

/* Replica servers as the meta server lists them, metas and collectors as the file does, under the
 * names written there; names were resolved before. Everything is copied into `arena`. No replica
 * server at all is refused, and so is a server that the file gives another role than the cluster.
 */
bool target_inventory(const struct cluster_file *cluster_file, const struct snapshot *snapshot,
                      struct arena *arena, struct inventory *out, struct error *err);

/* Whose settings a hold keeps: `count` servers of the inventory, one after the other; none (NULL):
 * the leader's, whoever leads. */
const struct server *target_hold_servers(const struct inventory *inventory, const struct step *hold,
                                         size_t *count);

#endif
