/* The list of all messages, and the codes of failures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "schemas/bus.h"
#include "schemas/commands.h"
#include "schemas/failure.h"
#include "schemas/record.h"
#include "schemas/registry.h"

static void every_message_has_a_name_of_its_own(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < registry_count; i++) {
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(registry[i].schema->name, registry[j].schema->name);
        assert_ptr_equal(registry_find(registry[i].use, registry[i].schema->name),
                         registry[i].schema);
    }
}

static void every_field_has_a_key_of_its_own(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < registry_count; i++) {
        const struct schema *schema = registry[i].schema;

        assert_true(schema->field_count <= SCHEMA_FIELDS_MAX);
        for (size_t f = 0; f < schema->field_count; f++) {
            assert_int_not_equal(schema->fields[f].type, FIELD_TYPE_NONE);
            for (size_t g = 0; g < f; g++)
                assert_string_not_equal(schema->fields[f].key, schema->fields[g].key);
        }
    }
}

/* Whatever a message holds is listed too, so that its bytes and its description are checked. */
static void every_part_of_a_message_is_listed(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < registry_count; i++) {
        const struct schema *schema = registry[i].schema;

        for (size_t f = 0; f < schema->field_count; f++) {
            const struct schema *of = schema->fields[f].of;

            if (of != NULL)
                assert_true(registry_find(MESSAGE_PART, of->name) == of ||
                            registry_find(MESSAGE_REQUEST, of->name) == of);
        }
    }
}

static void a_message_is_found_only_for_its_use(void **unused)
{
    (void)unused;
    assert_ptr_equal(registry_find(MESSAGE_REQUEST, "poll"), &poll_schema);
    assert_null(registry_find(MESSAGE_REPLY, "poll"));
    assert_null(registry_find(MESSAGE_REQUEST, "pol"));
}

static void a_record_has_a_body_by_its_type(void **unused)
{
    char type[] = "container.stop";
    struct record record = { .type = type };
    const struct field *body = &record_schema.fields[record_schema.field_count - 1];

    (void)unused;
    assert_ptr_equal(registry_body("container.stop"), &container_stop_schema);
    assert_null(registry_body("poll"));
    assert_string_equal(body->key, "body");
    assert_ptr_equal(registry_part(&record_schema, body, &record), &container_stop_schema);
    record.type = NULL;
    assert_null(registry_part(&record_schema, body, &record));
    assert_ptr_equal(registry_part(&submit_schema, &submit_schema.fields[0], &record),
                     &record_schema);
}

static void every_failure_has_a_name_that_leads_back_to_it(void **unused)
{
    (void)unused;
    for (unsigned i = 0; i < FAILURE_COUNT; i++)
        assert_int_equal(failure_parse(failure_name((enum failure)i)), i);
}

static void a_failure_of_a_newer_peer_is_internal(void **unused)
{
    (void)unused;
    assert_int_equal(failure_parse("out-of-cheese"), FAILURE_INTERNAL);
    assert_int_equal(failure_parse(NULL), FAILURE_INTERNAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_has_a_name_of_its_own),
        cmocka_unit_test(every_field_has_a_key_of_its_own),
        cmocka_unit_test(every_part_of_a_message_is_listed),
        cmocka_unit_test(a_message_is_found_only_for_its_use),
        cmocka_unit_test(a_record_has_a_body_by_its_type),
        cmocka_unit_test(every_failure_has_a_name_that_leads_back_to_it),
        cmocka_unit_test(a_failure_of_a_newer_peer_is_internal),
    };

    return cmocka_run_group_tests_name("registry", tests, NULL, NULL);
}
