/* Names of images as people type them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/auto.h"
#include "common/image_name.h"

#define DIGEST "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void a_short_name_is_of_this_host_when_it_was_made_here(void **unused)
{
    autoarena arena = { 0 };

    (void)unused;
    assert_string_equal(image_name_local("web", &arena), "localhost/web:latest");
    assert_string_equal(image_name_local("team/web:2", &arena), "localhost/team/web:2");
    assert_string_equal(image_name_local("a__b.c--d_e", &arena), "localhost/a__b.c--d_e:latest");
}

static void a_short_name_is_docker_ios_when_it_is_fetched(void **unused)
{
    autoarena arena = { 0 };

    (void)unused;
    assert_string_equal(image_name_registry("busybox", &arena), "docker.io/library/busybox:latest");
    assert_string_equal(image_name_registry("team/web:2", &arena), "docker.io/team/web:2");
    assert_string_equal(image_name_registry("index.docker.io/busybox:1", &arena),
                        "docker.io/library/busybox:1");
    assert_string_equal(image_name_local("docker.io/busybox", &arena),
                        "docker.io/library/busybox:latest");
}

static void a_whole_name_only_gets_its_tag(void **unused)
{
    autoarena arena = { 0 };

    (void)unused;
    assert_string_equal(image_name_local("quay.io/a/b", &arena), "quay.io/a/b:latest");
    assert_string_equal(image_name_registry("localhost/web", &arena), "localhost/web:latest");
    assert_string_equal(image_name_registry("hub:5000/web:V1.0-x", &arena), "hub:5000/web:V1.0-x");
    assert_string_equal(image_name_local("quay.io/a/b:1@" DIGEST, &arena), "quay.io/a/b@" DIGEST);
}

static void what_is_no_name_is_refused(void **unused)
{
    static const char *const texts[] = {
        "",
        "Web",
        "web:",
        "web:a b",
        "/web",
        "web/",
        "a//b",
        "a/../b",
        "-web",
        "web-",
        "we..b",
        "a___b",
        "web@sha",
        "quay.io/",
        "web:-1",
        ":5000/web",
        "a b",
        "web:1:2",
        "web@" DIGEST "0",
        "quay.io:x y/web",
        "a/_b",
        "w\xc3\xa9"
        "b",
    };
    autoarena arena = { 0 };

    (void)unused;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        if (image_name_local(texts[i], &arena) != NULL)
            fail_msg("'%s' was taken", texts[i]);
    }
    assert_null(image_name_registry(NULL, &arena));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_short_name_is_of_this_host_when_it_was_made_here),
        cmocka_unit_test(a_short_name_is_docker_ios_when_it_is_fetched),
        cmocka_unit_test(a_whole_name_only_gets_its_tag),
        cmocka_unit_test(what_is_no_name_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
