#include "engine/evidence.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t gather_timeout_us = CLUSTER_CALL_TIMEOUT_US;
static const int64_t snapshot_timeout_us =
    3 * CLUSTER_CALL_TIMEOUT_US; /* many tables, one list each */

/* By hand: it is set for each server at each look, and an error is large. */
static void set_not_asked_for(struct error *err)
{
    static const char text[] = "not asked for";
    err->code = ERROR_STEP;
    memcpy(err->text, text, sizeof text);
}

/* One server's call, with the way back from its callback. */
struct server_call {
    struct gatherer *gatherer;
    size_t slot;
    struct operation *operation;
};

enum guard_value { GUARD_MIN_REPLICAS, GUARD_MIN_LIVE, GUARD_PERCENTAGE, GUARD_VALUE_COUNT };
struct guard_call {
    struct gatherer *gatherer;
    enum guard_value which;
    struct operation *operation;
};

struct setting_call {
    struct gatherer *gatherer;
    size_t which;
    struct operation *operation;
};

struct gatherer {
    struct gatherer_pool *pool;
    struct gatherer *previous;
    struct gatherer *next;
    struct needs needs;
    struct evidence evidence;
    struct server_call *calls;
    struct guard_call guard_calls[GUARD_VALUE_COUNT];
    struct setting_call setting_calls[LEFTOVER_SETTING_COUNT];
    struct operation *snapshot_operation;
    struct address guard_server;
    size_t pending;
    bool guard_wanted;
    bool cancelled; /* results of what is pending are dropped */
    bool freed;
    bool restart; /* started anew while cancelled calls were still ending */
    gathered_fn *done;
    void *ctx;
};

size_t inventory_slot_count(const struct inventory *inventory)
{
    size_t count = 0;
    for (int role = 0; role < ROLE_COUNT; role++) {
        count += (size_t)inventory->count[role];
    }
    return count;
}

size_t inventory_slot(const struct inventory *inventory, const struct server *server)
{
    size_t replicas = (size_t)inventory->count[ROLE_REPLICA];
    size_t metas = (size_t)inventory->count[ROLE_META];
    size_t before = server->role == ROLE_REPLICA ? 0
                    : server->role == ROLE_META  ? replicas
                                                 : replicas + metas;
    return before + (size_t)server->index;
}

static const struct server *server_of_slot(const struct inventory *inventory, size_t slot)
{
    static const enum role order[ROLE_COUNT] = {ROLE_REPLICA, ROLE_META, ROLE_COLLECTOR};
    for (int i = 0; i < ROLE_COUNT; i++) {
        size_t count = (size_t)inventory->count[order[i]];
        if (slot < count) {
            return &inventory->servers[order[i]][slot];
        }
        slot -= count;
    }
    return NULL;
}

struct gatherer *gatherer_new(struct gatherer_pool *pool)
{
    struct gatherer *gatherer = memory_allocate(sizeof *gatherer);
    size_t count = inventory_slot_count(pool->inventory);
    gatherer->pool = pool;
    gatherer->next = pool->first;
    if (pool->first != NULL) {
        pool->first->previous = gatherer;
    }
    pool->first = gatherer;
    gatherer->needs.parts = memory_allocate(count * sizeof *gatherer->needs.parts);
    gatherer->calls = memory_allocate(count * sizeof *gatherer->calls);
    gatherer->evidence.servers = memory_allocate(count * sizeof *gatherer->evidence.servers);
    gatherer->evidence.server_count = count;
    snapshot_init(&gatherer->evidence.snapshot);
    for (size_t slot = 0; slot < count; slot++) {
        gatherer->calls[slot] = (struct server_call){.gatherer = gatherer, .slot = slot};
    }
    for (int which = 0; which < GUARD_VALUE_COUNT; which++) {
        gatherer->guard_calls[which] =
            (struct guard_call){.gatherer = gatherer, .which = (enum guard_value)which};
    }
    for (size_t which = 0; which < LEFTOVER_SETTING_COUNT; which++) {
        gatherer->setting_calls[which] =
            (struct setting_call){.gatherer = gatherer, .which = which};
    }
    return gatherer;
}

