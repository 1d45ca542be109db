/* Reads one value of a script into a field: plain values, and which reader is whose. */
#include "lang/values.h"

#include "base/duration.h"

#include <stdlib.h>

void *value_array(struct call *call, size_t count, size_t bytes)
{
    return arena_allocate(&call->lang->arena, (count + 1) * bytes); /* one more: ends with zeros */
}

void value_store_count(const struct target *target, size_t count)
{
    if (target->field->count_offset == 0) {
        return;
    }
    if (target->field->kind == FIELD_RECORDS) {
        int32_t narrow = (int32_t)count;
        memcpy((char *)target->base + target->field->count_offset, &narrow, sizeof narrow);
        return;
    }
    memcpy((char *)target->base + target->field->count_offset, &count, sizeof count);
}

bool value_is_placeholder(lua_State *L, struct call *call, int index)
{
    if (object_of_kind(L, index, OBJECT_PLACEHOLDER) == NULL) {
        return false;
    }
    call->tainted = true;
    return true;
}

void value_complain_kind(lua_State *L, const struct target *target, int index, const char *wants)
{
    char buffer[96];
    const struct object *object = object_at(L, index);
    if (object != NULL && object->kind == OBJECT_PARTIAL) {
        call_complain(target->call, "'%s' holds an unfinished '%s': its { ... } is missing",
                      target->field->name, object->descriptor->name);
        return;
    }
    call_complain(target->call, "'%s' wants %s, not %s", target->field->name, wants,
                  object_describe(L, index, buffer));
}

/* A text without zero bytes, copied; NULL after complaining. Numbers count as text. */
const char *value_text(lua_State *L, struct call *call, int index, const char *what)
{
    char buffer[96];
    size_t length;
    if (lua_type(L, index) == LUA_TNUMBER) {
        lua_pushvalue(L, index);
        const char *text = arena_copy_string(&call->lang->arena, lua_tostring(L, -1));
        lua_pop(L, 1);
        return text;
    }
    if (lua_type(L, index) != LUA_TSTRING) {
        if (!value_is_placeholder(L, call, index)) {
            call_complain(call, "%s must be text, not %s", what, object_describe(L, index, buffer));
        }
        return NULL;
    }
    const char *text = lua_tolstring(L, index, &length);
    if (strlen(text) != length) {
        call_complain(call, "%s has a zero byte in it", what);
        return NULL;
    }
    return arena_copy_bytes(&call->lang->arena, text, length);
}

lua_Integer value_list_length(lua_State *L, struct call *call, int index, const char *what)
{
    char buffer[96];
    if (lua_type(L, index) != LUA_TTABLE) {
        if (!value_is_placeholder(L, call, index)) {
            call_complain(call, "%s must be a list, not %s", what,
                          object_describe(L, index, buffer));
        }
        return -1;
    }
    lua_Integer count = 0;
    lua_Integer largest = 0;
    for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1)) {
        lang_charge(L, 1);
        if (!lua_isinteger(L, -2) || lua_tointeger(L, -2) < 1) {
            call_complain(call, "%s must be a list, but has the key %s", what,
                          object_describe(L, -2, buffer));
            lua_pop(L, 2);
            return -1;
        }
        count++;
        largest = lua_tointeger(L, -2) > largest ? lua_tointeger(L, -2) : largest;
    }
    if (largest != count) {
        lua_Integer hole = 1;
        for (; lua_rawgeti(L, index, hole) != LUA_TNIL; hole++) {
            lua_pop(L, 1);
        }
        lua_pop(L, 1);
        call_complain(call, "item %lld of %s is nil", (long long)hole, what);
        return -1;
    }
    return count;
}

