#include "engine/touched.h"

#include "pegasus/types.h"

const struct touched_setting touched_settings[] = {
    {SETTING_ADD_SECONDARY_LIMIT}, {SETTING_FLOW_CONTROL},    {SETTING_ASSIGN_DELAY},
    {SETTING_BLACK_LIST},          {SETTING_LIVE_PERCENTAGE},
};
const size_t touched_setting_count = sizeof touched_settings / sizeof touched_settings[0];
