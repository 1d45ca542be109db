/* Where a run stands, folded from a journal that the real writer wrote. */
#include "runs.h"

static struct written run;

static void set_up(void)
{
    run_begin(&run);
}

static void tear_down(void)
{
    run_end(&run);
}

static const char *const wait_id = "replicas/r2:34801/drain/wait_until-2";

START_TEST(the_header_says_who_where_and_why)
{
    struct standing *standing = run_read(&run);
    ck_assert_str_eq(standing->run, "20261123-135250-prod");
    ck_assert_str_eq(standing->cluster, "prod");
    ck_assert_str_eq(standing->user, "kim");
    ck_assert_str_eq(standing->host, "ops1");
    ck_assert_str_eq(standing->reason, "ticket 12");
    ck_assert_int_eq(standing->pid, 311);
    ck_assert_int_eq(standing->began_wall_us, RUN_WALL_US);
    ck_assert_uint_eq(standing->server_count, 4);
    ck_assert_int_eq(standing_state(standing, true), STANDING_GOES_ON);
    ck_assert_int_eq(standing_state(standing, false), STANDING_DEAD);
    standing_free(standing);
}
END_TEST

START_TEST(a_wait_is_known_by_condition_value_since_until_and_then)
{
    const struct standing_step *acting[4];
    run_up_to_a_wait(&run);
    struct standing *standing = run_read(&run);
    ck_assert_str_eq(standing->name, "rolling upgrade");
    ck_assert_uint_eq(standing_acting(standing, acting, 4), 1);
    ck_assert_str_eq(acting[0]->id, wait_id);
    ck_assert_str_eq(standing_short_id(acting[0]->id, acting[0]->server), "drain/wait_until-2");
    const struct standing_step *wait = standing_wait_of(standing, acting[0]);
    ck_assert_ptr_eq(wait, acting[0]);
    ck_assert_str_eq(wait->condition, "no_secondaries(r2:34801)");
    ck_assert_str_eq(wait->reason, "3 secondaries left on r2:34801 (1.0, 1.1, 2.7)");
    ck_assert_str_eq(wait->then, "the step fails");
    ck_assert_int_eq(wait->waits_since_us, 62 * US_PER_SECOND);
    ck_assert_int_eq(wait->until_us, 662 * US_PER_SECOND);
    ck_assert(!wait->unknown);
    standing_free(standing);
}
END_TEST

START_TEST(a_nudge_under_way_belongs_to_its_wait)
{
    const struct standing_step *acting[4];
    run_up_to_a_wait(&run);
    run_write(&run, event_at(65000, EVENT_STEP_STARTED, STEP_DOWNGRADE_NODE,
                             "replicas/r2:34801/drain/wait_until-2/downgrade_node", "r2:34801",
                             "downgrade_node", NULL));
    struct standing *standing = run_read(&run);
    ck_assert_uint_eq(standing_acting(standing, acting, 4), 1);
    ck_assert_int_eq(acting[0]->kind, STEP_DOWNGRADE_NODE);
    ck_assert_str_eq(standing_wait_of(standing, acting[0])->id, wait_id);
    standing_free(standing);
}
END_TEST

START_TEST(a_wait_whose_condition_holds_waits_no_more)
{
    const struct standing_step *acting[4];
    run_up_to_a_wait(&run);
    run_write(&run, event_at(65000, EVENT_OUTCOME, STEP_WAIT_UNTIL, wait_id, "r2:34801",
                             "no secondaries", NULL));
    run_write(&run,
              event_at(65000, EVENT_STEP_DONE, STEP_WAIT_UNTIL, wait_id, "r2:34801", "done", NULL));
    struct standing *standing = run_read(&run);
    ck_assert_uint_eq(standing_acting(standing, acting, 4), 1); /* the innermost group */
    ck_assert_str_eq(acting[0]->id, "replicas/r2:34801/drain");
    ck_assert_ptr_null(standing_wait_of(standing, acting[0]));
    standing_free(standing);
}
END_TEST

