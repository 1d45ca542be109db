/* report/columns.h - text on a terminal: how wide it is, cut and broken to fit.
 *
 * Floor: report. Text is UTF-8 that may come from anywhere (a program's output, a server's reply):
 * control characters, and bytes that are no UTF-8, are shown as '?', so that nothing in it can move
 * the cursor. Widths are in columns of a terminal. */
#ifndef PEGFLOW_REPORT_COLUMNS_H
#define PEGFLOW_REPORT_COLUMNS_H

#include "base/text.h"

/* Colour sequences ("\033[1m"), which only our own text has, are counted as nothing. */
size_t columns_of(const char *text);
/* Appends the text, on one line; what is wider than `width` ends in "...". Returns how many columns
 * were used. */
size_t columns_append(struct text *out, const char *text, size_t width);
/* Appends as much as fits, broken at a blank where there is one, and returns the rest (at the
 * text's end: nothing is left). At least one character is taken. */
const char *columns_take(struct text *out, const char *text, size_t width);

#endif
