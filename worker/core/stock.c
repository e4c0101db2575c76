/* Images and volumes of this host; see the header. */
#include "worker/core/stock.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/image_name.h"
#include "common/mem.h"
#include "schemas/codec.h"
#include "worker/core/ledger.h"

#define ID_DIGITS_MIN 3 /* of the beginning of an id */

static void drop_image(struct stock *stock, struct stock_image *image)
{
    HASH_DEL(stock->images, image);
    arena_done(&image->arena);
    free(image);
}

static void drop_volume(struct stock *stock, struct stock_volume *volume)
{
    HASH_DEL(stock->volumes, volume);
    arena_done(&volume->arena);
    free(volume);
}

void stock_done(struct stock *stock)
{
    /* NOLINTBEGIN(clang-analyzer-unix.Malloc): it misreads uthash */
    while (stock->images != NULL)
        drop_image(stock, stock->images);
    while (stock->volumes != NULL)
        drop_volume(stock, stock->volumes);
    /* NOLINTEND(clang-analyzer-unix.Malloc) */
}

int stock_load_image(struct stock *stock, struct bytes value, struct error *err)
{
    struct stock_image *image = mem_new(struct stock_image);
    int r = schema_decode(&image_row_schema, value, &image->row, &image->arena, err);

    if (r == 0 && stock_image_of_id(stock, image->row.image->id) != NULL)
        r = error_set(err, -EBADMSG, "image %s is there twice", image->row.image->id);
    if (r < 0) {
        arena_done(&image->arena);
        free(image);
        return error_add_context(err, r, "row of an image");
    }
    HASH_ADD_KEYPTR(hh, stock->images, image->row.image->id, strlen(image->row.image->id), image);
    return 0;
}

int stock_load_volume(struct stock *stock, struct bytes value, struct error *err)
{
    struct stock_volume *volume = mem_new(struct stock_volume);
    int r = schema_decode(&volume_row_schema, value, &volume->row, &volume->arena, err);

    if (r == 0 && stock_volume_of_name(stock, volume->row.volume->name) != NULL)
        r = error_set(err, -EBADMSG, "volume %s is there twice", volume->row.volume->name);
    if (r < 0) {
        arena_done(&volume->arena);
        free(volume);
        return error_add_context(err, r, "row of a volume");
    }
    HASH_ADD_KEYPTR(hh, stock->volumes, volume->row.volume->name, strlen(volume->row.volume->name),
                    volume);
    return 0;
}

struct stock_image *stock_image_of_id(const struct stock *stock, const char *id)
{
    struct stock_image *image = NULL;

    if (id != NULL)
        HASH_FIND(hh, stock->images, id, strlen(id), image);
    return image;
}

struct stock_volume *stock_volume_of_name(const struct stock *stock, const char *name)
{
    struct stock_volume *volume = NULL;

    HASH_FIND(hh, stock->volumes, name, strlen(name), volume);
    return volume;
}

static struct stock_image *image_of_name(const struct stock *stock, const char *name)
{
    for (struct stock_image *image = stock->images; image != NULL; image = image->hh.next) {
        if (text_list_has(&image->row.image->names, name))
            return image;
    }
    return NULL;
}

static bool is_of_digest(const struct image *image, const char *digest)
{
    return image->digest != NULL && digest != NULL && strcmp(image->digest, digest) == 0;
}

/* By the beginning of its id or by its digest; `ret_count` says how many fit. */
static struct stock_image *image_of_id(const struct stock *stock, const char *text,
                                       unsigned *ret_count)
{
    static const char prefix[] = "sha256:";
    bool has_prefix = strncmp(text, prefix, strlen(prefix)) == 0;
    const char *digits = has_prefix ? text + strlen(prefix) : text;
    size_t size = strlen(digits);
    struct stock_image *found = NULL;

    *ret_count = 0;
    if (size < ID_DIGITS_MIN || strspn(digits, "0123456789abcdef") != size)
        return NULL;
    for (struct stock_image *image = stock->images; image != NULL; image = image->hh.next) {
        if (strncmp(image->row.image->id, digits, size) != 0 &&
            !(has_prefix && is_of_digest(image->row.image, text)))
            continue;
        found = image;
        ++*ret_count;
    }
    return found;
}

