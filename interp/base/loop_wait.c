#include "base/loop_private.h"
#include "base/text.h"

#include <curl/curl.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct transfer {
    transfer_fn *done;
    void *ctx;
};

/* A watch that stops leaves a hole in `watches` until the next wait: the events of this turn, which
 * refer to indices, stay right, and a watch started meanwhile gets an index that has no events. */
struct loop_wait {
    CURLM *multi;
    size_t transfer_count;
    bool results_left; /* loop_stop came before all ended transfers were told */
    struct watch **watches;
    size_t watch_slots;
    size_t watch_capacity;
    size_t watch_count; /* slots that are no holes */
    struct curl_waitfd *polled;
    size_t polled_capacity;
    struct watch signals; /* its fd is -1 until signals are caught */
    sigset_t mask_before;
    signal_fn *caught;
    void *caught_ctx;
};

bool loop_wait_open(struct loop_wait **out, struct error *err)
{
    /* No curl_global_init here: a process without HTTP shall not pay for TLS. */
    CURLM *multi = curl_multi_init();
    if (multi == NULL) {
        error_set(err, ERROR_SYSTEM, "event loop: curl_multi_init failed");
        return false;
    }
    struct loop_wait *wait = memory_allocate(sizeof *wait);
    wait->multi = multi;
    wait->signals.fd = -1;
    *out = wait;
    return true;
}

void loop_wait_close(struct loop_wait *wait)
{
    if (wait == NULL) {
        return;
    }
    ASSERT(wait->transfer_count == 0);
    if (wait->signals.fd >= 0) {
        watch_stop(&wait->signals);
        close(wait->signals.fd);
        pthread_sigmask(SIG_SETMASK, &wait->mask_before, NULL);
    }
    ASSERT(wait->watch_count == 0);
    curl_multi_cleanup(wait->multi);
    free(wait->watches);
    free(wait->polled);
    free(wait);
}

bool loop_wait_is_pending(const struct loop_wait *wait)
{
    size_t signals = wait->signals.fd >= 0 ? 1 : 0;
    return wait->watch_count > signals || wait->transfer_count > 0;
}

/* ---- descriptors */

void watch_start(struct loop *loop, struct watch *watch, int fd, unsigned events, watch_fn *ready,
                 void *ctx)
{
    ASSERT(!loop->is_virtual);
    ASSERT(watch->loop == NULL);
    struct loop_wait *wait = loop->wait;
    if (wait->watch_slots == wait->watch_capacity) {
        wait->watch_capacity = wait->watch_capacity == 0 ? 32 : wait->watch_capacity * 2;
        wait->watches = memory_resize(wait->watches, wait->watch_capacity * sizeof(struct watch *));
    }
    *watch = (struct watch){
        .loop = loop,
        .fd = fd,
        .events = events,
        .index = wait->watch_slots,
        .ready = ready,
        .ctx = ctx,
    };
    wait->watches[wait->watch_slots++] = watch;
    wait->watch_count++;
}

void watch_set_events(struct watch *watch, unsigned events)
{
    watch->events = events;
}

void watch_stop(struct watch *watch)
{
    if (watch->loop == NULL) {
        return;
    }
    struct loop_wait *wait = watch->loop->wait;
    wait->watches[watch->index] = NULL;
    wait->watch_count--;
    watch->loop = NULL;
}

/* ---- signals */

static void read_signals(void *ctx, unsigned ready)
{
    (void)ready;
    struct loop *loop = ctx;
    struct loop_wait *wait = loop->wait;
    struct signalfd_siginfo info;
    while (!loop->stopping && read(wait->signals.fd, &info, sizeof info) == (ssize_t)sizeof info) {
        wait->caught(wait->caught_ctx, (int)info.ssi_signo);
    }
}

bool loop_catch_signals(struct loop *loop, const sigset_t *signals, signal_fn *caught, void *ctx,
                        struct error *err)
{
    ASSERT(!loop->is_virtual);
    struct loop_wait *wait = loop->wait;
    ASSERT(wait->signals.fd < 0);
    int fd = signalfd(-1, signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0) {
        error_set_errno(err, errno, "event loop: signalfd");
        return false;
    }
    pthread_sigmask(SIG_BLOCK, signals, &wait->mask_before);
    wait->caught = caught;
    wait->caught_ctx = ctx;
    watch_start(loop, &wait->signals, fd, WATCH_READ, read_signals, loop);
    return true;
}

/* ---- transfers */

void loop_start_transfer(struct loop *loop, void *easy, transfer_fn *done, void *ctx)
{
    ASSERT(!loop->is_virtual);
    struct loop_wait *wait = loop->wait;
    struct transfer *transfer = memory_allocate(sizeof *transfer);
    transfer->done = done;
    transfer->ctx = ctx;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    CURLMcode code = curl_multi_add_handle(wait->multi, easy);
    ASSERT(code == CURLM_OK);
    wait->transfer_count++;
}

