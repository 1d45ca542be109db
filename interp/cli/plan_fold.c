#include "cli/plan_fold.h"

#include <stdio.h>
#include <string.h>

/* ---- ids */

/* The nearest row above that is one server's turn, or PLAN_NO_ROW. */
static int turn_above(const struct plan *plan, int row)
{
    for (int above = plan->rows[row].parent; above != PLAN_NO_ROW;
         above = plan->rows[above].parent) {
        int over = plan->rows[above].parent;
        if (over != PLAN_NO_ROW && plan->rows[over].step->kind == STEP_ROLLING) {
            return above;
        }
    }
    return PLAN_NO_ROW;
}

void plan_fold_id(const struct plan *plan, int row, struct text *out)
{
    const struct step *step = plan->rows[row].step;
    const char *id = step->id;
    int turn = turn_above(plan, row);
    size_t known = turn == PLAN_NO_ROW ? 0 : strlen(plan->rows[turn].step->id);
    text_printf(out, "%*s", 2 * plan->rows[row].depth, "");
    if (plan->rows[row].nudge) {
        text_append_string(out, step->label);
    } else if (known > 0 && strncmp(id, plan->rows[turn].step->id, known) == 0 &&
               id[known] == '/') {
        text_append_string(out, id + known + 1);
    } else {
        text_append_string(out, id);
    }
}

/* ---- turns that are the same */

static void replace_all(struct text *text, const char *word)
{
    struct text out = {0};
    const char *rest = text_string(text);
    size_t length = strlen(word);
    const char *found = length == 0 ? NULL : strstr(rest, word);
    for (; found != NULL; found = strstr(rest, word)) {
        text_append(&out, rest, (size_t)(found - rest));
        text_append_char(&out, '*');
        rest = found + length;
    }
    text_append_string(&out, rest);
    text_clear(text);
    *text = out;
}

static void replace_parts(struct text *text, const char *host_port)
{
    char host[256];
    const char *colon = strrchr(host_port, ':');
    if (colon != NULL && (size_t)(colon - host_port) < sizeof host) {
        snprintf(host, sizeof host, "%.*s", (int)(colon - host_port), host_port);
        replace_all(text, host);
        replace_all(text, colon + 1);
    }
}

/* A row as it is shown, without what is the server's own. */
static void anonymous(const struct plan *plan, int row, const struct server *server,
                      struct text *out)
{
    char address[ADDRESS_TEXT_BYTES];
    plan_fold_id(plan, row, out);
    text_printf(out, "\n%s", plan->rows[row].words);
    address_format(server->address, address);
    replace_all(out, server->name);
    replace_all(out, address);
    replace_parts(out, server->name);
    replace_parts(out, address);
}

static bool same_turn(const struct plan *plan, int a, int b)
{
    const struct server *left = plan->rows[a].step->server;
    const struct server *right = plan->rows[b].step->server;
    int count = plan->rows[a].end - a;
    bool same = left != NULL && right != NULL && plan->rows[b].end - b == count;
    for (int i = 0; same && i < count; i++) {
        struct text first = {0};
        struct text second = {0};
        anonymous(plan, a + i, left, &first);
        anonymous(plan, b + i, right, &second);
        same = plan->rows[a + i].step->kind == plan->rows[b + i].step->kind &&
               strcmp(text_string(&first), text_string(&second)) == 0;
        text_clear(&first);
        text_clear(&second);
    }
    return same;
}

int plan_fold_same(const struct plan *plan, int row)
{
    int parent = plan->rows[row].parent;
    if (parent == PLAN_NO_ROW || plan->rows[parent].step->kind != STEP_ROLLING ||
        row == parent + 1) {
        return 0;
    }
    int before = parent + 1;
    while (plan->rows[before].end != row) {
        before = plan->rows[before].end;
    }
    int count = 0;
    for (; row < plan->rows[parent].end && same_turn(plan, before, row);
         row = plan->rows[row].end) {
        count++;
    }
    return count;
}

/* ---- versions */

static const char *words_for(const struct plan *plan, const struct server *server, bool *usual)
{
    const struct server_evidence *seen = plan_server(plan, server);
    *usual = false;
    if (!seen->answered) {
        return "no answer";
    }
    if (plan_at_target(plan, server)) {
        return "at the target already";
    }
    *usual = true;
    if (seen->facts.version[0] == '\0') {
        return "showing no version";
    }
    return arena_printf(plan->arena, "at %s", seen->facts.version);
}

static struct version_group *find_group(struct version_groups *groups, const char *words)
{
    for (size_t i = 0; i < groups->count; i++) {
        if (strcmp(groups->items[i].words, words) == 0) {
            return &groups->items[i];
        }
    }
    if (groups->count < VERSION_GROUPS_MAX) {
        groups->items[groups->count++] = (struct version_group){.words = words};
    } else {
        groups->items[groups->count - 1].words = "at other versions";
    }
    return &groups->items[groups->count - 1];
}

void plan_fold_versions(const struct plan *plan, enum role role, struct version_groups *out)
{
    const struct inventory *inventory = &plan->session->inventory;
    *out = (struct version_groups){0};
    for (int32_t i = 0; i < inventory->count[role]; i++) {
        const struct server *server = &inventory->servers[role][i];
        bool usual;
        struct version_group *group = find_group(out, words_for(plan, server, &usual));
        group->count++;
        if (!usual) {
            text_printf(&group->names, "%s%s", group->names.length > 0 ? ", " : "", server->name);
        }
    }
}

void plan_fold_clear_versions(struct version_groups *groups)
{
    for (size_t i = 0; i < groups->count; i++) {
        text_clear(&groups->items[i].names);
    }
}

int plan_fold_table_count(const struct plan *plan)
{
    const struct snapshot *snapshot = &plan->session->snapshot;
    int count = 0;
    for (int32_t t = 0; t < snapshot->table_count; t++) {
        count += snapshot->tables[t].partitions != NULL;
    }
    return count;
}
