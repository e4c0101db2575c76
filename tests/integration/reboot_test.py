"""The host restarted under real containers: all processes are gone at once, the run directory is
empty, and the kernel has another boot id. What the disk has kept is read, policies go on, and
nothing is left over.

The boot id that the worker sees is a file, mounted over the kernel's in a mount namespace of its
own.
"""
import glob
import os
import select
import shutil
import uuid

from containers import (CONFIGURED, CREATED, EXITED, PAUSED, RUNNING, SLEEPER, STUBBORN,
                        ContainerTest, Worker)
from fleet import DEADLINE, main

# Ends at SIGTERM as a program does that has something to tidy up: with the code given.
TIDY = "trap 'exit {}' TERM; while :; do sleep 1000 & wait; done"

ENTER = 'mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@"'


def wait_for_ends(pidfds):
    """Each is readable when its process has ended."""
    poll = select.poll()
    for fd in pidfds:
        poll.register(fd, select.POLLIN)
    waiting = set(pidfds)
    while waiting:
        ready = poll.poll(DEADLINE * 1000)
        if not ready:
            raise TimeoutError("processes do not end")
        for fd, _ in ready:
            poll.unregister(fd)
            waiting.remove(fd)
            os.close(fd)


def end(pids, signal, then=lambda: None):
    pidfds = [os.pidfd_open(pid) for pid in pids]
    for pid in pids:
        os.kill(pid, signal)
    then()
    wait_for_ends(pidfds)


