#include "sim/sim_state.h"

#include <stdlib.h>
#include <string.h>

/* Most replicas and partitions are at rest most of the time. Config syncs and ticks, which ask all
 * of them, look only at those marked here: whoever is not marked would be passed over. A mark too
 * many costs a look; one too few would change what happens, so sim_check looks for it. */

enum { WORD_BITS = 64 };

/* ---- replicas: what a config sync would leave alone (detector.c) */

bool attention_replica_rests(const struct sim *sim, const struct replica *replica)
{
    const struct partition *partition = &sim->partitions[replica->partition];
    bool is_primary = partition->primary == replica->server;
    if (replica->place == PLACE_CLOSED || replica->place == PLACE_CLOSING) {
        return !is_primary;
    }
    if (replica->place != PLACE_OPEN) {
        return true;
    }
    if (replica->to_meta || replica->restarted || replica->status == REPLICA_INACTIVE) {
        return false;
    }
    if (is_primary) {
        return true;
    }
    return partition_has_secondary(partition, replica->server)
               ? replica->status != REPLICA_POTENTIAL_SECONDARY
               : replica->status != REPLICA_PRIMARY && replica->status != REPLICA_SECONDARY;
}

static void mark(struct sim *sim, struct replica *replica)
{
    struct server *server = &sim->servers[replica->server];
    if (server->marked_count == server->marked_capacity) {
        server->marked_capacity = server->marked_capacity == 0 ? 64 : server->marked_capacity * 2;
        server->marked =
            memory_resize(server->marked, (size_t)server->marked_capacity * sizeof *server->marked);
    }
    server->marked[server->marked_count++] = (int32_t)(replica - sim->replicas);
    replica->marked = true;
}

void attention_replica(struct sim *sim, struct replica *replica)
{
    if (!replica->marked && !attention_replica_rests(sim, replica)) {
        mark(sim, replica);
    }
}

void attention_replicas(struct sim *sim, const struct partition *partition)
{
    for (int32_t r = partition->first_replica; r >= 0; r = sim->replicas[r].next_in_partition) {
        attention_replica(sim, &sim->replicas[r]);
    }
}

static int compare_indices(const void *a, const void *b)
{
    int32_t left = *(const int32_t *)a;
    int32_t right = *(const int32_t *)b;
    return (left > right) - (left < right);
}

void attention_visit(struct sim *sim, int32_t number, attention_visit_fn *visit)
{
    struct server *server = &sim->servers[number];
    int32_t *marked = server->marked;
    int32_t count = server->marked_count;
    if (count == 0) {
        return;
    }
    /* A server's list of replicas has them in the order of their indices. */
    qsort(marked, (size_t)count, sizeof *marked, compare_indices);
    server->marked = NULL;
    server->marked_count = 0;
    server->marked_capacity = 0;
    for (int32_t i = 0; i < count; i++) {
        sim->replicas[marked[i]].marked = false;
        visit(sim, &sim->replicas[marked[i]]);
        attention_replica(sim, &sim->replicas[marked[i]]);
    }
    free(marked);
}

/* ---- partitions: what the tick would pass over (guardian.c, balancer.c) */

bool attention_partition_rests(const struct sim *sim, const struct partition *partition)
{
    int32_t wanted = sim->tables[partition->table].model->max_replica_count;
    if (sim->tables[partition->table].dropped) {
        return true;
    }
    return !partition->pending && !partition->unnamed && partition->action_count == 0 &&
           partition->primary != NO_SERVER && 1 + partition->secondary_count == wanted;
}

static size_t words_for(int32_t partition_count)
{
    return (size_t)partition_count / WORD_BITS + 1;
}

void attention_grow(struct sim *sim, int32_t partition_count)
{
    size_t before = words_for(sim->partition_count);
    size_t after = words_for(partition_count);
    sim->marked = memory_resize(sim->marked, after * sizeof *sim->marked);
    memset(sim->marked + before, 0, (after - before) * sizeof *sim->marked);
}

void attention_begin(struct sim *sim)
{
    sim->marked = memory_allocate(words_for(sim->partition_count) * sizeof *sim->marked);
    for (int32_t i = 0; i < sim->partition_count; i++) {
        attention_partition(sim, &sim->partitions[i]);
    }
}

void attention_partition(struct sim *sim, const struct partition *partition)
{
    int32_t index = partition_index(sim, partition);
    sim->marked[index / WORD_BITS] |= UINT64_C(1) << (index % WORD_BITS);
}

bool attention_partition_is_marked(const struct sim *sim, int32_t index)
{
    return (sim->marked[index / WORD_BITS] >> (index % WORD_BITS) & 1) != 0;
}

void attention_forget(struct sim *sim, int32_t index)
{
    sim->marked[index / WORD_BITS] &= ~(UINT64_C(1) << (index % WORD_BITS));
}

int32_t attention_next(const struct sim *sim, int32_t from, int32_t end)
{
    int32_t index = from;
    while (index < end) {
        uint64_t rest = sim->marked[index / WORD_BITS] >> (index % WORD_BITS);
        if (rest != 0) {
            index += __builtin_ctzll(rest);
            return index < end ? index : end;
        }
        index += WORD_BITS - index % WORD_BITS;
    }
    return end;
}
