/* The facts of the last probe: good for this boot, this version and runtimes that are there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/auto.h"
#include "common/io/files.h"
#include "common/mem.h"
#include "worker/io/known_facts.h"

#define BOOT "0f3c2a57-0000-4000-8000-123456789abc"

struct place {
    char directory[32];
    struct layout layout;
    char *path;
};

static int set_up(void **state)
{
    struct place *place = mem_new(struct place);

    *place = (struct place){ .directory = "/tmp/gantry-facts-XXXXXX" };
    if (mkdtemp(place->directory) == NULL)
        return -1;
    layout_init(&place->layout, place->directory, place->directory);
    place->path = layout_facts(&place->layout);
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;

    (void)files_remove_tree(AT_FDCWD, place->directory, NULL);
    layout_done(&place->layout);
    free(place->path);
    free(place);
    return 0;
}

static void keep(const struct place *place, const char *version, const char *runtime_path)
{
    autoarena arena = { 0 };
    struct runtime_fact runtime = { .name = arena_text(&arena, "runc"),
                                    .path = arena_text(&arena, runtime_path),
                                    .works = true };
    struct host_facts facts = { .version = arena_text(&arena, version),
                                .boot_id = arena_text(&arena, BOOT),
                                .cpus = 3,
                                .runtimes = { .items = &runtime, .count = 1 } };

    known_facts_write(place->path, &facts);
}

static bool are_known(const struct place *place, const char *boot_id)
{
    autoarena arena = { 0 };
    struct host_facts facts;

    return known_facts_read(&place->layout, boot_id, &arena, &facts);
}

static void what_was_found_is_known_again(void **state)
{
    const struct place *place = *state;
    autoarena arena = { 0 };
    struct host_facts facts;
    const struct runtime_fact *runtimes;

    assert_false(are_known(place, BOOT));
    keep(place, GANTRY_VERSION, "/bin/sh");
    assert_true(known_facts_read(&place->layout, BOOT, &arena, &facts));
    assert_int_equal(facts.cpus, 3);
    assert_int_equal(facts.runtimes.count, 1);
    runtimes = facts.runtimes.items;
    assert_string_equal(runtimes[0].path, "/bin/sh");
}

static void it_is_not_known_in_another_boot(void **state)
{
    const struct place *place = *state;

    keep(place, GANTRY_VERSION, "/bin/sh");
    assert_false(are_known(place, "0f3c2a57-0000-4000-8000-123456789abd"));
    assert_false(are_known(place, ""));
}

static void another_version_looks_for_itself(void **state)
{
    const struct place *place = *state;

    keep(place, "0.0.0-other", "/bin/sh");
    assert_false(are_known(place, BOOT));
}

static void a_runtime_that_is_gone_is_not_relied_on(void **state)
{
    const struct place *place = *state;

    keep(place, GANTRY_VERSION, "/usr/bin/no-such-runtime");
    assert_false(are_known(place, BOOT));
}

static void a_damaged_file_is_not_believed(void **state)
{
    const struct place *place = *state;

    keep(place, GANTRY_VERSION, "/bin/sh");
    assert_int_equal(truncate(place->path, 20), 0);
    assert_false(are_known(place, BOOT));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_found_is_known_again),    TEST(it_is_not_known_in_another_boot),
        TEST(another_version_looks_for_itself), TEST(a_runtime_that_is_gone_is_not_relied_on),
        TEST(a_damaged_file_is_not_believed),
    };

    return cmocka_run_group_tests_name("known_facts", tests, NULL, NULL);
}
