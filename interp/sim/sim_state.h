/* sim/sim_state.h - the whole state of a simulated cluster, and what its parts do for each other.
 *
 * Floor: sim, private to it (and to its tests). One file per part: sim.c (life, dispatch),
 * process.c (start and stop), detector.c (beacons, leases, config sync), meta.c (lock, leader,
 * META_STATE), guardian.c (tick and cure), attention.c (who has to be looked at), balancer.c,
 * stability.c, proposals.c, reconfig.c, learn.c, close.c, account.c, answers.c, answers_cluster.c,
 * commands.c, http.c, control.c, check.c. Each part owns the fields named for it here.
 * Facts: reference behaviour 16.1 (state), 16.2 (events), 16.3 (order). */
#ifndef PEGFLOW_SIM_SIM_STATE_H
#define PEGFLOW_SIM_SIM_STATE_H

#include "base/rng.h"
#include "base/text.h"
#include "sim/events.h"
#include "sim/sim.h"

enum { NO_SERVER = -1, UNKNOWN_SERVER = -2 };
enum {
    SECONDARY_MAX = 7, /* replication factor 5, and copies by hand */
    DROP_MAX = 3,      /* last_drops of a record */
    DROPPED_MAX = 8,   /* the leader's own list, with times */
    ACTION_MAX = 3,
    CLOSE_SLOTS = 8, /* THREAD_POOL_REPLICATION_LONG */
    LOAD_SLOTS = 24, /* THREAD_POOL_LOCAL_APP */
    COPY_SLOTS = 5,  /* learn_app_max_concurrent_count */
    LEARN_SLOTS = 2, /* seen: about 70-100 re-added replicas a second */
};

/* ---- servers */

enum stage {
    STAGE_DOWN,    /* connection refused */
    STAGE_BOUND,   /* reads requests and deletes them */
    STAGE_SERVING, /* HTTP; a replica server is loading its replicas, others are complete */
    STAGE_READY,   /* a replica server has loaded: remote commands, beacons, proposals */
};

enum link { LINK_LOST, LINK_CONNECTING, LINK_UP };

/* Values of remote commands; they die with the process. */
struct settings {
    int64_t copy_rate; /* megabytes per second, 0: unlimited; of a replica server */
    int64_t send_rate;
    int64_t add_secondary_limit;
    int64_t assign_delay_ms;
    int64_t live_percentage;
    int32_t min_live_node_count; /* by HTTP */
    bool flow_control;
    bool only_move_primary;
    bool only_primary_balancer;
    bool balancer_in_turn;
    bool *black_list; /* one for each replica server */
};

/* What a meta server remembers of a replica server's starts. */
struct stability {
    bool known;
    int32_t restarts; /* too soon after one another */
    int64_t started_us;
};

struct server {
    enum role role;
    int32_t index; /* within its role */
    struct address address;
    char label[16];
    char name[96]; /* as its release shows it: "localhost:34801" or "127.0.0.1:34801" */
    char version[64];
    char next_version[64]; /* of an update under way */

    /* process.c */
    enum stage stage;
    uint32_t incarnation; /* counts starts and ends of the process */
    int64_t started_us;   /* of the process that runs; before the simulation: negative */
    struct text info;     /* commands.c: what it says of itself, ... */
    uint32_t info_of;     /* ... as this incarnation; 0: not said yet */
    bool running;         /* there is a process, if only one that starts */
    bool controlled;      /* a deployment order is under way */
    bool start_again;     /* ... which starts it once it is gone */
    bool install;         /* ... with next_version */
    int32_t updates;      /* orders to update it that were taken */

    /* detector.c: a replica server's own view */
    enum link link;
    int64_t acked_send_us; /* when the last acknowledged beacon was sent */
    int16_t guess;         /* which meta it believes to lead */

    /* meta.c: the leader's view of a replica server */
    enum node_status status;
    int64_t beacon_us; /* received last */
    bool reported;     /* the leader has had a config sync from it */
    int32_t primaries; /* by the records */
    int32_t secondaries;
    int32_t proposed;          /* primaries that proposals under way will make */
    int32_t proposed_replicas; /* ... and replicas of either kind */
    int64_t added_in_tick;

