#include "lang/lang.h"

#include "lang/hold_check.h"
#include "lang/place.h"
#include "lang/private.h"

#include <stdlib.h>
#include <string.h>

static const struct lang_limits default_limits = {
    .memory_bytes = 64 * 1024 * 1024,
    .load_instructions = 50 * 1000 * 1000,
    .call_instructions = 5 * 1000 * 1000,
};

/* ---- making and freeing */
static int open_state(lua_State *L)
{
    struct lang *lang = lang_of(L);
    sandbox_open(L);
    for (int role = 0; role < ROLE_COUNT; role++) {
        lua_pushboolean(L, 0);
        lang->server_lists[role] = luaL_ref(L, LUA_REGISTRYINDEX);
    }
    return 0;
}

static void add_folders(struct lang *lang, const char *const *folders)
{
    size_t count = 0;
    while (folders != NULL && folders[count] != NULL) {
        count++;
    }
    lang->lib_folders = arena_allocate(&lang->arena, (count + 1) * sizeof *lang->lib_folders);
    for (size_t i = 0; i < count; i++) {
        lang->lib_folders[i] = arena_copy_string(&lang->arena, folders[i]);
    }
    lang->lib_folder_count = count;
}

static void add_kept(struct lang *lang, const struct lang_options *options)
{
    if (options->kept == NULL) {
        return;
    }
    struct lang_file *kept = arena_allocate(&lang->arena, (options->kept_count + 1) * sizeof *kept);
    for (size_t i = 0; i < options->kept_count; i++) {
        const struct lang_file *file = &options->kept[i];
        kept[i] = (struct lang_file){
            .path = arena_copy_string(&lang->arena, file->path),
            .bytes = arena_copy_bytes(&lang->arena, file->bytes, file->length),
            .length = file->length,
        };
    }
    lang->kept = kept;
    lang->kept_count = options->kept_count;
}

struct lang *lang_new(const struct lang_options *options)
{
    static const struct lang_options no_options;
    struct lang *lang = memory_allocate(sizeof *lang);
    options = options == NULL ? &no_options : options;
    arena_init(&lang->arena);
    lang->limits = options->limits == NULL ? default_limits : *options->limits;
    lang->allocations_left = -1;
    add_folders(lang, options->lib_folders);
    add_kept(lang, options);
    lang->stdlib = options->stdlib_folder != NULL
                       ? arena_copy_string(&lang->arena, options->stdlib_folder)
                       : find_stdlib(&lang->arena);
    lang->L = lua_newstate(lang_allocate, lang);
    if (lang->L == NULL) {
        return lang;
    }
    memcpy(lua_getextraspace(lang->L), &lang, sizeof lang);
    lua_pushcfunction(lang->L, open_state);
    if (lua_pcall(lang->L, 0, 0, 0) != LUA_OK) {
        lua_close(lang->L);
        lang->L = NULL; /* every load will say that there is no memory */
    }
    return lang;
}

void lang_deal_racks(struct lang *lang)
{
    lang->deals_racks = true;
}

void lang_free(struct lang *lang)
{
    if (lang == NULL) {
        return;
    }
    if (lang->L != NULL) {
        lua_close(lang->L);
    }
    text_clear(&lang->scratch);
    arena_clear(&lang->arena);
    free(lang);
}

size_t lang_file_count(const struct lang *lang)
{
    return lang->read_count;
}

const struct lang_file *lang_file(const struct lang *lang, size_t index)
{
    ASSERT(index < lang->read_count);
    return &lang->read[index];
}

const char *lang_stdlib_folder(const struct lang *lang)
{
    return lang->stdlib;
}

const char *const *lang_lib_folders(const struct lang *lang, size_t *count)
{
    *count = lang->lib_folder_count;
    return lang->lib_folders;
}

/* ---- loading */
struct loading {
    const char *path;
    const char *source; /* its text where no file holds it, else NULL */
    const char *shown;
    bool of_stdlib;
    enum file_kind kind;
    struct object *made; /* what the file returned; Lua keeps it */
    /* workflows */
    const struct inventory *inventory;
    const struct lang_set *sets;
    size_t set_count;
    struct workflow *workflow;
};

static const char *folder_of(struct lang *lang, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        return "";
    }
    return arena_copy_bytes(&lang->arena, path, slash == path ? 1 : (size_t)(slash - path));
}

/* The file's value if it is of the right kind, else NULL after complaining. It stays on the stack.
 */
