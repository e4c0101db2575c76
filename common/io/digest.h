/*
 * SHA-256, as content is addressed by it: the one door to OpenSSL's digests.
 *
 * A digest is written as 64 lower-case hexadecimal digits here, and as "sha256:<hex>" in documents.
 * One thread at a time.
 */
#ifndef GANTRY_COMMON_IO_DIGEST_H
#define GANTRY_COMMON_IO_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

#include "common/auto.h"
#include "common/bytes.h"

#define DIGEST_HEX_SIZE 64 /* characters, without the NUL */

struct digest;

struct digest *digest_new(void);
/* NULL is legal. */
void digest_destroy(struct digest *digest);
DEFINE_AUTODESTROY(digest)

void digest_add(struct digest *digest, const void *data, size_t size);

/* The digest of all that was added. Once: nothing may be added afterwards. */
void digest_end(struct digest *digest, char ret[DIGEST_HEX_SIZE + 1]);

/* Of bytes in memory. */
void digest_of(struct bytes bytes, char ret[DIGEST_HEX_SIZE + 1]);

/* The hexadecimal digits within "sha256:<hex>", or NULL when `text` (NULL is legal) is none. */
const char *digest_hex(const char *text);

#endif
