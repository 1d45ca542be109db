/* engine/step_move.c - migrate_node, downgrade_node, kill_partitions.
 *
 * Proposals are validated ones (not forced), at most `batch` a time, only for what the snapshot
 * taken right before still shows. The level is not set again: that would clear the meta server's
 * queue and let primaries come back (reference behaviour 7.1). A proposal that the meta server
 * refuses because one is still queued for its partition is not a failure: the wait around looks
 * again. */
#include "base/duration.h"
#include "engine/internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

static const int64_t send_timeout_us = 2 * CLUSTER_CALL_TIMEOUT_US;

struct move {
    struct gatherer *gatherer;
    struct proposal *proposals;
    size_t count;
    size_t impossible; /* partitions that cannot be moved now */
    struct timer end;  /* or the next look */
    struct text note;
    bool told; /* that it waits for servers in work */
};

static bool table_is_meant(const struct step *step, const struct snapshot_table *table,
                           const struct cluster_file *accepts)
{
    if (table->partitions == NULL) {
        return false;
    }
    if (step->kind == STEP_DOWNGRADE_NODE && guard_accepts_table(accepts, table->name)) {
        return false; /* its outage is accepted for the restart, not for the whole drain */
    }
    for (size_t i = 0; i < step->as.move.table_count; i++) {
        if (strcmp(step->as.move.tables[i], table->name) == 0) {
            return true;
        }
    }
    return step->as.move.tables == NULL;
}

static void move_look(void *ctx);

/* ---- choosing what to propose */
struct chooser {
    struct frame *frame;
    const struct evidence *evidence;
    const struct snapshot *snapshot;
    int32_t node;
    bool *answers;      /* by node */
    int32_t *primaries; /* by node, counting what this batch moves */
};

/* The secondary to become primary: one that answers, with the fewest primaries (or any of them). */
static int32_t choose_target(struct chooser *chooser, const struct snapshot_partition *partition)
{
    int32_t best = SNAPSHOT_NO_NODE;
    int32_t seen = 0;
    bool any = chooser->frame->step->as.move.targets == TARGET_RANDOM;
    for (int32_t i = 0; i < partition->secondary_count; i++) {
        int32_t node = partition->secondaries[i];
        if (node == chooser->node || !chooser->answers[node]) {
            continue;
        }
        seen++;
        if (best == SNAPSHOT_NO_NODE ||
            (any ? rng_below(&chooser->frame->run->rng, (uint64_t)seen) == 0
                 : chooser->primaries[node] < chooser->primaries[best])) {
            best = node;
        }
    }
    return best;
}

/* Why nothing is proposed for a partition, of the first few. Returns false. */
static bool note_impossible(struct chooser *chooser, const struct snapshot_partition *partition,
                            const char *why)
{
    struct move *move = chooser->frame->state;
    if (move->impossible++ < 3) {
        text_printf(&move->note, "%s%d.%d %s", move->note.length > 0 ? "; " : "",
                    partition->gpid.app_id, partition->gpid.partition, why);
    }
    return false;
}

static bool propose_move(struct chooser *chooser, const struct snapshot_partition *partition,
                         struct proposal *out)
{
    if (partition->primary != chooser->node) {
        return false;
    }
    int32_t target = choose_target(chooser, partition);
    if (target == SNAPSHOT_NO_NODE) {
        return note_impossible(chooser, partition, "has no secondary whose server answers");
    }
    chooser->primaries[target]++;
    *out = (struct proposal){
        .gpid = partition->gpid,
        .actions = {{chooser->node, chooser->node, CT_DOWNGRADE_TO_SECONDARY},
                    {target, target, CT_UPGRADE_TO_PRIMARY}},
        .action_count = 2,
        .balance_type = BALANCE_MOVE_PRIMARY,
    };
    return true;
}

