"""The broker as its peers see it: a real process, stock libnng, fake workers."""
import os
import re
import socket
import struct
import threading

import fleet
from fleet import (COMMAND, EVENT, NO_ID, Broker, Client, FakeWorker, MortalWorker, command_id,
                   container_id, create_fields, decode_frame, record)

import msgpack
import nng


def view_version():
    """As the sources have it: a test is no reason to forget to raise it."""
    with open(os.path.join(os.environ["GANTRY_SOURCE_DIR"], "common/fleet/fleet.h"),
              encoding="utf-8") as header:
        return int(re.search(r"#define VIEW_VERSION (\d+)", header.read()).group(1))


class Background(threading.Thread):
    """A question that waits while the test goes on."""

    def __init__(self, function, *arguments, **fields):
        super().__init__(daemon=True)
        self._call = lambda: function(*arguments, **fields)
        self._result = self._error = None
        self.start()

    def run(self):
        try:
            self._result = self._call()
        except Exception as error:  # handed to the one who asks for the result
            self._error = error

    def result(self):
        self.join(fleet.DEADLINE)
        assert not self.is_alive(), "no answer in time"
        if self._error:
            raise self._error
        return self._result


class BrokerTest(fleet.FleetTest):
    def setUp(self):
        super().setUp()
        self.broker = self.start_broker()
        self.client = Client(self.broker.url)

    def worker(self, host="a", **fields):
        worker = FakeWorker(self.broker.url, host, **fields)
        self.assertEqual(worker.hello().kind, "welcome")
        return worker

    def assert_error(self, answer, code, text=""):
        self.assertEqual((answer.kind, answer.get("code")), ("error", code), answer)
        self.assertIn(text, answer["text"])

    def created(self, worker, number):
        """A container that exists, by a command that was carried out."""
        id = command_id(9, number)
        submitted = self.client.submit(id=id, **create_fields(worker.host, number))
        self.assertEqual(submitted.get("code"), None, submitted)
        config = create_fields(worker.host, number)["body"]
        worker.report(
            worker.event("container.created", container=container_id(number), cause=id,
                         body=config),
            worker.event("command.done", container=container_id(number), cause=id, body={}))


class Asking(BrokerTest):
    def test_info_says_what_the_broker_is_and_who_asks(self):
        info = self.client.ask("info")
        self.assertEqual(info.kind, "info.is")
        self.assertEqual(info["pid"], self.broker.pid)
        self.assertEqual(info["role"], "admin")
        self.assertTrue(info["actor"].startswith("tcp:127.0.0.1:"))
        self.assertEqual(len(info["log"]), 16)

    def test_the_view_has_a_fingerprint_that_changes_with_it_only(self):
        empty = self.client.ask("view.hash")
        self.assertEqual((empty.kind, empty.get("pos", 0), empty["version"]),
                         ("view.hash.is", 0, view_version()))
        self.created(self.worker(), 1)
        filled = self.client.ask("view.hash")
        self.assertEqual(filled["pos"], self.client.ask("info")["head"])
        self.assertNotEqual(filled["hash"], empty["hash"])
        self.assertEqual(self.client.ask("view.hash"), filled)
        self.broker.kill()
        self.assertEqual(Client(self.start_broker().url).ask("view.hash"), filled)

    def test_what_is_no_request_gets_a_clear_error(self):
        self.assert_error(self.client.ask("bogus"), "unsupported", "bogus")
        self.assert_error(self.client.ask_raw(b"\xc1"), "invalid-argument")
        self.assert_error(self.client.ask_raw(b""), "invalid-argument")
        self.assert_error(self.client.ask_raw(b"\xdd\xff\xff\xff\xff"), "invalid-argument")
        self.assert_error(self.client.ask_raw(msgpack.packb([2, "info", {}])), "unsupported")
        self.assert_error(self.client.ask("poll", host="a"), "invalid-argument", "incarnation")
        self.assert_error(self.client.ask("query", table="x"), "invalid-argument", "no table x")
        self.assert_error(self.client.ask("query", table="commands", key="zz"), "invalid-argument")
        self.assert_error(self.client.ask("outcome", id=command_id(1, 1)), "invalid-argument")
        self.assertEqual(self.client.ask("info").kind, "info.is")

    def test_a_peer_that_claims_too_much_is_closed_and_harms_nobody(self):
        host, port = self.broker.url.removeprefix("tcp://").split(":")
        with socket.create_connection((host, int(port)), fleet.DEADLINE) as peer:
            peer.sendall(b"\0SP\0\0\x30\0\0" + struct.pack(">Q", 1 << 32))
            received = b""
            while chunk := peer.recv(4096):
                received += chunk
        self.assertEqual(received, b"\0SP\0\0\x31\0\0")
        self.assertEqual(self.client.ask("info").kind, "info.is")

    def test_a_second_broker_on_the_same_state_is_refused(self):
        with self.assertRaisesRegex(AssertionError, "broker.failed"):
            Broker(self.state)

    def test_plain_tcp_beyond_loopback_needs_insecure(self):
        with self.assertRaisesRegex(AssertionError, "--insecure"):
            Broker(self.state + "-other", "--listen", "tcp://0.0.0.0:0")

    def test_stopping_is_clean_and_keeps_everything(self):
        self.worker()
        first = self.client.submit(id=command_id(1, 1), **create_fields("a", 1))
        self.assertEqual(self.broker.terminate(), 0)
        client = Client(self.start_broker().url)
        again = client.submit(id=command_id(1, 1), **create_fields("a", 1))
        self.assertEqual((again["pos"], again["duplicate"]), (first["pos"], True))


