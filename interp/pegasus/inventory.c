#include "pegasus/inventory.h"

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
