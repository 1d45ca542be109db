/* What the tests of lang/ share: Lua given as text becomes a file in a folder of its own. */
#ifndef PEGFLOW_TESTS_LANG_FIXTURE_H
#define PEGFLOW_TESTS_LANG_FIXTURE_H

#include "lang/lang.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct folder {
    char path[64];
    char files[16][128];
    int file_count;
};

static inline void folder_make(struct folder *folder)
{
    *folder = (struct folder){.path = "/tmp/pegflow-lang-XXXXXX"};
    ck_assert_ptr_nonnull(mkdtemp(folder->path));
}

/* The file's path; valid as long as the folder. */
static inline const char *folder_write(struct folder *folder, const char *name, const char *text)
{
    char folder_path[sizeof folder->path];
    char path[128];
    int slot = 0;
    memcpy(folder_path, folder->path, sizeof folder_path);
    snprintf(path, sizeof path, "%s/%s", folder_path, name);
    while (slot < folder->file_count && strcmp(folder->files[slot], path) != 0) {
        slot++;
    }
    ck_assert_int_lt(slot, 16);
    folder->file_count = slot == folder->file_count ? slot + 1 : folder->file_count;
    memcpy(folder->files[slot], path, sizeof path);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert(fputs(text, file) >= 0);
    ck_assert_int_eq(fclose(file), 0);
    return folder->files[slot];
}

static inline void folder_remove(struct folder *folder)
{
    for (int i = 0; i < folder->file_count; i++) {
        unlink(folder->files[i]);
    }
    ck_assert_int_eq(rmdir(folder->path), 0);
}

static inline struct lang *lang_for_tests(void)
{
    struct lang_options options = {.stdlib_folder = "stdlib"};
    return lang_new(&options);
}

/* All errors as "line: text" lines, for comparison. */
static inline const char *errors_text(const struct error_list *errors, struct text *out)
{
    text_reset(out);
    for (size_t i = 0; i < errors->count; i++) {
        text_printf(out, "%s%d: %s", i == 0 ? "" : "\n", errors->items[i].line,
                    errors->items[i].text);
    }
    return text_string(out);
}

static inline const struct step *find_step(const struct step_list *steps, const char *id)
{
    for (size_t i = 0; i < steps->count; i++) {
        const struct step *step = steps->items[i];
        if (strcmp(step->id, id) == 0) {
            return step;
        }
        const struct step *inside = find_step(&step->body, id);
        if (inside != NULL) {
            return inside;
        }
    }
    return NULL;
}

static inline int run_suite(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

#endif
