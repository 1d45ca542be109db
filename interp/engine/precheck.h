/* engine/precheck.h - which servers a workflow takes replicas from.
 *
 * Floor: engine. Pure over the tree; precheck.c asks the guards of these before the first change,
 * and a plan shows what they say. */
#ifndef PEGFLOW_ENGINE_PRECHECK_H
#define PEGFLOW_ENGINE_PRECHECK_H

#include "lang/step.h"

struct taken {
    bool leaves; /* its replicas go, or it stops */
    bool stops;
};

/* One for each slot of the inventory; metas and collectors are never taken. The caller frees it. */
struct taken *precheck_list_taken(const struct step_list *steps, const struct inventory *inventory);

#endif
