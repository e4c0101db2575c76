/* Memory for the parts of one message. */
#include "common/arena.h"

#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static bool is_zero(const char *memory, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (memory[i] != 0)
            return false;
    }
    return true;
}

/* Sizes around the blocks' own: each piece is zeroed, aligned and nobody else's. */
static void pieces_are_zeroed_aligned_and_apart(void **state)
{
    static const size_t sizes[] = { 0, 1, 7, 16, 100, 2047, 2048, 2049, 10000, 3, 2000, 60 };
    enum { COUNT = sizeof(sizes) / sizeof(*sizes) };
    autoarena arena = { 0 };
    char *pieces[COUNT];

    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        pieces[i] = arena_zeroed(&arena, sizes[i]);
        assert_int_equal((uintptr_t)pieces[i] % alignof(max_align_t), 0);
        assert_true(is_zero(pieces[i], sizes[i]));
        memset(pieces[i], (int)i + 1, sizes[i]);
    }
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t at = 0; at < sizes[i]; at++)
            assert_int_equal(pieces[i][at], (int)i + 1);
    }
}

static void used_counts_at_least_what_was_given(void **state)
{
    autoarena arena = { 0 };

    (void)state;
    assert_int_equal(arena.used, 0);
    (void)arena_zeroed(&arena, 1000);
    assert_in_range(arena.used, 1000, 1000 + alignof(max_align_t));
    (void)arena_zeroed(&arena, 5000);
    assert_in_range(arena.used, 6000, 6000 + 2 * alignof(max_align_t));
}

static void texts_are_copies(void **state)
{
    char source[] = "hello world";
    autoarena arena = { 0 };
    const char *whole = arena_text(&arena, source);
    const char *part = arena_text_n(&arena, source, 5);
    const char *none = arena_text_n(&arena, NULL, 0);

    (void)state;
    memset(source, 'x', sizeof(source) - 1);
    assert_string_equal(whole, "hello world");
    assert_string_equal(part, "hello");
    assert_string_equal(none, "");
    assert_null(arena_text(&arena, NULL));
}

static void formatted_texts_have_any_length(void **state)
{
    autoarena arena = { 0 };
    const char *text = arena_printf(&arena, "%s-%05000d", "a", 7);

    (void)state;
    assert_int_equal(strlen(text), 5002);
    assert_int_equal(text[5001], '7');
    assert_string_equal(arena_printf(&arena, "%s", ""), "");
}

static void an_emptied_arena_gives_the_same_memory_again(void **state)
{
    autoarena arena = { 0 };
    char *first;

    (void)state;
    arena_empty(&arena);
    (void)arena_text(&arena, "one block");
    (void)arena_zeroed(&arena, 3000); /* and another */
    arena_empty(&arena);
    assert_int_equal(arena.used, 0);
    first = arena_zeroed(&arena, 2000);
    memset(first, 7, 2000);
    arena_empty(&arena);
    assert_ptr_equal(arena_zeroed(&arena, 2000), first);
    assert_true(is_zero(first, 2000));
    (void)arena_zeroed(&arena, 1000000); /* too much to keep */
    arena_empty(&arena);
    assert_null(arena.blocks);
}

static void an_arena_can_be_used_again(void **state)
{
    struct arena arena = { 0 };

    (void)state;
    arena_done(&arena);
    (void)arena_zeroed(&arena, 100);
    arena_done(&arena);
    assert_int_equal(arena.used, 0);
    assert_string_equal(arena_text(&arena, "again"), "again");
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_zeroed_aligned_and_apart),
        cmocka_unit_test(used_counts_at_least_what_was_given),
        cmocka_unit_test(texts_are_copies),
        cmocka_unit_test(formatted_texts_have_any_length),
        cmocka_unit_test(an_emptied_arena_gives_the_same_memory_again),
        cmocka_unit_test(an_arena_can_be_used_again),
    };
    return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
