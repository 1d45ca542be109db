/* tests/unit/cli/met.h - a session on a simulated cluster of a model, in virtual time. */
#ifndef PEGFLOW_TESTS_CLI_MET_H
#define PEGFLOW_TESTS_CLI_MET_H

#include "cli/rehearsal_files.h"

#include <check.h>
#include <stdlib.h>

struct met {
    struct lang *lang;
    struct arena arena;
    struct rehearsal_files files;
    struct session session;
    struct gatherer *gatherer;
};

/* A model of the library by its name, or a file's path; changed by `change` unless NULL. */
static inline void met_open(struct met *met, const char *model_name,
                            void (*change)(struct model *model))
{
    static const struct lang_options options = {.stdlib_folder = "stdlib"};
    const struct model *model;
    struct error_list errors;
    struct error err;
    bool failed;
    *met = (struct met){0};
    met->lang = lang_new(&options);
    arena_init(&met->arena);
    met->files.arena = &met->arena;
    error_list_init(&errors);
    ck_assert(lang_load_model(met->lang, model_name, &model, &errors));
    met->files.model = *model;
    if (change != NULL) {
        change(&met->files.model);
    }
    ck_assert_int_eq(rehearsal_files_open(&met->files, met->lang, &failed, &err), -1);
    ck_assert_msg(!failed, "%s", err.text);
    ck_assert_msg(rehearsal_meet(met->files.rehearsal, met->files.file, &err), "%s", err.text);
    met->session.cluster_file = met->files.file;
    ck_assert_msg(session_meet_on(&met->session, rehearsal_loop(met->files.rehearsal),
                                  rehearsal_cluster(met->files.rehearsal), &err),
                  "%s", err.text);
    met->gatherer = gatherer_new(&met->session.gatherers);
    error_list_clear(&errors);
}

static inline const struct evidence *met_gather(struct met *met)
{
    struct error err;
    const struct evidence *evidence = session_gather(&met->session, met->gatherer, &err);
    ck_assert_msg(evidence != NULL, "%s", err.text);
    return evidence;
}

static inline void met_close(struct met *met)
{
    gatherer_free(met->gatherer);
    session_close(&met->session);
    rehearsal_free(met->files.rehearsal);
    arena_clear(&met->arena);
    lang_free(met->lang);
}

#endif
