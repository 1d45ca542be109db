/* pegasus/snapshot.h - what was observed of a cluster at one moment.
 *
 * Floor: pegasus. Plain data in one arena that is reused from poll to poll, and the
 * partitions, which snapshots may share (partitions.h). A snapshot is whole or
 * it is not there: its reads are bracketed by the same leader and level. Partitions refer to
 * servers by index into `nodes`, which also holds servers that only a partition names. */
#ifndef PEGFLOW_PEGASUS_SNAPSHOT_H
#define PEGFLOW_PEGASUS_SNAPSHOT_H

#include "base/arena.h"
#include "pegasus/address.h"
#include "pegasus/partitions.h"
#include "pegasus/types.h"

struct snapshot_node {
    struct address address;
    const char *host;        /* the cluster's own name, or NULL where it gave none */
    uint16_t host_port;      /* with `host` */
    const char *name;        /* to show: "host:port" where there is a host, else "ip:port" */
    enum node_status status; /* NODE_INVALID: not in the meta server's list */
    int32_t primaries;       /* of AVAILABLE tables, counted from the partitions below */
    int32_t secondaries;
};

struct snapshot_table {
    int32_t app_id;
    const char *name;
    enum app_status status;
    int32_t max_replica_count;
    int32_t partition_count;
    struct snapshot_partition *partitions; /* partition_count of them; NULL unless AVAILABLE */
    bool is_partial; /* some of its partitions alone, not at their own index */
    struct partitions *shared; /* where they lie, held by the snapshot; NULL: anywhere else */
    int64_t taken_us;
};

struct snapshot {
    struct arena arena;
    bool valid;
    int64_t taken_us; /* when the first of its requests was sent: evidence is at least this new */
    int64_t complete_us; /* when the last reply came */
    int64_t nodes_taken_us;
    int64_t info_taken_us;
    struct address leader;
    const char *leader_name;
    const char *cluster_name; /* NULL where the release tells none */
    const char *zookeeper_root;
    const char *meta_servers; /* as the cluster lists them */
    int32_t level;            /* effective: enum meta_level */
    int32_t stored_level;
    struct snapshot_node *nodes; /* those of the list first, in its order */
    int32_t node_count;
    int32_t listed_count;          /* how many of them the meta server lists */
    struct snapshot_table *tables; /* all that the meta lists, dropped ones too */
    int32_t table_count;
    int32_t partition_count; /* of AVAILABLE tables */
    /* private to snapshot.c: open-addressing index of nodes */
    int32_t *node_index;
    int32_t node_index_size;
    int32_t node_capacity;
};

void snapshot_init(struct snapshot *snapshot);
void snapshot_clear(struct snapshot *snapshot);
void snapshot_reset(struct snapshot *snapshot); /* empty and not valid; its arena is kept */

/* The node with this ip:port, made (status NODE_INVALID) when it is not there; SNAPSHOT_NO_NODE for
 * what is no server's address. O(1). `host` with kind 0 means none; the first name given wins. Both
 * are copied. Pointers into `nodes` are invalid afterwards. */
int32_t snapshot_add_node(struct snapshot *snapshot, struct address address, struct host_port host);
/* Gives an empty snapshot the nodes of `base`, at the same indices. Their names stay those of base:
 * only valid as long as they are. One copy of the list. */
void snapshot_share_nodes(struct snapshot *snapshot, const struct snapshot *base);
int32_t snapshot_find_node(const struct snapshot *snapshot, struct address address); /* or -1 */
const struct snapshot_table *snapshot_find_table(const struct snapshot *snapshot, const char *name);

/* Counts each node's primaries and secondaries anew. One pass over the nodes of each table that is
 * `shared`, and over the partitions of each other. */
void snapshot_count(struct snapshot *snapshot);

/* The partition of an AVAILABLE table, or NULL. Linear in the tables, and in a partial one. */
const struct snapshot_partition *snapshot_find_partition(const struct snapshot *snapshot,
                                                         struct gpid gpid);
/* Is the node its primary or one of its secondaries? Never for SNAPSHOT_NO_NODE. */
bool snapshot_partition_has_member(const struct snapshot_partition *partition, int32_t node);
bool snapshot_partition_has_secondary(const struct snapshot_partition *partition, int32_t node);

/* What the table has on this node, and how many of its partitions are not healthy. O(1) where it is
 * `shared`, else one pass over its partitions; nothing unless AVAILABLE. */
struct node_load snapshot_table_load(const struct snapshot_table *table, int32_t node);
int32_t snapshot_table_unhealthy(const struct snapshot_table *table);

#endif
