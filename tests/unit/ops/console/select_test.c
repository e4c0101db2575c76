/* Containers and hosts by what operators say. */
#include "ops/console/select.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char id_a[] = "aaaa000000000000000000000000000000000000000000000000000000000000";
static char id_b[] = "aabb000000000000000000000000000000000000000000000000000000000000";
static char id_c[] = "cccc000000000000000000000000000000000000000000000000000000000000";

static char name_web[] = "web";
static char name_aa[] = "aa";
static char host_1[] = "one";
static char host_2[] = "two";

static struct container_config web = { .name = name_web };
static struct container_config aa = { .name = name_aa };

static struct container_row items[] = {
    { .id = id_a, .host = host_1, .config = &web },
    { .id = id_b, .host = host_1, .config = &aa },
    { .id = id_c, .host = host_2, .config = &web },
};

static const struct container_rows all = { .items = items, .count = 3 };
static const struct container_rows first_two = { .items = items, .count = 2 };

static const struct container_row *select_one(const struct container_rows *rows, const char *word)
{
    const struct container_row *row = NULL;

    assert_int_equal(select_container(rows, word, &row, NULL), 0);
    return row;
}

static void ids_names_and_beginnings_are_understood(void **state)
{
    (void)state;
    assert_ptr_equal(select_one(&all, id_b), &items[1]);
    assert_ptr_equal(select_one(&all, "aab"), &items[1]);
    assert_ptr_equal(select_one(&all, "c"), &items[2]);
    assert_ptr_equal(select_one(&first_two, "web"), &items[0]);
}

static void a_name_wins_over_the_beginning_of_an_id(void **state)
{
    (void)state;
    assert_ptr_equal(select_one(&all, "aa"), &items[1]);
}

static void what_means_several_is_an_error_that_lists_them(void **state)
{
    const struct container_row *row = NULL;
    struct error err = { 0 };

    (void)state;
    assert_int_equal(select_container(&all, "web", &row, &err), -ENOTUNIQ);
    assert_string_equal(err.text, "more than one result for container name or ID \"web\": "
                                  "aaaa00000000 on one, cccc00000000 on two");
    assert_int_equal(select_container(&first_two, "a", &row, NULL), -ENOTUNIQ);
    assert_null(row);
}

static void what_means_none_is_an_error(void **state)
{
    const struct container_row *row = NULL;
    struct error err = { 0 };

    (void)state;
    assert_int_equal(select_container(&all, "", &row, NULL), -ENOENT);
    assert_int_equal(select_container(&all, "we", &row, &err), -ENOENT);
    assert_string_equal(err.text, "no container with name or ID \"we\" found: no such container");
}

static void a_host_is_needed_when_there_are_several(void **state)
{
    struct host_row rows[] = { { .name = host_1 }, { .name = host_2 } };
    struct host_rows hosts = { .items = rows, .count = 2 };
    const char *name = NULL;
    struct error err = { 0 };

    (void)state;
    assert_int_equal(select_host(&hosts, NULL, &name, &err), -ENOTUNIQ);
    assert_string_equal(err.text, "choose a host by --host: one, two");
    assert_int_equal(select_host(&hosts, "two", &name, NULL), 0);
    assert_string_equal(name, "two");
    assert_int_equal(select_host(&hosts, "three", &name, &err), -ENOENT);
    assert_string_equal(err.text, "no host is called \"three\"; there are one, two");
    hosts.count = 1;
    assert_int_equal(select_host(&hosts, NULL, &name, NULL), 0);
    assert_string_equal(name, "one");
    hosts.count = 0;
    assert_int_equal(select_host(&hosts, NULL, &name, NULL), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_names_and_beginnings_are_understood),
        cmocka_unit_test(a_name_wins_over_the_beginning_of_an_id),
        cmocka_unit_test(what_means_several_is_an_error_that_lists_them),
        cmocka_unit_test(what_means_none_is_an_error),
        cmocka_unit_test(a_host_is_needed_when_there_are_several),
    };

    return cmocka_run_group_tests_name("select", tests, NULL, NULL);
}
