"""What a command and an event cost the broker, in counts: commits, bytes that it reads and writes,
memory that it asks for. Times depend on the machine, counts do not, so that nobody makes them worse
unseen. The bounds are what was measured and 30 %.

One client asks one thing after the other: nothing shares a commit by chance.
"""
import os
import unittest

import fleet
from allocations import Allocations, is_sanitized
from fleet import Client, FakeWorker, container_id, create_fields

OWN_KIB = 930
COMMANDS, REPORTS, BATCH, CONTAINERS = 200, 100, 100, 20
SLACK = 1.3
LIFE = ["container.initialized", "container.started", "container.died", "container.cleaned"]
BODIES = {"container.initialized": {"pid": 4242, "pid_started": 99, "conmon_pid": 4241,
                                    "conmon_started": 98, "runtime": "crun"},
          "container.died": {"exit_code": 1, "finished": 1}}

# For each command or event: commits; bytes read and written, of sockets and the store together (by
# read and write, not by send); calls of the allocator, and the bytes that they asked for.
BOUNDS = {
    "a command": {"commits": 1, "read": 170, "written": 37600, "allocations": 16.2, "allocated": 9750},
    "an event alone": {"commits": 1, "read": 223, "written": 33200, "allocations": 13.5, "allocated": 6600},
    "an event of a hundred": {"commits": 0.01, "read": 136, "written": 730, "allocations": 0.51,
                              "allocated": 1360},
}


@unittest.skipIf(is_sanitized(), "a sanitizer has an allocator of its own")
class BrokerCounts(fleet.FleetTest):

    def setUp(self):
        super().setUp()
        self.allocations = Allocations(os.path.join(self.directory, "allocations"))
        with self.allocations.of_what_starts():
            self.broker = self.start_broker()
        self.client = Client(self.broker.url)
        self.worker = FakeWorker(self.broker.url, "counted")
        self.worker.hello()
        self.events = 0
        self.worker.report(*[self.worker.event("container.created", container=container_id(number),
                                               body=create_fields("counted", number)["body"])
                             for number in range(CONTAINERS)])

    def counts(self):
        with open(f"/proc/{self.broker.pid}/io", encoding="ascii") as file:
            transfers = dict(line.split(": ") for line in file)
        calls, size = self.allocations.counts()
        return {"commits": self.client.ask("info").get("commits", 0), "read": int(transfers["rchar"]),
                "written": int(transfers["wchar"]), "allocations": calls, "allocated": size}

    def next_event(self):
        """In turn of the lives of the containers."""
        kind = LIFE[self.events % len(LIFE)]
        life = self.events // len(LIFE)
        self.events += 1
        return self.worker.event(kind, container=container_id(life % CONTAINERS),
                                 run=life // CONTAINERS + 1, incarnation=1, body=BODIES.get(kind))

    def command(self, number):
        answer = self.client.submit(type="container.start", host="counted", id=b"counting" +
                                    number.to_bytes(8, "big"),
                                    container=container_id(number % CONTAINERS))
        self.assertFalse(answer.get("code"), answer)

    def report(self, count):
        answer = self.worker.report(*[self.next_event() for _ in range(count)])
        self.assertEqual(answer.kind, "ack", answer)

    def check(self, what, act, rounds, each=1):
        """`act` with the number of the round, after some rounds that warm up what is kept."""
        for number in range(1, rounds // 4):
            act(number)
        before = self.counts()
        for number in range(rounds // 4, rounds // 4 + rounds):
            act(number)
        after = self.counts()
        found = {name: (after[name] - before[name]) / rounds / each for name in before}
        for name, bound in BOUNDS[what].items():
            print(f"{what}: {name} {found[name]:.2f} of at most {bound * SLACK:.2f}")
            self.assertLessEqual(found[name], bound * SLACK, f"{what}: {found}")
        self.assertGreater(found["commits"], 0, f"{what} is durable: {found}")

    def test_a_broker_without_work_takes_little_memory(self):
        with open(f"/proc/{self.broker.pid}/status", encoding="ascii") as file:
            own = next(int(line.split()[1]) for line in file if line.startswith("RssAnon:"))
        print(f"memory of its own: {own} KiB of at most {OWN_KIB * SLACK:.0f}")
        self.assertLessEqual(own, OWN_KIB * SLACK)

    def test_a_command(self):
        self.check("a command", self.command, COMMANDS)

    def test_an_event_alone(self):
        self.check("an event alone", lambda _: self.report(1), COMMANDS)

    def test_an_event_of_a_hundred(self):
        self.check("an event of a hundred", lambda _: self.report(BATCH), REPORTS, BATCH)


if __name__ == "__main__":
    fleet.main()
