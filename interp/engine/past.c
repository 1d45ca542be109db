#include "engine/past_private.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct past *past_new(void)
{
    return memory_allocate(sizeof(struct past));
}

void past_free(struct past *past)
{
    if (past == NULL) {
        return;
    }
    for (size_t i = 0; i < past->record_count; i++) {
        cJSON_Delete(past->records[i]);
    }
    free(past->records);
    free(past->steps);
    free(past->step_index.slots);
    free(past->holds);
    for (size_t i = 0; i < past->server_count; i++) {
        free(past->servers[i].drained);
    }
    free(past->servers);
    free(past);
}

void *past_grow(void *array, size_t size, size_t *count, size_t *capacity)
{
    if (*count == *capacity) {
        *capacity = *capacity == 0 ? 16 : *capacity * 2;
        array = memory_resize(array, *capacity * size);
    }
    memset((char *)array + *count * size, 0, size);
    ++*count;
    return array;
}

/* ---- steps by id */
static size_t hash_of(const char *name)
{
    uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
    for (; *name != '\0'; name++) {
        hash = (hash ^ (unsigned char)*name) * UINT64_C(1099511628211);
    }
    return (size_t)hash;
}

/* The slot of the name, or the free one where it belongs. */
static size_t *slot_of(const struct past *past, const char *id)
{
    const struct name_index *index = &past->step_index;
    size_t slot = hash_of(id) & (index->slot_count - 1);
    while (index->slots[slot] != 0 && strcmp(past->steps[index->slots[slot] - 1].id, id) != 0) {
        slot = (slot + 1) & (index->slot_count - 1);
    }
    return &index->slots[slot];
}

const struct past_step *past_find(const struct past *past, const char *id)
{
    if (past == NULL || past->step_count == 0) {
        return NULL;
    }
    size_t place = *slot_of(past, id);
    return place == 0 ? NULL : &past->steps[place - 1];
}

bool past_claim(struct past *past, const struct past_step *step)
{
    struct past_step *own = &past->steps[step - past->steps];
    bool first = !own->claimed;
    own->claimed = true;
    return first;
}

static void make_room(struct past *past)
{
    struct name_index *index = &past->step_index;
    if (2 * (past->step_count + 1) <= index->slot_count) {
        return;
    }
    free(index->slots);
    index->slot_count = index->slot_count == 0 ? 64 : index->slot_count * 2;
    index->slots = memory_allocate(index->slot_count * sizeof *index->slots);
    for (size_t i = 0; i < past->step_count; i++) {
        *slot_of(past, past->steps[i].id) = i + 1;
    }
}

struct past_step *past_step_of(struct past *past, const char *id)
{
    make_room(past);
    size_t *slot = slot_of(past, id);
    if (*slot == 0) {
        past->steps =
            past_grow(past->steps, sizeof *past->steps, &past->step_count, &past->step_capacity);
        past->steps[past->step_count - 1].id = id;
        *slot = past->step_count;
    }
    return &past->steps[*slot - 1];
}

/* ---- holds */
bool past_same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

struct past_hold *past_hold_of(const struct past *past, const char *step, const char *name,
                               const char *server)
{
    for (size_t i = past->hold_count; i > 0; i--) {
        struct past_hold *hold = &past->holds[i - 1];
        if (strcmp(hold->step, step) == 0 && strcmp(hold->name, name) == 0 &&
            past_same_text(hold->server, server)) {
            return hold;
        }
    }
    return NULL;
}

const struct past_hold *past_find_hold(const struct past *past, const char *step, const char *name,
                                       const char *server)
{
    return past == NULL ? NULL : past_hold_of(past, step, name, server);
}

size_t past_hold_count(const struct past *past)
{
    return past->hold_count;
}

const struct past_hold *past_hold_at(const struct past *past, size_t index)
{
    ASSERT(index < past->hold_count);
    return &past->holds[index];
}

/* Taken again after an interruption it has its value before still, and is another process's now. */
void past_hold_begins(struct past *past, const struct past_hold *hold)
{
    struct past_hold *known = past_hold_of(past, hold->step, hold->name, hold->server);
    if (known == NULL) {
        past->holds =
            past_grow(past->holds, sizeof *past->holds, &past->hold_count, &past->hold_capacity);
        past->holds[past->hold_count - 1] = *hold;
    } else if (hold->process != NULL) {
        known->process = hold->process;
    }
}

void past_hold_ends(struct past *past, const char *step, const char *name, const char *server)
{
    struct past_hold *hold = past_hold_of(past, step, name, server);
    if (hold != NULL) {
        size_t behind = past->hold_count - (size_t)(hold - past->holds) - 1;
        memmove(hold, hold + 1, behind * sizeof *hold);
        past->hold_count--;
    }
}

/* ---- servers */
struct past_server *past_server_of(const struct past *past, const char *name)
{
    for (size_t i = 0; i < past->server_count; i++) {
        if (strcmp(past->servers[i].name, name) == 0) {
            return &past->servers[i];
        }
    }
    return NULL;
}

const struct past_server *past_find_server(const struct past *past, const char *name)
{
    return past == NULL ? NULL : past_server_of(past, name);
}

/* ---- the whole run */
const cJSON *past_header(const struct past *past)
{
    return past->header;
}

const char *past_outcome(const struct past *past)
{
    return past->outcome;
}

const cJSON *past_baseline(const struct past *past)
{
    return past == NULL ? NULL : past->baseline;
}

void past_leader(const struct past *past, struct address *leader, char start_time[32])
{
    struct address address;
    struct error ignored; /* the values are told to whoever leads then */
    const char *text = past_text(past->leader, "leader");
    const char *start = past_text(past->leader, "leader_start");
    if (text != NULL && start != NULL && address_parse(text, &address, &ignored)) {
        *leader = address;
        snprintf(start_time, 32, "%s", start);
    }
}

bool past_changed_anything(const struct past *past)
{
    return past->changed_anything;
}

const char *past_last_time(const struct past *past)
{
    return past->last_time == NULL ? "" : past->last_time;
}
