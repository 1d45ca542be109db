#include "base/text.h"

#include "base/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *memory_allocate(size_t bytes)
{
    void *memory = calloc(1, bytes == 0 ? 1 : bytes);
    ASSERT(memory != NULL);
    return memory;
}

void *memory_resize(void *memory, size_t bytes)
{
    void *resized = realloc(memory, bytes == 0 ? 1 : bytes);
    ASSERT(resized != NULL);
    return resized;
}

char *memory_copy_string(const char *string)
{
    size_t bytes = strlen(string) + 1;
    return memcpy(memory_allocate(bytes), string, bytes);
}

struct slice slice_of(const char *string)
{
    return (struct slice){string, string == NULL ? 0 : strlen(string)};
}

bool slice_equals(struct slice slice, const char *string)
{
    size_t length = strlen(string);
    return slice.length == length && (length == 0 || memcmp(slice.bytes, string, length) == 0);
}

void text_clear(struct text *text)
{
    free(text->bytes);
    *text = (struct text){0};
}

void text_reset(struct text *text)
{
    text->length = 0;
    if (text->bytes != NULL) {
        text->bytes[0] = '\0';
    }
}

const char *text_string(const struct text *text)
{
    return text->bytes == NULL ? "" : text->bytes;
}

char *text_take(struct text *text)
{
    char *bytes = text->bytes == NULL ? memory_copy_string("") : text->bytes;
    *text = (struct text){0};
    return bytes;
}

char *text_reserve(struct text *text, size_t more)
{
    ASSERT(more < SIZE_MAX / 2 - text->length - 1);
    size_t needed = text->length + more + 1;
    if (needed > text->capacity) {
        size_t capacity = text->capacity == 0 ? 64 : text->capacity;
        while (capacity < needed) {
            capacity *= 2;
        }
        text->bytes = memory_resize(text->bytes, capacity);
        text->capacity = capacity;
        text->bytes[text->length] = '\0';
    }
    return text->bytes + text->length;
}

void text_append(struct text *text, const void *bytes, size_t length)
{
    char *end = text_reserve(text, length);
    if (length > 0) {
        memcpy(end, bytes, length);
    }
    end[length] = '\0';
    text->length += length;
}

void text_append_string(struct text *text, const char *string)
{
    text_append(text, string, strlen(string));
}

void text_append_char(struct text *text, char c)
{
    text_append(text, &c, 1);
}

void text_append_va(struct text *text, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int wanted = vsnprintf(NULL, 0, format, again);
    va_end(again);
    ASSERT(wanted >= 0);
    char *end = text_reserve(text, (size_t)wanted);
    vsnprintf(end, (size_t)wanted + 1, format, args);
    text->length += (size_t)wanted;
}

void text_printf(struct text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    text_append_va(text, format, args);
    va_end(args);
}

void text_drop_front(struct text *text, size_t length)
{
    ASSERT(length <= text->length);
    if (length == 0) {
        return;
    }
    memmove(text->bytes, text->bytes + length, text->length - length + 1);
    text->length -= length;
}

size_t text_distance(const char *a, const char *b)
{
    enum { LONGEST = 64 };
    size_t a_length = strnlen(a, LONGEST);
    size_t b_length = strnlen(b, LONGEST);
    size_t row[LONGEST + 1];
    for (size_t j = 0; j <= b_length; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t replace = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            size_t shorter = row[j] < row[j - 1] ? row[j] : row[j - 1];
            row[j] = replace < shorter + 1 ? replace : shorter + 1;
        }
    }
    return row[b_length];
}
