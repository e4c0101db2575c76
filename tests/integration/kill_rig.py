"""A host whose processes are killed at points of their work: the worker, conmon, the OCI runtime, a
container's init, and the broker behind it all. kill_matrix.py says who dies where.

The worker (worker/io/kill_point.h) and the runtime (support/runtime_gate.c) come by at points and
wait there for a word, so a kill is exactly where it is meant to be. Who is an orphan is known
too: the keeper that a lane runs under adopts every one of them.
"""
import collections
import ctypes
import glob
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import checker
import fleet
import nng
from checker import History, Submission, clean
from containers import BUSYBOX, CONFIGURED, CREATED, EXITED, PAUSED, RUNNING, STOPPING
from fleet import BUILD_DIR, COMMAND, Client, Process, command_id
from inotify import IN_DELETE, Inotify

HOST = "host-a"
KILLS_IN_VAIN_MAX = 12
EXIT_FILE_S = 60  # that an exit file may stay longer than its container runs
LIVE = {CREATED, RUNNING, PAUSED, STOPPING}
RUNTIMES = ["crun", "runc"]
NOBODY = "0" * 64  # the container of what is done to none
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36

# Both leave a mark of their run; the first ends at SIGTERM, the second does not care.
SLEEPER = "echo x >> /marks/$MARK; trap 'exit 0' TERM; while :; do sleep 1000 & wait; done"
STUBBORN = "echo x >> /marks/$MARK; trap '' TERM; while :; do sleep 1000; done"


class Complaint(Exception):
    """What does not fit together."""


def adopt_orphans():
    if ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError("this process cannot adopt orphans")


def end_with_parent():
    """SIGTERM then; a lane takes its containers away."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def words_of(pid):
    """A process's command line; nothing for one that is no more, and for a zombie."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def read_children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return []


def children(pid):
    """The kernel may leave one out while another ends: what it says twice is so."""
    before, now = None, read_children(pid)
    while now != before:
        before, now = now, read_children(pid)
    return now


def read_number(path):
    try:
        with open(path) as file:
            return int(file.read())
    except (OSError, ValueError):
        return None


def start_of(pid):
    """In ticks since the boot, as the log has it; None when it has ended."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return int(file.read().rpartition(")")[2].split()[19])
    except OSError:
        return None


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
        return True
    except ProcessLookupError:
        return False


def can_limit():
    """Whether the control groups of this host count processes; v2's do not when v1 has taken it."""
    if os.path.isdir("/sys/fs/cgroup/pids"):
        return True
    try:
        with open("/sys/fs/cgroup/cgroup.controllers") as file:
            return "pids" in file.read().split()
    except OSError:
        return False


def cgroups_of(container):
    return [path for pattern in ["/sys/fs/cgroup/gantry/", "/sys/fs/cgroup/*/gantry/"]
            for path in glob.glob(pattern + container + "*")]


class Point:
    """Where somebody waits for a word."""

    def __init__(self, name, container, pid=None, parent=None):
        self.name = name
        self.container = container
        self.pid = pid  # of the runtime
        self.parent = parent


class Points(threading.Thread):
    """Hears of the points, and gives the word to go on once `on_point` returns."""

    def __init__(self, path, on_point, on_error):
        super().__init__(daemon=True)
        self.on_point = on_point
        self.on_error = on_error
        self.selector = selectors.DefaultSelector()
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(path)
        self.listener.listen(64)
        self.selector.register(self.listener, selectors.EVENT_READ)

    def run(self):
        while True:
            for key, _ in self.selector.select():
                try:
                    self.take(key.fileobj)
                except Exception as error:  # told by the lane
                    self.on_error(error)

    def take(self, connection):
        if connection is self.listener:
            self.selector.register(connection.accept()[0], selectors.EVENT_READ)
            return
        try:
            text = connection.recv(512).decode()
            if text:
                self.on_point(self.parse(text))
                connection.send(b"g")
                return
        except OSError:
            pass  # it was killed at its point
        self.selector.unregister(connection)
        connection.close()

    @staticmethod
    def parse(text):
        kind, name, subject, *pids = text.split()
        if kind == "point":
            return Point(name, subject)
        return Point(f"runtime:{name}", subject[:64], *map(int, pids))