/* "name@sha256:...": the manifest is what counts. */
static struct stock_image *image_of_digest(const struct stock *stock, const char *text)
{
    const char *at = strchr(text, '@');

    for (struct stock_image *image = stock->images; at != NULL && image != NULL;
         image = image->hh.next) {
        if (is_of_digest(image->row.image, at + 1))
            return image;
    }
    return NULL;
}

enum failure stock_find_image(const struct ledger *ledger, const char *text,
                              struct stock_image **ret, struct refusal *why)
{
    autoarena arena = { 0 };
    const struct stock *stock = &ledger->stock;
    struct stock_image *image = image_of_name(stock, image_name_local(text, &arena));
    unsigned count = 1;

    if (image == NULL)
        image = image_of_name(stock, image_name_registry(text, &arena));
    if (image == NULL)
        image = image_of_digest(stock, text);
    if (image == NULL)
        image = image_of_id(stock, text, &count);
    if (image != NULL && count > 1)
        return refuse(why, FAILURE_INVALID_ARGUMENT,
                      "%u images of host %s have ids that begin with %s: give more digits", count,
                      ledger->host, text);
    if (image == NULL)
        return refuse(why, FAILURE_NO_IMAGE,
                      "host %s has no image %s: pull, load or import it there first", ledger->host,
                      text);
    if (image->is_going)
        return refuse(why, FAILURE_NO_IMAGE, "image %s of host %s is being removed", text,
                      ledger->host);
    *ret = image;
    return FAILURE_NONE;
}

static void save_image(struct ledger *ledger, struct stock_image *image)
{
    struct buffer encoded = { 0 };

    image->row.pos = ledger->last_seq;
    schema_encode(&image_row_schema, &image->row, &encoded);
    batch_add_change(ledger->batch, &(struct change){ .kind = CHANGE_IMAGE,
                                                      .id = image->row.image->id,
                                                      .value = buffer_bytes(&encoded) });
    buffer_done(&encoded);
}

static void say(struct ledger *ledger, const char *type, struct command_id cause, const void *body)
{
    struct record record = { .type = arena_text(&ledger->batch->arena, type), .cause = cause };

    ledger_append(ledger, &record, body);
}

/* A copy that lives as long as the image. */
static struct text_list copy_names(const struct text_list *names, struct arena *arena)
{
    struct text_list copy = { .items = arena_zeroed(arena, names->count * sizeof(char *)),
                              .count = names->count };

    for (size_t i = 0; i < names->count; i++)
        copy.items[i] = arena_text(arena, names->items[i]);
    return copy;
}

static void change_names(struct ledger *ledger, struct stock_image *image,
                         const struct text_list *names, struct command_id cause)
{
    struct image_tagged tagged = { .id = image->row.image->id, .names = *names };

    say(ledger, image_tagged_schema.name, cause, &tagged);
    image->row.image->names = copy_names(names, &image->arena);
    save_image(ledger, image);
}

/* Those of its names that `taken` does not have. */
static struct text_list names_without(const struct text_list *names, const struct text_list *taken,
                                      struct arena *arena)
{
    struct text_list rest = { .items = arena_zeroed(arena, names->count * sizeof(char *)) };

    for (size_t i = 0; i < names->count; i++) {
        if (!text_list_has(taken, names->items[i]))
            rest.items[rest.count++] = names->items[i];
    }
    return rest;
}

/* What other images were called so is called so no more. */
static void take_names(struct ledger *ledger, const char *id, const struct text_list *names,
                       struct command_id cause)
{
    autoarena arena = { 0 };

    for (struct stock_image *other = ledger->stock.images; other != NULL; other = other->hh.next) {
        struct text_list rest = names_without(&other->row.image->names, names, &arena);

        if (strcmp(other->row.image->id, id) != 0 && rest.count != other->row.image->names.count)
            change_names(ledger, other, &rest, cause);
    }
}

