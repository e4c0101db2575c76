/* Encoding and decoding by the tables, with messages of the protocol itself. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/arena.h"
#include "schemas/bus.h"
#include "schemas/codec.h"
#include "schemas/commands.h"
#include "schemas/events.h"
#include "schemas/record.h"

/* The bytes of a literal without its NUL. */
#define BYTES(literal) \
    ((struct bytes){ .data = (const uint8_t *)(literal), .size = sizeof(literal) - 1 })

static void assert_encodes(const struct schema *schema, const void *message, struct bytes wanted)
{
    struct buffer wire = { 0 };

    schema_encode(schema, message, &wire);
    assert_int_equal(wire.size, wanted.size);
    assert_memory_equal(wire.data, wanted.data, wanted.size);
    buffer_done(&wire);
}

static void assert_refused(const struct schema *schema, struct bytes wire, const char *why)
{
    autoarena arena = { 0 };
    struct error err = { 0 };
    void *message = arena_zeroed(&arena, schema->size);

    assert_int_equal(schema_decode(schema, wire, message, &arena, &err), -EBADMSG);
    assert_string_equal(err.text, why);
}

static void a_map_leaves_out_what_is_absent_and_keeps_the_required(void **unused)
{
    char host[] = "";
    struct poll poll = { .host = host, .cursor = 300 };
    struct container_stop stop = { .timeout_s = { .is_set = true } };
    struct container_stop silent = { 0 };

    (void)unused;
    assert_encodes(
        &poll_schema, &poll,
        BYTES("\x84\xa4host\xa0\xabincarnation\x00\xa7journal\xc4\x10\0\0\0\0\0\0\0\0\0\0\0"
              "\0\0\0\0\0\xa6"
              "cursor\xcd\x01\x2c"));
    assert_encodes(&container_stop_schema, &stop, BYTES("\x81\xa9timeout_s\x00"));
    assert_encodes(&container_stop_schema, &silent, BYTES("\x80"));
    assert_encodes(&info_schema, &(struct nothing){ 0 }, BYTES("\x80"));
}

static void an_array_holds_every_field(void **unused)
{
    char type[] = "t";
    struct record record = { .kind = RECORD_COMMAND, .type = type };

    (void)unused;
    assert_encodes(&record_schema, &record,
                   BYTES("\xdc\x00\x11\x00\x01\xa1t\xc0\x00\x00\xc0\xc0\x00\xc0\xc0\xc0\x00\x00"
                         "\x00\x00\xc0"));
}

static void text_that_is_not_utf8_is_repaired(void **unused)
{
    char cut_inside_a_character[] = "a\xc3";
    struct container_init_failed message = { .text = cut_inside_a_character };

    (void)unused;
    assert_encodes(&container_init_failed_schema, &message,
                   BYTES("\x81\xa4text\xa4"
                         "a\xef\xbf\xbd"));
}

static void a_message_comes_back(void **unused)
{
    autoarena arena = { 0 };
    struct buffer wire = { 0 };
    struct raw records[] = { { BYTES("\x91\x01") }, { BYTES("\xa1x") } };
    struct page page = { .records = { records, 2 }, .head = UINT64_MAX, .has_more = true };
    struct page back;

    (void)unused;
    schema_encode(&page_schema, &page, &wire);
    assert_int_equal(schema_decode(&page_schema, buffer_bytes(&wire), &back, &arena, NULL), 0);
    assert_int_equal(back.records.count, 2);
    assert_true(bytes_equal(back.records.items[0].bytes, records[0].bytes));
    assert_true(bytes_equal(back.records.items[1].bytes, records[1].bytes));
    assert_true(back.head == UINT64_MAX);
    assert_true(back.has_more);
    assert_int_equal(back.floor, 0);
    buffer_done(&wire);
}

static void no_bytes_are_an_empty_map(void **unused)
{
    autoarena arena = { 0 };
    struct container_stop stop;

    (void)unused;
    assert_int_equal(
        schema_decode(&container_stop_schema, (struct bytes){ 0 }, &stop, &arena, NULL), 0);
    assert_false(stop.timeout_s.is_set);
    assert_refused(&expect_schema, (struct bytes){ 0 }, "expect: field next is missing");
    assert_refused(&record_schema, (struct bytes){ 0 }, "record: must be an array, is a map");
}

