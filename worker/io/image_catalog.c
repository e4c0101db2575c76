/* Which images there are; see the header. */
#include "worker/io/image_catalog.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/id.h"
#include "common/image_name.h"
#include "common/io/files.h"
#include "common/io/log.h"
#include "common/mem.h"
#include "worker/io/image_record.h"
#include "worker/io/images.h"

#define RECORD_SUFFIX   ".json"
#define RECORD_SIZE_MAX IMAGE_DOCUMENT_MAX
#define RECORD_MODE     0600

struct record {
    struct arena arena; /* of `image` */
    struct image_info image;
    uint64_t serial;
};

struct image_catalog {
    struct image_store *store;
    int fd;                  /* images/ */
    struct record **records; /* in the order of ids */
    size_t count;
    uint64_t serial; /* the highest one */
    bool is_whole;
};

static void record_destroy(struct record *record)
{
    if (record == NULL)
        return;
    arena_done(&record->arena);
    free(record);
}
DEFINE_AUTODESTROY(record)

static struct record *find_record(const struct image_catalog *catalog, const char *id)
{
    for (size_t i = 0; i < catalog->count; i++) {
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): records are there when counted */
        if (strcmp(catalog->records[i]->image.id, id) == 0)
            return catalog->records[i];
    }
    return NULL;
}

bool image_catalog_has(const struct image_catalog *catalog, const char *id)
{
    return find_record(catalog, id) != NULL;
}

static void insert(struct image_catalog *catalog, struct record *record)
{
    size_t at = 0;

    while (at < catalog->count && strcmp(catalog->records[at]->image.id, record->image.id) < 0)
        at++;
    catalog->records =
        mem_resized(catalog->records, (catalog->count + 1) * sizeof(*catalog->records));
    memmove(catalog->records + at + 1, catalog->records + at,
            (catalog->count - at) * sizeof(*catalog->records));
    catalog->records[at] = record;
    catalog->count++;
}

static void take_out(struct image_catalog *catalog, struct record *record)
{
    size_t at = 0;

    while (catalog->records[at] != record)
        at++;
    catalog->count--;
    memmove(catalog->records + at, catalog->records + at + 1,
            (catalog->count - at) * sizeof(*catalog->records));
    record_destroy(record);
}

static void drop_name(struct text_list *names, const char *name)
{
    size_t kept = 0;

    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->items[i], name) != 0)
            names->items[kept++] = names->items[i];
    }
    names->count = kept;
}

/* Keeps the order. The texts are the arena's. */
static void add_name(struct arena *arena, struct text_list *names, const char *name)
{
    char **items = arena_zeroed(arena, (names->count + 1) * sizeof(*items));
    size_t at = 0;

    while (at < names->count && strcmp(names->items[at], name) < 0)
        at++;
    for (size_t i = 0; i < names->count; i++)
        items[i + (i >= at)] = names->items[i];
    items[at] = arena_text(arena, name);
    names->items = items;
    names->count++;
}

static struct record *find_named(const struct image_catalog *catalog, const char *name)
{
    for (size_t i = 0; i < catalog->count; i++) {
        if (text_list_has(&catalog->records[i]->image.names, name))
            return catalog->records[i];
    }
    return NULL;
}

/* Of two that have a name, the one that was written last keeps it. */
static void settle_names(const struct image_catalog *catalog, struct record *record)
{
    for (size_t i = record->image.names.count; i-- > 0;) {
        char *name = record->image.names.items[i];
        struct record *other = find_named(catalog, name);

        if (other != NULL)
            drop_name(&(other->serial < record->serial ? other : record)->image.names, name);
    }
}

