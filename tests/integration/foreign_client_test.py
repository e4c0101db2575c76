"""A controller, a worker and a monitor in another language, by what schemas/asyncapi.yaml says.

They know msgpack and nng and nothing else of Gantry: a real broker must serve them over plain TCP
and over mutual TLS, and nngcat as it is must be able to read the feed.
"""

import ctypes
import os
import pathlib
import re
import subprocess
import tempfile
import time
import unittest

import msgpack

SOURCE = pathlib.Path(os.environ["GANTRY_SOURCE_DIR"])
BUILD = pathlib.Path(os.environ["GANTRY_BUILD_DIR"])
PATIENCE_S = 60
COMMAND, EVENT = 1, 2
REACHABILITY = {"host.unreachable", "host.reachable"}  # a machine that stands still brings them
CONTAINER = "c0" * 32
JOURNAL = bytes(range(16))
RECORD = (
    "pos kind type stream prev time host container run id cause actor incarnation journal_seq "
    "happened deadline body"
).split()
NUMBERS = {"pos", "kind", "prev", "time", "run", "incarnation", "journal_seq", "happened"}
NUMBERS |= {"deadline"}


def record(**said):
    return [said.get(name, 0 if name in NUMBERS else None) for name in RECORD]


def read_record(array):
    return dict(zip(RECORD, array))


def command_id(client, sequence):
    return client + sequence.to_bytes(8, "big")


class Nng:
    """As much of libnng as a client needs."""

    class Socket(ctypes.Structure):
        _fields_ = [("id", ctypes.c_uint32)]

    class Dialer(ctypes.Structure):
        _fields_ = [("id", ctypes.c_uint32)]

    ALLOC = 1
    library = ctypes.CDLL("libnng.so.1")
    library.nng_strerror.restype = ctypes.c_char_p

    @classmethod
    def call(cls, name, *arguments):
        result = getattr(cls.library, name)(*arguments)
        if result != 0:
            raise OSError(f"{name}: {cls.library.nng_strerror(result).decode()}")


class Requester:
    """One REQ socket: one question at a time."""

    def __init__(self, url, tls=None):
        self.socket = Nng.Socket()
        Nng.call("nng_req0_open", ctypes.byref(self.socket))
        for option in (b"recv-timeout", b"send-timeout"):
            Nng.call("nng_socket_set_ms", self.socket, option, PATIENCE_S * 1000)
        dialer = Nng.Dialer()
        Nng.call("nng_dialer_create", ctypes.byref(dialer), self.socket, url.encode())
        if tls is not None:
            self.use_tls(dialer, *tls)
        Nng.call("nng_dialer_start", dialer, 0)

    @staticmethod
    def use_tls(dialer, authority, certificate, key):
        config = ctypes.c_void_p()
        Nng.call("nng_tls_config_alloc", ctypes.byref(config), 0)
        Nng.call("nng_tls_config_ca_chain", config, authority.read_bytes(), None)
        Nng.call(
            "nng_tls_config_own_cert", config, certificate.read_bytes(), key.read_bytes(), None
        )
        Nng.call("nng_dialer_set_ptr", dialer, b"tls-config", config)
        Nng.library.nng_tls_config_free(config)

    def ask_bytes(self, question):
        size = ctypes.c_size_t()
        data = ctypes.c_void_p()
        Nng.call("nng_send", self.socket, question, ctypes.c_size_t(len(question)), 0)
        Nng.call("nng_recv", self.socket, ctypes.byref(data), ctypes.byref(size), Nng.ALLOC)
        answer = ctypes.string_at(data, size.value)
        Nng.library.nng_free(data, size)
        return msgpack.unpackb(answer, raw=False)

    def ask(self, name, **body):
        version, answer, fields = self.ask_bytes(msgpack.packb([1, name, body]))[:3]
        assert version == 1
        return answer, fields

    def close(self):
        Nng.call("nng_close", self.socket)


class Broker:
    def __init__(self, folder, listen, feed, *options):
        self.log_path = folder / "broker.log"
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [BUILD / "gantry-broker", "--state", folder / "state", "--listen", listen]
                + ["--feed", feed, *options],
                stderr=log,
                stdout=log,
            )
        self.url, self.feed_url = self.urls()

    def urls(self):
        limit = time.monotonic() + PATIENCE_S
        while time.monotonic() < limit and self.process.poll() is None:
            text = self.log_path.read_text()
            ready = re.search(r"broker\.ready\s+listen=(\S+)\s+feed=(\S+)\n", text)
            if ready:
                return ready.groups()
            time.sleep(0.01)
        self.process.kill()
        self.process.wait()
        raise RuntimeError(self.log_path.read_text())

    def stop(self):
        self.process.terminate()
        try:
            return self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


