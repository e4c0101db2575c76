/* The Castagnoli checksum against the examples of RFC 3720, appendix B.4. */
#include "common/crc32c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define SIZE 32

static void the_examples_of_the_rfc_hold(void **state)
{
    uint8_t bytes[SIZE] = { 0 };

    (void)state;
    assert_int_equal(crc32c(0, bytes, SIZE), 0x8a9136aaU);
    memset(bytes, 0xff, SIZE);
    assert_int_equal(crc32c(0, bytes, SIZE), 0x62a8ab43U);
    for (uint8_t i = 0; i < SIZE; i++)
        bytes[i] = i;
    assert_int_equal(crc32c(0, bytes, SIZE), 0x46dd794eU);
    for (uint8_t i = 0; i < SIZE; i++)
        bytes[i] = (uint8_t)(SIZE - 1 - i);
    assert_int_equal(crc32c(0, bytes, SIZE), 0x113fdb5cU);
    assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283U);
}

static void pieces_give_what_the_whole_gives(void **state)
{
    static const char text[] = "a record in several pieces";
    uint32_t whole = crc32c(0, text, sizeof(text));

    (void)state;
    for (size_t cut = 0; cut <= sizeof(text); cut++)
        assert_int_equal(crc32c(crc32c(0, text, cut), text + cut, sizeof(text) - cut), whole);
    assert_int_equal(crc32c(0, NULL, 0), 0);
}

static void every_flipped_bit_is_seen(void **state)
{
    uint8_t bytes[SIZE] = "a record of thirty-two bytes...";
    uint32_t whole = crc32c(0, bytes, SIZE);

    (void)state;
    for (unsigned bit = 0; bit < SIZE * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_not_equal(crc32c(0, bytes, SIZE), whole);
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
}

static void processors_and_tables_agree_at_every_size_and_place(void **state)
{
    uint8_t bytes[8 * SIZE];
    uint32_t dice = 1;

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        dice = dice * 1664525 + 1013904223;
        bytes[i] = (uint8_t)(dice >> 24);
    }
    for (size_t from = 0; from < 9; from++) {
        for (size_t size = 0; from + size <= sizeof(bytes); size++)
            assert_int_equal(crc32c(dice, bytes + from, size),
                             crc32c_by_tables(dice, bytes + from, size));
    }
    assert_int_equal(crc32c_by_tables(0, "123456789", 9), 0xe3069283U);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_rfc_hold),
        cmocka_unit_test(pieces_give_what_the_whole_gives),
        cmocka_unit_test(every_flipped_bit_is_seen),
        cmocka_unit_test(processors_and_tables_agree_at_every_size_and_place),
    };
    return cmocka_run_group_tests_name("crc32c", tests, NULL, NULL);
}