static bool propose_downgrade(struct chooser *chooser, const struct snapshot_partition *partition,
                              struct proposal *out)
{
    if (partition->primary == chooser->node) {
        return note_impossible(chooser, partition,
                               "has its primary there, and secondaries alone "
                               "are downgraded");
    }
    if (!snapshot_partition_has_secondary(partition, chooser->node)) {
        return false;
    }
    if (partition->primary == SNAPSHOT_NO_NODE || !chooser->answers[partition->primary]) {
        return note_impossible(chooser, partition, "has no primary whose server answers");
    }
    *out = (struct proposal){
        .gpid = partition->gpid,
        .actions = {{partition->primary, chooser->node, CT_DOWNGRADE_TO_INACTIVE}},
        .action_count = 1,
        .balance_type = -1,
    };
    return true;
}

static void choose(struct frame *frame, const struct evidence *evidence)
{
    struct move *move = frame->state;
    const struct step *step = frame->step;
    const struct snapshot *snapshot = &evidence->snapshot;
    struct chooser chooser = {
        .frame = frame,
        .evidence = evidence,
        .snapshot = snapshot,
        .node = snapshot_find_node(snapshot, step->server->address),
        .answers = memory_allocate((size_t)snapshot->node_count * sizeof(bool)),
        .primaries = memory_allocate((size_t)snapshot->node_count * sizeof(int32_t)),
    };
    for (int32_t i = 0; i < snapshot->node_count; i++) {
        chooser.answers[i] = guard_node_answers(evidence, frame->run->setup.inventory, i);
        chooser.primaries[i] = snapshot->nodes[i].primaries;
    }
    bool (*propose)(struct chooser *, const struct snapshot_partition *, struct proposal *) =
        step->kind == STEP_MIGRATE_NODE ? propose_move : propose_downgrade;
    size_t batch = (size_t)step->as.move.batch;
    const struct cluster_file *accepts = frame->run->setup.cluster_file;
    free(move->proposals);
    move->count = 0;
    move->impossible = 0;
    text_reset(&move->note);
    move->proposals = memory_allocate(batch * sizeof *move->proposals);
    for (int32_t t = 0; chooser.node >= 0 && t < snapshot->table_count; t++) {
        const struct snapshot_table *table = &snapshot->tables[t];
        for (int32_t p = 0; table_is_meant(step, table, accepts) && p < table->partition_count &&
                            move->count < batch;
             p++) {
            move->count += propose(&chooser, &table->partitions[p], &move->proposals[move->count]);
        }
    }
    free(chooser.answers);
    free(chooser.primaries);
}

/* ---- sending */
static cJSON *proposals_data(const struct move *move, const struct snapshot *snapshot)
{
    cJSON *data = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(data, "proposals");
    for (size_t i = 0; i < move->count; i++) {
        const struct proposal *proposal = &move->proposals[i];
        const struct proposal_action *last = &proposal->actions[proposal->action_count - 1];
        char text[64];
        snprintf(text, sizeof text, "%d.%d", proposal->gpid.app_id, proposal->gpid.partition);
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "partition", text);
        cJSON_AddStringToObject(item, "target", snapshot->nodes[last->target].name);
        cJSON_AddItemToArray(list, item);
    }
    return data;
}

static void move_sent(void *ctx, const struct error *err)
{
    struct frame *frame = ctx;
    struct move *move = frame->state;
    frame->operation = NULL;
    run_mark_change(frame->run);
    size_t accepted = 0;
    size_t queued = 0;
    const struct proposal *odd = NULL;
    for (size_t i = 0; i < move->count; i++) {
        const struct proposal *proposal = &move->proposals[i];
        accepted += proposal->answered && strcmp(proposal->answer, PEGASUS_OK) == 0;
        queued += proposal->answered && strcmp(proposal->answer, PEGASUS_INVALID_PARAMETERS) == 0;
        if (proposal->answered && strcmp(proposal->answer, PEGASUS_OK) != 0 &&
            strcmp(proposal->answer, PEGASUS_INVALID_PARAMETERS) != 0) {
            odd = proposal;
        }
    }
    cJSON *data = cJSON_CreateObject();
    cJSON_AddNumberToObject(data, "accepted", (double)accepted);
    cJSON_AddNumberToObject(data, "refused", (double)queued);
    run_emit(frame->run, EVENT_OUTCOME, frame->step, data, "%zu of %zu proposals accepted%s%s%s",
             accepted, move->count,
             queued > 0 ? ", the others refused (as a rule since one is still queued)" : "",
             err != NULL ? "; " : "", err != NULL ? err->text : "");
    struct error failure;
    if (err == NULL && odd != NULL) {
        error_set(&failure, ERROR_REPLY, "the meta server answered %s to the proposal for %d.%d",
                  odd->answer, odd->gpid.app_id, odd->gpid.partition);
        err = &failure;
    }
    frame_finish(frame, err);
}

