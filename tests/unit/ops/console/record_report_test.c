/* Records as events and history show them. */
#include "ops/console/record_report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/auto.h"
#include "ops/console/event_names.h"
#include "ops/console/tree.h"
#include "schemas/codec.h"
#include "schemas/commands.h"
#include "schemas/events.h"

static char id[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/* A record with this body; its bytes are in `body`. */
static struct record record_of(const struct schema *schema, const void *message,
                               struct buffer *body, struct arena *arena)
{
    schema_encode(schema, message, body);
    return (struct record){
        .pos = 9,
        .kind = RECORD_EVENT,
        .type = arena_text(arena, schema->name),
        .host = arena_text(arena, "one"),
        .container = id,
        .run = 2,
        .happened = 1796054400000000005,
        .body.bytes = buffer_bytes(body),
    };
}

static char *details_of(const struct schema *schema, const void *message, struct arena *arena)
{
    struct buffer body = { 0 };
    struct record record = record_of(schema, message, &body, arena);
    char *details = record_report_details(&record, arena);

    buffer_done(&body);
    return details;
}

static void statuses_are_the_words_of_podman(void **state)
{
    static const char *const words[][2] = {
        { "container.created", "create" }, { "container.started", "start" },
        { "container.died", "died" },      { "container.removed", "remove" },
        { "host.hello", "hello" },         { "odd", "odd" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        autoarena arena = { 0 };
        struct record record = { .type = arena_text(&arena, words[i][0]) };

        assert_string_equal(record_report_status(&record), words[i][1]);
    }
}

static void a_line_is_as_podman_prints_it(void **state)
{
    autoarena arena = { 0 };
    struct buffer body = { 0 };
    const struct container_died died = { .exit_code = 0 };
    struct record record = record_of(&container_died_schema, &died, &body, &arena);

    (void)state;
    assert_string_equal(record_report_line(&record, "web", &arena),
                        "2026-11-30 16:00:00.000000005 +0000 UTC container died "
                        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef "
                        "(host=one, name=web, run=2, exitCode=0)");
    buffer_done(&body);
}

static void fields_hold_the_exit_code_and_the_body(void **state)
{
    autoarena arena = { 0 };
    struct buffer body = { 0 };
    const struct container_died died = { .exit_code = 137, .oom_killed = true };
    struct record record = record_of(&container_died_schema, &died, &body, &arena);
    autotree *fields = record_report_fields(&record, "web", &arena);
    int64_t number = 0;

    (void)state;
    buffer_done(&body);
    assert_true(tree_number(tree_get(fields, "ContainerExitCode"), &number));
    assert_int_equal(number, 137);
    assert_string_equal(tree_text(tree_get(fields, "Type")), "container");
    assert_string_equal(tree_text(tree_get(fields, "Record")), "container.died");
    assert_true(tree_number(tree_get(tree_get(fields, "Details"), "exit_code"), &number));
    assert_int_equal(number, 137);
}

static void bodies_are_said_for_people(void **state)
{
    autoarena arena = { 0 };
    const struct container_died oom = { .exit_code = 137, .oom_killed = true };
    const struct container_died unknown = { .is_unknown = true };
    const struct container_stopping stopping = { .signal = 15, .timeout_s = 10 };
    const struct container_kill kill = { .signal = 9 };
    const struct command_failed failed = { .code = arena_text(&arena, "rootfs"),
                                           .text = arena_text(&arena, "/r is no directory") };
    const struct nothing nothing = { 0 };

    (void)state;
    assert_string_equal(details_of(&container_died_schema, &oom, &arena),
                        "exit code 137, out of memory");
    assert_string_equal(details_of(&container_died_schema, &unknown, &arena), "exit code unknown");
    assert_string_equal(details_of(&container_stopping_schema, &stopping, &arena),
                        "SIGTERM, then SIGKILL after 10 s");
    assert_string_equal(details_of(&container_kill_schema, &kill, &arena), "SIGKILL");
    assert_string_equal(details_of(&command_refused_schema, &failed, &arena),
                        "rootfs: /r is no directory");
    assert_string_equal(details_of(&container_started_schema, &nothing, &arena), "");
}

static void names_are_learned_from_creation_and_forgotten_with_removal(void **state)
{
    autoarena arena = { 0 };
    autodestroy(event_names) struct event_names *names = event_names_new();
    char *words[] = { id };
    struct container_config config = { .name = arena_text(&arena, "web"),
                                       .rootfs = id,
                                       .command = { .items = words, .count = 1 } };
    const struct container_created created = { .config = &config };
    const struct nothing nothing = { 0 };
    struct buffer bodies[2] = { 0 };
    struct record first = record_of(&container_created_schema, &created, &bodies[0], &arena);
    struct record last = record_of(&container_removed_schema, &nothing, &bodies[1], &arena);

    (void)state;
    assert_null(event_names_of(names, &last));
    assert_string_equal(event_names_of(names, &first), "web");
    assert_string_equal(event_names_of(names, &last), "web");
    assert_null(event_names_of(names, &last));
    buffer_done(&bodies[0]);
    buffer_done(&bodies[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statuses_are_the_words_of_podman),
        cmocka_unit_test(a_line_is_as_podman_prints_it),
        cmocka_unit_test(fields_hold_the_exit_code_and_the_body),
        cmocka_unit_test(bodies_are_said_for_people),
        cmocka_unit_test(names_are_learned_from_creation_and_forgotten_with_removal),
    };

    return cmocka_run_group_tests_name("record_report", tests, NULL, NULL);
}
