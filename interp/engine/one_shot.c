#include "base/duration.h"
#include "engine/one_shot_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { BATCH_MAX = 100 }; /* announced by one intention */
enum { NOTES_MAX = 3 };   /* partitions named with why they wait */

static const int64_t pause_us = US_PER_SECOND;           /* before what waits is looked at again */
static const int64_t slow_us = US_PER_SECOND;            /* under way for longer: say so */
static const int64_t look_at_least_us = 500 * US_PER_MS; /* however long it takes */
static const int64_t cancel_for_us = 10 * US_PER_SECOND; /* what is under way when told to end */

static void look(void *ctx);
static void begin_batch(struct frame *frame);

struct one_shot *one_shot_of(const struct frame *frame)
{
    return *(struct one_shot **)frame->state;
}

size_t one_shot_count_state(const struct one_shot *shots, enum shot_state state)
{
    size_t count = 0;
    for (size_t i = shots->batch_begin; i < shots->batch_end; i++) {
        count += shots->shots[i].state == state;
    }
    return count;
}

void one_shot_note(struct one_shot *shots, struct gpid gpid, const char *why)
{
    if (shots->note_count++ < NOTES_MAX) {
        text_printf(&shots->note, "%s%d.%d: %s", shots->note.length > 0 ? "; " : "", gpid.app_id,
                    gpid.partition, why);
    }
}

void one_shot_leave(struct one_shot *shots, struct shot *shot, const char *why)
{
    shot->state = SHOT_LEFT;
    one_shot_note(shots, shot->gpid, why);
}

void one_shot_fail(struct one_shot *shots, const struct error *err)
{
    if (!shots->failed) {
        shots->failed = true;
        shots->failure = *err;
    }
}

/* ---- a pause between two passes */
static void look_again_later(struct frame *frame, enum answer answer, const char *reason)
{
    struct one_shot *shots = one_shot_of(frame);
    waiting_tell(&shots->waiting, frame, NULL, answer, reason);
    timer_start(frame->run->setup.loop, &shots->timer, pause_us, look, frame);
}

static void wait_for_what_is_left(struct frame *frame, size_t left)
{
    struct one_shot *shots = one_shot_of(frame);
    struct text reason = {0};
    text_printf(&reason, "%zu replicas %s %s: %s%s", left, shots->kind->not_done,
                frame->step->server->name, text_string(&shots->note),
                shots->note_count > NOTES_MAX ? "; and more" : "");
    look_again_later(frame, ANSWER_NO, text_string(&reason));
    text_clear(&reason);
}

/* ---- batches */
static void end_batch(struct frame *frame)
{
    struct one_shot *shots = one_shot_of(frame);
    char took[DURATION_TEXT_BYTES];
    size_t size = shots->batch_end - shots->batch_begin;
    size_t done = one_shot_count_state(shots, SHOT_DONE);
    size_t left = 0;
    if (size > 0) {
        int64_t took_us = loop_now_us(frame->run->setup.loop) - shots->batch_us;
        cJSON *data = cJSON_CreateObject();
        cJSON_AddNumberToObject(data, "done", (double)done);
        cJSON_AddNumberToObject(data, "left", (double)(size - done));
        event_add_ms(data, "took_ms", took_us);
        run_emit(frame->run, EVENT_OUTCOME, frame->step, data,
                 "%zu of %zu replicas %s %s in %s%s%s", done, size, shots->kind->done,
                 frame->step->server->name, duration_format(took_us, took),
                 shots->note.length > 0 ? "; " : "", text_string(&shots->note));
    }
    shots->batch_begin = shots->batch_end;
    if (shots->failed || frame->cancelled) {
        frame_finish(frame, shots->failed ? &shots->failure : NULL);
        return;
    }
    if (shots->batch_end < shots->count) {
        begin_batch(frame);
        return;
    }
    for (size_t i = 0; i < shots->count; i++) {
        left += shots->shots[i].state != SHOT_DONE;
    }
    if (left > 0) {
        wait_for_what_is_left(frame, left);
    } else {
        look(frame); /* is it so? */
    }
}

