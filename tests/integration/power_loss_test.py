"""What was acknowledged is there after the power went: in the broker's log and the worker's journal.

GANTRY_POWER_ROUNDS=200 is the long form: so many cuts of each kind, and ten times as many disks.
"""
import os
import subprocess
import threading

import fleet
import nng
import power
from fleet import Client, FakeWorker, command_id, create_fields

ROUNDS = int(os.environ.get("GANTRY_POWER_ROUNDS", "2"))
DISKS = 45 if ROUNDS < 10 else 10 * ROUNDS  # made up from one trace
SEED = int(os.environ.get("GANTRY_SEED", "1"))
HOST = "a"


class Lost(Exception):
    """Something that was acknowledged is not there, or what is there cannot be read."""


class ShimmedBroker(fleet.Process):
    def __init__(self, state, root, trace, mutant):
        super().__init__(["/usr/bin/env", *self._settings(root, trace, mutant),
                          os.path.join(fleet.BUILD_DIR, "gantry-broker"), "--state", state,
                          "--listen", "tcp://127.0.0.1:0"], r"broker\.ready")
        self.url = self.ready_line.split("listen=")[1].split()[0]

    @staticmethod
    def _settings(root, trace, mutant):
        wanted = power.shim_environment(root, trace, mutant)
        return [f"{name}={value}" for name, value in wanted.items()
                if os.environ.get(name) != value]


def size_of(trace):
    return os.path.getsize(trace) if trace else 0


