"""The checker must find what it is there to find: histories that break one promise each."""
import copy
import unittest

import checker
import fleet
from checker import Follower, History, Journal, Submission, clean
from fleet import COMMAND, EVENT, command_id, container_id

HOSTS = ["a", "b"]
CLIENT = 7


class Story:
    """A history that keeps every promise: on each host a container is created, run and removed."""

    def __init__(self):
        self.log = []
        self.heads = {}
        self.journals = {host: [] for host in HOSTS}
        self.submissions = []
        self.commands = {}
        for host in HOSTS:
            self.append("sys", kind=EVENT, type="host.hello", host=host)
        for number in [1, 2]:
            for host in HOSTS:
                self.live(host, number)
        self.refuse_at_door()

    def append(self, stream, **fields):
        pos = 10 * len(self.log) + 3
        record = clean({"pos": pos, "stream": stream, "prev": self.heads.get(stream, 0),
                        "actor": "test", "time": pos, **fields})
        self.heads[stream] = pos
        self.log.append(record)
        return record

    def submission(self, host, container, kind, **body):
        said = clean({"kind": COMMAND, "type": f"container.{kind}", "host": host,
                      "container": container, "happened": 5, "body": body,
                      "id": command_id(CLIENT, len(self.submissions) + 1)})
        self.submissions.append(Submission(said))
        return self.submissions[-1]

    def ask(self, host, container, kind, **body):
        submission = self.submission(host, container, kind, **body)
        said = submission.record
        record = self.append(f"cmd/{host}", **{name: said[name]
                                               for name in checker.SAID_OF_COMMAND})
        submission.answers += [(record["pos"], None, False), (record["pos"], None, True)]
        return record

    def tell(self, command, kind, run=0, **body):
        host = command["host"]
        event = clean({"kind": EVENT, "type": kind, "host": host, "run": run, "happened": 6,
                       "container": command["container"], "cause": command["id"], "body": body,
                       "journal_seq": len(self.journals[host]) + 1})
        self.journals[host].append(event)
        return self.append(f"evt/{host}", incarnation=1 + event["journal_seq"] // 4,
                           **{name: event[name] for name in checker.SAID_OF_EVENT})

    def finish(self, command):
        done = self.tell(command, "command.done")
        self.commands[command["id"]] = {"state": 2, "outcome_pos": done["pos"]}

    def live(self, host, number):
        container = container_id(number + 100 * HOSTS.index(host))
        create = self.ask(host, container, "create", config={"name": f"c{number}"})
        start = self.ask(host, container, "start")
        self.tell(create, "container.created")
        self.finish(create)
        self.tell(start, "container.initialized", 1)
        self.tell(start, "container.started", 1)
        self.finish(start)
        self.tell(start, "container.died", 1, exit_code=checker.PROOF)
        remove = self.ask(host, container, "remove")
        self.tell(remove, "container.removed")
        self.finish(remove)

    def refuse_at_door(self):
        submission = self.submission("nowhere", container_id(9), "start")
        refusal = self.append("sys", kind=EVENT, type="command.refused", host="nowhere",
                              cause=submission.id)
        submission.answers.append((refusal["pos"], "no-host", False))
        self.submission("a", container_id(1), "start")  # whose answer never came

    def history(self):
        filters = {"all": {}, "commands": {"kind": COMMAND}, "of-b": {"hosts": ["b"]},
                   "life": {"types": ["container.died", "command."]}}
        end = self.log[-1]["pos"]
        return History(
            submissions=self.submissions, log=self.log,
            streams={stream: [r for r in self.log if r["stream"] == stream]
                     for stream in self.heads},
            journals={host: Journal(1, events) for host, events in self.journals.items()},
            effects={r["container"]: 1 for r in self.log if r["type"] == "container.started"},
            commands=self.commands, view=(end, 1), folded=(end, 1),
            followers=[Follower(name, wanted, [r for r in self.log if checker.passes(wanted, r)],
                                end) for name, wanted in filters.items()] +
            [Follower("feed", {}, sorted(self.log, key=lambda r: r["stream"]), end, True)])


def find(records, kind, nth=0):
    return [r for r in records if r["type"] == kind][nth]


def relink(history):
    """As a broker would have written this log: only what is meant to be wrong is wrong."""
    heads, history.streams = {}, {}
    for record in history.log:
        record["prev"] = heads.get(record["stream"], 0)
        heads[record["stream"]] = record["pos"]
        history.streams.setdefault(record["stream"], []).append(record)
    for follower in history.followers:
        follower.records = [r for r in history.log if checker.passes(follower.filter, r)]


def drop(history, record):
    history.log.remove(record)
    relink(history)


def insert_after(history, record, **changes):
    """Once more, a little later."""
    again = dict(record, pos=record["pos"] + 1, **changes)
    history.log.insert(history.log.index(record) + 1, again)
    relink(history)
    return again


