/* live/url.c - addresses that replies name; the declarations are in live/deployment.h. */
#include "live/deployment.h"

#include <curl/curl.h>
#include <string.h>
#include <strings.h>

static void refuse(const char *base, const char *reference, struct error *err)
{
    error_set(err, ERROR_REPLY, "the reply of %.200s names '%.200s', which is no http or https URL",
              base, reference);
}

bool url_resolve(const char *base, const char *reference, struct text *out, struct error *err)
{
    CURLU *handle = curl_url();
    char *whole = NULL;
    char *scheme = NULL;
    bool ok = handle != NULL && curl_url_set(handle, CURLUPART_URL, base, 0) == CURLUE_OK &&
              curl_url_set(handle, CURLUPART_URL, reference, 0) == CURLUE_OK &&
              curl_url_get(handle, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
              (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0) &&
              curl_url_get(handle, CURLUPART_URL, &whole, 0) == CURLUE_OK;
    if (ok) {
        text_append_string(out, whole);
    } else {
        refuse(base, reference, err);
    }
    curl_free(scheme);
    curl_free(whole);
    curl_url_cleanup(handle);
    return ok;
}

static bool same_part(CURLU *a, CURLU *b, CURLUPart part)
{
    char *of_a = NULL;
    char *of_b = NULL;
    bool same = curl_url_get(a, part, &of_a, CURLU_DEFAULT_PORT) == CURLUE_OK &&
                curl_url_get(b, part, &of_b, CURLU_DEFAULT_PORT) == CURLUE_OK &&
                strcasecmp(of_a, of_b) == 0;
    curl_free(of_a);
    curl_free(of_b);
    return same;
}

bool url_same_server(const char *a, const char *b)
{
    CURLU *of_a = curl_url();
    CURLU *of_b = curl_url();
    bool same = of_a != NULL && of_b != NULL &&
                curl_url_set(of_a, CURLUPART_URL, a, 0) == CURLUE_OK &&
                curl_url_set(of_b, CURLUPART_URL, b, 0) == CURLUE_OK &&
                same_part(of_a, of_b, CURLUPART_SCHEME) && same_part(of_a, of_b, CURLUPART_HOST) &&
                same_part(of_a, of_b, CURLUPART_PORT);
    curl_url_cleanup(of_a);
    curl_url_cleanup(of_b);
    return same;
}
