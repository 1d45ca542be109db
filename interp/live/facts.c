#include "live/cluster_private.h"

#include "live/reply_json.h"
#include "wire/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COUNTER_COUNT = 3 }; /* total, opening, closing: as release_counter_name numbers them */

static const char metrics_path[] =
    "/metrics?types=server&metrics=total_replicas,opening_replicas,closing_replicas";

struct facts_task {
    struct task task; /* first */
    struct address server;
    unsigned parts;
    size_t waiting;
    struct server_facts found; /* goes to `into` when all is there */
    struct server_facts *into;
    cluster_done_fn *done;
    void *ctx;
};

static struct facts_task *facts_of(struct task *task)
{
    return (struct facts_task *)task;
}

void server_facts_clear(struct server_facts *facts)
{
    free(facts->replicas);
    text_clear(&facts->info);
    *facts = (struct server_facts){0};
}

static void report(struct task *task, const struct error *err)
{
    struct facts_task *facts = facts_of(task);
    facts->done(facts->ctx, err);
}

static void free_task(struct task *task)
{
    server_facts_clear(&facts_of(task)->found);
    free(task);
}

/* What is not asked for now keeps its memory for the next read, but is not valid. */
static void finish_when_whole(struct facts_task *facts)
{
    if (--facts->waiting > 0) {
        return;
    }
    struct server_facts before = *facts->into;
    *facts->into = facts->found;
    facts->into->parts = facts->parts;
    facts->into->info = before.info;
    before.info = facts->found.info;
    if ((facts->parts & FACT_COMMANDS) == 0) { /* it was read out of `info` */
        memcpy(facts->into->command_start, before.command_start, sizeof before.command_start);
    }
    facts->found = before;
    task_end(&facts->task, NULL);
}

/* ---- HTTP: version, start time */

/* `err` of the transport, or a status that is none of the expected, or NULL. */
static const struct error *check_status(struct facts_task *facts, const char *path, int status,
                                        const char *body, size_t body_bytes,
                                        const struct error *err, struct error *own)
{
    if (err != NULL || status == 200) {
        return err;
    }
    reply_status_error(facts->server, path, status, body, body_bytes, own);
    return own;
}

static void take_string(struct facts_task *facts, const char *path, const char *key, int status,
                        const char *body, size_t body_bytes, const struct error *err, char *into,
                        size_t into_bytes)
{
    struct error own;
    const struct error *failure = check_status(facts, path, status, body, body_bytes, err, &own);
    if (failure == NULL &&
        !reply_json_string(facts->server, path, body, body_bytes, key, into, into_bytes, &own)) {
        failure = &own;
    }
    if (failure != NULL) {
        task_end(&facts->task, failure);
        return;
    }
    finish_when_whole(facts);
}

static void on_version(struct task *task, size_t index, int status, const char *body,
                       size_t body_bytes, const struct error *err)
{
    (void)index;
    struct facts_task *facts = facts_of(task);
    take_string(facts, "/version", "Version", status, body, body_bytes, err, facts->found.version,
                sizeof facts->found.version);
}

static void on_start_time(struct task *task, size_t index, int status, const char *body,
                          size_t body_bytes, const struct error *err)
{
    (void)index;
    struct facts_task *facts = facts_of(task);
    take_string(facts, "/recentStartTime", "RecentStartTime", status, body, body_bytes, err,
                facts->found.start_time, sizeof facts->found.start_time);
}

/* ---- HTTP: counts, of either release */

static int64_t *count_of(struct facts_task *facts, size_t which)
{
    struct replica_counts *counts = &facts->found.counts;
    int64_t *const all[COUNTER_COUNT] = {&counts->total, &counts->opening, &counts->closing};
    return all[which];
}

static void counter_path(size_t which, struct text *path)
{
    text_append_string(path, "/perfCounter?name=");
    reply_encode(path, release_counter_name((int)which));
}

static void on_counter(struct task *task, size_t which, int status, const char *body,
                       size_t body_bytes, const struct error *err)
{
    struct facts_task *facts = facts_of(task);
    struct error own;
    struct text path = {0};
    counter_path(which, &path);
    const struct error *failure =
        check_status(facts, text_string(&path), status, body, body_bytes, err, &own);
    if (failure == NULL && !reply_json_counter(facts->server, text_string(&path), body, body_bytes,
                                               count_of(facts, which), &own)) {
        failure = &own;
    }
    text_clear(&path);
    if (failure != NULL) {
        task_end(task, failure);
        return;
    }
    finish_when_whole(facts);
}

