/* tests/unit/pegasus/samples.h - the exchanges recorded from real clusters, for tests.
 *
 * Tests run at the top of the repository. A directory without samples fails the test. */
#ifndef PEGFLOW_TESTS_SAMPLES_H
#define PEGFLOW_TESTS_SAMPLES_H

#include "base/text.h"
#include "pegasus/release.h"

#include <cjson/cJSON.h>
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sample {
    enum release release;
    char name[256];
    cJSON *json;
};
typedef void sample_fn(const struct sample *sample);

static inline char *sample_read_file(const char *path)
{
    struct text text = {0};
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "cannot open %s", path);
    size_t got;
    do {
        char *room = text_reserve(&text, 4096);
        got = fread(room, 1, 4096, file);
        text.length += got;
    } while (got > 0);
    ck_assert(ferror(file) == 0);
    fclose(file);
    text_append_string(&text, "");
    return text_take(&text);
}

static inline const char *sample_string(const cJSON *object, const char *key)
{
    const char *value = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
    ck_assert_msg(value != NULL, "no string '%s' in the sample", key);
    return value;
}

/* Owned bytes of a text of hexadecimal digits. */
static inline char *sample_unhex(const char *hex, size_t *length)
{
    *length = strlen(hex) / 2;
    char *bytes = memory_allocate(*length);
    for (size_t i = 0; i < *length; i++) {
        unsigned byte;
        ck_assert_int_eq(sscanf(hex + 2 * i, "%2x", &byte), 1);
        bytes[i] = (char)byte;
    }
    return bytes;
}

/* Calls `visit` for every sample of one release whose name begins with `prefix`; gives how many. */
static inline int samples_visit(enum release release, const char *prefix, sample_fn *visit)
{
    char path[1024];
    int count = 0;
    snprintf(path, sizeof path, "tests/data/samples/%s/rpc", release_traits(release)->name);
    DIR *dir = opendir(path);
    ck_assert_msg(dir != NULL, "cannot open %s", path);
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        struct sample sample = {.release = release};
        if (entry->d_name[0] == '.' || strncmp(entry->d_name, prefix, strlen(prefix)) != 0) {
            continue;
        }
        snprintf(path, sizeof path, "tests/data/samples/%s/rpc/%s", release_traits(release)->name,
                 entry->d_name);
        snprintf(sample.name, sizeof sample.name, "%s", entry->d_name);
        char *content = sample_read_file(path);
        sample.json = cJSON_Parse(content);
        free(content);
        ck_assert_msg(sample.json != NULL, "%s is no JSON", path);
        visit(&sample);
        cJSON_Delete(sample.json);
        count++;
    }
    closedir(dir);
    ck_assert_msg(count > 0, "no samples '%s*' of %s", prefix, release_traits(release)->name);
    return count;
}

/* Calls `visit` for every sample of every release; each release must have as many as the others. */
static inline void samples_visit_all(const char *prefix, sample_fn *visit)
{
    int first = samples_visit((enum release)0, prefix, visit);
    for (int i = 1; i < RELEASE_COUNT; i++) {
        ck_assert_int_eq(samples_visit((enum release)i, prefix, visit), first);
    }
}

#endif
