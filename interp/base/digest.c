#include "base/digest.h"

#include "base/error.h"

#include <openssl/evp.h>
#include <stdio.h>

void digest_of(const void *first, size_t first_length, const void *second, size_t second_length,
               char hex[DIGEST_HEX_BYTES])
{
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok = context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
              EVP_DigestUpdate(context, first, first_length) == 1 &&
              EVP_DigestUpdate(context, second, second_length) == 1 &&
              EVP_DigestFinal_ex(context, bytes, &length) == 1;
    EVP_MD_CTX_free(context);
    ASSERT(ok && 2 * length + 1 == DIGEST_HEX_BYTES); /* only lack of memory could prevent it */
    for (unsigned i = 0; i < length; i++) {
        snprintf(hex + 2 * (size_t)i, 3, "%02x", bytes[i]);
    }
}
