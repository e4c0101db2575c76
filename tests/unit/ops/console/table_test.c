/* Columns as podman aligns them. */
#include "ops/console/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_prints(const struct table *table, const char *expected)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    table_print(table, out);
    assert_int_equal(fclose(out), 0);
    assert_string_equal(text, expected);
    free(text);
}

static void columns_are_at_least_twelve_wide(void **state)
{
    autoarena arena = { 0 };
    struct table *table = table_new(&arena);

    (void)state;
    table_add(table, "ID\tNAMES");
    table_add(table, "1\tone");
    assert_prints(table, "ID          NAMES\n1           one\n");
}

static void the_widest_cell_makes_the_column(void **state)
{
    autoarena arena = { 0 };
    struct table *table = table_new(&arena);

    (void)state;
    table_add(table, "CONTAINER ID\tX");
    table_add(table, "0123456789abcdef\ty and more than the others");
    assert_prints(table, "CONTAINER ID      X\n0123456789abcdef  y and more than the others\n");
}

static void characters_count_and_not_their_bytes(void **state)
{
    autoarena arena = { 0 };
    struct table *table = table_new(&arena);

    (void)state;
    table_add(table, "\xc3\xa4\xc3\xb6\tx");
    table_add(table, "ab\tx");
    assert_prints(table, "\xc3\xa4\xc3\xb6          x\nab          x\n");
}

static void rows_may_be_short_or_empty(void **state)
{
    autoarena arena = { 0 };
    struct table *table = table_new(&arena);

    (void)state;
    table_add(table, "a\tb\tc");
    table_add(table, "");
    table_add(table, "a\t\tc");
    assert_prints(table, "a           b           c\n\na                       c\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_at_least_twelve_wide),
        cmocka_unit_test(the_widest_cell_makes_the_column),
        cmocka_unit_test(characters_count_and_not_their_bytes),
        cmocka_unit_test(rows_may_be_short_or_empty),
    };

    return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
