/* live/zookeeper_path.h - a path in ZooKeeper whose missing nodes are made, from the top.
 *
 * Floor: live. Embedded in its user, who outlives the requests or has them forgotten
 * (zookeeper_forget with the maker as ctx). */
#ifndef PEGFLOW_LIVE_ZOOKEEPER_PATH_H
#define PEGFLOW_LIVE_ZOOKEEPER_PATH_H

#include "live/zookeeper.h"

struct path_maker {
    struct zookeeper *zookeeper;
    const char *path; /* the caller's */
    size_t made;      /* bytes of it that are done with */
    bool refused;
    struct error refusal; /* of the first part that may not be made */
    zookeeper_fn *done;
    void *ctx;
};

/* `done` as of a request: ZOOKEEPER_OK when the whole path is there. A part that may not be made
 * but is there all the same is fine: "/" is often closed to all but the administrator. */
void path_maker_start(struct path_maker *maker, struct zookeeper *zookeeper, const char *path,
                      zookeeper_fn *done, void *ctx);

#endif