enum { SORT_COST = 20 }; /* instructions for one of the texts sorted */

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names of a table, sorted; NULL after complaining. */
const char **value_sorted_keys(lua_State *L, struct call *call, int index, const char *what,
                               size_t *count)
{
    char buffer[96];
    if (lua_type(L, index) != LUA_TTABLE) {
        if (!value_is_placeholder(L, call, index)) {
            call_complain(call, "%s must be a table, not %s", what,
                          object_describe(L, index, buffer));
        }
        return NULL;
    }
    size_t n = 0;
    for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1)) {
        lang_charge(L, 1);
        n++;
    }
    lang_charge(L, (int64_t)n * SORT_COST);
    const char **keys = value_array(call, n, sizeof *keys);
    size_t filled = 0;
    for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING) {
            call_complain(call, "%s wants names as keys, not %s", what,
                          object_describe(L, -2, buffer));
            lua_pop(L, 2);
            return NULL;
        }
        keys[filled] = value_text(L, call, lua_gettop(L) - 1, "a key");
        if (keys[filled] == NULL) {
            lua_pop(L, 2);
            return NULL;
        }
        filled++;
    }
    qsort(keys, n, sizeof *keys, compare_texts);
    *count = n;
    return keys;
}

/* ---- plain values */
static void read_text(lua_State *L, const struct target *target, int index)
{
    if (lua_type(L, index) != LUA_TSTRING) {
        value_complain_kind(L, target, index, "a text");
        return;
    }
    const char *text = value_text(L, target->call, index, target->field->name);
    if (text != NULL && text[0] == '\0') {
        call_complain(target->call, "'%s' is empty", target->field->name);
        return;
    }
    STORE(target, text);
}

static bool check_bounds(const struct target *target, int64_t value, const char *shown)
{
    const struct field *field = target->field;
    if (field->min == field->max || (value >= field->min && value <= field->max)) {
        return true;
    }
    char bound[DURATION_TEXT_BYTES];
    if (field->kind == FIELD_DURATION || field->kind == FIELD_DURATION_MS) {
        if (field->min == 1) {
            call_complain(target->call, "'%s' must be longer than 0s", field->name);
        } else if (value > field->max) {
            call_complain(target->call, "'%s' is %s, more than %s", field->name, shown,
                          duration_format(field->max, bound));
        } else {
            call_complain(target->call, "'%s' is %s, less than %s", field->name, shown,
                          duration_format(field->min, bound));
        }
    } else {
        call_complain(target->call, "'%s' is %s, not within %lld and %lld", field->name, shown,
                      (long long)field->min, (long long)field->max);
    }
    return false;
}

static void read_integer(lua_State *L, const struct target *target, int index)
{
    int exact = 0;
    lua_Integer value = lua_type(L, index) == LUA_TNUMBER ? lua_tointegerx(L, index, &exact) : 0;
    if (!exact) {
        value_complain_kind(L, target, index, "a whole number");
        return;
    }
    char shown[32];
    snprintf(shown, sizeof shown, "%lld", (long long)value);
    if (!check_bounds(target, value, shown)) {
        return;
    }
    if (target->field->kind == FIELD_INTEGER64) {
        int64_t wide = value;
        STORE(target, wide);
        return;
    }
    int32_t narrow = (int32_t)value;
    if (narrow != value) {
        call_complain(target->call, "'%s' is %lld, more than fits", target->field->name,
                      (long long)value);
        return;
    }
    STORE(target, narrow);
}

static void read_number(lua_State *L, const struct target *target, int index)
{
    if (lua_type(L, index) != LUA_TNUMBER) {
        value_complain_kind(L, target, index, "a number");
        return;
    }
    double number = lua_tonumber(L, index);
    STORE(target, number);
}

static void read_boolean(lua_State *L, const struct target *target, int index)
{
    if (lua_type(L, index) != LUA_TBOOLEAN) {
        value_complain_kind(L, target, index, "true or false");
        return;
    }
    bool value = lua_toboolean(L, index) != 0;
    STORE(target, value);
}

