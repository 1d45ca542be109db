#include "engine/condition.h"

#include <string.h>

enum { NAMED_AT_MOST = 5 }; /* partitions or servers named in a reason before "and N more" */

struct question {
    const struct condition *condition;
    const struct condition_context *context;
    const struct evidence *evidence;
    struct text *reason;
    struct error *err;
};

typedef bool evaluate_fn(const struct question *question, enum answer *answer);
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

static void needs_parts(const struct condition *condition, const struct inventory *inventory,
                        struct needs *needs)
{
    for (size_t i = 0; i < condition->part_count; i++) {
        condition_add_needs(condition->parts[i], inventory, needs);
    }
}

/* ---- the answers */
static const struct server_evidence *evidence_of(const struct question *question,
                                                 const struct server *server)
{
    return &question->evidence->servers[inventory_slot(question->context->inventory, server)];
}

/* The snapshot, or NULL after having said why there is none to judge by. */
static const struct snapshot *usable_snapshot(const struct question *question)
{
    const struct evidence *evidence = question->evidence;
    if (!evidence->has_snapshot) {
        text_printf(question->reason, "the cluster could not be observed: %s",
                    evidence->snapshot_error.text);
        return NULL;
    }
    if (evidence->taken_us < question->context->last_change_us) {
        text_append_string(question->reason, "what was observed is older than our last change");
        return NULL;
    }
    return &evidence->snapshot;
}

/* As usable_snapshot, for conditions on partitions: no table at all proves nothing. */
static const struct snapshot *snapshot_with_tables(const struct question *question)
{
    const struct snapshot *snapshot = usable_snapshot(question);
    if (snapshot != NULL && snapshot->partition_count == 0) {
        text_printf(
            question->reason,
            "the primary meta server %s lists no table, so nothing can be told of partitions",
            snapshot->leader_name);
        return NULL;
    }
    return snapshot;
}

static bool say(enum answer *answer, enum answer value)
{
    *answer = value;
    return true;
}

/* Names up to NAMED_AT_MOST things: " (1.3, 2.7 and 4 more)". */
struct naming {
    struct text *reason;
    size_t count;
};

static void name_partition(struct naming *naming, struct gpid gpid)
{
    if (naming->count++ < NAMED_AT_MOST) {
        text_printf(naming->reason, "%s%d.%d", naming->count == 1 ? " (" : ", ", gpid.app_id,
                    gpid.partition);
    }
}

static void end_naming(struct naming *naming)
{
    if (naming->count > NAMED_AT_MOST) {
        text_printf(naming->reason, " and %zu more", naming->count - NAMED_AT_MOST);
    }
    if (naming->count > 0) {
        text_append_char(naming->reason, ')');
    }
}

static bool partition_has_secondary(const struct snapshot_partition *partition, int32_t node)
{
    for (int32_t i = 0; i < partition->secondary_count; i++) {
        if (partition->secondaries[i] == node) {
            return true;
        }
    }
    return false;
}

static bool none_left(const struct question *question, bool primaries, enum answer *answer)
{
    const struct snapshot *snapshot = snapshot_with_tables(question);
    const struct server *server = question->condition->server;
    if (snapshot == NULL) {
        return say(answer, ANSWER_UNKNOWN);
    }
    const char *noun = primaries ? "primaries" : "secondaries";
    int32_t node = snapshot_find_node(snapshot, server->address);
    int32_t left = node < 0    ? 0
                   : primaries ? snapshot->nodes[node].primaries
                               : snapshot->nodes[node].secondaries;
    if (left == 0) {
        text_printf(question->reason, "no %s on %s", noun, server->name);
        return say(answer, ANSWER_YES);
    }
    text_printf(question->reason, "%d %s left on %s", left, noun, server->name);
    struct naming naming = {.reason = question->reason};
    for (int32_t t = 0; t < snapshot->table_count; t++) {
        const struct snapshot_table *table = &snapshot->tables[t];
        for (int32_t p = 0; table->partitions != NULL && p < table->partition_count; p++) {
            const struct snapshot_partition *partition = &table->partitions[p];
            if (primaries ? partition->primary == node : partition_has_secondary(partition, node)) {
                name_partition(&naming, partition->gpid);
            }
        }
    }
    end_naming(&naming);
    return say(answer, ANSWER_NO);
}

