/* Turns what a workflow returned into the tree that runs: every step once, each with its id.
 *
 * A path names the groups that have a name of their own: a label, an `id`, a rolling, a server, a
 * deploy. Groups without one (`hold { ... }`) leave no part in the paths of what is in them. Within
 * one named group the steps of a kind are numbered. */
#include "lang/private.h"

#include <stdlib.h>
#include <string.h>

struct scope {
    const char *path; /* "" at the top */
    int seen[STEP_KIND_COUNT];
};

struct placing {
    struct lang *lang;
    struct step **placed;
    size_t count;
    size_t capacity;
};

static bool is_transparent(const struct step *step)
{
    switch (step->kind) {
    case STEP_STEPS:
    case STEP_PARALLEL:
    case STEP_WHEN:
    case STEP_HOLD:
    case STEP_TRY:
        return step->label == NULL;
    default:
        return false;
    }
}

static void name_step(struct placing *placing, struct step *step, struct scope *scope)
{
    struct arena *arena = &placing->lang->arena;
    if (step->label == NULL) {
        int number = ++scope->seen[step->kind];
        const char *kind = step_kind_name(step->kind);
        step->label = number == 1 ? kind : arena_printf(arena, "%s-%d", kind, number);
    }
    step->id = scope->path[0] == '\0' ? step->label
                                      : arena_printf(arena, "%s/%s", scope->path, step->label);
}

static struct step *place(struct placing *placing, const struct step *draft, struct scope *scope,
                          const struct server *server);

static void place_list(struct placing *placing, struct step_list *list, struct scope *scope,
                       const struct server *server)
{
    struct step **items = arena_allocate(&placing->lang->arena, (list->count + 1) * sizeof *items);
    for (size_t i = 0; i < list->count; i++) {
        items[i] = place(placing, list->items[i], scope, server);
    }
    list->items = items;
}

/* A step may stand in several places of what a script returned: each place gets its own copy. The
 * constructors have bounded depth and number. */
static struct step *place(struct placing *placing, const struct step *draft, struct scope *scope,
                          const struct server *server)
{
    struct step *step = arena_allocate(&placing->lang->arena, sizeof *step);
    *step = *draft;
    bool transparent = is_transparent(draft);
    if (step->server == NULL) {
        step->server = server;
    }
    name_step(placing, step, scope);
    ASSERT(placing->count < placing->capacity);
    placing->placed[placing->count++] = step;
    struct scope inner = {.path = step->id};
    place_list(placing, &step->body, transparent ? scope : &inner, step->server);
    if (step->kind == STEP_WAIT_UNTIL && step->as.wait.nudge != NULL) {
        step->as.wait.nudge = place(placing, step->as.wait.nudge, &inner, step->server);
    }
    return step;
}

static int compare_ids(const void *a, const void *b)
{
    const struct step *one = *(struct step *const *)a;
    const struct step *other = *(struct step *const *)b;
    int order = strcmp(one->id, other->id);
    return order != 0 ? order : one->where.line - other->where.line;
}

static void check_ids(struct placing *placing)
{
    qsort(placing->placed, placing->count, sizeof *placing->placed, compare_ids);
    for (size_t i = 1; i < placing->count; i++) {
        const struct step *step = placing->placed[i];
        const struct step *before = placing->placed[i - 1];
        if (strcmp(step->id, before->id) == 0) {
            lang_complain(placing->lang, step->where,
                          "the id '%s' is that of the step at %s:%d too: give one of them another "
                          "label, or an id",
                          step->id, before->where.file == NULL ? "?" : before->where.file,
                          before->where.line);
        }
    }
}

/* `count` is the number of steps, servers' groups and nudges in the drafts. */
void steps_place(struct lang *lang, const struct step_list *drafts, size_t count,
                 struct workflow *workflow)
{
    struct placing placing = {
        .lang = lang,
        .placed = arena_allocate(&lang->arena, (count + 1) * sizeof *placing.placed),
        .capacity = count,
    };
    struct scope top = {.path = ""};
    workflow->steps = *drafts;
    place_list(&placing, &workflow->steps, &top, NULL);
    workflow->step_count = placing.count;
    check_ids(&placing);
}
