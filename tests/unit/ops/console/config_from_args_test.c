/* What is said to run, as a configuration. */
#include "ops/console/config_from_args.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct args_usage usage = { "run", "COMMAND", "Run" };

/* Parse a command line of words parted by single spaces, as run does. */
static int configure(const char *line, struct container_config *ret, struct arena *arena,
                     struct error *err)
{
    struct run_options options = { 0 };
    char *rest = arena_text(arena, line);
    char **argv = arena_zeroed(arena, 64 * sizeof(*argv));
    size_t count = 0;

    argv[count++] = arena_text(arena, "run");
    while (rest != NULL && *rest != '\0' && count < 63)
        argv[count++] = strsep(&rest, " ");
    assert_int_equal(args_parse(&run_options_table, &usage, argv, &options, arena, err), 0);
    return config_from_args(&options, argv, arena, ret, err);
}

static struct container_config config_of(const char *line, struct arena *arena)
{
    struct container_config config = { 0 };
    struct error err = { 0 };

    if (configure(line, &config, arena, &err) < 0)
        fail_msg("%s: %s", line, err.text);
    return config;
}

static void assert_refused(const char *line, const char *why)
{
    autoarena arena = { 0 };
    struct container_config config = { 0 };
    struct error err = { 0 };

    assert_true(configure(line, &config, &arena, &err) < 0);
    assert_string_equal(err.text, why);
}

static void a_plain_command_takes_the_defaults(void **state)
{
    autoarena arena = { 0 };
    struct container_config config = config_of("--rootfs /r sh -c ls", &arena);

    (void)state;
    assert_string_equal(config.rootfs, "/r");
    assert_int_equal(config.command.count, 3);
    assert_string_equal(config.command.items[2], "ls");
    assert_null(config.name);
    assert_null(config.network);
    assert_int_equal(config.pids_limit, 0);
    assert_int_equal(config.stop_signal, 0);
    assert_false(config.stop_timeout_s.is_set);
    assert_false(config.auto_remove);
    assert_int_equal(config.create_command.count, 6);
    assert_string_equal(config.create_command.items[0], "run");
}

static void a_relative_root_filesystem_is_beneath_our_directory(void **state)
{
    autoarena arena = { 0 };
    struct container_config config = config_of("--rootfs box sh", &arena);
    char here[4096];

    (void)state;
    assert_non_null(getcwd(here, sizeof(here)));
    assert_memory_equal(config.rootfs, here, strlen(here));
    assert_string_equal(config.rootfs + strlen(here), "/box");
}

static void options_reach_their_fields(void **state)
{
    autoarena arena = { 0 };
    struct container_config config = config_of(
        "--name web --rm -w /srv -u 1:2 -h box --network none --pid host --ipc host --read-only"
        " --privileged --cap-add NET_ADMIN --cap-drop ALL --security-opt seccomp=unconfined"
        " --security-opt no-new-privileges --runtime runc --stop-signal INT --stop-timeout 3"
        " --no-hosts --add-host a:1.2.3.4 -l a=1 -l b --annotation k=v --restart no"
        " --rootfs /r sh",
        &arena);

    (void)state;
    assert_string_equal(config.name, "web");
    assert_true(config.auto_remove);
    assert_string_equal(config.workdir, "/srv");
    assert_string_equal(config.user, "1:2");
    assert_string_equal(config.hostname, "box");
    assert_string_equal(config.network, "none");
    assert_string_equal(config.pid, "host");
    assert_string_equal(config.ipc, "host");
    assert_true(config.read_only);
    assert_true(config.privileged);
    assert_string_equal(config.cap_add.items[0], "NET_ADMIN");
    assert_string_equal(config.cap_drop.items[0], "ALL");
    assert_string_equal(config.seccomp, "unconfined");
    assert_true(config.no_new_privileges);
    assert_string_equal(config.runtime, "runc");
    assert_int_equal(config.stop_signal, SIGINT);
    assert_true(config.stop_timeout_s.is_set);
    assert_int_equal(config.stop_timeout_s.value, 3);
    assert_true(config.no_hosts);
    assert_string_equal(config.hosts_add.items[0], "a:1.2.3.4");
    assert_int_equal(config.labels.count, 2);
    assert_string_equal(config.labels.items[0].value, "1");
    assert_string_equal(config.labels.items[1].key, "b");
    assert_string_equal(config.labels.items[1].value, "");
    assert_string_equal(config.annotations.items[0].value, "v");
    assert_string_equal(config.restart_policy, "no");
}

