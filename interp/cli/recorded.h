/* cli/recorded.h - a run's folder read back: what resume and revert go on from.
 *
 * Floor: cli. The tree is made anew from the files that were kept, against the servers that were
 * kept; what the journal says was done is in `past`. */
#ifndef PEGFLOW_CLI_RECORDED_H
#define PEGFLOW_CLI_RECORDED_H

#include "cli/record.h"
#include "engine/past.h"

struct recorded {
    struct arena arena;
    struct state state;
    char id[RUN_ID_BYTES];
    char folder[STATE_PATH_BYTES];
    struct past *past;
    struct journal_end end; /* where the journal goes on */
    bool torn;              /* its last line was */
    /* of the header */
    const char *cluster;
    const char *zookeeper_root;
    const char *cluster_file;
    const char *workflow;
    const char *const *sets; /* NULL-terminated */
    const char *folder_then; /* where the program ran; or NULL */
    const char *stdlib;      /* or NULL */
    const char *const *libs; /* NULL-terminated */
    bool keep_leftovers;
    struct inventory inventory;
    struct lang_file *files; /* the kept ones, under the paths they were opened by */
    size_t file_count;
    const char **absolute; /* for each: where it was, or NULL */
    const char **kept;     /* for each: where its copy is */
};

/* Finds the run, reads its journal and its kept files, whose digests must be those recorded. */
bool recorded_open(struct recorded *recorded, const struct arguments *arguments, const char *run,
                   struct error *err);
void recorded_close(struct recorded *recorded); /* fine for a zeroed one */

/* Are the files still what was kept? Prints the differences on stderr, as `diff -u` shows them. A
 * file that is not there any more is no difference. ERROR_REFUSED. */
bool recorded_files_are_unchanged(const struct recorded *recorded, struct error *err);

/* A Lua state to which only the kept files exist. */
struct lang *recorded_lang_new(const struct recorded *recorded);

#endif
