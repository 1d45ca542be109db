/* live/secrets.h - secrets of the environment: put in on the way out, taken out on the way back.
 *
 * Floor: live. Their values are known here and to what is behind it, and nowhere else: steps hold
 * marks (base/secret.h); what comes back, outputs, replies and errors, has *** in their place. */
#ifndef PEGFLOW_LIVE_SECRETS_H
#define PEGFLOW_LIVE_SECRETS_H

#include "live/deployment.h"

/* A shorter one would be found everywhere in what is shown. */
enum { SECRET_VALUE_MIN_BYTES = 4 };

struct secret {
    const char *name;
    const char *value; /* at least SECRET_VALUE_MIN_BYTES */
};

/* Appends `text` with values in place of marks. ERROR_USAGE for a mark of no secret and for what is
 * left of one; it shows no value. */
bool secrets_put_in(const struct secret *secrets, size_t count, const char *text, struct text *out,
                    struct error *err);
/* Appends `bytes` with *** in place of each value, as it is or as JSON writes it, and of the part
 * of one that begins or ends them (they may have been cut there). */
void secrets_take_out(const struct secret *secrets, size_t count, const char *bytes, size_t length,
                      struct text *out);

/* A deployment that does both for `inner`, which it takes. The secrets' texts outlive it. */
struct deployment *secrets_deployment_new(struct deployment *inner, const struct secret *secrets,
                                          size_t count);

#endif
