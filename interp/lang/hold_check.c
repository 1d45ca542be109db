#include "lang/hold_check.h"

#include "base/text.h"
#include "pegasus/release.h"
#include "pegasus/types.h"

#include <stdlib.h>
#include <string.h>

static const char level_name[] = "the meta level";

/* The holds around a step, innermost first. */
struct around {
    const struct step *hold;
    const struct around *outer;
};

struct check {
    hold_complain_fn *complain;
    void *ctx;
};

static void complain(const struct check *check, struct source where, struct text *text)
{
    check->complain(check->ctx, where, text_string(text));
    text_clear(text);
}

static void append_place(struct text *text, struct source where)
{
    text_printf(text, "%s:%d", where.file == NULL ? "?" : where.file, where.line);
}

/* ---- what a step wants a setting to be */
struct want {
    const char *name;
    const char *value;
    const struct server *at; /* whose it is; NULL: the leader's, everybody's, or nobody knows */
    struct source where;
    size_t branch;
};
typedef void want_fn(void *ctx, const struct want *want);

static void each_held(const struct step *step, want_fn *take, void *ctx)
{
    struct want want = {.where = step->where};
    bool limit = false;
    bool flow = false;
    if (step->as.hold.level != 0) {
        want.name = level_name;
        want.value = meta_level_name(step->as.hold.level);
        take(ctx, &want);
    }
    want.at = step->as.hold.at;
    for (size_t i = 0; i < step->as.hold.setting_count; i++) {
        want.name = step->as.hold.settings[i].name;
        want.value = step->as.hold.settings[i].value;
        limit = limit || strcmp(want.name, SETTING_ADD_SECONDARY_LIMIT) == 0;
        flow = flow || strcmp(want.name, SETTING_FLOW_CONTROL) == 0;
        take(ctx, &want);
    }
    if (limit && !flow) { /* the interpreter turns it on, or the limit would do nothing */
        want.name = SETTING_FLOW_CONTROL;
        want.value = "true";
        take(ctx, &want);
    }
}

/* A remote command that sets a setting, sent to a process that has it. */
static bool sets_setting(const struct step *step)
{
    enum setting_kind kind;
    if (step->kind != STEP_REMOTE_COMMAND || step->as.remote_command.argument_count == 0 ||
        !setting_kind_of(step->as.remote_command.name, &kind)) {
        return false;
    }
    bool of_replicas = setting_home_of(step->as.remote_command.name) == SETTING_OF_REPLICAS;
    if (step->as.remote_command.to == TO_SERVER) {
        return step->server == NULL || (step->server->role == ROLE_REPLICA) == of_replicas;
    }
    return (step->as.remote_command.to == TO_REPLICAS) == of_replicas;
}

/* What the step itself wants, not its children. */
static void each_wanted(const struct step *step, want_fn *take, void *ctx)
{
    struct want want = {.where = step->where};
    if (step->kind == STEP_HOLD) {
        each_held(step, take, ctx);
    } else if (step->kind == STEP_SET_META_LEVEL) {
        want.name = level_name;
        want.value = meta_level_name(step->as.level);
        take(ctx, &want);
    } else if (sets_setting(step)) {
        want.name = step->as.remote_command.name;
        want.value = step->as.remote_command.arguments[0];
        want.at = step->as.remote_command.to == TO_SERVER ? step->server : NULL;
        take(ctx, &want);
    }
}

/* ---- side by side */
struct wants {
    struct want *items;
    size_t count;
    size_t capacity;
    size_t branch;
    bool of_another; /* what one server's turn wants of it says nothing of another's */
};

static void collect(void *ctx, const struct want *want)
{
    struct wants *wants = ctx;
    if (wants->of_another && want->at != NULL) {
        return;
    }
    if (wants->count == wants->capacity) {
        wants->capacity = wants->capacity * 2 + 16;
        wants->items = memory_resize(wants->items, wants->capacity * sizeof *wants->items);
    }
    wants->items[wants->count] = *want;
    wants->items[wants->count++].branch = wants->branch;
}

static void collect_tree(const struct step *step, struct wants *wants)
{
    each_wanted(step, collect, wants);
    if (step->kind == STEP_WAIT_UNTIL && step->as.wait.nudge != NULL) {
        collect_tree(step->as.wait.nudge, wants);
    }
    for (size_t i = 0; i < step->body.count; i++) {
        collect_tree(step->body.items[i], wants);
    }
}

static int compare_wants(const void *a, const void *b)
{
    const struct want *one = a;
    const struct want *other = b;
    int names = strcmp(one->name, other->name);
    if (names != 0) {
        return names;
    }
    if (one->branch != other->branch) {
        return one->branch < other->branch ? -1 : 1;
    }
    if (one->where.line != other->where.line) {
        return one->where.line < other->where.line ? -1 : 1;
    }
    return strcmp(one->value, other->value);
}

static bool differ(const struct want *one, const struct want *other)
{
    return strcmp(one->value, other->value) != 0;
}

/* Of all that is wanted for one setting, two that contradict: other branch, other value. With one
 * of another branch than the first's at hand, any third value contradicts one of the two. */
static bool find_pair(const struct want *wants, size_t count, const struct want **one,
                      const struct want **other)
{
    const struct want *first = &wants[0];
    const struct want *beside = NULL;
    for (size_t i = 1; i < count && beside == NULL; i++) {
        beside = wants[i].branch != first->branch ? &wants[i] : NULL;
    }
    for (size_t i = 1; beside != NULL && i < count; i++) {
        if (differ(&wants[i], first)) {
            *one = wants[i].branch != first->branch ? first : beside;
            *other = &wants[i];
            return differ(*one, *other);
        }
    }
    return false;
}

