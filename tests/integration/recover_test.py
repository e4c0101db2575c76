"""A log that is lost is made anew of what the workers know: nothing that runs is touched, nothing is
done twice, and what nobody knows any more is said."""
import json
import os
import shutil
import subprocess

import fleet
from containers import EXITED, HOST, RUNNING, SLEEPER, STUBBORN, ContainerTest
from fleet import (BUILD_DIR, COMMAND, Client, FakeWorker, FleetTest, command_id,
                   container_id, create_fields, main, record)


def verify(test, state):
    """The stopped broker's log keeps its promises."""
    result = subprocess.run([os.path.join(BUILD_DIR, "gantry-broker"), "--state", state,
                             "--verify"], capture_output=True, text=True, timeout=fleet.DEADLINE)
    test.assertEqual(result.returncode, 0, result.stdout + result.stderr)
    return result.stdout


def golden(name):
    path = os.path.join(os.path.dirname(__file__), "../golden/messages", name + ".json")
    with open(path) as file:
        return json.load(file)


class Teller(FakeWorker):
    """A worker with a past: it has worked with a log that is lost."""

    def __init__(self, url, host="a", first=1, last=0, acked=0, cursor=40, lost_until=0, **fields):
        super().__init__(url, host, **fields)
        self.first, self.last, self.acked = first, last, acked
        self.log, self.lost_until = b"L" * 16, lost_until
        self.cursor = cursor

    def hello(self):
        welcome = self.ask("hello", host=self.host, incarnation=self.incarnation,
                           journal=self.journal, facts=fleet.FACTS, log=self.log,
                           acked=self.acked, cursor=self.cursor, first=self.first, last=self.last,
                           lost_until=self.lost_until)
        if welcome.kind == "welcome":
            self.sequence = welcome.get("journal_seq", 0)
            self.recovery = welcome.get("recovery", 0)
        return welcome

    def row(self, number, **fields):
        return {"id": container_id(number), "host": self.host, "state": 3, "run": 2,
                "config": dict(fleet.CONFIG, name=f"c{number}"), "created": 5, "pos": 3, **fields}

    def command(self, number, kind="container.start", client=9, **fields):
        return record(pos=number, kind=COMMAND, type=kind, host=self.host, time=7,
                      id=command_id(client, number), actor="controller:x",
                      **{"container": container_id(1), **fields})

    def recover(self, rows=(), commands=(), upto=None, first=0, is_end=True, **fields):
        return self.ask("recover", **{"host": self.host, "incarnation": self.incarnation,
                                      "journal": self.journal, "recovery": self.recovery,
                                      "upto": self.sequence if upto is None else upto,
                                      "first": first, "rows": list(rows),
                                      "commands": list(commands), "end": is_end, **fields})


