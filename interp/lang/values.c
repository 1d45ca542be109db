/* Reads one value of a script into a field: one function for each kind of field. */
#include "lang/private.h"

#include "base/duration.h"
#include "pegasus/release.h"

#include <stdlib.h>
#include <string.h>

/* Where a reader puts things, and whom it complains to. */
struct target {
    struct call *call;
    const struct field *field;
    void *base;
};

#define STORE(target, value)                                                                       \
    memcpy((char *)(target)->base + (target)->field->offset, &(value), sizeof(value))

static void *arena_array(struct call *call, size_t count, size_t bytes)
{
    return arena_allocate(&call->lang->arena, (count + 1) * bytes); /* one more: ends with zeros */
}

static void store_count(const struct target *target, size_t count)
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

static bool is_placeholder(lua_State *L, struct call *call, int index)
{
    if (object_of_kind(L, index, OBJECT_PLACEHOLDER) == NULL) {
        return false;
    }
    call->tainted = true;
    return true;
}

static void complain_kind(lua_State *L, const struct target *target, int index, const char *wants)
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
        if (!is_placeholder(L, call, index)) {
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
        if (!is_placeholder(L, call, index)) {
            call_complain(call, "%s must be a list, not %s", what,
                          object_describe(L, index, buffer));
        }
        return -1;
    }
    lua_Integer count = 0;
    lua_Integer largest = 0;
    for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1)) {
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
    lang_charge(L, count);
    return count;
}

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
        if (!is_placeholder(L, call, index)) {
            call_complain(call, "%s must be a table, not %s", what,
                          object_describe(L, index, buffer));
        }
        return NULL;
    }
    size_t n = 0;
    for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1)) {
        n++;
    }
    lang_charge(L, (int64_t)n);
    const char **keys = arena_array(call, n, sizeof *keys);
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
        complain_kind(L, target, index, "a text");
        return;
    }
    const char *text = value_text(L, target->call, index, target->field->name);
    if (text != NULL && text[0] == '\0') {
        call_complain(target->call, "'%s' is empty", target->field->name);
    }
    STORE(target, text);
}

static bool check_bounds(const struct target *target, int64_t value, const char *shown)
{
    const struct field *field = target->field;
    if (field->min == field->max || (value >= field->min && value <= field->max)) {
        return true;
    }
    char least[DURATION_TEXT_BYTES];
    if (field->kind == FIELD_DURATION || field->kind == FIELD_DURATION_MS) {
        if (field->min == 1) {
            call_complain(target->call, "'%s' must be longer than 0s", field->name);
        } else {
            call_complain(target->call, "'%s' is %s, less than %s", field->name, shown,
                          duration_format(field->min, least));
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
        complain_kind(L, target, index, "a whole number");
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
        complain_kind(L, target, index, "a number");
        return;
    }
    double number = lua_tonumber(L, index);
    STORE(target, number);
}

static void read_boolean(lua_State *L, const struct target *target, int index)
{
    if (lua_type(L, index) != LUA_TBOOLEAN) {
        complain_kind(L, target, index, "true or false");
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
        complain_kind(L, target, index, "a duration such as \"90s\"");
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

static int find_word(const char *const *words, const char *word)
{
    for (int i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], word) == 0) {
            return i;
        }
    }
    return -1;
}

static void complain_word(const struct target *target, const char *word, const char *const *words)
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
        complain_kind(L, target, index, "a word");
        return;
    }
    const char *word = lua_tostring(L, index);
    int found = find_word(target->field->words, word);
    if (found < 0) {
        complain_word(target, word, target->field->words);
        return;
    }
    STORE(target, found);
}

static const char *const level_words[] = {"stopped", "blind", "freezed", "steady", "lively", NULL};

