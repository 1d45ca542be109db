/* cli/watch.c - pegflow watch: follows a run's journal from another terminal. */
#include "base/duration.h"
#include "base/files.h"
#include "cli/display.h"
#include "cli/record.h"
#include "cli/runs.h"
#include "cli/typed.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_BYTES = 1 << 20, EXIT_BY_SIGNAL = 128 };

struct watching {
    struct state state;
    char id[RUN_ID_BYTES];
    char path[STATE_PATH_BYTES]; /* of the journal */
    int journal;                 /* descriptor */
    int notifier;                /* of inotify */
    struct loop *loop;
    struct watch changes;
    struct timer second;
    struct typed typed;
    struct display display;
    struct standing *standing; /* beside the display: lines and JSON keep none */
    struct journal_end end;
    struct text unread; /* behind `end`: the beginning of a line that is being written */
    bool dead;
    bool abandoned; /* the display's reader is gone */
    int signal_number;
    bool over;
    struct error err; /* with `failed` */
    bool failed;
};

static void finish(struct watching *watching)
{
    watching->over = true;
    loop_stop(watching->loop);
}

/* ---- the journal */
static bool take_record(void *ctx, const cJSON *record, size_t line, struct error *err)
{
    struct watching *watching = ctx;
    return standing_take_record(watching->standing, record, line, err) &&
           display_take_record(&watching->display, record, line, err);
}

/* Reads on from the last whole line: what was behind it may have been a torn one, cut off since. */
static bool read_on(struct watching *watching, struct error *err)
{
    for (;;) {
        char *room = text_reserve(&watching->unread, READ_BYTES);
        ssize_t count = pread(watching->journal, room, READ_BYTES,
                              watching->end.bytes + (int64_t)watching->unread.length);
        if (count < 0 && errno != EINTR) {
            error_set_errno(err, errno, "read the journal '%s'", watching->path);
            return false;
        }
        if (count <= 0) {
            break;
        }
        watching->unread.length += (size_t)count;
        int64_t before = watching->end.bytes;
        if (!journal_scan(watching->path, watching->unread.bytes, watching->unread.length,
                          &watching->end, take_record, watching, err)) {
            return false;
        }
        text_drop_front(&watching->unread, (size_t)(watching->end.bytes - before));
        if (watching->unread.length > JOURNAL_LIMIT_BYTES) {
            error_set(err, ERROR_LIMIT, "the journal '%s' has a line without end", watching->path);
            return false;
        }
    }
    text_reset(&watching->unread);
    return true;
}

/* The run has said how it ended and works no more: a resume would have gone on after that. */
static bool has_ended(const struct watching *watching)
{
    return watching->standing->outcome != NULL &&
           !runs_is_alive(&watching->state, watching->standing->cluster, watching->id);
}

static void look(struct watching *watching)
{
    if (!read_on(watching, &watching->err)) {
        watching->failed = true;
        finish(watching);
    } else if (has_ended(watching)) {
        finish(watching);
    }
}

static void journal_changed(void *ctx, unsigned ready)
{
    struct watching *watching = ctx;
    char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
    (void)ready;
    while (read(watching->notifier, events, sizeof events) > 0) {
        /* which change it was does not matter */
    }
    look(watching);
}

/* The lock tells whether its process lives: once a second, since nothing else would. */
static void second_passed(void *ctx)
{
    struct watching *watching = ctx;
    bool alive = runs_is_alive(&watching->state, watching->standing->cluster, watching->id);
    look(watching);
    if (watching->over) {
        return;
    }
    if (!alive) { /* what it wrote last was read after it was gone */
        watching->dead = true;
        finish(watching);
        return;
    }
    watching->abandoned = display_is_gone(&watching->display);
    if (watching->abandoned) {
        finish(watching);
        return;
    }
    timer_start(watching->loop, &watching->second, US_PER_SECOND, second_passed, watching);
}

static void signal_caught(void *ctx, int signal_number)
{
    struct watching *watching = ctx;
    if (signal_number == SIGWINCH) {
        display_resized(&watching->display);
    } else {
        watching->signal_number = signal_number;
        finish(watching);
    }
}

static void line_typed(void *ctx, char *line)
{
    struct watching *watching = ctx;
    (void)line;
    display_line_was_typed(&watching->display);
}

