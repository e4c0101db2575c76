/* Commands about images and volumes: what the engine asks for, and what it journals of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/engine_script.h"
#include "worker/core/engine.h"

#define IMAGE      "1111111111111111111111111111111111111111111111111111111111111111"
#define IMAGE_2    "1122222222222222222222222222222222222222222222222222222222222222"
#define TEXT(text) ((char[]){ text })

/* The action that waits is an errand's. */
static void expect_errand(struct engine_world *world, uint64_t pos)
{
    assert_int_equal(world_action_count(world), 1);
    assert_int_equal(world_action(world, 0).kind, ACTION_ERRAND);
    assert_int_equal(world_action(world, 0).number, pos);
}

static void succeed(struct engine_world *world)
{
    world_answer_errand(world, 0, &(struct errand_result){ 0 });
}

/* What was asked for has brought an image of this id. */
static void bring(struct engine_world *world, const char *id)
{
    char text[65];
    struct image image = { .id = strcpy(text, id), .size = 7 };
    const struct image *images[] = { &image };

    world_answer_errand(world, 0, &(struct errand_result){ .images = images, .image_count = 1 });
}

static uint64_t pull(struct engine_world *world, char *reference, char *policy)
{
    return world_submit(world, "image.pull", NULL,
                        &(struct image_pull){ .reference = reference, .policy = policy });
}

static uint64_t remove_image(struct engine_world *world, char *image, bool force)
{
    return world_submit(world, "image.remove", NULL,
                        &(struct image_remove){ .image = image, .force = force });
}

static uint64_t tag(struct engine_world *world, const char *type, char *image, char *name)
{
    return world_submit(
        world, type, NULL,
        &(struct image_tag){ .image = image, .names = { .items = &name, .count = 1 } });
}

static uint64_t create_volume(struct engine_world *world, char *name, bool or_there)
{
    struct volume volume = { .name = name };

    return world_submit(world, "volume.create", NULL,
                        &(struct volume_create){ .volume = &volume, .or_there = or_there });
}

static uint64_t remove_volume(struct engine_world *world, char *name)
{
    return world_submit(world, "volume.remove", NULL, &(struct volume_remove){ .name = name });
}

/* A container of the image with a volume at /data. */
static uint64_t create(struct engine_world *world, char *image, char *policy, char *volume)
{
    char *argv[] = { TEXT("/bin/true") };
    struct mount_config mount = { .type = TEXT("volume"),
                                  .source = volume,
                                  .destination = TEXT("/data") };
    struct container_config config = {
        .name = TEXT("web"),
        .image = image,
        .pull = policy,
        .command = { .items = argv, .count = 1 },
        .mounts = { .items = &mount, .count = 1 },
    };

    return world_submit(world, "container.create", SCRIPT_ID,
                        &(struct container_create){ .config = &config });
}

static bool has_image(struct engine_world *world, const char *text)
{
    return engine_find_image(world_engine(world), text) != NULL;
}

/* There must be one. */
static const struct image *image_of(struct engine_world *world, const char *text)
{
    static const struct image none = { 0 };
    const struct image_row *row = engine_find_image(world_engine(world), text);

    if (row == NULL)
        fail_msg("there is no image %s", text);
    return row == NULL ? &none : row->image;
}

static void a_pull_gives_the_image_its_whole_name(void **state)
{
    struct engine_world *world = *state;
    uint64_t pos = pull(world, TEXT("busybox"), NULL);

    expect_errand(world, pos);
    bring(world, IMAGE);
    script_expect_outcome(world, pos, "command.done", "");
    script_expect_trace(world, 0, "image.added command.done");
    assert_string_equal(image_of(world, "busybox")->names.items[0],
                        "docker.io/library/busybox:latest");
    assert_string_equal(image_of(world, "111")->id, IMAGE);
}

static void a_pull_if_missing_of_what_is_there_asks_for_nothing(void **state)
{
    struct engine_world *world = *state;

    (void)pull(world, TEXT("busybox"), NULL);
    bring(world, IMAGE);
    script_expect_outcome(world, pull(world, TEXT("busybox"), TEXT("missing")), "command.done", "");
    script_expect_outcome(world, pull(world, TEXT("busybox"), TEXT("never")), "command.done", "");
    script_expect_refused(world, pull(world, TEXT("alpine"), TEXT("never")), "no-image");
    script_expect_nothing(world);
}

static void a_failed_pull_leaves_nothing(void **state)
{
    struct engine_world *world = *state;
    uint64_t pos = pull(world, TEXT("busybox"), NULL);

    world_answer_errand(
        world, 0,
        &(struct errand_result){ .code = -5, .failure = FAILURE_REGISTRY, .text = "no such host" });
    script_expect_outcome(world, pos, "command.failed", "registry");
    assert_false(has_image(world, "busybox"));
}

