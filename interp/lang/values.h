/* lang/values.h - the readers of single values, one function for each kind of field.
 *
 * Floor: lang, private to it. All may jump. A reader stores into the struct at the field's offset,
 * or complains and stores nothing. */
#ifndef PEGFLOW_LANG_VALUES_H
#define PEGFLOW_LANG_VALUES_H

#include "lang/private.h"

#include <string.h>

/* Where a reader puts things, and whom it complains to. */
struct target {
    struct call *call;
    const struct field *field;
    void *base;
};

#define STORE(target, value)                                                                       \
    memcpy((char *)(target)->base + (target)->field->offset, &(value), sizeof(value))

typedef void read_fn(lua_State *L, const struct target *target, int index);

/* Room for one more, which stays zero: the end of a list. */
void *value_array(struct call *call, size_t count, size_t bytes);
void value_store_count(const struct target *target, size_t count);
/* True, and the call is tainted: what was wrong was reported where it was made. */
bool value_is_placeholder(lua_State *L, struct call *call, int index);
/* "'timeout' wants a duration, not the number 5" */
void value_complain_kind(lua_State *L, const struct target *target, int index, const char *wants);
int value_find_word(const char *const *words, const char *word); /* or -1 */
void value_complain_word(const struct target *target, const char *word, const char *const *words);

/* Stores a reference to the value itself. */
void value_store_reference(lua_State *L, const struct target *target, int index);

/* values_tables.c: tables that stay in Lua */
read_fn value_read_functions, value_read_values, value_read_params, value_read_overrides,
    value_read_edits;
/* values_objects.c: what constructors made */
read_fn value_read_condition, value_read_conditions, value_read_step_list, value_read_action,
    value_read_servers, value_read_policy, value_read_to;
/* values_records.c: what describes a cluster */
read_fn value_read_names, value_read_settings, value_read_addresses, value_read_record,
    value_read_records;
/* values_placement.c: where the replicas of a model's table are */
read_fn value_read_placement;

#endif
