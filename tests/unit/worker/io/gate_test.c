/* The gate before the runtimes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker/io/gate.h"

static char entered[16];
static unsigned entered_count;

struct guest {
    char name;
    struct gate_ticket ticket;
};

static void on_enter(struct gate_ticket *ticket)
{
    const struct guest *guest =
        (const struct guest *)(const void *)((const char *)ticket - offsetof(struct guest, ticket));

    entered[entered_count++] = guest->name;
    entered[entered_count] = '\0';
}

static int set_up(void **unused)
{
    (void)unused;
    entered_count = 0;
    entered[0] = '\0';
    return 0;
}

#define GUEST(letter)                                       \
    {                                                       \
        .name = (letter), .ticket = {.on_enter = on_enter } \
    }

static void those_who_come_late_wait_in_line(void **unused)
{
    struct guest guests[] = { GUEST('a'), GUEST('b'), GUEST('c'), GUEST('d') };
    struct gate gate;

    (void)unused;
    gate_init(&gate, 2, 10);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(gate_enter(&gate, &guests[i].ticket, NULL), 0);
    assert_string_equal(entered, "ab");
    gate_leave(&gate);
    assert_string_equal(entered, "abc");
    gate_leave(&gate);
    gate_leave(&gate);
    assert_string_equal(entered, "abcd");
}

static void who_withdraws_is_passed_over(void **unused)
{
    struct guest guests[] = { GUEST('a'), GUEST('b'), GUEST('c') };
    struct gate gate;

    (void)unused;
    gate_init(&gate, 1, 10);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(gate_enter(&gate, &guests[i].ticket, NULL), 0);
    gate_withdraw(&gate, &guests[1].ticket);
    gate_withdraw(&gate, &guests[0].ticket); /* it does not wait: nothing */
    gate_leave(&gate);
    assert_string_equal(entered, "ac");
}

static void a_full_line_takes_nobody(void **unused)
{
    struct guest guests[] = { GUEST('a'), GUEST('b'), GUEST('c') };
    struct gate gate;

    (void)unused;
    gate_init(&gate, 1, 1);
    assert_int_equal(gate_enter(&gate, &guests[0].ticket, NULL), 0);
    assert_int_equal(gate_enter(&gate, &guests[1].ticket, NULL), 0);
    assert_int_equal(gate_enter(&gate, &guests[2].ticket, NULL), -EAGAIN);
    gate_leave(&gate);
    assert_string_equal(entered, "ab");
}

static void a_closed_gate_lets_nobody_in(void **unused)
{
    struct guest guests[] = { GUEST('a'), GUEST('b') };
    struct gate gate;

    (void)unused;
    gate_init(&gate, 1, 10);
    assert_int_equal(gate_enter(&gate, &guests[0].ticket, NULL), 0);
    assert_int_equal(gate_enter(&gate, &guests[1].ticket, NULL), 0);
    gate_close(&gate);
    gate_leave(&gate);
    assert_string_equal(entered, "a");
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(those_who_come_late_wait_in_line),
        TEST(who_withdraws_is_passed_over),
        TEST(a_full_line_takes_nobody),
        TEST(a_closed_gate_lets_nobody_in),
    };
    return cmocka_run_group_tests_name("gate", tests, NULL, NULL);
}
