#!/usr/bin/env bats
# Containers that require others: started after them, removed before them.

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
    [[ -z $(gantry ps -aq) ]]
}

running() {
    gantry ps --sort names --format '{{.Names}}' | tr '\n' ' '
}

@test "start: what is required is started before, in order" {
    gantry create --name db --rootfs "$ROOTFS" sleep 1000 >/dev/null
    gantry create --name cache --rootfs "$ROOTFS" sleep 1000 >/dev/null
    gantry create --name app --requires db,cache --rootfs "$ROOTFS" sleep 1000 >/dev/null
    gantry create --name web --requires app --rootfs "$ROOTFS" sleep 1000 >/dev/null
    head=$(log_head)
    gantry start web
    assert_equal "$(running)" "app cache db web "
    order=$(gantry events --from-seq $((head + 1)) --no-stream --filter event=start --format '{{.Name}}' | tr '\n' ' ')
    assert_match "$order" '^(db cache|cache db) app web $'
}

@test "start: a failure names the culprit" {
    gantry create --name db --rootfs "$ROOTFS" /no/such/command >/dev/null
    gantry create --name app --requires db --rootfs "$ROOTFS" sleep 1000 >/dev/null
    run --separate-stderr gantry start app
    assert_equal "$status" 125
    assert_match "$stderr" 'requires container db'
    assert_match "$stderr" '/no/such/command'
    assert_equal "$(running)" ""
}

@test "rm: what is required stays, and is not even stopped" {
    gantry run -d --name db --rootfs "$ROOTFS" sleep 1000 >/dev/null
    gantry create --name app --requires db --rootfs "$ROOTFS" sleep 1000 >/dev/null
    run --separate-stderr gantry rm --force --time 0 db
    assert_equal "$status" 125
    assert_match "$stderr" 'required by app'
    assert_equal "$(running)" "db "
    gantry rm app
    gantry rm --force --time 0 db
    assert_equal "$(gantry ps -aq)" ""
}

# To whom an event came since a position of the log, in order: "web app db ".
order_of() {
    gantry events --from-seq $(($2 + 1)) --no-stream --filter "event=$1" --format '{{.ID}}' |
        sed "s/^$db.*/db/; s/^$app.*/app/; s/^$web.*/web/; s/^$alone.*/alone/" | tr '\n' ' '
}

make_chain() {
    db=$(gantry create --name db --rootfs "$ROOTFS" sleep 1000)
    app=$(gantry create --name app --requires db --rootfs "$ROOTFS" sleep 1000)
    web=$(gantry create --name web --requires app --rootfs "$ROOTFS" sleep 1000)
    alone=$(gantry create --name alone --rootfs "$ROOTFS" sleep 1000)
}

@test "rm --depend: who requires it goes too, and before it" {
    make_chain
    gantry start web
    head=$(log_head)
    run --separate-stderr gantry rm --depend db
    assert_equal "$status" 2
    assert_equal "$(running)" "app db web "
    run gantry rm --force --depend --time 0 db
    assert_equal "$status" 0
    assert_equal "${#lines[@]}" 3
    assert_equal "${lines[2]}" db
    assert_equal "$(order_of remove "$head")" "web app db "
    assert_equal "$(gantry ps -a --format '{{.Names}}')" alone
}

@test "start, stop and rm of all go in the order of what is required" {
    make_chain
    head=$(log_head)
    run gantry start --all
    assert_equal "$status" 0
    assert_equal "${#lines[@]}" 4
    assert_match "$(order_of start "$head")" 'db .*app .*web '
    head=$(log_head)
    run gantry stop --all --time 0
    assert_equal "$status" 0
    assert_match "$(order_of died "$head")" 'web .*app .*db '
    head=$(log_head)
    run gantry rm --all
    assert_equal "$status" 0
    assert_match "$(order_of remove "$head")" 'web .*app .*db '
    assert_equal "$(gantry ps -aq)" ""
}

@test "what is named in any order is stopped and removed in the right one" {
    make_chain
    gantry start web alone
    head=$(log_head)
    gantry stop --time 0 db web app
    assert_equal "$(order_of died "$head")" "web app db "
    gantry start app db
    assert_equal "$(running)" "alone app db "
    gantry rm --force --time 0 db app web
    assert_equal "$(running)" "alone "
}

@test "create: what is not there, and the container itself, cannot be required" {
    run --separate-stderr gantry create --name app --requires nobody --rootfs "$ROOTFS" true
    assert_equal "$status" 125
    assert_match "$stderr" 'requires nobody'
    run --separate-stderr gantry create --name app --requires app --rootfs "$ROOTFS" true
    assert_equal "$status" 125
    assert_match "$stderr" 'app -> app is a cycle'
    assert_equal "$(gantry ps -aq)" ""
}

@test "requirements hold after the worker was killed" {
    gantry create --name db --rootfs "$ROOTFS" sleep 1000 >/dev/null
    id=$(gantry inspect --format '{{.Id}}' db)
    gantry create --name app --requires db --rootfs "$ROOTFS" sleep 1000 >/dev/null
    stop_process one KILL
    start_worker one
    assert_equal "$(gantry inspect --format '{{range .Dependencies}}{{.}}{{end}}' app)" "$id"
    run gantry init app
    assert_equal "$status" 125
    gantry rename db store
    gantry start app
    assert_equal "$(running)" "app store "
}
