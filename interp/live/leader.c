#include "live/cluster_private.h"

#include "wire/wire.h"

#include <stdio.h>
#include <stdlib.h>

static const int64_t ask_limit_us = 2 * US_PER_SECOND; /* a silent one is asked again then */
static const int64_t ask_again_us = 300 * US_PER_MS;   /* after an answer that helps nothing */
static const int64_t head_start_us = 500 * US_PER_MS;  /* of the leader known from before */

/* Each meta server is asked on its own, again and again, so that a dead or silent one holds nobody
 * up and the first that leads is heard at once. */
struct asker {
    struct leader_search *search;
    struct timer timer; /* until it is asked (again) */
    size_t meta;
    int64_t asked_us;
    bool over;    /* no time to ask it again */
    bool is_meta; /* it answered as a meta server does */
    char said[256];
};
struct leader_search {
    struct task *task;
    size_t over_count;
    size_t asker_count;
    struct asker askers[];
};

static void ask_meta(void *ctx);

void leader_search_free(struct leader_search *search)
{
    if (search == NULL) {
        return;
    }
    for (size_t i = 0; i < search->asker_count; i++) {
        timer_cancel(&search->askers[i].timer);
    }
    free(search);
}

static void fail(struct leader_search *search)
{
    struct text list = {0};
    bool any_meta = false;
    for (size_t i = 0; i < search->asker_count; i++) {
        const struct asker *asker = &search->askers[i];
        text_printf(&list, "%s%s", i == 0 ? "" : "; ", asker->said);
        any_meta = any_meta || asker->is_meta;
    }
    struct task *task = search->task;
    struct error err;
    char limit[DURATION_TEXT_BYTES];
    error_set(&err, any_meta ? ERROR_NOT_LEADER : ERROR_UNREACHABLE, "%s within %s: %s",
              any_meta ? "no primary meta server found" : "no meta server answered",
              duration_format(task->timeout_us, limit), text_string(&list));
    text_clear(&list);
    task_end(task, &err);
}

/* May end the task. */
static void ask_later(struct asker *asker, int64_t delay_us)
{
    struct leader_search *search = asker->search;
    if (task_left_us(search->task) > delay_us) {
        timer_start(search->task->cluster->loop, &asker->timer, delay_us, ask_meta, asker);
        return;
    }
    asker->over = true;
    search->over_count++;
    if (search->over_count == search->asker_count) {
        fail(search);
    }
}

/* What a meta server says when it does not lead, in words. */
static void note_answer(struct asker *asker, const struct cluster_info_response *response,
                        const struct error *err)
{
    char server[ADDRESS_TEXT_BYTES];
    address_format(asker->search->task->cluster->metas[asker->meta], server);
    asker->is_meta = asker->is_meta || err->code == ERROR_NOT_LEADER;
    if (response != NULL && slice_equals(response->err, PEGASUS_FORWARD_TO_OTHERS)) {
        snprintf(asker->said, sizeof asker->said, "%s: a standby (%s)", server,
                 PEGASUS_FORWARD_TO_OTHERS);
    } else if (response != NULL && slice_equals(response->err, PEGASUS_SERVICE_NOT_ACTIVE)) {
        snprintf(asker->said, sizeof asker->said, "%s: still loads its state (%s)", server,
                 PEGASUS_SERVICE_NOT_ACTIVE);
    } else {
        snprintf(asker->said, sizeof asker->said, "%.*s", (int)sizeof asker->said - 1, err->text);
    }
}

/* The leader known from before is none: its head start is over. */
static void ask_others_now(struct leader_search *search)
{
    struct loop *loop = search->task->cluster->loop;
    for (size_t i = 0; i < search->asker_count; i++) {
        struct asker *asker = &search->askers[i];
        if (asker->asked_us < 0 && timer_is_active(&asker->timer)) {
            timer_start(loop, &asker->timer, 0, ask_meta, asker);
        }
    }
}

static void on_answer(struct task *task, size_t index, const void *response,
                      const struct error *err)
{
    struct leader_search *search = task->search;
    struct asker *asker = &search->askers[index];
    if (err != NULL) {
        note_answer(asker, response, err);
        ask_others_now(search);
        ask_later(asker, ask_again_us);
        return;
    }
    struct address found = task->cluster->metas[asker->meta];
    if (!address_equal(found, task->cluster->leader)) {
        char text[ADDRESS_TEXT_BYTES];
        struct loop *loop = task->cluster->transport->loop;
        log_write(loop_log(loop), LOG_INFO, loop_now_us(loop), "%s leads",
                  address_format(found, text));
    }
    task->cluster->leader = found;
    task->found_us = asker->asked_us;
    leader_search_free(search);
    task->search = NULL;
    task_drop_asks(task);
    task->ops->found(task, response);
}

static void ask_meta(void *ctx)
{
    struct asker *asker = ctx;
    struct task *task = asker->search->task;
    struct cluster_info_request request = {0};
    asker->asked_us = loop_now_us(task->cluster->loop);
    ask_rpc(task, task->cluster->metas[asker->meta], RPC_CLUSTER_INFO, &request, ask_limit_us,
            on_answer, asker->meta);
}

void leader_find(struct task *task)
{
    struct cluster *cluster = task->cluster;
    struct leader_search *search =
        memory_allocate(sizeof *search + cluster->meta_count * sizeof search->askers[0]);
    search->task = task;
    search->asker_count = cluster->meta_count;
    task->search = search;
    int64_t left_us = task_left_us(task);
    int64_t wait_us = left_us / 2 < head_start_us ? left_us / 2 : head_start_us;
    for (size_t i = 0; i < cluster->meta_count; i++) {
        struct asker *asker = &search->askers[i];
        asker->search = search;
        asker->meta = i;
        asker->asked_us = -1;
        if (!address_is_set(cluster->leader) || address_equal(cluster->leader, cluster->metas[i])) {
            ask_meta(asker);
        } else {
            timer_start(cluster->loop, &asker->timer, wait_us, ask_meta, asker);
        }
    }
}

/* ---- what cluster info says */

struct slice info_value(const struct cluster_info_response *info, const char *key)
{
    const struct slice *keys = info->keys.items;
    const struct slice *values = info->values.items;
    for (uint32_t i = 0; i < info->keys.count && i < info->values.count; i++) {
        if (slice_equals(keys[i], key)) {
            return values[i];
        }
    }
    return (struct slice){0};
}

bool info_level(const struct task *task, const struct cluster_info_response *info, int32_t *level,
                struct error *err)
{
    char name[32];
    char server[ADDRESS_TEXT_BYTES];
    struct slice value = info_value(info, "meta_function_level");
    snprintf(name, sizeof name, "%.*s", value.length > 31 ? 31 : (int)value.length,
             value.bytes == NULL ? "" : value.bytes);
    if (!meta_level_parse(name, level)) {
        error_set(err, ERROR_PEER, "%s: %s: meta_function_level '%s' is none that is known",
                  address_format(task->cluster->leader, server), rpc_name(RPC_CLUSTER_INFO), name);
        return false;
    }
    return true;
}
