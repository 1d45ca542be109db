#include "cli/cost_table.h"

#include "base/duration.h"
#include "engine/event.h"

#include <inttypes.h>

void cost_table_write_head(struct text *out)
{
    text_printf(out, "  %-14s %9s %9s %9s %9s %6s %6s %8s\n", "table", "no reads", "longest",
                "no writes", "longest", "fewest", "moved", "changes");
}

void cost_table_write_row(const char *name, const struct sim_totals *totals, struct text *out)
{
    char reads[DURATION_TEXT_BYTES];
    char longest_read[DURATION_TEXT_BYTES];
    char writes[DURATION_TEXT_BYTES];
    char longest_write[DURATION_TEXT_BYTES];
    text_printf(out, "  %-14s %9s %9s %9s %9s %6" PRId32 " %6" PRId64 " %8" PRId64 "\n", name,
                duration_format(totals->reads_away_us, reads),
                duration_format(totals->longest_read_us, longest_read),
                duration_format(totals->writes_away_us, writes),
                duration_format(totals->longest_write_us, longest_write),
                totals->fewest_live_replicas, totals->primaries_moved, totals->changes);
}

void cost_table_add_json(cJSON *json, const struct sim_totals *totals)
{
    event_add_ms(json, "reads_away_ms", totals->reads_away_us);
    event_add_ms(json, "longest_read_ms", totals->longest_read_us);
    event_add_ms(json, "writes_away_ms", totals->writes_away_us);
    event_add_ms(json, "longest_write_ms", totals->longest_write_us);
    cJSON_AddNumberToObject(json, "fewest_live_replicas", totals->fewest_live_replicas);
    cJSON_AddNumberToObject(json, "primaries_moved", (double)totals->primaries_moved);
    cJSON_AddNumberToObject(json, "changes", (double)totals->changes);
}