class Submitting(BrokerTest):
    def test_a_duplicate_gets_the_first_answer(self):
        self.worker()
        first = self.client.submit(id=command_id(1, 1), **create_fields("a", 1))
        self.assertEqual((first.kind, first.get("code")), ("submitted", None), first)
        self.assertFalse(first.get("duplicate"))
        again = self.client.submit(id=command_id(1, 1), **create_fields("a", 1))
        self.assertEqual((again["pos"], again.get("duplicate")), (first["pos"], True))
        commands = [r for r in self.client.watch_all() if r["kind"] == COMMAND]
        self.assertEqual([r["id"] for r in commands], [command_id(1, 1)])

    def test_a_refusal_is_recorded_and_repeated(self):
        first = self.client.submit(id=command_id(1, 1), **create_fields("nowhere", 1))
        self.assertEqual(first["code"], "no-host")
        self.assertIn("nowhere", first["text"])
        again = self.client.submit(id=command_id(1, 1), **create_fields("nowhere", 1))
        self.assertEqual((again["pos"], again["code"], again["text"]),
                         (first["pos"], first["code"], first["text"]))
        refused, = self.client.watch_all()
        self.assertEqual((refused["pos"], refused["type"], refused["stream"], refused["cause"]),
                         (first["pos"], "command.refused", "sys", command_id(1, 1)))
        outcome = self.client.ask("outcome", id=command_id(1, 1), wait_ms=20000)
        self.assertEqual((outcome["command"]["state"], outcome["command"]["code"]), (4, "no-host"))

    def test_commands_of_one_batch_see_each_other(self):
        self.worker()
        clients = [Client(self.broker.url) for _ in range(8)]
        asked = [Background(client.submit, id=command_id(i + 1, 1),
                            **create_fields("a", i + 1, name="same"))
                 for i, client in enumerate(clients)]
        codes = sorted(str(submit.result().get("code")) for submit in asked)
        self.assertEqual(codes, ["None"] + 7 * ["container-exists"])

    def test_only_commands_with_an_id_are_submitted(self):
        answer = self.client.ask("submit", record=record(kind=EVENT, type="container.died"))
        self.assert_error(answer, "invalid-argument", "only commands")
        self.assertEqual(self.client.submit(type="container.start", host="a")["code"],
                         "invalid-argument")
        self.assertEqual(self.client.watch_all(), [])

    def test_a_command_that_no_report_could_carry_is_refused(self):
        self.worker()
        fields = create_fields("a", 1)
        fields["body"]["config"]["env"] = [f"V{i}=" + 1000 * "x" for i in range(200)]
        answer = self.client.submit(id=command_id(1, 1), **fields)
        self.assert_error(answer, "invalid-argument", "make it smaller")

    def test_what_the_broker_knows_better_is_not_taken_from_the_author(self):
        self.worker()
        submitted = self.client.submit(id=command_id(1, 1), pos=77, prev=76, stream="sys", time=1,
                                       actor="god", journal_seq=5, incarnation=6,
                                       **create_fields("a", 1))
        command = [r for r in self.client.watch_all() if r["kind"] == COMMAND][0]
        self.assertEqual(command["pos"], submitted["pos"])
        self.assertEqual(command["stream"], "cmd/a")
        self.assertTrue(command["actor"].startswith("tcp:"))
        self.assertFalse(command["journal_seq"] or command["incarnation"] or command["prev"])
        self.assertGreater(command["time"], 1)

    def test_an_outcome_is_waited_for(self):
        worker = self.worker()
        id = command_id(1, 1)
        self.client.submit(id=id, **create_fields("a", 1))
        pending = self.client.ask("outcome", id=id)
        self.assertEqual(pending["command"]["state"], 1)
        waiting = Background(Client(self.broker.url).ask, "outcome", id=id, wait_ms=20000)
        worker.report(worker.event("command.failed", cause=id, container=container_id(1),
                                   body={"code": "rootfs", "text": "no such directory"}))
        command = waiting.result()["command"]
        self.assertEqual((command["state"], command["code"]), (3, "rootfs"))


