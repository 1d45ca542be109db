#include "base/duration.h"
#include "engine/one_shot_private.h"

#include <stdlib.h>
#include <string.h>

static const int64_t send_timeout_us = CLUSTER_CALL_TIMEOUT_US;
/* What was seen longer ago is no reason to send anything. */
static const int64_t fresh_us = US_PER_SECOND;

struct shot_view one_shot_view(struct frame *frame, const struct evidence *evidence)
{
    const struct server *server = frame->step->server;
    size_t slot = inventory_slot(frame->run->setup.inventory, server);
    return (struct shot_view){
        .frame = frame,
        .evidence = evidence,
        .own = &evidence->servers[slot],
        .node = snapshot_find_node(&evidence->snapshot, server->address),
    };
}

bool shot_answers(const struct shot_view *view, int32_t node, struct text *why)
{
    if (guard_node_answers(view->evidence, view->frame->run->setup.inventory, node)) {
        return true;
    }
    text_printf(why, "%s does not answer by itself", view->evidence->snapshot.nodes[node].name);
    return false;
}

bool shot_primary_answers(const struct shot_view *view, const struct snapshot_partition *partition,
                          struct text *why)
{
    if (partition->primary == SNAPSHOT_NO_NODE) {
        text_append_string(why, "it has no primary");
        return false;
    }
    return shot_answers(view, partition->primary, why);
}

/* ---- what a round saw */
static void arrive(struct frame *frame, const struct shot_view *view,
                   const struct snapshot_partition *partition, struct shot *shot)
{
    struct one_shot *shots = one_shot_of(frame);
    if (!shots->kind->takes_away && !snapshot_partition_has_member(partition, view->node)) {
        one_shot_note(shots, shot->gpid, "it has all its replicas without it");
    }
    shot->state = SHOT_DONE;
    shots->progress_us = loop_now_us(frame->run->setup.loop);
    run_mark_change(frame->run);
    if (shots->kind->arrived != NULL) {
        shots->kind->arrived(frame, shot->gpid);
    }
}

static void see_moving(struct frame *frame, struct shot *shot)
{
    shot->state = SHOT_SENT;
    shot->again_us = loop_now_us(frame->run->setup.loop) + one_shot_of(frame)->kind->again_us;
}

/* False: the guard's no ends the step. */
static bool guard_lets_go(struct frame *frame, const struct evidence *fresh, struct shot *shot,
                          struct proposal *proposal)
{
    struct one_shot *shots = one_shot_of(frame);
    struct text reason = {0};
    enum answer answer = ANSWER_YES;
    bool waits; /* the partition is left for the next pass, as for any unknown */
    if (shots->kind->takes_away) {
        answer = work_guard(frame, fresh, frame->step->server, &shot->gpid, false, &waits, &reason);
    }
    if (answer == ANSWER_NO && override_guard(frame, &reason)) {
        answer = ANSWER_YES;
    }
    if (answer == ANSWER_YES) {
        shots->proposed[shots->proposal_count] = (size_t)(shot - shots->shots);
        shots->proposals[shots->proposal_count++] = *proposal;
    } else if (answer == ANSWER_UNKNOWN) {
        one_shot_leave(shots, shot, text_string(&reason));
    } else {
        struct error err;
        run_emit(frame->run, EVENT_GUARD, frame->step, NULL, "refused: %s", text_string(&reason));
        error_set(&err, ERROR_REFUSED, "the guard does not let replicas leave %s: %s",
                  frame->step->server->name, text_string(&reason));
        one_shot_fail(shots, &err);
    }
    text_clear(&reason);
    return answer != ANSWER_NO;
}

