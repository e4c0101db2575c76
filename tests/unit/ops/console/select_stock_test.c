/* Which image and which volume a word means, over several hosts. */
#include "ops/console/select.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ID_A "aaaabbbbccccddddeeeeffff00001111aaaabbbbccccddddeeeeffff00001111"
#define ID_B "aaaabbbb00000000eeeeffff00001111aaaabbbbccccddddeeeeffff00001111"

static char one[] = "one";
static char two[] = "two";
static char id_a[] = ID_A;
static char id_b[] = ID_B;
static char digest_a[] = "sha256:" ID_B;
static char local_name[] = "localhost/web:latest";
static char docker_name[] = "docker.io/library/busybox:latest";

static char *names_a[] = { local_name };
static char *names_b[] = { docker_name };
static struct image image_a = { .id = id_a, .digest = digest_a, .names = { names_a, 1 } };
static struct image image_b = { .id = id_b, .names = { names_b, 1 } };

static int find(const char *word, size_t count, const struct image_row **ret, struct error *err)
{
    static struct image_row items[] = {
        { .host = one, .image = &image_a },
        { .host = one, .image = &image_b },
        { .host = two, .image = &image_b },
    };
    const struct image_rows rows = { .items = items, .count = count };

    return select_image(&rows, word, ret, err);
}

static void an_image_is_meant_by_name_digest_or_id(void **state)
{
    static const struct {
        const char *word;
        struct image *image;
    } words[] = {
        { "web", &image_a },          { "localhost/web", &image_a },
        { "web:latest", &image_a },   { "busybox", &image_b },
        { docker_name, &image_b },    { ID_A, &image_a },
        { "sha256:" ID_A, &image_a }, { "aaaabbbb0", &image_b },
        { digest_a, &image_a },       { "quay.io/any@sha256:" ID_B, &image_a },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        const struct image_row *row = NULL;

        assert_int_equal(find(words[i].word, 2, &row, NULL), 0);
        assert_ptr_equal(row->image, words[i].image);
    }
}

static void what_is_not_there_is_not_found(void **state)
{
    static const char *const words[] = { "nothing", "web:2", "aa", "ffff", "sha256:zz", "" };

    (void)state;
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        const struct image_row *row = NULL;

        assert_int_equal(find(words[i], 2, &row, NULL), -ENOENT);
    }
}

static void several_are_told_apart_by_host_or_by_more_digits(void **state)
{
    const struct image_row *row = NULL;
    struct error err = { 0 };

    (void)state;
    assert_int_equal(find("aaaabbbb", 2, &row, &err), -ENOTUNIQ);
    assert_string_equal(err.text, "2 images of host one have ids that begin with aaaabbbb");
    assert_int_equal(find("busybox", 3, &row, &err), -ENOTUNIQ);
    assert_string_equal(err.text,
                        "several hosts have image busybox, choose one by --host: one, two");
}

static void a_volume_is_meant_by_its_whole_name(void **state)
{
    static char name[] = "data";
    static struct volume volume = { .name = name };
    static struct volume_row items[] = { { .host = one, .volume = &volume },
                                         { .host = two, .volume = &volume } };
    struct volume_rows rows = { .items = items, .count = 1 };
    const struct volume_row *row = NULL;

    (void)state;
    assert_int_equal(select_volume(&rows, "data", &row, NULL), 0);
    assert_ptr_equal(row, &items[0]);
    assert_int_equal(select_volume(&rows, "dat", &row, NULL), -ENOENT);
    rows.count = 2;
    assert_int_equal(select_volume(&rows, "data", &row, NULL), -ENOTUNIQ);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_image_is_meant_by_name_digest_or_id),
        cmocka_unit_test(what_is_not_there_is_not_found),
        cmocka_unit_test(several_are_told_apart_by_host_or_by_more_digits),
        cmocka_unit_test(a_volume_is_meant_by_its_whole_name),
    };

    return cmocka_run_group_tests_name("select_stock", tests, NULL, NULL);
}
