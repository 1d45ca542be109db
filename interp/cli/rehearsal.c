#include "cli/rehearsal.h"

#include "base/duration.h"
#include "base/rng.h"
#include "cli/cluster_writer.h"
#include "cli/rehearsal_deploy.h"
#include "engine/target.h"
#include "serve/server.h"
#include "sim/sim_world.h"

#include <stdlib.h>
#include <string.h>

/* What the virtual wall clock shows at first: a night's upgrade begins on 2026-01-31 at 22:00 UTC.
 */
#define WALL_START_US (INT64_C(1769896800) * US_PER_SECOND)
#define LOOPBACK      UINT32_C(0x7f000001)

static const int64_t settle_us = 5 * US_PER_SECOND;
static const int64_t meet_timeout_us = 60 * US_PER_SECOND;

/* What a run may change, compared before and after by this file's own reading. */
static const char *const watched[] = {
    SETTING_ADD_SECONDARY_LIMIT, SETTING_FLOW_CONTROL,    SETTING_ASSIGN_DELAY,
    SETTING_BLACK_LIST,          SETTING_LIVE_PERCENTAGE,
};
enum { WATCHED_COUNT = sizeof watched / sizeof watched[0] };

struct rehearsal {
    const struct model *model;
    struct loop *loop;
    struct sim *sim;
    struct sim_driver *driver;
    struct transport *transport;
    struct cluster *cluster;
    struct rehearsal_deploy *deploy;
    struct arena arena;
    struct snapshot snapshot;
    struct inventory inventory;
    const struct cluster_file *file;
    struct run *run;
    bool keep_leftovers;
    struct event_sink listener; /* hears what is asked */
    struct text answered;
    /* the call that is waited for */
    bool ended;
    bool failed;
    struct error failure;
    struct text *value;
    struct run_result result;
};

/* ---- the model and the file */

/* Upstream's ports, but for those that the cluster file gave to others. */
static void number_replicas(struct address *addresses, int32_t replica_count, int32_t count)
{
    uint16_t port = SERVER_DEFAULT_REPLICA_PORT;
    for (int32_t i = 0; i < replica_count; i++) {
        bool taken = true;
        while (taken) {
            addresses[i] = (struct address){LOOPBACK, port++, ADDRESS_IPV4};
            taken = false;
            for (int32_t other = replica_count; other < count; other++) {
                taken = taken || address_equal(addresses[i], addresses[other]);
            }
        }
    }
}

enum { FIRST_STAND_IN_PORT = 20001 };

/* Names mean nothing to a simulated cluster: each gets a loopback address of its own. */
static const struct address *without_names(const struct address *given, size_t count,
                                           uint16_t first_port, struct arena *arena)
{
    struct address *numbered = arena_allocate(arena, (count + 1) * sizeof *numbered);
    for (size_t i = 0; i < count; i++) {
        struct address stand_in = {LOOPBACK, (uint16_t)(first_port + i), ADDRESS_IPV4};
        numbered[i] = address_is_set(given[i]) ? given[i] : stand_in;
    }
    return numbered;
}

const struct cluster_file *rehearsal_without_names(const struct cluster_file *file,
                                                   struct arena *arena)
{
    struct cluster_file *copy = arena_allocate(arena, sizeof *copy);
    *copy = *file;
    copy->metas = without_names(file->metas, file->meta_count, FIRST_STAND_IN_PORT, arena);
    copy->collectors = without_names(file->collectors, file->collector_count,
                                     (uint16_t)(FIRST_STAND_IN_PORT + file->meta_count), arena);
    return copy;
}

