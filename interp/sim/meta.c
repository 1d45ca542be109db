#include "sim/sim_state.h"

#include <string.h>

/* Facts: reference behaviour 2.2, 2.4, 2.5, 3.1. */

enum { HELD_RETRY_US = 1000 * 1000, LOAD_PARTITION_US = 100 };

bool meta_is_leader(const struct sim *sim, int32_t server)
{
    return sim->leader.meta == server;
}

bool meta_is_active(const struct sim *sim, int32_t server)
{
    return sim->leader.meta == server && sim->leader.active;
}

/* What ZooKeeper shows: an owner that died stays until its session ends. */
int32_t meta_known_leader(const struct sim *sim)
{
    return sim->lock_count == 0 ? NO_SERVER : sim->locks[0].meta;
}

const struct settings *meta_settings(const struct sim *sim)
{
    ASSERT(sim->leader.meta != NO_SERVER);
    return &sim->servers[sim->leader.meta].settings;
}

static void reset_leader_settings(struct sim *sim, struct settings *settings)
{
    settings->add_secondary_limit = sim->model.add_secondary_limit;
    settings->flow_control = sim->model.flow_control;
    settings->assign_delay_ms = sim->model.assign_delay_ms;
    settings->only_move_primary = false;
    settings->only_primary_balancer = false;
    settings->balancer_in_turn = false;
    memset(settings->black_list, 0, (size_t)sim->model.replica_count);
}

void settings_reset(struct sim *sim, struct settings *settings)
{
    reset_leader_settings(sim, settings);
    settings->live_percentage = sim->model.live_percentage;
    settings->min_live_node_count = sim->model.min_live_node_count;
}

void meta_node_counts(const struct sim *sim, int32_t *alive, int32_t *dead)
{
    *alive = 0;
    *dead = 0;
    for (int32_t i = 0; i < sim->model.replica_count; i++) {
        *alive += sim->servers[i].status == NODE_ALIVE;
        *dead += sim->servers[i].status == NODE_UNALIVE;
    }
}

int32_t meta_effective_level(const struct sim *sim)
{
    int32_t alive;
    int32_t dead;
    int32_t stored = sim->leader.stored_level;
    if (stored <= LEVEL_FREEZED) {
        return stored;
    }
    meta_node_counts(sim, &alive, &dead);
    bool few = alive < meta_settings(sim)->min_live_node_count ||
               (int64_t)alive * 100 < meta_settings(sim)->live_percentage * (alive + dead);
    return few ? LEVEL_FREEZED : stored;
}

void meta_enqueue(struct sim *sim, int64_t service_us, struct event event)
{
    struct leader *leader = &sim->leader;
    if (leader->state_free_us < sim->now_us) {
        leader->state_free_us = sim->now_us;
    }
    leader->state_free_us += service_us;
    event.server = leader->meta;
    event.incarnation = sim->servers[leader->meta].incarnation;
    sim_schedule(sim, leader->state_free_us - sim->now_us, event);
}

void meta_set_level(struct sim *sim, int32_t level)
{
    if (level <= LEVEL_STEADY) {
        struct event event = sim_event(sim, EVENT_CLEAR_PROPOSALS, sim->leader.meta);
        event.value = ++sim->leader.clear_epoch;
        meta_enqueue(sim, 0, event);
    }
    sim->leader.stored_level = level;
}

static void clear_proposals(struct sim *sim, int64_t epoch)
{
    sim->leader.cleared_epoch = epoch;
    for (int32_t i = 0; i < sim->partition_count; i++) {
        struct partition *partition = &sim->partitions[i];
        if (partition->action_count > 0 && partition->action_epoch < epoch) {
            guardian_clear_actions(sim, partition);
        }
    }
}

/* ---- nodes */

void meta_set_status(struct sim *sim, int32_t node, enum node_status status)
{
    sim->standing += sim->servers[node].status != status;
    sim->servers[node].status = status;
}

void meta_note_beacon(struct sim *sim, int32_t node)
{
    sim->servers[node].beacon_us = sim->now_us;
    meta_set_status(sim, node, NODE_ALIVE);
}

static void check_grace(struct sim *sim)
{
    const struct model_timings *timings = &sim->model.timings;
    for (int32_t i = 0; i < sim->model.replica_count; i++) {
        struct server *node = &sim->servers[i];
        if (node->status == NODE_ALIVE && sim->now_us - node->beacon_us > timings->grace_us) {
            meta_set_status(sim, i, NODE_UNALIVE);
            node->reported = false;
            struct event event = sim_event(sim, EVENT_NODE_DEAD, sim->leader.meta);
            event.node = (int16_t)i;
            meta_enqueue(sim, 0, event);
        }
    }
    sim_schedule(sim, timings->fd_check_us, sim_event(sim, EVENT_GRACE_CHECK, sim->leader.meta));
}

