#include "engine/guard.h"

#include <stdlib.h>
#include <string.h>

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
    STANDS,  /* listed as alive, and it has just answered */
    SILENT,  /* listed as alive, and no answer came in time: it may be busy */
    LOST,    /* listed as dead, not listed, or it refuses connections */
    IN_WORK, /* another branch is about to stop it, whatever it shows now */
    DRAINS,  /* another branch takes its replicas away; it stands, and will for now */
};

static enum standing standing_of(const struct evidence *evidence, const struct inventory *inventory,
                                 int32_t node)
{
    const struct snapshot_node *listed = &evidence->snapshot.nodes[node];
    const struct server *server = inventory_find_near(inventory, listed->address, node);
    if (server == NULL || server->role != ROLE_REPLICA || listed->status != NODE_ALIVE) {
        return LOST;
    }
    const struct server_evidence *own = &evidence->servers[inventory_slot(inventory, server)];
    return own->answered ? STANDS : own->error.code == ERROR_UNREACHABLE ? LOST : SILENT;
}

/* One partition, seen from the server that is about to leave it. */
struct loss {
    int32_t staying; /* replicas elsewhere whose servers answer */
    int32_t silent;  /* replicas elsewhere whose servers may only be busy */
    int32_t in_work; /* replicas that servers in work have, or may have given up for now */
};

static void count_member(struct loss *loss, const enum standing *standings, int32_t member,
                         int32_t node)
{
    loss->staying += member != node && standings[member] == STANDS;
    loss->silent += member != node && standings[member] == SILENT;
    loss->in_work += member != node && standings[member] >= IN_WORK;
}

static struct loss loss_of(const enum standing *standings, int32_t in_work_count,
                           const struct snapshot_partition *partition, int32_t node)
{
    struct loss loss = {0};
    int32_t members = partition->secondary_count + (partition->primary != SNAPSHOT_NO_NODE);
    int32_t absent = partition->max_replica_count - members;
    if (partition->primary != SNAPSHOT_NO_NODE) {
        count_member(&loss, standings, partition->primary, node);
    }
    for (int32_t i = 0; i < partition->secondary_count; i++) {
        count_member(&loss, standings, partition->secondaries[i], node);
    }
    int32_t drained = in_work_count - loss.in_work; /* at most one replica on each */
    if (absent > 0) {
        loss.in_work += absent < drained ? absent : drained;
    }
    return loss;
}

static bool is_meant(const struct gpid *only, struct gpid gpid)
{
    return only == NULL || (only->app_id == gpid.app_id && only->partition == gpid.partition);
}

bool guard_accepts_table(const struct cluster_file *accepts, const char *table)
{
    for (size_t i = 0; accepts != NULL && i < accepts->accepted_outage_count; i++) {
        if (strcmp(accepts->accepted_outages[i], table) == 0) {
            return true;
        }
    }
    return false;
}

/* What is asked of each partition. */
struct guarded {
    const struct evidence *evidence;
    const enum standing *standings; /* by node */
    const enum guard_loss *in_work; /* by slot, or NULL: none */
    int32_t in_work_count;
    bool short_of_others; /* something would do with the servers in work back */
    bool short_of_more;   /* something would not */
    const struct cluster_file *accepts;
    int32_t node; /* the server that leaves, or SNAPSHOT_NO_NODE: any `lost` servers */
    int64_t lost;
    const struct gpid *only; /* or NULL */
    int32_t concerned;
    int32_t short_count;
    int32_t accepted; /* partitions left out */
    enum answer answer;
    struct text names;
};

static void note_shortage(struct guarded *guarded, bool others_would_do)
{
    guarded->short_of_others |= others_would_do;
    guarded->short_of_more |= !others_would_do;
}

/* Most partitions are none of the server's: they are told apart before anything is counted. */
static bool is_concerned(const struct guarded *guarded, const struct snapshot_partition *partition)
{
    bool member = partition->primary == guarded->node;
    for (int32_t i = 0; i < partition->secondary_count; i++) {
        member |= partition->secondaries[i] == guarded->node;
    }
    return (guarded->lost > 0 || (member && guarded->node != SNAPSHOT_NO_NODE)) &&
           is_meant(guarded->only, partition->gpid);
}

