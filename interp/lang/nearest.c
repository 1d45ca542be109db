#include "lang/nearest.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

void nearest_offer(struct nearest *nearest, const char *candidate)
{
    size_t length = strlen(nearest->word);
    size_t limit = length < 4 ? 1 : length < 8 ? 2 : 3;
    size_t distance = text_distance(nearest->word, candidate);
    bool better = nearest->best == NULL || distance < nearest->distance ||
                  (distance == nearest->distance && strcmp(candidate, nearest->best) < 0);
    if (distance <= limit && distance < length && better) {
        nearest->best = candidate;
        nearest->distance = distance;
    }
}

const char *nearest_hint(const struct nearest *nearest, char buffer[128])
{
    buffer[0] = '\0';
    if (nearest->best != NULL) {
        snprintf(buffer, 128, ": did you mean '%s'?", nearest->best);
    }
    return buffer;
}
