#include "live/cluster_private.h"

#include <stdio.h>
#include <stdlib.h>

struct propose_task {
    struct task task; /* first */
    struct proposal *proposals;
    struct propose_request *requests; /* of each, in `arena` */
    size_t count;
    size_t waiting;   /* for an answer, of those sent in this round */
    bool leader_lost; /* some were not taken: they go to the next leader */
    bool once;        /* ... but not these */
    size_t unanswered;
    struct error first_failure; /* of the unanswered */
    struct arena arena;
    cluster_done_fn *done;
    void *ctx;
};

static struct propose_task *propose_of(struct task *task)
{
    return (struct propose_task *)task;
}

static void report(struct task *task, const struct error *err)
{
    struct propose_task *propose = propose_of(task);
    propose->done(propose->ctx, err);
}

static void free_task(struct task *task)
{
    arena_clear(&propose_of(task)->arena);
    free(task);
}

/* ---- building the requests */

static bool has_hosts(const struct snapshot *snapshot)
{
    for (int32_t i = 0; i < snapshot->node_count; i++) {
        if (snapshot->nodes[i].host != NULL) {
            return true;
        }
    }
    return false;
}

struct named_address {
    struct address address;
    struct host_port host;
    bool has_host;
};

/* Names go back as the cluster gave them: to a release that gives names always, since a proposal
 * without them brings its meta servers down (trap 0), to one that gives none never (trap 14). */
static bool name_server(struct propose_task *propose, const struct snapshot *snapshot,
                        bool wants_hosts, int32_t node, struct named_address *out,
                        struct error *err)
{
    ASSERT(node >= 0 && node < snapshot->node_count);
    const struct snapshot_node *server = &snapshot->nodes[node];
    *out = (struct named_address){.address = server->address};
    if (!wants_hosts) {
        return true;
    }
    if (server->host == NULL) {
        error_set(err, ERROR_REFUSED,
                  "the cluster gave no host name for %s, but has names for others: without it a "
                  "proposal could bring its meta servers down",
                  server->name);
        return false;
    }
    out->has_host = true;
    out->host = (struct host_port){
        .host = slice_of(arena_copy_string(&propose->arena, server->host)),
        .port = server->host_port,
        .kind = ADDRESS_IPV4,
    };
    return true;
}

static bool build_request(struct propose_task *propose, const struct snapshot *snapshot,
                          bool wants_hosts, const struct proposal *proposal,
                          struct propose_request *out, struct error *err)
{
    ASSERT(proposal->action_count >= 1 && proposal->action_count <= 3);
    struct wire_action *actions =
        arena_allocate(&propose->arena, (size_t)proposal->action_count * sizeof *actions);
    for (int32_t i = 0; i < proposal->action_count; i++) {
        const struct proposal_action *action = &proposal->actions[i];
        struct named_address target;
        struct named_address node;
        if (!name_server(propose, snapshot, wants_hosts, action->target, &target, err) ||
            !name_server(propose, snapshot, wants_hosts, action->node, &node, err)) {
            error_wrap(err, "proposal for %d.%d", proposal->gpid.app_id, proposal->gpid.partition);
            return false;
        }
        actions[i] = (struct wire_action){
            .target = target.address,
            .node = node.address,
            .type = action->type,
            .hp_target = target.host,
            .has_hp_target = target.has_host,
            .hp_node = node.host,
            .has_hp_node = node.has_host,
        };
    }
    *out = (struct propose_request){
        .gpid = proposal->gpid,
        .actions = {actions, (uint32_t)proposal->action_count},
        .force = proposal->force,
        .has_force = true,
        .balance_type = proposal->balance_type,
        .has_balance_type = proposal->balance_type >= 0,
    };
    return true;
}

static bool build_requests(struct propose_task *propose, const struct snapshot *snapshot,
                           struct error *err)
{
    bool wants_hosts = has_hosts(snapshot);
    propose->requests = arena_allocate(&propose->arena, propose->count * sizeof *propose->requests);
    for (size_t i = 0; i < propose->count; i++) {
        propose->proposals[i].answered = false;
        propose->proposals[i].answer[0] = '\0';
        if (!build_request(propose, snapshot, wants_hosts, &propose->proposals[i],
                           &propose->requests[i], err)) {
            return false;
        }
    }
    return true;
}

