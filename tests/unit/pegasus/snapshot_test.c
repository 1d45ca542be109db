#include "pegasus/snapshot.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const struct host_port no_host = {0};

static struct address server(uint32_t ip, uint16_t port)
{
    return (struct address){.ip = ip, .port = port, .kind = ADDRESS_IPV4};
}

static struct host_port named(const char *host, uint16_t port)
{
    return (struct host_port){.host = slice_of(host), .port = port, .kind = ADDRESS_IPV4};
}

START_TEST(a_node_is_made_once_and_found_by_its_address)
{
    enum { NODES = 5000 };
    struct snapshot snapshot;
    snapshot_init(&snapshot);
    ck_assert_int_eq(snapshot_find_node(&snapshot, server(1, 1)), SNAPSHOT_NO_NODE);
    for (uint32_t i = 0; i < NODES; i++) {
        ck_assert_int_eq(
            snapshot_add_node(&snapshot, server(i % 100, (uint16_t)(i / 100 + 1)), no_host),
            (int32_t)i);
    }
    for (uint32_t i = 0; i < NODES; i++) {
        struct address address = server(i % 100, (uint16_t)(i / 100 + 1));
        ck_assert_int_eq(snapshot_add_node(&snapshot, address, no_host), (int32_t)i);
        ck_assert_int_eq(snapshot_find_node(&snapshot, address), (int32_t)i);
        ck_assert(address_equal(snapshot.nodes[i].address, address));
    }
    ck_assert_int_eq(snapshot.node_count, NODES);
    ck_assert_int_eq(snapshot_find_node(&snapshot, server(100, 1)), SNAPSHOT_NO_NODE);
    snapshot_clear(&snapshot);
}
END_TEST

START_TEST(what_is_no_server_makes_no_node)
{
    struct snapshot snapshot;
    snapshot_init(&snapshot);
    ck_assert_int_eq(snapshot_add_node(&snapshot, (struct address){0}, named("h", 1)),
                     SNAPSHOT_NO_NODE);
    ck_assert_int_eq(snapshot_add_node(&snapshot, (struct address){1, 1, ADDRESS_GROUP}, no_host),
                     SNAPSHOT_NO_NODE);
    ck_assert_int_eq(snapshot.node_count, 0);
    snapshot_clear(&snapshot);
}
END_TEST

START_TEST(the_first_name_given_wins_and_is_shown)
{
    struct snapshot snapshot;
    struct address address = server(0x7F000001, 34801);
    snapshot_init(&snapshot);
    int32_t index = snapshot_add_node(&snapshot, address, no_host);
    ck_assert_ptr_null(snapshot.nodes[index].host);
    ck_assert_str_eq(snapshot.nodes[index].name, "127.0.0.1:34801");
    ck_assert_int_eq(snapshot.nodes[index].status, NODE_INVALID);
    snapshot_add_node(&snapshot, address, (struct host_port){.host = slice_of("none"), .port = 1});
    ck_assert_ptr_null(snapshot.nodes[index].host);
    snapshot_add_node(&snapshot, address, named("localhost", 34801));
    snapshot_add_node(&snapshot, address, named("other", 1));
    ck_assert_str_eq(snapshot.nodes[index].host, "localhost");
    ck_assert_uint_eq(snapshot.nodes[index].host_port, 34801);
    ck_assert_str_eq(snapshot.nodes[index].name, "localhost:34801");
    snapshot_clear(&snapshot);
}
END_TEST

START_TEST(nodes_can_be_shared_and_more_added)
{
    enum { NODES = 32 }; /* as many as there is room for at first */
    struct snapshot base;
    struct snapshot shared;
    snapshot_init(&base);
    snapshot_init(&shared);
    snapshot_share_nodes(&shared, &base); /* of none: none */
    ck_assert_int_eq(shared.node_count, 0);
    ck_assert_int_eq(snapshot_find_node(&shared, server(1, 1)), SNAPSHOT_NO_NODE);
    for (uint16_t i = 0; i < NODES; i++) {
        snapshot_add_node(&base, server(7, (uint16_t)(i + 1)), named("r", (uint16_t)(i + 1)));
    }
    base.nodes[3].status = NODE_ALIVE;
    snapshot_share_nodes(&shared, &base);
    for (int32_t i = 0; i < NODES; i++) {
        ck_assert_int_eq(snapshot_find_node(&shared, base.nodes[i].address), i);
        ck_assert_str_eq(shared.nodes[i].name, base.nodes[i].name);
        ck_assert_int_eq(shared.nodes[i].status, base.nodes[i].status);
    }
    ck_assert_int_eq(snapshot_add_node(&shared, server(8, 1), no_host), NODES);
    ck_assert_int_eq(snapshot_find_node(&shared, server(7, NODES)), NODES - 1);
    ck_assert_int_eq(base.node_count, NODES);
    ck_assert_int_eq(snapshot_find_node(&base, server(8, 1)), SNAPSHOT_NO_NODE);
    snapshot_clear(&shared);
    snapshot_clear(&base);
}
END_TEST

