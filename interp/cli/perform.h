/* cli/perform.h - a run from its record to its end: signals, what is typed or said from other
 * terminals, the display, and what is said afterwards.
 *
 * Floor: cli. The same for a new run, for one that is gone on with, and for one that is put back.
 */
#ifndef PEGFLOW_CLI_PERFORM_H
#define PEGFLOW_CLI_PERFORM_H

#include "cli/display.h"
#include "cli/record.h"
#include "engine/run.h"

/* All of it stays the caller's. */
struct performance {
    struct session *session; /* met; its cluster is gone afterwards */
    const struct arguments *arguments;
    const struct workflow *workflow;
    const struct secret *secrets;
    size_t secret_count;
    struct record *record; /* begun */
    enum display_form form;
    bool keep_leftovers;
    /* Of an interrupted run; see engine/run.h. */
    struct past *past;
    bool reverts;
    const char *resumed_by;
    uint64_t events_before;
    int64_t at_before_ms;
};

/* The exit code, with everything said; or -1. */
int perform_run(const struct performance *performance, struct error *err);

#endif
