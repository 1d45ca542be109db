/* engine/step_deploy.c - a server is updated, restarted, started or stopped by the site's adapter.
 *
 * Right before: the guard, and the server's start time, which is the proof of a restart afterwards.
 * What the adapter reports says nothing about the server: the flow's waits look at it. An
 * operator's stop does not tear an adapter down half-way: it is followed until its server is alive.
 */
#include "base/duration.h"
#include "engine/internal.h"

#include <stdio.h>
#include <string.h>

struct deploy {
    struct gatherer *gatherer;
    struct timer timer;
    size_t next;
    int64_t give_up_us; /* looking before: an election may be going on, a server may be busy */
    bool told;          /* that it waits for servers in work */
    int refusals;       /* of the server's own port, one after another */
    bool begun;         /* the adapter's first step was started */
    bool following;     /* ended from outside: the server must be alive before this ends */
    struct follower follower;
    struct doubt doubt; /* of what began before an interruption */
};

static const char *const action_names[] = {
    [DEPLOY_UPDATE] = "update",
    [DEPLOY_RESTART] = "restart",
    [DEPLOY_START] = "start",
    [DEPLOY_STOP] = "stop",
};

static bool takes_server_away(const struct step *step)
{
    return step->as.deploy != DEPLOY_START;
}

/* ---- the adapter's steps */
static void deploy_next(struct frame *frame)
{
    struct deploy *deploy = frame->state;
    const struct step *step = frame->step;
    if (deploy->next < step->body.count) {
        deploy->begun = true;
        frame_start(frame->run, frame, step->body.items[deploy->next++]);
        return;
    }
    run_emit(frame->run, EVENT_OUTCOME, step, NULL, "the adapter has finished %s of %s",
             action_names[step->as.deploy], step->server->name);
    if (deploy->following && step->as.deploy != DEPLOY_STOP) {
        follow_start(&deploy->follower, frame, frame->step->server, follow_finish);
    } else {
        frame_finish(frame, NULL);
    }
}

static void deploy_child_done(struct frame *frame, const struct step *child,
                              const struct error *err)
{
    struct deploy *deploy = frame->state;
    (void)child;
    run_mark_change(frame->run);
    if (err != NULL) {
        struct error wrapped = *err;
        error_wrap(&wrapped, "%s of %s", action_names[frame->step->as.deploy],
                   frame->step->server->name);
        frame_finish(frame, &wrapped);
    } else if (frame->cancelled && !deploy->following) {
        frame_finish(frame, NULL);
    } else {
        deploy_next(frame);
    }
}

/* ---- what is looked at before */
enum { REFUSALS_OF_A_DOWN_SERVER = 3 }; /* one refused connection alone is not believed */

/* Another meta server that is silent now could be the one the cluster then needs. */
static enum answer metas_allow(const struct frame *frame, const struct evidence *evidence,
                               bool *waits, struct text *reason)
{
    if (work_allows(frame, frame->step->server, waits, reason) != ANSWER_YES) {
        return ANSWER_UNKNOWN;
    }
    const struct inventory *inventory = frame->run->setup.inventory;
    for (int32_t i = 0; i < inventory->count[ROLE_META]; i++) {
        const struct server *meta = &inventory->servers[ROLE_META][i];
        const struct server_evidence *seen = &evidence->servers[inventory_slot(inventory, meta)];
        if (meta != frame->step->server && !seen->answered) {
            text_printf(reason, "the meta server %s does not answer: %s", meta->name,
                        seen->error.text);
            return ANSWER_UNKNOWN;
        }
    }
    text_append_string(reason, "all other meta servers answer");
    return ANSWER_YES;
}

/* Yes, no, or unknown: then it is asked again. */
static enum answer guard_answer(const struct frame *frame, const struct evidence *evidence,
                                bool *waits, struct text *reason)
{
    const struct step *step = frame->step;
    *waits = false;
    if (!takes_server_away(step)) {
        return ANSWER_YES;
    }
    if (step->server->role == ROLE_COLLECTOR) {
        return work_allows(frame, step->server, waits, reason);
    }
    return step->server->role == ROLE_META
               ? metas_allow(frame, evidence, waits, reason)
               : work_guard(frame, evidence, step->server, NULL, true, waits, reason);
}

