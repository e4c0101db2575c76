#!/usr/bin/env bats
# The operator's command against real containers, on one host.

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

@test "run shows the output and ends with the exit code of the command" {
    run --separate-stderr gantry run --rootfs "$ROOTFS" sh -c 'echo out; echo err >&2; exit 0'
    assert_equal "$status" 0
    assert_equal "$output" out
    assert_equal "$stderr" err
    run gantry run --rootfs "$ROOTFS" sh -c 'exit 7'
    assert_equal "$status" 7
}

@test "a line without its newline and binary output come through as they are" {
    gantry run --rootfs "$ROOTFS" sh -c 'printf "a\nb\0c\377"' >"$BATS_TEST_TMPDIR/out"
    printf 'a\nb\0c\377' >"$BATS_TEST_TMPDIR/expected"
    cmp "$BATS_TEST_TMPDIR/out" "$BATS_TEST_TMPDIR/expected"
}

@test "much output comes whole and in order" {
    gantry run --rm --rootfs "$ROOTFS" seq 1 20000 >"$BATS_TEST_TMPDIR/out"
    seq 1 20000 | cmp - "$BATS_TEST_TMPDIR/out"
}

@test "a command that does not exist ends with 127" {
    run -127 --separate-stderr gantry run --rootfs "$ROOTFS" /no/such/command
    assert_match "$stderr" '^gantry: Error: '
}

@test "a command that cannot be executed ends with 126" {
    run --separate-stderr gantry run --rootfs "$ROOTFS" /etc/passwd
    assert_equal "$status" 126
}

@test "a root filesystem that does not exist ends with 125" {
    run --separate-stderr gantry run --rootfs "$FLEET/nowhere" true
    assert_equal "$status" 125
    assert_match "$stderr" 'nowhere'
}

@test "a root filesystem whose /dev, /proc or /sys leads elsewhere is refused, and nothing is made there" {
    for name in dev proc sys; do
        cp -a "$ROOTFS" "$BATS_TEST_TMPDIR/$name"
        rm -rf "${BATS_TEST_TMPDIR:?}/$name/$name"
        mkdir "$BATS_TEST_TMPDIR/elsewhere.$name"
        ln -s "$BATS_TEST_TMPDIR/elsewhere.$name" "$BATS_TEST_TMPDIR/$name/$name"
        run --separate-stderr gantry run --rm --rootfs "$BATS_TEST_TMPDIR/$name" true
        assert_equal "$status" 125
        assert_match "$stderr" "its /$name is not a directory"
        assert_equal "$(ls -A "$BATS_TEST_TMPDIR/elsewhere.$name")" ""
    done
}

@test "wrong words end with 125 and are named" {
    run --separate-stderr gantry run --nonsense
    assert_equal "$status" 125
    assert_equal "$stderr" "gantry: Error: unknown flag: --nonsense"
    run --separate-stderr gantry nonsense
    assert_equal "$status" 125
}

@test "run --rm leaves nothing, and its output is not lost" {
    for round in 1 2 3 4 5; do
        run --separate-stderr gantry run --rm --name brief --rootfs "$ROOTFS" echo "brief $round"
        assert_equal "$status" 0
        assert_equal "$output" "brief $round"
    done
    assert_equal "$(gantry ps -aq)" ""
    assert_equal "$(ls -A "$FLEET/one.run/exits")" ""
}

@test "run -d prints the id, and wait prints the exit code" {
    id=$(gantry run -d --name sleeper --rootfs "$ROOTFS" sh -c 'sleep 1; exit 3')
    assert_match "$id" '^[0-9a-f]{64}$'
    assert_equal "$(gantry wait sleeper)" 3
    assert_equal "$(gantry wait "${id:0:12}")" 3
    assert_equal "$(gantry inspect --format '{{.State.ExitCode}} {{.State.Running}}' sleeper)" "3 false"
}

