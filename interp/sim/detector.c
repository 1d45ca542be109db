#include "sim/sim_state.h"

/* Facts: reference behaviour 2.1, 4.6. */

enum { INACTIVE_KEPT_US = 600 * 1000 * 1000 }; /* gc_memory_replica_interval_ms */

static int64_t at_most_one_second(int64_t interval_us)
{
    return interval_us / 3 < 1000000 ? interval_us / 3 : 1000000;
}

void detector_begin(struct sim *sim, int32_t number, bool warm)
{
    const struct model_timings *timings = &sim->model.timings;
    struct server *server = &sim->servers[number];
    int64_t beacon_us = 1000;
    int64_t check_us = timings->fd_check_us;
    int64_t sync_us = timings->config_sync_us;
    if (warm) {
        beacon_us = (int64_t)rng_below(&sim->rng, (uint64_t)timings->beacon_us);
        check_us = (int64_t)rng_below(&sim->rng, (uint64_t)check_us);
        sync_us = (int64_t)rng_below(&sim->rng, (uint64_t)sync_us);
        server->link = LINK_UP;
        server->guess = (int16_t)sim->leader.meta;
        server->acked_send_us = beacon_us - timings->beacon_us;
    } else {
        server->link = LINK_LOST;
        server->guess = (int16_t)(sim_first_meta(sim) +
                                  (int32_t)rng_below(&sim->rng, (uint64_t)sim->model.meta_count));
    }
    sim_schedule(sim, beacon_us, sim_event(sim, EVENT_BEACON, number));
    sim_schedule(sim, check_us, sim_event(sim, EVENT_LEASE_CHECK, number));
    sim_schedule(sim, sync_us, sim_event(sim, EVENT_CONFIG_SYNC, number));
}

/* ---- beacons */

static void guess_next(struct sim *sim, struct server *server)
{
    int32_t first = sim_first_meta(sim);
    server->guess = (int16_t)(first + (server->guess - first + 1) % sim->model.meta_count);
}

static void beacon_arrives(struct sim *sim, const struct event *event)
{
    const struct model_timings *timings = &sim->model.timings;
    int32_t meta = event->node;
    struct event answer = *event;
    bool up = process_is_up(sim, meta);
    if (!up || !stability_accepts(sim, meta, event->server)) {
        bool silent = up || sim->servers[meta].stage == STAGE_BOUND;
        answer.kind = EVENT_BEACON_LOST;
        sim_schedule(sim, silent ? timings->beacon_us * 2 / 3 : timings->rpc_latency_us, answer);
        return;
    }
    answer.kind = EVENT_BEACON_ACK;
    answer.type = meta_is_leader(sim, meta);
    if (answer.type) {
        meta_note_beacon(sim, event->server);
    } else {
        answer.node = (int16_t)meta_known_leader(sim);
    }
    sim_schedule(sim, timings->rpc_latency_us, answer);
}

static void beacon_acknowledged(struct sim *sim, const struct event *event)
{
    const struct model_timings *timings = &sim->model.timings;
    struct server *server = &sim->servers[event->server];
    int64_t delay_us = 0;
    if (event->type) {
        server->acked_send_us = event->value;
        if (server->link == LINK_LOST) {
            server->link = LINK_CONNECTING;
            sim_schedule(sim, 0, sim_event(sim, EVENT_CONFIG_SYNC_NOW, event->server));
        }
        delay_us = event->value + timings->beacon_us - sim->now_us;
    } else if (event->node != NO_SERVER && event->node != server->guess) {
        server->guess = event->node;
        if (sim->model.release == RELEASE_2_5 && server->acked_send_us < server->started_us) {
            /* Seen: a server that has just started goes on after 3 s, where master's do at once. */
            delay_us = timings->beacon_us;
        }
    } else {
        guess_next(sim, server);
        delay_us = at_most_one_second(timings->beacon_us);
    }
    sim_schedule(sim, delay_us > 0 ? delay_us : 0, sim_event(sim, EVENT_BEACON, event->server));
}

static void send_beacon(struct sim *sim, int32_t number)
{
    struct event event = sim_event(sim, EVENT_BEACON_ARRIVE, number);
    event.node = sim->servers[number].guess;
    event.value = sim->now_us;
    sim_schedule(sim, sim->model.timings.rpc_latency_us, event);
}

/* ---- lease */

static void lose_lease(struct sim *sim, struct server *server)
{
    server->link = LINK_LOST;
    for (int32_t r = server->first_replica; r >= 0; r = sim->replicas[r].next_in_server) {
        struct replica *replica = &sim->replicas[r];
        struct partition *partition = &sim->partitions[replica->partition];
        if (replica->place != PLACE_OPEN) {
            continue;
        }
        if (replica->status == REPLICA_PRIMARY || replica->status == REPLICA_SECONDARY) {
            if (replica->status == REPLICA_PRIMARY) {
                partition->learner_count = 0;
            }
            replica->status = REPLICA_INACTIVE;
            replica->transient = true;
            account_update(sim, partition);
        }
    }
}

