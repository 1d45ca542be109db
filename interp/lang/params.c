/* A workflow's params: what they are by default, what the cluster file says, what --set says. */
#include "lang/private.h"

#include "base/duration.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct resolving {
    struct lang *lang;
    const char *const *names;
    size_t count;
};

static void complain_unknown_param(const struct resolving *all, struct source where,
                                   const char *from, const char *name)
{
    char hint[128];
    struct nearest nearest = {.word = name};
    for (size_t i = 0; i < all->count; i++) {
        nearest_offer(&nearest, all->names[i]);
    }
    lang_complain(all->lang, where, "%s: the workflow has no param '%.60s'%s", from, name,
                  nearest_hint(&nearest, hint));
}

static bool is_known(const struct resolving *all, const char *name)
{
    for (size_t i = 0; i < all->count; i++) {
        if (strcmp(all->names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static bool check_range(const struct param *param, int64_t value, const char *text,
                        struct error *err)
{
    char low[DURATION_TEXT_BYTES];
    char high[DURATION_TEXT_BYTES];
    if (value >= param->min && value <= param->max) {
        return true;
    }
    bool below = value < param->min;
    if (param->descriptor->kind == PARAM_DURATION) {
        error_set(err, ERROR_INVALID_FILE, "%s is %s than %s", text, below ? "less" : "more",
                  below ? duration_format(param->min, low) : duration_format(param->max, high));
    } else {
        error_set(err, ERROR_INVALID_FILE, "%s is %s than %" PRId64, text, below ? "less" : "more",
                  below ? param->min : param->max);
    }
    return false;
}

static bool parse_integer(const char *text, int64_t *out)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0) {
        return false;
    }
    *out = value;
    return true;
}

static bool parse_number(const char *text, double *out)
{
    char *end;
    *out = strtod(text, &end);
    return end != text && *end == '\0';
}

static bool parse_choice(struct param *param, const char *text, struct error *err)
{
    char hint[128];
    struct nearest nearest = {.word = text};
    struct text list = {0};
    for (size_t i = 0; i < param->of_count; i++) {
        if (strcmp(param->of[i], text) == 0) {
            text_clear(&list);
            param->text = text;
            return true;
        }
        nearest_offer(&nearest, param->of[i]);
        text_printf(&list, "%s%s", i == 0 ? "" : ", ", param->of[i]);
    }
    error_set(err, ERROR_INVALID_FILE, "'%.60s' is none of %s%s", text, text_string(&list),
              nearest_hint(&nearest, hint));
    text_clear(&list);
    return false;
}

/* Sets the param to what `text` says; `text` outlives it. */
static bool parse_value(struct param *param, const char *text, struct error *err)
{
    param->written = text;
    switch ((enum param_kind)param->descriptor->kind) {
    case PARAM_DURATION:
        return duration_parse(text, &param->integer, err) &&
               check_range(param, param->integer, text, err);
    case PARAM_INTEGER:
        if (parse_integer(text, &param->integer)) {
            return check_range(param, param->integer, text, err);
        }
        error_set(err, ERROR_INVALID_FILE, "'%.60s' is no whole number", text);
        return false;
    case PARAM_NUMBER:
        if (parse_number(text, &param->number)) {
            return true;
        }
        error_set(err, ERROR_INVALID_FILE, "'%.60s' is no number", text);
        return false;
    case PARAM_BOOLEAN:
        param->boolean = strcmp(text, "true") == 0;
        if (param->boolean || strcmp(text, "false") == 0) {
            return true;
        }
        error_set(err, ERROR_INVALID_FILE, "'%.60s' is neither true nor false", text);
        return false;
    case PARAM_TEXT:
        param->text = text;
        return true;
    case PARAM_CHOICE:
        return parse_choice(param, text, err);
    }
    return false;
}

static void push_value(lua_State *L, const struct param *param)
{
    switch ((enum param_kind)param->descriptor->kind) {
    case PARAM_DURATION:
        object_push_duration(L, param->integer);
        break;
    case PARAM_INTEGER:
        lua_pushinteger(L, param->integer);
        break;
    case PARAM_NUMBER:
        lua_pushnumber(L, param->number);
        break;
    case PARAM_BOOLEAN:
        lua_pushboolean(L, param->boolean);
        break;
    case PARAM_TEXT:
    case PARAM_CHOICE:
        lua_pushstring(L, param->text);
        break;
    }
}

/* What the cluster file says of the param at `name`; its values were checked to be plain. */
static const char *cluster_value(lua_State *L, const char *name)
{
    struct lang *lang = lang_of(L);
    const char *value = NULL;
    if (lang->cluster == NULL || lang->cluster->params == LUA_NONE) {
        return NULL;
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, lang->cluster->params);
    lua_getfield(L, -1, name);
    if (lua_type(L, -1) == LUA_TBOOLEAN) {
        value = lua_toboolean(L, -1) ? "true" : "false";
    } else if (lua_isstring(L, -1)) {
        value = arena_copy_string(&lang->arena, lua_tostring(L, -1));
    }
    lua_pop(L, 2);
    return value;
}

static struct source cluster_where(const struct lang *lang)
{
    return lang->cluster == NULL ? (struct source){0} : lang->cluster->where;
}

/* Values for params that the workflow does not have. */
static void check_names(lua_State *L, const struct resolving *all,
                        const struct workflow_draft *draft, const struct lang_set *sets,
                        size_t set_count)
{
    struct lang *lang = all->lang;
    for (size_t i = 0; i < set_count; i++) {
        if (!is_known(all, sets[i].name)) {
            complain_unknown_param(all, (struct source){draft->where.file, 0}, "--set",
                                   sets[i].name);
        }
    }
    if (lang->cluster == NULL || lang->cluster->params == LUA_NONE) {
        return;
    }
    struct call call = {.lang = lang, .constructor = "params", .where = cluster_where(lang)};
    size_t count = 0;
    lua_rawgeti(L, LUA_REGISTRYINDEX, lang->cluster->params);
    const char **names = value_sorted_keys(L, &call, lua_gettop(L), "params", &count);
    for (size_t i = 0; names != NULL && i < count; i++) {
        if (!is_known(all, names[i])) {
            complain_unknown_param(all, call.where, "params", names[i]);
        }
    }
    lua_pop(L, 1);
}

/* Applies what is given for one param; the last of several --set wins. */
static struct param_value resolve_one(lua_State *L, struct param *param,
                                      const struct workflow_draft *draft,
                                      const struct lang_set *sets, size_t set_count)
{
    struct lang *lang = lang_of(L);
    struct error err;
    const char *from = param->from;
    const char *text = cluster_value(L, param->name);
    struct param given = *param;
    if (text != NULL) {
        from = "cluster file";
        if (parse_value(&given, text, &err)) {
            *param = given;
        } else {
            lang_complain(lang, cluster_where(lang), "params: %s: %s", param->name, err.text);
        }
    }
    for (size_t i = 0; i < set_count; i++) {
        if (strcmp(sets[i].name, param->name) != 0) {
            continue;
        }
        given = *param;
        from = "--set";
        if (parse_value(&given, arena_copy_string(&lang->arena, sets[i].value), &err)) {
            *param = given;
        } else {
            lang_complain(lang, (struct source){draft->where.file, 0}, "--set %s: %s", param->name,
                          err.text);
        }
    }
    return (struct param_value){param->name, param->written, from};
}

void params_resolve(lua_State *L, const struct workflow_draft *draft, const struct lang_set *sets,
                    size_t set_count, struct workflow *workflow)
{
    struct lang *lang = lang_of(L);
    struct call call = {.lang = lang, .constructor = "params", .where = draft->where};
    const char **names = NULL;
    size_t count = 0;
    object_new(L, OBJECT_PARAMS);
    lua_createtable(L, 0, 8);
    if (draft->params != LUA_NONE) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, draft->params);
        names = value_sorted_keys(L, &call, lua_gettop(L), "params", &count);
        count = names == NULL ? 0 : count;
    } else {
        lua_pushnil(L);
    }
    struct resolving all = {lang, names, count};
    check_names(L, &all, draft, sets, set_count);
    struct param_value *values = arena_allocate(&lang->arena, (count + 1) * sizeof *values);
    for (size_t i = 0; i < count; i++) {
        lua_getfield(L, -1, names[i]);
        const struct object *object = object_of_kind(L, -1, OBJECT_PARAM);
        if (object == NULL) { /* wrong, and reported */
            values[i] = (struct param_value){names[i], "", "default"};
            lua_setfield(L, -3, names[i]);
            continue;
        }
        struct param param = *object->param;
        lua_pop(L, 1);
        param.name = names[i];
        values[i] = resolve_one(L, &param, draft, sets, set_count);
        push_value(L, &param);
        lua_setfield(L, -3, names[i]);
    }
    lua_pop(L, 1);
    lua_setiuservalue(L, -2, 1);
    workflow->params = values;
    workflow->param_count = count;
}

