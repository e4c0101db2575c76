"""Holds a history to the promises of ARCHITECTURE.md, in the spirit of Jepsen's checkers.

A history is what was seen from outside while processes were killed and links cut: each submission
with its answers, what each subscriber has kept, the broker's log once everything is up again, the
journal of every worker, and what containers really did. check() says what does not fit together.
"""
import collections
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field

import msgpack

from fleet import BUILD_DIR, COMMAND, EVENT, NO_ID, RECORD_FIELDS, read_record

NUMBERS = {"pos", "kind", "prev", "time", "run", "incarnation", "journal_seq", "happened",
           "deadline"}
TEXTS = {"type", "stream", "host", "container", "actor"}
IDS = {"id", "cause"}
OUTCOMES = {"command.done": 2, "command.failed": 3, "command.refused": 4, "command.expired": 5}

# What its author says of a command, and a worker of an event.
SAID_OF_COMMAND = ["kind", "type", "host", "container", "id", "happened", "deadline", "body"]
SAID_OF_EVENT = ["kind", "type", "host", "container", "run", "cause", "journal_seq", "happened",
                 "body"]

# A refusal that stands for now only: the same command may still be taken when it comes again.
PASSING_REFUSALS = {"busy", "denied"}


def clean(record):
    """A record by name, where absent and nothing are the same."""
    cleaned = dict(record)
    for name in NUMBERS:
        cleaned[name] = cleaned.get(name) or 0
    for name in TEXTS:
        cleaned[name] = cleaned.get(name) or ""
    for name in IDS:
        cleaned[name] = cleaned.get(name) or NO_ID
    cleaned["body"] = cleaned.get("body") or {}
    return cleaned


def is_outcome(record):
    return record["type"] in OUTCOMES


def is_refusal_at_door(record):
    """The broker's refusal of a command that did not enter the log."""
    return record["type"] == "command.refused" and record["journal_seq"] == 0


@dataclass
class Submission:
    """One command of a client, and the answers to however many times it was said."""
    record: dict
    answers: list = field(default_factory=list)  # (pos, code or None, is a duplicate)

    @property
    def id(self):
        return self.record["id"]

    def take(self, answer):
        if answer.kind == "submitted":
            self.answers.append((answer.get("pos", 0), answer.get("code"),
                                 bool(answer.get("duplicate"))))

    @property
    def accepted_at(self):
        return {pos for pos, code, _ in self.answers if code is None}

    @property
    def refused_with(self):
        return {(pos, code) for pos, code, _ in self.answers
                if code is not None and code not in PASSING_REFUSALS}


@dataclass
class Follower:
    """A subscriber: what it has kept, in the order in which it came, up to its cursor."""
    name: str
    filter: dict
    records: list
    cursor: int
    is_by_stream: bool = False  # of a feed: in order within each stream only


@dataclass
class Journal:
    """A worker's journal; the events before `first` are in the log and no longer kept."""
    first: int
    events: list


@dataclass
class History:
    submissions: list = field(default_factory=list)
    followers: list = field(default_factory=list)
    log: list = field(default_factory=list)      # by watch from 0
    streams: dict = field(default_factory=dict)  # by fetch: name -> records
    journals: dict = field(default_factory=dict)  # host -> Journal
    effects: dict = field(default_factory=dict)  # container -> how often its process was begun
    commands: dict = field(default_factory=dict)  # the view's rows by id
    containers: dict = field(default_factory=dict)
    view: tuple = (0, 0)    # the broker's (pos, hash)
    folded: tuple = (0, 0)  # a fold's of this log


def short(identity):
    return f"{identity[:8].hex().lstrip('0')}/{int.from_bytes(identity[8:], 'big')}"


def label(record):
    return f"{record['type']} at {record['pos']}"


