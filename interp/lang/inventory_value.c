/* The servers of a run as a script sees them: `cluster` and its lists of nodes. */
#include "lang/private.h"

static const char *const list_names[ROLE_COUNT] = {
    [ROLE_META] = "metas",
    [ROLE_REPLICA] = "replicas",
    [ROLE_COLLECTOR] = "collectors",
};

void inventory_push(lua_State *L, const struct inventory *inventory)
{
    struct lang *lang = lang_of(L);
    object_new(L, OBJECT_CLUSTER);
    lua_createtable(L, 0, 4);
    lua_pushstring(L, inventory->cluster_name);
    lua_setfield(L, -2, "name");
    for (int role = 0; role < ROLE_COUNT; role++) {
        lua_createtable(L, inventory->count[role], 0);
        for (int32_t i = 0; i < inventory->count[role]; i++) {
            object_push_server(L, &inventory->servers[role][i]);
            lua_rawseti(L, -2, i + 1);
        }
        lua_pushvalue(L, -1);
        lua_rawseti(L, LUA_REGISTRYINDEX, lang->server_lists[role]);
        lua_setfield(L, -2, list_names[role]);
    }
    lua_setiuservalue(L, -2, 1);
}
