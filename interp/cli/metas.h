/* cli/metas.h - are the meta servers of the cluster file those of the cluster?
 *
 * Floor: cli. One that the file lacks would stay on the old version; one that the cluster does not
 * list may be another cluster's. */
#ifndef PEGFLOW_CLI_METAS_H
#define PEGFLOW_CLI_METAS_H

#include "lang/step.h"
#include "pegasus/snapshot.h"

/* Appends what differs to `difference`, and returns false where something does. A name in the
 * cluster's own list is compared as it is written, then by the address it resolves to (this
 * blocks); while one has none, only the numbers of servers are compared. The file's names were
 * resolved. */
bool metas_compare(const struct cluster_file *file, const struct snapshot *snapshot,
                   struct text *difference);
/* The same as ERROR_REFUSED, for what must not begin so. */
bool metas_check(const struct cluster_file *file, const struct snapshot *snapshot,
                 struct error *err);

#endif
