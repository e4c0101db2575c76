/* Each fault of a configuration has its sentence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/fleet/config_check.h"

/* Texts of a configuration are not const: each literal is an array of its own. */
#define TEXT(literal) ((char[]){ literal })

static struct container_config good(void)
{
    static char name[] = "web";
    static char rootfs[] = "/srv/rootfs";
    static char word[] = "/bin/sh";
    static char *argv[] = { word };

    return (struct container_config){ .name = name,
                                      .rootfs = rootfs,
                                      .command = { .items = argv, .count = 1 } };
}

static void refused(const struct container_config *config, const char *why)
{
    struct refusal refusal = { 0 };

    assert_int_equal(config_check(config, &refusal), FAILURE_INVALID_ARGUMENT);
    assert_string_equal(refusal.text, why);
    assert_int_equal(refusal.failure, FAILURE_INVALID_ARGUMENT);
}

static void accepted(const struct container_config *config)
{
    struct refusal refusal = { 0 };

    if (config_check(config, &refusal) != FAILURE_NONE)
        fail_msg("%s", refusal.text);
    assert_int_equal(refusal.failure, FAILURE_NONE);
}

static void what_is_needed_is_enough(void **unused)
{
    struct container_config config = good();

    (void)unused;
    accepted(&config);
}

static void everything_at_once_is_accepted(void **unused)
{
    struct container_config config = good();
    char *env[] = { TEXT("A=1"), TEXT("EMPTY=") };
    char *caps[] = { TEXT("NET_ADMIN"), TEXT("CAP_SYS_TIME"), TEXT("ALL") };
    char *hosts[] = { TEXT("db:10.0.0.7"), TEXT("v6:::1") };
    struct mount_config mounts[] = {
        { .type = TEXT("bind"), .source = TEXT("/srv/data"), .destination = TEXT("/data") },
        { .type = TEXT("tmpfs"), .destination = TEXT("/a/..b/...") },
    };
    struct ulimit_config ulimits[] = { { .name = TEXT("nofile"), .soft = 10, .hard = 10 } };

    (void)unused;
    config.env = (struct text_list){ .items = env, .count = 2 };
    config.cap_add = (struct text_list){ .items = caps, .count = 3 };
    config.hosts_add = (struct text_list){ .items = hosts, .count = 2 };
    config.mounts = (struct message_list){ .items = mounts, .count = 2 };
    config.ulimits = (struct message_list){ .items = ulimits, .count = 1 };
    config.workdir = TEXT("/tmp");
    config.user = TEXT("1000:1000");
    config.hostname = TEXT("web-1");
    config.network = TEXT("none");
    config.pid = TEXT("host");
    config.ipc = TEXT("private");
    config.seccomp = TEXT("unconfined");
    config.runtime = TEXT("runc");
    config.restart_policy = TEXT("on-failure");
    config.restart_retries = 3;
    config.stop_signal = 64;
    config.pids_limit = -1;
    config.memory_bytes = 1 << 20;
    config.memory_swap_bytes = 1 << 20;
    config.cpu_period_us = 100000;
    config.cpu_quota_us = 50000;
    accepted(&config);
}

static void a_name_follows_the_rule(void **unused)
{
    struct container_config config = good();

    (void)unused;
    config.name = TEXT("-web");
    refused(&config, "container name '-web' is not valid: use letters, digits, '_', '.' and '-', "
                     "the first a letter or digit, at most 255");
    config.name = TEXT("");
    refused(&config, "the container has no name: give it one");
    config.name = NULL;
    refused(&config, "the container has no name: give it one");
}

static void a_root_filesystem_is_an_absolute_path(void **unused)
{
    struct container_config config = good();

    (void)unused;
    config.rootfs = TEXT("srv");
    refused(&config, "container web: root filesystem 'srv' is no absolute path: name a directory "
                     "of the host from / on");
}

static void a_root_filesystem_or_an_image_but_not_both(void **unused)
{
    struct container_config config = good();
    struct refusal why;

    (void)unused;
    config.image = TEXT("quay.io/team/web:1");
    refused(&config, "container web: it has a root filesystem and an image: give one of them");
    config.rootfs = NULL;
    assert_int_equal(config_check(&config, &why), FAILURE_NONE);
    config.image = TEXT("Web");
    refused(&config, "container web: 'Web' is no name or id of an image, like busybox or "
                     "quay.io/team/web:1");
}

static void an_image_may_have_a_command_until_it_is_known(void **unused)
{
    struct container_config config = good();
    struct refusal why;

    (void)unused;
    config.rootfs = NULL;
    config.image = TEXT("web");
    config.command.count = 0;
    assert_int_equal(config_check(&config, &why), FAILURE_NONE);
    config.image_id = TEXT("9f1c");
    refused(&config, "container web: image web has no command: say what to run");
}

