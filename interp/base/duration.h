/* base/duration.h - durations and sizes as people write them: "90s", "1h30m", "64MB".
 *
 * Floor: base. Microseconds inside, units always named outside. */
#ifndef PEGFLOW_BASE_DURATION_H
#define PEGFLOW_BASE_DURATION_H

#include "base/error.h"

#include <stdint.h>

#define US_PER_MS     INT64_C(1000)
#define US_PER_SECOND INT64_C(1000000)
#define US_PER_HOUR   (3600 * US_PER_SECOND)

/* Units us, ms, s, m, h, d, largest first, each once: "1h30m", "250ms", "0s". A bare number is
 * refused. At most 10000 days. */
bool duration_parse(const char *text, int64_t *us, struct error *err);

/* Writes it for display, in at most two units ("1m30s", "2.5s", "12ms"; what is smaller is cut
 * off), and returns `buffer`. Negative values get a '-'. */
enum { DURATION_TEXT_BYTES = 32 };
const char *duration_format(int64_t us, char buffer[DURATION_TEXT_BYTES]);

/* "2026-01-31T19:04:07.123Z" from microseconds since 1970. Returns `buffer`. */
enum { WALL_TEXT_BYTES = 40 };
const char *wall_format_utc(int64_t wall_us, char buffer[WALL_TEXT_BYTES]);
/* The same form back; false for any other. */
bool wall_parse_utc(const char *text, int64_t *wall_us);

/* "2026-12-01" (the whole day: its end) or "2026-12-01T06:00Z", in microseconds since 1970. A time
 * without the Z is refused, as is a day that no calendar has. */
bool date_parse_utc(const char *text, int64_t *wall_us, struct error *err);

/* B, KB, MB, GB, TB in powers of 1024. A bare number is refused. */
bool size_parse(const char *text, int64_t *bytes, struct error *err);

#endif
