#include "cli/rehearsal_files.h"

#include <inttypes.h>

bool rehearsal_files_check(const struct arguments *arguments, struct error *err)
{
    int64_t seed = arguments_integer(arguments, "seed");
    if (seed < 0) {
        error_set(err, ERROR_USAGE, "--seed %" PRId64 ": a seed is not negative", seed);
    }
    return seed >= 0;
}

static int load_model(struct rehearsal_files *files, struct lang *lang,
                      const struct arguments *arguments)
{
    const struct model *model;
    struct error_list errors;
    error_list_init(&errors);
    bool ok = lang_load_model(lang, arguments_text(arguments, "model"), &model, &errors);
    int code = ok ? -1 : cli_report_errors(&errors);
    error_list_clear(&errors);
    if (ok) {
        files->model = *model;
        if (arguments_text(arguments, "seed") != NULL) {
            files->model.seed = (uint64_t)arguments_integer(arguments, "seed");
        }
    }
    return code;
}

static int load_cluster(struct rehearsal_files *files, struct lang *lang, const char *path)
{
    struct error_list errors;
    error_list_init(&errors);
    bool ok = lang_load_cluster(lang, path, &files->file, &errors);
    int code = ok ? -1 : cli_report_errors(&errors);
    error_list_clear(&errors);
    if (ok) {
        files->file = rehearsal_without_names(files->file, files->arena);
    }
    return code;
}

static int compose_cluster(struct rehearsal_files *files, struct lang *lang)
{
    struct text source = {0};
    struct error_list errors;
    error_list_init(&errors);
    rehearsal_compose_cluster(files->rehearsal, &source);
    const char *name = arena_printf(files->arena, "cluster of model %s", files->model.name);
    bool ok = lang_load_cluster_text(lang, name, text_string(&source), &files->file, &errors);
    int code = ok ? -1 : cli_report_errors(&errors);
    error_list_clear(&errors);
    text_clear(&source);
    return code;
}

int rehearsal_files_load(struct rehearsal_files *files, struct lang *lang,
                         const struct arguments *arguments)
{
    const char *path = arguments_text(arguments, "cluster");
    int code = load_model(files, lang, arguments);
    return code < 0 && path != NULL ? load_cluster(files, lang, path) : code;
}

int rehearsal_files_open(struct rehearsal_files *files, struct lang *lang, bool *failed,
                         struct error *err)
{
    *failed = !rehearsal_fit(&files->model, files->file, files->arena, &files->addresses, err);
    if (*failed) {
        return -1;
    }
    files->rehearsal = rehearsal_new(&files->model, files->addresses);
    return files->file == NULL ? compose_cluster(files, lang) : -1;
}
