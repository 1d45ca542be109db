#include "live/shared_lock_holder.h"

#include "base/duration.h"

#include <cJSON.h>
#include <inttypes.h>
#include <stdlib.h>

void shared_lock_holder_write(const struct shared_lock_holder *holder, struct text *out)
{
    cJSON *object = cJSON_CreateObject();
    int64_t session_ms = holder->session_us / US_PER_MS;
    cJSON_AddStringToObject(object, "who", holder->who);
    cJSON_AddStringToObject(object, "host", holder->host);
    cJSON_AddNumberToObject(object, "pid", (double)holder->pid);
    cJSON_AddStringToObject(object, "since", holder->since);
    cJSON_AddStringToObject(object, "run", holder->run);
    cJSON_AddNumberToObject(object, "session_ms", (double)session_ms);
    char *text = cJSON_PrintUnformatted(object);
    text_append_string(out, text);
    cJSON_free(text);
    cJSON_Delete(object);
}

static bool read_text(const cJSON *object, const char *name, struct arena *arena, const char **out)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    if (!cJSON_IsString(item)) {
        return false;
    }
    char *text = arena_copy_string(arena, item->valuestring);
    for (char *at = text; *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f) {
            *at = '?'; /* it is shown on a terminal */
        }
    }
    *out = text;
    return true;
}

static bool read_count(const cJSON *object, const char *name, int64_t *out)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0 && item->valuedouble <= INT32_MAX)) {
        return false;
    }
    *out = (int64_t)item->valuedouble;
    return true;
}

bool shared_lock_holder_read(struct slice data, struct arena *arena, struct shared_lock_holder *out)
{
    struct shared_lock_holder holder;
    int64_t session_ms;
    cJSON *object = data.length <= SHARED_LOCK_HOLDER_BYTES_MAX
                        ? cJSON_ParseWithLength(data.bytes, data.length)
                        : NULL;
    bool ok = read_text(object, "who", arena, &holder.who) &&
              read_text(object, "host", arena, &holder.host) &&
              read_count(object, "pid", &holder.pid) &&
              read_text(object, "since", arena, &holder.since) &&
              read_text(object, "run", arena, &holder.run) &&
              read_count(object, "session_ms", &session_ms);
    cJSON_Delete(object);
    if (ok) {
        holder.session_us = session_ms * US_PER_MS;
        *out = holder;
    }
    return ok;
}

const char *shared_lock_holder_describe(const struct shared_lock_holder *holder,
                                        struct arena *arena)
{
    return arena_printf(arena, "%.64s, pid %" PRId64 " on %.64s, since %.32s (run %.64s)",
                        holder->who, holder->pid, holder->host, holder->since, holder->run);
}
