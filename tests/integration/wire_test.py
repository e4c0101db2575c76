"""Peers of a real broker that die in the middle of everything, and stock nngcat as one of them.

3,000 peers are killed while they send and have not read what they asked for, over plain TCP and
over TLS: descriptors and memory of the broker come back to where they were.
"""

import collections
import itertools
import os
import pathlib
import re
import selectors
import socket
import ssl
import subprocess
import sys

import fleet

SOURCE_DIR = pathlib.Path(os.environ.get("GANTRY_SOURCE_DIR", "."))
PEERS = 150  # of one process
ROUNDS = 20
TURNS = 5  # of asking over every peer, before they are killed
MADE_ONCE = 8  # descriptors
MEMORY_SLACK_KB = 8 * 1024
QUESTION = fleet.encode_frame("info", {})

Files = collections.namedtuple("Files", "authority certificate key")

# --- the peers: a process of its own, to be killed


def request_bytes(number):
    """A whole request on the wire: length, id, body."""
    body = (0x80000000 | number).to_bytes(4, "big") + QUESTION
    return len(body).to_bytes(8, "big") + body


def open_peer(port, context):
    peer = socket.create_connection(("127.0.0.1", port), timeout=fleet.DEADLINE)
    if context is not None:
        peer = context.wrap_socket(peer, server_hostname="localhost")
    peer.sendall(b"\0SP\0\0\x30\0\0" + request_bytes(0))
    if len(peer.recv(1)) == 0:  # something of the broker's greeting
        raise SystemExit("the broker hung up")
    peer.setblocking(False)
    return peer


def load(peers):
    """Ask and ask again, and never read a reply, until killed."""
    selector = selectors.DefaultSelector()
    batch = b"".join(map(request_bytes, range(1, 33)))
    rest = {}
    for peer in peers:
        selector.register(peer, selectors.EVENT_WRITE)
    for turn in itertools.count():
        if turn == TURNS:
            print("ready", flush=True)
        for key, _ in selector.select():
            data = rest.pop(key.fd, batch)
            try:
                sent = key.fileobj.send(data)
            except (BlockingIOError, ssl.SSLWantWriteError):
                sent = 0
            if sent < len(data):
                rest[key.fd] = data[sent:]


def be_peers(port, count, files):
    context = None
    if files:
        context = ssl.create_default_context(cafile=files.authority)
        context.load_cert_chain(files.certificate, files.key)
    peers = [open_peer(port, context) for _ in range(count)]
    load(peers)


# --- the tests


def count_descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def memory_kb(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE).group(1))


def is_sanitized(pid):
    """A sanitizer keeps freed memory for a while: nothing to measure."""
    return "libasan" in pathlib.Path(f"/proc/{pid}/maps").read_text()


class WireTest(fleet.FleetTest):
    def kill_loaded_peers(self, port, files=()):
        argv = [sys.executable, __file__, "peers", str(port), str(PEERS), *files]
        with subprocess.Popen(argv, stdout=subprocess.PIPE) as peers:
            try:
                self.assertEqual(peers.stdout.readline(), b"ready\n")
            finally:
                peers.kill()

    def wait_for_peers(self, client, broker, count, descriptors):
        """The broker has noticed every death, also of who had not yet greeted and is no peer. Each
        question is a turn of its loop."""
        for _ in range(1000000):
            if client.ask("info")["peers"] <= count and \
                    count_descriptors(broker.pid) <= descriptors:
                return
        self.fail("the broker keeps dead peers")

    def check_deaths(self, broker, port, files=()):
        client = fleet.Client(broker.url)
        before = client.ask("info")["peers"]
        at_first = count_descriptors(broker.pid) + MADE_ONCE
        self.kill_loaded_peers(port, files)  # whatever is made once, is made now
        self.wait_for_peers(client, broker, before, at_first)
        descriptors, memory = count_descriptors(broker.pid), memory_kb(broker.pid)
        for _ in range(ROUNDS):
            self.kill_loaded_peers(port, files)
        self.wait_for_peers(client, broker, before, descriptors)
        client.ask("info")
        self.assertEqual(count_descriptors(broker.pid), descriptors)
        if not is_sanitized(broker.pid):
            self.assertLess(memory_kb(broker.pid), memory + MEMORY_SLACK_KB)

    def make_certificates(self):
        directory = pathlib.Path(self.directory, "certificates")
        for arguments in (["ca"], ["broker", "b"], ["controller", "c"]):
            subprocess.run([SOURCE_DIR / "ops" / "certificates", directory, *arguments], check=True)
        authority = directory / "ca.pem"
        return (Files(authority, directory / "broker-b.pem", directory / "broker-b.key"),
                Files(authority, directory / "controller-c.pem", directory / "controller-c.key"))

    def test_peers_killed_under_load_leave_nothing_behind(self):
        broker = self.start_broker()
        self.check_deaths(broker, int(broker.url.rsplit(":", 1)[1]))

    def test_tls_peers_killed_under_load_leave_nothing_behind(self):
        server, client = self.make_certificates()
        broker = self.start_broker("--listen", "tls+tcp://127.0.0.1:0",
                                   "--tls-certificate", str(server.certificate),
                                   "--tls-key", str(server.key),
                                   "--tls-authority", str(server.authority))
        port = next(word.rsplit(":", 1)[1] for word in broker.ready_line.split()
                    if "tls+tcp://" in word)
        self.check_deaths(broker, int(port), tuple(map(str, client)))

    def test_nngcat_asks_over_a_unix_socket(self):
        path = os.path.join(self.directory, "bus")
        question = pathlib.Path(self.directory, "question")
        question.write_bytes(QUESTION)
        self.start_broker("--listen", f"unix://{path}")
        reply = subprocess.run(["nngcat", "--req0", "--dial", f"ipc://{path}", "--file", question,
                                "--raw"], stdout=subprocess.PIPE, timeout=fleet.DEADLINE,
                               check=True)
        kind, body = fleet.decode_frame(reply.stdout)
        self.assertEqual(kind, "info.is")
        self.assertEqual(body["actor"], f"unix:{os.getuid()}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["peers"]:
        be_peers(int(sys.argv[2]), int(sys.argv[3]), Files(*sys.argv[4:]) if sys.argv[4:] else None)
    else:
        fleet.main()