/* The same among those that can be in one process: what is wanted of one server, and of all. What
 * is found lies in `scratch`, which has room for all of them. */
static bool find_pair_somewhere(const struct want *wants, size_t count, struct want *scratch,
                                const struct want **one, const struct want **other)
{
    for (size_t place = 0; place < count; place++) {
        const struct server *at = wants[place].at;
        size_t first = 0;
        size_t here = 0;
        while (wants[first].at != at) {
            first++;
        }
        for (size_t i = 0; first == place && i < count; i++) {
            if (wants[i].at == NULL || wants[i].at == at) {
                scratch[here++] = wants[i];
            }
        }
        if (here > 0 && find_pair(scratch, here, one, other)) {
            return true;
        }
    }
    return false;
}

static void complain_pair(const struct check *check, const struct step *group,
                          const struct want *one, const struct want *other)
{
    struct text text = {0};
    text_printf(&text, "%s is wanted to be %s here, and %s at ", other->name, other->value,
                one->value);
    append_place(&text, one->where);
    text_append_string(&text, "; both can be at work at the same time in the ");
    if (group->kind == STEP_ROLLING) {
        text_append_string(&text, "rolling at ");
        append_place(&text, group->where);
        text_printf(&text, " (max_in_flight = %d)", (int)group->as.rolling.max_in_flight);
    } else {
        text_append_string(&text, "parallel at ");
        append_place(&text, group->where);
    }
    complain(check, other->where, &text);
}

static void check_side_by_side(const struct check *check, const struct step *group)
{
    struct wants wants = {0};
    struct want *scratch = NULL;
    size_t count = group->body.count;
    for (size_t i = 0; i < count; i++) {
        wants.branch = i;
        collect_tree(group->body.items[i], &wants);
    }
    if (group->kind == STEP_ROLLING && count == 1) { /* there may be more servers tomorrow */
        wants.branch = 1;
        wants.of_another = true;
        collect_tree(group->body.items[0], &wants);
    }
    if (wants.count > 0) {
        qsort(wants.items, wants.count, sizeof *wants.items, compare_wants);
        scratch = memory_allocate(wants.count * sizeof *scratch);
    }
    for (size_t begin = 0, end; begin < wants.count; begin = end) {
        const struct want *one;
        const struct want *other;
        end = begin + 1;
        while (end < wants.count && strcmp(wants.items[end].name, wants.items[begin].name) == 0) {
            end++;
        }
        if (find_pair_somewhere(&wants.items[begin], end - begin, scratch, &one, &other)) {
            complain_pair(check, group, one, other);
        }
    }
    free(scratch);
    free(wants.items);
}

static bool runs_side_by_side(const struct step *step)
{
    return (step->kind == STEP_PARALLEL && step->as.parallel_max > 1) ||
           (step->kind == STEP_ROLLING && step->as.rolling.max_in_flight > 1);
}

/* ---- inside a hold */
struct search {
    const char *name;
    const struct server *at; /* NULL: anywhere */
    struct want found;
};

static void match(void *ctx, const struct want *want)
{
    struct search *search = ctx;
    bool meet = search->at == NULL || want->at == NULL || search->at == want->at;
    if (meet && strcmp(want->name, search->name) == 0) {
        search->found = *want;
    }
}

/* A level that is the one kept changes nothing; a setting is the hold's alone. */
static void check_inside(const struct check *check, const struct step *step,
                         const struct around *around)
{
    bool level = step->kind == STEP_SET_META_LEVEL;
    if (!level && !sets_setting(step)) {
        return;
    }
    struct search search = {.name = level ? level_name : step->as.remote_command.name};
    search.at = !level && step->as.remote_command.to == TO_SERVER ? step->server : NULL;
    for (; around != NULL && search.found.name == NULL; around = around->outer) {
        each_held(around->hold, match, &search);
    }
    const char *value =
        level ? meta_level_name(step->as.level) : step->as.remote_command.arguments[0];
    if (search.found.name == NULL || (level && strcmp(value, search.found.value) == 0)) {
        return;
    }
    struct text text = {0};
    text_printf(&text, "%s: sets %s to %s, but the hold at ",
                level ? "set_meta_level" : "remote_command", search.name, value);
    append_place(&text, search.found.where);
    text_printf(&text, " keeps it at %s; to have another value for a while, write a hold inside it",
                search.found.value);
    complain(check, step->where, &text);
}

static void check_hold(const struct check *check, const struct step *hold)
{
    struct search limit = {.name = SETTING_ADD_SECONDARY_LIMIT};
    struct search flow = {.name = SETTING_FLOW_CONTROL};
    each_held(hold, match, &limit);
    each_held(hold, match, &flow);
    if (limit.found.name != NULL && strcmp(flow.found.value, "true") != 0) {
        struct text text = {0};
        text_printf(&text, "hold: %s does nothing while %s is false", limit.name, flow.name);
        complain(check, hold->where, &text);
    }
}

static void check_step(const struct check *check, const struct step *step,
                       const struct around *around)
{
    const struct around here = {step, around};
    check_inside(check, step, around);
    if (step->kind == STEP_HOLD) {
        check_hold(check, step);
        around = &here;
    }
    if (runs_side_by_side(step)) {
        check_side_by_side(check, step);
    }
    if (step->kind == STEP_WAIT_UNTIL && step->as.wait.nudge != NULL) {
        check_step(check, step->as.wait.nudge, around);
    }
    for (size_t i = 0; i < step->body.count; i++) {
        check_step(check, step->body.items[i], around);
    }
}

void hold_check(const struct step_list *steps, hold_complain_fn *complain_to, void *ctx)
{
    const struct check check = {complain_to, ctx};
    for (size_t i = 0; i < steps->count; i++) {
        check_step(&check, steps->items[i], NULL);
    }
}
