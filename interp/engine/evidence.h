/* engine/evidence.h - what was observed for one decision: a snapshot, and each server's own word.
 *
 * Floor: engine. Conditions and guards are pure functions over evidence; this gathers it. A part
 * that could not be read is there as its error: a decision that needs it answers unknown. */
#ifndef PEGFLOW_ENGINE_EVIDENCE_H
#define PEGFLOW_ENGINE_EVIDENCE_H

#include "engine/leftovers.h"
#include "live/cluster.h"
#include "pegasus/inventory.h"

/* What a decision needs. Slots number the servers of an inventory: replicas, metas, collectors. */
struct needs {
    bool snapshot;
    bool settings;              /* those of leftovers.h, at the leader */
    const struct server *guard; /* the guard's settings, asked of this server and of the leader */
    unsigned *parts;            /* FACT_* for each slot */
};

struct server_evidence {
    unsigned wanted; /* FACT_* asked for */
    bool answered;   /* all of `wanted` is in `facts` */
    struct server_facts facts;
    struct error error; /* unless answered */
};

struct guard_values {
    bool known;
    struct error error;             /* unless known */
    int64_t min_replicas_for_write; /* mutation_2pc_min_replica_count; 0: from the table */
    int64_t min_live_servers;       /* min_live_node_count_for_unfreeze */
    int64_t live_percentage;
};

struct setting_evidence {
    bool answered;
    char value[1024];
    struct error error; /* unless answered */
};

struct evidence {
    int64_t taken_us; /* nothing in it is older */
    bool has_snapshot;
    struct snapshot snapshot;
    struct error snapshot_error; /* unless has_snapshot */
    struct server_evidence *servers;
    size_t server_count;
    struct guard_values guard;
    struct setting_evidence settings[LEFTOVER_SETTING_COUNT];
};

size_t inventory_slot_count(const struct inventory *inventory);
size_t inventory_slot(const struct inventory *inventory, const struct server *server);

/* All gatherers of a run, so that those whose cancelled calls had not ended are freed with it. */
struct gatherer;
struct gatherer_pool {
    struct loop *loop;
    struct cluster_reader *reader;
    const struct inventory *inventory;
    struct gatherer *first;
    bool closed; /* the cluster is gone: gatherer_free leaves everything to gatherer_pool_clear */
};
/* Frees every gatherer at once; the cluster must have been freed before, or nothing be under way.
 */
void gatherer_pool_clear(struct gatherer_pool *pool);

/* Memory is reused from one gathering to the next. One gathering at a time. */
struct gatherer *gatherer_new(struct gatherer_pool *pool);
/* Cancels what is under way without a callback; freed once its last call has ended. NULL is fine.
 */
void gatherer_free(struct gatherer *gatherer);

/* To be filled before gatherer_start; cleared by it afterwards. */
struct needs *gatherer_needs(struct gatherer *gatherer);
/* Asks everything at once; `done` once, when each part has come or failed. The evidence is valid
 * until the next start or free. */
typedef void gathered_fn(void *ctx, const struct evidence *evidence);
void gatherer_start(struct gatherer *gatherer, gathered_fn *done, void *ctx);
/* `done` will not be called for the gathering under way. */
void gatherer_cancel(struct gatherer *gatherer);

#endif
