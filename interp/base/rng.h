/* base/rng.h - chance from a seed, and nowhere else.
 *
 * Floor: base. The same seed gives the same numbers on every machine (splitmix64). */
#ifndef PEGFLOW_BASE_RNG_H
#define PEGFLOW_BASE_RNG_H

#include <stdint.h>

struct rng {
    uint64_t state;
};
void rng_init(struct rng *rng, uint64_t seed);
uint64_t rng_next(struct rng *rng);
/* Uniform in 0 .. limit-1; limit > 0. */
uint64_t rng_below(struct rng *rng, uint64_t limit);

#endif
