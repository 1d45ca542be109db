/* lang/descriptors.h - every word of the language, described once.
 *
 * Floor: lang. One row per constructor and one per field: name, kind, unit, default, one line of
 * doc, where the value goes. Validation, `pegflow describe` and the editor stubs read the same
 * rows, so they cannot drift apart. No Lua here. What is described but does not work yet is marked
 * LATER and is refused where it is used. */
#ifndef PEGFLOW_LANG_DESCRIPTORS_H
#define PEGFLOW_LANG_DESCRIPTORS_H

#include "base/text.h"
#include "lang/step.h"

enum field_kind {
    FIELD_TEXT,        /* const char *, not empty */
    FIELD_INTEGER32,   /* int32_t */
    FIELD_INTEGER64,   /* int64_t */
    FIELD_NUMBER,      /* double */
    FIELD_BOOLEAN,     /* bool */
    FIELD_DURATION,    /* int64_t, microseconds; "90s" or a param of type duration */
    FIELD_DURATION_MS, /* int64_t, milliseconds; written as above */
    FIELD_WORD,        /* int: index into `words` */
    FIELD_TEXTS,       /* const char **, NULL-terminated; with a count where count_offset is set */
    FIELD_NAMES,       /* struct name_value *, and a count; sorted by name */
    FIELD_TABLES,      /* as FIELD_TEXTS with a count; "*" gives NULL */
    FIELD_PAIRS,       /* const char **: "name<separator>value", sorted, NULL-terminated */
    FIELD_JSON,        /* const char *: any value, encoded */
    FIELD_FUNCTION,    /* int: a lua reference */
    FIELD_FUNCTIONS,  /* int: reference to a table whose keys are `words`, whose values functions */
    FIELD_VALUES,     /* int: reference to a table of name = text, number or boolean */
    FIELD_PARAMS,     /* int: reference to a table of name = param */
    FIELD_OVERRIDES,  /* int: reference to a table of name = param, or a value of one */
    FIELD_EDITS,      /* int: reference to a table of id = steps, or a function that returns them */
    FIELD_CONDITION,  /* const struct condition * */
    FIELD_CONDITIONS, /* const struct condition **, and a count */
    FIELD_STEPS,      /* struct step_list */
    FIELD_ACTION,     /* struct step * */
    FIELD_SERVERS,    /* const struct server **, and a count */
    FIELD_ORDER,      /* enum order_policy */
    FIELD_TARGETS,    /* enum target_policy */
    FIELD_LEVEL,      /* int32_t: enum meta_level */
    FIELD_SETTINGS,   /* struct setting_value *, and a count; sorted by name */
    FIELD_TO,         /* draft.to: "meta", "metas", "replicas", a server, "ip:port" */
    FIELD_ADDRESS_LIST, /* struct address *, the texts and a count; a name gives none; distinct */
    FIELD_RECORD,       /* the fields of `rows`, in place */
    FIELD_RECORDS,      /* an array of structs of `record_bytes`, and a count */
    FIELD_PLACEMENT,    /* const int32_t *: server indices, replicas for each partition */
    FIELD_ANY,          /* described only: nothing reads it yet */
    FIELD_KIND_COUNT
};

enum field_flag {
    REQUIRED = 1,
    LATER = 2,        /* refused: not in this version */
    FIRST = 8,        /* the first positional item */
    SECOND = 16,      /* the second */
    REST = 32,        /* all positional items from the first free one on */
};

struct field {
    const char *name; /* of a positional item: what it is called */
    enum field_kind kind;
    unsigned flags;
    const char *fallback; /* default as it would be written, or NULL */
    const char *doc;
    size_t offset;
    size_t count_offset; /* 0: no count is stored */
    int64_t min;         /* numbers (durations in us); min == max: no bounds */
    int64_t max;
    const char *const *words; /* NULL-terminated */
    const struct field *rows;
    size_t row_count;
    size_t record_bytes;
    char separator;      /* FIELD_PAIRS */
    size_t names_offset; /* FIELD_ADDRESS_LIST: const char **, as written */
};

enum group {
    GROUP_ACTION,
    GROUP_WAIT,
    GROUP_GROUP,
    GROUP_CONDITION,
    GROUP_POLICY,
    GROUP_PARAM,
    GROUP_FILE,
    GROUP_COUNT
};

