/* live/shared_lock_holder.h - who holds the shared lock, as its node says.
 *
 * Floor: live. One JSON object: {"who":"alice","host":"ops1","pid":311,
 * "since":"2026-11-25T02:14:07.000Z","run":"r7","session_ms":10000}. What is read was perhaps
 * written by another version or by a person: every member is checked, unprintable characters become
 * '?'. */
#ifndef PEGFLOW_LIVE_SHARED_LOCK_HOLDER_H
#define PEGFLOW_LIVE_SHARED_LOCK_HOLDER_H

#include "base/arena.h"
#include "base/text.h"

#include <stdbool.h>

enum { SHARED_LOCK_HOLDER_BYTES_MAX = 4096 };

struct shared_lock_holder {
    const char *who; /* the user; never NULL, like all texts here */
    const char *host;
    int64_t pid;
    const char *since;  /* UTC, "2026-11-25T02:14:07.000Z" */
    const char *run;    /* the id of the run */
    int64_t session_us; /* after a crash, the lock is let go so much later */
};

void shared_lock_holder_write(const struct shared_lock_holder *holder, struct text *out);
/* Texts are copied to `arena`. False: not ours. */
bool shared_lock_holder_read(struct slice data, struct arena *arena,
                             struct shared_lock_holder *out);
/* "alice, pid 311 on ops1, since 2026-11-25T02:14:07.000Z (run r7)". Lives in `arena`. */
const char *shared_lock_holder_describe(const struct shared_lock_holder *holder,
                                        struct arena *arena);
#endif