static const struct address *fit_to_file(struct model *model, const struct cluster_file *file,
                                         struct arena *arena)
{
    size_t replicas = (size_t)model->replica_count;
    size_t count = replicas + file->meta_count + file->collector_count;
    struct address *addresses = arena_allocate(arena, count * sizeof *addresses);
    for (size_t i = 0; i < file->meta_count; i++) {
        addresses[replicas + i] = file->metas[i];
    }
    for (size_t i = 0; i < file->collector_count; i++) {
        addresses[replicas + file->meta_count + i] = file->collectors[i];
    }
    number_replicas(addresses, model->replica_count, (int32_t)count);
    model->meta_count = (int32_t)file->meta_count;
    model->collector_count = (int32_t)file->collector_count;
    model->cluster_name = file->name;
    model->zookeeper_root = file->zookeeper_root != NULL
                                ? file->zookeeper_root
                                : arena_printf(arena, "/pegasus/%s", file->name);
    if (file->target_version != NULL) {
        model->next_version = file->target_version;
    }
    return addresses;
}

bool rehearsal_fit(struct model *model, const struct cluster_file *file, struct arena *arena,
                   const struct address **addresses, struct error *err)
{
    struct address *numbered;
    int32_t count;
    if (file != NULL) {
        *addresses = fit_to_file(model, file, arena);
    } else if (server_addresses(model, LOOPBACK, -1, &numbered, &count, err)) {
        struct address *kept = arena_allocate(arena, (size_t)count * sizeof *kept);
        memcpy(kept, numbered, (size_t)count * sizeof *kept);
        free(numbered);
        *addresses = kept;
    } else {
        return false;
    }
    if (!model_check(model, err)) {
        error_wrap(err, "model '%s'", model->name);
        return false;
    }
    return true;
}

/* ---- life */

struct rehearsal *rehearsal_new(const struct model *model, const struct address *addresses)
{
    struct rehearsal *rehearsal = memory_allocate(sizeof *rehearsal);
    rehearsal->model = model;
    rehearsal->loop = loop_new_virtual(WALL_START_US);
    rehearsal->sim = sim_new(model, addresses, WALL_START_US);
    rehearsal->driver = sim_driver_new(rehearsal->sim, rehearsal->loop);
    rehearsal->transport = sim_transport_new(rehearsal->driver);
    rehearsal->cluster = cluster_new(rehearsal->transport, addresses + model->replica_count,
                                     (size_t)model->meta_count);
    arena_init(&rehearsal->arena);
    snapshot_init(&rehearsal->snapshot);
    return rehearsal;
}

void rehearsal_free(struct rehearsal *rehearsal)
{
    if (rehearsal == NULL) {
        return;
    }
    cluster_free(rehearsal->cluster);
    rehearsal_deploy_free(rehearsal->deploy);
    run_free(rehearsal->run);
    rehearsal->transport->ops->free(rehearsal->transport);
    sim_driver_free(rehearsal->driver);
    sim_free(rehearsal->sim);
    loop_close(rehearsal->loop);
    snapshot_clear(&rehearsal->snapshot);
    arena_clear(&rehearsal->arena);
    text_clear(&rehearsal->answered);
    free(rehearsal);
}

const struct sim *rehearsal_sim(const struct rehearsal *rehearsal)
{
    return rehearsal->sim;
}

struct loop *rehearsal_loop(const struct rehearsal *rehearsal)
{
    return rehearsal->loop;
}

struct cluster *rehearsal_cluster(const struct rehearsal *rehearsal)
{
    return rehearsal->cluster;
}

const struct inventory *rehearsal_inventory(const struct rehearsal *rehearsal)
{
    return &rehearsal->inventory;
}

void rehearsal_kill(struct rehearsal *rehearsal, int32_t server)
{
    struct error err;
    int64_t done_us;
    bool killed = sim_control(rehearsal->sim, server, SIM_KILL, NULL, &done_us, &err);
    ASSERT(killed); /* at the start every server runs */
    sim_driver_poke(rehearsal->driver);
}

void rehearsal_keep_leftovers(struct rehearsal *rehearsal)
{
    rehearsal->keep_leftovers = true;
}

