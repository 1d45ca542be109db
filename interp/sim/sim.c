#include "sim/sim_state.h"

#include "base/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- life */

struct sim *sim_new(const struct model *model, const struct address *addresses,
                    int64_t wall_start_us)
{
    struct sim *sim = memory_allocate(sizeof *sim);
    sim->model = *model;
    sim->traits = release_traits(model->release);
    sim->wall_start_us = wall_start_us;
    rng_init(&sim->rng, model->seed);
    world_build(sim, addresses);
    account_begin(sim);
    meta_begin(sim);
    for (int32_t i = 0; i < model->replica_count; i++) {
        detector_begin(sim, i, true);
    }
    return sim;
}

void sim_free(struct sim *sim)
{
    if (sim == NULL) {
        return;
    }
    for (int32_t i = 0; i < sim->table_count; i++) {
        free(sim->tables[i].shares);
        if (sim->tables[i].own != NULL) {
            free((char *)sim->tables[i].own->name);
            free(sim->tables[i].own);
        }
    }
    for (int32_t i = 0; i < sim->server_count; i++) {
        free(sim->servers[i].settings.black_list);
        free(sim->servers[i].stability);
        free(sim->servers[i].marked);
        text_clear(&sim->servers[i].info);
    }
    for (size_t i = 0; i < sim->violation_count; i++) {
        free((char *)sim->violations[i].what);
    }
    free(sim->violations);
    free(sim->tables);
    free(sim->tables_by_name);
    free(sim->partitions);
    free(sim->marked);
    free(sim->deferred);
    free(sim->replicas);
    free(sim->servers);
    free(sim->server_index);
    free(sim->locks);
    text_clear(&sim->scratch);
    events_clear(&sim->queue);
    free(sim);
}

/* ---- servers */

int32_t sim_server_count(const struct sim *sim)
{
    return sim->server_count;
}

int32_t sim_find_server(const struct sim *sim, struct address address)
{
    return *world_server_place(sim, address) - 1;
}

enum role sim_server_role(const struct sim *sim, int32_t server)
{
    return sim->servers[server].role;
}

struct address sim_server_address(const struct sim *sim, int32_t server)
{
    return sim->servers[server].address;
}

const char *sim_server_label(const struct sim *sim, int32_t server)
{
    return sim->servers[server].label;
}

const char *sim_server_version(const struct sim *sim, int32_t server)
{
    return sim->servers[server].version;
}

int32_t sim_server_updates(const struct sim *sim, int32_t server)
{
    return sim->servers[server].updates;
}

enum sim_process sim_server_process(const struct sim *sim, int32_t server)
{
    switch (sim->servers[server].stage) {
    case STAGE_DOWN:
        return SIM_DOWN;
    case STAGE_BOUND:
        return SIM_SILENT;
    case STAGE_SERVING:
    case STAGE_READY:
        return SIM_UP;
    }
    return SIM_DOWN;
}

bool sim_is_replica_server(const struct sim *sim, int32_t server)
{
    return server >= 0 && server < sim->model.replica_count;
}

int32_t sim_first_meta(const struct sim *sim)
{
    return sim->model.replica_count;
}

const char *sim_format_time(const struct sim *sim, int64_t at_us, char buffer[TIME_TEXT_BYTES])
{
    time_t seconds = (time_t)((sim->wall_start_us + at_us) / 1000000);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    strftime(buffer, TIME_TEXT_BYTES, "%Y-%m-%d %H:%M:%S", &parts);
    return buffer;
}

/* ---- time */

struct event sim_event(const struct sim *sim, enum event_kind kind, int32_t server)
{
    return (struct event){
        .kind = (uint8_t)kind,
        .server = (int16_t)server,
        .incarnation = sim->servers[server].incarnation,
        .partition = -1,
        .node = NO_SERVER,
    };
}

void sim_schedule(struct sim *sim, int64_t delay_us, struct event event)
{
    ASSERT(delay_us >= 0);
    event.at_us = sim->now_us + delay_us;
    events_add(&sim->queue, event);
}

