#include "report/live.h"

#include "base/duration.h"
#include "base/output.h"
#include "report/columns.h"
#include "report/picture.h"
#include "report/report.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

enum {
    PAST_LINES = 8,       /* shown of what was before the first picture */
    WAITING_LINES = 1000, /* kept for a terminal that stands still */
    ROWS_IF_UNKNOWN = 24,
    COLUMNS_IF_UNKNOWN = 80,
};
static const int64_t soon_us = 50 * US_PER_MS; /* several events make one picture */

struct live {
    struct event_sink sink; /* first */
    struct loop *loop;
    struct output output;
    struct standing *standing;
    struct timer timer;
    int64_t timer_due_us;
    int64_t offset_us; /* the run's time less the loop's, at the last event */
    bool verbose;
    bool alive;
    bool colour;
    bool drawn;
    bool changed;       /* since it was drawn */
    size_t typed_lines; /* since then: by so many the cursor is lower */
    struct text lines;  /* to scroll by, not written yet */
    size_t line_count;
    size_t dropped;
    struct text picture; /* as it stands on the terminal */
    char *last_failure;  /* the groups around a failed step repeat its words */
};

/* ---- which events scroll by */
static bool passed(const struct event *event)
{
    return strncmp(event->text, "passed", 6) == 0;
}

static bool is_turn(const struct live *live, const struct event *event)
{
    const struct standing *standing = live->standing;
    for (size_t i = 0; event->step != NULL && i < standing->server_count; i++) {
        const char *turn = standing->servers[i].turn_id;
        if (turn != NULL && strcmp(turn, event->step->id) == 0) {
            return true;
        }
    }
    return false;
}

/* What the picture shows anyway, or what belongs to one server's routine, does not. */
static bool is_notable(const struct live *live, const struct event *event)
{
    switch (event->kind) {
    case EVENT_STEP_STARTED:
    case EVENT_OUTPUT:
    case EVENT_HELD:
    case EVENT_HANDED_ON:
    case EVENT_PUT_BACK:
    case EVENT_OUTCOME:
    case EVENT_WAITING:
    case EVENT_BASELINE:
    case EVENT_RUN_FINISHED:
        return live->verbose;
    case EVENT_STEP_DONE:
        return live->verbose || is_turn(live, event);
    case EVENT_STEP_FAILED:
        return live->last_failure == NULL || strcmp(live->last_failure, event->text) != 0;
    case EVENT_GUARD:
        return live->verbose || !passed(event);
    case EVENT_INTENTION: /* what is done to a whole server */
        return live->verbose || member_text(event->data, "action") != NULL;
    case EVENT_NOTE:
        return live->verbose || member_integer(event->data, "pause_ms", -1) < 0;
    default:
        return true;
    }
}

static void add_line(struct live *live, const char *text)
{
    size_t limit = live->drawn ? WAITING_LINES : PAST_LINES;
    size_t at = 0;
    columns_append(&live->lines, text, SIZE_MAX);
    text_append_char(&live->lines, '\n');
    live->line_count++;
    for (; live->line_count > limit; live->line_count--) {
        at += strcspn(live->lines.bytes + at, "\n") + 1;
        live->dropped += live->drawn;
    }
    text_drop_front(&live->lines, at);
}

static void append_line(struct live *live, const struct event *event)
{
    char time[MOMENT_TEXT_BYTES];
    struct text plain = {0};
    int64_t now_wall_us = loop_wall_us(live->loop);
    text_printf(&plain, "%s  ", picture_moment(event->wall_us, now_wall_us, time));
    if (event->server != NULL && strstr(event->text, event->server->name) == NULL) {
        text_printf(&plain, "%s: ", event->server->name);
    }
    text_append_string(&plain, report_mark(event->kind));
    if (event->kind == EVENT_STEP_DONE && !live->verbose) {
        char took[DURATION_TEXT_BYTES];
        int64_t took_ms = member_integer(event->data, "took_ms", 0);
        text_printf(&plain, "done in %s", duration_format(took_ms * US_PER_MS, took));
    } else {
        text_append_string(&plain, event->text);
    }
    add_line(live, text_string(&plain));
    text_clear(&plain);
}

/* ---- drawing */
static void window(const struct live *live, int *columns, int *rows)
{
    struct winsize size = {0};
    bool known = ioctl(live->output.fd, TIOCGWINSZ, &size) == 0;
    *columns = known && size.ws_col > 0 ? size.ws_col : COLUMNS_IF_UNKNOWN;
    *rows = known && size.ws_row > 0 ? size.ws_row : ROWS_IF_UNKNOWN;
}

/* The cursor goes up to where the picture begins. A window that became narrower has broken the
 * longer lines into several. */