class Checker:
    def __init__(self, history):
        self.history = history
        self.log = history.log
        self.complaints = []
        self.commands = {}  # the first record of each command, by id
        self.by_stream = collections.defaultdict(list)
        for record in self.log:
            self.by_stream[record["stream"]].append(record)
            if record["kind"] == COMMAND:
                self.commands.setdefault(record["id"], record)

    def complain(self, promise, text):
        self.complaints.append(f"{promise}: {text}")

    def check(self):
        for part in [self.check_positions, self.check_streams, self.check_fetched,
                     self.check_submissions, self.check_invented, self.check_order_of_clients,
                     self.check_journals, self.check_outcomes, self.check_causes, self.check_runs,
                     self.check_effects, self.check_followers, self.check_view]:
            part()
        return self.complaints

    # --- the log by itself

    def check_positions(self):
        for before, record in zip(self.log, self.log[1:]):
            if record["pos"] <= before["pos"]:
                self.complain("position", f"{label(record)} comes after {label(before)}")

    def stream_of(self, record):
        if record["kind"] == COMMAND:
            return f"cmd/{record['host']}"
        return f"evt/{record['host']}" if record["journal_seq"] else "sys"

    def check_streams(self):
        for name, records in self.by_stream.items():
            last = 0
            for record in records:
                if record["prev"] != last:
                    self.complain("prev", f"{label(record)} in {name} says {record['prev']}, and "
                                  f"the record before is at {last}")
                if name != self.stream_of(record):
                    self.complain("stream", f"{label(record)} is in {name}, not in "
                                  f"{self.stream_of(record)}")
                last = record["pos"]

    def check_fetched(self):
        for name, records in self.history.streams.items():
            if records != self.by_stream.get(name, []):
                self.complain("fetch", f"{name} is not the same by fetch as by watch")
        for name in self.by_stream.keys() - self.history.streams.keys():
            self.complain("fetch", f"{name} was not fetched")

    # --- commands

    def check_submissions(self):
        count = collections.Counter(r["id"] for r in self.log if r["kind"] == COMMAND)
        for identity, times in count.items():
            if times > 1:
                self.complain("doubled", f"command {short(identity)} is in the log {times} times")
        for submission in self.history.submissions:
            self.check_answers(submission)
            self.check_acknowledged(submission)

    def check_answers(self, submission):
        told = submission.accepted_at | {pos for pos, _ in submission.refused_with if pos}
        if len(told) > 1 or (submission.accepted_at and submission.refused_with):
            self.complain("answers", f"command {short(submission.id)} was answered differently: "
                          f"{submission.answers}")
        first = [answer for answer in submission.answers if not answer[2] and answer[1] is None]
        if len(first) > 1:
            self.complain("answers", f"command {short(submission.id)} was new {len(first)} times")

    def check_acknowledged(self, submission):
        found = self.commands.get(submission.id)
        if submission.accepted_at and found is None:
            self.complain("lost", f"command {short(submission.id)} was acknowledged at "
                          f"{sorted(submission.accepted_at)} and is not in the log")
        if found is not None and submission.accepted_at - {found["pos"]}:
            self.complain("answers", f"command {short(submission.id)} is at {found['pos']}, and "
                          f"{sorted(submission.accepted_at)} was acknowledged")
        if found is not None and submission.refused_with:
            self.complain("refused", f"command {short(submission.id)} was refused and is at "
                          f"{found['pos']}")

    def check_invented(self):
        said = {submission.id: submission.record for submission in self.history.submissions}
        for record in self.log:
            if record["kind"] != COMMAND:
                continue
            if record["id"] not in said:
                self.complain("invented", f"nobody said {label(record)}")
                continue
            for name in SAID_OF_COMMAND:
                if record[name] != said[record["id"]][name]:
                    self.complain("altered", f"{label(record)}: {name} is {record[name]!r}, and "
                                  f"{said[record['id']][name]!r} was said")

    def check_order_of_clients(self):
        last = {}
        for record in self.log:
            client, sequence = record["id"][:8], record["id"][8:]
            if record["kind"] == COMMAND and sequence <= last.get(client, b""):
                self.complain("order", f"command {short(record['id'])} comes after a later one of "
                              "its client")
            if record["kind"] == COMMAND:
                last[client] = max(last.get(client, b""), sequence)

    # --- journals

    def check_journals(self):
        hosts = {name.removeprefix("evt/") for name in self.by_stream if name.startswith("evt/")}
        for host in sorted(hosts | self.history.journals.keys()):
            events = self.by_stream.get(f"evt/{host}", [])
            self.check_sequence(host, events)
            self.check_incarnations(host, events)
            if host in self.history.journals:
                self.check_replicated(host, events, self.history.journals[host])
            else:
                self.complain("journal", f"{host} has events in the log and no journal")

    def check_sequence(self, host, events):
        expected = 1
        for record in events:
            sequence = record["journal_seq"]
            if sequence != expected:
                what = "lost" if sequence > expected else "doubled"
                self.complain("journal", f"{host}: event {min(expected, sequence)} is {what}: "
                              f"{sequence} stands in place of {expected}, {label(record)}")
            expected = sequence + 1

    def check_incarnations(self, host, events):
        for before, record in zip(events, events[1:]):
            if record["incarnation"] < before["incarnation"]:
                self.complain("fence", f"{host}: {label(record)} is of incarnation "
                              f"{record['incarnation']}, after {before['incarnation']}")

    def check_replicated(self, host, events, journal):
        by_sequence = {}
        for record in events:
            by_sequence.setdefault(record["journal_seq"], record)
        for event in journal.events:
            found = by_sequence.get(event["journal_seq"])
            if found is None:
                self.complain("journal", f"{host}: event {event['journal_seq']}, {event['type']}, "
                              "is not in the log")
                continue
            for name in SAID_OF_EVENT:
                if found[name] != event[name]:
                    self.complain("altered", f"{host}: {label(found)}: {name} is {found[name]!r}, "
                                  f"and {event[name]!r} in the journal")
        last = journal.first + len(journal.events) - 1
        for sequence in sorted(by_sequence):
            if sequence > last:
                self.complain("invented", f"{host}: {label(by_sequence[sequence])} is event "
                              f"{sequence}, and its journal ends at {last}")

    # --- outcomes and effects

    def check_outcomes(self):
        outcomes = collections.defaultdict(list)
        for record in self.log:
            if is_outcome(record):
                outcomes[record["cause"]].append(record)
        for identity, command in self.commands.items():
            self.check_outcome(command, outcomes.pop(identity, []))
        said = {submission.id: submission for submission in self.history.submissions}
        for identity, records in outcomes.items():
            if identity not in said or not all(map(is_refusal_at_door, records)):
                self.complain("outcome", f"{label(records[0])} ends command {short(identity)}, "
                              "which is not in the log")
            elif len(records) > 1:
                self.complain("doubled", f"command {short(identity)} was refused {len(records)} "
                              "times")

    def check_outcome(self, command, outcomes):
        what = f"command {short(command['id'])}, {label(command)},"
        if len(outcomes) != 1:
            self.complain("outcome", f"{what} has {len(outcomes)} outcomes: " +
                          ", ".join(map(label, outcomes)))
            return
        outcome, = outcomes
        if outcome["pos"] < command["pos"]:
            self.complain("outcome", f"{what} ends before it begins, {label(outcome)}")
        row = self.history.commands.get(command["id"])
        if row is None or (row["state"], row.get("outcome_pos")) != (OUTCOMES[outcome["type"]],
                                                                     outcome["pos"]):
            self.complain("view", f"{what} ended by {label(outcome)}, and its row is {row}")

    def check_causes(self):
        for record in self.log:
            if record["kind"] != EVENT or record["cause"] == NO_ID or is_outcome(record):
                continue
            command = self.commands.get(record["cause"])
            if command is None or command["pos"] > record["pos"]:
                self.complain("cause", f"{label(record)} is caused by {short(record['cause'])}, "
                              "which is not in the log before it")

    def check_runs(self):
        """A command makes one run, and a run is made, started and ended once, in this order."""
        made, facts, last = {}, set(), {}
        for record in self.log:
            kind = record["type"].removeprefix("container.")
            if record["kind"] != EVENT or kind not in {"initialized", "started", "died"}:
                continue
            run = (record["container"], record["run"])
            if (run, kind) in facts:
                self.complain("effect", f"{label(record)}: run {record['run']} was {kind} before")
            facts.add((run, kind))
            if kind != "initialized" and (run, "initialized") not in facts:
                self.complain("effect", f"{label(record)}: run {record['run']} was never made")
            if kind == "started" and (run, "died") in facts:
                self.complain("effect", f"{label(record)}: run {record['run']} had died")
            if kind != "initialized":
                continue
            if record["run"] <= last.get(record["container"], 0):
                self.complain("effect", f"{label(record)}: run {record['run']} comes after run "
                              f"{last[record['container']]}")
            last[record["container"]] = record["run"]
            if record["cause"] != NO_ID and record["cause"] in made:
                self.complain("effect", f"{label(record)}: command {short(record['cause'])} had "
                              f"made a run before, {label(made[record['cause']])}")
            made[record["cause"]] = record
        self.check_ends(facts)

    def check_ends(self, facts):
        """After settling, what has not died is there still. Only a run that was never started may
        go with what was made for it."""
        cleared = {r["container"] for r in self.log
                   if r["type"] in {"container.cleaned", "container.removed"}}
        for run, kind in sorted(facts):
            if kind != "initialized" or (run, "died") in facts:
                continue
            if (run, "started") not in facts and run[0] in cleared:
                continue
            row = self.history.containers.get(run[0])
            if row is None or row.get("run") != run[1] or row.get("state") not in {2, 3, 5, 8}:
                self.complain("effect", f"run {run[1]} of {run[0][-12:]} never died, and its row "
                              f"is {row}")

    def check_effects(self):
        """What the containers' own processes have left: none was begun more often than runs were
        made, nor less often than runs have ended as only such a process ends."""
        made = collections.Counter(r["container"] for r in self.log
                                   if r["type"] == "container.initialized")
        proved = collections.Counter(r["container"] for r in self.log
                                     if r["type"] == "container.died" and
                                     r["body"].get("exit_code") == PROOF)
        for container in sorted(made.keys() | self.history.effects.keys()):
            times = self.history.effects.get(container, 0)
            if not proved[container] <= times <= made[container]:
                self.complain("effect", f"{container[-12:]} was begun {times} times, {made[container]} "
                              f"runs were made and {proved[container]} have proved that they ran")

    # --- subscribers

    def check_followers(self):
        end = self.log[-1]["pos"] if self.log else 0
        for follower in self.history.followers:
            expected = [r for r in self.log if passes(follower.filter, r)]
            seen = [r for r in follower.records if r["pos"] <= end]
            if follower.cursor < end:
                self.complain("subscriber", f"{follower.name} stopped at {follower.cursor}")
            if not follower.is_by_stream:
                self.check_followed(follower.name, seen, expected)
                continue
            for name in sorted(self.by_stream):
                self.check_followed(f"{follower.name} of {name}",
                                    [r for r in seen if r["stream"] == name],
                                    [r for r in expected if r["stream"] == name])

    def check_followed(self, name, seen, expected):
        for has, wants in zip(seen, expected):
            if has == wants:
                continue
            if has["pos"] == wants["pos"]:
                self.complain("subscriber", f"{name} saw {label(has)} otherwise than the log")
            elif has["pos"] > wants["pos"]:
                self.complain("subscriber", f"{name} skipped {label(wants)}")
            else:
                self.complain("subscriber", f"{name} saw {label(has)} twice or out of order")
            return
        if len(seen) < len(expected):
            self.complain("subscriber", f"{name} skipped {label(expected[len(seen)])}")
        elif len(seen) > len(expected):
            self.complain("subscriber", f"{name} saw {label(seen[len(expected)])}, which is not "
                          "for it, or twice")

    # --- the view

    def check_view(self):
        if self.history.view != self.history.folded:
            self.complain("view", f"the broker's (position, hash) is {self.history.view}, and a "
                          f"fold of its log gives {self.history.folded}")


