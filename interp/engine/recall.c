/* engine/recall.c - what an interrupted run held, while it is gone on with.
 *
 * All of it is in force again from the first moment, so that a new primary meta server is told
 * before the steps that hold it have begun anew. Each of them takes over its own; what none of them
 * took over is put back at the end (revert.c). */
#include "engine/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct server *find_server(const struct inventory *inventory, const char *name)
{
    for (int role = 0; role < ROLE_COUNT; role++) {
        for (int32_t i = 0; name != NULL && i < inventory->count[role]; i++) {
            if (strcmp(inventory->servers[role][i].name, name) == 0) {
                return &inventory->servers[role][i];
            }
        }
    }
    return NULL;
}

static void recall(struct run *run, struct recalled *recalled, const struct past_hold *hold)
{
    recalled->step = (struct step){
        .kind = STEP_HOLD,
        .id = hold->step,
        .label = hold->step,
        .where = {run->setup.workflow->file, 0},
        .timeout_us = -1,
    };
    recalled->item = (struct hold_item){
        .is_level = strcmp(hold->name, "meta level") == 0,
        .name = hold->name,
        .server = find_server(run->setup.inventory, hold->server),
        .restored = true,
        .step = &recalled->step,
    };
    snprintf(recalled->item.value, sizeof recalled->item.value, "%s", hold->value);
    hold_recall(&recalled->item, hold);
    recalled->in_force = true;
    if (hold->server != NULL && recalled->item.server == NULL) {
        recalled->unknown_server = hold->server; /* and so not the leader's */
    } else {
        hold_register(run, &recalled->item);
    }
}

void recall_holds(struct run *run)
{
    size_t count = past_hold_count(run->setup.past);
    run->recalled = memory_allocate((count + 1) * sizeof *run->recalled);
    run->recalled_count = count;
    for (size_t i = 0; i < count; i++) {
        recall(run, &run->recalled[i], past_hold_at(run->setup.past, i));
    }
}

void recall_over(struct run *run, struct recalled *recalled)
{
    hold_unregister(run, &recalled->item);
    recalled->in_force = false;
}

struct recalled *recall_last(const struct run *run)
{
    for (size_t i = run->recalled_count; i > 0; i--) {
        if (run->recalled[i - 1].in_force) {
            return &run->recalled[i - 1];
        }
    }
    return NULL;
}

bool recall_take_over(struct run *run, struct hold_item *item)
{
    for (size_t i = 0; i < run->recalled_count; i++) {
        struct recalled *recalled = &run->recalled[i];
        if (recalled->in_force && recalled->unknown_server == NULL &&
            strcmp(recalled->step.id, item->step->id) == 0 && hold_is_same(&recalled->item, item)) {
            memcpy(item->before, recalled->item.before, sizeof item->before);
            memcpy(item->process, recalled->item.process, sizeof item->process);
            memcpy(item->configured, recalled->item.configured, sizeof item->configured);
            item->known_configured = recalled->item.known_configured;
            item->known_before = true;
            item->restored = true;
            hold_replace(run, &recalled->item, item);
            recalled->in_force = false;
            item->covered = hold_in_force(run, item) != item;
            return true;
        }
    }
    return false;
}

void recall_clear(struct run *run)
{
    free(run->recalled);
    run->recalled = NULL;
    run->recalled_count = 0;
}
