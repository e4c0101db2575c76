#!/usr/bin/env bats
# What can be changed of a container that exists: its name, its limits, its restart policy.

bats_require_minimum_version 1.5.0

setup_file() {
    source "$BATS_TEST_DIRNAME/fleet.bash"
    fleet_up
    start_worker one
}

teardown_file() {
    source "$BATS_TEST_DIRNAME/fleet.bash"
    fleet_down
}

setup() {
    source "$BATS_TEST_DIRNAME/fleet.bash"
}

teardown() {
    [[ -n ${BATS_TEST_COMPLETED-} ]] || show_logs
    gantry rm --all --force --time 0 >/dev/null
}

@test "rename: a running container is called by its new name, and the old one is free" {
    id=$(gantry run -d --name before --rootfs "$ROOTFS" sleep 1000)
    run gantry rename before after
    assert_equal "$status" 0
    assert_equal "$output" ""
    assert_equal "$(gantry ps --format '{{.Names}}')" after
    assert_equal "$(gantry inspect --format '{{.Id}} {{.State.Running}}' after)" "$id true"
    gantry create --name before --rootfs "$ROOTFS" true >/dev/null
    assert_match "$(gantry history after)" "container.renamed"
}

@test "rename: a name that is taken is refused, and nothing changes" {
    gantry create --name one --rootfs "$ROOTFS" true >/dev/null
    gantry create --name two --rootfs "$ROOTFS" true >/dev/null
    run --separate-stderr gantry rename one two
    assert_equal "$status" 125
    assert_match "$stderr" 'name two is taken on host one'
    run --separate-stderr gantry rename one 'no/name'
    assert_equal "$status" 125
    run --separate-stderr gantry rename nobody three
    assert_equal "$status" 125
    assert_equal "$(gantry ps -a --sort names --format '{{.Names}}' | tr '\n' ' ')" "one two "
}

@test "rename: the worker knows the new name after it was killed" {
    gantry create --name before --rootfs "$ROOTFS" true >/dev/null
    gantry rename before after
    stop_process one KILL
    start_worker one
    gantry rename after last
    gantry create --name after --rootfs "$ROOTFS" true >/dev/null
    assert_equal "$(gantry ps -a --sort names --format '{{.Names}}' | tr '\n' ' ')" "after last "
}

# What the kernel has as a limit of a container.
limit_of() {
    find /sys/fs/cgroup -path "*/gantry/$1/$2" -exec cat {} + | sort -u
}

@test "update: the limits of a running container change, and stay for its next run" {
    id=$(gantry run -d --name limited --pids-limit 50 --rootfs "$ROOTFS" sleep 1000)
    assert_equal "$(limit_of "$id" pids.max)" 50
    run gantry update --pids-limit 60 --cpu-shares 512 limited
    assert_equal "$status" 0
    assert_equal "$output" "$id"
    assert_equal "$(limit_of "$id" pids.max)" 60
    gantry restart --time 0 limited >/dev/null
    assert_equal "$(limit_of "$id" pids.max)" 60
    assert_equal "$(gantry inspect --format '{{.State.Running}} {{.HostConfig.PidsLimit}}' limited)" "true 60"
}

@test "update: a container that does not run has the limits when it runs" {
    id=$(gantry create --name idle --rootfs "$ROOTFS" sleep 1000)
    gantry update --pids-limit 70 idle
    gantry start idle
    assert_equal "$(limit_of "$id" pids.max)" 70
}

@test "update: a restart policy ends what always began" {
    gantry run -d --name eager --restart always --rootfs "$ROOTFS" \
        sh -c 'until [ -e /tmp/go ]; do sleep 0.1; done; exit 3'
    gantry update --restart no eager
    head=$(log_head)
    touch "$ROOTFS/tmp/go"
    wait_for_event "$head" --filter event=died --filter container=eager
    wait_for_event "$head" --filter event=cleanup --filter container=eager
    assert_equal "$(gantry inspect --format '{{.State.Status}} {{.RestartCount}}' eager)" "exited 0"
    rm "$ROOTFS/tmp/go"
}

@test "update: nonsense is refused" {
    gantry create --name web --rootfs "$ROOTFS" true >/dev/null
    run --separate-stderr gantry update web
    assert_equal "$status" 125
    assert_match "$stderr" 'changes nothing'
    run --separate-stderr gantry update --memory lots web
    assert_equal "$status" 125
    run --separate-stderr gantry update --memory 64m --memory-swap 32m web
    assert_equal "$status" 125
    assert_match "$stderr" 'memory plus swap'
}