START_TEST(several_at_once_are_all_shown)
{
    const struct standing_step *acting[4];
    run_up_to_a_wait(&run);
    turn_of(&run, 63000, "replicas/r3:34801", "r3:34801");
    run_write(&run, event_at(63000, EVENT_STEP_STARTED, STEP_SLEEP, "replicas/r3:34801/sleep",
                             "r3:34801", "sleep", NULL));
    run_write(&run, event_at(63000, EVENT_NOTE, STEP_SLEEP, "replicas/r3:34801/sleep", "r3:34801",
                             "sleep for 30s", "{\"pause_ms\":30000}"));
    struct standing *standing = run_read(&run);
    ck_assert_uint_eq(standing_acting(standing, acting, 4), 2);
    ck_assert_str_eq(acting[0]->server, "r2:34801");
    ck_assert_str_eq(acting[1]->server, "r3:34801");
    ck_assert_str_eq(acting[1]->reason, "sleep for 30s");
    ck_assert_int_eq(acting[1]->until_us, 93 * US_PER_SECOND);
    ck_assert_uint_eq(standing_acting(standing, acting, 1), 1);
    ck_assert_uint_eq(standing_count(standing, ROLE_REPLICA, TURN_IN_WORK), 2);
    standing_free(standing);
}
END_TEST

START_TEST(each_server_is_to_do_in_work_done_or_failed)
{
    run_up_to_a_wait(&run);
    struct standing *standing = run_read(&run);
    ck_assert_uint_eq(standing_count(standing, ROLE_REPLICA, TURN_DONE), 1);
    ck_assert_uint_eq(standing_count(standing, ROLE_REPLICA, TURN_IN_WORK), 1);
    ck_assert_uint_eq(standing_count(standing, ROLE_REPLICA, TURN_TO_DO), 1);
    ck_assert_uint_eq(standing_count(standing, ROLE_META, TURN_TO_DO), 1);
    standing_free(standing);
    run_write(&run, event_at(66000, EVENT_STEP_FAILED, STEP_WAIT_UNTIL, wait_id, "r2:34801",
                             "too late", NULL));
    run_write(&run, event_at(66000, EVENT_STEP_FAILED, STEP_STEPS, "replicas/r2:34801", "r2:34801",
                             "too late", NULL));
    standing = run_read(&run);
    ck_assert_uint_eq(standing_count(standing, ROLE_REPLICA, TURN_FAILED), 1);
    ck_assert_str_eq(standing->failure, "replicas/r2:34801/drain/wait_until-2: too late");
    standing_free(standing);
    run_note(&run, 67000, "passed_over", "passed_over", "{}");
    turn_of(&run, 68000, "again/r1:34801", "r1:34801"); /* another rolling over the same role */
    standing = run_read(&run);
    ck_assert_uint_eq(standing_count(standing, ROLE_REPLICA, TURN_IN_WORK), 1);
    ck_assert_uint_eq(standing_count(standing, ROLE_REPLICA, TURN_TO_DO), 2);
    ck_assert_ptr_null(standing->failure);
    standing_free(standing);
}
END_TEST

START_TEST(a_setting_held_twice_goes_from_the_first_value_to_the_last)
{
    struct standing_hold holds[4];
    run_up_to_a_wait(&run);
    struct standing *standing = run_read(&run);
    ck_assert_uint_eq(standing_holds(standing, holds, 4), 2);
    ck_assert_str_eq(holds[0].name, "meta level");
    ck_assert_str_eq(holds[1].name, LIMIT);
    ck_assert_str_eq(holds[1].before, "20");
    ck_assert_str_eq(holds[1].value, "0");
    ck_assert_str_eq(holds[1].step, "replicas/r2:34801/drain");
    ck_assert_uint_eq(standing_holds(standing, holds, 1), 1);
    standing_free(standing);
    run_write(&run, event_at(66000, EVENT_PUT_BACK, STEP_HOLD, "replicas/r2:34801/drain",
                             "r2:34801", "back", "{\"name\":\"" LIMIT "\",\"value\":\"100\"}"));
    standing = run_read(&run);
    ck_assert_uint_eq(standing_holds(standing, holds, 4), 2);
    ck_assert_str_eq(holds[1].value, "100");
    standing_free(standing);
}
END_TEST

