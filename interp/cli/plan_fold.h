/* cli/plan_fold.h - what of a plan is the same for many servers, so that it is said once.
 *
 * Floor: cli. */
#ifndef PEGFLOW_CLI_PLAN_FOLD_H
#define PEGFLOW_CLI_PLAN_FOLD_H

#include "cli/plan.h"

/* A row's id as it is shown: below a server's own row without what that says, a nudge by its last
 * part; indented by depth. */
void plan_fold_id(const struct plan *plan, int row, struct text *out);

enum { PLAN_FOLD_LEAST = 2 }; /* fewer are not worth it */
/* How many turns of a rolling, from the one at `row` on, have the same steps as the turn before it;
 * 0 for what is no turn or has none before it. Compared is what is shown, with each server's own
 * name, address, host and port left out. */
int plan_fold_same(const struct plan *plan, int row);

/* Servers of one role by what they run. */
enum { VERSION_GROUPS_MAX = 16 };
struct version_group {
    const char *words; /* "run 2.6.0 already" */
    int32_t count;
    struct text names; /* of those that are not the usual case; "" for the usual one */
};
struct version_groups {
    struct version_group items[VERSION_GROUPS_MAX];
    size_t count;
};
/* Clear it afterwards. More versions than there are groups for share the last. */
void plan_fold_versions(const struct plan *plan, enum role role, struct version_groups *out);
void plan_fold_clear_versions(struct version_groups *groups);

/* Tables that the meta server has ready. */
int plan_fold_table_count(const struct plan *plan);

#endif
