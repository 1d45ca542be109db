#include "cli/session.h"

#include "base/duration.h"
#include "cli/cluster_names.h"
#include "engine/override.h"
#include "engine/target.h"
#include "live/sockets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const int64_t meet_timeout_us = CLUSTER_CALL_TIMEOUT_US;

struct lang *session_lang_new(const struct arguments *arguments)
{
    size_t count;
    const char *const *given = arguments_list(arguments, "lib", &count);
    const char *path = getenv("PEGFLOW_PATH");
    char *parts = memory_copy_string(path == NULL ? "" : path);
    size_t limit = count + strlen(parts) + 2;
    const char **folders = memory_allocate(limit * sizeof *folders);
    for (size_t i = 0; i < count; i++) {
        folders[i] = given[i];
    }
    char *rest = parts;
    for (char *part = strsep(&rest, ":"); part != NULL; part = strsep(&rest, ":")) {
        if (*part != '\0') {
            folders[count++] = part;
        }
    }
    struct lang_options options = {.lib_folders = folders};
    struct lang *lang = lang_new(&options);
    free(folders);
    free(parts);
    return lang;
}

int session_load(struct session *session, const struct arguments *arguments)
{
    const char *path = arguments_text(arguments, "cluster");
    struct error_list errors;
    if (path == NULL) {
        fprintf(stderr, "pegflow: which cluster? Give its file: -c FILE\n");
        return 2;
    }
    arena_init(&session->arena);
    session->lang = session_lang_new(arguments);
    error_list_init(&errors);
    bool ok = lang_load_cluster(session->lang, path, &session->cluster_file, &errors);
    int code = ok ? -1 : cli_report_errors(&errors);
    error_list_clear(&errors);
    return code;
}

bool session_workflow_path(const struct arguments *arguments, const struct cluster_file *file,
                           const char **out, struct error *err)
{
    if (arguments_operand_count(arguments) > 0) {
        *out = arguments_operand(arguments, 0);
    } else if (file != NULL && file->workflow != NULL) {
        *out = file->workflow;
    } else if (file != NULL) {
        error_set(err, ERROR_USAGE, "which workflow? Name one, or give `workflow` in %s",
                  file->file);
        return false;
    } else {
        error_set(err, ERROR_USAGE, "which workflow? Name one, or a cluster file that does");
        return false;
    }
    return true;
}

bool session_check_overrides(const struct workflow *workflow, struct error_list *errors)
{
    size_t before = errors->count;
    override_find_ended(workflow, (int64_t)time(NULL) * US_PER_SECOND, errors);
    return errors->count == before;
}

int session_load_workflow(struct lang *lang, const struct arguments *arguments, const char *path,
                          const struct inventory *inventory, const struct workflow **out)
{
    return session_load_workflow_with(lang, arguments_list(arguments, "set", NULL), path, inventory,
                                      out);
}

int session_load_workflow_with(struct lang *lang, const char *const *given, const char *path,
                               const struct inventory *inventory, const struct workflow **out)
{
    size_t count = 0;
    while (given != NULL && given[count] != NULL) {
        count++;
    }
    struct lang_set *sets = memory_allocate((count + 1) * sizeof *sets);
    char **names = memory_allocate((count + 1) * sizeof *names);
    struct error_list errors;
    error_list_init(&errors);
    for (size_t i = 0; i < count; i++) {
        names[i] = memory_copy_string(given[i]);
        char *equals = strchr(names[i], '=');
        if (equals == NULL) {
            error_list_add(&errors, NULL, 0, "--set %s: write --set name=value", given[i]);
            equals = names[i] + strlen(names[i]);
        } else {
            *equals++ = '\0';
        }
        sets[i] = (struct lang_set){names[i], equals};
    }
    bool ok =
        errors.count == 0 && lang_load_workflow(lang, path, inventory, sets, count, out, &errors);
    ok = ok && session_check_overrides(*out, &errors);
    int code = ok ? -1 : cli_report_errors(&errors);
    error_list_clear(&errors);
    for (size_t i = 0; i < count; i++) {
        free(names[i]);
    }
    free(names);
    free(sets);
    return code;
}

/* ---- secrets */

const char *session_read_secret(const struct lang_secret *named, struct error *err)
{
    const char *value = getenv(named->name);
    if (value == NULL || value[0] == '\0') {
        error_set(err, ERROR_INVALID_FILE,
                  "env \"%s\": the environment has no such variable, or an empty one", named->name);
        return NULL;
    }
    if (strlen(value) < SECRET_VALUE_MIN_BYTES) {
        error_set(err, ERROR_INVALID_FILE,
                  "env \"%s\": its value is shorter than %d characters: it would be found "
                  "everywhere in what is shown, and left out there",
                  named->name, SECRET_VALUE_MIN_BYTES);
        return NULL;
    }
    return value;
}

int session_secrets(struct session *session, const struct secret **out, size_t *count)
{
    const struct lang_secret *named;
    struct error_list errors;
    *count = lang_secrets(session->lang, &named);
    struct secret *secrets = arena_allocate(&session->arena, (*count + 1) * sizeof *secrets);
    error_list_init(&errors);
    for (size_t i = 0; i < *count; i++) {
        struct error err;
        const char *value = session_read_secret(&named[i], &err);
        if (value == NULL) {
            error_list_add(&errors, named[i].where.file, named[i].where.line, "%s", err.text);
        }
        secrets[i].name = named[i].name;
        secrets[i].value = value == NULL ? NULL : arena_copy_string(&session->arena, value);
    }
    int code = errors.count == 0 ? -1 : cli_report_errors(&errors);
    error_list_clear(&errors);
    *out = secrets;
    return code;
}

