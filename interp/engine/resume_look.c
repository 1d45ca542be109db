/* engine/resume_look.c - what was done before an interruption: is it so still?
 *
 * The journal says which servers were updated; the servers say what they run now. One that runs
 * something else was changed by somebody since: a person decides what that means. */
#include "engine/internal.h"

#include <string.h>

static bool was_updated(const struct run *run, const struct server *server)
{
    const struct past_server *past = past_find_server(run->setup.past, server->name);
    return past != NULL && past->action != NULL && strcmp(past->action, "update") == 0 &&
           !past->in_work && server->role != ROLE_COLLECTOR; /* those show no version */
}

/* The servers that ran the target version when their turn was over, and do not now. */
static void find_changed(const struct run *run, const struct evidence *evidence, struct text *out)
{
    const struct inventory *inventory = run->setup.inventory;
    const char *target = run->setup.cluster_file->target_version;
    for (int role = 0; role < ROLE_COUNT; role++) {
        for (int32_t i = 0; i < inventory->count[role]; i++) {
            const struct server *server = &inventory->servers[role][i];
            const struct server_evidence *seen =
                &evidence->servers[inventory_slot(inventory, server)];
            if (was_updated(run, server) && seen->answered &&
                strcmp(seen->facts.version, target) != 0) {
                text_printf(out, "%s%s runs %s", out->length > 0 ? ", " : "", server->name,
                            seen->facts.version);
            }
        }
    }
}

static void looked(void *ctx, const struct evidence *evidence)
{
    struct run *run = ctx;
    struct text changed = {0};
    struct text reason = {0};
    find_changed(run, evidence, &changed);
    if (changed.length > 0 && !run->ending) {
        text_printf(&reason, "updated to %s by this run before it was interrupted, but now %s",
                    run->setup.cluster_file->target_version, text_string(&changed));
        run_pause(run, text_string(&reason));
    }
    text_clear(&changed);
    text_clear(&reason);
    run_begin_steps(run, NULL);
}

void resume_look(struct run *run)
{
    const struct inventory *inventory = run->setup.inventory;
    bool any = false;
    for (int role = 0; run->setup.cluster_file->target_version != NULL && role < ROLE_COUNT;
         role++) {
        for (int32_t i = 0; i < inventory->count[role]; i++) {
            const struct server *server = &inventory->servers[role][i];
            if (was_updated(run, server)) {
                gatherer_needs(run->gatherer)->parts[inventory_slot(inventory, server)] =
                    FACT_VERSION;
                any = true;
            }
        }
    }
    if (any) {
        gatherer_start(run->gatherer, looked, run);
    } else {
        run_begin_steps(run, NULL);
    }
}