static void guard_partition(struct guarded *guarded, const struct snapshot_table *table,
                            const struct snapshot_partition *partition)
{
    if (!is_concerned(guarded, partition)) {
        return;
    }
    struct loss loss =
        loss_of(guarded->standings, guarded->in_work_count, partition, guarded->node);
    int32_t least = guard_min_replicas(&guarded->evidence->guard, partition->max_replica_count);
    int64_t staying = loss.staying - guarded->lost;
    if (guard_accepts_table(guarded->accepts, table->name)) {
        guarded->accepted++;
        return;
    }
    guarded->concerned++;
    if (staying >= least) {
        return;
    }
    bool hopeless = staying + loss.silent + loss.in_work < least;
    note_shortage(guarded, staying + loss.in_work >= least);
    guarded->answer = hopeless || guarded->answer == ANSWER_NO ? ANSWER_NO : ANSWER_UNKNOWN;
    if (guarded->short_count++ < NAMED_AT_MOST) {
        text_printf(&guarded->names, "%s%d.%d of table '%s' would keep %lld, writes need %d",
                    guarded->names.length > 0 ? "; " : "", partition->gpid.app_id,
                    partition->gpid.partition, table->name, (long long)(staying < 0 ? 0 : staying),
                    least);
    }
}

static enum answer enough_replicas(struct guarded *guarded, struct text *reason)
{
    const struct snapshot *snapshot = &guarded->evidence->snapshot;
    guarded->answer = ANSWER_YES;
    for (int32_t t = 0; t < snapshot->table_count; t++) {
        const struct snapshot_table *table = &snapshot->tables[t];
        for (int32_t p = 0; table->partitions != NULL && p < table->partition_count; p++) {
            guard_partition(guarded, table, &table->partitions[p]);
        }
    }
    if (guarded->short_count > NAMED_AT_MOST) {
        text_printf(&guarded->names, "; and %d more", guarded->short_count - NAMED_AT_MOST);
    }
    if (guarded->short_count > 0) {
        text_printf(reason,
                    "%d of %d partitions would be left with too few replicas whose servers "
                    "answer: %s",
                    guarded->short_count, guarded->concerned, text_string(&guarded->names));
    } else {
        text_printf(reason, "all %d partitions with a replica there keep enough for writes",
                    guarded->concerned);
    }
    if (guarded->accepted > 0) {
        text_printf(reason, "; %d more are of tables whose outage is accepted (%s)",
                    guarded->accepted, guarded->accepts->accept_reason);
    }
    text_clear(&guarded->names);
    return guarded->answer;
}

static enum answer does_not_freeze(struct guarded *guarded, struct text *reason)
{
    const struct evidence *evidence = guarded->evidence;
    const struct snapshot *snapshot = &evidence->snapshot;
    int64_t staying = 0;
    int64_t silent = 0;
    int64_t in_work = 0;
    for (int32_t i = 0; i < snapshot->listed_count; i++) {
        staying += i != guarded->node &&
                   (guarded->standings[i] == STANDS || guarded->standings[i] == DRAINS);
        silent += i != guarded->node && guarded->standings[i] == SILENT;
        in_work += i != guarded->node && guarded->standings[i] == IN_WORK;
    }
    staying -= guarded->lost;
    if (guarded->accepts != NULL && guarded->accepts->accepts_freeze) {
        text_printf(reason, "; a frozen cluster is accepted (%s)", guarded->accepts->accept_reason);
        return ANSWER_YES;
    }
    int64_t needed = evidence->guard.min_live_servers;
    int64_t percentage = evidence->guard.live_percentage;
    if (staying < needed) {
        text_printf(reason,
                    "; but only %lld replica servers would stay, and with fewer than %lld the "
                    "cluster freezes (min_live_node_count_for_unfreeze)",
                    (long long)staying, (long long)needed);
        note_shortage(guarded, staying + in_work >= needed);
        return staying + silent + in_work < needed ? ANSWER_NO : ANSWER_UNKNOWN;
    }
    if (staying * 100 < percentage * snapshot->listed_count) {
        text_printf(reason,
                    "; but only %lld of %d replica servers would stay, and below %lld %% the "
                    "cluster freezes (meta.live_percentage)",
                    (long long)staying, snapshot->listed_count, (long long)percentage);
        int64_t least = percentage * snapshot->listed_count;
        note_shortage(guarded, (staying + in_work) * 100 >= least);
        return (staying + silent + in_work) * 100 < least ? ANSWER_NO : ANSWER_UNKNOWN;
    }
    return ANSWER_YES;
}

