/* Pages of records: what is in them, and what is said instead when they cannot be. */
#include "broker/page.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "broker/borrowed.h"
#include "common/mem.h"
#include "tests/support/broker_log.h"

static int try_open(struct broker_log *place, const struct page_wish *wish, struct open_page *page)
{
    struct error err = { 0 };
    int r = page_open(place->log, wish, page, &err);

    assert_int_equal(r, err.code);
    return r;
}

static void trim(struct broker_log *place, uint64_t upto)
{
    struct log_txn *txn;
    unsigned count;

    assert_int_equal(log_begin(place->log, LOG_WRITE, &txn, NULL), 0);
    assert_int_equal(log_trim(txn, upto, 1000, &count, NULL), 0);
    assert_int_equal(log_commit(txn, NULL), 0);
}

static void a_page_ends_at_its_records_or_its_bytes(void **state)
{
    struct broker_log *place = *state;
    autofree char *large = mem_zeroed(100001);
    struct open_page page;

    (void)broker_log_append(place, "sys", "x", 300);
    assert_int_equal(try_open(place, &(struct page_wish){ 0 }, &page), 0);
    assert_int_equal(page.page.records.count, PAGE_RECORDS_MAX);
    assert_int_equal(page.page.cursor, PAGE_RECORDS_MAX);
    assert_int_equal(page.page.head, 300);
    assert_true(page.page.has_more);
    page_close(&page);

    memset(large, 'l', 100000);
    (void)broker_log_append(place, "sys", large, 3);
    assert_int_equal(try_open(place, &(struct page_wish){ .cursor = 299, .after = 299 }, &page), 0);
    assert_int_equal(page.page.records.count, 3); /* a small one and two large ones */
    assert_int_equal(page.page.cursor, 302);
    assert_true(page.page.has_more);
    page_close(&page);
}

static void a_record_larger_than_a_page_is_a_page(void **state)
{
    struct broker_log *place = *state;
    autofree char *large = mem_zeroed(PAGE_BYTES_MAX + 1);
    struct open_page page;

    memset(large, 'l', PAGE_BYTES_MAX);
    (void)broker_log_append(place, "sys", large, 2);
    assert_int_equal(try_open(place, &(struct page_wish){ 0 }, &page), 0);
    assert_int_equal(page.page.records.count, 1);
    assert_true(page.page.has_more);
    page_close(&page);
}

static void an_empty_page_leaves_the_cursor_where_it_was(void **state)
{
    struct broker_log *place = *state;
    struct page_wish wish = { .stream = "cmd/a", .cursor = 2, .after = 5 };
    struct open_page page;

    (void)broker_log_append(place, "cmd/a", "x", 2);
    (void)broker_log_append(place, "sys", "x", 3);
    assert_int_equal(try_open(place, &wish, &page), 0);
    assert_int_equal(page.page.records.count, 0);
    assert_int_equal(page.page.cursor, 2);
    assert_int_equal(page.page.stream_head, 2);
    assert_false(page.page.has_more);
    page_close(&page);
}

static void a_filter_moves_the_cursor_past_what_it_skips(void **state)
{
    struct broker_log *place = *state;
    char *types[] = { borrowed("y") };
    const struct watch filter = { .types = { types, 1 } };
    struct page_wish wish = { .filter = &filter, .scan_max = 4 };
    struct open_page page;

    (void)broker_log_append(place, "sys", "x", 6);
    (void)broker_log_append(place, "sys", "y", 1);
    (void)broker_log_append(place, "sys", "x", 2);
    assert_int_equal(try_open(place, &wish, &page), 0);
    assert_int_equal(page.page.records.count, 0);
    assert_int_equal(page.page.cursor, 4);
    assert_true(page.page.has_more);
    page_close(&page);

    wish.cursor = wish.after = 4;
    assert_int_equal(try_open(place, &wish, &page), 0);
    assert_int_equal(page.page.records.count, 1);
    assert_int_equal(page.page.cursor, 8);
    assert_true(page.page.has_more);
    page_close(&page);

    wish.cursor = wish.after = 8;
    assert_int_equal(try_open(place, &wish, &page), 0);
    assert_int_equal(page.page.cursor, 9);
    assert_false(page.page.has_more);
    page_close(&page);
}

