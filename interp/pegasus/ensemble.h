/* pegasus/ensemble.h - where the shared lock's ZooKeeper is, and which of its paths are ours.
 *
 * Floor: pegasus. Texts alone: nothing is resolved, nothing is asked. Names of nodes as ZooKeeper's
 * PathUtils.validatePath allows them. */
#ifndef PEGFLOW_PEGASUS_ENSEMBLE_H
#define PEGFLOW_PEGASUS_ENSEMBLE_H

#include "base/arena.h"
#include "pegasus/address.h"

enum { ENSEMBLE_SERVERS_MAX = 16, ENSEMBLE_PATH_BYTES_MAX = 512 };

struct ensemble_server {
    const char *name;       /* as written: "zk1.example:2181" */
    struct address address; /* none: a name, to be resolved */
};
struct ensemble {
    struct ensemble_server servers[ENSEMBLE_SERVERS_MAX];
    size_t count; /* at least 1 */
};

/* "zk1.example:2181,10.0.0.2:2181": spaces around a comma are fine, twice the same is not. The
 * names are copied to `arena`. ERROR_USAGE. */
bool ensemble_parse(const char *text, struct arena *arena, struct ensemble *out, struct error *err);

/* An absolute path that ZooKeeper takes and that is no part of its own: "/pegflow". Not "/" itself.
 * ERROR_USAGE names `what`. */
bool ensemble_check_path(const char *path, const char *what, struct error *err);

/* `name` as one part of a path: what is not a letter, digit, '.', '_' or '-' becomes "%2F"; so do
 * the dots of "." and "..". */
const char *ensemble_escape(const char *name, struct arena *arena);

/* The node below which all of ours for a cluster is: "<root>/<escaped name>". `pegasus_root` is
 * where the cluster's own state is, or NULL where that is not known. ERROR_REFUSED when one lies
 * inside the other: nothing of ours stands among Pegasus's state, nothing of Pegasus's among ours.
 */
bool ensemble_own_path(const char *root, const char *cluster_name, const char *pegasus_root,
                       struct arena *arena, const char **out, struct error *err);

#endif