static void a_name_moves_to_the_image_that_came_last(void **state)
{
    struct engine_world *world = *state;

    (void)pull(world, TEXT("busybox"), NULL);
    bring(world, IMAGE);
    (void)pull(world, TEXT("busybox"), NULL);
    bring(world, IMAGE_2);
    assert_string_equal(image_of(world, "busybox")->id, IMAGE_2);
    assert_int_equal(image_of(world, "111")->names.count, 0);
    script_expect_refused(world, remove_image(world, TEXT("aaaa"), false), "no-image");
    assert_false(has_image(world, "11f"));
}

static void a_tag_can_be_given_and_taken_off(void **state)
{
    struct engine_world *world = *state;

    (void)pull(world, TEXT("busybox"), NULL);
    bring(world, IMAGE);
    script_expect_outcome(world, tag(world, "image.tag", TEXT("busybox"), TEXT("web:1")),
                          "command.done", "");
    assert_string_equal(image_of(world, "web:1")->id, IMAGE);
    script_expect_outcome(world, tag(world, "image.untag", TEXT("web:1"), TEXT("busybox")),
                          "command.done", "");
    assert_false(has_image(world, "busybox"));
    assert_int_equal(image_of(world, "web:1")->names.count, 1);
}

static void removing_one_of_two_names_leaves_the_image(void **state)
{
    struct engine_world *world = *state;
    uint64_t pos;

    (void)pull(world, TEXT("busybox"), NULL);
    bring(world, IMAGE);
    (void)tag(world, "image.tag", TEXT("busybox"), TEXT("web"));
    script_expect_outcome(world, remove_image(world, TEXT("web"), false), "command.done", "");
    script_expect_nothing(world);
    pos = remove_image(world, TEXT("busybox"), false);
    expect_errand(world, pos);
    succeed(world);
    script_expect_outcome(world, pos, "command.done", "");
    assert_false(has_image(world, "111"));
}

static void an_image_that_a_container_is_made_from_stays(void **state)
{
    struct engine_world *world = *state;

    (void)pull(world, TEXT("busybox"), NULL);
    bring(world, IMAGE);
    (void)create(world, TEXT("busybox"), NULL, NULL);
    script_expect_refused(world, remove_image(world, TEXT("busybox"), true), "image-in-use");
    script_succeed(world, STEP_MAKE_DIRECTORIES);
    script_expect_refused(world, remove_image(world, TEXT("111"), true), "image-in-use");
    script_expect_outcome(
        world, world_submit(world, "image.prune", NULL, &(struct image_prune){ .all = true }),
        "command.done", "");
}

static void a_prune_takes_one_image_after_the_other(void **state)
{
    struct engine_world *world = *state;
    uint64_t pos;

    (void)pull(world, TEXT("busybox"), NULL);
    bring(world, IMAGE);
    (void)pull(world, TEXT("busybox"), NULL);
    bring(world, IMAGE_2);
    pos = world_submit(world, "image.prune", NULL, &(struct image_prune){ .all = true });
    expect_errand(world, pos);
    succeed(world);
    script_expect_pending(world, pos);
    expect_errand(world, pos);
    succeed(world);
    script_expect_outcome(world, pos, "command.done", "");
    assert_false(has_image(world, "11"));
    script_expect_nothing(world);
}

static void what_was_under_way_is_begun_anew_after_a_restart(void **state)
{
    struct engine_world *world = *state;
    uint64_t pos = pull(world, TEXT("busybox"), NULL);
    uint64_t behind = create_volume(world, TEXT("data"), false);

    world_restart(world, false, NULL, NULL);
    assert_int_equal(world_action_count(world), 2);
    bring(world, IMAGE);
    script_expect_outcome(world, pos, "command.done", "");
    expect_errand(world, behind);
    succeed(world);
    script_expect_outcome(world, behind, "command.done", "");
    world_restart(world, false, NULL, NULL);
    script_expect_nothing(world);
    assert_string_equal(image_of(world, "busybox")->id, IMAGE);
    assert_non_null(engine_volume(world_engine(world), "data"));
}

static void an_errand_that_waits_is_cancelled(void **state)
{
    struct engine_world *world = *state;
    uint64_t first = create_volume(world, TEXT("data"), false);
    uint64_t second = create_volume(world, TEXT("more"), false);
    uint64_t cancel = world_cancel(world, second);

    script_expect_refused(world, second, "cancelled");
    script_expect_outcome(world, cancel, "command.done", "");
    script_expect_refused(world, world_cancel(world, first), "no-command");
    succeed(world);
    script_expect_outcome(world, first, "command.done", "");
    script_expect_nothing(world);
    assert_null(engine_volume(world_engine(world), "more"));
}

static void a_volume_is_made_once(void **state)
{
    struct engine_world *world = *state;
    uint64_t pos = create_volume(world, TEXT("data"), false);

    expect_errand(world, pos);
    succeed(world);
    script_expect_trace(world, 0, "volume.created command.done");
    script_expect_refused(world, create_volume(world, TEXT("data"), false), "volume-exists");
    script_expect_outcome(world, create_volume(world, TEXT("data"), true), "command.done", "");
}

