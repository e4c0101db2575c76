#!/usr/bin/python3
"""One container from command to running, and from its end to the event at a subscriber.

    tests/bench/start_and_exit.py [--json] [ROUNDS]  (default 50; build/release, or $GANTRY_BUILD_DIR)

Beside the floor (conmon and the runtime driven directly), podman and docker, interleaved in one run.
Needs root, and the packages of `ops/packages bench`. The bus is TCP; times are those of this process.
"""
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
os.environ.setdefault("GANTRY_BUILD_DIR", os.path.join(ROOT, "build/release"))
sys.path[:0] = [HERE, os.path.join(ROOT, "tests/integration")]

import container_peers  # noqa: E402
import figures  # noqa: E402
import fleet  # noqa: E402
import floor  # noqa: E402
import memory  # noqa: E402
import nng  # noqa: E402

HOST = "bench"
MIB = 1024 * 1024


def make_rootfs(directory):
    rootfs = os.path.join(directory, "rootfs")
    for name in ("bin", "dev", "etc", "proc", "run", "sys", "tmp"):
        os.makedirs(os.path.join(rootfs, name))
    subprocess.run(["cp", "/bin/busybox", os.path.join(rootfs, "bin/busybox")], check=True)
    os.symlink("busybox", os.path.join(rootfs, "bin/sleep"))
    return rootfs


class Worker(fleet.Process):
    def __init__(self, directory, url):
        self.state = os.path.join(directory, "worker")
        super().__init__([os.path.join(fleet.BUILD_DIR, "gantry-worker"), "--broker", url,
                          "--host", HOST, "--state", self.state, "--run",
                          os.path.join(directory, "run")], r"worker\.ready")


class Events(threading.Thread):
    """A subscriber with a cursor in a thread of its own: notes when each event came."""

    def __init__(self, url, cursor):
        super().__init__(daemon=True)
        self.client = fleet.Client(url)
        self.cursor = cursor
        self.seen = {}
        self.changed = threading.Condition()
        self.start()

    def run(self):
        while True:
            page = self.client.ask("watch", cursor=self.cursor, wait_ms=20000)
            now = time.monotonic()
            self.cursor = page["cursor"]
            with self.changed:
                for values in page.get("records", []):
                    record = fleet.read_record(values)
                    self.seen.setdefault((record["container"], record["type"]), now)
                self.changed.notify_all()

    def wait(self, container, kind):
        with self.changed:
            if not self.changed.wait_for(lambda: (container, kind) in self.seen, 60):
                raise TimeoutError(f"{kind} of {container[:12]} did not come")
            return self.seen[(container, kind)]


class Gantry:
    def __init__(self, directory, rootfs):
        self.rootfs = rootfs
        self.broker = fleet.Broker(os.path.join(directory, "broker"))
        self.worker = Worker(directory, self.broker.url)
        self.client = fleet.Client(self.broker.url)
        self.number = 0
        self.sequence = 0
        self.client_id = int.from_bytes(os.urandom(8), "big")
        self.wait_for_host()
        self.events = Events(self.broker.url, self.client.ask("info")["head"])

    def wait_for_host(self):
        cursor = 0
        while True:
            page = self.client.ask("watch", cursor=cursor, wait_ms=20000, types=["host.hello"])
            if page.get("records"):
                return
            cursor = page["cursor"]

    def submit(self, kind, container, body):
        self.sequence += 1
        id_ = fleet.command_id(self.client_id, self.sequence)
        answer = self.client.submit(type=kind, host=HOST, container=container, id=id_, body=body,
                                    happened=time.time_ns())
        if answer.get("code"):
            raise RuntimeError(answer["text"])
        return id_

    def finish(self, id_):
        outcome = self.client.ask("outcome", id=id_, wait_ms=20000)["command"]
        if outcome["state"] != 2:
            raise RuntimeError(outcome.get("text"))

    def prepare(self):
        self.number += 1
        container = os.urandom(32).hex()
        config = {"name": f"bench{self.number}", "rootfs": self.rootfs, "network": "none",
                  "command": ["/bin/sleep", "600"]}
        self.finish(self.submit("container.create", container, {"config": config}))
        return container

    def start(self, container):
        began = time.monotonic()
        self.submit("container.start", container, {})
        return self.events.wait(container, "container.started") - began

    def end(self, container):
        row, = self.client.ask("query", table="containers", key=container)["rows"]
        began = time.monotonic()
        os.kill(row["pid"], 9)
        return self.events.wait(container, "container.died") - began

    def remove(self, container):
        self.finish(self.submit("container.remove", container, {"force": True}))

    def close(self):
        self.worker.terminate()
        self.broker.terminate()


