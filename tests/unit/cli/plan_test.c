/* Plans: what is held from which value, what cannot be met, what is said once, how wide. */
#include "cli/plan.h"

#include "base/duration.h"
#include "cli/plan_fold.h"
#include "cli/shape.h"
#include "met.h"

#include "cli/server_values.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct planned {
    struct met met;
    struct plan plan;
};

static const char ha[] = "workflows/ha.lua";

static void load(struct planned *planned, const char *path)
{
    struct error_list errors;
    error_list_init(&errors);
    ck_assert_msg(lang_load_workflow(planned->met.lang, path, &planned->met.session.inventory, NULL,
                                     0, &planned->plan.workflow, &errors),
                  "%s", errors.count > 0 ? errors.items[0].text : "");
    error_list_clear(&errors);
}

static void look(struct planned *planned, const char *model, void (*change)(struct model *model),
                 const char *path, bool keep_leftovers)
{
    struct error err;
    *planned = (struct planned){0};
    met_open(&planned->met, model, change);
    load(planned, path);
    plan_add_needs(planned->plan.workflow, &planned->met.session.inventory,
                   gatherer_needs(planned->met.gatherer));
    planned->plan.evidence = met_gather(&planned->met);
    planned->plan.arena = &planned->met.arena;
    planned->plan.session = &planned->met.session;
    ck_assert_msg(plan_look(&planned->plan, keep_leftovers, &err), "%s", err.text);
    planned->plan.estimate.why_not = "not asked for";
}

static void rehearse(struct planned *planned)
{
    plan_rehearse(&planned->plan, &planned->met.files.model, planned->met.files.addresses, false);
    ck_assert_msg(planned->plan.estimate.made, "%s",
                  planned->plan.estimate.made ? "" : planned->plan.estimate.why_not);
}

static void done(struct planned *planned)
{
    plan_clear(&planned->plan);
    met_close(&planned->met);
}

static const struct plan_row *row_of(const struct plan *plan, const char *id)
{
    for (int i = 0; i < plan->row_count; i++) {
        if (strcmp(plan->rows[i].step->id, id) == 0) {
            return &plan->rows[i];
        }
    }
    ck_abort_msg("no step %s", id);
}

static void look_at_source(struct planned *planned, const char *source)
{
    char path[] = "/tmp/pegflow-plan-XXXXXX";
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, source, strlen(source)), (ssize_t)strlen(source));
    close(fd);
    look(planned, "five-nodes", NULL, path, false);
    unlink(path);
}

/* ---- holds */

static void flow_off(struct model *model)
{
    model->flow_control = false;
    model->stored_level = LEVEL_LIVELY;
}

START_TEST(an_inner_hold_begins_at_the_value_of_the_outer_one)
{
    static const char limit[] = "meta.lb.add_secondary_max_count_for_one_node";
    struct planned planned;
    char words[256];
    look(&planned, "five-nodes", NULL, ha, false);
    snprintf(words, sizeof words, "%s 20 -> 100", limit);
    ck_assert_str_eq(row_of(&planned.plan, "replicas/localhost:34801/hold")->words, words);
    snprintf(words, sizeof words, "%s 100 -> 0", limit);
    ck_assert_str_eq(row_of(&planned.plan, "replicas/localhost:34801/drain")->words, words);
    ck_assert_str_eq(row_of(&planned.plan, "hold")->words, "meta level stays steady");
    done(&planned);
}
END_TEST

