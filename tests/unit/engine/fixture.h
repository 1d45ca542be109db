/* Hand-made evidence for the pure functions of engine/: five servers, tables of one's choice. */
#ifndef PEGFLOW_TESTS_ENGINE_FIXTURE_H
#define PEGFLOW_TESTS_ENGINE_FIXTURE_H

#include "engine/condition.h"
#include "engine/guard.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIXTURE_SERVERS = 5, FIXTURE_METAS = 2, FIXTURE_COLLECTORS = 1 };
enum { FIXTURE_SLOTS = FIXTURE_SERVERS + FIXTURE_METAS + FIXTURE_COLLECTORS };

struct fixture {
    struct arena arena;
    struct inventory inventory;
    struct server servers[ROLE_COUNT][FIXTURE_SERVERS];
    struct evidence evidence;
    struct server_evidence server_evidence[FIXTURE_SLOTS];
    struct server_history history[FIXTURE_SLOTS];
    struct condition_context context;
    struct snapshot_table tables[4];
    struct text reason;
    struct error err;
};

static inline struct address fixture_address(enum role role, int32_t index)
{
    static const int base[ROLE_COUNT] = {34601, 34801, 34101};
    return (struct address){0x7f000001, (uint16_t)(base[role] + index), ADDRESS_IPV4};
}

static inline void fixture_open(struct fixture *fixture)
{
    static const int counts[ROLE_COUNT] = {FIXTURE_METAS, FIXTURE_SERVERS, FIXTURE_COLLECTORS};
    memset(fixture, 0, sizeof *fixture);
    for (int role = 0; role < ROLE_COUNT; role++) {
        fixture->inventory.servers[role] = fixture->servers[role];
        fixture->inventory.count[role] = counts[role];
        for (int32_t i = 0; i < counts[role]; i++) {
            char text[ADDRESS_TEXT_BYTES];
            struct address address = fixture_address((enum role)role, i);
            fixture->servers[role][i] = (struct server){
                .role = (enum role)role,
                .index = i,
                .name = arena_copy_string(&fixture->arena, address_format(address, text)),
                .address = address,
            };
        }
    }
    struct evidence *evidence = &fixture->evidence;
    evidence->taken_us = 1000;
    evidence->has_snapshot = true;
    evidence->servers = fixture->server_evidence;
    evidence->server_count = FIXTURE_SLOTS;
    evidence->guard = (struct guard_values){
        .known = true,
        .min_replicas_for_write = 2,
        .min_live_servers = 3,
        .live_percentage = 50,
    };
    for (size_t slot = 0; slot < FIXTURE_SLOTS; slot++) {
        evidence->servers[slot].answered = true;
    }
    snapshot_init(&evidence->snapshot);
    evidence->snapshot.valid = true;
    evidence->snapshot.level = LEVEL_STEADY;
    evidence->snapshot.stored_level = LEVEL_STEADY;
    evidence->snapshot.leader_name = "127.0.0.1:34601";
    evidence->snapshot.cluster_name = "onebox";
    evidence->snapshot.zookeeper_root = "/pegasus/onebox";
    evidence->snapshot.tables = fixture->tables;
    for (int32_t i = 0; i < FIXTURE_SERVERS; i++) {
        struct host_port none = {0};
        int32_t node =
            snapshot_add_node(&evidence->snapshot, fixture_address(ROLE_REPLICA, i), none);
        evidence->snapshot.nodes[node].status = NODE_ALIVE;
    }
    evidence->snapshot.listed_count = FIXTURE_SERVERS;
    fixture->context = (struct condition_context){
        .inventory = &fixture->inventory,
        .history = fixture->history,
        .target_version = "2.6.0",
        .last_change_us = 500,
    };
}

static inline void fixture_close(struct fixture *fixture)
{
    for (size_t slot = 0; slot < FIXTURE_SLOTS; slot++) {
        server_facts_clear(&fixture->server_evidence[slot].facts);
    }
    snapshot_clear(&fixture->evidence.snapshot);
    arena_clear(&fixture->arena);
    text_clear(&fixture->reason);
}

/* A table with one partition per text: "012" has its primary on server 0 and secondaries on 1 and
 * 2;
 * '-' in the first place: no primary. */
static inline void fixture_add_table(struct fixture *fixture, const char *name,
                                     int32_t max_replica_count, const char *const *partitions)
{
    struct snapshot *snapshot = &fixture->evidence.snapshot;
    struct snapshot_table *table = &snapshot->tables[snapshot->table_count++];
    int32_t count = 0;
    while (partitions[count] != NULL) {
        count++;
    }
    *table = (struct snapshot_table){
        .app_id = snapshot->table_count,
        .name = name,
        .status = APP_AVAILABLE,
        .max_replica_count = max_replica_count,
        .partition_count = count,
        .partitions = arena_allocate(&fixture->arena, (size_t)count * sizeof *table->partitions),
    };
    for (int32_t p = 0; p < count; p++) {
        struct snapshot_partition *partition = &table->partitions[p];
        int32_t secondaries = (int32_t)strlen(partitions[p]) - 1;
        int32_t *nodes = arena_allocate(&fixture->arena, ((size_t)secondaries + 1) * sizeof *nodes);
        for (int32_t s = 0; s < secondaries; s++) {
            nodes[s] = partitions[p][s + 1] - '0';
        }
        *partition = (struct snapshot_partition){
            .gpid = {table->app_id, p},
            .max_replica_count = max_replica_count,
            .primary = partitions[p][0] == '-' ? SNAPSHOT_NO_NODE : partitions[p][0] - '0',
            .secondaries = nodes,
            .secondary_count = secondaries,
        };
    }
    snapshot->partition_count += count;
    snapshot_count(snapshot);
}

static inline void fixture_silence(struct fixture *fixture, enum role role, int32_t index)
{
    struct server_evidence *server =
        &fixture
             ->server_evidence[inventory_slot(&fixture->inventory, &fixture->servers[role][index])];
    server->answered = false;
    error_set(&server->error, ERROR_UNREACHABLE, "connection refused");
}

/* It may only be busy: no answer in time. */
static inline void fixture_stall(struct fixture *fixture, enum role role, int32_t index)
{
    struct server_evidence *server =
        &fixture
             ->server_evidence[inventory_slot(&fixture->inventory, &fixture->servers[role][index])];
    server->answered = false;
    error_set(&server->error, ERROR_TIMEOUT, "no answer within 5s");
}

#endif