static struct transfer remove_transfer(struct loop_wait *wait, CURL *easy)
{
    char *private_data = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private_data);
    struct transfer *transfer = (struct transfer *)(void *)private_data;
    ASSERT(transfer != NULL);
    struct transfer copy = *transfer;
    free(transfer);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, NULL);
    curl_multi_remove_handle(wait->multi, easy);
    wait->transfer_count--;
    return copy;
}

void loop_cancel_transfer(struct loop *loop, void *easy)
{
    remove_transfer(loop->wait, easy);
}

static bool perform_transfers(struct loop *loop, struct error *err)
{
    struct loop_wait *wait = loop->wait;
    int running;
    int queued;
    CURLMcode code = curl_multi_perform(wait->multi, &running);
    if (code != CURLM_OK) {
        error_set(err, ERROR_SYSTEM, "event loop: transfers: %s", curl_multi_strerror(code));
        return false;
    }
    const CURLMsg *message;
    loop_look_for_gap(loop, 0);
    while (!loop->stopping && (message = curl_multi_info_read(wait->multi, &queued)) != NULL) {
        if (message->msg == CURLMSG_DONE) {
            int result = (int)message->data.result; /* gone with the handle */
            struct transfer transfer = remove_transfer(wait, message->easy_handle);
            transfer.done(transfer.ctx, result);
            loop_look_for_gap(loop, 0);
        }
    }
    wait->results_left = loop->stopping;
    return true;
}

/* ---- the wait */

/* Closes the holes and fills `polled`, slot by slot; a watch that wants nothing now is asked for
 * nothing, not even errors. */
static void gather_descriptors(struct loop_wait *wait)
{
    size_t kept = 0;
    for (size_t i = 0; i < wait->watch_slots; i++) {
        struct watch *watch = wait->watches[i];
        if (watch != NULL) {
            watch->index = kept;
            wait->watches[kept++] = watch;
        }
    }
    wait->watch_slots = kept;
    if (kept > wait->polled_capacity) {
        wait->polled_capacity = wait->watch_capacity;
        wait->polled = memory_resize(wait->polled, wait->polled_capacity * sizeof *wait->polled);
    }
    for (size_t i = 0; i < kept; i++) {
        unsigned events = wait->watches[i]->events;
        short wanted = (short)(((events & WATCH_READ) != 0 ? CURL_WAIT_POLLIN : 0) |
                               ((events & WATCH_WRITE) != 0 ? CURL_WAIT_POLLOUT : 0));
        wait->polled[i] = (struct curl_waitfd){
            .fd = events == 0 ? CURL_SOCKET_BAD : wait->watches[i]->fd,
            .events = wanted,
        };
    }
}

/* libcurl shows a hang-up as readable and an error as both; what was not asked for is an error.
 * `events`: what the watch wants by now, perhaps less than when the wait began. */
static unsigned ready_events(const struct curl_waitfd *polled, unsigned events)
{
    if (polled->revents == 0 || events == 0) {
        return 0;
    }
    if ((polled->revents & ~polled->events) != 0) {
        return WATCH_READ | WATCH_WRITE;
    }
    unsigned ready = ((polled->revents & CURL_WAIT_POLLIN) != 0 ? WATCH_READ : 0U) |
                     ((polled->revents & CURL_WAIT_POLLOUT) != 0 ? WATCH_WRITE : 0U);
    return ready & events;
}

static void dispatch_descriptors(struct loop *loop, size_t polled_count)
{
    struct loop_wait *wait = loop->wait;
    for (size_t i = 0; i < polled_count && !loop->stopping; i++) {
        struct watch *watch = wait->watches[i];
        unsigned ready = watch == NULL ? 0 : ready_events(&wait->polled[i], watch->events);
        if (ready != 0) {
            loop_look_for_gap(loop, 0);
            if (wait->watches[i] != watch) {
                continue; /* stopped by whoever was told of a gap */
            }
            watch->ready(watch->ctx, ready);
        }
    }
}

/* A stop within a longer wait would look like the wait. */
static const int64_t gap_wait_us = 1000 * 1000;

static int timeout_to_ms(int64_t timeout_us)
{
    int64_t ms = timeout_us / 1000 + (timeout_us % 1000 != 0 ? 1 : 0);
    return ms > INT_MAX ? INT_MAX : (int)ms;
}

bool loop_wait_turn(struct loop *loop, int64_t timeout_us, struct error *err)
{
    struct loop_wait *wait = loop->wait;
    gather_descriptors(wait);
    size_t polled_count = wait->watch_slots;
    if (loop->gap != NULL && timeout_us > gap_wait_us) {
        timeout_us = gap_wait_us;
    }
    int timeout_ms = wait->results_left ? 0 : timeout_to_ms(timeout_us);
    CURLMcode code =
        curl_multi_poll(wait->multi, wait->polled, (unsigned)polled_count, timeout_ms, NULL);
    if (code != CURLM_OK) {
        error_set(err, ERROR_SYSTEM, "event loop: wait: %s", curl_multi_strerror(code));
        return false;
    }
    loop_look_for_gap(loop, (int64_t)timeout_ms * 1000);
    dispatch_descriptors(loop, polled_count);
    if (loop->stopping || wait->transfer_count == 0) {
        return true;
    }
    return perform_transfers(loop, err);
}
