#!/usr/bin/python3
"""A crowd of real containers on one worker: starting, memory, a killed worker, quiet, ends.

    tests/bench/thousand.py [COUNT]      (default 1000; build/release, or $GANTRY_BUILD_DIR)

Needs root, runc, strace. The containers are busybox's sleep, on the file system of $TMPDIR.
"""
import os
import re
import statistics
import sys
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
os.environ.setdefault("GANTRY_BUILD_DIR", os.path.join(ROOT, "build/release"))
sys.path[:0] = [HERE, os.path.join(ROOT, "tests/integration")]

import floor  # noqa: E402
import nng  # noqa: E402
from containers import EXITED, RUNNING  # noqa: E402
from crowd import CrowdTest  # noqa: E402

COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
ONE_BY_ONE = min(100, COUNT // 4)
QUIET_SECONDS = 12
MIB = 1024 * 1024
KERNEL_FIELDS = ["Slab", "KernelStack", "PageTables", "Percpu"]


def say(text):
    print(text, flush=True)


def proportional_bytes(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pss:")) * 1024


def kernel_bytes():
    """Of the whole machine."""
    with open("/proc/meminfo", encoding="ascii") as file:
        fields = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in file}
    return sum(fields[name] for name in KERNEL_FIELDS)


def charged_bytes(group):
    """Kernel memory that is charged to a control group of ours; None: nobody counts it here."""
    for path in [f"/sys/fs/cgroup/memory/gantry/{group}/memory.kmem.usage_in_bytes",
                 f"/sys/fs/cgroup/gantry/{group}/memory.stat"]:
        try:
            with open(path, encoding="ascii") as file:
                text = file.read()
        except OSError:
            continue
        found = re.search(r"^(?:kernel )?(\d+)$", text, re.M)
        return int(found.group(1)) if found else None
    return None


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def percentile(values, part):
    ordered = sorted(values)
    return ordered[max(0, int(len(ordered) * part) - 1)]


class Thousand(CrowdTest):

    def test_a_crowd(self):
        kernel_before = kernel_bytes()
        self.conmons_before = charged_bytes("conmon") or 0
        self.containers_made, took = self.create_all(COUNT, lambda number: ["/bin/sleep", "100000"])
        say(f"create: {COUNT} in {took:.1f} s")
        before = cpu_seconds(self.worker.pid)
        took = self.start_all(self.containers_made)
        say(f"start: {COUNT} in {took:.1f} s, {took / COUNT * 1000:.0f} ms for each; the worker's "
            f"own CPU {(cpu_seconds(self.worker.pid) - before) / COUNT * 1000:.1f} ms for each")
        rows = self.rows()
        self.assertEqual({row["state"] for row in rows.values()}, {RUNNING})
        self.measure_memory(rows, kernel_before)
        self.kill_the_worker()
        self.be_quiet()
        self.end_one_by_one(rows)
        self.end_all(rows)
        self.remove_everything()

    def measure_memory(self, rows, kernel_before):
        kernel = kernel_bytes() - kernel_before
        inits = [row["pid"] for row in rows.values()]
        monitors = [row["conmon_pid"] for row in rows.values()]
        charged = [charged_bytes(container) for container in rows]
        charged = None if None in charged else sum(charged) + self.charged_to_conmon()
        parts = {"worker": proportional_bytes(self.worker.pid),
                 "conmon": sum(map(proportional_bytes, monitors)),
                 "container": sum(map(proportional_bytes, inits)),
                 "kernel": kernel if charged is None else charged}
        say(f"memory: worker {parts['worker'] / MIB:.1f} MiB PSS, broker "
            f"{proportional_bytes(self.broker.pid) / MIB:.1f} MiB PSS")
        for name, size in parts.items():
            say(f"  for each container, {name}: {size / COUNT / 1024:.0f} KiB")
        say(f"  for each container, all in: {sum(parts.values()) / COUNT / MIB:.2f} MiB")
        say(f"  (the whole machine's kernel has grown by {kernel / COUNT / 1024:.0f} KiB for each: "
            f"{' + '.join(KERNEL_FIELDS)} of /proc/meminfo)")

    def charged_to_conmon(self):
        """All conmons of the machine are in one group: those that were there before are not ours."""
        return max(0, (charged_bytes("conmon") or 0) - self.conmons_before)

    def kill_the_worker(self):
        for _ in range(3):
            self.worker, began = self.die_again(self.worker)
            first = self.first_word(self.worker, began, self.containers_made[0])
            adopted = [line for line in self.worker.lines if "container.adopted" in line]
            self.assertEqual(len(adopted), COUNT)
            say(f"a killed worker: from its start to all {COUNT} adopted and the first command "
                f"carried out {first * 1000:.0f} ms; "
                f"{proportional_bytes(self.worker.pid) / MIB:.1f} MiB PSS")

    def be_quiet(self):
        """Every system call of every thread of the worker over a stretch of time."""
        threading.Event().wait(2)  # what the restart began ends
        later = self.calls_of_worker(QUIET_SECONDS)
        say(f"quiet: in {QUIET_SECONDS} s with {COUNT} running, {len(later)} lines of strace -f of "
            "the worker after those of attaching")
        for line in later[:40]:
            say("  " + " ".join(line).rstrip()[:150])

    def end_one_by_one(self, rows):
        files = floor.Inotify(os.path.join(self.worker_run, "exits"))
        to_file, to_event = [], []
        for container in self.containers_made[:ONE_BY_ONE]:
            began = time.monotonic()
            os.kill(rows[container]["pid"], 9)
            files.wait(60)
            to_file.append((time.monotonic() - began) * 1000)
            to_event.append((self.follower.when(container, "died") - began) * 1000)
            self.follower.when(container, "cleaned")
        files.close()
        for what, times in [("conmon's exit file", to_file), ("the event at a subscriber", to_event)]:
            say(f"{ONE_BY_ONE} of {COUNT} end one by one, to {what}: median "
                f"{statistics.median(times):.1f} ms, p99 {percentile(times, 0.99):.1f} ms")

    def end_all(self, rows):
        rest = self.containers_made[ONE_BY_ONE:]
        before = cpu_seconds(self.worker.pid)
        began = time.monotonic()
        for container in rest:
            os.kill(rows[container]["pid"], 9)
        for kind in ["died", "cleaned"]:
            self.follower.wait_until(
                lambda kind=kind: self.follower.counts[f"container.{kind}"] >= COUNT)
            say(f"{len(rest)} ends at once: all {kind} after "
                f"{self.follower.times(kind)[-1] - began:.1f} s")
        say(f"  the worker's own CPU {(cpu_seconds(self.worker.pid) - before) / len(rest) * 1000:.1f}"
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
