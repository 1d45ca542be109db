#include "report/picture.h"

#include "base/duration.h"
#include "report/columns.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LABEL_COLUMNS = 12, STEPS_LIMIT = 64, HOLDS_LIMIT = 32 };

/* How much is said of each step under way: what fits the rows is taken. */
enum detail { DETAIL_LINE, DETAIL_SHORT, DETAIL_FULL };

enum style { STYLE_PLAIN, STYLE_BOLD, STYLE_GOOD, STYLE_WARNING, STYLE_BAD };
static const char *const style_begins[] = {"", "\033[1m", "\033[32m", "\033[1;33m", "\033[1;31m"};

struct canvas {
    const struct standing *standing;
    const struct picture_view *view;
    enum detail detail;
    size_t steps_limit; /* how many steps are shown */
    size_t width;       /* of the view, or what stands for no limit */
    size_t used;        /* columns of the line under way */
    struct text *out;
};

bool picture_colours(void)
{
    const char *no = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    return (no == NULL || no[0] == '\0') && terminal != NULL && strcmp(terminal, "dumb") != 0;
}

const char *picture_moment(int64_t wall_us, int64_t today_wall_us, char buffer[MOMENT_TEXT_BYTES])
{
    time_t seconds = (time_t)(wall_us / US_PER_SECOND);
    time_t today_seconds = (time_t)(today_wall_us / US_PER_SECOND);
    struct tm tm;
    struct tm today;
    localtime_r(&seconds, &tm);
    localtime_r(&today_seconds, &today);
    bool same_day = tm.tm_yday == today.tm_yday && tm.tm_year == today.tm_year;
    strftime(buffer, MOMENT_TEXT_BYTES, same_day ? "%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &tm);
    return buffer;
}

/* ---- lines */
static void put(struct canvas *canvas, enum style style, const char *text)
{
    bool styled = style != STYLE_PLAIN && canvas->view->colour;
    if (canvas->used >= canvas->width) {
        return;
    }
    if (styled) {
        text_append_string(canvas->out, style_begins[style]);
    }
    canvas->used += columns_append(canvas->out, text, canvas->width - canvas->used);
    if (styled) {
        text_append_string(canvas->out, "\033[0m");
    }
}

__attribute__((format(printf, 3, 4))) static void
put_format(struct canvas *canvas, enum style style, const char *format, ...)
{
    struct text text = {0};
    va_list args;
    va_start(args, format);
    text_append_va(&text, format, args);
    va_end(args);
    put(canvas, style, text_string(&text));
    text_clear(&text);
}

static void end_line(struct canvas *canvas)
{
    text_append_char(canvas->out, '\n');
    canvas->used = 0;
}

static void begin_line(struct canvas *canvas, enum style style, const char *label)
{
    char padded[LABEL_COLUMNS + 1];
    snprintf(padded, sizeof padded, "%-*s", LABEL_COLUMNS, label);
    put(canvas, style, padded);
}

/* A label and a text, on up to `lines` lines; the last one is cut. */
static void put_wrapped(struct canvas *canvas, enum style style, const char *label,
                        const char *text, int lines)
{
    struct text part = {0};
    begin_line(canvas, style, label);
    size_t room = canvas->width > LABEL_COLUMNS + 1 ? canvas->width - LABEL_COLUMNS : canvas->width;
    for (int line = 1; *text != '\0'; line++) {
        if (line == lines) {
            put(canvas, STYLE_PLAIN, text);
            break;
        }
        text_reset(&part);
        text = columns_take(&part, text, room);
        put(canvas, STYLE_PLAIN, text_string(&part));
        if (*text != '\0') {
            end_line(canvas);
            begin_line(canvas, STYLE_PLAIN, "");
        }
    }
    end_line(canvas);
    text_clear(&part);
}

static const char *moment(const struct canvas *canvas, int64_t at_us,
                          char buffer[MOMENT_TEXT_BYTES])
{
    const struct standing *standing = canvas->standing;
    int64_t last_us = standing->last_wall_us - standing->last_us;
    return picture_moment(last_us + at_us, last_us + canvas->view->now_us, buffer);
}

/* In whole seconds, so that the last digits stand still. */
static const char *since(const struct canvas *canvas, int64_t at_us,
                         char buffer[DURATION_TEXT_BYTES])
{
    int64_t us = canvas->view->now_us - at_us;
    return duration_format(us > 0 ? us / US_PER_SECOND * US_PER_SECOND : 0, buffer);
}

/* ---- the title: cluster and workflow, state and time, a rule between */
static enum style state_style(const struct canvas *canvas)
{
    switch (standing_state(canvas->standing, canvas->view->alive)) {
    case STANDING_GOES_ON:
        return STYLE_BOLD;
    case STANDING_PAUSED:
    case STANDING_ASKS:
    case STANDING_STOPS:
        return STYLE_WARNING;
    case STANDING_ENDED:
        return canvas->standing->exit_code == 0 ? STYLE_GOOD : STYLE_BAD;
    case STANDING_DEAD:
        return STYLE_BAD;
    }
    return STYLE_PLAIN;
}

static void draw_title(struct canvas *canvas)
{
    const struct standing *standing = canvas->standing;
    char took[DURATION_TEXT_BYTES];
    struct text right = {0};
    text_printf(&right, " %s, %s", standing_state_name(standing, canvas->view->alive),
                since(canvas, 0, took));
    size_t whole = canvas->width;
    size_t right_columns = columns_of(text_string(&right));
    size_t rule_end = whole > right_columns ? whole - right_columns : 0;
    if (canvas->view->columns == 0) {
        rule_end = 0; /* no edge to fill the line up to */
    }
    canvas->width = rule_end > 3 ? rule_end - 3 : whole;
    put_format(canvas, STYLE_BOLD, "%s: %s ", standing->cluster,
               standing->name != NULL         ? standing->name
               : standing->command[0] != '\0' ? standing->command
                                              : standing->workflow);
    canvas->width = whole;
    for (bool first = true; first || canvas->used < rule_end; first = false) {
        put(canvas, STYLE_PLAIN, "-");
    }
    put(canvas, state_style(canvas), text_string(&right));
    end_line(canvas);
    text_clear(&right);
}

static void draw_run(struct canvas *canvas)
{
    const struct standing *standing = canvas->standing;
    char buffer[MOMENT_TEXT_BYTES];
    begin_line(canvas, STYLE_PLAIN, "run");
    int64_t now_wall_us = standing->last_wall_us - standing->last_us + canvas->view->now_us;
    put_format(canvas, STYLE_PLAIN, "%s, since %s, by %s on %s", standing->run,
               picture_moment(standing->began_wall_us, now_wall_us, buffer), standing->user,
               standing->host);
    if (standing->reason[0] != '\0') {
        put_format(canvas, STYLE_PLAIN, ": %s", standing->reason);
    }
    end_line(canvas);
}

/* ---- progress by role */
static void put_bar(struct canvas *canvas, const size_t counts[TURN_COUNT], size_t total)
{
    static const char signs[TURN_COUNT] = {
        [TURN_DONE] = '#', [TURN_FAILED] = 'x', [TURN_IN_WORK] = '>', [TURN_TO_DO] = '-'};
    static const enum turn order[TURN_COUNT] = {TURN_DONE, TURN_FAILED, TURN_IN_WORK, TURN_TO_DO};
    size_t cells = canvas->width >= 100 ? 30 : canvas->width >= 70 ? 20 : 10;
    char bar[64];
    size_t filled = 0;
    size_t before = 0;
    bar[filled++] = '[';
    for (size_t i = 0; i < TURN_COUNT; i++) {
        before += counts[order[i]];
        size_t until = before * cells / total;
        if (counts[order[i]] > 0 && until < filled && filled <= cells) {
            until = filled; /* one of sixty is seen too */
        }
        while (filled <= until) {
            bar[filled++] = signs[order[i]];
        }
    }
    bar[filled++] = ']';
    bar[filled] = '\0';
    put(canvas, STYLE_PLAIN, bar);
}

/* The mean of the turns that are over, or 0. */
static int64_t mean_turn_us(const struct standing *standing, enum role role)
{
    int64_t sum_us = 0;
    int64_t count = 0;
    for (size_t i = 0; i < standing->server_count; i++) {
        const struct standing_server *server = &standing->servers[i];
        if (server->role == role && server->turn == TURN_DONE) {
            sum_us += server->ended_us - server->began_us;
            count++;
        }
    }
    return count == 0 ? 0 : sum_us / count;
}

static void draw_role(struct canvas *canvas, enum role role)
{
    static const char *const labels[ROLE_COUNT] = {
        [ROLE_META] = "metas", [ROLE_REPLICA] = "replicas", [ROLE_COLLECTOR] = "collectors"};
    const struct standing *standing = canvas->standing;
    size_t counts[TURN_COUNT];
    size_t total = 0;
    char each[DURATION_TEXT_BYTES];
    for (int turn = 0; turn < TURN_COUNT; turn++) {
        counts[turn] = standing_count(standing, role, (enum turn)turn);
        total += counts[turn];
    }
    bool never = standing->rolling[role] == NULL && standing->outcome != NULL;
    if (total == 0 || never) {
        return;
    }
    /* A rolling may be over fewer servers than there are. */
    int64_t of = standing->rolling_of[role];
    if (of > 0 && (size_t)of < total && (size_t)of >= total - counts[TURN_TO_DO]) {
        counts[TURN_TO_DO] -= total - (size_t)of;
        total = (size_t)of;
    }
    begin_line(canvas, STYLE_PLAIN, labels[role]);
    put_bar(canvas, counts, total);
    if (standing->rolling[role] == NULL) { /* and perhaps none will be: the workflow knows */
        put_format(canvas, STYLE_PLAIN, "  none of %zu begun", total);
        end_line(canvas);
        return;
    }
    put_format(canvas, STYLE_PLAIN, "  %zu of %zu done", counts[TURN_DONE], total);
    int64_t mean_us = mean_turn_us(standing, role);
    if (mean_us > 0) {
        put_format(canvas, STYLE_PLAIN, " (%s each)", duration_format(mean_us, each));
    }
    if (counts[TURN_FAILED] > 0) {
        put_format(canvas, STYLE_BAD, ", %zu FAILED", counts[TURN_FAILED]);
    }
    if (counts[TURN_IN_WORK] > 0) {
        put_format(canvas, STYLE_PLAIN, ", %zu in work", counts[TURN_IN_WORK]);
    }
    if (counts[TURN_TO_DO] > 0 && counts[TURN_TO_DO] < total) {
        put_format(canvas, STYLE_PLAIN, ", %zu to do", counts[TURN_TO_DO]);
    }
    end_line(canvas);
}

/* ---- steps under way */
static const char *name_of_file(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

/* Since when, until when, and what happens then. */
static void draw_times(struct canvas *canvas, const struct standing_step *wait)
{
    char when[MOMENT_TEXT_BYTES];
    char took[DURATION_TEXT_BYTES];
    struct text text = {0};
    text_printf(&text, "%s (%s)", moment(canvas, wait->waits_since_us, when),
                since(canvas, wait->waits_since_us, took));
    if (wait->until_us >= 0) {
        int64_t left_us = wait->until_us - canvas->view->now_us;
        left_us = left_us > 0 ? left_us / US_PER_SECOND * US_PER_SECOND : 0;
        text_printf(&text, ", until %s (%s more)", moment(canvas, wait->until_us, when),
                    duration_format(left_us, took));
    }
    if (wait->then != NULL) {
        text_printf(&text, ", then %s", wait->then);
    }
    put_wrapped(canvas, STYLE_PLAIN, "  since", text_string(&text), 2);
    text_clear(&text);
}

/* The step and its server; the place in the workflow where there is room. */
static void draw_position(struct canvas *canvas, const struct standing_step *step)
{
    char took[DURATION_TEXT_BYTES];
    const char *id = standing_short_id(step->id, step->server);
    begin_line(canvas, STYLE_PLAIN, "now");
    if (step->server != NULL) {
        put_format(canvas, STYLE_BOLD, "%s: ", step->server);
    }
    put_format(canvas, STYLE_PLAIN, "%s for %s", id[0] == '\0' ? "the workflow" : id,
               since(canvas, step->began_us, took));
    if (step->line > 0) {
        put_format(canvas, STYLE_PLAIN, " (%s:%d)", name_of_file(step->file), step->line);
    }
    end_line(canvas);
}

static void draw_wait(struct canvas *canvas, const struct standing_step *wait)
{
    struct text seen = {0};
    text_printf(&seen, "%s%s", wait->unknown ? "unknown: " : "", wait->reason);
    if (canvas->detail == DETAIL_SHORT) {
        put_wrapped(canvas, STYLE_PLAIN, "  waits", text_string(&seen), 1);
    } else if (wait->condition == NULL) {
        put_wrapped(canvas, STYLE_PLAIN, "  waits", text_string(&seen), 2);
        draw_times(canvas, wait);
    } else {
        put_wrapped(canvas, STYLE_PLAIN, "  waits for", wait->condition, 2);
        put_wrapped(canvas, STYLE_PLAIN, "  seen", text_string(&seen), 2);
        draw_times(canvas, wait);
    }
    text_clear(&seen);
}

/* All in one line: where, and what it waits for. */
static void draw_step_line(struct canvas *canvas, const struct standing_step *step,
                           const struct standing_step *wait)
{
    begin_line(canvas, STYLE_PLAIN, "now");
    if (step->server != NULL) {
        put_format(canvas, STYLE_BOLD, "%s: ", step->server);
    }
    put(canvas, STYLE_PLAIN, standing_short_id(step->id, step->server));
    if (wait != NULL) {
        put_format(canvas, STYLE_PLAIN, ": %s", wait->reason);
    }
    end_line(canvas);
}

static void draw_question(struct canvas *canvas, const struct standing_step *step)
{
    char when[MOMENT_TEXT_BYTES];
    struct text text = {0};
    text_printf(&text, "%s (%s), asked at %s", step->question, step->answers,
                moment(canvas, step->asked_us, when));
    put_wrapped(canvas, STYLE_WARNING, "QUESTION", text_string(&text), 3);
    put_wrapped(canvas, STYLE_PLAIN, "  answer", "by typing it on the run's terminal", 2);
    text_clear(&text);
}

static void draw_steps(struct canvas *canvas)
{
    const struct standing_step *steps[STEPS_LIMIT];
    size_t count = standing_acting(canvas->standing, steps, STEPS_LIMIT);
    size_t shown = count < canvas->steps_limit ? count : canvas->steps_limit;
    for (size_t i = 0; i < shown; i++) {
        const struct standing_step *wait = standing_wait_of(canvas->standing, steps[i]);
        if (steps[i]->question != NULL) {
            draw_question(canvas, steps[i]);
        }
        if (canvas->detail == DETAIL_LINE) {
            draw_step_line(canvas, steps[i], wait);
            continue;
        }
        draw_position(canvas, steps[i]);
        if (wait != NULL) {
            draw_wait(canvas, wait);
        }
    }
    if (shown < count) {
        begin_line(canvas, STYLE_PLAIN, "");
        put_format(canvas, STYLE_PLAIN, "and %zu more steps under way", count - shown);
        end_line(canvas);
    }
}

/* ---- holds */
static const char *shown_name(const struct canvas *canvas, const char *name)
{
    const char *dot = strrchr(name, '.');
    return canvas->width >= 80 || dot == NULL ? name : dot + 1;
}

static void draw_hold(struct canvas *canvas, const struct standing_hold *hold)
{
    put_format(canvas, STYLE_PLAIN, "%s: ", shown_name(canvas, hold->name));
    if (strcmp(hold->before, hold->value) == 0) {
        put_format(canvas, STYLE_PLAIN, "%s, as before", hold->value);
    } else {
        put_format(canvas, STYLE_PLAIN, "%s -> %s",
                   hold->before[0] == '\0' ? "(empty)" : hold->before,
                   hold->value[0] == '\0' ? "(empty)" : hold->value);
    }
    if (hold->server != NULL) {
        put_format(canvas, STYLE_PLAIN, " on %s", hold->server);
    }
    end_line(canvas);
}

/* Of a run that has ended: what it left otherwise than it was. */
static void draw_holds(struct canvas *canvas)
{
    struct standing_hold holds[HOLDS_LIMIT];
    size_t count = standing_holds(canvas->standing, holds, HOLDS_LIMIT);
    bool over = standing_state(canvas->standing, canvas->view->alive) == STANDING_ENDED;
    const char *label = over ? "LEFT" : "holds";
    for (size_t i = 0; i < count; i++) {
        if (!over || strcmp(holds[i].before, holds[i].value) != 0) {
            begin_line(canvas, over ? STYLE_BAD : STYLE_PLAIN, label);
            draw_hold(canvas, &holds[i]);
            label = "";
        }
    }
}

/* ---- what a person should know first */
static void draw_state(struct canvas *canvas)
{
    const struct standing *standing = canvas->standing;
    char when[MOMENT_TEXT_BYTES];
    char took[DURATION_TEXT_BYTES];
    struct text text = {0};
    enum standing_state state = standing_state(standing, canvas->view->alive);
    if (state == STANDING_PAUSED) {
        text_printf(&text, "at %s (%s ago): %s", moment(canvas, standing->paused_us, when),
                    since(canvas, standing->paused_us, took), standing->paused_text);
        put_wrapped(canvas, STYLE_WARNING, "PAUSED", text_string(&text), 4);
    }
    if (state == STANDING_STOPS) {
        put_wrapped(canvas, STYLE_WARNING, "stopping",
                    "waits end, a started deploy is followed, held values are put back", 2);
    }
    if (standing->failure != NULL && state != STANDING_ENDED) {
        put_wrapped(canvas, STYLE_BAD, "FAILED", standing->failure, 3);
    }
    if (state == STANDING_ENDED) {
        put_wrapped(canvas, standing->exit_code == 0 ? STYLE_GOOD : STYLE_BAD, "ended",
                    standing->ending, 4);
    }
    if (state == STANDING_DEAD) {
        text_reset(&text);
        text_printf(&text, "its process (pid %lld) is gone; the last it said, at %s: %s",
                    (long long)standing->pid, moment(canvas, standing->last_us, when),
                    standing->last_text == NULL ? "nothing" : standing->last_text);
        put_wrapped(canvas, STYLE_BAD, "KILLED", text_string(&text), 3);
    }
    text_clear(&text);
}

static void draw_advice(struct canvas *canvas)
{
    struct text advice = {0};
    standing_advise(canvas->standing, canvas->view->alive, &advice);
    if (advice.length > 0) {
        put_wrapped(canvas, STYLE_BOLD, "next", text_string(&advice), 3);
    }
    text_clear(&advice);
}

/* ---- the whole */
static void draw(struct canvas *canvas)
{
    static const enum role order[ROLE_COUNT] = {ROLE_REPLICA, ROLE_META, ROLE_COLLECTOR};
    draw_title(canvas);
    draw_run(canvas);
    draw_state(canvas);
    for (int i = 0; i < ROLE_COUNT; i++) {
        draw_role(canvas, order[i]);
    }
    draw_steps(canvas);
    draw_holds(canvas);
    draw_advice(canvas);
}

static size_t line_count(const struct text *text, size_t from)
{
    size_t count = 0;
    for (size_t i = from; i < text->length; i++) {
        count += text->bytes[i] == '\n';
    }
    return count;
}

/* What is still too much is cut at its end. */
static void cut_lines(struct text *text, size_t from, size_t rows)
{
    size_t at = from;
    for (size_t row = 0; row < rows && at < text->length; row++) {
        at += strcspn(text->bytes + at, "\n") + 1;
    }
    text->length = at < text->length ? at : text->length;
    text->bytes[text->length] = '\0';
}

/* How many of the steps' lines go, with one that counts them. */
static size_t steps_that_fit(const struct canvas *canvas, size_t excess)
{
    const struct standing_step *steps[STEPS_LIMIT];
    size_t count = standing_acting(canvas->standing, steps, STEPS_LIMIT);
    return count > excess + 2 ? count - excess - 1 : 1;
}

void picture_draw(const struct standing *standing, const struct picture_view *view,
                  struct text *out)
{
    size_t from = out->length;
    size_t rows = view->rows > 0 ? (size_t)view->rows : SIZE_MAX;
    struct canvas canvas = {
        .standing = standing,
        .view = view,
        .detail = DETAIL_FULL,
        .steps_limit = STEPS_LIMIT,
        .width = view->columns > 0 ? (size_t)view->columns : (size_t)INT_MAX,
        .out = out,
    };
    draw(&canvas);
    while (line_count(out, from) > rows && canvas.steps_limit == STEPS_LIMIT) {
        if (canvas.detail == DETAIL_LINE) {
            canvas.steps_limit = steps_that_fit(&canvas, line_count(out, from) - rows);
        } else {
            canvas.detail--;
        }
        out->length = from;
        draw(&canvas);
    }
    cut_lines(out, from, rows);
}