static void unknown_keys_are_skipped(void **unused)
{
    autoarena arena = { 0 };
    struct expect expect;

    (void)unused;
    assert_int_equal(schema_decode(&expect_schema,
                                   BYTES("\x83\xa3new\x92\x81\xa1k\xc7\x01\x05z\xcb\0\0\0\0\0\0\0\0"
                                         "\xa4next\x07\xa4nexu\x08"),
                                   &expect, &arena, NULL),
                     0);
    assert_int_equal(expect.next, 7);
}

static void nil_is_as_good_as_nothing(void **unused)
{
    autoarena arena = { 0 };
    struct ack ack;

    (void)unused;
    assert_int_equal(
        schema_decode(&ack_schema, BYTES("\x82\xa4upto\x01\xa3pos\xc0"), &ack, &arena, NULL), 0);
    assert_int_equal(ack.pos, 0);
    assert_refused(&ack_schema, BYTES("\x81\xa4upto\xc0"), "ack: field upto is missing");
}

static void fields_appended_to_an_array_are_skipped(void **unused)
{
    autoarena arena = { 0 };
    char type[] = "container.started";
    struct record record = { .kind = RECORD_EVENT, .type = type, .run = 3 };
    struct record back;
    struct buffer wire = { 0 };

    (void)unused;
    schema_encode(&record_schema, &record, &wire);
    wire.data[2] = 0x13; /* two fields more than this version knows */
    buffer_append(&wire, "\x93\x01\x02\x03\xa3new", 8);
    assert_int_equal(schema_decode(&record_schema, buffer_bytes(&wire), &back, &arena, NULL), 0);
    assert_int_equal(back.run, 3);
    assert_int_equal(back.body.bytes.size, 0);
    buffer_done(&wire);
}

static void a_short_array_lacks_only_its_last_fields(void **unused)
{
    autoarena arena = { 0 };
    struct record record;

    (void)unused;
    assert_int_equal(
        schema_decode(&record_schema, BYTES("\x93\x05\x02\xa1t"), &record, &arena, NULL), 0);
    assert_int_equal(record.pos, 5);
    assert_null(record.host);
    assert_refused(&record_schema, BYTES("\x92\x05\x02"), "record: field type is missing");
}

static void what_does_not_fit_is_named(void **unused)
{
    (void)unused;
    assert_refused(&expect_schema, BYTES("\x82\xa4next\x01\xa4next\x02"),
                   "expect: field next given twice");
    assert_refused(&expect_schema, BYTES("\x82\xa4next\x01\xa4next\xc0"),
                   "expect: field next given twice");
    assert_refused(&expect_schema, BYTES("\x81\xa4next\xa1x"),
                   "expect: field next: must be a number, is text");
    assert_refused(&expect_schema, BYTES("\x81\xa4next\xff"),
                   "expect: field next: must be a number, is a negative number");
    assert_refused(&expect_schema, BYTES("\x81\x01\x02"), "expect: key: must be text, is a number");
    assert_refused(&expect_schema, BYTES("\x91\x01"), "expect: must be a map, is an array");
    assert_refused(&container_kill_schema, BYTES("\x81\xa6signal\xcf\0\0\0\x01\0\0\0\0"),
                   "container.kill: field signal: is 4294967296, at most 4294967295");
    assert_refused(&container_died_schema,
                   BYTES("\x81\xa9"
                         "exit_code\xd3\xff\xff\xff\xff\0\0\0\0"),
                   "container.died: field exit_code: is -4294967296, at least -2147483648");
    assert_refused(&outcome_schema, BYTES("\x81\xa2id\xc4\x02xx"),
                   "outcome: field id: has 2 bytes, an id has 16");
    assert_refused(&fetch_schema,
                   BYTES("\x81\xa6stream\xa3"
                         "a\0b"),
                   "fetch: field stream: has a NUL inside");
    assert_refused(&fetch_schema,
                   BYTES("\x81\xa6stream\xa2"
                         "a\x80"),
                   "fetch: field stream: is not valid UTF-8");
    assert_refused(&fetch_schema, BYTES("\x81\xa6stream\xc4\x01s"),
                   "fetch: field stream: must be text, is bytes");
    assert_refused(&watch_schema, BYTES("\x81\xa5hosts\x92\xa1h\xc0"),
                   "watch: field hosts: item 1: must be text, is nil");
}

