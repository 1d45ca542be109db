/* engine/step_deploy.c - a server is updated, restarted, started or stopped by the site's adapter.
 *
 * Right before: the guard, and the server's start time, which is the proof of a restart afterwards.
 * What the adapter reports says nothing about the server: the flow's waits look at it. An
 * operator's stop does not tear an adapter down half-way: it is followed until its server is alive.
 */
#include "engine/internal.h"

#include <stdio.h>
#include <string.h>

struct deploy {
    struct gatherer *gatherer;
    struct timer timer;
    size_t next;
    bool begun;     /* the adapter's first step was started */
    bool following; /* the run is ending: the server must be alive before this ends */
    struct follower follower;
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
        follow_start(&deploy->follower, frame);
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
/* Another meta server that is silent now could be the one the cluster then needs. */
static bool metas_allow(struct frame *frame, const struct evidence *evidence, struct error *err)
{
    const struct inventory *inventory = frame->run->setup.inventory;
    for (int32_t i = 0; i < inventory->count[ROLE_META]; i++) {
        const struct server *meta = &inventory->servers[ROLE_META][i];
        const struct server_evidence *seen = &evidence->servers[inventory_slot(inventory, meta)];
        if (meta != frame->step->server && !seen->answered) {
            error_set(err, ERROR_REFUSED,
                      "the guard does not let %s stop: the meta server %s does not answer: %s",
                      frame->step->server->name, meta->name, seen->error.text);
            return false;
        }
    }
    return true;
}

static bool guard_allows(struct frame *frame, const struct evidence *evidence, struct error *err)
{
    const struct step *step = frame->step;
    if (!takes_server_away(step) || step->server->role == ROLE_COLLECTOR) {
        return true;
    }
    if (step->server->role == ROLE_META) {
        return metas_allow(frame, evidence, err);
    }
    struct text reason = {0};
    enum answer answer = guard_survives_loss(evidence, frame->run->setup.inventory, step->server,
                                             NULL, true, &reason);
    run_emit(frame->run, EVENT_GUARD, step, NULL, "%s: %s",
             answer == ANSWER_YES  ? "passed"
             : answer == ANSWER_NO ? "refused"
                                   : "unknown",
             text_string(&reason));
    if (answer != ANSWER_YES) {
        error_set(err, ERROR_REFUSED, "the guard does not let %s stop: %s", step->server->name,
                  text_string(&reason));
    }
    text_clear(&reason);
    return answer == ANSWER_YES;
}

/* The start time now, or that it is down: without one of them no restart could be proven. */
static bool remember_start(struct frame *frame, const struct evidence *evidence, struct error *err)
{
    const struct step *step = frame->step;
    const struct server_evidence *seen =
        &evidence->servers[inventory_slot(frame->run->setup.inventory, step->server)];
    struct server_history *history = run_history(frame->run, step->server);
    if (!seen->answered && seen->error.code != ERROR_UNREACHABLE) {
        error_set(err, ERROR_STEP,
                  "the start time of %s could not be read, so a restart could not be proven: %s",
                  step->server->name, seen->error.text);
        return false;
    }
    history->restart_asked = step->as.deploy != DEPLOY_STOP;
    history->in_work = true;
    history->was_down = !seen->answered;
    snprintf(history->start_time_before, sizeof history->start_time_before, "%s",
             seen->answered ? seen->facts.start_time : "");
    return true;
}

static void deploy_gathered(void *ctx, const struct evidence *evidence)
{
    struct frame *frame = ctx;
    struct deploy *deploy = frame->state;
    const struct step *step = frame->step;
    struct error err;
    if (!guard_allows(frame, evidence, &err) || !remember_start(frame, evidence, &err)) {
        frame_finish(frame, &err);
        return;
    }
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
    run_mark_change(frame->run);
    deploy->next = 0;
    deploy_next(frame);
}

static void deploy_start(struct frame *frame)
{
    struct deploy *deploy = frame->state;
    struct run *run = frame->run;
    const struct step *step = frame->step;
    const struct inventory *inventory = run->setup.inventory;
    deploy->gatherer = gatherer_new(&run->gatherers);
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

static void deploy_cancel(struct frame *frame)
{
    struct deploy *deploy = frame->state;
    if (deploy->begun && frame->run->ending && !deploy->following) {
        deploy->following = true; /* the adapter goes on; see deploy_next */
        run_emit(frame->run, EVENT_NOTE, frame->step, NULL,
                 "%s of %s has begun and is followed until the server is alive",
                 action_names[frame->step->as.deploy], frame->step->server->name);
        return;
    }
    if (frame->child != NULL) {
        frame_cancel(frame->child, &frame->why);
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
}

const struct step_ops ops_deploy = {
    .state_bytes = sizeof(struct deploy),
    .start = deploy_start,
    .child_done = deploy_child_done,
    .cancel = deploy_cancel,
    .clear = deploy_clear,
};