/* ---- sending them */

static void end_round(struct propose_task *propose)
{
    if (propose->unanswered > 0) {
        struct error err = propose->first_failure;
        error_wrap(&err, "%zu of %zu proposals were not answered", propose->unanswered,
                   propose->count);
        task_mark_outcome(&err);
        task_end(&propose->task, &err);
    } else if (propose->leader_lost) {
        propose->leader_lost = false;
        task_start_over(&propose->task, &propose->first_failure);
    } else {
        task_end(&propose->task, NULL);
    }
}

static void on_answer(struct task *task, size_t index, const void *response,
                      const struct error *err)
{
    struct propose_task *propose = propose_of(task);
    struct proposal *proposal = &propose->proposals[index];
    const struct propose_response *answer = response;
    bool not_taken = err != NULL && err->code == ERROR_NOT_LEADER && !propose->once;
    if (answer != NULL && !not_taken) {
        proposal->answered = true;
        snprintf(proposal->answer, sizeof proposal->answer, "%.*s",
                 answer->err.length < sizeof proposal->answer ? (int)answer->err.length
                                                              : (int)sizeof proposal->answer - 1,
                 answer->err.length > 0 ? answer->err.bytes : "");
    } else if (err != NULL) {
        propose->first_failure = propose->unanswered == 0 ? *err : propose->first_failure;
        propose->leader_lost = propose->leader_lost || not_taken;
        propose->unanswered += not_taken ? 0 : 1;
    }
    if (--propose->waiting == 0) {
        end_round(propose);
    }
}

static void send_to(struct propose_task *propose, struct address leader)
{
    for (size_t i = 0; i < propose->count; i++) {
        if (!propose->proposals[i].answered) {
            propose->waiting++;
            ask_rpc(&propose->task, leader, RPC_PROPOSE, &propose->requests[i], INT64_MAX,
                    on_answer, i);
        }
    }
}

static void send_all(struct task *task, const struct cluster_info_response *info)
{
    (void)info;
    struct propose_task *propose = propose_of(task);
    send_to(propose, task->cluster->leader);
    if (propose->waiting == 0) {
        task_end(task, NULL);
    }
}

static const struct task_ops propose_ops = {
    .found = send_all,
    .report = report,
    .free = free_task,
};

static struct propose_task *propose_new(struct cluster *cluster, struct proposal *proposals,
                                        size_t count, int64_t timeout_us, cluster_done_fn *done,
                                        void *ctx)
{
    struct propose_task *propose = memory_allocate(sizeof *propose);
    propose->proposals = proposals;
    propose->count = count;
    propose->done = done;
    propose->ctx = ctx;
    arena_init(&propose->arena);
    task_start(&propose->task, cluster, &propose_ops, timeout_us);
    return propose;
}

struct operation *cluster_propose(struct cluster *cluster, const struct snapshot *snapshot,
                                  struct proposal *proposals, size_t count, int64_t timeout_us,
                                  cluster_done_fn *done, void *ctx)
{
    struct propose_task *propose = propose_new(cluster, proposals, count, timeout_us, done, ctx);
    struct error err;
    if (build_requests(propose, snapshot, &err)) {
        leader_find(&propose->task);
    } else {
        task_fail_later(&propose->task, &err);
    }
    return &propose->task.operation;
}

struct operation *cluster_propose_once(struct cluster *cluster, const struct snapshot *snapshot,
                                       struct proposal *proposals, size_t count, int64_t timeout_us,
                                       cluster_done_fn *done, void *ctx)
{
    ASSERT(count > 0);
    struct propose_task *propose = propose_new(cluster, proposals, count, timeout_us, done, ctx);
    propose->once = true;
    struct error err;
    if (build_requests(propose, snapshot, &err)) {
        send_to(propose, snapshot->leader);
    } else {
        task_fail_later(&propose->task, &err);
    }
    return &propose->task.operation;
}
