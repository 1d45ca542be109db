/* cli/rehearsal_files.h - the files of a simulated cluster: its model, and a cluster file that
 * fits.
 *
 * Floor: cli. For commands that take --model, -c and --seed. */
#ifndef PEGFLOW_CLI_REHEARSAL_FILES_H
#define PEGFLOW_CLI_REHEARSAL_FILES_H

#include "cli/cli.h"
#include "cli/rehearsal.h"
#include "cli/session.h"

struct rehearsal_files {
    struct arena *arena; /* the caller's; outlives the rehearsal */
    struct model model;  /* once open, made to fit the file */
    const struct cluster_file *file;
    const struct address *addresses; /* of the simulation's servers, in its order */
    struct rehearsal *rehearsal;     /* not met yet; the caller frees it */
};

#define REHEARSAL_SEED_OPTION                                                                      \
    {                                                                                              \
        "seed", 0, OPTION_INTEGER, "N", NULL,                                                      \
            "in place of the model's: places replicas, times the run"                              \
    }

/* Wrong usage of --seed is an error. */
bool rehearsal_files_check(const struct arguments *arguments, struct error *err);
/* Loads --model and, where it is given, -c: each server of it given by name gets an address.
 * Returns -1 for success, else the exit code, with everything said. `file` is NULL without -c. */
int rehearsal_files_load(struct rehearsal_files *files, struct lang *lang,
                         const struct arguments *arguments);
/* Makes the simulated cluster and, without -c, the file that `simulate --write-cluster` would
 * write. Returns -1 for success, or with `failed` for `err`; else the exit code, with everything
 * said. */
int rehearsal_files_open(struct rehearsal_files *files, struct lang *lang, bool *failed,
                         struct error *err);

#endif