static void check_lease(struct sim *sim, int32_t number)
{
    const struct model_timings *timings = &sim->model.timings;
    struct server *server = &sim->servers[number];
    if (server->link != LINK_LOST &&
        sim->now_us + timings->fd_check_us - server->acked_send_us > timings->lease_us) {
        lose_lease(sim, server);
    }
    sim_schedule(sim, timings->fd_check_us, sim_event(sim, EVENT_LEASE_CHECK, number));
}

/* ---- config sync */

static void sync_arrives(struct sim *sim, const struct event *event)
{
    /* A leader that still loads answers ERR_SERVICE_NOT_ACTIVE, which is ignored: the next periodic
     * one must do. */
    if (sim->servers[event->server].guess == sim->leader.meta && sim->leader.active) {
        int64_t wait_us = sim->leader.state_free_us - sim->now_us;
        struct event reply = *event;
        reply.kind = EVENT_CONFIG_SYNC_REPLY;
        sim_schedule(sim, (wait_us > 0 ? wait_us : 0) + sim->model.timings.rpc_latency_us, reply);
    }
}

static void sync_replica(struct sim *sim, struct replica *replica)
{
    const struct partition *partition = &sim->partitions[replica->partition];
    bool gone = replica->place == PLACE_CLOSED || replica->place == PLACE_CLOSING;
    if (gone && !replica->to_meta && partition->primary == replica->server) {
        replica->ballot = partition->ballot;
        reconfig_begin(sim, replica, CT_DOWNGRADE_TO_INACTIVE, replica->server);
    }
    if (replica->place != PLACE_OPEN || replica->to_meta) {
        return;
    }
    bool restarted = replica->restarted;
    replica->restarted = false;
    bool inactive = replica->status == REPLICA_INACTIVE;
    if (partition->primary == replica->server) {
        if (inactive && restarted) {
            reconfig_begin(sim, replica, CT_PRIMARY_FORCE_UPDATE_BALLOT, replica->server);
        } else if (inactive) {
            reconfig_adopt(sim, replica);
        }
    } else if (partition_has_secondary(partition, replica->server)) {
        if (inactive || replica->status == REPLICA_POTENTIAL_SECONDARY) {
            reconfig_adopt(sim, replica);
        }
    } else if (replica->status == REPLICA_PRIMARY || replica->status == REPLICA_SECONDARY ||
               (inactive && sim->now_us - replica->opened_us > INACTIVE_KEPT_US)) {
        close_begin(sim, replica);
    }
}

static void sync_replies(struct sim *sim, int32_t number)
{
    struct server *server = &sim->servers[number];
    if (server->link == LINK_LOST) {
        return;
    }
    server->link = LINK_UP;
    server->reported = true;
    attention_visit(sim, number, sync_replica);
}

static void send_sync(struct sim *sim, int32_t number)
{
    if (sim->servers[number].link != LINK_LOST) {
        sim_schedule(sim, sim->model.timings.rpc_latency_us,
                     sim_event(sim, EVENT_CONFIG_SYNC_ARRIVE, number));
    }
}

void detector_on_event(struct sim *sim, const struct event *event)
{
    struct server *server = &sim->servers[event->server];
    switch ((enum event_kind)event->kind) {
    case EVENT_BEACON:
        send_beacon(sim, event->server);
        return;
    case EVENT_BEACON_ARRIVE:
        beacon_arrives(sim, event);
        return;
    case EVENT_BEACON_ACK:
        beacon_acknowledged(sim, event);
        return;
    case EVENT_BEACON_LOST:
        guess_next(sim, server);
        sim_schedule(sim, at_most_one_second(sim->model.timings.beacon_us),
                     sim_event(sim, EVENT_BEACON, event->server));
        return;
    case EVENT_LEASE_CHECK:
        check_lease(sim, event->server);
        return;
    case EVENT_CONFIG_SYNC:
        send_sync(sim, event->server);
        sim_schedule(sim, sim->model.timings.config_sync_us,
                     sim_event(sim, EVENT_CONFIG_SYNC, event->server));
        return;
    case EVENT_CONFIG_SYNC_NOW:
        send_sync(sim, event->server);
        return;
    case EVENT_CONFIG_SYNC_ARRIVE:
        sync_arrives(sim, event);
        return;
    case EVENT_CONFIG_SYNC_REPLY:
        sync_replies(sim, event->server);
        return;
    default:
        ASSERT(false);
    }
}
