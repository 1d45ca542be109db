#include "report/picture.h"

#include "base/duration.h"
#include "report/canvas.h"
#include "report/columns.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { STEPS_LIMIT = 64, HOLDS_LIMIT = 32 };

/* How much is said of each step under way: what fits the rows is taken. */
enum detail { DETAIL_LINE, DETAIL_SHORT, DETAIL_FULL };

struct drawing {
    struct canvas canvas;
    const struct standing *standing;
    const struct picture_view *view;
    enum detail detail;
    size_t steps_limit; /* how many steps are shown */
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

static const char *moment(const struct drawing *drawing, int64_t at_us,
                          char buffer[MOMENT_TEXT_BYTES])
{
    const struct standing *standing = drawing->standing;
    int64_t last_us = standing->last_wall_us - standing->last_us;
    return picture_moment(last_us + at_us, last_us + drawing->view->now_us, buffer);
}

/* In whole seconds, so that the last digits stand still. */
static const char *since(const struct drawing *drawing, int64_t at_us,
                         char buffer[DURATION_TEXT_BYTES])
{
    int64_t us = drawing->view->now_us - at_us;
    return duration_format(us > 0 ? us / US_PER_SECOND * US_PER_SECOND : 0, buffer);
}

/* ---- the title: cluster and workflow, state and time, a rule between */
static enum style state_style(const struct drawing *drawing)
{
    switch (standing_state(drawing->standing, drawing->view->alive)) {
    case STANDING_GOES_ON:
        return STYLE_BOLD;
    case STANDING_PAUSED:
    case STANDING_ASKS:
    case STANDING_STOPS:
        return STYLE_WARNING;
    case STANDING_ENDED:
        return drawing->standing->exit_code == 0 ? STYLE_GOOD : STYLE_BAD;
    case STANDING_DEAD:
        return STYLE_BAD;
    }
    return STYLE_PLAIN;
}

static void draw_title(struct drawing *drawing)
{
    const struct standing *standing = drawing->standing;
    char took[DURATION_TEXT_BYTES];
    struct text right = {0};
    text_printf(&right, " %s, %s", standing_state_name(standing, drawing->view->alive),
                since(drawing, 0, took));
    size_t whole = drawing->canvas.width;
    size_t right_columns = columns_of(text_string(&right));
    size_t rule_end = whole > right_columns ? whole - right_columns : 0;
    if (drawing->view->columns == 0) {
        rule_end = 0; /* no edge to fill the line up to */
    }
    drawing->canvas.width = rule_end > 3 ? rule_end - 3 : whole;
    canvas_printf(&drawing->canvas, STYLE_BOLD, "%s: %s ", standing->cluster,
                  standing->name != NULL         ? standing->name
                  : standing->command[0] != '\0' ? standing->command
                                                 : standing->workflow);
    drawing->canvas.width = whole;
    for (bool first = true; first || drawing->canvas.used < rule_end; first = false) {
        canvas_put(&drawing->canvas, STYLE_PLAIN, "-");
    }
    canvas_put(&drawing->canvas, state_style(drawing), text_string(&right));
    canvas_end_line(&drawing->canvas);
    text_clear(&right);
}

static void draw_run(struct drawing *drawing)
{
    const struct standing *standing = drawing->standing;
    char buffer[MOMENT_TEXT_BYTES];
    canvas_begin_line(&drawing->canvas, STYLE_PLAIN, "run");
    int64_t now_wall_us = standing->last_wall_us - standing->last_us + drawing->view->now_us;
    canvas_printf(&drawing->canvas, STYLE_PLAIN, "%s, since %s, by %s on %s", standing->run,
                  picture_moment(standing->began_wall_us, now_wall_us, buffer), standing->user,
                  standing->host);
    if (standing->reason[0] != '\0') {
        canvas_printf(&drawing->canvas, STYLE_PLAIN, ": %s", standing->reason);
    }
    canvas_end_line(&drawing->canvas);
}

/* ---- progress by role */
static void put_bar(struct drawing *drawing, const size_t counts[TURN_COUNT], size_t total)
{
    static const char signs[TURN_COUNT] = {
        [TURN_DONE] = '#', [TURN_FAILED] = 'x', [TURN_IN_WORK] = '>', [TURN_TO_DO] = '-'};
    static const enum turn order[TURN_COUNT] = {TURN_DONE, TURN_FAILED, TURN_IN_WORK, TURN_TO_DO};
    size_t cells = drawing->canvas.width >= 100 ? 30 : drawing->canvas.width >= 70 ? 20 : 10;
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
    canvas_put(&drawing->canvas, STYLE_PLAIN, bar);
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

static void draw_role(struct drawing *drawing, enum role role)
{
    static const char *const labels[ROLE_COUNT] = {
        [ROLE_META] = "metas", [ROLE_REPLICA] = "replicas", [ROLE_COLLECTOR] = "collectors"};
    const struct standing *standing = drawing->standing;
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
    canvas_begin_line(&drawing->canvas, STYLE_PLAIN, labels[role]);
    put_bar(drawing, counts, total);
    if (standing->rolling[role] == NULL) { /* and perhaps none will be: the workflow knows */
        canvas_printf(&drawing->canvas, STYLE_PLAIN, "  none of %zu begun", total);
        canvas_end_line(&drawing->canvas);
        return;
    }
    canvas_printf(&drawing->canvas, STYLE_PLAIN, "  %zu of %zu done", counts[TURN_DONE], total);
    int64_t mean_us = mean_turn_us(standing, role);
    if (mean_us > 0) {
        canvas_printf(&drawing->canvas, STYLE_PLAIN, " (%s each)", duration_format(mean_us, each));
    }
    if (counts[TURN_FAILED] > 0) {
        canvas_printf(&drawing->canvas, STYLE_BAD, ", %zu FAILED", counts[TURN_FAILED]);
    }
    if (counts[TURN_IN_WORK] > 0) {
        canvas_printf(&drawing->canvas, STYLE_PLAIN, ", %zu in work", counts[TURN_IN_WORK]);
    }
    if (counts[TURN_TO_DO] > 0 && counts[TURN_TO_DO] < total) {
        canvas_printf(&drawing->canvas, STYLE_PLAIN, ", %zu to do", counts[TURN_TO_DO]);
    }
    canvas_end_line(&drawing->canvas);
}

/* ---- steps under way */
static const char *name_of_file(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

/* Since when, until when, and what happens then. */
static void draw_times(struct drawing *drawing, const struct standing_step *wait)
{
    char when[MOMENT_TEXT_BYTES];
    char took[DURATION_TEXT_BYTES];
    struct text text = {0};
    text_printf(&text, "%s (%s)", moment(drawing, wait->waits_since_us, when),
                since(drawing, wait->waits_since_us, took));
    int64_t left_us = standing_left_us(drawing->standing, wait, drawing->view->now_us);
    duration_format(left_us / US_PER_SECOND * US_PER_SECOND, took);
    if (standing_limit_stands(drawing->standing, wait)) {
        text_printf(&text, ", %s more after the pause", took);
    } else if (left_us >= 0) {
        text_printf(&text, ", until %s (%s more)", moment(drawing, wait->until_us, when), took);
    }
    if (wait->then != NULL) {
        text_printf(&text, ", then %s", wait->then);
    }
    canvas_put_wrapped(&drawing->canvas, STYLE_PLAIN, "  since", text_string(&text), 2);
    text_clear(&text);
}

/* The step and its server; the place in the workflow where there is room. */
static void draw_position(struct drawing *drawing, const struct standing_step *step)
{
    char took[DURATION_TEXT_BYTES];
    const char *id = standing_short_id(step->id, step->server);
    canvas_begin_line(&drawing->canvas, STYLE_PLAIN, "now");
    if (step->server != NULL) {
        canvas_printf(&drawing->canvas, STYLE_BOLD, "%s: ", step->server);
    }
    canvas_printf(&drawing->canvas, STYLE_PLAIN, "%s for %s", id[0] == '\0' ? "the workflow" : id,
                  since(drawing, step->began_us, took));
    if (step->line > 0) {
        canvas_printf(&drawing->canvas, STYLE_PLAIN, " (%s:%d)", name_of_file(step->file),
                      step->line);
    }
    canvas_end_line(&drawing->canvas);
}

static void draw_wait(struct drawing *drawing, const struct standing_step *wait)
{
    struct text seen = {0};
    text_printf(&seen, "%s%s", wait->unknown ? "unknown: " : "", wait->reason);
    if (drawing->detail == DETAIL_SHORT) {
        canvas_put_wrapped(&drawing->canvas, STYLE_PLAIN, "  waits", text_string(&seen), 1);
    } else if (wait->condition == NULL) {
        canvas_put_wrapped(&drawing->canvas, STYLE_PLAIN, "  waits", text_string(&seen), 2);
        draw_times(drawing, wait);
    } else {
        canvas_put_wrapped(&drawing->canvas, STYLE_PLAIN, "  waits for", wait->condition, 2);
        canvas_put_wrapped(&drawing->canvas, STYLE_PLAIN, "  seen", text_string(&seen), 2);
        draw_times(drawing, wait);
    }
    text_clear(&seen);
}

/* All in one line: where, and what it waits for. */
static void draw_step_line(struct drawing *drawing, const struct standing_step *step,
                           const struct standing_step *wait)
{
    canvas_begin_line(&drawing->canvas, STYLE_PLAIN, "now");
    if (step->server != NULL) {
        canvas_printf(&drawing->canvas, STYLE_BOLD, "%s: ", step->server);
    }
    canvas_put(&drawing->canvas, STYLE_PLAIN, standing_short_id(step->id, step->server));
    if (wait != NULL) {
        canvas_printf(&drawing->canvas, STYLE_PLAIN, ": %s", wait->reason);
    }
    canvas_end_line(&drawing->canvas);
}

static void draw_question(struct drawing *drawing, const struct standing_step *step)
{
    char when[MOMENT_TEXT_BYTES];
    struct text text = {0};
    text_printf(&text, "%s (%s), asked at %s", step->question, step->answers,
                moment(drawing, step->asked_us, when));
    canvas_put_wrapped(&drawing->canvas, STYLE_WARNING, "QUESTION", text_string(&text), 3);
    canvas_put_wrapped(&drawing->canvas, STYLE_PLAIN, "  answer",
                       "type it on the run's terminal, or pegflow answer RUN ANSWER", 2);
    text_clear(&text);
}

static void draw_steps(struct drawing *drawing)
{
    const struct standing_step *steps[STEPS_LIMIT];
    size_t count = standing_acting(drawing->standing, steps, STEPS_LIMIT);
    size_t shown = count < drawing->steps_limit ? count : drawing->steps_limit;
    for (size_t i = 0; i < shown; i++) {
        const struct standing_step *wait = standing_wait_of(drawing->standing, steps[i]);
        if (steps[i]->question != NULL) {
            draw_question(drawing, steps[i]);
        }
        if (drawing->detail == DETAIL_LINE) {
            draw_step_line(drawing, steps[i], wait);
            continue;
        }
        draw_position(drawing, steps[i]);
        if (wait != NULL) {
            draw_wait(drawing, wait);
        }
    }
    if (shown < count) {
        canvas_begin_line(&drawing->canvas, STYLE_PLAIN, "");
        canvas_printf(&drawing->canvas, STYLE_PLAIN, "and %zu more steps under way", count - shown);
        canvas_end_line(&drawing->canvas);
    }
}

/* ---- holds */
static const char *shown_name(const struct drawing *drawing, const char *name)
{
    const char *dot = strrchr(name, '.');
    return drawing->canvas.width >= 80 || dot == NULL ? name : dot + 1;
}

static void draw_hold(struct drawing *drawing, const struct standing_hold *hold)
{
    canvas_printf(&drawing->canvas, STYLE_PLAIN, "%s: ", shown_name(drawing, hold->name));
    if (strcmp(hold->before, hold->value) == 0) {
        canvas_printf(&drawing->canvas, STYLE_PLAIN, "%s, as before", hold->value);
    } else {
        canvas_printf(&drawing->canvas, STYLE_PLAIN, "%s -> %s",
                      hold->before[0] == '\0' ? "(empty)" : hold->before,
                      hold->value[0] == '\0' ? "(empty)" : hold->value);
    }
    if (hold->server != NULL) {
        canvas_printf(&drawing->canvas, STYLE_PLAIN, " on %s", hold->server);
    }
    canvas_end_line(&drawing->canvas);
}

/* Of a run that has ended: what it left otherwise than it was. */
static void draw_holds(struct drawing *drawing)
{
    struct standing_hold holds[HOLDS_LIMIT];
    size_t count = standing_holds(drawing->standing, holds, HOLDS_LIMIT);
    bool over = standing_state(drawing->standing, drawing->view->alive) == STANDING_ENDED;
    const char *label = over ? "LEFT" : "holds";
    for (size_t i = 0; i < count; i++) {
        if (!over || strcmp(holds[i].before, holds[i].value) != 0) {
            canvas_begin_line(&drawing->canvas, over ? STYLE_BAD : STYLE_PLAIN, label);
            draw_hold(drawing, &holds[i]);
            label = "";
        }
    }
}

/* ---- what a person should know first */
static void draw_state(struct drawing *drawing)
{
    const struct standing *standing = drawing->standing;
    char when[MOMENT_TEXT_BYTES];
    struct text text = {0};
    enum standing_state state = standing_state(standing, drawing->view->alive);
    if (standing->paused_why != NULL) {
        text_printf(&text, "at %s: %s", moment(drawing, standing->paused_us, when),
                    standing->paused_text);
        canvas_put_wrapped(&drawing->canvas, STYLE_WARNING, "PAUSED", text_string(&text), 4);
    }
    if (state == STANDING_STOPS) {
        canvas_put_wrapped(&drawing->canvas, STYLE_WARNING, "stopping",
                           "waits end, a started deploy is followed, held values are put back", 2);
    }
    if (standing->failure != NULL && state != STANDING_ENDED) {
        canvas_put_wrapped(&drawing->canvas, STYLE_BAD, "FAILED", standing->failure, 3);
    }
    if (state == STANDING_ENDED) {
        canvas_put_wrapped(&drawing->canvas, standing->exit_code == 0 ? STYLE_GOOD : STYLE_BAD,
                           "ended", standing->ending, 4);
    }
    if (state == STANDING_DEAD) {
        text_reset(&text);
        text_printf(&text, "its process (pid %lld) is gone; the last it said, at %s: %s",
                    (long long)standing->pid, moment(drawing, standing->last_us, when),
                    standing->last_text == NULL ? "nothing" : standing->last_text);
        canvas_put_wrapped(&drawing->canvas, STYLE_BAD, "KILLED", text_string(&text), 3);
    }
    text_clear(&text);
}

static void draw_advice(struct drawing *drawing)
{
    struct text advice = {0};
    standing_advise(drawing->standing, drawing->view->alive, &advice);
    if (advice.length > 0) {
        canvas_put_wrapped(&drawing->canvas, STYLE_BOLD, "next", text_string(&advice), 3);
    }
    text_clear(&advice);
}

/* ---- the whole */
static void draw(struct drawing *drawing)
{
    static const enum role order[ROLE_COUNT] = {ROLE_REPLICA, ROLE_META, ROLE_COLLECTOR};
    draw_title(drawing);
    draw_run(drawing);
    draw_state(drawing);
    for (int i = 0; i < ROLE_COUNT; i++) {
        draw_role(drawing, order[i]);
    }
    draw_steps(drawing);
    draw_holds(drawing);
    draw_advice(drawing);
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
static size_t steps_that_fit(const struct drawing *drawing, size_t excess)
{
    const struct standing_step *steps[STEPS_LIMIT];
    size_t count = standing_acting(drawing->standing, steps, STEPS_LIMIT);
    return count > excess + 2 ? count - excess - 1 : 1;
}

void picture_draw(const struct standing *standing, const struct picture_view *view,
                  struct text *out)
{
    size_t from = out->length;
    size_t rows = view->rows > 0 ? (size_t)view->rows : SIZE_MAX;
    struct drawing drawing = {
        .standing = standing,
        .view = view,
        .detail = DETAIL_FULL,
        .steps_limit = STEPS_LIMIT,
        .canvas =
            {
                .out = out,
                .width = view->columns > 0 ? (size_t)view->columns : (size_t)INT_MAX,
                .colour = view->colour,
            },
    };
    draw(&drawing);
    while (line_count(out, from) > rows && drawing.steps_limit == STEPS_LIMIT) {
        if (drawing.detail == DETAIL_LINE) {
            drawing.steps_limit = steps_that_fit(&drawing, line_count(out, from) - rows);
        } else {
            drawing.detail--;
        }
        out->length = from;
        draw(&drawing);
    }
    cut_lines(out, from, rows);
}
