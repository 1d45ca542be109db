/* How long a plan's steps take: the workflow rehearsed on the cluster's own shape. */
#include "cli/plan.h"

#include <stdlib.h>
#include <string.h>

struct step_row {
    const struct step *step;
    int row;
};

/* The rehearsal's events, told to the rows of their steps. */
struct timekeeper {
    struct event_sink sink; /* first */
    struct plan *plan;
    struct step_row *by_step; /* ordered by the step's address */
};

static int compare_steps(const void *a, const void *b)
{
    uintptr_t left = (uintptr_t)((const struct step_row *)a)->step;
    uintptr_t right = (uintptr_t)((const struct step_row *)b)->step;
    return (left > right) - (left < right);
}

static bool take_event(struct event_sink *sink, const struct event *event, struct error *err)
{
    struct timekeeper *keeper = (struct timekeeper *)sink;
    struct step_row key = {.step = event->step};
    (void)err;
    if (event->kind != EVENT_STEP_STARTED && event->kind != EVENT_STEP_DONE &&
        event->kind != EVENT_STEP_FAILED) {
        return true;
    }
    const struct step_row *found =
        bsearch(&key, keeper->by_step, (size_t)keeper->plan->row_count, sizeof key, compare_steps);
    if (found == NULL) {
        return true; /* the run itself */
    }
    struct plan_row *row = &keeper->plan->rows[found->row];
    if (event->kind == EVENT_STEP_STARTED) {
        row->times++;
        row->started_us = event->at_us;
    } else {
        row->took_us += event->at_us - row->started_us;
    }
    return true;
}

static struct step_row *sort_steps(const struct plan *plan)
{
    struct step_row *rows = memory_allocate(((size_t)plan->row_count + 1) * sizeof *rows);
    for (int i = 0; i < plan->row_count; i++) {
        rows[i] = (struct step_row){plan->rows[i].step, i};
    }
    qsort(rows, (size_t)plan->row_count, sizeof *rows, compare_steps);
    return rows;
}

static void take_tables(struct plan *plan, const struct sim *sim)
{
    struct plan_estimate *estimate = &plan->estimate;
    struct sim_totals totals;
    const char *name;
    int32_t count = 0;
    while (sim_table_totals(sim, count, &name, &totals)) {
        count++;
    }
    estimate->tables = arena_allocate(plan->arena, ((size_t)count + 1) * sizeof *estimate->tables);
    estimate->table_count = (size_t)count + 1;
    for (int32_t i = 0; sim_table_totals(sim, i, &name, &totals); i++) {
        estimate->tables[i] = (struct plan_table){arena_copy_string(plan->arena, name), totals};
    }
    estimate->tables[count] = (struct plan_table){"all", estimate->result.totals};
}

static bool perform(struct plan *plan, struct rehearsal *rehearsal, const struct cluster_file *file,
                    struct error *err)
{
    struct timekeeper keeper = {.sink = {.take = take_event}, .plan = plan};
    struct event_sink *sink = &keeper.sink;
    keeper.by_step = sort_steps(plan);
    bool ok = rehearsal_meet(rehearsal, file, err) &&
              rehearsal_run(rehearsal, plan->session->lang, plan->workflow,
                            &plan->session->inventory, &sink, 1, &plan->estimate.result, err);
    free(keeper.by_step);
    return ok;
}

/* The cluster file, with what it does not accept accepted, so that there is something to tell. */
static const struct cluster_file *file_for_rehearsal(struct plan *plan)
{
    for (size_t i = 0; i < plan->cost_count; i++) {
        plan->estimate.supposes_accept = plan->estimate.supposes_accept || !plan->costs[i].accepted;
    }
    return plan_accept_costs(plan);
}

/* The simulation numbers its servers as the inventory's slots. */
static void kill_silent(const struct plan *plan, struct rehearsal *rehearsal)
{
    for (size_t slot = 0; slot < plan->evidence->server_count; slot++) {
        if (!plan->evidence->servers[slot].answered) {
            rehearsal_kill(rehearsal, (int32_t)slot);
        }
    }
}

void plan_rehearse(struct plan *plan, const struct model *model, const struct address *addresses,
                   bool keep_leftovers)
{
    struct error err;
    struct rehearsal *rehearsal = rehearsal_new(model, addresses);
    if (keep_leftovers) {
        rehearsal_keep_leftovers(rehearsal);
    }
    kill_silent(plan, rehearsal);
    plan->estimate.made = perform(plan, rehearsal, file_for_rehearsal(plan), &err);
    if (plan->estimate.made) {
        take_tables(plan, rehearsal_sim(rehearsal));
        plan->estimate.answered = arena_copy_string(plan->arena, plan->estimate.result.answered);
        plan->estimate.result.answered = plan->estimate.answered;
    } else {
        plan->estimate.why_not = arena_copy_string(plan->arena, err.text);
    }
    rehearsal_free(rehearsal);
}
