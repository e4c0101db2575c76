/*
 * Reading and writing the JSON of OCI's documents: a stranger's, so what has another type than the
 * specification says is an error that names the key; absent, null and empty are one thing.
 *
 * A reader remembers its first failure: read everything, then ask oci_reader_result().
 */
#ifndef GANTRY_WORKER_IO_OCI_JSON_H
#define GANTRY_WORKER_IO_OCI_JSON_H

#include <jansson.h>
#include <stdbool.h>

#include "common/arena.h"
#include "common/bytes.h"
#include "common/error.h"
#include "schemas/schema.h"

struct oci_reader {
    const char *document; /* "manifest", for sentences */
    struct arena *arena;  /* of the results */
    struct error failure;
    json_t *root; /* owned */
};

/* -EBADMSG for what is no JSON, -EFBIG beyond IMAGE_DOCUMENT_MAX bytes. */
int oci_reader_init(struct oci_reader *reader, const char *document, struct bytes text,
                    struct arena *arena, struct error *err);
void oci_reader_done(struct oci_reader *reader);
#define autoreader __attribute__((cleanup(oci_reader_done))) struct oci_reader

/* 0, or -EBADMSG with the first failure. */
int oci_reader_result(const struct oci_reader *reader, struct error *err);

/* Record a failure; the first one counts. */
void oci_reader_fail(struct oci_reader *reader, const char *key, const char *wanted);

/* `object` may be NULL: then nothing is in it. */
const json_t *oci_object(struct oci_reader *reader, const json_t *object, const char *key);
const json_t *oci_array(struct oci_reader *reader, const json_t *object, const char *key);
char *oci_text(struct oci_reader *reader, const json_t *object, const char *key);
/* 0 when absent; a failure when negative. */
uint64_t oci_number(struct oci_reader *reader, const json_t *object, const char *key);
bool oci_bool(struct oci_reader *reader, const json_t *object, const char *key);
struct text_list oci_texts(struct oci_reader *reader, const json_t *object, const char *key);
struct text_map oci_text_map(struct oci_reader *reader, const json_t *object, const char *key);
/* The keys of an object, sorted. */
struct text_list oci_keys(struct oci_reader *reader, const json_t *object, const char *key);
/* The digits of a "sha256:<hex>". A failure when it is absent or something else. */
char *oci_digest(struct oci_reader *reader, const json_t *object, const char *key);

/* Writing: what is absent is left out. */
void oci_set_text(json_t *object, const char *key, const char *text);
void oci_set_number(json_t *object, const char *key, uint64_t number);
void oci_set_texts(json_t *object, const char *key, const struct text_list *texts);
void oci_set_text_map(json_t *object, const char *key, const struct text_map *map);
void oci_set_keys(json_t *object, const char *key, const struct text_list *keys);
void oci_set_digest(json_t *object, const char *key, const char *hex);

/* Compact text of `object`, on the heap, and lets go of it. The same content gives the same bytes.
 */
char *oci_dump(json_t *object);

#endif
