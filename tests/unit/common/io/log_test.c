/* Log lines: one event, one line, whatever is in it. */
#include "common/io/log.h"

#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/auto.h"
#include "common/mem.h"

#define TIME "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z"

/* Standard error goes to a pipe between the two. */
struct capture {
    int before;
    int read_fd;
    char text[2 * LOG_LINE_MAX];
};

static void capture_begin(struct capture *capture)
{
    int ends[2];

    *capture = (struct capture){ .before = dup(STDERR_FILENO) };
    assert_int_equal(pipe(ends), 0);
    (void)dup2(ends[1], STDERR_FILENO);
    (void)close(ends[1]);
    capture->read_fd = ends[0];
}

static const char *capture_end(struct capture *capture)
{
    size_t used = 0;
    ssize_t size;

    (void)dup2(capture->before, STDERR_FILENO); /* closes the pipe's last writer */
    (void)close(capture->before);
    while ((size = read(capture->read_fd, capture->text + used, sizeof(capture->text) - 1 - used)) >
           0)
        used += (size_t)size;
    (void)close(capture->read_fd);
    return capture->text;
}

static void assert_matches(const char *text, const char *pattern)
{
    regex_t regex;

    assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
    if (regexec(&regex, text, 0, NULL, 0) != 0)
        fail_msg("%s does not match %s", text, pattern);
    regfree(&regex);
}

static void a_line_has_time_level_event_and_values(void **state)
{
    struct capture capture;

    (void)state;
    capture_begin(&capture);
    errno = EXDEV;
    log_info("peer.connected", "peer=%s count=%d", "a", 3);
    assert_int_equal(errno, EXDEV);
    log_warning("peer.odd", "%s", "");
    assert_matches(capture_end(&capture),
                   "^" TIME " info peer.connected peer=a count=3\n" TIME " warning peer.odd\n$");
}

static void lines_below_the_level_are_left_out(void **state)
{
    struct capture capture;

    (void)state;
    capture_begin(&capture);
    log_debug("a", "x=%d", 1);
    log_set_level(LOG_LEVEL_ERROR);
    log_warning("b", "x=%d", 1);
    log_error("c", "x=%d", 1);
    log_set_level(LOG_LEVEL_DEBUG);
    log_debug("d", "x=%d", 1);
    log_set_level(LOG_LEVEL_INFO);
    assert_matches(capture_end(&capture), "^" TIME " error c x=1\n" TIME " debug d x=1\n$");
}

static void levels_are_read_by_their_names(void **state)
{
    enum log_level level = LOG_LEVEL_DEBUG;

    (void)state;
    assert_int_equal(log_parse_level("warning", &level), 0);
    assert_int_equal(level, LOG_LEVEL_WARNING);
    assert_int_equal(log_parse_level("loud", &level), -EINVAL);
    assert_int_equal(level, LOG_LEVEL_WARNING);
}

static void a_value_cannot_begin_a_line(void **state)
{
    struct capture capture;
    const char *text;

    (void)state;
    capture_begin(&capture);
    log_info("a", "x=%s", "1\n2026-01-01T00:00:00.000Z error forged\r\x1b[31m");
    text = capture_end(&capture);
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    assert_null(strchr(text, '\x1b'));
}

static void a_long_line_is_cut(void **state)
{
    struct capture capture;
    const char *text;
    char value[3 * LOG_LINE_MAX];

    (void)state;
    memset(value, 'v', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    capture_begin(&capture);
    log_info("a", "x=%s", value);
    log_write(LOG_LEVEL_INFO, value, "x=%d", 1);
    text = capture_end(&capture);
    assert_true(strchr(text, '\n') - text < LOG_LINE_MAX);
    assert_true(strlen(text) <= sizeof(capture.text) - 1);
    assert_int_equal(text[strlen(text) - 1], '\n');
}

static void texts_are_quoted_when_they_must(void **state)
{
    static const struct {
        const char *text;
        const char *value;
    } cases[] = {
        { "plain", "plain" },
        { "a=b,c/d", "a=b,c/d" },
        { "", "\"\"" },
        { "two words", "\"two words\"" },
        { "say \"hi\"", "\"say \\\"hi\\\"\"" },
        { "back\\slash", "\"back\\\\slash\"" },
        { "a\nb\tc\x7f", "\"a\\nb\\x09c\\x7f\"" },
        { NULL, "-" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        assert_string_equal(LOG_TEXT(cases[i].text), cases[i].value);
}

/* For every size of room: it ends with a quote, fits, and is cut between escapes. */
static void quoted_texts_fit_their_room(void **state)
{
    (void)state;
    for (size_t size = 0; size < 64; size++) {
        autofree char *room = mem_zeroed(size); /* exact: a byte beyond is seen by ASan */
        const char *value = log_text("\x01 \" \x02 and so on and on and on", room, size);

        assert_true(size < 16 || strlen(value) < size);
        assert_true(strcmp(value, "...") == 0 || value[strlen(value) - 1] == '"');
    }
}

static void a_failure_is_one_line(void **state)
{
    struct error err = { 0 };
    struct capture capture;

    (void)state;
    (void)error_set(&err, -ENOENT, "open \"x\": No such file");
    capture_begin(&capture);
    log_failure("worker.start", &err);
    assert_matches(capture_end(&capture),
                   "error worker.start error=\"open .\"x.\": No such file\"\n$");
}

/* In a child: the journal is looked for once in a process. */
static void the_journal_gets_the_level_in_front(void **state)
{
    char head[4] = "";
    int ends[2];
    pid_t pid;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    pid = fork();
    if (pid == 0) {
        autofree char *stream = NULL;
        struct stat file;

        (void)dup2(ends[1], STDERR_FILENO);
        (void)fstat(STDERR_FILENO, &file);
        stream = mem_text("%ju:%ju", (uintmax_t)file.st_dev, (uintmax_t)file.st_ino);
        (void)setenv("JOURNAL_STREAM", stream, 1);
        log_error("a", "x=%d", 1);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(read(ends[0], head, 3), 3);
    assert_string_equal(head, "<3>");
    (void)close(ends[0]);
    (void)close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        /* First: the others look for the journal in this process. */
        cmocka_unit_test(the_journal_gets_the_level_in_front),
        cmocka_unit_test(a_line_has_time_level_event_and_values),
        cmocka_unit_test(lines_below_the_level_are_left_out),
        cmocka_unit_test(levels_are_read_by_their_names),
        cmocka_unit_test(a_value_cannot_begin_a_line),
        cmocka_unit_test(a_long_line_is_cut),
        cmocka_unit_test(texts_are_quoted_when_they_must),
        cmocka_unit_test(quoted_texts_fit_their_room),
        cmocka_unit_test(a_failure_is_one_line),
    };
    (void)unsetenv("JOURNAL_STREAM");
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
