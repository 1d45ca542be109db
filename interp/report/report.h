/* report/report.h - a run's events as lines for a person, or as JSON lines for a program.
 *
 * Floor: report. Each is an event_sink; an output that cannot be written to (a closed terminal or
 * pipe) is dropped silently and never stops a run. */
#ifndef PEGFLOW_REPORT_REPORT_H
#define PEGFLOW_REPORT_REPORT_H

#include "engine/event.h"

#include <stdio.h>

/* Plain lines: time, server, step, text. `verbose`: the start and end of every step too. */
struct event_sink *report_plain_new(FILE *out, bool verbose);
/* One JSON object a line, flushed. docs/architecture.md lists the members. */
struct event_sink *report_json_new(FILE *out);
void report_free(struct event_sink *sink); /* NULL is fine; does not close `out` */

#endif
