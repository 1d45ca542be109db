/* engine/servers.c - what a look tells of replica servers that this run has not in work.
 *
 * One that died ends the run: the cluster is weaker than it was planned on. One that was restarted
 * pauses it: it is there again, but somebody else's hand, or a fault, is at work. */
#include "engine/internal.h"

#include <stdio.h>
#include <string.h>

/* Every look that asks the servers themselves tells when each has started. */
static void check_starts(struct run *run, const struct evidence *evidence)
{
    const struct inventory *inventory = run->setup.inventory;
    for (int32_t i = 0; i < inventory->count[ROLE_REPLICA] && !run->ending; i++) {
        const struct server *server = &inventory->servers[ROLE_REPLICA][i];
        const struct server_evidence *own = &evidence->servers[inventory_slot(inventory, server)];
        struct server_history *history = run_history(run, server);
        if (!own->answered || (own->wanted & FACT_COMMANDS) == 0 || history->in_work) {
            continue;
        }
        const char *started = own->facts.command_start;
        if (history->seen_start[0] != '\0' && strcmp(history->seen_start, started) != 0) {
            char reason[256];
            snprintf(reason, sizeof reason,
                     "the replica server %.60s was restarted by somebody else, or by itself (it "
                     "started at %s, before at %s)",
                     server->name, started, history->seen_start);
            run_pause(run, reason);
        }
        snprintf(history->seen_start, sizeof history->seen_start, "%s", started);
    }
}

void run_check_servers(struct run *run, const struct evidence *evidence)
{
    check_starts(run, evidence);
    const struct inventory *inventory = run->setup.inventory;
    if (!evidence->has_snapshot || run->ending) {
        return;
    }
    for (int32_t i = 0; i < inventory->count[ROLE_REPLICA]; i++) {
        const struct server *server = &inventory->servers[ROLE_REPLICA][i];
        int32_t node = snapshot_find_node(&evidence->snapshot, server->address);
        if (node >= 0 && evidence->snapshot.nodes[node].status == NODE_UNALIVE &&
            !run_history(run, server)->in_work) {
            struct error err;
            error_set(
                &err, ERROR_STEP,
                "the replica server %s died (the primary meta server %s shows it as UNALIVE), "
                "though nothing of this run stopped it",
                server->name, evidence->snapshot.leader_name);
            run_fail(run, &err);
            return;
        }
    }
}
