/* Batches: the one way into the image store; see image_store.h. */
#include "worker/io/image_staging.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/io/files.h"
#include "common/mem.h"

#define BATCH_MODE 0700
#define BLOB_MODE  0600

static const char *const kind_names[] = { [STORED_BLOB] = "blob", [STORED_LAYER] = "layer" };

static char *staged_name(enum stored_kind kind, const char *hex)
{
    return mem_text("%s-%s", kind_names[kind], hex);
}

static void enter(struct image_batch *batch)
{
    struct image_store *store = batch->store;

    image_store_lock(store);
    batch->name = mem_text("staging/%" PRIu64 "-%lu", store->opened_ms, ++store->batch_count);
    batch->path = mem_text("%s/%s", store->path, batch->name);
    batch->next = store->batches;
    store->batches = batch;
    image_store_unlock(store);
}

static void leave(struct image_batch *batch)
{
    struct image_batch **link = &batch->store->batches;

    image_store_lock(batch->store);
    while (*link != batch)
        link = &(*link)->next;
    *link = batch->next;
    image_store_unlock(batch->store);
}

int image_batch_begin(struct image_store *store, struct image_batch **ret, struct error *err)
{
    autodestroy(image_batch) struct image_batch *batch = mem_new(struct image_batch);

    batch->store = store;
    batch->fd = -1;
    enter(batch);
    if (mkdirat(store->fd, batch->name, BATCH_MODE) < 0)
        return error_set_errno(err, "make directory %s", batch->path);
    batch->fd = openat(store->fd, batch->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (batch->fd < 0)
        return error_set_errno(err, "open %s", batch->path);
    *ret = steal_ptr(batch);
    return 0;
}

void image_batch_destroy(struct image_batch *batch)
{
    if (batch == NULL)
        return;
    leave(batch);
    if (batch->fd >= 0)
        (void)close(batch->fd);
    /* What cannot be removed now is in nobody's way, and gone when the store is opened again. */
    (void)files_remove_tree(batch->store->fd, batch->name, NULL);
    while (batch->pins != NULL) {
        struct staged *pin = batch->pins;

        batch->pins = pin->next;
        free(pin);
    }
    free(batch->name);
    free(batch->path);
    free(batch);
}

int image_batch_fd(const struct image_batch *batch)
{
    return batch->fd;
}

const char *image_batch_path(const struct image_batch *batch)
{
    return batch->path;
}

static struct staged *find_pin(const struct image_batch *batch, enum stored_kind kind,
                               const char *hex)
{
    struct staged *pin = batch->pins;

    while (pin != NULL && (pin->kind != kind || strcmp(pin->hex, hex) != 0))
        pin = pin->next;
    return pin;
}

static struct staged *pin_it(struct image_batch *batch, enum stored_kind kind, const char *hex)
{
    struct staged *pin = find_pin(batch, kind, hex);

    if (pin != NULL)
        return pin;
    pin = mem_new(struct staged);
    pin->kind = kind;
    (void)snprintf(pin->hex, sizeof(pin->hex), "%s", hex);
    pin->next = batch->pins;
    batch->pins = pin;
    return pin;
}

bool image_batch_pin(struct image_batch *batch, enum stored_kind kind, const char *hex)
{
    bool is_there;

    image_store_lock(batch->store);
    is_there = pin_it(batch, kind, hex)->is_taken || image_store_has(batch->store, kind, hex);
    image_store_unlock(batch->store);
    return is_there;
}

char *image_batch_where(struct image_batch *batch, enum stored_kind kind, const char *hex)
{
    const struct staged *pin = find_pin(batch, kind, hex);
    autofree char *staged = staged_name(kind, hex);

    return pin != NULL && pin->is_taken ? mem_text("%s/%s", batch->name, staged)
                                        : image_store_name(kind, hex);
}

int image_batch_take(struct image_batch *batch, enum stored_kind kind, const char *hex,
                     const char *name, struct error *err)
{
    autofree char *staged = staged_name(kind, hex);
    struct staged *pin;

    image_store_lock(batch->store);
    pin = pin_it(batch, kind, hex);
    image_store_unlock(batch->store);
    if (pin->is_taken)
        return 0; /* the same once more */
    if (renameat(batch->fd, name, batch->fd, staged) < 0)
        return error_set_errno(err, "%s/%s", batch->path, name);
    pin->is_taken = true;
    return 0;
}

int image_batch_put(struct image_batch *batch, struct bytes bytes, char ret[DIGEST_HEX_SIZE + 1],
                    struct error *err)
{
    char hex[DIGEST_HEX_SIZE + 1];
    int r;

    digest_of(bytes, hex);
    if (!image_batch_pin(batch, STORED_BLOB, hex)) {
        r = files_replace(batch->fd, "document", bytes, BLOB_MODE, 0, err);
        if (r == 0)
            r = image_batch_take(batch, STORED_BLOB, hex, "document", err);
        if (r < 0)
            return error_add_context(err, r, "%s", batch->path);
    }
    memcpy(ret, hex, sizeof(hex));
    return 0;
}

static int make_link(const struct image_store *store, const char *hex)
{
    char link[LAYER_LINK_SIZE + 1];
    autofree char *name = NULL;
    autofree char *target = mem_text("../layers/%s/fs", hex);

    layer_link_write(hex, link);
    name = mem_text("l/%s", link);
    return symlinkat(target, store->fd, name) < 0 && errno != EEXIST ? -errno : 0;
}

static int publish(const struct image_batch *batch, struct staged *pin, struct error *err)
{
    const struct image_store *store = batch->store;
    autofree char *staged = staged_name(pin->kind, pin->hex);
    autofree char *name = image_store_name(pin->kind, pin->hex);
    int r;

    if (image_store_has(store, pin->kind, pin->hex)) {
        pin->is_taken = false; /* somebody else was faster; ours goes with the batch */
        return 0;
    }
    /* The link last: one without a layer would be in nobody's list of what to drop. */
    r = renameat(batch->fd, staged, store->fd, name) < 0 ? -errno : 0;
    if (r == 0 && pin->kind == STORED_LAYER)
        r = make_link(store, pin->hex);
    if (r < 0)
        return error_set(err, r, "keep %s in %s: %s", name, store->path, strerror(-r));
    pin->is_taken = false;
    return 0;
}

static int publish_all(const struct image_batch *batch, struct error *err)
{
    int r = 0;

    for (struct staged *pin = batch->pins; pin != NULL && r == 0; pin = pin->next) {
        if (pin->is_taken)
            r = publish(batch, pin, err);
    }
    return r;
}

static int sync_names(const struct image_store *store, struct error *err)
{
    static const char *const names[] = { "blobs/sha256", "layers", "l" };
    int r = 0;

    for (size_t i = 0; i < sizeof(names) / sizeof(*names) && r == 0; i++) {
        autofree char *path = mem_text("%s/%s", store->path, names[i]);

        r = files_sync_directory(path, err);
    }
    return r;
}

int image_batch_commit(struct image_batch *batch, struct error *err)
{
    struct image_store *store = batch->store;
    int r;

    /* All of it at once: an fsync for each of a layer's files takes many times as long. */
    if (syncfs(batch->fd) < 0)
        return error_set_errno(err, "flush %s", batch->path);
    image_store_lock(store);
    r = publish_all(batch, err);
    image_store_unlock(store);
    return r < 0 ? r : sync_names(store, err);
}
