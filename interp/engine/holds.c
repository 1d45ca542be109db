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

bool hold_hand_on(struct run *run, struct hold_item *item)
{
    size_t own = 0;
    while (own < run->hold_count && run->holds[own] != item) {
        own++;
    }
    for (size_t i = own + 1; i < run->hold_count; i++) {
        struct hold_item *heir = run->holds[i];
        if (heir->is_level != item->is_level || strcmp(heir->name, item->name) != 0) {
            continue;
        }
        snprintf(heir->before, sizeof heir->before, "%s", item->before);
        cJSON *data = cJSON_CreateObject();
        cJSON_AddStringToObject(data, "name", item->name);
        cJSON_AddStringToObject(data, "value", heir->value);
        cJSON_AddStringToObject(data, "before", heir->before);
        cJSON_AddStringToObject(data, "to", heir->step->id);
        run_emit(run, EVENT_HANDED_ON, item->step, data,
                 "%s stays at %s: '%s' holds it too, and puts it back to %s", item->name,
                 heir->value, heir->step->id, heir->before);
        return true;
    }
    return false;
}

const struct hold_item *hold_in_force(const struct run *run, bool is_level, const char *name)
{
    for (size_t i = run->hold_count; i > 0; i--) {
        const struct hold_item *item = run->holds[i - 1];
        if (item->is_level == is_level && strcmp(item->name, name) == 0) {
            return item;
        }
    }
    return NULL;
}
