/* engine/condition_private.h - what the conditions' own files share.
 *
 * Floor: engine, its condition files alone. */
#ifndef PEGFLOW_ENGINE_CONDITION_PRIVATE_H
#define PEGFLOW_ENGINE_CONDITION_PRIVATE_H

#include "engine/condition.h"

struct question {
    const struct condition *condition;
    const struct condition_context *context;
    const struct evidence *evidence;
    struct text *reason; /* appended to */
    struct error *err;
};

/* False only when a site's function failed. */
typedef bool condition_fn(const struct question *question, enum answer *answer);

/* condition_server.c: about one server */
condition_fn condition_no_primaries;
condition_fn condition_no_secondaries;
condition_fn condition_replicas_closed;
condition_fn condition_is_alive;
condition_fn condition_has_restarted;
condition_fn condition_runs_target_version;
/* condition_cluster.c: about all of them */
condition_fn condition_cluster_is_healthy;
condition_fn condition_all_servers_alive;
condition_fn condition_survives_loss_of;
condition_fn condition_no_leftovers;

/* ---- condition_answer.c */
/* Sets the answer; always true. */
bool question_answer(enum answer *answer, enum answer value);
const struct server_evidence *question_evidence(const struct question *question,
                                                const struct server *server);
/* The snapshot, or NULL after having said why there is none to judge by. */
const struct snapshot *question_snapshot(const struct question *question);
/* The same for conditions on partitions: no table at all proves nothing. */
const struct snapshot *question_tables(const struct question *question);

/* Names up to five partitions: " (1.3, 2.7 and 4 more)". */
struct naming {
    struct text *reason;
    size_t count;
};
void naming_add(struct naming *naming, struct gpid gpid);
bool naming_is_full(const struct naming *naming); /* what is added now is only counted */
void naming_end(struct naming *naming);

#endif
