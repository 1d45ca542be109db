/* live/remote.h - a run is spoken to from another terminal: a socket in its folder.
 *
 * Floor: live. One request a connection: a line with a JSON object, answered by another. Who may
 * write in the run's folder may speak to the run. */
#ifndef PEGFLOW_LIVE_REMOTE_H
#define PEGFLOW_LIVE_REMOTE_H

#include "base/loop.h"
#include "base/text.h"

enum remote_word { REMOTE_PAUSE, REMOTE_CONTINUE, REMOTE_STOP, REMOTE_STOP_NOW, REMOTE_ANSWER };
struct remote_request {
    enum remote_word word;
    const char *user; /* who asks */
    const char *text; /* a pause's reason, an answer; or NULL */
    const char *step; /* of an answer: whose question; NULL: the only one */
};

/* The run's side. `reply` is what the asker reads; true: it was done. */
typedef bool remote_fn(void *ctx, const struct remote_request *request, struct text *reply);
struct remote;
bool remote_listen(struct loop *loop, const char *folder, remote_fn *asked, void *ctx,
                   struct remote **out, struct error *err);
void remote_close(struct remote *remote); /* NULL is fine */

/* The asker's side; blocks for at most ten seconds. Success: `reply` is what the run said.
 * ERROR_REFUSED with what it said, or when nobody listens. */
bool remote_ask(const char *folder, const struct remote_request *request, struct text *reply,
                struct error *err);

#endif
