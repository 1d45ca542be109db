#include "live/zookeeper_path.h"

#include <stdlib.h>
#include <string.h>

static void make_next(struct path_maker *maker);

static void path_looked_at(void *ctx, const struct zookeeper_reply *reply, const struct error *err)
{
    struct path_maker *maker = ctx;
    struct zookeeper_reply refused = *reply;
    if (reply->outcome == ZOOKEEPER_NO_NODE) {
        refused.outcome = ZOOKEEPER_NOT_ALLOWED;
        err = &maker->refusal;
    }
    maker->done(maker->ctx, &refused, err);
}

static void part_made(void *ctx, const struct zookeeper_reply *reply, const struct error *err)
{
    struct path_maker *maker = ctx;
    bool is_last = maker->path[maker->made] == '\0';
    struct zookeeper_reply there = *reply;
    switch (reply->outcome) {
    case ZOOKEEPER_OK:
    case ZOOKEEPER_NODE_EXISTS:
        there.outcome = ZOOKEEPER_OK;
        if (is_last) {
            maker->done(maker->ctx, &there, NULL);
        } else {
            make_next(maker);
        }
        return;
    case ZOOKEEPER_NOT_ALLOWED:
        if (!maker->refused) {
            maker->refused = true;
            maker->refusal = *err;
        }
        break;
    case ZOOKEEPER_NO_NODE:
        if (maker->refused) {
            break;
        }
        maker->done(maker->ctx, reply, err); /* the part above was deleted meanwhile */
        return;
    case ZOOKEEPER_NOT_EMPTY:
    case ZOOKEEPER_BAD_VERSION:
    case ZOOKEEPER_UNSURE:
    case ZOOKEEPER_GONE:
    case ZOOKEEPER_OTHER:
        maker->done(maker->ctx, reply, err);
        return;
    }
    if (is_last) {
        zookeeper_get(maker->zookeeper, maker->path, path_looked_at, maker);
    } else {
        make_next(maker);
    }
}

static void make_next(struct path_maker *maker)
{
    maker->made += 1 + strcspn(maker->path + maker->made + 1, "/");
    char *part = memory_copy_string(maker->path);
    part[maker->made] = '\0';
    zookeeper_create(maker->zookeeper, part, slice_of(""), ZOOKEEPER_PERSISTENT, part_made, maker);
    free(part);
}

void path_maker_start(struct path_maker *maker, struct zookeeper *zookeeper, const char *path,
                      zookeeper_fn *done, void *ctx)
{
    *maker = (struct path_maker){.zookeeper = zookeeper, .path = path, .done = done, .ctx = ctx};
    make_next(maker);
}
