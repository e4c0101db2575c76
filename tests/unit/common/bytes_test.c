/* Bytes with their length. */
#include "common/bytes.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void a_buffer_keeps_all_that_was_appended(void **state)
{
    struct buffer buffer = { 0 };

    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        uint8_t piece[3] = { (uint8_t)i, (uint8_t)(i >> 8), 7 };

        buffer_append(&buffer, piece, i % 4);
        assert_true(buffer.size <= buffer.capacity);
    }
    assert_int_equal(buffer.size, 1500);
    assert_int_equal(buffer.data[0], 1); /* i = 1: one byte */
    assert_int_equal(buffer.data[1], 2); /* i = 2: two */
    assert_int_equal(buffer.data[2], 0);
    assert_int_equal(buffer.data[buffer.size - 3], 999 & 0xff); /* i = 999: three */
    assert_int_equal(buffer.data[buffer.size - 2], 999 >> 8);
    assert_int_equal(buffer.data[buffer.size - 1], 7);
    buffer_done(&buffer);
    assert_null(buffer.data);
    assert_int_equal(buffer.size, 0);
}

static void nothing_appended_is_nothing_allocated(void **state)
{
    struct buffer buffer = { 0 };

    (void)state;
    buffer_append(&buffer, NULL, 0);
    assert_null(buffer.data);
    assert_int_equal(buffer_bytes(&buffer).size, 0);
    buffer_done(&buffer);
}

static void bytes_are_equal_by_content(void **state)
{
    struct buffer buffer = { 0 };

    (void)state;
    buffer_append(&buffer, "abc", 3);
    assert_true(bytes_equal(buffer_bytes(&buffer), bytes_of_text("abc")));
    assert_false(bytes_equal(bytes_of_text("abc"), bytes_of_text("abd")));
    assert_false(bytes_equal(bytes_of_text("abc"), bytes_of_text("ab")));
    assert_true(bytes_equal(bytes_of_text(""), bytes_of_text(NULL)));
    buffer_done(&buffer);
}

static void bytes_begin_with_what_they_begin_with(void **state)
{
    (void)state;
    assert_true(bytes_begin_with(bytes_of_text("abc"), bytes_of_text("ab")));
    assert_true(bytes_begin_with(bytes_of_text("abc"), bytes_of_text("abc")));
    assert_false(bytes_begin_with(bytes_of_text("abc"), bytes_of_text("bc")));
    assert_false(bytes_begin_with(bytes_of_text("ab"), bytes_of_text("abc")));
    assert_true(bytes_begin_with(bytes_of_text("abc"), bytes_of_text(NULL)));
    assert_true(bytes_begin_with(bytes_of_text(NULL), bytes_of_text("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_buffer_keeps_all_that_was_appended),
        cmocka_unit_test(nothing_appended_is_nothing_allocated),
        cmocka_unit_test(bytes_are_equal_by_content),
        cmocka_unit_test(bytes_begin_with_what_they_begin_with),
    };
    return cmocka_run_group_tests_name("bytes", tests, NULL, NULL);
}
