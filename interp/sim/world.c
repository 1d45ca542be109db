#include "sim/sim_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- lookup */

int32_t *world_server_place(const struct sim *sim, struct address address)
{
    uint64_t key = (uint64_t)address.ip << 16 | address.port;
    uint32_t place = (uint32_t)(key * UINT64_C(0x9E3779B97F4A7C15) >> 32);
    for (;; place++) {
        int32_t *found = &sim->server_index[place & sim->server_index_mask];
        if (*found == 0 || address_equal(sim->servers[*found - 1].address, address)) {
            return found;
        }
    }
}

struct table *world_table(struct sim *sim, int32_t app_id)
{
    int32_t low = 0;
    int32_t high = sim->table_count;
    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        if (sim->tables[middle].app_id < app_id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool found = low < sim->table_count && sim->tables[low].app_id == app_id;
    return found ? &sim->tables[low] : NULL;
}

struct table *world_find_table(const struct sim *sim, struct slice name)
{
    for (int32_t i = 0; i < sim->table_count; i++) {
        if (!sim->tables[i].dropped && slice_equals(name, sim->tables[i].model->name)) {
            return &sim->tables[i];
        }
    }
    return NULL;
}

struct partition *world_partition(struct sim *sim, struct gpid gpid)
{
    const struct table *table = world_table(sim, gpid.app_id);
    if (table == NULL || gpid.partition < 0 || gpid.partition >= table->model->partition_count) {
        return NULL;
    }
    return &sim->partitions[table->first_partition + gpid.partition];
}

int32_t partition_index(const struct sim *sim, const struct partition *partition)
{
    return (int32_t)(partition - sim->partitions);
}

bool partition_has_secondary(const struct partition *partition, int32_t server)
{
    for (int32_t i = 0; i < partition->secondary_count; i++) {
        if (partition->secondaries[i] == server) {
            return true;
        }
    }
    return false;
}

bool partition_has_member(const struct partition *partition, int32_t server)
{
    return partition->primary == server || partition_has_secondary(partition, server);
}

struct replica *partition_replica(struct sim *sim, const struct partition *partition,
                                  int32_t server)
{
    for (int32_t r = partition->first_replica; r >= 0; r = sim->replicas[r].next_in_partition) {
        if (sim->replicas[r].server == server) {
            return &sim->replicas[r];
        }
    }
    return NULL;
}

/* ---- replicas */

bool replica_is_live(const struct sim *sim, const struct replica *replica)
{
    return sim->servers[replica->server].stage == STAGE_READY && replica->place == PLACE_OPEN &&
           (replica->status == REPLICA_PRIMARY || replica->status == REPLICA_SECONDARY ||
            (replica->status == REPLICA_INACTIVE && replica->to_meta));
}

struct replica *world_add_replica(struct sim *sim, int32_t partition, int32_t server)
{
    if (sim->replica_count == sim->replica_capacity) {
        sim->replica_capacity = sim->replica_capacity == 0 ? 256 : sim->replica_capacity * 2;
        sim->replicas =
            memory_resize(sim->replicas, (size_t)sim->replica_capacity * sizeof *sim->replicas);
    }
    struct replica *replica = &sim->replicas[sim->replica_count];
    *replica = (struct replica){
        .partition = partition,
        .server = (int16_t)server,
        .status = REPLICA_INACTIVE,
        .place = PLACE_CLOSED,
        .next_in_partition = sim->partitions[partition].first_replica,
        .next_in_server = -1,
    };
    sim->partitions[partition].first_replica = sim->replica_count;
    struct server *node = &sim->servers[server];
    if (node->first_replica < 0) {
        node->first_replica = sim->replica_count;
    } else {
        sim->replicas[node->last_replica].next_in_server = sim->replica_count;
    }
    node->last_replica = sim->replica_count;
    sim->replica_count++;
    return replica;
}

static int32_t *place_counter(struct server *server, enum place place)
{
    switch (place) {
    case PLACE_OPEN:
        return &server->open_count;
    case PLACE_OPENING:
        return &server->opening_count;
    case PLACE_CLOSING:
        return &server->closing_count;
    case PLACE_DISK:
    case PLACE_CLOSED:
        return NULL;
    }
    return NULL;
}

void replica_set_place(struct sim *sim, struct replica *replica, enum place place)
{
    struct server *server = &sim->servers[replica->server];
    int32_t *before = place_counter(server, replica->place);
    int32_t *after = place_counter(server, place);
    if (before != NULL) {
        --*before;
    }
    if (after != NULL) {
        ++*after;
    }
    replica->place = (uint8_t)place;
    attention_replica(sim, replica);
}

/* ---- what changed, newest first: so that a reader who knows the rest is told only that */

void world_note_record(struct sim *sim, struct partition *partition)
{
    struct table *table = &sim->tables[partition->table];
    int32_t index = partition_index(sim, partition);
    partition->revision = ++sim->revision;
    attention_replicas(sim, partition);
    attention_partition(sim, partition);
    if (table->newest == index) {
        return;
    }
    if (partition->newer >= 0) {
        sim->partitions[partition->newer].older = partition->older;
    }
    if (partition->older >= 0) {
        sim->partitions[partition->older].newer = partition->newer;
    }
    if (table->newest >= 0) {
        sim->partitions[table->newest].newer = index;
    }
    partition->newer = -1;
    partition->older = table->newest;
    table->newest = index;
}

/* ---- building */

/* Server and seed alone decide: each round of `replica_count` partitions gives every server the
 * same number of replicas of each kind. */
static int32_t even_placement(const struct sim *sim, int32_t offset, int32_t partition,
                              int32_t replica)
{
    int32_t servers = sim->model.replica_count;
    int32_t step = 0;
    if (replica > 0) {
        step = 1 + (partition / servers + replica - 1) % (servers - 1);
    }
    return (offset + partition + step) % servers;
}

static void place_replica(struct sim *sim, int32_t index, int32_t server, bool is_primary)
{
    struct partition *partition = &sim->partitions[index];
    struct server *node = &sim->servers[server];
    struct share *share = &sim->tables[partition->table].shares[server];
    share->replicas++;
    if (is_primary) {
        partition->primary = (int16_t)server;
        node->primaries++;
        share->primaries++;
    } else {
        partition->secondaries[partition->secondary_count++] = (int16_t)server;
        node->secondaries++;
    }
    struct replica *replica = world_add_replica(sim, index, server);
    replica->status = is_primary ? REPLICA_PRIMARY : REPLICA_SECONDARY;
    replica_set_place(sim, replica, PLACE_OPEN);
}

void world_begin_partition(struct sim *sim, int32_t table_index, int32_t p)
{
    const struct table *table = &sim->tables[table_index];
    sim->partitions[table->first_partition + p] = (struct partition){
        .table = table_index,
        .gpid = {table->app_id, p},
        .primary = NO_SERVER,
        .change_from = NO_SERVER,
        .proposed_node = NO_SERVER,
        .preferred_drop = -1,
        .first_replica = -1,
        .last_committed_decree = 10,
        .serving = NO_SERVER,
        .last_primary = NO_SERVER,
        .newer = -1,
        .older = -1,
    };
}

static void build_partition(struct sim *sim, int32_t table_index, int32_t p, int32_t offset)
{
    const struct table *table = &sim->tables[table_index];
    const struct model_table *model = table->model;
    int32_t index = table->first_partition + p;
    struct partition *partition = &sim->partitions[index];
    world_begin_partition(sim, table_index, p);
    for (int32_t i = 0; i < model->max_replica_count; i++) {
        int32_t server = model->placement == NULL
                             ? even_placement(sim, offset, p, i)
                             : model->placement[(int64_t)p * model->max_replica_count + i];
        if (server >= 0) {
            place_replica(sim, index, server, i == 0);
            partition->ballot++; /* one change for each replica that came */
        }
    }
    for (int32_t r = partition->first_replica; r >= 0; r = sim->replicas[r].next_in_partition) {
        sim->replicas[r].ballot = partition->ballot;
    }
}

int32_t world_min_replicas(const struct sim *sim, int32_t max_replica_count)
{
    int32_t fixed = sim->model.mutation_2pc_min_replica_count;
    if (fixed > 0) {
        return fixed;
    }
    return max_replica_count <= 2 ? 1 : max_replica_count / 2 + 1;
}

static int compare_tables(const void *a, const void *b)
{
    int32_t left = ((const struct table *)a)->app_id;
    int32_t right = ((const struct table *)b)->app_id;
    return (left > right) - (left < right);
}

/* Insertion sort: tables are few, and mostly in order. */
void world_sort_by_name(struct sim *sim)
{
    sim->tables_by_name = memory_resize(sim->tables_by_name, (size_t)(sim->table_count + 1) *
                                                                 sizeof *sim->tables_by_name);
    for (int32_t i = 0; i < sim->table_count; i++) {
        int32_t hole = i;
        const char *name = sim->tables[i].model->name;
        while (hole > 0 &&
               strcmp(sim->tables[sim->tables_by_name[hole - 1]].model->name, name) > 0) {
            sim->tables_by_name[hole] = sim->tables_by_name[hole - 1];
            hole--;
        }
        sim->tables_by_name[hole] = i;
    }
}

static void build_tables(struct sim *sim)
{
    const struct model *model = &sim->model;
    sim->table_count = model->table_count;
    sim->tables = memory_allocate((size_t)(model->table_count + 1) * sizeof *sim->tables);
    for (int32_t i = 0; i < model->table_count; i++) {
        const struct model_table *table = &model->tables[i];
        sim->partition_count += table->partition_count;
        sim->tables[i] = (struct table){
            .model = table,
            .app_id = table->app_id == 0 ? i + 1 : table->app_id,
            .min_replicas = world_min_replicas(sim, table->max_replica_count),
            .newest = -1,
            .created_us = -24 * 3600 * INT64_C(1000000),
            .shares = memory_allocate((size_t)model->replica_count * sizeof(struct share)),
        };
    }
    qsort(sim->tables, (size_t)sim->table_count, sizeof *sim->tables, compare_tables);
    world_sort_by_name(sim);
    sim->partitions = memory_allocate((size_t)(sim->partition_count + 1) * sizeof *sim->partitions);
    sim->deferred = memory_allocate((size_t)(sim->partition_count + 1) * sizeof *sim->deferred);
    int32_t first = 0;
    for (int32_t i = 0; i < sim->table_count; i++) {
        sim->tables[i].first_partition = first;
        int32_t offset = (int32_t)rng_below(&sim->rng, (uint64_t)model->replica_count);
        for (int32_t p = 0; p < sim->tables[i].model->partition_count; p++) {
            build_partition(sim, i, p, offset);
        }
        first += sim->tables[i].model->partition_count;
    }
    attention_begin(sim);
}

/* At most half full. Of two servers with one address the first is found. */
static void build_server_index(struct sim *sim)
{
    uint32_t size = 4;
    while (size < 2 * (uint32_t)sim->server_count) {
        size *= 2;
    }
    sim->server_index = memory_allocate(size * sizeof *sim->server_index);
    sim->server_index_mask = size - 1;
    for (int32_t i = 0; i < sim->server_count; i++) {
        int32_t *place = world_server_place(sim, sim->servers[i].address);
        if (*place == 0) {
            *place = i + 1;
        }
    }
}

static void build_server(struct sim *sim, int32_t number, enum role role, int32_t index,
                         struct address address)
{
    struct server *server = &sim->servers[number];
    static const char letters[ROLE_COUNT] = {
        [ROLE_META] = 'm', [ROLE_REPLICA] = 'r', [ROLE_COLLECTOR] = 'c'};
    *server = (struct server){
        .role = role,
        .index = index,
        .address = address,
        .stage = role == ROLE_REPLICA ? STAGE_READY : STAGE_SERVING,
        .incarnation = 1,
        .running = true,
        .started_us = -(int64_t)(3600 - number) * 1000000,
        .guess = NO_SERVER,
        .first_replica = -1,
        .last_replica = -1,
    };
    snprintf(server->label, sizeof server->label, "%c%d", letters[role], index + 1);
    snprintf(server->version, sizeof server->version, "%s", sim->model.version);
    char text[ADDRESS_TEXT_BYTES];
    if (sim->traits->has_host_ports) {
        snprintf(server->name, sizeof server->name, "%s:%u", sim->model.host_name,
                 (unsigned)address.port);
    } else {
        snprintf(server->name, sizeof server->name, "%s", address_format(address, text));
    }
    if (role == ROLE_META) {
        server->settings.black_list = memory_allocate((size_t)sim->model.replica_count);
        server->stability =
            memory_allocate((size_t)sim->model.replica_count * sizeof *server->stability);
    }
}

void world_build(struct sim *sim, const struct address *addresses)
{
    const struct model *model = &sim->model;
    sim->revision = 1;
    const int32_t counts[] = {model->replica_count, model->meta_count, model->collector_count};
    const enum role roles[] = {ROLE_REPLICA, ROLE_META, ROLE_COLLECTOR};
    sim->server_count = counts[0] + counts[1] + counts[2];
    sim->servers = memory_allocate((size_t)sim->server_count * sizeof *sim->servers);
    int32_t number = 0;
    for (size_t r = 0; r < sizeof roles / sizeof roles[0]; r++) {
        for (int32_t i = 0; i < counts[r]; i++) {
            build_server(sim, number, roles[r], i, addresses[number]);
            number++;
        }
    }
    build_server_index(sim);
    build_tables(sim);
}
