#include "wire/codec.h"
#include "wire/wire.h"

#include <inttypes.h>
#include <string.h>

enum {
    LIST_BYTES_PER_BYTE = 8, /* our structs are at most four times what travels */
    LIST_BYTES_ALWAYS = 64 << 10,
    SKIP_DEPTH_LIMIT = 8,
    HOST_LIMIT_BYTES = 255, /* of a host name, RFC 1035 */
};

void wire_reader_init(struct wire_reader *reader, const char *bytes, size_t length,
                      struct arena *arena, struct error *err)
{
    const unsigned char *at = (const unsigned char *)bytes;
    *reader = (struct wire_reader){
        .at = at,
        .end = length == 0 ? at : at + length,
        .arena = arena,
        .list_budget = LIST_BYTES_ALWAYS + length * LIST_BYTES_PER_BYTE,
        .err = err,
    };
}

size_t wire_reader_left(const struct wire_reader *reader)
{
    return (size_t)(reader->end - reader->at);
}

static bool need(struct wire_reader *reader, size_t bytes)
{
    if (wire_reader_left(reader) < bytes) {
        error_set(reader->err, ERROR_PEER, "%zu bytes are left where %zu are needed",
                  wire_reader_left(reader), bytes);
        return false;
    }
    return true;
}

static bool read_big_endian(struct wire_reader *reader, size_t bytes, uint64_t *out)
{
    if (!need(reader, bytes)) {
        return false;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++) {
        value = value << 8 | reader->at[i];
    }
    reader->at += bytes;
    *out = value;
    return true;
}

bool wire_read_u8(struct wire_reader *reader, uint8_t *out)
{
    uint64_t value;
    if (!read_big_endian(reader, 1, &value)) {
        return false;
    }
    *out = (uint8_t)value;
    return true;
}

bool wire_read_i32(struct wire_reader *reader, int32_t *out)
{
    uint64_t value;
    if (!read_big_endian(reader, 4, &value)) {
        return false;
    }
    *out = (int32_t)(uint32_t)value;
    return true;
}

bool wire_read_string(struct wire_reader *reader, struct slice *out)
{
    int32_t length;
    if (!wire_read_i32(reader, &length)) {
        return false;
    }
    if (length < 0 || (size_t)length > wire_reader_left(reader)) {
        error_set(reader->err, ERROR_PEER,
                  "a string announces %" PRId32 " bytes where %zu are left", length,
                  wire_reader_left(reader));
        return false;
    }
    *out = (struct slice){(const char *)reader->at, (size_t)length};
    reader->at += length;
    return true;
}

static bool read_bool(struct wire_reader *reader, bool *out)
{
    uint8_t value;
    if (!wire_read_u8(reader, &value)) {
        return false;
    }
    if (value > 1) {
        error_set(reader->err, ERROR_PEER, "a bool is %u, neither 0 nor 1", (unsigned)value);
        return false;
    }
    *out = value == 1;
    return true;
}

static bool known_kind(struct wire_reader *reader, uint32_t kind)
{
    if (kind > ADDRESS_GROUP) {
        error_set(reader->err, ERROR_PEER, "an address of kind %" PRIu32 ", which does not exist",
                  kind);
        return false;
    }
    return true;
}

static bool read_address(struct wire_reader *reader, struct address *out)
{
    uint64_t value;
    if (!read_big_endian(reader, 8, &value) || !known_kind(reader, value & 0xFFFF)) {
        return false;
    }
    *out = (struct address){
        .ip = (uint32_t)(value >> 32), .port = (uint16_t)(value >> 16), .kind = (uint8_t)value};
    return true;
}

static bool read_gpid(struct wire_reader *reader, struct gpid *out)
{
    return wire_read_i32(reader, &out->partition) && wire_read_i32(reader, &out->app_id);
}

static bool read_host_port(struct wire_reader *reader, struct host_port *out)
{
    struct slice host;
    uint64_t port;
    uint8_t kind;
    if (!wire_read_string(reader, &host) || !read_big_endian(reader, 2, &port) ||
        !wire_read_u8(reader, &kind) || !known_kind(reader, kind)) {
        return false;
    }
    if (host.length > HOST_LIMIT_BYTES ||
        (host.length > 0 && memchr(host.bytes, '\0', host.length) != NULL)) {
        error_set(reader->err, ERROR_PEER, "a host name of %zu bytes, longer than %d or with a NUL",
                  host.length, HOST_LIMIT_BYTES);
        return false;
    }
    *out = (struct host_port){.host = host, .port = (uint16_t)port, .kind = kind};
    return true;
}

static bool read_value(struct wire_reader *reader, enum wire_kind kind,
                       const struct wire_struct *element, void *out)
{
    uint64_t value;
    switch (kind) {
    case KIND_BOOL:
        return read_bool(reader, out);
    case KIND_I32:
        return wire_read_i32(reader, out);
    case KIND_I64:
        if (!read_big_endian(reader, 8, &value)) {
            return false;
        }
        *(int64_t *)out = (int64_t)value;
        return true;
    case KIND_STRING:
    case KIND_ERROR:
        return wire_read_string(reader, out);
    case KIND_ADDRESS:
        return read_address(reader, out);
    case KIND_GPID:
        return read_gpid(reader, out);
    case KIND_HOST_PORT:
        return read_host_port(reader, out);
    case KIND_STRUCT:
        return wire_read_struct(reader, element, out);
    case KIND_COUNT:
        break;
    }
    ASSERT(kind < KIND_COUNT);
    return false;
}

