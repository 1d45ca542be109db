#include "engine/touched.h"

#include "pegasus/types.h"

const struct touched_setting touched_settings[] = {
    {SETTING_ADD_SECONDARY_LIMIT, "add_secondary_max_count_for_one_node"},
    {SETTING_FLOW_CONTROL, "add_secondary_enable_flow_control"},
    {SETTING_ASSIGN_DELAY, "replica_assign_delay_ms_for_dropouts"},
    {SETTING_BLACK_LIST, NULL},
    {SETTING_LIVE_PERCENTAGE, "node_live_percentage_threshold_for_update"},
};
const size_t touched_setting_count = sizeof touched_settings / sizeof touched_settings[0];
