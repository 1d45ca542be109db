#include "live/cluster_private.h"

#include <stdlib.h>

enum command_kind { COMMAND_READ_SETTING, COMMAND_SET_SETTING, COMMAND_ANY };

struct command_task {
    struct task task; /* first */
    enum command_kind kind;
    struct address server; /* none: the leader */
    struct arena arena;
    const char *name;
    struct slice *arguments;
    size_t argument_count;
    struct text value; /* what is told */
    cluster_value_fn *value_done;
    cluster_done_fn *done; /* COMMAND_SET_SETTING */
    void *ctx;
};

static struct command_task *command_of(struct task *task)
{
    return (struct command_task *)task;
}

static void report(struct task *task, const struct error *err)
{
    struct command_task *command = command_of(task);
    if (command->kind == COMMAND_SET_SETTING) {
        command->done(command->ctx, err);
    } else {
        command->value_done(command->ctx, err == NULL ? text_string(&command->value) : NULL, err);
    }
}

static void free_task(struct task *task)
{
    struct command_task *command = command_of(task);
    arena_clear(&command->arena);
    text_clear(&command->value);
    free(command);
}

static bool asks_leader(const struct command_task *command)
{
    return !address_is_set(command->server);
}

/* Repeats what was not done, and what only reads; else ends. */
static void fail(struct command_task *command, const struct error *err)
{
    bool reads = command->kind == COMMAND_READ_SETTING;
    bool again = reads ? task_may_ask_again(err) : err->code == ERROR_NOT_LEADER;
    if (asks_leader(command) && again) {
        task_start_over(&command->task, err);
        return;
    }
    struct error open = *err;
    if (!reads) {
        task_mark_outcome(&open);
    }
    task_end(&command->task, &open);
}

/* A supposed leader that does not know a leader's command leads no more, and did nothing. */
static void judge_setting(struct command_task *command, struct address server, const char *reply)
{
    struct error err;
    struct setting_reply answer;
    char name[ADDRESS_TEXT_BYTES];
    address_format(server, name);
    if (!release_read_setting_reply(command->name, reply, &answer, &err)) {
        error_wrap(&err, "%s", name);
        fail(command, &err);
        return;
    }
    command->value = answer.value;
    bool reads = command->kind == COMMAND_READ_SETTING;
    if (answer.kind == (reads ? REPLY_VALUE : REPLY_OK)) {
        task_end(&command->task, NULL);
        return;
    }
    if (answer.kind == REPLY_UNKNOWN_COMMAND) {
        error_set(&err, asks_leader(command) ? ERROR_NOT_LEADER : ERROR_REPLY, "%s: %s", name,
                  text_string(&answer.value));
    } else if (answer.kind == REPLY_REFUSED) {
        error_set(&err, ERROR_REPLY, "%s: %s %s: %s", name, reads ? "reading" : "setting",
                  command->name, text_string(&answer.value));
    } else {
        error_set(&err, ERROR_REPLY, "%s: %s %s was answered as if it were %s: '%s'", name,
                  reads ? "reading" : "setting", command->name, reads ? "a change" : "a question",
                  text_string(&answer.value));
    }
    text_clear(&command->value);
    fail(command, &err);
}

static void on_reply(struct task *task, size_t index, const void *response, const struct error *err)
{
    (void)index;
    struct command_task *command = command_of(task);
    if (err != NULL) {
        fail(command, err);
        return;
    }
    const struct remote_command_response *answer = response;
    if (command->kind == COMMAND_ANY) {
        text_append(&command->value, answer->text.bytes, answer->text.length);
        task_end(task, NULL);
        return;
    }
    struct text reply = {0};
    text_append(&reply, answer->text.bytes, answer->text.length);
    judge_setting(command, asks_leader(command) ? task->cluster->leader : command->server,
                  text_string(&reply));
    text_clear(&reply);
}

static void send_command(struct command_task *command, struct address server)
{
    struct remote_command_request request = {
        .command = slice_of(command->name),
        .arguments = {command->arguments, (uint32_t)command->argument_count},
    };
    int64_t limit_us = command->kind == COMMAND_ANY ? INT64_MAX : CLUSTER_CALL_TIMEOUT_US;
    ask_rpc(&command->task, server, RPC_REMOTE_COMMAND, &request, limit_us, on_reply, 0);
}

static void on_found(struct task *task, const struct cluster_info_response *info)
{
    (void)info;
    send_command(command_of(task), task->cluster->leader);
}

static const struct task_ops command_ops = {
    .found = on_found,
    .report = report,
    .free = free_task,
};

/* The caller fills in its callback and calls start_command. */
static struct command_task *command_new(enum command_kind kind, struct address server,
                                        const char *name, const char *const *arguments,
                                        size_t argument_count)
{
    struct command_task *command = memory_allocate(sizeof *command);
    command->kind = kind;
    command->server = server;
    arena_init(&command->arena);
    command->name = arena_copy_string(&command->arena, name);
    command->arguments =
        arena_allocate(&command->arena, argument_count * sizeof *command->arguments);
    command->argument_count = argument_count;
    for (size_t i = 0; i < argument_count; i++) {
        command->arguments[i] = slice_of(arena_copy_string(&command->arena, arguments[i]));
    }
    return command;
}

static struct operation *start_command(struct command_task *command, struct cluster *cluster,
                                       int64_t timeout_us)
{
    task_start(&command->task, cluster, &command_ops, timeout_us);
    if (asks_leader(command)) {
        leader_find(&command->task);
    } else {
        send_command(command, command->server);
    }
    return &command->task.operation;
}

struct operation *cluster_read_setting(struct cluster_reader *reader, struct address server,
                                       const char *name, int64_t timeout_us, cluster_value_fn *done,
                                       void *ctx)
{
    enum setting_kind kind;
    ASSERT(setting_kind_of(name, &kind));
    struct command_task *command = command_new(COMMAND_READ_SETTING, server, name, NULL, 0);
    command->value_done = done;
    command->ctx = ctx;
    return start_command(command, reader->cluster, timeout_us);
}

struct operation *cluster_set_setting(struct cluster *cluster, struct address server,
                                      const char *name, const char *value, int64_t timeout_us,
                                      cluster_done_fn *done, void *ctx)
{
    enum setting_kind kind;
    ASSERT(setting_kind_of(name, &kind));
    /* An empty argument is refused; an empty list has a word of its own. */
    const char *argument = kind == SETTING_LIST && value[0] == '\0' ? "clear" : value;
    struct command_task *command = command_new(COMMAND_SET_SETTING, server, name, &argument, 1);
    command->done = done;
    command->ctx = ctx;
    return start_command(command, cluster, timeout_us);
}

struct operation *cluster_remote_command(struct cluster *cluster, struct address server,
                                         const char *command, const char *const *arguments,
                                         size_t argument_count, int64_t timeout_us,
                                         cluster_value_fn *done, void *ctx)
{
    struct command_task *task =
        command_new(COMMAND_ANY, server, command, arguments, argument_count);
    task->value_done = done;
    task->ctx = ctx;
    return start_command(task, cluster, timeout_us);
}
