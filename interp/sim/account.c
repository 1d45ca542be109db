#include "sim/sim_state.h"

/* A partition serves reads while a primary that runs has it; writes while, besides, as many
 * replicas live as a write needs (or as the table ever had), and, where clients write all the time,
 * no dead secondary keeps them waiting. */

static int32_t count_live(const struct sim *sim, const struct partition *partition,
                          int32_t *serving)
{
    int32_t live = 0;
    *serving = NO_SERVER;
    for (int32_t r = partition->first_replica; r >= 0; r = sim->replicas[r].next_in_partition) {
        const struct replica *replica = &sim->replicas[r];
        if (!replica_is_live(sim, replica)) {
            continue;
        }
        if (replica->status == REPLICA_PRIMARY) {
            *serving = replica->server;
        }
        live += partition_has_member(partition, replica->server);
    }
    return live;
}

static bool write_works(const struct sim *sim, const struct partition *partition, int32_t live)
{
    const struct table *table = &sim->tables[partition->table];
    int32_t needed = table->min_replicas;
    if (needed > table->model->max_replica_count) {
        needed = table->model->max_replica_count;
    }
    bool waits = table->model->written && live < 1 + partition->secondary_count;
    return live >= needed && !waits;
}

static void keep_longest(int64_t *longest_us, int64_t outage_us)
{
    if (outage_us > *longest_us) {
        *longest_us = outage_us;
    }
}

static void set_reads_away(struct sim *sim, struct partition *partition, bool away)
{
    if (away == partition->reads_away) {
        return;
    }
    partition->reads_away = away;
    if (away) {
        partition->reads_away_us = sim->now_us;
        sim->reads_away_count++;
        sim->reads_away_since_us += sim->now_us;
    } else {
        int64_t outage_us = sim->now_us - partition->reads_away_us;
        sim->reads_away_count--;
        sim->reads_away_since_us -= partition->reads_away_us;
        struct sim_totals *table = &sim->tables[partition->table].totals;
        sim->totals.reads_away_us += outage_us;
        table->reads_away_us += outage_us;
        keep_longest(&sim->totals.longest_read_us, outage_us);
        keep_longest(&table->longest_read_us, outage_us);
    }
}

static void set_writes_away(struct sim *sim, struct partition *partition, bool away)
{
    if (away == partition->writes_away) {
        return;
    }
    partition->writes_away = away;
    if (away) {
        partition->writes_away_us = sim->now_us;
        sim->writes_away_count++;
        sim->writes_away_since_us += sim->now_us;
    } else {
        int64_t outage_us = sim->now_us - partition->writes_away_us;
        sim->writes_away_count--;
        sim->writes_away_since_us -= partition->writes_away_us;
        struct sim_totals *table = &sim->tables[partition->table].totals;
        sim->totals.writes_away_us += outage_us;
        table->writes_away_us += outage_us;
        keep_longest(&sim->totals.longest_write_us, outage_us);
        keep_longest(&table->longest_write_us, outage_us);
    }
}

void account_update(struct sim *sim, struct partition *partition)
{
    int32_t serving;
    int32_t live = count_live(sim, partition, &serving);
    attention_replicas(sim, partition);
    partition->serving = (int16_t)serving;
    partition->live = (uint8_t)live;
    const struct table *owner = &sim->tables[partition->table];
    partition->fresh = partition->fresh && live < owner->model->max_replica_count;
    if (partition->fresh || owner->dropped) { /* nobody misses it, yet or any more */
        set_reads_away(sim, partition, false);
        set_writes_away(sim, partition, false);
        return;
    }
    struct sim_totals *table = &sim->tables[partition->table].totals;
    if (live < table->fewest_live_replicas) {
        table->fewest_live_replicas = live;
    }
    if (live < sim->totals.fewest_live_replicas) {
        sim->totals.fewest_live_replicas = live;
    }
    set_reads_away(sim, partition, serving == NO_SERVER);
    set_writes_away(sim, partition, serving == NO_SERVER || !write_works(sim, partition, live));
}

void account_change(struct sim *sim, struct partition *partition)
{
    struct sim_totals *table = &sim->tables[partition->table].totals;
    sim->totals.changes++;
    table->changes++;
    if (partition->primary != NO_SERVER && partition->primary != partition->last_primary) {
        sim->totals.primaries_moved += partition->last_primary != NO_SERVER;
        table->primaries_moved += partition->last_primary != NO_SERVER;
        partition->last_primary = partition->primary;
    }
    account_update(sim, partition);
}

void account_begin(struct sim *sim)
{
    sim->totals.fewest_live_replicas = INT32_MAX;
    for (int32_t t = 0; t < sim->table_count; t++) {
        sim->tables[t].totals.fewest_live_replicas = INT32_MAX;
    }
    for (int32_t i = 0; i < sim->partition_count; i++) {
        struct partition *partition = &sim->partitions[i];
        partition->last_primary = partition->primary;
        account_update(sim, partition);
    }
}

void sim_totals(const struct sim *sim, struct sim_totals *out)
{
    *out = sim->totals;
    if (out->fewest_live_replicas == INT32_MAX) {
        out->fewest_live_replicas = 0;
    }
    out->reads_away_us += sim->reads_away_count * sim->now_us - sim->reads_away_since_us;
    out->writes_away_us += sim->writes_away_count * sim->now_us - sim->writes_away_since_us;
    if (sim->reads_away_count + sim->writes_away_count == 0) {
        return;
    }
    for (int32_t i = 0; i < sim->partition_count; i++) { /* outages that still last */
        const struct partition *partition = &sim->partitions[i];
        if (partition->reads_away) {
            keep_longest(&out->longest_read_us, sim->now_us - partition->reads_away_us);
        }
        if (partition->writes_away) {
            keep_longest(&out->longest_write_us, sim->now_us - partition->writes_away_us);
        }
    }
}

bool sim_table_totals(const struct sim *sim, int32_t index, const char **name,
                      struct sim_totals *out)
{
    if (index < 0 || index >= sim->table_count) {
        return false;
    }
    const struct table *table = &sim->tables[index];
    *out = table->totals;
    *name = table->model->name;
    if (out->fewest_live_replicas == INT32_MAX) { /* it never had all its replicas */
        out->fewest_live_replicas = 0;
    }
    for (int32_t p = 0; p < table->model->partition_count; p++) {
        const struct partition *partition = &sim->partitions[table->first_partition + p];
        int64_t read_us = partition->reads_away ? sim->now_us - partition->reads_away_us : 0;
        int64_t write_us = partition->writes_away ? sim->now_us - partition->writes_away_us : 0;
        out->reads_away_us += read_us;
        out->writes_away_us += write_us;
        keep_longest(&out->longest_read_us, read_us);
        keep_longest(&out->longest_write_us, write_us);
    }
    return true;
}
