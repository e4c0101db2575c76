/*
 * Every message of the protocol against the bytes that it had when it was released.
 *
 * tests/golden/messages holds an example of each as JSON (all fields said) and its bytes as
 * hexadecimal lines. With GANTRY_GOLDEN_WRITE=1 the bytes are written instead of compared: do that
 * for new messages and appended fields only. With a file's name in GANTRY_REGISTRY_DUMP the tables
 * are written there as JSON, for the check of asyncapi.yaml.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "common/auto.h"
#include "common/mem.h"
#include "schemas/codec.h"
#include "schemas/registry.h"

#define HEX_BYTES_A_LINE 32

static char *golden_path(const struct schema *schema, const char *ending)
{
    const char *source = getenv("GANTRY_SOURCE_DIR");

    return mem_text("%s/tests/golden/messages/%s.%s", source != NULL ? source : ".", schema->name,
                    ending);
}

/* The golden JSON on one line, as schema_json() writes it. */
static char *golden_json(const struct schema *schema)
{
    autofree char *path = golden_path(schema, "json");
    json_error_t why;
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &why);
    char *line;

    if (root == NULL)
        fail_msg("%s: %s", path, why.text);
    line = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    return line;
}

static void write_golden_bytes(const struct schema *schema, struct bytes wire)
{
    autofree char *path = golden_path(schema, "hex");
    FILE *file = fopen(path, "we");
    char hex[2 * HEX_BYTES_A_LINE + 1];

    assert_non_null(file);
    for (size_t at = 0; at < wire.size; at += HEX_BYTES_A_LINE) {
        size_t left = wire.size - at;

        hex_write(wire.data + at, left < HEX_BYTES_A_LINE ? left : HEX_BYTES_A_LINE, hex);
        (void)fprintf(file, "%s\n", hex);
    }
    assert_int_equal(fclose(file), 0);
}

static void read_golden_bytes(const struct schema *schema, struct buffer *ret)
{
    autofree char *path = golden_path(schema, "hex");
    FILE *file = fopen(path, "re");
    char line[2 * HEX_BYTES_A_LINE + 2];
    uint8_t bytes[HEX_BYTES_A_LINE];

    if (file == NULL)
        fail_msg("%s is missing: run with GANTRY_GOLDEN_WRITE=1", path);
    while (fgets(line, sizeof(line), file) != NULL) {
        size_t size;

        line[strcspn(line, "\n")] = '\0';
        size = strlen(line) / 2;
        assert_true(hex_read(line, bytes, size));
        buffer_append(ret, bytes, size);
    }
    (void)fclose(file);
}

static void check_encoding(const struct schema *schema)
{
    autoarena arena = { 0 };
    autofree char *json = golden_json(schema);
    void *message = arena_zeroed(&arena, schema->size);
    struct error err = { 0 };
    struct buffer wire = { 0 };
    struct buffer golden = { 0 };

    if (schema_from_json(schema, json, message, &arena, &err) < 0)
        fail_msg("%s", err.text);
    schema_encode(schema, message, &wire);
    if (getenv("GANTRY_GOLDEN_WRITE") != NULL)
        write_golden_bytes(schema, buffer_bytes(&wire));
    read_golden_bytes(schema, &golden);
    if (!bytes_equal(buffer_bytes(&wire), buffer_bytes(&golden)))
        fail_msg("%s is no longer encoded as it was", schema->name);
    buffer_done(&wire);
    buffer_done(&golden);
}

static void check_decoding(const struct schema *schema)
{
    autoarena arena = { 0 };
    autofree char *golden = golden_json(schema);
    autofree char *json = NULL;
    void *message = arena_zeroed(&arena, schema->size);
    struct error err = { 0 };
    struct buffer wire = { 0 };

    read_golden_bytes(schema, &wire);
    if (schema_decode(schema, buffer_bytes(&wire), message, &arena, &err) < 0)
        fail_msg("%s", err.text);
    buffer_done(&wire);
    json = schema_json(schema, message);
    assert_string_equal(json, golden);
}

static void every_message_has_the_bytes_that_it_always_had(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < registry_count; i++)
        check_encoding(registry[i].schema);
}

