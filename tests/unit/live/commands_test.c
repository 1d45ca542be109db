#include "cluster_fixture.h"

static const char limit[] = SETTING_ADD_SECONDARY_LIMIT;

static void read_limit(struct outcome *outcome)
{
    cluster_read_setting(reader, (struct address){0}, limit, 5 * SECOND, record_value, outcome);
}

static void set_limit(const char *value, struct outcome *outcome)
{
    cluster_set_setting(cluster, (struct address){0}, limit, value, 5 * SECOND, record, outcome);
}

START_TEST(a_setting_is_read_in_the_words_of_either_release)
{
    static const char *const replies[] = {
        "20",
        "{\n  \"error\": \"ok\",\n  \"meta.lb.add_secondary_max_count_for_one_node\": \"20\"\n}",
    };
    struct outcome outcome = {0};
    fake->command_reply = replies[_i];
    read_limit(&outcome);
    run_well(&outcome);
    ck_assert_str_eq(outcome.value, "20");
    ck_assert_str_eq(fake->last_command, "1 meta.lb.add_secondary_max_count_for_one_node");
}
END_TEST

static const struct {
    bool sets;
    const char *reply;
    enum error_code code;
    const char *text;
} refusals[] = {
    {true, "ERR: invalid arguments", ERROR_REPLY,
     "127.0.0.1:1: setting meta.lb.add_secondary_max_count_for_one_node: ERR: invalid arguments"},
    {true, "20", ERROR_REPLY,
     "127.0.0.1:1: setting meta.lb.add_secondary_max_count_for_one_node was answered as if it were "
     "a question: '20'"},
    {false, "OK", ERROR_REPLY,
     "127.0.0.1:1: reading meta.lb.add_secondary_max_count_for_one_node was answered as if it were "
     "a change: ''"},
    {true, "done, I think", ERROR_REPLY,
     "127.0.0.1:1: the reply to 'meta.lb.add_secondary_max_count_for_one_node' is not understood: "
     "'done, I think'"},
    {false, "unknown command 'meta.lb.add_secondary_max_count_for_one_node'", ERROR_NOT_LEADER,
     "127.0.0.1:1: unknown command 'meta.lb.add_secondary_max_count_for_one_node'"},
};

START_TEST(a_reply_that_says_no_or_nothing_known_is_an_error)
{
    struct outcome outcome = {0};
    fake->command_reply = refusals[_i].reply;
    if (refusals[_i].sets) {
        set_limit("0", &outcome);
    } else {
        read_limit(&outcome);
    }
    run_to_error(&outcome, refusals[_i].code, refusals[_i].text);
}
END_TEST

/* A leader that has lost its lead knows its commands no more: it did nothing, so the next is told.
 */
static void lose_lead_before_command(struct fake *f, enum rpc rpc, int count)
{
    (void)count;
    if (rpc == RPC_REMOTE_COMMAND && f->modes[0] == FAKE_LEADER) {
        f->modes[0] = FAKE_STANDBY;
        f->modes[1] = FAKE_LEADER;
    }
}

START_TEST(a_setting_unknown_to_a_supposed_leader_is_set_on_the_next_one)
{
    struct outcome outcome = {0};
    fake->command_reply = "OK";
    fake->hook = lose_lead_before_command;
    set_limit("0", &outcome);
    run_well(&outcome);
    ck_assert_str_eq(fake->last_command, "2 meta.lb.add_secondary_max_count_for_one_node 0");
}
END_TEST

static void fall_silent_before_command(struct fake *f, enum rpc rpc, int count)
{
    (void)count;
    if (rpc == RPC_REMOTE_COMMAND && f->modes[1] == FAKE_STANDBY) {
        f->modes[0] = FAKE_SILENT;
        f->modes[1] = FAKE_LEADER;
    }
}

START_TEST(a_silent_leader_is_left_for_the_next_when_reading_but_not_when_setting)
{
    struct outcome reading = {0};
    struct outcome setting = {0};
    fake->command_reply = "7";
    fake->hook = fall_silent_before_command;
    cluster_read_setting(reader, (struct address){0}, limit, 20 * SECOND, record_value, &reading);
    run_well(&reading);
    ck_assert_str_eq(reading.value, "7");
    fake->modes[0] = FAKE_LEADER;
    fake->modes[1] = FAKE_STANDBY;
    cluster_set_setting(cluster, (struct address){0}, limit, "0", 20 * SECOND, record, &setting);
    run_to_error(&setting, ERROR_TIMEOUT,
                 "127.0.0.1:1: RPC_CLI_CLI_CALL: no reply; whether it took effect is not known");
    ck_assert_str_eq(fake->last_command, "1 meta.lb.add_secondary_max_count_for_one_node 0");
}
END_TEST

