#include "wire/codec.h"
#include "wire/wire.h"

#include <inttypes.h>
#include <string.h>

enum {
    MAGIC_BYTES = 4,
    HEADER_V0_BYTES = 48,
    HEADER_V1_BYTES = 16, /* without its meta struct */
    LENGTH_BYTES = 4,
    MESSAGE_BYTES = 12, /* of a message begin, without its name */
    REPLY_LEAST_BYTES = LENGTH_BYTES + 4 + 1 + MESSAGE_BYTES, /* error and name are never empty */
    NAME_LIMIT_BYTES = 64, /* upstream holds names in 48 bytes; a reply's has _ACK behind */
    META_LIMIT_BYTES = 4096,
    REQUEST_FIELD_ID = 1,
    RESPONSE_FIELD_ID = 0,
};
static const char magic[MAGIC_BYTES] = {'T', 'H', 'F', 'T'};
static const char ack[] = "_ACK";

/* Thrift's version word: 0x8001 and the type of the message. */
enum { MESSAGE_CALL = 1, MESSAGE_REPLY = 2, MESSAGE_ONEWAY = 4 };
static const uint32_t message_version = UINT32_C(0x80010000);

static uint32_t peek_u32(const char *bytes)
{
    const unsigned char *at = (const unsigned char *)bytes;
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void poke_u32(char *bytes, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        bytes[i] = (char)(value >> (8 * (3 - i)) & 0xFF);
    }
}

static bool is_printable(const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] < 0x21 || bytes[i] > 0x7e) {
            return false;
        }
    }
    return true;
}

/* ---- message begin: version and type, name, sequence */

static void write_message_begin(struct text *out, uint32_t type, struct slice name,
                                const char *suffix, int32_t sequence)
{
    wire_write_i32(out, (int32_t)(message_version | type));
    wire_write_i32(out, (int32_t)(name.length + strlen(suffix)));
    text_append(out, name.bytes, name.length);
    text_append_string(out, suffix);
    wire_write_i32(out, sequence);
}

static bool read_name(struct wire_reader *reader, struct slice *out)
{
    struct slice name;
    if (!wire_read_string(reader, &name)) {
        return false;
    }
    if (name.length == 0 || name.length > NAME_LIMIT_BYTES ||
        !is_printable(name.bytes, name.length)) {
        error_set(reader->err, ERROR_PEER, "a name of %zu bytes is empty, too long or no text",
                  name.length);
        return false;
    }
    *out = name;
    return true;
}

static bool read_message_begin(struct wire_reader *reader, uint32_t *type, struct slice *name,
                               int32_t *sequence)
{
    int32_t version;
    if (!wire_read_i32(reader, &version)) {
        return false;
    }
    *type = (uint32_t)version & 0xFF;
    if (((uint32_t)version & 0xFFFFFF00) != message_version) {
        error_set(reader->err, ERROR_PEER, "message version 0x%08" PRIx32 " is not Thrift's",
                  (uint32_t)version);
        return false;
    }
    return read_name(reader, name) && wire_read_i32(reader, sequence);
}

static struct slice rest_of(const struct wire_reader *reader)
{
    return (struct slice){(const char *)reader->at, wire_reader_left(reader)};
}

/* ---- client side */

void wire_encode_request(enum rpc rpc, int32_t sequence, int32_t timeout_ms, const void *request,
                         struct text *out)
{
    size_t start = out->length;
    text_append(out, magic, sizeof magic);
    wire_write_i32(out, 0);
    wire_write_i32(out, HEADER_V0_BYTES);
    wire_write_i32(out, 0); /* header checksum: never looked at */
    wire_write_i32(out, 0); /* body length: below */
    wire_write_i32(out, 0); /* body checksum */
    wire_write_i32(out, 0); /* app id: any other aborts a meta server */
    wire_write_i32(out, 0); /* partition */
    wire_write_i32(out, timeout_ms);
    wire_write_i32(out, 0); /* thread hash */
    wire_write_i32(out, 0); /* partition hash, two words */
    wire_write_i32(out, 0);
    ASSERT(out->length - start == HEADER_V0_BYTES);
    write_message_begin(out, MESSAGE_CALL, slice_of(rpc_name(rpc)), "", sequence);
    wire_write_wrapped(out, REQUEST_FIELD_ID, KIND_STRUCT, wire_rpcs[rpc].request, request);
    size_t body_bytes = out->length - start - HEADER_V0_BYTES;
    ASSERT(body_bytes <= INT32_MAX);
    poke_u32(out->bytes + start + 16, (uint32_t)body_bytes);
}