static void append_way_up(const struct live *live, int columns, int rows, struct text *out)
{
    const char *line = text_string(&live->picture);
    struct text one = {0};
    size_t height = live->typed_lines;
    while (*line != '\0') {
        size_t length = strcspn(line, "\n");
        text_reset(&one);
        text_append(&one, line, length);
        size_t width = columns_of(text_string(&one));
        height += width == 0 ? 1 : (width + (size_t)columns - 1) / (size_t)columns;
        line += length + (line[length] == '\n' ? 1 : 0);
    }
    text_clear(&one);
    if (height > (size_t)rows - 1) {
        height = (size_t)rows - 1;
    }
    if (height > 0) {
        text_printf(out, "\033[%zuA", height);
    }
}

static void draw(struct live *live)
{
    struct text frame = {0};
    struct picture_view view = {
        .now_us = live->offset_us + loop_now_us(live->loop),
        .alive = live->alive,
        .colour = live->colour,
    };
    if (!output_flush(&live->output)) {
        return; /* it stands still: lines wait, pictures are left out */
    }
    if (view.now_us < live->standing->last_us || !live->alive || live->standing->outcome != NULL) {
        view.now_us = live->standing->last_us;
    }
    window(live, &view.columns, &view.rows);
    view.rows = view.rows > 1 ? view.rows - 1 : 1; /* the cursor's own line */
    text_append_string(&frame, "\r");
    append_way_up(live, view.columns, view.rows + 1, &frame);
    text_append_string(&frame, "\033[J");
    if (live->dropped > 0) {
        text_printf(&frame, "(%zu lines could not be shown)\n", live->dropped);
    }
    text_append(&frame, text_string(&live->lines), live->lines.length);
    text_reset(&live->picture);
    picture_draw(live->standing, &view, &live->picture);
    text_append(&frame, text_string(&live->picture), live->picture.length);
    output_line(&live->output, frame.bytes, frame.length);
    text_reset(&live->lines);
    live->line_count = 0;
    live->dropped = 0;
    live->typed_lines = 0;
    live->drawn = true;
    live->changed = false;
    text_clear(&frame);
}

static void tick(void *ctx)
{
    struct live *live = ctx;
    enum standing_state state = standing_state(live->standing, live->alive);
    if (live->changed || (state != STANDING_ASKS && state != STANDING_PAUSED)) {
        draw(live);
    }
    live->timer_due_us = loop_now_us(live->loop) + US_PER_SECOND;
    timer_start(live->loop, &live->timer, US_PER_SECOND, tick, live);
}

static void draw_soon(struct live *live)
{
    int64_t due_us = loop_now_us(live->loop) + soon_us;
    live->changed = true;
    if (live->timer_due_us > due_us) {
        live->timer_due_us = due_us;
        timer_start(live->loop, &live->timer, soon_us, tick, live);
    }
}

/* ---- events */
static void take(struct live *live, const struct event *event)
{
    int64_t age_us = loop_wall_us(live->loop) - event->wall_us;
    live->offset_us = event->at_us + (age_us > 0 ? age_us : 0) - loop_now_us(live->loop);
    if (is_notable(live, event)) {
        append_line(live, event);
    }
    if (event->kind == EVENT_STEP_FAILED) {
        free(live->last_failure);
        live->last_failure = memory_copy_string(event->text);
    }
    draw_soon(live);
}

static bool take_event(struct event_sink *sink, const struct event *event, struct error *err)
{
    struct live *live = (struct live *)sink;
    (void)err;
    struct error ignored; /* a display keeps what it can: the journal has it */
    standing_take_event(live->standing, event, &ignored);
    take(live, event);
    return true;
}

bool live_take_record(void *ctx, const cJSON *record, size_t line, struct error *err)
{
    struct live *live = ctx;
    struct replayed replayed;
    if (!standing_take_record(live->standing, record, line, err)) {
        return false;
    }
    if (event_from_json(record, &replayed)) {
        take(live, &replayed.event);
    }
    return true;
}

/* ---- life */
struct live *live_new(struct loop *loop, int fd, bool verbose)
{
    struct live *live = memory_allocate(sizeof *live);
    live->sink.take = take_event;
    live->loop = loop;
    output_init(&live->output, fd);
    live->standing = standing_new();
    live->verbose = verbose;
    live->alive = true;
    live->colour = picture_colours();
    live->timer_due_us = INT64_MAX;
    draw_soon(live);
    return live;
}

void live_free(struct live *live)
{
    if (live == NULL) {
        return;
    }
    timer_cancel(&live->timer);
    draw(live);
    output_clear(&live->output);
    standing_free(live->standing);
    text_clear(&live->lines);
    text_clear(&live->picture);
    free(live->last_failure);
    free(live);
}

struct event_sink *live_sink(struct live *live)
{
    return &live->sink;
}

void live_line_was_typed(struct live *live)
{
    live->typed_lines++;
    draw_soon(live);
}

void live_say(struct live *live, const char *text)
{
    add_line(live, text);
    draw_soon(live);
}

bool live_is_gone(struct live *live)
{
    return output_is_gone(&live->output);
}

void live_resized(struct live *live)
{
    draw_soon(live);
}

void live_set_alive(struct live *live, bool alive)
{
    live->alive = alive;
    draw_soon(live);
}
