/* Files that consoles send to this host; see the header. */
#include "worker/upload_sink.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "common/auto.h"
#include "common/id.h"
#include "common/io/files.h"
#include "common/io/jobpool.h"
#include "common/io/log.h"
#include "common/mem.h"
#include "schemas/bus.h"
#include "worker/asking.h"

#define PART            ".part"
#define SYNC_EVERY      (32UL * 1024 * 1024) /* so that no flush at the end takes minutes */
#define DIRECTORY_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC)
#define PART_FLAGS      (O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC)

/* The file, which a job uses: it outlives the upload while one runs. */
struct upload_file {
    struct job job;
    int directory_fd;
    char *name;
    char *part;
    int fd;               /* -1 until the first write, and when it is closed */
    struct buffer data;   /* to be written */
    size_t unsynced;      /* bytes */
    bool is_end;          /* nothing follows `data` */
    bool is_whole;        /* it has its name */
    bool is_working;      /* a job has it */
    struct upload *owner; /* NULL: it has gone */
    int result;
    struct error why;
};

struct upload {
    TAILQ_ENTRY(upload) link;
    struct upload_sink *sink;
    uint64_t stream;
    uint64_t sequence; /* wanted next */
    struct asking read;
    struct asking close;
    char failure[ERROR_TEXT_MAX]; /* told by `close` */
    struct upload_file *file;
};

struct upload_sink {
    struct upload_sink_options options;
    int directory_fd;
    TAILQ_HEAD(, upload) uploads;
};

/* --- the file, on a pool thread */

/* What is not whole is of no use. */
static void file_close(struct upload_file *file)
{
    if (file->fd >= 0 && !file->is_whole)
        (void)unlinkat(file->directory_fd, file->part, 0);
    if (file->fd >= 0)
        (void)close(file->fd);
    file->fd = -1;
}

static int file_open(struct upload_file *file, struct error *err)
{
    file->fd = openat(file->directory_fd, file->part, PART_FLAGS, 0600);
    if (file->fd < 0)
        return error_set_errno(err, "make upload %s", file->name);
    return 0;
}

static int file_append(struct upload_file *file, struct error *err)
{
    int r = files_write_all(file->fd, buffer_bytes(&file->data));

    if (r < 0)
        return error_set(err, r, "write upload %s: %s", file->name, strerrordesc_np(-r));
    file->unsynced += file->data.size;
    if (file->unsynced < SYNC_EVERY)
        return 0;
    file->unsynced = 0;
    return fdatasync(file->fd) < 0 ? error_set_errno(err, "flush upload %s", file->name) : 0;
}

/* All of it is there: give it its name. */
static int file_finish(struct upload_file *file, struct error *err)
{
    if (fsync(file->fd) < 0)
        return error_set_errno(err, "flush upload %s", file->name);
    if (renameat(file->directory_fd, file->part, file->directory_fd, file->name) < 0 ||
        fsync(file->directory_fd) < 0)
        return error_set_errno(err, "name upload %s", file->name);
    file->is_whole = true;
    return 0;
}

static void file_write(struct job *job)
{
    struct upload_file *file = container_of(job, struct upload_file, job);
    int r = file->fd < 0 ? file_open(file, &file->why) : 0;

    if (r == 0)
        r = file_append(file, &file->why);
    if (r == 0 && file->is_end)
        r = file_finish(file, &file->why);
    if (r < 0)
        file_close(file);
    file->result = r;
}

static void file_discard(struct job *job)
{
    file_close(container_of(job, struct upload_file, job));
}

static void file_free(struct upload_file *file)
{
    file_close(file);
    if (file->directory_fd >= 0)
        (void)close(file->directory_fd);
    buffer_done(&file->data);
    free(file->name);
    free(file->part);
    free(file);
}

/* --- the upload, on the loop */

static void on_discarded(struct job *job)
{
    file_free(container_of(job, struct upload_file, job));
}

/* To unlink what is large takes a while. */
static void file_release(struct upload_sink *sink, struct upload_file *file)
{
    file->job = (struct job){ .work = file_discard, .done = on_discarded };
    if (file->fd < 0 || file->is_whole || jobpool_submit(sink->options.pool, &file->job, NULL) < 0)
        file_free(file);
}

static void upload_free(struct upload *upload)
{
    TAILQ_REMOVE(&upload->sink->uploads, upload, link);
    asking_done(&upload->read);
    asking_done(&upload->close);
    upload->file->owner = NULL;
    if (!upload->file->is_working)
        file_release(upload->sink, upload->file);
    free(upload);
}

static void upload_end(struct upload *upload)
{
    struct upload_sink *sink = upload->sink;

    upload_free(upload);
    sink->options.on_over(sink->options.owner);
}

static void ask_read(void *owner)
{
    struct upload *upload = owner;
    struct stream_read asked = { .stream = upload->stream,
                                 .sequence = upload->sequence,
                                 .wait_ms = POLL_WAIT_MS };

    asking_ask(&upload->read, &stream_read_schema, &asked);
}

static void ask_close(void *owner)
{
    struct upload *upload = owner;
    struct stream_close asked = { .stream = upload->stream, .failure = upload->failure };

    asking_ask(&upload->close, &stream_close_schema, &asked);
}

static void on_closed(void *owner, const void *message)
{
    (void)message;
    upload_end(owner);
}

static void fail(struct upload *upload, const char *failure)
{
    log_warning("upload.failed", "upload=%s reason=%s", upload->file->name, LOG_TEXT(failure));
    (void)snprintf(upload->failure, sizeof(upload->failure), "%s", failure);
    ask_close(upload);
}

