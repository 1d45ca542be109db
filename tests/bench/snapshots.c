/* Reads snapshots of a cluster over real sockets and says how long each took:
 * snapshots COUNT META... prints one line a snapshot, "MICROSECONDS PARTITIONS". For tools/bench.py. */
#include "base/duration.h"
#include "live/cluster.h"
#include "live/sockets.h"

#include <stdio.h>
#include <stdlib.h>

enum { METAS_MAX = 16 };
static const int64_t timeout_us = 60 * US_PER_SECOND;

struct reading {
    struct loop *loop;
    bool failed;
    struct error failure;
};

static void on_read(void *ctx, const struct error *err)
{
    struct reading *reading = ctx;
    reading->failed = err != NULL;
    if (err != NULL) {
        reading->failure = *err;
    }
    loop_stop(reading->loop);
}

static bool read_once(struct loop *loop, struct cluster *cluster, struct snapshot *snapshot,
                      struct error *err)
{
    struct reading reading = {.loop = loop};
    int64_t began_us = loop_now_us(loop);
    cluster_read_snapshot(cluster_reader(cluster), snapshot, timeout_us, on_read, &reading);
    if (!loop_run(loop, err)) {
        return false;
    }
    if (reading.failed) {
        *err = reading.failure;
        return false;
    }
    printf("%lld %d\n", (long long)(loop_now_us(loop) - began_us), snapshot->partition_count);
    return true;
}

static bool read_all(struct loop *loop, const struct address *metas, size_t meta_count, long count,
                     struct error *err)
{
    struct transport *transport = sockets_new(loop);
    struct cluster *cluster = cluster_new(transport, metas, meta_count);
    struct snapshot snapshot;
    bool ok = true;
    snapshot_init(&snapshot);
    for (long i = 0; ok && i < count; i++) {
        ok = read_once(loop, cluster, &snapshot, err);
    }
    snapshot_clear(&snapshot);
    cluster_free(cluster);
    transport->ops->free(transport);
    return ok;
}

int main(int argc, char **argv)
{
    struct address metas[METAS_MAX];
    struct loop *loop = NULL;
    struct error err;
    if (argc < 3 || argc > 2 + METAS_MAX) {
        fprintf(stderr, "usage: snapshots COUNT META...\n");
        return 2;
    }
    bool ok = true;
    for (int i = 2; ok && i < argc; i++) {
        ok = address_parse(argv[i], &metas[i - 2], &err);
    }
    ok = ok && loop_open_real(&loop, &err) &&
         read_all(loop, metas, (size_t)(argc - 2), strtol(argv[1], NULL, 10), &err);
    loop_close(loop);
    if (!ok) {
        fprintf(stderr, "snapshots: %s\n", err.text);
    }
    return ok ? 0 : 1;
}
