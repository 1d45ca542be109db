/* tests/fidelity/trace.h - a recorded scenario of a real cluster, line by line.
 *
 * tests/data/traces holds the recordings as they were made, one JSON object a line with its time
 * `t` in seconds. Where the operations of a scenario were not recorded (a script or a tool was the
 * actor), a second file names those that the recorded states imply; its lines carry "inferred". */
#ifndef PEGFLOW_TESTS_FIDELITY_TRACE_H
#define PEGFLOW_TESTS_FIDELITY_TRACE_H

#include "base/arena.h"
#include "base/duration.h"
#include "wire/messages.h"

#include <check.h>
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRACE_LINES_MAX = 4000 };

struct trace_line {
    int64_t at_us;
    int32_t order;
    const char *kind;
    cJSON *json;
};

struct trace {
    struct trace_line lines[TRACE_LINES_MAX];
    int32_t count;
};

static inline const char *line_string(const struct trace_line *line, const char *key)
{
    const char *value = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(line->json, key));
    return value == NULL ? "" : value;
}

static inline int64_t line_number(const struct trace_line *line, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(line->json, key);
    return cJSON_IsNumber(item) ? (int64_t)cJSON_GetNumberValue(item) : -1;
}

static inline bool line_flag(const struct trace_line *line, const char *key)
{
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(line->json, key));
}

static inline bool line_is(const struct trace_line *line, const char *kind)
{
    return strcmp(line->kind, kind) == 0;
}

static inline struct gpid line_pid(const struct trace_line *line)
{
    struct gpid gpid;
    ck_assert_int_eq(sscanf(line_string(line, "pid"), "%d.%d", &gpid.app_id, &gpid.partition), 2);
    return gpid;
}

static inline void trace_read_file(struct trace *trace, const char *path)
{
    char *text = NULL;
    size_t capacity = 0;
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "cannot open %s", path);
    while (getline(&text, &capacity, file) > 0) {
        ck_assert_int_lt(trace->count, TRACE_LINES_MAX);
        struct trace_line *line = &trace->lines[trace->count];
        line->json = cJSON_Parse(text);
        ck_assert_msg(line->json != NULL, "%s: line %d is no JSON", path, trace->count + 1);
        line->kind = line_string(line, "kind");
        line->order = trace->count++;
        line->at_us =
            (int64_t)(cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(line->json, "t")) *
                      (double)US_PER_SECOND);
    }
    free(text);
    fclose(file);
}

static inline int trace_compare_lines(const void *a, const void *b)
{
    const struct trace_line *left = a;
    const struct trace_line *right = b;
    if (left->at_us != right->at_us) {
        return left->at_us < right->at_us ? -1 : 1;
    }
    return left->order < right->order ? -1 : left->order > right->order;
}

/* "2.5-drain" is tests/data/traces/2.5-drain.jsonl, with the inferred operations where there are
 * any. */
static inline struct trace *trace_read(const char *name, bool inferred)
{
    struct trace *trace = memory_allocate(sizeof *trace);
    char path[256];
    snprintf(path, sizeof path, "tests/data/traces/%s.jsonl", name);
    trace_read_file(trace, path);
    if (inferred) {
        snprintf(path, sizeof path, "tests/data/traces/%s.inferred.jsonl", name);
        trace_read_file(trace, path);
    }
    qsort(trace->lines, (size_t)trace->count, sizeof trace->lines[0], trace_compare_lines);
    return trace;
}

static inline void trace_free(struct trace *trace)
{
    for (int32_t i = 0; i < trace->count; i++) {
        cJSON_Delete(trace->lines[i].json);
    }
    free(trace);
}

#endif
