/* A run that is killed at each of its points, and gone on with or put back by another process: in
 * the end everything is as after an undisturbed run, and no server was updated twice.
 *
 *     crash_test               a slice of each mode's points
 *     crash_test all           all points of all modes: `make crash-test`
 *     crash_test MODE          all points of one
 *     crash_test MODE POINT    one point, in this process, telling the run's events
 *
 * A kill is an end in the middle of what the process does: from a point on nothing of it is kept
 * and nothing that it asks is heard, and its memory is let go of without a word. */
#include "apart.h"
#include "chaos_course.h"

#include "base/rng.h"

#include <time.h>

/* ---- the modes */
/* What is left of the record of the event at the point. */
enum death {
    DIES_KEEPING, /* it is kept, and no effect follows */
    DIES_BEFORE,  /* what came before it has had its effect, and it is not kept */
    DIES_LATER,   /* it is kept; the kill comes a little later, or at a call to a server */
};

struct crash_mode {
    struct mode mode; /* first */
    char name[40];
    enum death death;
    bool reverts;
    bool twice; /* the process that goes on is killed too */
    bool kills_leader;
    bool not_tuned; /* makes no sense where the settings before are not a new process's */
};

struct crash {
    struct chaos chaos; /* first */
    const struct crash_mode *mode;
    struct text journal;
    struct rng rng;
    size_t deaths;
    size_t dies_at;    /* the second time: at this event of the resumed run; 0: not */
    enum death second; /* ... in this way */
    int32_t updates_before_revert[WORLD_COUNT];
};

static void die(void *ctx)
{
    struct crash *crash = ctx;
    crash->chaos.dead = true;
    loop_stop(crash->chaos.world.loop);
}

static bool crash_take(struct event_sink *sink, const struct event *event, struct error *err)
{
    struct crash *crash = (struct crash *)sink;
    struct chaos *chaos = &crash->chaos;
    struct world *world = &chaos->world;
    bool suffered = chaos->suffers;
    error_set(err, ERROR_SYSTEM, "killed");
    if (chaos->dead) {
        return false;
    }
    chaos_take(sink, event, err);
    bool first = chaos->suffers && !suffered && chaos->mode->at == AT_EVENT;
    bool second = crash->dies_at != 0 && --crash->dies_at == 0;
    enum death death = first ? crash->mode->death : second ? crash->second : DIES_LATER;
    if (death != DIES_BEFORE) {
        cJSON *record = event_to_json(event);
        journal_add_line(&world->end, record, &crash->journal);
        cJSON_Delete(record);
    }
    if (death != DIES_LATER) {
        die(crash);
    }
    return death == DIES_LATER;
}

/* As cli/record.c begins it. */
static void begin_journal(struct crash *crash)
{
    cJSON *header = cJSON_CreateObject();
    cJSON_AddNumberToObject(header, "seq", 0);
    cJSON_AddStringToObject(header, "time", "2026-11-23T12:00:00.000Z");
    cJSON_AddNumberToObject(header, "at_ms", 0);
    cJSON_AddStringToObject(header, "event", "journal");
    cJSON_AddNumberToObject(cJSON_AddObjectToObject(header, "data"), "format", JOURNAL_FORMAT);
    journal_add_line(&crash->chaos.world.end, header, &crash->journal);
    cJSON_Delete(header);
}

/* All of it, from the first line. */
static struct past *read_journal(const struct crash *crash)
{
    struct past *past = past_new();
    struct journal_end end = {0};
    struct error err;
    bool whole = journal_scan("kept", text_string(&crash->journal), crash->journal.length, &end,
                              past_take, past, &err);
    ck_assert_msg(whole, "%s", err.text);
    ck_assert_uint_eq((size_t)end.bytes, crash->journal.length);
    ck_assert_uint_eq(end.sequence, crash->chaos.world.end.sequence);
    return past;
}

/* ---- another process */
enum { DEAD_TIME_LIMIT_MS = 40 * 1000 };

static void let_the_dead_go(struct crash *crash)
{
    struct world *world = &crash->chaos.world;
    chaos_let_go_of_the_run(world);
    cluster_free(world->cluster);
    struct address metas[WORLD_METAS];
    for (int32_t i = 0; i < WORLD_METAS; i++) {
        metas[i] = sim_server_address(world->sim, WORLD_FIRST_META + i);
    }
    world->cluster = cluster_new(&world->lying, metas, WORLD_METAS);
    past_free(world->past);
    world->past = NULL;
    crash->chaos.dead = false;
}

static void pass_dead_time(struct crash *crash)
{
    struct world *world = &crash->chaos.world;
    int64_t dead_ms = (int64_t)rng_below(&crash->rng, DEAD_TIME_LIMIT_MS);
    if (rng_below(&crash->rng, 4) == 0) {
        dead_ms /= 1000; /* at once */
    }
    world_pass(world, dead_ms * US_PER_MS);
}