static bool no_primaries(const struct question *question, enum answer *answer)
{
    return none_left(question, true, answer);
}

static bool no_secondaries(const struct question *question, enum answer *answer)
{
    return none_left(question, false, answer);
}

/* The facts asked of the condition's own server, or NULL after having said why not. */
static const struct server_facts *own_facts(const struct question *question)
{
    const struct server_evidence *server = evidence_of(question, question->condition->server);
    if (!server->answered) {
        text_printf(question->reason, "no answer from %s itself: %s",
                    question->condition->server->name, server->error.text);
        return NULL;
    }
    return &server->facts;
}

static bool is_member(const struct snapshot *snapshot, int32_t node, struct gpid gpid)
{
    for (int32_t t = 0; t < snapshot->table_count; t++) {
        const struct snapshot_table *table = &snapshot->tables[t];
        if (table->app_id == gpid.app_id && table->partitions != NULL &&
            gpid.partition < table->partition_count) {
            const struct snapshot_partition *partition = &table->partitions[gpid.partition];
            return partition->primary == node || partition_has_secondary(partition, node);
        }
    }
    return false;
}

/* A replica that left its partition must be in ERROR or gone; one that the server still owns is not
 * waited for. Opening and closing must be 0. The sum of replicas says nothing: it holds those of
 * dropped and undrained tables too. Reference samples/README.md. */
static bool replicas_closed(const struct question *question, enum answer *answer)
{
    const struct snapshot *snapshot = snapshot_with_tables(question);
    const struct server_facts *facts = snapshot == NULL ? NULL : own_facts(question);
    if (facts == NULL) {
        return say(answer, ANSWER_UNKNOWN);
    }
    const struct server *server = question->condition->server;
    int32_t node = snapshot_find_node(snapshot, server->address);
    size_t open = 0;
    struct text names = {0};
    struct naming naming = {.reason = &names};
    for (size_t i = 0; i < facts->replica_count; i++) {
        const struct server_replica *replica = &facts->replicas[i];
        if (replica->status != REPLICA_ERROR &&
            !(node >= 0 && is_member(snapshot, node, replica->gpid))) {
            open++;
            name_partition(&naming, replica->gpid);
        }
    }
    end_naming(&naming);
    if (open == 0 && facts->counts.opening == 0 && facts->counts.closing == 0) {
        text_printf(question->reason, "all drained replicas of %s are closed", server->name);
        *answer = ANSWER_YES;
    } else {
        text_printf(question->reason,
                    "%zu drained replicas still open on %s%s, %lld opening, %lld "
                    "closing",
                    open, server->name, text_string(&names), (long long)facts->counts.opening,
                    (long long)facts->counts.closing);
        *answer = ANSWER_NO;
    }
    text_clear(&names);
    return true;
}

static bool is_alive(const struct question *question, enum answer *answer)
{
    const struct server *server = question->condition->server;
    const struct snapshot *snapshot = usable_snapshot(question);
    if (snapshot == NULL) {
        return say(answer, ANSWER_UNKNOWN);
    }
    if (server->role == ROLE_REPLICA) {
        int32_t node = snapshot_find_node(snapshot, server->address);
        enum node_status status = node < 0 ? NODE_INVALID : snapshot->nodes[node].status;
        if (status != NODE_ALIVE) {
            text_printf(question->reason, "the primary meta server %s %s %s", snapshot->leader_name,
                        status == NODE_INVALID ? "does not list" : "shows as UNALIVE",
                        server->name);
            return say(answer, ANSWER_NO);
        }
    }
    if (own_facts(question) == NULL) {
        return say(answer, ANSWER_NO);
    }
    text_printf(question->reason, "%s is alive and answers", server->name);
    return say(answer, ANSWER_YES);
}

