/* engine/doubt.c - an action that began before an interruption, and nobody knows what came of it.
 *
 * What can be seen decides: does its program live still (then it is waited for, never started
 * twice), and has its server restarted since the intention was written, with the version that it
 * was to get (then it is done). What
 * cannot be seen is repeated only where that does no harm; otherwise a person says what to do. */
#include "engine/internal.h"

#include "base/duration.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t look_every_us = US_PER_SECOND;
/* What was asked for may still be on its way: a job that waits, a server on its way down or up. */
static const int64_t look_for_us = 60 * US_PER_SECOND;

static const char *const answers[] = {"repeat", "done", "stop", NULL};
static const struct question_text how = {answers, "repeat"};

static void decide(struct doubt *doubt, enum doubt_verdict verdict, const char *why)
{
    struct frame *frame = doubt->frame;
    bool again = verdict == DOUBT_AGAIN;
    doubt->under_way = false;
    run_emit(frame->run, again ? EVENT_NOTE : EVENT_OUTCOME, doubt->step, NULL, "%s, so it %s", why,
             again ? "is done again" : "is taken as done");
    doubt->decided(frame, verdict);
}

static void was_answered(void *ctx, const char *answer)
{
    struct doubt *doubt = ctx;
    struct error err;
    if (strcmp(answer, "stop") == 0) {
        doubt->under_way = false;
        error_set(&err, ERROR_CANCELLED, "stopped: a person was asked whether %s is done",
                  doubt->step->id);
        frame_finish(doubt->frame, &err);
        return;
    }
    decide(doubt, strcmp(answer, "done") == 0 ? DOUBT_DONE : DOUBT_AGAIN, "a person said so");
}

static void cannot_tell(struct doubt *doubt, const char *seen)
{
    if (doubt->idempotent) {
        decide(doubt, DOUBT_AGAIN, "its outcome is unknown, and to repeat it does no harm");
        return;
    }
    question_ask(&doubt->question, doubt->frame->run, doubt->step, &how, was_answered, doubt,
                 "%s began before the interruption, and what came of it is unknown%s%s: is it to "
                 "be repeated, or is it done?",
                 step_kind_name(doubt->step->kind), seen[0] == '\0' ? "" : "; ", seen);
}

/* ---- the server */
static void look(void *ctx);

/* Collectors show no version. */
static bool shows_update(const struct doubt *doubt)
{
    return doubt->step->kind == STEP_DEPLOY && doubt->step->as.deploy == DEPLOY_UPDATE &&
           doubt->server->role != ROLE_COLLECTOR &&
           doubt->frame->run->setup.cluster_file->target_version != NULL;
}

/* Somebody else may have restarted it as it was. */
static bool is_updated(const struct doubt *doubt, const struct server_facts *facts)
{
    return !shows_update(doubt) ||
           strcmp(facts->version, doubt->frame->run->setup.cluster_file->target_version) == 0;
}

static void gathered(void *ctx, const struct evidence *evidence)
{
    struct doubt *doubt = ctx;
    struct run *run = doubt->frame->run;
    const struct server_history *history = run_history(run, doubt->server);
    const struct server_evidence *seen =
        &evidence->servers[inventory_slot(run->setup.inventory, doubt->server)];
    struct text text = {0};
    bool stops = doubt->step->kind == STEP_DEPLOY && doubt->step->as.deploy == DEPLOY_STOP;
    bool is_new = seen->answered && (history->was_down || strcmp(seen->facts.start_time,
                                                                 history->start_time_before) != 0);
    bool is_down = !seen->answered && seen->error.code == ERROR_UNREACHABLE;
    if (is_new && !stops && is_updated(doubt, &seen->facts)) {
        text_printf(&text, "%s has restarted since (%s)", doubt->server->name,
                    seen->facts.start_time);
        decide(doubt, DOUBT_DONE, text_string(&text));
    } else if (loop_now_us(run->setup.loop) < doubt->give_up_us) {
        timer_start(run->setup.loop, &doubt->timer, look_every_us, look, doubt);
    } else if (is_new && !stops) {
        text_printf(&text, "%s has restarted since (%s), but runs '%s'", doubt->server->name,
                    seen->facts.start_time, seen->facts.version);
        cannot_tell(doubt, text_string(&text));
    } else if (seen->answered) {
        text_printf(&text, "%s has not restarted since (it was started at %s)", doubt->server->name,
                    seen->facts.start_time);
        cannot_tell(doubt, text_string(&text));
    } else if (is_down && stops) {
        text_printf(&text, "%s is down", doubt->server->name);
        decide(doubt, DOUBT_DONE, text_string(&text));
    } else {
        text_printf(&text, "%s does not answer: %s", doubt->server->name, seen->error.text);
        cannot_tell(doubt, text_string(&text));
    }
    text_clear(&text);
}

