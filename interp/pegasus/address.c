#include "pegasus/address.h"

#include <stdio.h>
#include <string.h>

enum { LABEL_BYTES_MAX = 63, NAME_BYTES_MAX = 253 }; /* of DNS */

/* Reads 1..max_digits decimal digits, without a leading zero, up to `limit`. */
static bool read_number(const char **cursor, int max_digits, uint32_t limit, uint32_t *out)
{
    const char *at = *cursor;
    uint32_t value = 0;
    int digits = 0;
    while (*at >= '0' && *at <= '9' && digits < max_digits) {
        value = value * 10 + (uint32_t)(*at - '0');
        at++;
        digits++;
    }
    if (digits == 0 || (digits > 1 && **cursor == '0') || value > limit) {
        return false;
    }
    *cursor = at;
    *out = value;
    return true;
}

static bool read_port(const char *at, uint16_t *out)
{
    uint32_t port;
    if (*at++ != ':' || !read_number(&at, 5, UINT16_MAX, &port) || port == 0 || *at != '\0') {
        return false;
    }
    *out = (uint16_t)port;
    return true;
}

static bool read_address(const char *text, struct address *out)
{
    const char *at = text;
    uint32_t ip = 0;
    for (int i = 0; i < 4; i++) {
        uint32_t part;
        if ((i > 0 && *at++ != '.') || !read_number(&at, 3, 255, &part)) {
            return false;
        }
        ip = ip << 8 | part;
    }
    uint16_t port;
    if (!read_port(at, &port)) {
        return false;
    }
    *out = (struct address){.ip = ip, .port = port, .kind = ADDRESS_IPV4};
    return true;
}

/* Labels of letters, digits and, within, '-' and '_' (which DNS allows, and containers have). A
 * last label of digits alone is a mistyped number: no top-level domain is one. */
static bool is_host_name(const char *text, size_t length)
{
    bool digits_alone = true;
    size_t label = 0; /* bytes of it so far */
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        bool digit = c >= '0' && c <= '9';
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool edge = label == 0 || i + 1 == length || text[i + 1] == '.';
        if (c == '.' && label > 0) {
            label = 0;
            digits_alone = true;
            continue;
        }
        if (!digit && !letter && (edge || (c != '-' && c != '_'))) {
            return false;
        }
        digits_alone = digits_alone && digit;
        if (++label > LABEL_BYTES_MAX) {
            return false;
        }
    }
    return label > 0 && !digits_alone && length <= NAME_BYTES_MAX;
}

bool address_parse(const char *text, struct address *out, struct error *err)
{
    if (!read_address(text, out)) {
        error_set(err, ERROR_USAGE, "'%s' is not an address; write it as 10.0.0.3:34801", text);
        return false;
    }
    return true;
}

bool address_parse_or_name(const char *text, struct address *out, struct error *err)
{
    uint16_t port;
    if (read_address(text, out)) {
        return true;
    }
    size_t length = strcspn(text, ":");
    if (!is_host_name(text, length) || !read_port(text + length, &port)) {
        error_set(err, ERROR_USAGE,
                  "'%s' is not a server; write it as 10.0.0.3:34801 or host.example:34801", text);
        return false;
    }
    *out = (struct address){0};
    return true;
}

/* Behind its last digit. Without printf: names are written for each server at each look. */
static char *write_number(char *at, uint32_t number)
{
    char digits[10];
    int count = 0;
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    while (count > 0) {
        *at++ = digits[--count];
    }
    return at;
}

const char *address_format(struct address address, char buffer[ADDRESS_TEXT_BYTES])
{
    if (!address_is_set(address)) {
        memcpy(buffer, "-", 2);
        return buffer;
    }
    char *at = buffer;
    for (int shift = 24; shift >= 0; shift -= 8) {
        at = write_number(at, address.ip >> shift & 255);
        *at++ = shift > 0 ? '.' : ':';
    }
    *write_number(at, address.port) = '\0';
    return buffer;
}

bool address_equal(struct address a, struct address b)
{
    return a.ip == b.ip && a.port == b.port && a.kind == b.kind;
}

bool address_is_set(struct address address)
{
    return address.kind == ADDRESS_IPV4;
}