class Lane:
    """One broker, one worker, and the containers of `subjects`, which register what is theirs."""

    def __init__(self, directory, runtime):
        self.directory = directory
        self.runtime = runtime
        self.keeper = os.getppid()
        self.state = os.path.join(directory, "w")
        self.run = os.path.join(directory, "r")
        self.url = f"unix://{directory}/b.sock"
        self.rootfs = os.path.join(directory, "rootfs")
        self.submissions = []
        self.ids = []       # of containers since the last look at everything
        self.failures = []
        self.owners = {}    # container -> subject
        self.at_errands = set()  # subjects that have asked for something of no container
        self.held = set()   # containers whose root filesystem is mounted for an operator
        self.kills = {"worker": 0, "broker": 0}
        self.kills_in_vain = 0  # of the worker, since a command has ended
        self.broker = self.worker = None
        self.workers = collections.deque(maxlen=30)  # that were killed last
        self.bystander = None
        self._lock = threading.RLock()
        self._sequences = {}
        self.make_rootfs()
        self.make_gates()
        self.points = Points(os.path.join(directory, "bin/points.sock"), self.on_point,
                             lambda error: self.fail(f"points: {error!r}"))
        self.points.start()
        self.start_broker()
        self.start_worker()

    def words_about(self, container):
        """What the last workers have said of a container."""
        return [line for worker in [*self.workers, self.worker] for line in list(worker.lines)
                if container[:12] in line]

    def fail(self, text):
        status = self.worker.process.poll()
        if status is not None:
            text += "\n".join([f"\n    the worker has ended by itself with {status}",
                               *self.worker.lines[-20:]])
        print(f"- {text}", flush=True)
        self.failures.append(text)

    def make_rootfs(self):
        for name in ["bin", "dev", "etc", "marks", "proc", "sys", "tmp"]:
            os.makedirs(os.path.join(self.rootfs, name))
        shutil.copy(BUSYBOX, os.path.join(self.rootfs, "bin/busybox"))
        for name in ["sh", "sleep"]:
            os.symlink("busybox", os.path.join(self.rootfs, "bin", name))

    def make_gates(self):
        os.makedirs(os.path.join(self.directory, "bin"))
        for name in RUNTIMES:
            shutil.copy(os.path.join(BUILD_DIR, "tests/runtime_gate"),
                        os.path.join(self.directory, "bin", name))

    # --- programs

    def start_broker(self):
        self.broker = Process([os.path.join(BUILD_DIR, "gantry-broker"), "--state",
                               os.path.join(self.directory, "b"), "--listen", self.url], None)

    def start_worker(self):
        self.worker = Process(
            ["/usr/bin/env", f"PATH={self.directory}/bin:{os.environ['PATH']}",
             f"GANTRY_KILL_POINTS_AT={self.directory}/bin/points.sock",
             os.path.join(BUILD_DIR, "tests/gantry-worker-kill-points"), "--broker", self.url,
             "--host", HOST, "--state", self.state, "--run", self.run, "--runtime", self.runtime,
             "--log-level", "debug"], None)

    def kill_worker(self):
        """False when it is spared: on a crowded host nothing would ever come to its end."""
        with self._lock:
            self.kills_in_vain += 1
            if self.kills_in_vain > KILLS_IN_VAIN_MAX:
                return False
            self.kills["worker"] += 1
            self.worker.stop_if_running()
            self.workers.append(self.worker)
            self.start_worker()
            return True

    def kill_broker(self):
        with self._lock:
            self.kills["broker"] += 1
            self.broker.stop_if_running()
            self.start_broker()

    def on_point(self, point):
        if point.name.startswith("committed:"):
            for owner in list(self.owners.values()):
                owner.on_commit()
        elif point.container in self.owners:
            self.owners[point.container].on_point(point)
        elif point.container in {NOBODY, "-"}:
            for owner in list(self.at_errands):
                owner.on_point(point)

    # --- asking

    def ask(self, client, kind, **body):
        """The answer, however often the broker dies meanwhile."""
        end = time.monotonic() + fleet.DEADLINE
        while time.monotonic() < end:
            try:
                answer = client.ask(kind, timeout=5 + body.get("wait_ms", 0) / 1000, **body)
            except nng.NngTimeout:
                client.dial_again()
                continue
            if answer.kind != "error" or answer["code"] != "busy":
                return answer
        raise Complaint(f"the broker does not answer {kind}")

    def say(self, client, number, kind, container, body):
        """Submit a command; its id. Each client counts its own."""
        sequence = self._sequences[number] = self._sequences.get(number, 0) + 1
        submission = Submission(clean({
            "kind": COMMAND, "type": kind if "." in kind else f"container.{kind}", "host": HOST,
            "container": container,
            "id": command_id(number, sequence), "happened": time.time_ns(), "body": body}))
        self.submissions.append(submission)
        raw = [submission.record.get(name) for name in fleet.RECORD_FIELDS]
        answer = self.ask(client, "submit", record=raw)
        submission.take(answer)
        if answer.kind != "submitted" or answer.get("code"):
            raise Complaint(f"{kind} was not taken: {answer}")
        return submission.id

    def outcome(self, client, identity, wait_ms=20000):
        """The command's row once it has ended; None when it has not after a shorter wait."""
        end = time.monotonic() + fleet.DEADLINE
        while time.monotonic() < end:
            answer = self.ask(client, "outcome", id=identity, wait_ms=wait_ms)
            if answer.kind != "outcome.is":
                raise Complaint(f"outcome: {answer}")
            if answer["command"]["state"] != 1:
                self.kills_in_vain = 0
                return answer["command"]
            if wait_ms < 20000:
                return None
        raise Complaint("the command has no outcome")

    def row(self, client, container):
        rows = self.ask(client, "query", table="containers", key=container).get("rows", [])
        return rows[0] if rows else None

    def wait_for(self, client, container, condition):
        """The container's row once the condition holds (it is given None when there is none)."""
        end = time.monotonic() + fleet.DEADLINE
        cursor = 0
        while True:
            row = self.row(client, container)
            if condition(row):
                return row
            if time.monotonic() > end:
                raise Complaint(f"not settled: {row and self.describe(row)}")
            page = self.ask(client, "watch", cursor=cursor, containers=[container], wait_ms=5000)
            cursor = page.get("cursor", cursor)

    def records_of(self, client, container):
        try:
            return client.watch_all(containers=[container])
        except nng.NngError:
            return []

    @staticmethod
    def describe(row):
        return {name: row.get(name) for name in ["state", "run", "pid", "conmon_pid", "exit_code", "failure"]}

    def story(self, client, container):
        """A container's records, for the report."""
        lines = []
        for record in self.records_of(client, container):
            body = {name: value for name, value in (record["body"] or {}).items()
                    if name not in {"config"}}
            lines.append(f"    {record['pos']} {record['type']} run={record['run']} "
                         f"i={record['incarnation']} {body}")
        return "\n".join(lines)

    # --- the host

    def conmons(self, container=""):
        """An orphan as soon as it works, so the keeper's child."""
        return [pid for pid in children(self.keeper)
                if "conmon" in words_of(pid).split(" ")[0] and container in words_of(pid)]

    def monitor_of(self, container):
        pid = read_number(f"{self.run}/containers/{container}/conmon.pid")
        return pid if pid and container in words_of(pid) else None

    def init_of(self, container):
        """Before the runtime has written the file, it may be there already."""
        pid = read_number(f"{self.run}/containers/{container}/pidfile")
        for path in cgroups_of(container):
            try:
                with open(os.path.join(path, "cgroup.procs")) as file:
                    pids = [int(word) for word in file.read().split()]
            except OSError:
                continue
            if pid in pids:
                return pid
        return None

    def leftovers(self, container):
        """Everything on the host that tells of a run of this container."""
        paths = glob.glob(f"{self.run}/exits/{container}*")
        paths += glob.glob(f"{self.run}/runtime/{container}*")
        paths += cgroups_of(container)
        if container not in self.held:
            paths += self.mounts_of(container)
        return paths + [f"conmon {pid}" for pid in self.conmons(container)]

    @staticmethod
    def mounts_of(container):
        with open("/proc/self/mountinfo") as file:
            return [line for line in file if container in line]

    def check_mounts(self, container, row):
        """The overlay of a run, or of an operator; not two, and none of a directory. And with a user
        namespace each volume and "idmap" bind of a run."""
        is_mounted = row["state"] in LIVE or container in self.held
        wanted = int(is_mounted and not row["config"].get("rootfs"))
        if row["state"] in LIVE and row["config"].get("uid_map"):
            wanted += sum(mount["type"] == "volume" or "idmap" in (mount.get("options") or [])
                          for mount in row["config"]["mounts"])
        found = self.mounts_of(container)
        if len(found) != wanted:
            raise Complaint(f"{wanted} mounts should be there: {found}")

    def wait_for_exit_files(self, container):
        """They go when what they say is durable, and the broker may have told of it before."""
        names = Inotify(f"{self.run}/exits", IN_DELETE)
        try:
            while glob.glob(f"{self.run}/exits/{container}*"):
                names.wait(EXIT_FILE_S)
        except TimeoutError:
            pass  # they are told as left
        finally:
            names.close()

    def check_at_rest(self, container):
        self.wait_for_exit_files(container)
        found = self.leftovers(container)
        if found:
            raise Complaint(f"left of a container at rest: {found}")

    def check_gone(self, container):
        self.check_at_rest(container)
        found = [path for directory in [self.state, self.run]
                 for path in glob.glob(f"{directory}/containers/{container}*")]
        if found:
            raise Complaint(f"left of a removed container: {found}")

    def check_live(self, container, row):
        """One of everything, and no more."""
        run_name = f"{container}-{row['run']}"
        conmons = self.conmons(container)
        if len(conmons) != 1 or run_name not in words_of(conmons[0]):
            raise Complaint(f"conmons of {run_name[-12:]}: {[words_of(pid) for pid in conmons]}")
        if self.init_of(container) != row["pid"] or row["pid"] not in children(conmons[0]):
            raise Complaint(f"init is {self.init_of(container)}, and the log says {row['pid']}")
        found = [os.path.basename(path) for path in
                 glob.glob(f"{self.run}/runtime/{container}*") +
                 glob.glob(f"{self.run}/exits/{container}*")]
        if found != [run_name]:
            raise Complaint(f"of run {row['run']} that is live there are {found}")
        self.check_limits(container, row)

    @staticmethod
    def check_limits(container, row):
        limit = row["config"].get("pids_limit")
        for path in cgroups_of(container):
            has = read_number(os.path.join(path, "pids.max"))
            if limit and has is not None and has != limit:
                raise Complaint(f"{path}/pids.max is {has}, and the log says {limit}")

    def check_container(self, container, row):
        if row is None:
            self.check_gone(container)
        elif row["state"] in LIVE:
            self.check_live(container, row)
            self.check_mounts(container, row)
        else:
            self.check_at_rest(container)
            self.check_mounts(container, row)

    # --- everything at once

    def config(self, container, command=SLEEPER, **fields):
        return {"name": f"c{container[-12:]}", "rootfs": self.rootfs, "network": "none",
                "command": ["/bin/sh", "-c", command], "env": [f"MARK={container}", "PATH=/bin"],
                **({"pids_limit": 100} if can_limit() else {}), **fields}

    def begin(self):
        """A container that nothing of all this may touch."""
        client = Client(self.url)
        self.worker.wait_for_line(r"link\.up")  # the broker has to know the host
        self.bystander = "b" * 32 + os.urandom(16).hex()
        for kind, body in [("create", {"config": self.config(self.bystander)}), ("start", {})]:
            self.outcome(client, self.say(client, 1, kind, self.bystander, body))
        row = self.wait_for(client, self.bystander,
                            lambda row: row is not None and row["state"] == RUNNING)
        self.bystander_pid = row["pid"]

    def end_worker(self):
        with self._lock:
            self.worker.wait_for_line(r"link\.up")  # before, SIGTERM ends it at once
            status = self.worker.terminate()
            self.worker.process.stderr.close()
        if status != 0:
            raise Complaint(f"the worker ended with {status}: {self.worker.lines[-20:]}")

    def check_everything(self):
        """While no subject has a container: whatever is there is the bystander's."""
        client = Client(self.url)
        self.end_worker()
        expected = [self.bystander] if self.bystander else []
        row = self.row(client, self.bystander) if self.bystander else None
        runs = [f"{self.bystander}-1"] if self.bystander else []
        found = {
            "containers": [one["id"] for one in client.query_all("containers")],
            "bundles": os.listdir(f"{self.state}/containers"),
            "directories": os.listdir(f"{self.run}/containers"),
            "runtime": os.listdir(f"{self.run}/runtime"),
            "exits": os.listdir(f"{self.run}/exits"),
            "probe": os.listdir(f"{self.run}/probe"),
            "cgroups": [path for one in self.ids for path in cgroups_of(one)],
            "mounts": self.mounts(),
            "volatile volumes": self.list_directory(f"{self.run}/volumes"),
            "staging": self.list_directory(f"{self.state}/storage/staging"),
            "uploads": self.list_directory(f"{self.state}/storage/uploads"),
            "images": self.list_directory(f"{self.state}/storage/images"),
            "layers": self.list_directory(f"{self.state}/storage/layers"),
            "links": [f"{len(self.list_directory(f'{self.state}/storage/l'))} links"],
            "volumes": self.list_directory(f"{self.state}/volumes"),
            "orphans": self.orphans(),
        }
        wanted = dict(dict.fromkeys(found, []), containers=expected, bundles=expected,
                      directories=expected, runtime=runs, **self.wanted_stock(client))
        for name, what in found.items():
            if what != wanted[name]:
                raise Complaint(f"{name}: there is {what}, and there should be {wanted[name]}")
        if row is not None:
            self.check_live(self.bystander, row)
            if row["pid"] != self.bystander_pid or row["state"] != RUNNING:
                raise Complaint(f"the bystander was hurt: {row}")
        self.ids.clear()
        self.start_worker()

    @staticmethod
    def list_directory(path):
        return sorted(os.listdir(path)) if os.path.isdir(path) else []

    @staticmethod
    def wanted_stock(client):
        """What the log says of images and volumes, as it should be on the disk."""
        images = [row["image"] for row in client.query_all("images")]
        layers = {layer["diff_id"].partition(":")[2]
                  for image in images for layer in image.get("layers") or []}
        return {"images": sorted(f"{image['id']}.json" for image in images),
                "layers": sorted(layers), "links": [f"{len(layers)} links"],
                "volumes": sorted(row["volume"]["name"] for row in client.query_all("volumes"))}

    def mounts(self):
        with open("/proc/self/mountinfo") as file:
            return [line for line in file
                    if self.directory in line or any(one in line for one in self.ids)]

    def orphans(self):
        allowed = {os.getpid(), *(self.conmons(self.bystander) if self.bystander else [])}
        return [f"{pid} {words_of(pid)}" for pid in children(self.keeper)
                if pid not in allowed and words_of(pid)]

    def finish(self):
        """All that is left to be said against this lane."""
        client = Client(self.url)
        if self.bystander:
            kept, self.bystander = self.bystander, None
            self.outcome(client, self.say(client, 1, "remove", kept,
                                          {"force": True, "timeout_s": 0}))
            self.ids.append(kept)
        self.check_everything()
        self.end_worker()
        history = History(**checker.read_log(client))
        history.submissions = self.submissions
        history.journals[HOST] = checker.dump_journal(os.path.join(self.state, "journal"), HOST)
        for path in glob.glob(os.path.join(self.rootfs, "marks", "*")):
            with open(path) as file:
                history.effects[os.path.basename(path)] = len(file.readlines())
        verified = subprocess.run([os.path.join(BUILD_DIR, "gantry"), "--broker", self.url, "log",
                                   "verify", "--rebuild"], capture_output=True, text=True,
                                  check=False)
        if verified.returncode != 0:
            self.fail(f"log verify: {verified.stdout} {verified.stderr}")
        self.failures += checker.check(history)
        return len(history.log)

    def destroy(self):
        """Whatever is left, by force."""
        self.worker.stop_if_running()
        for pid in [one for one in children(self.keeper) if one != os.getpid()]:
            for victim in [*children(pid), pid]:
                kill(victim)
        root = os.path.join(self.run, "runtime")
        for name in os.listdir(root) if os.path.isdir(root) else []:
            for runtime in RUNTIMES:
                subprocess.run([runtime, "--root", root, "delete", "--force", name], check=False,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.broker.stop_if_running()
        for line in reversed(self.mounts_of(self.directory)):
            subprocess.run(["umount", "-l", line.split()[4]], check=False)
        shutil.rmtree(self.directory, ignore_errors=True)


def run_under_keeper(function, *arguments):
    """Fork a keeper that adopts and reaps orphans, and below it `function`; its exit status."""
    keeper = os.fork()
    if keeper != 0:
        return keeper
    adopt_orphans()
    end_with_parent()
    child = os.fork()
    if child == 0:
        status = 1
        end_with_parent()
        try:
            status = function(*arguments)
        finally:
            sys.stdout.flush()
            os._exit(status)
    while True:
        pid, status = os.wait()
        if pid == child:
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
