/* live/deployment.h - programs and HTTP requests that a workflow's steps ask for.
 *
 * Floor: live. Two implementations: real ones (programs_new) and the simulated cluster's
 * (sim/sim_deployment.h), which executes nothing. */
#ifndef PEGFLOW_LIVE_DEPLOYMENT_H
#define PEGFLOW_LIVE_DEPLOYMENT_H

#include "base/process.h"
#include "live/transport.h"

/* A larger body of a reply is an error (ERROR_PEER): what a deployment service says about one job
 * is small, and a script is to look at it. */
enum { REPLY_LIMIT_BYTES = 4 << 20 };

struct http_request {
    const char *method; /* "GET", "POST", "PUT", "PATCH", "DELETE" */
    const char *url;
    const char *body;           /* or NULL */
    const char *const *headers; /* "Name: value", NULL-terminated, or NULL */
    int64_t timeout_us;
};

struct deployment;
/* As process_fn; a program that cannot be started comes as an error too (ERROR_SYSTEM). */
typedef process_fn program_done_fn;

struct deployment_ops {
    struct operation *(*run)(struct deployment *deployment, const struct process_spec *spec,
                             program_done_fn *done, void *ctx);
    struct operation *(*request)(struct deployment *deployment, const struct http_request *request,
                                 http_done_fn *done, void *ctx);
    void (*free)(struct deployment *deployment); /* ends what is under way; no callback runs */
};
struct deployment {
    const struct deployment_ops *ops;
    struct loop *loop;
};

/* The real one: processes and libcurl on `loop`. */
struct deployment *programs_new(struct loop *loop);

/* What a reply to `base` names as another address, made whole: "/jobs/7" at "http://h:80/jobs" is
 * "http://h:80/jobs/7". Appends to `out`. ERROR_REPLY where that is no http or https URL. */
bool url_resolve(const char *base, const char *reference, struct text *out, struct error *err);
/* Same scheme, host and port: may what was meant for the one be sent to the other? */
bool url_same_server(const char *a, const char *b);

#endif
