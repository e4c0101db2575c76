/* Which events a journal keeps though the log has them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker/io/journal_limits.h"

#define HOUR_NS (3600ULL * 1000000000)

static const struct journal_limits limits = {
    .kept_events = 10,
    .kept_bytes = 1000,
    .kept_ns = HOUR_NS,
};

/* Events 1 to 5, just happened, all told. */
static const struct journal_kept kept = { .first_seq = 1, .first_happened = 8 * HOUR_NS };
static const struct journal_told told = { .acked_seq = 5,
                                          .acked_total = 500,
                                          .now_ns = 8 * HOUR_NS };

static void what_is_told_is_kept_for_a_while(void **unused)
{
    (void)unused;
    assert_false(journal_limits_let_go(&limits, &kept, &told));
}

static void what_is_not_told_is_never_let_go(void **unused)
{
    const struct journal_kept untold = { .first_seq = 6, .first_happened = 1 };
    struct journal_told late = told;

    (void)unused;
    late.now_ns = 100 * HOUR_NS;
    late.acked_total = 1000000;
    assert_false(journal_limits_let_go(&limits, &untold, &late));
}

static void each_bound_lets_go(void **unused)
{
    struct journal_told many = told;
    struct journal_told large = told;
    struct journal_told late = told;

    (void)unused;
    many.acked_seq = 11;
    large.acked_total = 1001;
    late.now_ns = 9 * HOUR_NS + 1;
    assert_true(journal_limits_let_go(&limits, &kept, &many));
    assert_true(journal_limits_let_go(&limits, &kept, &large));
    assert_true(journal_limits_let_go(&limits, &kept, &late));
}

static void a_clock_that_goes_back_keeps_more(void **unused)
{
    struct journal_told early = told;

    (void)unused;
    early.now_ns = 0;
    assert_false(journal_limits_let_go(&limits, &kept, &early));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_told_is_kept_for_a_while),
        cmocka_unit_test(what_is_not_told_is_never_let_go),
        cmocka_unit_test(each_bound_lets_go),
        cmocka_unit_test(a_clock_that_goes_back_keeps_more),
    };
    return cmocka_run_group_tests_name("journal_limits", tests, NULL, NULL);
}
