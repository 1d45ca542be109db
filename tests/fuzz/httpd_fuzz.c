/* Whatever bytes come: a request is within them, and its parts within it. */
#include "serve/httpd.h"

#include "base/error.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    struct httpd_request request;

    if (httpd_scan_request(bytes, size, &request) == HTTPD_COMPLETE) {
        ASSERT(request.bytes <= size);
        ASSERT(request.method.bytes == bytes);
        ASSERT(request.target.bytes + request.target.length < bytes + request.bytes);
        struct text target = {0};
        struct text value = {0};
        text_append(&target, request.target.bytes, request.target.length);
        httpd_query_value(text_string(&target), "version", &value);
        ASSERT(value.length <= target.length);
        text_clear(&value);
        text_clear(&target);
    }
    return 0;
}
