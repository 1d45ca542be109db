#include "cli/shape.h"

#include "base/duration.h"
#include "engine/guard.h"

#include <stdlib.h>
#include <string.h>

void shape_add_needs(const struct inventory *inventory, struct needs *needs)
{
    guard_add_needs(&inventory->servers[ROLE_REPLICA][0], inventory, needs);
    for (int32_t i = 0; i < inventory->count[ROLE_REPLICA]; i++) {
        needs->parts[inventory_slot(inventory, &inventory->servers[ROLE_REPLICA][i])] |=
            FACT_VERSION;
    }
}

/* ---- numbers that the leader tells */

struct reading {
    struct session *session;
    struct shape *shape;
};

static bool take_number(struct reading *reading, const char *name, bool read,
                        const struct text *text, int64_t *value)
{
    char *end = NULL;
    int64_t number = read ? strtoll(text_string(text), &end, 10) : 0;
    if (read && end != text_string(text) && *end == '\0' && number >= 0) {
        *value = number;
        return true;
    }
    struct text *assumed = &reading->shape->assumed;
    text_printf(assumed, "%s%s", assumed->length > 0 ? ", " : "", name);
    return false;
}

static bool read_setting(struct reading *reading, const char *name, int64_t *value)
{
    struct text text = {0};
    struct error err;
    bool read = session_read_setting(reading->session, (struct address){0}, name, &text, &err);
    bool known = take_number(reading, name, read, &text, value);
    text_clear(&text);
    return known;
}

static void read_switch(struct reading *reading, const char *name, bool *value)
{
    struct text text = {0};
    struct error err;
    bool read = session_read_setting(reading->session, (struct address){0}, name, &text, &err);
    bool on = strcmp(text_string(&text), "true") == 0;
    if (read && (on || strcmp(text_string(&text), "false") == 0)) {
        *value = on;
    } else {
        int64_t nothing;
        take_number(reading, name, false, &text, &nothing);
    }
    text_clear(&text);
}

/* A flag of the leader's configuration; a cluster's servers share one. False: not told, or told as
 * 0 or as more than a day. */
static bool read_interval(struct reading *reading, const char *name, int64_t unit_us, int64_t *us)
{
    struct text text = {0};
    struct error err;
    int64_t number = 0;
    bool read =
        session_read_config(reading->session, reading->session->snapshot.leader, name, &text, &err);
    bool told = take_number(reading, name, read, &text, &number) && number > 0 &&
                number <= 24 * US_PER_HOUR / unit_us;
    if (told) {
        *us = number * unit_us;
    }
    text_clear(&text);
    return told;
}

static int64_t at_most(int64_t us, int64_t most_us)
{
    return us < most_us ? us : most_us;
}

static void read_timings(struct reading *reading, struct model_timings *timings)
{
    read_interval(reading, "lb_interval_ms", US_PER_MS, &timings->tick_us);
    read_interval(reading, "config_sync_interval_ms", US_PER_MS, &timings->config_sync_us);
    read_interval(reading, "fd_lease_seconds", US_PER_SECOND, &timings->lease_us);
    read_interval(reading, "fd_grace_seconds", US_PER_SECOND, &timings->grace_us);
    timings->first_tick_us = timings->tick_us;
    /* What is not told must still keep a lease that was. */
    if (!read_interval(reading, "fd_beacon_interval_seconds", US_PER_SECOND, &timings->beacon_us)) {
        timings->beacon_us = at_most(timings->beacon_us, timings->lease_us / 10);
    }
    if (!read_interval(reading, "fd_check_interval_seconds", US_PER_SECOND,
                       &timings->fd_check_us)) {
        timings->fd_check_us = at_most(timings->fd_check_us, timings->lease_us / 10);
    }
}

static void read_leader(struct reading *reading, const struct guard_values *guard)
{
    struct model *model = &reading->shape->model;
    read_setting(reading, SETTING_ADD_SECONDARY_LIMIT, &model->add_secondary_limit);
    read_setting(reading, SETTING_ASSIGN_DELAY, &model->assign_delay_ms);
    read_switch(reading, SETTING_FLOW_CONTROL, &model->flow_control);
    read_timings(reading, &model->timings);
    model->live_percentage = guard->live_percentage;
    model->min_live_node_count =
        guard->min_live_servers > INT32_MAX ? INT32_MAX : (int32_t)guard->min_live_servers;
    model->mutation_2pc_min_replica_count = guard->min_replicas_for_write > INT32_MAX
                                                ? INT32_MAX
                                                : (int32_t)guard->min_replicas_for_write;
}

/* ---- who holds what */

/* The number of each node's server in the simulation, or -1. */
static const int32_t *number_nodes(const struct snapshot *snapshot,
                                   const struct inventory *inventory, struct arena *arena)
{
    int32_t *numbers = arena_allocate(arena, ((size_t)snapshot->node_count + 1) * sizeof *numbers);
    for (int32_t i = 0; i < snapshot->node_count; i++) {
        const struct server *server = inventory_find(inventory, snapshot->nodes[i].address);
        numbers[i] = server != NULL && server->role == ROLE_REPLICA ? server->index : -1;
    }
    return numbers;
}

