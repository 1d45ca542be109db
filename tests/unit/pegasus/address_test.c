#include "pegasus/address.h"

#include "pegasus/inventory.h"
#include "pegasus/types.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const good[] = {"127.0.0.1:34801", "0.0.0.0:1", "255.255.255.255:65535"};

START_TEST(an_address_is_read_and_written_back)
{
    struct address address;
    struct error err = {0};
    char text[ADDRESS_TEXT_BYTES];
    ck_assert_msg(address_parse(good[_i], &address, &err), "%s", err.text);
    ck_assert(address_is_set(address));
    ck_assert_str_eq(address_format(address, text), good[_i]);
}
END_TEST

static const char *const bad[] = {
    "",           "-",           "localhost:34801", "1.2.3.4",    "1.2.3.4:",      "1.2.3.4:0",
    "1.2.3.4:x",  "1.2.3.4:1x",  "1.2.3.4:65536",   "1.2.3:1",    "1.2.3.4.5:1",   "256.2.3.4:1",
    "01.2.3.4:1", "1.2.3.4:080", " 1.2.3.4:1",      "1.2.3.4:1 ", "1.2.3.1000:34", "1..3.4:5",
};

START_TEST(what_is_no_address_is_refused)
{
    struct address address = {.ip = 7};
    struct error err = {0};
    char expected[256];
    ck_assert(!address_parse(bad[_i], &address, &err));
    snprintf(expected, sizeof expected, "'%s' is not an address; write it as 10.0.0.3:34801",
             bad[_i]);
    ck_assert_str_eq(err.text, expected);
    ck_assert_uint_eq(address.ip, 7);
}
END_TEST

#define LABEL_63 "a23456789-a23456789-a23456789-a23456789-a23456789-a23456789-abc"

static const struct {
    const char *text;
    bool good;
    uint32_t ip; /* 0: a name */
} servers[] = {
    {"10.0.0.3:34601", true, 0x0a000003},
    {"localhost:34601", true, 0},
    {"meta1.example:34601", true, 0},
    {"Meta-1.dc_2.EXAMPLE.org:1", true, 0},
    {"4pegasus.3com:65535", true, 0},
    {"x--y:1", true, 0},
    {LABEL_63 ".example:1", true, 0},
    {LABEL_63 "." LABEL_63 "." LABEL_63 "."
              "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz012345678:1",
     true, 0},
    {LABEL_63 "." LABEL_63 "." LABEL_63 "."
              "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz0123456789:1",
     false, 0},
    {LABEL_63 "d.example:1", false, 0},
    {"meta1.example", false, 0},
    {"meta1.example:", false, 0},
    {"meta1.example:0", false, 0},
    {"meta1.example:080", false, 0},
    {"meta1.example:65536", false, 0},
    {"meta1.example:1:2", false, 0},
    {"meta1.example:http", false, 0},
    {":34601", false, 0},
    {"", false, 0},
    {".example:1", false, 0},
    {"meta1..example:1", false, 0},
    {"meta1.example.:1", false, 0},
    {"-meta.example:1", false, 0},
    {"meta-.example:1", false, 0},
    {"meta._example:1", false, 0},
    {"meta 1:1", false, 0},
    {" meta1:1", false, 0},
    {"m\xc3\xa9ta:1", false, 0},
    {"http://meta1:1", false, 0},
    {"[::1]:34601", false, 0},
    /* mistyped numbers, which a resolver might take in ways of its own */
    {"10.0.0.300:34601", false, 0},
    {"10.0.3:34601", false, 0},
    {"010.0.0.3:34601", false, 0},
    {"167772163:34601", false, 0},
};

START_TEST(a_server_is_an_address_or_a_name)
{
    struct address address = {.ip = 7};
    struct error err = {0};
    char expected[400];
    const char *text = servers[_i].text;
    ck_assert_int_eq(address_parse_or_name(text, &address, &err), servers[_i].good);
    if (servers[_i].good) {
        ck_assert_uint_eq(address.ip, servers[_i].ip);
        ck_assert_int_eq(address_is_set(address), servers[_i].ip != 0);
        return;
    }
    snprintf(expected, sizeof expected,
             "'%s' is not a server; write it as 10.0.0.3:34801 or host.example:34801", text);
    ck_assert_str_eq(err.text, expected);
    ck_assert_uint_eq(address.ip, 7);
}
END_TEST

START_TEST(no_address_is_shown_as_a_dash)
{
    char text[ADDRESS_TEXT_BYTES];
    ck_assert_str_eq(address_format((struct address){0}, text), "-");
    ck_assert_str_eq(
        address_format((struct address){.ip = 1, .port = 1, .kind = ADDRESS_GROUP}, text), "-");
}
END_TEST

START_TEST(levels_are_known_by_name_and_number)
{
    static const char *const names[] = {"stopped", "blind", "freezed", "steady", "lively"};
    for (int i = 0; i < 5; i++) {
        int32_t level = 0;
        ck_assert(meta_level_parse(names[i], &level));
        ck_assert_int_eq(level, 100 * (i + 1));
        ck_assert_str_eq(meta_level_name(level), names[i]);
    }
    int32_t level = 7;
    ck_assert(!meta_level_parse("fl_steady", &level));
    ck_assert_int_eq(level, 7);
    ck_assert_ptr_null(meta_level_name(LEVEL_QUERY));
    ck_assert_str_eq(replica_status_name(REPLICA_PRIMARY), "PRIMARY");
    ck_assert_str_eq(replica_status_name(-1), "unknown");
    ck_assert_str_eq(replica_status_name(7), "unknown");
    ck_assert_str_eq(role_name(ROLE_COLLECTOR), "collector");
}
END_TEST

START_TEST(a_server_of_a_run_is_found_by_address_in_any_role)
{
    struct server metas[] = {{.role = ROLE_META, .address = {1, 2, ADDRESS_IPV4}}};
    struct server replicas[] = {{.role = ROLE_REPLICA, .address = {1, 3, ADDRESS_IPV4}},
                                {.role = ROLE_REPLICA, .address = {2, 2, ADDRESS_IPV4}}};
    struct inventory inventory = {.servers = {metas, replicas, NULL}, .count = {1, 2, 0}};
    ck_assert_ptr_eq(inventory_find(&inventory, (struct address){1, 2, ADDRESS_IPV4}), &metas[0]);
    ck_assert_ptr_eq(inventory_find(&inventory, (struct address){2, 2, ADDRESS_IPV4}),
                     &replicas[1]);
    ck_assert_ptr_null(inventory_find(&inventory, (struct address){2, 3, ADDRESS_IPV4}));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("address");
    TCase *tcase = tcase_create("address");
    tcase_add_loop_test(tcase, an_address_is_read_and_written_back, 0, sizeof good / sizeof *good);
    tcase_add_loop_test(tcase, what_is_no_address_is_refused, 0, sizeof bad / sizeof *bad);
    tcase_add_loop_test(tcase, a_server_is_an_address_or_a_name, 0,
                        (int)(sizeof servers / sizeof *servers));
    tcase_add_test(tcase, no_address_is_shown_as_a_dash);
    tcase_add_test(tcase, levels_are_known_by_name_and_number);
    tcase_add_test(tcase, a_server_of_a_run_is_found_by_address_in_any_role);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