static int read_record(struct image_catalog *catalog, const char *file, struct error *err)
{
    autodestroy(record) struct record *record = mem_new(struct record);
    autofree char *text = NULL;
    autofree char *wanted = NULL;
    size_t size;
    int r = files_read(catalog->fd, file, RECORD_SIZE_MAX, &text, &size, err);

    if (r == 0)
        r = image_record_read((struct bytes){ (uint8_t *)text, size }, &record->arena,
                              &record->image, &record->serial, err);
    if (r < 0)
        return r;
    wanted = mem_text("%s" RECORD_SUFFIX, record->image.id);
    if (strcmp(wanted, file) != 0)
        return error_set(err, -EBADMSG, "it is about another image, %s", record->image.id);
    settle_names(catalog, record);
    if (record->serial > catalog->serial)
        catalog->serial = record->serial;
    insert(catalog, steal_ptr(record));
    return 0;
}

/* What a writer that was killed has left: ".NAME.new". The store is ours, so nobody writes it. */
static void drop_unfinished(const struct image_catalog *catalog, const char *name)
{
    if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
        (void)unlinkat(catalog->fd, name, 0);
}

static int read_records(struct image_catalog *catalog, struct error *err)
{
    DIR *directory = fdopendir(dup(catalog->fd));
    const struct dirent *entry;

    if (directory == NULL)
        return error_set_errno(err, "%s/images", image_store_path(catalog->store));
    while ((entry = readdir(directory)) != NULL) {
        struct error why = { 0 };

        if (entry->d_name[0] == '.') {
            drop_unfinished(catalog, entry->d_name);
            continue;
        }
        if (read_record(catalog, entry->d_name, &why) < 0) {
            log_warning("image.unreadable", "record=%s error=%s", LOG_TEXT(entry->d_name),
                        LOG_TEXT(why.text));
            catalog->is_whole = false;
        }
    }
    (void)closedir(directory);
    return 0;
}

