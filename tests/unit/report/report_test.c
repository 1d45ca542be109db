#include "report/report.h"

#include "lang/lang.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct server server = {.role = ROLE_REPLICA, .name = "10.0.0.3:34801"};
static const struct step step = {
    .kind = STEP_WAIT_UNTIL,
    .id = "replicas/10.0.0.3:34801/drain/wait_until-2",
    .label = "wait_until-2",
    .where = {"ha.lua", 41},
    .server = &server,
};

/* Gives the events to a sink and returns what it wrote; the caller frees. */
static char *written(struct event_sink *(*make)(int fd), const struct event *events, size_t count)
{
    FILE *file = tmpfile();
    struct event_sink *sink = make(fileno(file));
    struct error err;
    for (size_t i = 0; i < count; i++) {
        ck_assert(sink->take(sink, &events[i], &err));
    }
    report_free(sink);
    char *bytes = calloc(1, 65536);
    rewind(file);
    ck_assert_uint_lt(fread(bytes, 1, 65535, file), 65535);
    fclose(file);
    return bytes;
}

static struct event_sink *plain(int fd)
{
    return report_plain_new(fd, false);
}

static struct event_sink *verbose(int fd)
{
    return report_plain_new(fd, true);
}

START_TEST(a_plain_line_has_server_step_and_words)
{
    struct event event = {
        .kind = EVENT_WAITING,
        .sequence = 1,
        .step = &step,
        .server = &server,
        .text = "2 left",
    };
    char *line = written(plain, &event, 1);
    ck_assert_str_eq(line + strcspn(line, " "),
                     "  10.0.0.3:34801         drain/wait_until-2        waiting: 2 left\n");
    free(line);
}
END_TEST

START_TEST(a_failure_is_shown_where_it_happened_not_again_by_each_group)
{
    struct event events[] = {
        {.kind = EVENT_STEP_STARTED, .step = &step, .server = &server, .text = "wait_until"},
        {.kind = EVENT_STEP_FAILED, .step = &step, .server = &server, .text = "too late"},
        {.kind = EVENT_STEP_FAILED, .text = "too late"},
        {.kind = EVENT_STEP_FAILED, .text = "something else"},
    };
    char *lines = written(plain, events, 4);
    ck_assert_ptr_null(strstr(lines, "  wait_until\n"));
    char *first = strstr(lines, "FAILED too late");
    ck_assert_ptr_nonnull(first);
    ck_assert_ptr_null(strstr(first + 1, "FAILED too late"));
    ck_assert_ptr_nonnull(strstr(lines, "FAILED something else"));
    free(lines);
    lines = written(verbose, events, 1);
    ck_assert_ptr_nonnull(strstr(lines, "wait_until\n"));
    free(lines);
}
END_TEST

START_TEST(a_json_line_has_every_member)
{
    cJSON *data = cJSON_CreateObject();
    cJSON_AddNumberToObject(data, "left", 2);
    struct event event = {
        .kind = EVENT_WAITING,
        .sequence = 7,
        .at_us = 1500000,
        .wall_us = INT64_C(1795441970123456),
        .step = &step,
        .server = &server,
        .text = "2 \"left\"",
        .data = data,
    };
    char *line = written(report_json_new, &event, 1);
    ck_assert_str_eq(line, "{\"seq\":7,\"time\":\"2026-11-23T13:52:50.123Z\",\"at_ms\":1500,"
                           "\"event\":\"waiting\","
                           "\"step\":\"replicas/10.0.0.3:34801/drain/wait_until-2\","
                           "\"kind\":\"wait_until\",\"file\":\"ha.lua\",\"line\":41,"
                           "\"server\":\"10.0.0.3:34801\",\"text\":\"2 \\\"left\\\"\","
                           "\"data\":{\"left\":2}}\n");
    free(line);
    cJSON_Delete(data);
}
END_TEST

START_TEST(a_record_is_shown_without_what_belongs_to_its_file)
{
    FILE *file = tmpfile();
    char line[200] = "";
    struct event_sink *sink = report_json_new(fileno(file));
    cJSON *record = cJSON_Parse("{\"seq\":0,\"event\":\"journal\",\"data\":{\"run\":\"r\","
                                "\"lock\":{\"token\":7,\"session\":\"secret\"}},"
                                "\"check\":\"0123456789abcdef\"}");
    report_json_record(sink, record);
    report_free(sink);
    rewind(file);
    ck_assert_uint_gt(fread(line, 1, sizeof line - 1, file), 0);
    ck_assert_str_eq(line, "{\"seq\":0,\"event\":\"journal\",\"data\":{\"run\":\"r\","
                           "\"lock\":{\"token\":7}}}\n");
    ck_assert_ptr_nonnull(cJSON_GetObjectItemCaseSensitive(record, "check")); /* not its owner's */
    cJSON_Delete(record);
    fclose(file);
}
END_TEST

START_TEST(a_closed_output_does_not_stop_a_run)
{
    int ends[2];
    struct error err;
    struct event event = {.kind = EVENT_LOG, .text = "hello"};
    ck_assert_int_eq(pipe(ends), 0);
    close(ends[0]);
    signal(SIGPIPE, SIG_IGN);
    struct event_sink *sink = report_plain_new(ends[1], false);
    for (int i = 0; i < 3; i++) {
        ck_assert(sink->take(sink, &event, &err));
    }
    report_free(sink);
    close(ends[1]);
}
END_TEST

START_TEST(a_reader_that_stands_still_does_not_stop_a_run)
{
    int ends[2];
    struct error err;
    struct event event = {.kind = EVENT_LOG,
                          .text = "a line of some fifty bytes, as they come in a run"};
    ck_assert_int_eq(pipe(ends), 0);
    struct event_sink *sink = report_plain_new(ends[1], false);
    for (int i = 0; i < 30000; i++) { /* more than the pipe and the buffer hold */
        ck_assert(sink->take(sink, &event, &err));
    }
    /* It reads again: what was kept comes, then how much was not, then what is new. */
    char *all = calloc(1, 4 << 20);
    size_t length = 0;
    while (strstr(all, "lines could not be shown") == NULL) {
        ssize_t count = read(ends[0], all + length, 60000);
        ck_assert_int_gt(count, 0);
        length += (size_t)count;
        ck_assert(sink->take(sink, &event, &err));
    }
    free(all);
    close(ends[0]);
    report_free(sink);
    close(ends[1]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("report");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, a_plain_line_has_server_step_and_words);
    tcase_add_test(tcase, a_failure_is_shown_where_it_happened_not_again_by_each_group);
    tcase_add_test(tcase, a_json_line_has_every_member);
    tcase_add_test(tcase, a_record_is_shown_without_what_belongs_to_its_file);
    tcase_add_test(tcase, a_closed_output_does_not_stop_a_run);
    tcase_add_test(tcase, a_reader_that_stands_still_does_not_stop_a_run);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