/* ---- variants */
static void complain_no_base(struct call *call, lua_State *L, int params, const char *name)
{
    char hint[128];
    struct nearest nearest = {.word = name};
    for (lua_pushnil(L); lua_next(L, params) != 0; lua_pop(L, 1)) {
        nearest_offer(&nearest, lua_tostring(L, -2));
    }
    call_complain(call,
                  "the base has no param '%.60s'%s (a new one is written duration { ... }, integer "
                  "{ ... } and so on)",
                  name, nearest_hint(&nearest, hint));
}

/* The plain value on top of the stack becomes the default of the base's param. */
static void vary_default(lua_State *L, struct call *call, int params, const char *name,
                         const struct param *base)
{
    struct arena *arena = &call->lang->arena;
    struct error err;
    size_t length;
    struct param varied = *base;
    const char *text = arena_copy_string(arena, sandbox_tostring(L, -1, &length));
    lua_pop(L, 1);
    if (!parse_value(&varied, text, &err)) {
        call_complain(call, "param '%s': %s", name, err.text);
        return;
    }
    varied.from = "variant";
    struct object *object = object_new(L, OBJECT_PARAM);
    object->descriptor = base->descriptor;
    object->where = call->where;
    object->param = arena_allocate(arena, sizeof varied);
    *object->param = varied;
    lua_setfield(L, params, name);
}

