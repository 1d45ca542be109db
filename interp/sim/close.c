#include "sim/sim_state.h"

/* Facts: reference behaviour 5.3, 7.5, 12.1. */

enum {
    REMOVED_KEPT_US = 600 * 1000 * 1000, /* an INACTIVE replica closes after 10 minutes */
    SECOND_US = 1000 * 1000,
};

static int64_t take_slot(struct sim *sim, struct server *server)
{
    int64_t *slot = &server->close_free_us[0];
    for (int32_t i = 1; i < CLOSE_SLOTS; i++) {
        if (server->close_free_us[i] < *slot) {
            slot = &server->close_free_us[i];
        }
    }
    *slot = (*slot > sim->now_us ? *slot : sim->now_us) + sim->model.timings.close_us;
    return *slot - sim->now_us;
}

static void schedule_done(struct sim *sim, const struct replica *replica, int64_t delay_us)
{
    struct event event = sim_event(sim, EVENT_CLOSE_DONE, replica->server);
    event.partition = replica->partition;
    sim_schedule(sim, delay_us, event);
}

void close_begin(struct sim *sim, struct replica *replica)
{
    struct partition *partition = &sim->partitions[replica->partition];
    bool was_primary = replica->status == REPLICA_PRIMARY;
    if (replica->status == REPLICA_POTENTIAL_SECONDARY) {
        learn_forget(partition, replica->server);
    }
    replica->status = REPLICA_ERROR;
    replica_set_place(sim, replica, PLACE_CLOSING);
    schedule_done(sim, replica, take_slot(sim, &sim->servers[replica->server]));
    if (was_primary) {
        partition->learner_count = 0;
        reconfig_begin(sim, replica, CT_DOWNGRADE_TO_INACTIVE, replica->server);
    } else if (partition_has_secondary(partition, replica->server)) {
        close_notice(sim, partition, replica->server);
    }
    account_update(sim, partition);
}

void close_later(struct sim *sim, struct replica *replica)
{
    replica->status = REPLICA_INACTIVE;
    replica->transient = false;
    replica_set_place(sim, replica, PLACE_CLOSING);
    schedule_done(sim, replica, REMOVED_KEPT_US);
    account_update(sim, &sim->partitions[replica->partition]);
}

void close_done(struct sim *sim, const struct event *event)
{
    struct replica *replica =
        partition_replica(sim, &sim->partitions[event->partition], event->server);
    ASSERT(replica != NULL && replica->place == PLACE_CLOSING);
    replica_set_place(sim, replica, PLACE_CLOSED);
}

/* ---- a member is gone, and its primary was not told */

static int64_t notice_delay(struct sim *sim, const struct partition *partition)
{
    if (sim->tables[partition->table].model->written) {
        uint64_t chance = rng_below(&sim->rng, 10); /* mostly 1 s, some 2 s, a few at once */
        return chance == 0 ? SECOND_US / 10 : chance == 1 ? 2 * SECOND_US : SECOND_US;
    }
    int64_t group_check_us = sim->model.release == RELEASE_2_5 ? 10 * SECOND_US : 100 * SECOND_US;
    return (int64_t)rng_below(&sim->rng, (uint64_t)group_check_us);
}

void close_notice(struct sim *sim, const struct partition *partition, int32_t member)
{
    if (partition->primary == NO_SERVER) {
        return;
    }
    struct event event = sim_event(sim, EVENT_MEMBER_FAILED, partition->primary);
    event.partition = partition_index(sim, partition);
    event.node = (int16_t)member;
    sim_schedule(sim, notice_delay(sim, partition), event);
}

void close_member_failed(struct sim *sim, const struct event *event)
{
    const struct partition *partition = &sim->partitions[event->partition];
    const struct replica *member = partition_replica(sim, partition, event->node);
    struct replica *primary = partition_replica(sim, partition, event->server);
    if (partition->primary != event->server || !partition_has_secondary(partition, event->node) ||
        replica_is_live(sim, member)) {
        return;
    }
    if (primary->to_meta) {
        sim_schedule(sim, SECOND_US, *event);
    } else if (primary->status == REPLICA_PRIMARY) {
        reconfig_begin(sim, primary, CT_DOWNGRADE_TO_INACTIVE, event->node);
    }
}

/* ---- replica.kill_partition */

const char *close_kill(struct sim *sim, int32_t server, int32_t app_id, int32_t index)
{
    if (app_id >= 0 && index >= 0) {
        const struct partition *partition = world_partition(sim, (struct gpid){app_id, index});
        struct replica *replica =
            partition == NULL ? NULL : partition_replica(sim, partition, server);
        if (replica == NULL || replica->place != PLACE_OPEN) {
            return PEGASUS_OBJECT_NOT_FOUND;
        }
        close_begin(sim, replica);
        return PEGASUS_OK;
    }
    for (int32_t r = sim->servers[server].first_replica; r >= 0;
         r = sim->replicas[r].next_in_server) {
        struct replica *replica = &sim->replicas[r];
        bool chosen = app_id < 0 || sim->partitions[replica->partition].gpid.app_id == app_id;
        if (chosen && replica->place == PLACE_OPEN) {
            close_begin(sim, replica);
        }
    }
    return PEGASUS_OK;
}
