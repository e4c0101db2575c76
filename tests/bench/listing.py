#!/usr/bin/python3
"""`gantry ps -a`, and what the broker takes, by the number of containers in the view.

    tests/bench/listing.py [--json] [ROUNDS [PODMANS]]    (default 20; 100: of podman's containers)

The containers are those of a log that is made once (build/bench-logs): each was started and has ended.
podman lists as many of its own as could be made in a short time: as many as PODMANS.
"""
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
os.environ.setdefault("GANTRY_BUILD_DIR", os.path.join(ROOT, "build/release"))
sys.path[:0] = [HERE, os.path.join(ROOT, "tests/integration")]

import big_logs  # noqa: E402
import figures  # noqa: E402
import nng  # noqa: E402
import podman_peer  # noqa: E402
from first_command import CONSOLE, life, warm_log  # noqa: E402
from simulated import ScaleBroker, free_port  # noqa: E402

SIZES = [10, 100, 1000, 10_000]
MIB = 1024 * 1024


class Peer:
    """Something with a command that lists so many containers."""

    def __init__(self, name, count, argv, **environment):
        self.name, self.count, self.argv, self.environment = name, count, argv, environment
        self.times = []

    def list(self):
        return life(self.argv, **self.environment) * 1000


def start_brokers():
    brokers = {}
    for count in SIZES:
        state = warm_log(big_logs.of_containers(count), count)
        brokers[count] = ScaleBroker(state, free_port(), addresses=1)
    return brokers


def podmans(directory, most):
    """One store, listed each time that it has ten times as many."""
    try:
        podman = podman_peer.Podman("runc", directory)
        podman.run("--version")
    except FileNotFoundError:
        return None
    for _ in range(most):
        podman.prepare()
    return podman


def measure(directory, options, brokers):
    peers = [Peer("Gantry", count, [CONSOLE, "ps", "-a"], GANTRY_BROKER=broker.url)
             for count, broker in brokers.items()]
    give = figures.give if options.json else figures.show
    podman = podmans(directory, options.podmans) if options.podmans else None
    if podman is not None:
        peers.append(Peer("podman", options.podmans, ["/usr/bin/podman", *podman.base[1:], "ps", "-a"]))
    elif options.json and options.podmans:
        figures.missing("podman", "podman is not installed")
    for peer in peers:
        peer.list()
    for _ in range(options.rounds):
        for peer in peers:
            peer.times.append(peer.list())
    for peer in peers:
        give("ps-by-containers", peer.name, "ms", peer.times, at=peer.count)
        if peer.count == SIZES[-1] and options.json:
            figures.give("ps", peer.name, "ms", peer.times)
    for count, broker in brokers.items():
        give("memory-by-containers", "Gantry", "MiB", [broker.memory() / MIB], at=count)
    if podman is not None:
        podman.close()


def main():
    options = figures.parser(rounds=20, podmans=100).parse_args()
    with tempfile.TemporaryDirectory(prefix="gantry-listing-") as directory:
        brokers = start_brokers()
        try:
            measure(directory, options, brokers)
        finally:
            for broker in brokers.values():
                broker.terminate()
    nng.leave(0)


main()