/* The value on top of the stack: another default, or a param of the variant's own. */
static void vary_one(lua_State *L, struct call *call, int params, const char *name)
{
    const struct object *given = object_of_kind(L, -1, OBJECT_PARAM);
    lua_getfield(L, params, name);
    const struct object *base = object_of_kind(L, -1, OBJECT_PARAM);
    bool wrong = base == NULL && !lua_isnil(L, -1);
    lua_pop(L, 1);
    bool plain = lua_isstring(L, -1) || lua_isboolean(L, -1);
    if (wrong || (given == NULL && !plain)) {
        return; /* reported when it was read */
    }
    if (given == NULL && base == NULL) {
        complain_no_base(call, L, params, name);
    } else if (given == NULL) {
        vary_default(L, call, params, name, base->param);
    } else if (base != NULL && base->descriptor != given->descriptor) {
        call_complain(call, "param '%s' is %s in the base and cannot become %s", name,
                      base->descriptor->name, given->descriptor->name);
    } else {
        lua_pushvalue(L, -1);
        lua_setfield(L, params, name);
    }
}

int params_vary(lua_State *L, int params, const struct variant_draft *variant)
{
    struct call call = {.lang = lang_of(L), .constructor = "variant", .where = variant->where};
    size_t count;
    if (variant->params == LUA_NONE) {
        return params;
    }
    int top = lua_gettop(L);
    lua_createtable(L, 0, 16);
    int varied = lua_gettop(L);
    if (params != LUA_NONE) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, params);
        for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
            lua_pushvalue(L, -2);
            lua_pushvalue(L, -2);
            lua_rawset(L, varied);
        }
        lua_pop(L, 1);
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, variant->params);
    int given = lua_gettop(L);
    const char **names = value_sorted_keys(L, &call, given, "params", &count);
    for (size_t i = 0; names != NULL && i < count; i++) {
        lua_getfield(L, given, names[i]);
        vary_one(L, &call, varied, names[i]);
        lua_settop(L, given);
    }
    lua_settop(L, varied);
    int reference = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_settop(L, top);
    return reference;
}
