#include "pegasus/release.h"

#include "pegasus/types.h"

#include <stddef.h>
#include <string.h>

static const struct release_traits traits[RELEASE_COUNT] = {
    [RELEASE_2_5] =
        {
            .name = "2.5",
            .version = "2.5.0",
            .assign_delay_min = 1,
            .assign_delay_max = INT32_MAX,
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

static const struct {
    const char *command;
    enum setting_kind kind;
} settings[] = {
    {SETTING_ADD_SECONDARY_LIMIT, SETTING_INTEGER},
    {SETTING_FLOW_CONTROL, SETTING_BOOLEAN},
    {SETTING_ASSIGN_DELAY, SETTING_INTEGER},
    {SETTING_BLACK_LIST, SETTING_LIST},
    {SETTING_LIVE_PERCENTAGE, SETTING_INTEGER},
    {"meta.lb.only_move_primary", SETTING_BOOLEAN},
    {"meta.lb.only_primary_balancer", SETTING_BOOLEAN},
    {"meta.lb.balancer_in_turn", SETTING_BOOLEAN},
    {"nfs.max_copy_rate_megabytes_per_disk", SETTING_INTEGER},
    {"nfs.max_send_rate_megabytes_per_disk", SETTING_INTEGER},
    {"replica.deny-client", SETTING_BOOLEAN},
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

bool setting_kind_of(const char *command, enum setting_kind *kind)
{
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        if (strcmp(settings[i].command, command) == 0) {
            *kind = settings[i].kind;
            return true;
        }
    }
    return false;
}

const char *release_counter_name(int which)
{
    ASSERT(which >= 0 && (size_t)which < sizeof counter_names / sizeof *counter_names);
    return counter_names[which];
}
