/* live/zookeeper_private.h - what zookeeper.c (the session) and zookeeper_request.c (what is asked
 * in it) share.
 *
 * Floor: live. For these two files alone; only where the library is there. */
#ifndef PEGFLOW_LIVE_ZOOKEEPER_PRIVATE_H
#define PEGFLOW_LIVE_ZOOKEEPER_PRIVATE_H

#include "live/zookeeper.h"
#include "live/zookeeper_guard.h"

#include <sys/queue.h>
#include <zookeeper/zookeeper.h>

_Static_assert(sizeof(((clientid_t *)0)->passwd) ==
                   sizeof(((struct zookeeper_identity *)0)->password),
               "an identity holds the library's password");

struct request {
    struct zookeeper *zookeeper;
    TAILQ_ENTRY(request) link; /* in `sent`, in the order of answers, or in `answered` */
    enum zookeeper_body body;
    const char *verb; /* "create", for messages */
    char *node;       /* its path, as asked */
    zookeeper_fn *done;
    void *ctx;
    struct zookeeper_reply reply; /* points into what follows */
    struct text path;
    struct text data;
    char **names;
    struct error err; /* unless ZOOKEEPER_OK */
};
TAILQ_HEAD(request_list, request);

/* A server, and what it did last that it should not. */
struct zookeeper_server {
    char *name;                       /* as written */
    char address[ADDRESS_TEXT_BYTES]; /* as the library calls it; "" when it does not resolve */
    char failure[256];                /* "" since it was connected to */
};

struct zookeeper {
    struct loop *loop;
    zhandle_t *handle; /* NULL once ended */
    enum zookeeper_state state;
    struct error why; /* of SUSPENDED and ENDED */
    zookeeper_state_fn *changed;
    void *ctx;
    struct zookeeper_server *servers;
    size_t server_count;
    char *server_names;               /* "zk1:2181,zk2:2181", for messages */
    struct zookeeper_server *attempt; /* the one connected to, or NULL */
    int64_t session_us;               /* asked for, then granted */
    struct zookeeper_identity identity;

    int fd;      /* the library's, as last seen, or -1 */
    int dead_fd; /* a socket that is connected to nothing: put in the place of a connection to drop
                  */
    bool low_water; /* SO_RCVLOWAT is set, for a frame to come in whole */
    struct watch watch;
    struct timer drive;    /* when the library wants its turn */
    struct timer deadline; /* connecting: the end of patience */
    struct timer
        patience;         /* with one server, until it is a session; then with the oldest request */
    struct timer tell;    /* a change of state */
    struct timer deliver; /* an answer */
    struct text peeked;
    struct request_list sent;
    struct request_list answered;
};

/* ---- zookeeper_request.c */
/* All that is asked gets an answer in a later turn. */
void zookeeper_answer_all(struct zookeeper *zookeeper, enum zookeeper_outcome outcome);
void zookeeper_drop_requests(struct zookeeper *zookeeper);

/* ---- zookeeper.c */
/* After a request: the library may want to write. */
void zookeeper_wake(struct zookeeper *zookeeper);

#endif
