/* What systemd hears. */
#include "common/io/notify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

/* Bind a listener to `name` and give its descriptor. */
static int listen_at(const char *name)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    memcpy(address.sun_path, name, strlen(name));
    if (name[0] == '@')
        address.sun_path[0] = '\0';
    assert_int_equal(bind(fd, (const struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))),
                     0);
    assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
    return fd;
}

static void assert_heard(int fd, const char *expected)
{
    char heard[64] = "";

    notify_send(expected);
    assert_int_equal(recv(fd, heard, sizeof(heard) - 1, MSG_DONTWAIT), strlen(expected));
    assert_string_equal(heard, expected);
    (void)close(fd);
}

static void a_listener_on_a_path_hears(void **state)
{
    char directory[] = "/tmp/gantry-notify-XXXXXX";
    char path[64];

    (void)state;
    assert_non_null(mkdtemp(directory));
    (void)snprintf(path, sizeof(path), "%s/socket", directory);
    assert_heard(listen_at(path), "READY=1");
    assert_int_equal(unlink(path), 0);
    notify_send("STOPPING=1"); /* nobody there any more */
    assert_int_equal(rmdir(directory), 0);
}

static void a_listener_with_an_abstract_name_hears(void **state)
{
    char name[64];

    (void)state;
    (void)snprintf(name, sizeof(name), "@gantry-notify-test-%d", (int)getpid());
    assert_heard(listen_at(name), "STATUS=fine");
}

static void nobody_to_tell_is_no_trouble(void **state)
{
    char too_long[256];

    (void)state;
    (void)unsetenv("NOTIFY_SOCKET");
    notify_send("READY=1");
    (void)setenv("NOTIFY_SOCKET", "", 1);
    notify_send("READY=1");
    (void)setenv("NOTIFY_SOCKET", "vsock:2:1", 1);
    notify_send("READY=1");
    memset(too_long, '/', sizeof(too_long) - 1);
    too_long[sizeof(too_long) - 1] = '\0';
    (void)setenv("NOTIFY_SOCKET", too_long, 1);
    notify_send("READY=1");
    (void)unsetenv("NOTIFY_SOCKET");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_listener_on_a_path_hears),
        cmocka_unit_test(a_listener_with_an_abstract_name_hears),
        cmocka_unit_test(nobody_to_tell_is_no_trouble),
    };
    return cmocka_run_group_tests_name("notify", tests, NULL, NULL);
}
