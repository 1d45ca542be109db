/* What a run would ask before its first change: requirements, leftovers, guards. */
#include "cli/plan.h"

#include "engine/condition.h"
#include "engine/guard.h"
#include "engine/leftovers.h"
#include "engine/precheck.h"

#include <stdlib.h>
#include <string.h>

void plan_add_needs(const struct workflow *workflow, const struct inventory *inventory,
                    struct needs *needs)
{
    guard_add_needs(&inventory->servers[ROLE_REPLICA][0], inventory, needs);
    needs->settings = true;
    for (int role = 0; role < ROLE_COUNT; role++) {
        for (int32_t i = 0; i < inventory->count[role]; i++) {
            needs->parts[inventory_slot(inventory, &inventory->servers[role][i])] |= FACT_VERSION;
        }
    }
    const struct condition *condition;
    bool always;
    for (size_t i = 0; (condition = precheck_condition(workflow, i, &always)) != NULL; i++) {
        condition_add_needs(condition, inventory, needs);
    }
}

/* ---- requirements */

static bool ask_requirement(struct plan *plan, const struct condition_context *context,
                            struct plan_requirement *requirement, struct error *err)
{
    struct text reason = {0};
    const struct condition *condition = requirement->condition;
    bool ok =
        condition_evaluate(condition, context, plan->evidence, &requirement->answer, &reason, err);
    requirement->reason = arena_copy_string(plan->arena, text_string(&reason));
    if (ok && requirement->answer != ANSWER_YES) {
        plan_refuse(
            plan, "the workflow requires %s (%s:%d)%s, but %s%s", condition->name,
            condition->where.file, condition->where.line, requirement->always ? ", always" : "",
            requirement->answer == ANSWER_UNKNOWN ? "that is unknown: " : "", requirement->reason);
    }
    text_clear(&reason);
    return ok;
}

static bool ask_requirements(struct plan *plan, struct error *err)
{
    const struct inventory *inventory = &plan->session->inventory;
    const struct workflow *workflow = plan->workflow;
    struct server_history *history =
        memory_allocate(inventory_slot_count(inventory) * sizeof *history);
    struct condition_context context = {
        .lang = plan->session->lang,
        .inventory = inventory,
        .history = history,
        .target_version = plan->session->cluster_file->target_version,
        .accepts = plan->session->cluster_file,
    };
    bool ok = true;
    size_t count = workflow->requirement_count + workflow->invariant_count;
    plan->requirement_count = 0;
    plan->requirements = arena_allocate(plan->arena, (count + 1) * sizeof *plan->requirements);
    for (size_t i = 0; ok && i < count; i++) {
        struct plan_requirement *requirement = &plan->requirements[plan->requirement_count++];
        requirement->condition = precheck_condition(workflow, i, &requirement->always);
        ok = ask_requirement(plan, &context, &plan->requirements[i], err);
    }
    free(history);
    return ok;
}

/* ---- leftovers */

static void look_for_leftovers(struct plan *plan, bool keep)
{
    for (size_t i = 0; i < LEFTOVER_SETTING_COUNT; i++) {
        const struct setting_evidence *setting = &plan->evidence->settings[i];
        const char *name = leftover_settings[i];
        const char *meaning = setting->answered ? leftover_meaning(name, setting->value) : NULL;
        if (!setting->answered) {
            plan_refuse(plan, "%s could not be read: %s", name, setting->error.text);
        } else if (meaning != NULL && keep) {
            plan_note(plan, "%s is %s, and is kept", name, setting->value);
        } else if (meaning != NULL) {
            plan_refuse(plan,
                        "%s is %s, which looks like another tool's leftover: %s; set it right, or "
                        "say that it is meant with --keep-leftovers",
                        name, setting->value, meaning);
        }
    }
}

/* ---- guards */

struct judging {
    struct plan *plan;
    const struct taken *taken; /* by slot */
    bool any_stops;
    bool *leaves; /* by node of the evidence's snapshot */
};

static bool holds_any(const struct judging *judging, const struct snapshot_partition *partition)
{
    bool found = partition->primary != SNAPSHOT_NO_NODE && judging->leaves[partition->primary];
    for (int32_t i = 0; i < partition->secondary_count; i++) {
        found = found || judging->leaves[partition->secondaries[i]];
    }
    return found;
}

static void add_cost(struct judging *judging, const char *table, bool accepted,
                     const struct text *words)
{
    struct plan *plan = judging->plan;
    plan->costs[plan->cost_count++] = (struct plan_cost){
        .table = table,
        .accepted = accepted,
        .words = arena_copy_string(plan->arena, text_string(words)),
    };
}

