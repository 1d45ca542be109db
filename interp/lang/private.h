/* lang/private.h - what the files of lang/ share. Not for other floors.
 *
 * Functions marked "may jump" are left by Lua's longjmp on an error: they, and everything between
 * them and the protected call, hold nothing that must be freed (arenas and userdata only). */
#ifndef PEGFLOW_LANG_PRIVATE_H
#define PEGFLOW_LANG_PRIVATE_H

#include "base/arena.h"
#include "lang/descriptors.h"
#include "lang/lang.h"
#include "lang/nearest.h"

#include <cjson/cJSON.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

enum {
    STEP_DEPTH_LIMIT = 64,
    STEP_COUNT_LIMIT = 100000,
    VARIANT_DEPTH_LIMIT = 16,
    CONDITION_DEPTH_LIMIT = 32,
    CONDITION_COUNT_LIMIT = 1000,
    STRING_BYTES_LIMIT = 4 * 1024 * 1024,
    FILE_BYTES_LIMIT = 1024 * 1024,
    FILE_COUNT_LIMIT = 200,
    LABEL_BYTES_LIMIT = 100,
    SECRET_COUNT_LIMIT = 64,
};

#define LANG_TOO_DEEP "functions or expressions nest too deep (stack overflow)"

/* One file that was loaded. */
struct loaded_file {
    const char *path;       /* to open */
    const char *source;     /* its text where no file holds it, else NULL */
    const char *shown;      /* as the user would name it; what `source` carries */
    const char *chunk_name; /* "@" and `shown` */
    char chunk[LUA_IDSIZE]; /* as Lua shows it in messages: long names are cut */
    bool of_stdlib;
    bool loading;
    bool failed;
    int value; /* lua reference to what it returned; LUA_NONE while loading */
};

enum object_kind {
    OBJECT_PLACEHOLDER, /* stands for what was wrong; takes every operation in silence */
    OBJECT_STEP,
    OBJECT_CONDITION,
    OBJECT_POLICY,
    OBJECT_PARAM,
    OBJECT_SERVER,
    OBJECT_DURATION,
    OBJECT_FILE,
    OBJECT_PARTIAL, /* a constructor that waits for its table */
    OBJECT_CLUSTER,
    OBJECT_PARAMS, /* its user value is the table of values */
    OBJECT_VIEW,   /* a piece of a snapshot */
    OBJECT_KIND_COUNT
};

enum view_kind {
    VIEW_SNAPSHOT,
    VIEW_NODES,
    VIEW_NODE,
    VIEW_TABLES,
    VIEW_TABLE,
    VIEW_PARTITIONS,
    VIEW_PARTITION,
    VIEW_SECONDARIES
};
struct view {
    enum view_kind kind;
    uint64_t generation; /* that of the call it was made in */
    const void *of;      /* struct snapshot, _node, _table, _partition */
};

/* Every userdata a script can hold. */
struct object {
    enum object_kind kind;
    const struct descriptor *descriptor; /* NULL where no constructor made it */
    struct source where;
    int32_t depth; /* steps and conditions: how deep and how many, to bound them */
    int32_t count;
    const char *label;                   /* partial, file */
    const struct server *server;         /* server; partial and step of a FORM_SERVER */
    const struct condition *condition;   /* condition; partial of FORM_CONDITION_TABLE */
    const struct variant_draft *variant; /* partial of FORM_BASE: what it is made from */
    struct step *step;
    enum policy_kind policy;
    struct param *param;
    int64_t us;
    void *file; /* workflow_draft, variant_draft, cluster_draft, model */
    struct view view;
};

struct lang {
    lua_State *L; /* NULL when there was not even memory to start */
    struct arena arena;
    struct lang_limits limits;
    const char **lib_folders;
    size_t lib_folder_count;
    const char *stdlib; /* folder, or NULL */
    struct loaded_file files[FILE_COUNT_LIMIT];
    size_t file_count;
    struct lang_file *read; /* in the arena: what was read, each path once */
    size_t read_count;
    const struct lang_file *kept; /* instead of the disk, or NULL */
    size_t kept_count;
    const char *main_folder; /* of the file being loaded: where `require` looks first */

