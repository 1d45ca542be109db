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

/* What is known of a server that would have to carry on. */
enum standing {
    STANDS, /* listed as alive, and it has just answered */
    SILENT, /* listed as alive, and no answer came in time: it may be busy */
    LOST,   /* listed as dead, not listed, or it refuses connections */
};

static enum standing standing_of(const struct evidence *evidence, const struct inventory *inventory,
                                 int32_t node)
{
    const struct snapshot_node *listed = &evidence->snapshot.nodes[node];
    const struct server *server = inventory_find(inventory, listed->address);
    if (server == NULL || server->role != ROLE_REPLICA || listed->status != NODE_ALIVE) {
        return LOST;
    }
    const struct server_evidence *own = &evidence->servers[inventory_slot(inventory, server)];
    return own->answered ? STANDS : own->error.code == ERROR_UNREACHABLE ? LOST : SILENT;
}

/* One partition, seen from the server that is about to leave it. */
struct loss {
    bool concerned;  /* has a replica on the server */
    int32_t staying; /* replicas elsewhere whose servers answer */
    int32_t silent;  /* replicas elsewhere whose servers may only be busy */
};

static void count_member(struct loss *loss, const enum standing *standings, int32_t member,
                         int32_t node)
{
    loss->concerned |= member == node;
    loss->staying += member != node && standings[member] == STANDS;
    loss->silent += member != node && standings[member] == SILENT;
}

static struct loss loss_of(const enum standing *standings,
                           const struct snapshot_partition *partition, int32_t node)
{
    struct loss loss = {0};
    if (partition->primary != SNAPSHOT_NO_NODE) {
        count_member(&loss, standings, partition->primary, node);
    }
    for (int32_t i = 0; i < partition->secondary_count; i++) {
        count_member(&loss, standings, partition->secondaries[i], node);
    }
    return loss;
}

static bool is_meant(const struct gpid *only, struct gpid gpid)
{
    return only == NULL || (only->app_id == gpid.app_id && only->partition == gpid.partition);
}

static enum answer enough_replicas(const struct evidence *evidence, const enum standing *standings,
                                   int32_t node, const struct gpid *only, struct text *reason)
{
    const struct snapshot *snapshot = &evidence->snapshot;
    struct text names = {0};
    int32_t short_count = 0;
    int32_t concerned = 0;
    enum answer answer = ANSWER_YES;
    for (int32_t t = 0; t < snapshot->table_count; t++) {
        const struct snapshot_table *table = &snapshot->tables[t];
        for (int32_t p = 0; table->partitions != NULL && p < table->partition_count; p++) {
            const struct snapshot_partition *partition = &table->partitions[p];
            struct loss loss = loss_of(standings, partition, node);
            int32_t least = guard_min_replicas(&evidence->guard, partition->max_replica_count);
            if (!loss.concerned || !is_meant(only, partition->gpid)) {
                continue;
            }
            concerned++;
            if (loss.staying >= least) {
                continue;
            }
            bool may_be_enough = loss.staying + loss.silent >= least;
            answer = !may_be_enough || answer == ANSWER_NO ? ANSWER_NO : ANSWER_UNKNOWN;
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
    return answer;
}

static enum answer does_not_freeze(const struct evidence *evidence, const enum standing *standings,
                                   int32_t node, struct text *reason)
{
    const struct snapshot *snapshot = &evidence->snapshot;
    int64_t staying = 0;
    int64_t silent = 0;
    for (int32_t i = 0; i < snapshot->listed_count; i++) {
        staying += i != node && standings[i] == STANDS;
        silent += i != node && standings[i] == SILENT;
    }
    int64_t needed = evidence->guard.min_live_servers;
    int64_t percentage = evidence->guard.live_percentage;
    if (staying < needed) {
        text_printf(reason,
                    "; but only %lld replica servers would stay, and with fewer than %lld the "
                    "cluster freezes (min_live_node_count_for_unfreeze)",
                    (long long)staying, (long long)needed);
        return staying + silent < needed ? ANSWER_NO : ANSWER_UNKNOWN;
    }
    if (staying * 100 < percentage * snapshot->listed_count) {
        text_printf(reason,
                    "; but only %lld of %d replica servers would stay, and below %lld %% the "
                    "cluster freezes (meta.live_percentage)",
                    (long long)staying, snapshot->listed_count, (long long)percentage);
        return (staying + silent) * 100 < percentage * snapshot->listed_count ? ANSWER_NO
                                                                              : ANSWER_UNKNOWN;
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
    enum standing *standings = memory_allocate((size_t)snapshot->node_count * sizeof *standings);
    for (int32_t i = 0; i < snapshot->node_count; i++) {
        standings[i] = standing_of(evidence, inventory, i);
    }
    int32_t node = snapshot_find_node(snapshot, server->address);
    enum answer answer = ANSWER_YES;
    if (node < 0) {
        text_printf(reason, "%s holds no replica", server->name);
    } else {
        answer = enough_replicas(evidence, standings, node, only, reason);
    }
    if (answer == ANSWER_YES && stops) {
        answer = does_not_freeze(evidence, standings, node, reason);
    }
    free(standings);
    return answer;
}

bool guard_node_answers(const struct evidence *evidence, const struct inventory *inventory,
                        int32_t node)
{
    return standing_of(evidence, inventory, node) == STANDS;
}
