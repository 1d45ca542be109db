/* report/picture.h - where a run stands, drawn as lines for a person.
 *
 * Floor: report. Pure: the same standing and view give the same bytes. Plain ASCII but for the
 * names it shows; colour only where the view allows it, and never as the only sign of anything. */
#ifndef PEGFLOW_REPORT_PICTURE_H
#define PEGFLOW_REPORT_PICTURE_H

#include "report/standing.h"

struct text;

struct picture_view {
    int columns;    /* no line is wider; 0: as wide as it comes */
    int rows;       /* no more lines; 0: as many as it takes */
    int64_t now_us; /* since the run's start */
    bool alive;     /* its process is */
    bool colour;
};

/* Appends the lines, each with its newline. */
void picture_draw(const struct standing *standing, const struct picture_view *view,
                  struct text *out);

/* A moment of the run by the local wall clock, "16:04:02"; of another day than `today_wall_us` with
 * its date. Returns `buffer`. */
enum { MOMENT_TEXT_BYTES = 40 };
const char *picture_moment(int64_t wall_us, int64_t today_wall_us, char buffer[MOMENT_TEXT_BYTES]);

/* May colours be shown? Not with NO_COLOR, nor where the terminal has none. */
bool picture_colours(void);

#endif
