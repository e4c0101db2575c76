/* The default seccomp profile as the runtimes will read it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
#include <seccomp.h>

#include "worker/io/spec_seccomp.h"

#define CAP_SYS_ADMIN_BIT (UINT64_C(1) << 21)
#define ALL_CAPABILITIES  UINT64_MAX

/* Newer than the oldest libseccomp that we meet (2.5.4): skipped there by the runtimes. */
static const char *const newer[] = {
    "cachestat",   "fchmodat2",        "futex_requeue",    "futex_wait",
    "futex_wake",  "map_shadow_stack", "quotactl_fd",      "set_mempolicy_home_node",
    "futex_waitv", "memfd_secret",     "process_mrelease",
};

static bool is_newer(const char *name)
{
    for (size_t i = 0; i < sizeof(newer) / sizeof(*newer); i++) {
        if (strcmp(newer[i], name) == 0)
            return true;
    }
    return false;
}

static void every_name_is_a_system_call(void **unused)
{
    json_t *profile = spec_seccomp(ALL_CAPABILITIES);
    size_t i;
    size_t k;
    json_t *rule;
    json_t *name;

    (void)unused;
    json_array_foreach(json_object_get(profile, "syscalls"), i, rule)
    {
        json_array_foreach(json_object_get(rule, "names"), k, name)
        {
            const char *text = json_string_value(name);

            if (seccomp_syscall_resolve_name(text) == __NR_SCMP_ERROR && !is_newer(text))
                fail_msg("%s", text);
        }
    }
    json_decref(profile);
}

/* Is there a rule without conditions that allows the call? */
static bool is_allowed(json_t *profile, const char *wanted)
{
    size_t i;
    size_t k;
    json_t *rule;
    json_t *name;

    json_array_foreach(json_object_get(profile, "syscalls"), i, rule)
    {
        const char *action = json_string_value(json_object_get(rule, "action"));

        if (strcmp(action, "SCMP_ACT_ALLOW") != 0 || json_object_get(rule, "args") != NULL)
            continue;
        json_array_foreach(json_object_get(rule, "names"), k, name)
        {
            if (strcmp(json_string_value(name), wanted) == 0)
                return true;
        }
    }
    return false;
}

static void what_is_not_named_is_denied(void **unused)
{
    json_t *profile = spec_seccomp(0);

    (void)unused;
    assert_string_equal(json_string_value(json_object_get(profile, "defaultAction")),
                        "SCMP_ACT_ERRNO");
    assert_true(is_allowed(profile, "read"));
    assert_true(is_allowed(profile, "execve"));
    assert_false(is_allowed(profile, "kexec_load"));
    assert_false(is_allowed(profile, "keyctl"));
    assert_false(is_allowed(profile, "mount"));
    assert_false(is_allowed(profile, "unshare"));
    assert_false(is_allowed(profile, "clone3"));
    assert_false(is_allowed(profile, "clone"));
    json_decref(profile);
}

static void a_capability_brings_its_calls(void **unused)
{
    json_t *profile = spec_seccomp(CAP_SYS_ADMIN_BIT);

    (void)unused;
    assert_true(is_allowed(profile, "mount"));
    assert_true(is_allowed(profile, "clone3"));
    assert_false(is_allowed(profile, "reboot"));
    json_decref(profile);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_name_is_a_system_call),
        cmocka_unit_test(what_is_not_named_is_denied),
        cmocka_unit_test(a_capability_brings_its_calls),
    };
    return cmocka_run_group_tests_name("spec_seccomp", tests, NULL, NULL);
}
