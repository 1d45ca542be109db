/* engine/condition.h - does a condition hold? Yes, no or unknown, with a reason and its numbers.
 *
 * Floor: engine. Pure over evidence; a site's own condition is called through lang/. */
#ifndef PEGFLOW_ENGINE_CONDITION_H
#define PEGFLOW_ENGINE_CONDITION_H

#include "engine/evidence.h"
#include "lang/lang.h"

struct frame;
/* What a run knows about one server beyond what can be read now. */
struct server_history {
    bool restart_asked;         /* a deploy step of this run */
    bool was_down;              /* it did not run when the restart was asked for */
    char start_time_before[32]; /* unless was_down */
    struct gpid *gone;          /* replicas the server no longer knew when told to close them */
    size_t gone_count;
    struct gpid *left; /* partitions that drain_node took from it, to come back by rejoin_node */
    size_t left_count;
    char seen_start[32];          /* as it said last, while not in work; "" unknown */
    bool in_work;                 /* from its first deploy until its turn in the rolling is over */
    const struct frame *taken_by; /* the branch that has it in work (work.c), or NULL */
    bool waits;                   /* that branch does nothing now but wait for other branches */
};

struct condition_context {
    struct lang *lang;
    const struct inventory *inventory;
    const struct server_history *history; /* by slot */
    const char *target_version;           /* or NULL */
    const struct cluster_file *accepts;   /* outages that are accepted; or NULL */
    int64_t last_change_us;               /* older evidence proves nothing */
};

/* Adds what this condition needs. */
void condition_add_needs(const struct condition *condition, const struct inventory *inventory,
                         struct needs *needs);

/* `reason` is appended to, always. False (with err, file:line) only when a site's function failed.
 */
bool condition_evaluate(const struct condition *condition, const struct condition_context *context,
                        const struct evidence *evidence, enum answer *answer, struct text *reason,
                        struct error *err);

#endif