static bool judge_next(struct frame *frame, const struct evidence *fresh, struct shot *shot)
{
    struct one_shot *shots = one_shot_of(frame);
    const struct snapshot_partition *partition =
        snapshot_find_partition(&fresh->snapshot, shot->gpid);
    struct shot_view view = one_shot_view(frame, fresh);
    struct proposal proposal;
    struct text why = {0};
    bool go_on = true;
    if (partition == NULL) {
        shot->state = SHOT_DONE; /* the table was dropped */
        return true;
    }
    switch (shots->kind->judge(&view, partition, &proposal, &why)) {
    case SHOT_NOTHING:
        if (partition->primary == SNAPSHOT_NO_NODE) {
            see_moving(frame, shot);
        } else {
            arrive(frame, &view, partition, shot);
        }
        break;
    case SHOT_MOVING:
        see_moving(frame, shot);
        break;
    case SHOT_WAIT:
        one_shot_leave(shots, shot, text_string(&why));
        break;
    case SHOT_SEND:
        if (loop_now_us(frame->run->setup.loop) - shots->round_us > fresh_us) {
            one_shot_leave(shots, shot, "its servers were slow to answer");
        } else {
            go_on = guard_lets_go(frame, fresh, shot, &proposal);
        }
        break;
    }
    text_clear(&why);
    return go_on;
}

/* Of what is under way: has it taken effect? The members are not asked again, so `judge` would not
 * tell; but it says SHOT_NOTHING before it looks at them. */
static void judge_sent(struct frame *frame, const struct evidence *fresh, struct shot *shot)
{
    struct one_shot *shots = one_shot_of(frame);
    const struct snapshot_partition *partition =
        snapshot_find_partition(&fresh->snapshot, shot->gpid);
    struct shot_view view = one_shot_view(frame, fresh);
    struct proposal proposal;
    struct text unused = {0};
    if (partition == NULL) {
        shot->state = SHOT_DONE;
    } else if (shots->kind->judge(&view, partition, &proposal, &unused) == SHOT_NOTHING &&
               partition->primary != SNAPSHOT_NO_NODE) {
        arrive(frame, &view, partition, shot);
    } else if (loop_now_us(frame->run->setup.loop) >= shot->again_us && !frame->cancelled) {
        shot->state = SHOT_READY;
    }
    text_clear(&unused);
}

/* ---- sending */
static bool may_be_taken_later(const char *answer)
{
    return strcmp(answer, PEGASUS_APP_NOT_EXIST) == 0 || /* as a standby says it: trap 8 */
           strcmp(answer, PEGASUS_INVALID_PARAMETERS) == 0 ||
           strcmp(answer, PEGASUS_FORWARD_TO_OTHERS) == 0 ||
           strcmp(answer, PEGASUS_SERVICE_NOT_ACTIVE) == 0;
}

static void take_answer(struct frame *frame, const struct proposal *proposal, struct shot *shot)
{
    struct one_shot *shots = one_shot_of(frame);
    int64_t now_us = loop_now_us(frame->run->setup.loop);
    if (!proposal->answered || strcmp(proposal->answer, PEGASUS_OK) == 0) {
        shot->state = SHOT_SENT;
        shot->sent_count++;
        shot->again_us =
            now_us + (proposal->answered ? shots->kind->again_us : ONE_SHOT_UNHEARD_US);
        return;
    }
    struct error err;
    error_set(&err, ERROR_REPLY, "the meta server answered %s to the proposal for %d.%d",
              proposal->answer, proposal->gpid.app_id, proposal->gpid.partition);
    if (may_be_taken_later(proposal->answer)) {
        one_shot_leave(shots, shot, err.text);
    } else {
        one_shot_fail(shots, &err);
    }
}

static void proposed(void *ctx, const struct error *err)
{
    struct frame *frame = ctx;
    struct one_shot *shots = one_shot_of(frame);
    frame->operation = NULL;
    run_mark_change(frame->run);
    shots->progress_us = loop_now_us(frame->run->setup.loop);
    if (err != NULL && err->code == ERROR_REFUSED) { /* by our own client: nothing was sent */
        one_shot_fail(shots, err);
    } else {
        for (size_t i = 0; i < shots->proposal_count; i++) {
            take_answer(frame, &shots->proposals[i], &shots->shots[shots->proposed[i]]);
        }
    }
    one_shot_go_on(frame);
}

/* ---- a round */
static void note_read_error(struct one_shot *shots)
{
    if (!error_may_pass(&shots->read_error)) {
        one_shot_fail(shots, &shots->read_error);
    }
    for (size_t i = 0; i < shots->round_count && shots->sends; i++) {
        one_shot_leave(shots, &shots->shots[shots->round[i]], shots->read_error.text);
    }
}

