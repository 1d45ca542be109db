/* Puts a variant's steps before, after and in the place of others, and leaves some out. What is
 * added gets numbers that were not given yet: the ids of the base stay. */
#include "lang/edit.h"

/* The steps for one place; false after complaining. */
static bool drafts_for(struct editing *editing, const struct change *change, struct step_list *out)
{
    lua_State *L = editing->L;
    const struct edit *edit = change->edit;
    const struct placed *item = &editing->placing->items[change->place];
    const struct server *server = item->is_turn ? item->step->server
                                  : item->parent == NO_PLACE
                                      ? NULL
                                      : editing->placing->items[item->parent].step->server;
    char what[200];
    if (!edit->is_function) {
        *out = edit->drafts;
        return true;
    }
    int top = lua_gettop(L);
    lua_rawgeti(L, LUA_REGISTRYINDEX, edit->table);
    lua_getfield(L, -1, edit->id);
    if (server != NULL) {
        object_push_server(L, server);
    } else {
        lua_pushnil(L);
    }
    lua_pushvalue(L, editing->values->params);
    lua_pushvalue(L, editing->values->cluster);
    struct call call = editing->call;
    call.tainted = !lang_call(L, 3, 1);
    if (!call.tainted) {
        snprintf(what, sizeof what, "what the function of %s of '%.130s' returns",
                 edit_kind_texts[edit->kind], edit->id);
        value_read_steps(L, &call, lua_gettop(L), what, out);
    }
    lua_settop(L, top);
    editing->call.tainted = editing->call.tainted || call.tainted;
    return !call.tainted;
}

/* Where steps are put: into the list of `parent`, from its item `at` on, in the place of `taken` of
 * them. */
struct slot {
    size_t parent;
    size_t at;
    size_t taken;
    struct scope *scope;
    const struct placed
        *old; /* what is replaced, or NULL: the first step of its kind keeps its id */
};

/* A group that had a name is replaced by one with that name; a number stays a number. */
static struct step *add_in_place(struct placing *placing, const struct step *draft,
                                 const struct slot *slot)
{
    const struct placed *old = slot->old;
    struct step named = *draft;
    if (old->inner != old->scope) {
        named.label = old->step->label;
    }
    return placing_add(placing, &named, slot->scope, slot->parent, old->step->label);
}

static void put(struct editing *editing, const struct slot *slot, const struct step_list *drafts)
{
    struct placing *placing = editing->placing;
    struct step_list had = *placing_list(placing, slot->parent);
    size_t count = had.count + drafts->count - slot->taken;
    bool replaced = slot->old == NULL;
    lang_charge(editing->L, (int64_t)count);
    struct step **items = arena_allocate(&placing->lang->arena, (count + 1) * sizeof *items);
    for (size_t i = 0; i < slot->at; i++) {
        items[i] = had.items[i];
    }
    for (size_t i = 0; i < drafts->count; i++) {
        const struct step *draft = drafts->items[i];
        if (!replaced && draft->kind == slot->old->step->kind && draft->label == NULL) {
            items[slot->at + i] = add_in_place(placing, draft, slot);
            replaced = true;
        } else {
            items[slot->at + i] = placing_add(placing, draft, slot->scope, slot->parent, NULL);
        }
    }
    for (size_t i = slot->at + slot->taken; i < had.count; i++) {
        items[drafts->count + i - slot->taken] = had.items[i];
    }
    *placing_list(placing, slot->parent) = (struct step_list){items, count};
    lang_check_arena(editing->L);
}

static size_t position(const struct placing *placing, size_t place)
{
    const struct placed *item = &placing->items[place];
    const struct step_list *list = placing_list(placing, item->parent);
    size_t at = 0;
    while (list->items[at] != item->step) {
        at++;
        ASSERT(at < list->count);
    }
    return at;
}

/* Stands in a list of its parent's making: what is put before or after it goes into it. */
static bool is_fixed(const struct placed *item)
{
    return item->is_turn || item->is_part;
}

/* Of a turn, or a part of a try: its first or last steps. */
static void add_steps(struct editing *editing, const struct change *change,
                      const struct step_list *drafts)
{
    struct placing *placing = editing->placing;
    const struct placed item = placing->items[change->place];
    bool before = change->edit->kind == EDIT_BEFORE;
    struct slot slot = {.parent = item.parent, .scope = item.scope};
    if (is_fixed(&item)) {
        slot.parent = change->place;
        slot.scope = item.inner;
        slot.at = before ? item.added_before : item.step->body.count;
    } else {
        slot.at = position(placing, change->place) + (before ? 0 : 1 + item.added_after);
    }
    put(editing, &slot, drafts);
    placing->items[change->place].added_before += before ? drafts->count : 0;
    placing->items[change->place].added_after += before ? 0 : drafts->count;
}

