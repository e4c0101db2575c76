/* Images and volumes in the fold; see the header. */
#include "common/fleet/storage.h"

#include <errno.h>
#include <string.h>

#include "common/fleet/body.h"
#include "common/fleet/hosts.h"
#include "common/fleet/view.h"
#include "schemas/codec.h"
#include "schemas/images.h"
#include "schemas/volumes.h"

/* The key of the row: "<host>/<what>". */
static int make_key(const struct record *record, const char *what, struct arena *arena,
                    struct bytes *ret, struct error *err)
{
    if (record->host == NULL || !name_is_valid(record->host))
        return error_set(err, -EPROTO, "%s without a host", record->type);
    if (what == NULL || !name_is_valid(what))
        return error_set(err, -EPROTO, "%s of '%s'", record->type, what == NULL ? "" : what);
    *ret = view_name_key(record->host, what, arena);
    return 0;
}

/* The row that the record is about must be there. */
static int get_row(const struct view *view, enum view_table table, const struct record *record,
                   struct bytes key, void *ret, struct arena *arena, struct error *err)
{
    int r = view_get_row(view, table, key, ret, arena, err);

    if (r != -ENOENT)
        return r;
    return error_set(err, -EPROTO, "%s of %.*s, which is not there", record->type, (int)key.size,
                     (const char *)key.data);
}

int storage_image_added(const struct view *view, const struct record *record, struct error *err)
{
    autoarena arena = { 0 };
    struct image_added added;
    struct image_row row;
    struct bytes key;
    int r;

    r = body_decode(&image_added_schema, record, &added, &arena, err);
    if (r == 0)
        r = make_key(record, added.image->id, &arena, &key, err);
    if (r < 0)
        return r;
    row = (struct image_row){
        .host = record->host,
        .added = record->happened,
        .image = added.image,
        .pos = record->pos,
    };
    return view_put_row(view, VIEW_IMAGES, key, &row, err);
}

int storage_image_tagged(const struct view *view, const struct record *record, struct error *err)
{
    autoarena arena = { 0 };
    struct image_tagged tagged;
    struct image_row row;
    struct bytes key;
    int r;

    r = body_decode(&image_tagged_schema, record, &tagged, &arena, err);
    if (r == 0)
        r = make_key(record, tagged.id, &arena, &key, err);
    if (r == 0)
        r = get_row(view, VIEW_IMAGES, record, key, &row, &arena, err);
    if (r < 0)
        return r;
    row.image->names = tagged.names;
    row.pos = record->pos;
    return view_put_row(view, VIEW_IMAGES, key, &row, err);
}

int storage_image_removed(const struct view *view, const struct record *record, struct error *err)
{
    autoarena arena = { 0 };
    struct image_removed removed;
    struct image_row row;
    struct bytes key;
    int r;

    r = body_decode(&image_removed_schema, record, &removed, &arena, err);
    if (r == 0)
        r = make_key(record, removed.id, &arena, &key, err);
    if (r == 0)
        r = get_row(view, VIEW_IMAGES, record, key, &row, &arena, err);
    return r < 0 ? r : view_remove(view, VIEW_IMAGES, key, err);
}

int storage_volume_created(const struct view *view, const struct record *record, struct error *err)
{
    autoarena arena = { 0 };
    struct volume_created created;
    struct volume_row row;
    struct bytes key;
    int r;

    r = body_decode(&volume_created_schema, record, &created, &arena, err);
    if (r == 0)
        r = make_key(record, created.volume->name, &arena, &key, err);
    if (r < 0)
        return r;
    row = (struct volume_row){
        .host = record->host,
        .created = record->happened,
        .volume = created.volume,
        .pos = record->pos,
    };
    return view_put_row(view, VIEW_VOLUMES, key, &row, err);
}

int storage_volume_removed(const struct view *view, const struct record *record, struct error *err)
{
    autoarena arena = { 0 };
    struct volume_removed removed;
    struct volume_row row;
    struct bytes key;
    int r;

    r = body_decode(&volume_removed_schema, record, &removed, &arena, err);
    if (r == 0)
        r = make_key(record, removed.name, &arena, &key, err);
    if (r == 0)
        r = get_row(view, VIEW_VOLUMES, record, key, &row, &arena, err);
    return r < 0 ? r : view_remove(view, VIEW_VOLUMES, key, err);
}

/* The row in the body, of `record`'s host. */
static int read_recovered(const struct view *view, const struct record *record,
                          const struct schema *schema, void *ret, struct arena *arena,
                          struct error *err)
{
    struct image_recovered recovered = { 0 }; /* both have the same shape */
    int r;

    r = hosts_count_recovered(view, record, err);
    if (r == 0)
        r = body_decode(&image_recovered_schema, record, &recovered, arena, err);
    if (r < 0)
        return r;
    if (schema_decode(schema, recovered.row.bytes, ret, arena, err) < 0)
        return error_add_context(err, -EPROTO, "row in %s", record->type);
    return 0;
}

static int check_recovered(const struct record *record, const char *host, struct error *err)
{
    if (record->host == NULL || strcmp(record->host, host) != 0)
        return error_set(err, -EPROTO, "%s holds a row of host %.255s", record->type, host);
    return 0;
}

int storage_image_recovered(const struct view *view, const struct record *record, struct error *err)
{
    autoarena arena = { 0 };
    struct image_row row;
    struct bytes key;
    int r;

    r = read_recovered(view, record, &image_row_schema, &row, &arena, err);
    if (r == 0)
        r = check_recovered(record, row.host, err);
    if (r == 0)
        r = make_key(record, row.image->id, &arena, &key, err);
    if (r < 0)
        return r;
    row.pos = record->pos;
    return view_put_row(view, VIEW_IMAGES, key, &row, err);
}

int storage_volume_recovered(const struct view *view, const struct record *record,
                             struct error *err)
{
    autoarena arena = { 0 };
    struct volume_row row;
    struct bytes key;
    int r;

    r = read_recovered(view, record, &volume_row_schema, &row, &arena, err);
    if (r == 0)
        r = check_recovered(record, row.host, err);
    if (r == 0)
        r = make_key(record, row.volume->name, &arena, &key, err);
    if (r < 0)
        return r;
    row.pos = record->pos;
    return view_put_row(view, VIEW_VOLUMES, key, &row, err);
}

static int drop_table(const struct view *view, enum view_table table, const char *host,
                      struct error *err)
{
    autoarena arena = { 0 };
    struct view_copy *copy = NULL;
    int r = view_collect(view, table, view_name_key(host, "", &arena), &arena, &copy, err);

    for (; r == 0 && copy != NULL; copy = copy->next)
        r = view_remove(view, table, copy->key, err);
    return r;
}

int storage_drop_host(const struct view *view, const char *host, struct error *err)
{
    int r = drop_table(view, VIEW_IMAGES, host, err);

    return r < 0 ? r : drop_table(view, VIEW_VOLUMES, host, err);
}