@test "run forwards signals, and a death by signal is 128 and its number" {
    head=$(log_head)
    # Not by the function: it is the program itself that is signalled.
    "$bin/gantry" run --name signalled --rootfs "$ROOTFS" \
        sh -c 'trap "exit 42" TERM; echo ready; while :; do sleep 0.1; done' \
        >"$BATS_TEST_TMPDIR/out" 3>&- &
    pid=$!
    wait_for_event "$head" --filter event=start --filter container=signalled
    # The trap is set when the shell has said so.
    soon sh -c 'tail -n +1 -f "$0" | grep -q -m1 ready' "$BATS_TEST_TMPDIR/out" || true
    kill -TERM "$pid"
    wait "$pid" || status=$?
    assert_equal "$status" 42

    gantry run -d --name killed --rootfs "$ROOTFS" sleep 1000
    gantry kill killed
    assert_equal "$(gantry wait killed)" 137
    gantry run -d --name ended --rootfs "$ROOTFS" \
        sh -c 'trap "exit 9" USR1; echo ready; while :; do sleep 0.1; done'
    wait_for_line ended ready
    gantry kill --signal USR1 ended
    assert_equal "$(gantry wait ended)" 9
    run --separate-stderr gantry kill ended
    assert_equal "$status" 125
}

# Until the container has written this line.
wait_for_line() {
    soon bash -c 'grep -q -m1 -x "$1" < <(exec "$2" logs -f "$3" 2>/dev/null)' - "$2" "$bin/gantry" "$1"
}

@test "stop asks politely, then kills, and is content with what has stopped" {
    gantry run -d --name polite --rootfs "$ROOTFS" \
        sh -c 'trap "exit 5" TERM; echo ready; while :; do sleep 0.1; done'
    wait_for_line polite ready
    assert_equal "$(gantry stop polite)" polite
    assert_equal "$(gantry inspect --format '{{.State.ExitCode}}' polite)" 5

    gantry run -d --name stubborn --rootfs "$ROOTFS" \
        sh -c 'trap "" TERM; echo ready; while :; do sleep 0.1; done'
    wait_for_line stubborn ready
    gantry stop --time 1 stubborn
    assert_equal "$(gantry inspect --format '{{.State.ExitCode}}' stubborn)" 137
    assert_equal "$(gantry stop stubborn)" stubborn
}

@test "a SIGTERM that nobody catches is 143" {
    gantry run -d --name plain --pid host --rootfs "$ROOTFS" sleep 1000
    gantry stop plain
    assert_equal "$(gantry wait plain)" 143
}

@test "create, init, start, restart and cleanup go through the states" {
    id=$(gantry create --name steps --rootfs "$ROOTFS" sleep 1000)
    assert_equal "$(gantry inspect --format '{{.State.Status}} {{.Id}}' steps)" "configured $id"
    gantry init steps
    assert_equal "$(gantry inspect --format '{{.State.Status}}' steps)" created
    assert_equal "$(gantry start steps)" steps
    first=$(gantry inspect --format '{{.State.Status}} {{.State.Pid}} {{.State.Run}}' steps)
    assert_match "$first" '^running [1-9][0-9]* 1$'
    gantry restart --time 0 steps
    second=$(gantry inspect --format '{{.State.Status}} {{.State.Pid}} {{.State.Run}}' steps)
    assert_match "$second" '^running [1-9][0-9]* 2$'
    [[ ${first% *} != "${second% *}" ]]
    run --separate-stderr gantry rm steps
    assert_equal "$status" 2
    gantry kill steps
    gantry wait --condition exited steps
    gantry cleanup steps
    assert_equal "$(gantry rm steps)" steps
    run --separate-stderr gantry rm steps
    assert_equal "$status" 1
    assert_match "$stderr" 'no such container'
    gantry rm --force steps
}

@test "pause freezes and unpause lets go on" {
    gantry run -d --name frozen --rootfs "$ROOTFS" sleep 1000
    gantry pause frozen
    assert_equal "$(gantry ps -a --format '{{.Names}} {{.Status}}')" "frozen Paused"
    run --separate-stderr gantry pause frozen
    assert_equal "$status" 125
    gantry unpause frozen
    assert_equal "$(gantry inspect --format '{{.State.Status}}' frozen)" running
}