static void node_dead(struct sim *sim, int32_t node)
{
    for (int32_t r = sim->servers[node].first_replica; r >= 0;
         r = sim->replicas[r].next_in_server) {
        struct partition *partition = &sim->partitions[sim->replicas[r].partition];
        if (partition->primary == node) {
            struct event event = sim_event(sim, EVENT_PRIMARY_DEAD, sim->leader.meta);
            event.node = (int16_t)node;
            event.partition = sim->replicas[r].partition;
            meta_enqueue(sim, sim->model.timings.state_change_us, event);
        } else if (partition_has_secondary(partition, node)) {
            proposals_send(
                sim, partition,
                (struct action){CT_DOWNGRADE_TO_INACTIVE, partition->primary, (int16_t)node});
        }
    }
}

static void primary_dead(struct sim *sim, const struct event *event)
{
    struct partition *partition = &sim->partitions[event->partition];
    if (partition->primary != event->node) {
        return;
    }
    if (meta_effective_level(sim) <= LEVEL_BLIND) {
        sim_schedule(sim, HELD_RETRY_US, *event);
        return;
    }
    reconfig_drop_primary(sim, partition);
}

/* ---- the lock, and who leads */

static void forget_everything(struct sim *sim)
{
    sim->leader.cleared_epoch = sim->leader.clear_epoch;
    for (int32_t i = 0; i < sim->partition_count; i++) {
        struct partition *partition = &sim->partitions[i];
        guardian_clear_actions(sim, partition);
        partition->dropped_count = 0;
        if (partition->pending) {
            partition->pending = false;
            partition->change_id++;
            reconfig_leader_lost(sim, i, partition->change_from);
        }
    }
    for (int32_t i = 0; i < sim->model.replica_count; i++) {
        meta_set_status(sim, i, NODE_INVALID);
        sim->servers[i].reported = false;
    }
}

static void review_lock(struct sim *sim)
{
    if (sim->lock_count == 0) {
        return;
    }
    const struct lock_entry *owner = &sim->locks[0];
    if (sim->servers[owner->meta].incarnation != owner->incarnation ||
        sim->leader.meta == owner->meta) {
        return;
    }
    sim->leader.meta = owner->meta;
    sim->leader.active = false;
    reset_leader_settings(sim, &sim->servers[owner->meta].settings);
    int64_t load_us = (int64_t)sim->partition_count * LOAD_PARTITION_US;
    if (load_us < sim->model.timings.leader_load_us) {
        load_us = sim->model.timings.leader_load_us;
    }
    sim_schedule(sim, load_us, sim_event(sim, EVENT_LEADER_LOADED, owner->meta));
}

static void leader_loaded(struct sim *sim)
{
    struct leader *leader = &sim->leader;
    const struct model_timings *timings = &sim->model.timings;
    struct settings *settings = &sim->servers[leader->meta].settings;
    leader->active = true;
    leader->stored_level = sim->model.stored_level;
    leader->balance = (struct balance){.unknown = false};
    leader->state_free_us = sim->now_us;
    settings->add_secondary_limit = sim->model.add_secondary_limit;
    settings->flow_control = sim->model.flow_control;
    for (int32_t i = 0; i < sim->model.replica_count; i++) {
        struct server *node = &sim->servers[i];
        if (node->primaries + node->secondaries > 0) {
            meta_note_beacon(sim, i); /* assumed to live, with a fresh grace */
        }
    }
    for (int32_t i = 0; i < sim->partition_count; i++) {
        struct partition *partition = &sim->partitions[i];
        for (int32_t d = 0; d < partition->last_drop_count; d++) {
            guardian_note_drop(sim, partition, partition->last_drops[d]);
        }
    }
    leader->next_tick_us = sim->now_us + timings->first_tick_us;
    sim_schedule(sim, timings->first_tick_us, sim_event(sim, EVENT_TICK, leader->meta));
    sim_schedule(sim, timings->fd_check_us, sim_event(sim, EVENT_GRACE_CHECK, leader->meta));
}

