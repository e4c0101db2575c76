#!/usr/bin/python3
"""Durable commands and events: the broker beside the floor of the same disk.

    tests/bench/durable.py [--json] [ROUNDS] [--clients N] [--requests N]    (build/release, or $GANTRY_BUILD_DIR)
    tests/bench/durable.py [--json] --peers [ROUNDS]     50 producers of events, beside other brokers

Each round runs the floor (appends to a plain file and batches into LMDB, both flushed), each load
against a new broker, and Redis, interleaved; the medians of the rounds are shown, with their spread.
"""
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

import figures  # noqa: E402
import fleet  # noqa: E402
import nng  # noqa: E402
import peers  # noqa: E402

LOAD = os.path.join(fleet.BUILD_DIR, "tests/broker_load")
DISK_LOAD = os.path.join(fleet.BUILD_DIR, "tests/disk_load")
REPORT_RECORDS = 100
RECORD_BYTES = 300
FLOORS = [("append", 1), ("append", 64), ("store", 1), ("store", 64), ("store", 1000)]
FLOOR_COMMITS = 400


def commits(broker):
    client = fleet.Client(broker.url)
    return client.ask("info").get("commits", 0)


def make_certificates(directory):
    for words in (["ca"], ["broker", "b"], ["controller", "c"]):
        subprocess.run([os.path.join(ROOT, "ops/certificates"), directory, *words], check=True,
                       stdout=subprocess.DEVNULL)
    files = [os.path.join(directory, name) for name in
             ("broker-b.pem", "broker-b.key", "controller-c.pem", "controller-c.key", "ca.pem")]
    listen = ["--listen", "tls+tcp://127.0.0.1:0", "--tls-certificate", files[0], "--tls-key", files[1],
              "--tls-authority", files[4]]
    return listen, files[2:]


