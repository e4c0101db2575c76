/* Names of runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "worker/io/layout.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void a_run_has_a_name_that_is_read_back(void **unused)
{
    static const uint32_t runs[] = { 0, 1, 10, UINT32_MAX };

    (void)unused;
    for (size_t i = 0; i < sizeof(runs) / sizeof(*runs); i++) {
        char name[RUN_NAME_SIZE];
        char id[CONTAINER_ID_SIZE + 1];
        uint32_t run = 77;

        run_name_write(ID, runs[i], name);
        assert_true(run_name_parse(name, id, &run));
        assert_string_equal(id, ID);
        assert_int_equal(run, runs[i]);
    }
}

static void other_files_are_no_runs(void **unused)
{
    static const char *const bad[] = {
        "",
        ID,
        ID "-",
        ID "-x",
        ID "-01",
        ID "-+1",
        ID "- 1",
        ID "-1x",
        ID "-1.C0FFEE",
        ID "_1",
        "x-1",
        ID "-4294967296",
        "G123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef-1",
    };
    char id[CONTAINER_ID_SIZE + 1];
    uint32_t run;

    (void)unused;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_false(run_name_parse(bad[i], id, &run));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_has_a_name_that_is_read_back),
        cmocka_unit_test(other_files_are_no_runs),
    };
    return cmocka_run_group_tests_name("layout", tests, NULL, NULL);
}
