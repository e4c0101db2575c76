#!/usr/bin/env bats
# Commands that are not to be begun any more: those whose time has passed, and those that were cancelled.

bats_require_minimum_version 1.5.0

setup() {
    source "$BATS_TEST_DIRNAME/fleet.bash"
    fleet_up
    start_worker one
    gantry create --name web --rootfs "$ROOTFS" sleep 1000
}

teardown() {
    [[ -n ${BATS_TEST_COMPLETED-} ]] || show_logs
    fleet_down
}

@test "a command whose time has passed before its worker is back is not begun" {
    stop_process one
    gantry start --expires 4s web >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
    asker=$!
    wait_for_event 0 --commands --filter event=container.start
    sleep 4 # what is waited for is that time passes
    start_worker one
    status=0
    wait "$asker" || status=$?
    assert_equal "$status" 125
    assert_equal "$(cat "$BATS_TEST_TMPDIR/out")" ""
    assert_match "$(cat "$BATS_TEST_TMPDIR/err")" 'start container .*: its deadline passed before it began'
    assert_equal "$(gantry inspect --format '{{.State.Status}}' web)" configured
    assert_equal "$(gantry events --no-stream --from-seq 0 --filter event=initialized)" ""
    assert_equal "$(gantry start --expires 10m web)" web
}

@test "a time that makes no sense is named, and nothing is said" {
    head=$(log_head)
    run --separate-stderr gantry stop --expires never web
    assert_equal "$status" 125
    assert_match "$stderr" '^gantry: Error: --expires: '
    assert_equal "$(log_head)" "$head"
}

@test "a command that its worker has not heard of is cancelled, and only once" {
    stop_process one
    id=$(gantry start --detach web)
    assert_match "$id" '^[0-9a-f]{32}$'
    gantry cancel "$id" >"$BATS_TEST_TMPDIR/cancelled" 3>&- &
    canceller=$!
    wait_for_event 0 --commands --filter event=command.cancel
    start_worker one
    wait "$canceller"
    assert_equal "$(cat "$BATS_TEST_TMPDIR/cancelled")" "$id"
    assert_match "$(gantry history web)" "cancelled: container.start: it was cancelled before it began"
    assert_equal "$(gantry events --no-stream --from-seq 0 --filter event=initialized)" ""
    run --separate-stderr gantry cancel "$id"
    assert_equal "$status" 125
    assert_match "$stderr" "command $id has ended already"
}

@test "what has ended, and what never was, cannot be cancelled" {
    id=$(gantry start --detach web)
    gantry rename web shop # waits until the start has ended
    run --separate-stderr gantry cancel "$id" 0123456789abcdef0123456789abcdef nonsense
    assert_equal "$status" 125
    assert_match "$stderr" "command $id has ended already"
    assert_match "$stderr" 'no command 0123456789abcdef0123456789abcdef is known'
    assert_match "$stderr" "'nonsense' is no id of a command"
    assert_equal "$(gantry inspect --format '{{.State.Status}}' shop)" running
}
