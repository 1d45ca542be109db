/* sim/http_call.h - one HTTP request as its handlers see it.
 *
 * Floor: sim, private to http*.c. Facts: reference protocol section 8; samples/<release>/http. */
#ifndef PEGFLOW_SIM_HTTP_CALL_H
#define PEGFLOW_SIM_HTTP_CALL_H

#include "sim/sim_state.h"

enum { HTTP_PARAMETER_MAX = 16 };

struct http_call {
    struct sim *sim;
    int32_t server;
    char *path;  /* decoded, without slashes at its ends or doubled ones: "meta/nodes" */
    char *query; /* decoded; `keys` and `values` point into it */
    char *keys[HTTP_PARAMETER_MAX];
    char *values[HTTP_PARAMETER_MAX];
    int32_t parameter_count;
    struct sim_http *out; /* status 200 unless a handler sets another */
};

const char *http_parameter(const struct http_call *call, const char *key); /* NULL: not given */
/* Are all keys among these two (NULL: none)? Otherwise the answer is an empty 400. */
bool http_only(struct http_call *call, const char *a, const char *b);

/* Percent escapes undone; free() it. */
char *http_decode(const char *text, size_t length);

/* JSON as the servers print it. */
void http_json_string(struct text *out, const char *string);
void http_json_pair(struct text *out, const char *key, const char *value); /* "key":"value" */
void http_json_number(struct text *out, const char *key, int64_t value);   /* "key":"7" */

/* http_meta.c: false when there is no such path below /meta. */
bool http_meta(struct http_call *call);
/* http_facts.c */
void http_config(struct http_call *call);
void http_configs(struct http_call *call);
void http_update_config(struct http_call *call);
void http_metrics(struct http_call *call);
void http_perf_counter(struct http_call *call);

#endif
