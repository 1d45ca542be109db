#include "base/duration.h"

#include <check.h>

typedef bool parse_fn(const char *text, int64_t *value, struct error *err);

static const struct {
    parse_fn *parse;
    const char *text;
    int64_t value;
    const char *error; /* NULL: it is one */
} parses[] = {
    {duration_parse, "90s", 90 * US_PER_SECOND, NULL},
    {duration_parse, "1h30m", 5400 * US_PER_SECOND, NULL},
    {duration_parse, "1d2h3m4s5ms6us", INT64_C(93784005006), NULL},
    {duration_parse, "250ms", 250 * US_PER_MS, NULL},
    {duration_parse, "0s", 0, NULL},
    {duration_parse, "007m", 420 * US_PER_SECOND, NULL},
    {duration_parse, "10000d", 10000 * 24 * US_PER_HOUR, NULL},
    {date_parse_utc, "1970-01-01", 24 * US_PER_HOUR, NULL}, /* its end */
    {date_parse_utc, "2026-12-01", INT64_C(1796169600) * US_PER_SECOND, NULL},
    {date_parse_utc, "2028-02-29T23:59Z", INT64_C(1835481540) * US_PER_SECOND, NULL},
    {date_parse_utc, "2026-02-29", 0,
     "'2026-02-29' is no day of the calendar; write 2026-12-01 or 2026-12-01T06:00Z"},
    {date_parse_utc, "2026-12-01T06:00", 0,
     "'2026-12-01T06:00' is no day of the calendar; write 2026-12-01 or 2026-12-01T06:00Z"},
    {date_parse_utc, "2026-12-01T24:00Z", 0,
     "'2026-12-01T24:00Z' is no day of the calendar; write 2026-12-01 or 2026-12-01T06:00Z"},
    {date_parse_utc, "2026-12-1x", 0,
     "'2026-12-1x' is no day of the calendar; write 2026-12-01 or 2026-12-01T06:00Z"},
    {date_parse_utc, "", 0, "'' is no day of the calendar; write 2026-12-01 or 2026-12-01T06:00Z"},
    {duration_parse, "90", 0, "duration '90' has no unit; write 90s or 90m"},
    {duration_parse, "1h30", 0, "duration '1h30' has no unit; write 1h30s or 1h30m"},
    {duration_parse, "", 0, "duration '' is not one; write 90s, 10m or 1h30m"},
    {duration_parse, "soon", 0, "duration 'soon' is not one; write 90s, 10m or 1h30m"},
    {duration_parse, "-5s", 0, "duration '-5s' is not one; write 90s, 10m or 1h30m"},
    {duration_parse, "1.5s", 0,
     "duration '1.5s' has an unknown or misplaced unit; write 90s, 10m "
     "or 1h30m"},
    {duration_parse, "5 s", 0,
     "duration '5 s' has an unknown or misplaced unit; write 90s, 10m or "
     "1h30m"},
    {duration_parse, "5s ", 0, "duration '5s ' is not one; write 90s, 10m or 1h30m"},
    {duration_parse, "5S", 0,
     "duration '5S' has an unknown or misplaced unit; write 90s, 10m or "
     "1h30m"},
    {duration_parse, "30m1h", 0,
     "duration '30m1h' has an unknown or misplaced unit; write 90s, "
     "10m or 1h30m"},
    {duration_parse, "1m1m", 0,
     "duration '1m1m' has an unknown or misplaced unit; write 90s, 10m "
     "or 1h30m"},
    {duration_parse, "10000d1us", 0, "duration '10000d1us' is too large; the limit is 10000d"},
    {duration_parse, "99999999999999999999999s", 0,
     "duration '99999999999999999999999s' is too large; the limit is 10000d"},
    {size_parse, "64MB", INT64_C(64) << 20, NULL},
    {size_parse, "1GB512MB", INT64_C(1536) << 20, NULL},
    {size_parse, "0B", 0, NULL},
    {size_parse, "1024TB", INT64_C(1) << 50, NULL},
    {size_parse, "64", 0, "size '64' has no unit; write 64MB or 64GB"},
    {size_parse, "64mb", 0,
     "size '64mb' has an unknown or misplaced unit; write 64MB, 512KB or "
     "1GB"},
    {size_parse, "1025TB", 0, "size '1025TB' is too large; the limit is 1024TB"},
};

START_TEST(a_text_is_a_duration_or_size_or_a_clear_error)
{
    struct error err;
    int64_t value = -7;
    bool ok = parses[_i].parse(parses[_i].text, &value, &err);
    ck_assert_msg(ok == (parses[_i].error == NULL), "%s", parses[_i].text);
    if (ok) {
        ck_assert_int_eq(value, parses[_i].value);
        return;
    }
    ck_assert_str_eq(err.text, parses[_i].error);
    ck_assert_int_eq(err.code, ERROR_USAGE);
    ck_assert_int_eq(value, -7);
}
END_TEST

static const struct {
    int64_t us;
    const char *text;
} formats[] = {
    {0, "0s"},
    {1, "1us"},
    {999, "999us"},
    {12000, "12ms"},
    {999999, "999ms"},
    {US_PER_SECOND, "1s"},
    {2500000, "2.5s"},
    {59999999, "59.9s"},
    {90 * US_PER_SECOND, "1m30s"},
    {600 * US_PER_SECOND, "10m"},
    {5400 * US_PER_SECOND, "1h30m"},
    {50 * US_PER_HOUR, "50h"},
    {-1500000, "-1.5s"},
    {INT64_MIN, "-2562047788h"},
    {INT64_MAX, "2562047788h"},
};

START_TEST(a_duration_is_shown_in_at_most_two_units)
{
    char buffer[DURATION_TEXT_BYTES];
    ck_assert_ptr_eq(duration_format(formats[_i].us, buffer), buffer);
    ck_assert_str_eq(buffer, formats[_i].text);
}
END_TEST

START_TEST(a_moment_comes_back_as_it_was_written)
{
    char buffer[WALL_TEXT_BYTES];
    int64_t wall_us = -1;
    ck_assert(wall_parse_utc(wall_format_utc(INT64_C(1795441970123000), buffer), &wall_us));
    ck_assert_int_eq(wall_us, INT64_C(1795441970123000));
    static const char *const others[] = {"", "2026", "2026-11-23T13:52:50Z",
                                         "2026-11-23T13:52:50.123Zx", "2026-11-23 13:52:50.123Z"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        ck_assert(!wall_parse_utc(others[i], &wall_us));
    }
    ck_assert_int_eq(wall_us, INT64_C(1795441970123000));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("duration");
    TCase *tcase = tcase_create("duration");
    tcase_add_loop_test(tcase, a_text_is_a_duration_or_size_or_a_clear_error, 0,
                        (int)(sizeof parses / sizeof *parses));
    tcase_add_loop_test(tcase, a_duration_is_shown_in_at_most_two_units, 0,
                        (int)(sizeof formats / sizeof *formats));
    tcase_add_test(tcase, a_moment_comes_back_as_it_was_written);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
