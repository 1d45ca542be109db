/* A snapshot as Lua values, made when they are looked at and dead when the call is over. */
#include "lang/private.h"

#include <string.h>

static void push_view(lua_State *L, enum view_kind kind, const void *of)
{
    object_new(L, OBJECT_VIEW)->view = (struct view){kind, lang_of(L)->generation, of};
}

void view_push_snapshot(lua_State *L, const struct snapshot *snapshot)
{
    push_view(L, VIEW_SNAPSHOT, snapshot);
}

bool view_is_list(const struct view *view)
{
    switch (view->kind) {
    case VIEW_NODES:
    case VIEW_TABLES:
    case VIEW_PARTITIONS:
    case VIEW_SECONDARIES:
        return true;
    case VIEW_SNAPSHOT:
    case VIEW_NODE:
    case VIEW_TABLE:
    case VIEW_PARTITION:
        break;
    }
    return false;
}

/* may jump: the snapshot that is looked at, if the value is not older than the call */
static const struct snapshot *check_fresh(lua_State *L, const struct view *view)
{
    struct lang *lang = lang_of(L);
    if (lang->snapshot == NULL || view->generation != lang->generation) {
        luaL_error(L, "a piece of an old snapshot was kept: a condition gets a new one each time");
    }
    return lang->snapshot;
}

static int list_length(const struct snapshot *snapshot, const struct view *view)
{
    const struct snapshot_table *table = view->of;
    const struct snapshot_partition *partition = view->of;
    switch (view->kind) {
    case VIEW_NODES:
        return snapshot->listed_count;
    case VIEW_TABLES:
        return snapshot->table_count;
    case VIEW_PARTITIONS:
        return table->partitions == NULL ? 0 : table->partition_count;
    case VIEW_SECONDARIES:
        return partition->secondary_count;
    case VIEW_SNAPSHOT:
    case VIEW_NODE:
    case VIEW_TABLE:
    case VIEW_PARTITION:
        break;
    }
    return 0;
}

static void push_node(lua_State *L, const struct snapshot *snapshot, int32_t index)
{
    if (index < 0 || index >= snapshot->node_count) {
        lua_pushnil(L);
    } else {
        push_view(L, VIEW_NODE, &snapshot->nodes[index]);
    }
}

static int push_item(lua_State *L, const struct snapshot *snapshot, const struct view *view,
                     lua_Integer position)
{
    const struct snapshot_table *table = view->of;
    const struct snapshot_partition *partition = view->of;
    if (position < 1 || position > list_length(snapshot, view)) {
        lua_pushnil(L);
        return 1;
    }
    int32_t index = (int32_t)position - 1;
    switch (view->kind) {
    case VIEW_NODES:
        push_node(L, snapshot, index);
        return 1;
    case VIEW_TABLES:
        push_view(L, VIEW_TABLE, &snapshot->tables[index]);
        return 1;
    case VIEW_PARTITIONS:
        push_view(L, VIEW_PARTITION, &table->partitions[index]);
        return 1;
    case VIEW_SECONDARIES:
        push_node(L, snapshot, partition->secondaries[index]);
        return 1;
    case VIEW_SNAPSHOT:
    case VIEW_NODE:
    case VIEW_TABLE:
    case VIEW_PARTITION:
        break;
    }
    return 0;
}

/* ---- fields: one row each */
typedef void push_fn(lua_State *L, const struct snapshot *snapshot, const void *of);

static void push_text(lua_State *L, const char *text)
{
    lua_pushstring(L, text); /* nil for NULL */
}

static void snapshot_nodes(lua_State *L, const struct snapshot *s, const void *of)
{
    (void)s;
    push_view(L, VIEW_NODES, of);
}
static void snapshot_tables(lua_State *L, const struct snapshot *s, const void *of)
{
    (void)s;
    push_view(L, VIEW_TABLES, of);
}
static void snapshot_level(lua_State *L, const struct snapshot *s, const void *of)
{
    (void)of;
    push_text(L, meta_level_name(s->level));
}
static void snapshot_stored_level(lua_State *L, const struct snapshot *s, const void *of)
{
    (void)of;
    push_text(L, meta_level_name(s->stored_level));
}
static void snapshot_leader(lua_State *L, const struct snapshot *s, const void *of)
{
    char text[ADDRESS_TEXT_BYTES];
    (void)of;
    push_text(L, s->leader_name != NULL ? s->leader_name : address_format(s->leader, text));
}
static void snapshot_cluster_name(lua_State *L, const struct snapshot *s, const void *of)
{
    (void)of;
    push_text(L, s->cluster_name);
}

static void node_name(lua_State *L, const struct snapshot *s, const void *of)
{
    (void)s;
    push_text(L, ((const struct snapshot_node *)of)->name);
}
static void node_address(lua_State *L, const struct snapshot *s, const void *of)
{
    char text[ADDRESS_TEXT_BYTES];
    (void)s;
    push_text(L, address_format(((const struct snapshot_node *)of)->address, text));
}
static void node_status_text(lua_State *L, const struct snapshot *s, const void *of)
{
    static const char *const names[] = {
        [NODE_INVALID] = "unknown", [NODE_ALIVE] = "ALIVE", [NODE_UNALIVE] = "UNALIVE"};
    enum node_status status = ((const struct snapshot_node *)of)->status;
    (void)s;
    push_text(L, status <= NODE_UNALIVE ? names[status] : "unknown");
}
static void node_primaries(lua_State *L, const struct snapshot *s, const void *of)
{
    (void)s;
    lua_pushinteger(L, ((const struct snapshot_node *)of)->primaries);
}
static void node_secondaries(lua_State *L, const struct snapshot *s, const void *of)
{
    (void)s;
    lua_pushinteger(L, ((const struct snapshot_node *)of)->secondaries);
}

