/* engine/step_drain.c - drain_node: every replica leaves a server in one pass, primaries too.
 *
 * DOWNGRADE_TO_INACTIVE works for a primary as well: the meta server names the secondary with the
 * fewest primaries the new one at once, two changes of configuration where a move and a downgrade
 * are three. The primary carries it out; for itself it is both target and node.
 * Facts: reference behaviour 5.2, samples/README.md "one pass". */
#include "base/duration.h"
#include "engine/one_shot.h"

/* Any secondary may be the one that the meta server makes the new primary. */
static bool members_answer(const struct shot_view *view, const struct snapshot_partition *partition,
                           struct text *why)
{
    bool answer = shot_answers(view, view->node, why) && shot_primary_answers(view, partition, why);
    for (int32_t i = 0; answer && i < partition->secondary_count; i++) {
        answer = shot_answers(view, partition->secondaries[i], why);
    }
    return answer;
}

static enum shot_verdict judge_drain(const struct shot_view *view,
                                     const struct snapshot_partition *partition,
                                     struct proposal *proposal, struct text *why)
{
    if (!snapshot_partition_has_member(partition, view->node)) {
        return SHOT_NOTHING;
    }
    if (!members_answer(view, partition, why)) {
        return SHOT_WAIT;
    }
    if (partition->secondary_count == 0) {
        text_append_string(why, "it has no other replica");
        return SHOT_WAIT;
    }
    *proposal = (struct proposal){
        .gpid = partition->gpid,
        .actions = {{partition->primary, view->node, CT_DOWNGRADE_TO_INACTIVE}},
        .action_count = 1,
        .force = true,
        .balance_type = -1,
    };
    return SHOT_SEND;
}

void history_add_left(struct server_history *history, struct gpid gpid)
{
    history->left = memory_resize(history->left, (history->left_count + 1) * sizeof *history->left);
    history->left[history->left_count++] = gpid;
}

/* rejoin_node brings back what has left. */
static void remember_left(struct frame *frame, struct gpid gpid)
{
    history_add_left(run_history(frame->run, frame->step->server), gpid);
}

static const struct one_shot_kind drain = {
    .takes_away = true,
    .verb = "take",
    .where = "away from",
    .done = "have left",
    .not_done = "are still on",
    .nothing = "no replica is left on",
    .look_us = 3 * US_PER_MS,
    .again_us = 2 * US_PER_SECOND,
    .judge = judge_drain,
    .arrived = remember_left,
};

static void drain_start(struct frame *frame)
{
    one_shot_start(frame, &drain);
}

const struct step_ops ops_drain = {
    .state_bytes = sizeof(struct one_shot *),
    .start = drain_start,
    .cancel = one_shot_cancel,
    .clear = one_shot_clear,
};
