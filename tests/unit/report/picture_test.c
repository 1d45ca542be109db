/* A run's picture at given sizes, compared line by line. */
#include "runs.h"

#include "report/columns.h"
#include "report/picture.h"

static struct written run;

static void set_up(void)
{
    setenv("TZ", "UTC", 1);
    setenv("NO_COLOR", "1", 1);
    run_begin(&run);
}

static void tear_down(void)
{
    run_end(&run);
}

static const struct picture_view at_80x24 = {
    .columns = 80, .rows = 23, .now_us = 72 * US_PER_SECOND, .alive = true};

static void check_picture(const struct picture_view *view, const char *wanted)
{
    struct text out = {0};
    struct standing *standing = run_read(&run);
    picture_draw(standing, view, &out);
    ck_assert_str_eq(text_string(&out), wanted);
    text_clear(&out);
    standing_free(standing);
}

START_TEST(a_wait_is_shown_whole_on_80_columns)
{
    run_up_to_a_wait(&run);
    check_picture(
        &at_80x24,
        "prod: rolling upgrade ------------------------------------------- running, 1m12s\n"
        "run         20261123-135250-prod, since 13:52:50, by kim on ops1: ticket 12\n"
        "replicas    [######>>>>>>>-------]  1 of 3 done (1m each), 1 in work, 1 to do\n"
        "metas       [--------------------]  none of 1 begun\n"
        "now         r2:34801: drain/wait_until-2 for 10s (ha.lua:55)\n"
        "  waits for no_secondaries(r2:34801)\n"
        "  seen      3 secondaries left on r2:34801 (1.0, 1.1, 2.7)\n"
        "  since     13:53:52 (10s), until 14:03:52 (9m50s more), then the step fails\n"
        "holds       meta level: steady, as before\n"
        "            meta.lb.add_secondary_max_count_for_one_node: 20 -> 0\n");
}
END_TEST

START_TEST(sixty_columns_are_enough)
{
    const struct picture_view view = {
        .columns = 60, .rows = 23, .now_us = 72 * US_PER_SECOND, .alive = true};
    run_up_to_a_wait(&run);
    check_picture(&view, "prod: rolling upgrade ----------------------- running, 1m12s\n"
                         "run         20261123-135250-prod, since 13:52:50, by kim ...\n"
                         "replicas    [###>>>----]  1 of 3 done (1m each), 1 in work..\n"
                         "metas       [----------]  none of 1 begun\n"
                         "now         r2:34801: drain/wait_until-2 for 10s (ha.lua:55)\n"
                         "  waits for no_secondaries(r2:34801)\n"
                         "  seen      3 secondaries left on r2:34801 (1.0, 1.1, 2.7)\n"
                         "  since     13:53:52 (10s), until 14:03:52 (9m50s more),\n"
                         "            then the step fails\n"
                         "holds       meta level: steady, as before\n"
                         "            add_secondary_max_count_for_one_node: 20 -> 0\n");
}
END_TEST

START_TEST(where_rows_are_few_less_is_said_of_each_step)
{
    struct picture_view view = at_80x24;
    run_up_to_a_wait(&run);
    view.rows = 10;
    check_picture(
        &view, "prod: rolling upgrade ------------------------------------------- running, 1m12s\n"
               "run         20261123-135250-prod, since 13:52:50, by kim on ops1: ticket 12\n"
               "replicas    [######>>>>>>>-------]  1 of 3 done (1m each), 1 in work, 1 to do\n"
               "metas       [--------------------]  none of 1 begun\n"
               "now         r2:34801: drain/wait_until-2 for 10s (ha.lua:55)\n"
               "  waits for no_secondaries(r2:34801)\n"
               "  seen      3 secondaries left on r2:34801 (1.0, 1.1, 2.7)\n"
               "  since     13:53:52 (10s), until 14:03:52 (9m50s more), then the step fails\n"
               "holds       meta level: steady, as before\n"
               "            meta.lb.add_secondary_max_count_for_one_node: 20 -> 0\n");
    view.rows = 8;
    check_picture(
        &view, "prod: rolling upgrade ------------------------------------------- running, 1m12s\n"
               "run         20261123-135250-prod, since 13:52:50, by kim on ops1: ticket 12\n"
               "replicas    [######>>>>>>>-------]  1 of 3 done (1m each), 1 in work, 1 to do\n"
               "metas       [--------------------]  none of 1 begun\n"
               "now         r2:34801: drain/wait_until-2 for 10s (ha.lua:55)\n"
               "  waits     3 secondaries left on r2:34801 (1.0, 1.1, 2.7)\n"
               "holds       meta level: steady, as before\n"
               "            meta.lb.add_secondary_max_count_for_one_node: 20 -> 0\n");
    view.rows = 3;
    check_picture(
        &view, "prod: rolling upgrade ------------------------------------------- running, 1m12s\n"
               "run         20261123-135250-prod, since 13:52:50, by kim on ops1: ticket 12\n"
               "replicas    [######>>>>>>>-------]  1 of 3 done (1m each), 1 in work, 1 to do\n");
}
END_TEST

