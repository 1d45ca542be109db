/* A plan for a person. */
#include "cli/cost_table.h"
#include "cli/plan.h"
#include "cli/plan_fold.h"

#include "base/duration.h"
#include "pegasus/release.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { TIME_COLUMNS = 9, NUMBER_COLUMNS_MIN = 5, WORDS_COLUMNS_MIN = 16, ID_COLUMNS_MAX = 60 };

enum { FOLDED_NAMES_MAX = 8 };

struct printing {
    const struct plan *plan;
    struct text *out;
    int width;
    int number_columns; /* "16-67" */
    int id_columns;
    bool all;
};

/* ---- lines of bounded width */

static void pad(struct text *out, int columns)
{
    text_printf(out, "%*s", columns > 0 ? columns : 0, "");
}

/* A line may end at this blank: not within "20 -> 100". */
static bool breaks_at(const char *text, size_t blank)
{
    bool behind = blank >= 2 && strncmp(text + blank - 2, "->", 2) == 0;
    return text[blank] == ' ' && !behind && strncmp(text + blank + 1, "->", 2) != 0;
}

/* How much of the text fits: up to a blank. A word longer than a whole line is cut (never within a
 * character of several bytes). */
static size_t fitting(const char *text, size_t columns)
{
    size_t length = strlen(text);
    if (length <= columns) {
        return length;
    }
    size_t cut = columns;
    while (cut > 0 && !breaks_at(text, cut)) {
        cut--;
    }
    size_t word = strcspn(text + cut + (cut > 0), " ");
    if (cut == 0 || word > columns) {
        cut = columns;
        while (cut > 1 && ((unsigned char)text[cut] & 0xc0) == 0x80) {
            cut--;
        }
    }
    return cut;
}

/* Words from column `indent` on; the cursor is there. Without a newline at the end. */
static void wrap(struct text *out, const char *words, int indent, int width)
{
    size_t columns =
        (size_t)(width - indent > WORDS_COLUMNS_MIN ? width - indent : WORDS_COLUMNS_MIN);
    bool first = true;
    while (first || *words != '\0') {
        size_t length = fitting(words, columns);
        if (!first) {
            text_append_char(out, '\n');
            pad(out, indent);
        }
        text_append(out, words, length);
        words += length + strspn(words + length, " ");
        first = false;
    }
}

static void item(const struct printing *printing, const char *mark, const char *words)
{
    int indent = 2 + (int)strlen(mark);
    text_printf(printing->out, "  %s", mark);
    wrap(printing->out, words, indent, printing->width);
    text_append_char(printing->out, '\n');
}

/* ---- what it is about */

static void print_head(const struct printing *printing)
{
    const struct plan *plan = printing->plan;
    const struct session *session = plan->session;
    const char *level = meta_level_name(session->snapshot.stored_level);
    struct text line = {0};
    text_printf(&line, "plan of '%s' (%s), %d steps", plan->workflow->name, plan->workflow->file,
                plan->row_count);
    wrap(printing->out, text_string(&line), 2, printing->width);
    text_append_char(printing->out, '\n');
    text_reset(&line);
    text_printf(&line, "%s, primary meta server %s, meta level %s", session->cluster_file->name,
                session->snapshot.leader_name, level == NULL ? "unknown" : level);
    item(printing, "cluster     ", text_string(&line));
    text_printf(printing->out, "  tables      %d, of %d partitions in all\n",
                plan_fold_table_count(plan), session->snapshot.partition_count);
    text_clear(&line);
}

static void print_params(const struct printing *printing)
{
    const struct workflow *workflow = printing->plan->workflow;
    struct text given = {0};
    for (size_t i = 0; i < workflow->param_count; i++) {
        const struct param_value *param = &workflow->params[i];
        if (strcmp(param->from, "default") != 0) {
            text_printf(&given, "%s%s=%s (%s)", given.length > 0 ? ", " : "", param->name,
                        param->value, param->from);
        }
    }
    if (given.length > 0) {
        item(printing, "params      ", text_string(&given));
    }
    text_clear(&given);
}

