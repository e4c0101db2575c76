/* Ids of a container and of the host. */
#include "common/id_map.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/mem.h"

static void a_range_has_two_ids_and_a_count(void **state)
{
    struct id_range range;

    (void)state;
    assert_int_equal(id_range_parse("0:100000:65536", &range, NULL), 0);
    assert_int_equal(range.inside, 0);
    assert_int_equal(range.outside, 100000);
    assert_int_equal(range.count, 65536);
    assert_int_equal(id_range_parse("7:8", &range, NULL), 0);
    assert_int_equal(range.count, 1);
    assert_int_equal(id_range_parse("4294967294:0:1", &range, NULL), 0);
}

static void what_is_no_range_is_refused(void **state)
{
    static const char *const wrong[] = {
        "",
        "0",
        "0:",
        ":0",
        "0:1:",
        "0:1:2:3",
        "a:0:1",
        "0:1:-1",
        "0: 1",
        "+0:1:1",
        "@0:1:1",
        "0:1:0",
        "4294967295:0:1",
        "0:0x1:1",
        "0:1:1 ",
        "-1:0",
        "0:4294967295",
        "1:0:4294967295",
        "0:4294967296:1",
        "99999999999999999999:0:1",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        struct id_range range = { .count = 77 };

        if (id_range_parse(wrong[i], &range, NULL) != -EINVAL)
            fail_msg("%s", wrong[i]);
        assert_int_equal(range.count, 77);
    }
}

static int parse(char *const *texts, size_t count, struct id_map *ret)
{
    struct error err = { 0 };

    return id_map_parse(texts, count, ret, &err);
}

static void a_map_goes_both_ways(void **state)
{
    static char root[] = "0:1000:1";
    static char rest[] = "10:200000:5";
    char *texts[] = { root, rest };
    struct id_map *map = mem_new(struct id_map);
    uint32_t id = 77;

    (void)state;
    assert_int_equal(parse(texts, 2, map), 0);
    assert_true(id_map_outside(map, 0, &id));
    assert_int_equal(id, 1000);
    assert_true(id_map_outside(map, 14, &id));
    assert_int_equal(id, 200004);
    assert_true(id_map_inside(map, 200004, &id));
    assert_int_equal(id, 14);
    assert_false(id_map_outside(map, 1, &id));
    assert_false(id_map_outside(map, 15, &id));
    assert_false(id_map_inside(map, 200005, &id));
    assert_false(id_map_inside(map, 0, &id));
    assert_int_equal(id, 14);
    free(map);
}

static void ranges_that_overlap_are_refused(void **state)
{
    char *pairs[][2] = {
        { (char[]){ "0:100:10" }, (char[]){ "9:200:10" } },
        { (char[]){ "0:100:10" }, (char[]){ "20:109:10" } },
        { (char[]){ "5:100:1" }, (char[]){ "0:200:10" } },
        { (char[]){ "0:0:4294967294" }, (char[]){ "4294967293:4294967294:1" } },
    };
    char *beside[] = { (char[]){ "0:100:10" }, (char[]){ "10:110:10" } };
    struct id_map *map = mem_new(struct id_map);

    (void)state;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
        assert_int_equal(parse(pairs[i], 2, map), -EINVAL);
    assert_int_equal(parse(beside, 2, map), 0);
    assert_int_equal(parse(beside, 0, map), -EINVAL);
    assert_int_equal(parse(beside, ID_MAP_RANGES_MAX + 1, map), -E2BIG);
    free(map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_range_has_two_ids_and_a_count),
        cmocka_unit_test(what_is_no_range_is_refused),
        cmocka_unit_test(a_map_goes_both_ways),
        cmocka_unit_test(ranges_that_overlap_are_refused),
    };
    return cmocka_run_group_tests_name("id_map", tests, NULL, NULL);
}