static const int32_t *place_table(const struct snapshot_table *table, const int32_t *numbers,
                                  struct arena *arena)
{
    int32_t width = table->max_replica_count;
    int32_t *placement = arena_allocate(
        arena, ((size_t)table->partition_count * (size_t)width + 1) * sizeof *placement);
    for (int32_t p = 0; p < table->partition_count; p++) {
        const struct snapshot_partition *partition = &table->partitions[p];
        int32_t *row = placement + (int64_t)p * width;
        row[0] = partition->primary == SNAPSHOT_NO_NODE ? -1 : numbers[partition->primary];
        for (int32_t i = 1; i < width; i++) {
            row[i] = i <= partition->secondary_count ? numbers[partition->secondaries[i - 1]] : -1;
        }
    }
    return placement;
}

static void take_tables(const struct snapshot *snapshot, const struct inventory *inventory,
                        struct arena *arena, struct model *model)
{
    const int32_t *numbers = number_nodes(snapshot, inventory, arena);
    struct model_table *tables =
        arena_allocate(arena, ((size_t)snapshot->table_count + 1) * sizeof *tables);
    for (int32_t t = 0; t < snapshot->table_count; t++) {
        const struct snapshot_table *table = &snapshot->tables[t];
        if (table->partitions == NULL || table->max_replica_count < 1) {
            continue; /* dropped, or on its way */
        }
        tables[model->table_count++] = (struct model_table){
            .name = arena_copy_string(arena, table->name),
            .app_id = table->app_id,
            .partition_count = table->partition_count,
            .max_replica_count = table->max_replica_count,
            .placement = place_table(table, numbers, arena),
            .written = true, /* whether it is cannot be seen; the slower case */
        };
    }
    model->tables = tables;
}

static const struct address *list_addresses(const struct inventory *inventory, struct arena *arena)
{
    static const enum role order[] = {ROLE_REPLICA, ROLE_META, ROLE_COLLECTOR};
    struct address *addresses =
        arena_allocate(arena, (inventory_slot_count(inventory) + 1) * sizeof *addresses);
    size_t count = 0;
    for (size_t r = 0; r < sizeof order / sizeof order[0]; r++) {
        for (int32_t i = 0; i < inventory->count[order[r]]; i++) {
            addresses[count++] = inventory->servers[order[r]][i].address;
        }
    }
    return addresses;
}

/* What the first replica server that answers runs. */
static const char *version_of(const struct inventory *inventory, const struct evidence *evidence)
{
    for (int32_t i = 0; i < inventory->count[ROLE_REPLICA]; i++) {
        const struct server *server = &inventory->servers[ROLE_REPLICA][i];
        const struct server_evidence *seen = &evidence->servers[inventory_slot(inventory, server)];
        if (seen->answered && seen->facts.version[0] != '\0') {
            return seen->facts.version;
        }
    }
    return NULL;
}

bool shape_take(struct session *session, const struct evidence *evidence, struct arena *arena,
                struct shape *out, struct error *err)
{
    const struct inventory *inventory = &session->inventory;
    const struct cluster_file *file = session->cluster_file;
    *out = (struct shape){0};
    if (!evidence->has_snapshot || !evidence->guard.known) {
        error_set(err, ERROR_REFUSED, "%s",
                  evidence->has_snapshot ? evidence->guard.error.text
                                         : evidence->snapshot_error.text);
        return false;
    }
    const struct snapshot *snapshot = &evidence->snapshot;
    struct reading reading = {session, out};
    struct model *model = &out->model;
    /* Only master tells host names. */
    const char *host = snapshot->node_count > 0 ? snapshot->nodes[0].host : NULL;
    model_init(model, host != NULL ? RELEASE_MASTER : RELEASE_2_5);
    const char *version = version_of(inventory, evidence);
    model->name = model->cluster_name = arena_copy_string(arena, file->name);
    model->zookeeper_root =
        arena_copy_string(arena, snapshot->zookeeper_root == NULL ? "" : snapshot->zookeeper_root);
    model->host_name = host != NULL ? arena_copy_string(arena, host) : model->host_name;
    model->version = version != NULL ? arena_copy_string(arena, version) : model->version;
    model->next_version = file->target_version != NULL ? file->target_version : model->next_version;
    model->replica_count = inventory->count[ROLE_REPLICA];
    model->meta_count = inventory->count[ROLE_META];
    model->collector_count = inventory->count[ROLE_COLLECTOR];
    model->stored_level = snapshot->stored_level;
    take_tables(snapshot, inventory, arena, model);
    read_leader(&reading, &evidence->guard);
    out->addresses = list_addresses(inventory, arena);
    if (!model_check(model, err)) {
        error_wrap(err, "this cluster cannot be simulated");
        return false;
    }
    return true;
}
