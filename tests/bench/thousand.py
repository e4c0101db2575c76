#!/usr/bin/python3
"""A crowd of real containers on one worker: starting, memory, a killed worker, quiet, ends.

    tests/bench/thousand.py [--json] [COUNT]      (default 1000; build/release, or $GANTRY_BUILD_DIR)

Needs root, runc, strace. The containers are busybox's sleep, on the file system of $TMPDIR. They are
started in slices, and after each one the floor (conmon and the runtime driven directly), podman and
docker start their share: all of them while the crowd grows. With --json the strace is left out.
"""
import concurrent.futures
import contextlib
import os
import statistics
import subprocess
import sys
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
os.environ.setdefault("GANTRY_BUILD_DIR", os.path.join(ROOT, "build/release"))
sys.path[:0] = [HERE, os.path.join(ROOT, "tests/integration")]

import container_peers  # noqa: E402
import docker_peer  # noqa: E402
import figures  # noqa: E402
import floor  # noqa: E402
import memory  # noqa: E402
import nng  # noqa: E402
from containers import EXITED, RUNNING  # noqa: E402
from crowd import CrowdTest  # noqa: E402
from inotify import Inotify  # noqa: E402

OPTIONS = figures.parser(count=1000).parse_args()
COUNT = OPTIONS.count
FIRST, SLICES = 10, max(1, min(10, COUNT // 20))
FLOOR_SHARE, OTHERS_SHARE = 0.3, 0.1  # of a slice
AT_ONCE = 4 * os.cpu_count()  # of the peers, which have no worker that decides it
ONE_BY_ONE = min(100, COUNT // 4)
QUIET_SECONDS = 12
IDLE_SECONDS = 20
MIB = 1024 * 1024


def say(text):
    print(text, file=sys.stderr if OPTIONS.json else sys.stdout, flush=True)


def give(*figure, **more):
    if OPTIONS.json:
        figures.give(*figure, **more)


class Peers:
    """What starts its containers beside us."""

    def __init__(self, runtime, spec, rootfs):
        self.of = {"floor": floor.Floor(runtime, spec)}
        self.made = {}
        self.rates = {}
        self.of.update(container_peers.find(runtime, rootfs, self.say_missing))

    @staticmethod
    def say_missing(name, why):
        if OPTIONS.json:
            figures.missing(name, why)
        say(f"{name} is missing: {why}")

    def start_slice(self, count):
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            for name, peer in self.of.items():
                share = FLOOR_SHARE if name == "floor" else OTHERS_SHARE
                handles = [peer.prepare() for _ in range(max(AT_ONCE // 2, int(count * share)))]
                began = time.monotonic()
                if name == "floor":
                    started = list(pool.map(lambda handle, peer=peer: peer.start(*handle)[1], handles))
                else:
                    started = [None for _ in pool.map(peer.start, handles)]
                self.rates.setdefault(name, []).append(len(handles) / (time.monotonic() - began))
                self.made.setdefault(name, []).extend(zip(handles, started))

    def docker_bytes(self):
        """For each container of docker, all of its programs; without the kernel's part."""
        docker = self.of.get("docker")
        if docker is None or not self.made.get("docker"):
            return None
        return sum(map(memory.proportional_bytes, docker.processes())) / len(self.made["docker"])

    def measure_swarm(self, count):
        docker = self.of.get("docker")
        if docker is None:
            return
        try:
            give("start-rate", "docker swarm", "starts/s", [docker.swarm_rate(count)])
        except (docker_peer.Unavailable, subprocess.CalledProcessError) as failure:
            self.say_missing("docker swarm", getattr(failure, "stderr", None) or str(failure))

    def remove_everything(self):
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            for handle, pid in self.made.pop("floor", []):
                self.of["floor"].end(pid)
                pool.submit(self.of["floor"].remove, *handle)
        for name, made in self.made.items():
            self.of[name].remove(*[handle for handle, _ in made])
        self.made = {}

    def close(self):
        with contextlib.ExitStack() as stack:
            for peer in self.of.values():
                stack.callback(peer.close)
            self.remove_everything()


class Thousand(CrowdTest):

    def test_a_crowd(self):
        self.kernel_before = memory.kernel_bytes()
        self.conmons_before = memory.charged_bytes("conmon") or 0
        self.containers_made, took = self.create_all(COUNT, lambda number: ["/bin/sleep", "100000"])
        say(f"create: {COUNT} in {took:.1f} s")
        peers = self.start_everything()
        rows = self.rows()
        self.assertEqual({row["state"] for row in rows.values()}, {RUNNING})
        self.measure_memory(rows, peers)
        self.measure_idle()
        peers.remove_everything()
        self.kill_the_worker()
        if not OPTIONS.json:
            self.be_quiet()
        self.end_one_by_one(rows)
        self.end_all(rows)
        self.remove_everything()
        peers.measure_swarm(max(2, COUNT // 20))

    def make_peers(self):
        """With the first containers of ours for a pattern."""
        self.start_slice(self.containers_made[:FIRST])
        first = self.containers_made[0]
        spec = floor.template(self.worker_state, first)
        peers = Peers(self.rows()[first]["runtime"], spec, self.rootfs)
        self.addCleanup(peers.close)
        return peers

    def start_slice(self, containers):
        took = self.start_all(containers)
        self.running += len(containers)
        give("worker-memory-by-containers", "Gantry", "MiB",
             [memory.proportional_bytes(self.worker.pid) / MIB], at=self.running)
        return len(containers) / took

    def start_everything(self):
        self.running = 0
        peers = self.make_peers()
        rates, costs = [], []
        each = max(1, (COUNT - FIRST) // SLICES)
        for begin in range(FIRST, COUNT, each):
            containers = self.containers_made[begin:begin + each]
            before = self.worker.cpu()
            rate = self.start_slice(containers)
            costs.append((self.worker.cpu() - before) / len(containers) * 1000)
            if len(containers) == each:
                rates.append(rate)
                peers.start_slice(each)
        for name, of_peer in {"Gantry": rates, **peers.rates}.items():
            give("start-rate", name, "starts/s", of_peer)
            say(f"start: {name} {statistics.median(of_peer):.2f}/s ({min(of_peer):.2f}-{max(of_peer):.2f})")
        give("start-cpu", "Gantry", "ms", costs)
        say(f"  the worker's own CPU {statistics.median(costs):.1f} ms for each")
        return peers

    def measure_idle(self):
        """Processor time of both while nothing is said."""
        threading.Event().wait(2)  # what was begun ends
        programs = [self.worker, self.broker]
        before = sum(program.cpu() for program in programs)
        threading.Event().wait(IDLE_SECONDS)
        percent = (sum(program.cpu() for program in programs) - before) / IDLE_SECONDS * 100
        give("idle-cpu", "Gantry", "% of a core", [percent])
        say(f"idle: worker and broker take {percent:.2f} % of a core with {COUNT} running")

    def measure_memory(self, rows, peers):
        kernel = memory.kernel_bytes() - self.kernel_before
        inits = [row["pid"] for row in rows.values()]
        monitors = [row["conmon_pid"] for row in rows.values()]
        charged = [memory.charged_bytes(container) for container in rows]
        charged = None if None in charged else sum(charged) + self.charged_to_conmon()
        parts = {"worker": memory.proportional_bytes(self.worker.pid),
                 "conmon": sum(map(memory.proportional_bytes, monitors)),
                 "container": sum(map(memory.proportional_bytes, inits)),
                 "kernel": kernel if charged is None else charged}
        say(f"memory: worker {parts['worker'] / MIB:.1f} MiB PSS, broker "
            f"{memory.proportional_bytes(self.broker.pid) / MIB:.1f} MiB PSS")
        for name, size in parts.items():
            say(f"  for each container, {name}: {size / COUNT / 1024:.0f} KiB")
        say(f"  for each container, all in: {sum(parts.values()) / COUNT / MIB:.2f} MiB")
        give("container-memory", "Gantry", "MiB", [sum(parts.values()) / COUNT / MIB])
        of_docker = peers.docker_bytes()
        if of_docker is not None:
            give("container-memory", "docker, without the kernel", "MiB", [of_docker / MIB])
            say(f"  docker, for each container, its programs: {of_docker / MIB:.2f} MiB")
        say(f"  (the whole machine's kernel has grown by {kernel / COUNT / 1024:.0f} KiB for each: "
            f"{' + '.join(memory.KERNEL_FIELDS)} of /proc/meminfo)")

    def charged_to_conmon(self):
        """All conmons of the machine are in one group: those that were there before are not ours."""
        return max(0, (memory.charged_bytes("conmon") or 0) - self.conmons_before)

    def kill_the_worker(self):
        times = []
        for _ in range(3):
            self.worker, began = self.die_again(self.worker)
            first = self.first_word(self.worker, began, self.containers_made[0])
            adopted = [line for line in self.worker.lines if "container.adopted" in line]
            self.assertEqual(len(adopted), COUNT)
            times.append(first * 1000)
            say(f"a killed worker: from its start to all {COUNT} adopted and the first command "
                f"carried out {first * 1000:.0f} ms; "
                f"{memory.proportional_bytes(self.worker.pid) / MIB:.1f} MiB PSS")
        give("adoption", "Gantry", "ms", times)

    def be_quiet(self):
        """Every system call of every thread of the worker over a stretch of time."""
        threading.Event().wait(2)  # what the restart began ends
        later = self.calls_of_worker(QUIET_SECONDS)
        say(f"quiet: in {QUIET_SECONDS} s with {COUNT} running, {len(later)} lines of strace -f of "
            "the worker after those of attaching")
        for line in later[:40]:
            say("  " + " ".join(line).rstrip()[:150])

    def end_one_by_one(self, rows):
        files = Inotify(os.path.join(self.worker_run, "exits"))
        to_file, to_event = [], []
        for container in self.containers_made[:ONE_BY_ONE]:
            began = time.monotonic()
            os.kill(rows[container]["pid"], 9)
            files.wait(60)
            to_file.append((time.monotonic() - began) * 1000)
            to_event.append((self.follower.when(container, "died") - began) * 1000)
            self.follower.when(container, "cleaned")
        files.close()
        give("crowd-exit", "floor", "ms", to_file)
        give("crowd-exit", "Gantry", "ms", to_event)
        for what, times in [("conmon's exit file", to_file), ("the event at a subscriber", to_event)]:
            say(f"{ONE_BY_ONE} of {COUNT} end one by one, to {what}: median "
                f"{statistics.median(times):.1f} ms, p99 {figures.nearest_rank(times, 0.99):.1f} ms")

    def end_all(self, rows):
        rest = self.containers_made[ONE_BY_ONE:]
        before = self.worker.cpu()
        began = time.monotonic()
        for container in rest:
            os.kill(rows[container]["pid"], 9)
        for kind in ["died", "cleaned"]:
            self.follower.wait_until(
                lambda kind=kind: self.follower.counts[f"container.{kind}"] >= COUNT)
            say(f"{len(rest)} ends at once: all {kind} after "
                f"{self.follower.times(kind)[-1] - began:.1f} s")
        say(f"  the worker's own CPU {(self.worker.cpu() - before) / len(rest) * 1000:.1f}"
            " ms for each")
        for container, row in self.rows().items():
            self.assertEqual((row["state"], row["exit_code"], row.get("exit_unknown", False)),
                             (EXITED, 137, False), row)
            self.assertEqual(len(self.follower.events[container, "container.died"]), 1)

    def remove_everything(self):
        took = self.remove_all(self.containers_made)
        say(f"remove: {COUNT} in {took:.1f} s")
        self.assert_journal_is_whole()
        left = self.inventory(self.containers_made)
        self.assertEqual(left, [])
        self.assertEqual(self.rows(), {})
        say("inventory: nothing is left")


program = unittest.main(argv=sys.argv[:1], exit=False)
nng.leave(0 if program.result.wasSuccessful() else 1)
