/* What records about images and volumes are about; see the header. */
#include "ops/console/record_stock.h"

#include <string.h>

#include "schemas/codec.h"
#include "schemas/images.h"
#include "schemas/volumes.h"

typedef void describe_fn(const void *body, struct record_stock *ret);

static const char *first_of(const struct text_list *names)
{
    return names->count > 0 ? names->items[0] : NULL;
}

static void describe_added(const void *body, struct record_stock *ret)
{
    const struct image_added *added = body;

    ret->id = added->image->id;
    ret->name = first_of(&added->image->names);
}

static void describe_tagged(const void *body, struct record_stock *ret)
{
    const struct image_tagged *tagged = body;

    ret->id = tagged->id;
    ret->name = first_of(&tagged->names);
}

static void describe_removed(const void *body, struct record_stock *ret)
{
    ret->id = ((const struct image_removed *)body)->id;
}

static void describe_pull(const void *body, struct record_stock *ret)
{
    ret->name = ((const struct image_pull *)body)->reference;
}

static void describe_import(const void *body, struct record_stock *ret)
{
    ret->name = ((const struct image_import *)body)->reference;
}

static void describe_tag(const void *body, struct record_stock *ret)
{
    ret->name = ((const struct image_tag *)body)->image;
}

static void describe_remove(const void *body, struct record_stock *ret)
{
    ret->name = ((const struct image_remove *)body)->image;
}

static void describe_volume_create(const void *body, struct record_stock *ret)
{
    ret->id = ((const struct volume_create *)body)->volume->name;
}

static void describe_volume_created(const void *body, struct record_stock *ret)
{
    ret->id = ((const struct volume_created *)body)->volume->name;
}

static void describe_volume_remove(const void *body, struct record_stock *ret)
{
    ret->id = ((const struct volume_remove *)body)->name;
}

static void describe_volume_removed(const void *body, struct record_stock *ret)
{
    ret->id = ((const struct volume_removed *)body)->name;
}

static const struct {
    const struct schema *schema;
    describe_fn *describe;
} kinds[] = {
    { &image_added_schema, describe_added },
    { &image_tagged_schema, describe_tagged },
    { &image_removed_schema, describe_removed },
    { &image_pull_schema, describe_pull },
    { &image_import_schema, describe_import },
    { &image_tag_schema, describe_tag },
    { &image_untag_schema, describe_tag },
    { &image_remove_schema, describe_remove },
    { &volume_create_schema, describe_volume_create },
    { &volume_created_schema, describe_volume_created },
    { &volume_remove_schema, describe_volume_remove },
    { &volume_removed_schema, describe_volume_removed },
};

struct record_stock record_stock_of(const struct record *record, struct arena *arena)
{
    struct record_stock stock = { 0 };

    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        void *body;

        if (strcmp(kinds[i].schema->name, record->type) != 0)
            continue;
        body = arena_zeroed(arena, kinds[i].schema->size);
        if (schema_decode(kinds[i].schema, record->body.bytes, body, arena, NULL) == 0)
            kinds[i].describe(body, &stock);
    }
    return stock;
}
