"""A fleet to be hurt: a broker, workers, clients and subscribers behind a bad network, and what each
of them has seen, for the checker."""
import glob
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

import checker
import fleet
import follower
import nng
from checker import Follower, History, Journal, Submission, clean
from fleet import BUILD_DIR, COMMAND, EVENT, Client, Process, command_id, record
from proxy import Network

PENDING, DONE = 1, 2
CREATED, RUNNING, PAUSED, EXITED = 2, 3, 5, 6
ASK_TIMEOUT = 1  # seconds until a client says it once more
HERE = os.path.dirname(os.path.abspath(__file__))

# Leaves its mark, then ends so that the end proves it; or lives until it is stopped.
SHORT = f"echo x >> /marks/$MARK; exit {checker.PROOF}"
LONG = "echo x >> /marks/$MARK; trap 'exit 0' TERM; while :; do sleep 1000 & wait $!; done"


class Progress:
    """Counts what is done, for those who want to wait for some more of it."""

    def __init__(self):
        self._count = 0
        self._changed = threading.Condition()

    def add(self):
        with self._changed:
            self._count += 1
            self._changed.notify_all()

    def wait_for(self, more, seconds):
        """Until so much more is done; a fleet that is being hurt may do nothing for a while."""
        with self._changed:
            wanted = self._count + more
            return self._changed.wait_for(lambda: self._count >= wanted, seconds)


class Actor(threading.Thread):
    """A thread of the fleet; what goes wrong in it is the test's failure."""

    def __init__(self, rig, name):
        super().__init__(daemon=True)
        self.rig = rig
        self.title = name
        self.random = random.Random(f"{rig.seed} {name}")

    def run(self):
        try:
            self.act()
        except Exception as error:  # told by the rig
            self.rig.fail(f"{self.title}: {type(error).__name__}: {error}")

    def ask(self, client, kind, timeout=ASK_TIMEOUT, **body):
        """The answer, or None when there is none in time or the broker is busy."""
        try:
            answer = client.ask(kind, timeout=timeout, **body)
        except nng.NngTimeout:
            return None
        if answer.kind == "error" and answer["code"] == "busy":
            return None
        return answer


# --- clients


class Submitter(Actor):
    """A client: says each command until it is answered, or gives it up and never knows."""

    def __init__(self, rig, number, hosts, url, waiting=0.7):
        super().__init__(rig, f"client {number}")
        self.number = number
        self.hosts = hosts
        self.url = url
        self.waiting = waiting  # how often it waits for an outcome before it goes on
        self.sequence = 0
        self.submissions = []
        self.containers = []

    def act(self):
        client = Client(self.url)
        while not self.rig.is_ending.is_set():
            submission = self.next_command()
            self.submissions.append(submission)
            if self.say(client, submission) and self.random.random() < self.waiting:
                self.await_outcome(client, submission.id)

    def say(self, client, submission):
        """Whether it was taken."""
        raw = [submission.record.get(name) for name in fleet.RECORD_FIELDS]
        if self.random.random() < 0.03 and not self.rig.is_ending.is_set():
            return self.say_and_go(client, raw)
        while True:
            answer = self.ask(client, "submit", record=raw)
            if answer is not None:
                break
            if self.random.random() < 0.15 and not self.rig.is_ending.is_set():
                return False  # never to be known
        if answer.kind != "submitted":
            raise AssertionError(f"{submission.record}: {answer}")
        submission.take(answer)
        self.rig.progress.add()
        if self.random.random() < 0.1:  # once more, for nothing
            again = self.ask(client, "submit", record=raw)
            if again is not None:
                submission.take(again)
        return answer.get("code") is None

    def say_and_go(self, client, raw):
        """Say it once and wait for nothing."""
        try:
            client.socket.send(fleet.encode_frame("submit", {"record": raw}), ASK_TIMEOUT)
        except nng.NngTimeout:
            pass
        return False

    def await_outcome(self, client, identity):
        while not self.rig.is_ending.is_set():
            answer = self.ask(client, "outcome", id=identity, wait_ms=1000,
                              timeout=ASK_TIMEOUT + 1)
            if answer is not None and answer.kind == "error":
                self.rig.fail(f"{self.title}: outcome of {checker.short(identity)}: {answer}")
                return
            if answer is not None and answer["command"]["state"] != PENDING:
                self.rig.progress.add()
                return

    def next_command(self):
        self.sequence += 1
        kind, host, container, body = self.choose()
        return Submission(clean({
            "kind": COMMAND, "type": f"container.{kind}", "host": host, "container": container,
            "id": command_id(self.number, self.sequence), "happened": time.time_ns(),
            "body": body}))

    def choose(self):
        """What to do next, to which container: something sensible, most of the time."""
        if not self.containers or (len(self.containers) < 4 and self.random.random() < 0.4):
            return self.choose_create()
        host, container = self.random.choice(self.containers)
        kind = self.random.choices(
            ["start", "stop", "kill", "restart", "pause", "unpause", "init", "cleanup", "remove"],
            [30, 12, 10, 10, 5, 8, 3, 3, 15])[0]
        body = {}
        if kind in {"stop", "restart"}:
            body = {"timeout_s": 1}
        elif kind == "kill":
            body = {"signal": 9}
        elif kind == "remove":
            body = {"force": True, "timeout_s": 0}
            self.containers.remove((host, container))
        return kind, host, container, body

    def choose_create(self):
        host = self.random.choice(self.hosts)
        container = self.rig.new_container()
        self.containers.append((host, container))
        config = {
            "name": f"c{container[:12]}", "rootfs": self.rig.rootfs, "network": "none",
            "command": ["/bin/sh", "-c", self.random.choice([SHORT, LONG])],
            "env": [f"MARK={container}", "PATH=/bin"],
        }
        if self.random.random() < 0.2:
            config.update(restart_policy="on-failure", restart_retries=2)
        if self.random.random() < 0.1:
            config["auto_remove"] = True
        return "create", host, container, {"config": config}


