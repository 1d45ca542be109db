#include "sim/sim_state.h"

/* Facts: reference behaviour 5.2 (replica side), 16.3 (meta side). */

enum {
    UPDATE_TIMEOUT_US = 5 * 1000 * 1000,
    REFUSED_US = 5 * 1000, /* until a refused connection is a failed group check */
};

/* ---- the replica's side */

static void send_request(struct sim *sim, const struct replica *replica)
{
    struct event event = sim_event(sim, EVENT_UPDATE_ARRIVE, replica->server);
    event.partition = replica->partition;
    event.value = replica->request.ballot;
    sim_schedule(sim, sim->model.timings.rpc_latency_us, event);
}

void reconfig_begin(struct sim *sim, struct replica *replica, enum config_type type, int32_t node)
{
    struct partition *partition = &sim->partitions[replica->partition];
    if (replica->place == PLACE_OPEN) {
        replica->status = REPLICA_INACTIVE;
        replica->transient = true;
    }
    replica->to_meta = true;
    replica->request = (struct change){(uint8_t)type, (int16_t)node, replica->ballot + 1};
    account_update(sim, partition);
    send_request(sim, replica);
}

static void retry_later(struct sim *sim, int32_t partition, int32_t server, int64_t delay_us)
{
    struct event event = sim_event(sim, EVENT_UPDATE_RETRY, server);
    event.partition = partition;
    sim_schedule(sim, delay_us + sim->model.timings.update_retry_us, event);
}

void reconfig_leader_lost(struct sim *sim, int32_t partition, int32_t from)
{
    if (from != NO_SERVER) {
        retry_later(sim, partition, from, sim->model.timings.rpc_latency_us);
    }
}

/* The new primary's group check tells the members at once, and finds those that are gone. */
static void tell_members(struct sim *sim, const struct partition *partition)
{
    for (int32_t i = 0; i < partition->secondary_count; i++) {
        int32_t node = partition->secondaries[i];
        struct replica *replica = partition_replica(sim, partition, node);
        if (replica != NULL && replica->place == PLACE_OPEN && !replica->to_meta &&
            sim->servers[node].link == LINK_UP) {
            replica->status = REPLICA_SECONDARY;
            replica->ballot = partition->ballot;
            replica->restarted = false;
        } else if (sim->servers[node].stage == STAGE_DOWN) {
            struct event event = sim_event(sim, EVENT_MEMBER_FAILED, partition->primary);
            event.partition = partition_index(sim, partition);
            event.node = (int16_t)node;
            sim_schedule(sim, REFUSED_US, event);
        }
    }
}

void reconfig_adopt(struct sim *sim, struct replica *replica)
{
    struct partition *partition = &sim->partitions[replica->partition];
    replica->to_meta = false;
    replica->ballot = partition->ballot;
    bool is_primary = partition->primary == replica->server;
    bool is_member = is_primary || partition_has_secondary(partition, replica->server);
    if (replica->place != PLACE_OPEN) {
        if (is_primary) { /* it failed while the change was under way */
            reconfig_begin(sim, replica, CT_DOWNGRADE_TO_INACTIVE, replica->server);
        }
        return;
    }
    replica->transient = is_member;
    if (!is_member || sim->servers[replica->server].link == LINK_LOST) {
        replica->status = REPLICA_INACTIVE;
    } else if (is_primary) {
        replica->status = REPLICA_PRIMARY;
        tell_members(sim, partition);
    } else {
        replica->status = REPLICA_SECONDARY;
    }
    account_update(sim, partition);
    if (replica->status == REPLICA_PRIMARY) {
        learn_continue(sim, replica);
    }
}

static void reply_arrives(struct sim *sim, const struct event *event)
{
    const struct partition *partition = &sim->partitions[event->partition];
    struct replica *replica = partition_replica(sim, partition, event->server);
    if (replica == NULL || !replica->to_meta || replica->request.ballot != event->value) {
        return;
    }
    struct change done = replica->request;
    reconfig_adopt(sim, replica);
    if (done.type == CT_REMOVE && !partition_has_member(partition, done.node)) {
        struct replica *removed = partition_replica(sim, partition, done.node);
        if (removed != NULL && removed->place == PLACE_OPEN) {
            close_later(sim, removed);
        }
    }
}

/* ---- the leader's side */

