/* engine/condition_answer.c - what every condition needs to answer: usable evidence, and words. */
#include "engine/condition_private.h"

enum { NAMED_AT_MOST = 5 }; /* partitions named in a reason before "and N more" */

const struct server_evidence *question_evidence(const struct question *question,
                                                const struct server *server)
{
    return &question->evidence->servers[inventory_slot(question->context->inventory, server)];
}

/* The snapshot, or NULL after having said why there is none to judge by. */
const struct snapshot *question_snapshot(const struct question *question)
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

/* As question_snapshot, for conditions on partitions: no table at all proves nothing. */
const struct snapshot *question_tables(const struct question *question)
{
    const struct snapshot *snapshot = question_snapshot(question);
    if (snapshot != NULL && snapshot->partition_count == 0) {
        text_printf(
            question->reason,
            "the primary meta server %s lists no table, so nothing can be told of partitions",
            snapshot->leader_name);
        return NULL;
    }
    return snapshot;
}

bool question_answer(enum answer *answer, enum answer value)
{
    *answer = value;
    return true;
}

void naming_add(struct naming *naming, struct gpid gpid)
{
    if (naming->count++ < NAMED_AT_MOST) {
        text_printf(naming->reason, "%s%d.%d", naming->count == 1 ? " (" : ", ", gpid.app_id,
                    gpid.partition);
    }
}

bool naming_is_full(const struct naming *naming)
{
    return naming->count >= NAMED_AT_MOST;
}

void naming_end(struct naming *naming)
{
    if (naming->count > NAMED_AT_MOST) {
        text_printf(naming->reason, " and %zu more", naming->count - NAMED_AT_MOST);
    }
    if (naming->count > 0) {
        text_append_char(naming->reason, ')');
    }
}