static enum wire_scan refuse_reply(const char *bytes, uint32_t announced, struct error *err)
{
    if (memcmp(bytes, "HTTP", 4) == 0) {
        error_set(err, ERROR_PEER, "this is an HTTP server, not a Pegasus server");
    } else if (is_printable(bytes, 4)) {
        error_set(err, ERROR_PEER, "this is not a Pegasus server: its reply begins with '%.4s'",
                  bytes);
    } else if (announced < REPLY_LEAST_BYTES) {
        error_set(err, ERROR_PEER,
                  "this is not a Pegasus server: its reply announces %" PRIu32
                  " bytes, fewer than the %d of the shortest one",
                  announced, REPLY_LEAST_BYTES);
    } else {
        error_set(err, ERROR_PEER,
                  "the reply announces %" PRIu32 " bytes, more than the limit of %d", announced,
                  WIRE_REPLY_LIMIT_BYTES);
    }
    return WIRE_BROKEN;
}

enum wire_scan wire_scan_reply(const char *bytes, size_t length, size_t *frame_bytes,
                               struct error *err)
{
    if (length < LENGTH_BYTES) {
        return WIRE_INCOMPLETE;
    }
    uint32_t announced = peek_u32(bytes);
    if (announced < REPLY_LEAST_BYTES || announced > WIRE_REPLY_LIMIT_BYTES) {
        return refuse_reply(bytes, announced, err);
    }
    if (length >= LENGTH_BYTES + 4) {
        /* Garbage may announce a length that looks right: do not wait for it. */
        uint32_t error_bytes = peek_u32(bytes + LENGTH_BYTES);
        if (error_bytes == 0 || error_bytes > NAME_LIMIT_BYTES ||
            error_bytes > announced - LENGTH_BYTES - 4 - MESSAGE_BYTES) {
            error_set(err, ERROR_PEER,
                      "this is not a Pegasus server: its reply has an error name of %" PRIu32
                      " bytes",
                      error_bytes);
            return WIRE_BROKEN;
        }
    }
    if (length < announced) {
        return WIRE_INCOMPLETE;
    }
    *frame_bytes = announced;
    return WIRE_COMPLETE;
}

bool wire_decode_reply(const char *frame, size_t frame_bytes, struct wire_reply *out,
                       struct error *err)
{
    struct wire_reader reader;
    struct wire_reply reply;
    int32_t announced;
    uint32_t type;
    wire_reader_init(&reader, frame, frame_bytes, NULL, err);
    if (!wire_read_i32(&reader, &announced) || !read_name(&reader, &reply.error) ||
        !read_message_begin(&reader, &type, &reply.name, &reply.sequence)) {
        error_wrap(err, "reply");
        return false;
    }
    if (announced < 0 || (size_t)announced != frame_bytes) {
        error_set(err, ERROR_PEER, "reply: %" PRId32 " bytes announced, %zu came", announced,
                  frame_bytes);
        return false;
    }
    if (type != MESSAGE_REPLY) {
        error_set(err, ERROR_PEER, "reply: message type %" PRIu32 " is no reply", type);
        return false;
    }
    reply.body = rest_of(&reader);
    *out = reply;
    return true;
}

bool wire_decode_response(enum rpc rpc, struct slice body, struct arena *arena, void *response,
                          struct error *err)
{
    const struct wire_rpc *row = &wire_rpcs[rpc];
    struct wire_reader reader;
    wire_reader_init(&reader, body.bytes, body.length, arena, err);
    memset(response, 0, row->response->bytes);
    if (!wire_read_wrapped(&reader, RESPONSE_FIELD_ID, row->response_kind, row->response,
                           response)) {
        error_wrap(err, "reply to %s", row->name);
        return false;
    }
    return true;
}

/* ---- server side */

static enum wire_scan scan_lengths(uint64_t header_bytes, uint64_t body_bytes, size_t length,
                                   size_t *frame_bytes, struct error *err)
{
    if (header_bytes + body_bytes > WIRE_REQUEST_LIMIT_BYTES) {
        error_set(err, ERROR_PEER,
                  "the request announces %" PRIu64 " bytes, more than the limit of %d",
                  header_bytes + body_bytes, WIRE_REQUEST_LIMIT_BYTES);
        return WIRE_BROKEN;
    }
    if (length < header_bytes + body_bytes) {
        return WIRE_INCOMPLETE;
    }
    *frame_bytes = (size_t)(header_bytes + body_bytes);
    return WIRE_COMPLETE;
}

