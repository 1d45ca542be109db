#include "pegasus/snapshot.h"

#include <string.h>

enum { FIRST_NODE_CAPACITY = 32 };

void snapshot_init(struct snapshot *snapshot)
{
    *snapshot = (struct snapshot){0};
    arena_init(&snapshot->arena);
}

static void release_tables(struct snapshot *snapshot)
{
    for (int32_t i = 0; i < snapshot->table_count; i++) {
        partitions_release(snapshot->tables[i].shared);
    }
}

void snapshot_clear(struct snapshot *snapshot)
{
    release_tables(snapshot);
    arena_clear(&snapshot->arena);
    *snapshot = (struct snapshot){0};
}

void snapshot_reset(struct snapshot *snapshot)
{
    release_tables(snapshot);
    struct arena arena = snapshot->arena;
    arena_reset(&arena);
    *snapshot = (struct snapshot){.arena = arena};
}

/* The place of `address` in the index: where it is, or the free place where it belongs. */
static int32_t *index_place(const struct snapshot *snapshot, struct address address)
{
    uint64_t key = (uint64_t)address.ip << 16 | address.port;
    uint32_t mask = (uint32_t)snapshot->node_index_size - 1;
    uint32_t place = (uint32_t)(key * UINT64_C(0x9E3779B97F4A7C15) >> 32) & mask;
    while (snapshot->node_index[place] != 0) {
        const struct snapshot_node *node = &snapshot->nodes[snapshot->node_index[place] - 1];
        if (address_equal(node->address, address)) {
            break;
        }
        place = (place + 1) & mask;
    }
    return &snapshot->node_index[place];
}

/* Doubles the room for nodes and rebuilds the index, which holds index + 1 and is at most half
 * full. What was there before stays in the arena until the next reset. */
static void grow(struct snapshot *snapshot)
{
    int32_t capacity =
        snapshot->node_capacity == 0 ? FIRST_NODE_CAPACITY : snapshot->node_capacity * 2;
    struct snapshot_node *nodes =
        arena_allocate(&snapshot->arena, (size_t)capacity * sizeof *nodes);
    if (snapshot->node_count > 0) {
        memcpy(nodes, snapshot->nodes, (size_t)snapshot->node_count * sizeof *nodes);
    }
    snapshot->nodes = nodes;
    snapshot->node_capacity = capacity;
    snapshot->node_index_size = capacity * 2;
    snapshot->node_index = arena_allocate(&snapshot->arena, (size_t)snapshot->node_index_size *
                                                                sizeof *snapshot->node_index);
    for (int32_t i = 0; i < snapshot->node_count; i++) {
        *index_place(snapshot, nodes[i].address) = i + 1;
    }
}

/* Without printf: it is done for each server at each look. */
static void name_node(struct snapshot *snapshot, struct snapshot_node *node, struct host_port host)
{
    char address[ADDRESS_TEXT_BYTES];
    const char *port =
        strchr(address_format((struct address){0, host.port, ADDRESS_IPV4}, address), ':');
    size_t port_bytes = strlen(port) + 1;
    char *name = arena_allocate(&snapshot->arena, host.host.length + port_bytes);
    memcpy(name, host.host.bytes, host.host.length);
    memcpy(name + host.host.length, port, port_bytes);
    node->name = name;
    node->host = arena_copy_bytes(&snapshot->arena, host.host.bytes, host.host.length);
    node->host_port = host.port;
}

int32_t snapshot_add_node(struct snapshot *snapshot, struct address address, struct host_port host)
{
    if (!address_is_set(address)) {
        return SNAPSHOT_NO_NODE;
    }
    int32_t index = snapshot_find_node(snapshot, address);
    if (index == SNAPSHOT_NO_NODE) {
        if (snapshot->node_count == snapshot->node_capacity) {
            grow(snapshot);
        }
        index = snapshot->node_count++;
        snapshot->nodes[index] = (struct snapshot_node){
            .address = address,
            .status = NODE_INVALID,
        };
        *index_place(snapshot, address) = index + 1;
    }
    struct snapshot_node *node = &snapshot->nodes[index];
    if (node->host == NULL && host.kind == ADDRESS_IPV4 && host.host.length > 0) {
        name_node(snapshot, node, host);
    } else if (node->name == NULL) {
        char text[ADDRESS_TEXT_BYTES];
        node->name = arena_copy_string(&snapshot->arena, address_format(address, text));
    }
    return index;
}

void snapshot_share_nodes(struct snapshot *snapshot, const struct snapshot *base)
{
    ASSERT(snapshot->node_count == 0 && snapshot->node_capacity == 0);
    if (base->node_count == 0) {
        return;
    }
    size_t nodes_bytes = (size_t)base->node_capacity * sizeof *snapshot->nodes;
    size_t index_bytes = (size_t)base->node_index_size * sizeof *snapshot->node_index;
    snapshot->nodes = arena_allocate(&snapshot->arena, nodes_bytes);
    snapshot->node_index = arena_allocate(&snapshot->arena, index_bytes);
    memcpy(snapshot->nodes, base->nodes, nodes_bytes);
    memcpy(snapshot->node_index, base->node_index, index_bytes);
    snapshot->node_count = base->node_count;
    snapshot->node_capacity = base->node_capacity;
    snapshot->node_index_size = base->node_index_size;
}

