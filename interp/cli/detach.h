/* cli/detach.h - a command that goes on in a process of its own, without this terminal.
 *
 * Floor: cli. Blocks until that process has begun its run, or has ended. */
#ifndef PEGFLOW_CLI_DETACH_H
#define PEGFLOW_CLI_DETACH_H

#include "base/text.h"
#include "cli/cli.h"
#include "engine/state.h"

struct detached {
    char run[RUN_ID_BYTES]; /* "": it ended before there was one */
    int exit_code;          /* then: its exit code ... */
    struct text said;       /* ... and what it printed; the caller clears it */
};
/* Starts this program again, in a session of its own, with the same command line but for --detach,
 * and with --confirm=NAME: a person has said so here. What it prints once its run has begun is in
 * the journal, and is not shown. */
bool detach(const struct arguments *arguments, const char *cluster, struct detached *out,
            struct error *err);

#endif
