/* wire/messages.h - the requests and replies of Pegasus as C structs, one row per RPC.
 *
 * Floor: wire. Strings are slices and lists point into the decoded frame or the caller's arena; for
 * encoding they are whatever the caller owns. `has_x` says whether an optional field travels.
 * Facts: reference protocol section 5; field ids are in messages.c only. */
#ifndef PEGFLOW_WIRE_MESSAGES_H
#define PEGFLOW_WIRE_MESSAGES_H

#include "base/text.h"
#include "pegasus/address.h"
#include "pegasus/types.h"

#include <stdbool.h>
#include <stdint.h>

enum rpc {
    RPC_CLUSTER_INFO,    /* RPC_CM_CLUSTER_INFO */
    RPC_LIST_NODES,      /* RPC_CM_LIST_NODES */
    RPC_LIST_APPS,       /* RPC_CM_LIST_APPS */
    RPC_QUERY_CONFIG,    /* RPC_CM_QUERY_PARTITION_CONFIG_BY_INDEX */
    RPC_CONTROL_META,    /* RPC_CM_CONTROL_META */
    RPC_PROPOSE,         /* RPC_CM_PROPOSE_BALANCER */
    RPC_REMOTE_COMMAND,  /* RPC_CLI_CLI_CALL */
    RPC_REPLICA_INFO,    /* RPC_QUERY_REPLICA_INFO */
    RPC_COUNT
};

struct wire_list {
    const void *items; /* an array of the element type named beside the field */
    uint32_t count;
};

struct cluster_info_request { char unused; };
struct cluster_info_response {
    struct slice err;
    struct wire_list keys;   /* struct slice */
    struct wire_list values; /* struct slice */
};

struct list_nodes_request { int32_t status; };
struct wire_node_info {
    int32_t status;
    struct address node;
    struct host_port hp_node;
    bool has_hp_node;
};
struct list_nodes_response {
    struct slice err;
    struct wire_list infos; /* struct wire_node_info */
};

struct list_apps_request { int32_t status; };
struct wire_env {
    struct slice key;
    struct slice value;
};
struct wire_app_info {
    int32_t status;
    struct slice app_type;
    struct slice app_name;
    int32_t app_id;
    int32_t partition_count;
    struct wire_list envs; /* struct wire_env */
    bool is_stateful;
    int32_t max_replica_count;
    int64_t expire_second;
    int64_t create_second;
    int64_t drop_second;
    bool duplicating;
    bool has_duplicating;
    int32_t init_partition_count;
    bool has_init_partition_count; /* decoding: seen; encoding: send */
    bool is_bulk_loading;
    bool has_is_bulk_loading;
    bool atomic_idempotent;
    bool has_atomic_idempotent;
};
struct list_apps_response {
    struct slice err;
    struct wire_list infos; /* struct wire_app_info */
    struct slice hint_message;
    bool has_hint_message;
};

struct query_config_request {
    struct slice app_name;
    struct wire_list partition_indices; /* int32_t; empty: all */
    uint64_t since; /* never on the wire: a revision that the asker has; 0: none */
};
struct wire_partition {
    struct gpid pid;
    int64_t ballot;
    int32_t max_replica_count;
    struct address primary;
    struct wire_list secondaries; /* struct address */
    struct wire_list last_drops;  /* struct address */
    int64_t last_committed_decree;
    int32_t partition_flags;
    struct host_port hp_primary;
    bool has_hp_primary;
    struct wire_list hp_secondaries; /* struct host_port, parallel to secondaries */
    bool has_hp_secondaries;
    struct wire_list hp_last_drops; /* struct host_port */
    bool has_hp_last_drops;
};
struct query_config_response {
    struct slice err;
    int32_t app_id;
    int32_t partition_count;
    bool is_stateful;
    struct wire_list partitions; /* struct wire_partition */
    /* Never on the wire, so that what comes from there is always whole: a simulated cluster in the
     * same process counts the changes of its partitions. */
    uint64_t revision; /* of the last change before this answer; 0: not counted */
    bool is_partial;   /* `partitions` are only those changed after `since`, by their index */
};

struct control_meta_request { int32_t level; };
struct control_meta_response {
    struct slice err;
    int32_t old_level;
};

struct wire_action {
    struct address target;
    struct address node;
    int32_t type; /* enum config_type */
    struct host_port hp_target;
    bool has_hp_target;
    struct host_port hp_node;
    bool has_hp_node;
};
struct propose_request {
    struct gpid gpid;
    struct wire_list actions; /* struct wire_action */
    bool force;
    bool has_force;
    int32_t balance_type;
    bool has_balance_type;
};
struct propose_response { struct slice err; };

struct remote_command_request {
    struct slice command;
    struct wire_list arguments; /* struct slice */
};
struct remote_command_response { struct slice text; }; /* travels as a bare string */

struct replica_info_request {
    struct address node1; /* unused by servers: zeros */
    struct host_port hp_node1;
    bool has_hp_node1;
};
struct wire_replica_info {
    struct gpid pid;
    int64_t ballot;
    int32_t status; /* enum replica_status */
    int64_t last_committed_decree;
    int64_t last_prepared_decree;
    int64_t last_durable_decree;
    struct slice app_type;
    struct slice disk_tag;
    int32_t manual_compact_status;
    bool has_manual_compact_status;
};
struct replica_info_response {
    struct slice err;
    struct wire_list replicas; /* struct wire_replica_info */
};

#endif