static void there_is_something_to_run(void **unused)
{
    struct container_config config = good();
    char *argv[] = { TEXT("") };

    (void)unused;
    config.command.count = 0;
    refused(&config, "container web: the command is empty: say what to run");
    config.command = (struct text_list){ .items = argv, .count = 1 };
    refused(&config, "container web: the command is empty: say what to run");
}

static void the_process_has_sensible_surroundings(void **unused)
{
    struct container_config config = good();
    char *env[] = { TEXT("A=1"), TEXT("B") };

    (void)unused;
    config.env = (struct text_list){ .items = env, .count = 2 };
    refused(&config, "container web: environment entry 'B' is not NAME=value");
    env[1] = TEXT("=x");
    refused(&config, "container web: environment entry '=x' is not NAME=value");
    config = good();
    config.workdir = TEXT("tmp");
    refused(&config, "container web: working directory 'tmp' is no absolute path");
    config = good();
    config.user = TEXT(":0");
    refused(&config, "container web: user ':0' is not user[:group]");
    config = good();
    config.hostname = TEXT("0123456789012345678901234567890123456789012345678901234567890123x");
    refused(&config, "container web: the hostname has to have 1 to 64 characters");
}

static void words_are_known_words(void **unused)
{
    struct container_config config = good();

    (void)unused;
    config.network = TEXT("bridge");
    refused(&config, "container web: network 'bridge' is not known: use none, host or private");
    config = good();
    config.pid = TEXT("none");
    refused(&config, "container web: pid namespace 'none' is not known: use private or host");
    config = good();
    config.ipc = TEXT("shareable");
    refused(&config, "container web: ipc namespace 'shareable' is not known: use private or host");
    config = good();
    config.seccomp = TEXT("/x.json");
    refused(&config, "container web: seccomp profile '/x.json' is not known: use unconfined, or "
                     "leave it out for the default");
    config = good();
    config.runtime = TEXT("kata");
    refused(&config, "container web: runtime 'kata' is not known: use crun or runc, or leave it "
                     "out for what works");
    config = good();
    config.restart_policy = TEXT("");
    refused(&config, "container web: restart policy '' is not known: use no, on-failure, always "
                     "or unless-stopped");
}

static void restart_options_agree(void **unused)
{
    struct container_config config = good();

    (void)unused;
    config.restart_retries = 2;
    refused(&config, "container web: retries are for the restart policy on-failure, not for 'no'");
    config = good();
    config.auto_remove = true;
    config.restart_policy = TEXT("no");
    accepted(&config);
    config.restart_policy = TEXT("always");
    refused(&config,
            "container web: it cannot be removed when it ends and be restarted by 'always'");
}

static void mounts_say_what_goes_where(void **unused)
{
    struct container_config config = good();
    struct mount_config mount = { .type = TEXT("bind"), .destination = TEXT("/data") };

    (void)unused;
    config.mounts = (struct message_list){ .items = &mount, .count = 1 };
    refused(&config, "container web: bind mount /data has no absolute source path");
    mount.type = TEXT("glusterfs");
    refused(&config, "container web: mount /data of type 'glusterfs' is not known: use bind, "
                     "volume or tmpfs");
    mount.type = TEXT("volume");
    accepted(&config);
    mount.source = TEXT("../data");
    refused(&config, "container web: '../data' at /data is no name of a volume: use letters, "
                     "digits, '_', '.' and '-', the first a letter or digit");
    mount.source = TEXT("data");
    accepted(&config);
    mount.type = TEXT("tmpfs");
    mount.source = TEXT("/srv");
    refused(&config, "container web: tmpfs mount /data takes no source");
    mount.source = NULL;
    accepted(&config);
    mount.destination = TEXT("data");
    refused(&config, "container web: mount destination 'data' is not an absolute path below /");
    mount.destination = TEXT("//");
    refused(&config, "container web: mount destination '//' is not an absolute path below /");
    mount.destination = TEXT("/data/../../etc");
    refused(&config, "container web: mount destination '/data/../../etc' is not an absolute path "
                     "below /");
    mount.destination = TEXT("/data/..");
    refused(&config, "container web: mount destination '/data/..' is not an absolute path below /");
}

