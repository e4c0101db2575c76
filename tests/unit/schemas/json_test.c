/* Messages as JSON and back. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/auto.h"
#include "schemas/bus.h"
#include "schemas/codec.h"
#include "schemas/commands.h"
#include "schemas/record.h"

#define BYTES(literal) \
    ((struct bytes){ .data = (const uint8_t *)(literal), .size = sizeof(literal) - 1 })

static void assert_json(const struct schema *schema, const void *message, const char *wanted)
{
    autofree char *json = schema_json(schema, message);

    assert_string_equal(json, wanted);
}

static void assert_refused(const struct schema *schema, const char *json, const char *why)
{
    autoarena arena = { 0 };
    struct error err = { 0 };
    void *message = arena_zeroed(&arena, schema->size);

    assert_int_equal(schema_from_json(schema, json, message, &arena, &err), -EBADMSG);
    assert_string_equal(err.text, why);
}

static void absent_fields_are_left_out_and_required_ones_shown(void **unused)
{
    (void)unused;
    assert_json(&ack_schema, &(struct ack){ 0 }, "{\"upto\":0}");
    assert_json(&info_schema, &(struct nothing){ 0 }, "{}");
    assert_json(&container_stop_schema, &(struct container_stop){ .timeout_s = { true, 0 } },
                "{\"timeout_s\":0}");
}

static void a_number_that_json_libraries_cannot_hold_is_text(void **unused)
{
    autoarena arena = { 0 };
    struct expect expect;

    (void)unused;
    assert_json(&expect_schema, &(struct expect){ .next = INT64_MAX },
                "{\"next\":9223372036854775807}");
    assert_json(&expect_schema, &(struct expect){ .next = UINT64_MAX },
                "{\"next\":\"18446744073709551615\"}");
    assert_int_equal(schema_from_json(&expect_schema, "{\"next\":\"18446744073709551615\"}",
                                      &expect, &arena, NULL),
                     0);
    assert_true(expect.next == UINT64_MAX);
    assert_refused(&expect_schema, "{\"next\":\"18446744073709551616\"}",
                   "expect: field next: must be a whole number");
    assert_refused(&expect_schema, "{\"next\":-1}",
                   "expect: field next: is -1, which does not fit");
}

static void the_body_of_a_record_is_shown_by_its_type(void **unused)
{
    char type[] = "container.stop";
    struct record record = { .kind = 1, .type = type, .id = command_id_make(1, 2) };

    (void)unused;
    record.body.bytes = BYTES("\x81\xa9timeout_s\x05");
    assert_json(&record_schema, &record,
                "{\"kind\":1,\"type\":\"container.stop\","
                "\"id\":\"00000000000000010000000000000002\",\"body\":{\"timeout_s\":5}}");
}

static void a_body_that_nobody_knows_is_shown_as_it_is(void **unused)
{
    char type[] = "image.pulled";
    struct record record = { .kind = 2, .type = type };

    (void)unused;
    record.body.bytes = BYTES("\x85\xa1"
                              "a\x92\xc0\xff\x01\xc4\x02\xca\xfe\xff\xa1\xc3\xa1r\xcb\x3f\xf8\0"
                              "\0\0\0\0\0\x91\xc3\xc2");
    assert_json(&record_schema, &record,
                "{\"kind\":2,\"type\":\"image.pulled\",\"body\":{\"a\":[null,-1],\"1\":\"cafe\","
                "\"-1\":\"\xef\xbf\xbd\",\"r\":1.5,\"91c3\":false}}");
    record.body.bytes = BYTES("\x91");
    assert_json(&record_schema, &record, "{\"kind\":2,\"type\":\"image.pulled\",\"body\":\"91\"}");
}

static void records_in_a_page_are_shown(void **unused)
{
    struct raw records[] = { { BYTES("\x93\x07\x02\xa1t") } };
    struct page page = { .records = { records, 1 } };

    (void)unused;
    assert_json(&page_schema, &page, "{\"records\":[{\"pos\":7,\"kind\":2,\"type\":\"t\"}]}");
}

static void what_does_not_fit_is_named(void **unused)
{
    (void)unused;
    assert_refused(&expect_schema, "[]", "expect: must be an object");
    assert_refused(&expect_schema, "{}", "expect: field next: is missing");
    assert_refused(&expect_schema, "{\"next\":1,\"last\":2}", "expect: expect has no field last");
    assert_refused(&outcome_schema, "{\"id\":\"12\"}",
                   "outcome: field id: must be 32 hexadecimal digits");
    assert_refused(&watch_schema, "{\"hosts\":[\"a\",2]}",
                   "watch: field hosts: item 1: must be text");
    assert_refused(&watch_schema, "{\"kind\":4294967296}",
                   "watch: field kind: is 4294967296, which does not fit");
    assert_refused(&container_create_schema, "{\"config\":{\"name\":true}}",
                   "container.create: field config: field name: must be text");
    assert_refused(&stream_chunk_schema, "{\"channel\":1,\"data\":\"abc\"}",
                   "stream_chunk: field data: must be hexadecimal text");
}

static void a_raw_value_that_is_too_deep_is_refused(void **unused)
{
    (void)unused;
    assert_refused(&rows_schema, "{\"rows\":[[[[[[[[[[[[[[]]]]]]]]]]]]]]}",
                   "rows: field rows: item 0: byte 13: nested deeper than 12");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(absent_fields_are_left_out_and_required_ones_shown),
        cmocka_unit_test(a_number_that_json_libraries_cannot_hold_is_text),
        cmocka_unit_test(the_body_of_a_record_is_shown_by_its_type),
        cmocka_unit_test(a_body_that_nobody_knows_is_shown_as_it_is),
        cmocka_unit_test(records_in_a_page_are_shown),
        cmocka_unit_test(what_does_not_fit_is_named),
        cmocka_unit_test(a_raw_value_that_is_too_deep_is_refused),
    };

    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
