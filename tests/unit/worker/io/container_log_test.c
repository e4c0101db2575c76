/* Reading, tailing and following logs that the tests write as conmon does. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "common/auto.h"
#include "common/io/files.h"
#include "common/mem.h"
#include "worker/io/container_log.h"

#define DEADLINE_S 100
#define STAMP(n)   "2026-11-29T16:14:3" #n ".000000000+00:00 "
#define SECOND(n)  ((1795968870ULL + (n)) * 1000000000ULL)

/* What a reader told: "1hello " for a full line, "2ab~ " for a part. */
struct rig {
    char *directory;
    char *path;
    struct event_base *loop;
    struct container_log *log;
    char told[256 * 1024];
    size_t told_size;
    unsigned lines;
    unsigned drained;
    unsigned pause_after; /* lines; 0: never */
    bool has_ended;
    bool is_late;
    bool closes_itself;
};

static void on_line(void *owner, const struct container_log_line *line)
{
    struct rig *rig = owner;
    int size = snprintf(rig->told + rig->told_size, sizeof(rig->told) - rig->told_size, "%u%.*s%s ",
                        line->channel, (int)line->text.size, (const char *)line->text.data,
                        line->is_partial ? "~" : "");

    rig->told_size += (size_t)size;
    assert_true(rig->told_size < sizeof(rig->told));
    rig->lines++;
    if (rig->pause_after != 0 && rig->lines % rig->pause_after == 0)
        container_log_pause(rig->log);
    if (rig->closes_itself)
        container_log_close(rig->log);
}

static void on_end(void *owner, const char *failure)
{
    struct rig *rig = owner;

    assert_null(failure);
    assert_false(rig->has_ended);
    rig->has_ended = true;
}

static void on_drained(void *owner)
{
    struct rig *rig = owner;

    rig->drained++;
}

static const struct container_log_events events = {
    .on_line = on_line,
    .on_end = on_end,
    .on_drained = on_drained,
};

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    struct rig *rig = arg;

    (void)fd;
    (void)what;
    rig->is_late = true;
    (void)event_base_loopbreak(rig->loop);
}

#define WAIT_FOR(rig, flag)                                                     \
    do {                                                                        \
        struct timeval patience_ = { .tv_sec = DEADLINE_S };                    \
        struct event *deadline_ = evtimer_new((rig)->loop, on_deadline, (rig)); \
        event_add(deadline_, &patience_);                                       \
        while (!(flag) && !(rig)->is_late)                                      \
            event_base_loop((rig)->loop, EVLOOP_ONCE);                          \
        event_free(deadline_);                                                  \
        assert_false((rig)->is_late);                                           \
    } while (0)

static int set_up(void **state)
{
    struct rig *rig = mem_new(struct rig);
    char directory[] = "/tmp/gantry-log-XXXXXX";

    assert_non_null(mkdtemp(directory));
    rig->directory = mem_dup_text(directory);
    rig->path = mem_text("%s/ctr.log", directory);
    rig->loop = event_base_new();
    *state = rig;
    return 0;
}

static int tear_down(void **state)
{
    struct rig *rig = *state;

    container_log_close(rig->log);
    event_base_free(rig->loop);
    assert_int_equal(files_remove_tree(AT_FDCWD, rig->directory, NULL), 0);
    free(rig->path);
    free(rig->directory);
    free(rig);
    return 0;
}

