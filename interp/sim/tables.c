#include "sim/sim_state.h"

#include <string.h>

/* Tables that come and go while the simulation runs. Facts: reference behaviour 4.1, 4.3, 4.4.1;
 * protocol section 5. Simplified: a new table is AVAILABLE at once, and dropping is one step; the
 * servers hear of it at their next config sync. */

static bool may_change(const struct sim *sim, struct error *err)
{
    if (!sim->leader.active) {
        error_set(err, ERROR_REFUSED, "no meta server leads now");
        return false;
    }
    return true;
}

/* Indices stay valid, pointers do not: nothing keeps one from one event to the next. */
static void make_room(struct sim *sim, int32_t partitions)
{
    size_t count = (size_t)(sim->partition_count + partitions + 1);
    sim->tables = memory_resize(sim->tables, (size_t)(sim->table_count + 2) * sizeof *sim->tables);
    sim->partitions = memory_resize(sim->partitions, count * sizeof *sim->partitions);
    sim->deferred = memory_resize(sim->deferred, count * sizeof *sim->deferred);
    attention_grow(sim, sim->partition_count + partitions);
}

static void add_table(struct sim *sim, const struct model_table *wanted)
{
    int32_t index = sim->table_count;
    int32_t last_id = index == 0 ? 0 : sim->tables[index - 1].app_id;
    struct model_table *own = memory_allocate(sizeof *own);
    make_room(sim, wanted->partition_count);
    *own = *wanted;
    own->name = memory_copy_string(wanted->name);
    own->app_id = last_id + 1;
    sim->tables[index] = (struct table){
        .model = own,
        .own = own,
        .app_id = own->app_id,
        .first_partition = sim->partition_count,
        .min_replicas = world_min_replicas(sim, own->max_replica_count),
        .newest = -1,
        .shares = memory_allocate((size_t)sim->model.replica_count * sizeof(struct share)),
        .totals = {.fewest_live_replicas = INT32_MAX},
        .created_us = sim->now_us,
    };
    sim->table_count++;
    sim->partition_count += own->partition_count;
    for (int32_t p = 0; p < own->partition_count; p++) {
        struct partition *partition = &sim->partitions[sim->tables[index].first_partition + p];
        world_begin_partition(sim, index, p);
        partition->fresh = true;
        world_note_record(sim, partition);
        account_update(sim, partition);
    }
    world_sort_by_name(sim);
}

bool sim_create_table(struct sim *sim, const char *name, int32_t partitions, int32_t replicas,
                      struct error *err)
{
    struct model_table wanted = {
        .name = name, .partition_count = partitions, .max_replica_count = replicas};
    if (name[0] == '\0') {
        error_set(err, ERROR_USAGE, "a table needs a name");
        return false;
    }
    if (!model_check_table(&sim->model, &wanted, err)) {
        error_wrap(err, "table '%s'", name);
        return false;
    }
    if (!may_change(sim, err)) {
        return false;
    }
    if (meta_effective_level(sim) <= LEVEL_FREEZED) {
        error_set(err, ERROR_REFUSED, "the cluster is frozen: ERR_STATE_FREEZED");
        return false;
    }
    if (world_find_table(sim, slice_of(name)) != NULL) {
        error_set(err, ERROR_REFUSED, "there is a table '%s' already", name);
        return false;
    }
    add_table(sim, &wanted);
    return true;
}

bool sim_drop_table(struct sim *sim, const char *name, struct error *err)
{
    struct table *table = world_find_table(sim, slice_of(name));
    if (!may_change(sim, err)) {
        return false;
    }
    if (table == NULL) {
        error_set(err, ERROR_REFUSED, "there is no table '%s'", name);
        return false;
    }
    table->dropped = true;
    table->dropped_us = sim->now_us;
    for (int32_t p = 0; p < table->model->partition_count; p++) {
        reconfig_drop_partition(sim, &sim->partitions[table->first_partition + p]);
    }
    return true;
}
