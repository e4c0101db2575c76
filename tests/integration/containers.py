"""What the tests of the real worker share: real containers, and what is left of them here."""
import glob
import os
import secrets
import shutil
import subprocess

from fleet import BUILD_DIR, Client, DEADLINE, FleetTest, Process, command_id

HOST = "host-a"
BUSYBOX = "/bin/busybox"

CONFIGURED, CREATED, RUNNING, STOPPED, PAUSED, EXITED, REMOVING, STOPPING = range(1, 9)

# Says nothing, ends at SIGTERM.
SLEEPER = ["/bin/sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1000 & wait; done"]
# Does not care about SIGTERM.
STUBBORN = ["/bin/sh", "-c", "trap '' TERM; while :; do sleep 1000; done"]


class Worker(Process):
    """gantry-worker, or the one that kills itself at `kill_at`; `prefix` are words before both."""

    def __init__(self, test, kill_at=None, ready=r"link\.up", host=HOST, prefix=(),
                 level="debug", arguments=()):
        program = "tests/gantry-worker-kill-points" if kill_at else "gantry-worker"
        killing = ["/usr/bin/env", f"GANTRY_KILL_AT={kill_at}"] if kill_at else []
        super().__init__([*prefix, *killing, os.path.join(BUILD_DIR, program), "--broker", test.broker_url,
                          "--host", host, "--state", test.worker_state, "--run", test.worker_run,
                          "--log-level", level, *arguments], ready)

    def wait_for_end(self):
        status = self.process.wait(DEADLINE)
        self._reader.join(DEADLINE)
        return status


