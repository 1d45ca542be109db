#include "wire/codec.h"
#include "wire/wire.h"

#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))
#define ROW(type, id, member, kind, shape, presence, element)                                      \
    {                                                                                              \
#member, id, kind, shape, offsetof(struct type, member), presence, element                 \
    }

#define ONE(type, id, member, kind)  ROW(type, id, member, kind, SHAPE_ONE, WIRE_ALWAYS, NULL)
#define LIST(type, id, member, kind) ROW(type, id, member, kind, SHAPE_LIST, WIRE_ALWAYS, NULL)
#define OPTIONAL(type, id, member, kind)                                                           \
    ROW(type, id, member, kind, SHAPE_ONE, offsetof(struct type, has_##member), NULL)
#define OPTIONAL_LIST(type, id, member, kind)                                                      \
    ROW(type, id, member, kind, SHAPE_LIST, offsetof(struct type, has_##member), NULL)
#define STRUCTS(type, id, member, element)                                                         \
    ROW(type, id, member, KIND_STRUCT, SHAPE_LIST, WIRE_ALWAYS, element)
#define MAP(type, id, member, element)                                                             \
    ROW(type, id, member, KIND_STRUCT, SHAPE_MAP, WIRE_ALWAYS, element)

#define STRUCT_OF(type, rows)                                                                      \
    {                                                                                              \
#type, sizeof(struct type), rows, COUNT_OF(rows)                                           \
    }
#define DESCRIBE(type)                                                                             \
    static const struct wire_struct type##_struct = STRUCT_OF(type, type##_fields)

/* ---- parts of messages */

static const struct wire_field wire_node_info_fields[] = {
    ONE(wire_node_info, 1, status, KIND_I32),
    ONE(wire_node_info, 2, node, KIND_ADDRESS),
    OPTIONAL(wire_node_info, 3, hp_node, KIND_HOST_PORT),
};
DESCRIBE(wire_node_info);

static const struct wire_field wire_env_fields[] = {
    ONE(wire_env, 1, key, KIND_STRING),
    ONE(wire_env, 2, value, KIND_STRING),
};
DESCRIBE(wire_env);

static const struct wire_field wire_app_info_fields[] = {
    ONE(wire_app_info, 1, status, KIND_I32),
    ONE(wire_app_info, 2, app_type, KIND_STRING),
    ONE(wire_app_info, 3, app_name, KIND_STRING),
    ONE(wire_app_info, 4, app_id, KIND_I32),
    ONE(wire_app_info, 5, partition_count, KIND_I32),
    MAP(wire_app_info, 6, envs, &wire_env_struct),
    ONE(wire_app_info, 7, is_stateful, KIND_BOOL),
    ONE(wire_app_info, 8, max_replica_count, KIND_I32),
    ONE(wire_app_info, 9, expire_second, KIND_I64),
    ONE(wire_app_info, 10, create_second, KIND_I64),
    ONE(wire_app_info, 11, drop_second, KIND_I64),
    OPTIONAL(wire_app_info, 12, duplicating, KIND_BOOL),
    OPTIONAL(wire_app_info, 13, init_partition_count, KIND_I32),
    OPTIONAL(wire_app_info, 14, is_bulk_loading, KIND_BOOL),
    OPTIONAL(wire_app_info, 15, atomic_idempotent, KIND_BOOL),
};
DESCRIBE(wire_app_info);

static const struct wire_field wire_partition_fields[] = {
    ONE(wire_partition, 1, pid, KIND_GPID),
    ONE(wire_partition, 2, ballot, KIND_I64),
    ONE(wire_partition, 3, max_replica_count, KIND_I32),
    ONE(wire_partition, 4, primary, KIND_ADDRESS),
    LIST(wire_partition, 5, secondaries, KIND_ADDRESS),
    LIST(wire_partition, 6, last_drops, KIND_ADDRESS),
    ONE(wire_partition, 7, last_committed_decree, KIND_I64),
    ONE(wire_partition, 8, partition_flags, KIND_I32),
    OPTIONAL(wire_partition, 9, hp_primary, KIND_HOST_PORT),
    OPTIONAL_LIST(wire_partition, 10, hp_secondaries, KIND_HOST_PORT),
    OPTIONAL_LIST(wire_partition, 11, hp_last_drops, KIND_HOST_PORT),
};
DESCRIBE(wire_partition);

/* Id 4 was a period, retired upstream. */
static const struct wire_field wire_action_fields[] = {
    ONE(wire_action, 1, target, KIND_ADDRESS),
    ONE(wire_action, 2, node, KIND_ADDRESS),
    ONE(wire_action, 3, type, KIND_I32),
    OPTIONAL(wire_action, 5, hp_target, KIND_HOST_PORT),
    OPTIONAL(wire_action, 6, hp_node, KIND_HOST_PORT),
};
DESCRIBE(wire_action);

static const struct wire_field wire_replica_info_fields[] = {
    ONE(wire_replica_info, 1, pid, KIND_GPID),
    ONE(wire_replica_info, 2, ballot, KIND_I64),
    ONE(wire_replica_info, 3, status, KIND_I32),
    ONE(wire_replica_info, 4, last_committed_decree, KIND_I64),
    ONE(wire_replica_info, 5, last_prepared_decree, KIND_I64),
    ONE(wire_replica_info, 6, last_durable_decree, KIND_I64),
    ONE(wire_replica_info, 7, app_type, KIND_STRING),
    ONE(wire_replica_info, 8, disk_tag, KIND_STRING),
    OPTIONAL(wire_replica_info, 9, manual_compact_status, KIND_I32),
};
DESCRIBE(wire_replica_info);

/* ---- requests and responses */

static const struct wire_struct cluster_info_request_struct = {
    "cluster_info_request", sizeof(struct cluster_info_request), NULL, 0};

static const struct wire_field cluster_info_response_fields[] = {
    ONE(cluster_info_response, 1, err, KIND_ERROR),
    LIST(cluster_info_response, 2, keys, KIND_STRING),
    LIST(cluster_info_response, 3, values, KIND_STRING),
};
DESCRIBE(cluster_info_response);

static const struct wire_field list_nodes_request_fields[] = {
    ONE(list_nodes_request, 1, status, KIND_I32),
};
DESCRIBE(list_nodes_request);

static const struct wire_field list_nodes_response_fields[] = {
    ONE(list_nodes_response, 1, err, KIND_ERROR),
    STRUCTS(list_nodes_response, 2, infos, &wire_node_info_struct),
};
DESCRIBE(list_nodes_response);

static const struct wire_field list_apps_request_fields[] = {
    ONE(list_apps_request, 1, status, KIND_I32),
};
DESCRIBE(list_apps_request);

static const struct wire_field list_apps_response_fields[] = {
    ONE(list_apps_response, 1, err, KIND_ERROR),
    STRUCTS(list_apps_response, 2, infos, &wire_app_info_struct),
    OPTIONAL(list_apps_response, 3, hint_message, KIND_STRING),
};
DESCRIBE(list_apps_response);

static const struct wire_field query_config_request_fields[] = {
    ONE(query_config_request, 1, app_name, KIND_STRING),
    LIST(query_config_request, 2, partition_indices, KIND_I32),
};
DESCRIBE(query_config_request);

static const struct wire_field query_config_response_fields[] = {
    ONE(query_config_response, 1, err, KIND_ERROR),
    ONE(query_config_response, 2, app_id, KIND_I32),
    ONE(query_config_response, 3, partition_count, KIND_I32),
    ONE(query_config_response, 4, is_stateful, KIND_BOOL),
    STRUCTS(query_config_response, 5, partitions, &wire_partition_struct),
};
DESCRIBE(query_config_response);

static const struct wire_field control_meta_request_fields[] = {
    ONE(control_meta_request, 1, level, KIND_I32),
};
DESCRIBE(control_meta_request);

static const struct wire_field control_meta_response_fields[] = {
    ONE(control_meta_response, 1, err, KIND_ERROR),
    ONE(control_meta_response, 2, old_level, KIND_I32),
};
DESCRIBE(control_meta_response);

static const struct wire_field propose_request_fields[] = {
    ONE(propose_request, 1, gpid, KIND_GPID),
    STRUCTS(propose_request, 2, actions, &wire_action_struct),
    OPTIONAL(propose_request, 3, force, KIND_BOOL),
    OPTIONAL(propose_request, 4, balance_type, KIND_I32),
};
DESCRIBE(propose_request);

static const struct wire_field propose_response_fields[] = {
    ONE(propose_response, 1, err, KIND_ERROR),
};
DESCRIBE(propose_response);

static const struct wire_field remote_command_request_fields[] = {
    ONE(remote_command_request, 1, command, KIND_STRING),
    LIST(remote_command_request, 2, arguments, KIND_STRING),
};
DESCRIBE(remote_command_request);

static const struct wire_struct remote_command_response_struct = {
    "remote_command_response", sizeof(struct remote_command_response), NULL, 0};
_Static_assert(offsetof(struct remote_command_response, text) == 0,
               "a bare string is read to the front of its response");

static const struct wire_field replica_info_request_fields[] = {
    ONE(replica_info_request, 1, node1, KIND_ADDRESS),
    OPTIONAL(replica_info_request, 2, hp_node1, KIND_HOST_PORT),
};
DESCRIBE(replica_info_request);

static const struct wire_field replica_info_response_fields[] = {
    ONE(replica_info_response, 1, err, KIND_ERROR),
    STRUCTS(replica_info_response, 2, replicas, &wire_replica_info_struct),
};
DESCRIBE(replica_info_response);

static const struct wire_field wire_request_meta_fields[] = {
    OPTIONAL(wire_request_meta, 1, app_id, KIND_I32),
    OPTIONAL(wire_request_meta, 2, partition, KIND_I32),
    ROW(wire_request_meta, 3, timeout_ms, KIND_I32, SHAPE_ONE,
        offsetof(struct wire_request_meta, has_timeout), NULL),
    OPTIONAL(wire_request_meta, 4, partition_hash, KIND_I64),
    ROW(wire_request_meta, 5, is_backup, KIND_BOOL, SHAPE_ONE,
        offsetof(struct wire_request_meta, has_backup), NULL),
};
const struct wire_struct wire_request_meta_struct =
    STRUCT_OF(wire_request_meta, wire_request_meta_fields);

/* ---- the RPCs */

#define RPC(name, stem)                                                                            \
    {                                                                                              \
        name, &stem##_request_struct, &stem##_response_struct, KIND_STRUCT                         \
    }

const struct wire_rpc wire_rpcs[RPC_COUNT] = {
    [RPC_CLUSTER_INFO] = RPC("RPC_CM_CLUSTER_INFO", cluster_info),
    [RPC_LIST_NODES] = RPC("RPC_CM_LIST_NODES", list_nodes),
    [RPC_LIST_APPS] = RPC("RPC_CM_LIST_APPS", list_apps),
    [RPC_QUERY_CONFIG] = RPC("RPC_CM_QUERY_PARTITION_CONFIG_BY_INDEX", query_config),
    [RPC_CONTROL_META] = RPC("RPC_CM_CONTROL_META", control_meta),
    [RPC_PROPOSE] = RPC("RPC_CM_PROPOSE_BALANCER", propose),
    [RPC_REMOTE_COMMAND] = {"RPC_CLI_CLI_CALL", &remote_command_request_struct,
                            &remote_command_response_struct, KIND_STRING},
    [RPC_REPLICA_INFO] = RPC("RPC_QUERY_REPLICA_INFO", replica_info),
};

const char *rpc_name(enum rpc rpc)
{
    return wire_rpcs[rpc].name;
}

bool rpc_find(struct slice name, enum rpc *out)
{
    for (int i = 0; i < RPC_COUNT; i++) {
        if (slice_equals(name, wire_rpcs[i].name)) {
            *out = (enum rpc)i;
            return true;
        }
    }
    return false;
}

size_t rpc_request_bytes(enum rpc rpc)
{
    return wire_rpcs[rpc].request->bytes;
}

size_t rpc_response_bytes(enum rpc rpc)
{
    return wire_rpcs[rpc].response->bytes;
}