static void read_duration(lua_State *L, const struct target *target, int index)
{
    const struct field *field = target->field;
    const struct object *object = object_of_kind(L, index, OBJECT_DURATION);
    struct error err;
    int64_t us = 0;
    char shown[DURATION_TEXT_BYTES];
    if (object != NULL) {
        us = object->us;
    } else if (lua_type(L, index) == LUA_TNUMBER) {
        char number[96];
        call_complain(target->call, "'%s' needs a unit: write \"%s\" or \"%s\", not %s",
                      field->name, "90s", "10m", object_describe(L, index, number));
        return;
    } else if (lua_type(L, index) != LUA_TSTRING) {
        value_complain_kind(L, target, index, "a duration such as \"90s\"");
        return;
    } else if (!duration_parse(lua_tostring(L, index), &us, &err)) {
        call_complain(target->call, "'%s': %s", field->name, err.text);
        return;
    }
    if (!check_bounds(target, us, duration_format(us, shown))) {
        return;
    }
    if (field->kind == FIELD_DURATION_MS) {
        us /= US_PER_MS;
    }
    STORE(target, us);
}

int value_find_word(const char *const *words, const char *word)
{
    for (int i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], word) == 0) {
            return i;
        }
    }
    return -1;
}

void value_complain_word(const struct target *target, const char *word, const char *const *words)
{
    char hint[128];
    char list[256];
    size_t length = 0;
    struct nearest nearest = {.word = word};
    for (int i = 0; words[i] != NULL && length < sizeof list; i++) {
        nearest_offer(&nearest, words[i]);
        length += (size_t)snprintf(list + length, sizeof list - length, "%s%s", i == 0 ? "" : ", ",
                                   words[i]);
    }
    call_complain(target->call, "'%s' is one of %s, not '%.60s'%s", target->field->name, list, word,
                  nearest_hint(&nearest, hint));
}

static void read_word(lua_State *L, const struct target *target, int index)
{
    if (lua_type(L, index) != LUA_TSTRING) {
        value_complain_kind(L, target, index, "a word");
        return;
    }
    const char *word = lua_tostring(L, index);
    int found = value_find_word(target->field->words, word);
    if (found < 0) {
        value_complain_word(target, word, target->field->words);
        return;
    }
    STORE(target, found);
}

static const char *const level_words[] = {"stopped", "blind", "freezed", "steady", "lively", NULL};

static void read_level(lua_State *L, const struct target *target, int index)
{
    int32_t level;
    if (lua_type(L, index) != LUA_TSTRING) {
        value_complain_kind(L, target, index, "a meta level such as \"steady\"");
    } else if (!meta_level_parse(lua_tostring(L, index), &level)) {
        value_complain_word(target, lua_tostring(L, index), level_words);
    } else {
        STORE(target, level);
    }
}

/* ---- lists and tables of texts */
static void read_texts(lua_State *L, const struct target *target, int index)
{
    struct call *call = target->call;
    bool all = target->field->kind == FIELD_TABLES && lua_type(L, index) == LUA_TSTRING &&
               strcmp(lua_tostring(L, index), "*") == 0;
    if (all) {
        return; /* NULL stands for all */
    }
    lua_Integer count = value_list_length(L, call, index, target->field->name);
    if (count < 0) {
        return;
    }
    if (count == 0 && target->field->kind == FIELD_TABLES) {
        call_complain(call, "'%s' is an empty list: write \"*\" for all", target->field->name);
    }
    const char **texts = value_array(call, (size_t)count, sizeof *texts);
    for (lua_Integer i = 0; i < count; i++) {
        char what[64];
        snprintf(what, sizeof what, "item %lld of %s", (long long)i + 1, target->field->name);
        lua_rawgeti(L, index, i + 1);
        texts[i] = value_text(L, call, lua_gettop(L), what);
        lua_pop(L, 1);
    }
    value_store_count(target, (size_t)count);
    STORE(target, texts);
}