    /* the replicas it has: open, closing, closed, or on disk while it is down */
    int32_t first_replica; /* index, or -1; in the order of partitions at the start */
    int32_t last_replica;
    int32_t *marked; /* attention.c: indices of those a config sync has to look at */
    int32_t marked_count;
    int32_t marked_capacity;
    int32_t open_count;
    int32_t opening_count;
    int32_t closing_count;
    int64_t close_free_us[CLOSE_SLOTS];
    int64_t learn_free_us[LEARN_SLOTS];
    int64_t copy_free_us[COPY_SLOTS];
    int64_t load_free_us; /* a replica is loaded each load_us / LOAD_SLOTS */
    /* what 2.x's command perf-counters shows: a snapshot at most 10 s old */
    int64_t counters_us;
    struct replica_counts counters;

    struct settings settings; /* of its role */

    /* meta.c, stability.c: a meta server */
    struct stability *stability; /* one for each replica server */
};

/* ---- partitions and replicas */

enum place { PLACE_DISK, PLACE_OPENING, PLACE_OPEN, PLACE_CLOSING, PLACE_CLOSED };

struct change {
    uint8_t type; /* enum config_type; CT_INVALID: none */
    int16_t node;
    int64_t ballot; /* that the record will have */
};

struct replica {
    int32_t partition;
    int16_t server;
    uint8_t status; /* enum replica_status */
    uint8_t place;  /* enum place */
    bool transient; /* INACTIVE, and may return at the same ballot */
    bool restarted; /* loaded by this process, not yet seen in a config sync */
    bool learning;  /* POTENTIAL_SECONDARY, and not done */
    bool dirty;     /* written and not closed when the process ended: its log is replayed */
    bool to_meta;   /* `request` is on its way to the leader: one at a time */
    bool marked;    /* is in its server's `marked` */
    struct change request;
    int64_t ballot;
    int64_t opened_us;
    int32_t next_in_partition;
    int32_t next_in_server;
};

struct action {
    uint8_t type; /* enum config_type */
    int16_t target;
    int16_t node;
};

struct dropped {
    int16_t node;
    int64_t at_us;
};

struct learner {
    int16_t node;
    bool succeeded;
};

struct partition {
    int32_t table;
    struct gpid gpid;

    /* the record, in ZooKeeper and in the leader's memory */
    int64_t ballot;
    int16_t primary; /* NO_SERVER: none */
    uint8_t secondary_count;
    uint8_t last_drop_count;
    int16_t secondaries[SECONDARY_MAX];
    int16_t last_drops[DROP_MAX]; /* oldest first */
    int64_t last_committed_decree;
    /* world.c: when the record changed last, and its neighbours among those of the table that did */
    uint64_t revision; /* 0: never */
    int32_t newer;     /* index, or -1 */
    int32_t older;

    /* the leader's memory, gone with it */
    bool pending; /* a write is under way */
    struct change change;
    int16_t change_from; /* the replica server that asked, or NO_SERVER: the leader itself */
    int64_t change_id;   /* a write that was cancelled has an older one */
    uint8_t action_count;
    bool unnamed; /* proposed without the names master needs: aborts the leader's next tick */
    struct action actions[ACTION_MAX];
    int64_t action_epoch;
    int16_t proposed_node; /* counted in the shares' `proposed` and `proposed_replicas` */
    uint8_t proposed_type;
    int8_t preferred_drop; /* where an emergency goes on to look in `dropped`; -1: at the newest */
    uint8_t dropped_count;
    struct dropped dropped[DROPPED_MAX]; /* oldest first */

    /* the primary's memory */
    uint8_t learner_count;
    struct learner learners[SECONDARY_MAX];

    int32_t first_replica;

    /* account.c */
    int16_t serving; /* the server whose replica serves, or NO_SERVER */
    bool reads_away;
    bool writes_away;
    uint8_t live;
    int16_t last_primary;
    bool fresh;            /* of a new table, until all its replicas are there: not accounted */
    int64_t reads_away_us; /* since */
    int64_t writes_away_us;
};

/* What a replica server has of one table. */
struct share {
    int32_t primaries; /* by the records */
    int32_t replicas;
    int32_t proposed; /* by proposals not yet done */
    int32_t proposed_replicas;
};

/* balancer.c: what it found at a table, which holds while neither its records nor the servers'
 * standing change. */
