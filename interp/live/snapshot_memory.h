/* live/snapshot_memory.h - the partitions read last, where the cluster tells what changed since.
 *
 * Floor: live; for snapshot_read.c, one to a cluster. Only the simulated cluster in the same
 * process counts its changes (query_config_response.revision): of a real one nothing is ever kept,
 * and every read is whole. What is kept looks exactly as a whole read would give it, or is
 * forgotten. */
#ifndef PEGFLOW_LIVE_SNAPSHOT_MEMORY_H
#define PEGFLOW_LIVE_SNAPSHOT_MEMORY_H

#include "pegasus/snapshot.h"

struct remembered_table {
    int32_t app_id;
    struct partitions *partitions; /* held */
};
/* Zeroed: empty. */
struct snapshot_memory {
    struct address *nodes; /* whom the indices mean: the meta server's list, in its order */
    int32_t node_count;
    uint64_t listing; /* counts the lists */
    struct remembered_table *tables;
    int32_t table_count;
    int32_t table_capacity;
};

void snapshot_memory_clear(struct snapshot_memory *memory); /* frees */

/* The nodes were listed anew: what is kept is numbered as they are now, or forgotten where it names
 * one that is no longer listed. Returns the number of this list, for snapshot_memory_keep. One pass
 * over the nodes; over all partitions when their order has changed. */
uint64_t snapshot_memory_list(struct snapshot_memory *memory, const struct snapshot *snapshot);

/* What was read last of the table, held for the caller, or NULL. */
struct partitions *snapshot_memory_find(const struct snapshot_memory *memory, int32_t app_id,
                                        int32_t partition_count);

/* `found` to be written to, in the caller's hold: itself when no snapshot holds it besides, else a
 * copy. */
struct partitions *snapshot_memory_open(struct snapshot_memory *memory, int32_t app_id,
                                        struct partitions *found);

/* Keeps what was read, in the place of what was kept before; forgets the table where it cannot be
 * kept: no revision, or a server that is not listed. Nothing happens when the nodes have been
 * listed anew since, or when something newer is kept. */
void snapshot_memory_keep(struct snapshot_memory *memory, int32_t app_id,
                          struct partitions *partitions, uint64_t listing);

#endif