/* ---- life */
static bool open_run(struct watching *watching, const struct arguments *arguments,
                     struct error *err)
{
    if (!state_open(arguments_text(arguments, "state"), &watching->state, err) ||
        !state_find_run(&watching->state, arguments_operand(arguments, 0), watching->id, err) ||
        !state_run_path(&watching->state, watching->id, JOURNAL_FILE, watching->path, err)) {
        return false;
    }
    struct stat stat;
    watching->journal = open(watching->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (watching->journal < 0 || fstat(watching->journal, &stat) != 0) {
        error_set_errno(err, errno, "open the journal '%s'", watching->path);
        return false;
    }
    if (!S_ISREG(stat.st_mode)) {
        error_set(err, ERROR_INVALID_FILE, "the journal '%s' is no file", watching->path);
        return false;
    }
    watching->notifier = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (watching->notifier < 0 ||
        inotify_add_watch(watching->notifier, watching->path, IN_MODIFY) < 0) {
        error_set_errno(err, errno, "watch the journal '%s'", watching->path);
        return false;
    }
    return true;
}

static bool follow(struct watching *watching, struct error *err)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGWINCH);
    if (!loop_catch_signals(watching->loop, &signals, signal_caught, watching, err) ||
        !read_on(watching, err)) {
        return false;
    }
    if (watching->end.lines == 0) {
        error_set(err, ERROR_INVALID_FILE, "the journal '%s' holds no whole line", watching->path);
        return false;
    }
    watch_start(watching->loop, &watching->changes, watching->notifier, WATCH_READ, journal_changed,
                watching);
    timer_start(watching->loop, &watching->second, 0, second_passed, watching);
    typed_start(&watching->typed, watching->loop, line_typed, watching);
    while (!watching->over) {
        if (!loop_run(watching->loop, err)) {
            return false;
        }
    }
    if (watching->failed) {
        *err = watching->err;
    }
    return !watching->failed;
}

static void close_run(struct watching *watching)
{
    timer_cancel(&watching->second);
    typed_stop(&watching->typed);
    watch_stop(&watching->changes);
    display_close(&watching->display);
    loop_close(watching->loop);
    standing_free(watching->standing);
    text_clear(&watching->unread);
    if (watching->journal >= 0) {
        close(watching->journal);
    }
    if (watching->notifier >= 0) {
        close(watching->notifier);
    }
}

/* ---- the end */
static int conclude(struct watching *watching)
{
    const struct standing *standing = watching->standing;
    struct text advice = {0};
    int code = standing->exit_code;
    display_set_alive(&watching->display, !watching->dead);
    enum display_form form = watching->display.form;
    display_close(&watching->display); /* the last picture, before what follows */
    if (watching->signal_number != 0) {
        fprintf(stderr, "\nthe run goes on; pegflow watch %s shows it again\n", watching->id);
        return EXIT_BY_SIGNAL + watching->signal_number;
    }
    if (watching->abandoned) {
        return EXIT_BY_SIGNAL + SIGPIPE;
    }
    if (watching->dead) {
        code = past_hold_count(standing->past) > 0 ? error_exit_code(ERROR_NOT_RESTORED)
                                                   : error_exit_code(ERROR_CANCELLED);
    }
    standing_advise(standing, !watching->dead, &advice);
    if (advice.length > 0 && form != DISPLAY_LIVE) { /* the picture says it */
        fprintf(stderr, "%s%s\n", watching->dead ? "killed; " : "", text_string(&advice));
    }
    text_clear(&advice);
    return code;
}

static int run_watch(const struct arguments *arguments, struct error *err)
{
    struct watching watching = {.journal = -1, .notifier = -1};
    enum display_form form;
    int code = -1;
    if (!display_choose(arguments, &form, err) || !loop_open_real(&watching.loop, err)) {
        return -1;
    }
    watching.standing = standing_new();
    if (open_run(&watching, arguments, err)) {
        display_open(&watching.display, form, watching.loop, arguments_flag(arguments, "verbose"));
        if (follow(&watching, err)) {
            code = conclude(&watching);
        }
    }
    close_run(&watching);
    return code;
}

static const struct option_row options[] = {
    STATE_OPTION,
    DISPLAY_OPTION,
    {"verbose", 'v', OPTION_FLAG, NULL, NULL, "show the start and end of every step"},
};

const struct command command_watch = {
    .name = "watch",
    .summary = "follow a run from another terminal",
    .operands = "RUN",
    .operand_min = 1,
    .operand_max = 1,
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .description =
        "Shows what a run does, live, by reading its journal: from any terminal of the host, and\n"
        "also of a run that has ended or was killed. RUN is the beginning of its id, or 'last'.\n"
        "Ctrl-C ends the watching; the run goes on.\n"
        "Exit codes: the run's own when it ends; 5 when it was killed and holds values still, 4\n"
        "when it was killed and holds none; 128 and the signal's number when the watching was "
        "stopped.",
    .example = "  pegflow watch last\n"
               "  pegflow watch 20260131-22 --output json | jq .text",
    .run = run_watch,
};
