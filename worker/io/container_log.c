/* Reading and following a container's log; see the header. */
#include "worker/io/container_log.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/auto.h"
#include "common/mem.h"
#include "worker/io/log_line.h"
#include "worker/io/log_tail.h"

#define BLOCK_SIZE       65536
#define BUFFER_SIZE      (LOG_LINE_MAX + BLOCK_SIZE)
#define BLOCKS_PER_TURN  16 /* a long log must not starve the loop */
#define FILE_EVENTS      (IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF)
#define DIRECTORY_EVENTS (IN_CREATE | IN_MOVED_TO)

enum log_phase { LOG_FINDING_TAIL, LOG_READING, LOG_ENDED };

struct container_log {
    struct event_base *loop;
    struct container_log_options options;
    struct container_log_events events;
    void *owner;
    char *path;
    char *directory;
    enum log_phase phase;
    bool is_paused;
    bool is_ending;  /* what is there is the last */
    bool is_inside;  /* in a callback of ours */
    bool is_closed;  /* from within one */
    bool is_changed; /* the path may be another file by now */
    int fd;          /* -1: there is no file yet */
    struct log_tail tail;
    bool has_tail;         /* it limits what is wanted of this file */
    uint64_t offset;       /* of the first byte in the buffer */
    uint8_t *buffer;       /* read and not yet given */
    size_t start;          /* of the first line in it */
    size_t size;           /* of what is in it, from its beginning */
    bool is_skipping;      /* in a line that is too long */
    struct event *turn;    /* go on reading */
    int inotify_fd;        /* -1: not following */
    int file_watch;        /* -1: none */
    struct event *changed; /* the inotify descriptor is readable */
};

static void free_log(struct container_log *log)
{
    if (log->turn != NULL)
        event_free(log->turn);
    if (log->changed != NULL)
        event_free(log->changed);
    if (log->inotify_fd >= 0)
        (void)close(log->inotify_fd);
    if (log->fd >= 0)
        (void)close(log->fd);
    log_tail_done(&log->tail);
    free(log->buffer);
    free(log->path);
    free(log->directory);
    free(log);
}

void container_log_close(struct container_log *log)
{
    if (log == NULL)
        return;
    log->is_closed = true;
    if (!log->is_inside)
        free_log(log);
}

static void take_turn_soon(struct container_log *log)
{
    event_active(log->turn, 0, 0);
}

/* The user may close the log, pause it or end it from within. */
static void end_log(struct container_log *log, const char *failure)
{
    log->phase = LOG_ENDED;
    if (log->changed != NULL)
        (void)event_del(log->changed);
    log->events.on_end(log->owner, failure);
}

static bool may_go_on(const struct container_log *log)
{
    return !log->is_closed && !log->is_paused && log->phase != LOG_ENDED;
}

/* A file that is replaced (conmon makes a new one when it is full) or cut short starts anew. */
static void forget_file(struct container_log *log)
{
    if (log->fd >= 0)
        (void)close(steal_fd(&log->fd));
    if (log->file_watch >= 0)
        (void)inotify_rm_watch(log->inotify_fd, log->file_watch);
    log->file_watch = -1;
    log_tail_done(&log->tail);
    log->has_tail = false;
    log->offset = 0;
    log->start = 0;
    log->size = 0;
    log->is_skipping = false;
}

