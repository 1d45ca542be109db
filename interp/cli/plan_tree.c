/* The steps of a plan, in the order in which an undisturbed run starts them. */
#include "cli/plan.h"

#include "base/duration.h"
#include "base/secret.h"
#include "engine/rolling_order.h"

#include <stdlib.h>

struct building {
    struct plan *plan;
    int capacity;
    const struct step **holds; /* around the step, outermost first */
    size_t hold_count;
    size_t hold_capacity;
};

static int add_row(struct building *building, const struct step *step, int parent, bool nudge)
{
    struct plan *plan = building->plan;
    if (plan->row_count == building->capacity) {
        building->capacity = building->capacity == 0 ? 256 : building->capacity * 2;
        plan->rows = memory_resize(plan->rows, (size_t)building->capacity * sizeof *plan->rows);
    }
    struct text words = {0};
    if (parent != PLAN_NO_ROW && plan_is_rescue(plan->rows[parent].step, step)) {
        text_append_string(&words, "only when something failed there");
    }
    if (nudge) {
        char every[DURATION_TEXT_BYTES];
        text_printf(&words, "while not, each %s: ",
                    duration_format(plan->rows[parent].step->as.wait.nudge_every_us, every));
    }
    plan_write_words(plan, step, building->holds, building->hold_count, &words);
    struct text shown = {0};
    secret_show(text_string(&words), &shown);
    plan->rows[plan->row_count] = (struct plan_row){
        .step = step,
        .depth = parent == PLAN_NO_ROW ? 0 : plan->rows[parent].depth + 1,
        .parent = parent,
        .nudge = nudge,
        .rescue = (parent != PLAN_NO_ROW && plan->rows[parent].rescue) ||
                  plan_is_rescue(parent == PLAN_NO_ROW ? NULL : plan->rows[parent].step, step),
        .words = arena_copy_string(plan->arena, text_string(&shown)),
        .started_us = -1,
    };
    text_clear(&words);
    text_clear(&shown);
    return plan->row_count++;
}

static void push_hold(struct building *building, const struct step *hold)
{
    if (building->hold_count == building->hold_capacity) {
        building->hold_capacity = building->hold_capacity == 0 ? 8 : building->hold_capacity * 2;
        building->holds =
            memory_resize(building->holds, building->hold_capacity * sizeof *building->holds);
    }
    building->holds[building->hold_count++] = hold;
}

static void add_step(struct building *building, const struct step *step, int parent, bool nudge);

/* As the run picks them while all goes well: the primary meta server of now stays the one. */
static void add_turns(struct building *building, const struct step *step, int row)
{
    const struct address *leader = step->as.rolling.order == ORDER_STANDBYS_FIRST
                                       ? &building->plan->session->snapshot.leader
                                       : NULL;
    bool *taken = memory_allocate((step->body.count + 1) * sizeof *taken);
    struct rolling_order order = {.body = &step->body, .taken = taken};
    for (; order.taken_count < step->body.count; order.taken_count++) {
        bool told;
        const char *rack = rolling_order_rack(&order, &told);
        order.last = rolling_order_pick(&order, rack, leader, &told);
        taken[order.last] = true;
        add_step(building, step->body.items[order.last], row, false);
    }
    free(taken);
}

static void add_body(struct building *building, const struct step *step, int row)
{
    for (size_t i = 0; i < step->body.count; i++) {
        add_step(building, step->body.items[i], row, false);
    }
}

static void add_step(struct building *building, const struct step *step, int parent, bool nudge)
{
    int row = add_row(building, step, parent, nudge);
    if (step->kind == STEP_HOLD) {
        push_hold(building, step);
    }
    if (step->kind == STEP_WAIT_UNTIL && step->as.wait.nudge != NULL) {
        add_step(building, step->as.wait.nudge, row, true);
    }
    if (step->kind == STEP_ROLLING) {
        add_turns(building, step, row);
    } else {
        add_body(building, step, row);
    }
    if (step->kind == STEP_HOLD) {
        building->hold_count--;
    }
    building->plan->rows[row].end = building->plan->row_count;
}

void plan_build_rows(struct plan *plan)
{
    struct building building = {.plan = plan};
    for (size_t i = 0; i < plan->workflow->steps.count; i++) {
        add_step(&building, plan->workflow->steps.items[i], PLAN_NO_ROW, false);
    }
    free(building.holds);
}