enum form {
    FORM_TABLE,           /* c { ... } */
    FORM_VALUE,           /* c { ... } or c value */
    FORM_LABELLED,        /* c "label" { ... } or c { ... } */
    FORM_NAMED,           /* c "name" { ... } */
    FORM_FUNCTION,        /* c "name" (function) */
    FORM_SERVER,          /* c(node) or c(node) { ... } */
    FORM_SERVER_TABLE,    /* c(node) { ... } */
    FORM_SERVER_ONLY,     /* c(node) */
    FORM_CONDITION_TABLE, /* c(condition) { ... } */
    FORM_CONDITION_ONLY,  /* c(condition) */
    FORM_BASE,            /* c "name" { ... } or c(workflow) { ... } */
    FORM_NOTHING,         /* c() */
};

struct descriptor {
    const char *name;
    enum group group;
    enum form form;
    int kind; /* enum step_kind, condition_kind, policy_kind, param_kind or file_kind, by group */
    bool later;
    const struct field *fields;
    size_t field_count;
    const char *doc;
    const char *example; /* something that loads; a policy's is the field it is used in */
};

enum policy_kind {
    POLICY_AS_LISTED,
    POLICY_STANDBYS_FIRST,
    POLICY_FEWEST_PRIMARIES,
    POLICY_RANDOM
};
enum param_kind {
    PARAM_DURATION,
    PARAM_INTEGER,
    PARAM_NUMBER,
    PARAM_BOOLEAN,
    PARAM_TEXT,
    PARAM_CHOICE
};
enum file_kind { FILE_WORKFLOW, FILE_CLUSTER, FILE_MODEL, FILE_VARIANT, FILE_TEST };

/* What a step's fields are read into: the step, and what only its constructor needs. */
struct draft {
    struct step step;
    const char *id;
    const struct server **servers; /* rolling: over */
    size_t server_count;
    int function; /* rolling: steps */
    struct {
        enum command_to kind;
        struct address address;
        const struct server *server;
    } to;
    struct step_list rescue; /* try */
    struct step_list finally;
    int within;    /* rolling: 1 is within a rack */
    int method; /* http: the method */
    int32_t only_number;
    const char *json;
    const char *notice; /* notify: text */
};

struct param {
    const char *name;
    const struct descriptor *descriptor;
    struct source where;
    const char *doc;
    int64_t integer; /* PARAM_DURATION: microseconds */
    double number;
    bool boolean;
    const char *text;
    const char *written; /* the value as text */
    const char *from;    /* who gave it, as in struct param_value */
    int64_t min;         /* INT64_MIN, INT64_MAX: none */
    int64_t max;
    const char **of;
    size_t of_count;
};

struct workflow_draft {
    const char *name;
    struct source where;
    int32_t api;
    const char *summary;
    int params;
    const struct condition **requirements;
    size_t requirement_count;
    const struct condition **invariants;
    size_t invariant_count;
    int steps;
};

struct variant_draft {
    const struct workflow_draft *base;
    const struct variant_draft
        *inner;    /* the variant of `base` that this one is made from, or NULL */
    int32_t depth; /* 1: made from the workflow itself */
    struct source where;
    const char *name;
    const char *summary; /* NULL: that of the base */
    int params;
    const struct condition **requirements; /* besides those of the base */
    size_t requirement_count;
    const struct condition **invariants; /* the same */
    size_t invariant_count;
    int before;
    int after;
    int replace;
    const char **remove;
    size_t remove_count;
};

struct cluster_draft {
    struct cluster_file file;
    struct source where;
    int deploy;
    int params;
};

/* GROUP_POLICY..: rows in order of the language; NULL after the last. O(rows). */
const struct descriptor *descriptor_at(size_t index);
const struct descriptor *descriptor_find(const char *name);
const char *descriptor_nearest(const char *name); /* or NULL */
/* "hold \"label\" { ... } or hold { ... }" */
void descriptor_write_form(const struct descriptor *descriptor, struct text *out);
/* Fields that every step takes: id, timeout, retry, on_failure. */
extern const struct field common_step_fields[];
extern const size_t common_step_field_count;
bool descriptor_is_step(const struct descriptor *descriptor);
/* The fields of a constructor, own ones first, then common ones it does not redefine; NULL after
 * the last. */
const struct field *descriptor_field(const struct descriptor *descriptor, size_t index);
const char *field_kind_text(enum field_kind kind); /* "duration", "list of steps" */
const char *group_name(enum group group);

extern const struct descriptor step_descriptors[];
extern const size_t step_descriptor_count;
extern const struct descriptor file_descriptors[];
extern const size_t file_descriptor_count;
extern const struct descriptor word_descriptors[]; /* conditions, policies, params */
extern const size_t word_descriptor_count;

extern const char *const deploy_words[];
extern const char *const http_methods[];

#endif
