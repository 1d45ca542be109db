/* base/loop_private.h - what loop.c (time and turns) and loop_wait.c (the wait itself) share.
 *
 * Floor: base. For these two files alone. */
#ifndef PEGFLOW_BASE_LOOP_PRIVATE_H
#define PEGFLOW_BASE_LOOP_PRIVATE_H

#include "base/loop.h"

struct loop_wait;

struct loop {
    bool is_virtual;
    bool running;
    bool stopping;
    int64_t start_us;   /* real: CLOCK_MONOTONIC when it was made */
    int64_t virtual_us; /* virtual: now */
    int64_t wall_start_us;
    uint64_t next_order;
    struct timer **heap; /* binary, by (due_us, order) */
    size_t timer_count;
    size_t timer_capacity;
    struct log *log;
    gap_fn *gap; /* NULL: nobody is told when it stood still */
    void *gap_ctx;
    int64_t seen_us;          /* when callbacks were last known to go on, in the time of gaps */
    int64_t virtual_stood_us; /* virtual: to be told */
    struct loop_wait *wait;   /* NULL under the virtual clock */
};

bool loop_wait_open(struct loop_wait **out, struct error *err);
void loop_wait_close(struct loop_wait *wait); /* NULL is fine */

/* Is there a watch or a transfer that could call back? A signal handler alone keeps no loop going.
 */
bool loop_wait_is_pending(const struct loop_wait *wait);

/* Before a callback: tells whoever wants to know when this comes much later than it should have. A
 * wait of at most `waited_us` was meant since the last call. */
void loop_look_for_gap(struct loop *loop, int64_t waited_us);

/* Waits at most `timeout_us` (INT64_MAX: for ever), then calls back for all that is ready, until
 * loop_stop. */
bool loop_wait_turn(struct loop *loop, int64_t timeout_us, struct error *err);

#endif
