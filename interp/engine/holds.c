/* engine/holds.c - which values are held now. */
#include "engine/internal.h"

#include <stdio.h>
#include <string.h>

void hold_register(struct run *run, struct hold_item *item)
{
    if (run->hold_count == run->hold_capacity) {
        run->hold_capacity = run->hold_capacity == 0 ? 8 : run->hold_capacity * 2;
        run->holds = memory_resize(run->holds, run->hold_capacity * sizeof *run->holds);
    }
    run->holds[run->hold_count++] = item;
}

void hold_unregister(struct run *run, struct hold_item *item)
{
    for (size_t i = 0; i < run->hold_count; i++) {
        if (run->holds[i] == item) {
            memmove(&run->holds[i], &run->holds[i + 1],
                    (run->hold_count - i - 1) * sizeof *run->holds);
            run->hold_count--;
            return;
        }
    }
}

void hold_replace(struct run *run, const struct hold_item *old, struct hold_item *item)
{
    for (size_t i = 0; i < run->hold_count; i++) {
        if (run->holds[i] == old) {
            run->holds[i] = item;
        }
    }
}

bool hold_is_same(const struct hold_item *one, const struct hold_item *other)
{
    return one->is_level == other->is_level && one->server == other->server &&
           strcmp(one->name, other->name) == 0;
}

bool hold_hand_on(struct run *run, struct hold_item *item)
{
    size_t own = 0;
    while (own < run->hold_count && run->holds[own] != item) {
        own++;
    }
    for (size_t i = own + 1; i < run->hold_count; i++) {
        struct hold_item *heir = run->holds[i];
        if (!hold_is_same(heir, item)) {
            continue;
        }
        snprintf(heir->before, sizeof heir->before, "%s", item->before);
        cJSON *data = hold_data(item, heir->value);
        cJSON_AddStringToObject(data, "before", heir->before);
        cJSON_AddStringToObject(data, "to", heir->step->id);
        run_emit(run, EVENT_HANDED_ON, item->step, data,
                 "%s stays at %s: '%s' holds it too, and puts it back to %s", item->name,
                 heir->value, heir->step->id, heir->before);
        return true;
    }
    return false;
}

const struct hold_item *hold_in_force(const struct run *run, const struct hold_item *item)
{
    for (size_t i = run->hold_count; i > 0; i--) {
        if (hold_is_same(run->holds[i - 1], item)) {
            return run->holds[i - 1];
        }
    }
    return NULL;
}

cJSON *hold_data(const struct hold_item *item, const char *value)
{
    cJSON *data = cJSON_CreateObject();
    cJSON_AddStringToObject(data, "name", item->name);
    cJSON_AddStringToObject(data, "value", value);
    if (item->server != NULL) {
        cJSON_AddStringToObject(data, "server", item->server->name);
    }
    return data;
}
