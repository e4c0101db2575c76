/* Streams of kind "logs": what a container wrote. */
#include "worker/stream_source.h"

#include "common/auto.h"
#include "common/mem.h"
#include "schemas/bus.h"
#include "worker/io/container_log.h"

struct logs {
    struct container_log *log;
    const struct stream_events *events;
    void *owner;
};

static void on_line(void *owner, const struct container_log_line *line)
{
    struct logs *logs = owner;
    const struct stream_chunk chunk = {
        .channel = line->channel,
        .time = line->time,
        .is_partial = line->is_partial,
        .data = line->text,
    };

    logs->events->on_chunk(logs->owner, &chunk);
}

static void on_end(void *owner, const char *failure)
{
    struct logs *logs = owner;

    logs->events->on_end(logs->owner, failure);
}

static void on_drained(void *owner)
{
    struct logs *logs = owner;

    logs->events->on_drained(logs->owner);
}

static const struct container_log_events log_events = { .on_line = on_line,
                                                        .on_end = on_end,
                                                        .on_drained = on_drained };

static void logs_close(void *source)
{
    struct logs *logs = source;

    if (logs->log != NULL)
        container_log_close(logs->log);
    free(logs);
}

static int logs_open(const struct stream_surroundings *surroundings, const struct stream_open *open,
                     const struct stream_events *events, void *owner, void **ret, struct error *err)
{
    struct stream_container container = { 0 };
    struct container_log_options options = { .tail = open->tail,
                                             .since = open->since,
                                             .until = open->until };
    autofree char *path = NULL;
    struct logs *logs;
    int r = surroundings->find(surroundings->owner, open->container, &container);

    if (r < 0)
        return error_set(err, r, "there is no such container on this host");
    path = container.log_path;
    options.follow = open->follow && !container.is_over;
    logs = mem_new(struct logs);
    logs->events = events;
    logs->owner = owner;
    r = container_log_open(surroundings->loop, path, &options, &log_events, logs, &logs->log, err);
    if (r < 0) {
        free(logs);
        return r;
    }
    *ret = logs;
    return 0;
}

static void logs_pause(void *source)
{
    container_log_pause(((struct logs *)source)->log);
}

static void logs_resume(void *source)
{
    container_log_resume(((struct logs *)source)->log);
}

static void logs_end_soon(void *source)
{
    container_log_end_soon(((struct logs *)source)->log);
}

const struct stream_kind stream_logs = { .name = "logs",
                                         .open = logs_open,
                                         .pause = logs_pause,
                                         .resume = logs_resume,
                                         .end_soon = logs_end_soon,
                                         .close = logs_close };
