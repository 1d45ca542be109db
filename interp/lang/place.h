/* lang/place.h - the tree that runs, while it is made: every step once, each with its id.
 *
 * Floor: lang, private to it. A path names the groups that have a name of their own: a label, an
 * `id`, a rolling, a server, a deploy, a try. Groups without one (`hold { ... }`) leave no part in
 * the paths of what is in them. Within one named group the steps of a kind are numbered, and a
 * number is never given twice, so that what a variant adds or takes away shifts no id. */
#ifndef PEGFLOW_LANG_PLACE_H
#define PEGFLOW_LANG_PLACE_H

#include "lang/private.h"

#define NO_PLACE SIZE_MAX

/* What is numbered together: the steps of one named group. */
struct scope {
    size_t owner;     /* index of the group, NO_PLACE at the top */
    const char *path; /* "" at the top */
    int seen[STEP_KIND_COUNT];
};

struct placed {
    struct step *step;
    struct scope *scope;  /* where it got its number */
    struct scope *inner;  /* of what is in it; that of the step itself for a group without a name */
    size_t parent;        /* NO_PLACE at the top */
    int32_t depth;        /* 1 at the top */
    bool is_turn;         /* one server's steps in a rolling */
    bool is_part;         /* of a try: what it does, its rescue, its finally */
    bool is_nudge;        /* of the wait that is its parent */
    bool repeats;         /* in a turn that is not the first of its rolling */
    bool gone;            /* a variant took it away, and all that is in it */
    const char *taken_by; /* by which id of the variant at work, or NULL */
    size_t added_before;  /* how many steps the variant at work put there */
    size_t added_after;
};

/* In the arena; an index stays what it is, a pointer to an item is good until something is added.
 */
struct placing {
    struct lang *lang;
    struct workflow *workflow;
    struct placed *items; /* those of the workflow itself: parents before children */
    size_t count;
    size_t capacity;
};

/* Places all that a workflow returned: `count` steps, servers' turns and nudges. May jump. */
void placing_start(struct placing *placing, struct lang *lang, const struct step_list *drafts,
                   size_t count, struct workflow *workflow);
/* Adds a step to the tree, but to no list: that is the caller's. `label`: that of the step it
 * stands for, or NULL. May jump. */
struct step *placing_add(struct placing *placing, const struct step *draft, struct scope *scope,
                         size_t parent, const char *label);
/* Gives the wait at `wait` a nudge, in place of the one it had. May jump. */
void placing_set_nudge(struct placing *placing, size_t wait, const struct step *draft,
                       const char *label);
/* The list that the item is in, or would be: of its parent's steps. */
struct step_list *placing_list(const struct placing *placing, size_t parent);
bool placing_is_gone(const struct placing *placing, size_t index);
/* The step's id with '*' in place of servers; in the arena. */
const char *placing_general_id(const struct placing *placing, size_t index);
/* Ids are distinct; steps are counted. May jump. */
void placing_finish(struct placing *placing);

#endif
