#include "pegasus/inventory.h"

#include <string.h>
#include <strings.h>

const struct server *inventory_find(const struct inventory *inventory, struct address address)
{
    for (int role = 0; role < ROLE_COUNT; role++) {
        for (int32_t i = 0; i < inventory->count[role]; i++) {
            if (address_equal(inventory->servers[role][i].address, address)) {
                return &inventory->servers[role][i];
            }
        }
    }
    return NULL;
}

const struct server *inventory_find_near(const struct inventory *inventory, struct address address,
                                         int32_t place)
{
    bool there = place >= 0 && place < inventory->count[ROLE_REPLICA];
    const struct server *likely = there ? &inventory->servers[ROLE_REPLICA][place] : NULL;
    if (there && address_equal(likely->address, address)) {
        return likely;
    }
    return inventory_find(inventory, address);
}

/* Is `name` this "host:port", or the host of it? */
static bool is_place(const char *name, const char *place)
{
    const char *colon = strrchr(place, ':');
    size_t host_bytes = colon == NULL ? strlen(place) : (size_t)(colon - place);
    return strcasecmp(name, place) == 0 ||
           (strlen(name) == host_bytes && strncasecmp(name, place, host_bytes) == 0);
}

bool server_is_named(const struct server *server, const char *name)
{
    char address[ADDRESS_TEXT_BYTES];
    return is_place(name, server->name) || is_place(name, address_format(server->address, address));
}
