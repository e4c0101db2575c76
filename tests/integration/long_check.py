#!/usr/bin/python3
"""The long checker: a fleet of simulated workers, authors of commands and subscribers, all of whom
are killed while they work; then everything is held to the promises, record by record.

    tests/integration/long_check.py [--events N] [--subscribers N] [--kills N] [--seed N] ...

The plan of the kills follows from the seed. Nothing here grows with the number of events: the log
is trimmed (--retain), the subscribers keep sums (tests/sim/log_watcher.c), and the log is checked
as it grows (tests/sim/log_reference.c). Each option can be given as a variable, too:
GANTRY_LONG_EVENTS and so on. The exit status says whether everything held.
"""
import argparse
import json
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
os.environ.setdefault("GANTRY_BUILD_DIR", os.path.join(ROOT, "build/release"))

import fleet  # noqa: E402
import nng  # noqa: E402
from fleet import BUILD_DIR, Client  # noqa: E402
from simulated import (ScaleBroker, SimulatedWorkers, behind, free_port,  # noqa: E402
                       wait_a_moment)

STATE = struct.Struct("<11Q")  # struct state of log_watcher.c
GAPS_AT, DELAYS_AT, DELAYS, CHUNKS_AT, CHUNK = 1024, 4096, 1024, 16384, 65536
DEFAULTS = {"events": 10_000_000, "subscribers": 200, "kills": 1000, "seed": 1, "hosts": 200,
            "processes": 8, "containers": 5, "rate": 500, "exits": 6000, "retain": "2g",
            "slow": 20, "paused": 20, "minutes": 60, "trimmed": 0}


