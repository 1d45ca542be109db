/* The names a script sees.
 *
 * How it could be broken, and what keeps it whole:
 * - compiled chunks can crash Lua: files load as text only, and `load`, `dofile`, `string.dump` are
 *   not there;
 * - metatables would give __gc, __close, __index loops, and a way into the string functions that
 *   others use: no setmetatable, no getmetatable, and the library tables a script sees are proxies
 *   that cannot be written;
 * - a table of another file's globals could be changed: each file has its own, and it is read-only
 *   but for what the script defines itself, which is an error;
 * - addresses and the order of `next` differ from run to run: tostring and %s show no addresses, %p
 *   is refused, `pairs` sorts, `next` is not there;
 * - time, chance and the world: os, io, debug, package and math.random are not there.
 * limits.c says how a script is stopped. */
#include "lang/private.h"

#include <string.h>

/* Names of Lua that somebody may try, and what to say. */
static const struct {
    const char *name;
    const char *instead;
} missing[] = {
    {"print", "to say something in the run's record use log"},
    {"io", "to run a program use exec"},
    {"os", "to run a program use exec; to wait use sleep"},
    {"debug", NULL},
    {"package", "require finds files by itself"},
    {"load", "to use another file write require"},
    {"loadstring", "to use another file write require"},
    {"loadfile", "to use another file write require"},
    {"dofile", "to use another file write require"},
    {"setmetatable", NULL},
    {"getmetatable", NULL},
    {"collectgarbage", NULL},
    {"coroutine", NULL},
    {"next", "use pairs, whose order is defined"},
    {"rawset", NULL},
    {"rawget", NULL},
    {"_G", NULL},
};

enum { SEARCH_COST = 1000 }; /* of the nearest name, in instructions */

static int unknown_global(lua_State *L)
{
    struct lang *lang = lang_of(L);
    lang_charge(L, SEARCH_COST);
    char hint[128];
    struct nearest nearest = {.word = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "?"};
    for (size_t i = 0; i < sizeof missing / sizeof missing[0]; i++) {
        if (strcmp(missing[i].name, nearest.word) == 0) {
            lang_complain(lang, lang_where(L), "'%s' does not exist in a workflow%s%s",
                          nearest.word, missing[i].instead == NULL ? "" : ": ",
                          missing[i].instead == NULL ? "" : missing[i].instead);
            object_push_placeholder(L);
            return 1;
        }
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, lang->globals);
    for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
        nearest_offer(&nearest, lua_tostring(L, -2));
    }
    lang_complain(lang, lang_where(L), "unknown name '%s'%s", nearest.word,
                  nearest_hint(&nearest, hint));
    object_push_placeholder(L);
    return 1;
}

static int global_assigned(lua_State *L)
{
    struct lang *lang = lang_of(L);
    char buffer[96];
    const char *name =
        lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : object_describe(L, 2, buffer);
    lang_complain(lang, lang_where(L), "'%s' would be a global: write local %s", name, name);
    lua_settop(L, 3);
    if (!lua_isnil(L, 2)) {
        lua_rawset(L, 1); /* so that its uses are not reported as well */
    }
    return 0;
}

/* A member of string, table or math that is not there. Upvalue 1: the library's name. */
static int unknown_member(lua_State *L)
{
    struct lang *lang = lang_of(L);
    lang_charge(L, SEARCH_COST);
    char hint[128];
    const char *library = lua_tostring(L, lua_upvalueindex(1));
    struct nearest nearest = {.word = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "?"};
    for (lua_pushnil(L); lua_next(L, 1) != 0; lua_pop(L, 1)) {
        nearest_offer(&nearest, lua_tostring(L, -2));
    }
    lang_complain(lang, lang_where(L), "there is no %s.%s%s", library, nearest.word,
                  nearest_hint(&nearest, hint));
    object_push_placeholder(L);
    return 1;
}

static int refuse_write(lua_State *L)
{
    return luaL_error(L, "the tables of the library cannot be changed");
}

/* Turns the table of functions on top into a proxy that reads from it. */
static void push_proxy(lua_State *L, const char *library)
{
    lua_createtable(L, 0, 1);
    lua_pushstring(L, library);
    lua_pushcclosure(L, unknown_member, 1);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2); /* of the functions */
    lua_createtable(L, 0, 0);
    lua_createtable(L, 0, 2);
    lua_pushvalue(L, -3);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, refuse_write);
    lua_setfield(L, -2, "__newindex");
    lua_setmetatable(L, -2);
    lua_remove(L, -2);
}

const char *sandbox_tostring(lua_State *L, int index, size_t *length)
{
    switch (lua_type(L, index)) {
    case LUA_TTABLE:
    case LUA_TFUNCTION:
    case LUA_TLIGHTUSERDATA:
    case LUA_TTHREAD:
        lua_pushstring(L, luaL_typename(L, index)); /* Lua would show the address */
        return lua_tolstring(L, -1, length);
    default:
        return luaL_tolstring(L, index, length);
    }
}

static int base_tostring(lua_State *L)
{
    size_t length;
    luaL_checkany(L, 1);
    sandbox_tostring(L, 1, &length);
    return 1;
}