static void request_arrives(struct sim *sim, const struct event *event)
{
    const struct server *server = &sim->servers[event->server];
    const struct model_timings *timings = &sim->model.timings;
    if (!sim->leader.active || server->guess != sim->leader.meta) {
        retry_later(sim, event->partition, event->server, timings->rpc_latency_us);
        return;
    }
    struct event task = sim_event(sim, EVENT_UPDATE_STATE, sim->leader.meta);
    task.partition = event->partition;
    task.node = event->server;
    task.value = event->value;
    meta_enqueue(sim, timings->state_change_us, task);
}

static void reply(struct sim *sim, int32_t partition, int32_t to, int64_t ballot)
{
    struct event event = sim_event(sim, EVENT_UPDATE_REPLY, to);
    event.partition = partition;
    event.value = ballot;
    sim_schedule(sim, sim->model.timings.rpc_latency_us, event);
}

static void write_record(struct sim *sim, struct partition *partition, struct change change,
                         int32_t from)
{
    partition->pending = true;
    attention_partition(sim, partition);
    partition->change = change;
    partition->change_from = (int16_t)from;
    struct event event = sim_event(sim, EVENT_ZK_DONE, sim->leader.meta);
    event.partition = partition_index(sim, partition);
    event.value = ++partition->change_id;
    sim_schedule(sim, sim->model.timings.zk_write_us, event);
}

static void judge_request(struct sim *sim, const struct event *event)
{
    struct partition *partition = &sim->partitions[event->partition];
    const struct replica *replica = partition_replica(sim, partition, event->node);
    if (replica == NULL || !replica->to_meta || replica->request.ballot != event->value) {
        return; /* who asked has died */
    }
    if (meta_effective_level(sim) <= LEVEL_FREEZED) {
        retry_later(sim, event->partition, event->node, sim->model.timings.rpc_latency_us);
    } else if (partition->pending) {
        retry_later(sim, event->partition, event->node, UPDATE_TIMEOUT_US); /* no reply at all */
    } else if (replica->request.ballot != partition->ballot + 1) {
        reply(sim, event->partition, event->node, event->value); /* with the record as it is */
    } else {
        write_record(sim, partition, replica->request, event->node);
    }
}

void reconfig_drop_primary(struct sim *sim, struct partition *partition)
{
    struct change change = {CT_DOWNGRADE_TO_INACTIVE, partition->primary, partition->ballot + 1};
    if (partition->pending && partition->change_from != NO_SERVER) {
        retry_later(sim, partition_index(sim, partition), partition->change_from,
                    UPDATE_TIMEOUT_US);
    }
    write_record(sim, partition, change, NO_SERVER);
}

/* ---- the record */

static void set_primary(struct sim *sim, struct partition *partition, int32_t node)
{
    struct share *shares = sim->tables[partition->table].shares;
    if (partition->primary != NO_SERVER) {
        sim->servers[partition->primary].primaries--;
        shares[partition->primary].primaries--;
        shares[partition->primary].replicas--;
    }
    partition->primary = (int16_t)node;
    partition->learner_count = 0;
    if (node != NO_SERVER) {
        sim->servers[node].primaries++;
        shares[node].primaries++;
        shares[node].replicas++;
    }
}

static void add_secondary(struct sim *sim, struct partition *partition, int32_t node)
{
    ASSERT(partition->secondary_count < SECONDARY_MAX);
    partition->secondaries[partition->secondary_count++] = (int16_t)node;
    sim->servers[node].secondaries++;
    sim->tables[partition->table].shares[node].replicas++;
}

static void remove_secondary(struct sim *sim, struct partition *partition, int32_t node)
{
    int32_t kept = 0;
    for (int32_t i = 0; i < partition->secondary_count; i++) {
        if (partition->secondaries[i] != node) {
            partition->secondaries[kept++] = partition->secondaries[i];
        }
    }
    sim->servers[node].secondaries -= partition->secondary_count - kept;
    sim->tables[partition->table].shares[node].replicas -= partition->secondary_count - kept;
    partition->secondary_count = (uint8_t)kept;
}

