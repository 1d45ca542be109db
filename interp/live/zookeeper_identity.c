#include "live/zookeeper.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *zookeeper_identity_format(const struct zookeeper_identity *identity,
                                      char buffer[ZOOKEEPER_IDENTITY_TEXT_BYTES])
{
    int length = snprintf(buffer, ZOOKEEPER_IDENTITY_TEXT_BYTES, "%016" PRIx64 ":",
                          (uint64_t)identity->session_id);
    for (size_t i = 0; i < sizeof identity->password; i++) {
        length += snprintf(buffer + length, 3, "%02x", identity->password[i]);
    }
    return buffer;
}

static int hex_value(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c == '\0' ? NULL : strchr(digits, c);
    return at == NULL ? -1 : (int)(at - digits);
}

static bool read_hex(const char *text, uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int high = hex_value(text[2 * i]);
        int low = high < 0 ? -1 : hex_value(text[2 * i + 1]);
        if (low < 0) {
            return false;
        }
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

bool zookeeper_identity_parse(const char *text, struct zookeeper_identity *out, struct error *err)
{
    struct zookeeper_identity identity;
    uint8_t id[8];
    uint64_t value = 0;
    if (strlen(text) != ZOOKEEPER_IDENTITY_TEXT_BYTES - 1 || text[16] != ':' ||
        !read_hex(text, id, sizeof id) ||
        !read_hex(text + 17, identity.password, sizeof identity.password)) {
        error_set(err, ERROR_USAGE, "'%.60s' is not a ZooKeeper session", text);
        return false;
    }
    for (size_t i = 0; i < sizeof id; i++) {
        value = value << 8 | id[i];
    }
    identity.session_id = (int64_t)value;
    *out = identity;
    return true;
}