# With this a container ends that has left its mark first.
PROOF = 7


def passes(wanted, record):
    """As the broker's filter says in asyncapi.yaml."""
    kind, types = wanted.get("kind"), wanted.get("types")
    return ((not kind or record["kind"] == kind) and
            (not wanted.get("hosts") or record["host"] in wanted["hosts"]) and
            (not types or any(record["type"] == one or
                              (one.endswith(".") and record["type"].startswith(one))
                              for one in types)))


def check(history):
    """Every complaint, as "PROMISE: what does not fit"."""
    return Checker(history).check()


# --- where a history comes from


def dump_journal(directory, host):
    """The journal of a worker that does not run; a copy is opened, since opening begins a life."""
    with tempfile.TemporaryDirectory(prefix="gantry-journal-") as copy:
        shutil.copy(os.path.join(directory, "data.mdb"), copy)
        text = run_tool("journal_dump", "", copy, host)
    head, *lines = text.splitlines()
    events = [clean(read_record(msgpack.unpackb(bytes.fromhex(line)))) for line in lines]
    return Journal(int(head.split()[0]), events)


def fold(log):
    """(position, hash) of a view that is made of this log alone."""
    lines = (msgpack.packb([record.get(name) for name in RECORD_FIELDS]).hex() for record in log)
    position, fingerprint, _ = map(int, run_tool("log_fold", "\n".join(lines)).split())
    return position, fingerprint


def run_tool(name, text, *arguments):
    done = subprocess.run([os.path.join(BUILD_DIR, "tests", name), *arguments], input=text,
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{name}: {done.stderr}")
    return done.stdout


def read_log(client):
    """What the broker says now: the log twice, and its view."""
    log, view = read_at_rest(client)
    streams = {}
    for name in {record["stream"] for record in log}:
        streams[name] = fetch_all(client, name)
    return {
        "log": [clean(record) for record in log],
        "streams": streams,
        "view": (view.get("pos", 0), view["hash"]),
        "folded": fold(log),
        "commands": {row["id"]: row for row in client.query_all("commands")},
        "containers": {row["id"]: row for row in client.query_all("containers")},
    }


def read_at_rest(client):
    """The log and the view's fingerprint of the same moment."""
    while True:
        log = client.watch_all()
        view = client.ask("view.hash")
        if view.get("pos", 0) == (log[-1]["pos"] if log else 0):
            return log, view


def fetch_all(client, stream):
    found, after = [], 0
    while True:
        page = client.ask("fetch", stream=stream, after=after)
        assert page.kind == "page", page
        found += [clean(record) for record in page.records()]
        after = page.get("cursor", 0)
        if not page.get("more"):
            return found
