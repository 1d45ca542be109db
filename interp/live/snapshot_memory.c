#include "live/snapshot_memory.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

static void forget_all(struct snapshot_memory *memory)
{
    for (int32_t i = 0; i < memory->table_count; i++) {
        partitions_release(memory->tables[i].partitions);
    }
    memory->table_count = 0;
}

void snapshot_memory_clear(struct snapshot_memory *memory)
{
    forget_all(memory);
    free(memory->tables);
    free(memory->nodes);
    *memory = (struct snapshot_memory){0};
}

/* ---- the list of nodes */

static bool is_same_list(const struct snapshot_memory *memory, const struct snapshot *snapshot)
{
    if (memory->node_count != snapshot->listed_count) {
        return false;
    }
    for (int32_t i = 0; i < memory->node_count; i++) {
        if (!address_equal(memory->nodes[i], snapshot->nodes[i].address)) {
            return false;
        }
    }
    return true;
}

/* Whoever holds the same keeps its own numbers. */
static void renumber(struct snapshot_memory *memory, const int32_t *numbers)
{
    for (int32_t i = 0; i < memory->table_count; i++) {
        struct remembered_table *table = &memory->tables[i];
        if (table->partitions->holders > 1) {
            struct partitions *copy = partitions_copy(table->partitions);
            partitions_release(table->partitions);
            table->partitions = copy;
        }
        partitions_renumber(table->partitions, numbers, memory->node_count);
    }
}

uint64_t snapshot_memory_list(struct snapshot_memory *memory, const struct snapshot *snapshot)
{
    if (is_same_list(memory, snapshot)) {
        return memory->listing;
    }
    size_t count = (size_t)memory->node_count;
    int32_t *numbers = memory_allocate((count + 1) * sizeof *numbers);
    bool all_there = true;
    for (size_t i = 0; i < count; i++) {
        numbers[i] = snapshot_find_node(snapshot, memory->nodes[i]);
        all_there = all_there && numbers[i] != SNAPSHOT_NO_NODE;
    }
    if (all_there) {
        renumber(memory, numbers);
    } else {
        forget_all(memory);
    }
    free(numbers);
    memory->node_count = snapshot->listed_count;
    memory->nodes =
        memory_resize(memory->nodes, ((size_t)memory->node_count + 1) * sizeof *memory->nodes);
    for (int32_t i = 0; i < memory->node_count; i++) {
        memory->nodes[i] = snapshot->nodes[i].address;
    }
    return ++memory->listing;
}

/* ---- the tables */

static struct remembered_table *find(const struct snapshot_memory *memory, int32_t app_id)
{
    for (int32_t i = 0; i < memory->table_count; i++) {
        if (memory->tables[i].app_id == app_id) {
            return &memory->tables[i];
        }
    }
    return NULL;
}

struct partitions *snapshot_memory_find(const struct snapshot_memory *memory, int32_t app_id,
                                        int32_t partition_count)
{
    const struct remembered_table *table = find(memory, app_id);
    return table == NULL || table->partitions->count != partition_count
               ? NULL
               : partitions_hold(table->partitions);
}

struct partitions *snapshot_memory_open(struct snapshot_memory *memory, int32_t app_id,
                                        struct partitions *found)
{
    const struct remembered_table *table = find(memory, app_id);
    size_t ours = table != NULL && table->partitions == found ? 2 : 1;
    if (found->holders == ours && !partitions_are_worn(found)) {
        return found;
    }
    struct partitions *copy = partitions_copy(found);
    partitions_release(found);
    return copy;
}

static struct remembered_table *add(struct snapshot_memory *memory, int32_t app_id)
{
    if (memory->table_count == memory->table_capacity) {
        memory->table_capacity = memory->table_capacity == 0 ? 16 : memory->table_capacity * 2;
        memory->tables =
            memory_resize(memory->tables, (size_t)memory->table_capacity * sizeof *memory->tables);
    }
    struct remembered_table *table = &memory->tables[memory->table_count++];
    *table = (struct remembered_table){.app_id = app_id};
    return table;
}

void snapshot_memory_keep(struct snapshot_memory *memory, int32_t app_id,
                          struct partitions *partitions, uint64_t listing)
{
    struct remembered_table *table = find(memory, app_id);
    bool keeps = partitions->revision != 0 && partitions->highest_node < memory->node_count;
    if (listing != memory->listing || (table != NULL && table->partitions == partitions && keeps) ||
        (table != NULL && keeps && table->partitions->revision > partitions->revision)) {
        return;
    }
    if (table != NULL) {
        partitions_release(table->partitions);
    }
    if (keeps) {
        table = table == NULL ? add(memory, app_id) : table;
        table->partitions = partitions_hold(partitions);
    } else if (table != NULL) {
        *table = memory->tables[--memory->table_count];
    }
}
