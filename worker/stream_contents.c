/* Streams of kinds "export", "archive", "diff", "sizes" and "save"; see stream_source.h. */
#include "worker/stream_source.h"

#include <errno.h>
#include <string.h>

#include "common/arena.h"
#include "common/auto.h"
#include "common/mem.h"
#include "schemas/bus.h"
#include "schemas/codec.h"
#include "schemas/images.h"
#include "worker/io/contents_stream.h"
#include "worker/stream_pipe.h"

/* What a job has: copies, because the containers go on meanwhile. */
struct contents_work {
    struct stream_work work;
    int (*write)(const struct contents_work *work, int fd, struct error *err);
    struct images *images;
    struct arena arena; /* of what follows */
    struct contents_subject *subjects;
    size_t count;
    size_t capacity;
    char *path;
    struct text_list names;  /* of what is to be saved, as typed */
    struct image *images_of; /* what each of them means: id and names */
    enum image_format format;
};

static int write_export(const struct contents_work *work, int fd, struct error *err)
{
    return contents_stream_export(&work->subjects[0], fd, err);
}

static int write_archive(const struct contents_work *work, int fd, struct error *err)
{
    return contents_stream_archive(&work->subjects[0], work->path, fd, err);
}

static int write_diff(const struct contents_work *work, int fd, struct error *err)
{
    return contents_stream_diff(&work->subjects[0], fd, err);
}

static int write_sizes(const struct contents_work *work, int fd, struct error *err)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < work->count; i++) {
        r = contents_stream_sizes(&work->subjects[i], fd, err);
        if (r == -ENOENT && work->count > 1)
            r = 0; /* that one was removed meanwhile */
    }
    return r;
}

/* The journal decides how an image is called, and an archive shall say so. */
static int write_save(const struct contents_work *work, int fd, struct error *err)
{
    for (size_t i = 0; i < work->names.count; i++) {
        const struct image *image = &work->images_of[i];
        int r = images_set_names(work->images, image->id, &image->names, err);

        if (r < 0)
            return r;
    }
    return images_save(work->images, &work->names, work->format, fd, err);
}

static int work_write(struct stream_work *base, int fd, struct error *err)
{
    const struct contents_work *work = container_of(base, struct contents_work, work);

    return work->write(work, fd, err);
}

static void work_destroy(struct stream_work *base)
{
    struct contents_work *work = container_of(base, struct contents_work, work);

    arena_done(&work->arena);
    free(work);
}

static const struct container_config *copy_config(const struct container_config *config,
                                                  struct arena *arena)
{
    struct container_config *copy = arena_zeroed(arena, sizeof(*copy));
    struct buffer encoded = { 0 };
    char *kept;
    size_t size;

    schema_encode(&container_config_schema, config, &encoded);
    size = encoded.size;
    kept = arena_text_n(arena, (const char *)encoded.data, size); /* texts point into it */
    buffer_done(&encoded);
    if (schema_decode(&container_config_schema,
                      (struct bytes){ .data = (const uint8_t *)kept, .size = size }, copy, arena,
                      NULL) < 0)
        return NULL;
    return copy;
}

struct collecting {
    const struct stream_surroundings *surroundings;
    struct contents_work *work;
};

static void add_subject(void *owner, const char *id, const struct stream_container *container)
{
    static uint64_t streams_begun;
    const struct collecting *collecting = owner;
    struct contents_work *work = collecting->work;
    struct arena *arena = &work->arena;
    const struct container_config *config = copy_config(container->config, arena);

    if (config == NULL)
        return;
    if (work->count == work->capacity) {
        struct contents_subject *old = work->subjects;

        work->capacity = work->capacity == 0 ? 16 : work->capacity * 2;
        work->subjects = arena_zeroed(arena, work->capacity * sizeof(*work->subjects));
        if (work->count > 0)
            memcpy(work->subjects, old, work->count * sizeof(*old));
    }
    work->subjects[work->count++] = (struct contents_subject){
        .layout = collecting->surroundings->layout,
        .images = collecting->surroundings->images,
        .holder = arena_printf(arena, "stream-%llu", (unsigned long long)++streams_begun),
        .id = arena_text(arena, id),
        .config = config,
        .pid = container->pid,
        .pid_started = container->pid_started,
        .image_bytes = container->image_bytes,
    };
}

