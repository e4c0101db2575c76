"""What the fleet was, told from snapshots: the same as a fold of all the log, after restarts, kills,
trimming and damage."""
import json
import os
import re
import shutil
import subprocess
import time

import fleet
from fleet import CONFIG, Client, command_id, container_id
from history_test import HistoryTest
from recover_test import Teller


INTERVAL = 2000  # records between two snapshots: broker/past_maker.h


class PastTest(HistoryTest):
    """A broker whose log is long enough for snapshots, which are said as they are made."""

    def start_broker(self, *arguments):
        return super().start_broker("--log-level", "debug", *arguments)

    def fill(self, worker, containers, turns):
        """Lives of containers, a report for each turn: some records each."""
        for turn in range(turns):
            records = []
            for number in containers:
                self.runs[number] = self.runs.get(number, 0) + 1
                run = self.runs[number]
                for kind, body in (("container.initialized", {"pid": run, "conmon_pid": 1,
                                                              "runtime": "crun"}),
                                   ("container.started", None),
                                   ("container.died", {"exit_code": turn % 7}),
                                   ("container.cleaned", None)):
                    records.append(worker.event(kind, container=container_id(number), run=run,
                                                body=body))
            self.assertEqual(worker.report(*records).kind, "ack")

    def setUp(self):
        super().setUp()
        self.runs = {}

    def wait_for_snapshot(self, pos=None):
        """One at or beyond the position, or near the log's end; made by this broker."""
        pos = max(pos or self.head() - INTERVAL + 1, 1)
        digits = len(str(pos))
        at_least = "|".join([str(pos)[:i] + f"[{int(d) + 1}-9]" + r"\d" * (digits - i - 1)
                             for i, d in enumerate(str(pos)) if d != "9"] +
                            [str(pos), r"\d" * (digits + 1)])
        self.broker.wait_for_line(rf"past\.made pos=({at_least}) ")

    def restart(self, *arguments):
        if self.broker.process.poll() is None:
            self.assertEqual(self.broker.terminate(), 0)
        self.broker = self.start_broker(*arguments)
        self.client = Client(self.broker.url)

    def ask_past(self, **asked):
        said = self.client.ask("past", **asked)
        while said.kind == "error" and said["code"] == "busy":
            said = self.client.ask("past", **asked)
        self.assertEqual(said.kind, "past.is", said)
        return said

    def all_rows(self, **asked):
        """(position, table, key, value) of each row of a snapshot."""
        rows, page = [], self.ask_past(**asked)
        while True:
            rows += [(row.get("table", 0), row["key"], row["value"])
                     for row in page.get("rows", [])]
            if not page.get("next"):
                return page.get("snapshot", 0), rows
            page = self.ask_past(snapshot=page["snapshot"], chunk=page["next"],
                                 **{k: v for k, v in asked.items() if k == "host"})

    def history(self, moments):
        """What the commands tell of each moment, and between the first and each."""
        told = []
        for moment in moments:
            told.append(self.told("ps", "-a", "--at", moment, "--format", "json"))
            told.append(self.told("diff", "--from", moments[0], "--to", moment, "--format", "json"))
        return told

    def without_snapshots(self, moments):
        """The same by a fold of the whole log: of a broker that can keep no snapshots."""
        self.assertEqual(self.broker.terminate(), 0)
        state, self.state = self.state, os.path.join(self.directory, "whole")
        shutil.copytree(state, self.state)
        shutil.rmtree(os.path.join(self.state, "past"), ignore_errors=True)
        with open(os.path.join(self.state, "past"), "w"):
            pass
        self.broker = self.start_broker()
        self.client = Client(self.broker.url)
        self.broker.wait_for_line(r"past\.failed")
        self.assertEqual(self.all_rows()[0], 0)
        told = self.history(moments)
        self.assertEqual(self.broker.terminate(), 0)
        shutil.rmtree(self.state)
        self.state = state
        return told

    def make_log(self, records):
        """Two hosts, some containers that come and go; a worker for each host."""
        workers = [self.worker("a"), self.worker("b")]
        for number in range(1, 9):
            self.create(workers[number % 2], number, f"c{number}")
        turn = 0
        while self.head() < records:
            turn += 1
            for i, worker in enumerate(workers):
                self.fill(worker, [n for n in range(1, 9) if n % 2 == i], 10)
            number = 100 + turn
            self.create(workers[0], number, f"extra{turn % 3}")
            id = self.submit(workers[0], "container.remove", number, body={})
            self.happen(workers[0], number, ("container.removing", None, id, None),
                        ("container.removed", None, id, None), ("command.done", None, id, {}))
        self.submit(workers[0], "container.start", 2)  # stays without an outcome
        return workers

    def moments(self, head):
        times = [record["time"] for record in self.client.watch_all(types=["command.done"])]
        positions = [1, 17, INTERVAL - 1, INTERVAL, INTERVAL + 1, head // 2, head // 2 + 1, head - 1, head]
        return [f"pos:{pos}" for pos in positions] + [
            f"{time // 10**9}.{time % 10**9:09d}" for time in times[::len(times) // 4]]


class Snapshots(PastTest):
    def test_they_tell_what_a_fold_of_the_whole_log_tells(self):
        self.make_log(6500)
        head = self.head()
        moments = self.moments(head)
        self.wait_for_snapshot()
        told = self.history(moments)
        self.assertIn(self.all_rows(pos=head)[0], range(head - INTERVAL + 1, head + 1))
        info = self.client.ask("info")
        self.assertGreaterEqual(info["past_snapshots"], 1)
        self.restart()
        self.assertEqual(self.history(moments), told)
        self.assertEqual([line for line in self.broker.lines if "past.made" in line], [])
        self.assertEqual(self.without_snapshots(moments), told)

    def test_rows_of_one_host_or_container_are_those_of_the_whole(self):
        self.make_log(4200)
        self.wait_for_snapshot()
        pos, rows = self.all_rows()
        found, of_a = self.all_rows(host="a")
        self.assertEqual(found, pos)
        self.assertEqual({row for row in of_a if row[0] == 0},
                         {row for row in rows if row[:2] == (0, b"a")})
        self.assertEqual({row[1] for row in of_a if row[0] == 2},
                         {row[1] for row in rows if row[0] == 2 and row[1].startswith(b"a/")})
        self.assertEqual({row[1] for row in of_a if row[0] == 1},
                         {container_id(n).encode() for n in (2, 4, 6, 8)})
        page = self.ask_past(container=container_id(3))
        self.assertEqual([(row.get("table", 0), row["key"]) for row in page["rows"]],
                         [(1, container_id(3).encode()), (0, b"b")])
        self.assertEqual(self.ask_past(container=container_id(77)).get("rows", []), [])
        self.assertEqual(self.ask_past(pos=INTERVAL // 2).get("snapshot", 0), 0)

    def test_one_container_is_told_as_among_all(self):
        self.make_log(4200)
        self.wait_for_snapshot()
        for pos in (INTERVAL - 10, self.head() - 100, self.head()):
            for number in (1, 2):
                id = container_id(number)
                one = self.told("inspect", "--at", f"pos:{pos}", id)
                self.assertEqual(one, self.told("inspect", "--at", f"pos:{pos}", f"c{number}"))
                self.assertEqual(json.loads(one)[0]["Id"], id)
        gone = container_id(101)
        missing = self.gantry("inspect", "--at", f"pos:{self.head()}", gone)
        self.assertEqual(missing.returncode, 125, missing)
        removed = next(r["pos"] for r in self.client.watch_all(containers=[gone])
                       if r["type"] == "container.removed")
        self.told("inspect", "--at", f"pos:{removed - 1}", gone)

    def test_an_old_log_gets_them_though_its_broker_is_killed_again_and_again(self):
        self.make_log(45000)
        head = self.head()
        moments = self.moments(head)
        self.assertEqual(self.broker.terminate(), 0)
        shutil.rmtree(os.path.join(self.state, "past"))
        for kills in range(100):
            self.broker = self.start_broker()
            opened = self.broker.wait_for_line(r"past\.opened")
            if int(re.search(r"pos=(\d+)", opened).group(1)) > head - INTERVAL:
                break
            if kills % 2 == 1:
                self.broker.wait_for_line(r"past\.(made|built)")
            self.broker.kill()
        self.client = Client(self.broker.url)
        info = self.client.ask("info")
        self.assertGreaterEqual(info["past_snapshots"], head // INTERVAL - 4)
        self.assertEqual(info["past_first"], INTERVAL)
        told = self.history(moments)
        self.assertEqual(self.without_snapshots(moments), told)

    def test_a_rebuilt_view_makes_them_anew(self):
        self.make_log(2200)
        self.wait_for_snapshot()
        told = self.told("ps", "-a", "--at", "pos:2150", "--format", "json")
        self.assertEqual(self.broker.terminate(), 0)
        done = subprocess.run([os.path.join(fleet.BUILD_DIR, "gantry-broker"), "--state",
                                     self.state, "--rebuild"], capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done)
        self.assertFalse(os.path.exists(os.path.join(self.state, "past")))
        self.broker = self.start_broker()
        self.client = Client(self.broker.url)
        self.wait_for_snapshot(INTERVAL)
        self.assertEqual(self.told("ps", "-a", "--at", "pos:2150", "--format", "json"), told)

    def test_what_was_trimmed_has_none_and_that_is_said(self):
        workers = self.make_log(5000)
        self.wait_for_snapshot()
        head = self.head()
        told = self.told("ps", "-a", "--at", f"pos:{head}", "--format", "json")
        id = self.client.watch_all(types=["container.start"])[-1]["id"]
        self.happen(workers[0], 2, ("command.done", None, id, {}))  # it holds what follows it
        self.restart("--retain-bytes", "300k")
        trimmed = self.broker.wait_for_line(r"log\.trimmed floor=[3-9]\d{3}\b")
        floor = int(re.search(r"floor=(\d+)", trimmed).group(1))
        # What is below the floor goes by a step of its own, which a line of the log cannot show.
        deadline = time.monotonic() + fleet.DEADLINE
        while self.client.ask("info")["past_first"] < floor and time.monotonic() < deadline:
            pass
        oldest = self.client.ask("info")["past_first"]
        self.assertGreaterEqual(oldest, floor)
        self.assertEqual(self.gantry("ps", "--at", f"pos:{oldest}").returncode, 0)
        self.assertGreaterEqual(self.ask_past(pos=head)["snapshot"], floor)
        self.assertEqual(self.told("ps", "-a", "--at", f"pos:{head}", "--format", "json"), told)
        early = self.gantry("ps", "--at", "pos:2150")
        self.assertEqual(early.returncode, 125, early)
        self.assertRegex(early.stderr, r"from position \d+ on|no longer kept")
        self.assertEqual(self.ask_past(pos=2150).get("snapshot", 0), 0)

    def test_damaged_ones_are_dropped_and_never_told(self):
        self.make_log(6500)
        moments = self.moments(self.head())
        self.wait_for_snapshot()
        told = self.history(moments)
        self.damage_chunks()  # beneath the running broker
        self.assertEqual(self.history(moments), told)
        self.broker.wait_for_line(r"past\.damaged .*chunk 1 of the snapshot at \d+")
        self.restart()
        self.assertEqual(self.history(moments), told)

    def damage_chunks(self):
        """A bit of each packed chunk, in the file."""
        path = os.path.join(self.state, "past", "data.mdb")
        with open(path, "r+b") as file:
            data = bytearray(file.read())
            places = [found.start() for found in re.finditer(re.escape(b"\x28\xb5\x2f\xfd"), data)]
            self.assertGreaterEqual(len(places), 3)
            for place in places:
                file.seek(place + 20)
                file.write(bytes([data[place + 20] ^ 1]))

    def test_a_command_that_a_host_tells_again_is_known_to_have_ended(self):
        self.assertEqual(self.broker.terminate(), 0)
        shutil.rmtree(self.state)
        self.restart("--recover")
        self.make_log(2100)
        self.wait_for_snapshot()
        # A snapshot has no command that had ended; this one would seem to be open.
        other = Teller(self.broker.url, host="c")
        self.assertEqual(other.hello().kind, "welcome")
        told_again = other.command(1, kind="container.create", container=container_id(77),
                                   body={"config": dict(CONFIG, name="phantom")})
        self.assertEqual(self.client.ask("outcome", id=command_id(9, 1))["command"]["state"], 2)
        self.assertEqual(other.recover(commands=[told_again]).kind, "done")
        head = self.head()
        moments = [f"pos:{head - 1}", f"pos:{head}"]
        told = self.history(moments)
        self.assertNotIn("phantom", "".join(told))
        self.assertGreater(self.all_rows(pos=head)[0], 0)
        self.assertIn("command.recovered", [r["type"] for r in self.client.watch_all()])
        self.assertEqual(self.without_snapshots(moments), told)


if __name__ == "__main__":
    fleet.main()
