#include "engine/rolling_order.h"

#include <string.h>

static const char *rack_at(const struct rolling_order *order, size_t turn)
{
    const char *rack = order->body->items[turn]->as.group.rack;
    return rack == NULL ? "" : rack;
}

const char *rolling_order_rack(const struct rolling_order *order, bool *is_next)
{
    size_t count = order->body->count;
    size_t first = count;
    *is_next = false;
    for (size_t i = count; i > 0; i--) {
        if (!order->taken[i - 1]) {
            bool same = order->taken_count > 0 &&
                        strcmp(rack_at(order, i - 1), rack_at(order, order->last)) == 0;
            if (same) {
                return rack_at(order, i - 1);
            }
            first = i - 1;
        }
    }
    *is_next = first < count;
    return first == count ? NULL : rack_at(order, first);
}

bool rolling_order_may_be_next(const struct rolling_order *order, size_t turn, const char *rack)
{
    return !order->taken[turn] && strcmp(rack_at(order, turn), rack) == 0;
}

size_t rolling_order_pick(const struct rolling_order *order, const char *rack,
                          const struct address *leader, bool *leads)
{
    const struct step_list *body = order->body;
    size_t pick = body->count;
    *leads = false;
    for (size_t i = 0; i < body->count; i++) {
        if (!rolling_order_may_be_next(order, i, rack)) {
            continue;
        }
        bool this_leads = leader != NULL && address_equal(body->items[i]->server->address, *leader);
        if (pick == body->count || *leads) { /* the leader only when nobody else is left */
            *leads = this_leads;
            pick = i;
        }
    }
    ASSERT(pick < body->count);
    return pick;
}
