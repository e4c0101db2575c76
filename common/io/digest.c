/* SHA-256; see the header. */
#include "common/io/digest.h"

#include <assert.h>
#include <openssl/evp.h>
#include <string.h>

#include "common/id.h"
#include "common/mem.h"

#define DIGEST_SIZE   32
#define DIGEST_PREFIX "sha256:"

static_assert(DIGEST_HEX_SIZE == CONTAINER_ID_SIZE, "ids are digests");

struct digest {
    EVP_MD_CTX *context;
};

/* What OpenSSL may refuse here is memory, and an algorithm that is always there. */
static void must(int result)
{
    if (result != 1)
        abort();
}

struct digest *digest_new(void)
{
    struct digest *digest = mem_new(struct digest);

    digest->context = EVP_MD_CTX_new();
    must(digest->context != NULL);
    must(EVP_DigestInit_ex(digest->context, EVP_sha256(), NULL));
    return digest;
}

void digest_destroy(struct digest *digest)
{
    if (digest == NULL)
        return;
    EVP_MD_CTX_free(digest->context);
    free(digest);
}

void digest_add(struct digest *digest, const void *data, size_t size)
{
    if (size > 0)
        must(EVP_DigestUpdate(digest->context, data, size));
}

void digest_end(struct digest *digest, char ret[DIGEST_HEX_SIZE + 1])
{
    unsigned char bytes[DIGEST_SIZE];

    must(EVP_DigestFinal_ex(digest->context, bytes, NULL));
    hex_write(bytes, sizeof(bytes), ret);
}

void digest_of(struct bytes bytes, char ret[DIGEST_HEX_SIZE + 1])
{
    autodestroy(digest) struct digest *digest = digest_new();

    digest_add(digest, bytes.data, bytes.size);
    digest_end(digest, ret);
}

const char *digest_hex(const char *text)
{
    size_t size = strlen(DIGEST_PREFIX);

    if (text == NULL || strncmp(text, DIGEST_PREFIX, size) != 0 ||
        !container_id_is_valid(text + size))
        return NULL;
    return text + size;
}
