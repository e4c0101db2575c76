/* Reading a log ahead: every record once and in order, however far the reader has come. */
#include "broker/record_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "tests/support/broker_log.h"

/* How many come, which must be those from `first` on. */
static uint64_t count_from(struct broker_log *place, uint64_t first)
{
    autodestroy(record_reader) struct record_reader *reader = NULL;
    const struct record *record;
    struct error err = { 0 };
    uint64_t count = 0;
    int r;

    assert_int_equal(record_reader_new(place->log, first - 1, &reader, &err), 0);
    while ((r = record_reader_next(reader, &record, &err)) > 0) {
        assert_int_equal(record->pos, first + count);
        assert_string_equal(record->stream, "evt/a");
        count++;
    }
    assert_int_equal(r, 0);
    assert_int_equal(record_reader_next(reader, &record, &err), 0);
    return count;
}

static void every_record_comes_once_and_in_order(void **state)
{
    static const unsigned more[] = { 0, 1, 254, 1, 1, 767, 1, 2000 }; /* about whole batches */
    struct broker_log *place = *state;
    uint64_t total = 0;

    for (size_t i = 0; i < sizeof(more) / sizeof(*more); i++) {
        if (more[i] > 0)
            (void)broker_log_append(place, "evt/a", "x", more[i]);
        total += more[i];
        assert_int_equal(count_from(place, 1), total);
    }
    assert_int_equal(count_from(place, 1000), total - 999);
    assert_int_equal(count_from(place, total + 1), 0);
}

static void who_has_enough_need_not_read_to_the_end(void **state)
{
    struct broker_log *place = *state;
    const struct record *record;

    (void)broker_log_append(place, "evt/a", "x", 3000);
    for (unsigned taken = 0; taken < 3; taken++) {
        autodestroy(record_reader) struct record_reader *reader = NULL;

        assert_int_equal(record_reader_new(place->log, 0, &reader, NULL), 0);
        for (unsigned i = 0; i < taken * 300; i++)
            assert_int_equal(record_reader_next(reader, &record, NULL), 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_record_comes_once_and_in_order, broker_log_setup,
                                        broker_log_teardown),
        cmocka_unit_test_setup_teardown(who_has_enough_need_not_read_to_the_end, broker_log_setup,
                                        broker_log_teardown),
    };

    return cmocka_run_group_tests_name("record_reader", tests, NULL, NULL);
}