static void print_servers(const struct printing *printing)
{
    const struct plan *plan = printing->plan;
    const char *target = plan->session->cluster_file->target_version;
    text_printf(printing->out, "\nservers%s%s\n", target == NULL ? "" : ", to run ",
                target == NULL ? ", no target named" : target);
    for (int role = 0; role < ROLE_COUNT; role++) {
        struct version_groups groups;
        plan_fold_versions(plan, (enum role)role, &groups);
        for (size_t i = 0; i < groups.count; i++) {
            struct text line = {0};
            char mark[24];
            snprintf(mark, sizeof mark, "%-10s  ", role_name((enum role)role));
            text_printf(&line, "%" PRId32 " %s", groups.items[i].count, groups.items[i].words);
            if (groups.items[i].names.length > 0) {
                text_printf(&line, ": %s", text_string(&groups.items[i].names));
            }
            item(printing, mark, text_string(&line));
            text_clear(&line);
        }
        plan_fold_clear_versions(&groups);
    }
}

/* ---- what would stop it */

static void print_requirements(const struct printing *printing)
{
    const struct plan *plan = printing->plan;
    bool guards_hold = plan->guards_hold && plan->cost_count == 0 && plan->taken_count > 0;
    if (plan->requirement_count > 0 || guards_hold) {
        text_append_string(printing->out, "\nasked before anything is changed\n");
    }
    for (size_t i = 0; i < plan->requirement_count; i++) {
        const struct plan_requirement *requirement = &plan->requirements[i];
        struct text line = {0};
        text_printf(&line, "%s%s: %s", requirement->always ? "always " : "",
                    requirement->condition->name, requirement->reason);
        item(printing,
             requirement->answer == ANSWER_YES  ? "yes      "
             : requirement->answer == ANSWER_NO ? "NO       "
                                                : "UNKNOWN  ",
             text_string(&line));
        text_clear(&line);
    }
    if (guards_hold) {
        struct text line = {0};
        text_printf(&line, "guards: each of %d replica servers can be taken away, one at a time",
                    plan->taken_count);
        item(printing, "yes      ", text_string(&line));
        text_clear(&line);
    }
}

/* What the rehearsal measured for a table, behind its cost. */
static void add_measured(const struct plan *plan, const struct plan_cost *cost, struct text *line)
{
    for (size_t i = 0; plan->estimate.made && i < plan->estimate.table_count; i++) {
        const struct plan_table *table = &plan->estimate.tables[i];
        char longest[DURATION_TEXT_BYTES];
        char sum[DURATION_TEXT_BYTES];
        if (cost->table != NULL && strcmp(table->name, cost->table) == 0) {
            text_printf(line, ". In the rehearsal: at most %s each, %s in all",
                        duration_format(table->totals.longest_write_us, longest),
                        duration_format(table->totals.writes_away_us, sum));
            return;
        }
    }
}

/* How to say in the cluster file that all of it is meant. */
static void print_way_out(const struct printing *printing)
{
    const struct plan *plan = printing->plan;
    const struct cluster_file *file = plan->session->cluster_file;
    const struct cluster_file *accepting = plan_accept_costs(plan);
    struct text line = {0};
    text_append_string(&line, "in the cluster file this says that it is meant: accept = { ");
    for (size_t i = 0; i < accepting->accepted_outage_count; i++) {
        text_printf(&line, "%s\"%s\"", i == 0 ? "outage = { " : ", ",
                    accepting->accepted_outages[i]);
    }
    text_printf(&line, "%s%sreason = \"%s\" }", accepting->accepted_outage_count > 0 ? " }, " : "",
                accepting->accepts_freeze ? "freeze = true, " : "",
                file->accept_reason != NULL ? file->accept_reason : "...");
    item(printing, "", text_string(&line));
    text_clear(&line);
}

