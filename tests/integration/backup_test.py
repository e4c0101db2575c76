"""Backups of a broker that works, and what becomes of a log whose bytes are not what was written."""
import os
import re
import shutil
import stat
import subprocess

import fleet
from fleet import BUILD_DIR, Client, FakeWorker, command_id, create_fields

MARKER = b"gantry-marker"


class BackupTest(fleet.FleetTest):
    def setUp(self):
        super().setUp()
        self.backup = os.path.join(self.directory, "backup")
        self.restored = os.path.join(self.directory, "restored")

    def start_fleet(self, *arguments):
        self.broker = self.start_broker(*arguments)
        self.client = Client(self.broker.url)
        self.worker = FakeWorker(self.broker.url, "a")
        self.worker.hello()

    def create(self, first, last, name=None):
        for number in range(first, last + 1):
            fields = create_fields("a", number, name)
            cause = command_id(1, number)
            answer = self.client.submit(id=cause, **fields)
            self.assertEqual((answer.kind, answer.get("code")), ("submitted", None), answer)
            done = self.worker.report(
                self.worker.event("container.created", container=fields["container"], cause=cause,
                                  body=fields["body"]),
                self.worker.event("command.done", container=fields["container"], cause=cause,
                                  body={}))
            self.assertEqual(done.kind, "ack", done)

    def gantry_broker(self, *arguments):
        return subprocess.run([os.path.join(BUILD_DIR, "gantry-broker"), *arguments],
                              capture_output=True, text=True, timeout=fleet.DEADLINE)

    def verify(self, state):
        return self.gantry_broker("--state", state, "--verify")

    def assert_sound(self, state):
        done = self.verify(state)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        self.assertIn(": 0 faults", done.stdout)


class Online(BackupTest):
    def start_fleet(self, *arguments):
        self.socket = "unix://" + os.path.join(self.directory, "socket")
        super().start_fleet("--listen", self.socket, *arguments)
        self.local = Client(self.socket)

    def take(self, id=b"B" * 16, path=None):
        return self.local.ask("log.backup", id=id, path=path or self.backup, wait_ms=20000)

    def take_until_done(self, **arguments):
        answer = self.take(**arguments)
        while answer.kind == "log.backup.is" and not answer.get("done"):
            answer = self.take(**arguments)
        return answer

    def test_a_backup_is_restored_as_a_log_that_went_back(self):
        self.start_fleet()
        self.create(1, 20)
        before = self.client.ask("info")
        view = self.client.ask("view.hash")
        answer = self.take_until_done()
        self.assertEqual((answer.kind, answer.get("done")), ("log.backup.is", True), answer)
        self.assertGreaterEqual(answer["pos"], before["head"])
        self.assertEqual(answer["bytes"], os.path.getsize(self.backup))
        self.assertEqual(stat.S_IMODE(os.stat(self.backup).st_mode), 0o600)
        self.create(21, 30)
        self.worker.cursor = self.client.ask("info")["head"]
        self.broker.kill()

        done = self.gantry_broker("--state", self.restored, "--restore", self.backup)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        self.state = self.restored
        url = self.start_broker().url
        client = Client(url)
        after = client.ask("info")
        self.assertEqual((after["log"], after["epoch"]), (before["log"], before["epoch"] + 1))
        self.assertEqual(client.ask("view.hash")["hash"], view["hash"])
        self.assertEqual(len(client.query_all("containers")), 20)
        # Who is ahead of it is told, and not answered as if nothing had happened.
        ahead = client.ask("watch", cursor=self.worker.cursor)
        self.assertEqual(ahead.kind, "error", ahead)
        self.assertIn("the log went back", ahead["text"])
        self.assertEqual(FakeWorker(url, "a").hello()["epoch"], 2)

    def test_asked_again_it_is_the_same_backup(self):
        self.start_fleet()
        self.create(1, 3)
        first = self.take_until_done()
        self.assertEqual(self.take(), first)
        other = self.take_until_done(id=b"C" * 16)
        self.assertEqual((other.kind, other.get("code")), ("error", "invalid-argument"), other)
        self.assertIn("already", other["text"])

    def test_a_path_that_cannot_be_is_refused(self):
        self.start_fleet()
        for number, path in enumerate(("relative", os.path.join(self.directory, "no", "where"))):
            answer = self.take_until_done(id=bytes([number + 1]) * 16, path=path)
            self.assertEqual((answer.kind, answer.get("code")), ("error", "invalid-argument"),
                             answer)
        self.assertEqual(self.take_until_done(id=b"E" * 16).kind, "log.backup.is")

    def test_who_is_not_on_this_machine_may_not_have_it_written(self):
        self.start_fleet()
        answer = self.client.ask("log.backup", id=b"B" * 16, path=self.backup, wait_ms=0)
        self.assertEqual((answer.kind, answer["code"]), ("error", "denied"), answer)
        self.assertFalse(os.path.exists(self.backup))

    def test_a_backup_says_who_took_it(self):
        self.start_fleet()
        self.take_until_done()
        granted = self.client.ask("watch", cursor=0, types=["access.granted"],
                                  wait_ms=20000).records()
        self.assertEqual([(r["actor"], r["body"]["message"]) for r in granted],
                         [(f"unix:{os.getuid()}", "log.backup")])

    def test_the_operators_command_takes_one(self):
        self.start_fleet()
        self.create(1, 3)
        done = subprocess.run([os.path.join(BUILD_DIR, "gantry"), "--broker", self.socket, "log",
                               "backup", self.backup], capture_output=True, text=True,
                              timeout=fleet.DEADLINE)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        self.assertIn("all records up to ", done.stdout)
        self.broker.kill()
        self.assert_sound(self.state)


