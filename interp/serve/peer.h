/* serve/peer.h - one connection to one simulated server: RPC or HTTP, as its first bytes say.
 *
 * Floor: serve; private to the folder. */
#ifndef PEGFLOW_SERVE_PEER_H
#define PEGFLOW_SERVE_PEER_H

#include "base/arena.h"
#include "serve/stream.h"

struct server_set;
struct sim;

enum peer_protocol { PEER_NEW, PEER_RPC, PEER_HTTP };
struct peer {
    struct server_set *set;
    struct sim *sim; /* advanced to the time of the request under way */
    int32_t server;
    enum peer_protocol protocol;
    size_t split_bytes; /* HTTP: so many bytes were no whole request when they came */
    struct stream stream;
    struct arena arena; /* of the request under way */
    struct peer *next;  /* in the set's list */
    struct peer **link; /* what points at this peer */
    size_t *list_count;
};

/* Takes the descriptor; the peer puts itself at the front of `list` and leaves it when it ends. */
void peer_start(struct server_set *set, int32_t server, int fd, struct peer **list,
                size_t *list_count);
void peer_free(struct peer *peer); /* closes */

#endif
