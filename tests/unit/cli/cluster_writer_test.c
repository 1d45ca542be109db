#include "cli/cluster_writer.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/cluster_writer_XXXXXX";
static char path[64];

static void setup(void)
{
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/cluster.lua", folder);
}

static void teardown(void)
{
    unlink(path);
    ck_assert_int_eq(rmdir(folder), 0); /* nothing else was left in it */
}

static void expect_content(const char *wanted)
{
    char content[64] = "";
    FILE *file = fopen(path, "r");

    ck_assert_ptr_nonnull(file);
    size_t length = fread(content, 1, sizeof content - 1, file);
    content[length] = '\0';
    fclose(file);
    ck_assert_str_eq(content, wanted);
}

START_TEST(a_file_is_replaced_whole_with_the_usual_mode)
{
    struct text content = {0};
    struct error err;
    struct stat found;
    mode_t mask = umask(022);

    text_append_string(&content, "old");
    ck_assert_msg(cluster_writer_save(path, &content, &err), "%s", err.text);
    expect_content("old");
    text_append_string(&content, " and new");
    ck_assert(cluster_writer_save(path, &content, &err));
    expect_content("old and new");
    ck_assert_int_eq(stat(path, &found), 0);
    ck_assert_uint_eq(found.st_mode & 0777, 0644);
    umask(mask);
    text_clear(&content);
}
END_TEST

START_TEST(a_file_that_cannot_be_replaced_is_left_and_nothing_beside_it)
{
    struct text content = {0};
    struct error err;

    text_append_string(&content, "new");
    ck_assert_int_eq(mkdir(path, 0700), 0);
    ck_assert(!cluster_writer_save(path, &content, &err));
    ck_assert_int_eq(err.code, ERROR_SYSTEM);
    ck_assert_ptr_nonnull(strstr(err.text, "Is a directory"));
    ck_assert_int_eq(rmdir(path), 0);
    text_clear(&content);
}
END_TEST

START_TEST(a_missing_folder_is_named)
{
    struct text content = {0};
    struct error err;

    ck_assert(!cluster_writer_save("/no/such/folder/cluster.lua", &content, &err));
    ck_assert_str_eq(err.text, "write '/no/such/folder/cluster.lua': create a file beside it: "
                               "No such file or directory");
}
END_TEST

START_TEST(the_cluster_file_names_what_is_served)
{
    static const struct model_table table = {
        .name = "temp", .partition_count = 1, .max_replica_count = 3};
    struct address addresses[6];
    struct model model;
    struct text out = {0};

    for (uint16_t i = 0; i < 6; i++) {
        addresses[i] =
            (struct address){.ip = 0x7f000001, .port = (uint16_t)(20000 + i), .kind = ADDRESS_IPV4};
    }
    model_init(&model, RELEASE_MASTER);
    model.replica_count = 3;
    model.tables = &table;
    model.table_count = 1;
    model.cluster_name = "a \"quoted\" \\ name\n";
    model.next_version = "2.7.0";
    struct sim *sim = sim_new(&model, addresses, 0);
    cluster_writer_compose(
        &model, sim, (struct address){.ip = 0x7f000001, .port = 20006, .kind = ADDRESS_IPV4}, &out);
    ck_assert_str_eq(text_string(&out),
                     "-- A simulated cluster, written when pegflow began to serve it.\n"
                     "return cluster \"a \\\"quoted\\\" \\\\ name\\010\" {\n"
                     "  metas = { \"127.0.0.1:20003\", \"127.0.0.1:20004\" },\n"
                     "  collectors = { \"127.0.0.1:20005\" },\n"
                     "  target = { version = \"2.7.0\" },\n"
                     "  deploy = require(\"deploy.simulated\") { control = "
                     "\"http://127.0.0.1:20006\" },\n"
                     "}\n");
    sim_free(sim);
    text_clear(&out);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cluster_writer");
    TCase *files = tcase_create("files");
    TCase *texts = tcase_create("texts");

    tcase_add_checked_fixture(files, setup, teardown);
    tcase_add_test(files, a_file_is_replaced_whole_with_the_usual_mode);
    tcase_add_test(files, a_file_that_cannot_be_replaced_is_left_and_nothing_beside_it);
    suite_add_tcase(suite, files);
    tcase_add_test(texts, a_missing_folder_is_named);
    tcase_add_test(texts, the_cluster_file_names_what_is_served);
    suite_add_tcase(suite, texts);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
