#!/usr/bin/python3
"""From the start of a program to the first thing that it does for somebody.

    tests/bench/first_command.py [--json] [ROUNDS [RECORDS]]      (default 20, and a log of 10,000,000)

The broker: from its exec until it has accepted a command, durably, from a client that knocks all the
time; with a small log and with larger ones, which are made once (build/bench-logs). The worker: until
a command that waits for it is carried out. The console: its whole life, beside that of `true`. All of
it is in the page cache.
"""
import os
import shutil
import signal
import socket
import struct
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
from simulated import free_port  # noqa: E402

SMALL, CONTAINERS = 10_000, 1000
BROKER = os.path.join(fleet.BUILD_DIR, "gantry-broker")
WORKER = os.path.join(fleet.BUILD_DIR, "gantry-worker")
CONSOLE = os.path.join(fleet.BUILD_DIR, "gantry")
GREETING = b"\0SP\0\0\x30\0\0"  # of who asks
SILENT = open(os.devnull, "w", encoding="ascii")  # pylint: disable=consider-using-with


class BrokerEnded(Exception):
    pass


def spawn(argv, **environment):
    """posix_spawn: no copy of this process stands in the way."""
    quiet = [(os.POSIX_SPAWN_DUP2, SILENT.fileno(), fd) for fd in (1, 2)]
    return os.posix_spawn(argv[0], argv, {**os.environ, **environment}, file_actions=quiet)


def end(pid):
    os.kill(pid, signal.SIGTERM)
    os.waitpid(pid, 0)


def receive(connection, size):
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise RuntimeError("the broker hung up")
        data += part
    return data


def knock(port, pid):
    """The first connection that is taken."""
    while True:
        if os.waitpid(pid, os.WNOHANG)[0] != 0:
            raise BrokerEnded("the broker has ended")
        connection = socket.socket()
        if connection.connect_ex(("127.0.0.1", port)) == 0:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection
        connection.close()


def question(round_number):
    record = fleet.record(kind=fleet.COMMAND, type="container.start", host=big_logs.host(round_number),
                          container=big_logs.container(round_number % CONTAINERS), id=os.urandom(16),
                          happened=time.time_ns())
    frame = b"\x80\0\0\1" + fleet.encode_frame("submit", {"record": record})
    return GREETING + struct.pack(">Q", len(frame)) + frame


def broker_start(state, number):
    """Seconds until a command is accepted."""
    port, asked = free_port(), question(number)
    began = time.monotonic()
    pid = spawn([BROKER, "--state", state, "--listen", f"tcp://127.0.0.1:{port}", "--log-level", "warning"])
    with knock(port, pid) as connection:
        connection.sendall(asked)
        receive(connection, len(GREETING))
        answer = receive(connection, struct.unpack(">Q", receive(connection, 8))[0])
        took = time.monotonic() - began
    end(pid)
    kind, body = fleet.decode_frame(answer[4:])
    if kind != "submitted" or body.get("code"):
        raise RuntimeError(f"{state}: the broker says {kind} {body}")
    return took


def spawn_worker(directory, broker):
    return spawn([WORKER, "--broker", broker.url, "--host", "bench", "--state", f"{directory}/worker",
                  "--run", f"{directory}/run", "--log-level", "warning"])


def introduce_worker(directory, broker, client):
    """The broker takes commands for a host that has said hello."""
    pid = spawn_worker(directory, broker)
    page = {"cursor": 0}
    while not page.get("records"):
        page = client.ask("watch", cursor=page["cursor"], wait_ms=20000, types=["host.hello"])
    end(pid)


def worker_start(directory, broker, client, number):
    """Seconds until what waited is carried out."""
    id_ = os.urandom(16)
    answer = client.submit(type="container.create", host="bench", container=os.urandom(32).hex(), id=id_,
                           body={"config": {"name": f"first{number}", "rootfs": directory,
                                            "network": "none", "command": ["/bin/true"]}})
    if answer.get("code"):
        raise RuntimeError(answer["text"])
    began = time.monotonic()
    pid = spawn_worker(directory, broker)
    outcome = client.ask("outcome", id=id_, wait_ms=20000)["command"]
    took = time.monotonic() - began
    end(pid)
    if outcome["state"] != 2:
        raise RuntimeError(outcome.get("text"))
    return took


def life(argv, **environment):
    began = time.monotonic()
    _, status = os.waitpid(spawn(argv, **environment), 0)
    if status != 0:
        raise RuntimeError(f"{' '.join(argv)} ends with {status}")
    return time.monotonic() - began


def logs_up_to(records):
    """Sizes of logs, each ten times the one before."""
    sizes = [SMALL]
    while sizes[-1] * 10 <= records:
        sizes.append(sizes[-1] * 10)
    return sizes


def warm_log(records, containers):
    """A log that this broker understands, in the page cache."""
    state = big_logs.directory_of(records, containers)
    try:
        broker_start(state, 0)
    except BrokerEnded:
        shutil.rmtree(state)
        broker_start(big_logs.directory_of(records, containers), 0)
    return state


def measure(directory, options, sheet):
    sizes = logs_up_to(options.records)
    states = {size: warm_log(size, CONTAINERS) for size in sizes}
    broker = fleet.Broker(os.path.join(directory, "broker"))
    client = fleet.Client(broker.url)
    introduce_worker(directory, broker, client)
    for number in range(options.rounds):
        for size, state in states.items():
            took = broker_start(state, number)
            sheet.add("start-by-records", took, at=size)
            if size == sizes[0]:
                sheet.add("first-command", took)
                sheet.add("first-command-large", took, "Gantry, small log")
            if size == sizes[-1]:
                sheet.add("first-command-large", took)
        sheet.add("worker-first", worker_start(directory, broker, client, number))
        sheet.add("console-start", life(["/bin/true"]), "true")
        sheet.add("console-start", life([CONSOLE, "version"]))
        sheet.add("console-ask", life([CONSOLE, "hosts"], GANTRY_BROKER=broker.url))
    broker.terminate()


def main():
    options = figures.parser(rounds=20, records=10_000_000).parse_args()
    sheet = figures.Sheet()
    with tempfile.TemporaryDirectory(prefix="gantry-first-") as directory:
        measure(directory, options, sheet)
    sheet.give(options.json)
    nng.leave(0)


if __name__ == "__main__":
    main()
