/* table.*, and pairs in a defined order. What is done in C is counted as if Lua did it. */
#include "lang/private.h"

enum { MOVE_LIMIT = 1000000 };

/* A closure of ours around a function of Lua's: upvalue 1. */
static int call_original(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

/* may jump: the number of items of the list, charged */
static lua_Integer charge_list(lua_State *L, int64_t factor)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_Integer count = (lua_Integer)lua_rawlen(L, 1);
    lang_charge(L, count * factor);
    return count;
}

static int table_insert(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    if (lua_gettop(L) > 2) {
        charge_list(L, 1);
    }
    return call_original(L);
}

static int table_remove(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    if (lua_gettop(L) > 1) {
        charge_list(L, 1);
    }
    return call_original(L);
}

static int64_t sort_cost(lua_Integer count)
{
    int64_t cost = count;
    for (lua_Integer left = count; left > 1; left /= 2) {
        cost += count;
    }
    return cost;
}

static int table_sort(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lang_charge(L, sort_cost((lua_Integer)lua_rawlen(L, 1)));
    return call_original(L);
}

/* table.concat(list, separator, i, j) and table.unpack(list, i, j): j - i bounded */
static void check_range(lua_State *L, int first_argument, const char *what)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_Integer from = luaL_optinteger(L, first_argument, 1);
    lua_Integer to = luaL_optinteger(L, first_argument + 1, (lua_Integer)lua_rawlen(L, 1));
    if (from <= to && (lua_Unsigned)to - (lua_Unsigned)from >= MOVE_LIMIT) {
        luaL_error(L, "table.%s: too many items; the limit is %d", what, MOVE_LIMIT);
    }
    lang_charge(L, from <= to ? to - from + 1 : 0);
}

static int table_concat(lua_State *L)
{
    check_range(L, 3, "concat");
    int results = call_original(L);
    lang_charge(L, (int64_t)(lua_rawlen(L, -1) / 16));
    return results;
}

static int table_unpack(lua_State *L)
{
    check_range(L, 2, "unpack");
    return call_original(L);
}

static int table_move(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_Integer from = luaL_checkinteger(L, 2);
    lua_Integer to = luaL_checkinteger(L, 3);
    if (from <= to && (lua_Unsigned)to - (lua_Unsigned)from >= MOVE_LIMIT) {
        luaL_error(L, "table.move: too many items; the limit is %d", MOVE_LIMIT);
    }
    lang_charge(L, from <= to ? to - from + 1 : 0);
    return call_original(L);
}

static int table_pack(lua_State *L)
{
    lang_charge(L, lua_gettop(L));
    return call_original(L);
}

void sandbox_push_tables(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"concat", table_concat}, {"insert", table_insert},
        {"move", table_move},     {"pack", table_pack},
        {"remove", table_remove}, {"sort", table_sort},
        {"unpack", table_unpack}, {NULL, NULL},
    };
    lua_createtable(L, 0, 8);
    lua_pushcfunction(L, luaopen_table);
    lua_call(L, 0, 1);
    for (size_t i = 0; functions[i].name != NULL; i++) {
        lua_getfield(L, -1, functions[i].name);
        lua_pushcclosure(L, functions[i].func, 1);
        lua_setfield(L, -3, functions[i].name);
    }
    lua_getfield(L, -1, "sort");
    lang_of(L)->sort = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_pop(L, 1);
}

/* ---- pairs */
/* Upvalues: the table, its keys in order, how far we are. */
static int next_pair(lua_State *L)
{
    lua_Integer at = lua_tointeger(L, lua_upvalueindex(3)) + 1;
    lua_pushinteger(L, at);
    lua_replace(L, lua_upvalueindex(3));
    if (lua_rawgeti(L, lua_upvalueindex(2), at) == LUA_TNIL) {
        return 1;
    }
    lua_pushvalue(L, -1);
    lua_rawget(L, lua_upvalueindex(1));
    return 2;
}

/* Upvalues: the list, how far we are. */
static int next_item(lua_State *L)
{
    lua_Integer at = lua_tointeger(L, lua_upvalueindex(2)) + 1;
    lua_pushinteger(L, at);
    lua_copy(L, -1, lua_upvalueindex(2));
    if (lua_geti(L, lua_upvalueindex(1), at) == LUA_TNIL) {
        return 1;
    }
    return 2;
}

/* Numbers before texts, each ascending. */
static int key_is_less(lua_State *L)
{
    int a = lua_type(L, 1);
    int b = lua_type(L, 2);
    lua_pushboolean(L, a == b ? lua_compare(L, 1, 2, LUA_OPLT) : a == LUA_TNUMBER);
    return 1;
}

int sandbox_pairs(lua_State *L)
{
    const struct object *object = object_at(L, 1);
    if (object != NULL && (object->kind == OBJECT_PLACEHOLDER || view_is_list(&object->view))) {
        lua_settop(L, 1);
        lua_pushinteger(L, 0);
        lua_pushcclosure(L, next_item, 2);
        return 1;
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    lua_createtable(L, (int)lua_rawlen(L, 1), 0);
    lua_Integer count = 0;
    for (lua_pushnil(L); lua_next(L, 1) != 0; lua_pop(L, 1)) {
        int type = lua_type(L, -2);
        if (type != LUA_TNUMBER && type != LUA_TSTRING) {
            return luaL_error(L, "pairs: a key is a %s; only numbers and texts have an order",
                              lua_typename(L, type));
        }
        lua_pushvalue(L, -2);
        lua_rawseti(L, 2, ++count);
    }
    lang_charge(L, sort_cost(count));
    lua_rawgeti(L, LUA_REGISTRYINDEX, lang_of(L)->sort);
    lua_pushvalue(L, 2);
    lua_pushcfunction(L, key_is_less);
    lua_call(L, 2, 0);
    lua_settop(L, 2);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, next_pair, 3);
    return 1;
}
