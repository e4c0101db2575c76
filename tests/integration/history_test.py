"""What the operator's command tells of the past, from logs that no real worker would make so soon:
hosts that lost their journals, memory that ran out, damaged disks."""
import json
import os
import subprocess

import fleet
from fleet import (CONFIG, Client, FakeWorker, MortalWorker, command_id, container_id,
                   create_fields)

GANTRY = os.path.join(fleet.BUILD_DIR, "gantry")
INITIALIZED = {"pid": 100, "conmon_pid": 90, "runtime": "crun"}


class HistoryTest(fleet.FleetTest):
    def setUp(self):
        super().setUp()
        self.broker = self.start_broker()
        self.client = Client(self.broker.url)
        self.commands = 0

    def gantry(self, *words):
        return subprocess.run([GANTRY, "--broker", self.broker.url, *words], text=True,
                              stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=fleet.DEADLINE)

    def told(self, *words):
        """What it prints; it must succeed."""
        done = self.gantry(*words)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        return done.stdout

    def worker(self, host="a", **fields):
        worker = FakeWorker(self.broker.url, host, **fields)
        self.assertEqual(worker.hello().kind, "welcome")
        return worker

    def submit(self, worker, kind, number, **fields):
        self.commands += 1
        id = command_id(9, self.commands)
        said = self.client.submit(id=id, **dict({"type": kind, "host": worker.host,
                                                 "container": container_id(number)}, **fields))
        self.assertEqual(said.get("code"), None, said)
        return id

    def happen(self, worker, number, *events):
        """Events of a container: (type, run, cause, body)."""
        said = worker.report(*[worker.event(kind, container=container_id(number), run=run,
                                            cause=cause, body=body)
                               for kind, run, cause, body in events])
        self.assertEqual(said.kind, "ack", said)

    def create(self, worker, number, name, **config):
        body = {"config": dict(CONFIG, name=name, **config)}
        id = self.submit(worker, "container.create", number, body=body)
        self.happen(worker, number, ("container.created", None, id, body),
                    ("command.done", None, id, {}))

    def run_container(self, worker, number, run=1):
        id = self.submit(worker, "container.start", number)
        self.happen(worker, number, ("container.initialized", run, id, INITIALIZED),
                    ("container.started", run, id, None), ("command.done", run, id, {"run": run}))

    def head(self):
        return self.client.ask("info")["head"]

    def chain(self, *words):
        why = json.loads(self.told("why", *words, "--format", "json"))
        return why, [link["Text"] for link in why["Chain"]]


class Why(HistoryTest):
    def test_memory_that_ran_out_is_the_kernels_doing(self):
        worker = self.worker()
        self.create(worker, 1, "web")
        self.run_container(worker, 1)
        self.happen(worker, 1,
                    ("container.died", 1, None, {"exit_code": 137, "oom_killed": True}))
        why, chain = self.chain("web")
        self.assertIn("exit code 137, out of memory (run 1)", why["Summary"])
        self.assertEqual(chain[:2], ["died: exit code 137, out of memory (run 1)",
                                     "by the kernel: its memory had run out"])

    def test_a_host_without_its_journal_has_lost_its_containers(self):
        self.create(self.worker(), 1, "web")
        self.create(self.worker("b"), 2, "other")
        before = self.head()
        self.assertEqual(self.broker.terminate(), 0)
        self.broker = self.start_broker("--accept-journal", "a")
        self.client = Client(self.broker.url)
        self.worker(journal=b"K" * 16)
        self.assertEqual(self.told("ps", "-a", "--format", "{{.Names}}"), "other\n")
        why, chain = self.chain("web")
        self.assertTrue(why["Lost"])
        self.assertRegex(chain[0], r"^container\.lost by tcp:\S+: its host's worker came back "
                                   "without its journal$")
        self.assertEqual(self.told("ps", "-a", "--sort", "names", "--at", str(before), "--format",
                                   "{{.Names}}"), "other\nweb\n")
        self.assertIn("Faults:     0", self.told("log", "verify", "--rebuild"))

    def test_of_two_with_one_name_the_later_one_is_meant(self):
        worker = self.worker()
        for number in (2, 1):
            self.create(worker, number, "web")
            id = self.submit(worker, "container.remove", number, body={})
            self.happen(worker, number, ("container.removing", None, id, None),
                        ("container.removed", None, id, None), ("command.done", None, id, {}))
        self.assertEqual(self.chain("web")[0]["Id"], container_id(1))
        self.assertEqual(self.chain(container_id(2))[0]["Id"], container_id(2))
        several = self.gantry("why", "0000")
        self.assertEqual(several.returncode, 125)
        self.assertIn("more than one", several.stderr)

    def test_a_silent_host_is_said_to_be_silent(self):
        worker = self.worker()
        self.create(worker, 1, "web")
        before = str(self.head())
        for _ in range(10):
            page = self.client.ask("watch", cursor=0, types=["host.unreachable"], wait_ms=20000)
            if page.records():
                break
        self.assertIn("Host a cannot be reached since", self.told("why", "web"))
        self.assertIn("host unreachable", self.told("ps", "-a"))
        self.assertNotIn("host unreachable", self.told("ps", "-a", "--at", before))
        self.assertEqual(self.told("diff", "--from", before, "--format",
                                   "{{.Kind}} {{.Name}} {{.Change}} {{.From}} {{.To}}"),
                         "host a state reachable unreachable\n")


