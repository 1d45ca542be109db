/* A workflow with some of its steps changed: what it is made from, and what of it is not steps. */
#include "lang/place.h"

#include <string.h>

/* ---- what it is made from */
struct variant_draft *variant_begin(lua_State *L, struct call *call, int index)
{
    char buffer[96];
    if (lua_type(L, index) == LUA_TSTRING) {
        load_shipped_workflow(L, call, lua_tostring(L, index));
        lua_replace(L, index);
    }
    const struct object *object = object_of_kind(L, index, OBJECT_FILE);
    bool fits = object != NULL && (object->descriptor->kind == FILE_WORKFLOW ||
                                   object->descriptor->kind == FILE_VARIANT);
    if (!fits) {
        if (object_of_kind(L, index, OBJECT_PLACEHOLDER) == NULL) {
            call_complain(call,
                          "is made from a workflow: variant \"ha\" { ... }, or variant(require "
                          "\"name\") { ... } for a file of yours; not from %s",
                          object_describe(L, index, buffer));
        }
        return NULL;
    }
    struct variant_draft *draft = arena_allocate(&call->lang->arena, sizeof *draft);
    draft->where = call->where;
    if (object->descriptor->kind == FILE_WORKFLOW) {
        draft->base = object->file;
        draft->depth = 1;
        return draft;
    }
    draft->inner = object->file;
    draft->base = draft->inner->base;
    draft->depth = draft->inner->depth + 1;
    if (draft->depth > VARIANT_DEPTH_LIMIT) {
        call_complain(call, "variants of variants nest more than %d deep", VARIANT_DEPTH_LIMIT);
        return NULL;
    }
    return draft;
}

/* ---- all but the steps */
static const struct condition **join(struct lang *lang, const struct condition **had,
                                     size_t had_count, const struct condition **more,
                                     size_t more_count)
{
    size_t count = had_count + more_count;
    const struct condition **all = arena_allocate(&lang->arena, (count + 1) * sizeof *all);
    for (size_t i = 0; i < count; i++) {
        all[i] = i < had_count ? had[i] : more[i - had_count];
    }
    return all;
}

static void join_conditions(struct lang *lang, const struct variant_draft *variant,
                            struct workflow_draft *merged)
{
    merged->requirements = join(lang, merged->requirements, merged->requirement_count,
                                variant->requirements, variant->requirement_count);
    merged->requirement_count += variant->requirement_count;
    merged->invariants = join(lang, merged->invariants, merged->invariant_count,
                              variant->invariants, variant->invariant_count);
    merged->invariant_count += variant->invariant_count;
}

/* Variants nest at most VARIANT_DEPTH_LIMIT deep. */
struct workflow_draft variant_merge(lua_State *L, const struct variant_draft *variant)
{
    struct workflow_draft merged =
        variant->inner == NULL ? *variant->base : variant_merge(L, variant->inner);
    merged.where = variant->where;
    merged.name = variant->name == NULL ? merged.name : variant->name;
    merged.summary = variant->summary == NULL ? merged.summary : variant->summary;
    merged.params = params_vary(L, merged.params, variant);
    join_conditions(lang_of(L), variant, &merged);
    return merged;
}
