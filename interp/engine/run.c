#include "engine/run.h"

#include "base/duration.h"
#include "base/secret.h"
#include "engine/internal.h"
#include "engine/precheck.h"

#include <stdlib.h>
#include <string.h>

enum { REQUIREMENT_TRIES = 5 }; /* while the answer is unknown, a second apart */

const char *run_outcome_name(enum run_outcome outcome)
{
    static const char *const names[] = {
        [RUN_DONE] = "done",       [RUN_REVERTED] = "reverted", [RUN_FAILED] = "failed",
        [RUN_REFUSED] = "refused", [RUN_STOPPED] = "stopped",   [RUN_NOT_RESTORED] = "not restored",
    };
    return names[outcome];
}

cJSON *event_data_texts(const char *member, const char *const *texts, size_t count)
{
    cJSON *data = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(data, member);
    struct text shown = {0};
    for (size_t i = 0; i < count; i++) {
        text_reset(&shown);
        secret_show(texts[i], &shown);
        cJSON_AddItemToArray(list, cJSON_CreateString(text_string(&shown)));
    }
    text_clear(&shown);
    return data;
}

static void event_was_lost(void *ctx);

/* A step's texts have marks in the place of secrets: here they are shown as they were written. */
static void show_secrets(struct text *text)
{
    if (secret_is_in(text_string(text))) {
        struct text shown = {0};
        secret_show(text_string(text), &shown);
        text_clear(text);
        *text = shown;
    }
}

/* Once the run is being ended, what is left to do is to put back. */
static bool may_act(struct run *run)
{
    struct error err;
    if (run->setup.may_act == NULL || run->ending || run->winding_up ||
        run->setup.may_act(run->setup.may_act_ctx, &err)) {
        return true;
    }
    if (!run->failed) {
        run->failed = true;
        run->failure = err;
    }
    timer_start(run->setup.loop, &run->lost_timer, 0, event_was_lost, run);
    return false;
}

bool run_emit(struct run *run, enum event_kind kind, const struct step *step, cJSON *data,
              const char *format, ...)
{
    struct text text = {0};
    va_list args;
    if (kind == EVENT_INTENTION && (run->event_lost || !may_act(run))) {
        cJSON_Delete(data); /* its effect does not follow: nobody may read that it did */
        return false;
    }
    va_start(args, format);
    text_append_va(&text, format, args);
    va_end(args);
    show_secrets(&text);
    struct event event = {
        .kind = kind,
        .sequence = ++run->event_count,
        .at_us = loop_now_us(run->setup.loop) - run->started_us,
        .wall_us = loop_wall_us(run->setup.loop),
        .step = step,
        .server = step == NULL ? NULL : step->server,
        .text = text_string(&text),
        .data = data,
    };
    bool kept = true;
    for (size_t i = 0; i < run->setup.sink_count; i++) {
        struct error err;
        if (!run->setup.sinks[i]->take(run->setup.sinks[i], &event, &err)) {
            kept = false;
            if (!run->failed) {
                error_wrap(&err, "keep an event");
                run->failed = true;
                run->failure = err;
            }
        }
    }
    if (!kept && !run->event_lost && !run->finished) {
        run->event_lost = true;
        timer_start(run->setup.loop, &run->lost_timer, 0, event_was_lost, run);
    }
    cJSON_Delete(data);
    text_clear(&text);
    return !run->event_lost;
}

void run_mark_change(struct run *run)
{
    run->changed_anything = true;
    run->last_change_us = loop_now_us(run->setup.loop);
}

struct server_history *run_history(struct run *run, const struct server *server)
{
    return &run->history[inventory_slot(run->setup.inventory, server)];
}

struct condition_context run_condition_context(struct run *run)
{
    return (struct condition_context){
        .lang = run->setup.lang,
        .inventory = run->setup.inventory,
        .history = run->history,
        .target_version = run->setup.cluster_file->target_version,
        .accepts = run->setup.cluster_file,
        .last_change_us = run->last_change_us,
    };
}

