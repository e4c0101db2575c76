"""What the integration tests share: real processes with deadlines, and the messages of the bus.

Deadlines are generous: the machine that runs the tests may be crowded. Nothing here sleeps.
"""
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
import unittest

import msgpack

import nng
import sp_client

DEADLINE = 120  # seconds for anything that has to happen
BUILD_DIR = os.environ.get("GANTRY_BUILD_DIR", "build/dev")

# Programs with the leak sanitizer: what the library loses is not ours.
os.environ.setdefault("LSAN_OPTIONS", "print_suppressions=0:suppressions=" + os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "../support/nng.supp"))

COMMAND, EVENT = 1, 2
RECORD_FIELDS = ["pos", "kind", "type", "stream", "prev", "time", "host", "container", "run", "id",
                 "cause", "actor", "incarnation", "journal_seq", "happened", "deadline", "body"]
NO_ID = b"\0" * 16


class Process:
    """A program that says on stderr when it is ready. Its lines are kept for the report."""

    def __init__(self, argv, ready, preexec=None):
        self.lines = []
        self._changed = threading.Condition()
        self._is_over = False
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, preexec_fn=preexec)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self.ready_line = self.wait_for_line(ready) if ready else None
        except AssertionError:
            self.stop_if_running()
            raise

    def _read(self):
        for line in self.process.stderr:
            with self._changed:
                self.lines.append(line.decode(errors="replace").rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def _find(self, pattern):
        return next((line for line in self.lines if re.search(pattern, line)), None)

    def wait_for_line(self, pattern, deadline=DEADLINE):
        """The first line that matches, said already or yet to come."""
        with self._changed:
            self._changed.wait_for(lambda: self._find(pattern) or self._is_over, deadline)
            line = self._find(pattern)
        if line is None:
            raise AssertionError(f"{self.process.args[0]} did not say {pattern!r}:\n" +
                                 "\n".join(self.lines[-40:]))
        return line

    @property
    def pid(self):
        return self.process.pid

    def cpu(self):
        """Seconds of processor time until now."""
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def kill(self):
        """SIGKILL, and gone."""
        self.process.kill()
        self.process.wait(DEADLINE)
        self._reader.join(DEADLINE)

    def terminate(self):
        """SIGTERM, and its exit status."""
        self.process.terminate()
        status = self.process.wait(DEADLINE)
        self._reader.join(DEADLINE)
        return status

    def stop_if_running(self):
        self.kill()
        self.process.stderr.close()


class Broker(Process):
    """gantry-broker on ports of the kernel's choice."""

    def __init__(self, state, *arguments):
        super().__init__(self.command([os.path.join(BUILD_DIR, "gantry-broker"), "--state", state,
                                       "--listen", "tcp://127.0.0.1:0", "--feed",
                                       "tcp://127.0.0.1:0", *arguments]),
                         r"broker\.ready")
        self.url = re.search(r"listen=(\S+)", self.ready_line).group(1)
        self.feed_url = re.search(r"feed=(\S+)", self.ready_line).group(1)

    def command(self, argv):
        """Its words, for who wants to put others before them."""
        return argv


class FleetTest(unittest.TestCase):
    """A scratch directory, and processes that end with the test."""

    maxDiff = None

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="gantry-test-")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.state = os.path.join(self.directory, "state")

    def start(self, process):
        self.addCleanup(process.stop_if_running)
        return process

    def start_broker(self, *arguments):
        broker = self.start(Broker(self.state, *arguments))
        self.addCleanup(self._end_cleanly, broker)
        return broker

    def _end_cleanly(self, broker):
        """Whatever a test leaves waiting, a broker ends by itself (and without a leak)."""
        if broker.process.poll() is None:
            self.assertEqual(broker.terminate(), 0, "\n".join(broker.lines[-40:]))


def encode_frame(kind, body):
    return msgpack.packb([1, kind, body])


def decode_frame(data):
    version, kind, body = msgpack.unpackb(data)
    assert version == 1
    return kind, body


def record(**fields):
    """A record as it travels: an array by position."""
    unknown = set(fields) - set(RECORD_FIELDS)
    assert not unknown, unknown
    return [fields.get(name) for name in RECORD_FIELDS]


def read_record(values):
    """A record's fields by name; absent ones are None."""
    values = list(values) + [None] * (len(RECORD_FIELDS) - len(values))
    return dict(zip(RECORD_FIELDS, values))


def command_id(client, sequence):
    return client.to_bytes(8, "big") + sequence.to_bytes(8, "big")


