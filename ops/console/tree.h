/*
 * What is to be shown, as a tree of named values: the one form from which JSON, tables and
 * templates are made. The console's one door to jansson.
 *
 * A tree is a jansson value. Whoever makes a tree owns it; a tree that is put into another belongs
 * to that one. What tree_get() gives is borrowed.
 */
#ifndef GANTRY_OPS_CONSOLE_TREE_H
#define GANTRY_OPS_CONSOLE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/auto.h"
#include "common/error.h"
#include "schemas/schema.h"

struct json_t;

struct json_t *tree_object(void);
struct json_t *tree_list(void);
struct json_t *tree_of_text(const char *text);
struct json_t *tree_of_number(int64_t number);
struct json_t *tree_of_bool(bool value);
struct json_t *tree_of_null(void);
/* Another owner of the same tree. NULL is legal. */
struct json_t *tree_ref(struct json_t *tree);
void tree_destroy(struct json_t *tree);

static inline void tree_auto_destroy_(struct json_t **owned)
{
    tree_destroy(*owned);
}
#define autotree __attribute__((cleanup(tree_auto_destroy_))) struct json_t

/* Set a member of an object. A NULL text is an empty text; text that is no UTF-8 is shown as far
 * as it is. `child` is taken over. */
void tree_set(struct json_t *object, const char *key, struct json_t *child);
void tree_set_text(struct json_t *object, const char *key, const char *text);
void tree_set_number(struct json_t *object, const char *key, int64_t number);
void tree_set_bool(struct json_t *object, const char *key, bool value);
void tree_set_null(struct json_t *object, const char *key);
void tree_set_texts(struct json_t *object, const char *key, const struct text_list *texts);
void tree_set_map(struct json_t *object, const char *key, const struct text_map *map);

void tree_append(struct json_t *list, struct json_t *child);
void tree_append_text(struct json_t *list, const char *text);

/* From JSON text: -EBADMSG when it is none. */
int tree_parse(const char *text, struct json_t **ret, struct error *err);

/* A member of an object, or NULL. */
struct json_t *tree_get(struct json_t *object, const char *key);
/* The i-th of a list, or of an object's members with its key (may be NULL); NULL beyond. */
struct json_t *tree_at(struct json_t *tree, size_t i, const char **ret_key);
/* Members or items; characters of a text. */
size_t tree_length(struct json_t *tree);
/* A text's content; NULL for others. */
const char *tree_text(struct json_t *tree);
bool tree_is_list(struct json_t *tree);
bool tree_is_object(struct json_t *tree);
/* A number's value; false for others. */
bool tree_number(struct json_t *tree, int64_t *ret);
bool tree_equal(struct json_t *a, struct json_t *b);
/* Go's idea of true: not false, 0, "", null or empty. NULL is false. */
bool tree_is_true(struct json_t *tree);

/* As JSON, on the heap: in one line, or with `indent` spaces. */
char *tree_json(struct json_t *tree, unsigned indent);
/* As a Go template prints it, on the heap: text bare, [a b], map[k:v] with sorted keys. */
char *tree_plain(struct json_t *tree);

#endif
