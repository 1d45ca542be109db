/* cli/holds_look.h - the settings that upgrades touch: as configured, as they are, and who of ours
 * set them.
 *
 * Floor: cli. Reads the cluster and the state folder; changes neither. */
#ifndef PEGFLOW_CLI_HOLDS_LOOK_H
#define PEGFLOW_CLI_HOLDS_LOOK_H

#include "base/duration.h"
#include "cli/runs.h"
#include "cli/session.h"
#include "engine/touched.h"

enum setting_verdict {
    SETTING_AS_CONFIGURED,
    SETTING_HELD,    /* by a run that is under way */
    SETTING_OF_OURS, /* a run of ours holds it still, and no process works on that run */
    SETTING_LEFT,    /* otherwise than configured, and no run of ours holds it */
    SETTING_UNKNOWN, /* it, or what it should be, cannot be read */
    SETTING_VERDICT_COUNT
};
const char *setting_verdict_name(enum setting_verdict verdict); /* for JSON */

struct setting_look {
    const struct touched_setting *setting;
    struct text now;
    struct text configured;
    struct text trouble;   /* why one of them is not known; empty: both are */
    struct text elsewhere; /* standbys that are configured otherwise, or do not answer */
    /* the last change of ours, by the journals */
    bool set_by_us;
    char run[RUN_ID_BYTES];
    char user[64];
    char host[256];
    char value[256]; /* perhaps cut */
    char time[WALL_TEXT_BYTES];
    /* the run that holds it, or "" */
    char holder[RUN_ID_BYTES];
    bool holder_alive;
    enum setting_verdict verdict;
    const char *meaning; /* of a known leftover, or NULL */
};

/* A server's own setting that a run holds, or held when it was interrupted. */
struct server_look {
    char name[96];
    char server[256];
    char before[256]; /* perhaps cut, as `value` */
    char value[256];
    char run[RUN_ID_BYTES];
    bool alive; /* a process works on that run */
    struct text now;
    struct text trouble; /* why `now` is not known */
    enum setting_verdict verdict;
};

struct holds_look {
    struct setting_look settings[8];
    size_t count;
    struct server_look *servers;
    size_t server_count;
    /* a run that holds the meta level otherwise than it was, while no process works on it, or "" */
    char level_holder[RUN_ID_BYTES];
    struct text level;      /* what it holds, in words */
    struct text unreadable; /* runs whose journal cannot be read: what they set is not known */
    size_t findings;
};
/* The session has met the cluster. False: the state folder cannot be read. Free with
 * holds_look_clear in any case. */
bool holds_look(struct holds_look *look, struct session *session, const struct state *state,
                struct error *err);
void holds_look_clear(struct holds_look *look);

/* A value to show; the empty one is seen as such. */
const char *setting_shown(const char *value);

#endif
