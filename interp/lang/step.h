/* lang/step.h - what a workflow file says, as a tree that the interpreter walks.
 *
 * Floor: lang. Plain data in the workflow's arena, fixed once loaded: rolling bodies were called
 * for each server of the inventory, `deploy` was replaced by the steps its adapter returned. `lua`
 * holds references that only lang/lang.h understands. No Lua types here: engine/ reads this. */
#ifndef PEGFLOW_LANG_STEP_H
#define PEGFLOW_LANG_STEP_H

#include "pegasus/ensemble.h"
#include "pegasus/inventory.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct source {
    const char *file; /* as the user would name it */
    int line;
};

enum { LUA_NONE = 0 }; /* a lua reference that is not there */

/* ---- conditions: yes, no or unknown, never a guess */
enum condition_kind {
    COND_NO_PRIMARIES,        /* server */
    COND_NO_SECONDARIES,      /* server */
    COND_REPLICAS_CLOSED,     /* server */
    COND_IS_ALIVE,            /* server */
    COND_HAS_RESTARTED,       /* server */
    COND_RUNS_TARGET_VERSION, /* server */
    COND_CLUSTER_IS_HEALTHY,
    COND_ALL_SERVERS_ALIVE,
    COND_ALL_OF,
    COND_ANY_OF,
    COND_NOT,
    COND_LUA,              /* a site's own function over the snapshot */
    COND_SURVIVES_LOSS_OF, /* number */
    COND_NO_LEFTOVERS,
    CONDITION_KIND_COUNT
};
struct condition {
    enum condition_kind kind;
    const char *name; /* to show: "no_primaries(127.0.0.1:34801)" */
    struct source where;
    const struct server *server;
    const struct condition **parts; /* all_of, any_of, not_ */
    size_t part_count;
    int lua;        /* COND_LUA */
    int64_t number; /* survives_loss_of(n) */
};

/* ---- steps */
enum step_kind {
    STEP_REMOTE_COMMAND,
    STEP_SET_META_LEVEL,
    STEP_MIGRATE_NODE,
    STEP_DOWNGRADE_NODE,
    STEP_DRAIN_NODE,
    STEP_REJOIN_NODE,
    STEP_KILL_PARTITIONS,
    STEP_DEPLOY,
    STEP_EXEC,
    STEP_HTTP,
    STEP_NOTIFY,
    STEP_LOG,
    STEP_WAIT_UNTIL,
    STEP_SLEEP,
    STEP_CONFIRM,
    STEP_STEPS,
    STEP_PARALLEL,
    STEP_WHEN,
    STEP_ROLLING,
    STEP_HOLD,
    STEP_TRY,
    STEP_KIND_COUNT
};

enum target_policy { TARGET_FEWEST_PRIMARIES, TARGET_RANDOM };
enum order_policy { ORDER_AS_LISTED, ORDER_STANDBYS_FIRST };
enum deploy_action { DEPLOY_UPDATE, DEPLOY_RESTART, DEPLOY_START, DEPLOY_STOP };
/* What becomes of a step that failed, once it is not tried again. */
enum failure_policy { FAILURE_STOPS, FAILURE_IS_PASSED_OVER, FAILURE_ASKS };
enum timeout_policy { TIMEOUT_FAILS, TIMEOUT_ASKS };
enum try_part { TRY_STEPS, TRY_RESCUE, TRY_FINALLY };
enum command_to { TO_LEADER, TO_METAS, TO_REPLICAS, TO_SERVER };

struct setting_value {
    const char *name;  /* a remote command that setting_kind_of knows */
    const char *value; /* as text */
};
struct name_value {
    const char *name;
    const char *value;
};

/* A job that a request began is asked after until it is over: at `url`, as written, or at what
 * `next_url` says, or else at the Location of the first reply. */
struct http_poll {
    const char *url;
    int next_url;         /* lua: function(reply): the URL to ask next, nil: the same again */
    int64_t every_us;     /* 0: nothing is asked */
    int64_t timeout_us;   /* from the first reply on */
    const char **headers; /* those of the request but for Content-Type, NULL-terminated; or NULL */
    int done;             /* lua: function(reply): true when the job is done well */
    int failed; /* lua: function(reply): true, and a reason, when it has failed; or none */
};

struct step;
struct step_list {
    struct step **items;
    size_t count;
};