/* As cli/resume.c: it begins only when the cluster answers. */
static void meet(struct world *world)
{
    struct world_call call = {.world = world, .failed = true};
    for (int tries = 0; call.failed && tries < 20; tries++) {
        call = (struct world_call){.world = world};
        cluster_read_snapshot(cluster_reader(world->cluster), &world->snapshot, 10 * US_PER_SECOND,
                              world_call_done, &call);
        world_loop_until(world, &call.ended);
    }
    ck_assert_msg(!call.failed, "%s", call.err.text);
}

static bool has_ended_well(const struct past *past)
{
    const char *outcome = past_outcome(past);
    return outcome != NULL && (strcmp(outcome, "done") == 0 || strcmp(outcome, "reverted") == 0);
}

static void note_updates(struct crash *crash)
{
    for (int32_t i = 0; i < WORLD_COUNT; i++) {
        crash->updates_before_revert[i] = sim_server_updates(crash->chaos.world.sim, i);
    }
}

static void go_on(struct crash *crash)
{
    struct world *world = &crash->chaos.world;
    if (crash->deaths++ == 0) {
        rng_init(&crash->rng, crash->chaos.point * 1000003 + (size_t)crash->mode->death);
    }
    if (crash->mode->kills_leader) {
        chaos_start_dead_metas(&crash->chaos); /* of the first death */
        chaos_kill_leader(&crash->chaos);
    }
    let_the_dead_go(crash);
    pass_dead_time(crash);
    meet(world);
    world->past = read_journal(crash);
    world->event_count = world->end.sequence;
    world->ended = has_ended_well(world->past);
    if (crash->mode->twice && crash->deaths == 1) {
        crash->dies_at = 1 + rng_below(&crash->rng, 60);
        crash->second = rng_below(&crash->rng, 2) == 0 ? DIES_KEEPING : DIES_BEFORE;
    }
    world->reverts = crash->mode->reverts;
    note_updates(crash);
    if (world->ended) {
        bool reverted = strcmp(past_outcome(world->past), "reverted") == 0;
        world->result = (struct run_result){.outcome = reverted ? RUN_REVERTED : RUN_DONE};
    } else {
        chaos_perform(&crash->chaos);
    }
}

/* ---- the end */
enum {
    SETTLING_US = 60 * 1000 * 1000, /* a server that was in work comes up */
    LEAST_LIVE = 2,                 /* replicas of any partition at any time, as undisturbed */
};

static void judge_end(struct crash *crash)
{
    struct world *world = &crash->chaos.world;
    bool reverted = world->reverts && world->result.outcome == RUN_REVERTED;
    struct sim_totals totals;
    sim_totals(world->sim, &totals);
    if (world->result.exit_code != 0) {
        chaos_problem(&crash->chaos, "that is not how it may end: %s", world->result.error.text);
    }
    if (world->reverts && !reverted && !has_ended_well(world->past)) {
        chaos_problem(&crash->chaos, "it is not reverted");
    }
    const char *left = chaos_left_behind(&crash->chaos);
    if (left[0] != '\0') {
        chaos_problem(&crash->chaos, "%s", left);
    }
    if (totals.fewest_live_replicas < LEAST_LIVE) {
        chaos_problem(&crash->chaos, "a partition had %d live replicas",
                      totals.fewest_live_replicas);
    }
    for (int32_t i = 0; i < WORLD_COUNT; i++) {
        int32_t wanted = reverted ? crash->updates_before_revert[i] : 1;
        if (sim_server_updates(world->sim, i) != wanted || wanted > 1) {
            chaos_problem(&crash->chaos, "%s was updated %d times", sim_server_label(world->sim, i),
                          sim_server_updates(world->sim, i));
        }
    }
}

static void try_mode(struct chaos *chaos)
{
    struct crash *crash = (struct crash *)chaos;
    struct world *world = &chaos->world;
    crash->mode = (const struct crash_mode *)chaos->mode;
    chaos_plan(chaos, crash_take);
    begin_journal(crash);
    chaos_perform(chaos);
    while (chaos->dead) {
        go_on(crash);
    }
    if (chaos->over_limit) {
        chaos_problem(chaos, "only because the run did not end within three hours");
    } else {
        chaos_let_go_of_the_run(world);
        chaos_start_dead_metas(chaos);
        world_pass(world, SETTLING_US);
        judge_end(crash);
        chaos_judge_cluster(chaos);
        past_free(read_journal(crash));
    }
    past_free(world->past);
    text_clear(&crash->journal);
    chaos_conclude(chaos);
}

/* ---- a workflow of all groups */
#define DELAY "[\"meta.lb.assign_delay_ms\"] = 1800000"

