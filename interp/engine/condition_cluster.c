/* engine/condition_cluster.c - conditions about all servers and partitions. */
#include "engine/condition_private.h"
#include "engine/guard.h"
#include "engine/leftovers.h"

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
        const struct server_evidence *evidence = question_evidence(question, server);
        if (!evidence->answered) {
            text_printf(question->reason, "no answer from %s itself: %s", server->name,
                        evidence->error.text);
            return ANSWER_UNKNOWN;
        }
    }
    return ANSWER_YES;
}

/* As name_those_on of condition_server.c: all are counted, some are named. */
static void name_unhealthy(const struct snapshot_table *table, int32_t unhealthy,
                           struct naming *naming)
{
    for (int32_t p = 0; unhealthy > 0 && !naming_is_full(naming); p++) {
        if (!partition_is_healthy(&table->partitions[p])) {
            naming_add(naming, table->partitions[p].gpid);
            unhealthy--;
        }
    }
    naming->count += (size_t)unhealthy;
}

static int32_t count_unhealthy(const struct question *question, const struct snapshot *snapshot)
{
    int32_t unhealthy = 0;
    struct text names = {0};
    struct naming naming = {.reason = &names};
    for (int32_t t = 0; t < snapshot->table_count; t++) {
        int32_t of_table = snapshot_table_unhealthy(&snapshot->tables[t]);
        unhealthy += of_table;
        name_unhealthy(&snapshot->tables[t], of_table, &naming);
    }
    naming_end(&naming);
    if (unhealthy > 0) {
        text_printf(question->reason, "%d of %d partitions are not fully healthy%s", unhealthy,
                    snapshot->partition_count, text_string(&names));
    }
    text_clear(&names);
    return unhealthy;
}

bool condition_cluster_is_healthy(const struct question *question, enum answer *answer)
{
    const struct snapshot *snapshot = question_tables(question);
    if (snapshot == NULL) {
        return question_answer(answer, ANSWER_UNKNOWN);
    }
    if (snapshot->level < LEVEL_STEADY) {
        const char *name = meta_level_name(snapshot->level);
        text_printf(question->reason, "the meta level is '%s', so nothing heals",
                    name == NULL ? "unknown" : name);
        return question_answer(answer, ANSWER_NO);
    }
    if (count_unhealthy(question, snapshot) > 0) {
        return question_answer(answer, ANSWER_NO);
    }
    enum answer servers = servers_answer(question, snapshot, ROLE_REPLICA);
    if (servers == ANSWER_YES) {
        text_printf(question->reason, "all %d partitions are healthy and all %d servers answer",
                    snapshot->partition_count, question->context->inventory->count[ROLE_REPLICA]);
    }
    return question_answer(answer, servers);
}

bool condition_all_servers_alive(const struct question *question, enum answer *answer)
{
    const struct snapshot *snapshot = question_snapshot(question);
    if (snapshot == NULL) {
        return question_answer(answer, ANSWER_UNKNOWN);
    }
    enum answer replicas = servers_answer(question, snapshot, ROLE_REPLICA);
    if (replicas != ANSWER_YES) {
        return question_answer(answer, replicas);
    }
    enum answer metas = servers_answer(question, snapshot, ROLE_META);
    if (metas == ANSWER_YES) {
        text_append_string(question->reason, "all replica and meta servers are alive and answer");
    }
    return question_answer(answer, metas);
}

bool condition_survives_loss_of(const struct question *question, enum answer *answer)
{
    if (question_tables(question) == NULL) {
        return question_answer(answer, ANSWER_UNKNOWN);
    }
    return question_answer(answer,
                           guard_survives_any_loss(question->evidence, question->context->inventory,
                                                   question->condition->number,
                                                   question->context->accepts, question->reason));
}

bool condition_no_leftovers(const struct question *question, enum answer *answer)
{
    const struct evidence *evidence = question->evidence;
    if (question_snapshot(question) == NULL) {
        return question_answer(answer, ANSWER_UNKNOWN);
    }
    for (size_t i = 0; i < LEFTOVER_SETTING_COUNT; i++) {
        const struct setting_evidence *setting = &evidence->settings[i];
        if (!setting->answered) {
            text_printf(question->reason, "%s could not be read: %s", leftover_settings[i],
                        setting->error.text);
            return question_answer(answer, ANSWER_UNKNOWN);
        }
        const char *meaning = leftover_meaning(leftover_settings[i], setting->value);
        if (meaning != NULL) {
            text_printf(question->reason, "%s is %s, which looks like another tool's leftover: %s",
                        leftover_settings[i], setting->value, meaning);
            return question_answer(answer, ANSWER_NO);
        }
    }
    text_append_string(question->reason, "no setting looks like another tool's leftover");
    return question_answer(answer, ANSWER_YES);
}
