/*
 * Messages as tables: a struct, and a table that says how each member travels.
 *
 * The C type of a member picks its wire type, so the table and the struct cannot disagree. A
 * schema travels as a msgpack map with text keys (bodies, requests, replies, stored rows), or as an
 * array whose fields are only ever appended (records). Absent, nil and zero are one thing unless
 * the member is a `maybe_`; a map leaves zero out. Unknown keys and further array fields are
 * skipped; missing required, repeated, oversized and mistyped ones are errors that name the field.
 */
#ifndef GANTRY_SCHEMAS_SCHEMA_H
#define GANTRY_SCHEMAS_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/id.h"

/* Lists that a message can hold; the items live in the arena of the decoder. */
struct text_list {
    char **items;
    size_t count;
};

struct text_pair {
    char *key;
    char *value;
};

struct text_map {
    struct text_pair *items; /* in the order of the wire */
    size_t count;
};

/* One whole msgpack value, kept as it came: the body of a record, a record in a page. */
struct raw {
    struct bytes bytes;
};

struct raw_list {
    struct raw *items;
    size_t count;
};

/* A list of nested messages; FIELD_LIST names their schema. */
struct message_list {
    void *items; /* an array of the schema's struct */
    size_t count;
};

/* Numbers for which "not said" differs from zero. */
struct maybe_u32 {
    bool is_set;
    uint32_t value;
};

struct maybe_i64 {
    bool is_set;
    int64_t value;
};

enum field_type {
    FIELD_TYPE_NONE = 0,
    FIELD_TYPE_BOOL,
    FIELD_TYPE_U32,
    FIELD_TYPE_U64,
    FIELD_TYPE_I32,
    FIELD_TYPE_I64,
    FIELD_TYPE_MAYBE_U32,
    FIELD_TYPE_MAYBE_I64,
    FIELD_TYPE_TEXT,     /* char *; nil is NULL; no NUL inside; valid UTF-8 */
    FIELD_TYPE_BYTES,    /* bin */
    FIELD_TYPE_ID,       /* bin of 16 bytes, nil is zero */
    FIELD_TYPE_TEXTS,    /* array of str */
    FIELD_TYPE_TEXT_MAP, /* map of str to str */
    FIELD_TYPE_RAW,      /* any value */
    FIELD_TYPE_RAWS,     /* array of any values */
    FIELD_TYPE_MESSAGE,  /* pointer to a nested message, NULL when absent */
    FIELD_TYPE_MESSAGES, /* array of nested messages */
};

struct schema;

struct field {
    const char *key; /* the name on the wire; never renamed, never reused */
    size_t key_size; /* strlen() of it */
    enum field_type type;
    bool is_required;
    size_t offset;
    const struct schema *of; /* of a nested message; of raw: what it is known to hold, or NULL */
};

enum schema_form { SCHEMA_MAP, SCHEMA_ARRAY };

struct schema {
    const char *name; /* "container.create", "poll": the type on the wire */
    enum schema_form form;
    size_t size; /* of the message struct */
    const struct field *fields;
    size_t field_count; /* at most SCHEMA_FIELDS_MAX */
};

#define SCHEMA_FIELDS_MAX 64

/* clang-format off */
#define FIELD_TYPE(value)                          \
    _Generic((value),                              \
        bool: FIELD_TYPE_BOOL,                     \
        uint32_t: FIELD_TYPE_U32,                  \
        uint64_t: FIELD_TYPE_U64,                  \
        int32_t: FIELD_TYPE_I32,                   \
        int64_t: FIELD_TYPE_I64,                   \
        struct maybe_u32: FIELD_TYPE_MAYBE_U32,    \
        struct maybe_i64: FIELD_TYPE_MAYBE_I64,    \
        char *: FIELD_TYPE_TEXT,                   \
        struct bytes: FIELD_TYPE_BYTES,            \
        struct command_id: FIELD_TYPE_ID,          \
        struct text_list: FIELD_TYPE_TEXTS,        \
        struct text_map: FIELD_TYPE_TEXT_MAP,      \
        struct raw: FIELD_TYPE_RAW,                \
        struct raw_list: FIELD_TYPE_RAWS)

#define FIELD_KEY(wire_key) .key = (wire_key), .key_size = sizeof(wire_key) - 1

#define FIELD(owner, member, wire_key, required)                                         \
    { FIELD_KEY(wire_key), .type = FIELD_TYPE(((owner *)0)->member),                     \
      .is_required = (required), .offset = offsetof(owner, member) }

/* `member` is a `struct x *` whose schema is `schema_of`. */
#define FIELD_MESSAGE(owner, member, wire_key, required, schema_of)                      \
    { FIELD_KEY(wire_key), .type = FIELD_TYPE_MESSAGE, .is_required = (required),        \
      .offset = offsetof(owner, member), .of = (schema_of) }

/* `member` is a raw or raw_list whose values are messages of `schema_of`, passed on undecoded. */
#define FIELD_RAW(owner, member, wire_key, required, schema_of)                          \
    { FIELD_KEY(wire_key), .type = FIELD_TYPE(((owner *)0)->member),                     \
      .is_required = (required), .offset = offsetof(owner, member), .of = (schema_of) }

/* `member` is a `struct message_list` of structs whose schema is `schema_of`. */
#define FIELD_LIST(owner, member, wire_key, schema_of)                                   \
    { FIELD_KEY(wire_key), .type = FIELD_TYPE_MESSAGES, .is_required = false,            \
      .offset = offsetof(owner, member), .of = (schema_of) }

#define SCHEMA_OF(wire_name, wire_form, owner, table)                                     \
    { .name = (wire_name), .form = (wire_form), .size = sizeof(owner), .fields = (table), \
      .field_count = sizeof(table) / sizeof(*(table)) }

#define SCHEMA(wire_name, owner, table) SCHEMA_OF(wire_name, SCHEMA_MAP, owner, table)

/* A message that says only its name. */
#define SCHEMA_EMPTY(wire_name) \
    { .name = (wire_name), .form = SCHEMA_MAP, .size = sizeof(struct nothing), .fields = NULL, .field_count = 0 }
/* clang-format on */

struct nothing {
    char unused;
};

/* Whether the text is one of the list; NULL never is. */
bool text_list_has(const struct text_list *list, const char *text);

/* Whether the field of `message` says nothing: zero, false, NULL, no items, not set. An empty text
 * is said. Such a field is left out of a map unless it is required. */
bool field_is_absent(const struct field *field, const void *message);

#endif
