/* tests/unit/sim/lab.h - a simulated cluster on the bench: short words for what tests do to it. */
#ifndef PEGFLOW_TESTS_SIM_LAB_H
#define PEGFLOW_TESTS_SIM_LAB_H

#include "base/duration.h"
#include "sim/sim_state.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LAB_SERVERS_MAX = 128, R1 = 0, R2 = 1, R3 = 2, R4 = 3, R5 = 4 };
#define LAB_WALL_US (INT64_C(1795445525) * US_PER_SECOND) /* 2026-11-23 14:52:05 */

struct lab {
    struct model model;
    struct sim *sim;
    struct arena arena;
    int32_t m1; /* server number of the first meta */
};

static const struct model_table lab_table_temp = {
    .name = "temp", .partition_count = 16, .max_replica_count = 3};

static inline void lab_model(struct lab *lab, enum release release)
{
    *lab = (struct lab){0};
    model_init(&lab->model, release);
    lab->model.tables = &lab_table_temp;
    lab->model.table_count = 1;
    lab->model.meta_count = 3;
}

static inline void lab_start(struct lab *lab)
{
    struct address addresses[LAB_SERVERS_MAX];
    struct error err;
    ck_assert_msg(model_check(&lab->model, &err), "%s", err.text);
    int32_t count = lab->model.replica_count + lab->model.meta_count + lab->model.collector_count;
    ck_assert_int_le(count, LAB_SERVERS_MAX);
    for (int32_t i = 0; i < count; i++) {
        int32_t port = 34801 + i;
        if (i >= lab->model.replica_count) {
            port = 34601 + i - lab->model.replica_count;
        }
        if (i >= lab->model.replica_count + lab->model.meta_count) {
            port = 34101 + i - lab->model.replica_count - lab->model.meta_count;
        }
        addresses[i] = (struct address){0x7f000001, (uint16_t)port, ADDRESS_IPV4};
    }
    arena_init(&lab->arena);
    lab->sim = sim_new(&lab->model, addresses, LAB_WALL_US);
    lab->m1 = lab->model.replica_count;
}

static inline void lab_open(struct lab *lab, enum release release)
{
    lab_model(lab, release);
    lab_start(lab);
}

static inline void lab_close(struct lab *lab)
{
    struct error err;
    ck_assert_msg(sim_check(lab->sim, &err), "%s", err.text);
    sim_free(lab->sim);
    arena_clear(&lab->arena);
}

/* ---- time: each event is followed by the invariants */

static inline void lab_advance_to(struct lab *lab, int64_t at_us)
{
    struct error err;
    while (sim_next_event_us(lab->sim) <= at_us) {
        sim_advance(lab->sim, sim_next_event_us(lab->sim));
        ck_assert_msg(sim_check(lab->sim, &err), "at %lld us: %s", (long long)lab->sim->now_us,
                      err.text);
    }
    sim_advance(lab->sim, at_us);
}
static inline void lab_wait(struct lab *lab, int64_t us)
{
    lab_advance_to(lab, lab->sim->now_us + us);
}
static inline void lab_wait_ms(struct lab *lab, int64_t ms)
{
    lab_wait(lab, ms * US_PER_MS);
}
/* To so many ms before (negative) or after the leader's next tick. */
static inline int64_t lab_to_tick(struct lab *lab, int64_t offset_ms)
{
    int64_t tick_us = lab->sim->leader.next_tick_us;
    if (tick_us + offset_ms * US_PER_MS < lab->sim->now_us) {
        tick_us += lab->model.timings.tick_us;
    }
    lab_advance_to(lab, tick_us + offset_ms * US_PER_MS);
    return tick_us;
}

/* ---- what is so */

static inline struct partition *lab_partition(struct lab *lab, int32_t app_id, int32_t index)
{
    struct partition *partition = world_partition(lab->sim, (struct gpid){app_id, index});
    ck_assert_ptr_nonnull(partition);
    return partition;
}
static inline int32_t lab_primaries(struct lab *lab, int32_t server)
{
    return lab->sim->servers[server].primaries;
}
static inline int32_t lab_secondaries(struct lab *lab, int32_t server)
{
    return lab->sim->servers[server].secondaries;
}
struct lab_health {
    int32_t unhealthy;
    int32_t write_unhealthy;
    int32_t read_unhealthy;
};
static inline struct lab_health lab_health(struct lab *lab)
{
    struct lab_health health = {0};
    for (int32_t i = 0; i < lab->sim->partition_count; i++) {
        const struct partition *partition = &lab->sim->partitions[i];
        const struct table *table = &lab->sim->tables[partition->table];
        bool has_primary = partition->primary != NO_SERVER;
        int32_t replicas = partition->secondary_count + has_primary;
        bool healthy = has_primary && replicas >= table->model->max_replica_count;
        health.unhealthy += !healthy;
        health.write_unhealthy += !has_primary || (!healthy && replicas < 2);
        health.read_unhealthy += !has_primary;
    }
    return health;
}
static inline int32_t lab_serving_count(struct lab *lab)
{
    int32_t count = 0;
    for (int32_t i = 0; i < lab->sim->partition_count; i++) {
        count += lab->sim->partitions[i].serving != NO_SERVER;
    }
    return count;
}
static inline struct sim_totals lab_totals(struct lab *lab)
{
    struct sim_totals totals;
    sim_totals(lab->sim, &totals);
    return totals;
}

/* ---- what is done */

static inline const char *lab_string(struct lab *lab, struct slice slice)
{
    return arena_copy_bytes(&lab->arena, slice.bytes == NULL ? "" : slice.bytes, slice.length);
}