static void a_volume_in_use_stays(void **state)
{
    struct engine_world *world = *state;
    uint64_t pos;

    (void)pull(world, TEXT("busybox"), NULL);
    bring(world, IMAGE);
    (void)create(world, TEXT("busybox"), NULL, TEXT("data"));
    script_succeed(world, STEP_MAKE_DIRECTORIES);
    assert_false(engine_volume(world_engine(world), "data")->volume->is_anonymous);
    script_expect_refused(world, remove_volume(world, TEXT("data")), "volume-in-use");
    (void)world_submit(world, "container.remove", SCRIPT_ID,
                       &(struct container_remove){ .volumes = true });
    script_carry_out(world);
    pos = remove_volume(world, TEXT("data"));
    expect_errand(world, pos);
    succeed(world);
    script_expect_refused(world, remove_volume(world, TEXT("data")), "no-volume");
}

static void an_anonymous_volume_goes_with_its_container(void **state)
{
    struct engine_world *world = *state;
    size_t mark;

    (void)pull(world, TEXT("busybox"), NULL);
    bring(world, IMAGE);
    mark = world_event_count(world);
    (void)create(world, TEXT("busybox"), NULL, NULL);
    script_succeed(world, STEP_MAKE_DIRECTORIES);
    script_expect_trace(world, mark, "volume.created container.created command.done");
    mark = world_event_count(world);
    (void)world_submit(world, "container.remove", SCRIPT_ID,
                       &(struct container_remove){ .volumes = true });
    script_carry_out(world);
    script_expect_trace(world, mark,
                        "container.removing volume.removed container.removed command.done");
}

/* The removal is taken up again by the container itself, also by the next worker. */
static void an_anonymous_volume_goes_though_the_removal_failed_first(void **state)
{
    struct engine_world *world = *state;
    size_t mark;

    (void)pull(world, TEXT("busybox"), NULL);
    bring(world, IMAGE);
    (void)create(world, TEXT("busybox"), NULL, NULL);
    script_succeed(world, STEP_MAKE_DIRECTORIES);
    mark = world_event_count(world);
    (void)world_submit(world, "container.remove", SCRIPT_ID,
                       &(struct container_remove){ .volumes = true });
    script_fail(world, STEP_DELETE_RUNTIME, FAILURE_RUNTIME);
    world_restart(world, false, NULL, NULL);
    world_advance_ms(world, RETRY_DELAY_MIN_MS);
    script_carry_out(world);
    script_expect_trace(world, mark,
                        "container.removing command.failed volume.removed container.removed");
}

static void a_missing_image_is_pulled_by_the_create(void **state)
{
    struct engine_world *world = *state;
    char id[] = IMAGE;
    struct image image = { .id = id };
    uint64_t pos = create(world, TEXT("busybox"), NULL, NULL);

    (void)script_expect_step(world, STEP_PULL_IMAGE);
    world_answer(world, 0, &(struct step_result){ .image = &image });
    script_expect_pending(world, pos);
    world_restart(world, false, NULL, NULL);
    script_succeed(world, STEP_MAKE_DIRECTORIES);
    script_expect_outcome(world, pos, "command.done", "");
    script_expect_trace(world, 0, "image.added volume.created container.created command.done");
}

static void a_create_that_may_not_pull_is_refused(void **state)
{
    struct engine_world *world = *state;

    script_expect_refused(world, create(world, TEXT("busybox"), TEXT("never"), NULL), "no-image");
    script_expect_nothing(world);
}

static void a_create_whose_pull_fails_leaves_nothing(void **state)
{
    struct engine_world *world = *state;
    uint64_t pos = create(world, TEXT("busybox"), NULL, NULL);

    script_fail(world, STEP_PULL_IMAGE, FAILURE_REGISTRY);
    script_expect_outcome(world, pos, "command.failed", "registry");
    assert_int_equal(world_state(world, SCRIPT_ID), CONTAINER_STATE_COUNT);
    script_expect_nothing(world);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        SCRIPT_TEST(a_pull_gives_the_image_its_whole_name),
        SCRIPT_TEST(a_pull_if_missing_of_what_is_there_asks_for_nothing),
        SCRIPT_TEST(a_failed_pull_leaves_nothing),
        SCRIPT_TEST(a_name_moves_to_the_image_that_came_last),
        SCRIPT_TEST(a_tag_can_be_given_and_taken_off),
        SCRIPT_TEST(removing_one_of_two_names_leaves_the_image),
        SCRIPT_TEST(an_image_that_a_container_is_made_from_stays),
        SCRIPT_TEST(a_prune_takes_one_image_after_the_other),
        SCRIPT_TEST(what_was_under_way_is_begun_anew_after_a_restart),
        SCRIPT_TEST(an_errand_that_waits_is_cancelled),
        SCRIPT_TEST(a_volume_is_made_once),
        SCRIPT_TEST(a_volume_in_use_stays),
        SCRIPT_TEST(an_anonymous_volume_goes_with_its_container),
        SCRIPT_TEST(an_anonymous_volume_goes_though_the_removal_failed_first),
        SCRIPT_TEST(a_missing_image_is_pulled_by_the_create),
        SCRIPT_TEST(a_create_that_may_not_pull_is_refused),
        SCRIPT_TEST(a_create_whose_pull_fails_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