class Offline(BackupTest):
    def test_a_stopped_log_is_verified_and_copied(self):
        self.start_fleet()
        self.create(1, 20)
        self.assertIn("in use by another process", self.verify(self.state).stderr)
        self.assertEqual(self.broker.terminate(), 0)
        self.assert_sound(self.state)
        done = self.gantry_broker("--state", self.state, "--backup", self.backup)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for source in (self.backup, self.state):
            target = self.restored + os.path.basename(source)
            done = self.gantry_broker("--state", target, "--restore", source)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assert_sound(target)

    def test_a_trimmed_log_is_sound(self):
        self.start_fleet("--retain-bytes", "64k")
        self.create(1, 200)
        cursor = 0
        while not (page := self.client.ask("watch", cursor=cursor, types=["log.trimmed"],
                                           wait_ms=20000)).get("records"):
            cursor = page["floor"] if page.kind == "error" else page["cursor"]
        self.assertEqual(self.broker.terminate(), 0)
        self.assert_sound(self.state)
        # The view is made anew of what is left, when a file of another Gantry has to be read.
        done = self.gantry_broker("--state", self.restored, "--restore", self.state)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        self.assert_sound(self.restored)

    def test_nothing_is_overwritten(self):
        self.start_fleet()
        self.assertEqual(self.broker.terminate(), 0)
        done = self.gantry_broker("--state", self.state, "--backup", self.backup)
        self.assertEqual(done.returncode, 0)
        self.assertEqual(
            self.gantry_broker("--state", self.state, "--backup", self.backup).returncode, 1)
        done = self.gantry_broker("--state", self.state, "--restore", self.backup)
        self.assertEqual(done.returncode, 1)
        self.assertIn("is not to be overwritten", done.stderr)
        self.assert_sound(self.state)

    def test_what_is_no_log_is_not_restored_or_made(self):
        with open(self.backup, "wb") as backup:
            backup.write(os.urandom(65536))
        done = self.gantry_broker("--state", self.restored, "--restore", self.backup)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertFalse(os.path.exists(self.restored))
        self.assertEqual(self.verify(self.restored).returncode, 1)
        self.assertFalse(os.path.exists(self.restored))


