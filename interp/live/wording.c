#include "live/wording.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

const char *wording_errno(int errno_value, char buffer[WORDING_ERRNO_BYTES])
{
    snprintf(buffer, WORDING_ERRNO_BYTES, "%s", strerror(errno_value));
    buffer[0] = (char)tolower((unsigned char)buffer[0]);
    return buffer;
}

const char *wording_excerpt(const char *bytes, size_t length, char buffer[WORDING_EXCERPT_BYTES])
{
    enum { SHOWN = WORDING_EXCERPT_BYTES - 4 };
    while (length > 0 && isspace((unsigned char)bytes[length - 1])) {
        length--;
    }
    size_t shown = length > SHOWN ? SHOWN : length;
    for (size_t i = 0; i < shown; i++) {
        unsigned char c = (unsigned char)bytes[i];
        buffer[i] = (char)(isspace(c) ? ' ' : c < 0x20 || c > 0x7e ? '?' : c);
    }
    memcpy(buffer + shown, length > SHOWN ? "..." : "", length > SHOWN ? 4 : 1);
    return buffer;
}
