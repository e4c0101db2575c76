/* The texts of hosts and resolv.conf. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "worker/io/network_files.h"

static char host[] = "host";

static void assert_text(struct buffer *buffer, const char *text)
{
    buffer_append(buffer, "", 1);
    assert_string_equal((const char *)buffer->data, text);
    buffer_done(buffer);
}

static void a_container_has_hosts_of_its_own(void **unused)
{
    static char line[] = "db:::1";
    static char *lines[] = { line };
    struct container_config config = { .hosts_add = { .items = lines, .count = 1 } };
    struct buffer text = { 0 };

    (void)unused;
    assert_int_equal(network_write_hosts(&config, "front", "10.0.0.1 secret\n", &text, NULL), 0);
    assert_text(&text, "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
                       "::1\tdb\n127.0.0.1\tfront\n");
}

static void the_hosts_network_brings_its_hosts(void **unused)
{
    struct container_config config = { .network = host };
    struct buffer text = { 0 };

    (void)unused;
    assert_int_equal(network_write_hosts(&config, "front", "10.0.0.1 near", &text, NULL), 0);
    assert_text(&text, "10.0.0.1 near\n127.0.0.1\tfront\n");
}

static void a_line_cannot_bring_in_another(void **unused)
{
    static char bad[][16] = { "nocolon", ":1.2.3.4", "a:", "a:1\nb", "a b:1", "" };

    (void)unused;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        char *lines[] = { bad[i] };
        struct container_config config = { .hosts_add = { .items = lines, .count = 1 } };
        struct buffer text = { 0 };

        assert_int_equal(network_write_hosts(&config, "x", "", &text, NULL), -EINVAL);
        buffer_done(&text);
    }
}

static void name_servers_on_the_hosts_loopback_are_left_out(void **unused)
{
    struct container_config config = { 0 };
    struct buffer text = { 0 };

    (void)unused;
    network_write_resolv(&config,
                         "# made by somebody\noptions edns0\nnameserver 127.0.0.53\n"
                         "nameserver\t9.9.9.9\nnameserver ::1\nsearch example.org\nnameservers x",
                         &text);
    assert_text(&text, "search example.org\nnameserver 9.9.9.9\noptions edns0\n");
}

static void without_any_name_server_public_ones_are_used(void **unused)
{
    struct container_config config = { 0 };
    struct buffer text = { 0 };

    (void)unused;
    network_write_resolv(&config, "nameserver 127.0.0.53\n", &text);
    assert_text(&text, "nameserver 8.8.8.8\nnameserver 8.8.4.4\n"
                       "nameserver 2001:4860:4860::8888\nnameserver 2001:4860:4860::8844\n");
}

static void the_hosts_network_keeps_its_name_servers(void **unused)
{
    struct container_config config = { .network = host };
    struct buffer text = { 0 };

    (void)unused;
    network_write_resolv(&config, "nameserver 127.0.0.53", &text);
    assert_text(&text, "nameserver 127.0.0.53\n");
}

static void the_hostname_is_the_ids_beginning(void **unused)
{
    static char name[] = "front";
    struct container_config named = { .hostname = name };
    struct container_config unnamed = { 0 };
    char buffer[HOSTNAME_DEFAULT_SIZE];

    (void)unused;
    assert_string_equal(network_hostname(&named, "0123456789abcdef", buffer), "front");
    assert_string_equal(network_hostname(&unnamed, "0123456789abcdef", buffer), "0123456789ab");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_container_has_hosts_of_its_own),
        cmocka_unit_test(the_hosts_network_brings_its_hosts),
        cmocka_unit_test(a_line_cannot_bring_in_another),
        cmocka_unit_test(name_servers_on_the_hosts_loopback_are_left_out),
        cmocka_unit_test(without_any_name_server_public_ones_are_used),
        cmocka_unit_test(the_hosts_network_keeps_its_name_servers),
        cmocka_unit_test(the_hostname_is_the_ids_beginning),
    };
    return cmocka_run_group_tests_name("network_files", tests, NULL, NULL);
}
