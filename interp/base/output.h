/* base/output.h - lines to a descriptor that may block, be slow, or be gone.
 *
 * Floor: base. A terminal stopped by Ctrl-S or a stuck pager must not stop a run, nor the keeper
 * of its holds: what cannot be written now waits in memory, up to a bound, and then lines are
 * dropped and counted. A closed terminal or pipe drops everything. The descriptor stays the
 * caller's. */
#ifndef PEGFLOW_BASE_OUTPUT_H
#define PEGFLOW_BASE_OUTPUT_H

#include "base/text.h"

enum { OUTPUT_PENDING_BYTES = 1 << 20 };

struct output {
    int fd;
    struct text pending;
    size_t written; /* of `pending` */
    size_t dropped; /* lines, since the last one that was kept */
    int wait_ms;    /* for the reader, with each line: 0, or -1 for as long as it takes */
    bool gone;
};

void output_init(struct output *output, int fd);
/* Takes a whole line with its newline, and writes what can be written without waiting. */
void output_line(struct output *output, const char *line, size_t length);
/* Writes what can be written without waiting. True when nothing is pending. */
bool output_flush(struct output *output);
/* Nobody can read what is written any more: a pipe without a reader, a terminal that was closed. */
bool output_is_gone(struct output *output);
/* Waits up to a second for what is pending, then frees. */
void output_clear(struct output *output);

#endif
