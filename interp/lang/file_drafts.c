/* What workflow, cluster and model files need beyond their rows. */
#include "lang/private.h"

#include "sim/model.h"

#include <string.h>
#include <strings.h>

enum { API_VERSION = 1 };

struct model *model_draft(lua_State *L, struct call *call, const char *name, int table)
{
    struct model *model = arena_allocate(&call->lang->arena, sizeof *model);
    enum release release = RELEASE_MASTER;
    lua_getfield(L, table, "release");
    if (lua_type(L, -1) == LUA_TSTRING) {
        /* A wrong word is reported when the fields are read; until then any defaults will do. */
        (void)release_parse(lua_tostring(L, -1), &release);
    }
    lua_pop(L, 1);
    model_init(model, release);
    model->name = name;
    return model;
}

static void finish_workflow(struct call *call, const struct workflow_draft *draft)
{
    if (draft->api != 0 && draft->api != API_VERSION) {
        call_complain(call, "api %d is not known to this version of pegflow, which knows %d",
                      (int)draft->api, API_VERSION);
    }
}

static bool is_version(const char *text)
{
    size_t good =
        strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+-");
    return text[good] == '\0' && good < 64;
}

/* Accepting is for one thing that was thought about: an empty or doubled entry is a slip. */
static void check_accepted(struct call *call, const struct cluster_file *file)
{
    if (file->accept_reason == NULL) {
        return; /* nothing is accepted, or the missing reason was reported */
    }
    if (file->accept_reason[strspn(file->accept_reason, " \t\r\n")] == '\0') {
        call_complain(call, "'accept.reason' is blank: say why");
    }
    if (!call->tainted && file->accepted_outage_count == 0 && !file->accepts_freeze) {
        call_complain(call, "'accept' accepts nothing: give 'outage' or 'freeze'");
    }
    for (size_t i = 0; i < file->accepted_outage_count; i++) {
        const char *table = file->accepted_outages[i];
        if (table == NULL) {
            continue; /* reported */
        }
        if (table[0] == '\0') {
            call_complain(call, "'accept.outage' has an empty name in it");
        }
        for (size_t j = 0; j < i; j++) {
            if (file->accepted_outages[j] != NULL &&
                strcmp(file->accepted_outages[j], table) == 0) {
                call_complain(call, "'accept.outage' names '%.60s' twice", table);
            }
        }
    }
}

static void check_lock(struct call *call, struct cluster_file *file)
{
    struct arena *arena = &call->lang->arena;
    struct error err;
    const char *own;
    if (file->lock.zookeeper == NULL) {
        return; /* no lock, or what is wrong was reported */
    }
    if (!ensemble_parse(file->lock.zookeeper, arena, &file->lock.ensemble, &err)) {
        call_complain(call, "'lock.zookeeper': %s", err.text);
    }
    if (file->lock.root != NULL &&
        !ensemble_own_path(file->lock.root, file->name, file->zookeeper_root, arena, &own, &err)) {
        call_complain(call, "'lock.root': %s", err.text);
    }
}

static void finish_cluster(struct call *call, struct cluster_draft *draft)
{
    struct cluster_file *file = &draft->file;
    file->file = call->where.file == NULL ? "" : call->where.file;
    file->has_deploy = draft->deploy != LUA_NONE;
    if (file->target_version != NULL && !is_version(file->target_version)) {
        call_complain(call,
                      "'target.version' can hold letters, digits, '.', '_', '+' and '-', not "
                      "'%.60s'",
                      file->target_version);
    }
    if (file->zookeeper_root != NULL && file->zookeeper_root[0] != '/') {
        call_complain(call, "'zookeeper_root' is '%.100s', but must begin with '/'",
                      file->zookeeper_root);
    }
    check_accepted(call, file);
    check_lock(call, file);
    for (size_t i = 0; i < file->collector_count; i++) {
        const char *name = file->collector_names[i]; /* NULL: a mistake was told */
        for (size_t j = 0; j < file->meta_count; j++) {
            if (name != NULL && file->meta_names[j] != NULL &&
                strcasecmp(file->meta_names[j], name) == 0) {
                call_complain(call, "%s is both a meta and a collector", name);
            }
        }
    }
}

static void finish_model(struct call *call, struct model *model)
{
    struct error err;
    struct model defaults;
    model_init(&defaults, model->release);
    if (strcmp(model->zookeeper_root, defaults.zookeeper_root) == 0) {
        model->zookeeper_root =
            arena_printf(&call->lang->arena, "/pegasus/%s", model->cluster_name);
    }
    if (!call->tainted && !model_check(model, &err)) {
        call_complain(call, "%s", err.text);
    }
}

void file_finish(struct call *call, const struct descriptor *descriptor, void *file)
{
    switch ((enum file_kind)descriptor->kind) {
    case FILE_WORKFLOW:
        finish_workflow(call, file);
        break;
    case FILE_CLUSTER:
        finish_cluster(call, file);
        break;
    case FILE_MODEL:
        finish_model(call, file);
        break;
    case FILE_VARIANT:
    case FILE_TEST:
        break;
    }
}