/* After a pause the whole cluster is looked at anew. */
static void look_or_end(void *ctx)
{
    struct frame *frame = ctx;
    if (frame->cancelled) {
        end_batch(frame);
    } else {
        look(frame);
    }
}

static void go_on(void *ctx)
{
    one_shot_go_on(ctx);
}

static void begin_batch(struct frame *frame)
{
    struct one_shot *shots = one_shot_of(frame);
    if (frame_waits(frame, look_or_end)) {
        return;
    }
    const struct one_shot_kind *kind = shots->kind;
    size_t rest = shots->count - shots->batch_begin;
    size_t size = rest < BATCH_MAX ? rest : BATCH_MAX;
    shots->batch_end = shots->batch_begin + size;
    shots->batch_us = loop_now_us(frame->run->setup.loop);
    shots->progress_us = shots->batch_us;
    char names[BATCH_MAX][24];
    const char *texts[BATCH_MAX];
    for (size_t i = 0; i < size; i++) {
        struct gpid gpid = shots->shots[shots->batch_begin + i].gpid;
        snprintf(names[i], sizeof names[i], "%d.%d", gpid.app_id, gpid.partition);
        texts[i] = names[i];
    }
    bool kept = run_emit(frame->run, EVENT_INTENTION, frame->step,
                         event_data_texts("partitions", texts, size),
                         "%s %zu replicas %s %s by forced proposals, %" PRId32 " at a time%s",
                         kind->verb, size, kind->where, frame->step->server->name,
                         frame->step->as.in_flight, rest > size ? " (more follow)" : "");
    if (kept && kind->takes_away) {
        work_take(frame, frame->step->server);
    }
    if (kept) {
        one_shot_go_on(frame);
    } else {
        shots->batch_end = shots->batch_begin;
        frame_finish(frame, &frame->run->failure);
    }
}

static void observe(void *ctx)
{
    struct frame *frame = ctx;
    one_shot_round(frame, SHOT_SENT, SIZE_MAX);
}

/* What is slow is looked at less often, and told. */
static void look_at_sent(struct frame *frame, size_t sent)
{
    struct one_shot *shots = one_shot_of(frame);
    int64_t idle_us = loop_now_us(frame->run->setup.loop) - shots->progress_us;
    int64_t delay_us = idle_us / 8 < look_at_least_us ? idle_us / 8 : look_at_least_us;
    if (idle_us >= slow_us) {
        struct text reason = {0};
        int32_t most = 0;
        const struct shot *first = NULL;
        for (size_t i = shots->batch_begin; i < shots->batch_end; i++) {
            const struct shot *shot = &shots->shots[i];
            if (shot->state == SHOT_SENT) {
                first = first == NULL ? shot : first;
                most = shot->sent_count > most ? shot->sent_count : most;
            }
        }
        ASSERT(first != NULL); /* `sent` counts them */
        text_printf(&reason, "%zu replicas %s %s, proposed up to %" PRId32 " times: %d.%d%s", sent,
                    shots->kind->not_done, frame->step->server->name, most, first->gpid.app_id,
                    first->gpid.partition, sent > 1 ? " and others" : "");
        waiting_tell(&shots->waiting, frame, NULL, ANSWER_NO, text_string(&reason));
        text_clear(&reason);
    }
    timer_start(frame->run->setup.loop, &shots->timer,
                delay_us > shots->kind->look_us ? delay_us : shots->kind->look_us, observe, frame);
}

void one_shot_go_on(struct frame *frame)
{
    struct one_shot *shots = one_shot_of(frame);
    bool ends = shots->failed || frame->cancelled;
    bool over = frame->cancelled && loop_now_us(frame->run->setup.loop) >= shots->give_up_us;
    size_t sent = one_shot_count_state(shots, SHOT_SENT);
    size_t ready = ends ? 0 : one_shot_count_state(shots, SHOT_READY);
    size_t most = (size_t)frame->step->as.in_flight;
    bool paused = !ends && !run_may_begin(frame->run);
    if (ready > 0 && sent < most && !paused) {
        one_shot_round(frame, SHOT_READY, most - sent);
    } else if (sent > 0 && !over) {
        look_at_sent(frame, sent);
    } else if (ready > 0 && frame_waits(frame, go_on)) {
        return; /* each is read anew before it is sent */
    } else {
        end_batch(frame);
    }
}

