/* What a variant wants changed, and where that is. */
#include "lang/edit.h"

#include <string.h>

const char *const edit_kind_texts[EDIT_KIND_COUNT] = {"before", "after", "replace", "remove"};

/* ---- ids */
static bool part_fits(const struct editing *editing, const struct placed *item, const char *part,
                      size_t length)
{
    const char *label = item->step->label;
    if (strlen(label) == length && memcmp(label, part, length) == 0) {
        return true;
    }
    if (!item->is_turn) {
        return false;
    }
    /* Before the servers are known, one that a file names may be any of them. */
    return (length == 1 && part[0] == '*') ||
           (editing->values->stand_in && memchr(part, ':', length) != NULL);
}

/* Whether the first `length` bytes of `id` mean this place; compared from the last part on. */
static bool id_fits(const struct editing *editing, size_t place, const char *id, size_t length)
{
    lang_charge(editing->L, 1);
    while (place != NO_PLACE) {
        const struct placed *item = &editing->placing->items[place];
        size_t start = length;
        while (start > 0 && id[start - 1] != '/') {
            start--;
        }
        if (!part_fits(editing, item, id + start, length - start)) {
            return false;
        }
        place = item->scope->owner;
        if (start == 0) {
            return place == NO_PLACE;
        }
        length = start - 1;
    }
    return false;
}

/* Whether `id` leads through the place, to something in it. */
static bool leads_through(const struct editing *editing, size_t place, const char *id)
{
    for (const char *slash = strchr(id, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        if (id_fits(editing, place, id, (size_t)(slash - id))) {
            return true;
        }
    }
    return false;
}

/* The id with '*' for what looks like a server: as the hint shall show it. */
static const char *general(struct arena *arena, const char *id)
{
    char *copy = arena_copy_string(arena, id);
    char *to = copy;
    while (*id != '\0') {
        size_t length = strcspn(id, "/");
        if (memchr(id, ':', length) != NULL) {
            *to++ = '*';
        } else {
            memcpy(to, id, length);
            to += length;
        }
        id += length;
        if (*id == '/') {
            *to++ = *id++;
        }
    }
    *to = '\0';
    return copy;
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text);
    size_t end_length = strlen(end);
    return length > end_length && text[length - end_length - 1] == '/' &&
           strcmp(text + length - end_length, end) == 0;
}

enum { COMPARE_COST = 100 }; /* of two ids, in instructions */

static void complain_missing(struct editing *editing, const struct edit *edit)
{
    struct placing *placing = editing->placing;
    struct nearest nearest = {.word = general(&placing->lang->arena, edit->id)};
    const char *same_end = NULL;
    for (size_t i = 0; i < placing->count; i++) {
        if (placing->items[i].repeats || placing_is_gone(placing, i)) {
            continue;
        }
        lang_charge(editing->L, COMPARE_COST);
        const char *id = placing_general_id(placing, i);
        nearest_offer(&nearest, id);
        if (same_end == NULL && ends_with(id, nearest.word)) {
            same_end = id;
        }
    }
    const char *best = nearest.best != NULL ? nearest.best : same_end;
    call_complain(&editing->call, "%s: there is no step '%.150s' in '%.60s'%s%s%s",
                  edit_kind_texts[edit->kind], edit->id, editing->variant->base->name,
                  best == NULL ? "" : ": did you mean '", best == NULL ? "" : best,
                  best == NULL ? "" : "'?");
}

static void complain_in_deploy(struct editing *editing, const struct edit *edit)
{
    call_complain(&editing->call,
                  "%s: '%.150s' is within a deploy: what is done there is the deploy adapter's, in "
                  "the cluster file",
                  edit_kind_texts[edit->kind], edit->id);
}

/* An id may lead to servers of which this cluster has none. */
static void explain_missing(struct editing *editing, const struct edit *edit)
{
    const struct placing *placing = editing->placing;
    for (size_t i = 0; i < placing->count; i++) {
        const struct step *step = placing->items[i].step;
        bool empty = step->kind == STEP_ROLLING && step->body.count == 0;
        if ((empty || step->kind == STEP_DEPLOY) && !placing_is_gone(placing, i) &&
            leads_through(editing, i, edit->id)) {
            if (!empty) {
                complain_in_deploy(editing, edit);
            }
            return;
        }
    }
    complain_missing(editing, edit);
}

/* ---- what is to be changed, and where */
static void read_edit(struct editing *editing, struct edit *edit)
{
    lua_State *L = editing->L;
    char what[200];
    lua_rawgeti(L, LUA_REGISTRYINDEX, edit->table);
    lua_getfield(L, -1, edit->id);
    int type = lua_type(L, -1);
    edit->is_function = type == LUA_TFUNCTION;
    bool is_steps = type == LUA_TTABLE || object_of_kind(L, -1, OBJECT_STEP) != NULL;
    if (!edit->is_function && !is_steps) {
        editing->call.tainted = true; /* reported when the file was read */
    } else if (!edit->is_function) {
        snprintf(what, sizeof what, "'%s' of '%.150s'", edit_kind_texts[edit->kind], edit->id);
        value_read_steps(L, &editing->call, lua_gettop(L), what, &edit->drafts);
    }
    lua_pop(L, 2);
}

