/* A daemon's options: flags, a file, and which one wins. */
#include "common/io/options.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/auto.h"
#include "common/io/files.h"
#include "common/mem.h"

/* clang-format off */
static const struct option_row rows[] = {
    { .name = "state",    .value = "DIR", .help = "where to keep it", .fallback = "/var/lib/x" },
    { .name = "listen",   .value = "URL", .help = "where to listen\nand to whom", .is_repeatable = true },
    { .name = "insecure",                 .help = "trust the network" },
};
/* clang-format on */

#define ROW_COUNT    (sizeof(rows) / sizeof(*rows))
#define ARGUMENT_MAX 16

/* Parse these arguments, which end with NULL. */
static int parse(const char *default_file, const char *const *arguments, struct option_set **ret,
                 struct error *err)
{
    char *argv[ARGUMENT_MAX] = { mem_dup_text("program") };
    int argc = 1;
    int r;

    for (; arguments[argc - 1] != NULL; argc++)
        argv[argc] = mem_dup_text(arguments[argc - 1]);
    r = options_parse("program", "It tests.", rows, ROW_COUNT, default_file, argc, argv, ret, err);
    for (int i = 0; i < argc; i++)
        free(argv[i]);
    return r;
}

#define ARGUMENTS(...) ((const char *const[]){ __VA_ARGS__ __VA_OPT__(, ) NULL })

static struct option_set *parsed(const char *default_file, const char *const *arguments)
{
    struct option_set *set = NULL;
    struct error err = { 0 };

    if (parse(default_file, arguments, &set, &err) != 0)
        fail_msg("%s", err.text);
    return set;
}

static void assert_refused(const char *const *arguments, const char *expected)
{
    struct option_set *set = NULL;
    struct error err = { 0 };

    assert_int_equal(parse(NULL, arguments, &set, &err), -EINVAL);
    assert_null(set);
    assert_string_equal(err.text, expected);
}

static int make_file(void **state)
{
    char path[] = "/tmp/gantry-options-XXXXXX";
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    (void)close(fd);
    *state = mem_dup_text(path);
    return 0;
}

static int remove_file(void **state)
{
    (void)unlink(*state);
    free(*state);
    return 0;
}

static void write_file(const char *path, const char *content)
{
    assert_int_equal(files_replace(AT_FDCWD, path, bytes_of_text(content), 0600, 0, NULL), 0);
}

static void without_words_the_fallbacks_hold(void **state)
{
    autodestroy(option_set) struct option_set *set = parsed(NULL, ARGUMENTS());

    (void)state;
    assert_string_equal(options_get(set, "state"), "/var/lib/x");
    assert_string_equal(options_get_at(set, "state", 0), "/var/lib/x");
    assert_null(options_get_at(set, "state", 1));
    assert_null(options_get(set, "listen"));
    assert_null(options_get_at(set, "listen", 0));
    assert_false(options_is_set(set, "state"));
    assert_false(options_is_set(set, "insecure"));
}

static void values_come_behind_a_space_or_an_equals_sign(void **state)
{
    autodestroy(option_set) struct option_set *set =
        parsed(NULL, ARGUMENTS("--listen", "a", "--state=/x=y", "--insecure", "--listen=b"));

    (void)state;
    assert_string_equal(options_get(set, "state"), "/x=y");
    assert_string_equal(options_get_at(set, "listen", 0), "a");
    assert_string_equal(options_get_at(set, "listen", 1), "b");
    assert_null(options_get_at(set, "listen", 2));
    assert_string_equal(options_get(set, "listen"), "b");
    assert_true(options_is_set(set, "insecure"));
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    assert_refused(ARGUMENTS("--colour", "red"), "unknown option --colour");
    assert_refused(ARGUMENTS("--state"), "option --state needs a value");
    assert_refused(ARGUMENTS("--config"), "option --config needs a value");
    assert_refused(ARGUMENTS("--insecure=yes"), "option --insecure takes no value");
    assert_refused(ARGUMENTS("stray"), "unexpected argument stray");
    assert_refused(ARGUMENTS("--"), "unexpected argument --");
    assert_refused(ARGUMENTS("-x"), "unexpected argument -x");
}

