#include "live/cluster_private.h"

#include "live/reply_json.h"

#include <stdlib.h>
#include <string.h>

struct config_task {
    struct task task; /* first */
    struct address server;
    char *path;
    char value[4096];
    cluster_value_fn *done;
    void *ctx;
};

static void report_config(struct task *task, const struct error *err)
{
    struct config_task *config = (struct config_task *)task;
    config->done(config->ctx, err == NULL ? config->value : NULL, err);
}

static void free_config(struct task *task)
{
    struct config_task *config = (struct config_task *)task;
    free(config->path);
    free(config);
}

static const struct task_ops config_ops = {.report = report_config, .free = free_config};

/* Failures come as text with status 200. */
static void on_config(struct task *task, size_t index, int status, const char *body,
                      size_t body_bytes, const struct error *err)
{
    (void)index;
    struct config_task *config = (struct config_task *)task;
    struct error own;
    if (err == NULL && status == 200 && strncmp(body, "ERR_", 4) != 0) {
        if (reply_json_string(config->server, config->path, body, body_bytes, "value",
                              config->value, sizeof config->value, &own)) {
            task_end(task, NULL);
            return;
        }
        err = &own;
    } else if (err == NULL) {
        reply_status_error(config->server, config->path, status, body, body_bytes, &own);
        err = &own;
    }
    task_end(task, err);
}

struct operation *cluster_read_config(struct cluster_reader *reader, struct address server,
                                      const char *name, int64_t timeout_us, cluster_value_fn *done,
                                      void *ctx)
{
    struct config_task *config = memory_allocate(sizeof *config);
    struct text path = {0};
    text_append_string(&path, "/config?name=");
    reply_encode(&path, name);
    config->path = text_take(&path);
    config->server = server;
    config->done = done;
    config->ctx = ctx;
    task_start(&config->task, reader->cluster, &config_ops, timeout_us);
    ask_http(&config->task, server, config->path, INT64_MAX, on_config, 0);
    return &config->task.operation;
}
