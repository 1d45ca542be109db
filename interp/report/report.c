#include "report/report.h"

#include "base/duration.h"
#include "base/text.h"
#include "lang/lang.h"
#include "base/output.h"
#include "report/standing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct report {
    struct event_sink sink; /* first */
    struct output output;
    bool verbose;
    bool since_start;         /* times count from the run's start */
    struct text last_failure; /* the groups around a failed step repeat its words */
};

/* "19:04:07.123" of the local wall clock. */
static void format_wall(int64_t wall_us, char buffer[40])
{
    time_t seconds = (time_t)(wall_us / US_PER_SECOND);
    struct tm tm;
    char text[32];
    localtime_r(&seconds, &tm);
    strftime(text, sizeof text, "%H:%M:%S", &tm);
    snprintf(buffer, 40, "%s.%03d", text, (int)(wall_us % US_PER_SECOND / US_PER_MS));
}

/* "1:04:07.123" since the run's start. */
static void format_since_start(int64_t at_us, char buffer[40])
{
    int64_t seconds = at_us / US_PER_SECOND;
    snprintf(buffer, 40, "%d:%02d:%02d.%03d", (int)(seconds / 3600), (int)(seconds / 60 % 60),
             (int)(seconds % 60), (int)(at_us % US_PER_SECOND / US_PER_MS));
}

static bool shown(const struct report *report, const struct event *event)
{
    if (event->kind == EVENT_STEP_STARTED || event->kind == EVENT_STEP_DONE) {
        return report->verbose;
    }
    if (event->kind == EVENT_STEP_FAILED) {
        return strcmp(event->text, text_string(&report->last_failure)) != 0;
    }
    return true;
}

const char *report_mark(enum event_kind kind)
{
    switch (kind) {
    case EVENT_STEP_FAILED:
        return "FAILED ";
    case EVENT_NOT_PUT_BACK:
        return "NOT PUT BACK ";
    case EVENT_GUARD:
        return "guard ";
    case EVENT_WAITING:
        return "waiting: ";
    case EVENT_REQUIREMENT:
        return "required: ";
    case EVENT_QUESTION:
        return "QUESTION: ";
    case EVENT_ANSWERED:
        return "answer: ";
    case EVENT_RETRY:
        return "again: ";
    case EVENT_OVERRIDDEN:
        return "OVERRIDE ";
    case EVENT_PAUSED:
        return "PAUSED ";
    case EVENT_CONTINUED:
        return "continued: ";
    default:
        return "";
    }
}

static bool take_plain(struct event_sink *sink, const struct event *event, struct error *err)
{
    struct report *report = (struct report *)sink;
    char time_text[40];
    (void)err;
    if (shown(report, event)) {
        if (report->since_start) {
            format_since_start(event->at_us, time_text);
        } else {
            format_wall(event->wall_us, time_text);
        }
        const char *server = event->server == NULL ? NULL : event->server->name;
        struct text line = {0};
        text_printf(&line, "%s  %-21s  %-24s  %s%s\n", time_text, server == NULL ? "-" : server,
                    event->step == NULL ? "" : standing_short_id(event->step->id, server),
                    report_mark(event->kind), event->text);
        output_line(&report->output, line.bytes, line.length);
        text_clear(&line);
    }
    if (event->kind == EVENT_STEP_FAILED) {
        text_reset(&report->last_failure);
        text_append_string(&report->last_failure, event->text);
    }
    return true;
}

/* Takes `json`. */
static void write_json(struct report *report, cJSON *json)
{
    char *printed = cJSON_PrintUnformatted(json);
    ASSERT(printed != NULL);
    struct text line = {0};
    text_printf(&line, "%s\n", printed);
    output_line(&report->output, line.bytes, line.length);
    text_clear(&line);
    cJSON_free(printed);
    cJSON_Delete(json);
}

static bool take_json(struct event_sink *sink, const struct event *event, struct error *err)
{
    (void)err;
    write_json((struct report *)sink, event_to_json(event));
    return true;
}

void report_json_record(struct event_sink *sink, const cJSON *record)
{
    cJSON *copy = cJSON_Duplicate(record, true);
    cJSON *data = cJSON_GetObjectItemCaseSensitive(copy, "data");
    cJSON *lock = cJSON_GetObjectItemCaseSensitive(data, "lock");
    cJSON_DeleteItemFromObjectCaseSensitive(copy, "check");
    cJSON_DeleteItemFromObjectCaseSensitive(lock, "session");
    write_json((struct report *)sink, copy);
}

static struct event_sink *report_new(int fd, bool verbose,
                                     bool (*take)(struct event_sink *, const struct event *,
                                                  struct error *))
{
    struct report *report = memory_allocate(sizeof *report);
    report->sink.take = take;
    output_init(&report->output, fd);
    report->verbose = verbose;
    return &report->sink;
}

struct event_sink *report_plain_new(int fd, bool verbose)
{
    return report_new(fd, verbose, take_plain);
}

struct event_sink *report_timeline_new(int fd, bool verbose)
{
    struct event_sink *sink = report_plain_new(fd, verbose);
    ((struct report *)sink)->since_start = true;
    return sink;
}

void report_wait_for_reader(struct event_sink *sink)
{
    ((struct report *)sink)->output.wait_ms = -1;
}

bool report_is_gone(struct event_sink *sink)
{
    return output_is_gone(&((struct report *)sink)->output);
}

struct event_sink *report_json_new(int fd)
{
    return report_new(fd, true, take_json);
}

void report_free(struct event_sink *sink)
{
    struct report *report = (struct report *)sink;
    if (report != NULL) {
        output_clear(&report->output);
        text_clear(&report->last_failure);
        free(report);
    }
}
