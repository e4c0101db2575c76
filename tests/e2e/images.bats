#!/usr/bin/env bats
# Images of a host, and containers that are made of them: as an operator types it.

bats_require_minimum_version 1.5.0

setup_file() {
    source "$BATS_TEST_DIRNAME/fleet.bash"
    fleet_up
    start_worker one
    tar -C "$ROOTFS" -c . | gantry import -c 'CMD=["/bin/echo","from the image"]' \
        -c ENV=COLOUR=blue - box >/dev/null
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
    gantry rm --all --force --time 0 --volumes >/dev/null
}

@test "import: an image is listed, inspected and run" {
    run -0 gantry images --format '{{.Repository}}:{{.Tag}} {{.Host}}'
    assert_equal "$output" 'localhost/box:latest one'
    run -0 gantry image inspect --format '{{json .Config.Cmd}} {{index .RepoTags 0}}' box
    assert_equal "$output" '["/bin/echo", "from the image"] localhost/box:latest'
    run -0 gantry run --rm box
    assert_equal "$output" 'from the image'
    run -0 gantry run --rm box sh -c 'echo $COLOUR'
    assert_equal "$output" blue
    run -0 gantry run --rm --entrypoint '["/bin/echo","a"]' box b
    assert_equal "$output" 'a b'
}

@test "inspect and ps name the image" {
    gantry create --name web box >/dev/null
    id=$(gantry images -q --no-trunc)
    assert_equal "$(gantry inspect --format '{{.ImageName}} sha256:{{.Image}}' web)" "box $id"
    assert_equal "$(gantry ps -a --format '{{.Image}}')" box
    run -2 gantry rmi box
    assert_match "$output" 'is used by container'
}

@test "tag, untag and rmi change names, and the last one takes the image" {
    gantry tag box quay.io/team/box:1
    assert_equal "$(gantry images --format '{{.Repository}}:{{.Tag}}' | sort | tr '\n' ' ')" \
        'localhost/box:latest quay.io/team/box:1 '
    gantry untag quay.io/team/box:1 quay.io/team/box:1
    gantry tag box other
    run -0 gantry rmi other
    assert_equal "$output" 'Untagged: other'
    run -1 gantry rmi nothing
    assert_match "$output" 'nothing: image not known'
    assert_equal "$(gantry images -q | wc -l)" 1
}

@test "save and load bring an image from host to host" {
    start_worker two
    gantry save --host one -o "$FLEET/box.tar" box
    run -0 gantry load --host two -i "$FLEET/box.tar"
    assert_equal "$output" 'Loaded image: localhost/box:latest'
    assert_equal "$(gantry images --host one -q --no-trunc)" "$(gantry images --host two -q --no-trunc)"
    run -0 gantry run --host two --rm --pull never box
    assert_equal "$output" 'from the image'
    run -125 gantry image inspect --format x box
    assert_match "$output" 'several hosts have image box, choose one by --host: one, two'
    run -0 gantry rmi --host two box
    stop_process two
}

@test "an archive has the names that the image has by now" {
    gantry tag box other:1
    gantry save -o "$FLEET/other.tar" other:1
    assert_match "$(tar -xOf "$FLEET/other.tar" manifest.json)" 'localhost/other:1'
    gantry untag box other:1
    run -125 gantry save -o "$FLEET/gone.tar" other:1
    assert_match "$output" 'other:1'
}

@test "a container with a user namespace is root inside only, and its commit is for everybody" {
    chmod o+x "$FLEET"
    run -0 gantry run --host one --name mapped --uidmap 0:100000:65536 box \
        sh -c 'cat /proc/self/uid_map; id -u; echo >/tmp/mine'
    assert_match "$(tr -s ' ' <<<"$output")" '^ 0 100000 65536'
    assert_equal "${lines[1]}" 0
    assert_equal "$(gantry inspect --format '{{.HostConfig.UsernsMode}} {{.HostConfig.IDMappings.GidMap}}' mapped)" \
        'private [0:100000:65536]'
    assert_match "$(gantry export mapped | tar -tv --numeric-owner)" ' 0/0 .* (./)?tmp/mine'
    gantry commit mapped everybody >/dev/null
    run -0 gantry run --host one --rm everybody sh -c 'stat -c %u:%g /tmp/mine'
    assert_equal "$output" 0:0
    gantry rm mapped >/dev/null
    gantry rmi everybody >/dev/null
    run -125 gantry create --host one --userns auto box true
    assert_match "$output" 'no ranges are handed out'
}

@test "commit, export and diff show what a container changed" {
    head=$(log_head)
    gantry run --host one --name web box sh -c 'echo hello >/tmp/greeting; rm /etc/group'
    run -0 gantry diff web
    assert_equal "$(sort <<<"$output" | tr '\n' ' ')" 'A /tmp/greeting C /etc C /tmp D /etc/group '
    assert_equal "$(gantry export web | tar -xO ./tmp/greeting 2>/dev/null ||
        gantry export web | tar -xO tmp/greeting)" hello
    gantry commit -c 'CMD=["cat","/tmp/greeting"]' web greeter >/dev/null
    run -0 gantry run --host one --rm greeter
    assert_equal "$output" hello
    run -0 gantry events --from-seq $((head + 1)) --no-stream --filter event=add --format '{{.Name}}'
    assert_equal "$output" localhost/greeter:latest
    gantry rmi greeter >/dev/null
}

@test "cp takes files out of a container" {
    gantry create --host one --name web box >/dev/null
    gantry cp web:/etc/passwd "$FLEET/passwd"
    assert_equal "$(head -1 "$FLEET/passwd")" 'root:x:0:0:root:/root:/bin/sh'
    mkdir "$FLEET/out"
    gantry cp web:/etc "$FLEET/out"
    [[ -f $FLEET/out/etc/group ]]
    gantry cp web:/etc/. "$FLEET/out"
    [[ -f $FLEET/out/group ]]
    gantry cp web:/etc - | tar -t | grep -q passwd
    run -125 gantry cp web:/missing "$FLEET/x"
    assert_match "$output" 'missing'
}

@test "cp puts files into a container" {
    gantry create --host one --name web box >/dev/null
    echo hello >"$FLEET/hello"
    run gantry cp "$FLEET/hello" web:/tmp/greeting
    [[ $output != *'this worker cannot do it yet'* ]] || skip "the worker does not copy into containers yet"
    assert_equal "$status" 0
    gantry cp web:/tmp/greeting "$FLEET/back"
    assert_equal "$(cat "$FLEET/back")" hello
    mkdir -p "$FLEET/tree/sub"
    echo deep >"$FLEET/tree/sub/file"
    gantry cp "$FLEET/tree" web:/srv
    gantry cp web:/srv/sub/file "$FLEET/back"
    assert_equal "$(cat "$FLEET/back")" deep
}

@test "ps and inspect tell sizes" {
    gantry run --host one --name web box sh -c 'head -c 100000 /dev/zero >/tmp/zeros'
    assert_match "$(gantry ps -a --size --format '{{.Size}}')" '^100 kB \(virtual .* MB\)$'
    assert_equal "$(gantry inspect --size --format '{{.SizeRw}}' web)" 100000
}

@test "a mounted container can be looked at on its host" {
    gantry create --host one --name web box >/dev/null
    run -0 gantry mount web
    [[ -f $output/etc/passwd ]]
    gantry unmount web
    [[ ! -f $output/etc/passwd ]]
}
