/* What is to be shown, as a tree; see the header. */
#include "ops/console/tree.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "common/bytes.h"
#include "common/mem.h"

struct json_t *tree_object(void)
{
    return json_object();
}

struct json_t *tree_list(void)
{
    return json_array();
}

void tree_destroy(struct json_t *tree)
{
    json_decref(tree);
}

struct json_t *tree_ref(struct json_t *tree)
{
    return json_incref(tree);
}

/* Bytes that are no UTF-8 become question marks: what a host says must not hide a whole row. */
struct json_t *tree_of_text(const char *text)
{
    json_t *value = json_string(text != NULL ? text : "");
    autofree char *readable = NULL;

    if (value != NULL)
        return value;
    readable = mem_dup_text(text);
    for (char *at = readable; *at != '\0'; at++) {
        if ((unsigned char)*at >= 0x80)
            *at = '?';
    }
    return json_string(readable);
}

struct json_t *tree_of_number(int64_t number)
{
    return json_integer(number);
}

struct json_t *tree_of_bool(bool value)
{
    return json_boolean(value);
}

struct json_t *tree_of_null(void)
{
    return json_null();
}

void tree_set(struct json_t *object, const char *key, struct json_t *child)
{
    (void)json_object_set_new_nocheck(object, key, child);
}

void tree_set_text(struct json_t *object, const char *key, const char *text)
{
    tree_set(object, key, tree_of_text(text));
}

void tree_set_number(struct json_t *object, const char *key, int64_t number)
{
    tree_set(object, key, json_integer(number));
}

void tree_set_bool(struct json_t *object, const char *key, bool value)
{
    tree_set(object, key, json_boolean(value));
}

void tree_set_null(struct json_t *object, const char *key)
{
    tree_set(object, key, json_null());
}

void tree_set_texts(struct json_t *object, const char *key, const struct text_list *texts)
{
    json_t *list = json_array();

    for (size_t i = 0; i < texts->count; i++)
        tree_append_text(list, texts->items[i]);
    tree_set(object, key, list);
}

void tree_set_map(struct json_t *object, const char *key, const struct text_map *map)
{
    json_t *child = json_object();

    for (size_t i = 0; i < map->count; i++)
        tree_set_text(child, map->items[i].key, map->items[i].value);
    tree_set(object, key, child);
}

void tree_append(struct json_t *list, struct json_t *child)
{
    (void)json_array_append_new(list, child);
}

void tree_append_text(struct json_t *list, const char *text)
{
    tree_append(list, tree_of_text(text));
}

int tree_parse(const char *text, struct json_t **ret, struct error *err)
{
    json_error_t why;
    json_t *tree = json_loads(text, JSON_DECODE_ANY, &why);

    if (tree == NULL)
        return error_set(err, -EBADMSG, "%s", why.text);
    *ret = tree;
    return 0;
}

struct json_t *tree_get(struct json_t *object, const char *key)
{
    return json_object_get(object, key);
}

static json_t *member_at(json_t *object, size_t i, const char **ret_key)
{
    void *at = json_object_iter(object);

    for (size_t skipped = 0; at != NULL && skipped < i; skipped++)
        at = json_object_iter_next(object, at);
    if (at == NULL)
        return NULL;
    if (ret_key != NULL)
        *ret_key = json_object_iter_key(at);
    return json_object_iter_value(at);
}

struct json_t *tree_at(struct json_t *tree, size_t i, const char **ret_key)
{
    if (json_is_object(tree))
        return member_at(tree, i, ret_key);
    return json_array_get(tree, i);
}

size_t tree_length(struct json_t *tree)
{
    if (json_is_object(tree))
        return json_object_size(tree);
    if (json_is_string(tree))
        return json_string_length(tree);
    return json_array_size(tree);
}

const char *tree_text(struct json_t *tree)
{
    return json_string_value(tree);
}

bool tree_is_list(struct json_t *tree)
{
    return json_is_array(tree);
}

bool tree_is_object(struct json_t *tree)
{
    return json_is_object(tree);
}

bool tree_number(struct json_t *tree, int64_t *ret)
{
    if (!json_is_integer(tree))
        return false;
    *ret = json_integer_value(tree);
    return true;
}

bool tree_equal(struct json_t *a, struct json_t *b)
{
    return json_equal(a, b) != 0;
}

bool tree_is_true(struct json_t *tree)
{
    if (json_is_integer(tree))
        return json_integer_value(tree) != 0;
    if (json_is_real(tree))
        return json_real_value(tree) != 0;
    if (json_is_string(tree) || json_is_array(tree) || json_is_object(tree))
        return tree_length(tree) > 0;
    return json_is_true(tree);
}

char *tree_json(struct json_t *tree, unsigned indent)
{
    return json_dumps(tree, JSON_ENCODE_ANY | JSON_INDENT(indent));
}

static void write_text(struct buffer *out, const char *text)
{
    buffer_append(out, text, strlen(text));
}

static void write_plain(struct buffer *out, json_t *tree);

static void write_plain_list(struct buffer *out, json_t *list)
{
    write_text(out, "[");
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (i > 0)
            write_text(out, " ");
        write_plain(out, json_array_get(list, i));
    }
    write_text(out, "]");
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Go prints maps in the order of their keys. */
static void write_plain_object(struct buffer *out, json_t *object)
{
    size_t count = json_object_size(object);
    autofree const char **keys = mem_zeroed((count + 1) * sizeof(*keys));
    const char *key;
    json_t *value;
    size_t used = 0;

    json_object_foreach(object, key, value) keys[used++] = key;
    qsort(keys, count, sizeof(*keys), compare_keys);
    write_text(out, "map[");
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            write_text(out, " ");
        write_text(out, keys[i]);
        write_text(out, ":");
        write_plain(out, json_object_get(object, keys[i]));
    }
    write_text(out, "]");
}

static void write_plain(struct buffer *out, json_t *tree)
{
    char number[32];

    if (json_is_string(tree)) {
        write_text(out, json_string_value(tree));
    } else if (json_is_integer(tree)) {
        (void)snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(tree));
        write_text(out, number);
    } else if (json_is_real(tree)) {
        (void)snprintf(number, sizeof(number), "%g", json_real_value(tree));
        write_text(out, number);
    } else if (json_is_boolean(tree)) {
        write_text(out, json_is_true(tree) ? "true" : "false");
    } else if (json_is_array(tree)) {
        write_plain_list(out, tree);
    } else if (json_is_object(tree)) {
        write_plain_object(out, tree);
    } else {
        write_text(out, "<nil>");
    }
}

char *tree_plain(struct json_t *tree)
{
    struct buffer out = { 0 };

    write_plain(&out, tree);
    buffer_append(&out, "", 1);
    return (char *)out.data;
}
