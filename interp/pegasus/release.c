#include "pegasus/release.h"

#include "pegasus/types.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const struct release_traits traits[RELEASE_COUNT] = {
    [RELEASE_2_5] =
        {
            .name = "2.5",
            .version = "2.5.0",
            .assign_delay_min = 1,
            .assign_delay_max = INT32_MAX,
            .copy_rate_min = 5, /* more than one block of 4 MB */
            .lease_seconds = 9,
            .grace_seconds = 10,
            .missing_app_error = PEGASUS_INVALID_PARAMETERS,
        },
    [RELEASE_MASTER] =
        {
            .name = "master",
            .version = "2.6.0-SNAPSHOT",
            .has_host_ports = true,
            .has_metrics = true,
            .has_atomic_idempotent = true,
            .json_replies = true,
            .default_any_case = true,
            .rejects_two_arguments = true,
            .assign_delay_min = 0,
            .assign_delay_max = INT64_MAX,
            .lease_seconds = 20,
            .grace_seconds = 22,
            .missing_app_error = PEGASUS_APP_NOT_EXIST,
        },
};

#define COPY_RATE "nfs.max_copy_rate_megabytes"
#define SEND_RATE "nfs.max_send_rate_megabytes"

static const struct setting_row {
    const char *command;
    enum setting_kind kind;
    enum setting_home home;
    const char *flag;
    bool is_copy_rate;
} settings[] = {
    {SETTING_ADD_SECONDARY_LIMIT, SETTING_INTEGER, SETTING_OF_LEADER,
     "add_secondary_max_count_for_one_node", false},
    {SETTING_FLOW_CONTROL, SETTING_BOOLEAN, SETTING_OF_LEADER, "add_secondary_enable_flow_control",
     false},
    {SETTING_ASSIGN_DELAY, SETTING_INTEGER, SETTING_OF_LEADER,
     "replica_assign_delay_ms_for_dropouts", false},
    {SETTING_BLACK_LIST, SETTING_LIST, SETTING_OF_LEADER, NULL, false},
    {SETTING_LIVE_PERCENTAGE, SETTING_INTEGER, SETTING_OF_METAS,
     "node_live_percentage_threshold_for_update", false},
    {"meta.lb.only_move_primary", SETTING_BOOLEAN, SETTING_OF_LEADER, NULL, false},
    {"meta.lb.only_primary_balancer", SETTING_BOOLEAN, SETTING_OF_LEADER, NULL, false},
    {"meta.lb.balancer_in_turn", SETTING_BOOLEAN, SETTING_OF_LEADER, NULL, false},
    {SETTING_COPY_RATE, SETTING_INTEGER, SETTING_OF_REPLICAS, "max_copy_rate_megabytes_per_disk",
     true},
    {SETTING_SEND_RATE, SETTING_INTEGER, SETTING_OF_REPLICAS, "max_send_rate_megabytes_per_disk",
     true},
    /* 2.0, and 2.1 to 2.3; which flag they read was not seen */
    {"replica." COPY_RATE, SETTING_INTEGER, SETTING_OF_REPLICAS, NULL, true},
    {COPY_RATE, SETTING_INTEGER, SETTING_OF_REPLICAS, NULL, true},
    {SEND_RATE, SETTING_INTEGER, SETTING_OF_REPLICAS, NULL, true},
    {"replica.deny-client", SETTING_BOOLEAN, SETTING_OF_REPLICAS, NULL, false},
};

static const char *const counter_names[] = {
    "replica*eon.replica_stub*replica(Count)",
    "replica*eon.replica_stub*opening.replica(Count)",
    "replica*eon.replica_stub*closing.replica(Count)",
};

const struct release_traits *release_traits(enum release release)
{
    return &traits[release];
}

bool release_parse(const char *name, enum release *out)
{
    for (int i = 0; i < RELEASE_COUNT; i++) {
        if (strcmp(traits[i].name, name) == 0 || strcmp(traits[i].version, name) == 0) {
            *out = (enum release)i;
            return true;
        }
    }
    return false;
}

static const struct setting_row *find_setting(const char *command)
{
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        if (strcmp(settings[i].command, command) == 0) {
            return &settings[i];
        }
    }
    return NULL;
}

bool setting_kind_of(const char *command, enum setting_kind *kind)
{
    const struct setting_row *row = find_setting(command);
    if (row != NULL) {
        *kind = row->kind;
    }
    return row != NULL;
}

enum setting_home setting_home_of(const char *command)
{
    const struct setting_row *row = find_setting(command);
    return row == NULL ? SETTING_OF_LEADER : row->home;
}

const char *setting_flag_of(const char *command)
{
    const struct setting_row *row = find_setting(command);
    return row == NULL ? NULL : row->flag;
}

bool setting_can_be_given(const char *command, const char *value, const char *server_info)
{
    const struct setting_row *row = find_setting(command);
    const struct release_traits *release =
        &traits[server_info[0] == '{' ? RELEASE_MASTER : RELEASE_2_5]; /* samples: cli_*_info */
    return row == NULL || !row->is_copy_rate || strtoll(value, NULL, 10) >= release->copy_rate_min;
}

const char *release_counter_name(int which)
{
    ASSERT(which >= 0 && (size_t)which < sizeof counter_names / sizeof *counter_names);
    return counter_names[which];
}
