/* sim/model.h - a cluster to simulate, as plain data.
 *
 * Floor: sim. Made by lang/ from a model file, or by a test. All strings and arrays belong to the
 * maker (an arena) and outlive the simulation. Durations in microseconds; defaults by model_init
 * are those of reference behaviour section 12 and of the release. */
#ifndef PEGFLOW_SIM_MODEL_H
#define PEGFLOW_SIM_MODEL_H

#include "pegasus/address.h"
#include "pegasus/release.h"
#include "pegasus/types.h"

struct model_table {
    const char *name;
    int32_t app_id; /* 0: numbered in order from 1 */
    int32_t partition_count;
    int32_t max_replica_count;
    /* Optional placement: for each partition max_replica_count server indices (the first is the
     * primary), -1: none. NULL: spread evenly by the seed. */
    const int32_t *placement;
    /* Clients write to it all the time: a secondary that dies is noticed by a failed write after
     * about a second; otherwise by a group check or when the meta server declares it dead. */
    bool written;
};

struct model_timings {
    int64_t tick_us;         /* 10 s */
    int64_t first_tick_us;   /* after a leader's start of service: 10 s */
    int64_t beacon_us;       /* 3 s */
    int64_t fd_check_us;     /* 2 s */
    int64_t lease_us;        /* by release */
    int64_t grace_us;        /* by release */
    int64_t config_sync_us;  /* 30 s */
    int64_t rpc_latency_us;  /* one way, 250 us */
    int64_t zk_write_us;     /* 8 ms */
    int64_t state_change_us; /* META_STATE per change, 500 us */
    int64_t zk_session_us;   /* 10 s */
    int64_t stale_lock_us;   /* quick restart of a leader: 300 ms after its start */
    int64_t leader_load_us;  /* at least: 200 ms, + 100 us a partition */
    int64_t close_us;        /* of one replica, 8 in parallel: 50 ms */
    int64_t stop_us;         /* SIGTERM to gone: 50 ms */
    int64_t install_us;      /* package and configuration: 2 s */
    int64_t start_us;        /* process start to its first beacon, without replicas: 600 ms */
    int64_t load_us;         /* per replica, 24 in parallel: 3 ms */
    int64_t replay_us;       /* log of one written replica that was not closed, serial: 20 ms */
    int64_t learn_us;        /* LT_CACHE or LT_LOG of one replica: 20 ms */
    int64_t copy_us;         /* LT_APP of one replica, 5 at once for each learner: 1 s */
    int64_t update_retry_us; /* of update_configuration: 1 s */
};

/* What a program or a request is answered where nothing is executed. */
struct model_answer {
    const char *match;    /* part of the program's words, or of "POST https://host/path" */
    int64_t takes_us;     /* 0: what the model needs for what is asked of it */
    int32_t code;         /* exit code or status. A failure: nothing is done */
    const char *text;     /* output or body; NULL: none */
    const char *location; /* of a request, or NULL */
    int32_t times;        /* then the next row that fits, in turn; 0: until then always this one */
};

struct model {
    const char *name;
    const char *cluster_name;
    const char *zookeeper_root;
    enum release release;
    const char *version;      /* what servers run at the start */
    const char *next_version; /* what "update" installs */
    uint64_t seed;
    const char *host_name; /* "localhost": the host of hp_* fields; master only */
    int32_t meta_count;
    int32_t replica_count;
    int32_t collector_count;
    const struct model_table *tables;
    int32_t table_count;
    int32_t stored_level;        /* at start and after each change of leader: LEVEL_STEADY */
    int64_t add_secondary_limit; /* 20 */
    bool flow_control;           /* true */
    int64_t assign_delay_ms;     /* 600000 */
    int64_t live_percentage;     /* 50 */
    int32_t min_live_node_count; /* 3 */
    int32_t mutation_2pc_min_replica_count; /* 2 */
    int64_t stable_running_us;              /* stable_rs_min_running_seconds: 600 s; 0: no filter */
    int32_t unstable_restart_max;           /* 5 */
    struct model_timings timings;
    /* The first that fits answers. What none fits is taken to work at once, and to do in the model
     * what it is for. */
    const struct model_answer *programs;
    int32_t program_count;
    const struct model_answer *requests;
    int32_t request_count;
};

/* Defaults for everything but tables: 5 replica servers, 2 metas, 1 collector, seed 1. */
void model_init(struct model *model, enum release release);
/* Is it possible? (counts, placement, at most 32767 partitions a table ...) */
bool model_check(const struct model *model, struct error *err);
/* Of one table: are there servers enough, and are its numbers in range? Not whether its name and
 * app id are its own. */
bool model_check_table(const struct model *model, const struct model_table *table,
                       struct error *err);

#endif