/* ---- asynchronous calls, waited for */
struct waiting {
    struct session *session;
    bool done;
    bool failed;
    struct error err;
    struct text *value;
    const struct evidence *evidence;
};

static void call_done(void *ctx, const struct error *err)
{
    struct waiting *waiting = ctx;
    waiting->done = true;
    waiting->failed = err != NULL;
    if (err != NULL) {
        waiting->err = *err;
    }
    loop_stop(waiting->session->loop);
}

static void value_done(void *ctx, const char *value, const struct error *err)
{
    struct waiting *waiting = ctx;
    if (err == NULL) {
        text_reset(waiting->value);
        text_append_string(waiting->value, value);
    }
    call_done(waiting, err);
}

static void gathered(void *ctx, const struct evidence *evidence)
{
    struct waiting *waiting = ctx;
    waiting->evidence = evidence;
    call_done(waiting, NULL);
}

static bool wait_for(struct waiting *waiting, struct error *err)
{
    while (!waiting->done) {
        if (!loop_run(waiting->session->loop, err)) {
            return false;
        }
    }
    if (waiting->failed) {
        *err = waiting->err;
    }
    return !waiting->failed;
}

/* Loop and cluster are there. */
static bool meet(struct session *session, struct error *err)
{
    struct waiting waiting = {.session = session};
    session->gatherers.loop = session->loop;
    session->gatherers.reader = cluster_reader(session->cluster);
    session->gatherers.inventory = &session->inventory;
    cluster_read_snapshot(session->gatherers.reader, &session->snapshot, meet_timeout_us, call_done,
                          &waiting);
    if (!wait_for(&waiting, err)) {
        error_wrap(err, "meet cluster '%s'", session->cluster_file->name);
        err->code = ERROR_UNREACHABLE; /* nothing was changed, whatever went wrong */
        return false;
    }
    return target_check(session->cluster_file, &session->snapshot, err) &&
           target_inventory(session->cluster_file, &session->snapshot, &session->arena,
                            &session->inventory, err);
}

bool session_meet_on(struct session *session, struct loop *loop, struct cluster *cluster,
                     struct error *err)
{
    arena_init(&session->arena);
    snapshot_init(&session->snapshot);
    session->loop = loop;
    session->cluster = cluster;
    session->borrows = true;
    return meet(session, err);
}

bool session_meet(struct session *session, struct error *err)
{
    snapshot_init(&session->snapshot);
    if (!cluster_names_resolve(session->cluster_file, &session->arena, &session->resolved, err)) {
        return false;
    }
    session->cluster_file = &session->resolved;
    if (!log_open(&session->log, getenv("PEGFLOW_LOG"), STDERR_FILENO, err)) {
        error_wrap(err, "PEGFLOW_LOG");
        return false;
    }
    if (!loop_open_real(&session->loop, err)) {
        return false;
    }
    loop_set_log(session->loop, &session->log);
    session->transport = sockets_new(session->loop);
    session->cluster = cluster_new(session->transport, session->cluster_file->metas,
                                   session->cluster_file->meta_count);
    return meet(session, err);
}

const struct evidence *session_gather(struct session *session, struct gatherer *gatherer,
                                      struct error *err)
{
    struct waiting waiting = {.session = session};
    gatherer_start(gatherer, gathered, &waiting);
    return wait_for(&waiting, err) ? waiting.evidence : NULL;
}

bool session_read_setting(struct session *session, struct address server, const char *name,
                          struct text *value, struct error *err)
{
    struct waiting waiting = {.session = session, .value = value};
    cluster_read_setting(session->gatherers.reader, server, name, meet_timeout_us, value_done,
                         &waiting);
    return wait_for(&waiting, err);
}

bool session_read_config(struct session *session, struct address server, const char *name,
                         struct text *value, struct error *err)
{
    struct waiting waiting = {.session = session, .value = value};
    cluster_read_config(session->gatherers.reader, server, name, meet_timeout_us, value_done,
                        &waiting);
    return wait_for(&waiting, err);
}

bool session_set_setting(struct session *session, const char *name, const char *value,
                         struct error *err)
{
    struct waiting waiting = {.session = session};
    cluster_set_setting(session->cluster, (struct address){0}, name, value, meet_timeout_us,
                        call_done, &waiting);
    return wait_for(&waiting, err);
}

void session_close(struct session *session)
{
    if (session->cluster != NULL && !session->borrows) {
        cluster_free(session->cluster);
    }
    gatherer_pool_clear(&session->gatherers);
    if (session->transport != NULL) {
        session->transport->ops->free(session->transport);
    }
    if (!session->borrows) {
        loop_close(session->loop);
    }
    log_close(&session->log);
    snapshot_clear(&session->snapshot);
    arena_clear(&session->arena);
    if (session->lang != NULL) {
        lang_free(session->lang);
    }
    *session = (struct session){0};
}
