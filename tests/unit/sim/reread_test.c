/* A snapshot that was read again by its changes alone is the one that a whole read gives: the same
 * client on the same simulated cluster, once with and once without the count of changes. */
#include "lab.h"

#include "live/cluster.h"
#include "sim/sim_world.h"

/* ---- a transport that keeps the count of changes from its client */

struct forgetful {
    struct transport transport; /* first */
    struct transport *inner;
};

static struct operation *call_whole(struct transport *transport, struct address to, enum rpc rpc,
                                    const void *request, int64_t timeout_us, rpc_done_fn *done,
                                    void *ctx)
{
    struct forgetful *own = (struct forgetful *)transport;
    struct query_config_request whole;
    if (rpc == RPC_QUERY_CONFIG) {
        whole = *(const struct query_config_request *)request;
        whole.since = 0;
        request = &whole;
    }
    return transport_call(own->inner, to, rpc, request, timeout_us, done, ctx);
}

static struct operation *get(struct transport *transport, struct address from, const char *path,
                             int64_t timeout_us, http_done_fn *done, void *ctx)
{
    struct forgetful *own = (struct forgetful *)transport;
    return transport_get(own->inner, from, path, timeout_us, done, ctx);
}

static void nothing_to_free(struct transport *transport)
{
    (void)transport;
}

static const struct transport_ops forgetful_ops = {
    .call = call_whole, .get = get, .free = nothing_to_free};

/* ---- pairs of snapshots, read at the same time */

enum { PAIRS = 4, METAS = 3 };

struct pair {
    struct snapshot again;
    struct snapshot whole;
};

struct world {
    struct loop *loop;
    struct lab lab;
    struct sim_driver *driver;
    struct transport *transport;
    struct forgetful forgetful;
    struct cluster *again;
    struct cluster *whole;
    struct pair pairs[PAIRS];
    int32_t waiting;
    int32_t failed;
};

static void open_world(struct world *world, enum release release)
{
    *world = (struct world){0};
    world->loop = loop_new_virtual(LAB_WALL_US);
    lab_open(&world->lab, release);
    world->driver = sim_driver_new(world->lab.sim, world->loop);
    world->transport = sim_transport_new(world->driver);
    world->forgetful = (struct forgetful){{&forgetful_ops, world->loop}, world->transport};
    const struct address metas[METAS] = {
        sim_server_address(world->lab.sim, world->lab.m1),
        sim_server_address(world->lab.sim, world->lab.m1 + 1),
        sim_server_address(world->lab.sim, world->lab.m1 + 2),
    };
    world->again = cluster_new(world->transport, metas, METAS);
    world->whole = cluster_new(&world->forgetful.transport, metas, METAS);
    for (int32_t i = 0; i < PAIRS; i++) {
        snapshot_init(&world->pairs[i].again);
        snapshot_init(&world->pairs[i].whole);
    }
}

static void close_world(struct world *world)
{
    for (int32_t i = 0; i < PAIRS; i++) {
        snapshot_clear(&world->pairs[i].again);
        snapshot_clear(&world->pairs[i].whole);
    }
    cluster_free(world->again);
    cluster_free(world->whole);
    world->transport->ops->free(world->transport);
    sim_driver_free(world->driver);
    lab_close(&world->lab);
    loop_close(world->loop);
}

static void on_read(void *ctx, const struct error *err)
{
    struct world *world = ctx;
    world->failed += err != NULL;
    if (--world->waiting == 0) {
        loop_stop(world->loop);
    }
}

static void on_time(void *ctx)
{
    on_read(ctx, NULL);
}

static void run_world(struct world *world)
{
    struct error err;
    ck_assert_msg(loop_run(world->loop, &err), "%s", err.text);
    ck_assert_int_eq(world->waiting, 0);
}

static void read_pairs(struct world *world, int32_t first, int32_t count)
{
    for (int32_t i = first; i < first + count; i++) {
        struct pair *pair = &world->pairs[i];
        world->waiting += 2;
        cluster_read_snapshot(cluster_reader(world->again), &pair->again, 40 * US_PER_SECOND,
                              on_read, world);
        cluster_read_snapshot(cluster_reader(world->whole), &pair->whole, 40 * US_PER_SECOND,
                              on_read, world);
    }
    run_world(world);
}

static void pass(struct world *world, int64_t duration_us)
{
    struct timer timer = {0};
    world->waiting = 1;
    timer_start(world->loop, &timer, duration_us, on_time, world);
    run_world(world);
}

/* ---- equal, to the last list */

static void same_list(const int32_t *a, int32_t a_count, const int32_t *b, int32_t b_count)
{
    ck_assert_int_eq(a_count, b_count);
    for (int32_t i = 0; i < a_count; i++) {
        ck_assert_int_eq(a[i], b[i]);
    }
}

static void same_partition(const struct snapshot_partition *a, const struct snapshot_partition *b)
{
    ck_assert_int_eq(a->gpid.app_id, b->gpid.app_id);
    ck_assert_int_eq(a->gpid.partition, b->gpid.partition);
    ck_assert_int_eq(a->ballot, b->ballot);
    ck_assert_int_eq(a->max_replica_count, b->max_replica_count);
    ck_assert_int_eq(a->primary, b->primary);
    same_list(a->secondaries, a->secondary_count, b->secondaries, b->secondary_count);
    same_list(a->last_drops, a->last_drop_count, b->last_drops, b->last_drop_count);
}