static void end_steps(struct run *run, const struct error *err)
{
    if (!run->failed) {
        run->failed = true;
        run->failure = *err;
    }
    if (!run->ending) {
        run->ending = true;
        pause_drop(run);
        if (run->root != NULL) {
            frame_cancel(run->root, err);
        }
    }
}

static void event_was_lost(void *ctx)
{
    struct run *run = ctx;
    end_steps(run, &run->failure);
}

void run_fail(struct run *run, const struct error *err)
{
    end_steps(run, err);
}

/* ---- the end */
static void tell_done(void *ctx)
{
    struct run *run = ctx;
    run->done(run->ctx, &run->result);
}

static enum run_outcome outcome_of(const struct run *run)
{
    if (run->not_restored) {
        return RUN_NOT_RESTORED;
    }
    if (!run->failed) {
        return run->setup.reverts ? RUN_REVERTED : RUN_DONE;
    }
    if (run->failure.code == ERROR_CANCELLED) {
        return RUN_STOPPED;
    }
    bool nothing_done = run->failure.code == ERROR_REFUSED ||
                        run->failure.code == ERROR_UNREACHABLE ||
                        run->failure.code == ERROR_NOT_LEADER;
    return nothing_done && !run->changed_anything ? RUN_REFUSED : RUN_FAILED;
}

static void settle(struct run *run)
{
    static const int exit_codes[] = {
        [RUN_DONE] = 0,    [RUN_REVERTED] = 0, [RUN_FAILED] = 1,
        [RUN_REFUSED] = 3, [RUN_STOPPED] = 4,  [RUN_NOT_RESTORED] = 5,
    };
    run->finished = true;
    run->result.outcome = outcome_of(run);
    run->result.exit_code = exit_codes[run->result.outcome];
    run->result.error = run->failure;
    /* The result outlives the run; the root step is the run's own. */
    run->result.step = run->failed_at == &run->root_step ? NULL : run->failed_at;
    run->result.changed_anything = run->changed_anything;
    char text[DURATION_TEXT_BYTES];
    cJSON *data = cJSON_CreateObject();
    cJSON_AddStringToObject(data, "outcome", run_outcome_name(run->result.outcome));
    cJSON_AddNumberToObject(data, "exit_code", run->result.exit_code);
    run_emit(run, EVENT_RUN_FINISHED, run->failed_at, data, "%s after %s%s%s",
             run_outcome_name(run->result.outcome),
             duration_format(loop_now_us(run->setup.loop) - run->started_us, text),
             run->result.outcome == RUN_DONE ? "" : ": ",
             run->result.outcome == RUN_DONE ? "" : run->failure.text);
}

void run_conclude(struct run *run)
{
    settle(run);
    timer_start(run->setup.loop, &run->finish_timer, 0, tell_done, run);
}

static void compared(struct run *run, const struct error *err)
{
    settings_unlock(&run->final_lock);
    if (err != NULL && run->failed) {
        error_wrap(&run->failure, "%s; before that", err->text);
    } else if (err != NULL) {
        run->failed = true;
        run->failure = *err;
    }
    run->not_restored |= err != NULL;
    run_conclude(run);
}

static void compare(void *ctx)
{
    struct run *run = ctx;
    keeper_free(run);
    baseline_compare(run, compared);
}

/* A server that failed, though others were not to wait for it, is not upgraded: that is not done.
 */
static void count_failed_servers(struct run *run)
{
    if (run->servers_failed == 0 || run->failed) {
        return;
    }
    run->failed = true;
    run->failed_at = run->server_failed_at;
    error_set(&run->failure, ERROR_STEP, "all else was done, but %zu of the servers failed%s: %s",
              run->servers_failed, run->servers_failed == 1 ? "" : ", the first",
              run->server_failure.text);
}

void run_wind_up(struct run *run)
{
    if (run->revert == NULL && recall_last(run) != NULL) {
        revert_start(run); /* which comes back here */
        return;
    }
    count_failed_servers(run);
    run->winding_up = true;
    pause_drop(run);
    settings_lock(run, &run->final_lock, NULL, compare, run);
}