void reconfig_drop_partition(struct sim *sim, struct partition *partition)
{
    guardian_clear_actions(sim, partition);
    if (partition->pending) {
        partition->pending = false;
        partition->change_id++;
        reconfig_leader_lost(sim, partition_index(sim, partition), partition->change_from);
    }
    set_primary(sim, partition, NO_SERVER);
    while (partition->secondary_count > 0) {
        remove_secondary(sim, partition, partition->secondaries[0]);
    }
    partition->dropped_count = 0;
    partition->ballot++;
    world_note_record(sim, partition);
    account_update(sim, partition);
}

static void remove_last_drop(struct partition *partition, int32_t node)
{
    int32_t kept = 0;
    for (int32_t i = 0; i < partition->last_drop_count; i++) {
        if (partition->last_drops[i] != node) {
            partition->last_drops[kept++] = partition->last_drops[i];
        }
    }
    partition->last_drop_count = (uint8_t)kept;
}

static void note_add(struct sim *sim, struct partition *partition, int32_t node)
{
    remove_last_drop(partition, node);
    guardian_note_add(sim, partition, node);
}

static void note_drop(struct sim *sim, struct partition *partition, int32_t node)
{
    remove_last_drop(partition, node);
    if (partition->last_drop_count == DROP_MAX) {
        remove_last_drop(partition, partition->last_drops[0]);
    }
    partition->last_drops[partition->last_drop_count++] = (int16_t)node;
    guardian_note_drop(sim, partition, node);
}

static void apply_change(struct sim *sim, struct partition *partition, struct change change)
{
    switch ((enum config_type)change.type) {
    case CT_ASSIGN_PRIMARY:
    case CT_UPGRADE_TO_PRIMARY:
        remove_secondary(sim, partition, change.node);
        set_primary(sim, partition, change.node);
        note_add(sim, partition, change.node);
        break;
    case CT_DOWNGRADE_TO_SECONDARY:
        set_primary(sim, partition, NO_SERVER);
        add_secondary(sim, partition, change.node);
        break;
    case CT_DOWNGRADE_TO_INACTIVE:
    case CT_REMOVE:
        if (partition->primary == change.node) {
            set_primary(sim, partition, NO_SERVER);
        } else {
            remove_secondary(sim, partition, change.node);
        }
        note_drop(sim, partition, change.node);
        break;
    case CT_UPGRADE_TO_SECONDARY:
        add_secondary(sim, partition, change.node);
        note_add(sim, partition, change.node);
        break;
    case CT_PRIMARY_FORCE_UPDATE_BALLOT:
        break;
    case CT_INVALID:
    case CT_ADD_SECONDARY:
    case CT_ADD_SECONDARY_FOR_LB:
    case CT_DROP_PARTITION:
    case CT_REGISTER_CHILD:
        ASSERT(false);
    }
    ASSERT(change.ballot > partition->ballot);
    partition->ballot = change.ballot;
    partition->last_committed_decree++;
    world_note_record(sim, partition);
}

static void install(struct sim *sim, struct partition *partition)
{
    partition->pending = false;
    apply_change(sim, partition, partition->change);
    account_change(sim, partition);
    if (partition->change_from != NO_SERVER) {
        reply(sim, partition_index(sim, partition), partition->change_from,
              partition->change.ballot);
    }
    /* Whatever change it was: a dying secondary eats a move's first half. */
    guardian_pop_action(sim, partition);
    guardian_cure_one(sim, partition);
}

void reconfig_on_event(struct sim *sim, const struct event *event)
{
    struct partition *partition = &sim->partitions[event->partition];
    bool current = partition->pending && partition->change_id == event->value;
    switch ((enum event_kind)event->kind) {
    case EVENT_UPDATE_ARRIVE:
        request_arrives(sim, event);
        return;
    case EVENT_UPDATE_STATE:
        judge_request(sim, event);
        return;
    case EVENT_ZK_DONE:
        if (current) {
            struct event task = *event;
            task.kind = EVENT_INSTALL;
            meta_enqueue(sim, sim->model.timings.state_change_us, task);
        }
        return;
    case EVENT_INSTALL:
        if (current) {
            install(sim, partition);
        }
        return;
    case EVENT_UPDATE_REPLY:
        reply_arrives(sim, event);
        return;
    case EVENT_UPDATE_RETRY: {
        const struct replica *replica = partition_replica(sim, partition, event->server);
        if (replica != NULL && replica->to_meta) {
            send_request(sim, replica);
        }
        return;
    }
    default:
        ASSERT(false);
    }
}
