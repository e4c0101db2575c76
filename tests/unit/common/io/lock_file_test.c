/* A lock that is a file: who gets it, and when its holder is taken to be gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/auto.h"
#include "common/io/lock_file.h"
#include "common/mem.h"

struct place {
    char directory[64];
    char *path;
};

static int set_up(void **state)
{
    struct place *place = mem_new(struct place);

    (void)snprintf(place->directory, sizeof(place->directory), "/tmp/gantry-lock-XXXXXX");
    assert_non_null(mkdtemp(place->directory));
    place->path = mem_text("%s/lock", place->directory);
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;

    (void)unlink(place->path);
    (void)rmdir(place->directory);
    free(place->path);
    free(place);
    return 0;
}

static void one_has_it_at_a_time(void **state)
{
    struct place *place = *state;
    autofree char *wanted = mem_text("in use by another process (pid %d)", (int)getpid());
    autoclose int first = -1;
    autoclose int second = -1;
    struct error err = { 0 };

    assert_int_equal(lock_file_take(place->path, 0600, &first, &err), 0);
    assert_int_equal(lock_file_take(place->path, 0600, &second, &err), -EBUSY);
    assert_string_equal(err.text, wanted);
    assert_int_equal(close(steal_fd(&first)), 0);
    assert_int_equal(lock_file_take(place->path, 0600, &second, &err), 0);
}

/* The child has all descriptors of its parent, and ends when the pipe is closed. */
static _Noreturn void hold_and_leave_a_child(const char *path, const int ends[2])
{
    struct error err = { 0 };
    int fd = -1;
    char byte;

    if (lock_file_take(path, 0600, &fd, &err) < 0)
        _exit(1);
    if (fork() == 0) {
        (void)close(ends[1]);
        _exit(read(ends[0], &byte, 1) == 0 ? 0 : 1);
    }
    _exit(0);
}

struct release {
    sem_t begun;
    int end;
};

static void *let_go(void *arg)
{
    struct release *release = arg;

    (void)sem_wait(&release->begun);
    (void)close(release->end);
    return NULL;
}

static void a_dead_holders_child_is_waited_for(void **state)
{
    struct place *place = *state;
    autoclose int fd = -1;
    struct release release;
    struct error err = { 0 };
    pthread_t thread;
    int ends[2];
    int status = -1;
    pid_t holder;

    assert_int_equal(pipe(ends), 0);
    holder = fork();
    if (holder == 0)
        hold_and_leave_a_child(place->path, ends);
    assert_int_equal(waitpid(holder, &status, 0), holder);
    assert_int_equal(status, 0);
    release.end = ends[1];
    assert_int_equal(sem_init(&release.begun, 0, 0), 0);
    assert_int_equal(pthread_create(&thread, NULL, let_go, &release), 0);
    assert_int_equal(sem_post(&release.begun), 0);
    if (lock_file_take(place->path, 0600, &fd, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(sem_destroy(&release.begun), 0);
    assert_int_equal(close(ends[0]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_has_it_at_a_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_dead_holders_child_is_waited_for, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("lock_file", tests, NULL, NULL);
}