START_TEST(a_pause_stops_the_limits_and_says_why)
{
    const struct standing_step *acting[4];
    run_up_to_a_wait(&run);
    run_write(
        &run,
        event_at(
            70000, EVENT_PAUSED, STEP_STEPS, "-", NULL,
            "a level changed; nothing is begun until this is decided: continue goes on as planned",
            "{\"why\":\"the level was changed by someone else\"}"));
    struct standing *standing = run_read(&run);
    ck_assert_int_eq(standing_state(standing, true), STANDING_PAUSED);
    ck_assert_str_eq(standing->paused_why, "the level was changed by someone else");
    ck_assert_uint_eq(standing_acting(standing, acting, 4), 1);
    int64_t left_us = standing_left_us(standing, acting[0], 90 * US_PER_SECOND);
    ck_assert_int_eq(left_us, acting[0]->until_us - standing->paused_us);
    ck_assert_int_eq(standing_left_us(standing, acting[0], 900 * US_PER_SECOND), left_us);
    standing_free(standing);
    run_write(&run, event_at(100000, EVENT_CONTINUED, STEP_STEPS, "-", NULL, "continued",
                             "{\"by\":\"kim\",\"paused_ms\":30000}"));
    standing = run_read(&run);
    ck_assert_int_eq(standing_state(standing, true), STANDING_GOES_ON);
    ck_assert_uint_eq(standing_acting(standing, acting, 4), 1);
    ck_assert_int_eq(acting[0]->until_us, 692 * US_PER_SECOND);
    standing_free(standing);
}
END_TEST

START_TEST(a_question_stands_until_it_is_answered)
{
    struct error err;
    static const char *const lines[] = {
        "{\"event\":\"step_started\",\"at_ms\":1,\"step\":\"ask\",\"kind\":\"confirm\"}",
        "{\"event\":\"question\",\"at_ms\":2,\"step\":\"ask\",\"text\":\"on? (yes or no)\","
        "\"data\":{\"question\":\"on?\",\"answers\":[\"yes\",\"no\"]}}",
        "{\"event\":\"answered\",\"at_ms\":3,\"step\":\"ask\",\"text\":\"yes, by kim\"}",
    };
    struct standing *standing = standing_new();
    for (size_t i = 0; i < 3; i++) {
        cJSON *record = cJSON_Parse(lines[i]);
        ck_assert(standing_take_record(standing, record, i + 1, &err));
        cJSON_Delete(record);
        ck_assert_int_eq(standing_state(standing, true), i == 1 ? STANDING_ASKS : STANDING_GOES_ON);
        if (i == 1) {
            ck_assert_str_eq(standing->steps[0].question, "on?");
            ck_assert_str_eq(standing->steps[0].answers, "yes, no");
        }
    }
    standing_free(standing);
}
END_TEST

START_TEST(an_ended_run_has_an_outcome_and_a_resume_takes_it_up_again)
{
    struct text advice = {0};
    run_up_to_a_wait(&run);
    run_write(&run, event_at(70000, EVENT_STOPPING, STEP_STEPS, "-", NULL, "stopping", NULL));
    struct standing *standing = run_read(&run);
    ck_assert_int_eq(standing_state(standing, true), STANDING_STOPS);
    standing_free(standing);
    run_write(&run, event_at(71000, EVENT_RUN_FINISHED, STEP_STEPS, "-", NULL, "stopped after 1m",
                             "{\"outcome\":\"stopped\",\"exit_code\":4}"));
    standing = run_read(&run);
    ck_assert_int_eq(standing_state(standing, false), STANDING_ENDED);
    ck_assert_str_eq(standing_state_name(standing, false), "stopped");
    ck_assert_int_eq(standing->exit_code, 4);
    ck_assert_uint_eq(standing->step_count, 0);
    standing_advise(standing, false, &advice);
    ck_assert_str_eq(text_string(&advice),
                     "pegflow revert 20261123-135250-prod puts back what it left");
    standing_free(standing);
    run_note(&run, 90000, "resumed", "resumed", "{\"pid\":999}");
    standing = run_read(&run);
    ck_assert_int_eq(standing_state(standing, true), STANDING_GOES_ON);
    ck_assert_int_eq(standing->pid, 999);
    ck_assert_uint_eq(standing_count(standing, ROLE_REPLICA, TURN_DONE), 1);
    text_reset(&advice);
    standing_advise(standing, false, &advice);
    ck_assert_str_eq(text_string(&advice),
                     "pegflow resume 20261123-135250-prod goes on with it, pegflow revert "
                     "20261123-135250-prod puts back what it holds");
    text_clear(&advice);
    standing_free(standing);
}
END_TEST

