#include "serve/httpd.h"

#include <string.h>
#include <strings.h>

/* ---- reading */

/* One line without its end, and the offset behind it; false when the end is not there yet. */
static bool next_line(const char *bytes, size_t length, size_t *offset, struct slice *line)
{
    const char *start = bytes + *offset;
    const char *end = memchr(start, '\n', length - *offset);

    if (end == NULL) {
        return false;
    }
    *offset = (size_t)(end - bytes) + 1;
    line->bytes = start;
    line->length = (size_t)(end - start);
    if (line->length > 0 && start[line->length - 1] == '\r') {
        line->length--;
    }
    return true;
}

static bool is_visible(struct slice slice)
{
    for (size_t i = 0; i < slice.length; i++) {
        unsigned char c = (unsigned char)slice.bytes[i];
        if (c <= ' ' || c == 0x7f) {
            return false;
        }
    }
    return slice.length > 0;
}

static bool read_request_line(struct slice line, struct httpd_request *out)
{
    const char *blank = memchr(line.bytes, ' ', line.length);
    if (blank == NULL) {
        return false;
    }
    out->method = (struct slice){line.bytes, (size_t)(blank - line.bytes)};
    size_t used = out->method.length + 1;
    const char *target = blank + 1;
    blank = memchr(target, ' ', line.length - used);
    if (blank == NULL) {
        return false;
    }
    out->target = (struct slice){target, (size_t)(blank - target)};
    used += out->target.length + 1;
    struct slice version = {blank + 1, line.length - used};
    return is_visible(out->method) && is_visible(out->target) && out->target.bytes[0] == '/' &&
           (slice_equals(version, "HTTP/1.1") || slice_equals(version, "HTTP/1.0"));
}

static bool name_is(struct slice name, const char *wanted)
{
    return name.length == strlen(wanted) && strncasecmp(name.bytes, wanted, name.length) == 0;
}

/* Digits alone, and not beyond the limit. */
static bool read_length(struct slice value, size_t *out)
{
    size_t length = 0;

    for (size_t i = 0; i < value.length; i++) {
        if (value.bytes[i] < '0' || value.bytes[i] > '9') {
            return false;
        }
        length = length * 10 + (size_t)(value.bytes[i] - '0');
        if (length > HTTPD_BODY_LIMIT_BYTES) {
            return false;
        }
    }
    *out = length;
    return value.length > 0;
}

static bool read_header(struct slice line, bool *has_length, size_t *body_bytes)
{
    const char *colon = memchr(line.bytes, ':', line.length);
    if (colon == NULL) {
        return false;
    }
    struct slice name = {line.bytes, (size_t)(colon - line.bytes)};
    struct slice value = {colon + 1, line.length - name.length - 1};
    while (value.length > 0 && (value.bytes[0] == ' ' || value.bytes[0] == '\t')) {
        value.bytes++;
        value.length--;
    }
    while (value.length > 0 &&
           (value.bytes[value.length - 1] == ' ' || value.bytes[value.length - 1] == '\t')) {
        value.length--;
    }
    if (!is_visible(name) || memchr(value.bytes, '\0', value.length) != NULL ||
        name_is(name, "Transfer-Encoding")) {
        return false;
    }
    if (name_is(name, "Content-Length")) {
        if (*has_length || !read_length(value, body_bytes)) {
            return false;
        }
        *has_length = true;
    }
    return true;
}

enum httpd_scan httpd_scan_request(const char *bytes, size_t length, struct httpd_request *out)
{
    size_t offset = 0;
    size_t body_bytes = 0;
    bool has_length = false;
    struct httpd_request request = {0};
    struct slice line;

    for (size_t lines = 0; next_line(bytes, length, &offset, &line); lines++) {
        if (offset > HTTPD_HEAD_LIMIT_BYTES) {
            return HTTPD_BROKEN;
        }
        if (lines == 0) {
            if (!read_request_line(line, &request)) {
                return HTTPD_BROKEN;
            }
        } else if (line.length == 0) {
            if (length - offset < body_bytes) {
                return HTTPD_INCOMPLETE;
            }
            request.bytes = offset + body_bytes;
            *out = request;
            return HTTPD_COMPLETE;
        } else if (!read_header(line, &has_length, &body_bytes)) {
            return HTTPD_BROKEN;
        }
    }
    return length > HTTPD_HEAD_LIMIT_BYTES ? HTTPD_BROKEN : HTTPD_INCOMPLETE;
}

/* ---- writing */

static const char *status_text(int status)
{
    static const struct {
        int status;
        const char *text;
    } rows[] = {
        {200, "OK"},
        {307, "Temporary Redirect"},
        {400, "Bad Request"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {409, "Conflict"},
        {500, "Internal Server Error"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].status == status) {
            return rows[i].text;
        }
    }
    return "Unknown";
}

void httpd_write_reply(const struct httpd_reply *reply, struct text *out)
{
    text_printf(out, "HTTP/1.1 %d %s\r\n", reply->status, status_text(reply->status));
    text_printf(out, "Content-Type: %s\r\n", reply->content_type);
    text_printf(out, "Content-Length: %zu\r\n", reply->body.length);
    if (reply->location != NULL) {
        text_printf(out, "Location: %s\r\n", reply->location);
    }
    if (reply->closes) {
        text_append_string(out, "Connection: close\r\n");
    }
    text_append_string(out, "\r\n");
    text_append(out, reply->body.bytes, reply->body.length);
}

/* ---- queries */

static int hex_digit(char c)
{
    const char *digits = "0123456789abcdef";
    const char *found = c == '\0' ? NULL : strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c);

    return found == NULL ? -1 : (int)(found - digits);
}

static void append_decoded(const char *bytes, size_t length, struct text *out)
{
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] == '%' && i + 2 < length && hex_digit(bytes[i + 1]) >= 0 &&
            hex_digit(bytes[i + 2]) >= 0) {
            text_append_char(out, (char)(hex_digit(bytes[i + 1]) * 16 + hex_digit(bytes[i + 2])));
            i += 2;
        } else {
            text_append_char(out, bytes[i]);
        }
    }
}

bool httpd_query_value(const char *target, const char *key, struct text *out)
{
    size_t key_length = strlen(key);
    const char *pair = strchr(target, '?');

    while (pair != NULL) {
        pair++;
        size_t length = strcspn(pair, "&");
        if (length > key_length && strncmp(pair, key, key_length) == 0 && pair[key_length] == '=') {
            append_decoded(pair + key_length + 1, length - key_length - 1, out);
            return true;
        }
        pair = strchr(pair, '&');
    }
    return false;
}