/* Open what the path names now, if anything. Watched before it is read, so nothing is missed. */
static int open_file(struct container_log *log, struct error *err)
{
    if (log->inotify_fd >= 0)
        log->file_watch = inotify_add_watch(log->inotify_fd, log->path, FILE_EVENTS);
    log->fd = open(log->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (log->fd < 0 && errno != ENOENT)
        return error_set_errno(err, "open %s", log->path);
    return 0;
}

static bool is_same_file(const struct container_log *log)
{
    struct stat ours;
    struct stat named;

    return log->fd >= 0 && fstat(log->fd, &ours) == 0 && stat(log->path, &named) == 0 &&
           ours.st_ino == named.st_ino && ours.st_dev == named.st_dev;
}

/* The time limits, and the tail. */
static bool is_wanted(const struct container_log *log, const struct container_log_line *line,
                      uint64_t offset)
{
    if (line->time < log->options.since)
        return false;
    return !log->has_tail || log_tail_wants(&log->tail, line->channel, offset);
}

static bool is_after_end(const struct container_log *log, const struct container_log_line *line)
{
    return log->options.until != 0 && line->time > log->options.until;
}

static void give_line(struct container_log *log, struct bytes raw, uint64_t offset)
{
    struct container_log_line line;

    if (log_line_parse(raw, &line) < 0)
        return;
    if (is_after_end(log, &line))
        end_log(log, NULL);
    else if (is_wanted(log, &line, offset))
        log->events.on_line(log->owner, &line);
}

/* A line that fills the buffer is none: it is passed over up to its newline. */
static void drop_overlong(struct container_log *log)
{
    if (log->size - log->start < LOG_LINE_MAX)
        return;
    log->is_skipping = true;
    log->start = log->size;
}

/* Give the whole lines in the buffer, as long as the user takes them. */
static void give_lines(struct container_log *log)
{
    while (may_go_on(log)) {
        const uint8_t *begin = log->buffer + log->start;
        const uint8_t *newline = memchr(begin, '\n', log->size - log->start);
        struct bytes raw = { .data = begin };
        uint64_t offset = log->offset + log->start;
        bool was_skipping = log->is_skipping;

        if (newline == NULL) {
            drop_overlong(log);
            return;
        }
        raw.size = (size_t)(newline - begin);
        log->start += raw.size + 1;
        log->is_skipping = false;
        if (!was_skipping)
            give_line(log, raw, offset);
    }
}

/* Make room, read a block. 0 at the end of the file. */
static ssize_t fill_buffer(struct container_log *log)
{
    ssize_t n;

    if (log->fd < 0)
        return 0;
    memmove(log->buffer, log->buffer + log->start, log->size - log->start);
    log->offset += log->start;
    log->size -= log->start;
    log->start = 0;
    n = pread(log->fd, log->buffer + log->size, BUFFER_SIZE - log->size,
              (off_t)(log->offset + log->size));
    if (n > 0)
        log->size += (size_t)n;
    return n;
}

static bool was_cut_short(const struct container_log *log)
{
    struct stat status;

    return log->fd >= 0 && fstat(log->fd, &status) == 0 &&
           (uint64_t)status.st_size < log->offset + log->size;
}

/* The end of the file is reached: is it that of the log, or is there another file now? */
static void handle_end_of_file(struct container_log *log)
{
    struct error err = { 0 };
    bool is_other = log->is_changed && !is_same_file(log);

    log->is_changed = false;
    if (is_other || was_cut_short(log)) {
        forget_file(log);
        if (open_file(log, &err) < 0)
            end_log(log, err.text);
        else if (log->fd >= 0)
            take_turn_soon(log);
        else if (log->is_ending)
            end_log(log, NULL);
    } else if (log->is_ending) {
        end_log(log, NULL);
    } else {
        log->events.on_drained(log->owner);
    }
}

static void read_blocks(struct container_log *log)
{
    for (int i = 0; i < BLOCKS_PER_TURN; i++) {
        ssize_t n;

        give_lines(log);
        if (!may_go_on(log))
            return;
        n = fill_buffer(log);
        if (n < 0) {
            end_log(log, strerrordesc_np(errno));
            return;
        }
        if (n == 0) {
            handle_end_of_file(log);
            return;
        }
    }
    take_turn_soon(log);
}

/* One block in a turn: the whole log may have to be read. */
static void find_tail(struct container_log *log)
{
    struct error err = { 0 };
    bool is_done = false;

    if (log_tail_step(&log->tail, &is_done, &err) < 0) {
        end_log(log, err.text);
        return;
    }
    if (is_done) {
        log->offset = log_tail_offset(&log->tail);
        log->phase = LOG_READING;
    }
    take_turn_soon(log);
}

static void take_turn(struct container_log *log)
{
    log->is_inside = true;
    if (may_go_on(log) && log->phase == LOG_FINDING_TAIL)
        find_tail(log);
    else if (may_go_on(log))
        read_blocks(log);
    log->is_inside = false;
    if (log->is_closed)
        free_log(log);
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    take_turn(arg);
}

/* Which of the events it was does not matter: read on, and look at the path when at the end. */
static void on_changed(evutil_socket_t fd, short what, void *arg)
{
    struct container_log *log = arg;
    alignas(struct inotify_event) char events[4096];

    (void)fd;
    (void)what;
    while (read(log->inotify_fd, events, sizeof(events)) > 0)
        log->is_changed = true;
    take_turn_soon(log);
}

static int start_following(struct container_log *log, struct error *err)
{
    log->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (log->inotify_fd < 0 ||
        inotify_add_watch(log->inotify_fd, log->directory, DIRECTORY_EVENTS | IN_ONLYDIR) < 0)
        return error_set_errno(err, "follow %s", log->path);
    log->changed = event_new(log->loop, log->inotify_fd, EV_READ | EV_PERSIST, on_changed, log);
    if (log->changed == NULL || event_add(log->changed, NULL) < 0)
        return error_set(err, -ENOMEM, "follow %s", log->path);
    return 0;
}

static int begin_reading(struct container_log *log, struct error *err)
{
    struct stat status;

    if (log->fd < 0 || log->options.tail < 0)
        return 0;
    if (fstat(log->fd, &status) < 0)
        return error_set_errno(err, "%s", log->path);
    log_tail_init(&log->tail, log->fd, (uint64_t)status.st_size, (uint64_t)log->options.tail);
    log->has_tail = true;
    log->phase = LOG_FINDING_TAIL;
    return 0;
}

static struct container_log *new_log(struct event_base *loop, const char *path)
{
    struct container_log *log = mem_new(struct container_log);
    const char *slash = strrchr(path, '/');

    log->loop = loop;
    log->path = mem_dup_text(path);
    log->directory =
        slash == NULL ? mem_dup_text(".") : mem_text("%.*s", (int)(slash - path), path);
    log->buffer = mem_zeroed(BUFFER_SIZE);
    log->phase = LOG_READING;
    log->fd = -1;
    log->inotify_fd = -1;
    log->file_watch = -1;
    log->turn = event_new(loop, -1, 0, on_turn, log);
    if (log->turn == NULL)
        abort();
    return log;
}

/* NOLINTNEXTLINE(readability-function-size): what, how, and whom to tell */
int container_log_open(struct event_base *loop, const char *path,
                       const struct container_log_options *options,
                       const struct container_log_events *events, void *owner,
                       struct container_log **ret, struct error *err)
{
    struct container_log *log = new_log(loop, path);
    int r = 0;

    log->options = *options;
    log->events = *events;
    log->owner = owner;
    log->is_ending = !options->follow;
    if (options->follow)
        r = start_following(log, err);
    if (r >= 0)
        r = open_file(log, err);
    if (r >= 0)
        r = begin_reading(log, err);
    if (r < 0) {
        free_log(log);
        return r;
    }
    take_turn_soon(log);
    *ret = log;
    return 0;
}

void container_log_pause(struct container_log *log)
{
    log->is_paused = true;
}

void container_log_resume(struct container_log *log)
{
    log->is_paused = false;
    take_turn_soon(log);
}

void container_log_end_soon(struct container_log *log)
{
    log->is_ending = true;
    log->is_changed = true; /* the last lines may be in a new file */
    take_turn_soon(log);
}