static const char all_groups[] = TURN
    "local function restarts(n)\n"
    "  return { deploy(n) { \"update\" },\n"
    "    wait_until { all_of { is_alive(n), has_restarted(n) }, timeout = \"10m\" } }\n"
    "end\n"
    "return workflow \"all groups\" {\n"
    "  api = 1,\n"
    "  steps = function(cluster)\n"
    "    return hold { meta_level = \"steady\",\n"
    "      try {\n"
    "        steps = {\n"
    "          rolling \"r\" { over = cluster.replicas, max_in_flight = 2, canary = 1,\n"
    "            soak = \"10s\", steps = turn },\n"
    "          confirm \"now the others?\",\n"
    "        },\n"
    "        finally = { log \"cleaned\", sleep \"1s\" },\n"
    "      },\n"
    "      parallel { max = 3,\n"
    "        steps \"a\" { hold { setting = { " DELAY " }, sleep \"3s\" } },\n"
    "        steps \"b\" { hold { setting = { " DELAY " },\n"
    "          remote_command { to = \"meta\", \"no.such\", on_failure = \"continue\",\n"
    "            retry = { times = 2, every = \"2s\" } } } },\n"
    "        steps \"c\" { rolling \"c\" { over = cluster.collectors, steps = function(n)\n"
    "          return { deploy(n) { \"update\" },\n"
    "            wait_until { has_restarted(n), timeout = \"10m\" } } end } },\n"
    "        steps \"d\" { exec { \"true\" }, exec { \"true\", idempotent = true } },\n"
    "      },\n"
    "      try {\n"
    "        steps = { parallel { sleep \"1h\", remote_command { to = \"meta\", \"no.such\" } } "
    "},\n"
    "        rescue = { confirm \"go on?\" },\n"
    "        finally = { log \"cleaned\" },\n"
    "      },\n"
    "      rolling \"m\" { over = cluster.metas, order = standbys_first(), pause = \"30s\",\n"
    "        steps = restarts },\n"
    "    }\n"
    "  end,\n"
    "}\n";

/* ---- the modes: each workflow in each way */
static const struct {
    const char *name;
    struct mode mode;
} workflows[] = {
    {"ha", {.swift = false}},
    {"swift", {.swift = true}},
    {"simple", {.workflow = "workflows/simple.lua"}},
    {"groups", {.workflow = all_groups, .tables = apart_tables}},
    /* What was before is not what a new process starts with. */
    {"tuned", {.tuned = true}},
};

/* Within what the events leave between them: a request under way, a wait, an adapter at work. */
#define LATER                                                                                      \
    .death = DIES_LATER, .mode = {                                                                 \
                             .at = AT_EVENT,                                                       \
                             .strike = die,                                                        \
                             .delays_us = {300, 1700 * US_PER_MS, 6 * US_PER_SECOND},              \
    }
static const struct crash_mode ways[] = {
    {.name = "kept"},
    {.name = "before", .death = DIES_BEFORE},
    {.name = "later", LATER},
    {.name = "leaderless", .kills_leader = true, .not_tuned = true},
    {.name = "twice", .twice = true},
    {.name = "revert", .reverts = true},
    {.name = "revert-before", .death = DIES_BEFORE, .reverts = true},
    {.name = "revert-later", LATER, .reverts = true, .twice = true},
    {.name = "revert-leaderless", .reverts = true, .kills_leader = true, .not_tuned = true},
    {.name = "call",
     .death = DIES_LATER,
     /* under way to the server; answered, but not heard; about to be heard */
     .mode = {.at = AT_CALL, .strike = die, .delays_us = {0, 260, 499}}},
};
enum {
    WAY_COUNT = sizeof ways / sizeof ways[0],
    WORKFLOW_COUNT = sizeof workflows / sizeof workflows[0],
    CALLS_AN_EVENT = 12, /* about; so much wider is the slice's stride */
};

static void combine(size_t workflow, size_t way, struct crash_mode *out)
{
    *out = ways[way];
    snprintf(out->name, sizeof out->name, "%s-%s", workflows[workflow].name, ways[way].name);
    out->mode = workflows[workflow].mode;
    out->mode.name = out->name;
    out->mode.at = ways[way].mode.at;
    out->mode.stride = out->mode.at == AT_CALL ? CALLS_AN_EVENT : 1;
    out->mode.strike = ways[way].mode.strike;
    memcpy(out->mode.delays_us, ways[way].mode.delays_us, sizeof out->mode.delays_us);
    out->mode.all_up = true;
    out->mode.rehearsed = true;
}

/* Forking under the sanitizer takes thirteen times as long: a slice of the slice. */
#ifdef __SANITIZE_ADDRESS__
enum { THINNING = 211 };
#else
enum { THINNING = 11 };
#endif

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * US_PER_SECOND + now.tv_nsec / 1000;
}

int main(int argc, char **argv)
{
    static struct crash_mode modes[WORKFLOW_COUNT * WAY_COUNT];
    const struct mode *listed[WORKFLOW_COUNT * WAY_COUNT];
    struct chaos_test test = {
        .modes = listed,
        .chaos_bytes = sizeof(struct crash),
        .thinning = THINNING,
        .try_mode = try_mode,
    };
    int64_t began_us = now_us();
    for (size_t i = 0; i < WORKFLOW_COUNT * WAY_COUNT; i++) {
        if (!ways[i % WAY_COUNT].not_tuned || !workflows[i / WAY_COUNT].mode.tuned) {
            combine(i / WAY_COUNT, i % WAY_COUNT, &modes[i]);
            listed[test.mode_count++] = &modes[i].mode;
        }
    }
    int status = chaos_main(&test, argc, argv);
    printf("%zu crash points in %.1f s\n", test.point_count,
           (double)(now_us() - began_us) / US_PER_SECOND);
    return status;
}
