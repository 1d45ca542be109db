/* What a plan's holds keep: each value now, and before each hold. */
#include "cli/plan.h"
#include "cli/server_values.h"
#include "engine/target.h"

#include <stdlib.h>
#include <string.h>

static bool same_setting(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static const struct plan_setting *find_setting(const struct plan *plan, const char *name,
                                               const struct server *server)
{
    for (size_t i = 0; i < plan->setting_count; i++) {
        if (plan->settings[i].server == server && same_setting(plan->settings[i].name, name)) {
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
    struct address whose = setting->server == NULL ? (struct address){0} : setting->server->address;
    setting->known = session_read_setting(plan->session, whose, setting->name, &value, &err);
    setting->now = !setting->known     ? "(unreadable)"
                   : value.length == 0 ? "(empty)"
                                       : arena_copy_string(plan->arena, text_string(&value));
    text_clear(&value);
}

/* The arena's arrays do not grow: doubled, the old one stays until the plan ends. */
static void add_setting(struct plan *plan, const char *name, const struct server *server,
                        bool implied)
{
    if (find_setting(plan, name, server) != NULL) {
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
    plan->settings[plan->setting_count] =
        (struct plan_setting){.name = name, .server = server, .implied = implied};
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

static const struct server *servers_of(const struct plan *plan, const struct step *hold,
                                       size_t *count)
{
    return target_hold_servers(&plan->session->inventory, hold, count);
}

static void add_hold(struct plan *plan, const struct step *hold)
{
    size_t count;
    const struct server *servers = servers_of(plan, hold, &count);
    for (size_t i = 0; i < hold->as.hold.setting_count; i++) {
        const char *name = hold->as.hold.settings[i].name;
        if (hold->as.hold.on == TO_LEADER) {
            add_setting(plan, name, NULL, false);
        }
        for (size_t server = 0; server < count; server++) {
            add_setting(plan, name, &servers[server], false);
        }
    }
}

static void add_settings(struct plan *plan, const struct step_list *steps)
{
    for (size_t i = 0; i < steps->count; i++) {
        const struct step *step = steps->items[i];
        if (step->kind == STEP_HOLD) {
            if (step->as.hold.level != 0) {
                add_setting(plan, NULL, NULL, false);
            }
            add_hold(plan, step);
            if (implies_flow_control(step)) {
                add_setting(plan, SETTING_FLOW_CONTROL, NULL, true);
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

static bool is_of(const struct step *hold, const struct server *server)
{
    switch (hold->as.hold.on) {
    case TO_LEADER:
        return server == NULL;
    case TO_METAS:
        return server != NULL && server->role == ROLE_META;
    case TO_REPLICAS:
        return server != NULL && server->role == ROLE_REPLICA;
    case TO_SERVER:
        return server == hold->as.hold.at;
    }
    return false;
}

static const char *value_in(const struct step *hold, const char *name, const struct server *server)
{
    if (name == NULL) {
        return hold->as.hold.level == 0 ? NULL : meta_level_name(hold->as.hold.level);
    }
    for (size_t i = 0; is_of(hold, server) && i < hold->as.hold.setting_count; i++) {
        if (strcmp(hold->as.hold.settings[i].name, name) == 0) {
            return hold->as.hold.settings[i].value;
        }
    }
    return NULL;
}

/* The holds around, and what they are told of. */
struct telling {
    const struct plan *plan;
    const struct step *const *inside;
    size_t inside_count;
    struct text *out;
};

/* What the innermost hold around keeps, else the value now. */
static const char *value_before(const struct telling *telling, const char *name,
                                const struct server *server)
{
    for (size_t i = telling->inside_count; i > 0; i--) {
        const char *value = value_in(telling->inside[i - 1], name, server);
        if (value != NULL) {
            return value;
        }
    }
    const struct plan_setting *setting = find_setting(telling->plan, name, server);
    return setting == NULL ? "(unreadable)" : setting->now;
}

static void write_values(const struct telling *telling, const char *shown, const char *before,
                         const char *value)
{
    const char *separator = telling->out->length > 0 ? ", " : "";
    if (strcmp(before, value) == 0) {
        text_printf(telling->out, "%s%s stays %s", separator, shown, value);
    } else {
        text_printf(telling->out, "%s%s %s -> %s", separator, shown, before, value);
    }
}

static void write_change(const struct telling *telling, const char *name, const char *value)
{
    write_values(telling, name == NULL ? "meta level" : name, value_before(telling, name, NULL),
                 value);
}

/* In the turn of a server its own are "its", so that the turns read alike. */
static const char *place_of(const struct telling *telling, const struct step *hold,
                            const char *name)
{
    const struct server *at = hold->as.hold.at;
    if (hold->as.hold.on == TO_SERVER && at == hold->server) {
        return arena_printf(telling->plan->arena, "its %s", name);
    }
    return arena_printf(telling->plan->arena, "%s of %s", name,
                        hold->as.hold.on == TO_SERVER  ? at->name
                        : hold->as.hold.on == TO_METAS ? "each meta server"
                                                       : "each replica server");
}

static void write_server_change(const struct telling *telling, const struct step *hold,
                                const struct setting_value *setting)
{
    size_t count;
    const struct server *servers = servers_of(telling->plan, hold, &count);
    const char **values = memory_allocate((count + 1) * sizeof *values);
    struct text before = {0};
    for (size_t i = 0; i < count; i++) {
        values[i] = value_before(telling, setting->name, &servers[i]);
    }
    server_values_fold(servers, values, count, &before);
    write_values(telling, place_of(telling, hold, setting->name), text_string(&before),
                 setting->value);
    text_clear(&before);
    free(values);
}

/* Flow control is worth a word only where it is off, and no hold around has turned it on. */
static bool turns_flow_control_on(const struct telling *telling, const struct step *hold)
{
    if (!implies_flow_control(hold)) {
        return false;
    }
    for (size_t i = 0; i < telling->inside_count; i++) {
        if (implies_flow_control(telling->inside[i])) {
            return false;
        }
    }
    return strcmp(value_before(telling, SETTING_FLOW_CONTROL, NULL), "true") != 0;
}

void plan_write_hold(const struct plan *plan, const struct step *hold,
                     const struct step *const *inside, size_t inside_count, struct text *out)
{
    struct text changes = {0};
    const struct telling telling = {plan, inside, inside_count, &changes};
    if (hold->as.hold.level != 0) {
        write_change(&telling, NULL, meta_level_name(hold->as.hold.level));
    }
    for (size_t i = 0; i < hold->as.hold.setting_count; i++) {
        const struct setting_value *setting = &hold->as.hold.settings[i];
        if (hold->as.hold.on == TO_LEADER) {
            write_change(&telling, setting->name, setting->value);
        } else {
            write_server_change(&telling, hold, setting);
        }
    }
    if (turns_flow_control_on(&telling, hold)) {
        write_change(&telling, SETTING_FLOW_CONTROL, "true");
        text_append_string(&changes, " (else the limit has no effect)");
    }
    text_append_string(out, text_string(&changes));
    text_clear(&changes);
}
