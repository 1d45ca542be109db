/* pegasus/release_private.h - what the reader and the writer of replies share.
 *
 * Floor: pegasus; for release*.c only. Facts: reference behaviour 7.2, samples cli_*. */
#ifndef PEGFLOW_PEGASUS_RELEASE_PRIVATE_H
#define PEGFLOW_PEGASUS_RELEASE_PRIVATE_H

#define REPLY_UNKNOWN_PREFIX "unknown command '"
#define REPLY_TEXT_OK        "OK"
#define REPLY_JSON_OK        "ok"
#define REPLY_LIST_QUERY     "get ok:"
#define REPLY_LIST_SET       "set ok"
#define REPLY_LIST_CLEAR     "clear ok"
#define REPLY_TEXT_BAD       "ERR: invalid arguments"
#define REPLY_LIST_BAD       "invalid arguments"

/* The key of a setting's value in a JSON reply: the command, or what follows "meta.lb." for a list.
 */
const char *release_json_key(const char *command);

#endif