class Working(BrokerTest):
    def test_a_poll_waits_for_commands_and_moves_on(self):
        worker = self.worker()
        self.assertEqual(worker.poll(wait_ms=0).records(), [])
        waiting = Background(worker.poll)
        submitted = self.client.submit(id=command_id(1, 1), **create_fields("a", 1))
        page = waiting.result()
        self.assertEqual([r["pos"] for r in page.records()], [submitted["pos"]])
        self.assertEqual(page["stream_head"], submitted["pos"])
        self.assertEqual(worker.poll(wait_ms=0).records(), [])

    def test_a_newer_poll_replaces_the_older(self):
        worker = self.worker()
        older = Background(worker.poll)
        newer = FakeWorker(self.broker.url, "a")
        # The older poll may arrive second; either is answered at once when the other comes.
        answers = [older, Background(newer.poll)]
        Background(self.client.submit, id=command_id(1, 1), **create_fields("a", 1)).result()
        pages = [answer.result() for answer in answers]
        self.assertTrue(any(page.records() for page in pages))

    def test_pages_are_bounded_and_say_that_there_is_more(self):
        worker = self.worker()
        for sequence in range(1, 301):
            self.client.submit(id=command_id(1, sequence), **create_fields("a", sequence))
        first = worker.poll()
        self.assertEqual((len(first.records()), first["more"]), (256, True))
        second = worker.poll()
        self.assertEqual((len(second.records()), second.get("more")), (44, None))
        records = first.records() + second.records()
        self.assertEqual([r["prev"] or 0 for r in records], [0] + [r["pos"] for r in records[:-1]])

    def test_reports_are_taken_once_and_in_order(self):
        worker = self.worker()
        events = [worker.event("container.paused", container=container_id(1)) for _ in range(5)]
        self.assertEqual(worker.report(events[1])["next"], 1)
        first = worker.report(*events[:2])
        self.assertEqual((first.kind, first["upto"]), ("ack", 2))
        self.assertEqual(worker.report(*events[:2]), first)
        self.assertEqual(worker.report(events[3])["next"], 3)
        self.assertEqual(worker.report(*events)["upto"], 5)
        self.assertEqual(worker.report()["upto"], 5)
        reported = [r for r in self.client.watch_all() if r["stream"] == "evt/a"]
        self.assertEqual([r["journal_seq"] for r in reported], [1, 2, 3, 4, 5])
        self.assertEqual({r["incarnation"] for r in reported}, {1})

    def test_a_worker_speaks_of_its_own_containers_only(self):
        worker = self.worker()
        for wrong in (dict(type="host.hello"), dict(host="b"), dict(kind=COMMAND),
                      dict(journal_seq=0)):
            fields = dict(kind=EVENT, type="container.died", host="a", journal_seq=1)
            fields.update(wrong)
            self.assert_error(worker.report(record(**fields)), "invalid-argument", "event")

    def test_an_old_incarnation_is_fenced(self):
        old = self.worker(incarnation=3)
        waiting = Background(old.poll)
        new = self.worker(incarnation=4)
        held = waiting.result()
        self.assertIn(held.get("code"), ("fenced", None))  # fenced while held, or a moment later
        self.assert_error(old.poll(), "fenced", "4")
        self.assert_error(old.report(old.event("container.died")), "fenced")
        self.assert_error(old.hello(), "fenced")
        self.assertEqual(new.poll(wait_ms=0).kind, "page")

    def test_a_worker_that_is_not_known_has_to_say_hello(self):
        worker = FakeWorker(self.broker.url, "a", incarnation=2)
        self.assert_error(worker.poll(), "no-host")
        self.assert_error(worker.report(), "no-host")
        self.assertEqual(worker.hello().kind, "welcome")
        worker.incarnation = 3
        self.assert_error(worker.poll(), "no-host")
        self.assert_error(FakeWorker(self.broker.url, "no/name").hello(), "invalid-argument")

    def test_hello_says_where_to_go_on(self):
        worker = self.worker()
        self.client.submit(id=command_id(1, 1), **create_fields("a", 1))
        worker.report(worker.event("container.paused", container=container_id(1)))
        welcome = FakeWorker(self.broker.url, "a", incarnation=2).hello()
        self.assertEqual(welcome["journal_seq"], 1)
        self.assertEqual(welcome["commands_head"], 2)
        self.assertEqual(welcome["log"], self.client.ask("info")["log"])

    def test_another_journal_takes_over_an_empty_host_only(self):
        first = MortalWorker(self.broker.url, "a", incarnation=7)
        self.assertEqual(first.hello().kind, "welcome")
        first.close()
        other = MortalWorker(self.broker.url, "a", journal=b"K" * 16)
        self.assertEqual(other.hello_when_free().kind, "welcome")
        self.created(other, 1)
        other.close()
        third = MortalWorker(self.broker.url, "a", journal=b"L" * 16)
        self.assert_error(third.hello_when_free(), "wrong-journal", "gantry host lost a")

    def test_a_worker_is_fenced_by_one_with_another_journal(self):
        for incarnation in (1, 7):  # two directories may have seen as many starts, or not
            host = f"host-{incarnation}"
            old = MortalWorker(self.broker.url, host, incarnation=incarnation)
            self.assertEqual(old.hello().kind, "welcome")
            old.close()
            new = MortalWorker(self.broker.url, host, journal=b"K" * 16)
            self.assertEqual(new.hello_when_free().kind, "welcome")
            old = FakeWorker(self.broker.url, host, incarnation=incarnation)
            self.assert_error(old.poll(), "fenced", "another state directory")
            self.assert_error(old.report(old.event("container.died")), "fenced")
            self.assert_error(old.ask("stream.accept", host=host, incarnation=incarnation,
                                      journal=old.journal), "fenced")
            self.assertEqual(new.poll(wait_ms=0).kind, "page")

    def test_an_accepted_journal_begins_after_what_was_lost(self):
        old = self.worker()
        self.created(old, 1)
        self.client.submit(id=command_id(1, 1), type="container.start", host="a",
                           container=container_id(1))
        self.broker.terminate()
        self.broker = self.start_broker("--accept-journal", "a")
        self.client = Client(self.broker.url)
        new = self.worker(journal=b"K" * 16)
        self.assertEqual(self.client.query_all("containers"), [])
        outcome = self.client.ask("outcome", id=command_id(1, 1))
        self.assertEqual(outcome["command"]["code"], "wrong-journal")
        self.assertEqual(new.poll(wait_ms=0).records(), [])
        self.client.submit(id=command_id(1, 2), **create_fields("a", 2))
        self.assertEqual([r["id"] for r in new.poll().records()], [command_id(1, 2)])
        self.assertEqual(new.report(new.event("container.paused"))["upto"], 1)

    def test_a_log_that_went_back_is_never_papered_over(self):
        worker = self.worker()
        worker.cursor = 1000
        self.assert_error(worker.poll(), "internal", "the log went back")
        self.assert_error(self.client.ask("watch", cursor=1000), "internal", "the log went back")