static void a_file_says_the_same(void **state)
{
    autodestroy(option_set) struct option_set *set = NULL;

    write_file(*state, "# a comment\n\n  state =  /from file \t# why\nlisten = tcp://a#b\n"
                       "listen=tcp://c\ninsecure\n");
    set = parsed(NULL, ARGUMENTS("--config", *state));
    assert_string_equal(options_get(set, "state"), "/from file");
    assert_string_equal(options_get_at(set, "listen", 0), "tcp://a#b");
    assert_string_equal(options_get_at(set, "listen", 1), "tcp://c");
    assert_true(options_is_set(set, "insecure"));
}

static void the_command_line_wins_over_the_file(void **state)
{
    autodestroy(option_set) struct option_set *set = NULL;
    autofree char *config = mem_text("--config=%s", (const char *)*state);

    write_file(*state, "state = /file\nlisten = f1\nlisten = f2\n");
    set = parsed(NULL, ARGUMENTS("--listen", "c", config));
    assert_string_equal(options_get(set, "state"), "/file");
    assert_string_equal(options_get_at(set, "listen", 0), "c");
    assert_null(options_get_at(set, "listen", 1));
}

static void the_default_file_counts_when_it_is_there(void **state)
{
    autodestroy(option_set) struct option_set *with = NULL;
    autodestroy(option_set) struct option_set *without = NULL;
    struct option_set *asked_for = NULL;

    write_file(*state, "state = /default\ninsecure = no\n");
    with = parsed(*state, ARGUMENTS());
    assert_string_equal(options_get(with, "state"), "/default");
    assert_false(options_is_set(with, "insecure"));
    assert_int_equal(unlink(*state), 0);
    without = parsed(*state, ARGUMENTS());
    assert_string_equal(options_get(without, "state"), "/var/lib/x");
    assert_int_equal(parse(NULL, ARGUMENTS("--config", *state), &asked_for, NULL), -ENOENT);
}

static void a_wrong_line_is_named_with_its_place(void **state)
{
    static const struct {
        const char *line;
        const char *complaint;
    } wrong[] = {
        { "colour = red", "unknown option colour" },
        { "state", "option state needs a value" },
        { "state = # nothing", "option state needs a value" },
        { "insecure = perhaps", "option insecure is yes or no, not perhaps" },
        { "= x", "unknown option " },
    };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        autofree char *content = mem_text("# first\n%s\n", wrong[i].line);
        autofree char *expected = mem_text("%s:2: %s", (const char *)*state, wrong[i].complaint);

        write_file(*state, content);
        assert_refused(ARGUMENTS("--config", *state), expected);
    }
}

/* What the process writes to its standard output meanwhile. */
static char *printed(const char *const *arguments)
{
    struct option_set *set = NULL;
    char path[] = "/tmp/gantry-options-XXXXXX";
    char *text = NULL;
    int file = mkstemp(path);
    int before = dup(STDOUT_FILENO);
    int r;

    (void)fflush(stdout);
    (void)dup2(file, STDOUT_FILENO);
    r = parse("/etc/program.conf", arguments, &set, NULL);
    (void)fflush(stdout);
    (void)dup2(before, STDOUT_FILENO);
    (void)close(before);
    (void)close(file);
    assert_int_equal(r, 1);
    assert_null(set);
    assert_int_equal(files_read(AT_FDCWD, path, 65536, &text, NULL, NULL), 0);
    (void)unlink(path);
    return text;
}

static void help_and_version_are_answered(void **state)
{
    autofree char *help = printed(ARGUMENTS("--help"));
    autofree char *version = printed(ARGUMENTS("--version"));

    (void)state;
    assert_string_equal(version, "program " GANTRY_VERSION "\n");
    assert_non_null(strstr(help, "It tests."));
    assert_non_null(strstr(help, "  --state DIR               where to keep it\n"
                                 "                            default: /var/lib/x\n"));
    assert_non_null(strstr(help, "and to whom\n"));
    assert_non_null(strstr(help, "may be given several times\n"));
    assert_non_null(strstr(help, "  --insecure                trust the network\n"));
    assert_non_null(strstr(help, "default: /etc/program.conf\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_words_the_fallbacks_hold),
        cmocka_unit_test(values_come_behind_a_space_or_an_equals_sign),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test_setup_teardown(a_file_says_the_same, make_file, remove_file),
        cmocka_unit_test_setup_teardown(the_command_line_wins_over_the_file, make_file,
                                        remove_file),
        cmocka_unit_test_setup_teardown(the_default_file_counts_when_it_is_there, make_file,
                                        remove_file),
        cmocka_unit_test_setup_teardown(a_wrong_line_is_named_with_its_place, make_file,
                                        remove_file),
        cmocka_unit_test(help_and_version_are_answered),
    };
    return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
