#!/usr/bin/env bats
# Volumes of a host: as an operator types it.

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
    gantry rm --all --force --time 0 --volumes >/dev/null
    gantry volume prune --force >/dev/null
    [[ -z $(gantry volume ls -q) ]]
}

@test "volume create, ls, inspect, rm" {
    assert_equal "$(gantry volume create --label tier=db data)" data
    run -125 gantry volume create data
    assert_match "$output" 'has a volume data already'
    assert_equal "$(gantry volume create --ignore data)" data
    run -0 gantry volume ls
    assert_match "${lines[0]}" '^DRIVER +VOLUME NAME +HOST$'
    assert_match "${lines[1]}" '^local +data +one$'
    assert_equal "$(gantry volume ls -q --filter label=tier=db)" data
    assert_equal "$(gantry volume ls -q --filter label=tier=web)" ''
    assert_equal "$(gantry volume inspect --format '{{.Labels.tier}} {{.Host}}' data)" 'db one'
    assert_equal "$(gantry volume inspect --format '{{.Driver}} {{.Scope}} {{.Mountpoint}}' data)" \
        "local local $(realpath "$FLEET/one")/volumes/data/_data"
    assert_match "$(gantry volume inspect --format '{{.CreatedAt}} {{.Options}}' data)" '^20.* map\[\]$'
    [[ -d $(gantry volume inspect --format '{{.Mountpoint}}' data) ]]
    assert_equal "$(gantry volume rm data)" data
    run -1 gantry volume rm data
    assert_match "$output" 'no such volume'
}

@test "a volume outlives its containers, and is shared by them" {
    gantry run --rm -v data:/data --rootfs "$ROOTFS" sh -c 'echo kept >/data/file'
    run -0 gantry run --name reader -v data:/data:ro --rootfs "$ROOTFS" cat /data/file
    assert_equal "$output" kept
    run -2 gantry volume rm data
    assert_match "$output" 'used by container'
    assert_equal "$(gantry inspect --format '{{range .Mounts}}{{.Type}} {{.Name}} {{.RW}}{{end}}' reader)" \
        'volume data false'
    assert_equal "$(gantry inspect --format '{{range .Mounts}}{{.Source}}{{end}}' reader)" \
        "$(gantry volume inspect --format '{{.Mountpoint}}' data)"
    gantry rm --volumes reader >/dev/null
    assert_equal "$(gantry volume ls -q)" data
}

@test "an anonymous volume goes with its container when that is wanted" {
    gantry create --name web -v /data --rootfs "$ROOTFS" true >/dev/null
    assert_equal "$(gantry volume ls --format '{{.Anonymous}}')" true
    gantry rm --volumes web >/dev/null
    assert_equal "$(gantry volume ls -q)" ''
}

@test "events and history tell of volumes by name" {
    head=$(log_head)
    gantry volume create data >/dev/null
    run -0 gantry events --from-seq $((head + 1)) --no-stream
    assert_match "$output" 'volume create data \(host=one'
}
