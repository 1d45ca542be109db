#include "base/log.h"

#include "base/loop.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *level;
    const char *written; /* NULL: the level is refused */
} cases[] = {
    {NULL, ""},
    {"", ""},
    {"info", "log      1.500  lost 7\n"},
    {"debug", "log      1.500  lost 7\nlog      2.000  made 8\n"},
    {"loud", NULL},
};

START_TEST(a_log_writes_what_its_level_asks_for)
{
    FILE *file = tmpfile();
    struct log log = {0};
    struct error err;
    char text[200] = "";
    bool opened = log_open(&log, cases[_i].level, fileno(file), &err);
    ck_assert_int_eq(opened, cases[_i].written != NULL);
    if (!opened) {
        ck_assert_str_eq(err.text, "log level 'loud' is none; write info or debug");
        fclose(file);
        return;
    }
    log_write(&log, LOG_INFO, 1500000, "lost %d", 7);
    log_write(&log, LOG_DEBUG, 2000000, "made %d", 8);
    log_close(&log);
    rewind(file);
    ck_assert_uint_eq(fread(text, 1, sizeof text - 1, file), strlen(cases[_i].written));
    ck_assert_str_eq(text, cases[_i].written);
    fclose(file);
}
END_TEST

START_TEST(a_loop_has_no_log_until_it_is_given_one)
{
    struct loop *loop = loop_new_virtual(0);
    struct log log = {0};
    ck_assert_ptr_null(loop_log(loop));
    log_write(loop_log(loop), LOG_INFO, 0, "to nobody");
    loop_set_log(loop, &log);
    ck_assert_ptr_eq(loop_log(loop), &log);
    loop_close(loop);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("log");
    TCase *tcase = tcase_create("all");
    tcase_add_loop_test(tcase, a_log_writes_what_its_level_asks_for, 0,
                        (int)(sizeof cases / sizeof cases[0]));
    tcase_add_test(tcase, a_loop_has_no_log_until_it_is_given_one);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
