/* cli/typed.h - lines that a person types while a run goes on.
 *
 * Floor: cli. Reads standard input on the loop when it is a terminal and this process may read from
 * it; a closed terminal, or one that others read from, changes nothing. */
#ifndef PEGFLOW_CLI_TYPED_H
#define PEGFLOW_CLI_TYPED_H

#include "base/loop.h"

enum { TYPED_LINE_BYTES = 256 };

/* `line` is without its end and may be written into; it may be empty. */
typedef void typed_fn(void *ctx, char *line);
struct typed {
    struct watch watch;
    char line[TYPED_LINE_BYTES]; /* not whole yet */
    size_t length;
    typed_fn *typed;
    void *ctx;
};
/* Does nothing without a terminal. */
void typed_start(struct typed *typed, struct loop *loop, typed_fn *fn, void *ctx);
void typed_stop(struct typed *typed); /* fine when never started, also from the callback */

#endif