@test "ps lists what runs, all, by filter and in the formats asked for" {
    gantry run -d --name web --label tier=front --label app=web --rootfs "$ROOTFS" sleep 1000
    gantry create --name db --label tier=back --rootfs "$ROOTFS" sleep 1000
    id=$(gantry inspect --format '{{.Id}}' web)
    assert_equal "$(gantry ps -q)" "${id:0:12}"
    assert_equal "$(gantry ps -q --no-trunc)" "$id"
    run gantry ps
    assert_equal "${#lines[@]}" 2
    assert_match "${lines[0]}" '^CONTAINER ID +IMAGE +COMMAND +CREATED +STATUS +PORTS +NAMES +HOST$'
    assert_match "${lines[1]}" "^${id:0:12} +sleep 1000 +.* ago +Up .* +web +one\$"
    assert_equal "$(gantry ps -a --sort names --format '{{.Names}}' | tr '\n' ' ')" "db web "
    assert_equal "$(gantry ps --filter status=created --format '{{.Names}}: {{.Status}}')" "db: Created"
    assert_equal "$(gantry ps -a --filter label=tier=front --format '{{.Names}} {{index .Labels "app"}}')" "web web"
    assert_equal "$(gantry ps -l --format '{{.Names}}')" db
    assert_equal "$(gantry ps -a --format 'table {{.Names}}\t{{.State}}' --sort names | head -n 1)" \
        "NAMES       STATE"
    gantry ps -a --format json | /usr/bin/python3 -c '
import json, sys
rows = {row["Names"][0]: row for row in json.load(sys.stdin)}
assert rows["web"]["State"] == "running" and rows["web"]["Pid"] > 0, rows
assert rows["web"]["Labels"] == {"tier": "front", "app": "web"}, rows
assert rows["db"]["State"] == "configured" and rows["db"]["Host"] == "one", rows
'
    run --separate-stderr gantry ps --filter colour=red
    assert_equal "$status" 125
}

@test "inspect has podman's shape, and a prefix that means two is an error" {
    gantry create --name shaped --memory 64m --rootfs "$ROOTFS" sleep 1000
    gantry inspect shaped | /usr/bin/python3 -c '
import json, sys
[it] = json.load(sys.stdin)
assert it["Name"] == "shaped" and it["Path"] == "sleep" and it["Args"] == ["1000"], it
assert it["HostConfig"]["Memory"] == 64 << 20 and it["State"]["Status"] == "configured", it
assert it["Config"]["CreateCommand"][1] == "create", it
'
    run --separate-stderr gantry inspect nobody
    assert_equal "$status" 125
    assert_equal "$output" "[]"
    for i in {1..17}; do
        gantry create --rootfs "$ROOTFS" true >/dev/null
    done
    # Of 17 ids two begin alike.
    digit=$(gantry ps -aq | cut -c1 | sort | uniq -d | head -n 1)
    run --separate-stderr gantry inspect "$digit"
    assert_equal "$status" 125
    assert_match "$stderr" 'more than one result'
}

@test "logs gives all, the tail, times and names, and follows to the end" {
    gantry run -d --name talker --rootfs "$ROOTFS" \
        sh -c 'for i in 1 2 3 4 5; do echo line $i; done; echo oops >&2; sleep 1; echo last'
    run --separate-stderr gantry logs --follow talker
    assert_equal "$status" 0
    assert_equal "$output" "$(printf 'line %d\n' 1 2 3 4 5; echo last)"
    assert_equal "$stderr" oops
    gantry wait talker
    run --separate-stderr gantry logs --tail 2 talker
    assert_equal "$output" last
    assert_equal "$stderr" oops
    run --separate-stderr gantry logs --tail 0 talker
    assert_equal "$output" ""
    run --separate-stderr gantry logs --timestamps --names --tail 1 talker
    assert_match "$output" '^talker [0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z last$'
    run --separate-stderr gantry logs --since 1h talker
    assert_equal "${#lines[@]}" 6
    run --separate-stderr gantry logs --until 1h talker
    assert_equal "$output" ""
}

@test "events tell of a life in order, with names and exit codes" {
    head=$(log_head)
    gantry run --rm --name told --rootfs "$ROOTFS" sh -c 'exit 4' || true
    gantry wait --condition removed told
    events=$(gantry events --no-stream --from-seq $((head + 1)) --filter container=told \
        --format '{{.Status}}' | tr '\n' ' ')
    assert_match "$events" '^create init start died .*remove $'
    run gantry events --no-stream --from-seq $((head + 1)) --filter event=died
    assert_match "$output" ' container died [0-9a-f]{64} \(host=one, name=told, run=1, exitCode=4\)$'
    gantry events --no-stream --from-seq $((head + 1)) --filter event=died --format json |
        /usr/bin/python3 -c '
import json, sys
it = json.load(sys.stdin)
assert it["ContainerExitCode"] == 4 and it["Name"] == "told" and it["Host"] == "one", it
'
}

