/* lang/edit.h - the steps of a variant, while they are put into the tree.
 *
 * Floor: lang, private to it. All ids are looked up before anything changes, so that the order in
 * which a file names them does not matter. */
#ifndef PEGFLOW_LANG_EDIT_H
#define PEGFLOW_LANG_EDIT_H

#include "lang/place.h"

enum edit_kind { EDIT_BEFORE, EDIT_AFTER, EDIT_REPLACE, EDIT_REMOVE, EDIT_KIND_COUNT };

/* One entry of a variant. */
struct edit {
    enum edit_kind kind;
    const char *id; /* '*' stands for any server */
    int table;      /* reference to the table that it is in */
    bool is_function;
    struct step_list drafts; /* when it is none */
};
/* An entry, and one of the places it means. */
struct change {
    const struct edit *edit;
    size_t place;
};
/* One variant at work. */
struct editing {
    lua_State *L;
    const struct variant_draft *variant;
    const struct plan_values *values;
    struct placing *placing;
    struct call call;
    struct edit *edits;
    size_t edit_count;
    struct change *changes;
    size_t change_count;
    size_t change_capacity;
};

extern const char *const edit_kind_texts[EDIT_KIND_COUNT];

/* Fills `edits` and `changes`, in the order of enum edit_kind. What is wrong is reported, and the
 * call tainted: then nothing is to be changed. May jump. */
void edits_find(struct editing *editing);

#endif
