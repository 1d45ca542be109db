/* What a plan's holds keep: each value now, and before each hold. */
#include "cli/plan.h"

#include <string.h>

static bool same_setting(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static const struct plan_setting *find_setting(const struct plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->setting_count; i++) {
        if (same_setting(plan->settings[i].name, name)) {
            return &plan->settings[i];
        }
    }
    return NULL;
}

/* ---- reading them */

static void read_value(struct plan *plan, struct plan_setting *setting)
{
    struct text value = {0};
    struct error err;
    if (setting->name == NULL) {
        const char *level = meta_level_name(plan->session->snapshot.stored_level);
        setting->known = level != NULL;
        setting->now = level == NULL ? "(unreadable)" : level;
        return;
    }
    setting->known = session_read_setting(plan->session, setting->name, &value, &err);
    setting->now = !setting->known     ? "(unreadable)"
                   : value.length == 0 ? "(empty)"
                                       : arena_copy_string(plan->arena, text_string(&value));
    text_clear(&value);
}

/* The arena's arrays do not grow: doubled, the old one stays until the plan ends. */
static void add_setting(struct plan *plan, const char *name, bool implied)
{
    if (find_setting(plan, name) != NULL) {
        return;
    }
    size_t count = plan->setting_count;
    if ((count & (count - 1)) == 0) {
        struct plan_setting *more =
            arena_allocate(plan->arena, (count == 0 ? 1 : count * 2) * sizeof *more);
        if (count > 0) {
            memcpy(more, plan->settings, count * sizeof *more);
        }
        plan->settings = more;
    }
    plan->settings[plan->setting_count] = (struct plan_setting){.name = name, .implied = implied};
    read_value(plan, &plan->settings[plan->setting_count++]);
}

static bool hold_names(const struct step *hold, const char *name)
{
    for (size_t i = 0; i < hold->as.hold.setting_count; i++) {
        if (strcmp(hold->as.hold.settings[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* As the run has it: a limit on re-adding has no effect while flow control is off. */
static bool implies_flow_control(const struct step *hold)
{
    return hold_names(hold, SETTING_ADD_SECONDARY_LIMIT) && !hold_names(hold, SETTING_FLOW_CONTROL);
}

static void add_settings(struct plan *plan, const struct step_list *steps)
{
    for (size_t i = 0; i < steps->count; i++) {
        const struct step *step = steps->items[i];
        if (step->kind == STEP_HOLD) {
            if (step->as.hold.level != 0) {
                add_setting(plan, NULL, false);
            }
            for (size_t s = 0; s < step->as.hold.setting_count; s++) {
                add_setting(plan, step->as.hold.settings[s].name, false);
            }
            if (implies_flow_control(step)) {
                add_setting(plan, SETTING_FLOW_CONTROL, true);
            }
        }
        add_settings(plan, &step->body);
    }
}

void plan_read_settings(struct plan *plan)
{
    add_settings(plan, &plan->workflow->steps);
}

/* ---- telling them */

static const char *value_in(const struct step *hold, const char *name)
{
    if (name == NULL) {
        return hold->as.hold.level == 0 ? NULL : meta_level_name(hold->as.hold.level);
    }
    for (size_t i = 0; i < hold->as.hold.setting_count; i++) {
        if (strcmp(hold->as.hold.settings[i].name, name) == 0) {
            return hold->as.hold.settings[i].value;
        }
    }
    return NULL;
}

/* What the innermost hold around keeps, else the value now. */
static const char *value_before(const struct plan *plan, const char *name,
                                const struct step *const *inside, size_t inside_count)
{
    for (size_t i = inside_count; i > 0; i--) {
        const char *value = value_in(inside[i - 1], name);
        if (value != NULL) {
            return value;
        }
    }
    const struct plan_setting *setting = find_setting(plan, name);
    return setting == NULL ? "(unreadable)" : setting->now;
}

static void write_change(const struct plan *plan, const char *name, const char *value,
                         const struct step *const *inside, size_t inside_count, struct text *out)
{
    const char *before = value_before(plan, name, inside, inside_count);
    const char *separator = out->length > 0 ? ", " : "";
    const char *shown = name == NULL ? "meta level" : name;
    if (strcmp(before, value) == 0) {
        text_printf(out, "%s%s stays %s", separator, shown, value);
    } else {
        text_printf(out, "%s%s %s -> %s", separator, shown, before, value);
    }
}

/* Flow control is worth a word only where it is off, and no hold around has turned it on. */
static bool turns_flow_control_on(const struct plan *plan, const struct step *hold,
                                  const struct step *const *inside, size_t inside_count)
{
    if (!implies_flow_control(hold)) {
        return false;
    }
    for (size_t i = 0; i < inside_count; i++) {
        if (implies_flow_control(inside[i])) {
            return false;
        }
    }
    return strcmp(value_before(plan, SETTING_FLOW_CONTROL, inside, inside_count), "true") != 0;
}

void plan_write_hold(const struct plan *plan, const struct step *hold,
                     const struct step *const *inside, size_t inside_count, struct text *out)
{
    struct text changes = {0};
    if (hold->as.hold.level != 0) {
        write_change(plan, NULL, meta_level_name(hold->as.hold.level), inside, inside_count,
                     &changes);
    }
    for (size_t i = 0; i < hold->as.hold.setting_count; i++) {
        write_change(plan, hold->as.hold.settings[i].name, hold->as.hold.settings[i].value, inside,
                     inside_count, &changes);
    }
    if (turns_flow_control_on(plan, hold, inside, inside_count)) {
        write_change(plan, SETTING_FLOW_CONTROL, "true", inside, inside_count, &changes);
        text_append_string(&changes, " (else the limit has no effect)");
    }
    text_append_string(out, text_string(&changes));
    text_clear(&changes);
}