/* The start time now, or that it is down: without one of them no restart could be proven. */
static enum answer start_answer(struct frame *frame, const struct evidence *evidence,
                                struct text *reason)
{
    struct deploy *deploy = frame->state;
    const struct server *server = frame->step->server;
    const struct server_evidence *seen =
        &evidence->servers[inventory_slot(frame->run->setup.inventory, server)];
    bool refused = !seen->answered && seen->error.code == ERROR_UNREACHABLE;
    deploy->refusals = refused ? deploy->refusals + 1 : 0;
    if (seen->answered || deploy->refusals == REFUSALS_OF_A_DOWN_SERVER) {
        return ANSWER_YES;
    }
    text_printf(reason, "its start time could not be read, so a restart could not be proven: %s",
                seen->error.text);
    return ANSWER_UNKNOWN;
}

static void remember_start(struct frame *frame, const struct evidence *evidence)
{
    const struct step *step = frame->step;
    const struct server_evidence *seen =
        &evidence->servers[inventory_slot(frame->run->setup.inventory, step->server)];
    struct server_history *history = run_history(frame->run, step->server);
    history->restart_asked = step->as.deploy != DEPLOY_STOP;
    history->in_work = true;
    history->was_down = !seen->answered;
    history->seen_start[0] = '\0'; /* it is ours to restart */
    snprintf(history->start_time_before, sizeof history->start_time_before, "%s",
             seen->answered ? seen->facts.start_time : "");
}

static void deploy_begin(struct frame *frame, const struct evidence *evidence)
{
    const struct step *step = frame->step;
    remember_start(frame, evidence);
    const struct server_history *history = run_history(frame->run, step->server);
    cJSON *data = cJSON_CreateObject();
    cJSON_AddStringToObject(data, "action", action_names[step->as.deploy]);
    cJSON_AddStringToObject(data, "start_time_before", history->start_time_before);
    if (!run_emit(frame->run, EVENT_INTENTION, step, data, "%s %s %s (%s%s)",
                  action_names[step->as.deploy], role_name(step->server->role), step->server->name,
                  history->was_down ? "it is down" : "started at ", history->start_time_before)) {
        frame_finish(frame, &frame->run->failure);
        return;
    }
    if (takes_server_away(step)) {
        work_take(frame, step->server);
    }
    run_mark_change(frame->run);
    frame->goes_on = true;
    deploy_next(frame);
}

static void deploy_look(void *ctx);
static void deploy_look_anew(void *ctx);

static void deploy_gathered(void *ctx, const struct evidence *evidence)
{
    struct frame *frame = ctx;
    struct deploy *deploy = frame->state;
    struct loop *loop = frame->run->setup.loop;
    struct text reason = {0};
    run_check_servers(frame->run, evidence);
    if (frame->cancelled || frame_waits(frame, deploy_look_anew)) {
        return;
    }
    bool waits;
    enum answer answer = guard_answer(frame, evidence, &waits, &reason);
    if (waits) {
        work_wait(frame, &deploy->told, &reason);
        deploy->give_up_us = loop_now_us(loop) + LEADERLESS_US;
    }
    if (answer == ANSWER_NO && override_guard(frame, &reason)) {
        answer = ANSWER_YES;
        text_reset(&reason);
    }
    if (answer == ANSWER_YES) {
        if (reason.length > 0) {
            run_emit(frame->run, EVENT_GUARD, frame->step, NULL, "passed: %s",
                     text_string(&reason));
        }
        text_reset(&reason);
        answer = start_answer(frame, evidence, &reason);
    }
    if (answer == ANSWER_YES) {
        deploy_begin(frame, evidence);
    } else if (answer == ANSWER_UNKNOWN && loop_now_us(loop) < deploy->give_up_us) {
        timer_start(loop, &deploy->timer, US_PER_SECOND, deploy_look, frame);
    } else {
        struct error err;
        run_emit(frame->run, EVENT_GUARD, frame->step, NULL, "%s: %s",
                 answer == ANSWER_NO ? "refused" : "unknown", text_string(&reason));
        error_set(&err, ERROR_REFUSED, "the guard does not let %s be touched: %s",
                  frame->step->server->name, text_string(&reason));
        frame_finish(frame, &err);
    }
    text_clear(&reason);
}

static void deploy_look(void *ctx)
{
    struct frame *frame = ctx;
    struct deploy *deploy = frame->state;
    const struct step *step = frame->step;
    const struct inventory *inventory = frame->run->setup.inventory;
    struct needs *needs = gatherer_needs(deploy->gatherer);
    if (takes_server_away(step) && step->server->role == ROLE_REPLICA) {
        guard_add_needs(step->server, inventory, needs);
    }
    for (int32_t i = 0; step->server->role == ROLE_META && i < inventory->count[ROLE_META]; i++) {
        needs->parts[inventory_slot(inventory, &inventory->servers[ROLE_META][i])] = FACT_COMMANDS;
    }
    needs->parts[inventory_slot(inventory, step->server)] = FACT_START_TIME;
    gatherer_start(deploy->gatherer, deploy_gathered, frame);
}

