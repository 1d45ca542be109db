#include "cli/model_writer.h"

#include "base/duration.h"
#include "cli/lua_text.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

enum { LINE_BYTES = 100 };

/* Exact, which what is made for display is not. */
static void append_duration(struct text *out, int64_t us)
{
    if (us % US_PER_SECOND == 0) {
        text_printf(out, "\"%" PRId64 "s\"", us / US_PER_SECOND);
    } else if (us % US_PER_MS == 0) {
        text_printf(out, "\"%" PRId64 "ms\"", us / US_PER_MS);
    } else {
        text_printf(out, "\"%" PRId64 "us\"", us);
    }
}

static void append_names(const struct inventory *names, struct text *out)
{
    for (int32_t i = 0; i < names->count[ROLE_REPLICA]; i++) {
        text_printf(out, "--   r%d  %s\n", i + 1, names->servers[ROLE_REPLICA][i].name);
    }
}

/* ---- what differs from the defaults */

static void append_number(struct text *out, const char *key, int64_t value, int64_t usual)
{
    if (value != usual) {
        text_printf(out, "  %s = %" PRId64 ",\n", key, value);
    }
}

static void append_settings(const struct model *model, const struct model *usual, struct text *out)
{
    if (model->stored_level != usual->stored_level) {
        text_printf(out, "  meta_level = \"%s\",\n", meta_level_name(model->stored_level));
    }
    append_number(out, "add_secondary_limit", model->add_secondary_limit,
                  usual->add_secondary_limit);
    if (model->flow_control != usual->flow_control) {
        text_printf(out, "  flow_control = %s,\n", model->flow_control ? "true" : "false");
    }
    if (model->assign_delay_ms != usual->assign_delay_ms) {
        text_append_string(out, "  assign_delay = ");
        append_duration(out, model->assign_delay_ms * US_PER_MS);
        text_append_string(out, ",\n");
    }
    append_number(out, "live_percentage", model->live_percentage, usual->live_percentage);
    append_number(out, "min_live_nodes", model->min_live_node_count, usual->min_live_node_count);
    append_number(out, "min_replicas_for_writes", model->mutation_2pc_min_replica_count,
                  usual->mutation_2pc_min_replica_count);
}

/* Those that a cluster's configuration tells. */
static void append_timings(const struct model_timings *timings, const struct model_timings *usual,
                           struct text *out)
{
    static const struct {
        const char *key;
        size_t offset;
    } rows[] = {
        {"tick", offsetof(struct model_timings, tick_us)},
        {"first_tick", offsetof(struct model_timings, first_tick_us)},
        {"beacon", offsetof(struct model_timings, beacon_us)},
        {"fd_check", offsetof(struct model_timings, fd_check_us)},
        {"lease", offsetof(struct model_timings, lease_us)},
        {"grace", offsetof(struct model_timings, grace_us)},
        {"config_sync", offsetof(struct model_timings, config_sync_us)},
    };
    bool any = false;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t us = *(const int64_t *)((const char *)timings + rows[i].offset);
        if (us == *(const int64_t *)((const char *)usual + rows[i].offset)) {
            continue;
        }
        text_printf(out, "%s    %s = ", any ? "" : "  timings = {\n", rows[i].key);
        append_duration(out, us);
        text_append_string(out, ",\n");
        any = true;
    }
    text_append_string(out, any ? "  },\n" : "");
}

/* ---- tables */

static void append_row(const int32_t *row, int32_t width, struct text *out)
{
    int32_t last = width;
    while (last > 1 && row[last - 1] < 0) {
        last--;
    }
    text_append_char(out, '"');
    for (int32_t i = 0; i < last; i++) {
        text_append_string(out, i == 0 ? "" : " ");
        if (row[i] < 0) {
            text_append_char(out, '-');
        } else {
            text_printf(out, "r%d", row[i] + 1);
        }
    }
    text_append_string(out, "\",");
}

static void append_placement(const struct model_table *table, struct text *out)
{
    struct text item = {0};
    size_t line = 0;
    text_append_string(out, "      placement = {");
    for (int32_t p = 0; p < table->partition_count; p++) {
        text_reset(&item);
        append_row(table->placement + (int64_t)p * table->max_replica_count,
                   table->max_replica_count, &item);
        bool fits = line > 0 && line + item.length + 1 <= LINE_BYTES;
        text_printf(out, "%s%s", fits ? " " : "\n        ", text_string(&item));
        line = fits ? line + item.length + 1 : item.length + 8;
    }
    text_append_string(out, "\n      },\n");
    text_clear(&item);
}

static void append_table(const struct model_table *table, struct text *out)
{
    text_append_string(out, "    {\n      name = ");
    lua_text_append_string(out, table->name);
    text_append_string(out, ",\n");
    if (table->app_id != 0) {
        text_printf(out, "      app_id = %d,\n", table->app_id);
    }
    text_printf(out, "      partitions = %d,\n      replicas = %d,\n", table->partition_count,
                table->max_replica_count);
    if (table->written) {
        text_append_string(out, "      written = true,\n");
    }
    if (table->placement != NULL) {
        append_placement(table, out);
    }
    text_append_string(out, "    },\n");
}

void model_writer_compose(const struct model *model, const struct inventory *names,
                          struct text *out)
{
    struct model usual;
    model_init(&usual, model->release);
    text_append_string(out, "-- A cluster's shape, written by pegflow snapshot. To rehearse on it: "
                            "pegflow rehearse\n-- WORKFLOW --model THIS-FILE -c CLUSTER-FILE\n");
    if (names != NULL) {
        append_names(names, out);
    }
    text_append_string(out, "return model ");
    lua_text_append_string(out, model->name);
    text_printf(out, " {\n  release = \"%s\",\n  cluster = ", release_traits(model->release)->name);
    lua_text_append_string(out, model->cluster_name);
    text_append_string(out, ",\n  zookeeper_root = ");
    lua_text_append_string(out, model->zookeeper_root);
    text_append_string(out, ",\n  version = ");
    lua_text_append_string(out, model->version);
    text_append_string(out, ",\n  next_version = ");
    lua_text_append_string(out, model->next_version);
    text_printf(out, ",\n  replicas = %d,\n  metas = %d,\n  collectors = %d,\n",
                model->replica_count, model->meta_count, model->collector_count);
    append_settings(model, &usual, out);
    append_timings(&model->timings, &usual.timings, out);
    text_append_string(out, "  tables = {\n");
    for (int32_t i = 0; i < model->table_count; i++) {
        append_table(&model->tables[i], out);
    }
    text_append_string(out, "  },\n}\n");
}
