/* engine/baseline_servers.c - values of servers' own settings, before the run and after it. */
#include "engine/internal.h"

#include "base/duration.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>

struct kept_value {
    struct kept_value *next;
    struct hold_item item; /* as it was held first: `before` is what the run found */
};

struct kept_compare {
    struct run *run;
    struct kept_value *at;
    struct text *differences;
    struct timer timer;
    int64_t give_up_us; /* for all of them together */
    struct process_check check;
    struct setting_task task;
    void (*done)(void *ctx);
    void *ctx;
};

static bool is_same(const struct hold_item *one, const struct hold_item *other)
{
    return one->server == other->server && strcmp(one->name, other->name) == 0;
}

void kept_remember(struct run *run, const struct hold_item *item)
{
    struct kept_value **last = &run->kept;
    while (*last != NULL && !is_same(&(*last)->item, item)) {
        last = &(*last)->next;
    }
    if (*last == NULL) {
        *last = memory_allocate(sizeof **last);
        (*last)->item = *item;
    }
}

void kept_set_process(struct run *run, const struct hold_item *item, const char *start)
{
    for (struct kept_value *kept = run->kept; kept != NULL; kept = kept->next) {
        if (is_same(&kept->item, item)) {
            snprintf(kept->item.process, SERVER_START_BYTES, "%s", start);
        }
    }
}

static void compare_next(struct kept_compare *compare);

static void add_difference(struct kept_compare *compare, const char *is)
{
    const struct hold_item *item = &compare->at->item;
    char shown[HOLD_SHOWN_BYTES];
    text_printf(compare->differences, "%s%s was %s and %s%s",
                compare->differences->length > 0 ? "; " : "", hold_shown(item, shown), item->before,
                is, foreign_find(compare->run, item) != NULL ? ", set by somebody else" : "");
}

static void over(struct kept_compare *compare)
{
    compare->at = compare->at->next;
    compare_next(compare);
}

static void was_put_back(void *ctx, const struct error *err)
{
    struct kept_compare *compare = ctx;
    const struct hold_item *item = &compare->at->item;
    char shown[HOLD_SHOWN_BYTES];
    char is[SETTING_VALUE_BYTES + 100];
    if (err != NULL) {
        snprintf(is, sizeof is, "could not be put back: %.1000s", err->text);
        add_difference(compare, is);
    } else if (compare->task.changed) {
        run_emit(compare->run, EVENT_PUT_BACK, NULL, NULL,
                 "%s is back at %s (it was lost when the server restarted)",
                 hold_shown(item, shown), item->before);
    }
    over(compare);
}

static void begin(struct kept_compare *compare, bool only_read,
                  void (*done)(void *ctx, const struct error *err))
{
    const struct hold_item *item = &compare->at->item;
    compare->task = (struct setting_task){
        .run = compare->run,
        .only_read = only_read,
        .puts_back = true,
        .name = item->name,
        .server = item->server,
        .done = done,
        .ctx = compare,
    };
    memcpy(compare->task.wanted, item->before, SETTING_VALUE_BYTES);
    setting_start(&compare->task);
}

/* What a restart lost is put back; what differs under the process that was told is only said. */
static void was_identified(void *ctx, bool same_process, const char *name, const struct error *err)
{
    struct kept_compare *compare = ctx;
    (void)name;
    if (err == NULL && !same_process && foreign_find(compare->run, &compare->at->item) == NULL) {
        begin(compare, false, was_put_back);
        return;
    }
    char is[SETTING_VALUE_BYTES + 10];
    snprintf(is, sizeof is, "is %s", compare->task.before);
    add_difference(compare, is);
    over(compare);
}

static void compare_again(void *ctx)
{
    compare_next(ctx);
}

static void was_read(void *ctx, const struct error *err)
{
    struct kept_compare *compare = ctx;
    const struct hold_item *item = &compare->at->item;
    struct loop *loop = compare->run->setup.loop;
    if (err != NULL) {
        bool went = hold_went_with_process(item, err);
        if (!went && error_may_pass(err) && loop_now_us(loop) < compare->give_up_us) {
            timer_start(loop, &compare->timer, US_PER_SECOND, compare_again, compare);
            return;
        }
        if (!went) {
            char is[1100];
            snprintf(is, sizeof is, "cannot be asked: %.1000s", err->text);
            add_difference(compare, is);
        }
        over(compare);
    } else if (strcmp(compare->task.before, item->before) == 0) {
        over(compare);
    } else {
        process_check_start(&compare->check, compare->run, item, was_identified, compare);
    }
}

static void compare_next(struct kept_compare *compare)
{
    if (compare->at == NULL) {
        compare->done(compare->ctx);
    } else {
        begin(compare, true, was_read);
    }
}

void kept_compare(struct run *run, struct text *differences, void (*done)(void *ctx), void *ctx)
{
    ASSERT(run->kept_compare == NULL);
    struct kept_compare *compare = memory_allocate(sizeof *compare);
    run->kept_compare = compare;
    *compare = (struct kept_compare){
        .run = run,
        .at = run->kept,
        .differences = differences,
        .give_up_us = loop_now_us(run->setup.loop) + LEADERLESS_US / 2,
        .done = done,
        .ctx = ctx,
    };
    compare_next(compare);
}

void kept_free(struct run *run)
{
    while (run->kept != NULL) {
        struct kept_value *next = run->kept->next;
        free(run->kept);
        run->kept = next;
    }
    if (run->kept_compare != NULL) {
        timer_cancel(&run->kept_compare->timer);
        process_check_clear(&run->kept_compare->check);
        free(run->kept_compare);
        run->kept_compare = NULL;
    }
}
