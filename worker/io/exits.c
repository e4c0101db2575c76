/* Exit files; see the header. */
#include "worker/io/exits.h"

#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <limits.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <uthash.h>

#include "common/io/files.h"
#include "common/io/log.h"
#include "common/mem.h"
#include "worker/io/cgroups.h"
#include "worker/io/layout.h"

#define CONTENT_MAX      32 /* bytes of an exit file */
#define EVENTS_SIZE      65536
#define READS_PER_WAKEUP 16
#define NS_PER_SECOND    1000000000ULL

/* A run whose exit was told of and not yet forgotten. */
struct told_exit {
    char name[RUN_NAME_SIZE];
    UT_hash_handle hh;
};

struct exits {
    struct exits_place place;
    exits_on_exit_fn *on_exit;
    void *owner;
    char *directory;
    int inotify_fd;
    struct event *readable;
    struct told_exit *told;
};

int exits_new(const struct exits_place *place, exits_on_exit_fn *on_exit, void *owner,
              struct exits **ret, struct error *err)
{
    autodestroy(exits) struct exits *exits = mem_new(struct exits);
    int r;

    exits->place = *place;
    exits->on_exit = on_exit;
    exits->owner = owner;
    exits->directory = layout_exits(place->layout);
    exits->inotify_fd = -1;
    r = files_make_directories(exits->directory, 0700, err);
    if (r < 0)
        return r;
    *ret = steal_ptr(exits);
    return 0;
}

static void untell(struct exits *exits, struct told_exit *told)
{
    HASH_DEL(exits->told, told); /* NOLINT(clang-analyzer-unix.Malloc): it misreads uthash */
    free(told);
}

void exits_destroy(struct exits *exits)
{
    struct told_exit *told;
    struct told_exit *next;

    if (exits == NULL)
        return;
    HASH_ITER(hh, exits->told, told, next)
    {
        untell(exits, told);
    }
    if (exits->readable != NULL)
        event_free(exits->readable);
    if (exits->inotify_fd >= 0)
        (void)close(exits->inotify_fd);
    free(exits->directory);
    free(exits);
}

static bool was_out_of_memory(const struct exits *exits, const char *id, const char *persist)
{
    autofree char *bundle = layout_bundle(exits->place.layout, id);
    autofree char *in_bundle = mem_text("%s/oom", bundle);
    autofree char *in_persist = mem_text("%s/oom", persist);

    return access(in_bundle, F_OK) == 0 || access(in_persist, F_OK) == 0 ||
           cgroups_was_oom_killed(exits->place.cgroups, id);
}

/* conmon writes -1 when it was told nothing: then nobody can know the code. */
static void parse_code(const char *text, const char *path, struct container_died *died)
{
    char *end;
    long code = strtol(text, &end, 10);

    died->is_unknown = end == text || *end != '\0' || code < 0 || code > 255;
    died->exit_code = died->is_unknown ? 0 : (int32_t)code;
    if (died->is_unknown && strcmp(text, "-1") != 0)
        log_warning("exit.unreadable", "path=%s", path);
}

/* The file was renamed into place whole: its ctime is when the run was over. */
static int read_exit(const char *path, struct container_died *ret)
{
    autofree char *text = NULL;
    struct stat status;
    size_t size;

    if (files_read(AT_FDCWD, path, CONTENT_MAX, &text, &size, NULL) < 0 || stat(path, &status) < 0)
        return -ENOENT;
    *ret = (struct container_died){
        .finished =
            (uint64_t)status.st_ctim.tv_sec * NS_PER_SECOND + (uint64_t)status.st_ctim.tv_nsec,
    };
    parse_code(text, path, ret);
    return 0;
}

static void tell(struct exits *exits, const char *id, uint32_t run, const char *name,
                 const struct container_died *died)
{
    struct told_exit *told = mem_new(struct told_exit);

    memcpy(told->name, name, RUN_NAME_SIZE);
    HASH_ADD_STR(exits->told, name, told);
    exits->on_exit(exits->owner, id, run, died);
}

bool exits_read(const struct exits *exits, const char *id, uint32_t run, struct container_died *ret)
{
    char name[RUN_NAME_SIZE] = { 0 };
    autofree char *path = NULL;
    autofree char *persist = layout_persist(exits->place.layout, id, run);
    autofree char *copy = mem_text("%s/exit", persist);

    run_name_write(id, run, name);
    path = mem_text("%s/%s", exits->directory, name);
    if (read_exit(path, ret) < 0 && read_exit(copy, ret) < 0)
        return false;
    ret->oom_killed = was_out_of_memory(exits, id, persist);
    return true;
}

bool exits_look(struct exits *exits, const char *id, uint32_t run)
{
    char name[RUN_NAME_SIZE] = { 0 };
    struct container_died died;
    struct told_exit *told;

    run_name_write(id, run, name);
    HASH_FIND_STR(exits->told, name, told);
    if (told != NULL)
        return true;
    if (!exits_read(exits, id, run, &died))
        return false;
    tell(exits, id, run, name, &died);
    return true;
}

