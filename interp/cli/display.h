/* cli/display.h - how a run is shown: live on a terminal, as plain lines, or as JSON.
 *
 * Floor: cli. For a run in this process, as a sink of its events, and for one that is followed by
 * its journal: both show the same. */
#ifndef PEGFLOW_CLI_DISPLAY_H
#define PEGFLOW_CLI_DISPLAY_H

#include "cli/cli.h"
#include "report/live.h"

enum display_form { DISPLAY_LIVE, DISPLAY_PLAIN, DISPLAY_JSON };

#define DISPLAY_OPTION                                                                             \
    {                                                                                              \
        "output", 'o', OPTION_TEXT, "FORM", NULL,                                                  \
            "plain (lines) or json (one event a line); else live on a terminal, plain otherwise"   \
    }

/* By --output, and where that is not given by what standard output is. ERROR_USAGE. */
bool display_choose(const struct arguments *arguments, enum display_form *out, struct error *err);

struct display {
    enum display_form form;
    struct live *live;        /* DISPLAY_LIVE */
    struct event_sink *lines; /* the others */
};
/* Shows on standard output. `loop` outlives it. */
void display_open(struct display *display, enum display_form form, struct loop *loop, bool verbose);
struct event_sink *display_sink(const struct display *display);
/* A journal_record_fn; the first argument is a struct display. */
bool display_take_record(void *display, const cJSON *record, size_t line, struct error *err);
void display_resized(const struct display *display); /* for SIGWINCH */
/* Somebody ended a line on the terminal: the cursor is a line lower. */
void display_line_was_typed(const struct display *display);
/* Tells whoever sits there something that is no event; on standard error where nothing is drawn. */
void display_say(const struct display *display, const char *text);
bool display_is_gone(const struct display *display); /* nobody reads it any more */
/* Does a process work on the run? At first it is taken to. */
void display_set_alive(const struct display *display, bool alive);
/* What is pending comes out, the last picture stays. Fine for a zeroed one. */
void display_close(struct display *display);

#endif
