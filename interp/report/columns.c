#include "report/columns.h"

#include <string.h>

/* One character: how many bytes, how wide; `shown` is false for what must not reach a terminal. */
struct character {
    size_t bytes;
    size_t width;
    bool shown;
};

/* The ranges that terminals show two columns wide: East Asian ones and pictures. */
static bool is_wide(uint32_t code)
{
    return (code >= 0x1100 && code <= 0x115f) || (code >= 0x2e80 && code <= 0xa4cf) ||
           (code >= 0xac00 && code <= 0xd7a3) || (code >= 0xf900 && code <= 0xfaff) ||
           (code >= 0xfe30 && code <= 0xfe6f) || (code >= 0xff00 && code <= 0xff60) ||
           (code >= 0xffe0 && code <= 0xffe6) || (code >= 0x1f300 && code <= 0x1faff) ||
           (code >= 0x20000 && code <= 0x3fffd);
}

/* Marks that join what is before them, and those that turn the direction of what follows. */
static bool is_hidden(uint32_t code)
{
    return (code >= 0x80 && code < 0xa0) || (code >= 0x200b && code <= 0x200f) ||
           (code >= 0x2028 && code <= 0x202e) || (code >= 0x2060 && code <= 0x2069) ||
           code == 0xfeff;
}

static struct character character_at(const char *text)
{
    const unsigned char *bytes = (const unsigned char *)text;
    static const struct {
        unsigned char mask;
        unsigned char lead;
        uint32_t least;
    } forms[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
    for (size_t more = 0; more < sizeof forms / sizeof forms[0]; more++) {
        if ((bytes[0] & forms[more].mask) != forms[more].lead) {
            continue;
        }
        uint32_t code = bytes[0] & (unsigned char)~forms[more].mask;
        for (size_t i = 1; i <= more; i++) {
            if ((bytes[i] & 0xc0) != 0x80) { /* the end of the text too */
                return (struct character){i, 1, false};
            }
            code = code << 6 | (bytes[i] & 0x3f);
        }
        bool shown = code >= 0x20 && code != 0x7f && code >= forms[more].least &&
                     code <= 0x10ffff && !is_hidden(code);
        bool joins = code >= 0x300 && code <= 0x36f;
        return (struct character){more + 1, joins ? 0 : shown && is_wide(code) ? 2 : 1, shown};
    }
    return (struct character){1, 1, false};
}

size_t columns_of(const char *text)
{
    size_t width = 0;
    while (*text != '\0') {
        size_t sequence = text[0] == '\033' && text[1] == '[' ? strcspn(text, "m") : 0;
        if (sequence > 0) {
            text += sequence + (text[sequence] == 'm' ? 1 : 0);
            continue;
        }
        struct character character = character_at(text);
        width += character.width;
        text += character.bytes;
    }
    return width;
}

static void append_character(struct text *out, const char *text, struct character character)
{
    bool blank = text[0] == '\n' || text[0] == '\t' || text[0] == '\r';
    if (character.shown) {
        text_append(out, text, character.bytes);
    } else {
        text_append_char(out, blank ? ' ' : '?');
    }
}

/* Width as shown, of the whole text: what is hidden counts as the '?' in its place. */
static size_t shown_width(const char *text)
{
    size_t width = 0;
    while (*text != '\0') {
        struct character character = character_at(text);
        width += character.width;
        text += character.bytes;
    }
    return width;
}

size_t columns_append(struct text *out, const char *text, size_t width)
{
    static const char dots[] = "...";
    bool whole = shown_width(text) <= width;
    size_t room = whole ? width : width > sizeof dots - 1 ? width - (sizeof dots - 1) : 0;
    size_t used = 0;
    while (*text != '\0') {
        struct character character = character_at(text);
        if (used + character.width > room) {
            break;
        }
        append_character(out, text, character);
        used += character.width;
        text += character.bytes;
    }
    for (size_t i = 0; !whole && dots[i] != '\0' && used < width; i++) {
        text_append_char(out, '.');
        used++;
    }
    return used;
}

const char *columns_take(struct text *out, const char *text, size_t width)
{
    size_t used = 0;
    const char *end = text;   /* behind the last character that fits */
    const char *blank = NULL; /* the last one before it */
    while (*end != '\0') {
        struct character character = character_at(end);
        if (used + character.width > width && end > text) {
            break;
        }
        if (*end == ' ') {
            blank = end;
        }
        used += character.width;
        end += character.bytes;
    }
    if (*end != '\0' && *end != ' ' && blank != NULL && blank > text) {
        end = blank;
    }
    while (text < end) {
        struct character character = character_at(text);
        append_character(out, text, character);
        text += character.bytes;
    }
    return text + strspn(text, " ");
}
