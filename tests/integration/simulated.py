"""Simulated workers (tests/sim), many in one process, and the broker that they speak to: what the
tests of scale share."""
import json
import os
import re
import select
import socket
import subprocess
import tempfile
import time

import fleet
from fleet import BUILD_DIR, Process

ADDRESSES = 8  # of the broker, so that 10,000 workers find ports enough


def behind(*words):
    """A command that leaves the processor to the broker, as other machines would."""
    return ["nice", "-n", "5", *words]


def free_port():
    """A port that nobody listens at on any of the broker's addresses."""
    with socket.socket() as one:
        one.bind(("0.0.0.0", 0))
        return one.getsockname()[1]


def wait_a_moment(seconds):
    select.select([], [], [], seconds)


class ScaleBroker(Process):
    """gantry-broker at the same addresses each time it is started."""

    def __init__(self, state, port, *arguments, addresses=ADDRESSES, program="gantry-broker"):
        self.urls = [f"tcp://127.0.0.{i + 1}:{port}" for i in range(addresses)]
        listen = [word for url in self.urls for word in ("--listen", url)]
        super().__init__([os.path.join(BUILD_DIR, program), "--state", state, *listen,
                          "--log-level", "warning", *arguments], None)
        self.url = self.urls[0]
        self.wait_for_port(port)

    def wait_for_port(self, port):
        """At this level of the log it does not say when it is ready."""
        deadline = time.monotonic() + fleet.DEADLINE
        while self.process.poll() is None and time.monotonic() < deadline:
            with socket.socket() as one:
                if one.connect_ex(("127.0.0.1", port)) == 0:
                    return
            wait_a_moment(0.002)
        raise AssertionError("\n".join(self.lines[-20:]))

    def memory(self):
        """Bytes: private to the process, without the pages of the store's file."""
        with open(f"/proc/{self.pid}/status", encoding="ascii") as file:
            return int(re.search(r"RssAnon:\s+(\d+) kB", file.read()).group(1)) * 1024

    def resident(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as file:
            return int(re.search(r"VmRSS:\s+(\d+) kB", file.read()).group(1)) * 1024


class SimulatedWorkers:
    """One process of them; see tests/sim/simulated_workers.c for what can be said to it."""

    def __init__(self, urls, count, prefix="sim", directory=None):
        name = "simulated_workers_durable" if directory else "simulated_workers"
        self.count = count
        self.scratch = None if directory else tempfile.TemporaryDirectory(prefix="gantry-sim-")
        self.process = subprocess.Popen(
            behind(os.path.join(BUILD_DIR, "tests", name), directory or self.scratch.name,
                   prefix, str(count),
                   *urls),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.hosts = [f"{prefix}{i}" for i in range(count)]
        self.state = self.take()

    def send(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()

    def take(self, deadline=fleet.DEADLINE):
        if not select.select([self.process.stdout], [], [], deadline)[0]:
            raise AssertionError("the simulated workers do not answer")
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"the simulated workers ended: {self.process.wait()}")
        return json.loads(line)

    def say(self, *words):
        self.send(*words)
        return self.take()

    def join(self):
        self.say("join", 0, self.count)
        return self.say("await", "greeted", self.count)

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        if self.scratch:
            self.scratch.cleanup()