START_TEST(replicas_of_available_tables_are_counted)
{
    static const int32_t secondaries[] = {1, 2};
    struct snapshot_partition partitions[] = {
        {.primary = 0, .secondaries = secondaries, .secondary_count = 2},
        {.primary = SNAPSHOT_NO_NODE, .secondaries = secondaries, .secondary_count = 1},
    };
    struct snapshot_table tables[] = {
        {.status = APP_AVAILABLE, .partition_count = 2, .partitions = partitions},
        {.status = APP_DROPPED, .partition_count = 2, .partitions = partitions},
        {.status = APP_DROPPED, .partition_count = 4},
    };
    struct snapshot snapshot;
    snapshot_init(&snapshot);
    for (uint32_t i = 0; i < 3; i++) {
        snapshot_add_node(&snapshot, server(i, 1), no_host);
    }
    snapshot.tables = tables;
    snapshot.table_count = 3;
    for (int twice = 0; twice < 2; twice++) {
        snapshot_count(&snapshot);
        ck_assert_int_eq(snapshot.nodes[0].primaries, 1);
        ck_assert_int_eq(snapshot.nodes[0].secondaries, 0);
        ck_assert_int_eq(snapshot.nodes[1].secondaries, 2);
        ck_assert_int_eq(snapshot.nodes[2].secondaries, 1);
    }
    snapshot_clear(&snapshot);
}
END_TEST

START_TEST(an_available_table_hides_dropped_ones_of_its_name)
{
    struct snapshot_table tables[] = {
        {.name = "a", .app_id = 1, .status = APP_DROPPED},
        {.name = "b", .app_id = 2, .status = APP_DROPPED},
        {.name = "a", .app_id = 3, .status = APP_AVAILABLE},
    };
    struct snapshot snapshot;
    snapshot_init(&snapshot);
    snapshot.tables = tables;
    snapshot.table_count = 3;
    ck_assert_int_eq(snapshot_find_table(&snapshot, "a")->app_id, 3);
    ck_assert_int_eq(snapshot_find_table(&snapshot, "b")->app_id, 2);
    ck_assert_ptr_null(snapshot_find_table(&snapshot, "c"));
    snapshot_clear(&snapshot);
}
END_TEST

START_TEST(healthy_means_a_primary_and_all_replicas)
{
    struct snapshot_partition partition = {
        .primary = 0, .secondary_count = 2, .max_replica_count = 3};
    ck_assert(partition_is_healthy(&partition));
    partition.secondary_count = 1;
    ck_assert(!partition_is_healthy(&partition));
    partition.secondary_count = 3;
    partition.primary = SNAPSHOT_NO_NODE;
    ck_assert(!partition_is_healthy(&partition));
}
END_TEST

static void fill(struct snapshot *snapshot)
{
    for (uint32_t i = 0; i < 500; i++) {
        snapshot_add_node(snapshot, server(i, 1), named("a.host.name", 1));
    }
    snapshot->tables = arena_allocate(&snapshot->arena, 100000);
}

START_TEST(a_poll_allocates_nothing_once_it_has_seen_the_largest_answer)
{
    struct snapshot snapshot;
    snapshot_init(&snapshot);
    fill(&snapshot);
    snapshot_reset(&snapshot);
    ck_assert(!snapshot.valid && snapshot.node_count == 0 && snapshot.tables == NULL);
    ck_assert_int_eq(snapshot_find_node(&snapshot, server(1, 1)), SNAPSHOT_NO_NODE);
    size_t kept = snapshot.arena.total;
    const struct arena_block *block = snapshot.arena.newest;
    for (int i = 0; i < 3; i++) {
        fill(&snapshot);
        ck_assert_uint_eq(snapshot.arena.total, kept);
        ck_assert_ptr_eq(snapshot.arena.newest, block);
        snapshot_reset(&snapshot);
    }
    snapshot_clear(&snapshot);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("snapshot");
    TCase *tcase = tcase_create("snapshot");
    tcase_add_test(tcase, a_node_is_made_once_and_found_by_its_address);
    tcase_add_test(tcase, what_is_no_server_makes_no_node);
    tcase_add_test(tcase, the_first_name_given_wins_and_is_shown);
    tcase_add_test(tcase, nodes_can_be_shared_and_more_added);
    tcase_add_test(tcase, replicas_of_available_tables_are_counted);
    tcase_add_test(tcase, an_available_table_hides_dropped_ones_of_its_name);
    tcase_add_test(tcase, healthy_means_a_primary_and_all_replicas);
    tcase_add_test(tcase, a_poll_allocates_nothing_once_it_has_seen_the_largest_answer);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