static struct object *check_file(lua_State *L, const struct loading *loading)
{
    static const char *const kinds[] = {"workflow", "cluster", "model"};
    char buffer[96];
    struct lang *lang = lang_of(L);
    struct object *object = object_of_kind(L, -1, OBJECT_FILE);
    if (object_of_kind(L, -1, OBJECT_PLACEHOLDER) != NULL && lang->errors->count > 0) {
        return NULL;
    }
    bool is_variant = object != NULL && object->descriptor->kind == FILE_VARIANT;
    if (object == NULL || (object->descriptor->kind != (int)loading->kind &&
                           !(is_variant && loading->kind == FILE_WORKFLOW))) {
        lang_complain(lang, (struct source){loading->shown, 0},
                      "must end with: return %s \"name\" { ... }; it returns %s",
                      kinds[loading->kind], object_describe(L, -1, buffer));
        return NULL;
    }
    return object;
}

static int run_load(lua_State *L)
{
    struct loading *loading = lua_touserdata(L, 1);
    struct lang *lang = lang_of(L);
    lang->main_folder = loading->source != NULL ? NULL : folder_of(lang, loading->path);
    load_file(L, loading->path, loading->source, loading->shown, loading->of_stdlib);
    loading->made = check_file(L, loading);
    return 0;
}

static const struct inventory *stand_in(struct lang *lang)
{
    static const char *const names[ROLE_COUNT] = {"meta.example:34601", "replica.example:34801",
                                                  "collector.example:34101"};
    static const uint16_t ports[ROLE_COUNT] = {34601, 34801, 34101};
    struct inventory *inventory = arena_allocate(&lang->arena, sizeof *inventory);
    inventory->cluster_name = lang->cluster == NULL ? "example" : lang->cluster->file.name;
    for (int role = 0; role < ROLE_COUNT; role++) {
        struct server *server = arena_allocate(&lang->arena, sizeof *server);
        *server = (struct server){
            .role = (enum role)role,
            .name = names[role],
            .address = {.ip = 0xc0000201u + (uint32_t)role,
                        .port = ports[role],
                        .kind = ADDRESS_IPV4}, /* 192.0.2.0/24 is for examples */
        };
        inventory->servers[role] = server;
        inventory->count[role] = 1;
    }
    return inventory;
}

static void complain_of_holds(void *ctx, struct source where, const char *text)
{
    lang_complain(ctx, where, "%s", text);
}

/* Places what `steps(cluster, p)` returned, at the top of the stack, and changes it as the variant
 * says. */
static void place(lua_State *L, struct call *call, struct workflow *workflow,
                  const struct variant_draft *variant, const struct plan_values *values)
{
    struct lang *lang = lang_of(L);
    struct step_list drafts = {0};
    struct placing placing;
    value_read_steps(L, call, lua_gettop(L), "what the function 'steps' returns", &drafts);
    if (call->tainted) {
        return; /* what is not tainted can be placed, whatever else is wrong with the file */
    }
    if (call->count > STEP_COUNT_LIMIT) {
        call_complain(call, "more than %d steps", STEP_COUNT_LIMIT);
        return;
    }
    placing_start(&placing, lang, &drafts, (size_t)call->count, workflow);
    if (variant == NULL || variant_edit(L, variant, values, &placing)) {
        placing_finish(&placing);
        hold_check(&workflow->steps, complain_of_holds, lang);
    }
    lang_check_arena(L);
}

/* Calls `steps(cluster, p)` and places what it returns. `where`: of the function. */
static void plan(lua_State *L, const struct loading *loading, const struct workflow_draft *draft,
                 struct source where, const struct variant_draft *variant)
{
    struct lang *lang = lang_of(L);
    struct call call = {.lang = lang, .constructor = "workflow", .where = where};
    if (draft->steps == LUA_NONE) {
        return; /* reported */
    }
    inventory_push(L, loading->inventory != NULL ? loading->inventory : stand_in(lang));
    params_resolve(L, draft, loading->sets, loading->set_count, loading->workflow);
    struct plan_values values = {
        .cluster = lua_gettop(L) - 1,
        .params = lua_gettop(L),
        .stand_in = loading->inventory == NULL,
    };
    lang->stand_in = values.stand_in;
    lua_rawgeti(L, LUA_REGISTRYINDEX, draft->steps);
    lua_pushvalue(L, values.cluster);
    lua_pushvalue(L, values.params);
    if (lang_call(L, 2, 1)) {
        place(L, &call, loading->workflow, variant, &values);
    }
}

static int run_load_workflow(lua_State *L)
{
    struct loading *loading = lua_touserdata(L, 1);
    run_load(L);
    if (loading->made == NULL) {
        return 0;
    }
    const struct object *made = loading->made;
    const struct variant_draft *variant =
        made->descriptor->kind == FILE_VARIANT ? made->file : NULL;
    const struct workflow_draft *base = variant == NULL ? made->file : variant->base;
    ASSERT(base != NULL);
    struct workflow_draft draft = variant == NULL ? *base : variant_merge(L, variant);
    *loading->workflow = (struct workflow){
        .name = draft.name,
        .summary = draft.summary == NULL ? "" : draft.summary,
        .file = loading->shown,
        .requirements = draft.requirements,
        .requirement_count = draft.requirement_count,
        .invariants = draft.invariants,
        .invariant_count = draft.invariant_count,
    };
    plan(L, loading, &draft, base->where, variant);
    return 0;
}

