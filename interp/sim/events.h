/* sim/events.h - the simulation's queue of things to come.
 *
 * Floor: sim, private. A binary heap ordered by (time, sequence): two events of the same time
 * happen in the order in which they were added, so that runs repeat exactly (reference behaviour
 * 16.3). No memory is allocated once the heap has reached its largest size. */
#ifndef PEGFLOW_SIM_EVENTS_H
#define PEGFLOW_SIM_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum event_kind {
    /* processes: `server` */
    EVENT_PROCESS_GONE,
    EVENT_PROCESS_START,
    EVENT_PROCESS_BOUND,
    EVENT_PROCESS_SERVING,
    EVENT_SERVER_LOADED,
    /* failure detector and config sync: `server` is the replica server, `node` the meta asked */
    EVENT_BEACON,
    EVENT_BEACON_ARRIVE,
    EVENT_BEACON_ACK,
    EVENT_BEACON_LOST,
    EVENT_LEASE_CHECK,
    EVENT_CONFIG_SYNC,
    EVENT_CONFIG_SYNC_NOW,
    EVENT_CONFIG_SYNC_ARRIVE,
    EVENT_CONFIG_SYNC_REPLY,
    /* the leader: `server` is the meta */
    EVENT_SESSION_END,
    EVENT_STALE_LOCK,
    EVENT_LEADER_LOADED,
    EVENT_GRACE_CHECK,
    EVENT_TICK,
    EVENT_TICK_RUN,
    EVENT_CLEAR_PROPOSALS,
    EVENT_NODE_DEAD,
    EVENT_PRIMARY_DEAD,
    EVENT_UPDATE_STATE,
    EVENT_ZK_DONE,
    EVENT_INSTALL,
    /* a partition's replicas: `server` is where the replica lives */
    EVENT_PROPOSAL,
    EVENT_UPDATE_ARRIVE,
    EVENT_UPDATE_REPLY,
    EVENT_UPDATE_RETRY,
    EVENT_LEARN_START,
    EVENT_LEARN_OPENED,
    EVENT_LEARN_DONE,
    EVENT_LEARN_NOTIFY,
    EVENT_CLOSE_DONE,
    EVENT_MEMBER_FAILED,
    EVENT_KIND_COUNT
};

struct event {
    int64_t at_us;
    uint64_t sequence;    /* given by events_add */
    int64_t value;        /* a ballot, a time, an epoch: by kind */
    int32_t partition;    /* index, or -1 */
    uint32_t incarnation; /* of the process `server`: an event for an earlier one is void */
    int16_t server;
    int16_t node;
    uint8_t kind; /* enum event_kind */
    uint8_t type; /* enum config_type, or enum update_result */
};

struct event_queue {
    struct event *heap;
    size_t count;
    size_t capacity;
    uint64_t next_sequence;
};

void events_clear(struct event_queue *queue);                   /* frees */
void events_add(struct event_queue *queue, struct event event); /* O(log events) */
bool events_take(struct event_queue *queue, int64_t until_us, struct event *out);
int64_t events_next_us(const struct event_queue *queue); /* INT64_MAX: none */

#endif
