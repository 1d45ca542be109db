#include "base/loop.h"

#include "base/loop_private.h"
#include "base/text.h"

#include <stdlib.h>
#include <time.h>

static int64_t clock_us(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---- life */

bool loop_open_real(struct loop **out, struct error *err)
{
    struct loop_wait *wait;
    if (!loop_wait_open(&wait, err)) {
        return false;
    }
    struct loop *loop = memory_allocate(sizeof *loop);
    loop->wait = wait;
    loop->start_us = clock_us(CLOCK_MONOTONIC);
    signal(SIGPIPE, SIG_IGN);
    *out = loop;
    return true;
}

struct loop *loop_new_virtual(int64_t wall_start_us)
{
    struct loop *loop = memory_allocate(sizeof *loop);
    loop->is_virtual = true;
    loop->wall_start_us = wall_start_us;
    return loop;
}

void loop_close(struct loop *loop)
{
    if (loop == NULL) {
        return;
    }
    ASSERT(loop->timer_count == 0);
    loop_wait_close(loop->wait);
    free(loop->heap);
    free(loop);
}

bool loop_is_virtual(const struct loop *loop)
{
    return loop->is_virtual;
}

void loop_set_log(struct loop *loop, struct log *log)
{
    loop->log = log;
}

struct log *loop_log(const struct loop *loop)
{
    return loop->log;
}

int64_t loop_now_us(const struct loop *loop)
{
    return loop->is_virtual ? loop->virtual_us : clock_us(CLOCK_MONOTONIC) - loop->start_us;
}

int64_t loop_wall_us(const struct loop *loop)
{
    return loop->is_virtual ? loop->wall_start_us + loop->virtual_us : clock_us(CLOCK_REALTIME);
}

/* ---- timers */

static bool fires_before(const struct timer *a, const struct timer *b)
{
    return a->due_us != b->due_us ? a->due_us < b->due_us : a->order < b->order;
}

static void heap_place(struct loop *loop, size_t index, struct timer *timer)
{
    loop->heap[index] = timer;
    timer->heap_index = index;
}

static void heap_rise(struct loop *loop, struct timer *timer)
{
    size_t index = timer->heap_index;
    while (index > 0 && fires_before(timer, loop->heap[(index - 1) / 2])) {
        heap_place(loop, index, loop->heap[(index - 1) / 2]);
        index = (index - 1) / 2;
    }
    heap_place(loop, index, timer);
}

static void heap_sink(struct loop *loop, struct timer *timer)
{
    size_t index = timer->heap_index;
    for (;;) {
        size_t child = 2 * index + 1;
        if (child >= loop->timer_count) {
            break;
        }
        if (child + 1 < loop->timer_count &&
            fires_before(loop->heap[child + 1], loop->heap[child])) {
            child++;
        }
        if (!fires_before(loop->heap[child], timer)) {
            break;
        }
        heap_place(loop, index, loop->heap[child]);
        index = child;
    }
    heap_place(loop, index, timer);
}

void timer_start(struct loop *loop, struct timer *timer, int64_t delay_us, timer_fn *fire,
                 void *ctx)
{
    timer_cancel(timer);
    int64_t now_us = loop_now_us(loop);
    int64_t wait_us = delay_us > 0 ? delay_us : 0;
    timer->loop = loop;
    timer->due_us = wait_us > INT64_MAX - now_us ? INT64_MAX : now_us + wait_us;
    timer->order = loop->next_order++;
    timer->fire = fire;
    timer->ctx = ctx;
    if (loop->timer_count == loop->timer_capacity) {
        loop->timer_capacity = loop->timer_capacity == 0 ? 64 : loop->timer_capacity * 2;
        loop->heap = memory_resize(loop->heap, loop->timer_capacity * sizeof(struct timer *));
    }
    timer->heap_index = loop->timer_count++;
    heap_rise(loop, timer);
}

void timer_cancel(struct timer *timer)
{
    struct loop *loop = timer->loop;
    if (loop == NULL) {
        return;
    }
    struct timer *last = loop->heap[--loop->timer_count];
    if (last != timer) {
        last->heap_index = timer->heap_index;
        heap_rise(loop, last);
        heap_sink(loop, last);
    }
    timer->loop = NULL;
}

bool timer_is_active(const struct timer *timer)
{
    return timer->loop != NULL;
}

/* ---- standing still */

static int64_t gap_clock_us(const struct loop *loop)
{
    return loop->is_virtual ? loop->virtual_us : clock_us(CLOCK_BOOTTIME);
}

void loop_on_gap(struct loop *loop, gap_fn *gap, void *ctx)
{
    loop->gap = gap;
    loop->gap_ctx = ctx;
    loop->seen_us = gap_clock_us(loop);
    loop->virtual_stood_us = 0;
}

void loop_stand_still(struct loop *loop, int64_t stood_us)
{
    ASSERT(loop->is_virtual);
    loop->virtual_us += stood_us;
    loop->virtual_stood_us += stood_us;
}

void loop_look_for_gap(struct loop *loop, int64_t waited_us)
{
    if (loop->gap == NULL) {
        return;
    }
    int64_t now_us = gap_clock_us(loop);
    int64_t stood_us =
        loop->is_virtual ? loop->virtual_stood_us : now_us - loop->seen_us - waited_us;
    loop->seen_us = now_us;
    loop->virtual_stood_us = 0;
    if (stood_us > LOOP_GAP_US) {
        loop->gap(loop->gap_ctx, stood_us);
    }
}

/* ---- turns */

static bool first_is_due(const struct loop *loop, int64_t now_us, uint64_t order_limit)
{
    return !loop->stopping && loop->timer_count > 0 && loop->heap[0]->due_us <= now_us &&
           loop->heap[0]->order < order_limit;
}

/* Those started by a callback of this turn wait for the next one, even when already due. */
static void fire_due_timers(struct loop *loop)
{
    int64_t now_us = loop_now_us(loop);
    uint64_t order_limit = loop->next_order;
    while (first_is_due(loop, now_us, order_limit)) {
        loop_look_for_gap(loop, 0);
        if (!first_is_due(loop, now_us, order_limit)) {
            break; /* whoever was told of a gap has put it off */
        }
        struct timer *timer = loop->heap[0];
        timer_cancel(timer);
        timer->fire(timer->ctx);
    }
}

static bool turn_virtual(struct loop *loop)
{
    if (loop->timer_count == 0) {
        return false;
    }
    if (loop->heap[0]->due_us > loop->virtual_us) {
        loop->virtual_us = loop->heap[0]->due_us;
    }
    fire_due_timers(loop);
    return true;
}

static int64_t until_next_timer_us(const struct loop *loop)
{
    if (loop->timer_count == 0) {
        return INT64_MAX;
    }
    int64_t left_us = loop->heap[0]->due_us - loop_now_us(loop);
    return left_us > 0 ? left_us : 0;
}

bool loop_run(struct loop *loop, struct error *err)
{
    ASSERT(!loop->running);
    bool ok = true;
    loop->running = true;
    loop->seen_us = gap_clock_us(loop);
    while (ok && !loop->stopping) {
        if (loop->is_virtual) {
            if (!turn_virtual(loop)) {
                break;
            }
            continue;
        }
        fire_due_timers(loop);
        if (loop->stopping || (loop->timer_count == 0 && !loop_wait_is_pending(loop->wait))) {
            break;
        }
        ok = loop_wait_turn(loop, until_next_timer_us(loop), err);
    }
    loop->running = false;
    loop->stopping = false;
    return ok;
}

void loop_stop(struct loop *loop)
{
    loop->stopping = true;
}
