/* Options and operands as podman's parser takes them. */
#include "ops/console/args.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct options {
    struct text_list operands;
    bool is_quiet;
    bool is_all;
    const char *format;
    struct text_list env;
    struct maybe_i64 tail;
};

static const struct arg_row rows[] = {
    ARG(struct options, is_quiet, ARG_FLAG, 'q', "quiet", NULL, "Ids only"),
    ARG(struct options, is_all, ARG_FLAG, 'a', "all", NULL, "All"),
    ARG(struct options, format, ARG_TEXT, 'f', "format", "FORMAT", "Format"),
    ARG(struct options, env, ARG_LIST, 'e', "env", "WORD", "Variable"),
    ARG(struct options, tail, ARG_NUMBER, 'n', "tail", "N", "Lines"),
    ARG_NOT_HERE('t', "tty", NULL, "there are no terminals"),
};

static const struct args_usage usage = { "verb", "THING", "Do it" };

static int parse_by(bool ends_at_first, char **argv, struct options *ret, struct arena *arena,
                    struct error *err)
{
    const struct args_table table = { .rows = rows,
                                      .count = sizeof(rows) / sizeof(*rows),
                                      .operands = offsetof(struct options, operands),
                                      .ends_at_first = ends_at_first };

    *ret = (struct options){ 0 };
    return args_parse(&table, &usage, argv, ret, arena, err);
}

#define WORDS(...) ((char *[]){ (char[]){ "verb" }, __VA_ARGS__, NULL })
#define W(text)    ((char[]){ text })

static void every_way_to_write_an_option_is_read(void **state)
{
    autoarena arena = { 0 };
    struct options options;

    (void)state;
    assert_int_equal(
        parse_by(false,
                 WORDS(W("--format"), W("a b"), W("-q"), W("--env=A=1"), W("-eB=2"), W("-e=C=3"),
                       W("-e"), W("D=4"), W("-n-1"), W("--all=false"), W("thing")),
                 &options, &arena, NULL),
        0);
    assert_string_equal(options.format, "a b");
    assert_true(options.is_quiet);
    assert_false(options.is_all);
    assert_int_equal(options.env.count, 4);
    assert_string_equal(options.env.items[0], "A=1");
    assert_string_equal(options.env.items[1], "B=2");
    assert_string_equal(options.env.items[2], "C=3");
    assert_string_equal(options.env.items[3], "D=4");
    assert_true(options.tail.is_set);
    assert_int_equal(options.tail.value, -1);
    assert_int_equal(options.operands.count, 1);
    assert_string_equal(options.operands.items[0], "thing");
}

static void letters_can_stand_together(void **state)
{
    autoarena arena = { 0 };
    struct options options;

    (void)state;
    assert_int_equal(parse_by(false, WORDS(W("-aqn3")), &options, &arena, NULL), 0);
    assert_true(options.is_all);
    assert_true(options.is_quiet);
    assert_int_equal(options.tail.value, 3);
}

static void operands_may_stand_between_options(void **state)
{
    autoarena arena = { 0 };
    struct options options;

    (void)state;
    assert_int_equal(
        parse_by(false, WORDS(W("a"), W("-q"), W("b"), W("--"), W("-a")), &options, &arena, NULL),
        0);
    assert_true(options.is_quiet);
    assert_false(options.is_all);
    assert_int_equal(options.operands.count, 3);
    assert_string_equal(options.operands.items[2], "-a");
}

static void a_command_line_behind_the_first_operand_is_left_alone(void **state)
{
    autoarena arena = { 0 };
    struct options options;

    (void)state;
    assert_int_equal(parse_by(true, WORDS(W("-q"), W("ls"), W("-a"), W("--help"), W("--")),
                              &options, &arena, NULL),
                     0);
    assert_false(options.is_all);
    assert_int_equal(options.operands.count, 4);
    assert_string_equal(options.operands.items[3], "--");
}

static void wrong_words_are_named(void **state)
{
    static const struct {
        const char *word;
        const char *text;
    } wrong[] = {
        { "--quie", "unknown flag: --quie" },
        { "--nothing=1", "unknown flag: --nothing" },
        { "-aZ", "unknown shorthand flag: 'Z' in -aZ" },
        { "--format", "flag needs an argument: --format" },
        { "--tail=many", "invalid argument \"many\" for --tail" },
        { "-n3x", "invalid argument \"3x\" for --tail" },
        { "--all=perhaps", "invalid argument \"perhaps\" for --all" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        autoarena arena = { 0 };
        struct options options;
        struct error err = { 0 };

        assert_int_equal(
            parse_by(false, WORDS(arena_text(&arena, wrong[i].word)), &options, &arena, &err),
            -EINVAL);
        assert_string_equal(err.text, wrong[i].text);
    }
}

static void what_podman_has_and_gantry_has_not_says_so(void **state)
{
    autoarena arena = { 0 };
    struct options options;
    struct error err = { 0 };

    (void)state;
    assert_int_equal(parse_by(false, WORDS(W("-t")), &options, &arena, &err), -EOPNOTSUPP);
    assert_string_equal(err.text, "--tty: there are no terminals");
}

static void a_long_list_keeps_all_its_words(void **state)
{
    autoarena arena = { 0 };
    struct text_list list = { 0 };

    (void)state;
    for (unsigned i = 0; i < 100; i++)
        args_list_add(&list, arena_printf(&arena, "%u", i), &arena);
    assert_int_equal(list.count, 100);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(atoi(list.items[i]), i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way_to_write_an_option_is_read),
        cmocka_unit_test(letters_can_stand_together),
        cmocka_unit_test(operands_may_stand_between_options),
        cmocka_unit_test(a_command_line_behind_the_first_operand_is_left_alone),
        cmocka_unit_test(wrong_words_are_named),
        cmocka_unit_test(what_podman_has_and_gantry_has_not_says_so),
        cmocka_unit_test(a_long_list_keeps_all_its_words),
    };

    return cmocka_run_group_tests_name("args", tests, NULL, NULL);
}
