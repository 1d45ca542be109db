/* engine/rolling_order.h - which server of a rolling is next.
 *
 * Floor: engine. Pure over the tree and what was taken: the run asks before each turn, a plan asks
 * for all turns at once. */
#ifndef PEGFLOW_ENGINE_ROLLING_ORDER_H
#define PEGFLOW_ENGINE_ROLLING_ORDER_H

#include "lang/step.h"

struct rolling_order {
    const struct step_list *body; /* a turn for each server */
    const bool *taken;            /* by turn */
    size_t taken_count;
    size_t last; /* taken, when any was */
};

/* The rack whose turn it is ("" where none is known): that of the last turn as long as it has
 * servers left, else the first one that has. `is_next`: it is not that of the last turn. NULL when
 * none is left. */
const char *rolling_order_rack(const struct rolling_order *order, bool *is_next);
bool rolling_order_may_be_next(const struct rolling_order *order, size_t turn, const char *rack);
/* The first that may be next; `leader` (or NULL) only when nobody else may. Somebody may be. */
size_t rolling_order_pick(const struct rolling_order *order, const char *rack,
                          const struct address *leader, bool *leads);

#endif
