/* report/replay.h - an event made again from a journal's record.
 *
 * Floor: report. So that whoever reads a journal shows it by the same sinks as the run itself. */
#ifndef PEGFLOW_REPORT_REPLAY_H
#define PEGFLOW_REPORT_REPLAY_H

#include "engine/event.h"

/* All texts belong to the record. Of the step only id, label, kind and place are there; of the
 * server only its name. */
struct replayed {
    struct event event;
    struct step step;
    struct server server;
};

/* False for the header. A record of a kind that this program has no event for (a resume, or one of
 * a newer program) becomes a note. */
bool event_from_json(const cJSON *record, struct replayed *out);

/* Members of JSON; NULL or `fallback` where they are not there or of another type. */
const char *member_text(const cJSON *json, const char *name);
int64_t member_integer(const cJSON *json, const char *name, int64_t fallback);

#endif
