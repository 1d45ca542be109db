/* engine/settings.c - one level or setting is made to have a value: read, set, read back. */
#include "engine/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- who may touch settings: one at a time, in the order of asking */
static void lock_granted(void *ctx)
{
    struct settings_lock *lock = ctx;
    lock->go(lock->ctx);
}

static struct settings_turns *turns_of(const struct settings_lock *lock)
{
    struct run *run = lock->run;
    return lock->server == NULL
               ? &run->leader_turns
               : &run->server_turns[inventory_slot(run->setup.inventory, lock->server)];
}

static void grant(struct settings_turns *turns, struct settings_lock *lock)
{
    lock->held = true;
    lock->waiting = false;
    turns->owner = lock;
    timer_start(lock->run->setup.loop, &lock->granted, 0, lock_granted, lock);
}

void settings_lock(struct run *run, struct settings_lock *lock, const struct server *server,
                   timer_fn *go, void *ctx)
{
    ASSERT(!lock->held && !lock->waiting);
    *lock = (struct settings_lock){.run = run, .server = server, .go = go, .ctx = ctx};
    struct settings_turns *turns = turns_of(lock);
    if (turns->owner == NULL) {
        grant(turns, lock);
        return;
    }
    lock->waiting = true;
    struct settings_lock **last = &turns->waiters;
    while (*last != NULL) {
        last = &(*last)->next;
    }
    *last = lock;
}

void settings_unlock(struct settings_lock *lock)
{
    timer_cancel(&lock->granted);
    if (lock->waiting) {
        struct settings_lock **link = &turns_of(lock)->waiters;
        while (*link != lock) {
            link = &(*link)->next;
        }
        *link = lock->next;
    } else if (lock->held) {
        struct settings_turns *turns = turns_of(lock);
        struct settings_lock *next = turns->waiters;
        turns->owner = NULL;
        if (next != NULL) {
            turns->waiters = next->next;
            grant(turns, next);
        }
    }
    lock->held = false;
    lock->waiting = false;
    lock->next = NULL;
}

/* ---- read, set, read back */
enum { SET_TRIES = 3 };
enum task_state { TASK_READING, TASK_SETTING, TASK_READING_BACK };

static const int64_t call_timeout_us = 2 * CLUSTER_CALL_TIMEOUT_US;

static void task_done(struct setting_task *task, const struct error *err)
{
    struct error wrapped;
    task->operation = NULL;
    if (err != NULL) {
        static const char *const doing[] = {"read", "set", "read back"};
        wrapped = *err;
        error_wrap(&wrapped, "%s %s", doing[task->state], task->name);
        err = &wrapped;
    }
    task->done(task->ctx, err);
}

static void task_read(struct setting_task *task);

/* ADDRESS_NONE stands for the leader. */
static struct address task_address(const struct setting_task *task)
{
    return task->server == NULL ? (struct address){0} : task->server->address;
}

static void task_was_set(void *ctx, const struct error *err)
{
    struct setting_task *task = ctx;
    run_mark_change(task->run);
    if (err != NULL) {
        task_done(task, err);
        return;
    }
    task->state = TASK_READING_BACK;
    task_read(task);
}

