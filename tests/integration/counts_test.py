"""What a start, an end and a quiet second cost, in counts: these do not depend on how busy the
machine is, so that nobody makes them worse unseen. The bounds are what was measured and 30 %.

A count is of the program's own threads: those of conmon and the runtime are not ours to change.
What a command and an event cost the broker alone is in broker_counts_test.py.
"""
import contextlib
import os
import re
import shutil
import signal
import subprocess
import threading
import unittest

from allocations import Allocations, is_sanitized
from containers import EXITED, RUNNING, SLEEPER, ContainerTest
from fleet import DEADLINE, main

ROUNDS = 5
QUIET_SECONDS = 3
QUIET_WINDOWS = 20  # tried at most: what was begun before may still be on its way
QUIET_SWITCHES = 10  # whoever looks ten times a second for something to do has more
ATTACH_TRIES = 5  # a thread may end while we reach for it

# For each container: commits and system calls. The broker commits the command, then as often as the
# worker reports, which is as often as the worker commits at most. Of the worker also how often it asks
# its allocator for memory, and for how many bytes (not when a sanitizer has its own).
WORKER_START = {"fdatasync": 3, "all": 260, "allocations": 1930, "allocated": 199000}
WORKER_END = {"fdatasync": 2, "all": 215, "allocations": 850, "allocated": 225000}
BROKER_START = {"fdatasync": 4, "all": 62}
BROKER_END = {"fdatasync": 2, "all": 62}


def tasks(pid):
    return [int(name) for name in os.listdir(f"/proc/{pid}/task")]


def voluntary_switches(pid):
    """How often the program's threads have gone to sleep: once more for each time they woke up."""
    total = 0
    for task in tasks(pid):
        with open(f"/proc/{pid}/task/{task}/status", encoding="ascii") as file:
            total += int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", file.read(), re.M).group(1))
    return total


class Strace:
    """Counts the system calls of every thread that the process has now, and of no child."""

    def __init__(self, pid, path):
        self.path = path
        for _ in range(ATTACH_TRIES):
            refusal = self.attach(tasks(pid))
            if refusal is None:
                return
            self.process.kill()
            self.process.communicate(timeout=DEADLINE)
        raise unittest.SkipTest(f"strace cannot attach here: {refusal}")

    def attach(self, threads):
        """None, or what strace said against it."""
        words = [word for thread in threads for word in ("-p", str(thread))]
        self.process = subprocess.Popen(
            ["strace", "-c", "-U", "name,calls", "-o", self.path, *words],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for _ in threads:
            line = self.process.stderr.readline()
            if " attached" not in line:
                return line.strip()
        return None

    def counts(self):
        """End it: calls by name, and of all names together."""
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=DEADLINE)
        counts = {}
        with open(self.path, encoding="ascii") as file:
            for line in file:
                words = line.split()
                if len(words) == 2 and words[1].isdigit():
                    counts[words[0]] = int(words[1])
        # Whether a thread still sleeps when it is woken is the scheduler's affair.
        counts["all"] = counts.pop("total", 0) - counts.get("futex", 0)
        return counts


@unittest.skipUnless(shutil.which("strace"), "strace is not installed")
class Counts(ContainerTest):

    def setUp(self):
        super().setUp()
        self.allocations = None if is_sanitized() else Allocations(
            os.path.join(self.directory, "allocations"))
        with self.allocations.of_what_starts() if self.allocations else contextlib.nullcontext():
            self.worker = self.start_worker()

    def counted(self, act):
        """What the worker and the broker called while `act` ran, for each of ROUNDS."""
        straces = {name: Strace(process.pid, os.path.join(self.directory, name))
                   for name, process in [("worker", self.worker), ("broker", self.broker)]}
        calls, size = self.allocations.counts() if self.allocations else (0, 0)
        try:
            act()
        finally:
            counts = {name: strace.counts() for name, strace in straces.items()}
        if self.allocations:
            calls_after, size_after = self.allocations.counts()
            counts["worker"].update(allocations=calls_after - calls, allocated=size_after - size)
        return {name: {call: count / ROUNDS for call, count in of.items()}
                for name, of in counts.items()}

    def check(self, counts, bounds, what):
        for call, bound in bounds.items():
            print(f"{what}: {call} {counts.get(call, 0):.1f} of at most {bound * 1.3:.1f}")
            self.assertLessEqual(counts.get(call, 0), bound * 1.3, f"{what}: {counts}")
        self.assertGreater(counts.get("fdatasync", 0), 0, f"{what} is durable: {counts}")

    def test_start_and_end(self):
        containers = [self.create(SLEEPER) for _ in range(ROUNDS)]

        def start():
            for container in containers:
                self.do("start", container)

        def end():
            for container in containers:
                os.kill(pids[container], signal.SIGKILL)
                self.wait_for_state(container, EXITED)

        started = self.counted(start)
        pids = {container: self.wait_for_state(container, RUNNING)["pid"]
                for container in containers}
        ended = self.counted(end)
        self.check(started["worker"], WORKER_START, "a start in the worker")
        self.check(started["broker"], BROKER_START, "a start in the broker")
        self.check(ended["worker"], WORKER_END, "an end in the worker")
        self.check(ended["broker"], BROKER_END, "an end in the broker")

    def test_nobody_wakes_up_for_nothing(self):
        self.do("start", self.create(SLEEPER))
        for name, process in [("worker", self.worker), ("broker", self.broker)]:
            woken = []
            while not woken or (woken[-1] > QUIET_SWITCHES and len(woken) < QUIET_WINDOWS):
                woken.append(self.woken(process.pid))
            self.assertLessEqual(woken[-1], QUIET_SWITCHES,
                                 f"{name}: wakes up in {QUIET_SECONDS} s: {woken}")

    @staticmethod
    def woken(pid):
        """Over a stretch of time, which is what it is about: nothing is awaited here."""
        before = voluntary_switches(pid)
        threading.Event().wait(QUIET_SECONDS)
        return voluntary_switches(pid) - before


if __name__ == "__main__":
    main()
