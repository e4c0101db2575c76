/* What runtimes and conmon say. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/auto.h"
#include "worker/io/runtime_text.h"

static void messages_are_classed_by_their_words(void **unused)
{
    (void)unused;
    assert_int_equal(runtime_text_classify("exec: \"/etc\": Permission Denied"),
                     FAILURE_PERMISSION_DENIED);
    assert_int_equal(runtime_text_classify("setns: operation not permitted"),
                     FAILURE_PERMISSION_DENIED);
    assert_int_equal(runtime_text_classify("executable file not found in $PATH"),
                     FAILURE_NOT_FOUND);
    assert_int_equal(runtime_text_classify("open x: No such file or directory"), FAILURE_NOT_FOUND);
    assert_int_equal(runtime_text_classify("the moon is full"), FAILURE_RUNTIME);
}

static void the_last_line_that_says_something_counts(void **unused)
{
    autofree char *line = runtime_text_last_line("first\n  second  \n\n \n");
    autofree char *none = runtime_text_last_line(" \n\n");
    autofree char *nothing = runtime_text_last_line(NULL);

    (void)unused;
    assert_string_equal(line, "second");
    assert_null(none);
    assert_null(nothing);
}

static void conmon_tells_a_pid_or_why_not(void **unused)
{
    autofree char *text = NULL;
    autofree char *why = NULL;
    int64_t data = 0;

    (void)unused;
    assert_int_equal(
        runtime_text_parse_sync(bytes_of_text("{\"data\": 9000}\n"), &data, &text, NULL), 0);
    assert_int_equal(data, 9000);
    assert_null(text);
    assert_int_equal(
        runtime_text_parse_sync(bytes_of_text("{\"data\": -1, \"message\": \"no \\\"x\\\"\\n\"}\n"),
                                &data, &why, NULL),
        0);
    assert_int_equal(data, -1);
    assert_string_equal(why, "no \"x\"");
}

static void anything_else_on_the_pipe_is_refused(void **unused)
{
    static const char *const bad[] = {
        "", "hello", "{}", "{\"data\": \"x\"}", "[1]", "{\"data\":"
    };
    char *text = NULL;
    int64_t data;

    (void)unused;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_int_equal(runtime_text_parse_sync(bytes_of_text(bad[i]), &data, &text, NULL),
                         -EBADMSG);
}

static void the_state_has_a_status(void **unused)
{
    autofree char *status = runtime_text_status("{\"id\": \"x\", \"status\": \"created\"}\n");
    autofree char *none = runtime_text_status("container does not exist");

    (void)unused;
    assert_string_equal(status, "created");
    assert_null(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_classed_by_their_words),
        cmocka_unit_test(the_last_line_that_says_something_counts),
        cmocka_unit_test(conmon_tells_a_pid_or_why_not),
        cmocka_unit_test(anything_else_on_the_pipe_is_refused),
        cmocka_unit_test(the_state_has_a_status),
    };
    return cmocka_run_group_tests_name("runtime_text", tests, NULL, NULL);
}
