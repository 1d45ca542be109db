/* engine/work.c - servers in work: what several branches take away together.
 *
 * A turn of a rolling, or a branch of a parallel, has a server in work from the moment its guard
 * let it go until the branch ends; for the guard of every other branch that server counts as lost.
 * Guard and entry happen in one callback, so two guards never pass on the same evidence. Once the
 * branch has ended, what can be observed counts again, and nothing observed before that.
 *
 * Two that wait for each other would wait for ever. So a server whose branch only waits, and has
 * not asked for its restart yet, does stand for the freeze rule: that branch cannot stop it before
 * its own guard has passed, which counts this one. What it held still counts as lost: a proposal
 * may be under way. And where all others wait too, nothing is waited for. */
#include "engine/internal.h"

#include <stdlib.h>
#include <string.h>

/* The turn or branch the frame is in; NULL where nothing else can be under way. */
static const struct frame *branch_of(const struct frame *frame)
{
    for (; frame->parent != NULL; frame = frame->parent) {
        if (frame->parent->ops->concurrent) {
            return frame;
        }
    }
    return NULL;
}

static bool is_within(const struct frame *frame, const struct frame *branch)
{
    while (frame != NULL && frame != branch) {
        frame = frame->parent;
    }
    return frame != NULL;
}

static bool is_others(const struct frame *frame, size_t slot)
{
    const struct frame *taken_by = frame->run->history[slot].taken_by;
    return taken_by != NULL && !is_within(frame, taken_by);
}

bool work_is_own(const struct frame *frame, const struct server *server)
{
    return run_history(frame->run, server)->taken_by == branch_of(frame);
}

void work_take(struct frame *frame, const struct server *server)
{
    struct server_history *history = run_history(frame->run, server);
    if (history->taken_by == NULL) {
        history->taken_by = branch_of(frame);
        history->waits = false;
    }
}

void work_release(const struct frame *branch)
{
    struct run *run = branch->run;
    if (branch->parent == NULL || !branch->parent->ops->concurrent) {
        return;
    }
    for (size_t slot = 0; slot < inventory_slot_count(run->setup.inventory); slot++) {
        if (run->history[slot].taken_by == branch) {
            run->history[slot].taken_by = NULL;
            run->history[slot].waits = false;
            run->released_us = loop_now_us(run->setup.loop);
        }
    }
}

/* Names up to three servers of this role that others have in work; false: there are none. */
static bool name_others(const struct frame *frame, enum role role, struct text *names)
{
    const struct inventory *inventory = frame->run->setup.inventory;
    int32_t count = 0;
    for (int32_t i = 0; i < inventory->count[role]; i++) {
        const struct server *server = &inventory->servers[role][i];
        if (is_others(frame, inventory_slot(inventory, server)) && ++count <= 3) {
            text_printf(names, "%s%s", count > 1 ? ", " : "", server->name);
        }
    }
    if (count > 3) {
        text_printf(names, " and %d more", count - 3);
    }
    if (count > 0) {
        text_append_string(names, count == 1 ? " is in work" : " are in work");
    }
    return count > 0;
}

bool work_has_others(const struct frame *frame, enum role role)
{
    struct text names = {0};
    bool any = name_others(frame, role, &names);
    text_clear(&names);
    return any;
}

enum answer work_allows(const struct frame *frame, const struct server *server, bool *waits,
                        struct text *reason)
{
    *waits = true;
    if (is_others(frame, inventory_slot(frame->run->setup.inventory, server))) {
        text_printf(reason, "not now: %s is in work in another branch", server->name);
        return ANSWER_UNKNOWN;
    }
    if (server->role == ROLE_META && work_has_others(frame, ROLE_META)) {
        text_append_string(reason, "not now: ");
        name_others(frame, ROLE_META, reason);
        text_append_string(reason, ", and another meta server must be there to lead");
        return ANSWER_UNKNOWN;
    }
    *waits = false;
    return ANSWER_YES;
}