static enum guard_loss loss_at(const struct guarded *guarded, const struct inventory *inventory,
                               int32_t node)
{
    const struct snapshot *snapshot = &guarded->evidence->snapshot;
    const struct server *server =
        inventory_find_near(inventory, snapshot->nodes[node].address, node);
    bool other = guarded->in_work != NULL && server != NULL && node != guarded->node;
    return other ? guarded->in_work[inventory_slot(inventory, server)] : LOSS_NONE;
}

/* Asks the partitions, and with `stops` the freeze rule. */
static enum answer ask_guard(struct guarded *guarded, const struct inventory *inventory, bool stops,
                             struct text *reason)
{
    const struct snapshot *snapshot = &guarded->evidence->snapshot;
    enum standing *standings = memory_allocate((size_t)snapshot->node_count * sizeof *standings);
    for (int32_t i = 0; i < snapshot->node_count; i++) {
        enum guard_loss loss = loss_at(guarded, inventory, i);
        standings[i] = standing_of(guarded->evidence, inventory, i);
        if (loss != LOSS_NONE) {
            standings[i] = loss == LOSS_REPLICAS && standings[i] == STANDS ? DRAINS : IN_WORK;
        }
        guarded->in_work_count += loss != LOSS_NONE;
    }
    guarded->standings = standings;
    enum answer answer = enough_replicas(guarded, reason);
    if (answer == ANSWER_YES && stops) {
        answer = does_not_freeze(guarded, reason);
    }
    free(standings);
    return answer;
}

/* False after having said why nothing can be told. */
static bool can_tell(const struct evidence *evidence, struct text *reason)
{
    if (!evidence->has_snapshot || !evidence->guard.known) {
        text_printf(reason, "the guard could not be asked: %s",
                    evidence->has_snapshot ? evidence->guard.error.text
                                           : evidence->snapshot_error.text);
        return false;
    }
    if (evidence->snapshot.partition_count == 0) {
        text_printf(reason, "the primary meta server %s lists no table, so the guard cannot tell",
                    evidence->snapshot.leader_name);
        return false;
    }
    return true;
}

static enum answer survives(struct guarded *guarded, const struct inventory *inventory,
                            const struct server *server, bool stops, struct text *reason)
{
    if (!can_tell(guarded->evidence, reason)) {
        return ANSWER_UNKNOWN;
    }
    guarded->node = snapshot_find_node(&guarded->evidence->snapshot, server->address);
    if (guarded->node < 0) {
        text_printf(reason, "%s holds no replica", server->name);
        return ANSWER_YES;
    }
    return ask_guard(guarded, inventory, stops, reason);
}

enum answer guard_survives_loss(const struct evidence *evidence, const struct inventory *inventory,
                                const struct server *server, const struct gpid *only, bool stops,
                                const struct cluster_file *accepts, struct text *reason)
{
    struct guarded guarded = {.evidence = evidence, .accepts = accepts, .only = only};
    return survives(&guarded, inventory, server, stops, reason);
}

enum answer guard_survives_losses(const struct evidence *evidence,
                                  const struct inventory *inventory, const struct server *server,
                                  const struct gpid *only, bool stops,
                                  const struct cluster_file *accepts, const enum guard_loss *lost,
                                  bool *waits, struct text *reason)
{
    struct guarded guarded = {
        .evidence = evidence,
        .accepts = accepts,
        .only = only,
        .in_work = lost,
    };
    enum answer answer = survives(&guarded, inventory, server, stops, reason);
    *waits = answer == ANSWER_UNKNOWN && guarded.short_of_others && !guarded.short_of_more;
    return answer;
}

enum answer guard_survives_any_loss(const struct evidence *evidence,
                                    const struct inventory *inventory, int64_t lost,
                                    const struct cluster_file *accepts, struct text *reason)
{
    if (!can_tell(evidence, reason)) {
        return ANSWER_UNKNOWN;
    }
    struct guarded guarded = {
        .evidence = evidence,
        .accepts = accepts,
        .node = SNAPSHOT_NO_NODE,
        .lost = lost,
    };
    return ask_guard(&guarded, inventory, true, reason);
}

bool guard_node_answers(const struct evidence *evidence, const struct inventory *inventory,
                        int32_t node)
{
    return standing_of(evidence, inventory, node) == STANDS;
}
