/* engine/journal_read.c - the lines of a journal: made, checked, taken apart. */
#include "base/digest.h"
#include "base/files.h"
#include "engine/journal.h"

#include <string.h>

static const char check_member[] = ",\"check\":\"";
static const char check_end[] = "\"}";
enum {
    CHECK_MEMBER_CHARS = sizeof check_member - 1,
    CHECK_END_CHARS = sizeof check_end - 1,
    CHECK_PART_CHARS = CHECK_MEMBER_CHARS + JOURNAL_CHECK_CHARS + CHECK_END_CHARS,
};

static void check_of(const char *before, const char *bytes, size_t length,
                     char check[JOURNAL_CHECK_CHARS + 1])
{
    char hex[DIGEST_HEX_BYTES];
    digest_of(before, strlen(before), bytes, length, hex);
    memcpy(check, hex, JOURNAL_CHECK_CHARS);
    check[JOURNAL_CHECK_CHARS] = '\0';
}

static void move_behind(struct journal_end *end, const cJSON *record, size_t line_bytes,
                        const char *check)
{
    const cJSON *sequence = cJSON_GetObjectItemCaseSensitive(record, "seq");
    const cJSON *at_ms = cJSON_GetObjectItemCaseSensitive(record, "at_ms");
    end->sequence = cJSON_IsNumber(sequence) ? (uint64_t)sequence->valuedouble : end->sequence;
    end->at_ms = cJSON_IsNumber(at_ms) ? (int64_t)at_ms->valuedouble : end->at_ms;
    end->lines++;
    end->bytes += (int64_t)line_bytes;
    memcpy(end->check, check, sizeof end->check);
}

void journal_add_line(struct journal_end *end, const cJSON *record, struct text *out)
{
    char check[JOURNAL_CHECK_CHARS + 1];
    size_t start = out->length;
    char *printed = cJSON_PrintUnformatted(record);
    ASSERT(printed != NULL);
    size_t length = strlen(printed);
    ASSERT(length > 2 && printed[length - 1] == '}');
    text_append(out, printed, length - 1);
    cJSON_free(printed);
    check_of(end->check, out->bytes + start, length - 1, check);
    text_printf(out, "%s%s%s\n", check_member, check, check_end);
    move_behind(end, record, out->length - start, check);
}

/* ---- reading */
struct line {
    const char *name;
    size_t number;
    const char *bytes;
    size_t length; /* without its end */
};

static bool damaged(const struct line *line, struct error *err, const char *what)
{
    error_set(err, ERROR_INVALID_FILE,
              "line %zu of the journal '%s' is damaged: %s; what it said cannot be trusted, so "
              "nothing is done with it",
              line->number, line->name, what);
    return false;
}

/* The first line tells who wrote it. A newer format is named before anything else is said. */
static bool header_is_known(const struct line *line, const cJSON *record, struct error *err)
{
    const cJSON *event = cJSON_GetObjectItemCaseSensitive(record, "event");
    const cJSON *data = cJSON_GetObjectItemCaseSensitive(record, "data");
    const cJSON *format = cJSON_GetObjectItemCaseSensitive(data, "format");
    const cJSON *program = cJSON_GetObjectItemCaseSensitive(data, "program");
    if (!cJSON_IsString(event) || strcmp(event->valuestring, "journal") != 0 ||
        !cJSON_IsNumber(format)) {
        error_set(err, ERROR_INVALID_FILE,
                  "'%s' is not a journal of pegflow: its first line is no header", line->name);
        return false;
    }
    if (format->valuedouble > JOURNAL_FORMAT) {
        error_set(err, ERROR_INVALID_FILE,
                  "the journal '%s' has format %.0f, this program knows formats up to %d; it was "
                  "written by %s: use that",
                  line->name, format->valuedouble, JOURNAL_FORMAT,
                  cJSON_IsString(program) ? program->valuestring : "a newer pegflow");
        return false;
    }
    return true;
}

static bool check_line(const struct line *line, const struct journal_end *end, struct error *err)
{
    char check[JOURNAL_CHECK_CHARS + 1];
    const char *part = line->bytes + line->length - CHECK_PART_CHARS;
    if (line->length <= CHECK_PART_CHARS || memcmp(part, check_member, CHECK_MEMBER_CHARS) != 0 ||
        memcmp(line->bytes + line->length - CHECK_END_CHARS, check_end, CHECK_END_CHARS) != 0) {
        return damaged(line, err, "it does not end with a checksum");
    }
    check_of(end->check, line->bytes, line->length - CHECK_PART_CHARS, check);
    if (memcmp(part + CHECK_MEMBER_CHARS, check, JOURNAL_CHECK_CHARS) != 0) {
        return damaged(line, err,
                       "its checksum does not fit (it, or the line before it, was changed)");
    }
    return true;
}

static bool scan_line(const struct line *line, struct journal_end *end, journal_record_fn *take,
                      void *ctx, struct error *err)
{
    cJSON *record = cJSON_ParseWithLength(line->bytes, line->length);
    const cJSON *sequence = cJSON_GetObjectItemCaseSensitive(record, "seq");
    bool ok = false;
    if (line->number == 1 && record != NULL && !header_is_known(line, record, err)) {
        goto done;
    }
    if (!check_line(line, end, err)) {
        goto done;
    }
    if (!cJSON_IsNumber(sequence) ||
        !cJSON_IsString(cJSON_GetObjectItemCaseSensitive(record, "event"))) {
        damaged(line, err, "it is no record of an event");
        goto done;
    }
    if (line->number > 1 && sequence->valuedouble != (double)(end->sequence + 1)) {
        damaged(line, err, "its sequence number does not follow the one before");
        goto done;
    }
    move_behind(end, record, line->length + 1,
                line->bytes + line->length - CHECK_END_CHARS - JOURNAL_CHECK_CHARS);
    end->check[JOURNAL_CHECK_CHARS] = '\0';
    ok = take == NULL || take(ctx, record, line->number, err);
done:
    cJSON_Delete(record);
    return ok;
}

bool journal_scan(const char *name, const char *bytes, size_t length, struct journal_end *end,
                  journal_record_fn *take, void *ctx, struct error *err)
{
    while (length > 0) {
        const char *newline = memchr(bytes, '\n', length);
        if (newline == NULL) {
            return true;
        }
        struct line line = {name, end->lines + 1, bytes, (size_t)(newline - bytes)};
        if (!scan_line(&line, end, take, ctx, err)) {
            return false;
        }
        bytes = newline + 1;
        length -= line.length + 1;
    }
    return true;
}

bool journal_read(const char *path, journal_record_fn *take, void *ctx, struct journal_end *end,
                  bool *torn, struct error *err)
{
    struct text text = {0};
    *end = (struct journal_end){0};
    bool ok = files_read(path, JOURNAL_LIMIT_BYTES, &text, NULL, err);
    if (!ok) {
        error_wrap(err, "read a journal");
    } else {
        ok = journal_scan(path, text_string(&text), text.length, end, take, ctx, err);
    }
    if (ok && end->lines == 0) {
        error_set(err, ERROR_INVALID_FILE,
                  "the journal '%s' %s: its run ended before it had done anything", path,
                  text.length == 0 ? "is empty" : "holds no whole line");
        ok = false;
    }
    if (ok && torn != NULL) {
        *torn = (int64_t)text.length > end->bytes;
    }
    text_clear(&text);
    return ok;
}
