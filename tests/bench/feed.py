#!/usr/bin/python3
"""How long a command takes from its author to everybody who follows the feed, by their number.

    tests/bench/feed.py [--json] [SUBSCRIBERS...]      (default 10 100 1000 10000)

The subscribers are connections of one process on this machine (feed_load), so the time has their
reading in it, too.
"""
import argparse
import json
import os
import select
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

LOAD = os.path.join(fleet.BUILD_DIR, "tests/feed_load")
COMMANDS, COMMANDS_TO_MANY = 50, 20
MANY = 5000
DELIVERIES = 20000  # in a second, at most
ROUNDS = 3
PAUSE_MAX_S = 0.02


def submit_all(client, author, count):
    for number in range(1, count + 1):
        answer = client.submit(host="bench", id=author + number.to_bytes(8, "big"),
                               type="container.create", container=os.urandom(32).hex(),
                               body={"config": {"name": f"c{os.urandom(4).hex()}", "rootfs": "/srv",
                                                "command": ["/bin/true"]}})
        if answer.get("code"):
            raise RuntimeError(answer["text"])
        yield


def measure(broker, client, subscribers):
    host, port = broker.feed_url.rsplit("/", 1)[1].split(":")
    count = COMMANDS if subscribers < MANY else COMMANDS_TO_MANY
    load = subprocess.Popen([LOAD, host, port, str(subscribers), str(count)], stdout=subprocess.PIPE,
                            text=True)
    if not load.stdout.readline():
        raise RuntimeError("the subscribers do not come")
    pause = max(PAUSE_MAX_S, subscribers / DELIVERIES)
    for _ in submit_all(client, os.urandom(8), count):
        select.select([load.stdout], [], [], pause)  # a rate, so that each one is by itself
    result = json.loads(load.communicate(timeout=fleet.DEADLINE)[0])
    if result["lost"]:
        raise RuntimeError(f"{result['lost']} deliveries to {subscribers} subscribers are lost")
    return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("subscribers", nargs="*", type=int)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gantry-feed-") as directory:
        broker = fleet.Broker(directory)
        worker = fleet.FakeWorker(broker.url, "bench")
        worker.hello()
        client = fleet.Client(broker.url)
        for subscribers in options.subscribers or [10, 100, 1000, 10000]:
            results = [measure(broker, client, subscribers) for _ in range(ROUNDS)]
            if options.json:
                for key in ("p50", "p99"):
                    figures.give("feed-by-subscribers", f"Gantry, {key}", "ms",
                                 [result[f"{key}_us"] / 1000 for result in results], at=subscribers)
                continue
            print(f"feed: {subscribers} subscribers: p50 {min(r['p50_us'] for r in results) / 1000:.2f} ms, "
                  f"p99 {min(r['p99_us'] for r in results) / 1000:.2f} ms (best of {ROUNDS})")
        broker.terminate()
    nng.leave(0)


if __name__ == "__main__":
    main()