# --- workers


class FakeHost(Actor):
    """A worker in some lines, which crashes by itself: what is in `events` and `cursor` is its disk.

    Its containers are sets of facts; each start is an effect, counted like a real one's.
    """

    def __init__(self, rig, name, url):
        super().__init__(rig, f"host {name}")
        self.name_of_host = name
        self.url = url
        self.identity = rig.random_bytes(16)
        self.incarnation = 0
        self.events = []
        self.cursor = 0
        self.containers = {}  # id -> [state, run]
        self.effects = {}

    def act(self):
        while not self.rig.is_over.is_set():
            self.incarnation += 1
            self.live()

    def crashes(self):
        return not self.rig.is_ending.is_set() and self.random.random() < 0.02

    def tell(self, client, kind, **body):
        answer = self.ask(client, kind, host=self.name_of_host, incarnation=self.incarnation,
                          journal=self.identity, timeout=ASK_TIMEOUT + body.get("wait_ms", 0) / 1000, **body)
        if answer is not None and answer.kind == "error" and answer["code"] != "no-host":
            raise AssertionError(f"{kind}: {answer}")
        return answer

    def hello(self, client):
        """The last event that the broker has; None when the worker is to end."""
        while not self.rig.is_over.is_set():
            answer = self.tell(client, "hello", facts=fleet.FACTS)
            if answer is not None and answer.kind == "welcome":
                return answer.get("journal_seq", 0)
        return None

    def live(self):
        client = Client(self.url)
        known = self.hello(client)
        while known is not None and not self.rig.is_over.is_set():
            page = self.tell(client, "poll", cursor=self.cursor, wait_ms=500)
            if page is not None and page.kind == "error":
                known = self.hello(client)
                continue
            if page is not None:
                self.take(page)
            if self.crashes():
                return
            known = self.report(client, known)

    def take(self, page):
        """Commands, their events and the cursor are one transaction: there is no crash within."""
        for command in page.records():
            if command["pos"] <= self.cursor:
                raise AssertionError(f"{command['pos']} comes after {self.cursor}")
            self.cursor = command["pos"]
            self.carry_out(clean(command))

    def report(self, client, known):
        """Some of what the broker does not know, now and then with some of what it does; what it
        knows then, or None after a crash."""
        if known >= len(self.events):
            return known
        begin = max(0, known - self.random.choice([0, 0, 0, 1, 5]))
        batch = self.events[begin:known + self.random.choice([1, 3, 20, 200])]
        if self.crashes():  # with a report under way that nobody waits for
            client.socket.send(fleet.encode_frame("report", {
                "host": self.name_of_host, "incarnation": self.incarnation,
                "journal": self.identity, "records": batch}))
            return None
        answer = self.tell(client, "report", records=batch)
        if answer is None:
            return known
        if answer.kind == "error":
            return self.hello(client)
        if answer.kind == "expect":
            return answer["next"] - 1
        self.rig.progress.add()
        return answer["upto"]

    def journal(self, kind, command, run=0, **body):
        self.events.append(record(
            kind=EVENT, type=kind, host=self.name_of_host, container=command["container"],
            run=run or None, cause=command["id"], journal_seq=len(self.events) + 1,
            happened=time.time_ns(), body=body or None))

    def carry_out(self, command):
        kind = command["type"].removeprefix("container.")
        container = command["container"]
        state, run = self.containers.get(container, (None, 0))
        if kind == "create" and state is None:
            self.containers[container] = (EXITED, 0)
            self.journal("container.created", command, config=command["body"]["config"])
        elif kind == "start" and state == EXITED:
            self.start_run(command, run + 1)
        elif kind in {"stop", "kill"} and state == RUNNING:
            self.end_run(command, run)
        elif kind == "restart" and state is not None:
            if state == RUNNING:
                self.end_run(command, run)
            self.start_run(command, run + 1)
        elif kind == "remove" and state is not None:
            self.remove(command, state, run)
        else:
            self.journal("command.refused", command, code="state-improper", text="not now")
            return
        self.journal("command.done", command)

    def start_run(self, command, run):
        container = command["container"]
        self.effects[container] = self.effects.get(container, 0) + 1
        self.containers[container] = (RUNNING, run)
        self.journal("container.initialized", command, run, pid=run, pid_started=1, conmon_pid=run,
                     conmon_started=1, runtime="fake")
        self.journal("container.started", command, run)

    def end_run(self, command, run):
        self.containers[command["container"]] = (EXITED, run)
        self.journal("container.stopping", command, run, signal=15, timeout_s=1)
        self.journal("container.died", command, run, exit_code=checker.PROOF,
                     finished=time.time_ns())
        self.journal("container.cleaned", command, run)

    def remove(self, command, state, run):
        if state == RUNNING:
            self.end_run(command, run)
        del self.containers[command["container"]]
        self.journal("container.removing", command, run)
        self.journal("container.removed", command, run)

    def read_journal(self):
        return Journal(1, [clean(fleet.read_record(values)) for values in self.events])


