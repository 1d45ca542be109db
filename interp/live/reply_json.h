/* live/reply_json.h - the bodies that Pegasus's HTTP answers with.
 *
 * Floor: live; private to facts.c and config.c. Case-sensitive, every type checked; what is wrong
 * is ERROR_PEER and shows the beginning of the body. `server` and `path` are for the message.
 * Facts: reference protocol section 8. */
#ifndef PEGFLOW_LIVE_REPLY_JSON_H
#define PEGFLOW_LIVE_REPLY_JSON_H

#include "base/error.h"
#include "base/text.h"
#include "pegasus/address.h"
#include "pegasus/release.h"

/* {"<key>":"..."}: copies the string, which must fit. */
bool reply_json_string(struct address server, const char *path, const char *body, size_t body_bytes,
                       const char *key, char *into, size_t into_bytes, struct error *err);

/* {"value":"35.00",...} of a 2.x counter: a whole number as text. {} means there is no such one. */
bool reply_json_counter(struct address server, const char *path, const char *body,
                        size_t body_bytes, int64_t *value, struct error *err);

/* The three gauges of the entity "server" in /metrics of master. */
bool reply_json_metrics(struct address server, const char *path, const char *body,
                        size_t body_bytes, struct replica_counts *counts, struct error *err);

/* ERROR_REPLY: the server's words, and its status unless it is 200. */
void reply_status_error(struct address server, const char *path, int status, const char *body,
                        size_t body_bytes, struct error *err);

/* Appends `value` as it may stand in a query. */
void reply_encode(struct text *out, const char *value);

#endif