static void task_set(struct setting_task *task)
{
    struct run *run = task->run;
    int32_t level;
    if (!run_may_set(run)) {
        task->next_waiting = run->waiting_tasks;
        run->waiting_tasks = task;
        return;
    }
    task->state = TASK_SETTING;
    task->changed = true;
    cJSON *data = cJSON_CreateObject();
    cJSON_AddStringToObject(data, "name", task->name);
    cJSON_AddStringToObject(data, "from", task->before);
    cJSON_AddStringToObject(data, "to", task->wanted);
    if (task->takes) {
        cJSON_AddStringToObject(data, "before",
                                task->back_to == NULL ? task->before : task->back_to);
    }
    if (task->server != NULL) {
        cJSON_AddStringToObject(data, "server", task->server->name);
        hold_add_process(data, task->item);
    }
    if (!run_emit(run, EVENT_INTENTION, task->step, data, "set %s%s%s from %s to %s", task->name,
                  task->server == NULL ? "" : " of ",
                  task->server == NULL ? "" : task->server->name, task->before, task->wanted) &&
        !task->puts_back) {
        task->changed = false;
        task_done(task, &run->failure);
        return;
    }
    if (task->begun != NULL) {
        task->begun(task->ctx);
    }
    if (task->is_level) {
        bool known = meta_level_parse(task->wanted, &level);
        ASSERT(known);
        task->operation =
            cluster_set_level(run->setup.cluster, level, call_timeout_us, task_was_set, task);
    } else {
        enum setting_kind kind = SETTING_INTEGER;
        setting_kind_of(task->name, &kind);
        bool empties = kind == SETTING_LIST && task->wanted[0] == '\0';
        task->operation = cluster_set_setting(run->setup.cluster, task_address(task), task->name,
                                              empties ? "clear" : task->wanted, call_timeout_us,
                                              task_was_set, task);
    }
}

static void task_has_value(struct setting_task *task, const char *value)
{
    struct error err;
    if (strlen(value) >= SETTING_VALUE_BYTES) {
        error_set(&err, ERROR_LIMIT, "its value has %zu bytes, more than %d", strlen(value),
                  SETTING_VALUE_BYTES - 1);
        task_done(task, &err);
    } else if (task->state == TASK_READING) {
        snprintf(task->before, sizeof task->before, "%s", value);
        bool as_wanted = strcmp(value, task->wanted) == 0;
        task->unexpected = !as_wanted && task->expects != NULL && strcmp(value, task->expects) != 0;
        if (task->only_read || as_wanted || task->unexpected) {
            task_done(task, NULL);
        } else {
            task_set(task);
        }
    } else if (strcmp(value, task->wanted) == 0) {
        task_done(task, NULL);
    } else if (++task->tries < SET_TRIES) {
        task_set(task); /* a new leader took over in between and knows nothing of it */
    } else {
        error_set(&err, ERROR_REPLY, "set to %s, but it reads %s", task->wanted, value);
        task_done(task, &err);
    }
}

static void task_leader_read(void *ctx, const struct error *err)
{
    struct setting_task *task = ctx;
    task->operation = NULL;
    if (err != NULL) {
        task_done(task, err);
        return;
    }
    char number[16];
    const char *level = meta_level_name(task->leader.stored_level);
    snprintf(number, sizeof number, "%" PRId32, task->leader.stored_level);
    task_has_value(task, level != NULL ? level : number);
}

static void task_value_read(void *ctx, const char *value, const struct error *err)
{
    struct setting_task *task = ctx;
    task->operation = NULL;
    if (err != NULL) {
        task_done(task, err);
    } else {
        task_has_value(task, value);
    }
}

static void task_read(struct setting_task *task)
{
    struct run *run = task->run;
    task->operation = task->is_level
                          ? cluster_read_leader(run->reader, &task->leader, call_timeout_us,
                                                task_leader_read, task)
                          : cluster_read_setting(run->reader, task_address(task), task->name,
                                                 call_timeout_us, task_value_read, task);
}

void setting_start(struct setting_task *task)
{
    task->state = TASK_READING;
    task->changed = false;
    task->before[0] = '\0';
    task_read(task);
}

void settings_go_on(struct run *run)
{
    struct setting_task *task = run->waiting_tasks;
    run->waiting_tasks = NULL;
    while (task != NULL) {
        struct setting_task *next = task->next_waiting;
        if (run->ending && !task->puts_back) {
            task->state = TASK_SETTING;
            task_done(task, &run->failure);
        } else {
            setting_start(task); /* much may have changed meanwhile */
        }
        task = next;
    }
}