class ContainerTest(FleetTest):
    """A broker, a worker's directories, a root filesystem; containers go with the test."""

    def setUp(self):
        super().setUp()
        if os.geteuid() != 0:
            self.skipTest("only root can run containers")
        self.worker_state = os.path.join(self.directory, "w")
        self.worker_run = os.path.join(self.directory, "r")
        self.broker_url = f"unix://{self.directory}/b.sock"  # the same for each broker
        self.start_the_broker()
        self.sequence = 0
        self.containers = 0
        self.rootfs = self.make_rootfs()
        self.addCleanup(self.destroy_containers)

    def start_the_broker(self):
        self.broker = self.start_broker("--listen", self.broker_url)
        self.client = Client(self.broker.url)

    def make_rootfs(self):
        rootfs = os.path.join(self.directory, "rootfs")
        for name in ["bin", "dev", "etc", "proc", "sys", "tmp"]:
            os.makedirs(os.path.join(rootfs, name))
        shutil.copy(BUSYBOX, os.path.join(rootfs, "bin/busybox"))
        for name in ["sh", "sleep", "true", "false", "echo", "cat"]:
            os.symlink("busybox", os.path.join(rootfs, "bin", name))
        return rootfs

    def start_worker(self, **options):
        return self.start(Worker(self, **options))

    def destroy_containers(self):
        """Whatever a test has left: its own processes and the runtime's state."""
        for pid in self.processes():
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                pass
        root = os.path.join(self.worker_run, "runtime")
        for name in os.listdir(root) if os.path.isdir(root) else []:
            for runtime in ["runc", "crun"]:
                subprocess.run([runtime, "--root", root, "delete", "--force", name], check=False,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    # --- asking

    def say(self, kind, container=None, **body):
        """Submit a command; its id."""
        self.sequence += 1
        identity = command_id(0x7E57, self.sequence)
        answer = self.client.submit(type=f"container.{kind}", host=HOST, container=container,
                                    id=identity, body=body)
        self.assertEqual(answer.kind, "submitted", answer)
        self.assertFalse(answer.get("code"), answer)
        return identity

    def outcome(self, identity):
        """The command's row once it has ended."""
        while True:
            answer = self.client.ask("outcome", id=identity, wait_ms=20000)
            self.assertEqual(answer.kind, "outcome.is", answer)
            if answer["command"]["state"] != 1:
                return answer["command"]

    def do(self, kind, container=None, **body):
        row = self.outcome(self.say(kind, container, **body))
        self.assertEqual(row["state"], 2, row)
        return row

    def new_container(self):
        """Its control groups are the machine's: another run of this test may be beside us."""
        self.containers += 1
        return f"{secrets.token_hex(28)}{self.containers:08x}"

    def config(self, container, command, **fields):
        return {"name": f"c{container[-4:]}", "rootfs": self.rootfs, "command": command,
                "network": "none", **fields}

    def create(self, command, **fields):
        container = self.new_container()
        self.do("create", container, config=self.config(container, command, **fields))
        return container

    def row(self, container):
        rows = self.client.query_all("containers", key=container)
        return rows[0] if rows else None

    def wait_for(self, container, condition):
        """The container's row once the condition holds (it is given None when there is none)."""
        cursor = 0
        while True:
            row = self.row(container)
            if condition(row):
                return row
            page = self.client.ask("watch", cursor=cursor, containers=[container], wait_ms=20000)
            self.assertEqual(page.kind, "page", page)
            cursor = page.get("cursor", cursor)

    def wait_for_state(self, container, state):
        return self.wait_for(container, lambda row: row is not None and row["state"] == state)

    def events(self, container=None):
        containers = [container] if container else []
        return [record for record in self.client.watch_all(containers=containers)
                if record["kind"] == 2]

    def outcomes_of(self, identity):
        return [record["type"] for record in self.client.watch_all(types=["command."])
                if record["cause"] == identity]

    # --- what is left

    def processes(self):
        """The processes of this test's containers: each conmon's words hold our directory."""
        found = []
        needle = self.worker_run.encode()
        for path in glob.glob("/proc/[0-9]*/cmdline"):
            try:
                with open(path, "rb") as file:
                    words = file.read()
            except OSError:
                continue
            if b"conmon" in words and needle in words:
                pid = int(path.split("/")[2])
                found += [pid, *self.children(pid)]
        return found

    @staticmethod
    def children(pid):
        try:
            with open(f"/proc/{pid}/task/{pid}/children") as file:
                return [int(word) for word in file.read().split()]
        except OSError:
            return []

    def conmons(self, container):
        needle = container.encode()
        found = []
        for path in glob.glob("/proc/[0-9]*/cmdline"):
            try:
                with open(path, "rb") as file:
                    words = file.read()
            except OSError:
                continue
            if b"conmon" in words.split(b"\0")[0] and needle in words and \
                    self.worker_run.encode() in words:
                found.append(int(path.split("/")[2]))
        return found

    def leftovers(self, container):
        """Everything on the host that tells of a run of this container."""
        paths = []
        for pattern in [f"{self.worker_run}/exits/{container}*",
                        f"{self.worker_run}/runtime/{container}*",
                        f"/sys/fs/cgroup/gantry/{container}*",
                        f"/sys/fs/cgroup/*/gantry/{container}*"]:
            paths += glob.glob(pattern)
        with open("/proc/self/mountinfo") as file:
            paths += [line for line in file if container in line]
        return paths + [f"conmon {pid}" for pid in self.conmons(container)]

    def assert_at_rest(self, container):
        """No process, no runtime state, no exit file, no control group, no mount."""
        self.assertEqual(self.leftovers(container), [])

    def assert_gone(self, container):
        self.assert_at_rest(container)
        self.assertEqual(glob.glob(f"{self.worker_state}/containers/{container}*"), [])
        self.assertEqual(glob.glob(f"{self.worker_run}/containers/{container}*"), [])

    def assert_running(self, container):
        row = self.row(container)
        self.assertEqual(row["state"], RUNNING, row)
        self.assertEqual(len(self.conmons(container)), 1)
        self.assertTrue(os.path.exists(f"/proc/{row['pid']}"))
        self.assertEqual(glob.glob(f"{self.worker_run}/exits/*"), [])

    def assert_journal_is_whole(self):
        """Every event of the host is in the log once, in the order of its journal."""
        sequences = [record["journal_seq"] for record in self.client.watch_all()
                     if record["stream"] == f"evt/{HOST}"]
        self.assertEqual(sequences, list(range(1, len(sequences) + 1)))
