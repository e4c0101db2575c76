/* ps --filter */
#include "ops/console/container_filter.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char id[] = "abcd000000000000000000000000000000000000000000000000000000000000";
static char host[] = "one";
static char name[] = "web-1";
static struct text_pair labels[] = { { (char[]){ "app" }, (char[]){ "web" } },
                                     { (char[]){ "tier" }, (char[]){ "" } } };
static struct container_config config = { .name = name, .labels = { .items = labels, .count = 2 } };
static const struct container_row running = {
    .id = id, .host = host, .state = CONTAINER_RUNNING, .config = &config
};
static const struct container_row ended = {
    .id = id, .host = host, .state = CONTAINER_EXITED, .exit_code = 7, .config = &config
};

static bool passes_all(const struct container_row *row, const char *first, const char *second)
{
    char *words[2] = { strdup(first), second != NULL ? strdup(second) : NULL };
    const struct text_list filters = { .items = words, .count = second != NULL ? 2 : 1 };
    bool result;

    assert_int_equal(container_filter_check(&filters, NULL), 0);
    result = container_filter_passes(&filters, row);
    free(words[0]);
    free(words[1]);
    return result;
}

static bool passes(const struct container_row *row, const char *word)
{
    return passes_all(row, word, NULL);
}

static void each_key_looks_at_its_own_field(void **state)
{
    (void)state;
    assert_true(passes(&running, "id=abc"));
    assert_false(passes(&running, "id=bc"));
    assert_true(passes(&running, "name=web"));
    assert_false(passes(&running, "name=db"));
    assert_true(passes(&running, "host=one"));
    assert_false(passes(&running, "host=on"));
    assert_true(passes(&running, "status=running"));
    assert_true(passes(&ended, "status=exited"));
    assert_false(passes(&ended, "status=running"));
    assert_true(passes(&ended, "exited=7"));
    assert_false(passes(&ended, "exited=0"));
    assert_false(passes(&running, "exited=0"));
    assert_true(passes(&running, "label=app"));
    assert_true(passes(&running, "label=app=web"));
    assert_true(passes(&running, "label=tier="));
    assert_false(passes(&running, "label=app=we"));
    assert_false(passes(&running, "label=ap"));
}

static void words_of_one_key_are_alternatives_but_for_labels(void **state)
{
    (void)state;
    assert_true(passes_all(&running, "status=exited", "status=running"));
    assert_true(passes_all(&running, "label=app", "label=tier"));
    assert_false(passes_all(&running, "label=app", "label=none"));
    assert_false(passes_all(&running, "status=running", "name=db"));
}

static void created_is_what_podman_calls_created(void **state)
{
    struct container_row row = running;

    (void)state;
    row.state = CONTAINER_CONFIGURED;
    assert_true(passes(&row, "status=created"));
    assert_true(passes(&row, "status=configured"));
    assert_false(passes(&row, "status=initialized"));
    row.state = CONTAINER_CREATED;
    assert_true(passes(&row, "status=created"));
    assert_true(passes(&row, "status=initialized"));
}

static void wrong_filters_are_named(void **state)
{
    static const char *const wrong[] = { "colour=red",   "name",     "",
                                         "status=happy", "exited=x", "exited=" };

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        char *word = strdup(wrong[i]);
        const struct text_list filters = { .items = &word, .count = 1 };

        assert_int_equal(container_filter_check(&filters, NULL), -EINVAL);
        free(word);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_key_looks_at_its_own_field),
        cmocka_unit_test(words_of_one_key_are_alternatives_but_for_labels),
        cmocka_unit_test(created_is_what_podman_calls_created),
        cmocka_unit_test(wrong_filters_are_named),
    };

    return cmocka_run_group_tests_name("container_filter", tests, NULL, NULL);
}
