#include "engine/condition_private.h"
#include "engine/guard.h"

#include <string.h>

typedef void needs_fn(const struct condition *condition, const struct inventory *inventory,
                      struct needs *needs);

/* ---- what they need */
static void want(struct needs *needs, const struct inventory *inventory,
                 const struct server *server, unsigned parts)
{
    needs->parts[inventory_slot(inventory, server)] |= parts;
}

static void want_all(struct needs *needs, const struct inventory *inventory, enum role role,
                     unsigned parts)
{
    for (int32_t i = 0; i < inventory->count[role]; i++) {
        want(needs, inventory, &inventory->servers[role][i], parts);
    }
}

static void needs_snapshot(const struct condition *condition, const struct inventory *inventory,
                           struct needs *needs)
{
    (void)condition;
    (void)inventory;
    needs->snapshot = true;
}

static void needs_closed(const struct condition *condition, const struct inventory *inventory,
                         struct needs *needs)
{
    needs->snapshot = true;
    want(needs, inventory, condition->server, FACT_REPLICAS | FACT_COUNTS);
}

/* A collector has no remote commands: that it serves its start time is its sign of life. */
static unsigned sign_of_life(enum role role)
{
    return role == ROLE_COLLECTOR ? FACT_START_TIME : FACT_COMMANDS;
}

static void needs_alive(const struct condition *condition, const struct inventory *inventory,
                        struct needs *needs)
{
    needs->snapshot = true;
    want(needs, inventory, condition->server, sign_of_life(condition->server->role));
}

static void needs_start_time(const struct condition *condition, const struct inventory *inventory,
                             struct needs *needs)
{
    needs->snapshot = true;
    want(needs, inventory, condition->server, FACT_START_TIME);
}

static void needs_version(const struct condition *condition, const struct inventory *inventory,
                          struct needs *needs)
{
    needs->snapshot = true;
    want(needs, inventory, condition->server, FACT_VERSION);
}

static void needs_healthy(const struct condition *condition, const struct inventory *inventory,
                          struct needs *needs)
{
    (void)condition;
    needs->snapshot = true;
    want_all(needs, inventory, ROLE_REPLICA, FACT_COMMANDS);
}

static void needs_all_alive(const struct condition *condition, const struct inventory *inventory,
                            struct needs *needs)
{
    needs_healthy(condition, inventory, needs);
    want_all(needs, inventory, ROLE_META, FACT_COMMANDS);
}

static void needs_guard(const struct condition *condition, const struct inventory *inventory,
                        struct needs *needs)
{
    (void)condition;
    guard_add_needs(&inventory->servers[ROLE_REPLICA][0], inventory, needs);
}

static void needs_settings(const struct condition *condition, const struct inventory *inventory,
                           struct needs *needs)
{
    (void)condition;
    (void)inventory;
    needs->snapshot = true;
    needs->settings = true;
}

static void needs_parts(const struct condition *condition, const struct inventory *inventory,
                        struct needs *needs)
{
    for (size_t i = 0; i < condition->part_count; i++) {
        condition_add_needs(condition->parts[i], inventory, needs);
    }
}

/* ---- conditions made of conditions, and a site's own */
/* Asks all parts. The reason tells what is in the way: the parts whose answer is not `wanted`, or
 * all parts when there is none such. Words said once are not said again. */
static bool ask_parts(const struct question *question, enum answer wanted, size_t counts[3])
{
    struct text in_the_way = {0};
    struct text fine = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < question->condition->part_count; i++) {
        struct text reason = {0};
        enum answer answer;
        ok = condition_evaluate(question->condition->parts[i], question->context,
                                question->evidence, &answer, &reason, question->err);
        struct text *into = ok && answer == wanted ? &fine : &in_the_way;
        if (ok && strstr(text_string(into), text_string(&reason)) == NULL) {
            text_printf(into, "%s%s", into->length > 0 ? "; " : "", text_string(&reason));
        }
        if (ok) {
            counts[answer]++;
        }
        text_clear(&reason);
    }
    text_append_string(question->reason, text_string(in_the_way.length > 0 ? &in_the_way : &fine));
    text_clear(&in_the_way);
    text_clear(&fine);
    return ok;
}

