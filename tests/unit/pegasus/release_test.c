#include "pegasus/release.h"

#include "pegasus/types.h"
#include "samples.h"

#include <check.h>
#include <stdlib.h>

static const struct {
    const char *command;
    const char *reply;
    enum reply_kind kind;
    const char *value;
} understood[] = {
    {SETTING_ASSIGN_DELAY, "600000", REPLY_VALUE, "600000"},
    {SETTING_ASSIGN_DELAY, " 600000\n", REPLY_VALUE, "600000"},
    {SETTING_ASSIGN_DELAY, "-1", REPLY_VALUE, "-1"},
    {SETTING_ASSIGN_DELAY, "OK", REPLY_OK, ""},
    {SETTING_ASSIGN_DELAY, "ERR: invalid arguments", REPLY_REFUSED, "ERR: invalid arguments"},
    {SETTING_ASSIGN_DELAY, "{\"error\":\"ok\"}", REPLY_OK, ""},
    {SETTING_ASSIGN_DELAY, "{\"error\":\"ok\",\"meta.lb.assign_delay_ms\":600000}", REPLY_OK,
     "600000"},
    {SETTING_ASSIGN_DELAY, "{\"meta.lb.assign_delay_ms\":\"7\",\"error\":\"ok\"}", REPLY_VALUE,
     "7"},
    {SETTING_ASSIGN_DELAY, "{\"error\":\"ERR: no\"}", REPLY_REFUSED, "ERR: no"},
    {SETTING_ASSIGN_DELAY, "unknown command 'meta.lb.assign_delay_ms'", REPLY_UNKNOWN_COMMAND,
     "unknown command 'meta.lb.assign_delay_ms'"},
    {SETTING_FLOW_CONTROL, "true", REPLY_VALUE, "true"},
    {SETTING_FLOW_CONTROL, "OK", REPLY_OK, ""},
    {SETTING_BLACK_LIST, "get ok: ", REPLY_VALUE, ""},
    {SETTING_BLACK_LIST, "get ok:", REPLY_VALUE, ""},
    {SETTING_BLACK_LIST, "get ok: a:1,b:2", REPLY_VALUE, "a:1,b:2"},
    {SETTING_BLACK_LIST, "set ok", REPLY_OK, ""},
    {SETTING_BLACK_LIST, "clear ok", REPLY_OK, ""},
    {SETTING_BLACK_LIST, "invalid arguments", REPLY_REFUSED, "invalid arguments"},
    {SETTING_BLACK_LIST, "{\"error\":\"invalid argument, bad host:port 'x'\"}", REPLY_REFUSED,
     "invalid argument, bad host:port 'x'"},
};

START_TEST(replies_of_all_releases_are_understood)
{
    struct setting_reply reply;
    struct error err = {0};
    ck_assert_msg(
        release_read_setting_reply(understood[_i].command, understood[_i].reply, &reply, &err),
        "%s", err.text);
    ck_assert_int_eq(reply.kind, understood[_i].kind);
    ck_assert_str_eq(text_string(&reply.value), understood[_i].value);
    text_clear(&reply.value);
}
END_TEST

