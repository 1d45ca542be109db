/* report/canvas.h - lines of a picture, each with a label, none wider than it may be.
 *
 * Floor: report. Made for report/picture.c. */
#ifndef PEGFLOW_REPORT_CANVAS_H
#define PEGFLOW_REPORT_CANVAS_H

#include "base/text.h"

#include <stdbool.h>

enum { LABEL_COLUMNS = 12 };
enum style { STYLE_PLAIN, STYLE_BOLD, STYLE_GOOD, STYLE_WARNING, STYLE_BAD };

struct canvas {
    struct text *out;
    size_t width; /* of a line */
    size_t used;  /* columns of the line under way */
    bool colour;
};

/* Appends to the line under way; what does not fit is cut. */
void canvas_put(struct canvas *canvas, enum style style, const char *text);
void canvas_printf(struct canvas *canvas, enum style style, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void canvas_begin_line(struct canvas *canvas, enum style style, const char *label);
void canvas_end_line(struct canvas *canvas);
/* A label and a text, whole lines, up to `lines` of them; the last one is cut. */
void canvas_put_wrapped(struct canvas *canvas, enum style style, const char *label,
                        const char *text, int lines);

#endif