/* A count of elements that take at least `least` bytes each, and `bytes` each in our memory. */
static bool read_count(struct wire_reader *reader, size_t least, size_t bytes, uint32_t *out)
{
    int32_t count;
    if (!wire_read_i32(reader, &count)) {
        return false;
    }
    if (count < 0 || count > WIRE_LIST_LIMIT || (size_t)count > wire_reader_left(reader) / least) {
        error_set(reader->err, ERROR_PEER,
                  "a container announces %" PRId32 " elements where %zu bytes are left", count,
                  wire_reader_left(reader));
        return false;
    }
    if ((size_t)count * bytes > reader->list_budget) {
        error_set(reader->err, ERROR_PEER,
                  "containers announce more than their bytes can hold: %" PRId32 " elements",
                  count);
        return false;
    }
    reader->list_budget -= (size_t)count * bytes;
    *out = (uint32_t)count;
    return true;
}

/* The type byte of a container's elements, which an empty one may have wrong. */
static bool expect_element(struct wire_reader *reader, uint32_t count, uint8_t type,
                           enum wire_kind kind)
{
    if (count > 0 && type != wire_type_of(kind)) {
        error_set(reader->err, ERROR_PEER, "elements of type 0x%02x where 0x%02x is expected",
                  (unsigned)type, (unsigned)wire_type_of(kind));
        return false;
    }
    return true;
}

/* The fewest bytes that a value takes: what a count is measured by. */
static size_t least_bytes(enum wire_kind kind)
{
    switch (kind) {
    case KIND_BOOL:
    case KIND_STRUCT:
        return 1;
    case KIND_I32:
    case KIND_STRING:
    case KIND_ERROR:
        return 4;
    case KIND_I64:
    case KIND_ADDRESS:
    case KIND_GPID:
        return 8;
    case KIND_HOST_PORT:
        return 7;
    case KIND_COUNT:
        break;
    }
    return 1;
}

static bool read_list(struct wire_reader *reader, const struct wire_field *field,
                      struct wire_list *out)
{
    size_t bytes =
        field->kind == KIND_STRUCT ? field->element->bytes : wire_kind_bytes(field->kind);
    uint8_t type;
    uint32_t count;
    if (!wire_read_u8(reader, &type) ||
        !read_count(reader, least_bytes(field->kind), bytes, &count) ||
        !expect_element(reader, count, type, field->kind)) {
        return false;
    }
    char *items = count == 0 ? NULL : arena_allocate(reader->arena, count * bytes);
    for (uint32_t i = 0; i < count; i++) {
        if (!read_value(reader, field->kind, field->element, items + i * bytes)) {
            error_wrap(reader->err, "element %" PRIu32, i);
            return false;
        }
    }
    *out = (struct wire_list){items, count};
    return true;
}

static bool read_map(struct wire_reader *reader, const struct wire_field *field,
                     struct wire_list *out)
{
    const struct wire_field *key = &field->element->fields[0];
    const struct wire_field *value = &field->element->fields[1];
    size_t bytes = field->element->bytes;
    size_t least = least_bytes(key->kind) + least_bytes(value->kind);
    uint8_t key_type;
    uint8_t value_type;
    uint32_t count;
    if (!wire_read_u8(reader, &key_type) || !wire_read_u8(reader, &value_type) ||
        !read_count(reader, least, bytes, &count) ||
        !expect_element(reader, count, key_type, key->kind) ||
        !expect_element(reader, count, value_type, value->kind)) {
        return false;
    }
    char *items = count == 0 ? NULL : arena_allocate(reader->arena, count * bytes);
    for (uint32_t i = 0; i < count; i++) {
        char *item = items + i * bytes;
        if (!read_value(reader, key->kind, NULL, item + key->offset) ||
            !read_value(reader, value->kind, NULL, item + value->offset)) {
            error_wrap(reader->err, "entry %" PRIu32, i);
            return false;
        }
    }
    *out = (struct wire_list){items, count};
    return true;
}

/* ---- what we do not know */

static bool skip_bytes(struct wire_reader *reader, size_t bytes)
{
    if (!need(reader, bytes)) {
        return false;
    }
    reader->at += bytes;
    return true;
}

static bool skip_value(struct wire_reader *reader, uint8_t type, int depth);

static bool skip_container(struct wire_reader *reader, bool is_map, int depth)
{
    uint8_t key_type = WIRE_STOP;
    uint8_t type;
    uint32_t count;
    if (depth >= SKIP_DEPTH_LIMIT) {
        error_set(reader->err, ERROR_PEER, "containers nested deeper than %d", SKIP_DEPTH_LIMIT);
        return false;
    }
    if ((is_map && !wire_read_u8(reader, &key_type)) || !wire_read_u8(reader, &type) ||
        !read_count(reader, is_map ? 2 : 1, 0, &count)) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        if ((is_map && !skip_value(reader, key_type, depth + 1)) ||
            !skip_value(reader, type, depth + 1)) {
            return false;
        }
    }
    return true;
}

