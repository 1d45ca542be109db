/* tests/fidelity/chance.h - a retelling's state, and what in it was chance.
 *
 * When a periodic thing happens, when a primary notices that a secondary is gone, whom a server
 * asks first, which meta server wins: nobody chose that, and nothing but the trace knows it. So the
 * simulation is given the recorded chance; each one taken counts in `phases`. */
#ifndef PEGFLOW_TESTS_FIDELITY_CHANCE_H
#define PEGFLOW_TESTS_FIDELITY_CHANCE_H

#include "../unit/sim/lab.h"
#include "rows.h"
#include "trace.h"

enum {
    STATES_MAX = 48, /* of one partition */
    STATE_BYTES = 64,
    CHANGES_MAX = 64, /* of who lives, who leads, which level */
    TABLES_MAX = 6,
    REPLICA_SERVERS = 5,
    KILL_DELAY_MS = 30, /* from the order, a program to be started, until the signal */
    POLLED_MS = 60,     /* a state is seen so much after it began */
    START_AGO_MS = 40,  /* a restart's report, since it started the process */
    AGAIN_MS = 100,     /* the tool looks again and sends again what is missing */
};

static const struct model_table table_shapes[TABLES_MAX] = {
    {.app_id = 1, .name = "stat", .partition_count = 4, .max_replica_count = 3, .written = true},
    {.app_id = 2, .name = "temp", .partition_count = 16, .max_replica_count = 3, .written = true},
    {.app_id = 3, .name = "users", .partition_count = 32, .max_replica_count = 3},
    {.app_id = 4, .name = "pair", .partition_count = 8, .max_replica_count = 2},
    {.app_id = 5, .name = "solo", .partition_count = 4, .max_replica_count = 1},
    {.app_id = 6, .name = "big", .partition_count = 256, .max_replica_count = 3},
};

struct state {
    int64_t at_us; /* recorded time; 0: never was */
    char text[STATE_BYTES];
};

struct change_of {
    int64_t at_us;
    int32_t value;
};

struct changes {
    struct change_of items[CHANGES_MAX];
    int32_t count;
};

struct retelling {
    const struct fidelity_row *row;
    struct trace *trace;
    struct lab lab;
    struct model_table tables[TABLES_MAX];
    int32_t placements[TABLES_MAX][256 * 3];
    int64_t shift_us; /* simulated time minus recorded time */
    int32_t subject;  /* the replica server that is drained */
    int32_t phases;   /* taken from the trace */
    int32_t starts;   /* of replica servers */
    enum stage stages[REPLICA_SERVERS];
    int32_t metas[3]; /* which simulated meta server plays the recorded one */
    int32_t operations;
    int32_t refusals; /* replies that differ from the recorded ones */
    char first_refusal[160];
    int64_t *first_ballots;
    int64_t *ballots; /* as they were last seen */
    struct state (*states)[STATES_MAX];
    int64_t *away_since_us;
    int64_t *longest_away_us;
    struct changes nodes[REPLICA_SERVERS];
    struct changes leaders;
    struct changes levels;
};

/* "r3" is server 2, "m1" the first meta server. */
static inline int32_t retelling_server(const struct retelling *retelling, const char *label)
{
    return label[0] == 'r'   ? label[1] - '1'
           : label[0] == 'm' ? retelling->metas[label[1] - '1']
                             : NO_SERVER;
}

/* ---- phases and chances that only the trace knows */

struct retiming {
    const struct retelling *retelling;
    enum event_kind kind;
    int32_t server;
    int64_t killed_us; /* recorded time */
    int64_t dead_us;   /* ... of the server's death as the meta saw it */
};

static inline int event_order(const void *a, const void *b)
{
    uint64_t left = ((const struct event *)a)->sequence;
    uint64_t right = ((const struct event *)b)->sequence;
    return (left > right) - (left < right);
}

typedef bool retime_event(const struct retiming *retiming, struct event *event);

/* Gives events that are still to come other times; returns how many. */
static inline int32_t retime(struct sim *sim, const struct retiming *retiming, retime_event *change)
{
    struct event_queue old = sim->queue;
    int32_t changed = 0;
    sim->queue = (struct event_queue){0};
    qsort(old.heap, old.count, sizeof old.heap[0], event_order);
    for (size_t i = 0; i < old.count; i++) {
        struct event event = old.heap[i];
        changed += change(retiming, &event);
        events_add(&sim->queue, event);
    }
    events_clear(&old);
    return changed;
}

/* What comes in periods comes when it came: the first time that is not before now. */
static inline bool retime_phase(const struct retiming *retiming, struct event *event)
{
    const struct retelling *retelling = retiming->retelling;
    for (int32_t i = 0; i < PHASES_MAX; i++) {
        const struct phase *phase = &retelling->row->phases[i];
        int64_t period_us = phase->period_ms * US_PER_MS;
        if (period_us == 0 || event->kind != phase->kind ||
            (phase->server > 0 && event->server != phase->server - 1)) {
            continue;
        }
        int64_t ahead_us =
            retelling->shift_us + phase->at_ms * US_PER_MS - retelling->lab.sim->now_us;
        event->at_us = retelling->lab.sim->now_us + (ahead_us % period_us + period_us) % period_us;
        return true;
    }
    return false;
}

static inline void take_phases(struct retelling *retelling)
{
    struct retiming retiming = {.retelling = retelling};
    retelling->phases += 1 + retime(retelling->lab.sim, &retiming, retime_phase);
}

/* Replicas of earlier times on a server's disk: they are loaded at each start. */
static inline void take_leftovers(struct retelling *retelling)
{
    struct sim *sim = retelling->lab.sim;
    int32_t server = retelling->row->leftovers.server - 1;
    int32_t wanted = retelling->row->leftovers.count;
    for (int32_t i = 0; i < sim->partition_count && wanted > 0; i++) {
        if (partition_replica(sim, &sim->partitions[i], server) == NULL) {
            world_add_replica(sim, i, server);
            wanted--;
        }
    }
}