class Watcher:
    """A subscriber (tests/sim/log_watcher.c); of everything, or of one host."""

    def __init__(self, path, url, host, pause_ms, cursor=0):
        self.path, self.url, self.host, self.pause_ms = path, url, host, pause_ms
        self.cursor = cursor
        self.is_stopped = False
        self.kills = 0
        self.start()

    def start(self):
        words = behind(os.path.join(BUILD_DIR, "tests/log_watcher"), self.path, self.url,
                       str(self.pause_ms), self.host or "-", str(self.cursor))
        self.process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)

    def kill(self):
        self.kills += 1
        self.process.kill()
        self.process.wait()
        self.is_stopped = False
        failure = self.process.stderr.read()
        self.process.stderr.close()
        if failure:
            raise AssertionError(failure)
        self.start()

    def pause(self):
        self.is_stopped = not self.is_stopped
        self.process.send_signal(signal.SIGSTOP if self.is_stopped else signal.SIGCONT)

    def resume(self):
        if self.is_stopped:
            self.pause()

    def read(self):
        with open(self.path, "rb") as file:
            return file.read()

    def state(self):
        """cursor, records, gaps, of the newer whole copy."""
        if self.process.poll() is not None:
            raise AssertionError(f"a subscriber of {self.host} ended: {self.process.stderr.read()}")
        with open(self.path, "rb") as file:
            head = file.read(1024)
        copies = [STATE.unpack_from(head, at) for at in (0, 512)]
        newest = max(copies, key=lambda copy: copy[0])
        return {"cursor": newest[1], "records": newest[2], "gaps": newest[9]}

    def gaps(self, data):
        count = self.state()["gaps"]
        return [struct.unpack_from("<2Q", data, GAPS_AT + 16 * i) for i in range(count)]

    def chunks(self, data, upto):
        return {chunk: list(struct.unpack_from("<2Q", data, CHUNKS_AT + 16 * chunk))
                for chunk in range(upto // CHUNK + 1)}

    def delays(self):
        """How many pages came so many ms after their last record was appended."""
        return list(struct.unpack_from(f"<{DELAYS}Q", self.read(), DELAYS_AT))

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()


class LongCheck:
    """Everybody, the plan, and the verdict."""

    def __init__(self, options):
        self.options = options
        self.random = random.Random(options.seed)
        self.directory = tempfile.mkdtemp(prefix="gantry-long-")
        self.journals = tempfile.mkdtemp(prefix="gantry-long-", dir=options.journals)
        self.port = free_port()
        self.broker = self.reference = self.load = None
        self.fleets, self.watchers, self.killed = [], [], {}
        self.peak = {}

    # --- who takes part

    def start_broker(self):
        self.broker = ScaleBroker(os.path.join(self.directory, "broker"), self.port,
                                  "--retain-bytes", self.options.retain)

    def fleet(self, number):
        each = self.options.hosts // self.options.processes
        workers = SimulatedWorkers(self.broker.urls, each, f"p{number}h", self.journals)
        workers.say("join", 0, each)
        return workers

    def start(self):
        self.start_broker()
        self.reference = subprocess.Popen(
            behind(os.path.join(BUILD_DIR, "tests/log_reference"), self.broker.url),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.fleets = [self.fleet(i) for i in range(self.options.processes)]
        for workers in self.fleets:
            workers.say("await", "greeted", workers.count)
        hosts = [host for workers in self.fleets for host in workers.hosts]
        for i in range(self.options.subscribers):
            self.watchers.append(Watcher(
                os.path.join(self.directory, f"watcher{i}"), self.broker.urls[i % 8],
                None if i % 50 == 0 else hosts[i % len(hosts)],
                20 if 0 < i <= self.options.slow else 0))
        self.start_load()
        for workers in self.fleets:
            self.set_exits(workers)

    def set_exits(self, workers):
        workers.say("exits", self.options.exits // self.options.processes)

    def start_load(self):
        """One process of authors for each fleet, whose hosts have a prefix of their own."""
        each = self.options.hosts // self.options.processes
        self.load = [subprocess.Popen(
            behind(os.path.join(BUILD_DIR, "tests/command_load"), self.broker.urls[i % 8], "2",
                   str(max(1, self.options.rate // self.options.processes)),
                   str(self.options.seed * 100 + i), f"p{i}h", str(each),
                   str(self.options.containers)),
            stdout=subprocess.PIPE, text=True) for i in range(self.options.processes)]
        for load in self.load:
            json.loads(load.stdout.readline())

    # --- the plan

    def kill_one(self):
        kind = self.random.choices(["broker", "workers", "watcher", "pause"], [1, 1, 8, 2])[0]
        which = self.random.randrange(1 << 30)
        if kind == "broker":
            self.broker.kill()
            self.broker.process.stderr.close()
            self.start_broker()
        elif kind == "workers":
            number = which % len(self.fleets)
            self.fleets[number].close()
            self.fleets[number] = self.fleet(number)
            self.set_exits(self.fleets[number])
        elif kind == "watcher":
            self.watchers[which % len(self.watchers)].kill()
        else:
            self.watchers[which % max(1, self.options.paused)].pause()
            return
        self.killed[kind] = self.killed.get(kind, 0) + 1

    def ask(self, request, **body):
        """Of whatever broker there is; the library may lose a question with the one before."""
        while True:
            try:
                return self.client.ask(request, timeout=5, **body)
            except nng.NngError:
                self.client = Client(self.broker.url)

    def head(self):
        return self.ask("info").get("head", 0)

    def run(self):
        self.client = Client(self.broker.url)
        began = time.monotonic()
        kills = head = floor = 0
        while (head < self.options.events or kills < self.options.kills or
               floor < self.options.trimmed):
            head = self.head()
            floor = self.ask("watch", cursor=head).get("floor", 0)
            due = min(self.options.kills, head * self.options.kills // self.options.events)
            while kills < due or (head >= self.options.events and kills < self.options.kills):
                self.kill_one()
                kills = sum(self.killed.values())
            self.look(head, kills, time.monotonic() - began)
            if time.monotonic() - began > self.options.minutes * 60:
                print(f"time is up at {head} records and {kills} kills", flush=True)
                break
            wait_a_moment(0.05)
        self.seconds = time.monotonic() - began

    def look(self, head, kills, seconds):
        """Now and then: that everybody lives, and how large they are."""
        if time.monotonic() < self.peak.get("next", 0):
            return
        self.peak["next"] = time.monotonic() + self.options.report
        sizes = {"broker MiB": self.broker.memory() >> 20,
                 "log MiB": sum(os.path.getsize(os.path.join(path, name)) for path, _, names in
                                os.walk(os.path.join(self.directory, "broker"))
                                for name in names) >> 20}
        for name, size in sizes.items():
            self.peak[name] = max(size, self.peak.get(name, 0))
        for watcher in self.watchers:
            watcher.state()
        if self.reference.poll() is not None:
            raise AssertionError(f"the reference ended: {self.reference.stderr.read()}")
        print(f"{seconds:.0f} s: {head} records, {kills} kills {self.killed}, {sizes}", flush=True)

    # --- the end

    def settle(self):
        """Quiet: every event in the log, every command at its end, everybody at the end."""
        for workers in self.fleets:
            workers.say("exits", 0)
        for load in self.load:
            load.send_signal(signal.SIGTERM)
        loads = [json.loads(load.communicate(timeout=fleet.DEADLINE)[0]) for load in self.load]
        for workers in self.fleets:
            workers.say("await", "acked")
        self.await_outcomes()
        for watcher in self.watchers:
            watcher.resume()
        head = self.head()
        deadline = time.monotonic() + 5 * fleet.DEADLINE
        while any(watcher.state()["cursor"] < head for watcher in self.watchers):
            if time.monotonic() > deadline:
                raise AssertionError("not every subscriber comes to the end")
            wait_a_moment(0.05)
        self.reference.terminate()
        output, errors = self.reference.communicate(timeout=5 * fleet.DEADLINE)
        if errors:
            raise AssertionError(errors)
        return loads, json.loads(output)

    def await_outcomes(self):
        """Commands that were taken and have no outcome yet will get one."""
        deadline = time.monotonic() + fleet.DEADLINE
        head = -1
        while head != self.head():
            head = self.head()
            self.ask("watch", cursor=head, wait_ms=2000)
            if time.monotonic() > deadline:
                raise AssertionError("the log does not come to rest")

    def judge(self, loads, seen):
        complaints = list(seen["complaints"])
        if seen["open"]:
            complaints.append(f"{seen['open']} commands have no outcome")
        said = {str(client): [count, digest] for load in loads
                for client, count, digest in load["authors"] if count}
        if said != seen["clients"]:
            wrong = [client for client in said.keys() | seen["clients"].keys()
                     if said.get(client) != seen["clients"].get(client)]
            complaints.append(f"accepted and in the log are not the same for {wrong[:3]}: "
                              f"{[(said.get(c), seen['clients'].get(c)) for c in wrong[:3]]}")
        for number, watcher in enumerate(self.watchers):
            complaints += self.judge_watcher(number, watcher, seen)
        return complaints

    def judge_watcher(self, number, watcher, seen):
        """Chunk by chunk as the reference has it, but for those with an explicit gap."""
        data = watcher.read()
        missed = {chunk for after, upto in watcher.gaps(data)
                  for chunk in range(after // CHUNK, upto // CHUNK + 1)}
        expected = seen["hosts"].get(watcher.host or "*", {})
        return [f"subscriber {number} of {watcher.host or 'all'} has other records than the log "
                f"in chunk {chunk}: {sums} and {expected.get(str(chunk))}"
                for chunk, sums in watcher.chunks(data, seen["head"]).items()
                if chunk not in missed and sums != expected.get(str(chunk), [0, 0])]

    def close(self):
        for process in [self.reference, *(self.load or [])]:
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()
        for part in [*self.watchers, *self.fleets]:
            part.close()
        if self.broker is not None:
            self.broker.stop_if_running()
        shutil.rmtree(self.directory, ignore_errors=True)
        shutil.rmtree(self.journals, ignore_errors=True)


def check(options):
    """The complaints."""
    long_check = LongCheck(options)
    try:
        long_check.start()
        long_check.run()
        loads, seen = long_check.settle()
        complaints = long_check.judge(loads, seen)
        gaps = sum(watcher.state()["gaps"] for watcher in long_check.watchers)
        print(f"seed {options.seed}: {seen['records']} records in {long_check.seconds:.0f} s, "
              f"{seen['commands']} commands, {long_check.killed} killed, "
              f"{len(long_check.watchers)} subscribers, {gaps} gaps said, "
              f"{sum(load['again'] for load in loads)} commands said again, peak "
              f"{ {name: size for name, size in long_check.peak.items() if name != 'next'} }: "
              f"{len(complaints)} complaints", flush=True)
        return complaints
    finally:
        long_check.close()


def parse(words):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    for name, default in DEFAULTS.items():
        kind = type(default)
        parser.add_argument(f"--{name}", type=kind,
                            default=kind(os.environ.get(f"GANTRY_LONG_{name.upper()}", default)))
    parser.add_argument("--journals", default="/dev/shm", help="where the workers' journals lie")
    parser.add_argument("--report", type=float, default=10, help="seconds between lines")
    return parser.parse_args(words)


def on_term(number, _):
    raise SystemExit(128 + number)


def main():
    signal.signal(signal.SIGTERM, on_term)
    complaints = check(parse(sys.argv[1:]))
    for complaint in complaints[:50]:
        print(complaint)
    nng.leave(1 if complaints else 0)


if __name__ == "__main__":
    main()