static void append(const struct rig *rig, const char *text)
{
    autoclose int fd = open(rig->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void open_log(struct rig *rig, const struct container_log_options *options)
{
    struct error err = { 0 };

    if (container_log_open(rig->loop, rig->path, options, &events, rig, &rig->log, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(rig->lines, 0); /* never from within */
}

static void read_all(struct rig *rig, struct container_log_options options)
{
    open_log(rig, &options);
    WAIT_FOR(rig, rig->has_ended);
}

static void every_line_is_read_in_order(void **state)
{
    struct rig *rig = *state;

    append(rig, STAMP(1) "stdout F one\n" STAMP(2) "stderr P tw\n" STAMP(2) "stderr F o\n");
    append(rig, "rubbish\n" STAMP(3) "stdout F three\n" STAMP(4) "stdout F unfini");
    read_all(rig, (struct container_log_options){ .tail = -1 });
    assert_string_equal(rig->told, "1one 2tw~ 2o 1three ");
}

static void a_log_that_is_not_there_is_empty(void **state)
{
    struct rig *rig = *state;

    read_all(rig, (struct container_log_options){ .tail = -1 });
    assert_string_equal(rig->told, "");
}

static void times_limit_what_is_read(void **state)
{
    struct rig *rig = *state;

    append(rig, STAMP(1) "stdout F one\n" STAMP(2) "stdout F two\n");
    append(rig, STAMP(3) "stdout F three\n" STAMP(4) "stdout F four\n");
    read_all(rig,
             (struct container_log_options){ .tail = -1, .since = SECOND(2), .until = SECOND(3) });
    assert_string_equal(rig->told, "1two 1three ");
}

static void the_tail_counts_full_lines(void **state)
{
    struct rig *rig = *state;

    append(rig, STAMP(1) "stdout F one\n" STAMP(1) "stdout P tw\n" STAMP(1) "stdout F o\n");
    append(rig, STAMP(2) "stdout F three\n");
    read_all(rig, (struct container_log_options){ .tail = 2 });
    assert_string_equal(rig->told, "1tw~ 1o 1three ");
}

static void the_tail_keeps_the_channels_apart(void **state)
{
    struct rig *rig = *state;

    append(rig, STAMP(1) "stdout P a\n" STAMP(1) "stderr F x\n" STAMP(1) "stderr P y\n");
    append(rig, STAMP(1) "stdout F b\n" STAMP(1) "stderr F z\n");
    read_all(rig, (struct container_log_options){ .tail = 2 });
    assert_string_equal(rig->told, "1a~ 2y~ 1b 2z ");
}

static void a_last_line_without_end_is_in_the_tail(void **state)
{
    struct rig *rig = *state;

    append(rig, STAMP(1) "stdout F one\n" STAMP(1) "stdout F two\n" STAMP(1) "stdout P $\n");
    read_all(rig, (struct container_log_options){ .tail = 2 });
    assert_string_equal(rig->told, "1two 1$~ ");
}

static void a_tail_of_nothing_is_nothing(void **state)
{
    struct rig *rig = *state;

    append(rig, STAMP(1) "stdout F one\n" STAMP(1) "stdout F tw");
    read_all(rig, (struct container_log_options){ .tail = 0 });
    assert_string_equal(rig->told, "");
}

static void a_tail_beyond_the_beginning_is_all(void **state)
{
    struct rig *rig = *state;

    append(rig, STAMP(1) "stdout F one\n" STAMP(1) "stderr F two\n");
    read_all(rig, (struct container_log_options){ .tail = 100 });
    assert_string_equal(rig->told, "1one 2two ");
}

static void the_tail_of_a_long_log_is_found(void **state)
{
    struct rig *rig = *state;
    FILE *file = fopen(rig->path, "we");

    assert_non_null(file);
    for (int i = 0; i < 20000; i++)
        (void)fprintf(file, "%sstdout F line-%d\n", STAMP(1), i);
    (void)fclose(file);
    read_all(rig, (struct container_log_options){ .tail = 3 });
    assert_string_equal(rig->told, "1line-19997 1line-19998 1line-19999 ");
}

/* For every length of the tail: the same as the last lines of the whole, over block borders. */
static void every_tail_is_the_end_of_the_whole(void **state)
{
    struct rig *rig = *state;
    FILE *file = fopen(rig->path, "we");
    char word[3001];

    memset(word, 'x', sizeof(word) - 1);
    word[sizeof(word) - 1] = '\0';
    for (int i = 0; i < 60; i++)
        (void)fprintf(file, "%sstdout F %d%s\n", STAMP(1), i, word);
    (void)fclose(file);
    for (int64_t tail = 1; tail <= 60; tail++) {
        rig->lines = 0;
        rig->told_size = 0;
        rig->has_ended = false;
        open_log(rig, &(struct container_log_options){ .tail = tail });
        WAIT_FOR(rig, rig->has_ended);
        assert_int_equal(rig->lines, tail);
        assert_int_equal(atoi(rig->told + 1), 60 - tail);
        container_log_close(rig->log);
        rig->log = NULL;
    }
}

static void an_overlong_line_is_passed_over(void **state)
{
    struct rig *rig = *state;
    size_t size = 300000;
    autofree char *junk = mem_zeroed(size + 2);

    memset(junk, 'j', size);
    junk[size] = '\n';
    append(rig, STAMP(1) "stdout F one\n");
    append(rig, junk);
    append(rig, STAMP(1) "stdout F two\n");
    read_all(rig, (struct container_log_options){ .tail = -1 });
    assert_string_equal(rig->told, "1one 1two ");
}

static void new_lines_are_followed_until_the_end(void **state)
{
    struct rig *rig = *state;

    append(rig, STAMP(1) "stdout F old\n" STAMP(1) "stdout F one\n");
    open_log(rig, &(struct container_log_options){ .tail = 1, .follow = true });
    WAIT_FOR(rig, rig->drained > 0);
    assert_string_equal(rig->told, "1one ");
    append(rig, STAMP(2) "stderr F tw");
    append(rig, "o\n");
    WAIT_FOR(rig, rig->lines == 2);
    assert_false(rig->has_ended);
    append(rig, STAMP(3) "stdout F three\n");
    container_log_end_soon(rig->log);
    WAIT_FOR(rig, rig->has_ended);
    assert_string_equal(rig->told, "1one 2two 1three ");
}

static void a_log_that_comes_later_is_followed(void **state)
{
    struct rig *rig = *state;

    open_log(rig, &(struct container_log_options){ .tail = 0, .follow = true });
    WAIT_FOR(rig, rig->drained > 0);
    append(rig, STAMP(1) "stdout F one\n");
    WAIT_FOR(rig, rig->lines == 1);
    assert_string_equal(rig->told, "1one ");
}

static void a_log_that_is_replaced_is_followed(void **state)
{
    struct rig *rig = *state;
    autofree char *other = mem_text("%s/other", rig->directory);
    autofree char *path = mem_dup_text(rig->path);

    append(rig, STAMP(1) "stdout F one\n" STAMP(1) "stdout F two\n");
    open_log(rig, &(struct container_log_options){ .tail = 1, .follow = true });
    WAIT_FOR(rig, rig->drained > 0);

    append(rig, STAMP(2) "stdout F three\n"); /* not read before the file is gone */
    free(rig->path);
    rig->path = mem_dup_text(other);
    append(rig, STAMP(3) "stdout F four\n");
    assert_int_equal(rename(other, path), 0);
    WAIT_FOR(rig, rig->lines == 3);
    free(rig->path);
    rig->path = mem_dup_text(path);
    append(rig, STAMP(3) "stdout F five\n");
    WAIT_FOR(rig, rig->lines == 4);
    assert_string_equal(rig->told, "1two 1three 1four 1five ");
}

static void a_reader_without_room_gets_nothing_until_it_has(void **state)
{
    struct rig *rig = *state;

    append(rig, STAMP(1) "stdout F one\n" STAMP(1) "stdout F two\n" STAMP(1) "stdout F three\n");
    rig->pause_after = 1;
    open_log(rig, &(struct container_log_options){ .tail = -1 });
    for (unsigned i = 1; i <= 3; i++) {
        WAIT_FOR(rig, rig->lines == i);
        event_base_loop(rig->loop, EVLOOP_NONBLOCK);
        assert_int_equal(rig->lines, i);
        assert_false(rig->has_ended);
        container_log_resume(rig->log);
    }
    WAIT_FOR(rig, rig->has_ended);
    assert_string_equal(rig->told, "1one 1two 1three ");
}

static void the_user_may_close_from_within(void **state)
{
    struct rig *rig = *state;

    append(rig, STAMP(1) "stdout F one\n" STAMP(1) "stdout F two\n");
    rig->closes_itself = true;
    open_log(rig, &(struct container_log_options){ .tail = -1 });
    WAIT_FOR(rig, rig->lines == 1);
    event_base_loop(rig->loop, EVLOOP_NONBLOCK);
    assert_int_equal(rig->lines, 1);
    rig->log = NULL;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_line_is_read_in_order),
        TEST(a_log_that_is_not_there_is_empty),
        TEST(times_limit_what_is_read),
        TEST(the_tail_counts_full_lines),
        TEST(the_tail_keeps_the_channels_apart),
        TEST(a_last_line_without_end_is_in_the_tail),
        TEST(a_tail_of_nothing_is_nothing),
        TEST(a_tail_beyond_the_beginning_is_all),
        TEST(the_tail_of_a_long_log_is_found),
        TEST(every_tail_is_the_end_of_the_whole),
        TEST(an_overlong_line_is_passed_over),
        TEST(new_lines_are_followed_until_the_end),
        TEST(a_log_that_comes_later_is_followed),
        TEST(a_log_that_is_replaced_is_followed),
        TEST(a_reader_without_room_gets_nothing_until_it_has),
        TEST(the_user_may_close_from_within),
    };
    return cmocka_run_group_tests_name("container_log", tests, NULL, NULL);
}
