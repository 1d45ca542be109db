/* The values a script holds that are not Lua's own: one struct, one metatable for each kind. */
#include "lang/private.h"

#include "base/duration.h"

#include <math.h>
#include <string.h>

/* Lua's own messages show these: "attempt to index a step value". */
static const char *const kind_names[OBJECT_KIND_COUNT] = {
    [OBJECT_PLACEHOLDER] = "misspelled name",
    [OBJECT_STEP] = "step",
    [OBJECT_CONDITION] = "condition",
    [OBJECT_POLICY] = "policy",
    [OBJECT_PARAM] = "param",
    [OBJECT_SERVER] = "node",
    [OBJECT_DURATION] = "duration",
    [OBJECT_FILE] = "file",
    [OBJECT_PARTIAL] = "unfinished step",
    [OBJECT_CLUSTER] = "cluster",
    [OBJECT_PARAMS] = "params",
    [OBJECT_VIEW] = "snapshot",
};

const char *object_kind_name(enum object_kind kind)
{
    return kind_names[kind];
}

struct object *object_new(lua_State *L, enum object_kind kind)
{
    struct object *object = lua_newuserdatauv(L, sizeof *object, 1);
    *object = (struct object){.kind = kind, .depth = 1, .count = 1};
    lua_rawgeti(L, LUA_REGISTRYINDEX, lang_of(L)->metatables[kind]);
    lua_setmetatable(L, -2);
    return object;
}

struct object *object_at(lua_State *L, int index)
{
    /* No library of ours makes another kind of full userdata that a script can reach. */
    return lua_type(L, index) == LUA_TUSERDATA ? lua_touserdata(L, index) : NULL;
}

struct object *object_of_kind(lua_State *L, int index, enum object_kind kind)
{
    struct object *object = object_at(L, index);
    return object != NULL && object->kind == kind ? object : NULL;
}

void object_push_placeholder(lua_State *L)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, lang_of(L)->placeholder);
}

void object_push_duration(lua_State *L, int64_t us)
{
    object_new(L, OBJECT_DURATION)->us = us;
}

void object_push_server(lua_State *L, const struct server *server)
{
    object_new(L, OBJECT_SERVER)->server = server;
}

const char *object_describe(lua_State *L, int index, char buffer[96])
{
    const struct object *object = object_at(L, index);
    switch (lua_type(L, index)) {
    case LUA_TNUMBER:
        if (lua_isinteger(L, index)) {
            snprintf(buffer, 96, "the number %lld", (long long)lua_tointeger(L, index));
        } else {
            snprintf(buffer, 96, "the number %.14g", lua_tonumber(L, index));
        }
        return buffer;
    case LUA_TSTRING:
        snprintf(buffer, 96, "the text \"%.60s%s\"", lua_tostring(L, index),
                 lua_rawlen(L, index) > 60 ? "..." : "");
        return buffer;
    case LUA_TBOOLEAN:
        return lua_toboolean(L, index) ? "true" : "false";
    case LUA_TNIL:
    case LUA_TNONE:
        return "nothing";
    case LUA_TUSERDATA:
        if (object->descriptor != NULL) {
            snprintf(buffer, 96, "%s '%s'", kind_names[object->kind], object->descriptor->name);
        } else {
            snprintf(buffer, 96, "a %s", kind_names[object->kind]);
        }
        return buffer;
    default:
        snprintf(buffer, 96, "a %s", luaL_typename(L, index));
        return buffer;
    }
}

/* ---- fields of a node */
const char *server_host(lua_State *L, const struct server *server)
{
    const char *colon = strrchr(server->name, ':');
    if (colon == NULL) {
        return lua_pushstring(L, server->name);
    }
    return lua_pushlstring(L, server->name, (size_t)(colon - server->name));
}

static void server_push_ip(lua_State *L, const struct server *server)
{
    uint32_t ip = server->address.ip;
    lua_pushfstring(L, "%d.%d.%d.%d", (int)(ip >> 24), (int)(ip >> 16 & 255), (int)(ip >> 8 & 255),
                    (int)(ip & 255));
}

static const char *const server_fields[] = {"name",    "host", "ip",    "port",
                                            "address", "role", "index", NULL};

static int unknown_field(lua_State *L, const char *of, const char *const *fields)
{
    char hint[128];
    char got[96];
    struct nearest nearest = {.word = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : ""};
    for (size_t i = 0; fields[i] != NULL; i++) {
        nearest_offer(&nearest, fields[i]);
    }
    if (nearest.word[0] != '\0') {
        lang_complain(lang_of(L), lang_where(L), "a %s has no field '%s'%s", of, nearest.word,
                      nearest_hint(&nearest, hint));
    } else {
        lang_complain(lang_of(L), lang_where(L), "a %s has no field that is %s", of,
                      object_describe(L, 2, got));
    }
    object_push_placeholder(L);
    return 1;
}

