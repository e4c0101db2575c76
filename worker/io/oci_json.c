/* Reading and writing the JSON of OCI's documents; see the header. */
#include "worker/io/oci_json.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/digest.h"
#include "common/mem.h"
#include "worker/io/images.h"

int oci_reader_init(struct oci_reader *reader, const char *document, struct bytes text,
                    struct arena *arena, struct error *err)
{
    json_error_t why;

    *reader = (struct oci_reader){ .document = document, .arena = arena };
    if (text.size > IMAGE_DOCUMENT_MAX)
        return error_set(err, -EFBIG, "%s: more than %lu bytes", document, IMAGE_DOCUMENT_MAX);
    reader->root = json_loadb((const char *)text.data, text.size, 0, &why);
    if (reader->root == NULL)
        return error_set(err, -EBADMSG, "%s: line %d: %.200s", document, why.line, why.text);
    return 0;
}

void oci_reader_done(struct oci_reader *reader)
{
    json_decref(reader->root);
}

int oci_reader_result(const struct oci_reader *reader, struct error *err)
{
    if (reader->failure.code == 0)
        return 0;
    return error_set(err, reader->failure.code, "%s", reader->failure.text);
}

void oci_reader_fail(struct oci_reader *reader, const char *key, const char *wanted)
{
    if (reader->failure.code == 0)
        (void)error_set(&reader->failure, -EBADMSG, "%s: \"%s\" is not %s", reader->document, key,
                        wanted);
}

static const json_t *get(struct oci_reader *reader, const json_t *object, const char *key,
                         json_type type, const char *wanted)
{
    const json_t *value = json_object_get(object, key);

    if (value == NULL || json_is_null(value))
        return NULL;
    if (json_typeof(value) == type)
        return value;
    oci_reader_fail(reader, key, wanted);
    return NULL;
}

const json_t *oci_object(struct oci_reader *reader, const json_t *object, const char *key)
{
    return get(reader, object, key, JSON_OBJECT, "an object");
}

const json_t *oci_array(struct oci_reader *reader, const json_t *object, const char *key)
{
    return get(reader, object, key, JSON_ARRAY, "a list");
}

char *oci_text(struct oci_reader *reader, const json_t *object, const char *key)
{
    const json_t *value = get(reader, object, key, JSON_STRING, "a text");

    if (value == NULL || json_string_length(value) == 0)
        return NULL;
    return arena_text(reader->arena, json_string_value(value));
}

uint64_t oci_number(struct oci_reader *reader, const json_t *object, const char *key)
{
    const json_t *value = get(reader, object, key, JSON_INTEGER, "a number");

    if (value == NULL)
        return 0;
    if (json_integer_value(value) >= 0)
        return (uint64_t)json_integer_value(value);
    oci_reader_fail(reader, key, "a positive number");
    return 0;
}

bool oci_bool(struct oci_reader *reader, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    if (value != NULL && !json_is_null(value) && !json_is_boolean(value))
        oci_reader_fail(reader, key, "true or false");
    return json_is_true(value);
}

struct text_list oci_texts(struct oci_reader *reader, const json_t *object, const char *key)
{
    const json_t *array = oci_array(reader, object, key);
    struct text_list list = { .count = json_array_size(array) };

    if (list.count == 0)
        return list;
    list.items = arena_zeroed(reader->arena, list.count * sizeof(*list.items));
    for (size_t i = 0; i < list.count; i++) {
        const char *text = json_string_value(json_array_get(array, i));

        if (text == NULL)
            oci_reader_fail(reader, key, "a list of texts");
        list.items[i] = arena_text(reader->arena, text == NULL ? "" : text);
    }
    return list;
}

static int compare_pairs(const void *a, const void *b)
{
    const struct text_pair *left = a;
    const struct text_pair *right = b;

    return strcmp(left->key, right->key);
}

/* For jansson's walk over an object, which changes nothing but asks for what could be changed. */
static json_t *changeable(const json_t *object)
{
    return (json_t *)(uintptr_t)object; /* NOLINT(performance-no-int-to-ptr) */
}

struct text_map oci_text_map(struct oci_reader *reader, const json_t *object, const char *key)
{
    const json_t *found = oci_object(reader, object, key);
    struct text_map map = { 0 };
    const char *name;
    json_t *value;

    if (json_object_size(found) == 0)
        return map;
    map.items = arena_zeroed(reader->arena, json_object_size(found) * sizeof(*map.items));
    json_object_foreach(changeable(found), name, value)
    {
        if (!json_is_string(value))
            oci_reader_fail(reader, key, "a map of texts");
        map.items[map.count].key = arena_text(reader->arena, name);
        map.items[map.count++].value =
            arena_text(reader->arena, json_is_string(value) ? json_string_value(value) : "");
    }
    qsort(map.items, map.count, sizeof(*map.items), compare_pairs);
    return map;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

struct text_list oci_keys(struct oci_reader *reader, const json_t *object, const char *key)
{
    const json_t *found = oci_object(reader, object, key);
    struct text_list keys = { 0 };
    const char *name;
    json_t *value;

    if (json_object_size(found) == 0)
        return keys;
    keys.items = arena_zeroed(reader->arena, json_object_size(found) * sizeof(*keys.items));
    json_object_foreach(changeable(found), name, value) keys.items[keys.count++] =
        arena_text(reader->arena, name);
    qsort(keys.items, keys.count, sizeof(*keys.items), compare_texts);
    return keys;
}

char *oci_digest(struct oci_reader *reader, const json_t *object, const char *key)
{
    const char *hex = digest_hex(json_string_value(json_object_get(object, key)));

    if (hex == NULL)
        oci_reader_fail(reader, key, "a digest of the form sha256:<64 hexadecimal digits>");
    return arena_text(reader->arena, hex);
}

/* The document is ours: what goes into it is UTF-8, or was checked to be. */
static void set(json_t *object, const char *key, json_t *value)
{
    int r = json_object_set_new(object, key, value);

    assert(r == 0);
    (void)r;
}

static json_t *text_value(const char *text)
{
    json_t *value = json_string(text);

    return value != NULL ? value : json_string("");
}

void oci_set_text(json_t *object, const char *key, const char *text)
{
    if (text != NULL)
        set(object, key, text_value(text));
}

void oci_set_number(json_t *object, const char *key, uint64_t number)
{
    set(object, key, json_integer((json_int_t)number));
}

void oci_set_texts(json_t *object, const char *key, const struct text_list *texts)
{
    json_t *array;

    if (texts->count == 0)
        return;
    array = json_array();
    for (size_t i = 0; i < texts->count; i++)
        (void)json_array_append_new(array, text_value(texts->items[i]));
    set(object, key, array);
}

void oci_set_text_map(json_t *object, const char *key, const struct text_map *map)
{
    json_t *made;

    if (map->count == 0)
        return;
    made = json_object();
    for (size_t i = 0; i < map->count; i++)
        set(made, map->items[i].key, text_value(map->items[i].value));
    set(object, key, made);
}

void oci_set_keys(json_t *object, const char *key, const struct text_list *keys)
{
    json_t *made;

    if (keys->count == 0)
        return;
    made = json_object();
    for (size_t i = 0; i < keys->count; i++)
        set(made, keys->items[i], json_object());
    set(object, key, made);
}

void oci_set_digest(json_t *object, const char *key, const char *hex)
{
    autofree char *text = mem_text("sha256:%s", hex);

    oci_set_text(object, key, text);
}

char *oci_dump(json_t *object)
{
    char *text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);

    if (text == NULL)
        abort(); /* of memory, as in common/mem.h */
    json_decref(object);
    return text;
}