class Damaged(BackupTest):
    """One flipped byte of each class, in every copy that LMDB has of it."""

    def setUp(self):
        super().setUp()
        self.start_fleet()
        self.create(1, 5)
        self.create(6, 6, MARKER.decode())
        self.create(7, 40)  # enough that the index has one of evt/a
        self.records = self.client.watch_all()
        self.marked = [r["pos"] for r in self.records
                       if r["container"] == fleet.container_id(6) and "config" in (r["body"] or {})]
        self.last = self.records[-1]
        self.assertEqual(self.broker.terminate(), 0)
        self.file = os.path.join(self.state, "data.mdb")
        with open(self.file, "rb") as file:
            self.content = bytearray(file.read())

    def damage(self, places):
        self.assertTrue(places, "there is nothing to damage")
        for place in places:
            self.content[place] ^= 0x10
        with open(self.file, "wb") as file:
            file.write(self.content)

    def marked_records(self):
        """Where the records with the marker begin: an array of 17, at a position that is theirs."""
        places = []
        for match in re.finditer(b"\xdc\x00\x11", bytes(self.content)):
            record = bytes(self.content[match.start():match.start() + 600])
            if record[3] in self.marked and MARKER in record:
                places.append(match.start())
        return places

    def assert_located(self, positions):
        done = self.verify(self.state)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        said = {int(pos) for pos in re.findall(r"record (\d+)", done.stdout)}
        self.assertTrue(said & set(positions), done.stdout)

    def assert_never_served(self):
        """Whatever is served is what was written; the damaged records are not."""
        client = Client(self.start_broker().url)
        wanted = {r["pos"]: r for r in self.records}
        cursor = 0
        while cursor < self.last["pos"]:
            page = client.ask("watch", cursor=cursor, max=1)
            if page.kind == "error":
                self.assertIn(f"record {cursor + 1} is damaged", page["text"])
                self.assertIn(cursor + 1, self.marked)
                cursor += 1
                continue
            for record in page.records():
                self.assertNotIn(record["pos"], self.marked)
                self.assertEqual(record, wanted[record["pos"]])
            cursor = page["cursor"]

    def test_a_flipped_checksum(self):
        self.damage([place - 1 for place in self.marked_records()])
        self.assert_located(self.marked)
        self.assert_never_served()

    def test_a_flipped_position_in_a_record(self):
        self.damage([place + 3 for place in self.marked_records()])
        self.assert_located(self.marked)
        self.assert_never_served()

    def test_a_flipped_byte_of_a_body(self):
        self.damage([place + self.content[place:].index(MARKER) for place in self.marked_records()])
        self.assert_located(self.marked)
        self.assert_never_served()

    def test_a_flipped_entry_of_an_index(self):
        self.damage([match.end() for match in
                     re.finditer(re.escape(b"evt/a\0" + bytes(6)), bytes(self.content))])
        self.assert_located([self.last["pos"]])

    def test_a_flipped_head_of_a_stream(self):
        head = b"evt/a" + self.last["pos"].to_bytes(8, "big")
        self.damage([match.start() + len(head) - 1
                     for match in re.finditer(re.escape(head), bytes(self.content))])
        self.assert_located([self.last["pos"]])

    def test_a_flipped_row_of_the_view(self):
        records = self.marked_records()
        rows = [match.start() for match in re.finditer(MARKER, bytes(self.content))
                if not any(0 < match.start() - record < 600 for record in records)]
        self.damage(rows)
        done = self.verify(self.state)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"table \w+: row \w+ is damaged on the disk")
        broker = self.start_broker()
        self.assertEqual(Client(broker.url).ask("query", table="containers").kind, "error")
        broker.terminate()
        done = self.gantry_broker("--state", self.state, "--rebuild")
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        self.assert_sound(self.state)

    def test_a_file_that_was_cut_off_anywhere(self):
        pages = len(self.content) // 4096
        for keep in sorted({0, 1, 2, 3, pages // 4, pages // 2, pages * 3 // 4}):
            with open(self.file, "wb") as file:
                file.write(self.content[:keep * 4096])
            with self.subTest(pages=keep):
                done = self.verify(self.state)
                self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
                self.assertTrue(done.stdout or done.stderr)

    def test_a_damaged_backup_is_not_restored(self):
        shutil.copy(self.file, self.backup)
        self.damage([place - 1 for place in self.marked_records()])
        done = self.gantry_broker("--state", self.restored, "--restore", self.state)
        self.assertEqual(done.returncode, 1)
        self.assertIn("the backup is damaged", done.stderr)
        self.assertFalse(os.path.exists(self.restored))
        done = self.gantry_broker("--state", self.restored, "--restore", self.backup)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)


if __name__ == "__main__":
    fleet.main()
