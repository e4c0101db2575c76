"""What the broker acknowledged is there: after SIGKILL, and when the disk was full."""
import os
import subprocess
import threading

import fleet
from fleet import COMMAND, Client, FakeWorker, command_id, create_fields

import nng

KILL_ROUNDS = 6
SUBMITTERS = 8
ACKS_PER_ROUND = 200


class Submitter(threading.Thread):
    """Submits one command after another, until the broker is gone; then goes on where it was."""

    def __init__(self, number, acks, acknowledged):
        super().__init__(daemon=True)
        self.number = number
        self.acks = acks  # position of the answer by id, of all rounds
        self.acknowledged = acknowledged
        self.first = 1 + max((int.from_bytes(id[8:], "big") for id in acks
                              if int.from_bytes(id[:8], "big") == number), default=0)

    def run(self):
        client = Client(self.acknowledged.url)
        sequence = self.first
        while not self.acknowledged.is_over:
            id = command_id(self.number, sequence)
            container = self.number * 1000000 + sequence
            try:
                answer = client.submit(id=id, timeout=1, **create_fields("a", container))
            except nng.NngTimeout:
                continue  # nobody knows: say it again, to this broker or the next
            assert answer.kind == "submitted" and answer.get("code") is None, answer
            self.acks[id] = answer["pos"]
            self.acknowledged.count()
            sequence += 1


class Acknowledged:
    """Counts a round's acknowledgements and ends it when there are enough."""

    def __init__(self, url):
        self.url = url
        self.is_over = False
        self._left = ACKS_PER_ROUND
        self._lock = threading.Lock()
        self._enough = threading.Event()

    def count(self):
        with self._lock:
            self._left -= 1
            if self._left <= 0:
                self._enough.set()

    def wait(self):
        assert self._enough.wait(fleet.DEADLINE), "too few acknowledgements in time"


class Killed(fleet.FleetTest):
    def kill_under_load(self, acks):
        broker = self.start_broker()
        acknowledged = Acknowledged(broker.url)
        submitters = [Submitter(number, acks, acknowledged)
                      for number in range(1, SUBMITTERS + 1)]
        for submitter in submitters:
            submitter.start()
        acknowledged.wait()
        broker.kill()
        acknowledged.is_over = True
        for submitter in submitters:
            submitter.join(fleet.DEADLINE)
            self.assertFalse(submitter.is_alive())

    def test_no_acknowledged_command_is_lost_and_none_is_doubled(self):
        acks = {}
        first = self.start_broker()
        FakeWorker(first.url, "a").hello()
        first.kill()
        for _ in range(KILL_ROUNDS):
            self.kill_under_load(acks)
        records = Client(self.start_broker().url).watch_all()
        commands = [r for r in records if r["kind"] == COMMAND]
        by_id = {r["id"]: r["pos"] for r in commands}
        self.assertEqual(len(by_id), len(commands), "a command is in the log twice")
        self.assertEqual({id: by_id.get(id) for id in acks}, acks)
        last = {}
        for r in records:
            self.assertEqual(r["prev"] or 0, last.get(r["stream"], 0))
            last[r["stream"]] = r["pos"]

    def test_no_acknowledged_event_is_lost_and_none_is_doubled(self):
        broker = self.start_broker()
        worker = FakeWorker(broker.url, "a")
        worker.hello()
        events = [worker.event("container.paused") for _ in range(5000)]
        upto = 0
        for round_number in range(KILL_ROUNDS):
            while upto < (round_number + 1) * 600:
                answer = worker.report(*events[upto:upto + 64])
                self.assertEqual((answer.kind, answer["upto"]), ("ack", upto + 64))
                upto = answer["upto"]
            worker.send_report(*events[upto:upto + 64])  # nobody knows what comes of it
            broker.kill()
            broker = self.start_broker()
            worker = FakeWorker(broker.url, "a")
            known = worker.hello()["journal_seq"]
            self.assertIn(known, (upto, upto + 64))
            upto = known
        records = [r for r in worker.watch_all() if r["stream"] == "evt/a"]
        self.assertEqual([r["journal_seq"] for r in records], list(range(1, upto + 1)))


class Full(fleet.FleetTest):
    SIZE = 6 * 1024 * 1024

    def setUp(self):
        super().setUp()
        self.state = os.path.join(self.directory, "disk")
        os.mkdir(self.state)
        mount = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={self.SIZE}", "tmpfs",
                                self.state], capture_output=True, text=True)
        if mount.returncode != 0:
            self.skipTest(f"a small disk cannot be made here: {mount.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", self.state], check=True)
        self.ballast = os.path.join(self.state, "ballast")
        with open(self.ballast, "wb") as ballast:
            ballast.write(b"\0" * (self.SIZE // 2))

    def submit(self, client, sequence):
        fields = create_fields("a", sequence)
        fields["body"]["config"]["env"] = ["PADDING=" + "x" * 20000]
        return client.submit(id=command_id(1, sequence), **fields)

    def test_a_full_disk_loses_nothing_and_writing_resumes(self):
        broker = self.start_broker()
        client = Client(broker.url)
        worker = FakeWorker(broker.url, "a")
        worker.hello()
        acks = {}
        for sequence in range(1, 1000):
            answer = self.submit(client, sequence)
            if answer.kind == "error":
                break
            acks[sequence] = answer["pos"]
        self.assertEqual((answer.kind, answer["code"]), ("error", "disk"), answer)
        self.assertGreater(len(acks), 10)
        self.assertEqual(self.submit(client, sequence)["code"], "disk")
        # Readers go on.
        self.assertEqual(len(client.query_all("containers")), len(acks))
        page = [r["pos"] for r in worker.poll().records()]
        self.assertEqual(page, sorted(acks.values())[:len(page)])
        os.unlink(self.ballast)
        answer = self.submit(client, sequence)
        self.assertEqual((answer.kind, answer.get("code")), ("submitted", None), answer)
        acks[sequence] = answer["pos"]
        broker.kill()
        client = Client(self.start_broker().url)
        commands = [r for r in client.watch_all() if r["kind"] == COMMAND]
        self.assertEqual([r["pos"] for r in commands], sorted(acks.values()))


if __name__ == "__main__":
    fleet.main()