static const char **edited_ids(struct editing *editing, int table, size_t *count)
{
    lua_State *L = editing->L;
    *count = 0;
    if (table == LUA_NONE) {
        return NULL;
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, table);
    const char **ids = value_sorted_keys(L, &editing->call, lua_gettop(L), "a table of ids", count);
    lua_pop(L, 1);
    return ids;
}

/* In the order of enum edit_kind, and of ids: that with '*' comes before that of one server. */
static void collect_edits(struct editing *editing)
{
    const struct variant_draft *variant = editing->variant;
    const int tables[] = {variant->before, variant->after, variant->replace};
    const char **ids[3];
    size_t counts[3];
    size_t count = variant->remove_count;
    for (int kind = EDIT_BEFORE; kind < EDIT_REMOVE; kind++) {
        ids[kind] = edited_ids(editing, tables[kind], &counts[kind]);
        count += ids[kind] == NULL ? 0 : counts[kind];
    }
    struct arena *arena = &editing->placing->lang->arena;
    editing->edits = arena_allocate(arena, (count + 1) * sizeof *editing->edits);
    for (int kind = EDIT_BEFORE; kind < EDIT_REMOVE; kind++) {
        for (size_t i = 0; ids[kind] != NULL && i < counts[kind]; i++) {
            struct edit *edit = &editing->edits[editing->edit_count++];
            *edit = (struct edit){
                .kind = (enum edit_kind)kind, .id = ids[kind][i], .table = tables[kind]};
            read_edit(editing, edit);
        }
    }
    for (size_t i = 0; i < variant->remove_count; i++) {
        if (variant->remove[i] == NULL) {
            editing->call.tainted = true; /* no text, and reported */
            continue;
        }
        editing->edits[editing->edit_count++] =
            (struct edit){.kind = EDIT_REMOVE, .id = variant->remove[i]};
    }
}

static void add_change(struct editing *editing, const struct edit *edit, size_t place)
{
    if (editing->change_count == editing->change_capacity) {
        size_t capacity = editing->change_capacity * 2 + 16;
        struct change *changes =
            arena_allocate(&editing->placing->lang->arena, capacity * sizeof *changes);
        if (editing->change_count > 0) {
            memcpy(changes, editing->changes, editing->change_count * sizeof *changes);
        }
        editing->changes = changes;
        editing->change_capacity = capacity;
        lang_check_arena(editing->L);
    }
    editing->changes[editing->change_count++] = (struct change){edit, place};
}

static bool is_in_deploy(const struct placing *placing, size_t place)
{
    for (place = placing->items[place].parent; place != NO_PLACE;
         place = placing->items[place].parent) {
        if (placing->items[place].step->kind == STEP_DEPLOY) {
            return true;
        }
    }
    return false;
}

static void find_places(struct editing *editing, const struct edit *edit)
{
    struct placing *placing = editing->placing;
    bool found = false;
    for (size_t i = 0; i < placing->count; i++) {
        if (!id_fits(editing, i, edit->id, strlen(edit->id)) || placing_is_gone(placing, i)) {
            continue;
        }
        const struct placed *item = &placing->items[i];
        found = true;
        if (is_in_deploy(placing, i)) {
            complain_in_deploy(editing, edit);
            return;
        }
        if (item->is_nudge && edit->kind <= EDIT_AFTER) {
            call_complain(&editing->call,
                          "%s: '%.150s' is the nudge of a wait: it can be replaced or removed",
                          edit_kind_texts[edit->kind], edit->id);
            return;
        }
        add_change(editing, edit, i);
    }
    if (!found) {
        explain_missing(editing, edit);
    }
}

/* One step is taken away once, and nothing is changed in what is taken away. */
static void check_conflicts(struct editing *editing)
{
    struct placing *placing = editing->placing;
    for (size_t i = 0; i < editing->change_count; i++) {
        const struct change *change = &editing->changes[i];
        struct placed *item = &placing->items[change->place];
        if (change->edit->kind < EDIT_REPLACE) {
            continue;
        }
        if (item->taken_by != NULL) {
            call_complain(&editing->call, "'%.100s' and '%.100s' both replace or remove %.100s",
                          item->taken_by, change->edit->id, item->step->id);
        }
        item->taken_by = change->edit->id;
    }
    for (size_t i = 0; i < editing->change_count; i++) {
        const struct change *change = &editing->changes[i];
        size_t above = placing->items[change->place].parent;
        while (above != NO_PLACE && placing->items[above].taken_by == NULL) {
            above = placing->items[above].parent;
        }
        if (above != NO_PLACE) {
            call_complain(&editing->call, "%s: '%.100s' is within '%.100s', which is taken away",
                          edit_kind_texts[change->edit->kind], change->edit->id,
                          placing->items[above].taken_by);
        }
    }
}

void edits_find(struct editing *editing)
{
    collect_edits(editing);
    for (size_t i = 0; i < editing->edit_count; i++) {
        find_places(editing, &editing->edits[i]);
    }
    check_conflicts(editing);
}