static void remove_locks(struct sim *sim, int32_t meta, uint32_t incarnation, bool this_one)
{
    int32_t kept = 0;
    for (int32_t i = 0; i < sim->lock_count; i++) {
        const struct lock_entry *entry = &sim->locks[i];
        if (entry->meta != meta || (entry->incarnation == incarnation) != this_one) {
            sim->locks[kept++] = *entry;
        }
    }
    sim->lock_count = kept;
    review_lock(sim);
}

void meta_server_up(struct sim *sim, int32_t number)
{
    const struct server *server = &sim->servers[number];
    if (sim->lock_count == sim->lock_capacity) {
        sim->lock_capacity = sim->lock_capacity == 0 ? 8 : sim->lock_capacity * 2;
        sim->locks = memory_resize(sim->locks, (size_t)sim->lock_capacity * sizeof *sim->locks);
    }
    sim->locks[sim->lock_count++] = (struct lock_entry){(int16_t)number, server->incarnation};
    int64_t stale_us = server->started_us + sim->model.timings.stale_lock_us - sim->now_us;
    sim_schedule(sim, stale_us > 0 ? stale_us : 0, sim_event(sim, EVENT_STALE_LOCK, number));
    review_lock(sim);
}

void meta_server_gone(struct sim *sim, int32_t number, uint32_t incarnation)
{
    /* The session lasts from its last heartbeat, which lies back. */
    int64_t third_us = sim->model.timings.zk_session_us / 3;
    int64_t rest_us = (int64_t)rng_below(&sim->rng, (uint64_t)third_us + 1);
    struct event event = sim_event(sim, EVENT_SESSION_END, number);
    event.incarnation = incarnation;
    sim_schedule(sim, 2 * third_us + rest_us, event);
    if (sim->leader.meta == number) {
        forget_everything(sim);
        sim->leader.meta = NO_SERVER;
        sim->leader.active = false;
    }
}

void meta_begin(struct sim *sim)
{
    struct leader *leader = &sim->leader;
    const struct model_timings *timings = &sim->model.timings;
    leader->meta = NO_SERVER;
    for (int32_t i = 0; i < sim->model.meta_count; i++) {
        int32_t number = sim_first_meta(sim) + i;
        settings_reset(sim, &sim->servers[number].settings);
        sim->lock_capacity = sim->model.meta_count;
        sim->locks = memory_resize(sim->locks, (size_t)sim->lock_capacity * sizeof *sim->locks);
        sim->locks[sim->lock_count++] = (struct lock_entry){(int16_t)number, 1};
    }
    leader->meta = sim->locks[0].meta;
    leader->active = true;
    leader->stored_level = sim->model.stored_level;
    for (int32_t i = 0; i < sim->model.replica_count; i++) {
        meta_note_beacon(sim, i);
        sim->servers[i].reported = true;
        for (int32_t m = 0; m < sim->model.meta_count; m++) {
            stability_accepts(sim, sim_first_meta(sim) + m, i); /* they know its start */
        }
    }
    int64_t phase_us = 1 + (int64_t)rng_below(&sim->rng, (uint64_t)timings->tick_us);
    leader->next_tick_us = phase_us;
    sim_schedule(sim, phase_us, sim_event(sim, EVENT_TICK, leader->meta));
    sim_schedule(sim, timings->fd_check_us, sim_event(sim, EVENT_GRACE_CHECK, leader->meta));
}

void meta_on_event(struct sim *sim, const struct event *event)
{
    switch ((enum event_kind)event->kind) {
    case EVENT_SESSION_END:
        remove_locks(sim, event->server, event->incarnation, true);
        return;
    case EVENT_STALE_LOCK:
        remove_locks(sim, event->server, event->incarnation, false);
        return;
    case EVENT_LEADER_LOADED:
        leader_loaded(sim);
        return;
    case EVENT_GRACE_CHECK:
        check_grace(sim);
        return;
    case EVENT_TICK: {
        sim->leader.next_tick_us = sim->now_us + sim->model.timings.tick_us;
        sim_schedule(sim, sim->model.timings.tick_us, sim_event(sim, EVENT_TICK, event->server));
        meta_enqueue(sim, 0, sim_event(sim, EVENT_TICK_RUN, event->server));
        return;
    }
    case EVENT_TICK_RUN:
        guardian_tick(sim);
        return;
    case EVENT_CLEAR_PROPOSALS:
        clear_proposals(sim, event->value);
        return;
    case EVENT_NODE_DEAD:
        if (sim->servers[event->node].status == NODE_UNALIVE) {
            node_dead(sim, event->node);
        }
        return;
    case EVENT_PRIMARY_DEAD:
        primary_dead(sim, event);
        return;
    default:
        ASSERT(false);
    }
}
