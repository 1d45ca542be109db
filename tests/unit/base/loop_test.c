#include "base/loop.h"
#include "base/rng.h"
#include "base/text.h"

#include <check.h>
#include <curl/curl.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What happened, as letters in order. */
static char seen[256];
static struct loop *loop;

static void note(char letter)
{
    size_t length = strlen(seen);
    ck_assert_uint_lt(length + 1, sizeof seen);
    seen[length] = letter;
    seen[length + 1] = '\0';
}

/* A letter travels as the context itself. */
static void *letter(char c)
{
    return (void *)(uintptr_t)c;
}

static void note_letter(void *ctx)
{
    note((char)(uintptr_t)ctx);
}

static void setup_virtual(void)
{
    seen[0] = '\0';
    loop = loop_new_virtual(INT64_C(1700000000000000));
}

static void setup_real(void)
{
    struct error err;
    seen[0] = '\0';
    ck_assert(loop_open_real(&loop, &err));
}

static void teardown(void)
{
    loop_close(loop);
    loop = NULL;
}

static void run(void)
{
    struct error err;
    ck_assert(loop_run(loop, &err));
}

/* ---- virtual time */

START_TEST(virtual_time_jumps_to_each_timer_and_the_wall_follows)
{
    struct timer hour = {0};
    timer_start(loop, &hour, INT64_C(3600000000), note_letter, letter('h'));
    run();
    ck_assert_str_eq(seen, "h");
    ck_assert_int_eq(loop_now_us(loop), INT64_C(3600000000));
    ck_assert_int_eq(loop_wall_us(loop), INT64_C(1700003600000000));
    ck_assert(!timer_is_active(&hour));
}
END_TEST

START_TEST(equal_deadlines_fire_in_the_order_they_were_started)
{
    struct timer timers[26] = {0};
    for (int i = 0; i < 26; i++) {
        timer_start(loop, &timers[i], 1000, note_letter, letter((char)('a' + i)));
    }
    timer_start(loop, &timers[3], 1000, note_letter, letter('D')); /* anew: last now */
    timer_cancel(&timers[5]);
    timer_cancel(&timers[5]);
    run();
    ck_assert_str_eq(seen, "abceghijklmnopqrstuvwxyzD");
}
END_TEST

struct chain {
    struct timer timer;
    struct timer other;
    int left;
};

static void start_itself_again(void *ctx)
{
    struct chain *chain = ctx;
    note('x');
    if (--chain->left > 0) {
        timer_start(loop, &chain->timer, -5, start_itself_again, chain);
    }
}

START_TEST(a_timer_started_by_a_callback_waits_for_the_next_turn)
{
    struct chain chain = {.left = 3};
    timer_start(loop, &chain.timer, 0, start_itself_again, &chain);
    timer_start(loop, &chain.other, 0, note_letter, letter('o'));
    run();
    ck_assert_str_eq(seen, "xoxx");
    ck_assert_int_eq(loop_now_us(loop), 0);
}
END_TEST

static void cancel_the_other(void *ctx)
{
    struct chain *chain = ctx;
    note('c');
    timer_cancel(&chain->other);
}

START_TEST(a_due_timer_cancelled_by_a_callback_does_not_fire)
{
    struct chain chain = {0};
    timer_start(loop, &chain.timer, 10, cancel_the_other, &chain);
    timer_start(loop, &chain.other, 10, note_letter, letter('o'));
    run();
    ck_assert_str_eq(seen, "c");
}
END_TEST

static void stop_the_loop(void *ctx)
{
    (void)ctx;
    note('s');
    loop_stop(loop);
}

START_TEST(stop_returns_at_once_and_the_rest_fires_in_the_next_run)
{
    struct timer first = {0};
    struct timer second = {0};
    timer_start(loop, &first, 10, stop_the_loop, NULL);
    timer_start(loop, &second, 10, note_letter, letter('2'));
    run();
    ck_assert_str_eq(seen, "s");
    run();
    ck_assert_str_eq(seen, "s2");
}
END_TEST

static int64_t last_due_us;

static void note_time(void *ctx)
{
    (void)ctx;
    ck_assert_int_ge(loop_now_us(loop), last_due_us);
    last_due_us = loop_now_us(loop);
}