static void on_metrics(struct task *task, size_t index, int status, const char *body,
                       size_t body_bytes, const struct error *err)
{
    (void)index;
    struct facts_task *facts = facts_of(task);
    struct error own;
    if (err == NULL && status == 404) {
        facts->waiting += COUNTER_COUNT - 1; /* three in the place of this one */
        for (size_t i = 0; i < COUNTER_COUNT; i++) {
            struct text path = {0};
            counter_path(i, &path);
            ask_http(task, facts->server, text_string(&path), INT64_MAX, on_counter, i);
            text_clear(&path);
        }
        return;
    }
    const struct error *failure =
        check_status(facts, metrics_path, status, body, body_bytes, err, &own);
    if (failure == NULL && !reply_json_metrics(facts->server, metrics_path, body, body_bytes,
                                               &facts->found.counts, &own)) {
        failure = &own;
    }
    if (failure != NULL) {
        task_end(task, failure);
        return;
    }
    finish_when_whole(facts);
}

/* ---- RPC: replicas, remote commands */

static void on_replicas(struct task *task, size_t index, const void *response,
                        const struct error *err)
{
    (void)index;
    if (err != NULL) {
        task_end(task, err);
        return;
    }
    const struct replica_info_response *answer = response;
    const struct wire_replica_info *infos = answer->replicas.items;
    struct facts_task *facts = facts_of(task);
    struct server_facts *found = &facts->found;
    found->replicas = memory_allocate(answer->replicas.count * sizeof *found->replicas);
    found->replica_count = answer->replicas.count;
    found->replica_capacity = answer->replicas.count;
    for (uint32_t i = 0; i < answer->replicas.count; i++) {
        found->replicas[i] = (struct server_replica){
            .gpid = infos[i].pid,
            .ballot = infos[i].ballot,
            .status = infos[i].status,
        };
    }
    finish_when_whole(facts);
}

static void on_server_info(struct task *task, size_t index, const void *response,
                           const struct error *err)
{
    (void)index;
    struct facts_task *facts = facts_of(task);
    if (err != NULL) {
        task_end(task, err);
        return;
    }
    const struct remote_command_response *answer = response;
    const struct text *known = &facts->into->info; /* the same words mean the same */
    if (known->length > 0 && slice_equals(answer->text, text_string(known))) {
        memcpy(facts->found.command_start, facts->into->command_start,
               sizeof facts->found.command_start);
        finish_when_whole(facts);
        return;
    }
    struct text reply = {0};
    struct text version = {0};
    struct text start_time = {0};
    struct error own;
    text_append(&reply, answer->text.bytes, answer->text.length);
    bool ok = release_read_server_info(text_string(&reply), &version, &start_time, &own);
    if (ok) {
        snprintf(facts->found.command_start, sizeof facts->found.command_start, "%s",
                 text_string(&start_time));
    }
    text_clear(&version);
    text_clear(&start_time);
    if (ok) {
        text_clear(&facts->into->info);
        facts->into->info = reply;
    } else {
        text_clear(&reply);
        char server[ADDRESS_TEXT_BYTES];
        error_wrap(&own, "%s", address_format(facts->server, server));
        task_end(task, &own);
        return;
    }
    finish_when_whole(facts);
}

/* ---- the start */

static const struct task_ops facts_ops = {.report = report, .free = free_task};

static void ask_parts(struct facts_task *facts)
{
    struct task *task = &facts->task;
    struct address server = facts->server;
    facts->waiting = (size_t)__builtin_popcount(facts->parts);
    if ((facts->parts & FACT_VERSION) != 0) {
        ask_http(task, server, "/version", INT64_MAX, on_version, 0);
    }
    if ((facts->parts & FACT_START_TIME) != 0) {
        ask_http(task, server, "/recentStartTime", INT64_MAX, on_start_time, 0);
    }
    if ((facts->parts & FACT_REPLICAS) != 0) {
        struct replica_info_request request = {0};
        ask_rpc(task, server, RPC_REPLICA_INFO, &request, INT64_MAX, on_replicas, 0);
    }
    if ((facts->parts & FACT_COUNTS) != 0) {
        ask_http(task, server, metrics_path, INT64_MAX, on_metrics, 0);
    }
    if ((facts->parts & FACT_COMMANDS) != 0) {
        struct remote_command_request request = {.command = slice_of("server-info")};
        ask_rpc(task, server, RPC_REMOTE_COMMAND, &request, INT64_MAX, on_server_info, 0);
    }
}

struct operation *cluster_read_server(struct cluster_reader *reader, struct address server,
                                      unsigned parts, struct server_facts *into, int64_t timeout_us,
                                      cluster_done_fn *done, void *ctx)
{
    ASSERT(parts != 0 && parts < FACT_COMMANDS * 2);
    struct facts_task *facts = memory_allocate(sizeof *facts);
    facts->server = server;
    facts->parts = parts;
    facts->into = into;
    facts->done = done;
    facts->ctx = ctx;
    task_start(&facts->task, reader->cluster, &facts_ops, timeout_us);
    facts->found.taken_us = loop_now_us(reader->cluster->loop);
    ask_parts(facts);
    return &facts->task.operation;
}