static int server_index(lua_State *L, const struct server *server)
{
    char address[ADDRESS_TEXT_BYTES];
    const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
    if (strcmp(key, "name") == 0) {
        lua_pushstring(L, server->name);
    } else if (strcmp(key, "host") == 0) {
        server_host(L, server);
    } else if (strcmp(key, "ip") == 0) {
        server_push_ip(L, server);
    } else if (strcmp(key, "port") == 0) {
        lua_pushinteger(L, server->address.port);
    } else if (strcmp(key, "address") == 0) {
        lua_pushstring(L, address_format(server->address, address));
    } else if (strcmp(key, "role") == 0) {
        lua_pushstring(L, role_name(server->role));
    } else if (strcmp(key, "index") == 0) {
        lua_pushinteger(L, server->index + 1);
    } else {
        return unknown_field(L, "node", server_fields);
    }
    return 1;
}

/* ---- metamethods; each gets its object as an argument, so the kind is looked at first */
static int placeholder_index(lua_State *L)
{
    if (lua_type(L, 2) == LUA_TNUMBER) {
        lua_pushnil(L); /* so that ipairs ends */
        return 1;
    }
    object_push_placeholder(L);
    return 1;
}

/* Fields of `cluster` and `p`: both keep a table of what there is. */
static int table_index(lua_State *L, const struct object *object)
{
    char hint[128];
    bool is_cluster = object->kind == OBJECT_CLUSTER;
    lua_getiuservalue(L, 1, 1);
    lua_pushvalue(L, 2);
    if (lua_rawget(L, -2) != LUA_TNIL) {
        return 1;
    }
    lua_pop(L, 1);
    struct nearest nearest = {.word = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "?"};
    for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
        nearest_offer(&nearest, lua_tostring(L, -2));
    }
    lang_complain(lang_of(L), lang_where(L),
                  is_cluster ? "the cluster has no field '%s'%s" : "there is no param '%s'%s",
                  nearest.word, nearest_hint(&nearest, hint));
    object_push_placeholder(L);
    return 1;
}

static int object_index(lua_State *L)
{
    const struct object *object = object_at(L, 1);
    char buffer[96];
    if (object == NULL) {
        return 0;
    }
    switch (object->kind) {
    case OBJECT_PLACEHOLDER:
        return placeholder_index(L);
    case OBJECT_SERVER:
        return server_index(L, object->server);
    case OBJECT_CLUSTER:
    case OBJECT_PARAMS:
        return table_index(L, object);
    case OBJECT_VIEW:
        return view_index(L, object);
    case OBJECT_STEP:
    case OBJECT_CONDITION:
    case OBJECT_POLICY:
    case OBJECT_PARAM:
    case OBJECT_DURATION:
    case OBJECT_FILE:
    case OBJECT_PARTIAL:
    case OBJECT_KIND_COUNT:
        break;
    }
    return luaL_error(L, "%s has no fields to read", object_describe(L, 1, buffer));
}

static int object_newindex(lua_State *L)
{
    char buffer[96];
    if (object_of_kind(L, 1, OBJECT_PLACEHOLDER) != NULL) {
        return 0;
    }
    return luaL_error(L, "%s cannot be changed", object_describe(L, 1, buffer));
}

static int object_call(lua_State *L)
{
    struct object *object = object_at(L, 1);
    char buffer[96];
    if (object != NULL && object->kind == OBJECT_PLACEHOLDER) {
        object_push_placeholder(L);
        return 1;
    }
    bool takes_more = object != NULL && (object->kind == OBJECT_PARTIAL ||
                                         (object->kind == OBJECT_STEP && object->server != NULL));
    if (takes_more) {
        return construct_apply(L, object);
    }
    return luaL_error(L, "%s is no function: is a comma missing?", object_describe(L, 1, buffer));
}

static int object_tostring(lua_State *L)
{
    const struct object *object = object_at(L, 1);
    char text[DURATION_TEXT_BYTES];
    if (object == NULL) {
        lua_pushliteral(L, "?");
    } else if (object->kind == OBJECT_DURATION) {
        lua_pushstring(L, duration_format(object->us, text));
    } else if (object->kind == OBJECT_SERVER) {
        lua_pushstring(L, object->server->name);
    } else if (object->kind == OBJECT_CONDITION) {
        lua_pushstring(L, object->condition->name);
    } else {
        lua_pushstring(L, kind_names[object->kind]);
    }
    return 1;
}

static int object_length(lua_State *L)
{
    const struct object *object = object_at(L, 1);
    if (object != NULL && object->kind == OBJECT_PLACEHOLDER) {
        lua_pushinteger(L, 0);
        return 1;
    }
    return view_length(L, object);
}

static int object_equal(lua_State *L)
{
    const struct object *a = object_at(L, 1);
    const struct object *b = object_at(L, 2);
    bool equal = a != NULL && b != NULL && a->kind == b->kind;
    if (equal && a->kind == OBJECT_DURATION) {
        equal = a->us == b->us;
    } else if (equal && a->kind == OBJECT_SERVER) {
        equal = a->server == b->server;
    } else if (equal && a->kind == OBJECT_VIEW) {
        equal = a->view.kind == b->view.kind && a->view.of == b->view.of;
    } else {
        equal = false;
    }
    lua_pushboolean(L, equal);
    return 1;
}