/* Who performs which event. */
static void dispatch(struct sim *sim, const struct event *event)
{
    switch ((enum event_kind)event->kind) {
    case EVENT_PROCESS_GONE:
    case EVENT_PROCESS_START:
    case EVENT_PROCESS_BOUND:
    case EVENT_PROCESS_SERVING:
    case EVENT_SERVER_LOADED:
        process_on_event(sim, event);
        return;
    case EVENT_BEACON:
    case EVENT_BEACON_ARRIVE:
    case EVENT_BEACON_ACK:
    case EVENT_BEACON_LOST:
    case EVENT_LEASE_CHECK:
    case EVENT_CONFIG_SYNC:
    case EVENT_CONFIG_SYNC_NOW:
    case EVENT_CONFIG_SYNC_ARRIVE:
    case EVENT_CONFIG_SYNC_REPLY:
        detector_on_event(sim, event);
        return;
    case EVENT_SESSION_END:
    case EVENT_STALE_LOCK:
    case EVENT_LEADER_LOADED:
    case EVENT_GRACE_CHECK:
    case EVENT_TICK:
    case EVENT_TICK_RUN:
    case EVENT_CLEAR_PROPOSALS:
    case EVENT_NODE_DEAD:
    case EVENT_PRIMARY_DEAD:
        meta_on_event(sim, event);
        return;
    case EVENT_UPDATE_STATE:
    case EVENT_ZK_DONE:
    case EVENT_INSTALL:
    case EVENT_UPDATE_ARRIVE:
    case EVENT_UPDATE_REPLY:
    case EVENT_UPDATE_RETRY:
        reconfig_on_event(sim, event);
        return;
    case EVENT_PROPOSAL:
        proposals_on_arrival(sim, event);
        return;
    case EVENT_LEARN_START:
    case EVENT_LEARN_OPENED:
    case EVENT_LEARN_DONE:
    case EVENT_LEARN_NOTIFY:
        learn_on_event(sim, event);
        return;
    case EVENT_CLOSE_DONE:
        close_done(sim, event);
        return;
    case EVENT_MEMBER_FAILED:
        close_member_failed(sim, event);
        return;
    case EVENT_KIND_COUNT:
        break;
    }
    ASSERT(false);
}

/* Is the process it was meant for gone? The end of a session and a deployment order outlive it. */
static bool is_void(const struct sim *sim, const struct event *event)
{
    return event->kind != EVENT_SESSION_END && event->kind != EVENT_PROCESS_GONE &&
           event->kind != EVENT_PROCESS_START &&
           event->incarnation != sim->servers[event->server].incarnation;
}

void sim_advance(struct sim *sim, int64_t now_us)
{
    ASSERT(now_us >= sim->now_us);
    struct event event;
    while (events_take(&sim->queue, now_us, &event)) {
        sim->now_us = event.at_us;
        if (!is_void(sim, &event)) {
            dispatch(sim, &event);
        } else if (event.kind == EVENT_UPDATE_STATE) {
            reconfig_leader_lost(sim, event.partition, event.node);
        }
    }
    sim->now_us = now_us;
}

int64_t sim_latency_us(const struct sim *sim)
{
    return sim->model.timings.rpc_latency_us;
}

int64_t sim_next_event_us(const struct sim *sim)
{
    return events_next_us(&sim->queue);
}

/* ---- violations */

enum { VIOLATIONS_KEPT = 1000 };

static void add_violation(struct sim *sim, char *what)
{
    if (sim->violation_count == VIOLATIONS_KEPT) {
        free(what);
        return;
    }
    sim->violations =
        memory_resize(sim->violations, (sim->violation_count + 1) * sizeof *sim->violations);
    sim->violations[sim->violation_count++] =
        (struct sim_violation){.at_us = sim->now_us, .what = what};
}

void sim_count_violation(struct sim *sim, const char *format, ...)
{
    struct text text = {0};
    va_list args;
    va_start(args, format);
    text_append_va(&text, format, args);
    va_end(args);
    add_violation(sim, text_take(&text));
}

void sim_abort_server(struct sim *sim, int32_t server, const char *format, ...)
{
    struct text text = {0};
    va_list args;
    va_start(args, format);
    text_append_va(&text, format, args);
    va_end(args);
    text_printf(&text, "; %s %s aborted", sim->servers[server].label, sim->servers[server].name);
    add_violation(sim, text_take(&text));
    process_end(sim, server);
}

bool sim_control(struct sim *sim, int32_t server, enum sim_control what, const char *version,
                 int64_t *done_us, struct error *err)
{
    return process_order(sim, server, what, version, done_us, err);
}

void sim_break_updates(struct sim *sim, bool broken)
{
    sim->updates_broken = broken;
}

size_t sim_violation_count(const struct sim *sim)
{
    return sim->violation_count;
}

const struct sim_violation *sim_violation(const struct sim *sim, size_t index)
{
    return &sim->violations[index];
}