    /* Limits of the call under way. */
    size_t memory_used;
    int64_t allocations_left; /* -1: no fault is injected; else fail when it reaches 0 */
    int64_t spent;
    int64_t budget;
    int64_t cpu_deadline_us;
    bool exhausted; /* a limit was passed: nothing a script does goes on */
    char exhausted_text[160];
    struct source exhausted_where;
    struct source memory_where;  /* where memory was refused last */
    bool memory_went_deep;       /* calls were nested deep then */
    struct source failure_where; /* innermost line of the error that the handler saw last */
    bool in_script;              /* the stack may be asked for lines */

    struct text scratch;       /* for text made while Lua may jump */
    struct error_list *errors; /* of the load under way, else NULL */
    int placeholder;           /* references */
    int metatables[OBJECT_KIND_COUNT];
    int globals;
    int sort;             /* Lua's own table.sort */
    int file_environment; /* metatable of each file's environment */
    int server_lists[ROLE_COUNT];

    struct lang_secret secrets[SECRET_COUNT_LIMIT]; /* by name, each once */
    size_t secret_count;
    const struct cluster_draft *cluster;
    bool stand_in;                   /* the servers of the load under way are stand-ins */
    bool deals_racks;                /* lang_deal_racks */
    const struct snapshot *snapshot; /* during lang_ask */
    uint64_t generation;
};

struct lang *lang_of(lua_State *L);