static void limits_are_in_range(void **unused)
{
    struct container_config config = good();
    struct ulimit_config ulimit = { .name = TEXT("RLIMIT_NOFILE") };

    (void)unused;
    config.ulimits = (struct message_list){ .items = &ulimit, .count = 1 };
    refused(&config, "container web: ulimit 'RLIMIT_NOFILE' is not known: use a name of "
                     "setrlimit(2) in lower case without RLIMIT_, as in nofile");
    ulimit = (struct ulimit_config){ .name = TEXT("core"), .soft = 2, .hard = 1 };
    refused(&config, "container web: the soft limit of ulimit core is above its hard limit");
    config = good();
    config.pids_limit = -2;
    refused(&config, "container web: the pids limit has to be -1 (none) or more");
    config = good();
    config.cpu_period_us = 10;
    refused(&config, "container web: the cpu period has to be 1000 to 1000000 microseconds");
    config = good();
    config.cpu_quota_us = 999;
    refused(&config, "container web: the cpu quota has to be at least 1000 microseconds");
    config = good();
    config.memory_bytes = 2;
    config.memory_swap_bytes = 1;
    refused(&config, "container web: the limit of memory plus swap is below that of memory");
    config = good();
    config.stop_signal = 65;
    refused(&config, "container web: stop signal 65 is none: use 1 to 64, or 0 for SIGTERM");
}

static void capabilities_and_hosts_are_words(void **unused)
{
    struct container_config config = good();
    char *caps[] = { TEXT("net-admin") };
    char *hosts[] = { TEXT("db=10.0.0.7") };

    (void)unused;
    config.cap_drop = (struct text_list){ .items = caps, .count = 1 };
    refused(&config, "container web: capability 'net-admin' is no name like NET_ADMIN or ALL");
    config = good();
    config.hosts_add = (struct text_list){ .items = hosts, .count = 1 };
    refused(&config, "container web: hosts entry 'db=10.0.0.7' is not name:address");
}

/* Two-byte characters after a text of even and of odd length: one of them would be cut in half. */
static void a_sentence_is_cut_between_characters(void **unused)
{
    char text[2 * ERROR_TEXT_MAX] = { 0 };
    struct refusal refusal = { 0 };
    size_t size;

    (void)unused;
    for (size_t i = 0; i + 2 < sizeof(text); i += 2)
        memcpy(text + i, "\xc3\xa4", 2);
    for (unsigned padding = 0; padding < 2; padding++) {
        (void)refuse(&refusal, FAILURE_INTERNAL, "%.*s%s", (int)padding, "x", text);
        size = strlen(refusal.text);
        assert_true(size >= ERROR_TEXT_MAX - 3);
        assert_int_equal((unsigned char)refusal.text[size - 2], 0xc3);
        assert_int_equal((unsigned char)refusal.text[size - 1], 0xa4);
    }
}

static void id_maps_have_to_be_whole(void **unused)
{
    struct container_config config = good();
    char *map[] = { TEXT("0:100000:65536"), TEXT("65536:1000:1") };
    char *rootless[] = { TEXT("1:100000:9") };
    char *twice[] = { TEXT("0:100000:10"), TEXT("5:300000:10") };
    char *options[] = { TEXT("idmap") };
    struct mount_config mount = { .type = TEXT("bind"),
                                  .source = TEXT("/srv"),
                                  .destination = TEXT("/data"),
                                  .options = { .items = options, .count = 1 } };

    (void)unused;
    config.mounts = (struct message_list){ .items = &mount, .count = 1 };
    refused(&config, "container web: mount /data: idmap is for containers with a user namespace: "
                     "give id maps, or leave the option out");
    config.uid_map = (struct text_list){ .items = map, .count = 2 };
    refused(&config, "container web: its user namespace has no map of groups: give both maps");
    config.gid_map = (struct text_list){ .items = rootless, .count = 1 };
    refused(&config, "container web: map of groups: 0, the container's root, has no place in it");
    config.gid_map = (struct text_list){ .items = twice, .count = 2 };
    refused(&config, "container web: map of groups: \"0:100000:10\" and \"5:300000:10\" overlap");
    config.gid_map = (struct text_list){ .items = map, .count = 1 };
    accepted(&config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_needed_is_enough),
        cmocka_unit_test(everything_at_once_is_accepted),
        cmocka_unit_test(a_name_follows_the_rule),
        cmocka_unit_test(a_root_filesystem_is_an_absolute_path),
        cmocka_unit_test(a_root_filesystem_or_an_image_but_not_both),
        cmocka_unit_test(an_image_may_have_a_command_until_it_is_known),
        cmocka_unit_test(there_is_something_to_run),
        cmocka_unit_test(the_process_has_sensible_surroundings),
        cmocka_unit_test(words_are_known_words),
        cmocka_unit_test(restart_options_agree),
        cmocka_unit_test(mounts_say_what_goes_where),
        cmocka_unit_test(limits_are_in_range),
        cmocka_unit_test(capabilities_and_hosts_are_words),
        cmocka_unit_test(a_sentence_is_cut_between_characters),
        cmocka_unit_test(id_maps_have_to_be_whole),
    };
    return cmocka_run_group_tests_name("config_check", tests, NULL, NULL);
}
