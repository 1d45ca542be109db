/* engine/condition_server.c - conditions about one server. */
#include "engine/condition_private.h"
#include "engine/guard.h"

#include <string.h>

/* The facts asked of the condition's own server, or NULL after having said why not. */
static const struct server_facts *own_facts(const struct question *question)
{
    const struct server_evidence *server = question_evidence(question, question->condition->server);
    if (!server->answered) {
        text_printf(question->reason, "no answer from %s itself: %s",
                    question->condition->server->name, server->error.text);
        return NULL;
    }
    return &server->facts;
}

/* All `there` are counted; no more are looked for than are named. */
static void name_those_on(const struct snapshot_table *table, int32_t node, bool primaries,
                          size_t there, struct naming *naming)
{
    for (int32_t p = 0; there > 0 && !naming_is_full(naming) && p < table->partition_count; p++) {
        const struct snapshot_partition *partition = &table->partitions[p];
        if (primaries ? partition->primary == node
                      : snapshot_partition_has_secondary(partition, node)) {
            naming_add(naming, partition->gpid);
            there--;
        }
    }
    naming->count += there;
}

static bool none_left(const struct question *question, bool primaries, enum answer *answer)
{
    const struct snapshot *snapshot = question_tables(question);
    const struct server *server = question->condition->server;
    if (snapshot == NULL) {
        return question_answer(answer, ANSWER_UNKNOWN);
    }
    const char *noun = primaries ? "primaries" : "secondaries";
    int32_t node = snapshot_find_node(snapshot, server->address);
    size_t accepted = 0;
    struct text names = {0};
    struct naming naming = {.reason = &names};
    for (int32_t t = 0; t < snapshot->table_count; t++) {
        const struct snapshot_table *table = &snapshot->tables[t];
        struct node_load load = snapshot_table_load(table, node);
        size_t there = (size_t)(primaries ? load.primaries : load.secondaries);
        if (there > 0 && guard_accepts_table(question->context->accepts, table->name)) {
            accepted += there;
        } else if (there > 0) {
            name_those_on(table, node, primaries, there, &naming);
        }
    }
    naming_end(&naming);
    if (naming.count == 0) {
        text_printf(question->reason, "no %s on %s", noun, server->name);
    } else {
        text_printf(question->reason, "%zu %s left on %s%s", naming.count, noun, server->name,
                    text_string(&names));
    }
    if (accepted > 0) {
        text_printf(question->reason, "; %zu of tables whose outage is accepted stay", accepted);
    }
    text_clear(&names);
    return question_answer(answer, naming.count == 0 ? ANSWER_YES : ANSWER_NO);
}

bool condition_no_primaries(const struct question *question, enum answer *answer)
{
    return none_left(question, true, answer);
}

bool condition_no_secondaries(const struct question *question, enum answer *answer)
{
    return none_left(question, false, answer);
}

static bool is_gone(const struct server_history *history, struct gpid gpid)
{
    for (size_t i = 0; i < history->gone_count; i++) {
        if (history->gone[i].app_id == gpid.app_id &&
            history->gone[i].partition == gpid.partition) {
            return true;
        }
    }
    return false;
}

/* A replica that left its partition must be in ERROR or gone; one that the server still owns is not
 * waited for, nor one of a table that is not AVAILABLE. Opening and closing must be 0. The sum of
 * replicas says nothing: it holds those of dropped and undrained tables too. Reference
 * samples/README.md. */
