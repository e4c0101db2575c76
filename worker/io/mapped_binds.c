/* Id-mapped mounts of a run; see the header. */
#include "worker/io/mapped_binds.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/auto.h"
#include "common/bytes.h"
#include "common/io/files.h"
#include "common/mem.h"
#include "worker/io/mapped_mount.h"
#include "worker/io/mounts.h"

char *mapped_bind_path(const struct layout *layout, const char *id, size_t index)
{
    autofree char *directory = layout_mapped_mounts(layout, id);

    return mem_text("%s/%zu", directory, index);
}

/* Of the same kind as what comes there. */
static int make_target(int fd, const char *target, struct error *err)
{
    struct stat status;

    if (fstat(fd, &status) < 0)
        return error_set_errno(err, "look at it");
    if (S_ISDIR(status.st_mode))
        return files_make_directories(target, 0700, err);
    return files_replace(AT_FDCWD, target, (struct bytes){ 0 }, 0600, 0, err);
}

int mapped_bind_make(const struct layout *layout, const char *id, size_t index, const char *source,
                     struct user_namespace *users, struct error *err)
{
    autofree char *directory = layout_mapped_mounts(layout, id);
    autofree char *target = mapped_bind_path(layout, id, index);
    autoclose int fd = mapped_mount_open(source, users, err);
    int r = fd < 0 ? fd : files_make_directories(directory, 0700, err);

    if (r >= 0)
        r = mounts_detach(target, err);
    if (r >= 0)
        r = make_target(fd, target, err);
    return r < 0 ? r : mounts_attach(fd, target, err);
}

int mapped_binds_remove(const struct layout *layout, const char *id, struct error *err)
{
    autofree char *directory = layout_mapped_mounts(layout, id);
    int r;

    if (access(directory, F_OK) < 0)
        return 0;
    r = mounts_detach_beneath(directory, err);
    return r < 0 ? r : files_remove_tree(AT_FDCWD, directory, err);
}
