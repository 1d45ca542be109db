/* What the live display writes to a terminal: one of unknown size is taken for 80x24. */
#include "runs.h"

#include "report/live.h"

#include <fcntl.h>
#include <sys/ioctl.h>

static struct written run;

static void set_up(void)
{
    setenv("TZ", "UTC", 1);
    setenv("NO_COLOR", "1", 1);
    run_begin(&run);
}

static void tear_down(void)
{
    run_end(&run);
}

static char *content(FILE *file)
{
    char *bytes = calloc(1, 65536);
    rewind(file);
    ck_assert_uint_lt(fread(bytes, 1, 65535, file), 65535);
    return bytes;
}

static void stop_loop(void *ctx)
{
    loop_stop(ctx);
}

static void run_loop_for(struct loop *loop, int64_t us)
{
    struct timer timer = {0};
    struct error err;
    timer_start(loop, &timer, us, stop_loop, loop);
    ck_assert(loop_run(loop, &err));
}

/* A display at the end of run_up_to_a_wait, in virtual time. */
struct screen {
    FILE *file; /* or NULL */
    struct loop *loop;
    struct live *live;
};

static void read_journal(struct screen *screen)
{
    struct journal_end end;
    struct error err;
    ck_assert(journal_read(run.path, live_take_record, screen->live, &end, NULL, &err));
}

static void open_screen(struct screen *screen, int fd)
{
    *screen = (struct screen){.loop = loop_new_virtual(RUN_WALL_US + 64 * US_PER_SECOND)};
    if (fd < 0) {
        screen->file = tmpfile();
        fd = fileno(screen->file);
    }
    screen->live = live_new(screen->loop, fd, false);
    run_up_to_a_wait(&run);
}

static void close_screen(struct screen *screen)
{
    live_free(screen->live);
    loop_close(screen->loop);
    if (screen->file != NULL) {
        fclose(screen->file);
    }
}

START_TEST(the_picture_is_drawn_in_place_and_lines_scroll_by)
{
    struct screen screen;
    open_screen(&screen, -1);
    read_journal(&screen);
    run_loop_for(screen.loop, US_PER_SECOND / 2);
    char *first = content(screen.file);
    /* The elapsed time goes on from the last event's by the clock. */
    ck_assert_ptr_nonnull(strstr(first, " running, 1m4s\n"));
    ck_assert_ptr_nonnull(strstr(first, "13:53:51  r1:34801: done in 1m\n"));
    ck_assert_ptr_null(strstr(first, "left (for"));
    ck_assert_ptr_null(strstr(first, "\033[10A"));
    run_loop_for(screen.loop, US_PER_SECOND);
    char *all = content(screen.file);
    const char *second = all + strlen(first);
    ck_assert_ptr_eq(strstr(second, "\r\033[10A\033[Jprod: rolling upgrade"), second);
    ck_assert_ptr_nonnull(strstr(second, " running, 1m5s\n"));
    close_screen(&screen);
    free(first);
    free(all);
}
END_TEST

/* The number in the last sequence that moves the cursor up, or 0. */
static int last_way_up(const char *written)
{
    int up = 0;
    for (const char *c = strstr(written, "\r\033["); c != NULL; c = strstr(c + 1, "\r\033[")) {
        int number = atoi(c + 3);
        up = strspn(c + 3, "0123456789") > 0 && c[3 + strspn(c + 3, "0123456789")] == 'A' ? number
                                                                                          : up;
    }
    return up;
}

static size_t times_in(const char *written, const char *what)
{
    size_t count = 0;
    for (const char *c = strstr(written, what); c != NULL; c = strstr(c + 1, what)) {
        count++;
    }
    return count;
}

START_TEST(a_line_typed_below_the_picture_is_counted)
{
    struct screen screen;
    open_screen(&screen, -1);
    read_journal(&screen);
    run_loop_for(screen.loop, US_PER_SECOND / 2);
    live_line_was_typed(screen.live);
    live_say(screen.live, "no step asks");
    run_loop_for(screen.loop, US_PER_SECOND / 2);
    char *all = content(screen.file);
    ck_assert_int_eq(last_way_up(all), 11);
    ck_assert_uint_eq(times_in(all, "no step asks\nprod: rolling upgrade"), 1);
    free(all);
    close_screen(&screen);
}
END_TEST