static void same_table(const struct snapshot_table *a, const struct snapshot_table *b,
                       int32_t node_count)
{
    struct snapshot_table unshared = *b;
    unshared.shared = NULL; /* counted by looking at each partition */
    ck_assert_int_eq(a->app_id, b->app_id);
    ck_assert_int_eq(a->partition_count, b->partition_count);
    for (int32_t p = 0; p < a->partition_count; p++) {
        same_partition(&a->partitions[p], &b->partitions[p]);
    }
    ck_assert_int_eq(snapshot_table_unhealthy(a), snapshot_table_unhealthy(&unshared));
    for (int32_t i = 0; i < node_count; i++) {
        struct node_load load = snapshot_table_load(a, i);
        struct node_load seen = snapshot_table_load(&unshared, i);
        ck_assert_int_eq(load.primaries, seen.primaries);
        ck_assert_int_eq(load.secondaries, seen.secondaries);
    }
}

static void same(const struct pair *pair)
{
    const struct snapshot *a = &pair->again;
    const struct snapshot *b = &pair->whole;
    ck_assert_int_eq(a->valid, b->valid);
    ck_assert_int_eq(a->node_count, b->node_count);
    ck_assert_int_eq(a->listed_count, b->listed_count);
    for (int32_t i = 0; i < a->node_count; i++) {
        ck_assert(address_equal(a->nodes[i].address, b->nodes[i].address));
        ck_assert_str_eq(a->nodes[i].name, b->nodes[i].name);
        ck_assert_int_eq(a->nodes[i].status, b->nodes[i].status);
        ck_assert_int_eq(a->nodes[i].primaries, b->nodes[i].primaries);
        ck_assert_int_eq(a->nodes[i].secondaries, b->nodes[i].secondaries);
    }
    ck_assert_int_eq(a->partition_count, b->partition_count);
    ck_assert_int_eq(a->table_count, b->table_count);
    for (int32_t t = 0; t < a->table_count && a->valid; t++) {
        same_table(&a->tables[t], &b->tables[t], a->node_count);
    }
}

/* ---- */

static void disturb(struct world *world, struct rng *rng)
{
    static const enum sim_control what[] = {SIM_KILL, SIM_START, SIM_RESTART, SIM_UPDATE};
    struct sim *sim = world->lab.sim;
    int32_t server = (int32_t)rng_below(rng, (uint64_t)sim_server_count(sim));
    struct error err;
    int64_t done_us;
    /* What makes no sense now is refused. */
    sim_control(sim, server, what[rng_below(rng, 4)], NULL, &done_us, &err);
    sim_driver_poke(world->driver);
}

START_TEST(what_is_read_by_its_changes_is_what_a_whole_read_gives)
{
    struct world world;
    struct rng rng;
    int32_t shared = 0;
    open_world(&world, _i % 2 == 0 ? RELEASE_MASTER : RELEASE_2_5);
    rng_init(&rng, (uint64_t)_i);
    for (int32_t round = 0; round < 200; round++) {
        disturb(&world, &rng);
        pass(&world, (int64_t)rng_below(&rng, 6 * US_PER_SECOND));
        /* Some at once; those not read now keep what they held. */
        int32_t first = (int32_t)rng_below(&rng, PAIRS);
        int32_t count = 1 + (int32_t)rng_below(&rng, (uint64_t)(PAIRS - first));
        read_pairs(&world, first, count);
        for (int32_t i = 0; i < PAIRS; i++) {
            same(&world.pairs[i]);
        }
        const struct snapshot *last = &world.pairs[first].again;
        shared += last->valid && last->tables[0].shared->holders > 1;
    }
    ck_assert_int_gt(shared, 30); /* else this test has shown nothing */
    close_world(&world);
}
END_TEST

START_TEST(only_what_changed_is_told)
{
    struct lab lab;
    struct query_config_request request = {.app_name = slice_of("temp")};
    struct query_config_response response;
    lab_open(&lab, RELEASE_MASTER);
    sim_request(lab.sim, lab.m1, RPC_QUERY_CONFIG, 0, &request, &lab.arena, &response);
    ck_assert(!response.is_partial);
    ck_assert_uint_eq(response.partitions.count, 16);
    request.since = response.revision;
    sim_request(lab.sim, lab.m1, RPC_QUERY_CONFIG, 0, &request, &lab.arena, &response);
    ck_assert(response.is_partial);
    ck_assert_uint_eq(response.partitions.count, 0);
    world_note_record(lab.sim, world_partition(lab.sim, (struct gpid){1, 7}));
    world_note_record(lab.sim, world_partition(lab.sim, (struct gpid){1, 3}));
    world_note_record(lab.sim, world_partition(lab.sim, (struct gpid){1, 7}));
    sim_request(lab.sim, lab.m1, RPC_QUERY_CONFIG, 0, &request, &lab.arena, &response);
    ck_assert_uint_eq(response.partitions.count, 2);
    const struct wire_partition *partitions = response.partitions.items;
    ck_assert_int_eq(partitions[0].pid.partition, 3);
    ck_assert_int_eq(partitions[1].pid.partition, 7);
    request.since = response.revision;
    sim_request(lab.sim, lab.m1, RPC_QUERY_CONFIG, 0, &request, &lab.arena, &response);
    ck_assert_uint_eq(response.partitions.count, 0);
    lab_close(&lab);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("reread");
    TCase *tcase = tcase_create("reread");
    tcase_add_loop_test(tcase, what_is_read_by_its_changes_is_what_a_whole_read_gives, 0, 6);
    tcase_add_test(tcase, only_what_changed_is_told);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