static void read_pairs(lua_State *L, const struct target *target, int index)
{
    struct call *call = target->call;
    size_t count;
    const char **keys = value_sorted_keys(L, call, index, target->field->name, &count);
    if (keys == NULL) {
        return;
    }
    const char **pairs = value_array(call, count, sizeof *pairs);
    bool header = target->field->separator == ':';
    for (size_t i = 0; i < count; i++) {
        lua_getfield(L, index, keys[i]);
        const char *value = value_text(L, call, lua_gettop(L), keys[i]);
        lua_pop(L, 1);
        if (keys[i][0] == '\0' || strpbrk(keys[i], header ? ":\r\n " : "=") != NULL ||
            (header && value != NULL && strpbrk(value, "\r\n") != NULL)) {
            call_complain(call, "'%s': '%.60s' cannot be sent", target->field->name, keys[i]);
            continue;
        }
        pairs[i] = arena_printf(&call->lang->arena, header ? "%s: %s" : "%s=%s", keys[i],
                                value == NULL ? "" : value);
    }
    STORE(target, pairs);
}

static void read_json(lua_State *L, const struct target *target, int index)
{
    const char *json = json_encode(L, target->call, index);
    STORE(target, json);
}

/* ---- what stays in Lua */
void value_store_reference(lua_State *L, const struct target *target, int index)
{
    lua_pushvalue(L, index);
    int reference = luaL_ref(L, LUA_REGISTRYINDEX);
    STORE(target, reference);
}

static void read_function(lua_State *L, const struct target *target, int index)
{
    if (lua_type(L, index) != LUA_TFUNCTION) {
        value_complain_kind(L, target, index, "a function");
        return;
    }
    value_store_reference(L, target, index);
}

static read_fn *const readers[FIELD_KIND_COUNT] = {
    [FIELD_TEXT] = read_text,
    [FIELD_INTEGER32] = read_integer,
    [FIELD_INTEGER64] = read_integer,
    [FIELD_NUMBER] = read_number,
    [FIELD_BOOLEAN] = read_boolean,
    [FIELD_DURATION] = read_duration,
    [FIELD_DURATION_MS] = read_duration,
    [FIELD_WORD] = read_word,
    [FIELD_TEXTS] = read_texts,
    [FIELD_NAMES] = value_read_names,
    [FIELD_TABLES] = read_texts,
    [FIELD_PAIRS] = read_pairs,
    [FIELD_JSON] = read_json,
    [FIELD_FUNCTION] = read_function,
    [FIELD_FUNCTIONS] = value_read_functions,
    [FIELD_VALUES] = value_read_values,
    [FIELD_PARAMS] = value_read_params,
    [FIELD_OVERRIDES] = value_read_overrides,
    [FIELD_EDITS] = value_read_edits,
    [FIELD_CONDITION] = value_read_condition,
    [FIELD_CONDITIONS] = value_read_conditions,
    [FIELD_STEPS] = value_read_step_list,
    [FIELD_ACTION] = value_read_action,
    [FIELD_SERVERS] = value_read_servers,
    [FIELD_ORDER] = value_read_policy,
    [FIELD_TARGETS] = value_read_policy,
    [FIELD_LEVEL] = read_level,
    [FIELD_SETTINGS] = value_read_settings,
    [FIELD_TO] = value_read_to,
    [FIELD_ADDRESS_LIST] = value_read_addresses,
    [FIELD_RECORD] = value_read_record,
    [FIELD_RECORDS] = value_read_records,
    [FIELD_PLACEMENT] = value_read_placement,
};

void value_read(lua_State *L, struct call *call, const struct field *field, int index, void *base)
{
    struct target target = {call, field, base};
    luaL_checkstack(L, 10, "values");
    if (value_is_placeholder(L, call, index)) {
        return;
    }
    ASSERT(readers[field->kind] != NULL);
    readers[field->kind](L, &target, index);
}