static void table_name(lua_State *L, const struct snapshot *s, const void *of)
{
    (void)s;
    push_text(L, ((const struct snapshot_table *)of)->name);
}
static void table_app_id(lua_State *L, const struct snapshot *s, const void *of)
{
    (void)s;
    lua_pushinteger(L, ((const struct snapshot_table *)of)->app_id);
}
static void table_status(lua_State *L, const struct snapshot *s, const void *of)
{
    static const char *const names[] = {
        [APP_INVALID] = "INVALID",   [APP_AVAILABLE] = "AVAILABLE",
        [APP_CREATING] = "CREATING", [APP_CREATE_FAILED] = "CREATE_FAILED",
        [APP_DROPPING] = "DROPPING", [APP_DROP_FAILED] = "DROP_FAILED",
        [APP_DROPPED] = "DROPPED",   [APP_RECALLING] = "RECALLING",
    };
    enum app_status status = ((const struct snapshot_table *)of)->status;
    (void)s;
    push_text(L, status <= APP_RECALLING ? names[status] : "unknown");
}
static void table_partitions(lua_State *L, const struct snapshot *s, const void *of)
{
    (void)s;
    push_view(L, VIEW_PARTITIONS, of);
}
static void table_replicas(lua_State *L, const struct snapshot *s, const void *of)
{
    (void)s;
    lua_pushinteger(L, ((const struct snapshot_table *)of)->max_replica_count);
}

static void partition_index(lua_State *L, const struct snapshot *s, const void *of)
{
    (void)s;
    lua_pushinteger(L, ((const struct snapshot_partition *)of)->gpid.partition);
}
static void partition_ballot(lua_State *L, const struct snapshot *s, const void *of)
{
    (void)s;
    lua_pushinteger(L, ((const struct snapshot_partition *)of)->ballot);
}
static void partition_primary(lua_State *L, const struct snapshot *s, const void *of)
{
    push_node(L, s, ((const struct snapshot_partition *)of)->primary);
}
static void partition_secondaries(lua_State *L, const struct snapshot *s, const void *of)
{
    (void)s;
    push_view(L, VIEW_SECONDARIES, of);
}
static void partition_max(lua_State *L, const struct snapshot *s, const void *of)
{
    (void)s;
    lua_pushinteger(L, ((const struct snapshot_partition *)of)->max_replica_count);
}
static void partition_healthy(lua_State *L, const struct snapshot *s, const void *of)
{
    (void)s;
    lua_pushboolean(L, partition_is_healthy(of));
}

static const struct {
    enum view_kind kind;
    const char *name;
    push_fn *push;
} fields[] = {
    {VIEW_SNAPSHOT, "nodes", snapshot_nodes},
    {VIEW_SNAPSHOT, "tables", snapshot_tables},
    {VIEW_SNAPSHOT, "level", snapshot_level},
    {VIEW_SNAPSHOT, "stored_level", snapshot_stored_level},
    {VIEW_SNAPSHOT, "leader", snapshot_leader},
    {VIEW_SNAPSHOT, "cluster_name", snapshot_cluster_name},
    {VIEW_NODE, "name", node_name},
    {VIEW_NODE, "address", node_address},
    {VIEW_NODE, "status", node_status_text},
    {VIEW_NODE, "primaries", node_primaries},
    {VIEW_NODE, "secondaries", node_secondaries},
    {VIEW_TABLE, "name", table_name},
    {VIEW_TABLE, "app_id", table_app_id},
    {VIEW_TABLE, "status", table_status},
    {VIEW_TABLE, "max_replica_count", table_replicas},
    {VIEW_TABLE, "partitions", table_partitions},
    {VIEW_PARTITION, "index", partition_index},
    {VIEW_PARTITION, "ballot", partition_ballot},
    {VIEW_PARTITION, "primary", partition_primary},
    {VIEW_PARTITION, "secondaries", partition_secondaries},
    {VIEW_PARTITION, "max_replica_count", partition_max},
    {VIEW_PARTITION, "healthy", partition_healthy},
};

int view_index(lua_State *L, const struct object *object)
{
    static const char *const names[] = {
        [VIEW_SNAPSHOT] = "snapshot",   [VIEW_NODES] = "list of nodes",
        [VIEW_NODE] = "node",           [VIEW_TABLES] = "list of tables",
        [VIEW_TABLE] = "table",         [VIEW_PARTITIONS] = "list of partitions",
        [VIEW_PARTITION] = "partition", [VIEW_SECONDARIES] = "list of secondaries",
    };
    const struct view *view = &object->view;
    const struct snapshot *snapshot = check_fresh(L, view);
    char hint[128];
    if (view_is_list(view) && lua_isinteger(L, 2)) {
        return push_item(L, snapshot, view, lua_tointeger(L, 2));
    }
    struct nearest nearest = {.word = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "?"};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (fields[i].kind != view->kind) {
            continue;
        }
        if (strcmp(fields[i].name, nearest.word) == 0) {
            fields[i].push(L, snapshot, view->of);
            return 1;
        }
        nearest_offer(&nearest, fields[i].name);
    }
    return luaL_error(L, "a %s of a snapshot has no field '%s'%s", names[view->kind], nearest.word,
                      nearest_hint(&nearest, hint));
}

int view_length(lua_State *L, const struct object *object)
{
    const struct snapshot *snapshot = check_fresh(L, &object->view);
    lua_pushinteger(L, list_length(snapshot, &object->view));
    return 1;
}
