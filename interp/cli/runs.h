/* cli/runs.h - recorded runs, looked at from outside: for status, watch, history and holds.
 *
 * Floor: cli. Reads the state folder alone; changes nothing, asks no cluster. */
#ifndef PEGFLOW_CLI_RUNS_H
#define PEGFLOW_CLI_RUNS_H

#include "cli/cli.h"
#include "engine/state.h"
#include "report/standing.h"

struct told_run {
    char id[RUN_ID_BYTES];
    struct standing *standing; /* NULL: its journal cannot be read, see `damage` */
    struct error damage;
    bool alive; /* a living process works on it */
};

/* Reads the run's journal. What is wrong with it is told in `out`. Free with runs_forget. */
void runs_read(const struct state *state, const char *id, struct told_run *out);
void runs_forget(struct told_run *run);

/* Does a living process work on the run? By the cluster's lock, which says for which run it is. */
bool runs_is_alive(const struct state *state, const char *cluster, const char *id);

/* The run's time to show: of one that lives up to now, else that of its last record. */
int64_t runs_now_us(const struct told_run *run, int64_t wall_us);

/* Runs in the order of the list, newest first. False ends it. */
typedef bool runs_fn(void *ctx, struct told_run *run);
/* All of a cluster's (`cluster` NULL: of all clusters'). Those whose journal cannot be read count
 * when their id has the cluster's name. ERROR_SYSTEM when the folder cannot be read. */
bool runs_each(const struct state *state, const char *cluster, runs_fn *take, void *ctx,
               struct error *err);

/* The cluster's name that -c gives: as a name, or by its file. Empty where -c is not given. Returns
 * -1 for success, else the exit code, with everything said. */
int runs_cluster_name(const struct arguments *arguments, struct text *out);
#define RUNS_CLUSTER_OPTIONS                                                                       \
    {"cluster", 'c', OPTION_TEXT, "CLUSTER", NULL, "only of this cluster: its file, or its name"}, \
    {                                                                                              \
        "lib", 'L', OPTION_LIST, "DIR", NULL, "look for the file's required files there too"       \
    }

/* --output json? ERROR_USAGE for another form. */
bool runs_wants_json(const struct arguments *arguments, bool *json, struct error *err);
void runs_print_json(const cJSON *json); /* on a line of standard output */
#define RUNS_OUTPUT_OPTION                                                                         \
    {                                                                                              \
        "output", 'o', OPTION_TEXT, "FORM", "plain", "plain, or json"                              \
    }

#endif