static void on_written(struct job *job)
{
    struct upload_file *file = container_of(job, struct upload_file, job);
    struct upload *upload = file->owner;

    file->is_working = false;
    if (job->cancelled || upload == NULL) {
        if (upload == NULL)
            file_free(file);
        return;
    }
    if (file->result < 0) {
        fail(upload, file->why.text);
        return;
    }
    upload->sequence++;
    ask_read(upload); /* also after the end: that is how the console hears of it */
}

static void take_chunks(struct upload *upload, const struct stream_chunks *chunks)
{
    struct upload_file *file = upload->file;
    const struct stream_chunk *items = chunks->chunks.items;
    struct error err = { 0 };

    file->data.size = 0;
    for (size_t i = 0; i < chunks->chunks.count; i++)
        buffer_append(&file->data, items[i].data.data, items[i].data.size);
    file->is_end = chunks->is_end;
    file->is_working = true;
    if (jobpool_submit(upload->sink->options.pool, &file->job, &err) < 0) {
        file->is_working = false;
        fail(upload, err.text);
    }
}

static void on_chunks(void *owner, const void *message)
{
    struct upload *upload = owner;
    const struct stream_chunks *chunks = message;

    if (chunks->failure != NULL) {
        log_info("upload.ended", "upload=%s reason=%s", upload->file->name,
                 LOG_TEXT(chunks->failure));
        upload_end(upload);
    } else if (chunks->sequence != upload->sequence) {
        ask_read(upload); /* nothing came while it waited */
    } else {
        take_chunks(upload, chunks);
    }
}

/* The stream is over: the file is whole, or it is of no use. */
static bool on_refused(void *owner, enum failure failure, const char *text)
{
    struct upload *upload = owner;

    if (failure == FAILURE_BUSY)
        return false;
    log_debug("upload.ended", "upload=%s whole=%d reason=%s", upload->file->name,
              upload->file->is_whole, LOG_TEXT(text));
    upload_end(upload);
    return true;
}

static const struct asking_rules read_rules = { .name = "stream.read",
                                                .expected = &stream_chunks_schema,
                                                .ask = ask_read,
                                                .on_answer = on_chunks,
                                                .on_refusal = on_refused };

static const struct asking_rules close_rules = { .name = "stream.close",
                                                 .expected = &done_schema,
                                                 .ask = ask_close,
                                                 .on_answer = on_closed,
                                                 .on_refusal = on_refused };

static struct upload_file *file_new(const struct upload_sink *sink, const char *name)
{
    struct upload_file *file = mem_new(struct upload_file);

    file->job = (struct job){ .work = file_write, .done = on_written };
    file->directory_fd = fcntl(sink->directory_fd, F_DUPFD_CLOEXEC, 0);
    file->fd = -1;
    file->name = mem_dup_text(name);
    file->part = mem_text("%s" PART, name);
    return file;
}

int upload_sink_take(struct upload_sink *sink, uint64_t stream, const char *name, struct error *err)
{
    const struct upload_sink_options *options = &sink->options;
    struct upload *upload;
    int r;

    if (!name_is_valid(name))
        return error_set(err, -EINVAL, "upload %.64s: that is no name", name);
    upload = mem_new(struct upload);
    upload->sink = sink;
    upload->stream = stream;
    upload->sequence = 1;
    upload->file = file_new(sink, name);
    upload->file->owner = upload;
    TAILQ_INSERT_TAIL(&sink->uploads, upload, link);
    r = asking_init(&upload->read, options->loop, options->bus, &read_rules, upload, err);
    if (r == 0)
        r = asking_init(&upload->close, options->loop, options->bus, &close_rules, upload, err);
    if (r < 0) {
        upload_free(upload);
        return r;
    }
    log_debug("upload.taken", "upload=%s", name);
    ask_read(upload);
    return 0;
}

/* --- the directory */

static bool is_part(const char *name)
{
    size_t size = strlen(name);

    return size > strlen(PART) && strcmp(name + size - strlen(PART), PART) == 0;
}

static int remove_parts(int directory_fd, struct error *err)
{
    int fd = openat(directory_fd, ".", DIRECTORY_FLAGS);
    DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *entry;

    if (directory == NULL) {
        int r = error_set_errno(err, "list the uploads");

        if (fd >= 0)
            (void)close(fd);
        return r;
    }
    while ((entry = readdir(directory)) != NULL) {
        if (is_part(entry->d_name))
            (void)unlinkat(directory_fd, entry->d_name, 0);
    }
    (void)closedir(directory);
    return 0;
}

int upload_sink_new(const struct upload_sink_options *options, struct upload_sink **ret,
                    struct error *err)
{
    struct upload_sink *sink = mem_new(struct upload_sink);
    int r = files_make_directories(options->directory, 0700, err);

    sink->options = *options;
    sink->options.directory = NULL;
    sink->directory_fd = -1;
    TAILQ_INIT(&sink->uploads);
    if (r == 0) {
        sink->directory_fd = open(options->directory, DIRECTORY_FLAGS);
        if (sink->directory_fd < 0)
            r = error_set_errno(err, "open %s", options->directory);
    }
    if (r == 0)
        r = remove_parts(sink->directory_fd, err);
    if (r < 0) {
        upload_sink_destroy(sink);
        return r;
    }
    *ret = sink;
    return 0;
}

void upload_sink_destroy(struct upload_sink *sink)
{
    struct upload *upload;

    if (sink == NULL)
        return;
    while ((upload = TAILQ_FIRST(&sink->uploads)) != NULL)
        upload_free(upload);
    if (sink->directory_fd >= 0)
        (void)close(sink->directory_fd);
    free(sink);
}