static void a_range_ends_where_it_was_told_to(void **state)
{
    struct broker_log *place = *state;
    struct page_wish wish = { .stream = "sys", .cursor = 2, .after = 2, .upto = 4 };
    struct open_page page;

    (void)broker_log_append(place, "sys", "x", 9);
    assert_int_equal(try_open(place, &wish, &page), 0);
    assert_int_equal(page.page.records.count, 2);
    assert_int_equal(page.page.cursor, 4);
    assert_false(page.page.has_more);
    page_close(&page);
}

static void a_cursor_beyond_the_end_is_a_log_that_went_back(void **state)
{
    struct broker_log *place = *state;
    struct open_page page;

    (void)broker_log_append(place, "cmd/a", "x", 2);
    (void)broker_log_append(place, "sys", "x", 2);
    assert_int_equal(try_open(place, &(struct page_wish){ .cursor = 5, .after = 5 }, &page),
                     -ESTALE);
    assert_int_equal(
        try_open(place, &(struct page_wish){ .stream = "cmd/a", .cursor = 3, .after = 3 }, &page),
        -ESTALE);
    assert_int_equal(try_open(place, &(struct page_wish){ .cursor = 4, .after = 4 }, &page), 0);
    page_close(&page);
}

static void what_is_no_longer_kept_is_said(void **state)
{
    struct broker_log *place = *state;
    struct open_page page;

    (void)broker_log_append(place, "cmd/a", "x", 2);
    (void)broker_log_append(place, "cmd/b", "x", 2);
    (void)broker_log_append(place, "cmd/a", "x", 2);
    trim(place, 4);
    assert_int_equal(try_open(place, &(struct page_wish){ 0 }, &page), -ENODATA);
    assert_int_equal(try_open(place, &(struct page_wish){ .cursor = 4, .after = 4 }, &page), 0);
    page_close(&page);
    /* Of a stream it matters whether a record of that stream is missing. */
    assert_int_equal(
        try_open(place, &(struct page_wish){ .stream = "cmd/a", .cursor = 1, .after = 1 }, &page),
        -ENODATA);
    assert_int_equal(
        try_open(place, &(struct page_wish){ .stream = "cmd/a", .cursor = 2, .after = 2 }, &page),
        0);
    assert_int_equal(page.page.records.count, 2);
    page_close(&page);
    assert_int_equal(
        try_open(place, &(struct page_wish){ .stream = "cmd/b", .cursor = 3, .after = 3 }, &page),
        -ENODATA);
    assert_int_equal(try_open(place, &(struct page_wish){ .stream = "cmd/c" }, &page), 0);
    page_close(&page);
}

static void who_has_seen_nothing_begins_at_the_floor_and_is_told(void **state)
{
    struct broker_log *place = *state;
    struct open_page page;

    (void)broker_log_append(place, "cmd/a", "x", 2);
    (void)broker_log_append(place, "sys", "x", 4);
    trim(place, 4);
    assert_int_equal(try_open(place, &(struct page_wish){ .may_begin_at_floor = true }, &page), 0);
    assert_int_equal(page.page.records.count, 2);
    assert_int_equal(page.page.floor, 4);
    assert_int_equal(page.page.cursor, 6);
    page_close(&page);
    assert_int_equal(try_open(place,
                              &(struct page_wish){ .stream = "cmd/a", .may_begin_at_floor = true },
                              &page),
                     0);
    assert_int_equal(page.page.records.count, 0);
    assert_int_equal(page.page.stream_head, 2);
    page_close(&page);
}

#define PAGE_TEST(function) \
    cmocka_unit_test_setup_teardown(function, broker_log_setup, broker_log_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PAGE_TEST(a_page_ends_at_its_records_or_its_bytes),
        PAGE_TEST(a_record_larger_than_a_page_is_a_page),
        PAGE_TEST(an_empty_page_leaves_the_cursor_where_it_was),
        PAGE_TEST(a_filter_moves_the_cursor_past_what_it_skips),
        PAGE_TEST(a_range_ends_where_it_was_told_to),
        PAGE_TEST(a_cursor_beyond_the_end_is_a_log_that_went_back),
        PAGE_TEST(what_is_no_longer_kept_is_said),
        PAGE_TEST(who_has_seen_nothing_begins_at_the_floor_and_is_told),
    };

    return cmocka_run_group_tests_name("page", tests, NULL, NULL);
}
