/* What the files of a plan share: its lists, its servers, its verdict. */
#include "cli/plan.h"

#include <stdlib.h>
#include <string.h>

/* A list in the arena; a doubled one leaves the old behind. */
static void add_line(struct plan *plan, const char ***list, size_t *count, const char *format,
                     va_list args)
{
    struct text text = {0};
    if ((*count & (*count - 1)) == 0) {
        const char **more =
            arena_allocate(plan->arena, (*count == 0 ? 1 : *count * 2) * sizeof *more);
        if (*count > 0) {
            memcpy(more, *list, *count * sizeof *more);
        }
        *list = more;
    }
    text_append_va(&text, format, args);
    (*list)[(*count)++] = arena_copy_string(plan->arena, text_string(&text));
    text_clear(&text);
}

void plan_refuse(struct plan *plan, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_line(plan, &plan->refusals, &plan->refusal_count, format, args);
    va_end(args);
}

void plan_note(struct plan *plan, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_line(plan, &plan->notes, &plan->note_count, format, args);
    va_end(args);
}

const char *plan_role(enum role role)
{
    static const char *const words[ROLE_COUNT] = {
        [ROLE_META] = "meta server",
        [ROLE_REPLICA] = "replica server",
        [ROLE_COLLECTOR] = "collector",
    };
    return words[role];
}

const struct server_evidence *plan_server(const struct plan *plan, const struct server *server)
{
    return &plan->evidence->servers[inventory_slot(&plan->session->inventory, server)];
}

bool plan_at_target(const struct plan *plan, const struct server *server)
{
    const struct server_evidence *seen = plan_server(plan, server);
    const char *target = plan->session->cluster_file->target_version;
    return seen->answered && target != NULL && strcmp(seen->facts.version, target) == 0;
}

bool plan_look(struct plan *plan, bool keep_leftovers, struct error *err)
{
    plan_read_settings(plan);
    plan_build_rows(plan);
    return plan_judge(plan, keep_leftovers, err);
}

int plan_exit_code(const struct plan *plan)
{
    if (plan->refusal_count > 0) {
        return error_exit_code(ERROR_REFUSED);
    }
    return plan->estimate.made ? plan->estimate.result.exit_code : 0;
}

void plan_clear(struct plan *plan)
{
    free(plan->rows);
    plan->rows = NULL;
    plan->row_count = 0;
    text_clear(&plan->estimate.result.left);
}
