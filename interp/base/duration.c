#include "base/duration.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit time_units[] = {
    {"d", 24 * US_PER_HOUR}, {"h", US_PER_HOUR}, {"m", 60 * US_PER_SECOND},
    {"s", US_PER_SECOND},    {"ms", US_PER_MS},  {"us", 1},
};
static const struct unit size_units[] = {
    {"TB", INT64_C(1) << 40},
    {"GB", INT64_C(1) << 30},
    {"MB", INT64_C(1) << 20},
    {"KB", INT64_C(1) << 10},
    {"B", 1},
};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const int64_t longest_us = 10000 * 24 * US_PER_HOUR;
static const int64_t largest_bytes = INT64_C(1) << 50;

struct grammar {
    const char *noun;
    const struct unit *units;
    size_t unit_count;
    int64_t limit;
    const char *limit_text;
    const char *hint; /* how a bare number N might have been meant; two %s */
};

static bool read_number(const char **cursor, int64_t limit, int64_t *number)
{
    int64_t value = 0;
    if (!isdigit((unsigned char)**cursor)) {
        return false;
    }
    for (; isdigit((unsigned char)**cursor); (*cursor)++) {
        value = value > limit ? value : value * 10 + (**cursor - '0');
    }
    *number = value;
    return true;
}

static size_t read_unit(const char **cursor, const struct grammar *grammar, size_t first)
{
    size_t length = 0;
    while (isalpha((unsigned char)(*cursor)[length])) {
        length++;
    }
    for (size_t i = first; i < grammar->unit_count; i++) {
        if (strlen(grammar->units[i].name) == length &&
            strncmp(*cursor, grammar->units[i].name, length) == 0) {
            *cursor += length;
            return i;
        }
    }
    return grammar->unit_count;
}

static bool parse(const struct grammar *grammar, const char *text, int64_t *out, struct error *err)
{
    const char *cursor = text;
    size_t next_unit = 0;
    int64_t sum = 0;
    do {
        int64_t number;
        if (!read_number(&cursor, grammar->limit, &number)) {
            error_set(err, ERROR_USAGE, "%s '%s' is not one; write %s", grammar->noun, text,
                      grammar->hint);
            return false;
        }
        if (*cursor == '\0') {
            error_set(err, ERROR_USAGE, "%s '%s' has no unit; write %s%s or %s%s", grammar->noun,
                      text, text, grammar->units[grammar->unit_count / 2].name, text,
                      grammar->units[grammar->unit_count / 2 - 1].name);
            return false;
        }
        size_t unit = read_unit(&cursor, grammar, next_unit);
        if (unit == grammar->unit_count) {
            error_set(err, ERROR_USAGE, "%s '%s' has an unknown or misplaced unit; write %s",
                      grammar->noun, text, grammar->hint);
            return false;
        }
        if (number > grammar->limit / grammar->units[unit].factor ||
            sum > grammar->limit - number * grammar->units[unit].factor) {
            error_set(err, ERROR_USAGE, "%s '%s' is too large; the limit is %s", grammar->noun,
                      text, grammar->limit_text);
            return false;
        }
        sum += number * grammar->units[unit].factor;
        next_unit = unit + 1;
    } while (*cursor != '\0');
    *out = sum;
    return true;
}

bool duration_parse(const char *text, int64_t *us, struct error *err)
{
    static const struct grammar grammar = {
        .noun = "duration",
        .units = time_units,
        .unit_count = COUNT(time_units),
        .limit = longest_us,
        .limit_text = "10000d",
        .hint = "90s, 10m or 1h30m",
    };
    return parse(&grammar, text, us, err);
}

bool size_parse(const char *text, int64_t *bytes, struct error *err)
{
    static const struct grammar grammar = {
        .noun = "size",
        .units = size_units,
        .unit_count = COUNT(size_units),
        .limit = largest_bytes,
        .limit_text = "1024TB",
        .hint = "64MB, 512KB or 1GB",
    };
    return parse(&grammar, text, bytes, err);
}

