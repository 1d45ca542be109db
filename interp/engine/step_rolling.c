/* engine/step_rolling.c - steps for one server after the other, or for some at once.
 *
 * Before each server: who is next (order, racks, canary), and, when others are in work already,
 * whether the guard lets it be away together with them. It is asked before the turn begins, and not
 * only by its first action: a turn that waits half-way would keep others from healing. */
#include "base/duration.h"
#include "engine/internal.h"
#include "engine/rolling_order.h"

#include <stdlib.h>
#include <string.h>

static const int64_t look_again_us = 2 * US_PER_SECOND;

struct rolling {
    struct branches branches;
    bool *taken;
    size_t taken_count;
    size_t last; /* taken */
    size_t failures;
    bool canary_over;
    bool busy; /* a look, the soak or a question is under way: it ends in rolling_next */
    struct timer timer;
    struct leader_info leader;
    int64_t give_up_us;    /* looking for the leader */
    int64_t not_before_us; /* the pause after the last server */
    struct gatherer *gatherer;
    struct text told; /* why no server is begun */
    struct soak soak;
    struct question question;
};

static void rolling_next(void *ctx);

static void rolling_again(struct frame *frame, int64_t delay_us)
{
    struct rolling *rolling = frame->state;
    timer_start(frame->run->setup.loop, &rolling->timer, delay_us, rolling_next, frame);
}

/* ---- who may be next */
static struct rolling_order order_of(const struct frame *frame)
{
    const struct rolling *rolling = frame->state;
    return (struct rolling_order){
        .body = &frame->step->body,
        .taken = rolling->taken,
        .taken_count = rolling->taken_count,
        .last = rolling->last,
    };
}

/* The rack at work; NULL: that of the last one is done, but its servers are still in work. */
static const char *open_rack(const struct frame *frame)
{
    const struct rolling *rolling = frame->state;
    struct rolling_order order = order_of(frame);
    bool is_next;
    const char *rack = rolling_order_rack(&order, &is_next);
    return is_next && rolling->branches.running > 0 ? NULL : rack;
}

static bool may_be_next(const struct frame *frame, size_t index, const char *rack)
{
    struct rolling_order order = order_of(frame);
    return rolling_order_may_be_next(&order, index, rack);
}

/* ---- a turn begins */
static void begin_turn(struct frame *frame, size_t pick, bool leads)
{
    struct rolling *rolling = frame->state;
    const struct step *child = frame->step->body.items[pick];
    bool canary = (int32_t)rolling->taken_count < frame->step->as.rolling.canary;
    rolling->taken[pick] = true;
    rolling->taken_count++;
    rolling->last = pick;
    rolling->branches.running++;
    text_reset(&rolling->told);
    cJSON *data = cJSON_CreateObject();
    cJSON_AddNumberToObject(data, "of", (double)frame->step->body.count);
    run_emit(frame->run, EVENT_PICKED, child, data, "%s %zu of %zu: %s%s%s",
             role_name(frame->step->as.rolling.role), rolling->taken_count, frame->step->body.count,
             child->server->name, canary ? ", a canary" : "",
             leads ? ", the primary meta server, comes last" : "");
    struct frame *turn = frame_start(frame->run, frame, child);
    if (work_takes_away(child)) {
        work_take(turn, child->server);
    }
    rolling_again(frame, 0);
}

static void pick_listed(struct frame *frame, const struct address *leader)
{
    struct rolling_order order = order_of(frame);
    const char *rack = open_rack(frame);
    bool leads;
    ASSERT(rack != NULL);
    size_t pick = rolling_order_pick(&order, rack, leader, &leads);
    begin_turn(frame, pick, leads);
}

/* ---- the leader: looked up anew for each pick, it may have changed since the last one */
static void rolling_look(void *ctx);

static void rolling_leader_read(void *ctx, const struct error *err)
{
    struct frame *frame = ctx;
    struct rolling *rolling = frame->state;
    frame->operation = NULL;
    rolling->busy = false;
    if (frame->cancelled || rolling->branches.failed) {
        rolling_next(frame);
    } else if (err != NULL && error_may_pass(err) &&
               loop_now_us(frame->run->setup.loop) < rolling->give_up_us) {
        rolling->busy = true;
        timer_start(frame->run->setup.loop, &rolling->timer, US_PER_SECOND, rolling_look, frame);
    } else if (err != NULL) {
        struct error wrapped = *err;
        error_wrap(&wrapped, "look for the primary meta server, to take standbys first");
        rolling->branches.running++; /* the look counts as a branch that failed */
        branches_end(frame, &rolling->branches, frame->step, &wrapped);
        rolling_next(frame);
    } else {
        pick_listed(frame, &rolling->leader.address);
    }
}

