#include "cli/rehearsal_deploy.h"

#include "sim/sim.h"

#include <stdlib.h>
#include <string.h>

struct rehearsal_deploy {
    struct deployment deployment; /* first */
    struct event_sink sink;
    struct deployment *simulated;
    const struct sim *sim;
    const struct step_list *steps;
    const struct step *current; /* exec or http, the one started last */
    bool has_asked;             /* it has: what else it asks is about its job */
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
        deploy->has_asked = false;
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

/* What is asked next does in the model what the deploy step is for, if it is the one to do so. */
static void give_order(struct rehearsal_deploy *deploy)
{
    static const enum sim_control actions[] = {
        [DEPLOY_UPDATE] = SIM_UPDATE,
        [DEPLOY_RESTART] = SIM_RESTART,
        [DEPLOY_START] = SIM_START,
        [DEPLOY_STOP] = SIM_STOP,
    };
    const struct step *step = deploy->current == NULL || deploy->has_asked
                                  ? NULL
                                  : find_deploy(deploy->steps, deploy->current);
    deploy->has_asked = true;
    if (step != NULL && step->server != NULL) {
        sim_deployment_order(deploy->simulated, sim_find_server(deploy->sim, step->server->address),
                             actions[step->as.deploy]);
    }
}

/* ---- the deployment */

static struct operation *run_program(struct deployment *deployment, const struct process_spec *spec,
                                     program_done_fn *done, void *ctx)
{
    struct rehearsal_deploy *own = (struct rehearsal_deploy *)deployment;
    give_order(own);
    return own->simulated->ops->run(own->simulated, spec, done, ctx);
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
    if (!is_for_control(request->url)) {
        give_order(own);
    }
    return own->simulated->ops->request(own->simulated, request, done, ctx);
}

static void free_all(struct deployment *deployment)
{
    struct rehearsal_deploy *own = (struct rehearsal_deploy *)deployment;
    own->simulated->ops->free(own->simulated);
    free(own);
}

static const struct deployment_ops ops = {
    .run = run_program, .request = send_request, .free = free_all};

struct rehearsal_deploy *rehearsal_deploy_new(struct deployment *simulated, const struct sim *sim,
                                              const struct step_list *steps)
{
    struct rehearsal_deploy *deploy = memory_allocate(sizeof *deploy);
    deploy->deployment.ops = &ops;
    deploy->deployment.loop = simulated->loop;
    deploy->sink.take = take;
    deploy->simulated = simulated;
    deploy->sim = sim;
    deploy->steps = steps;
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
