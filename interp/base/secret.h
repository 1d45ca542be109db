/* base/secret.h - where a secret's place in a text is: a mark that holds its name, never its value.
 *
 * Floor: base. `env "TOKEN"` in a file gives a text that is such a mark: it can be put together
 * with others, kept and shown like any text. Only live/secrets.h puts the value there, on the way
 * out. */
#ifndef PEGFLOW_BASE_SECRET_H
#define PEGFLOW_BASE_SECRET_H

#include "base/text.h"

#include <stdbool.h>

enum { SECRET_NAME_BYTES = 128 };

/* Appends the mark. `in_json`: its place is within a text of JSON. */
void secret_write_mark(struct text *out, const char *name, bool in_json);
/* The length of the mark that `text` begins with, or 0. `name` gets the name; `in_json` as above.
 */
size_t secret_read_mark(const char *text, char name[SECRET_NAME_BYTES], bool *in_json);
/* Letters, digits and '_', not a digit first, of a length that fits. */
bool secret_is_name(const char *name);
/* Has it a mark, or what is left of one? */
bool secret_is_in(const char *text);
/* Appends `text` with env "NAME" in place of each mark, and nothing in place of a piece of one. */
void secret_show(const char *text, struct text *out);
/* Appends `text` without its marks. */
void secret_leave_out(const char *text, struct text *out);

#endif
