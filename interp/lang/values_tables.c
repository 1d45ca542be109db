/* Reads tables that stay in Lua: adapters, params, the steps of a variant. */
#include "lang/values.h"

void value_read_functions(lua_State *L, const struct target *target, int index)
{
    size_t count;
    char buffer[96];
    const char **keys = value_sorted_keys(L, target->call, index, target->field->name, &count);
    if (keys == NULL) {
        return;
    }
    if (count == 0) {
        call_complain(target->call, "'%s' is an empty table", target->field->name);
    }
    for (size_t i = 0; i < count; i++) {
        if (value_find_word(target->field->words, keys[i]) < 0) {
            value_complain_word(target, keys[i], target->field->words);
            continue;
        }
        if (lua_getfield(L, index, keys[i]) != LUA_TFUNCTION &&
            !value_is_placeholder(L, target->call, -1)) {
            call_complain(target->call, "'%s.%s' must be a function, not %s", target->field->name,
                          keys[i], object_describe(L, -1, buffer));
        }
        lua_pop(L, 1);
    }
    value_store_reference(L, target, index);
}

void value_read_values(lua_State *L, const struct target *target, int index)
{
    size_t count;
    char buffer[96];
    const char **keys = value_sorted_keys(L, target->call, index, target->field->name, &count);
    for (size_t i = 0; keys != NULL && i < count; i++) {
        int type = lua_getfield(L, index, keys[i]);
        if (type != LUA_TSTRING && type != LUA_TNUMBER && type != LUA_TBOOLEAN &&
            !value_is_placeholder(L, target->call, -1)) {
            call_complain(target->call, "'%s.%s' must be text, a number, true or false, not %s",
                          target->field->name, keys[i], object_describe(L, -1, buffer));
        }
        lua_pop(L, 1);
    }
    if (keys != NULL) {
        value_store_reference(L, target, index);
    }
}

void value_read_params(lua_State *L, const struct target *target, int index)
{
    size_t count;
    char buffer[96];
    const char **keys = value_sorted_keys(L, target->call, index, target->field->name, &count);
    for (size_t i = 0; keys != NULL && i < count; i++) {
        lua_getfield(L, index, keys[i]);
        if (object_of_kind(L, -1, OBJECT_PARAM) == NULL &&
            !value_is_placeholder(L, target->call, -1)) {
            call_complain(target->call,
                          "param '%s' wants duration { ... }, integer { ... } and so "
                          "on, not %s",
                          keys[i], object_describe(L, -1, buffer));
        }
        lua_pop(L, 1);
    }
    if (keys != NULL) {
        value_store_reference(L, target, index);
    }
}

/* Params of a variant: new ones, or other defaults for those there are. */
void value_read_overrides(lua_State *L, const struct target *target, int index)
{
    size_t count;
    char buffer[96];
    const char **keys = value_sorted_keys(L, target->call, index, target->field->name, &count);
    for (size_t i = 0; keys != NULL && i < count; i++) {
        int type = lua_getfield(L, index, keys[i]);
        if (type != LUA_TSTRING && type != LUA_TNUMBER && type != LUA_TBOOLEAN &&
            object_of_kind(L, -1, OBJECT_PARAM) == NULL &&
            !value_is_placeholder(L, target->call, -1)) {
            call_complain(target->call,
                          "param '%s' wants another default, or duration { ... }, integer { ... } "
                          "and so on, not %s",
                          keys[i], object_describe(L, -1, buffer));
        }
        lua_pop(L, 1);
    }
    if (keys != NULL) {
        value_store_reference(L, target, index);
    }
}

/* What the steps are is looked at when the workflow is planned: a function may return them. */
void value_read_edits(lua_State *L, const struct target *target, int index)
{
    size_t count;
    char buffer[96];
    const char **keys = value_sorted_keys(L, target->call, index, target->field->name, &count);
    for (size_t i = 0; keys != NULL && i < count; i++) {
        int type = lua_getfield(L, index, keys[i]);
        if (type != LUA_TFUNCTION && type != LUA_TTABLE &&
            object_of_kind(L, -1, OBJECT_STEP) == NULL &&
            !value_is_placeholder(L, target->call, -1)) {
            call_complain(target->call,
                          "'%s' of '%.100s' wants steps, or a function that returns them, not %s",
                          target->field->name, keys[i], object_describe(L, -1, buffer));
        }
        lua_pop(L, 1);
    }
    if (keys != NULL) {
        value_store_reference(L, target, index);
    }
}
