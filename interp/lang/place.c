/* Turns what a workflow returned into the tree that runs. */
#include "lang/place.h"

#include <stdlib.h>
#include <string.h>

static bool is_transparent(const struct step *step)
{
    switch (step->kind) {
    case STEP_STEPS:
    case STEP_PARALLEL:
    case STEP_WHEN:
    case STEP_HOLD:
        return step->label == NULL;
    default:
        return false;
    }
}

static void name_step(struct arena *arena, struct step *step, struct scope *scope)
{
    if (step->label == NULL) {
        int number = ++scope->seen[step->kind];
        const char *kind = step_kind_name(step->kind);
        step->label = number == 1 ? kind : arena_printf(arena, "%s-%d", kind, number);
    }
    step->id = scope->path[0] == '\0' ? step->label
                                      : arena_printf(arena, "%s/%s", scope->path, step->label);
}

static struct scope *scope_new(struct arena *arena, size_t owner, const char *path)
{
    struct scope *scope = arena_allocate(arena, sizeof *scope);
    scope->owner = owner;
    scope->path = path;
    return scope;
}

static size_t add_item(struct placing *placing, const struct placed *item)
{
    struct lang *lang = placing->lang;
    if (placing->count == STEP_COUNT_LIMIT) {
        lang_give_up(lang->L, "more than %d steps", STEP_COUNT_LIMIT);
    }
    if (placing->count == placing->capacity) {
        size_t capacity = placing->capacity * 2 + 16;
        struct placed *items = arena_allocate(&lang->arena, capacity * sizeof *items);
        if (placing->count > 0) {
            memcpy(items, placing->items, placing->count * sizeof *items);
        }
        placing->items = items;
        placing->capacity = capacity;
    }
    placing->items[placing->count] = *item;
    return placing->count++;
}

static void place_list(struct placing *placing, struct step_list *list, struct scope *scope,
                       size_t parent)
{
    struct step **items = arena_allocate(&placing->lang->arena, (list->count + 1) * sizeof *items);
    bool turns = parent != NO_PLACE && placing->items[parent].step->kind == STEP_ROLLING;
    bool parts = parent != NO_PLACE && placing->items[parent].step->kind == STEP_TRY;
    for (size_t i = 0; i < list->count; i++) {
        size_t index = placing->count;
        items[i] = placing_add(placing, list->items[i], scope, parent, NULL);
        placing->items[index].is_turn = turns;
        placing->items[index].is_part = parts;
    }
    list->items = items;
}

void placing_set_nudge(struct placing *placing, size_t wait, const struct step *draft,
                       const char *label)
{
    size_t index = placing->count;
    struct step *nudge = placing_add(placing, draft, placing->items[wait].inner, wait, label);
    placing->items[index].is_nudge = true;
    placing->items[wait].step->as.wait.nudge = nudge;
}

/* A step may stand in several places of what a script returned: each place gets its own copy. The
 * constructors have bounded depth and number; what variants put into each other is bounded here. */
struct step *placing_add(struct placing *placing, const struct step *draft, struct scope *scope,
                         size_t parent, const char *label)
{
    struct arena *arena = &placing->lang->arena;
    struct step *step = arena_allocate(arena, sizeof *step);
    struct placed item = {.step = step, .scope = scope, .parent = parent, .depth = 1};
    *step = *draft;
    step->label = draft->label != NULL ? draft->label : label;
    if (parent != NO_PLACE) {
        const struct placed *above = &placing->items[parent];
        /* Of a rolling the first server's turn stands for all. */
        bool later_turn = above->step->kind == STEP_ROLLING && placing->count != parent + 1;
        item.depth = above->depth + 1;
        item.repeats = above->repeats || later_turn;
        step->server = step->server == NULL ? above->step->server : step->server;
    }
    name_step(arena, step, scope);
    size_t index = add_item(placing, &item);
    if (item.depth > STEP_DEPTH_LIMIT) {
        lang_complain(placing->lang, step->where, "steps nest more than %d deep", STEP_DEPTH_LIMIT);
        step->body = (struct step_list){0};
    }
    bool has_nudge = step->kind == STEP_WAIT_UNTIL && step->as.wait.nudge != NULL;
    struct scope *inner = scope;
    if (!is_transparent(draft) && (step->body.count > 0 || has_nudge)) {
        inner = scope_new(arena, index, step->id);
    }
    placing->items[index].inner = inner;
    place_list(placing, &step->body, inner, index);
    if (has_nudge) {
        placing_set_nudge(placing, index, step->as.wait.nudge, NULL);
    }
    return step;
}

void placing_start(struct placing *placing, struct lang *lang, const struct step_list *drafts,
                   size_t count, struct workflow *workflow)
{
    *placing = (struct placing){
        .lang = lang,
        .workflow = workflow,
        .items = arena_allocate(&lang->arena, (count + 1) * sizeof *placing->items),
        .capacity = count + 1,
    };
    workflow->steps = *drafts;
    place_list(placing, &workflow->steps, scope_new(&lang->arena, NO_PLACE, ""), NO_PLACE);
}

struct step_list *placing_list(const struct placing *placing, size_t parent)
{
    return parent == NO_PLACE ? &placing->workflow->steps : &placing->items[parent].step->body;
}

bool placing_is_gone(const struct placing *placing, size_t index)
{
    for (; index != NO_PLACE; index = placing->items[index].parent) {
        if (placing->items[index].gone) {
            return true;
        }
    }
    return false;
}

const char *placing_general_id(const struct placing *placing, size_t index)
{
    const struct placed *item = &placing->items[index];
    const char *own = item->is_turn ? "*" : item->step->label;
    if (item->scope->owner == NO_PLACE) {
        return own;
    }
    return arena_printf(&placing->lang->arena, "%s/%s",
                        placing_general_id(placing, item->scope->owner), own);
}

/* ---- the end */
static int compare_ids(const void *a, const void *b)
{
    const struct step *one = *(struct step *const *)a;
    const struct step *other = *(struct step *const *)b;
    int order = strcmp(one->id, other->id);
    return order != 0 ? order : one->where.line - other->where.line;
}

void placing_finish(struct placing *placing)
{
    struct lang *lang = placing->lang;
    struct step **steps = arena_allocate(&lang->arena, (placing->count + 1) * sizeof *steps);
    size_t count = 0;
    for (size_t i = 0; i < placing->count; i++) {
        if (!placing_is_gone(placing, i)) {
            steps[count++] = placing->items[i].step;
        }
    }
    placing->workflow->step_count = count;
    qsort(steps, count, sizeof *steps, compare_ids);
    for (size_t i = 1; i < count; i++) {
        const struct step *step = steps[i];
        const struct step *before = steps[i - 1];
        if (strcmp(step->id, before->id) == 0) {
            lang_complain(lang, step->where,
                          "the id '%s' is that of the step at %s:%d too: give one of them another "
                          "label, or an id",
                          step->id, before->where.file == NULL ? "?" : before->where.file,
                          before->where.line);
        }
    }
}