class Watching(BrokerTest):
    def test_each_record_is_seen_once_whatever_the_pages(self):
        worker = self.worker()
        self.worker("b")
        for number in range(1, 6):
            self.created(worker, number)
        everything = self.client.watch_all()
        self.assertEqual([r["pos"] for r in everything], sorted({r["pos"] for r in everything}))
        for size in (1, 3, 7):
            self.assertEqual(self.client.watch_all(max=size), everything)
        of_a = [r for r in everything if r["host"] == "a"]
        self.assertEqual(self.client.watch_all(hosts=["a"], max=2), of_a)
        created = [r for r in everything if r["type"] == "container.created"]
        self.assertEqual(len(created), 5)
        self.assertEqual(self.client.watch_all(types=["container.created"]), created)
        containers = [r for r in everything if r["type"].startswith("container.")]
        self.assertEqual(self.client.watch_all(types=["container."]), containers)
        self.assertEqual(self.client.watch_all(kind=COMMAND),
                         [r for r in everything if r["kind"] == COMMAND])
        self.assertEqual(self.client.watch_all(containers=[container_id(2)], types=["command."]),
                         [r for r in everything if r["container"] == container_id(2) and
                          r["type"] == "command.done"])

    def test_a_watch_waits_until_something_passes(self):
        worker = self.worker()
        cursor = self.client.ask("info")["head"]
        waiting = Background(Client(self.broker.url).ask, "watch", cursor=cursor, wait_ms=20000,
                             types=["container.died"])
        for _ in range(3):
            worker.report(worker.event("container.paused"))
        worker.report(worker.event("container.died", body={"exit_code": 3}))
        page = waiting.result()
        found = page.records() or self.client.watch_all(page["cursor"], types=["container.died"])
        self.assertEqual([r["type"] for r in found], ["container.died"])

    def test_a_watch_that_finds_nothing_moves_its_cursor(self):
        self.worker()
        head = self.client.ask("info")["head"]
        page = self.client.ask("watch", cursor=0, wait_ms=1, types=["nothing"])
        self.assertEqual((page.records(), page["cursor"]), ([], head))

    def test_a_filter_that_skips_much_reaches_the_end(self):
        worker = self.worker()
        for _ in range(6):
            worker.report(*[worker.event("container.paused") for _ in range(1000)])
        worker.report(worker.event("container.died", body={}))
        page = self.client.ask("watch", cursor=0, wait_ms=20000, types=["container.died"])
        self.assertEqual([r["type"] for r in page.records()], ["container.died"])

    def test_a_stream_is_fetched_by_range(self):
        worker = self.worker()
        worker.report(*[worker.event("container.paused") for _ in range(9)])
        self.client.submit(id=command_id(1, 1), **create_fields("a", 1))
        events = [r for r in self.client.watch_all() if r["stream"] == "evt/a"]
        page = self.client.ask("fetch", stream="evt/a", after=events[2]["pos"],
                               upto=events[5]["pos"])
        self.assertEqual(page.records(), events[3:6])
        self.assertEqual(page["stream_head"], events[-1]["pos"])
        self.assertEqual(self.client.ask("fetch", stream="evt/a").records(), events)
        self.assertEqual(self.client.ask("fetch", stream="evt/none").records(), [])
        self.assert_error(self.client.ask("fetch", stream="x" * 1000), "invalid-argument")

    def test_the_feed_says_what_was_committed_and_beats_when_nothing_was(self):
        feed = nng.Sub(self.broker.feed_url, b"f")
        kind, beat = decode_frame(feed.next(fleet.DEADLINE)[1:])
        self.assertEqual((kind, beat.get("records", [])), ("feed", []))
        self.worker()
        seen = []
        while not seen:
            _, said = decode_frame(feed.next(fleet.DEADLINE)[1:])
            seen += said.get("records", [])
        self.assertEqual([fleet.read_record(r) for r in seen], self.client.watch_all())
        self.assertEqual(said["head"], 1)

    def test_rows_are_queried_in_pages_by_their_keys(self):
        worker = self.worker()
        self.worker("b")
        for number in range(1, 301):
            self.client.submit(id=command_id(1, number), **create_fields("a", number))
        first = self.client.ask("query", table="containers")
        self.assertEqual(len(first["rows"]), 256)
        self.assertEqual(first["next"], container_id(256))
        rows = self.client.query_all("containers", host="a")
        self.assertEqual([row["id"] for row in rows], [container_id(i) for i in range(1, 301)])
        self.assertEqual(self.client.query_all("containers", host="b"), [])
        self.assertEqual([row["name"] for row in self.client.query_all("hosts")], ["a", "b"])
        commands = self.client.query_all("commands")
        self.assertEqual(len(commands), 300)
        one = self.client.query_all("commands", key=command_id(1, 7).hex())
        self.assertEqual([row["id"] for row in one], [command_id(1, 7)])
        self.assertEqual(self.client.query_all("containers", key="none"), [])
        self.assertEqual(worker.poll().kind, "page")