static const struct {
    const char *command;
    const char *reply;
    enum error_code code;
    const char *text;
} refused[] = {
    {SETTING_ASSIGN_DELAY, "", ERROR_REPLY,
     "the reply to 'meta.lb.assign_delay_ms' is not understood: ''"},
    {SETTING_ASSIGN_DELAY, "fine\n\x01", ERROR_REPLY,
     "the reply to 'meta.lb.assign_delay_ms' is not understood: 'fine ?'"},
    {SETTING_ASSIGN_DELAY, "true", ERROR_REPLY,
     "the reply to 'meta.lb.assign_delay_ms' is not understood: 'true'"},
    {SETTING_ASSIGN_DELAY, "ok", ERROR_REPLY,
     "the reply to 'meta.lb.assign_delay_ms' is not understood: 'ok'"},
    {SETTING_ASSIGN_DELAY, "123456789012345678901", ERROR_REPLY,
     "the reply to 'meta.lb.assign_delay_ms' is not understood: '123456789012345678901'"},
    {SETTING_ASSIGN_DELAY, "{\"error\":\"ok\"", ERROR_REPLY,
     "the reply to 'meta.lb.assign_delay_ms' is not understood: '{\"error\":\"ok\"'"},
    {SETTING_ASSIGN_DELAY, "{\"error\":\"ok\"} x", ERROR_REPLY,
     "the reply to 'meta.lb.assign_delay_ms' is not understood: '{\"error\":\"ok\"} x'"},
    {SETTING_ASSIGN_DELAY, "{\"Error\":\"ok\"}", ERROR_REPLY,
     "the reply to 'meta.lb.assign_delay_ms' is not understood: '{\"Error\":\"ok\"}'"},
    {SETTING_ASSIGN_DELAY, "{\"error\":\"ok\",\"other\":\"1\"}", ERROR_REPLY,
     "the reply to 'meta.lb.assign_delay_ms' is not understood: "
     "'{\"error\":\"ok\",\"other\":\"1\"}'"},
    {SETTING_ASSIGN_DELAY, "{\"error\":\"ok\",\"meta.lb.assign_delay_ms\":1.5}", ERROR_REPLY,
     "the reply to 'meta.lb.assign_delay_ms' is not understood: "
     "'{\"error\":\"ok\",\"meta.lb.assign_delay_ms\":1.5}'"},
    {SETTING_ASSIGN_DELAY, "{\"error\":\"ok\",\"meta.lb.assign_delay_ms\":1e300}", ERROR_REPLY,
     "the reply to 'meta.lb.assign_delay_ms' is not understood: "
     "'{\"error\":\"ok\",\"meta.lb.assign_delay_ms\":1e300}'"},
    {SETTING_FLOW_CONTROL, "1", ERROR_REPLY,
     "the reply to 'meta.lb.add_secondary_enable_flow_control' is not understood: '1'"},
    {SETTING_BLACK_LIST, "OK", ERROR_REPLY,
     "the reply to 'meta.lb.assign_secondary_black_list' is not understood: 'OK'"},
    {"flush-log", "Flush done.", ERROR_USAGE, "'flush-log' is not a setting"},
};

START_TEST(a_text_nobody_knows_is_an_error_that_shows_it)
{
    struct setting_reply reply = {.kind = REPLY_VALUE};
    struct error err = {0};
    ck_assert(!release_read_setting_reply(refused[_i].command, refused[_i].reply, &reply, &err));
    ck_assert_str_eq(err.text, refused[_i].text);
    ck_assert_int_eq(err.code, refused[_i].code);
    ck_assert_int_eq(reply.kind, REPLY_VALUE);
    ck_assert_ptr_null(reply.value.bytes);
}
END_TEST

