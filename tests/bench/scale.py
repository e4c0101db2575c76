#!/usr/bin/python3
"""How the broker bears many: simulated workers (tests/sim) against one broker on one machine.

    tests/bench/scale.py [--json] storm [WORKERS]        the broker is killed and started again
    tests/bench/scale.py idle [WORKERS]         what each one that waits costs in memory
    tests/bench/scale.py commands [WORKERS...]  what a command costs, by the number of workers
    tests/bench/scale.py drain [EVENTS]         a worker that was away, and eight of them
    tests/bench/scale.py subscribers            200, of whom 60 are slow, stopped or killed
    tests/bench/scale.py load [SECONDS [EACH]]  1,000 workers with 100 (or EACH) containers each, 200
                                                subscribers, 5,000 commands a second

Clients and workers share the machine with the broker, so --nice (below zero as root) says how they
all stand beside what else runs on it.
"""
import argparse
import concurrent.futures
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
os.environ.setdefault("GANTRY_BUILD_DIR", os.path.join(ROOT, "build/release"))
sys.path[:0] = [HERE, os.path.join(ROOT, "tests/integration")]

import figures  # noqa: E402
import fleet  # noqa: E402
import nng  # noqa: E402
from fleet import BUILD_DIR, Client  # noqa: E402
from long_check import Watcher  # noqa: E402
from simulated import (ScaleBroker, SimulatedWorkers, behind, free_port,  # noqa: E402
                       wait_a_moment)

WORKERS_OF_PROCESS = 200
AUTHORS = 16
LOAD_AUTHORS = 40  # of each of four processes: 5,000 commands a second when an answer takes 32 ms
TOOLS = os.path.join(BUILD_DIR, "tests")


IS_JSON = False


def say(text):
    print(text, file=sys.stderr if IS_JSON else sys.stdout, flush=True)


def give(figure, unit, value, peer="Gantry", at=None):
    if IS_JSON:
        figures.give(figure, peer, unit, [value], at=at)