class Checking(unittest.TestCase):
    def setUp(self):
        self.history = copy.deepcopy(Story().history())

    def assert_complaint(self, *wanted):
        """Each of them, and nothing that is called otherwise than one of them."""
        complaints = checker.check(self.history)
        for words in wanted:
            self.assertTrue(any(words in complaint for complaint in complaints),
                            f"{words!r} is not among {complaints}")
        promises = {words.split(":")[0] for words in wanted}
        self.assertEqual({complaint.split(":")[0] for complaint in complaints}, promises)

    def find(self, kind, nth=0):
        return find(self.history.log, kind, nth)

    def follower(self, name):
        return next(one for one in self.history.followers if one.name == name)

    def test_a_history_that_keeps_every_promise(self):
        self.assertEqual(checker.check(self.history), [])

    def test_an_acknowledged_command_that_is_lost(self):
        unended = self.find("container.remove", -1)
        for record in [r for r in self.history.log if r["cause"] == unended["id"]]:
            self.history.log.remove(record)
        self.history.journals["b"].events = self.history.journals["b"].events[:-2]
        drop(self.history, unended)
        self.assert_complaint("lost: command 7/12 was acknowledged")

    def test_a_command_that_is_there_twice(self):
        insert_after(self.history, self.find("container.start"))
        self.assert_complaint("doubled: command 7/2 is in the log 2 times",
                              "order: command 7/2 comes after a later one")

    def test_a_command_of_unknown_fate_that_is_there_twice(self):
        submission = self.history.submissions[-1]
        record = insert_after(self.history, self.history.log[-1], **{
            name: submission.record[name] for name in checker.SAID_OF_COMMAND}, stream="cmd/a",
            cause=fleet.NO_ID)
        insert_after(self.history, record)
        for follower in self.history.followers:
            follower.cursor += 2
        self.assert_complaint("doubled: command 7/14", "order:", "outcome:")

    def test_a_command_that_nobody_said(self):
        del self.history.submissions[-4]
        self.assert_complaint("invented: nobody said container.start")

    def test_a_command_that_was_changed(self):
        self.find("container.create")["body"] = {"config": {"name": "other"}}
        self.assert_complaint("altered: container.create at")

    def test_a_refused_command_that_is_there(self):
        self.history.submissions[0].answers = [(5, "busy", False), (3, "no-host", False)]
        self.assert_complaint("refused: command 7/1 was refused and is at")

    def test_a_command_that_was_refused_for_now_may_be_taken_later(self):
        self.history.submissions[0].answers = [(0, "busy", False)]
        self.assertEqual(checker.check(self.history), [])

    def test_answers_that_differ(self):
        answers = self.history.submissions[0].answers
        answers.append((answers[0][0] + 7, None, True))
        self.assert_complaint("answers: command 7/1 was answered differently",
                              "answers: command 7/1 is at")

    def test_a_duplicate_that_was_told_to_be_new(self):
        submission = self.history.submissions[0]
        submission.answers.append(submission.answers[0])
        self.assert_complaint("answers: command 7/1 was new 2 times")

    def test_commands_of_a_client_out_of_order(self):
        first, second = self.history.submissions[0], self.history.submissions[1]
        mine, other = self.find("container.create"), self.find("container.start")
        for one, submission in [(mine, second), (other, first)]:
            for name in checker.SAID_OF_COMMAND:
                one[name] = submission.record[name]
        first.answers = [(other["pos"], None, False)]
        second.answers = [(mine["pos"], None, False)]
        relink(self.history)
        self.assert_complaint("order: command 7/1 comes after a later one")

    def test_an_event_that_is_lost(self):
        drop(self.history, self.find("container.removed"))
        self.assert_complaint("journal: a: event 7 is lost", "journal: a: event 7, container.rem")

    def test_the_last_event_that_is_lost(self):
        last = [r for r in self.history.log if r["stream"] == "evt/b"][-1]
        drop(self.history, last)
        self.assert_complaint("journal: b: event 16, command.done, is not in the log", "outcome:")

    def test_an_event_that_is_there_twice(self):
        insert_after(self.history, self.find("container.removed"))
        self.assert_complaint("journal: a: event 7 is doubled")

    def test_events_out_of_order(self):
        one, two = self.find("container.created"), self.find("command.done")
        one["journal_seq"], two["journal_seq"] = two["journal_seq"], one["journal_seq"]
        self.assert_complaint("journal: a: event 1 is lost", "altered: a: container.created")

    def test_an_event_that_no_journal_has(self):
        del self.history.journals["b"].events[-1]
        self.assert_complaint("invented: b: command.done at")

    def test_a_host_without_a_journal(self):
        del self.history.journals["b"]
        self.assert_complaint("journal: b has events in the log and no journal")

    def test_events_of_a_worker_that_was_fenced(self):
        self.find("container.died")["incarnation"] = 1
        self.assert_complaint("fence: a: container.died")

    def test_a_chain_that_is_broken(self):
        self.find("container.died")["prev"] -= 1
        self.assert_complaint("prev: container.died at")

    def test_positions_that_do_not_grow(self):
        log = self.history.log
        log[-1], log[-2] = log[-2], log[-1]
        self.assert_complaint("position:", "subscriber: all", "subscriber: life")

    def test_a_record_in_the_wrong_stream(self):
        self.find("container.died")["stream"] = "evt/b"
        relink(self.history)
        self.assert_complaint("stream: container.died at 93 is in evt/b, not in evt/a",
                              "journal: a: event 6 is lost", "journal: b: event 1 is doubled",
                              "altered: b:", "fence: b:")

    def test_a_stream_that_fetch_gives_otherwise(self):
        self.history.streams["evt/a"] = self.history.streams["evt/a"][:-1]
        del self.history.streams["sys"]
        self.assert_complaint("fetch: evt/a is not the same", "fetch: sys was not fetched")

    def test_a_command_with_two_outcomes(self):
        done = self.find("command.done")
        row = self.history.commands[done["cause"]]
        again = self.find("container.removed")
        again.update(type="command.failed", cause=done["cause"], body={})
        self.history.journals["a"].events[again["journal_seq"] - 1] = clean(again)
        relink(self.history)
        self.assertEqual(row["outcome_pos"], done["pos"])
        self.assert_complaint("outcome: command 7/1, container.create at 23, has 2 outcomes")

    def test_a_command_without_an_outcome(self):
        done = self.find("command.done")
        done.update(type="container.signalled")
        self.history.journals["a"].events[done["journal_seq"] - 1]["type"] = "container.signalled"
        relink(self.history)
        self.assert_complaint("outcome: command 7/1, container.create at 23, has 0 outcomes")

    def test_an_outcome_of_nothing(self):
        record = self.find("container.removed")
        record.update(type="command.failed", cause=command_id(8, 8))
        self.history.journals["a"].events[record["journal_seq"] - 1] = clean(record)
        relink(self.history)
        self.assert_complaint("outcome: command.failed at")

    def test_a_refusal_that_was_recorded_twice(self):
        insert_after(self.history, self.history.log[-1])
        for follower in self.history.followers:
            follower.cursor += 1
        self.assert_complaint("doubled: command 7/13 was refused 2 times")

    def test_an_event_whose_command_does_not_exist(self):
        for records in [self.history.log, self.history.journals["a"].events]:
            find(records, "container.removed")["cause"] = command_id(8, 8)
        self.assert_complaint("cause: container.removed at")

    def test_a_command_that_took_effect_twice(self):
        for records in [self.history.log, self.history.journals["a"].events]:
            find(records, "container.removed").update(type="container.initialized", run=2,
                                                      cause=command_id(CLIENT, 2))
        self.assert_complaint("effect: container.initialized at", "effect: run 2 of")

    def test_a_run_that_was_started_twice(self):
        for records in [self.history.log, self.history.journals["a"].events]:
            find(records, "container.removed").update(type="container.started", run=1)
        self.assert_complaint("effect: container.started at 113: run 1 was started before",
                              "effect: container.started at 113: run 1 had died")

    def test_a_process_that_was_begun_twice(self):
        self.history.effects[container_id(1)] = 2
        self.assert_complaint("effect: 000000000001 was begun 2 times")

    def test_a_process_that_cannot_have_ended_so(self):
        del self.history.effects[container_id(2)]
        self.assert_complaint("effect: 000000000002 was begun 0 times")

    def test_a_run_that_never_ended(self):
        for records in [self.history.log, self.history.journals["a"].events]:
            find(records, "container.died")["type"] = "container.signalled"
        relink(self.history)
        self.assert_complaint("effect: run 1 of 000000000001 never died")

    def test_a_subscriber_that_skipped_a_record(self):
        del self.follower("all").records[5]
        self.assert_complaint("subscriber: all skipped")

    def test_a_subscriber_that_missed_the_end(self):
        del self.follower("commands").records[-1]
        self.follower("of-b").cursor -= 1
        self.assert_complaint("subscriber: commands skipped", "subscriber: of-b stopped at")

    def test_a_subscriber_that_saw_a_record_twice(self):
        records = self.follower("life").records
        records.insert(3, records[2])
        self.assert_complaint("subscriber: life saw")

    def test_a_subscriber_that_saw_what_it_did_not_ask_for(self):
        self.follower("commands").records.append(self.history.log[-1])
        self.assert_complaint("subscriber: commands saw command.refused at")

    def test_a_subscriber_that_saw_something_else(self):
        follower = self.follower("all")
        follower.records = copy.deepcopy(follower.records)
        follower.records[4]["actor"] = "nobody"
        self.assert_complaint("subscriber: all saw container.created at 43 otherwise")

    def test_a_follower_of_the_feed_that_filled_no_gap(self):
        self.follower("feed").records.remove(self.find("container.died"))
        self.assert_complaint("subscriber: feed of evt/a skipped container.died")

    def test_a_view_that_is_no_fold_of_the_log(self):
        self.history.folded = (self.history.view[0], 2)
        self.assert_complaint("view: the broker's (position, hash)")

    def test_a_row_that_does_not_say_how_the_command_ended(self):
        self.history.commands[command_id(CLIENT, 1)]["state"] = 1
        self.assert_complaint("view: command 7/1, container.create at 23, ended by")


if __name__ == "__main__":
    unittest.main()