/* ---- limits.c */
void *lang_allocate(void *ctx, void *memory, size_t old_bytes, size_t new_bytes);
void lang_set_budget(struct lang *lang, int64_t instructions);
/* may jump: counts work done outside Lua's instructions; gives up when the budget is spent. */
void lang_charge(lua_State *L, int64_t cost);
/* may jump, always */
_Noreturn void lang_give_up(lua_State *L, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* may jump: what was built so far is within the ceiling of memory. */
void lang_check_arena(lua_State *L);
/* Passes on an error that no script may catch. may jump: after a failed lua_pcall with `status`. */
void lang_pass_on(lua_State *L, int status);

/* ---- errors.c */
/* The line of the script that is running: the innermost one outside of the standard library. */
struct source lang_where(lua_State *L);
/* Adds to the errors of the load under way (once, if it is there already). Outside of a load it is
 * an error of the script: may jump. */
void lang_complain(struct lang *lang, struct source where, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* As lang_complain, for a message of Lua's that begins with its place. may jump */
void lang_complain_message(lua_State *L, const char *message);
/* Runs `function(ctx)` in a protected call under a budget. False: the failure is in `where`, `err`.
 */
bool lang_run(struct lang *lang, lua_CFunction function, void *ctx, int64_t budget,
              struct source *where, struct error *err);
/* As lua_pcall from inside; limits are passed on. On failure the error was reported to the errors
 * of the load and nothing is pushed. may jump */
bool lang_call(lua_State *L, int argument_count, int result_count);
/* ---- sandbox.c, sandbox_string.c, sandbox_table.c; all may jump */
void sandbox_open(lua_State *L);
void sandbox_push_strings(lua_State *L); /* the table of string functions */
void sandbox_push_tables(lua_State *L);
int sandbox_pairs(lua_State *L);
const char *sandbox_tostring(lua_State *L, int index, size_t *length); /* pushes; no addresses */

/* ---- object.c; all may jump but object_at */
void object_open(lua_State *L);
struct object *object_new(lua_State *L, enum object_kind kind);
struct object *object_at(lua_State *L, int index);                             /* NULL: not one */
struct object *object_of_kind(lua_State *L, int index, enum object_kind kind); /* or NULL */
void object_push_placeholder(lua_State *L);
void object_push_duration(lua_State *L, int64_t us);
void object_push_server(lua_State *L, const struct server *server);
const char *object_kind_name(enum object_kind kind);
/* "the number 5", "a table", "a wait_until step", for messages; pushes nothing. */
const char *object_describe(lua_State *L, int index, char buffer[96]);
/* `host` without its port. */
const char *server_host(lua_State *L, const struct server *server);

/* ---- fields.c: reading a table by its rows */
struct call {
    struct lang *lang;
    const char *constructor;
    struct source where;
    int table;     /* of a step: its index on the stack */
    bool tainted;  /* an error was reported, here or before in a value: do not build */
    int32_t depth; /* of the steps or conditions read */
    int32_t count;
};
/* may jump: reads the table at `index` into `base`. Reports everything wrong; look at tainted. */
void fields_read(lua_State *L, struct call *call, int index, const struct field *rows,
                 size_t row_count, const struct field *more, size_t more_count, void *base);
/* may jump */
void call_complain(struct call *call, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* may jump: reads one value (values.c). */
void value_read(lua_State *L, struct call *call, const struct field *field, int index, void *base);
/* may jump: a list of steps, or one step, as functions of a site return it. */
void value_read_steps(lua_State *L, struct call *call, int index, const char *what,
                      struct step_list *out);
/* may jump: a table without holes and without names; returns its length, -1 after complaining. */
lua_Integer value_list_length(lua_State *L, struct call *call, int index, const char *what);
const char *value_text(lua_State *L, struct call *call, int index, const char *what);
const char **value_sorted_keys(lua_State *L, struct call *call, int index, const char *what,
                               size_t *count);
const char *json_encode(lua_State *L, struct call *call, int index); /* may jump; in the arena */
/* {"name":"text"}; in the arena. */
const char *json_encode_member(struct call *call, const char *name, const char *text);
/* [-0, +1] may jump: objects and lists become tables, null becomes nil. Work is charged. */
void json_push(lua_State *L, const struct cJSON *json);

/* ---- secret.c */
int secret_env(lua_State *L);

/* ---- construct.c, steps.c: constructors as functions */
int construct_call(lua_State *L);                         /* upvalue 1: the descriptor */
int construct_apply(lua_State *L, struct object *object); /* __call: argument at 2 */
/* What a step of this kind needs beyond its rows. may jump */
void step_finish(lua_State *L, struct call *call, const struct descriptor *descriptor,
                 struct draft *draft);
/* steps_groups.c; may jump */
void step_finish_rolling(lua_State *L, struct call *call, struct draft *draft);
void step_finish_try(struct call *call, struct draft *draft);
bool command_only_reads(const char *name, size_t argument_count);
/* file_drafts.c: a model with the defaults of the release its table names; may jump. And what a
 * file needs beyond its rows. */
struct model *model_draft(lua_State *L, struct call *call, const char *name, int table);
void file_finish(struct call *call, const struct descriptor *descriptor, void *file);

/* ---- variant.c, edit_find.c, edit.c; may jump */
/* What a variant is of: the shipped workflow of a name, or a workflow or variant, at `index`. NULL
 * after complaining. */
struct variant_draft *variant_begin(lua_State *L, struct call *call, int index);
/* The workflow that a file describes, with what its variants say but for their edits. */
struct workflow_draft variant_merge(lua_State *L, const struct variant_draft *variant);
struct placing;
/* What the functions of a site are called with, as indexes on the stack. */
struct plan_values {
    int cluster;
    int params;
    bool stand_in; /* the servers are stand-ins: any server of a file may be one of them */
};
/* Changes the tree as the variant and those it is made from say. False: something is wrong, and
 * reported; the tree is of no use then. */
bool variant_edit(lua_State *L, const struct variant_draft *variant,
                  const struct plan_values *values, struct placing *placing);

/* ---- files.c; may jump */
int require_file(lua_State *L);
/* Pushes what the shipped workflow of that name returned, or a placeholder after complaining. */
void load_shipped_workflow(lua_State *L, struct call *call, const char *name);
/* Loads and runs a file in the sandbox and pushes what it returned; pushes the placeholder after a
 * failure, which was reported. */
/* `source` NULL: the file at `path` is read. */
void load_file(lua_State *L, const char *path, const char *source, const char *shown,
               bool of_stdlib);
const char *find_stdlib(struct arena *arena);
/* A model's name to a path; NULL when there is none (`nearest` offered all names there are). */
const char *find_model(struct lang *lang, const char *name, const char **shown, bool *of_stdlib,
                       struct nearest *nearest);

/* ---- params.c, place.c, inventory_value.c, view.c */
void params_resolve(lua_State *L, const struct workflow_draft *draft, const struct lang_set *sets,
                    size_t set_count, struct workflow *workflow); /* pushes p; may jump */
/* The params at the reference `params` as a variant has them; a reference. may jump */
int params_vary(lua_State *L, int params, const struct variant_draft *variant);
void inventory_push(lua_State *L, const struct inventory *inventory); /* pushes `cluster` */
void view_push_snapshot(lua_State *L, const struct snapshot *snapshot);
int view_index(lua_State *L, const struct object *object); /* key at 2 */
int view_length(lua_State *L, const struct object *object);
bool view_is_list(const struct view *view);

#endif
