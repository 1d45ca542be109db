/* report/report.h - a run's events as lines for a person, or as JSON lines for a program.
 *
 * Floor: report. Each is an event_sink; an output that is slow, stopped or gone never stops a run
 * (base/output.h). */
#ifndef PEGFLOW_REPORT_REPORT_H
#define PEGFLOW_REPORT_REPORT_H

#include "engine/event.h"

/* What a sentence begins with to say of which kind it is: "FAILED ", or nothing. */
const char *report_mark(enum event_kind kind);
/* Plain lines: time, server, step, text. `verbose`: the start and end of every step too. */
struct event_sink *report_plain_new(int fd, bool verbose);
/* The same with the time since the run's start in place of the clock's, for runs in virtual time.
 */
struct event_sink *report_timeline_new(int fd, bool verbose);
/* One JSON object a line, flushed. docs/architecture.md lists the members. */
struct event_sink *report_json_new(int fd);
/* A record of a journal as such a line: all but its checksum, which belongs to the file, and the
 * session of the shared lock, by which another could take it. Only for a sink of report_json_new.
 */
void report_json_record(struct event_sink *sink, const cJSON *record);
/* Each line waits until it is written: where nothing else goes on, as in virtual time. */
void report_wait_for_reader(struct event_sink *sink);
bool report_is_gone(struct event_sink *sink); /* nobody reads any more */
void report_free(struct event_sink *sink); /* NULL is fine; waits up to 1 s; does not close `fd` */

#endif