/* A table that cannot spare one replica: the guard can never be met. */
static void judge_table(struct judging *judging, const struct snapshot_table *table)
{
    const struct guard_values *values = &judging->plan->evidence->guard;
    int32_t replicas = table->max_replica_count;
    int32_t least = guard_min_replicas(values, replicas);
    int32_t concerned = 0;
    struct text words = {0};
    for (int32_t p = 0; table->partitions != NULL && p < table->partition_count; p++) {
        concerned += holds_any(judging, &table->partitions[p]);
    }
    if (concerned == 0 || replicas - 1 >= least) {
        return;
    }
    if (replicas == 1) {
        text_printf(&words,
                    "table '%s' has one replica: each server that holds one of its %d partitions "
                    "takes it away for the time of its restart",
                    table->name, concerned);
    } else {
        text_printf(&words,
                    "table '%s' has %d replicas and writes need %d: while a server that holds one "
                    "is away, its partitions there take no writes (%d partitions)",
                    table->name, replicas, least, concerned);
    }
    add_cost(judging, table->name,
             guard_accepts_table(judging->plan->session->cluster_file, table->name), &words);
    text_clear(&words);
}

/* With one server away, whichever: does the meta server go on? */
static void judge_freeze(struct judging *judging)
{
    const struct guard_values *values = &judging->plan->evidence->guard;
    int64_t servers = judging->plan->evidence->snapshot.listed_count;
    bool too_few = servers - 1 < values->min_live_servers;
    bool too_small = (servers - 1) * 100 < values->live_percentage * servers;
    struct text words = {0};
    if (!judging->any_stops || (!too_few && !too_small)) {
        return;
    }
    text_printf(&words, "with one of %lld replica servers away, ", (long long)servers);
    if (too_few) {
        text_printf(&words, "%lld are left, fewer than %lld (min_live_node_count_for_unfreeze)",
                    (long long)servers - 1, (long long)values->min_live_servers);
    } else {
        text_printf(&words, "less than %lld %% are left (meta.live_percentage)",
                    (long long)values->live_percentage);
    }
    text_append_string(&words,
                       ": the meta server freezes. Until the server is back it repairs nothing, "
                       "and a partition whose primary fails meanwhile gets no other one");
    add_cost(judging, NULL, judging->plan->session->cluster_file->accepts_freeze, &words);
    text_clear(&words);
}

const struct cluster_file *plan_accept_costs(const struct plan *plan)
{
    struct cluster_file *file = arena_allocate(plan->arena, sizeof *file);
    *file = *plan->session->cluster_file;
    const char **tables = arena_allocate(
        plan->arena, (file->accepted_outage_count + plan->cost_count + 1) * sizeof *tables);
    size_t count = 0;
    for (; count < file->accepted_outage_count; count++) {
        tables[count] = file->accepted_outages[count];
    }
    for (size_t i = 0; i < plan->cost_count; i++) {
        if (plan->costs[i].table == NULL) {
            file->accepts_freeze = true;
        } else if (!plan->costs[i].accepted) {
            tables[count++] = plan->costs[i].table;
        }
    }
    file->accepted_outages = tables;
    file->accepted_outage_count = count;
    if (file->accept_reason == NULL) {
        file->accept_reason = "supposed";
    }
    return file;
}

static enum answer ask_guard(const struct judging *judging, const struct cluster_file *file,
                             const struct server *server, struct text *reason)
{
    const struct inventory *inventory = &judging->plan->session->inventory;
    const struct taken *taken = &judging->taken[inventory_slot(inventory, server)];
    return taken->leaves ? guard_survives_loss(judging->plan->evidence, inventory, server, NULL,
                                               taken->stops, file, reason)
                         : ANSWER_YES;
}

/* What stands in the way besides costs: a partition that lacks a replica, a server that is silent.
 * The first server's reason is told; others mostly have the same. */
static void ask_guards(struct judging *judging)
{
    struct plan *plan = judging->plan;
    const struct inventory *inventory = &plan->session->inventory;
    const struct cluster_file *file = plan_accept_costs(plan);
    struct text first = {0};
    struct text others = {0};
    for (int32_t i = 0; i < inventory->count[ROLE_REPLICA]; i++) {
        const struct server *server = &inventory->servers[ROLE_REPLICA][i];
        struct text reason = {0};
        enum answer answer = ask_guard(judging, file, server, &reason);
        if (answer != ANSWER_YES && first.length == 0) {
            text_printf(&first, "%s cannot be taken away: %s%s", server->name,
                        answer == ANSWER_UNKNOWN ? "unknown: " : "", text_string(&reason));
        } else if (answer != ANSWER_YES) {
            text_printf(&others, "%s%s", others.length > 0 ? ", " : "", server->name);
        }
        text_clear(&reason);
    }
    plan->guards_hold = first.length == 0;
    if (first.length > 0) {
        plan_refuse(plan, "a guard would stop the run: %s%s%s", text_string(&first),
                    others.length > 0 ? "; nor can " : "", text_string(&others));
    }
    text_clear(&first);
    text_clear(&others);
}

static void mark_leaving(struct judging *judging)
{
    const struct inventory *inventory = &judging->plan->session->inventory;
    const struct snapshot *snapshot = &judging->plan->evidence->snapshot;
    for (int32_t i = 0; i < inventory->count[ROLE_REPLICA]; i++) {
        const struct server *server = &inventory->servers[ROLE_REPLICA][i];
        const struct taken *taken = &judging->taken[inventory_slot(inventory, server)];
        int32_t node = snapshot_find_node(snapshot, server->address);
        if (node >= 0) {
            judging->leaves[node] = taken->leaves;
        }
        judging->any_stops = judging->any_stops || taken->stops;
        judging->plan->taken_count += taken->leaves;
    }
}

