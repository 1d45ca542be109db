/* A workflow of all groups with a misfortune at each of its events: every run ends, puts back what
 * it holds or says what it could not, leaves no server down, and never too few replicas.
 *
 *     groups_chaos_test [MODE [EVENT]] */
#include "apart.h"
#include "story.h"

static const char workflow[] = TURN
    "return workflow \"all groups\" {\n"
    "  api = 1,\n"
    "  steps = function(cluster)\n"
    "    local last = cluster.replicas[5]\n"
    "    return hold { meta_level = \"steady\",\n"
    "      try {\n"
    "        steps = {\n"
    "          rolling \"r\" { over = cluster.replicas, max_in_flight = 2, canary = 1,\n"
    "            soak = \"10s\", steps = turn },\n"
    "        },\n"
    "        finally = { log \"cleaned\", sleep \"1s\" },\n"
    "      },\n"
    "      parallel { max = 3,\n"
    "        steps \"a\" { hold { setting = { [\"meta.lb.assign_delay_ms\"] = 1800000 }, sleep "
    "\"3s\" } },\n"
    "        steps \"b\" { hold { setting = { [\"meta.lb.assign_delay_ms\"] = 1800000 },\n"
    "          remote_command { to = \"meta\", \"no.such\", on_failure = \"continue\",\n"
    "            retry = { times = 2, every = \"2s\" } } } },\n"
    "        steps \"c\" { deploy(last) { \"restart\" },\n"
    "          wait_until { all_of { is_alive(last), has_restarted(last) }, timeout = \"10m\" } "
    "},\n"
    "        steps \"d\" { deploy(cluster.replicas[4]) { \"restart\" },\n"
    "          wait_until { is_alive(cluster.replicas[4]), timeout = \"10m\" },\n"
    "          wait_until { cluster_is_healthy(), timeout = \"1h\" } },\n"
    "      },\n"
    "      try {\n"
    "        steps = { parallel { sleep \"1h\", remote_command { to = \"meta\", \"no.such\" } } "
    "},\n"
    "        rescue = { confirm \"go on?\" },\n"
    "        finally = { log \"cleaned\" },\n"
    "      },\n"
    "    }\n"
    "  end,\n"
    "}\n";

/* ---- misfortunes */
static struct timer later;

static void stop(struct world *world)
{
    run_stop(world->run);
}

static void abort_now(struct world *world)
{
    run_abort(world->run);
}

static void abort_unless_ended(void *ctx)
{
    struct world *world = ctx;
    if (!world->ended) {
        run_abort(world->run);
    }
}

static void stop_then_abort(struct world *world)
{
    run_stop(world->run);
    timer_start(world->loop, &later, (int64_t)(world->event_count * 7919 % 4000) * US_PER_MS,
                abort_unless_ended, world);
}

static void start_metas(void *ctx)
{
    struct world *world = ctx;
    for (int32_t i = WORLD_FIRST_META; i < WORLD_FIRST_META + WORLD_METAS; i++) {
        if (sim_server_process(world->sim, i) == SIM_DOWN) {
            world_control(world, i, SIM_START);
        }
    }
}

static void kill_leader(struct world *world)
{
    if (world_leader(world) >= 0) {
        world_control(world, world_leader(world), SIM_KILL);
        timer_start(world->loop, &later, 40 * US_PER_SECOND, start_metas, world);
    }
}

static void kill_a_replica_server(struct world *world)
{
    if (sim_server_process(world->sim, 2) == SIM_UP) {
        world_control(world, 2, SIM_KILL);
    }
}

#define EXIT(code) (1U << (code))
static const struct {
    const char *name;
    misfortune_fn *misfortune; /* NULL: from that event on none can be kept */
    unsigned exits;
    bool abandons;      /* values may be left, when the run says so */
    int32_t least_live; /* replicas of any partition at any time; what dies by itself counts */
} modes[] = {
    {"stop", stop, EXIT(0) | EXIT(4) | EXIT(1), false, 2},
    {"abort", abort_now, EXIT(0) | EXIT(4) | EXIT(5), true, 2},
    {"stop-abort", stop_then_abort, EXIT(0) | EXIT(1) | EXIT(4) | EXIT(5), true, 2},
    {"kill-leader", kill_leader, EXIT(0), false, 2},
    {"kill-replica", kill_a_replica_server, EXIT(0) | EXIT(1) | EXIT(3), false, 1},
    {"sink", NULL, EXIT(1), false, 2},
};
enum { MODE_COUNT = sizeof modes / sizeof modes[0] };

