# A fleet for the bats tests: one broker and some workers, as real processes in a directory of
# their own, and a busybox root filesystem. Source it, then fleet_up; fleet_down takes all away.
#
# Waiting is by events, with deadlines that only a broken program reaches: the machine may be busy.

bin=$GANTRY_BUILD_DIR
patience_s=120

# Run something that must end in time.
soon() {
    timeout --kill-after=5 "$patience_s" "$@"
}

gantry() {
    timeout --kill-after=5 "$patience_s" "$bin/gantry" "$@"
}

# A directory with a short path (unix sockets have 108 bytes), a root filesystem, and a broker.
fleet_up() {
    export FLEET
    FLEET=$(mktemp -d /tmp/ge.XXXXXX)
    export ROOTFS=$FLEET/rootfs
    export GANTRY_BROKER=unix://$FLEET/b.sock
    unset GANTRY_HOST
    make_rootfs
    start_broker
}

# Whatever our umask is, a container's user has to get at it.
make_rootfs() (
    umask 022
    mkdir -p "$ROOTFS"/{bin,dev,etc,proc,root,sys,tmp}
    cp "$(command -v busybox)" "$ROOTFS/bin/busybox"
    chroot "$ROOTFS" /bin/busybox --install -s /bin
    echo 'root:x:0:0:root:/root:/bin/sh' >"$ROOTFS/etc/passwd"
    echo 'root:x:0:' >"$ROOTFS/etc/group"
)

# Descriptor 3 is bats' own: a child that keeps it would keep bats waiting.
start_broker() {
    "$bin/gantry-broker" --state "$FLEET/broker" --listen "$GANTRY_BROKER" \
        </dev/null >>"$FLEET/broker.log" 2>&1 3>&- &
    echo $! >"$FLEET/broker.pid"
}

# Start the worker of a host, and wait until it has said hello. Words behind the name come before
# the program: "unshare -m ...".
start_worker() {
    local host=$1
    local head

    shift
    head=$(gantry info --format '{{.Broker.Head}}')
    "$@" "$bin/gantry-worker" --broker "$GANTRY_BROKER" --host "$host" --state "$FLEET/$host" \
        --run "$FLEET/$host.run" </dev/null >>"$FLEET/$host.log" 2>&1 3>&- &
    echo $! >"$FLEET/$host.pid"
    wait_for_event "$head" --filter event=hello --filter "host=$host"
}

# Wait for an event after a position of the log; print it.
wait_for_event() {
    local after=$1

    shift
    gantry events --from-seq $((after + 1)) --limit 1 "$@"
}

log_head() {
    gantry info --format '{{.Broker.Head}}'
}

# End a process of ours by a signal, and wait until it has gone.
stop_process() {
    local name=$1
    local signal=${2-TERM}
    local pid

    pid=$(cat "$FLEET/$name.pid" 2>/dev/null) || return 0
    kill "-$signal" "$pid" 2>/dev/null || true
    if ! soon tail --pid="$pid" -f /dev/null; then
        kill -KILL "$pid" 2>/dev/null || true
        return 1
    fi
    rm -f "$FLEET/$name.pid"
}

# What a test leaves behind: containers first, while there is somebody to remove them.
fleet_down() {
    local pid_file

    [[ -n ${FLEET-} && -d $FLEET ]] || return 0
    gantry rm --all --force --time 0 >/dev/null 2>&1 || true
    for pid_file in "$FLEET"/*.pid; do
        [[ $pid_file == "$FLEET/broker.pid" ]] || stop_process "$(basename "$pid_file" .pid)" || true
    done
    stop_process broker || true
    end_leftovers
    rm -rf --one-file-system "$FLEET"
}

# Processes and mounts that a failed test's worker did not take away: all that names our directory
# on its command line (conmon does), with its children, is ours.
end_leftovers() {
    local proc
    local mounted

    for proc in /proc/[0-9]*; do
        if [[ ${proc#/proc/} != "$$" ]] && grep -qsaF -- "$FLEET/" "$proc/cmdline" &&
            [[ $(cat "$proc/comm" 2>/dev/null) == conmon ]]; then
            kill -KILL $(cat "$proc/task/${proc#/proc/}/children" 2>/dev/null) \
                "${proc#/proc/}" 2>/dev/null || true
        fi
    done
    while read -r mounted; do
        umount -l "$mounted" 2>/dev/null || true
    done < <(awk -v dir="$FLEET/" 'index($5, dir) == 1 { print $5 }' /proc/self/mountinfo | sort -r)
}

# The programs' own words, for a test that failed.
show_logs() {
    local log

    for log in "$FLEET"/*.log; do
        echo "--- $log"
        tail -n 40 "$log"
    done
}

# Fail with a sentence.
fail() {
    echo "$*" >&2
    return 1
}

assert_equal() {
    [[ $1 == "$2" ]] || fail "expected: $2"$'\n'"     got: $1"
}

assert_match() {
    [[ $1 =~ $2 ]] || fail "expected to match: $2"$'\n'"              got: $1"
}
