/* Reads which servers of a model hold which partition: one text a partition, "r1 r4 r5". */
#include "lang/values.h"

#include "sim/model.h"

#include <stdio.h>
#include <stdlib.h>

/* "r3" is 2, "-" is none (-1). False: neither. */
static bool read_server(const char *word, size_t length, int32_t *server)
{
    char digits[8];
    if (length == 1 && word[0] == '-') {
        *server = -1;
        return true;
    }
    if (length < 2 || length > sizeof digits || word[0] != 'r' || word[1] == '0') {
        return false;
    }
    snprintf(digits, sizeof digits, "%.*s", (int)(length - 1), word + 1);
    if (digits[strspn(digits, "0123456789")] != '\0') {
        return false;
    }
    *server = atoi(digits) - 1;
    return true;
}

/* One partition's row: the primary, then its secondaries; what is not named is none. */
static void read_row(const struct target *target, long long item, const char *text, int32_t *row)
{
    const struct model_table *table = target->base;
    const char *name = target->field->name;
    int32_t count = 0;
    for (int32_t i = 0; i < table->max_replica_count; i++) {
        row[i] = -1;
    }
    for (const char *word = text + strspn(text, " "); *word != '\0'; word += strspn(word, " ")) {
        size_t length = strcspn(word, " ");
        int32_t server = -1;
        if (!read_server(word, length, &server)) {
            call_complain(target->call,
                          "item %lld of '%s': '%.*s' is no replica server: write r1, r2 and so on, "
                          "or - for none",
                          item, name, length < 40 ? (int)length : 40, word);
            return;
        }
        if (count == table->max_replica_count) {
            call_complain(target->call,
                          "item %lld of '%s' names more servers than the table has replicas of "
                          "each partition (%d)",
                          item, name, table->max_replica_count);
            return;
        }
        row[count++] = server;
        word += length;
    }
}

/* The rows of the table's own counts stand before this one; whether the model has those servers is
 * seen once all of it was read (model_check). */
void value_read_placement(lua_State *L, const struct target *target, int index)
{
    struct call *call = target->call;
    const struct model_table *table = target->base;
    lua_Integer count = value_list_length(L, call, index, target->field->name);
    if (count < 0 || table->partition_count <= 0 || table->max_replica_count <= 0) {
        return; /* what is wrong was told */
    }
    if (count != table->partition_count) {
        call_complain(call, "'%s' has %lld item%s, but the table has %d partitions",
                      target->field->name, (long long)count, count == 1 ? "" : "s",
                      table->partition_count);
        return;
    }
    int32_t *placement =
        value_array(call, (size_t)(count * table->max_replica_count), sizeof *placement);
    for (lua_Integer i = 0; i < count; i++) {
        char buffer[96];
        lua_rawgeti(L, index, i + 1);
        if (lua_type(L, -1) != LUA_TSTRING) {
            call_complain(call, "item %lld of '%s' must be text such as \"r1 r2 r3\", not %s",
                          (long long)i + 1, target->field->name, object_describe(L, -1, buffer));
        } else {
            read_row(target, (long long)i + 1, lua_tostring(L, -1),
                     placement + i * table->max_replica_count);
        }
        lua_pop(L, 1);
    }
    STORE(target, placement);
}
