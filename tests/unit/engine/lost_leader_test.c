/* The primary meta server dies at each step of workflows/ha.lua in turn, and the new one starts
 * with the settings of its configuration file. Watched from inside the simulation, all the time:
 * from the moment that a server is empty until it runs the new version, its limit of added
 * secondaries must stay 0, or be so again within two seconds of a new leader's start, and no
 * replica may come back to it. */
#include "world.h"

#include "wire/wire.h"

enum { LOOK_EVERY_US = 20 * 1000, TOLD_WITHIN_US = 2 * 1000 * 1000, DEAD_US = 40 * 1000 * 1000 };

/* After the step has begun: at once, and in the middle of what it does. */
static const int64_t delays_us[] = {0, 150 * 1000, 1300 * 1000};

#ifdef __SANITIZE_ADDRESS__
enum { STRIDE = 7 };
#else
enum { STRIDE = 1 };
#endif

static const struct pace {
    const char *cluster;
    const char *emptied;   /* the end of the id of the step that is done when a server is empty */
    const char *restarted; /* ... and when its replicas may come home */
} paces[] = {
    {world_cluster_source, "/drain/wait_until-2", "/drain/wait_until-4"},
    {swift_cluster_source, "/drain/drain_node", "/drain/wait_until-2"},
};
enum { PACE_COUNT = sizeof paces / sizeof paces[0] };

static const struct model_table tables[] = {
    {.name = "temp", .partition_count = 8, .max_replica_count = 3},
    {.name = "users", .partition_count = 12, .max_replica_count = 3},
};

struct vigil {
    struct world world; /* first */
    const struct pace *pace;
    size_t steps; /* started so far */
    size_t strikes_at;
    struct timer look;
    struct timer strike;
    struct timer revival;
    int64_t lost_since_us; /* the held value, at an active leader; -1: it is there */
    int64_t longest_lost_us;
    int32_t emptied;      /* a replica server, or -1 */
    size_t emptied_count; /* servers, in the whole run */
    size_t came_back;     /* replicas on an empty server, in all looks */
    size_t lost_count;    /* so often the held value was lost while a server was empty */
    struct arena answers;
};

static bool ends_with(const char *id, const char *end)
{
    size_t length = strlen(id);
    return length >= strlen(end) && strcmp(id + length - strlen(end), end) == 0;
}

/* ---- what the simulated cluster says, asked past the run's client */
static bool ask(struct vigil *vigil, int32_t meta, enum rpc rpc, const void *request,
                void *response)
{
    arena_reset(&vigil->answers);
    return sim_request(vigil->world.sim, meta, rpc, 0, request, &vigil->answers, response) ==
           SIM_ANSWER;
}

/* The meta server that leads and answers, or -1. */
static int32_t find_leader(struct vigil *vigil)
{
    for (int32_t i = WORLD_FIRST_META; i < WORLD_FIRST_META + WORLD_METAS; i++) {
        struct list_nodes_request request = {.status = NODE_INVALID};
        struct list_nodes_response response;
        if (ask(vigil, i, RPC_LIST_NODES, &request, &response) &&
            slice_equals(response.err, PEGASUS_OK)) {
            return i;
        }
    }
    return -1;
}

static bool is_held(struct vigil *vigil, int32_t leader)
{
    struct remote_command_request request = {.command = slice_of(SETTING_ADD_SECONDARY_LIMIT)};
    struct remote_command_response response;
    struct setting_reply reply = {0};
    struct error err;
    if (!ask(vigil, leader, RPC_REMOTE_COMMAND, &request, &response)) {
        return false;
    }
    const char *text = arena_copy_bytes(&vigil->answers, response.text.bytes, response.text.length);
    ck_assert_msg(release_read_setting_reply(SETTING_ADD_SECONDARY_LIMIT, text, &reply, &err), "%s",
                  err.text);
    bool held = strcmp(text_string(&reply.value), "0") == 0;
    text_clear(&reply.value);
    return held;
}

static size_t members_on(struct vigil *vigil, int32_t leader, int32_t server)
{
    struct address address = sim_server_address(vigil->world.sim, server);
    size_t count = 0;
    for (size_t t = 0; t < sizeof tables / sizeof tables[0]; t++) {
        struct query_config_request request = {.app_name = slice_of(tables[t].name)};
        struct query_config_response response;
        ck_assert(ask(vigil, leader, RPC_QUERY_CONFIG, &request, &response));
        const struct wire_partition *partitions = response.partitions.items;
        for (uint32_t i = 0; i < response.partitions.count; i++) {
            const struct address *secondaries = partitions[i].secondaries.items;
            count += address_equal(partitions[i].primary, address);
            for (uint32_t s = 0; s < partitions[i].secondaries.count; s++) {
                count += address_equal(secondaries[s], address);
            }
        }
    }
    return count;
}

/* ---- what happens */
/* Refused while our own update of it is under way: that starts it. */
static void order(struct vigil *vigil, int32_t server, enum sim_control what)
{
    struct error refused;
    int64_t done_us;
    (void)sim_control(vigil->world.sim, server, what, NULL, &done_us, &refused);
    sim_driver_poke(vigil->world.driver);
}

static void start_the_dead(void *ctx)
{
    struct vigil *vigil = ctx;
    for (int32_t i = WORLD_FIRST_META; i < WORLD_FIRST_META + WORLD_METAS; i++) {
        if (sim_server_process(vigil->world.sim, i) == SIM_DOWN) {
            order(vigil, i, SIM_START);
        }
    }
}