START_TEST(many_timers_fire_in_time_order_whatever_is_cancelled)
{
    enum { COUNT = 5000 };
    struct timer *timers = memory_allocate(COUNT * sizeof *timers);
    struct rng rng;
    rng_init(&rng, 7);
    last_due_us = 0;
    for (int i = 0; i < COUNT; i++) {
        timer_start(loop, &timers[i], (int64_t)rng_below(&rng, 100000), note_time, NULL);
    }
    for (int i = 0; i < COUNT; i += 3) {
        timer_cancel(&timers[i]);
    }
    for (int i = 0; i < COUNT; i += 7) {
        timer_start(loop, &timers[i], (int64_t)rng_below(&rng, 100000), note_time, NULL);
    }
    run();
    for (int i = 0; i < COUNT; i++) {
        ck_assert(!timer_is_active(&timers[i]));
    }
    free(timers);
}
END_TEST

START_TEST(a_delay_beyond_all_time_does_not_overflow)
{
    struct timer far = {0};
    struct timer near = {0};
    timer_start(loop, &near, 5, note_letter, letter('n'));
    timer_start(loop, &far, INT64_MAX, note_letter, letter('f'));
    run();
    ck_assert_str_eq(seen, "nf");
    ck_assert_int_eq(loop_now_us(loop), INT64_MAX);
}
END_TEST

/* ---- real time */

/* ---- standing still */
static int64_t told_us;
static struct timer put_off;

static void stood_still(void *ctx, int64_t stood_us)
{
    (void)ctx;
    note('!');
    told_us = stood_us;
    if (timer_is_active(&put_off)) {
        timer_start(loop, &put_off, 5, note_letter, letter('p'));
    }
}

static void stand_still(void *ctx)
{
    (void)ctx;
    note('s');
    loop_stand_still(loop, LOOP_GAP_US + 1);
}

static void stumble(void *ctx)
{
    (void)ctx;
    note('s');
    loop_stand_still(loop, LOOP_GAP_US);
}

START_TEST(a_gap_is_told_before_what_was_due_in_it_and_may_put_it_off)
{
    struct timer first = {0};
    struct timer second = {0};
    loop_on_gap(loop, stood_still, NULL);
    timer_start(loop, &first, 10, stand_still, NULL);
    timer_start(loop, &put_off, 10, note_letter, letter('p'));
    timer_start(loop, &second, 20, note_letter, letter('b'));
    run();
    ck_assert_str_eq(seen, "s!bp");
    ck_assert_int_eq(told_us, LOOP_GAP_US + 1);
    ck_assert_int_eq(loop_now_us(loop), 10 + LOOP_GAP_US + 1 + 5);
}
END_TEST

START_TEST(a_short_gap_is_none_and_nobody_need_be_told)
{
    struct timer first = {0};
    struct timer second = {0};
    loop_on_gap(loop, stood_still, NULL);
    timer_start(loop, &first, 10, stumble, NULL);
    timer_start(loop, &second, 20, note_letter, letter('b'));
    run();
    loop_on_gap(loop, NULL, NULL);
    timer_start(loop, &first, 10, stand_still, NULL);
    timer_start(loop, &second, 20, note_letter, letter('c'));
    run();
    ck_assert_str_eq(seen, "sbsc");
}
END_TEST

START_TEST(a_loop_with_nothing_to_call_returns_at_once)
{
    run();
    ck_assert_str_eq(seen, "");
}
END_TEST

START_TEST(real_timers_fire_no_earlier_than_due_and_in_order)
{
    struct timer late = {0};
    struct timer soon = {0};
    int64_t begin_us = loop_now_us(loop);
    timer_start(loop, &late, 3000, note_letter, letter('l'));
    timer_start(loop, &soon, 1000, note_letter, letter('s'));
    run();
    ck_assert_str_eq(seen, "sl");
    ck_assert_int_ge(loop_now_us(loop) - begin_us, 3000);
}
END_TEST

struct pipe_end {
    struct watch watch;
    struct pipe_end *other;
    int fd;
    int calls;
};

static void read_and_stop_at_end(void *ctx, unsigned ready)
{
    struct pipe_end *end = ctx;
    char buffer[16];
    ck_assert((ready & WATCH_READ) != 0);
    end->calls++;
    ssize_t got = read(end->fd, buffer, sizeof buffer);
    note(got > 0 ? buffer[0] : '$');
    if (got <= 0) {
        watch_stop(&end->watch);
    }
}

