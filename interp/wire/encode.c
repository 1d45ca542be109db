#include "wire/codec.h"

static const struct {
    enum wire_type type;
    size_t bytes;
} kinds[KIND_COUNT] = {
    [KIND_BOOL] = {WIRE_BOOL, sizeof(bool)},
    [KIND_I32] = {WIRE_I32, sizeof(int32_t)},
    [KIND_I64] = {WIRE_I64, sizeof(int64_t)},
    [KIND_STRING] = {WIRE_STRING, sizeof(struct slice)},
    [KIND_ERROR] = {WIRE_STRUCT, sizeof(struct slice)},
    [KIND_ADDRESS] = {WIRE_STRUCT, sizeof(struct address)},
    [KIND_GPID] = {WIRE_STRUCT, sizeof(struct gpid)},
    [KIND_HOST_PORT] = {WIRE_STRUCT, sizeof(struct host_port)},
    [KIND_STRUCT] = {WIRE_STRUCT, 0},
};

enum wire_type wire_type_of(enum wire_kind kind)
{
    return kinds[kind].type;
}

size_t wire_kind_bytes(enum wire_kind kind)
{
    return kinds[kind].bytes;
}

static void write_big_endian(struct text *out, uint64_t value, size_t bytes)
{
    char *at = text_reserve(out, bytes);
    for (size_t i = 0; i < bytes; i++) {
        at[i] = (char)(value >> (8 * (bytes - 1 - i)) & 0xFF);
    }
    at[bytes] = '\0';
    out->length += bytes;
}

void wire_write_u8(struct text *out, uint8_t value)
{
    write_big_endian(out, value, 1);
}

void wire_write_i32(struct text *out, int32_t value)
{
    write_big_endian(out, (uint32_t)value, 4);
}

void wire_write_string(struct text *out, struct slice value)
{
    ASSERT(value.length <= INT32_MAX);
    wire_write_i32(out, (int32_t)value.length);
    text_append(out, value.bytes, value.length);
}

static void write_address(struct text *out, const struct address *address)
{
    uint64_t value = (uint64_t)address->ip << 32 | (uint64_t)address->port << 16 | address->kind;
    write_big_endian(out, value, 8);
}

static void write_gpid(struct text *out, const struct gpid *gpid)
{
    wire_write_i32(out, gpid->partition);
    wire_write_i32(out, gpid->app_id);
}

static void write_host_port(struct text *out, const struct host_port *host_port)
{
    wire_write_string(out, host_port->host);
    write_big_endian(out, host_port->port, 2);
    wire_write_u8(out, host_port->kind);
}

static void write_value(struct text *out, enum wire_kind kind, const struct wire_struct *element,
                        const void *value)
{
    switch (kind) {
    case KIND_BOOL:
        wire_write_u8(out, *(const bool *)value ? 1 : 0);
        break;
    case KIND_I32:
        wire_write_i32(out, *(const int32_t *)value);
        break;
    case KIND_I64:
        write_big_endian(out, (uint64_t) * (const int64_t *)value, 8);
        break;
    case KIND_STRING:
    case KIND_ERROR:
        wire_write_string(out, *(const struct slice *)value);
        break;
    case KIND_ADDRESS:
        write_address(out, value);
        break;
    case KIND_GPID:
        write_gpid(out, value);
        break;
    case KIND_HOST_PORT:
        write_host_port(out, value);
        break;
    case KIND_STRUCT:
        wire_write_struct(out, element, value);
        break;
    case KIND_COUNT:
        ASSERT(kind != KIND_COUNT);
    }
}

static void write_list(struct text *out, const struct wire_field *field,
                       const struct wire_list *list)
{
    size_t bytes =
        field->kind == KIND_STRUCT ? field->element->bytes : wire_kind_bytes(field->kind);
    const char *items = list->items;
    ASSERT(list->count <= INT32_MAX);
    wire_write_u8(out, (uint8_t)wire_type_of(field->kind));
    wire_write_i32(out, (int32_t)list->count);
    for (uint32_t i = 0; i < list->count; i++) {
        write_value(out, field->kind, field->element, items + i * bytes);
    }
}

static void write_map(struct text *out, const struct wire_field *field,
                      const struct wire_list *list)
{
    const struct wire_field *key = &field->element->fields[0];
    const struct wire_field *value = &field->element->fields[1];
    ASSERT(list->count <= INT32_MAX);
    wire_write_u8(out, (uint8_t)wire_type_of(key->kind));
    wire_write_u8(out, (uint8_t)wire_type_of(value->kind));
    wire_write_i32(out, (int32_t)list->count);
    for (uint32_t i = 0; i < list->count; i++) {
        const char *item = (const char *)list->items + i * field->element->bytes;
        write_value(out, key->kind, NULL, item + key->offset);
        write_value(out, value->kind, NULL, item + value->offset);
    }
}

static void write_field_header(struct text *out, enum wire_type type, int16_t id)
{
    wire_write_u8(out, (uint8_t)type);
    write_big_endian(out, (uint16_t)id, 2);
}

void wire_write_struct(struct text *out, const struct wire_struct *type, const void *value)
{
    const char *base = value;
    ASSERT(type != NULL && value != NULL);
    for (size_t i = 0; i < type->field_count; i++) {
        const struct wire_field *field = &type->fields[i];
        if (field->presence != WIRE_ALWAYS && !*(const bool *)(base + field->presence)) {
            continue;
        }
        switch (field->shape) {
        case SHAPE_ONE:
            write_field_header(out, wire_type_of(field->kind), field->id);
            write_value(out, field->kind, field->element, base + field->offset);
            break;
        case SHAPE_LIST:
            write_field_header(out, WIRE_LIST, field->id);
            write_list(out, field, (const struct wire_list *)(base + field->offset));
            break;
        case SHAPE_MAP:
            write_field_header(out, WIRE_MAP, field->id);
            write_map(out, field, (const struct wire_list *)(base + field->offset));
            break;
        }
    }
    wire_write_u8(out, WIRE_STOP);
}

void wire_write_wrapped(struct text *out, int16_t id, enum wire_kind kind,
                        const struct wire_struct *type, const void *value)
{
    write_field_header(out, wire_type_of(kind), id);
    write_value(out, kind, type, value);
    wire_write_u8(out, WIRE_STOP);
}
