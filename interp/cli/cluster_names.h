/* cli/cluster_names.h - the servers that a cluster file gives by name get their addresses.
 *
 * Floor: cli. Blocks on the system's resolver. */
#ifndef PEGFLOW_CLI_CLUSTER_NAMES_H
#define PEGFLOW_CLI_CLUSTER_NAMES_H

#include "base/arena.h"
#include "lang/step.h"

/* `out` is a copy of `file`, with an address for every meta server and collector; it shares the
 * texts of `file`, new lists are in `arena`. A name that does not resolve is ERROR_UNREACHABLE, two
 * servers at one address ERROR_REFUSED; the text names the file and the servers as written. */
bool cluster_names_resolve(const struct cluster_file *file, struct arena *arena,
                           struct cluster_file *out, struct error *err);

#endif