class Lost(HistoryTest):
    """Hosts that an operator gives up."""

    def wait_until_silent(self, host):
        for _ in range(10):
            if self.client.ask("watch", cursor=0, types=["host.unreachable"], hosts=[host],
                               wait_ms=20000).records():
                return
        self.fail(f"host {host} is still reachable")

    def test_a_lost_host_gives_back_what_it_held_and_says_so(self):
        worker = self.worker()
        self.create(worker, 1, "web")
        self.run_container(worker, 1)
        open_start = self.submit(worker, "container.stop", 1, body={})
        open_create = self.submit(worker, "container.create", 2,
                                  body={"config": dict(CONFIG, name="db")})
        early = self.gantry("host", "lost", "--force", "a")
        self.assertEqual(early.returncode, 125)
        self.assertIn("host a is still heard of", early.stderr)
        waiting = subprocess.Popen([GANTRY, "--broker", self.broker.url, "wait", "web"], text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(waiting.kill)
        self.wait_until_silent("a")
        before = str(self.head())

        self.assertEqual(self.told("host", "lost", "a"), self.QUESTION)  # nobody says yes
        self.assertEqual(str(self.head()), before)
        self.assertRegex(self.told("host", "lost", "--force", "a"),
                         r"^a: lost at \d+; containers lost: 1, commands failed: 2\n$")
        after = self.head()
        self.assertIn("containers lost: 0", self.told("host", "lost", "--force", "a"))
        self.assertEqual(self.head(), after)  # it is the same loss

        for id in (open_start, open_create):
            row = self.client.ask("outcome", id=id)["command"]
            self.assertEqual((row["state"], row["code"]), (3, "host-lost"), row)
        self.assertEqual(self.told("ps", "-a", "--quiet"), "")
        self.assertEqual(self.told("hosts", "--format", "{{.Name}} {{.State}} {{.Containers}}"),
                         "a lost 0\n")
        self.assertEqual(waiting.wait(fleet.DEADLINE), 125)
        self.assertIn("was lost: no such container", waiting.stderr.read())
        why, chain = self.chain("web")
        self.assertTrue(why["Lost"])
        self.assertRegex(chain[0], r"^container\.lost by tcp:\S+: its host was given up$")
        self.assertIn("its host was given up", self.told("history", "web"))
        self.assertIn("container lost", self.told("events", "--since", "1h", "--no-stream"))
        self.assertEqual(self.told("ps", "-a", "--at", before, "--format", "{{.Names}}"),
                         "db\nweb\n")
        self.assertEqual(self.told("diff", "--from", before, "--format",
                                   "{{.Kind}} {{.Name}} {{.Change}} {{.From}} {{.To}}")
                         .splitlines()[0], "host a state unreachable lost")
        self.assertIn("Faults:     0", self.told("log", "verify", "--rebuild"))

        # Who comes back: the old journal not, a new one does, and is not told the old commands.
        refused = worker.hello()
        self.assertEqual((refused.kind, refused.get("code")), ("error", "host-lost"), refused)
        self.assertIn("empty state directory", refused["text"])
        self.assertEqual(worker.poll(wait_ms=0).get("code"), "host-lost")
        self.assertEqual(worker.report(worker.event("container.paused")).get("code"), "host-lost")
        said = self.client.submit(id=command_id(8, 1), type="container.create", host="a",
                                  container=container_id(3), body={"config": CONFIG})
        self.assertEqual(said["code"], "host-lost", said)
        self.assertEqual(self.broker.terminate(), 0)  # the view remembers
        self.broker = self.start_broker()
        self.client = Client(self.broker.url)
        worker = FakeWorker(self.broker.url, "a")
        self.assertEqual(worker.hello().get("code"), "host-lost")
        new = MortalWorker(self.broker.url, "a", journal=b"K" * 16)
        self.assertEqual(new.hello().kind, "welcome")
        self.assertEqual(new.poll(wait_ms=0).records(), [])
        self.create(new, 3, "web")
        self.assertIn("a reachable 1", self.told("hosts", "--format",
                                                 "{{.Name}} {{.State}} {{.Containers}}"))
        new.close()
        self.assertEqual(MortalWorker(self.broker.url, "a").hello_when_free().get("code"),
                         "wrong-journal")

    QUESTION = ("WARNING! This gives up the host with all its containers: its commands fail, and "
                "its worker is refused if it ever comes back.\n"
                "Are you sure you want to continue? [y/N] ")


class Verify(HistoryTest):
    def test_a_long_log_of_several_hosts_is_whole(self):
        for host in ("a", "b"):
            worker = self.worker(host)
            first = 1 if host == "a" else 501
            for number in range(first, first + 3):
                self.create(worker, number, f"c{number}")
                for run in range(1, 60):
                    self.run_container(worker, number, run)
                    self.happen(worker, number, ("container.died", run, None, {"exit_code": 1}),
                                ("container.cleaned", run, None, None))
        log = json.loads(self.told("log", "verify", "--rebuild", "--format", "json"))
        self.assertGreater(log["Records"], 256 * 4)
        self.assertEqual((log["Records"], log["Journals"], log["Streams"]), (log["Head"], 2, 5))
        self.assertEqual((log["View"]["Same"], log["Faults"]), (True, []))
        history = self.told("history", "c502", "--format", "{{.Record}}").splitlines()
        self.assertEqual(history.count("container.died"), 59)
        self.assertEqual(history, [r["type"] for r in
                                   self.client.watch_all(containers=[container_id(502)])])

    def test_a_record_that_the_view_cannot_follow_is_counted_and_no_fault(self):
        worker = self.worker()
        self.create(worker, 1, "web")
        self.happen(worker, 1, ("container.unpaused", 1, None, None))
        said = self.told("log", "verify", "--rebuild")
        self.assertIn("Unfollowed: 1 records", said)
        self.assertIn("Faults:     0", said)

    def test_a_second_outcome_is_a_fault(self):
        worker = self.worker()
        self.create(worker, 1, "web")
        self.happen(worker, 1, ("command.done", None, command_id(9, 1), {}))
        done = self.gantry("log", "verify")
        self.assertEqual(done.returncode, 1, done)
        self.assertRegex(done.stdout, r"record \d+: command.done is the second outcome of the "
                                      r"command at \d+, which ended at \d+")

    def test_a_damaged_record_is_named(self):
        marker = b"a text to find on the disk"
        worker = self.worker()
        self.create(worker, 1, "web")
        id = self.submit(worker, "container.init", 1)
        self.happen(worker, 1, ("container.init_failed", None, id, {"text": marker.decode()}))
        pos = self.head()
        self.assertEqual(self.broker.terminate(), 0)
        self.damage(marker)
        self.broker = self.start_broker()
        done = self.gantry("log", "verify")
        self.assertEqual(done.returncode, 125, done)
        self.assertRegex(done.stderr, rf"record {pos}\b")

    def damage(self, marker):
        """Change a letter wherever the marker is: in the log, and in the view's row."""
        count = 0
        for folder, _, names in os.walk(self.state):
            for name in names:
                with open(os.path.join(folder, name), "r+b") as file:
                    data = file.read()
                    count += data.count(marker)
                    file.seek(0)
                    file.write(data.replace(marker, marker[:-1] + b"c"))
        self.assertGreater(count, 0)


if __name__ == "__main__":
    fleet.main()
