/* The rows are complete, and what is made from them is what is committed. */
#include "fixture.h"

#include "lang/descriptors.h"

static struct text read_file(const char *path)
{
    struct text text = {0};
    char buffer[4096];
    size_t got;
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "%s", path);
    while ((got = fread(buffer, 1, sizeof buffer, file)) > 0) {
        text_append(&text, buffer, got);
    }
    fclose(file);
    return text;
}

/* An example in the place where it would be written. */
static void put_example(const struct descriptor *descriptor, struct text *out)
{
    const char *example = descriptor->example;
    const char *params = "";
    const char *before = "";
    const char *after = "";
    switch (descriptor->group) {
    case GROUP_FILE:
        text_append_string(out, example);
        return;
    case GROUP_PARAM:
        params = example;
        example = "log \"x\"";
        break;
    case GROUP_CONDITION:
        before = "wait_until { ";
        after = ", timeout = \"1m\" }";
        break;
    case GROUP_POLICY:
        before = strncmp(example, "order", 5) == 0
                     ? "rolling { over = cluster.metas, steps = function(n) return log \"x\" end, "
                     : "migrate_node(node) { ";
        after = " }";
        break;
    case GROUP_ACTION:
    case GROUP_WAIT:
    case GROUP_GROUP:
    case GROUP_COUNT:
        break;
    }
    text_printf(out,
                "return workflow \"w\" { api = 1, params = { %s%s }, steps = function(cluster, p) "
                "local node = cluster.metas[1] return %s%s%s end }",
                params[0] == '\0' ? "" : "a = ", params, before, example, after);
}

static bool load_example(struct lang *lang, const struct descriptor *descriptor, const char *path,
                         struct error_list *errors)
{
    const struct workflow *workflow;
    const struct cluster_file *cluster;
    const struct model *model;
    if (descriptor->group == GROUP_FILE && descriptor->kind == FILE_CLUSTER) {
        return lang_load_cluster(lang, path, &cluster, errors);
    }
    if (descriptor->group == GROUP_FILE && descriptor->kind == FILE_MODEL) {
        return lang_load_model(lang, path, &model, errors);
    }
    return lang_load_workflow(lang, path, NULL, NULL, 0, &workflow, errors);
}

START_TEST(every_word_has_a_doc_and_an_example_that_loads)
{
    const struct descriptor *descriptor;
    for (size_t i = 0; (descriptor = descriptor_at(i)) != NULL; i++) {
        struct folder folder;
        struct text text = {0};
        struct text got = {0};
        struct error_list errors;
        struct lang *lang = lang_for_tests();
        folder_make(&folder);
        error_list_init(&errors);
        ck_assert_msg(descriptor->doc != NULL && descriptor->doc[0] != '\0', "%s",
                      descriptor->name);
        ck_assert_msg(descriptor->example != NULL, "%s", descriptor->name);
        put_example(descriptor, &text);
        const char *path = folder_write(&folder, "w.lua", text_string(&text));
        bool ok = load_example(lang, descriptor, path, &errors);
        errors_text(&errors, &got);
        if (ok == descriptor->later) {
            ck_abort_msg("%s: %s", text_string(&text), text_string(&got));
        }
        if (descriptor->later) {
            char expected[128];
            snprintf(expected, sizeof expected, "1: %s is not available in this version of pegflow",
                     descriptor->name);
            ck_assert_str_eq(text_string(&got), expected);
        }
        text_clear(&text);
        text_clear(&got);
        error_list_clear(&errors);
        lang_free(lang);
        folder_remove(&folder);
    }
}
END_TEST

