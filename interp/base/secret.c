#include "base/secret.h"

#include <string.h>

/* BEGIN env "NAME" END: shown as it is, it reads as it was written. */
static const char begin_plain = '\x01';
static const char begin_json = '\x03';
static const char end_mark = '\x02';
static const char head[] = "env \"";
enum { HEAD_BYTES = sizeof head - 1 };

void secret_write_mark(struct text *out, const char *name, bool in_json)
{
    text_append_char(out, in_json ? begin_json : begin_plain);
    text_printf(out, "%s%s\"", head, name);
    text_append_char(out, end_mark);
}

bool secret_is_name(const char *name)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
    size_t length = strspn(name, letters);
    return length > 0 && name[length] == '\0' && length < SECRET_NAME_BYTES &&
           (name[0] < '0' || name[0] > '9');
}

size_t secret_read_mark(const char *text, char name[SECRET_NAME_BYTES], bool *in_json)
{
    if ((text[0] != begin_plain && text[0] != begin_json) ||
        strncmp(text + 1, head, HEAD_BYTES) != 0) {
        return 0;
    }
    const char *start = text + 1 + HEAD_BYTES;
    size_t length = strcspn(start, "\"");
    if (start[length] != '"' || start[length + 1] != end_mark || length >= SECRET_NAME_BYTES) {
        return 0;
    }
    memcpy(name, start, length);
    name[length] = '\0';
    *in_json = text[0] == begin_json;
    return secret_is_name(name) ? 1 + HEAD_BYTES + length + 2 : 0;
}

bool secret_is_in(const char *text)
{
    const char bytes[] = {begin_plain, begin_json, '\0'};
    return strpbrk(text, bytes) != NULL;
}

static void write_without_marks(const char *text, bool show, struct text *out)
{
    char name[SECRET_NAME_BYTES];
    bool in_json;
    while (*text != '\0') {
        size_t length = secret_read_mark(text, name, &in_json);
        if (length > 0 && show) {
            text_append(out, text + 1, length - 2);
        } else if (length == 0 && *text != begin_plain && *text != begin_json &&
                   *text != end_mark) {
            text_append_char(out, *text);
        }
        text += length > 0 ? length : 1;
    }
}

void secret_show(const char *text, struct text *out)
{
    write_without_marks(text, true, out);
}

void secret_leave_out(const char *text, struct text *out)
{
    write_without_marks(text, false, out);
}
