/* The two sides of cp, by podman's rules. */
#include "ops/console/copy_args.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_side_is_a_container_or_a_path(void **state)
{
    static const char *const sides[][3] = {
        { "web:/etc", "web", "/etc" },
        { "web:etc/a:b", "web", "etc/a:b" },
        { "/a:b", NULL, "/a:b" },
        { "./web:/etc", NULL, "./web:/etc" },
        { "file", NULL, "file" },
        { "-", NULL, "-" },
        { ".", NULL, "." },
    };
    autoarena arena = { 0 };

    (void)state;
    for (size_t i = 0; i < sizeof(sides) / sizeof(*sides); i++) {
        struct copy_side side;

        assert_int_equal(copy_args_side(sides[i][0], &arena, &side, NULL), 0);
        assert_string_equal(side.path, sides[i][2]);
        if (sides[i][1] == NULL)
            assert_null(side.container);
        else
            assert_string_equal(side.container, sides[i][1]);
    }
}

static void a_side_without_a_path_or_a_container_is_refused(void **state)
{
    static const char *const words[] = { "", ":", "web:", ":/etc" };
    autoarena arena = { 0 };

    (void)state;
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        struct copy_side side;
        struct error err = { 0 };

        assert_int_equal(copy_args_side(words[i], &arena, &side, &err), -EINVAL);
    }
}

static void a_relative_path_is_beneath_the_working_directory(void **state)
{
    autoarena arena = { 0 };

    (void)state;
    assert_string_equal(copy_args_absolute("/a/", "/srv", &arena), "/a/");
    assert_string_equal(copy_args_absolute("a/.", "/srv", &arena), "/srv/a/.");
    assert_string_equal(copy_args_absolute("a", "/", &arena), "/a");
    assert_string_equal(copy_args_absolute("a", NULL, &arena), "/a");
}

static void a_path_has_a_last_part_and_what_is_before_it(void **state)
{
    static const char *const paths[][3] = {
        { "/a/b", "b", "/a" }, { "/a/b//", "b", "/a" }, { "b", "b", "." }, { "/b", "b", "/" },
        { "/", "/", "/" },     { "a/.", ".", "a" },     { ".", ".", "." }, { "a//b", "b", "a" },
    };
    autoarena arena = { 0 };

    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
        assert_string_equal(copy_args_base(paths[i][0], &arena), paths[i][1]);
        assert_string_equal(copy_args_parent(paths[i][0], &arena), paths[i][2]);
    }
}

static void a_dot_at_the_end_means_the_content(void **state)
{
    (void)state;
    assert_true(copy_args_means_content("."));
    assert_true(copy_args_means_content("/a/."));
    assert_false(copy_args_means_content("/a."));
    assert_false(copy_args_means_content("/a/.."));
    assert_false(copy_args_means_content("/a/"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_side_is_a_container_or_a_path),
        cmocka_unit_test(a_side_without_a_path_or_a_container_is_refused),
        cmocka_unit_test(a_relative_path_is_beneath_the_working_directory),
        cmocka_unit_test(a_path_has_a_last_part_and_what_is_before_it),
        cmocka_unit_test(a_dot_at_the_end_means_the_content),
    };

    return cmocka_run_group_tests_name("copy_args", tests, NULL, NULL);
}
