/* What a watcher's filter lets through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/core/filter.h"

static char host[] = "a";
static char id[] = "c1";
static char died[] = "container.died";

static const struct record record = {
    .kind = RECORD_EVENT, .type = died, .host = host, .container = id
};

static bool passes(struct text_list *list, struct watch *watch, char *first, char *second)
{
    char *items[] = { first, second };
    bool is_passed;

    *list = (struct text_list){ .items = items, .count = second != NULL ? 2 : 1 };
    is_passed = filter_passes(watch, &record);
    *list = (struct text_list){ 0 };
    return is_passed;
}

static void no_filter_passes_everything(void **unused)
{
    struct watch watch = { 0 };
    struct record bare = { .kind = RECORD_COMMAND, .type = died };

    (void)unused;
    assert_true(filter_passes(&watch, &record));
    assert_true(filter_passes(&watch, &bare));
}

static void a_kind_is_one_or_both(void **unused)
{
    struct watch watch = { .kind = RECORD_EVENT };

    (void)unused;
    assert_true(filter_passes(&watch, &record));
    watch.kind = RECORD_COMMAND;
    assert_false(filter_passes(&watch, &record));
}

static void any_of_a_list_is_enough(void **unused)
{
    struct watch watch = { 0 };

    (void)unused;
    assert_true(passes(&watch.hosts, &watch, (char[]){ "b" }, (char[]){ "a" }));
    assert_false(passes(&watch.hosts, &watch, (char[]){ "b" }, (char[]){ "ab" }));
    assert_true(passes(&watch.containers, &watch, (char[]){ "c1" }, NULL));
    assert_false(passes(&watch.containers, &watch, (char[]){ "c" }, NULL));
}

static void a_type_with_a_dot_at_its_end_takes_all_that_begin_so(void **unused)
{
    struct watch watch = { 0 };

    (void)unused;
    assert_true(passes(&watch.types, &watch, (char[]){ "container.died" }, NULL));
    assert_true(passes(&watch.types, &watch, (char[]){ "host." }, (char[]){ "container." }));
    assert_false(passes(&watch.types, &watch, (char[]){ "container" }, NULL));
    assert_false(passes(&watch.types, &watch, (char[]){ "container.died." }, NULL));
    assert_false(passes(&watch.types, &watch, (char[]){ "container.di" }, NULL));
    assert_false(passes(&watch.types, &watch, (char[]){ "" }, NULL));
}

static void all_parts_have_to_pass(void **unused)
{
    char *hosts[] = { host };
    char *containers[] = { (char[]){ "c2" } };
    struct watch watch = { .hosts = { .items = hosts, .count = 1 },
                           .containers = { .items = containers, .count = 1 } };

    (void)unused;
    assert_false(filter_passes(&watch, &record));
    watch.containers.count = 0;
    assert_true(filter_passes(&watch, &record));
}

static void what_is_about_no_host_passes_no_list_of_hosts(void **unused)
{
    char *hosts[] = { host };
    struct watch watch = { .hosts = { .items = hosts, .count = 1 } };
    struct record bare = { .kind = RECORD_EVENT, .type = died };

    (void)unused;
    assert_false(filter_passes(&watch, &bare));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_filter_passes_everything),
        cmocka_unit_test(a_kind_is_one_or_both),
        cmocka_unit_test(any_of_a_list_is_enough),
        cmocka_unit_test(a_type_with_a_dot_at_its_end_takes_all_that_begin_so),
        cmocka_unit_test(all_parts_have_to_pass),
        cmocka_unit_test(what_is_about_no_host_passes_no_list_of_hosts),
    };
    return cmocka_run_group_tests_name("filter", tests, NULL, NULL);
}
