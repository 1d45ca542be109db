/* live/wording.h - what failed, as this floor's messages say it.
 *
 * Floor: live; private. */
#ifndef PEGFLOW_LIVE_WORDING_H
#define PEGFLOW_LIVE_WORDING_H

#include <stddef.h>

/* The system's text for an errno, in lower case: "connection refused". Returns `buffer`. */
enum { WORDING_ERRNO_BYTES = 160 };
const char *wording_errno(int errno_value, char buffer[WORDING_ERRNO_BYTES]);

/* The first 80 characters of what a peer sent, in one line; what is not printable shows as '?', a
 * longer text ends in "...". Returns `buffer`. */
enum { WORDING_EXCERPT_BYTES = 84 };
const char *wording_excerpt(const char *bytes, size_t length, char buffer[WORDING_EXCERPT_BYTES]);

#endif
