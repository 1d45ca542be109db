#include "cli/display.h"

#include "report/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool terminal_can_draw(void)
{
    const char *terminal = getenv("TERM");
    return isatty(STDOUT_FILENO) && terminal != NULL && terminal[0] != '\0' &&
           strcmp(terminal, "dumb") != 0;
}

bool display_choose(const struct arguments *arguments, enum display_form *out, struct error *err)
{
    const char *given = arguments_text(arguments, "output");
    if (given == NULL) {
        *out = terminal_can_draw() ? DISPLAY_LIVE : DISPLAY_PLAIN;
    } else if (strcmp(given, "plain") == 0) {
        *out = DISPLAY_PLAIN;
    } else if (strcmp(given, "json") == 0) {
        *out = DISPLAY_JSON;
    } else {
        error_set(err, ERROR_USAGE, "--output %s: give plain or json", given);
        return false;
    }
    return true;
}

void display_open(struct display *display, enum display_form form, struct loop *loop, bool verbose)
{
    *display = (struct display){.form = form};
    fflush(stdout);
    switch (form) {
    case DISPLAY_LIVE:
        display->live = live_new(loop, STDOUT_FILENO, verbose);
        break;
    case DISPLAY_PLAIN:
        display->lines = report_plain_new(STDOUT_FILENO, verbose);
        break;
    case DISPLAY_JSON:
        display->lines = report_json_new(STDOUT_FILENO);
        break;
    }
}

struct event_sink *display_sink(const struct display *display)
{
    return display->live != NULL ? live_sink(display->live) : display->lines;
}

bool display_take_record(void *ctx, const cJSON *record, size_t line, struct error *err)
{
    const struct display *display = ctx;
    struct replayed replayed;
    if (display->live != NULL) {
        return live_take_record(display->live, record, line, err);
    }
    if (display->form == DISPLAY_JSON) {
        report_json_record(display->lines, record);
    } else if (event_from_json(record, &replayed)) {
        display->lines->take(display->lines, &replayed.event, err);
    }
    return true;
}

void display_resized(const struct display *display)
{
    if (display->live != NULL) {
        live_resized(display->live);
    }
}

void display_line_was_typed(const struct display *display)
{
    if (display->live != NULL) {
        live_line_was_typed(display->live);
    }
}

void display_say(const struct display *display, const char *text)
{
    if (display->live != NULL) {
        live_say(display->live, text);
    } else {
        fprintf(stderr, "pegflow: %s\n", text);
    }
}

bool display_is_gone(const struct display *display)
{
    return display->live != NULL ? live_is_gone(display->live) : report_is_gone(display->lines);
}

void display_set_alive(const struct display *display, bool alive)
{
    if (display->live != NULL) {
        live_set_alive(display->live, alive);
    }
}

void display_close(struct display *display)
{
    live_free(display->live);
    report_free(display->lines);
    *display = (struct display){0};
}
