/* lang/nearest.h - "did you mean 'timeout'?"
 *
 * Floor: lang, private to it. */
#ifndef PEGFLOW_LANG_NEAREST_H
#define PEGFLOW_LANG_NEAREST_H

#include <stddef.h>

/* Keeps the nearest of the candidates offered, if it is near enough; candidates are not copied.
 * Equally near ones: the first by alphabet, so that the order of offers does not matter. */
struct nearest {
    const char *word;
    const char *best;
    size_t distance;
};
void nearest_offer(struct nearest *nearest, const char *candidate);
/* ": did you mean 'timeout'?", or "" */
const char *nearest_hint(const struct nearest *nearest, char buffer[128]);

#endif
