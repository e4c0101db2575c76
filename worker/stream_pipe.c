/* A source that is written into a pipe; see the header. */
#include "worker/stream_pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/auto.h"
#include "common/io/jobpool.h"
#include "common/mem.h"
#include "schemas/bus.h"

#define CHUNK_BYTES_MAX (128 * 1024)
#define CHUNKS_A_WAKEUP 8

struct pipe_source {
    struct job job;
    struct stream_work *work;
    const struct stream_events *events;
    void *owner;
    int read_fd;
    int write_fd; /* the job's, which closes it */
    struct event *readable;
    uint8_t *buffer; /* CHUNK_BYTES_MAX */
    int result;      /* of the work, when it is over */
    struct error why;
    bool is_working;
    bool is_paused;
    bool is_drained; /* the pipe has given all there was */
    bool is_told;    /* on_end was called */
    bool is_closed;  /* by its user, while the work goes on */
};

static void source_free(struct pipe_source *source)
{
    if (source->readable != NULL)
        event_free(source->readable);
    if (source->read_fd >= 0)
        (void)close(source->read_fd);
    if (source->write_fd >= 0)
        (void)close(source->write_fd);
    if (source->work != NULL)
        source->work->destroy(source->work);
    free(source->buffer);
    free(source);
}

/* The end is known when the pipe is empty and the work has said how it went. */
static void tell_end(struct pipe_source *source)
{
    const char *failure = NULL;

    if (!source->is_drained || source->is_working || source->is_told)
        return;
    source->is_told = true;
    if (source->result < 0)
        failure = source->why.code != 0 ? source->why.text : strerrordesc_np(-source->result);
    source->events->on_end(source->owner, failure);
}

static void work_write(struct job *job)
{
    struct pipe_source *source = container_of(job, struct pipe_source, job);

    source->result = source->work->write(source->work, source->write_fd, &source->why);
    (void)close(source->write_fd);
    source->write_fd = -1;
}

static void work_done(struct job *job)
{
    struct pipe_source *source = container_of(job, struct pipe_source, job);

    source->is_working = false;
    if (source->is_closed) {
        source_free(source);
        return;
    }
    if (job->cancelled) {
        source->result = error_set(&source->why, -ECANCELED, "the worker is stopping");
        source->is_drained = true;
    }
    tell_end(source);
}

/* Give one chunk. 0 when nothing is there now, or nothing more will be. */
static ssize_t give_chunk(struct pipe_source *source)
{
    struct stream_chunk chunk = { .channel = 1, .is_partial = true };
    ssize_t size;

    do
        size = read(source->read_fd, source->buffer, CHUNK_BYTES_MAX);
    while (size < 0 && errno == EINTR);
    if (size < 0 && errno == EAGAIN)
        return 0;
    if (size <= 0) {
        source->is_drained = true;
        (void)event_del(source->readable);
        return 0;
    }
    chunk.data = (struct bytes){ .data = source->buffer, .size = (size_t)size };
    source->events->on_chunk(source->owner, &chunk);
    return size;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct pipe_source *source = arg;
    unsigned given = 0;

    (void)fd;
    (void)what;
    while (!source->is_paused && given < CHUNKS_A_WAKEUP && give_chunk(source) > 0)
        given++;
    if (given > 0)
        source->events->on_drained(source->owner);
    tell_end(source);
}

static int make_pipe(struct pipe_source *source, struct error *err)
{
    int fds[2];

    if (pipe2(fds, O_CLOEXEC) < 0)
        return error_set_errno(err, "make a pipe");
    source->read_fd = fds[0];
    source->write_fd = fds[1];
    if (fcntl(source->read_fd, F_SETFL, O_NONBLOCK) < 0)
        return error_set_errno(err, "make a pipe");
    return 0;
}

static int watch_pipe(struct pipe_source *source, struct event_base *loop, struct error *err)
{
    source->readable = event_new(loop, source->read_fd, EV_READ | EV_PERSIST, on_readable, source);
    if (source->readable == NULL || event_add(source->readable, NULL) < 0)
        return error_set(err, -ENOMEM, "watch a pipe");
    return 0;
}

int stream_pipe_open(const struct stream_surroundings *surroundings, struct stream_work *work,
                     const struct stream_events *events, void *owner, void **ret, struct error *err)
{
    struct pipe_source *source = mem_new(struct pipe_source);
    int r;

    source->job = (struct job){ .work = work_write, .done = work_done };
    source->events = events;
    source->owner = owner;
    source->read_fd = -1;
    source->write_fd = -1;
    source->buffer = mem_zeroed(CHUNK_BYTES_MAX);
    source->work = work;
    source->is_working = true;
    r = make_pipe(source, err);
    if (r == 0)
        r = watch_pipe(source, surroundings->loop, err);
    if (r == 0)
        r = jobpool_submit(surroundings->pool, &source->job, err);
    if (r < 0) {
        source->work = NULL; /* it stays the caller's */
        source_free(source);
        return r;
    }
    *ret = source;
    return 0;
}

void stream_pipe_pause(void *arg)
{
    struct pipe_source *source = arg;

    source->is_paused = true;
    (void)event_del(source->readable);
}

void stream_pipe_resume(void *arg)
{
    struct pipe_source *source = arg;

    source->is_paused = false;
    if (!source->is_drained)
        (void)event_add(source->readable, NULL);
}

void stream_pipe_close(void *arg)
{
    struct pipe_source *source = arg;

    if (!source->is_working) {
        source_free(source);
        return;
    }
    /* Whoever writes hears of it by EPIPE. */
    event_free(source->readable);
    source->readable = NULL;
    (void)close(source->read_fd);
    source->read_fd = -1;
    source->is_closed = true;
}
