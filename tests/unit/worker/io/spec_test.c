/*
 * What a container finds itself in: each test runs one and looks at what it says about its
 * identity, rights, namespaces, mounts and limits.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "common/auto.h"
#include "common/bytes.h"
#include "common/io/files.h"
#include "common/mem.h"
#include "tests/support/hands_rig.h"
#include "worker/io/spec.h"

/* "F TEXT" must be a line of the log. */
static void assert_says(const char *log, const char *text)
{
    autofree char *line = mem_text(" F %s", text);
    const char *found = strstr(log, line);

    if (found == NULL || (found[strlen(line)] != '\n' && found[strlen(line)] != '\r'))
        fail_msg("\"%s\" is not said in:\n%s", text, log);
}

static void write_file(const struct rig *rig, const char *name, const char *text)
{
    autofree char *path = mem_text("%s/%s", rig->directory, name);

    assert_int_equal(files_replace(AT_FDCWD, path, bytes_of_text(text), 0644, 0, NULL), 0);
}

static char *run_script(struct rig *rig, const char *script)
{
    rig_set_script(rig, script);
    return rig_run(rig);
}

static void root_has_the_default_rights_and_no_more(void **state)
{
    struct rig *rig = *state;
    autofree char *log = run_script(rig, "grep -E 'Cap|Seccomp:|NoNew' /proc/self/status; id -u");

    assert_says(log, "CapInh:\t0000000000000000");
    assert_says(log, "CapEff:\t00000000800405fb");
    assert_says(log, "CapBnd:\t00000000800405fb");
    assert_says(log, "CapAmb:\t0000000000000000");
    assert_says(log, "NoNewPrivs:\t0");
    assert_says(log, "Seccomp:\t2");
    assert_says(log, "0");
    rig_clear(rig);
}

static void another_user_has_what_was_asked_for_by_name(void **state)
{
    struct rig *rig = *state;
    static char user[] = "worker:1234";
    static char added[] = "net_bind_service";
    static char dropped[] = "CAP_CHOWN";
    static char *add_list[] = { added };
    static char *drop_list[] = { dropped };
    autofree char *log = NULL;

    write_file(rig, "rootfs/etc/passwd", "root:x:0:0::/root:/bin/sh\nworker:x:500:501::/home/w:\n");
    write_file(rig, "rootfs/etc/group", "root:x:0:\nmore:x:600:a,worker\n");
    rig->config.user = user;
    rig->config.cap_add = (struct text_list){ .items = add_list, .count = 1 };
    rig->config.cap_drop = (struct text_list){ .items = drop_list, .count = 1 };
    rig->config.no_new_privileges = true;
    log = run_script(rig, "id -u; id -g; echo $HOME; grep -E 'Cap|NoNew' /proc/self/status");
    assert_says(log, "500");
    assert_says(log, "1234");
    assert_says(log, "/home/w");
    assert_says(log, "CapEff:\t0000000000000400");
    assert_says(log, "CapAmb:\t0000000000000400");
    assert_says(log, "CapBnd:\t00000000800405fa");
    assert_says(log, "NoNewPrivs:\t1");
    rig_clear(rig);
}

static void a_user_alone_has_its_groups(void **state)
{
    struct rig *rig = *state;
    static char user[] = "500";
    autofree char *log = NULL;

    write_file(rig, "rootfs/etc/passwd", "worker:x:500:501::/home/w:\n");
    write_file(rig, "rootfs/etc/group", "more:x:600:a,worker\nother:x:601:a\n");
    rig->config.user = user;
    log = run_script(rig, "grep Groups: /proc/self/status; id -g; grep CapEff /proc/self/status");
    assert_says(log, "Groups:\t600 ");
    assert_says(log, "501");
    assert_says(log, "CapEff:\t0000000000000000");
    rig_clear(rig);
}

static void a_privileged_container_is_not_confined(void **state)
{
    struct rig *rig = *state;
    autofree char *log = NULL;

    rig->config.privileged = true;
    log = run_script(rig, "grep Seccomp: /proc/self/status; mount -t tmpfs x /tmp && echo mounted");
    assert_says(log, "Seccomp:\t0");
    assert_says(log, "mounted");
    rig_clear(rig);
}

