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