class ForeignClient(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="gantry-foreign-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def start(self, listen, feed, *options):
        broker = Broker(self.folder, listen, feed, *options)
        self.addCleanup(lambda: self.assertEqual(broker.stop(), 0))
        return broker

    def connect(self, broker, tls=None):
        requester = Requester(broker.url, tls)
        self.addCleanup(requester.close)
        return requester

    def hello(self, worker):
        answer, welcome = worker.ask(
            "hello", host="host-a", incarnation=1, journal=JOURNAL, facts={"version": "python"}
        )
        self.assertEqual(answer, "welcome", welcome)
        self.assertEqual(welcome.get("journal_seq", 0), 0)

    def submit(self, controller, id):
        config = {"name": "web", "rootfs": "/srv/web", "command": ["/bin/true"]}
        body = {"config": config}
        said = record(
            kind=COMMAND,
            type="container.create",
            host="host-a",
            container=CONTAINER,
            id=id,
            happened=time.time_ns(),
            body=body,
        )
        answer, submitted = controller.ask("submit", record=said)
        self.assertEqual(answer, "submitted", submitted)
        self.assertNotIn("code", submitted)
        return submitted

    def check_submission(self, controller, id):
        first = self.submit(controller, id)
        again = self.submit(controller, id)
        self.assertEqual(again, {**first, "duplicate": True})
        answer, outcome = controller.ask("outcome", id=id)
        self.assertEqual((answer, outcome["command"]["state"]), ("outcome.is", 1))

    def work(self, worker, id):
        """What a worker does with the one command that waits for it."""
        answer, page = worker.ask(
            "poll", host="host-a", incarnation=1, journal=JOURNAL, cursor=0, wait_ms=20000
        )
        self.assertEqual(answer, "page", page)
        (command,) = map(read_record, page["records"])
        self.assertEqual((command["type"], command["id"]), ("container.create", id))
        events = [
            record(
                kind=EVENT,
                type=type,
                host="host-a",
                container=CONTAINER,
                cause=id,
                journal_seq=number,
                happened=time.time_ns(),
                body=body,
            )
            for number, type, body in (
                (1, "container.created", {"config": command["body"]["config"]}),
                (2, "command.done", None),
            )
        ]
        self.check_reports(worker, events)

    def check_reports(self, worker, events):
        def report(records):
            return worker.ask("report", host="host-a", incarnation=1, journal=JOURNAL,
                              records=records)

        self.assertEqual(report(events[1:]), ("expect", {"next": 1}))
        answer, ack = report(events)
        self.assertEqual((answer, ack["upto"]), ("ack", 2))
        self.assertEqual(report(events), (answer, ack))

    def follow(self, controller, id):
        """The log by a cursor, in small pages, until the command has ended."""
        seen, cursor, last = [], 0, {}
        while not any(r["type"] == "command.done" and r["cause"] == id for r in seen):
            answer, page = controller.ask("watch", cursor=cursor, wait_ms=20000, max=2)
            self.assertEqual(answer, "page", page)
            self.assertGreater(page["cursor"], cursor)
            cursor = page["cursor"]
            for r in map(read_record, page["records"]):
                self.assertEqual(r["prev"], last.get(r["stream"], 0))
                last[r["stream"]] = r["pos"]
                seen.append(r)
        return [r for r in seen if r["type"] not in REACHABILITY]

    def check_log(self, controller, id):
        seen = self.follow(controller, id)
        self.assertEqual(
            [(r["stream"], r["type"]) for r in seen],
            [
                ("sys", "host.hello"),
                ("cmd/host-a", "container.create"),
                ("evt/host-a", "container.created"),
                ("evt/host-a", "command.done"),
            ],
        )
        answer, page = controller.ask("fetch", stream="evt/host-a", after=seen[2]["pos"], upto=0)
        self.assertEqual((answer, [read_record(r) for r in page["records"]]), ("page", seen[3:]))
        answer, outcome = controller.ask("outcome", id=id, wait_ms=20000)
        self.assertEqual((answer, outcome["command"]["state"]), ("outcome.is", 2))
        answer, rows = controller.ask("query", table="containers", host="host-a")
        self.assertEqual([row["id"] for row in rows["rows"]], [CONTAINER])

    def scenario(self, controller, worker):
        id = command_id(os.urandom(8), 1)
        self.hello(worker)
        self.check_submission(controller, id)
        self.work(worker, id)
        self.check_log(controller, id)

    def test_over_plain_tcp(self):
        broker = self.start("tcp://127.0.0.1:0", "tcp://127.0.0.1:0")
        self.scenario(self.connect(broker), self.connect(broker))

    def certificate(self, *arguments):
        subprocess.run(
            [SOURCE / "ops" / "certificates", self.folder, *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        name = "-".join(arguments[:2])
        return tuple(self.folder / f for f in ("ca.pem", name + ".pem", name + ".key"))

    def test_over_mutual_tls_each_in_its_role(self):
        self.certificate("ca")
        authority, certificate, key = self.certificate("broker", "main", "127.0.0.1")
        broker = self.start(
            "tls+tcp://127.0.0.1:0",
            "tls+tcp://127.0.0.1:0",
            *("--tls-certificate", certificate, "--tls-key", key, "--tls-authority", authority),
        )
        controller = self.connect(broker, self.certificate("controller", "ci"))
        worker = self.connect(broker, self.certificate("worker", "host-a"))
        watcher = self.connect(broker, self.certificate("watch", "screen"))
        self.check_roles(controller, worker, watcher)
        self.scenario_after_denials(controller, worker)

    def check_roles(self, controller, worker, watcher):
        for peer, role in ((controller, "controller"), (worker, "worker"), (watcher, "watcher")):
            answer, info = peer.ask("info")
            self.assertEqual((answer, info["role"]), ("info.is", role))
        answer, error = watcher.ask("submit", record=record(kind=COMMAND, type="container.stop"))
        self.assertEqual((answer, error["code"]), ("error", "denied"))
        answer, error = worker.ask(
            "hello", host="host-b", incarnation=1, journal=JOURNAL, facts={"version": "python"}
        )
        self.assertEqual((answer, error["code"]), ("error", "denied"))

    def scenario_after_denials(self, controller, worker):
        id = command_id(os.urandom(8), 1)
        self.hello(worker)
        self.check_submission(controller, id)
        self.work(worker, id)
        seen = [(r["type"], r["actor"]) for r in self.follow(controller, id)]
        self.assertEqual(
            [s for s in seen if s[0] != "host.hello"],
            [
                ("access.denied", "watcher:screen"),
                ("access.denied", "worker:host-a"),
                ("container.create", "controller:ci"),
                ("container.created", "worker:host-a"),
                ("command.done", "worker:host-a"),
            ],
        )

    def test_nonsense_is_answered_by_name(self):
        broker = self.start("tcp://127.0.0.1:0", "tcp://127.0.0.1:0")
        peer = self.connect(broker)
        for question, code in (
            (b"\xdd\xff\xff\xff\xff", "invalid-argument"),
            (msgpack.packb([2, "info", {}]), "unsupported"),
            (msgpack.packb([1, "make.coffee", {}]), "unsupported"),
            (msgpack.packb([1, "outcome", {"id": "text"}]), "invalid-argument"),
        ):
            version, name, error = peer.ask_bytes(question)
            self.assertEqual((version, name, error["code"]), (1, "error", code))
        self.assertEqual(peer.ask_bytes(msgpack.packb([1, "info"]))[1], "info.is")

    def test_nngcat_reads_the_feed_and_asks(self):
        broker = self.start("tcp://127.0.0.1:0", "tcp://127.0.0.1:0")
        self.check_nngcat_asks(broker)
        reader = subprocess.Popen(
            ["nngcat", "--sub0", "--dial", broker.feed_url, "--subscribe", "f", "--raw"],
            stdout=subprocess.PIPE,
        )
        try:
            self.check_feed(broker, reader)
        finally:
            reader.kill()
            reader.wait()
            reader.stdout.close()

    def check_nngcat_asks(self, broker):
        question = self.folder / "question"
        question.write_bytes(msgpack.packb([1, "info", {}]))
        answer = subprocess.run(
            ["nngcat", "--req0", "--dial", broker.url, "--file", question, "--raw"],
            stdout=subprocess.PIPE,
            check=True,
            timeout=PATIENCE_S,
        ).stdout
        self.assertEqual(msgpack.unpackb(answer, raw=False)[:2], [1, "info.is"])

    def feed_messages(self, reader):
        """The topic's byte is a msgpack number of its own: 102, frame, 102, frame ..."""
        unpacker = msgpack.Unpacker(raw=False)
        while True:
            data = os.read(reader.stdout.fileno(), 65536)
            self.assertTrue(data, "nngcat has ended")
            unpacker.feed(data)
            for value in unpacker:
                if value != ord("f"):
                    version, name, body = value
                    self.assertEqual((version, name), (1, "feed"))
                    yield body

    def check_feed(self, broker, reader):
        messages = self.feed_messages(reader)
        next(messages)  # a sign of life: the follower is there before anything happens
        self.hello(self.connect(broker))
        self.submit(self.connect(broker), command_id(os.urandom(8), 1))
        types = []
        while "container.create" not in types:
            types += [read_record(r)["type"] for r in next(messages).get("records", [])]
        types = [type for type in types if type not in REACHABILITY]
        self.assertEqual(types, ["host.hello", "container.create"])


if __name__ == "__main__":
    unittest.main()