static bool has_restarted(const struct question *question, enum answer *answer)
{
    const struct server *server = question->condition->server;
    const struct server_history *history =
        &question->context->history[inventory_slot(question->context->inventory, server)];
    if (!history->restart_asked) {
        text_printf(question->reason, "no restart of %s was asked for in this run", server->name);
        return say(answer, ANSWER_UNKNOWN);
    }
    const struct server_facts *facts = own_facts(question);
    if (facts == NULL) {
        return say(answer, ANSWER_UNKNOWN);
    }
    if (!history->was_down && strcmp(facts->start_time, history->start_time_before) == 0) {
        text_printf(question->reason, "%s still shows its old start time %s", server->name,
                    facts->start_time);
        return say(answer, ANSWER_NO);
    }
    text_printf(question->reason, "%s started at %s", server->name, facts->start_time);
    return say(answer, ANSWER_YES);
}

static bool runs_target_version(const struct question *question, enum answer *answer)
{
    const struct server *server = question->condition->server;
    const char *target = question->context->target_version;
    const struct server_facts *facts = own_facts(question);
    if (facts == NULL) {
        return say(answer, ANSWER_UNKNOWN);
    }
    if (target == NULL) {
        text_printf(question->reason,
                    "%s runs %s; the cluster file names no target version to compare with",
                    server->name, facts->version);
        return say(answer, ANSWER_YES);
    }
    if (strcmp(facts->version, target) != 0) {
        text_printf(question->reason, "%s runs '%s', the target is '%s'", server->name,
                    facts->version, target);
        return say(answer, ANSWER_NO);
    }
    text_printf(question->reason, "%s runs %s", server->name, target);
    return say(answer, ANSWER_YES);
}

/* Every server of the role is listed as alive (replica servers) and answers for itself. A silent
 * one makes the answer unknown, one that the meta server does not show as alive makes it no. */
static enum answer servers_answer(const struct question *question, const struct snapshot *snapshot,
                                  enum role role)
{
    const struct inventory *inventory = question->context->inventory;
    for (int32_t i = 0; role == ROLE_REPLICA && i < inventory->count[role]; i++) {
        const struct server *server = &inventory->servers[role][i];
        int32_t node = snapshot_find_node(snapshot, server->address);
        if (node < 0 || snapshot->nodes[node].status != NODE_ALIVE) {
            text_printf(question->reason, "%s is not shown as ALIVE", server->name);
            return ANSWER_NO;
        }
    }
    for (int32_t i = 0; i < inventory->count[role]; i++) {
        const struct server *server = &inventory->servers[role][i];
        const struct server_evidence *evidence = evidence_of(question, server);
        if (!evidence->answered) {
            text_printf(question->reason, "no answer from %s itself: %s", server->name,
                        evidence->error.text);
            return ANSWER_UNKNOWN;
        }
    }
    return ANSWER_YES;
}

static int32_t count_unhealthy(const struct question *question, const struct snapshot *snapshot)
{
    int32_t unhealthy = 0;
    struct text names = {0};
    struct naming naming = {.reason = &names};
    for (int32_t t = 0; t < snapshot->table_count; t++) {
        const struct snapshot_table *table = &snapshot->tables[t];
        for (int32_t p = 0; table->partitions != NULL && p < table->partition_count; p++) {
            if (!partition_is_healthy(&table->partitions[p])) {
                unhealthy++;
                name_partition(&naming, table->partitions[p].gpid);
            }
        }
    }
    end_naming(&naming);
    if (unhealthy > 0) {
        text_printf(question->reason, "%d of %d partitions are not fully healthy%s", unhealthy,
                    snapshot->partition_count, text_string(&names));
    }
    text_clear(&names);
    return unhealthy;
}