static void print_costs(const struct printing *printing)
{
    const struct plan *plan = printing->plan;
    bool all_accepted = true;
    if (plan->cost_count == 0) {
        return;
    }
    text_append_string(printing->out, "\nguards that cannot be met, and what that costs\n");
    for (size_t i = 0; i < plan->cost_count; i++) {
        const struct plan_cost *cost = &plan->costs[i];
        struct text line = {0};
        text_append_string(&line, cost->words);
        add_measured(plan, cost, &line);
        if (cost->accepted) {
            text_printf(&line, ". Accepted: %s", plan->session->cluster_file->accept_reason);
        }
        all_accepted = all_accepted && cost->accepted;
        item(printing, cost->accepted ? "accepted  " : "REFUSED   ", text_string(&line));
        text_clear(&line);
    }
    if (!all_accepted) {
        print_way_out(printing);
    }
}

/* ---- the tree */

static void row_number(const struct printing *printing, int first, int last)
{
    char number[32];
    snprintf(number, sizeof number, last > first ? "%d-%d" : "%d", first + 1, last + 1);
    text_printf(printing->out, "%*s  ", printing->number_columns, number);
}

/* The words between what stands left and the time on the right. */
static void row_rest(const struct printing *printing, const char *words, const char *time)
{
    int indent = printing->number_columns + 2 + printing->id_columns + 2;
    int width = printing->width - TIME_COLUMNS;
    struct text block = {0};
    wrap(&block, words, indent, width);
    const char *end = strchr(text_string(&block), '\n');
    size_t first = end == NULL ? block.length : (size_t)(end - text_string(&block));
    text_append(printing->out, text_string(&block), first);
    if (time[0] != '\0') {
        pad(printing->out, width - indent - (int)first);
        text_printf(printing->out, "%*s", TIME_COLUMNS, time);
    }
    text_append_string(printing->out, text_string(&block) + first);
    text_append_char(printing->out, '\n');
    text_clear(&block);
}

static void print_row(const struct printing *printing, int index)
{
    const struct plan_row *row = &printing->plan->rows[index];
    char time[DURATION_TEXT_BYTES] = "";
    struct text id = {0};
    row_number(printing, index, index);
    plan_fold_id(printing->plan, index, &id);
    text_append_string(printing->out, text_string(&id));
    pad(printing->out, printing->id_columns - (int)id.length);
    if ((int)id.length > printing->id_columns) {
        text_append_char(printing->out, '\n');
        pad(printing->out, printing->number_columns + 2 + printing->id_columns);
    }
    text_append_string(printing->out, "  ");
    if (printing->plan->estimate.made) {
        snprintf(time, sizeof time, "-");
        if (row->times > 0) {
            duration_format(row->took_us, time);
        }
    }
    row_rest(printing, row->words, time);
    text_clear(&id);
}

/* The servers from the row `first` on, `count` of them, whose steps are those of the one before. */
static void print_folded(const struct printing *printing, int first, int count)
{
    const struct plan *plan = printing->plan;
    struct text words = {0};
    char time[2 * DURATION_TEXT_BYTES] = "";
    int64_t sum_us = 0;
    int last = first;
    text_printf(&words, "the same for %d more servers: ", count);
    for (int i = 0, row = first; i < count; i++, row = plan->rows[row].end) {
        if (i < FOLDED_NAMES_MAX) {
            text_printf(&words, "%s%s", i == 0 ? "" : ", ", plan->rows[row].step->server->name);
        }
        sum_us += plan->rows[row].took_us;
        last = plan->rows[row].end - 1;
    }
    if (count > FOLDED_NAMES_MAX) {
        text_printf(&words, " and %d others", count - FOLDED_NAMES_MAX);
    }
    if (plan->estimate.made) {
        duration_format(sum_us, time);
    }
    row_number(printing, first, last);
    pad(printing->out, 2 * plan->rows[first].depth);
    int indent = printing->number_columns + 2 + 2 * plan->rows[first].depth;
    struct printing wide = *printing;
    wide.id_columns = indent - printing->number_columns - 4;
    row_rest(&wide, text_string(&words), time);
    text_clear(&words);
}