const char *duration_format(int64_t us, char buffer[DURATION_TEXT_BYTES])
{
    const char *sign = us < 0 ? "-" : "";
    int64_t left = us == INT64_MIN ? INT64_MAX : us < 0 ? -us : us;
    int64_t seconds = left / US_PER_SECOND;
    int64_t ms = left % US_PER_SECOND / US_PER_MS;
    if (left != 0 && left < US_PER_MS) {
        snprintf(buffer, DURATION_TEXT_BYTES, "%s%" PRId64 "us", sign, left);
    } else if (left != 0 && left < US_PER_SECOND) {
        snprintf(buffer, DURATION_TEXT_BYTES, "%s%" PRId64 "ms", sign, ms);
    } else if (seconds < 60 && ms >= 100) {
        snprintf(buffer, DURATION_TEXT_BYTES, "%s%" PRId64 ".%" PRId64 "s", sign, seconds,
                 ms / 100);
    } else if (seconds < 60) {
        snprintf(buffer, DURATION_TEXT_BYTES, "%s%" PRId64 "s", sign, seconds);
    } else if (seconds < 3600 && seconds % 60 != 0) {
        snprintf(buffer, DURATION_TEXT_BYTES, "%s%" PRId64 "m%" PRId64 "s", sign, seconds / 60,
                 seconds % 60);
    } else if (seconds < 3600) {
        snprintf(buffer, DURATION_TEXT_BYTES, "%s%" PRId64 "m", sign, seconds / 60);
    } else if (seconds / 60 % 60 != 0) {
        snprintf(buffer, DURATION_TEXT_BYTES, "%s%" PRId64 "h%" PRId64 "m", sign, seconds / 3600,
                 seconds / 60 % 60);
    } else {
        snprintf(buffer, DURATION_TEXT_BYTES, "%s%" PRId64 "h", sign, seconds / 3600);
    }
    return buffer;
}

const char *wall_format_utc(int64_t wall_us, char buffer[WALL_TEXT_BYTES])
{
    time_t seconds = (time_t)(wall_us / US_PER_SECOND);
    struct tm tm;
    char text[32];
    gmtime_r(&seconds, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(buffer, WALL_TEXT_BYTES, "%s.%03dZ", text, (int)(wall_us % US_PER_SECOND / US_PER_MS));
    return buffer;
}

bool wall_parse_utc(const char *text, int64_t *wall_us)
{
    static const char form[] = "0000-00-00T00:00:00.000Z";
    int values[7] = {0}; /* year, month, day, hour, minute, second, millisecond */
    size_t value = 0;
    for (size_t i = 0; i < sizeof form; i++) { /* with the end */
        bool digit = text[i] >= '0' && text[i] <= '9';
        if (form[i] == '0' ? !digit : text[i] != form[i]) {
            return false;
        }
        if (digit) {
            values[value] = values[value] * 10 + (text[i] - '0');
        } else {
            value++;
        }
    }
    struct tm tm = {
        .tm_year = values[0] - 1900,
        .tm_mon = values[1] - 1,
        .tm_mday = values[2],
        .tm_hour = values[3],
        .tm_min = values[4],
        .tm_sec = values[5],
    };
    *wall_us = (int64_t)timegm(&tm) * US_PER_SECOND + values[6] * US_PER_MS;
    return true;
}

/* `count` digits at `text`; -1: they are not. */
static int read_digits(const char *text, int count)
{
    int value = 0;
    for (int i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return -1;
        }
        value = value * 10 + text[i] - '0';
    }
    return value;
}

bool date_parse_utc(const char *text, int64_t *wall_us, struct error *err)
{
    size_t length = strlen(text);
    bool whole_day = length == 10;
    struct tm tm = {.tm_isdst = 0};
    bool shaped =
        whole_day || (length == 17 && text[10] == 'T' && text[13] == ':' && text[16] == 'Z');
    if (!shaped || text[4] != '-' || text[7] != '-') {
        goto refused;
    }
    int year = read_digits(text, 4);
    int month = read_digits(text + 5, 2);
    int day = read_digits(text + 8, 2);
    int hour = whole_day ? 0 : read_digits(text + 11, 2);
    int minute = whole_day ? 0 : read_digits(text + 14, 2);
    if (year < 1970 || month < 1 || day < 1 || hour < 0 || hour > 23 || minute < 0 || minute > 59) {
        goto refused;
    }
    tm.tm_year = year - 1900;
    tm.tm_mon = month - 1;
    tm.tm_mday = day;
    tm.tm_hour = hour;
    tm.tm_min = minute;
    time_t seconds = timegm(&tm);
    if (tm.tm_mon != month - 1 || tm.tm_mday != day) { /* it was no such day, and counted on */
        goto refused;
    }
    *wall_us = ((int64_t)seconds + (whole_day ? 24 * 3600 : 0)) * US_PER_SECOND;
    return true;
refused:
    error_set(err, ERROR_USAGE,
              "'%.40s' is no day of the calendar; write 2026-12-01 or "
              "2026-12-01T06:00Z",
              text);
    return false;
}
