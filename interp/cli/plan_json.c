/* A plan for a program. */
#include "cli/cost_table.h"
#include "cli/plan.h"

#include "pegasus/release.h"

static void add_texts(cJSON *json, const char *member, const char *const *texts, size_t count)
{
    cJSON *list = cJSON_AddArrayToObject(json, member);
    for (size_t i = 0; i < count; i++) {
        cJSON_AddItemToArray(list, cJSON_CreateString(texts[i]));
    }
}

static void add_head(cJSON *json, const struct plan *plan)
{
    const struct session *session = plan->session;
    const char *level = meta_level_name(session->snapshot.stored_level);
    cJSON_AddStringToObject(json, "event", "plan");
    cJSON_AddStringToObject(json, "workflow", plan->workflow->name);
    cJSON_AddStringToObject(json, "file", plan->workflow->file);
    cJSON_AddStringToObject(json, "cluster", session->cluster_file->name);
    cJSON_AddStringToObject(json, "primary_meta_server", session->snapshot.leader_name);
    cJSON_AddStringToObject(json, "meta_level", level == NULL ? "unknown" : level);
    if (session->cluster_file->target_version != NULL) {
        cJSON_AddStringToObject(json, "target", session->cluster_file->target_version);
    }
    cJSON *params = cJSON_AddObjectToObject(json, "params");
    for (size_t i = 0; i < plan->workflow->param_count; i++) {
        cJSON_AddStringToObject(params, plan->workflow->params[i].name,
                                plan->workflow->params[i].value);
    }
}

static void add_servers(cJSON *json, const struct plan *plan)
{
    const struct inventory *inventory = &plan->session->inventory;
    cJSON *list = cJSON_AddArrayToObject(json, "servers");
    for (int role = 0; role < ROLE_COUNT; role++) {
        for (int32_t i = 0; i < inventory->count[role]; i++) {
            const struct server *server = &inventory->servers[role][i];
            const struct server_evidence *seen = plan_server(plan, server);
            cJSON *item = cJSON_CreateObject();
            cJSON_AddStringToObject(item, "role", role_name((enum role)role));
            cJSON_AddStringToObject(item, "name", server->name);
            cJSON_AddBoolToObject(item, "answers", seen->answered);
            if (seen->answered) {
                cJSON_AddStringToObject(item, "version", seen->facts.version);
            }
            cJSON_AddBoolToObject(item, "at_target", plan_at_target(plan, server));
            cJSON_AddItemToArray(list, item);
        }
    }
}

static void add_holds(cJSON *json, const struct plan *plan)
{
    cJSON *list = cJSON_AddArrayToObject(json, "holds");
    for (size_t i = 0; i < plan->setting_count; i++) {
        const struct plan_setting *setting = &plan->settings[i];
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "name", setting->name == NULL ? "meta level" : setting->name);
        if (setting->server != NULL) {
            cJSON_AddStringToObject(item, "server", setting->server->name);
        }
        if (setting->known) {
            cJSON_AddStringToObject(item, "now", setting->now);
        }
        cJSON_AddItemToArray(list, item);
    }
}

static void add_judgement(cJSON *json, const struct plan *plan)
{
    static const char *const answers[] = {
        [ANSWER_NO] = "no", [ANSWER_YES] = "yes", [ANSWER_UNKNOWN] = "unknown"};
    cJSON *requirements = cJSON_AddArrayToObject(json, "requirements");
    for (size_t i = 0; i < plan->requirement_count; i++) {
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "condition", plan->requirements[i].condition->name);
        cJSON_AddBoolToObject(item, "always", plan->requirements[i].always);
        cJSON_AddStringToObject(item, "answer", answers[plan->requirements[i].answer]);
        cJSON_AddStringToObject(item, "text", plan->requirements[i].reason);
        cJSON_AddItemToArray(requirements, item);
    }
    cJSON *costs = cJSON_AddArrayToObject(json, "costs");
    for (size_t i = 0; i < plan->cost_count; i++) {
        cJSON *item = cJSON_CreateObject();
        if (plan->costs[i].table != NULL) {
            cJSON_AddStringToObject(item, "table", plan->costs[i].table);
        } else {
            cJSON_AddBoolToObject(item, "freeze", true);
        }
        cJSON_AddBoolToObject(item, "accepted", plan->costs[i].accepted);
        cJSON_AddStringToObject(item, "text", plan->costs[i].words);
        cJSON_AddItemToArray(costs, item);
    }
}

