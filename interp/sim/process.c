#include "sim/sim_state.h"

#include <stdio.h>
#include <string.h>

bool process_is_up(const struct sim *sim, int32_t server)
{
    return sim->servers[server].stage == STAGE_SERVING || sim->servers[server].stage == STAGE_READY;
}

/* ---- start: reference behaviour 8.2 */

static void begin(struct sim *sim, int32_t number)
{
    struct server *server = &sim->servers[number];
    server->incarnation++;
    server->running = true;
    server->stage = STAGE_DOWN;
    server->started_us = sim->now_us;
    server->counters_us = sim->now_us;
    server->counters = (struct replica_counts){0};
    server->link = LINK_LOST;
    memset(server->close_free_us, 0, sizeof server->close_free_us);
    memset(server->learn_free_us, 0, sizeof server->learn_free_us);
    memset(server->copy_free_us, 0, sizeof server->copy_free_us);
    server->load_free_us = 0;
    server->settings.copy_rate = 0;
    server->settings.send_rate = 0;
    if (server->role == ROLE_META) {
        settings_reset(sim, &server->settings);
        stability_forget(sim, number);
    }
    int64_t start_us = sim->model.timings.start_us;
    sim_schedule(sim, start_us / 6, sim_event(sim, EVENT_PROCESS_BOUND, number));
    sim_schedule(sim, start_us / 3, sim_event(sim, EVENT_PROCESS_SERVING, number));
}

static void serve(struct sim *sim, int32_t number)
{
    struct server *server = &sim->servers[number];
    server->stage = STAGE_SERVING;
    if (server->role == ROLE_META) {
        meta_server_up(sim, number);
    } else if (server->role == ROLE_REPLICA) {
        int64_t replicas = 0;
        int64_t dirty = 0;
        for (int32_t r = server->first_replica; r >= 0; r = sim->replicas[r].next_in_server) {
            replicas++;
            dirty += sim->replicas[r].dirty;
        }
        const struct model_timings *timings = &sim->model.timings;
        int64_t load_us = replicas * timings->load_us / LOAD_SLOTS + dirty * timings->replay_us;
        int64_t delay_us = timings->start_us - timings->start_us / 3 + load_us;
        sim_schedule(sim, delay_us, sim_event(sim, EVENT_SERVER_LOADED, number));
    }
}

static void loaded(struct sim *sim, int32_t number)
{
    struct server *server = &sim->servers[number];
    server->stage = STAGE_READY;
    for (int32_t r = server->first_replica; r >= 0; r = sim->replicas[r].next_in_server) {
        struct replica *replica = &sim->replicas[r];
        replica->status = REPLICA_INACTIVE;
        replica->transient = true;
        replica->restarted = true;
        replica->dirty = false;
        replica->opened_us = sim->now_us;
        replica_set_place(sim, replica, PLACE_OPEN);
        account_update(sim, &sim->partitions[replica->partition]);
    }
    detector_begin(sim, number, false);
}

/* ---- end: no farewell, peers notice by what they miss (8.1) */

static void lose_replica(struct sim *sim, struct replica *replica)
{
    struct partition *partition = &sim->partitions[replica->partition];
    bool open = replica->place == PLACE_OPEN;
    if (partition->primary == replica->server) {
        partition->learner_count = 0;
    }
    if (replica->status == REPLICA_POTENTIAL_SECONDARY) {
        learn_forget(partition, replica->server);
    }
    /* One that was downgraded but not closed has a log too; a clean one got no writes. */
    replica->dirty |=
        (open || replica->place == PLACE_CLOSING) && sim->tables[partition->table].model->written;
    replica->status = REPLICA_INACTIVE;
    replica->to_meta = false;
    replica->learning = false;
    replica_set_place(sim, replica, PLACE_DISK);
    if (open && partition_has_secondary(partition, replica->server)) {
        close_notice(sim, partition, replica->server);
    }
    account_update(sim, partition);
}

void process_end(struct sim *sim, int32_t number)
{
    struct server *server = &sim->servers[number];
    if (!server->running) {
        return;
    }
    uint32_t incarnation = server->incarnation;
    server->running = false;
    server->stage = STAGE_DOWN;
    server->incarnation++;
    if (server->role == ROLE_META) {
        meta_server_gone(sim, number, incarnation);
    } else if (server->role == ROLE_REPLICA) {
        for (int32_t r = server->first_replica; r >= 0; r = sim->replicas[r].next_in_server) {
            lose_replica(sim, &sim->replicas[r]);
        }
    }
}

/* ---- the deployment system's orders */

static void install_and_begin(struct sim *sim, int32_t number)
{
    struct server *server = &sim->servers[number];
    if (server->install && !sim->updates_broken) {
        memcpy(server->version, server->next_version, sizeof server->version);
    }
    server->controlled = false;
    begin(sim, number);
}

static void gone(struct sim *sim, int32_t number)
{
    struct server *server = &sim->servers[number];
    process_end(sim, number);
    if (!server->start_again) {
        server->controlled = false;
    } else if (server->install) {
        sim_schedule(sim, sim->model.timings.install_us,
                     sim_event(sim, EVENT_PROCESS_START, number));
    } else {
        install_and_begin(sim, number);
    }
}

bool process_order(struct sim *sim, int32_t number, enum sim_control what, const char *version,
                   int64_t *done_us, struct error *err)
{
    static const char *const verbs[] = {"stop", "kill", "start", "restart", "update"};
    struct server *server = &sim->servers[number];
    const struct model_timings *timings = &sim->model.timings;
    bool needs_process = what == SIM_STOP || what == SIM_KILL;
    if (needs_process && !server->running) {
        error_set(err, ERROR_REFUSED, "%s: cannot %s what does not run", server->label,
                  verbs[what]);
        return false;
    }
    if (what == SIM_START && server->running) {
        error_set(err, ERROR_REFUSED, "%s: runs already", server->label);
        return false;
    }
    if (what != SIM_KILL && server->controlled) {
        error_set(err, ERROR_REFUSED, "%s: another order is under way", server->label);
        return false;
    }
    if (what == SIM_KILL) {
        process_end(sim, number);
        *done_us = sim->now_us;
        return true;
    }
    server->controlled = true;
    server->start_again = what != SIM_STOP;
    server->install = what == SIM_UPDATE;
    if (server->install) {
        server->updates++;
        snprintf(server->next_version, sizeof server->next_version, "%s",
                 version == NULL ? sim->model.next_version : version);
    }
    int64_t stop_us = server->running ? timings->stop_us : 0;
    sim_schedule(sim, stop_us, sim_event(sim, EVENT_PROCESS_GONE, number));
    *done_us = sim->now_us + stop_us + (server->install ? timings->install_us : 0);
    return true;
}

void process_on_event(struct sim *sim, const struct event *event)
{
    struct server *server = &sim->servers[event->server];
    switch ((enum event_kind)event->kind) {
    case EVENT_PROCESS_GONE:
        gone(sim, event->server);
        return;
    case EVENT_PROCESS_START:
        install_and_begin(sim, event->server);
        return;
    case EVENT_PROCESS_BOUND:
        server->stage = STAGE_BOUND;
        return;
    case EVENT_PROCESS_SERVING:
        serve(sim, event->server);
        return;
    case EVENT_SERVER_LOADED:
        loaded(sim, event->server);
        return;
    default:
        ASSERT(false);
    }
}