START_TEST(without_an_edge_nothing_is_cut)
{
    const struct picture_view view = {.now_us = 72 * US_PER_SECOND, .alive = true};
    run_up_to_a_wait(&run);
    check_picture(
        &view,
        "prod: rolling upgrade - running, 1m12s\n"
        "run         20261123-135250-prod, since 13:52:50, by kim on ops1: ticket 12\n"
        "replicas    [##########>>>>>>>>>>----------]  1 of 3 done (1m each), 1 in work, 1 to do\n"
        "metas       [------------------------------]  none of 1 begun\n"
        "now         r2:34801: drain/wait_until-2 for 10s (ha.lua:55)\n"
        "  waits for no_secondaries(r2:34801)\n"
        "  seen      3 secondaries left on r2:34801 (1.0, 1.1, 2.7)\n"
        "  since     13:53:52 (10s), until 14:03:52 (9m50s more), then the step fails\n"
        "holds       meta level: steady, as before\n"
        "            meta.lb.add_secondary_max_count_for_one_node: 20 -> 0\n");
}
END_TEST

START_TEST(many_at_once_get_one_line_each)
{
    struct picture_view view = at_80x24;
    char id[64];
    run_up_to_a_wait(&run);
    for (int i = 0; i < 6; i++) {
        snprintf(id, sizeof id, "others/%d/deploy", i);
        run_write(&run, event_at(63000, EVENT_STEP_STARTED, STEP_DEPLOY, id, NULL, "deploy", NULL));
    }
    view.rows = 10;
    check_picture(
        &view, "prod: rolling upgrade ------------------------------------------- running, 1m12s\n"
               "run         20261123-135250-prod, since 13:52:50, by kim on ops1: ticket 12\n"
               "replicas    [######>>>>>>>-------]  1 of 3 done (1m each), 1 in work, 1 to do\n"
               "metas       [--------------------]  none of 1 begun\n"
               "now         r2:34801: drain/wait_until-2: 3 secondaries left on r2:34801 (1.0...\n"
               "now         others/0/deploy\n"
               "now         others/1/deploy\n"
               "            and 4 more steps under way\n"
               "holds       meta level: steady, as before\n"
               "            meta.lb.add_secondary_max_count_for_one_node: 20 -> 0\n");
    view.rows = 5;
    check_picture(
        &view,
        "prod: rolling upgrade ------------------------------------------- running, 1m12s\n"
        "run         20261123-135250-prod, since 13:52:50, by kim on ops1: ticket 12\n"
        "replicas    [######>>>>>>>-------]  1 of 3 done (1m each), 1 in work, 1 to do\n"
        "metas       [--------------------]  none of 1 begun\n"
        "now         r2:34801: drain/wait_until-2: 3 secondaries left on r2:34801 (1.0...\n");
}
END_TEST