void rehearsal_compose_cluster(struct rehearsal *rehearsal, struct text *out)
{
    /* Nobody listens there: the simulated deployment looks at the path alone. */
    struct address control = {LOOPBACK, SERVER_DEFAULT_CONTROL_PORT, ADDRESS_IPV4};
    cluster_writer_compose(rehearsal->model, rehearsal->sim, control, out);
}

/* ---- calls that are waited for, in virtual time */

static void call_done(void *ctx, const struct error *err)
{
    struct rehearsal *rehearsal = ctx;
    rehearsal->ended = true;
    rehearsal->failed = err != NULL;
    if (err != NULL) {
        rehearsal->failure = *err;
    }
    loop_stop(rehearsal->loop);
}

static void value_done(void *ctx, const char *value, const struct error *err)
{
    struct rehearsal *rehearsal = ctx;
    text_reset(rehearsal->value);
    text_append_string(rehearsal->value, err == NULL ? value : "(unreadable)");
    call_done(rehearsal, err);
}

static void time_passed(void *ctx)
{
    call_done(ctx, NULL);
}

static void run_done(void *ctx, const struct run_result *result)
{
    struct rehearsal *rehearsal = ctx;
    rehearsal->result = *result;
    call_done(rehearsal, NULL);
}

/* Each call is bounded by a timeout, and the simulation always has events: it comes back. */
static bool wait_for_it(struct rehearsal *rehearsal, struct error *err)
{
    while (!rehearsal->ended) {
        if (!loop_run(rehearsal->loop, err)) {
            return false;
        }
    }
    rehearsal->ended = false;
    if (rehearsal->failed) {
        *err = rehearsal->failure;
    }
    return !rehearsal->failed;
}

/* ---- meeting it */

bool rehearsal_meet(struct rehearsal *rehearsal, const struct cluster_file *file, struct error *err)
{
    struct timer timer = {0};
    struct rng rng;
    rng_init(&rng, rehearsal->model->seed);
    int64_t phase_us = (int64_t)rng_below(&rng, (uint64_t)rehearsal->model->timings.tick_us);
    rehearsal->file = file;
    timer_start(rehearsal->loop, &timer, settle_us + phase_us, time_passed, rehearsal);
    if (!wait_for_it(rehearsal, err)) {
        return false;
    }
    cluster_read_snapshot(cluster_reader(rehearsal->cluster), &rehearsal->snapshot, meet_timeout_us,
                          call_done, rehearsal);
    if (!wait_for_it(rehearsal, err)) {
        error_wrap(err, "meet the simulated cluster");
        return false;
    }
    return target_check(file, &rehearsal->snapshot, err) &&
           target_inventory(file, &rehearsal->snapshot, &rehearsal->arena, &rehearsal->inventory,
                            err);
}

/* ---- the settings, before and after */

struct settings_seen {
    struct text values[WATCHED_COUNT + 1]; /* the last: the level */
};

static void see_settings(struct rehearsal *rehearsal, struct settings_seen *seen)
{
    struct cluster_reader *reader = cluster_reader(rehearsal->cluster);
    struct leader_info leader;
    struct error err;
    for (size_t i = 0; i < WATCHED_COUNT; i++) {
        rehearsal->value = &seen->values[i];
        cluster_read_setting(reader, (struct address){0}, watched[i], meet_timeout_us, value_done,
                             rehearsal);
        wait_for_it(rehearsal, &err);
    }
    cluster_read_leader(reader, &leader, meet_timeout_us, call_done, rehearsal);
    const char *level = wait_for_it(rehearsal, &err) ? meta_level_name(leader.stored_level) : NULL;
    text_append_string(&seen->values[WATCHED_COUNT], level == NULL ? "(unreadable)" : level);
}

static void clear_settings(struct settings_seen *seen)
{
    for (size_t i = 0; i <= WATCHED_COUNT; i++) {
        text_clear(&seen->values[i]);
    }
}

