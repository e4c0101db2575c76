#!/usr/bin/env bats
# Hosts with other control groups than this machine's: the worker is in mounts of its own.

bats_require_minimum_version 1.5.0

setup() {
    source "$BATS_TEST_DIRNAME/fleet.bash"
    fleet_up
}

teardown() {
    [[ -n ${BATS_TEST_COMPLETED-} ]] || show_logs
    fleet_down
}

# A worker on a host with this layout of control groups.
start_worker_with() {
    start_worker one "$GANTRY_SOURCE_DIR/tests/support/with_cgroups" "$1"
}

# "NAME WORKS REASON" of each runtime.
runtimes() {
    gantry hosts --format json | /usr/bin/python3 -c '
import json, sys
[host] = json.load(sys.stdin)
for runtime in host["Runtimes"]:
    print(runtime["Name"], runtime["Works"], runtime.get("Reason"))'
}

@test "on a host with the unified hierarchy alone a container lives a whole life" {
    start_worker_with v2
    assert_equal "$(gantry hosts --format '{{.Cgroups}}')" v2
    assert_match "$(runtimes)" 'runc True'
    run gantry run --rm --rootfs "$ROOTFS" sh -c 'echo works; exit 8'
    assert_equal "$status" 8
    assert_equal "$output" works
    id=$(gantry run -d --name web --rootfs "$ROOTFS" sleep 1000)
    gantry pause web
    assert_equal "$(gantry inspect --format '{{.State.Status}}' web)" paused
    stop_process one KILL
    start_worker_with v2
    assert_equal "$(gantry inspect --format '{{.State.Status}}' web)" paused
    gantry unpause web
    gantry pause web
    gantry kill web
    assert_equal "$(gantry wait web)" 137
    gantry restart --time 0 web
    gantry rm --force --time 0 web
    [[ -z $(find /sys/fs/cgroup -name "$id*") ]]
}

@test "on a host without control groups nothing runs, and it is said why" {
    start_worker_with none
    assert_match "$(runtimes)" 'runc False .*no control groups: mount'
    run --separate-stderr gantry run --rm --rootfs "$ROOTFS" true
    assert_equal "$status" 125
    assert_match "$stderr" 'no control groups'
    assert_equal "$(gantry ps -aq)" ""
}
