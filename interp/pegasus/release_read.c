#include "pegasus/release.h"

#include "pegasus/release_private.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <string.h>

enum { SHOWN_BYTES = 200 };

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static struct slice trim(const char *reply)
{
    struct slice slice = slice_of(reply);
    while (slice.length > 0 && is_blank(*slice.bytes)) {
        slice.bytes++;
        slice.length--;
    }
    while (slice.length > 0 && is_blank(slice.bytes[slice.length - 1])) {
        slice.length--;
    }
    return slice;
}

static bool starts_with(struct slice slice, const char *prefix)
{
    size_t length = strlen(prefix);
    return slice.length >= length && memcmp(slice.bytes, prefix, length) == 0;
}

/* Shows a peer's text in one line of printable characters. */
static bool not_understood(const char *command, const char *reply, struct error *err)
{
    char shown[SHOWN_BYTES + 4];
    size_t length = strnlen(reply, SHOWN_BYTES + 1);
    size_t kept = length > SHOWN_BYTES ? SHOWN_BYTES : length;
    for (size_t i = 0; i < kept; i++) {
        unsigned char c = (unsigned char)reply[i];
        shown[i] = is_blank(reply[i]) ? ' ' : c < 0x20 || c > 0x7e ? '?' : reply[i];
    }
    memcpy(shown + kept, length > SHOWN_BYTES ? "..." : "", length > SHOWN_BYTES ? 4 : 1);
    error_set(err, ERROR_REPLY, "the reply to '%s' is not understood: '%s'", command, shown);
    return false;
}

static bool is_integer(struct slice value)
{
    size_t first = value.length > 0 && value.bytes[0] == '-' ? 1 : 0;
    enum { LONGEST = 20 }; /* of an int64_t with its sign */
    if (value.length == first || value.length > LONGEST) {
        return false;
    }
    for (size_t i = first; i < value.length; i++) {
        if (value.bytes[i] < '0' || value.bytes[i] > '9') {
            return false;
        }
    }
    return true;
}

static bool value_fits(enum setting_kind kind, struct slice value)
{
    switch (kind) {
    case SETTING_INTEGER:
        return is_integer(value);
    case SETTING_BOOLEAN:
        return slice_equals(value, "true") || slice_equals(value, "false");
    case SETTING_LIST:
        return true;
    }
    return false;
}

static void fill(struct setting_reply *out, enum reply_kind kind, struct slice value)
{
    *out = (struct setting_reply){.kind = kind};
    text_append(&out->value, value.bytes, value.length);
}

/* The answer to DEFAULT: the number that now holds. Exact as long as a double is. */
static bool read_default(const cJSON *item, struct setting_reply *out)
{
    double number = cJSON_GetNumberValue(item);
    if (!(fabs(number) <= 9007199254740992.0) || number != floor(number)) {
        return false;
    }
    *out = (struct setting_reply){.kind = REPLY_OK};
    text_printf(&out->value, "%.0f", number);
    return true;
}

/* {"error": "ok"} alone or with the setting's own key; anything more is a shape nobody knows. */
static bool read_json(const char *command, enum setting_kind kind, const cJSON *json,
                      struct setting_reply *out)
{
    const char *error = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "error"));
    if (!cJSON_IsObject(json) || error == NULL) {
        return false;
    }
    if (strcmp(error, REPLY_JSON_OK) != 0) {
        fill(out, REPLY_REFUSED, slice_of(error));
        return true;
    }
    if (cJSON_GetArraySize(json) == 1) {
        fill(out, REPLY_OK, slice_of(""));
        return true;
    }
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, release_json_key(command));
    if (item == NULL || cJSON_GetArraySize(json) != 2) {
        return false;
    }
    if (cJSON_IsNumber(item) && kind == SETTING_INTEGER) {
        return read_default(item, out);
    }
    if (!cJSON_IsString(item) || !value_fits(kind, slice_of(item->valuestring))) {
        return false;
    }
    fill(out, REPLY_VALUE, slice_of(item->valuestring));
    return true;
}

