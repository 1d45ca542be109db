/* pegasus/types.h - the words and numbers of Pegasus.
 *
 * Floor: pegasus. Facts: reference pegasus-protocol.md section 5 (enums), pegasus-behaviour.md 3.1.
 */
#ifndef PEGFLOW_PEGASUS_TYPES_H
#define PEGFLOW_PEGASUS_TYPES_H

#include <stdbool.h>
#include <stdint.h>

enum node_status { NODE_INVALID = 0, NODE_ALIVE = 1, NODE_UNALIVE = 2 };

enum app_status {
    APP_INVALID = 0,
    APP_AVAILABLE = 1,
    APP_CREATING = 2,
    APP_CREATE_FAILED = 3,
    APP_DROPPING = 4,
    APP_DROP_FAILED = 5,
    APP_DROPPED = 6,
    APP_RECALLING = 7,
};

enum replica_status {
    REPLICA_INVALID = 0,
    REPLICA_INACTIVE = 1,
    REPLICA_ERROR = 2,
    REPLICA_PRIMARY = 3,
    REPLICA_SECONDARY = 4,
    REPLICA_POTENTIAL_SECONDARY = 5,
    REPLICA_PARTITION_SPLIT = 6,
};

enum config_type {
    CT_INVALID = 0,
    CT_ASSIGN_PRIMARY = 1,
    CT_UPGRADE_TO_PRIMARY = 2,
    CT_ADD_SECONDARY = 3,
    CT_UPGRADE_TO_SECONDARY = 4,
    CT_DOWNGRADE_TO_SECONDARY = 5,
    CT_DOWNGRADE_TO_INACTIVE = 6,
    CT_REMOVE = 7,
    CT_ADD_SECONDARY_FOR_LB = 8,
    CT_PRIMARY_FORCE_UPDATE_BALLOT = 9,
    CT_DROP_PARTITION = 10,
    CT_REGISTER_CHILD = 11,
};

enum meta_level {
    LEVEL_STOPPED = 100,
    LEVEL_BLIND = 200,
    LEVEL_FREEZED = 300,
    LEVEL_STEADY = 400,
    LEVEL_LIVELY = 500,
    LEVEL_QUERY = 10000, /* in a request only: "do not change" */
};

enum balance_type {
    BALANCE_MOVE_PRIMARY = 0,
    BALANCE_COPY_PRIMARY = 1,
    BALANCE_COPY_SECONDARY = 2
};

enum role { ROLE_META, ROLE_REPLICA, ROLE_COLLECTOR, ROLE_COUNT };

/* A partition. On the wire the app id is in the low half (reference section 4). */
struct gpid {
    int32_t app_id;
    int32_t partition;
};

/* "steady" and so on; NULL for a number that is none. */
const char *meta_level_name(int32_t level);
/* Without "fl_". False for an unknown word; LEVEL_QUERY has none. */
bool meta_level_parse(const char *name, int32_t *level);
const char *role_name(enum role role);           /* "meta", "replica", "collector" */
const char *replica_status_name(int32_t status); /* "PRIMARY" ...; "unknown" */

/* The names of error codes that Pegasus sends and we act on; compare strings, never numbers. */
#define PEGASUS_OK                 "ERR_OK"
#define PEGASUS_FORWARD_TO_OTHERS  "ERR_FORWARD_TO_OTHERS"
#define PEGASUS_SERVICE_NOT_ACTIVE "ERR_SERVICE_NOT_ACTIVE"
#define PEGASUS_HANDLER_NOT_FOUND  "ERR_HANDLER_NOT_FOUND"
#define PEGASUS_INVALID_PARAMETERS "ERR_INVALID_PARAMETERS"
#define PEGASUS_OBJECT_NOT_FOUND   "ERR_OBJECT_NOT_FOUND"
#define PEGASUS_APP_NOT_EXIST      "ERR_APP_NOT_EXIST"

/* Settings an upgrade touches (remote commands of meta servers; reference behaviour 3.2). */
#define SETTING_ADD_SECONDARY_LIMIT "meta.lb.add_secondary_max_count_for_one_node"
#define SETTING_FLOW_CONTROL        "meta.lb.add_secondary_enable_flow_control"
#define SETTING_ASSIGN_DELAY        "meta.lb.assign_delay_ms"
#define SETTING_BLACK_LIST          "meta.lb.assign_secondary_black_list"
#define SETTING_LIVE_PERCENTAGE     "meta.live_percentage"
/* ... and those of each replica server, from 2.4 on. */
#define SETTING_COPY_RATE "nfs.max_copy_rate_megabytes_per_disk"
#define SETTING_SEND_RATE "nfs.max_send_rate_megabytes_per_disk"

#endif