/* ---- the beginning */
void run_begin_steps(struct run *run, const struct error *err)
{
    if (err != NULL && !run->ending) {
        struct error wrapped = *err;
        if (err->code != ERROR_REFUSED) {
            error_wrap(&wrapped, "read the settings before the run");
            wrapped.code = ERROR_REFUSED;
        }
        end_steps(run, &wrapped);
    }
    if (run->ending || run->failed) {
        run_conclude(run);
        return;
    }
    if (run->setup.note != NULL) {
        run_emit(run, EVENT_NOTE, NULL, NULL, "%s", run->setup.note);
    }
    keeper_start(run);
    invariants_start(run);
    run->root_step = (struct step){
        .kind = STEP_STEPS,
        .id = "",
        .label = run->setup.workflow->name,
        .where = {run->setup.workflow->file, 1},
        .timeout_us = -1,
        .body = run->setup.workflow->steps,
    };
    run->root = frame_start(run, NULL, &run->root_step);
}

static void guards_asked(struct run *run, const struct error *err)
{
    if (err != NULL) {
        end_steps(run, err);
    }
    if (run->ending) {
        run_conclude(run);
    } else {
        baseline_read(run, run_begin_steps);
    }
}

static void ask_requirement(void *ctx);

static void requirement_gathered(void *ctx, const struct evidence *evidence)
{
    struct run *run = ctx;
    bool always;
    const struct condition *condition =
        precheck_condition(run->setup.workflow, run->requirement, &always);
    struct condition_context context = run_condition_context(run);
    struct text reason = {0};
    struct error err;
    enum answer answer;
    if (!condition_evaluate(condition, &context, evidence, &answer, &reason, &err)) {
        end_steps(run, &err);
        run_conclude(run);
    } else if (answer == ANSWER_UNKNOWN && ++run->requirement_tries < REQUIREMENT_TRIES) {
        timer_start(run->setup.loop, &run->finish_timer, US_PER_SECOND, ask_requirement, run);
    } else {
        run_emit(run, EVENT_REQUIREMENT, NULL, NULL, "%s%s: %s%s", always ? "always " : "",
                 condition->name, answer == ANSWER_UNKNOWN ? "unknown: " : "",
                 text_string(&reason));
        if (answer != ANSWER_YES) {
            error_set(&err, ERROR_REFUSED, "the workflow requires %s (%s:%d)%s, but %s%s",
                      condition->name, condition->where.file, condition->where.line,
                      always ? ", always" : "", answer == ANSWER_UNKNOWN ? "that is unknown: " : "",
                      text_string(&reason));
            end_steps(run, &err);
        }
        run->requirement++;
        run->requirement_tries = 0;
        ask_requirement(run);
    }
    text_clear(&reason);
}

static void ask_requirement(void *ctx)
{
    struct run *run = ctx;
    if (run->ending) {
        run_conclude(run);
        return;
    }
    bool always;
    const struct condition *condition =
        precheck_condition(run->setup.workflow, run->requirement, &always);
    if (condition == NULL) {
        precheck_start(run, guards_asked);
        return;
    }
    condition_add_needs(condition, run->setup.inventory, gatherer_needs(run->gatherer));
    gatherer_start(run->gatherer, requirement_gathered, run);
}

struct run *run_new(const struct run_setup *setup)
{
    struct run *run = memory_allocate(sizeof *run);
    run->setup = *setup;
    run->reader = cluster_reader(setup->cluster);
    size_t slots = inventory_slot_count(setup->inventory);
    run->history = memory_allocate(slots * sizeof *run->history);
    run->server_turns = memory_allocate(slots * sizeof *run->server_turns);
    run->gatherers = (struct gatherer_pool){
        .loop = setup->loop,
        .reader = run->reader,
        .inventory = setup->inventory,
    };
    run->gatherer = gatherer_new(&run->gatherers);
    rng_init(&run->rng, (uint64_t)loop_wall_us(setup->loop));
    return run;
}

