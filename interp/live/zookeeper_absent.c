/* A pegflow built without ZooKeeper's client library: no session begins, so nothing is asked in
 * one. */
#include "live/zookeeper.h"

#ifndef HAVE_ZOOKEEPER

bool zookeeper_start(struct loop *loop, const struct zookeeper_options *options,
                     zookeeper_state_fn *changed, void *ctx, struct zookeeper **out,
                     struct error *err)
{
    (void)loop, (void)options, (void)changed, (void)ctx, (void)out;
    error_set(err, ERROR_REFUSED,
              "this pegflow was built without ZooKeeper; install libzookeeper-st-dev and build "
              "again");
    return false;
}

void zookeeper_free(struct zookeeper *zookeeper)
{
    ASSERT(zookeeper == NULL);
}

void zookeeper_abandon(struct zookeeper *zookeeper)
{
    ASSERT(zookeeper == NULL);
}

enum zookeeper_state zookeeper_state(const struct zookeeper *zookeeper)
{
    ASSERT(zookeeper == NULL);
    return ZOOKEEPER_ENDED;
}

static _Noreturn void no_session(void)
{
    assert_failed("there is no session", __FILE__, __LINE__);
}

int64_t zookeeper_session_us(const struct zookeeper *zookeeper)
{
    (void)zookeeper;
    no_session();
}

struct zookeeper_identity zookeeper_identity(const struct zookeeper *zookeeper)
{
    (void)zookeeper;
    no_session();
}

void zookeeper_create(struct zookeeper *zookeeper, const char *path, struct slice data,
                      enum zookeeper_node node, zookeeper_fn *done, void *ctx)
{
    (void)zookeeper, (void)path, (void)data, (void)node, (void)done, (void)ctx;
    no_session();
}

void zookeeper_get(struct zookeeper *zookeeper, const char *path, zookeeper_fn *done, void *ctx)
{
    (void)zookeeper, (void)path, (void)done, (void)ctx;
    no_session();
}

void zookeeper_set(struct zookeeper *zookeeper, const char *path, struct slice data,
                   int32_t version, zookeeper_fn *done, void *ctx)
{
    (void)zookeeper, (void)path, (void)data, (void)version, (void)done, (void)ctx;
    no_session();
}

void zookeeper_children(struct zookeeper *zookeeper, const char *path, zookeeper_fn *done,
                        void *ctx)
{
    (void)zookeeper, (void)path, (void)done, (void)ctx;
    no_session();
}

void zookeeper_delete(struct zookeeper *zookeeper, const char *path, int32_t version,
                      zookeeper_fn *done, void *ctx)
{
    (void)zookeeper, (void)path, (void)version, (void)done, (void)ctx;
    no_session();
}

void zookeeper_forget(struct zookeeper *zookeeper, const void *ctx)
{
    (void)zookeeper, (void)ctx;
    no_session();
}

#endif
