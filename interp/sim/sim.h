/* sim/sim.h - a Pegasus cluster as a discrete-event simulation.
 *
 * Floor: sim. Knows no Lua, no sockets and no clock: its owner says what time it is by sim_advance,
 * and asks when it wants to be called next. The same model and seed and the same calls at the same
 * times give the same sequence of events. Facts: reference behaviour, section by section.
 *
 * Servers are numbered: replica servers 0 .. replica_count-1, then metas, then collectors
 * (sim_server_count in all). Their addresses are given by the owner. */
#ifndef PEGFLOW_SIM_SIM_H
#define PEGFLOW_SIM_SIM_H

#include "base/arena.h"
#include "sim/model.h"
#include "wire/messages.h"

struct sim;

/* `addresses`: one for each server, in that order; copied. wall_start_us: for start times shown. */
struct sim *sim_new(const struct model *model, const struct address *addresses,
                    int64_t wall_start_us);
void sim_free(struct sim *sim);

int32_t sim_server_count(const struct sim *sim);
int32_t sim_find_server(const struct sim *sim, struct address address); /* or -1 */
enum role sim_server_role(const struct sim *sim, int32_t server);
struct address sim_server_address(const struct sim *sim, int32_t server);
/* "r1", "m1", "c1" for the control endpoint and for messages. */
const char *sim_server_label(const struct sim *sim, int32_t server);

/* Of one message between two machines, one way. */
int64_t sim_latency_us(const struct sim *sim);

/* Performs all events due until `now_us` (from 0, never back), in order of (time, sequence). */
void sim_advance(struct sim *sim, int64_t now_us);
/* When the next event is due; INT64_MAX: never. */
int64_t sim_next_event_us(const struct sim *sim);

/* ---- what a peer sees of a process now */
enum sim_process {
    SIM_DOWN,
    /* connection refused */ SIM_SILENT,
    /* bound, deletes requests */ SIM_UP
};
enum sim_process sim_server_process(const struct sim *sim, int32_t server);
const char *sim_server_version(const struct sim *sim, int32_t server);
/* How many orders to update it were taken. */
int32_t sim_server_updates(const struct sim *sim, int32_t server);

enum sim_answer {
    SIM_ANSWER,     /* `response` is filled */
    SIM_NO_HANDLER, /* outer error ERR_HANDLER_NOT_FOUND */
    SIM_NO_REPLY,   /* nothing, ever */
    SIM_REFUSED,    /* the process is down */
};
/* One RPC to one server now. `response` is the RPC's response struct; what it points to lives in
 * `arena` or until the next call into the simulation. `header_app_id`: of the frame (trap 20).
 * What would bring a real server down is answered as upstream answers, and counted as a violation
 * (and where upstream's process dies, the simulated one does). */
enum sim_answer sim_request(struct sim *sim, int32_t server, enum rpc rpc, int32_t header_app_id,
                            const void *request, struct arena *arena, void *response);

/* One GET or POST: the exact body upstream would send. Path and query as they came, undecoded
 * ("/meta/app?name=temp&detail"). `location` is set for 307. */
struct sim_http {
    int status;
    struct text body; /* owned by the caller: text_clear */
    struct text location;
};
enum sim_answer sim_http_request(struct sim *sim, int32_t server, const char *method,
                                 const char *target, struct sim_http *out);

/* ---- the deployment system and misfortune. False (with err) when it makes no sense now. */
enum sim_control { SIM_STOP, SIM_KILL, SIM_START, SIM_RESTART, SIM_UPDATE };
/* SIM_UPDATE: stop, install `version` (NULL: the model's next_version), start. `done_us`: the
 * simulated time at which the deployment system would report success (the process was started). */
bool sim_control(struct sim *sim, int32_t server, enum sim_control what, const char *version,
                 int64_t *done_us, struct error *err);
/* Makes the server's next updates end with the old version still running (a broken package). */
void sim_break_updates(struct sim *sim, bool broken);

/* ---- tables that come and go. False (with err) when the leader would refuse it, or when there is
 * none. A new one gets its primaries at the next tick and is counted in outages once it has all
 * replicas; of a dropped one the servers keep the replicas until their next config sync. */
bool sim_create_table(struct sim *sim, const char *name, int32_t partitions, int32_t replicas,
                      struct error *err);
bool sim_drop_table(struct sim *sim, const char *name, struct error *err);

/* ---- what is counted */
struct sim_violation {
    int64_t at_us;
    const char
        *what; /* "forced proposal for 3.17: 127.0.0.1:34802 is no member; primary aborted" */
};
size_t sim_violation_count(const struct sim *sim);
const struct sim_violation *sim_violation(const struct sim *sim, size_t index);
/* For violations found before a request can be decoded (a group address, garbage framing). */
void sim_count_violation(struct sim *sim, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

struct sim_totals {
    int64_t reads_away_us;   /* partition-time without a serving primary */
    int64_t writes_away_us;  /* ... or with fewer than min2pc replicas */
    int64_t longest_read_us; /* the longest single outage of a partition */
    int64_t longest_write_us;
    int32_t fewest_live_replicas;
    int64_t primaries_moved;
    int64_t changes; /* of configuration */
};
void sim_totals(const struct sim *sim, struct sim_totals *out);

/* The same of one table, by its place in the order of app ids; `name` gets its name. False: there are
 * not so many. One pass over its partitions. `changes` too is the table's own. */
bool sim_table_totals(const struct sim *sim, int32_t index, const char **name,
                      struct sim_totals *out);

/* Asserts the invariants of reference 16.3; for tests. */
bool sim_check(const struct sim *sim, struct error *err);

#endif