def switches(pid):
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status", encoding="ascii") as file:
            total += sum(int(line.split()[1]) for line in file if "ctxt_switches" in line)
    return total


def give_memory(gantry, peer):
    used = sum(map(memory.proportional_bytes, [gantry.broker.pid, gantry.worker.pid]))
    figures.give("idle-memory", peer, "MiB", [used / MIB])


def idle_report(gantry, seconds=10):
    """Memory, and how often each program woke up while nothing happened."""
    programs = {"broker": gantry.broker.pid, "worker": gantry.worker.pid}
    before = {name: switches(pid) for name, pid in programs.items()}
    time.sleep(seconds)  # the one thing measured here is a stretch of time
    for name, pid in programs.items():
        print(f"idle {name}: {memory.proportional_bytes(pid) / MIB:.1f} MiB PSS, "
              f"{switches(pid) - before[name]} context switches in {seconds} s")


def show(name, times, floor_median):
    median = statistics.median(times)
    print(f"  {name:8} median {median * 1000:7.1f} ms   "
          f"p99 {figures.nearest_rank(times, 0.99) * 1000:7.1f} ms   "
          f"{median / floor_median:5.2f} x floor   {(median - floor_median) * 1000:+7.1f} ms")


def show_all(times_of, is_json, figure):
    for name, times in times_of.items():
        if is_json:
            figures.give(figure, name, "ms", [took * 1000 for took in times])
        else:
            show(name, times, statistics.median(times_of["floor"]))


def one_round(peer, starts, ends):
    """Create, start, end and remove one container of this peer."""
    handle = peer.prepare()
    if isinstance(peer, floor.Floor):
        took, pid = peer.start(*handle)
        starts.append(took)
        ends.append(peer.end(pid))
        peer.remove(*handle)
        return
    starts.append(peer.start(handle))
    ends.append(peer.end(handle))
    peer.remove(handle)


def template_of(gantry):
    """The runtime, and a container's specification that the floor can use as well."""
    first = gantry.prepare()
    gantry.start(first)
    spec = floor.template(gantry.worker.state, first)
    row, = gantry.client.ask("query", table="containers", key=first)["rows"]
    gantry.remove(first)
    return row["runtime"], spec


def measure(directory, peers, options):
    rootfs = make_rootfs(directory)
    gantry = Gantry(directory, rootfs)
    peers["Gantry"] = gantry
    if options.json:
        give_memory(gantry, "Gantry")
    runtime, spec = template_of(gantry)
    peers["floor"] = floor.Floor(runtime, spec)
    say_missing = figures.missing if options.json else (
        lambda name, why: print(f"{name} is missing: {why}"))
    peers.update(container_peers.find(runtime, rootfs, say_missing))
    starts = {name: [] for name in peers}
    ends = {name: [] for name in peers}
    for _ in range(options.rounds):
        for name, peer in peers.items():
            one_round(peer, starts[name], ends[name])
    if not options.json:
        print(f"{options.rounds} rounds, {runtime}, {os.cpu_count()} cores, Linux {os.uname().release}")
        print("command to running:")
    show_all(starts, options.json, "start")
    if not options.json:
        print("end of init to the event at a subscriber (floor: to the exit file):")
    show_all(ends, options.json, "exit")
    if options.json:
        give_memory(gantry, f"Gantry, after {options.rounds} containers")
    else:
        idle_report(gantry)


def close_all(peers):
    """Each of them, whatever becomes of the others."""
    with contextlib.ExitStack() as stack:
        for peer in peers.values():
            stack.callback(peer.close)


def main():
    options = figures.parser(rounds=50).parse_args()
    with tempfile.TemporaryDirectory(prefix="gantry-bench-", ignore_cleanup_errors=True) as directory:
        peers = {}
        try:
            measure(directory, peers, options)
        finally:
            close_all(peers)
    nng.leave(0)


main()
