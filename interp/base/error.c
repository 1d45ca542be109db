#include "base/error.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    int exit_code;
    const char *name;
} codes[ERROR_CODE_COUNT] = {
#define X(code, exit_code, name) [code] = {exit_code, name},
    ERROR_CODES(X)
#undef X
};

static void mark_cut(char *text, size_t wanted)
{
    if (wanted >= ERROR_TEXT_BYTES) {
        memcpy(text + ERROR_TEXT_BYTES - 4, "...", 4);
    }
}

void error_set_va(struct error *err, enum error_code code, const char *format, va_list args)
{
    err->code = code;
    int wanted = vsnprintf(err->text, sizeof err->text, format, args);
    mark_cut(err->text, wanted < 0 ? 0 : (size_t)wanted);
}

void error_set(struct error *err, enum error_code code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    error_set_va(err, code, format, args);
    va_end(args);
}

void error_set_errno(struct error *err, int errno_value, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    error_set_va(err, ERROR_SYSTEM, format, args);
    va_end(args);
    size_t used = strlen(err->text);
    int wanted = snprintf(err->text + used, sizeof err->text - used, ": %s", strerror(errno_value));
    mark_cut(err->text, used + (wanted < 0 ? 0 : (size_t)wanted));
}

void error_wrap(struct error *err, const char *format, ...)
{
    char inner[ERROR_TEXT_BYTES];
    memcpy(inner, err->text, sizeof inner);
    va_list args;
    va_start(args, format);
    int wanted = vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    size_t used = strlen(err->text);
    int more = snprintf(err->text + used, sizeof err->text - used, ": %s", inner);
    mark_cut(err->text, (wanted < 0 ? 0 : (size_t)wanted) + (more < 0 ? 0 : (size_t)more));
}

int error_exit_code(enum error_code code)
{
    return codes[code].exit_code;
}

const char *error_code_name(enum error_code code)
{
    return codes[code].name;
}

void error_list_init(struct error_list *list)
{
    *list = (struct error_list){0};
}

void error_list_clear(struct error_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].file);
        free(list->items[i].text);
    }
    free(list->items);
    error_list_init(list);
}

void error_list_add(struct error_list *list, const char *file, int line, const char *format, ...)
{
    if (list->count == ERROR_LIST_LIMIT) {
        list->dropped++;
        return;
    }
    if (list->count == list->capacity) {
        list->capacity = list->capacity == 0 ? 8 : list->capacity * 2;
        list->items = memory_resize(list->items, list->capacity * sizeof *list->items);
    }
    struct text text = {0};
    va_list args;
    va_start(args, format);
    text_append_va(&text, format, args);
    va_end(args);
    list->items[list->count++] = (struct error_item){
        .file = file == NULL ? NULL : memory_copy_string(file),
        .line = line,
        .text = text_take(&text),
    };
}

_Noreturn void assert_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "pegflow: internal error: %s (%s:%d)\n", condition, file, line);
    abort();
}
