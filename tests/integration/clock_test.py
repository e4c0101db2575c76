"""Clocks that are set while everything runs: no order, no timer and no record depends on them, what
was at a moment has one answer, and it is said."""
import glob
import os
import subprocess
import time

import fleet
from containers import HOST, ContainerTest, Worker
from fleet import BUILD_DIR, Client, FakeWorker, command_id, container_id, create_fields, main

LIBRARY = (glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1") + [None])[0]
GANTRY = os.path.join(BUILD_DIR, "gantry")
HOUR_MS = 3600 * 1000


class Clock:
    """What a program takes for the time of day; its steady clocks are the machine's."""

    def __init__(self, directory, name):
        self.path = os.path.join(directory, name)
        self.set("+0")

    def set(self, offset):
        with open(self.path + ".new", "w", encoding="ascii") as file:
            file.write(offset)
        os.rename(self.path + ".new", self.path)

    def words(self):
        asan = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        return ["/usr/bin/env", f"LD_PRELOAD={LIBRARY}", f"FAKETIME_TIMESTAMP_FILE={self.path}",
                "FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1", f"ASAN_OPTIONS={asan}"]


class FakedBroker(fleet.Broker):
    """One whose clock can be set."""

    def __init__(self, state, clock, *arguments):
        self.clock = clock
        super().__init__(state, *arguments)

    def command(self, argv):
        return [*self.clock.words(), *argv]


class ClockTest(fleet.FleetTest):
    def setUp(self):
        super().setUp()
        if LIBRARY is None:
            self.skipTest("the package faketime is not installed")
        self.clock = Clock(self.directory, "clock")

    def start_faked(self, *arguments):
        broker = self.start(FakedBroker(self.state, self.clock, *arguments))
        self.addCleanup(self._end_cleanly, broker)
        self.client = Client(broker.url)
        self.url = broker.url
        return broker

    def told(self, *words):
        done = subprocess.run([GANTRY, "--broker", self.url, *words], text=True,
                              stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=fleet.DEADLINE)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        return done.stdout

    def create(self, worker, number):
        id = command_id(9, number)
        self.assertIsNone(self.client.submit(id=id, **create_fields("a", number)).get("code"))
        worker.report(
            worker.event("container.created", container=container_id(number), cause=id,
                         body=create_fields("a", number)["body"]),
            worker.event("command.done", container=container_id(number), cause=id, body={}))
        worker.poll(wait_ms=0)

    def stepped(self, count):
        """The bodies of so many clock.stepped."""
        for _ in range(10):
            found = self.client.watch_all(types=["clock.stepped"])
            if len(found) >= count:
                return [record["body"]["by_ms"] for record in found]
            self.client.ask("watch", cursor=found[-1]["pos"] if found else 0, wait_ms=20000,
                            types=["clock.stepped"])
        return self.fail("no clock.stepped")


class BrokersClock(ClockTest):
    def test_times_of_records_never_go_back_and_a_moment_has_one_answer(self):
        broker = self.start_faked()
        worker = FakeWorker(broker.url, "a")
        self.assertEqual(worker.hello().kind, "welcome")
        steps = ["+0", "-3600", "-7200", "+86400", "+0", "-864000000"]
        ends = []
        for number, offset in enumerate(steps, 1):
            self.clock.set(offset)
            self.create(worker, number)
            ends.append(self.client.ask("info")["head"])
        said = self.stepped(5)
        for by_ms, expected in zip(said, [-HOUR_MS, -HOUR_MS, 26 * HOUR_MS, -24 * HOUR_MS,
                                          -240000 * HOUR_MS]):
            self.assertAlmostEqual(by_ms, expected, delta=60000)
        broker.wait_for_line(r"clock\.stepped by_ms=-36")

        records = self.client.watch_all()
        times = [record["time"] for record in records]
        self.assertEqual(times, sorted(times))
        self.assertEqual([r for r in records if r["type"] == "host.unreachable"], [])
        for end in ends:  # by a time is by the last position that has it
            moment = next(r["time"] for r in records if r["pos"] == end)
            last = max(r["pos"] for r in records if r["time"] <= moment)
            at = f"{moment // 10**9}.{moment % 10**9:09d}"
            self.assertEqual(self.told("ps", "-a", "--at", at, "--format", "{{.Names}}"),
                             self.told("ps", "-a", "--at", f"pos:{last}", "--format",
                                       "{{.Names}}"))
        self.assertIn("Faults:     0", self.told("log", "verify", "--rebuild"))

        broker.kill()  # the next one begins with a clock that is behind, and says so
        broker = self.start_faked()
        broker.wait_for_line(r"clock\.behind by_ms=\d{8}")
        worker = FakeWorker(broker.url, "a", incarnation=2)
        self.assertEqual(worker.hello().kind, "welcome")
        self.assertEqual(self.client.watch_all()[-1]["time"], times[-1])

    def test_nothing_is_dropped_for_its_age_when_the_clock_was_set_forwards(self):
        broker = self.start_faked("--retain-age", "1h")
        worker = FakeWorker(broker.url, "a")
        self.assertEqual(worker.hello().kind, "welcome")
        self.create(worker, 1)
        self.clock.set("+86400")
        self.assertEqual(len(self.stepped(1)), 1)
        page = self.client.ask("watch", cursor=0, wait_ms=5000, types=["log.trimmed"])
        self.assertEqual((page.records(), self.client.ask("info").get("floor", 0)), ([], 0))


class HostsClock(ContainerTest):
    def setUp(self):
        super().setUp()
        if LIBRARY is None:
            self.skipTest("the package faketime is not installed")
        self.clock = Clock(self.directory, "clock")

    def volume(self, name):
        self.sequence += 1
        identity = command_id(77, self.sequence)
        said = self.client.submit(id=identity, type="volume.create", host=HOST,
                                  body={"volume": {"name": name}})
        self.assertIsNone(said.get("code"), said)
        self.assertEqual(self.outcome(identity)["state"], 2)

    def test_a_hosts_clock_that_is_off_is_said_and_changes_no_order(self):
        self.clock.set("-3600")
        worker = self.start_worker(prefix=self.clock.words())
        for number in range(4):
            self.volume(f"before-{number}")
        off, = self.client.watch_all(types=["host.clock"], hosts=[HOST])
        self.assertAlmostEqual(off["body"]["off_ms"], -HOUR_MS, delta=60000)
        self.broker.wait_for_line(r"host\.clock host=host-a off_ms=-3")
        self.clock.set("+7200")
        self.volume("after")
        self.volume("last")
        worker.wait_for_line(r"clock\.stepped by_ms=10\d{6}")

        events = [r for r in self.client.watch_all() if r["stream"] == f"evt/{HOST}"]
        self.assertEqual([r["journal_seq"] for r in events], list(range(1, len(events) + 1)))
        now = time.time_ns()
        self.assertLess(events[0]["happened"], now - 3500 * 10**9)  # as the host said it
        self.assertGreater(events[-1]["happened"], now + 7100 * 10**9)
        self.assertLess(abs(events[-1]["time"] - now), 60 * 10**9)  # and as the broker heard it
        self.assertEqual(self.client.watch_all(types=["host.unreachable"]), [])


if __name__ == "__main__":
    main()