void run_start(struct run *run, run_done_fn *done, void *ctx)
{
    const struct run_setup *setup = &run->setup;
    run->done = done;
    run->ctx = ctx;
    run->started_us = loop_now_us(setup->loop) - setup->at_before_ms * US_PER_MS;
    run->last_change_us = loop_now_us(setup->loop);
    run->event_count = setup->events_before;
    obstacles_start(run);
    if (resume_begin(run)) {
        return;
    }
    cJSON *data = cJSON_CreateObject();
    cJSON_AddStringToObject(data, "name", setup->workflow->name);
    cJSON_AddStringToObject(data, "workflow", setup->workflow->file);
    cJSON_AddStringToObject(data, "cluster", setup->cluster_file->name);
    cJSON_AddStringToObject(data, "primary_meta_server", setup->start->leader_name);
    cJSON_AddStringToObject(data, "program", "pegflow " PEGFLOW_VERSION);
    cJSON *params = cJSON_AddObjectToObject(data, "params");
    for (size_t i = 0; i < setup->workflow->param_count; i++) {
        cJSON_AddStringToObject(params, setup->workflow->params[i].name,
                                setup->workflow->params[i].value);
    }
    run_emit(run, EVENT_RUN_STARTED, NULL, data, "'%s' on cluster '%s', primary meta server %s",
             setup->workflow->name, setup->cluster_file->name, setup->start->leader_name);
    timer_start(setup->loop, &run->finish_timer, 0, ask_requirement, run);
}

void run_stop(struct run *run)
{
    struct error err;
    if (run->ending || run->winding_up || run->finished) {
        return;
    }
    run_emit(run, EVENT_STOPPING, NULL, NULL,
             "stopping: waits end now, a started deploy is followed until its server is alive, "
             "held values are put back; once more stops at once and leaves them");
    error_set(&err, ERROR_CANCELLED, "stopped by the operator");
    end_steps(run, &err);
}

void run_give_up(struct run *run, const struct error *why)
{
    if (run->ending || run->winding_up || run->finished) {
        return;
    }
    run_emit(run, EVENT_STOPPING, NULL, NULL, "stopping, and putting back what is held: %s",
             why->text);
    end_steps(run, why);
}

void run_abort(struct run *run)
{
    if (run->finished) {
        return;
    }
    struct error before = run->failure;
    bool failed_before = run->failed && before.code != ERROR_CANCELLED;
    run->ending = true;
    run->failed = true;
    error_set(&run->failure, ERROR_CANCELLED, "stopped at once by the operator%s%s",
              failed_before ? "; before that: " : "", failed_before ? before.text : "");
    for (size_t i = run->hold_count; i > 0; i--) {
        const struct hold_item *item = run->holds[i - 1];
        const struct foreign_value *foreign = foreign_find(run, item);
        cJSON *data = hold_data(item, item->before);
        if (foreign != NULL) {
            cJSON_AddStringToObject(data, "found", foreign->value);
        }
        char shown[HOLD_SHOWN_BYTES];
        run_emit(run, EVENT_NOT_PUT_BACK, item->step, data, "%s is left at %s%s (before: %s)",
                 hold_shown(item, shown), foreign == NULL ? item->value : foreign->value,
                 foreign == NULL ? "" : ", set by somebody else", item->before);
        run->not_restored = true;
    }
    if (run->leader_changed || run->winding_up) {
        run->not_restored |= baseline_report_unknown(run);
    }
    settle(run);
    run->done(run->ctx, &run->result);
}

void run_free(struct run *run)
{
    if (run == NULL) {
        return;
    }
    run->gatherers.closed = true;
    timer_cancel(&run->finish_timer);
    timer_cancel(&run->lost_timer);
    obstacles_free(run);
    keeper_free(run);
    server_keeper_free(run);
    invariants_free(run);
    frame_free_all(run);
    if (run->final_lock.run != NULL) {
        settings_unlock(&run->final_lock);
    }
    gatherer_pool_clear(&run->gatherers);
    revert_clear(run);
    recall_clear(run);
    baseline_free(run);
    pause_clear(run);
    kept_free(run);
    free(run->holds);
    free(run->server_turns);
    for (size_t slot = 0; slot < inventory_slot_count(run->setup.inventory); slot++) {
        free(run->history[slot].gone);
        free(run->history[slot].left);
    }
    free(run->history);
    free(run);
}
