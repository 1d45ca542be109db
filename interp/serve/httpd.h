/* serve/httpd.h - the server's side of HTTP/1.1: reading requests, writing replies. No sockets.
 *
 * Floor: serve. Both the simulated servers (which treat a connection as upstream does) and the
 * control endpoint use it. Bodies of requests are bounded and skipped. Facts: reference protocol 8.
 */
#ifndef PEGFLOW_SERVE_HTTPD_H
#define PEGFLOW_SERVE_HTTPD_H

#include "base/text.h"

enum { HTTPD_HEAD_LIMIT_BYTES = 80 << 10, HTTPD_BODY_LIMIT_BYTES = 1 << 20 };

enum httpd_scan { HTTPD_INCOMPLETE, HTTPD_COMPLETE, HTTPD_BROKEN };
struct httpd_request {
    struct slice method; /* "GET", any case and word as it came */
    struct slice target; /* path and query, undecoded, begins with '/' */
    size_t bytes;        /* of head and body together */
};
/* Is a whole request at the front of `bytes`? HTTPD_COMPLETE fills `out`, whose slices point into
 * `bytes`. HTTPD_BROKEN: no HTTP/1.0 or 1.1, a head or body beyond the limit, a chunked body. */
enum httpd_scan httpd_scan_request(const char *bytes, size_t length, struct httpd_request *out);

struct httpd_reply {
    int status;
    const char *content_type;
    const char *location; /* or NULL */
    bool closes;          /* says "Connection: close"; upstream never does */
    struct slice body;
};
/* Appends head and body, header for header in upstream's order. */
void httpd_write_reply(const struct httpd_reply *reply, struct text *out);

/* The value of `key` in the query of a target, percent-decoded, appended to `out`. False: not
 * there. */
bool httpd_query_value(const char *target, const char *key, struct text *out);

#endif
