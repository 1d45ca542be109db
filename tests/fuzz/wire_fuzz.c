/* Bytes from a peer, decoded as every message: nothing may crash, hang or be read wrongly.
 *
 * The first byte chooses the RPC and the direction; the rest is a body, or a whole frame when the
 * top bit is set. `wire_fuzz --write-corpus=DIR` makes a corpus from the recorded samples. */
#include "wire/wire.h"

#include <cjson/cJSON.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FRAME_BIT = 0x80, REQUEST_BIT = 0x40, RPC_MASK = 0x3F };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct arena arena;
static struct error err;

static bool decode(enum rpc rpc, bool is_request, struct slice body, void *out)
{
    return is_request ? wire_decode_arguments(rpc, body, &arena, out, &err)
                      : wire_decode_response(rpc, body, &arena, out, &err);
}

/* The body alone, as a frame's decoder gives it. */
static struct slice encode(enum rpc rpc, bool is_request, const void *value, struct text *out)
{
    struct wire_request request;
    if (!is_request) {
        wire_encode_response_body(rpc, value, out);
        return (struct slice){out->bytes, out->length};
    }
    wire_encode_request(rpc, 1, 1000, value, out);
    ASSERT(wire_decode_request(out->bytes, out->length, &request, &err));
    return request.body;
}

static void try_body(enum rpc rpc, bool is_request, struct slice body)
{
    struct text once = {0};
    struct text twice = {0};
    void *value = memory_allocate(is_request ? rpc_request_bytes(rpc) : rpc_response_bytes(rpc));
    if (decode(rpc, is_request, body, value)) {
        struct slice first = encode(rpc, is_request, value, &once);
        ASSERT(decode(rpc, is_request, first, value));
        struct slice second = encode(rpc, is_request, value, &twice);
        ASSERT(first.length == second.length);
        ASSERT(memcmp(first.bytes, second.bytes, first.length) == 0);
    }
    free(value);
    text_clear(&once);
    text_clear(&twice);
    arena_reset(&arena);
}

static void try_request(const char *bytes, size_t length)
{
    struct wire_request request;
    size_t frame_bytes = 0;
    if (wire_scan_request(bytes, length, &frame_bytes, &err) != WIRE_COMPLETE) {
        return;
    }
    ASSERT(frame_bytes <= length);
    if (wire_decode_request(bytes, frame_bytes, &request, &err) && request.known) {
        try_body(request.rpc, true, request.body);
    }
}

static void try_reply(enum rpc rpc, const char *bytes, size_t length)
{
    struct wire_reply reply;
    size_t frame_bytes = 0;
    if (wire_scan_reply(bytes, length, &frame_bytes, &err) != WIRE_COMPLETE) {
        return;
    }
    ASSERT(frame_bytes <= length);
    if (wire_decode_reply(bytes, frame_bytes, &reply, &err)) {
        try_body(rpc, false, reply.body);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    enum rpc rpc = (enum rpc)((data[0] & RPC_MASK) % RPC_COUNT);
    bool is_request = (data[0] & REQUEST_BIT) != 0;
    const char *bytes = (const char *)data + 1;
    if ((data[0] & FRAME_BIT) == 0) {
        try_body(rpc, is_request, (struct slice){bytes, size - 1});
    } else if (is_request) {
        try_request(bytes, size - 1);
    } else {
        try_reply(rpc, bytes, size - 1);
    }
    return 0;
}

/* ---- the corpus */

static void write_input(const char *dir, const char *name, const char *kind, uint8_t first,
                        struct slice bytes)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s-%s", dir, name, kind);
    FILE *file = fopen(path, "wb");
    ASSERT(file != NULL);
    fputc(first, file);
    fwrite(bytes.bytes, 1, bytes.length, file);
    fclose(file);
}

static struct slice unhex(const cJSON *json, const char *key)
{
    const char *hex = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, key));
    ASSERT(hex != NULL);
    size_t length = strlen(hex) / 2;
    char *bytes = memory_allocate(length);
    for (size_t i = 0; i < length; i++) {
        char digits[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
        bytes[i] = (char)strtoul(digits, NULL, 16);
    }
    return (struct slice){bytes, length};
}

static void write_sample(const char *dir, const char *name, const char *path)
{
    static char content[1 << 20];
    FILE *file = fopen(path, "rb");
    ASSERT(file != NULL);
    size_t length = fread(content, 1, sizeof content - 1, file);
    content[length] = '\0';
    fclose(file);

    cJSON *json = cJSON_Parse(content);
    struct slice request_bytes = unhex(json, "request");
    struct slice reply_bytes = unhex(json, "response");
    struct wire_request request;
    struct wire_reply reply;
    ASSERT(wire_decode_request(request_bytes.bytes, request_bytes.length, &request, &err));
    ASSERT(wire_decode_reply(reply_bytes.bytes, reply_bytes.length, &reply, &err));
    uint8_t rpc = (uint8_t)request.rpc;
    write_input(dir, name, "request-frame", FRAME_BIT | REQUEST_BIT | rpc, request_bytes);
    write_input(dir, name, "reply-frame", FRAME_BIT | rpc, reply_bytes);
    write_input(dir, name, "request", REQUEST_BIT | rpc, request.body);
    write_input(dir, name, "reply", rpc, reply.body);
    free((char *)request_bytes.bytes);
    free((char *)reply_bytes.bytes);
    cJSON_Delete(json);
}

static void write_corpus(const char *into)
{
    static const char *const releases[] = {"2.5", "master"};
    for (size_t i = 0; i < sizeof releases / sizeof *releases; i++) {
        char path[1024];
        char name[512];
        snprintf(path, sizeof path, "tests/data/samples/%s/rpc", releases[i]);
        DIR *dir = opendir(path);
        ASSERT(dir != NULL);
        for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
            if (entry->d_name[0] != '.') {
                snprintf(path, sizeof path, "tests/data/samples/%s/rpc/%s", releases[i],
                         entry->d_name);
                snprintf(name, sizeof name, "%s-%s", releases[i], entry->d_name);
                write_sample(into, name, path);
            }
        }
        closedir(dir);
    }
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const char flag[] = "--write-corpus=";
    arena_init(&arena);
    if (*argc == 2 && strncmp((*argv)[1], flag, sizeof flag - 1) == 0) {
        write_corpus((*argv)[1] + sizeof flag - 1);
        exit(EXIT_SUCCESS);
    }
    return 0;
}
