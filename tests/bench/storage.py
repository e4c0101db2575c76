#!/usr/bin/python3
"""Images and containers' files beside podman: creating, loading, a crowd, its sizes.

    tests/bench/storage.py [--json] [COUNT [ROUNDS [MEGABYTES [LOADS]]]]

(default 500 containers in the crowd, 50 creations, a layer of 150 MB loaded 5 times; build/release,
or $GANTRY_BUILD_DIR). Needs root, and the packages of `ops/packages bench`; podman is left out when
it is not installed. Both are driven by their commands, in turn in one run, both with the same OCI
runtime and overlayfs on the file system of $TMPDIR. `bus` is Gantry without its command: one client
that stays connected.
"""
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
os.environ.setdefault("GANTRY_BUILD_DIR", os.path.join(ROOT, "build/release"))
sys.path[:0] = [HERE, os.path.join(ROOT, "tests/integration")]

import engine_peer  # noqa: E402
import figures  # noqa: E402
import fleet  # noqa: E402
import nng  # noqa: E402
import oci_archive  # noqa: E402
import podman_peer  # noqa: E402
from results import US  # noqa: E402

HOST = "bench"
LAYERS = (5, 60)
SLICES = 10  # the crowd is made in so many turns
WRITTEN_BYTES = 100_000  # into each tenth container of the crowd, so that there is something to add up
PATIENCE = 900


IS_JSON = "--json" in sys.argv
NUMBERS = [int(word) for word in sys.argv[1:] if word != "--json"]


def argument(position, default):
    return NUMBERS[position - 1] if len(NUMBERS) >= position else default


def say(text):
    print(text, file=sys.stderr if IS_JSON else sys.stdout, flush=True)


def run(argv, **options):
    done = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr or done.stdout}")
    return done.stdout.strip()


def timed(function, *arguments):
    began = time.monotonic()
    function(*arguments)
    return time.monotonic() - began


class Peer:
    """What both have in common: the words of their commands."""

    limits = []

    def run(self, *words):
        return run(self.base + list(words), env=self.environment)

    def load(self, path):
        self.run("load", "-q", "-i", path)

    def remove_image(self, reference):
        self.run("rmi", "-f", reference)

    def create(self, name, image):
        self.run("create", "--name", name, "--network", "none", *self.limits, image)

    def init(self, name):
        self.run("init", name)

    def remove(self, *names):
        self.run("rm", "-f", *names)

    def sizes(self):
        return self.run("ps", "-a", "-s", "--noheading", "--format", "{{.Size}}").splitlines()

    def write_into(self, name, path):
        self.run("cp", path, f"{name}:/written")

    def remove_all(self):
        self.run("rm", "-f", "-a")


class Gantry(Peer):
    def __init__(self, directory):
        url = f"unix://{directory}/b.sock"
        self.base = [os.path.join(fleet.BUILD_DIR, "gantry")]
        self.environment = {**os.environ, "GANTRY_BROKER": url}
        self.broker = fleet.Broker(os.path.join(directory, "broker"), "--listen", url)
        self.worker = fleet.Process(
            [os.path.join(fleet.BUILD_DIR, "gantry-worker"), "--broker", url, "--host", HOST,
             "--state", os.path.join(directory, "worker"), "--run", os.path.join(directory, "run")],
            r"link\.up")

    def close(self):
        try:
            self.remove_all()
        finally:
            self.worker.terminate()
            self.broker.terminate()


class Bus:
    """The same worker, by a client that stays connected."""

    def __init__(self, gantry):
        self.client = fleet.Client(gantry.broker.url)
        self.client_id = int.from_bytes(os.urandom(8), "big")
        self.sequence = 0
        self.containers = {}

    def submit(self, kind, container, **body):
        self.sequence += 1
        id_ = fleet.command_id(self.client_id, self.sequence)
        answer = self.client.submit(type=kind, host=HOST, container=container, id=id_, body=body)
        if answer.get("code"):
            raise RuntimeError(answer["text"])
        return id_

    def finish(self, id_):
        command = {"state": 1}
        while command["state"] == 1:
            command = self.client.ask("outcome", id=id_, wait_ms=20000)["command"]
        if command["state"] != 2:
            raise RuntimeError(command.get("text"))

    def load(self, path):
        self.finish(self.submit("image.load", None, path=path))

    def say_create(self, name, image):
        self.containers[name] = os.urandom(32).hex()
        config = {"name": name, "image": image, "network": "none"}
        return self.submit("container.create", self.containers[name], config=config)

    def say_remove(self, name):
        return self.submit("container.remove", self.containers.pop(name), force=True)

    def create(self, name, image):
        self.finish(self.say_create(name, image))

    def init(self, name):
        self.finish(self.submit("container.init", self.containers[name]))

    def remove(self, name):
        self.finish(self.say_remove(name))

    def create_many(self, names, image):
        for id_ in [self.say_create(name, image) for name in names]:
            self.finish(id_)

    def remove_many(self, names):
        for id_ in [self.say_remove(name) for name in names]:
            self.finish(id_)


