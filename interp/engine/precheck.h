/* engine/precheck.h - what is asked before the first change, and of which servers.
 *
 * Floor: engine. Pure over the workflow; precheck.c asks the guards of these before the first change,
 * and a plan shows what they say. */
#ifndef PEGFLOW_ENGINE_PRECHECK_H
#define PEGFLOW_ENGINE_PRECHECK_H

#include "lang/step.h"

/* What is asked before the first change, in order: requirements, then what must always hold. NULL
 * after the last. */
const struct condition *precheck_condition(const struct workflow *workflow, size_t index,
                                           bool *always);

/* Steps that override their guard take nothing in this sense. */
struct taken {
    bool leaves; /* its replicas go, or it stops */
    bool stops;
};

/* One for each slot of the inventory; metas and collectors are never taken. The caller frees it. */
struct taken *precheck_list_taken(const struct step_list *steps, const struct inventory *inventory);

#endif