static void read_level(lua_State *L, const struct target *target, int index)
{
    int32_t level;
    if (lua_type(L, index) != LUA_TSTRING) {
        complain_kind(L, target, index, "a meta level such as \"steady\"");
    } else if (!meta_level_parse(lua_tostring(L, index), &level)) {
        complain_word(target, lua_tostring(L, index), level_words);
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
    const char **texts = arena_array(call, (size_t)count, sizeof *texts);
    for (lua_Integer i = 0; i < count; i++) {
        char what[64];
        snprintf(what, sizeof what, "item %lld of %s", (long long)i + 1, target->field->name);
        lua_rawgeti(L, index, i + 1);
        texts[i] = value_text(L, call, lua_gettop(L), what);
        lua_pop(L, 1);
    }
    store_count(target, (size_t)count);
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
    const char **pairs = arena_array(call, count, sizeof *pairs);
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
static void store_reference(lua_State *L, const struct target *target, int index)
{
    lua_pushvalue(L, index);
    int reference = luaL_ref(L, LUA_REGISTRYINDEX);
    STORE(target, reference);
}

static void read_function(lua_State *L, const struct target *target, int index)
{
    if (lua_type(L, index) != LUA_TFUNCTION) {
        complain_kind(L, target, index, "a function");
        return;
    }
    store_reference(L, target, index);
}

static void read_functions(lua_State *L, const struct target *target, int index)
{
    size_t count;
    char buffer[96];
    const char **keys =
        value_sorted_keys(L, target->call, index, target->field->name, &count);
    if (keys == NULL) {
        return;
    }
    if (count == 0) {
        call_complain(target->call, "'%s' is an empty table", target->field->name);
    }
    for (size_t i = 0; i < count; i++) {
        if (find_word(target->field->words, keys[i]) < 0) {
            complain_word(target, keys[i], target->field->words);
            continue;
        }
        if (lua_getfield(L, index, keys[i]) != LUA_TFUNCTION &&
            !is_placeholder(L, target->call, -1)) {
            call_complain(target->call, "'%s.%s' must be a function, not %s", target->field->name,
                          keys[i], object_describe(L, -1, buffer));
        }
        lua_pop(L, 1);
    }
    store_reference(L, target, index);
}

static void read_values(lua_State *L, const struct target *target, int index)
{
    size_t count;
    char buffer[96];
    const char **keys =
        value_sorted_keys(L, target->call, index, target->field->name, &count);
    for (size_t i = 0; keys != NULL && i < count; i++) {
        int type = lua_getfield(L, index, keys[i]);
        if (type != LUA_TSTRING && type != LUA_TNUMBER && type != LUA_TBOOLEAN &&
            !is_placeholder(L, target->call, -1)) {
            call_complain(target->call, "'%s.%s' must be text, a number, true or false, not %s",
                          target->field->name, keys[i], object_describe(L, -1, buffer));
        }
        lua_pop(L, 1);
    }
    if (keys != NULL) {
        store_reference(L, target, index);
    }
}

static void read_params(lua_State *L, const struct target *target, int index)
{
    size_t count;
    char buffer[96];
    const char **keys =
        value_sorted_keys(L, target->call, index, target->field->name, &count);
    for (size_t i = 0; keys != NULL && i < count; i++) {
        lua_getfield(L, index, keys[i]);
        if (object_of_kind(L, -1, OBJECT_PARAM) == NULL && !is_placeholder(L, target->call, -1)) {
            call_complain(target->call, "param '%s' wants duration { ... }, integer { ... } and so "
                                        "on, not %s",
                          keys[i], object_describe(L, -1, buffer));
        }
        lua_pop(L, 1);
    }
    if (keys != NULL) {
        store_reference(L, target, index);
    }
}

/* ---- values of ours */
static void count_in(struct call *call, const struct object *object)
{
    call->depth = object->depth > call->depth ? object->depth : call->depth;
    int64_t sum = (int64_t)call->count + object->count;
    call->count = sum > INT32_MAX ? INT32_MAX : (int32_t)sum;
}

static void read_condition(lua_State *L, const struct target *target, int index)
{
    const struct object *object = object_of_kind(L, index, OBJECT_CONDITION);
    if (object == NULL) {
        complain_kind(L, target, index, "a condition");
        return;
    }
    count_in(target->call, object);
    STORE(target, object->condition);
}

static void read_conditions(lua_State *L, const struct target *target, int index)
{
    struct call *call = target->call;
    char buffer[96];
    lua_Integer count = value_list_length(L, call, index, target->field->name);
    if (count < 0) {
        return;
    }
    const struct condition **conditions = arena_array(call, (size_t)count, sizeof *conditions);
    for (lua_Integer i = 0; i < count; i++) {
        lua_rawgeti(L, index, i + 1);
        const struct object *object = object_of_kind(L, -1, OBJECT_CONDITION);
        if (object != NULL) {
            count_in(call, object);
            conditions[i] = object->condition;
        } else if (!is_placeholder(L, call, -1)) {
            call_complain(call, "item %lld of '%s' must be a condition, not %s", (long long)i + 1,
                          target->field->name, object_describe(L, -1, buffer));
        }
        lua_pop(L, 1);
    }
    store_count(target, (size_t)count);
    STORE(target, conditions);
}

static struct step *step_at(lua_State *L, struct call *call, int index, const char *what)
{
    char buffer[96];
    const struct object *object = object_at(L, index);
    if (object != NULL && object->kind == OBJECT_STEP) {
        count_in(call, object);
        return object->step;
    }
    if (is_placeholder(L, call, index)) {
        return NULL;
    }
    if (object != NULL && object->kind == OBJECT_PARTIAL) {
        call_complain(call, "%s is an unfinished '%s': its { ... } is missing", what,
                      object->descriptor->name);
    } else if (lua_type(L, index) == LUA_TTABLE) {
        call_complain(call, "%s is a list: to put steps together write steps { ... }", what);
    } else {
        call_complain(call, "%s must be a step, not %s", what, object_describe(L, index, buffer));
    }
    return NULL;
}

void value_read_steps(lua_State *L, struct call *call, int index, const char *what,
                      struct step_list *out)
{
    char item[160];
    bool single = lua_type(L, index) != LUA_TTABLE;
    lua_Integer count = single ? 1 : value_list_length(L, call, index, what);
    if (count < 0) {
        return;
    }
    if (count == 0) {
        call_complain(call, "%s has no steps", what);
        return;
    }
    struct step **items = arena_array(call, (size_t)count, sizeof *items);
    if (single) {
        items[0] = step_at(L, call, index, what);
    }
    for (lua_Integer i = 0; !single && i < count; i++) {
        lua_rawgeti(L, index, i + 1);
        snprintf(item, sizeof item, "item %lld of %s", (long long)i + 1, what);
        items[i] = step_at(L, call, lua_gettop(L), item);
        lua_pop(L, 1);
    }
    *out = (struct step_list){items, (size_t)count};
}

static void read_steps(lua_State *L, const struct target *target, int index)
{
    struct step_list list = {0};
    value_read_steps(L, target->call, index, "the list", &list);
    STORE(target, list);
}

static void read_action(lua_State *L, const struct target *target, int index)
{
    struct step *step = step_at(L, target->call, index, target->field->name);
    if (step == NULL) {
        return;
    }
    if (step->kind > STEP_LOG) {
        call_complain(target->call, "'%s' must be an action, not %s", target->field->name,
                      step_kind_name(step->kind));
        return;
    }
    STORE(target, step);
}

static void read_servers(lua_State *L, const struct target *target, int index)
{
    struct call *call = target->call;
    char buffer[96];
    lua_Integer count = value_list_length(L, call, index, target->field->name);
    if (count < 0) {
        return;
    }
    const struct server **servers = arena_array(call, (size_t)count, sizeof *servers);
    for (lua_Integer i = 0; i < count; i++) {
        lua_rawgeti(L, index, i + 1);
        const struct object *object = object_of_kind(L, -1, OBJECT_SERVER);
        if (object != NULL) {
            servers[i] = object->server;
        } else if (!is_placeholder(L, call, -1)) {
            call_complain(call, "item %lld of '%s' must be a node, not %s", (long long)i + 1,
                          target->field->name, object_describe(L, -1, buffer));
        }
        lua_pop(L, 1);
    }
    store_count(target, (size_t)count);
    STORE(target, servers);
}

static void read_policy(lua_State *L, const struct target *target, int index)
{
    const struct object *object = object_of_kind(L, index, OBJECT_POLICY);
    bool order = target->field->kind == FIELD_ORDER;
    int first = order ? POLICY_AS_LISTED : POLICY_FEWEST_PRIMARIES;
    int last = order ? POLICY_STANDBYS_FIRST : POLICY_RANDOM;
    if (object == NULL || (int)object->policy < first || (int)object->policy > last) {
        complain_kind(L, target, index,
                      order ? "as_listed() or standbys_first()" : "fewest_primaries() or random()");
        return;
    }
    int value = (int)object->policy - first;
    STORE(target, value);
}
_Static_assert(POLICY_STANDBYS_FIRST - POLICY_AS_LISTED == ORDER_STANDBYS_FIRST &&
                   POLICY_RANDOM - POLICY_FEWEST_PRIMARIES == TARGET_RANDOM,
               "read_policy maps by difference");

static void read_to(lua_State *L, const struct target *target, int index)
{
    struct draft *draft = target->base;
    const struct object *object = object_of_kind(L, index, OBJECT_SERVER);
    struct error err;
    static const char *const words[] = {"meta", "metas", "replicas", NULL};
    if (object != NULL) {
        draft->to.kind = TO_SERVER;
        draft->to.server = object->server;
        draft->to.address = object->server->address;
        return;
    }
    if (lua_type(L, index) != LUA_TSTRING) {
        complain_kind(L, target, index, "\"meta\", \"metas\", \"replicas\", a node or \"ip:port\"");
        return;
    }
    const char *text = lua_tostring(L, index);
    int word = find_word(words, text);
    if (word >= 0) {
        draft->to.kind = (enum command_to)word;
    } else if (strchr(text, ':') == NULL) {
        complain_word(target, text, words);
    } else if (address_parse(text, &draft->to.address, &err)) {
        draft->to.kind = TO_SERVER;
    } else {
        call_complain(target->call, "'%s': %s", target->field->name, err.text);
    }
}
_Static_assert(TO_LEADER == 0 && TO_METAS == 1 && TO_REPLICAS == 2, "read_to maps by index");

/* ---- settings, addresses, records */
static const char *read_setting_value(lua_State *L, struct call *call, const char *name, int index)
{
    enum setting_kind kind;
    char buffer[96];
    char number[32];
    if (!setting_kind_of(name, &kind)) {
        call_complain(call, "'%.80s' is no setting that can be held", name);
        return NULL;
    }
    if (strncmp(name, "meta.", 5) != 0) {
        call_complain(call, "'%s' is a setting of replica servers: on = \"replicas\" is not "
                            "available in this version of pegflow",
                      name);
        return NULL;
    }
    int exact = 0;
    lua_Integer integer = lua_type(L, index) == LUA_TNUMBER ? lua_tointegerx(L, index, &exact) : 0;
    if (kind == SETTING_INTEGER && exact && integer >= 0) {
        snprintf(number, sizeof number, "%lld", (long long)integer);
        return arena_copy_string(&call->lang->arena, number);
    }
    if (kind == SETTING_BOOLEAN && lua_type(L, index) == LUA_TBOOLEAN) {
        return lua_toboolean(L, index) ? "true" : "false";
    }
    if (kind == SETTING_LIST && lua_type(L, index) == LUA_TSTRING) {
        return value_text(L, call, index, name);
    }
    if (!is_placeholder(L, call, index)) {
        static const char *const wants[] = {
            [SETTING_INTEGER] = "a whole number from 0 on",
            [SETTING_BOOLEAN] = "true or false",
            [SETTING_LIST] = "a text",
        };
        call_complain(call, "setting '%s' wants %s, not %s", name, wants[kind],
                      object_describe(L, index, buffer));
    }
    return NULL;
}

static void read_settings(lua_State *L, const struct target *target, int index)
{
    struct call *call = target->call;
    size_t count;
    const char **keys = value_sorted_keys(L, call, index, target->field->name, &count);
    if (keys == NULL) {
        return;
    }
    struct setting_value *settings = arena_array(call, count, sizeof *settings);
    for (size_t i = 0; i < count; i++) {
        lua_getfield(L, index, keys[i]);
        settings[i].name = keys[i];
        settings[i].value = read_setting_value(L, call, keys[i], lua_gettop(L));
        lua_pop(L, 1);
    }
    store_count(target, count);
    STORE(target, settings);
}

static void read_addresses(lua_State *L, const struct target *target, int index)
{
    struct call *call = target->call;
    struct error err;
    const char *name = target->field->name;
    lua_Integer count = value_list_length(L, call, index, name);
    if (count < 0) {
        return;
    }
    if (count < target->field->min || count > target->field->max) {
        call_complain(call, count == 0 ? "'%s' is empty" : "'%s' has too many addresses", name);
        return;
    }
    struct address *addresses = arena_array(call, (size_t)count, sizeof *addresses);
    for (lua_Integer i = 0; i < count; i++) {
        lua_rawgeti(L, index, i + 1);
        const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
        if (text == NULL) {
            char buffer[96];
            call_complain(call, "item %lld of '%s' must be \"ip:port\", not %s", (long long)i + 1,
                          name, object_describe(L, -1, buffer));
        } else if (!address_parse(text, &addresses[i], &err)) {
            call_complain(call, "item %lld of '%s': %s", (long long)i + 1, name, err.text);
        }
        for (lua_Integer j = 0; text != NULL && j < i; j++) {
            if (address_is_set(addresses[i]) && address_equal(addresses[i], addresses[j])) {
                call_complain(call, "'%s' names %s twice", name, text);
            }
        }
        lua_pop(L, 1);
    }
    store_count(target, (size_t)count);
    STORE(target, addresses);
}

static void read_record_into(lua_State *L, const struct target *target, int index, void *base,
                             const char *what)
{
    struct call *call = target->call;
    struct call inner = *call;
    inner.constructor = arena_printf(&call->lang->arena, "%s.%s", call->constructor, what);
    inner.tainted = false;
    char buffer[96];
    if (lua_type(L, index) != LUA_TTABLE) {
        if (!is_placeholder(L, call, index)) {
            call_complain(call, "'%s' must be a table, not %s", what,
                          object_describe(L, index, buffer));
        }
        return;
    }
    fields_read(L, &inner, index, target->field->rows, target->field->row_count, NULL, 0, base);
    call->tainted = call->tainted || inner.tainted;
}

static void read_record(lua_State *L, const struct target *target, int index)
{
    read_record_into(L, target, index, target->base, target->field->name);
}

static void read_records(lua_State *L, const struct target *target, int index)
{
    struct call *call = target->call;
    const struct field *field = target->field;
    lua_Integer count = value_list_length(L, call, index, field->name);
    if (count < 0) {
        return;
    }
    char *records = arena_array(call, (size_t)count, field->record_bytes);
    for (lua_Integer i = 0; i < count; i++) {
        char what[64];
        snprintf(what, sizeof what, "%s[%lld]", field->name, (long long)i + 1);
        lua_rawgeti(L, index, i + 1);
        read_record_into(L, target, lua_gettop(L), records + (size_t)i * field->record_bytes, what);
        lua_pop(L, 1);
    }
    store_count(target, (size_t)count);
    STORE(target, records);
}

typedef void read_fn(lua_State *L, const struct target *target, int index);
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
    [FIELD_TABLES] = read_texts,
    [FIELD_PAIRS] = read_pairs,
    [FIELD_JSON] = read_json,
    [FIELD_FUNCTION] = read_function,
    [FIELD_FUNCTIONS] = read_functions,
    [FIELD_VALUES] = read_values,
    [FIELD_PARAMS] = read_params,
    [FIELD_CONDITION] = read_condition,
    [FIELD_CONDITIONS] = read_conditions,
    [FIELD_STEPS] = read_steps,
    [FIELD_ACTION] = read_action,
    [FIELD_SERVERS] = read_servers,
    [FIELD_ORDER] = read_policy,
    [FIELD_TARGETS] = read_policy,
    [FIELD_LEVEL] = read_level,
    [FIELD_SETTINGS] = read_settings,
    [FIELD_TO] = read_to,
    [FIELD_ADDRESS_LIST] = read_addresses,
    [FIELD_RECORD] = read_record,
    [FIELD_RECORDS] = read_records,
};

static bool is_default(lua_State *L, const struct field *field, int index)
{
    size_t length;
    const char *text = sandbox_tostring(L, index, &length);
    bool same = strcmp(text, field->fallback) == 0;
    lua_pop(L, 1);
    return same;
}

void value_read(lua_State *L, struct call *call, const struct field *field, int index, void *base)
{
    struct target target = {call, field, base};
    char buffer[96];
    luaL_checkstack(L, 10, "values");
    if (is_placeholder(L, call, index)) {
        return;
    }
    if ((field->flags & ONLY_DEFAULT) != 0 && !is_default(L, field, index)) {
        call_complain(call, "'%s' can only be %s in this version of pegflow, not %s", field->name,
                      field->fallback, object_describe(L, index, buffer));
        return;
    }
    ASSERT(readers[field->kind] != NULL);
    readers[field->kind](L, &target, index);
}
