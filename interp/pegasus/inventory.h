/* pegasus/inventory.h - the servers of a run, fixed when it is planned.
 *
 * Floor: pegasus. Replica servers come from the meta server's list, metas and collectors from the
 * cluster file. */
#ifndef PEGFLOW_PEGASUS_INVENTORY_H
#define PEGFLOW_PEGASUS_INVENTORY_H

#include "base/arena.h"
#include "pegasus/address.h"
#include "pegasus/types.h"

struct server {
    enum role role;
    int32_t index;       /* within its role */
    const char *name;    /* as shown and in step ids: the cluster's own for it, or the file's */
    struct address address;
};

struct inventory {
    const char *cluster_name;
    struct server *servers[ROLE_COUNT];
    int32_t count[ROLE_COUNT];
};

/* Does a person's `name` mean it: "host:port" or the host alone, as shown or by its address? */
bool server_is_named(const struct server *server, const char *name);

/* Cost: one comparison for each server. */
const struct server *inventory_find(const struct inventory *inventory, struct address address);
/* The same, looked for first at `place` among the replica servers: a snapshot's nodes mostly have
 * the order that the inventory was made in. Any `place` is allowed. */
const struct server *inventory_find_near(const struct inventory *inventory, struct address address,
                                         int32_t place);

#endif
