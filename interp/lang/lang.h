/* lang/lang.h - loads workflow, cluster and model files, and calls what a site wrote in them.
 *
 * Floor: lang. One Lua state, sandboxed and limited (memory, instructions, recursion, patterns), in
 * which a cluster file and a workflow are evaluated together, since a deploy adapter of the one is
 * called while the other is planned. Nothing here touches a socket. All errors of a file come in
 * one error_list, each with file:line and, where there is one, the nearest right word. */
#ifndef PEGFLOW_LANG_LANG_H
#define PEGFLOW_LANG_LANG_H

#include "base/text.h"
#include "lang/step.h"
#include "pegasus/snapshot.h"
#include "sim/model.h"

struct lang;

struct lang_limits {
    size_t memory_bytes;       /* 64 MB */
    int64_t load_instructions; /* for one file: 50 million */
    int64_t call_instructions; /* for one call of a condition or predicate: 5 million */
};
/* One file as it was read. */
struct lang_file {
    const char *path; /* as it was opened: relative to the folder the program ran in, or absolute */
    const char *bytes;
    size_t length;
};
struct lang_options {
    const char *const *lib_folders; /* --lib and PEGFLOW_PATH, in order; NULL-terminated, or NULL */
    const struct lang_limits *limits; /* NULL: the defaults */
    const char *stdlib_folder; /* NULL: found beside the program, or where it was installed */
    /* Files that were kept: only these are there, whatever the disk holds. Copied. NULL: the disk. */
    const struct lang_file *kept;
    size_t kept_count;
};
/* `options` may be NULL. */
struct lang *lang_new(const struct lang_options *options);
/* For servers that are simulated, and so not those that the cluster file names: one without a rack
 * gets one of the file's, in turn. */
void lang_deal_racks(struct lang *lang);
void lang_free(struct lang *lang); /* workflows, cluster files and models loaded by it go with it */

/* The files read so far, each once, in the order of reading; they live as long as `lang`. */
size_t lang_file_count(const struct lang *lang);
const struct lang_file *lang_file(const struct lang *lang, size_t index);
/* Where the standard library was found (or NULL), and the folders of lang_options as they were given. */
const char *lang_stdlib_folder(const struct lang *lang);
const char *const *lang_lib_folders(const struct lang *lang, size_t *count);

/* Everything loaded lives as long as `lang`. On failure `errors` holds at least one. */
bool lang_load_cluster(struct lang *lang, const char *path, const struct cluster_file **out,
                       struct error_list *errors);
/* The same from Lua text that no file holds; `name` is shown in its place. It has no folder of its
 * own where `require` would look. */
bool lang_load_cluster_text(struct lang *lang, const char *name, const char *source,
                            const struct cluster_file **out, struct error_list *errors);
/* `name_or_path`: a file, or the name of a model of the standard library ("five-nodes"). */
bool lang_load_model(struct lang *lang, const char *name_or_path, const struct model **out,
                     struct error_list *errors);

struct lang_set {
    const char *name;
    const char *value;
};
/* Evaluates the file, a workflow or a variant of one, against the inventory (NULL: a stand-in of
 * one server of each role). Params: `sets` over those of the cluster file (the one loaded before,
 * if any) over defaults. Without a cluster file `deploy` stays a step without children. */
bool lang_load_workflow(struct lang *lang, const char *path, const struct inventory *inventory,
                        const struct lang_set *sets, size_t set_count, const struct workflow **out,
                        struct error_list *errors);

/* A variable of the environment that the files loaded so far name by `env "NAME"`, and where first. */
struct lang_secret {
    const char *name;
    struct source where;
};
/* How many; they live as long as `lang`, and more come with each file that is loaded. */
size_t lang_secrets(const struct lang *lang, const struct lang_secret **out);

/* ---- called while a run is going on; each is a protected call under call_instructions */
enum answer { ANSWER_NO, ANSWER_YES, ANSWER_UNKNOWN };
/* COND_LUA. A failure of the function (error, runaway, wrong type) is `err` with file:line. The
 * reason is appended to `reason` when the function gave one. nil means unknown. */
bool lang_ask(struct lang *lang, const struct condition *condition, const struct snapshot *snapshot,
              enum answer *answer, struct text *reason, struct error *err);
/* What predicates on a result get, as a table. */
struct lang_result {
    const char *code_name; /* "exit_code" or "status" */
    int code;
    const char *text_name; /* "output" or "body" */
    const char *text;
    const char *url; /* of an HTTP reply: what was asked; NULL: this is none. With it the table */
    const char *location; /* has `json`, where the text is that; and `location`, unless NULL */
};
/* `expect` of remote_command, which gets the text alone. */
bool lang_expect_text(struct lang *lang, int reference, const char *text, bool *yes,
                      struct text *reason, struct error *err);
/* `expect`, `done`, `failed`: `what` names it in errors. The reason is given for either answer. */
bool lang_expect_result(struct lang *lang, const char *what, int reference,
                        const struct lang_result *result, bool *yes, struct text *reason,
                        struct error *err);
/* `next_url`: appends what the function returns to `url`, nothing for nil. */
bool lang_next_url(struct lang *lang, int reference, const struct lang_result *result,
                   struct text *url, struct error *err);

/* ---- from the descriptors */
/* Prints the reference of one constructor ("wait_until"), or of all by group when `name` is NULL.
 * False: no such name; `nearest` is then the nearest that is, or NULL. */
bool lang_describe(const char *name, struct text *out, const char **nearest);
void lang_write_reference(struct text *out);    /* docs/language.md */
void lang_write_editor_stubs(struct text *out); /* LuaLS annotations for stdlib/meta */
const char *step_kind_name(enum step_kind kind);
const char *condition_kind_name(enum condition_kind kind);

#endif
