/* Holds that contradict each other, or what is inside them, are refused before anything is done,
 * with both places. */
#include "fixture.h"

/* %s: what `steps` returns, from line 2 on. */
#define WORKFLOW                                                                                   \
    "return workflow \"w\" { api = 1, steps = function(cluster, p) local node = "                  \
    "cluster.replicas[1] return {\n%s\n} end }\n"
#define LIMIT "[\"meta.lb.add_secondary_max_count_for_one_node\"]"
#define DELAY "[\"meta.lb.assign_delay_ms\"]"
#define FLOW  "[\"meta.lb.add_secondary_enable_flow_control\"]"
#define RATE  "[\"nfs.max_copy_rate_megabytes_per_disk\"]"
#define NAME  "meta.lb.add_secondary_max_count_for_one_node"

static const struct {
    const char *steps;
    const char *errors; /* "FILE" stands for the file's name */
} cases[] = {
    /* nested: the inner one wins */
    {"hold { setting = { " LIMIT " = 100 }, hold { setting = { " LIMIT " = 0 }, sleep \"1s\" } }",
     ""},
    {"hold { meta_level = \"steady\", hold { meta_level = \"lively\", sleep \"1s\" } }", ""},
    /* one after the other */
    {"hold { setting = { " LIMIT " = 100 }, sleep \"1s\" },\n"
     "hold { setting = { " LIMIT " = 0 }, sleep \"1s\" }",
     ""},
    /* side by side */
    {"parallel {\n hold { setting = { " LIMIT " = 100 }, sleep \"1s\" },\n"
     " hold { setting = { " LIMIT " = 100 }, sleep \"1s\" } }",
     ""},
    {"parallel { max = 1,\n hold { setting = { " LIMIT " = 100 }, sleep \"1s\" },\n"
     " hold { setting = { " LIMIT " = 0 }, sleep \"1s\" } }",
     ""},
    {"parallel {\n hold { setting = { " LIMIT " = 100 }, sleep \"1s\" },\n"
     " steps { hold { setting = { " LIMIT " = 0 }, sleep \"1s\" } } }",
     "4: " NAME " is wanted to be 0 here, and 100 at FILE:3; both can be at work at the same time "
     "in the parallel at FILE:2"},
    {"parallel {\n hold { meta_level = \"steady\", sleep \"1s\" },\n set_meta_level \"lively\" }",
     "4: the meta level is wanted to be lively here, and steady at FILE:3; both can be at work at "
     "the same time in the parallel at FILE:2"},
    {"parallel {\n hold { setting = { " LIMIT " = 5 }, sleep \"1s\" },\n"
     " remote_command { to = \"meta\", \"" NAME "\", \"7\" } }",
     "4: " NAME " is wanted to be 7 here, and 5 at FILE:3; both can be at work at the same time in "
     "the parallel at FILE:2"},
    /* a limit turns flow control on */
    {"parallel {\n hold { setting = { " LIMIT " = 5 }, sleep \"1s\" },\n"
     " hold { setting = { " FLOW " = false }, sleep \"1s\" } }",
     "4: meta.lb.add_secondary_enable_flow_control is wanted to be false here, and true at FILE:3; "
     "both can be at work at the same time in the parallel at FILE:2"},
    /* the third of three, and one branch with two values */
    {"parallel {\n steps { hold { setting = { " LIMIT " = 5 }, sleep \"1s\" },\n"
     " hold { setting = { " LIMIT " = 6 }, sleep \"1s\" } },\n"
     " hold { setting = { " DELAY " = 5 }, sleep \"1s\" },\n"
     " hold { setting = { " LIMIT " = 5 }, sleep \"1s\" } }",
     "4: " NAME " is wanted to be 6 here, and 5 at FILE:6; both can be at work at the same time in "
     "the parallel at FILE:2"},
    {"parallel {\n hold { setting = { " DELAY " = 5 }, sleep \"1s\" },\n"
     " hold { setting = { " LIMIT " = 5 }, hold { setting = { " LIMIT " = 0 }, sleep \"1s\" } } }",
     ""},
    /* one server's values, and all of theirs */
    {"parallel {\n hold { on = \"replicas\", setting = { " RATE " = 100 }, sleep \"1s\" },\n"
     " hold { on = node, setting = { " RATE " = 50 }, sleep \"1s\" } }",
     "4: nfs.max_copy_rate_megabytes_per_disk is wanted to be 50 here, and 100 at FILE:3; both can "
     "be at work at the same time in the parallel at FILE:2"},
    {"parallel {\n hold { on = node, setting = { " RATE " = 100 }, sleep \"1s\" },\n"
     " remote_command { to = \"replicas\", \"nfs.max_copy_rate_megabytes_per_disk\", \"7\" } }",
     "4: nfs.max_copy_rate_megabytes_per_disk is wanted to be 7 here, and 100 at FILE:3; both can "
     "be at work at the same time in the parallel at FILE:2"},
    {"rolling { over = cluster.replicas, max_in_flight = 2, steps = function(n)\n"
     " return hold { on = n, setting = { " RATE " = 100 },\n"
     " hold { on = n, setting = { " RATE " = 50 }, sleep \"1s\" } } end }",
     ""},
    {"rolling { over = cluster.replicas, max_in_flight = 2, steps = function(n)\n"
     " return hold { on = \"replicas\", setting = { " RATE " = 100 },\n"
     " hold { on = n, setting = { " RATE " = 50 }, sleep \"1s\" } } end }",
     "4: nfs.max_copy_rate_megabytes_per_disk is wanted to be 50 here, and 100 at FILE:3; both can "
     "be at work at the same time in the rolling at FILE:2 (max_in_flight = 2)"},
    {"hold { on = \"replicas\", setting = { " RATE " = 100 },\n"
     " hold { on = node, setting = { " RATE " = 50 }, sleep \"1s\" } }",
     ""},
    {"hold { on = node, setting = { " RATE " = 100 },\n"
     " remote_command { to = node, \"nfs.max_copy_rate_megabytes_per_disk\", \"7\" } }",
     "3: remote_command: sets nfs.max_copy_rate_megabytes_per_disk to 7, but the hold at FILE:2 "
     "keeps it at 100; to have another value for a while, write a hold inside it"},
    /* the turns of a rolling: told with a single server too */
    {"rolling \"r\" { over = cluster.replicas, max_in_flight = 2, steps = function(n)\n"
     " return hold { setting = { " LIMIT " = 100 },\n"
     " hold { setting = { " LIMIT " = 0 }, sleep \"1s\" } } end }",
     "4: " NAME " is wanted to be 0 here, and 100 at FILE:3; both can be at work at the same time "
     "in the rolling at FILE:2 (max_in_flight = 2)"},
    {"rolling \"r\" { over = cluster.replicas, max_in_flight = 2, steps = function(n)\n"
     " return hold { setting = { " LIMIT " = 0 }, sleep \"1s\" } end }",
     ""},
    {"rolling \"r\" { over = cluster.replicas, steps = function(n)\n"
     " return hold { setting = { " LIMIT " = 100 },\n"
     " hold { setting = { " LIMIT " = 0 }, sleep \"1s\" } } end }",
     ""},
    /* inside a hold */
    {"hold { meta_level = \"steady\", set_meta_level \"steady\" }", ""},
    {"hold { meta_level = \"steady\",\n steps { set_meta_level \"lively\" } }",
     "3: set_meta_level: sets the meta level to lively, but the hold at FILE:2 keeps it at steady; "
     "to have another value for a while, write a hold inside it"},
    {"hold { meta_level = \"steady\",\n hold { meta_level = \"lively\", set_meta_level \"lively\" "
     "} }",
     ""},
    {"hold { setting = { " LIMIT " = 0 },\n"
     " remote_command { to = \"meta\", \"" NAME "\", \"0\" } }",
     "3: remote_command: sets " NAME " to 0, but the hold at FILE:2 keeps it at 0; to have another "
     "value for a while, write a hold inside it"},
    {"hold { setting = { " LIMIT " = 0 },\n"
     " wait_until { is_alive(node), timeout = \"1m\",\n"
     " nudge = remote_command { to = \"metas\", \"" NAME "\", \"9\" } } }",
     "4: remote_command: sets " NAME " to 9, but the hold at FILE:2 keeps it at 0; to have another "
     "value for a while, write a hold inside it"},
    {"hold { setting = { " LIMIT " = 0 }, remote_command { to = \"meta\", \"" NAME "\" } }", ""},
    {"hold { setting = { " LIMIT " = 0 },\n"
     " remote_command { to = \"meta\", \"meta.lb.assign_delay_ms\", \"9\" } }",
     ""},
    /* one hold by itself */
    {"hold { setting = { " LIMIT " = 5, " FLOW " = false }, sleep \"1s\" }",
     "2: hold: " NAME " does nothing while meta.lb.add_secondary_enable_flow_control is false"},
    {"hold { setting = { " LIMIT " = 5, " FLOW " = true }, sleep \"1s\" }", ""},
    {"hold { setting = { " FLOW " = false }, sleep \"1s\" }", ""},
};

