/* "user[:group]" against the texts of passwd and group. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "worker/io/users.h"

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
                             "# a comment\n"
                             "\n"
                             "web:x:33:34:Web:/var/www:/usr/sbin/nologin\n"
                             "77:x:500:501::/home/odd:/bin/sh\n"
                             "short:x:9\n"
                             "rude:x:10:10::/home/\x01rude:/bin/sh\n"
                             "last:x:99:98::relative:/bin/sh";
static const char group[] =
    "root:x:0:\nwww:x:34:\nmedia:x:44:a,web\nodd:x:45:webb,we\nend:x:46:web";

static struct user_identity resolved(struct arena *arena, const char *user)
{
    struct user_identity identity;
    struct error err = { 0 };

    if (user_resolve(user, passwd, group, arena, &identity, &err) < 0)
        fail_msg("%s", err.text);
    return identity;
}

static void nobody_named_is_root(void **unused)
{
    autoarena arena = { 0 };
    struct user_identity identity = resolved(&arena, NULL);

    (void)unused;
    assert_int_equal(identity.uid, 0);
    assert_int_equal(identity.gid, 0);
    assert_string_equal(identity.home, "/root");
}

static void a_name_brings_its_groups_and_home(void **unused)
{
    autoarena arena = { 0 };
    struct user_identity identity = resolved(&arena, "web");

    (void)unused;
    assert_int_equal(identity.uid, 33);
    assert_int_equal(identity.gid, 34);
    assert_string_equal(identity.home, "/var/www");
    assert_int_equal(identity.more_gid_count, 2);
    assert_int_equal(identity.more_gids[0], 44);
    assert_int_equal(identity.more_gids[1], 46);
}

static void a_number_is_looked_up_but_need_not_be_there(void **unused)
{
    autoarena arena = { 0 };

    (void)unused;
    assert_int_equal(resolved(&arena, "33").gid, 34);
    assert_int_equal(resolved(&arena, "4000").uid, 4000);
    assert_int_equal(resolved(&arena, "4000").gid, 0);
    assert_string_equal(resolved(&arena, "4000").home, "/");
    assert_int_equal(resolved(&arena, "4000:4001").gid, 4001);
}

static void a_name_of_digits_goes_before_a_number(void **unused)
{
    autoarena arena = { 0 };

    (void)unused;
    assert_int_equal(resolved(&arena, "77").uid, 500);
}

static void a_group_that_is_said_is_the_only_one(void **unused)
{
    autoarena arena = { 0 };
    struct user_identity identity = resolved(&arena, "web:media");

    (void)unused;
    assert_int_equal(identity.gid, 44);
    assert_int_equal(identity.more_gid_count, 0);
}

static void a_strange_home_is_none(void **unused)
{
    autoarena arena = { 0 };

    (void)unused;
    assert_string_equal(resolved(&arena, "rude").home, "/");
    assert_string_equal(resolved(&arena, "last").home, "/");
    assert_string_equal(resolved(&arena, "short").home, "/");
    assert_int_equal(resolved(&arena, "short").gid, 0);
}

static void what_is_not_there_is_refused(void **unused)
{
    static const char *const bad[] = {
        "nobody", "web:nobody", ":root", "web:", "4294967295", "-1"
    };
    autoarena arena = { 0 };
    struct user_identity identity;

    (void)unused;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_true(user_resolve(bad[i], passwd, group, &arena, &identity, NULL) < 0);
}

static void files_that_are_not_there_know_nobody(void **unused)
{
    autoarena arena = { 0 };
    struct user_identity identity;

    (void)unused;
    assert_int_equal(user_resolve(NULL, NULL, NULL, &arena, &identity, NULL), 0);
    assert_string_equal(identity.home, "/");
    assert_int_equal(user_resolve("web", NULL, NULL, &arena, &identity, NULL), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_named_is_root),
        cmocka_unit_test(a_name_brings_its_groups_and_home),
        cmocka_unit_test(a_number_is_looked_up_but_need_not_be_there),
        cmocka_unit_test(a_name_of_digits_goes_before_a_number),
        cmocka_unit_test(a_group_that_is_said_is_the_only_one),
        cmocka_unit_test(a_strange_home_is_none),
        cmocka_unit_test(what_is_not_there_is_refused),
        cmocka_unit_test(files_that_are_not_there_know_nobody),
    };
    return cmocka_run_group_tests_name("users", tests, NULL, NULL);
}
