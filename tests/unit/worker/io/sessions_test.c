/* Which sessions a journal knows: its own, as far back as one that the broker knows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker/io/sessions.h"

static struct sessions kept_and_read(const struct sessions *sessions)
{
    struct sessions_text text;
    struct sessions again;

    sessions_write(sessions, &text);
    sessions_read(bytes_at(text.bytes, text.size), &again);
    return again;
}

static void each_start_comes_before_the_others(void **unused)
{
    struct sessions sessions = { 0 };
    struct sessions again;

    (void)unused;
    sessions_begin(&sessions, 11);
    sessions_begin(&sessions, UINT64_MAX - 1);
    again = kept_and_read(&sessions);
    assert_int_equal(again.welcomed, 0);
    assert_int_equal(again.recent[0], UINT64_MAX - 1);
    assert_int_equal(again.recent[1], 11);
    assert_int_equal(again.recent[2], 0);
}

static void the_one_that_was_welcomed_is_never_forgotten(void **unused)
{
    struct sessions sessions = { 0 };

    (void)unused;
    sessions_begin(&sessions, 7);
    sessions_welcome(&sessions);
    for (uint64_t start = 100; start < 1000; start++)
        sessions_begin(&sessions, start);
    sessions = kept_and_read(&sessions);
    assert_int_equal(sessions.welcomed, 7);
    assert_int_equal(sessions.recent[0], 999);
    assert_int_equal(sessions.recent[SESSIONS_RECENT_MAX - 1], 999 - SESSIONS_RECENT_MAX + 1);
}

static void what_is_kept_may_be_damaged(void **unused)
{
    static const uint8_t bytes[2000] = { 1 };
    struct sessions sessions;

    (void)unused;
    sessions_read((struct bytes){ 0 }, &sessions);
    assert_int_equal(sessions.recent[0], 0);
    sessions_read(bytes_at(bytes, 5), &sessions);
    assert_int_equal(sessions.welcomed, 0);
    sessions_read(bytes_at(bytes, sizeof(bytes)), &sessions);
    assert_int_equal(sessions.welcomed, UINT64_C(1) << 56);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_start_comes_before_the_others),
        cmocka_unit_test(the_one_that_was_welcomed_is_never_forgotten),
        cmocka_unit_test(what_is_kept_may_be_damaged),
    };

    return cmocka_run_group_tests_name("sessions", tests, NULL, NULL);
}
