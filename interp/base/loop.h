/* base/loop.h - the clock and the event loop: timers, sockets, child processes, signals and libcurl
 * transfers in one wait.
 *
 * Floor: base. Under the real clock the wait is curl_multi_poll, with everything else as extra
 * descriptors. Under the virtual clock nothing waits and libcurl is not entered: when no callback
 * is due, time jumps to the next timer. All callbacks run from loop_run, one at a time, never
 * inside the call that started them. Whoever starts a thing owns its memory and keeps it until it
 * was cancelled or has ended. */
#ifndef PEGFLOW_BASE_LOOP_H
#define PEGFLOW_BASE_LOOP_H

#include "base/error.h"
#include "base/log.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;

/* A loop under the real clock (CLOCK_MONOTONIC). Never fails but for lack of descriptors. */
bool loop_open_real(struct loop **out, struct error *err);
/* A loop under a virtual clock that starts at 0 and shows `wall_start_us` (since 1970) as the wall.
 */
struct loop *loop_new_virtual(int64_t wall_start_us);
void loop_close(struct loop *loop); /* NULL is fine; all timers must have been cancelled or fired */
bool loop_is_virtual(const struct loop *loop);

/* Time since the loop was made; never goes back. All deadlines are in this time. */
int64_t loop_now_us(const struct loop *loop);
/* The wall clock, to be shown to people only. */
int64_t loop_wall_us(const struct loop *loop);

/* Runs until loop_stop, or until nothing is left that could call back (no timer, watch, transfer or
 * child). A failure is one of the wait itself. */
bool loop_run(struct loop *loop, struct error *err);
void loop_stop(struct loop *loop); /* from a callback: loop_run returns after it */

/* ---- standing still: the process was stopped, or its machine slept */
/* `stood_us`: for about how long no callback was called although one was due, or might have been.
 */
typedef void gap_fn(void *ctx, int64_t stood_us);
enum { LOOP_GAP_US = 2 * 1000 * 1000 };
/* From now on `gap` is told of each that is longer than LOOP_GAP_US, before any other callback of
 * later. What was read before is as old as the gap then. One for each loop; NULL: nobody. Under the
 * real clock CLOCK_BOOTTIME counts, which goes on while the machine sleeps. */
void loop_on_gap(struct loop *loop, gap_fn *gap, void *ctx);
/* Virtual clock: time passes by `stood_us` without a callback. From a callback too. */
void loop_stand_still(struct loop *loop, int64_t stood_us);

/* Where those who work on this loop write their log; NULL (as at first): nowhere. Stays the
 * caller's. */
void loop_set_log(struct loop *loop, struct log *log);
struct log *loop_log(const struct loop *loop);

/* ---- timers: zero-initialise; equal deadlines fire in the order they were started */
typedef void timer_fn(void *ctx);
struct timer {
    struct loop *loop; /* NULL: not active */
    int64_t due_us;
    uint64_t order;
    size_t heap_index;
    timer_fn *fire;
    void *ctx;
};
/* Starts, or starts anew. A delay <= 0 fires in the next turn of the loop. O(log timers). */
void timer_start(struct loop *loop, struct timer *timer, int64_t delay_us, timer_fn *fire,
                 void *ctx);
void timer_cancel(struct timer *timer); /* fine when not active */
bool timer_is_active(const struct timer *timer);

/* ---- descriptors (real clock only): zero-initialise */
enum { WATCH_READ = 1, WATCH_WRITE = 2 };
typedef void watch_fn(void *ctx, unsigned ready); /* ready: WATCH_*; an error shows as both */
struct watch {
    struct loop *loop; /* NULL: not active */
    int fd;
    unsigned events;
    size_t index;
    watch_fn *ready;
    void *ctx;
};
void watch_start(struct loop *loop, struct watch *watch, int fd, unsigned events, watch_fn *ready,
                 void *ctx);
void watch_set_events(struct watch *watch, unsigned events);
void watch_stop(struct watch *watch); /* fine when not active; does not close the descriptor */

/* ---- signals (real clock only): one handler for a set of signals, blocked and read by signalfd.
 * SIGPIPE is ignored by loop_open_real. A handler alone does not keep loop_run going. */
typedef void signal_fn(void *ctx, int signal_number);
bool loop_catch_signals(struct loop *loop, const sigset_t *signals, signal_fn *caught, void *ctx,
                        struct error *err);

/* ---- libcurl transfers (real clock only). `easy` is a CURL *, fully set up by the caller, who
 * keeps it; curl_code is a CURLcode. CURLOPT_PRIVATE is the loop's while the transfer runs.
 * loop_cancel_transfer drops it without a callback. */
typedef void transfer_fn(void *ctx, int curl_code);
void loop_start_transfer(struct loop *loop, void *easy, transfer_fn *done, void *ctx);
void loop_cancel_transfer(struct loop *loop, void *easy);

#endif