static void the_environment_is_ours_where_the_user_says_nothing(void **state)
{
    struct rig *rig = *state;
    static char path[] = "PATH=/bin";
    static char own[] = "GREETING=hello world";
    static char *env[] = { path, own };
    static char workdir[] = "/tmp";
    autofree char *log = NULL;
    char hostname[32];

    rig->config.env = (struct text_list){ .items = env, .count = 2 };
    rig->config.workdir = workdir;
    log = run_script(rig, "env; pwd; hostname; cat /etc/hostname");
    (void)snprintf(hostname, sizeof(hostname), "%.12s", rig->id);
    assert_says(log, "PATH=/bin");
    assert_says(log, "GREETING=hello world");
    assert_says(log, "container=gantry");
    assert_says(log, "HOME=/");
    assert_says(log, "/tmp");
    assert_says(log, hostname);
    rig_clear(rig);
}

static char *own_namespace(const char *kind)
{
    autofree char *path = mem_text("/proc/self/ns/%s", kind);
    char target[64] = { 0 };

    assert_true(readlink(path, target, sizeof(target) - 1) > 0);
    return mem_dup_text(target);
}

#define NAMESPACE_SCRIPT \
    "for i in pid ipc net uts mnt; do readlink /proc/self/ns/$i; done; ls /sys/class/net"

static void every_namespace_is_its_own(void **state)
{
    struct rig *rig = *state;
    static const char *const kinds[] = { "pid", "ipc", "net", "uts", "mnt" };
    autofree char *log = run_script(rig, NAMESPACE_SCRIPT);

    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        autofree char *name = own_namespace(kinds[i]);

        if (strstr(log, name) != NULL)
            fail_msg("%s is the host's", name);
    }
    assert_says(log, "lo");
    rig_clear(rig);
}

static void the_hosts_namespaces_are_joined_when_asked_for(void **state)
{
    struct rig *rig = *state;
    static const char *const kinds[] = { "pid", "ipc", "net" };
    static char host[] = "host";
    autofree char *log = NULL;

    rig->config.pid = host;
    rig->config.ipc = host;
    rig->config.network = host;
    log = run_script(rig, NAMESPACE_SCRIPT);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        autofree char *name = own_namespace(kinds[i]);

        assert_says(log, name);
    }
    rig_clear(rig);
}

static void a_read_only_root_is_written_nowhere_but_in_mounts(void **state)
{
    struct rig *rig = *state;
    autofree char *log = NULL;

    rig->config.read_only = true;
    rig->config.shm_bytes = 1024 * 1024;
    log = run_script(rig, "touch /x || echo refused; touch /dev/shm/y && echo taken; "
                          "touch /etc/hosts || echo kept; df -k /dev/shm | grep -c ' 1024 '");
    assert_says(log, "refused");
    assert_says(log, "taken");
    assert_says(log, "kept");
    assert_says(log, "1");
    rig_clear(rig);
}

static void mounts_are_made_parents_first(void **state)
{
    struct rig *rig = *state;
    static char bind[] = "bind";
    static char tmpfs[] = "tmpfs";
    static char inner[] = "/data/inner";
    static char outer[] = "/data/";
    static char read_only[] = "ro";
    static char size[] = "size=64k";
    static char *inner_options[] = { read_only };
    static char *outer_options[] = { size };
    autofree char *source = mem_text("%s/source", rig->directory);
    struct mount_config mounts[] = {
        { .type = bind,
          .source = source,
          .destination = inner,
          .options = { .items = inner_options, .count = 1 } },
        { .type = tmpfs, .destination = outer, .options = { .items = outer_options, .count = 1 } },
    };
    autofree char *log = NULL;

    assert_int_equal(mkdir(source, 0755), 0);
    write_file(rig, "source/word", "found\n");
    rig->config.mounts = (struct message_list){ .items = mounts, .count = 2 };
    log = run_script(rig, "cat /data/inner/word; touch /data/inner/x || echo refused; "
                          "touch /data/x && echo taken; grep ' /data ' /proc/mounts");
    assert_says(log, "found");
    assert_says(log, "refused");
    assert_says(log, "taken");
    assert_non_null(strstr(log, "size=64k"));
    assert_non_null(strstr(log, "nosuid,nodev"));
    rig_clear(rig);
}

static void a_mount_source_that_is_not_there_is_named(void **state)
{
    struct rig *rig = *state;
    static char bind[] = "bind";
    static char source[] = "/nowhere/at/all";
    static char destination[] = "/data";
    struct mount_config mount = { .type = bind, .source = source, .destination = destination };

    rig->config.mounts = (struct message_list){ .items = &mount, .count = 1 };
    rig_fail(rig, hands_create_runtime, FAILURE_INVALID_ARGUMENT);
    assert_non_null(strstr(rig->text, source));
}