static int finish_protected(lua_State *L, int status)
{
    if (status != LUA_OK) {
        lang_pass_on(L, status);
        lua_pushboolean(L, 0);
        lua_insert(L, -2);
        return 2;
    }
    lua_pushboolean(L, 1);
    lua_insert(L, 1);
    return lua_gettop(L);
}

static int base_pcall(lua_State *L)
{
    luaL_checkany(L, 1);
    lang_charge(L, lua_gettop(L));
    return finish_protected(L, lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0));
}

/* The handler runs after the unwinding: one that loops or fails is nothing special then. */
static int base_xpcall(lua_State *L)
{
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lang_charge(L, lua_gettop(L));
    lua_pushvalue(L, 2);
    lua_replace(L, 2);
    lua_rotate(L, 1, -1); /* function handler args... -> handler args... function */
    lua_insert(L, 2);     /* handler function args... */
    int status = lua_pcall(L, lua_gettop(L) - 2, LUA_MULTRET, 0);
    if (status == LUA_OK) {
        lua_pushboolean(L, 1);
        lua_replace(L, 1);
        return lua_gettop(L);
    }
    lang_pass_on(L, status);
    lua_pushboolean(L, 0);
    lua_insert(L, 1); /* false handler error */
    lua_call(L, 1, LUA_MULTRET);
    return lua_gettop(L);
}

static int base_select(lua_State *L)
{
    lang_charge(L, lua_gettop(L));
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

static int base_tonumber(lua_State *L)
{
    if (lua_type(L, 1) == LUA_TSTRING) {
        lang_charge(L, (int64_t)lua_rawlen(L, 1));
    }
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, 1);
    return 1;
}

/* Copies `names` from the table at -1 to the one at `to`. */
static void take_names(lua_State *L, int to, const char *const *names)
{
    for (size_t i = 0; names[i] != NULL; i++) {
        lua_getfield(L, -1, names[i]);
        lua_setfield(L, to, names[i]);
    }
}

static void add_base(lua_State *L, int globals)
{
    static const char *const kept[] = {"assert", "error", "ipairs", "type", NULL};
    static const luaL_Reg own[] = {
        {"pairs", sandbox_pairs},
        {"pcall", base_pcall},
        {"tostring", base_tostring},
        {"xpcall", base_xpcall},
        {"require", require_file},
        {"env", secret_env},
        {NULL, NULL},
    };
    lua_pushcfunction(L, luaopen_base);
    lua_call(L, 0, 1);
    take_names(L, globals, kept);
    lua_getfield(L, -1, "select");
    lua_pushcclosure(L, base_select, 1);
    lua_setfield(L, globals, "select");
    lua_getfield(L, -1, "tonumber");
    lua_pushcclosure(L, base_tonumber, 1);
    lua_setfield(L, globals, "tonumber");
    lua_pop(L, 1);
    for (size_t i = 0; own[i].name != NULL; i++) {
        lua_pushcfunction(L, own[i].func);
        lua_setfield(L, globals, own[i].name);
    }
}

static void add_libraries(lua_State *L, int globals)
{
    /* No sine or logarithm: their last digits differ from machine to machine. */
    static const char *const math[] = {"abs",        "ceil", "floor",      "fmod", "huge", "max",
                                       "maxinteger", "min",  "mininteger", "modf", "pi",   "sqrt",
                                       "tointeger",  "type", "ult",        NULL};
    lua_pushcfunction(L, luaopen_math);
    lua_call(L, 0, 1);
    lua_createtable(L, 0, 16);
    lua_insert(L, -2);
    take_names(L, lua_gettop(L) - 1, math);
    lua_pop(L, 1);
    push_proxy(L, "math");
    lua_setfield(L, globals, "math");

    sandbox_push_tables(L);
    push_proxy(L, "table");
    lua_setfield(L, globals, "table");

    sandbox_push_strings(L);
    lua_pushvalue(L, -1);
    push_proxy(L, "string");
    lua_setfield(L, globals, "string");
    /* ("x"):rep(2) finds the same functions; "10" + 1 finds nothing. */
    lua_pushliteral(L, "");
    lua_createtable(L, 0, 1);
    lua_pushvalue(L, -3);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    lua_pop(L, 2);
}

static void add_constructors(lua_State *L, int globals)
{
    const struct descriptor *descriptor;
    for (size_t i = 0; (descriptor = descriptor_at(i)) != NULL; i++) {
        /* Lua knows no const; construct_call only reads it. */
        lua_pushlightuserdata(L, (void *)(uintptr_t)descriptor);
        lua_pushcclosure(L, construct_call, 1);
        lua_setfield(L, globals, descriptor->name);
    }
}

void sandbox_open(lua_State *L)
{
    struct lang *lang = lang_of(L);
    object_open(L);
    lua_createtable(L, 0, 128);
    int globals = lua_gettop(L);
    add_base(L, globals);
    add_libraries(L, globals);
    add_constructors(L, globals);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, unknown_global);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, globals);

    lua_createtable(L, 0, 2);
    lua_pushvalue(L, globals);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, global_assigned);
    lua_setfield(L, -2, "__newindex");
    lang->file_environment = luaL_ref(L, LUA_REGISTRYINDEX);
    lang->globals = luaL_ref(L, LUA_REGISTRYINDEX);
    /* What luaopen_base put into Lua's own table of globals is out of reach, and goes. */
    lua_createtable(L, 0, 0);
    lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
}
