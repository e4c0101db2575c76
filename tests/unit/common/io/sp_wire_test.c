/* The bytes of nng's wire. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/auto.h"
#include "common/io/sp_wire.h"
#include "common/mem.h"

#define MESSAGE_MAX 100

static struct sp_wire wire_of(enum sp_framing framing)
{
    return (struct sp_wire){ .framing = framing, .expected = SP_REQ, .message_max = MESSAGE_MAX };
}

static int take(struct sp_wire *wire, const void *data, size_t size, enum sp_wire_step *ret)
{
    assert_int_equal(sp_wire_need(wire), size);
    return sp_wire_take(wire, (struct bytes){ .data = data, .size = size }, ret, NULL);
}

static void greet(struct sp_wire *wire)
{
    uint8_t greeting[SP_GREETING_SIZE];
    enum sp_wire_step step;

    sp_wire_greeting(wire->expected, greeting);
    assert_int_equal(take(wire, greeting, sizeof(greeting), &step), 0);
    assert_int_equal(step, SP_WIRE_GREETED);
}

static void a_greeting_is_eight_bytes(void **unused)
{
    uint8_t greeting[SP_GREETING_SIZE];

    (void)unused;
    sp_wire_greeting(SP_REP, greeting);
    assert_memory_equal(greeting, "\0SP\0\0\x31\0\0", sizeof(greeting));
}

static void every_wrong_byte_of_a_greeting_is_refused(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < SP_GREETING_SIZE; i++) {
        struct sp_wire wire = wire_of(SP_FRAMING_STREAM);
        uint8_t greeting[SP_GREETING_SIZE];
        enum sp_wire_step step;

        sp_wire_greeting(SP_REQ, greeting);
        greeting[i] ^= 1;
        assert_int_equal(take(&wire, greeting, sizeof(greeting), &step), -EPROTO);
    }
}

static void a_message_follows_its_length(void **unused)
{
    struct sp_wire wire = wire_of(SP_FRAMING_STREAM);
    enum sp_wire_step step;

    (void)unused;
    greet(&wire);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(take(&wire, "\0\0\0\0\0\0\0\x03", 8, &step), 0);
        assert_int_equal(step, SP_WIRE_MORE);
        assert_int_equal(take(&wire, "abc", 3, &step), 0);
        assert_int_equal(step, SP_WIRE_MESSAGE);
    }
}

static void an_empty_message_is_one(void **unused)
{
    struct sp_wire wire = wire_of(SP_FRAMING_STREAM);
    enum sp_wire_step step;

    (void)unused;
    greet(&wire);
    assert_int_equal(take(&wire, "\0\0\0\0\0\0\0\0", 8, &step), 0);
    assert_int_equal(take(&wire, NULL, 0, &step), 0);
    assert_int_equal(step, SP_WIRE_MESSAGE);
}

static void ipc_has_a_byte_before_the_length(void **unused)
{
    struct sp_wire wire = wire_of(SP_FRAMING_IPC);
    enum sp_wire_step step;

    (void)unused;
    greet(&wire);
    assert_int_equal(take(&wire, "\1\0\0\0\0\0\0\0\x02", 9, &step), 0);
    assert_int_equal(take(&wire, "ab", 2, &step), 0);
    assert_int_equal(step, SP_WIRE_MESSAGE);
    assert_int_equal(take(&wire, "\2\0\0\0\0\0\0\0\x02", 9, &step), -EPROTO);
}

static void a_length_beyond_the_maximum_is_refused(void **unused)
{
    static const char *const heads[] = { "\0\0\0\0\0\0\0\x65", "\0\0\0\1\0\0\0\0",
                                         "\xff\xff\xff\xff\xff\xff\xff\xff" };
    enum sp_wire_step step;

    (void)unused;
    for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++) {
        struct sp_wire wire = wire_of(SP_FRAMING_STREAM);

        greet(&wire);
        assert_int_equal(take(&wire, heads[i], 8, &step), -EMSGSIZE);
    }
}

static void what_is_sent_can_be_read(void **unused)
{
    static const size_t sizes[] = { 0, 1, 255, 256, 65536, 1024UL * 1024, 0x123456789aUL };

    (void)unused;
    for (enum sp_framing framing = SP_FRAMING_STREAM; framing <= SP_FRAMING_IPC; framing++) {
        for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
            struct sp_wire wire = wire_of(framing);
            uint8_t head[SP_HEAD_SIZE_MAX];
            enum sp_wire_step step;

            wire.message_max = SIZE_MAX;
            greet(&wire);
            assert_int_equal(take(&wire, head, sp_wire_head(framing, sizes[i], head), &step), 0);
            assert_int_equal(sp_wire_need(&wire), sizes[i]);
        }
    }
}

/* The last id has the high bit; `ids` of them, then `rest` bytes. */
static int ids_size(size_t ids, size_t rest, size_t *ret)
{
    size_t size = ids * 4 + rest;
    autofree uint8_t *request = mem_zeroed(size);

    if (ids > 0)
        request[(ids - 1) * 4] = 0x80;
    return sp_wire_ids_size((struct bytes){ .data = request, .size = size }, ret, NULL);
}

static void ids_end_at_the_one_with_the_high_bit(void **unused)
{
    size_t size;

    (void)unused;
    for (size_t ids = 1; ids <= SP_IDS_MAX; ids++) {
        for (size_t rest = 0; rest < 6; rest++) {
            assert_int_equal(ids_size(ids, rest, &size), 0);
            assert_int_equal(size, ids * 4);
        }
    }
}

static void ids_without_an_end_are_refused(void **unused)
{
    size_t size;

    (void)unused;
    assert_int_equal(ids_size(0, 0, &size), -EPROTO);
    assert_int_equal(ids_size(0, 3, &size), -EPROTO);
    assert_int_equal(ids_size(0, 40, &size), -EPROTO);
    assert_int_equal(ids_size(SP_IDS_MAX + 1, 0, &size), -EPROTO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_greeting_is_eight_bytes),
        cmocka_unit_test(every_wrong_byte_of_a_greeting_is_refused),
        cmocka_unit_test(a_message_follows_its_length),
        cmocka_unit_test(an_empty_message_is_one),
        cmocka_unit_test(ipc_has_a_byte_before_the_length),
        cmocka_unit_test(a_length_beyond_the_maximum_is_refused),
        cmocka_unit_test(what_is_sent_can_be_read),
        cmocka_unit_test(ids_end_at_the_one_with_the_high_bit),
        cmocka_unit_test(ids_without_an_end_are_refused),
    };

    return cmocka_run_group_tests_name("sp_wire", tests, NULL, NULL);
}
