#include "report/canvas.h"

#include "report/columns.h"

#include <stdio.h>

static const char *const style_begins[] = {"", "\033[1m", "\033[32m", "\033[1;33m", "\033[1;31m"};

void canvas_put(struct canvas *canvas, enum style style, const char *text)
{
    bool styled = style != STYLE_PLAIN && canvas->colour;
    if (canvas->used >= canvas->width) {
        return;
    }
    if (styled) {
        text_append_string(canvas->out, style_begins[style]);
    }
    canvas->used += columns_append(canvas->out, text, canvas->width - canvas->used);
    if (styled) {
        text_append_string(canvas->out, "\033[0m");
    }
}

void canvas_printf(struct canvas *canvas, enum style style, const char *format, ...)
{
    struct text text = {0};
    va_list args;
    va_start(args, format);
    text_append_va(&text, format, args);
    va_end(args);
    canvas_put(canvas, style, text_string(&text));
    text_clear(&text);
}

void canvas_end_line(struct canvas *canvas)
{
    text_append_char(canvas->out, '\n');
    canvas->used = 0;
}

void canvas_begin_line(struct canvas *canvas, enum style style, const char *label)
{
    char padded[LABEL_COLUMNS + 1];
    snprintf(padded, sizeof padded, "%-*s", LABEL_COLUMNS, label);
    canvas_put(canvas, style, padded);
}

void canvas_put_wrapped(struct canvas *canvas, enum style style, const char *label,
                        const char *text, int lines)
{
    struct text part = {0};
    canvas_begin_line(canvas, style, label);
    size_t room = canvas->width > LABEL_COLUMNS + 1 ? canvas->width - LABEL_COLUMNS : canvas->width;
    for (int line = 1; *text != '\0'; line++) {
        if (line == lines) {
            canvas_put(canvas, STYLE_PLAIN, text);
            break;
        }
        text_reset(&part);
        text = columns_take(&part, text, room);
        canvas_put(canvas, STYLE_PLAIN, text_string(&part));
        if (*text != '\0') {
            canvas_end_line(canvas);
            canvas_begin_line(canvas, STYLE_PLAIN, "");
        }
    }
    canvas_end_line(canvas);
    text_clear(&part);
}
