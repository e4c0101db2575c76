#!/usr/bin/env bats
# crun is preferred where it works: on a host whose mounted control groups it understands.

bats_require_minimum_version 1.5.0

setup() {
    source "$BATS_TEST_DIRNAME/fleet.bash"
    fleet_up
}

teardown() {
    [[ -n ${BATS_TEST_COMPLETED-} ]] || show_logs
    fleet_down
}

@test "without the unified hierarchy beside the old ones crun is chosen and works" {
    start_worker one "$GANTRY_SOURCE_DIR/tests/support/with_cgroups" v1
    gantry hosts --format json >"$BATS_TEST_TMPDIR/hosts"
    works=$(/usr/bin/python3 -c '
import json, sys
[host] = json.load(open(sys.argv[1]))
print(" ".join(r["Name"] for r in host["Runtimes"] if r["Works"]))
' "$BATS_TEST_TMPDIR/hosts")
    assert_match "$works" '^crun'
    run gantry run --name by-crun --rootfs "$ROOTFS" sh -c 'echo works; exit 8'
    assert_equal "$status" 8
    assert_equal "$output" works
    assert_equal "$(gantry inspect --format '{{.OCIRuntime}}' by-crun)" crun
    run gantry run --rm --runtime crun --memory 64m --pids-limit 50 --rootfs "$ROOTFS" echo limits
    assert_equal "$output" limits
    gantry run -d --name again --rootfs "$ROOTFS" sleep 1000
    gantry update --memory 96m --memory-swap 128m --cpus 0.5 --pids-limit 40 again >/dev/null
    gantry update --memory -1 --cpus 0 --pids-limit -1 again >/dev/null
    gantry pause again
    gantry unpause again
    gantry kill again
    assert_equal "$(gantry wait again)" 137
}