/* One remote command; `words` are the command and its arguments, separated by blanks. */
static inline const char *lab_command(struct lab *lab, int32_t server, const char *words)
{
    struct slice slices[8];
    struct remote_command_response response;
    uint32_t count = 0;
    char *rest = NULL;
    char *copy = arena_copy_string(&lab->arena, words);
    for (char *word = strtok_r(copy, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        ck_assert_uint_lt(count, 8);
        slices[count++] = slice_of(word);
    }
    struct remote_command_request request = {slices[0], {slices + 1, count - 1}};
    switch (
        sim_request(lab->sim, server, RPC_REMOTE_COMMAND, 0, &request, &lab->arena, &response)) {
    case SIM_ANSWER:
        return lab_string(lab, response.text);
    case SIM_NO_HANDLER:
        return PEGASUS_HANDLER_NOT_FOUND;
    case SIM_NO_REPLY:
        return "no reply";
    case SIM_REFUSED:
        break;
    }
    return "refused";
}

static inline int32_t lab_leader(struct lab *lab)
{
    return lab->sim->leader.active ? lab->sim->leader.meta : NO_SERVER;
}

/* To the leader, whoever it is. */
static inline const char *lab_set(struct lab *lab, const char *words)
{
    return lab_command(lab, lab->sim->leader.meta, words);
}

static inline const char *lab_level(struct lab *lab, int32_t level, int32_t *old_level)
{
    struct control_meta_request request = {level};
    struct control_meta_response response;
    enum sim_answer answer = sim_request(lab->sim, lab->sim->leader.meta, RPC_CONTROL_META, 0,
                                         &request, &lab->arena, &response);
    ck_assert_int_eq(answer, SIM_ANSWER);
    if (old_level != NULL) {
        *old_level = response.old_level;
    }
    return lab_string(lab, response.err);
}

static inline struct wire_action lab_action(struct lab *lab, enum config_type type, int32_t target,
                                            int32_t node)
{
    struct wire_action action = {.type = (int32_t)type};
    bool named = lab->sim->traits->has_host_ports;
    if (target >= 0) {
        action.target = sim_server_address(lab->sim, target);
        action.hp_target =
            (struct host_port){slice_of(lab->model.host_name), action.target.port, ADDRESS_IPV4};
        action.has_hp_target = named;
    }
    if (node >= 0) {
        action.node = sim_server_address(lab->sim, node);
        action.hp_node =
            (struct host_port){slice_of(lab->model.host_name), action.node.port, ADDRESS_IPV4};
        action.has_hp_node = named;
    }
    return action;
}

static inline const char *lab_send(struct lab *lab, int32_t meta, struct gpid gpid,
                                   const struct wire_action *actions, uint32_t count, bool force)
{
    struct propose_request request = {
        .gpid = gpid, .actions = {actions, count}, .force = force, .has_force = force};
    struct propose_response response;
    enum sim_answer answer =
        sim_request(lab->sim, meta, RPC_PROPOSE, 0, &request, &lab->arena, &response);
    if (answer == SIM_NO_REPLY) {
        return "no reply";
    }
    ck_assert_int_eq(answer, SIM_ANSWER);
    return lab_string(lab, response.err);
}

static inline const char *lab_propose(struct lab *lab, const struct partition *partition,
                                      enum config_type type, int32_t target, int32_t node,
                                      bool force)
{
    struct wire_action action = lab_action(lab, type, target, node);
    return lab_send(lab, lab->sim->leader.meta, partition->gpid, &action, 1, force);
}

static inline const char *lab_move(struct lab *lab, const struct partition *partition, int32_t to)
{
    struct wire_action actions[] = {
        lab_action(lab, CT_DOWNGRADE_TO_SECONDARY, partition->primary, partition->primary),
        lab_action(lab, CT_UPGRADE_TO_PRIMARY, to, to),
    };
    return lab_send(lab, lab->sim->leader.meta, partition->gpid, actions, 2, false);
}

/* Moves every primary of the server to the first secondary; returns how many. */
static inline int32_t lab_move_all(struct lab *lab, int32_t server)
{
    int32_t count = 0;
    for (int32_t i = 0; i < lab->sim->partition_count; i++) {
        const struct partition *partition = &lab->sim->partitions[i];
        if (partition->primary == server && partition->secondary_count > 0) {
            ck_assert_str_eq(lab_move(lab, partition, partition->secondaries[0]), PEGASUS_OK);
            count++;
        }
    }
    return count;
}

static inline int32_t lab_downgrade_all(struct lab *lab, int32_t server)
{
    int32_t count = 0;
    for (int32_t i = 0; i < lab->sim->partition_count; i++) {
        const struct partition *partition = &lab->sim->partitions[i];
        if (partition_has_secondary(partition, server)) {
            ck_assert_str_eq(lab_propose(lab, partition, CT_DOWNGRADE_TO_INACTIVE,
                                         partition->primary, server, false),
                             PEGASUS_OK);
            count++;
        }
    }
    return count;
}

static inline int64_t lab_control(struct lab *lab, int32_t server, enum sim_control what)
{
    int64_t done_us = 0;
    struct error err;
    ck_assert_msg(sim_control(lab->sim, server, what, NULL, &done_us, &err), "%s", err.text);
    return done_us;
}

/* Empties a server as the guide does and leaves the limit at 0. */
static inline void lab_drain(struct lab *lab, int32_t server)
{
    lab_set(lab, SETTING_ADD_SECONDARY_LIMIT " 0");
    lab_move_all(lab, server);
    lab_to_tick(lab, 2000);
    ck_assert_int_eq(lab_primaries(lab, server), 0);
    lab_downgrade_all(lab, server);
    lab_to_tick(lab, 2000);
    ck_assert_int_eq(lab_secondaries(lab, server), 0);
}

static inline int lab_run(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

#endif
