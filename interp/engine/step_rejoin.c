/* engine/step_rejoin.c - rejoin_node: what left a server comes back, without waiting for the meta
 * server's rounds.
 *
 * ADD_SECONDARY is ignored until the restarted server is connected to the leader, so one without
 * effect is sent again; for a server that is a member already it brings the primary down, so not
 * while the server itself says that it is learning: it may become a member at any moment.
 * Facts: reference behaviour 5.2, 6.2; samples/README.md "swift". */
#include "base/duration.h"
#include "engine/one_shot.h"

static bool was_drained(const struct shot_view *view, struct gpid gpid)
{
    const struct server_history *history = run_history(view->frame->run, view->frame->step->server);
    for (size_t i = 0; i < history->left_count; i++) {
        if (history->left[i].app_id == gpid.app_id &&
            history->left[i].partition == gpid.partition) {
            return true;
        }
    }
    return false;
}

/* Short of replicas, and this server was the last to leave, or the one this run took away. */
static bool is_away(const struct shot_view *view, const struct snapshot_partition *partition)
{
    int32_t drops = partition->last_drop_count;
    bool is_short = 1 + partition->secondary_count < partition->max_replica_count;
    bool dropped_last = view->node != SNAPSHOT_NO_NODE && drops > 0 &&
                        partition->last_drops[drops - 1] == view->node;
    return is_short && !snapshot_partition_has_member(partition, view->node) &&
           (dropped_last || was_drained(view, partition->gpid));
}

/* By its own word: it learns, or is a member by a newer record than the one that was read. */
static bool is_learning(const struct shot_view *view, const struct snapshot_partition *partition)
{
    const struct server_facts *facts = &view->own->facts;
    for (size_t i = 0; i < facts->replica_count; i++) {
        const struct server_replica *replica = &facts->replicas[i];
        if (replica->gpid.app_id == partition->gpid.app_id &&
            replica->gpid.partition == partition->gpid.partition) {
            return replica->status == REPLICA_POTENTIAL_SECONDARY ||
                   replica->ballot > partition->ballot;
        }
    }
    return false;
}

static enum shot_verdict judge_rejoin(const struct shot_view *view,
                                      const struct snapshot_partition *partition,
                                      struct proposal *proposal, struct text *why)
{
    const struct snapshot *snapshot = &view->evidence->snapshot;
    if (!is_away(view, partition)) {
        return SHOT_NOTHING;
    }
    if (view->node == SNAPSHOT_NO_NODE || snapshot->nodes[view->node].status != NODE_ALIVE) {
        text_append_string(why, "the primary meta server does not list it as alive");
        return SHOT_WAIT;
    }
    if (!shot_answers(view, view->node, why) || !shot_primary_answers(view, partition, why)) {
        return SHOT_WAIT;
    }
    if (is_learning(view, partition)) {
        return SHOT_MOVING;
    }
    *proposal = (struct proposal){
        .gpid = partition->gpid,
        .actions = {{partition->primary, view->node, CT_ADD_SECONDARY}},
        .action_count = 1,
        .force = true,
        .balance_type = -1,
    };
    return SHOT_SEND;
}

static const struct one_shot_kind rejoin = {
    .asks_replicas = true,
    .verb = "bring",
    .where = "back to",
    .done = "are back on",
    .not_done = "are not back yet on",
    .nothing = "no replica is missing on",
    .look_us = 20 * US_PER_MS,
    .again_us = US_PER_SECOND,
    .judge = judge_rejoin,
};

static void rejoin_start(struct frame *frame)
{
    one_shot_start(frame, &rejoin);
}

const struct step_ops ops_rejoin = {
    .state_bytes = sizeof(struct one_shot *),
    .start = rejoin_start,
    .cancel = one_shot_cancel,
    .clear = one_shot_clear,
};