static bool skip_value(struct wire_reader *reader, uint8_t type, int depth)
{
    struct slice string;
    switch (type) {
    case WIRE_BOOL:
    case WIRE_BYTE:
        return skip_bytes(reader, 1);
    case WIRE_I16:
        return skip_bytes(reader, 2);
    case WIRE_I32:
        return skip_bytes(reader, 4);
    case WIRE_I64:
    case WIRE_DOUBLE:
        return skip_bytes(reader, 8);
    case WIRE_STRING:
        return wire_read_string(reader, &string);
    case WIRE_SET:
    case WIRE_LIST:
        return skip_container(reader, false, depth);
    case WIRE_MAP:
        return skip_container(reader, true, depth);
    case WIRE_STRUCT:
        error_set(reader->err, ERROR_PEER,
                  "it has the type of a struct, whose end cannot be known");
        return false;
    default:
        error_set(reader->err, ERROR_PEER, "type 0x%02x does not exist", (unsigned)type);
        return false;
    }
}

/* ---- structs */

/* Rows are in the order in which fields arrive, so the search starts behind the last one found. */
static const struct wire_field *find_field(const struct wire_struct *type, int16_t id,
                                           size_t *expected)
{
    for (size_t i = 0; i < type->field_count; i++) {
        size_t row =
            *expected + i < type->field_count ? *expected + i : *expected + i - type->field_count;
        if (type->fields[row].id == id) {
            *expected = row + 1 < type->field_count ? row + 1 : 0;
            return &type->fields[row];
        }
    }
    return NULL;
}

static enum wire_type field_type(const struct wire_field *field)
{
    switch (field->shape) {
    case SHAPE_ONE:
        return wire_type_of(field->kind);
    case SHAPE_LIST:
        return WIRE_LIST;
    case SHAPE_MAP:
        return WIRE_MAP;
    }
    return WIRE_STOP;
}

static bool read_field(struct wire_reader *reader, const struct wire_struct *type,
                       const struct wire_field *field, char *base)
{
    bool ok = false;
    switch (field->shape) {
    case SHAPE_ONE:
        ok = read_value(reader, field->kind, field->element, base + field->offset);
        break;
    case SHAPE_LIST:
        ok = read_list(reader, field, (struct wire_list *)(base + field->offset));
        break;
    case SHAPE_MAP:
        ok = read_map(reader, field, (struct wire_list *)(base + field->offset));
        break;
    }
    if (!ok) {
        error_wrap(reader->err, "%s.%s", type->name, field->name);
        return false;
    }
    if (field->presence != WIRE_ALWAYS) {
        *(bool *)(base + field->presence) = true;
    }
    return true;
}

static bool read_field_header(struct wire_reader *reader, uint8_t *type, int16_t *id)
{
    uint64_t value = 0;
    if (!wire_read_u8(reader, type) ||
        (*type != WIRE_STOP && !read_big_endian(reader, 2, &value))) {
        return false;
    }
    *id = (int16_t)(uint16_t)value;
    return true;
}

bool wire_read_struct(struct wire_reader *reader, const struct wire_struct *type, void *out)
{
    size_t expected = 0;
    for (;;) {
        uint8_t wire_type;
        int16_t id;
        if (!read_field_header(reader, &wire_type, &id)) {
            error_wrap(reader->err, "%s", type->name);
            return false;
        }
        if (wire_type == WIRE_STOP) {
            return true;
        }
        const struct wire_field *field = find_field(type, id, &expected);
        if (field != NULL && wire_type == field_type(field)) {
            if (!read_field(reader, type, field, out)) {
                return false;
            }
        } else if (!skip_value(reader, wire_type, 0)) {
            error_wrap(reader->err, "%s: unknown field %d of type 0x%02x cannot be skipped",
                       type->name, (int)id, (unsigned)wire_type);
            return false;
        }
    }
}

bool wire_read_wrapped(struct wire_reader *reader, int16_t max_id, enum wire_kind kind,
                       const struct wire_struct *type, void *out)
{
    uint8_t wire_type;
    int16_t id;
    if (!read_field_header(reader, &wire_type, &id)) {
        return false;
    }
    if (wire_type != wire_type_of(kind) || id < 0 || id > max_id) {
        error_set(reader->err, ERROR_PEER, "field %d of type 0x%02x where the value is expected",
                  (int)id, (unsigned)wire_type);
        return false;
    }
    if (!read_value(reader, kind, type, out) || !wire_read_u8(reader, &wire_type)) {
        return false;
    }
    if (wire_type != WIRE_STOP || wire_reader_left(reader) != 0) {
        error_set(reader->err, ERROR_PEER, "%zu bytes follow the value",
                  wire_reader_left(reader) + (wire_type != WIRE_STOP ? 1 : 0));
        return false;
    }
    return true;
}
