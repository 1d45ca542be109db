#include "sim/sim_state.h"

#include <stdlib.h>
#include <string.h>

/* Facts: reference behaviour 9. At steady it counts what it would do; at lively it also moves
 * primaries to where a secondary is. Copies are counted and never made. */

/* ---- may it look? */

static bool is_settled(const struct sim *sim)
{
    int32_t end = sim->partition_count;
    for (int32_t i = attention_next(sim, 0, end); i < end; i = attention_next(sim, i + 1, end)) {
        const struct partition *partition = &sim->partitions[i];
        const struct table *table = &sim->tables[partition->table];
        if (table->dropped) {
            continue;
        }
        if (partition->pending || partition->action_count > 0 || partition->primary == NO_SERVER ||
            1 + partition->secondary_count < table->model->max_replica_count) {
            return false;
        }
    }
    for (int32_t i = 0; i < sim->model.replica_count; i++) {
        const struct server *node = &sim->servers[i];
        if (node->status == NODE_UNALIVE && node->primaries + node->secondaries > 0) {
            return false;
        }
    }
    return true;
}

static bool all_have_reported(const struct sim *sim)
{
    for (int32_t i = 0; i < sim->model.replica_count; i++) {
        if (sim->servers[i].status == NODE_ALIVE && !sim->servers[i].reported) {
            return false;
        }
    }
    return true;
}

/* ---- primaries of one table: one shortest path from a server with too many to one with too few */

struct graph {
    int32_t servers;
    int32_t *shared; /* [from * servers + to]: partitions with primary there and secondary here */
    int32_t *came_from; /* NO_SERVER: not reached; itself: a source */
    int32_t *queue;
};

static void graph_init(struct graph *graph, const struct sim *sim, const struct table *table)
{
    size_t servers = (size_t)sim->model.replica_count;
    graph->servers = sim->model.replica_count;
    graph->shared = memory_allocate(servers * servers * sizeof *graph->shared);
    graph->came_from = memory_allocate(servers * sizeof *graph->came_from);
    graph->queue = memory_allocate(servers * sizeof *graph->queue);
    for (int32_t p = 0; p < table->model->partition_count; p++) {
        const struct partition *partition = &sim->partitions[table->first_partition + p];
        for (int32_t s = 0; s < partition->secondary_count; s++) {
            graph->shared[partition->primary * graph->servers + partition->secondaries[s]]++;
        }
    }
}

static void graph_clear(struct graph *graph)
{
    free(graph->shared);
    free(graph->came_from);
    free(graph->queue);
}

/* The server with too few that is nearest to any with more than `enough`; NO_SERVER: none. */
static int32_t graph_search(struct graph *graph, const struct sim *sim, const struct table *table,
                            int32_t enough)
{
    int32_t head = 0;
    int32_t tail = 0;
    for (int32_t i = 0; i < graph->servers; i++) {
        bool source = sim->servers[i].status == NODE_ALIVE && table->shares[i].primaries > enough;
        graph->came_from[i] = source ? i : NO_SERVER;
        if (source) {
            graph->queue[tail++] = i;
        }
    }
    while (head < tail) {
        int32_t from = graph->queue[head++];
        for (int32_t to = 0; to < graph->servers; to++) {
            if (graph->came_from[to] != NO_SERVER || sim->servers[to].status != NODE_ALIVE ||
                graph->shared[from * graph->servers + to] == 0) {
                continue;
            }
            graph->came_from[to] = from;
            if (table->shares[to].primaries < enough) {
                return to;
            }
            graph->queue[tail++] = to;
        }
    }
    return NO_SERVER;
}

