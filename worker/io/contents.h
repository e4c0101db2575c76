/*
 * What a container has in its files, as the container itself would see it: its root, and what is
 * mounted in it. Paths are the container's; they are resolved beneath its root, whatever symbolic
 * links it puts up and however it changes them meanwhile.
 *
 * Blocking; for pool threads. The root stays usable as long as its descriptor is open; who opens
 * the root of a container that does not run holds the mount (rootfs_mount.h) meanwhile.
 */
#ifndef GANTRY_WORKER_IO_CONTENTS_H
#define GANTRY_WORKER_IO_CONTENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "common/error.h"
#include "worker/io/user_namespace.h"

/* A volume or bind mount of a container that does not run; borrowed. */
struct contents_mount {
    const char *destination; /* absolute, in the container */
    const char *source;      /* absolute, on the host: a directory or a file */
    bool is_read_only;
    bool is_mapped; /* its owners are the container's numbers (user_namespace.h) */
};

struct contents_root {
    int fd;                              /* O_PATH, of the root directory; borrowed */
    struct user_namespace *users;        /* whose numbers owners are given in; NULL: the host's */
    const struct contents_mount *mounts; /* NULL for a running container: its root shows them */
    size_t mount_count;
};

/*
 * The root of a running container with all that is mounted there. Its mount namespace is held,
 * too: without it the mounts would go with the container's last process, and what is beneath them
 * would be taken for what was in them.
 */
struct contents_view {
    int root_fd; /* O_PATH */
    int namespace_fd;
};

#define CONTENTS_VIEW_NONE \
    (struct contents_view) \
    {                      \
        -1, -1             \
    }
void contents_view_done(struct contents_view *view);
#define autoview __attribute__((cleanup(contents_view_done)))

/* By its init: `started` is that process's (process.h). End `ret` with contents_view_done().
 * -ESRCH when it has ended. */
int contents_open_running(uint32_t pid, uint64_t started, struct contents_view *ret,
                          struct error *err);

/* The root of one that does not run, from the path of its root filesystem. */
int contents_open_stopped(const char *rootfs, int *ret, struct error *err);

/*
 * A path as far as it is decided where to look: beneath a root's directory, or beneath the source
 * of a mount. Ends with contents_place_done().
 */
struct contents_place {
    int fd;     /* O_PATH: the directory in which `path` is resolved, or a file when it is "/" */
    char *path; /* absolute, cleaned of "." and ".." */
    bool is_read_only;
};

#define CONTENTS_PLACE_NONE \
    (struct contents_place) \
    {                       \
        .fd = -1            \
    }

int contents_find(const struct contents_root *root, const char *path, struct contents_place *ret,
                  struct error *err);
void contents_place_done(struct contents_place *place);

/* Open what is there, symbolic links followed as the container would. The descriptor or a negative
 * errno. */
int contents_place_open(const struct contents_place *place, int flags, struct error *err);

/* An absolute path without "", "." and ".." components; "/" when none are left. On the heap. */
char *contents_clean_path(const char *path);

/* The status of what `path` leads to, links followed. -ENOENT. */
int contents_stat(const struct contents_root *root, const char *path, struct stat *ret,
                  struct error *err);

/* Write the root filesystem as a tar archive; what is mounted in it is not part of it. */
int contents_export(const struct contents_root *root, int out_fd, struct error *err);

/*
 * Write the file or directory `path` as a tar archive, under the last part of its name; a path that
 * ends with "/." gives what is in the directory ("./..."). A link is followed at the end too, as
 * with podman cp. Directories on which something is mounted come empty.
 */
int contents_copy_out(const struct contents_root *root, const char *path, int out_fd,
                      struct error *err);

#endif