def run_load(mode, clients, requests, records=REPORT_RECORDS, is_tls=False):
    with tempfile.TemporaryDirectory(prefix="gantry-durable-") as directory:
        listen, dial = make_certificates(os.path.join(directory, "tls")) if is_tls else ([], [])
        broker = fleet.Broker(os.path.join(directory, "state"), *listen)
        host, port = broker.url.rsplit("/", 1)[1].split(":")
        records = records if mode == "report" else 0
        if is_tls:
            dial.insert(0, next(word.rsplit(":", 1)[1] for word in broker.ready_line.split()
                                if "tls+tcp://" in word))
        load = subprocess.Popen([LOAD, mode, host, port, str(clients), str(requests), str(records), *dial],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if not load.stdout.readline():
            raise RuntimeError(f"{mode}: the load did not begin")
        before, commits_before = broker.cpu(), commits(broker)
        load.stdin.write("\n")
        load.stdin.flush()
        result = json.loads(load.stdout.readline())
        result["cpu_us"] = (broker.cpu() - before) * 1e6 / result["records"]
        result["batch"] = result["records"] / max(1, commits(broker) - commits_before)
        load.communicate()
        broker.terminate()
        return result


def run_floor(mode, batch, count):
    with tempfile.TemporaryDirectory(prefix="gantry-durable-") as directory:
        return json.loads(subprocess.run([DISK_LOAD, mode, directory, str(batch), str(count),
                                          str(RECORD_BYTES)], check=True, capture_output=True,
                                         text=True).stdout)


def median(results, key):
    return statistics.median(result[key] for result in results if key in result)


def show(name, results, floor_rate):
    rates = sorted(result["rate"] for result in results)
    line = (f"{name:26} {statistics.median(rates):9.0f}/s ({rates[0]:.0f}-{rates[-1]:.0f})   "
            f"p50 {median(results, 'p50_us') / 1000:7.2f} ms  p99 {median(results, 'p99_us') / 1000:7.2f} ms")
    if "cpu_us" in results[0]:
        line += (f"   broker {median(results, 'cpu_us'):6.2f} us/record, "
                 f"{median(results, 'batch'):.0f} records/commit, "
                 f"{statistics.median(rates) / floor_rate:.2f} x store floor")
    print(line)


def show_beside(results):
    for name, taken in results.items():
        beside = results["Gantry" + name[name.rindex(" by "):]]
        rates = sorted(result["rate"] for result in taken)
        print(f"{name:34} {statistics.median(rates):9.0f}/s ({rates[0]:.0f}-{rates[-1]:.0f})   "
              f"p50 {median(taken, 'p50_us') / 1000:7.2f} ms  p99 {median(taken, 'p99_us') / 1000:7.2f} ms"
              f"   {statistics.median(rates) / median(beside, 'rate'):.2f} x Gantry")


def say_missing(options, name, why):
    if options.json:
        figures.missing(name, why)
    else:
        print(f"missing: {name}: {why}")


def beside_peers(options, producers=50):
    """Events, one and a hundred at a time, of so many producers with one batch under way each."""
    batches = [(1, options.requests), (REPORT_RECORDS, max(1, options.requests // 10))]
    results, runs = {}, []
    for batch, count in batches:
        runs.append((f"Gantry by {batch}",
                     lambda b=batch, n=count: run_load("report", producers, n, b)))
        for peer in peers.PEERS:
            missing = peer.missing()
            if missing and batch == 1:
                say_missing(options, peer.name, missing)
            if not missing:
                runs.append((f"{peer.name} by {batch}", lambda p=peer, b=batch, n=count:
                             peers.run(p, producers, n, b, RECORD_BYTES)))
    for _ in range(options.rounds):
        for name, run in runs:
            results.setdefault(name, []).append(run())
    if not options.json:
        print(f"{options.rounds} rounds, {producers} producers, {os.cpu_count()} cores, "
              f"Linux {os.uname().release}")
        show_beside(results)
        return
    for name, taken in results.items():
        peer, batch = name.rsplit(" by ", 1)
        figures.give("event-one" if batch == "1" else "event-hundred", peer, "events/s",
                     [result["rate"] for result in taken])


def run_redis(clients, turns, batch):
    return peers.run(peers.Redis, clients, turns, batch, RECORD_BYTES)


def runs_of(options):
    """What each round runs, by (name, how many at a time)."""
    clients, requests = options.clients, options.requests
    reports = max(1, requests // 4)
    runs = {floor: lambda of=floor: run_floor(*of, FLOOR_COMMITS) for floor in FLOORS}
    for mode in options.modes.split(","):
        count = reports if mode == "report" else requests
        runs[mode, clients] = lambda m=mode, n=count: run_load(m, clients, n)
    if "start" in options.modes:
        runs["start over TLS", clients] = lambda: run_load("start", clients, requests, is_tls=True)
        runs["start", 1] = lambda: run_load("start", 1, FLOOR_COMMITS)
    if peers.Redis.missing():
        say_missing(options, peers.Redis.name, peers.Redis.missing())
        return runs
    runs["redis", clients] = lambda: run_redis(clients, requests, 1)
    runs["redis", 1] = lambda: run_redis(1, FLOOR_COMMITS, 1)
    runs["redis by 100", clients] = lambda: run_redis(clients, reports, REPORT_RECORDS)
    return runs


# figure: unit, what of a result, a factor, and which of the runs each peer is.
GIVEN = {
    "command-rate": ("commands/s", "rate", 1, {"floor": ("store", 64), "Gantry": ("start", 64),
                                               "redis": ("redis", 64)}),
    "command-p99": ("ms", "p99_us", 1e-3, {"floor": ("store", 64), "Gantry": ("start", 64),
                                           "redis": ("redis", 64)}),
    "command-rate-tls": ("commands/s", "rate", 1, {"floor": ("store", 64),
                                                   "Gantry": ("start over TLS", 64)}),
    "command-p99-tls": ("ms", "p99_us", 1e-3, {"floor": ("store", 64), "Gantry": ("start over TLS", 64)}),
    "create-rate": ("commands/s", "rate", 1, {"Gantry": ("create", 64)}),
    "event-rate": ("events/s", "rate", 1, {"floor": ("store", 1000), "Gantry": ("report", 64),
                                           "redis": ("redis by 100", 64)}),
    "single-producer": ("ms", "p50_us", 1e-3, {"fdatasync": ("append", 1), "Gantry": ("start", 1),
                                               "LMDB": ("store", 1), "redis": ("redis", 1)}),
}


def give(results):
    for figure, (unit, key, factor, runs) in GIVEN.items():
        for peer, run in runs.items():
            figures.give(figure, peer, unit, [result[key] * factor for result in results.get(run, [])])


def main():
    parser = figures.parser(rounds=5)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--requests", type=int, default=600)
    parser.add_argument("--modes", default="start,create,report")
    parser.add_argument("--peers", action="store_true")
    options = parser.parse_args()
    if options.peers:
        beside_peers(options)
        nng.leave(0)
    runs, results = runs_of(options), {}
    for _ in range(options.rounds):
        for name, run in runs.items():
            results.setdefault(name, []).append(run())
    if options.json:
        give(results)
        nng.leave(0)
    print(f"{options.rounds} rounds, {os.cpu_count()} cores, Linux {os.uname().release}")
    for (mode, batch), taken in results.items():
        floor = ("store", 1000) if "report" in mode or "100" in mode else ("store", 64)
        name = f"floor: {mode} by {batch}" if (mode, batch) in FLOORS else f"{mode} x {batch}"
        show(name, taken, median(results[floor], "rate"))
    nng.leave(0)


main()