static void round_seen(struct frame *frame)
{
    struct one_shot *shots = one_shot_of(frame);
    if (shots->read_failed) {
        note_read_error(shots);
        one_shot_go_on(frame);
        return;
    }
    const struct evidence *who = shots->sends ? shots->answers : shots->base;
    struct evidence fresh = {
        .taken_us = shots->round_us,
        .has_snapshot = true,
        .snapshot = shots->fresh,
        .servers = who->servers,
        .server_count = who->server_count,
        .guard = shots->base->guard,
    };
    shots->proposal_count = 0;
    for (size_t i = 0; i < shots->round_count; i++) {
        struct shot *shot = &shots->shots[shots->round[i]];
        if (!shots->sends) {
            judge_sent(frame, &fresh, shot);
        } else if (!judge_next(frame, &fresh, shot)) {
            shots->proposal_count = 0;
            break;
        }
    }
    if (shots->proposal_count > 0 && run_may_begin(frame->run)) {
        frame->operation =
            cluster_propose_once(frame->run->setup.cluster, &shots->fresh, shots->proposals,
                                 shots->proposal_count, send_timeout_us, proposed, frame);
    } else {
        one_shot_go_on(frame);
    }
}

static void part_ended(struct frame *frame)
{
    if (--one_shot_of(frame)->pending == 0) {
        round_seen(frame);
    }
}

static void partitions_read(void *ctx, const struct error *err)
{
    struct frame *frame = ctx;
    struct one_shot *shots = one_shot_of(frame);
    shots->read = NULL;
    shots->read_failed = err != NULL;
    if (err != NULL) {
        shots->read_error = *err;
    }
    part_ended(frame);
}

static void servers_asked(void *ctx, const struct evidence *evidence)
{
    struct frame *frame = ctx;
    one_shot_of(frame)->answers = evidence;
    part_ended(frame);
}

static void ask_node(struct frame *frame, int32_t node)
{
    struct one_shot *shots = one_shot_of(frame);
    const struct inventory *inventory = frame->run->setup.inventory;
    const struct server *server =
        node == SNAPSHOT_NO_NODE
            ? NULL
            : inventory_find_near(inventory, shots->base->snapshot.nodes[node].address, node);
    if (server != NULL) {
        gatherer_needs(shots->asks)->parts[inventory_slot(inventory, server)] |= FACT_COMMANDS;
    }
}

/* The servers that the last look found concerned; one that it did not is asked in the next pass. */
static void ask_servers(struct frame *frame)
{
    struct one_shot *shots = one_shot_of(frame);
    size_t own = inventory_slot(frame->run->setup.inventory, frame->step->server);
    for (size_t i = 0; i < shots->round_count; i++) {
        const struct snapshot_partition *partition =
            snapshot_find_partition(&shots->base->snapshot, shots->gpids[i]);
        ask_node(frame, partition->primary);
        for (int32_t s = 0; shots->kind->takes_away && s < partition->secondary_count; s++) {
            ask_node(frame, partition->secondaries[s]);
        }
    }
    gatherer_needs(shots->asks)->parts[own] |=
        FACT_COMMANDS | (shots->kind->asks_replicas ? FACT_REPLICAS : 0U);
    shots->pending++;
    gatherer_start(shots->asks, servers_asked, frame);
}

void one_shot_round(struct frame *frame, enum shot_state state, size_t most)
{
    struct one_shot *shots = one_shot_of(frame);
    shots->round_count = 0;
    for (size_t i = shots->batch_begin; i < shots->batch_end && shots->round_count < most; i++) {
        if (shots->shots[i].state == state) {
            shots->gpids[shots->round_count] = shots->shots[i].gpid;
            shots->round[shots->round_count++] = i;
        }
    }
    ASSERT(shots->round_count > 0);
    shots->sends = state == SHOT_READY;
    shots->round_us = loop_now_us(frame->run->setup.loop);
    shots->pending = 1;
    shots->read = cluster_read_partitions(frame->run->reader, &shots->base->snapshot, shots->gpids,
                                          shots->round_count, &shots->fresh,
                                          CLUSTER_CALL_TIMEOUT_US, partitions_read, frame);
    if (shots->sends) {
        ask_servers(frame);
    }
}

void one_shot_round_drop(struct one_shot *shots)
{
    operation_drop(shots->read);
    shots->read = NULL;
    gatherer_cancel(shots->asks);
}