static void choose_columns(struct printing *printing)
{
    const struct plan *plan = printing->plan;
    struct text id = {0};
    int digits = snprintf(NULL, 0, "%d", plan->row_count);
    printing->number_columns =
        2 * digits + 1 > NUMBER_COLUMNS_MIN ? 2 * digits + 1 : NUMBER_COLUMNS_MIN;
    for (int i = 0; i < plan->row_count; i++) {
        text_reset(&id);
        plan_fold_id(plan, i, &id);
        bool wider = (int)id.length > printing->id_columns && id.length <= ID_COLUMNS_MAX;
        printing->id_columns = wider ? (int)id.length : printing->id_columns;
    }
    text_clear(&id);
    int most = printing->width - printing->number_columns - 4 - TIME_COLUMNS - WORDS_COLUMNS_MIN;
    printing->id_columns = printing->id_columns > most ? most : printing->id_columns;
}

static void print_tree(struct printing *printing)
{
    const struct plan *plan = printing->plan;
    choose_columns(printing);
    text_printf(printing->out, "\nsteps%s\n",
                plan->estimate.made ? ", and how long each took in the rehearsal" : "");
    for (int i = 0; i < plan->row_count;) {
        int same = printing->all ? 0 : plan_fold_same(plan, i);
        if (same >= PLAN_FOLD_LEAST) {
            print_folded(printing, i, same);
            for (int turn = 0; turn < same; turn++) {
                i = plan->rows[i].end;
            }
        } else {
            print_row(printing, i++);
        }
    }
}

/* ---- what it takes */

static void print_outcome(const struct printing *printing)
{
    const struct rehearsal_result *result = &printing->plan->estimate.result;
    char took[DURATION_TEXT_BYTES];
    struct text line = {0};
    text_printf(&line, "%s after %s", run_outcome_name(result->run.outcome),
                duration_format(result->took_us, took));
    if (result->run.outcome != RUN_DONE) {
        text_printf(&line, ": %s", result->run.error.text);
    }
    if (result->run.outcome != RUN_DONE && result->run.step != NULL) {
        text_printf(&line, " (%s:%d, step %s)", result->run.step->where.file,
                    result->run.step->where.line, result->run.step->id);
    }
    text_printf(&line, "; %s%s", result->left.length > 0 ? "left changed: " : "settings as before",
                text_string(&result->left));
    item(printing, "", text_string(&line));
    text_clear(&line);
}

static void print_estimate(const struct printing *printing)
{
    const struct plan_estimate *estimate = &printing->plan->estimate;
    text_append_string(printing->out, "\nestimate, from a rehearsal on the cluster's own shape\n");
    if (!estimate->made) {
        item(printing, "none: ", estimate->why_not);
        return;
    }
    if (estimate->supposes_accept) {
        item(printing, "", "as if what is refused above were accepted");
    }
    if (estimate->answered[0] != '\0') {
        item(printing, "what would be asked was answered: ", estimate->answered);
    }
    if (estimate->assumed != NULL) {
        item(printing, "not read, so as in every model: ", estimate->assumed);
    }
    print_outcome(printing);
    cost_table_write_head(printing->out);
    for (size_t i = 0; i < estimate->table_count; i++) {
        cost_table_write_row(estimate->tables[i].name, &estimate->tables[i].totals, printing->out);
    }
}

static void print_verdict(const struct printing *printing)
{
    const struct plan *plan = printing->plan;
    for (size_t i = 0; i < plan->note_count; i++) {
        text_append_string(printing->out, i == 0 ? "\nworth knowing\n" : "");
        item(printing, "- ", plan->notes[i]);
    }
    if (plan->refusal_count > 0) {
        text_append_string(printing->out, "\na run would be refused, before any change\n");
    } else if (plan->estimate.made && plan->estimate.result.exit_code != 0) {
        text_append_string(printing->out, "\na run would begin, but in the rehearsal it failed\n");
    } else {
        text_append_string(printing->out, "\nnothing was found that would stop a run\n");
    }
    for (size_t i = 0; i < plan->refusal_count; i++) {
        item(printing, "- ", plan->refusals[i]);
    }
}

void plan_print(const struct plan *plan, int width, bool all, struct text *out)
{
    struct printing printing = {.plan = plan, .out = out, .width = width, .all = all};
    print_head(&printing);
    print_params(&printing);
    print_servers(&printing);
    print_requirements(&printing);
    print_costs(&printing);
    print_tree(&printing);
    print_estimate(&printing);
    print_verdict(&printing);
}
