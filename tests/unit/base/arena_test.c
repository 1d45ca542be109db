#include "base/arena.h"

#include <check.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static struct arena arena;

static void setup(void)
{
    arena_init(&arena);
}

static void teardown(void)
{
    arena_clear(&arena);
}

START_TEST(memory_is_zeroed_aligned_and_apart)
{
    unsigned char *pieces[200];
    size_t sizes[200];
    for (size_t i = 0; i < 200; i++) {
        sizes[i] = i * i % 977 + (i == 100 ? 100000 : 0);
        pieces[i] = arena_allocate(&arena, sizes[i]);
        ck_assert_uint_eq((uintptr_t)pieces[i] % alignof(max_align_t), 0);
        for (size_t j = 0; j < sizes[i]; j++) {
            ck_assert_uint_eq(pieces[i][j], 0);
        }
        memset(pieces[i], (int)(i + 1), sizes[i]);
    }
    for (size_t i = 0; i < 200; i++) {
        for (size_t j = 0; j < sizes[i]; j++) {
            ck_assert_uint_eq(pieces[i][j], (unsigned char)(i + 1));
        }
    }
}
END_TEST

START_TEST(memory_is_zeroed_again_after_a_reset)
{
    memset(arena_allocate(&arena, 1000), 0xff, 1000);
    arena_reset(&arena);
    const unsigned char *again = arena_allocate(&arena, 1000);
    for (int i = 0; i < 1000; i++) {
        ck_assert_uint_eq(again[i], 0);
    }
}
END_TEST

START_TEST(polls_of_the_same_size_settle_on_one_block)
{
    size_t settled = 0;
    for (int poll = 0; poll < 20; poll++) {
        arena_reset(&arena);
        for (int i = 0; i < 1000; i++) {
            arena_allocate(&arena, 500);
        }
        if (poll == 10) {
            settled = arena.total;
        }
        ck_assert(poll <= 10 || arena.total == settled);
    }
    ck_assert_uint_lt(settled, 4 * 1000 * 512);
}
END_TEST

START_TEST(copies_end_in_a_nul)
{
    ck_assert_str_eq(arena_copy_string(&arena, "whole"), "whole");
    ck_assert_str_eq(arena_copy_string(&arena, ""), "");
    ck_assert_str_eq(arena_copy_bytes(&arena, "part of it", 4), "part");
    ck_assert_str_eq(arena_copy_bytes(&arena, NULL, 0), "");
    ck_assert_str_eq(arena_printf(&arena, "%s is %d", "that", 7), "that is 7");
    ck_assert_uint_eq(strlen(arena_printf(&arena, "%05000d", 1)), 5000);
}
END_TEST

START_TEST(a_cleared_arena_may_be_used_again)
{
    arena_allocate(&arena, 10);
    arena_clear(&arena);
    arena_clear(&arena);
    arena_reset(&arena);
    ck_assert_uint_eq(arena.total, 0);
    ck_assert_str_eq(arena_copy_string(&arena, "again"), "again");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("arena");
    TCase *tcase = tcase_create("arena");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, memory_is_zeroed_aligned_and_apart);
    tcase_add_test(tcase, memory_is_zeroed_again_after_a_reset);
    tcase_add_test(tcase, polls_of_the_same_size_settle_on_one_block);
    tcase_add_test(tcase, copies_end_in_a_nul);
    tcase_add_test(tcase, a_cleared_arena_may_be_used_again);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