int image_catalog_open(struct image_store *store, struct image_catalog **ret, struct error *err)
{
    struct image_catalog *catalog = mem_new(struct image_catalog);
    int r;

    catalog->store = store;
    catalog->is_whole = true;
    catalog->fd = openat(image_store_fd(store), "images", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    r = catalog->fd < 0 ? error_set_errno(err, "%s/images", image_store_path(store))
                        : read_records(catalog, err);
    if (r < 0)
        image_catalog_close(catalog);
    else
        *ret = catalog;
    return r;
}

void image_catalog_close(struct image_catalog *catalog)
{
    if (catalog == NULL)
        return;
    for (size_t i = 0; i < catalog->count; i++)
        record_destroy(catalog->records[i]);
    free(catalog->records);
    if (catalog->fd >= 0)
        (void)close(catalog->fd);
    free(catalog);
}

bool image_catalog_is_whole(const struct image_catalog *catalog)
{
    return catalog->is_whole;
}

size_t image_catalog_count(const struct image_catalog *catalog)
{
    return catalog->count;
}

const struct image_info *image_catalog_at(const struct image_catalog *catalog, size_t index)
{
    return &catalog->records[index]->image;
}

/* Its text as it is to be, in the place of the record that there is (NULL: none): on the disk
 * first, then in memory, which a failure leaves as it was. */
static int write_record(struct image_catalog *catalog, struct record *old,
                        const struct image_info *image, struct error *err)
{
    autodestroy(record) struct record *record = mem_new(struct record);
    autofree char *text = image_record_write(image, catalog->serial + 1);
    autofree char *file = mem_text("%s" RECORD_SUFFIX, image->id);
    int r = image_record_read(bytes_of_text(text), &record->arena, &record->image, &record->serial,
                              err);

    if (r == 0)
        r = files_replace(catalog->fd, file, bytes_of_text(text), RECORD_MODE, 1, err);
    if (r < 0)
        return error_add_context(err, r, "record of image %s", image->id);
    catalog->serial = record->serial;
    if (old != NULL)
        take_out(catalog, old);
    insert(catalog, steal_ptr(record));
    return 0;
}

/* The name is `id`'s by now: whoever else has it loses it. */
static int take_name(struct image_catalog *catalog, const char *id, const char *name,
                     struct error *err)
{
    for (size_t i = 0; i < catalog->count; i++) {
        const struct image_info *image = &catalog->records[i]->image;

        if (strcmp(image->id, id) != 0 && text_list_has(&image->names, name))
            return image_catalog_untag(catalog, image->id, name, err);
    }
    return 0;
}

int image_catalog_put(struct image_catalog *catalog, const struct image_info *image,
                      struct error *err)
{
    autoarena arena = { 0 };
    struct image_info merged = *image;
    struct record *old = find_record(catalog, image->id);
    int r;

    merged.names = (struct text_list){ 0 };
    for (size_t i = 0; i < image->names.count; i++) {
        if (!text_list_has(&merged.names, image->names.items[i]))
            add_name(&arena, &merged.names, image->names.items[i]);
    }
    for (size_t i = 0; old != NULL && i < old->image.names.count; i++) {
        if (!text_list_has(&merged.names, old->image.names.items[i]))
            add_name(&arena, &merged.names, old->image.names.items[i]);
    }
    r = write_record(catalog, old, &merged, err);
    for (size_t i = 0; r == 0 && i < image->names.count; i++)
        r = take_name(catalog, image->id, image->names.items[i], err);
    return r;
}

int image_catalog_tag(struct image_catalog *catalog, const char *id, const char *name,
                      struct error *err)
{
    autoarena arena = { 0 };
    struct record *record = find_record(catalog, id);
    struct image_info image;
    char *names[] = { arena_text(&arena, name) };

    if (record == NULL)
        return error_set(err, -ENOENT, "no image has the id %s", id);
    if (record->image.names.count >= IMAGE_NAMES_MAX)
        return error_set(err, -E2BIG, "image %s has %d names already", id, IMAGE_NAMES_MAX);
    image = record->image;
    image.id = arena_text(&arena, id); /* it outlives the record */
    image.names = (struct text_list){ .items = names, .count = 1 };
    return image_catalog_put(catalog, &image, err);
}

int image_catalog_untag(struct image_catalog *catalog, const char *id, const char *name,
                        struct error *err)
{
    autoarena arena = { 0 };
    struct record *record = find_record(catalog, id);
    struct image_info image;

    if (record == NULL || !text_list_has(&record->image.names, name))
        return error_set(err, -ENOENT, "no image is called %.200s", name);
    image = record->image;
    image.names = (struct text_list){ 0 };
    for (size_t i = 0; i < record->image.names.count; i++) {
        if (strcmp(record->image.names.items[i], name) != 0)
            add_name(&arena, &image.names, record->image.names.items[i]);
    }
    return write_record(catalog, record, &image, err);
}

int image_catalog_remove(struct image_catalog *catalog, const char *id, struct error *err)
{
    struct record *record = find_record(catalog, id);
    autofree char *file = mem_text("%s" RECORD_SUFFIX, id);

    if (record == NULL)
        return error_set(err, -ENOENT, "no image has the id %s", id);
    if (unlinkat(catalog->fd, file, 0) < 0 || fsync(catalog->fd) < 0)
        return error_set_errno(err, "remove record of image %s", id);
    take_out(catalog, record);
    return 0;
}

bool image_catalog_uses(const struct image_catalog *catalog, enum stored_kind kind, const char *hex)
{
    for (size_t i = 0; i < catalog->count; i++) {
        const struct image_info *image = &catalog->records[i]->image;
        const struct stored_layer *layers = image->layers.items;

        if (kind == STORED_BLOB && (strcmp(image->id, hex) == 0 || strcmp(image->digest, hex) == 0))
            return true;
        for (size_t j = 0; j < image->layers.count; j++) {
            const char *used = kind == STORED_BLOB ? layers[j].blob : layers[j].diff_id;

            if (strcmp(used, hex) == 0)
                return true;
        }
    }
    return false;
}

/* One of several is no answer. */
static int take_found(const struct record **found, const struct record *record, const char *image,
                      struct error *err)
{
    if (*found != NULL && *found != record)
        return error_set(err, -EEXIST, "\"%.200s\" could be image %.12s or %.12s: say more of it",
                         image, (*found)->image.id, record->image.id);
    *found = record;
    return 0;
}

static const struct record *find_digest(const struct image_catalog *catalog, const char *hex)
{
    const struct record *record = find_record(catalog, hex);

    for (size_t i = 0; i < catalog->count && record == NULL; i++) {
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): records are there when counted */
        if (strcmp(catalog->records[i]->image.digest, hex) == 0)
            record = catalog->records[i];
    }
    return record;
}

