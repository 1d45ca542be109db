#include "base/text.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

START_TEST(a_text_grows_by_bytes_strings_and_formats)
{
    struct text text = {0};
    ck_assert_str_eq(text_string(&text), "");
    text_append(&text, "a\0b", 3);
    text_append_char(&text, 'c');
    text_append_string(&text, "def");
    text_append(&text, NULL, 0);
    text_printf(&text, "%d-%s", 42, "x");
    ck_assert_uint_eq(text.length, 11);
    ck_assert_mem_eq(text.bytes, "a\0bcdef42-x", 12);
    text_reset(&text);
    ck_assert_str_eq(text_string(&text), "");
    for (int i = 0; i < 10000; i++) {
        text_printf(&text, "%04d", i);
    }
    ck_assert_uint_eq(text.length, 40000);
    ck_assert_str_eq(text_string(&text) + 39996, "9999");
    text_clear(&text);
    ck_assert_ptr_null(text.bytes);
}
END_TEST

START_TEST(dropping_the_front_keeps_the_rest)
{
    struct text text = {0};
    text_drop_front(&text, 0);
    text_append_string(&text, "front and rest");
    text_drop_front(&text, 10);
    ck_assert_str_eq(text_string(&text), "rest");
    text_drop_front(&text, 4);
    ck_assert_str_eq(text_string(&text), "");
    ck_assert_uint_eq(text.length, 0);
    text_append_char(&text, 'x');
    ck_assert_str_eq(text_string(&text), "x");
    text_clear(&text);
}
END_TEST

START_TEST(reserved_room_is_written_behind_the_length)
{
    struct text text = {0};
    text_append_string(&text, "ab");
    char *room = text_reserve(&text, 1000);
    ck_assert_ptr_eq(room, text.bytes + 2);
    memset(room, 'z', 1000);
    text.length += 1000;
    text_append_char(&text, '!');
    ck_assert_uint_eq(strlen(text_string(&text)), 1003);
    text_clear(&text);
}
END_TEST

START_TEST(what_is_taken_is_the_callers_and_never_null)
{
    struct text text = {0};
    char *empty = text_take(&text);
    text_append_string(&text, "mine");
    char *full = text_take(&text);
    ck_assert_str_eq(empty, "");
    ck_assert_str_eq(full, "mine");
    ck_assert_ptr_null(text.bytes);
    ck_assert_uint_eq(text.length, 0);
    free(empty);
    free(full);
}
END_TEST

START_TEST(slices_compare_whole)
{
    struct slice slice = {"abcd", 3};
    ck_assert(slice_equals(slice, "abc"));
    ck_assert(!slice_equals(slice, "abcd"));
    ck_assert(!slice_equals(slice, "ab"));
    ck_assert(slice_equals((struct slice){0}, ""));
    ck_assert_uint_eq(slice_of(NULL).length, 0);
    ck_assert_uint_eq(slice_of("abc").length, 3);
    ck_assert(!slice_equals((struct slice){"a\0b", 3}, "a"));
}
END_TEST

static const struct {
    const char *a;
    const char *b;
    size_t distance;
} distances[] = {
    {"timeout", "timeout", 0},
    {"timout", "timeout", 1},
    {"tiemout", "timeout", 2},
    {"", "abc", 3},
    {"abc", "", 3},
    {"kitten", "sitting", 3},
    {"", "", 0},
};

START_TEST(the_distance_counts_edits)
{
    ck_assert_uint_eq(text_distance(distances[_i].a, distances[_i].b), distances[_i].distance);
    ck_assert_uint_eq(text_distance(distances[_i].b, distances[_i].a), distances[_i].distance);
}
END_TEST

START_TEST(the_distance_looks_at_64_bytes_at_most)
{
    char longer[201];
    memset(longer, 'x', 200);
    longer[200] = '\0';
    ck_assert_uint_eq(text_distance(longer, ""), 64);
    ck_assert_uint_eq(text_distance(longer, longer + 100), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("text");
    TCase *tcase = tcase_create("text");
    tcase_add_test(tcase, a_text_grows_by_bytes_strings_and_formats);
    tcase_add_test(tcase, dropping_the_front_keeps_the_rest);
    tcase_add_test(tcase, reserved_room_is_written_behind_the_length);
    tcase_add_test(tcase, what_is_taken_is_the_callers_and_never_null);
    tcase_add_test(tcase, slices_compare_whole);
    tcase_add_loop_test(tcase, the_distance_counts_edits, 0,
                        (int)(sizeof distances / sizeof *distances));
    tcase_add_test(tcase, the_distance_looks_at_64_bytes_at_most);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
