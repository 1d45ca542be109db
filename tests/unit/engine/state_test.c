/* The state folder: a folder for each run, found again by the beginning of its id; a lock for each
 * cluster. */
#include "engine/state.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* 2026-01-31T22:00:00Z */
static const int64_t night_us = INT64_C(1769896800) * 1000000;
static char folder[] = "/tmp/pegflow-state-XXXXXX";
static struct state state;

static void set_up(void)
{
    struct error err;
    snprintf(folder, sizeof folder, "/tmp/pegflow-state-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert(state_open(folder, &state, &err));
}

static void tear_down(void)
{
    char command[100];
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    ck_assert_int_eq(system(command), 0);
}

static void new_run(const char *cluster, int64_t wall_us, const char *expected)
{
    char id[RUN_ID_BYTES];
    struct error err;
    if (!state_new_run(&state, cluster, wall_us, id, &err)) {
        ck_abort_msg("%s", err.text);
    }
    ck_assert_str_eq(id, expected);
}

START_TEST(each_run_gets_a_folder_of_its_own)
{
    new_run("onebox", night_us, "20260131-220000-onebox");
    new_run("onebox", night_us, "20260131-220000-onebox-2");
    new_run("one/box \xc3\xa9", night_us, "20260131-220000-one_box___");
}
END_TEST

static const struct {
    const char *prefix;
    const char *id;    /* NULL: it is an error ... */
    const char *error; /* ... that says this */
} searches[] = {
    {"20260131-220000-onebox", "20260131-220000-onebox", NULL},
    {"20260131-220000-onebox-", "20260131-220000-onebox-2", NULL},
    {"20260131-23", "20260131-230000-prod", NULL},
    {"last", "20260131-230000-prod", NULL},
    {"20260131-22", NULL,
     "'20260131-22' is the beginning of 2 runs: 20260131-220000-onebox-2, 20260131-220000-onebox; "
     "give more of it"},
    {"2027", NULL, "there is no run '2027' in "},
    {"", NULL, "there is no run ''"},
};

START_TEST(a_run_is_found_by_the_beginning_of_its_id)
{
    char id[RUN_ID_BYTES] = "";
    struct error err;
    new_run("onebox", night_us, "20260131-220000-onebox");
    new_run("onebox", night_us, "20260131-220000-onebox-2");
    new_run("prod", night_us + INT64_C(3600) * 1000000, "20260131-230000-prod");
    bool found = state_find_run(&state, searches[_i].prefix, id, &err);
    ck_assert_int_eq(found, searches[_i].id != NULL);
    if (found) {
        ck_assert_str_eq(id, searches[_i].id);
    } else {
        ck_assert_msg(strstr(err.text, searches[_i].error) != NULL, "%s", err.text);
    }
}
END_TEST

START_TEST(without_runs_there_is_none_to_find)
{
    char id[RUN_ID_BYTES];
    struct error err;
    struct run_list list;
    ck_assert(state_list_runs(&state, &list, &err));
    ck_assert_uint_eq(list.count, 0);
    ck_assert(!state_find_run(&state, "last", id, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "there is no run 'last' in "));
}
END_TEST

START_TEST(the_folder_is_where_it_is_given_or_where_xdg_says)
{
    struct state found;
    struct error err;
    setenv("XDG_STATE_HOME", "/x/state", 1);
    ck_assert(state_open("given", &found, &err));
    char here[STATE_PATH_BYTES];
    char expected[STATE_PATH_BYTES + 10];
    ck_assert_ptr_nonnull(getcwd(here, sizeof here));
    snprintf(expected, sizeof expected, "%s/given", here);
    ck_assert_str_eq(found.path, expected);
    ck_assert(state_open(NULL, &found, &err));
    ck_assert_str_eq(found.path, "/x/state/pegflow");
    setenv("XDG_STATE_HOME", "relative", 1); /* to be ignored, says the specification */
    setenv("HOME", "/home/sre", 1);
    ck_assert(state_open(NULL, &found, &err));
    ck_assert_str_eq(found.path, "/home/sre/.local/state/pegflow");
    unsetenv("XDG_STATE_HOME");
    unsetenv("HOME");
    ck_assert(!state_open(NULL, &found, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "give --state DIR"));
    char *long_path = malloc(STATE_PATH_BYTES + 10);
    memset(long_path, 'x', STATE_PATH_BYTES);
    long_path[STATE_PATH_BYTES] = '\0';
    ck_assert(!state_open(long_path, &found, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "too long"));
    free(long_path);
}
END_TEST

START_TEST(a_state_folder_that_cannot_be_made_is_named)
{
    struct state broken;
    char id[RUN_ID_BYTES];
    char path[100];
    struct error err;
    snprintf(path, sizeof path, "%s/file", folder);
    fclose(fopen(path, "w"));
    ck_assert(state_open(path, &broken, &err));
    ck_assert(!state_new_run(&broken, "onebox", night_us, id, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "Not a directory"));
    ck_assert_ptr_nonnull(strstr(err.text, "--state DIR"));
}
END_TEST

START_TEST(a_cluster_is_locked_once_and_the_second_hears_by_whom)
{
    struct state_lock *lock = NULL;
    struct state_lock *second = NULL;
    struct lock_holder us;
    struct lock_holder seen;
    struct error err;
    lock_holder_of_us("20260131-220000-onebox", night_us, &us);
    ck_assert(!state_is_locked(&state, "onebox", &seen));
    if (!state_lock(&state, "onebox", &us, &lock, &err)) {
        ck_abort_msg("%s", err.text);
    }
    ck_assert(!state_lock(&state, "onebox", &us, &second, &err));
    ck_assert_int_eq(err.code, ERROR_REFUSED);
    ck_assert_ptr_nonnull(strstr(err.text, "run 20260131-220000-onebox works on cluster 'onebox' "
                                           "since 2026-01-31T22:00:00.000Z ("));
    ck_assert(state_is_locked(&state, "onebox", &seen));
    ck_assert_int_eq(seen.pid, getpid());
    ck_assert(state_lock(&state, "prod", &us, &second, &err)); /* another cluster */
    state_unlock(second);
    state_unlock(lock);
    ck_assert(!state_is_locked(&state, "onebox", &seen));
}
END_TEST

START_TEST(a_killed_process_leaves_no_lock)
{
    int ready[2];
    char byte;
    struct lock_holder us;
    struct error err;
    lock_holder_of_us("r", night_us, &us);
    ck_assert_int_eq(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        struct state_lock *lock;
        bool ok = state_lock(&state, "onebox", &us, &lock, &err);
        ck_assert_int_eq(write(ready[1], ok ? "y" : "n", 1), 1);
        pause();
    }
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    ck_assert_int_eq(byte, 'y');
    struct lock_holder seen;
    ck_assert(state_is_locked(&state, "onebox", &seen));
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    ck_assert(!state_is_locked(&state, "onebox", &seen));
    close(ready[0]);
    close(ready[1]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("state");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, each_run_gets_a_folder_of_its_own);
    tcase_add_loop_test(tcase, a_run_is_found_by_the_beginning_of_its_id, 0,
                        (int)(sizeof searches / sizeof searches[0]));
    tcase_add_test(tcase, without_runs_there_is_none_to_find);
    tcase_add_test(tcase, the_folder_is_where_it_is_given_or_where_xdg_says);
    tcase_add_test(tcase, a_state_folder_that_cannot_be_made_is_named);
    tcase_add_test(tcase, a_cluster_is_locked_once_and_the_second_hears_by_whom);
    tcase_add_test(tcase, a_killed_process_leaves_no_lock);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