/* ---- arithmetic of durations */
static bool any_placeholder(lua_State *L)
{
    return object_of_kind(L, 1, OBJECT_PLACEHOLDER) != NULL ||
           object_of_kind(L, 2, OBJECT_PLACEHOLDER) != NULL;
}

/* may jump: a duration, or a text that is one */
static int64_t check_duration(lua_State *L, int index, const char *doing)
{
    char buffer[96];
    const struct object *object = object_of_kind(L, index, OBJECT_DURATION);
    if (object != NULL) {
        return object->us;
    }
    if (lua_type(L, index) == LUA_TSTRING) {
        struct error err;
        int64_t us;
        if (duration_parse(lua_tostring(L, index), &us, &err)) {
            return us;
        }
        return luaL_error(L, "%s", err.text);
    }
    return luaL_error(L, "a duration is %s another duration, not %s", doing,
                      object_describe(L, index, buffer));
}

static int push_checked_duration(lua_State *L, double us)
{
    enum { LONGEST_DAYS = 10000 };
    if (!(us >= 0 && us <= LONGEST_DAYS * 24.0 * (double)US_PER_HOUR)) {
        return luaL_error(L, "a duration must be between 0s and %dd", LONGEST_DAYS);
    }
    object_push_duration(L, (int64_t)llround(us));
    return 1;
}

static int object_add(lua_State *L)
{
    if (any_placeholder(L)) {
        object_push_placeholder(L);
        return 1;
    }
    int64_t a = check_duration(L, 1, "added to");
    int64_t b = check_duration(L, 2, "added to");
    return push_checked_duration(L, (double)a + (double)b);
}

static int object_multiply(lua_State *L)
{
    char buffer[96];
    if (any_placeholder(L)) {
        object_push_placeholder(L);
        return 1;
    }
    int number = lua_type(L, 1) == LUA_TNUMBER ? 1 : 2;
    if (lua_type(L, number) != LUA_TNUMBER) {
        return luaL_error(L, "a duration is multiplied by a number, not by %s",
                          object_describe(L, number, buffer));
    }
    int64_t us = check_duration(L, 3 - number, "multiplied with");
    return push_checked_duration(L, (double)us * lua_tonumber(L, number));
}

static int object_less(lua_State *L)
{
    lua_pushboolean(L, !any_placeholder(L) && check_duration(L, 1, "compared with") <
                                                  check_duration(L, 2, "compared with"));
    return 1;
}

static int object_less_or_equal(lua_State *L)
{
    lua_pushboolean(L, !any_placeholder(L) && check_duration(L, 1, "compared with") <=
                                                  check_duration(L, 2, "compared with"));
    return 1;
}

static int return_placeholder(lua_State *L)
{
    object_push_placeholder(L);
    return 1;
}

static const luaL_Reg common_methods[] = {
    {"__index", object_index},       {"__newindex", object_newindex}, {"__call", object_call},
    {"__tostring", object_tostring}, {"__eq", object_equal},          {NULL, NULL},
};
static const luaL_Reg duration_methods[] = {
    {"__add", object_add}, {"__mul", object_multiply},
    {"__lt", object_less}, {"__le", object_less_or_equal},
    {NULL, NULL},
};
static const luaL_Reg list_methods[] = {{"__len", object_length}, {NULL, NULL}};
static const luaL_Reg placeholder_methods[] = {
    {"__sub", return_placeholder},    {"__div", return_placeholder},
    {"__mod", return_placeholder},    {"__pow", return_placeholder},
    {"__unm", return_placeholder},    {"__idiv", return_placeholder},
    {"__concat", return_placeholder}, {NULL, NULL},
};

void object_open(lua_State *L)
{
    struct lang *lang = lang_of(L);
    for (int kind = 0; kind < OBJECT_KIND_COUNT; kind++) {
        lua_createtable(L, 0, 16);
        luaL_setfuncs(L, common_methods, 0);
        if (kind == OBJECT_DURATION || kind == OBJECT_PLACEHOLDER) {
            luaL_setfuncs(L, duration_methods, 0);
        }
        if (kind == OBJECT_VIEW || kind == OBJECT_PLACEHOLDER) {
            luaL_setfuncs(L, list_methods, 0);
        }
        if (kind == OBJECT_PLACEHOLDER) {
            luaL_setfuncs(L, placeholder_methods, 0);
        }
        lua_pushstring(L, kind_names[kind]);
        lua_setfield(L, -2, "__name");
        lang->metatables[kind] = luaL_ref(L, LUA_REGISTRYINDEX);
    }
    object_new(L, OBJECT_PLACEHOLDER);
    lang->placeholder = luaL_ref(L, LUA_REGISTRYINDEX);
}
