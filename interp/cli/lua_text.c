#include "cli/lua_text.h"

void lua_text_append_string(struct text *out, const char *string)
{
    text_append_char(out, '"');
    for (const char *c = string; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ') {
            text_printf(out, "\\%03d", *c);
            continue;
        }
        if (*c == '"' || *c == '\\') {
            text_append_char(out, '\\');
        }
        text_append_char(out, *c);
    }
    text_append_char(out, '"');
}
