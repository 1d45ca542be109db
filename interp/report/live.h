/* report/live.h - a run on a terminal: notable lines scroll by, and below them a picture of where
 * the run stands is drawn in place.
 *
 * Floor: report. The terminal stays in its usual mode, the cursor below the picture and visible, so
 * nothing needs to be put right however the process ends. An output that is slow, stopped or gone
 * never stops a run: the picture is left out until what is pending is written (base/output.h). */
#ifndef PEGFLOW_REPORT_LIVE_H
#define PEGFLOW_REPORT_LIVE_H

#include "base/loop.h"
#include "report/standing.h"

struct live;

/* Draws soon after each event and each second, from now on, by timers of `loop`; while a question
 * is open or the run is paused, only after events, so that what is typed stays to be seen.
 * `verbose`: the start and end of every step scroll by too. */
struct live *live_new(struct loop *loop, int fd, bool verbose);
/* Draws once more, then frees; waits up to 1 s for the output. Before the loop is closed. NULL is
 * fine. */
void live_free(struct live *live);

/* Events of a run in this process. */
struct event_sink *live_sink(struct live *live);
/* A journal_record_fn for a run's journal; the first argument is a struct live. What a run said
 * before the first picture is shown by its last lines only. */
bool live_take_record(void *live, const cJSON *record, size_t line, struct error *err);

bool live_is_gone(struct live *live); /* its terminal is */
/* Somebody ended a line on the terminal: the cursor is a line lower than it was left. */
void live_line_was_typed(struct live *live);
/* A line that is no event of the run scrolls by. */
void live_say(struct live *live, const char *text);
/* The window has another size now. */
void live_resized(struct live *live);
/* The process that works on the run is gone (or there again); as at first it is taken to be there.
 */
void live_set_alive(struct live *live, bool alive);

#endif
