/* wire/codec.h - descriptors of Pegasus's structs, and the one encoder and decoder they drive.
 *
 * Floor: wire; private to it. A generic Thrift skipper cannot work here: error_code, rpc_address,
 * gpid and host_port travel under a struct's type byte without a stop byte, so what a field holds
 * is known from its row only. Facts: reference protocol section 4. */
#ifndef PEGFLOW_WIRE_CODEC_H
#define PEGFLOW_WIRE_CODEC_H

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"
#include "wire/messages.h"

#include <stddef.h>
#include <stdint.h>

/* Thrift's type bytes. */
enum wire_type {
    WIRE_STOP = 0x00,
    WIRE_BOOL = 0x02,
    WIRE_BYTE = 0x03,
    WIRE_DOUBLE = 0x04,
    WIRE_I16 = 0x06,
    WIRE_I32 = 0x08,
    WIRE_I64 = 0x0A,
    WIRE_STRING = 0x0B,
    WIRE_STRUCT = 0x0C,
    WIRE_MAP = 0x0D,
    WIRE_SET = 0x0E,
    WIRE_LIST = 0x0F,
};

/* What a value is, in C and on the wire. */
enum wire_kind {
    KIND_BOOL,      /* bool */
    KIND_I32,       /* int32_t */
    KIND_I64,       /* int64_t */
    KIND_STRING,    /* struct slice */
    KIND_ERROR,     /* struct slice: a string under the type byte of a struct */
    KIND_ADDRESS,   /* struct address: 8 bytes under it */
    KIND_GPID,      /* struct gpid: 8 bytes under it */
    KIND_HOST_PORT, /* struct host_port: string, port, kind under it */
    KIND_STRUCT,    /* described by wire_field.element */
    KIND_COUNT
};

enum wire_shape {
    SHAPE_ONE,
    SHAPE_LIST, /* struct wire_list of the kind */
    SHAPE_MAP,  /* struct wire_list of element, whose two rows are key and value */
};

enum { WIRE_ALWAYS = UINT16_MAX }; /* wire_field.presence of what is not optional */

struct wire_struct;
struct wire_field {
    const char *name;
    int16_t id;
    enum wire_kind kind;
    enum wire_shape shape;
    uint16_t offset;
    uint16_t presence; /* offset of the bool that says whether it travels, or WIRE_ALWAYS */
    const struct wire_struct *element;
};

struct wire_struct {
    const char *name;
    size_t bytes;
    const struct wire_field *fields; /* ids rising, which is the order of upstream's writers */
    size_t field_count;
};

/* One RPC. A value of `response_kind` is what field 0 of its result holds. */
struct wire_rpc {
    const char *name;
    const struct wire_struct *request;
    const struct wire_struct *response;
    enum wire_kind response_kind; /* KIND_STRUCT, or KIND_STRING: its text is at offset 0 */
};
extern const struct wire_rpc wire_rpcs[RPC_COUNT];

/* Of a version 1 request header. */
struct wire_request_meta {
    int32_t app_id;
    int32_t partition;
    int32_t timeout_ms;
    int64_t partition_hash;
    bool is_backup;
    bool has_app_id;
    bool has_partition;
    bool has_timeout;
    bool has_partition_hash;
    bool has_backup;
};
extern const struct wire_struct wire_request_meta_struct;

/* Bytes to be read. A failed read fills `err` and leaves the reader unusable. */
struct wire_reader {
    const unsigned char *at;
    const unsigned char *end;
    struct arena *arena; /* for lists */
    size_t list_budget;  /* bytes that lists may still take in it */
    struct error *err;
};
/* Lists may take no more than a multiple of what is read, so no peer makes us allocate more. */
void wire_reader_init(struct wire_reader *reader, const char *bytes, size_t length,
                      struct arena *arena, struct error *err);
size_t wire_reader_left(const struct wire_reader *reader);
bool wire_read_u8(struct wire_reader *reader, uint8_t *out);
bool wire_read_i32(struct wire_reader *reader, int32_t *out);
bool wire_read_string(struct wire_reader *reader, struct slice *out);
/* A struct with its stop byte, into zeroed memory of `type->bytes`. Linear in what is read. */
bool wire_read_struct(struct wire_reader *reader, const struct wire_struct *type, void *out);
/* What a call or a result holds: a struct whose one field has an id of 0 .. max_id. */
bool wire_read_wrapped(struct wire_reader *reader, int16_t max_id, enum wire_kind kind,
                       const struct wire_struct *type, void *out);

void wire_write_u8(struct text *out, uint8_t value);
void wire_write_i32(struct text *out, int32_t value);
void wire_write_string(struct text *out, struct slice value);
void wire_write_struct(struct text *out, const struct wire_struct *type, const void *value);
void wire_write_wrapped(struct text *out, int16_t id, enum wire_kind kind,
                        const struct wire_struct *type, const void *value);

/* The type byte under which a kind travels, and its size in C (0 for KIND_STRUCT). */
enum wire_type wire_type_of(enum wire_kind kind);
size_t wire_kind_bytes(enum wire_kind kind);

#endif
