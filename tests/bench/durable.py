#!/usr/bin/python3
"""Durable commands and events: the broker beside the floor of the same disk.

    tests/bench/durable.py [ROUNDS] [--clients N] [--requests N]      (build/release, or $GANTRY_BUILD_DIR)
    tests/bench/durable.py --peers [ROUNDS]     50 producers of events, beside Redis and JetStream

Each round runs the floor (appends to a plain file and batches into LMDB, both flushed) and each
load against a new broker, interleaved; the medians of the rounds are shown, with their spread.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
os.environ.setdefault("GANTRY_BUILD_DIR", os.path.join(ROOT, "build/release"))
sys.path[:0] = [HERE, os.path.join(ROOT, "tests/integration")]

import fleet  # noqa: E402
import nng  # noqa: E402
import peers  # noqa: E402

LOAD = os.path.join(fleet.BUILD_DIR, "tests/broker_load")
REPORT_RECORDS = 100
RECORD_BYTES = 300


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def commits(broker):
    client = fleet.Client(broker.url)
    return client.ask("info").get("commits", 0)


def run_load(mode, clients, requests, records=REPORT_RECORDS):
    with tempfile.TemporaryDirectory(prefix="gantry-durable-") as directory:
        broker = fleet.Broker(directory)
        host, port = broker.url.rsplit("/", 1)[1].split(":")
        records = records if mode == "report" else 0
        load = subprocess.Popen([LOAD, mode, host, port, str(clients), str(requests), str(records)],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if not load.stdout.readline():
            raise RuntimeError(f"{mode}: the load did not begin")
        before, commits_before = cpu_seconds(broker.pid), commits(broker)
        load.stdin.write("\n")
        load.stdin.flush()
        result = json.loads(load.stdout.readline())
        result["cpu_us"] = (cpu_seconds(broker.pid) - before) * 1e6 / result["records"]
        result["batch"] = result["records"] / max(1, commits(broker) - commits_before)
        load.communicate()
        broker.terminate()
        return result


def run_floor(mode, batch, count):
    with tempfile.TemporaryDirectory(prefix="gantry-durable-") as directory:
        return json.loads(subprocess.run([LOAD, mode, directory, "-", str(batch), str(count),
                                          str(RECORD_BYTES)], check=True, capture_output=True,
                                         text=True).stdout)


def median(results, key):
    return statistics.median(result[key] for result in results if key in result)


def show(name, results, floor_rate):
    rates = sorted(result["rate"] for result in results)
    line = (f"{name:22} {statistics.median(rates):9.0f}/s ({rates[0]:.0f}-{rates[-1]:.0f})   "
            f"p50 {median(results, 'p50_us') / 1000:7.2f} ms  p99 {median(results, 'p99_us') / 1000:7.2f} ms")
    if "cpu_us" in results[0]:
        line += (f"   broker {median(results, 'cpu_us'):6.2f} us/record, "
                 f"{median(results, 'batch'):.0f} records/commit, "
                 f"{statistics.median(rates) / floor_rate:.2f} x store floor")
    print(line)


def beside_peers(rounds, producers, turns):
    """Events, one and a hundred at a time, of so many producers with one batch under way each."""
    batches = [(1, turns), (REPORT_RECORDS, max(1, turns // 10))]
    results, runs = {}, []
    for batch, count in batches:
        runs.append((f"Gantry by {batch}",
                     lambda b=batch, n=count: run_load("report", producers, n, b)))
        for peer in peers.PEERS:
            missing = peer.missing()
            if missing and batch == 1:
                print(f"missing: {peer.name}: {missing}")
            if not missing:
                runs.append((f"{peer.name} by {batch}", lambda p=peer, b=batch, n=count:
                             peers.run(p, producers, n, b, RECORD_BYTES)))
    for _ in range(rounds):
        for name, run in runs:
            results.setdefault(name, []).append(run())
    print(f"{rounds} rounds, {producers} producers, {os.cpu_count()} cores, "
          f"Linux {os.uname().release}")
    for name, taken in results.items():
        beside = results["Gantry" + name[name.rindex(" by "):]]
        rates = sorted(result["rate"] for result in taken)
        print(f"{name:34} {statistics.median(rates):9.0f}/s ({rates[0]:.0f}-{rates[-1]:.0f})   "
              f"p50 {median(taken, 'p50_us') / 1000:7.2f} ms  p99 {median(taken, 'p99_us') / 1000:7.2f} ms"
              f"   {statistics.median(rates) / median(beside, 'rate'):.2f} x Gantry")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("rounds", nargs="?", type=int, default=5)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--modes", default="start,create,report")
    parser.add_argument("--peers", action="store_true")
    options = parser.parse_args()
    if options.peers:
        beside_peers(options.rounds, 50, options.requests)
        nng.leave(0)
    modes = options.modes.split(",")
    floors = [("append", 1), ("append", 64), ("store", 1), ("store", 64), ("store", 1000)]
    results = {}
    for _ in range(options.rounds):
        for mode, batch in floors:
            results.setdefault((mode, batch), []).append(run_floor(mode, batch, 200))
        for mode in modes:
            requests = max(1, options.requests // 4) if mode == "report" else options.requests
            results.setdefault((mode, options.clients), []).append(
                run_load(mode, options.clients, requests))
    print(f"{options.rounds} rounds, {os.cpu_count()} cores, Linux {os.uname().release}")
    for (mode, batch), taken in results.items():
        floor = ("store", 1000) if mode == "report" else ("store", 64)
        name = f"{mode} x {batch}" if mode in modes else f"floor: {mode} by {batch}"
        show(name, taken, median(results[floor], "rate"))
    nng.leave(0)


main()