static void send_proposals(struct frame *frame, const struct evidence *evidence)
{
    struct move *move = frame->state;
    const struct step *step = frame->step;
    if (move->count == 0) {
        run_emit(frame->run, EVENT_OUTCOME, step, NULL, "nothing to propose%s%s",
                 move->note.length > 0 ? ": " : "", text_string(&move->note));
        frame_finish(frame, NULL);
        return;
    }
    bool migrates = step->kind == STEP_MIGRATE_NODE;
    bool kept =
        run_emit(frame->run, EVENT_INTENTION, step, proposals_data(move, &evidence->snapshot),
                 "propose to %s %zu %s %s%s%s", migrates ? "move" : "drop", move->count,
                 migrates ? "primaries away from" : "secondaries from", step->server->name,
                 move->note.length > 0 ? "; " : "", text_string(&move->note));
    if (!kept) {
        frame_finish(frame, &frame->run->failure);
        return;
    }
    if (!migrates) {
        work_take(frame, step->server);
    }
    frame->operation =
        cluster_propose(frame->run->setup.cluster, &evidence->snapshot, move->proposals,
                        move->count, send_timeout_us, move_sent, frame);
}

/* May the replicas go? False: the frame was finished, or looks again. */
static bool guard_allows(struct frame *frame, const struct evidence *evidence)
{
    struct text reason = {0};
    bool waits;
    enum answer answer =
        work_guard(frame, evidence, frame->step->server, NULL, false, &waits, &reason);
    if (waits) {
        struct move *move = frame->state;
        work_wait(frame, &move->told, &reason);
        timer_start(frame->run->setup.loop, &move->end, US_PER_SECOND, move_look, frame);
        text_clear(&reason);
        return false;
    }
    if (answer == ANSWER_NO && override_guard(frame, &reason)) {
        text_clear(&reason);
        return true;
    }
    run_emit(frame->run, EVENT_GUARD, frame->step, NULL, "%s: %s",
             answer == ANSWER_YES  ? "passed"
             : answer == ANSWER_NO ? "refused"
                                   : "unknown",
             text_string(&reason));
    if (answer != ANSWER_YES) {
        struct error err;
        /* Unknown may pass: a wait around asks again. A definite no ends the step. */
        error_set(&err, answer == ANSWER_NO ? ERROR_REFUSED : ERROR_UNREACHABLE,
                  "the guard does not let replicas leave %s: %s", frame->step->server->name,
                  text_string(&reason));
        frame_finish(frame, &err);
    }
    text_clear(&reason);
    return answer == ANSWER_YES;
}

static void move_gathered(void *ctx, const struct evidence *evidence)
{
    struct frame *frame = ctx;
    run_check_servers(frame->run, evidence);
    if (frame->cancelled || frame_waits(frame, move_look)) {
        return;
    }
    if (!evidence->has_snapshot) {
        frame_finish(frame, &evidence->snapshot_error);
        return;
    }
    choose(frame, evidence);
    struct move *move = frame->state;
    if (move->count > 0 && frame->step->kind == STEP_DOWNGRADE_NODE &&
        !guard_allows(frame, evidence)) {
        return;
    }
    send_proposals(frame, evidence);
}