/* All that was in the turn is gone, but for what this variant put there. */
static void replace_turn(struct editing *editing, size_t place, const struct step_list *drafts,
                         size_t known)
{
    struct placing *placing = editing->placing;
    const struct placed item = placing->items[place];
    struct slot slot = {
        .parent = place,
        .at = item.added_before,
        .taken = item.step->body.count - item.added_before - item.added_after,
        .scope = item.inner,
    };
    lang_charge(editing->L, (int64_t)known / 8);
    for (size_t i = 0; i < known; i++) {
        placing->items[i].gone = placing->items[i].gone || placing->items[i].parent == place;
    }
    put(editing, &slot, drafts);
}

static void replace_nudge(struct editing *editing, const struct change *change,
                          const struct step_list *drafts)
{
    struct placing *placing = editing->placing;
    const struct placed item = placing->items[change->place];
    if (drafts->count == 0) {
        placing->items[item.parent].step->as.wait.nudge = NULL;
    } else if (drafts->count > 1 || drafts->items[0]->kind > STEP_LOG) {
        call_complain(&editing->call,
                      "replace: '%.150s' is the nudge of a wait: one action takes its place",
                      change->edit->id);
    } else {
        const struct step *draft = drafts->items[0];
        bool stands_for = draft->kind == item.step->kind && draft->label == NULL;
        placing_set_nudge(placing, item.parent, draft, stands_for ? item.step->label : NULL);
    }
    placing->items[change->place].gone = true;
}

static void apply(struct editing *editing, const struct change *change, size_t known)
{
    static const struct step_list none;
    struct placing *placing = editing->placing;
    const struct placed item = placing->items[change->place];
    struct step_list drafts = none;
    if (change->edit->kind != EDIT_REMOVE && !drafts_for(editing, change, &drafts)) {
        return;
    }
    if (change->edit->kind <= EDIT_AFTER) {
        add_steps(editing, change, &drafts);
    } else if (item.is_nudge) {
        replace_nudge(editing, change, &drafts);
    } else if (is_fixed(&item) && change->edit->kind == EDIT_REPLACE) {
        replace_turn(editing, change->place, &drafts, known);
    } else {
        struct slot slot = {
            .parent = item.parent,
            .at = position(placing, change->place),
            .taken = 1,
            .scope = item.scope,
            .old = &item,
        };
        placing->items[change->place].gone = true;
        put(editing, &slot, &drafts);
    }
}

/* A group has steps; only a rolling may be without a server. */
static void check_emptied(struct editing *editing)
{
    struct placing *placing = editing->placing;
    for (size_t i = 0; i < editing->change_count; i++) {
        const struct change *change = &editing->changes[i];
        const struct placed *item = &placing->items[change->place];
        if (change->edit->kind != EDIT_REMOVE || item->is_turn || item->is_nudge ||
            placing_list(placing, item->parent)->count > 0) {
            continue;
        }
        if (item->parent == NO_PLACE) {
            call_complain(&editing->call, "remove: '%.150s': nothing is left of the workflow",
                          change->edit->id);
        } else {
            call_complain(&editing->call,
                          "remove: '%.150s': nothing is left in '%.150s': remove that",
                          change->edit->id, placing_general_id(placing, item->parent));
        }
    }
}

static void clear_marks(struct placing *placing)
{
    for (size_t i = 0; i < placing->count; i++) {
        placing->items[i].taken_by = NULL;
        placing->items[i].added_before = 0;
        placing->items[i].added_after = 0;
    }
}

/* What the functions return is looked at even when nothing is changed: for their mistakes. */
static void call_functions(struct editing *editing)
{
    for (size_t i = 0; i < editing->change_count; i++) {
        const struct change *change = &editing->changes[i];
        struct step_list drafts;
        if (change->edit->is_function) {
            drafts_for(editing, change, &drafts);
        }
    }
}

/* False: something is wrong, and reported. */
static bool edit_once(lua_State *L, const struct variant_draft *variant,
                      const struct plan_values *values, struct placing *placing)
{
    struct editing editing = {
        .L = L,
        .variant = variant,
        .values = values,
        .placing = placing,
        .call = {.lang = placing->lang, .constructor = "variant", .where = variant->where},
    };
    luaL_checkstack(L, 20, "edits");
    edits_find(&editing);
    if (editing.call.tainted) {
        call_functions(&editing);
        return false;
    }
    size_t known = placing->count;
    for (size_t i = 0; i < editing.change_count; i++) {
        apply(&editing, &editing.changes[i], known);
    }
    check_emptied(&editing);
    clear_marks(placing);
    return !editing.call.tainted;
}

bool variant_edit(lua_State *L, const struct variant_draft *variant,
                  const struct plan_values *values, struct placing *placing)
{
    return (variant->inner == NULL || variant_edit(L, variant->inner, values, placing)) &&
           edit_once(L, variant, values, placing);
}