static bool all_of(const struct question *question, enum answer *answer)
{
    size_t counts[3] = {0};
    if (!ask_parts(question, ANSWER_YES, counts)) {
        return false;
    }
    return question_answer(answer, counts[ANSWER_NO] > 0        ? ANSWER_NO
                                   : counts[ANSWER_UNKNOWN] > 0 ? ANSWER_UNKNOWN
                                                                : ANSWER_YES);
}

static bool any_of(const struct question *question, enum answer *answer)
{
    size_t counts[3] = {0};
    if (!ask_parts(question, ANSWER_NO, counts)) {
        return false;
    }
    return question_answer(answer, counts[ANSWER_YES] > 0       ? ANSWER_YES
                                   : counts[ANSWER_UNKNOWN] > 0 ? ANSWER_UNKNOWN
                                                                : ANSWER_NO);
}

static bool negation(const struct question *question, enum answer *answer)
{
    enum answer part;
    if (!condition_evaluate(question->condition->parts[0], question->context, question->evidence,
                            &part, question->reason, question->err)) {
        return false;
    }
    return question_answer(answer, part == ANSWER_UNKNOWN ? ANSWER_UNKNOWN
                                   : part == ANSWER_YES   ? ANSWER_NO
                                                          : ANSWER_YES);
}

static bool site_condition(const struct question *question, enum answer *answer)
{
    const struct snapshot *snapshot = question_snapshot(question);
    if (snapshot == NULL) {
        return question_answer(answer, ANSWER_UNKNOWN);
    }
    struct text reason = {0};
    bool ok = lang_ask(question->context->lang, question->condition, snapshot, answer, &reason,
                       question->err);
    if (ok) {
        text_printf(question->reason, "%s: %s", question->condition->name,
                    reason.length > 0       ? text_string(&reason)
                    : *answer == ANSWER_YES ? "yes"
                    : *answer == ANSWER_NO  ? "no"
                                            : "unknown");
    }
    text_clear(&reason);
    return ok;
}

static const struct {
    needs_fn *needs;
    condition_fn *evaluate;
} kinds[CONDITION_KIND_COUNT] = {
    [COND_NO_PRIMARIES] = {needs_snapshot, condition_no_primaries},
    [COND_NO_SECONDARIES] = {needs_snapshot, condition_no_secondaries},
    [COND_REPLICAS_CLOSED] = {needs_closed, condition_replicas_closed},
    [COND_IS_ALIVE] = {needs_alive, condition_is_alive},
    [COND_HAS_RESTARTED] = {needs_start_time, condition_has_restarted},
    [COND_RUNS_TARGET_VERSION] = {needs_version, condition_runs_target_version},
    [COND_CLUSTER_IS_HEALTHY] = {needs_healthy, condition_cluster_is_healthy},
    [COND_ALL_SERVERS_ALIVE] = {needs_all_alive, condition_all_servers_alive},
    [COND_ALL_OF] = {needs_parts, all_of},
    [COND_ANY_OF] = {needs_parts, any_of},
    [COND_NOT] = {needs_parts, negation},
    [COND_LUA] = {needs_snapshot, site_condition},
    [COND_SURVIVES_LOSS_OF] = {needs_guard, condition_survives_loss_of},
    [COND_NO_LEFTOVERS] = {needs_settings, condition_no_leftovers},
};

void condition_add_needs(const struct condition *condition, const struct inventory *inventory,
                         struct needs *needs)
{
    kinds[condition->kind].needs(condition, inventory, needs);
}

bool condition_evaluate(const struct condition *condition, const struct condition_context *context,
                        const struct evidence *evidence, enum answer *answer, struct text *reason,
                        struct error *err)
{
    struct question question = {condition, context, evidence, reason, err};
    return kinds[condition->kind].evaluate(&question, answer);
}