START_TEST(a_record_comes_back_as_the_event_it_was)
{
    struct replayed replayed;
    struct event event = event_at(1500, EVENT_WAITING, STEP_WAIT_UNTIL, "replicas/r1/wait_until",
                                  "r1", "2 left", "{\"left\":2}");
    event.sequence = 7;
    cJSON *record = event_to_json(&event);
    ck_assert(event_from_json(record, &replayed));
    cJSON *again = event_to_json(&replayed.event);
    char *first = cJSON_PrintUnformatted(record);
    char *second = cJSON_PrintUnformatted(again);
    ck_assert_str_eq(first, second);
    ck_assert_str_eq(replayed.step.label, "wait_until");
    cJSON_free(first);
    cJSON_free(second);
    cJSON_Delete(record);
    cJSON_Delete(again);
    cJSON_Delete((cJSON *)event.data);
    cJSON *other = cJSON_Parse("{\"event\":\"of 2031\",\"text\":\"\",\"step\":5,\"at_ms\":\"x\"}");
    ck_assert(event_from_json(other, &replayed));
    ck_assert_int_eq(replayed.event.kind, EVENT_NOTE);
    ck_assert_str_eq(replayed.event.text, "of 2031");
    ck_assert_ptr_null(replayed.event.step);
    cJSON_Delete(other);
}
END_TEST

START_TEST(json_says_what_the_picture_shows)
{
    run_up_to_a_wait(&run);
    struct standing *standing = run_read(&run);
    cJSON *json = standing_to_json(standing, true, 70 * US_PER_SECOND);
    const cJSON *steps = cJSON_GetObjectItemCaseSensitive(json, "steps");
    const cJSON *waits = cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(steps, 0), "waits");
    ck_assert_str_eq(member_text(json, "state"), "running");
    ck_assert_str_eq(member_text(json, "began"), "2026-11-23T13:52:50.000Z");
    ck_assert_int_eq(member_integer(json, "took_ms", 0), 70000);
    ck_assert_str_eq(member_text(waits, "condition"), "no_secondaries(r2:34801)");
    ck_assert_str_eq(member_text(waits, "since"), "2026-11-23T13:53:52.000Z");
    ck_assert_str_eq(member_text(waits, "until"), "2026-11-23T14:03:52.000Z");
    ck_assert_str_eq(member_text(waits, "then"), "the step fails");
    ck_assert_int_eq(cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(json, "holds")), 3);
    ck_assert_ptr_null(member_text(json, "outcome"));
    cJSON_Delete(json);
    standing_free(standing);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("standing");
    TCase *tcase = tcase_create("standing");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, the_header_says_who_where_and_why);
    tcase_add_test(tcase, a_wait_is_known_by_condition_value_since_until_and_then);
    tcase_add_test(tcase, a_nudge_under_way_belongs_to_its_wait);
    tcase_add_test(tcase, a_wait_whose_condition_holds_waits_no_more);
    tcase_add_test(tcase, several_at_once_are_all_shown);
    tcase_add_test(tcase, each_server_is_to_do_in_work_done_or_failed);
    tcase_add_test(tcase, a_setting_held_twice_goes_from_the_first_value_to_the_last);
    tcase_add_test(tcase, a_pause_stops_the_limits_and_says_why);
    tcase_add_test(tcase, a_question_stands_until_it_is_answered);
    tcase_add_test(tcase, an_ended_run_has_an_outcome_and_a_resume_takes_it_up_again);
    tcase_add_test(tcase, a_record_comes_back_as_the_event_it_was);
    tcase_add_test(tcase, json_says_what_the_picture_shows);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
