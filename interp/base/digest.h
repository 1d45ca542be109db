/* base/digest.h - checksums of what must not change unnoticed.
 *
 * Floor: base. SHA-256, by libcrypto. */
#ifndef PEGFLOW_BASE_DIGEST_H
#define PEGFLOW_BASE_DIGEST_H

#include <stddef.h>

enum { DIGEST_HEX_BYTES = 65 };

/* The digest of `first` followed by `second`, in lower-case hexadecimal. Either may be empty. */
void digest_of(const void *first, size_t first_length, const void *second, size_t second_length,
               char hex[DIGEST_HEX_BYTES]);

#endif
