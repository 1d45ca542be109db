/* base/text.h - growing bytes, slices, and allocation that never returns NULL.
 *
 * Floor: base. Out of memory aborts: so bound a size from a peer or a file before it gets here. */
#ifndef PEGFLOW_BASE_TEXT_H
#define PEGFLOW_BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *memory_allocate(size_t bytes); /* zeroed; free() it */
void *memory_resize(void *memory, size_t bytes);
char *memory_copy_string(const char *string);

/* Bytes that somebody else owns; not NUL-terminated. */
struct slice {
    const char *bytes;
    size_t length;
};
struct slice slice_of(const char *string); /* NULL gives the empty slice */
bool slice_equals(struct slice slice, const char *string);

/* Owned bytes. `bytes` is NULL while nothing was appended, else NUL-terminated. Zero-initialise. */
struct text {
    char *bytes;
    size_t length;
    size_t capacity;
};
void text_clear(struct text *text); /* frees */
void text_reset(struct text *text); /* length 0, memory kept */
const char *text_string(const struct text *text); /* "" when empty; invalid after an append */
char *text_take(struct text *text); /* the caller frees; never NULL; `text` is empty again */
void text_append(struct text *text, const void *bytes, size_t length);
void text_append_string(struct text *text, const char *string);
void text_append_char(struct text *text, char c);
void text_printf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_append_va(struct text *text, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
void text_drop_front(struct text *text, size_t length); /* length <= text->length */
char *text_reserve(struct text *text, size_t more); /* room behind `length`; caller adds to length */

/* The edit distance of two short words, for "did you mean"; at most 64 bytes of each count. */
size_t text_distance(const char *a, const char *b);

#endif