static void what_shows_or_changes_the_host_is_masked(void **state)
{
    struct rig *rig = *state;
    autofree char *log = run_script(rig, "cat /proc/kcore | wc -c; ls /sys/firmware | wc -l; "
                                         "(echo x > /proc/sysrq-trigger) || echo refused; "
                                         "unshare -m true || echo kept");

    assert_says(log, "0");
    assert_says(log, "refused");
    assert_says(log, "kept");
    rig_clear(rig);
}

static void limits_are_set(void **state)
{
    struct rig *rig = *state;
    static char nofile[] = "nofile";
    struct ulimit_config limit = { .name = nofile, .soft = 77, .hard = 99 };
    autofree char *log = NULL;

    rig->config.ulimits = (struct message_list){ .items = &limit, .count = 1 };
    rig->config.memory_bytes = 64 * 1024 * 1024;
    rig->config.cpu_quota_us = 50000;
    rig->config.cpu_shares = 512;
    rig->config.pids_limit = 33;
    log = run_script(rig, "ulimit -n; cat /sys/fs/cgroup/*/memory.limit_in_bytes "
                          "/sys/fs/cgroup/memory.max /sys/fs/cgroup/*/pids.max "
                          "/sys/fs/cgroup/pids.max 2>/dev/null; true");
    assert_says(log, "77");
    assert_says(log, "67108864");
    assert_says(log, "33");
    rig_clear(rig);
}

static void the_network_files_are_the_containers_own(void **state)
{
    struct rig *rig = *state;
    static char hostname[] = "front";
    static char line[] = "db:10.1.2.3";
    static char *lines[] = { line };
    autofree char *log = NULL;

    rig->config.hostname = hostname;
    rig->config.hosts_add = (struct text_list){ .items = lines, .count = 1 };
    log = run_script(rig, "cat /etc/hosts /etc/resolv.conf; hostname");
    assert_says(log, "10.1.2.3\tdb");
    assert_says(log, "127.0.0.1\tfront");
    assert_non_null(strstr(log, "nameserver "));
    assert_says(log, "front");
    rig_clear(rig);
}

static void the_network_files_are_left_alone_when_asked_for(void **state)
{
    struct rig *rig = *state;
    static char none[] = "none";
    autofree char *log = NULL;

    write_file(rig, "rootfs/etc/hosts", "its own\n");
    write_file(rig, "rootfs/etc/resolv.conf", "its own too\n");
    rig->config.no_hosts = true;
    rig->config.network = none;
    log = run_script(rig, "cat /etc/hosts /etc/resolv.conf");
    assert_says(log, "its own");
    assert_says(log, "its own too");
    rig_clear(rig);
}

static void a_terminal_is_one(void **state)
{
    struct rig *rig = *state;
    autofree char *log = NULL;

    rig->config.terminal = true;
    log = run_script(rig, "test -t 0 && test -t 1 && echo terminal $TERM");
    assert_says(log, "terminal xterm");
    rig_clear(rig);
}

static int write_spec(const struct container_config *config, char **ret, struct error *err)
{
    static const struct user_identity user = { .home = "/" };
    struct spec_request request = {
        .id = "0123456789abcdef", .config = config, .user = &user, .has_cgroup_namespace = true
    };

    return spec_write(&request, ret, err);
}

static void a_pids_limit_is_left_out_where_nobody_asked_and_nobody_can_keep_it(void **unused)
{
    static char rootfs[] = "/rootfs";
    static char word[] = "true";
    static char *command[] = { word };
    static const struct user_identity user = { .home = "/" };
    struct container_config config = { .rootfs = rootfs, .command = { command, 1 } };
    struct spec_request request = {
        .id = "0123456789abcdef", .config = &config, .user = &user, .lacks_pids_controller = true
    };
    autofree char *without = NULL;
    autofree char *asked = NULL;

    (void)unused;
    assert_int_equal(spec_write(&request, &without, NULL), 0);
    assert_null(strstr(without, "\"pids\""));
    config.pids_limit = 33;
    assert_int_equal(spec_write(&request, &asked, NULL), 0);
    assert_non_null(strstr(asked, "\"pids\""));
}

