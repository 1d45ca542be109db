/* engine/invariants.c - `always`: conditions that are asked all the time while steps run.
 *
 * Asked at a pace of their own, whatever step is under way: also during a deploy, and in a pause.
 * One that is broken ends the run as failed; what is held is put back. Unknown breaks nothing by
 * itself, since an election or a busy server makes any answer unknown for a while; but nobody may
 * go on blindly, so for longer than a minute it does. */
#include "engine/internal.h"

#include "base/duration.h"

#include <stdlib.h>

static const int64_t look_every_us = 2 * US_PER_SECOND;

struct invariants {
    struct run *run;
    struct gatherer *gatherer;
    struct timer timer;
    int64_t *unknown_since_us; /* of each; -1: it was answered last */
};

static void look(void *ctx);

static void is_broken(struct run *run, const struct condition *condition, const char *how,
                      const char *reason)
{
    struct error err;
    cJSON *data = cJSON_CreateObject();
    cJSON_AddStringToObject(data, "condition", condition->name);
    cJSON_AddStringToObject(data, "file", condition->where.file);
    cJSON_AddNumberToObject(data, "line", condition->where.line);
    cJSON_AddStringToObject(data, "reason", reason);
    run_emit(run, EVENT_INVARIANT, NULL, data, "%s %s: %s", condition->name, how, reason);
    error_set(&err, ERROR_STEP, "%s must always hold (%s:%d), but %s: %s", condition->name,
              condition->where.file, condition->where.line, how, reason);
    run_fail(run, &err);
}

static void judge(struct invariants *invariants, size_t index, const struct evidence *evidence)
{
    struct run *run = invariants->run;
    const struct condition *condition = run->setup.workflow->invariants[index];
    struct condition_context context = run_condition_context(run);
    int64_t now_us = loop_now_us(run->setup.loop);
    int64_t *since_us = &invariants->unknown_since_us[index];
    struct text reason = {0};
    struct error err;
    enum answer answer;
    if (!condition_evaluate(condition, &context, evidence, &answer, &reason, &err)) {
        run_fail(run, &err);
    } else if (answer == ANSWER_NO) {
        is_broken(run, condition, "it does not", text_string(&reason));
    } else if (answer == ANSWER_YES) {
        *since_us = -1;
    } else if (*since_us < 0) {
        *since_us = evidence->taken_us; /* it may have taken long to learn nothing */
    } else if (now_us - *since_us > LEADERLESS_US) {
        is_broken(run, condition, "it is unknown for more than a minute", text_string(&reason));
    }
    text_clear(&reason);
}

static void looked(void *ctx, const struct evidence *evidence)
{
    struct invariants *invariants = ctx;
    struct run *run = invariants->run;
    if (run->winding_up) {
        return;
    }
    for (size_t i = 0; i < run->setup.workflow->invariant_count && !run->ending; i++) {
        judge(invariants, i, evidence);
    }
    if (!run->ending) {
        timer_start(run->setup.loop, &invariants->timer, look_every_us, look, invariants);
    }
}

static void look(void *ctx)
{
    struct invariants *invariants = ctx;
    struct run *run = invariants->run;
    if (run->ending || run->winding_up) {
        return;
    }
    for (size_t i = 0; i < run->setup.workflow->invariant_count; i++) {
        condition_add_needs(run->setup.workflow->invariants[i], run->setup.inventory,
                            gatherer_needs(invariants->gatherer));
    }
    gatherer_start(invariants->gatherer, looked, invariants);
}

void invariants_start(struct run *run)
{
    size_t count = run->setup.workflow->invariant_count;
    if (count == 0) {
        return;
    }
    struct invariants *invariants = memory_allocate(sizeof *invariants);
    run->invariants = invariants;
    invariants->run = run;
    invariants->gatherer = gatherer_new(&run->gatherers);
    invariants->unknown_since_us = memory_allocate(count * sizeof(int64_t));
    for (size_t i = 0; i < count; i++) {
        invariants->unknown_since_us[i] = -1;
    }
    /* Each was asked once with the requirements. */
    timer_start(run->setup.loop, &invariants->timer, look_every_us, look, invariants);
}

void invariants_free(struct run *run)
{
    if (run->invariants != NULL) {
        timer_cancel(&run->invariants->timer);
        gatherer_free(run->invariants->gatherer);
        free(run->invariants->unknown_since_us);
        free(run->invariants);
        run->invariants = NULL;
    }
}