static void deploy_look_anew(void *ctx)
{
    struct frame *frame = ctx;
    struct deploy *deploy = frame->state;
    if (frame->cancelled) {
        frame_finish(frame, NULL);
        return;
    }
    deploy->give_up_us = loop_now_us(frame->run->setup.loop) + LEADERLESS_US;
    deploy_look(frame);
}

/* ---- after an interruption */
static bool child_is_in_doubt(const struct frame *frame, const struct step *child)
{
    const struct past_step *past = resume_find(frame, child);
    return past != NULL && past->state == PAST_BEGUN && past->intended;
}

static void deploy_decided(struct frame *frame, enum doubt_verdict verdict)
{
    struct deploy *deploy = frame->state;
    const struct step_list *body = &frame->step->body;
    run_mark_change(frame->run);
    if (verdict == DOUBT_DONE) {
        frame_finish(frame, NULL);
        return;
    }
    /* The adapter begins anew, and its steps know nothing of the past. */
    for (size_t i = 0; i < body->count; i++) {
        resume_claim(frame->run, frame, body->items[i], false);
    }
    deploy->next = 0;
    deploy_look_anew(frame);
}

static bool all_idempotent(const struct step_list *body)
{
    for (size_t i = 0; i < body->count; i++) {
        bool acts = body->items[i]->kind == STEP_EXEC || body->items[i]->kind == STEP_HTTP;
        if ((acts && !body->items[i]->idempotent) || !all_idempotent(&body->items[i]->body)) {
            return false;
        }
    }
    return true;
}

/* True: it goes on where it was. False: nothing of it was begun. */
static bool deploy_goes_on(struct frame *frame)
{
    struct deploy *deploy = frame->state;
    const struct step_list *body = &frame->step->body;
    size_t next = 0;
    while (next < body->count && resume_passes_over(frame, body->items[next])) {
        next++;
    }
    if (frame->past == NULL || !frame->past->intended) {
        return false;
    }
    if (next < body->count && child_is_in_doubt(frame, body->items[next])) {
        doubt_start(&deploy->doubt, frame, frame->step, frame->step->server, all_idempotent(body),
                    deploy_decided);
        return true;
    }
    if (next == 0) {
        return false;
    }
    run_emit(frame->run, EVENT_NOTE, frame->step, NULL, "%s of %s goes on where it was interrupted",
             action_names[frame->step->as.deploy], frame->step->server->name);
    if (takes_server_away(frame->step)) {
        work_take(frame, frame->step->server);
    }
    deploy->next = next;
    deploy_next(frame);
    return true;
}

static void deploy_start(struct frame *frame)
{
    struct deploy *deploy = frame->state;
    deploy->gatherer = gatherer_new(&frame->run->gatherers);
    if (!deploy_goes_on(frame)) {
        deploy_look_anew(frame);
    }
}

static void deploy_cancel(struct frame *frame)
{
    struct deploy *deploy = frame->state;
    if (deploy->begun && frame_is_stopped(frame) && !deploy->following) {
        deploy->following = true; /* the adapter goes on; see deploy_next */
        run_emit(frame->run, EVENT_NOTE, frame->step, NULL,
                 "%s of %s has begun and is followed until the server is alive",
                 action_names[frame->step->as.deploy], frame->step->server->name);
        return;
    }
    if (frame->child != NULL) {
        frame_cancel_children(frame, &frame->why, false);
        return;
    }
    if (doubt_cancel(&deploy->doubt)) {
        return;
    }
    gatherer_cancel(deploy->gatherer);
    timer_start(frame->run->setup.loop, &deploy->timer, 0, frame_end, frame);
}

static void deploy_clear(struct frame *frame)
{
    struct deploy *deploy = frame->state;
    timer_cancel(&deploy->timer);
    gatherer_free(deploy->gatherer);
    follow_clear(&deploy->follower);
    doubt_clear(&deploy->doubt);
}

const struct step_ops ops_deploy = {
    .state_bytes = sizeof(struct deploy),
    .start = deploy_start,
    .child_done = deploy_child_done,
    .cancel = deploy_cancel,
    .clear = deploy_clear,
};