static void move_look(void *ctx)
{
    struct frame *frame = ctx;
    struct move *move = frame->state;
    if (frame->cancelled) {
        frame_finish(frame, NULL);
        return;
    }
    guard_add_needs(frame->step->server, frame->run->setup.inventory,
                    gatherer_needs(move->gatherer));
    gatherer_start(move->gatherer, move_gathered, frame);
}

static void move_start(struct frame *frame)
{
    struct move *move = frame->state;
    move->gatherer = gatherer_new(&frame->run->gatherers);
    move_look(frame);
}

static void move_cancel(struct frame *frame)
{
    struct move *move = frame->state;
    if (frame->operation != NULL) {
        operation_cancel(frame->operation);
        return;
    }
    gatherer_cancel(move->gatherer);
    timer_start(frame->run->setup.loop, &move->end, 0, frame_end, frame);
}

static void move_clear(struct frame *frame)
{
    struct move *move = frame->state;
    timer_cancel(&move->end);
    gatherer_free(move->gatherer);
    free(move->proposals);
    text_clear(&move->note);
}

const struct step_ops ops_move = {
    .state_bytes = sizeof(struct move),
    .start = move_start,
    .cancel = move_cancel,
    .clear = move_clear,
};

/* ---- kill_partitions: closes what has left, so that memtables reach the disk */
enum { KILLS_IN_FLIGHT = 16 };

/* One replica told to close, with the way back from its answer. */
struct kill_call {
    struct frame *frame;
    size_t index;
};

struct kill {
    struct gatherer *gatherer;
    struct timer end;
    struct gpid *gpids;
    size_t count;
    size_t sent;
    size_t in_flight;
    struct kill_call *calls; /* one for each gpid */
    size_t already_closed;
    struct error failure;
    bool failed;
};

static void kill_next(struct frame *frame);

static void remember_gone(struct server_history *history, struct gpid gpid)
{
    history->gone = memory_resize(history->gone, (history->gone_count + 1) * sizeof *history->gone);
    history->gone[history->gone_count++] = gpid;
}

static void kill_answered(void *ctx, const char *value, const struct error *err)
{
    struct kill_call *call = ctx;
    struct frame *frame = call->frame;
    struct kill *kill = frame->state;
    kill->in_flight--;
    bool closed = err == NULL && strcmp(value, PEGASUS_OBJECT_NOT_FOUND) == 0;
    kill->already_closed += closed;
    if (closed) {
        remember_gone(run_history(frame->run, frame->step->server), kill->gpids[call->index]);
    }
    if (!kill->failed && err != NULL) {
        kill->failed = true;
        kill->failure = *err;
    } else if (!kill->failed && !closed && strcmp(value, PEGASUS_OK) != 0) {
        kill->failed = true;
        error_set(&kill->failure, ERROR_REPLY, "%s answered '%.200s' to replica.kill_partition",
                  frame->step->server->name, value);
    }
    kill_next(frame);
}

static void kill_next(struct frame *frame)
{
    struct kill *kill = frame->state;
    while (!kill->failed && !frame->cancelled && kill->sent < kill->count &&
           kill->in_flight < KILLS_IN_FLIGHT) {
        char app[16];
        char index[16];
        const char *arguments[] = {app, index};
        snprintf(app, sizeof app, "%d", kill->gpids[kill->sent].app_id);
        snprintf(index, sizeof index, "%d", kill->gpids[kill->sent].partition);
        struct kill_call *call = &kill->calls[kill->sent];
        *call = (struct kill_call){frame, kill->sent};
        kill->sent++;
        kill->in_flight++;
        cluster_remote_command(frame->run->setup.cluster, frame->step->server->address,
                               "replica.kill_partition", arguments, 2, CLUSTER_CALL_TIMEOUT_US,
                               kill_answered, call);
    }
    if (kill->in_flight > 0) {
        return;
    }
    run_mark_change(frame->run);
    run_emit(frame->run, EVENT_OUTCOME, frame->step, NULL,
             "%zu of %zu replicas told to close, %zu of them were closed already", kill->sent,
             kill->count, kill->already_closed);
    frame_finish(frame, kill->failed ? &kill->failure : NULL);
}