START_TEST(a_pause_comes_first_with_its_reason)
{
    run_up_to_a_wait(&run);
    run_write(
        &run,
        event_at(
            70000, EVENT_PAUSED, STEP_STEPS, "-", NULL,
            "a level changed; nothing is begun until this is decided: continue goes on as planned",
            "{\"why\":\"somebody set the level to lively\"}"));
    check_picture(
        &at_80x24,
        "prod: rolling upgrade -------------------------------------------- PAUSED, 1m12s\n"
        "run         20261123-135250-prod, since 13:52:50, by kim on ops1: ticket 12\n"
        "PAUSED      at 13:54:00: a level changed; nothing is begun until this is\n"
        "            decided: continue goes on as planned\n"
        "replicas    [######>>>>>>>-------]  1 of 3 done (1m each), 1 in work, 1 to do\n"
        "metas       [--------------------]  none of 1 begun\n"
        "now         r2:34801: drain/wait_until-2 for 10s (ha.lua:55)\n"
        "  waits for no_secondaries(r2:34801)\n"
        "  seen      3 secondaries left on r2:34801 (1.0, 1.1, 2.7)\n"
        "  since     13:53:52 (10s), 9m52s more after the pause, then the step fails\n"
        "holds       meta level: steady, as before\n"
        "            meta.lb.add_secondary_max_count_for_one_node: 20 -> 0\n");
}
END_TEST

START_TEST(a_dead_run_says_where_it_stood_and_what_to_do)
{
    struct picture_view view = at_80x24;
    run_up_to_a_wait(&run);
    view.alive = false;
    view.now_us = 64 * US_PER_SECOND;
    check_picture(
        &view, "prod: rolling upgrade --------------------------------------------- KILLED, 1m4s\n"
               "run         20261123-135250-prod, since 13:52:50, by kim on ops1: ticket 12\n"
               "KILLED      its process (pid 311) is gone; the last it said, at 13:53:54: 3 left\n"
               "            (for 2s now)\n"
               "replicas    [######>>>>>>>-------]  1 of 3 done (1m each), 1 in work, 1 to do\n"
               "metas       [--------------------]  none of 1 begun\n"
               "now         r2:34801: drain/wait_until-2 for 2s (ha.lua:55)\n"
               "  waits for no_secondaries(r2:34801)\n"
               "  seen      3 secondaries left on r2:34801 (1.0, 1.1, 2.7)\n"
               "  since     13:53:52 (2s), until 14:03:52 (9m58s more), then the step fails\n"
               "holds       meta level: steady, as before\n"
               "            meta.lb.add_secondary_max_count_for_one_node: 20 -> 0\n"
               "next        pegflow resume 20261123-135250-prod goes on with it, pegflow revert\n"
               "            20261123-135250-prod puts back what it holds\n");
}
END_TEST

START_TEST(what_an_ended_run_left_is_named)
{
    struct picture_view view = at_80x24;
    run_up_to_a_wait(&run);
    run_write(&run, event_at(72000, EVENT_RUN_FINISHED, STEP_STEPS, "-", NULL,
                             "not restored after 1m12s: the meta server did not answer",
                             "{\"outcome\":\"not restored\",\"exit_code\":5}"));
    view.alive = false;
    check_picture(
        &view, "prod: rolling upgrade -------------------------------------- not restored, 1m12s\n"
               "run         20261123-135250-prod, since 13:52:50, by kim on ops1: ticket 12\n"
               "ended       not restored after 1m12s: the meta server did not answer\n"
               "replicas    [######>>>>>>>-------]  1 of 3 done (1m each), 1 in work, 1 to do\n"
               "LEFT        meta.lb.add_secondary_max_count_for_one_node: 20 -> 0\n"
               "next        pegflow revert 20261123-135250-prod puts back what it left\n");
}
END_TEST

