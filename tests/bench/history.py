#!/usr/bin/python3
"""What the fleet was at random positions of a long log, from snapshots and, beside it, by a fold from
the log's beginning.

    tests/bench/history.py [--json] [--containers N] [ROUNDS [RECORDS [WHOLE]]]
                                          (default 200, 10,000,000 and 3; of 1,000 containers)

The log is made once (build/bench-logs). Its broker first makes the snapshots, which is timed, unless
they are there. Each round asks one random position by the whole commands (`ps --at`, `inspect --at` by
name and by id) and by the requests on the bus alone. In WHOLE of the rounds the same `ps --at` is asked
of a broker on a copy of the log that can keep no snapshots.
"""
import os
import random
import resource
import shutil
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
os.environ.setdefault("GANTRY_BUILD_DIR", os.path.join(ROOT, "build/release"))
sys.path[:0] = [HERE, os.path.join(ROOT, "tests/integration")]

import big_logs  # noqa: E402
import figures  # noqa: E402
import fleet  # noqa: E402
import nng  # noqa: E402
from first_command import CONSOLE, life  # noqa: E402

SEED = 1
FOLD = "fold from the floor"
BUILD_PATIENCE = 1200  # seconds


class LongBroker(fleet.Broker):
    """On a unix socket, as an operator beside it asks."""

    def __init__(self, state, directory, name):
        self.path = os.path.join(directory, name)
        fleet.Process.__init__(self, [os.path.join(fleet.BUILD_DIR, "gantry-broker"), "--state", state,
                                      "--listen", f"unix://{self.path}"], r"broker\.ready")
        self.url = f"unix://{self.path}"


def wait_for_snapshots(broker, client):
    """Those of an old log, when it has not all of them."""
    while client.ask("past").get("code") == "busy":
        continue  # it opens them
    info = client.ask("info")
    began = time.monotonic()
    if info.get("past_last", 0) < info["head"] - info["head"] // 20 - 20_000:
        broker.wait_for_line(r"past\.built", BUILD_PATIENCE)
        info = client.ask("info")
        print(f"history: {info['past_snapshots']} snapshots of {info['head']} records made in "
              f"{time.monotonic() - began:.1f} s, {broker.cpu():.1f} s of processor time",
              file=sys.stderr)
    share = info["past_bytes"] / info["log_bytes"]
    print(f"history: {info['past_snapshots']} snapshots, {info['past_bytes']} bytes, {share:.1%} of the "
          f"log's {info['log_bytes']}; {info['past_bytes'] / max(info['past_snapshots'], 1):.0f} bytes each",
          file=sys.stderr)
    return info["head"]


class Asked:
    """The bus's part of `ps --at`: seconds between questions and answers, and how much came."""

    def __init__(self, client):
        self.client, self.seconds, self.requests, self.records = client, 0.0, 0, 0

    def ask(self, kind, **body):
        data = fleet.encode_frame(kind, body)
        began = time.monotonic()
        answer = self.client.socket.ask(data)
        self.seconds += time.monotonic() - began
        self.requests += 1
        return fleet.Answer(*fleet.decode_frame(answer))

    def fleet_at(self, pos):
        page = self.ask("past", pos=pos)
        cursor = page.get("snapshot", 0)
        while page.get("next"):
            page = self.ask("past", snapshot=cursor, chunk=page["next"])
        while cursor < pos:
            page = self.ask("watch", cursor=cursor)
            self.records += len(page["records"])
            cursor = page["cursor"]


def processor_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def measure(options, broker, whole, sheet):
    client = fleet.Client(broker.url)
    head = wait_for_snapshots(broker, client)
    dice = random.Random(SEED)
    all_there = big_logs.HOSTS + options.containers * big_logs.RECORDS_OF_CREATE
    asked = Asked(client)
    used = 0.0
    for number in range(options.rounds):
        pos = dice.randint(all_there, head)
        container = dice.randrange(options.containers)
        at, environment = f"pos:{pos}", {"GANTRY_BROKER": broker.url}
        before = processor_seconds()
        sheet.add("history-ps", life([CONSOLE, "ps", "-a", "--at", at], **environment))
        used += processor_seconds() - before
        sheet.add("history-inspect", life([CONSOLE, "inspect", "--at", at, f"c{container}"], **environment))
        sheet.add("history-inspect-id", life([CONSOLE, "inspect", "--at", at, big_logs.container(container)],
                                             **environment))
        sheet.add("history-diff", life([CONSOLE, "diff", "--from", "pos:%d" % dice.randint(1, pos), "--to", at],
                                       **environment))
        sheet.add("history-now", life([CONSOLE, "ps", "-a"], **environment))
        before = asked.seconds
        asked.fleet_at(pos)
        sheet.add("history-bus", asked.seconds - before)
        if whole is not None and number < options.whole:
            sheet.add("history-ps", life([CONSOLE, "ps", "-a", "--at", at], GANTRY_BROKER=whole.url), FOLD)
    print(f"history: {asked.requests / options.rounds:.1f} requests, {asked.records / options.rounds:.0f} records "
          f"folded behind the snapshot on average; ps --at takes {used / options.rounds * 1000:.1f} ms of the "
          f"console's processor time", file=sys.stderr)


def copy_without_snapshots(state, directory):
    """A broker that cannot make the directory does without."""
    copy = os.path.join(directory, "whole")
    os.mkdir(copy, 0o700)
    shutil.copyfile(os.path.join(state, "data.mdb"), os.path.join(copy, "data.mdb"))
    with open(os.path.join(copy, "past"), "w", encoding="ascii"):
        pass
    return copy


def main():
    parser = figures.parser(rounds=200, records=10_000_000, whole=3)
    parser.add_argument("--containers", type=int, default=1000)
    options = parser.parse_args()
    state = big_logs.directory_of(options.records, options.containers)
    sheet = figures.Sheet()
    with tempfile.TemporaryDirectory(prefix="gantry-history-") as directory:
        whole = None
        if options.whole > 0:
            whole = LongBroker(copy_without_snapshots(state, directory), directory, "whole.sock")
        broker = LongBroker(state, directory, "broker.sock")
        try:
            measure(options, broker, whole, sheet)
        finally:
            for process in (broker, whole):
                if process is not None:
                    process.terminate()
    sheet.give(options.json)
    nng.leave(0)


main()
