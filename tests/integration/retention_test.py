"""What is no longer kept: dropped by age and size, said, and never missed by the view."""
import json
import os
import subprocess

import fleet
from fleet import Client, FakeWorker, command_id, create_fields

LOAD = os.path.join(fleet.BUILD_DIR, "tests/broker_load")
AGE = ("--retain-age", "1s")


class Retention(fleet.FleetTest):
    def set_up_fleet(self, *arguments):
        self.broker = self.start_broker(*arguments)
        self.client = Client(self.broker.url)
        self.worker = FakeWorker(self.broker.url, "a")
        self.worker.hello()

    def submit(self, number):
        answer = self.client.submit(id=command_id(1, number), **create_fields("a", number))
        self.assertEqual((answer.kind, answer.get("code")), ("submitted", None), answer)
        return answer["pos"]

    def answer(self, number):
        """The worker has carried out the command."""
        fields = create_fields("a", number)
        cause = command_id(1, number)
        done = self.worker.report(
            self.worker.event("container.created", container=fields["container"], cause=cause,
                              body=fields["body"]),
            self.worker.event("command.done", container=fields["container"], cause=cause, body={}))
        self.assertEqual(done.kind, "ack", done)

    def create(self, first, last):
        for number in range(first, last + 1):
            self.submit(number)
            self.answer(number)

    def wait_until_trimmed(self, beyond):
        """The log's own word that everything up to `beyond` is gone: the floor."""
        cursor = 0
        while True:
            page = self.client.ask("watch", cursor=cursor, types=["log.trimmed"], wait_ms=20000)
            if page.kind == "error":  # what tells of it has been trimmed itself
                self.assertEqual(page["code"], "trimmed", page)
                cursor = page["floor"]
                continue
            for record in page.records():
                if record["body"]["floor"] >= beyond:
                    return record["body"]["floor"]
            cursor = page["cursor"]

    def wait_until_at_rest(self):
        """Only the last record can be left when all are too old, and those that tell of it."""
        while True:
            records = self.client.watch_all()
            if all(record["type"] == "log.trimmed" for record in records):
                return records
            self.client.ask("watch", cursor=records[-1]["pos"], wait_ms=1000)


