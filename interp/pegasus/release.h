/* pegasus/release.h - all that differs between Pegasus releases, in one table.
 *
 * Floor: pegasus. Read by the simulator (which speaks a release) and by the live client (which
 * finds out from each reply what the server speaks: during a roll both dialects are met at once).
 * Facts: reference behaviour 7.2, 7.7, 15.4, 17; protocol 6-8. */
#ifndef PEGFLOW_PEGASUS_RELEASE_H
#define PEGFLOW_PEGASUS_RELEASE_H

#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

enum release { RELEASE_2_5, RELEASE_MASTER, RELEASE_COUNT };

struct release_traits {
    const char *name;    /* "2.5", "master" */
    const char *version; /* what /version serves by default: "2.5.0", "2.6.0-SNAPSHOT" */
    bool has_host_ports; /* hp_* fields travel; sending them to a release without corrupts it */
    bool has_metrics;    /* HTTP /metrics; else /perfCounter and the command perf-counters */
    bool has_atomic_idempotent; /* app_info field 15 */
    bool json_replies;          /* remote commands answer JSON */
    bool default_any_case;      /* DEFAULT may be written in any case */
    bool rejects_two_arguments; /* else the second is ignored silently */
    int64_t assign_delay_min;
    int64_t assign_delay_max;
    int64_t copy_rate_min; /* nfs.*: megabytes per second; 0: unlimited can be set */
    int32_t lease_seconds;
    int32_t grace_seconds;
    const char *missing_app_error; /* of a proposal */
};
const struct release_traits *release_traits(enum release release);
bool release_parse(const char *name, enum release *out); /* "2.5", "2.5.0", "master" */

/* ---- what remote commands answer: made by the simulator, read by the client. */
enum setting_kind { SETTING_INTEGER, SETTING_BOOLEAN, SETTING_LIST };
/* Which kind a setting is, by command name; false for a command that is no setting. */
bool setting_kind_of(const char *command, enum setting_kind *kind);
/* Whose process has it; reference behaviour 3.2, 7.2. */
enum setting_home {
    SETTING_OF_LEADER,   /* the primary meta server's alone: lost with the lead */
    SETTING_OF_METAS,    /* each meta server's, whether it leads or not */
    SETTING_OF_REPLICAS, /* each replica server's */
};
/* SETTING_OF_LEADER for a command that is no setting. */
enum setting_home setting_home_of(const char *command);
/* The configuration flag a process begins with, or NULL where none is known to be read. */
const char *setting_flag_of(const char *command);
/* Can a process that runs be given this value of it? `server_info`: its reply to server-info, which
 * tells the release. Up to 2.5 a rate of copying cannot be 0 (unlimited), nor 4 or less. */
bool setting_can_be_given(const char *command, const char *value, const char *server_info);

enum reply_kind {
    REPLY_OK,              /* a change was made */
    REPLY_VALUE,           /* the answer to a query: `value` */
    REPLY_REFUSED,         /* bad arguments: `value` is the server's words */
    REPLY_UNKNOWN_COMMAND, /* a standby, or the wrong process */
};
struct setting_reply {
    enum reply_kind kind;
    struct text value; /* owned; text_clear it */
};
/* Reads the reply to a setting's query or change, of any release. A text nobody knows is an error
 * that shows it (ERROR_REPLY). Whatever `out` held before is overwritten, on success only. A
 * REPLY_OK to DEFAULT from master has the number that now holds in `value`. */
bool release_read_setting_reply(const char *command, const char *reply, struct setting_reply *out,
                                struct error *err);
/* Appends it as the release writes it. `value`: for REPLY_VALUE the value; for REPLY_REFUSED the
 * arguments as they came, joined by blanks; `argument_count` tells the two refusals apart; for
 * REPLY_OK the argument (a list answers "clear" with a text of its own), or NULL.
 * `after_default`: REPLY_OK that answers DEFAULT: `value` is the number that now holds, which
 * master shows. */
void release_write_setting_reply(enum release release, const char *command, enum reply_kind kind,
                                 const char *value, int argument_count, bool after_default,
                                 struct text *out);

/* server-info of either release. Replaces what the two texts (initialised) hold, on success only.
 */
bool release_read_server_info(const char *reply, struct text *version, struct text *start_time,
                              struct error *err);
void release_write_server_info(enum release release, const char *version, const char *commit,
                               const char *start_time, struct text *out);

/* The three gauges of a replica server: HTTP path to ask (0: total/serving, 1: opening, 2:
 * closing). master answers all three by one /metrics call, 2.x one /perfCounter each. */
struct replica_counts {
    int64_t total;
    int64_t opening;
    int64_t closing;
};
const char *
release_counter_name(int which); /* 2.x: "replica*eon.replica_stub*replica(Count)" ... */

#endif