class Podman(Peer, podman_peer.Podman):
    limits = podman_peer.LIMITS

    def __init__(self, runtime, directory):
        podman_peer.Podman.__init__(self, runtime, None)
        self.base[self.base.index("vfs")] = "overlay"
        self.environment = {**os.environ, "TMPDIR": directory}

    def close(self):
        try:
            self.remove_all()
        finally:
            engine_peer.unmount_beneath(self.directory)
            shutil.rmtree(self.directory, ignore_errors=True)


def give(figure, unit, values, factor=1):
    for name, of_peer in values.items():
        if IS_JSON and figure is not None:
            figures.give(figure, US if name == "gantry" else name, unit,
                         [value * factor for value in of_peer])


def show_times(title, times, figure=None):
    """A row for each peer; the ratio is podman's median to this one's."""
    give(figure, "ms", times, 1000)
    say(title)
    for name, values in times.items():
        median = statistics.median(values)
        ratio = statistics.median(times["podman"]) / median if "podman" in times else float("nan")
        say(f"  {name:8} median {median * 1000:8.1f} ms   "
            f"p99 {figures.nearest_rank(values, 0.99) * 1000:8.1f} ms   podman / this {ratio:6.2f}")


def show_rates(title, rates, unit, figure=None):
    """The same for what is better when it is greater; the ratio is this one's median to podman's."""
    give(figure, unit, rates)
    say(title)
    for name, values in rates.items():
        median = statistics.median(values)
        ratio = median / statistics.median(rates["podman"]) if "podman" in rates else float("nan")
        say(f"  {name:8} median {median:8.1f} {unit}   {min(values):8.1f} to {max(values):8.1f}   "
            f"this / podman {ratio:6.2f}")


def measure_creations(peers, layers, rounds):
    image = f"localhost/layers{layers}:1"
    kinds = ("create", "create and rm", "create, init and rm")
    times = {kind: {name: [] for name in peers} for kind in kinds}
    for number in range(rounds):
        for name, peer in peers.items():
            container = f"{name}{layers}n{number}"
            create = timed(peer.create, container, image)
            remove = timed(peer.remove, container)
            times["create"][name].append(create)
            times["create and rm"][name].append(create + remove)
            began = time.monotonic()
            peer.create(container, image)
            peer.init(container)
            peer.remove(container)
            times["create, init and rm"][name].append(time.monotonic() - began)
    for kind in kinds:
        figure = "image-create" if kind == "create" and layers == LAYERS[0] else None
        show_times(f"{kind}, {layers} layers:", times[kind], figure)


def measure_loads(peers, path, reference, size, title, rounds):
    """MB of the unpacked layer for each second until the command has ended."""
    removers = {name: peers["gantry"] if name == "bus" else peer for name, peer in peers.items()}
    rates = {name: [] for name in peers}
    for _ in range(rounds):
        for name, peer in peers.items():
            os.sync()  # what the one before has left in the page cache is not this one's to write
            rates[name].append(size / 1e6 / timed(peer.load, path))
            removers[name].remove_image(reference)
    show_rates(f"load, {title}:", rates, "MB/s", "image-load" if title.startswith("plain") else None)


