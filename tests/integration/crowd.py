"""Many containers on one worker: all of them made, started and ended in bounded parallel, followed by
one subscriber; and an inventory of whatever a host may keep of them."""
import collections
import glob
import os
import signal
import subprocess
import threading
import time

from containers import HOST, ContainerTest, Worker
from fleet import Client, DEADLINE, command_id, read_record

AT_ONCE = 64  # commands that are under way
DONE = "command.done"


class Follower(threading.Thread):
    """A subscriber in a thread of its own: what came, how often and when."""

    def __init__(self, url, cursor):
        super().__init__(daemon=True)
        self.client = Client(url)
        self.cursor = cursor
        self.outcomes = {}
        self.events = collections.defaultdict(list)  # (container, type): [(time, record)]
        self.counts = collections.Counter()
        self.changed = threading.Condition()
        self.start()

    def run(self):
        while True:
            page = self.client.ask("watch", cursor=self.cursor, wait_ms=20000, kind=2)
            now = time.monotonic()
            self.cursor = page.get("cursor", self.cursor)
            with self.changed:
                for values in page.get("records", []):
                    self.take(read_record(values), now)
                self.changed.notify_all()

    def take(self, record, now):
        if record["type"].startswith("command."):
            self.outcomes[record["cause"]] = (now, record)
        else:
            self.events[record["container"], record["type"]].append((now, record))
            self.counts[record["type"]] += 1

    def wait_until(self, condition):
        """The deadline is for something to happen at all: a crowd takes its time."""
        with self.changed:
            while not condition():
                if not self.changed.wait(DEADLINE):
                    raise TimeoutError(f"nothing happens any more: {dict(self.counts)}")

    def when(self, container, kind):
        """When the first of these events came; waits for it."""
        key = (container, f"container.{kind}")
        self.wait_until(lambda: key in self.events)
        return self.events[key][0][0]

    def times(self, kind):
        """When each container's first event of this kind came."""
        return sorted(came[0][0] for (_, has), came in list(self.events.items())
                      if has == f"container.{kind}")


class CrowdTest(ContainerTest):

    def setUp(self):
        super().setUp()
        self.worker = self.start_worker()
        self.follower = Follower(self.broker.url, self.client.ask("info").get("head", 0))

    def start_worker(self, **options):
        return self.start(Worker(self, level="info", **options))

    def do_all(self, kind, containers, body):
        """Say it of each, a bounded number at a time; all must succeed. Seconds."""
        began = time.monotonic()
        waiting = collections.deque(containers)
        pending = {}
        while waiting or pending:
            while waiting and len(pending) < AT_ONCE:
                container = waiting.popleft()
                pending[self.say(kind, container, **body(container))] = container
            self.follower.wait_until(lambda: pending.keys() & self.follower.outcomes.keys())
            for identity in pending.keys() & self.follower.outcomes.keys():
                _, outcome = self.follower.outcomes.pop(identity)
                self.assertEqual(outcome["type"], DONE, outcome)
                del pending[identity]
        return time.monotonic() - began

    def create_all(self, count, command):
        """`command` is asked with the number of each."""
        containers = [self.new_container() for _ in range(count)]
        number = {container: i for i, container in enumerate(containers)}
        took = self.do_all("create", containers, lambda container: {
            "config": {"name": f"c{number[container]}", "rootfs": self.rootfs, "network": "none",
                       "command": command(number[container])}})
        return containers, took

    def start_all(self, containers):
        return self.do_all("start", containers, lambda container: {})

    def remove_all(self, containers):
        return self.do_all("remove", containers, lambda container: {})

    def rows(self):
        return {row["id"]: row for row in self.client.query_all("containers")}

    def die_again(self, worker):
        """SIGKILL, and another one. The new one, and when it was started."""
        worker.kill()
        began = time.monotonic()
        return self.start_worker(ready=None), began

    def first_word(self, worker, began, container):
        """Seconds until the worker has carried out a command that has waited for it."""
        renamed = self.rename(container)
        self.follower.wait_until(lambda: renamed in self.follower.outcomes)
        when, outcome = self.follower.outcomes.pop(renamed)
        self.assertEqual(outcome["type"], DONE, "\n".join(worker.lines[-20:]))
        return when - began

    def rename(self, container):
        self.sequence += 1
        identity = command_id(0x7E57, self.sequence)
        self.client.submit(type="container.rename", host=HOST, container=container, id=identity,
                           body={"name": f"renamed{self.sequence}"})
        return identity

    def calls_of_worker(self, seconds):
        """Each system call of each of its threads in this time: lines of strace, split."""
        path = os.path.join(self.directory, "strace")
        strace = subprocess.Popen(["strace", "-f", "-tt", "-o", path, "-p", str(self.worker.pid)],
                                  stderr=subprocess.DEVNULL)
        threading.Event().wait(seconds)  # a stretch of time is what it is about
        strace.send_signal(signal.SIGINT)
        strace.wait(DEADLINE)
        with open(path, encoding="utf-8") as file:
            lines = [line.split(None, 2) for line in file]
        # Each thread's wait is interrupted once by the attaching, which shows at its time.
        attached = lines[0][1][:8]
        return [line for line in lines if line[1][:8] > attached]

    def inventory(self, containers):
        """All that the host has of these containers, or of this worker's directories."""
        ours = set(containers)
        found = []
        for directory in ["exits", "runtime", "containers"]:
            found += glob.glob(f"{self.worker_run}/{directory}/*")
        found += glob.glob(f"{self.worker_state}/containers/*")
        for pattern in ["/sys/fs/cgroup/gantry/*", "/sys/fs/cgroup/*/gantry/*"]:
            found += [path for path in glob.glob(pattern) if os.path.basename(path) in ours]
        with open("/proc/self/mountinfo", encoding="utf-8") as file:
            found += [line for line in file if self.directory in line]
        return found + [f"process {pid}" for pid in self.processes()]