int32_t snapshot_find_node(const struct snapshot *snapshot, struct address address)
{
    if (snapshot->node_index_size == 0) {
        return SNAPSHOT_NO_NODE;
    }
    return *index_place(snapshot, address) - 1;
}

const struct snapshot_table *snapshot_find_table(const struct snapshot *snapshot, const char *name)
{
    const struct snapshot_table *found = NULL;
    for (int32_t i = 0; i < snapshot->table_count; i++) {
        const struct snapshot_table *table = &snapshot->tables[i];
        if (strcmp(table->name, name) != 0) {
            continue;
        }
        if (table->status == APP_AVAILABLE) {
            return table;
        }
        found = found == NULL ? table : found;
    }
    return found;
}

static bool is_there(const struct snapshot_table *table)
{
    return table->status == APP_AVAILABLE && table->partitions != NULL;
}

struct node_load snapshot_table_load(const struct snapshot_table *table, int32_t node)
{
    struct node_load load = {0};
    if (is_there(table) && table->shared != NULL) {
        return partitions_load(table->shared, node);
    }
    for (int32_t p = 0; is_there(table) && node >= 0 && p < table->partition_count; p++) {
        load.primaries += table->partitions[p].primary == node;
        load.secondaries += snapshot_partition_has_secondary(&table->partitions[p], node);
    }
    return load;
}

int32_t snapshot_table_unhealthy(const struct snapshot_table *table)
{
    int32_t unhealthy = 0;
    if (is_there(table) && table->shared != NULL) {
        return table->shared->unhealthy;
    }
    for (int32_t p = 0; is_there(table) && p < table->partition_count; p++) {
        unhealthy += !partition_is_healthy(&table->partitions[p]);
    }
    return unhealthy;
}

static void count_partition(struct snapshot *snapshot, const struct snapshot_partition *partition)
{
    if (partition->primary != SNAPSHOT_NO_NODE) {
        snapshot->nodes[partition->primary].primaries++;
    }
    for (int32_t i = 0; i < partition->secondary_count; i++) {
        if (partition->secondaries[i] != SNAPSHOT_NO_NODE) {
            snapshot->nodes[partition->secondaries[i]].secondaries++;
        }
    }
}

static void count_table(struct snapshot *snapshot, const struct snapshot_table *table)
{
    for (int32_t i = 0; table->shared == NULL && i < table->partition_count; i++) {
        count_partition(snapshot, &table->partitions[i]);
    }
    for (int32_t i = 0; table->shared != NULL && i < snapshot->node_count; i++) {
        struct node_load load = partitions_load(table->shared, i);
        snapshot->nodes[i].primaries += load.primaries;
        snapshot->nodes[i].secondaries += load.secondaries;
    }
}

void snapshot_count(struct snapshot *snapshot)
{
    for (int32_t i = 0; i < snapshot->node_count; i++) {
        snapshot->nodes[i].primaries = 0;
        snapshot->nodes[i].secondaries = 0;
    }
    for (int32_t i = 0; i < snapshot->table_count; i++) {
        if (is_there(&snapshot->tables[i])) {
            count_table(snapshot, &snapshot->tables[i]);
        }
    }
}

static const struct snapshot_partition *find_in_table(const struct snapshot_table *table,
                                                      int32_t index)
{
    const struct snapshot_partition *partitions = table->partitions;
    if (index >= 0 && index < table->partition_count && partitions[index].gpid.partition == index) {
        return &partitions[index];
    }
    for (int32_t i = 0; table->is_partial && i < table->partition_count; i++) {
        if (partitions[i].gpid.partition == index) {
            return &partitions[i];
        }
    }
    return NULL;
}

const struct snapshot_partition *snapshot_find_partition(const struct snapshot *snapshot,
                                                         struct gpid gpid)
{
    for (int32_t t = 0; t < snapshot->table_count; t++) {
        const struct snapshot_table *table = &snapshot->tables[t];
        if (table->app_id == gpid.app_id && table->partitions != NULL) {
            return find_in_table(table, gpid.partition);
        }
    }
    return NULL;
}

bool snapshot_partition_has_secondary(const struct snapshot_partition *partition, int32_t node)
{
    for (int32_t i = 0; i < partition->secondary_count; i++) {
        if (node != SNAPSHOT_NO_NODE && partition->secondaries[i] == node) {
            return true;
        }
    }
    return false;
}

bool snapshot_partition_has_member(const struct snapshot_partition *partition, int32_t node)
{
    return node != SNAPSHOT_NO_NODE &&
           (partition->primary == node || snapshot_partition_has_secondary(partition, node));
}