static inline bool has_label(const struct trace_line *line, int32_t server)
{
    char label[16];
    const cJSON *item;
    snprintf(label, sizeof label, "r%d", server + 1);
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(line->json, "secondaries"))
    {
        if (strcmp(cJSON_GetStringValue(item), label) == 0) {
            return true;
        }
    }
    return strcmp(line_string(line, "primary"), label) == 0;
}

/* How many were dropped before it: two can leave between two polls. */
static inline int32_t drop_rank(const struct trace_line *line, int32_t server)
{
    int32_t rank = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(line->json, "drops"))
    {
        if (cJSON_GetStringValue(item)[1] - '1' == server) {
            return rank;
        }
        rank++;
    }
    return 0;
}

/* When a primary notices that a secondary's server died is chance: the phase of its group check, or
 * what a write of that moment came to. The recorded system's chance is repeated. */
static inline bool retime_notice(const struct retiming *retiming, struct event *event)
{
    const struct retelling *retelling = retiming->retelling;
    const struct sim *sim = retelling->lab.sim;
    if (event->kind != EVENT_MEMBER_FAILED || event->node != retiming->server) {
        return false;
    }
    struct gpid gpid = sim->partitions[event->partition].gpid;
    event->at_us = INT64_MAX / 2; /* its death as the meta sees it comes first */
    for (int32_t i = 0; i < retelling->trace->count; i++) {
        const struct trace_line *line = &retelling->trace->lines[i];
        if (!line_is(line, "partition") || line->at_us < retiming->killed_us) {
            continue;
        }
        struct gpid pid = line_pid(line);
        if (pid.app_id != gpid.app_id || pid.partition != gpid.partition ||
            has_label(line, retiming->server)) {
            continue;
        }
        int64_t at_us = line->at_us - POLLED_MS * US_PER_MS + retelling->shift_us +
                        drop_rank(line, retiming->server) * 10 * US_PER_MS;
        if (line->at_us < retiming->dead_us) {
            event->at_us = at_us > sim->now_us ? at_us : sim->now_us;
        }
        return true;
    }
    return true;
}

static inline void take_notices(struct retelling *retelling, int32_t server, int64_t killed_us)
{
    struct retiming retiming = {.retelling = retelling, .server = server, .killed_us = killed_us};
    char label[16];
    snprintf(label, sizeof label, "r%d", server + 1);
    retiming.dead_us = INT64_MAX;
    for (int32_t i = 0; i < retelling->trace->count; i++) {
        const struct trace_line *line = &retelling->trace->lines[i];
        if (line_is(line, "nodes") && line->at_us > killed_us &&
            strcmp(line_string(line, label), "dead") == 0) {
            retiming.dead_us = line->at_us;
            break;
        }
    }
    retelling->phases += retime(retelling->lab.sim, &retiming, retime_notice);
}

/* Which meta server wins is chance as well: from then on the winner plays the recorded one. */
static inline void take_leader(struct retelling *retelling, const struct trace_line *line)
{
    const char *leader = line == NULL ? "" : line_string(line, "leader");
    const struct leader *simulated = &retelling->lab.sim->leader;
    if (leader[0] != 'm' || simulated->meta == NO_SERVER) {
        return;
    }
    int32_t recorded = leader[1] - '1';
    for (int32_t i = 0; i < retelling->lab.model.meta_count; i++) {
        if (retelling->metas[i] == simulated->meta) {
            retelling->metas[i] = retelling->metas[recorded];
            retelling->metas[recorded] = simulated->meta;
            return;
        }
    }
}

static inline bool ignore_upgrade(const struct retiming *retiming, struct event *event)
{
    bool ignored = event->kind == EVENT_PROPOSAL && event->server == retiming->server &&
                   event->type == CT_UPGRADE_TO_PRIMARY;
    if (ignored) {
        event->type = CT_ASSIGN_PRIMARY; /* with an old ballot: void */
        event->value = -1;
    }
    return ignored;
}

static inline void be_deaf(struct retelling *retelling)
{
    struct sim *sim = retelling->lab.sim;
    const struct fidelity_row *row = retelling->row;
    int64_t at_us = sim->now_us - retelling->shift_us;
    if (row->deaf.server > 0 && at_us >= row->deaf.from_ms * US_PER_MS &&
        at_us < row->deaf.to_ms * US_PER_MS) {
        struct retiming retiming = {.retelling = retelling, .server = row->deaf.server - 1};
        retelling->phases += retime(sim, &retiming, ignore_upgrade);
    }
}

/* Whom a server that has just loaded asks first is chance; on 2.5 a wrong guess costs 3 s. */
static inline void take_guess(struct retelling *retelling, int32_t index)
{
    struct sim *sim = retelling->lab.sim;
    struct server *server = &sim->servers[index];
    enum stage before = retelling->stages[index];
    retelling->stages[index] = server->stage;
    if (server->stage != STAGE_READY || before == STAGE_READY) {
        return;
    }
    const char *guesses = retelling->row->guesses == NULL ? "" : retelling->row->guesses;
    bool known = (size_t)retelling->starts < strlen(guesses);
    bool right = !known || guesses[retelling->starts] == 'R';
    int32_t other =
        sim->leader.meta == retelling->lab.m1 ? retelling->lab.m1 + 1 : retelling->lab.m1;
    if (sim->leader.meta != NO_SERVER) {
        server->guess = (int16_t)(right ? sim->leader.meta : other);
    }
    retelling->starts++;
    retelling->phases++;
}

#endif
