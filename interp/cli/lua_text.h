/* cli/lua_text.h - values as Lua writes them, for files that pegflow writes.
 *
 * Floor: cli. */
#ifndef PEGFLOW_CLI_LUA_TEXT_H
#define PEGFLOW_CLI_LUA_TEXT_H

#include "base/text.h"

/* A string in double quotes, whatever bytes are in it. */
void lua_text_append_string(struct text *out, const char *string);

#endif
