#include "pegasus/partitions.h"

#include "base/error.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

bool partition_is_healthy(const struct snapshot_partition *partition)
{
    return partition->primary != SNAPSHOT_NO_NODE &&
           1 + partition->secondary_count >= partition->max_replica_count;
}

/* ---- life */

struct partitions *partitions_new(int32_t count)
{
    struct partitions *partitions = memory_allocate(sizeof *partitions);
    partitions->holders = 1;
    partitions->count = count;
    partitions->items = memory_allocate(((size_t)count + 1) * sizeof *partitions->items);
    partitions->highest_node = SNAPSHOT_NO_NODE;
    arena_init(&partitions->lists);
    return partitions;
}

struct partitions *partitions_hold(struct partitions *partitions)
{
    partitions->holders++;
    return partitions;
}

void partitions_release(struct partitions *partitions)
{
    if (partitions == NULL || --partitions->holders > 0) {
        return;
    }
    arena_clear(&partitions->lists);
    free(partitions->items);
    free(partitions->loads);
    free(partitions);
}

struct partitions *partitions_copy(const struct partitions *partitions)
{
    struct partitions *copy = partitions_new(partitions->count);
    for (int32_t i = 0; i < partitions->count; i++) {
        partitions_set(copy, i, &partitions->items[i]);
    }
    copy->revision = partitions->revision;
    return copy;
}

/* ---- counts */

static struct node_load *load_of(struct partitions *partitions, int32_t node)
{
    if (node >= partitions->load_count) {
        int32_t count = (node + 1) * 2;
        partitions->loads =
            memory_resize(partitions->loads, (size_t)count * sizeof *partitions->loads);
        memset(partitions->loads + partitions->load_count, 0,
               (size_t)(count - partitions->load_count) * sizeof *partitions->loads);
        partitions->load_count = count;
    }
    if (node > partitions->highest_node) {
        partitions->highest_node = node;
    }
    return &partitions->loads[node];
}

static void count_partition(struct partitions *partitions,
                            const struct snapshot_partition *partition, int32_t by)
{
    if (partition->primary != SNAPSHOT_NO_NODE) {
        load_of(partitions, partition->primary)->primaries += by;
    }
    for (int32_t i = 0; i < partition->secondary_count; i++) {
        load_of(partitions, partition->secondaries[i])->secondaries += by;
    }
    partitions->unhealthy += partition_is_healthy(partition) ? 0 : by;
}

struct node_load partitions_load(const struct partitions *partitions, int32_t node)
{
    return node >= 0 && node < partitions->load_count ? partitions->loads[node]
                                                      : (struct node_load){0};
}

/* ---- changes */

static const int32_t *copy_list(struct partitions *partitions, const int32_t *list, int32_t count)
{
    int32_t *copy = arena_allocate(&partitions->lists, (size_t)count * sizeof *copy);
    for (int32_t i = 0; i < count; i++) {
        copy[i] = list[i];
    }
    return copy;
}

void partitions_set(struct partitions *partitions, int32_t index,
                    const struct snapshot_partition *value)
{
    ASSERT(index >= 0 && index < partitions->count);
    struct snapshot_partition *item = &partitions->items[index];
    if (item->gpid.app_id != 0) {
        count_partition(partitions, item, -1);
        partitions->replaced_count++;
    }
    *item = *value;
    item->secondaries = copy_list(partitions, value->secondaries, value->secondary_count);
    item->last_drops = copy_list(partitions, value->last_drops, value->last_drop_count);
    for (int32_t i = 0; i < item->last_drop_count; i++) {
        load_of(partitions, item->last_drops[i]); /* for highest_node */
    }
    if (item->gpid.app_id != 0) {
        count_partition(partitions, item, 1);
    }
}

/* The lists are of this object alone, though its readers see them as constant. */
static void renumber_list(const int32_t *list, int32_t count, const int32_t *numbers)
{
    for (int32_t i = 0; i < count; i++) {
        ((int32_t *)list)[i] = numbers[list[i]];
    }
}

void partitions_renumber(struct partitions *partitions, const int32_t *numbers,
                         int32_t number_count)
{
    ASSERT(partitions->highest_node < number_count);
    struct node_load *before = partitions->loads;
    int32_t highest = partitions->highest_node;
    partitions->loads = NULL;
    partitions->load_count = 0;
    partitions->highest_node = SNAPSHOT_NO_NODE;
    for (int32_t i = 0; i <= highest; i++) {
        *load_of(partitions, numbers[i]) = before[i];
    }
    free(before);
    for (int32_t i = 0; i < partitions->count; i++) {
        struct snapshot_partition *item = &partitions->items[i];
        if (item->primary != SNAPSHOT_NO_NODE) {
            item->primary = numbers[item->primary];
        }
        renumber_list(item->secondaries, item->secondary_count, numbers);
        renumber_list(item->last_drops, item->last_drop_count, numbers);
    }
}

bool partitions_are_worn(const struct partitions *partitions)
{
    return partitions->replaced_count > 2 * partitions->count;
}
