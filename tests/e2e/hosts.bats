#!/usr/bin/env bats
# Two hosts, one broker.

bats_require_minimum_version 1.5.0

setup_file() {
    source "$BATS_TEST_DIRNAME/fleet.bash"
    fleet_up
    start_worker one
    start_worker two
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

@test "a new container needs a host when there are two" {
    run --separate-stderr gantry create --rootfs "$ROOTFS" true
    assert_equal "$status" 125
    assert_equal "$stderr" "gantry: Error: choose a host by --host: one, two"
    run --separate-stderr gantry create --host three --rootfs "$ROOTFS" true
    assert_equal "$status" 125
    assert_match "$stderr" 'no host is called "three"'
}

@test "containers run where they were put, and are found wherever they are" {
    run gantry run --host one --name first --rootfs "$ROOTFS" echo from one
    assert_equal "$output" "from one"
    run gantry --host two run --name second --rootfs "$ROOTFS" echo from two
    assert_equal "$output" "from two"
    assert_equal "$(gantry ps -a --sort names --format '{{.Names}} {{.Host}}')" $'first one\nsecond two'
    assert_equal "$(gantry ps -a --host two --format '{{.Names}}')" second
    assert_equal "$(gantry ps -a --filter host=one --format '{{.Names}}')" first
    assert_equal "$(gantry logs second)" "from two"
    assert_equal "$(gantry hosts --format '{{.Name}} {{.State}} {{.Containers}}')" \
        $'one reachable 1\ntwo reachable 1'
}

@test "the same name on two hosts is two containers, told apart by --host" {
    gantry create --host one --name twin --rootfs "$ROOTFS" true
    gantry create --host two --name twin --rootfs "$ROOTFS" true
    run --separate-stderr gantry rm twin
    assert_equal "$status" 125
    assert_match "$stderr" 'more than one result .* on one'
    assert_match "$stderr" 'more than one result .* on two'
    assert_equal "$(gantry rm --host one twin)" twin
    assert_equal "$(gantry ps -a --format '{{.Names}} {{.Host}}')" "twin two"
}

@test "events are of all hosts, or of one" {
    head=$(log_head)
    gantry run --host one --rootfs "$ROOTFS" true
    gantry run --host two --rootfs "$ROOTFS" true
    assert_equal "$(gantry events --no-stream --from-seq $((head + 1)) --filter event=died \
        --format '{{.Host}}')" $'one\ntwo'
    assert_equal "$(gantry events --no-stream --from-seq $((head + 1)) --filter event=died \
        --host two --format '{{.Host}}')" two
}