static void write_wanted(const char *errors, const char *path, struct text *out)
{
    for (const char *at = errors; *at != '\0';) {
        if (strncmp(at, "FILE", 4) == 0) {
            text_append_string(out, path);
            at += 4;
        } else {
            text_append_char(out, *at++);
        }
    }
}

START_TEST(holds_that_contradict_are_refused_with_both_places)
{
    struct folder folder;
    char source[2000];
    struct lang *lang = lang_for_tests();
    const struct workflow *workflow = NULL;
    struct error_list errors;
    struct text told = {0};
    struct text wanted = {0};
    folder_make(&folder);
    error_list_init(&errors);
    snprintf(source, sizeof source, WORKFLOW, cases[_i].steps);
    const char *path = folder_write(&folder, "w.lua", source);
    bool loaded = lang_load_workflow(lang, path, NULL, NULL, 0, &workflow, &errors);
    write_wanted(cases[_i].errors, path, &wanted);
    ck_assert_str_eq(errors_text(&errors, &told), text_string(&wanted));
    ck_assert_int_eq(loaded, cases[_i].errors[0] == '\0');
    text_clear(&told);
    text_clear(&wanted);
    error_list_clear(&errors);
    lang_free(lang);
    folder_remove(&folder);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hold_check");
    TCase *tcase = tcase_create("all");
    tcase_add_loop_test(tcase, holds_that_contradict_are_refused_with_both_places, 0,
                        (int)(sizeof cases / sizeof cases[0]));
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