bool condition_replicas_closed(const struct question *question, enum answer *answer)
{
    const struct snapshot *snapshot = question_tables(question);
    const struct server_facts *facts = snapshot == NULL ? NULL : own_facts(question);
    if (facts == NULL) {
        return question_answer(answer, ANSWER_UNKNOWN);
    }
    const struct server *server = question->condition->server;
    int32_t node = snapshot_find_node(snapshot, server->address);
    const struct server_history *history =
        &question->context->history[inventory_slot(question->context->inventory, server)];
    size_t open = 0;
    int64_t closing = facts->counts.closing;
    struct text names = {0};
    struct naming naming = {.reason = &names};
    for (size_t i = 0; i < facts->replica_count; i++) {
        const struct server_replica *replica = &facts->replicas[i];
        const struct snapshot_partition *partition =
            snapshot_find_partition(snapshot, replica->gpid);
        if (partition == NULL || replica->status == REPLICA_ERROR ||
            snapshot_partition_has_member(partition, node)) {
            continue;
        }
        if (replica->status == REPLICA_INACTIVE && is_gone(history, replica->gpid)) {
            closing -= closing > 0;
            continue;
        }
        open++;
        naming_add(&naming, replica->gpid);
    }
    naming_end(&naming);
    if (open == 0 && facts->counts.opening == 0 && closing == 0) {
        text_printf(question->reason, "all drained replicas of %s are closed", server->name);
        *answer = ANSWER_YES;
    } else {
        text_printf(question->reason,
                    "%zu drained replicas still open on %s%s, %lld opening, %lld "
                    "closing",
                    open, server->name, text_string(&names), (long long)facts->counts.opening,
                    (long long)closing);
        *answer = ANSWER_NO;
    }
    text_clear(&names);
    return true;
}

bool condition_is_alive(const struct question *question, enum answer *answer)
{
    const struct server *server = question->condition->server;
    const struct snapshot *snapshot = question_snapshot(question);
    if (snapshot == NULL) {
        return question_answer(answer, ANSWER_UNKNOWN);
    }
    if (server->role == ROLE_REPLICA) {
        int32_t node = snapshot_find_node(snapshot, server->address);
        enum node_status status = node < 0 ? NODE_INVALID : snapshot->nodes[node].status;
        if (status != NODE_ALIVE) {
            text_printf(question->reason, "the primary meta server %s %s %s", snapshot->leader_name,
                        status == NODE_INVALID ? "does not list" : "shows as UNALIVE",
                        server->name);
            return question_answer(answer, ANSWER_NO);
        }
    }
    if (own_facts(question) == NULL) {
        /* A refused connection tells; silence does not. */
        bool refuses = question_evidence(question, server)->error.code == ERROR_UNREACHABLE;
        return question_answer(answer, refuses ? ANSWER_NO : ANSWER_UNKNOWN);
    }
    text_printf(question->reason, "%s is alive and answers", server->name);
    return question_answer(answer, ANSWER_YES);
}

bool condition_has_restarted(const struct question *question, enum answer *answer)
{
    const struct server *server = question->condition->server;
    const struct server_history *history =
        &question->context->history[inventory_slot(question->context->inventory, server)];
    if (!history->restart_asked) {
        text_printf(question->reason, "no restart of %s was asked for in this run", server->name);
        return question_answer(answer, ANSWER_UNKNOWN);
    }
    const struct server_facts *facts = own_facts(question);
    if (facts == NULL) {
        return question_answer(answer, ANSWER_UNKNOWN);
    }
    if (!history->was_down && strcmp(facts->start_time, history->start_time_before) == 0) {
        text_printf(question->reason, "%s still shows its old start time %s", server->name,
                    facts->start_time);
        return question_answer(answer, ANSWER_NO);
    }
    text_printf(question->reason, "%s started at %s", server->name, facts->start_time);
    return question_answer(answer, ANSWER_YES);
}

bool condition_runs_target_version(const struct question *question, enum answer *answer)
{
    const struct server *server = question->condition->server;
    const char *target = question->context->target_version;
    const struct server_facts *facts = own_facts(question);
    if (facts == NULL) {
        return question_answer(answer, ANSWER_UNKNOWN);
    }
    if (target == NULL) {
        text_printf(question->reason,
                    "%s runs %s; the cluster file names no target version to compare with",
                    server->name, facts->version);
        return question_answer(answer, ANSWER_YES);
    }
    if (strcmp(facts->version, target) != 0) {
        text_printf(question->reason, "%s runs '%s', the target is '%s'", server->name,
                    facts->version, target);
        return question_answer(answer, ANSWER_NO);
    }
    text_printf(question->reason, "%s runs %s", server->name, target);
    return question_answer(answer, ANSWER_YES);
}
