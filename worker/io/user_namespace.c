/* A container's user namespace; see the header. */
#include "worker/io/user_namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/io/files.h"
#include "common/io/spawn.h"
#include "common/mem.h"

#define MAKE_TIMEOUT_MS 30000

static int parse(const struct text_list *list, const char *what, struct id_map *ret,
                 uint32_t *ret_root, struct error *err)
{
    int r = id_map_parse(list->items, list->count, ret, err);

    if (r >= 0 && !id_map_outside(ret, 0, ret_root))
        r = error_set(err, -EINVAL, "id 0 has no place in it");
    return r < 0 ? error_add_context(err, r, "map of %s", what) : 0;
}

int user_namespace_new(const struct container_config *config, struct user_namespace **ret,
                       struct error *err)
{
    autodestroy(user_namespace) struct user_namespace *users = NULL;
    int r;

    *ret = NULL;
    if (config->uid_map.count == 0 && config->gid_map.count == 0)
        return 0;
    users = mem_zeroed(sizeof(*users));
    users->fd = -1;
    r = parse(&config->uid_map, "users", &users->uids, &users->root_uid, err);
    if (r >= 0)
        r = parse(&config->gid_map, "groups", &users->gids, &users->root_gid, err);
    if (r < 0)
        return r;
    *ret = steal_ptr(users);
    return 0;
}

void user_namespace_destroy(struct user_namespace *users)
{
    if (users == NULL)
        return;
    if (users->fd >= 0)
        (void)close(users->fd);
    free(users);
}

/* --- making one */

/* A process that is in a namespace of its own and waits. */
struct dweller {
    pid_t pid;
    int socket; /* its input and output; it ends when this is closed */
};

static void dweller_end(struct dweller *dweller)
{
    (void)close(dweller->socket);
    if (dweller->pid <= 0)
        return;
    (void)kill(dweller->pid, SIGKILL);
    while (waitpid(dweller->pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

/* It says again what it is told as soon as it is in its namespace. */
static int wait_for_echo(const struct dweller *dweller, struct error *err)
{
    struct pollfd fd = { .fd = dweller->socket, .events = POLLIN };
    char byte = 'x';
    ssize_t size = -1;
    int r;

    if (send(dweller->socket, &byte, 1, MSG_NOSIGNAL) != 1)
        return error_set_errno(err, "unshare --user");
    do
        r = poll(&fd, 1, MAKE_TIMEOUT_MS);
    while (r < 0 && errno == EINTR);
    if (r == 0)
        return error_set(err, -ETIMEDOUT, "unshare --user: it does not answer");
    if (r > 0)
        size = recv(dweller->socket, &byte, 1, 0);
    if (size != 1)
        return error_set(err, -EPERM,
                         "unshare --user makes none on this host (see user.max_user_namespaces)");
    return 0;
}

/* A namespace begins with a process in it, and a process of many threads cannot enter one: a child
 * does. Should we die it reads the end of its input, and ends. */
static int dweller_start(struct dweller *ret, struct error *err)
{
    static const char *const argv[] = { "unshare", "--user", "cat", NULL };
    struct dweller dweller = { .pid = -1 };
    struct spawn_request request = { .argv = argv, .fd_count = 2 };
    int pair[2];
    int r;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return error_set_errno(err, "socket pair");
    request.fds =
        (const struct spawn_fd[]){ { pair[1], STDIN_FILENO }, { pair[1], STDOUT_FILENO } };
    r = spawn_detached(&request, &dweller.pid, err);
    (void)close(pair[1]);
    dweller.socket = pair[0];
    if (r >= 0)
        r = wait_for_echo(&dweller, err);
    if (r < 0)
        dweller_end(&dweller);
    else
        *ret = dweller;
    return r;
}

/* The kernel takes a map in one write. */
static int write_map(pid_t pid, const char *name, const struct id_map *map, struct error *err)
{
    autofree char *path = mem_text("/proc/%d/%s", (int)pid, name);
    autoclose int fd = open(path, O_WRONLY | O_CLOEXEC);
    struct buffer text = { 0 };
    int r = 0;

    if (fd < 0)
        return error_set_errno(err, "open %s", path);
    for (size_t i = 0; i < map->count; i++) {
        const struct id_range *range = &map->ranges[i];
        char line[64];
        int size =
            snprintf(line, sizeof(line), "%u %u %u\n", range->inside, range->outside, range->count);

        buffer_append(&text, line, (size_t)size);
    }
    if (write(fd, text.data, text.size) != (ssize_t)text.size)
        r = error_set_errno(err, "write %s", name);
    buffer_done(&text);
    return r;
}

static int make(struct user_namespace *users, struct error *err)
{
    struct dweller dweller;
    autofree char *path = NULL;
    int r = dweller_start(&dweller, err);

    if (r < 0)
        return r;
    path = mem_text("/proc/%d/ns/user", (int)dweller.pid);
    r = write_map(dweller.pid, "uid_map", &users->uids, err);
    if (r >= 0)
        r = write_map(dweller.pid, "gid_map", &users->gids, err);
    if (r >= 0) {
        users->fd = open(path, O_RDONLY | O_CLOEXEC);
        r = users->fd < 0 ? error_set_errno(err, "open %s", path) : 0;
    }
    dweller_end(&dweller);
    return r;
}

int user_namespace_fd(struct user_namespace *users, struct error *err)
{
    int r = users->fd < 0 ? make(users, err) : 0;

    return r < 0 ? error_add_context(err, r, "user namespace") : users->fd;
}

/* --- ids */

void user_namespace_show(const struct user_namespace *users, struct stat *status)
{
    uint32_t id;

    status->st_uid = id_map_inside(&users->uids, status->st_uid, &id) ? id : USER_NAMESPACE_NOBODY;
    status->st_gid = id_map_inside(&users->gids, status->st_gid, &id) ? id : USER_NAMESPACE_NOBODY;
}

int user_namespace_owner(const struct user_namespace *users, uid_t *uid, gid_t *gid,
                         struct error *err)
{
    uint32_t outside_uid;
    uint32_t outside_gid;

    if (!id_map_outside(&users->uids, *uid, &outside_uid))
        return error_set(err, -EINVAL, "user %u has no place in the container's user namespace",
                         *uid);
    if (!id_map_outside(&users->gids, *gid, &outside_gid))
        return error_set(err, -EINVAL, "group %u has no place in the container's user namespace",
                         *gid);
    *uid = outside_uid;
    *gid = outside_gid;
    return 0;
}