static int compare_errors(const void *a, const void *b)
{
    const struct error_item *one = a;
    const struct error_item *other = b;
    int files = strcmp(one->file == NULL ? "" : one->file, other->file == NULL ? "" : other->file);
    if (files != 0) {
        return files;
    }
    return one->line != other->line ? (one->line < other->line ? -1 : 1)
                                    : strcmp(one->text, other->text);
}

/* Runs a load; all that was wrong with it is in `errors`, in order of file and line. */
static bool load(struct lang *lang, lua_CFunction function, struct loading *loading,
                 struct error_list *errors)
{
    struct source where;
    struct error err;
    size_t before = errors->count + errors->dropped;
    struct error_list found;
    error_list_init(&found);
    for (size_t i = 0; i < lang->file_count; i++) { /* what a limit stopped in the middle */
        lang->files[i].failed = lang->files[i].failed || lang->files[i].loading;
        lang->files[i].loading = false;
    }
    lang->errors = &found;
    bool ok = lang_run(lang, function, loading, lang->limits.load_instructions, &where, &err);
    if (!ok) {
        error_list_add(&found, where.file != NULL ? where.file : loading->shown, where.line, "%s",
                       err.text);
    }
    lang->errors = NULL;
    if (found.count > 1) {
        qsort(found.items, found.count, sizeof *found.items, compare_errors);
    }
    for (size_t i = 0; i < found.count; i++) {
        error_list_add(errors, found.items[i].file, found.items[i].line, "%s", found.items[i].text);
    }
    errors->dropped += found.dropped;
    error_list_clear(&found);
    return errors->count + errors->dropped == before && loading->made != NULL;
}

bool lang_load_cluster(struct lang *lang, const char *path, const struct cluster_file **out,
                       struct error_list *errors)
{
    struct loading loading = {
        .path = path,
        .shown = arena_copy_string(&lang->arena, path),
        .kind = FILE_CLUSTER,
    };
    if (!load(lang, run_load, &loading, errors)) {
        return false;
    }
    lang->cluster = loading.made->file;
    *out = &lang->cluster->file;
    return true;
}

bool lang_load_cluster_text(struct lang *lang, const char *name, const char *source,
                            const struct cluster_file **out, struct error_list *errors)
{
    struct loading loading = {
        .path = name,
        .source = arena_copy_string(&lang->arena, source),
        .shown = arena_copy_string(&lang->arena, name),
        .kind = FILE_CLUSTER,
    };
    if (!load(lang, run_load, &loading, errors)) {
        return false;
    }
    lang->cluster = loading.made->file;
    *out = &lang->cluster->file;
    return true;
}

bool lang_load_model(struct lang *lang, const char *name_or_path, const struct model **out,
                     struct error_list *errors)
{
    size_t length = strlen(name_or_path);
    bool is_path = strchr(name_or_path, '/') != NULL ||
                   (length > 4 && strcmp(name_or_path + length - 4, ".lua") == 0);
    struct loading loading = {
        .path = name_or_path,
        .shown = arena_copy_string(&lang->arena, name_or_path),
        .kind = FILE_MODEL,
    };
    if (!is_path) {
        char hint[128];
        struct nearest nearest = {.word = name_or_path};
        loading.path = find_model(lang, name_or_path, &loading.shown, &loading.of_stdlib, &nearest);
        if (loading.path == NULL) {
            error_list_add(errors, NULL, 0, "there is no model '%s'%s", name_or_path,
                           nearest_hint(&nearest, hint));
            return false;
        }
    }
    if (!load(lang, run_load, &loading, errors)) {
        return false;
    }
    *out = loading.made->file;
    return true;
}

bool lang_load_workflow(struct lang *lang, const char *path, const struct inventory *inventory,
                        const struct lang_set *sets, size_t set_count, const struct workflow **out,
                        struct error_list *errors)
{
    struct workflow *workflow = arena_allocate(&lang->arena, sizeof *workflow);
    struct loading loading = {
        .path = path,
        .shown = arena_copy_string(&lang->arena, path),
        .kind = FILE_WORKFLOW,
        .inventory = inventory,
        .sets = sets,
        .set_count = set_count,
        .workflow = workflow,
    };
    if (!load(lang, run_load_workflow, &loading, errors)) {
        return false;
    }
    *out = workflow;
    return true;
}