class Reboot(ContainerTest):

    def setUp(self):
        super().setUp()
        self.boot_id = os.path.join(self.directory, "boot_id")
        self.boot()

    def boot(self):
        with open(self.boot_id, "w", encoding="ascii") as file:
            file.write(f"{uuid.uuid4()}\n")

    def start_worker(self, **options):
        prefix = ["unshare", "--mount", "sh", "-c", ENTER, self.boot_id]
        return self.start(Worker(self, prefix=prefix, **options))

    def conmon_pids(self):
        """Of all containers."""
        return [pid for pid in self.processes() if self.is_conmon(pid)]

    @staticmethod
    def is_conmon(pid):
        with open(f"/proc/{pid}/comm", encoding="ascii") as file:
            return file.read() == "conmon\n"

    def pull_the_plug(self):
        """Nobody has the time to write anything: conmon goes first."""
        monitors = self.conmon_pids()
        inits = [pid for monitor in monitors for pid in self.children(monitor)]
        end(monitors, 9)
        end(inits, 9, self.thaw)
        self.forget_this_boot()

    def shut_down(self):
        """In good order: every container is told to end, and its conmon sees it."""
        pidfds = [os.pidfd_open(pid) for pid in self.conmon_pids()]
        for monitor in self.conmon_pids():
            for pid in self.children(monitor):
                os.kill(pid, 15)
        wait_for_ends(pidfds)
        self.forget_this_boot()

    def control_groups(self, file=""):
        return [path for container in os.listdir(os.path.join(self.worker_state, "containers"))
                for parent in ["/sys/fs/cgroup/gantry/", "/sys/fs/cgroup/*/gantry/"]
                for path in glob.glob(parent + container + file)]

    def thaw(self):
        """What is frozen dies only then."""
        for name, word in [("/freezer.state", "THAWED"), ("/cgroup.freeze", "0")]:
            for path in self.control_groups(name):
                with open(path, "w", encoding="ascii") as file:
                    file.write(word)

    def forget_this_boot(self):
        """The run directory is on a tmpfs, control groups are the kernel's."""
        shutil.rmtree(self.worker_run)
        for path in self.control_groups():
            os.rmdir(path)
        self.boot()

    def running(self, command=SLEEPER, **fields):
        container = self.create(command, **fields)
        self.do("start", container)
        return container

    def tidy(self, code, **fields):
        """Runs, and its trap is set: it says so by a file."""
        ready = f"/tmp/ready-{self.containers}"
        os.mkfifo(self.rootfs + ready)
        script = TIDY.format(code).replace("do sleep", f"do echo > {ready} & sleep", 1)
        container = self.running(["/bin/sh", "-c", script], **fields)
        with open(self.rootfs + ready, encoding="ascii") as fifo:
            fifo.read()
        return container

    def wait_for_run(self, container, run):
        return self.wait_for(container, lambda row: row["run"] == run and row["state"] == RUNNING)

    def kept_exits(self, container):
        return glob.glob(f"{self.worker_state}/containers/{container}/exits/*")

    def check_end(self, *containers):
        """All goes, nothing stays, and nothing was journalled twice."""
        for container in containers:
            if self.row(container) is not None:
                self.do("remove", container, force=True, timeout_s=0)
            self.assert_gone(container)
        self.assert_journal_is_whole()

    def types(self, container):
        return [record["type"].removeprefix("container.") for record in self.events(container)
                if record["type"].startswith("container.")]

    def test_the_plug_is_pulled(self):
        worker = self.start_worker()
        plain = self.running()
        always = self.running(restart_policy="always")
        unless = self.running(restart_policy="unless-stopped")
        failing = self.running(restart_policy="on-failure", restart_retries=1)
        removing_itself = self.running(auto_remove=True)
        always_stopped = self.running(restart_policy="always")
        unless_stopped = self.running(restart_policy="unless-stopped")
        for container in [always_stopped, unless_stopped]:
            self.do("stop", container, timeout_s=0)
        paused = self.running()
        self.do("pause", paused)
        self.wait_for_state(paused, PAUSED)
        created = self.create(SLEEPER)
        self.do("init", created)
        self.wait_for_state(created, CREATED)
        never = self.create(SLEEPER, restart_policy="always")
        stopping = self.running(STUBBORN)
        stop = self.say("stop", stopping, timeout_s=100000)
        worker.wait_for_line(f"step.done.*{stopping}.*signal-stop")
        worker.kill()
        self.pull_the_plug()

        worker = self.start_worker()
        for container in [plain, paused, stopping]:
            row = self.wait_for_state(container, EXITED)
            self.assertTrue(row["exit_unknown"], row)
            self.assert_at_rest(container)
            self.assertEqual(self.kept_exits(container), [])
        self.assertEqual(self.outcome(stop)["state"], 2)
        for container in [always, unless, failing, always_stopped]:
            self.wait_for_run(container, 2)
        self.wait_for(removing_itself, lambda row: row is None)
        self.wait_for_state(created, CONFIGURED)
        self.assertEqual(self.row(unless_stopped)["state"], EXITED)
        self.assertEqual(self.row(never)["state"], CONFIGURED)
        self.assertEqual(self.types(always), [
            "created", "initialized", "started", "died", "cleaned", "restarting", "initialized",
            "started"])
        for container in [unless_stopped, created, never]:
            self.assert_at_rest(container)

        # on-failure has had its one restart.
        worker.kill()
        self.pull_the_plug()
        self.start_worker()
        self.wait_for_state(failing, EXITED)
        self.assertEqual(self.row(failing)["run"], 2)
        self.check_end(plain, always, unless, failing, removing_itself, always_stopped,
                       unless_stopped, paused, created, never, stopping)

    def test_the_host_is_shut_down_in_order(self):
        worker = self.start_worker()
        plain = self.tidy(5)
        well = self.tidy(0, restart_policy="on-failure")
        ill = self.tidy(6, restart_policy="on-failure")
        worker.kill()
        self.shut_down()
        for container in [plain, well, ill]:
            self.assertEqual(len(self.kept_exits(container)), 1)

        self.start_worker()
        for container, code in [(plain, 5), (well, 0)]:
            row = self.wait_for_state(container, EXITED)
            self.assertFalse(row.get("exit_unknown"), row)
            self.assertEqual(row.get("exit_code", 0), code, row)
            self.assert_at_rest(container)
            self.assertEqual(self.kept_exits(container), [])
        self.wait_for_run(ill, 2)
        died, = [record for record in self.events(ill) if record["type"] == "container.died"]
        self.assertEqual(died["body"]["exit_code"], 6)
        self.check_end(plain, well, ill)

    def test_a_start_that_waits_for_another_goes_on(self):
        first = self.start_worker()
        needed = self.create(SLEEPER)
        needing = self.create(SLEEPER, requires=[needed])
        self.assertEqual(first.terminate(), 0)
        worker = self.start_worker(kill_at="before:create-runtime")
        start = self.say("start", needing)
        self.assertEqual(worker.wait_for_end(), -9)
        self.pull_the_plug()

        self.start_worker()
        self.assertEqual(self.outcome(start)["state"], 2)
        self.assert_running(needed)
        self.assert_running(needing)
        self.check_end(needing, needed)

    def test_a_start_that_may_have_had_its_effect_fails(self):
        first = self.start_worker()
        container = self.create(SLEEPER)
        insistent = self.create(SLEEPER, restart_policy="always")
        self.assertEqual(first.terminate(), 0)
        for one in [container, insistent]:
            worker = self.start_worker(kill_at="after:start-runtime")
            start = self.say("start", one)
            self.assertEqual(worker.wait_for_end(), -9)
            self.pull_the_plug()
            worker = self.start_worker()
            row = self.outcome(start)
            self.assertEqual(row["state"], 3, row)
            self.assertIn("host was restarted", row["text"])
            self.assertEqual(self.outcomes_of(start), ["command.failed"])
            if one == container:
                self.wait_for_state(one, CONFIGURED)
                self.assert_at_rest(one)
            else:
                self.wait_for_run(one, 2)
            self.assertEqual(worker.terminate(), 0)
        self.start_worker()
        self.check_end(container, insistent)

    def test_a_worker_killed_while_it_takes_up_what_a_restart_left(self):
        first = self.start_worker()
        plain = self.running()
        always = self.running(restart_policy="always")
        first.kill()
        self.pull_the_plug()
        for point in ["before:resume", "committed:1", "before:create-runtime",
                      "after:create-runtime", "after:start-runtime"]:
            worker = self.start_worker(kill_at=point, ready=r"journal\.open")
            self.assertEqual(worker.wait_for_end(), -9, point)
        self.start_worker()
        self.wait_for_state(plain, EXITED)
        self.wait_for_run(always, 2)
        self.assertEqual(self.types(plain).count("died"), 1)
        self.assert_at_rest(plain)
        self.check_end(plain, always)


if __name__ == "__main__":
    main()
