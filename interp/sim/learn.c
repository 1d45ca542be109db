#include "sim/sim_state.h"

/* Facts: reference behaviour 6. What a learner lacks is little (LT_CACHE, LT_LOG), unless it has
 * nothing at all: then it copies everything (LT_APP). */

enum {
    /* Seen: 25-35 ms a replica where loading at the start takes 13.5 ms. */
    REOPEN_NUMERATOR = 5,
    REOPEN_DENOMINATOR = 2,
    /* Seen: 25 replicas learned in 4.3 s while 130 others were opened, else 70-100 a second. */
    LOADING_SLOWDOWN = 15,
};

static struct learner *find_learner(struct partition *partition, int32_t node)
{
    for (int32_t i = 0; i < partition->learner_count; i++) {
        if (partition->learners[i].node == node) {
            return &partition->learners[i];
        }
    }
    return NULL;
}

void learn_forget(struct partition *partition, int32_t node)
{
    struct learner *learner = find_learner(partition, node);
    if (learner != NULL) {
        *learner = partition->learners[--partition->learner_count];
    }
}

/* Learners that do not learn, because their server died or never heard of it, are forgotten: a
 * message to them tells. */
static void forget_idle(struct sim *sim, struct partition *partition)
{
    int32_t kept = 0;
    for (int32_t i = 0; i < partition->learner_count; i++) {
        const struct learner *learner = &partition->learners[i];
        const struct replica *replica = partition_replica(sim, partition, learner->node);
        if (replica != NULL && replica->status == REPLICA_POTENTIAL_SECONDARY) {
            partition->learners[kept++] = *learner;
        }
    }
    partition->learner_count = (uint8_t)kept;
}

void learn_add(struct sim *sim, struct replica *primary, int32_t node, bool beyond_factor)
{
    struct partition *partition = &sim->partitions[primary->partition];
    const struct model_table *table = sim->tables[partition->table].model;
    forget_idle(sim, partition);
    /* One place is kept for a primary that steps down. */
    if (node < 0 || partition->secondary_count + partition->learner_count >= SECONDARY_MAX - 1) {
        return;
    }
    const struct learner *known = find_learner(partition, node);
    if (known == NULL) {
        int32_t candidates = partition->secondary_count + partition->learner_count;
        if (!beyond_factor && candidates >= table->max_replica_count - 1) {
            return; /* "enough candidates" */
        }
        partition->learners[partition->learner_count++] = (struct learner){(int16_t)node, false};
    } else if (known->succeeded) {
        learn_continue(sim, primary);
        return;
    }
    struct event event = sim_event(sim, EVENT_LEARN_START, node);
    event.partition = primary->partition;
    event.node = primary->server;
    event.value = primary->ballot;
    sim_schedule(sim, sim->model.timings.rpc_latency_us, event);
}

/* ---- at the learner */

static int64_t take_slot(struct sim *sim, struct server *server, int64_t work_us)
{
    int64_t *slot = &server->learn_free_us[0];
    for (int32_t i = 1; i < LEARN_SLOTS; i++) {
        if (server->learn_free_us[i] < *slot) {
            slot = &server->learn_free_us[i];
        }
    }
    *slot = (*slot > sim->now_us ? *slot : sim->now_us) + work_us;
    return *slot - sim->now_us;
}

static void learn(struct sim *sim, const struct event *event)
{
    int64_t work_us = sim->model.timings.learn_us;
    struct server *server = &sim->servers[event->server];
    struct event done = *event;
    done.kind = EVENT_LEARN_DONE;
    if (server->load_free_us > sim->now_us) {
        work_us *= LOADING_SLOWDOWN;
    }
    sim_schedule(sim, take_slot(sim, server, work_us), done);
}

/* Seen: what is opened comes first; who has been opened learns once nobody waits to be. */
static void open_then_learn(struct sim *sim, const struct event *event)
{
    int64_t *free_us = &sim->servers[event->server].load_free_us;
    int64_t load_us = sim->model.timings.load_us / LOAD_SLOTS;
    *free_us = (*free_us > sim->now_us ? *free_us : sim->now_us) +
               load_us * REOPEN_NUMERATOR / REOPEN_DENOMINATOR;
    struct event opened = *event;
    opened.kind = EVENT_LEARN_OPENED;
    sim_schedule(sim, *free_us - sim->now_us, opened);
}