struct step {
    enum step_kind kind;
    const char *id;    /* the whole path: "replicas/10.0.0.3:34801/drain/wait_until-2" */
    const char *label; /* its last part, to show */
    struct source where;
    const struct server
        *server;        /* the server it is about (its own, or that of the rolling), or NULL */
    int64_t timeout_us; /* of this step as a whole, each try of it; -1: none given */
    bool idempotent;    /* exec, http: doing it twice does no harm */
    struct {
        int32_t times;    /* how often it is done again after a failure; 0: never */
        int64_t every_us; /* the pause before that */
        double backoff;   /* each pause is so many times the one before; at least 1 */
    } retry;
    enum failure_policy on_failure;
    struct {        /* of what guards watch */
        bool guard; /* this step's guard may say no; else nothing is overridden */
        const char *reason;
        const char *expires; /* as written */
        int64_t expires_us;  /* since 1970: the first moment when it holds no more */
    } override;
    struct step_list body; /* children in order: groups, hold, rolling (one `steps` per server),
                              deploy (the adapter's steps), when, parallel, try
                              (a `steps` for each part that is there) */
    union {
        struct {
            enum command_to to;
            struct address address; /* TO_SERVER */
            const char *name;
            const char **arguments;
            size_t argument_count;
            bool only_reads; /* our list of names that change nothing */
            int expect;      /* lua: function(reply) -> true, or false and a reason */
        } remote_command;
        int32_t level; /* set_meta_level */
        struct { /* migrate_node, downgrade_node, kill_partitions; the server is step.server */
            const char **tables; /* NULL: all */
            size_t table_count;
            enum target_policy targets; /* migrate_node */
            int32_t batch;
        } move;
        int32_t in_flight; /* drain_node, rejoin_node: partitions under way at once */
        enum deploy_action deploy;
        struct {
            const char **argv; /* NULL-terminated */
            const char **env;  /* "NAME=value", NULL-terminated, or NULL */
            const char *cwd;
            int expect; /* lua: function{exit_code, output}; none: exit code 0 */
        } exec;
        struct {
            const char *method;
            const char *url;
            const char *body;     /* or NULL; from json = {...} or body = "..." */
            const char **headers; /* NULL-terminated, or NULL */
            int expect;           /* lua: function(reply); none: status 200-299 */
            int64_t request_timeout_us;
            struct http_poll poll;
        } http; /* and notify. step.timeout_us is -1: request and poll have their own */
        const char *message; /* log, confirm */
        struct {
            const struct condition *condition;
            int64_t every_us;
            int64_t stable_for_us;
            int64_t nudge_every_us;
            struct step *nudge; /* an action, or NULL */
            enum timeout_policy on_timeout;
        } wait; /* timeout_us is required */
        int64_t sleep_us;
        const struct condition *when;
        struct {              /* steps, where a rolling or a try made it */
            const char *rack; /* of a server's turn; NULL: none is known */
            enum try_part part;
        } group;
        int32_t parallel_max; /* how many at once */
        struct {
            enum role role;
            enum order_policy order;
            int64_t pause_us;      /* between two servers */
            int32_t max_in_flight; /* servers at once */
            int32_t max_failures;  /* servers that may fail */
            int32_t canary;        /* servers that go first, one by one; 0: none */
            int64_t soak_us;       /* watched after the canary */
            bool within_rack;      /* one rack after the other */
        } rolling;                 /* body.items[i] is a STEP_STEPS with .server set */
        struct {
            int32_t level;                  /* 0: none */
            enum command_to on;             /* whose the settings are; the level is the leader's */
            const struct server *at;        /* TO_SERVER: of this one */
            struct setting_value *settings; /* sorted by name */
            size_t setting_count;
        } hold;
    } as;
};

struct param_value {
    const char *name;
    const char *value; /* as text: "10m", "100" */
    const char *from;  /* "default", "variant", "cluster file", "--set" */
};

struct workflow {
    const char *name;
    const char *summary; /* or "" */
    const char *file;
    struct step_list steps;
    const struct condition **requirements;
    size_t requirement_count;
    const struct condition **invariants; /* `always` */
    size_t invariant_count;
    const struct param_value *params;
    size_t param_count;
    size_t step_count; /* all of the tree */
};

/* A loaded cluster file. */
struct cluster_lock {
    const char *zookeeper;    /* as written; NULL: no shared lock */
    struct ensemble ensemble; /* the same, parsed */
    const char *root;         /* below which ours is: see ensemble_own_path */
    int64_t session_us;
};

struct cluster_file {
    const char *file;
    const char *name;
    const char *zookeeper_root;    /* NULL: "/pegasus/<name>" is not demanded, only its last part */
    const struct address *metas;   /* ADDRESS_NONE where a name was given, until that is resolved */
    const char *const *meta_names; /* as written: "10.0.0.1:34601" or "meta1.example:34601" */
    size_t meta_count;
    const struct address *collectors; /* as metas */
    const char *const *collector_names;
    size_t collector_count;
    const struct name_value *racks; /* server ("host:port" or host) and rack; sorted */
    size_t rack_count;
    const char *target_version; /* NULL: none given */
    const char *workflow;       /* path as written, or NULL */
    bool has_deploy;
    /* What a site accepts to lose, and why: `accept = { outage = {}, freeze =, reason = }`. */
    const char **accepted_outages; /* names of tables, distinct */
    size_t accepted_outage_count;
    bool accepts_freeze;
    const char *accept_reason; /* NULL: nothing is accepted */
    /* `lock = { zookeeper =, root =, session = }`: with it, operations hosts exclude each other. */
    struct cluster_lock lock;
};

#endif