void stock_set_names(struct ledger *ledger, struct stock_image *image,
                     const struct text_list *names, struct command_id cause)
{
    take_names(ledger, image->row.image->id, names, cause);
    change_names(ledger, image, names, cause);
}

/* It is here already: the names that come with it are all that is new. */
static void add_names(struct ledger *ledger, struct stock_image *image,
                      const struct text_list *names, struct command_id cause)
{
    autoarena arena = { 0 };
    struct text_list fresh = names_without(names, &image->row.image->names, &arena);
    struct text_list all = { .items = arena_zeroed(&arena,
                                                   (image->row.image->names.count + fresh.count) *
                                                       sizeof(char *)) };

    if (fresh.count == 0)
        return;
    for (size_t i = 0; i < image->row.image->names.count; i++)
        all.items[all.count++] = image->row.image->names.items[i];
    for (size_t i = 0; i < fresh.count; i++)
        all.items[all.count++] = fresh.items[i];
    stock_set_names(ledger, image, &all, cause);
}

/* Keep a copy of the row, made by its bytes. */
static struct stock_image *keep_image(struct ledger *ledger, const struct image_row *row)
{
    struct buffer encoded = { 0 };
    int r;

    schema_encode(&image_row_schema, row, &encoded);
    r = stock_load_image(&ledger->stock, buffer_bytes(&encoded), NULL);
    assert(r == 0);
    (void)r;
    buffer_done(&encoded);
    return stock_image_of_id(&ledger->stock, row->image->id);
}

void stock_add_image(struct ledger *ledger, const struct image *image, struct command_id cause)
{
    struct stock_image *known = stock_image_of_id(&ledger->stock, image->id);
    struct image copy = *image;
    struct image_added added = { .image = &copy };
    struct image_row row = { .host = ledger->host, .added = ledger->now.wall_ns, .image = &copy };

    if (known != NULL) {
        add_names(ledger, known, &image->names, cause);
        return;
    }
    take_names(ledger, image->id, &image->names, cause);
    say(ledger, image_added_schema.name, cause, &added);
    save_image(ledger, keep_image(ledger, &row));
}

void stock_drop_image(struct ledger *ledger, struct stock_image *image, struct command_id cause)
{
    struct image_removed removed = { .id = image->row.image->id };

    say(ledger, image_removed_schema.name, cause, &removed);
    batch_add_change(
        ledger->batch,
        &(struct change){ .kind = CHANGE_IMAGE, .id = image->row.image->id, .is_removal = true });
    drop_image(&ledger->stock, image);
}

void stock_add_volume(struct ledger *ledger, const struct volume *volume, struct command_id cause)
{
    struct volume copy = *volume;
    struct volume_created created = { .volume = &copy };
    struct volume_row row = { .host = ledger->host,
                              .created = ledger->now.wall_ns,
                              .volume = &copy };
    struct buffer encoded = { 0 };
    int r;

    say(ledger, volume_created_schema.name, cause, &created);
    row.pos = ledger->last_seq;
    schema_encode(&volume_row_schema, &row, &encoded);
    r = stock_load_volume(&ledger->stock, buffer_bytes(&encoded), NULL);
    assert(r == 0);
    (void)r;
    batch_add_change(ledger->batch, &(struct change){ .kind = CHANGE_VOLUME,
                                                      .id = volume->name,
                                                      .value = buffer_bytes(&encoded) });
    buffer_done(&encoded);
}

void stock_drop_volume(struct ledger *ledger, struct stock_volume *volume, struct command_id cause)
{
    struct volume_removed removed = { .name = volume->row.volume->name };

    say(ledger, volume_removed_schema.name, cause, &removed);
    batch_add_change(ledger->batch, &(struct change){ .kind = CHANGE_VOLUME,
                                                      .id = volume->row.volume->name,
                                                      .is_removal = true });
    drop_volume(&ledger->stock, volume);
}
