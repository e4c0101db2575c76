/* Identifiers and names. */
#include "common/id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void a_command_id_holds_client_and_sequence(void **state)
{
    struct command_id id = command_id_make(0x0102030405060708U, 0x1112131415161718U);
    static const uint8_t expected[] = { 1,    2,    3,    4,    5,    6,    7,    8,
                                        0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18 };

    (void)state;
    assert_memory_equal(id.bytes, expected, sizeof(expected));
    assert_true(command_id_client(id) == 0x0102030405060708U);
    assert_true(command_id_sequence(id) == 0x1112131415161718U);
}

static void command_ids_are_equal_by_both_halves(void **state)
{
    (void)state;
    assert_true(command_id_equal(command_id_make(1, 2), command_id_make(1, 2)));
    assert_false(command_id_equal(command_id_make(1, 2), command_id_make(1, 3)));
    assert_false(command_id_equal(command_id_make(1, 2), command_id_make(2, 2)));
    assert_true(command_id_is_zero(command_id_make(0, 0)));
    assert_false(command_id_is_zero(command_id_make(0, 1)));
}

static void hexadecimal_is_read_as_it_was_written(void **state)
{
    uint8_t bytes[256];
    uint8_t again[256] = { 0 };
    char text[2 * sizeof(bytes) + 1];

    (void)state;
    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)i;
    hex_write(bytes, sizeof(bytes), text);
    assert_int_equal(strlen(text), 512);
    assert_memory_equal(text, "000102030405060708090a0b0c0d0e0f10", 34);
    assert_true(hex_read(text, again, sizeof(again)));
    assert_memory_equal(bytes, again, sizeof(bytes));
    assert_true(hex_read("AbCd", again, 2));
    assert_int_equal(again[0], 0xab);
    assert_int_equal(again[1], 0xcd);
}

static void what_is_no_hexadecimal_is_refused(void **state)
{
    static const char *const wrong[] = {
        "", "ab", "abc", "abcde", "abcdef", "ab g", "-bcd", "0x12"
    };
    uint8_t bytes[2];

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        assert_false(hex_read(wrong[i], bytes, sizeof(bytes)));
}

static void container_ids_are_64_lower_case_digits(void **state)
{
    char id[66];

    (void)state;
    memset(id, 'a', 64);
    id[64] = '\0';
    assert_true(container_id_is_valid(id));
    id[63] = 'A';
    assert_false(container_id_is_valid(id));
    id[63] = 'g';
    assert_false(container_id_is_valid(id));
    id[63] = '\0';
    assert_false(container_id_is_valid(id));
    memset(id, '0', 65);
    id[65] = '\0';
    assert_false(container_id_is_valid(id));
    assert_false(container_id_is_valid(""));
}

static void names_follow_podmans_rule(void **state)
{
    static const char *const right[] = { "a", "Z", "0", "web-1", "a.b_c", "a--", "9lives" };
    static const char *const wrong[] = { "",     "-a", ".a",  "_a",       "a b", "a/b",
                                         "a\nb", "..", "a:b", "\xc3\xa4", " a" };
    char name[NAME_SIZE_MAX + 2];

    (void)state;
    for (size_t i = 0; i < sizeof(right) / sizeof(*right); i++)
        assert_true(name_is_valid(right[i]));
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        assert_false(name_is_valid(wrong[i]));
    memset(name, 'n', sizeof(name) - 1);
    name[NAME_SIZE_MAX + 1] = '\0';
    assert_false(name_is_valid(name));
    name[NAME_SIZE_MAX] = '\0';
    assert_true(name_is_valid(name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_id_holds_client_and_sequence),
        cmocka_unit_test(command_ids_are_equal_by_both_halves),
        cmocka_unit_test(hexadecimal_is_read_as_it_was_written),
        cmocka_unit_test(what_is_no_hexadecimal_is_refused),
        cmocka_unit_test(container_ids_are_64_lower_case_digits),
        cmocka_unit_test(names_follow_podmans_rule),
    };
    return cmocka_run_group_tests_name("id", tests, NULL, NULL);
}