static bool cluster_is_healthy(const struct question *question, enum answer *answer)
{
    const struct snapshot *snapshot = snapshot_with_tables(question);
    if (snapshot == NULL) {
        return say(answer, ANSWER_UNKNOWN);
    }
    if (snapshot->level < LEVEL_STEADY) {
        const char *name = meta_level_name(snapshot->level);
        text_printf(question->reason, "the meta level is '%s', so nothing heals",
                    name == NULL ? "unknown" : name);
        return say(answer, ANSWER_NO);
    }
    if (count_unhealthy(question, snapshot) > 0) {
        return say(answer, ANSWER_NO);
    }
    enum answer servers = servers_answer(question, snapshot, ROLE_REPLICA);
    if (servers == ANSWER_YES) {
        text_printf(question->reason, "all %d partitions are healthy and all %d servers answer",
                    snapshot->partition_count, question->context->inventory->count[ROLE_REPLICA]);
    }
    return say(answer, servers);
}

static bool all_servers_alive(const struct question *question, enum answer *answer)
{
    const struct snapshot *snapshot = usable_snapshot(question);
    if (snapshot == NULL) {
        return say(answer, ANSWER_UNKNOWN);
    }
    enum answer replicas = servers_answer(question, snapshot, ROLE_REPLICA);
    if (replicas != ANSWER_YES) {
        return say(answer, replicas);
    }
    enum answer metas = servers_answer(question, snapshot, ROLE_META);
    if (metas == ANSWER_YES) {
        text_append_string(question->reason, "all replica and meta servers are alive and answer");
    }
    return say(answer, metas);
}

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
    return say(answer, counts[ANSWER_NO] > 0        ? ANSWER_NO
                       : counts[ANSWER_UNKNOWN] > 0 ? ANSWER_UNKNOWN
                                                    : ANSWER_YES);
}

static bool any_of(const struct question *question, enum answer *answer)
{
    size_t counts[3] = {0};
    if (!ask_parts(question, ANSWER_NO, counts)) {
        return false;
    }
    return say(answer, counts[ANSWER_YES] > 0       ? ANSWER_YES
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
    return say(answer, part == ANSWER_UNKNOWN ? ANSWER_UNKNOWN
                       : part == ANSWER_YES   ? ANSWER_NO
                                              : ANSWER_YES);
}

static bool site_condition(const struct question *question, enum answer *answer)
{
    const struct snapshot *snapshot = usable_snapshot(question);
    if (snapshot == NULL) {
        return say(answer, ANSWER_UNKNOWN);
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

static bool not_available(const struct question *question, enum answer *answer)
{
    text_printf(question->reason, "%s is not available", question->condition->name);
    return say(answer, ANSWER_UNKNOWN);
}

static const struct {
    needs_fn *needs;
    evaluate_fn *evaluate;
} kinds[CONDITION_KIND_COUNT] = {
    [COND_NO_PRIMARIES] = {needs_snapshot, no_primaries},
    [COND_NO_SECONDARIES] = {needs_snapshot, no_secondaries},
    [COND_REPLICAS_CLOSED] = {needs_closed, replicas_closed},
    [COND_IS_ALIVE] = {needs_alive, is_alive},
    [COND_HAS_RESTARTED] = {needs_start_time, has_restarted},
    [COND_RUNS_TARGET_VERSION] = {needs_version, runs_target_version},
    [COND_CLUSTER_IS_HEALTHY] = {needs_healthy, cluster_is_healthy},
    [COND_ALL_SERVERS_ALIVE] = {needs_all_alive, all_servers_alive},
    [COND_ALL_OF] = {needs_parts, all_of},
    [COND_ANY_OF] = {needs_parts, any_of},
    [COND_NOT] = {needs_parts, negation},
    [COND_LUA] = {needs_snapshot, site_condition},
    /* Not answered here: unknown, and nothing proceeds on it. */
    [COND_SURVIVES_LOSS_OF] = {needs_snapshot, not_available},
    [COND_NO_LEFTOVERS] = {needs_snapshot, not_available},
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
