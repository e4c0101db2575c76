/* The directories of the image store; see the header. */
#include "worker/io/image_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/id.h"
#include "common/io/clock.h"
#include "common/io/files.h"
#include "common/io/lock_file.h"
#include "common/mem.h"
#include "worker/io/image_staging.h"
#include "worker/io/images.h"

#define STORE_MODE 0700

static const char *const directories[] = { "blobs", "blobs/sha256", "layers",
                                           "l",     "images",       "staging" };

static const char *const stored_directory[] = {
    [STORED_BLOB] = "blobs/sha256",
    [STORED_LAYER] = "layers",
};

static int make_directory(const char *path, struct error *err)
{
    return files_make_directories(path, STORE_MODE, err);
}

static int each_directory(const struct image_store *store,
                          int (*fn)(const char *path, struct error *err), struct error *err)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < sizeof(directories) / sizeof(*directories); i++) {
        autofree char *path = mem_text("%s/%s", store->path, directories[i]);

        r = fn(path, err);
    }
    return r;
}

/* All are made before the first of them is synced: where several have their names is synced once.
 * Also when they were there: whoever made them may have been killed before it came to that. */
static int make_directories(const struct image_store *store, struct error *err)
{
    int r = files_make_durable(store->path, STORE_MODE, err);

    if (r == 0)
        r = each_directory(store, make_directory, err);
    if (r == 0)
        r = each_directory(store, files_sync_directory, err);
    return r == 0 ? files_sync_directory(store->path, err) : r;
}

static int take_lock(struct image_store *store, struct error *err)
{
    autofree char *path = mem_text("%s/lock", store->path);

    return lock_file_take(path, S_IRUSR | S_IWUSR, &store->lock_fd, err);
}

static int empty_staging(struct image_store *store, struct error *err)
{
    int r = files_remove_tree(store->fd, "staging", err);

    if (r < 0)
        return r;
    if (mkdirat(store->fd, "staging", STORE_MODE) < 0)
        return error_set_errno(err, "make directory %s/staging", store->path);
    return 0;
}

int image_store_open(const char *path, struct image_store **ret, struct error *err)
{
    struct image_store *store = mem_new(struct image_store);
    int r;

    store->path = mem_dup_text(path);
    store->opened_ms = clock_steady_ms();
    store->fd = -1;
    store->lock_fd = -1;
    (void)pthread_mutex_init(&store->lock, NULL);
    r = make_directories(store, err);
    if (r == 0)
        r = take_lock(store, err);
    if (r == 0) {
        store->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        r = store->fd < 0 ? error_set_errno(err, "open %s", path) : empty_staging(store, err);
    }
    if (r < 0)
        image_store_close(store);
    else
        *ret = store;
    return r;
}

void image_store_close(struct image_store *store)
{
    if (store == NULL)
        return;
    if (store->fd >= 0)
        (void)close(store->fd);
    if (store->lock_fd >= 0)
        (void)close(store->lock_fd);
    (void)pthread_mutex_destroy(&store->lock);
    free(store->path);
    free(store);
}

const char *image_store_path(const struct image_store *store)
{
    return store->path;
}

int image_store_fd(const struct image_store *store)
{
    return store->fd;
}

void image_store_lock(struct image_store *store)
{
    (void)pthread_mutex_lock(&store->lock);
}

void image_store_unlock(struct image_store *store)
{
    (void)pthread_mutex_unlock(&store->lock);
}

char *image_store_name(enum stored_kind kind, const char *hex)
{
    return mem_text("%s/%s", stored_directory[kind], hex);
}