START_TEST(what_servers_have_is_told_in_few_words)
{
    static const char source[] =
        "return workflow \"w\" { api = 1, steps = function(cluster, p) return {\n"
        "hold \"all\" { on = \"replicas\", setting = { "
        "[\"nfs.max_copy_rate_megabytes_per_disk\"] = 200 },\n"
        "hold \"one\" { on = cluster.replicas[2], setting = { "
        "[\"nfs.max_copy_rate_megabytes_per_disk\"] = 20 }, sleep \"1s\" },\n"
        "rolling { over = cluster.replicas, steps = function(n) return hold { on = n, setting = { "
        "[\"nfs.max_copy_rate_megabytes_per_disk\"] = 9 }, sleep \"1s\" } end } } } end }\n";
    struct planned planned;
    look_at_source(&planned, source);
    ck_assert_str_eq(row_of(&planned.plan, "all")->words,
                     "nfs.max_copy_rate_megabytes_per_disk of each replica server 0 -> 200");
    ck_assert_str_eq(row_of(&planned.plan, "all/one")->words,
                     "nfs.max_copy_rate_megabytes_per_disk of localhost:34802 200 -> 20");
    ck_assert_str_eq(row_of(&planned.plan, "all/rolling/localhost:34801/hold")->words,
                     "its nfs.max_copy_rate_megabytes_per_disk 200 -> 9");
    done(&planned);
}
END_TEST