START_TEST(a_descriptor_leaves_the_loop_at_its_end_of_file)
{
    int fds[2];
    ck_assert_int_eq(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
    struct pipe_end end = {.fd = fds[0]};
    watch_start(loop, &end.watch, fds[0], WATCH_READ, read_and_stop_at_end, &end);
    ck_assert_int_eq(write(fds[1], "a", 1), 1);
    close(fds[1]);
    run();
    ck_assert_str_eq(seen, "a$");
    close(fds[0]);
}
END_TEST

static void stop_both(void *ctx, unsigned ready)
{
    (void)ready;
    struct pipe_end *end = ctx;
    end->calls++;
    watch_stop(&end->watch);
    watch_stop(&end->other->watch);
}

START_TEST(a_watch_stopped_by_another_ones_callback_is_not_called)
{
    int fds[2];
    ck_assert_int_eq(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
    struct pipe_end a = {.fd = fds[0]};
    struct pipe_end b = {.fd = fds[0], .other = &a};
    a.other = &b;
    watch_start(loop, &a.watch, fds[0], WATCH_READ, stop_both, &a);
    watch_start(loop, &b.watch, fds[0], WATCH_READ, stop_both, &b);
    ck_assert_int_eq(write(fds[1], "x", 1), 1);
    run();
    ck_assert_int_eq(a.calls + b.calls, 1);
    close(fds[0]);
    close(fds[1]);
}
END_TEST

static int silent_fd;

static void restart_other_on_silence(void *ctx, unsigned ready)
{
    (void)ready;
    struct pipe_end *end = ctx;
    end->calls++;
    watch_stop(&end->watch);
    watch_stop(&end->other->watch);
    watch_start(loop, &end->other->watch, silent_fd, WATCH_READ, restart_other_on_silence,
                end->other);
}

START_TEST(a_watch_started_anew_does_not_get_the_old_ones_event)
{
    int loud[2];
    int silent[2];
    struct timer end_of_test = {0};
    ck_assert_int_eq(pipe2(loud, O_CLOEXEC | O_NONBLOCK), 0);
    ck_assert_int_eq(pipe2(silent, O_CLOEXEC | O_NONBLOCK), 0);
    silent_fd = silent[0];
    struct pipe_end a = {0};
    struct pipe_end b = {.other = &a};
    a.other = &b;
    watch_start(loop, &a.watch, loud[0], WATCH_READ, restart_other_on_silence, &a);
    watch_start(loop, &b.watch, loud[0], WATCH_READ, restart_other_on_silence, &b);
    ck_assert_int_eq(write(loud[1], "x", 1), 1);
    timer_start(loop, &end_of_test, 5000, stop_the_loop, NULL);
    run();
    ck_assert_int_eq(a.calls, 1);
    ck_assert_int_eq(b.calls, 0);
    watch_stop(&b.watch);
    for (int i = 0; i < 2; i++) {
        close(loud[i]);
        close(silent[i]);
    }
}
END_TEST

static void note_ready(void *ctx, unsigned ready)
{
    struct pipe_end *end = ctx;
    note((char)('0' + ready));
    watch_set_events(&end->watch, 0);
    loop_stop(loop);
}

START_TEST(a_hang_up_of_a_writers_peer_is_seen_though_reading_was_not_asked_for)
{
    int fds[2];
    ck_assert_int_eq(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
    while (write(fds[1], seen, sizeof seen) > 0) {
    }
    struct pipe_end end = {.fd = fds[1]};
    watch_start(loop, &end.watch, fds[1], WATCH_WRITE, note_ready, &end);
    close(fds[0]);
    run();
    ck_assert_str_eq(seen, "3");
    watch_stop(&end.watch);
    close(fds[1]);
}
END_TEST

START_TEST(a_watch_that_wants_nothing_does_not_spin_on_a_hang_up)
{
    int fds[2];
    struct timer end_of_test = {0};
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    struct pipe_end end = {.fd = fds[0]};
    watch_start(loop, &end.watch, fds[0], 0, note_ready, &end);
    close(fds[1]);
    timer_start(loop, &end_of_test, 2000, stop_the_loop, NULL);
    run();
    ck_assert_str_eq(seen, "s");
    watch_stop(&end.watch);
    close(fds[0]);
}
END_TEST

static void note_signal(void *ctx, int signal_number)
{
    (void)ctx;
    note(signal_number == SIGUSR1 ? '1' : '2');
    if (signal_number == SIGUSR2) {
        loop_stop(loop);
    }
}

START_TEST(signals_are_read_in_the_loop_and_keep_none_going)
{
    struct error err;
    struct timer long_wait = {0};
    sigset_t signals;
    sigset_t after;
    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR1);
    sigaddset(&signals, SIGUSR2);
    ck_assert(loop_catch_signals(loop, &signals, note_signal, NULL, &err));
    run(); /* a handler alone: returns */
    kill(getpid(), SIGUSR1);
    kill(getpid(), SIGUSR2);
    timer_start(loop, &long_wait, INT64_C(60000000), note_letter, letter('t'));
    run();
    ck_assert_str_eq(seen, "12");
    timer_cancel(&long_wait);
    loop_close(loop);
    loop = NULL;
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    ck_assert(!sigismember(&after, SIGUSR1));
}
END_TEST

/* ---- transfers */

static CURL *file_transfer(const char *url)
{
    CURL *easy = curl_easy_init();
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    return easy;
}

static CURL *to_cancel;

static void note_transfer(void *ctx, int curl_code)
{
    note(curl_code == CURLE_OK ? (char)(uintptr_t)ctx : '!');
    if (to_cancel != NULL) {
        loop_cancel_transfer(loop, to_cancel);
        to_cancel = NULL;
    }
}

START_TEST(transfers_call_back_once_from_the_loop)
{
    CURL *good = file_transfer("file:///dev/null");
    CURL *bad = file_transfer("file:///nonexistent/file");
    loop_start_transfer(loop, good, note_transfer, letter('g'));
    loop_start_transfer(loop, bad, note_transfer, letter('b'));
    ck_assert_str_eq(seen, "");
    run();
    ck_assert_uint_eq(strlen(seen), 2);
    ck_assert_ptr_nonnull(strchr(seen, 'g'));
    ck_assert_ptr_nonnull(strchr(seen, '!'));
    curl_easy_cleanup(good);
    curl_easy_cleanup(bad);
}
END_TEST

START_TEST(a_transfer_cancelled_by_another_ones_callback_is_not_called)
{
    CURL *first = file_transfer("file:///dev/null");
    CURL *second = file_transfer("file:///dev/null");
    to_cancel = second;
    loop_start_transfer(loop, first, note_transfer, letter('1'));
    loop_start_transfer(loop, second, note_transfer, letter('2'));
    run();
    ck_assert_str_eq(seen, "1");
    curl_easy_cleanup(first);
    curl_easy_cleanup(second);
}
END_TEST

static void note_and_stop(void *ctx, int curl_code)
{
    note_transfer(ctx, curl_code);
    loop_stop(loop);
}

START_TEST(an_ended_transfer_is_told_in_the_run_after_a_stop)
{
    CURL *easy[2];
    for (int i = 0; i < 2; i++) {
        easy[i] = file_transfer("file:///dev/null");
        loop_start_transfer(loop, easy[i], note_and_stop, letter('t'));
    }
    run();
    ck_assert_str_eq(seen, "t");
    run();
    ck_assert_str_eq(seen, "tt");
    for (int i = 0; i < 2; i++) {
        curl_easy_cleanup(easy[i]);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("loop");
    TCase *virtual_case = tcase_create("virtual");
    tcase_add_checked_fixture(virtual_case, setup_virtual, teardown);
    tcase_add_test(virtual_case, virtual_time_jumps_to_each_timer_and_the_wall_follows);
    tcase_add_test(virtual_case, equal_deadlines_fire_in_the_order_they_were_started);
    tcase_add_test(virtual_case, a_timer_started_by_a_callback_waits_for_the_next_turn);
    tcase_add_test(virtual_case, a_due_timer_cancelled_by_a_callback_does_not_fire);
    tcase_add_test(virtual_case, stop_returns_at_once_and_the_rest_fires_in_the_next_run);
    tcase_add_test(virtual_case, many_timers_fire_in_time_order_whatever_is_cancelled);
    tcase_add_test(virtual_case, a_delay_beyond_all_time_does_not_overflow);
    tcase_add_test(virtual_case, a_gap_is_told_before_what_was_due_in_it_and_may_put_it_off);
    tcase_add_test(virtual_case, a_short_gap_is_none_and_nobody_need_be_told);
    suite_add_tcase(suite, virtual_case);
    TCase *real_case = tcase_create("real");
    tcase_add_checked_fixture(real_case, setup_real, teardown);
    tcase_add_test(real_case, a_loop_with_nothing_to_call_returns_at_once);
    tcase_add_test(real_case, real_timers_fire_no_earlier_than_due_and_in_order);
    tcase_add_test(real_case, a_descriptor_leaves_the_loop_at_its_end_of_file);
    tcase_add_test(real_case, a_watch_stopped_by_another_ones_callback_is_not_called);
    tcase_add_test(real_case, a_watch_started_anew_does_not_get_the_old_ones_event);
    tcase_add_test(real_case, a_hang_up_of_a_writers_peer_is_seen_though_reading_was_not_asked_for);
    tcase_add_test(real_case, a_watch_that_wants_nothing_does_not_spin_on_a_hang_up);
    tcase_add_test(real_case, signals_are_read_in_the_loop_and_keep_none_going);
    tcase_add_test(real_case, transfers_call_back_once_from_the_loop);
    tcase_add_test(real_case, a_transfer_cancelled_by_another_ones_callback_is_not_called);
    tcase_add_test(real_case, an_ended_transfer_is_told_in_the_run_after_a_stop);
    suite_add_tcase(suite, real_case);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
