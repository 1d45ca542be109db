#include "engine/override.h"

#include "engine/internal.h"

#include <string.h>

/* ---- those that have ended */
static bool is_told(const struct error_list *errors, struct source where)
{
    for (size_t i = 0; i < errors->count; i++) {
        const struct error_item *item = &errors->items[i];
        if (item->line == where.line && item->file != NULL && strcmp(item->file, where.file) == 0) {
            return true;
        }
    }
    return false;
}

static void find_ended(const struct step_list *steps, int64_t wall_us, struct error_list *errors);

static void find_ended_of(const struct step *step, int64_t wall_us, struct error_list *errors)
{
    bool ended = step->override.guard && wall_us >= step->override.expires_us;
    if (ended && !is_told(errors, step->where)) { /* a body is there once for each server */
        error_list_add(errors, step->where.file, step->where.line,
                       "%s: 'override' has ended, on %s (%s): look at it again, then give another "
                       "end, or take it out",
                       step_kind_name(step->kind), step->override.expires, step->override.reason);
    }
    if (step->kind == STEP_WAIT_UNTIL && step->as.wait.nudge != NULL) {
        find_ended_of(step->as.wait.nudge, wall_us, errors);
    }
    find_ended(&step->body, wall_us, errors);
}

static void find_ended(const struct step_list *steps, int64_t wall_us, struct error_list *errors)
{
    for (size_t i = 0; i < steps->count; i++) {
        find_ended_of(steps->items[i], wall_us, errors);
    }
}

void override_find_ended(const struct workflow *workflow, int64_t wall_us,
                         struct error_list *errors)
{
    find_ended(&workflow->steps, wall_us, errors);
}

/* ---- in a run */
/* The wall of a rehearsal shows a time of its own: whoever loaded the workflow has looked. */
static bool holds_now(const struct run *run, const struct step *step)
{
    return step->override.guard &&
           (run->setup.rehearsed || loop_wall_us(run->setup.loop) < step->override.expires_us);
}

bool override_guard(struct frame *frame, struct text *reason)
{
    const struct step *step = frame->step;
    if (!step->override.guard) {
        return false;
    }
    if (!holds_now(frame->run, step)) {
        text_printf(reason, "; the override of this guard has ended, on %s",
                    step->override.expires);
        return false;
    }
    if (!frame->override_told) {
        frame->override_told = true;
        cJSON *data = cJSON_CreateObject();
        cJSON_AddStringToObject(data, "what", "guard");
        cJSON_AddStringToObject(data, "guard", text_string(reason));
        cJSON_AddStringToObject(data, "reason", step->override.reason);
        cJSON_AddStringToObject(data, "expires", step->override.expires);
        run_emit(frame->run, EVENT_OVERRIDDEN, step, data,
                 "the guard's no is overridden until %s (%s): %s", step->override.expires,
                 step->override.reason, text_string(reason));
    }
    return true;
}

bool override_check(const struct run *run, struct error *err)
{
    struct error_list ended;
    error_list_init(&ended);
    if (!run->setup.rehearsed) {
        override_find_ended(run->setup.workflow, loop_wall_us(run->setup.loop), &ended);
    }
    bool ok = ended.count == 0;
    if (!ok) {
        error_set(err, ERROR_REFUSED, "%s:%d: %s", ended.items[0].file, ended.items[0].line,
                  ended.items[0].text);
    }
    error_list_clear(&ended);
    return ok;
}
