/*
 * Small words for building JSON: what the parts of a spec share. Values are jansson's, owned by
 * whoever holds them until they are put into another.
 *
 * Texts are not checked here: json_dumps() of the whole fails when one is not UTF-8.
 */
#ifndef GANTRY_WORKER_IO_SPEC_JSON_H
#define GANTRY_WORKER_IO_SPEC_JSON_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

static inline json_t *spec_text(const char *text)
{
    return json_string_nocheck(text);
}

static inline json_t *spec_texts(const char *const *texts, size_t count)
{
    json_t *array = json_array();

    for (size_t i = 0; i < count; i++)
        (void)json_array_append_new(array, spec_text(texts[i]));
    return array;
}

/* Put `value`, which is given up, under `key`. */
static inline void spec_put(json_t *object, const char *key, json_t *value)
{
    (void)json_object_set_new_nocheck(object, key, value);
}

static inline void spec_put_text(json_t *object, const char *key, const char *text)
{
    spec_put(object, key, spec_text(text));
}

static inline void spec_put_number(json_t *object, const char *key, uint64_t number)
{
    spec_put(object, key, json_integer((json_int_t)number));
}

static inline void spec_drop_(json_t **json)
{
    json_decref(*json);
}
#define autojson __attribute__((cleanup(spec_drop_))) json_t

#endif