static int collect(const struct stream_surroundings *surroundings, const char *id,
                   struct contents_work *work, struct error *err)
{
    struct collecting collecting = { .surroundings = surroundings, .work = work };
    struct stream_container container = { 0 };
    int r;

    if (id == NULL) {
        surroundings->walk(surroundings->owner, add_subject, &collecting);
        return 0;
    }
    r = surroundings->find(surroundings->owner, id, &container);
    free(container.log_path);
    if (r < 0 || container.config == NULL)
        return error_set(err, -ENOENT, "there is no such container on this host");
    add_subject(&collecting, id, &container);
    return work->count > 0 ? 0 : error_set(err, -EBADMSG, "its configuration cannot be read");
}

static struct text_list copy_texts(const struct text_list *texts, struct arena *arena)
{
    struct text_list copy = { .items = arena_zeroed(arena, texts->count * sizeof(char *)),
                              .count = texts->count };

    for (size_t i = 0; i < texts->count; i++)
        copy.items[i] = arena_text(arena, texts->items[i]);
    return copy;
}

static int collect_images(const struct stream_surroundings *surroundings,
                          const struct text_list *names, struct contents_work *work,
                          struct error *err)
{
    work->names = copy_texts(names, &work->arena);
    work->images_of = arena_zeroed(&work->arena, names->count * sizeof(*work->images_of));
    for (size_t i = 0; i < names->count; i++) {
        const struct image *image = surroundings->find_image(surroundings->owner, names->items[i]);

        if (image == NULL)
            return error_set(err, -ENOENT, "this host has no image \"%.200s\", or several",
                             names->items[i]);
        work->images_of[i] = (struct image){
            .id = arena_text(&work->arena, image->id),
            .names = copy_texts(&image->names, &work->arena),
        };
    }
    return 0;
}

typedef int write_fn(const struct contents_work *work, int fd, struct error *err);

/* NOLINTNEXTLINE(readability-function-size): a kind's opening, and what it writes */
static int open_work(const struct stream_surroundings *surroundings, const struct stream_open *open,
                     const struct stream_events *events, void *owner, write_fn *write, void **ret,
                     struct error *err)
{
    struct contents_work *work = mem_new(struct contents_work);
    int r = 0;

    work->work = (struct stream_work){ .write = work_write, .destroy = work_destroy };
    work->write = write;
    work->images = surroundings->images;
    work->path = arena_text(&work->arena, open->path);
    work->format = open->format != NULL && strcmp(open->format, "oci-archive") == 0
                       ? IMAGE_OCI_ARCHIVE
                       : IMAGE_DOCKER_ARCHIVE;
    if (write == write_save)
        r = collect_images(surroundings, &open->names, work, err);
    else
        r = collect(surroundings, open->container, work, err);
    if (r == 0)
        r = stream_pipe_open(surroundings, &work->work, events, owner, ret, err);
    if (r < 0)
        work_destroy(&work->work);
    return r;
}

#define DEFINE_KIND(kind)                                                                      \
    static int open_##kind(const struct stream_surroundings *surroundings,                     \
                           const struct stream_open *open, const struct stream_events *events, \
                           void *owner, void **ret, struct error *err)                         \
    {                                                                                          \
        return open_work(surroundings, open, events, owner, write_##kind, ret, err);           \
    }                                                                                          \
                                                                                               \
    const struct stream_kind stream_##kind = { .name = #kind,                                  \
                                               .open = open_##kind,                            \
                                               .pause = stream_pipe_pause,                     \
                                               .resume = stream_pipe_resume,                   \
                                               .close = stream_pipe_close };

DEFINE_KIND(export)
DEFINE_KIND(archive)
DEFINE_KIND(diff)
DEFINE_KIND(sizes)
DEFINE_KIND(save)
