/* engine/past_private.h - what was folded, shared by past.c, which answers, and past_take.c, which
 * takes the records.
 *
 * Floor: engine, these two files alone. */
#ifndef PEGFLOW_ENGINE_PAST_PRIVATE_H
#define PEGFLOW_ENGINE_PAST_PRIVATE_H

#include "engine/past.h"

#include <stddef.h>
#include <stdint.h>

/* Names to places in an array: open addressing, twice as many slots as names or more. */
struct name_index {
    size_t *slots; /* place + 1; 0: free */
    size_t slot_count;
};

struct past {
    cJSON **records; /* all that something points into */
    size_t record_count;
    size_t record_capacity;
    const cJSON *header;
    const cJSON *baseline;
    const cJSON *leader; /* data of the last change of the lead */
    const char *outcome;
    const char *last_time;
    bool changed_anything;
    unsigned resumes;
    struct past_step *steps;
    size_t step_count;
    size_t step_capacity;
    struct name_index step_index;
    struct past_hold *holds;
    size_t hold_count;
    size_t hold_capacity;
    struct past_server *servers;
    size_t server_count;
    size_t server_capacity;
};

/* Room for one more; the new one is zeroed. */
void *past_grow(void *array, size_t size, size_t *count, size_t *capacity);
/* `id` belongs to a record that is kept. Made where it is not there. */
struct past_step *past_step_of(struct past *past, const char *id);
struct past_hold *past_hold_of(const struct past *past, const char *step, const char *name,
                               const char *server);
void past_hold_begins(struct past *past, const struct past_hold *hold);
void past_hold_ends(struct past *past, const char *step, const char *name, const char *server);
struct past_server *past_server_of(const struct past *past, const char *name); /* or NULL */
bool past_same_text(const char *a, const char *b);          /* NULL is the same as NULL alone */
const char *past_text(const cJSON *json, const char *name); /* a text member, or NULL */

#endif