START_TEST(one_server_is_asked_itself_and_says_so_when_it_does_not_know)
{
    struct outcome outcomes[2] = {0};
    fake->command_reply = "50";
    cluster_read_setting(reader, fake_address(102), SETTING_LIVE_PERCENTAGE, 5 * SECOND,
                         record_value, &outcomes[0]);
    run_well(&outcomes[0]);
    ck_assert_str_eq(outcomes[0].value, "50");
    ck_assert_str_eq(fake->last_command, "102 meta.live_percentage");
    ck_assert_int_eq(fake->counts[RPC_CLUSTER_INFO], 0);
    fake->command_reply = "unknown command 'meta.live_percentage'";
    cluster_read_setting(reader, fake_address(102), SETTING_LIVE_PERCENTAGE, 5 * SECOND,
                         record_value, &outcomes[1]);
    run_to_error(&outcomes[1], ERROR_REPLY,
                 "127.0.0.1:102: unknown command 'meta.live_percentage'");
}
END_TEST

START_TEST(an_empty_list_is_set_by_its_word)
{
    struct outcome outcome = {0};
    fake->command_reply = "clear ok";
    cluster_set_setting(cluster, (struct address){0}, SETTING_BLACK_LIST, "", 5 * SECOND, record,
                        &outcome);
    run_well(&outcome);
    ck_assert_str_eq(fake->last_command, "1 meta.lb.assign_secondary_black_list clear");
}
END_TEST

START_TEST(any_command_gives_its_text_unjudged)
{
    struct outcome outcomes[2] = {0};
    const char *arguments[] = {"3", "7"};
    fake->command_reply = "ERR_OBJECT_NOT_FOUND";
    cluster_remote_command(cluster, fake_address(101), "replica.kill_partition", arguments, 2,
                           5 * SECOND, record_value, &outcomes[0]);
    run_well(&outcomes[0]);
    ck_assert_str_eq(outcomes[0].value, "ERR_OBJECT_NOT_FOUND");
    ck_assert_str_eq(fake->last_command, "101 replica.kill_partition 3");
    fake->command_reply = "";
    cluster_remote_command(cluster, (struct address){0}, "flush-log", NULL, 0, 5 * SECOND,
                           record_value, &outcomes[1]);
    run_well(&outcomes[1]);
    ck_assert_str_eq(outcomes[1].value, "");
    ck_assert_str_eq(fake->last_command, "1 flush-log");
}
END_TEST

START_TEST(commands_can_be_cancelled_dropped_or_left_to_the_end)
{
    struct outcome cancelled = {0};
    struct outcome dropped = {0};
    fake->command_reply = "1";
    struct operation *operation = cluster_read_setting(reader, fake_address(101), limit, 5 * SECOND,
                                                       record_value, &cancelled);
    operation_drop(
        cluster_read_setting(reader, fake_address(101), limit, 5 * SECOND, record_value, &dropped));
    operation_cancel(operation);
    run_to_error(&cancelled, ERROR_CANCELLED, "cancelled");
    ck_assert_int_eq(dropped.calls, 0);
    read_limit(&dropped);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("commands");
    TCase *tcase = tcase_create("commands");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, a_setting_is_read_in_the_words_of_either_release, 0, 2);
    tcase_add_loop_test(tcase, a_reply_that_says_no_or_nothing_known_is_an_error, 0,
                        (int)(sizeof refusals / sizeof *refusals));
    tcase_add_test(tcase, a_setting_unknown_to_a_supposed_leader_is_set_on_the_next_one);
    tcase_add_test(tcase, a_silent_leader_is_left_for_the_next_when_reading_but_not_when_setting);
    tcase_add_test(tcase, one_server_is_asked_itself_and_says_so_when_it_does_not_know);
    tcase_add_test(tcase, an_empty_list_is_set_by_its_word);
    tcase_add_test(tcase, any_command_gives_its_text_unjudged);
    tcase_add_test(tcase, commands_can_be_cancelled_dropped_or_left_to_the_end);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
