#include "cli/cluster_names.h"

#include "live/resolve.h"

static bool resolve_role(const struct cluster_file *file, enum role role, const char *const *names,
                         size_t count, struct address *addresses, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (!resolve_server(names[i], &addresses[i], err)) {
            error_wrap(err, "the cluster file '%s' names the %s server '%s'", file->file,
                       role_name(role), names[i]);
            return false;
        }
    }
    return true;
}

/* Under two names they would be upgraded twice, or one while the other is thought to serve. */
static bool are_distinct(const struct cluster_file *file, const char *const *names,
                         const struct address *addresses, size_t count, struct error *err)
{
    for (size_t i = 1; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            char text[ADDRESS_TEXT_BYTES];
            if (address_equal(addresses[i], addresses[j])) {
                error_set(err, ERROR_REFUSED,
                          "the cluster file '%s' names one server twice: '%s' and '%s' are both %s",
                          file->file, names[j], names[i], address_format(addresses[i], text));
                return false;
            }
        }
    }
    return true;
}

bool cluster_names_resolve(const struct cluster_file *file, struct arena *arena,
                           struct cluster_file *out, struct error *err)
{
    /* One list, the metas first, so that each is compared with each. */
    size_t count = file->meta_count + file->collector_count;
    struct address *addresses = arena_allocate(arena, (count + 1) * sizeof *addresses);
    const char **names = arena_allocate(arena, (count + 1) * sizeof *names);
    for (size_t i = 0; i < count; i++) {
        names[i] = i < file->meta_count ? file->meta_names[i]
                                        : file->collector_names[i - file->meta_count];
    }
    if (!resolve_role(file, ROLE_META, names, file->meta_count, addresses, err) ||
        !resolve_role(file, ROLE_COLLECTOR, names + file->meta_count, file->collector_count,
                      addresses + file->meta_count, err) ||
        !are_distinct(file, names, addresses, count, err)) {
        return false;
    }
    *out = *file;
    out->metas = addresses;
    out->collectors = addresses + file->meta_count;
    return true;
}
