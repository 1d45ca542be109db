/* tests/fidelity/rows.h - the recorded scenarios, and what must be known to do them again.
 *
 * The meta server's tick and a server's config sync have phases that nobody chose, and some things
 * were chance; they are read off the trace. A scenario that is not wholly met says why. */
#ifndef PEGFLOW_TESTS_FIDELITY_ROWS_H
#define PEGFLOW_TESTS_FIDELITY_ROWS_H

#include "pegasus/release.h"
#include "sim/events.h"

#include <stdbool.h>
#include <stdint.h>

enum { PHASES_MAX = 4 };

/* One time at which something periodic happened. */
struct phase {
    enum event_kind kind;
    int32_t server; /* from 1; 0: the only one */
    int32_t at_ms;
    int32_t period_ms;
};
#define SYNC(server, at_ms)                                                                        \
    {                                                                                              \
        EVENT_CONFIG_SYNC, server, at_ms, 30000                                                    \
    }
#define BEACON(server, at_ms)                                                                      \
    {                                                                                              \
        EVENT_BEACON, server, at_ms, 3000                                                          \
    }
#define GRACE_CHECK(at_ms)                                                                         \
    {                                                                                              \
        EVENT_GRACE_CHECK, 0, at_ms, 2000                                                          \
    }

struct fidelity_row {
    const char *name;
    enum release release;
    bool inferred;   /* operations are read off the states */
    int32_t tick_ms; /* of one tick; they come each 10 s */
    struct phase phases[PHASES_MAX];
    struct {
        int32_t server; /* from 1; 0: none */
        int32_t count;
    } leftovers; /* replicas on its disk of partitions that are elsewhere by now */
    struct {
        int32_t server; /* from 1; 0: none */
        int32_t from_ms;
        int32_t to_ms;
    } deaf; /* it ignores proposals to become primary, as in the middle of a checkpoint */
    const char *guesses; /* of each start: is the first meta asked the leader (R) or not (W) */
    int32_t start_ms;    /* where it differs from the usual: several start at once on two cores */
    int32_t missed;      /* so many items at most, for this reason: */
    const char *reason;
};

static const struct fidelity_row fidelity_rows[] = {
    {.name = "master-drain",
     .release = RELEASE_MASTER,
     .tick_ms = 6060,
     .phases = {SYNC(1, 10000)}},
    {.name = "master-forced",
     .release = RELEASE_MASTER,
     .tick_ms = 8980,
     .phases = {SYNC(2, 5000)}},
    {.name = "master-restart", .release = RELEASE_MASTER, .tick_ms = 4380},
    {.name = "master-crash", .release = RELEASE_MASTER, .tick_ms = 4650},
    {.name = "master-leader", .release = RELEASE_MASTER, .tick_ms = 9000},
    {.name = "master-pacing",
     .release = RELEASE_MASTER,
     .tick_ms = 6650,
     .phases = {SYNC(1, 20000), SYNC(2, 60000)}},
    {.name = "master-onepass",
     .release = RELEASE_MASTER,
     .tick_ms = 1750,
     .phases = {SYNC(1, 16000), SYNC(2, 20000)}},
    {.name = "master-swift",
     .release = RELEASE_MASTER,
     .tick_ms = 6650,
     .leftovers = {3, 165},
     .missed = 18,
     .reason = "18 of 191 learners took 0.3-0.7 s longer: two cores for eight servers"},
    {.name = "master-freeze",
     .release = RELEASE_MASTER,
     .tick_ms = 9700,
     .phases = {GRACE_CHECK(24735), BEACON(3, 1500), BEACON(4, 2200), BEACON(5, 2500)},
     .deaf = {2, 28000, 29000},
     .start_ms = 1150,
     .missed = 12,
     .reason = "5 partitions: order of drops within 0.1 s, a group check that failed after 3 s, a "
               "full copy's node"},
    {.name = "2.5-drain", .release = RELEASE_2_5, .tick_ms = 5900, .phases = {SYNC(1, 20000)}},
    {.name = "2.5-crash", .release = RELEASE_2_5, .tick_ms = 250},
    {.name = "2.5-onepass", .release = RELEASE_2_5, .tick_ms = 380},
    {.name = "2.5-swift_all",
     .release = RELEASE_2_5,
     .inferred = true,
     .tick_ms = 5900,
     .guesses = "RWRWW",
     .start_ms = 150},
    {.name = "2.5-upstream", .release = RELEASE_2_5, .inferred = true, .tick_ms = 4500},
};
enum { FIDELITY_ROWS = sizeof fidelity_rows / sizeof fidelity_rows[0] };

#endif