class Streaming(BrokerTest):
    def setUp(self):
        super().setUp()
        self.serving = self.worker()
        self.created(self.serving, 1)

    def open(self, **fields):
        return self.client.ask("stream.open", **dict(dict(host="a", container=container_id(1),
                                                          kind="logs", tail=-1), **fields))

    def accept(self, wait_ms=20000):
        return self.serving.ask("stream.accept", host="a", incarnation=1, journal=b"J" * 16,
                                wait_ms=wait_ms)

    def push(self, stream, sequence, text, **fields):
        chunk = {"channel": 1, "time": 1, "data": text}
        return Client(self.broker.url).ask("stream.push", stream=stream, sequence=sequence,
                                           chunks=[chunk], **fields)

    def read(self, stream, sequence, wait_ms=20000):
        return self.client.ask("stream.read", stream=stream, sequence=sequence, wait_ms=wait_ms)

    def test_chunks_go_through_one_at_a_time(self):
        waiting = Background(self.accept)
        stream = self.open(follow=True)["stream"]
        offer = waiting.result()
        self.assertEqual((offer["stream"], offer["open"]["container"], offer["open"]["follow"]),
                         (stream, container_id(1), True))
        first = Background(self.push, stream, 1, b"one")
        chunks = self.read(stream, 1)
        self.assertEqual((chunks["sequence"], chunks["chunks"][0]["data"]), (1, b"one"))
        self.assertEqual(self.read(stream, 1), chunks)  # the answer was lost: once more
        self.assertTrue(first.is_alive())  # not dealt with, so the worker waits
        second = Background(self.read, stream, 2)
        self.assertFalse(first.result().get("closed"))
        last = self.push(stream, 2, b"two", end=True)
        self.assertFalse(last.get("closed"))
        chunks = second.result()
        self.assertEqual((chunks["chunks"][0]["data"], chunks["end"]), (b"two", True))
        self.assertEqual(self.client.ask("stream.close", stream=stream).kind, "done")
        self.assert_error(self.read(stream, 3), "no-stream")

    def test_a_reader_that_goes_stops_the_worker(self):
        stream = self.open()["stream"]
        self.assertEqual(self.accept()["stream"], stream)
        pushed = Background(self.push, stream, 1, b"one")
        self.read(stream, 1)
        self.client.ask("stream.close", stream=stream)
        self.assertTrue(pushed.result()["closed"])
        self.assertTrue(self.push(stream, 2, b"two")["closed"])

    def test_a_worker_that_starts_again_ends_its_streams(self):
        stream = self.open()["stream"]
        self.accept()
        waiting = Background(Client(self.broker.url).ask, "stream.read", stream=stream,
                             sequence=1, wait_ms=20000)
        self.worker(incarnation=2)
        chunks = waiting.result()
        self.assertTrue(chunks["end"])
        self.assertIn("started again", chunks["failure"])

    def test_that_a_stream_was_opened_is_logged(self):
        self.open()
        granted = self.client.ask("watch", types=["access.granted"], wait_ms=20000).records()
        self.assertEqual([(r["host"], r["container"], r["body"]) for r in granted],
                         [("a", container_id(1), {"message": "stream.open", "role": "admin"})])

    def test_a_push_without_chunks_asks_whether_the_reader_is_there(self):
        stream = self.open(follow=True)["stream"]
        self.accept()
        ask = dict(stream=stream, sequence=1, chunks=[])
        self.assertFalse(self.serving.ask("stream.push", **ask).get("closed"))
        pushed = Background(self.push, stream, 1, b"one")
        self.assertEqual(self.read(stream, 1)["sequence"], 1)
        self.client.ask("stream.close", stream=stream)
        self.assertTrue(pushed.result()["closed"])
        self.assertTrue(self.serving.ask("stream.push", **ask)["closed"])

    def test_a_chunk_out_of_order_is_refused(self):
        stream = self.open()["stream"]
        self.accept()
        self.assert_error(self.push(stream, 2, b"two"), "invalid-argument")
        self.assert_error(self.read(stream, 5), "invalid-argument")
        self.assertEqual(self.read(stream, 1, wait_ms=0).get("sequence", 0), 0)

    def test_what_cannot_be_streamed_is_said_at_once(self):
        self.assert_error(self.open(kind="attach"), "unsupported")
        self.assert_error(self.open(host="b"), "no-host")
        self.assert_error(self.open(container=container_id(2)), "no-container")
        self.assertEqual(self.accept(wait_ms=0).get("stream", 0), 0)


