/* Memory that cannot be refused, and the small tools of ownership. */
#include "common/mem.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/auto.h"

static void copies_are_their_own(void **state)
{
    char source[] = "text";
    autofree char *text = mem_dup_text(source);
    autofree char *bytes = mem_dup(source, 3);
    autofree char *nothing = mem_dup(source, 0);
    autofree char *formatted = mem_text("%s-%d", source, 7);

    (void)state;
    source[0] = 'n';
    assert_string_equal(text, "text");
    assert_memory_equal(bytes, "tex", 3);
    assert_non_null(nothing);
    assert_string_equal(formatted, "text-7");
    assert_null(mem_dup_text(NULL));
    assert_null(mem_dup(NULL, 5));
}

static void new_memory_is_zero_and_grows(void **state)
{
    autofree uint8_t *memory = mem_zeroed(100);

    (void)state;
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(memory[i], 0);
    memory[99] = 5;
    memory = mem_resized(memory, 10000);
    assert_int_equal(memory[99], 5);
    memory = mem_resized(memory, 0);
    assert_non_null(memory);
}

struct outer {
    int before;
    int member;
};

static void the_whole_is_found_from_its_member(void **state)
{
    struct outer outer = { 0 };

    (void)state;
    assert_ptr_equal(container_of(&outer.member, struct outer, member), &outer);
}

static int open_null(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void what_is_owned_ends_with_its_scope_unless_stolen(void **state)
{
    int closed;
    int stolen;
    char *kept;

    (void)state;
    {
        autoclose int ends_here = open_null();
        autoclose int goes_on = open_null();
        autofree char *text = mem_dup_text("kept");

        closed = ends_here;
        stolen = steal_fd(&goes_on);
        kept = steal_ptr(text);
        assert_int_equal(goes_on, -1);
        assert_null(text);
    }
    assert_int_equal(fcntl(closed, F_GETFD), -1);
    assert_true(fcntl(stolen, F_GETFD) >= 0);
    assert_string_equal(kept, "kept");
    (void)close(stolen);
    free(kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_are_their_own),
        cmocka_unit_test(new_memory_is_zero_and_grows),
        cmocka_unit_test(the_whole_is_found_from_its_member),
        cmocka_unit_test(what_is_owned_ends_with_its_scope_unless_stolen),
    };
    return cmocka_run_group_tests_name("mem", tests, NULL, NULL);
}
