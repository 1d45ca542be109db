/* base/arena.h - memory that is freed whole.
 *
 * Floor: base. A run, a workflow file and a snapshot each own one. Nothing allocated here is freed
 * by itself; arena_reset keeps the memory as one block, so a poll that uses the same arena each time
 * allocates nothing once it has seen the largest answer. */
#ifndef PEGFLOW_BASE_ARENA_H
#define PEGFLOW_BASE_ARENA_H

#include <stddef.h>

struct arena_block;
struct arena {
    struct arena_block *newest;
    size_t used;  /* of the newest block */
    size_t total; /* bytes of all blocks */
};

void arena_init(struct arena *arena);
void arena_clear(struct arena *arena); /* frees; the arena may be used again */
void arena_reset(struct arena *arena); /* everything in it is gone; memory is kept for the next use */

void *arena_allocate(struct arena *arena, size_t bytes); /* zeroed, aligned for any type */
char *arena_copy_string(struct arena *arena, const char *string);
char *arena_copy_bytes(struct arena *arena, const char *bytes, size_t length); /* adds a NUL */
char *arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
