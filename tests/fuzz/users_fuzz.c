/* A stranger's passwd and group, looked at for a stranger's user: three texts with a NUL between
 * them. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/auto.h"
#include "common/mem.h"
#include "worker/io/users.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    autofree char *texts = mem_zeroed(size + 3);
    const char *user = texts;
    const char *passwd;
    const char *group;
    autoarena arena = { 0 };
    struct user_identity identity;

    if (size > 0)
        memcpy(texts, data, size);
    passwd = user + strlen(user) + 1;
    group = passwd < texts + size ? passwd + strlen(passwd) + 1 : NULL;
    if (user_resolve(user, passwd, group, &arena, &identity, NULL) < 0)
        return 0;
    assert(identity.home[0] == '/');
    assert(identity.more_gid_count <= USER_GROUPS_MAX);
    return 0;
}
