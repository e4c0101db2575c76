/* What skopeo says, for consoles that follow: worker/pull_progress.h. */
#include "worker/pull_progress.h"

#include <errno.h>
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/bytes.h"
#include "schemas/bus.h"
#include "worker/stream_source.h"

#define POS 77

struct scene {
    struct event_base *loop;
    struct pull_progress *progress;
    struct stream_surroundings surroundings;
    bool is_open;
    void *source;
    struct buffer text; /* what the console has got */
    unsigned ends;
};

static bool is_open(void *owner, uint64_t pos)
{
    const struct scene *scene = owner;

    return pos == POS && scene->is_open;
}

static int setup(void **state)
{
    static struct scene scene;

    scene = (struct scene){ .loop = event_base_new(), .is_open = true };
    scene.progress = pull_progress_new(scene.loop);
    scene.surroundings = (struct stream_surroundings){
        .loop = scene.loop, .progress = scene.progress, .is_open = is_open, .owner = &scene
    };
    *state = &scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;

    if (scene->source != NULL)
        stream_progress.close(scene->source);
    pull_progress_destroy(scene->progress);
    event_base_free(scene->loop);
    buffer_done(&scene->text);
    return 0;
}

static void on_chunk(void *owner, const struct stream_chunk *chunk)
{
    struct scene *scene = owner;

    buffer_append(&scene->text, chunk->data.data, chunk->data.size);
}

static void on_end(void *owner, const char *failure)
{
    struct scene *scene = owner;

    assert_null(failure);
    scene->ends++;
}

static void on_drained(void *owner)
{
    (void)owner;
}

static const struct stream_events events = { .on_chunk = on_chunk,
                                             .on_end = on_end,
                                             .on_drained = on_drained };

static int follow(struct scene *scene)
{
    const struct stream_open open = { .pos = POS };

    return stream_progress.open(&scene->surroundings, &open, &events, scene, &scene->source, NULL);
}

static void say(struct scene *scene, int fd, const char *words)
{
    assert_int_equal(write(fd, words, strlen(words)), strlen(words));
    assert_true(event_base_loop(scene->loop, EVLOOP_NONBLOCK) >= 0);
}

static void assert_got(struct scene *scene, const char *words)
{
    assert_int_equal(scene->text.size, strlen(words));
    assert_memory_equal(scene->text.data, words, scene->text.size);
}

static void who_comes_late_gets_what_was_said_and_the_end(void **state)
{
    struct scene *scene = *state;
    int fd = pull_progress_begin(scene->progress, POS);

    say(scene, fd, "one\n");
    assert_int_equal(follow(scene), 0);
    assert_got(scene, "one\n");
    say(scene, fd, "two\n");
    assert_got(scene, "one\ntwo\n");
    assert_int_equal(write(fd, "three\n", 6), 6);
    (void)close(fd);
    pull_progress_end(scene->progress, POS);
    assert_got(scene, "one\ntwo\nthree\n");
    assert_int_equal(scene->ends, 1);
}

static void who_comes_early_waits_for_the_beginning(void **state)
{
    struct scene *scene = *state;
    int fd;

    assert_int_equal(follow(scene), 0);
    pull_progress_settle(scene->progress, is_open, scene);
    assert_int_equal(scene->ends, 0);
    fd = pull_progress_begin(scene->progress, POS);
    assert_int_equal(pull_progress_begin(scene->progress, POS), -1);
    say(scene, fd, "one\n");
    assert_got(scene, "one\n");
    (void)close(fd);
}

static void what_never_begins_ends_too(void **state)
{
    struct scene *scene = *state;

    assert_int_equal(follow(scene), 0);
    scene->is_open = false;
    pull_progress_settle(scene->progress, is_open, scene);
    pull_progress_settle(scene->progress, is_open, scene);
    assert_int_equal(scene->ends, 1);
    stream_progress.close(scene->source);
    scene->source = NULL;
    assert_int_equal(follow(scene), -ENOENT);
}

static void a_slow_reader_misses_the_oldest_and_keeps_nobody_waiting(void **state)
{
    struct scene *scene = *state;
    int fd = pull_progress_begin(scene->progress, POS);
    char line[16];

    assert_int_equal(follow(scene), 0);
    stream_progress.pause(scene->source);
    for (unsigned i = 0; i < 4 * PULL_PROGRESS_BYTES_MAX / 8; i++) {
        (void)snprintf(line, sizeof(line), "%07u\n", i);
        say(scene, fd, line);
    }
    assert_int_equal(scene->text.size, 0);
    stream_progress.resume(scene->source);
    assert_int_equal(scene->text.size, PULL_PROGRESS_BYTES_MAX);
    assert_memory_equal(scene->text.data + scene->text.size - 8, line, 8);
    (void)close(fd);
}

static void words_that_nobody_takes_are_dropped(void **state)
{
    struct scene *scene = *state;
    static const char words[4096];
    int fd = pull_progress_begin(scene->progress, POS);
    ssize_t r;

    do
        r = write(fd, words, sizeof(words));
    while (r > 0);
    assert_int_equal(errno, EAGAIN);
    (void)close(fd);
    pull_progress_end(scene->progress, POS);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(who_comes_late_gets_what_was_said_and_the_end),
        SCENE(who_comes_early_waits_for_the_beginning),
        SCENE(what_never_begins_ends_too),
        SCENE(a_slow_reader_misses_the_oldest_and_keeps_nobody_waiting),
        SCENE(words_that_nobody_takes_are_dropped),
    };
    return cmocka_run_group_tests_name("pull_progress", tests, NULL, NULL);
}