START_TEST(while_a_question_is_open_only_events_draw)
{
    struct screen screen;
    open_screen(&screen, -1);
    run_write(&run,
              event_at(64000, EVENT_QUESTION, STEP_WAIT_UNTIL,
                       "replicas/r2:34801/drain/wait_until-2", "r2:34801", "go on? (yes or no)",
                       "{\"question\":\"go on?\",\"answers\":[\"yes\",\"no\"]}"));
    read_journal(&screen);
    run_loop_for(screen.loop, 5 * US_PER_SECOND);
    char *all = content(screen.file);
    ck_assert_uint_eq(times_in(all, "QUESTION    go on? (yes, no), asked at 13:53:54\n"), 1);
    ck_assert_uint_eq(times_in(all, "  answer    type it on the run's terminal, or pegflow answer RUN ANSWER\n"), 1);
    free(all);
    close_screen(&screen);
}
END_TEST

/* Reads what is there now, and adds it to `all`. */
static void drain(int fd, struct text *all)
{
    char bytes[4096];
    ssize_t count;
    while ((count = read(fd, bytes, sizeof bytes)) > 0) {
        text_append(all, bytes, (size_t)count);
    }
}

START_TEST(behind_a_terminal_that_stands_still_no_pictures_pile_up)
{
    int ends[2];
    struct screen screen;
    struct text all = {0};
    ck_assert_int_eq(pipe2(ends, O_NONBLOCK), 0);
    ck_assert_int_eq(fcntl(ends[1], F_SETPIPE_SZ, 4096), 4096);
    open_screen(&screen, ends[1]);
    read_journal(&screen);
    for (int i = 0; i < 2000; i++) {
        char text[32];
        snprintf(text, sizeof text, "line %d.", i);
        live_say(screen.live, text);
        run_loop_for(screen.loop, US_PER_SECOND);
    }
    drain(ends[0], &all);
    while (strstr(text_string(&all), "line 1999.") == NULL) {
        run_loop_for(screen.loop, US_PER_SECOND);
        drain(ends[0], &all);
    }
    ck_assert_ptr_nonnull(strstr(text_string(&all), " lines could not be shown)\n"));
    ck_assert_ptr_nonnull(strstr(text_string(&all), "line 1000.\n"));
    ck_assert_uint_lt(times_in(text_string(&all), "prod: rolling upgrade"), 20);
    close_screen(&screen);
    text_clear(&all);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

START_TEST(a_narrower_window_has_broken_the_lines_of_the_picture)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    ck_assert_int_ge(master, 0);
    ck_assert(grantpt(master) == 0 && unlockpt(master) == 0);
    int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    struct winsize size = {.ws_col = 80, .ws_row = 24};
    struct screen screen;
    struct text all = {0};
    ck_assert_int_eq(ioctl(slave, TIOCSWINSZ, &size), 0);
    open_screen(&screen, slave);
    read_journal(&screen);
    run_loop_for(screen.loop, US_PER_SECOND / 2);
    size.ws_col = 60;
    ck_assert_int_eq(ioctl(slave, TIOCSWINSZ, &size), 0);
    live_resized(screen.live);
    run_loop_for(screen.loop, US_PER_SECOND / 2);
    drain(master, &all);
    /* Of its ten lines five were wider than sixty columns. */
    ck_assert_int_eq(last_way_up(text_string(&all)), 15);
    ck_assert_ptr_nonnull(strstr(text_string(&all),
                                 "\r\033[15A\033[Jprod: rolling upgrade ------------------------ "
                                 "running, 1m4s\r\n"));
    close_screen(&screen);
    text_clear(&all);
    close(slave);
    close(master);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("live");
    TCase *tcase = tcase_create("live");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, the_picture_is_drawn_in_place_and_lines_scroll_by);
    tcase_add_test(tcase, a_line_typed_below_the_picture_is_counted);
    tcase_add_test(tcase, while_a_question_is_open_only_events_draw);
    tcase_add_test(tcase, behind_a_terminal_that_stands_still_no_pictures_pile_up);
    tcase_add_test(tcase, a_narrower_window_has_broken_the_lines_of_the_picture);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
