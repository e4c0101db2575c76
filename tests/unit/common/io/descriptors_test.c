/* The limit of descriptors is raised for this process and given back to children. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/resource.h>
#include <unistd.h>

#include "common/io/descriptors.h"

static rlim_t soft_limit(void)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    return limit.rlim_cur;
}

static void the_limit_goes_up_and_is_given_back(void **state)
{
    struct rlimit few;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &few), 0);
    few.rlim_cur = few.rlim_max / 2;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    descriptors_restore(getpid()); /* there is nothing to give back yet */
    assert_int_equal(soft_limit(), few.rlim_cur);

    descriptors_raise();
    assert_int_equal(soft_limit(), few.rlim_max);
    descriptors_raise();
    descriptors_restore(getpid());
    assert_int_equal(soft_limit(), few.rlim_cur);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(the_limit_goes_up_and_is_given_back) };

    return cmocka_run_group_tests_name("descriptors", tests, NULL, NULL);
}
