/* What is different between two moments of a log of our own making. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ops/console/differences.h"
#include "tests/support/fleet_log.h"

#define CONTAINERS_MAX 4

/* The fleet at a moment: its rows, copied. */
struct picture {
    struct container_row containers[CONTAINERS_MAX];
    struct host_row hosts[1];
    struct fleet_rows rows;
};

static void take_picture(struct fleet_log *log, struct picture *ret)
{
    *ret = (struct picture){ 0 };
    for (unsigned number = 1; number <= CONTAINERS_MAX; number++) {
        struct container_row row = fleet_log_row(log, fleet_log_container(log, number));

        if (row.id != NULL)
            ret->containers[ret->rows.containers.count++] = row;
    }
    assert_int_equal(view_host(log->view, LOG_HOST, &ret->hosts[0], &log->arena, NULL), 0);
    ret->rows.containers.items = ret->containers;
    ret->rows.hosts = (struct host_rows){ .items = ret->hosts, .count = 1 };
}

/* "container web state: running -> exited; ..." */
static const char *told(struct fleet_log *log, const struct picture *from, const struct picture *to)
{
    struct differences found;
    char *text = arena_text(&log->arena, "");

    differences_find(&from->rows, &to->rows, &found, &log->arena);
    for (size_t i = 0; i < found.count; i++) {
        const struct difference *one = &found.items[i];

        assert_string_equal(one->host, LOG_HOST);
        text = arena_printf(&log->arena, "%s%s%s %s %s: %s -> %s", text, i > 0 ? "; " : "",
                            one->kind, one->name, one->what, one->from, one->to);
    }
    return text;
}

static void nothing_is_different_from_itself(void **unused)
{
    autodestroy(fleet_log) struct fleet_log *log = fleet_log_new();
    struct picture one;

    (void)unused;
    fleet_log_running(log, fleet_log_container(log, 1), "web");
    take_picture(log, &one);
    assert_string_equal(told(log, &one, &one), "");
}

static void what_came_and_what_went_is_told_once(void **unused)
{
    autodestroy(fleet_log) struct fleet_log *log = fleet_log_new();
    struct picture before;
    struct picture after;
    char *id = fleet_log_container(log, 2);

    (void)unused;
    fleet_log_created(log, fleet_log_container(log, 1), "a");
    fleet_log_created(log, id, "b");
    take_picture(log, &before);
    fleet_log_must(log, fleet_log_event(log, "container.removing", id, 0, NULL));
    fleet_log_must(log, fleet_log_event(log, "container.removed", id, 0, NULL));
    fleet_log_running(log, fleet_log_container(log, 3), "c");
    (void)fleet_log_create(log, fleet_log_container(log, 4), "d");
    take_picture(log, &after);
    assert_string_equal(told(log, &before, &after), "container b removed: configured -> ; "
                                                    "container c appeared:  -> running, run 1; "
                                                    "container d appeared:  -> being created");
    assert_string_equal(told(log, &after, &before), "container b appeared:  -> configured; "
                                                    "container c removed: running, run 1 -> ; "
                                                    "container d removed: being created -> ");
}

static void a_run_that_ended_tells_its_exit_code(void **unused)
{
    autodestroy(fleet_log) struct fleet_log *log = fleet_log_new();
    struct picture before;
    struct picture after;
    char *id = fleet_log_container(log, 1);

    (void)unused;
    fleet_log_running(log, id, "web");
    take_picture(log, &before);
    fleet_log_must(
        log, fleet_log_event(log, "container.died", id, 1,
                             &(struct container_died){ .exit_code = 137, .oom_killed = true }));
    fleet_log_must(log, fleet_log_event(log, "container.cleaned", id, 1, NULL));
    take_picture(log, &after);
    assert_string_equal(told(log, &before, &after), "container web state: running -> exited; "
                                                    "container web exit code:  -> 137; "
                                                    "container web out of memory:  -> yes");
    fleet_log_initialized(log, id, 2);
    fleet_log_must(log, fleet_log_event(log, "container.started", id, 2, NULL));
    take_picture(log, &after);
    assert_string_equal(told(log, &before, &after), "container web run: 1 -> 2");
}

static void a_host_tells_what_happened_to_it(void **unused)
{
    autodestroy(fleet_log) struct fleet_log *log = fleet_log_new();
    struct host_facts facts = { .version = arena_text(&log->arena, "0.2.0") };
    struct host_hello hello = { .incarnation = 2,
                                .journal = command_id_make(1, 1),
                                .facts = &facts };
    struct picture before;
    struct picture after;

    (void)unused;
    take_picture(log, &before);
    fleet_log_must(log, fleet_log_system(log, "host.unreachable", LOG_HOST,
                                         &(struct host_unreachable){ .silent_ms = 30000 }));
    take_picture(log, &after);
    assert_string_equal(told(log, &before, &after), "host a state: reachable -> unreachable");
    fleet_log_must(log, fleet_log_system(log, "host.hello", LOG_HOST, &hello));
    take_picture(log, &after);
    assert_string_equal(told(log, &before, &after),
                        "host a worker starts: 1 -> 2; host a version: 0.1.0 -> 0.2.0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_different_from_itself),
        cmocka_unit_test(what_came_and_what_went_is_told_once),
        cmocka_unit_test(a_run_that_ended_tells_its_exit_code),
        cmocka_unit_test(a_host_tells_what_happened_to_it),
    };

    return cmocka_run_group_tests_name("differences", tests, NULL, NULL);
}