struct imbalance {
    bool known;
    uint64_t revision; /* of the record written last */
    uint64_t standing;
    int32_t primaries; /* too many on some servers, or too few */
    int32_t moves;     /* of one path that would help */
    int32_t replicas;  /* as `primaries`, of all replicas */
};

struct table {
    const struct model_table *model;
    int32_t app_id;
    int32_t first_partition;
    int32_t min_replicas; /* that a write needs */
    struct share *shares; /* per replica server */
    int32_t newest;       /* the partition whose record changed last, or -1 */
    struct imbalance imbalance;
    struct sim_totals totals; /* account.c; without outages that still last */
    int64_t created_us;       /* those of the model: a day before the simulation */
    int64_t dropped_us;       /* where dropped */
    bool dropped;             /* it keeps its place, and its replicas until a config sync */
    struct model_table *own;  /* of one created meanwhile, with its name; or NULL */
};

/* ---- the leader */

struct lock_entry {
    int16_t meta;
    uint32_t incarnation;
};

/* What the balancer would do, as published. */
struct balance {
    bool unknown; /* not all servers have reported */
    int32_t move_primary;
    int32_t copy_primary;
    int32_t copy_secondary;
};

struct leader {
    int16_t meta; /* who owns the lock and lives, or NO_SERVER */
    bool active;  /* its state is loaded */
    int32_t stored_level;
    int64_t state_free_us; /* META_STATE is one server: busy until then */
    int64_t clear_epoch;   /* of the newest order to clear proposals ... */
    int64_t cleared_epoch; /* ... and of the newest that was carried out */
    int64_t next_tick_us;
    struct balance balance;
};

/* answers_cluster.c: kept from one question to the next, while neither records nor servers' standing
 * change. */
struct deviations {
    uint64_t revision; /* 0: never computed */
    uint64_t standing;
    char primaries[32];
    char replicas[32];
};

struct sim {
    struct model model;
    const struct release_traits *traits;
    struct rng rng;
    int64_t now_us;
    int64_t wall_start_us;
    struct event_queue queue;

    struct server *servers;
    int32_t server_count;
    int32_t *server_index; /* world.c: by address; number + 1, or 0 */
    uint32_t server_index_mask;
    struct table *tables; /* by app id */
    int32_t table_count;
    int32_t *tables_by_name; /* as the guardian goes through them */
    struct partition *partitions;
    int32_t partition_count;
    uint64_t revision; /* counts changes of records, from 1 */
    uint64_t standing; /* counts changes of servers' status at the leader */
    uint64_t *marked;  /* attention.c: a bit for each that the tick has to look at */
    struct replica *replicas;
    int32_t replica_count;
    int32_t replica_capacity;

    struct leader leader;
    struct lock_entry *locks; /* the first owns it, living or not */
    int32_t lock_count;
    int32_t lock_capacity;
    int32_t *deferred; /* guardian.c: partitions whose ADD_SECONDARY waits for pass B */

    bool updates_broken;
    struct sim_violation *violations;
    size_t violation_count;

    /* account.c */
    struct sim_totals totals;
    int32_t reads_away_count;
    int32_t writes_away_count;
    int64_t reads_away_since_us; /* the sum of the beginnings */
    int64_t writes_away_since_us;
    struct text scratch;
    struct deviations deviations;
};

