/* wire/wire.h - Pegasus's framing around Thrift's binary protocol, both directions, no sockets.
 *
 * Floor: wire. Every length from a peer is bounded before it is trusted, every byte of a frame must
 * be accounted for. Driven by the descriptors of messages.c, since Pegasus's own scalar types travel
 * under a struct's type byte without a stop byte. Facts: reference protocol sections 2-5. */
#ifndef PEGFLOW_WIRE_WIRE_H
#define PEGFLOW_WIRE_WIRE_H

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"
#include "wire/messages.h"

enum {
    WIRE_REPLY_LIMIT_BYTES = 256 << 20, /* 100,000 partitions of master are about 40 MB */
    WIRE_REQUEST_LIMIT_BYTES = 16 << 20,
    WIRE_LIST_LIMIT = 10 << 20,
};

const char *rpc_name(enum rpc rpc);
bool rpc_find(struct slice name, enum rpc *out);
size_t rpc_request_bytes(enum rpc rpc);  /* sizeof the C struct */
size_t rpc_response_bytes(enum rpc rpc);

/* ---- client side */
/* Appends one whole request frame (header version 0, argument field id 1). Never fails: the caller
 * has bounded its strings. app id and hashes in the header are 0. */
void wire_encode_request(enum rpc rpc, int32_t sequence, int32_t timeout_ms, const void *request,
                         struct text *out);

enum wire_scan { WIRE_INCOMPLETE, WIRE_COMPLETE, WIRE_BROKEN };
/* Is a whole reply at the front of `bytes`? WIRE_COMPLETE sets frame_bytes. WIRE_BROKEN (with err:
 * not Pegasus, or a length beyond the limit) as early as the bytes show it: an HTTP reply or a
 * 2 GB announcement is refused at its first bytes. */
enum wire_scan wire_scan_reply(const char *bytes, size_t length, size_t *frame_bytes,
                               struct error *err);

struct wire_reply {
    struct slice error; /* outer: "ERR_OK" or another name; then there is no body to decode */
    struct slice name;  /* "<RPC>_ACK" */
    int32_t sequence;
    struct slice body;
};
bool wire_decode_reply(const char *frame, size_t frame_bytes, struct wire_reply *out,
                       struct error *err);
/* Fills the response struct of `rpc` (zeroed first; after a failure it means nothing). Lists live in
 * `arena`, strings in the frame. Linear; lists take at most 8 times the bytes of the body. */
bool wire_decode_response(enum rpc rpc, struct slice body, struct arena *arena, void *response,
                          struct error *err);

/* ---- server side */
struct wire_request {
    struct slice name;
    bool known; /* `rpc` is valid */
    enum rpc rpc;
    int32_t sequence;
    int32_t app_id; /* of the header; > 0 brings a real meta server down */
    int32_t partition;
    int32_t timeout_ms;
    struct slice body; /* the argument struct */
};
/* As wire_scan_reply, for header versions 0 and 1. */
enum wire_scan wire_scan_request(const char *bytes, size_t length, size_t *frame_bytes,
                                 struct error *err);
bool wire_decode_request(const char *frame, size_t frame_bytes, struct wire_request *out,
                         struct error *err);
/* As wire_decode_response. Accepts argument field id 0 and 1. */
bool wire_decode_arguments(enum rpc rpc, struct slice body, struct arena *arena, void *request,
                           struct error *err);
/* Appends a reply frame. `error` other than ERR_OK, or response NULL: no body. `name` is the
 * request's name without _ACK. */
void wire_encode_reply(struct slice name, int32_t sequence, const char *error, enum rpc rpc,
                       const void *response, struct text *out);

/* ---- the body alone, as wire_reply has it: what wire_decode_response reads */
void wire_encode_response_body(enum rpc rpc, const void *response, struct text *out);

#endif
