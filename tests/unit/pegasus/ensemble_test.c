/* Where the shared lock's ZooKeeper is, and which of its paths are ours. */
#include "pegasus/ensemble.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct arena arena;

static void set_up(void)
{
    arena_init(&arena);
}

static void tear_down(void)
{
    arena_clear(&arena);
}

START_TEST(servers_are_addresses_or_names_parted_by_commas)
{
    struct ensemble ensemble;
    struct error err;
    ck_assert(ensemble_parse("zk1.example:2181 , 10.0.0.2:2182", &arena, &ensemble, &err));
    ck_assert_uint_eq(ensemble.count, 2);
    ck_assert_str_eq(ensemble.servers[0].name, "zk1.example:2181");
    ck_assert(!address_is_set(ensemble.servers[0].address));
    ck_assert_str_eq(ensemble.servers[1].name, "10.0.0.2:2182");
    ck_assert_uint_eq(ensemble.servers[1].address.ip, 0x0a000002);
    ck_assert_uint_eq(ensemble.servers[1].address.port, 2182);
}
END_TEST

static const struct {
    const char *text;
    const char *error;
} wrong_servers[] = {
    {"", "'' has an empty place; write it as zk1.example:2181,zk2.example:2181"},
    {"a:1,,b:1", "'a:1,,b:1' has an empty place; write it as zk1.example:2181,zk2.example:2181"},
    {"a:1,", "'a:1,' has an empty place; write it as zk1.example:2181,zk2.example:2181"},
    {"zk1", "'zk1' is not a server; write it as 10.0.0.3:34801 or host.example:34801"},
    {"a:1/pegflow",
     "'a:1/pegflow' is not a server; write it as 10.0.0.3:34801 or host.example:34801"},
    {"a:1,b:1,A:1", "'A:1' is there twice"},
    {"a:1,b:1,c:1,d:1,e:1,f:1,g:1,h:1,i:1,j:1,k:1,l:1,m:1,n:1,o:1,p:1,q:1", "more than 16 servers"},
};

START_TEST(a_wrong_list_of_servers_is_told)
{
    struct ensemble ensemble = {.count = 7};
    struct error err;
    ck_assert(!ensemble_parse(wrong_servers[_i].text, &arena, &ensemble, &err));
    ck_assert_str_eq(err.text, wrong_servers[_i].error);
    ck_assert_int_eq(err.code, ERROR_USAGE);
    ck_assert_uint_eq(ensemble.count, 7);
}
END_TEST

static const struct {
    const char *path;
    const char *error; /* NULL: fine */
} paths[] = {
    {"/pegflow", NULL},
    {"/ops/pegflow", NULL},
    {"/zookeepers", NULL},
    {"/...", NULL},
    {"pegflow", "root is 'pegflow', but must be a path like /pegflow, of at most 512 bytes"},
    {"", "root is '', but must be a path like /pegflow, of at most 512 bytes"},
    {"/", "root is '/', but must be a path like /pegflow, of at most 512 bytes"},
    {"/a/", "root is '/a/', but a part of a path is neither empty nor '.' nor '..', and without "
            "control characters"},
    {"/a//b", "root is '/a//b', but a part of a path is neither empty nor '.' nor '..', and "
              "without control characters"},
    {"/a/../b", "root is '/a/../b', but a part of a path is neither empty nor '.' nor '..', and "
                "without control characters"},
    {"/a\nb", "root is '/a\nb', but a part of a path is neither empty nor '.' nor '..', and "
              "without control characters"},
    {"/zookeeper", "root is '/zookeeper', which is ZooKeeper's own"},
    {"/zookeeper/x", "root is '/zookeeper/x', which is ZooKeeper's own"},
};

START_TEST(a_path_is_one_that_zookeeper_takes)
{
    struct error err;
    bool ok = ensemble_check_path(paths[_i].path, "root", &err);
    ck_assert_int_eq(ok, paths[_i].error == NULL);
    if (!ok) {
        ck_assert_str_eq(err.text, paths[_i].error);
    }
}
END_TEST

static const struct {
    const char *root, *cluster, *pegasus;
    const char *own; /* NULL: refused */
} places[] = {
    {"/pegflow", "temp", "/pegasus/temp", "/pegflow/temp"},
    {"/pegflow", "temp", NULL, "/pegflow/temp"},
    {"/pegflow", "a/b c", "/pegasus/a", "/pegflow/a%2Fb%20c"},
    {"/pegflow", "..", "/pegasus/a", "/pegflow/%2E%2E"},
    {"/pegasus", "temp", "/pegasus/other", "/pegasus/temp"},
    {"/pegasus", "temp", "/pegasus/temporary", "/pegasus/temp"},
    {"/pegasus", "temp", "/pegasus/temp", NULL},
    {"/pegasus", "temp", "/pegasus/temp/", NULL},
    {"/pegasus/temp", "temp", "/pegasus/temp", NULL},
    {"/pegasus/temp/lock", "temp", "/pegasus/temp", NULL},
    {"/pegflow", "temp", "/pegflow/temp/pegasus", NULL},
    {"/pegflow", "temp", "/", NULL},
    {"/zookeeper", "temp", "/pegasus/temp", NULL},
};

START_TEST(what_is_ours_and_what_is_pegasuss_never_lie_inside_one_another)
{
    struct error err;
    const char *own = NULL;
    bool ok = ensemble_own_path(places[_i].root, places[_i].cluster, places[_i].pegasus, &arena,
                                &own, &err);
    ck_assert_int_eq(ok, places[_i].own != NULL);
    if (ok) {
        ck_assert_str_eq(own, places[_i].own);
    } else {
        ck_assert_ptr_null(own);
    }
    if (!ok && strcmp(places[_i].root, "/pegasus/temp/lock") == 0) {
        ck_assert_int_eq(err.code, ERROR_REFUSED);
        ck_assert_str_eq(err.text, "the lock's place '/pegasus/temp/lock/temp' and Pegasus's own "
                                   "root '/pegasus/temp' lie inside one another; choose another "
                                   "root for the lock");
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ensemble");
    TCase *tests = tcase_create("ensemble");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, servers_are_addresses_or_names_parted_by_commas);
    tcase_add_loop_test(tests, a_wrong_list_of_servers_is_told, 0,
                        sizeof wrong_servers / sizeof wrong_servers[0]);
    tcase_add_loop_test(tests, a_path_is_one_that_zookeeper_takes, 0,
                        sizeof paths / sizeof paths[0]);
    tcase_add_loop_test(tests, what_is_ours_and_what_is_pegasuss_never_lie_inside_one_another, 0,
                        sizeof places / sizeof places[0]);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
