#!/usr/bin/env bats
# What the operator sees when worker and broker are killed: nothing is lost, nothing is done twice.

bats_require_minimum_version 1.5.0

setup() {
    source "$BATS_TEST_DIRNAME/fleet.bash"
    fleet_up
    start_worker one
}

teardown() {
    [[ -n ${BATS_TEST_COMPLETED-} ]] || show_logs
    fleet_down
}

# A container that ends with a code when the file appears that it is told of.
run_until_file() {
    local name=$1

    mkdir -p "$FLEET/signals"
    gantry run -d --name "$name" -v "$FLEET/signals:/signals" --rootfs "$ROOTFS" \
        sh -c "while [ ! -e /signals/$name ]; do sleep 0.1; done; exit 23"
}

@test "a worker that was killed knows its running container again and tells its exit" {
    run_until_file survivor
    pid=$(gantry inspect --format '{{.State.Pid}}' survivor)
    stop_process one KILL
    kill -0 "$pid"
    start_worker one
    assert_equal "$(gantry inspect --format '{{.State.Status}} {{.State.Pid}}' survivor)" "running $pid"
    touch "$FLEET/signals/survivor"
    assert_equal "$(gantry wait survivor)" 23
}

@test "an exit while the worker was dead is told when it is back" {
    run_until_file lonely
    conmon=$(gantry inspect --format '{{.State.ConmonPid}}' lonely)
    stop_process one KILL
    touch "$FLEET/signals/lonely"
    soon tail --pid="$conmon" -f /dev/null
    start_worker one
    assert_equal "$(gantry wait lonely)" 23
    gantry rm lonely
    assert_equal "$(ls -A "$FLEET/one.run/exits")" ""
}

@test "a wait goes on over a broker that was killed, and the log is whole" {
    run_until_file waited
    before=$(gantry events --no-stream --from-seq 0 --format json)
    gantry wait waited >"$BATS_TEST_TMPDIR/code" 3>&- &
    waiter=$!
    stop_process broker KILL
    start_broker
    touch "$FLEET/signals/waited"
    wait "$waiter"
    assert_equal "$(cat "$BATS_TEST_TMPDIR/code")" 23
    after=$(gantry events --no-stream --from-seq 0 --format json)
    assert_equal "${after:0:${#before}}" "$before"
    assert_equal "$(gantry events --no-stream --from-seq 0 --filter event=died --format '{{.Name}}')" \
        waited
}

@test "output in the foreground goes on over a broker that was killed" {
    mkdir -p "$FLEET/signals"
    head=$(log_head)
    gantry run --name shown -v "$FLEET/signals:/signals" --rootfs "$ROOTFS" \
        sh -c 'echo before; while [ ! -e /signals/shown ]; do sleep 0.1; done; echo after; exit 6' \
        >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
    runner=$!
    wait_for_event "$head" --filter event=start --filter container=shown
    stop_process broker KILL
    start_broker
    touch "$FLEET/signals/shown"
    code=0
    wait "$runner" || code=$?
    assert_equal "$code" 6
    assert_equal "$(cat "$BATS_TEST_TMPDIR/out")" $'before\nafter'
}

@test "a command for a worker that is away is carried out when it is back, once" {
    stop_process one KILL
    head=$(log_head)
    gantry create --name later --rootfs "$ROOTFS" true >"$BATS_TEST_TMPDIR/id" 2>/dev/null 3>&- &
    creator=$!
    wait_for_event "$head" --commands --filter event=container.create
    start_worker one
    wait "$creator"
    assert_equal "$(gantry ps -aq --no-trunc)" "$(cat "$BATS_TEST_TMPDIR/id")"
    assert_equal "$(gantry events --no-stream --from-seq 0 --filter event=create --format '{{.Name}}')" later
}

@test "both killed under a running container: all is found again" {
    run_until_file both
    stop_process broker KILL
    stop_process one KILL
    touch "$FLEET/signals/both"
    start_broker
    start_worker one
    assert_equal "$(gantry wait both)" 23
    assert_equal "$(gantry ps -a --format '{{.Names}} {{.ExitCode}}')" "both 23"
}
