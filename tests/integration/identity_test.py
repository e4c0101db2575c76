"""Who is who: two workers with one host's name, copies of a state directory, a new disk. None is
ever mixed with another in the log, each is told why, and none of them fills the log."""
import os
import shutil

import fleet
from containers import HOST, ContainerTest, Worker
from fleet import MortalWorker, main


def sessions(*numbers):
    """As a worker says those of its starts before; the first is the one that was welcomed."""
    return b"".join(number.to_bytes(8, "big") for number in numbers)


class Identity(fleet.FleetTest):
    def setUp(self):
        super().setUp()
        self.broker = self.start_broker()
        self.client = fleet.Client(self.broker.url)

    def records(self, kind, host="a"):
        return self.client.watch_all(types=[kind], hosts=[host])

    def refusals(self):
        """What the log has of refused workers; everything said before is in it."""
        self.client.submit(id=fleet.command_id(1, len(self.client.watch_all()) + 1),
                           type="container.start", host="none", container="0" * 64)
        return [(fleet.msgpack.unpackb(r["body"]) if isinstance(r["body"], bytes) else r["body"])
                for r in self.records("host.refused")]

    def mortal(self, **fields):
        worker = MortalWorker(self.broker.url, "a", **fields)
        self.addCleanup(worker.close)
        return worker

    def assert_refused(self, answer, code, text=""):
        self.assertEqual((answer.kind, answer.get("code")), ("error", code), answer)
        self.assertIn(text, answer["text"])


class Names(Identity):
    def test_a_name_is_not_taken_from_a_worker_that_is_heard(self):
        one = self.mortal(journal=b"A" * 16, session=11, before=sessions(0))
        self.assertEqual(one.hello().kind, "welcome")
        self.assertEqual(one.poll(wait_ms=0).kind, "page")
        other = self.mortal(journal=b"B" * 16, session=21, before=sessions(0))
        for _ in range(50):
            self.assert_refused(other.hello(), "host-taken", "another worker (tcp:127.0.0.1:")
            self.assertEqual(one.poll(wait_ms=0).kind, "page")  # nobody has disturbed it
        said = self.refusals()
        self.assertEqual([(r["code"], r["journal"], r["session"]) for r in said],
                         [("host-taken", b"B" * 16, 21)])
        self.broker.wait_for_line(r"hello\.refused .*another worker")
        self.assertEqual(len([line for line in self.broker.lines if "hello.refused" in line]), 1)

        one.close()
        self.assertEqual(other.hello_when_free().kind, "welcome")
        again = self.mortal(journal=b"A" * 16, session=12, incarnation=2, before=sessions(11))
        for _ in range(50):
            self.assert_refused(again.hello(), "host-taken")
        self.assertEqual(len(self.records("host.hello")), 2)
        self.assertEqual(len(self.refusals()), 1)  # the next one is due in a minute

    def test_a_worker_that_starts_again_waits_for_nobody(self):
        one = self.mortal(session=11, before=sessions(0))
        self.assertEqual(one.hello().kind, "welcome")
        for start in range(2, 12):
            again = self.mortal(session=10 + start, incarnation=start,
                                before=sessions(0, *range(9 + start, 10, -1)))
            self.assert_refused(again.hello(), "host-taken")  # the one before still speaks
            one.close()
            self.assertEqual(again.hello_when_free().kind, "welcome")
            one = again


class Copies(Identity):
    def test_of_two_copies_the_one_that_was_welcomed_goes_on(self):
        one = self.mortal(session=11, incarnation=5, before=sessions(7, 8, 9))
        copy = self.mortal(session=12, incarnation=5, before=sessions(7, 8, 9))
        self.assertEqual(one.hello().kind, "welcome")
        self.assert_refused(copy.hello(), "journal-copied", "is a copy")
        self.assert_refused(copy.poll(wait_ms=0), "fenced", "a copy of this state directory")
        copy = self.mortal(session=13, incarnation=6, before=sessions(7, 12, 8, 9))
        self.assert_refused(copy.hello(), "journal-copied", "is a copy")
        one.close()
        self.assert_refused(copy.hello_when_free(), "journal-copied", "--accept-journal a")
        self.broker.kill()  # it is in the view, not only in memory
        self.broker = self.start_broker()
        self.client = fleet.Client(self.broker.url)
        copy = self.mortal(session=14, incarnation=9, before=sessions(7, 13, 12, 8, 9))
        self.assert_refused(copy.hello(), "journal-copied")
        again = self.mortal(session=15, incarnation=6, before=sessions(11, 8, 9))
        self.assertEqual(again.hello().kind, "welcome")

    def test_a_copy_in_use_is_told_from_the_other_when_that_comes_back(self):
        one = self.mortal(session=11, incarnation=5, before=sessions(7))
        self.assertEqual(one.hello().kind, "welcome")
        one.close()
        copy = self.mortal(session=12, incarnation=6, before=sessions(11))
        self.assertEqual(copy.hello_when_free().kind, "welcome")
        copy.close()
        again = self.mortal(session=13, incarnation=7, before=sessions(11))
        self.assert_refused(again.hello_when_free(), "journal-copied")


class RealWorkers(ContainerTest):
    def host_records(self, kind):
        return self.client.watch_all(types=[kind], hosts=[HOST])

    def other_worker(self, state, ready):
        """One with another state directory and the same name."""
        self.worker_state, kept = state, self.worker_state
        self.worker_run, kept_run = state + "-run", self.worker_run
        worker = self.start(Worker(self, ready=ready))
        self.worker_state, self.worker_run = kept, kept_run
        return worker

    def make_volume(self, name):
        identity = self.say_volume(name)
        outcome = self.outcome(identity)
        self.assertEqual(outcome["state"], 2, outcome)

    def say_volume(self, name):
        self.sequence += 1
        identity = fleet.command_id(77, self.sequence)
        said = self.client.submit(id=identity, type="volume.create", host=HOST,
                                  body={"volume": {"name": name}})
        self.assertIsNone(said.get("code"), said)
        return identity

    def test_a_copied_disk_is_recognised_and_refused(self):
        worker = self.start_worker()
        self.make_volume("first")
        self.assertEqual(worker.terminate(), 0)
        copied = os.path.join(self.directory, "copied")
        shutil.copytree(self.worker_state, copied, symlinks=True)

        worker = self.start_worker()
        copy = self.other_worker(copied, r"link\.refused .*code=journal-copied")
        self.assertIn("another worker has gone on with the journal", copy.ready_line)
        self.make_volume("second")
        self.assertIsNone(copy.process.poll())  # it goes on, alone
        copy.kill()
        copy = self.other_worker(copied, r"link\.refused .*code=journal-copied")
        worker.kill()
        copy.kill()
        copy = self.other_worker(copied, r"link\.refused .*code=journal-copied")
        worker = self.start_worker()
        self.make_volume("third")
        refused = self.host_records("host.refused")
        self.assertEqual([r["type"] for r in refused], ["host.refused"], refused)
        self.assertEqual(len(self.host_records("host.hello")), 3)

    def test_of_two_workers_with_one_name_the_second_waits(self):
        worker = self.start_worker()
        other = self.other_worker(os.path.join(self.directory, "other"),
                                  r"link\.refused .*code=host-taken")
        self.assertIn(f"speaks for the host {HOST}", other.ready_line)
        self.make_volume("one")
        self.assertEqual(len(self.host_records("host.refused")), 1)
        worker.kill()
        other.wait_for_line(r"link\.up")
        self.make_volume("two")
        self.assertEqual(len(self.host_records("host.hello")), 2)


if __name__ == "__main__":
    main()