static void every_golden_message_can_still_be_read(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < registry_count; i++)
        check_decoding(registry[i].schema);
}

static void check_fields(const struct schema *schema)
{
    autofree char *json = golden_json(schema);
    json_t *root = json_loads(json, 0, NULL);

    for (size_t i = 0; i < schema->field_count; i++) {
        if (json_object_get(root, schema->fields[i].key) == NULL)
            fail_msg("%s: no example of %s", schema->name, schema->fields[i].key);
    }
    json_decref(root);
}

static void every_field_is_in_the_golden_messages(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < registry_count; i++)
        check_fields(registry[i].schema);
}

/* Cut anywhere, a message is no message: the guard sees it, whatever the schema. */
static void every_truncation_is_refused(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < registry_count; i++) {
        const struct schema *schema = registry[i].schema;
        struct buffer wire = { 0 };

        read_golden_bytes(schema, &wire);
        for (size_t size = 1; size < wire.size; size++) {
            autoarena arena = { 0 };
            void *message = arena_zeroed(&arena, schema->size);
            struct bytes cut = { .data = wire.data, .size = size };

            assert_int_not_equal(schema_decode(schema, cut, message, &arena, NULL), 0);
        }
        buffer_done(&wire);
    }
}

static const char *const use_names[] = {
    [MESSAGE_REQUEST] = "request", [MESSAGE_REPLY] = "reply", [MESSAGE_FEED] = "feed",
    [MESSAGE_COMMAND] = "command", [MESSAGE_EVENT] = "event", [MESSAGE_PART] = "part",
};

static const char *const type_names[] = {
    [FIELD_TYPE_BOOL] = "bool",
    [FIELD_TYPE_U32] = "u32",
    [FIELD_TYPE_U64] = "u64",
    [FIELD_TYPE_I32] = "i32",
    [FIELD_TYPE_I64] = "i64",
    [FIELD_TYPE_MAYBE_U32] = "maybe_u32",
    [FIELD_TYPE_MAYBE_I64] = "maybe_i64",
    [FIELD_TYPE_TEXT] = "text",
    [FIELD_TYPE_BYTES] = "bytes",
    [FIELD_TYPE_ID] = "id",
    [FIELD_TYPE_TEXTS] = "texts",
    [FIELD_TYPE_TEXT_MAP] = "text_map",
    [FIELD_TYPE_RAW] = "raw",
    [FIELD_TYPE_RAWS] = "raws",
    [FIELD_TYPE_MESSAGE] = "message",
    [FIELD_TYPE_MESSAGES] = "messages",
};

static json_t *fields_json(const struct schema *schema)
{
    json_t *fields = json_array();

    for (size_t i = 0; i < schema->field_count; i++) {
        const struct field *field = &schema->fields[i];
        json_t *json = json_pack("{s:s, s:s, s:b}", "key", field->key, "type",
                                 type_names[field->type], "required", field->is_required ? 1 : 0);

        if (field->of != NULL)
            (void)json_object_set_new(json, "of", json_string(field->of->name));
        (void)json_array_append_new(fields, json);
    }
    return fields;
}

static void the_tables_can_be_written_for_other_checks(void **unused)
{
    const char *path = getenv("GANTRY_REGISTRY_DUMP");
    json_t *all = json_array();

    (void)unused;
    for (size_t i = 0; i < registry_count; i++) {
        const struct schema *schema = registry[i].schema;
        json_t *json = json_pack(
            "{s:s, s:s, s:s, s:o}", "use", use_names[registry[i].use], "name", schema->name, "form",
            schema->form == SCHEMA_ARRAY ? "array" : "map", "fields", fields_json(schema));

        assert_non_null(json);
        (void)json_array_append_new(all, json);
    }
    if (path != NULL)
        assert_int_equal(json_dump_file(all, path, JSON_INDENT(1)), 0);
    json_decref(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_has_the_bytes_that_it_always_had),
        cmocka_unit_test(every_golden_message_can_still_be_read),
        cmocka_unit_test(every_field_is_in_the_golden_messages),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(the_tables_can_be_written_for_other_checks),
    };

    return cmocka_run_group_tests_name("messages", tests, NULL, NULL);
}