static void limits_are_in_the_units_of_the_kernel(void **state)
{
    autoarena arena = { 0 };
    struct container_config config =
        config_of("-m 64m --memory-swap -1 --cpus 1.5 --cpu-shares 512 --pids-limit 100"
                  " --shm-size 1m --ulimit nofile=10:20 --ulimit core=-1 --rootfs /r sh",
                  &arena);
    const struct ulimit_config *ulimits = config.ulimits.items;

    (void)state;
    assert_true(config.memory_bytes == 64 << 20);
    assert_true(config.memory_swap_bytes == UINT64_MAX);
    assert_int_equal(config.cpu_quota_us, 150000);
    assert_int_equal(config.cpu_period_us, 100000);
    assert_int_equal(config.cpu_shares, 512);
    assert_int_equal(config.pids_limit, 100);
    assert_true(config.shm_bytes == 1 << 20);
    assert_int_equal(config.ulimits.count, 2);
    assert_string_equal(ulimits[0].name, "nofile");
    assert_int_equal(ulimits[0].soft, 10);
    assert_int_equal(ulimits[0].hard, 20);
    assert_true(ulimits[1].soft == UINT64_MAX && ulimits[1].hard == UINT64_MAX);
    assert_int_equal(config_of("--pids-limit 0 --rootfs /r sh", &arena).pids_limit, -1);
    assert_int_equal(config_of("--pids-limit -1 --rootfs /r sh", &arena).pids_limit, -1);
}

static void the_last_word_about_a_variable_counts(void **state)
{
    autoarena arena = { 0 };
    char path[] = "/tmp/gantry-env-XXXXXX";
    int fd = mkstemp(path);
    static const char lines[] = "# a comment\n\nA=file\nB=file\n  C=spaced\nGANTRY_TEST_HERE\n";
    char *line = arena_printf(&arena,
                              "--env-file %s -e A=word -e GANTRY_TEST_HERE -e NOT_SET_X"
                              " -e A=last --rootfs /r sh",
                              path);
    struct container_config config;

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, lines, sizeof(lines) - 1), sizeof(lines) - 1);
    assert_int_equal(close(fd), 0);
    assert_int_equal(setenv("GANTRY_TEST_HERE", "value", 1), 0);
    assert_int_equal(unsetenv("NOT_SET_X"), 0);
    config = config_of(line, &arena);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(config.env.count, 4);
    assert_string_equal(config.env.items[0], "A=last");
    assert_string_equal(config.env.items[1], "B=file");
    assert_string_equal(config.env.items[2], "C=spaced");
    assert_string_equal(config.env.items[3], "GANTRY_TEST_HERE=value");
}

static const struct mount_config *mount_at(const struct container_config *config, size_t i)
{
    return &((const struct mount_config *)config->mounts.items)[i];
}

static void assert_options(const struct mount_config *mount, const char *expected)
{
    char text[256] = "";

    for (size_t i = 0; i < mount->options.count; i++) {
        if (i > 0)
            strcat(text, ",");
        strcat(text, mount->options.items[i]);
    }
    assert_string_equal(text, expected);
}

static void mounts_are_read_in_their_three_forms(void **state)
{
    autoarena arena = { 0 };
    struct container_config config =
        config_of("-v /a:/b -v /c:/d:ro,rslave,Z --tmpfs /t:size=1m,mode=700 --tmpfs /u"
                  " --mount type=bind,src=/e,dst=/f,ro,bind-nonrecursive"
                  " --mount dst=/g,type=tmpfs,tmpfs-size=2m,tmpfs-mode=1777 --rootfs /r sh",
                  &arena);

    (void)state;
    assert_int_equal(config.mounts.count, 6);
    assert_string_equal(mount_at(&config, 0)->type, "bind");
    assert_string_equal(mount_at(&config, 0)->source, "/a");
    assert_string_equal(mount_at(&config, 0)->destination, "/b");
    assert_options(mount_at(&config, 0), "rbind,rprivate");
    assert_options(mount_at(&config, 1), "ro,rslave,rbind");
    assert_string_equal(mount_at(&config, 2)->type, "tmpfs");
    assert_null(mount_at(&config, 2)->source);
    assert_options(mount_at(&config, 2), "size=1m,mode=700,nosuid,nodev");
    assert_options(mount_at(&config, 3), "nosuid,nodev");
    assert_string_equal(mount_at(&config, 4)->source, "/e");
    assert_options(mount_at(&config, 4), "ro,bind,rprivate");
    assert_string_equal(mount_at(&config, 5)->destination, "/g");
    assert_options(mount_at(&config, 5), "size=2m,mode=1777,nosuid,nodev");
}

static void restart_policies_are_known(void **state)
{
    autoarena arena = { 0 };
    struct container_config config = config_of("--restart on-failure:3 --rootfs /r sh", &arena);

    (void)state;
    assert_string_equal(config.restart_policy, "on-failure");
    assert_int_equal(config.restart_retries, 3);
    assert_string_equal(config_of("--restart always --rootfs /r sh", &arena).restart_policy,
                        "always");
}