static void add_steps(cJSON *json, const struct plan *plan)
{
    cJSON *list = cJSON_AddArrayToObject(json, "steps");
    for (int i = 0; i < plan->row_count; i++) {
        const struct plan_row *row = &plan->rows[i];
        cJSON *item = cJSON_CreateObject();
        cJSON_AddNumberToObject(item, "number", i + 1);
        cJSON_AddStringToObject(item, "step", row->step->id);
        cJSON_AddStringToObject(item, "kind", step_kind_name(row->step->kind));
        cJSON_AddNumberToObject(item, "depth", row->depth);
        if (row->nudge) {
            cJSON_AddBoolToObject(item, "nudge", true);
        }
        if (row->rescue) {
            cJSON_AddBoolToObject(item, "rescue", true);
        }
        if (row->step->server != NULL) {
            cJSON_AddStringToObject(item, "server", row->step->server->name);
        }
        cJSON_AddStringToObject(item, "file", row->step->where.file);
        cJSON_AddNumberToObject(item, "line", row->step->where.line);
        cJSON_AddStringToObject(item, "text", row->words);
        if (plan->estimate.made) {
            cJSON_AddNumberToObject(item, "times", row->times);
            event_add_ms(item, "took_ms", row->took_us);
        }
        cJSON_AddItemToArray(list, item);
    }
}

static void add_estimate(cJSON *json, const struct plan *plan)
{
    const struct plan_estimate *estimate = &plan->estimate;
    cJSON *item = cJSON_AddObjectToObject(json, "estimate");
    cJSON_AddBoolToObject(item, "made", estimate->made);
    if (!estimate->made) {
        cJSON_AddStringToObject(item, "why_not", estimate->why_not);
        return;
    }
    cJSON_AddBoolToObject(item, "supposes_accept", estimate->supposes_accept);
    cJSON_AddStringToObject(item, "answered", estimate->answered);
    if (estimate->assumed != NULL) {
        cJSON_AddStringToObject(item, "not_read", estimate->assumed);
    }
    cJSON_AddStringToObject(item, "outcome", run_outcome_name(estimate->result.run.outcome));
    cJSON_AddNumberToObject(item, "exit_code", estimate->result.exit_code);
    event_add_ms(item, "duration_ms", estimate->result.took_us);
    cost_table_add_json(item, &estimate->result.totals);
    cJSON_AddStringToObject(item, "settings_left", text_string(&estimate->result.left));
    cJSON *tables = cJSON_AddArrayToObject(item, "tables");
    for (size_t i = 0; i + 1 < estimate->table_count; i++) {
        cJSON *table = cJSON_CreateObject();
        cJSON_AddStringToObject(table, "name", estimate->tables[i].name);
        cost_table_add_json(table, &estimate->tables[i].totals);
        cJSON_AddItemToArray(tables, table);
    }
}

void plan_print_json(const struct plan *plan, struct text *out)
{
    cJSON *json = cJSON_CreateObject();
    add_head(json, plan);
    add_servers(json, plan);
    add_holds(json, plan);
    add_judgement(json, plan);
    add_steps(json, plan);
    add_estimate(json, plan);
    add_texts(json, "notes", plan->notes, plan->note_count);
    add_texts(json, "refused", plan->refusals, plan->refusal_count);
    cJSON_AddNumberToObject(json, "exit_code", plan_exit_code(plan));
    char *line = cJSON_PrintUnformatted(json);
    ASSERT(line != NULL);
    text_printf(out, "%s\n", line);
    cJSON_free(line);
    cJSON_Delete(json);
}
