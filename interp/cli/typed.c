#include "cli/typed.h"

#include <errno.h>
#include <unistd.h>

/* What is longer than a line may be is cut: it is no word of ours. */
static void take_byte(struct typed *typed, char byte)
{
    if (byte != '\n') {
        if (typed->length < TYPED_LINE_BYTES - 1) {
            typed->line[typed->length++] = byte;
        }
        return;
    }
    typed->line[typed->length] = '\0';
    typed->length = 0;
    typed->typed(typed->ctx, typed->line);
}

static void terminal_ready(void *ctx, unsigned ready)
{
    struct typed *typed = ctx;
    char bytes[TYPED_LINE_BYTES];
    (void)ready;
    if (tcgetpgrp(STDIN_FILENO) != getpgrp()) {
        watch_stop(&typed->watch); /* what is typed is for others: to read would stop us */
        return;
    }
    ssize_t count = read(STDIN_FILENO, bytes, sizeof bytes);
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) {
        return;
    }
    if (count <= 0) {
        watch_stop(&typed->watch);
        return;
    }
    for (ssize_t i = 0; i < count && typed->watch.loop != NULL; i++) {
        take_byte(typed, bytes[i]);
    }
}

void typed_start(struct typed *typed, struct loop *loop, typed_fn *fn, void *ctx)
{
    *typed = (struct typed){.typed = fn, .ctx = ctx};
    if (isatty(STDIN_FILENO)) {
        watch_start(loop, &typed->watch, STDIN_FILENO, WATCH_READ, terminal_ready, typed);
    }
}

void typed_stop(struct typed *typed)
{
    watch_stop(&typed->watch);
}