@test "history shows commands, their outcomes and events, also of what was removed" {
    gantry run --rm --name past --rootfs "$ROOTFS" true
    gantry wait --condition removed past
    run gantry history past
    assert_equal "$status" 0
    assert_match "$output" 'command +container\.create '
    assert_match "$output" 'event +container\.died .*exit code 0'
    assert_match "$output" 'event +command\.done '
    assert_match "$output" 'event +container\.removed '
}

@test "what is set for the process is what it sees" {
    run gantry run --rm --name told-so -e COLOUR=blue -w /tmp -u 1:2 -h box --rootfs "$ROOTFS" \
        sh -c 'echo $COLOUR $PWD $(id -u):$(id -g) $(hostname)'
    assert_equal "$output" "blue /tmp 1:2 box"
    echo hello >"$BATS_TEST_TMPDIR/file"
    run gantry run --rm -v "$BATS_TEST_TMPDIR:/mnt:ro" --tmpfs /scratch --rootfs "$ROOTFS" \
        sh -c 'cat /mnt/file; touch /mnt/x 2>/dev/null || echo read-only; touch /scratch/x && echo scratch'
    assert_equal "$output" $'hello\nread-only\nscratch'
    run gantry run --rm --read-only --rootfs "$ROOTFS" sh -c 'touch /x 2>/dev/null || echo read-only'
    assert_equal "$output" read-only
    run gantry run --rm --network none --rootfs "$ROOTFS" sh -c 'ls /sys/class/net'
    assert_equal "$output" lo
}

@test "names are unique, and ids are written to a file" {
    gantry create --name only --cidfile "$BATS_TEST_TMPDIR/cid" --rootfs "$ROOTFS" true
    assert_equal "$(cat "$BATS_TEST_TMPDIR/cid")" "$(gantry inspect --format '{{.Id}}' only)"
    run --separate-stderr gantry create --name only --rootfs "$ROOTFS" true
    assert_equal "$status" 125
    assert_match "$stderr" 'only'
    run --separate-stderr gantry create --cidfile "$BATS_TEST_TMPDIR/cid" --rootfs "$ROOTFS" true
    assert_equal "$status" 125
}

@test "a container that uses too much memory is killed, and that is told" {
    grep -qw memory /proc/cgroups || skip "the kernel has no memory controller"
    run --separate-stderr gantry run --name hungry --memory 16m --rootfs "$ROOTFS" \
        sh -c 'head -c 200m /dev/zero | tail -c 150m >/dev/null; exit 0'
    # The kernel kills whom it likes: the hungry tail, or the shell as well.
    run gantry inspect --format '{{.State.OOMKilled}}' hungry
    assert_equal "$output" true
}

@test "a restart policy starts a failing container again until its number is used up" {
    head=$(log_head)
    gantry run -d --name again --restart on-failure:2 --rootfs "$ROOTFS" sh -c 'exit 1'
    run gantry events --from-seq $((head + 1)) --filter container=again --filter event=died \
        --limit 3 --format '{{.Run}}'
    assert_equal "$output" $'1\n2\n3'
    assert_equal "$(gantry inspect --format '{{.RestartCount}}' again)" 2
}

@test "all and several containers at once" {
    for name in a1 a2 a3; do
        gantry run -d --name "$name" --rootfs "$ROOTFS" sleep 1000 >/dev/null
    done
    assert_equal "$(gantry stop --time 0 a1 a2 | tr '\n' ' ')" "a1 a2 "
    gantry stop --all --time 0
    assert_equal "$(gantry ps -q)" ""
    run --separate-stderr gantry start a1 nobody
    assert_equal "$status" 125
    assert_equal "$output" a1
    gantry rm --all --force --time 0
    assert_equal "$(gantry ps -aq)" ""
}

@test "hosts, info, version and states answer" {
    run gantry hosts
    assert_match "${lines[1]}" '^one +reachable '
    gantry hosts --format json | /usr/bin/python3 -c '
import json, sys
[host] = json.load(sys.stdin)
assert host["Name"] == "one" and any(r["Works"] for r in host["Runtimes"]), host
'
    run gantry info
    assert_match "$output" 'Reachable: 1'
    assert_match "$(gantry version)" '^gantry version [0-9]'
    assert_match "$(gantry states --dot)" '"running" -> "stopped" \[label="container.died"\]'
}

@test "a broker that is not there is named" {
    run --separate-stderr gantry --broker "unix://$FLEET/none.sock" --timeout 1 ps
    assert_equal "$status" 125
    assert_match "$stderr" "unix://$FLEET/none.sock does not answer"
}