/* Which servers count as lost, by slot. True: some branch that has one of them does not wait. */
static bool list_lost(const struct frame *frame, enum guard_loss *lost)
{
    const struct run *run = frame->run;
    bool some_work = false;
    for (size_t slot = 0; slot < inventory_slot_count(run->setup.inventory); slot++) {
        const struct server_history *history = &run->history[slot];
        bool will_stand = history->waits && !history->in_work;
        lost[slot] = !is_others(frame, slot) ? LOSS_NONE : will_stand ? LOSS_REPLICAS : LOSS_SERVER;
        some_work = some_work || (lost[slot] != LOSS_NONE && !history->waits);
    }
    return some_work;
}

enum answer work_guard(const struct frame *frame, const struct evidence *evidence,
                       const struct server *server, const struct gpid *only, bool stops,
                       bool *waits, struct text *reason)
{
    const struct run *run = frame->run;
    const struct inventory *inventory = run->setup.inventory;
    const struct cluster_file *accepts = run->setup.cluster_file;
    struct text names = {0};
    if (work_allows(frame, server, waits, reason) != ANSWER_YES) {
        return ANSWER_UNKNOWN;
    }
    if (evidence->taken_us < run->stood_us) {
        text_append_string(reason, "what was seen is from before this program stood still");
        return ANSWER_UNKNOWN;
    }
    if (evidence->taken_us < run->released_us) {
        text_append_string(reason, "what was seen is older than the end of another branch");
        return ANSWER_UNKNOWN;
    }
    struct server_history *own = run_history(frame->run, server);
    own->waits = false;
    if (!name_others(frame, ROLE_REPLICA, &names)) {
        return guard_survives_loss(evidence, inventory, server, only, stops, accepts, reason);
    }
    size_t count = inventory_slot_count(inventory);
    enum guard_loss *lost = memory_allocate(count * sizeof *lost);
    struct text why = {0};
    bool some_work = list_lost(frame, lost);
    /* Any of them may be about to stop: so the freeze rule is asked whatever this step does, where
     * the evidence is of the whole cluster. */
    enum answer answer = guard_survives_losses(evidence, inventory, server, only,
                                               stops || only == NULL, accepts, lost, waits, &why);
    bool in_vain = *waits && !some_work;
    *waits = *waits && some_work;
    own->waits = *waits && own->taken_by != NULL;
    text_printf(reason, "%s%s (counted as lost%s): %s", *waits ? "not now: " : "",
                text_string(&names), in_vain ? ", and waits too" : "", text_string(&why));
    text_clear(&names);
    text_clear(&why);
    free(lost);
    return answer;
}

void work_wait(struct frame *frame, bool *told, const struct text *reason)
{
    struct frame *above = frame->parent;
    if (!*told) {
        run_emit(frame->run, EVENT_WAITING, frame->step, NULL, "%s", text_string(reason));
    }
    *told = true;
    frame_restart_deadline(frame);
    while (above != NULL && above->ops->wraps) {
        above = above->parent;
    }
    if (above != NULL && above->step->kind == STEP_WAIT_UNTIL) {
        frame_restart_deadline(above);
    }
}

bool work_takes_away(const struct step *step)
{
    bool takes = step->kind == STEP_DOWNGRADE_NODE || step->kind == STEP_DRAIN_NODE ||
                 (step->kind == STEP_DEPLOY && step->as.deploy != DEPLOY_START) ||
                 (step->kind == STEP_REMOTE_COMMAND &&
                  strcmp(step->as.remote_command.name, "replica.kill_partition") == 0);
    if (takes && step->server != NULL && step->server->role == ROLE_REPLICA) {
        return true;
    }
    if (step->kind == STEP_WAIT_UNTIL && step->as.wait.nudge != NULL &&
        work_takes_away(step->as.wait.nudge)) {
        return true;
    }
    for (size_t i = 0; i < step->body.count; i++) {
        if (work_takes_away(step->body.items[i])) {
            return true;
        }
    }
    return false;
}