static void nested_fields_are_named_with_their_path(void **unused)
{
    (void)unused;
    assert_refused(&container_create_schema,
                   BYTES("\x81\xa6"
                         "config\x81\xa6mounts\x91\x81\xa4type\xc3"),
                   "container.create: field config: field mounts: claims 1 messages in 7 bytes");
    assert_refused(&container_create_schema,
                   BYTES("\x81\xa6"
                         "config\x81\xa6mounts\x91\x82\xa4type\xc3\xab"
                         "destination\xa1/"),
                   "container.create: field config: field mounts: item 0: field type: must be "
                   "text, is a truth value");
    assert_refused(&container_create_schema,
                   BYTES("\x81\xa6"
                         "config\x81\xa6labels\x83\xa1k\xa0\xa1l\xa0\xa1k\xa0"),
                   "container.create: field config: field labels: has the key k twice");
}

static void integers_come_in_any_width(void **unused)
{
    static const struct bytes sevens[] = {
        { (const uint8_t *)"\x81\xa4next\x07", 7 },
        { (const uint8_t *)"\x81\xa4next\xcc\x07", 8 },
        { (const uint8_t *)"\x81\xa4next\xcd\0\x07", 9 },
        { (const uint8_t *)"\x81\xa4next\xce\0\0\0\x07", 11 },
        { (const uint8_t *)"\x81\xa4next\xcf\0\0\0\0\0\0\0\x07", 15 },
        { (const uint8_t *)"\x81\xa4next\xd0\x07", 8 },
        { (const uint8_t *)"\x81\xa4next\xd1\0\x07", 9 },
        { (const uint8_t *)"\x81\xa4next\xd2\0\0\0\x07", 11 },
        { (const uint8_t *)"\x81\xa4next\xd3\0\0\0\0\0\0\0\x07", 15 },
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(sevens) / sizeof(*sevens); i++) {
        autoarena arena = { 0 };
        struct expect expect;

        assert_int_equal(schema_decode(&expect_schema, sevens[i], &expect, &arena, NULL), 0);
        assert_int_equal(expect.next, 7);
    }
}

static void a_hostile_message_gets_no_memory(void **unused)
{
    autoarena arena = { 0 };
    struct page page;

    (void)unused;
    assert_int_equal(schema_decode(&page_schema, BYTES("\x81\xa7records\xdd\xff\xff\xff\xff"),
                                   &page, &arena, NULL),
                     -EBADMSG);
    assert_int_equal(arena.used, 0);
}

static void a_record_is_held_shallower_than_the_page_that_carries_it(void **unused)
{
    autoarena arena = { 0 };
    struct record record;
    struct error err = { 0 };
    struct buffer wire = { 0 };

    (void)unused;
    buffer_append(&wire, "\xdc\0\x11\0\1\xa1t\xc0\0\0\xc0\xc0\0\xc0\xc0\xc0\0\0\0\0", 20);
    for (unsigned depth = 1; depth < RECORD_DEPTH_MAX; depth++)
        buffer_append(&wire, "\x91", 1);
    buffer_append(&wire, "\x90", 1);
    assert_int_equal(schema_decode(&record_schema, buffer_bytes(&wire), &record, &arena, &err),
                     -EBADMSG);
    assert_non_null(strstr(err.text, "nested deeper than 8"));
    wire.data[--wire.size - 1] = 0x90; /* one level less */
    assert_int_equal(schema_decode(&record_schema, buffer_bytes(&wire), &record, &arena, &err), 0);
    buffer_done(&wire);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_map_leaves_out_what_is_absent_and_keeps_the_required),
        cmocka_unit_test(an_array_holds_every_field),
        cmocka_unit_test(text_that_is_not_utf8_is_repaired),
        cmocka_unit_test(a_message_comes_back),
        cmocka_unit_test(no_bytes_are_an_empty_map),
        cmocka_unit_test(unknown_keys_are_skipped),
        cmocka_unit_test(nil_is_as_good_as_nothing),
        cmocka_unit_test(fields_appended_to_an_array_are_skipped),
        cmocka_unit_test(a_short_array_lacks_only_its_last_fields),
        cmocka_unit_test(what_does_not_fit_is_named),
        cmocka_unit_test(nested_fields_are_named_with_their_path),
        cmocka_unit_test(integers_come_in_any_width),
        cmocka_unit_test(a_hostile_message_gets_no_memory),
        cmocka_unit_test(a_record_is_held_shallower_than_the_page_that_carries_it),
    };

    return cmocka_run_group_tests_name("codec", tests, NULL, NULL);
}
