#include "base/output.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

enum { CHUNK_BYTES = 512, LAST_WAIT_MS = 1000 };

void output_init(struct output *output, int fd)
{
    *output = (struct output){.fd = fd};
}

/* Writes in small pieces, each only when the descriptor says that it has room. */
static void flush(struct output *output, int wait_ms)
{
    while (!output->gone && output->written < output->pending.length) {
        struct pollfd ready = {.fd = output->fd, .events = POLLOUT};
        int polled = poll(&ready, 1, wait_ms);
        if (polled <= 0 || (ready.revents & POLLOUT) == 0) {
            output->gone = polled > 0; /* POLLERR, POLLHUP, POLLNVAL */
            break;
        }
        size_t left = output->pending.length - output->written;
        ssize_t count = write(output->fd, output->pending.bytes + output->written,
                              left < CHUNK_BYTES ? left : CHUNK_BYTES);
        if (count < 0 && errno != EINTR && errno != EAGAIN) {
            output->gone = true;
        }
        output->written += count > 0 ? (size_t)count : 0;
    }
    if (output->gone || output->written == output->pending.length) {
        text_reset(&output->pending);
        output->written = 0;
    }
}

void output_line(struct output *output, const char *line, size_t length)
{
    flush(output, output->wait_ms);
    if (output->gone) {
        return;
    }
    if (output->pending.length + length > OUTPUT_PENDING_BYTES) {
        output->dropped++;
        return;
    }
    if (output->dropped > 0) {
        text_printf(&output->pending, "(%zu lines could not be shown)\n", output->dropped);
        output->dropped = 0;
    }
    text_append(&output->pending, line, length);
    flush(output, output->wait_ms);
}

bool output_flush(struct output *output)
{
    flush(output, 0);
    return output->pending.length == 0;
}

bool output_is_gone(struct output *output)
{
    struct pollfd state = {.fd = output->fd};
    bool broken = poll(&state, 1, 0) > 0; /* with no event asked for, only what is wrong comes */
    output->gone = output->gone || broken;
    return output->gone;
}

void output_clear(struct output *output)
{
    flush(output, LAST_WAIT_MS);
    text_clear(&output->pending);
}
