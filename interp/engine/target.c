#include "engine/target.h"

#include <string.h>

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

bool target_check(const struct cluster_file *cluster_file, const struct snapshot *snapshot,
                  struct error *err)
{
    const char *root = snapshot->zookeeper_root == NULL ? "" : snapshot->zookeeper_root;
    if (snapshot->cluster_name != NULL && strcmp(snapshot->cluster_name, cluster_file->name) != 0) {
        error_set(err, ERROR_REFUSED,
                  "the cluster file '%s' is for '%s', but the primary meta server %s says that its "
                  "cluster is '%s'",
                  cluster_file->file, cluster_file->name, snapshot->leader_name,
                  snapshot->cluster_name);
        return false;
    }
    if (cluster_file->zookeeper_root != NULL && strcmp(cluster_file->zookeeper_root, root) != 0) {
        error_set(
            err, ERROR_REFUSED,
            "the cluster file '%s' names the ZooKeeper root '%s', but the primary meta server "
            "%s says '%s'",
            cluster_file->file, cluster_file->zookeeper_root, snapshot->leader_name, root);
        return false;
    }
    if (cluster_file->zookeeper_root == NULL && strcmp(last_part(root), cluster_file->name) != 0) {
        error_set(err, ERROR_REFUSED,
                  "the cluster file '%s' is for '%s', but the ZooKeeper root of the primary meta "
                  "server %s is '%s'; give zookeeper_root in the cluster file if that is right",
                  cluster_file->file, cluster_file->name, snapshot->leader_name, root);
        return false;
    }
    return true;
}

static void add_from_file(struct inventory *inventory, struct arena *arena, enum role role,
                          const char *const *names, const struct address *addresses, size_t count)
{
    struct server *servers = arena_allocate(arena, (count + 1) * sizeof *servers);
    for (size_t i = 0; i < count; i++) {
        ASSERT(address_is_set(addresses[i]));
        servers[i] = (struct server){
            .role = role,
            .index = (int32_t)i,
            .name = arena_copy_string(arena, names[i]),
            .address = addresses[i],
        };
    }
    inventory->servers[role] = servers;
    inventory->count[role] = (int32_t)count;
}

/* Updated as a collector, a replica server would be stopped without a guard and undrained. */
static bool has_one_role(const struct inventory *inventory, enum role role,
                         const struct cluster_file *cluster_file, struct error *err)
{
    for (int32_t i = 0; i < inventory->count[role]; i++) {
        const struct server *server = &inventory->servers[role][i];
        const struct server *first = inventory_find(inventory, server->address);
        if (first->role != role) {
            error_set(
                err, ERROR_REFUSED,
                "the cluster file '%s' names the %s server %s, but that is the %s server %s of "
                "the cluster",
                cluster_file->file, role_name(role), server->name, role_name(first->role),
                first->name);
            return false;
        }
    }
    return true;
}

bool target_inventory(const struct cluster_file *cluster_file, const struct snapshot *snapshot,
                      struct arena *arena, struct inventory *out, struct error *err)
{
    if (snapshot->listed_count == 0) {
        error_set(err, ERROR_REFUSED, "the primary meta server %s lists no replica servers",
                  snapshot->leader_name);
        return false;
    }
    struct inventory inventory = {.cluster_name = cluster_file->name};
    struct server *replicas =
        arena_allocate(arena, (size_t)snapshot->listed_count * sizeof *replicas);
    for (int32_t i = 0; i < snapshot->listed_count; i++) {
        replicas[i] = (struct server){
            .role = ROLE_REPLICA,
            .index = i,
            .name = arena_copy_string(arena, snapshot->nodes[i].name),
            .address = snapshot->nodes[i].address,
        };
    }
    inventory.servers[ROLE_REPLICA] = replicas;
    inventory.count[ROLE_REPLICA] = snapshot->listed_count;
    add_from_file(&inventory, arena, ROLE_META, cluster_file->meta_names, cluster_file->metas,
                  cluster_file->meta_count);
    add_from_file(&inventory, arena, ROLE_COLLECTOR, cluster_file->collector_names,
                  cluster_file->collectors, cluster_file->collector_count);
    if (!has_one_role(&inventory, ROLE_META, cluster_file, err) ||
        !has_one_role(&inventory, ROLE_COLLECTOR, cluster_file, err)) {
        return false;
    }
    *out = inventory;
    return true;
}

const struct server *target_hold_servers(const struct inventory *inventory, const struct step *hold,
                                         size_t *count)
{
    enum role role = hold->as.hold.on == TO_METAS ? ROLE_META : ROLE_REPLICA;
    switch (hold->as.hold.on) {
    case TO_LEADER:
        break;
    case TO_METAS:
    case TO_REPLICAS:
        *count = (size_t)inventory->count[role];
        return inventory->servers[role];
    case TO_SERVER:
        *count = 1;
        return hold->as.hold.at;
    }
    *count = 0;
    return NULL;
}
