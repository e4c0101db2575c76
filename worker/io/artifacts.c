/* Artifacts; see the header. */
#include "worker/io/artifacts.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "common/auto.h"
#include "common/id.h"
#include "common/io/files.h"
#include "common/mem.h"

#define ARTIFACT_MODE 0740

static char *directory_of(const struct layout *layout, const char *id)
{
    autofree char *bundle = layout_bundle(layout, id);

    return mem_text("%s/artifacts", bundle);
}

static int check_name(const char *name, struct error *err)
{
    return name_is_valid(name) ? 0 : error_set(err, -EINVAL, "\"%s\" is no artifact's name", name);
}

static int fail_about(const char *name, int r, struct error *err)
{
    return error_add_context(err, r, "artifact %s", name);
}

int artifact_write(const struct layout *layout, const char *id, const char *name,
                   struct bytes content, struct error *err)
{
    autofree char *directory = directory_of(layout, id);
    autofree char *path = mem_text("%s/%s", directory, name);
    int r = check_name(name, err);

    if (r < 0)
        return r;
    if (content.size > ARTIFACT_SIZE_MAX)
        return error_set(err, -EFBIG, "artifact %s: more than %d bytes", name, ARTIFACT_SIZE_MAX);
    r = files_make_durable(directory, 0755, err);
    if (r >= 0)
        r = files_replace(AT_FDCWD, path, content, ARTIFACT_MODE, 1, err);
    return r < 0 ? fail_about(name, r, err) : 0;
}

int artifact_read(const struct layout *layout, const char *id, const char *name, char **ret,
                  size_t *ret_size, struct error *err)
{
    autofree char *directory = directory_of(layout, id);
    autofree char *path = mem_text("%s/%s", directory, name);
    int r = check_name(name, err);

    if (r < 0)
        return r;
    r = files_read(AT_FDCWD, path, ARTIFACT_SIZE_MAX, ret, ret_size, err);
    return r < 0 ? fail_about(name, r, err) : 0;
}

int artifact_remove(const struct layout *layout, const char *id, const char *name,
                    struct error *err)
{
    autofree char *directory = directory_of(layout, id);
    autofree char *path = mem_text("%s/%s", directory, name);
    int r = check_name(name, err);

    if (r < 0)
        return r;
    if (unlink(path) < 0 && errno != ENOENT)
        return error_set_errno(err, "artifact %s: remove", name);
    return 0;
}
