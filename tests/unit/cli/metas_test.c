/* Meta servers of the cluster file against those that the cluster lists. */
#include "cli/metas.h"

#include <check.h>
#include <stdlib.h>

#define LOOPBACK UINT32_C(0x7f000001)

static const struct address addresses[] = {
    {LOOPBACK, 34601, ADDRESS_IPV4},
    {LOOPBACK, 34602, ADDRESS_IPV4},
};
static const char *const as_numbers[] = {"127.0.0.1:34601", "127.0.0.1:34602"};
static const char *const as_names[] = {"localhost:34601", "LOCALHOST:34602"};

static const struct {
    const char *listed; /* by the cluster; NULL: it tells none */
    const char *const *names;
    size_t count;
    const char *difference; /* "": none */
} cases[] = {
    {"127.0.0.1:34601,127.0.0.1:34602", as_numbers, 2, ""},
    {"127.0.0.1:34602,127.0.0.1:34601", as_numbers, 2, ""},
    {"localhost:34601,localhost:34602", as_numbers, 2, ""}, /* by the address it resolves to */
    {"localhost:34601,localhost:34602", as_names, 2, ""},
    {NULL, as_numbers, 2, ""},
    {"", as_numbers, 2, ""},
    {"127.0.0.1:34601,127.0.0.1:34602,127.0.0.1:34603", as_numbers, 2,
     "the cluster file 'c.lua' does not name the meta server 127.0.0.1:34603, which the cluster "
     "lists: it would stay as it is"},
    {"127.0.0.1:34601", as_numbers, 2,
     "the cluster file 'c.lua' names the meta server 127.0.0.1:34602, which the cluster does not "
     "list (it lists 127.0.0.1:34601)"},
    {"127.0.0.1:34601,127.0.0.1:34609", as_numbers, 2,
     "the cluster file 'c.lua' does not name the meta server 127.0.0.1:34609, which the cluster "
     "lists: it would stay as it is; the cluster file 'c.lua' names the meta server "
     "127.0.0.1:34602, which the cluster does not list (it lists 127.0.0.1:34601,127.0.0.1:34609)"},
    /* A name that means something to the cluster alone: the numbers of servers must do. */
    {"127.0.0.1:34601,meta2.invalid:34601", as_numbers, 2, ""},
    {"127.0.0.1:34601,meta2.invalid:34601,meta3.invalid:34601", as_numbers, 2,
     "the cluster file 'c.lua' names 2 meta servers, the cluster itself 3: "
     "127.0.0.1:34601,meta2.invalid:34601,meta3.invalid:34601"},
};

START_TEST(both_must_know_the_same_servers)
{
    struct cluster_file file = {
        .file = "c.lua",
        .metas = addresses,
        .meta_names = cases[_i].names,
        .meta_count = cases[_i].count,
    };
    struct snapshot snapshot = {.meta_servers = cases[_i].listed};
    struct text difference = {0};
    struct error err = {0};
    bool same = cases[_i].difference[0] == '\0';
    ck_assert_int_eq(metas_compare(&file, &snapshot, &difference), same);
    ck_assert_str_eq(text_string(&difference), cases[_i].difference);
    ck_assert_int_eq(metas_check(&file, &snapshot, &err), same);
    if (!same) {
        ck_assert_int_eq(err.code, ERROR_REFUSED);
        ck_assert_str_eq(err.text, cases[_i].difference);
    }
    text_clear(&difference);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("metas");
    TCase *tcase = tcase_create("metas");
    tcase_set_timeout(tcase, 60); /* a resolver may be slow to say no */
    tcase_add_loop_test(tcase, both_must_know_the_same_servers, 0,
                        (int)(sizeof cases / sizeof cases[0]));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
