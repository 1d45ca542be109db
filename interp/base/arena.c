#include "base/arena.h"

#include "base/error.h"
#include "base/text.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct arena_block {
    struct arena_block *older;
    size_t size;
    alignas(max_align_t) char bytes[];
};

enum { FIRST_BLOCK_BYTES = 4096 };

void arena_init(struct arena *arena)
{
    *arena = (struct arena){0};
}

static void free_blocks(struct arena_block *block)
{
    while (block != NULL) {
        struct arena_block *older = block->older;
        free(block);
        block = older;
    }
}

void arena_clear(struct arena *arena)
{
    free_blocks(arena->newest);
    arena_init(arena);
}

static struct arena_block *new_block(size_t size, struct arena_block *older)
{
    struct arena_block *block = memory_resize(NULL, sizeof *block + size);
    block->older = older;
    block->size = size;
    return block;
}

void arena_reset(struct arena *arena)
{
    if (arena->newest != NULL && arena->newest->older != NULL) {
        /* One block as large as all were: the next use of the same size needs no other. */
        free_blocks(arena->newest);
        arena->newest = new_block(arena->total, NULL);
    }
    arena->used = 0;
}

void *arena_allocate(struct arena *arena, size_t bytes)
{
    ASSERT(bytes < SIZE_MAX / 4);
    size_t align = alignof(max_align_t);
    size_t rounded = (bytes + align - 1) / align * align;
    if (arena->newest == NULL || arena->newest->size - arena->used < rounded) {
        size_t size = arena->total < FIRST_BLOCK_BYTES ? FIRST_BLOCK_BYTES : arena->total;
        while (size < rounded) {
            size *= 2;
        }
        arena->newest = new_block(size, arena->newest);
        arena->used = 0;
        arena->total += size;
    }
    void *memory = arena->newest->bytes + arena->used;
    arena->used += rounded;
    return memset(memory, 0, rounded);
}

char *arena_copy_bytes(struct arena *arena, const char *bytes, size_t length)
{
    char *copy = arena_allocate(arena, length + 1);
    if (length > 0) {
        memcpy(copy, bytes, length);
    }
    return copy;
}

char *arena_copy_string(struct arena *arena, const char *string)
{
    return arena_copy_bytes(arena, string, strlen(string));
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_list again;
    va_start(args, format);
    va_copy(again, args);
    int wanted = vsnprintf(NULL, 0, format, args);
    va_end(args);
    ASSERT(wanted >= 0);
    char *string = arena_allocate(arena, (size_t)wanted + 1);
    vsnprintf(string, (size_t)wanted + 1, format, again);
    va_end(again);
    return string;
}