class BrokerLoad:
    """A broker that acknowledges commands: to one client, one after the other, or to several."""

    def __init__(self, test, directory, trace=None, mutant=None, clients=1):
        self.test, self.trace = test, trace
        self.broker = test.start(ShimmedBroker(os.path.join(directory, "state"), directory, trace,
                                               mutant))
        FakeWorker(self.broker.url, HOST).hello()
        self.acks = []  # (how far the trace had come, (id, position))
        self.clients = [Client(self.broker.url) for _ in range(clients)]

    def run(self, count):
        threads = [threading.Thread(target=self._submit, args=(number, count // len(self.clients)))
                   for number in range(1, len(self.clients) + 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(fleet.DEADLINE)
        self.test.assertEqual(len(self.acks), count // len(self.clients) * len(self.clients))
        self.broker.kill()

    def _submit(self, number, count):
        for sequence in range(1, count + 1):
            id = command_id(number, sequence)
            answer = self.clients[number - 1].submit(
                id=id, **create_fields(HOST, number * 1000 + sequence))
            assert answer.kind == "submitted" and answer.get("code") is None, answer
            self.acks.append((size_of(self.trace), (id.hex(), answer["pos"])))

    @staticmethod
    def read(directory):
        done = subprocess.run([os.path.join(power.TOOLS, "log_dump"),
                               os.path.join(directory, "state")], capture_output=True, text=True,
                              errors="replace", timeout=fleet.DEADLINE)
        if done.returncode != 0:
            raise Lost(done.stdout[-400:] + done.stderr)
        lines = [line.split() for line in done.stdout.splitlines()]
        return {(line[1], int(line[0])) for line in lines if len(line) == 2}


class JournalLoad:
    """A journal that promises events, one after the other."""

    def __init__(self, test, directory, trace=None, mutant=None):
        self.trace = trace
        self.acks = []
        self.process = subprocess.Popen(
            [os.path.join(power.TOOLS, "journal_load"), os.path.join(directory, "state"), HOST],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
            env=power.shim_environment(directory, trace, mutant))
        test.addCleanup(self._end)
        assert self.process.stdout.readline() == b"ready\n"

    def _end(self):
        self.process.kill()
        self.process.wait(fleet.DEADLINE)
        self.process.stdin.close()
        self.process.stdout.close()

    def run(self, count):
        for _ in range(count):
            self.process.stdin.write(b".")
            number = int(self.process.stdout.readline())
            self.acks.append((size_of(self.trace), number))
        self.process.kill()
        self.process.wait(fleet.DEADLINE)

    @staticmethod
    def read(directory):
        done = subprocess.run([os.path.join(power.TOOLS, "journal_dump"),
                               os.path.join(directory, "state"), HOST], capture_output=True,
                              text=True, timeout=fleet.DEADLINE)
        if done.returncode != 0:
            raise Lost(done.stderr)
        _first, *events = done.stdout.splitlines()
        numbers = {number for number, event in enumerate(events, 1)
                   if bytes.fromhex(event).split()[1] == str(number).encode()}
        if len(numbers) != len(events):
            raise Lost("an event is another than was written")
        return numbers


class PowerTest(fleet.FleetTest):
    def check(self, load, directory, offset):
        """`offset`: how far the trace had come; None: to its end."""
        found = load.read(directory)
        lost = [ack for at, ack in load.acks if (offset is None or at <= offset) and ack not in found]
        if lost:
            raise Lost(f"lost {len(lost)} of {len(load.acks)} acknowledged, the first is {lost[0]}")


class LoopTest(PowerTest):
    def setUp(self):
        super().setUp()
        reason = power.why_no_loop_disk()
        if reason:
            self.skipTest(f"no disk of our own can be made here: {reason}")

    def cut(self, kind, mutant=None, count=40, **settings):
        disk = power.LoopDisk(self)
        load = kind(self, disk.directory, mutant=mutant, **settings)
        load.run(count)
        directory = disk.cut()
        try:
            self.check(load, directory, None)
        finally:
            for mounted in (directory, disk.directory):
                subprocess.run(["umount", mounted], check=True)
            for image in (disk.image, disk.image + ".cut"):
                os.unlink(image)
        return load

    def test_a_cut_loses_no_command_that_the_broker_acknowledged(self):
        for number in range(ROUNDS):
            self.cut(BrokerLoad, count=80, clients=1 if number % 2 else 8)

    def test_a_cut_loses_no_event_that_the_journal_promised(self):
        for _ in range(ROUNDS):
            self.cut(JournalLoad)

    def find_out(self, kind, mutant):
        """A machine that stands still for long flushes what nobody asked it to: three tries."""
        with self.subTest(mutant), self.assertRaises(Lost):
            for _ in range(3):
                self.cut(kind, mutant)

    def test_a_broker_that_does_not_flush_is_found_out(self):
        for mutant in ("nosync", "nometasync"):
            self.find_out(BrokerLoad, mutant)

    def test_a_journal_that_does_not_flush_is_found_out(self):
        for mutant in ("nosync", "nometasync"):
            self.find_out(JournalLoad, mutant)


class TraceTest(PowerTest):
    def try_disks(self, kind, mutant=None, count=20):
        root = os.path.join(self.directory, f"{kind.__name__}-{mutant}")
        os.mkdir(root)
        trace = root + ".trace"
        load = kind(self, root, trace=trace, mutant=mutant)
        load.run(count)
        for offset, directory in power.disks_after_cuts(trace, self.directory, DISKS, SEED):
            try:
                self.check(load, directory, offset)
            except Lost as lost:
                raise Lost(f"at {offset} of the trace, seed {SEED}: {lost}") from lost

    def test_whatever_a_disk_reorders_loses_no_command_that_the_broker_acknowledged(self):
        self.try_disks(BrokerLoad)

    def test_whatever_a_disk_reorders_loses_no_event_that_the_journal_promised(self):
        self.try_disks(JournalLoad)

    def test_a_broker_that_leaves_out_a_flush_is_found_out(self):
        for mutant in ("nosync", "nometasync", "nodirsync"):
            with self.subTest(mutant), self.assertRaises(Lost):
                self.try_disks(BrokerLoad, mutant)

    def test_a_journal_that_leaves_out_a_flush_is_found_out(self):
        for mutant in ("nosync", "nometasync", "nodirsync"):
            with self.subTest(mutant), self.assertRaises(Lost):
                self.try_disks(JournalLoad, mutant)


if __name__ == "__main__":
    fleet.main()