def slices(names):
    each = max(1, len(names) // SLICES)
    return [names[start:start + each] for start in range(0, len(names), each)]


def create_each(peer, names, image):
    for name in names:
        peer.create(name, image)


def measure_crowd(peers, count, directory):
    image = f"localhost/layers{LAYERS[0]}:1"
    names = [f"crowd{number}" for number in range(count)]
    commands = {name: peer for name, peer in peers.items() if name != "bus"}
    created = {name: [] for name in peers}
    removed = {name: [] for name in peers}
    for part in slices(names):
        for name, peer in commands.items():
            created[name].append(len(part) / timed(create_each, peer, part, image))
        on_bus = [f"bus-{name}" for name in part]
        created["bus"].append(len(part) / timed(peers["bus"].create_many, on_bus, image))
        removed["bus"].append(len(part) / timed(peers["bus"].remove_many, on_bus))
    measure_sizes(commands, names, directory)
    for part in slices(names):
        for name, peer in commands.items():
            removed[name].append(len(part) / timed(peer.remove, *part))
    show_rates(f"{count} containers created, a command for each (bus: a tenth of them at once):", created, "/s", "image-crowd")
    show_rates("and removed, a tenth of them by each command:", removed, "/s")


def measure_sizes(commands, names, directory):
    path = os.path.join(directory, "written")
    with open(path, "wb") as file:
        file.write(os.urandom(WRITTEN_BYTES))
    written = names[::10]
    times = {name: [] for name in commands}
    for name, peer in commands.items():
        for container in written:
            peer.write_into(container, path)
    for _ in range(5):
        for name, peer in commands.items():
            began = time.monotonic()
            lines = peer.sizes()
            times[name].append(time.monotonic() - began)
            grown = [line for line in lines if not re.match(r"0 ?B", line)]
            if (len(lines), len(grown)) != (len(names), len(written)):
                raise RuntimeError(f"{name}: {len(lines)} sizes, {len(grown)} of them of a file")
    show_times(f"ps -a -s of these {len(names)}, {len(written)} with a file of {WRITTEN_BYTES // 1000} KB:", times, "sizes")


def runtime_of_worker(gantry, bus):
    """What the worker found to work; podman gets the same."""
    bus.create("first", f"localhost/layers{LAYERS[0]}:1")
    bus.init("first")
    row, = bus.client.ask("query", table="containers", key=bus.containers["first"])["rows"]
    bus.remove("first")
    return row["runtime"]


def describe_machine(directory, runtime):
    with open("/proc/meminfo", encoding="ascii") as file:
        memory = int(file.readline().split()[1]) / 1024 / 1024
    kind = run(["stat", "-f", "-c", "%T", directory])
    say(f"{os.cpu_count()} cores, {memory:.1f} GiB, Linux {os.uname().release}, {kind}, {runtime}, "
          f"load {' '.join(f'{load:.1f}' for load in os.getloadavg())}")


def make_archives(directory, megabytes):
    small = [oci_archive.base_layer()] + [oci_archive.small_layer(i) for i in range(1, max(LAYERS))]
    for layers in LAYERS:
        oci_archive.write_archive(os.path.join(directory, f"layers{layers}.tar"),
                                  f"localhost/layers{layers}:1", small[:layers])
    mixed = oci_archive.mixed_layer(megabytes)
    archives = {}
    for kind in ("plain", "gzip"):
        archives[kind] = os.path.join(directory, f"{kind}.tar")
        oci_archive.write_archive(archives[kind], f"localhost/{kind}:1", [mixed], kind == "gzip")
    return archives, len(mixed)


def open_peers(directory, peers):
    """Fill `peers` with those that are there; what they run with."""
    gantry = peers["gantry"] = Gantry(directory)
    for layers in LAYERS:
        gantry.load(os.path.join(directory, f"layers{layers}.tar"))
    peers["bus"] = Bus(gantry)
    runtime = runtime_of_worker(gantry, peers["bus"])
    if shutil.which("podman") is None:
        if IS_JSON:
            figures.missing("podman", "podman is not installed")
        say("podman is missing: not measured")
        return runtime
    podman = peers["podman"] = Podman(runtime, directory)
    for layers in LAYERS:
        podman.load(os.path.join(directory, f"layers{layers}.tar"))
    return f"{runtime}, {podman.run('--version')}"


def measure(directory, peers):
    count, rounds, megabytes, loads = (argument(1, 500), argument(2, 50), argument(3, 150),
                                       argument(4, 5))
    archives, size = make_archives(directory, megabytes)
    describe_machine(directory, open_peers(directory, peers))
    for layers in LAYERS:
        measure_creations(peers, layers, rounds)
    for kind, path in archives.items():
        title = f"{kind}, a layer of {size / 1e6:.0f} MB in a file of {os.path.getsize(path) / 1e6:.0f} MB"
        measure_loads(peers, path, f"localhost/{kind}:1", size, title, loads)
    measure_crowd(peers, count, directory)
    say(f"load at the end {os.getloadavg()[0]:.1f}")


def main():
    with tempfile.TemporaryDirectory(prefix="gantry-bench-", ignore_cleanup_errors=True) as directory:
        peers = {}
        try:
            measure(directory, peers)
        finally:
            for name in ("podman", "gantry"):
                if name in peers:
                    peers[name].close()
            engine_peer.unmount_beneath(directory)
    nng.leave(0)


main()
