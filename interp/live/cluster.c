#include "live/cluster.h"

#include "live/cluster_private.h"

#include <stdlib.h>
#include <string.h>

struct cluster *cluster_new(struct transport *transport, const struct address *metas,
                            size_t meta_count)
{
    ASSERT(meta_count > 0);
    struct cluster *cluster = memory_allocate(sizeof *cluster);
    cluster->transport = transport;
    cluster->loop = transport->loop;
    cluster->reader.cluster = cluster;
    cluster->metas = memory_allocate(meta_count * sizeof *metas);
    memcpy(cluster->metas, metas, meta_count * sizeof *metas);
    cluster->meta_count = meta_count;
    TAILQ_INIT(&cluster->tasks);
    return cluster;
}

void cluster_free(struct cluster *cluster)
{
    if (cluster == NULL) {
        return;
    }
    struct task *task;
    while ((task = TAILQ_FIRST(&cluster->tasks)) != NULL) {
        task_drop(task);
    }
    snapshot_memory_clear(&cluster->memory);
    free(cluster->metas);
    free(cluster);
}

struct cluster_reader *cluster_reader(struct cluster *cluster)
{
    return &cluster->reader;
}

struct address cluster_known_leader(const struct cluster_reader *reader)
{
    return reader->cluster->leader;
}
