/* What a journal's records say was done, folded one after the other. */
#include "engine/past.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct past *past;
static uint64_t sequence;

static void set_up(void)
{
    past = past_new();
    sequence = 0;
}

static void tear_down(void)
{
    past_free(past);
}

/* `members` of the record beside its number and its event. */
static bool try_take(const char *event, const char *members, struct error *err)
{
    char line[1000];
    snprintf(line, sizeof line, "{\"seq\":%d,\"time\":\"t%d\",\"event\":\"%s\"%s%s}", (int)sequence,
             (int)sequence, event, members[0] == '\0' ? "" : ",", members);
    cJSON *record = cJSON_Parse(line);
    ck_assert_msg(record != NULL, "%s", line);
    sequence++;
    bool ok = past_take(past, record, (size_t)sequence, err);
    cJSON_Delete(record);
    return ok;
}

static void take(const char *event, const char *members)
{
    struct error err;
    if (!try_take(event, members, &err)) {
        ck_abort_msg("%s", err.text);
    }
}

static void step(const char *event, const char *id)
{
    char members[200];
    snprintf(members, sizeof members, "\"step\":\"%s\"", id);
    take(event, members);
}

START_TEST(a_step_is_what_its_last_record_says)
{
    ck_assert_ptr_null(past_find(past, "a"));
    step("step_started", "a");
    ck_assert_int_eq(past_find(past, "a")->state, PAST_BEGUN);
    step("step_failed", "a");
    ck_assert_int_eq(past_find(past, "a")->state, PAST_FAILED);
    step("step_started", "a");
    step("step_done", "a");
    ck_assert_int_eq(past_find(past, "a")->state, PAST_DONE);
    ck_assert_ptr_null(past_find(past, "b"));
}
END_TEST

START_TEST(many_steps_are_found_again)
{
    char id[32];
    for (int i = 0; i < 5000; i++) {
        snprintf(id, sizeof id, "step-%d", i);
        step(i % 2 == 0 ? "step_started" : "step_done", id);
    }
    for (int i = 0; i < 5000; i++) {
        snprintf(id, sizeof id, "step-%d", i);
        ck_assert_int_eq(past_find(past, id)->state, i % 2 == 0 ? PAST_BEGUN : PAST_DONE);
    }
}
END_TEST

START_TEST(a_second_attempt_begins_anew_and_a_resume_goes_on_with_the_first)
{
    step("step_started", "group"); /* 0 is the header's: the first is told from "never" */
    step("step_started", "group");
    uint64_t first = past_find(past, "group")->began;
    step("step_started", "group/child");
    take("resumed", "");
    step("step_started", "group");
    ck_assert_uint_eq(past_find(past, "group")->began, first);
    step("step_failed", "group");
    take("resumed", "");
    step("step_started", "group");
    ck_assert_uint_eq(past_find(past, "group")->began, first);
    step("step_failed", "group");
    step("step_started", "group"); /* a retry */
    ck_assert_uint_gt(past_find(past, "group")->began, first);
    ck_assert_uint_lt(past_find(past, "group/child")->started, past_find(past, "group")->began);
}
END_TEST

START_TEST(an_intention_without_an_outcome_is_open)
{
    step("step_started", "x");
    take("intention", "\"step\":\"x\",\"data\":{\"argv\":[\"ssh\"]}");
    ck_assert(past_find(past, "x")->intended);
    ck_assert(!past_find(past, "x")->outcome_known);
    take("program", "\"step\":\"x\",\"data\":{\"pid\":7}");
    ck_assert_ptr_nonnull(past_find(past, "x")->child);
    take("output", "\"step\":\"x\"");
    ck_assert(past_find(past, "x")->outcome_known);
    ck_assert(past_changed_anything(past));
    /* Another process that began it anew and was killed as well has done nothing to it. */
    take("resumed", "");
    step("step_started", "x");
    ck_assert(past_find(past, "x")->intended);
    ck_assert_ptr_nonnull(past_find(past, "x")->child);
    step("step_failed", "x");
    step("step_started", "x");
    ck_assert(!past_find(past, "x")->intended);
    ck_assert_ptr_null(past_find(past, "x")->child);
}
END_TEST

#define LIMIT "\"step\":\"hold\",\"data\":{\"name\":\"limit\",\"before\":\"20\","

START_TEST(a_hold_counts_from_its_intention_until_it_is_back)
{
    ck_assert_uint_eq(past_hold_count(past), 0);
    take("intention", LIMIT "\"from\":\"20\",\"to\":\"0\"}");
    const struct past_hold *hold = past_find_hold(past, "hold", "limit", NULL);
    ck_assert_ptr_nonnull(hold);
    ck_assert_str_eq(hold->before, "20");
    ck_assert_str_eq(hold->value, "0");
    take("held", LIMIT "\"value\":\"0\"}");
    ck_assert_uint_eq(past_hold_count(past), 1);
    /* The same setting on a server is another value. */
    take("held", "\"step\":\"hold\",\"data\":{\"name\":\"limit\",\"before\":\"5\",\"value\":\"1\","
                 "\"server\":\"10.0.0.1:34801\"}");
    ck_assert_uint_eq(past_hold_count(past), 2);
    ck_assert_str_eq(past_find_hold(past, "hold", "limit", "10.0.0.1:34801")->before, "5");
    take("intention",
         "\"step\":\"hold\",\"data\":{\"name\":\"limit\",\"from\":\"0\",\"to\":\"20\"}");
    ck_assert_uint_eq(past_hold_count(past), 2); /* about to be put back is not back */
    take("put_back", "\"step\":\"hold\",\"data\":{\"name\":\"limit\",\"value\":\"20\"}");
    ck_assert_ptr_null(past_find_hold(past, "hold", "limit", NULL));
    ck_assert_str_eq(past_hold_at(past, 0)->server, "10.0.0.1:34801");
}
END_TEST

