/* serve/listener.h - a port that is ours for good, and that listens or refuses by turns.
 *
 * Floor: serve. While it does not listen a second, silent socket keeps the port: a connection is
 * refused, as with a process that is down, and nobody else is given the port meanwhile. */
#ifndef PEGFLOW_SERVE_LISTENER_H
#define PEGFLOW_SERVE_LISTENER_H

#include "base/loop.h"
#include "pegasus/address.h"

/* Takes the non-blocking descriptor. */
typedef void listener_fn(void *ctx, int fd);
struct listener {
    struct loop *loop;
    struct address address;
    int reserved_fd; /* bound, never listens; -1: none */
    int fd;          /* -1: refuses */
    struct watch watch;
    struct timer rest; /* out of descriptors: no accept for a while */
    listener_fn *accepted;
    void *ctx;
};

/* Reserves the port; 0 takes a free one, see listener->address. A port in use is ERROR_REFUSED.
 * On failure there is nothing to clear. */
bool listener_init(struct listener *listener, struct loop *loop, struct address address,
                   listener_fn *accepted, void *ctx, struct error *err);
void listener_clear(struct listener *listener); /* fine when zero-initialised with loop NULL */

bool listener_open(struct listener *listener, struct error *err); /* fine when open */
void listener_close(struct listener *listener); /* what waits to be accepted is reset */
bool listener_is_open(const struct listener *listener);

#endif