enum wire_scan wire_scan_request(const char *bytes, size_t length, size_t *frame_bytes,
                                 struct error *err)
{
    size_t seen = length < MAGIC_BYTES ? length : MAGIC_BYTES;
    if (seen > 0 && memcmp(bytes, magic, seen) != 0) {
        error_set(err, ERROR_PEER, "the request does not begin with THFT");
        return WIRE_BROKEN;
    }
    if (length < 8) {
        return WIRE_INCOMPLETE;
    }
    uint32_t version = peek_u32(bytes + 4);
    if (version > 1) {
        error_set(err, ERROR_PEER, "request header version %" PRIu32 " is neither 0 nor 1",
                  version);
        return WIRE_BROKEN;
    }
    if (length < 12) {
        return WIRE_INCOMPLETE;
    }
    uint32_t third = peek_u32(bytes + 8);
    if (version == 0 && third != HEADER_V0_BYTES) {
        error_set(err, ERROR_PEER, "the request's header length is %" PRIu32 ", not %d", third,
                  HEADER_V0_BYTES);
        return WIRE_BROKEN;
    }
    if (version == 1 && third > META_LIMIT_BYTES) {
        error_set(err, ERROR_PEER,
                  "the request's header announces %" PRIu32 " bytes, more than the limit of %d",
                  third, META_LIMIT_BYTES);
        return WIRE_BROKEN;
    }
    size_t place = version == 0 ? 16 : 12;
    if (length < place + 4) {
        return WIRE_INCOMPLETE;
    }
    uint64_t header = version == 0 ? HEADER_V0_BYTES : (uint64_t)HEADER_V1_BYTES + third;
    return scan_lengths(header, peek_u32(bytes + place), length, frame_bytes, err);
}

/* Fills what the header says and moves the reader to the body. The frame has been scanned. */
static bool read_request_header(struct wire_reader *reader, struct wire_request *out)
{
    const char *frame = (const char *)reader->at;
    if (peek_u32(frame + 4) == 0) {
        out->app_id = (int32_t)peek_u32(frame + 24);
        out->partition = (int32_t)peek_u32(frame + 28);
        out->timeout_ms = (int32_t)peek_u32(frame + 32);
        reader->at += HEADER_V0_BYTES;
        return true;
    }
    size_t meta_bytes = peek_u32(frame + 8);
    struct wire_request_meta meta = {0};
    struct wire_reader meta_reader;
    wire_reader_init(&meta_reader, frame + HEADER_V1_BYTES, meta_bytes, NULL, reader->err);
    if (!wire_read_struct(&meta_reader, &wire_request_meta_struct, &meta)) {
        return false;
    }
    if (wire_reader_left(&meta_reader) != 0) {
        error_set(reader->err, ERROR_PEER, "%zu bytes follow the header's struct",
                  wire_reader_left(&meta_reader));
        return false;
    }
    out->app_id = meta.app_id;
    out->partition = meta.partition;
    out->timeout_ms = meta.timeout_ms;
    reader->at += HEADER_V1_BYTES + meta_bytes;
    return true;
}

bool wire_decode_request(const char *frame, size_t frame_bytes, struct wire_request *out,
                         struct error *err)
{
    struct wire_request request = {0};
    struct wire_reader reader;
    size_t scanned = 0;
    uint32_t type = 0;
    enum wire_scan scan = wire_scan_request(frame, frame_bytes, &scanned, err);
    if (scan == WIRE_BROKEN) {
        return false;
    }
    if (scan == WIRE_INCOMPLETE || scanned != frame_bytes) {
        error_set(err, ERROR_PEER, "request: %zu bytes are not one whole frame", frame_bytes);
        return false;
    }
    wire_reader_init(&reader, frame, frame_bytes, NULL, err);
    if (!read_request_header(&reader, &request) ||
        !read_message_begin(&reader, &type, &request.name, &request.sequence)) {
        error_wrap(err, "request");
        return false;
    }
    if (type != MESSAGE_CALL && type != MESSAGE_ONEWAY) {
        error_set(err, ERROR_PEER, "request: message type %" PRIu32 " is no call", type);
        return false;
    }
    request.known = rpc_find(request.name, &request.rpc);
    request.body = rest_of(&reader);
    *out = request;
    return true;
}

bool wire_decode_arguments(enum rpc rpc, struct slice body, struct arena *arena, void *request,
                           struct error *err)
{
    const struct wire_rpc *row = &wire_rpcs[rpc];
    struct wire_reader reader;
    wire_reader_init(&reader, body.bytes, body.length, arena, err);
    memset(request, 0, row->request->bytes);
    if (!wire_read_wrapped(&reader, REQUEST_FIELD_ID, KIND_STRUCT, row->request, request)) {
        error_wrap(err, "arguments of %s", row->name);
        return false;
    }
    return true;
}

void wire_encode_reply(struct slice name, int32_t sequence, const char *error, enum rpc rpc,
                       const void *response, struct text *out)
{
    size_t start = out->length;
    wire_write_i32(out, 0);
    wire_write_string(out, slice_of(error));
    write_message_begin(out, MESSAGE_REPLY, name, ack, sequence);
    if (response != NULL && strcmp(error, PEGASUS_OK) == 0) {
        wire_encode_response_body(rpc, response, out);
    }
    ASSERT(out->length - start <= INT32_MAX);
    poke_u32(out->bytes + start, (uint32_t)(out->length - start));
}

void wire_encode_response_body(enum rpc rpc, const void *response, struct text *out)
{
    const struct wire_rpc *row = &wire_rpcs[rpc];
    wire_write_wrapped(out, RESPONSE_FIELD_ID, row->response_kind, row->response, response);
}