START_TEST(values_of_servers_are_folded)
{
    static const struct server servers[] = {{.name = "a"}, {.name = "b"}, {.name = "c"}};
    static const struct {
        const char *values[3];
        const char *text;
    } cases[] = {
        {{"0", "0", "0"}, "0"},
        {{"0", "50", "0"}, "0 (2 servers), 50 (b)"},
        {{"7", "50", "0"}, "7 (a), 50 (b), 0 (c)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct text out = {0};
        server_values_fold(servers, cases[i].values, 3, &out);
        ck_assert_str_eq(text_string(&out), cases[i].text);
        text_clear(&out);
    }
}
END_TEST

START_TEST(a_limit_turns_flow_control_on_once_where_it_is_off)
{
    struct planned planned;
    look(&planned, "five-nodes", flow_off, ha, false);
    const char *outer = row_of(&planned.plan, "replicas/localhost:34801/hold")->words;
    const char *inner = row_of(&planned.plan, "replicas/localhost:34801/drain")->words;
    ck_assert_ptr_nonnull(strstr(outer, "meta.lb.add_secondary_enable_flow_control false -> true "
                                        "(else the limit has no effect)"));
    ck_assert_ptr_null(strstr(inner, "flow_control"));
    ck_assert_str_eq(row_of(&planned.plan, "hold")->words, "meta level lively -> steady");
    done(&planned);
}
END_TEST

/* ---- what cannot be met */

static void unlimited(struct model *model)
{
    model->mutation_2pc_min_replica_count = 0; /* then writes need 2 of 3, 1 of 2, 1 of 1 */
}

static void half(struct model *model)
{
    model->min_live_node_count = 1;
    model->live_percentage = 90;
}

START_TEST(costs_are_of_tables_and_of_the_whole_cluster)
{
    static const struct {
        const char *model;
        void (*change)(struct model *model);
        const char *costs[3]; /* tables; "": the cluster freezes */
        const char *words;    /* in the last */
    } cases[] = {
        {"five-nodes", NULL, {NULL}, NULL},
        {"three-nodes", NULL, {""}, "2 are left, fewer than 3 (min_live_node_count_for_unfreeze)"},
        {"five-nodes", half, {""}, "less than 90 % are left (meta.live_percentage)"},
        {"recorded", NULL, {"pair", "solo"}, "one replica: each server that holds one of its 4"},
        {"recorded-2.5", unlimited, {"solo"}, "for the time of its restart"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct planned planned;
        look(&planned, cases[i].model, cases[i].change, ha, false);
        size_t count = 0;
        for (; cases[i].costs[count] != NULL; count++) {
            ck_assert_uint_lt(count, planned.plan.cost_count);
            const char *table = planned.plan.costs[count].table;
            ck_assert_str_eq(table == NULL ? "" : table, cases[i].costs[count]);
            ck_assert(!planned.plan.costs[count].accepted);
        }
        ck_assert_uint_eq(planned.plan.cost_count, count);
        ck_assert_uint_eq(planned.plan.refusal_count, count);
        ck_assert(planned.plan.guards_hold);
        ck_assert_int_eq(plan_exit_code(&planned.plan), count > 0 ? 3 : 0);
        if (count > 0) {
            ck_assert_ptr_nonnull(strstr(planned.plan.costs[count - 1].words, cases[i].words));
        }
        done(&planned);
    }
}
END_TEST

START_TEST(what_is_not_accepted_is_supposed_for_the_rehearsal)
{
    struct planned planned;
    look(&planned, "recorded", NULL, ha, false);
    rehearse(&planned);
    ck_assert(planned.plan.estimate.supposes_accept);
    ck_assert_int_eq(planned.plan.estimate.result.run.outcome, RUN_DONE);
    ck_assert_int_eq(plan_exit_code(&planned.plan), 3);
    done(&planned);
}
END_TEST

/* ---- what stops a run */

static void no_limit(struct model *model)
{
    model->add_secondary_limit = 0;
}

static void headless(struct model *model)
{
    static const int32_t placement[] = {-1, 1, 2, 3, 0, 1, 2, 3, 4};
    static const struct model_table table = {
        .name = "temp", .partition_count = 3, .max_replica_count = 3, .placement = placement};
    model->tables = &table;
    model->table_count = 1;
    model->timings.first_tick_us = US_PER_HOUR; /* nobody heals it before */
}

START_TEST(what_a_run_would_refuse_is_told)
{
    static const struct {
        void (*change)(struct model *model);
        bool keep;
        const char *refusal; /* in the first; NULL: none */
        const char *note;
    } cases[] = {
        {no_limit, false, "is 0, which looks like another tool's leftover", NULL},
        {no_limit, true, NULL, "is 0, and is kept"},
        {headless, false, "but 1 of 3 partitions are not fully healthy", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct planned planned;
        look(&planned, "five-nodes", cases[i].change, ha, cases[i].keep);
        ck_assert_int_eq(plan_exit_code(&planned.plan), cases[i].refusal == NULL ? 0 : 3);
        if (cases[i].refusal != NULL) {
            ck_assert_ptr_nonnull(strstr(planned.plan.refusals[0], cases[i].refusal));
        }
        if (cases[i].note != NULL) {
            ck_assert_uint_eq(planned.plan.note_count, 1);
            ck_assert_ptr_nonnull(strstr(planned.plan.notes[0], cases[i].note));
        }
        done(&planned);
    }
}
END_TEST

START_TEST(evidence_that_is_missing_is_no_yes)
{
    struct planned planned;
    struct error err;
    look(&planned, "five-nodes", NULL, ha, false);
    struct evidence silent = *planned.plan.evidence;
    silent.has_snapshot = false;
    error_set(&silent.snapshot_error, ERROR_TIMEOUT, "no snapshot");
    struct plan again = {
        .arena = planned.plan.arena,
        .session = planned.plan.session,
        .workflow = planned.plan.workflow,
        .evidence = &silent,
    };
    ck_assert(plan_look(&again, false, &err));
    ck_assert_int_eq(plan_exit_code(&again), 3);
    ck_assert_ptr_nonnull(
        strstr(again.refusals[again.refusal_count - 1], "could not be asked: no snapshot"));
    plan_clear(&again);
    silent = *planned.plan.evidence;
    silent.settings[0].answered = false;
    error_set(&silent.settings[0].error, ERROR_TIMEOUT, "no answer");
    ck_assert(plan_look(&again, false, &err));
    ck_assert_ptr_nonnull(strstr(again.refusals[again.refusal_count - 1], "could not be read"));
    plan_clear(&again);
    done(&planned);
}
END_TEST

/* ---- what is shown */

START_TEST(lines_are_no_wider_than_they_may_be)
{
    static const int widths[] = {60, 80, 100, 120, 200};
    struct planned planned;
    look(&planned, "recorded", NULL, ha, false);
    rehearse(&planned);
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
        struct text out = {0};
        int lines = 0;
        bool in_costs = false; /* the table is as wide as it is */
        plan_print(&planned.plan, widths[i], i % 2 == 0, &out);
        char *rest = out.bytes;
        for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
            in_costs = strncmp(line, "  table  ", 9) == 0 || (in_costs && line[0] != '\0');
            ck_assert_msg((int)strlen(line) <= (in_costs ? 80 : widths[i]), "%zu: %s", strlen(line),
                          line);
            lines++;
        }
        ck_assert_int_gt(lines, 40);
        text_clear(&out);
    }
    done(&planned);
}
END_TEST

START_TEST(servers_with_the_same_steps_are_told_once)
{
    struct planned planned;
    struct text folded = {0};
    struct text whole = {0};
    look(&planned, "five-nodes", NULL, ha, false);
    plan_print(&planned.plan, 100, false, &folded);
    plan_print(&planned.plan, 100, true, &whole);
    ck_assert_ptr_nonnull(strstr(text_string(&folded), "the same for 4 more servers: "
                                                       "localhost:34802"));
    ck_assert_ptr_null(strstr(text_string(&folded), "replicas/localhost:34803"));
    ck_assert_ptr_null(strstr(text_string(&whole), "the same for"));
    ck_assert_ptr_nonnull(strstr(text_string(&whole), "replicas/localhost:34803"));
    text_clear(&folded);
    text_clear(&whole);
    done(&planned);
}
END_TEST

/* The one server that a site treats in another way must be seen. */
START_TEST(a_server_with_other_steps_is_not_folded)
{
    static const char source[] =
        "return workflow \"odd\" { api = 1, steps = function(cluster, p)\n"
        "return rolling \"replicas\" { over = cluster.replicas, steps = function(node)\n"
        "return sleep(node.name == \"localhost:34803\" and \"9s\" or \"5s\") end } end }\n";
    struct planned planned;
    struct text out = {0};
    look_at_source(&planned, source);
    plan_print(&planned.plan, 100, false, &out);
    ck_assert_ptr_nonnull(strstr(text_string(&out), "replicas/localhost:34803"));
    ck_assert_ptr_nonnull(strstr(text_string(&out), "9s"));
    ck_assert_ptr_null(strstr(text_string(&out), "the same for"));
    ck_assert_int_eq(plan_fold_same(&planned.plan, 0), 0);
    ck_assert_int_eq(plan_fold_same(&planned.plan, 1), 0);
    ck_assert_int_eq(plan_fold_same(&planned.plan, 3), 1); /* 34802 as 34801 */
    ck_assert_int_eq(plan_fold_same(&planned.plan, 5), 0);
    text_clear(&out);
    done(&planned);
}
END_TEST

START_TEST(the_leader_is_planned_last)
{
    struct planned planned;
    look(&planned, "recorded", NULL, ha, false);
    const struct plan *plan = &planned.plan;
    const struct step *last = NULL;
    for (int i = 0; i < plan->row_count; i++) {
        bool turn = plan->rows[i].parent >= 0 &&
                    strcmp(plan->rows[plan->rows[i].parent].step->id, "metas") == 0;
        last = turn ? plan->rows[i].step : last;
    }
    ck_assert_ptr_nonnull(last);
    ck_assert(address_equal(last->server->address, planned.met.session.snapshot.leader));
    done(&planned);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("plan");
    TCase *cases = tcase_create("plan");
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, an_inner_hold_begins_at_the_value_of_the_outer_one);
    tcase_add_test(cases, what_servers_have_is_told_in_few_words);
    tcase_add_test(cases, values_of_servers_are_folded);
    tcase_add_test(cases, a_limit_turns_flow_control_on_once_where_it_is_off);
    tcase_add_test(cases, costs_are_of_tables_and_of_the_whole_cluster);
    tcase_add_test(cases, what_is_not_accepted_is_supposed_for_the_rehearsal);
    tcase_add_test(cases, what_a_run_would_refuse_is_told);
    tcase_add_test(cases, evidence_that_is_missing_is_no_yes);
    tcase_add_test(cases, lines_are_no_wider_than_they_may_be);
    tcase_add_test(cases, servers_with_the_same_steps_are_told_once);
    tcase_add_test(cases, a_server_with_other_steps_is_not_folded);
    tcase_add_test(cases, the_leader_is_planned_last);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