static void learn_opened(struct sim *sim, const struct event *event)
{
    int64_t free_us = sim->servers[event->server].load_free_us;
    if (free_us > sim->now_us) {
        sim_schedule(sim, free_us - sim->now_us, *event);
    } else {
        learn(sim, event);
    }
}

/* NULL: all are taken. */
static int64_t *free_copy_slot(struct sim *sim, struct server *server)
{
    for (int32_t i = 0; i < COPY_SLOTS; i++) {
        if (server->copy_free_us[i] <= sim->now_us) {
            return &server->copy_free_us[i];
        }
    }
    return NULL;
}

static void learn_start(struct sim *sim, const struct event *event)
{
    struct server *server = &sim->servers[event->server];
    const struct model_timings *timings = &sim->model.timings;
    struct replica *replica =
        partition_replica(sim, &sim->partitions[event->partition], event->server);
    bool on_disk = false;
    if (server->stage != STAGE_READY || server->link != LINK_UP) {
        return;
    }
    bool is_new = replica == NULL;
    int64_t *copy_free_us = free_copy_slot(sim, server);
    if (is_new) {
        if (copy_free_us == NULL) {
            return; /* enough copies are under way; the meta server repeats it each tick */
        }
        replica = world_add_replica(sim, event->partition, event->server);
    }
    switch ((enum place)replica->place) {
    case PLACE_CLOSED:
    case PLACE_DISK:
        on_disk = true;
        replica_set_place(sim, replica, PLACE_OPENING);
        break;
    case PLACE_OPEN:
        if ((replica->learning && replica->ballot == event->value) || replica->to_meta) {
            return; /* it is under way; for an earlier primary it begins anew */
        }
        break;
    case PLACE_OPENING:
    case PLACE_CLOSING:
        return; /* refused; the meta server repeats it each tick */
    }
    replica->status = REPLICA_POTENTIAL_SECONDARY;
    replica->learning = true;
    replica->to_meta = false;
    replica->restarted = false;
    replica->ballot = event->value;
    replica->opened_us = sim->now_us;
    attention_replica(sim, replica);
    if (is_new) {
        struct event done = *event;
        done.kind = EVENT_LEARN_DONE;
        *copy_free_us = sim->now_us + timings->copy_us;
        sim_schedule(sim, timings->copy_us, done);
    } else if (on_disk) {
        open_then_learn(sim, event);
    } else {
        learn(sim, event);
    }
}

static void learn_done(struct sim *sim, const struct event *event)
{
    struct replica *replica =
        partition_replica(sim, &sim->partitions[event->partition], event->server);
    if (replica->place == PLACE_OPENING) {
        replica_set_place(sim, replica, PLACE_OPEN);
    }
    if (replica->place != PLACE_OPEN || replica->status != REPLICA_POTENTIAL_SECONDARY ||
        replica->ballot != event->value) {
        return;
    }
    replica->learning = false;
    struct event notify = sim_event(sim, EVENT_LEARN_NOTIFY, event->node);
    notify.partition = event->partition;
    notify.node = event->server;
    sim_schedule(sim, sim->model.timings.rpc_latency_us, notify);
}

/* ---- at the primary again */

void learn_continue(struct sim *sim, struct replica *primary)
{
    struct partition *partition = &sim->partitions[primary->partition];
    for (int32_t i = 0; i < partition->learner_count; i++) {
        if (partition->learners[i].succeeded) {
            int32_t node = partition->learners[i].node;
            learn_forget(partition, node);
            reconfig_begin(sim, primary, CT_UPGRADE_TO_SECONDARY, node);
            return;
        }
    }
}

static void learn_notify(struct sim *sim, const struct event *event)
{
    struct partition *partition = &sim->partitions[event->partition];
    struct learner *learner = find_learner(partition, event->node);
    struct replica *replica = partition_replica(sim, partition, event->server);
    if (learner == NULL || replica == NULL || partition->primary != event->server) {
        return;
    }
    learner->succeeded = true;
    if (replica->status == REPLICA_PRIMARY) {
        learn_continue(sim, replica);
    }
}

void learn_on_event(struct sim *sim, const struct event *event)
{
    switch ((enum event_kind)event->kind) {
    case EVENT_LEARN_START:
        learn_start(sim, event);
        return;
    case EVENT_LEARN_OPENED:
        learn_opened(sim, event);
        return;
    case EVENT_LEARN_DONE:
        learn_done(sim, event);
        return;
    case EVENT_LEARN_NOTIFY:
        learn_notify(sim, event);
        return;
    default:
        ASSERT(false);
    }
}
