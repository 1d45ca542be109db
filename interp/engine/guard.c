#include "engine/guard.h"

#include <stdlib.h>

enum { NAMED_AT_MOST = 5 };

void guard_add_needs(const struct server *server, const struct inventory *inventory,
                     struct needs *needs)
{
    needs->snapshot = true;
    needs->guard = server;
    for (int32_t i = 0; i < inventory->count[ROLE_REPLICA]; i++) {
        needs->parts[inventory_slot(inventory, &inventory->servers[ROLE_REPLICA][i])] |=
            FACT_COMMANDS;
    }
}

int32_t guard_min_replicas(const struct guard_values *values, int32_t max_replica_count)
{
    if (values->min_replicas_for_write > 0) {
        return (int32_t)values->min_replicas_for_write;
    }
    return max_replica_count <= 2 ? 1 : max_replica_count / 2 + 1;
}

bool guard_node_answers(const struct evidence *evidence, const struct inventory *inventory,
                        int32_t node)
{
    const struct server *server = inventory_find(inventory, evidence->snapshot.nodes[node].address);
    return server != NULL && server->role == ROLE_REPLICA &&
           evidence->snapshot.nodes[node].status == NODE_ALIVE &&
           evidence->servers[inventory_slot(inventory, server)].answered;
}

/* One partition, seen from the server that is about to leave it. */
struct loss {
    bool concerned;  /* has a replica on the server */
    int32_t staying; /* replicas elsewhere whose servers answer */
};

static struct loss loss_of(const bool *answers, const struct snapshot_partition *partition,
                           int32_t node)
{
    struct loss loss = {0};
    if (partition->primary == node) {
        loss.concerned = true;
    } else if (partition->primary != SNAPSHOT_NO_NODE && answers[partition->primary]) {
        loss.staying++;
    }
    for (int32_t i = 0; i < partition->secondary_count; i++) {
        if (partition->secondaries[i] == node) {
            loss.concerned = true;
        } else if (answers[partition->secondaries[i]]) {
            loss.staying++;
        }
    }
    return loss;
}

static enum answer enough_replicas(const struct evidence *evidence, const bool *answers,
                                   int32_t node, const struct gpid *only, struct text *reason)
{
    const struct snapshot *snapshot = &evidence->snapshot;
    struct text names = {0};
    int32_t short_count = 0;
    int32_t concerned = 0;
    for (int32_t t = 0; t < snapshot->table_count; t++) {
        const struct snapshot_table *table = &snapshot->tables[t];
        for (int32_t p = 0; table->partitions != NULL && p < table->partition_count; p++) {
            const struct snapshot_partition *partition = &table->partitions[p];
            if (only != NULL && (only->app_id != partition->gpid.app_id ||
                                 only->partition != partition->gpid.partition)) {
                continue;
            }
            struct loss loss = loss_of(answers, partition, node);
            int32_t least = guard_min_replicas(&evidence->guard, partition->max_replica_count);
            concerned += loss.concerned;
            if (!loss.concerned || loss.staying >= least) {
                continue;
            }
            if (short_count++ < NAMED_AT_MOST) {
                text_printf(&names, "%s%d.%d of table '%s' would keep %d, writes need %d",
                            names.length > 0 ? "; " : "", partition->gpid.app_id,
                            partition->gpid.partition, table->name, loss.staying, least);
            }
        }
    }
    if (short_count > NAMED_AT_MOST) {
        text_printf(&names, "; and %d more", short_count - NAMED_AT_MOST);
    }
    if (short_count > 0) {
        text_printf(reason,
                    "%d of %d partitions would be left with too few replicas whose servers "
                    "answer: %s",
                    short_count, concerned, text_string(&names));
    } else {
        text_printf(reason, "all %d partitions with a replica there keep enough for writes",
                    concerned);
    }
    text_clear(&names);
    return short_count > 0 ? ANSWER_NO : ANSWER_YES;
}

static enum answer does_not_freeze(const struct evidence *evidence, const bool *answers,
                                   int32_t node, struct text *reason)
{
    const struct snapshot *snapshot = &evidence->snapshot;
    int64_t staying = 0;
    for (int32_t i = 0; i < snapshot->listed_count; i++) {
        staying += i != node && answers[i];
    }
    if (staying < evidence->guard.min_live_servers) {
        text_printf(reason,
                    "; but only %lld replica servers would stay, and with fewer than %lld the "
                    "cluster freezes (min_live_node_count_for_unfreeze)",
                    (long long)staying, (long long)evidence->guard.min_live_servers);
        return ANSWER_NO;
    }
    if (staying * 100 < evidence->guard.live_percentage * snapshot->listed_count) {
        text_printf(reason,
                    "; but only %lld of %d replica servers would stay, and below %lld %% the "
                    "cluster freezes (meta.live_percentage)",
                    (long long)staying, snapshot->listed_count,
                    (long long)evidence->guard.live_percentage);
        return ANSWER_NO;
    }
    return ANSWER_YES;
}

enum answer guard_survives_loss(const struct evidence *evidence, const struct inventory *inventory,
                                const struct server *server, const struct gpid *only, bool stops,
                                struct text *reason)
{
    if (!evidence->has_snapshot || !evidence->guard.known) {
        text_printf(reason, "the guard could not be asked: %s",
                    evidence->has_snapshot ? evidence->guard.error.text
                                           : evidence->snapshot_error.text);
        return ANSWER_UNKNOWN;
    }
    const struct snapshot *snapshot = &evidence->snapshot;
    if (snapshot->partition_count == 0) {
        text_printf(reason, "the primary meta server %s lists no table, so the guard cannot tell",
                    snapshot->leader_name);
        return ANSWER_UNKNOWN;
    }
    bool *answers = memory_allocate((size_t)snapshot->node_count * sizeof *answers);
    for (int32_t i = 0; i < snapshot->node_count; i++) {
        answers[i] = guard_node_answers(evidence, inventory, i);
    }
    int32_t node = snapshot_find_node(snapshot, server->address);
    enum answer answer = ANSWER_YES;
    if (node < 0) {
        text_printf(reason, "%s holds no replica", server->name);
    } else {
        answer = enough_replicas(evidence, answers, node, only, reason);
    }
    if (answer == ANSWER_YES && stops) {
        answer = does_not_freeze(evidence, answers, node, reason);
    }
    free(answers);
    return answer;
}
