/* pegasus/partitions.h - the partitions of one table, shared by the snapshots that saw the same.
 *
 * Floor: pegasus. Counted by its holders; whoever shares it with others only reads. It keeps its
 * own counts, so that nobody walks a table to learn that nothing of interest is in it. Servers are
 * indices into the `nodes` of the snapshot that holds it. */
#ifndef PEGFLOW_PEGASUS_PARTITIONS_H
#define PEGFLOW_PEGASUS_PARTITIONS_H

#include "base/arena.h"
#include "pegasus/types.h"

enum { SNAPSHOT_NO_NODE = -1 };

struct snapshot_partition {
    struct gpid gpid;
    int64_t ballot;
    int32_t max_replica_count;
    int32_t primary; /* index of a node, or SNAPSHOT_NO_NODE */
    const int32_t *secondaries;
    int32_t secondary_count;
    const int32_t *last_drops;
    int32_t last_drop_count;
};

/* What one server has of a table. */
struct node_load {
    int32_t primaries;
    int32_t secondaries;
};

struct partitions {
    size_t holders;
    uint64_t revision; /* see query_config_response; 0: none */
    int32_t count;
    struct snapshot_partition *items; /* gpid.app_id 0: not set yet */
    int32_t unhealthy;                /* of those set */
    struct node_load *loads;          /* load_count of them; servers beyond have nothing */
    int32_t load_count;
    int32_t highest_node; /* of all indices ever set, or SNAPSHOT_NO_NODE */
    /* private: where the lists of servers lie; those replaced stay until the next copy */
    struct arena lists;
    int32_t replaced_count;
};

struct partitions *partitions_new(int32_t count);                  /* one holder */
struct partitions *partitions_hold(struct partitions *partitions); /* one holder more */
void partitions_release(struct partitions *partitions); /* freed by its last holder; NULL is fine */
/* The same with one holder, and without what was replaced. One pass. */
struct partitions *partitions_copy(const struct partitions *partitions);

/* Takes over one partition; its lists are copied. O(1). */
void partitions_set(struct partitions *partitions, int32_t index,
                    const struct snapshot_partition *value);
/* Gives each server `numbers[index]` for its index, below `number_count`. One pass. */
void partitions_renumber(struct partitions *partitions, const int32_t *numbers,
                         int32_t number_count);
/* So many were replaced that a copy would be smaller. */
bool partitions_are_worn(const struct partitions *partitions);

struct node_load partitions_load(const struct partitions *partitions, int32_t node);

/* Has a primary and primary + secondaries >= max_replica_count. */
bool partition_is_healthy(const struct snapshot_partition *partition);

#endif
