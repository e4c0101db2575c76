#!/usr/bin/env bats
# The past: how the fleet was, what changed, and why, told from the log.

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

# A container that runs until it is told to end, and ends with 9 then: its trap is set when it says
# so.
start_web() {
    gantry run --detach --host one --name web "$@" --rootfs "$ROOTFS" \
        sh -c 'trap "exit 9" TERM; echo ready; while :; do sleep 1000 & wait; done' >/dev/null
    soon bash -c 'grep -q -m1 -x ready < <(exec "$0" logs --follow web 2>/dev/null)' "$bin/gantry"
}

# The words of why's chain, a line each, without places and times.
chain_of() {
    gantry why "$@" --format '{{range .Chain}}{{.Section}} {{.Text}}
{{end}}'
}

@test "ps and inspect show the fleet as it was at a position" {
    local before
    local while_there

    before=$(log_head)
    start_web
    while_there=$(log_head)
    gantry rm --force --time 0 web >/dev/null
    assert_equal "$(gantry ps -a --format '{{.Names}}')" ""
    assert_equal "$(gantry ps -a --at "pos:$before" --format '{{.Names}}')" ""
    assert_equal "$(gantry ps --at "pos:$while_there" --format '{{.Names}} {{.Host}} {{.State}}')" \
        "web one running"
    assert_equal "$(gantry ps --at "$while_there" --host two --format '{{.Names}}')" ""
    assert_equal "$(gantry ps --at "$while_there" --filter status=exited --quiet)" ""
    assert_equal "$(gantry inspect --at "$while_there" --format '{{.State.Status}}' web)" running
    run --separate-stderr gantry inspect --at "$before" web
    assert_match "$stderr" 'no such container'
}

@test "ps shows the fleet as it was at a time" {
    local then

    start_web
    then=$(date -u +%Y-%m-%dT%H:%M:%S.%NZ)
    gantry stop web >/dev/null
    assert_equal "$(gantry ps --format '{{.Names}}')" ""
    assert_equal "$(gantry ps --at "$then" --format '{{.Names}}')" web
    assert_equal "$(gantry ps --at now -a --format '{{.Names}} {{.State}}')" "web exited"
    assert_equal "$(gantry ps -a --at 2020-01-01 --format '{{.Names}}')" ""
}

@test "a moment that makes no sense is refused" {
    run --separate-stderr gantry ps --at yesterday
    assert_equal "$status" 125
    assert_match "$stderr" '"yesterday" is no moment'
    run --separate-stderr gantry ps --at pos:999999999999
    assert_equal "$status" 125
    assert_match "$stderr" 'the log ends at position'
}

@test "history tells all about a container, also when it was removed" {
    gantry run --rm --host two --name brief --rootfs "$ROOTFS" true
    wait_for_event 0 --filter event=remove --filter container=brief >/dev/null
    run gantry history brief --format '{{.Record}} {{.Run}} {{.Host}}'
    assert_match "$output" '^container.create 0 two'
    assert_match "$output" 'container.died 1 two'
    assert_match "$output" 'container.removed 1 two'
    assert_equal "$(gantry history brief --format '{{.Pos}}')" \
        "$(gantry history brief --format '{{.Pos}}' | sort -n)"
    run --separate-stderr gantry history never-there
    assert_equal "$status" 125
    assert_match "$stderr" 'nor was there ever one'
}

@test "why leads from an exit over the stop to who asked for it" {
    start_web
    gantry stop --time 60 web >/dev/null
    assert_equal "$(chain_of web)" \
        "state died: exit code 9 (run 1)
state container.stopping: SIGTERM, then SIGKILL after 60 s
state container.stop by unix:0
run container.started (run 1)
run container.start by unix:0
existence container.created
existence container.create by unix:0"
    run gantry why web
    assert_match "${lines[0]}" '^web \(.*\) on host one exited .* ago with exit code 9 \(run 1\)\.$'
    assert_match "$output" '<- container.stop by unix:0  \[pos [0-9]+, '
}

@test "why tells what ended by itself, and what the restart policy did" {
    local head

    head=$(log_head)
    gantry run --detach --host one --name fails --restart on-failure:1 --rootfs "$ROOTFS" \
        sh -c 'exit 3' >/dev/null
    wait_for_event "$head" --filter event=restart --filter container=fails >/dev/null
    soon "$bin/gantry" events --from-seq $((head + 1)) --limit 2 --filter event=died \
        --filter container=fails >/dev/null
    gantry wait fails >/dev/null
    run chain_of fails
    assert_match "$output" 'state died: exit code 3 \(run 2\)'
    assert_match "$output" 'state by itself: nobody had asked for it'
    assert_match "$output" 'run its restart policy on-failure: restart 1 in [0-9]+ ms'
    assert_match "$output" 'run died: exit code 3 \(run 1\)'
    assert_match "$output" 'run container.start by unix:0'
}

@test "why tells of a kill, of a removal, and of what was refused" {
    local while_there

    start_web
    run --separate-stderr gantry start web
    run --separate-stderr gantry unpause web
    assert_equal "$status" 125
    while_there=$(log_head)
    gantry kill --signal KILL web >/dev/null
    gantry wait web >/dev/null
    run gantry why web
    assert_match "$output" 'died: exit code 137 \(run 1\)'
    assert_match "$output" '<- container.signalled: SIGKILL'
    assert_match "$output" 'container.unpause by unix:0 was refused: state-improper'
    gantry rm web >/dev/null
    run gantry why web
    assert_match "${lines[0]}" 'was removed .* ago'
    assert_match "$output" '<- container.remove by unix:0'
    run gantry why web --at "$while_there"
    assert_match "${lines[0]}" 'has been running for'
}

@test "why tells why a container never came to be" {
    run gantry create --host one --name nowhere --rootfs /nowhere/at/all true
    assert_equal "$status" 125
    run gantry why nowhere
    assert_match "${lines[0]}" 'never came to be'
    assert_match "$output" '<- container.create by unix:0'
}

@test "diff shows what changed between two moments" {
    local before
    local running

    before=$(log_head)
    start_web
    running=$(log_head)
    gantry stop web >/dev/null
    assert_equal "$(gantry diff --from "$before" --to "$running" \
        --format '{{.Kind}} {{.Name}} {{.Change}} {{.From}}>{{.To}}')" \
        "container web appeared >running, run 1"
    assert_equal "$(gantry diff --from "$running" web \
        --format '{{.Name}} {{.Change}} {{.From}}>{{.To}}')" \
        $'web state running>exited\nweb exit code >9'
    assert_equal "$(gantry diff --from "$before" --host two --format json)" "[]"
    run --separate-stderr gantry diff --from "$running" --to "$before"
    assert_equal "$status" 125
    assert_match "$stderr" 'is before --from'
}

@test "the log is whole and folds to the broker's view, also after broker and worker were killed" {
    start_web
    run gantry log verify --rebuild
    assert_equal "$status" 0
    assert_match "$output" 'View: .* folded again'
    assert_match "$output" 'Faults:     0'
    stop_process one KILL
    stop_process broker KILL
    start_broker
    start_worker one
    gantry stop web >/dev/null
    assert_equal "$(chain_of web | head -n 1)" "state died: exit code 9 (run 1)"
    gantry run --host two --name after --rootfs "$ROOTFS" true
    assert_equal "$(gantry log verify --rebuild --format '{{.View.Same}} {{.FaultCount}}')" "true 0"
}
