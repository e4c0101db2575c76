/* Images that are made here: imported and committed; see images.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/image_name.h"
#include "common/io/clock.h"
#include "common/mem.h"
#include "worker/io/image_intake.h"
#include "worker/io/images.h"
#include "worker/io/layer_pack.h"
#include "worker/io/oci_config.h"

#define NS_PER_S  1000000000U
#define TIME_SIZE 40
#define PACKED    "packed"
#define BLOB_MODE 0600

struct making {
    struct image_intake intake;
    struct image_info base; /* empty: none */
    const struct oci_config *config;
    const struct image_about *about;
};

static void making_done(struct making *making)
{
    image_intake_done(&making->intake);
}

static char *now_text(struct arena *arena)
{
    uint64_t now_ns = clock_wall_ns();
    time_t seconds = (time_t)(now_ns / NS_PER_S);
    char text[TIME_SIZE];
    struct tm time;

    (void)gmtime_r(&seconds, &time);
    (void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &time);
    return arena_printf(arena, "%s.%09uZ", text, (unsigned)(now_ns % NS_PER_S));
}

static int name_it(const struct making *making, struct image_info *image, struct error *err)
{
    const struct text_list *names = &making->about->names;
    int r = 0;

    image->names.items = arena_zeroed(making->intake.arena, (names->count + 1) * sizeof(char *));
    image->names.count = names->count;
    for (size_t i = 0; i < names->count && r == 0; i++)
        r = image_name_normalise(names->items[i], "localhost", making->intake.arena,
                                 &image->names.items[i], err);
    return r;
}

/* The base's, and one more. */
static void add_layer(const struct making *making, const struct stored_layer *layer,
                      struct image_info *image, struct text_list *ret_diff_ids)
{
    const struct stored_layer *below = making->base.layers.items;
    size_t count = making->base.layers.count;
    struct arena *arena = making->intake.arena;
    struct stored_layer *layers = arena_zeroed(arena, (count + 1) * sizeof(*layers));

    ret_diff_ids->items = arena_zeroed(arena, (count + 1) * sizeof(char *));
    ret_diff_ids->count = count + 1;
    for (size_t i = 0; i <= count; i++) {
        layers[i] = i < count ? below[i] : *layer;
        ret_diff_ids->items[i] = layers[i].diff_id;
    }
    image->layers = (struct message_list){ .items = layers, .count = count + 1 };
}

static void add_history(const struct making *making, struct image_info *image)
{
    const struct image_about *about = making->about;
    const struct oci_history *before = making->base.history.items;
    size_t count = making->base.history.count;
    struct arena *arena = making->intake.arena;
    struct oci_history *history = arena_zeroed(arena, (count + 1) * sizeof(*history));

    for (size_t i = 0; i < count; i++)
        history[i] = before[i];
    history[count] = (struct oci_history){
        .created = image->created,
        .created_by = arena_text(arena, about->created_by),
        .author = arena_text(arena, about->author),
        .comment = arena_text(arena, about->comment),
    };
    image->history = (struct message_list){ .items = history, .count = count + 1 };
}

static void describe(const struct making *making, struct image_info *image)
{
    const char *variant;
    const char *architecture = oci_architecture(&variant);
    struct arena *arena = making->intake.arena;

    image->created = now_text(arena);
    image->author = arena_text(arena, making->about->author);
    image->architecture = making->base.architecture;
    image->variant = making->base.variant;
    if (image->architecture == NULL) {
        image->architecture = arena_text(arena, architecture);
        image->variant = arena_text(arena, variant);
    }
    image->os = arena_text(arena, "linux");
    image->config = *making->config;
}

/* The layer is in the batch: make the documents, and the image. */
static int finish(struct making *making, const struct stored_layer *layer, char **ret_id,
                  struct error *err)
{
    struct image_info image = { 0 };
    struct text_list diff_ids;
    autofree char *text = NULL;
    int r;