/* ---- sim.c */
void sim_schedule(struct sim *sim, int64_t delay_us, struct event event); /* from now */
/* An event of the process that runs on `server` now. */
struct event sim_event(const struct sim *sim, enum event_kind kind, int32_t server);
bool sim_is_replica_server(const struct sim *sim, int32_t server);
int32_t sim_first_meta(const struct sim *sim);    /* its server number */
#define SIM_COMMIT "simulated"
/* "YYYY-MM-DD HH:MM:SS" of a simulated time, UTC. */
enum { TIME_TEXT_BYTES = 32 };
const char *sim_format_time(const struct sim *sim, int64_t at_us, char buffer[TIME_TEXT_BYTES]);
/* A violation that brings the process down; it stays down until started. */
void sim_abort_server(struct sim *sim, int32_t server, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- world.c: what is where */
void world_build(struct sim *sim, const struct address *addresses);
/* Where the index of servers has this address, or a 0 where it has none such. O(1). */
int32_t *world_server_place(const struct sim *sim, struct address address);
struct table *world_table(struct sim *sim, int32_t app_id); /* dropped ones too */
/* The one that has this name now, or NULL. Cost: a comparison for each table. */
struct table *world_find_table(const struct sim *sim, struct slice name);
struct partition *world_partition(struct sim *sim, struct gpid gpid); /* NULL: none */
int32_t partition_index(const struct sim *sim, const struct partition *partition);
/* It serves, or is in the middle of a change of configuration. */
bool replica_is_live(const struct sim *sim, const struct replica *replica);
bool partition_has_member(const struct partition *partition, int32_t server);
bool partition_has_secondary(const struct partition *partition, int32_t server);
struct replica *partition_replica(struct sim *sim, const struct partition *partition,
                                  int32_t server); /* NULL: none */
/* Adds one in PLACE_CLOSED; pointers to replicas are invalid afterwards. */
struct replica *world_add_replica(struct sim *sim, int32_t partition, int32_t server);
void replica_set_place(struct sim *sim, struct replica *replica, enum place place);
/* The record was written: it is the newest of its table. */
void world_note_record(struct sim *sim, struct partition *partition);

/* ---- attention.c: who has to be looked at. A change that could end a rest calls one of the marks. */
void attention_begin(struct sim *sim); /* once the partitions are there: all are marked */
void attention_replica(struct sim *sim, struct replica *replica);
/* Room for the marks of that many partitions; the new ones are not marked. */
void attention_grow(struct sim *sim, int32_t partition_count);
void attention_replicas(struct sim *sim, const struct partition *partition); /* all it has */
void attention_partition(struct sim *sim, const struct partition *partition);
/* Visits the server's marked replicas in the order of its list; those at rest then are no longer
 * marked. */
typedef void attention_visit_fn(struct sim *sim, struct replica *replica);
void attention_visit(struct sim *sim, int32_t server, attention_visit_fn *visit);
/* The first marked partition of those from `from` up to `end`, or `end`. */
int32_t attention_next(const struct sim *sim, int32_t from, int32_t end);
void attention_forget(struct sim *sim, int32_t partition);
bool attention_partition_is_marked(const struct sim *sim, int32_t partition);
bool attention_replica_rests(const struct sim *sim, const struct replica *replica);
bool attention_partition_rests(const struct sim *sim, const struct partition *partition);

/* ---- process.c */
bool process_is_up(const struct sim *sim, int32_t server); /* STAGE_SERVING or READY */
void process_end(struct sim *sim, int32_t server);         /* at once */
void process_on_event(struct sim *sim, const struct event *event);
bool process_order(struct sim *sim, int32_t server, enum sim_control what, const char *version,
                   int64_t *done_us, struct error *err);

/* ---- detector.c */
void detector_begin(struct sim *sim, int32_t server, bool warm);
void detector_on_event(struct sim *sim, const struct event *event);

/* ---- meta.c */
void meta_begin(struct sim *sim);                     /* at the start of the simulation */
void meta_server_up(struct sim *sim, int32_t server); /* joins the lock's queue */
void meta_server_gone(struct sim *sim, int32_t server, uint32_t incarnation);
void meta_on_event(struct sim *sim, const struct event *event);
void meta_note_beacon(struct sim *sim, int32_t node);       /* the leader has received one */
void meta_set_status(struct sim *sim, int32_t node, enum node_status status);
bool meta_is_leader(const struct sim *sim, int32_t server); /* active or loading */
bool meta_is_active(const struct sim *sim, int32_t server);
int32_t meta_known_leader(const struct sim *sim); /* as standbys believe; NO_SERVER: nobody */
int32_t meta_effective_level(const struct sim *sim);
const struct settings *meta_settings(const struct sim *sim); /* the leader's */
void settings_reset(struct sim *sim, struct settings *settings);
/* Queues a task on META_STATE, which takes `service_us` of it. */
void meta_enqueue(struct sim *sim, int64_t service_us, struct event event);
void meta_set_level(struct sim *sim, int32_t level);
void meta_node_counts(const struct sim *sim, int32_t *alive, int32_t *dead);

/* ---- guardian.c */
void guardian_tick(struct sim *sim);
/* After a change: what this partition needs next is sent, but for ADD_SECONDARY under flow control.
 */
void guardian_cure_one(struct sim *sim, struct partition *partition);
void guardian_clear_actions(struct sim *sim, struct partition *partition);
void guardian_pop_action(struct sim *sim, struct partition *partition);
void guardian_note_drop(struct sim *sim, struct partition *partition, int32_t node);
void guardian_note_add(struct sim *sim, struct partition *partition, int32_t node);

/* ---- balancer.c */
/* Counts, and at lively gives partitions their moves: true, they are to be sent. */
bool balancer_tick(struct sim *sim);

/* ---- stability.c */
void stability_forget(struct sim *sim, int32_t meta);
/* Is a beacon of this replica server answered by this meta server? */
bool stability_accepts(struct sim *sim, int32_t meta, int32_t node);

/* ---- proposals.c */
/* The answer's `err`; NULL: the process died of it. */
const char *proposals_register(struct sim *sim, int32_t server,
                               const struct propose_request *request);
void proposals_send(struct sim *sim, const struct partition *partition, struct action action);
void proposals_on_arrival(struct sim *sim, const struct event *event);

/* ---- reconfig.c */
/* The replica stops serving, if it did, and asks the leader for a change of configuration. */
void reconfig_begin(struct sim *sim, struct replica *replica, enum config_type type, int32_t node);
/* The leader itself takes a dead primary away. */
void reconfig_drop_primary(struct sim *sim, struct partition *partition);
/* The replica takes over the record as it is. */
void reconfig_adopt(struct sim *sim, struct replica *replica);
/* The partition's table is dropped: the record has no members any more. */
void reconfig_drop_partition(struct sim *sim, struct partition *partition);
void reconfig_on_event(struct sim *sim, const struct event *event);
/* The leader that a request was queued at is gone: it will be sent again. */
void reconfig_leader_lost(struct sim *sim, int32_t partition, int32_t from);

/* ---- learn.c */
void learn_add(struct sim *sim, struct replica *primary, int32_t node, bool beyond_factor);
void learn_forget(struct partition *partition, int32_t node);
/* The primary serves again: learners that are done become secondaries. */
void learn_continue(struct sim *sim, struct replica *primary);
void learn_on_event(struct sim *sim, const struct event *event);

/* ---- close.c */
void close_begin(struct sim *sim, struct replica *replica); /* ERROR, and closes */
void close_later(struct sim *sim, struct replica *replica); /* after REMOVE: in 10 minutes */
void close_done(struct sim *sim, const struct event *event);
/* A member's replica is gone: its primary notices by a failed write, or by a group check. */
void close_notice(struct sim *sim, const struct partition *partition, int32_t member);
void close_member_failed(struct sim *sim, const struct event *event);
const char *close_kill(struct sim *sim, int32_t server, int32_t app_id,
                       int32_t index); /* -1: all */

/* A partition as it is before it has any replica. */
void world_begin_partition(struct sim *sim, int32_t table, int32_t partition);
void world_sort_by_name(struct sim *sim); /* after tables came */
int32_t world_min_replicas(const struct sim *sim, int32_t max_replica_count);

/* ---- account.c */
void account_begin(struct sim *sim);
void account_update(struct sim *sim, struct partition *partition);
void account_change(struct sim *sim, struct partition *partition);

/* ---- answers.c, answers_cluster.c, commands.c: for sim_request */
/* What a remote command answers, appended to `out`. */
void commands_run(struct sim *sim, int32_t server, const struct remote_command_request *request,
                  struct text *out);
/* What /meta/cluster and RPC_CM_CLUSTER_INFO tell, in their order; the values live in `arena`. */
enum { CLUSTER_KEY_COUNT = 9 };
struct cluster_row {
    const char *key;
    const char *value;
};
void answers_cluster(struct sim *sim, struct arena *arena,
                     struct cluster_row rows[CLUSTER_KEY_COUNT]);
/* `order` gets the replica servers the leader knows, by address; `alive_first` as the RPC lists
 * them. Returns their count. */
int32_t answers_sort_nodes(const struct sim *sim, struct arena *arena, bool alive_first,
                           int32_t **order);
/* "move_pri=0,..." or JSON. */
void answers_balance_count(const struct sim *sim, struct text *out);

/* ---- check.c */
/* Everything that the future depends on, as text: the same seed gives the same bytes. */
void sim_dump(const struct sim *sim, struct text *out);

#endif