/* NAME@sha256:DIGEST: the image must also be called so, with any tag. */
static bool is_called(const struct image_info *image, const struct image_name *name,
                      const char *domain)
{
    autoarena arena = { 0 };
    struct image_name bare = { .domain = name->domain, .path = name->path, .tag = name->tag };
    char *full = image_name_full(&bare, domain, &arena);
    size_t size = name->tag == NULL ? (size_t)(strrchr(full, ':') - full) : strlen(full);

    for (size_t i = 0; i < image->names.count; i++) {
        const char *rest = image->names.items[i] + size;

        if (strncmp(image->names.items[i], full, size) == 0 &&
            (rest[0] == '\0' || rest[0] == ':' || rest[0] == '@'))
            return true;
    }
    return false;
}

static const struct record *find_in_domain(const struct image_catalog *catalog,
                                           const struct image_name *name, const char *domain)
{
    autoarena arena = { 0 };
    const struct record *record = find_named(catalog, image_name_full(name, domain, &arena));

    if (record != NULL || name->digest == NULL)
        return record;
    record = find_digest(catalog, name->digest);
    return record != NULL && is_called(&record->image, name, domain) ? record : NULL;
}

static int find_by_name(const struct image_catalog *catalog, const char *image,
                        const struct record **ret, struct error *err)
{
    autoarena arena = { 0 };
    struct image_name name;
    int r = 0;

    if (image_name_parse(image, &arena, &name, NULL) < 0)
        return 0;
    *ret = find_in_domain(catalog, &name, "localhost");
    if (*ret == NULL)
        *ret = find_in_domain(catalog, &name, "docker.io");
    if (*ret != NULL || name.domain != NULL)
        return 0;
    for (size_t i = 0; i < catalog->count && r == 0; i++) {
        const struct record *record = catalog->records[i];

        for (size_t j = 0; j < record->image.names.count && r == 0; j++) {
            if (image_name_ends_like(record->image.names.items[j], &name))
                r = take_found(ret, record, image, err);
        }
    }
    return r;
}

static int find_by_prefix(const struct image_catalog *catalog, const char *image,
                          const struct record **ret, struct error *err)
{
    size_t size = strlen(image);
    int r = 0;

    for (size_t i = 0; i < catalog->count && size > 0 && r == 0; i++) {
        if (strncmp(catalog->records[i]->image.id, image, size) == 0)
            r = take_found(ret, catalog->records[i], image, err);
    }
    return r;
}

int image_catalog_find(const struct image_catalog *catalog, const char *image,
                       const struct image_info **ret, struct error *err)
{
    static const char prefix[] = "sha256:";
    const char *bare = strncmp(image, prefix, strlen(prefix)) == 0 ? image + strlen(prefix) : image;
    const struct record *found = NULL;
    int r = 0;

    if (container_id_is_valid(bare))
        found = find_digest(catalog, bare);
    if (found == NULL && bare == image)
        r = find_by_name(catalog, image, &found, err);
    if (r == 0 && found == NULL)
        r = find_by_prefix(catalog, bare, &found, err);
    if (r < 0)
        return r;
    if (found == NULL)
        return error_set(err, -ENOENT, "no image \"%.200s\" is here", image);
    *ret = &found->image;
    return 0;
}

const char *image_catalog_name_of(const struct image_info *image, const char *name)
{
    autoarena arena = { 0 };
    struct image_name parsed;

    if (image_name_parse(name, &arena, &parsed, NULL) < 0)
        return NULL;
    for (size_t i = 0; i < image->names.count; i++) {
        const char *full = image->names.items[i];

        if (strcmp(full, image_name_full(&parsed, "localhost", &arena)) == 0 ||
            strcmp(full, image_name_full(&parsed, "docker.io", &arena)) == 0 ||
            image_name_ends_like(full, &parsed))
            return full;
    }
    return NULL;
}
