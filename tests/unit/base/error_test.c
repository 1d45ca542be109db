#include "base/error.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

START_TEST(context_is_put_before_the_text_and_the_code_stays)
{
    struct error err;
    error_set(&err, ERROR_REPLY, "locked by pid %d", 311);
    error_wrap(&err, "open journal '%s'", "r7");
    error_wrap(&err, "resume");
    ck_assert_str_eq(err.text, "resume: open journal 'r7': locked by pid 311");
    ck_assert_int_eq(err.code, ERROR_REPLY);
}
END_TEST

START_TEST(an_errno_becomes_words)
{
    struct error err;
    error_set_errno(&err, ENOENT, "open '%s'", "x");
    ck_assert_str_eq(err.text, "open 'x': No such file or directory");
    ck_assert_int_eq(err.code, ERROR_SYSTEM);
}
END_TEST

static char long_text[2 * ERROR_TEXT_BYTES];

static void check_cut(const struct error *err)
{
    ck_assert_uint_eq(strlen(err->text), ERROR_TEXT_BYTES - 1);
    ck_assert_str_eq(err->text + ERROR_TEXT_BYTES - 4, "...");
}

START_TEST(a_text_that_is_too_long_is_cut_with_dots)
{
    struct error err;
    memset(long_text, 'x', sizeof long_text - 1);
    error_set(&err, ERROR_PEER, "%s", long_text);
    check_cut(&err);
    error_wrap(&err, "context");
    check_cut(&err);
    ck_assert_int_eq(strncmp(err.text, "context: xxx", 12), 0);
    error_set(&err, ERROR_PEER, "short");
    error_wrap(&err, "%s", long_text);
    check_cut(&err);
    error_set_errno(&err, ENOENT, "%s", long_text);
    check_cut(&err);
    error_set_errno(&err, ENOENT, "%.*s", ERROR_TEXT_BYTES - 10, long_text);
    check_cut(&err);
    error_set(&err, ERROR_PEER, "%.*s", ERROR_TEXT_BYTES - 1, long_text); /* just fits */
    ck_assert_str_eq(err.text + ERROR_TEXT_BYTES - 4, "xxx");
}
END_TEST

START_TEST(each_code_has_a_name_of_its_own_and_a_known_exit_code)
{
    for (int a = 0; a < ERROR_CODE_COUNT; a++) {
        int exit_code = error_exit_code((enum error_code)a);
        ck_assert_int_ge(exit_code, 1);
        ck_assert_int_le(exit_code, 6);
        for (int b = 0; b < a; b++) {
            ck_assert_str_ne(error_code_name((enum error_code)a),
                             error_code_name((enum error_code)b));
        }
    }
    ck_assert_int_eq(error_exit_code(ERROR_CANCELLED), 4);
    ck_assert_str_eq(error_code_name(ERROR_NOT_RESTORED), "not-restored");
}
END_TEST

START_TEST(a_list_keeps_a_hundred_errors_and_counts_the_rest)
{
    struct error_list list;
    error_list_init(&list);
    for (int i = 0; i < ERROR_LIST_LIMIT + 5; i++) {
        error_list_add(&list, i % 2 == 0 ? "ha.lua" : NULL, i, "mistake %d", i);
    }
    ck_assert_uint_eq(list.count, ERROR_LIST_LIMIT);
    ck_assert_uint_eq(list.dropped, 5);
    ck_assert_str_eq(list.items[2].file, "ha.lua");
    ck_assert_ptr_null(list.items[3].file);
    ck_assert_int_eq(list.items[99].line, 99);
    ck_assert_str_eq(list.items[99].text, "mistake 99");
    error_list_clear(&list);
    ck_assert_uint_eq(list.count, 0);
    error_list_add(&list, NULL, 0, "again");
    ck_assert_uint_eq(list.count, 1);
    error_list_clear(&list);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("error");
    TCase *tcase = tcase_create("error");
    tcase_add_test(tcase, context_is_put_before_the_text_and_the_code_stays);
    tcase_add_test(tcase, an_errno_becomes_words);
    tcase_add_test(tcase, a_text_that_is_too_long_is_cut_with_dots);
    tcase_add_test(tcase, each_code_has_a_name_of_its_own_and_a_known_exit_code);
    tcase_add_test(tcase, a_list_keeps_a_hundred_errors_and_counts_the_rest);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