static void rolling_look(void *ctx)
{
    struct frame *frame = ctx;
    struct rolling *rolling = frame->state;
    if (frame->cancelled || rolling->branches.failed) {
        rolling->busy = false;
        rolling_next(frame);
        return;
    }
    rolling->busy = true;
    frame->operation = cluster_read_leader(frame->run->reader, &rolling->leader,
                                           2 * CLUSTER_CALL_TIMEOUT_US, rolling_leader_read, frame);
}

/* ---- may one more be away? */
static void rolling_gathered(void *ctx, const struct evidence *evidence)
{
    struct frame *frame = ctx;
    struct rolling *rolling = frame->state;
    const struct step_list *body = &frame->step->body;
    const char *rack = open_rack(frame);
    struct text first = {0};
    size_t pick = body->count;
    rolling->busy = false;
    if (frame->cancelled || rolling->branches.failed ||
        loop_now_us(frame->run->setup.loop) < rolling->not_before_us) {
        rolling_next(frame);
        return;
    }
    for (size_t i = 0; rack != NULL && i < body->count && pick == body->count; i++) {
        struct text reason = {0};
        bool waits;
        if (may_be_next(frame, i, rack)) {
            enum answer answer =
                work_guard(frame, evidence, body->items[i]->server, NULL, true, &waits, &reason);
            pick = answer == ANSWER_YES ? i : pick;
            text_printf(&first, "%s", first.length > 0 ? "" : text_string(&reason));
        }
        text_clear(&reason);
    }
    if (pick < body->count) {
        run_emit(frame->run, EVENT_GUARD, body->items[pick], NULL, "passed: %s may go as well",
                 body->items[pick]->server->name);
        begin_turn(frame, pick, false);
    } else {
        if (strcmp(text_string(&first), text_string(&rolling->told)) != 0) {
            run_emit(frame->run, EVENT_WAITING, frame->step, NULL, "no other server is begun: %s",
                     text_string(&first));
            text_reset(&rolling->told);
            text_append_string(&rolling->told, text_string(&first));
        }
        rolling_again(frame, look_again_us);
    }
    text_clear(&first);
}

/* Only a server that would go while others are in work is asked about: else its own guards do. */
static bool needs_leave(const struct frame *frame, const char *rack)
{
    /* Seen from a turn to be: those of this rolling that are in work are others. */
    const struct step_list *body = &frame->step->body;
    for (size_t i = 0; i < body->count; i++) {
        if (may_be_next(frame, i, rack)) {
            return work_has_others(frame, ROLE_REPLICA) && work_takes_away(body->items[i]);
        }
    }
    return false;
}

static void ask_leave(struct frame *frame)
{
    struct rolling *rolling = frame->state;
    const struct inventory *inventory = frame->run->setup.inventory;
    rolling->busy = true;
    guard_add_needs(&inventory->servers[ROLE_REPLICA][0], inventory,
                    gatherer_needs(rolling->gatherer));
    gatherer_start(rolling->gatherer, rolling_gathered, frame);
}

/* ---- the canary */
static void canary_failed(struct frame *frame, const struct error *err)
{
    struct rolling *rolling = frame->state;
    rolling->branches.running++;
    branches_end(frame, &rolling->branches, frame->step, err);
    rolling_again(frame, 0);
}

static void canary_answered(void *ctx, const char *answer)
{
    struct frame *frame = ctx;
    struct rolling *rolling = frame->state;
    struct error err;
    rolling->busy = false;
    rolling->canary_over = true;
    if (strcmp(answer, "yes") == 0) {
        rolling_again(frame, 0);
        return;
    }
    error_set(&err, ERROR_CANCELLED, "stopped after the canary: the answer was %s", answer);
    canary_failed(frame, &err);
}