class RealHost:
    """gantry-worker with containers of its own, killed and started again by the rig."""

    def __init__(self, rig, name, url, prefix=()):
        self.rig = rig
        self.name = name
        self.url = url
        self.prefix = list(prefix)
        self.state = os.path.join(rig.directory, name, "state")
        self.run = os.path.join(rig.directory, name, "run")
        os.makedirs(os.path.dirname(self.state))
        self.process = None
        self.start()

    def start(self):
        self.process = Process(
            [*self.prefix, os.path.join(BUILD_DIR, "gantry-worker"), "--broker", self.url,
             "--host", self.name, "--state", self.state, "--run", self.run], None)

    def kill(self):
        self.process.stop_if_running()

    def signal(self, number):
        self.process.process.send_signal(number)

    def read_journal(self):
        return checker.dump_journal(os.path.join(self.state, "journal"), self.name)

    # --- what is left on the host

    def conmons(self):
        found = []
        for path in glob.glob("/proc/[0-9]*/cmdline"):
            try:
                with open(path, "rb") as file:
                    words = file.read()
            except OSError:
                continue
            if b"conmon" in words.split(b"\0")[0] and self.run.encode() in words:
                found.append(int(path.split("/")[2]))
        return found

    def leftovers(self, containers):
        """What tells of containers that are no more."""
        paths = [path for pattern in ["exits/*", "runtime/*", "containers/*", "probe/*"]
                 for path in glob.glob(os.path.join(self.run, pattern))]
        paths += glob.glob(os.path.join(self.state, "containers/*"))
        paths += [f"conmon {pid}" for pid in self.conmons()]
        for path in glob.glob("/sys/fs/cgroup/gantry/*") + glob.glob("/sys/fs/cgroup/*/gantry/*"):
            if os.path.basename(path) in containers:
                paths.append(path)
        with open("/proc/self/mountinfo") as file:
            paths += [line for line in file if self.run in line or self.state in line]
        return paths

    def destroy(self, containers):
        """After a failure: everything that is left, by force."""
        self.kill()
        for pid in self.conmons():
            for victim in [pid, *children(pid)]:
                kill(victim)
        root = os.path.join(self.run, "runtime")
        for name in os.listdir(root) if os.path.isdir(root) else []:
            for runtime in ["crun", "runc"]:
                subprocess.run([runtime, "--root", root, "delete", "--force", name], check=False,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for path in glob.glob("/sys/fs/cgroup/gantry/*") + glob.glob("/sys/fs/cgroup/*/gantry/*"):
            if os.path.basename(path) in containers:
                remove_cgroup(path)


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return []


def remove_cgroup(path):
    """What the freezer holds is let go first; who lives in it is ours, by its name."""
    try:
        with open(os.path.join(path, "freezer.state"), "w") as file:
            file.write("THAWED")
    except OSError:
        pass
    try:
        with open(os.path.join(path, "cgroup.procs")) as file:
            for pid in file.read().split():
                os.kill(int(pid), signal.SIGKILL)
        os.rmdir(path)
    except OSError:
        pass


# --- subscribers


class Subscriber:
    """follower.py as a process, and its file."""

    def __init__(self, rig, name, *arguments, filters=None):
        self.name = name
        self.filters = filters
        self.path = os.path.join(rig.directory, f"{name}.records")
        kind, url, what = arguments  # of follower.py, but for the file
        self.argv = [sys.executable, os.path.join(HERE, "follower.py"), kind, self.path, url, what]
        self.start()

    def start(self):
        self.process = Process(self.argv, None)

    def kill(self):
        self.process.stop_if_running()

    def signal(self, number):
        self.process.process.send_signal(number)

    def cursor(self):
        entries, _ = follower.read(self.path)
        return entries[-1][0] if entries else 0

    def read(self):
        entries, _ = follower.read(self.path)
        records = [clean(fleet.read_record(values)) for _, page in entries for values in page]
        return Follower(self.name, self.filters or {}, records, self.cursor(),
                        self.filters is None)


# --- all of it


class Rig:
    """The fleet. Its owner calls close(), whatever happens."""

    def __init__(self, directory, seed):
        self.directory = directory
        self.seed = seed
        self.random = random.Random(seed)
        self.program = "gantry-broker"
        self.rootfs = os.path.join(directory, "rootfs")
        self.is_ending = threading.Event()  # clients end, nobody crashes
        self.is_over = threading.Event()
        self.progress = Progress()
        self.failures = []
        self.network = Network()
        self.addresses = {"bus": ("127.0.0.1", 1), "feed": ("127.0.0.1", 1)}
        self.broker = None
        self.links, self.fakes, self.reals = {}, [], []
        self.submitters, self.subscribers = [], []
        self.containers = 0
        self.start_broker()

    def fail(self, text):
        self.failures.append(text)

    def random_bytes(self, size):
        return bytes(self.random.randrange(256) for _ in range(size))

    def new_container(self):
        """An id that no other test on this machine has."""
        self.containers += 1
        words = f"{os.getpid()} {self.directory} {self.containers} {time.time_ns()}"
        return hashlib.sha256(words.encode()).hexdigest()

    # --- the parts

    def start_broker(self):
        self.broker = Process(
            [os.path.join(BUILD_DIR, self.program), "--state",
             os.path.join(self.directory, "broker"), "--listen", "tcp://127.0.0.1:0", "--feed",
             "tcp://127.0.0.1:0"], r"broker\.ready")
        for name, word in [("bus", "listen"), ("feed", "feed")]:
            address = re.search(rf"{word}=tcp://(\S+):(\d+)", self.broker.ready_line)
            self.addresses[name] = (address.group(1), int(address.group(2)))

    def kill_broker(self):
        self.broker.stop_if_running()

    @property
    def url(self):
        return "tcp://{}:{}".format(*self.addresses["bus"])

    def link(self, name, to="bus"):
        self.links[name] = self.network.link(name, lambda: self.addresses[to])
        return self.links[name].url

    def add_fake_host(self, name):
        host = FakeHost(self, name, self.link(f"to {name}"))
        self.fakes.append(host)
        host.start()

    def add_real_host(self, name):
        self.make_rootfs()
        self.reals.append(RealHost(self, name, self.link(f"to {name}")))

    def add_submitter(self, hosts, url=None, **options):
        number = len(self.submitters) + 1
        submitter = Submitter(self, 0xFA000000 + number, hosts, url or self.link(f"of {number}"),
                              **options)
        self.submitters.append(submitter)
        submitter.start()

    def add_watcher(self, name, **filters):
        self.subscribers.append(Subscriber(self, name, "watch", self.link(f"of {name}"),
                                           json.dumps(filters), filters=filters))

    def add_feed_follower(self, name):
        feed = self.link(f"{name}'s feed", "feed")
        self.subscribers.append(Subscriber(self, name, "feed", self.link(f"of {name}"), feed))

    def make_rootfs(self):
        if os.path.isdir(self.rootfs):
            return
        for name in ["bin", "dev", "etc", "proc", "sys", "tmp", "marks"]:
            os.makedirs(os.path.join(self.rootfs, name))
        shutil.copy("/bin/busybox", os.path.join(self.rootfs, "bin/busybox"))
        for name in ["sh", "sleep", "echo"]:
            os.symlink("busybox", os.path.join(self.rootfs, "bin", name))

    def host_names(self):
        return [host.name_of_host for host in self.fakes] + [host.name for host in self.reals]

    def wait_for_hosts(self):
        """Until the broker knows them all."""
        client, cursor, missing = Client(self.url), 0, set(self.host_names())
        while missing:
            page = client.ask("watch", cursor=cursor, types=["host.hello"], wait_ms=20000)
            cursor = page.get("cursor", 0)
            missing -= {found["host"] for found in page.records()}

    # --- the end

    def settle(self):
        """Everything up and whole again, each command at its end, no container left."""
        for link in self.links.values():
            link.set_mode("pass")
        self.is_ending.set()
        for submitter in self.submitters:
            join(submitter)
        self.await_outcomes()
        self.remove_containers()
        self.await_outcomes()
        self.is_over.set()
        for host in self.fakes:
            join(host)

    def end_quietly(self):
        """No settling: the workers end, then the clients with their last answer in their hands."""
        self.is_over.set()
        for host in self.fakes:
            join(host)
        self.progress.wait_for(4, fleet.DEADLINE)
        self.is_ending.set()
        for submitter in self.submitters:
            join(submitter)

    def await_outcomes(self):
        client, cursor, open_commands = Client(self.url), 0, {}
        deadline = time.monotonic() + 2 * fleet.DEADLINE
        while True:
            page = client.ask("watch", cursor=cursor, wait_ms=2000)
            for seen in page.records():
                if seen["kind"] == COMMAND:
                    open_commands[seen["id"]] = seen
                elif checker.is_outcome(seen):
                    open_commands.pop(seen["cause"], None)
            cursor = page.get("cursor", 0)
            if not page.records() and not page.get("more") and not open_commands:
                return
            if self.failures or time.monotonic() > deadline:
                raise AssertionError(f"not settled: {self.failures} " +
                                     self.describe(open_commands.values()))

    def describe(self, commands):
        return "; ".join(f"{seen['type']} at {seen['pos']} for {seen['host']} "
                         f"{seen['container'][:12]}" for seen in commands)

    def remove_containers(self):
        """By one more client."""
        cleaner = Submitter(self, 0xFAFFFFFF, [], self.url)
        client = Client(self.url)
        for row in client.query_all("containers"):
            cleaner.sequence += 1
            submission = Submission(clean({
                "kind": COMMAND, "type": "container.remove", "host": row["host"],
                "container": row["id"], "id": command_id(cleaner.number, cleaner.sequence),
                "happened": time.time_ns(), "body": {"force": True, "timeout_s": 0}}))
            cleaner.submissions.append(submission)
            cleaner.say(client, submission)
        self.submitters.append(cleaner)

    def stop_workers(self):
        """Each ends as it is told to, and leaves its journal."""
        for host in self.reals:
            status = host.process.terminate()
            if status != 0:
                self.fail(f"{host.name} ended with {status}: {host.process.lines[-20:]}")

    def history(self):
        """What everybody has seen; the broker is up, the workers have ended."""
        history = History(**checker.read_log(Client(self.url)))
        for submitter in self.submitters:
            history.submissions += submitter.submissions
        for host in self.fakes:
            history.journals[host.name_of_host] = host.read_journal()
            history.effects.update(host.effects)
        for host in self.reals:
            history.journals[host.name] = host.read_journal()
        history.effects.update(self.read_marks())
        self.await_subscribers(history.log[-1]["pos"])
        history.followers = [subscriber.read() for subscriber in self.subscribers]
        return history

    def verify_log(self):
        """What the operator's own check of the log says against it."""
        done = subprocess.run([os.path.join(BUILD_DIR, "gantry"), "--broker", self.url, "log",
                               "verify", "--rebuild"], capture_output=True, text=True, check=False)
        return [] if done.returncode == 0 else [f"log verify: {done.stdout} {done.stderr}"]

    def read_marks(self):
        marks = {}
        for path in glob.glob(os.path.join(self.rootfs, "marks", "*")):
            with open(path) as file:
                marks[os.path.basename(path)] = len(file.readlines())
        return marks

    def await_subscribers(self, end):
        """Each has come to the end, or has ended by itself, which the checker will tell."""
        client, deadline = Client(self.url), time.monotonic() + fleet.DEADLINE
        while time.monotonic() < deadline:
            late = [one for one in self.subscribers if one.cursor() < end]
            for subscriber in late:
                if subscriber.process.process.poll() is not None:
                    self.fail(f"{subscriber.name} ended: {subscriber.process.lines[-20:]}")
                    return
            if not late:
                return
            client.ask("watch", cursor=end, wait_ms=200, types=["none"])  # some time passes

    def leftovers(self):
        containers = {submission.record["container"] for submitter in self.submitters
                      for submission in submitter.submissions}
        return [path for host in self.reals for path in host.leftovers(containers)]

    def close(self):
        self.is_ending.set()
        self.is_over.set()
        containers = {submission.record["container"] for submitter in self.submitters
                      for submission in submitter.submissions}
        for host in self.reals:
            host.destroy(containers)
        for subscriber in self.subscribers:
            subscriber.kill()
        self.kill_broker()
        self.network.close()


class LanRig(Rig):
    """Each worker on a host of its own, in a network whose cables can be pulled; clients sit at the
    broker's unix socket."""

    def __init__(self, directory, seed, lan):
        self.lan = lan
        super().__init__(directory, seed)

    def start_broker(self):
        address = f"tcp://{self.lan.address}"
        self.broker = Process(
            [*self.lan.middle.prefix, os.path.join(BUILD_DIR, self.program), "--state",
             os.path.join(self.directory, "broker"), "--listen", self.url, "--listen",
             f"{address}:7470", "--feed", f"{address}:7471", "--insecure"], r"broker\.ready")

    @property
    def url(self):
        return f"unix://{self.directory}/broker.sock"

    def add_host(self, name):
        self.make_rootfs()
        self.reals.append(RealHost(self, name, f"tcp://{self.lan.address}:7470",
                                   self.lan.hosts[name].prefix))


def join(thread):
    thread.join(fleet.DEADLINE)
    if thread.is_alive():
        raise AssertionError(f"{thread.title} does not end")
