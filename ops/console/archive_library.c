/* libarchive, when it is needed; see the header. */
#include "ops/console/archive_library.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#define FILE_NAME "libarchive.so.13"

static int find(void *handle, const char *name, void **ret, struct error *err)
{
    *ret = dlsym(handle, name);
    return *ret != NULL ? 0 : error_set(err, -ELIBACC, "%s has no %s", FILE_NAME, name);
}

int archive_library_load(const struct archive_library **ret, struct error *err)
{
    static struct archive_library library;
    static bool is_loaded;
    void *handle;
    int r = 0;

    if (!is_loaded) {
        handle = dlopen(FILE_NAME, RTLD_NOW | RTLD_LOCAL);
        if (handle == NULL)
            return error_set(err, -ELIBACC, "archives need libarchive: %s", dlerror());
#define FIND(name) \
    if (r == 0)    \
        r = find(handle, #name, (void **)&library.name, err);
        ARCHIVE_FUNCTIONS(FIND)
#undef FIND
        is_loaded = r == 0;
    }
    if (r == 0)
        *ret = &library;
    return r;
}
