/* engine/precheck.c - the guards asked before the first change.
 *
 * A drain that a guard will stop half-way is better not begun: for each replica server that the
 * tree takes replicas from, the guard is asked once while nothing has been changed. Steps that
 * override their guard do not count; an override that has ended refuses the run. */
#include "engine/precheck.h"

#include "base/duration.h"
#include "engine/internal.h"

#include <stdlib.h>

enum { TRIES = 5 }; /* while the answer is unknown, a second apart */

const struct condition *precheck_condition(const struct workflow *workflow, size_t index,
                                           bool *always)
{
    *always = index >= workflow->requirement_count;
    if (!*always) {
        return workflow->requirements[index];
    }
    index -= workflow->requirement_count;
    return index < workflow->invariant_count ? workflow->invariants[index] : NULL;
}

static void note_step(const struct inventory *inventory, const struct step *step,
                      struct taken *taken)
{
    bool stops = step->kind == STEP_DEPLOY && step->as.deploy != DEPLOY_START;
    bool drains = step->kind == STEP_DOWNGRADE_NODE || step->kind == STEP_DRAIN_NODE;
    bool guarded = (stops || drains) && !step->override.guard;
    if (step->server != NULL && step->server->role == ROLE_REPLICA && guarded) {
        struct taken *server = &taken[inventory_slot(inventory, step->server)];
        server->leaves = true;
        server->stops |= stops;
    }
    if (step->kind == STEP_WAIT_UNTIL && step->as.wait.nudge != NULL) {
        note_step(inventory, step->as.wait.nudge, taken);
    }
    for (size_t i = 0; i < step->body.count; i++) {
        note_step(inventory, step->body.items[i], taken);
    }
}

struct taken *precheck_list_taken(const struct step_list *steps, const struct inventory *inventory)
{
    struct taken *taken = memory_allocate(inventory_slot_count(inventory) * sizeof *taken);
    for (size_t i = 0; i < steps->count; i++) {
        note_step(inventory, steps->items[i], taken);
    }
    return taken;
}

static struct taken *list_taken(const struct run *run)
{
    return precheck_list_taken(&run->setup.workflow->steps, run->setup.inventory);
}

static void ask(void *ctx);

/* The worst answer, with the reason of the first server that has it. */
static enum answer judge(const struct run *run, const struct evidence *evidence,
                         struct text *reason)
{
    const struct inventory *inventory = run->setup.inventory;
    struct taken *taken = list_taken(run);
    enum answer worst = ANSWER_YES;
    for (int32_t i = 0; i < inventory->count[ROLE_REPLICA]; i++) {
        const struct server *server = &inventory->servers[ROLE_REPLICA][i];
        const struct taken *what = &taken[inventory_slot(inventory, server)];
        struct text why = {0};
        enum answer answer = what->leaves
                                 ? guard_survives_loss(evidence, inventory, server, NULL,
                                                       what->stops, run->setup.cluster_file, &why)
                                 : ANSWER_YES;
        bool worse = answer != ANSWER_YES && (worst == ANSWER_YES || answer == ANSWER_NO);
        if (worse && worst != ANSWER_NO) {
            worst = answer;
            text_reset(reason);
            text_printf(reason, "%s cannot be taken away: %s", server->name, text_string(&why));
        }
        text_clear(&why);
    }
    free(taken);
    return worst;
}

static void gathered(void *ctx, const struct evidence *evidence)
{
    struct run *run = ctx;
    struct text reason = {0};
    enum answer answer = judge(run, evidence, &reason);
    if (answer == ANSWER_UNKNOWN && ++run->requirement_tries < TRIES && !run->ending) {
        timer_start(run->setup.loop, &run->finish_timer, US_PER_SECOND, ask, run);
    } else if (answer == ANSWER_YES) {
        run->precheck_done(run, NULL);
    } else {
        struct error err;
        error_set(&err, ERROR_REFUSED, "a guard would stop the run: %s", text_string(&reason));
        run_emit(run, EVENT_GUARD, NULL, NULL, "refused: %s", text_string(&reason));
        run->precheck_done(run, &err);
    }
    text_clear(&reason);
}

static void ask(void *ctx)
{
    struct run *run = ctx;
    const struct inventory *inventory = run->setup.inventory;
    guard_add_needs(&inventory->servers[ROLE_REPLICA][0], inventory, gatherer_needs(run->gatherer));
    gatherer_start(run->gatherer, gathered, run);
}

void precheck_start(struct run *run, void (*done)(struct run *run, const struct error *err))
{
    struct taken *taken = list_taken(run);
    bool any = false;
    for (size_t slot = 0; slot < inventory_slot_count(run->setup.inventory); slot++) {
        any |= taken[slot].leaves;
    }
    free(taken);
    struct error ended;
    run->precheck_done = done;
    run->requirement_tries = 0;
    if (!override_check(run, &ended)) {
        run_emit(run, EVENT_GUARD, NULL, NULL, "refused: %s", ended.text);
        done(run, &ended);
    } else if (any) {
        ask(run);
    } else {
        done(run, NULL);
    }
}