class Scene:
    """A broker and its workers, several processes of them: the hosts p<i>h<j>."""

    def __init__(self, count, of_process=WORKERS_OF_PROCESS):
        self.scratch = tempfile.TemporaryDirectory(prefix="gantry-scale-")
        self.port = free_port()
        self.count = count
        self.start_broker()
        self.before = self.broker.memory()
        parts = -(-count // of_process)
        self.fleets = [SimulatedWorkers(self.broker.urls, min(of_process, count - i * of_process),
                                        f"p{i}h")
                       for i in range(parts)]
        self.others = []

    def start_broker(self):
        self.broker = ScaleBroker(os.path.join(self.scratch.name, "broker"), self.port)

    def all(self, *words):
        """Said to every process, then all the answers."""
        for workers in self.fleets:
            workers.send(*[word(workers) if callable(word) else word for word in words])
        return [workers.take() for workers in self.fleets]

    def join(self):
        began = time.monotonic()
        self.all("join", 0, lambda workers: workers.count)
        self.all("await", "greeted", lambda workers: workers.count)
        return time.monotonic() - began

    def load(self, fleet_number, authors, rate, hosts, containers):
        """Authors of commands for those hosts; once everything is created."""
        process = subprocess.Popen(
            behind(os.path.join(TOOLS, "command_load"), self.broker.urls[fleet_number % 8],
                   str(authors), str(rate), str(fleet_number), f"p{fleet_number}h", str(hosts),
                   str(containers)),
            stdout=subprocess.PIPE, text=True)
        self.others.append(process)
        return process

    def ping(self):
        """One command to every worker, and until each has it."""
        before = sum(state["commands"] for state in self.all("status"))
        hosts = [host for workers in self.fleets for host in workers.hosts]
        with concurrent.futures.ThreadPoolExecutor(AUTHORS) as pool:
            refused = sum(pool.map(self.ping_some, [hosts[i::AUTHORS] for i in range(AUTHORS)]))
        assert not refused, f"{refused} commands were refused"
        deadline = time.monotonic() + fleet.DEADLINE
        while sum(state["commands"] for state in self.all("status")) < before + self.count:
            assert time.monotonic() < deadline, "not every worker gets its command"
            wait_a_moment(0.01)

    def ping_some(self, hosts):
        """How many commands were refused."""
        client, author = Client(self.broker.url), os.urandom(8)
        answers = [client.submit(type="container.create", host=host, id=author + i.to_bytes(8, "big"),
                                 container=os.urandom(32).hex(),
                                 body={"config": {"name": "pinged", "rootfs": "/srv",
                                                  "command": ["/bin/true"]}})
                   for i, host in enumerate(hosts, 1)]
        return sum(answer.get("code") is not None for answer in answers)

    def close(self):
        for process in self.others:
            process.kill()
            process.wait()
        for workers in self.fleets:
            workers.close()
        self.broker.stop_if_running()
        self.scratch.cleanup()


def scene(function):
    """With everything closed, whatever comes of it."""
    def run(count, *rest, **options):
        there = Scene(count, **options)
        try:
            return function(there, *rest)
        finally:
            there.close()
    return run


@scene
def storm(there):
    first = there.join()
    there.broker.kill()
    there.broker.process.stderr.close()
    began = time.monotonic()
    there.start_broker()
    up = time.monotonic() - began
    there.all("await", "connected", lambda workers: workers.count)
    connected = time.monotonic() - began
    give("all-back", "s", connected)
    if IS_JSON:
        return  # a command to each is no figure
    there.ping()
    say(f"storm: {there.count} workers say hello in {first:.2f} s; after a SIGKILL the broker "
          f"serves after {up:.2f} s, all are back after {connected:.2f} s ({there.broker.cpu():.2f} s "
          f"of its processor), and each has got a command after {time.monotonic() - began:.2f} s")


@scene
def idle(there):
    first = there.join()
    peers = Client(there.broker.url).ask("info").get("peers", 0)
    each = (there.broker.memory() - there.before) / there.count
    before = there.broker.cpu()
    wait_a_moment(10)
    give("idle-worker", "KB", each / 1000)
    say(f"idle: {there.count} workers with {peers} connections, there after {first:.1f} s: "
          f"{each:.0f} bytes each, {there.broker.cpu() - before:.2f} s of processor in 10 s")


@scene
def commands(there, seconds=8, rate=500):
    there.join()
    load = there.load(0, 8, rate, 10, 8)
    load.stdout.readline()
    wait_a_moment(1)
    there.fleets[0].say("mark")
    before, began = there.broker.cpu(), time.monotonic()
    wait_a_moment(seconds)
    spent, passed = there.broker.cpu() - before, time.monotonic() - began
    state = there.fleets[0].say("status")
    load.send_signal(signal.SIGTERM)
    result = json.loads(load.communicate()[0])
    each_us = spent / passed / (result["commands"] / result["seconds"]) * 1e6
    give("command-cost-by-workers", "us", each_us, at=there.count)
    for part in ("p50", "p99"):
        give("delivery-by-workers", "ms", state[f"{part}_us"] / 1000, f"Gantry, {part}", at=there.count)
    say(f"commands: {there.count:6} workers, {result['commands'] / result['seconds']:.0f}/s: "
          f"{each_us:.0f} us of the broker "
          f"each with all its events, to the worker p50 {state['p50_us'] / 1000:.2f} ms, p99 "
          f"{state['p99_us'] / 1000:.2f} ms")


@scene
def drain(there, events):
    there.join()
    loads = [there.load(i, 1, 1, 1, 5) for i in range(len(there.fleets))]
    for load in loads:
        load.stdout.readline()
        load.send_signal(signal.SIGTERM)
        load.wait()
    there.all("await", "acked")
    there.all("leave", 0, 1)
    each = events // there.count
    there.all("fill", 0, 1, each)
    before, began = there.broker.cpu(), time.monotonic()
    there.all("join", 0, 1)
    there.all("await", "acked")
    passed, spent = time.monotonic() - began, there.broker.cpu() - before
    say(f"drain: {there.count} workers with {each} events each: {events / passed:.0f} events/s "
          f"({spent / events * 1e6:.1f} us of the broker each)")


def watchers_of(there, count, hosts, odd):
    """`odd` of the first are of each kind: slow, stopped, killed. They begin at the log's end."""
    head = Client(there.broker.url).ask("info").get("head", 0)
    return [Watcher(os.path.join(there.scratch.name, f"watcher{i}"), there.broker.urls[i % 8],
                    None if i % 50 == 49 else hosts[i % len(hosts)], 50 if i < odd else 0, head)
            for i in range(count)]


def delays_over(watchers, before):
    """p50 and p99 in ms of the pages since."""
    counts = [sum(now) - sum(then) for now, then in
              zip(zip(*[watcher.delays() for watcher in watchers]), zip(*before))]
    found, seen = [], 0
    for ms, count in enumerate(counts):
        seen += count
        while len(found) < 2 and seen >= sum(counts) * (0.5, 0.99)[len(found)] and seen:
            found.append(ms + 1)
    return found or [0, 0]


@scene
def subscribers(there, seconds=10):
    there.join()
    load = there.load(0, 8, 300, there.count, 4)
    load.stdout.readline()
    hosts = there.fleets[0].hosts
    watchers = watchers_of(there, 200, hosts, 20)
    good = watchers[60:]

    def measure():
        wait_a_moment(2)
        before = [watcher.delays() for watcher in good]
        began = time.monotonic()
        while time.monotonic() < began + seconds:
            yield
            wait_a_moment(0.1)
        yield delays_over(good, before)

    *_, calm = measure()
    for watcher in watchers[20:40]:
        watcher.pause()
    kills = 0
    for found in measure():
        watchers[40 + kills % 20].kill()
        kills += 1
    say(f"subscribers: 140 of 200 get a record after p50 {calm[0]} ms, p99 {calm[1]} ms; with 20 "
          f"slow, 20 stopped and 20 killed {kills} times p50 {found[0]} ms, p99 {found[1]} ms")
    for watcher in watchers:
        watcher.close()


@scene
def load(there, seconds, each):
    there.join()
    parts = len(there.fleets)
    loads = [there.load(i, LOAD_AUTHORS, 5000 // parts, there.fleets[i].count, each) for i in range(parts)]
    began = time.monotonic()
    for process in loads:
        process.stdout.readline()
    # Whose containers are all there goes on with commands: "acked" would never be true of all.
    there.all("await", "commands", lambda workers: 2 * each * workers.count)
    say(f"load: {there.count * each} containers run after {time.monotonic() - began:.0f} s")
    hosts = [host for workers in there.fleets for host in workers.hosts]
    watchers = watchers_of(there, 200, hosts, 0)
    wait_a_moment(3)
    there.all("mark")
    before, began = there.broker.cpu(), time.monotonic()
    delays = [watcher.delays() for watcher in watchers]
    wait_a_moment(seconds)
    spent, passed = there.broker.cpu() - before, time.monotonic() - began
    states = there.all("status")
    found = delays_over(watchers, delays)
    memory, resident = there.broker.memory(), there.broker.resident()
    for process in loads:
        process.send_signal(signal.SIGTERM)
    results = [json.loads(process.communicate()[0]) for process in loads]
    rate = sum(state["commands"] for state in states) / passed
    slowest = {part: max(state[f"{part}_us"] for state in states) / 1000 for part in ("p50", "p99")}
    give("load-rate", "commands/s", rate)
    give("load-delivery", "ms", slowest["p99"])
    give("load-delivery", "ms", slowest["p50"], "Gantry, p50")
    give("load-memory", "MiB", memory / (1 << 20))
    say(f"load: {rate:.0f} commands/s delivered, submit to delivery p50 "
          f"{slowest['p50']:.1f} ms, p99 {slowest['p99']:.1f} ms; to the answer p99 "
          f"{max(result['p99_ms'] for result in results):.1f} ms; subscribers p50 {found[0]} ms, p99 "
          f"{found[1]} ms; broker {spent / passed * 100:.0f} % of a processor, {memory >> 20} MiB "
          f"of its own, {resident >> 20} MiB with the pages of its store")
    for watcher in watchers:
        watcher.close()


def on_term(number, _):
    raise SystemExit(128 + number)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=["storm", "idle", "commands", "drain", "subscribers", "load"])
    parser.add_argument("numbers", nargs="*", type=int)
    parser.add_argument("--nice", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    global IS_JSON  # what is said goes elsewhere  # pylint: disable=global-statement
    IS_JSON = options.json
    os.nice(options.nice)
    signal.signal(signal.SIGTERM, on_term)
    numbers = options.numbers
    if options.what == "storm":
        storm(numbers[0] if numbers else 1000)
    elif options.what == "idle":
        idle(numbers[0] if numbers else 10000)
    elif options.what == "commands":
        for count in numbers or [10, 100, 1000, 10000]:
            commands(count)
    elif options.what == "drain":
        for count in [1, 8]:
            drain(count, numbers[0] if numbers else 400000, of_process=1)
    elif options.what == "subscribers":
        subscribers(50)
    else:
        load(1000, numbers[0] if numbers else 20, numbers[1] if len(numbers) > 1 else 100,
             of_process=250)
    nng.leave(0)


if __name__ == "__main__":
    main()
