#include "pegasus/types.h"

#include <stddef.h>
#include <string.h>

static const struct {
    int32_t level;
    const char *name;
} levels[] = {
    {LEVEL_STOPPED, "stopped"}, {LEVEL_BLIND, "blind"},   {LEVEL_FREEZED, "freezed"},
    {LEVEL_STEADY, "steady"},   {LEVEL_LIVELY, "lively"},
};

static const char *const role_names[ROLE_COUNT] = {
    [ROLE_META] = "meta",
    [ROLE_REPLICA] = "replica",
    [ROLE_COLLECTOR] = "collector",
};

static const char *const replica_status_names[] = {
    [REPLICA_INVALID] = "INVALID",
    [REPLICA_INACTIVE] = "INACTIVE",
    [REPLICA_ERROR] = "ERROR",
    [REPLICA_PRIMARY] = "PRIMARY",
    [REPLICA_SECONDARY] = "SECONDARY",
    [REPLICA_POTENTIAL_SECONDARY] = "POTENTIAL_SECONDARY",
    [REPLICA_PARTITION_SPLIT] = "PARTITION_SPLIT",
};

const char *meta_level_name(int32_t level)
{
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        if (levels[i].level == level) {
            return levels[i].name;
        }
    }
    return NULL;
}

bool meta_level_parse(const char *name, int32_t *level)
{
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        if (strcmp(levels[i].name, name) == 0) {
            *level = levels[i].level;
            return true;
        }
    }
    return false;
}

const char *role_name(enum role role)
{
    return role_names[role];
}

const char *replica_status_name(int32_t status)
{
    size_t count = sizeof replica_status_names / sizeof *replica_status_names;
    return status >= 0 && (size_t)status < count ? replica_status_names[status] : "unknown";
}
