"""Other brokers for durable.py, each started for itself on the loopback device.

A peer that cannot run here is said to be missing, and so is a flush that it does not make.
"""
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading

import fleet

LOAD = os.path.join(fleet.BUILD_DIR, "tests/peer_load")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(argv):
    """The server, once it says that it is ready."""
    server = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    said = []
    for line in server.stdout:
        said.append(line)
        if re.search(r"Ready to accept|Server is ready|serving insecure client requests|mosquitto .* running", line):
            threading.Thread(target=server.stdout.read, daemon=True).start()
            return server
    server.wait()
    raise RuntimeError(f"{argv[0]} did not start: {''.join(said)}")


class Peer:
    """A server that has nothing to be prepared, unless it says otherwise."""

    program = package = None
    places = None  # where the program is looked for; None: $PATH

    @classmethod
    def not_installed(cls):
        return None if shutil.which(cls.program, path=cls.places) else f"{cls.package} is not installed"

    @classmethod
    def missing(cls):
        """Why it cannot be measured here, or None."""
        return cls.not_installed()

    @staticmethod
    def prepare(_connection):
        pass


class Redis(Peer):
    name, kind = "Redis, appendfsync always", "redis"
    program = package = "redis-server"

    @staticmethod
    def arguments(directory, port):
        return ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--dir", directory,
                "--appendonly", "yes", "--appendfsync", "always", "--save", ""]


class JetStream(Peer):
    name, kind = "JetStream, sync always", "nats"
    program = package = "nats-server"

    @classmethod
    def missing(cls):
        why = cls.not_installed()
        if why is not None:
            return why
        version = subprocess.run([cls.program, "--version"], capture_output=True,
                                 text=True).stdout.split("v")[-1].strip()
        if tuple(int(part) for part in version.split(".")[:2]) < (2, 10):
            return (f"nats-server {version} flushes every two minutes and cannot be told to do so "
                    "before it acknowledges; 2.10 can")
        return None

    @staticmethod
    def arguments(directory, port):
        path = os.path.join(directory, "nats.conf")
        with open(path, "w", encoding="ascii") as file:
            file.write(f'listen: "127.0.0.1:{port}"\n'
                       f'jetstream {{ store_dir: "{directory}", sync_interval: always }}\n')
        return ["nats-server", "-c", path]

    @staticmethod
    def prepare(connection):
        body = json.dumps({"name": "EVENTS", "subjects": ["events.*"], "storage": "file",
                           "num_replicas": 1})
        connection.sendall(b'CONNECT {"verbose":false}\r\nSUB made 1\r\n' +
                           f"PUB $JS.API.STREAM.CREATE.EVENTS made {len(body)}\r\n{body}\r\n".encode())
        said = b""
        while b"MSG made" not in said or b"}\r\n" not in said.split(b"MSG made")[1]:
            said += connection.recv(65536)
        if b'"error"' in said.split(b"MSG made")[1]:
            raise RuntimeError(said.decode())


class UnflushedJetStream(JetStream):
    name = "JetStream, not flushed"

    @classmethod
    def missing(cls):
        if not JetStream.missing():
            return "the one that flushes runs"
        return cls.not_installed()

    @staticmethod
    def arguments(directory, port):
        return ["nats-server", "-a", "127.0.0.1", "-p", str(port), "-js", "-sd", directory]


class Etcd(Peer):
    """Each batch is one transaction; it flushes its write-ahead log before it answers."""

    name, kind = "etcd", "etcd"
    program, package = "etcd", "etcd-server"

    @staticmethod
    def arguments(directory, port):
        client, peer = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{free_port()}"
        return ["etcd", "--name", "bench", "--data-dir", os.path.join(directory, "etcd"),
                "--listen-client-urls", client, "--advertise-client-urls", client,
                "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                "--initial-cluster", f"bench={peer}"]


class Mosquitto(Peer):
    """With persistence: it writes its database from time to time and flushes no message."""

    name, kind = "Mosquitto QoS 1, not flushed", "mqtt"
    program = package = "mosquitto"
    places = "/usr/sbin:/usr/bin:/sbin:/bin"

    @classmethod
    def arguments(cls, directory, port):
        path = os.path.join(directory, "mosquitto.conf")
        with open(path, "w", encoding="ascii") as file:
            file.write(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\n"
                       f"persistence_location {directory}/\nuser root\nset_tcp_nodelay true\n"
                       "max_inflight_messages 0\nmax_queued_messages 0\n")
        return [shutil.which(cls.program, path=cls.places), "-c", path]

    @staticmethod
    def prepare(connection):
        """A subscriber that is away: what nobody is to get would not be kept at all."""
        connection.sendall(b"\x10\x12\0\4MQTT\4\0\0\0\0\6keeper" +  # a session that stays
                           b"\x82\x0d\0\1\0\x08events/#\2")
        said = b""
        while len(said) < 9:
            said += connection.recv(64)
        if said[:4] != b"\x20\2\0\0" or said[8] > 2:
            raise RuntimeError(f"mosquitto refuses the subscriber: {said!r}")
        connection.sendall(b"\xe0\0")


class MosquittoTwice(Mosquitto):
    name, kind = "Mosquitto QoS 2, not flushed", "mqtt-twice"


PEERS = [Redis, Etcd, JetStream, UnflushedJetStream, Mosquitto, MosquittoTwice]


def run(peer, clients, turns, batch, size):
    with tempfile.TemporaryDirectory(prefix="gantry-durable-") as directory:
        port = free_port()
        server = start(peer.arguments(directory, port))
        try:
            with socket.create_connection(("127.0.0.1", port)) as connection:
                peer.prepare(connection)
            done = subprocess.run([LOAD, peer.kind, str(port), str(clients), str(turns), str(batch),
                                   str(size)], check=True, capture_output=True, text=True)
            return json.loads(done.stdout)
        finally:
            server.kill()
            server.wait()
