/* engine/resume.c - where an interrupted run goes on.
 *
 * The tree is walked again from its root. What the journal says is done is passed over, holds are
 * taken again with the value before that the journal knows, and the step that was interrupted is
 * begun anew. Waits are waited again, where nothing was done behind them that they were waited for:
 * the cluster may have changed since, and a wait that holds costs one look. */
#include "engine/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct past_step *find(const struct frame *parent, const struct run *run,
                                    const struct step *step)
{
    if (run->setup.past == NULL || (parent != NULL && parent->past == NULL)) {
        return NULL;
    }
    const struct past_step *past = past_find(run->setup.past, step->id);
    bool other_attempt = past != NULL && parent != NULL && past->started < parent->past->began;
    return other_attempt ? NULL : past;
}

/* A frame that wraps another of the same step leaves the claim to that one. */
const struct past_step *resume_claim(struct run *run, const struct frame *parent,
                                     const struct step *step, bool wraps)
{
    const struct past_step *past = find(parent, run, step);
    return past != NULL && (wraps || past_claim(run->setup.past, past)) ? past : NULL;
}

const struct past_step *resume_find(const struct frame *frame, const struct step *child)
{
    return find(frame, frame->run, child);
}

static bool contains(const struct step *step, bool (*is)(const struct step *step))
{
    if (is(step)) {
        return true;
    }
    for (size_t i = 0; i < step->body.count; i++) {
        if (contains(step->body.items[i], is)) {
            return true;
        }
    }
    return false;
}

/* Something is different afterwards; what a wait nudges is the wait's own. */
static bool acts(const struct step *step)
{
    switch (step->kind) {
    case STEP_REMOTE_COMMAND:
        return !step->as.remote_command.only_reads;
    case STEP_HTTP:
        return strcmp(step->as.http.method, "GET") != 0;
    case STEP_SET_META_LEVEL:
    case STEP_MIGRATE_NODE:
    case STEP_DOWNGRADE_NODE:
    case STEP_DRAIN_NODE:
    case STEP_REJOIN_NODE:
    case STEP_KILL_PARTITIONS:
    case STEP_DEPLOY:
    case STEP_EXEC:
        return true;
    case STEP_NOTIFY:
    case STEP_LOG:
    case STEP_WAIT_UNTIL:
    case STEP_SLEEP:
    case STEP_CONFIRM:
    case STEP_STEPS:
    case STEP_PARALLEL:
    case STEP_WHEN:
    case STEP_ROLLING:
    case STEP_HOLD:
    case STEP_TRY:
    case STEP_KIND_COUNT:
        return false;
    }
    return false;
}

static bool waits(const struct step *step)
{
    return step->kind == STEP_WAIT_UNTIL;
}

static bool is_done(const struct frame *frame, const struct step *child)
{
    const struct past_step *past = resume_find(frame, child);
    return past != NULL && past->state == PAST_DONE;
}

size_t resume_first(const struct frame *frame)
{
    const struct step_list *body = &frame->step->body;
    size_t first = 0;
    for (size_t i = 0; i < body->count; i++) {
        if (is_done(frame, body->items[i]) && contains(body->items[i], acts)) {
            first = i + 1;
        }
    }
    return first;
}

bool resume_passes_over(const struct frame *frame, const struct step *child)
{
    return is_done(frame, child) && (contains(child, acts) || !contains(child, waits));
}

bool resume_body_is_done(const struct frame *frame)
{
    const struct step_list *body = &frame->step->body;
    for (size_t i = 0; i < body->count; i++) {
        if (!is_done(frame, body->items[i])) {
            return false;
        }
    }
    return frame->past != NULL;
}

static void restore_drained(struct server_history *history, const struct past_server *past)
{
    for (size_t i = 0; i < past->drained_count; i++) {
        const cJSON *name;
        cJSON_ArrayForEach(name, past->drained[i])
        {
            struct gpid gpid;
            if (cJSON_IsString(name) && sscanf(name->valuestring, "%" SCNd32 ".%" SCNd32,
                                               &gpid.app_id, &gpid.partition) == 2) {
                history_add_left(history, gpid);
            }
        }
    }
}

static void restore_histories(struct run *run)
{
    const struct inventory *inventory = run->setup.inventory;
    for (int role = 0; role < ROLE_COUNT; role++) {
        for (int32_t i = 0; i < inventory->count[role]; i++) {
            const struct server *server = &inventory->servers[role][i];
            const struct past_server *past = past_find_server(run->setup.past, server->name);
            struct server_history *history = run_history(run, server);
            if (past == NULL) {
                continue;
            }
            restore_drained(history, past);
            if (past->action == NULL) {
                continue;
            }
            history->in_work = past->in_work;
            history->restart_asked = strcmp(past->action, "stop") != 0;
            history->was_down = past->start_time_before[0] == '\0';
            snprintf(history->start_time_before, sizeof history->start_time_before, "%s",
                     past->start_time_before);
        }
    }
}

/* ---- the beginning */
static void emit_resumed(struct run *run)
{
    const struct run_setup *setup = &run->setup;
    const char *outcome = past_outcome(setup->past);
    cJSON *data = cJSON_CreateObject();
    cJSON_AddStringToObject(data, "by", setup->resumed_by);
    cJSON_AddStringToObject(data, "program", "pegflow " PEGFLOW_VERSION);
    cJSON_AddStringToObject(data, "last_record", past_last_time(setup->past));
    run_emit(run, setup->reverts ? EVENT_REVERTING : EVENT_RESUMED, NULL, data,
             "%s %s; it %s%s, its last record is of %s", setup->resumed_by,
             setup->reverts ? "puts back what the run holds" : "goes on with the run",
             outcome == NULL ? "was interrupted" : "had ended: ", outcome == NULL ? "" : outcome,
             past_last_time(setup->past));
}

/* It was interrupted before it looked at the values: none can have been changed. */
static void revert_nothing(void *ctx)
{
    run_conclude(ctx);
}

static void begin_again(void *ctx)
{
    struct run *run = ctx;
    struct error err;
    if (!baseline_recall(run, &err)) {
        run_begin_steps(run, &err);
        return;
    }
    recall_holds(run);
    if (run->setup.reverts || run->ending) {
        revert_start(run);
    } else {
        resume_look(run);
    }
}

bool resume_begin(struct run *run)
{
    if (run->setup.past == NULL) {
        return false;
    }
    emit_resumed(run);
    if (past_baseline(run->setup.past) == NULL && !run->setup.reverts) {
        return false; /* nothing was changed: requirements and guards are asked as at first */
    }
    run->changed_anything = past_changed_anything(run->setup.past);
    restore_histories(run);
    timer_start(run->setup.loop, &run->finish_timer, 0,
                past_baseline(run->setup.past) == NULL ? revert_nothing : begin_again, run);
    return true;
}