static void kill_look(void *ctx);

static void kill_gathered(void *ctx, const struct evidence *evidence)
{
    struct frame *frame = ctx;
    struct kill *kill = frame->state;
    if (frame_waits(frame, kill_look)) {
        return;
    }
    const struct server *server = frame->step->server;
    const struct server_evidence *own =
        &evidence->servers[inventory_slot(frame->run->setup.inventory, server)];
    if (!evidence->has_snapshot || !own->answered) {
        frame_finish(frame, evidence->has_snapshot ? &own->error : &evidence->snapshot_error);
        return;
    }
    int32_t node = snapshot_find_node(&evidence->snapshot, server->address);
    kill->gpids = memory_allocate((own->facts.replica_count + 1) * sizeof *kill->gpids);
    size_t members = 0;
    for (size_t i = 0; i < own->facts.replica_count; i++) {
        const struct server_replica *replica = &own->facts.replicas[i];
        const struct snapshot_partition *partition =
            snapshot_find_partition(&evidence->snapshot, replica->gpid);
        bool member = partition != NULL && snapshot_partition_has_member(partition, node);
        members += member;
        if (partition != NULL && !member && replica->status != REPLICA_ERROR) {
            kill->gpids[kill->count++] = replica->gpid;
        }
    }
    char left_alone[64] = "";
    if (members > 0) {
        snprintf(left_alone, sizeof left_alone, "; %zu that it still serves are left alone",
                 members);
    }
    if (kill->count == 0) {
        run_emit(frame->run, EVENT_OUTCOME, frame->step, NULL, "no drained replica is open on %s%s",
                 server->name, left_alone);
        frame_finish(frame, NULL);
        return;
    }
    kill->calls = memory_allocate(kill->count * sizeof *kill->calls);
    char **names = memory_allocate(kill->count * sizeof *names);
    for (size_t i = 0; i < kill->count; i++) {
        struct text name = {0};
        text_printf(&name, "%d.%d", kill->gpids[i].app_id, kill->gpids[i].partition);
        names[i] = text_take(&name);
    }
    bool kept = run_emit(frame->run, EVENT_INTENTION, frame->step,
                         event_data_texts("partitions", (const char *const *)names, kill->count),
                         "close %zu drained replicas of %s, so that their data reaches the disk%s",
                         kill->count, server->name, left_alone);
    for (size_t i = 0; i < kill->count; i++) {
        free(names[i]);
    }
    free(names);
    if (!kept) {
        frame_finish(frame, &frame->run->failure);
        return;
    }
    kill_next(frame);
}

static void kill_look(void *ctx)
{
    struct frame *frame = ctx;
    struct kill *kill = frame->state;
    struct run *run = frame->run;
    if (frame->cancelled) {
        frame_finish(frame, NULL);
        return;
    }
    struct needs *needs = gatherer_needs(kill->gatherer);
    needs->snapshot = true;
    needs->parts[inventory_slot(run->setup.inventory, frame->step->server)] = FACT_REPLICAS;
    gatherer_start(kill->gatherer, kill_gathered, frame);
}

static void kill_start(struct frame *frame)
{
    struct kill *kill = frame->state;
    kill->gatherer = gatherer_new(&frame->run->gatherers);
    kill_look(frame);
}

static void kill_cancel(struct frame *frame)
{
    struct kill *kill = frame->state;
    if (kill->in_flight > 0) {
        return; /* their answers come within their deadline; nothing more is sent */
    }
    gatherer_cancel(kill->gatherer);
    timer_start(frame->run->setup.loop, &kill->end, 0, frame_end, frame);
}

static void kill_clear(struct frame *frame)
{
    struct kill *kill = frame->state;
    timer_cancel(&kill->end);
    gatherer_free(kill->gatherer);
    free(kill->gpids);
    free(kill->calls);
}

const struct step_ops ops_kill_partitions = {
    .state_bytes = sizeof(struct kill),
    .start = kill_start,
    .cancel = kill_cancel,
    .clear = kill_clear,
};