class Uploading(BrokerTest):
    """The other way round: the console pushes, the worker reads."""

    def setUp(self):
        super().setUp()
        self.serving = self.worker()
        self.stream = self.client.ask("stream.open", host="a", kind="upload",
                                      upload="u-1")["stream"]

    def accept(self):
        offer = self.serving.ask("stream.accept", host="a", incarnation=1, journal=b"J" * 16,
                                 wait_ms=20000)
        self.assertEqual((offer["stream"], offer["open"]["upload"]), (self.stream, "u-1"))

    def push(self, sequence, text, **fields):
        chunks = [{"channel": 1, "data": text}] if text else []
        return Client(self.broker.url).ask("stream.push", stream=self.stream, sequence=sequence,
                                           chunks=chunks, **fields)

    def read(self, sequence, wait_ms=20000):
        return self.serving.ask("stream.read", stream=self.stream, sequence=sequence,
                                wait_ms=wait_ms)

    def test_an_upload_goes_through_one_chunk_at_a_time(self):
        first = Background(self.push, 1, b"one")
        self.accept()
        chunks = self.read(1)
        self.assertEqual((chunks["sequence"], chunks["chunks"][0]["data"]), (1, b"one"))
        self.assertEqual(self.read(1), chunks)  # the answer was lost: once more
        self.assertTrue(first.is_alive())  # not written, so the console waits
        waiting = Background(self.read, 2)
        self.assertFalse(first.result().get("closed"))
        self.assertFalse(self.push(2, b"").get("closed"))  # without content it does not count
        last = Background(self.push, 2, b"two", end=True)
        chunks = waiting.result()
        self.assertEqual((chunks["chunks"][0]["data"], chunks["end"]), (b"two", True))
        self.assert_error(self.read(3), "no-stream")
        self.assertFalse(last.result().get("closed"))

    def test_the_last_push_is_answered_when_the_worker_has_all(self):
        self.accept()
        last = Background(self.push, 1, b"one", end=True)
        self.assertTrue(self.read(1)["end"])
        self.assertTrue(last.is_alive())
        self.assert_error(self.read(2), "no-stream")
        self.assertFalse(last.result().get("closed"))
        self.assert_error(self.read(2), "no-stream")
        again = self.push(1, b"one", end=True)  # the answer was lost: once more
        self.assertEqual((again.get("closed"), again.get("failure")), (None, None))
        self.assertEqual(self.client.ask("stream.close", stream=self.stream).kind, "done")
        self.assertTrue(self.push(2, b"two")["closed"])

    def test_the_console_is_told_why_the_worker_cannot_take_it(self):
        self.accept()
        last = Background(self.push, 1, b"one", end=True)
        self.read(1)
        closed = self.serving.ask("stream.close", stream=self.stream, failure="disk full")
        self.assertEqual(closed.kind, "done")
        self.assertEqual(last.result()["failure"], "host a: disk full")
        self.assertEqual(self.push(1, b"one", end=True)["failure"], "host a: disk full")

    def test_a_console_that_closes_an_upload_tells_the_worker(self):
        self.accept()
        waiting = Background(self.read, 1)
        self.assertFalse(self.push(1, b"").get("closed"))
        self.client.ask("stream.close", stream=self.stream)
        self.assert_error(waiting.result(), "no-stream")

    def test_a_worker_that_starts_again_ends_its_uploads(self):
        self.accept()
        pushed = Background(self.push, 1, b"one")
        self.read(1)
        self.worker(incarnation=2)
        self.assertIn("started again", pushed.result()["failure"])

    def test_an_upload_needs_a_name_that_is_one(self):
        for upload in (None, "", "../etc/passwd", "a/b"):
            answer = self.client.ask("stream.open", host="a", kind="upload", upload=upload)
            self.assert_error(answer, "invalid-argument", "upload")

    def test_what_a_kind_cannot_do_without_is_asked_for(self):
        for kind, missing in (("export", "container"), ("diff", "container"), ("save", "image"),
                              ("archive", "container")):
            self.assert_error(self.client.ask("stream.open", host="a", kind=kind),
                              "invalid-argument", missing)


class Silence(BrokerTest):
    def test_a_silent_host_is_unreachable_until_it_is_heard(self):
        worker = self.worker()
        self.created(worker, 1)
        stream = self.client.ask("stream.open", host="a", container=container_id(1),
                                 kind="logs")["stream"]
        worker.ask("stream.accept", host="a", incarnation=1, journal=worker.journal)
        said = self.wait_for("host.unreachable")
        self.assertGreaterEqual(said["body"]["silent_ms"], 30000)
        self.assertEqual(self.client.query_all("hosts")[0]["state"], 2)
        ended = self.client.ask("stream.read", stream=stream, sequence=1)
        self.assertIn("silent", ended["failure"])
        worker.poll(wait_ms=0)
        self.wait_for("host.reachable")
        self.assertEqual(self.client.query_all("hosts")[0]["state"], 1)

    def wait_for(self, kind):
        cursor = 0
        for _ in range(10):
            page = self.client.ask("watch", cursor=cursor, types=[kind], wait_ms=20000)
            if page.records():
                return page.records()[0]
            cursor = page["cursor"]
        self.fail(f"no {kind}")


if __name__ == "__main__":
    fleet.main()
