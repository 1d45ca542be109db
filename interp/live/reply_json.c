#include "live/reply_json.h"

#include "live/wording.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool wrong(struct address server, const char *path, const char *what, const char *body,
                  size_t body_bytes, struct error *err)
{
    char name[ADDRESS_TEXT_BYTES];
    char excerpt[WORDING_EXCERPT_BYTES];
    error_set(err, ERROR_PEER, "%s: GET %s: %s: '%s'", address_format(server, name), path, what,
              wording_excerpt(body, body_bytes, excerpt));
    return false;
}

/* Real ones are below a kilobyte; parsed, a body can take fifty times its size. */
enum { OBJECT_LIMIT_BYTES = 1 << 20 };

/* The whole body must be one object; cJSON_Delete it. */
static cJSON *parse_object(const char *body, size_t body_bytes)
{
    const char *end = NULL;
    if (body_bytes > OBJECT_LIMIT_BYTES) {
        return NULL;
    }
    cJSON *json = cJSON_ParseWithLengthOpts(body, body_bytes, &end, 0);
    while (json != NULL && end < body + body_bytes && isspace((unsigned char)*end)) {
        end++;
    }
    if (json != NULL && (!cJSON_IsObject(json) || end != body + body_bytes)) {
        cJSON_Delete(json);
        json = NULL;
    }
    return json;
}

bool reply_json_string(struct address server, const char *path, const char *body, size_t body_bytes,
                       const char *key, char *into, size_t into_bytes, struct error *err)
{
    cJSON *json = parse_object(body, body_bytes);
    const char *value = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, key));
    bool ok = value != NULL && strlen(value) < into_bytes;
    if (ok) {
        memcpy(into, value, strlen(value) + 1);
    } else {
        struct text what = {0};
        text_printf(&what, "no object with a text '%s' of less than %zu bytes", key, into_bytes);
        wrong(server, path, text_string(&what), body, body_bytes, err);
        text_clear(&what);
    }
    cJSON_Delete(json);
    return ok;
}

/* A count: whole, not negative, exact in a double. */
static bool to_count(double number, int64_t *count)
{
    if (!(number >= 0 && number <= 9007199254740992.0) || number != floor(number)) {
        return false;
    }
    *count = (int64_t)number;
    return true;
}

bool reply_json_counter(struct address server, const char *path, const char *body,
                        size_t body_bytes, int64_t *value, struct error *err)
{
    cJSON *json = parse_object(body, body_bytes);
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "value"));
    bool ok = false;
    if (text != NULL && isdigit((unsigned char)text[0])) {
        char *end;
        double number = strtod(text, &end);
        ok = *end == '\0' && to_count(number, value);
    }
    cJSON_Delete(json);
    return ok || wrong(server, path, "no counter with a whole number", body, body_bytes, err);
}

static const cJSON *find_named(const cJSON *list, const char *key, const char *name)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        const char *value = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, key));
        if (value != NULL && strcmp(value, name) == 0) {
            return item;
        }
    }
    return NULL;
}

static bool read_metric(const cJSON *metrics, const char *name, int64_t *count)
{
    const cJSON *metric = find_named(metrics, "name", name);
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(metric, "value");
    return cJSON_IsNumber(value) && to_count(cJSON_GetNumberValue(value), count);
}

bool reply_json_metrics(struct address server, const char *path, const char *body,
                        size_t body_bytes, struct replica_counts *counts, struct error *err)
{
    cJSON *json = parse_object(body, body_bytes);
    const cJSON *entities = cJSON_GetObjectItemCaseSensitive(json, "entities");
    const cJSON *entity = find_named(entities, "type", "server");
    const cJSON *metrics = cJSON_GetObjectItemCaseSensitive(entity, "metrics");
    struct replica_counts found;
    bool ok = cJSON_IsArray(metrics) && read_metric(metrics, "total_replicas", &found.total) &&
              read_metric(metrics, "opening_replicas", &found.opening) &&
              read_metric(metrics, "closing_replicas", &found.closing);
    cJSON_Delete(json);
    if (!ok) {
        return wrong(server, path, "the replica counts are not there", body, body_bytes, err);
    }
    *counts = found;
    return true;
}

void reply_status_error(struct address server, const char *path, int status, const char *body,
                        size_t body_bytes, struct error *err)
{
    char name[ADDRESS_TEXT_BYTES];
    char excerpt[WORDING_EXCERPT_BYTES];
    address_format(server, name);
    wording_excerpt(body, body_bytes, excerpt);
    if (status == 200) {
        error_set(err, ERROR_REPLY, "%s: GET %s: %s", name, path, excerpt);
    } else {
        error_set(err, ERROR_REPLY, "%s: GET %s: status %d%s%s", name, path, status,
                  excerpt[0] == '\0' ? "" : ": ", excerpt);
    }
}

void reply_encode(struct text *out, const char *value)
{
    for (; *value != '\0'; value++) {
        unsigned char c = (unsigned char)*value;
        if (isalnum(c) || strchr("-._~*()", c) != NULL) {
            text_append_char(out, *value);
        } else {
            text_printf(out, "%%%02X", c);
        }
    }
}
