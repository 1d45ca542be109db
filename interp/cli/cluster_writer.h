/* cli/cluster_writer.h - a cluster file for a simulated cluster, as a person would write it.
 *
 * Floor: cli. So that `pegflow run WORKFLOW -c FILE` meets what `pegflow simulate` serves. */
#ifndef PEGFLOW_CLI_CLUSTER_WRITER_H
#define PEGFLOW_CLI_CLUSTER_WRITER_H

#include "sim/sim.h"

/* Appends the cluster file's Lua. `sim` gives the addresses. */
void cluster_writer_compose(const struct model *model, const struct sim *sim,
                            struct address control, struct text *out);

/* Replaces the file as a whole or not at all: a temporary file beside it, flushed, then renamed. */
bool cluster_writer_save(const char *path, const struct text *content, struct error *err);

#endif