static void kill_the_leader(void *ctx)
{
    struct vigil *vigil = ctx;
    int32_t leader = find_leader(vigil);
    if (leader >= 0) {
        order(vigil, leader, SIM_KILL);
        timer_start(vigil->world.loop, &vigil->revival, DEAD_US, start_the_dead, vigil);
    }
}

/* ---- what is watched */
static void look_at_the_hold(struct vigil *vigil, int32_t leader)
{
    int64_t now_us = loop_now_us(vigil->world.loop);
    if (vigil->emptied < 0 || leader < 0 || is_held(vigil, leader)) {
        vigil->lost_since_us = -1;
        return;
    }
    if (vigil->lost_since_us < 0) {
        vigil->lost_since_us = now_us;
        vigil->lost_count++;
    }
    int64_t lost_us = now_us - vigil->lost_since_us;
    vigil->longest_lost_us = lost_us > vigil->longest_lost_us ? lost_us : vigil->longest_lost_us;
}

static void look(void *ctx)
{
    struct vigil *vigil = ctx;
    int32_t leader = find_leader(vigil);
    look_at_the_hold(vigil, leader);
    if (vigil->emptied >= 0 && leader >= 0) {
        vigil->came_back += members_on(vigil, leader, vigil->emptied);
    }
    timer_start(vigil->world.loop, &vigil->look, LOOK_EVERY_US, look, vigil);
}

static bool vigil_take(struct event_sink *sink, const struct event *event, struct error *err)
{
    static const char ports[] = ":3480"; /* of replica servers, numbered from 1 */
    struct vigil *vigil = (struct vigil *)sink;
    const char *id = event->step == NULL ? "" : event->step->id;
    const char *on_server = strstr(id, ports);
    if (event->kind == EVENT_STEP_STARTED && ++vigil->steps == vigil->strikes_at) {
        timer_start(vigil->world.loop, &vigil->strike, delays_us[vigil->steps % 3], kill_the_leader,
                    vigil);
    }
    if (event->kind == EVENT_STEP_DONE && on_server != NULL &&
        ends_with(id, vigil->pace->emptied)) {
        vigil->emptied = on_server[sizeof ports - 1] - '1';
        vigil->emptied_count++;
    } else if (event->kind == EVENT_STEP_DONE && on_server &&
               ends_with(id, vigil->pace->restarted)) {
        vigil->emptied = -1;
    } else if (event->kind == EVENT_STEP_FAILED || event->kind == EVENT_STOPPING) {
        vigil->emptied = -1; /* what was held is put back now */
    }
    return world_take(sink, event, err);
}

/* ---- one run. Returns how many steps it had. */
static size_t run_once(const struct pace *pace, enum release release, size_t strikes_at,
                       size_t *lost_count)
{
    struct vigil vigil = {.pace = pace, .strikes_at = strikes_at, .emptied = -1};
    struct world *world = &vigil.world;
    world_open(world, release);
    world->model.tables = tables;
    world->model.table_count = 2;
    world_begin(world);
    world_plan(world, pace->cluster, "workflows/ha.lua");
    world->sink.take = vigil_take;
    vigil.lost_since_us = -1;
    timer_start(world->loop, &vigil.look, LOOK_EVERY_US, look, &vigil);
    world_run(world);
    timer_cancel(&vigil.look);
    timer_cancel(&vigil.strike);
    timer_cancel(&vigil.revival);

    bool good = world->result.outcome == RUN_DONE && vigil.longest_lost_us <= TOLD_WITHIN_US &&
                vigil.came_back == 0 && vigil.emptied_count == WORLD_SERVERS;
    if (!good) {
        fprintf(stderr, "%s\n", text_string(&world->log));
    }
    ck_assert_msg(good,
                  "leader killed at step %zu: %s (%s); empty %zu; a held value was lost for %lld "
                  "ms; %zu replicas came back",
                  strikes_at, run_outcome_name(world->result.outcome), world->result.error.text,
                  vigil.emptied_count, (long long)vigil.longest_lost_us / US_PER_MS,
                  vigil.came_back);
    start_the_dead(&vigil);
    world_pass(world, 30 * US_PER_SECOND);
    world_expect_no_violation(world);
    world_expect_all_put_back(world);
    *lost_count += vigil.lost_count;
    arena_clear(&vigil.answers);
    size_t steps = vigil.steps;
    world_close(world);
    return steps;
}

START_TEST(no_replica_comes_back_to_an_empty_server_at_whatever_step_the_leader_dies)
{
    static const enum release releases[] = {RELEASE_2_5, RELEASE_MASTER};
    const struct pace *pace = &paces[_i / 2];
    size_t lost_count = 0;
    size_t steps = run_once(pace, releases[_i % 2], 0, &lost_count);
    ck_assert_uint_gt(steps, 40);
    ck_assert_uint_eq(lost_count, 0);
    for (size_t at = 1; at <= steps; at += STRIDE) {
        run_once(pace, releases[_i % 2], at, &lost_count);
    }
    /* What is promised here was tried: the value did get lost while a server was empty. */
    ck_assert_uint_ge(lost_count, STRIDE == 1 ? WORLD_SERVERS : 1);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("lost leader");
    tcase_set_timeout(tcase, 300);
    tcase_add_loop_test(tcase,
                        no_replica_comes_back_to_an_empty_server_at_whatever_step_the_leader_dies,
                        0, 2 * PACE_COUNT);
    Suite *suite = suite_create("lost leader");
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