START_TEST(what_could_not_be_put_back_is_held_still_and_what_others_set_is_not)
{
    take("held", LIMIT "\"value\":\"0\"}");
    take("not_put_back", "\"step\":\"hold\",\"data\":{\"name\":\"limit\",\"value\":\"20\"}");
    ck_assert_uint_eq(past_hold_count(past), 1);
    take("not_put_back",
         "\"step\":\"hold\",\"data\":{\"name\":\"limit\",\"value\":\"20\",\"found\":\"7\"}");
    ck_assert_uint_eq(past_hold_count(past), 0);
}
END_TEST

START_TEST(a_server_is_in_work_from_its_deploy_until_its_turn_is_over)
{
    ck_assert_ptr_null(past_find_server(past, "r1"));
    take("picked", "\"step\":\"replicas/r1\",\"server\":\"r1\"");
    take("intention", "\"step\":\"replicas/r1/deploy\",\"server\":\"r1\",\"data\":{\"action\":"
                      "\"update\",\"start_time_before\":\"2026-01-31 20:00:00\"}");
    ck_assert(past_find_server(past, "r1")->in_work);
    ck_assert_str_eq(past_find_server(past, "r1")->start_time_before, "2026-01-31 20:00:00");
    take("step_done", "\"step\":\"replicas/r1/deploy\",\"server\":\"r1\"");
    ck_assert(past_find_server(past, "r1")->in_work);
    take("step_done", "\"step\":\"replicas/r1\",\"server\":\"r1\"");
    ck_assert(!past_find_server(past, "r1")->in_work);
}
END_TEST

START_TEST(the_end_is_known_until_it_goes_on)
{
    ck_assert_ptr_null(past_outcome(past));
    take("journal", "\"data\":{\"run\":\"r\"}");
    ck_assert_ptr_nonnull(past_header(past));
    ck_assert_ptr_null(past_baseline(past));
    take("baseline", "\"data\":{\"meta level\":\"lively\"}");
    ck_assert_ptr_nonnull(past_baseline(past));
    take("run_finished", "\"data\":{\"outcome\":\"stopped\"}");
    ck_assert_str_eq(past_outcome(past), "stopped");
    take("resumed", "");
    ck_assert_ptr_null(past_outcome(past));
    ck_assert_str_eq(past_last_time(past), "t3");
}
END_TEST

START_TEST(a_step_counts_once)
{
    step("step_started", "a");
    const struct past_step *a = past_find(past, "a");
    ck_assert(past_claim(past, a));
    ck_assert(!past_claim(past, a));
}
END_TEST

static const struct {
    const char *event;
    const char *members;
    const char *error;
} wrong[] = {
    {"journal", "", "line 1 of the journal, 'journal', misses its data"},
    {"baseline", "", "misses its values"},
    {"step_started", "", "misses its step"},
    {"step_done", "", "misses its step"},
    {"step_failed", "", "misses its step"},
    {"picked", "", "misses its step"},
    {"program", "", "misses its step"},
    {"held", "\"step\":\"hold\"", "misses the value held or the one before"},
    {"held", LIMIT "\"value\":7}", "misses the value held or the one before"},
    {"intention", LIMIT "\"to\":null}", "misses the value held or the one before"},
    {"intention", "\"step\":\"d\",\"server\":\"r1\",\"data\":{\"action\":\"update\"}",
     "misses the server or its start time"},
    {"run_finished", "\"data\":{}", "misses the outcome"},
};

START_TEST(a_record_that_misses_what_it_must_have_is_named)
{
    struct error err;
    ck_assert(!try_take(wrong[_i].event, wrong[_i].members, &err));
    ck_assert_msg(strstr(err.text, wrong[_i].error) != NULL, "%s", err.text);
}
END_TEST

START_TEST(events_it_does_not_know_are_passed_over)
{
    take("something_newer", "\"data\":7");
    take("waiting", "");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("past");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_step_is_what_its_last_record_says);
    tcase_add_test(tcase, many_steps_are_found_again);
    tcase_add_test(tcase, a_second_attempt_begins_anew_and_a_resume_goes_on_with_the_first);
    tcase_add_test(tcase, an_intention_without_an_outcome_is_open);
    tcase_add_test(tcase, a_hold_counts_from_its_intention_until_it_is_back);
    tcase_add_test(tcase, what_could_not_be_put_back_is_held_still_and_what_others_set_is_not);
    tcase_add_test(tcase, a_server_is_in_work_from_its_deploy_until_its_turn_is_over);
    tcase_add_test(tcase, the_end_is_known_until_it_goes_on);
    tcase_add_test(tcase, a_step_counts_once);
    tcase_add_loop_test(tcase, a_record_that_misses_what_it_must_have_is_named, 0,
                        (int)(sizeof wrong / sizeof wrong[0]));
    tcase_add_test(tcase, events_it_does_not_know_are_passed_over);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
