#include "cli/metas.h"

#include "live/resolve.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct comparison {
    const struct cluster_file *file;
    bool *listed; /* by the file's metas */
    size_t listed_count;
    size_t unknown_count; /* of the cluster's list: names without an address */
    struct text missing;  /* of the cluster's list: not in the file */
};

static void add(struct text *list, const char *name)
{
    text_printf(list, "%s%s", list->length > 0 ? ", " : "", name);
}

static void look_up(struct comparison *comparison, const char *name)
{
    const struct cluster_file *file = comparison->file;
    struct address address;
    struct error err;
    comparison->listed_count++;
    for (size_t i = 0; i < file->meta_count; i++) {
        if (strcasecmp(file->meta_names[i], name) == 0) {
            comparison->listed[i] = true;
            return;
        }
    }
    if (!resolve_server(name, &address, &err)) {
        comparison->unknown_count++;
        return;
    }
    for (size_t i = 0; i < file->meta_count; i++) {
        if (address_equal(file->metas[i], address)) {
            comparison->listed[i] = true;
            return;
        }
    }
    add(&comparison->missing, name);
}

static void tell(const struct comparison *comparison, const char *list, struct text *out)
{
    const struct cluster_file *file = comparison->file;
    struct text foreign = {0};
    bool all_known = comparison->unknown_count == 0;
    for (size_t i = 0; i < file->meta_count; i++) {
        if (!comparison->listed[i] && all_known) {
            add(&foreign, file->meta_names[i]);
        }
    }
    if (comparison->missing.length > 0) {
        text_printf(out,
                    "the cluster file '%s' does not name the meta server %s, which the cluster "
                    "lists: it would stay as it is",
                    file->file, text_string(&comparison->missing));
    }
    if (foreign.length > 0) {
        text_printf(out,
                    "%sthe cluster file '%s' names the meta server %s, which the cluster does not "
                    "list (it lists %s)",
                    out->length > 0 ? "; " : "", file->file, text_string(&foreign), list);
    }
    if (!all_known && out->length == 0 && comparison->listed_count != file->meta_count) {
        text_printf(out, "the cluster file '%s' names %zu meta servers, the cluster itself %zu: %s",
                    file->file, file->meta_count, comparison->listed_count, list);
    }
    text_clear(&foreign);
}

bool metas_compare(const struct cluster_file *file, const struct snapshot *snapshot,
                   struct text *difference)
{
    if (snapshot->meta_servers == NULL || snapshot->meta_servers[0] == '\0') {
        return true; /* it tells none */
    }
    struct comparison comparison = {.file = file};
    size_t before = difference->length;
    char *copy = memory_copy_string(snapshot->meta_servers);
    char *rest = copy;
    comparison.listed = memory_allocate((file->meta_count + 1) * sizeof *comparison.listed);
    for (char *part = strsep(&rest, ","); part != NULL; part = strsep(&rest, ",")) {
        if (*part != '\0') {
            look_up(&comparison, part);
        }
    }
    tell(&comparison, snapshot->meta_servers, difference);
    text_clear(&comparison.missing);
    free(comparison.listed);
    free(copy);
    return difference->length == before;
}

bool metas_check(const struct cluster_file *file, const struct snapshot *snapshot,
                 struct error *err)
{
    struct text difference = {0};
    bool same = metas_compare(file, snapshot, &difference);
    if (!same) {
        error_set(err, ERROR_REFUSED, "%s", text_string(&difference));
    }
    text_clear(&difference);
    return same;
}