/* ---- a look at the whole cluster */
struct listing {
    size_t waiting;
    size_t accepted; /* replicas of tables whose outage is accepted */
};

static void list_partition(struct frame *frame, const struct shot_view *view,
                           const struct snapshot_partition *partition, struct listing *listing)
{
    struct one_shot *shots = one_shot_of(frame);
    struct proposal proposal;
    struct text why = {0};
    switch (shots->kind->judge(view, partition, &proposal, &why)) {
    case SHOT_NOTHING:
        break;
    case SHOT_SEND:
    case SHOT_MOVING:
        shots->shots[shots->count++] = (struct shot){.gpid = partition->gpid};
        break;
    case SHOT_WAIT:
        listing->waiting++;
        one_shot_note(shots, partition->gpid, text_string(&why));
        break;
    }
    text_clear(&why);
}

static void list(struct frame *frame, const struct evidence *evidence, struct listing *listing)
{
    struct one_shot *shots = one_shot_of(frame);
    const struct snapshot *snapshot = &evidence->snapshot;
    struct shot_view view = one_shot_view(frame, evidence);
    const struct cluster_file *accepts = frame->run->setup.cluster_file;
    size_t room = (size_t)snapshot->partition_count + 1;
    shots->shots = memory_resize(shots->shots, room * sizeof *shots->shots);
    shots->count = 0;
    shots->batch_begin = 0;
    shots->batch_end = 0;
    shots->note_count = 0;
    text_reset(&shots->note);
    for (int32_t t = 0; t < snapshot->table_count; t++) {
        const struct snapshot_table *table = &snapshot->tables[t];
        bool left_out = shots->kind->takes_away && guard_accepts_table(accepts, table->name);
        for (int32_t p = 0; table->partitions != NULL && p < table->partition_count; p++) {
            if (left_out) {
                listing->accepted +=
                    snapshot_partition_has_member(&table->partitions[p], view.node);
            } else {
                list_partition(frame, &view, &table->partitions[p], listing);
            }
        }
    }
}

/* False: the frame was finished, or looks again later. */
static bool guard_allows(struct frame *frame, const struct evidence *evidence)
{
    struct one_shot *shots = one_shot_of(frame);
    struct text reason = {0};
    const char *name = frame->step->server->name;
    bool waits;
    enum answer answer =
        work_guard(frame, evidence, frame->step->server, NULL, false, &waits, &reason);
    if (answer == ANSWER_NO && override_guard(frame, &reason)) {
        text_clear(&reason);
        return true;
    }
    if (answer == ANSWER_NO || (answer == ANSWER_YES && !shots->guard_told)) {
        shots->guard_told = true;
        run_emit(frame->run, EVENT_GUARD, frame->step, NULL, "%s: %s",
                 answer == ANSWER_YES ? "passed" : "refused", text_string(&reason));
    }
    if (answer == ANSWER_NO) {
        struct error err;
        error_set(&err, ERROR_REFUSED, "the guard does not let replicas leave %s: %s", name,
                  text_string(&reason));
        frame_finish(frame, &err);
    } else if (waits) {
        work_wait(frame, &shots->others_told, &reason);
        timer_start(frame->run->setup.loop, &shots->timer, pause_us, look, frame);
    } else if (answer == ANSWER_UNKNOWN) {
        look_again_later(frame, answer, text_string(&reason));
    }
    text_clear(&reason);
    return answer == ANSWER_YES;
}

static void judge_look(struct frame *frame, const struct evidence *evidence)
{
    struct one_shot *shots = one_shot_of(frame);
    const struct one_shot_kind *kind = shots->kind;
    struct listing listing = {0};
    list(frame, evidence, &listing);
    if (shots->count == 0 && listing.waiting == 0) {
        char accepted[96] = "";
        if (listing.accepted > 0) {
            snprintf(accepted, sizeof accepted, "; %zu of tables whose outage is accepted stay",
                     listing.accepted);
        }
        run_emit(frame->run, EVENT_OUTCOME, frame->step, NULL, "%s %s%s", kind->nothing,
                 frame->step->server->name, accepted);
        frame_finish(frame, NULL);
    } else if (!kind->takes_away || guard_allows(frame, evidence)) {
        if (shots->count == 0) {
            wait_for_what_is_left(frame, listing.waiting);
        } else {
            begin_batch(frame);
        }
    }
}