class Telling(FleetTest):
    """The broker's part, with workers that only speak."""

    def begin(self, *arguments):
        self.broker = self.start_broker(*arguments)
        self.client = Client(self.broker.url)

    def finish(self):
        self.assertEqual(self.broker.terminate(), 0)
        return verify(self, self.state)

    def hosts(self):
        return {row["name"]: row for row in self.client.query_all("hosts")}

    def test_without_recover_a_worker_of_another_log_is_told_what_to_do(self):
        self.begin()
        answer = Teller(self.broker.url, last=9, acked=9).hello()
        self.assertEqual((answer.kind, answer.get("code")), ("error", "wrong-journal"), answer)
        self.assertIn("--recover", answer["text"])
        self.assertEqual(self.hosts(), {})
        self.broker.wait_for_line(r"hello\.refused .*--recover")

    def test_a_host_given_up_by_mistake_tells_what_it_has(self):
        self.begin()
        worker = FakeWorker(self.broker.url, "a")
        self.assertEqual(worker.hello().kind, "welcome")
        create = command_id(9, 1)
        self.client.submit(id=create, **create_fields("a", 1))
        worker.report(worker.event("container.created", container=container_id(1), cause=create,
                                   body=create_fields("a", 1)["body"]),
                      worker.event("command.done", container=container_id(1), cause=create, body={}))
        worker.poll(wait_ms=0)
        start = command_id(9, 2)
        self.client.submit(type="container.start", host="a", container=container_id(1), id=start)
        for _ in range(10):
            lost = self.client.ask("host.lose", host="a")
            if lost.kind == "host.lose.is":
                break
            self.assertEqual(lost.get("code"), "host-taken", lost)
            self.client.ask("watch", cursor=self.client.ask("info")["head"], wait_ms=20000,
                            types=["host.unreachable"])
        self.assertEqual((lost["containers"], lost["commands"]), (1, 1))
        log = self.client.ask("info")["log"]
        self.assertEqual(self.broker.terminate(), 0)

        self.begin("--accept-journal", "a")
        back = Teller(self.broker.url, last=2, acked=2, cursor=worker.cursor)
        back.log = log
        welcome = back.hello()
        self.assertEqual((welcome.kind, welcome.get("journal_seq")), ("welcome", 2), welcome)
        self.assertEqual(self.hosts()["a"]["recovery"], back.recovery)
        self.assertEqual(back.recover([back.row(1)]).kind, "done")
        self.assertEqual(self.hosts()["a"]["state"], 1)
        self.assertEqual([row["state"] for row in self.client.query_all("containers")], [3])
        self.assertEqual(self.client.ask("outcome", id=start)["command"]["code"], "host-lost")
        self.assertEqual(back.poll(wait_ms=0).records(), [])  # it has failed, and is not done now
        self.assertEqual(back.report(back.event("container.paused",
                                                container=container_id(1), run=2))["upto"], 3)
        self.finish()

    def test_a_worker_tells_rows_commands_and_what_it_keeps_of_its_journal(self):
        self.begin("--recover")
        worker = Teller(self.broker.url, first=5, last=7, acked=6, lost_until=1000)
        welcome = worker.hello()
        self.assertEqual(welcome.get("journal_seq"), 4, welcome)
        self.assertGreater(welcome["commands_head"], worker.cursor)
        # Of the past: what changed then is in the rows, how a command ended is kept.
        done = command_id(8, 3)
        worker.report(worker.event("container.died", container=container_id(1), run=1),
                      worker.event("command.done", container=container_id(1), cause=done),
                      worker.event("container.paused", container=container_id(2)))
        image, volume = [dict(golden(f"{what}_row"), host="a") for what in ["image", "volume"]]
        self.assertEqual(worker.recover([worker.row(1), worker.row(2)], [worker.command(31)],
                                        images=[image], volumes=[volume]).kind, "done")
        for table, row in [("images", image), ("volumes", volume)]:
            found = self.client.query_all(table)
            self.assertEqual([dict(row, pos=0) for row in found], [dict(row, pos=0)])
        self.assertFalse(self.hosts()["a"].get("recovery"))
        rows = self.client.query_all("containers")
        self.assertEqual([(row["state"], row["run"]) for row in rows], [(3, 2), (3, 2)])
        # Said again, both commands are known.
        again = self.client.submit(type="container.start", host="a", container=container_id(1),
                                   id=done)
        self.assertTrue(again.get("duplicate"), again)
        self.assertEqual(self.client.ask("outcome", id=done)["command"]["state"], 2)
        again = self.client.submit(type="container.start", host="a", container=container_id(1),
                                   id=command_id(9, 31))
        self.assertTrue(again.get("duplicate"), again)
        self.assertEqual(self.client.ask("outcome", id=command_id(9, 31))["command"]["state"], 1)
        # The worker goes on where it was.
        answer = worker.report(worker.event("command.done", container=container_id(1),
                                            cause=command_id(9, 31)))
        self.assertEqual((answer.kind, answer["upto"]), ("ack", 8))
        self.assertEqual(self.client.ask("outcome", id=command_id(9, 31))["command"]["state"], 2)
        self.assertEqual(worker.poll(wait_ms=0).records(), [])
        new = self.client.submit(type="container.pause", host="a", container=container_id(2),
                                 id=command_id(9, 32))
        self.assertFalse(new.get("code"), new)
        self.assertEqual([record["id"] for record in worker.poll().records()],
                         [command_id(9, 32)])
        info = self.client.ask("info")
        self.assertGreater(info["rebuilt"], 0)
        self.assertEqual(info["lost_until"], 1000)
        types = [record["type"] for record in self.client.watch_all(types=["log.", "host."])]
        self.assertEqual(types, ["log.rebuilt", "host.hello", "host.recovering", "host.recovered"])
        self.finish()

    def test_nothing_is_asked_of_a_host_that_has_not_told_all(self):
        self.begin("--recover")
        fields = create_fields("a", 3)
        answer = self.client.submit(id=command_id(1, 1), **fields)
        self.assertEqual(answer.get("code"), "no-host", answer)
        self.assertIn("rebuilt", answer["text"])
        worker = Teller(self.broker.url)
        worker.hello()
        self.assertEqual(self.client.submit(id=command_id(1, 1), **fields).get("code"), "busy")
        worker.recover()
        self.assertFalse(self.client.submit(id=command_id(1, 1), **fields).get("code"))
        self.finish()

    def test_a_page_that_comes_twice_is_one(self):
        self.begin("--recover")
        worker = Teller(self.broker.url)
        worker.hello()
        for _ in range(2):
            self.assertEqual(worker.recover([worker.row(1)], is_end=False).kind, "done")
        for _ in range(2):
            self.assertEqual(worker.recover([worker.row(2)], first=1).kind, "done")
        self.assertEqual(len(self.client.watch_all(types=["container.recovered"])), 2)
        self.assertEqual(len(self.client.watch_all(types=["host.recovered"])), 1)
        self.finish()

    def test_a_page_ahead_or_of_an_earlier_hello_begins_anew(self):
        self.begin("--recover")
        worker = Teller(self.broker.url)
        worker.hello()
        self.assertEqual(worker.recover([worker.row(2)], first=1).get("code"), "no-host")
        former = worker.recovery
        worker.hello()
        self.assertEqual(worker.recover([worker.row(1)], recovery=former).get("code"), "no-host")
        self.assertEqual(worker.recover([worker.row(1)], upto=3).get("code"), "invalid-argument")
        self.assertEqual(worker.recover([worker.row(1)]).kind, "done")
        self.finish()

    def test_a_broker_killed_at_every_word_of_it_loses_nothing(self):
        """Each word is said, the broker dies, and the next one goes on; so with the worker."""
        self.begin("--recover")
        worker = Teller(self.broker.url, first=1, last=2, acked=2)
        words = [lambda: worker.report(worker.event("container.died", container=container_id(1))),
                 lambda: worker.report(worker.event("command.done", cause=command_id(8, 3))),
                 lambda: worker.recover([worker.row(1)], is_end=False),
                 lambda: worker.recover([worker.row(2)], [worker.command(31)], first=1)]
        for dead in range(len(words) + 1):
            with self.subTest(f"after {dead} words"):
                worker.incarnation += 1  # it began anew as well
                self.assertEqual(worker.hello().kind, "welcome")
                for word in words[:dead]:
                    self.assertNotEqual(word().kind, "error")
                self.broker.kill()
                self.begin()  # what has begun goes on, asked for or not
                worker.socket = Client(self.broker.url).socket
                if dead < len(words):
                    self.assertNotEqual(self.hosts()["a"].get("recovery", 0), 0)
        self.assertFalse(self.hosts()["a"].get("recovery"))
        self.assertEqual([row["id"] for row in self.client.query_all("containers")],
                         [container_id(1), container_id(2)])
        self.assertEqual(worker.hello().get("recovery", 0), 0)
        self.finish()

    def test_a_log_restored_from_an_old_copy_takes_the_rest_from_the_workers(self):
        self.begin()
        worker = FakeWorker(self.broker.url, "a")
        worker.hello()
        lost = command_id(1, 1)
        self.client.submit(id=lost, **create_fields("a", 1))
        log = self.client.ask("info")["log"]
        self.assertEqual(self.broker.terminate(), 0)
        self.begin("--recover")
        # Meanwhile, by what is lost now, it has carried out that and more.
        teller = Teller(self.broker.url, first=4, last=6, acked=6, cursor=90)
        teller.log = log
        welcome = teller.hello()
        self.assertEqual(welcome.get("journal_seq"), 3, welcome)
        teller.report(*[teller.event("container.cleaned", container=container_id(7))
                        for _ in range(3)])
        self.assertEqual(teller.recover([teller.row(7)]).kind, "done")
        row = self.client.ask("outcome", id=lost)["command"]
        self.assertEqual((row["state"], row["code"]), (3, "wrong-journal"), row)
        self.finish()


