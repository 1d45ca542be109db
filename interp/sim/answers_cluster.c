#include "sim/sim_state.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* What the leader tells of the cluster as a whole, by RPC and by HTTP. Facts: reference protocol
 * sections 5, 8; samples/<release>. */

void answers_balance_count(const struct sim *sim, struct text *out)
{
    const struct balance *balance = &sim->leader.balance;
    int32_t total = balance->unknown
                        ? -1
                        : balance->move_primary + balance->copy_primary + balance->copy_secondary;
    if (sim->traits->json_replies) {
        text_printf(out,
                    "{\n  \"copy_pri\": %d,\n  \"copy_sec\": %d,\n  \"move_pri\": %d,\n"
                    "  \"total\": %d\n}",
                    balance->copy_primary, balance->copy_secondary, balance->move_primary, total);
    } else {
        text_printf(out, "move_pri=%d,copy_pri=%d,copy_sec=%d,total=%d", balance->move_primary,
                    balance->copy_primary, balance->copy_secondary, total);
    }
}

/* Over the alive servers that have partitions. */
static void write_deviation(const struct sim *sim, bool all_replicas, char out[32])
{
    double sum = 0;
    double squares = 0;
    int32_t count = 0;
    for (int32_t i = 0; i < sim->model.replica_count; i++) {
        const struct server *node = &sim->servers[i];
        int32_t replicas = node->primaries + node->secondaries;
        if (node->status == NODE_ALIVE && replicas > 0) {
            double value = all_replicas ? replicas : node->primaries;
            sum += value;
            squares += value * value;
            count++;
        }
    }
    double mean = count == 0 ? 0 : sum / count;
    double variance = count == 0 ? 0 : squares / count - mean * mean;
    snprintf(out, 32, "%.2f", variance > 0 ? sqrt(variance) : 0.0);
}

static void compute_deviations(struct sim *sim)
{
    struct deviations *deviations = &sim->deviations;
    if (deviations->revision != sim->revision || deviations->standing != sim->standing) {
        deviations->revision = sim->revision;
        deviations->standing = sim->standing;
        write_deviation(sim, false, deviations->primaries);
        write_deviation(sim, true, deviations->replicas);
    }
}

void answers_cluster(struct sim *sim, struct arena *arena,
                     struct cluster_row rows[CLUSTER_KEY_COUNT])
{
    struct text metas = {0};
    struct text balance = {0};
    for (int32_t i = 0; i < sim->model.meta_count; i++) {
        text_append_string(&metas, i == 0 ? "" : ",");
        text_append_string(&metas, sim->servers[sim_first_meta(sim) + i].name);
    }
    answers_balance_count(sim, &balance);
    compute_deviations(sim);
    const char *level = meta_level_name(meta_effective_level(sim));
    const struct cluster_row made[CLUSTER_KEY_COUNT] = {
        {"meta_servers", arena_copy_string(arena, text_string(&metas))},
        {"primary_meta_server", sim->servers[sim->leader.meta].name},
        {"zookeeper_hosts", "127.0.0.1:22181"},
        {"zookeeper_root", sim->model.zookeeper_root},
        {"meta_function_level", level == NULL ? "" : level},
        {"balance_operation_count", arena_copy_string(arena, text_string(&balance))},
        {"primary_replica_count_stddev", sim->deviations.primaries},
        {"total_replica_count_stddev", sim->deviations.replicas},
        {"cluster_name", sim->model.cluster_name},
    };
    memcpy(rows, made, sizeof made);
    text_clear(&metas);
    text_clear(&balance);
}