def container_id(number):
    return f"{number:064x}"


class Answer(dict):
    """The body of a reply, with its type."""

    def __init__(self, kind, body):
        super().__init__(body)
        self.kind = kind

    def records(self):
        return [read_record(values) for values in self.get("records", [])]


class Client:
    """Asks the broker anything."""

    REQ = nng.Req

    def __init__(self, url):
        self.url = url
        self.socket = self.REQ(url)

    def dial_again(self):
        """nng 1.5.2 may lose a question, and all after it, with the broker that it was asked of."""
        self.socket = nng.Req(self.url)

    def ask(self, kind, /, timeout=DEADLINE, **body):
        return Answer(*decode_frame(self.socket.ask(encode_frame(kind, body), timeout)))

    def ask_raw(self, data, timeout=DEADLINE):
        return Answer(*decode_frame(self.socket.ask(data, timeout)))

    def submit(self, timeout=DEADLINE, **fields):
        written = record(kind=COMMAND, **dict({"happened": time.time_ns()}, **fields))
        return self.ask("submit", timeout=timeout, record=written)

    def watch_all(self, cursor=0, **filters):
        """Every record beyond the cursor, until the log's end is reached."""
        found = []
        while True:
            page = self.ask("watch", cursor=cursor, **filters)
            assert page.kind == "page", page
            found += page.records()
            cursor = page.get("cursor", 0)
            if not page.get("more"):
                return found

    def query_all(self, table, **filters):
        found, after = [], None
        while True:
            rows = self.ask("query", table=table, after=after, **filters)
            assert rows.kind == "rows", rows
            found += rows.get("rows", [])
            after = rows.get("next")
            if after is None:
                return found


FACTS = {"version": "0.1.0", "kernel": "6.1", "arch": "x86_64", "cgroups": "v2", "cpus": 2}


class FakeWorker(Client):
    """A worker that does nothing but speak: its journal is a list."""

    def __init__(self, url, host, incarnation=1, journal=b"J" * 16, session=None, before=None):
        super().__init__(url)
        self.host = host
        self.incarnation = incarnation
        self.journal = journal
        self.session = session
        self.before = before
        self.cursor = 0
        self.sequence = 0

    def hello(self):
        welcome = self.ask("hello", host=self.host, incarnation=self.incarnation,
                           journal=self.journal, facts=FACTS, **self._sessions())
        if welcome.kind == "welcome":
            self.sequence = welcome.get("journal_seq", 0)
        return welcome

    def _sessions(self):
        said = {"session": self.session, "before": self.before}
        return {name: value for name, value in said.items() if value is not None}

    def poll(self, wait_ms=20000):
        page = self.ask("poll", host=self.host, incarnation=self.incarnation, journal=self.journal,
                        cursor=self.cursor, wait_ms=wait_ms,
                        **({"session": self.session} if self.session else {}))
        if page.kind == "page":
            self.cursor = max(self.cursor, page.get("cursor", 0))
        return page

    def event(self, kind, **fields):
        """The next record of the journal."""
        self.sequence += 1
        return record(kind=EVENT, type=kind, host=self.host, journal_seq=self.sequence,
                      happened=self.sequence, **fields)

    def report(self, *records):
        return self.ask("report", **self._report(records))

    def send_report(self, *records):
        """Report, and take no answer."""
        self.socket.send(encode_frame("report", self._report(records)))

    def _report(self, records):
        return {"host": self.host, "incarnation": self.incarnation, "journal": self.journal,
                "records": list(records)}


class MortalWorker(FakeWorker):
    """One that can go, and whose going the broker sees at once."""

    REQ = sp_client.Req

    def close(self):
        self.socket.close()

    def hello_when_free(self):
        """Say hello until the one that spoke for the host has gone for the broker, too."""
        deadline = time.monotonic() + DEADLINE
        answer = self.hello()
        while answer.get("code") == "host-taken" and time.monotonic() < deadline:
            answer = self.hello()
        return answer


CONFIG = {"name": "web", "rootfs": "/srv/web", "command": ["/bin/true"]}


def create_fields(host, number, name=None):
    """The fields of a container.create that is accepted."""
    return {"type": "container.create", "host": host, "container": container_id(number),
            "body": {"config": dict(CONFIG, name=name or f"c{number}")}}


def main():
    """Run the tests of the program and leave as nng wants it."""
    program = unittest.main(exit=False, verbosity=2)
    nng.leave(0 if program.result.wasSuccessful() else 1)