class Rebuilding(ContainerTest):
    """The whole: real workers, real containers."""

    def lose_the_log(self, during=lambda: None):
        self.broker.kill()
        during()
        shutil.rmtree(self.state)

    def start_the_broker(self, *arguments):
        self.broker = self.start_broker("--listen", self.broker_url, *arguments)
        self.client = Client(self.broker.url)

    def check_log(self):
        self.assertEqual(self.broker.terminate(), 0)
        verify(self, self.state)

    def test_a_lost_log_is_told_again_and_nothing_is_done_twice(self):
        worker = self.start_worker()
        steady = self.create(SLEEPER)
        created_by = command_id(0x7E57, self.sequence)
        self.do("start", steady)
        policy = self.create(SLEEPER, restart_policy="always")
        self.do("start", policy)
        stubborn = self.create(STUBBORN)
        self.do("start", stubborn)
        pid = self.row(steady)["pid"]
        # In flight: the worker has it, and waits for a process that does not care.
        stop = self.say("stop", stubborn, timeout_s=8)
        self.wait_for_state(stubborn, 8)

        def exit_unheard():
            os.kill(victim, 9)
            worker.wait_for_line(r"container\.exit .* run=1 ")

        victim = self.row(policy)["pid"]
        self.lose_the_log(exit_unheard)
        self.start_the_broker("--recover")
        worker.wait_for_line(r"link\.told")

        self.assert_running(steady)
        self.assertEqual(self.row(steady)["pid"], pid)
        self.assertEqual(self.row(steady)["run"], 1)
        self.wait_for(policy, lambda row: row["run"] == 2 and row["state"] == RUNNING)
        self.assertEqual(self.outcome(stop)["state"], 2)
        self.assertEqual(self.outcomes_of(stop), ["command.recovered", "command.done"])
        self.wait_for_state(stubborn, EXITED)
        again = self.client.submit(type="container.create", host=HOST, container=steady,
                                   id=created_by, body={"config": self.config(steady, SLEEPER)})
        self.assertTrue(again.get("duplicate"), again)
        self.assertEqual(self.outcome(created_by)["state"], 2)
        self.assert_journal_is_whole()  # it keeps all of so short a life

        for container in [steady, policy, stubborn]:
            self.do("remove", container, force=True, timeout_s=0)
            self.assert_gone(container)
        self.do("start", self.create(["/bin/true"]))
        self.check_log()

    def test_a_worker_killed_at_any_moment_of_it_tells_again(self):
        worker = self.start_worker()
        container = self.create(SLEEPER)
        self.do("start", container)
        for point in ["telling:begin", "committed:1", "telling:page"]:
            with self.subTest(point):
                self.assertEqual(worker.terminate(), 0)
                self.lose_the_log()
                self.start_the_broker("--recover")
                worker = self.start_worker(kill_at=point, ready=None)
                self.assertEqual(worker.wait_for_end(), -9)
                worker = self.start_worker()
                self.assert_running(container)
                self.assertEqual(self.row(container)["run"], 1)
        self.do("remove", container, force=True, timeout_s=0)
        self.assert_gone(container)
        self.check_log()


if __name__ == "__main__":
    main()