static void an_image_needs_no_command(void **state)
{
    autoarena arena = { 0 };
    struct container_config config = config_of("--pull never busybox", &arena);

    (void)state;
    assert_string_equal(config.image, "busybox");
    assert_string_equal(config.pull, "never");
    assert_null(config.rootfs);
    assert_int_equal(config.command.count, 0);
    assert_false(config.has_entrypoint);
    config = config_of("--tls-verify=false quay.io/a/b:1 ls -l", &arena);
    assert_string_equal(config.image, "quay.io/a/b:1");
    assert_true(config.no_tls_verify);
    assert_int_equal(config.command.count, 2);
    assert_string_equal(config.command.items[1], "-l");
}

static void an_entrypoint_is_a_word_or_a_list(void **state)
{
    autoarena arena = { 0 };
    struct container_config config = config_of("--entrypoint /init box", &arena);

    (void)state;
    assert_true(config.has_entrypoint);
    assert_int_equal(config.entrypoint.count, 1);
    assert_string_equal(config.entrypoint.items[0], "/init");
    config = config_of("--entrypoint [\"sh\",\"-c\"] box", &arena);
    assert_int_equal(config.entrypoint.count, 2);
    assert_string_equal(config.entrypoint.items[1], "-c");
    config = config_of("--entrypoint [sh box", &arena);
    assert_string_equal(config.entrypoint.items[0], "[sh");
    config = config_of("--entrypoint= box", &arena);
    assert_true(config.has_entrypoint);
    assert_int_equal(config.entrypoint.count, 0);
}