bool image_store_has(const struct image_store *store, enum stored_kind kind, const char *hex)
{
    autofree char *name = image_store_name(kind, hex);

    return faccessat(store->fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int image_store_open_blob(const struct image_store *store, const char *hex, struct error *err)
{
    autofree char *name = image_store_name(STORED_BLOB, hex);
    int fd = openat(store->fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

    return fd < 0 ? error_set_errno(err, "blob sha256:%s", hex) : fd;
}

int image_store_read_document(const struct image_store *store, const char *hex, char **ret,
                              size_t *ret_size, struct error *err)
{
    autofree char *name = image_store_name(STORED_BLOB, hex);
    autofree char *text = NULL;
    char found[DIGEST_HEX_SIZE + 1];
    size_t size;
    int r = files_read(store->fd, name, IMAGE_DOCUMENT_MAX, &text, &size, err);

    if (r < 0)
        return error_add_context(err, r, "%s", store->path);
    digest_of((struct bytes){ .data = (uint8_t *)text, .size = size }, found);
    if (strcmp(found, hex) != 0)
        return error_set(err, -EBADMSG, "blob sha256:%s of %s is damaged: its digest is sha256:%s",
                         hex, store->path, found);
    *ret = steal_ptr(text);
    *ret_size = size;
    return 0;
}

void layer_link_write(const char *diff_id, char ret[LAYER_LINK_SIZE + 1])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    uint8_t bytes[DIGEST_HEX_SIZE / 2] = { 0 };

    (void)hex_read(diff_id, bytes, sizeof(bytes));
    for (unsigned i = 0; i < LAYER_LINK_SIZE; i++) {
        unsigned bit = i * 5;
        unsigned two = (unsigned)bytes[bit / 8] << 8 | bytes[bit / 8 + 1];

        ret[i] = digits[two >> (11 - bit % 8) & 31];
    }
    ret[LAYER_LINK_SIZE] = '\0';
}

static bool is_pinned(const struct image_store *store, enum stored_kind kind, const char *hex)
{
    for (const struct image_batch *batch = store->batches; batch != NULL; batch = batch->next) {
        for (const struct staged *pin = batch->pins; pin != NULL; pin = pin->next) {
            if (pin->kind == kind && strcmp(pin->hex, hex) == 0)
                return true;
        }
    }
    return false;
}

/* Out of sight at once, by a rename; the rest takes longer and may be cut short. */
static int drop_layer(struct image_store *store, const char *hex, struct error *err)
{
    autofree char *name = mem_text("layers/%s", hex);
    autofree char *gone = mem_text("staging/gone-%s", hex);
    autofree char *link_name = NULL;
    char link[LAYER_LINK_SIZE + 1];

    layer_link_write(hex, link);
    link_name = mem_text("l/%s", link);
    (void)unlinkat(store->fd, link_name, 0);
    if (renameat(store->fd, name, store->fd, gone) < 0)
        return error_set_errno(err, "drop layer %s", hex);
    return 0;
}

static int drop(struct image_store *store, enum stored_kind kind, const char *hex,
                struct error *err)
{
    autofree char *name = image_store_name(kind, hex);

    if (kind == STORED_LAYER)
        return drop_layer(store, hex, err);
    if (unlinkat(store->fd, name, 0) < 0 && errno != ENOENT)
        return error_set_errno(err, "drop blob %s", hex);
    return 0;
}

struct collection {
    struct image_store *store;
    bool (*is_used)(const void *owner, enum stored_kind kind, const char *hex);
    const void *owner;
};

static int collect(const struct collection *collection, enum stored_kind kind, struct error *err)
{
    struct image_store *store = collection->store;
    int fd = openat(store->fd, stored_directory[kind], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    int r = 0;

    if (directory == NULL) {
        r = error_set_errno(err, "%s/%s", store->path, stored_directory[kind]);
        if (fd >= 0)
            (void)close(fd);
        return r;
    }
    while (r == 0 && (entry = readdir(directory)) != NULL) {
        if (!container_id_is_valid(entry->d_name) || is_pinned(store, kind, entry->d_name) ||
            collection->is_used(collection->owner, kind, entry->d_name))
            continue;
        r = drop(store, kind, entry->d_name, err);
    }
    (void)closedir(directory);
    return r;
}

/* Whole directories are taken away without the lock. A crash leaves them to the next opening. */
static int remove_gone(struct image_store *store, struct error *err)
{
    int fd = openat(store->fd, "staging", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    int r = 0;

    if (directory == NULL) {
        r = error_set_errno(err, "%s/staging", store->path);
        if (fd >= 0)
            (void)close(fd);
        return r;
    }
    while (r == 0 && (entry = readdir(directory)) != NULL) {
        if (strncmp(entry->d_name, "gone-", strlen("gone-")) == 0)
            r = files_remove_tree(fd, entry->d_name, err);
    }
    (void)closedir(directory);
    return r;
}

int image_store_collect(struct image_store *store,
                        bool (*is_used)(const void *owner, enum stored_kind kind, const char *hex),
                        const void *owner, struct error *err)
{
    const struct collection collection = { store, is_used, owner };
    int r;

    image_store_lock(store);
    r = collect(&collection, STORED_LAYER, err);
    if (r == 0)
        r = collect(&collection, STORED_BLOB, err);
    image_store_unlock(store);
    return r < 0 ? r : remove_gone(store, err);
}