static void compare_settings(const struct settings_seen *before, const struct settings_seen *after,
                             struct text *left)
{
    for (size_t i = 0; i <= WATCHED_COUNT; i++) {
        const char *was = text_string(&before->values[i]);
        const char *is = text_string(&after->values[i]);
        if (strcmp(was, is) != 0) {
            text_printf(left, "%s%s is %s (before: %s)", left->length > 0 ? "; " : "",
                        i == WATCHED_COUNT ? "meta level" : watched[i], is, was);
        }
    }
}

/* ---- the run */

static bool perform(struct rehearsal *rehearsal, const struct run_setup *setup,
                    struct rehearsal_result *out, struct error *err)
{
    rehearsal->run = run_new(setup);
    int64_t began_us = loop_now_us(rehearsal->loop);
    run_start(rehearsal->run, run_done, rehearsal);
    if (!wait_for_it(rehearsal, err)) {
        return false;
    }
    out->run = rehearsal->result;
    out->took_us = loop_now_us(rehearsal->loop) - began_us;
    sim_totals(rehearsal->sim, &out->totals);
    return true;
}

static int exit_code_of(const struct rehearsal *rehearsal, const struct rehearsal_result *result)
{
    if (sim_violation_count(rehearsal->sim) > 0) {
        return error_exit_code(ERROR_VIOLATION);
    }
    return result->left.length > 0 ? error_exit_code(ERROR_NOT_RESTORED) : result->run.exit_code;
}

static bool take_question(struct event_sink *sink, const struct event *event, struct error *err)
{
    struct rehearsal *rehearsal =
        (struct rehearsal *)(void *)((char *)sink - offsetof(struct rehearsal, listener));
    (void)err;
    if (event->kind == EVENT_QUESTION) {
        text_printf(&rehearsal->answered, "%s%s: %s", rehearsal->answered.length > 0 ? "; " : "",
                    event->step->id, event->text);
    } else if (event->kind == EVENT_ANSWERED) {
        const cJSON *answer = cJSON_GetObjectItemCaseSensitive(event->data, "answer");
        text_printf(&rehearsal->answered, ": %s", cJSON_GetStringValue(answer));
    }
    return true;
}

bool rehearsal_run(struct rehearsal *rehearsal, struct lang *lang, const struct workflow *workflow,
                   const struct inventory *inventory, struct event_sink *const *sinks,
                   size_t sink_count, struct rehearsal_result *out, struct error *err)
{
    struct settings_seen before = {0};
    struct settings_seen after = {0};
    rehearsal->deploy = rehearsal_deploy_new(sim_deployment_new(rehearsal->driver), rehearsal->sim,
                                             &workflow->steps);
    /* It must know which step is under way before the step asks it for something. */
    struct event_sink **all = arena_allocate(&rehearsal->arena, (sink_count + 2) * sizeof *all);
    rehearsal->listener.take = take_question;
    all[0] = rehearsal_deploy_sink(rehearsal->deploy);
    all[1] = &rehearsal->listener;
    memcpy(all + 2, sinks, sink_count * sizeof *all);
    struct run_setup setup = {
        .loop = rehearsal->loop,
        .cluster = rehearsal->cluster,
        .deployment = rehearsal_deploy_deployment(rehearsal->deploy),
        .lang = lang,
        .workflow = workflow,
        .cluster_file = rehearsal->file,
        .inventory = inventory,
        .start = &rehearsal->snapshot,
        .sinks = all,
        .sink_count = sink_count + 2,
        .rehearsed = true,
        .keep_leftovers = rehearsal->keep_leftovers,
    };
    see_settings(rehearsal, &before);
    bool ok = perform(rehearsal, &setup, out, err);
    if (ok) {
        see_settings(rehearsal, &after);
        compare_settings(&before, &after, &out->left);
        out->answered = text_string(&rehearsal->answered);
        out->exit_code = exit_code_of(rehearsal, out);
    }
    clear_settings(&before);
    clear_settings(&after);
    return ok;
}
