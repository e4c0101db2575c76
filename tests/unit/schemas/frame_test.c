/* Frames of the bus. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "schemas/bus.h"
#include "schemas/codec.h"

#define BYTES(literal) \
    ((struct bytes){ .data = (const uint8_t *)(literal), .size = sizeof(literal) - 1 })

static void a_frame_comes_back(void **unused)
{
    autoarena arena = { 0 };
    struct buffer wire = { 0 };
    struct expect expect = { .next = 9 };
    struct expect back;
    struct frame frame;

    (void)unused;
    frame_encode(&expect_schema, &expect, &wire);
    assert_int_equal(frame_decode(buffer_bytes(&wire), &frame, &arena, NULL), 0);
    assert_string_equal(frame.type, "expect");
    assert_int_equal(schema_decode(&expect_schema, frame.body, &back, &arena, NULL), 0);
    assert_int_equal(back.next, 9);
    buffer_done(&wire);
}

static void a_body_may_be_missing_and_later_parts_are_ignored(void **unused)
{
    static const struct bytes frames[] = {
        { (const uint8_t *)"\x92\x01\xa4info", 7 },
        { (const uint8_t *)"\x93\x01\xa4info\xc0", 8 },
        { (const uint8_t *)"\x93\x01\xa4info\x80", 8 },
        { (const uint8_t *)"\x95\x01\xa4info\x80\x81\x01\x02\xc3", 12 },
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(frames) / sizeof(*frames); i++) {
        autoarena arena = { 0 };
        struct nothing nothing;
        struct frame frame;

        assert_int_equal(frame_decode(frames[i], &frame, &arena, NULL), 0);
        assert_string_equal(frame.type, "info");
        assert_int_equal(schema_decode(&info_schema, frame.body, &nothing, &arena, NULL), 0);
    }
}

static void another_version_is_another_error(void **unused)
{
    autoarena arena = { 0 };
    struct frame frame;
    struct error err = { 0 };

    (void)unused;
    assert_int_equal(frame_decode(BYTES("\x93\x02\xa4info\x80"), &frame, &arena, &err), -EPROTO);
    assert_string_equal(err.text, "frame: version 2, only 1 is spoken here");
}

static void what_is_no_frame_is_refused(void **unused)
{
    static const struct bytes wrong[] = {
        { NULL, 0 },
        { (const uint8_t *)"\x80", 1 },
        { (const uint8_t *)"\x91\x01", 2 },
        { (const uint8_t *)"\x93\xa1x\xa1x\x80", 6 },
        { (const uint8_t *)"\x93\x01\x01\x80", 4 },
        { (const uint8_t *)"\x93\x01\xa0\x80", 4 },
        { (const uint8_t *)"\x93\x01\xa1\x80\x80", 5 },
        { (const uint8_t *)"\x93\x01\xa1\0\x80", 5 },
        { (const uint8_t *)"\x93\x01\xa4info", 7 },
        { (const uint8_t *)"\x93\x01\xa4info\x80\x80", 9 },
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        autoarena arena = { 0 };
        struct frame frame;

        assert_int_equal(frame_decode(wrong[i], &frame, &arena, NULL), -EBADMSG);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_comes_back),
        cmocka_unit_test(a_body_may_be_missing_and_later_parts_are_ignored),
        cmocka_unit_test(another_version_is_another_error),
        cmocka_unit_test(what_is_no_frame_is_refused),
    };

    return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
