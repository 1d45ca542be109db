#include "pegasus/partitions.h"

#include <check.h>
#include <stdlib.h>

static void set(struct partitions *partitions, int32_t index, int32_t primary, int32_t a, int32_t b)
{
    const int32_t secondaries[] = {a, b};
    struct snapshot_partition partition = {
        .gpid = {3, index},
        .max_replica_count = 3,
        .primary = primary,
        .secondaries = secondaries,
        .secondary_count = b == SNAPSHOT_NO_NODE ? 1 : 2,
        .last_drops = secondaries,
        .last_drop_count = 1,
    };
    partitions_set(partitions, index, &partition);
}

static void expect_load(const struct partitions *partitions, int32_t node, int32_t primaries,
                        int32_t secondaries)
{
    struct node_load load = partitions_load(partitions, node);
    ck_assert_int_eq(load.primaries, primaries);
    ck_assert_int_eq(load.secondaries, secondaries);
}

START_TEST(counts_follow_what_is_set)
{
    struct partitions *partitions = partitions_new(2);
    expect_load(partitions, 0, 0, 0);
    set(partitions, 0, 0, 1, 2);
    set(partitions, 1, SNAPSHOT_NO_NODE, 1, SNAPSHOT_NO_NODE);
    ck_assert_int_eq(partitions->unhealthy, 1);
    ck_assert_int_eq(partitions->highest_node, 2);
    expect_load(partitions, 0, 1, 0);
    expect_load(partitions, 1, 0, 2);
    expect_load(partitions, 2, 0, 1);
    set(partitions, 1, 9, 0, 2);
    ck_assert_int_eq(partitions->unhealthy, 0);
    expect_load(partitions, 0, 1, 1);
    expect_load(partitions, 1, 0, 1);
    expect_load(partitions, 9, 1, 0);
    expect_load(partitions, 1000, 0, 0);
    expect_load(partitions, SNAPSHOT_NO_NODE, 0, 0);
    partitions_release(partitions);
}
END_TEST

START_TEST(a_copy_goes_its_own_way)
{
    struct partitions *first = partitions_new(3);
    first->revision = 7;
    set(first, 0, 0, 1, 2);
    set(first, 2, 1, 2, SNAPSHOT_NO_NODE); /* the one between is not set yet */
    struct partitions *copy = partitions_copy(first);
    ck_assert_uint_eq(copy->holders, 1);
    ck_assert_uint_eq(copy->revision, 7);
    ck_assert_int_eq(copy->unhealthy, 1);
    expect_load(copy, 2, 0, 2);
    set(copy, 2, 2, 0, 1);
    ck_assert_int_eq(first->items[2].primary, 1);
    ck_assert_int_eq(first->unhealthy, 1);
    ck_assert_int_eq(copy->unhealthy, 0);
    partitions_release(first);
    ck_assert_int_eq(copy->items[0].secondaries[1], 2);
    partitions_release(copy);
}
END_TEST

START_TEST(servers_can_be_numbered_anew)
{
    static const int32_t numbers[] = {4, 0, 1, 3};
    struct partitions *partitions = partitions_new(2);
    set(partitions, 0, 0, 1, 2);
    set(partitions, 1, SNAPSHOT_NO_NODE, 2, SNAPSHOT_NO_NODE);
    partitions_renumber(partitions, numbers, 4);
    ck_assert_int_eq(partitions->items[0].primary, 4);
    ck_assert_int_eq(partitions->items[0].secondaries[0], 0);
    ck_assert_int_eq(partitions->items[0].secondaries[1], 1);
    ck_assert_int_eq(partitions->items[0].last_drops[0], 0);
    ck_assert_int_eq(partitions->items[1].primary, SNAPSHOT_NO_NODE);
    ck_assert_int_eq(partitions->unhealthy, 1);
    ck_assert_int_eq(partitions->highest_node, 4);
    expect_load(partitions, 4, 1, 0);
    expect_load(partitions, 1, 0, 2);
    expect_load(partitions, 2, 0, 0);
    partitions_release(partitions);
}
END_TEST

START_TEST(a_copy_drops_what_was_replaced)
{
    struct partitions *partitions = partitions_new(2);
    for (int32_t i = 0; i < 6; i++) {
        ck_assert(!partitions_are_worn(partitions));
        set(partitions, 0, i, 1, 2);
    }
    ck_assert(partitions_are_worn(partitions));
    struct partitions *copy = partitions_copy(partitions);
    ck_assert(!partitions_are_worn(copy));
    partitions_release(partitions);
    partitions_release(copy);
    partitions_release(NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("partitions");
    TCase *tcase = tcase_create("partitions");
    tcase_add_test(tcase, counts_follow_what_is_set);
    tcase_add_test(tcase, a_copy_goes_its_own_way);
    tcase_add_test(tcase, servers_can_be_numbered_anew);
    tcase_add_test(tcase, a_copy_drops_what_was_replaced);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
