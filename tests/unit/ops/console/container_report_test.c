/* Containers in podman's words and shapes. */
#include "ops/console/container_report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/auto.h"
#include "ops/console/tree.h"

#define S   1000000000ULL
#define NOW (1796054400 * S)

static char id[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
static char host[] = "one";
static char *words[] = { (char[]){ "sh" }, (char[]){ "-c" }, (char[]){ "echo hello\tworld" } };
static char *options[] = { (char[]){ "ro" }, (char[]){ "rprivate" } };
static struct mount_config mounts[] = { { .type = (char[]){ "bind" },
                                          .source = (char[]){ "/s" },
                                          .destination = (char[]){ "/d" },
                                          .options = { .items = options, .count = 2 } } };
static struct ulimit_config ulimits[] = {
    { .name = (char[]){ "nofile" }, .soft = 10, .hard = 20 }
};
static struct container_config config = {
    .name = (char[]){ "web" },
    .rootfs = (char[]){ "/r" },
    .command = { .items = words, .count = 3 },
    .mounts = { .items = mounts, .count = 1 },
    .ulimits = { .items = ulimits, .count = 1 },
};
static const struct container_row row = {
    .id = id,
    .host = host,
    .state = CONTAINER_RUNNING,
    .run = 2,
    .config = &config,
    .created = NOW - 600 * S,
    .started = NOW - 300 * S,
    .pid = 77,
};
static const struct report_options now = { .now = NOW };

static const char *status_of(enum container_state state, struct arena *arena)
{
    struct container_row other = row;

    other.state = state;
    other.finished = NOW - 120 * S;
    other.exit_code = 7;
    return container_report_status(&other, &now, arena);
}

static void the_status_is_said_as_podman_says_it(void **state)
{
    autoarena arena = { 0 };
    struct container_row lost = row;
    const struct report_options silent = { .now = NOW, .is_unreachable = true };

    (void)state;
    lost.state = CONTAINER_EXITED;
    lost.exit_unknown = true;
    lost.finished = NOW - 5 * S;
    assert_string_equal(status_of(CONTAINER_RUNNING, &arena), "Up 5 minutes");
    assert_string_equal(status_of(CONTAINER_STOPPED, &arena), "Exited (7) 2 minutes ago");
    assert_string_equal(status_of(CONTAINER_EXITED, &arena), "Exited (7) 2 minutes ago");
    assert_string_equal(status_of(CONTAINER_CONFIGURED, &arena), "Created");
    assert_string_equal(status_of(CONTAINER_CREATED, &arena), "Initialized");
    assert_string_equal(status_of(CONTAINER_PAUSED, &arena), "Paused");
    assert_string_equal(status_of(CONTAINER_REMOVING, &arena), "Removing");
    assert_string_equal(container_report_status(&lost, &now, &arena),
                        "Exited (unknown) 5 seconds ago");
    assert_string_equal(container_report_status(&row, &silent, &arena),
                        "Up 5 minutes (host unreachable)");
}

static const char *field(struct json_t *tree, const char *key)
{
    return tree_text(tree_get(tree, key));
}

static void fields_are_cut_unless_they_are_to_be_whole(void **state)
{
    autoarena arena = { 0 };
    const struct report_options whole = { .now = NOW, .is_whole = true };
    autotree *cut_fields = container_report_fields(&row, &now, &arena);
    autotree *whole_fields = container_report_fields(&row, &whole, &arena);

    (void)state;
    assert_string_equal(field(cut_fields, "ID"), "0123456789ab");
    assert_string_equal(field(cut_fields, "Command"), "sh -c echo hello ...");
    assert_string_equal(field(cut_fields, "Created"), "10 minutes ago");
    assert_string_equal(field(cut_fields, "State"), "running");
    assert_string_equal(field(whole_fields, "ID"), id);
    assert_string_equal(field(whole_fields, "Command"), "sh -c echo hello world");
}

static void every_field_has_a_title(void **state)
{
    autoarena arena = { 0 };
    autotree *fields = container_report_fields(&row, &now, &arena);
    autotree *titles = container_report_titles();
    const char *key = NULL;

    (void)state;
    assert_int_equal(tree_length(fields), tree_length(titles));
    for (size_t i = 0; tree_at(fields, i, &key) != NULL; i++)
        assert_non_null(field(titles, key));
}

static void a_cell_is_the_text_of_its_field(void **state)
{
    autoarena arena = { 0 };
    autotree *fields = container_report_fields(&row, &now, &arena);
    struct json_t *value;
    const char *key = NULL;
    unsigned texts = 0;

    (void)state;
    for (size_t i = 0; (value = tree_at(fields, i, &key)) != NULL; i++) {
        int cell = container_report_find_cell(key);
        const char *text = cell >= 0 ? container_report_cell(&row, &now, cell, &arena) : NULL;

        assert_int_equal(cell >= 0, tree_text(value) != NULL);
        texts += cell >= 0 ? 1 : 0;
        if (cell >= 0)
            assert_string_equal(text != NULL ? text : "", tree_text(value));
    }
    assert_true(texts > 10);
    assert_int_equal(container_report_find_cell("Pid"), -1);
    assert_int_equal(container_report_find_cell("NoSuchField"), -1);
}

static void a_row_without_a_configuration_can_be_shown(void **state)
{
    autoarena arena = { 0 };
    struct container_row bare = { .id = id, .host = host };
    autotree *fields = container_report_fields(&bare, &now, &arena);
    autotree *listed = container_report_listed(&bare, &now, &arena);
    autotree *inspected = container_report_inspected(&bare, NULL, &arena);

    (void)state;
    assert_string_equal(field(fields, "Names"), "");
    assert_string_equal(field(listed, "State"), "unknown");
    assert_string_equal(field(inspected, "Name"), "");
}

static void lists_hold_what_podman_lists(void **state)
{
    autoarena arena = { 0 };
    autotree *listed = container_report_listed(&row, &now, &arena);
    int64_t number = 0;

    (void)state;
    assert_string_equal(field(listed, "Id"), id);
    assert_string_equal(tree_text(tree_at(tree_get(listed, "Names"), 0, NULL)), "web");
    assert_int_equal(tree_length(tree_get(listed, "Command")), 3);
    assert_true(tree_number(tree_get(listed, "StartedAt"), &number));
    assert_int_equal(number, 1796054400 - 300);
    assert_true(tree_number(tree_get(listed, "ExitedAt"), &number));
    assert_true(number == -62135596800);
}

static void inspect_has_the_shape_of_podman(void **state)
{
    autoarena arena = { 0 };
    autotree *tree = container_report_inspected(&row, NULL, &arena);
    struct json_t *mount = tree_at(tree_get(tree, "Mounts"), 0, NULL);
    struct json_t *limit = tree_at(tree_get(tree_get(tree, "HostConfig"), "Ulimits"), 0, NULL);
    int64_t number = 0;

    (void)state;
    assert_string_equal(field(tree, "Path"), "sh");
    assert_int_equal(tree_length(tree_get(tree, "Args")), 2);
    assert_string_equal(field(tree, "Created"), "2026-11-30T15:50:00.000000000Z");
    assert_string_equal(field(tree_get(tree, "State"), "Status"), "running");
    assert_true(tree_is_true(tree_get(tree_get(tree, "State"), "Running")));
    assert_string_equal(field(tree_get(tree, "State"), "FinishedAt"), "0001-01-01T00:00:00Z");
    assert_string_equal(field(mount, "Propagation"), "rprivate");
    assert_false(tree_is_true(tree_get(mount, "RW")));
    assert_string_equal(field(tree_get(tree, "Config"), "Hostname"), "0123456789ab");
    assert_true(tree_number(tree_get(tree_get(tree, "Config"), "StopTimeout"), &number));
    assert_int_equal(number, 10);
    assert_true(tree_number(tree_get(tree_get(tree, "HostConfig"), "PidsLimit"), &number));
    assert_int_equal(number, 2048);
    assert_string_equal(field(limit, "Name"), "RLIMIT_NOFILE");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_status_is_said_as_podman_says_it),
        cmocka_unit_test(fields_are_cut_unless_they_are_to_be_whole),
        cmocka_unit_test(every_field_has_a_title),
        cmocka_unit_test(a_cell_is_the_text_of_its_field),
        cmocka_unit_test(a_row_without_a_configuration_can_be_shown),
        cmocka_unit_test(lists_hold_what_podman_lists),
        cmocka_unit_test(inspect_has_the_shape_of_podman),
    };

    return cmocka_run_group_tests_name("container_report", tests, NULL, NULL);
}