static void ask_after_canary(struct frame *frame)
{
    struct rolling *rolling = frame->state;
    size_t left = frame->step->body.count - rolling->taken_count;
    if (left == 0) {
        rolling->canary_over = true;
        rolling->busy = false;
        rolling_again(frame, 0);
        return;
    }
    rolling->busy = true;
    question_ask(&rolling->question, frame->run, frame->step, &question_yes_or_no, canary_answered,
                 frame, "the canary is done (%zu of %zu servers): go on with the other %zu?",
                 rolling->taken_count, frame->step->body.count, left);
}

static void soaked(struct frame *frame, const struct error *err)
{
    struct rolling *rolling = frame->state;
    rolling->busy = false;
    if (err != NULL) {
        canary_failed(frame, err);
    } else {
        ask_after_canary(frame);
    }
}

static void canary_done(struct frame *frame)
{
    struct rolling *rolling = frame->state;
    const struct step_list *body = &frame->step->body;
    if (frame->step->as.rolling.soak_us == 0) {
        ask_after_canary(frame);
        return;
    }
    const struct server **servers = memory_allocate((body->count + 1) * sizeof *servers);
    size_t count = 0;
    for (size_t i = 0; i < body->count; i++) {
        if (rolling->taken[i]) {
            servers[count++] = body->items[i]->server;
        }
    }
    rolling->busy = true;
    soak_start(&rolling->soak, frame, servers, count, frame->step->as.rolling.soak_us, soaked);
    free(servers);
}

/* ---- what is next */
static void rolling_next(void *ctx)
{
    struct frame *frame = ctx;
    struct rolling *rolling = frame->state;
    const struct step *step = frame->step;
    size_t running = rolling->branches.running;
    bool none_left = rolling->taken_count == step->body.count;
    bool over = frame->cancelled || rolling->branches.failed;
    bool canary = !rolling->canary_over && step->as.rolling.canary > 0;
    bool canary_gone =
        canary && (none_left || rolling->taken_count == (size_t)step->as.rolling.canary);
    size_t most = canary ? 1 : (size_t)step->as.rolling.max_in_flight;
    if (rolling->busy) {
        return;
    }
    if (over || (none_left && !canary_gone)) {
        if (running == 0) {
            branches_finish(frame, &rolling->branches);
        }
        return;
    }
    if (!run_may_begin(frame->run)) {
        rolling_again(frame, look_again_us); /* who is next is asked when it goes on */
        return;
    }
    if (canary_gone && running == 0) {
        canary_done(frame);
    }
    const char *rack = open_rack(frame);
    if (canary_gone || running >= most || rack == NULL) {
        return;
    }
    int64_t pause_us = rolling->not_before_us - loop_now_us(frame->run->setup.loop);
    if (pause_us > 0) {
        rolling_again(frame, pause_us);
        return;
    }
    if (step->as.rolling.order == ORDER_STANDBYS_FIRST) {
        rolling->give_up_us = loop_now_us(frame->run->setup.loop) + LEADERLESS_US;
        rolling_look(frame);
    } else if (needs_leave(frame, rack)) {
        ask_leave(frame);
    } else {
        pick_listed(frame, NULL);
    }
}

/* ---- what was done before an interruption */
/* A server that failed is left out as before, unless the run had ended: then it is tried again. */
static bool turn_is_over(const struct frame *frame, const struct past_step *past)
{
    return past->state == PAST_DONE ||
           (past->state == PAST_PASSED_OVER && past_outcome(frame->run->setup.past) == NULL);
}

static void take_up(struct frame *frame, size_t index, const struct past_step *past)
{
    struct rolling *rolling = frame->state;
    struct run *run = frame->run;
    rolling->taken[index] = true;
    rolling->taken_count++;
    rolling->last = index;
    if (past->state == PAST_PASSED_OVER) {
        rolling->failures++;
        if (run->servers_failed++ == 0) {
            error_set(&run->server_failure, ERROR_STEP, "%s", past->why == NULL ? "" : past->why);
            run->server_failed_at = frame->step->body.items[index];
        }
    }
}