static void the_specification_names_every_namespace(void **unused)
{
    static char rootfs[] = "/rootfs";
    static char word[] = "true";
    static char *command[] = { word };
    struct container_config config = {
        .rootfs = rootfs,
        .command = { .items = command, .count = 1 },
    };
    autofree char *text = NULL;
    json_t *spec;

    (void)unused;
    assert_int_equal(write_spec(&config, &text, NULL), 0);
    spec = json_loads(text, 0, NULL);
    assert_non_null(spec);
    assert_string_equal(json_string_value(json_object_get(spec, "ociVersion")), "1.0.2");
    assert_int_equal(json_array_size(json_object_get(json_object_get(spec, "linux"), "namespaces")),
                     6);
    json_decref(spec);
}

static void what_makes_no_sense_is_refused(void **unused)
{
    static char rootfs[] = "/rootfs";
    static char word[] = "true";
    static char bad[] = "nonsense";
    static char *words[] = { word };
    static char *bad_words[] = { bad };
    static const struct ulimit_config bad_limit = { .name = bad, .soft = 1, .hard = 1 };
    static const struct ulimit_config odd_limit = { .name = word, .soft = 2, .hard = 1 };
    static const struct mount_config bad_mount = { .type = bad, .destination = rootfs };
    const struct text_list command = { .items = words, .count = 1 };
    const struct text_list bad_list = { .items = bad_words, .count = 1 };
    const struct container_config configs[] = {
        { .rootfs = rootfs },
        { .rootfs = rootfs, .command = command, .workdir = bad },
        { .rootfs = rootfs, .command = command, .network = bad },
        { .rootfs = rootfs, .command = command, .pid = bad },
        { .rootfs = rootfs, .command = command, .ipc = bad },
        { .rootfs = rootfs, .command = command, .seccomp = bad },
        { .rootfs = rootfs, .command = command, .cap_add = bad_list },
        { .rootfs = rootfs, .command = command, .cap_drop = bad_list },
        { .rootfs = rootfs, .command = command, .memory_bytes = UINT64_MAX },
        { .rootfs = rootfs, .command = command, .memory_bytes = 2, .memory_swap_bytes = 1 },
    };
    struct container_config config = { .rootfs = rootfs, .command = command };
    autofree char *text = NULL;

    (void)unused;
    for (size_t i = 0; i < sizeof(configs) / sizeof(*configs); i++)
        assert_int_equal(write_spec(&configs[i], &text, NULL), -EINVAL);
    config.ulimits =
        (struct message_list){ .items = mem_dup(&bad_limit, sizeof(bad_limit)), .count = 1 };
    assert_int_equal(write_spec(&config, &text, NULL), -EINVAL);
    free(config.ulimits.items);
    config.ulimits =
        (struct message_list){ .items = mem_dup(&odd_limit, sizeof(odd_limit)), .count = 1 };
    assert_int_equal(write_spec(&config, &text, NULL), -EINVAL);
    free(config.ulimits.items);
    config.ulimits = (struct message_list){ 0 };
    config.mounts =
        (struct message_list){ .items = mem_dup(&bad_mount, sizeof(bad_mount)), .count = 1 };
    assert_int_equal(write_spec(&config, &text, NULL), -EINVAL);
    free(config.mounts.items);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(root_has_the_default_rights_and_no_more),
        TEST(another_user_has_what_was_asked_for_by_name),
        TEST(a_user_alone_has_its_groups),
        TEST(a_privileged_container_is_not_confined),
        TEST(the_environment_is_ours_where_the_user_says_nothing),
        TEST(every_namespace_is_its_own),
        TEST(the_hosts_namespaces_are_joined_when_asked_for),
        TEST(a_read_only_root_is_written_nowhere_but_in_mounts),
        TEST(mounts_are_made_parents_first),
        TEST(a_mount_source_that_is_not_there_is_named),
        TEST(what_shows_or_changes_the_host_is_masked),
        TEST(limits_are_set),
        TEST(the_network_files_are_the_containers_own),
        TEST(the_network_files_are_left_alone_when_asked_for),
        TEST(a_terminal_is_one),
        cmocka_unit_test(a_pids_limit_is_left_out_where_nobody_asked_and_nobody_can_keep_it),
        cmocka_unit_test(the_specification_names_every_namespace),
        cmocka_unit_test(what_makes_no_sense_is_refused),
    };
    return cmocka_run_group_tests_name("spec", tests, NULL, NULL);
}
