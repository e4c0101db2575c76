/* Who is who, and the whole table of what each may ask for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "broker/core/roles.h"
#include "schemas/registry.h"

static void is_taken_for(const struct peer_facts *facts, enum role role, const char *actor,
                         const char *host)
{
    struct identity identity;

    role_of(facts, &identity);
    assert_int_equal(identity.role, role);
    assert_string_equal(identity.actor, actor);
    assert_string_equal(identity.host, host);
    identity_done(&identity);
}

static void certificate(const char *name, enum role role, const char *actor, const char *host)
{
    is_taken_for(
        &(struct peer_facts){ .transport = PEER_TLS, .name = name, .address = "10.0.0.7:1" }, role,
        actor, host);
}

static void a_certificate_says_the_role(void **unused)
{
    (void)unused;
    certificate("gantry://worker/a", ROLE_WORKER, "worker:a", "a");
    certificate("gantry://controller/ci", ROLE_CONTROLLER, "controller:ci", "");
    certificate("gantry://watch/grafana", ROLE_WATCHER, "watcher:grafana", "");
    certificate("gantry://admin/root", ROLE_ADMIN, "admin:root", "");
}

static void a_certificate_that_says_nothing_gives_nothing(void **unused)
{
    static const char *const names[] = {
        "gantry://worker/",
        "gantry://worker",
        "gantry://worker/a/b",
        "gantry://worker/a b",
        "gantry://god/a",
        "http://worker/a",
        "worker/a",
        "",
        "gantry://worker/-a",
        "GANTRY://worker/abc",
    };

    (void)unused;
    certificate(NULL, ROLE_NONE, "tls:10.0.0.7:1", "");
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        certificate(names[i], ROLE_NONE, "tls:10.0.0.7:1", "");
}

static void the_unix_socket_says_the_user(void **unused)
{
    (void)unused;
    is_taken_for(&(struct peer_facts){ .transport = PEER_UNIX, .uid = 0 }, ROLE_ADMIN, "unix:0",
                 "");
    is_taken_for(&(struct peer_facts){ .transport = PEER_UNIX, .uid = 1000 }, ROLE_WATCHER,
                 "unix:1000", "");
}

static void plain_tcp_is_as_the_operator_wanted_it(void **unused)
{
    (void)unused;
    is_taken_for(&(struct peer_facts){ .transport = PEER_TCP, .address = "127.0.0.1:4711" },
                 ROLE_ADMIN, "tcp:127.0.0.1:4711", "");
    is_taken_for(&(struct peer_facts){ .transport = PEER_TCP }, ROLE_ADMIN, "tcp:unknown", "");
    is_taken_for(&(struct peer_facts){ .address = "x" }, ROLE_NONE, "unknown:x", "");
}

/* clang-format off */
static const struct expectation {
    const char *type;
    bool may[ROLE_COUNT];
} expectations[] = {
    /*                    none   worker controller watcher admin */
    { "hello",          { false, true,  false,     false,  true } },
    { "recover",        { false, true,  false,     false,  true } },
    { "poll",           { false, true,  false,     false,  true } },
    { "report",         { false, true,  false,     false,  true } },
    { "submit",         { false, false, true,      false,  true } },
    { "outcome",        { false, false, true,      true,   true } },
    { "watch",          { false, false, true,      true,   true } },
    { "fetch",          { false, false, true,      true,   true } },
    { "query",          { false, false, true,      true,   true } },
    { "view.hash",      { false, false, true,      true,   true } },
    { "past",           { false, false, true,      true,   true } },
    { "info",           { false, true,  true,      true,   true } },
    { "log.backup",     { false, false, false,     false,  true } },
    { "host.lose",   { false, false, false,     false,  true } },
    { "stream.open",    { false, false, true,      false,  true } },
    { "stream.accept",  { false, true,  false,     false,  true } },
    { "stream.push",    { false, true,  true,      false,  true } },
    { "stream.read",    { false, true,  true,      false,  true } },
    { "stream.close",   { false, true,  true,      false,  true } },
    { "nonsense",       { false, false, false,     false,  false } },
    { "",               { false, false, false,     false,  false } },
    { "welcome",        { false, false, false,     false,  false } },
};
/* clang-format on */

static void the_table_says_who_may_what(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof(expectations) / sizeof(*expectations); i++) {
        for (unsigned role = 0; role < ROLE_COUNT; role++) {
            if (role_may((enum role)role, expectations[i].type) != expectations[i].may[role])
                fail_msg("%s by a %s", expectations[i].type, role_name((enum role)role));
        }
    }
}

static bool is_expected(const char *type)
{
    for (size_t i = 0; i < sizeof(expectations) / sizeof(*expectations); i++) {
        if (strcmp(expectations[i].type, type) == 0)
            return true;
    }
    return false;
}

static void every_request_has_a_row(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < registry_count; i++) {
        if (registry[i].use != MESSAGE_REQUEST)
            continue;
        if (!is_expected(registry[i].schema->name))
            fail_msg("who may send %s?", registry[i].schema->name);
        assert_true(role_may(ROLE_ADMIN, registry[i].schema->name));
    }
}

static void a_worker_speaks_for_its_own_host_only(void **unused)
{
    struct identity worker = { .role = ROLE_WORKER, .host = "a" };
    struct identity admin = { .role = ROLE_ADMIN };
    struct identity watcher = { .role = ROLE_WATCHER };

    (void)unused;
    assert_true(identity_speaks_for(&worker, "a"));
    assert_false(identity_speaks_for(&worker, "ab"));
    assert_false(identity_speaks_for(&worker, ""));
    assert_false(identity_speaks_for(&worker, NULL));
    assert_true(identity_speaks_for(&admin, "a"));
    assert_false(identity_speaks_for(&watcher, "a"));
    assert_false(identity_speaks_for(&watcher, ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_certificate_says_the_role),
        cmocka_unit_test(a_certificate_that_says_nothing_gives_nothing),
        cmocka_unit_test(the_unix_socket_says_the_user),
        cmocka_unit_test(plain_tcp_is_as_the_operator_wanted_it),
        cmocka_unit_test(the_table_says_who_may_what),
        cmocka_unit_test(every_request_has_a_row),
        cmocka_unit_test(a_worker_speaks_for_its_own_host_only),
    };
    return cmocka_run_group_tests_name("roles", tests, NULL, NULL);
}