static void destroy(struct gatherer *gatherer)
{
    if (gatherer->previous != NULL) {
        gatherer->previous->next = gatherer->next;
    } else {
        gatherer->pool->first = gatherer->next;
    }
    if (gatherer->next != NULL) {
        gatherer->next->previous = gatherer->previous;
    }
    for (size_t slot = 0; slot < gatherer->evidence.server_count; slot++) {
        server_facts_clear(&gatherer->evidence.servers[slot].facts);
    }
    snapshot_clear(&gatherer->evidence.snapshot);
    free(gatherer->evidence.servers);
    free(gatherer->calls);
    free(gatherer->needs.parts);
    free(gatherer);
}

void gatherer_pool_clear(struct gatherer_pool *pool)
{
    while (pool->first != NULL) {
        destroy(pool->first);
    }
}

void gatherer_free(struct gatherer *gatherer)
{
    if (gatherer == NULL || gatherer->pool->closed) {
        return;
    }
    gatherer->freed = true;
    gatherer_cancel(gatherer);
    if (gatherer->pending == 0) {
        destroy(gatherer);
    }
}

struct needs *gatherer_needs(struct gatherer *gatherer)
{
    return &gatherer->needs;
}

void gatherer_cancel(struct gatherer *gatherer)
{
    gatherer->restart = false;
    if (gatherer->pending == 0 || gatherer->cancelled) {
        return;
    }
    gatherer->cancelled = true;
    operation_cancel(gatherer->snapshot_operation);
    for (size_t slot = 0; slot < gatherer->evidence.server_count; slot++) {
        operation_cancel(gatherer->calls[slot].operation);
    }
    for (int which = 0; which < GUARD_VALUE_COUNT; which++) {
        operation_cancel(gatherer->guard_calls[which].operation);
    }
    for (size_t which = 0; which < LEFTOVER_SETTING_COUNT; which++) {
        operation_cancel(gatherer->setting_calls[which].operation);
    }
}

static void begin(struct gatherer *gatherer);

static void part_ended(struct gatherer *gatherer)
{
    ASSERT(gatherer->pending > 0);
    if (--gatherer->pending > 0) {
        return;
    }
    if (gatherer->freed) {
        destroy(gatherer);
    } else if (gatherer->restart) {
        begin(gatherer);
    } else if (!gatherer->cancelled) {
        gathered_fn *done = gatherer->done;
        gatherer->done = NULL;
        done(gatherer->ctx, &gatherer->evidence);
    }
}

static void server_read(void *ctx, const struct error *err)
{
    struct server_call *call = ctx;
    struct server_evidence *server = &call->gatherer->evidence.servers[call->slot];
    call->operation = NULL;
    server->answered = err == NULL;
    if (err != NULL) {
        server->error = *err;
    }
    part_ended(call->gatherer);
}

static void guard_value_read(void *ctx, const char *value, const struct error *err)
{
    struct guard_call *call = ctx;
    struct guard_values *values = &call->gatherer->evidence.guard;
    int64_t *const into[GUARD_VALUE_COUNT] = {
        [GUARD_MIN_REPLICAS] = &values->min_replicas_for_write,
        [GUARD_MIN_LIVE] = &values->min_live_servers,
        [GUARD_PERCENTAGE] = &values->live_percentage,
    };
    call->operation = NULL;
    char *end = NULL;
    if (err != NULL) {
        values->known = false;
        values->error = *err;
    } else {
        *into[call->which] = strtoll(value, &end, 10);
        if (end == value || *end != '\0') {
            values->known = false;
            error_set(&values->error, ERROR_REPLY, "'%s' is not a number", value);
        }
    }
    part_ended(call->gatherer);
}

static void read_guard_values(struct gatherer *gatherer)
{
    struct guard_call *calls = gatherer->guard_calls;
    struct address leader = cluster_known_leader(gatherer->pool->reader);
    const struct snapshot *snapshot = &gatherer->evidence.snapshot;
    int32_t node = snapshot_find_node(snapshot, gatherer->guard_server);
    if (node < 0 || snapshot->nodes[node].status != NODE_ALIVE) {
        gatherer->guard_server = leader; /* it cannot answer; the leader has the flag too */
    }
    gatherer->evidence.guard.known = true;
    gatherer->pending += GUARD_VALUE_COUNT;
    calls[GUARD_MIN_REPLICAS].operation = cluster_read_config(
        gatherer->pool->reader, gatherer->guard_server, "mutation_2pc_min_replica_count",
        gather_timeout_us, guard_value_read, &calls[GUARD_MIN_REPLICAS]);
    calls[GUARD_MIN_LIVE].operation =
        cluster_read_config(gatherer->pool->reader, leader, "min_live_node_count_for_unfreeze",
                            gather_timeout_us, guard_value_read, &calls[GUARD_MIN_LIVE]);
    calls[GUARD_PERCENTAGE].operation =
        cluster_read_setting(gatherer->pool->reader, (struct address){0}, SETTING_LIVE_PERCENTAGE,
                             gather_timeout_us, guard_value_read, &calls[GUARD_PERCENTAGE]);
}