    describe(making, &image);
    add_layer(making, layer, &image, &diff_ids);
    add_history(making, &image);
    if (image.layers.count > IMAGE_LAYERS_MAX)
        return error_set(err, -E2BIG, "the image would have more than %d layers", IMAGE_LAYERS_MAX);
    text = oci_config_write(&image, &diff_ids);
    r = image_intake_config(&making->intake, bytes_of_text(text), &image, &diff_ids, err);
    if (r == 0)
        r = name_it(making, &image, err);
    if (r == 0)
        r = image_intake_manifest(&making->intake, (struct bytes){ 0 }, NULL, strlen(text), &image,
                                  err);
    if (r == 0)
        r = image_intake_commit(&making->intake, &image, 1, err);
    if (r == 0)
        *ret_id = image.id;
    return r;
}

static int open_source(void *owner, struct error *err)
{
    const struct image_source *source = owner;
    int fd = source->path == NULL ? fcntl(source->fd, F_DUPFD_CLOEXEC, 0)
                                  : open(source->path, O_RDONLY | O_NOCTTY | O_CLOEXEC);

    return fd < 0 ? error_set_errno(err, "%s", source->path == NULL ? "archive" : source->path)
                  : fd;
}

/* NOLINTNEXTLINE(readability-function-size): the whole of a contract */
int images_import(struct images *images, const struct image_source *source,
                  const struct oci_config *config, const struct image_about *about,
                  struct arena *arena, char **ret_id, struct error *err)
{
    __attribute__((cleanup(making_done))) struct making making = { .config = config,
                                                                   .about = about };
    struct image_source opened = *source;
    const struct incoming_layer incoming = { .open = open_source, .owner = &opened };
    struct stored_layer layer;
    int r = image_intake_begin(images, source->is_cancelled, arena, &making.intake, err);

    if (r == 0)
        r = image_intake_layer(&making.intake, &incoming, &layer, err);
    if (r == 0 && layer.file_count == 0)
        r = error_set(err, -EBADMSG, "the archive has no files");
    if (r == 0)
        r = finish(&making, &layer, ret_id, err);
    return r < 0 ? error_add_context(err, r, "import") : 0;
}

/* What the new image shares with its base stays, whatever becomes of the base meanwhile. */
static int pin_base(struct making *making, struct error *err)
{
    const struct stored_layer *layers = making->base.layers.items;

    for (size_t i = 0; i < making->base.layers.count; i++) {
        if (!image_batch_pin(making->intake.batch, STORED_LAYER, layers[i].diff_id) ||
            !image_batch_pin(making->intake.batch, STORED_BLOB, layers[i].blob))
            return error_set(err, -ENOENT, "image %s was removed just now", making->base.id);
    }
    return 0;
}

static int pack(const struct making *making, int upper_fd, struct error *err)
{
    autoclose int out_fd = openat(image_batch_fd(making->intake.batch), PACKED,
                                  O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, BLOB_MODE);
    const struct layer_pack layer = {
        .root_fd = upper_fd,
        .out_fd = out_fd,
        .compression = LAYER_PLAIN,
        .is_cancelled = making->intake.is_cancelled,
    };

    if (out_fd < 0)
        return error_set_errno(err, "make a layer");
    return layer_pack(&layer, err);
}

static int open_packed(void *owner, struct error *err)
{
    const struct making *making = owner;
    int fd = openat(image_batch_fd(making->intake.batch), PACKED, O_RDONLY | O_CLOEXEC);

    return fd < 0 ? error_set_errno(err, "the packed layer") : fd;
}

/* NOLINTNEXTLINE(readability-function-size): the whole of a contract */
int images_commit(struct images *images, const char *base, int upper_fd,
                  const struct oci_config *config, const struct image_about *about,
                  struct arena *arena, char **ret_id, struct error *err)
{
    __attribute__((cleanup(making_done))) struct making making = { .config = config,
                                                                   .about = about };
    const struct incoming_layer incoming = { .open = open_packed,
                                             .owner = &making,
                                             .is_ours = true };
    struct stored_layer layer;
    int r = image_intake_begin(images, NULL, arena, &making.intake, err);

    if (r == 0 && base != NULL) {
        r = images_find(images, base, arena, &making.base, err);
        if (r == 0)
            r = pin_base(&making, err);
    }
    if (r == 0)
        r = pack(&making, upper_fd, err);
    if (r == 0)
        r = image_intake_layer(&making.intake, &incoming, &layer, err);
    if (r == 0)
        r = finish(&making, &layer, ret_id, err);
    return r < 0 ? error_add_context(err, r, "commit") : 0;
}
