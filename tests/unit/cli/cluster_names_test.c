#include "cli/cluster_names.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *metas[3];
    const char *collectors[3];
    enum error_code code;
    const char *error; /* NULL: all have addresses; else how it begins */
} files[] = {
    {{"10.0.0.1:34601", "10.0.0.2:34601"}, {"10.0.0.2:34101"}, 0, NULL},
    {{"localhost:34601", "LOCALHOST:34602"}, {"localhost:34101"}, 0, NULL},
    {{"10.0.0.1:34601"}, {NULL}, 0, NULL},
    /* .invalid is reserved: no such name will ever resolve */
    {{"10.0.0.1:34601", "meta2.invalid:34601"},
     {NULL},
     ERROR_UNREACHABLE,
     "the cluster file 'c.lua' names the meta server 'meta2.invalid:34601': the name "
     "'meta2.invalid' does not resolve: "},
    {{"localhost:34601"},
     {"collector.invalid:34101"},
     ERROR_UNREACHABLE,
     "the cluster file 'c.lua' names the collector server 'collector.invalid:34101': the name "
     "'collector.invalid' does not resolve: "},
    {{"localhost:34601", "127.0.0.1:34601"},
     {NULL},
     ERROR_REFUSED,
     "the cluster file 'c.lua' names one server twice: 'localhost:34601' and '127.0.0.1:34601' are "
     "both 127.0.0.1:34601"},
    {{"10.0.0.1:34601", "127.0.0.1:34101"},
     {"10.0.0.1:34101", "localhost:34101"},
     ERROR_REFUSED,
     "the cluster file 'c.lua' names one server twice: '127.0.0.1:34101' and 'localhost:34101' are "
     "both 127.0.0.1:34101"},
};

static size_t make_list(const char *const *given, struct address *addresses, const char **names)
{
    size_t count = 0;
    struct error err;
    for (; given[count] != NULL; count++) {
        names[count] = given[count];
        ck_assert(address_parse_or_name(names[count], &addresses[count], &err));
    }
    return count;
}

START_TEST(names_get_addresses_or_the_file_is_refused)
{
    struct address metas[3];
    struct address collectors[3];
    const char *meta_names[3];
    const char *collector_names[3];
    struct cluster_file file = {
        .file = "c.lua",
        .name = "onebox",
        .metas = metas,
        .meta_names = meta_names,
        .meta_count = make_list(files[_i].metas, metas, meta_names),
        .collectors = collectors,
        .collector_names = collector_names,
        .collector_count = make_list(files[_i].collectors, collectors, collector_names),
    };
    struct cluster_file resolved = {0};
    struct arena arena;
    struct error err = {0};
    arena_init(&arena);
    bool ok = cluster_names_resolve(&file, &arena, &resolved, &err);
    ck_assert_msg(ok == (files[_i].error == NULL), "%s", err.text);
    if (ok) {
        ck_assert_str_eq(resolved.name, "onebox");
        ck_assert_uint_eq(resolved.meta_count, file.meta_count);
        ck_assert_uint_eq(resolved.collector_count, file.collector_count);
        for (size_t i = 0; i < file.meta_count; i++) {
            bool local = strncasecmp(meta_names[i], "localhost:", 10) == 0;
            ck_assert_str_eq(resolved.meta_names[i], meta_names[i]);
            ck_assert_uint_eq(resolved.metas[i].ip, local ? 0x7f000001 : metas[i].ip);
            ck_assert_int_eq(resolved.metas[i].port, atoi(strchr(meta_names[i], ':') + 1));
            ck_assert(address_is_set(resolved.metas[i]));
        }
        for (size_t i = 0; i < file.collector_count; i++) {
            ck_assert_int_eq(resolved.collectors[i].port, 34101);
            ck_assert(address_is_set(resolved.collectors[i]));
        }
    } else {
        ck_assert_int_eq(err.code, files[_i].code);
        ck_assert_int_eq(error_exit_code(err.code), 3);
        ck_assert_msg(strncmp(err.text, files[_i].error, strlen(files[_i].error)) == 0, "%s",
                      err.text);
        ck_assert_ptr_null(resolved.file);
    }
    arena_clear(&arena);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cluster_names");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 60); /* a resolver may be slow to say no */
    tcase_add_loop_test(tcase, names_get_addresses_or_the_file_is_refused, 0,
                        (int)(sizeof files / sizeof files[0]));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