static int32_t smaller(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static void move_primaries(struct sim *sim, const struct table *table, int32_t from, int32_t to,
                           int32_t count)
{
    for (int32_t p = 0; p < table->model->partition_count && count > 0; p++) {
        struct partition *partition = &sim->partitions[table->first_partition + p];
        if (partition->primary == from && partition->action_count == 0 &&
            partition_has_secondary(partition, to)) {
            partition->actions[0] =
                (struct action){CT_DOWNGRADE_TO_SECONDARY, (int16_t)from, (int16_t)from};
            partition->actions[1] =
                (struct action){CT_UPGRADE_TO_PRIMARY, (int16_t)to, (int16_t)to};
            partition->action_count = 2;
            attention_partition(sim, partition);
            partition->action_epoch = sim->leader.clear_epoch;
            count--;
        }
    }
}

/* How many moves one path takes; 0: there is none. */
static int32_t follow_path(struct sim *sim, const struct table *table, int32_t enough, bool act)
{
    struct graph graph;
    int32_t edges = 0;
    int32_t flow = 0;
    graph_init(&graph, sim, table);
    int32_t sink = graph_search(&graph, sim, table, enough);
    if (sink != NO_SERVER) {
        flow = enough - table->shares[sink].primaries;
        int32_t to = sink;
        for (; graph.came_from[to] != to; to = graph.came_from[to]) {
            flow = smaller(flow, graph.shared[graph.came_from[to] * graph.servers + to]);
            edges++;
        }
        flow = smaller(flow, table->shares[to].primaries - enough);
        for (to = sink; act && graph.came_from[to] != to; to = graph.came_from[to]) {
            move_primaries(sim, table, graph.came_from[to], to, flow);
        }
    }
    graph_clear(&graph);
    return flow * edges;
}

/* ---- counting */

/* How many must go so that all alive servers have the mean, rounded down or up; `enough` is the
 * rounding that somebody misses. */
static int32_t excess(const struct sim *sim, const struct table *table, bool of_replicas,
                      int32_t *enough)
{
    int32_t nodes = 0;
    int32_t sum = 0;
    int32_t above = 0;
    int32_t below = 0;
    for (int32_t i = 0; i < sim->model.replica_count; i++) {
        const struct share *share = &table->shares[i];
        if (sim->servers[i].status == NODE_ALIVE) {
            nodes++;
            sum += of_replicas ? share->replicas : share->primaries;
        }
    }
    if (nodes == 0) {
        return 0;
    }
    int32_t low = sum / nodes;
    int32_t high = low + (sum % nodes != 0);
    for (int32_t i = 0; i < sim->model.replica_count; i++) {
        const struct share *share = &table->shares[i];
        int32_t has = of_replicas ? share->replicas : share->primaries;
        if (sim->servers[i].status == NODE_ALIVE) {
            above += has > high ? has - high : 0;
            below += has < low ? low - has : 0;
        }
    }
    *enough = below > 0 ? low : high;
    return above > below ? above : below;
}

/* With `act` the moves are given to their partitions, else nothing changes. */
static const struct imbalance *judge_table(struct sim *sim, struct table *table, bool act)
{
    struct imbalance *found = &table->imbalance;
    uint64_t revision = table->newest < 0 ? 0 : sim->partitions[table->newest].revision;
    int32_t enough;
    if (found->known && !act && found->revision == revision && found->standing == sim->standing) {
        return found;
    }
    *found = (struct imbalance){.known = true, .revision = revision, .standing = sim->standing};
    found->replicas = excess(sim, table, true, &enough);
    found->primaries = excess(sim, table, false, &enough);
    found->moves = found->primaries == 0 ? 0 : follow_path(sim, table, enough, act);
    return found;
}

static bool count_primaries(struct sim *sim, struct table *table, bool act, struct balance *balance)
{
    const struct imbalance *found = judge_table(sim, table, act);
    balance->move_primary += found->moves;
    if (found->moves == 0 && !meta_settings(sim)->only_move_primary) {
        balance->copy_primary += found->primaries;
    }
    return found->moves > 0;
}

bool balancer_tick(struct sim *sim)
{
    const struct settings *settings = meta_settings(sim);
    bool lively = meta_effective_level(sim) >= LEVEL_LIVELY;
    struct balance balance = {0};
    if (!is_settled(sim)) {
        return false; /* what was published stays */
    }
    if (!all_have_reported(sim)) {
        sim->leader.balance = (struct balance){.unknown = true};
        return false;
    }
    bool moved = false;
    for (int32_t t = 0; t < sim->table_count && !(moved && settings->balancer_in_turn); t++) {
        if (!sim->tables[t].dropped) {
            moved = count_primaries(sim, &sim->tables[t], lively, &balance) || moved;
        }
    }
    bool primaries_first = lively && balance.move_primary + balance.copy_primary > 0;
    for (int32_t t = 0; t < sim->table_count; t++) {
        if (!sim->tables[t].dropped && !primaries_first && !settings->only_primary_balancer) {
            balance.copy_secondary += judge_table(sim, &sim->tables[t], false)->replicas;
        }
    }
    sim->leader.balance = balance;
    return lively && moved;
}