START_TEST(every_field_has_a_doc_and_a_kind_that_has_a_name)
{
    const struct descriptor *descriptor;
    const struct field *field;
    for (size_t i = 0; (descriptor = descriptor_at(i)) != NULL; i++) {
        for (size_t f = 0; (field = descriptor_field(descriptor, f)) != NULL; f++) {
            ck_assert_msg(field->doc != NULL && field->doc[0] != '\0', "%s.%s", descriptor->name,
                          field->name);
            ck_assert_ptr_nonnull(field_kind_text(field->kind));
            ck_assert_msg(field->kind != FIELD_ANY || (field->flags & LATER) != 0 ||
                              descriptor->later,
                          "%s.%s", descriptor->name, field->name);
        }
    }
}
END_TEST

START_TEST(every_kind_has_one_name)
{
    for (int kind = 0; kind < STEP_KIND_COUNT; kind++) {
        const char *name = step_kind_name((enum step_kind)kind);
        ck_assert_int_eq(descriptor_find(name)->kind, kind);
    }
    for (int kind = 0; kind < CONDITION_KIND_COUNT; kind++) {
        const char *name = condition_kind_name((enum condition_kind)kind);
        ck_assert_int_eq(descriptor_find(name)->kind, kind);
        ck_assert_int_eq(descriptor_find(name)->group, GROUP_CONDITION);
    }
}
END_TEST

static const struct {
    const char *path;
    void (*write)(struct text *out);
    const char *hint;
} committed[] = {
    {"stdlib/meta/pegflow.lua", lang_write_editor_stubs,
     "run: pegflow describe --stubs > stdlib/meta/pegflow.lua"},
    {"docs/language.md", lang_write_reference,
     "run: pegflow describe --markdown > docs/language.md"},
};

START_TEST(the_committed_annotations_and_reference_are_those_of_the_rows)
{
    struct text written = read_file(committed[_i].path);
    struct text made = {0};
    committed[_i].write(&made);
    ck_assert_msg(strcmp(text_string(&written), text_string(&made)) == 0, "%s", committed[_i].hint);
    text_clear(&written);
    text_clear(&made);
}
END_TEST

START_TEST(luacheck_knows_every_word)
{
    struct text written = read_file(".luacheckrc");
    const struct descriptor *descriptor;
    for (size_t i = 0; (descriptor = descriptor_at(i)) != NULL; i++) {
        char quoted[64];
        snprintf(quoted, sizeof quoted, "\"%s\"", descriptor->name);
        ck_assert_msg(strstr(text_string(&written), quoted) != NULL, "%s", quoted);
    }
    text_clear(&written);
}
END_TEST

START_TEST(describe_shows_each_word_and_offers_the_nearest)
{
    const struct descriptor *descriptor;
    const char *nearest = NULL;
    struct text all = {0};
    ck_assert(lang_describe(NULL, &all, &nearest));
    for (size_t i = 0; (descriptor = descriptor_at(i)) != NULL; i++) {
        struct text one = {0};
        ck_assert_ptr_nonnull(strstr(text_string(&all), descriptor->name));
        ck_assert(lang_describe(descriptor->name, &one, &nearest));
        ck_assert_ptr_nonnull(strstr(text_string(&one), descriptor->doc));
        ck_assert_ptr_nonnull(strstr(text_string(&one), descriptor->example));
        text_clear(&one);
    }
    ck_assert(!lang_describe("wait_untl", &all, &nearest));
    ck_assert_str_eq(nearest, "wait_until");
    ck_assert(!lang_describe("qqqqqqqqqqqq", &all, &nearest));
    ck_assert_ptr_null(nearest);
    text_clear(&all);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("descriptors");
    TCase *cases = tcase_create("descriptors");
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, every_word_has_a_doc_and_an_example_that_loads);
    tcase_add_test(cases, every_field_has_a_doc_and_a_kind_that_has_a_name);
    tcase_add_test(cases, every_kind_has_one_name);
    tcase_add_loop_test(cases, the_committed_annotations_and_reference_are_those_of_the_rows, 0, 2);
    tcase_add_test(cases, luacheck_knows_every_word);
    tcase_add_test(cases, describe_shows_each_word_and_offers_the_nearest);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
