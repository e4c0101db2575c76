/* What the tests of the bus share; see the header. */
#include "tests/support/wire.h"

#include <event2/event.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/auto.h"
#include "common/mem.h"

#define PATIENCE_S 60

static void on_patience_over(evutil_socket_t fd, short what, void *arg)
{
    bool *is_over = arg;

    (void)fd;
    (void)what;
    *is_over = true;
}

void wire_run_until(struct event_base *loop, bool (*holds)(void *arg), void *arg)
{
    const struct timeval patience = { .tv_sec = PATIENCE_S };
    bool is_over = false;
    struct event *timer = event_new(loop, -1, 0, on_patience_over, &is_over);

    (void)event_add(timer, &patience);
    while (!holds(arg) && !is_over)
        (void)event_base_loop(loop, EVLOOP_ONCE);
    event_free(timer);
    assert_false(is_over);
}

void wire_run_turns(struct event_base *loop, unsigned turns)
{
    for (unsigned i = 0; i < turns; i++)
        (void)event_base_loop(loop, EVLOOP_NONBLOCK);
}

void wire_run(const char *script)
{
    char shell[] = "/bin/bash";
    char option[] = "-c";
    autofree char *text = mem_dup_text(script);
    char *argv[] = { shell, option, text, NULL };
    pid_t pid;
    int status;

    assert_int_equal(posix_spawn(&pid, shell, NULL, NULL, argv, environ), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

char *wire_scratch_new(void)
{
    char pattern[] = "/tmp/gantry-wire-XXXXXX";

    assert_non_null(mkdtemp(pattern));
    return mem_dup_text(pattern);
}

void wire_scratch_remove(char *directory)
{
    autofree char *command = mem_text("rm -rf '%s'", directory);

    wire_run(command);
    free(directory);
}

void wire_certificates(const char *directory, const char *arguments)
{
    const char *source = getenv("GANTRY_SOURCE_DIR");
    autofree char *command = mem_text("'%s/ops/certificates' '%s' %s",
                                      source == NULL ? "." : source, directory, arguments);

    wire_run(command);
}

const char *wire_own_address(void)
{
    static char address[16];
    unsigned pid = (unsigned)getpid();

    (void)snprintf(address, sizeof(address), "127.%u.%u.%u", 1 + (pid >> 16 & 0x7f),
                   pid >> 8 & 0xff, 1 + (pid & 0x7f));
    return address;
}