class Age(Retention):
    def test_old_records_go_and_the_view_stays(self):
        self.set_up_fleet(*AGE)
        self.create(1, 20)
        head = self.client.ask("info")["head"]
        before = self.client.ask("view.hash")
        floor = self.wait_until_trimmed(head - 1)
        info = self.client.ask("info")
        self.assertGreaterEqual(info["floor"], floor)
        self.assertEqual(len(self.client.query_all("containers")), 20)
        self.assertEqual(self.client.ask("view.hash")["hash"], before["hash"])

    def test_dropped_records_are_said_to_be(self):
        self.set_up_fleet(*AGE)
        self.create(1, 20)
        head = self.client.ask("info")["head"]
        self.wait_until_trimmed(head - 1)
        records = self.wait_until_at_rest()
        # Each telling goes on where the one before it ended, as far as they are still kept.
        floors = [record["body"]["floor"] for record in records]
        for record, floor in zip(records[1:], floors):
            self.assertLessEqual(record["body"]["floor"] - record["body"]["records"], floor)
        self.assertEqual(self.client.ask("info")["floor"], floors[-1])

    def test_a_cursor_below_the_floor_is_refused_with_the_floor(self):
        self.set_up_fleet(*AGE)
        self.create(1, 5)
        floor = self.wait_until_trimmed(self.client.ask("info")["head"] - 1)
        for kind, body in (("watch", {"cursor": 1}),
                           ("watch", {"cursor": 1, "wait_ms": 20000, "types": ["none"]}),
                           ("fetch", {"stream": "cmd/a", "after": 1}),
                           ("fetch", {"stream": "evt/a", "after": 0})):
            answer = self.client.ask(kind, **body)
            self.assertEqual((answer.kind, answer.get("code")), ("error", "trimmed"), answer)
            self.assertGreaterEqual(answer["floor"], floor)

    def test_who_has_seen_nothing_is_told_what_is_missing(self):
        self.set_up_fleet(*AGE)
        self.create(1, 5)
        floor = self.wait_until_trimmed(self.client.ask("info")["head"] - 1)
        page = self.client.ask("watch", cursor=0)
        self.assertEqual(page.kind, "page", page)
        self.assertGreaterEqual(page["floor"], floor)
        self.assertTrue(all(record["pos"] > page["floor"] for record in page.records()))

    def test_a_command_without_an_outcome_holds_the_log(self):
        self.set_up_fleet(*AGE)
        self.create(1, 3)
        waiting = self.submit(4)
        self.create(5, 8)
        self.broker.wait_for_line(r"log\.held.*command=%d" % waiting)
        self.assertLess(self.client.ask("info")["floor"], waiting)
        # A worker that comes back now still finds it.
        commands = [record["pos"] for record in self.worker.poll().records()]
        self.assertIn(waiting, commands)
        self.answer(4)
        self.assertGreaterEqual(self.wait_until_trimmed(waiting), waiting)

    def test_a_worker_far_behind_goes_on_at_the_floor(self):
        self.set_up_fleet(*AGE)
        self.create(1, 5)
        self.wait_until_trimmed(self.client.ask("info")["head"] - 1)
        late = FakeWorker(self.broker.url, "a", incarnation=2)
        self.assertEqual(late.hello().kind, "welcome")
        pos = self.submit(6)
        page = late.poll()
        self.assertEqual([record["pos"] for record in page.records()], [pos], page)

    def test_a_restarted_broker_knows_what_it_knew(self):
        self.set_up_fleet(*AGE)
        self.create(1, 10)
        self.wait_until_trimmed(self.client.ask("info")["head"] - 1)
        self.wait_until_at_rest()
        before = self.client.ask("view.hash")["hash"]
        floor = self.client.ask("info")["floor"]
        self.broker.kill()
        client = Client(self.start_broker().url)  # keeps everything
        self.assertEqual(client.ask("view.hash")["hash"], before)
        self.assertEqual(client.ask("info")["floor"], floor)
        self.assertTrue(client.ask("submit", record=fleet.record(
            kind=fleet.COMMAND, id=command_id(1, 10),
            **create_fields("a", 10)))["duplicate"], "a trimmed command was taken for a new one")


class Size(Retention):
    def test_the_oldest_go_when_there_is_too_much(self):
        self.set_up_fleet("--retain-bytes", "256k")
        created = 0
        while self.client.ask("info")["head"] < 2000:
            self.create(created + 1, created + 50)
            created += 50
        self.assertGreater(self.wait_until_trimmed(1), 0)
        self.assertEqual(len(self.client.query_all("containers")), created)
        newest = self.client.watch_all(cursor=self.client.ask("info")["head"] - 1)
        self.assertEqual(len(newest), 1)


class Load(Retention):
    LIMIT = 8 << 20

    def test_the_store_does_not_outgrow_its_bound_however_much_is_written(self):
        """Ten times the bound, as fast as 32 workers can: the file, which never shrinks, stays
        within a multiple of the bound (the view, its base and pages not yet free are beside it)."""
        broker = self.start_broker("--retain-bytes", str(self.LIMIT))
        host, port = broker.url.removeprefix("tcp://").split(":")
        load = subprocess.run([LOAD, "report", host, port, "32", "100", "100"], input="go\n",
                              text=True, stdout=subprocess.PIPE, timeout=10 * fleet.DEADLINE)
        said = json.loads(load.stdout.splitlines()[-1])
        self.assertEqual((load.returncode, said["records"]), (0, 320000), load.stdout)
        size = os.path.getsize(os.path.join(self.state, "data.mdb"))
        self.assertLess(size, 4 * self.LIMIT)
        client = Client(broker.url)
        info = client.ask("info")
        self.assertGreater(info["floor"], info["head"] // 2)
        self.assertEqual(broker.terminate(), 0)
        done = subprocess.run([os.path.join(fleet.BUILD_DIR, "gantry-broker"), "--verify",
                               "--state", self.state], text=True, capture_output=True,
                              timeout=fleet.DEADLINE)
        self.assertEqual(done.returncode, 0, done)


if __name__ == "__main__":
    fleet.main()
