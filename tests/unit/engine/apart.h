/* A small cluster where two servers may be away at once, and the turn of one of its servers, for
 * workflows of all groups. */
#ifndef PEGFLOW_TESTS_ENGINE_APART_H
#define PEGFLOW_TESTS_ENGINE_APART_H

#include "sim/model.h"

#define LIMIT "[\"meta.lb.add_secondary_max_count_for_one_node\"] = 0"

#define TURN                                                                                       \
    "local function turn(n)\n"                                                                     \
    "  return {\n"                                                                                 \
    "    hold { setting = { " LIMIT " },\n"                                                        \
    "      wait_until { no_primaries(n), nudge = migrate_node(n), timeout = \"10m\" },\n"          \
    "      wait_until { all_of { no_primaries(n), no_secondaries(n) }, nudge = "                   \
    "downgrade_node(n),\n"                                                                         \
    "        timeout = \"10m\", on_timeout = \"ask\" },\n"                                         \
    "      deploy(n) { \"update\" },\n"                                                            \
    "      wait_until { all_of { is_alive(n), has_restarted(n) }, timeout = \"10m\" },\n"          \
    "    },\n"                                                                                     \
    "    wait_until { cluster_is_healthy(), timeout = \"1h\" },\n"                                 \
    "  }\n"                                                                                        \
    "end\n"

/* Servers 1 and 4 have no partition in common, nor have 2 and 5. */
static const int32_t apart_placement[] = {0, 1, 2, 3, 4, 2, 1, 0, 2, 4, 3, 2};
static const struct model_table apart_tables[] = {
    {.name = "t", .partition_count = 4, .max_replica_count = 3, .placement = apart_placement},
};

#endif