static void snapshot_read(void *ctx, const struct error *err)
{
    struct gatherer *gatherer = ctx;
    gatherer->snapshot_operation = NULL;
    gatherer->evidence.has_snapshot = err == NULL;
    if (err != NULL) {
        gatherer->evidence.snapshot_error = *err;
        gatherer->evidence.guard.error = *err;
    } else if (gatherer->guard_wanted && !gatherer->cancelled) {
        read_guard_values(gatherer);
    }
    part_ended(gatherer);
}

static void setting_read(void *ctx, const char *value, const struct error *err)
{
    struct setting_call *call = ctx;
    struct setting_evidence *setting = &call->gatherer->evidence.settings[call->which];
    call->operation = NULL;
    setting->answered = err == NULL && strlen(value) < sizeof setting->value;
    if (setting->answered) {
        snprintf(setting->value, sizeof setting->value, "%s", value);
    } else if (err != NULL) {
        setting->error = *err;
    } else {
        error_set(&setting->error, ERROR_LIMIT, "its value is too long");
    }
    part_ended(call->gatherer);
}

static void read_settings(struct gatherer *gatherer)
{
    for (size_t which = 0; which < LEFTOVER_SETTING_COUNT; which++) {
        struct setting_call *call = &gatherer->setting_calls[which];
        gatherer->pending++;
        call->operation =
            cluster_read_setting(gatherer->pool->reader, (struct address){0},
                                 leftover_settings[which], gather_timeout_us, setting_read, call);
    }
}

static void begin(struct gatherer *gatherer)
{
    struct evidence *evidence = &gatherer->evidence;
    gatherer->cancelled = false;
    gatherer->restart = false;
    gatherer->guard_wanted = gatherer->needs.guard != NULL;
    if (gatherer->guard_wanted) {
        gatherer->guard_server = gatherer->needs.guard->address;
        gatherer->needs.snapshot = true;
    }
    evidence->taken_us = loop_now_us(gatherer->pool->loop);
    evidence->has_snapshot = false;
    evidence->guard = (struct guard_values){0};
    set_not_asked_for(&evidence->snapshot_error);
    gatherer->pending = 1; /* this function */
    if (gatherer->needs.snapshot) {
        gatherer->pending++;
        gatherer->snapshot_operation =
            cluster_read_snapshot(gatherer->pool->reader, &evidence->snapshot, snapshot_timeout_us,
                                  snapshot_read, gatherer);
    }
    for (size_t slot = 0; slot < evidence->server_count; slot++) {
        struct server_evidence *server = &evidence->servers[slot];
        server->answered = false;
        server->wanted = gatherer->needs.parts[slot];
        set_not_asked_for(&server->error);
        if (server->wanted != 0) {
            gatherer->pending++;
            gatherer->calls[slot].operation = cluster_read_server(
                gatherer->pool->reader, server_of_slot(gatherer->pool->inventory, slot)->address,
                server->wanted, &server->facts, gather_timeout_us, server_read,
                &gatherer->calls[slot]);
        }
        gatherer->needs.parts[slot] = 0;
    }
    if (gatherer->needs.settings) {
        read_settings(gatherer);
    }
    gatherer->needs.settings = false;
    gatherer->needs.snapshot = false;
    gatherer->needs.guard = NULL;
    /* At least one part is asked for, so the last one ends in a later turn of the loop. */
    ASSERT(gatherer->pending > 1);
    gatherer->pending--;
}

void gatherer_start(struct gatherer *gatherer, gathered_fn *done, void *ctx)
{
    ASSERT(gatherer->pending == 0 || gatherer->cancelled);
    gatherer->done = done;
    gatherer->ctx = ctx;
    if (gatherer->pending > 0) {
        gatherer->restart = true;
        return;
    }
    begin(gatherer);
}
