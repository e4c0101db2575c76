/* Why something failed: the code, and the sentence built from the inside out. */
#include "common/error.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void contexts_stand_before_the_cause(void **state)
{
    struct error err = { 0 };

    (void)state;
    errno = ECONNREFUSED;
    assert_int_equal(error_set_errno(&err, "connect %s", "registry"), -ECONNREFUSED);
    assert_int_equal(error_add_context(&err, -ECONNREFUSED, "pull %s", "alpine"), -ECONNREFUSED);
    assert_int_equal(error_add_context(&err, -EIO, "start task %d", 7), -EIO);
    assert_int_equal(err.code, -EIO);
    assert_string_equal(err.text,
                        "start task 7: pull alpine: connect registry: Connection refused");
}

static void nobody_need_listen(void **state)
{
    (void)state;
    assert_int_equal(error_set(NULL, -ENOENT, "%s", "x"), -ENOENT);
    assert_int_equal(error_add_context(NULL, -ENOENT, "%s", "x"), -ENOENT);
    errno = EPERM;
    assert_int_equal(error_set_errno(NULL, "%s", "x"), -EPERM);
}

static void a_failure_without_errno_is_still_a_failure(void **state)
{
    struct error err = { 0 };

    (void)state;
    errno = 0;
    assert_int_equal(error_set_errno(&err, "odd"), -EIO);
    assert_int_equal(err.code, -EIO);
}

static void a_later_failure_replaces_the_earlier(void **state)
{
    struct error err = { 0 };

    (void)state;
    (void)error_set(&err, -ENOENT, "a long first sentence");
    (void)error_set(&err, -EPERM, "second");
    assert_int_equal(err.code, -EPERM);
    assert_string_equal(err.text, "second");
}

/* What does not fit is cut at the end: the outermost context stays. */
static void long_texts_are_cut_at_their_end(void **state)
{
    struct error err = { 0 };
    char name[ERROR_TEXT_MAX];

    (void)state;
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    (void)error_set(&err, -EIO, "%s%s", name, name);
    assert_int_equal(strlen(err.text), ERROR_TEXT_MAX - 1);
    (void)error_add_context(&err, -EIO, "outer");
    assert_int_equal(strlen(err.text), ERROR_TEXT_MAX - 1);
    assert_memory_equal(err.text, "outer: nnn", 10);
    errno = EIO;
    (void)error_set_errno(&err, "%s", name);
    assert_int_equal(strlen(err.text), ERROR_TEXT_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contexts_stand_before_the_cause),
        cmocka_unit_test(nobody_need_listen),
        cmocka_unit_test(a_failure_without_errno_is_still_a_failure),
        cmocka_unit_test(a_later_failure_replaces_the_earlier),
        cmocka_unit_test(long_texts_are_cut_at_their_end),
    };
    return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