static void look(void *ctx)
{
    struct doubt *doubt = ctx;
    const struct inventory *inventory = doubt->frame->run->setup.inventory;
    gatherer_needs(doubt->gatherer)->parts[inventory_slot(inventory, doubt->server)] =
        FACT_START_TIME | (shows_update(doubt) ? FACT_VERSION : 0);
    gatherer_start(doubt->gatherer, gathered, doubt);
}

/* ---- the program */
static void program_is_over(void *ctx)
{
    struct doubt *doubt = ctx;
    struct loop *loop = doubt->frame->run->setup.loop;
    doubt->give_up_us = loop_now_us(loop) + look_for_us;
    if (doubt->server != NULL) {
        look(doubt);
    } else {
        cannot_tell(doubt, "");
    }
}

/* The program that was started last for the step or, of a deploy, for one of the adapter's steps.
 */
static const cJSON *last_program(const struct doubt *doubt, const struct step *step)
{
    const struct past_step *past = past_find(doubt->frame->run->setup.past, step->id);
    const cJSON *found = past == NULL ? NULL : past->child;
    for (size_t i = 0; i < step->body.count; i++) {
        const cJSON *inner = last_program(doubt, step->body.items[i]);
        found = inner != NULL ? inner : found;
    }
    return found;
}

static bool read_identity(const cJSON *json, struct process_identity *out)
{
    const cJSON *pid = cJSON_GetObjectItemCaseSensitive(json, "pid");
    const char *ticks = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "start_ticks"));
    const char *boot = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "boot"));
    *out = (struct process_identity){0};
    if (!cJSON_IsNumber(pid) || ticks == NULL || boot == NULL) {
        return false;
    }
    out->pid = (pid_t)pid->valuedouble;
    out->start_ticks = strtoull(ticks, NULL, 10);
    snprintf(out->boot, sizeof out->boot, "%s", boot);
    return true;
}

static void follow_program(void *ctx)
{
    struct doubt *doubt = ctx;
    struct run *run = doubt->frame->run;
    struct process_identity identity;
    bool known = read_identity(last_program(doubt, doubt->step), &identity);
    if (known && !loop_is_virtual(run->setup.loop) && process_is_alive(&identity)) {
        run_emit(run, EVENT_NOTE, doubt->step, NULL,
                 "the program that was started before the interruption (pid %ld) is still at "
                 "work: its end is waited for",
                 (long)identity.pid);
    }
    process_follow(&doubt->program, run->setup.loop, &identity, program_is_over, doubt);
}

void doubt_start(struct doubt *doubt, struct frame *frame, const struct step *step,
                 const struct server *server, bool idempotent,
                 void (*decided)(struct frame *frame, enum doubt_verdict verdict))
{
    *doubt = (struct doubt){
        .frame = frame,
        .step = step,
        .server = server,
        .idempotent = idempotent,
        .gatherer = gatherer_new(&frame->run->gatherers),
        .decided = decided,
        .under_way = true,
    };
    timer_start(frame->run->setup.loop, &doubt->timer, 0, follow_program, doubt);
}

bool doubt_cancel(struct doubt *doubt)
{
    if (!doubt->under_way) {
        return false;
    }
    doubt->under_way = false;
    process_unfollow(&doubt->program);
    question_withdraw(&doubt->question);
    gatherer_cancel(doubt->gatherer);
    timer_start(doubt->frame->run->setup.loop, &doubt->timer, 0, frame_end, doubt->frame);
    return true;
}

void doubt_clear(struct doubt *doubt)
{
    if (doubt->frame != NULL) {
        timer_cancel(&doubt->timer);
        process_unfollow(&doubt->program);
        question_withdraw(&doubt->question);
        gatherer_free(doubt->gatherer);
    }
}
