/* cli/cost_table.h - the simulator's accounts as a table for a person, or as JSON.
 *
 * Floor: cli. */
#ifndef PEGFLOW_CLI_COST_TABLE_H
#define PEGFLOW_CLI_COST_TABLE_H

#include "base/text.h"
#include "sim/sim.h"

#include <cjson/cJSON.h>

/* A line each, within 80 columns while names are short. */
void cost_table_write_head(struct text *out);
void cost_table_write_row(const char *name, const struct sim_totals *totals, struct text *out);
/* The same as members of `json`, durations in whole milliseconds. */
void cost_table_add_json(cJSON *json, const struct sim_totals *totals);

#endif