START_TEST(a_long_unknown_reply_is_cut)
{
    struct setting_reply reply;
    struct error err = {0};
    char text[1000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    ck_assert(!release_read_setting_reply(SETTING_ASSIGN_DELAY, text, &reply, &err));
    ck_assert_uint_lt(strlen(err.text), 300);
    ck_assert_ptr_nonnull(strstr(err.text, "xxx...'"));
}
END_TEST

/* What a recorded exchange of a setting is: the kind of its reply, and the arguments it had. */
static enum reply_kind expected_kind(const char *name, int argument_count)
{
    if (strcmp(name, "cli_standby_lb.json") == 0) {
        return REPLY_UNKNOWN_COMMAND;
    }
    bool bad = strstr(name, "bad") != NULL || strstr(name, "negative") != NULL;
    return bad ? REPLY_REFUSED : argument_count == 0 ? REPLY_VALUE : REPLY_OK;
}

static void check_setting(const struct sample *sample, const char *command, const cJSON *call)
{
    const char *recorded = sample_string(sample->json, "decoded");
    struct setting_reply reply;
    struct error err = {0};
    struct text arguments = {0};
    struct text written = {0};
    int count = cJSON_GetArraySize(call) - 2;
    for (int i = 0; i < count; i++) {
        text_printf(&arguments, "%s%s", i == 0 ? "" : " ",
                    cJSON_GetStringValue(cJSON_GetArrayItem(call, 2 + i)));
    }
    ck_assert_msg(release_read_setting_reply(command, recorded, &reply, &err), "%s: %s",
                  sample->name, err.text);

    enum reply_kind expected = expected_kind(sample->name, count);
    bool two_refused = count > 1 && release_traits(sample->release)->rejects_two_arguments;
    ck_assert_msg(reply.kind == (two_refused ? REPLY_REFUSED : expected), "%s: kind %d",
                  sample->name, (int)reply.kind);

    bool is_default = strcmp(text_string(&arguments), "DEFAULT") == 0;
    bool shows_value = reply.kind == REPLY_VALUE || (is_default && reply.value.length > 0);
    release_write_setting_reply(sample->release, command, reply.kind,
                                text_string(shows_value ? &reply.value : &arguments), count,
                                is_default, &written);
    ck_assert_msg(strcmp(text_string(&written), recorded) == 0, "%s: '%s' instead of '%s'",
                  sample->name, text_string(&written), recorded);
    text_clear(&reply.value);
    text_clear(&arguments);
    text_clear(&written);
}

static void check_server_info(const struct sample *sample)
{
    const char *recorded = sample_string(sample->json, "decoded");
    struct text version = {0};
    struct text start_time = {0};
    struct text written = {0};
    struct error err = {0};
    ck_assert_msg(release_read_server_info(recorded, &version, &start_time, &err), "%s", err.text);
    ck_assert_str_eq(text_string(&version), release_traits(sample->release)->version);
    ck_assert_uint_eq(start_time.length, strlen("2026-11-23 14:10:17"));
    release_write_server_info(sample->release, text_string(&version), "onebox",
                              text_string(&start_time), &written);
    ck_assert_str_eq(text_string(&written), recorded);
    text_clear(&version);
    text_clear(&start_time);
    text_clear(&written);
}

static int settings_seen;
static int infos_seen;

static void check_command(const struct sample *sample)
{
    const cJSON *call = cJSON_GetObjectItemCaseSensitive(sample->json, "call");
    const char *command = cJSON_GetStringValue(cJSON_GetArrayItem(call, 1));
    enum setting_kind kind;
    ck_assert_ptr_nonnull(command);
    if (setting_kind_of(command, &kind)) {
        check_setting(sample, command, call);
        settings_seen++;
    } else if (strcmp(command, "server-info") == 0 &&
               cJSON_IsString(cJSON_GetObjectItemCaseSensitive(sample->json, "decoded"))) {
        check_server_info(sample);
        infos_seen++;
    }
}

START_TEST(a_rate_of_copying_is_bounded_as_its_release_says)
{
    static const char old[] = "Pegasus Server 2.5.0 (x) Release, Started at 2026-11-23 14:52:07";
    static const char new[] = "{\"build_type\":\"Release\",\"version\":\"2.6.0-SNAPSHOT\"}";
    static const struct {
        const char *command;
        const char *value;
        const char *info;
        bool can;
    } cases[] = {
        {SETTING_COPY_RATE, "0", old, false},      {SETTING_COPY_RATE, "4", old, false},
        {SETTING_COPY_RATE, "5", old, true},       {SETTING_COPY_RATE, "0", new, true},
        {SETTING_SEND_RATE, "0", old, false},      {"nfs.max_copy_rate_megabytes", "0", old, false},
        {SETTING_LIVE_PERCENTAGE, "0", old, true}, {"no setting", "0", old, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ck_assert(setting_can_be_given(cases[i].command, cases[i].value, cases[i].info) ==
                  cases[i].can);
    }
    ck_assert_int_eq(setting_home_of(SETTING_SEND_RATE), SETTING_OF_REPLICAS);
    ck_assert_int_eq(setting_home_of("replica.nfs.max_copy_rate_megabytes"), SETTING_OF_REPLICAS);
    ck_assert_int_eq(setting_home_of(SETTING_LIVE_PERCENTAGE), SETTING_OF_METAS);
    ck_assert_int_eq(setting_home_of(SETTING_BLACK_LIST), SETTING_OF_LEADER);
    ck_assert_str_eq(setting_flag_of(SETTING_COPY_RATE), "max_copy_rate_megabytes_per_disk");
    ck_assert_ptr_null(setting_flag_of(SETTING_BLACK_LIST));
}
END_TEST

START_TEST(every_recorded_reply_is_read_and_written_identically)
{
    settings_seen = 0;
    infos_seen = 0;
    samples_visit_all("cli_", check_command);
    ck_assert_int_eq(settings_seen, 2 * 20);
    ck_assert_int_eq(infos_seen, 2 * 3);
}
END_TEST

static const struct {
    enum release release;
    const char *command;
    enum reply_kind kind;
    const char *value;
    int argument_count;
    bool after_default;
    const char *text;
} written_replies[] = {
    {RELEASE_MASTER, SETTING_BLACK_LIST, REPLY_VALUE, "h:1,\"", 0, false,
     "{\n  \"assign_secondary_black_list\": \"h:1,\\\"\",\n  \"error\": \"ok\"\n}"},
    {RELEASE_MASTER, SETTING_BLACK_LIST, REPLY_REFUSED, "x\n\x01", 1, false,
     "{\n  \"error\": \"invalid argument, bad host:port 'x\\n\\u0001'\"\n}"},
    {RELEASE_MASTER, SETTING_FLOW_CONTROL, REPLY_REFUSED, "a b", 2, false,
     "{\n  \"error\": \"ERR: invalid arguments 'a b', only one argument is acceptable\"\n}"},
    {RELEASE_2_5, SETTING_BLACK_LIST, REPLY_VALUE, "h:1", 0, false, "get ok: h:1"},
    {RELEASE_2_5, SETTING_BLACK_LIST, REPLY_OK, NULL, 1, false, "set ok"},
    {RELEASE_2_5, SETTING_BLACK_LIST, REPLY_REFUSED, "x", 1, false, "invalid arguments"},
    {RELEASE_2_5, "no.such", REPLY_UNKNOWN_COMMAND, NULL, 0, false, "unknown command 'no.such'"},
    {RELEASE_MASTER, "no.such", REPLY_UNKNOWN_COMMAND, NULL, 0, false, "unknown command 'no.such'"},
};

START_TEST(replies_are_written_as_the_release_does)
{
    struct text out = {0};
    text_append_string(&out, "|");
    release_write_setting_reply(written_replies[_i].release, written_replies[_i].command,
                                written_replies[_i].kind, written_replies[_i].value,
                                written_replies[_i].argument_count,
                                written_replies[_i].after_default, &out);
    ck_assert_int_eq(out.bytes[0], '|');
    ck_assert_str_eq(out.bytes + 1, written_replies[_i].text);
    text_clear(&out);
}
END_TEST

static const char *const bad_infos[] = {
    "",
    "Pegasus Server",
    "Pegasus Server 2.5.0",
    "Pegasus Server 2.5.0 (x) Release, Started at ",
    "Pegasus Server , Started at now",
    "{\"version\":\"2\"}",
    "{\"version\":2,\"start_time\":\"x\"}",
    "unknown command 'server-info'",
};

START_TEST(a_server_info_nobody_knows_is_an_error_and_changes_nothing)
{
    struct text version = {0};
    struct text start_time = {0};
    struct error err = {0};
    text_append_string(&version, "old");
    ck_assert(!release_read_server_info(bad_infos[_i], &version, &start_time, &err));
    ck_assert_int_eq(err.code, ERROR_REPLY);
    ck_assert_str_eq(text_string(&version), "old");
    text_clear(&version);
    text_clear(&start_time);
}
END_TEST

START_TEST(releases_are_found_by_name_and_by_version)
{
    enum release release = RELEASE_COUNT;
    ck_assert(release_parse("2.5", &release) && release == RELEASE_2_5);
    ck_assert(release_parse("master", &release) && release == RELEASE_MASTER);
    ck_assert(release_parse("2.5.0", &release) && release == RELEASE_2_5);
    ck_assert(!release_parse("2.6", &release));
    ck_assert_int_eq(release, RELEASE_2_5);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("release");
    TCase *tcase = tcase_create("release");
    tcase_add_loop_test(tcase, replies_of_all_releases_are_understood, 0,
                        sizeof understood / sizeof *understood);
    tcase_add_loop_test(tcase, a_text_nobody_knows_is_an_error_that_shows_it, 0,
                        sizeof refused / sizeof *refused);
    tcase_add_test(tcase, a_long_unknown_reply_is_cut);
    tcase_add_test(tcase, every_recorded_reply_is_read_and_written_identically);
    tcase_add_test(tcase, a_rate_of_copying_is_bounded_as_its_release_says);
    tcase_add_loop_test(tcase, replies_are_written_as_the_release_does, 0,
                        sizeof written_replies / sizeof *written_replies);
    tcase_add_loop_test(tcase, a_server_info_nobody_knows_is_an_error_and_changes_nothing, 0,
                        sizeof bad_infos / sizeof *bad_infos);
    tcase_add_test(tcase, releases_are_found_by_name_and_by_version);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