/* ---- one run */
struct strike {
    struct world world; /* first */
    size_t at;          /* event */
    misfortune_fn *misfortune;
};

static bool take(struct event_sink *sink, const struct event *event, struct error *err)
{
    struct strike *strike = (struct strike *)sink;
    struct world *world = &strike->world;
    bool kept = world_take(sink, event, err);
    if (world->event_count == strike->at && strike->misfortune != NULL) {
        world->misfortune = strike->misfortune;
        timer_start(world->loop, &world->soon, 0, world_misfortune, world);
    }
    if (strike->at > 0 && world->event_count >= strike->at && strike->misfortune == NULL) {
        error_set(err, ERROR_SYSTEM, "no space left on device");
        return false;
    }
    return kept;
}

static void over_limit(void *ctx)
{
    struct world *world = ctx;
    ck_abort_msg("the run did not end within a day:\n%.3000s", text_string(&world->log));
}

static void check_cluster(struct world *world, const char *mode, size_t at, bool all_up,
                          int32_t least_live)
{
    struct sim_totals totals;
    sim_totals(world->sim, &totals);
    ck_assert_msg(totals.fewest_live_replicas >= least_live,
                  "%s %zu: a partition had %d live replicas", mode, at,
                  totals.fewest_live_replicas);
    for (int32_t i = 0; all_up && i < sim_server_count(world->sim); i++) {
        ck_assert_msg(sim_server_process(world->sim, i) == SIM_UP, "%s %zu: %s is not up", mode, at,
                      sim_server_label(world->sim, i));
    }
}

/* Returns how many events there were. */
static size_t run_once(size_t mode, size_t at)
{
    struct strike strike = {.at = at, .misfortune = modes[mode].misfortune};
    struct world *world = &strike.world;
    struct timer limit = {0};
    const char *name = modes[mode].name;
    world_open(world, RELEASE_MASTER);
    world->sink.take = take;
    world->model.tables = apart_tables;
    world->model.table_count = 1;
    world_begin(world);
    world_plan(world, world_cluster_source, workflow);
    world->rehearsed = true;
    timer_start(world->loop, &limit, 24 * 3600 * (int64_t)US_PER_SECOND, over_limit, world);
    world_run(world);
    timer_cancel(&limit);
    timer_cancel(&later);
    unsigned exits = at == 0 ? EXIT(0) : modes[mode].exits;
    ck_assert_msg((exits & EXIT(world->result.exit_code)) != 0, "%s %zu: exit code %d: %s", name,
                  at, world->result.exit_code, world->result.error.text);
    check_cluster(world, name, at, modes[mode].misfortune == stop, modes[mode].least_live);
    if (world->result.exit_code != 5) {
        start_metas(world);
        world_pass(world, 30 * US_PER_SECOND);
        world_expect_all_put_back(world);
    }
    ck_assert_msg(world->result.exit_code != 5 || modes[mode].abandons, "%s %zu: %s", name, at,
                  world->result.error.text);
    world_expect_no_violation(world);
    size_t count = world->event_count;
    world_close(world);
    return count;
}

#ifdef __SANITIZE_ADDRESS__
enum { STRIDE = 13 };
#else
enum { STRIDE = 1 };
#endif

START_TEST(every_run_ends_well_wherever_it_is_disturbed)
{
    size_t count = run_once(0, 0);
    ck_assert_uint_ge(count, 100);
    /* The last event tells what is settled. */
    for (size_t at = 1; at < count; at += STRIDE) {
        run_once((size_t)_i, at);
    }
}
END_TEST

int main(int argc, char **argv)
{
    for (size_t mode = 0; argc > 2 && mode < MODE_COUNT; mode++) {
        if (strcmp(argv[1], modes[mode].name) == 0) {
            setenv("PEGFLOW_TEST_LOG", "1", 1);
            run_once(mode, strtoul(argv[2], NULL, 10));
        }
    }
    if (argc > 2) {
        return EXIT_SUCCESS;
    }
    Suite *suite = suite_create("groups_chaos");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 300);
    for (int mode = 0; mode < (int)MODE_COUNT; mode++) {
        if (argc < 2 || strcmp(argv[1], modes[mode].name) == 0) {
            tcase_add_loop_test(tcase, every_run_ends_well_wherever_it_is_disturbed, mode,
                                mode + 1);
        }
    }
    suite_add_tcase(suite, tcase);
    return story_run_suite(suite);
}
