/* A container's own files; see the header. */
#include "worker/io/own_files.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/auto.h"
#include "common/bytes.h"
#include "common/io/files.h"
#include "common/mem.h"
#include "worker/io/rootfs.h"

#define ACCOUNT_FILE_MAX (4 * 1024 * 1024) /* bytes */

/* Does the user mount something on the path or above it? */
static bool is_covered(const struct container_config *config, const char *path)
{
    const struct mount_config *mounts = config->mounts.items;

    for (size_t i = 0; i < config->mounts.count; i++) {
        const char *destination = mounts[i].destination;
        size_t size = strlen(destination);

        while (size > 0 && destination[size - 1] == '/')
            size--;
        if (strncmp(path, destination, size) == 0 && (path[size] == '\0' || path[size] == '/'))
            return true;
    }
    return false;
}

/* Only a number can be unknown to the image: a name has been looked up there. */
static bool is_number(const char *user)
{
    return user != NULL && isdigit((unsigned char)user[0]);
}

/* A home that would be read as more than one column is none. */
static const char *home_of(const struct container_config *config)
{
    const char *home = config->workdir == NULL ? "/" : config->workdir;

    for (const char *at = home; *at != '\0'; at++) {
        if (*at == ':' || iscntrl((unsigned char)*at))
            return "/";
    }
    return home;
}

static int append_to(int fd, const char *text, const char *line, struct error *err)
{
    size_t size = strlen(text);
    autofree char *written = mem_text("%s%s", size > 0 && text[size - 1] != '\n' ? "\n" : "", line);

    if (write(fd, written, strlen(written)) != (ssize_t)strlen(written))
        return error_set_errno(err, "write");
    return 0;
}

/* Into the container's own file, which its own links may have moved within its root. */
static int append_inside(int root_fd, const char *path, const char *text, const char *line,
                         struct error *err)
{
    autoclose int path_fd = files_open_in_root(root_fd, path, O_PATH, err);
    autoclose int fd = -1;
    struct stat status;

    if (path_fd == -ENOENT) {
        fd = files_open_in_root(root_fd, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, err);
        return fd < 0 ? fd : append_to(fd, "", line, err);
    }
    if (path_fd < 0)
        return path_fd;
    if (fstat(path_fd, &status) < 0)
        return error_set_errno(err, "look at it");
    if (!S_ISREG(status.st_mode))
        return error_set(err, -EINVAL, "not a regular file");
    fd = files_reopen(path_fd, O_WRONLY | O_APPEND | O_NOCTTY);
    if (fd < 0)
        return error_set(err, fd, "open: %s", strerrordesc_np(-fd));
    return append_to(fd, text, line, err);
}

static int write_copy(const char *path, const char *text, const char *line, struct error *err)
{
    size_t size = strlen(text);
    autofree char *all =
        mem_text("%s%s%s", text, size > 0 && text[size - 1] != '\n' ? "\n" : "", line);

    return files_replace(AT_FDCWD, path, bytes_of_text(all), 0644, 0, err);
}

/* `name` is "passwd" or "group". */
static int add_line(const struct own_files_request *request, const char *name, uint32_t id,
                    const char *line, char **ret, struct error *err)
{
    autofree char *path = mem_text("/etc/%s", name);
    autofree char *text = NULL;
    autofree char *copy = NULL;
    int r;

    if (is_covered(request->config, path) || !rootfs_has_directory(request->root_fd, "/etc"))
        return 0;
    r = rootfs_read_file(request->root_fd, request->config, path, ACCOUNT_FILE_MAX, &text, err);
    if (r == -ENOENT)
        text = mem_dup_text("");
    else if (r < 0)
        return error_add_context(err, r, "%s in the container", path);
    if (user_is_listed(text, id))
        return 0;
    if (request->is_root_ours && !request->config->read_only) {
        r = append_inside(request->root_fd, path, text, line, err);
        return r < 0 ? error_add_context(err, r, "%s in the container", path) : 0;
    }
    copy = mem_text("%s/%s", request->directory, name);
    r = write_copy(copy, text, line, err);
    if (r < 0)
        return r;
    *ret = steal_ptr(copy);
    return 0;
}

static int write_accounts(const struct own_files_request *request, struct own_files *ret,
                          struct error *err)
{
    uint32_t uid = request->user->uid;
    uint32_t gid = request->user->gid;
    autofree char *user =
        mem_text("%" PRIu32 ":x:%" PRIu32 ":%" PRIu32 ":container user:%s:/bin/sh\n", uid, uid, gid,
                 home_of(request->config));
    autofree char *group = mem_text("%" PRIu32 ":x:%" PRIu32 ":\n", gid, gid);
    int r;

    if (!is_number(request->config->user))
        return 0;
    r = add_line(request, "passwd", uid, user, &ret->passwd, err);
    return r < 0 ? r : add_line(request, "group", gid, group, &ret->group, err);
}

/* There at all is what programs ask of it. */
static int write_containerenv(const struct own_files_request *request, struct own_files *ret,
                              struct error *err)
{
    autofree char *path = mem_text("%s/containerenv", request->directory);
    int r;

    if (is_covered(request->config, "/run/.containerenv"))
        return 0;
    r = files_replace(AT_FDCWD, path, (struct bytes){ 0 }, 0644, 0, err);
    if (r < 0)
        return r;
    ret->containerenv = steal_ptr(path);
    return 0;
}

int own_files_write(const struct own_files_request *request, struct own_files *ret,
                    struct error *err)
{
    struct own_files files = { 0 };
    int r = write_accounts(request, &files, err);

    if (r >= 0)
        r = write_containerenv(request, &files, err);
    if (r < 0) {
        own_files_done(&files);
        return r;
    }
    *ret = files;
    return 0;
}

void own_files_done(struct own_files *files)
{
    free(files->passwd);
    free(files->group);
    free(files->containerenv);
    *files = (struct own_files){ 0 };
}
