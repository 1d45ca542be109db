#include "cli/rehearsal_deploy.h"

#include "base/duration.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

/* A program whose order is carried out by a request to the control endpoint. */
struct bridge {
    LIST_ENTRY(bridge) link;
    program_done_fn *done;
    void *ctx;
};

struct rehearsal_deploy {
    struct deployment deployment; /* first */
    struct event_sink sink;
    struct deployment *simulated;
    const struct step_list *steps;
    const struct step *current; /* exec or http, the one started last */
    LIST_HEAD(, bridge) bridges;
};

/* ---- which step asks, and what for */

static bool take(struct event_sink *sink, const struct event *event, struct error *err)
{
    struct rehearsal_deploy *deploy =
        (struct rehearsal_deploy *)(void *)((char *)sink - offsetof(struct rehearsal_deploy, sink));
    (void)err;
    if (event->kind == EVENT_STEP_STARTED &&
        (event->step->kind == STEP_EXEC || event->step->kind == STEP_HTTP)) {
        deploy->current = event->step;
    }
    return true;
}

static bool carries_order(const struct step *step)
{
    return step->kind == STEP_EXEC ||
           (step->kind == STEP_HTTP && strcmp(step->as.http.method, "GET") != 0);
}

/* The last step of the tree that can carry the adapter's order, or NULL. */
static const struct step *last_carrier(const struct step_list *steps)
{
    for (size_t i = steps->count; i > 0; i--) {
        const struct step *step = steps->items[i - 1];
        const struct step *inner = last_carrier(&step->body);
        if (inner != NULL || carries_order(step)) {
            return inner != NULL ? inner : step;
        }
    }
    return NULL;
}

/* The deploy step that ends with `carrier`, or NULL. */
static const struct step *find_deploy(const struct step_list *steps, const struct step *carrier)
{
    for (size_t i = 0; i < steps->count; i++) {
        const struct step *step = steps->items[i];
        if (step->kind == STEP_DEPLOY && last_carrier(&step->body) == carrier) {
            return step;
        }
        const struct step *found = find_deploy(&step->body, carrier);
        if (found != NULL) {
            return found;
        }
    }
    return NULL;
}

/* The order as a request to the control endpoint. False: the step that asks carries none. */
static bool make_order(const struct rehearsal_deploy *deploy, int64_t timeout_us, struct text *url,
                       struct http_request *out)
{
    static const char *const actions[] = {
        [DEPLOY_UPDATE] = "update",
        [DEPLOY_RESTART] = "restart",
        [DEPLOY_START] = "start",
        [DEPLOY_STOP] = "stop",
    };
    char server[ADDRESS_TEXT_BYTES];
    const struct step *step =
        deploy->current == NULL ? NULL : find_deploy(deploy->steps, deploy->current);
    if (step == NULL || step->server == NULL) {
        return false;
    }
    text_printf(url, "http://simulated/servers/%s/%s",
                address_format(step->server->address, server), actions[step->as.deploy]);
    *out = (struct http_request){
        .method = "POST",
        .url = text_string(url),
        .timeout_us = timeout_us,
    };
    return true;
}

/* ---- the deployment */

static void order_done(void *ctx, int status, const char *body, size_t body_bytes,
                       const struct error *err)
{
    struct bridge *bridge = ctx;
    program_done_fn *done = bridge->done;
    void *its_ctx = bridge->ctx;
    struct process_result result = {.exit_code = err != NULL ? -1 : status == 200 ? 0 : 1};
    LIST_REMOVE(bridge, link);
    free(bridge);
    if (err == NULL && status != 200) {
        text_append(&result.output, body, body_bytes);
    }
    done(its_ctx, &result, err);
    text_clear(&result.output);
}

static struct operation *run_program(struct deployment *deployment, const struct process_spec *spec,
                                     program_done_fn *done, void *ctx)
{
    struct rehearsal_deploy *own = (struct rehearsal_deploy *)deployment;
    struct deployment *simulated = own->simulated;
    struct http_request request;
    struct text url = {0};
    struct operation *operation;
    if (make_order(own, spec->timeout_us, &url, &request)) {
        struct bridge *bridge = memory_allocate(sizeof *bridge);
        bridge->done = done;
        bridge->ctx = ctx;
        LIST_INSERT_HEAD(&own->bridges, bridge, link);
        operation = simulated->ops->request(simulated, &request, order_done, bridge);
    } else {
        operation = simulated->ops->run(simulated, spec, done, ctx);
    }
    text_clear(&url);
    return operation;
}

/* Does the simulation understand it without help? The same test as the simulation's own. */
static bool is_for_control(const char *url)
{
    const char *scheme = strstr(url, "://");
    const char *path = strchr(scheme == NULL ? url : scheme + 3, '/');
    return path != NULL && strncmp(path, "/servers", strlen("/servers")) == 0;
}

static struct operation *send_request(struct deployment *deployment,
                                      const struct http_request *request, http_done_fn *done,
                                      void *ctx)
{
    struct rehearsal_deploy *own = (struct rehearsal_deploy *)deployment;
    struct deployment *simulated = own->simulated;
    struct http_request order;
    struct text url = {0};
    bool is_order =
        !is_for_control(request->url) && make_order(own, request->timeout_us, &url, &order);
    struct operation *operation =
        simulated->ops->request(simulated, is_order ? &order : request, done, ctx);
    text_clear(&url);
    return operation;
}

static void free_all(struct deployment *deployment)
{
    struct rehearsal_deploy *own = (struct rehearsal_deploy *)deployment;
    own->simulated->ops->free(own->simulated);
    while (!LIST_EMPTY(&own->bridges)) {
        struct bridge *bridge = LIST_FIRST(&own->bridges);
        LIST_REMOVE(bridge, link);
        free(bridge);
    }
    free(own);
}

static const struct deployment_ops ops = {
    .run = run_program, .request = send_request, .free = free_all};

struct rehearsal_deploy *rehearsal_deploy_new(struct deployment *simulated,
                                              const struct step_list *steps)
{
    struct rehearsal_deploy *deploy = memory_allocate(sizeof *deploy);
    deploy->deployment.ops = &ops;
    deploy->deployment.loop = simulated->loop;
    deploy->sink.take = take;
    deploy->simulated = simulated;
    deploy->steps = steps;
    LIST_INIT(&deploy->bridges);
    return deploy;
}

void rehearsal_deploy_free(struct rehearsal_deploy *deploy)
{
    if (deploy != NULL) {
        free_all(&deploy->deployment);
    }
}

struct deployment *rehearsal_deploy_deployment(struct rehearsal_deploy *deploy)
{
    return &deploy->deployment;
}

struct event_sink *rehearsal_deploy_sink(struct rehearsal_deploy *deploy)
{
    return &deploy->sink;
}