/* Names that are none of ours are conmon's temporary files, or a stranger's. */
static void look_at_name(struct exits *exits, const char *name)
{
    char id[CONTAINER_ID_SIZE + 1];
    uint32_t run;

    if (run_name_parse(name, id, &run))
        (void)exits_look(exits, id, run);
}

static int scan(struct exits *exits, struct error *err)
{
    DIR *directory = opendir(exits->directory);
    struct dirent *entry;

    if (directory == NULL)
        return error_set_errno(err, "read %s", exits->directory);
    while ((entry = readdir(directory)) != NULL)
        look_at_name(exits, entry->d_name);
    (void)closedir(directory);
    return 0;
}

/* Watch first, then scan: what comes between is seen twice and told of once. */
static int watch_directory(struct exits *exits, struct error *err)
{
    int r = files_make_directories(exits->directory, 0700, err);

    if (r < 0)
        return r;
    if (inotify_add_watch(exits->inotify_fd, exits->directory,
                          IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR) < 0)
        return error_set_errno(err, "watch %s", exits->directory);
    return scan(exits, err);
}

static void watch_again(struct exits *exits)
{
    struct error err = { 0 };

    log_warning("exits.directory_lost", "path=%s", exits->directory);
    if (watch_directory(exits, &err) < 0)
        log_failure("exits.unwatched", &err);
}

static void scan_again(struct exits *exits)
{
    struct error err = { 0 };

    if (scan(exits, &err) < 0)
        log_failure("exits.unread", &err);
}

static void handle_event(struct exits *exits, const struct inotify_event *event)
{
    if (event->mask & IN_Q_OVERFLOW)
        scan_again(exits);
    else if (event->mask & IN_MOVE_SELF)
        (void)inotify_rm_watch(exits->inotify_fd, event->wd); /* IN_IGNORED follows */
    else if (event->mask & IN_IGNORED)
        watch_again(exits);
    else if (event->mask & IN_MOVED_TO)
        look_at_name(exits, event->name);
}

static void read_events(struct exits *exits)
{
    alignas(struct inotify_event) char buffer[EVENTS_SIZE];

    for (int n = 0; n < READS_PER_WAKEUP; n++) {
        ssize_t size = read(exits->inotify_fd, buffer, sizeof(buffer));
        const char *at = buffer;

        if (size <= 0)
            return;
        while (at < buffer + size) {
            const struct inotify_event *event = (const struct inotify_event *)(const void *)at;

            handle_event(exits, event);
            at += sizeof(*event) + event->len;
        }
    }
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    read_events(arg);
}

int exits_watch(struct exits *exits, struct error *err)
{
    exits->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (exits->inotify_fd < 0)
        return error_set_errno(err, "watch %s", exits->directory);
    exits->readable =
        event_new(exits->place.loop, exits->inotify_fd, EV_READ | EV_PERSIST, on_readable, exits);
    if (exits->readable == NULL || event_add(exits->readable, NULL) < 0)
        return error_set(err, -ENOMEM, "watch %s", exits->directory);
    return watch_directory(exits, err);
}

void exits_drop(const struct layout *layout, const char *prefix)
{
    autofree char *path = layout_exits(layout);
    DIR *directory = opendir(path);
    const struct dirent *entry;

    if (directory == NULL)
        return;
    while ((entry = readdir(directory)) != NULL) {
        if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0)
            (void)unlinkat(dirfd(directory), entry->d_name, 0);
    }
    (void)closedir(directory);
}

/* conmon writes "<name>.<random>" and renames it: one that was killed in between leaves that. */
static void drop_unfinished(const struct exits *exits, const char *name)
{
    autofree char *prefix = mem_text("%s.", name);

    exits_drop(exits->place.layout, prefix);
}

void exits_forget(struct exits *exits, const char *id, uint32_t run)
{
    char name[RUN_NAME_SIZE] = { 0 };
    autofree char *path = NULL;
    autofree char *bundle = layout_bundle(exits->place.layout, id);
    autofree char *oom = mem_text("%s/oom", bundle);
    autofree char *persist = layout_persist(exits->place.layout, id, run);
    struct told_exit *told;
    struct error err = { 0 };

    run_name_write(id, run, name);
    path = mem_text("%s/%s", exits->directory, name);
    if (unlink(path) < 0 && errno == ENOENT)
        drop_unfinished(exits, name);
    (void)unlink(oom);
    if (files_remove_tree(AT_FDCWD, persist, &err) < 0)
        log_failure("exit.stays", &err);
    HASH_FIND_STR(exits->told, name, told);
    if (told != NULL)
        untell(exits, told);
}

void exits_forget_all(struct exits *exits, const char *id)
{
    struct told_exit *told;
    struct told_exit *next;

    HASH_ITER(hh, exits->told, told, next)
    {
        if (strncmp(told->name, id, CONTAINER_ID_SIZE) == 0 && told->name[CONTAINER_ID_SIZE] == '-')
            untell(exits, told);
    }
}