static void volumes_have_names_or_none(void **state)
{
    autoarena arena = { 0 };
    struct container_config config = config_of(
        "-v data:/d:ro -v /anonymous --mount type=volume,src=more,dst=/m,nocopy box", &arena);
    const struct mount_config *mounts = config.mounts.items;

    (void)state;
    assert_int_equal(config.mounts.count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(mounts[i].type, "volume");
    assert_string_equal(mounts[0].source, "data");
    assert_string_equal(mounts[0].destination, "/d");
    assert_int_equal(mounts[0].options.count, 1);
    assert_string_equal(mounts[0].options.items[0], "ro");
    assert_null(mounts[1].source);
    assert_string_equal(mounts[1].destination, "/anonymous");
    assert_string_equal(mounts[2].source, "more");
    assert_string_equal(mounts[2].options.items[0], "nocopy");
}

static void what_makes_no_sense_is_refused_by_name(void **state)
{
    static const char *const refused[][2] = {
        { "--name web", "an image is missing: give IMAGE [COMMAND...]" },
        { "Alpine/:x sh", "Alpine/:x: that is no name of an image" },
        { "--pull often alpine", "--pull often is not supported yet: one of always|missing|never" },
        { "--tls-verify no alpine", "--tls-verify no: true or false" },
        { "--rootfs", "--rootfs: the path of a root filesystem is missing" },
        { "--rootfs /r", "no command was given to run in the container" },
        { "--name -x --rootfs /r sh", "name \"-x\": names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*" },
        { "-e =x --rootfs /r sh", "invalid environment variable: \"=x\"" },
        { "-m much --rootfs /r sh", "--memory: \"much\" is no size" },
        { "--memory-swap 1g --rootfs /r sh", "--memory-swap needs --memory" },
        { "-m 2g --memory-swap 1g --rootfs /r sh",
          "--memory-swap is memory plus swap: not below --memory" },
        { "--cpus 0 --rootfs /r sh", "--cpus 0: give a number of CPUs, from 0.01" },
        { "--cpus nan --rootfs /r sh", "--cpus nan: give a number of CPUs, from 0.01" },
        { "--cpus 1 --cpu-quota 5000 --rootfs /r sh",
          "--cpus excludes --cpu-quota and --cpu-period" },
        { "--pids-limit -2 --rootfs /r sh", "--pids-limit -2: not below -1" },
        { "--ulimit nofile --rootfs /r sh", "--ulimit nofile: give NAME=SOFT[:HARD]" },
        { "--ulimit nofile=9:3 --rootfs /r sh",
          "--ulimit nofile=9:3: the soft limit is above the hard limit" },
        { "--stop-signal NO --rootfs /r sh", "invalid signal: NO" },
        { "--stop-timeout -1 --rootfs /r sh", "--stop-timeout -1: give seconds from 0 on" },
        { "--network bridge --rootfs /r sh",
          "--network bridge is not supported yet: one of none|host|private" },
        { "--restart maybe --rootfs /r sh", "\"maybe\" is not a valid restart policy" },
        { "--restart always:3 --rootfs /r sh",
          "restart policy \"always\" takes no number of retries" },
        { "--rm --restart always --rootfs /r sh", "the --rm option conflicts with --restart" },
        { "--security-opt label=x --rootfs /r sh", "--security-opt label=x is not supported yet" },
        { "-l =x --rootfs /r sh", "--label =x: the key is empty" },
        { "-v a --rootfs /r sh",
          "--volume a: invalid container path \"a\", must be an absolute path" },
        { "-v da/ta:/d --rootfs /r sh", "--volume da/ta:/d: \"da/ta\": names of volumes must match "
                                        "[a-zA-Z0-9][a-zA-Z0-9_.-]*" },
        { "-v ./data:/d --rootfs /r sh",
          "--volume ./data:/d: \"./data\": a bind mount's source is an absolute path" },
        { "-v /a:b --rootfs /r sh",
          "--volume /a:b: invalid container path \"b\", must be an absolute path" },
        { "-v /a:/b:quick --rootfs /r sh", "--volume /a:/b:quick: invalid mount option \"quick\"" },
        { "-v /a:/ --rootfs /r sh",
          "--volume /a:/: invalid container path \"/\": it is the root filesystem" },
        { "-v /a:/b --tmpfs /b --rootfs /r sh", "/b: duplicate mount destination" },
        { "--mount dst=/b --rootfs /r sh",
          "--mount dst=/b: type=bind, type=volume or type=tmpfs is needed" },
        { "--mount type=image,dst=/b --rootfs /r sh",
          "--mount type=image,dst=/b: mounts of type \"image\" are not supported yet" },
        { "--mount type=bind,dst=/b --rootfs /r sh",
          "--mount type=bind,dst=/b: a bind mount needs a source" },
        { "--mount type=tmpfs --rootfs /r sh", "--mount type=tmpfs: a mount needs a destination" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
        assert_refused(refused[i][0], refused[i][1]);
}

static void one_map_of_ids_stands_for_both(void **state)
{
    autoarena arena = { 0 };
    struct container_config config =
        config_of("--userns=private --uidmap 0:1000:1 --uidmap 1:100000:9 --rootfs /r sh", &arena);

    (void)state;
    assert_int_equal(config.uid_map.count, 2);
    assert_string_equal(config.uid_map.items[1], "1:100000:9");
    assert_int_equal(config.gid_map.count, 2);
    assert_string_equal(config.gid_map.items[0], "0:1000:1");
    config = config_of("--gidmap 0:5 --uidmap 0:6 --rootfs /r sh", &arena);
    assert_string_equal(config.uid_map.items[0], "0:6:1");
    assert_string_equal(config.gid_map.items[0], "0:5:1");
    config = config_of("--userns host -v data:/data:idmap --rootfs /r sh", &arena);
    assert_int_equal(config.uid_map.count, 0);
    assert_true(
        text_list_has(&((const struct mount_config *)config.mounts.items)->options, "idmap"));
}

static void user_namespaces_that_cannot_be_are_refused(void **state)
{
    (void)state;
    assert_refused("--uidmap 0:x:1 --rootfs /r sh",
                   "--uidmap: \"0:x:1\" is not CONTAINER-ID:HOST-ID[:COUNT]");
    assert_refused("--userns private --rootfs /r sh",
                   "--userns private: which ids of the host? Give --uidmap or --gidmap, as in "
                   "--uidmap 0:100000:65536");
    assert_refused("--userns host --uidmap 0:1:1 --rootfs /r sh",
                   "--userns host: there are no maps then: leave out --uidmap and --gidmap, or say "
                   "--userns private");
    assert_refused("--userns auto:size=10 --rootfs /r sh",
                   "--userns auto:size=10: no ranges are handed out here: choose one, as in "
                   "--uidmap 0:100000:65536");
    assert_refused("--userns keep-id --rootfs /r sh",
                   "--userns keep-id is not supported: one of private|host");
    assert_refused("--tmpfs /t:idmap --rootfs /r sh",
                   "--tmpfs /t:idmap: invalid mount option \"idmap\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_command_takes_the_defaults),
        cmocka_unit_test(an_image_needs_no_command),
        cmocka_unit_test(an_entrypoint_is_a_word_or_a_list),
        cmocka_unit_test(volumes_have_names_or_none),
        cmocka_unit_test(a_relative_root_filesystem_is_beneath_our_directory),
        cmocka_unit_test(options_reach_their_fields),
        cmocka_unit_test(limits_are_in_the_units_of_the_kernel),
        cmocka_unit_test(the_last_word_about_a_variable_counts),
        cmocka_unit_test(mounts_are_read_in_their_three_forms),
        cmocka_unit_test(restart_policies_are_known),
        cmocka_unit_test(what_makes_no_sense_is_refused_by_name),
        cmocka_unit_test(one_map_of_ids_stands_for_both),
        cmocka_unit_test(user_namespaces_that_cannot_be_are_refused),
    };

    return cmocka_run_group_tests_name("config_from_args", tests, NULL, NULL);
}
