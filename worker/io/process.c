/* Processes by pid, start time and descriptor; see the header. */
#include "worker/io/process.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "common/auto.h"
#include "common/io/files.h"
#include "common/mem.h"

#define PROC_FILE_MAX   65536 /* bytes of a command line that are looked at */
#define KILL_ROUNDS_MAX 20    /* a process that is killed may have forked just before */

/* The file is read at once and whole: it is a text about one moment. */
static ssize_t read_proc(uint32_t pid, const char *name, char *ret, size_t size)
{
    char path[64];
    autoclose int fd = -1;

    (void)snprintf(path, sizeof(path), "/proc/%" PRIu32 "/%s", pid, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -1 : read(fd, ret, size);
}

enum stat_field { STAT_PARENT = 4, STAT_START_TIME = 22 };

/* The command's name is in parentheses and may hold anything; the fields are behind the last. */
static int read_stat(uint32_t pid, enum stat_field number, uint64_t *ret)
{
    char text[1024];
    ssize_t size = read_proc(pid, "stat", text, sizeof(text) - 1);
    char *field;
    char *end;

    if (size <= 0)
        return -ESRCH;
    text[size] = '\0';
    field = strrchr(text, ')');
    for (unsigned i = 2; i < number && field != NULL; i++)
        field = strchr(field + 1, ' ');
    if (field == NULL)
        return -ESRCH;
    *ret = strtoull(field + 1, &end, 10);
    return *end == ' ' ? 0 : -ESRCH;
}

int process_open(uint32_t pid, uint64_t started, struct process *ret, struct error *err)
{
    uint64_t found = 0;
    autoclose int fd = -1;

    if (pid == 0 || pid > INT32_MAX)
        return error_set(err, -ESRCH, "no process has the pid %" PRIu32, pid);
    fd = pidfd_open((pid_t)pid, 0);
    if (fd < 0)
        return error_set_errno(err, "process %" PRIu32, pid);
    if (read_stat(pid, STAT_START_TIME, &found) < 0)
        return error_set(err, -ESRCH, "process %" PRIu32 " has ended", pid);
    if (started != 0 && found != started)
        return error_set(err, -ESRCH, "process %" PRIu32 " is another one now", pid);

    *ret = (struct process){ .pid = pid, .started = found, .fd = steal_fd(&fd) };
    return 0;
}

int process_open_child(uint32_t pid, uint32_t parent, struct process *ret, struct error *err)
{
    struct process process = PROCESS_NONE;
    uint64_t found = 0;
    int r = process_open(pid, 0, &process, err);

    if (r < 0)
        return r;
    if (read_stat(pid, STAT_PARENT, &found) < 0 || found != parent) {
        process_done(&process);
        return error_set(err, -ESRCH, "process %" PRIu32 " is no child of %" PRIu32, pid, parent);
    }
    *ret = process;
    return 0;
}

void process_done(struct process *process)
{
    if (process->fd >= 0)
        (void)close(process->fd);
    *process = PROCESS_NONE;
}

struct process process_steal(struct process *process)
{
    struct process taken = *process;

    *process = PROCESS_NONE;
    return taken;
}

/* True once the descriptor is readable: the process has ended. */
static bool wait_for_end(int fd, int timeout_ms)
{
    struct pollfd poller = { .fd = fd, .events = POLLIN };
    int r;

    do {
        r = poll(&poller, 1, timeout_ms);
    } while (r < 0 && errno == EINTR);
    return r > 0;
}

bool process_is_gone(const struct process *process)
{
    return process->fd < 0 || wait_for_end(process->fd, 0);
}

int process_signal(const struct process *process, int signal, struct error *err)
{
    if (process->fd < 0)
        return error_set(err, -ESRCH, "no such process");
    if (pidfd_send_signal(process->fd, signal, NULL, 0) < 0)
        return error_set_errno(err, "signal process %" PRIu32, process->pid);
    return 0;
}

int process_kill(const struct process *process, int timeout_ms, struct error *err)
{
    int r = process_signal(process, SIGKILL, err);

    if (r == -ESRCH)
        return 0;
    if (r < 0)
        return r;
    if (!wait_for_end(process->fd, timeout_ms))
        return error_set(err, -ETIMEDOUT, "process %" PRIu32 " was killed and does not end",
                         process->pid);
    return 0;
}

/* Does the command line (words that end with a NUL) hold `option` and then `value`? */
static bool has_words(uint32_t pid, const char *option, const char *value, char *buffer)
{
    ssize_t size = read_proc(pid, "cmdline", buffer, PROC_FILE_MAX - 1);
    bool was_option = false;

    if (size <= 0)
        return false;
    buffer[size] = '\0';
    for (const char *word = buffer; word < buffer + size; word += strlen(word) + 1) {
        if (was_option && strcmp(word, value) == 0)
            return true;
        was_option = strcmp(word, option) == 0;
    }
    return false;
}

static bool is_conmon_of(uint32_t pid, const char *name, char *buffer)
{
    return has_words(pid, "-u", name, buffer);
}

typedef int each_process_fn(void *owner, uint32_t pid, struct error *err);

static int for_each_process(const char *option, const char *value, each_process_fn *fn, void *owner,
                            struct error *err)
{
    autofree char *buffer = mem_zeroed(PROC_FILE_MAX);
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    int r = 0;

    if (proc == NULL)
        return error_set_errno(err, "read /proc");
    while (r >= 0 && (entry = readdir(proc)) != NULL) {
        uint32_t pid = (uint32_t)strtoul(entry->d_name, NULL, 10);

        if (isdigit((unsigned char)entry->d_name[0]) && has_words(pid, option, value, buffer))
            r = fn(owner, pid, err);
    }
    (void)closedir(proc);
    return r;
}

struct doomed {
    const char *option;
    const char *value;
    int timeout_ms;
    uint32_t found; /* how many */
};

static int kill_found(void *owner, uint32_t pid, struct error *err)
{
    struct doomed *doomed = owner;
    struct process process = PROCESS_NONE;
    autofree char *buffer = mem_zeroed(PROC_FILE_MAX);
    int r = 0;

    if (process_open(pid, 0, &process, NULL) < 0)
        return 0;
    /* Looked at again now that the descriptor holds the pid: both are of one process. */
    if (has_words(pid, doomed->option, doomed->value, buffer)) {
        doomed->found++;
        r = process_kill(&process, doomed->timeout_ms, err);
    }
    process_done(&process);
    return r;
}

static int kill_all(const char *option, const char *value, int timeout_ms, struct error *err)
{
    for (int round = 0; round < KILL_ROUNDS_MAX; round++) {
        struct doomed doomed = { .option = option, .value = value, .timeout_ms = timeout_ms };
        int r = for_each_process(option, value, kill_found, &doomed, err);

        if (r < 0 || doomed.found == 0)
            return r;
    }
    return error_set(err, -ETIMEDOUT, "processes with %s %s come again and again", option, value);
}

int process_kill_makers(const char *name, const char *pidfile, int timeout_ms, struct error *err)
{
    int r = kill_all("-u", name, timeout_ms, err);

    return r < 0 ? r : kill_all("--pid-file", pidfile, timeout_ms, err);
}

static int for_each_conmon(const char *name, each_process_fn *fn, void *owner, struct error *err)
{
    return for_each_process("-u", name, fn, owner, err);
}

struct conmon_search {
    uint32_t found; /* how many */
    struct process process;
};

static int keep_found(void *owner, uint32_t pid, struct error *err)
{
    struct conmon_search *search = owner;

    (void)err;
    if (search->found++ > 0)
        return 0;
    if (process_open(pid, 0, &search->process, NULL) < 0)
        search->found--;
    return 0;
}

int process_find_conmon(const char *name, struct process *ret, struct error *err)
{
    struct conmon_search search = { .process = PROCESS_NONE };
    int r = for_each_conmon(name, keep_found, &search, err);

    if (r >= 0 && search.found != 1)
        r = error_set(err, -ENOENT, "%" PRIu32 " processes are conmon of %s", search.found, name);
    if (r < 0) {
        process_done(&search.process);
        return r;
    }
    *ret = search.process;
    return 0;
}

struct call_wait {
    const char *root;
    int patience_ms;
};

static int await_found(void *owner, uint32_t pid, struct error *err)
{
    const struct call_wait *wait = owner;
    struct process process = PROCESS_NONE;
    autofree char *buffer = mem_zeroed(PROC_FILE_MAX);
    int r = 0;

    if (process_open(pid, 0, &process, NULL) < 0)
        return 0;
    if (has_words(pid, "--root", wait->root, buffer) &&
        !wait_for_end(process.fd, wait->patience_ms))
        r = process_kill(&process, wait->patience_ms, err);
    process_done(&process);
    return r;
}

int process_await_calls(const char *root, int patience_ms, struct error *err)
{
    struct call_wait wait = { .root = root, .patience_ms = patience_ms };

    return for_each_process("--root", root, await_found, &wait, err);
}

int process_read_pid(const char *path, uint32_t *ret, struct error *err)
{
    autofree char *text = NULL;
    size_t size;
    char *end;
    unsigned long pid;
    int r = files_read(AT_FDCWD, path, 64, &text, &size, err);

    if (r < 0)
        return r;
    pid = strtoul(text, &end, 10);
    if (end == text || pid == 0 || pid > INT32_MAX || (*end != '\0' && *end != '\n'))
        return error_set(err, -EBADMSG, "%s does not hold a pid", path);
    *ret = (uint32_t)pid;
    return 0;
}

int process_open_conmon(const char *pid_path, const char *name, struct process *ret,
                        struct error *err)
{
    autofree char *buffer = mem_zeroed(PROC_FILE_MAX);
    struct process process = PROCESS_NONE;
    uint32_t pid = 0;
    int r = process_read_pid(pid_path, &pid, err);

    if (r >= 0)
        r = process_open(pid, 0, &process, err);
    if (r < 0)
        return r;
    if (!is_conmon_of(pid, name, buffer)) {
        process_done(&process);
        return error_set(err, -ESRCH, "process %" PRIu32 " is not conmon of %s", pid, name);
    }
    *ret = process;
    return 0;
}
