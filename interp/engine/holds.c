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
    if (item->server != NULL) {
        kept_remember(run, item);
        server_keeper_attend(run, item);
    }
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
        char shown[HOLD_SHOWN_BYTES];
        cJSON *data = hold_data(item, heir->value);
        cJSON_AddStringToObject(data, "before", heir->before);
        cJSON_AddStringToObject(data, "to", heir->step->id);
        run_emit(run, EVENT_HANDED_ON, item->step, data,
                 "%s stays at %s: '%s' holds it too, and puts it back to %s",
                 hold_shown(item, shown), heir->value, heir->step->id, heir->before);
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

void hold_add_process(cJSON *data, const struct hold_item *item)
{
    if (item != NULL && item->process[0] != '\0') {
        cJSON_AddStringToObject(data, "process", item->process);
    }
    if (item != NULL && item->known_configured) {
        cJSON_AddStringToObject(data, "configured", item->configured);
    }
}

cJSON *hold_data(const struct hold_item *item, const char *value)
{
    cJSON *data = cJSON_CreateObject();
    cJSON_AddStringToObject(data, "name", item->name);
    cJSON_AddStringToObject(data, "value", value);
    if (item->server != NULL) {
        cJSON_AddStringToObject(data, "server", item->server->name);
        hold_add_process(data, item);
    }
    return data;
}

void hold_recall(struct hold_item *item, const struct past_hold *past)
{
    snprintf(item->before, sizeof item->before, "%s", past->before);
    item->known_before = true;
    if (past->process != NULL) {
        snprintf(item->process, sizeof item->process, "%s", past->process);
    }
    if (past->configured != NULL) {
        snprintf(item->configured, sizeof item->configured, "%s", past->configured);
        item->known_configured = true;
    }
}

const char *hold_shown(const struct hold_item *item, char buffer[HOLD_SHOWN_BYTES])
{
    snprintf(buffer, HOLD_SHOWN_BYTES, "%s%s%s", item->name, item->server == NULL ? "" : " of ",
             item->server == NULL ? "" : item->server->name);
    return buffer;
}

void hold_set_process(struct run *run, const struct hold_item *item, const char *start)
{
    for (size_t i = 0; i < run->hold_count; i++) {
        if (hold_is_same(run->holds[i], item)) {
            snprintf(run->holds[i]->process, SERVER_START_BYTES, "%s", start);
        }
    }
    kept_set_process(run, item, start);
}

void hold_tell_left(struct run *run, const struct hold_item *item, const char *found)
{
    char shown[HOLD_SHOWN_BYTES];
    cJSON *data = hold_data(item, item->before);
    cJSON_AddStringToObject(data, "found", found);
    run_emit(run, EVENT_NOT_PUT_BACK, item->step, data,
             "%s is left as %s, set by somebody else (before: %s)", hold_shown(item, shown), found,
             item->before);
}

/* What a server that cannot be asked comes back with. */
static void append_prospect(const struct hold_item *item, struct text *out)
{
    if (item->server == NULL) {
        return;
    }
    if (item->known_configured) {
        text_printf(out, "; if it was restarted it begins with %s, as configured",
                    item->configured);
    } else {
        text_append_string(out, "; what it begins with after a restart is not known");
    }
}

bool hold_tell_back(struct run *run, const struct hold_item *item, const struct error *err)
{
    char shown[HOLD_SHOWN_BYTES];
    cJSON *data = hold_data(item, item->before);
    hold_shown(item, shown);
    if (err == NULL) {
        run_emit(run, EVENT_PUT_BACK, item->step, data, "%s is back at %s", shown, item->before);
        return true;
    }
    if (hold_went_with_process(item, err)) {
        run_emit(run, EVENT_PUT_BACK, item->step, data,
                 "%s went with its process, which is down (%s): it begins with %s, as configured, "
                 "which is the value before",
                 shown, err->text, item->configured);
        return true;
    }
    struct text prospect = {0};
    append_prospect(item, &prospect);
    run_emit(run, EVENT_NOT_PUT_BACK, item->step, data, "%s could not be put back to %s: %s%s",
             shown, item->before, err->text, text_string(&prospect));
    text_clear(&prospect);
    return false;
}

bool hold_went_with_process(const struct hold_item *item, const struct error *err)
{
    return item->server != NULL && err->code == ERROR_UNREACHABLE && item->known_configured &&
           strcmp(item->configured, item->before) == 0;
}