START_TEST(colour_is_never_the_only_sign)
{
    struct text plain = {0};
    struct text coloured = {0};
    struct text stripped = {0};
    struct picture_view view = at_80x24;
    run_up_to_a_wait(&run);
    run_write(
        &run,
        event_at(
            70000, EVENT_PAUSED, STEP_STEPS, "-", NULL,
            "a level changed; nothing is begun until this is decided: continue goes on as planned",
            "{\"why\":\"somebody set the level to lively\"}"));
    struct standing *standing = run_read(&run);
    picture_draw(standing, &view, &plain);
    view.colour = true;
    picture_draw(standing, &view, &coloured);
    for (const char *c = text_string(&coloured); *c != '\0'; c++) {
        if (*c == '\033') {
            c = strchr(c, 'm');
        } else {
            text_append_char(&stripped, *c);
        }
    }
    ck_assert_uint_gt(coloured.length, plain.length);
    ck_assert_str_eq(text_string(&stripped), text_string(&plain));
    text_clear(&plain);
    text_clear(&coloured);
    text_clear(&stripped);
    standing_free(standing);
}
END_TEST

/* ---- columns */
static const struct {
    const char *text;
    size_t width;
    const char *shown;
} cuts[] = {
    {"abc", 3, "abc"},
    {"abcdef", 5, "ab..."},
    {"abcdef", 2, ".."},
    {"abc", 0, ""},
    {"a\033[2Jb", 9, "a?[2Jb"}, /* cannot clear the screen */
    {"a\nb\tc\x7f", 9, "a b c?"},
    {"\xc3\xa4\xc3\xb6", 2, "\xc3\xa4\xc3\xb6"},
    {"\xe4\xb8\xad\xe6\x96\x87", 4, "\xe4\xb8\xad\xe6\x96\x87"}, /* two columns each */
    {"\xe4\xb8\xad\xe6\x96\x87xy", 5, "\xe4\xb8\xad..."},
    {"\xff\xc3", 5, "??"},
    {"\xc0\xaf", 5, "?"}, /* an overlong '/' */
    {"\xe2\x80\xae"
     "a",
     5, "?a"}, /* cannot turn the direction */
    {"\xc2\x9b"
     "2J",
     5, "?2J"}, /* nor begin a sequence in one byte */
};

START_TEST(what_is_shown_fits_and_cannot_move_the_cursor)
{
    struct text out = {0};
    size_t used = columns_append(&out, cuts[_i].text, cuts[_i].width);
    ck_assert_str_eq(text_string(&out), cuts[_i].shown);
    ck_assert_uint_eq(used, columns_of(text_string(&out)));
    ck_assert_uint_le(used, cuts[_i].width);
    text_clear(&out);
}
END_TEST

START_TEST(text_is_broken_at_blanks)
{
    struct text out = {0};
    const char *rest = columns_take(&out, "one two three", 8);
    ck_assert_str_eq(text_string(&out), "one two");
    ck_assert_str_eq(rest, "three");
    text_reset(&out);
    rest = columns_take(&out, "unbreakable", 4);
    ck_assert_str_eq(text_string(&out), "unbr");
    ck_assert_str_eq(rest, "eakable");
    text_reset(&out);
    rest = columns_take(&out, "\xe4\xb8\xad", 1); /* at least one character */
    ck_assert_str_eq(rest, "");
    ck_assert_uint_eq(columns_of("\033[1mab\033[0m"), 2);
    text_clear(&out);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("picture");
    TCase *tcase = tcase_create("picture");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_wait_is_shown_whole_on_80_columns);
    tcase_add_test(tcase, sixty_columns_are_enough);
    tcase_add_test(tcase, where_rows_are_few_less_is_said_of_each_step);
    tcase_add_test(tcase, without_an_edge_nothing_is_cut);
    tcase_add_test(tcase, many_at_once_get_one_line_each);
    tcase_add_test(tcase, a_pause_comes_first_with_its_reason);
    tcase_add_test(tcase, a_dead_run_says_where_it_stood_and_what_to_do);
    tcase_add_test(tcase, what_an_ended_run_left_is_named);
    tcase_add_test(tcase, colour_is_never_the_only_sign);
    tcase_add_loop_test(tcase, what_is_shown_fits_and_cannot_move_the_cursor, 0,
                        (int)(sizeof cuts / sizeof cuts[0]));
    tcase_add_test(tcase, text_is_broken_at_blanks);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