static bool read_text(enum setting_kind kind, struct slice reply, struct setting_reply *out)
{
    bool is_list = kind == SETTING_LIST;
    if (is_list ? slice_equals(reply, REPLY_LIST_SET) || slice_equals(reply, REPLY_LIST_CLEAR)
                : slice_equals(reply, REPLY_TEXT_OK)) {
        fill(out, REPLY_OK, slice_of(""));
    } else if (starts_with(reply, "ERR") || (is_list && starts_with(reply, "invalid argument"))) {
        fill(out, REPLY_REFUSED, reply);
    } else if (is_list && starts_with(reply, REPLY_LIST_QUERY)) {
        size_t skip = strlen(REPLY_LIST_QUERY);
        skip += reply.length > skip && reply.bytes[skip] == ' ' ? 1 : 0;
        fill(out, REPLY_VALUE, (struct slice){reply.bytes + skip, reply.length - skip});
    } else if (!is_list && value_fits(kind, reply)) {
        fill(out, REPLY_VALUE, reply);
    } else {
        return false;
    }
    return true;
}

bool release_read_setting_reply(const char *command, const char *reply, struct setting_reply *out,
                                struct error *err)
{
    struct slice trimmed = trim(reply);
    enum setting_kind kind;
    if (!setting_kind_of(command, &kind)) {
        error_set(err, ERROR_USAGE, "'%s' is not a setting", command);
        return false;
    }
    if (starts_with(trimmed, REPLY_UNKNOWN_PREFIX)) {
        fill(out, REPLY_UNKNOWN_COMMAND, trimmed);
        return true;
    }
    bool understood;
    if (starts_with(trimmed, "{")) {
        cJSON *json = cJSON_ParseWithOpts(reply, NULL, 1);
        understood = read_json(command, kind, json, out);
        cJSON_Delete(json);
    } else {
        understood = read_text(kind, trimmed, out);
    }
    return understood || not_understood(command, reply, err);
}

static void replace_text(struct text *text, const char *bytes, size_t length)
{
    text_reset(text);
    text_append(text, bytes, length);
}

static bool read_info_json(const char *reply, struct text *version, struct text *start_time)
{
    cJSON *json = cJSON_ParseWithOpts(reply, NULL, 1);
    const char *served = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "version"));
    const char *started =
        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "start_time"));
    bool ok = served != NULL && started != NULL;
    if (ok) {
        replace_text(version, served, strlen(served));
        replace_text(start_time, started, strlen(started));
    }
    cJSON_Delete(json);
    return ok;
}

/* Pegasus Server <version> (<commit>) <build type>, Started at <time> */
static bool read_info_line(struct slice reply, struct text *version, struct text *start_time)
{
    static const char head[] = "Pegasus Server ";
    static const char mark[] = ", Started at ";
    if (!starts_with(reply, head)) {
        return false;
    }
    const char *end = reply.bytes + reply.length;
    const char *served = reply.bytes + sizeof head - 1;
    const char *blank = memchr(served, ' ', (size_t)(end - served));
    const char *started = memmem(served, (size_t)(end - served), mark, sizeof mark - 1);
    if (blank == NULL || blank == served || started == NULL || started < blank ||
        started + sizeof mark - 1 == end) {
        return false;
    }
    started += sizeof mark - 1;
    replace_text(version, served, (size_t)(blank - served));
    replace_text(start_time, started, (size_t)(end - started));
    return true;
}

bool release_read_server_info(const char *reply, struct text *version, struct text *start_time,
                              struct error *err)
{
    struct slice trimmed = trim(reply);
    bool understood = starts_with(trimmed, "{") ? read_info_json(reply, version, start_time)
                                                : read_info_line(trimmed, version, start_time);
    return understood || not_understood("server-info", reply, err);
}