static void refuse_costs(struct plan *plan)
{
    for (size_t i = 0; i < plan->cost_count; i++) {
        if (!plan->costs[i].accepted && plan->costs[i].table == NULL) {
            plan_refuse(plan, "the cluster would freeze, and the cluster file does not accept it");
        } else if (!plan->costs[i].accepted) {
            plan_refuse(plan,
                        "table '%s' cannot spare a replica, and the cluster file does not accept "
                        "its outage",
                        plan->costs[i].table);
        }
    }
}

/* A slip of the pen would be noticed only when the guard refuses. */
static void note_unknown_tables(struct plan *plan, const struct snapshot *snapshot)
{
    const struct cluster_file *file = plan->session->cluster_file;
    for (size_t i = 0; i < file->accepted_outage_count; i++) {
        const struct snapshot_table *table =
            snapshot_find_table(snapshot, file->accepted_outages[i]);
        if (table == NULL || table->partitions == NULL) {
            plan_note(plan, "the cluster file accepts an outage of table '%s', which is not there",
                      file->accepted_outages[i]);
        }
    }
}

static void judge_guards(struct plan *plan)
{
    const struct evidence *evidence = plan->evidence;
    if (!evidence->has_snapshot || !evidence->guard.known) {
        plan_refuse(plan, "the guards could not be asked: %s",
                    evidence->has_snapshot ? evidence->guard.error.text
                                           : evidence->snapshot_error.text);
        return;
    }
    const struct snapshot *snapshot = &evidence->snapshot;
    struct taken *taken = precheck_list_taken(&plan->workflow->steps, &plan->session->inventory);
    struct judging judging = {
        .plan = plan,
        .taken = taken,
        .leaves = memory_allocate(((size_t)snapshot->node_count + 1) * sizeof(bool)),
    };
    plan->costs =
        arena_allocate(plan->arena, ((size_t)snapshot->table_count + 1) * sizeof *plan->costs);
    note_unknown_tables(plan, snapshot);
    mark_leaving(&judging);
    for (int32_t t = 0; t < snapshot->table_count; t++) {
        judge_table(&judging, &snapshot->tables[t]);
    }
    judge_freeze(&judging);
    refuse_costs(plan);
    ask_guards(&judging);
    free(judging.leaves);
    free(taken);
}

/* Nothing of it stops a run by itself: an update may be what starts the server. */
static void note_silent(struct plan *plan)
{
    const struct inventory *inventory = &plan->session->inventory;
    for (int role = 0; role < ROLE_COUNT; role++) {
        for (int32_t i = 0; i < inventory->count[role]; i++) {
            const struct server *server = &inventory->servers[role][i];
            const struct server_evidence *seen = plan_server(plan, server);
            if (!seen->answered) {
                plan_note(plan, "the %s %s does not answer: %s", plan_role((enum role)role),
                          server->name, seen->error.text);
            }
        }
    }
}

/* ---- overrides */

static void note_override(struct plan *plan, const struct step *step)
{
    char *place = arena_printf(plan->arena, "%s:%d: ", step->where.file, step->where.line);
    for (size_t i = 0; i < plan->note_count; i++) {
        if (strncmp(plan->notes[i], place, strlen(place)) == 0) {
            return; /* a body is there once for each server */
        }
    }
    plan_note(plan, "%s%s overrides its guard until %s: %s", place, step_kind_name(step->kind),
              step->override.expires, step->override.reason);
}

static void note_overrides(struct plan *plan, const struct step_list *steps)
{
    for (size_t i = 0; i < steps->count; i++) {
        const struct step *step = steps->items[i];
        const struct step *nudge = step->kind == STEP_WAIT_UNTIL ? step->as.wait.nudge : NULL;
        if (step->override.guard) {
            note_override(plan, step);
        }
        if (nudge != NULL && nudge->override.guard) {
            note_override(plan, nudge);
        }
        note_overrides(plan, &step->body);
    }
}

void plan_note_racks(struct plan *plan)
{
    const struct cluster_file *file = plan->session->cluster_file;
    const struct inventory *inventory = &plan->session->inventory;
    for (size_t i = 0; i < file->rack_count; i++) {
        bool known = false;
        for (int role = 0; role < ROLE_COUNT; role++) {
            for (int32_t s = 0; s < inventory->count[role]; s++) {
                known = known || server_is_named(&inventory->servers[role][s], file->racks[i].name);
            }
        }
        if (!known) {
            plan_note(plan,
                      "the cluster file gives a rack to '%s', which is no server of the cluster",
                      file->racks[i].name);
        }
    }
}

bool plan_judge(struct plan *plan, bool keep_leftovers, struct error *err)
{
    note_silent(plan);
    note_overrides(plan, &plan->workflow->steps);
    if (!ask_requirements(plan, err)) {
        return false;
    }
    look_for_leftovers(plan, keep_leftovers);
    judge_guards(plan);
    return true;
}
