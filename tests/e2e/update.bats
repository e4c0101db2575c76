#!/usr/bin/env bats
# What can be changed of a container that exists: its name.

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
