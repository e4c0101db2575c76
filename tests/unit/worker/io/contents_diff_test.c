/* What a container has changed of its image, and how much: worker/io/contents_diff.h. */
#include "worker/io/contents_diff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/storage_rig.h"

#define PATH(...) storage_rig_path(rig, __VA_ARGS__)

static void check(int r, const struct error *err)
{
    if (r < 0)
        fail_msg("%s", err->text);
}

/* "A /x\nC /y\n", sorted as the walk comes. */
static void note_change(void *owner, enum contents_change change, const char *path)
{
    static const char letters[] = "ACD";
    char *text = owner;

    (void)snprintf(text + strlen(text), 4096 - strlen(text), "%c %s\n", letters[change], path);
}

static void assert_change(const char *changes, const char *line, bool is_there)
{
    if ((strstr(changes, line) != NULL) != is_there)
        fail_msg("\"%s\" in:\n%s", line, changes);
}

static void a_diff_tells_what_changed_and_nothing_else(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    static const char *const links[] = { "TOP", "BASE" };
    struct rootfs_request request = {
        .layout = &rig->layout, .id = storage_rig_id, .links = links, .link_count = 2
    };
    char changes[4096] = "\n";
    uint64_t bytes = 0;
    struct error err = { 0 };

    storage_rig_layer(rig, "BASE");
    storage_rig_layer(rig, "TOP");
    storage_rig_put(PATH("state/storage/layers/BASE/fs/etc/kept"), "kept");
    storage_rig_put(PATH("state/storage/layers/BASE/fs/etc/changed"), "old");
    storage_rig_put(PATH("state/storage/layers/BASE/fs/gone/file"), "old");
    storage_rig_put(PATH("state/storage/layers/BASE/fs/anew/a"), "old");
    storage_rig_put(PATH("state/storage/layers/TOP/fs/anew/b"), "old");
    storage_rig_put(PATH("state/storage/layers/TOP/fs/quiet/deep/file"), "old");
    check(contents_diff(&request, note_change, changes, &err), &err);
    check(contents_size(&rig->layout, storage_rig_id, &bytes, &err), &err);
    assert_string_equal(changes, "\n");
    assert_int_equal(bytes, 0);

    check(rootfs_mount(&request, "run", &err), &err);
#define IN(path) PATH("run/containers/%s/rootfs/%s", storage_rig_id, path)
    storage_rig_put(IN("etc/changed"), "new");
    storage_rig_put(IN("etc/hosts"), "made by the runtime");
    storage_rig_put(IN("run/x"), "x");
    storage_rig_put(IN("added/file"), "12345");
    assert_int_equal(link(IN("added/file"), IN("added/twin")), 0);
    storage_rig_put(IN("quiet/deep/new"), "");
    assert_int_equal(unlink(IN("gone/file")), 0);
    assert_int_equal(rmdir(IN("gone")), 0);
    assert_int_equal(unlink(IN("anew/a")), 0);
    assert_int_equal(unlink(IN("anew/b")), 0);
    assert_int_equal(rmdir(IN("anew")), 0);
    storage_rig_put(IN("anew/b"), "new");
    check(contents_diff(&request, note_change, changes, &err), &err);
    assert_change(changes, "\nC /etc\n", true);
    assert_change(changes, "\nC /etc/changed\n", true);
    assert_change(changes, "/etc/kept", false);
    assert_change(changes, "/etc/hosts", false);
    assert_change(changes, "\nA /run\n", false);
    assert_change(changes, "\nA /run/x\n", true);
    assert_change(changes, "\nA /added\n", true);
    assert_change(changes, "\nA /added/file\n", true);
    assert_change(changes, "\nC /quiet\n", true);
    assert_change(changes, "\nC /quiet/deep\n", true);
    assert_change(changes, "\nA /quiet/deep/new\n", true);
    assert_change(changes, "\nD /gone\n", true);
    assert_change(changes, "/gone/file", false);
    assert_change(changes, "\nC /anew\n", true);
    assert_change(changes, "\nD /anew/a\n", true);
    assert_change(changes, "\nC /anew/b\n", true);
    check(contents_size(&rig->layout, storage_rig_id, &bytes, &err), &err);
    assert_int_equal(bytes, strlen("new") + strlen("made by the runtime") + strlen("x") +
                                strlen("12345") + strlen("new"));
}

#define RIG(test) cmocka_unit_test_setup_teardown(test, storage_rig_setup, storage_rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG(a_diff_tells_what_changed_and_nothing_else),
    };
    return cmocka_run_group_tests_name("contents_diff", tests, NULL, NULL);
}