/* Those whose turn was over are taken; those that were at it are begun again, whatever is next. */
static void rolling_take_up(void *ctx)
{
    struct frame *frame = ctx;
    struct rolling *rolling = frame->state;
    const struct step_list *body = &frame->step->body;
    for (size_t i = 0; i < body->count; i++) {
        const struct past_step *past = resume_find(frame, body->items[i]);
        if (past != NULL && turn_is_over(frame, past)) {
            take_up(frame, i, past);
        }
    }
    const char *answer = frame->past == NULL ? NULL : frame->past->answer;
    rolling->canary_over = (int32_t)rolling->taken_count > frame->step->as.rolling.canary ||
                           (answer != NULL && strcmp(answer, "yes") == 0);
    if (rolling->taken_count > 0) {
        run_emit(frame->run, EVENT_NOTE, frame->step, NULL,
                 "%zu of %zu %s were done before the interruption", rolling->taken_count,
                 body->count, role_name(frame->step->as.rolling.role));
    }
    for (size_t i = 0; i < body->count && !frame->cancelled; i++) {
        if (resume_find(frame, body->items[i]) != NULL && !rolling->taken[i]) {
            begin_turn(frame, i, false);
        }
    }
    rolling_again(frame, 0);
}

static void rolling_start(struct frame *frame)
{
    struct rolling *rolling = frame->state;
    rolling->taken = memory_allocate((frame->step->body.count + 1) * sizeof *rolling->taken);
    rolling->gatherer = gatherer_new(&frame->run->gatherers);
    timer_start(frame->run->setup.loop, &rolling->timer, 0, rolling_take_up, frame);
}

/* ---- a turn is over */
/* True: this failure was passed over, and is kept for the end of the run. That of a canary is what
 * the canary is for. */
static bool pass_over(struct frame *frame, const struct step *child, const struct error *err)
{
    struct rolling *rolling = frame->state;
    struct run *run = frame->run;
    bool is_canary = rolling->taken_count <= (size_t)frame->step->as.rolling.canary;
    if (frame->cancelled || rolling->branches.failed || run->event_lost || is_canary ||
        !error_may_be_passed_over(err) ||
        rolling->failures >= (size_t)frame->step->as.rolling.max_failures) {
        return false;
    }
    rolling->failures++;
    if (run->servers_failed++ == 0) {
        run->server_failure = *err;
        run->server_failed_at = frame->origin;
    }
    frame_forgive(frame);
    run_emit(run, EVENT_PASSED_OVER, child, NULL, "%s failed, as %zu of at most %d: %s",
             child->server->name, rolling->failures, frame->step->as.rolling.max_failures,
             err->text);
    return true;
}

static void rolling_child_done(struct frame *frame, const struct step *child,
                               const struct error *err)
{
    struct rolling *rolling = frame->state;
    int64_t pause_us = frame->step->as.rolling.pause_us;
    if (err == NULL && !frame->cancelled) {
        run_history(frame->run, child->server)->in_work = false;
    }
    branches_end(frame, &rolling->branches, child,
                 err != NULL && pass_over(frame, child, err) ? NULL : err);
    bool over = frame->cancelled || rolling->branches.failed;
    bool last = rolling->taken_count == frame->step->body.count;
    if (!over && !last && pause_us > 0) {
        rolling->not_before_us = loop_now_us(frame->run->setup.loop) + pause_us;
        char text[DURATION_TEXT_BYTES];
        cJSON *data = cJSON_CreateObject();
        event_add_ms(data, "pause_ms", pause_us);
        run_emit(frame->run, EVENT_NOTE, frame->step, data, "pause of %s before the next server",
                 duration_format(pause_us, text));
    }
    if (!rolling->busy) {
        rolling_again(frame, 0);
    }
}

static void rolling_cancel(struct frame *frame)
{
    struct rolling *rolling = frame->state;
    frame_cancel_children(frame, &frame->why, false);
    soak_cancel(&rolling->soak);
    question_withdraw(&rolling->question);
    gatherer_cancel(rolling->gatherer);
    if (frame->operation != NULL) {
        operation_cancel(frame->operation);
        return;
    }
    rolling->busy = false;
    rolling_again(frame, 0);
}

static void rolling_clear(struct frame *frame)
{
    struct rolling *rolling = frame->state;
    timer_cancel(&rolling->timer);
    gatherer_free(rolling->gatherer);
    question_withdraw(&rolling->question);
    soak_clear(&rolling->soak);
    text_clear(&rolling->told);
    free(rolling->taken);
}

const struct step_ops ops_rolling = {
    .state_bytes = sizeof(struct rolling),
    .start = rolling_start,
    .child_done = rolling_child_done,
    .cancel = rolling_cancel,
    .clear = rolling_clear,
    .concurrent = true,
};
