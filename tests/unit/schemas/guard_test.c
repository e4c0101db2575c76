/* What the guard lets through, and above all what it does not. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/bytes.h"
#include "schemas/codec.h"

#define BYTES(literal) \
    ((struct bytes){ .data = (const uint8_t *)(literal), .size = sizeof(literal) - 1 })

static void assert_refused(struct bytes wire, const char *why)
{
    struct error err = { 0 };

    assert_int_equal(wire_guard(wire, &err), -EBADMSG);
    assert_string_equal(err.text, why);
}

static void every_kind_of_value_passes(void **unused)
{
    static const struct bytes values[] = {
        { (const uint8_t *)"\x00", 1 },
        { (const uint8_t *)"\xe0", 1 },
        { (const uint8_t *)"\xc0", 1 },
        { (const uint8_t *)"\xc2", 1 },
        { (const uint8_t *)"\xc3", 1 },
        { (const uint8_t *)"\xcc\0", 2 },
        { (const uint8_t *)"\xcd\0\0", 3 },
        { (const uint8_t *)"\xce\0\0\0\0", 5 },
        { (const uint8_t *)"\xcf\0\0\0\0\0\0\0\0", 9 },
        { (const uint8_t *)"\xd0\0", 2 },
        { (const uint8_t *)"\xd1\0\0", 3 },
        { (const uint8_t *)"\xd2\0\0\0\0", 5 },
        { (const uint8_t *)"\xd3\0\0\0\0\0\0\0\0", 9 },
        { (const uint8_t *)"\xca\0\0\0\0", 5 },
        { (const uint8_t *)"\xcb\0\0\0\0\0\0\0\0", 9 },
        { (const uint8_t *)"\xa1x", 2 },
        { (const uint8_t *)"\xd9\1x", 3 },
        { (const uint8_t *)"\xda\0\1x", 4 },
        { (const uint8_t *)"\xdb\0\0\0\1x", 6 },
        { (const uint8_t *)"\xc4\1x", 3 },
        { (const uint8_t *)"\xc5\0\1x", 4 },
        { (const uint8_t *)"\xc6\0\0\0\1x", 6 },
        { (const uint8_t *)"\xd4\1x", 3 },
        { (const uint8_t *)"\xd5\1xx", 4 },
        { (const uint8_t *)"\xd6\1xxxx", 6 },
        { (const uint8_t *)"\xd7\1xxxxxxxx", 10 },
        { (const uint8_t *)"\xd8\1xxxxxxxxxxxxxxxx", 18 },
        { (const uint8_t *)"\xc7\1\1x", 4 },
        { (const uint8_t *)"\xc8\0\1\1x", 5 },
        { (const uint8_t *)"\xc9\0\0\0\1\1x", 7 },
        { (const uint8_t *)"\x91\0", 2 },
        { (const uint8_t *)"\xdc\0\1\0", 4 },
        { (const uint8_t *)"\xdd\0\0\0\1\0", 6 },
        { (const uint8_t *)"\x81\0\0", 3 },
        { (const uint8_t *)"\xde\0\1\0\0", 5 },
        { (const uint8_t *)"\xdf\0\0\0\1\0\0", 7 },
        { (const uint8_t *)"\x93\x82\1\x91\2\3\x80\x90\4", 9 },
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
        assert_int_equal(wire_guard(values[i], NULL), 0);
        for (size_t size = 0; size < values[i].size; size++) {
            struct bytes cut = { .data = values[i].data, .size = size };

            assert_int_equal(wire_guard(cut, NULL), -EBADMSG);
        }
    }
}

static void what_claims_more_than_is_there_is_refused(void **unused)
{
    (void)unused;
    assert_refused(BYTES("\xdd\xff\xff\xff\xff"),
                   "byte 5: claims 4294967295 values where 0 bytes follow");
    assert_refused(BYTES("\xdf\xff\xff\xff\xff"),
                   "byte 5: claims 8589934590 values where 0 bytes follow");
    assert_refused(BYTES("\xdb\xff\xff\xff\xff"), "byte 5: cut off, or no msgpack");
    assert_refused(BYTES("\xc6\xff\xff\xff\xff"), "byte 5: cut off, or no msgpack");
    assert_refused(BYTES("\xc9\xff\xff\xff\xff\1"), "byte 5: cut off, or no msgpack");
    /* What an outer array is still owed counts for the inner ones. */
    assert_refused(BYTES("\x93\x92\1\2"), "byte 2: claims 4 values where 2 bytes follow");
}

static void more_than_one_value_is_refused(void **unused)
{
    (void)unused;
    assert_refused(BYTES(""), "byte 0: cut off, or no msgpack");
    assert_refused(BYTES("\1\2"), "1 bytes after its end");
    assert_refused(BYTES("\x90\x90\x90"), "2 bytes after its end");
}

static void the_byte_that_msgpack_never_uses_is_refused(void **unused)
{
    (void)unused;
    assert_refused(BYTES("\xc1"), "byte 1: cut off, or no msgpack");
    assert_refused(BYTES("\x92\1\xc1"), "byte 3: cut off, or no msgpack");
}

static void nesting_has_a_limit(void **unused)
{
    uint8_t nested[MESSAGE_DEPTH_MAX + 1];

    (void)unused;
    memset(nested, 0x91, sizeof(nested));
    nested[MESSAGE_DEPTH_MAX] = 0;
    assert_int_equal(wire_guard((struct bytes){ nested, sizeof(nested) }, NULL), 0);
    nested[MESSAGE_DEPTH_MAX] = 0x90;
    assert_refused((struct bytes){ nested, sizeof(nested) }, "byte 13: nested deeper than 12");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_value_passes),
        cmocka_unit_test(what_claims_more_than_is_there_is_refused),
        cmocka_unit_test(more_than_one_value_is_refused),
        cmocka_unit_test(the_byte_that_msgpack_never_uses_is_refused),
        cmocka_unit_test(nesting_has_a_limit),
    };

    return cmocka_run_group_tests_name("guard", tests, NULL, NULL);
}