static void looked(void *ctx, const struct evidence *evidence)
{
    struct frame *frame = ctx;
    one_shot_of(frame)->base = evidence;
    if (!evidence->has_snapshot) {
        if (error_may_pass(&evidence->snapshot_error)) {
            look_again_later(frame, ANSWER_UNKNOWN, evidence->snapshot_error.text);
        } else {
            frame_finish(frame, &evidence->snapshot_error);
        }
        return;
    }
    run_check_servers(frame->run, evidence);
    if (frame->cancelled) {
        return; /* its end is on its way */
    }
    if (evidence->snapshot.partition_count == 0) {
        look_again_later(frame, ANSWER_UNKNOWN, "the primary meta server lists no table");
    } else {
        judge_look(frame, evidence);
    }
}

static void look(void *ctx)
{
    struct frame *frame = ctx;
    struct one_shot *shots = one_shot_of(frame);
    const struct inventory *inventory = frame->run->setup.inventory;
    const struct server *server = frame->step->server;
    struct needs *needs = gatherer_needs(shots->looks);
    guard_add_needs(server, inventory, needs);
    if (shots->kind->asks_replicas) {
        needs->parts[inventory_slot(inventory, server)] |= FACT_REPLICAS;
    }
    gatherer_start(shots->looks, looked, frame);
}

/* ---- life */
void one_shot_start(struct frame *frame, const struct one_shot_kind *kind)
{
    struct one_shot *shots = memory_allocate(sizeof *shots);
    size_t round = (size_t)frame->step->as.in_flight;
    round = round < BATCH_MAX ? BATCH_MAX : round;
    *(struct one_shot **)frame->state = shots;
    shots->kind = kind;
    shots->looks = gatherer_new(&frame->run->gatherers);
    shots->asks = gatherer_new(&frame->run->gatherers);
    snapshot_init(&shots->fresh);
    shots->round = memory_allocate(round * sizeof *shots->round);
    shots->gpids = memory_allocate(round * sizeof *shots->gpids);
    shots->proposals = memory_allocate(round * sizeof *shots->proposals);
    shots->proposed = memory_allocate(round * sizeof *shots->proposed);
    if (frame->past != NULL && frame->past->intended && !frame->past->outcome_known) {
        /* What was sent before an interruption may still be on its way. */
        timer_start(frame->run->setup.loop, &shots->timer, ONE_SHOT_UNHEARD_US, look, frame);
        return;
    }
    look(frame);
}

/* Nothing more is sent; what was sent is followed for a while, so that the end is a known state. */
void one_shot_cancel(struct frame *frame)
{
    struct one_shot *shots = one_shot_of(frame);
    if (frame->why.code == ERROR_STEP && !frame->run->ending && shots->waiting.told.length > 0) {
        struct error why = frame->why;
        error_set(&frame->why, ERROR_STEP, "%s; last seen: %s", why.text,
                  text_string(&shots->waiting.told));
    }
    shots->give_up_us = loop_now_us(frame->run->setup.loop) + cancel_for_us;
    if (frame->operation != NULL) {
        return; /* sent: its answer comes within its deadline */
    }
    gatherer_cancel(shots->looks);
    one_shot_round_drop(shots);
    timer_start(frame->run->setup.loop, &shots->timer, 0, go_on, frame);
}

void one_shot_clear(struct frame *frame)
{
    struct one_shot *shots = one_shot_of(frame);
    timer_cancel(&shots->timer);
    gatherer_free(shots->looks);
    gatherer_free(shots->asks);
    snapshot_clear(&shots->fresh);
    free(shots->shots);
    free(shots->round);
    free(shots->gpids);
    free(shots->proposals);
    free(shots->proposed);
    text_clear(&shots->note);
    text_clear(&shots->waiting.told);
    free(shots);
}
